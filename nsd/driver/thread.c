/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A driver's thread: its loop, accepting, and its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "driver/int.h"
#include "driver/module.h"

#define ACCEPT_MORE         4                  /* times as many while handshakes wait: turns are fair to who was accepted, the kernel's queue is not */
#define ACCEPT_PAUSE        100                /* milliseconds without descriptors */
#define DATAGRAM_PAUSE      1                  /* the same, after a turn of datagrams that a module could not receive */
#define MIN_SPARE           8                  /* descriptors for files and other things than connections */
#define MAX_SPARE           128
#define EVICT_FOR_OTHERS    8                  /* at once, for a thread that has none to close */

#define THREAD_OF(member, object) ((NsDriverThread *)(void *)((char *)(object) - offsetof(NsDriverThread, member)))

/* ---- accepting ---- */

static void
SetAccepting(NsDriverThread *thread, bool accept)
{
    int i;

    for (i = 0; i < thread->listenerCount; i++) {
        Listener *listener = &thread->listeners[i];

        if (listener->fd >= 0) {
            (void)NsLoopSetInterest(thread->loop, &listener->watch, accept ? NS_EV_READ : 0u);
        }
    }
}

static void
ResumeAccepting(NsLoop *loop, NsTimer *timer)
{
    NsDriverThread *thread = THREAD_OF(acceptTimer, timer);

    (void)loop;
    if (thread->accepting) {
        SetAccepting(thread, true);
    }
}

/* The kernel gives the lowest number that is free: from this one on there are few left. */
static int
CrowdedFrom(void)
{
    struct rlimit limit;
    rlim_t        spare;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX) {
        return INT_MAX;
    }
    spare = limit.rlim_cur / 16;
    spare = spare < MIN_SPARE ? MIN_SPARE : spare > MAX_SPARE ? MAX_SPARE : spare;
    return limit.rlim_cur > 2 * spare ? (int)(limit.rlim_cur - spare) : INT_MAX;
}

static void
OpenReserve(NsDriverThread *thread)
{
    if (thread->reserve < 0) {
        thread->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
}

static void
WarnOfDescriptors(NsDriverThread *thread, int err, const char *remedy)
{
    int64_t now = NsLoopNow(thread->loop);

    DriverCount(&thread->counters.noDescriptor, 1u);
    if (thread->lastWarning == 0 || now - thread->lastWarning >= 1000) {
        thread->lastWarning = now;
        Ns_Log(Warning, "%s: too many connections: %s; %s", thread->driver->module, strerror(err), remedy);
    }
}

/* Nothing can be accepted, though somebody waits: not at once again. */
static void
PauseAccepting(NsDriverThread *thread, int64_t milliseconds)
{
    SetAccepting(thread, false);
    NsLoopTimerSet(thread->loop, &thread->acceptTimer, NsLoopNow(thread->loop) + milliseconds, ResumeAccepting);
}

static bool
SpeaksPlainHttp(const NsDriver *driver)
{
    return !driver->init.secure && !driver->noParse;
}

/*
 * No descriptors are left, and no connection is idle.  The one in reserve serves to refuse the connection that waits
 * longest, so that its client need not guess; the others stay in the kernel's queue until a moment later.
 */
static void
OutOfDescriptors(NsDriverThread *thread, Listener *listener)
{
    static const char answer[] = "HTTP/1.0 503 Service Unavailable\r\nRetry-After: 5\r\n\r\n";

    if (thread->reserve >= 0) {
        int fd;

        close(thread->reserve);
        thread->reserve = -1;
        fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            if (SpeaksPlainHttp(thread->driver)) {
                (void)send(fd, answer, sizeof(answer) - 1u, MSG_NOSIGNAL | MSG_DONTWAIT);
            }
            close(fd);
        }
        OpenReserve(thread);
    }
    PauseAccepting(thread, ACCEPT_PAUSE);
}

/* The kernel looks for a descriptor first, and for a connection then: without one it says so though nobody waits. */
static bool
SomebodyWaits(const Listener *listener)
{
    struct pollfd pfd = {.fd = listener->fd, .events = POLLIN};

    return poll(&pfd, 1, 0) == 1;
}

static void
Evict(NsSock *sock)
{
    DriverCount(&sock->thread->counters.evicted, 1u);
    NsSockClose(sock);
}

