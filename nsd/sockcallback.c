/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Socket callbacks: the Ns_SockCallback family.  Each registration lives on the worker of its descriptor.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "base/check.h"
#include "net/sockactivity.h"
#include "sockcallback.h"

/*
 * A callback that does nothing with its socket is called for it again and again.  Half of the calls of a row go by before the kernel
 * is asked whether anything happens, so that it costs nothing where all is well.
 */
#define MAX_CALLS   1000u
#define WATCH_CALLS 500u
#define SLOW_CALLS  100                        /* ms between calls after so many that did nothing */

/*
 * One registration.  The table maps the descriptor to the one in force; a registration that was replaced or cancelled is
 * no longer in the table, and its worker drops it in the order in which things were posted.
 */
typedef struct SockCallback {
    uint32_t     magic;
    NS_SOCKET    fd;
    Ns_SockProc *proc;
    void        *arg;
    unsigned     when;
    int64_t      timeout;                      /* ms, 0: none */
    int64_t      lastEvent;                    /* worker */
    NsWorker    *worker;
    bool         cancelled;                    /* table lock: proc is not to be called any more */
    Ns_SockProc *released;                     /* called with NS_SOCK_CANCEL when the loop has let go; may be NULL */
    Ns_SockProc *cancelProc;                   /* the same, of the one who cancelled */
    void        *cancelArg;
    NsWatch      watch;                        /* worker ... */
    NsTimer      timer;
    NsTimer      pause;                        /* armed: it did nothing, and is not watched for the moment */
    unsigned     calls;                        /* in a row */
    bool         named;                        /* in the log, for doing nothing */
    NsSockActivity activity;                   /* after the latest call */
    NsTask       attach, detach;
    NsMember     member;
} SockCallback;
#define SOCKCALLBACK_MAGIC NS_MAGIC('S', 'o', 'C', 'b')

static struct {
    Ns_Mutex      lock;
    bool          ready;
    Tcl_HashTable byFd;
} table;

/* Keys of one word. */
static inline const char *
FdKey(NS_SOCKET fd)
{
    return (const char *)(intptr_t)fd;
}

static bool TableTake(SockCallback *cb);
static void Drop(SockCallback *cb);
static bool Call(SockCallback *cb, unsigned why);
static bool Invoke(SockCallback *cb, unsigned why);
static void Ready(NsLoop *loop, NsWatch *watch, unsigned events);

static void
Expire(NsLoop *loop, NsTimer *timer)
{
    SockCallback *cb = (SockCallback *)((char *)timer - offsetof(SockCallback, timer));
    int64_t       due = cb->lastEvent + cb->timeout;

    if (due > NsLoopNow(loop)) {
        NsLoopTimerSet(loop, timer, due, Expire);
    } else {
        /* A worker that was held up must not take an event that came in time for none. */
        struct pollfd pfd = {.fd = cb->fd, .events = (short)(((cb->when & NS_SOCK_READ) != 0u ? POLLIN : 0)
                                                             | ((cb->when & NS_SOCK_WRITE) != 0u ? POLLOUT : 0))};
        if (poll(&pfd, 1, 0) > 0) {
            cb->lastEvent = NsLoopNow(loop);
            NsLoopTimerSet(loop, timer, cb->lastEvent + cb->timeout, Expire);
        } else if (TableTake(cb)) {
            Invoke(cb, NS_SOCK_TIMEOUT);
            Drop(cb);
        }
    }
}

/* The urgent byte was told of: take it, or the kernel tells of it until what is behind it is read. */
static bool
TakeUrgent(SockCallback *cb)
{
    char byte;

    Ns_MutexLock(&table.lock);
    if (!cb->cancelled) {                      /* else the descriptor may be another's by now */
        (void)recv(cb->fd, &byte, 1, MSG_OOB | MSG_DONTWAIT);
    }
    Ns_MutexUnlock(&table.lock);
    return true;
}

static unsigned
Interest(const SockCallback *cb)
{
    return ((cb->when & NS_SOCK_READ) != 0u ? NS_EV_READ : 0u) | ((cb->when & NS_SOCK_WRITE) != 0u ? NS_EV_WRITE : 0u)
        | ((cb->when & NS_SOCK_EXCEPTION) != 0u ? NS_EV_PRI : 0u);
}

/* False: the kernel refuses, and the registration is gone. */
static bool
Watch(SockCallback *cb)
{
    bool fine = NsLoopWatch(NsWorkerLoop(cb->worker), &cb->watch, cb->fd, Interest(cb), Ready) == NS_OK;

    if (!fine) {
        Ns_Log(Error, "sockcallback: cannot watch socket %d: %s", cb->fd, strerror(errno));
        if (TableTake(cb)) {
            Invoke(cb, NS_SOCK_EXCEPTION);
            Drop(cb);
        }
    }
    return fine;
}

