/* SPDX-License-Identifier: MPL-2.0 */
/*
 * TLS: contexts and the transport, with ours at both ends.
 */
#include "tlspair.h"
#include "net/tls.h"

/* -------------------------------------------------------------------------------------------------------- contexts */

static void
ExpectServerError(Ns_TlsServerParams params, const char *expected)
{
    Tcl_DStringSetLength(&error, 0);
    assert_null(Ns_TlsCtxServerCreate(&params, &error));
    assert_error(expected);
    assert_int_equal(ERR_peek_error(), 0);     /* nothing is left for the next one to stumble over */
}

static void
test_server_context_errors(void **state)
{
    char *server = File("server.pem");

    ExpectServerError((Ns_TlsServerParams){.certificate = NULL}, "no certificate file given");
    ExpectServerError((Ns_TlsServerParams){.certificate = "/nowhere/x.pem"},
                      "certificate file \"/nowhere/x.pem\": No such file or directory");
    ExpectServerError((Ns_TlsServerParams){.certificate = server, .key = "/nowhere/k.pem"},
                      "key file \"/nowhere/k.pem\": No such file or directory");
    ExpectServerError((Ns_TlsServerParams){.certificate = File("junk.pem")}, "junk.pem\": no start line");
    ExpectServerError((Ns_TlsServerParams){.certificate = server, .key = File("a.pem")}, "does not belong to the certificate");
    ExpectServerError((Ns_TlsServerParams){.certificate = server, .key = File("junk.pem")}, "junk.pem\": holds no private key");
    ExpectServerError((Ns_TlsServerParams){.certificate = server, .protocols = "!TLSv1.2 TLSv9"}, "unknown protocol");
    ExpectServerError((Ns_TlsServerParams){.certificate = server, .protocols = "SSLv3"}, "not supported");
    ExpectServerError((Ns_TlsServerParams){.certificate = server, .protocols = "!TLSv1.2, !TLSv1.3"}, "no protocol is left");
    ExpectServerError((Ns_TlsServerParams){.certificate = server, .ciphers = "NOSUCH"}, "ciphers \"NOSUCH\": ");
    ExpectServerError((Ns_TlsServerParams){.certificate = server, .cipherSuites = "NOSUCH"}, "ciphersuites \"NOSUCH\": ");
    ExpectServerError((Ns_TlsServerParams){.certificate = server, .verifyClient = 1}, "no CA file");
    ExpectServerError((Ns_TlsServerParams){.certificate = server, .verifyClient = 1, .caFile = File("junk.pem")}, "CA file ");
    ExpectServerError((Ns_TlsServerParams){.certificate = server, .caPath = "/nowhere"}, "CA path \"/nowhere\": No such file");
    ExpectServerError((Ns_TlsServerParams){.certificate = server, .keyLogFile = "/nowhere/log"}, "key log file ");
}

static void
test_client_context_errors(void **state)
{
    Ns_TlsClientParams keyOnly = {.key = File("client.pem"), .insecure = true};
    Ns_TlsClientParams noCa = {.caFile = "/nowhere/ca.pem"};
    Ns_TlsCtx         *client, *server;
    Ns_Wire            sock = {.sock = -1};

    Tcl_DStringSetLength(&error, 0);
    assert_null(Ns_TlsCtxClientCreate(&keyOnly, &error));
    assert_string_equal(Tcl_DStringValue(&error), "private key specified without certificate");
    Tcl_DStringSetLength(&error, 0);
    assert_null(Ns_TlsCtxClientCreate(&noCa, &error));
    assert_string_equal(Tcl_DStringValue(&error), "CA file \"/nowhere/ca.pem\": No such file or directory");

    client = ClientCtx((Ns_TlsClientParams){0});
    server = ServerCtx((Ns_TlsServerParams){0});
    assert_int_equal(Ns_TlsAttachClient(&sock, client, NULL, &error), NS_ERROR);
    assert_error("no host name to verify");
    assert_null(sock.arg);
    assert_int_equal(Ns_TlsAttachClient(&sock, server, "localhost", &error), NS_ERROR);
    assert_error("not a context for clients");
    assert_int_equal(Ns_TlsAttachServer(&sock, client), NS_ERROR);
    assert_int_equal(Ns_TlsCtxAddHost(client, "x", server), NS_ERROR);
    assert_int_equal(Ns_TlsCtxAddHost(server, "", client), NS_ERROR);
    Ns_TlsCtxRelease(client);
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(NULL);
}

static void
CopyFile(const char *from, const char *to)
{
    char   bytes[10000], *source = File(from), *target = File(to), *fresh = File("fresh.pem");
    FILE  *in = fopen(source, "r"), *out = fopen(fresh, "w");
    size_t len = fread(bytes, 1, sizeof(bytes), in);

    assert_int_equal(fwrite(bytes, 1, len, out), len);
    fclose(in);
    fclose(out);
    assert_int_equal(rename(fresh, target), 0);
}

