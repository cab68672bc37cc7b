/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_http queue: requests that run on the task threads while the script goes on.
 *
 * A request without -done_callback has a handle in its interpreter; one that nobody has waited for is cancelled when the interpreter is
 * cleaned up, at the end of the connection's request at the latest.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include "base/clock.h"
#include "cmd/client/httpqueue.h"
#include "cmd/client/httptask.h"

/* Two may have it: its task thread, until it is done or cancelled, and its interpreter by its handle, until that is waited for or given up. */
typedef struct Queued {
    atomic_int      refs;
    NsHttpTask     *task;
    NsHttpThread   *thread;
    NsTask          beginTask, cancelTask;
    NsHttpExchange *exchange;                  /* the task thread's */
    char            name[32];
    Ns_Mutex        lock;
    Ns_Cond         cond;
    bool            done;                      /* lock */
    Ns_ReturnCode   status;                    /* lock */
} Queued;

static void
Release(Queued *queued)
{
    if (atomic_fetch_sub(&queued->refs, 1) == 1) {
        if (queued->task != NULL) {
            NsHttpTaskFree(queued->task, true);
        }
        NsHttpThreadForget();
        Ns_MutexDestroy(&queued->lock);
        Ns_CondDestroy(&queued->cond);
        ns_free(queued);
    }
}

/* ------------------------------------------------------------------------------------------------------- the task thread */

static void
RunDoneCallback(Queued *queued)
{
    NsHttpTask *task = queued->task;
    Tcl_Interp *interp = Ns_TclAllocateInterp(task->sink.server);
    Tcl_Obj    *command = Tcl_NewStringObj(task->opt.doneCallback, -1), *words[2];
    int         code = NsHttpTaskResult(task, interp, queued->status);

    Tcl_IncrRefCount(command);
    words[0] = Tcl_NewIntObj(code == TCL_OK ? 0 : 1);
    words[1] = Tcl_GetObjResult(interp);
    if (Tcl_ListObjReplace(interp, command, INT_MAX, 0, 2, words) != TCL_OK || Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL) != TCL_OK) {
        (void)Ns_TclLogErrorInfo(interp, "\n(context: done callback of ns_http queue)");
    }
    Tcl_DecrRefCount(command);
    Ns_TclDeAllocateInterp(interp);
}

static void
Done(Ns_ReturnCode status, void *arg)
{
    Queued     *queued = arg;
    NsHttpTask *task = queued->task;
    bool        tell = task->opt.doneCallback != NULL;         /* else who waits may have it from the signal on */

    queued->exchange = NULL;
    if (status == NS_OK && !NsHttpSinkEnd(&task->sink)) {
        status = NS_ERROR;
    }
    NsHttpTaskLog(task, status);
    NsHttpThreadLeave(queued->thread);         /* who waits does not find it running any more */
    Ns_MutexLock(&queued->lock);
    queued->status = status;
    queued->done = true;
    Ns_CondBroadcast(&queued->cond);
    Ns_MutexUnlock(&queued->lock);
    if (tell) {
        RunDoneCallback(queued);
        NsHttpTaskFree(task, status != NS_OK && !task->opt.partialResults);
        queued->task = NULL;
    }
    Release(queued);
}

static void
Begin(NsLoop *loop, NsTask *task)
{
    Queued *queued = (Queued *)((char *)task - offsetof(Queued, beginTask));

    if (NsHttpTaskReady(queued->task)) {
        queued->exchange = NsHttpStart(loop, &queued->task->call, &queued->task->outcome, Done, queued);
    } else {
        Done(NS_ERROR, queued);
    }
}

/* Behind Begin in the order of posting. */
static void
Cancel(NsLoop *loop, NsTask *task)
{
    Queued *queued = (Queued *)((char *)task - offsetof(Queued, cancelTask));

    (void)loop;
    if (queued->exchange != NULL) {
        NsHttpCancel(queued->exchange);
        queued->exchange = NULL;
        NsHttpTaskLog(queued->task, NS_FILTER_BREAK);
        NsHttpThreadLeave(queued->thread);
        Release(queued);
    }
    Release(queued);
}

/* ------------------------------------------------------------------------------------------------------------- handles */

static Tcl_HashTable *
Handles(Tcl_Interp *interp)
{
    return &NsGetInterpData(interp)->httpTasks;
}

