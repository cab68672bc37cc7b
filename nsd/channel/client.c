/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Client channels: they exist, and have a worker, before they are connected.
 *
 * While it connects, a channel has no socket but a transport that refuses bytes for the moment, so that what is written
 * waits in the send queue as it does for a slow peer.  On failure the same transport gives the error for ever.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "channel/client.h"
#include "channel/int.h"
#include "net/connector.h"
#include "net/tls.h"

struct ChanConnect {
    NsConnector   *connector;                  /* worker; NULL: not begun */
    char          *host, *hostname;
    unsigned short port;
    Ns_TlsCtx     *tls;
    Ns_TlsClientParams *tlsParams;             /* a worker's: the context is still to be made */
    int64_t        deadline;
};

static void
PeerOf(NS_SOCKET fd, NsAddr *peer)
{
    socklen_t len = sizeof(*peer);

    memset(peer, 0, sizeof(*peer));
    (void)getpeername(fd, &peer->sa, &len);
}

/* Status of a channel names the driver module that serves such a protocol, as NaviServer does. */
const char *
NsChanDriverNameFor(bool tls)
{
    const NsDriver *driver = NsDriverFind(tls ? "https" : "http", NULL);

    return driver != NULL ? driver->module : tls ? "tls" : "tcp";
}

/* ---- while there is no socket ---- */

/* `arg` is the errno of the failure, or 0: not yet. */
static ssize_t
NotConnectedRecv(Ns_Wire *sock, void *buffer, size_t size)
{
    (void)buffer;
    (void)size;
    errno = sock->arg != NULL ? (int)(intptr_t)sock->arg : EAGAIN;
    return -1;
}

static ssize_t
NotConnectedSend(Ns_Wire *sock, const struct iovec *iov, int iovcnt)
{
    (void)iov;
    (void)iovcnt;
    errno = sock->arg != NULL ? (int)(intptr_t)sock->arg : EAGAIN;
    return -1;
}

static const Ns_Transport notConnected = {.name = "connecting", .recv = NotConnectedRecv, .send = NotConnectedSend};

static void
FreeConnect(struct ChanConnect *connect)
{
    if (connect != NULL) {
        Ns_TlsCtxRelease(connect->tls);
        NsTlsClientParamsFree(connect->tlsParams);
        ns_free(connect->host);
        ns_free(connect->hostname);
        ns_free(connect);
    }
}

static void
Describe(const char *host, unsigned short port, NsConnectPhase phase, int code, const char *text, Tcl_DString *error)
{
    char number[16];

    if (phase == NS_CONNECT_TLS) {
        Tcl_DStringAppend(error, text, -1);
        return;
    }
    if (phase == NS_CONNECT_CONNECT) {
        text = code == ETIMEDOUT ? "timeout" : Tcl_ErrnoMsg(code);
    }
    snprintf(number, sizeof(number), "%hu", port);
    Tcl_DStringAppend(error, "can't connect to ", -1);
    Tcl_DStringAppend(error, host, -1);
    Tcl_DStringAppend(error, " port ", -1);
    Tcl_DStringAppend(error, number, -1);
    Tcl_DStringAppend(error, ": ", -1);
    Tcl_DStringAppend(error, text, -1);
}

/* ---- on the worker ---- */