static void
Resume(NsLoop *loop, NsTimer *timer)
{
    SockCallback *cb = (SockCallback *)((char *)timer - offsetof(SockCallback, pause));
    bool          cancelled;

    (void)loop;
    Ns_MutexLock(&table.lock);
    cancelled = cb->cancelled;                 /* then its Detach is on its way, and the descriptor may be another's */
    Ns_MutexUnlock(&table.lock);
    if (!cancelled) {
        (void)Watch(cb);
    }
}

/* It was called, and stays.  After a thousand calls in a row without anything read or written it has to wait. */
static void
NoteCall(SockCallback *cb, bool toRead)
{
    NsSockActivity now;
    NsLoop        *loop = NsWorkerLoop(cb->worker);

    if (++cb->calls < WATCH_CALLS) {
        return;
    }
    NsSockGetActivity(cb->fd, &now);
    if (cb->calls > WATCH_CALLS && !NsSockActivityNone(&cb->activity, &now, toRead)) {
        cb->calls = 0u;
    } else if (cb->calls >= MAX_CALLS) {
        if (!cb->named) {
            cb->named = true;
            Ns_Log(Warning, "sockcallback: the callback of socket %d was called %u times in a row, and has read and written nothing: "
                   "from now on it is called every %d ms", cb->fd, MAX_CALLS, SLOW_CALLS);
        }
        NsLoopUnwatch(loop, &cb->watch);
        NsLoopTimerSet(loop, &cb->pause, NsLoopNow(loop) + SLOW_CALLS, Resume);
    }
    cb->activity = now;
}

static void
Ready(NsLoop *loop, NsWatch *watch, unsigned events)
{
    SockCallback *cb = (SockCallback *)((char *)watch - offsetof(SockCallback, watch));
    bool          keep = true;

    NS_CHECK(cb, SOCKCALLBACK_MAGIC);
    cb->lastEvent = NsLoopNow(loop);
    if ((events & (NS_EV_HANGUP | NS_EV_ERROR)) != 0u) {
        /* The end is readable and writable: whatever was asked for will find out. */
        events |= (cb->when & NS_SOCK_READ) != 0u ? NS_EV_READ : (cb->when & NS_SOCK_WRITE) != 0u ? NS_EV_WRITE : NS_EV_PRI;
    }
    if ((events & (NS_EV_READ | NS_EV_RDHUP)) != 0u && (cb->when & NS_SOCK_READ) != 0u) {
        keep = Call(cb, NS_SOCK_READ);
    }
    if (keep && (events & NS_EV_WRITE) != 0u && (cb->when & NS_SOCK_WRITE) != 0u) {
        keep = Call(cb, NS_SOCK_WRITE);
    }
    if (keep && (events & NS_EV_PRI) != 0u && (cb->when & NS_SOCK_EXCEPTION) != 0u) {
        keep = Call(cb, NS_SOCK_EXCEPTION) && TakeUrgent(cb);
    }
    if (keep) {
        NoteCall(cb, (events & (NS_EV_READ | NS_EV_RDHUP)) != 0u && (cb->when & NS_SOCK_READ) != 0u);
    } else if (TableTake(cb)) {
        Drop(cb);
    }
}

static bool
Invoke(SockCallback *cb, unsigned why)
{
    char what[32];
    bool keep;

    snprintf(what, sizeof(what), "socket %d", cb->fd);
    NsWorkerCallbackBegin(cb->worker, what, NULL);
    keep = cb->proc(cb->fd, cb->arg, why);
    NsWorkerCallbackEnd(cb->worker);
    return keep;
}

/* Call the proc unless the registration was cancelled or replaced.  True: it stays. */
static bool
Call(SockCallback *cb, unsigned why)
{
    bool cancelled;

    Ns_MutexLock(&table.lock);
    cancelled = cb->cancelled;
    Ns_MutexUnlock(&table.lock);
    return cancelled ? false : Invoke(cb, why);
}

/* Take it out of the table.  False: somebody has cancelled or replaced it, and posted its end. */
static bool
TableTake(SockCallback *cb)
{
    bool mine;

    Ns_MutexLock(&table.lock);
    mine = !cb->cancelled;
    if (mine) {
        Tcl_HashEntry *entry = Tcl_FindHashEntry(&table.byFd, FdKey(cb->fd));
        NS_ASSERT(entry != NULL && Tcl_GetHashValue(entry) == cb);
        Tcl_DeleteHashEntry(entry);
        cb->cancelled = true;
    }
    Ns_MutexUnlock(&table.lock);
    return mine;
}

/* Worker: let go of the descriptor and the registration. */
static void
Drop(SockCallback *cb)
{
    NsLoop *loop = NsWorkerLoop(cb->worker);

    NsLoopTimerCancel(loop, &cb->timer);
    NsLoopTimerCancel(loop, &cb->pause);
    if (cb->watch.added) {
        NsLoopUnwatch(loop, &cb->watch);
    }
    NsWorkerLeave(cb->worker, &cb->member);
    if (cb->cancelProc != NULL) {
        (void)cb->cancelProc(cb->fd, cb->cancelArg, NS_SOCK_CANCEL);
    }
    if (cb->released != NULL) {
        (void)cb->released(cb->fd, cb->arg, NS_SOCK_CANCEL);
    }
    cb->magic = NS_SPOILED;
    ns_free(cb);
}

