/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pools: the queues in which complete requests wait for a connection thread, and those threads.
 *
 * A pool's idle threads are a stack: the one that became idle last, whose memory is warm, gets the next request, and
 * the others reach their timeout.  Each waits for its own condition, so that a request wakes one thread.
 */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/thread.h"
#include "request/conn.h"
#include "http/chars.h"
#include "interp/blueprint.h"
#include "interp/interp.h"
#include "driver/pacing.h"
#include "request/limits.h"
#include "request/queue.h"
#include "request/urlspace.h"

#define IDLE_PERIOD 1                          /* seconds between the idle traces of a thread that waits */

typedef struct ConnThread {
    struct ConnThread *next, **prev;           /* pool->threads */
    struct ConnThread *nextIdle;
    NsPool            *pool;
    Ns_Thread          thread;
    Ns_Cond            cond;
    NsConn            *conn;                   /* handed over, or being run */
    bool               stop;
    atomic_int         wakers;                 /* that are past the lock, and about to signal */
    unsigned           number;
    unsigned long      served;
    char               name[96];               /* its own part, nameLen, and a number for each request */
    size_t             nameLen;
} ConnThread;

struct NsPool {
    uint32_t    magic;
    NsServer   *server;
    NsPool     *next;
    Ns_Mutex    lock;                          /* guards all below */
    Ns_Cond     ended;
    NsConn     *first, *last;                  /* waiting */
    ConnThread *threads, *idle, *over;         /* all that run; those with nothing to do; ended, to be joined */
    int         minThreads, maxThreads, current, idleCount, creating, waiting;
    int         maxConnections, lowWater, highWater, retryAfter;
    unsigned long connsPerThread;
    bool        rejectOverrun, stopping;
    Ns_Time     threadTimeout;
    unsigned    nextNumber;
    NsPoolStats stats;
    NsAnswerPool answers;                      /* not guarded */
};
#define POOL_MAGIC NS_MAGIC('P', 'o', 'o', 'l')

struct NsPools {
    NsPool     *first;                         /* the default pool */
    NsUrlSpace *map;
};

static inline struct NsPools *
PoolsOf(const NsServer *server)
{
    return NsServerPartData(server, &nsQueuePart);
}

static void Run(void *arg);

/* ---- set-up ---- */

static void
ReadPool(NsPool *pool, const char *section)
{
    Ns_Time retryAfter;

    pool->maxThreads = Ns_ConfigIntRange(section, "maxthreads", 10, 1, 10000);
    pool->minThreads = Ns_ConfigIntRange(section, "minthreads", 1, 1, pool->maxThreads);
    pool->connsPerThread = (unsigned long)Ns_ConfigIntRange(section, "connsperthread", 10000, 0, INT_MAX);
    pool->maxConnections = Ns_ConfigIntRange(section, "maxconnections", 100, 1, INT_MAX);
    pool->lowWater = Ns_ConfigIntRange(section, "lowwatermark", 10, 0, 100);
    pool->highWater = Ns_ConfigIntRange(section, "highwatermark", 80, 0, 100);
    pool->rejectOverrun = Ns_ConfigBool(section, "rejectoverrun", false);
    Ns_ConfigTimeUnitRange(section, "threadtimeout", "2m", 0, 0, INT_MAX, 0, &pool->threadTimeout);
    Ns_ConfigTimeUnitRange(section, "retryafter", "5s", 0, 0, INT_MAX, 0, &retryAfter);
    atomic_init(&pool->answers.connectionRate, NsConfigRate(section, "connectionratelimit"));
    NsRateShareInit(&pool->answers.rate, NsConfigRate(section, "poolratelimit"));
    atomic_init(&pool->answers.shared, NsRateShareGet(&pool->answers.rate) > 0);
    pool->retryAfter = (int)retryAfter.sec + (retryAfter.usec > 0 ? 1 : 0);
    if (pool->maxConnections < pool->maxThreads) {
        Ns_Log(Warning, "[%s] maxconnections (%d) is less than maxthreads (%d): some threads will never have a request",
               section, pool->maxConnections, pool->maxThreads);
    }
}