/* The least worth of all threads: an idle one of ours is worth more than what others have in crowds. */
static bool
EvictOne(NsDriverThread *thread)
{
    NsSock *sock = NsSockLeastWorth(thread);
    bool    idle = sock != NULL && sock->worth == WORTH_IDLE;

    if (sock == NULL || (idle && NsWorthAskOthers(thread, true))) {
        if (sock == NULL) {
            (void)NsWorthAskOthers(thread, false);
        }
        return false;
    }
    Evict(sock);
    return true;
}

/* Another thread has no descriptors, and no connection to close for a new one. */
static void
EvictForOthers(NsLoop *loop, NsTask *task)
{
    NsDriverThread *thread = THREAD_OF(evictTask, task);

    (void)loop;
    atomic_store(&thread->asked, false);
    for (int i = 0; i < EVICT_FOR_OTHERS; i++) {
        NsSock *sock = NsSockLeastWorth(thread);

        if (sock == NULL) {
            break;
        }
        Evict(sock);
    }
}

/* Descriptors are about to run out, and answers need some too, for files. */
static void
MakeRoom(NsDriverThread *thread, int excess)
{
    WarnOfDescriptors(thread, EMFILE, "silent and idle ones are closed");
    while (excess > 0 && EvictOne(thread)) {
        excess--;
    }
}

/* After an accept that failed: false when there is no use in trying again now. */
static bool
TryAgain(NsDriverThread *thread, Listener *listener)
{
    int err = errno;

    switch (err) {
    case EINTR:
    case ECONNABORTED:
        return true;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        if (!SomebodyWaits(listener)) {
            return false;
        }
        /* A client that is here is worth more than one that may come back. */
        if (EvictOne(thread)) {
            WarnOfDescriptors(thread, err, "silent and idle ones are closed");
            return true;
        }
        WarnOfDescriptors(thread, err, "they wait, or are refused");
        OutOfDescriptors(thread, listener);
        return false;
    default:
        if (err != EAGAIN && err != EWOULDBLOCK) {
            Ns_Log(Error, "%s: accept: %s", thread->driver->module, strerror(err));
        }
        return false;
    }
}

