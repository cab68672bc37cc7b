/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pools of workers, and what is done with one.  No Tcl commands; scripts, replies and paths are UTF-8 as outside of
 * Tcl, names are as the caller has them.
 *
 * A store has the pools of a server, each with at most so many proxies: a proxy has a name, and, once it was given
 * out, a worker process that stays with it until it ends or is ended; then the next call starts another.  A proxy is
 * given to a thread, which alone talks to its worker and puts it back; everything else may be called from any
 * thread.  No lock is held while anybody waits.
 *
 * What can go wrong with a call is a ProxyError; each has a word, and a text (ProxyFaultAppend).
 */
#ifndef NSPROXY_POOL_H
#define NSPROXY_POOL_H

#include "frame.h"

typedef enum {
    PROXY_OK,
    PROXY_E_BUSY, PROXY_E_DEAD, PROXY_E_DEADLOCK, PROXY_E_EVAL_TIMEOUT, PROXY_E_EXEC, PROXY_E_GET_TIMEOUT,
    PROXY_E_IDLE, PROXY_E_IMPORT, PROXY_E_INIT, PROXY_E_NO_WAIT, PROXY_E_RANGE, PROXY_E_RECV, PROXY_E_SEND,
    PROXY_E_SIZE, PROXY_E_STOP
} ProxyError;
const char *ProxyErrorWord(ProxyError error);  /* "EBusy" */

typedef struct ProxyStore ProxyStore;
typedef struct ProxyPool  ProxyPool;
typedef struct Proxy      Proxy;

/* What is configured for a pool.  Times of 0 or less are no limit. */
typedef struct ProxyConf {
    unsigned version;                          /* how often it was set */
    char   *exec;                              /* the program */
    char   *init, *reinit;                     /* scripts for a new worker, and for one used before; may be "" */
    char  **env;                               /* "NAME=value", NULL-terminated; NULL: as the server's */
    int     maxWorkers;                        /* 0: none is given out */
    int     maxRuns;                           /* scripts, after which a worker ends when it is put back; 0: no limit */
    Ns_Time getTimeout, evalTimeout, sendTimeout, recvTimeout, waitTimeout, idleTimeout, logMinDuration;
} ProxyConf;
#define PROXY_MAX_WORKERS 1000

void ProxyConfCopy(ProxyConf *to, const ProxyConf *from);
void ProxyConfFree(ProxyConf *conf);           /* what is in it */

/*
 * `defaults` is copied; `environment` is that of workers without one of their own, and lives as long as the store.
 * Scripts and replies have at most maxMessage bytes.  A store stays until the process ends.
 */
ProxyStore *ProxyStoreCreate(const ProxyConf *defaults, char *const *environment, size_t maxMessage, unsigned maxPools);
const ProxyConf *ProxyStoreDefaults(const ProxyStore *store);
/* By its name; `create`: it is made if it is not there.  NULL: not there, or there are maxPools already. */
ProxyPool  *ProxyPoolFind(ProxyStore *store, const char *name, bool create);
const char *ProxyPoolName(const ProxyPool *pool);
/* For each, without a lock, in no order. */
void        ProxyPoolEach(ProxyStore *store, void (*proc)(ProxyPool *pool, void *arg), void *arg);

/* A copy of what is configured, to be freed with ProxyConfFree. */
void ProxyPoolGetConf(ProxyPool *pool, ProxyConf *conf);
/*
 * Set it to such a copy that was changed, which is taken over.  False: somebody has set it since, and nothing was
 * done.  Workers that run keep their environment.
 */
bool ProxyPoolSetConf(ProxyPool *pool, ProxyConf *conf);

/* ------------------------------------------------------------------------------------------------------ giving out */

