/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The callback workers: one thread with an event loop each, their interpreters, and the watch over slow callbacks.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/check.h"
#include "conf/info.h"
#include "interp/blueprint.h"
#include "interp/interp.h"
#include "sockcallback.h"

#define MAX_WORKERS 256
#define CUT_NAMES   3                          /* that are named when there are more */
#define PREPARED_INTERPS 8                     /* per worker */
#define PLACE_SLOW  100000                     /* microseconds: who runs a callback for longer gets no new channel */

typedef struct WorkerInterp {
    struct WorkerInterp *next;
    NsServer            *server;
    Tcl_Interp          *interp;
    bool                 used;                 /* in this turn of the loop */
} WorkerInterp;

struct NsWorker {
    uint32_t      magic;
    int           index;
    char          name[24];
    NsLoop       *loop;
    Ns_Thread     thread;
    NsMember     *members;                     /* worker's thread ... */
    WorkerInterp *interps;
    NsTask        cleanup, stopTask, stopNowTask;
    bool          cleanupPending, stopping, stopNow, tellPending;
    NsTask        tellTask;

    /*
     * The callback being run.  It costs no lock, but for one that is being looked at: who looks sets REPORTED in `begun`,
     * holding watchLock; the worker then takes that lock before it lets go of `what` and `command`.
     */
    const char     *what, *command;
    atomic_llong    begun;                     /* microseconds times two, and REPORTED; 0: none runs */
    pthread_mutex_t watchLock;

    atomic_size_t placed;                      /* channels */
    atomic_ullong callbacks, slowCallbacks, callbackUsec, longestUsec;
    atomic_size_t memberCount;
};
#define WORKER_MAGIC NS_MAGIC('W', 'o', 'r', 'k')
#define REPORTED     1

static struct {
    Ns_Mutex    lock;
    Ns_Cond     cond;
    bool        started;                       /* lock */
    int         ready, running;                /* lock */
    int         count;
    NsWorker   *workers[MAX_WORKERS];
    atomic_bool stopping, up;
    atomic_llong abortAt;                      /* NsLoopClock() at which the rest is cut off */
    int64_t     slowUsec;
    int         watchId;
    unsigned    cutOff;                        /* lock: channels that were cut off at the stop */
    char        cutNames[120];                 /* lock: the first of them */
} pool;

static __thread NsWorker *currentWorker;

/* ---- members ---- */

static void
TellMembers(NsWorker *worker)
{
    NsMember *member = worker->members;

    /* `stop` may take the member away, and others: start over after each. */
    while (member != NULL) {
        if (!member->told || (worker->stopNow && !member->toldNow)) {
            member->told = true;
            member->toldNow = worker->stopNow;
            member->stop(worker, member, worker->stopNow);
            member = worker->members;
        } else {
            member = member->next;
        }
    }
}

static void
StopIfEmpty(NsWorker *worker)
{
    if (worker->stopping && worker->members == NULL) {
        NsLoopStop(worker->loop);
    }
}

static void
TellLater(NsLoop *loop, NsTask *task)
{
    NsWorker *worker = (NsWorker *)((char *)task - offsetof(NsWorker, tellTask));

    (void)loop;
    worker->tellPending = false;
    TellMembers(worker);
    StopIfEmpty(worker);
}

void
NsWorkerJoin(NsWorker *worker, NsMember *member, void (*stop)(NsWorker *worker, NsMember *member, bool now))
{
    NS_ASSERT(worker == currentWorker);
    member->stop = stop;
    member->told = member->toldNow = false;
    member->next = worker->members;
    member->prev = &worker->members;
    if (member->next != NULL) {
        member->next->prev = &member->next;
    }
    worker->members = member;
    atomic_fetch_add_explicit(&worker->memberCount, 1u, memory_order_relaxed);
    if (worker->stopping && !worker->tellPending) {
        worker->tellPending = true;
        worker->tellTask.proc = TellLater;
        NsLoopDefer(worker->loop, &worker->tellTask);
    }
}

void
NsWorkerLeave(NsWorker *worker, NsMember *member)
{
    NS_ASSERT(worker == currentWorker);
    if (member->prev != NULL) {
        *member->prev = member->next;
        if (member->next != NULL) {
            member->next->prev = member->prev;
        }
        member->prev = NULL;
        atomic_fetch_sub_explicit(&worker->memberCount, 1u, memory_order_relaxed);
        StopIfEmpty(worker);
    }
}