/* "GET /path", with a third word for constraints on the request. */
static void
MapPool(NsServer *server, NsPool *pool, const char *section, const char *spec)
{
    const char   **words;
    int            count;
    NsConstraints *constraints = NULL;

    if (Tcl_SplitList(NULL, spec, &count, &words) != TCL_OK) {
        Ns_Log(Error, "[%s] map: not a list: %s", section, spec);
        return;
    }
    if (count < 2 || count > 3 || words[1][0] != '/') {
        Ns_Log(Error, "[%s] map: expected a method, a path and perhaps constraints: %s", section, spec);
    } else if (count == 3 && NsConstraintsParse(NULL, words[2], &constraints) != NS_OK) {
        Ns_Log(Error, "[%s] map: these are no constraints: %s", section, words[2]);
    } else {
        NsUrlSpaceSet(PoolsOf(server)->map, words[0], words[1], pool, 0u, constraints);
    }
    Tcl_Free((char *)words);
}

static NsPool *
PoolCreate(NsServer *server, const char *name, const char *section)
{
    NsPool      *pool = ns_calloc(1u, sizeof(NsPool)), **link;
    const Ns_Set *set;
    size_t        i;

    pool->magic = POOL_MAGIC;
    pool->answers.name = ns_strdup(name);
    pool->server = server;
    Ns_MutexInit(&pool->lock);
    Ns_MutexSetName2(&pool->lock, "pool", *name != '\0' ? name : server->name);
    Ns_CondInit(&pool->ended);
    ReadPool(pool, section);
    for (link = &PoolsOf(server)->first; *link != NULL; link = &(*link)->next) {
        ;
    }
    *link = pool;
    if (*name != '\0') {
        (void)Ns_ConfigString(section, "map", NULL);
        set = Ns_ConfigGetSection2(section, false);        /* what is misspelt in it is still found */
        for (i = 0; set != NULL && i < Ns_SetSize(set); i++) {
            if (strcasecmp(Ns_SetKey(set, i), "map") == 0) {
                MapPool(server, pool, section, Ns_SetValue(set, i));
            }
        }
    }
    return pool;
}

static void
InitServer(NsServer *server)
{
    Tcl_DString     ds;
    struct NsPools *all;
    const Ns_Set   *pools;
    size_t          i;

    all = ns_calloc(1u, sizeof *all);
    all->map = NsUrlSpaceCreate(NULL, NULL);
    NsServerSetPart(server, &nsQueuePart, all);
    (void)PoolCreate(server, "", server->section);
    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, server->section, -1);
    Tcl_DStringAppend(&ds, "/pools", -1);
    pools = Ns_ConfigGetSection(Tcl_DStringValue(&ds));
    for (i = 0; pools != NULL && i < Ns_SetSize(pools); i++) {
        const char *name = Ns_SetKey(pools, i);

        Tcl_DStringSetLength(&ds, 0);
        Tcl_DStringAppend(&ds, server->section, -1);
        Tcl_DStringAppend(&ds, "/pool/", -1);
        Tcl_DStringAppend(&ds, name, -1);
        if (NsPoolGet(server, name) == NULL) {
            (void)PoolCreate(server, name, Tcl_DStringValue(&ds));
        }
    }
    Tcl_DStringFree(&ds);
}

NsServerPart nsQueuePart = {.init = InitServer};

/* ---- threads ---- */

/* Lock held.  Threads that have left Run: joining them takes a moment at most. */
static void
JoinEnded(NsPool *pool)
{
    while (pool->over != NULL) {
        ConnThread *thread = pool->over;

        pool->over = thread->nextIdle;
        Ns_MutexUnlock(&pool->lock);
        Ns_ThreadJoin(&thread->thread, NULL);
        while (atomic_load_explicit(&thread->wakers, memory_order_acquire) > 0) {
            Ns_ThreadYield();                  /* it was awake before the signal: rare, and short */
        }
        Ns_CondDestroy(&thread->cond);
        ns_free(thread);
        Ns_MutexLock(&pool->lock);
    }
}

