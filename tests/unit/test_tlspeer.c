/* SPDX-License-Identifier: MPL-2.0 */
/*
 * TLS: the transport as a server, against a client that is plain OpenSSL and does what ours does not.
 */
#include "tlspair.h"
#include <sys/ioctl.h>
#include "net/tls.h"

typedef struct Raw {
    Ns_Wire  server;
    SSL_CTX *ctx;
    SSL     *ssl;
    int      fd;
} Raw;

static void
RawOpen(Raw *raw, Ns_TlsCtx *server, int bufferSize)
{
    int fds[2];

    SocketPair(fds, bufferSize);
    memset(&raw->server, 0, sizeof(raw->server));
    raw->server.sock = fds[0];
    raw->fd = fds[1];
    assert_int_equal(Ns_TlsAttachServer(&raw->server, server), NS_OK);
    if (raw->ctx == NULL) {
        raw->ctx = SSL_CTX_new(TLS_client_method());
    }
    raw->ssl = SSL_new(raw->ctx);
    SSL_set_fd(raw->ssl, raw->fd);
    SSL_set_connect_state(raw->ssl);
    SSL_set_tlsext_host_name(raw->ssl, "localhost");
}

static Ns_ReturnCode
RawHandshake(Raw *raw)
{
    Ns_ReturnCode server = NS_CONTINUE;
    unsigned      waitFor;
    int           client = 0;

    for (int i = 0; i < 1000 && (server == NS_CONTINUE || client != 1); i++) {
        client = client == 1 ? 1 : SSL_do_handshake(raw->ssl);
        server = server == NS_CONTINUE ? raw->server.transport->handshake(&raw->server, &waitFor, &error) : server;
        if (server == NS_ERROR) {
            return NS_ERROR;
        }
    }
    ERR_clear_error();
    return client == 1 && server == NS_OK ? NS_OK : NS_ERROR;
}

static void
RawClose(Raw *raw, bool all)
{
    SSL_free(raw->ssl);
    close(raw->fd);
    Close(&raw->server);
    if (all) {
        SSL_CTX_free(raw->ctx);
    }
}

static void
test_application_protocol(void **state)
{
    Ns_TlsCtx           *server = ServerCtx((Ns_TlsServerParams){0});
    Raw                  raw = {0};
    const unsigned char *selected;
    unsigned             len;

    RawOpen(&raw, server, 0);
    SSL_set_alpn_protos(raw.ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    assert_int_equal(RawHandshake(&raw), NS_OK);
    SSL_get0_alpn_selected(raw.ssl, &selected, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(selected, "http/1.1", 8);
    RawClose(&raw, false);

    RawOpen(&raw, server, 0);
    SSL_set_alpn_protos(raw.ssl, (const unsigned char *)"\x02h2", 3);
    assert_int_equal(RawHandshake(&raw), NS_ERROR);
    RawClose(&raw, true);
    Ns_TlsCtxRelease(server);
}

static SSL_SESSION *savedSession;

static int
SaveSession(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION_free(savedSession);
    savedSession = session;
    return 1;
}

static void
test_resumption(void **state)
{
    static const char *const protocols[] = {"TLSv1.2", "TLSv1.3"};

    for (int i = 0; i < 2; i++) {
        Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){.protocols = protocols[i]});
        Raw        raw = {.ctx = SSL_CTX_new(TLS_client_method())};
        char       buffer[10];

        SSL_CTX_set_session_cache_mode(raw.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(raw.ctx, SaveSession);
        for (int round = 0; round < 3; round++) {
            RawOpen(&raw, server, 0);
            if (savedSession != NULL) {
                SSL_set_session(raw.ssl, savedSession);
            }
            assert_int_equal(RawHandshake(&raw), NS_OK);
            assert_int_equal(SSL_session_reused(raw.ssl), round > 0);
            assert_int_equal(Send(&raw.server, "x", 1), 1);
            assert_int_equal(SSL_read(raw.ssl, buffer, sizeof(buffer)), 1);            /* the tickets come before it */
            SSL_shutdown(raw.ssl);
            RawClose(&raw, round == 2);
        }
        SSL_SESSION_free(savedSession);
        savedSession = NULL;
        Ns_TlsCtxRelease(server);
    }
}

/* A session that was made without a client certificate is not resumed for a host that requires one. */
static void
test_no_resumption_for_another_host(void **state)
{
    static const char *const protocols[] = {"TLSv1.2", "TLSv1.3"};

    for (int i = 0; i < 2; i++) {
        Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){.protocols = protocols[i]});
        Ns_TlsCtx *secret = ServerCtx((Ns_TlsServerParams){.protocols = protocols[i], .certificate = File("wild.pem"),
                                                           .verifyClient = 2, .caFile = File("ca.pem")});
        Raw        raw = {.ctx = SSL_CTX_new(TLS_client_method())};
        char       buffer[10];

        assert_int_equal(Ns_TlsCtxAddHost(server, "secret.example.com", secret), NS_OK);
        SSL_CTX_set_session_cache_mode(raw.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(raw.ctx, SaveSession);
        RawOpen(&raw, server, 0);
        assert_int_equal(RawHandshake(&raw), NS_OK);
        assert_int_equal(Send(&raw.server, "x", 1), 1);
        assert_int_equal(SSL_read(raw.ssl, buffer, sizeof(buffer)), 1);
        SSL_shutdown(raw.ssl);
        RawClose(&raw, false);
        assert_non_null(savedSession);

        RawOpen(&raw, server, 0);
        SSL_set_session(raw.ssl, savedSession);
        SSL_set_tlsext_host_name(raw.ssl, "secret.example.com");
        assert_int_equal(RawHandshake(&raw), NS_ERROR);
        assert_int_equal(SSL_session_reused(raw.ssl), 0);
        RawClose(&raw, true);
        ERR_clear_error();
        SSL_SESSION_free(savedSession);
        savedSession = NULL;
        Ns_TlsCtxRelease(server);
        Ns_TlsCtxRelease(secret);
    }
}