/* ---- interpreters ---- */

static void
CleanupInterps(NsLoop *loop, NsTask *task)
{
    NsWorker      *worker = (NsWorker *)((char *)task - offsetof(NsWorker, cleanup));
    WorkerInterp **link = &worker->interps;

    (void)loop;
    worker->cleanupPending = false;
    while (*link != NULL) {
        WorkerInterp *wi = *link;

        if (wi->used) {
            wi->used = false;
            NsInterpCleanup(wi->interp);
            if (NsGetInterpData(wi->interp)->deleteWhenGiven) {
                *link = wi->next;
                NsInterpGive(wi->interp);
                ns_free(wi);
                continue;
            }
        }
        link = &wi->next;
    }
}

Tcl_Interp *
NsWorkerInterp(NsWorker *worker, NsServer *server)
{
    WorkerInterp *wi;

    NS_ASSERT(worker == currentWorker);
    for (wi = worker->interps; wi != NULL && wi->server != server; wi = wi->next) {
        ;
    }
    if (wi == NULL) {
        wi = ns_calloc(1u, sizeof(WorkerInterp));
        wi->server = server;
        wi->interp = NsInterpTake(server);
        wi->next = worker->interps;
        worker->interps = wi;
    }
    if (!wi->used) {
        wi->used = true;
        NsInterpUpdate(wi->interp);            /* it may have waited for long: procs were defined since */
    }
    if (!worker->cleanupPending) {
        worker->cleanupPending = true;
        worker->cleanup.proc = CleanupInterps;
        NsLoopDefer(worker->loop, &worker->cleanup);
    }
    return wi->interp;
}

/* ---- slow callbacks ---- */

