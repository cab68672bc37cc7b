/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Whole answers: ns_return, ns_respond, ns_returnfile, redirects, notices and errors.
 */
#include <limits.h>
#include <string.h>
#include "cmd/cmds.h"
#include "cmd/request/conncmd.h"
#include "request/codec.h"
#include "http/head.h"
#include "request/op.h"
#include "request/return.h"

static Ns_ObjvValueRange statusRange = {100, 599};
static Ns_ObjvValueRange lengthRange = {0, LLONG_MAX};

/* A value as text of the type, or as bytes where it is binary data or is said to be. */
static Ns_ReturnCode
ReturnObj(NsConn *conn, int status, const char *type, Tcl_Obj *data, bool binary)
{
    int length;

    if (binary || NsObjIsBinary(data)) {
        const unsigned char *bytes = Tcl_GetByteArrayFromObj(data, &length);

        return Ns_ConnReturnData(&conn->pub, status, (const char *)bytes, length, type);
    }
    {
        const char *text = Tcl_GetStringFromObj(data, &length);

        return Ns_ConnReturnCharData(&conn->pub, status, text, length, type);
    }
}

static int
ReturnObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         status, binary = 0;
    Tcl_Obj    *type, *data;
    NsConn     *conn;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"status",   Ns_ObjvInt, &status, &statusRange},
        {"mimetype", Ns_ObjvObj, &type, NULL},
        {"data",     Ns_ObjvObj, &data, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL || !NsCmdHeaderValueOk(interp, "content-type", type)) {
        return TCL_ERROR;
    }
    return NsCmdStatusResult(interp, ReturnObj(conn, status, Tcl_GetString(type), data, binary != 0));
}

/* The headers of ns_respond, all of them or none.  Those of the answer are there already. */
static bool
PutHeaders(Tcl_Interp *interp, NsConn *conn, const Ns_Set *headers)
{
    for (size_t i = 0; i < Ns_SetSize(headers); i++) {
        const char *name = Ns_SetKey(headers, i), *value = Ns_SetValue(headers, i);

        if (value == NULL) {
            value = "";
        }
        if (!NsHttpTokenValid(name, strlen(name)) || !NsHttpValueValid(value, strlen(value))) {
            Ns_TclPrintfResult(interp, "invalid header '%.60s'", name);
            return false;
        }
    }
    for (size_t i = 0; headers != conn->pub.outputheaders && i < Ns_SetSize(headers); i++) {
        const char *value = Ns_SetValue(headers, i);

        Ns_ConnSetHeaders(&conn->pub, Ns_SetKey(headers, i), value != NULL ? value : "");
    }
    return true;
}

static Ns_ReturnCode
RespondFileId(Tcl_Interp *interp, NsConn *conn, int status, const char *type, const char *fileId, Tcl_WideInt length,
              bool *failed)
{
    Tcl_Channel chan;

    *failed = Ns_TclGetOpenChannel(interp, fileId, 0, true, &chan) != TCL_OK;
    return *failed ? NS_ERROR : NsReturnChannel(conn, status, type, chan, (size_t)length);
}

/* The first `length` bytes, or all when it is negative. */
static Ns_ReturnCode
RespondBytes(NsConn *conn, int status, const char *type, Tcl_Obj *data, Tcl_WideInt length)
{
    int                  size;
    const unsigned char *bytes = Tcl_GetByteArrayFromObj(data, &size);

    if (length >= 0 && length < size) {
        size = (int)length;
    }
    return Ns_ConnReturnData(&conn->pub, status, (const char *)bytes, size, type);
}

/* The first `length` characters, or all when it is negative. */
static Ns_ReturnCode
RespondText(NsConn *conn, int status, const char *type, Tcl_Obj *string, Tcl_WideInt length)
{
    int         size;
    const char *text = Tcl_GetStringFromObj(string, &size);

    if (length >= 0 && length < Tcl_NumUtfChars(text, size)) {
        size = (int)(Tcl_UtfAtIndex(text, (int)length) - text);
    }
    return Ns_ConnReturnCharData(&conn->pub, status, text, size, type);
}

