/* SPDX-License-Identifier: MPL-2.0 */
/*
 * TLS for modules that have connections of their own, by OpenSSL's objects (nstls.h).
 *
 * A context is the SSL_CTX of one of ours, which knows it: the same files, rules and callbacks as those of drivers and channels.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>
#include "base/check.h"
#include "base/clock.h"
#include "base/dict.h"
#include "net/addr.h"
#include "net/tls.h"

#define ACCEPT_SECONDS 30

/* ------------------------------------------------------------------------------------------------------------ contexts */

/* TCL_ERROR. */
static int
Refuse(Tcl_Interp *interp, Tcl_DString *error)
{
    if (interp != NULL) {
        Tcl_SetObjResult(interp, Tcl_ObjPrintf("%s", Tcl_DStringValue(error)));
    } else {
        Ns_Log(Error, "tls: %s", Tcl_DStringValue(error));
    }
    return TCL_ERROR;
}

static bool
IsGiven(const char *string)
{
    return string != NULL && *string != '\0';
}

/* "a,b" as OpenSSL has it: each with its length in front.  False: one is empty or too long. */
static bool
SetAlpn(SSL_CTX *ssl, const char *alpn, bool server, Tcl_DString *error)
{
    Tcl_DString wire;
    bool        good = true;

    Tcl_DStringInit(&wire);
    while (IsGiven(alpn) && good) {
        size_t len = strcspn(alpn, ",");
        char   size = (char)(unsigned char)len;

        good = len > 0 && len <= 255;
        Tcl_DStringAppend(&wire, &size, 1);
        Tcl_DStringAppend(&wire, alpn, (int)len);
        alpn += len + (alpn[len] == ',' ? 1 : 0);
    }
    if (!good) {
        Tcl_DStringAppend(error, "alpn: a protocol's name has 1 to 255 characters", -1);
    } else if (Tcl_DStringLength(&wire) > 0) {
        if (server) {
            NsTlsCtxSetAlpn(SSL_CTX_get_ex_data(ssl, NsTlsCtxIndex()), Tcl_DStringValue(&wire), (size_t)Tcl_DStringLength(&wire));
        } else if (SSL_CTX_set_alpn_protos(ssl, (const unsigned char *)Tcl_DStringValue(&wire),
                                           (unsigned)Tcl_DStringLength(&wire)) != 0) {
            Tcl_DStringAppend(error, "alpn: ", -1);
            NsTlsAppendErrors(error);
            good = false;
        }
    }
    Tcl_DStringFree(&wire);
    return good;
}

/* What a context is given beside its files; it is released when that fails. */
static int
Finish(Tcl_Interp *interp, Ns_TlsCtx *ctx, const char *alpn, void *appData, Tcl_DString *error, SSL_CTX **ctxPtr)
{
    int code = TCL_OK;

    if (ctx != NULL && !SetAlpn(ctx->ssl, alpn, ctx->server, error)) {
        Ns_TlsCtxRelease(ctx);
        ctx = NULL;
    }
    if (ctx == NULL) {
        *ctxPtr = NULL;
        code = Refuse(interp, error);
    } else {
        SSL_CTX_set_app_data(ctx->ssl, appData);
        *ctxPtr = ctx->ssl;
    }
    Tcl_DStringFree(error);
    return code;
}

int
Ns_TLS_CtxClientCreateCfg(Tcl_Interp *interp, const char *cert, const char *key, const char *caFile, const char *caPath, bool verify,
                          const char *ciphers, const char *ciphersuites, const char *protocols, const char *alpn, void *app_data,
                          unsigned int flags, NS_TLS_SSL_CTX **ctxPtr)
{
    Ns_TlsClientParams params = {.caFile = caFile, .caPath = caPath, .certificate = cert, .key = key, .insecure = !verify};
    Ns_TlsServerParams rules = {.ciphers = ciphers, .cipherSuites = ciphersuites, .protocols = protocols};
    Tcl_DString        error;
    Ns_TlsCtx         *ctx;

    (void)flags;
    Tcl_DStringInit(&error);
    ctx = NsTlsClientMake(&params, &error);
    if (ctx != NULL && !NsTlsCtxSetRules(ctx, &rules, &error)) {
        Ns_TlsCtxRelease(ctx);
        ctx = NULL;
    }
    return Finish(interp, ctx, alpn, app_data, &error, ctxPtr);
}