static void
Stop(NsWorker *worker, NsMember *member, bool now)
{
    SockCallback *cb = (SockCallback *)((char *)member - offsetof(SockCallback, member));

    (void)worker;
    (void)now;
    if (TableTake(cb)) {
        if ((cb->when & NS_SOCK_EXIT) != 0u) {
            Invoke(cb, NS_SOCK_EXIT);
        }
        Drop(cb);
    }
}

static void
Attach(NsLoop *loop, NsTask *task)
{
    SockCallback *cb = (SockCallback *)((char *)task - offsetof(SockCallback, attach));
    bool          cancelled;

    NsWorkerJoin(cb->worker, &cb->member, Stop);
    Ns_MutexLock(&table.lock);
    cancelled = cb->cancelled;
    Ns_MutexUnlock(&table.lock);
    if (cancelled) {
        return;                                /* its Detach is right behind */
    }
    cb->lastEvent = NsLoopClock();
    if (cb->timeout > 0) {
        NsLoopTimerSet(loop, &cb->timer, cb->lastEvent + cb->timeout, Expire);
    }
    if (Interest(cb) != 0u) {
        (void)Watch(cb);
    }
}

static void
Detach(NsLoop *loop, NsTask *task)
{
    (void)loop;
    Drop((SockCallback *)((char *)task - offsetof(SockCallback, detach)));
}

/* Table lock held: no more calls; its worker is told to drop it. */
static void
Cancel(SockCallback *cb, Ns_SockProc *proc, void *arg)
{
    cb->cancelled = true;
    cb->cancelProc = proc;
    cb->cancelArg = arg;
    cb->detach.proc = Detach;
    NsLoopPost(NsWorkerLoop(cb->worker), &cb->detach);
}

Ns_ReturnCode
NsSockCallback(NS_SOCKET sock, Ns_SockProc *proc, void *arg, unsigned when, const Ns_Time *timeout, Ns_SockProc *released,
               const char **threadNamePtr)
{
    SockCallback  *cb;
    Tcl_HashEntry *entry;
    int            isNew;

    if (sock < 0 || NsWorkersStopping()) {
        return NS_ERROR;
    }
    cb = ns_calloc(1u, sizeof(SockCallback));
    cb->magic = SOCKCALLBACK_MAGIC;
    cb->fd = sock;
    cb->proc = proc;
    cb->arg = arg;
    cb->when = when;
    cb->released = released;
    cb->timeout = timeout != NULL ? Ns_TimeToMilliseconds(timeout) : 0;
    cb->worker = NsWorkerFor(sock);
    cb->attach.proc = Attach;

    Ns_MutexLock(&table.lock);
    if (!table.ready) {
        Tcl_InitHashTable(&table.byFd, TCL_ONE_WORD_KEYS);
        table.ready = true;
    }
    entry = Tcl_CreateHashEntry(&table.byFd, FdKey(sock), &isNew);
    if (!isNew) {
        Cancel(Tcl_GetHashValue(entry), NULL, NULL);
    }
    Tcl_SetHashValue(entry, cb);
    NsLoopPost(NsWorkerLoop(cb->worker), &cb->attach);
    Ns_MutexUnlock(&table.lock);

    if (threadNamePtr != NULL) {
        *threadNamePtr = NsWorkerName(cb->worker);
    }
    return NS_OK;
}

Ns_ReturnCode
Ns_SockCallbackEx(NS_SOCKET sock, Ns_SockProc *proc, void *arg, unsigned when, const Ns_Time *timeout,
                  const char **threadNamePtr)
{
    return NsSockCallback(sock, proc, arg, when, timeout, NULL, threadNamePtr);
}

Ns_ReturnCode
Ns_SockCallback(NS_SOCKET sock, Ns_SockProc *proc, void *arg, unsigned when)
{
    return Ns_SockCallbackEx(sock, proc, arg, when, NULL, NULL);
}

Ns_ReturnCode
Ns_SockCancelCallbackEx(NS_SOCKET sock, Ns_SockProc *proc, void *arg, const char **threadNamePtr)
{
    Tcl_HashEntry *entry;
    Ns_ReturnCode  status = NS_ERROR;

    Ns_MutexLock(&table.lock);
    entry = table.ready ? Tcl_FindHashEntry(&table.byFd, FdKey(sock)) : NULL;
    if (entry != NULL) {
        SockCallback *cb = Tcl_GetHashValue(entry);

        if (threadNamePtr != NULL) {
            *threadNamePtr = NsWorkerName(cb->worker);
        }
        Tcl_DeleteHashEntry(entry);
        Cancel(cb, proc, arg);
        status = NS_OK;
    }
    Ns_MutexUnlock(&table.lock);
    return status;
}

void
Ns_SockCancelCallback(NS_SOCKET sock)
{
    (void)Ns_SockCancelCallbackEx(sock, NULL, NULL, NULL);
}
