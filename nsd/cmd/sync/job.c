/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_job: scripts in queues, run by a pool of threads (job.h).
 */
#include "base/clock.h"
#include "cmd/cmds.h"
#include "interp/interp.h"
#include "interp/job.h"

static const Ns_ObjvValueRange atLeastOne = {1, INT32_MAX}, notNegative = {0, INT32_MAX};
static const Ns_ObjvTimeRange  notNegativeTime = {{0, 0}, {INT32_MAX, 0}};

/* What was appended to `ds` is the result, or the message of an error. */
static int
Result(Tcl_Interp *interp, Ns_ReturnCode status, Tcl_DString *ds)
{
    Tcl_DStringResult(interp, ds);
    return status == NS_OK ? TCL_OK : TCL_ERROR;
}

static int
TimedOut(Tcl_Interp *interp)
{
    Tcl_SetObjResult(interp, Tcl_NewStringObj("Wait timed out.", -1));
    Tcl_SetErrorCode(interp, "NS_TIMEOUT", (char *)NULL);
    return TCL_ERROR;
}

/* -option ... queueId jobId */
static bool
ParseJob(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Ns_ObjvSpec *opts, char **queueId, char **jobId)
{
    Ns_ObjvSpec args[] = {
        {"queueId", Ns_ObjvString, queueId, NULL}, {"jobId", Ns_ObjvString, jobId, NULL}, {NULL, NULL, NULL, NULL}
    };

    return Ns_ParseObjv(opts, args, interp, 2, objc, objv) == NS_OK;
}

static int
CancelObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *queueId = NULL, *jobId = NULL;
    bool        wasRunning;
    Tcl_DString ds;

    if (!ParseJob(interp, objc, objv, NULL, &queueId, &jobId)) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    if (NsJobCancel(queueId, jobId, &wasRunning, &ds) != NS_OK) {
        return Result(interp, NS_ERROR, &ds);
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(wasRunning));
    return TCL_OK;
}

static int
ConfigureObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         jobsPerThread = -1;
    Ns_Time    *timeout = NULL, *logMinDuration = NULL, copy = {0, 0};
    Tcl_DString ds;
    Ns_ObjvSpec opts[] = {
        {"-jobsperthread",  Ns_ObjvInt,  &jobsPerThread,  (void *)&notNegative},
        {"-logminduration", Ns_ObjvTime, &logMinDuration, (void *)&notNegativeTime},
        {"-timeout",        Ns_ObjvTime, &timeout,        (void *)&notNegativeTime},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (timeout != NULL) {
        copy = *timeout;
    }
    Tcl_DStringInit(&ds);
    NsJobConfigure(jobsPerThread >= 0 ? &jobsPerThread : NULL, timeout != NULL ? &copy : NULL, logMinDuration, &ds);
    return Result(interp, NS_OK, &ds);
}

