/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Connections made on an event loop: every phase with success, failure, timeout and cancelling, and name look-ups that hang.
 */
#include "tlspair.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/un.h>
#include "net/connector.h"
#include "net/resolver.h"
#include "net/sock.h"

static NsLoop *loop;

/* ---------------------------------------------------------------------------------------------- what a connector says */

typedef struct Outcome {
    int            calls, code;
    NsConnectPhase phase;
    char           error[200];
    Ns_Wire        io;
    int            stopAt;                     /* the loop stops when `finished` is this many */
} Outcome;
static int finished;

static void
Done(const NsConnectorResult *result, void *arg)
{
    Outcome *outcome = arg;

    outcome->calls++;
    outcome->code = result->code;
    outcome->phase = result->phase;
    outcome->io = result->io;
    snprintf(outcome->error, sizeof(outcome->error), "%s", result->error != NULL ? result->error : "");
    assert_true((result->code == 0) == (result->io.sock != NS_INVALID_SOCKET));
    if (++finished == outcome->stopAt) {
        NsLoopStop(loop);
    }
}

static NsConnectorParams
To(const char *host, int port, int timeout)
{
    return (NsConnectorParams){.host = host, .port = (unsigned short)port, .deadline = NsLoopClock() + timeout};
}

static void
CloseIo(Ns_Wire *io)
{
    if (io->sock != NS_INVALID_SOCKET) {
        if (io->transport->release != NULL) {
            io->transport->release(io);
        }
        close(io->sock);
    }
}

static Outcome
ConnectTo(NsConnectorParams params)
{
    Outcome outcome = {.stopAt = 1, .io.sock = NS_INVALID_SOCKET};

    finished = 0;
    (void)NsConnectorStart(loop, &params, Done, &outcome);
    assert_int_equal(outcome.calls, 0);        /* never from within the call */
    NsLoopRun(loop);
    assert_int_equal(outcome.calls, 1);
    return outcome;
}

static void
ExpectFailure(NsConnectorParams params, NsConnectPhase phase, int code, const char *text)
{
    Outcome outcome = ConnectTo(params);

    assert_int_equal(outcome.code, code);
    assert_int_equal(outcome.phase, phase);
    assert_string_equal(outcome.error, text);
}

static void
ExpectSuccess(NsConnectorParams params)
{
    Outcome outcome = ConnectTo(params);

    assert_string_equal(outcome.error, "");
    assert_int_equal(outcome.code, 0);
    CloseIo(&outcome.io);
}

/* ------------------------------------------------------------------------------------------------------- the peers */

static int
Listen(int *port, int backlog)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t          len = sizeof(in);
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    *port = ntohs(in.sin_port);
    return fd;
}

/* A port that nobody listens on: it was bound a moment ago. */
static int
ClosedPort(void)
{
    int port;

    close(Listen(&port, 1));
    return port;
}

/* A listener whose backlog is full: the kernel does not answer any more. */
typedef struct Full { int listener, port, clients[16], count; } Full;

static Full
FillBacklog(void)
{
    Full               full = {.count = 0};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    full.listener = Listen(&full.port, 0);
    in.sin_port = htons((uint16_t)full.port);
    for (;;) {
        int           fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct pollfd pfd = {.fd = fd, .events = POLLOUT};

        assert_true(full.count < 16);
        full.clients[full.count++] = fd;
        (void)connect(fd, (struct sockaddr *)&in, sizeof(in));
        if (poll(&pfd, 1, 100) == 0) {
            return full;
        }
    }
}

static void
CloseFull(Full *full)
{
    close(full->listener);
    while (full->count > 0) {
        close(full->clients[--full->count]);
    }
}

static int
OpenDescriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++) {
        n += fcntl(fd, F_GETFD) != -1;
    }
    return n;
}

/* ----------------------------------------------------------------------------------------------------- connecting */

static void
test_connects_to_an_address(void **state)
{
    int port, fd = Listen(&port, 10);

    ExpectSuccess(To("127.0.0.1", port, 5000));
    close(fd);
}

