/* SPDX-License-Identifier: MPL-2.0 */
/*
 * TLS contexts: certificates, keys, protocols, and which certificate answers for which host.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509err.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "net/tls.h"

#define MAX_HOST 255

/* As Mozilla's intermediate list: forward secrecy and AEAD only. */
static const char defaultCiphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!PSK:!SRP";
static const unsigned char sessionIdContext[] = "nsd";

void
NsTlsAppendErrors(Tcl_DString *ds)
{
    const char   *reason, *data = NULL;
    int           flags = 0;
    unsigned long code = ERR_peek_error_data(&data, &flags);       /* the first: what failed because of it lies behind it */

    if (code != 0 && ERR_SYSTEM_ERROR(code)) {
        Tcl_DStringAppend(ds, strerror(ERR_GET_REASON(code)), -1);
    } else {
        reason = code != 0 ? ERR_reason_error_string(code) : NULL;
        Tcl_DStringAppend(ds, reason != NULL ? reason : "unknown error", -1);
        if ((flags & ERR_TXT_STRING) != 0 && data != NULL && *data != '\0') {
            Tcl_DStringAppend(ds, " (", 2);
            Tcl_DStringAppend(ds, data, -1);
            Tcl_DStringAppend(ds, ")", 1);
        }
    }
    ERR_clear_error();
}

/* "WHAT "NAME": reason"; false, so that it can be returned. */
static bool
Fail(Tcl_DString *error, const char *what, const char *name, const char *reason)
{
    Tcl_DStringAppend(error, what, -1);
    Tcl_DStringAppend(error, " \"", 2);
    Tcl_DStringAppend(error, name, -1);
    Tcl_DStringAppend(error, "\": ", 3);
    if (reason != NULL) {
        Tcl_DStringAppend(error, reason, -1);
        ERR_clear_error();
    } else {
        NsTlsAppendErrors(error);
    }
    return false;
}

static bool
Readable(Tcl_DString *error, const char *what, const char *file)
{
    return access(file, R_OK) == 0 || Fail(error, what, file, strerror(errno));
}

/* Nobody is there to type a pass phrase: the default would ask at the terminal. */
static int
NoPassPhrase(char *buffer, int size, int forWriting, void *arg)
{
    return -1;
}

static bool
LoadCertificate(SSL_CTX *ssl, const char *certificate, const char *key, Tcl_DString *error)
{
    if (key == NULL || *key == '\0') {
        key = certificate;
    }
    SSL_CTX_set_default_passwd_cb(ssl, NoPassPhrase);
    if (!Readable(error, "certificate file", certificate) || !Readable(error, "key file", key)) {
        return false;
    }
    if (SSL_CTX_use_certificate_chain_file(ssl, certificate) != 1) {
        return Fail(error, "certificate file", certificate, NULL);
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ssl) != 1) {
        bool mismatch = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;

        /* What OpenSSL says to a missing key is about decoders. */
        return Fail(error, "key file", key,
                    mismatch ? "does not belong to the certificate" : "holds no private key, or one with a pass phrase");
    }
    return true;
}