int
Ns_TLS_CtxClientCreate(Tcl_Interp *interp, const char *cert, const char *caFile, const char *caPath, bool verify,
                       NS_TLS_SSL_CTX **ctxPtr)
{
    return Ns_TLS_CtxClientCreateCfg(interp, cert, NULL, caFile, caPath, verify, NULL, NULL, NULL, NULL, NULL, 0, ctxPtr);
}

int
Ns_TLS_CtxServerCreateCfg(Tcl_Interp *interp, const char *cert, const char *key, const char *caFile, const char *caPath,
                          Ns_TLSClientCertMode clientCertMode, const char *ciphers, const char *ciphersuites, const char *protocols,
                          const char *alpn, void *app_data, unsigned int flags, NS_TLS_SSL_CTX **ctxPtr)
{
    Ns_TlsServerParams params = {
        .certificate = cert, .key = key, .caFile = caFile, .caPath = caPath, .protocols = protocols, .ciphers = ciphers,
        .cipherSuites = ciphersuites, .verifyClient = (int)clientCertMode
    };
    Tcl_DString        error;

    (void)flags;
    Tcl_DStringInit(&error);
    return Finish(interp, Ns_TlsCtxServerCreate(&params, &error), alpn, app_data, &error, ctxPtr);
}

int
Ns_TLS_CtxServerCreate(Tcl_Interp *interp, const char *cert, const char *caFile, const char *caPath, bool verify, const char *ciphers,
                       const char *ciphersuites, const char *protocols, NS_TLS_SSL_CTX **ctxPtr)
{
    return Ns_TLS_CtxServerCreateCfg(interp, cert, NULL, caFile, caPath, verify ? NS_TLS_CLIENT_CERT_REQUIRE : NS_TLS_CLIENT_CERT_NONE,
                                     ciphers, ciphersuites, protocols, NULL, NULL, 0, ctxPtr);
}

/* One of ours, or of the module's own making. */
void
Ns_TLS_CtxFree(NS_TLS_SSL_CTX *ctx)
{
    Ns_TlsCtx *ours = ctx != NULL ? SSL_CTX_get_ex_data(ctx, NsTlsCtxIndex()) : NULL;

    if (ours != NULL) {
        Ns_TlsCtxRelease(ours);
    } else {
        SSL_CTX_free(ctx);
    }
}

/* ---------------------------------------------------------------------------------------------------------- handshakes */

/* The peer's name: asked for, and verified unless the context does not. */
static bool
SetName(SSL *ssl, const char *name, Tcl_DString *error)
{
    bool numeric = NsAddrIsNumeric(name), good = numeric || SSL_set_tlsext_host_name(ssl, name) == 1;

    if (good && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE) {
        X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        good = (numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, name) : X509_VERIFY_PARAM_set1_host(param, name, 0)) == 1;
    }
    if (!good) {
        Tcl_DStringAppend(error, "not a valid host name: ", -1);
        Tcl_DStringAppend(error, name, -1);
        ERR_clear_error();
    }
    return good;
}

static void
AppendReason(const SSL *ssl, Tcl_DString *error)
{
    long verified = SSL_get_verify_result(ssl);

    if (verified != X509_V_OK && ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        Tcl_DStringAppend(error, "certificate verify failed: ", -1);
        Tcl_DStringAppend(error, X509_verify_cert_error_string(verified), -1);
        ERR_clear_error();
    } else if (ERR_peek_error() != 0) {
        NsTlsAppendErrors(error);
    } else {
        Tcl_DStringAppend(error, errno != 0 ? strerror(errno) : "connection closed by the peer", -1);
    }
}

