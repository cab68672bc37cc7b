/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ADP pages: running them, their arguments, how they end.
 */
#include <limits.h>
#include "cmd/adp/adpcmd.h"
#include "cmd/cmds.h"

/* ------------------------------------------------------------------------------------------------------------- running */

static int
ParseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         asFile = 0, asString = 0, safe = 0, tcl = 0, count = 0;
    NsAdpRun    run = {0};
    char       *cwd = NULL, *tagset = NULL;
    Ns_ObjvSpec opts[] = {
        {"-cwd",    Ns_ObjvString, &cwd, NULL},
        {"-file",   Ns_ObjvBool, &asFile, NULL},
        {"-safe",   Ns_ObjvBool, &safe, NULL},
        {"-string", Ns_ObjvBool, &asString, NULL},
        {"-tagset", Ns_ObjvString, &tagset, NULL},
        {"-tcl",    Ns_ObjvBool, &tcl, NULL},
        {"--",      Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"arg", Ns_ObjvArgs, &count, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (asFile && asString) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("specify either '-string' or '-file', but not both.", -1));
        return TCL_ERROR;
    }
    run.objc = count;
    run.objv = objv + (objc - count);
    run.page = run.objv[0];
    run.what = asFile ? 0 : NS_ADP_RUN_STRING;
    run.flags = (safe ? NS_ADP_SAFE : 0) | (tcl ? NS_ADP_TCL : 0);
    run.dir = cwd;
    run.tagset = tagset;
    return NsAdpParseResult(NsCmdAdp(clientData), &run);
}

/* As `ns_adp_parse ?-safe? -string -- words`. */
static int
EvalString(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool safe)
{
    Tcl_Obj  *fixed[4] = {Tcl_NewStringObj("ns_adp_parse", -1), Tcl_NewStringObj("-string", -1), Tcl_NewStringObj("--", -1),
                          Tcl_NewStringObj("-safe", -1)};
    Tcl_Obj **words = ns_calloc((size_t)objc + 4, sizeof *words);
    int       n = 0, code;

    for (int i = 0; i < 4; i++) {
        Tcl_IncrRefCount(fixed[i]);
    }
    words[n++] = fixed[0];
    if (safe) {
        words[n++] = fixed[3];
    }
    words[n++] = fixed[1];
    words[n++] = fixed[2];
    for (int i = 1; i < objc; i++) {
        words[n++] = objv[i];
    }
    code = ParseObjCmd(clientData, interp, n, words);
    for (int i = 0; i < 4; i++) {
        Tcl_DecrRefCount(fixed[i]);
    }
    ns_free(words);
    return code;
}

static int
EvalObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return EvalString(clientData, interp, objc, objv, false);
}

static int
SafeEvalObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return EvalString(clientData, interp, objc, objv, true);
}

/* In the frame of variables that ns_adp_include has made. */
static int
IncludeHereObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         nocache = 0, tcl = 0, count = 0;
    NsAdpRun    run = {0};
    Ns_Time    *keep = NULL, keepCopy;
    char       *tagset = NULL;
    Ns_ObjvSpec opts[] = {
        {"-cache",   Ns_ObjvTime, &keep, NULL},
        {"-nocache", Ns_ObjvBool, &nocache, NULL},
        {"-tagset",  Ns_ObjvString, &tagset, NULL},
        {"-tcl",     Ns_ObjvBool, &tcl, NULL},
        {"--",       Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"filename", Ns_ObjvObj, &run.page, NULL},
        {"?arg",     Ns_ObjvArgs, &count, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (keep != NULL && nocache) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("specify either '-cache' or '-nocache', but not both.", -1));
        return TCL_ERROR;
    }
    if (keep != NULL) {
        keepCopy = *keep;
        run.keep = &keepCopy;
    }
    run.what = nocache ? NS_ADP_RUN_NOCACHE : 0;
    run.flags = tcl ? NS_ADP_TCL : 0;
    run.tagset = tagset;
    run.objc = count;
    run.objv = objv + (objc - count);
    return NsAdpInclude(NsCmdAdp(clientData), &run);
}