static int
RespondObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           status = 200;
    Tcl_WideInt   length = -1;
    char         *file = NULL, *fileId = NULL;
    const char   *type;
    Tcl_Obj      *string = NULL, *data = NULL, *binary = NULL, *typeObj = NULL;
    Ns_Set       *headers = NULL;
    NsConn       *conn;
    bool          failed = false;
    Ns_ReturnCode result;
    Ns_ObjvSpec   opts[] = {
        {"-status",  Ns_ObjvInt, &status, &statusRange},
        {"-type",    Ns_ObjvObj, &typeObj, NULL},
        {"-length",  Ns_ObjvWideInt, &length, &lengthRange},
        {"-headers", Ns_ObjvSet, &headers, NULL},
        {"-string",  Ns_ObjvObj, &string, NULL},
        {"-file",    Ns_ObjvString, &file, NULL},
        {"-fileid",  Ns_ObjvString, &fileId, NULL},
        {"-data",    Ns_ObjvObj, &data, "data"},
        {"-binary",  Ns_ObjvObj, &binary, "data"},
        {NULL, NULL, NULL, NULL}
    };

    if ((conn = NsCmdConn(interp, clientData)) == NULL || Ns_ParseObjv(opts, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (data == NULL) {
        data = binary;                         /* another name for the same */
    }
    if ((string != NULL) + (file != NULL) + (fileId != NULL) + (data != NULL) != 1) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("must specify only one of -string, -file, -data or -fileid", -1));
        return TCL_ERROR;
    }
    if (fileId != NULL && length < 0) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("length required when -fileid is used", -1));
        return TCL_ERROR;
    }
    if (NsCmdOpenConn(interp, clientData) == NULL
        || (typeObj != NULL && !NsCmdHeaderValueOk(interp, "content-type", typeObj))
        || (headers != NULL && !PutHeaders(interp, conn, headers))) {
        return TCL_ERROR;
    }
    type = typeObj != NULL ? Tcl_GetString(typeObj) : "*/*";
    if (file != NULL) {
        result = Ns_ConnReturnFile(&conn->pub, status, typeObj != NULL ? type : Ns_GetMimeType(file), file);
    } else if (fileId != NULL) {
        result = RespondFileId(interp, conn, status, type, fileId, length, &failed);
    } else if (data != NULL) {
        result = RespondBytes(conn, status, type, data, length);
    } else {
        result = RespondText(conn, status, type, string, length);
    }
    return failed ? TCL_ERROR : NsCmdStatusResult(interp, result);
}

static int
ReturnFileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         status;
    Tcl_Obj    *type;
    char       *file;
    NsConn     *conn;
    Ns_ObjvSpec args[] = {
        {"status",   Ns_ObjvInt, &status, &statusRange},
        {"mimetype", Ns_ObjvObj, &type, NULL},
        {"filename", Ns_ObjvString, &file, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL || !NsCmdHeaderValueOk(interp, "content-type", type)) {
        return TCL_ERROR;
    }
    return NsCmdStatusResult(interp, Ns_ConnReturnFile(&conn->pub, status, Tcl_GetString(type), file));
}

/* -------------------------------------------------------------------------------------------------------- notice pages */

static int
ReturnNoticeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         status;
    char       *title, *message;
    NsConn     *conn;
    Ns_ObjvSpec args[] = {
        {"status",  Ns_ObjvInt, &status, &statusRange},
        {"title",   Ns_ObjvString, &title, NULL},
        {"message", Ns_ObjvString, &message, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    return NsCmdStatusResult(interp, Ns_ConnReturnNotice(&conn->pub, status, title, message));
}

static int
ReturnErrorObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         status;
    char       *message;
    NsConn     *conn;
    Ns_ObjvSpec args[] = {
        {"status",  Ns_ObjvInt, &status, &statusRange},
        {"message", Ns_ObjvString, &message, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    return NsCmdStatusResult(interp, Ns_ConnReturnNotice(&conn->pub, status, "Request Error", message));
}

static int
ReturnBadRequestObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *reason;
    NsConn     *conn;
    Ns_ObjvSpec args[] = {
        {"reason", Ns_ObjvString, &reason, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    return NsCmdStatusResult(interp, Ns_ConnReturnBadRequest(&conn->pub, reason));
}

/* The commands without arguments. */
static int
ReturnSimple(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv,
             Ns_ReturnCode (*proc)(Ns_Conn *conn))
{
    NsConn *conn;

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    return NsCmdStatusResult(interp, proc(&conn->pub));
}

static int
ReturnForbiddenObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ReturnSimple(clientData, interp, objc, objv, Ns_ConnReturnForbidden);
}

static int
ReturnNotFoundObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ReturnSimple(clientData, interp, objc, objv, Ns_ConnReturnNotFound);
}

static int
ReturnUnauthorizedObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ReturnSimple(clientData, interp, objc, objv, Ns_ConnReturnUnauthorized);
}

