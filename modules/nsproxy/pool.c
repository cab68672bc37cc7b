/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pools: who gets which proxy, and when workers end that nobody uses.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "int.h"

/* All stores of the process. */
static Ns_Mutex    storesLock;
static ProxyStore *stores;
static atomic_bool stopping;

/* ---------------------------------------------------------------------------------------------------- configuration */

static char **
EnvironmentCopy(char *const *env)
{
    char **copy;
    size_t n = 0, i;

    if (env == NULL) {
        return NULL;
    }
    while (env[n] != NULL) {
        n++;
    }
    copy = ns_calloc(n + 1, sizeof(*copy));
    for (i = 0; i < n; i++) {
        copy[i] = ns_strdup(env[i]);
    }
    return copy;
}

void
ProxyConfCopy(ProxyConf *to, const ProxyConf *from)
{
    *to = *from;
    to->exec = ns_strdup(from->exec);
    to->init = ns_strdup(from->init);
    to->reinit = ns_strdup(from->reinit);
    to->env = EnvironmentCopy(from->env);
}

void
ProxyConfFree(ProxyConf *conf)
{
    char **entry;

    for (entry = conf->env; entry != NULL && *entry != NULL; entry++) {
        ns_free(*entry);
    }
    ns_free(conf->env);
    ns_free(conf->exec);
    ns_free(conf->init);
    ns_free(conf->reinit);
}

int64_t
ProxyMs(const Ns_Time *time)
{
    int64_t ms = Ns_TimeToMilliseconds(time);

    return ms <= 0 && time->sec >= 0 && time->usec > 0 ? 1 : ms < 0 ? 0 : ms;
}

/* ---------------------------------------------------------------------------------------- proxies; the lock is held */

static void
PushFree(ProxyPool *pool, Proxy *proxy)
{
    proxy->owner = 0;
    proxy->freeSince = ProxyNow();
    proxy->next = pool->free;
    pool->free = proxy;
    pool->nfree++;
}

static void
ProxyNew(ProxyPool *pool)
{
    Proxy *proxy = ns_calloc(1, sizeof(*proxy));
    size_t size = strlen(pool->name) + 16;

    proxy->magic = PROXY_MAGIC;
    proxy->pool = pool;
    proxy->fd = -1;
    proxy->name = ns_malloc(size);
    snprintf(proxy->name, size, "%s-%d", pool->name, pool->made++);
    Tcl_DStringInit(&proxy->script);
    PushFree(pool, proxy);
}

static void
ProxyDelete(Proxy *proxy)
{
    proxy->magic = 0;
    Tcl_DStringFree(&proxy->script);
    ns_free(proxy->name);
    ns_free(proxy);
}

/* As many as are configured: more, or fewer as far as they are free. */
static void
Fit(ProxyPool *pool)
{
    while (pool->nfree + pool->nused < pool->conf.maxWorkers) {
        ProxyNew(pool);
    }
    while (pool->nfree > 0 && pool->nfree + pool->nused > pool->conf.maxWorkers) {
        Proxy *proxy = pool->free;

        pool->free = proxy->next;
        pool->nfree--;
        ProxyDiscardLocked(proxy, PROXY_END_GENTLY);
        ProxyDelete(proxy);
    }
    Ns_CondBroadcast(&pool->changed);
}

static void
TakeFromUsed(ProxyPool *pool, Proxy *proxy)
{
    Proxy **link = &pool->used;

    while (*link != proxy) {
        link = &(*link)->next;
    }
    *link = proxy->next;
    pool->nused--;
}

void
ProxyDiscardLocked(Proxy *proxy, ProxyEnding how)
{
    /* First it is known that it shall end, then it ends. */
    if (proxy->process != NULL) {
        ProxyProcessEnd(proxy->process, ProxyMs(&proxy->pool->conf.waitTimeout), how);
        proxy->process = NULL;
    }
    proxy->fd = -1;
    proxy->state = PROXY_IDLE;
    proxy->runs = 0;
    Tcl_DStringFree(&proxy->script);
}

void
ProxyDiscard(Proxy *proxy, ProxyEnding how)
{
    Ns_MutexLock(&proxy->pool->lock);
    ProxyDiscardLocked(proxy, how);
    Ns_MutexUnlock(&proxy->pool->lock);
}

/* ------------------------------------------------------------------------------------------------- stores and pools */

static void
EachStore(void (*proc)(ProxyPool *pool, void *arg), void *arg)
{
    ProxyStore *store;

    Ns_MutexLock(&storesLock);
    store = stores;
    Ns_MutexUnlock(&storesLock);
    for (; store != NULL; store = store->next) {
        ProxyPoolEach(store, proc, arg);
    }
}

