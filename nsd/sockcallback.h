/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The callback workers: threads "-socks:N-" with an event loop each, on which socket callbacks and channels run.
 */
#ifndef NSD_SOCKCALLBACK_H
#define NSD_SOCKCALLBACK_H

#include "net/eventloop.h"
#include "server.h"

typedef struct NsWorker NsWorker;

/* Any thread.  The worker for a socket: always the same for the same fd. */
NsWorker   *NsWorkerFor(NS_SOCKET fd);
NsWorker   *NsWorkerCurrent(void);                         /* of the calling thread, or NULL */
NsLoop     *NsWorkerLoop(NsWorker *worker);
const char *NsWorkerName(const NsWorker *worker);
int         NsWorkerCount(void);
NsWorker   *NsWorkerGet(int index);
bool        NsWorkersStopping(void);

/* The worker's thread: its interpreter for a server, taken once and cleaned up at the end of the loop's turn. */
Tcl_Interp *NsWorkerInterp(NsWorker *worker, NsServer *server);

/*
 * The worker's thread: what runs between these two is a callback of `what` (static or living until the end).  A watchdog
 * in the main thread logs one that takes longer than `slowcallback` while it still runs, and again with its time when it
 * is over.
 */
void NsWorkerCallbackBegin(NsWorker *worker, const char *what, const char *command);
void NsWorkerCallbackEnd(NsWorker *worker);

typedef struct NsWorkerStats {
    uint64_t callbacks, slowCallbacks, callbackUsec, longestUsec, received, sent;
    size_t   sockets, channels;
    NsLoopStats loop;
} NsWorkerStats;
void NsWorkerGetStats(NsWorker *worker, NsWorkerStats *stats);        /* any thread */
void NsWorkerCount2(NsWorker *worker, int sockets, int channels);     /* any thread: adds */

#endif
