/* SPDX-License-Identifier: MPL-2.0 */
/*
 * TLS as a stranger sends it, through our transport and the socket below it.  The first byte chooses what it meets: a server before its
 * handshake, a client before its own, whose peer sends these bytes as they are; or a server behind the handshake, whose peer does what the
 * bytes say: data, KeyUpdates, rubbish between records, a record cut in two, warnings, its end.
 *
 * Whatever comes, each call takes a bounded part of it, data arrive as they were sent, and what has failed stays so.
 */
#include "fuzz.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "ns.h"
#include "net/tls.h"

#define LONGEST (64 * 1024)                  /* the socket keeps all of it */
#define MOST      (80 * 1024)                  /* bytes that one call may take from the socket: a budget, and what OpenSSL reads at once */
#define MAX_CALLS 3000

static Ns_TlsCtx *server, *client;
static SSL_CTX   *peer;

/* A key and a certificate of its own, in a file for as long as it is read. */
static void
MakeContexts(void)
{
    char        path[] = "/tmp/nsd-fuzz-XXXXXX";
    int         fd = mkstemp(path);
    FILE       *file = fdopen(fd, "w");
    EVP_PKEY   *key = EVP_EC_gen("P-256");
    X509       *cert = X509_new();
    Tcl_DString error;

    FUZZ_CHECK(file != NULL && key != NULL && cert != NULL);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
    X509_gmtime_adj(X509_getm_notAfter(cert), 10 * 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)"fuzz", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, key);
    FUZZ_CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
    PEM_write_X509(file, cert);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    Tcl_DStringInit(&error);
    server = Ns_TlsCtxServerCreate(&(Ns_TlsServerParams){.certificate = path}, &error);
    client = Ns_TlsCtxClientCreate(&(Ns_TlsClientParams){.insecure = true}, &error);
    peer = SSL_CTX_new(TLS_client_method());
    FUZZ_CHECK(server != NULL && client != NULL && peer != NULL);
    unlink(path);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void
