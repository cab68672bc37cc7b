/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_limits_*: limits for URLs.
 */
#include <limits.h>
#include "cmd/cmds.h"
#include "interp/interp.h"
#include "request/limits.h"

static Ns_ObjvValueRange notNegative = {0, INT_MAX};

static NsLimits *
Find(Tcl_Interp *interp, const char *name)
{
    NsLimits *limits = NsLimitsFind(name);

    if (limits == NULL) {
        Ns_TclPrintfResult(interp, "no such limits: %s", name);
    }
    return limits;
}

static int
Result(Tcl_Interp *interp, NsLimits *limits)
{
    NsLimitsInfo info;

    NsLimitsGet(limits, &info);
    Ns_TclPrintfResult(interp, "nrunning %u nwaiting %u ntimeout %llu ndropped %llu noverflow %llu "
                       "maxrun %d maxwait %d maxupload %d timeout %d", info.running, info.waiting,
                       (unsigned long long)info.timeouts, (unsigned long long)info.dropped,
                       (unsigned long long)info.overflows, info.maxRun, info.maxWait, info.maxUpload, info.timeout);
    return TCL_OK;
}

static int
GetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char *name;
    NsLimits   *limits;

    /* More arguments have always been taken here, and do nothing. */
    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "/limits/");
        return TCL_ERROR;
    }
    name = Tcl_GetString(objv[1]);
    limits = Find(interp, name);
    return limits == NULL ? TCL_ERROR : Result(interp, limits);
}

static int
SetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char  *name;
    NsLimits    *limits;
    NsLimitsInfo change = {.maxRun = -1, .maxWait = -1, .maxUpload = -1, .timeout = -1};
    Ns_ObjvSpec  opts[] = {
        {"-maxrun", Ns_ObjvInt, &change.maxRun, &notNegative}, {"-maxwait", Ns_ObjvInt, &change.maxWait, &notNegative},
        {"-maxupload", Ns_ObjvInt, &change.maxUpload, &notNegative}, {"-timeout", Ns_ObjvInt, &change.timeout, &notNegative},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec  args[] = {{"limits", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    limits = NsLimitsMake(name);
    NsLimitsSet(limits, &change);
    return Result(interp, limits);
}

typedef struct Names {
    const char *pattern;
    Tcl_Obj    *list;
} Names;

static void
AppendName(const char *name, void *arg)
{
    const Names *names = arg;

    if (names->pattern == NULL || Tcl_StringMatch(name, names->pattern)) {
        Tcl_ListObjAppendElement(NULL, names->list, Tcl_NewStringObj(name, -1));
    }
}

static int
ListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Names       names = {NULL, NULL};
    Ns_ObjvSpec args[] = {{"?pattern", Ns_ObjvString, &names.pattern, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    names.list = Tcl_NewListObj(0, NULL);
    NsLimitsEach(AppendName, &names);
    Tcl_SetObjResult(interp, names.list);
    return TCL_OK;
}

static int
RegisterObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char *name, *method, *url;
    NsServer   *server = ((NsInterp *)clientData)->server;
    NsLimits   *limits;
    int         noInherit = 0;
    Ns_ObjvSpec opts[] = {
        {"-noinherit", Ns_ObjvBool, &noInherit, NULL}, {"-server", Ns_ObjvServer, &server, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"limits", Ns_ObjvString, &name, NULL}, {"method", Ns_ObjvString, &method, NULL}, {"url", Ns_ObjvString, &url, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    limits = Find(interp, name);
    if (limits == NULL) {
        return TCL_ERROR;
    }
    NsLimitsRegister(server, limits, method, url, noInherit != 0);
    return TCL_OK;
}

extern const NsCmd nsLimitsCmds[];
const NsCmd nsLimitsCmds[] = {
    {"ns_limits_get",      GetObjCmd,      0},
    {"ns_limits_list",     ListObjCmd,     0},
    {"ns_limits_register", RegisterObjCmd, NS_CMD_SERVER},
    {"ns_limits_set",      SetObjCmd,      0},
    {NULL, NULL, 0}
};
