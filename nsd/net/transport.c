/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The plain transport: TCP and Unix-domain sockets.
 */
#include <errno.h>
#include <limits.h>
#include <sys/sendfile.h>
#include "ns.h"

static ssize_t
TcpRecv(Ns_Wire *sock, void *buffer, size_t size)
{
    ssize_t n;

    do {
        n = recv(sock->sock, buffer, size, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    sock->waitRecv = NS_SOCK_READ;
    return n;
}

static ssize_t
TcpSend(Ns_Wire *sock, const struct iovec *iov, int iovcnt)
{
    struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)(iovcnt > IOV_MAX ? IOV_MAX : iovcnt)};
    ssize_t       n;

    do {
        n = iovcnt == 1 ? send(sock->sock, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT)
                        : sendmsg(sock->sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    sock->waitSend = NS_SOCK_WRITE;
    return n;
}

/* The socket must be non-blocking, and SIGPIPE ignored: sendfile(2) knows no flags. */
static ssize_t
TcpSendFile(Ns_Wire *sock, int fd, off_t offset, size_t size)
{
    ssize_t n;

    do {
        n = sendfile(sock->sock, fd, &offset, size);
    } while (n < 0 && errno == EINTR);
    sock->waitSend = NS_SOCK_WRITE;
    return n;
}

static Ns_ReturnCode
TcpShutdown(Ns_Wire *sock)
{
    int error = errno;

    shutdown(sock->sock, SHUT_WR);             /* a peer that is gone already is no news */
    errno = error;
    return NS_OK;
}

const Ns_Transport Ns_TransportTcp = {
    .name = "tcp",
    .recv = TcpRecv,
    .send = TcpSend,
    .sendFile = TcpSendFile,
    .shutdown = TcpShutdown,
};