static void
test_renegotiation_refused(void **state)
{
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){.protocols = "TLSv1.2"});
    Raw        raw = {0};
    char       buffer[10];

    RawOpen(&raw, server, 0);
    assert_int_equal(RawHandshake(&raw), NS_OK);
    assert_int_equal(SSL_renegotiate(raw.ssl), 1);
    SSL_do_handshake(raw.ssl);
    assert_int_equal(Recv(&raw.server, buffer, sizeof(buffer)), -1);
    assert_int_equal(errno, EAGAIN);           /* a warning has gone back; the connection stays as it is */
    assert_true(SSL_do_handshake(raw.ssl) <= 0);
    ERR_clear_error();
    RawClose(&raw, true);
    Ns_TlsCtxRelease(server);
}

/* How many sends of 10 bytes the socket takes, until one is refused. */
static size_t
Capacity(Ns_Wire *sock, size_t limit)
{
    char   bytes[10];
    size_t n;

    for (n = 0; n < limit; n++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = ByteAt(10 * n + i);
        }
        if (Send(sock, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes)) {
            assert_int_equal(errno, EAGAIN);
            break;
        }
    }
    return n;
}

/*
 * The peer asks for new keys while our way out is blocked: our answer has to go out before any other byte.  With and without a
 * record of ours that was refused before; what is refused comes back longer or shorter.
 */
static void
KeyUpdate(bool refuseFirst)
{
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){.protocols = "TLSv1.3"});
    Raw        raw = {0};
    char      *bytes = Pattern(0, 300000), buffer[20000];
    size_t     sent, received = 0, capacity, total = 300000;
    ssize_t    n;

    RawOpen(&raw, server, 4608);
    assert_int_equal(RawHandshake(&raw), NS_OK);
    capacity = Capacity(&raw.server, total);
    RawClose(&raw, false);

    RawOpen(&raw, server, 4608);
    assert_int_equal(RawHandshake(&raw), NS_OK);
    sent = 10 * Capacity(&raw.server, refuseFirst ? total : capacity);
    assert_int_equal(sent, 10 * capacity);
    assert_int_equal(SSL_key_update(raw.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_write(raw.ssl, "hello", 5), 5);
    assert_int_equal(Recv(&raw.server, buffer, sizeof(buffer)), 5);
    for (int i = 0; received < total; i++) {
        size_t offer = i % 3 == 0 ? 5000 : 37;

        if (i > 3) {
            n = SSL_read(raw.ssl, buffer, sizeof(buffer));
            assert_true(n > 0 || SSL_get_error(raw.ssl, (int)n) == SSL_ERROR_WANT_READ);
            if (n > 0) {
                CheckPattern(buffer, received, (size_t)n);
                received += (size_t)n;
            }
        }
        if (sent < total) {
            offer = total - sent < offer ? total - sent : offer;
            n = Send(&raw.server, bytes + sent, offer);
            assert_true(n > 0 || (n == -1 && errno == EAGAIN && i < 100000));
            assert_true(i != 0 || n == -1);
            sent += n > 0 ? (size_t)n : 0;
        }
        assert_true(i < 100000);
    }
    free(bytes);
    RawClose(&raw, true);
    Ns_TlsCtxRelease(server);
}

