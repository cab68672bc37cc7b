/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Parts of files and of memory on a plain socket, for drivers of modules (nsdriver.h).
 */
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include "ns.h"

size_t
Ns_SetFileVec(Ns_FileVec *bufs, int i, int fd, const void *data, off_t offset, size_t length)
{
    bufs[i].fd = fd;
    bufs[i].buffer = ns_const2voidp(data);
    bufs[i].offset = offset;
    bufs[i].length = length;
    return length;
}

/* Of memory the offset is where it goes on, too. */
int
Ns_ResetFileVec(Ns_FileVec *bufs, int nbufs, size_t sent)
{
    int i = 0;

    for (; i < nbufs && sent >= bufs[i].length; i++) {
        sent -= bufs[i].length;
        bufs[i].length = 0;
    }
    if (i < nbufs) {
        bufs[i].offset += (off_t)sent;
        bufs[i].length -= sent;
    }
    return i;
}

/* Some of one part; -1: errno. */
static ssize_t
SendPart(NS_SOCKET sock, const Ns_FileVec *part, unsigned int flags)
{
    off_t   offset = part->offset;
    ssize_t sent;

    do {
        sent = part->fd == NS_INVALID_FD
            ? send(sock, (const char *)part->buffer + part->offset, part->length, (int)flags | MSG_NOSIGNAL | MSG_DONTWAIT)
            : sendfile(sock, part->fd, &offset, part->length);
    } while (sent == -1 && errno == EINTR);
    if (sent == 0) {
        errno = EIO;
        sent = -1;
    }
    return sent;
}

ssize_t
Ns_SockSendFileBufs(Ns_Sock *sock, const Ns_FileVec *bufs, int nbufs, unsigned int flags)
{
    ssize_t total = 0;

    for (int i = 0; i < nbufs; i++) {
        ssize_t sent;

        if (bufs[i].length == 0) {
            continue;
        }
        sent = SendPart(sock->sock, &bufs[i], flags);
        if (sent == -1) {
            return total > 0 || NS_ERRNO_WOULDBLOCK(errno) ? total : -1;
        }
        total += sent;
        if ((size_t)sent < bufs[i].length) {
            break;
        }
    }
    return total;
}

bool
Ns_SockCork(Ns_Sock *sock, bool cork)
{
    int on = cork ? 1 : 0;

    return setsockopt(sock->sock, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)) == 0;
}
