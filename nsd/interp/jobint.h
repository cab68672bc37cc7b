/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the files of the jobs share: jobqueue.c (what jobs and queues consist of), job.c (what is done
 * with them), jobthread.c (threads), joblist.c (lists).
 *
 * One lock guards all of it; it is not held while a script runs.
 */
#ifndef NSD_JOBINT_H
#define NSD_JOBINT_H

#include "base/check.h"
#include "interp/job.h"

typedef enum { NS_JOB_SCHEDULED, NS_JOB_RUNNING, NS_JOB_DONE } NsJobState;

typedef struct NsJob {
    uint32_t           magic;
    struct NsJobQueue *queue;
    Tcl_HashEntry     *entry;                  /* in the queue's table; NULL: somebody has its result already */
    struct NsJob      *next;                   /* behind it in the queue, while it is scheduled */
    char              *id, *script;
    NsServer          *server;
    NsJobState         state;
    bool               detached, cancelled;
    int                waiters;                /* the last of them frees it */
    NsJobResult        result;
    char              *thread;                 /* NULL: has not run */
    Ns_Time            start, end;             /* dates */
    Ns_Time            begun, ended;           /* the same, monotonic */
    Tcl_Interp        *interp;                 /* while its script runs */
} NsJob;
#define NS_JOB_MAGIC NS_MAGIC('J', 'o', 'b', ' ')

typedef struct NsJobQueue {
    uint32_t           magic;
    Tcl_HashEntry     *entry;
    char              *name, *desc;
    int                maxThreads, running, waiters;
    unsigned long      ended;                  /* jobs, since its creation */
    bool               deleted, inLine;
    struct NsJobQueue *nextReady;
    Tcl_HashTable      jobs;                   /* id: NsJob * */
    NsJob             *first, **last;          /* that are scheduled */
    Ns_Cond            changed;                /* a job has ended */
} NsJobQueue;
#define NS_JOB_QUEUE_MAGIC NS_MAGIC('J', 'o', 'b', 'Q')

extern struct NsJobs {
    Ns_Mutex      lock;
    Tcl_HashTable queues;                      /* name: NsJobQueue * */
    bool          stopping;
    NsJobQueue   *ready, **lastReady;          /* the line of queues that want a thread */
    int           readyCount;
    int           runners, idle;               /* threads */
    int           maxRunners;                  /* the sum of all queues */
} nsJobs;

/* Ns_MutexUnlock(&nsJobs.lock) is its end; all others here are called in between. */
void        NsJobsLock(void);
NsJobQueue *NsJobFindQueue(const char *name, Tcl_DString *error);
/* Sets what a job leaves behind; both are copied. */
void        NsJobSetResult(NsJob *job, int code, const char *text, const char *options);
/* Who waits is told; the job may be gone then. */
void        NsJobEnded(NsJob *job);
/* A deleted queue goes with its last job and the last who waits for one. */
void        NsJobFreeQueueIfDone(NsJobQueue *queue);
/* Its id is free again; who waits for it still has it. */
void        NsJobUnlink(NsJob *job);
void        NsJobFree(NsJob *job);
/* Take a scheduled job out of its queue, with a result that says why. */
void        NsJobDropScheduled(NsJob *job, const char *why);
/* Jobs that have not begun are dropped, so that nobody waits for them for ever.  How many. */
int         NsJobsDropAll(void);
/* The line of queues that want a thread: a queue lines up if it has work and may do it. */
void        NsJobLineUp(NsJobQueue *queue);
void        NsJobLeaveLine(NsJobQueue *queue);

#endif
