/* SPDX-License-Identifier: MPL-2.0 */
/*
 * For the units of TLS: certificates, contexts, and both ends of a connection, played by one thread.
 */
#ifndef TEST_TLSPAIR_H
#define TEST_TLSPAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ns.h"

#define DAY (24 * 3600L)

static char         dir[] = "/tmp/nsd-tls-XXXXXX";
static char         path[8][300];
static Tcl_DString  error;

static inline char *
File(const char *name)
{
    static int next;
    char      *buffer = path[next++ % 8];

    snprintf(buffer, sizeof(path[0]), "%s/%s", dir, name);
    return buffer;
}

/* ---------------------------------------------------------------------------------------------------- certificates */

typedef struct Signer {
    X509     *cert;
    EVP_PKEY *key;
} Signer;
static Signer ca;

static inline void
AddExtension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX      ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* Certificate and key into one file; signed by `signer`, or by itself. */
static inline Signer
MakeCertificate(const char *file, const char *name, const char *altNames, const Signer *signer, long validFor)
{
    static long serial = 1;
    Signer      made = {X509_new(), EVP_EC_gen("P-256")};
    X509_NAME  *subject = X509_get_subject_name(made.cert);
    FILE       *out;

    X509_set_version(made.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.cert), -2 * DAY);
    X509_gmtime_adj(X509_getm_notAfter(made.cert), validFor);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(made.cert, signer != NULL ? X509_get_subject_name(signer->cert) : subject);
    X509_set_pubkey(made.cert, made.key);
    AddExtension(made.cert, signer != NULL ? signer->cert : made.cert, NID_basic_constraints, signer != NULL ? "CA:FALSE" : "CA:TRUE");
    if (altNames != NULL) {
        AddExtension(made.cert, made.cert, NID_subject_alt_name, altNames);
    }
    assert_true(X509_sign(made.cert, signer != NULL ? signer->key : made.key, EVP_sha256()) > 0);
    out = fopen(File(file), "w");
    assert_non_null(out);
    PEM_write_X509(out, made.cert);
    PEM_write_PrivateKey(out, made.key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
    return made;
}

static inline void
FreeSigner(Signer signer)
{
    X509_free(signer.cert);
    EVP_PKEY_free(signer.key);
}

static inline int
SetupAll(void **state)
{
    FILE *out;

    signal(SIGPIPE, SIG_DFL);                  /* the transport must not raise it */
    Tcl_FindExecutable(NULL);
    Tcl_DStringInit(&error);
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    ca = MakeCertificate("ca.pem", "Test CA", NULL, NULL, 10 * DAY);
    FreeSigner(MakeCertificate("other-ca.pem", "Other CA", NULL, NULL, 10 * DAY));
    FreeSigner(MakeCertificate("server.pem", "localhost", "DNS:localhost,DNS:*.example.org,IP:127.0.0.1,IP:::1", &ca, 10 * DAY));
    FreeSigner(MakeCertificate("a.pem", "a.example.com", "DNS:a.example.com", &ca, 10 * DAY));
    FreeSigner(MakeCertificate("wild.pem", "*.example.com", "DNS:*.example.com", &ca, 10 * DAY));
    FreeSigner(MakeCertificate("expired.pem", "localhost", "DNS:localhost", &ca, -DAY));
    FreeSigner(MakeCertificate("client.pem", "Alice", NULL, &ca, 10 * DAY));
    out = fopen(File("junk.pem"), "w");
    fputs("this is no certificate\n", out);
    fclose(out);
    return 0;
}

static inline int
TeardownAll(void **state)
{
    DIR                 *d = opendir(dir);
    const struct dirent *entry;

    while ((entry = readdir(d)) != NULL) {
        if (entry->d_name[0] != '.') {
            unlink(File(entry->d_name));
        }
    }
    closedir(d);
    rmdir(dir);
    FreeSigner(ca);
    Tcl_DStringFree(&error);
    return 0;
}

/* ------------------------------------------------------------------------------------------------------ both ends */

static inline Ns_TlsCtx *
ServerCtx(Ns_TlsServerParams params)
{
    Ns_TlsCtx *ctx;

    if (params.certificate == NULL) {
        params.certificate = File("server.pem");
    }
    Tcl_DStringSetLength(&error, 0);
    ctx = Ns_TlsCtxServerCreate(&params, &error);
    if (ctx == NULL) {
        fail_msg("%s", Tcl_DStringValue(&error));
    }
    return ctx;
}

static inline Ns_TlsCtx *
ClientCtx(Ns_TlsClientParams params)
{
    Ns_TlsCtx *ctx;

    if (params.caFile == NULL && params.caPath == NULL && !params.insecure) {
        params.caFile = File("ca.pem");
    }
    Tcl_DStringSetLength(&error, 0);
    ctx = Ns_TlsCtxClientCreate(&params, &error);
    if (ctx == NULL) {
        fail_msg("%s", Tcl_DStringValue(&error));
    }
    return ctx;
}