static int
ReturnUnavailableObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ReturnSimple(clientData, interp, objc, objv, Ns_ConnReturnUnavailable);
}

/* ----------------------------------------------------------------------------------------------------------- redirects */

static int
ReturnLocation(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv,
               Ns_ReturnCode (*proc)(Ns_Conn *conn, const char *url))
{
    Tcl_Obj    *location;
    NsConn     *conn;
    Ns_ObjvSpec args[] = {
        {"location", Ns_ObjvObj, &location, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL || !NsCmdHeaderValueOk(interp, "location", location)) {
        return TCL_ERROR;
    }
    return NsCmdStatusResult(interp, proc(&conn->pub, Tcl_GetString(location)));
}

static int
ReturnRedirectObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ReturnLocation(clientData, interp, objc, objv, Ns_ConnReturnRedirect);
}

static int
ReturnMovedObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ReturnLocation(clientData, interp, objc, objv, Ns_ConnReturnMoved);
}

/* A bare 200. */
static int
ReturnOkObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsConn *conn;

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK || (conn = NsCmdOpenConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    return NsCmdStatusResult(interp, Ns_ConnReturnStatus(&conn->pub, 200));
}

static int
InternalRedirectObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *location;
    NsConn     *conn;
    Ns_ObjvSpec args[] = {
        {"location", Ns_ObjvString, &location, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    return NsCmdStatusResult(interp, NsOpRedirect(conn, location));
}

const NsCmd nsReturnCmds[] = {
    {"ns_conncptofp",         NsConnCopyToChannelObjCmd, NS_CMD_SERVER},
    {"ns_connsendfp",         NsConnSendFpObjCmd,        NS_CMD_SERVER},
    {"ns_headers",            NsHeadersObjCmd,           NS_CMD_SERVER},
    {"ns_internalredirect",   InternalRedirectObjCmd,    NS_CMD_SERVER},
    {"ns_respond",            RespondObjCmd,             NS_CMD_SERVER},
    {"ns_return",             ReturnObjCmd,              NS_CMD_SERVER},
    {"ns_returnadminnotice",  ReturnNoticeObjCmd,        NS_CMD_SERVER},
    {"ns_returnbadrequest",   ReturnBadRequestObjCmd,    NS_CMD_SERVER},
    {"ns_returnerror",        ReturnErrorObjCmd,         NS_CMD_SERVER},
    {"ns_returnfile",         ReturnFileObjCmd,          NS_CMD_SERVER},
    {"ns_returnforbidden",    ReturnForbiddenObjCmd,     NS_CMD_SERVER},
    {"ns_returnfp",           NsReturnFpObjCmd,          NS_CMD_SERVER},
    {"ns_returnmoved",        ReturnMovedObjCmd,         NS_CMD_SERVER},
    {"ns_returnnotfound",     ReturnNotFoundObjCmd,      NS_CMD_SERVER},
    {"ns_returnnotice",       ReturnNoticeObjCmd,        NS_CMD_SERVER},
    {"ns_returnok",           ReturnOkObjCmd,            NS_CMD_SERVER},
    {"ns_returnredirect",     ReturnRedirectObjCmd,      NS_CMD_SERVER},
    {"ns_returnunauthorized", ReturnUnauthorizedObjCmd,  NS_CMD_SERVER},
    {"ns_returnunavailable",  ReturnUnavailableObjCmd,   NS_CMD_SERVER},
    {"ns_startcontent",       NsStartContentObjCmd,      NS_CMD_SERVER},
    {"ns_write",              NsWriteObjCmd,             NS_CMD_SERVER},
    {"ns_writecontent",       NsConnCopyToChannelObjCmd, NS_CMD_SERVER},
    {"ns_writefp",            NsWriteFpObjCmd,           NS_CMD_SERVER},
    {NULL, NULL, 0}
};
