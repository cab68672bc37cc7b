/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Addresses, listening, connecting, waiting, and the plain transport.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "net/addr.h"

static unsigned short
PortOf(int fd)
{
    NsSockAddr addr;

    addr.len = sizeof(addr.u);
    assert_int_equal(getsockname(fd, &addr.u.sa, &addr.len), 0);
    return ntohs(addr.u.sa.sa_family == AF_INET ? addr.u.in.sin_port : addr.u.in6.sin6_port);
}

static bool
CloseOnExec(int fd)
{
    return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static bool
NonBlocking(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

static bool
HaveIPv6(void)
{
    int fd = Ns_SockListenEx("::1", 0, 1, false);

    if (fd != -1) {
        close(fd);
    }
    return fd != -1;
}

static int64_t
Milliseconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A port on which nobody listens, and nobody will for now: it is bound, but not listening. */
static int
DeafSocket(unsigned short *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    *port = PortOf(fd);
    return fd;
}

/* ------------------------------------------------------------------------------------------------------ addresses */

static void
test_addr_text(void **state)
{
    static const struct { const char *in, *out; } cases[] = {
        {"127.0.0.1", "127.0.0.1"}, {"::1", "::1"}, {"[::1]", "::1"}, {"2001:db8::5", "2001:db8::5"},
        {"::ffff:10.1.2.3", "10.1.2.3"}, {"0.0.0.0", "0.0.0.0"},
    };
    struct sockaddr_storage addr;
    char                    text[64];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(Ns_GetSockAddr((struct sockaddr *)&addr, cases[i].in, 80), NS_OK);
        assert_string_equal(ns_inet_ntop((struct sockaddr *)&addr, text, sizeof(text)), cases[i].out);
    }
    assert_null(ns_inet_ntop((struct sockaddr *)&addr, text, 3));
    addr.ss_family = AF_UNIX;
    assert_string_equal(ns_inet_ntop((struct sockaddr *)&addr, text, sizeof(text)), "unix");
    addr.ss_family = AF_APPLETALK;
    assert_null(ns_inet_ntop((struct sockaddr *)&addr, text, sizeof(text)));
}

static void
test_addr_refused(void **state)
{
    static const char *const bad[] = {"", "[]", "256.1.1.1.1.", "no such host", "[127.0.0.1"};
    NsSockAddr               addrs[NS_MAX_ADDRS];
    char                     path[200];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        assert_int_equal(NsAddrResolve(bad[i], 80, false, addrs), -1);
        assert_int_equal(errno, EHOSTUNREACH);
    }
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(NsAddrResolve(path, 0, true, addrs), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(NsAddrResolve("unix:", 0, true, addrs), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(NsAddrResolve("*", 80, false, addrs), -1);
    assert_int_equal(Ns_GetSockAddr(&addrs[0].u.sa, "/tmp/x", 0), NS_ERROR);
    assert_true(NsAddrIsNumeric("::1"));
    assert_false(NsAddrIsNumeric("localhost"));
}

static void
test_addr_by_host(void **state)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    assert_true(Ns_GetAddrByHost(&ds, "127.0.0.1"));
    assert_string_equal(Tcl_DStringValue(&ds), "127.0.0.1");
    Tcl_DStringSetLength(&ds, 0);
    assert_true(Ns_GetAllAddrByHost(&ds, "localhost"));
    assert_true(strstr(Tcl_DStringValue(&ds), "127.0.0.1") != NULL || strstr(Tcl_DStringValue(&ds), "::1") != NULL);
    Tcl_DStringSetLength(&ds, 0);
    assert_false(Ns_GetAddrByHost(&ds, ""));
    assert_int_equal(Tcl_DStringLength(&ds), 0);
    Tcl_DStringFree(&ds);
}

/* --------------------------------------------------------------------------------------------------------- listen */

static void
Exchange(int listener, const char *host, unsigned short port)
{
    Ns_Time       timeout = {5, 0};
    Ns_ReturnCode status = NS_ERROR;
    int           client = Ns_SockTimedConnect2(host, port, NULL, 0, &timeout, &status), server;
    char          c = 0;

    assert_true(client >= 0);
    assert_int_equal(status, NS_OK);
    assert_true(CloseOnExec(client));
    assert_false(NonBlocking(client));
    server = Ns_SockAccept(listener, NULL, NULL);
    assert_true(server >= 0);
    assert_true(CloseOnExec(server));
    assert_int_equal(write(client, "x", 1), 1);
    assert_int_equal(read(server, &c, 1), 1);
    assert_int_equal(c, 'x');
    close(client);
    close(server);
}

static void
test_listen_addresses(void **state)
{
    static const struct { const char *address, *client; bool ipv6; } cases[] = {
        {"127.0.0.1", "127.0.0.1", false}, {"127.0.0.1", "localhost", false}, {"localhost", "localhost", false},
        {"::1", "::1", true}, {"[::1]", "[::1]", true}, {NULL, "127.0.0.1", false}, {"*", "127.0.0.1", false},
        {"*", "::1", true}, {"0.0.0.0", "127.0.0.1", false}, {"::", "::1", true},
    };
    bool ipv6 = HaveIPv6();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd;

        if (cases[i].ipv6 && !ipv6) {
            continue;
        }
        fd = Ns_SockListenEx(cases[i].address, 0, 5, false);
        assert_true(fd >= 0);
        assert_true(CloseOnExec(fd));
        Exchange(fd, cases[i].client, PortOf(fd));
        close(fd);
    }
}