/* Lock held. */
static void
StartThread(NsPool *pool)
{
    ConnThread *thread = ns_calloc(1u, sizeof(ConnThread));

    thread->pool = pool;
    thread->number = pool->nextNumber++;
    thread->next = pool->threads;
    thread->prev = &pool->threads;
    if (thread->next != NULL) {
        thread->next->prev = &thread->next;
    }
    pool->threads = thread;
    pool->current++;
    pool->creating++;
    Ns_CondInit(&thread->cond);
    /* The thread's first act is to take the lock: `thread->thread` is set when anybody looks at it. */
    Ns_ThreadCreate(Run, thread, 0, &thread->thread);
}

/*
 * Lock held.  A thread more?  Below the low watermark (a share of maxconnections) requests wait for the threads there
 * are; above it one is started at a time, above the high one as many as requests come.
 */
static bool
WantsThread(const NsPool *pool)
{
    if (pool->idleCount > 0 || pool->stopping || pool->current >= pool->maxThreads) {
        return false;
    }
    if (pool->current < pool->minThreads) {
        return true;
    }
    if ((int64_t)pool->waiting * 100 <= (int64_t)pool->maxConnections * pool->lowWater) {
        return false;
    }
    return pool->creating == 0 || (int64_t)pool->waiting * 100 > (int64_t)pool->maxConnections * pool->highWater;
}

/* Lock held. */
static void
Unidle(NsPool *pool, const ConnThread *thread)
{
    ConnThread **link;

    for (link = &pool->idle; *link != NULL; link = &(*link)->nextIdle) {
        if (*link == thread) {
            *link = thread->nextIdle;
            pool->idleCount--;
            break;
        }
    }
}

/* Lock held.  The first idle thread gets a request; it is to be woken behind the lock, which it will ask for. */
static ConnThread *
HandOver(NsPool *pool, NsConn *conn)
{
    ConnThread *thread = pool->idle;

    pool->idle = thread->nextIdle;
    pool->idleCount--;
    thread->conn = conn;
    atomic_fetch_add_explicit(&thread->wakers, 1, memory_order_relaxed);
    return thread;
}

static void
WakeUp(ConnThread *thread)
{
    if (thread != NULL) {
        Ns_CondSignal(&thread->cond);
        atomic_fetch_sub_explicit(&thread->wakers, 1, memory_order_release);
    }
}

/* Lock held. */
static void
PushIdle(NsPool *pool, ConnThread *thread)
{
    thread->nextIdle = pool->idle;
    pool->idle = thread;
    pool->idleCount++;
}

/* Lock held; there is one. */
static NsConn *
TakeFirst(NsPool *pool, ConnThread *thread)
{
    thread->conn = pool->first;
    pool->first = thread->conn->next;
    if (pool->first == NULL) {
        pool->last = NULL;
    }
    thread->conn->next = NULL;
    pool->waiting--;
    return thread->conn;
}

/* Lock held, but not while the scripts run: the thread is not among the idle ones then, since it could not serve. */
static void
RunIdleTraces(NsPool *pool)
{
    Tcl_Interp *interp;

    Ns_MutexUnlock(&pool->lock);
    interp = NsInterpTake(pool->server);
    NsTclRunTraces(interp, NS_TCL_TRACE_IDLE);
    NsInterpGive(interp);
    Ns_MutexLock(&pool->lock);
}

/*
 * Lock held.  Wait for a request until `end`, with `traced` for a second at most.  True when it has come, or the thread is to stop.
 */
