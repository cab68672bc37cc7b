/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Commands on the process: its end, signals, limits.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "cmd/cmds.h"
#include "interp/objv.h"
#include "interp/interp.h"
#include "conf/options.h"
#include "process/privileges.h"
#include "process/process.h"

/*
 * exit ?code?: stop in order, with that exit code.  In the main thread (command mode) it does not return; any other
 * thread's script is unwound past every catch, and the process ends behind it.
 */
static int
ExitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int code = 0;

    if (objc > 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "?returnCode?");
        return TCL_ERROR;
    }
    if (objc == 2 && Tcl_GetIntFromObj(interp, objv[1], &code) != TCL_OK) {
        return TCL_ERROR;
    }
    if (NsProcessInMainThread() && Ns_InfoStarted()) {
        NsProcessStop(code);
    }
    Ns_RequestShutdown(code);
    (void)Tcl_CancelEval(interp, NULL, NULL, TCL_CANCEL_UNWIND);
    return TCL_OK;
}

/* ns_shutdown ?-restart? ?timeout?: ask for an orderly stop, and go on. */
static int
ShutdownObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         restart = 0;
    Ns_Time    *timeout = NULL;
    Ns_ObjvSpec opts[] = {
        {"-restart", Ns_ObjvBool,  &restart, (void *)1},
        {"--",       Ns_ObjvBreak, NULL,     NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"?timeout", Ns_ObjvTime, &timeout, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (timeout != NULL) {
        NsProcessSetShutdownTimeout(timeout);
    }
    Ns_RequestShutdown(restart ? NS_EXIT_RESTART : NS_EXIT_OK);
    return TCL_OK;
}

/* ns_kill ?-nocomplain? ?--? pid signal */
static int
KillObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         noComplain = 0, pid = 0, sig = 0;
    Ns_ObjvSpec opts[] = {
        {"-nocomplain", Ns_ObjvBool,  &noComplain, (void *)1},
        {"--",          Ns_ObjvBreak, NULL,        NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"pid",    Ns_ObjvInt, &pid, NULL},
        {"signal", Ns_ObjvInt, &sig, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (kill((pid_t)pid, sig) != 0 && !noComplain) {
        Ns_TclPrintfResult(interp, "kill %d, %d failed: %s", pid, sig, Tcl_PosixError(interp));
        return TCL_ERROR;
    }
    return TCL_OK;
}

static Tcl_Obj *
LimitObj(rlim_t limit)
{
    return limit == RLIM_INFINITY ? Tcl_NewStringObj("unlimited", -1) : Tcl_NewWideIntObj((Tcl_WideInt)limit);
}

/* ns_rlimit resource ?value?: {soft hard} */
static int
RlimitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable resources[] = {
        {"coresize", RLIMIT_CORE}, {"datasize", RLIMIT_DATA}, {"files", RLIMIT_NOFILE}, {"filesize", RLIMIT_FSIZE},
        {"vmsize", RLIMIT_AS}, {NULL, 0}
    };
    int           resource = 0;
    Tcl_Obj      *value = NULL;
    Tcl_WideInt   number = 0;
    struct rlimit limit;
    Tcl_Obj      *both[2];
    Ns_ObjvSpec   args[] = {
        {"resource", NsObjvPrefix,  &resource, (void *)resources},
        {"?value",   Ns_ObjvObj,    &value,    NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (getrlimit(resource, &limit) != 0) {
        Ns_TclPrintfResult(interp, "getrlimit failed: %s", Tcl_PosixError(interp));
        return TCL_ERROR;
    }
    if (value != NULL) {
        if (strcmp(Tcl_GetString(value), "unlimited") == 0) {
            limit.rlim_cur = RLIM_INFINITY;
        } else if (Ns_TclGetMemUnitFromObj(interp, value, &number) == TCL_OK) {
            limit.rlim_cur = (rlim_t)number;
        } else {
            return TCL_ERROR;
        }
        if (setrlimit(resource, &limit) != 0) {
            Ns_TclPrintfResult(interp, "setrlimit failed: %s", Tcl_PosixError(interp));
            return TCL_ERROR;
        }
    }
    both[0] = LimitObj(limit.rlim_cur);
    both[1] = LimitObj(limit.rlim_max);
    Tcl_SetObjResult(interp, Tcl_NewListObj(2, both));
    return TCL_OK;
}

/* Become another user, or group: 1. */
static int
Become(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, const char *what, bool (*become)(const char *name))
{
    char       *name;
    Ns_ObjvSpec args[] = {{what, Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (!become(name)) {
        Ns_TclPrintfResult(interp, "could not become %s \"%s\": %s", what, name,
                           Tcl_GetErrno() == ENOENT ? "it does not exist" : Tcl_PosixError(interp));
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(1));
    return TCL_OK;
}

static int
SetUserObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Become(interp, objc, objv, "user", NsPrivilegesSetUser);
}

static int
SetGroupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Become(interp, objc, objv, "group", NsPrivilegesSetGroup);
}

/* The end that a fault would bring about, for who wants to see what a watchdog or a core dump makes of it. */
static int
CrashObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_Log(Error, "ns_crash was called");
    (void)NsLogFlush(1000);
    (void)signal(SIGSEGV, SIG_DFL);
    (void)raise(SIGSEGV);
    return TCL_OK;
}

const NsCmd nsProcessCmds[] = {
    {"exit",        ExitObjCmd,     0},
    {"ns_kill",     KillObjCmd,     0},
    {"ns_crash",    CrashObjCmd,    0},
    {"ns_rlimit",   RlimitObjCmd,   0},
    {"ns_setgroup", SetGroupObjCmd, 0},
    {"ns_setuser",  SetUserObjCmd,  0},
    {"ns_shutdown", ShutdownObjCmd, 0},
    {NULL, NULL, 0}
};
