/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The callback workers: threads "-socks:N-" with an event loop each, on which socket callbacks and channels run.
 * (The public Ns_SockCallback family is in ns.h.)
 */
#ifndef NSD_SOCKCALLBACK_H
#define NSD_SOCKCALLBACK_H

#include "net/eventloop.h"
#include "conf/server.h"

typedef struct NsWorker NsWorker;

/* Any thread.  The worker for a socket: always the same for the same fd.  Starts the workers if need be. */
NsWorker   *NsWorkerFor(NS_SOCKET fd);
/*
 * Any thread.  The worker for a new channel: the one with the fewest, but none whose callback runs for 100 ms (or `slowcallback`,
 * if that is less) as long as there is another.  It counts there until NsWorkerUnplace.
 */
NsWorker   *NsWorkerPlace(void);
void        NsWorkerUnplace(NsWorker *worker);
NsWorker   *NsWorkerCurrent(void);                         /* of the calling thread, or NULL */
NsLoop     *NsWorkerLoop(NsWorker *worker);
const char *NsWorkerName(const NsWorker *worker);
int         NsWorkerCount(void);
NsWorker   *NsWorkerGet(int index);
int         NsWorkerIndex(const NsWorker *worker);          /* its index there */
bool        NsWorkersStopping(void);
void        NsWorkersNoteCutOff(const char *name);         /* while stopping: a channel whose peer did not take what was sent */
int64_t     NsWorkersAbortTime(void);                      /* while stopping: NsLoopClock() at which what is left is aborted */

/*
 * Whoever lives on a worker joins it, so that it can be told of the end.  `stop` is called on the worker when the server
 * stops, and once more with `now` for those that are still there when the time for it is nearly over; the worker ends
 * when all members have left.  Join and leave on the worker's thread; leaving from `stop` is fine.  A member that joins
 * while the worker stops gets `stop` at the end of the turn.
 */
typedef struct NsMember NsMember;
struct NsMember {
    NsMember *next, **prev;
    void    (*stop)(NsWorker *worker, NsMember *member, bool now);
    bool      told, toldNow;
};
void NsWorkerJoin(NsWorker *worker, NsMember *member, void (*stop)(NsWorker *worker, NsMember *member, bool now));
void NsWorkerLeave(NsWorker *worker, NsMember *member);

/*
 * Any thread.  Ns_SockCallbackEx for an `arg` that is to be freed, and a socket that is to be closed: `released` is called
 * once with NS_SOCK_CANCEL, on the worker, when the loop has let go of the socket, whatever ended the registration.  On NS_ERROR it is not.
 */
Ns_ReturnCode NsSockCallback(NS_SOCKET sock, Ns_SockProc *proc, void *arg, unsigned when, const Ns_Time *timeout,
                             Ns_SockProc *released, const char **threadNamePtr);

/*
 * The worker's thread: its interpreter for a server.  It is taken once and cleaned up at the end of each turn of the
 * loop that used it, not after each callback.
 */
Tcl_Interp *NsWorkerInterp(NsWorker *worker, NsServer *server);

/*
 * The worker's thread: what runs between these two is a callback of `what` ("conn7", "socket 12"), calling `command`;
 * both live until the end.  A watch logs one that takes longer than `slowcallback` while it still runs, and once more with its
 * time when it is over.
 */
void NsWorkerCallbackBegin(NsWorker *worker, const char *what, const char *command);
void NsWorkerCallbackEnd(NsWorker *worker);

typedef struct NsWorkerStats {
    uint64_t    callbacks, slowCallbacks, callbackUsec, longestUsec;
    size_t      members, channels;             /* all that live on it; channels that were placed there */
    NsLoopStats loop;
} NsWorkerStats;
void NsWorkerGetStats(NsWorker *worker, NsWorkerStats *stats);        /* any thread */

/*
 * Main thread.  Workers start at the first use or here, with their interpreters ready before the first event.  False: threads are
 * still at work.
 */
void NsWorkersStart(void);
bool NsWorkersStop(const Ns_Time *until);

#endif