/* Only the worker writes its counters: no locked instruction is needed. */
static void
AddCount(atomic_ullong *counter, unsigned long long n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

void
NsWorkerCallbackBegin(NsWorker *worker, const char *what, const char *command)
{
    worker->what = what;
    worker->command = command;
    atomic_store_explicit(&worker->begun, 2 * NsLoopClockUsec(), memory_order_release);
}

void
NsWorkerCallbackEnd(NsWorker *worker)
{
    long long begun = atomic_exchange_explicit(&worker->begun, 0, memory_order_acq_rel);
    int64_t   took = NsLoopClockUsec() - begun / 2;
    bool      reported = (begun & REPORTED) != 0;

    if (reported) {
        pthread_mutex_lock(&worker->watchLock);        /* it may still be reading `what` */
        pthread_mutex_unlock(&worker->watchLock);
    }
    AddCount(&worker->callbacks, 1u);
    AddCount(&worker->callbackUsec, (unsigned long long)took);
    if ((unsigned long long)took > atomic_load_explicit(&worker->longestUsec, memory_order_relaxed)) {
        atomic_store_explicit(&worker->longestUsec, (unsigned long long)took, memory_order_relaxed);
    }
    if (reported || (pool.slowUsec > 0 && took >= pool.slowUsec)) {
        if (!reported) {
            atomic_fetch_add_explicit(&worker->slowCallbacks, 1u, memory_order_relaxed);
        }
        Ns_Log(Warning, "slow callback: %s took %.3fs, and %zu others of the worker waited: %.200s", worker->what,
               (double)took / 1e6, atomic_load(&worker->memberCount) - 1u,
               worker->command != NULL ? worker->command : "(C)");
    }
}

/*
 * Any thread: what runs for at least `least` microseconds; how long, or 0.  With `once` only if it was not asked before.
 */
static int64_t
LookAt(NsWorker *worker, int64_t least, bool once, char what[64], char command[201])
{
    int64_t   took = 0, now = NsLoopClockUsec();
    long long begun;

    pthread_mutex_lock(&worker->watchLock);
    begun = atomic_load_explicit(&worker->begun, memory_order_acquire);
    if (begun != 0 && now - begun / 2 >= least && !(once && (begun & REPORTED) != 0)
        && ((begun & REPORTED) != 0 || atomic_compare_exchange_strong(&worker->begun, &begun, begun | REPORTED))) {
        took = now - begun / 2;
        took = took > 0 ? took : 1;
        snprintf(what, 64u, "%s", worker->what);
        snprintf(command, 201u, "%s", worker->command != NULL ? worker->command : "(C)");
    }
    pthread_mutex_unlock(&worker->watchLock);
    return took;
}

/* How often it is looked: what is too slow is named a quarter of the time late at most. */
static Ns_Time
WatchInterval(int64_t slowUsec)
{
    int64_t usec = slowUsec / 4;

    usec = usec < 25000 ? 25000 : usec > 1000000 ? 1000000 : usec;
    return (Ns_Time){(time_t)(usec / 1000000), (long)(usec % 1000000)};
}

static void
WatchWorkers(void *arg, int id)
{
    int i;

    (void)arg;
    (void)id;
    for (i = 0; i < pool.count; i++) {
        NsWorker *worker = pool.workers[i];
        char      what[64], command[201];
        int64_t   took = LookAt(worker, pool.slowUsec, true, what, command);

        if (took > 0) {
            atomic_fetch_add_explicit(&worker->slowCallbacks, 1u, memory_order_relaxed);
            Ns_Log(Warning, "slow callback: %s on %s has been running for %.3fs: %s", what, worker->name,
                   (double)took / 1e6, command);
        }
    }
}

/* ---- threads ---- */

static void
StopWorker(NsLoop *loop, NsTask *task)
{
    NsWorker *worker = (NsWorker *)((char *)task - offsetof(NsWorker, stopTask));

    (void)loop;
    worker->stopping = true;
    TellMembers(worker);
    StopIfEmpty(worker);
}

static void
StopWorkerNow(NsLoop *loop, NsTask *task)
{
    NsWorker *worker = (NsWorker *)((char *)task - offsetof(NsWorker, stopNowTask));

    (void)loop;
    worker->stopNow = true;
    TellMembers(worker);
    StopIfEmpty(worker);
}

/* The default server's, for which the start waits. */
static bool
TakeInterp(NsServer *server, void *arg)
{
    (void)NsWorkerInterp(arg, server);
    return false;
}

/*
 * Those of the others, while the start goes on: the first event finds them, and needs not wait for one to be made.  Not for
 * ever so many servers: each takes some 400 kB.
 */
static bool
TakeInterps(NsServer *server, void *arg)
{
    NsWorker           *worker = arg;
    const WorkerInterp *wi;
    int                 count = 0;

    (void)NsWorkerInterp(worker, server);
    for (wi = worker->interps; wi != NULL; wi = wi->next) {
        count++;
    }
    return count < PREPARED_INTERPS;
}

static void
WorkerThread(void *arg)
{
    NsWorker *worker = arg;

    currentWorker = worker;
    Ns_ThreadSetName("%s", worker->name);
    if (NsInfoReached(NS_PHASE_INTERPS)) {
        NsServerEach(TakeInterp, worker);
    }
    Ns_MutexLock(&pool.lock);
    pool.ready++;
    Ns_CondBroadcast(&pool.cond);
    Ns_MutexUnlock(&pool.lock);
    NsServerEach(TakeInterps, worker);
    NsInfoAwait(NS_PHASE_STARTED);

    do {
        NsLoopRun(worker->loop);
    } while (worker->members != NULL);         /* one joined in the last turn: it is to be told, and to leave */

    while (worker->interps != NULL) {
        WorkerInterp *wi = worker->interps;

        worker->interps = wi->next;
        NsInterpGive(wi->interp);
        ns_free(wi);
    }
    Ns_MutexLock(&pool.lock);
    pool.running--;
    Ns_CondBroadcast(&pool.cond);
    Ns_MutexUnlock(&pool.lock);
}

static void
StartWorker(int index)
{
    NsWorker *worker = ns_calloc(1u, sizeof(NsWorker));

    worker->magic = WORKER_MAGIC;
    worker->index = index;
    snprintf(worker->name, sizeof(worker->name), "-socks:%d-", index);
    pthread_mutex_init(&worker->watchLock, NULL);
    worker->loop = NsLoopCreate(worker->name);
    if (worker->loop == NULL) {
        Ns_Fatal("callback worker %d: cannot create its event loop: %s", index, strerror(errno));
    }
    pool.workers[index] = worker;
}

void
NsWorkersStart(void)
{
    int i;

    Ns_MutexLock(&pool.lock);
    if (!pool.started) {
        long    cores = sysconf(_SC_NPROCESSORS_ONLN);
        Ns_Time slow;

        pool.started = true;
        pool.count = Ns_ConfigIntRange("ns/parameters", "sockcallbackthreads", cores > 0 ? (int)cores : 1, 1, MAX_WORKERS);
        Ns_ConfigTimeUnitRange("ns/parameters", "slowcallback", "1s", 0, 0, 86400, 0, &slow);
        pool.slowUsec = (int64_t)slow.sec * 1000000 + slow.usec;
        for (i = 0; i < pool.count; i++) {
            StartWorker(i);
        }
        pool.running = pool.count;
        for (i = 0; i < pool.count; i++) {
            Ns_ThreadCreate(WorkerThread, pool.workers[i], 0, &pool.workers[i]->thread);
        }
        while (pool.ready < pool.count) {
            Ns_CondWait(&pool.cond, &pool.lock);
        }
        if (pool.slowUsec > 0) {
            Ns_Time interval = WatchInterval(pool.slowUsec);

            pool.watchId = Ns_ScheduleProcEx(WatchWorkers, NULL, 0u, &interval, NULL);
        }
        atomic_store(&pool.up, true);
    }
    Ns_MutexUnlock(&pool.lock);
}

/* Lock held.  False: some still run. */
static bool
AwaitWorkers(const Ns_Time *until)
{
    while (pool.running > 0 && NsCondWaitUntil(&pool.cond, &pool.lock, until) == NS_OK) {
        ;
    }
    return pool.running == 0;
}

/* Peers that take nothing must not use up the time: a part of it before the end, what is left of them is aborted. */
static Ns_Time
AbortTime(const Ns_Time *until)
{
    Ns_Time now, left, at = *until;

    NsGetMonotonicTime(&now);
    if (Ns_DiffTime(until, &now, &left) > 0) {
        int64_t early = Ns_TimeToMilliseconds(&left) / 5;

        early = early > 2000 ? 2000 : early;
        at.sec -= (time_t)(early / 1000);
        at.usec -= (long)(early % 1000) * 1000;
        Ns_AdjTime(&at);
    }
    return at;
}

int64_t
NsWorkersAbortTime(void)
{
    return atomic_load(&pool.abortAt);
}

void
NsWorkersNoteCutOff(const char *name)
{
    size_t len;

    Ns_MutexLock(&pool.lock);
    len = strlen(pool.cutNames);
    if (pool.cutOff < CUT_NAMES) {
        snprintf(pool.cutNames + len, sizeof pool.cutNames - len, "%s%.30s", len > 0 ? ", " : "", name);
    }
    pool.cutOff++;
    Ns_MutexUnlock(&pool.lock);
}

/* One line for all: there may be very many. */
static void
LogCutOff(void)
{
    Ns_MutexLock(&pool.lock);
    if (pool.cutOff > 0) {
        Ns_Log(Warning, "shutdown: %u channel%s cut off, what was sent was not taken: %s%s", pool.cutOff,
               pool.cutOff == 1 ? " was" : "s were", pool.cutNames, pool.cutOff > CUT_NAMES ? ", ..." : "");
    }
    Ns_MutexUnlock(&pool.lock);
}

bool
NsWorkersStop(const Ns_Time *until)
{
    Ns_Time abortAt;
    int     i, left;

    atomic_store(&pool.stopping, true);
    Ns_MutexLock(&pool.lock);
    if (!pool.started) {
        Ns_MutexUnlock(&pool.lock);
        return true;
    }
    abortAt = AbortTime(until);
    atomic_store(&pool.abortAt, NsLoopClock() + NsMsUntil(&abortAt));
    for (i = 0; i < pool.count; i++) {
        pool.workers[i]->stopTask.proc = StopWorker;
        NsLoopPost(pool.workers[i]->loop, &pool.workers[i]->stopTask);
    }
    if (!AwaitWorkers(&abortAt)) {
        for (i = 0; i < pool.count; i++) {
            pool.workers[i]->stopNowTask.proc = StopWorkerNow;
            NsLoopPost(pool.workers[i]->loop, &pool.workers[i]->stopNowTask);
        }
        (void)AwaitWorkers(until);
    }
    left = pool.running;
    Ns_MutexUnlock(&pool.lock);

    LogCutOff();
    if (left > 0) {
        for (i = 0; i < pool.count; i++) {
            NsWorker *worker = pool.workers[i];

            char      what[64], command[201];
            bool      busy = LookAt(worker, 0, false, what, command) > 0;

            Ns_Log(Warning, "shutdown: %s did not end in time: %zu sockets left%s%s", worker->name,
                   atomic_load(&worker->memberCount), busy ? ", busy with " : "", busy ? what : "");
        }
    } else {
        for (i = 0; i < pool.count; i++) {
            Ns_ThreadJoin(&pool.workers[i]->thread, NULL);        /* the loop stays: others may still post to it */
        }
    }
    return left == 0;
}

bool
NsWorkersStopping(void)
{
    return atomic_load_explicit(&pool.stopping, memory_order_relaxed);
}

NsWorker *
NsWorkerFor(NS_SOCKET fd)
{
    if (!atomic_load_explicit(&pool.up, memory_order_acquire)) {
        NsWorkersStart();
    }
    return pool.workers[(unsigned)fd % (unsigned)pool.count];
}

/*
 * How much a worker has to do, for comparing: one that runs a slow callback comes behind all others, and among equals an idle
 * one before one that is at work.
 */
static uint64_t
Load(const NsWorker *worker, int64_t now, int64_t slow)
{
    uint64_t load = 2u * (uint64_t)atomic_load_explicit(&worker->placed, memory_order_relaxed);
    int64_t  begun = atomic_load_explicit(&worker->begun, memory_order_relaxed);

    if (begun != 0) {
        load += now - begun / 2 >= slow ? UINT64_MAX / 2u : 1u;
    }
    return load;
}

NsWorker *
NsWorkerPlace(void)
{
    static atomic_uint turn;
    unsigned  first = atomic_fetch_add_explicit(&turn, 1u, memory_order_relaxed), i;
    NsWorker *best = NULL;
    uint64_t  least = UINT64_MAX;
    int64_t   now = NsLoopClockUsec(), slow;

    if (!atomic_load_explicit(&pool.up, memory_order_acquire)) {
        NsWorkersStart();
    }
    slow = pool.slowUsec > 0 && pool.slowUsec < PLACE_SLOW ? pool.slowUsec : PLACE_SLOW;
    for (i = 0u; i < (unsigned)pool.count; i++) {
        NsWorker *worker = pool.workers[(first + i) % (unsigned)pool.count];
        uint64_t  load = Load(worker, now, slow);

        if (load < least) {
            least = load;
            best = worker;
        }
    }
    atomic_fetch_add_explicit(&best->placed, 1u, memory_order_relaxed);
    return best;
}

void
NsWorkerUnplace(NsWorker *worker)
{
    NS_CHECK(worker, WORKER_MAGIC);
    atomic_fetch_sub_explicit(&worker->placed, 1u, memory_order_relaxed);
}

NsWorker *
NsWorkerCurrent(void)
{
    return currentWorker;
}

NsLoop *
NsWorkerLoop(NsWorker *worker)
{
    return worker->loop;
}

const char *
NsWorkerName(const NsWorker *worker)
{
    return worker->name;
}

int
NsWorkerCount(void)
{
    return pool.count;
}

int
NsWorkerIndex(const NsWorker *worker)
{
    return worker->index;
}

NsWorker *
NsWorkerGet(int index)
{
    return index >= 0 && index < pool.count ? pool.workers[index] : NULL;
}

void
NsWorkerGetStats(NsWorker *worker, NsWorkerStats *stats)
{
    stats->callbacks = atomic_load_explicit(&worker->callbacks, memory_order_relaxed);
    stats->slowCallbacks = atomic_load_explicit(&worker->slowCallbacks, memory_order_relaxed);
    stats->callbackUsec = atomic_load_explicit(&worker->callbackUsec, memory_order_relaxed);
    stats->longestUsec = atomic_load_explicit(&worker->longestUsec, memory_order_relaxed);
    stats->channels = atomic_load_explicit(&worker->placed, memory_order_relaxed);
    stats->members = atomic_load_explicit(&worker->memberCount, memory_order_relaxed);
    NsLoopGetStats(worker->loop, &stats->loop);
}
