/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Signals: no thread is interrupted by them, one waits for them from the first moment on.
 */
#ifndef NSD_SIGNALS_H
#define NSD_SIGNALS_H

#include "ns.h"

typedef struct NsSignalProcs {
    void    (*got)(int sig);                   /* HUP, TERM, INT */
    /* Now, and whenever the time is up that it returned: milliseconds until it wants to be called again; -1: not before it is woken. */
    int64_t (*look)(void);
} NsSignalProcs;

/* First of all, before there is a thread or a fork. */
void NsSignalsBlock(void);
/*
 * In the process that is to be the server: start the thread, which calls these procs and tells systemd's watchdog that it lives.
 * The procs must not wait for others: whoever wants to end the process by force is heard by that thread.
 */
void NsSignalsStart(const NsSignalProcs *procs);
void NsSignalsWake(void);                      /* any thread: have `look` called */

#endif
