/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The TLS transport: a session of OpenSSL on a non-blocking socket.
 *
 * A refused write (the socket is full) leaves an encrypted record in OpenSSL, which insists on being called again with at
 * least as many bytes.  So the session remembers how many they were.  Should the caller come back with fewer, the record is sent
 * nevertheless, and what it holds beyond them counts as sent already when he gives it ("credit").
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include "base/dict.h"
#include "net/addr.h"
#include "base/check.h"
#include "base/text.h"
#include "net/tls.h"

#define MAX_RECORD       16384
/* What one call may do; the loop, or `pending`, tells of the rest.  A thousand records of one byte take a millisecond. */
#define RECV_BUDGET      (72u * 1024u)         /* bytes from the socket: four large records */
#define HANDSHAKE_BUDGET (24u * 1024u)
#define MAX_RECV_RECORDS 512
#define MAX_SEND_RECORDS 512
#define MAX_STEPS        16                    /* messages without data */

typedef struct TlsSession {
    uint32_t   magic;
    int        failed;                         /* errno of a fatal error: the session is over */
    Ns_TlsCtx *ctx;                            /* retained */
    SSL       *ssl;                            /* NULL: a server's before its first byte */
    size_t     maxRecord;
    size_t     refused;                        /* bytes in the record that OpenSSL holds; 0: none */
    size_t     credit;                         /* sent already of what the caller gives next */
    bool       incomplete;                     /* what OpenSSL has read is less than a record */
    bool       untold;                         /* an end or error was found behind data, and the caller does not know yet */
    NsTlsGuard guard;
} TlsSession;
#define SESSION_MAGIC NS_MAGIC('T', 'l', 's', 'S')

static _Thread_local char recordBuffer[MAX_RECORD];                /* small pieces become one record here */

/* -------------------------------------------------------------------------------------------------------- sessions */

/* What was left in this thread's queue would be taken for the error of the next call; clearing an empty one takes its time. */
static void
EmptyErrors(void)
{
    if (ERR_peek_error() != 0u) {
        ERR_clear_error();
    }
}

/* A server's SSL object is made by the first call for its bytes: connections that never say a word stay small. */
static TlsSession *
Session(const Ns_Wire *sock)
{
    TlsSession *session = sock->arg;

    NS_CHECK(session, SESSION_MAGIC);
    if (session->ssl == NULL && session->failed == 0) {
        ERR_clear_error();
        session->guard.fd = sock->sock;
        session->ssl = NsTlsGuardedNew(session->ctx->ssl, &session->guard);
        if (session->ssl == NULL) {
            session->failed = ENOMEM;
        } else if (session->ctx->server) {
            SSL_set_accept_state(session->ssl);
        } else {
            SSL_set_connect_state(session->ssl);
        }
    }
    return session;
}

static TlsSession *
Attach(Ns_Wire *sock, Ns_TlsCtx *ctx)
{
    TlsSession *session = ns_calloc(1, sizeof(*session));

    session->magic = SESSION_MAGIC;
    session->ctx = NsTlsCtxRetain(ctx);
    session->maxRecord = MAX_RECORD;
    sock->arg = session;
    sock->transport = &Ns_TransportTls;
    sock->waitRecv = NS_SOCK_READ;
    sock->waitSend = NS_SOCK_WRITE;
    return session;
}

static void
TlsRelease(Ns_Wire *sock)
{
    TlsSession *session = sock->arg;

    if (session == NULL) {
        return;
    }
    NS_CHECK(session, SESSION_MAGIC);
    SSL_free(session->ssl);
    Ns_TlsCtxRelease(session->ctx);
    session->magic = NS_SPOILED;
    ns_free(session);
    sock->arg = NULL;
}

Ns_ReturnCode
Ns_TlsAttachServer(Ns_Wire *sock, Ns_TlsCtx *ctx)
{
    NS_CHECK(ctx, NS_TLSCTX_MAGIC);
    if (!ctx->server) {
        return NS_ERROR;
    }
    Attach(sock, ctx);
    return NS_OK;
}

