/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What jobs and queues consist of: their life, with the lock held.
 */
#include "interp/jobint.h"

struct NsJobs nsJobs = {.lastReady = &nsJobs.ready};

static bool initialized;

void
NsJobsLock(void)
{
    Ns_MutexLock(&nsJobs.lock);
    if (!initialized) {
        initialized = true;
        Ns_MutexSetName(&nsJobs.lock, "nsd:jobs");
        Tcl_InitHashTable(&nsJobs.queues, TCL_STRING_KEYS);
    }
}

NsJobQueue *
NsJobFindQueue(const char *name, Tcl_DString *error)
{
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&nsJobs.queues, name);
    NsJobQueue    *queue;

    if (entry == NULL) {
        Tcl_DStringAppend(error, "no such queue: ", -1);
        Tcl_DStringAppend(error, name, -1);
        return NULL;
    }
    queue = Tcl_GetHashValue(entry);
    NS_CHECK(queue, NS_JOB_QUEUE_MAGIC);
    return queue;
}

void
NsJobLeaveLine(NsJobQueue *queue)
{
    NsJobQueue **link = &nsJobs.ready;

    if (!queue->inLine) {
        return;
    }
    while (*link != queue) {
        link = &(*link)->nextReady;
    }
    *link = queue->nextReady;
    if (*link == NULL) {
        nsJobs.lastReady = link;
    }
    queue->inLine = false;
    nsJobs.readyCount--;
}

void
NsJobFreeQueueIfDone(NsJobQueue *queue)
{
    if (!queue->deleted || queue->jobs.numEntries > 0 || queue->running > 0 || queue->waiters > 0) {
        return;
    }
    NS_ASSERT(queue->first == NULL && !queue->inLine);
    nsJobs.maxRunners -= queue->maxThreads;
    Tcl_DeleteHashEntry(queue->entry);
    Tcl_DeleteHashTable(&queue->jobs);
    Ns_CondDestroy(&queue->changed);
    ns_free(queue->name);
    ns_free(queue->desc);
    queue->magic = NS_SPOILED;
    ns_free(queue);
}

/* Its id is free again; who waits for it still has it. */
void
NsJobUnlink(NsJob *job)
{
    if (job->entry != NULL) {
        Tcl_DeleteHashEntry(job->entry);
        job->entry = NULL;
    }
}

void
NsJobFree(NsJob *job)
{
    NsJobUnlink(job);
    ns_free(job->id);
    ns_free(job->script);
    ns_free(job->thread);
    ns_free(job->result.text);
    ns_free(job->result.options);
    job->magic = NS_SPOILED;
    ns_free(job);
}

void
NsJobSetResult(NsJob *job, int code, const char *text, const char *options)
{
    job->result.code = code;
    job->result.text = ns_strdup(text);
    job->result.options = ns_strdup(options);
}

/* Nobody gets to see the result of one that is detached or cancelled, unless he waits for it already. */
void
NsJobEnded(NsJob *job)
{
    job->state = NS_JOB_DONE;
    job->queue->ended++;
    Ns_CondBroadcast(&job->queue->changed);
    if (job->waiters == 0 && (job->detached || job->cancelled)) {
        NsJobFree(job);
    }
}

/* Take a scheduled job out of its queue, with a result that says why. */
void
NsJobDropScheduled(NsJob *job, const char *why)
{
    NsJobQueue *queue = job->queue;
    NsJob     **link = &queue->first;

    while (*link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
    if (*link == NULL) {
        queue->last = link;
    }
    if (queue->first == NULL) {
        NsJobLeaveLine(queue);
    }
    job->cancelled = true;
    NsJobSetResult(job, TCL_ERROR, why, NULL);
    NsJobEnded(job);
    NsJobFreeQueueIfDone(queue);
}

int
NsJobsDropAll(void)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry = Tcl_FirstHashEntry(&nsJobs.queues, &search);
    int            dropped = 0;

    while (entry != NULL) {
        NsJobQueue *queue = Tcl_GetHashValue(entry);
        NsJob *next;

        entry = Tcl_NextHashEntry(&search);    /* before this queue may go */
        for (NsJob *job = queue->first; job != NULL; job = next) {
            next = job->next;
            NsJobDropScheduled(job, "The server is shutting down");
            dropped++;
        }
    }
    return dropped;
}
