/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What pool.c (giving out), call.c (calling) and look.c (looking) know of each other.
 */
#ifndef NSPROXY_INT_H
#define NSPROXY_INT_H

#include "pool.h"
#include "process.h"
#include "wire.h"

#define POOL_MAGIC  0x4e50504cu
#define PROXY_MAGIC 0x4e505850u

struct Proxy {
    unsigned      magic;
    Proxy        *next;                        /* of the pool's list, free or used */
    ProxyPool    *pool;
    char         *name;
    /* The worker's connection, which is the process's, -1: none.  Of the thread that has the proxy; of a free one under the pool's lock. */
    int           fd;
    uint32_t      number;                      /* of the last script; likewise */
    /*
     * The rest is changed under the pool's lock, by the thread that has the proxy if it is given out: that one may
     * read it without.
     */
    ProxyProcess *process;                     /* NULL: none */
    ProxyState    state;
    uintptr_t     owner;                       /* Ns_ThreadId */
    bool          fresh;                       /* the worker has not been put back yet */
    int           runs;
    Ns_Time       created, started;            /* wall clock */
    int64_t       startedAt, freeSince;        /* monotonic, ms */
    Tcl_DString   script;
};

typedef struct Waiter {
    struct Waiter *next;
} Waiter;

struct ProxyPool {
    unsigned    magic;
    ProxyPool  *next;                          /* of the store's list; pools stay */
    ProxyStore *store;
    char       *name;

    Ns_Mutex    lock;                          /* all below */
    Ns_Cond     changed;                       /* proxies became free, conf changed, or the stop came */
    ProxyConf   conf;
    Proxy      *free, *used;
    int         nfree, nused, made;
    Waiter     *waiters;                       /* in the order of asking */
    int         nwaiting;
    uint64_t    requests;
    int64_t     runtime;
};

struct ProxyStore {
    ProxyStore  *next;
    ProxyConf    defaults;
    char *const *environment;
    size_t       maxMessage;
    unsigned     maxPools, npools;
    Ns_Mutex     lock;                         /* the list of pools and its length */
    ProxyPool   *pools;
};

/* Has ProxyStopBegin been called? */
bool    ProxyStopping(void);
/* Milliseconds, at least 1 if there are microseconds; 0: no limit. */
int64_t ProxyMs(const Ns_Time *time);

/*
 * The thread that has the proxy.  See to it that it has a worker that can be called; `again`: one that was used
 * before gets the reinit script.  On an error it has none.
 */
ProxyError ProxyPrepare(Proxy *proxy, bool again, ProxyFault *fault);
/* The thread that has the proxy, which has no worker and is idle then; the lock is not held. */
void       ProxyDiscard(Proxy *proxy, ProxyEnding how);
/* The same; the lock is held, by whoever may. */
void       ProxyDiscardLocked(Proxy *proxy, ProxyEnding how);

#endif