/*
 * A peer that sends KeyUpdates and nothing else, as fast as it can: each call takes a bounded number of them, and soon the session
 * has ended.  With and without asking for ours; some data between them, too little to excuse them, does not help.
 */
static void
KeyUpdateFlood(int kind, int dataEvery)
{
    Ns_TlsCtx         *server = ServerCtx((Ns_TlsServerParams){.protocols = "TLSv1.3"});
    unsigned long long before = NsTlsFloods();
    Raw                raw = {0};
    char               buffer[20000];
    int                sent = 0, calls = 0;
    ssize_t            n;
    bool               more = true;

    RawOpen(&raw, server, 1 << 20);
    assert_int_equal(RawHandshake(&raw), NS_OK);
    while (more && sent < 2000) {
        more = SSL_key_update(raw.ssl, kind) == 1 && SSL_do_handshake(raw.ssl) == 1
               && (dataEvery == 0 || sent % dataEvery != 0 || SSL_write(raw.ssl, "x", 1) == 1);
        sent += more ? 1 : 0;
    }
    ERR_clear_error();
    assert_true(sent > 500);
    while ((n = Recv(&raw.server, buffer, sizeof(buffer))) > 0 || (n == -1 && errno == EAGAIN && calls < sent)) {
        calls++;
    }
    assert_int_equal(n, -1);
    assert_int_equal(errno, ECONNABORTED);
    assert_true(calls < 50);
    assert_int_equal(NsTlsFloods(), before + 1);
    assert_int_equal(Recv(&raw.server, buffer, sizeof(buffer)), -1);       /* it stays ended, counted once */
    assert_int_equal(Send(&raw.server, "x", 1), -1);
    assert_false(Pending(&raw.server));
    assert_int_equal(NsTlsFloods(), before + 1);
    RawClose(&raw, true);
    Ns_TlsCtxRelease(server);
}

static void
test_key_update_flood_ends(void **state)
{
    KeyUpdateFlood(SSL_KEY_UPDATE_NOT_REQUESTED, 0);
    KeyUpdateFlood(SSL_KEY_UPDATE_REQUESTED, 0);
    KeyUpdateFlood(SSL_KEY_UPDATE_NOT_REQUESTED, 1);
    KeyUpdateFlood(SSL_KEY_UPDATE_NOT_REQUESTED, 10);
}

/* Many KeyUpdates are nothing bad when data comes between them. */
static void
test_key_updates_with_data(void **state)
{
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){.protocols = "TLSv1.3"});
    Raw        raw = {0};
    char       block[4096] = {0}, buffer[20000];

    RawOpen(&raw, server, 1 << 20);
    assert_int_equal(RawHandshake(&raw), NS_OK);
    for (int i = 0; i < 1000; i++) {
        size_t received = 0;

        assert_int_equal(SSL_key_update(raw.ssl, i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_write(raw.ssl, block, sizeof(block)), (int)sizeof(block));
        while (received < sizeof(block)) {
            ssize_t n = Recv(&raw.server, buffer, sizeof(buffer));

            assert_true(n > 0);
            received += (size_t)n;
        }
        assert_int_equal(Send(&raw.server, "ok", 2), 2);
        assert_int_equal(SSL_read(raw.ssl, buffer, sizeof(buffer)), 2);
    }
    RawClose(&raw, true);
    Ns_TlsCtxRelease(server);
}

/* Data in ever so small records: no call takes more than a part of what the socket holds; all of it arrives. */
static void
test_a_call_takes_a_part(void **state)
{
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){.protocols = "TLSv1.3"});
    Raw        raw = {0};
    BIO       *out = BIO_new(BIO_s_mem());
    char       buffer[256 * 1024], *records;
    int        received = 0, before = 0, after = 0;
    const int  count = 20000;
    long       left;

    RawOpen(&raw, server, 1 << 20);
    assert_int_equal(RawHandshake(&raw), NS_OK);
    SSL_set0_wbio(raw.ssl, out);
    for (int i = 0; i < count; i++) {
        assert_int_equal(SSL_write(raw.ssl, "x", 1), 1);
    }
    left = BIO_get_mem_data(out, &records);
    while (received < count) {
        ssize_t n = left > 0 ? send(raw.fd, records, (size_t)left, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

        left -= n > 0 ? n : 0;
        records += n > 0 ? n : 0;
        assert_int_equal(ioctl(raw.server.sock, FIONREAD, &before), 0);
        n = Recv(&raw.server, buffer, sizeof(buffer));
        assert_true(n > 0 && n <= 512);
        received += (int)n;
        assert_int_equal(ioctl(raw.server.sock, FIONREAD, &after), 0);
        assert_true(before - after <= 80 * 1024);
        assert_true(received == count || left > 0 || after > 0 || Pending(&raw.server));
    }
    assert_int_equal(Recv(&raw.server, buffer, sizeof(buffer)), -1);
    assert_int_equal(errno, EAGAIN);
    RawClose(&raw, true);
    Ns_TlsCtxRelease(server);
}

