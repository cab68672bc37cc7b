/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sockets bound before they are asked for: the list of option -b, what systemd passes, and who gets them.
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
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "net/prebind.h"
#include "net/sock.h"

#define NTHREADS 4

static unsigned short
PortOf(int fd)
{
    NsSockAddr addr;

    addr.len = sizeof(addr.u);
    assert_int_equal(getsockname(fd, &addr.u.sa, &addr.len), 0);
    return ntohs(addr.u.sa.sa_family == AF_INET ? addr.u.in.sin_port : addr.u.in6.sin6_port);
}

/* Below the ports of the kernel's choice, which others that run at the same time get: tests/freeport.tcl. */
static unsigned short
FreePort(const char *address)
{
    static unsigned next;
    unsigned short  port = 0u;
    int             fd = -1;

    if (next == 0u) {
        next = 10000u + 220u * ((unsigned)getpid() % 100u);
    }
    while (fd < 0 && next < 40000u) {
        port = (unsigned short)next++;
        fd = NsSockListenNew(address, port, 1, false);
    }
    assert_true(fd >= 0);
    close(fd);
    return port;
}

static bool
HaveIPv6(void)
{
    int fd = NsSockListenNew("::1", 0, 1, false);

    if (fd != -1) {
        close(fd);
    }
    return fd != -1;
}

static bool
Answers(const char *address, unsigned short port)
{
    int fd = Ns_SockConnect(address, port);

    if (fd != -1) {
        close(fd);
    }
    return fd != -1;
}

static bool
IsOpen(int fd)
{
    return fcntl(fd, F_GETFD) != -1;
}

/* Note and bind "FORMAT" with the port in it. */
static void Prebind(const char *format, unsigned short port) __attribute__((format(printf, 1, 0)));
static void
Prebind(const char *format, unsigned short port)
{
    char        list[100];
    Tcl_DString error;

    Tcl_DStringInit(&error);
    snprintf(list, sizeof(list), format, port, port);
    if (!NsPrebindWant(list, &error) || !NsPrebindOpen(&error)) {
        fail_msg("%s: %s", list, Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
}

static int
CloseAll(void **state)
{
    NsPrebindClose();
    return 0;
}

/* ------------------------------------------------------------------------------------------------------------ -b */

static void
test_list(void **state)
{
    static const char *const good[] = {
        "80", "*:80", "127.0.0.1:1", "127.0.0.1:65535", "[::1]:80", "[::]:443", "localhost:8080",
        "127.0.0.1:80,[::1]:80,*:443,8080"
    };
    static const struct { const char *list, *reason; } bad[] = {
        {"", "'': a port is"},
        {"127.0.0.1", "'127.0.0.1': a port is"},
        {"127.0.0.1:", "'127.0.0.1:': a port is"},
        {"127.0.0.1:0", "a port is"},
        {"127.0.0.1:65536", "a port is"},
        {"127.0.0.1:4294967376", "a port is"},
        {"127.0.0.1:+80", "a port is"},
        {"127.0.0.1:80x", "a port is"},
        {"127.0.0.1: 80", "a port is"},
        {"127.0.0.1:80,", "'': a port is"},
        {",127.0.0.1:80", "'': a port is"},
        {"127.0.0.1:80 127.0.0.1:81", "an IPv6 address is written"},
        {":80", "the address is missing"},
        {"::1:80", "an IPv6 address is written [::1]:port"},
        {"[::1:80", "an IPv6 address is written"},
        {"[]:80", "an IPv6 address is written"},
        {"[:80", "an IPv6 address is written"},
        {"[127.0.0.1]:80", "an IPv6 address is written"},
        {"[localhost]:80", "an IPv6 address is written"},
        {"local host:80", "this is no address"},
        {"local]host:80", "this is no address"},
        {"/run/sock:80", "this is no address"}
    };
    Tcl_DString error;

    Tcl_DStringInit(&error);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(NsPrebindWant(good[i], &error));
        assert_int_equal(Tcl_DStringLength(&error), 0);
        NsPrebindClose();
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        Tcl_DStringSetLength(&error, 0);
        if (NsPrebindWant(bad[i].list, &error) || strstr(Tcl_DStringValue(&error), bad[i].reason) == NULL) {
            fail_msg("%s: \"%s\", wanted \"%s\"", bad[i].list, Tcl_DStringValue(&error), bad[i].reason);
        }
        NsPrebindClose();
    }
    Tcl_DStringFree(&error);
}

/* Bound, but nobody is kept waiting; then the first who listens there gets it, and nobody else. */
static void
test_given_once(void **state)
{
    unsigned short port = FreePort("127.0.0.1");
    int            fd, other;

    Prebind("127.0.0.1:%hu", port);
    assert_false(Answers("127.0.0.1", port));

    other = Ns_SockListenEx("127.0.0.2", port, 5, false);      /* another address: not touched */
    assert_true(other >= 0);
    assert_false(Answers("127.0.0.1", port));
    close(other);

    fd = Ns_SockListenEx("127.0.0.1", port, 5, false);
    assert_true(fd >= 0);
    assert_int_equal(PortOf(fd), port);
    assert_true(Answers("127.0.0.1", port));
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);

    assert_int_equal(Ns_SockListenEx("127.0.0.1", port, 5, false), -1);
    assert_int_equal(errno, EADDRINUSE);
    close(fd);
    fd = Ns_SockListenEx("127.0.0.1", port, 5, false);          /* bound anew */
    assert_true(fd >= 0);
    close(fd);
}