/* A client's context is made once, and anew when one of its files is another; what could not be made is not kept. */
static void
test_client_contexts_are_kept(void **state)
{
    char              *kept = strdup(File("kept.pem")), *mine = strdup(File("mine.pem"));
    Ns_TlsClientParams params = {.caFile = kept, .certificate = mine}, other;
    Ns_TlsCtx         *first, *second, *third, *fourth;

    Tcl_DStringSetLength(&error, 0);
    assert_null(NsTlsClientKept(&params));
    assert_null(Ns_TlsCtxClientCreate(&params, &error));
    assert_false(NsTlsClientCheck(&params, &error));
    assert_null(NsTlsClientKept(&params));
    CopyFile("ca.pem", "kept.pem");
    CopyFile("client.pem", "mine.pem");
    assert_true(NsTlsClientCheck(&params, &error));
    first = ClientCtx(params);
    second = ClientCtx(params);
    assert_ptr_equal(first, second);
    third = NsTlsClientKept(&params);
    assert_ptr_equal(first, third);
    Ns_TlsCtxRelease(second);
    Ns_TlsCtxRelease(third);

    other = params;
    other.insecure = true;
    assert_null(NsTlsClientKept(&other));
    second = ClientCtx(other);
    assert_ptr_not_equal(first, second);
    Ns_TlsCtxRelease(second);

    CopyFile("other-ca.pem", "kept.pem");
    second = ClientCtx(params);
    assert_ptr_not_equal(first, second);
    CopyFile("other-ca.pem", "mine.pem");
    third = ClientCtx(params);
    assert_ptr_not_equal(second, third);
    assert_int_equal(unlink(params.caFile), 0);
    Tcl_DStringSetLength(&error, 0);
    assert_null(Ns_TlsCtxClientCreate(&params, &error));
    assert_error("CA file ");

    /* More than are kept. */
    CopyFile("ca.pem", "kept.pem");
    for (int i = 0; i < 100; i++) {
        char name[300];

        snprintf(name, sizeof(name), "many%d.pem", i);
        CopyFile("ca.pem", name);
        snprintf(name, sizeof(name), "%s/many%d.pem", dir, i);
        other = (Ns_TlsClientParams){.caFile = name};
        fourth = ClientCtx(other);
        Ns_TlsCtxRelease(fourth);
        fourth = NsTlsClientKept(&other);
        assert_non_null(fourth);
        Ns_TlsCtxRelease(fourth);
    }
    Ns_TlsCtxRelease(first);
    Ns_TlsCtxRelease(second);
    Ns_TlsCtxRelease(third);
    free(kept);
    free(mine);
}

/* ------------------------------------------------------------------------------------------------------- handshake */

