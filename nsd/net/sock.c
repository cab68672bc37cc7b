/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Listening, connecting and waiting.  All descriptors are close-on-exec, and errno is that of the call that failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "net/prebind.h"
#include "net/sock.h"

#define NO_DEADLINE INT64_MAX

static int64_t
NowUsec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* A relative time; NULL: no limit.  One that is negative has passed, it does not mean for ever. */
static int64_t
Deadline(const Ns_Time *timeout)
{
    int64_t usec;

    if (timeout == NULL || timeout->sec > INT32_MAX) {
        return NO_DEADLINE;
    }
    usec = (int64_t)timeout->sec * 1000000 + timeout->usec;
    return NowUsec() + (usec > 0 ? usec : 0);
}

/* 1: ready, 0: the deadline has come, -1: errno. */
static int
PollUntil(int fd, short events, int64_t deadline)
{
    struct pollfd pfd = {.fd = fd, .events = events};

    for (;;) {
        int wait = -1, n;

        if (deadline != NO_DEADLINE) {
            int64_t msec = (deadline - NowUsec() + 999) / 1000;

            wait = msec > INT_MAX ? INT_MAX : msec > 0 ? (int)msec : 0;
        }
        n = poll(&pfd, 1, wait);
        if (n > 0 && (pfd.revents & POLLNVAL) != 0) {
            errno = EBADF;
            return -1;
        }
        if (n > 0 || (n == 0 && (wait == 0 || NowUsec() >= deadline))) {
            return n;
        }
        if (n < 0 && errno != EINTR) {
            return -1;
        }
    }
}

