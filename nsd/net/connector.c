/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Making a connection on an event loop.
 *
 * Each step ends in waiting for something (a look-up, the socket, the timer) or in Finish(), which tells the owner and frees the
 * connector: nothing of it may be touched behind a call that may come to Finish().
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "net/connector.h"
#include "net/tls.h"
#include "net/resolver.h"
#include "net/sock.h"

#define BACKLOG_RETRY 10                       /* ms until a full Unix-domain listener is tried again */

struct NsConnector {
    uint32_t        magic;
    NsConnectPhase  phase;
    bool            begun, cancelled;
    bool            lastChance;                /* the deadline has passed, but an event was under way */
    NsLoop         *loop;
    NsTask          begin;
    NsWatch         watch;
    NsTimer         timer;
    char           *host, *hostname;
    unsigned short  port;
    Ns_TlsCtx      *tls;                       /* retained */
    Ns_TlsClientParams *tlsParams;             /* what it is to be made of; NULL: it is there, or not wanted */
    int64_t         deadline, attemptDue;
    NsLookup       *lookup;
    struct Making  *making;                    /* while `lookup` makes the context: the look-up's */
    NsSockAddr     *addrs;
    int             addrCount, addrNext;       /* addrs[addrNext - 1] is being tried */
    int             firstError;                /* of the addresses tried so far */
    Ns_Wire         io;
    NsShakes       *shakes;                    /* NULL: a client's, which need no turn */
    NsShake         shake;
    NsSockAddr      peer;
    NsConnectorProc *done;
    void           *arg;
};
#define CONNECTOR_MAGIC NS_MAGIC('C', 'n', 'c', 't')

static void TryNext(NsConnector *connector);
static void Expire(NsLoop *loop, NsTimer *timer);

/* ---- the end ---- */

static void
CloseSocket(NsConnector *connector)
{
    NsLoopUnwatch(connector->loop, &connector->watch);
    if (connector->io.transport != NULL && connector->io.transport->release != NULL) {
        connector->io.transport->release(&connector->io);
    }
    if (connector->io.sock != NS_INVALID_SOCKET) {
        (void)close(connector->io.sock);
    }
    connector->io = (Ns_Wire){.sock = NS_INVALID_SOCKET};
}

static void
Free(NsConnector *connector)
{
    NsLoopTimerCancel(connector->loop, &connector->timer);
    if (connector->shakes != NULL) {
        NsShakesLeave(connector->shakes, &connector->shake);
    }
    if (connector->lookup != NULL) {
        NsLookupCancel(connector->lookup);
    }
    CloseSocket(connector);
    Ns_TlsCtxRelease(connector->tls);
    NsTlsClientParamsFree(connector->tlsParams);
    ns_free(connector->addrs);
    ns_free(connector->host);
    ns_free(connector->hostname);
    connector->magic = NS_SPOILED;
    ns_free(connector);
}

/* Tell the owner.  With code 0 the socket is his from now on. */
static void
Finish(NsConnector *connector, int code, const char *error)
{
    NsConnectorResult result = {.phase = connector->phase, .code = code, .error = error, .io.sock = NS_INVALID_SOCKET};
    NsConnectorProc  *done = connector->done;
    void             *arg = connector->arg;

    if (code == 0) {
        NsLoopUnwatch(connector->loop, &connector->watch);
        result.io = connector->io;
        connector->io = (Ns_Wire){.sock = NS_INVALID_SOCKET};
    }
    Free(connector);
    done(&result, arg);
}

static void
FinishErrno(NsConnector *connector, int code)
{
    Finish(connector, code, strerror(code));
}

static void
TimeOut(NsConnector *connector)
{
    static const char *const words[] = {
        [NS_CONNECT_LOOKUP] = "timeout during name look-up",
        [NS_CONNECT_CONNECT] = "timeout while connecting",
        [NS_CONNECT_TLS] = "timeout during TLS handshake",
    };

    Finish(connector, ETIMEDOUT, words[connector->phase]);
}

/* ---- waiting ---- */

static void
SetTimer(NsConnector *connector, int64_t due)
{
    NsLoopTimerSet(connector->loop, &connector->timer, due < connector->deadline ? due : connector->deadline, Expire);
}

/* False: Finish() was called. */
static bool
WaitFor(NsConnector *connector, unsigned interest, NsWatchProc *proc)
{
    Ns_ReturnCode status;

    if (connector->watch.added) {
        connector->watch.proc = proc;
        status = NsLoopSetInterest(connector->loop, &connector->watch, interest);
    } else {
        status = NsLoopWatch(connector->loop, &connector->watch, connector->io.sock, interest, proc);
    }
    if (status != NS_OK) {
        FinishErrno(connector, errno);
    }
    return status == NS_OK;
}

/* ---- TLS ---- */

