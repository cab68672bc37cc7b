/* SPDX-License-Identifier: MPL-2.0 */
/*
 * TLS contexts: certificates, keys, protocols, and whom to trust.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509err.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "base/file.h"
#include "base/text.h"
#include "net/tls.h"

/* As Mozilla's intermediate list: forward secrecy and AEAD only. */
static const char defaultCiphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!PSK:!SRP";

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
    return NsFileAccess(file, R_OK) == 0 || Fail(error, what, file, strerror(errno));
}

/* A file or folder that OpenSSL reads itself; false: it says why. */
typedef int (ReadProc)(SSL_CTX *ssl, const char *name);

static bool
ReadBy(ReadProc *proc, SSL_CTX *ssl, const char *name)
{
    Tcl_DString ds;
    const char *bytes;
    bool        fine;

    Tcl_DStringInit(&ds);
    bytes = NsTextOutString(&ds, name);
    fine = bytes != NULL && proc(ssl, bytes) == 1;
    Tcl_DStringFree(&ds);
    return fine;
}

static int
UsePrivateKey(SSL_CTX *ssl, const char *name)
{
    return SSL_CTX_use_PrivateKey_file(ssl, name, SSL_FILETYPE_PEM);
}

/* The names that a client may choose its certificate by. */
static int
NameAuthorities(SSL_CTX *ssl, const char *name)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(name);

    if (names != NULL) {
        SSL_CTX_set_client_CA_list(ssl, names);                    /* takes the list over */
    }
    return names != NULL;
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
    if (!ReadBy(SSL_CTX_use_certificate_chain_file, ssl, certificate)) {
        return Fail(error, "certificate file", certificate, NULL);
    }
    if (!ReadBy(UsePrivateKey, ssl, key) || SSL_CTX_check_private_key(ssl) != 1) {
        bool mismatch = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;

        /* What OpenSSL says to a missing key is about decoders. */
        return Fail(error, "key file", key,
                    mismatch ? "does not belong to the certificate" : "holds no private key, or one with a pass phrase");
    }
    return true;
}

/* As `openssl rehash` names links: eight digits of the name's hash, a dot, and a number, after an r for a list of what is revoked. */
static bool
IsHashed(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdefABCDEF");

    if (digits != 8 || name[8] != '.') {
        return false;
    }
    name += name[9] == 'r' ? 10 : 9;
    return *name != '\0' && name[strspn(name, "0123456789")] == '\0';
}

/*
 * OpenSSL would look for an authority when it needs one: in the midst of a handshake, on a thread that must not wait for a disk.  So all
 * of them are read now.  A file that is none is no reason to distrust the others.
 */
static bool
LoadFolder(SSL_CTX *ssl, const char *path, Tcl_DString *error)
{
    Tcl_DString          name;
    const char          *bytes;
    DIR                 *folder;
    const struct dirent *entry;
    int                  len;

    Tcl_DStringInit(&name);
    bytes = NsTextOutString(&name, path);
    folder = bytes != NULL ? opendir(bytes) : NULL;
    if (folder == NULL) {
        Tcl_DStringFree(&name);
        return Fail(error, "CA path", path, strerror(errno));
    }
    if (bytes != Tcl_DStringValue(&name)) {
        Tcl_DStringAppend(&name, bytes, -1);
    }
    Tcl_DStringAppend(&name, "/", 1);
    len = Tcl_DStringLength(&name);
    while ((entry = readdir(folder)) != NULL) {
        if (IsHashed(entry->d_name)) {
            Tcl_DStringSetLength(&name, len);
            Tcl_DStringAppend(&name, entry->d_name, -1);
            if (SSL_CTX_load_verify_file(ssl, Tcl_DStringValue(&name)) != 1) {
                Ns_Log(Warning, "tls: CA path \"%s\": %s is left out: no certificate could be read", path, entry->d_name);
                ERR_clear_error();
            }
        }
    }
    (void)closedir(folder);
    Tcl_DStringFree(&name);
    return true;
}

const char *
NsTlsSystemFile(void)
{
    const char *file = getenv(X509_get_default_cert_file_env());

    return file != NULL ? file : X509_get_default_cert_file();
}