static void
test_connects_by_ipv6(void **state)
{
    int       fd = NsSockListenNew("::1", 0, 10, false), port;
    union { struct sockaddr sa; struct sockaddr_in6 in6; } own;
    socklen_t len = sizeof(own);

    if (fd < 0) {
        skip();
    }
    assert_int_equal(getsockname(fd, &own.sa, &len), 0);
    port = ntohs(own.in6.sin6_port);
    ExpectSuccess(To("::1", port, 5000));
    ExpectSuccess(To("[::1]", port, 5000));
    close(fd);
}

static void
test_refused(void **state)
{
    ExpectFailure(To("127.0.0.1", ClosedPort(), 5000), NS_CONNECT_CONNECT, ECONNREFUSED, "Connection refused");
}

static void
test_no_answer_ends_with_the_deadline(void **state)
{
    Full    full = FillBacklog();
    int64_t start = NsLoopClock(), took;

    ExpectFailure(To("127.0.0.1", full.port, 150), NS_CONNECT_CONNECT, ETIMEDOUT, "timeout while connecting");
    took = NsLoopClock() - start;
    assert_true(took >= 150 && took < 5000);
    CloseFull(&full);
}

static void
test_no_time_at_all(void **state)
{
    Full full = FillBacklog();

    ExpectFailure(To("127.0.0.1", full.port, 0), NS_CONNECT_CONNECT, ETIMEDOUT, "timeout while connecting");
    ExpectFailure(To("127.0.0.1", full.port, -1000), NS_CONNECT_CONNECT, ETIMEDOUT, "timeout while connecting");
    CloseFull(&full);
}

static void
test_unix_sockets(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), first;
    char               name[320];

    snprintf(un.sun_path, sizeof(un.sun_path), "%s/sock", dir);
    snprintf(name, sizeof(name), "unix:%s", un.sun_path);
    ExpectFailure(To(name, 0, 5000), NS_CONNECT_CONNECT, ENOENT, "No such file or directory");
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    assert_int_equal(listen(fd, 0), 0);
    ExpectSuccess(To(un.sun_path, 0, 5000));
    /* That one still waits to be accepted: the backlog is full now. */
    ExpectFailure(To(name, 0, 60), NS_CONNECT_CONNECT, ETIMEDOUT, "timeout while connecting");
    first = accept(fd, NULL, NULL);
    ExpectSuccess(To(name, 0, 5000));
    close(first);
    close(fd);
}

/* A full Unix-domain listener is tried again until there is room. */
typedef struct Room { NsTimer timer; int fd; } Room;

static void
MakeRoom(NsLoop *l, NsTimer *timer)
{
    close(accept(((Room *)timer)->fd, NULL, NULL));
}

static void
test_unix_backlog_gets_room(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    Room               room = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    snprintf(un.sun_path, sizeof(un.sun_path), "%s/sock2", dir);
    assert_int_equal(bind(room.fd, (struct sockaddr *)&un, sizeof(un)), 0);
    assert_int_equal(listen(room.fd, 0), 0);
    ExpectSuccess(To(un.sun_path, 0, 5000));
    NsLoopTimerSet(loop, &room.timer, NsLoopClock() + 50, MakeRoom);
    ExpectSuccess(To(un.sun_path, 0, 5000));
    close(room.fd);
}

static void
test_many_at_once(void **state)
{
    enum { MANY = 200 };
    static Outcome    outcomes[MANY];
    int               port, fd = Listen(&port, MANY);
    NsConnectorParams params = To("127.0.0.1", port, 20000);

    finished = 0;
    for (int i = 0; i < MANY; i++) {
        outcomes[i] = (Outcome){.stopAt = MANY};
        (void)NsConnectorStart(loop, &params, Done, &outcomes[i]);
    }
    NsLoopRun(loop);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(outcomes[i].code, 0);
        CloseIo(&outcomes[i].io);
    }
    close(fd);
}

/* --------------------------------------------------------------------------------------------------------- look-ups */

