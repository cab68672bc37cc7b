/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Listening channels: what they accept becomes a channel, with TLS when the handshake is done.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "channel/client.h"
#include "channel/int.h"
#include "net/connector.h"
#include "net/resolver.h"
#include "net/sock.h"
#include "net/tls.h"

#define MAX_HANDSHAKES 1000                    /* of a listener, under way at once */

/* A listening socket is read by accepting: as bytes it has nothing, and takes none. */
static ssize_t
ListenRecv(Ns_Wire *sock, void *buffer, size_t size)
{
    (void)sock;
    (void)buffer;
    (void)size;
    errno = EAGAIN;
    return -1;
}

static ssize_t
ListenSend(Ns_Wire *sock, const struct iovec *iov, int iovcnt)
{
    (void)sock;
    (void)iov;
    (void)iovcnt;
    errno = ENOTCONN;
    return -1;
}

static const Ns_Transport listenTransport = {.name = "listen", .recv = ListenRecv, .send = ListenSend};

/* A connection accepted by a TLS listener whose handshake is under way. */
typedef struct Shaking {
    struct Shaking  *next, *before;            /* worker: the listener's */
    struct Listener *listener;
    NsConnector     *connector;
    NsAddr           peer;
} Shaking;

typedef struct Listener {
    Ns_ConnChanAcceptProc *accept;
    void             *arg;
    void            (*freeProc)(void *arg);
    const char       *driverName;
    NsServer         *server;
    char              name[24];
    Ns_TlsCtx        *tls;                     /* NULL: plain */
    int64_t           handshakeTimeout;        /* ms */
    Shaking          *shaking, *lastShaking;   /* worker ...: the last that came first */
    int               shakingCount;
    bool              limitTold;               /* logged; again when half of them are gone */
    NsShakes         *shakes;                  /* their turns; NULL: there was none yet */
} Listener;

static void
EndShaking(Shaking *shaking)
{
    Listener *listener = shaking->listener;

    *(shaking->before != NULL ? &shaking->before->next : &listener->shaking) = shaking->next;
    *(shaking->next != NULL ? &shaking->next->before : &listener->lastShaking) = shaking->before;
    listener->shakingCount--;
    ns_free(shaking);
}

/* On the worker, unless nobody was accepted yet. */
static void
FreeListener(void *arg)
{
    Listener *listener = arg;

    while (listener->shaking != NULL) {
        NsConnectorCancel(listener->shaking->connector);
        EndShaking(listener->shaking);
    }
    if (listener->freeProc != NULL) {
        listener->freeProc(listener->arg);
    }
    NsShakesFree(listener->shakes);
    Ns_TlsCtxRelease(listener->tls);
    ns_free(listener);
}

/* ---- TLS ---- */

static void
HandshakeDone(const NsConnectorResult *result, void *arg)
{
    Shaking  *shaking = arg;
    Listener *listener = shaking->listener;
    NsAddr    peer = shaking->peer;

    EndShaking(shaking);
    listener->limitTold = listener->limitTold && listener->shakingCount > MAX_HANDSHAKES / 2;
    if (result->code == 0) {
        NsWorkerCallbackBegin(NsWorkerCurrent(), listener->name, "(accept)");
        listener->accept(NsChanFromSock(listener->server, &result->io, &peer, listener->driverName, 0), listener->arg);
        NsWorkerCallbackEnd(NsWorkerCurrent());
    } else {
        char text[64] = "";

        atomic_fetch_add_explicit(&nsChanCounters.handshakesFailed, 1u, memory_order_relaxed);
        (void)ns_inet_ntop(&peer.sa, text, sizeof(text));
        Ns_Log(Debug, "%s: handshake with %s: %s", listener->name, text, result->error);
    }
}

/* The oldest makes room for the new one: most of those that take so long will not come to an end. */
static void
MakeRoom(const NsChan *chan, Listener *listener)
{
    atomic_fetch_add_explicit(&nsChanCounters.handshakesRefused, 1u, memory_order_relaxed);
    if (!listener->limitTold) {
        listener->limitTold = true;
        Ns_Log(Warning, "%s: %d TLS handshakes are under way: the oldest ones are closed", chan->name, MAX_HANDSHAKES);
    }
    NsConnectorCancel(listener->lastShaking->connector);
    EndShaking(listener->lastShaking);
}

/* The socket is taken over. */
static void
StartHandshake(NsChan *chan, Listener *listener, Ns_Wire *io, const NsAddr *peer)
{
    NsLoop  *loop = NsWorkerLoop(chan->worker);
    Shaking *shaking;

    if (listener->shakingCount >= MAX_HANDSHAKES) {
        MakeRoom(chan, listener);
    }
    if (listener->shakes == NULL) {
        listener->shakes = NsShakesCreate(loop);
    }
    (void)Ns_TlsAttachServer(io, listener->tls);       /* it is a server's: Ns_ConnChanListenTls has looked */
    shaking = ns_calloc(1u, sizeof(Shaking));
    shaking->listener = listener;
    shaking->peer = *peer;
    shaking->next = listener->shaking;
    *(shaking->next != NULL ? &shaking->next->before : &listener->lastShaking) = shaking;
    listener->shaking = shaking;
    listener->shakingCount++;
    shaking->connector = NsConnectorHandshake(loop, io, NsLoopNow(loop) + listener->handshakeTimeout, listener->shakes, &shaking->peer.sa,
                                              HandshakeDone, shaking);
}