/* A busy port is told at once, with what was given; what was bound before it goes with the others. */
static void
test_busy(void **state)
{
    int         busy = NsSockListenNew("127.0.0.1", 0, 5, false);
    char        list[60];
    Tcl_DString error;

    Tcl_DStringInit(&error);
    snprintf(list, sizeof(list), "127.0.0.1:%hu,127.0.0.1:%hu", FreePort("127.0.0.1"), PortOf(busy));
    assert_true(NsPrebindWant(list, &error));
    assert_false(NsPrebindOpen(&error));
    snprintf(list, sizeof(list), "cannot bind 127.0.0.1:%hu: Address already in use", PortOf(busy));
    assert_string_equal(Tcl_DStringValue(&error), list);
    Tcl_DStringSetLength(&error, 0);
    assert_true(NsPrebindWant("no.such.host.invalid:80", &error));
    assert_false(NsPrebindOpen(&error));
    assert_string_equal(Tcl_DStringValue(&error), "cannot bind no.such.host.invalid:80: the host is not known");
    Tcl_DStringFree(&error);
    close(busy);
}

/* The same address twice in the list is one socket. */
static void
test_twice(void **state)
{
    unsigned short port = FreePort("127.0.0.1");
    int            fd;

    Prebind("127.0.0.1:%hu,localhost:%hu", port);
    fd = Ns_SockListenEx("localhost", port, 5, false);
    assert_true(fd >= 0);
    assert_int_equal(Ns_SockListenEx("127.0.0.1", port, 5, false), -1);
    close(fd);
}

/* Who wants a socket of his own does not get it; while that one listens the other cannot, and is kept. */
static void
test_new_one(void **state)
{
    unsigned short port = FreePort("127.0.0.1");
    int            own, fd;
    NsSockAddr     addrs[NS_MAX_ADDRS];
    int            count = NsAddrResolve("127.0.0.1", port, true, addrs);

    Prebind("127.0.0.1:%hu", port);
    own = NsSockListenNew("127.0.0.1", port, 5, false);
    assert_true(own >= 0);
    assert_true(NsPrebindTake(addrs, count, false, 5, false, &fd));
    assert_int_equal(fd, -1);
    assert_int_equal(errno, EADDRINUSE);
    close(own);
    assert_true(NsPrebindTake(addrs, count, false, 5, false, &fd));
    assert_true(fd >= 0);
    assert_true(Answers("127.0.0.1", port));
    close(fd);
    assert_false(NsPrebindTake(addrs, count, false, 5, false, &fd));
}

static void
test_ipv6(void **state)
{
    unsigned short port;
    int            fd;

    if (!HaveIPv6()) {
        skip();
    }
    port = FreePort("::1");
    Prebind("[::1]:%hu", port);
    fd = Ns_SockListenEx("[::1]", port, 5, false);
    assert_true(fd >= 0);
    assert_true(Answers("::1", port));
    assert_int_equal(Ns_SockListenEx("::1", port, 5, false), -1);
    close(fd);
}