static bool
AwaitRequest(ConnThread *thread, const Ns_Time *end, bool traced)
{
    Ns_Time until = *end, soon;

    if (traced) {
        NsMonotonicAfter(&(Ns_Time){IDLE_PERIOD, 0}, &soon);
        if (Ns_DiffTime(&soon, end, NULL) < 0) {
            until = soon;
        }
    }
    while (thread->conn == NULL && !thread->stop) {
        if (NsCondWaitUntil(&thread->cond, &thread->pool->lock, &until) == NS_TIMEOUT) {
            break;
        }
    }
    return thread->conn != NULL || thread->stop;
}

/* Lock held.  Has the time come for the thread to end?  A pool that needs it has it wait once more. */
static bool
IsOver(const NsPool *pool, Ns_Time *end)
{
    Ns_Time now;

    NsGetMonotonicTime(&now);
    if (Ns_DiffTime(&now, end, NULL) < 0) {
        return false;
    }
    NsMonotonicAfter(&(Ns_Time){pool->threadTimeout.sec > 0 ? pool->threadTimeout.sec : 1, 0}, end);
    return pool->current > pool->minThreads;
}

/* Lock held.  The next request, or NULL: the thread is to end. */
static NsConn *
NextRequest(ConnThread *thread)
{
    NsPool *pool = thread->pool;
    bool    traced = NsTclIsTraced(pool->server, NS_TCL_TRACE_IDLE), over = false;
    Ns_Time end;

    if (pool->connsPerThread > 0 && thread->served >= pool->connsPerThread) {
        return NULL;
    }
    NsMonotonicAfter(&pool->threadTimeout, &end);
    while (!over) {
        if (traced && pool->first == NULL && !pool->stopping) {
            RunIdleTraces(pool);
        }
        if (pool->first != NULL) {
            return TakeFirst(pool, thread);
        }
        if (pool->stopping) {
            return NULL;
        }
        PushIdle(pool, thread);
        while (!AwaitRequest(thread, &end, traced) && !(over = IsOver(pool, &end)) && !traced) {
            ;
        }
        if (thread->conn != NULL) {
            return thread->conn;               /* who gave it has taken the thread off the stack */
        }
        Unidle(pool, thread);
        over = over || thread->stop;
    }
    return NULL;
}

static void
AddDifference(Ns_Time *sum, const Ns_Time *to, const Ns_Time *from)
{
    Ns_Time diff;

    if (from->sec != 0 && to->sec != 0 && Ns_DiffTime(to, from, &diff) > 0) {
        Ns_IncrTime(sum, diff.sec, diff.usec);
    }
}

/* Lock held. */
static void
CountRequest(NsPool *pool, const NsConn *conn, const Ns_Time *end)
{
    NsPoolStats *stats = &pool->stats;

    AddDifference(&stats->acceptTime, &conn->queueTime, &conn->acceptTime);
    AddDifference(&stats->queueTime, &conn->dequeueTime, &conn->queueTime);
    AddDifference(&stats->filterTime, &conn->filterDoneTime, &conn->dequeueTime);
    AddDifference(&stats->runTime, &conn->runDoneTime, &conn->filterDoneTime);
    AddDifference(&stats->traceTime, end, &conn->runDoneTime);
    stats->sent += conn->contentSent + conn->headSent;
}

static void
Serve(ConnThread *thread, NsConn *conn)
{
    NsPool *pool = thread->pool;
    char   *number = thread->name + thread->nameLen;
    Ns_Time end;

    *number = ':';
    memcpy(number + 1 + NsDecimalPut(number + 1, thread->served), "-", 2);
    NsThreadSetName(thread->name);
    NsGetMonotonicTime(&conn->dequeueTime);
    if (__builtin_expect(conn->limits != NULL, 0)) {
        (void)NsLimitsLate(conn);
    }
    NsConnRun(conn);
    NsGetMonotonicTime(&end);
    NsLimitsDone(conn);

    Ns_MutexLock(&pool->lock);
    thread->conn = NULL;
    thread->served++;
    CountRequest(pool, conn, &end);
    Ns_MutexUnlock(&pool->lock);
    NsConnFree(conn);
    Ns_MutexLock(&pool->lock);
}

