/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Listening channels: what they accept becomes a channel, with TLS when the handshake is done.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "chanclient.h"
#include "chanint.h"
#include "net/connector.h"
#include "net/sock.h"
#include "net/tls.h"

#define MAX_HANDSHAKES 1000                    /* of a listener, under way at once */

/* A listening socket is read by accepting: as bytes it has nothing, and takes none. */
static ssize_t
ListenRecv(Ns_Sock *sock, void *buffer, size_t size)
{
    (void)sock;
    (void)buffer;
    (void)size;
    errno = EAGAIN;
    return -1;
}

static ssize_t
ListenSend(Ns_Sock *sock, const struct iovec *iov, int iovcnt)
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
    struct Shaking  *next, **prev;             /* worker: the listener's */
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
    Shaking          *shaking;                 /* worker ... */
    int               shakingCount;
    bool              limitTold;               /* logged; again when half of them are gone */
} Listener;

static void
EndShaking(Shaking *shaking)
{
    *shaking->prev = shaking->next;
    if (shaking->next != NULL) {
        shaking->next->prev = shaking->prev;
    }
    shaking->listener->shakingCount--;
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
        listener->accept(NsChanFromSock(listener->server, &result->io, &peer, listener->driverName), listener->arg);
        NsWorkerCallbackEnd(NsWorkerCurrent());
    } else {
        char text[64] = "";

        atomic_fetch_add_explicit(&nsChanCounters.handshakesFailed, 1u, memory_order_relaxed);
        (void)ns_inet_ntop(&peer.sa, text, sizeof(text));
        Ns_Log(Debug, "%s: handshake with %s: %s", listener->name, text, result->error);
    }
}

/* The socket is taken over. */
static void
StartHandshake(NsChan *chan, Listener *listener, Ns_Sock *io, const NsAddr *peer)
{
    NsLoop  *loop = NsWorkerLoop(chan->worker);
    Shaking *shaking;

    if (listener->shakingCount >= MAX_HANDSHAKES) {
        atomic_fetch_add_explicit(&nsChanCounters.handshakesRefused, 1u, memory_order_relaxed);
        if (!listener->limitTold) {
            listener->limitTold = true;
            Ns_Log(Warning, "%s: %d TLS handshakes are under way: further clients are refused", chan->name, MAX_HANDSHAKES);
        }
        (void)close(io->sock);
        return;
    }
    (void)Ns_TlsAttachServer(io, listener->tls);       /* it is a server's: Ns_ConnChanListenTls has looked */
    shaking = ns_calloc(1u, sizeof(Shaking));
    shaking->listener = listener;
    shaking->peer = *peer;
    shaking->next = listener->shaking;
    shaking->prev = &listener->shaking;
    if (shaking->next != NULL) {
        shaking->next->prev = &shaking->next;
    }
    listener->shaking = shaking;
    listener->shakingCount++;
    shaking->connector = NsConnectorHandshake(loop, io, NsLoopNow(loop) + listener->handshakeTimeout, HandshakeDone, shaking);
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
        Ns_Sock   io = {.waitRecv = NS_SOCK_READ, .waitSend = NS_SOCK_WRITE, .transport = &Ns_TransportTcp};
        NsAddr    peer;
        socklen_t len = sizeof(peer);

        memset(&peer, 0, sizeof(peer));
        io.sock = accept4(chan->io.sock, &peer.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (io.sock < 0) {
            if (NsSockOutOfDescriptors(errno)) {
                NsSockRefuse(chan->io.sock, chan->name);
            } else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
                Ns_Log(Error, "%s: accept failed: %s", chan->name, strerror(errno));
            }
            break;
        }
        if (listener->tls != NULL) {
            StartHandshake(chan, listener, &io, &peer);
            continue;
        }
        listener->accept(NsChanFromSock(chan->server, &io, &peer, listener->driverName), listener->arg);
        if (!Ns_ConnChanIsOpen(chan)) {
            break;
        }
    }
    return NS_CONNCHAN_KEEP;
}

/* The socket is taken over; so is the listener. */
static NsChan *
ListenOn(NsServer *server, NS_SOCKET fd, Listener *listener)
{
    Ns_Sock             io = {.sock = fd, .waitRecv = NS_SOCK_READ, .waitSend = NS_SOCK_WRITE, .transport = &listenTransport};
    Ns_ConnChanCallback callback = {.proc = AcceptReady, .freeProc = FreeListener, .arg = listener,
                                    .when = NS_SOCK_READ | NS_SOCK_EXIT};
    NsAddr              own;
    socklen_t           len = sizeof(own);
    NsChan             *chan;

    (void)Ns_SockSetNonBlocking(fd);
    memset(&own, 0, sizeof(own));
    (void)getsockname(fd, &own.sa, &len);
    chan = NsChanFromSock(server, &io, &own, listener->driverName);
    snprintf(listener->name, sizeof(listener->name), "%s", chan->name);
    if (!Ns_ConnChanSetCallback(chan, &callback)) {
        FreeListener(listener);                /* somebody has seen it in the list, and closed it */
    }
    return chan;
}

NsChan *
Ns_ConnChanListenTls(NsServer *server, const char *address, unsigned short port, bool bindNew, Ns_TlsCtx *tls,
                     const Ns_Time *handshakeTimeout, Ns_ConnChanAcceptProc *accept, void *arg, void (*freeProc)(void *arg))
{
    NS_SOCKET fd;
    Listener *listener;

    if (tls != NULL && !tls->server) {
        errno = EINVAL;
        return NULL;
    }
    fd = bindNew ? NsSockListenNew(address, port, 128, false) : Ns_SockListenEx(address, port, 128, false);
    if (fd == NS_INVALID_SOCKET) {
        return NULL;
    }
    listener = ns_calloc(1u, sizeof(Listener));
    listener->accept = accept;
    listener->arg = arg;
    listener->freeProc = freeProc;
    listener->server = server;
    listener->driverName = NsChanDriverNameFor(tls != NULL);
    if (tls != NULL) {
        listener->tls = NsTlsCtxRetain(tls);
        listener->handshakeTimeout = Ns_TimeToMilliseconds(handshakeTimeout);
    }
    return ListenOn(server, fd, listener);
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
    fd = listener->io.sock;
    (void)getsockname(fd, &own.sa, &len);
    ChanUnlock(listener);
    *port = ntohs(own.sa.sa_family == AF_INET6 ? own.in6.sin6_port : own.in.sin_port);
    return fd;
}