static int
CreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *desc = NULL, *queueId = NULL;
    int           maxThreads = 4;
    Ns_ReturnCode status;
    Tcl_DString   ds;
    Ns_ObjvSpec   opts[] = {
        {"-desc", Ns_ObjvString, &desc, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec   args[] = {
        {"queueId",     Ns_ObjvString, &queueId,    NULL},
        {"?maxthreads", Ns_ObjvInt,    &maxThreads, (void *)&atLeastOne},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    status = NsJobQueueCreate(queueId, desc != NULL ? desc : "", maxThreads, &ds);
    if (status == NS_OK) {
        Tcl_DStringAppend(&ds, queueId, -1);
    }
    return Result(interp, status, &ds);
}

static int
ExistsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *queueId = NULL, *jobId = NULL;
    bool        exists;
    Tcl_DString ds;

    if (!ParseJob(interp, objc, objv, NULL, &queueId, &jobId)) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    if (NsJobExists(queueId, jobId, &exists, &ds) != NS_OK) {
        return Result(interp, NS_ERROR, &ds);
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(exists));
    return TCL_OK;
}

static int
QueueObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;
    char           *jobId = NULL, *queueId = NULL, *script = NULL;
    int             detached = 0, head = 0;
    Ns_ReturnCode   status;
    Tcl_DString     ds;
    Ns_ObjvSpec     opts[] = {
        {"-detached", Ns_ObjvBool,   &detached, (void *)NS_JOB_DETACHED},
        {"-head",     Ns_ObjvBool,   &head,     (void *)NS_JOB_HEAD},
        {"-jobid",    Ns_ObjvString, &jobId,    NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec     args[] = {
        {"queueId", Ns_ObjvString, &queueId, NULL},
        {"script",  Ns_ObjvString, &script,  NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    status = NsJobAdd(data->server, queueId, jobId != NULL && *jobId != '\0' ? jobId : NULL, script,
                      (unsigned)(detached | head), &ds);
    return Result(interp, status, &ds);
}

/* What the script of a job left, as if it had been evaluated here. */
static int
JobResult(Tcl_Interp *interp, const NsJobResult *result)
{
    int code = result->code;

    Tcl_SetObjResult(interp, Tcl_NewStringObj(result->text, -1));
    if (code == TCL_ERROR && result->options != NULL) {
        code = Tcl_SetReturnOptions(interp, Tcl_NewStringObj(result->options, -1));
    }
    ns_free(result->text);
    ns_free(result->options);
    return code;
}

/* NULL, for ever, when there is no time-out. */
static const Ns_Time *
Deadline(const Ns_Time *timeout, Ns_Time *until)
{
    if (timeout == NULL) {
        return NULL;
    }
    NsMonotonicDeadline(timeout, until);
    return until;
}

/* Jobs that a library file queues run when the server is up: who waited there without an end would wait for himself. */
static bool
Awaitable(Tcl_Interp *interp, const Ns_Time *timeout)
{
    bool ok = timeout != NULL || Ns_InfoStarted();

    if (!ok) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("cannot wait for a job before the server is up: jobs run then", -1));
    }
    return ok;
}

static int
WaitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *queueId = NULL, *jobId = NULL;
    Ns_Time    *timeout = NULL, until;
    NsJobResult result;
    Tcl_DString ds;
    Ns_ObjvSpec opts[] = {
        {"-timeout", Ns_ObjvTime, &timeout, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (!ParseJob(interp, objc, objv, opts, &queueId, &jobId)) {
        return TCL_ERROR;
    }
    if (!Awaitable(interp, timeout)) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    switch (NsJobWait(queueId, jobId, Deadline(timeout, &until), &result, &ds)) {
    case NS_OK:
        return JobResult(interp, &result);
    case NS_TIMEOUT:
        return TimedOut(interp);
    default:
        return Result(interp, NS_ERROR, &ds);
    }
}

static int
WaitAnyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *queueId = NULL;
    Ns_Time      *timeout = NULL, until;
    Ns_ReturnCode status;
    Tcl_DString   ds;
    Ns_ObjvSpec   opts[] = {
        {"-timeout", Ns_ObjvTime, &timeout, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec   args[] = {
        {"queueId", Ns_ObjvString, &queueId, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (!Awaitable(interp, timeout)) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    status = NsJobWaitAny(queueId, Deadline(timeout, &until), &ds);
    return status == NS_TIMEOUT ? TimedOut(interp) : Result(interp, status, &ds);
}

/* The subcommands with a queue as their only argument. */
static int
QueueCmd(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv,
         Ns_ReturnCode (*proc)(const char *queueId, Tcl_DString *ds))
{
    char         *queueId = NULL;
    Ns_ReturnCode status;
    Tcl_DString   ds;
    Ns_ObjvSpec   args[] = {
        {"queueId", Ns_ObjvString, &queueId, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    status = proc(queueId, &ds);
    return Result(interp, status, &ds);
}

static int
DeleteObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return QueueCmd(interp, objc, objv, NsJobQueueDelete);
}

static int
JobListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return QueueCmd(interp, objc, objv, NsJobAppendJobList);
}

static int
JobsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return QueueCmd(interp, objc, objv, NsJobAppendJobs);
}

/* Those without arguments. */
static int
PlainCmd(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, void (*proc)(Tcl_DString *ds))
{
    Tcl_DString ds;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    proc(&ds);
    return Result(interp, NS_OK, &ds);
}

static int
GenIdObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return PlainCmd(interp, objc, objv, NsJobGenId);
}

static int
QueueListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return PlainCmd(interp, objc, objv, NsJobAppendQueueList);
}

static int
QueuesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return PlainCmd(interp, objc, objv, NsJobAppendQueues);
}

static int
ThreadListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return PlainCmd(interp, objc, objv, NsJobAppendThreads);
}

static int
JobObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"cancel",     CancelObjCmd},
        {"configure",  ConfigureObjCmd},
        {"create",     CreateObjCmd},
        {"delete",     DeleteObjCmd},
        {"exists",     ExistsObjCmd},
        {"genid",      GenIdObjCmd},
        {"joblist",    JobListObjCmd},
        {"jobs",       JobsObjCmd},
        {"queue",      QueueObjCmd},
        {"queuelist",  QueueListObjCmd},
        {"queues",     QueuesObjCmd},
        {"threadlist", ThreadListObjCmd},
        {"wait",       WaitObjCmd},
        {"waitany",    WaitAnyObjCmd},
        {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

const NsCmd nsJobCmds[] = {
    {"ns_job", JobObjCmd, NS_CMD_SERVER},
    {NULL, NULL, 0}
};
