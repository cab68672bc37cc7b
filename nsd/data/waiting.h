/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Who waits for whom: threads that wait for what others compute, so that a circle of them is found before it closes.
 *
 * Any thread.  The lock in here is the last that is taken: callers may hold others.
 */
#ifndef NSD_WAITING_H
#define NSD_WAITING_H

#include <stdbool.h>
#include <stdint.h>

/* A thread is in the list while it waits; it is the caller's memory. */
typedef struct NsWaiter {
    uintptr_t        self, owner;              /* threads: that waits, that computes */
    const void      *thing;                    /* NULL: it is over, but not noticed yet */
    struct NsWaiter *next;
} NsWaiter;

/* The calling thread is about to wait for `thing`, which `owner` computes.  False, and not entered: that one waits for the caller. */
bool NsWaitingEnter(NsWaiter *waiter, const void *thing, uintptr_t owner);
void NsWaitingLeave(NsWaiter *waiter);
/* Nobody computes it any more. */
void NsWaitingOver(const void *thing);

#endif
