/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Binding a socket to its address, and its flags: what listening (sock.c) and sockets bound early (prebind.c) have in common.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "net/sock.h"

NS_SOCKET
NsSockCloseFailed(NS_SOCKET fd)
{
    int error = errno;

    if (fd != -1) {
        close(fd);
    }
    errno = error;
    return NS_INVALID_SOCKET;
}

static Ns_ReturnCode
SetFlag(int fd, bool nonBlocking)
{
    int flags = fcntl(fd, F_GETFL), wanted;

    if (flags == -1) {
        return NS_ERROR;
    }
    wanted = nonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return wanted == flags || fcntl(fd, F_SETFL, wanted) == 0 ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
Ns_SockSetNonBlocking(NS_SOCKET sock)
{
    return SetFlag(sock, true);
}

Ns_ReturnCode
Ns_SockSetBlocking(NS_SOCKET sock)
{
    return SetFlag(sock, false);
}

/* A socket file whose server is gone is in the way: nobody answers there. */
bool
NsSockRemoveStale(const NsSockAddr *addr, int type)
{
    struct stat st;
    bool        stale;
    int         fd;

    if (lstat(addr->u.un.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return false;
    }
    fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1) {
        return false;
    }
    stale = connect(fd, &addr->u.sa, addr->len) != 0 && errno == ECONNREFUSED;
    close(fd);
    return stale && unlink(addr->u.un.sun_path) == 0;
}

static int
Bind(int fd, const NsSockAddr *addr)
{
    int result = bind(fd, &addr->u.sa, addr->len);

    if (result != 0 && errno == EADDRINUSE && addr->u.sa.sa_family == AF_UNIX) {
        if (NsSockRemoveStale(addr, SOCK_STREAM)) {
            result = bind(fd, &addr->u.sa, addr->len);
        } else {
            errno = EADDRINUSE;
        }
    }
    return result;
}

NS_SOCKET
NsSockBind(const NsSockAddr *addr, bool reuseport, bool bothFamilies)
{
    int fd = socket(addr->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, v6only = bothFamilies ? 0 : 1;

    if (fd == -1) {
        return NS_INVALID_SOCKET;
    }
    if (addr->u.sa.sa_family != AF_UNIX) {
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0
            || (reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)) {
            return NsSockCloseFailed(fd);
        }
    }
    if (addr->u.sa.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)) != 0) {
        return NsSockCloseFailed(fd);
    }
    return Bind(fd, addr) == 0 ? fd : NsSockCloseFailed(fd);
}
