/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Threads, beyond what nsthread.h offers: a name for each request; a thread's slots, for tls.c, and their clean-up at its end.
 */
#ifndef NSD_THREAD_H
#define NSD_THREAD_H

#include "nsthread.h"

/* Ns_ThreadSetName of a text that is ready: cheap enough for each request. */
void NsThreadSetName(const char *name);

#define NS_MAX_TLS 64

/* The calling thread's slots. */
void **NsThreadSlots(void);
/* Called by every thread at its end with its slots: to be lent before one is set. */
typedef void (NsThreadCleanup)(void **slots);
void NsThreadLendCleanup(NsThreadCleanup *cleanup);

#endif
