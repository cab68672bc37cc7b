/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A connection on its driver's loop: handshake, reading and parsing requests, handing them over, waiting for the next,
 * closing.  All of it runs on the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "driverint.h"
#include "queue.h"

#define READS_PER_EVENT 8                      /* then the other sockets have their turn */
#define IDLE_TRIES      16                     /* idle ones to look at for one whose client has sent nothing */

static void OnEvent(NsLoop *loop, NsWatch *watch, unsigned events);
static void OnTimer(NsLoop *loop, NsTimer *timer);
static void WaitForRequest(NsSock *sock);

/* ---- states and what is counted of them ---- */

static atomic_ullong *
Gauge(NsSock *sock, SockState state)
{
    DriverCounters *counters = &sock->thread->counters;

    switch (state) {
    case SOCK_HANDSHAKE:
    case SOCK_READ:
        return &counters->reading;
    case SOCK_IDLE:
        return &counters->waiting;
    case SOCK_FLUSH:
    case SOCK_LINGER:
        return &counters->closing;
    default:
        return NULL;
    }
}

/* A state is entered or left: keep the queue of those that wait for a request. */
static void
EnterIdle(NsSock *sock)
{
    NsDriverThread *thread = sock->thread;

    sock->idleBefore = thread->idleLast;
    sock->idleAfter = NULL;
    *(thread->idleLast != NULL ? &thread->idleLast->idleAfter : &thread->idleFirst) = sock;
    thread->idleLast = sock;
}

static void
LeaveIdle(NsSock *sock)
{
    NsDriverThread *thread = sock->thread;

    *(sock->idleBefore != NULL ? &sock->idleBefore->idleAfter : &thread->idleFirst) = sock->idleAfter;
    *(sock->idleAfter != NULL ? &sock->idleAfter->idleBefore : &thread->idleLast) = sock->idleBefore;
}

static void
SetState(NsSock *sock, SockState state)
{
    atomic_ullong *from = Gauge(sock, sock->state), *to = Gauge(sock, state);

    if (sock->state == SOCK_IDLE) {
        LeaveIdle(sock);
    }
    if (state == SOCK_IDLE) {
        EnterIdle(sock);
    }
    if (from != NULL) {
        DriverUncount(from);
    }
    if (to != NULL) {
        DriverCount(to, 1u);
    }
    sock->state = state;
}

void
NsSockBeginFlush(NsSock *sock)
{
    SetState(sock, SOCK_FLUSH);
    NsSockFlush(sock);
}

void
NsSockSetTimer(NsSock *sock, int64_t milliseconds)
{
    NsLoopTimerSet(sock->thread->loop, &sock->timer, NsLoopNow(sock->thread->loop) + milliseconds, OnTimer);
}

Ns_ReturnCode
NsSockArm(NsSock *sock, unsigned waitFor)
{
    unsigned interest = NS_EV_ONESHOT;

    interest |= (waitFor & NS_SOCK_READ) != 0u ? NS_EV_READ : 0u;
    interest |= (waitFor & NS_SOCK_WRITE) != 0u ? NS_EV_WRITE : 0u;
    if (NsLoopSetInterest(sock->thread->loop, &sock->watch, interest) != NS_OK) {
        Ns_Log(Error, "%s: cannot watch a socket: %s", sock->thread->driver->module, strerror(errno));
        return NS_ERROR;
    }
    return NS_OK;
}

/* Wait, or close when that is not possible. */
static void
ArmOrClose(NsSock *sock, unsigned waitFor)
{
    if (NsSockArm(sock, waitFor) != NS_OK) {
        NsSockClose(sock);
    }
}

/* ---- the beginning ---- */