/* "::" leaves the IPv4 port to another socket. */
static void
test_listen_both_families_apart(void **state)
{
    int            v4, v6;
    unsigned short port;

    if (!HaveIPv6()) {
        skip();
    }
    v6 = Ns_SockListenEx("::", 0, 5, false);
    assert_true(v6 >= 0);
    port = PortOf(v6);
    v4 = Ns_SockListenEx("0.0.0.0", port, 5, false);
    assert_true(v4 >= 0);
    Exchange(v4, "127.0.0.1", port);
    Exchange(v6, "::1", port);
    close(v4);
    close(v6);
}

static void
test_listen_taken_and_shared(void **state)
{
    int            a = Ns_SockListenEx("127.0.0.1", 0, 5, false), b;
    unsigned short port = PortOf(a);

    errno = 0;
    assert_int_equal(Ns_SockListenEx("127.0.0.1", port, 5, false), -1);
    assert_int_equal(errno, EADDRINUSE);
    errno = 0;
    assert_int_equal(Ns_SockListenEx("*", port, 5, false), -1);
    assert_int_equal(errno, EADDRINUSE);
    close(a);
    a = Ns_SockListenEx("127.0.0.1", 0, 5, true);
    b = Ns_SockListenEx("127.0.0.1", PortOf(a), 5, true);
    assert_true(b >= 0);
    close(a);
    close(b);
    errno = 0;
    assert_int_equal(Ns_SockListenEx("192.0.2.1", 0, 5, false), -1);       /* not an address of this machine */
    assert_int_equal(errno, EADDRNOTAVAIL);
}

static void
test_unix_domain(void **state)
{
    char    dir[] = "/tmp/nsd-sock-XXXXXX", path[64], url[80];
    int     fd, other;
    Ns_Time timeout = {0, 50000};

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    snprintf(url, sizeof(url), "unix:%s", path);
    fd = Ns_SockListenEx(url, 0, 1, false);
    assert_true(fd >= 0);
    Exchange(fd, path, 0);
    errno = 0;
    assert_int_equal(Ns_SockListenEx(path, 0, 1, false), -1);              /* somebody answers there */
    assert_int_equal(errno, EADDRINUSE);
    close(fd);
    fd = Ns_SockListenEx(path, 0, 1, false);                               /* a file that was left is no obstacle */
    assert_true(fd >= 0);
    close(fd);
    errno = 0;
    assert_int_equal(Ns_SockTimedConnect2(path, 0, NULL, 0, &timeout, NULL), -1);
    assert_int_equal(errno, ECONNREFUSED);
    unlink(path);
    other = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);              /* but a plain file is not ours to remove */
    close(other);
    errno = 0;
    assert_int_equal(Ns_SockListenEx(path, 0, 1, false), -1);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
    rmdir(dir);
}

