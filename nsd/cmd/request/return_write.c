/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Answers in pieces: ns_headers, ns_write, ns_startcontent, and what is copied from channels.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "conf/charset.h"
#include "cmd/request/conncmd.h"
#include "request/codec.h"
#include "request/connio.h"
#include "request/return.h"

#define COPY_SIZE 65536

static Ns_ObjvValueRange statusRange = {100, 599};
static Ns_ObjvValueRange lengthRange = {0, LLONG_MAX};

int
NsHeadersObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         status, binary = 0;
    Tcl_WideInt length = -1;
    Tcl_Obj    *type = NULL;
    NsConn     *conn;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL},
        {"--",      Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"status",    Ns_ObjvInt, &status, &statusRange},
        {"?mimetype", Ns_ObjvObj, &type, NULL},
        {"?length",   Ns_ObjvWideInt, &length, &lengthRange},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL
        || (type != NULL && !NsCmdHeaderValueOk(interp, "content-type", type))) {
        return TCL_ERROR;
    }
    Ns_ConnSetResponseStatus(&conn->pub, status);
    if (type != NULL && binary) {
        Ns_ConnSetTypeHeader(&conn->pub, Tcl_GetString(type));
    } else if (type != NULL) {
        NsConnSetTextType(conn, Tcl_GetString(type));
    }
    Ns_ConnSetLengthHeader(&conn->pub, length >= 0 ? (size_t)length : 0, length < 0);
    conn->headersGiven = true;
    return NsCmdStatusResult(interp, NS_OK);
}

/* The script writes the head itself, as a part of its data: all goes out as it is, until the connection ends. */
static void
TakeHeadAsWritten(NsConn *conn)
{
    if (!conn->headersGiven && (conn->pub.flags & (NS_CONN_SENTHDRS | NS_CONN_SKIPHDRS)) == 0) {
        conn->pub.flags |= NS_CONN_SKIPHDRS;
        conn->pub.flags &= ~NS_CONN_SKIPBODY;
    }
}

int
NsStartContentObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char        *charset = NULL, *type = NULL;
    Tcl_Encoding encoding = NULL;
    NsConn      *conn = NsCmdConn(interp, clientData);
    Ns_ObjvSpec  opts[] = {
        {"-charset", Ns_ObjvString, &charset, NULL},
        {"-type",    Ns_ObjvString, &type, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (conn == NULL || Ns_ParseObjv(opts, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (charset != NULL && type != NULL) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("only one of -charset or -type may be specified", -1));
        return TCL_ERROR;
    }
    if (charset != NULL) {
        encoding = NsCharsetEncoding(charset);
        if (encoding == NULL) {
            Ns_TclPrintfResult(interp, "no encoding for charset: %s", charset);
            return TCL_ERROR;
        }
    } else if (type != NULL) {
        bool binary;

        encoding = NsTypeEncoding(type, conn->server->opts.outputCharset, &binary);
    }
    if (encoding != NULL) {
        conn->encoding = encoding;
    }
    return TCL_OK;
}

int
NsWriteObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsConn       *conn;
    Ns_ReturnCode status = NS_OK;

    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "/data .../");
        return TCL_ERROR;
    }
    conn = NsCmdOpenConn(interp, clientData);
    if (conn == NULL) {
        return TCL_ERROR;
    }
    TakeHeadAsWritten(conn);
    for (int i = 1; i < objc && status == NS_OK; i++) {
        struct iovec iov;
        int          length;

        if (NsObjIsBinary(objv[i])) {
            iov.iov_base = Tcl_GetByteArrayFromObj(objv[i], &length);
            iov.iov_len = (size_t)length;
            status = Ns_ConnWriteVData(&conn->pub, &iov, 1, NS_CONN_STREAM);
        } else {
            iov.iov_base = Tcl_GetStringFromObj(objv[i], &length);
            iov.iov_len = (size_t)length;
            status = Ns_ConnWriteVChars(&conn->pub, &iov, 1, NS_CONN_STREAM);
        }
    }
    return NsCmdStatusResult(interp, status);
}

/* ------------------------------------------------------------------------------------------------------- from channels */

/* The channel as it is read by scripts, in characters, to its end. */
static Ns_ReturnCode
CopyChars(NsConn *conn, Tcl_Channel chan)
{
    Tcl_Obj      *data = Tcl_NewObj();
    Ns_ReturnCode status = NS_OK;

    Tcl_IncrRefCount(data);
    while (status == NS_OK) {
        struct iovec iov;
        int          count = Tcl_ReadChars(chan, data, COPY_SIZE, 0), length;

        if (count <= 0) {
            status = count < 0 ? NS_ERROR : NS_OK;
            break;
        }
        if (NsObjIsBinary(data)) {
            iov.iov_base = Tcl_GetByteArrayFromObj(data, &length);
            iov.iov_len = (size_t)length;
            status = Ns_ConnWriteVData(&conn->pub, &iov, 1, NS_CONN_STREAM);
        } else {
            iov.iov_base = Tcl_GetStringFromObj(data, &length);
            iov.iov_len = (size_t)length;
            status = Ns_ConnWriteVChars(&conn->pub, &iov, 1, NS_CONN_STREAM);
        }
    }
    Tcl_DecrRefCount(data);
    return status;
}