SocketPair(int fds[2])
{
    int size = 4 * LONGEST;

    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    for (int i = 0; i < 2; i++) {
        (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
}

static int
Unread(int fd)
{
    int n = 0;

    FUZZ_CHECK(ioctl(fd, FIONREAD, &n) == 0);
    return n;
}

static void
Release(Ns_Wire *sock)
{
    sock->transport->release(sock);
    FUZZ_CHECK(sock->arg == NULL);
    close(sock->sock);
    FUZZ_CHECK(ERR_peek_error() == 0 || (ERR_clear_error(), true));
}

/* ---- behind the handshake or not: read until there is nothing, or an end */

typedef struct Reader {
    char   data[4 * LONGEST];
    size_t len;
    bool   ended;
    int    calls;
} Reader;

static void
ReadAll(Ns_Wire *sock, Reader *reader, uint64_t *seed)
{
    bool more = true;

    while (more) {
        size_t  room = sizeof(reader->data) - reader->len, size = (FuzzPiece(seed, 200) - 1) * 100 + 1;
        int     before = Unread(sock->sock);
        ssize_t n;

        size = size < room ? size : room;
        FUZZ_CHECK(size > 0 && ++reader->calls < MAX_CALLS);
        if ((*seed & 64) != 0 && sock->transport->nothing != NULL) {
            (void)sock->transport->nothing(sock);
        }
        errno = 0;
        n = sock->transport->recv(sock, reader->data + reader->len, size);
        FUZZ_CHECK(n <= (ssize_t)size);
        FUZZ_CHECK(before - Unread(sock->sock) <= 2 * MOST);
        if (n > 0) {
            FUZZ_CHECK(!reader->ended);        /* nothing comes behind an end */
            reader->len += (size_t)n;
        } else if (n == 0 || errno != EAGAIN) {
            FUZZ_CHECK(n == 0 || errno != 0);
            reader->ended = true;
            more = false;
        } else {
            FUZZ_CHECK(sock->waitRecv == NS_SOCK_READ || sock->waitRecv == NS_SOCK_WRITE);
            more = sock->transport->pending(sock) || (Unread(sock->sock) > 0 && before != Unread(sock->sock));
        }
    }
}

/* ---- before the handshake: these bytes and no others */

static void
Raw(const uint8_t *data, size_t size, bool isServer)
{
    int           fds[2];
    Ns_Wire       sock = {0};
    Tcl_DString   error;
    unsigned      waitFor;
    uint64_t      seed = FuzzSeed(data, size);
    size_t        at = 0;
    Ns_ReturnCode status = NS_CONTINUE;
    int           calls = 0;

    SocketPair(fds);
    sock.sock = fds[0];
    Tcl_DStringInit(&error);
    FUZZ_CHECK((isServer ? Ns_TlsAttachServer(&sock, server) : Ns_TlsAttachClient(&sock, client, "localhost", &error)) == NS_OK);
    while (status == NS_CONTINUE && at <= size) {
        size_t piece = at < size ? FuzzPiece(&seed, size - at) * ((seed & 3) == 0 ? 1 : 50) : 0;
        int    before;

        piece = piece < size - at ? piece : size - at;
        if (piece > 0) {
            FUZZ_CHECK(write(fds[1], data + at, piece) == (ssize_t)piece);
        } else {
            shutdown(fds[1], SHUT_WR);
        }
        at += piece > 0 ? piece : size + 1;
        do {
            before = Unread(fds[0]);
            Tcl_DStringSetLength(&error, 0);
            status = sock.transport->handshake(&sock, &waitFor, &error);
            FUZZ_CHECK(before - Unread(fds[0]) <= 2 * MOST && ++calls < MAX_CALLS);
        } while (status == NS_CONTINUE && Unread(fds[0]) > 0 && Unread(fds[0]) < before);
        FUZZ_CHECK(status != NS_ERROR || Tcl_DStringLength(&error) > 0);
    }
    FUZZ_CHECK(status != NS_OK);               /* nobody knows the keys */
    FUZZ_CHECK(sock.transport->handshake(&sock, &waitFor, &error) != NS_OK);
    Tcl_DStringFree(&error);
    Release(&sock);
    close(fds[1]);
}

/* ---- behind the handshake */

typedef struct Pair {
    Ns_Wire sock;
    int     fd;                                /* the peer's */
    SSL    *ssl;
    Reader *reader;
    char    sent[4 * LONGEST];               /* as data, before anything was wrong */
    size_t  len;
    bool    spoiled;                           /* by rubbish: behind it anything may be */
} Pair;

static void
Shake(Pair *pair, bool old)
{
    Ns_ReturnCode status = NS_CONTINUE;
    unsigned      waitFor;
    Tcl_DString   error;
    int           done = 0;

    pair->ssl = SSL_new(peer);
    SSL_set_fd(pair->ssl, pair->fd);
    SSL_set_connect_state(pair->ssl);
    if (old) {
        SSL_set_max_proto_version(pair->ssl, TLS1_2_VERSION);
    }
    Tcl_DStringInit(&error);
    for (int i = 0; i < 20 && (done != 1 || status == NS_CONTINUE); i++) {
        done = SSL_do_handshake(pair->ssl);
        if (status == NS_CONTINUE) {
            status = pair->sock.transport->handshake(&pair->sock, &waitFor, &error);
        }
    }
    FUZZ_CHECK(done == 1 && status == NS_OK);
    Tcl_DStringFree(&error);
}

static void
SendData(Pair *pair, const uint8_t *data, size_t len)
{
    int n = len > 0 ? SSL_write(pair->ssl, data, (int)len) : 0;

    if (n > 0 && !pair->spoiled && pair->len + (size_t)n <= sizeof(pair->sent)) {
        memcpy(pair->sent + pair->len, data, (size_t)n);
        pair->len += (size_t)n;
    }
    ERR_clear_error();
}

/* One thing that the peer does; how many bytes of the input say it. */
static size_t
Do(Pair *pair, const uint8_t *data, size_t size, uint64_t *seed)
{
    size_t len = size > 1 ? data[1] * ((data[0] & 0x80) != 0 ? 16u : 1u) : 0, used = 2;

    len = size < 2 ? 0 : len < size - 2 ? len : size - 2;
    switch (data[0] & 7) {
    case 0:
    case 1:
        SendData(pair, data + 2, len);
        used += len;
        break;
    case 2:
    case 3:
        for (size_t i = 0; i < 1 + len % 100 && SSL_version(pair->ssl) == TLS1_3_VERSION; i++) {
            (void)SSL_key_update(pair->ssl, data[0] & 1 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
            (void)SSL_do_handshake(pair->ssl);
        }
        break;
    case 4:
        pair->spoiled = true;
        (void)!write(pair->fd, data + 2, len);
        used += len;
        break;
    case 5:
        ReadAll(&pair->sock, pair->reader, seed);
        break;
    case 6: {
        struct iovec iov = {(void *)(uintptr_t)(data + (size > 2 ? 2 : 0)), len};

        (void)pair->sock.transport->send(&pair->sock, &iov, 1);
        break;
    }
    case 7:
        if ((data[0] & 0x40) != 0) {
            (void)SSL_shutdown(pair->ssl);
        } else if ((data[0] & 0x20) != 0) {
            shutdown(pair->fd, SHUT_WR);
        } else {
            (void)pair->sock.transport->shutdown(&pair->sock);
        }
        break;
    }
    ERR_clear_error();
    return used;
}

static void
Established(const uint8_t *data, size_t size, bool old)
{
    Pair    *pair = calloc(1, sizeof(*pair));
    int      fds[2];
    uint64_t seed = FuzzSeed(data, size);

    FUZZ_CHECK(pair != NULL && (pair->reader = calloc(1, sizeof(Reader))) != NULL);
    SocketPair(fds);
    pair->sock.sock = fds[0];
    pair->fd = fds[1];
    FUZZ_CHECK(Ns_TlsAttachServer(&pair->sock, server) == NS_OK);
    Shake(pair, old);
    for (size_t at = 0; at < size; ) {
        at += Do(pair, data + at, size - at, &seed);
    }
    ReadAll(&pair->sock, pair->reader, &seed);
    FUZZ_CHECK(pair->spoiled || pair->reader->len <= pair->len);
    FUZZ_CHECK(memcmp(pair->reader->data, pair->sent, pair->reader->len < pair->len ? pair->reader->len : pair->len) == 0);
    FUZZ_CHECK(pair->reader->ended || pair->spoiled || pair->reader->len == pair->len);
    Release(&pair->sock);
    SSL_free(pair->ssl);
    close(pair->fd);
    ERR_clear_error();
    free(pair->reader);
    free(pair);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (server == NULL) {
        Tcl_FindExecutable(NULL);
        signal(SIGPIPE, SIG_IGN);
        MakeContexts();
    }
    if (size < 1 || size > LONGEST) {
        return 0;
    }
    switch (data[0] & 3) {
    case 0:  Raw(data + 1, size - 1, true); break;
    case 1:  Raw(data + 1, size - 1, false); break;
    case 2:  Established(data + 1, size - 1, false); break;
    default: Established(data + 1, size - 1, true); break;
    }
    return 0;
}