/* -------------------------------------------------------------------------------------------------------- connect */

static void
test_connect_refused(void **state)
{
    Ns_Time        timeout = {2, 0};
    Ns_ReturnCode  status = NS_OK;
    unsigned short port;
    int            deaf = DeafSocket(&port);

    errno = 0;
    assert_int_equal(Ns_SockTimedConnect2("127.0.0.1", port, NULL, 0, &timeout, &status), -1);
    assert_int_equal(status, NS_ERROR);
    assert_int_equal(errno, ECONNREFUSED);
    errno = 0;
    assert_int_equal(Ns_SockConnect("127.0.0.1", port), -1);
    assert_int_equal(errno, ECONNREFUSED);
    errno = 0;
    assert_int_equal(Ns_SockConnect("no such host", port), -1);
    assert_int_equal(errno, EHOSTUNREACH);
    close(deaf);
}

/* A listener whose backlog is full does not answer: the time-out is kept, and is one. */
static void
test_connect_times_out(void **state)
{
    int            listener = Ns_SockListenEx("127.0.0.1", 0, 1, false), fill[8];
    unsigned short port = PortOf(listener);
    Ns_Time        timeout = {0, 200000}, zero = {0, 0}, negative = {-5, 0};
    Ns_ReturnCode  status = NS_OK;
    int64_t        start;

    for (int i = 0; i < 8; i++) {
        fill[i] = Ns_SockAsyncConnect("127.0.0.1", port);
        assert_true(fill[i] >= 0);
    }
    start = Milliseconds();
    errno = 0;
    assert_int_equal(Ns_SockTimedConnect2("127.0.0.1", port, NULL, 0, &timeout, &status), -1);
    assert_int_equal(status, NS_TIMEOUT);
    assert_int_equal(errno, ETIMEDOUT);
    assert_true(Milliseconds() - start >= 199);
    assert_true(Milliseconds() - start < 5000);
    start = Milliseconds();
    assert_int_equal(Ns_SockTimedConnect2("127.0.0.1", port, NULL, 0, &zero, &status), -1);
    assert_int_equal(status, NS_TIMEOUT);
    assert_int_equal(Ns_SockTimedConnect2("127.0.0.1", port, NULL, 0, &negative, &status), -1);
    assert_int_equal(status, NS_TIMEOUT);
    assert_true(Milliseconds() - start < 2000);
    for (int i = 0; i < 8; i++) {
        close(fill[i]);
    }
    close(listener);
}

static void
test_connect_async(void **state)
{
    int            listener = Ns_SockListenEx("127.0.0.1", 0, 5, false), fd, error = -1;
    unsigned short port = PortOf(listener);
    socklen_t      len = sizeof(error);
    Ns_Time        timeout = {5, 0};

    fd = Ns_SockAsyncConnect("127.0.0.1", port);
    assert_true(fd >= 0);
    assert_true(NonBlocking(fd));
    assert_true(CloseOnExec(fd));
    assert_int_equal(Ns_SockTimedWait(fd, NS_SOCK_WRITE, &timeout), NS_OK);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    assert_int_equal(error, 0);
    assert_int_equal(Ns_SockSetBlocking(fd), NS_OK);
    assert_false(NonBlocking(fd));
    assert_int_equal(Ns_SockSetNonBlocking(fd), NS_OK);
    assert_true(NonBlocking(fd));
    close(fd);
    close(listener);
}