static Queued *
Find(Tcl_Interp *interp, const char *name)
{
    Tcl_HashEntry *entry = Tcl_FindHashEntry(Handles(interp), name);

    return entry != NULL ? Tcl_GetHashValue(entry) : NULL;
}

/* Take the handle away: its reference is the caller's. */
static Queued *
Take(Tcl_Interp *interp, const char *name)
{
    Tcl_HashEntry *entry = Tcl_FindHashEntry(Handles(interp), name);
    Queued        *queued = NULL;

    if (entry != NULL) {
        queued = Tcl_GetHashValue(entry);
        Tcl_DeleteHashEntry(entry);
    } else {
        Ns_TclPrintfResult(interp, "no such request: %s", name);
    }
    return queued;
}

/* The caller's reference goes to the task thread with it. */
static void
GiveUp(Queued *queued)
{
    queued->cancelTask.proc = Cancel;
    NsLoopPost(NsHttpThreadLoop(queued->thread), &queued->cancelTask);
}

static void
GiveUpAll(Tcl_Interp *interp)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;

    while ((entry = Tcl_FirstHashEntry(Handles(interp), &search)) != NULL) {
        Queued *queued = Tcl_GetHashValue(entry);

        Tcl_DeleteHashEntry(entry);
        GiveUp(queued);
    }
}

#define DEFERRED "ns:httpqueue"                /* there when Cleanup is to be called */

static void
Cleanup(Tcl_Interp *interp, void *arg)
{
    (void)arg;
    Tcl_DeleteAssocData(interp, DEFERRED);
    GiveUpAll(interp);
}

static void
SetHandle(Tcl_Interp *interp, Queued *queued)
{
    static atomic_ullong serial;
    Tcl_HashTable       *handles = Handles(interp);
    int                  isNew;

    if (Tcl_GetAssocData(interp, DEFERRED, NULL) == NULL) {
        Tcl_SetAssocData(interp, DEFERRED, NULL, handles);
        NsInterpDefer(interp, Cleanup, NULL);
    }
    snprintf(queued->name, sizeof(queued->name), "http%llu", (unsigned long long)atomic_fetch_add(&serial, 1u));
    Tcl_SetHashValue(Tcl_CreateHashEntry(handles, queued->name, &isNew), queued);
    atomic_fetch_add(&queued->refs, 1);
    Tcl_SetObjResult(interp, Tcl_NewStringObj(queued->name, -1));
}

/* ------------------------------------------------------------------------------------------------------------ commands */

int
NsHttpQueueObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsHttpTask   *task = NsHttpTaskCreate(clientData, interp, true, objc, objv);
    NsHttpThread *thread;
    Queued       *queued;

    if (task == NULL) {
        return TCL_ERROR;
    }
    thread = NsHttpThreadEnter();
    if (thread == NULL) {
        Ns_TclPrintfResult(interp, "%s", errno == EAGAIN ? "too many requests in the queue (httpqueue)"
                           : errno == ECANCELED ? "the server is shutting down" : strerror(errno));
        NsHttpTaskFree(task, true);
        return TCL_ERROR;
    }
    queued = ns_calloc(1u, sizeof(*queued));
    queued->task = task;
    queued->thread = thread;
    atomic_init(&queued->refs, 1);
    Ns_MutexInit(&queued->lock);
    Ns_CondInit(&queued->cond);
    task->interp = NULL;                       /* another thread's from now on */
    if (task->opt.doneCallback == NULL) {
        SetHandle(interp, queued);
    }
    queued->beginTask.proc = Begin;
    NsLoopPost(NsHttpThreadLoop(thread), &queued->beginTask);
    return TCL_OK;
}

typedef struct WaitOptions {
    int         binary, decompress;
    char       *elapsed, *file, *outputFile, *result, *status, *id;
    Ns_Set     *headers;
    Tcl_WideInt spoolSize;
    Ns_Time    *timeout;
} WaitOptions;