static void
test_round_trip(void **state)
{
    Ns_TlsCtx   *server = ServerCtx((Ns_TlsServerParams){0}), *client = ClientCtx((Ns_TlsClientParams){0});
    Pair         pair = Connect(server, client, "localhost", 0);
    struct iovec iov[4] = {{(void *)"GET ", 4}, {NULL, 0}, {(void *)"/", 1}, {(void *)" HTTP/1.1", 9}};
    char         buffer[100];

    /* The contexts may go before their sessions. */
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(client);
    assert_string_equal(pair.server.transport->name, "tls");
    assert_false(Pending(&pair.server));
    assert_int_equal(Handshake(&pair), NS_OK);

    errno = 0;
    assert_int_equal(Recv(&pair.server, buffer, sizeof(buffer)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(pair.server.waitRecv, NS_SOCK_READ);
    assert_int_equal(pair.client.transport->send(&pair.client, iov, 4), 14);
    assert_int_equal(Recv(&pair.server, buffer, sizeof(buffer)), 14);
    assert_memory_equal(buffer, "GET / HTTP/1.1", 14);
    assert_int_equal(Send(&pair.server, "ok", 2), 2);
    assert_int_equal(Send(&pair.server, "", 0), 0);
    assert_int_equal(Recv(&pair.client, buffer, sizeof(buffer)), 2);

    assert_info(&pair.server, "sslversion", "TLSv1.3");
    assert_info(&pair.server, "servername", "localhost");
    assert_info(&pair.server, "clientcert", "");
    assert_info(&pair.client, "sslversion", "TLSv1.3");
    assert_null(Info(&pair.client, "servername"));
    ClosePair(&pair);
}

/* What the other end does to the handshake, and what it is called. */
static void
test_handshake_failures(void **state)
{
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){0}), *client = ClientCtx((Ns_TlsClientParams){0});
    Pair       pair;
    unsigned   waitFor;
    char       hello[4096];
    ssize_t    n;

    /* A browser that was sent to http: on this port. */
    pair = Connect(server, client, "localhost", 0);
    assert_int_equal(write(pair.client.sock, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    assert_int_equal(pair.server.transport->handshake(&pair.server, &waitFor, &error), NS_ERROR);
    assert_error("http request");
    errno = 0;
    assert_int_equal(Recv(&pair.server, hello, 1), -1);                    /* and it stays failed */
    assert_int_equal(errno, EPROTO);
    pair.server.transport->shutdown(&pair.server);
    ClosePair(&pair);

    /* Closed before a word, and in the midst of it: cut at some bytes. */
    for (int cut = 0; cut < 200; cut += cut < 12 ? 1 : 47) {
        pair = Connect(server, client, "localhost", 0);
        assert_int_equal(pair.client.transport->handshake(&pair.client, &waitFor, &error), NS_CONTINUE);
        assert_int_equal(waitFor, NS_SOCK_READ);
        n = recv(pair.server.sock, hello, sizeof(hello), 0);
        assert_true(n > cut);
        assert_int_equal(send(pair.client.sock, hello, (size_t)cut, MSG_NOSIGNAL), cut);
        Tcl_DStringSetLength(&error, 0);
        assert_int_equal(pair.server.transport->handshake(&pair.server, &waitFor, &error), NS_CONTINUE);
        assert_int_equal(waitFor, NS_SOCK_READ);
        Close(&pair.client);
        assert_int_equal(pair.server.transport->handshake(&pair.server, &waitFor, &error), NS_ERROR);
        assert_error("closed by the peer during the TLS handshake");
        ClosePair(&pair);
    }
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(client);
}

/* Between the two, a relay that passes on one byte at a time. */
static bool
RelayByte(int from, int to)
{
    char c;

    return recv(from, &c, 1, 0) == 1 && send(to, &c, 1, MSG_NOSIGNAL) == 1;
}

static void
test_one_byte_at_a_time(void **state)
{
    Ns_TlsCtx    *server = ServerCtx((Ns_TlsServerParams){0}), *client = ClientCtx((Ns_TlsClientParams){0});
    Pair          pair = {0};
    int           a[2], b[2];
    unsigned      waitFor;
    Ns_ReturnCode s = NS_CONTINUE, c = NS_CONTINUE;
    char          buffer[100];
    ssize_t       n;

    SocketPair(a, 0);
    SocketPair(b, 0);
    pair.server.sock = a[0];
    pair.client.sock = b[0];
    assert_int_equal(Ns_TlsAttachServer(&pair.server, server), NS_OK);
    assert_int_equal(Ns_TlsAttachClient(&pair.client, client, "127.0.0.1", &error), NS_OK);
    for (int i = 0; i < 100000 && (s != NS_OK || c != NS_OK); i++) {
        c = c != NS_CONTINUE ? c : pair.client.transport->handshake(&pair.client, &waitFor, &error);
        s = s != NS_CONTINUE ? s : pair.server.transport->handshake(&pair.server, &waitFor, &error);
        RelayByte(b[1], a[1]);
        RelayByte(a[1], b[1]);
    }
    assert_true(s == NS_OK && c == NS_OK);
    while (RelayByte(b[1], a[1]) || RelayByte(a[1], b[1])) {
        assert_int_equal(Recv(&pair.client, buffer, sizeof(buffer)), -1);  /* the server's tickets */
    }
    assert_int_equal(Send(&pair.client, "hello", 5), 5);
    while ((n = Recv(&pair.server, buffer, sizeof(buffer))) == -1) {
        assert_int_equal(errno, EAGAIN);
        assert_false(Pending(&pair.server));   /* an incomplete record is nothing to be had */
        assert_true(RelayByte(b[1], a[1]));
    }
    assert_int_equal(n, 5);
    assert_false(Pending(&pair.server));
    ClosePair(&pair);
    close(a[1]);
    close(b[1]);
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(client);
}

static void
test_verification(void **state)
{
    static const struct { const char *certificate, *caFile, *host, *expected; } cases[] = {
        {"server.pem", "ca.pem", "localhost", NULL},
        {"server.pem", "ca.pem", "LOCALHOST", NULL},
        {"server.pem", "ca.pem", "localhost.", NULL},
        {"server.pem", "ca.pem", "x.example.org", NULL},
        {"server.pem", "ca.pem", "127.0.0.1", NULL},
        {"server.pem", "ca.pem", "::1", NULL},
        {"server.pem", "ca.pem", "[::1]", NULL},
        {"server.pem", "ca.pem", "x.y.example.org", "certificate verify failed: hostname mismatch"},
        {"server.pem", "ca.pem", "other.test", "certificate verify failed: hostname mismatch"},
        {"server.pem", "ca.pem", "127.0.0.2", "certificate verify failed: IP address mismatch"},
        {"server.pem", "other-ca.pem", "localhost", "certificate verify failed: unable to get local issuer certificate"},
        {"expired.pem", "ca.pem", "localhost", "certificate verify failed: certificate has expired"},
        {"other-ca.pem", "ca.pem", "localhost", "certificate verify failed: self-signed certificate"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){.certificate = File(cases[i].certificate)});
        Ns_TlsCtx *client = ClientCtx((Ns_TlsClientParams){.caFile = File(cases[i].caFile)});
        Ns_TlsCtx *careless = ClientCtx((Ns_TlsClientParams){.insecure = true});
        Pair       pair = Connect(server, client, cases[i].host, 0);

        if (cases[i].expected == NULL) {
            assert_int_equal(Handshake(&pair), NS_OK);
        } else {
            assert_int_equal(Handshake(&pair), NS_ERROR);
            assert_error(cases[i].expected);
        }
        ClosePair(&pair);
        pair = Connect(server, careless, i % 2 == 0 ? cases[i].host : NULL, 0);
        assert_int_equal(Handshake(&pair), NS_OK);
        ClosePair(&pair);
        Ns_TlsCtxRelease(server);
        Ns_TlsCtxRelease(client);
        Ns_TlsCtxRelease(careless);
    }
}

static void
test_client_certificates(void **state)
{
    Ns_TlsCtx *required = ServerCtx((Ns_TlsServerParams){.verifyClient = 2, .caFile = File("ca.pem")});
    Ns_TlsCtx *optional = ServerCtx((Ns_TlsServerParams){.verifyClient = 1, .caFile = File("ca.pem")});
    Ns_TlsCtx *alice = ClientCtx((Ns_TlsClientParams){.certificate = File("client.pem")});
    Ns_TlsCtx *nobody = ClientCtx((Ns_TlsClientParams){0});
    Ns_TlsCtx *stranger = ClientCtx((Ns_TlsClientParams){.certificate = File("other-ca.pem")});
    Pair       pair;
    char       buffer[10];
    Tcl_Obj   *cert;

    pair = Connect(required, alice, "localhost", 0);
    assert_int_equal(Handshake(&pair), NS_OK);
    cert = Info(&pair.server, "clientcert");
    assert_non_null(strstr(Tcl_GetString(cert), "subject CN=Alice"));
    assert_non_null(strstr(Tcl_GetString(cert), "issuer {CN=Test CA}"));
    Tcl_DecrRefCount(cert);
    ClosePair(&pair);

    pair = Connect(required, nobody, "localhost", 0);
    assert_int_equal(Handshake(&pair), NS_ERROR);
    assert_error("peer did not return a certificate");
    errno = 0;
    assert_int_equal(Recv(&pair.client, buffer, sizeof(buffer)), -1);      /* the alert comes after the client's handshake */
    assert_int_equal(errno, EPROTO);
    ClosePair(&pair);

    pair = Connect(optional, nobody, "localhost", 0);
    assert_int_equal(Handshake(&pair), NS_OK);
    ClosePair(&pair);
    pair = Connect(optional, stranger, "localhost", 0);
    assert_int_equal(Handshake(&pair), NS_ERROR);
    assert_error("certificate verify failed: self-signed certificate");
    ClosePair(&pair);
    Ns_TlsCtxRelease(required);
    Ns_TlsCtxRelease(optional);
    Ns_TlsCtxRelease(alice);
    Ns_TlsCtxRelease(nobody);
    Ns_TlsCtxRelease(stranger);
}

static void
test_hosts(void **state)
{
    static const struct { const char *name; bool good; } cases[] = {
        {"localhost", true}, {"a.example.com", true}, {"A.Example.COM", true}, {"b.example.com", true},
        {"c.b.example.com", false}, {"example.com", false},
    };
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){0}), *client = ClientCtx((Ns_TlsClientParams){0});
    Ns_TlsCtx *a = ServerCtx((Ns_TlsServerParams){.certificate = File("a.pem")});
    Ns_TlsCtx *wild = ServerCtx((Ns_TlsServerParams){.certificate = File("wild.pem"), .verifyClient = 2, .caFile = File("ca.pem")});
    Ns_TlsCtx *alice = ClientCtx((Ns_TlsClientParams){.certificate = File("client.pem")});
    Pair       pair;

    assert_int_equal(Ns_TlsCtxAddHost(server, "A.example.com", wild), NS_OK);
    assert_int_equal(Ns_TlsCtxAddHost(server, "a.example.com", a), NS_OK);             /* replaces */
    assert_int_equal(Ns_TlsCtxAddHost(server, "*.example.com", wild), NS_OK);
    assert_int_equal(Ns_TlsCtxAddHost(server, "self.example.com", server), NS_ERROR);
    Ns_TlsCtxRelease(a);
    Ns_TlsCtxRelease(wild);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pair = Connect(server, alice, cases[i].name, 0);
        assert_int_equal(Handshake(&pair), cases[i].good ? NS_OK : NS_ERROR);
        ClosePair(&pair);
    }
    /* A host has its own rule for client certificates. */
    pair = Connect(server, client, "b.example.com", 0);
    assert_int_equal(Handshake(&pair), NS_ERROR);
    assert_error("peer did not return a certificate");
    ClosePair(&pair);
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(client);
    Ns_TlsCtxRelease(alice);
}