static void ShakeReady(NsLoop *loop, NsWatch *watch, unsigned events);

static void
Shake(NsConnector *connector)
{
    unsigned      waitFor = NS_SOCK_READ;
    Tcl_DString   error;
    Ns_ReturnCode status;
    int           code;

    Tcl_DStringInit(&error);
    errno = 0;
    status = connector->io.transport->handshake(&connector->io, &waitFor, &error);
    code = errno != 0 ? errno : EPROTO;
    connector->shake.begun = true;
    if (status == NS_OK) {
        Finish(connector, 0, NULL);
    } else if (status == NS_CONTINUE) {
        (void)WaitFor(connector, (connector->shakes != NULL ? NS_EV_ONESHOT : 0u) | (waitFor == NS_SOCK_WRITE ? NS_EV_WRITE : NS_EV_READ),
                      ShakeReady);
    } else {
        Finish(connector, code, Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
}

static bool
ShakeInTurn(NsShake *shake)
{
    NsConnector *connector = (NsConnector *)((char *)shake - offsetof(NsConnector, shake));

    NS_CHECK(connector, CONNECTOR_MAGIC);
    Shake(connector);
    return true;
}

/* While it waits for its turn, its peer may give up. */
static void
ShakeReady(NsLoop *loop, NsWatch *watch, unsigned events)
{
    NsConnector *connector = (NsConnector *)((char *)watch - offsetof(NsConnector, watch));
    NsShakes    *shakes = connector->shakes;

    (void)loop;
    NS_CHECK(connector, CONNECTOR_MAGIC);
    if (shakes == NULL) {
        Shake(connector);
    } else if (connector->shake.waits) {
        if ((events & (NS_EV_RDHUP | NS_EV_HANGUP | NS_EV_ERROR)) != 0) {
            Finish(connector, ECONNRESET, "connection closed by the peer during the TLS handshake");
        }
    } else if (NsShakesMay(shakes, &connector->shake, &connector->peer.u.sa, ShakeInTurn)) {
        Shake(connector);
    } else {
        (void)WaitFor(connector, NS_EV_RDHUP | NS_EV_ONESHOT, ShakeReady);
    }
}

static void
Connected(NsConnector *connector)
{
    Tcl_DString error;

    if (connector->tls == NULL) {
        Finish(connector, 0, NULL);
        return;
    }
    connector->phase = NS_CONNECT_TLS;
    SetTimer(connector, connector->deadline);
    Tcl_DStringInit(&error);
    if (Ns_TlsAttachClient(&connector->io, connector->tls, connector->hostname, &error) == NS_OK) {
        Shake(connector);
    } else {
        Finish(connector, EINVAL, Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
}

/* ---- connecting ---- */

static void
AddressFailed(NsConnector *connector, int code)
{
    if (connector->firstError == 0) {
        connector->firstError = code;
    }
    CloseSocket(connector);
    TryNext(connector);
}

static void
FinishConnect(NsConnector *connector)
{
    int       code = 0;
    socklen_t len = sizeof(code);

    if (getsockopt(connector->io.sock, SOL_SOCKET, SO_ERROR, &code, &len) != 0) {
        code = errno;
    }
    if (code != 0) {
        AddressFailed(connector, code);
    } else {
        Connected(connector);
    }
}

static void
ConnectReady(NsLoop *loop, NsWatch *watch, unsigned events)
{
    NsConnector *connector = (NsConnector *)((char *)watch - offsetof(NsConnector, watch));

    (void)loop;
    (void)events;
    NS_CHECK(connector, CONNECTOR_MAGIC);
    FinishConnect(connector);
}

/* Each address gets its share of the time, so that one that does not answer leaves some for the others. */
static int64_t
ShareOf(const NsConnector *connector)
{
    int64_t now = NsLoopClock(), left = connector->deadline - now;
    int     addrs = connector->addrCount - connector->addrNext + 1;

    return left > 0 && addrs > 1 ? now + left / addrs : connector->deadline;
}

static void
TryNext(NsConnector *connector)
{
    while (connector->addrNext < connector->addrCount) {
        const NsSockAddr *addr = &connector->addrs[connector->addrNext++];
        bool              pending = false;

        connector->io = (Ns_Wire){.waitRecv = NS_SOCK_READ, .waitSend = NS_SOCK_WRITE, .transport = &Ns_TransportTcp};
        connector->io.sock = NsSockConnectStart(addr, &pending);
        if (connector->io.sock != NS_INVALID_SOCKET) {
            if (!pending) {
                Connected(connector);
            } else if (WaitFor(connector, NS_EV_WRITE, ConnectReady)) {
                connector->attemptDue = ShareOf(connector);
                SetTimer(connector, connector->attemptDue);
            }
            return;
        }
        if (errno == EAGAIN && addr->u.sa.sa_family == AF_UNIX) {
            /* The listener's backlog is full, and there is nothing to watch for: later. */
            connector->addrNext--;
            connector->attemptDue = NsLoopClock() + BACKLOG_RETRY;
            SetTimer(connector, connector->attemptDue);
            return;
        }
        if (connector->firstError == 0) {
            connector->firstError = errno;
        }
    }
    if (connector->firstError == ETIMEDOUT) {
        TimeOut(connector);
    } else {
        FinishErrno(connector, connector->firstError);
    }
}

/* ---- the name ---- */

static void
Resolved(NsConnector *connector, const NsSockAddr *addrs, int count, int code)
{
    if (count < 0) {
        Finish(connector, code, code == EHOSTUNREACH ? "unknown host"
                               : code == ENONET ? "unknown host (no name server answers)"
                               : code == ECANCELED ? "the server is shutting down" : strerror(code));
        return;
    }
    connector->phase = NS_CONNECT_CONNECT;
    connector->addrs = ns_malloc((size_t)count * sizeof(NsSockAddr));
    memcpy(connector->addrs, addrs, (size_t)count * sizeof(NsSockAddr));
    connector->addrCount = count;
    TryNext(connector);
}

static void
LookupDone(void *arg, const NsSockAddr *addrs, int count, int code)
{
    NsConnector *connector = arg;

    NS_CHECK(connector, CONNECTOR_MAGIC);
    connector->lookup = NULL;
    Resolved(connector, addrs, count, code);
}

static void
LookUp(NsConnector *connector)
{
    if (!NsAddrNeedsLookup(connector->host)) {
        NsSockAddr addrs[NS_MAX_ADDRS];
        int        count = NsAddrResolve(connector->host, connector->port, false, addrs);

        Resolved(connector, addrs, count, count < 0 ? errno : 0);
        return;
    }
    connector->lookup = NsLookupStart(connector->loop, connector->host, connector->port, LookupDone, connector);
    if (connector->lookup == NULL) {
        int code = errno;

        Finish(connector, code, code == EAGAIN ? "too many name look-ups are waiting" : "the server is shutting down");
    }
}

/* ---- the context ---- */

typedef struct Making {
    Ns_TlsClientParams *params;
    Ns_TlsCtx          *ctx;
    Tcl_DString         error;
} Making;

/* On a thread that may wait. */
static void
MakeContext(void *data)
{
    Making *making = data;

    making->ctx = Ns_TlsCtxClientCreate(making->params, &making->error);
}

static void
FreeMaking(void *data)
{
    Making *making = data;

    NsTlsClientParamsFree(making->params);
    Ns_TlsCtxRelease(making->ctx);
    Tcl_DStringFree(&making->error);
    ns_free(making);
}

static void
ContextMade(void *arg, const NsSockAddr *addrs, int count, int code)
{
    NsConnector *connector = arg;
    Making      *making = connector->making;

    (void)addrs;
    NS_CHECK(connector, CONNECTOR_MAGIC);
    connector->lookup = NULL;
    connector->making = NULL;
    if (count < 0) {
        Finish(connector, code, code == ECANCELED ? "the server is shutting down" : strerror(code));
    } else if (making->ctx == NULL) {
        connector->phase = NS_CONNECT_TLS;
        Finish(connector, EINVAL, Tcl_DStringValue(&making->error));
    } else {
        connector->tls = making->ctx;
        making->ctx = NULL;
        LookUp(connector);
    }
}

static void
GetContext(NsConnector *connector)
{
    connector->tls = NsTlsClientKept(connector->tlsParams);
    if (connector->tls != NULL) {
        LookUp(connector);
        return;
    }
    connector->making = ns_calloc(1u, sizeof(Making));
    connector->making->params = connector->tlsParams;
    connector->tlsParams = NULL;
    Tcl_DStringInit(&connector->making->error);
    connector->lookup = NsLookupWork(connector->loop, MakeContext, FreeMaking, connector->making, ContextMade, connector);
    if (connector->lookup == NULL) {
        int code = errno;

        Finish(connector, code, code == EAGAIN ? "too many name look-ups are waiting" : "the server is shutting down");
    }
}

/* ---- the time ---- */

/* The loop may have been held up: is what we wait for there, and only not told yet? */
static bool
EventUnderWay(const NsConnector *connector)
{
    struct pollfd pfd = {.fd = connector->io.sock, .events = 0};

    pfd.events = (connector->watch.interest & NS_EV_WRITE) != 0 ? POLLOUT : POLLIN;
    return connector->watch.added && poll(&pfd, 1, 0) > 0;
}

static void
Expire(NsLoop *loop, NsTimer *timer)
{
    NsConnector *connector = (NsConnector *)((char *)timer - offsetof(NsConnector, timer));
    int64_t      now = NsLoopNow(loop);
    bool         over = now >= connector->deadline;

    NS_CHECK(connector, CONNECTOR_MAGIC);
    if ((!over || !connector->lastChance) && EventUnderWay(connector)) {
        NsWatchProc *ready = connector->watch.proc;

        connector->lastChance = over;
        SetTimer(connector, over ? now : connector->deadline);     /* before the call, which may free the connector */
        ready(loop, &connector->watch, 0u);
    } else if (over) {
        TimeOut(connector);
    } else if (connector->io.sock == NS_INVALID_SOCKET) {
        TryNext(connector);
    } else {
        AddressFailed(connector, ETIMEDOUT);
    }
}

/* ---- from outside ---- */

static void
Begin(NsLoop *loop, NsTask *task)
{
    NsConnector *connector = (NsConnector *)((char *)task - offsetof(NsConnector, begin));

    (void)loop;
    NS_CHECK(connector, CONNECTOR_MAGIC);
    connector->begun = true;
    if (connector->cancelled) {
        Free(connector);
        return;
    }
    SetTimer(connector, connector->deadline);
    if (connector->phase == NS_CONNECT_TLS && connector->shakes == NULL) {
        Shake(connector);
    } else if (connector->phase == NS_CONNECT_TLS) {
        (void)WaitFor(connector, NS_EV_READ | NS_EV_ONESHOT, ShakeReady);      /* the client has the first word */
    } else if (connector->tlsParams != NULL) {
        GetContext(connector);
    } else {
        LookUp(connector);
    }
}

static NsConnector *
ConnectorNew(NsLoop *loop, int64_t deadline, NsConnectorProc *done, void *arg)
{
    NsConnector *connector = ns_calloc(1u, sizeof(NsConnector));

    connector->magic = CONNECTOR_MAGIC;
    connector->loop = loop;
    connector->deadline = deadline;
    connector->done = done;
    connector->arg = arg;
    connector->io.sock = NS_INVALID_SOCKET;
    connector->begin.proc = Begin;
    NsLoopPost(loop, &connector->begin);
    return connector;
}

NsConnector *
NsConnectorStart(NsLoop *loop, const NsConnectorParams *params, NsConnectorProc *done, void *arg)
{
    NsConnector *connector = ConnectorNew(loop, params->deadline, done, arg);

    connector->host = ns_strdup(params->host);
    connector->port = params->port;
    if (params->tls != NULL) {
        connector->tls = NsTlsCtxRetain(params->tls);
    } else if (params->tlsParams != NULL) {
        connector->tlsParams = NsTlsClientParamsCopy(params->tlsParams);
    }
    if (params->tls != NULL || params->tlsParams != NULL) {
        connector->hostname = ns_strdup(params->hostname != NULL ? params->hostname : params->host);
    }
    return connector;
}

NsConnector *
NsConnectorHandshake(NsLoop *loop, const Ns_Wire *io, int64_t deadline, NsShakes *shakes, const struct sockaddr *peer,
                     NsConnectorProc *done, void *arg)
{
    NsConnector *connector = ConnectorNew(loop, deadline, done, arg);

    connector->phase = NS_CONNECT_TLS;
    connector->io = *io;
    connector->shakes = shakes;
    if (peer != NULL) {
        memcpy(&connector->peer.u, peer, peer->sa_family == AF_INET6 ? sizeof(connector->peer.u.in6) : sizeof(connector->peer.u.in));
    }
    return connector;
}

void
NsConnectorCancel(NsConnector *connector)
{
    NS_CHECK(connector, CONNECTOR_MAGIC);
    if (connector->begun) {
        Free(connector);
    } else {
        connector->cancelled = true;           /* the loop has its task still */
    }
}

/* ---- for those who may wait ---- */

typedef struct Wait {
    NsLoop         *loop;
    Ns_Wire        *io;
    NsConnectPhase *phase;
    Tcl_DString    *error;
    int             code;
} Wait;

static void
WaitDone(const NsConnectorResult *result, void *arg)
{
    Wait *wait = arg;

    wait->code = result->code;
    *wait->io = result->io;
    *wait->phase = result->phase;
    if (result->code != 0) {
        Tcl_DStringAppend(wait->error, result->error, -1);
    }
    NsLoopStop(wait->loop);
}

bool
NsConnectorWait(const NsConnectorParams *params, Ns_Wire *io, NsConnectPhase *phase, Tcl_DString *error)
{
    Wait wait = {NsLoopCreate("connect"), io, phase, error, 0};

    *phase = NS_CONNECT_LOOKUP;
    if (wait.loop == NULL) {
        wait.code = errno;
        Tcl_DStringAppend(error, strerror(errno), -1);
    } else {
        (void)NsConnectorStart(wait.loop, params, WaitDone, &wait);
        NsLoopRun(wait.loop);
        NsLoopDestroy(wait.loop);
    }
    errno = wait.code;
    return wait.code == 0;
}
