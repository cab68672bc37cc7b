/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Start and stop of the process (main.c) and what the subsystems offer for it.
 *
 * Start, by the main thread: options, configuration, log; servers; modules (drivers bind their sockets, before -u takes
 * effect); interpreters' blueprints; scheduler, callback workers, connection threads; drivers; ready.
 * Stop: drivers stop accepting; connection threads finish their requests; scheduler; at-shutdown procs; channels and socket
 * callbacks get `x`, deliver what was accepted and close; drivers deliver theirs and end; at-exit procs; log.
 * All of it within `shutdowntimeout`; what is not done by then is logged and left.
 */
#ifndef NSD_PROCESS_H
#define NSD_PROCESS_H

#include "ns.h"

/*
 * main.c: stop in order and end the process; does not return.  The first caller does it, others wait for the end.
 * From a command of the main thread; other threads call Ns_RequestShutdown.
 */
void NsProcessStop(int exitCode) __attribute__((noreturn));
bool NsProcessInMainThread(void);
void NsProcessReload(void);                                /* what HUP does */
void NsProcessSetShutdownTimeout(const Ns_Time *timeout);  /* any thread, before the stop */

/* config.c */
void NsConfigEval(const char *script, int argc, char *const *argv, int optind);
void NsConfigReportUnused(void);                           /* once, after the start: parameters that nobody asked for */
/* driver.c */
void NsDriversStart(void);
void NsDriversStopAccepting(void);                         /* returns at once */
void NsDriversStop(const Ns_Time *until);                  /* deliver, close, join */
void NsDriversReload(void);                                /* HUP: certificates */
/* queue.c */
void NsQueueStart(void);
bool NsQueueStop(const Ns_Time *until);                    /* false: threads are still at work */
/* sockcallback.c: workers start at the first use or here, with their interpreters ready before the first event */
void NsWorkersStart(void);
bool NsWorkersStop(const Ns_Time *until);                  /* false: threads are still at work */
/* sched.c */
void NsSchedStart(void);
void NsSchedStop(const Ns_Time *until);
/* jobthread.c: threads start with the first job */
void NsJobsReadParameters(void);
void NsJobsStop(const Ns_Time *until);                     /* jobs that run end, others are dropped */
/* base/log.c */
void NsLogOpen(void);                                      /* by the section ns/parameters */
void NsLogReopen(void);                                    /* HUP */
void NsLogClose(void);
/* callbacks.c: the Ns_RegisterAt* lists */
void NsRunAtPreStartup(void);
void NsRunAtStartup(void);
void NsRunAtSignal(void);
void NsRunAtReady(void);
void NsStartAtShutdown(void);
void NsWaitAtShutdown(const Ns_Time *until);
void NsRunAtExit(void);

#endif