/*
 * Hosts with other rules for client certificates than the driver's: neither a session that was made for one host and resumed for
 * another, nor a Host field that is not the name of the handshake, is a way around them.
 */
static void
test_hosts_rules_have_no_way_around(void **state)
{
    static const struct { const char *handshake, *asked; bool fine; } cases[] = {
        {"open.example.com", "open.example.com", true}, {"open.example.com", "open.example.com:8443", true},
        {"open.example.com", "localhost", true}, {"open.example.com", NULL, true}, {"localhost", "open.example.com", true},
        {"open.example.com", "secret.example.com", false}, {"open.example.com", "SECRET.example.com", false},
        {"open.example.com", "secret.example.com.", false}, {"open.example.com", "secret.example.com:8443", false},
        {"localhost", "secret.example.com", false}, {"127.0.0.1", "secret.example.com", false},
        {"secret.example.com", "secret.example.com", true}, {"secret.example.com", "also.example.com", true},
        {"secret.example.com", "other.example.com", false}, {"secret.example.com", "open.example.com", true},
    };
    Ns_TlsServerParams rules = {.certificate = File("wild.pem"), .verifyClient = 2, .caFile = File("ca.pem")};
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){0}), *secret = ServerCtx(rules), *also = ServerCtx(rules);
    Ns_TlsCtx *open = ServerCtx((Ns_TlsServerParams){.certificate = File("wild.pem")}), *other;
    Ns_TlsCtx *alice = ClientCtx((Ns_TlsClientParams){.certificate = File("client.pem"), .insecure = true});
    Pair       pair;

    rules.caFile = File("other-ca.pem");
    other = ServerCtx(rules);
    assert_int_equal(Ns_TlsCtxAddHost(server, "open.example.com", open), NS_OK);
    pair = Connect(server, alice, "open.example.com", 0);
    assert_int_equal(Handshake(&pair), NS_OK);
    assert_true(NsTlsMayAsk(&pair.server, "secret.example.com"));          /* there is no such host yet */
    ClosePair(&pair);
    assert_int_equal(Ns_TlsCtxAddHost(server, "secret.example.com", secret), NS_OK);
    assert_int_equal(Ns_TlsCtxAddHost(server, "also.example.com", also), NS_OK);
    assert_int_equal(Ns_TlsCtxAddHost(server, "other.example.com", other), NS_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pair = Connect(server, alice, cases[i].handshake, 0);
        assert_int_equal(Handshake(&pair), NS_OK);
        if (NsTlsMayAsk(&pair.server, cases[i].asked) != cases[i].fine) {
            fail_msg("%s after a handshake for %s", cases[i].asked, cases[i].handshake);
        }
        ClosePair(&pair);
    }
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(secret);
    Ns_TlsCtxRelease(also);
    Ns_TlsCtxRelease(open);
    Ns_TlsCtxRelease(other);
    Ns_TlsCtxRelease(alice);
}

