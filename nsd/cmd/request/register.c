/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Registering who answers: ns_register_proc and its kin, filters, url2file.
 */
#include <string.h>
#include "cmd/cmds.h"
#include "cmd/request/register.h"
#include "page/adp.h"
#include "request/fastpath.h"
#include "request/filter.h"
#include "interp/interp.h"
#include "request/op.h"
#include "request/tclrequest.h"
#include "request/urlspace.h"

/* What most of these commands have in common. */
typedef struct Registration {
    NsServer      *server;
    char          *method, *url, *script, *file;
    Tcl_Obj       *constraintsObj;
    NsConstraints *constraints;
    int            noinherit, argCount;
} Registration;

#define CONSTRAINTS_OPTION(r) {"-constraints", Ns_ObjvObj, &(r).constraintsObj, "constraints"}

/* The constraints that were given; false with a message: they are none. */
static bool
ParseConstraints(Tcl_Interp *interp, Registration *r)
{
    return NsConstraintsParse(interp, r->constraintsObj != NULL ? Tcl_GetString(r->constraintsObj) : NULL,
                              &r->constraints) == NS_OK;
}

static unsigned
Flags(const Registration *r)
{
    return r->noinherit ? NS_OP_NOINHERIT : 0;
}

/* -constraints -noinherit -- and then `args`, which fill `r` as well. */
static bool
ParseRegistration(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Ns_ObjvSpec *args, Registration *r)
{
    Ns_ObjvSpec opts[] = {
        CONSTRAINTS_OPTION(*r),
        {"-noinherit", Ns_ObjvBool, &r->noinherit, NULL},
        {"--",         Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };

    return Ns_ParseObjv(opts, args, interp, 1, objc, objv) == NS_OK && ParseConstraints(interp, r);
}

static int
RegisterProcObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Registration r = {.server = ((NsInterp *)clientData)->server};
    Ns_ObjvSpec args[] = {
        {"method", Ns_ObjvString, &r.method, NULL},
        {"url",    Ns_ObjvString, &r.url, NULL},
        {"script", Ns_ObjvString, &r.script, NULL},
        {"?arg",   Ns_ObjvArgs, &r.argCount, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (!ParseRegistration(interp, objc, objv, args, &r)) {
        return TCL_ERROR;
    }
    NsOpRegister(r.server, r.method, r.url, NsTclRequestProc, NsScriptFree,
                 NsScriptCreate(r.server, r.script, r.argCount, objv + (objc - r.argCount)), Flags(&r), r.constraints);
    return TCL_OK;
}

static int
RegisterFastpathObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Registration r = {.server = ((NsInterp *)clientData)->server};
    Ns_ObjvSpec args[] = {
        {"method", Ns_ObjvString, &r.method, NULL},
        {"url",    Ns_ObjvString, &r.url, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (!ParseRegistration(interp, objc, objv, args, &r)) {
        return TCL_ERROR;
    }
    NsOpRegister(r.server, r.method, r.url, NsFastpathProc, NULL, NULL, Flags(&r), r.constraints);
    return TCL_OK;
}

static int
RegisterTclObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Registration r = {.server = ((NsInterp *)clientData)->server};
    Ns_ObjvSpec args[] = {
        {"method", Ns_ObjvString, &r.method, NULL},
        {"url",    Ns_ObjvString, &r.url, NULL},
        {"?file",  Ns_ObjvString, &r.file, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (!ParseRegistration(interp, objc, objv, args, &r)) {
        return TCL_ERROR;
    }
    NsOpRegister(r.server, r.method, r.url, NsTclPageProc, ns_free, NsAdpTargetNew(r.file, 0, NULL), Flags(&r), r.constraints);
    return TCL_OK;
}

static int
UnregisterOpObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsServer   *server = ((NsInterp *)clientData)->server;
    char       *method, *url;
    int         all = 0, noinherit = 0, recurse = 0;
    Ns_ObjvSpec opts[] = {
        {"-allconstraints", Ns_ObjvBool, &all, NULL},
        {"-noinherit",      Ns_ObjvBool, &noinherit, NULL},
        {"-recurse",        Ns_ObjvBool, &recurse, NULL},
        {"-server",         Ns_ObjvServer, &server, NULL},
        {"--",              Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"method", Ns_ObjvString, &method, NULL},
        {"url",    Ns_ObjvString, &url, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    NsOpUnregister(server, method, url, (noinherit ? NS_OP_NOINHERIT : 0) | (recurse ? NS_OP_RECURSE : 0)
                   | (all ? NS_OP_ALLCONSTRAINTS : 0));
    return TCL_OK;
}

/* ------------------------------------------------------------------------------------------------------------- filters */

static const Ns_ObjvTable filterStages[] = {
    {"preauth", NS_FILTER_PRE_AUTH}, {"postauth", NS_FILTER_POST_AUTH}, {"trace", NS_FILTER_TRACE}, {NULL, 0}
};

static int
RegisterFilterObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Registration r = {.server = ((NsInterp *)clientData)->server};
    int          when, first = 0;
    Ns_ObjvSpec  opts[] = {
        CONSTRAINTS_OPTION(r),
        {"-first", Ns_ObjvBool, &first, NULL},
        {"--",     Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"when",       Ns_ObjvIndex, &when, (void *)(uintptr_t)filterStages},
        {"method",     Ns_ObjvString, &r.method, NULL},
        {"urlpattern", Ns_ObjvString, &r.url, NULL},
        {"script",     Ns_ObjvString, &r.script, NULL},
        {"?arg",       Ns_ObjvArgs, &r.argCount, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || !ParseConstraints(interp, &r)) {
        return TCL_ERROR;
    }
    NsFilterRegister(r.server, r.method, r.url, NsTclFilterProc, (unsigned)when,
                     NsScriptCreate(r.server, r.script, r.argCount, objv + (objc - r.argCount)), first != 0,
                     r.constraints);
    return TCL_OK;
}

static int
ShortcutFilterObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Registration r = {.server = ((NsInterp *)clientData)->server};
    int          when;
    Ns_ObjvSpec  opts[] = {
        CONSTRAINTS_OPTION(r),
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"when",       Ns_ObjvIndex, &when, (void *)(uintptr_t)filterStages},
        {"method",     Ns_ObjvString, &r.method, NULL},
        {"urlpattern", Ns_ObjvString, &r.url, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || !ParseConstraints(interp, &r)) {
        return TCL_ERROR;
    }
    NsFilterRegister(r.server, r.method, r.url, NsShortcutFilterProc, (unsigned)when, NULL, false, r.constraints);
    return TCL_OK;
}

static int
RegisterTraceObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Registration r = {.server = ((NsInterp *)clientData)->server};
    Ns_ObjvSpec  opts[] = {
        CONSTRAINTS_OPTION(r),
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"method",     Ns_ObjvString, &r.method, NULL},
        {"urlpattern", Ns_ObjvString, &r.url, NULL},
        {"script",     Ns_ObjvString, &r.script, NULL},
        {"?arg",       Ns_ObjvArgs, &r.argCount, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || !ParseConstraints(interp, &r)) {
        return TCL_ERROR;
    }
    NsFilterRegister(r.server, r.method, r.url, NsTclTraceProc, NS_FILTER_VOID_TRACE,
                     NsScriptCreate(r.server, r.script, r.argCount, objv + (objc - r.argCount)), false, r.constraints);
    return TCL_OK;
}

const NsCmd nsRegisterCmds[] = {
    {"ns_auth",                  NsAuthObjCmd,              NS_CMD_SERVER},
    {"ns_passwordcheck",         NsPasswordCheckObjCmd,     NS_CMD_SERVER},
    {"ns_checkurl",              NsRequestAuthorizeObjCmd,  NS_CMD_SERVER},        /* its older name */
    {"ns_register_auth",         NsRegisterAuthObjCmd,      NS_CMD_SERVER},
    {"ns_register_fastpath",     RegisterFastpathObjCmd,    NS_CMD_SERVER},
    {"ns_register_fasturl2file", NsRegisterFastUrl2FileObjCmd, NS_CMD_SERVER},
    {"ns_register_filter",       RegisterFilterObjCmd,      NS_CMD_SERVER},
    {"ns_register_proc",         RegisterProcObjCmd,        NS_CMD_SERVER},
    {"ns_register_tcl",          RegisterTclObjCmd,         NS_CMD_SERVER},
    {"ns_register_trace",        RegisterTraceObjCmd,       NS_CMD_SERVER},
    {"ns_register_url2file",     NsRegisterUrl2FileObjCmd,  NS_CMD_SERVER},
    {"ns_requestauthorize",      NsRequestAuthorizeObjCmd,  NS_CMD_SERVER},
    {"ns_shortcut_filter",       ShortcutFilterObjCmd,      NS_CMD_SERVER},
    {"ns_unregister_op",         UnregisterOpObjCmd,        NS_CMD_SERVER},
    {"ns_unregister_proc",       UnregisterOpObjCmd,        NS_CMD_SERVER},
    {"ns_unregister_url2file",   NsUnregisterUrl2FileObjCmd, NS_CMD_SERVER},
    {"ns_urlspace",              NsUrlSpaceObjCmd,          NS_CMD_SERVER},
    {NULL, NULL, 0}
};