/* Both sides: on until it is done or over.  `timeout` NULL: no limit. */
static Ns_ReturnCode
Shake(SSL *ssl, NS_SOCKET sock, const Ns_Time *timeout, Tcl_DString *error)
{
    Ns_Time until;
    int64_t left = -1;

    if (timeout != NULL) {
        NsMonotonicAfter(timeout, &until);
    }
    for (;;) {
        struct pollfd pfd = {.fd = sock};
        int           result, what;

        ERR_clear_error();
        errno = 0;
        result = SSL_do_handshake(ssl);
        if (result == 1) {
            return NS_OK;
        }
        what = SSL_get_error(ssl, result);
        if (what != SSL_ERROR_WANT_READ && what != SSL_ERROR_WANT_WRITE) {
            AppendReason(ssl, error);
            return NS_ERROR;
        }
        left = timeout != NULL ? NsMsUntil(&until) : -1;
        pfd.events = what == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        if (left == 0 || ns_poll(&pfd, 1, (long)left) == 0) {
            Tcl_DStringAppend(error, "timeout during the TLS handshake", -1);
            return NS_TIMEOUT;
        }
    }
}

/* The handshake of a new session; the socket does not block meanwhile. */
static Ns_ReturnCode
Handshake(Tcl_Interp *interp, SSL *ssl, NS_SOCKET sock, const Ns_Time *timeout, Tcl_DString *error, SSL **sslPtr)
{
    Ns_ReturnCode status = NS_ERROR;
    int           flags = fcntl(sock, F_GETFL);

    if (ssl != NULL && Tcl_DStringLength(error) == 0) {
        (void)Ns_SockSetNonBlocking(sock);
        status = SSL_set_fd(ssl, sock) == 1 ? Shake(ssl, sock, timeout, error) : NS_ERROR;
        (void)fcntl(sock, F_SETFL, flags);
    }
    if (status != NS_OK) {
        if (interp != NULL) {
            Tcl_SetObjResult(interp, Tcl_ObjPrintf("TLS: %s", Tcl_DStringLength(error) > 0 ? Tcl_DStringValue(error) : "no memory"));
            if (status == NS_TIMEOUT) {
                Tcl_SetErrorCode(interp, "NS_TIMEOUT", (char *)NULL);
            }
        }
        SSL_free(ssl);
        ssl = NULL;
    }
    *sslPtr = ssl;
    Tcl_DStringFree(error);
    return status;
}

Ns_ReturnCode
Ns_TLS_SSLConnect(Tcl_Interp *interp, NS_SOCKET sock, NS_TLS_SSL_CTX *ctx, const char *sni_hostname, const char *caFile,
                  const char *caPath, const Ns_Time *timeoutPtr, NS_TLS_SSL **sslPtr)
{
    Tcl_DString error;
    SSL        *ssl = SSL_new(ctx);

    Tcl_DStringInit(&error);
    if (ssl != NULL) {
        SSL_set_connect_state(ssl);
        if (IsGiven(sni_hostname)) {
            (void)SetName(ssl, sni_hostname, &error);
        }
        if (Tcl_DStringLength(&error) == 0 && (IsGiven(caFile) || IsGiven(caPath))) {
            (void)NsTlsAddAuthorities(ctx, caFile, caPath, &error);
        }
    }
    return Handshake(interp, ssl, sock, timeoutPtr, &error, sslPtr);
}

int
Ns_TLS_SSLAccept(Tcl_Interp *interp, NS_SOCKET sock, NS_TLS_SSL_CTX *ctx, NS_TLS_SSL **sslPtr)
{
    const Ns_Time limit = {ACCEPT_SECONDS, 0};
    Tcl_DString   error;
    SSL          *ssl = SSL_new(ctx);

    Tcl_DStringInit(&error);
    if (ssl != NULL) {
        SSL_set_accept_state(ssl);
    }
    return Handshake(interp, ssl, sock, &limit, &error, sslPtr) == NS_OK ? TCL_OK : TCL_ERROR;
}