static NsSock *
SockNew(Listener *listener, int fd, const NsAddr *peer)
{
    static atomic_ullong  lastId;
    NsDriverThread       *thread = listener->thread;
    Ns_Driver            *driver = thread->driver;
    NsSock               *sock = ns_calloc(1u, sizeof(NsSock));
    socklen_t             len = sizeof(sock->info.local);

    sock->magic = SOCK_MAGIC;
    sock->thread = thread;
    sock->io = (Ns_Sock){.sock = fd, .waitRecv = NS_SOCK_READ, .waitSend = NS_SOCK_WRITE,
                         .transport = driver->init.transport, .driver = driver};
    sock->info.driver = driver;
    sock->info.peer = *peer;
    sock->info.local = listener->addr;
    sock->info.id = atomic_fetch_add_explicit(&lastId, 1u, memory_order_relaxed) + 1u;
    Ns_GetTime(&sock->info.acceptTime);
    sock->info.requestTime = sock->info.acceptTime;
    if (listener->wildcard) {
        (void)getsockname(fd, &sock->info.local.sa, &len);
    }
    sock->task.proc = NsSockTaskRun;
    sock->watch.slot = -1;
    pthread_mutex_init(&sock->lock, NULL);

    sock->state = SOCK_READ;
    DriverCount(&thread->counters.reading, 1u);
    DriverCount(&thread->counters.connections, 1u);
    sock->delivery.fd = fd;
    Ns_MutexLock(&thread->listLock);
    sock->next = thread->socks;
    sock->prev = &thread->socks;
    if (sock->next != NULL) {
        sock->next->prev = &sock->next;
    }
    thread->socks = sock;
    Ns_MutexUnlock(&thread->listLock);
    return sock;
}

void
NsSockAccepted(Listener *listener, int fd, const NsAddr *peer)
{
    NsSock    *sock = SockNew(listener, fd, peer);
    Ns_Driver *driver = sock->info.driver;

    DriverCount(&sock->thread->counters.accepted, 1u);
    if (driver->init.accept != NULL && driver->init.accept(&sock->io, driver->init.arg) != NS_OK) {
        DriverCount(&sock->thread->counters.errors, 1u);
        NsSockClose(sock);
        return;
    }
    if (sock->io.transport->handshake != NULL) {
        SetState(sock, SOCK_HANDSHAKE);
    } else {
        sock->parser = NsHttpParserCreate(&driver->limits);
    }
    NsSockSetTimer(sock, driver->recvWait);
    if (NsLoopWatch(sock->thread->loop, &sock->watch, fd, NS_EV_READ | NS_EV_ONESHOT, OnEvent) != NS_OK) {
        Ns_Log(Error, "%s: cannot watch a socket: %s", driver->module, strerror(errno));
        NsSockClose(sock);
    }
}

void
NsSockHandshake(NsSock *sock)
{
    unsigned      waitFor = NS_SOCK_READ;
    Tcl_DString   error;
    Ns_ReturnCode status;

    if (!NsDriverHandshakeTurn(sock)) {
        return;
    }
    Tcl_DStringInit(&error);
    status = sock->io.transport->handshake(&sock->io, &waitFor, &error);
    if (status == NS_CONTINUE) {
        ArmOrClose(sock, waitFor);
    } else if (status != NS_OK) {
        char peer[INET6_ADDRSTRLEN] = "";

        DriverCount(&sock->thread->counters.errors, 1u);
        Ns_Log(Debug, "%s: handshake with %s: %s", sock->info.driver->module,
               ns_inet_ntop(&sock->info.peer.sa, peer, sizeof(peer)), Tcl_DStringValue(&error));
        NsSockClose(sock);
    } else {
        SetState(sock, SOCK_READ);
        sock->parser = NsHttpParserCreate(&sock->info.driver->limits);
        NsSockSetTimer(sock, sock->info.driver->recvWait);
        /* The first request may have come with the last bytes of the handshake. */
        NsSockRead(sock);
    }
    Tcl_DStringFree(&error);
}

/* ---- the end ---- */

/* Nothing refers to it any more: neither the loop nor its inbox. */
void
NsSockFree(NsSock *sock)
{
    NS_CHECK(sock, SOCK_MAGIC);
    NsSockFreePace(sock);
    pthread_mutex_destroy(&sock->lock);
    ns_free(sock->delivery.clientData);
    sock->magic = NS_SPOILED;
    ns_free(sock);
}