/* A server that sends one session ticket after the other to a client of ours. */
static void
test_ticket_flood_ends(void **state)
{
    Ns_TlsCtx         *client = ClientCtx((Ns_TlsClientParams){.insecure = true});
    unsigned long long before = NsTlsFloods();
    SSL_CTX           *ctx = SSL_CTX_new(TLS_server_method());
    SSL               *ssl = SSL_new(ctx);
    Ns_Wire            sock = {0};
    char               buffer[1000];
    unsigned           waitFor;
    int                fds[2], result = 0, sent = 0, calls = 0;
    Ns_ReturnCode      status = NS_CONTINUE;

    SocketPair(fds, 1 << 20);
    sock.sock = fds[0];
    assert_int_equal(SSL_use_certificate_file(ssl, File("server.pem"), SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_use_PrivateKey_file(ssl, File("server.pem"), SSL_FILETYPE_PEM), 1);
    SSL_set_fd(ssl, fds[1]);
    assert_int_equal(Ns_TlsAttachClient(&sock, client, "localhost", &error), NS_OK);
    for (int i = 0; i < 100 && (status == NS_CONTINUE || result != 1); i++) {
        status = status == NS_CONTINUE ? sock.transport->handshake(&sock, &waitFor, &error) : status;
        result = SSL_accept(ssl);
    }
    assert_int_equal(status, NS_OK);
    assert_int_equal(result, 1);
    while (sent < 500 && SSL_new_session_ticket(ssl) == 1 && SSL_do_handshake(ssl) == 1) {
        sent++;
    }
    ERR_clear_error();
    assert_true(sent > 100);
    while (Recv(&sock, buffer, sizeof(buffer)) == -1 && errno == EAGAIN && calls < sent) {
        calls++;
    }
    assert_int_equal(errno, ECONNABORTED);
    assert_int_equal(NsTlsFloods(), before + 1);
    Close(&sock);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fds[1]);
    Ns_TlsCtxRelease(client);
}

static void
test_key_update_while_blocked(void **state)
{
    KeyUpdate(false);
    KeyUpdate(true);
}

/* A peer that asked for records of 512 bytes, and a refused send that comes back shorter. */
static void
test_small_records(void **state)
{
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){0});
    Raw        raw = {.ctx = SSL_CTX_new(TLS_client_method())};
    size_t     total = 400000, sent = 0, received = 0;
    char      *bytes = Pattern(0, total), buffer[20000];
    ssize_t    n;

    SSL_CTX_set_tlsext_max_fragment_length(raw.ctx, TLSEXT_max_fragment_length_512);
    RawOpen(&raw, server, 4608);
    assert_int_equal(RawHandshake(&raw), NS_OK);
    for (int i = 0; received < total; i++) {
        size_t offer = i % 2 == 0 ? 30000 : 37;

        offer = offer < total - sent ? offer : total - sent;
        if (offer > 0 && (n = Send(&raw.server, bytes + sent, offer)) > 0) {
            sent += (size_t)n;
        }
        n = SSL_read(raw.ssl, buffer, sizeof(buffer));
        if (n > 0) {
            assert_true(n <= 512);
            CheckPattern(buffer, received, (size_t)n);
            received += (size_t)n;
        }
        assert_true(i < 100000);
    }
    free(bytes);
    RawClose(&raw, true);
    Ns_TlsCtxRelease(server);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_application_protocol),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_no_resumption_for_another_host),
        cmocka_unit_test(test_renegotiation_refused),
        cmocka_unit_test(test_key_update_flood_ends),
        cmocka_unit_test(test_key_updates_with_data),
        cmocka_unit_test(test_a_call_takes_a_part),
        cmocka_unit_test(test_ticket_flood_ends),
        cmocka_unit_test(test_key_update_while_blocked),
        cmocka_unit_test(test_small_records),
    };

    return cmocka_run_group_tests_name("tlspeer", tests, SetupAll, TeardownAll);
}