static void
ConnectDone(const NsConnectorResult *result, void *arg)
{
    NsChan             *chan = arg;
    struct ChanConnect *connect = chan->locked.connecting;
    Tcl_DString         error;

    NS_CHECK(chan, CHAN_MAGIC);
    Tcl_DStringInit(&error);
    if (result->code == 0) {
        NsChanSetKeepAlive(result->io.sock);
    } else {
        Describe(connect->host, connect->port, result->phase, result->code, result->error, &error);
    }
    ChanLock(chan);
    chan->locked.connecting = NULL;
    if (result->code == 0) {
        chan->locked.io = result->io;
        PeerOf(chan->locked.io.sock, &chan->peer);
        chan->locked.sendBlocked = false;
        chan->locked.lastProgress = NsLoopClock();
    } else {
        chan->locked.io.arg = (void *)(intptr_t)result->code;
        chan->locked.recvErrno = chan->locked.sendErrno = result->code;
        chan->locked.connectError = ns_strdup(Tcl_DStringValue(&error));
        chan->locked.broken = true;
        NsOutClear(&chan->locked.out);
    }
    ChanUnlock(chan);
    if (NsChanDebug(chan, -1) > 0) {
        Ns_Log(Notice, "%s: %s", chan->name, result->code == 0 ? "connected" : Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
    FreeConnect(connect);
    NsChanConnectEnded(chan);
}

void
NsChanConnectBegin(NsChan *chan)
{
    struct ChanConnect *connect = chan->locked.connecting;

    if (connect->connector == NULL) {
        NsConnectorParams params = {.host = connect->host, .port = connect->port, .tls = connect->tls,
                                    .tlsParams = connect->tlsParams, .hostname = connect->hostname, .deadline = connect->deadline};

        connect->connector = NsConnectorStart(NsWorkerLoop(chan->worker), &params, ConnectDone, chan);
    }
}

void
NsChanConnectDrop(NsChan *chan)
{
    struct ChanConnect *connect;

    ChanLock(chan);
    connect = chan->locked.connecting;
    chan->locked.connecting = NULL;
    ChanUnlock(chan);
    if (connect != NULL && connect->connector != NULL) {
        NsConnectorCancel(connect->connector);
    }
    FreeConnect(connect);
}

/* ---- from outside ---- */

const char *
NsChanConnectError(NsChan *chan)
{
    const char *error;

    ChanLock(chan);
    error = chan->locked.connectError;         /* set once, freed with the channel */
    ChanUnlock(chan);
    return error;
}

static int64_t
Deadline(const Ns_ConnChanConnectParams *params)
{
    return NsLoopClock() + Ns_TimeToMilliseconds(&params->timeout);
}

static const char *
TlsName(const Ns_ConnChanConnectParams *params)
{
    return params->hostname != NULL ? params->hostname : params->host;
}

NsChan *
Ns_ConnChanConnectStart(NsServer *server, const Ns_ConnChanConnectParams *params, Tcl_DString *error)
{
    struct ChanConnect *connect;
    Ns_TlsCtx          *tls = NULL;
    NsChan             *chan;

    if (NsWorkersStopping()) {
        Tcl_DStringAppend(error, "the server is shutting down", -1);
        return NULL;
    }
    if (params->tls && NsWorkerCurrent() != NULL) {
        if (!NsTlsClientCheck(&params->tlsParams, error)) {
            return NULL;
        }
    } else if (params->tls) {
        tls = Ns_TlsCtxClientCreate(&params->tlsParams, error);
        if (tls == NULL) {
            return NULL;
        }
    }
    connect = ns_calloc(1u, sizeof(struct ChanConnect));
    connect->host = ns_strdup(params->host);
    connect->hostname = ns_strdup(TlsName(params));
    connect->port = params->port;
    connect->tls = tls;
    if (params->tls && tls == NULL) {
        connect->tlsParams = NsTlsClientParamsCopy(&params->tlsParams);
    }
    connect->deadline = Deadline(params);
    chan = NsChanPending(server, NsChanDriverNameFor(params->tls), &notConnected, connect, Ns_TimeToMilliseconds(&params->timeout));
    ChanLock(chan);
    NsChanNotify(chan);                        /* the worker begins */
    ChanUnlock(chan);
    return chan;
}

NsChan *
Ns_ConnChanConnect(NsServer *server, const Ns_ConnChanConnectParams *params, Tcl_DString *error)
{
    NsConnectorParams how = {.host = params->host, .port = params->port, .hostname = TlsName(params), .deadline = Deadline(params)};
    NsChan           *chan = NULL;
    NsConnectPhase    phase;
    Tcl_DString       reason;
    Ns_Wire           io;
    NsAddr            peer;

    if (NsWorkerCurrent() != NULL) {
        return Ns_ConnChanConnectStart(server, params, error);
    }
    if (params->tls) {
        how.tls = Ns_TlsCtxClientCreate(&params->tlsParams, error);
        if (how.tls == NULL) {
            return NULL;
        }
    }
    Tcl_DStringInit(&reason);
    if (NsConnectorWait(&how, &io, &phase, &reason)) {
        PeerOf(io.sock, &peer);
        chan = NsChanFromSock(server, &io, &peer, NsChanDriverNameFor(params->tls), Ns_TimeToMilliseconds(&params->timeout));
    } else {
        Describe(params->host, params->port, phase, errno, Tcl_DStringValue(&reason), error);
    }
    Tcl_DStringFree(&reason);
    Ns_TlsCtxRelease(how.tls);
    return chan;
}