static bool
LoadAuthorities(SSL_CTX *ssl, const char *file, const char *path, Tcl_DString *error)
{
    if (file != NULL && *file != '\0') {
        if (!Readable(error, "CA file", file)) {
            return false;
        }
        if (SSL_CTX_load_verify_file(ssl, file) != 1) {
            return Fail(error, "CA file", file, NULL);
        }
    }
    if (path != NULL && *path != '\0') {
        if (!Readable(error, "CA path", path)) {
            return false;
        }
        if (SSL_CTX_load_verify_dir(ssl, path) != 1) {
            return Fail(error, "CA path", path, NULL);
        }
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------------ protocols */

static const struct Protocol {
    const char *name;
    int         version;                       /* 0: OpenSSL 3 does not know it any more */
    uint64_t    noOption;
} protocols[] = {
    {"SSLv2", 0, 0}, {"SSLv3", 0, 0},
    {"TLSv1", TLS1_VERSION, SSL_OP_NO_TLSv1}, {"TLSv1.0", TLS1_VERSION, SSL_OP_NO_TLSv1},
    {"TLSv1.1", TLS1_1_VERSION, SSL_OP_NO_TLSv1_1}, {"TLSv1.2", TLS1_2_VERSION, SSL_OP_NO_TLSv1_2},
    {"TLSv1.3", TLS1_3_VERSION, SSL_OP_NO_TLSv1_3},
};
#define ALL_VERSIONS (SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3)
#define OLD_VERSIONS (SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1)

static const struct Protocol *
FindProtocol(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (strlen(protocols[i].name) == len && strncasecmp(protocols[i].name, name, len) == 0) {
            return &protocols[i];
        }
    }
    return NULL;
}

/*
 * A list, by commas or blanks, of names ("TLSv1.3": these and no others) and of excluded ones ("!TLSv1.2").  Without any name, 1.2
 * and up are meant.
 */
static bool
SetProtocols(SSL_CTX *ssl, const char *list, Tcl_DString *error)
{
    uint64_t    named = 0, excluded = 0, disabled;
    const char *p = list == NULL ? "" : list;

    while (*(p += strspn(p, ", \t\n")) != '\0') {
        bool   not = *p == '!';
        size_t len = strcspn(p += not ? 1 : 0, ", \t\n");
        const struct Protocol *protocol = FindProtocol(p, len);

        if (protocol == NULL) {
            return Fail(error, "protocols", list, "unknown protocol (known: TLSv1.0 TLSv1.1 TLSv1.2 TLSv1.3, with ! to exclude)");
        }
        if (!not && protocol->version == 0) {
            return Fail(error, "protocols", list, "SSLv2 and SSLv3 are not supported");
        }
        *(not ? &excluded : &named) |= protocol->noOption;
        p += len;
    }
    disabled = (named != 0 ? ALL_VERSIONS & ~named : OLD_VERSIONS) | excluded;
    if ((disabled & ALL_VERSIONS) == ALL_VERSIONS) {
        return Fail(error, "protocols", list, "no protocol is left");
    }
    SSL_CTX_set_options(ssl, disabled);
    SSL_CTX_set_min_proto_version(ssl, (named & OLD_VERSIONS) != 0 ? TLS1_VERSION : TLS1_2_VERSION);
    return true;
}

/* ------------------------------------------------------------------------------------------------------ callbacks */

/* HTTP/1.1 is what we speak.  A client that offers only other protocols is refused, as RFC 7301, 3.2 asks. */
static int
SelectProtocol(SSL *ssl, const unsigned char **out, unsigned char *outLen, const unsigned char *in, unsigned inLen, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";
    unsigned char             *selected;

    if (SSL_select_next_proto(&selected, outLen, ours, sizeof(ours) - 1, in, inLen) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

static Ns_TlsCtx *
FindHost(Ns_TlsCtx *ctx, const char *name)
{
    char           key[MAX_HOST + 1];
    size_t         len = strlen(name);
    Tcl_HashEntry *entry;
    char          *dot;

    if (len > 0 && name[len - 1] == '.') {
        len--;
    }
    if (len == 0 || len > MAX_HOST) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        key[i] = (char)tolower((unsigned char)name[i]);
    }
    key[len] = '\0';
    entry = Tcl_FindHashEntry(&ctx->hosts, key);
    if (entry == NULL && (dot = strchr(key, '.')) != NULL && dot > key) {
        dot[-1] = '*';
        entry = Tcl_FindHashEntry(&ctx->hosts, dot - 1);
    }
    return entry != NULL ? Tcl_GetHashValue(entry) : NULL;
}

/* The client names the host it wants: take that one's certificate and its rules for client certificates. */
static int
SelectHost(SSL *ssl, int *alert, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    Ns_TlsCtx  *host = name != NULL ? FindHost(arg, name) : NULL;

    if (name == NULL) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    if (host != NULL) {
        if (SSL_set_SSL_CTX(ssl, host->ssl) == NULL) {
            *alert = SSL_AD_INTERNAL_ERROR;
            return SSL_TLSEXT_ERR_ALERT_FATAL;
        }
        SSL_set_verify(ssl, SSL_CTX_get_verify_mode(host->ssl), NULL);
    }
    return SSL_TLSEXT_ERR_OK;
}

/* One write per line: O_APPEND keeps the lines of several threads apart. */
static void
LogKey(const SSL *ssl, const char *line)
{
    const Ns_TlsCtx *ctx = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct iovec     iov[2] = {{(void *)line, strlen(line)}, {"\n", 1}};

    if (ctx != NULL && ctx->keyLogFd != -1 && writev(ctx->keyLogFd, iov, 2) == -1) {
        Ns_Log(Warning, "tls: cannot write to the key log: %s", strerror(errno));
    }
}

/* ------------------------------------------------------------------------------------------------- create, release */

static Ns_TlsCtx *
CtxNew(const SSL_METHOD *method, bool server, Tcl_DString *error)
{
    Ns_TlsCtx *ctx;
    SSL_CTX   *ssl;

    ERR_clear_error();
    ssl = SSL_CTX_new(method);
    if (ssl == NULL) {
        NsTlsAppendErrors(error);
        return NULL;
    }
    /* Writes in pieces as the socket takes them; no buffers while idle; one read serves an event. */
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ssl, 1);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);       /* tickets: the clients keep the sessions */
    ctx = ns_calloc(1, sizeof(*ctx));
    ctx->magic = NS_TLSCTX_MAGIC;
    atomic_init(&ctx->refs, 1);
    ctx->ssl = ssl;
    ctx->server = server;
    ctx->keyLogFd = -1;
    Tcl_InitHashTable(&ctx->hosts, TCL_STRING_KEYS);
    SSL_CTX_set_app_data(ssl, ctx);
    return ctx;
}

