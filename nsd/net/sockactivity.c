/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What was done with a socket, as far as the kernel knows.
 */
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "net/sockactivity.h"

/* A connected stream?  Datagrams and listeners may look the same after each of a thousand that were taken. */
static bool
IsStream(NS_SOCKET fd)
{
    int       type = 0, listens = 0;
    socklen_t len = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM
        && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens == 0;
}

void
NsSockGetActivity(NS_SOCKET fd, NsSockActivity *activity)
{
    struct tcp_info info;
    socklen_t       len = sizeof(info);
    struct pollfd   pfd = {.fd = fd, .events = POLLIN};

    memset(activity, 0, sizeof(*activity));
    activity->readable = poll(&pfd, 1, 0) > 0;
    activity->known = IsStream(fd) && ioctl(fd, FIONREAD, &activity->unread) == 0 && ioctl(fd, SIOCOUTQ, &activity->unsent) == 0;
    memset(&info, 0, sizeof(info));
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0) {
        activity->received = info.tcpi_bytes_received;
        activity->sent = info.tcpi_bytes_sent;
    }
}

bool
NsSockActivityNone(const NsSockActivity *before, const NsSockActivity *after, bool toRead)
{
    return before->known && after->known && before->unread == after->unread && before->unsent == after->unsent
        && before->received == after->received && before->sent == after->sent && (!toRead || after->readable);
}
