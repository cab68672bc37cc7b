/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Circles of threads that wait for each other's values.
 */
#include "ns.h"
#include "data/waiting.h"

static Ns_Mutex  lock;
static NsWaiter *waiters;

/* Also NULL for who does not wait; a wait that is over but not yet noticed is not followed. */
static const NsWaiter *
WaiterOf(uintptr_t thread)
{
    const NsWaiter *waiter = waiters;

    while (waiter != NULL && (waiter->self != thread || waiter->thing == NULL)) {
        waiter = waiter->next;
    }
    return waiter;
}

bool
NsWaitingEnter(NsWaiter *waiter, const void *thing, uintptr_t owner)
{
    const NsWaiter *other;

    waiter->self = Ns_ThreadId();
    waiter->owner = owner;
    waiter->thing = thing;
    Ns_MutexLock(&lock);
    while (owner != waiter->self && (other = WaiterOf(owner)) != NULL) {
        owner = other->owner;
    }
    if (owner != waiter->self) {
        waiter->next = waiters;
        waiters = waiter;
    }
    Ns_MutexUnlock(&lock);
    return owner != waiter->self;
}

void
NsWaitingLeave(NsWaiter *waiter)
{
    NsWaiter **link = &waiters;

    Ns_MutexLock(&lock);
    while (*link != waiter) {
        link = &(*link)->next;
    }
    *link = waiter->next;
    Ns_MutexUnlock(&lock);
}

void
NsWaitingOver(const void *thing)
{
    Ns_MutexLock(&lock);
    for (NsWaiter *waiter = waiters; waiter != NULL; waiter = waiter->next) {
        if (waiter->thing == thing) {
            waiter->thing = NULL;
        }
    }
    Ns_MutexUnlock(&lock);
}
