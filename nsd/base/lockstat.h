/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is counted of a lock, and the list of all locks.
 *
 * The counters are written by who holds the lock (readers of a RWLock add atomically) and read by anybody.
 */
#ifndef NSD_LOCKSTAT_H
#define NSD_LOCKSTAT_H

#include <pthread.h>
#include <stdatomic.h>
#include "nsthread.h"

#define NS_LOCK_NAME_SIZE 64

typedef struct NsLockStat {
    struct NsLockStat *next, *prev;
    unsigned           id;
    bool               readWrite;
    char               name[NS_LOCK_NAME_SIZE];
    atomic_uint_fast64_t nlock, nbusy;         /* taken; had to wait */
    atomic_uint_fast64_t waitNs, maxWaitNs;    /* for those that had to wait */
    atomic_uint_fast64_t holdNs;               /* estimated: see NsLockStatTaken */
    uint64_t           heldSince;              /* of the owner; 0: this time is not measured */
} NsLockStat;

/* Enter a new lock in the list, named `prefix` and a number; take it out. */
void NsLockStatAdd(NsLockStat *stat, const char *prefix);
void NsLockStatRemove(NsLockStat *stat);
void NsLockStatSetName(NsLockStat *stat, const char *prefix, const char *name);   /* prefix may be NULL */

uint64_t NsLockClock(void);                    /* nanoseconds, monotonic */
/* A wait that began at `since` is over. */
void NsLockStatWaited(NsLockStat *stat, uint64_t since);

/*
 * The exclusive owner, after taking and before releasing.  Reading the clock twice would double the cost of a lock
 * that nobody waits for: the time for which it is held is measured every 64th time, and counted 64 times.
 */
#define NS_LOCK_SAMPLE 64u
static inline void
NsLockStatTaken(NsLockStat *stat)
{
    uint64_t n = atomic_load_explicit(&stat->nlock, memory_order_relaxed) + 1;

    atomic_store_explicit(&stat->nlock, n, memory_order_relaxed);
    if (__builtin_expect(n % NS_LOCK_SAMPLE == 0, 0)) {
        stat->heldSince = NsLockClock();
    }
}
static inline void
NsLockStatRelease(NsLockStat *stat)
{
    if (__builtin_expect(stat->heldSince != 0, 0)) {
        uint64_t held = (NsLockClock() - stat->heldSince) * NS_LOCK_SAMPLE;

        atomic_fetch_add_explicit(&stat->holdNs, held, memory_order_relaxed);
        stat->heldSince = 0;
    }
}

/* The pthread mutex inside, for waiting on a condition: what was measured of holding it ends here. */
pthread_mutex_t *NsMutexForWait(Ns_Mutex *mutex);

#endif