static int
ParseWait(Tcl_Interp *interp, WaitOptions *o, int objc, Tcl_Obj *const *objv)
{
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &o->binary, NULL},
        {"-decompress", Ns_ObjvBool, &o->decompress, NULL},
        {"-elapsed", Ns_ObjvString, &o->elapsed, NULL},
        {"-file", Ns_ObjvString, &o->file, NULL},
        {"-headers", Ns_ObjvSet, &o->headers, NULL},
        {"-outputfile", Ns_ObjvString, &o->outputFile, NULL},
        {"-result", Ns_ObjvString, &o->result, NULL},
        {"-spoolsize", Ns_ObjvMemUnit, &o->spoolSize, NULL},
        {"-status", Ns_ObjvString, &o->status, NULL},
        {"-timeout", Ns_ObjvTime, &o->timeout, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"id", Ns_ObjvString, &o->id, NULL}, {NULL, NULL, NULL, NULL}};

    o->spoolSize = -1;
    return Ns_ParseObjv(opts, args, interp, 2, objc, objv) == NS_OK ? TCL_OK : TCL_ERROR;
}

/*
 * False: it is not done in time.  Without a time-out the request's own counts; but the thread that minds it may end, with the process:
 * it is looked at every second.
 */
static bool
Await(Queued *queued, const Ns_Time *timeout)
{
    static const Ns_Time second = {1, 0};
    Ns_Time              until;
    bool                 done, over = false;

    Ns_MutexLock(&queued->lock);
    NsMonotonicAfter(timeout != NULL ? timeout : &second, &until);
    while (!queued->done && !over) {
        if (NsCondWaitUntil(&queued->cond, &queued->lock, &until) != NS_OK) {
            over = timeout != NULL || NsHttpThreadsStopped();
            NsMonotonicAfter(&second, &until);
        }
    }
    done = queued->done;
    Ns_MutexUnlock(&queued->lock);
    return done;
}

static int
TimedOut(Tcl_Interp *interp)
{
    Tcl_SetObjResult(interp, Tcl_NewStringObj("http request cancelled", -1));
    Tcl_SetErrorCode(interp, "NS_TIMEOUT", NULL);
    return TCL_ERROR;
}

/* What is said only now of how the body is wanted: it is in memory, if it is not spooled. */
static bool
Reshape(NsHttpTask *task, const WaitOptions *o)
{
    NsHttpSink *sink = &task->sink;

    task->opt.binary = task->opt.binary || o->binary;
    if (o->decompress && !NsHttpSinkInflateNow(sink, task->outcome.headers)) {
        return false;
    }
    if (o->spoolSize >= 0 && !sink->spooled && Tcl_DStringLength(&sink->memory) >= o->spoolSize) {
        sink->outputFile = o->outputFile != NULL ? o->outputFile : sink->outputFile;
        return NsHttpSinkSpoolNow(sink);
    }
    return true;
}

static int
SetVariable(Tcl_Interp *interp, const char *name, Tcl_Obj *dict, const char *key)
{
    Tcl_Obj *keyObj = Tcl_NewStringObj(key, -1), *value = NULL;
    int      status = TCL_OK;

    Tcl_IncrRefCount(keyObj);
    if (name != NULL && Tcl_DictObjGet(interp, dict, keyObj, &value) == TCL_OK && value != NULL
        && Tcl_SetVar2Ex(interp, name, NULL, value, TCL_LEAVE_ERR_MSG) == NULL) {
        status = TCL_ERROR;
    }
    Tcl_DecrRefCount(keyObj);
    return status;
}

/* The result as a dictionary, and its parts in variables and the set. */
static int
HandOut(Tcl_Interp *interp, const WaitOptions *o, NsHttpTask *task)
{
    Tcl_Obj *dict;
    int      status;

    if (o->headers != NULL && task->outcome.headers != NULL) {
        Ns_SetMerge(o->headers, task->outcome.headers);
    }
    status = NsHttpTaskResult(task, interp, NS_OK);
    dict = Tcl_GetObjResult(interp);
    Tcl_IncrRefCount(dict);
    if (SetVariable(interp, o->elapsed, dict, "time") != TCL_OK || SetVariable(interp, o->status, dict, "status") != TCL_OK
        || SetVariable(interp, o->result, dict, "body") != TCL_OK || SetVariable(interp, o->file, dict, "file") != TCL_OK) {
        status = TCL_ERROR;
    } else {
        Tcl_SetObjResult(interp, dict);
    }
    Tcl_DecrRefCount(dict);
    return status;
}