/* "*" gets a socket for both families, or IPv4's any-address, but not one for IPv6 alone. */
static void
test_any(void **state)
{
    static const char *const given[] = {"*:%hu", "%hu", "0.0.0.0:%hu"};
    unsigned short           port;
    int                      fd;

    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        port = FreePort("*");
        Prebind(given[i], port);
        fd = Ns_SockListenEx(i == 0 ? "*" : NULL, port, 5, false);
        assert_true(fd >= 0);
        assert_true(Answers("127.0.0.1", port));
        if (HaveIPv6()) {
            assert_int_equal(Answers("::1", port), i < 2);     /* 0.0.0.0 was asked for, and is what was given */
        }
        close(fd);
    }
    if (!HaveIPv6()) {
        return;
    }
    port = FreePort("*");
    Prebind("[::]:%hu", port);
    fd = Ns_SockListenEx("*", port, 5, false);
    assert_true(fd >= 0);
    assert_true(Answers("127.0.0.1", port));
    close(fd);
    fd = Ns_SockListenEx("::", port, 5, false);
    assert_true(fd >= 0);
    assert_false(Answers("127.0.0.1", port));
    assert_true(Answers("::1", port));
    close(fd);
}

/* Port 0 is any that is free, not one that was bound. */
static void
test_port_zero(void **state)
{
    unsigned short port = FreePort("127.0.0.1");
    int            fd;

    Prebind("127.0.0.1:%hu", port);
    fd = Ns_SockListenEx("127.0.0.1", 0, 5, false);
    assert_true(fd >= 0);
    assert_int_not_equal(PortOf(fd), port);
    close(fd);
}

/* A driver with several threads: the first gets the socket, and the others can bind theirs beside it. */
static void
test_reuseport(void **state)
{
    unsigned short port = FreePort("127.0.0.1");
    int            a, b;

    Prebind("127.0.0.1:%hu", port);
    a = Ns_SockListenEx("127.0.0.1", port, 5, true);
    b = Ns_SockListenEx("127.0.0.1", port, 5, true);
    assert_true(a >= 0);
    assert_true(b >= 0);
    assert_int_equal(Ns_SockListenEx("127.0.0.1", port, 5, false), -1);
    close(a);
    assert_true(Answers("127.0.0.1", port));
    close(b);
}

static void
test_close(void **state)
{
    unsigned short port = FreePort("127.0.0.1");
    int            before = dup(0), after, fd;

    close(before);
    Prebind("127.0.0.1:%hu", port);
    NsPrebindReport();
    NsPrebindClose();
    NsPrebindClose();
    after = dup(0);
    assert_int_equal(after, before);           /* no descriptor has stayed */
    close(after);
    fd = Ns_SockListenEx("127.0.0.1", port, 5, false);
    assert_true(fd >= 0);
    close(fd);
}

typedef struct Race { unsigned short port; atomic_int won; } Race;

static void
TakeIt(void *arg)
{
    Race *race = arg;
    int   fd;

    for (int i = 0; i < 100; i++) {
        fd = Ns_SockListenEx("127.0.0.1", race->port, 5, false);
        if (fd >= 0) {
            atomic_fetch_add(&race->won, 1);   /* stays open until the process ends */
        }
    }
}

/* Many ask at the same time: one gets it. */
static void
test_race(void **state)
{
    Race      race = {.port = FreePort("127.0.0.1")};
    Ns_Thread threads[NTHREADS];

    Prebind("127.0.0.1:%hu", race.port);
    for (int i = 0; i < NTHREADS; i++) {
        Ns_ThreadCreate(TakeIt, &race, 0, &threads[i]);
    }
    for (int i = 0; i < NTHREADS; i++) {
        Ns_ThreadJoin(&threads[i], NULL);
    }
    assert_int_equal(atomic_load(&race.won), 1);
}

/* ------------------------------------------------------------------------------------------------------- systemd */

static void
SetEnvironment(const char *fds, int pid, const char *names)
{
    char number[16];

    snprintf(number, sizeof(number), "%d", pid);
    setenv("LISTEN_FDS", fds, 1);
    setenv("LISTEN_PID", number, 1);
    setenv("LISTEN_FDNAMES", names, 1);
}

static bool
EnvironmentIsClean(void)
{
    return getenv("LISTEN_FDS") == NULL && getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDNAMES") == NULL;
}

/* As systemd passes one: this number, not close-on-exec. */
static void
PassAs(int number, int fd)
{
    assert_true(fd >= 0);
    if (fd != number) {
        assert_int_equal(dup2(fd, number), number);
        close(fd);
    } else {
        assert_int_equal(fcntl(fd, F_SETFD, 0), 0);
    }
}