/* The fake: "hang" waits until it is let go; "two" is a closed port and an open one; "slow" one that is silent and an open one. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t  cond;
    bool            letGo;
    int             hanging, asked;
    int             ports[2];
} fake = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0, {0, 0}};

static void
LocalAddr(NsSockAddr *addr, int port)
{
    memset(addr, 0, sizeof(*addr));
    addr->u.in.sin_family = AF_INET;
    addr->u.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr->u.in.sin_port = htons((uint16_t)port);
    addr->len = sizeof(addr->u.in);
}

static int
FakeResolve(const char *host, unsigned short port, NsSockAddr addrs[NS_MAX_ADDRS])
{
    pthread_mutex_lock(&fake.lock);
    fake.asked++;
    if (strcmp(host, "hang") == 0) {
        fake.hanging++;
        pthread_cond_broadcast(&fake.cond);
        while (!fake.letGo) {
            pthread_cond_wait(&fake.cond, &fake.lock);
        }
        fake.hanging--;
        pthread_cond_broadcast(&fake.cond);
    }
    pthread_mutex_unlock(&fake.lock);
    if (strcmp(host, "nobody") == 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    LocalAddr(&addrs[0], strcmp(host, "both") == 0 ? fake.ports[0] : port);
    LocalAddr(&addrs[1], fake.ports[1]);
    return strcmp(host, "both") == 0 ? 2 : 1;
}

static void
AwaitHanging(int count)
{
    pthread_mutex_lock(&fake.lock);
    while (fake.hanging != count) {
        pthread_cond_wait(&fake.cond, &fake.lock);
    }
    pthread_mutex_unlock(&fake.lock);
}

static void
LetGo(bool letGo)
{
    pthread_mutex_lock(&fake.lock);
    fake.letGo = letGo;
    pthread_cond_broadcast(&fake.cond);
    pthread_mutex_unlock(&fake.lock);
    if (letGo) {
        AwaitHanging(0);
    }
}

static int
SetupFake(void **state)
{
    NsResolverStats stats;
    Ns_Time         until;

    /* No thread of the test before: one that is idle would take a look-up more than the test counts on. */
    Ns_GetTime(&until);
    Ns_IncrTime(&until, 20, 0);
    do {
        (void)NsResolverStop(&until);
        NsResolverGetStats(&stats);
    } while (stats.threads > 0);
    NsResolverReplace(FakeResolve);
    LetGo(false);
    return 0;
}

static int
TeardownFake(void **state)
{
    LetGo(true);
    NsResolverReplace(NULL);
    NsResolverConfigure(NS_RESOLVER_THREADS, NS_RESOLVER_QUEUE);
    return 0;
}

static void
test_a_name_is_looked_up(void **state)
{
    int port, fd = Listen(&port, 10), before = fake.asked;

    ExpectSuccess(To("somebody", port, 5000));
    assert_int_equal(fake.asked, before + 1);
    ExpectSuccess(To("127.0.0.1", port, 5000));
    assert_int_equal(fake.asked, before + 1);  /* an address needs no look-up */
    close(fd);
}

static void
test_unknown_name(void **state)
{
    ExpectFailure(To("nobody", 80, 5000), NS_CONNECT_LOOKUP, EHOSTUNREACH, "unknown host");
}

static void
test_real_names(void **state)
{
    int port, fd = Listen(&port, 10);

    NsResolverReplace(NULL);
    ExpectSuccess(To("localhost", port, 5000));
    close(fd);
}

static void
test_the_next_address_is_tried(void **state)
{
    int fd = Listen(&fake.ports[1], 10);

    fake.ports[0] = ClosedPort();
    ExpectSuccess(To("both", 0, 5000));
    close(fd);
    /* And the first error is told when none works. */
    fake.ports[1] = ClosedPort();
    ExpectFailure(To("both", 0, 5000), NS_CONNECT_CONNECT, ECONNREFUSED, "Connection refused");
}

static void
test_a_silent_address_leaves_time_for_the_next(void **state)
{
    Full    full = FillBacklog();
    int     fd = Listen(&fake.ports[1], 10);
    int64_t start = NsLoopClock(), took;

    fake.ports[0] = full.port;
    ExpectSuccess(To("both", 0, 4000));
    took = NsLoopClock() - start;
    assert_true(took >= 1950);                 /* half of the time was the first one's */
    close(fd);
    CloseFull(&full);
}