/* The page has variables of its own, as a proc has. */
static int
IncludeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsAdp    *adp = NsCmdAdp(clientData);
    Tcl_Obj **words = ns_calloc((size_t)objc + 1, sizeof *words);
    int       code;

    if (adp->applyWords[0] == NULL) {
        adp->applyWords[0] = Tcl_NewStringObj("::apply", -1);
        adp->applyWords[1] = Tcl_NewStringObj("args {_ns_adp_include {*}$args}", -1);
        Tcl_IncrRefCount(adp->applyWords[0]);
        Tcl_IncrRefCount(adp->applyWords[1]);
    }
    words[0] = adp->applyWords[0];
    words[1] = adp->applyWords[1];
    for (int i = 1; i < objc; i++) {
        words[i + 1] = objv[i];
    }
    code = Tcl_EvalObjv(interp, objc + 1, words, 0);
    ns_free(words);
    return code;
}

/* ----------------------------------------------------------------------------------------------------------- arguments */

static int
ArgcObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsAdp *adp;

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK || (adp = NsCmdActiveAdp(clientData, interp)) == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(adp->ctx.frame->objc));
    return TCL_OK;
}

static Ns_ObjvValueRange indexRange = {0, INT_MAX};

static int
ArgvObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int               index = -1;
    Tcl_Obj          *def = NULL;
    const NsAdp      *adp;
    const NsAdpFrame *frame;
    Ns_ObjvSpec       args[] = {
        {"?index",   Ns_ObjvInt, &index, &indexRange},
        {"?default", Ns_ObjvObj, &def, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK || (adp = NsCmdActiveAdp(clientData, interp)) == NULL) {
        return TCL_ERROR;
    }
    frame = adp->ctx.frame;
    if (index < 0) {
        Tcl_SetObjResult(interp, Tcl_NewListObj(frame->objc, frame->objv));
    } else if (index < frame->objc) {
        Tcl_SetObjResult(interp, frame->objv[index]);
    } else if (def != NULL) {
        Tcl_SetObjResult(interp, def);
    }
    return TCL_OK;
}

static int
BindArgsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int               count = 0;
    const NsAdp      *adp;
    const NsAdpFrame *frame;
    Ns_ObjvSpec       args[] = {
        {"varname", Ns_ObjvArgs, &count, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK || (adp = NsCmdActiveAdp(clientData, interp)) == NULL) {
        return TCL_ERROR;
    }
    frame = adp->ctx.frame;
    if (count != frame->objc) {
        Ns_TclPrintfResult(interp, "invalid number of arguments: the page has %d, and there are %d variables", frame->objc, count);
        return TCL_ERROR;
    }
    for (int i = 0; i < count; i++) {
        if (Tcl_ObjSetVar2(interp, objv[i + 1], NULL, frame->objv[i], TCL_LEAVE_ERR_MSG) == NULL) {
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

static int
DirObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsAdp *adp;

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK || (adp = NsCmdActiveAdp(clientData, interp)) == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj(adp->ctx.frame->dir, -1));
    return TCL_OK;
}

static int
InfoObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsAdp      *adp;
    const NsAdpFrame *frame;
    Tcl_Obj          *words[3];

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK || (adp = NsCmdActiveAdp(clientData, interp)) == NULL) {
        return TCL_ERROR;
    }
    frame = adp->ctx.frame;
    words[0] = Tcl_NewStringObj(frame->file != NULL ? frame->file : "", -1);
    words[1] = Tcl_NewWideIntObj(frame->size);
    words[2] = Tcl_NewWideIntObj(frame->mtime);
    Tcl_SetObjResult(interp, Tcl_NewListObj(3, words));
    return TCL_OK;
}

/* ---------------------------------------------------------------------------------------------------------- exceptions */

static int
Raise(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, NsAdpException exception)
{
    Tcl_Obj    *value = NULL;
    NsAdp      *adp;
    Ns_ObjvSpec args[] = {
        {"?returnvalue", Ns_ObjvObj, &value, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK || (adp = NsCmdActiveAdp(clientData, interp)) == NULL) {
        return TCL_ERROR;
    }
    return NsAdpRaise(adp, exception, value);
}

static int
BreakObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Raise(clientData, interp, objc, objv, NS_ADP_BREAK);
}

static int
AbortObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Raise(clientData, interp, objc, objv, NS_ADP_ABORT);
}

static int
ReturnObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Raise(clientData, interp, objc, objv, NS_ADP_RETURN);
}