static void
test_passed(void **state)
{
    char           path[] = "/tmp/test_prebind.XXXXXX", sock[60];
    unsigned short port;
    int            fd;

    assert_non_null(mkdtemp(path));
    snprintf(sock, sizeof(sock), "%s/s", path);
    fd = NsSockListenNew("127.0.0.1", 0, 5, false);
    port = PortOf(fd);
    PassAs(3, fd);
    assert_int_equal(Ns_SockSetNonBlocking(3), NS_OK);
    PassAs(4, NsSockListenNew(sock, 0, 5, false));
    SetEnvironment("2", (int)getpid(), "web:local");
    NsPrebindInherit();
    assert_true(EnvironmentIsClean());
    assert_true((fcntl(3, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(4, F_GETFD) & FD_CLOEXEC) != 0);

    Prebind("127.0.0.1:%hu", port);            /* is there already */
    assert_int_equal(Ns_SockListenEx("127.0.0.1", port, 5, false), 3);
    assert_int_equal(fcntl(3, F_GETFL) & O_NONBLOCK, 0);
    assert_true(Answers("127.0.0.1", port));
    assert_int_equal(Ns_SockListenEx("127.0.0.1", port, 5, false), -1);
    assert_int_equal(Ns_SockListenEx(sock, 0, 5, false), 4);
    assert_true(Answers(sock, 0));
    close(3);
    close(4);
    unlink(sock);
    rmdir(path);
}

/* What is not to be listened on is closed; the others are taken. */
static void
test_passed_others(void **state)
{
    unsigned short port;
    int            pair[2], fd;

    PassAs(3, socket(AF_INET, SOCK_DGRAM, 0));
    assert_int_equal(Ns_SockPipe(pair), NS_OK);
    PassAs(4, pair[0]);
    PassAs(5, open("/dev/null", O_RDONLY));
    close(6);                                  /* a gap */
    fd = NsSockListenNew("127.0.0.1", 0, 5, false);
    port = PortOf(fd);
    PassAs(7, fd);
    SetEnvironment("5", (int)getpid(), "udp:pair");
    NsPrebindInherit();
    assert_true(EnvironmentIsClean());
    assert_false(IsOpen(3));
    assert_false(IsOpen(4));
    assert_false(IsOpen(5));
    assert_int_equal(Ns_SockListenEx("127.0.0.1", port, 5, false), 7);
    close(7);
    close(pair[1]);
}

/* Meant for another process, or no number: nothing is touched, and our children do not take it for theirs. */
static void
test_passed_to_another(void **state)
{
    static const struct { const char *fds; int pid; } cases[] = {
        {"1", 1}, {"x", 0}, {"", 0}, {"-1", 0}, {"1x", 0}, {"99999999999", 0}
    };
    unsigned short port;
    int            fd = NsSockListenNew("127.0.0.1", 0, 5, false);

    port = PortOf(fd);
    PassAs(3, fd);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        SetEnvironment(cases[i].fds, cases[i].pid != 0 ? cases[i].pid : (int)getpid(), "web");
        NsPrebindInherit();
        assert_true(EnvironmentIsClean());
        assert_true(IsOpen(3));
        assert_int_equal(Ns_SockListenEx("127.0.0.1", port, 5, false), -1);
    }
    close(3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_list, CloseAll),
        cmocka_unit_test_teardown(test_given_once, CloseAll),
        cmocka_unit_test_teardown(test_busy, CloseAll),
        cmocka_unit_test_teardown(test_twice, CloseAll),
        cmocka_unit_test_teardown(test_new_one, CloseAll),
        cmocka_unit_test_teardown(test_ipv6, CloseAll),
        cmocka_unit_test_teardown(test_any, CloseAll),
        cmocka_unit_test_teardown(test_port_zero, CloseAll),
        cmocka_unit_test_teardown(test_reuseport, CloseAll),
        cmocka_unit_test_teardown(test_close, CloseAll),
        cmocka_unit_test_teardown(test_race, CloseAll),
        cmocka_unit_test_teardown(test_passed, CloseAll),
        cmocka_unit_test_teardown(test_passed_others, CloseAll),
        cmocka_unit_test_teardown(test_passed_to_another, CloseAll)
    };

    Tcl_FindExecutable(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