/* A connector whose look-up has begun, and hangs. */
static NsConnector *
StartHanging(Outcome *outcome)
{
    NsConnectorParams params = To("hang", 80, 20000);
    NsConnector      *connector = NsConnectorStart(loop, &params, Done, outcome);

    NsLoopStop(loop);
    NsLoopRun(loop);
    AwaitHanging(1);
    return connector;
}

static void
test_a_hanging_lookup_ends_with_the_deadline(void **state)
{
    Outcome      outcome = {.stopAt = 1};
    NsConnector *hanging = StartHanging(&outcome);
    int64_t      start = NsLoopClock();

    ExpectFailure(To("hang", 80, 100), NS_CONNECT_LOOKUP, ETIMEDOUT, "timeout during name look-up");
    assert_true(NsLoopClock() - start < 5000);
    NsConnectorCancel(hanging);                /* its thread is still there, with a look-up nobody waits for */
    assert_int_equal(outcome.calls, 0);
}

static void
test_too_many_lookups(void **state)
{
    Outcome           hangs = {.stopAt = 1}, waits = {.stopAt = 1}, refused = {.stopAt = 1};
    NsConnectorParams params = To("hang", 80, 20000);
    NsConnector      *hanging, *waiting;
    NsResolverStats   before, after;

    NsResolverGetStats(&before);
    NsResolverConfigure(1, 1);
    finished = 0;
    hanging = StartHanging(&hangs);            /* it has the only thread: the next one waits, and the third is refused */
    waiting = NsConnectorStart(loop, &params, Done, &waits);
    (void)NsConnectorStart(loop, &params, Done, &refused);
    NsLoopRun(loop);
    assert_int_equal(refused.code, EAGAIN);
    assert_string_equal(refused.error, "too many name look-ups are waiting");
    assert_int_equal(hangs.calls + waits.calls, 0);
    NsResolverGetStats(&after);
    assert_true(after.refused == before.refused + 1);
    assert_int_equal(after.waiting, 1);
    NsConnectorCancel(waiting);
    NsResolverGetStats(&after);
    assert_int_equal(after.waiting, 0);        /* who gave up does not stand in the line */
    ExpectFailure(To("hang", 80, 100), NS_CONNECT_LOOKUP, ETIMEDOUT, "timeout during name look-up");
    NsResolverGetStats(&after);
    assert_int_equal(after.waiting, 0);
    NsConnectorCancel(hanging);
}

static void
test_the_stop_does_not_wait_for_a_hanging_lookup(void **state)
{
    Outcome           outcomes[2] = {{.stopAt = 1}, {.stopAt = 1}};
    NsConnectorParams other = To("other", 80, 20000);
    NsConnector      *connector = StartHanging(&outcomes[0]);
    Ns_Time           until;
    int64_t           start;

    finished = 0;
    Ns_GetTime(&until);
    Ns_IncrTime(&until, 20, 0);
    start = NsLoopClock();
    assert_int_equal(NsResolverStop(&until), 1);
    assert_true(NsLoopClock() - start < 5000);
    (void)NsConnectorStart(loop, &other, Done, &outcomes[1]);
    NsLoopRun(loop);
    assert_string_equal(outcomes[1].error, "the server is shutting down");
    assert_int_equal(outcomes[0].calls, 0);
    NsConnectorCancel(connector);
}

/* -------------------------------------------------------------------------------------------------------------- TLS */

/* Both ends on one loop: the server's accepts one connection and shakes hands. */
typedef struct Server {
    NsWatch    watch;
    int        fd, port;
    Ns_TlsCtx *ctx;                            /* NULL: says nothing */
    int        silent;                         /* the connection, then */
    Outcome    outcome;
} Server;

static void
AcceptOne(NsLoop *l, NsWatch *watch, unsigned events)
{
    Server *server = (Server *)watch;
    Ns_Wire io = {.sock = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)};

    assert_true(io.sock >= 0);
    if (server->ctx == NULL) {
        server->silent = io.sock;
    } else {
        assert_int_equal(Ns_TlsAttachServer(&io, server->ctx), NS_OK);
        (void)NsConnectorHandshake(l, &io, NsLoopClock() + 5000, NULL, NULL, Done, &server->outcome);
    }
}