static void
Run(void *arg)
{
    ConnThread *thread = arg;
    NsPool     *pool = thread->pool;
    NsConn     *conn;

    NS_CHECK(pool, POOL_MAGIC);
    snprintf(thread->name, sizeof(thread->name) - NS_DECIMAL_SIZE - 2, "-conn:%s:%s:%u", pool->server->name,
             *pool->answers.name != '\0' ? pool->answers.name : "default", thread->number);
    Ns_ThreadSetName("%s-", thread->name);
    Ns_SetThreadServer(thread->pool->server->name);
    thread->nameLen = strlen(thread->name);
    /* The interpreter is made before a request has to wait for it. */
    NsInterpGive(NsInterpTake(pool->server));

    Ns_MutexLock(&pool->lock);
    pool->creating--;
    while ((conn = NextRequest(thread)) != NULL) {
        Ns_MutexUnlock(&pool->lock);
        Serve(thread, conn);                   /* comes back with the lock */
    }
    JoinEnded(pool);                           /* here, since a driver's thread must not wait for it */
    *thread->prev = thread->next;
    if (thread->next != NULL) {
        thread->next->prev = thread->prev;
    }
    pool->current--;
    if (WantsThread(pool) || (pool->first != NULL && pool->current == 0)) {
        StartThread(pool);
    }
    thread->nextIdle = pool->over;
    pool->over = thread;
    Ns_CondBroadcast(&pool->ended);
    Ns_MutexUnlock(&pool->lock);
}

/* ---- requests ---- */

/*
 * Lock held.  maxconnections bounds what is queued and running.  Past it requests are refused with `rejectoverrun`;
 * without, they wait like others, up to the driver's maxqueuesize.
 */
static bool
IsFull(const NsPool *pool, const NsDriver *driver)
{
    int running = pool->current - pool->idleCount - pool->creating;
    int limit = pool->maxConnections;

    if (!pool->rejectOverrun && limit < driver->maxQueueSize) {
        limit = driver->maxQueueSize;
    }
    return pool->waiting + running >= limit;
}

static NsPool *
PoolFor(NsServer *server, const NsHttpRequest *request)
{
    NsPool *pool = NULL;

    if (PoolsOf(server)->first->next != NULL) {
        pool = NsUrlSpaceFind(PoolsOf(server)->map, request->request.method, request->request.url, 0u, request->headers);
    }
    return pool != NULL ? pool : PoolsOf(server)->first;
}

/* Lock held.  To an idle thread, which is to be woken behind the lock, or to the end of the queue. */
static ConnThread *
Enqueue(NsPool *pool, NsConn *conn)
{
    ConnThread *thread = NULL;

    pool->stats.requests++;
    if (pool->idle != NULL) {
        thread = HandOver(pool, conn);
    } else {
        pool->stats.queued++;
        pool->waiting++;
        if (pool->last != NULL) {
            pool->last->next = conn;
        } else {
            pool->first = conn;
        }
        pool->last = conn;
        if (WantsThread(pool)) {
            StartThread(pool);
        }
    }
    return thread;
}

/* A request that is admitted: to the pool, unless that is full or about to stop. */
static Ns_ReturnCode
GiveToPool(NsPool *pool, NsConn *conn, int *retryAfter)
{
    ConnThread   *thread = NULL;
    Ns_ReturnCode status = NS_OK;

    Ns_MutexLock(&pool->lock);
    if (pool->stopping) {
        status = NS_ERROR;
    } else if (pool->idle == NULL && IsFull(pool, conn->driver)) {
        pool->stats.dropped++;
        *retryAfter = pool->retryAfter;
        status = NS_TIMEOUT;
    } else {
        thread = Enqueue(pool, conn);
    }
    Ns_MutexUnlock(&pool->lock);
    WakeUp(thread);
    return status;
}