static void
test_protocols(void **state)
{
    static const struct { const char *protocols, *version; } cases[] = {
        {"!TLSv1.3", "TLSv1.2"}, {"TLSv1.2", "TLSv1.2"}, {"TLSv1.2,TLSv1.3", "TLSv1.3"}, {"!SSLv2, !SSLv3", "TLSv1.3"},
        {"!TLSv1.2", "TLSv1.3"}, {"", "TLSv1.3"}, {NULL, "TLSv1.3"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){.protocols = cases[i].protocols});
        Ns_TlsCtx *client = ClientCtx((Ns_TlsClientParams){0});
        Pair       pair = Connect(server, client, "localhost", 0);

        assert_int_equal(Handshake(&pair), NS_OK);
        assert_info(&pair.server, "sslversion", cases[i].version);
        ClosePair(&pair);
        Ns_TlsCtxRelease(server);
        Ns_TlsCtxRelease(client);
    }
}

/* ------------------------------------------------------------------------------------------------------------ data */

/* Send what the socket takes, then take its room away: nothing of it waits in the session, and no byte more goes out. */
static void
FillSocket(Pair *pair)
{
    int size = 1;

    for (int i = 0; i < 100; i++) {
        assert_int_equal(Send(&pair->server, "x", 1), 1);
    }
    assert_int_equal(setsockopt(pair->server.sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
}

static void
test_goodbye_when_the_socket_is_full(void **state)
{
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){0}), *client = ClientCtx((Ns_TlsClientParams){0});
    Pair       pair = Connect(server, client, "localhost", 0);
    char       buffer[1000];

    assert_int_equal(Handshake(&pair), NS_OK);
    assert_int_equal(Recv(&pair.client, buffer, sizeof(buffer)), -1);
    FillSocket(&pair);
    pair.server.waitSend = 0;
    assert_int_equal(pair.server.transport->shutdown(&pair.server), NS_CONTINUE);
    assert_int_equal(pair.server.waitSend, NS_SOCK_WRITE);
    assert_int_equal(pair.server.transport->shutdown(&pair.server), NS_CONTINUE);

    /* The peer takes all: no end yet.  Then the notice, as a record, and behind it the end. */
    while (Recv(&pair.client, buffer, sizeof(buffer)) > 0) {
        ;
    }
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(pair.server.transport->shutdown(&pair.server), NS_OK);
    assert_true(recv(pair.client.sock, buffer, sizeof(buffer), MSG_PEEK) > 0);
    assert_int_equal(Recv(&pair.client, buffer, sizeof(buffer)), 0);

    /* A peer that is gone is nobody to be told. */
    Close(&pair.server);
    Close(&pair.client);
    pair = Connect(server, client, "localhost", 0);
    assert_int_equal(Handshake(&pair), NS_OK);
    FillSocket(&pair);
    assert_int_equal(pair.server.transport->shutdown(&pair.server), NS_CONTINUE);
    Close(&pair.client);
    assert_int_equal(pair.server.transport->shutdown(&pair.server), NS_OK);
    ClosePair(&pair);
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(client);
}