static bool
SetCiphers(SSL_CTX *ssl, const Ns_TlsServerParams *params, Tcl_DString *error)
{
    bool own = params->ciphers != NULL && *params->ciphers != '\0';

    if (SSL_CTX_set_cipher_list(ssl, own ? params->ciphers : defaultCiphers) != 1) {
        return Fail(error, "ciphers", own ? params->ciphers : defaultCiphers, NULL);
    }
    if (params->cipherSuites != NULL && *params->cipherSuites != '\0'
        && SSL_CTX_set_ciphersuites(ssl, params->cipherSuites) != 1) {
        return Fail(error, "ciphersuites", params->cipherSuites, NULL);
    }
    return true;
}

static bool
SetClientVerification(SSL_CTX *ssl, const Ns_TlsServerParams *params, Tcl_DString *error)
{
    bool hasFile = params->caFile != NULL && *params->caFile != '\0';
    bool hasPath = params->caPath != NULL && *params->caPath != '\0';

    if (!LoadAuthorities(ssl, params->caFile, params->caPath, error)) {
        return false;
    }
    if (params->verifyClient == 0) {
        return true;
    }
    if (!hasFile && !hasPath) {
        Tcl_DStringAppend(error, "client certificates are asked for, but there is no CA file or CA path to verify them with", -1);
        return false;
    }
    if (hasFile) {
        STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(params->caFile);

        if (names == NULL) {
            return Fail(error, "CA file", params->caFile, NULL);
        }
        SSL_CTX_set_client_CA_list(ssl, names);                    /* takes the list over */
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | (params->verifyClient > 1 ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    return true;
}

static bool
OpenKeyLog(Ns_TlsCtx *ctx, const char *file, Tcl_DString *error)
{
    if (file == NULL || *file == '\0') {
        return true;
    }
    ctx->keyLogFd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (ctx->keyLogFd == -1) {
        return Fail(error, "TLS key log file", file, strerror(errno));
    }
    SSL_CTX_set_keylog_callback(ctx->ssl, LogKey);
    return true;
}

Ns_TlsCtx *
Ns_TlsCtxServerCreate(const Ns_TlsServerParams *params, Tcl_DString *error)
{
    Ns_TlsCtx *ctx = CtxNew(TLS_server_method(), true, error);

    if (ctx == NULL) {
        return NULL;
    }
    if (params->certificate == NULL || *params->certificate == '\0') {
        Tcl_DStringAppend(error, "no certificate file given", -1);
        goto fail;
    }
    if (!LoadCertificate(ctx->ssl, params->certificate, params->key, error)
        || !SetProtocols(ctx->ssl, params->protocols, error)
        || !SetCiphers(ctx->ssl, params, error)
        || !SetClientVerification(ctx->ssl, params, error)
        || !OpenKeyLog(ctx, params->keyLogFile, error)) {
        goto fail;
    }
    SSL_CTX_set_dh_auto(ctx->ssl, 1);
    SSL_CTX_set_session_id_context(ctx->ssl, sessionIdContext, sizeof(sessionIdContext) - 1);
    SSL_CTX_set_alpn_select_cb(ctx->ssl, SelectProtocol, NULL);
    SSL_CTX_set_tlsext_servername_callback(ctx->ssl, SelectHost);
    SSL_CTX_set_tlsext_servername_arg(ctx->ssl, ctx);
    return ctx;

 fail:
    Ns_TlsCtxRelease(ctx);
    return NULL;
}

Ns_TlsCtx *
Ns_TlsCtxClientCreate(const Ns_TlsClientParams *params, Tcl_DString *error)
{
    bool       hasCa = (params->caFile != NULL && *params->caFile != '\0') || (params->caPath != NULL && *params->caPath != '\0');
    bool       hasCert = params->certificate != NULL && *params->certificate != '\0';
    Ns_TlsCtx *ctx = CtxNew(TLS_client_method(), false, error);

    if (ctx == NULL) {
        return NULL;
    }
    if (!hasCert && params->key != NULL && *params->key != '\0') {
        Tcl_DStringAppend(error, "private key specified without certificate", -1);
        goto fail;
    }
    if ((hasCert && !LoadCertificate(ctx->ssl, params->certificate, params->key, error))
        || !SetProtocols(ctx->ssl, NULL, error)
        || !LoadAuthorities(ctx->ssl, params->caFile, params->caPath, error)) {
        goto fail;
    }
    ctx->verify = !params->insecure;
    if (ctx->verify && !hasCa && SSL_CTX_set_default_verify_paths(ctx->ssl) != 1) {
        Tcl_DStringAppend(error, "the system's CA certificates: ", -1);
        NsTlsAppendErrors(error);
        goto fail;
    }
    SSL_CTX_set_verify(ctx->ssl, ctx->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    return ctx;

 fail:
    Ns_TlsCtxRelease(ctx);
    return NULL;
}

Ns_TlsCtx *
NsTlsCtxRetain(Ns_TlsCtx *ctx)
{
    NS_CHECK(ctx, NS_TLSCTX_MAGIC);
    atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
    return ctx;
}

void
Ns_TlsCtxRelease(Ns_TlsCtx *ctx)
{
    Tcl_HashSearch search;

    if (ctx == NULL) {
        return;
    }
    NS_CHECK(ctx, NS_TLSCTX_MAGIC);
    if (atomic_fetch_sub(&ctx->refs, 1) != 1) {
        return;
    }
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&ctx->hosts, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        Ns_TlsCtxRelease(Tcl_GetHashValue(entry));
    }
    Tcl_DeleteHashTable(&ctx->hosts);
    SSL_CTX_free(ctx->ssl);
    if (ctx->keyLogFd != -1) {
        close(ctx->keyLogFd);
    }
    ctx->magic = NS_SPOILED;
    ns_free(ctx);
}

Ns_ReturnCode
Ns_TlsCtxAddHost(Ns_TlsCtx *ctx, const char *host, Ns_TlsCtx *hostCtx)
{
    char           key[MAX_HOST + 1];
    size_t         len = strlen(host);
    int            isNew;
    Tcl_HashEntry *entry;

    NS_CHECK(ctx, NS_TLSCTX_MAGIC);
    if (len == 0 || len > MAX_HOST || !ctx->server || !hostCtx->server || hostCtx == ctx) {
        return NS_ERROR;
    }
    for (size_t i = 0; i <= len; i++) {
        key[i] = (char)tolower((unsigned char)host[i]);
    }
    entry = Tcl_CreateHashEntry(&ctx->hosts, key, &isNew);
    if (!isNew) {
        Ns_TlsCtxRelease(Tcl_GetHashValue(entry));
    }
    Tcl_SetHashValue(entry, NsTlsCtxRetain(hostCtx));
    return NS_OK;
}
