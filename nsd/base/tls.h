/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What thread.c needs of the thread-local slots.
 */
#ifndef NSD_TLS_H
#define NSD_TLS_H

#include "nsthread.h"

#define NS_MAX_TLS 64

/* The calling thread's slots (thread.c). */
void **NsThreadSlots(void);
/* Run the cleanups for values that the calling thread has set, until none sets another. */
void NsTlsCleanupThread(void **slots);

#endif