/* Take it away from the thread, but for its memory when a task is on its way. */
static void
Forget(NsSock *sock)
{
    NsDriverThread *thread = sock->thread;
    atomic_ullong  *gauge = Gauge(sock, sock->state);
    bool            posted;

    if (gauge != NULL) {
        DriverUncount(gauge);
    }
    if (sock->state == SOCK_IDLE) {
        LeaveIdle(sock);
    }
    DriverUncount(&thread->counters.connections);
    NsLoopTimerCancel(thread->loop, &sock->timer);
    NsLoopUnwatch(thread->loop, &sock->watch);
    NsHttpParserFree(sock->parser);
    sock->parser = NULL;
    Ns_MutexLock(&thread->listLock);
    *sock->prev = sock->next;
    if (sock->next != NULL) {
        sock->next->prev = sock->prev;
    }
    Ns_MutexUnlock(&thread->listLock);
    sock->prev = NULL;
    SockLock(sock);
    sock->gone = true;
    sock->state = SOCK_BUSY;
    posted = sock->posted;
    SockUnlock(sock);
    if (!posted) {
        NsSockFree(sock);
    }
    NsDriverThreadForget(thread);
}

static void
LeaveHandshakeQueue(NsSock *sock)
{
    NsDriverThread *thread = sock->thread;
    NsSock        **link = &thread->waitingFirst, *last = NULL;

    while (*link != NULL && *link != sock) {
        last = *link;
        link = &last->nextWaiting;
    }
    if (*link == sock) {
        *link = sock->nextWaiting;
        if (thread->waitingLast == sock) {
            thread->waitingLast = last;
        }
    }
    sock->waitsForHandshake = false;
}

void
NsSockClose(NsSock *sock)
{
    NS_CHECK(sock, SOCK_MAGIC);
    NS_ASSERT(sock->state != SOCK_BUSY);
    if (sock->waitsForHandshake) {
        LeaveHandshakeQueue(sock);
    }
    NsLoopUnwatch(sock->thread->loop, &sock->watch);
    if (sock->io.transport->release != NULL) {
        sock->io.transport->release(&sock->io);
    }
    close(sock->io.sock);
    sock->io.sock = NS_INVALID_SOCKET;
    NsOutClear(&sock->out);
    NsSockCountMemory(sock);
    ns_free(sock->rest);
    sock->rest = NULL;
    Forget(sock);
}

/*
 * The last bytes were sent.  Closing now could make the kernel answer what the client still sends by a reset, which
 * may reach it before it has read the answer: so shut down our end, and read what comes until the client closes.
 */
static void
Linger(NsSock *sock)
{
    if (sock->info.driver->closeWait == 0) {
        NsSockClose(sock);
        return;
    }
    if (sock->io.transport->shutdown != NULL && sock->io.transport->shutdown(&sock->io) == NS_CONTINUE) {
        if (sock->state != SOCK_FLUSH) {
            SetState(sock, SOCK_FLUSH);        /* its event leads here again */
        }
        NsSockSetTimer(sock, sock->info.driver->sendWait);
        ArmOrClose(sock, sock->io.waitSend);
        return;
    }
    SetState(sock, SOCK_LINGER);
    if (sock->io.transport != &Ns_TransportTcp) {
        (void)shutdown(sock->io.sock, SHUT_WR);        /* a peer that is gone shows itself when we read */
    }
    NsSockSetTimer(sock, sock->info.driver->closeWait);
    ArmOrClose(sock, NS_SOCK_READ);
}

static void
Drain(NsSock *sock)
{
    char *buffer = NsLoopBuffer(sock->thread->loop);
    int   i;

    for (i = 0; i < READS_PER_EVENT; i++) {
        ssize_t n = recv(sock->io.sock, buffer, NS_LOOP_BUFFER, MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
            NsSockClose(sock);
            return;
        }
        if (n < 0 && errno != EINTR) {
            break;
        }
    }
    ArmOrClose(sock, NS_SOCK_READ);
}

/* ---- requests ---- */

