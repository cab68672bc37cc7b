/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What ends the process: signals, requests to stop, and the stop itself, stage by stage.
 *
 * Who starts the subsystems also knows how they stop: main lends the list of stages.
 *
 * One rule for every end: nothing is torn down under threads that live.  What is to be written is written, and then the process is
 * gone with _exit; exit(3), with what libraries have registered for it, is not called, and who calls it in spite of that (a module,
 * Tcl's own `exit` in a child interpreter) is led here.
 */
#ifndef NSD_PROCESS_H
#define NSD_PROCESS_H

#include "ns.h"

/*
 * One stage of the stop, on the thread that stops.  `until` is the part of the time that it may take, monotonic;
 * false: something is still at work.
 */
typedef struct NsStopStage {
    bool (*stop)(const Ns_Time *until);        /* NULL ends the list */
    int    percent;                            /* of what is left of `shutdowntimeout` */
} NsStopStage;

typedef struct NsProcessHooks {
    const NsStopStage *stages;
    void             (*reload)(void);          /* what HUP does, on a thread of its own */
    void             (*forgetThread)(void);    /* at the very end, on the main thread: what it holds in interpreters */
} NsProcessHooks;

/*
 * Main thread, in the process that is to be the server, before anything is read or started: from here on signals are heard.  TERM and
 * INT end a process whose start, or whose script in command mode, does not come to its end by itself.
 */
void NsProcessInit(const NsProcessHooks *hooks);
/* Main thread: the start is over; a stop is one in order from here on. */
void NsProcessStarted(void);
/* Main thread, not in command mode: wait until somebody wants the process to end. */
void NsProcessWait(void);
/*
 * Stop in order and end the process; does not return.  The first caller does it, others wait for the end.  From a command of the main
 * thread; other threads call Ns_RequestShutdown.  The code is that of Ns_RequestShutdown, or of a signal in command mode, if there was
 * one.
 */
void NsProcessStop(int exitCode) __attribute__((noreturn));
/* Main thread, before NsProcessStarted: end the process, as it cannot be started.  The log is written. */
void NsProcessGiveUp(int exitCode) __attribute__((noreturn));
/* Any thread. */
bool NsProcessInMainThread(void);
void NsProcessSetShutdownTimeout(const Ns_Time *timeout);  /* before the stop */

#endif
