/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_thread: threads that run a script.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "cmd/cmds.h"
#include "conf/info.h"
#include "interp/interp.h"

/* Owned by its thread if that is detached, else by who waits for it. */
typedef struct Job {
    Ns_Thread   thread;
    NsServer   *server;
    char       *name, *script;
    unsigned    serial;
    bool        detached;
    Tcl_DString result;
} Job;

static Ns_Mutex      lock;
static Tcl_HashTable jobs;                     /* "tid<n>": Job *, of those that can be waited for; under lock */
static bool          jobsReady;                /* under lock */
static atomic_uint   lastSerial;

extern Tcl_ObjCmdProc NsTclThreadObjCmd;

static void
JobFree(Job *job)
{
    Tcl_DStringFree(&job->result);
    ns_free(job->name);
    ns_free(job->script);
    ns_free(job);
}

static void
RunJob(void *arg)
{
    Job        *job = arg;
    Tcl_Interp *interp;

    if (job->name != NULL) {
        Ns_ThreadSetName("-tcl-%s:%u-", job->name, job->serial);
    } else {
        Ns_ThreadSetName("-tcl:%u-", job->serial);
    }
    NsInfoAwait(NS_PHASE_STARTED);
    interp = NsInterpTake(job->server);
    if (Tcl_EvalEx(interp, job->script, -1, TCL_EVAL_GLOBAL) == TCL_OK) {
        int         len;
        const char *text = Tcl_GetStringFromObj(Tcl_GetObjResult(interp), &len);

        Tcl_DStringAppend(&job->result, text, len);
    } else {
        Tcl_DStringAppend(&job->result, Ns_TclLogErrorInfo(interp, NULL), -1);
    }
    NsInterpGive(interp);
    if (job->detached) {
        JobFree(job);
    }
}

/* create, begin; begindetached */
static int
Start(NsInterp *data, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, int detached)
{
    const char *script, *name = NULL;
    char        handle[32];
    Job        *job;
    Ns_ObjvSpec opts[] = {
        {"-detached", Ns_ObjvBool, &detached, NULL}, {"-name", Ns_ObjvString, &name, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"script", Ns_ObjvString, &script, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    job = ns_calloc(1, sizeof(*job));
    Tcl_DStringInit(&job->result);
    job->server = data->server;
    job->name = ns_strdup(name);
    job->script = ns_strdup(script);
    job->serial = atomic_fetch_add(&lastSerial, 1);
    job->detached = detached != 0;
    if (detached) {
        Ns_ThreadCreate(RunJob, job, 0, NULL);
    } else {
        int isNew;

        snprintf(handle, sizeof(handle), "tid%u", job->serial);
        Ns_ThreadCreate(RunJob, job, 0, &job->thread);
        Ns_MutexLock(&lock);
        if (!jobsReady) {
            Tcl_InitHashTable(&jobs, TCL_STRING_KEYS);
            Ns_MutexSetName(&lock, "ns:tclthread");
            jobsReady = true;
        }
        Tcl_SetHashValue(Tcl_CreateHashEntry(&jobs, handle, &isNew), job);
        Ns_MutexUnlock(&lock);
        Tcl_SetObjResult(interp, Tcl_NewStringObj(handle, -1));
    }
    return TCL_OK;
}

static int
CreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Start(clientData, interp, objc, objv, 0);
}

static int
BeginDetachedObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Start(clientData, interp, objc, objv, 1);
}

/* wait, join: the script's result, or the trace of its error. */
static int
WaitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char    *handle;
    Tcl_HashEntry *entry;
    Job           *job = NULL;
    Ns_ObjvSpec    args[] = {{"threadid", Ns_ObjvString, &handle, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (!Ns_InfoStarted()) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("cannot wait for a thread before the server is up: threads start then", -1));
        return TCL_ERROR;
    }
    /* Who takes it out of the table is the one who waits. */
    Ns_MutexLock(&lock);
    entry = jobsReady ? Tcl_FindHashEntry(&jobs, handle) : NULL;
    if (entry != NULL) {
        job = Tcl_GetHashValue(entry);
        Tcl_DeleteHashEntry(entry);
    }
    Ns_MutexUnlock(&lock);
    if (job == NULL) {
        Ns_TclPrintfResult(interp, "invalid address \"%s\"", handle);
        return TCL_ERROR;
    }
    Ns_ThreadJoin(&job->thread, NULL);
    Tcl_SetObjResult(interp, Tcl_NewStringObj(Tcl_DStringValue(&job->result), Tcl_DStringLength(&job->result)));
    JobFree(job);
    return TCL_OK;
}

/* id, getid */
static int
IdObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_TclPrintfResult(interp, "%" PRIxPTR, Ns_ThreadId());
    return TCL_OK;
}

/* handle, get: of the calling thread's structure. */
static int
HandleObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Thread self;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_ThreadSelf(&self);
    Ns_TclPrintfResult(interp, "thread%p", (void *)self);
    return TCL_OK;
}

static int
NameObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char *name = NULL;
    Ns_ObjvSpec args[] = {{"?name", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (name != NULL) {
        Ns_ThreadSetName("%s", name);
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj(Ns_ThreadGetName(), -1));
    return TCL_OK;
}

/* The calling thread's stack: size, used so far at this place, and free, in bytes. */
static int
StackInfoObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    size_t size, used;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_ThreadGetThreadInfo(&size, &used);
    Ns_TclPrintfResult(interp, "max %zu used %zu free %zu", size, used, size - used);
    return TCL_OK;
}

static int
YieldObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_ThreadYield();
    return TCL_OK;
}

int
NsTclThreadObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"begin", CreateObjCmd}, {"begindetached", BeginDetachedObjCmd}, {"create", CreateObjCmd},
        {"get", HandleObjCmd}, {"getid", IdObjCmd}, {"handle", HandleObjCmd}, {"id", IdObjCmd}, {"join", WaitObjCmd},
        {"name", NameObjCmd}, {"stackinfo", StackInfoObjCmd}, {"wait", WaitObjCmd}, {"yield", YieldObjCmd},
        {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}
