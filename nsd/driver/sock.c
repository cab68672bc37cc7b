/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A connection on its driver's loop: handshake, reading and parsing requests, handing them over, waiting for the next,
 * closing.  All of it runs on the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "driver/int.h"
#include "driver/module.h"
#include "driver/spool.h"
#include "net/tls.h"

#define INPUT_RETRY     5                      /* seconds until a client may try again */
#define READS_PER_EVENT 8                      /* then the other sockets have their turn */

static void OnEvent(NsLoop *loop, NsWatch *watch, unsigned events);
static void OnTimer(NsLoop *loop, NsTimer *timer);
static void WaitForRequest(NsSock *sock);
static void DispatchRaw(NsSock *sock, const char *data, size_t len);

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

static void
SetState(NsSock *sock, SockState state)
{
    atomic_ullong *from = Gauge(sock, sock->state), *to = Gauge(sock, state);

    if (state == SOCK_IDLE) {
        NsSockSetWorth(sock, WORTH_IDLE);
    } else if (sock->worth != WORTH_SERVED && state != SOCK_HANDSHAKE) {
        NsSockSetWorth(sock, WORTH_SERVED);    /* WaitForMore says what a request's beginning is worth */
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
    NsDriver            *driver = thread->driver;
    NsSock               *sock = ns_calloc(1u, sizeof(NsSock));
    socklen_t             len = sizeof(sock->info.local);

    sock->magic = SOCK_MAGIC;
    sock->thread = thread;
    sock->io = (Ns_Wire){.sock = fd, .waitRecv = NS_SOCK_READ, .waitSend = NS_SOCK_WRITE,
                         .transport = driver->init.transport, .driver = &driver->pub};
    sock->info.driver = driver;
    sock->info.peer = *peer;
    sock->info.local = listener->addr;
    sock->info.id = atomic_fetch_add_explicit(&lastId, 1u, memory_order_relaxed) + 1u;
    NsGetMonotonicTime(&sock->info.requestTime);
    if (listener->wildcard) {
        (void)getsockname(fd, &sock->info.local.sa, &len);
    }
    sock->task.proc = NsSockTaskRun;
    sock->watch.slot = -1;
    pthread_mutex_init(&sock->lock, NULL);

    sock->worth = WORTH_SERVED;
    NsSockSetWorth(sock, WORTH_SILENT);
    sock->state = SOCK_READ;
    DriverCount(&thread->counters.reading, 1u);
    DriverCount(&thread->counters.connections, 1u);
    NsWorthCount(1);
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

/* What a module's acceptProc has said beyond that there is a connection. */
static void
BeginAccepted(NsSock *sock, NS_DRIVER_ACCEPT_STATUS accepted)
{
    if (accepted == NS_DRIVER_ACCEPT_QUEUE) {
        DispatchRaw(sock, "", 0u);
    } else if (accepted == NS_DRIVER_ACCEPT_DATA) {
        NsSockRead(sock);
    }
}

void
NsSockAccepted(Listener *listener, int fd, const NsAddr *peer, NsModuleSock *byModule, NS_DRIVER_ACCEPT_STATUS accepted)
{
    NsSock   *sock = SockNew(listener, fd, peer);
    NsDriver *driver = sock->info.driver;

    sock->io.arg = byModule;
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
    } else if (accepted != NS_DRIVER_ACCEPT) {
        BeginAccepted(sock, accepted);
    }
}

static void
Shake(NsSock *sock)
{
    unsigned      waitFor = NS_SOCK_READ;
    Tcl_DString   error;
    Ns_ReturnCode status;

    Tcl_DStringInit(&error);
    status = sock->io.transport->handshake(&sock->io, &waitFor, &error);
    sock->shake.begun = true;
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

static bool
ShakeInTurn(NsShake *shake)
{
    NsSock *sock = SOCK_OF(shake, shake);

    NS_CHECK(sock, SOCK_MAGIC);
    Shake(sock);
    return true;
}

/* While it waits for its turn, its client may give up: what others wait for is not spent on it, and its descriptor is free again. */
static void
Handshake(NsSock *sock, unsigned events)
{
    if (sock->worth == WORTH_SILENT) {
        NsSockSetWorth(sock, WORTH_SHAKING);
    }
    if ((events & (NS_EV_HANGUP | NS_EV_ERROR)) != 0u || (sock->shake.waits && (events & NS_EV_RDHUP) != 0u)) {
        DriverCount(&sock->thread->counters.errors, 1u);
        NsSockClose(sock);
    } else if (sock->shake.waits) {
        ;                                      /* an event of before */
    } else if (NsShakesMay(sock->thread->shakes, &sock->shake, &sock->info.peer.sa, ShakeInTurn)) {
        Shake(sock);
    } else {
        DriverCount(&sock->thread->counters.shakeWaits, 1u);
        (void)NsLoopSetInterest(sock->thread->loop, &sock->watch, NS_EV_RDHUP | NS_EV_ONESHOT);
    }
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
    Ns_SetFree(sock->storage);
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
    if (sock->worth != WORTH_SERVED) {
        NsSockSetWorth(sock, WORTH_SERVED);
    }
    DriverUncount(&thread->counters.connections);
    NsWorthCount(-1);
    NsPerIpLeave(sock->info.driver->state->perIp, &sock->info.peer);
    NsLoopTimerCancel(thread->loop, &sock->timer);
    NsLoopUnwatch(thread->loop, &sock->watch);
    NsHttpParserFree(sock->parser);
    sock->parser = NULL;
    NsSockEndProgress(sock, false);
    Ns_MutexLock(&thread->listLock);
    if (thread->lookedAt == sock) {
        thread->lookedAt = sock->next;
    }
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

/*
 * A client of TLS tells an end from a cut by being told (RFC 8446, 6.1).  Not in the midst of an answer: that is a cut.  Without
 * waiting: one whose socket takes nothing more is not told.
 */
static void
SayGoodbye(NsSock *sock)
{
    bool between = sock->state == SOCK_READ || sock->state == SOCK_IDLE || sock->state == SOCK_FLUSH;

    if (between && sock->io.transport->handshake != NULL && sock->error == 0 && NsOutEmpty(&sock->out)) {
        (void)sock->io.transport->shutdown(&sock->io);
    }
}

void
NsSockClose(NsSock *sock)
{
    NS_CHECK(sock, SOCK_MAGIC);
    NS_ASSERT(sock->state != SOCK_BUSY);
    NsShakesLeave(sock->thread->shakes, &sock->shake);
    SayGoodbye(sock);
    NsLoopUnwatch(sock->thread->loop, &sock->watch);
    if (sock->io.transport->release != NULL) {
        sock->io.transport->release(&sock->io);
    }
    if (sock->io.sock != NS_INVALID_SOCKET) {
        close(sock->io.sock);
        sock->io.sock = NS_INVALID_SOCKET;
    }
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
    if (sock->io.transport != &Ns_TransportTcp && sock->info.driver->byModule == NULL) {
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

/* What the request says that it is for, NULL when it does not. */
static const char *
RequestHost(const NsHttpRequest *request, Tcl_DString *ds)
{
    if (request->request.host != NULL) {
        char port[16];

        /* The authority of an absolute URL wins over the Host header (RFC 9112, 3.2.2). */
        Tcl_DStringAppend(ds, request->request.host, -1);
        if (request->request.port != 0) {
            snprintf(port, sizeof(port), ":%u", (unsigned)request->request.port);
            Tcl_DStringAppend(ds, port, -1);
        }
        return Tcl_DStringValue(ds);
    }
    return Ns_SetIGet(request->headers, "host");
}

const NsServer *
NsSockServer(const NsSock *sock, const NsHttpRequest *request)
{
    Tcl_DString     ds;
    const NsServer *server;

    Tcl_DStringInit(&ds);
    server = NsDriverHostServer(sock->info.driver, request != NULL && request->headers != NULL ? RequestHost(request, &ds) : NULL);
    Tcl_DStringFree(&ds);
    return server;
}

static NsDeliverProc *deliver;                 /* set once, before the first request */

void
NsDriverDeliverTo(NsDeliverProc *proc)
{
    deliver = proc;
}

static NsLimitBodyProc *_Atomic limitBody;     /* NULL as long as nobody has limits */

void
NsDriverLimitBody(NsLimitBodyProc *proc)
{
    atomic_store(&limitBody, proc);
}

/* The head is complete: how large may the body be?  With `refused` it was too large. */
static void
LimitBody(NsSock *sock, bool refused)
{
    NsLimitBodyProc     *proc = atomic_load_explicit(&limitBody, memory_order_relaxed);
    const NsHttpRequest *request = NsHttpParserPeek(sock->parser);
    Tcl_DString          ds;
    size_t               most;

    if (proc == NULL) {
        return;
    }
    Tcl_DStringInit(&ds);
    most = proc(NsDriverHostServer(sock->info.driver, RequestHost(request, &ds)), request, refused);
    Tcl_DStringFree(&ds);
    if (most < sock->info.driver->limits.maxInput && !refused) {
        NsHttpParserSetMaxInput(sock->parser, most);
    }
}

/* It shook hands for a host that asks less of its clients than the one of the request does (RFC 9110, 15.5.20). */
static void
Misdirected(NsSock *sock, const NsHttpRequest *request, const char *host)
{
    char peer[INET6_ADDRSTRLEN] = "";

    DriverCount(&sock->thread->counters.errors, 1u);
    Ns_Log(Notice, "%s: request of %s for %.100s refused: the TLS handshake was for a host with other rules for client certificates",
           sock->info.driver->module, ns_inet_ntop(&sock->info.peer.sa, peer, sizeof(peer)), host != NULL ? host : "no host");
    SetState(sock, SOCK_READ);
    NsSockReject(sock, request, 421, "Misdirected Request", false, 0);
}

/* A complete request: after who answers took it, the Sock is not ours any more. */
static void
Dispatch(NsSock *sock)
{
    NsHttpRequest *request = NsHttpParserTake(sock->parser);
    int            retryAfter = 0;
    Ns_ReturnCode  status;
    const char    *host;
    Tcl_DString    ds;

    Tcl_DStringInit(&ds);
    host = RequestHost(request, &ds);
    DriverCount(&sock->thread->counters.received, 1u);
    SetState(sock, SOCK_BUSY);
    sock->inBody = false;
    NsInputOver(sock);
    NsSockEndProgress(sock, true);
    NsLoopTimerCancel(sock->thread->loop, &sock->timer);
    if (!NsOutEmpty(&sock->out)) {
        /* A "100 Continue" that was refused: the loop goes on with it, the answer will queue up behind. */
        NsSockSetTimer(sock, sock->info.driver->sendWait);
        (void)NsSockArm(sock, sock->io.waitSend);
    }
    if (sock->io.transport == &Ns_TransportTls && !NsTlsMayAsk(&sock->io, host)) {
        Misdirected(sock, request, host);
        NsHttpRequestFree(request);
        Tcl_DStringFree(&ds);
        return;
    }
    status = deliver(NsDriverHostServer(sock->info.driver, host), sock, request, &retryAfter);
    Tcl_DStringFree(&ds);
    if (status != NS_OK) {
        SetState(sock, SOCK_READ);
        if (status == NS_TIMEOUT) {
            DriverCount(&sock->thread->counters.overrun, 1u);
        }
        NsSockReject(sock, request, 503, "Service Unavailable", true, retryAfter);
        NsHttpRequestFree(request);
    }
}

/* Bytes that cannot be taken; of any stranger, and so the log has one line a second. */
static void
DropRaw(NsSock *sock, size_t len)
{
    NsDriverThread *thread = sock->thread;
    int64_t         now = NsLoopNow(thread->loop);
    char            peer[INET6_ADDRSTRLEN] = "";

    DriverCount(&thread->counters.inputLimits, 1u);
    if (thread->lastDrop == 0 || now - thread->lastDrop >= 1000) {
        thread->lastDrop = now;
        (void)ns_inet_ntop(&sock->info.peer.sa, peer, sizeof(peer));
        Ns_Log(Notice, "%s: %zu bytes from %s are past %s: closed", thread->driver->module, len, peer,
               len > thread->driver->limits.maxInput ? "maxinput" : "inputmemory");
    }
    NsSockClose(sock);
}

/* Bytes that are no HTTP, to who answers: what a module's driver does not parse. */
static void
DispatchRaw(NsSock *sock, const char *data, size_t len)
{
    NsDriver      *driver = sock->info.driver;
    NsHttpRequest *request;
    int            retryAfter = 0;
    Ns_ReturnCode  status;

    if (len > driver->limits.maxInput || NsInputMemoryFull()) {
        DropRaw(sock, len);
        return;
    }
    request = NsHttpRequestRaw(driver->byModule->method, data, len);
    DriverCount(&sock->thread->counters.received, 1u);
    SetState(sock, SOCK_BUSY);
    NsLoopTimerCancel(sock->thread->loop, &sock->timer);
    status = deliver(NsDriverHostServer(driver, NULL), sock, request, &retryAfter);
    if (status != NS_OK) {
        SetState(sock, SOCK_READ);
        if (status == NS_TIMEOUT) {
            DriverCount(&sock->thread->counters.overrun, 1u);
        }
        NsSockClose(sock);
        NsHttpRequestFree(request);
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
    if (status == 413 && sock->inBody) {
        LimitBody(sock, true);
    }
    /* A body that is too large is what a person may have sent, and who sets maxinput wants to know. */
    Ns_Log(status == 413 ? Warning : Debug, "%s: request from %s refused with %d: %s", sock->info.driver->module,
           ns_inet_ntop(&sock->info.peer.sa, peer, sizeof(peer)), status, reason);
    /* NaviServer has a page for what a form or a cookie may bring about, and a bare line for what programs do wrong. */
    phrase = NsHttpParserErrorPhrase(sock->parser);
    NsSockReject(sock, NULL, status, phrase, status == 431 || (status == 414 && strstr(phrase, "Header") == NULL), 0);
}

/* The disk is full, most likely. */
static void
NoRoom(NsSock *sock)
{
    DriverCount(&sock->thread->counters.inputSpoolErrors, 1u);
    NsSockReject(sock, NULL, 507, "Insufficient Storage", true, INPUT_RETRY);
}

/* The body comes, but so slowly that it is not worth its connection. */
static void
TooSlow(NsSock *sock)
{
    char peer[INET6_ADDRSTRLEN] = "";

    DriverCount(&sock->thread->counters.tooSlow, 1u);
    DriverCount(&sock->thread->counters.partial, 1u);
    Ns_Log(Notice, "%s: a request's body from %s came with less than recvminrate: refused with 408", sock->info.driver->module,
           ns_inet_ntop(&sock->info.peer.sa, peer, sizeof(peer)));
    NsSockReject(sock, NULL, 408, "Request Timeout", false, 0);
}

/* Unfinished requests have taken all the memory, or disk, that is for them: this one goes. */
static void
RefuseInput(NsSock *sock)
{
    DriverCount(&sock->thread->counters.inputLimits, 1u);
    NsSockReject(sock, NULL, 503, "Service Unavailable", true, INPUT_RETRY);
}

static bool
Full(InputWhere where)
{
    return where == INPUT_IN_FILE ? NsInputFilesFull() : NsInputMemoryFull();
}

static bool
Over(InputWhere where)
{
    return where == INPUT_IN_FILE ? NsInputFilesOver() : NsInputMemoryOver();
}

void
NsSockEndSlowest(NsLoop *loop, NsTask *task)
{
    NsDriverThread *thread = (NsDriverThread *)(void *)((char *)task - offsetof(NsDriverThread, inputTask));

    (void)loop;
    atomic_store(&thread->inputAsked, false);
    for (InputWhere where = INPUT_IN_MEMORY; where <= INPUT_IN_FILE; where++) {
        NsSock *sock = Full(where) ? NsInputSlowestOf(thread, where) : NULL;

        if (sock != NULL) {
            RefuseInput(sock);
        }
    }
}

/* If need be, the slowest of all threads goes.  False: it was this one. */
static bool
MakeRoomForInput(NsSock *sock, InputWhere where)
{
    NsDriverThread *thread;
    NsSock         *slowest;

    if (!Full(where)) {
        return true;
    }
    slowest = NsInputSlowest(sock->thread, where, &thread);
    if (slowest == NULL && thread != NULL && !Over(where)) {
        if (!atomic_exchange(&thread->inputAsked, true)) {
            NsLoopPost(thread->loop, &thread->inputTask);
        }
        return true;
    }
    slowest = slowest != NULL ? slowest : sock;
    RefuseInput(slowest);
    return slowest != sock;
}

/* ---- bodies in files ---- */

static bool
SpoolWrite(NsHttpSpool *spool, const char *data, size_t len)
{
    bool fine = NsSpoolWrite(spool, data, len);

    if (!fine) {
        Ns_Log(Error, "a request's body cannot be written to its temporary file: %s", strerror(errno));
    }
    return fine;
}

/* From now on the body goes to a file.  False: it cannot, and was refused. */
static bool
Spool(NsSock *sock)
{
    const char  *dir = sock->info.driver->uploadPath;
    NsHttpSpool *spool = NsSpoolCreate(dir, &sock->thread->counters.inputSpooledBytes);

    if (spool == NULL) {
        Ns_Log(Error, "%s: cannot keep a request's body in a file in %s: %s", sock->info.driver->module, dir, strerror(errno));
    } else {
        DriverCount(&sock->thread->counters.inputSpooled, 1u);
        NsHttpParserSpool(sock->parser, spool, SpoolWrite, NsSpoolFree);
    }
    if (spool == NULL || NsHttpParserError(sock->parser, NULL) != 0) {
        NoRoom(sock);
        return false;
    }
    return true;
}

/* Only a length that is announced is one to be compared with. */
static void
BeginProgress(NsSock *sock)
{
    const NsHttpRequest *request = NsHttpParserPeek(sock->parser);
    size_t               least = sock->info.driver->progressMinSize, due = NsHttpParserDue(sock->parser);

    if (least > 0u && !request->chunked && due >= least) {
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        sock->progress = NsProgressBegin(NsDriverHostServer(sock->info.driver, RequestHost(request, &ds)), request, due,
                                         NsLoopNow(sock->thread->loop));
        Tcl_DStringFree(&ds);
    }
}

/* The head is there: a body that is announced to be large never was in memory. */
static bool
BeginBody(NsSock *sock)
{
    size_t maxUpload = sock->info.driver->maxUpload;
    bool   large = maxUpload > 0u && NsHttpParserDue(sock->parser) > maxUpload;

    sock->inBody = true;
    LimitBody(sock, false);
    if (NsHttpParserError(sock->parser, NULL) != 0) {
        ParseError(sock);
        return false;
    }
    if (Full(large ? INPUT_IN_FILE : INPUT_IN_MEMORY)) {
        RefuseInput(sock);
        return false;
    }
    if (large && !Spool(sock)) {
        return false;
    }
    BeginProgress(sock);
    NsPeerRateStart(&sock->peerRate, NsLoopNow(sock->thread->loop));
    NsSockSetTimer(sock, sock->info.driver->recvWait);
    if (NsHttpParserPeek(sock->parser)->expectContinue) {
        Continue(sock);
    }
    return true;
}

/* Bytes have come, and the request is not finished. */
static bool
MindInput(NsSock *sock, size_t bytes)
{
    const NsHttpRequest *request = NsHttpParserPeek(sock->parser);
    size_t               maxUpload = sock->info.driver->maxUpload;
    unsigned             where;

    if (sock->inBody && request->spool == NULL && maxUpload > 0u && request->bodyLen > maxUpload && !Spool(sock)) {
        return false;
    }
    if (sock->progress != NULL) {
        NsProgressNote(sock->progress, NsProgressTotal(sock->progress) - NsHttpParserDue(sock->parser), NsLoopNow(sock->thread->loop));
    }
    where = (NsHttpParserMemory(sock->parser) > 0u ? INPUT_IN_MEMORY : 0u) | (sock->inBody && request->spool != NULL ? INPUT_IN_FILE : 0u);
    if (where == 0u) {
        NsInputOver(sock);
        return true;
    }
    NsInputNote(sock, bytes, where);
    return ((where & INPUT_IN_MEMORY) == 0u || MakeRoomForInput(sock, INPUT_IN_MEMORY))
           && ((where & INPUT_IN_FILE) == 0u || MakeRoomForInput(sock, INPUT_IN_FILE));
}

/* False: the Sock has left the reading state, and may be gone. */
static bool
Feed(NsSock *sock, const char *data, size_t len)
{
    if (__builtin_expect(sock->info.driver->noParse, 0)) {
        NsGetMonotonicTime(&sock->info.requestTime);
        DispatchRaw(sock, data, len);
        return false;
    }
    if (sock->state == SOCK_IDLE) {
        SetState(sock, SOCK_READ);
        NsSockSetTimer(sock, sock->info.driver->recvWait);
        NsGetMonotonicTime(&sock->info.requestTime);
    } else if (sock->inBody) {
        NsSockSetTimer(sock, sock->info.driver->recvWait);
        if (!NsPeerRateCount(&sock->peerRate, NsLoopNow(sock->thread->loop), len, sock->info.driver->recvWait,
                             sock->info.driver->recvMinRate)) {
            TooSlow(sock);
            return false;
        }
    }
    while (len > 0) {
        size_t       consumed = 0;
        NsHttpResult result = NsHttpParserFeed(sock->parser, data, len, &consumed);

        data += consumed;
        len -= consumed;
        switch (result) {
        case NS_HTTP_MORE:
            if (!MindInput(sock, consumed)) {
                return false;
            }
            break;
        case NS_HTTP_HEAD:
            if (!BeginBody(sock)) {
                return false;
            }
            break;
        case NS_HTTP_DONE:
            KeepRest(sock, data, len);
            Dispatch(sock);
            return false;
        case NS_HTTP_ERROR:
            if (NsHttpParserError(sock->parser, NULL) == 507) {
                NoRoom(sock);
            } else {
                ParseError(sock);
            }
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

    if (sock->state == SOCK_READ) {
        SockWorth worth = sock->inBody ? WORTH_SERVED : NsHttpParserStarted(sock->parser) ? WORTH_HEAD : WORTH_SILENT;

        if (worth != sock->worth) {
            NsSockSetWorth(sock, worth);
        }
    }

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

    for (i = 0; i < READS_PER_EVENT && (i == 0 || !NsLoopTurnOver(sock->thread->loop)); i++) {
        /* Chunks may be of one byte each: a full buffer is not always little work. */
        bool    much = sock->inBody && !NsLoopTurnOver(sock->thread->loop);
        size_t  size = much ? NS_LOOP_BUFFER : sock->info.driver->bufSize;
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

/* A datagram is whole: what is not a request by now never will be. */
static void
BeginDatagram(NsSock *sock, const char *data, size_t len)
{
    if (!sock->info.driver->noParse) {
        sock->parser = NsHttpParserCreate(&sock->info.driver->limits);
    }
    if (Feed(sock, data, len)) {
        DriverCount(&sock->thread->counters.partial, 1u);
        NsSockClose(sock);
    }
}

NsDatagram
NsSockDatagram(Listener *listener)
{
    NsDriverThread         *thread = listener->thread;
    NsDriver               *driver = thread->driver;
    char                   *buffer = NsLoopBuffer(thread->loop);
    NS_DRIVER_ACCEPT_STATUS accepted;
    NsAddr                  peer;
    NsModuleSock           *own = NsModuleAccept(driver, listener->fd, &peer, &accepted);
    Ns_Wire                 wire = {.sock = listener->fd, .transport = driver->init.transport, .arg = own, .driver = &driver->pub};
    ssize_t                 n;
    NsSock                 *sock;

    if (own == NULL) {
        DriverCount(&thread->counters.errors, errno != EAGAIN);
        return NS_DATAGRAM_NONE;
    }
    n = wire.transport->recv(&wire, buffer, NS_LOOP_BUFFER);
    NsModulePeer(own, &peer);
    if (n <= 0) {                              /* nothing, an error of an earlier answer, or nobody's words */
        NsDatagram result = n == 0 ? NS_DATAGRAM_TAKEN : NS_ERRNO_WOULDBLOCK(errno) ? NS_DATAGRAM_NONE : NS_DATAGRAM_FAILED;

        DriverCount(&thread->counters.errors, result != NS_DATAGRAM_NONE);
        wire.transport->release(&wire);
        return result;
    }
    if (!NsPerIpEnter(driver->state->perIp, &peer)) {
        DriverCount(&thread->counters.perIp, 1u);
        wire.transport->release(&wire);
        return NS_DATAGRAM_TAKEN;
    }
    sock = SockNew(listener, listener->fd, &peer);
    sock->io.arg = own;
    DriverCount(&thread->counters.accepted, 1u);
    BeginDatagram(sock, buffer, (size_t)n);
    return NS_DATAGRAM_TAKEN;
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
    NS_CHECK(sock, SOCK_MAGIC);
    switch (sock->state) {
    case SOCK_HANDSHAKE:
        Handshake(sock, events);
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

/* The log has a thread of its own: neither this one nor the lock's other users wait for it. */
static void
LogSlow(NsSock *sock)
{
    char peer[INET6_ADDRSTRLEN] = "";

    Ns_Log(Warning, "%s: %s takes nothing of its answer (sendwait): it is dropped", sock->info.driver->module,
           ns_inet_ntop(&sock->info.peer.sa, peer, sizeof(peer)));
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
            NsSockReject(sock, NULL, 408, "Request Timeout", false, 0);
            break;
        }
        NsSockClose(sock);
        break;
    case SOCK_BUSY:
        /* The client takes nothing of what was sent so far: the connection thread learns it at its next write. */
        SockLock(sock);
        if (!sock->gone && !NsOutEmpty(&sock->out)) {
            DriverCount(&sock->thread->counters.timeouts, 1u);
            LogSlow(sock);
            sock->error = ETIMEDOUT;
            NsOutClear(&sock->out);
            NsSockCountMemory(sock);
            if (!sock->info.driver->datagrams) {       /* their socket is that of all others */
                (void)shutdown(sock->io.sock, SHUT_RDWR);
            }
        }
        SockUnlock(sock);
        break;
    case SOCK_FLUSH:
        if (!NsOutEmpty(&sock->out)) {
            LogSlow(sock);
        }
        DriverCount(&sock->thread->counters.timeouts, 1u);
        NsSockClose(sock);
        break;
    case SOCK_HANDSHAKE:
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
 * A message from the connection thread (see driver/send.c), or from NsSockRead to itself.
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
        NsSockReject(sock, NULL, 503, "Service Unavailable", true, 0);
    }
}