typedef struct Pair {
    Ns_Wire server, client;
} Pair;

static inline void
SocketPair(int fds[2], int bufferSize)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    for (int i = 0; i < 2 && bufferSize > 0; i++) {
        assert_int_equal(setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &bufferSize, sizeof(bufferSize)), 0);
    }
}

static inline Pair
Connect(Ns_TlsCtx *serverCtx, Ns_TlsCtx *clientCtx, const char *host, int bufferSize)
{
    Pair pair;
    int  fds[2];

    SocketPair(fds, bufferSize);
    memset(&pair, 0, sizeof(pair));
    pair.server.sock = fds[0];
    pair.client.sock = fds[1];
    assert_int_equal(Ns_TlsAttachServer(&pair.server, serverCtx), NS_OK);
    Tcl_DStringSetLength(&error, 0);
    assert_int_equal(Ns_TlsAttachClient(&pair.client, clientCtx, host, &error), NS_OK);
    return pair;
}

static inline void
Close(Ns_Wire *sock)
{
    if (sock->arg != NULL) {
        sock->transport->release(sock);
        assert_null(sock->arg);
        close(sock->sock);
    }
}

static inline void
ClosePair(Pair *pair)
{
    Close(&pair->server);
    Close(&pair->client);
}

/* Until both are done or one has failed, whose error is in `error` then. */
static inline Ns_ReturnCode
Handshake(Pair *pair)
{
    Ns_ReturnCode server = NS_CONTINUE, client = NS_CONTINUE;
    unsigned      waitFor;

    for (int i = 0; i < 1000; i++) {
        if (client == NS_CONTINUE) {
            waitFor = 0;
            client = pair->client.transport->handshake(&pair->client, &waitFor, &error);
            assert_true(client != NS_CONTINUE || waitFor == NS_SOCK_READ || waitFor == NS_SOCK_WRITE);
        }
        if (server == NS_CONTINUE) {
            server = pair->server.transport->handshake(&pair->server, &waitFor, &error);
        }
        if (client == NS_ERROR || server == NS_ERROR) {
            return NS_ERROR;
        }
        if (client == NS_OK && server == NS_OK) {
            return NS_OK;
        }
    }
    fail_msg("handshake does not end");
    return NS_ERROR;
}

static inline ssize_t
Send(Ns_Wire *sock, const void *data, size_t len)
{
    struct iovec iov = {(void *)data, len};

    return sock->transport->send(sock, &iov, 1);
}

static inline ssize_t
Recv(Ns_Wire *sock, void *buffer, size_t size)
{
    return sock->transport->recv(sock, buffer, size);
}

static inline bool
Pending(const Ns_Wire *sock)
{
    return sock->transport->pending(sock);
}

static inline char
ByteAt(size_t position)
{
    return (char)((position * 2654435761u) >> 13);
}

static inline char *
Pattern(size_t start, size_t len)
{
    char *bytes = malloc(len);

    for (size_t i = 0; i < len; i++) {
        bytes[i] = ByteAt(start + i);
    }
    return bytes;
}

static inline void
CheckPattern(const char *bytes, size_t start, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != ByteAt(start + i)) {
            fail_msg("byte %zu is wrong", start + i);
        }
    }
}

static inline Tcl_Obj *
Info(const Ns_Wire *sock, const char *key)
{
    Tcl_Obj *dict = Tcl_NewDictObj(), *name = Tcl_NewStringObj(key, -1), *value = NULL;

    Tcl_IncrRefCount(dict);
    Tcl_IncrRefCount(name);
    sock->transport->info(sock, NULL, dict);
    assert_int_equal(Tcl_DictObjGet(NULL, dict, name, &value), TCL_OK);
    if (value != NULL) {
        Tcl_IncrRefCount(value);
    }
    Tcl_DecrRefCount(name);
    Tcl_DecrRefCount(dict);
    return value;
}

#define assert_info(sock, key, expected)                              \
    do {                                                              \
        Tcl_Obj *value_ = Info(sock, key);                            \
        assert_non_null(value_);                                      \
        assert_string_equal(Tcl_GetString(value_), expected);         \
        Tcl_DecrRefCount(value_);                                     \
    } while (0)

#define assert_error(text)                                                                      \
    do {                                                                                        \
        if (strstr(Tcl_DStringValue(&error), text) == NULL) {                                   \
            fail_msg("\"%s\" is not in the error: %s", text, Tcl_DStringValue(&error));         \
        }                                                                                       \
    } while (0)

#endif