/* A refusal that is there when connect returns is told at once; one that comes later is the socket's error. */
static void
test_connect_async_refused(void **state)
{
    int            listener = Ns_SockListenEx("127.0.0.1", 0, 5, false), atOnce = 0;
    unsigned short port = PortOf(listener);
    Ns_Time        timeout = {5, 0};

    close(listener);
    for (int i = 0; i < 10; i++) {
        int       error, fd;
        socklen_t len = sizeof(error);

        errno = 0;
        fd = Ns_SockAsyncConnect("127.0.0.1", port);
        error = errno;
        if (fd >= 0) {
            assert_int_equal(Ns_SockTimedWait(fd, NS_SOCK_WRITE, &timeout), NS_OK);
            assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
            close(fd);
        } else {
            atOnce++;
        }
        assert_int_equal(error, ECONNREFUSED);
    }
    assert_true(atOnce > 0);
}

static void
test_connect_from_local_address(void **state)
{
    int                listener = Ns_SockListenEx("127.0.0.1", 0, 5, false), client, server;
    struct sockaddr_in peer;
    socklen_t          len = sizeof(peer);
    unsigned short     lport;
    int                deaf = DeafSocket(&lport);

    close(deaf);                               /* a port that is free */
    client = Ns_SockTimedConnect2("127.0.0.1", PortOf(listener), "127.0.0.2", lport, NULL, NULL);
    assert_true(client >= 0);
    server = Ns_SockAccept(listener, (struct sockaddr *)&peer, &len);
    assert_int_equal(ntohl(peer.sin_addr.s_addr), 0x7f000002);
    assert_int_equal(ntohs(peer.sin_port), lport);
    close(client);
    close(server);
    errno = 0;
    assert_int_equal(Ns_SockTimedConnect2("127.0.0.1", PortOf(listener), "::1", 0, NULL, NULL), -1);
    assert_int_equal(errno, EAFNOSUPPORT);
    errno = 0;
    assert_int_equal(Ns_SockTimedConnect2("127.0.0.1", PortOf(listener), "192.0.2.1", 0, NULL, NULL), -1);
    assert_int_equal(errno, EADDRNOTAVAIL);
    close(listener);
}

/* ----------------------------------------------------------------------------------------------------------- wait */

static void
OnAlarm(int sig)
{
}

static void
test_timed_wait(void **state)
{
    int              pair[2];
    Ns_Time          timeout = {0, 150000}, zero = {0, 0}, negative = {0, -1};
    int64_t          start = Milliseconds();
    struct sigaction action = {.sa_handler = OnAlarm}, old;
    struct itimerval every = {{0, 20000}, {0, 20000}}, off = {{0, 0}, {0, 0}};

    assert_int_equal(Ns_SockPipe(pair), NS_OK);
    assert_true(CloseOnExec(pair[0]) && CloseOnExec(pair[1]));

    /* Signals interrupt the wait and do not prolong it. */
    sigaction(SIGALRM, &action, &old);
    setitimer(ITIMER_REAL, &every, NULL);
    errno = 0;
    assert_int_equal(Ns_SockTimedWait(pair[0], NS_SOCK_READ, &timeout), NS_TIMEOUT);
    setitimer(ITIMER_REAL, &off, NULL);
    sigaction(SIGALRM, &old, NULL);
    assert_int_equal(errno, ETIMEDOUT);
    assert_true(Milliseconds() - start >= 149);
    assert_true(Milliseconds() - start < 3000);

    assert_int_equal(Ns_SockTimedWait(pair[0], NS_SOCK_READ, &zero), NS_TIMEOUT);
    assert_int_equal(Ns_SockTimedWait(pair[0], NS_SOCK_READ, &negative), NS_TIMEOUT);
    assert_int_equal(Ns_SockTimedWait(pair[0], NS_SOCK_WRITE, &zero), NS_OK);
    assert_int_equal(Ns_SockTimedWait(pair[0], NS_SOCK_READ | NS_SOCK_WRITE, NULL), NS_OK);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(Ns_SockTimedWait(pair[0], NS_SOCK_READ, NULL), NS_OK);
    close(pair[1]);
    assert_int_equal(Ns_SockTimedWait(pair[0], NS_SOCK_READ, &zero), NS_OK);
    close(pair[0]);
    errno = 0;
    assert_int_equal(Ns_SockTimedWait(pair[0], NS_SOCK_READ, &zero), NS_ERROR);
    assert_int_equal(errno, EBADF);
}