/* More about a fault; all is 0, and `payload` initialised, and freed, by the caller. */
typedef struct ProxyFault {
    const char *pool;                          /* of the worker that has ended or was ended; NULL: there was none */
    pid_t       pid;
    const char *script;                        /* "init", "reinit": it was in that one; NULL: in the caller's */
    Tcl_DString payload;                       /* PROXY_E_INIT: what the worker said; PROXY_E_EXEC: the program */
    ProxyReply  reply;                         /* with PROXY_E_INIT, and in `payload` */
    int         sysError;                      /* with PROXY_E_EXEC: errno */
} ProxyFault;
/* What has happened, in words that name the pool and the worker, are appended; `fault` may be NULL. */
void ProxyFaultAppend(Tcl_DString *ds, ProxyError error, const ProxyFault *fault);

/*
 * So many proxies for the calling thread, all or none: it waits for them in the order of asking, at most `timeout`
 * (NULL: what is configured), holding none.  A thread that has some of this pool gets no more (PROXY_E_DEADLOCK): two
 * such would wait for each other.  Each has a worker then, initialised.
 */
ProxyError  ProxyGet(ProxyPool *pool, int n, const Ns_Time *timeout, Proxy **proxies, ProxyFault *fault);
/* Back to its pool.  A worker that is still evaluating is ended.  The thread that got it, or when that is gone any. */
void        ProxyPut(Proxy *proxy);
const char *ProxyName(const Proxy *proxy);     /* "pool-3"; as long as it is out */
ProxyPool  *ProxyOf(const Proxy *proxy);
size_t      ProxyMaxMessage(const Proxy *proxy); /* of its store */

/* --------------------------------------------------------------------------- calling; the thread that has the proxy */

/* The script goes to the worker, which evaluates it meanwhile.  A worker that has died is replaced first. */
ProxyError ProxySend(Proxy *proxy, const char *script, size_t len, ProxyFault *fault);
/* Until there is an answer, at most `timeout` (NULL: what is configured). */
ProxyError ProxyWait(Proxy *proxy, const Ns_Time *timeout, ProxyFault *fault);
/* The answer, in `payload`, after ProxyWait said that it is there. */
ProxyError ProxyRecv(Proxy *proxy, Tcl_DString *payload, ProxyReply *reply, ProxyFault *fault);
/* Does the worker answer?  One that does not is replaced. */
ProxyError ProxyPing(Proxy *proxy, ProxyFault *fault);

/* --------------------------------------------------------------------------------------------- looking, any thread */

typedef struct ProxyStats {
    int      made, waiting, maxWorkers, free, used, processes;
    uint64_t requests;
    int64_t  runtime;                          /* ms */
} ProxyStats;
void ProxyPoolStats(ProxyPool *pool, ProxyStats *stats);

typedef enum { PROXY_IDLE, PROXY_BUSY, PROXY_DONE } ProxyState;
typedef struct ProxyInfo {
    const char *name;
    pid_t       pid;                           /* 0: it has no worker */
    bool        used;                          /* given out */
    ProxyState  state;
    int         runs;                          /* scripts that this worker has been sent */
    Ns_Time     created, started;              /* the worker, and the script */
    const char *script;                        /* while state is not PROXY_IDLE */
    size_t      scriptLen;
} ProxyInfo;
/*
 * For each proxy: first those given out, then the free ones, the next one to be given out first.  The pool is
 * locked meanwhile: `proc` only takes notes.
 */
void ProxyPoolInfo(ProxyPool *pool, void (*proc)(const ProxyInfo *info, void *arg), void *arg);

/* End the workers of free proxies (Clear), of proxies that are given out (Stop); `name` NULL: all. */
void ProxyPoolClear(ProxyPool *pool, const char *name);
void ProxyPoolStop(ProxyPool *pool, const char *name);

/*
 * The process stops: who waits for a proxy gets PROXY_E_STOP, workers are asked to end.  Then wait for them until
 * `deadline` (monotonic ms).
 */
void ProxyStopBegin(void);
void ProxyStopEnd(int64_t deadline);

#endif