/* It has as many connections as it may: its clients learn it at once, the log once a second. */
static void
RefuseAddress(NsDriverThread *thread, int fd, const NsAddr *peer)
{
    static const char answer[] = "HTTP/1.0 503 Service Unavailable\r\nRetry-After: 5\r\n\r\n";
    int64_t           now = NsLoopNow(thread->loop);
    char              text[INET6_ADDRSTRLEN] = "";

    DriverCount(&thread->counters.perIp, 1u);
    if (thread->lastRefusal == 0 || now - thread->lastRefusal >= 1000) {
        thread->lastRefusal = now;
        Ns_Log(Notice, "%s: %s has as many connections as maxperip allows: further ones are refused", thread->driver->module,
               ns_inet_ntop(&peer->sa, text, sizeof(text)));
    }
    if (SpeaksPlainHttp(thread->driver)) {
        (void)send(fd, answer, sizeof(answer) - 1u, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    close(fd);
}

/* A connection was accepted: enter it, and close others for it if need be.  False: it was refused, and its descriptor is closed. */
static bool
Admit(NsDriverThread *thread, int fd, const NsAddr *peer)
{
    int excess;

    if (!NsPerIpEnter(thread->driver->state->perIp, peer)) {
        RefuseAddress(thread, fd, peer);
        return false;
    }
    excess = NsWorthExcess(fd, thread->crowded, NsLoopNow(thread->loop));
    if (excess > 0) {
        MakeRoom(thread, excess);
    }
    return true;
}

static void
AcceptSome(NsLoop *loop, NsWatch *watch, unsigned events)
{
    Listener       *listener = (Listener *)(void *)((char *)watch - offsetof(Listener, watch));
    NsDriverThread *thread = listener->thread;
    int             n, most = thread->driver->acceptSize;

    (void)loop;
    (void)events;
    if (NsShakesWaiting(thread->shakes) > 0) {
        most = most < INT_MAX / ACCEPT_MORE ? most * ACCEPT_MORE : INT_MAX;
    }
    for (n = 0; n < most; n++) {
        NsAddr    peer;
        socklen_t len = sizeof(peer);
        int       fd;

        memset(&peer, 0, sizeof(peer));
        fd = accept4(listener->fd, &peer.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (TryAgain(thread, listener)) {
                continue;
            }
            break;
        }
        if (Admit(thread, fd, &peer)) {
            NsSockAccepted(listener, fd, &peer, NULL, NS_DRIVER_ACCEPT);
        }
    }
    if (thread->driver->sockAcceptLog > 0 && n > thread->driver->sockAcceptLog) {
        Ns_Log(Notice, "%s: accepted %d connections at once", thread->driver->module, n);
    }
}

/* A module's acceptProc has accepted nothing: is there a use in trying again now?  errno, 0: it has not told. */
static bool
TryModuleAgain(NsDriverThread *thread, Listener *listener)
{
    switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return TryAgain(thread, listener);
    case EAGAIN:
        return false;
    default:
        DriverCount(&thread->counters.errors, 1u);
        return true;
    }
}

/* A connection that its address may not have: closed by who has accepted it. */
static void
AcceptedByModule(Listener *listener, NsModuleSock *sock, const NsAddr *peer, NS_DRIVER_ACCEPT_STATUS accepted)
{
    NsDriverThread *thread = listener->thread;
    Ns_Wire         wire = {.sock = NsModuleSockFd(sock), .transport = thread->driver->init.transport, .arg = sock};
    int             excess = NsWorthExcess(wire.sock, thread->crowded, NsLoopNow(thread->loop));

    if (!NsPerIpEnter(thread->driver->state->perIp, peer)) {
        DriverCount(&thread->counters.perIp, 1u);
        wire.transport->release(&wire);
        return;
    }
    if (excess > 0) {
        MakeRoom(thread, excess);
    }
    NsSockAccepted(listener, wire.sock, peer, sock, accepted);
}

static void
AcceptByModule(NsLoop *loop, NsWatch *watch, unsigned events)
{
    Listener       *listener = (Listener *)(void *)((char *)watch - offsetof(Listener, watch));
    NsDriverThread *thread = listener->thread;
    int             n, failed = 0;

    (void)loop;
    (void)events;
    for (n = 0; n < thread->driver->acceptSize; n++) {
        NS_DRIVER_ACCEPT_STATUS accepted;
        NsAddr                  peer;
        NsModuleSock           *sock = NsModuleAccept(thread->driver, listener->fd, &peer, &accepted);

        if (sock != NULL) {
            AcceptedByModule(listener, sock, &peer, accepted);
        } else if (TryModuleAgain(thread, listener)) {
            failed++;
        } else {
            break;
        }
    }
    if (n > 0 && failed == n && SomebodyWaits(listener)) {
        PauseAccepting(thread, ACCEPT_PAUSE);
    }
}

static void
TakeDatagrams(NsLoop *loop, NsWatch *watch, unsigned events)
{
    Listener  *listener = (Listener *)(void *)((char *)watch - offsetof(Listener, watch));
    NsDatagram last = NS_DATAGRAM_TAKEN;
    int        n, taken = 0;

    (void)loop;
    (void)events;
    for (n = 0; n < listener->thread->driver->acceptSize && last != NS_DATAGRAM_NONE; n++) {
        last = NsSockDatagram(listener);
        taken += last == NS_DATAGRAM_TAKEN;
    }
    /* Failures may be the work of a stranger, whose datagrams the module does not like: those of others are not to wait for long. */
    if (taken == 0 && SomebodyWaits(listener)) {
        PauseAccepting(listener->thread, last == NS_DATAGRAM_FAILED ? DATAGRAM_PAUSE : ACCEPT_PAUSE);
    }
}

static NsWatchProc *
Acceptor(const NsDriver *driver)
{
    return driver->datagrams ? TakeDatagrams : driver->byModule != NULL ? AcceptByModule : AcceptSome;
}

/* ---- the end ---- */

/* Answers to datagrams go by the socket that they came by: it stays open until none is under way. */
static void
CloseDatagrams(NsDriverThread *thread)
{
    for (int i = 0; i < thread->listenerCount; i++) {
        if (thread->listeners[i].fd >= 0 && thread->socks == NULL) {
            close(thread->listeners[i].fd);
            thread->listeners[i].fd = -1;
        }
    }
}

static void
CloseListeners(NsDriverThread *thread)
{
    int i;

    thread->accepting = false;
    NsLoopTimerCancel(thread->loop, &thread->acceptTimer);
    for (i = 0; i < thread->listenerCount; i++) {
        Listener *listener = &thread->listeners[i];

        if (listener->fd >= 0) {
            NsLoopUnwatch(thread->loop, &listener->watch);
            if (!thread->driver->datagrams) {
                close(listener->fd);
                listener->fd = -1;
            }
        }
    }
}

/* Procs of these may take Socks off the list, the one they get and no other. */
static void
QuietSocks(NsDriverThread *thread)
{
    NsSock *sock, *next;

    for (sock = thread->socks; sock != NULL; sock = next) {
        next = sock->next;
        NsSockQuiet(sock);
    }
}

static void
Quiet(NsLoop *loop, NsTask *task)
{
    NsDriverThread *thread = THREAD_OF(quietTask, task);

    (void)loop;
    CloseListeners(thread);
    QuietSocks(thread);
}

void
NsDriverThreadForget(NsDriverThread *thread)
{
    if (thread->stopping && (thread->socks == NULL || thread->abandoned)) {
        NsLoopStop(thread->loop);
    }
}

static void
Stop(NsLoop *loop, NsTask *task)
{
    NsDriverThread *thread = THREAD_OF(stopTask, task);

    (void)loop;
    CloseListeners(thread);
    thread->stopping = true;
    QuietSocks(thread);
    NsDriverThreadForget(thread);
}

static void
Abandon(NsLoop *loop, NsTask *task)
{
    NsDriverThread *thread = THREAD_OF(abandonTask, task);
    NsSock         *sock, *next;

    (void)loop;
    thread->abandoned = true;
    for (sock = thread->socks; sock != NULL; sock = next) {
        next = sock->next;
        if (sock->state != SOCK_BUSY) {
            NsSockClose(sock);
        }
    }
    NsDriverThreadForget(thread);
}

void
NsDriverThreadQuiet(NsDriverThread *thread)
{
    thread->quietTask.proc = Quiet;
    NsLoopPost(thread->loop, &thread->quietTask);
}

void
NsDriverThreadStop(NsDriverThread *thread)
{
    thread->stopTask.proc = Stop;
    NsLoopPost(thread->loop, &thread->stopTask);
}

void
NsDriverThreadAbandon(NsDriverThread *thread)
{
    thread->abandonTask.proc = Abandon;
    NsLoopPost(thread->loop, &thread->abandonTask);
}

/* ---- the thread ---- */

static void
Run(void *arg)
{
    NsDriverThread       *thread = arg;
    struct NsDriverState *state = thread->driver->state;
    int                   i;

    NS_CHECK(thread, DRIVER_THREAD_MAGIC);
    Ns_ThreadSetName("-driver:%s:%d-", thread->driver->module, thread->index);
    OpenReserve(thread);
    thread->crowded = CrowdedFrom();
    for (i = 0; i < thread->listenerCount; i++) {
        Listener *listener = &thread->listeners[i];

        if (NsLoopWatch(thread->loop, &listener->watch, listener->fd, NS_EV_READ, Acceptor(thread->driver)) != NS_OK) {
            Ns_Fatal("%s: cannot watch a listening socket: %s", thread->driver->module, strerror(errno));
        }
    }
    NsWorthJoin(thread);
    NsLoopRun(thread->loop);
    NsWorthLeave(thread);
    CloseDatagrams(thread);
    if (thread->reserve >= 0) {
        close(thread->reserve);
    }
    Ns_MutexLock(&state->lock);
    thread->running = false;
    Ns_CondBroadcast(&state->cond);
    Ns_MutexUnlock(&state->lock);
}

void
NsDriverThreadStart(NsDriverThread *thread)
{
    char name[64];

    snprintf(name, sizeof(name), "%s:%d", thread->driver->module, thread->index);
    thread->loop = NsLoopCreate(name);
    if (thread->loop == NULL) {
        Ns_Fatal("%s: cannot create an event loop: %s", thread->driver->module, strerror(errno));
    }
    thread->accepting = true;
    thread->running = true;
    thread->shakes = NsShakesCreate(thread->loop);
    thread->evictTask.proc = EvictForOthers;
    thread->inputTask.proc = NsSockEndSlowest;
    Ns_ThreadCreate(Run, thread, 0, &thread->thread);
}