/* Workers that were free for too long end.  arg: when the next one is due, -1: none. */
static void
EndIdle(ProxyPool *pool, void *arg)
{
    int64_t *next = arg, now = ProxyNow(), limit;
    Proxy   *proxy;

    Ns_MutexLock(&pool->lock);
    limit = ProxyMs(&pool->conf.idleTimeout);
    for (proxy = limit > 0 ? pool->free : NULL; proxy != NULL; proxy = proxy->next) {
        int64_t due = proxy->freeSince + limit;

        if (proxy->process != NULL && due <= now) {
            ProxyDiscardLocked(proxy, PROXY_END_GENTLY);
        } else if (proxy->process != NULL && (*next < 0 || due < *next)) {
            *next = due;
        }
    }
    Ns_MutexUnlock(&pool->lock);
}

/* The reaper's. */
static int64_t
Tick(void)
{
    int64_t next = -1;

    EachStore(EndIdle, &next);
    return next;
}

ProxyStore *
ProxyStoreCreate(const ProxyConf *defaults, char *const *environment, size_t maxMessage, unsigned maxPools)
{
    ProxyStore *store = ns_calloc(1, sizeof(*store));

    ProxyConfCopy(&store->defaults, defaults);
    store->environment = environment;
    store->maxMessage = maxMessage;
    store->maxPools = maxPools;
    Ns_MutexSetName(&store->lock, "nsproxy:store");
    Ns_MutexLock(&storesLock);
    store->next = stores;
    stores = store;
    Ns_MutexUnlock(&storesLock);
    ProxyReaperTick(Tick);
    return store;
}

const ProxyConf *
ProxyStoreDefaults(const ProxyStore *store)
{
    return &store->defaults;
}

/* The store's lock is held. */
static ProxyPool *
PoolNew(ProxyStore *store, const char *name)
{
    ProxyPool *pool = ns_calloc(1, sizeof(*pool));

    pool->magic = POOL_MAGIC;
    pool->store = store;
    pool->name = ns_strdup(name);
    Ns_MutexSetName2(&pool->lock, "nsproxy:pool", name);
    ProxyConfCopy(&pool->conf, &store->defaults);
    Fit(pool);
    pool->next = store->pools;
    store->pools = pool;
    store->npools++;
    return pool;
}

ProxyPool *
ProxyPoolFind(ProxyStore *store, const char *name, bool create)
{
    ProxyPool *pool;

    Ns_MutexLock(&store->lock);
    pool = store->pools;
    while (pool != NULL && strcmp(pool->name, name) != 0) {
        pool = pool->next;
    }
    if (pool == NULL && create && store->npools < store->maxPools) {
        pool = PoolNew(store, name);
    }
    Ns_MutexUnlock(&store->lock);
    assert(pool == NULL || pool->magic == POOL_MAGIC);
    return pool;
}

const char *
ProxyPoolName(const ProxyPool *pool)
{
    return pool->name;
}

void
ProxyPoolEach(ProxyStore *store, void (*proc)(ProxyPool *pool, void *arg), void *arg)
{
    ProxyPool *pool;

    /* New ones come at the head, and none goes. */
    Ns_MutexLock(&store->lock);
    pool = store->pools;
    Ns_MutexUnlock(&store->lock);
    for (; pool != NULL; pool = pool->next) {
        proc(pool, arg);
    }
}

void
ProxyPoolGetConf(ProxyPool *pool, ProxyConf *conf)
{
    Ns_MutexLock(&pool->lock);
    ProxyConfCopy(conf, &pool->conf);
    Ns_MutexUnlock(&pool->lock);
}

bool
ProxyPoolSetConf(ProxyPool *pool, ProxyConf *conf)
{
    ProxyConf old;
    bool      current;

    Ns_MutexLock(&pool->lock);
    current = conf->version == pool->conf.version;
    if (current) {
        old = pool->conf;
        pool->conf = *conf;
        pool->conf.version++;
        Fit(pool);
    }
    Ns_MutexUnlock(&pool->lock);
    if (current) {
        ProxyConfFree(&old);
        ProxyReaperWake();                     /* the idle timeout may be another one */
    }
    return current;
}

/* ------------------------------------------------------------------------------------------------------- giving out */

/* The lock is held. */
static bool
HasOne(const ProxyPool *pool, uintptr_t thread)
{
    const Proxy *proxy = pool->used;

    while (proxy != NULL && proxy->owner != thread) {
        proxy = proxy->next;
    }
    return proxy != NULL;
}

static void
WaiterAdd(ProxyPool *pool, Waiter *waiter)
{
    Waiter **link = &pool->waiters;

    while (*link != NULL) {
        link = &(*link)->next;
    }
    waiter->next = NULL;
    *link = waiter;
    pool->nwaiting++;
}

/* The next one may have been waiting for nothing but its turn. */
static void
WaiterRemove(ProxyPool *pool, Waiter *waiter)
{
    Waiter **link = &pool->waiters;

    while (*link != waiter) {
        link = &(*link)->next;
    }
    *link = waiter->next;
    pool->nwaiting--;
    Ns_CondBroadcast(&pool->changed);
}