Ns_ReturnCode
Ns_SockPipe(NS_SOCKET socks[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks) == 0 ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
Ns_SockTimedWait(NS_SOCKET sock, unsigned what, const Ns_Time *timeout)
{
    short events = 0;

    events |= (what & NS_SOCK_READ) != 0 ? POLLIN : 0;
    events |= (what & NS_SOCK_WRITE) != 0 ? POLLOUT : 0;
    events |= (what & NS_SOCK_EXCEPTION) != 0 ? POLLPRI : 0;
    switch (PollUntil(sock, events, Deadline(timeout))) {
    case 1:
        return NS_OK;                          /* an error of the socket, too: the next call on it will tell */
    case 0:
        errno = ETIMEDOUT;
        return NS_TIMEOUT;
    default:
        return NS_ERROR;
    }
}

/* --------------------------------------------------------------------------------------------------------- listen */

/* ---- no descriptors left ---- */

/* Kept from the first listening socket on. */
static struct { Ns_Mutex lock; int fd; bool kept; int64_t told; } reserve = {.fd = -1};

static void
KeepReserve(void)
{
    Ns_MutexLock(&reserve.lock);
    if (!reserve.kept) {
        reserve.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        reserve.kept = reserve.fd >= 0;
    }
    Ns_MutexUnlock(&reserve.lock);
}

bool
NsSockOutOfDescriptors(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

void
NsSockRefuse(NS_SOCKET listener, const char *who)
{
    int    code = errno;
    int64_t now = NsClockMs() / 1000;
    bool   tell;

    Ns_MutexLock(&reserve.lock);
    tell = reserve.told != now;
    reserve.told = now;
    if (reserve.fd >= 0) {
        NS_SOCKET client;

        (void)close(reserve.fd);
        client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            (void)close(client);
        }
    }
    reserve.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    Ns_MutexUnlock(&reserve.lock);
    if (tell) {
        Ns_Log(Warning, "%s: a client is refused: %s", who, strerror(code));
    }
}

static NS_SOCKET
ListenOn(const NsSockAddr *addr, int backlog, bool reuseport, bool bothFamilies)
{
    NS_SOCKET fd = NsSockBind(addr, reuseport, bothFamilies);

    if (fd != NS_INVALID_SOCKET && listen(fd, backlog > 0 ? backlog : SOMAXCONN) != 0) {
        return NsSockCloseFailed(fd);
    }
    if (fd != NS_INVALID_SOCKET) {
        KeepReserve();
    }
    return fd;
}

static bool
IsAny(const char *address)
{
    return address == NULL || (address[0] == '*' && address[1] == '\0');
}

static NS_SOCKET
ListenOnFirst(const NsSockAddr *addrs, int n, bool any, int backlog, bool reuseport)
{
    for (int i = 0; i < n; i++) {
        NS_SOCKET fd = ListenOn(&addrs[i], backlog, reuseport, any);

        if (fd != NS_INVALID_SOCKET) {
            return fd;
        }
        /* The second of the any-addresses is for a kernel without IPv6; a port that is taken stays so. */
        if (any && errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL) {
            break;
        }
    }
    return NS_INVALID_SOCKET;
}

NS_SOCKET
NsSockListenNew(const char *address, unsigned short port, int backlog, bool reuseport)
{
    NsSockAddr addrs[NS_MAX_ADDRS];
    int        n = NsAddrResolve(address, port, true, addrs);

    return ListenOnFirst(addrs, n, IsAny(address), backlog, reuseport);
}

NS_SOCKET
Ns_SockListenEx(const char *address, unsigned short port, int backlog, bool reuseport)
{
    NsSockAddr addrs[NS_MAX_ADDRS];
    int        n = NsAddrResolve(address, port, true, addrs);
    NS_SOCKET  fd;

    if (NsPrebindTake(addrs, n, IsAny(address), backlog, reuseport, &fd)) {
        return fd;
    }
    return ListenOnFirst(addrs, n, IsAny(address), backlog, reuseport);
}

NS_SOCKET
Ns_SockAccept(NS_SOCKET sock, struct sockaddr *addr, socklen_t *len)
{
    for (;;) {
        NS_SOCKET fd = accept4(sock, addr, len, SOCK_CLOEXEC);

        if (fd != -1 || (errno != EINTR && errno != ECONNABORTED)) {
            return fd;
        }
    }
}

/* -------------------------------------------------------------------------------------------------------- connect */

/* Bind our own end, when the caller wants a certain one, in the family of the peer. */
static int
BindLocal(int fd, int family, const char *lhost, unsigned short lport)
{
    NsSockAddr addrs[NS_MAX_ADDRS];
    bool       any = lhost == NULL || *lhost == '\0' || (lhost[0] == '*' && lhost[1] == '\0');
    int        n, on = 1;

    if (family == AF_UNIX || (any && lport == 0)) {
        return 0;
    }
    n = NsAddrResolve(any ? NULL : lhost, lport, true, addrs);
    if (n < 0) {
        return -1;
    }
    if (lport != 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));     /* a help only: bind tells what is wrong */
    }
    for (int i = 0; i < n; i++) {
        if (addrs[i].u.sa.sa_family == family) {
            return bind(fd, &addrs[i].u.sa, addrs[i].len);
        }
    }
    errno = EAFNOSUPPORT;
    return -1;
}

/* A non-blocking socket that is connected or on its way; `*pending` says which. */
static NS_SOCKET
StartConnect(const NsSockAddr *addr, const char *lhost, unsigned short lport, bool *pending)
{
    int fd = socket(addr->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), result;

    if (fd == -1) {
        return NS_INVALID_SOCKET;
    }
    if (BindLocal(fd, addr->u.sa.sa_family, lhost, lport) != 0) {
        return NsSockCloseFailed(fd);
    }
    result = connect(fd, &addr->u.sa, addr->len);
    *pending = result != 0;
    if (result != 0 && errno != EINPROGRESS && errno != EINTR) {
        return NsSockCloseFailed(fd);
    }
    return fd;
}

NS_SOCKET
NsSockConnectStart(const NsSockAddr *addr, bool *pending)
{
    return StartConnect(addr, NULL, 0, pending);
}