/* ---- accepting ---- */

static Ns_ConnChanVerdict
AcceptReady(NsChan *chan, void *arg, unsigned why)
{
    Listener *listener = arg;
    int       i;

    if (why != NS_SOCK_READ) {
        return NS_CONNCHAN_CLOSE;
    }
    /* Some per turn: others of the worker want their turn as well. */
    for (i = 0; i < 64; i++) {
        Ns_Wire   io = {.waitRecv = NS_SOCK_READ, .waitSend = NS_SOCK_WRITE, .transport = &Ns_TransportTcp};
        NsAddr    peer;
        socklen_t len = sizeof(peer);

        memset(&peer, 0, sizeof(peer));
        io.sock = accept4(chan->locked.io.sock, &peer.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (io.sock < 0) {
            if (NsSockOutOfDescriptors(errno)) {
                NsSockRefuse(chan->locked.io.sock, chan->name);
            } else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
                Ns_Log(Error, "%s: accept failed: %s", chan->name, strerror(errno));
            }
            break;
        }
        if (listener->tls != NULL) {
            StartHandshake(chan, listener, &io, &peer);
            continue;
        }
        listener->accept(NsChanFromSock(chan->server, &io, &peer, listener->driverName, 0), listener->arg);
        if (!Ns_ConnChanIsOpen(chan)) {
            break;
        }
    }
    return NS_CONNCHAN_KEEP;
}

/* It begins to accept.  The listener is taken over. */
static void
Accept(NsChan *chan, Listener *listener)
{
    Ns_ConnChanCallback callback = {.proc = AcceptReady, .freeProc = FreeListener, .arg = listener,
                                    .when = NS_SOCK_READ | NS_SOCK_EXIT};

    if (!Ns_ConnChanSetCallback(chan, &callback)) {
        FreeListener(listener);                /* somebody has seen it in the list, and closed it */
    }
}

static NS_SOCKET
BindSock(const char *address, unsigned short port, bool bindNew)
{
    return bindNew ? NsSockListenNew(address, port, SOMAXCONN, false) : Ns_SockListenEx(address, port, SOMAXCONN, false);
}

/* The channel of a listening socket, which is taken over; it does not accept yet. */
static NsChan *
ListenOn(NS_SOCKET fd, Listener *listener)
{
    Ns_Wire   io = {.sock = fd, .waitRecv = NS_SOCK_READ, .waitSend = NS_SOCK_WRITE, .transport = &listenTransport};
    NsAddr    own;
    socklen_t len = sizeof(own);
    NsChan   *chan;

    (void)Ns_SockSetNonBlocking(fd);
    memset(&own, 0, sizeof(own));
    (void)getsockname(fd, &own.sa, &len);
    chan = NsChanFromSock(listener->server, &io, &own, listener->driverName, 0);
    snprintf(listener->name, sizeof(listener->name), "%s", chan->name);
    return chan;
}

static Listener *
ListenerNew(NsServer *server, const Ns_Time *handshakeTimeout, Ns_ConnChanAcceptProc *accept, void *arg, void (*freeProc)(void *arg))
{
    Listener *listener = ns_calloc(1u, sizeof(Listener));

    listener->accept = accept;
    listener->arg = arg;
    listener->freeProc = freeProc;
    listener->server = server;
    listener->driverName = NsChanDriverNameFor(handshakeTimeout != NULL);
    if (handshakeTimeout != NULL) {
        listener->handshakeTimeout = Ns_TimeToMilliseconds(handshakeTimeout);
    }
    return listener;
}

NsChan *
Ns_ConnChanListenTls(NsServer *server, const char *address, unsigned short port, bool bindNew, Ns_TlsCtx *tls,
                     const Ns_Time *handshakeTimeout, Ns_ConnChanAcceptProc *accept, void *arg, void (*freeProc)(void *arg))
{
    NS_SOCKET fd;
    Listener *listener;
    NsChan   *chan;

    if (tls != NULL && !tls->server) {
        errno = EINVAL;
        return NULL;
    }
    fd = BindSock(address, port, bindNew);
    if (fd == NS_INVALID_SOCKET) {
        return NULL;
    }
    listener = ListenerNew(server, tls != NULL ? handshakeTimeout : NULL, accept, arg, freeProc);
    listener->tls = tls != NULL ? NsTlsCtxRetain(tls) : NULL;
    chan = ListenOn(fd, listener);
    Accept(chan, listener);
    return chan;
}

NsChan *
Ns_ConnChanListen(NsServer *server, const char *address, unsigned short port, bool bindNew, Ns_ConnChanAcceptProc *accept,
                  void *arg, void (*freeProc)(void *arg))
{
    return Ns_ConnChanListenTls(server, address, port, bindNew, NULL, NULL, accept, arg, freeProc);
}