/* The name is sent to the server (not an address: RFC 6066, 3) and, unless told otherwise, must be in its certificate. */
static bool
SetPeerName(TlsSession *session, const char *hostname)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(session->ssl);
    char               name[256];
    size_t             len = strlen(hostname);
    bool               numeric;

    if (len > 2 && hostname[0] == '[' && hostname[len - 1] == ']') {
        hostname++;
        len -= 2;
    } else if (len > 1 && hostname[len - 1] == '.') {
        len--;
    }
    if (len == 0 || len >= sizeof(name)) {
        return false;
    }
    memcpy(name, hostname, len);
    name[len] = '\0';
    numeric = NsAddrIsNumeric(name);
    if (!numeric && SSL_set_tlsext_host_name(session->ssl, name) != 1) {
        return false;
    }
    if (!session->ctx->verify) {
        return true;
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return (numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, name) : X509_VERIFY_PARAM_set1_host(param, name, 0)) == 1;
}

Ns_ReturnCode
Ns_TlsAttachClient(Ns_Wire *sock, Ns_TlsCtx *ctx, const char *hostname, Tcl_DString *error)
{
    TlsSession *session;
    bool        named = hostname != NULL && *hostname != '\0';

    NS_CHECK(ctx, NS_TLSCTX_MAGIC);
    if (ctx->server || (ctx->verify && !named)) {
        Tcl_DStringAppend(error, ctx->server ? "TLS: not a context for clients"
                                             : "TLS: no host name to verify the server's certificate with", -1);
        return NS_ERROR;
    }
    session = Attach(sock, ctx);
    Session(sock);
    if (session->ssl == NULL || (named && !SetPeerName(session, hostname))) {
        Tcl_DStringAppend(error, "TLS: ", -1);
        if (session->ssl == NULL) {
            NsTlsAppendErrors(error);
        } else {
            Tcl_DStringAppend(error, "not a valid host name: ", -1);
            Tcl_DStringAppend(error, hostname, -1);
        }
        TlsRelease(sock);
        sock->transport = &Ns_TransportTcp;
        return NS_ERROR;
    }
    return NS_OK;
}

/* ------------------------------------------------------------------------------------------------------- handshake */

static void
DescribeFailure(const TlsSession *session, int sslError, int sysError, Tcl_DString *error)
{
    long verified = SSL_get_verify_result(session->ssl);

    if (sslError == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED
        && verified != X509_V_OK) {
        Tcl_DStringAppend(error, "certificate verify failed: ", -1);
        Tcl_DStringAppend(error, X509_verify_cert_error_string(verified), -1);
        ERR_clear_error();
    } else if (sslError == SSL_ERROR_SSL && ERR_peek_error() != 0) {
        NsTlsAppendErrors(error);
    } else if (sslError == SSL_ERROR_SYSCALL && sysError != 0) {
        Tcl_DStringAppend(error, strerror(sysError), -1);
    } else {
        Tcl_DStringAppend(error, "connection closed by the peer during the TLS handshake", -1);
    }
}