static void
StartServer(Server *server, Ns_TlsCtx *ctx, int stopAt)
{
    *server = (Server){.ctx = ctx, .silent = -1, .outcome = {.stopAt = stopAt, .io.sock = NS_INVALID_SOCKET}};
    server->fd = Listen(&server->port, 10);
    assert_int_equal(NsLoopWatch(loop, &server->watch, server->fd, NS_EV_READ, AcceptOne), NS_OK);
}

static void
EndServer(Server *server)
{
    NsLoopUnwatch(loop, &server->watch);
    close(server->fd);
    CloseIo(&server->outcome.io);
    if (server->silent >= 0) {
        close(server->silent);
    }
    Ns_TlsCtxRelease(server->ctx);
}

/* Both ends until both are done. */
static void
TryTls(Server *server, Outcome *client, Ns_TlsServerParams serverParams, Ns_TlsClientParams clientParams, const char *hostname)
{
    NsConnectorParams params;

    *client = (Outcome){.stopAt = 2, .io.sock = NS_INVALID_SOCKET};
    finished = 0;
    StartServer(server, ServerCtx(serverParams), 2);
    params = To("127.0.0.1", server->port, 5000);
    params.tls = ClientCtx(clientParams);
    params.hostname = hostname;
    (void)NsConnectorStart(loop, &params, Done, client);
    Ns_TlsCtxRelease(params.tls);              /* the connector has its own reference */
    NsLoopRun(loop);
}

static void
test_tls_with_the_name_sent(void **state)
{
    Server  server;
    Outcome client;

    TryTls(&server, &client, (Ns_TlsServerParams){0}, (Ns_TlsClientParams){0}, "www.example.org");
    assert_string_equal(client.error, "");
    assert_int_equal(server.outcome.code, 0);
    assert_info(&server.outcome.io, "servername", "www.example.org");
    CloseIo(&client.io);
    EndServer(&server);
    /* An address is verified as such, and not sent as a name. */
    TryTls(&server, &client, (Ns_TlsServerParams){0}, (Ns_TlsClientParams){0}, NULL);
    assert_string_equal(client.error, "");
    assert_info(&server.outcome.io, "servername", "");
    CloseIo(&client.io);
    EndServer(&server);
}

static void
ExpectTlsFailure(Ns_TlsServerParams serverParams, Ns_TlsClientParams clientParams, const char *hostname, const char *text)
{
    Server  server;
    Outcome client;

    TryTls(&server, &client, serverParams, clientParams, hostname);
    assert_int_equal(client.phase, NS_CONNECT_TLS);
    assert_int_not_equal(client.code, 0);
    assert_int_not_equal(client.code, ETIMEDOUT);
    if (strstr(client.error, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, client.error);
    }
    assert_int_not_equal(server.outcome.code, 0);
    EndServer(&server);
}

static void
test_tls_verification(void **state)
{
    Server  server;
    Outcome client;

    ExpectTlsFailure((Ns_TlsServerParams){0}, (Ns_TlsClientParams){.caFile = File("other-ca.pem")}, "localhost",
                     "certificate verify failed");
    ExpectTlsFailure((Ns_TlsServerParams){0}, (Ns_TlsClientParams){0}, "elsewhere.example.net", "ostname mismatch");
    ExpectTlsFailure((Ns_TlsServerParams){.certificate = File("expired.pem")}, (Ns_TlsClientParams){0}, "localhost",
                     "certificate has expired");
    TryTls(&server, &client, (Ns_TlsServerParams){.certificate = File("expired.pem")}, (Ns_TlsClientParams){.insecure = true},
           "elsewhere.example.net");
    assert_string_equal(client.error, "");
    CloseIo(&client.io);
    EndServer(&server);
}

