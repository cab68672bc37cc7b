/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pools: the queues in which complete requests wait for a connection thread, and those threads.
 */
#ifndef NSD_QUEUE_H
#define NSD_QUEUE_H

#include "driver.h"

typedef struct NsPool NsPool;

/*
 * Driver thread: hand a complete request over.  On NS_OK ownership of sock and request has passed.  NS_TIMEOUT: the
 * pool's queue is full, nothing has passed; answer 503 with Retry-After `*retryAfter` seconds.  NS_ERROR: the server is
 * stopping.
 */
Ns_ReturnCode NsQueueRequest(NsServer *server, NsSock *sock, NsHttpRequest *request, int *retryAfter);

struct NsConn;
/* Any thread: a request that had to wait for its limits (limits.h) goes on. */
void NsQueueResume(struct NsConn *conn);

/* Any thread. */
NsPool     *NsPoolGet(NsServer *server, const char *name);     /* "" or NULL: the default pool; NULL: there is none */
const char *NsPoolName(const NsPool *pool);
/* Rate limits in bytes per second, 0: none.  Of one answer, for those that begin from then on. */
int64_t     NsPoolConnectionRate(NsPool *pool);
void        NsPoolSetConnectionRate(NsPool *pool, int64_t rate);
/* Of all answers together; setting it counts at once. */
int64_t     NsPoolGetRate(NsPool *pool);
void        NsPoolSetRate(NsPool *pool, int64_t rate);
bool        NsPoolEach(NsServer *server, bool (*proc)(NsPool *pool, void *arg), void *arg);
typedef struct NsPoolStats {
    int minThreads, maxThreads, currentThreads, idleThreads, waiting, maxConnections;
    uint64_t requests, spools, queued, dropped, sent;
    Ns_Time acceptTime, queueTime, filterTime, runTime, traceTime;
} NsPoolStats;
void        NsPoolGetStats(NsPool *pool, NsPoolStats *stats);
int         NsPoolSetThreads(NsPool *pool, int minThreads, int maxThreads);    /* -1: leave.  -1: out of order */
/* The url space, by method, in which an NsPool * is set for what it serves; the default pool has the rest. */
struct NsUrlSpace *NsPoolMapSpace(NsServer *server);
struct NsConn;
/* Requests queued and running; proc runs under the pool's lock and must only copy. */
void        NsPoolEachConn(NsPool *pool, bool running, void (*proc)(const struct NsConn *conn, void *arg), void *arg);
/* The connection thread: it comes from there; others list the requests of a pool with their peers. */
union NsAddr;
void        NsPoolSetPeer(struct NsConn *conn, const union NsAddr *peer);

extern NsServerPart nsQueuePart;

/* Main thread.  `until` is wall-clock time; false: threads are still at work. */
void NsQueueStart(void);
bool NsQueueStop(const Ns_Time *until);

#endif
