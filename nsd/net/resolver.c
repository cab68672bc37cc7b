/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Name look-ups on threads of their own.
 *
 * A look-up waits in the queue, runs on a thread, and is posted to its loop.  The lock covers the way from one to the next, the posting
 * included: after NsLookupCancel has returned nothing is posted any more, so the loop may go away.  Whoever has a cancelled look-up in his hands
 * frees it.
 */
#include <errno.h>
#include <stdio.h>
#include "base/clock.h"
#include "base/check.h"
#include "net/resolver.h"

#define IDLE_SECONDS 30                        /* then a thread ends */

typedef enum { LOOKUP_WAITING, LOOKUP_RUNNING, LOOKUP_POSTED } LookupState;

struct NsLookup {
    NsTask        task;                        /* to the loop */
    uint32_t      magic;
    NsLookup     *next, **prev;                /* lock: while it waits */
    LookupState   state;                       /* lock */
    bool          cancelled;                   /* lock */
    NsLoop       *loop;
    char         *host;
    unsigned short port;
    void        (*work)(void *data);           /* NULL: look `host` up */
    void        (*freeData)(void *data);
    void         *data;
    NsLookupProc *done;
    void         *arg;
    int           count, code;
    NsSockAddr    addrs[NS_MAX_ADDRS];
};
#define LOOKUP_MAGIC NS_MAGIC('L', 'o', 'o', 'k')

static struct {
    Ns_Mutex       lock;
    Ns_Cond        work, left;
    NsLookup      *first, **last;
    int            waiting, threads, idle;
    int            maxThreads, maxQueue;
    bool           stopping;
    unsigned       serial;
    NsResolveProc *resolve;
    unsigned long long lookups, refused, cancelled;
} resolver = {.last = &resolver.first, .maxThreads = NS_RESOLVER_THREADS, .maxQueue = NS_RESOLVER_QUEUE};

static void
Free(NsLookup *lookup)
{
    lookup->magic = NS_SPOILED;
    if (lookup->freeData != NULL) {
        lookup->freeData(lookup->data);
    }
    ns_free(lookup->host);
    ns_free(lookup);
}

/* ---- on the loop ---- */

static void
Deliver(NsLoop *loop, NsTask *task)
{
    NsLookup *lookup = (NsLookup *)task;
    bool      cancelled;

    (void)loop;
    NS_CHECK(lookup, LOOKUP_MAGIC);
    /* The thread that posts this may not yet be done with the loop, which its owner may now destroy. */
    Ns_MutexLock(&resolver.lock);
    cancelled = lookup->cancelled;
    Ns_MutexUnlock(&resolver.lock);
    if (!cancelled) {
        lookup->done(lookup->arg, lookup->addrs, lookup->count, lookup->code);
    }
    Free(lookup);
}

/* Lock held. */
static void
Post(NsLookup *lookup)
{
    if (lookup->cancelled) {
        Free(lookup);
    } else {
        lookup->state = LOOKUP_POSTED;
        lookup->task.proc = Deliver;
        NsLoopPost(lookup->loop, &lookup->task);
    }
}

/* ---- the threads ---- */

/* Lock held. */
static void
Unlink(NsLookup *lookup)
{
    *lookup->prev = lookup->next;
    if (lookup->next != NULL) {
        lookup->next->prev = lookup->prev;
    } else {
        resolver.last = lookup->prev;
    }
    resolver.waiting--;
}

/* Lock held.  The next look-up; NULL: this thread is to end. */
static NsLookup *
Take(void)
{
    NsLookup *lookup;
    Ns_Time   until;

    NsMonotonicAfter(&(Ns_Time){IDLE_SECONDS, 0}, &until);
    resolver.idle++;
    while (resolver.first == NULL && !resolver.stopping
           && NsCondWaitUntil(&resolver.work, &resolver.lock, &until) == NS_OK) {
        ;
    }
    resolver.idle--;
    lookup = resolver.first;
    if (lookup != NULL) {
        Unlink(lookup);
        lookup->state = LOOKUP_RUNNING;
    }
    return lookup;
}

static int
Resolve(const char *host, unsigned short port, NsSockAddr addrs[NS_MAX_ADDRS])
{
    return NsAddrResolve(host, port, false, addrs);
}

