/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Looking at pools from outside, and ending their workers.
 */
#include <string.h>
#include "int.h"

/* The lock is held.  0: it has no worker, or one that has ended, whose number may be somebody else's. */
static pid_t
PidOf(const Proxy *proxy)
{
    return proxy->process != NULL && ProxyProcessLives(proxy->process) ? ProxyProcessPid(proxy->process) : 0;
}

void
ProxyPoolStats(ProxyPool *pool, ProxyStats *stats)
{
    const Proxy *lists[2], *proxy;
    int          i;

    Ns_MutexLock(&pool->lock);
    *stats = (ProxyStats){
        .made = pool->made, .waiting = pool->nwaiting, .maxWorkers = pool->conf.maxWorkers, .free = pool->nfree,
        .used = pool->nused, .requests = pool->requests, .runtime = pool->runtime
    };
    lists[0] = pool->used;
    lists[1] = pool->free;
    for (i = 0; i < 2; i++) {
        for (proxy = lists[i]; proxy != NULL; proxy = proxy->next) {
            stats->processes += PidOf(proxy) != 0;
        }
    }
    Ns_MutexUnlock(&pool->lock);
}

static void
Describe(Proxy *proxy, void (*proc)(const ProxyInfo *info, void *arg), void *arg)
{
    ProxyInfo info = {
        .name = proxy->name, .pid = PidOf(proxy),
        .used = proxy->owner != 0, .state = proxy->state, .runs = proxy->runs, .created = proxy->created,
        .started = proxy->started,
        .script = Tcl_DStringValue(&proxy->script), .scriptLen = (size_t)Tcl_DStringLength(&proxy->script)
    };

    proc(&info, arg);
}

void
ProxyPoolInfo(ProxyPool *pool, void (*proc)(const ProxyInfo *info, void *arg), void *arg)
{
    Proxy *proxy;

    Ns_MutexLock(&pool->lock);
    for (proxy = pool->used; proxy != NULL; proxy = proxy->next) {
        Describe(proxy, proc, arg);
    }
    for (proxy = pool->free; proxy != NULL; proxy = proxy->next) {
        Describe(proxy, proc, arg);
    }
    Ns_MutexUnlock(&pool->lock);
}

void
ProxyPoolClear(ProxyPool *pool, const char *name)
{
    Proxy *proxy;

    Ns_MutexLock(&pool->lock);
    for (proxy = pool->free; proxy != NULL; proxy = proxy->next) {
        if (name == NULL || strcmp(proxy->name, name) == 0) {
            ProxyDiscardLocked(proxy, PROXY_END_GENTLY);
        }
    }
    Ns_MutexUnlock(&pool->lock);
}

/* Its connection belongs to the thread that has it, which finds it closed. */
void
ProxyPoolStop(ProxyPool *pool, const char *name)
{
    Proxy *proxy;

    Ns_MutexLock(&pool->lock);
    for (proxy = pool->used; proxy != NULL; proxy = proxy->next) {
        if (proxy->process != NULL && (name == NULL || strcmp(proxy->name, name) == 0)) {
            ProxyProcessTerminate(proxy->process, ProxyMs(&pool->conf.waitTimeout));
        }
    }
    Ns_MutexUnlock(&pool->lock);
}
