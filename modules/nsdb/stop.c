/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The server stops: statements that still run after their pool's `stopgrace` are ended, so that nobody waits for them.
 *
 * A thread of its own, which is there as long as the stop lasts, looks at all handles.  It reads since when each has had a statement, and
 * nothing else of it; the driver knows whether there is anything to be ended.  The owner of the handle sees his statement fail, and says
 * in the log which it was.
 */
#include "int.h"

#define EVERY 50000                            /* microseconds between two looks */
#define AGAIN 1000000                          /* between two demands for the end of the same statement */

typedef bool (InterruptProc)(Ns_DbHandle *handle, int times);

static Ns_Mutex  lock;
static Ns_Cond   cond;
static bool      over;                         /* under the lock */
static Ns_Thread thread;
static bool      started;                      /* the main thread's */

static int64_t
Now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Once, or each second as long as it runs. */
static void
Demand(Handle *handle, int64_t since, int64_t now)
{
    InterruptProc *interrupt = (InterruptProc *)handle->pool->driver->procs[DbFn_Interrupt];

    if (handle->demand.of != since) {
        handle->demand.of = since;
        handle->demand.next = now;
        handle->demand.times = 0;
        if (interrupt == NULL) {
            Ns_Log(Warning, "nsdb: pool %s: the server stops: a statement has taken %ld.%06ld seconds so far, and driver %s cannot end it",
                   handle->pool->name, (long)((now - since) / 1000000), (long)((now - since) % 1000000), handle->pool->driver->name);
        }
    }
    if (interrupt == NULL || now < handle->demand.next) {
        return;
    }
    handle->demand.next = now + AGAIN;
    /* First: the statement may fail before `interrupt` returns. */
    __atomic_store_n(&handle->ended, since, __ATOMIC_RELAXED);
    if (interrupt(&handle->pub, handle->demand.times + 1)) {
        handle->demand.times++;
    } else {
        __atomic_store_n(&handle->ended, 0, __ATOMIC_RELAXED);
    }
}

static void
Look(const Pool *pool, int64_t began)
{
    for (int i = 0; i < pool->nhandles; i++) {
        Handle *handle = &pool->handles[i];
        int64_t since = __atomic_load_n(&handle->since, __ATOMIC_RELAXED), now = Now();

        if (since != 0 && now - (since > began ? since : began) >= pool->stopGrace) {
            Demand(handle, since, now);
        }
    }
}

static void
Run(void *arg)
{
    int64_t began = Now();
    bool    more = true;

    (void)arg;
    Ns_ThreadSetName("-nsdb:stop-");
    while (more) {
        Ns_Time until;

        for (Pool *pool = NsDbPoolFirst(); pool != NULL; pool = pool->next) {
            if (Now() - began >= pool->stopGrace) {
                NsDbPoolHurry(pool);
            }
            Look(pool, began);
        }
        Ns_GetTime(&until);
        Ns_IncrTime(&until, 0, EVERY);
        Ns_MutexLock(&lock);
        if (!over) {
            (void)Ns_CondTimedWait(&cond, &lock, &until);
        }
        more = !over;
        Ns_MutexUnlock(&lock);
    }
}

static void
Begin(void *arg)
{
    (void)arg;
    started = true;
    Ns_ThreadCreate(Run, NULL, 0, &thread);
}

void
NsDbStopInit(void)
{
    Ns_MutexSetName(&lock, "nsdb:stop");
    Ns_CondInit(&cond);
    (void)Ns_RegisterAtStop(Begin, NULL);
}

void
NsDbStopEnd(void)
{
    if (started) {
        Ns_MutexLock(&lock);
        over = true;
        Ns_CondSignal(&cond);
        Ns_MutexUnlock(&lock);
        Ns_ThreadJoin(&thread, NULL);
    }
}