static void
ResolverThread(void *arg)
{
    NsLookup *lookup;

    Ns_ThreadSetName("-resolver:%u-", (unsigned)(uintptr_t)arg);
    Ns_MutexLock(&resolver.lock);
    while ((lookup = Take()) != NULL) {
        NsResolveProc *resolve = resolver.resolve != NULL ? resolver.resolve : Resolve;

        Ns_MutexUnlock(&resolver.lock);
        if (lookup->work != NULL) {
            lookup->work(lookup->data);
        } else {
            lookup->count = resolve(lookup->host, lookup->port, lookup->addrs);
            lookup->code = lookup->count < 0 ? errno : 0;
        }
        Ns_MutexLock(&resolver.lock);
        Post(lookup);
    }
    resolver.threads--;
    Ns_CondBroadcast(&resolver.left);
    Ns_MutexUnlock(&resolver.lock);
}

/* ---- from outside ---- */

/* Lock held. */
static void
Enqueue(NsLookup *lookup)
{
    lookup->prev = resolver.last;
    *resolver.last = lookup;
    resolver.last = &lookup->next;
    resolver.waiting++;
    resolver.lookups++;
    if (resolver.waiting > resolver.idle && resolver.threads < resolver.maxThreads) {
        resolver.threads++;
        Ns_ThreadCreate(ResolverThread, (void *)(uintptr_t)resolver.serial++, 0, NULL);
    }
    Ns_CondSignal(&resolver.work);
}

static NsLookup *
LookupNew(NsLoop *loop, NsLookupProc *done, void *arg)
{
    NsLookup *lookup = ns_calloc(1u, sizeof(NsLookup));

    lookup->magic = LOOKUP_MAGIC;
    lookup->loop = loop;
    lookup->done = done;
    lookup->arg = arg;
    return lookup;
}

/* NULL and errno: it is gone. */
static NsLookup *
Start(NsLookup *lookup)
{
    int code = 0;

    Ns_MutexLock(&resolver.lock);
    if (resolver.stopping) {
        code = ECANCELED;
    } else if (resolver.waiting >= resolver.maxQueue) {
        code = EAGAIN;
        resolver.refused++;
    } else {
        Enqueue(lookup);
    }
    Ns_MutexUnlock(&resolver.lock);
    if (code != 0) {
        Free(lookup);
        lookup = NULL;
        errno = code;
    }
    return lookup;
}

NsLookup *
NsLookupStart(NsLoop *loop, const char *host, unsigned short port, NsLookupProc *done, void *arg)
{
    NsLookup *lookup = LookupNew(loop, done, arg);

    lookup->host = ns_strdup(host);
    lookup->port = port;
    return Start(lookup);
}

NsLookup *
NsLookupWork(NsLoop *loop, void (*work)(void *data), void (*freeData)(void *data), void *data, NsLookupProc *done, void *arg)
{
    NsLookup *lookup = LookupNew(loop, done, arg);

    lookup->work = work;
    lookup->freeData = freeData;
    lookup->data = data;
    return Start(lookup);
}

void
NsLookupCancel(NsLookup *lookup)
{
    NS_CHECK(lookup, LOOKUP_MAGIC);
    Ns_MutexLock(&resolver.lock);
    resolver.cancelled++;
    lookup->cancelled = true;
    if (lookup->state == LOOKUP_WAITING) {
        Unlink(lookup);
        Free(lookup);
    }
    Ns_MutexUnlock(&resolver.lock);
}

void
NsResolverConfigure(int maxThreads, int maxQueue)
{
    Ns_MutexLock(&resolver.lock);
    resolver.maxThreads = maxThreads;
    resolver.maxQueue = maxQueue;
    Ns_MutexUnlock(&resolver.lock);
}

int
NsResolverStop(const Ns_Time *until)
{
    int running;

    Ns_MutexLock(&resolver.lock);
    resolver.stopping = true;
    while (resolver.first != NULL) {
        NsLookup *lookup = resolver.first;

        Unlink(lookup);
        lookup->count = -1;
        lookup->code = ECANCELED;
        Post(lookup);
    }
    Ns_CondBroadcast(&resolver.work);
    while (resolver.idle > 0 && NsCondWaitUntil(&resolver.left, &resolver.lock, until) == NS_OK) {
        ;
    }
    running = resolver.threads - resolver.idle;
    Ns_MutexUnlock(&resolver.lock);
    return running;
}

void
NsResolverGetStats(NsResolverStats *stats)
{
    Ns_MutexLock(&resolver.lock);
    *stats = (NsResolverStats){
        .threads = resolver.threads, .running = resolver.threads - resolver.idle, .waiting = resolver.waiting,
        .lookups = resolver.lookups, .refused = resolver.refused, .cancelled = resolver.cancelled,
    };
    Ns_MutexUnlock(&resolver.lock);
}

void
NsResolverReplace(NsResolveProc *proc)
{
    Ns_MutexLock(&resolver.lock);
    resolver.resolve = proc;
    resolver.stopping = false;
    Ns_MutexUnlock(&resolver.lock);
}
