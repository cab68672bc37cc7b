/* SPDX-License-Identifier: MPL-2.0 */
/*
 * TLS: the transport as a server, against a client that is plain OpenSSL and does what ours does not.
 */
#include "tlspair.h"

typedef struct Raw {
    Ns_Sock  server;
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
Capacity(Ns_Sock *sock, size_t limit)
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
        cmocka_unit_test(test_renegotiation_refused),
        cmocka_unit_test(test_key_update_while_blocked),
        cmocka_unit_test(test_small_records),
    };

    return cmocka_run_group_tests_name("tlspeer", tests, SetupAll, TeardownAll);
}