/* --------------------------------------------------------------------------------------------------------------- bytes */

/* Of a call that gave `result`: 0: again, 1: the end, 2: an error, in *code. */
static int
Outcome(SSL *ssl, int result, unsigned long *code)
{
    int system = errno;

    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return 1;
    case SSL_ERROR_SYSCALL:
        *code = system != 0 ? (unsigned long)system : (unsigned long)ECONNRESET;
        return 2;
    default:
        *code = ERR_peek_error() != 0 ? ERR_get_error() : (unsigned long)EPROTO;
        return 2;
    }
}

ssize_t
Ns_SSLRecvBufs2(SSL *sslPtr, struct iovec *bufs, int nbufs, Ns_SockState *sockStatePtr, unsigned long *errnoPtr)
{
    unsigned long code = 0;
    size_t        got = 0;
    int           result, outcome;

    *sockStatePtr = NS_SOCK_AGAIN;
    if (errnoPtr != NULL) {
        *errnoPtr = 0;
    }
    if (nbufs < 1 || bufs[0].iov_len == 0) {
        return 0;
    }
    ERR_clear_error();
    errno = 0;
    result = SSL_read_ex(sslPtr, bufs[0].iov_base, bufs[0].iov_len, &got);
    if (result == 1) {
        *sockStatePtr = NS_SOCK_READ;
        return (ssize_t)got;
    }
    outcome = Outcome(sslPtr, result, &code);
    if (outcome == 2) {
        *sockStatePtr = NS_SOCK_EXCEPTION;
        if (errnoPtr != NULL) {
            *errnoPtr = code;
        }
        return -1;
    }
    *sockStatePtr = outcome == 1 ? NS_SOCK_DONE : NS_SOCK_AGAIN;
    return 0;
}

ssize_t
Ns_SSLSendBufs2(SSL *ssl, const struct iovec *bufs, int nbufs)
{
    ssize_t sent = 0;

    for (int i = 0; i < nbufs; i++) {
        size_t        now = 0;
        unsigned long code = 0;
        int           result, outcome;

        if (bufs[i].iov_len == 0) {
            continue;
        }
        ERR_clear_error();
        errno = 0;
        result = SSL_write_ex(ssl, bufs[i].iov_base, bufs[i].iov_len, &now);
        if (result != 1) {
            outcome = Outcome(ssl, result, &code);
            if (outcome == 0 || sent > 0) {
                break;                         /* an error is found again by the next call */
            }
            errno = outcome == 1 ? EPIPE : code <= INT_MAX && ERR_GET_LIB(code) == 0 ? (int)code : EPROTO;
            return -1;
        }
        sent += (ssize_t)now;
        if (now < bufs[i].iov_len) {
            break;
        }
    }
    return sent;
}

const char *
Ns_SSLSetErrorCode(Tcl_Interp *interp, unsigned long sslERRcode)
{
    static __thread char words[256];

    (void)NsSockErrorCodeString(sslERRcode, words, sizeof(words));
    Tcl_SetErrorCode(interp, "NS", "SSL", words, (char *)NULL);
    return words;
}

Tcl_Obj *
Ns_InfoSSLDetailsObj(void)
{
    Tcl_Obj *dict = Tcl_NewDictObj();

    NsDictPutText(dict, "version", OpenSSL_version(OPENSSL_VERSION));
    NsDictPutText(dict, "headers", OPENSSL_VERSION_TEXT);
    NsDictPutText(dict, "built", OpenSSL_version(OPENSSL_BUILT_ON));
    NsDictPutText(dict, "platform", OpenSSL_version(OPENSSL_PLATFORM));
    NsDictPutText(dict, "dir", OpenSSL_version(OPENSSL_DIR));
    return dict;
}
