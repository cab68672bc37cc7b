/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The threads of the jobs.
 *
 * A queue that has waiting jobs and may run one more is in the line `nsJobs.ready`, once: a thread takes the first queue
 * of the line, the first job of the queue, and puts the queue at the end of the line if it may go on.  Threads are made
 * when there are more queues in line than idle threads.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "conf/info.h"
#include "interp/interp.h"
#include "interp/jobint.h"

typedef struct Runner {
    struct Runner *next;
    Ns_Thread      thread;
} Runner;

static Ns_Cond     work;                       /* a queue is ready, or it is time to stop */
static Ns_Cond     runnerEnded;
static Runner     *endedRunners;               /* to be joined */
static unsigned    runnerSerial;
static int         jobsPerThread;              /* 0: no limit */
static Ns_Time     idleTime = {300, 0}, longRun = {1, 0};

static void RunnerThread(void *arg);

/* ------------------------------------------------------------------------------------- all here with the lock held */

static void
StartRunner(void)
{
    Runner *runner = ns_calloc(1, sizeof *runner);

    nsJobs.runners++;
    Ns_ThreadCreate(RunnerThread, runner, 0, &runner->thread);
}

static void
StartRunnerIfNeeded(void)
{
    if (nsJobs.readyCount > nsJobs.idle && nsJobs.runners < nsJobs.maxRunners && !nsJobs.stopping) {
        StartRunner();
    }
}

void
NsJobLineUp(NsJobQueue *queue)
{
    if (queue->first == NULL || queue->running >= queue->maxThreads || queue->inLine || nsJobs.stopping) {
        return;
    }
    queue->inLine = true;
    queue->nextReady = NULL;
    *nsJobs.lastReady = queue;
    nsJobs.lastReady = &queue->nextReady;
    nsJobs.readyCount++;
    StartRunnerIfNeeded();
    Ns_CondSignal(&work);
}

/* --------------------------------------------------------------------------------------------------------- threads */

/* Without the lock. */
static int
EvalScript(NsJob *job, Tcl_Interp *interp)
{
    Tcl_Obj *script = Tcl_NewStringObj(job->script, -1);
    int      code;

    Tcl_IncrRefCount(script);
    code = Tcl_EvalObjEx(interp, script, TCL_EVAL_GLOBAL);
    Tcl_DecrRefCount(script);
    if (code == TCL_ERROR && job->detached) {
        (void)Ns_TclLogErrorInfo(interp, "\n    (running a detached job)");
    }
    return code == TCL_OK ? TCL_OK : TCL_ERROR;
}

/*
 * A cancellation that came just as the script ended has yet to be noticed: by an empty script, not by the clean-up.
 * And what was cut off may have left anything behind.
 */
static void
RecoverCancelled(Tcl_Interp *interp)
{
    Tcl_Obj *nothing = Tcl_NewObj();

    Tcl_IncrRefCount(nothing);
    (void)Tcl_EvalObjEx(interp, nothing, TCL_EVAL_GLOBAL);
    Tcl_DecrRefCount(nothing);
    NsGetInterpData(interp)->deleteWhenGiven = true;
}

/* Without the lock. */
static void
LogLongRun(const NsJob *job, const Ns_Time *limit)
{
    Ns_Time took;

    if (Ns_DiffTime(&job->ended, &job->begun, &took) > 0 && Ns_DiffTime(&took, limit, NULL) > 0) {
        Ns_Log(Notice, "job: %s of queue %s took %ld.%06lds: %.200s", job->id, job->queue->name, took.sec, took.usec,
               job->script);
    }
}

/* The lock is held; it is given up while the script runs. */
static void
RunJob(NsJob *job)
{
    Tcl_Interp *interp;
    Ns_Time     limit = longRun;
    int         code = TCL_ERROR;
    bool        cancelled;

    job->state = NS_JOB_RUNNING;
    job->thread = ns_strdup(Ns_ThreadGetName());
    Ns_GetTime(&job->start);
    NsGetMonotonicTime(&job->begun);
    Ns_MutexUnlock(&nsJobs.lock);
    interp = NsInterpTake(job->server);

    Ns_MutexLock(&nsJobs.lock);
    job->interp = interp;
    cancelled = job->cancelled;
    Ns_MutexUnlock(&nsJobs.lock);
    if (!cancelled) {
        code = EvalScript(job, interp);
    }

    Ns_MutexLock(&nsJobs.lock);
    job->interp = NULL;                        /* nobody cancels it from here on */
    cancelled = job->cancelled;
    Ns_GetTime(&job->end);
    NsGetMonotonicTime(&job->ended);
    if (cancelled) {
        NsJobSetResult(job, TCL_ERROR, "the job was cancelled", NULL);
    } else {
        Tcl_Obj *options = code == TCL_ERROR ? Tcl_GetReturnOptions(interp, code) : NULL;

        if (options != NULL) {
            Tcl_IncrRefCount(options);
        }
        NsJobSetResult(job, code, Tcl_GetStringResult(interp), options != NULL ? Tcl_GetString(options) : NULL);
        if (options != NULL) {
            Tcl_DecrRefCount(options);
        }
    }
    Ns_MutexUnlock(&nsJobs.lock);
    if (cancelled) {
        RecoverCancelled(interp);
    }
    LogLongRun(job, &limit);
    NsInterpGive(interp);
    Ns_MutexLock(&nsJobs.lock);
}