static int
WaitResult(Tcl_Interp *interp, const WaitOptions *o, Queued *queued)
{
    NsHttpTask   *task = queued->task;
    Ns_ReturnCode status = queued->status;

    if (status == NS_OK && !Reshape(task, o)) {
        status = NS_ERROR;
    }
    if (status == NS_OK) {
        return HandOut(interp, o, task);
    }
    if (status == NS_TIMEOUT && !(task->opt.partialResults && task->outcome.status != 0)) {
        return TimedOut(interp);
    }
    return NsHttpTaskResult(task, interp, status);
}

int
NsHttpWaitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    WaitOptions o = {0};
    Queued     *queued = NULL;
    int         result;

    (void)clientData;
    if (ParseWait(interp, &o, objc, objv) != TCL_OK || (queued = Take(interp, o.id)) == NULL) {
        return TCL_ERROR;
    }
    if (!Await(queued, o.timeout)) {
        GiveUp(queued);
        return TimedOut(interp);
    }
    result = WaitResult(interp, &o, queued);
    NsHttpTaskFree(queued->task, result != TCL_OK && !queued->task->opt.partialResults);
    queued->task = NULL;
    Release(queued);
    return result;
}

int
NsHttpCancelObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *id;
    Ns_ObjvSpec args[] = {{"id", Ns_ObjvString, &id, NULL}, {NULL, NULL, NULL, NULL}};
    Queued     *queued;

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (queued = Take(interp, id)) == NULL) {
        return TCL_ERROR;
    }
    GiveUp(queued);
    return TCL_OK;
}

int
NsHttpCleanupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    (void)clientData;
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    GiveUpAll(interp);
    return TCL_OK;
}

/* ---- list and stats ---- */

static void
AppendInt(Tcl_Obj *list, const char *key, long long value)
{
    (void)Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(key, -1));
    (void)Tcl_ListObjAppendElement(NULL, list, Tcl_NewWideIntObj(value));
}

static void
AppendText(Tcl_Obj *list, const char *text)
{
    (void)Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(text, -1));
}

/* Handle, URL, state: three words. */
static void
AppendState(Tcl_Obj *list, Queued *queued)
{
    bool done;

    Ns_MutexLock(&queued->lock);
    done = queued->done;
    Ns_MutexUnlock(&queued->lock);
    AppendText(list, queued->name);
    AppendText(list, queued->task->opt.url);
    AppendText(list, done ? "done" : "running");
}

static Tcl_Obj *
StatsOf(const Queued *queued)
{
    NsHttpTask *task = queued->task;
    long long   bodySize = task->source.present && task->source.size > 0 ? task->source.size : 0;
    Tcl_Obj    *dict = Tcl_NewListObj(0, NULL);

    AppendText(dict, "task");
    AppendText(dict, queued->name);
    AppendText(dict, "url");
    AppendText(dict, task->opt.url);
    AppendInt(dict, "requestlength", (long long)task->call.headLen + bodySize);
    AppendInt(dict, "replylength", atomic_load(&task->progress.length));
    AppendInt(dict, "sent", atomic_load(&task->progress.sent));
    AppendInt(dict, "received", atomic_load(&task->progress.received));
    AppendInt(dict, "sendbodysize", bodySize);
    AppendInt(dict, "replybodysize", atomic_load(&task->bodyReceived));
    AppendInt(dict, "replysize", atomic_load(&task->bodyTaken));
    return dict;
}

static void
AppendStats(Tcl_Obj *list, Queued *queued)
{
    (void)Tcl_ListObjAppendElement(NULL, list, StatsOf(queued));
}

/* With an id that one, nothing if there is none. */
static int
ForEach(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, void (*append)(Tcl_Obj *list, Queued *queued), bool single)
{
    char          *id = NULL;
    Ns_ObjvSpec    args[] = {{"?id", Ns_ObjvString, &id, NULL}, {NULL, NULL, NULL, NULL}};
    Tcl_Obj       *list;
    Queued        *queued;

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    if (id == NULL) {
        Tcl_HashSearch search;

        for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(Handles(interp), &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
            append(list, Tcl_GetHashValue(entry));
        }
    } else if ((queued = Find(interp, id)) != NULL) {
        if (single) {
            Tcl_DecrRefCount(list);
            list = StatsOf(queued);
        } else {
            append(list, queued);
        }
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

int
NsHttpListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    (void)clientData;
    return ForEach(interp, objc, objv, AppendState, false);
}

int
NsHttpStatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    (void)clientData;
    return ForEach(interp, objc, objv, AppendStats, true);
}