static void
test_tls_client_certificate(void **state)
{
    Ns_TlsServerParams wants = {.caFile = File("ca.pem"), .verifyClient = 2};
    Server             server;
    Outcome            client;
    Tcl_Obj           *cert;

    TryTls(&server, &client, wants, (Ns_TlsClientParams){.certificate = File("client.pem")}, "localhost");
    assert_string_equal(client.error, "");
    assert_int_equal(server.outcome.code, 0);
    cert = Info(&server.outcome.io, "clientcert");
    assert_non_null(strstr(Tcl_GetString(cert), "Alice"));
    Tcl_DecrRefCount(cert);
    CloseIo(&client.io);
    EndServer(&server);
    /* With TLS 1.3 the client is done before the server misses the certificate. */
    TryTls(&server, &client, wants, (Ns_TlsClientParams){0}, "localhost");
    assert_int_not_equal(server.outcome.code, 0);
    CloseIo(&client.io);
    EndServer(&server);
}

static void
test_tls_silence_ends_with_the_deadline(void **state)
{
    Server            server;
    NsConnectorParams params;
    Outcome           outcome;

    StartServer(&server, NULL, 0);
    params = To("127.0.0.1", server.port, 150);
    params.tls = ClientCtx((Ns_TlsClientParams){0});
    outcome = ConnectTo(params);
    assert_int_equal(outcome.code, ETIMEDOUT);
    assert_int_equal(outcome.phase, NS_CONNECT_TLS);
    assert_string_equal(outcome.error, "timeout during TLS handshake");
    Ns_TlsCtxRelease(params.tls);
    EndServer(&server);
}

static void
test_a_client_that_says_nothing(void **state)
{
    Ns_TlsCtx *ctx = ServerCtx((Ns_TlsServerParams){0});
    Outcome    outcome = {.stopAt = 1};
    Ns_Wire    io = {0};
    int        fds[2];

    SocketPair(fds, 0);
    io.sock = fds[0];
    assert_int_equal(Ns_TlsAttachServer(&io, ctx), NS_OK);
    finished = 0;
    (void)NsConnectorHandshake(loop, &io, NsLoopClock() + 100, NULL, NULL, Done, &outcome);
    NsLoopRun(loop);
    assert_string_equal(outcome.error, "timeout during TLS handshake");
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);      /* closed */
    close(fds[1]);
    Ns_TlsCtxRelease(ctx);
}

static void
test_no_tls_at_the_other_end(void **state)
{
    Ns_TlsCtx *ctx = ServerCtx((Ns_TlsServerParams){0});
    Outcome    outcome = {.stopAt = 1};
    Ns_Wire    io = {0};
    int        fds[2];

    SocketPair(fds, 0);
    io.sock = fds[0];
    assert_int_equal(Ns_TlsAttachServer(&io, ctx), NS_OK);
    finished = 0;
    (void)NsConnectorHandshake(loop, &io, NsLoopClock() + 5000, NULL, NULL, Done, &outcome);
    assert_int_equal(write(fds[1], "GET / HTTP/1.0\r\n\r\n", 18), 18);
    NsLoopRun(loop);
    assert_int_not_equal(outcome.code, 0);
    assert_int_not_equal(outcome.code, ETIMEDOUT);
    close(fds[1]);
    Ns_TlsCtxRelease(ctx);
}

/* ------------------------------------------------------------------------------------------------------- cancelling */

static void
StopLoop(NsLoop *l, NsTimer *timer)
{
    NsLoopStop(l);
}

static void
RunFor(int ms)
{
    NsTimer timer = {0};

    NsLoopTimerSet(loop, &timer, NsLoopClock() + ms, StopLoop);
    NsLoopRun(loop);
}