static void
KeepRest(NsSock *sock, const char *data, size_t len)
{
    if (len > 0) {
        char *rest = ns_malloc(len);

        memcpy(rest, data, len);
        sock->rest = rest;
        sock->restLen = len;
    }
}

static NsServer *
RequestServer(const NsSock *sock, const NsHttpRequest *request)
{
    const char *host = NULL;
    Tcl_DString ds;
    NsServer   *server;

    Tcl_DStringInit(&ds);
    if (request->request.host != NULL) {
        char port[16];

        /* The authority of an absolute URL wins over the Host header (RFC 9112, 3.2.2). */
        Tcl_DStringAppend(&ds, request->request.host, -1);
        if (request->request.port != 0) {
            snprintf(port, sizeof(port), ":%u", (unsigned)request->request.port);
            Tcl_DStringAppend(&ds, port, -1);
        }
        host = Tcl_DStringValue(&ds);
    } else {
        host = Ns_SetIGet(request->headers, "host");
    }
    server = NsDriverHostServer(sock->info.driver, host);
    Tcl_DStringFree(&ds);
    return server;
}

/* A complete request: after NsQueueRequest took it, the Sock is not ours any more. */
static void
Dispatch(NsSock *sock)
{
    NsHttpRequest *request = NsHttpParserTake(sock->parser);
    int            retryAfter = 0;
    Ns_ReturnCode  status;

    DriverCount(&sock->thread->counters.received, 1u);
    SetState(sock, SOCK_BUSY);
    sock->inBody = false;
    NsLoopTimerCancel(sock->thread->loop, &sock->timer);
    if (!NsOutEmpty(&sock->out)) {
        /* A "100 Continue" that was refused: the loop goes on with it, the answer will queue up behind. */
        NsSockSetTimer(sock, sock->info.driver->sendWait);
        (void)NsSockArm(sock, sock->io.waitSend);
    }
    status = NsQueueRequest(RequestServer(sock, request), sock, request, &retryAfter);
    if (status != NS_OK) {
        NsHttpRequestFree(request);
        SetState(sock, SOCK_READ);
        if (status == NS_TIMEOUT) {
            DriverCount(&sock->thread->counters.overrun, 1u);
        }
        NsSockReject(sock, 503, "Service Unavailable", true, retryAfter);
    }
}

