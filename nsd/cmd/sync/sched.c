/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Commands for scheduled scripts.
 */
#include <string.h>

#include "interp/callbacks.h"
#include "cmd/cmds.h"
#include "interp/interp.h"
#include "interp/script.h"

static void
SchedProc(void *arg, int id)
{
    const NsScript *script = arg;
    Tcl_Interp     *interp = NsInterpTake(NsScriptServer(script));

    if (NsScriptEval(interp, script, NULL, NULL) == TCL_ERROR) {
        (void)Ns_TclLogErrorInfo(interp, "\n    (running a scheduled script)");
    }
    NsInterpGive(interp);
}

static void
FreeSched(void *arg, int id)
{
    NsScriptFree(arg);
}

static void
AppendScript(Tcl_DString *ds, const void *arg)
{
    NsScriptAppend(ds, arg);
}

static int
Schedule(const NsInterp *data, const Ns_Time *interval, unsigned flags, const char *script, int nargs, Tcl_Obj *const *args)
{
    static bool described = false;
    NsScript   *copy;
    int         id;

    Ns_MasterLock();
    if (!described) {
        described = true;
        NsProcDescribe((void (*)(void))SchedProc, "ns:tclschedproc", AppendScript);
    }
    Ns_MasterUnlock();
    copy = NsScriptCreate(data->server, script, nargs, args);
    id = Ns_ScheduleProcEx(SchedProc, copy, flags, interval, FreeSched);
    if (id < 0) {
        NsScriptFree(copy);
        Ns_TclPrintfResult(data->interp, "could not schedule: the server is stopping");
        return TCL_ERROR;
    }
    Tcl_SetObjResult(data->interp, Tcl_NewIntObj(id));
    return TCL_OK;
}

static const Ns_ObjvTimeRange notNegative = {{0, 0}, {INT32_MAX, 0}};

/* ns_after interval script ?arg ...? */
static int
AfterObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Time    *interval = NULL;
    char       *script = NULL;
    int         nargs = 0;
    Ns_ObjvSpec args[] = {
        {"interval", Ns_ObjvTime,   &interval, (void *)&notNegative},
        {"script",   Ns_ObjvString, &script,   NULL},
        {"?arg",     Ns_ObjvArgs,   &nargs,    NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return Schedule(clientData, interval, NS_SCHED_ONCE, script, nargs, objv + objc - nargs);
}

/* ns_schedule_proc ?-once? ?-thread? ?--? interval script ?arg ...? */
static int
ScheduleObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Time    *interval = NULL;
    char       *script = NULL;
    int         nargs = 0, once = 0, thread = 0;
    Ns_ObjvSpec opts[] = {
        {"-once",   Ns_ObjvBool,  &once,   (void *)NS_SCHED_ONCE},
        {"-thread", Ns_ObjvBool,  &thread, (void *)NS_SCHED_THREAD},
        {"--",      Ns_ObjvBreak, NULL,    NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"interval", Ns_ObjvTime,   &interval, (void *)&notNegative},
        {"script",   Ns_ObjvString, &script,   NULL},
        {"?arg",     Ns_ObjvArgs,   &nargs,    NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return Schedule(clientData, interval, (unsigned)(once | thread), script, nargs, objv + objc - nargs);
}

static const Ns_ObjvValueRange hours = {0, 23}, minutes = {0, 59}, days = {0, 6};

/* Once in a day or, with a day as well, in a week. */
static int
ScheduleCalendar(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool weekly)
{
    char       *script = NULL;
    int         nargs = 0, once = 0, thread = 0, day = 0, hour = 0, minute = 0;
    unsigned    kind = weekly ? NS_SCHED_WEEKLY : NS_SCHED_DAILY;
    Ns_ObjvSpec opts[] = {
        {"-once",   Ns_ObjvBool,  &once,   (void *)NS_SCHED_ONCE},
        {"-thread", Ns_ObjvBool,  &thread, (void *)NS_SCHED_THREAD},
        {"--",      Ns_ObjvBreak, NULL,    NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"day",    Ns_ObjvInt,    &day,    (void *)&days},
        {"hour",   Ns_ObjvInt,    &hour,   (void *)&hours},
        {"minute", Ns_ObjvInt,    &minute, (void *)&minutes},
        {"script", Ns_ObjvString, &script, NULL},
        {"?arg",   Ns_ObjvArgs,   &nargs,  NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_Time     interval;

    if (Ns_ParseObjv(opts, weekly ? args : args + 1, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    interval = (Ns_Time){((day * 24L + hour) * 60L + minute) * 60L, 0};
    return Schedule(clientData, &interval, (unsigned)(once | thread) | kind, script, nargs, objv + objc - nargs);
}

/* ns_schedule_daily ?-once? ?-thread? ?--? hour minute script ?arg ...? */
static int
DailyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ScheduleCalendar(clientData, interp, objc, objv, false);
}

/* ns_schedule_weekly ?-once? ?-thread? ?--? day hour minute script ?arg ...? */
static int
WeeklyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ScheduleCalendar(clientData, interp, objc, objv, true);
}

/* The commands that take an id and say whether there was something to do. */
static int
IdCmd(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool (*proc)(int id))
{
    int         id = 0;
    Ns_ObjvSpec args[] = {{"id", Ns_ObjvInt, &id, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(proc(id)));
    return TCL_OK;
}

static int
CancelObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return IdCmd(interp, objc, objv, Ns_Cancel);
}

static int
PauseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return IdCmd(interp, objc, objv, Ns_Pause);
}

static int
ResumeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return IdCmd(interp, objc, objv, Ns_Resume);
}

const NsCmd nsSchedCmds[] = {
    {"ns_after",           AfterObjCmd,    NS_CMD_SERVER},
    {"ns_cancel",          CancelObjCmd,   0},
    {"ns_pause",           PauseObjCmd,    0},
    {"ns_resume",          ResumeObjCmd,   0},
    {"ns_schedule_daily",  DailyObjCmd,    NS_CMD_SERVER},
    {"ns_schedule_proc",   ScheduleObjCmd, NS_CMD_SERVER},
    {"ns_schedule_weekly", WeeklyObjCmd,   NS_CMD_SERVER},
    {"ns_unschedule_proc", CancelObjCmd,   0},
    {NULL, NULL, 0}
};