/* So many bytes; the number of those that were there. */
static size_t
CopyBytes(NsConn *conn, Tcl_Channel chan, size_t len, Ns_ReturnCode *status)
{
    char  *buffer = ns_malloc(COPY_SIZE);
    size_t done = 0;

    *status = NS_OK;
    while (done < len && *status == NS_OK) {
        size_t       want = len - done < COPY_SIZE ? len - done : COPY_SIZE;
        int          count = Tcl_Read(chan, buffer, (int)want);
        struct iovec iov = {buffer, 0};

        if (count <= 0) {
            break;
        }
        iov.iov_len = (size_t)count;
        *status = Ns_ConnWriteVData(&conn->pub, &iov, 1, NS_CONN_STREAM);
        done += (size_t)count;
    }
    ns_free(buffer);
    return done;
}

int
NsWriteFpObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *chanName;
    Tcl_WideInt   length = -1;
    Tcl_Channel   chan;
    NsConn       *conn;
    Ns_ReturnCode status;
    Ns_ObjvSpec   args[] = {
        {"channelId", Ns_ObjvString, &chanName, NULL},
        {"?nbytes",   Ns_ObjvWideInt, &length, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL
        || Ns_TclGetOpenChannel(interp, chanName, 0, true, &chan) != TCL_OK) {
        return TCL_ERROR;
    }
    if (length < 0) {
        status = CopyChars(conn, chan);
    } else {
        if ((conn->pub.flags & NS_CONN_SENTHDRS) == 0 && conn->responseLength < 0) {
            Ns_ConnSetLengthHeader(&conn->pub, (size_t)length, false);
        }
        (void)CopyBytes(conn, chan, (size_t)length, &status);
    }
    if (status != NS_OK) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("i/o failed", -1));
        return TCL_ERROR;
    }
    return TCL_OK;
}

int
NsConnSendFpObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *chanName;
    Tcl_WideInt   length;
    Tcl_Channel   chan;
    NsConn       *conn;
    Ns_ReturnCode status;
    Ns_ObjvSpec   args[] = {
        {"channel", Ns_ObjvString, &chanName, NULL},
        {"length",  Ns_ObjvWideInt, &length, &lengthRange},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL
        || Ns_TclGetOpenChannel(interp, chanName, 0, true, &chan) != TCL_OK) {
        return TCL_ERROR;
    }
    TakeHeadAsWritten(conn);
    if (CopyBytes(conn, chan, (size_t)length, &status) < (size_t)length || status != NS_OK) {
        Ns_TclPrintfResult(interp, "could not send %" TCL_LL_MODIFIER "d bytes from channel %s", length, chanName);
        return TCL_ERROR;
    }
    return TCL_OK;
}

/* The file behind a channel, with its position where the channel's is; -1: there is none. */
static int
FileBehind(Tcl_Channel chan, Tcl_WideInt *position)
{
    ClientData handle;

    if (strcmp(Tcl_ChannelName(Tcl_GetChannelType(chan)), "file") != 0
        || Tcl_GetChannelHandle(chan, TCL_READABLE, &handle) != TCL_OK) {
        return -1;
    }
    *position = Tcl_Tell(chan);
    /* Gives up what Tcl has read ahead. */
    if (*position < 0 || Tcl_Seek(chan, *position, SEEK_SET) < 0) {
        return -1;
    }
    return (int)(intptr_t)handle;
}

Ns_ReturnCode
NsReturnChannel(NsConn *conn, int status, const char *type, Tcl_Channel chan, size_t len)
{
    Tcl_WideInt   position;
    int           fd = FileBehind(chan, &position);
    Ns_ReturnCode result;

    if (fd >= 0) {
        result = Ns_ConnReturnOpenFd(&conn->pub, status, type, fd, len);
        (void)Tcl_Seek(chan, position + (Tcl_WideInt)len, SEEK_SET);
        return result;
    }
    Ns_ConnSetResponseStatus(&conn->pub, status);
    Ns_ConnSetTypeHeader(&conn->pub, type);
    Ns_ConnSetLengthHeader(&conn->pub, len, false);
    if (CopyBytes(conn, chan, len, &result) < len && result == NS_OK) {
        result = NS_ERROR;
    }
    if (result == NS_OK) {
        result = NsConnSend(conn, NULL, 0, 0);
    }
    return result;
}

int
NsReturnFpObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         status;
    Tcl_Obj    *type;
    char       *chanName;
    Tcl_WideInt length;
    Tcl_Channel chan;
    NsConn     *conn;
    Ns_ObjvSpec args[] = {
        {"status",   Ns_ObjvInt, &status, &statusRange},
        {"mimetype", Ns_ObjvObj, &type, NULL},
        {"channel",  Ns_ObjvString, &chanName, NULL},
        {"length",   Ns_ObjvWideInt, &length, &lengthRange},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL || !NsCmdHeaderValueOk(interp, "content-type", type)
        || Ns_TclGetOpenChannel(interp, chanName, 0, true, &chan) != TCL_OK) {
        return TCL_ERROR;
    }
    return NsCmdStatusResult(interp, NsReturnChannel(conn, status, Tcl_GetString(type), chan, (size_t)length));
}
