/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ADP pages: their output.
 */
#include <limits.h>
#include "cmd/adp/adpcmd.h"
#include "cmd/request/conncmd.h"
#include "request/return.h"

static int
AppendObj(NsAdp *adp, Tcl_Obj *obj)
{
    int         len;
    const char *text = Tcl_GetStringFromObj(obj, &len);

    return NsAdpAppend(adp, text, (size_t)len);
}

int
NsAdpAppendObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsAdp *adp = NsCmdAdp(clientData);
    int    code = TCL_OK;

    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "/string .../");
        return TCL_ERROR;
    }
    for (int i = 1; i < objc && code == TCL_OK; i++) {
        code = AppendObj(adp, objv[i]);
    }
    return code;
}

int
NsAdpPutsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsAdp      *adp = NsCmdAdp(clientData);
    Tcl_Obj    *string;
    int         nonewline = 0, code;
    Ns_ObjvSpec opts[] = {
        {"-nonewline", Ns_ObjvBool, &nonewline, NULL},
        {"--",         Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"string", Ns_ObjvObj, &string, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    code = AppendObj(adp, string);
    return code == TCL_OK && !nonewline ? NsAdpAppend(adp, "\n", 1) : code;
}

/* The same by its short name; its mistakes are told with the long one. */
int
NsNsPutsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj **words = ns_calloc((size_t)objc, sizeof *words);
    int       code;

    words[0] = Tcl_NewStringObj("ns_adp_puts", -1);
    Tcl_IncrRefCount(words[0]);
    for (int i = 1; i < objc; i++) {
        words[i] = objv[i];
    }
    code = NsAdpPutsObjCmd(clientData, interp, objc, words);
    Tcl_DecrRefCount(words[0]);
    ns_free(words);
    return code;
}

/* ---------------------------------------------------------------------------------------------------------- the buffer */

/* Of the running page. */
static Tcl_DString *
Buffer(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Ns_ObjvSpec *args)
{
    const NsAdp *adp;

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK || (adp = NsCmdActiveAdp(clientData, interp)) == NULL) {
        return NULL;
    }
    return adp->ctx.frame->output;
}

/* What was in the buffer is taken out of it, as with NaviServer. */
int
NsAdpDumpObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_DString *output = Buffer(clientData, interp, objc, objv, NULL);

    if (output == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj(Tcl_DStringValue(output), Tcl_DStringLength(output)));
    Tcl_DStringSetLength(output, 0);
    return TCL_OK;
}

int
NsAdpTellObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const Tcl_DString *output = Buffer(clientData, interp, objc, objv, NULL);

    if (output == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(Tcl_DStringLength(output)));
    return TCL_OK;
}

static Ns_ObjvValueRange lengthRange = {0, INT_MAX};

int
NsAdpTruncObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int          length = 0;
    Ns_ObjvSpec  args[] = {
        {"?length", Ns_ObjvInt, &length, &lengthRange},
        {NULL, NULL, NULL, NULL}
    };
    Tcl_DString *output = Buffer(clientData, interp, objc, objv, args);

    if (output == NULL) {
        return TCL_ERROR;
    }
    Tcl_DStringSetLength(output, (int)NsAdpCutPoint(Tcl_DStringValue(output), (size_t)Tcl_DStringLength(output), (size_t)length));
    return TCL_OK;
}

/* ------------------------------------------------------------------------------------------------------------- sending */

/* Completing an answer may be what ns_atclose waits for. */
static int
Sent(NsInterp *data, int code)
{
    NsAtCloseCheck(data->interp, data);
    return code;
}

int
NsAdpFlushObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return Sent(clientData, NsAdpFlush(NsCmdAdp(clientData), true));
}

int
NsAdpCloseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp *data = clientData;
    int       code;

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    code = NsAdpFlush(NsCmdAdp(data), false);
    if (code == TCL_OK && data->conn != NULL && data->adp->ctx.chan == NULL) {
        (void)Ns_ConnClose(&data->conn->pub);
    }
    return Sent(data, code);
}

/* Stays on for the next page of this request, even where there is no output yet. */
int
NsAdpStreamObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsAdp      *adp = NsCmdAdp(clientData);
    int         on = 1;
    Ns_ObjvSpec args[] = {
        {"?on", Ns_ObjvBoolean, &on, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    NsAdpContextTouch(adp);
    adp->ctx.flags = on ? adp->ctx.flags | NS_ADP_STREAM : adp->ctx.flags & ~NS_ADP_STREAM;
    if (NsAdpOutput(adp) == NULL) {
        return TCL_ERROR;
    }
    return on ? Sent(clientData, NsAdpFlush(adp, true)) : TCL_OK;
}

/* As `ns_conn compress`: the level, or a truth value. */
int
NsAdpCompressObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *wish = NULL;
    NsConn     *conn = NULL;
    int         level;
    Ns_ObjvSpec args[] = {
        {"?level", Ns_ObjvObj, &wish, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    if (wish != NULL) {
        if (Tcl_GetIntFromObj(NULL, wish, &level) != TCL_OK) {
            if (Tcl_GetBooleanFromObj(interp, wish, &level) != TCL_OK) {
                return TCL_ERROR;
            }
            level = !level ? 0 : conn->server->opts.compressLevel > 0 ? conn->server->opts.compressLevel : 4;
        }
        if (level < 0 || level > 9) {
            Ns_TclPrintfResult(interp, "expected a level from 0 to 9, but got %d", level);
            return TCL_ERROR;
        }
        conn->compress = level;
        NsAdpContextTouch(NsCmdAdp(clientData));
        NsCmdAdp(clientData)->ctx.compress = level > 0;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(conn->compress));
    return TCL_OK;
}

int
NsAdpMimeTypeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *type = NULL;
    NsConn     *conn = NULL;
    const char *now;
    Ns_ObjvSpec args[] = {
        {"?mimetype", Ns_ObjvObj, &type, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL
        || (type != NULL && !NsCmdHeaderValueOk(interp, "content-type", type))) {
        return TCL_ERROR;
    }
    if (type != NULL) {
        NsConnSetTextType(conn, Tcl_GetString(type));
    }
    now = Ns_SetIGet(conn->pub.outputheaders, "content-type");
    Tcl_SetObjResult(interp, Tcl_NewStringObj(now != NULL ? now : "", -1));
    return TCL_OK;
}