Ns_ReturnCode
NsQueueRequest(NsServer *server, NsSock *sock, NsHttpRequest *request, int *retryAfter)
{
    NsPool        *pool = PoolFor(server, request);
    NsConn        *conn = NsConnCreate(server, pool, sock, request);
    Ns_ReturnCode  status = NS_TIMEOUT;
    NsLimitsAnswer answer;

    NsSockBeginAnswer(sock, server, &pool->answers);
    answer = NsLimitsAdmit(conn);
    if (answer == NS_LIMITS_WAIT) {
        return NS_OK;                          /* another thread may have it by now */
    }
    if (answer == NS_LIMITS_RUN) {
        status = GiveToPool(pool, conn, retryAfter);
    } else {
        *retryAfter = pool->retryAfter;
    }
    if (status != NS_OK) {
        NsLimitsDone(conn);
        conn->sock = NULL;                     /* they stay the caller's */
        conn->http = NULL;
        NsConnFree(conn);
    }
    return status;
}

void
NsQueueResume(NsConn *conn)
{
    NsPool     *pool = conn->pool;
    ConnThread *thread = NULL;
    bool        over;

    Ns_MutexLock(&pool->lock);
    over = pool->stopping && pool->current == 0;
    if (!over) {
        thread = Enqueue(pool, conn);
    }
    Ns_MutexUnlock(&pool->lock);
    WakeUp(thread);
    if (over) {                                /* nobody is left to answer */
        NsSockReturn(conn->sock, false);
        conn->sock = NULL;
        NsLimitsDone(conn);
        NsConnFree(conn);
    }
}

/* ---- start and stop ---- */

static bool
StartPool(NsPool *pool, void *arg)
{
    (void)arg;
    Ns_MutexLock(&pool->lock);
    while (pool->current < pool->minThreads) {
        StartThread(pool);
    }
    Ns_MutexUnlock(&pool->lock);
    return true;
}

static bool
SignalStop(NsPool *pool, void *arg)
{
    ConnThread *thread;

    (void)arg;
    Ns_MutexLock(&pool->lock);
    pool->stopping = true;
    for (thread = pool->idle; thread != NULL; thread = thread->nextIdle) {
        thread->stop = true;
        Ns_CondSignal(&thread->cond);
    }
    Ns_MutexUnlock(&pool->lock);
    return true;
}

typedef struct Awaiting { const Ns_Time *until; bool ended; } Awaiting;

static bool
AwaitPool(NsPool *pool, void *arg)
{
    Awaiting     *awaiting = arg;
    Ns_ReturnCode status = NS_OK;

    Ns_MutexLock(&pool->lock);
    while (pool->current > 0 && status == NS_OK) {
        status = NsCondWaitUntil(&pool->ended, &pool->lock, awaiting->until);
    }
    if (pool->current > 0) {
        const ConnThread *thread;

        awaiting->ended = false;
        for (thread = pool->threads; thread != NULL; thread = thread->next) {
            Ns_Log(Warning, "%s: a connection thread has not ended in time: %s", pool->server->name,
                   thread->conn != NULL ? thread->conn->http->request.line : "idle");
        }
    }
    JoinEnded(pool);
    Ns_MutexUnlock(&pool->lock);
    return true;
}

static bool
StartServer(NsServer *server, void *arg)
{
    return NsPoolEach(server, StartPool, arg);
}

static bool
SignalServer(NsServer *server, void *arg)
{
    return NsPoolEach(server, SignalStop, arg);
}

static bool
AwaitServer(NsServer *server, void *arg)
{
    return NsPoolEach(server, AwaitPool, arg);
}

void
NsQueueStart(void)
{
    NsServerEach(StartServer, NULL);
}