static Ns_ReturnCode
TlsHandshake(Ns_Wire *sock, unsigned *waitFor, Tcl_DString *error)
{
    TlsSession *session = Session(sock);
    int         result, sslError, sysError;
    unsigned    fragment;

    if (session->failed != 0) {
        Tcl_DStringAppend(error, strerror(session->failed), -1);
        errno = session->failed;
        return NS_ERROR;
    }
    EmptyErrors();
    session->guard.budget = HANDSHAKE_BUDGET;
    errno = 0;
    result = SSL_do_handshake(session->ssl);
    sysError = errno;
    if (result == 1) {
        /* A client with little memory may have asked for small records (RFC 6066, 4): 1 is 512, 2 is 1024, ... */
        fragment = SSL_SESSION_get_max_fragment_length(SSL_get0_session(session->ssl));
        session->guard.established = true;
        session->maxRecord = fragment >= 1 && fragment <= 4 ? (size_t)256 << fragment : MAX_RECORD;
        return NS_OK;
    }
    sslError = SSL_get_error(session->ssl, result);
    if (sslError == SSL_ERROR_WANT_READ || sslError == SSL_ERROR_WANT_WRITE) {
        *waitFor = sslError == SSL_ERROR_WANT_READ ? NS_SOCK_READ : NS_SOCK_WRITE;
        return NS_CONTINUE;
    }
    DescribeFailure(session, sslError, sysError, error);
    session->failed = sslError == SSL_ERROR_SYSCALL && sysError != 0 ? sysError : EPROTO;
    errno = session->failed;
    return NS_ERROR;
}

/* -------------------------------------------------------------------------------------------------- recv and send */

/* What a call that did not succeed means: an errno, 0 at the end of the stream.  EAGAIN sets *wait. */
static int
Outcome(TlsSession *session, int result, const char *what, unsigned char *wait)
{
    int         sysError = errno;
    Tcl_DString text;

    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        *wait = NS_SOCK_READ;
        return EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        *wait = NS_SOCK_WRITE;
        return EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        if (!session->guard.flooded) {
            return 0;
        }
        session->failed = ECONNABORTED;
        break;
    case SSL_ERROR_SYSCALL:
        session->failed = sysError != 0 ? sysError : ECONNRESET;
        break;
    default:
        Tcl_DStringInit(&text);
        NsTlsAppendErrors(&text);
        Ns_Log(Notice, "tls: %s: %s", what, Tcl_DStringValue(&text));
        Tcl_DStringFree(&text);
        session->failed = EPROTO;
        break;
    }
    return session->failed;
}

static bool
HasPending(const TlsSession *session)
{
    /* SSL_has_pending also counts an incomplete record, which only the socket can complete. */
    return SSL_pending(session->ssl) > 0 || (!session->incomplete && SSL_has_pending(session->ssl) == 1);
}

static bool
TlsPending(const Ns_Wire *sock)
{
    const TlsSession *session = sock->arg;

    NS_CHECK(session, SESSION_MAGIC);
    return session->untold || (session->ssl != NULL && session->failed == 0 && HasPending(session));
}

static ssize_t
TlsRecv(Ns_Wire *sock, void *buffer, size_t size)
{
    TlsSession *session = Session(sock);
    size_t      total = 0, n;
    int         error = session->failed, result, records = 0;

    sock->waitRecv = NS_SOCK_READ;
    session->untold = false;
    if (error != 0) {
        errno = error;
        return -1;
    }
    EmptyErrors();
    session->guard.budget = RECV_BUDGET;
    session->guard.stepsOfCall = 0;
    /* All that came with one read of the socket, be it many records. */
    do {
        errno = 0;
        result = SSL_read_ex(session->ssl, (char *)buffer + total, size - total, &n);
        if (result != 1) {
            error = Outcome(session, result, "read", &sock->waitRecv);
            session->incomplete = error == EAGAIN;
            break;
        }
        session->incomplete = false;
        total += n;
    } while (total < size && ++records < MAX_RECV_RECORDS && session->guard.stepsOfCall < MAX_STEPS && HasPending(session));

    if (total > 0) {
        session->guard.data += total;
        /* An error or the end is found again by the next call, of which the socket may have no event to tell. */
        session->untold = result != 1 && error != EAGAIN;
        return (ssize_t)total;
    }
    errno = error;
    return error == 0 ? 0 : -1;
}