static void
Continue(NsSock *sock)
{
    static const char answer[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec      iov = {.iov_base = (void *)(uintptr_t)answer, .iov_len = sizeof(answer) - 1u};
    size_t            sent;

    NsOutAddCopy(&sock->out, &iov, 1, 0);
    /* Refused, or an error: what reads next sees to it. */
    (void)NsOutSend(&sock->out, &sock->io, 0, NULL, 0, &sent);
}

static void
ParseError(NsSock *sock)
{
    const char *reason = "", *phrase;
    int         status = NsHttpParserError(sock->parser, &reason);
    char        peer[INET6_ADDRSTRLEN] = "";

    DriverCount(&sock->thread->counters.errors, 1u);
    Ns_Log(Debug, "%s: request from %s refused with %d: %s", sock->info.driver->module,
           ns_inet_ntop(&sock->info.peer.sa, peer, sizeof(peer)), status, reason);
    /* NaviServer has a page for what a form or a cookie may bring about, and a bare line for what programs do wrong. */
    phrase = NsHttpParserErrorPhrase(sock->parser);
    NsSockReject(sock, status, phrase, status == 431 || (status == 414 && strstr(phrase, "Header") == NULL), 0);
}

/* False: the Sock has left the reading state, and may be gone. */
static bool
Feed(NsSock *sock, const char *data, size_t len)
{
    if (sock->state == SOCK_IDLE) {
        SetState(sock, SOCK_READ);
        NsSockSetTimer(sock, sock->info.driver->recvWait);
        Ns_GetTime(&sock->info.requestTime);
    } else if (sock->inBody) {
        NsSockSetTimer(sock, sock->info.driver->recvWait);
    }
    while (len > 0) {
        size_t       consumed = 0;
        NsHttpResult result = NsHttpParserFeed(sock->parser, data, len, &consumed);

        data += consumed;
        len -= consumed;
        switch (result) {
        case NS_HTTP_MORE:
            break;
        case NS_HTTP_HEAD:
            sock->inBody = true;
            NsSockSetTimer(sock, sock->info.driver->recvWait);
            if (NsHttpParserPeek(sock->parser)->expectContinue) {
                Continue(sock);
            }
            break;
        case NS_HTTP_DONE:
            KeepRest(sock, data, len);
            Dispatch(sock);
            return false;
        case NS_HTTP_ERROR:
            ParseError(sock);
            return false;
        }
    }
    return true;
}

/* Nothing more is to be had now. */
static void
WaitForMore(NsSock *sock)
{
    unsigned waitFor = sock->io.waitRecv;

    if (!NsOutEmpty(&sock->out)) {
        waitFor |= sock->io.waitSend;
    }
    ArmOrClose(sock, waitFor);
}

static void
EndOfInput(NsSock *sock, int err)
{
    if (sock->state == SOCK_READ && NsHttpParserStarted(sock->parser)) {
        DriverCount(&sock->thread->counters.partial, 1u);
        Ns_Log(Debug, "%s: connection ended within a request: %s", sock->info.driver->module,
               err != 0 ? strerror(err) : "closed by the client");
    }
    NsSockClose(sock);
}

void
NsSockRead(NsSock *sock)
{
    char *buffer = NsLoopBuffer(sock->thread->loop);
    int   i;

    for (i = 0; i < READS_PER_EVENT; i++) {
        size_t  size = sock->inBody ? NS_LOOP_BUFFER : sock->info.driver->bufSize;
        ssize_t n = sock->io.transport->recv(&sock->io, buffer, size);

        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            WaitForMore(sock);
            return;
        }
        if (n <= 0) {
            EndOfInput(sock, n < 0 ? errno : 0);
            return;
        }
        if (!Feed(sock, buffer, (size_t)n)) {
            return;
        }
        if ((size_t)n < size && (sock->io.transport->pending == NULL || !sock->io.transport->pending(&sock->io))) {
            sock->io.waitRecv = NS_SOCK_READ;
            WaitForMore(sock);
            return;
        }
    }
    SockLock(sock);
    NsSockPost(sock);
    SockUnlock(sock);
}

/* The answer is on its way in full: the next request, which may be here already, or the end. */
void
NsSockFlushed(NsSock *sock)
{
    if (sock->keepAlive && sock->info.driver->keepWait > 0 && !NsDriversQuiet()) {
        WaitForRequest(sock);
    } else {
        Linger(sock);
    }
}

static void
WaitForRequest(NsSock *sock)
{
    SetState(sock, SOCK_IDLE);
    NsSockSetTimer(sock, sock->info.driver->keepWait);
    if (sock->rest != NULL) {
        char  *rest = sock->rest;
        size_t len = sock->restLen;
        bool   more;

        sock->rest = NULL;
        sock->restLen = 0;
        more = Feed(sock, rest, len);
        ns_free(rest);
        if (!more) {
            return;
        }
    }
    /* TLS may have more bytes in store though the socket shows none. */
    if (sock->io.transport->pending != NULL && sock->io.transport->pending(&sock->io)) {
        NsSockRead(sock);
    } else {
        sock->io.waitRecv = NS_SOCK_READ;
        WaitForMore(sock);
    }
}

/* ---- what wakes it ---- */

static void
OnEvent(NsLoop *loop, NsWatch *watch, unsigned events)
{
    NsSock *sock = SOCK_OF(watch, watch);

    (void)loop;
    (void)events;
    NS_CHECK(sock, SOCK_MAGIC);
    switch (sock->state) {
    case SOCK_HANDSHAKE:
        if (!sock->waitsForHandshake) {
            NsSockHandshake(sock);
        }
        break;
    case SOCK_READ:
    case SOCK_IDLE:
        if (!NsOutEmpty(&sock->out)) {
            size_t sent;

            if (NsOutSend(&sock->out, &sock->io, 0, NULL, 0, &sent) == NS_OUT_ERROR) {
                NsSockClose(sock);
                break;
            }
        }
        NsSockRead(sock);
        break;
    case SOCK_BUSY:
        NsSockFlushBusy(sock);
        break;
    case SOCK_FLUSH:
        NsSockFlush(sock);
        break;
    case SOCK_LINGER:
        Drain(sock);
        break;
    }
}

