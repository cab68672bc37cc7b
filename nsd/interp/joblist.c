/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Lists of what the jobs are doing.
 */
#include <stdio.h>

#include "base/clock.h"
#include "interp/jobint.h"

static void
AppendPair(Tcl_DString *ds, const char *key, const char *value)
{
    Tcl_DStringAppendElement(ds, key);
    Tcl_DStringAppendElement(ds, value);
}

static void
AppendIntPair(Tcl_DString *ds, const char *key, int value)
{
    char text[16];

    snprintf(text, sizeof text, "%d", value);
    AppendPair(ds, key, text);
}

void
NsJobAppendThreads(Tcl_DString *ds)
{
    NsJobsLock();
    AppendIntPair(ds, "maxthreads", nsJobs.maxRunners);
    AppendIntPair(ds, "numthreads", nsJobs.runners);
    AppendIntPair(ds, "numidle", nsJobs.idle);
    AppendPair(ds, "req", nsJobs.stopping ? "stop" : "none");
    Ns_MutexUnlock(&nsJobs.lock);
}

/* ----------------------------------------------------------------------------------------------------------- lists */

/* Seconds; 0: not yet. */
static void
AppendTimePair(Tcl_DString *ds, const char *key, const Ns_Time *time)
{
    char text[48];

    snprintf(text, sizeof text, time->sec == 0 ? "0" : "%ld.%06ld", time->sec, time->usec);
    AppendPair(ds, key, text);
}

void
NsJobAppendQueues(Tcl_DString *ds)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;

    NsJobsLock();
    for (entry = Tcl_FirstHashEntry(&nsJobs.queues, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        Tcl_DStringAppendElement(ds, Tcl_GetHashKey(&nsJobs.queues, entry));
    }
    Ns_MutexUnlock(&nsJobs.lock);
}

void
NsJobAppendQueueList(Tcl_DString *ds)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;

    NsJobsLock();
    for (entry = Tcl_FirstHashEntry(&nsJobs.queues, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        const NsJobQueue *queue = Tcl_GetHashValue(entry);

        Tcl_DStringStartSublist(ds);
        AppendPair(ds, "name", queue->name);
        AppendPair(ds, "desc", queue->desc);
        AppendIntPair(ds, "maxthreads", queue->maxThreads);
        AppendIntPair(ds, "numrunning", queue->running);
        AppendPair(ds, "req", queue->deleted ? "delete" : "none");
        Tcl_DStringEndSublist(ds);
    }
    Ns_MutexUnlock(&nsJobs.lock);
}

static void
AppendId(Tcl_DString *ds, const NsJob *job)
{
    Tcl_DStringAppendElement(ds, job->id);
}

static void
AppendJob(Tcl_DString *ds, const NsJob *job)
{
    static const char *const states[] = {
        [NS_JOB_SCHEDULED] = "scheduled", [NS_JOB_RUNNING] = "running", [NS_JOB_DONE] = "done"
    };
    Ns_Time now, took = {0, 0};
    char    text[48];

    if (job->state == NS_JOB_DONE) {
        now = job->ended;
    } else {
        NsGetMonotonicTime(&now);
    }
    if (job->start.sec != 0) {
        (void)Ns_DiffTime(&now, &job->begun, &took);
    }
    Tcl_DStringStartSublist(ds);
    AppendPair(ds, "id", job->id);
    AppendPair(ds, "state", states[job->state]);
    AppendPair(ds, "results", job->result.text != NULL ? job->result.text : "");
    AppendPair(ds, "script", job->script);
    AppendPair(ds, "code", job->result.code == TCL_OK ? "TCL_OK" : "TCL_ERROR");
    AppendPair(ds, "type", job->detached ? "detached" : "nondetached");
    AppendPair(ds, "req", job->cancelled ? "cancel" : job->waiters > 0 ? "wait" : "none");
    AppendPair(ds, "thread", job->thread != NULL ? job->thread : "");
    AppendTimePair(ds, "starttime", &job->start);
    AppendTimePair(ds, "endtime", &job->end);
    snprintf(text, sizeof text, "%ld.%03ld", took.sec * 1000 + took.usec / 1000, took.usec % 1000);
    AppendPair(ds, "time", text);                          /* milliseconds */
    Tcl_DStringEndSublist(ds);
}

static Ns_ReturnCode
AppendEach(const char *queueName, Tcl_DString *ds, void (*append)(Tcl_DString *ds, const NsJob *job))
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;
    NsJobQueue    *queue;

    NsJobsLock();
    queue = NsJobFindQueue(queueName, ds);
    if (queue != NULL) {
        for (entry = Tcl_FirstHashEntry(&queue->jobs, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
            append(ds, Tcl_GetHashValue(entry));
        }
    }
    Ns_MutexUnlock(&nsJobs.lock);
    return queue != NULL ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
NsJobAppendJobs(const char *queueName, Tcl_DString *ds)
{
    return AppendEach(queueName, ds, AppendId);
}

Ns_ReturnCode
NsJobAppendJobList(const char *queueName, Tcl_DString *ds)
{
    return AppendEach(queueName, ds, AppendJob);
}