bool
NsQueueStop(const Ns_Time *until)
{
    Awaiting awaiting = {until, true};

    NsLimitsStop();
    NsServerEach(SignalServer, NULL);
    NsServerEach(AwaitServer, &awaiting);
    return awaiting.ended;
}

/* ---- what can be asked and set ---- */

NsPool *
NsPoolGet(NsServer *server, const char *name)
{
    NsPool *pool = PoolsOf(server)->first;

    while (pool != NULL && name != NULL && *name != '\0' && strcmp(pool->answers.name, name) != 0) {
        pool = pool->next;
    }
    return pool;
}

const char *
NsPoolName(const NsPool *pool)
{
    return pool->answers.name;
}

struct NsUrlSpace *
NsPoolMapSpace(NsServer *server)
{
    return PoolsOf(server)->map;
}

bool
NsPoolEach(NsServer *server, bool (*proc)(NsPool *pool, void *arg), void *arg)
{
    NsPool *pool;

    for (pool = PoolsOf(server)->first; pool != NULL; pool = pool->next) {
        if (!proc(pool, arg)) {
            return false;
        }
    }
    return true;
}

int64_t
NsPoolConnectionRate(NsPool *pool)
{
    return atomic_load_explicit(&pool->answers.connectionRate, memory_order_relaxed);
}

void
NsPoolSetConnectionRate(NsPool *pool, int64_t rate)
{
    atomic_store_explicit(&pool->answers.connectionRate, rate, memory_order_relaxed);
}

int64_t
NsPoolGetRate(NsPool *pool)
{
    return NsRateShareGet(&pool->answers.rate);
}

void
NsPoolSetRate(NsPool *pool, int64_t rate)
{
    NsRateShareSet(&pool->answers.rate, rate);
    if (rate > 0) {
        atomic_store_explicit(&pool->answers.shared, true, memory_order_relaxed);
    }
}

void
NsPoolGetStats(NsPool *pool, NsPoolStats *stats)
{
    NS_CHECK(pool, POOL_MAGIC);
    Ns_MutexLock(&pool->lock);
    *stats = pool->stats;
    stats->minThreads = pool->minThreads;
    stats->maxThreads = pool->maxThreads;
    stats->currentThreads = pool->current;
    stats->idleThreads = pool->idleCount;
    stats->waiting = pool->waiting;
    stats->maxConnections = pool->maxConnections;
    Ns_MutexUnlock(&pool->lock);
}

int
NsPoolSetThreads(NsPool *pool, int minThreads, int maxThreads)
{
    int result = -1;

    NS_CHECK(pool, POOL_MAGIC);
    Ns_MutexLock(&pool->lock);
    if (minThreads < 0) {
        minThreads = pool->minThreads;
    }
    if (maxThreads < 0) {
        maxThreads = pool->maxThreads;
    }
    if (minThreads >= 1 && minThreads <= maxThreads) {
        pool->minThreads = minThreads;
        pool->maxThreads = maxThreads;
        result = 0;
    }
    Ns_MutexUnlock(&pool->lock);
    return result;
}

void
NsPoolSetPeer(NsConn *conn, const NsAddr *peer)
{
    Ns_MutexLock(&conn->pool->lock);
    conn->sockInfo.peer = *peer;
    Ns_MutexUnlock(&conn->pool->lock);
}

void
NsPoolEachConn(NsPool *pool, bool running, void (*proc)(const struct NsConn *conn, void *arg), void *arg)
{
    NS_CHECK(pool, POOL_MAGIC);
    Ns_MutexLock(&pool->lock);
    if (running) {
        const ConnThread *thread;

        for (thread = pool->threads; thread != NULL; thread = thread->next) {
            if (thread->conn != NULL) {
                proc(thread->conn, arg);
            }
        }
    } else {
        const NsConn *conn;

        for (conn = pool->first; conn != NULL; conn = conn->next) {
            proc(conn, arg);
        }
    }
    Ns_MutexUnlock(&pool->lock);
}