static void
test_end_of_stream(void **state)
{
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){0}), *client = ClientCtx((Ns_TlsClientParams){0});
    Pair       pair = Connect(server, client, "localhost", 0);
    char       buffer[10];

    /* Orderly: what was sent arrives, then the end, again and again; the other direction lives on. */
    assert_int_equal(Handshake(&pair), NS_OK);
    assert_int_equal(Send(&pair.client, "last", 4), 4);
    pair.client.transport->shutdown(&pair.client);
    assert_int_equal(Recv(&pair.server, buffer, sizeof(buffer)), 4);
    assert_int_equal(Recv(&pair.server, buffer, sizeof(buffer)), 0);
    assert_int_equal(Recv(&pair.server, buffer, sizeof(buffer)), 0);
    assert_false(Pending(&pair.server));
    assert_int_equal(Send(&pair.server, "bye", 3), 3);
    assert_int_equal(Recv(&pair.client, buffer, sizeof(buffer)), 3);
    pair.server.transport->shutdown(&pair.server);
    pair.server.transport->shutdown(&pair.server);                         /* twice does no harm */
    assert_int_equal(Recv(&pair.client, buffer, sizeof(buffer)), 0);
    ClosePair(&pair);

    /* Without a notice: the end all the same. */
    pair = Connect(server, client, "localhost", 0);
    assert_int_equal(Handshake(&pair), NS_OK);
    assert_int_equal(Recv(&pair.client, buffer, sizeof(buffer)), -1);      /* tickets: unread they would make it a reset */
    assert_int_equal(Send(&pair.client, "last", 4), 4);
    Close(&pair.client);
    assert_int_equal(Recv(&pair.server, buffer, sizeof(buffer)), 4);
    assert_int_equal(Recv(&pair.server, buffer, sizeof(buffer)), 0);
    /* Writing to it is an error, not a signal. */
    while (Send(&pair.server, buffer, sizeof(buffer)) > 0) {
        ;
    }
    assert_int_equal(errno, EPIPE);
    errno = 0;
    assert_int_equal(Send(&pair.server, buffer, sizeof(buffer)), -1);
    assert_int_equal(errno, EPIPE);
    ClosePair(&pair);

    /* Garbage on the wire. */
    pair = Connect(server, client, "localhost", 0);
    assert_int_equal(Handshake(&pair), NS_OK);
    assert_int_equal(send(pair.client.sock, "\x17\x03\x03\x00\x20 this was never encrypted by us..", 37, MSG_NOSIGNAL), 37);
    errno = 0;
    assert_int_equal(Recv(&pair.server, buffer, sizeof(buffer)), -1);
    assert_int_equal(errno, EPROTO);
    errno = 0;
    assert_int_equal(Send(&pair.server, "x", 1), -1);
    assert_int_equal(errno, EPROTO);
    ClosePair(&pair);
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(client);
}

static void
test_pending(void **state)
{
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){0}), *client = ClientCtx((Ns_TlsClientParams){0});
    Pair       pair = Connect(server, client, "localhost", 0);
    char       buffer[100];
    struct pollfd pfd;

    assert_int_equal(Handshake(&pair), NS_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(Send(&pair.client, "0123456789", 10), 10);
    }
    assert_int_equal(Recv(&pair.server, buffer, 15), 15);                  /* in the midst of the second record */
    pfd = (struct pollfd){.fd = pair.server.sock, .events = POLLIN};
    assert_int_equal(poll(&pfd, 1, 0), 0);     /* the socket has nothing more to show */
    assert_true(Pending(&pair.server));
    assert_int_equal(Recv(&pair.server, buffer, 15), 15);                  /* to the end of the third */
    assert_true(Pending(&pair.server));
    assert_int_equal(Recv(&pair.server, buffer, sizeof(buffer)), 20);      /* several records with one call */
    assert_false(Pending(&pair.server));
    ClosePair(&pair);
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(client);
}

/* A stream of bytes in one direction, offered in ever other pieces. */
typedef struct Flow {
    Ns_Wire *from, *to;
    char    *bytes;
    size_t   total, sent, received;
    unsigned seed;
    int      refusals;
} Flow;

static void
PumpOut(Flow *flow)
{
    struct iovec iov[20];
    int          n = 0;
    size_t       offer = flow->sent;
    int          max = 1 + rand_r(&flow->seed) % 20;
    ssize_t      sent;

    while (n < max && offer < flow->total) {
        size_t piece = (size_t)(rand_r(&flow->seed) % (rand_r(&flow->seed) % 4 == 0 ? 60000 : 300));

        piece = piece < flow->total - offer ? piece : flow->total - offer;
        iov[n++] = (struct iovec){flow->bytes + offer, piece};
        offer += piece;
    }
    if (offer == flow->sent) {
        return;
    }
    sent = flow->from->transport->send(flow->from, iov, n);
    if (sent < 0) {
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(flow->from->waitSend, NS_SOCK_WRITE);
        flow->refusals++;
    } else {
        assert_true((size_t)sent <= offer - flow->sent);
        flow->sent += (size_t)sent;
    }
}

