/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pools: who gets which handle, and when its connection is made, looked at and closed.
 *
 * A pool has as many handles as it may have connections, from the start; a handle is idle, or has one owner, a thread.  Who finds
 * too few waits in a queue, and handles that come back go to its head: a thread that wants several is not starved by those who want
 * one.  The lock of a pool is held for moves of pointers alone; connections are made and closed by the owner of a handle.
 */
#include <limits.h>
#include <string.h>
#include "int.h"

struct Waiter {
    Waiter       *next;
    Ns_Cond       cond;
    Ns_DbHandle **handles;
    int           want;
    uintptr_t     owner;
    bool          granted;
};

typedef Ns_ReturnCode (OpenProc)(Ns_DbHandle *handle);
typedef bool (AskProc)(Ns_DbHandle *handle);

static Pool    *pools, **lastPool = &pools;    /* made at the start */
static uint64_t sessions;                      /* atomic */

int64_t
NsDbNow(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

Pool *
NsDbPoolFirst(void)
{
    return pools;
}

Pool *
NsDbPoolFind(const char *name)
{
    Pool *pool = pools;

    while (pool != NULL && strcmp(pool->name, name) != 0) {
        pool = pool->next;
    }
    return pool;
}

/* ---- making one */

static void
InitHandle(Handle *handle, Pool *pool)
{
    handle->pool = pool;
    handle->pub.driver = pool->driver->name;
    handle->pub.poolname = pool->name;
    handle->pub.datasource = Ns_ConfigString(pool->section, "datasource", "");
    handle->pub.user = Ns_ConfigGetValue(pool->section, "user");
    handle->pub.password = Ns_ConfigGetValue(pool->section, "password");
    handle->pub.verbose = pool->verbose;
    handle->pub.row = Ns_SetCreate(NS_SET_NAME_DB);
    Tcl_DStringInit(&handle->pub.dsExceptionMsg);
    handle->nextIdle = pool->idle;
    pool->idle = handle;
    pool->nidle++;
}

static int64_t
ConfigMs(const char *section, const char *key, const char *def)
{
    Ns_Time value;

    Ns_ConfigTimeUnitRange(section, key, def, 0, 0, 86400L * 3650, 0, &value);
    return Ns_TimeToMilliseconds(&value);
}

Pool *
NsDbPoolCreate(const char *name, const char *description)
{
    const char *section = Ns_ConfigSectionPath(NULL, NULL, NULL, "db", "pool", name, (char *)NULL);
    const char *driver = Ns_ConfigGetValue(section, "driver");
    Driver     *found;
    Pool       *pool;
    Ns_Time     minDuration, stopGrace;

    if (driver == NULL) {
        Ns_Log(Error, "nsdb: pool %s: section %s has no parameter driver", name, section);
        return NULL;
    }
    found = NsDbDriverLoad(driver);
    if (found == NULL) {
        Ns_Log(Error, "nsdb: pool %s is left out: its driver %s cannot be used", name, driver);
        return NULL;
    }
    pool = ns_calloc(1u, sizeof(Pool));
    pool->name = ns_strdup(name);
    pool->description = ns_strdup(description);
    pool->section = section;
    pool->driver = found;
    pool->lastWaiter = &pool->firstWaiter;
    Ns_MutexSetName2(&pool->lock, "nsdb", name);
    pool->nhandles = Ns_ConfigIntRange(section, "connections", 2, 1, 10000);
    pool->maxWaiting = Ns_ConfigIntRange(section, "maxwaiting", 1000, 0, INT_MAX);
    pool->maxIdle = ConfigMs(section, "maxidle", "5m");
    pool->maxOpen = ConfigMs(section, "maxopen", "60m");
    Ns_ConfigTimeUnitRange(section, "gettimeout", "60s", 0, 0, 86400L * 3650, 0, &pool->getTimeout);
    Ns_ConfigTimeUnitRange(section, "logminduration", "0", 0, 0, 86400L * 3650, 0, &minDuration);
    pool->minDuration = NsDbMicroseconds(&minDuration);
    Ns_ConfigTimeUnitRange(section, "stopgrace", "5s", 0, 0, 86400L * 3650, 0, &stopGrace);
    pool->stopGrace = NsDbMicroseconds(&stopGrace);
    pool->verbose = Ns_ConfigBool(section, "verbose", false);
    pool->logErrors = Ns_ConfigBool(section, "logsqlerrors", true);
    pool->maxLogged = (size_t)Ns_ConfigMemUnitRange(section, "maxlogged", "4KB", 4096, 0, INT_MAX);
    pool->handles = ns_calloc((size_t)pool->nhandles, sizeof(Handle));
    for (int i = pool->nhandles; i-- > 0; ) {
        InitHandle(&pool->handles[i], pool);
    }
    *lastPool = pool;
    lastPool = &pool->next;
    return pool;
}

/* ---- connections: the owner, no lock held */

static void
Count(Handle *handle)
{
    if (handle->counted != handle->pub.connected) {
        handle->counted = handle->pub.connected;
        (void)__atomic_add_fetch(&handle->pool->nconnected, handle->counted ? 1 : -1, __ATOMIC_RELAXED);
    }
}

void
NsDbNoteLost(Ns_DbHandle *handle)
{
    if (handle->connected && handle->connection == NULL && ((Handle *)handle)->uses) {
        handle->connected = false;
        handle->fetchingRows = 0;
    }
}

void
NsDbClose(Ns_DbHandle *handle)
{
    OpenProc *close = (OpenProc *)((Handle *)handle)->pool->driver->procs[DbFn_CloseDb];

    if (handle->connected) {
        if (close(handle) != NS_OK) {
            Ns_Log(Warning, "nsdb: pool %s: a connection could not be closed as it should: %s", handle->poolname,
                   Tcl_DStringValue(&handle->dsExceptionMsg));
        }
        handle->connected = false;
        handle->fetchingRows = 0;
    }
    NsDbIdle(handle);
    Count((Handle *)handle);
}

static bool
IsOld(const Handle *handle, int64_t now)
{
    const Pool *pool = handle->pool;

    return (pool->maxOpen > 0 && now - handle->opened >= pool->maxOpen) || (pool->maxIdle > 0 && now - handle->used >= pool->maxIdle);
}

/* For the log: a datasource may have the password in it, as "password=..." or in a URI. */
static const char *
ShownSource(const Ns_DbHandle *handle)
{
    return strcasestr(handle->datasource, "password") != NULL || strstr(handle->datasource, "://") != NULL ? "..." : handle->datasource;
}

/* Ready for its new owner: an old or dead connection is replaced.  `generation` is the pool's now. */
static bool
Connect(Handle *handle, unsigned generation, Tcl_DString *why)
{
    const Pool *pool = handle->pool;
    AskProc    *alive = (AskProc *)pool->driver->procs[DbFn_Alive];
    OpenProc   *connect = (OpenProc *)pool->driver->procs[DbFn_OpenDb];
    const char *message;

    if (handle->pub.connected && (handle->generation != generation || IsOld(handle, NsDbNow()) || (alive != NULL && !alive(&handle->pub)))) {
        NsDbClose(&handle->pub);
    }
    handle->pub.cExceptionCode[0] = '\0';
    Tcl_DStringSetLength(&handle->pub.dsExceptionMsg, 0);
    if (handle->pub.connected) {
        return true;
    }
    handle->generation = generation;
    handle->opened = NsDbNow();
    handle->session = __atomic_add_fetch(&sessions, 1u, __ATOMIC_RELAXED);
    if (connect(&handle->pub) == NS_OK) {
        handle->pub.connected = true;          /* some drivers leave that to us */
        handle->uses = handle->pub.connection != NULL;
        Count(handle);
        return true;
    }
    handle->pub.connected = false;
    message = Tcl_DStringValue(&handle->pub.dsExceptionMsg);
    Ns_Log(Error, "nsdb: pool %s: cannot connect to \"%s\": %s", pool->name, ShownSource(&handle->pub), *message != '\0' ? message : "no reason given");
    if (why != NULL) {
        Tcl_DStringAppend(why, *message != '\0' ? message : "cannot connect", -1);
    }
    return false;
}

/* ---- taking and giving: the pool's lock is held */

static void
Take(Pool *pool, Ns_DbHandle **handles, int want, uintptr_t owner)
{
    for (int i = 0; i < want; i++) {
        Handle *handle = pool->idle;

        pool->idle = handle->nextIdle;
        pool->nidle--;
        handle->nextIdle = NULL;
        handle->owner = owner;
        handles[i] = &handle->pub;
    }
    pool->gets += (uint64_t)want;
}

static void
Grant(Pool *pool)
{
    Waiter *waiter;

    while ((waiter = pool->firstWaiter) != NULL && waiter->want <= pool->nidle) {
        pool->firstWaiter = waiter->next;
        if (pool->firstWaiter == NULL) {
            pool->lastWaiter = &pool->firstWaiter;
        }
        pool->nwaiting--;
        Take(pool, waiter->handles, waiter->want, waiter->owner);
        waiter->granted = true;
        Ns_CondSignal(&waiter->cond);
    }
}

static void
Leave(Pool *pool, Waiter *waiter)
{
    Waiter **link = &pool->firstWaiter;

    while (*link != waiter) {
        link = &(*link)->next;
    }
    *link = waiter->next;
    if (pool->lastWaiter == &waiter->next) {
        pool->lastWaiter = link;
    }
    pool->nwaiting--;
}

/* Connected ones in front: what is not needed any more sinks, and is closed by and by. */
static void
Give(Pool *pool, Handle *handle)
{
    Handle **link = &pool->idle;

    if (!handle->pub.connected) {
        while (*link != NULL && (*link)->pub.connected) {
            link = &(*link)->nextIdle;
        }
    }
    handle->owner = 0;
    handle->used = NsDbNow();
    handle->nextIdle = *link;
    *link = handle;
    pool->nidle++;
}

/* In the queue until it is served, or the date has come, or the pool stops. */
static Ns_ReturnCode
Wait(Pool *pool, Ns_DbHandle **handles, int want, uintptr_t owner, const Ns_Time *until)
{
    Waiter        waiter = {.handles = handles, .want = want, .owner = owner};
    Ns_ReturnCode status = NS_OK;

    Ns_CondInit(&waiter.cond);
    *pool->lastWaiter = &waiter;
    pool->lastWaiter = &waiter.next;
    pool->nwaiting++;
    while (!waiter.granted && !pool->stopping && !pool->hurry && status == NS_OK) {
        status = Ns_CondTimedWait(&waiter.cond, &pool->lock, until);
    }
    if (waiter.granted) {
        status = NS_OK;
    } else {
        status = status == NS_OK ? NS_ERROR : status;
        Leave(pool, &waiter);
        Grant(pool);                           /* who is next may want fewer */
    }
    Ns_CondDestroy(&waiter.cond);
    return status;
}

static bool
OwnsSome(const Pool *pool, uintptr_t owner)
{
    int i = 0;

    while (i < pool->nhandles && pool->handles[i].owner != owner) {
        i++;
    }
    return i < pool->nhandles;
}

static void
AddTime(Ns_Time *sum, const Ns_Time *since)
{
    Ns_Time now, diff;

    Ns_GetTime(&now);
    if (Ns_DiffTime(&now, since, &diff) > 0) { /* the clock may have been set back */
        Ns_IncrTime(sum, diff.sec, diff.usec);
    }
}

static Ns_ReturnCode
TakeOrWait(Pool *pool, Ns_DbHandle **handles, int want, const Ns_Time *wait, unsigned *generation)
{
    uintptr_t     self = Ns_ThreadId();
    Ns_ReturnCode status = NS_ERROR;
    Ns_Time       began, until, interval = wait != NULL ? *wait : pool->getTimeout;

    Ns_MutexLock(&pool->lock);
    if (pool->stopping || want > pool->nhandles || OwnsSome(pool, self)) {
        goto done;
    }
    if (pool->firstWaiter == NULL && pool->nidle >= want) {
        Take(pool, handles, want, self);
        status = NS_OK;
    } else if (pool->nwaiting < pool->maxWaiting) {
        Ns_GetTime(&began);
        status = Wait(pool, handles, want, self, Ns_AbsoluteTime(&until, &interval));
        AddTime(&pool->waitTime, &began);
    } else {
        Ns_Log(Warning, "nsdb: pool %s: %d threads wait for a handle already (maxwaiting)", pool->name, pool->nwaiting);
    }

 done:
    *generation = pool->generation;
    Ns_MutexUnlock(&pool->lock);
    return status;
}

Ns_ReturnCode
NsDbPoolGet(Pool *pool, Ns_DbHandle **handles, int nwant, const Ns_Time *wait, Tcl_DString *why)
{
    unsigned      generation;
    Ns_ReturnCode status = nwant < 1 ? NS_ERROR : TakeOrWait(pool, handles, nwant, wait, &generation);

    for (int i = 0; status == NS_OK && i < nwant; i++) {
        if (!Connect((Handle *)handles[i], generation, why)) {
            for (int j = 0; j < nwant; j++) {
                Ns_DbPoolPutHandle(handles[j]);
            }
            status = NS_ERROR;
        }
    }
    return status;
}

Ns_ReturnCode
Ns_DbPoolTimedGetMultipleHandles(Ns_DbHandle **handles, const char *pool, int nwant, const Ns_Time *wait)
{
    Pool         *found = NsDbPoolFind(pool);
    Ns_ReturnCode status = NS_ERROR;

    if (found == NULL) {
        Ns_Log(Error, "nsdb: there is no pool \"%s\"", pool);
    } else {
        status = NsDbPoolGet(found, handles, nwant, wait, NULL);
    }
    return status;
}

Ns_ReturnCode
Ns_DbPoolGetMultipleHandles(Ns_DbHandle **handles, const char *pool, int nwant)
{
    return Ns_DbPoolTimedGetMultipleHandles(handles, pool, nwant, NULL);
}

Ns_DbHandle *
Ns_DbPoolTimedGetHandle(const char *pool, const Ns_Time *wait)
{
    Ns_DbHandle *handle = NULL;

    return Ns_DbPoolTimedGetMultipleHandles(&handle, pool, 1, wait) == NS_OK ? handle : NULL;
}

Ns_DbHandle *
Ns_DbPoolGetHandle(const char *pool)
{
    return Ns_DbPoolTimedGetHandle(pool, NULL);
}

uint64_t
NsDbSession(const Ns_DbHandle *handle)
{
    return ((const Handle *)handle)->session;
}

Ns_Set *
NsDbTakeRow(Ns_DbHandle *handle)
{
    Ns_Set *row = handle->row;

    handle->row = Ns_SetCreate(NS_SET_NAME_DB);
    return row;
}

void
Ns_DbPoolPutHandle(Ns_DbHandle *handle)
{
    Handle  *self = (Handle *)handle;
    Pool    *pool = self->pool;
    unsigned generation;

    NsDbNoteLost(handle);
    if (handle->connected) {
        if (handle->fetchingRows && Ns_DbFlush(handle) != NS_OK) {
            NsDbClose(handle);
        }
        NsDbNoteLost(handle);
        /* What cannot be put right is not given to the next one. */
        if (handle->connected && Ns_DbResetHandle(handle) != NS_OK) {
            NsDbClose(handle);
        }
        NsDbNoteLost(handle);
    }
    NsDbIdle(handle);
    Ns_SetTrunc(handle->row, 0u);
    handle->statement = NULL;
    handle->cExceptionCode[0] = '\0';
    Tcl_DStringSetLength(&handle->dsExceptionMsg, 0);
    Ns_MutexLock(&pool->lock);
    generation = pool->stopping ? self->generation + 1u : pool->generation;
    Ns_MutexUnlock(&pool->lock);
    if (self->generation != generation || (pool->maxOpen > 0 && handle->connected && NsDbNow() - self->opened >= pool->maxOpen)) {
        NsDbClose(handle);
    }
    handle->verbose = pool->verbose;
    Count(self);                               /* the driver may have lost it */
    Ns_MutexLock(&pool->lock);
    Give(pool, self);
    Grant(pool);
    Ns_MutexUnlock(&pool->lock);
}

/* ---- closing what is idle */

/* Takes out those idle handles whose connection is to be closed; the lock is held.  Their owner is the caller then. */
static Handle *
TakeStale(Pool *pool, int64_t now)
{
    Handle **link = &pool->idle, *stale = NULL;

    while (*link != NULL) {
        Handle *handle = *link;

        if (handle->pub.connected && (pool->stopping || handle->generation != pool->generation || IsOld(handle, now))) {
            *link = handle->nextIdle;
            handle->nextIdle = stale;
            handle->owner = Ns_ThreadId();
            pool->nidle--;
            stale = handle;
        } else {
            link = &handle->nextIdle;
        }
    }
    return stale;
}

void
NsDbPoolCheck(Pool *pool)
{
    Handle *stale, *next;

    Ns_MutexLock(&pool->lock);
    stale = TakeStale(pool, NsDbNow());
    Ns_MutexUnlock(&pool->lock);
    for (; stale != NULL; stale = next) {
        next = stale->nextIdle;
        NsDbClose(&stale->pub);
        Ns_MutexLock(&pool->lock);
        Give(pool, stale);
        Grant(pool);
        Ns_MutexUnlock(&pool->lock);
    }
}

Ns_ReturnCode
Ns_DbBouncePool(const char *name)
{
    Pool *pool = NsDbPoolFind(name);

    if (pool == NULL) {
        return NS_ERROR;
    }
    Ns_MutexLock(&pool->lock);
    pool->generation++;
    Ns_MutexUnlock(&pool->lock);
    NsDbPoolCheck(pool);
    return NS_OK;
}

/* The lock is held. */
static void
WakeAll(const Pool *pool)
{
    for (Waiter *waiter = pool->firstWaiter; waiter != NULL; waiter = waiter->next) {
        Ns_CondSignal(&waiter->cond);
    }
}

void
NsDbPoolHurry(Pool *pool)
{
    Ns_MutexLock(&pool->lock);
    pool->hurry = true;
    WakeAll(pool);
    Ns_MutexUnlock(&pool->lock);
}

void
NsDbPoolStop(Pool *pool)
{
    Ns_MutexLock(&pool->lock);
    pool->stopping = true;
    WakeAll(pool);
    Ns_MutexUnlock(&pool->lock);
    NsDbPoolCheck(pool);
}

void
NsDbPoolGetStats(Pool *pool, PoolStats *stats)
{
    uint64_t usec = __atomic_load_n(&pool->sqlTime, __ATOMIC_RELAXED);

    stats->statements = __atomic_load_n(&pool->statements, __ATOMIC_RELAXED);
    stats->connected = __atomic_load_n(&pool->nconnected, __ATOMIC_RELAXED);
    stats->sqlTime = (Ns_Time){(long)(usec / 1000000u), (long)(usec % 1000000u)};
    Ns_MutexLock(&pool->lock);
    stats->gets = pool->gets;
    stats->handles = pool->nhandles;
    stats->used = pool->nhandles - pool->nidle;
    stats->waitTime = pool->waitTime;
    Ns_MutexUnlock(&pool->lock);
}