/* The lock is held; it is let go of while waiting. */
static ProxyError
WaitForFree(ProxyPool *pool, int n, const Ns_Time *timeout)
{
    int64_t    ms = ProxyMs(timeout != NULL ? timeout : &pool->conf.getTimeout);
    Ns_Time    until, *untilPtr = NULL;
    Waiter     waiter;
    ProxyError error = PROXY_OK;

    if (ms > 0) {
        Ns_GetTime(&until);
        Ns_IncrTime(&until, (time_t)(ms / 1000), (long)(ms % 1000) * 1000);
        untilPtr = &until;
    }
    WaiterAdd(pool, &waiter);
    while (error == PROXY_OK && (pool->waiters != &waiter || pool->nfree < n)) {
        if (Ns_CondTimedWait(&pool->changed, &pool->lock, untilPtr) == NS_TIMEOUT
            && (pool->waiters != &waiter || pool->nfree < n)) {
            error = PROXY_E_GET_TIMEOUT;
        }
        if (n > pool->conf.maxWorkers) {
            error = PROXY_E_RANGE;             /* configured meanwhile */
        }
        if (atomic_load(&stopping)) {
            error = PROXY_E_STOP;
        }
    }
    WaiterRemove(pool, &waiter);
    return error;
}

/* The lock is held. */
static ProxyError
Take(ProxyPool *pool, int n, const Ns_Time *timeout, Proxy **proxies)
{
    uintptr_t  self = Ns_ThreadId();
    ProxyError error;
    int        i;

    if (atomic_load(&stopping)) {
        return PROXY_E_STOP;
    }
    if (n > pool->conf.maxWorkers) {
        return PROXY_E_RANGE;
    }
    if (HasOne(pool, self)) {
        return PROXY_E_DEADLOCK;
    }
    error = WaitForFree(pool, n, timeout);
    for (i = 0; error == PROXY_OK && i < n; i++) {
        Proxy *proxy = pool->free;

        pool->free = proxy->next;
        pool->nfree--;
        proxy->next = pool->used;
        pool->used = proxy;
        pool->nused++;
        proxy->owner = self;
        proxies[i] = proxy;
    }
    return error;
}

ProxyError
ProxyGet(ProxyPool *pool, int n, const Ns_Time *timeout, Proxy **proxies, ProxyFault *fault)
{
    ProxyError error;
    int        i;

    assert(pool->magic == POOL_MAGIC);
    if (n == 0) {
        return PROXY_OK;
    }
    Ns_MutexLock(&pool->lock);
    error = Take(pool, n, timeout, proxies);
    Ns_MutexUnlock(&pool->lock);
    if (error != PROXY_OK) {
        return error;
    }
    for (i = 0; error == PROXY_OK && i < n; i++) {
        error = ProxyPrepare(proxies[i], true, fault);
    }
    for (i = 0; error != PROXY_OK && i < n; i++) {
        ProxyPut(proxies[i]);
    }
    return error;
}

void
ProxyPut(Proxy *proxy)
{
    ProxyPool *pool = proxy->pool;
    bool       wake;

    assert(proxy->magic == PROXY_MAGIC && proxy->owner != 0);
    Ns_MutexLock(&pool->lock);
    if (proxy->state != PROXY_IDLE) {
        ProxyDiscardLocked(proxy, PROXY_END_BY_FORCE);
    } else if (pool->conf.maxRuns > 0 && proxy->runs >= pool->conf.maxRuns) {
        ProxyDiscardLocked(proxy, PROXY_END_GENTLY);
    }
    proxy->fresh = false;
    wake = proxy->process != NULL && ProxyMs(&pool->conf.idleTimeout) > 0;
    TakeFromUsed(pool, proxy);
    PushFree(pool, proxy);
    Fit(pool);
    Ns_MutexUnlock(&pool->lock);
    if (wake) {
        ProxyReaperWake();
    }
}

const char *
ProxyName(const Proxy *proxy)
{
    return proxy->name;
}

ProxyPool *
ProxyOf(const Proxy *proxy)
{
    return proxy->pool;
}

size_t
ProxyMaxMessage(const Proxy *proxy)
{
    return proxy->pool->store->maxMessage;
}

/* ------------------------------------------------------------------------------------------------------- the stop */

bool
ProxyStopping(void)
{
    return atomic_load(&stopping);
}

static void
StopPool(ProxyPool *pool, void *arg)
{
    Ns_MutexLock(&pool->lock);
    Ns_CondBroadcast(&pool->changed);
    Ns_MutexUnlock(&pool->lock);
    ProxyPoolStop(pool, NULL);
    ProxyPoolClear(pool, NULL);
}

void
ProxyStopBegin(void)
{
    if (!atomic_exchange(&stopping, true)) {
        EachStore(StopPool, NULL);
    }
}

void
ProxyStopEnd(int64_t deadline)
{
    ProxyStopBegin();
    if (!ProxyProcessesStop(deadline)) {
        Ns_Log(Warning, "nsproxy: %zu workers that were killed are still there", ProxyProcessCount());
    }
}