const char *
NsTlsSystemFolders(void)
{
    const char *folders = getenv(X509_get_default_cert_dir_env());

    return folders != NULL ? folders : X509_get_default_cert_dir();
}

/* What OpenSSL was built for, or its environment variables say: a file, and folders separated by colons.  Not all need be there. */
static void
LoadSystemAuthorities(SSL_CTX *ssl)
{
    const char *folders = NsTlsSystemFolders();
    Tcl_DString folder, unused;

    Tcl_DStringInit(&unused);
    (void)SSL_CTX_load_verify_file(ssl, NsTlsSystemFile());
    while (*folders != '\0') {
        size_t len = strcspn(folders, ":");

        Tcl_DStringInit(&folder);
        NsTextAppendIn(&folder, folders, len);
        (void)LoadFolder(ssl, Tcl_DStringValue(&folder), &unused);
        Tcl_DStringFree(&folder);
        folders += len + (folders[len] == ':');
    }
    Tcl_DStringFree(&unused);
    ERR_clear_error();
}

static bool
LoadAuthorities(SSL_CTX *ssl, const char *file, const char *path, Tcl_DString *error)
{
    if (file != NULL && *file != '\0') {
        if (!Readable(error, "CA file", file)) {
            return false;
        }
        if (!ReadBy(SSL_CTX_load_verify_file, ssl, file)) {
            return Fail(error, "CA file", file, NULL);
        }
    }
    if (path != NULL && *path != '\0') {
        if (!Readable(error, "CA path", path)) {
            return false;
        }
        if (!LoadFolder(ssl, path, error)) {
            return false;
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
 * A list, by colons, commas or blanks, of names ("TLSv1.3": these and no others) and of excluded ones ("!TLSv1.2").  Without any name, 1.2
 * and up are meant.
 */
static bool
SetProtocols(SSL_CTX *ssl, const char *list, Tcl_DString *error)
{
    uint64_t    named = 0, excluded = 0, disabled;
    const char *p = list == NULL ? "" : list;

    while (*(p += strspn(p, ":, \t\n")) != '\0') {
        bool   not = *p == '!';
        size_t len = strcspn(p += not ? 1 : 0, ":, \t\n");
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
    const Ns_TlsCtx           *ctx = arg;
    const unsigned char       *offered = ctx->alpn != NULL ? (const unsigned char *)ctx->alpn : ours;
    unsigned                   len = ctx->alpn != NULL ? ctx->alpnLen : sizeof(ours) - 1;
    unsigned char             *selected;

    if (SSL_select_next_proto(&selected, outLen, offered, len, in, inLen) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

/* One write per line: O_APPEND keeps the lines of several threads apart. */
static void
LogKey(const SSL *ssl, const char *line)
{
    const Ns_TlsCtx *ctx = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), NsTlsCtxIndex());
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
    SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);      /* a message without data is no reason to read on */
    SSL_CTX_set_info_callback(ssl, NsTlsCountStep);
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
    (void)SSL_CTX_set_ex_data(ssl, NsTlsCtxIndex(), ctx);
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

bool
NsTlsCtxSetRules(Ns_TlsCtx *ctx, const Ns_TlsServerParams *rules, Tcl_DString *error)
{
    bool own = rules->protocols != NULL && *rules->protocols != '\0';

    if (own) {
        SSL_CTX_clear_options(ctx->ssl, ALL_VERSIONS);
    }
    return (!own || SetProtocols(ctx->ssl, rules->protocols, error)) && SetCiphers(ctx->ssl, rules, error);
}

void
NsTlsCtxSetAlpn(Ns_TlsCtx *ctx, const char *wire, size_t len)
{
    ctx->alpn = ns_malloc(len);
    memcpy(ctx->alpn, wire, len);
    ctx->alpnLen = (unsigned)len;
}

bool
NsTlsAddAuthorities(SSL_CTX *ssl, const char *file, const char *path, Tcl_DString *error)
{
    return LoadAuthorities(ssl, file, path, error);
}

static bool
SetClientVerification(Ns_TlsCtx *ctx, const Ns_TlsServerParams *params, Tcl_DString *error)
{
    SSL_CTX    *ssl = ctx->ssl;
    bool        hasFile = params->caFile != NULL && *params->caFile != '\0';
    bool        hasPath = params->caPath != NULL && *params->caPath != '\0';

    Tcl_DString rules;

    if (!LoadAuthorities(ssl, params->caFile, params->caPath, error)) {
        return false;
    }
    if (params->verifyClient == 0) {
        return true;
    }
    Tcl_DStringInit(&rules);
    Tcl_DStringAppendElement(&rules, params->verifyClient > 1 ? "require" : "request");
    Tcl_DStringAppendElement(&rules, hasFile ? params->caFile : "");
    Tcl_DStringAppendElement(&rules, hasPath ? params->caPath : "");
    ctx->clientRules = ns_strdup(Tcl_DStringValue(&rules));
    Tcl_DStringFree(&rules);
    if (!hasFile && !hasPath) {
        Tcl_DStringAppend(error, "client certificates are asked for, but there is no CA file or CA path to verify them with", -1);
        return false;
    }
    if (hasFile && !ReadBy(NameAuthorities, ssl, params->caFile)) {
        return Fail(error, "CA file", params->caFile, NULL);
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
    ctx->keyLogFd = NsFileOpen(file, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (ctx->keyLogFd == -1) {
        return Fail(error, "TLS key log file", file, strerror(errno));
    }
    SSL_CTX_set_keylog_callback(ctx->ssl, LogKey);
    return true;
}

/* Those of servers: which certificates are in use. */
static Ns_Mutex   serversLock;
static Ns_TlsCtx *servers;

static void
EnterServer(Ns_TlsCtx *ctx, const char *certificate)
{
    ctx->certificateFile = ns_strdup(certificate);
    Ns_MutexLock(&serversLock);
    ctx->next = servers;
    ctx->prev = &servers;
    if (ctx->next != NULL) {
        ctx->next->prev = &ctx->next;
    }
    servers = ctx;
    Ns_MutexUnlock(&serversLock);
}

static void
LeaveServers(Ns_TlsCtx *ctx)
{
    if (ctx->certificateFile != NULL) {        /* (prev is the lock's: neighbours change it) */
        Ns_MutexLock(&serversLock);
        *ctx->prev = ctx->next;
        if (ctx->next != NULL) {
            ctx->next->prev = ctx->prev;
        }
        Ns_MutexUnlock(&serversLock);
    }
    ns_free(ctx->certificateFile);
}

void
NsTlsCertificateEach(void (*proc)(const char *file, const X509 *certificate, void *arg), void *arg)
{
    Tcl_HashTable seen;
    int           isNew;

    Tcl_InitHashTable(&seen, TCL_STRING_KEYS);
    Ns_MutexLock(&serversLock);
    for (const Ns_TlsCtx *ctx = servers; ctx != NULL; ctx = ctx->next) {
        (void)Tcl_CreateHashEntry(&seen, ctx->certificateFile, &isNew);
        if (isNew) {
            proc(ctx->certificateFile, SSL_CTX_get0_certificate(ctx->ssl), arg);
        }
    }
    Ns_MutexUnlock(&serversLock);
    Tcl_DeleteHashTable(&seen);
}

/* Nothing is read: are the files there? */
static bool
CheckFiles(const char *certificate, const char *key, const char *caFile, const char *caPath, Tcl_DString *error)
{
    static const char *const what[] = {"certificate file", "key file", "CA file", "CA path"};
    const char *const        files[] = {certificate, key, caFile, caPath};
    bool                     fine = true;

    for (size_t i = 0; fine && i < sizeof(files) / sizeof(files[0]); i++) {
        fine = files[i] == NULL || *files[i] == '\0' || Readable(error, what[i], files[i]);
    }
    return fine;
}

bool
NsTlsServerCheck(const Ns_TlsServerParams *params, Tcl_DString *error)
{
    if (params->certificate == NULL || *params->certificate == '\0') {
        Tcl_DStringAppend(error, "no certificate file given", -1);
        return false;
    }
    return CheckFiles(params->certificate, params->key, params->caFile, params->caPath, error);
}

Ns_TlsCtx *
Ns_TlsCtxServerCreate(const Ns_TlsServerParams *params, Tcl_DString *error)
{
    Ns_TlsCtx *ctx = CtxNew(TLS_server_method(), true, error);

    if (ctx == NULL) {
        return NULL;
    }
    if (!NsTlsServerCheck(params, error)
        || !LoadCertificate(ctx->ssl, params->certificate, params->key, error)
        || !SetProtocols(ctx->ssl, params->protocols, error)
        || !SetCiphers(ctx->ssl, params, error)
        || !SetClientVerification(ctx, params, error)
        || !OpenKeyLog(ctx, params->keyLogFile, error)) {
        goto fail;
    }
    EnterServer(ctx, params->certificate);
    SSL_CTX_set_dh_auto(ctx->ssl, 1);
    SSL_CTX_set_alpn_select_cb(ctx->ssl, SelectProtocol, ctx);
    NsTlsHostsInit(ctx);
    return ctx;

 fail:
    Ns_TlsCtxRelease(ctx);
    return NULL;
}

bool
NsTlsClientCheck(const Ns_TlsClientParams *params, Tcl_DString *error)
{
    if ((params->certificate == NULL || *params->certificate == '\0') && params->key != NULL && *params->key != '\0') {
        Tcl_DStringAppend(error, "private key specified without certificate", -1);
        return false;
    }
    return CheckFiles(params->certificate, params->key, params->caFile, params->caPath, error);
}

Ns_TlsCtx *
NsTlsClientMake(const Ns_TlsClientParams *params, Tcl_DString *error)
{
    bool       hasCa = (params->caFile != NULL && *params->caFile != '\0') || (params->caPath != NULL && *params->caPath != '\0');
    bool       hasCert = params->certificate != NULL && *params->certificate != '\0';
    Ns_TlsCtx *ctx = CtxNew(TLS_client_method(), false, error);

    if (ctx == NULL) {
        return NULL;
    }
    if (!NsTlsClientCheck(params, error)
        || (hasCert && !LoadCertificate(ctx->ssl, params->certificate, params->key, error))
        || !SetProtocols(ctx->ssl, NULL, error)
        || !LoadAuthorities(ctx->ssl, params->caFile, params->caPath, error)) {
        goto fail;
    }
    ctx->verify = !params->insecure;
    if (ctx->verify && !hasCa) {
        LoadSystemAuthorities(ctx->ssl);
    }
    SSL_CTX_set_verify(ctx->ssl, ctx->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (params->verifyDepth > 0) {
        SSL_CTX_set_verify_depth(ctx->ssl, params->verifyDepth);
    }
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

static void
FreeHosts(Ns_TlsCtx *ctx)
{
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&ctx->hosts, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        Ns_TlsCtxRelease(Tcl_GetHashValue(entry));
    }
    Tcl_DeleteHashTable(&ctx->hosts);
}

void
Ns_TlsCtxRelease(Ns_TlsCtx *ctx)
{
    if (ctx == NULL) {
        return;
    }
    NS_CHECK(ctx, NS_TLSCTX_MAGIC);
    if (atomic_fetch_sub(&ctx->refs, 1) != 1) {
        return;
    }
    LeaveServers(ctx);
    FreeHosts(ctx);
    ns_free(ctx->clientRules);
    ns_free(ctx->alpn);
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
    char           key[NS_TLS_MAX_HOST + 1];
    int            isNew;
    Tcl_HashEntry *entry;

    NS_CHECK(ctx, NS_TLSCTX_MAGIC);
    if (!ctx->server || !hostCtx->server || hostCtx == ctx || NsTlsHostKey(host, strlen(host), key) == 0) {
        return NS_ERROR;
    }
    entry = Tcl_CreateHashEntry(&ctx->hosts, key, &isNew);
    if (!isNew) {
        Ns_TlsCtxRelease(Tcl_GetHashValue(entry));
    }
    Tcl_SetHashValue(entry, NsTlsCtxRetain(hostCtx));
    ctx->rulesDiffer = ctx->rulesDiffer || !NsTlsSameRules(ctx, hostCtx);
    return NS_OK;
}
