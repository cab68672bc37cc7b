/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Jobs: scripts that wait in named queues for one of a pool of threads, and whose results can be waited for.
 *
 * All threads of the process share the queues.  A queue says how many of its jobs may run at the same time; queues with
 * work get threads in turn.  Functions that fail append NaviServer's message to `error`.  Any thread may call them.
 */
#ifndef NSD_JOB_H
#define NSD_JOB_H

#include "ns.h"
#include "conf/server.h"

#define NS_JOB_DETACHED 0x01u                  /* nobody waits for it; its error is logged */
#define NS_JOB_HEAD     0x02u                  /* before the others of its queue */

typedef struct NsJobResult {
    int   code;                                /* TCL_OK or TCL_ERROR */
    char *text, *options;                      /* `options` of an error, for Tcl_SetReturnOptions; ns_free both */
} NsJobResult;

Ns_ReturnCode NsJobQueueCreate(const char *name, const char *desc, int maxThreads, Tcl_DString *error);
/* A queue with jobs goes when the last of them has gone; it takes no new ones. */
Ns_ReturnCode NsJobQueueDelete(const char *name, Tcl_DString *error);
/* `id` NULL: a new one is made.  Appends the id to `out`, or the message. */
Ns_ReturnCode NsJobAdd(NsServer *server, const char *queueName, const char *id, const char *script, unsigned flags,
                       Tcl_DString *out);
/* `until` is wall-clock time or NULL.  NS_OK: `result` is the caller's, and the job is gone.  NS_TIMEOUT: it is not. */
Ns_ReturnCode NsJobWait(const char *queueName, const char *id, const Ns_Time *until, NsJobResult *result,
                        Tcl_DString *error);
/* Until a job of the queue ends, one that has ended is there, or none is there. */
Ns_ReturnCode NsJobWaitAny(const char *queueName, const Ns_Time *until, Tcl_DString *error);
/* A job that waits is gone; the script of one that runs is ended at its next command, and its result is dropped. */
Ns_ReturnCode NsJobCancel(const char *queueName, const char *id, bool *wasRunning, Tcl_DString *error);
Ns_ReturnCode NsJobExists(const char *queueName, const char *id, bool *exists, Tcl_DString *error);
void          NsJobGenId(Tcl_DString *ds);
/* Changes what is not NULL; appends what was in force before. */
void          NsJobConfigure(const int *jobsPerThread, const Ns_Time *timeout, const Ns_Time *logMinDuration,
                             Tcl_DString *ds);

/* List elements: names, or keys and values. */
void          NsJobAppendQueues(Tcl_DString *ds);
void          NsJobAppendQueueList(Tcl_DString *ds);
void          NsJobAppendThreads(Tcl_DString *ds);
Ns_ReturnCode NsJobAppendJobs(const char *queueName, Tcl_DString *ds);         /* or the message */
Ns_ReturnCode NsJobAppendJobList(const char *queueName, Tcl_DString *ds);

/* Main thread.  Threads start with the first job; at the stop jobs that run end, others are dropped. */
void NsJobsReadParameters(void);
void NsJobsStop(const Ns_Time *until);

#endif