/* 1 as long as there is none, as with NaviServer. */
static int
ExceptionObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const char *const names[] = {"ok", "break", "abort", "return", "timeout"};
    Tcl_Obj     *varName = NULL;
    const NsAdp *adp = NsCmdAdp(clientData);
    Ns_ObjvSpec  args[] = {
        {"?varname", Ns_ObjvObj, &varName, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK
        || (varName != NULL && Tcl_ObjSetVar2(interp, varName, NULL, Tcl_NewStringObj(names[adp->ctx.exception], -1),
                                              TCL_LEAVE_ERR_MSG) == NULL)) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(adp->ctx.exception == NS_ADP_OK));
    return TCL_OK;
}

const NsCmd nsAdpCmds[] = {
    {"_ns_adp_include",       IncludeHereObjCmd,         NS_CMD_SERVER},
    {"ns_adp_abort",          AbortObjCmd,               NS_CMD_SERVER},
    {"ns_adp_append",         NsAdpAppendObjCmd,         NS_CMD_SERVER},
    {"ns_adp_argc",           ArgcObjCmd,                NS_CMD_SERVER},
    {"ns_adp_argv",           ArgvObjCmd,                NS_CMD_SERVER},
    {"ns_adp_bind_args",      BindArgsObjCmd,            NS_CMD_SERVER},
    {"ns_adp_break",          BreakObjCmd,               NS_CMD_SERVER},
    {"ns_adp_close",          NsAdpCloseObjCmd,          NS_CMD_SERVER},
    {"ns_adp_compress",       NsAdpCompressObjCmd,       NS_CMD_SERVER},
    {"ns_adp_ctl",            NsAdpCtlObjCmd,            NS_CMD_SERVER},
    {"ns_adp_debug",          NsAdpDebugObjCmd,          NS_CMD_SERVER},
    {"ns_adp_dir",            DirObjCmd,                 NS_CMD_SERVER},
    {"ns_adp_dump",           NsAdpDumpObjCmd,           NS_CMD_SERVER},
    {"ns_adp_eval",           EvalObjCmd,                NS_CMD_SERVER},
    {"ns_adp_exception",      ExceptionObjCmd,           NS_CMD_SERVER},
    {"ns_adp_flush",          NsAdpFlushObjCmd,          NS_CMD_SERVER},
    {"ns_adp_include",        IncludeObjCmd,             NS_CMD_SERVER},
    {"ns_adp_info",           InfoObjCmd,                NS_CMD_SERVER},
    {"ns_adp_mime",           NsAdpMimeTypeObjCmd,       NS_CMD_SERVER},
    {"ns_adp_mimetype",       NsAdpMimeTypeObjCmd,       NS_CMD_SERVER},
    {"ns_adp_parse",          ParseObjCmd,               NS_CMD_SERVER},
    {"ns_adp_puts",           NsAdpPutsObjCmd,           NS_CMD_SERVER},
    {"ns_adp_registeradp",    NsAdpRegisterAdpObjCmd,    NS_CMD_SERVER},
    {"ns_adp_registerproc",   NsAdpRegisterProcObjCmd,   NS_CMD_SERVER},
    {"ns_adp_registerscript", NsAdpRegisterScriptObjCmd, NS_CMD_SERVER},
    {"ns_adp_registertag",    NsAdpRegisterAdpObjCmd,    NS_CMD_SERVER},
    {"ns_adp_return",         ReturnObjCmd,              NS_CMD_SERVER},
    {"ns_adp_safeeval",       SafeEvalObjCmd,            NS_CMD_SERVER},
    {"ns_adp_stats",          NsAdpStatsObjCmd,          NS_CMD_SERVER},
    {"ns_adp_stream",         NsAdpStreamObjCmd,         NS_CMD_SERVER},
    {"ns_adp_tagset",         NsAdpTagSetObjCmd,         NS_CMD_SERVER},
    {"ns_adp_tell",           NsAdpTellObjCmd,           NS_CMD_SERVER},
    {"ns_adp_trunc",          NsAdpTruncObjCmd,          NS_CMD_SERVER},
    {"ns_puts",               NsNsPutsObjCmd,            NS_CMD_SERVER},
    {"ns_register_adp",       NsRegisterAdpObjCmd,       NS_CMD_SERVER},
    {"ns_register_adptag",    NsAdpRegisterScriptObjCmd, NS_CMD_SERVER},
    {NULL, NULL, 0}
};