/* The lock is held: wait for a queue that has a job; NULL: it is time to end. */
static NsJobQueue *
NextQueue(void)
{
    Ns_ReturnCode status = NS_OK;
    NsJobQueue   *queue;
    Ns_Time       since;

    NsGetMonotonicTime(&since);
    nsJobs.idle++;
    while (nsJobs.ready == NULL && !nsJobs.stopping && status == NS_OK) {
        Ns_Time until = since;                 /* ns_job configure may have changed it */

        Ns_IncrTime(&until, idleTime.sec, idleTime.usec);
        status = NsCondWaitUntil(&work, &nsJobs.lock, &until);
    }
    nsJobs.idle--;
    queue = nsJobs.stopping ? NULL : nsJobs.ready;
    if (queue != NULL) {
        NS_CHECK(queue, NS_JOB_QUEUE_MAGIC);
        NsJobLeaveLine(queue);
    }
    return queue;
}

static void
JoinRunners(Runner *runner)
{
    while (runner != NULL) {
        Runner *next = runner->next;

        Ns_ThreadJoin(&runner->thread, NULL);
        ns_free(runner);
        runner = next;
    }
}

static void
RunnerThread(void *arg)
{
    Runner *self = arg, *others;
    int     count = 0;

    NsInfoAwait(NS_PHASE_STARTED);
    NsJobsLock();
    Ns_ThreadSetName("-job:%u-", runnerSerial++);
    while (jobsPerThread == 0 || count < jobsPerThread) {
        NsJobQueue *queue = NextQueue();
        NsJob      *job;

        if (queue == NULL) {
            break;
        }
        job = queue->first;
        queue->first = job->next;
        if (queue->first == NULL) {
            queue->last = &queue->first;
        }
        queue->running++;
        NsJobLineUp(queue);
        RunJob(job);
        queue->running--;
        NsJobEnded(job);
        NsJobLineUp(queue);
        NsJobFreeQueueIfDone(queue);
        count++;
    }
    nsJobs.runners--;
    StartRunnerIfNeeded();                     /* work that came while this one was about to end */
    others = endedRunners;
    self->next = NULL;
    endedRunners = self;
    Ns_CondBroadcast(&runnerEnded);
    Ns_MutexUnlock(&nsJobs.lock);
    JoinRunners(others);
}

/* -------------------------------------------------------------------------------------- start, stop and parameters */

void
NsJobsReadParameters(void)
{
    NsJobsLock();
    jobsPerThread = Ns_ConfigIntRange("ns/parameters", "jobsperthread", 0, 0, INT32_MAX);
    Ns_ConfigTimeUnitRange("ns/parameters", "jobtimeout", "5m", 0, 0, INT32_MAX, 0, &idleTime);
    Ns_ConfigTimeUnitRange("ns/parameters", "joblogminduration", "1s", 0, 0, INT32_MAX, 0, &longRun);
    Ns_MutexUnlock(&nsJobs.lock);
}

void
NsJobsStop(const Ns_Time *until)
{
    Ns_ReturnCode status = NS_OK;
    Runner       *ended;
    int           dropped;

    NsJobsLock();
    nsJobs.stopping = true;
    dropped = NsJobsDropAll();
    if (dropped > 0) {
        Ns_Log(Warning, "job: %d jobs that had not begun are dropped", dropped);
    }
    Ns_CondBroadcast(&work);
    while (nsJobs.runners > 0 && status == NS_OK) {
        status = NsCondWaitUntil(&runnerEnded, &nsJobs.lock, until);
    }
    if (nsJobs.runners > 0) {
        Ns_Log(Warning, "job: %d jobs still run; they are left", nsJobs.runners);
    }
    ended = endedRunners;
    endedRunners = NULL;
    Ns_MutexUnlock(&nsJobs.lock);
    JoinRunners(ended);
}

void
NsJobConfigure(const int *perThread, const Ns_Time *timeout, const Ns_Time *logMinDuration, Tcl_DString *ds)
{
    char text[160];

    NsJobsLock();
    snprintf(text, sizeof text, "jobsperthread %d timeout %ld.%06ld logminduration %ld.%06ld", jobsPerThread,
             idleTime.sec, idleTime.usec, longRun.sec, longRun.usec);
    if (perThread != NULL) {
        jobsPerThread = *perThread;
    }
    if (timeout != NULL) {
        idleTime = *timeout;
        Ns_CondBroadcast(&work);
    }
    if (logMinDuration != NULL) {
        longRun = *logMinDuration;
    }
    Ns_MutexUnlock(&nsJobs.lock);
    Tcl_DStringAppend(ds, text, -1);
}

