/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Jobs and their queues.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "interp/jobint.h"

static unsigned jobSerial, queueSerial;

/* ------------------------------------------------------------------------------------------------------------ jobs */

/* NULL, without a message: no such job. */
static NsJob *
LookUpJob(NsJobQueue *queue, const char *id)
{
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&queue->jobs, id);
    NsJob         *job = entry != NULL ? Tcl_GetHashValue(entry) : NULL;

    if (job != NULL) {
        NS_CHECK(job, NS_JOB_MAGIC);
    }
    return job;
}

static NsJob *
FindJob(const char *queueName, const char *id, Tcl_DString *error)
{
    NsJobQueue *queue = NsJobFindQueue(queueName, error);
    NsJob      *job = NULL;

    if (queue != NULL) {
        job = LookUpJob(queue, id);
        if (job == NULL) {
            Tcl_DStringAppend(error, "no such job: ", -1);
            Tcl_DStringAppend(error, id, -1);
        }
    }
    return job;
}

/* ---------------------------------------------------------------------------------------------------------- queues */

Ns_ReturnCode
NsJobQueueCreate(const char *name, const char *desc, int maxThreads, Tcl_DString *error)
{
    Tcl_HashEntry *entry;
    NsJobQueue    *queue;
    int            isNew;

    NsJobsLock();
    entry = Tcl_CreateHashEntry(&nsJobs.queues, name, &isNew);
    if (isNew) {
        queue = ns_calloc(1, sizeof *queue);
        queue->magic = NS_JOB_QUEUE_MAGIC;
        queue->entry = entry;
        queue->name = ns_strdup(name);
        queue->desc = ns_strdup(desc);
        queue->maxThreads = maxThreads;
        queue->last = &queue->first;
        Tcl_InitHashTable(&queue->jobs, TCL_STRING_KEYS);
        Ns_CondInit(&queue->changed);
        Tcl_SetHashValue(entry, queue);
        nsJobs.maxRunners += maxThreads;
    } else {
        Tcl_DStringAppend(error, "queue already exists: ", -1);
        Tcl_DStringAppend(error, name, -1);
    }
    Ns_MutexUnlock(&nsJobs.lock);
    return isNew ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
NsJobQueueDelete(const char *name, Tcl_DString *error)
{
    NsJobQueue *queue;

    NsJobsLock();
    queue = NsJobFindQueue(name, error);
    if (queue != NULL) {
        queue->deleted = true;
        NsJobFreeQueueIfDone(queue);
    }
    Ns_MutexUnlock(&nsJobs.lock);
    return queue != NULL ? NS_OK : NS_ERROR;
}

void
NsJobGenId(Tcl_DString *ds)
{
    char    text[64];
    Ns_Time now;

    Ns_GetTime(&now);
    NsJobsLock();
    snprintf(text, sizeof text, "jobqueue%u.%lx", queueSerial++, now.sec);
    Ns_MutexUnlock(&nsJobs.lock);
    Tcl_DStringAppend(ds, text, -1);
}

/* ------------------------------------------------------------------------------------------------------------ jobs */

/* The lock is held.  An entry for a new job, under `id` or one that is made. */
static Tcl_HashEntry *
NewEntry(NsJobQueue *queue, const char *id)
{
    Tcl_HashEntry *entry;
    char           made[32];
    int            isNew;

    do {
        if (id == NULL) {
            snprintf(made, sizeof made, "job%u", jobSerial++);
        }
        entry = Tcl_CreateHashEntry(&queue->jobs, id == NULL ? made : id, &isNew);
    } while (!isNew && id == NULL);
    return isNew ? entry : NULL;
}

static NsJob *
JobNew(NsJobQueue *queue, Tcl_HashEntry *entry, NsServer *server, const char *script, unsigned flags)
{
    NsJob *job = ns_calloc(1, sizeof *job);

    job->magic = NS_JOB_MAGIC;
    job->queue = queue;
    job->entry = entry;
    job->id = ns_strdup(Tcl_GetHashKey(&queue->jobs, entry));
    job->script = ns_strdup(script);
    job->server = server;
    job->detached = (flags & NS_JOB_DETACHED) != 0;
    Tcl_SetHashValue(entry, job);
    return job;
}

/* The lock is held. */
static void
Append(NsJobQueue *queue, NsJob *job, bool head)
{
    if (head) {
        job->next = queue->first;
        queue->first = job;
        if (job->next == NULL) {
            queue->last = &job->next;
        }
    } else {
        *queue->last = job;
        queue->last = &job->next;
    }
}

Ns_ReturnCode
NsJobAdd(NsServer *server, const char *queueName, const char *id, const char *script, unsigned flags, Tcl_DString *out)
{
    Ns_ReturnCode  status = NS_ERROR;
    NsJobQueue    *queue;
    Tcl_HashEntry *entry;

    NsJobsLock();
    queue = NsJobFindQueue(queueName, out);
    if (queue == NULL) {
        goto done;
    }
    if (nsJobs.stopping) {
        Tcl_DStringAppend(out, "The server is shutting down", -1);
        goto done;
    }
    if (queue->deleted) {
        Tcl_DStringAppend(out, "The specified queue is being deleted: ", -1);
        Tcl_DStringAppend(out, queueName, -1);
        goto done;
    }
    entry = NewEntry(queue, id);
    if (entry == NULL) {
        Tcl_DStringAppend(out, "Job ", -1);
        Tcl_DStringAppend(out, id, -1);
        Tcl_DStringAppend(out, " already exists", -1);
        goto done;
    }
    Tcl_DStringAppend(out, Tcl_GetHashKey(&queue->jobs, entry), -1);
    Append(queue, JobNew(queue, entry, server, script, flags), (flags & NS_JOB_HEAD) != 0);
    NsJobLineUp(queue);
    status = NS_OK;

 done:
    Ns_MutexUnlock(&nsJobs.lock);
    return status;
}

/* The lock is held: the result to one who has waited for it. */
static void
TakeResult(NsJob *job, NsJobResult *result)
{
    NsJobUnlink(job);
    if (job->waiters == 0) {
        *result = job->result;
        job->result = (NsJobResult){0};
        NsJobFree(job);
    } else {
        result->code = job->result.code;
        result->text = ns_strdup(job->result.text);
        result->options = ns_strdup(job->result.options);
    }
}

Ns_ReturnCode
NsJobWait(const char *queueName, const char *id, const Ns_Time *until, NsJobResult *result, Tcl_DString *error)
{
    Ns_ReturnCode status = NS_OK;
    NsJobQueue   *queue;
    NsJob        *job;

    NsJobsLock();
    job = FindJob(queueName, id, error);
    if (job == NULL || job->detached || job->cancelled) {
        if (job != NULL) {
            Tcl_DStringAppend(error, "can't wait on ", -1);
            Tcl_DStringAppend(error, job->detached ? "detached job: " : "cancelled job: ", -1);
            Tcl_DStringAppend(error, id, -1);
        }
        Ns_MutexUnlock(&nsJobs.lock);
        return NS_ERROR;
    }
    queue = job->queue;
    queue->waiters++;
    job->waiters++;
    while (job->state != NS_JOB_DONE && status == NS_OK) {
        status = NsCondWaitUntil(&queue->changed, &nsJobs.lock, until);
    }
    job->waiters--;
    queue->waiters--;
    if (job->state == NS_JOB_DONE) {
        TakeResult(job, result);
        status = NS_OK;
    }
    NsJobFreeQueueIfDone(queue);
    Ns_MutexUnlock(&nsJobs.lock);
    return status;
}

/* The lock is held. */
static bool
AnyDone(NsJobQueue *queue)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;

    for (entry = Tcl_FirstHashEntry(&queue->jobs, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        if (((const NsJob *)Tcl_GetHashValue(entry))->state == NS_JOB_DONE) {
            return true;
        }
    }
    return false;
}

Ns_ReturnCode
NsJobWaitAny(const char *queueName, const Ns_Time *until, Tcl_DString *error)
{
    Ns_ReturnCode status = NS_OK;
    NsJobQueue   *queue;

    NsJobsLock();
    queue = NsJobFindQueue(queueName, error);
    if (queue == NULL) {
        status = NS_ERROR;
    } else if (queue->jobs.numEntries > 0 && !AnyDone(queue)) {
        unsigned long ended = queue->ended;

        queue->waiters++;
        while (queue->ended == ended && status == NS_OK) {
            status = NsCondWaitUntil(&queue->changed, &nsJobs.lock, until);
        }
        queue->waiters--;
        status = queue->ended != ended ? NS_OK : status;
        NsJobFreeQueueIfDone(queue);
    }
    Ns_MutexUnlock(&nsJobs.lock);
    return status;
}

Ns_ReturnCode
NsJobCancel(const char *queueName, const char *id, bool *wasRunning, Tcl_DString *error)
{
    NsJob *job;

    *wasRunning = false;
    NsJobsLock();
    job = FindJob(queueName, id, error);
    if (job != NULL) {
        switch (job->state) {
        case NS_JOB_SCHEDULED:
            NsJobDropScheduled(job, "the job was cancelled");
            break;
        case NS_JOB_RUNNING:
            *wasRunning = true;
            job->cancelled = true;
            if (job->interp != NULL) {
                (void)Tcl_CancelEval(job->interp, NULL, NULL, TCL_CANCEL_UNWIND);
            }
            break;
        case NS_JOB_DONE:
            /* Who waits for it takes its result. */
            if (job->waiters == 0) {
                NsJobQueue *queue = job->queue;

                NsJobFree(job);
                NsJobFreeQueueIfDone(queue);
            }
            break;
        }
    }
    Ns_MutexUnlock(&nsJobs.lock);
    return job != NULL ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
NsJobExists(const char *queueName, const char *id, bool *exists, Tcl_DString *error)
{
    NsJobQueue *queue;

    NsJobsLock();
    queue = NsJobFindQueue(queueName, error);
    *exists = queue != NULL && LookUpJob(queue, id) != NULL;
    Ns_MutexUnlock(&nsJobs.lock);
    return queue != NULL ? NS_OK : NS_ERROR;
}

