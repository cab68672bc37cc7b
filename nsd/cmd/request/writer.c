/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_writer: answers that the driver's loop delivers, so that no connection thread waits for the client.
 *
 * All answers are delivered that way here; these are NaviServer's names for it.
 */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "cmd/cmds.h"
#include "cmd/request/conncmd.h"
#include "request/codec.h"
#include "request/connio.h"

static Ns_ObjvValueRange offsetRange = {0, LLONG_MAX};
static Ns_ObjvValueRange lengthRange = {1, LLONG_MAX};
static Ns_ObjvValueRange sizeRange = {1024, INT_MAX};

/* A range of an open file. */
typedef struct Part {
    int    fd;
    off_t  offset;
    size_t len;
} Part;

/* ---- what is submitted is the rest of the answer ---- */

static void
SetLength(NsConn *conn, size_t len)
{
    if ((conn->pub.flags & (NS_CONN_SENTHDRS | NS_CONN_SKIPHDRS)) == 0u && conn->responseLength < 0
        && Ns_SetIFind(conn->pub.outputheaders, "content-length") < 0) {
        Ns_ConnSetLengthHeader(&conn->pub, len, false);
    }
}

/* 1 as the result: the loop has it all, and nothing more can be written. */
static int
Submitted(Tcl_Interp *interp, NsConn *conn, Ns_ReturnCode status)
{
    NsConnFinish(conn);
    return NsCmdStatusResult(interp, status);
}

/* Characters are bytes here; those past 255, of which half would be lost, begin with C4 or more in Tcl's UTF-8. */
static bool
IsBytes(Tcl_Obj *obj)
{
    const char *text;
    int         length, i = 0;

    if (!NsObjIsBinary(obj)) {
        text = Tcl_GetStringFromObj(obj, &length);
        while (i < length && (unsigned char)text[i] < 0xC4) {
            i++;
        }
        return i == length;
    }
    return true;
}

static int
WriterSubmitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsConn       *conn;
    Tcl_Obj      *data;
    struct iovec  iov;
    int           length;
    Ns_ObjvSpec   args[] = {
        {"data", Ns_ObjvObj, &data, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    if (!IsBytes(data)) {
        Ns_TclPrintfResult(interp, "data must be bytes: it has characters beyond 255");
        return TCL_ERROR;
    }
    iov.iov_base = Tcl_GetByteArrayFromObj(data, &length);
    iov.iov_len = (size_t)length;
    SetLength(conn, iov.iov_len);
    return Submitted(interp, conn, NsConnSend(conn, &iov, length > 0 ? 1 : 0, 0u));
}

/* Length 0: to the end of the file. */
static int
OpenPart(Tcl_Interp *interp, const char *file, Tcl_WideInt offset, Tcl_WideInt length, Part *part)
{
    struct stat st;
    int         code = TCL_ERROR;

    if (NsFileStat(file, &st) != 0) {
        Ns_TclPrintfResult(interp, "file does not exist '%s'", file);
        return TCL_ERROR;
    }
    part->fd = NsFileOpen(file, O_RDONLY | O_NONBLOCK, 0);  /* a pipe would wait for its other end */
    if (part->fd < 0 || fstat(part->fd, &st) != 0) {
        Ns_TclPrintfResult(interp, "could not open file '%s'", file);
    } else if (!S_ISREG(st.st_mode)) {
        Ns_TclPrintfResult(interp, "no regular file '%s'", file);
    } else if (offset > st.st_size) {
        Ns_TclPrintfResult(interp, "offset must be a positive value less or equal filesize");
    } else if (length > st.st_size - offset) {
        Ns_TclPrintfResult(interp, "offset + size must be less or equal filesize");
    } else {
        part->offset = (off_t)offset;
        part->len = (size_t)(length > 0 ? length : st.st_size - offset);
        code = TCL_OK;
    }
    if (code != TCL_OK && part->fd >= 0) {
        close(part->fd);
    }
    return code;
}

/* Gives the files to the loop, in any case. */
static int
SubmitParts(Tcl_Interp *interp, NsConn *conn, Part *parts, int count, const char *type)
{
    Ns_ReturnCode status = NS_OK;
    size_t        total = 0;
    int           i;

    for (i = 0; i < count; i++) {
        total += parts[i].len;
    }
    if (type != NULL) {
        Ns_ConnSetTypeHeader(&conn->pub, type);
    }
    SetLength(conn, total);
    for (i = 0; i < count; i++) {
        if (status == NS_OK && conn->sock != NULL) {
            status = NsConnSendFile(conn, parts[i].fd, parts[i].offset, parts[i].len);
        } else {
            /* The client is gone, or the announced length is reached. */
            if (status == NS_OK && parts[i].len > 0) {
                Ns_Log(Warning, "%s: %lu bytes of a file are beyond the content-length and left out",
                       conn->pub.request.rawUrl, (unsigned long)parts[i].len);
            }
            close(parts[i].fd);
        }
    }
    return Submitted(interp, conn, status);
}

static int
WriterSubmitFileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         headers = 0;
    Tcl_WideInt offset = 0, size = 0;
    char       *file;
    NsConn     *conn;
    Part        part;
    Ns_ObjvSpec opts[] = {
        {"-headers", Ns_ObjvBool,    &headers, NULL},
        {"-offset",  Ns_ObjvMemUnit, &offset,  &offsetRange},
        {"-size",    Ns_ObjvMemUnit, &size,    &lengthRange},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"filename", Ns_ObjvString, &file, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL
        || OpenPart(interp, file, offset, size, &part) != TCL_OK) {
        return TCL_ERROR;
    }
    return SubmitParts(interp, conn, &part, 1, headers ? Ns_GetMimeType(file) : NULL);
}