static void
test_cancel_in_every_phase(void **state)
{
    Full              full = FillBacklog();
    Server            server;
    Outcome           outcome = {.stopAt = 1};
    NsConnectorParams params = To("127.0.0.1", full.port, 20000);
    NsConnector      *connector;
    int               before;

    StartServer(&server, NULL, 0);
    before = OpenDescriptors();
    finished = 0;
    /* before it has begun */
    NsConnectorCancel(NsConnectorStart(loop, &params, Done, &outcome));
    RunFor(20);
    /* looking up */
    params.host = "hang";
    connector = NsConnectorStart(loop, &params, Done, &outcome);
    RunFor(20);
    AwaitHanging(1);
    NsConnectorCancel(connector);
    LetGo(true);
    RunFor(20);
    /* connecting */
    params.host = "127.0.0.1";
    connector = NsConnectorStart(loop, &params, Done, &outcome);
    RunFor(20);
    NsConnectorCancel(connector);
    assert_int_equal(OpenDescriptors(), before);
    /* shaking hands */
    params.port = (unsigned short)server.port;
    params.tls = ClientCtx((Ns_TlsClientParams){0});
    connector = NsConnectorStart(loop, &params, Done, &outcome);
    while (server.silent < 0) {
        RunFor(10);
    }
    NsConnectorCancel(connector);
    Ns_TlsCtxRelease(params.tls);
    RunFor(20);
    assert_int_equal(outcome.calls, 0);
    assert_int_equal(OpenDescriptors(), before + 1);           /* the server's end */
    EndServer(&server);
    CloseFull(&full);
}

/* ---------------------------------------------------------------------------------------------------------- waiting */

static void
test_wait(void **state)
{
    int               port, fd = Listen(&port, 10), before = OpenDescriptors();
    NsConnectorParams params = To("127.0.0.1", port, 5000);
    NsConnectPhase    phase;
    Ns_Wire           io;

    Tcl_DStringSetLength(&error, 0);
    assert_true(NsConnectorWait(&params, &io, &phase, &error));
    assert_string_equal(Tcl_DStringValue(&error), "");
    CloseIo(&io);
    params = To("hang", port, 100);
    assert_false(NsConnectorWait(&params, &io, &phase, &error));
    assert_int_equal(errno, ETIMEDOUT);
    assert_int_equal(phase, NS_CONNECT_LOOKUP);
    assert_string_equal(Tcl_DStringValue(&error), "timeout during name look-up");
    assert_int_equal(OpenDescriptors(), before);
    close(fd);
}

/* The thread that posts the answer must be done with the loop when the one that waits destroys it. */
static void
test_the_loop_goes_right_after_the_lookup(void **state)
{
    for (int i = 0; i < 1000; i++) {
        NsConnectorParams params = To("nobody", 80, 5000);
        NsConnectPhase    phase;
        Ns_Wire           io;

        Tcl_DStringSetLength(&error, 0);
        assert_false(NsConnectorWait(&params, &io, &phase, &error));
        assert_int_equal(errno, EHOSTUNREACH);
    }
}

#define FAKE(test) cmocka_unit_test_setup_teardown(test, SetupFake, TeardownFake)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connects_to_an_address),
        cmocka_unit_test(test_connects_by_ipv6),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_answer_ends_with_the_deadline),
        cmocka_unit_test(test_no_time_at_all),
        cmocka_unit_test(test_unix_sockets),
        cmocka_unit_test(test_unix_backlog_gets_room),
        cmocka_unit_test(test_many_at_once),
        FAKE(test_a_name_is_looked_up),
        FAKE(test_unknown_name),
        FAKE(test_real_names),
        FAKE(test_the_next_address_is_tried),
        FAKE(test_a_silent_address_leaves_time_for_the_next),
        FAKE(test_a_hanging_lookup_ends_with_the_deadline),
        FAKE(test_too_many_lookups),
        FAKE(test_the_stop_does_not_wait_for_a_hanging_lookup),
        cmocka_unit_test(test_tls_with_the_name_sent),
        cmocka_unit_test(test_tls_verification),
        cmocka_unit_test(test_tls_client_certificate),
        cmocka_unit_test(test_tls_silence_ends_with_the_deadline),
        cmocka_unit_test(test_a_client_that_says_nothing),
        cmocka_unit_test(test_no_tls_at_the_other_end),
        FAKE(test_cancel_in_every_phase),
        FAKE(test_wait),
        FAKE(test_the_loop_goes_right_after_the_lookup),
    };
    int failed;

    loop = NsLoopCreate("test");
    failed = cmocka_run_group_tests(tests, SetupAll, TeardownAll);
    NsLoopDestroy(loop);
    return failed;
}
