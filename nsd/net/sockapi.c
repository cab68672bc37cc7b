/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sockets as modules make and use them (nssock.h).
 */
#include <netinet/tcp.h>
#include "ns.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "net/sock.h"

NS_SOCKET
Ns_SockListen(const char *address, unsigned short port)
{
    return Ns_SockListenEx(address, port, 0, false);
}

static NS_SOCKET
BindNew(const struct sockaddr *sa, int type, bool reusePort)
{
    NS_SOCKET sock = socket(sa->sa_family, type | SOCK_CLOEXEC, 0);
    int       on = 1;

    if (sock != NS_INVALID_SOCKET
        && ((type == SOCK_STREAM && setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
            || (reusePort && setsockopt(sock, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
            || bind(sock, sa, Ns_SockaddrGetSockLen(sa)) != 0)) {
        sock = NsSockCloseFailed(sock);
    }
    return sock;
}

NS_SOCKET
Ns_SockBindUdp(const struct sockaddr *sa, bool reusePort)
{
    return BindNew(sa, SOCK_DGRAM, reusePort);
}

NS_SOCKET
Ns_SockBind(const struct sockaddr *sa, bool reusePort)
{
    return BindNew(sa, SOCK_STREAM, reusePort);
}

/* The first address of the host that it can be bound to. */
NS_SOCKET
Ns_SockListenUdp(const char *address, unsigned short port, bool reuseport)
{
    NsSockAddr addrs[NS_MAX_ADDRS];
    int        count = NsAddrResolve(address, port, true, addrs);
    NS_SOCKET  sock = NS_INVALID_SOCKET;

    for (int i = 0; i < count && sock == NS_INVALID_SOCKET; i++) {
        sock = Ns_SockBindUdp(&addrs[i].u.sa, reuseport);
    }
    return sock;
}

/* A datagram socket at the path of one that nobody has open any more. */
static NS_SOCKET
BindUnixDatagram(const NsSockAddr *addr)
{
    NS_SOCKET sock = BindNew(&addr->u.sa, SOCK_DGRAM, false);

    if (sock == NS_INVALID_SOCKET && errno == EADDRINUSE) {
        if (NsSockRemoveStale(addr, SOCK_DGRAM)) {
            sock = BindNew(&addr->u.sa, SOCK_DGRAM, false);
        } else {
            errno = EADDRINUSE;
        }
    }
    return sock;
}

/* The address of a socket's file; false: errno. */
static bool
UnixAddress(const char *path, bool passive, NsSockAddr *addr)
{
    NsSockAddr addrs[NS_MAX_ADDRS];

    if (NsAddrResolve(path, 0, passive, addrs) < 1) {
        return false;
    }
    if (addrs[0].u.sa.sa_family != AF_UNIX) {
        errno = EAFNOSUPPORT;
        return false;
    }
    *addr = addrs[0];
    return true;
}

NS_SOCKET
Ns_SockBindUnix(const char *path, int socktype, unsigned short mode)
{
    NsSockAddr addr;
    NS_SOCKET  sock;

    if (!UnixAddress(path, true, &addr)) {
        return NS_INVALID_SOCKET;
    }
    sock = socktype == SOCK_STREAM ? NsSockBind(&addr, false, false) : BindUnixDatagram(&addr);
    if (sock != NS_INVALID_SOCKET && mode != 0 && chmod(addr.u.un.sun_path, mode) != 0) {
        sock = NsSockCloseFailed(sock);
    }
    return sock;
}

NS_SOCKET
Ns_SockListenUnix(const char *path, int backlog, unsigned short mode)
{
    NS_SOCKET sock = Ns_SockBindUnix(path, backlog > 0 ? SOCK_STREAM : SOCK_DGRAM, mode);

    if (sock != NS_INVALID_SOCKET && backlog > 0 && listen(sock, backlog) != 0) {
        sock = NsSockCloseFailed(sock);
    }
    return sock;
}

NS_SOCKET
Ns_SockConnectUnix(const char *path, int socktype, Ns_ReturnCode *statusPtr)
{
    NsSockAddr addr;
    NS_SOCKET  sock = NS_INVALID_SOCKET;

    if (UnixAddress(path, false, &addr)) {
        sock = socket(AF_UNIX, socktype | SOCK_CLOEXEC, 0);
        if (sock != NS_INVALID_SOCKET && connect(sock, &addr.u.sa, addr.len) != 0) {
            sock = NsSockCloseFailed(sock);
        }
    }
    if (statusPtr != NULL) {
        *statusPtr = sock != NS_INVALID_SOCKET ? NS_OK : NS_ERROR;
    }
    return sock;
}

NS_SOCKET
Ns_BindSock(const struct sockaddr *saPtr)
{
    return Ns_SockBind(saPtr, false);
}

NS_SOCKET
Ns_SockBindRaw(int proto)
{
    return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, proto);
}

NS_SOCKET
Ns_SockListenRaw(int proto)
{
    return Ns_SockBindRaw(proto);
}

NS_SOCKET
Ns_SockTimedConnect(const char *host, unsigned short port, const Ns_Time *timeout)
{
    Ns_ReturnCode status;

    return Ns_SockTimedConnect2(host, port, NULL, 0, timeout, &status);
}

ssize_t
Ns_SockRecv(NS_SOCKET sock, void *buffer, size_t length, const Ns_Time *timeout)
{
    ssize_t got = ns_recv(sock, buffer, length, MSG_DONTWAIT);

    while (got == -1 && NS_ERRNO_WOULDBLOCK(errno)) {
        if (Ns_SockTimedWait(sock, NS_SOCK_READ, timeout) != NS_OK) {
            break;
        }
        got = ns_recv(sock, buffer, length, MSG_DONTWAIT);
    }
    return got;
}

ssize_t
Ns_SockSend(NS_SOCKET sock, const void *buffer, size_t length, const Ns_Time *timeout)
{
    ssize_t sent = ns_send(sock, buffer, length, MSG_DONTWAIT);

    while (sent == -1 && NS_ERRNO_WOULDBLOCK(errno)) {
        if (Ns_SockTimedWait(sock, NS_SOCK_WRITE, timeout) != NS_OK) {
            break;
        }
        sent = ns_send(sock, buffer, length, MSG_DONTWAIT);
    }
    return sent;
}

ssize_t
Ns_SockRecvBufs2(NS_SOCKET sock, struct iovec *bufs, int nbufs, unsigned int flags, Ns_SockState *sockStatePtr, unsigned long *errnoPtr)
{
    struct msghdr msg = {.msg_iov = bufs, .msg_iovlen = (size_t)MIN(nbufs, IOV_MAX)};
    ssize_t       got;
    int           error;

    do {
        got = recvmsg(sock, &msg, (int)flags | MSG_DONTWAIT);
    } while (got == -1 && errno == EINTR);
    error = got == -1 ? errno : 0;
    if (got == -1 && NS_ERRNO_WOULDBLOCK(error)) {
        *sockStatePtr = NS_SOCK_AGAIN;
    } else {
        *sockStatePtr = got == -1 ? NS_SOCK_EXCEPTION : got == 0 ? NS_SOCK_DONE : NS_SOCK_READ;
    }
    if (errnoPtr != NULL) {
        *errnoPtr = (unsigned long)error;
    }
    errno = error;
    return got;
}

ssize_t
Ns_SockSendBufs2(NS_SOCKET sock, const struct iovec *bufs, int nbufs, unsigned int flags)
{
    struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)bufs, .msg_iovlen = (size_t)MIN(nbufs, IOV_MAX)};
    ssize_t       sent;

    do {
        sent = sendmsg(sock, &msg, (int)flags | MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent == -1 && errno == EINTR);
    return sent;
}

ssize_t
Ns_SockSendBufsEx(NS_SOCKET sock, const struct iovec *bufs, int nbufs, unsigned int flags, unsigned long *errorCode)
{
    ssize_t sent = Ns_SockSendBufs2(sock, bufs, nbufs, flags);

    if (errorCode != NULL) {
        *errorCode = sent == -1 ? (unsigned long)errno : 0u;
    }
    return sent;
}

Ns_ReturnCode
Ns_SockWait(NS_SOCKET sock, unsigned int what, int timeout)
{
    Ns_Time interval = {timeout > 0 ? timeout : 0, 0};

    return Ns_SockTimedWait(sock, what, &interval);
}

/* Options that make a socket better but no other are no reason to fail: what is wrong is logged. */
static void
SetOption(NS_SOCKET sock, int level, int option, int value, const char *name)
{
    if (setsockopt(sock, level, option, &value, sizeof(value)) != 0) {
        Ns_Log(Warning, "socket %d: cannot set %s to %d: %s", sock, name, value, strerror(errno));
    }
}

void
Ns_SockSetNodelay(NS_SOCKET sock)
{
    SetOption(sock, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
}

void
Ns_SockSetKeepalive(NS_SOCKET sock, int optval)
{
    SetOption(sock, SOL_SOCKET, SO_KEEPALIVE, optval, "SO_KEEPALIVE");
}

void
Ns_SockSetDeferAccept(NS_SOCKET sock, long secs)
{
    SetOption(sock, IPPROTO_TCP, TCP_DEFER_ACCEPT, secs > INT_MAX ? INT_MAX : (int)secs, "TCP_DEFER_ACCEPT");
}

NS_SOCKET
ns_sockdup(NS_SOCKET sock)
{
    return fcntl(sock, F_DUPFD_CLOEXEC, 0);
}

int
ns_socknbclose(NS_SOCKET sock)
{
    (void)Ns_SockSetNonBlocking(sock);
    return ns_close(sock);
}

size_t
Ns_SetVec(struct iovec *bufs, int i, const void *data, size_t len)
{
    bufs[i].iov_base = ns_const2voidp(data);
    bufs[i].iov_len = len;
    return len;
}

size_t
Ns_SumVec(const struct iovec *bufs, int nbufs)
{
    size_t sum = 0;

    for (int i = 0; i < nbufs; i++) {
        sum += bufs[i].iov_len;
    }
    return sum;
}

int
Ns_ResetVec(struct iovec *bufs, int nbufs, size_t sent)
{
    int i = 0;

    for (; i < nbufs && sent >= bufs[i].iov_len; i++) {
        sent -= bufs[i].iov_len;
        (void)Ns_SetVec(bufs, i, NULL, 0);
    }
    if (i < nbufs && sent > 0) {
        (void)Ns_SetVec(bufs, i, (char *)bufs[i].iov_base + sent, bufs[i].iov_len - sent);
    }
    return i;
}