/* What a look finds out, an error above all, is not found out again by the next call: it is kept for TlsRecv. */
static bool
TlsNothing(Ns_Wire *sock)
{
    TlsSession *session = Session(sock);
    size_t      n;
    char        byte;
    int         result;

    if (session->failed != 0 || session->untold) {
        return false;
    }
    EmptyErrors();
    session->guard.budget = RECV_BUDGET;
    errno = 0;
    result = SSL_peek_ex(session->ssl, &byte, 1, &n);
    if (result == 1) {
        session->incomplete = false;
        return false;
    }
    session->incomplete = Outcome(session, result, "read", &sock->waitRecv) == EAGAIN;
    session->untold = !session->incomplete;
    return session->incomplete;
}

typedef struct Cursor {
    const struct iovec *iov;
    int                 count;
    size_t              offset;                /* in the first */
} Cursor;

/* Skip up to n bytes; how many there were. */
static size_t
Skip(Cursor *cursor, size_t n)
{
    size_t skipped = 0;

    while (cursor->count > 0) {
        size_t left = cursor->iov->iov_len - cursor->offset;

        if (left > n - skipped) {
            cursor->offset += n - skipped;
            return n;
        }
        skipped += left;
        cursor->iov++;
        cursor->count--;
        cursor->offset = 0;
    }
    return skipped;
}

/*
 * The next `max` bytes, or as many as there are: where they lie, if in one piece, or gathered.  When `whole`, there is memory for
 * `max` bytes in any case.
 */
static size_t
Gather(Cursor cursor, size_t max, bool whole, const char **data)
{
    size_t total = 0;

    Skip(&cursor, 0);                          /* empty elements */
    if (cursor.count > 0) {
        size_t left = cursor.iov->iov_len - cursor.offset;

        if (left >= max || (cursor.count == 1 && !whole)) {
            *data = (const char *)cursor.iov->iov_base + cursor.offset;
            return left < max ? left : max;
        }
    }
    while (cursor.count > 0 && total < max) {
        size_t left = cursor.iov->iov_len - cursor.offset, n = left < max - total ? left : max - total;

        memcpy(recordBuffer + total, (const char *)cursor.iov->iov_base + cursor.offset, n);
        total += n;
        Skip(&cursor, n);
    }
    *data = recordBuffer;
    return total;
}

static ssize_t
TlsSend(Ns_Wire *sock, const struct iovec *iov, int iovcnt)
{
    TlsSession *session = Session(sock);
    Cursor      cursor = {iov, iovcnt, 0};
    size_t      sent, written, len;
    const char *data;
    int         error = session->failed, result, records = 0;

    sock->waitSend = NS_SOCK_WRITE;
    if (error != 0) {
        errno = error;
        return -1;
    }
    sent = Skip(&cursor, session->credit);
    session->credit -= sent;
    EmptyErrors();
    session->guard.budget = HANDSHAKE_BUDGET;
    while (records++ < MAX_SEND_RECORDS
           && (len = Gather(cursor, session->refused > 0 ? session->refused : session->maxRecord, session->refused > 0, &data)) > 0) {
        size_t tried = session->refused > 0 ? session->refused : len;

        errno = 0;
        result = SSL_write_ex(session->ssl, data, tried, &written);
        if (result != 1) {
            error = Outcome(session, result, "write", &sock->waitSend);
            if (error == 0) {
                error = session->failed = EPIPE;
            }
            /* In a handshake (new keys that the peer asked for) OpenSSL has not taken a record yet. */
            if (session->refused == 0 && error == EAGAIN && !SSL_in_init(session->ssl)) {
                session->refused = tried;
            }
            break;
        }
        session->refused = 0;
        if (written > len) {
            session->credit = written - len;
            written = len;
        }
        sent += Skip(&cursor, written);
    }
    if (sent > 0 || error == 0) {
        return (ssize_t)sent;
    }
    errno = error;
    return -1;
}