static int
RangeError(Tcl_Interp *interp, const char *key, const Ns_ObjvValueRange *range, Tcl_WideInt value)
{
    Ns_TclPrintfResult(interp, "expected integer in range [%lld,MAX] for '%s', but got %lld", (long long)range->minValue,
                       key, (long long)value);
    return TCL_ERROR;
}

/* {filename F ?-offset n? ?-length n?} */
static int
OpenSpec(Tcl_Interp *interp, Tcl_Obj *spec, Part *part, const char **file)
{
    static const char *const keys[] = {"filename", "-offset", "-length", NULL};
    enum { FILENAME, OFFSET };
    Tcl_WideInt    values[] = {0, 0, 0};
    Tcl_DictSearch search;
    Tcl_Obj       *key, *value;
    int            done, index, code = TCL_OK;

    *file = NULL;
    if (Tcl_DictObjFirst(interp, spec, &search, &key, &value, &done) != TCL_OK) {
        return TCL_ERROR;
    }
    for (; !done && code == TCL_OK; Tcl_DictObjNext(&search, &key, &value, &done)) {
        code = Tcl_GetIndexFromObj(interp, key, keys, "key of a file", TCL_EXACT, &index);
        if (code == TCL_OK && index == FILENAME) {
            *file = Tcl_GetString(value);
        } else if (code == TCL_OK) {
            const Ns_ObjvValueRange *range = index == OFFSET ? &offsetRange : &lengthRange;

            code = Ns_TclGetMemUnitFromObj(interp, value, &values[index]);
            if (code == TCL_OK && values[index] < range->minValue) {
                code = RangeError(interp, keys[index], range, values[index]);
            }
        }
    }
    Tcl_DictObjDone(&search);
    if (code == TCL_OK && *file == NULL) {
        Ns_TclPrintfResult(interp, "missing filename in dict");
        code = TCL_ERROR;
    }
    return code == TCL_OK ? OpenPart(interp, *file, values[1], values[2], part) : code;
}

/* All of them are opened before the first byte is sent. */
static int
SubmitSpecs(Tcl_Interp *interp, NsConn *conn, bool headers, int count, Tcl_Obj *const *specs)
{
    Part       *parts = ns_calloc((size_t)count, sizeof(Part));
    const char *file, *first = NULL;
    int         i, code = TCL_OK;

    for (i = 0; i < count && code == TCL_OK; i++) {
        code = OpenSpec(interp, specs[i], &parts[i], &file);
        if (i == 0 && code == TCL_OK) {
            first = file;
        }
    }
    if (code == TCL_OK) {
        code = SubmitParts(interp, conn, parts, count, headers ? Ns_GetMimeType(first) : NULL);
    } else {
        while (--i > 0) {                      /* the last one has failed */
            close(parts[i - 1].fd);
        }
    }
    ns_free(parts);
    return code;
}