/* ------------------------------------------------------------------------------------------------------ transport */

static void
test_tcp_transport(void **state)
{
    int          pair[2], file;
    char         buffer[64], name[] = "/tmp/nsd-sock-XXXXXX", *big = calloc(1, 1 << 20);
    struct iovec iov[3] = {{(void *)"abc", 3}, {NULL, 0}, {(void *)"defg", 4}};
    struct iovec large = {big, 1 << 20};
    Ns_Wire      a = {0}, b = {0};
    ssize_t      n, total = 0;

    assert_int_equal(Ns_SockPipe(pair), NS_OK);
    Ns_SockSetNonBlocking(pair[0]);
    Ns_SockSetNonBlocking(pair[1]);
    a.sock = pair[0];
    b.sock = pair[1];
    a.transport = b.transport = &Ns_TransportTcp;

    errno = 0;
    assert_int_equal(b.transport->recv(&b, buffer, sizeof(buffer)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(b.waitRecv, NS_SOCK_READ);
    assert_int_equal(a.transport->send(&a, iov, 3), 7);
    assert_int_equal(b.transport->recv(&b, buffer, sizeof(buffer)), 7);
    assert_memory_equal(buffer, "abcdefg", 7);

    while ((n = a.transport->send(&a, &large, 1)) > 0) {
        total += n;
    }
    assert_int_equal(n, -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(a.waitSend, NS_SOCK_WRITE);
    while (total > 0) {
        n = b.transport->recv(&b, big, 1 << 20);
        assert_true(n > 0);
        total -= n;
    }

    file = mkstemp(name);
    unlink(name);
    assert_int_equal(write(file, "0123456789", 10), 10);
    assert_int_equal(a.transport->sendFile(&a, file, 3, 5), 5);
    assert_int_equal(b.transport->recv(&b, buffer, sizeof(buffer)), 5);
    assert_memory_equal(buffer, "34567", 5);
    assert_int_equal(a.transport->sendFile(&a, file, 10, 5), 0);           /* the file is shorter */
    close(file);

    a.transport->shutdown(&a);
    assert_int_equal(b.transport->recv(&b, buffer, sizeof(buffer)), 0);
    assert_int_equal(b.transport->send(&b, iov, 1), 3);                    /* the other direction is open */
    close(pair[0]);
    errno = 0;
    assert_int_equal(b.transport->send(&b, iov, 1), -1);                   /* and no SIGPIPE */
    assert_int_equal(errno, EPIPE);
    b.transport->shutdown(&b);
    close(pair[1]);
    free(big);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addr_text),
        cmocka_unit_test(test_addr_refused),
        cmocka_unit_test(test_addr_by_host),
        cmocka_unit_test(test_listen_addresses),
        cmocka_unit_test(test_listen_both_families_apart),
        cmocka_unit_test(test_listen_taken_and_shared),
        cmocka_unit_test(test_unix_domain),
        cmocka_unit_test(test_connect_refused),
        cmocka_unit_test(test_connect_times_out),
        cmocka_unit_test(test_connect_async),
        cmocka_unit_test(test_connect_async_refused),
        cmocka_unit_test(test_connect_from_local_address),
        cmocka_unit_test(test_timed_wait),
        cmocka_unit_test(test_tcp_transport),
    };

    Tcl_FindExecutable(NULL);
    return cmocka_run_group_tests_name("sock", tests, NULL, NULL);
}