NS_SOCKET
NsChanListenSock(NsChan *listener, unsigned short *port)
{
    NsAddr    own;
    socklen_t len = sizeof(own);
    NS_SOCKET fd;

    memset(&own, 0, sizeof(own));
    ChanLock(listener);
    fd = listener->locked.io.sock;
    (void)getsockname(fd, &own.sa, &len);
    ChanUnlock(listener);
    *port = ntohs(own.sa.sa_family == AF_INET6 ? own.in6.sin6_port : own.in.sin_port);
    return fd;
}

/* ---- the context, when files are to be read for it by a thread that may wait ---- */

typedef struct Making {
    Ns_TlsServerParams params;                 /* copies: certificate, key, caFile, caPath, verifyClient */
    Ns_TlsCtx         *ctx;
    Tcl_DString        error;
    NsChan            *chan;                   /* retained */
    Listener          *listener;               /* ours until it accepts */
} Making;

static char *
Copy(const char *string)
{
    return string != NULL ? ns_strdup(string) : NULL;
}

static void
FreeMaking(void *data)
{
    Making *making = data;

    ns_free((char *)(uintptr_t)making->params.certificate);
    ns_free((char *)(uintptr_t)making->params.key);
    ns_free((char *)(uintptr_t)making->params.caFile);
    ns_free((char *)(uintptr_t)making->params.caPath);
    Ns_TlsCtxRelease(making->ctx);
    Tcl_DStringFree(&making->error);
    if (making->listener != NULL) {
        FreeListener(making->listener);        /* nobody was accepted: any thread */
    }
    Ns_ConnChanRelease(making->chan);
    ns_free(making);
}

static void
MakeContext(void *data)
{
    Making *making = data;

    making->ctx = Ns_TlsCtxServerCreate(&making->params, &making->error);
}

/* On the worker. */
static void
ContextMade(void *arg, const NsSockAddr *addrs, int count, int code)
{
    Making *making = arg;

    (void)addrs;
    if (making->ctx != NULL) {
        making->listener->tls = making->ctx;
        making->ctx = NULL;
        Accept(making->chan, making->listener);
        making->listener = NULL;
        return;
    }
    if (count >= 0) {
        Ns_Log(Error, "%s: %s: the listening channel is closed", making->listener->name, Tcl_DStringValue(&making->error));
    } else if (code != ECANCELED) {
        Ns_Log(Error, "%s: %s: the listening channel is closed", making->listener->name, strerror(code));
    }
    (void)Ns_ConnChanClose(making->chan);
}

/* NULL and errno: too many wait for such a thread already, or the process ends. */
static NsChan *
AcceptLater(NsChan *chan, Listener *listener, const Ns_TlsServerParams *params)
{
    Making *making = ns_calloc(1u, sizeof(Making));

    making->params = (Ns_TlsServerParams){.certificate = Copy(params->certificate), .key = Copy(params->key),
                                          .caFile = Copy(params->caFile), .caPath = Copy(params->caPath),
                                          .verifyClient = params->verifyClient};
    Tcl_DStringInit(&making->error);
    making->chan = Ns_ConnChanRetain(chan);
    making->listener = listener;
    if (NsLookupWork(NsWorkerLoop(chan->worker), MakeContext, FreeMaking, making, ContextMade, making) == NULL) {
        int code = errno;

        (void)Ns_ConnChanClose(chan);
        Ns_ConnChanRelease(chan);
        errno = code;
        chan = NULL;
    }
    return chan;
}

/* The two ways of NsChanListenFiles: of who may wait, and of a worker. */
static NsChan *
ListenNow(NsServer *server, const NsChanListenParams *how, Tcl_DString *error)
{
    Ns_TlsCtx *tls = Ns_TlsCtxServerCreate(&how->tls, error);
    NsChan    *chan = NULL;

    if (tls != NULL) {
        chan = Ns_ConnChanListenTls(server, how->address, how->port, how->bindNew, tls, &how->handshakeTimeout, how->accept, how->arg,
                                    how->freeProc);
        Ns_TlsCtxRelease(tls);
    }
    if (chan == NULL) {
        how->freeProc(how->arg);
    }
    return chan;
}

static NsChan *
ListenLater(NsServer *server, const NsChanListenParams *how, Tcl_DString *error)
{
    NS_SOCKET fd = NS_INVALID_SOCKET;
    Listener *listener;

    if (NsTlsServerCheck(&how->tls, error)) {
        fd = BindSock(how->address, how->port, how->bindNew);
    }
    if (fd == NS_INVALID_SOCKET) {
        how->freeProc(how->arg);
        return NULL;
    }
    listener = ListenerNew(server, &how->handshakeTimeout, how->accept, how->arg, how->freeProc);
    return AcceptLater(ListenOn(fd, listener), listener, &how->tls);
}

NsChan *
NsChanListenFiles(NsServer *server, const NsChanListenParams *how, Tcl_DString *error)
{
    return NsWorkerCurrent() != NULL ? ListenLater(server, how, error) : ListenNow(server, how, error);
}
