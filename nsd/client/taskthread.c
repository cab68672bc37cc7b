/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The threads "-tclhttp:N-" on whose loops the requests run that nobody waits for.
 *
 * They are not the callback workers: a callback that waits for a reply must not wait for itself, and one that takes long must not hold
 * up replies until they have timed out.
 */
#include <errno.h>
#include <stdio.h>
#include "base/clock.h"
#include "client/http.h"

#define MAX_THREADS 64

struct NsHttpThread {
    char          name[24];
    NsLoop       *loop;
    Ns_Thread     thread;
    atomic_int    running;
    atomic_ullong requests;
};

static struct {
    Ns_Mutex      lock;
    Ns_Cond       cond;
    atomic_bool   stopped;
    atomic_int    known;                       /* requests that are not forgotten */
    int           most;                        /* of them; set at start */
    int           alive;                       /* lock */
    int           wanted;                      /* set at start */
    _Atomic int   count;                       /* of `threads`; 0: none was needed yet */
    NsHttpThread  threads[MAX_THREADS];
} pool;

static void
ThreadMain(void *arg)
{
    NsHttpThread *thread = arg;

    Ns_ThreadSetName("-%s-", thread->name);
    NsLoopRun(thread->loop);
    Ns_MutexLock(&pool.lock);
    pool.alive--;
    Ns_CondBroadcast(&pool.cond);
    Ns_MutexUnlock(&pool.lock);
}

void
NsHttpThreadsConfigure(void)
{
    pool.wanted = Ns_ConfigIntRange("ns/parameters", "nshttptaskthreads", 1, 1, MAX_THREADS);
    pool.most = Ns_ConfigIntRange("ns/parameters", "httpqueue", 10000, 1, 10000000);
}

/* Lock held. */
static void
StartThreads(void)
{
    int count = 0;

    while (count < pool.wanted) {
        NsHttpThread *thread = &pool.threads[count];

        snprintf(thread->name, sizeof(thread->name), "tclhttp.%d", count);
        thread->loop = NsLoopCreate(thread->name);
        if (thread->loop == NULL) {
            break;
        }
        count++;
    }
    for (int i = 0; i < count; i++) {
        Ns_ThreadCreate(ThreadMain, &pool.threads[i], 0, &pool.threads[i].thread);
    }
    pool.alive = count;
    atomic_store(&pool.count, count);
}

static NsHttpThread *
LeastBusy(int count)
{
    NsHttpThread *best = &pool.threads[0];

    for (int i = 1; i < count; i++) {
        if (atomic_load(&pool.threads[i].running) < atomic_load(&best->running)) {
            best = &pool.threads[i];
        }
    }
    return best;
}

NsHttpThread *
NsHttpThreadEnter(void)
{
    NsHttpThread *thread = NULL;

    Ns_MutexLock(&pool.lock);
    if (atomic_load(&pool.stopped)) {
        errno = ECANCELED;
    } else if (atomic_load(&pool.known) >= pool.most) {
        errno = EAGAIN;
    } else {
        if (atomic_load(&pool.count) == 0) {
            StartThreads();
        }
        if (atomic_load(&pool.count) > 0) {
            thread = LeastBusy(atomic_load(&pool.count));
            atomic_fetch_add(&pool.known, 1);
            atomic_fetch_add(&thread->running, 1);
            atomic_fetch_add(&thread->requests, 1u);
        }
    }
    Ns_MutexUnlock(&pool.lock);
    return thread;
}

void
NsHttpThreadLeave(NsHttpThread *thread)
{
    atomic_fetch_sub(&thread->running, 1);
}

void
NsHttpThreadForget(void)
{
    atomic_fetch_sub(&pool.known, 1);
}

bool
NsHttpThreadsStopped(void)
{
    return atomic_load(&pool.stopped);
}

NsLoop *
NsHttpThreadLoop(NsHttpThread *thread)
{
    return thread->loop;
}

/* Before the first request they are as they will be: with nothing to do. */
void
NsHttpThreadsList(Tcl_DString *ds)
{
    for (int i = 0; i < pool.wanted; i++) {
        const NsHttpThread *thread = &pool.threads[i];
        char                text[128];

        snprintf(text, sizeof(text), "name tclhttp.%d requests %llu running %d", i,
                 (unsigned long long)atomic_load(&thread->requests), atomic_load(&thread->running));
        Tcl_DStringAppendElement(ds, text);
    }
}

/* The loops stay: somebody may still post a cancel. */
bool
NsHttpThreadsStop(const Ns_Time *until)
{
    bool stopped;

    Ns_MutexLock(&pool.lock);
    atomic_store(&pool.stopped, true);
    for (int i = 0; i < atomic_load(&pool.count); i++) {
        NsLoopStop(pool.threads[i].loop);
    }
    while (pool.alive > 0 && NsCondWaitUntil(&pool.cond, &pool.lock, until) == NS_OK) {
        ;
    }
    stopped = pool.alive == 0;
    Ns_MutexUnlock(&pool.lock);
    for (int i = 0; stopped && i < atomic_load(&pool.count); i++) {
        Ns_ThreadJoin(&pool.threads[i].thread, NULL);
    }
    return stopped;
}