static NS_SOCKET
ConnectUntil(const NsSockAddr *addr, const char *lhost, unsigned short lport, int64_t deadline)
{
    bool      pending;
    NS_SOCKET fd;
    int       error = 0;
    socklen_t len = sizeof(error);

    /* A Unix-domain listener with a full backlog says EAGAIN, and there is nothing to poll for: try again. */
    while ((fd = StartConnect(addr, lhost, lport, &pending)) == NS_INVALID_SOCKET && errno == EAGAIN
           && addr->u.sa.sa_family == AF_UNIX && NowUsec() < deadline) {
        usleep(5000);
    }
    if (fd == NS_INVALID_SOCKET) {
        errno = errno == EAGAIN ? ETIMEDOUT : errno;
        return NS_INVALID_SOCKET;
    }
    if (pending) {
        int ready = PollUntil(fd, POLLOUT, deadline);

        if (ready == 0) {
            errno = ETIMEDOUT;
        } else if (ready > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0) {
            errno = error;
            ready = error == 0 ? 1 : -1;
        }
        if (ready != 1) {
            return NsSockCloseFailed(fd);
        }
    }
    return Ns_SockSetBlocking(fd) == NS_OK ? fd : NsSockCloseFailed(fd);
}

/* Of the time that is left, each address gets its share, so that one that does not answer leaves time for the others. */
static int64_t
ShareOf(int64_t deadline, int addrsLeft)
{
    int64_t now = NowUsec();

    return deadline == NO_DEADLINE || addrsLeft <= 1 || deadline <= now ? deadline : now + (deadline - now) / addrsLeft;
}

NS_SOCKET
Ns_SockTimedConnect2(const char *host, unsigned short port, const char *lhost, unsigned short lport, const Ns_Time *timeout,
                     Ns_ReturnCode *statusPtr)
{
    NsSockAddr    addrs[NS_MAX_ADDRS];
    int64_t       deadline = Deadline(timeout);
    NS_SOCKET     fd = NS_INVALID_SOCKET;
    int           n = NsAddrResolve(host, port, false, addrs), firstError = 0;
    Ns_ReturnCode status = NS_OK;

    for (int i = 0; i < n && fd == NS_INVALID_SOCKET; i++) {
        fd = ConnectUntil(&addrs[i], lhost, lport, ShareOf(deadline, n - i));
        if (fd == NS_INVALID_SOCKET && firstError == 0) {
            firstError = errno;
        }
        if (fd == NS_INVALID_SOCKET && NowUsec() >= deadline) {
            firstError = ETIMEDOUT;
            break;
        }
    }
    if (fd == NS_INVALID_SOCKET) {
        errno = firstError != 0 ? firstError : errno;
        status = errno == ETIMEDOUT ? NS_TIMEOUT : NS_ERROR;
    }
    if (statusPtr != NULL) {
        *statusPtr = status;
    }
    return fd;
}

NS_SOCKET
Ns_SockConnect(const char *host, unsigned short port)
{
    return Ns_SockTimedConnect2(host, port, NULL, 0, NULL, NULL);
}

/* A connect on its way that has failed already: a refusal on this machine is there before connect returns. */
static bool
FailedAtOnce(int fd)
{
    int       error = 0;
    socklen_t len = sizeof(error);

    if (PollUntil(fd, POLLOUT, NowUsec()) <= 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        return false;
    }
    errno = error;
    return error != 0;
}

NS_SOCKET
Ns_SockAsyncConnect(const char *host, unsigned short port)
{
    return Ns_SockAsyncConnect2(host, port, NULL, 0);
}

NS_SOCKET
Ns_SockConnect2(const char *host, unsigned short port, const char *lhost, unsigned short lport)
{
    return Ns_SockTimedConnect2(host, port, lhost, lport, NULL, NULL);
}

NS_SOCKET
Ns_SockAsyncConnect2(const char *host, unsigned short port, const char *lhost, unsigned short lport)
{
    NsSockAddr addrs[NS_MAX_ADDRS];
    NS_SOCKET  fd = NS_INVALID_SOCKET;
    bool       pending;
    int        n = NsAddrResolve(host, port, false, addrs);

    for (int i = 0; i < n && fd == NS_INVALID_SOCKET; i++) {
        fd = StartConnect(&addrs[i], lhost, lport, &pending);
        if (fd != NS_INVALID_SOCKET && pending && FailedAtOnce(fd)) {
            fd = NsSockCloseFailed(fd);
        }
    }
    return fd;
}