static void
OnTimer(NsLoop *loop, NsTimer *timer)
{
    NsSock *sock = SOCK_OF(timer, timer);

    (void)loop;
    NS_CHECK(sock, SOCK_MAGIC);
    switch (sock->state) {
    case SOCK_READ:
        DriverCount(&sock->thread->counters.timeouts, 1u);
        if (NsHttpParserStarted(sock->parser)) {
            DriverCount(&sock->thread->counters.partial, 1u);
            NsSockReject(sock, 408, "Request Timeout", false, 0);
            break;
        }
        NsSockClose(sock);
        break;
    case SOCK_BUSY:
        /* The client takes nothing of what was sent so far: the connection thread learns it at its next write. */
        SockLock(sock);
        if (!sock->gone && !NsOutEmpty(&sock->out)) {
            DriverCount(&sock->thread->counters.timeouts, 1u);
            sock->error = ETIMEDOUT;
            NsOutClear(&sock->out);
            NsSockCountMemory(sock);
            (void)shutdown(sock->io.sock, SHUT_RDWR);
        }
        SockUnlock(sock);
        break;
    case SOCK_HANDSHAKE:
    case SOCK_FLUSH:
        DriverCount(&sock->thread->counters.timeouts, 1u);
        NsSockClose(sock);
        break;
    case SOCK_IDLE:
    case SOCK_LINGER:
        NsSockClose(sock);
        break;
    }
}

/*
 * A message from the connection thread (see driversend.c), or from NsSockRead to itself.
 */
void
NsSockTaskRun(NsLoop *loop, NsTask *task)
{
    NsSock *sock = SOCK_OF(task, task);
    bool    returned, gone;

    (void)loop;
    NS_CHECK(sock, SOCK_MAGIC);
    SockLock(sock);
    sock->posted = false;
    gone = sock->gone;
    returned = sock->returned;
    sock->returned = false;
    SockUnlock(sock);

    if (gone && sock->prev == NULL) {
        NsSockFree(sock);                      /* NsSockClose did the rest */
    } else if (gone) {
        Forget(sock);                          /* detached */
    } else if (returned) {
        SetState(sock, SOCK_FLUSH);
        if (sock->error != 0) {
            NsSockClose(sock);
        } else {
            NsSockFlush(sock);
        }
    } else if (sock->state == SOCK_BUSY) {
        NsSockFlushBusy(sock);
    } else if (sock->state == SOCK_FLUSH) {
        NsSockFlush(sock);
    } else if (sock->state == SOCK_READ || sock->state == SOCK_IDLE) {
        NsSockRead(sock);
    }
}

void
NsSockQuiet(NsSock *sock)
{
    bool begun = sock->state == SOCK_READ && NsHttpParserStarted(sock->parser);

    /* Who has begun to send a request gets an answer, if only that there will be none. */
    if (sock->state == SOCK_IDLE || sock->state == SOCK_HANDSHAKE || (sock->state == SOCK_READ && !begun)) {
        NsSockClose(sock);
    } else if (begun && sock->thread->stopping) {
        NsSockReject(sock, 503, "Service Unavailable", true, 0);
    }
}

bool
NsSockCloseIdle(NsDriverThread *thread)
{
    NsSock *sock = thread->idleFirst;
    int     i;

    for (i = 0; i < IDLE_TRIES && sock != NULL; i++) {
        char byte;

        /* Not one whose next request has come, but was not read yet. */
        if (recv(sock->io.sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) {
            NsSockClose(sock);
            return true;
        }
        sock = sock->idleAfter;
    }
    return false;
}
