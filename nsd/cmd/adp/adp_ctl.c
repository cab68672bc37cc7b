/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ADP pages: options, what is known of them, who answers with them.
 */
#include <limits.h>
#include <string.h>
#include "cmd/adp/adpcmd.h"
#include "request/op.h"

/* ------------------------------------------------------------------------------------------------------------- options */

static int
BufSize(NsAdp *adp, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_WideInt              size = -1, before = (Tcl_WideInt)adp->ctx.bufSize;
    static Ns_ObjvValueRange range = {0, INT_MAX / 2};
    Ns_ObjvSpec              args[] = {
        {"?size", Ns_ObjvMemUnit, &size, &range},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (size >= 0) {
        NsAdpContextTouch(adp);
        adp->ctx.bufSize = (size_t)size;
    }
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj(before));
    return TCL_OK;
}

static int
Channel(NsAdp *adp, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name;
    Tcl_Channel chan = NULL;
    Ns_ObjvSpec args[] = {
        {"channel", Ns_ObjvString, &name, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK
        || (*name != '\0' && Ns_TclGetOpenChannel(interp, name, 1, true, &chan) != TCL_OK)) {
        return TCL_ERROR;
    }
    if (chan == NULL && adp->ctx.chan != NULL && NsAdpFlush(adp, false) != TCL_OK) {
        return TCL_ERROR;
    }
    NsAdpContextTouch(adp);
    NsAdpSetChannel(adp, chan);
    return TCL_OK;
}

static int
Option(NsAdp *adp, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, unsigned flag)
{
    int         on = -1, before = (adp->ctx.flags & flag) != 0;
    Ns_ObjvSpec args[] = {
        {"?value", Ns_ObjvBoolean, &on, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (on >= 0) {
        NsAdpContextTouch(adp);
        adp->ctx.flags = on ? adp->ctx.flags | flag : adp->ctx.flags & ~flag;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(before));
    return TCL_OK;
}

int
NsAdpCtlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const struct { const char *name; unsigned flag; } options[] = {
        {"bufsize", 0}, {"channel", 0}, {"autoabort", NS_ADP_AUTOABORT}, {"cache", NS_ADP_CACHE}, {"detailerror", NS_ADP_DETAILERROR},
        {"displayerror", NS_ADP_DISPLAYERROR}, {"expire", NS_ADP_EXPIRE}, {"safe", NS_ADP_SAFE}, {"singlescript", NS_ADP_SINGLE},
        {"stream", NS_ADP_STREAM}, {"stricterror", NS_ADP_STRICTERROR}, {"trace", NS_ADP_TRACE}, {"trimspace", NS_ADP_TRIMSPACE},
        {NULL, 0}
    };
    int index;

    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "/subcommand/ ?/arg .../?");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], options, sizeof *options, "subcommand", TCL_EXACT, &index) != TCL_OK) {
        return TCL_ERROR;
    }
    switch (index) {
    case 0:  return BufSize(NsCmdAdp(clientData), interp, objc, objv);
    case 1:  return Channel(NsCmdAdp(clientData), interp, objc, objv);
    default: return Option(NsCmdAdp(clientData), interp, objc, objv, options[index].flag);
    }
}

int
NsAdpStatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, NsAdpCacheStats(NsCmdAdp(clientData)->server->cache));
    return TCL_OK;
}

int
NsAdpDebugObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *host = NULL, *port = NULL, *procs = NULL;
    Ns_ObjvSpec args[] = {
        {"?host",  Ns_ObjvString, &host, NULL},
        {"?port",  Ns_ObjvString, &port, NULL},
        {"?procs", Ns_ObjvString, &procs, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK || NsAdpDebug(NsCmdAdp(clientData), host, port, procs) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(NsCmdAdp(clientData)->debugLevel));
    return TCL_OK;
}

/* --------------------------------------------------------------------------------------------------------- registering */

static const Ns_ObjvTable pageOptions[] = {
    {"autoabort", NS_ADP_AUTOABORT}, {"detailerror", NS_ADP_DETAILERROR}, {"displayerror", NS_ADP_DISPLAYERROR}, {"expire", NS_ADP_EXPIRE},
    {"cache", NS_ADP_CACHE}, {"safe", NS_ADP_SAFE}, {"singlescript", NS_ADP_SINGLE}, {"stricterror", NS_ADP_STRICTERROR},
    {"trace", NS_ADP_TRACE}, {"trimspace", NS_ADP_TRIMSPACE}, {"stream", NS_ADP_STREAM}, {NULL, 0}
};

int
NsRegisterAdpObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsServer      *server = ((NsInterp *)clientData)->server;
    char          *method, *url, *file = NULL;
    Tcl_Obj       *constraintsObj = NULL;
    Ns_Time       *expires = NULL;
    int            noinherit = 0;
    unsigned       flags = 0;
    NsConstraints *constraints;
    Ns_ObjvSpec    opts[] = {
        {"-constraints", Ns_ObjvObj, &constraintsObj, "constraints"},
        {"-noinherit",   Ns_ObjvBool, &noinherit, NULL},
        {"-expires",     Ns_ObjvTime, &expires, NULL},
        {"-options",     Ns_ObjvFlags, &flags, (void *)(uintptr_t)pageOptions},
        {"--",           Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"method", Ns_ObjvString, &method, NULL},
        {"url",    Ns_ObjvString, &url, NULL},
        {"?file",  Ns_ObjvString, &file, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK
        || NsConstraintsParse(interp, constraintsObj != NULL ? Tcl_GetString(constraintsObj) : NULL, &constraints) != NS_OK) {
        return TCL_ERROR;
    }
    NsOpRegister(server, method, url, NsAdpPageProc, ns_free, NsAdpTargetNew(file, flags, expires),
                 noinherit ? NS_OP_NOINHERIT : 0, constraints);
    return TCL_OK;
}