static int
WriterSubmitFilesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         headers = 0, count, code = TCL_ERROR;
    Tcl_Obj    *list, **specs;
    NsConn     *conn;
    Ns_ObjvSpec opts[] = {
        {"-headers", Ns_ObjvBool, &headers, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"filespecs", Ns_ObjvObj, &list, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    list = Tcl_DuplicateObj(list);             /* a list as long as it is ours */
    Tcl_IncrRefCount(list);
    if (Tcl_ListObjGetElements(NULL, list, &count, &specs) != TCL_OK) {
        Ns_TclPrintfResult(interp, "not a valid list of files: '%s'", Tcl_GetString(list));
    } else if (count == 0) {
        Ns_TclPrintfResult(interp, "The provided list has to contain at least one file spec");
    } else {
        code = SubmitSpecs(interp, conn, headers != 0, count, specs);
    }
    Tcl_DecrRefCount(list);
    return code;
}

/* ---- what is under way ---- */

typedef struct Walk {
    const NsServer *server;
    Tcl_Obj        *list;
} Walk;

static bool
AppendDeliveries(NsDriver *driver, void *arg)
{
    Walk *walk = arg;

    NsDriverAppendDeliveries(driver, walk->server, walk->list);
    return true;
}

static int
WriterListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Server  *server = NULL;
    Walk        walk;
    Ns_ObjvSpec opts[] = {
        {"-server", Ns_ObjvServer, &server, NULL},
        {NULL, NULL, NULL, NULL}
    };

    (void)clientData;
    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    walk = (Walk){server, Tcl_NewListObj(0, NULL)};
    NsDriverEach(AppendDeliveries, &walk);
    Tcl_SetObjResult(interp, walk.list);
    return TCL_OK;
}

/* ---- parameters of a driver ---- */

/* The one of this name, or that of the request. */
static NsDriver *
FindDriver(Tcl_Interp *interp, ClientData clientData, const char *name)
{
    NsDriver    *driver = NULL;
    const NsConn *conn;

    if (name == NULL) {
        conn = NsCmdConn(interp, clientData);
        driver = conn != NULL ? conn->driver : NULL;
    } else {
        driver = NsDriverFind(NULL, name);
        if (driver == NULL) {
            Ns_TclPrintfResult(interp, "no writer configured for a driver with name %s", name);
        }
    }
    return driver;
}

/*
 * ?-driver driver? ?value?, or as it was once: driver ?value?.  One word is a driver when it cannot be a value, as far as
 * its first character tells (`loneDriver`).
 */
static int
ParseParameter(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool loneDriver, char **name, Ns_ObjvSpec *value)
{
    const char *first = objc > 2 ? Tcl_GetString(objv[2]) : "-";
    Ns_ObjvSpec opts[] = {
        {"-driver", Ns_ObjvString, name, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {*value, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec oldArgs[] = {
        {"driver", Ns_ObjvString, name, NULL},
        *value,
        {NULL, NULL, NULL, NULL}
    };
    bool        old = *first != '-' && (objc == 4 || (objc == 3 && loneDriver && !isdigit((unsigned char)*first)));

    return Ns_ParseObjv(old ? NULL : opts, old ? oldArgs : args, interp, 2, objc, objv) == NS_OK ? TCL_OK : TCL_ERROR;
}

static int
WriterSizeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name = NULL;
    Tcl_WideInt value = -1;
    NsDriver  *driver;
    Ns_ObjvSpec spec = {"?value", Ns_ObjvMemUnit, &value, &sizeRange};

    if (ParseParameter(interp, objc, objv, true, &name, &spec) != TCL_OK
        || (driver = FindDriver(interp, clientData, name)) == NULL) {
        return TCL_ERROR;
    }
    if (value >= 0) {
        atomic_store(&driver->maxQueueMemory, (size_t)value);
    }
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)atomic_load(&driver->maxQueueMemory)));
    return TCL_OK;
}

static int
WriterStreamingObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name = NULL;
    int         value = -1;
    NsDriver  *driver;
    Ns_ObjvSpec spec = {"?value", Ns_ObjvBoolean, &value, NULL};

    if (ParseParameter(interp, objc, objv, false, &name, &spec) != TCL_OK
        || (driver = FindDriver(interp, clientData, name)) == NULL) {
        return TCL_ERROR;
    }
    if (value >= 0) {
        atomic_store(&driver->streaming, value != 0);
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(atomic_load(&driver->streaming)));
    return TCL_OK;
}

static int
WriterObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"list",        WriterListObjCmd},
        {"size",        WriterSizeObjCmd},
        {"streaming",   WriterStreamingObjCmd},
        {"submit",      WriterSubmitObjCmd},
        {"submitfile",  WriterSubmitFileObjCmd},
        {"submitfiles", WriterSubmitFilesObjCmd},
        {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

const NsCmd nsWriterCmds[] = {
    {"ns_writer", WriterObjCmd, 0},
    {NULL, NULL, 0}
};