static Ns_ReturnCode
TlsShutdown(Ns_Wire *sock)
{
    TlsSession   *session = sock->arg;
    int           error = errno, result;
    Ns_ReturnCode status = NS_OK;

    NS_CHECK(session, SESSION_MAGIC);
    /* Behind a record that is not out, the notice would be garbage. */
    if (session->ssl != NULL && session->failed == 0 && session->refused == 0 && SSL_is_init_finished(session->ssl)) {
        ERR_clear_error();
        session->guard.budget = HANDSHAKE_BUDGET;
        result = SSL_shutdown(session->ssl);
        if (result < 0 && SSL_get_error(session->ssl, result) == SSL_ERROR_WANT_WRITE) {
            sock->waitSend = NS_SOCK_WRITE;
            status = NS_CONTINUE;
        }
        ERR_clear_error();
    }
    if (status == NS_OK) {
        shutdown(sock->sock, SHUT_WR);
    }
    errno = error;
    return status;
}

bool
NsTlsMayAsk(const Ns_Wire *sock, const char *host)
{
    const TlsSession *session = sock->arg;

    NS_CHECK(session, SESSION_MAGIC);
    return !session->ctx->rulesDiffer || session->ssl == NULL || NsTlsHostAllows(session->ctx, session->ssl, host);
}

/* ------------------------------------------------------------------------------------------------------------ info */

static Tcl_Obj *
NameObj(const X509_NAME *name)
{
    BIO     *bio = BIO_new(BIO_s_mem());
    char    *text;
    long     len;
    Tcl_Obj *obj = NULL;

    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        len = BIO_get_mem_data(bio, &text);
        obj = NsTextObj(text, len);
    }
    BIO_free(bio);
    return obj != NULL ? obj : Tcl_NewObj();
}

static Tcl_Obj *
CertificateObj(Tcl_Interp *interp, const SSL *ssl)
{
    X509         *cert = SSL_get1_peer_certificate(ssl);
    Tcl_Obj      *dict = Tcl_NewObj();
    BIGNUM       *number;
    char         *hex;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned      len = 0;

    if (cert == NULL) {
        return dict;
    }
    NsDictPut(dict, "subject", NameObj(X509_get_subject_name(cert)));
    NsDictPut(dict, "issuer", NameObj(X509_get_issuer_name(cert)));
    number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    hex = number != NULL ? BN_bn2hex(number) : NULL;
    NsDictPutText(dict, "serial", hex != NULL ? hex : "");
    OPENSSL_free(hex);
    BN_free(number);
    if (X509_digest(cert, EVP_sha256(), digest, &len) == 1) {
        char text[2 * EVP_MAX_MD_SIZE + 1];

        for (unsigned i = 0; i < len; i++) {
            static const char digits[] = "0123456789abcdef";

            text[2 * i] = digits[digest[i] >> 4];
            text[2 * i + 1] = digits[digest[i] & 15];
        }
        NsDictPut(dict, "sha256", Tcl_NewStringObj(text, (int)(2 * len)));
    }
    X509_free(cert);
    return dict;
}

static void
TlsInfo(const Ns_Wire *sock, Tcl_Interp *interp, Tcl_Obj *dict)
{
    const TlsSession *session = sock->arg;
    const char       *name;

    NS_CHECK(session, SESSION_MAGIC);
    if (session->ssl == NULL) {
        return;
    }
    NsDictPut(dict, "sslversion", Tcl_NewStringObj(SSL_get_version(session->ssl), -1));
    NsDictPut(dict, "cipher", Tcl_NewStringObj(SSL_get_cipher_name(session->ssl), -1));
    if (session->ctx->server) {
        name = SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name);
        NsDictPut(dict, "servername", NsTextObj(name != NULL ? name : "", -1));
        NsDictPut(dict, "clientcert", CertificateObj(interp, session->ssl));
    }
}

const Ns_Transport Ns_TransportTls = {
    .name = "tls",
    .handshake = TlsHandshake,
    .recv = TlsRecv,
    .send = TlsSend,
    .pending = TlsPending,
    .nothing = TlsNothing,
    .shutdown = TlsShutdown,
    .release = TlsRelease,
    .info = TlsInfo,
};
