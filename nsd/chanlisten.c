/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Listening channels: what they accept becomes a channel.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "chanclient.h"
#include "chanint.h"
#include "net/sock.h"

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

typedef struct Listener {
    Ns_ConnChanAcceptProc *accept;
    void             *arg;
    void            (*freeProc)(void *arg);
    const char       *driverName;
} Listener;

static void
FreeListener(void *arg)
{
    Listener *listener = arg;

    if (listener->freeProc != NULL) {
        listener->freeProc(listener->arg);
    }
    ns_free(listener);
}

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
        listener->accept(NsChanFromSock(chan->server, &io, &peer, listener->driverName), listener->arg);
        if (!Ns_ConnChanIsOpen(chan)) {
            break;
        }
    }
    return NS_CONNCHAN_KEEP;
}

NsChan *
Ns_ConnChanListen(NsServer *server, const char *address, unsigned short port, bool bindNew, Ns_ConnChanAcceptProc *accept,
                  void *arg, void (*freeProc)(void *arg))
{
    Ns_Sock        io = {.waitRecv = NS_SOCK_READ, .waitSend = NS_SOCK_WRITE, .transport = &listenTransport};
    NsAddr         own;
    socklen_t      len = sizeof(own);
    Listener      *listener;
    NsChan        *chan;
    Ns_ConnChanCallback callback = {.proc = AcceptReady, .freeProc = FreeListener, .when = NS_SOCK_READ | NS_SOCK_EXIT};

    io.sock = bindNew ? NsSockListenNew(address, port, 128, false) : Ns_SockListenEx(address, port, 128, false);
    if (io.sock == NS_INVALID_SOCKET) {
        return NULL;
    }
    (void)Ns_SockSetNonBlocking(io.sock);
    memset(&own, 0, sizeof(own));
    (void)getsockname(io.sock, &own.sa, &len);
    listener = ns_calloc(1u, sizeof(Listener));
    listener->accept = accept;
    listener->arg = arg;
    listener->freeProc = freeProc;
    listener->driverName = NsChanDriverNameFor(false);
    callback.arg = listener;
    chan = NsChanFromSock(server, &io, &own, listener->driverName);
    if (!Ns_ConnChanSetCallback(chan, &callback)) {
        FreeListener(listener);                /* somebody has seen it in the list, and closed it */
    }
    return chan;
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