static void
PumpIn(Flow *flow)
{
    char    buffer[40000];
    size_t  size = 1 + (size_t)rand_r(&flow->seed) % sizeof(buffer);
    ssize_t n = Recv(flow->to, buffer, size);

    if (n < 0) {
        assert_int_equal(errno, EAGAIN);
    } else {
        assert_true(n > 0);
        CheckPattern(buffer, flow->received, (size_t)n);
        flow->received += (size_t)n;
    }
}

static void
Transfer(const char *protocols, int bufferSize, size_t total)
{
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){.protocols = protocols}), *client = ClientCtx((Ns_TlsClientParams){0});
    Pair       pair = Connect(server, client, "localhost", bufferSize);
    Flow       flows[2] = {{.from = &pair.client, .to = &pair.server, .seed = 1}, {.from = &pair.server, .to = &pair.client, .seed = 2}};
    char      *bytes = Pattern(0, total);

    assert_int_equal(Handshake(&pair), NS_OK);
    for (int i = 0; i < 2; i++) {
        flows[i].bytes = bytes;
        flows[i].total = total;
    }
    for (int i = 0; flows[0].received < total || flows[1].received < total; i++) {
        PumpOut(&flows[0]);
        PumpOut(&flows[1]);
        if (i % 3 != 0) {                      /* slower than the senders, so that sends are refused */
            PumpIn(&flows[i % 2]);
        }
        if (i % 7 == 0) {
            PumpIn(&flows[0]);
            PumpIn(&flows[1]);
        }
        assert_true(i < 1000000);
    }
    assert_int_equal(flows[0].sent, total);
    assert_true(bufferSize == 0 || (flows[0].refusals > 100 && flows[1].refusals > 100));
    free(bytes);
    ClosePair(&pair);
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(client);
}

static void
test_transfer_both_ways(void **state)
{
    Transfer("TLSv1.3", 4608, 1000000);
    Transfer("TLSv1.2", 4608, 1000000);
    Transfer("TLSv1.3", 0, 1000000);
}

/* Fill the socket until a send is refused; the bytes accepted. */
static size_t
FillUp(Ns_Wire *sock, char *bytes, size_t piece)
{
    size_t  sent = 0;
    ssize_t n;

    while ((n = Send(sock, bytes + sent, piece)) > 0) {
        sent += (size_t)n;
        if ((size_t)n < piece) {
            break;                             /* the rest was refused */
        }
    }
    return sent;
}

/* After a refusal the same bytes come again: fewer, more, in other pieces, at another place. */
static void
RetryWith(size_t first, size_t retry, size_t elements)
{
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){0}), *client = ClientCtx((Ns_TlsClientParams){0});
    Pair       pair = Connect(server, client, "localhost", 4608);
    size_t     total = 300000, sent, received = 0;
    char      *bytes = Pattern(0, total), *copy = NULL, buffer[20000];
    ssize_t    n;

    assert_int_equal(Handshake(&pair), NS_OK);
    sent = FillUp(&pair.client, bytes, first);
    while (sent < total / 2 || received < sent) {
        struct iovec iov[8];
        size_t       each = retry / elements;

        n = Recv(&pair.server, buffer, sizeof(buffer));
        if (n > 0) {
            CheckPattern(buffer, received, (size_t)n);
            received += (size_t)n;
        } else {
            assert_int_equal(errno, EAGAIN);
        }
        if (sent < total / 2) {
            free(copy);
            copy = malloc(retry);              /* never at the place it was */
            memcpy(copy, bytes + sent, retry);
            for (size_t i = 0; i < elements; i++) {
                iov[i] = (struct iovec){copy + i * each, i == elements - 1 ? retry - i * each : each};
            }
            n = pair.client.transport->send(&pair.client, iov, (int)elements);
            assert_true(n > 0 || errno == EAGAIN);
            sent += n > 0 ? (size_t)n : 0;
        } else if (received < sent) {
            /* What is still with OpenSSL goes out with the next bytes. */
            n = Send(&pair.client, bytes + sent, 1);
            sent += n > 0 ? 1 : 0;
        }
    }
    free(copy);
    free(bytes);
    ClosePair(&pair);
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(client);
}

static void
test_refused_send_comes_back_different(void **state)
{
    static const size_t sizes[][3] = {
        {16384, 16384, 1}, {16384, 100, 1}, {10000, 1, 1}, {100, 16384, 3}, {100, 60000, 1}, {60000, 60000, 8}, {60000, 50, 5},
        {16384, 16383, 2}, {1, 5000, 1},
    };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        RetryWith(sizes[i][0], sizes[i][1], sizes[i][2]);
    }
}

/* Small writes of one call become one record: the peer needs one read of the socket for them. */
static void
test_gathers_into_one_record(void **state)
{
    Ns_TlsCtx   *server = ServerCtx((Ns_TlsServerParams){0}), *client = ClientCtx((Ns_TlsClientParams){0});
    Pair         pair = Connect(server, client, "localhost", 0);
    struct iovec iov[100];
    char         wire[4096];
    ssize_t      n;

    assert_int_equal(Handshake(&pair), NS_OK);
    for (int i = 0; i < 100; i++) {
        iov[i] = (struct iovec){(void *)"ab", 2};
    }
    assert_int_equal(pair.client.transport->send(&pair.client, iov, 100), 200);
    n = recv(pair.server.sock, wire, sizeof(wire), 0);
    assert_true(n > 205);
    assert_int_equal(wire[0], 0x17);
    assert_int_equal(((unsigned char)wire[3] << 8) + (unsigned char)wire[4] + 5, n);   /* one record is all */
    ClosePair(&pair);
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(client);
}

/* Sending has to wait until it can read, and reading until it can write: both happen in a handshake. */
static void
test_crossed_wants(void **state)
{
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){0}), *client = ClientCtx((Ns_TlsClientParams){0});
    Pair       pair = Connect(server, client, "localhost", 4608);
    char       buffer[5000] = "";
    size_t     junk = 0;
    ssize_t    n;

    while ((n = send(pair.client.sock, buffer, 1, MSG_NOSIGNAL)) == 1) {
        junk++;
    }
    errno = 0;
    assert_int_equal(Recv(&pair.client, buffer, sizeof(buffer)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(pair.client.waitRecv, NS_SOCK_WRITE);
    while (junk > 0) {
        n = recv(pair.server.sock, buffer, 1, 0);
        assert_int_equal(n, 1);
        junk--;
    }
    errno = 0;
    assert_int_equal(Send(&pair.client, "question", 8), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(pair.client.waitSend, NS_SOCK_READ);
    assert_int_equal(Recv(&pair.server, buffer, sizeof(buffer)), -1);
    assert_int_equal(pair.server.waitRecv, NS_SOCK_READ);
    assert_int_equal(Send(&pair.client, "quest", 5), 5);                   /* nothing of the refused ones was taken */
    assert_int_equal(Recv(&pair.server, buffer, sizeof(buffer)), 5);
    assert_memory_equal(buffer, "quest", 5);
    assert_int_equal(Send(&pair.server, "answer", 6), 6);
    assert_int_equal(Recv(&pair.client, buffer, sizeof(buffer)), 6);
    ClosePair(&pair);
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(client);
}

static void
test_key_log(void **state)
{
    char      *file = File("keys.log"), line[300] = "";
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){.keyLogFile = file}), *client = ClientCtx((Ns_TlsClientParams){0});
    Pair       pair = Connect(server, client, "localhost", 0);
    FILE      *in;
    int        lines = 0;

    assert_int_equal(Handshake(&pair), NS_OK);
    ClosePair(&pair);
    in = fopen(file, "r");
    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL) {
        assert_non_null(strchr(line, '\n'));
        lines++;
    }
    fclose(in);
    assert_true(lines >= 4);
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(client);
}

/* A folder of authorities is read when the context is made: what a handshake needs is not looked for on the disk. */
static void
test_a_folder_of_authorities_is_read_in_advance(void **state)
{
    char       name[20];
    Ns_TlsCtx *server = ServerCtx((Ns_TlsServerParams){0}), *client, *strict;
    Pair       pair;

    (void)state;
    snprintf(name, sizeof(name), "%08lx.0", X509_NAME_hash_ex(X509_get_subject_name(ca.cert), NULL, NULL, NULL));
    CopyFile("ca.pem", name);
    CopyFile("junk.pem", "01234567.0");        /* is left out */
    client = ClientCtx((Ns_TlsClientParams){.caPath = dir, .certificate = File("client.pem")});
    strict = ServerCtx((Ns_TlsServerParams){.caPath = dir, .verifyClient = 2});
    unlink(File(name));
    unlink(File("01234567.0"));
    pair = Connect(server, client, "localhost", 0);
    assert_int_equal(Handshake(&pair), NS_OK);
    ClosePair(&pair);
    pair = Connect(strict, client, "localhost", 0);
    assert_int_equal(Handshake(&pair), NS_OK);
    ClosePair(&pair);
    Ns_TlsCtxRelease(client);
    Ns_TlsCtxRelease(server);
    Ns_TlsCtxRelease(strict);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_context_errors),
        cmocka_unit_test(test_client_context_errors),
        cmocka_unit_test(test_client_contexts_are_kept),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_handshake_failures),
        cmocka_unit_test(test_one_byte_at_a_time),
        cmocka_unit_test(test_verification),
        cmocka_unit_test(test_client_certificates),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_hosts_rules_have_no_way_around),
        cmocka_unit_test(test_protocols),
        cmocka_unit_test(test_end_of_stream),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_transfer_both_ways),
        cmocka_unit_test(test_refused_send_comes_back_different),
        cmocka_unit_test(test_goodbye_when_the_socket_is_full),
        cmocka_unit_test(test_gathers_into_one_record),
        cmocka_unit_test(test_crossed_wants),
        cmocka_unit_test(test_key_log),
        cmocka_unit_test(test_a_folder_of_authorities_is_read_in_advance),
    };

    return cmocka_run_group_tests_name("tls", tests, SetupAll, TeardownAll);
}
