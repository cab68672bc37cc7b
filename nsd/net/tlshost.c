/* SPDX-License-Identifier: MPL-2.0 */
/*
 * TLS contexts of hosts: which certificate, and which rules for client certificates, answer for the name that a client asks for.
 *
 * The context is chosen when the ClientHello has come, before OpenSSL looks for a session to resume: a session belongs to the context that
 * it was made with, and is none for a host with other rules.  What the client says later, in the Host field, is held against them again.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "net/tls.h"

size_t
NsTlsHostKey(const char *name, size_t len, char key[NS_TLS_MAX_HOST + 1])
{
    const char *colon = memchr(name, ':', len);

    if (colon != NULL && memchr(colon + 1, ':', (size_t)(name + len - colon) - 1) == NULL) {
        len = (size_t)(colon - name);
    }
    if (len > 0 && name[len - 1] == '.') {
        len--;
    }
    if (len > NS_TLS_MAX_HOST || memchr(name, '\0', len) != NULL) {
        len = 0;
    }
    for (size_t i = 0; i < len; i++) {
        key[i] = (char)tolower((unsigned char)name[i]);
    }
    key[len] = '\0';
    return len;
}

static Ns_TlsCtx *
FindHost(Ns_TlsCtx *ctx, const char *name, size_t len)
{
    char           key[NS_TLS_MAX_HOST + 1], *dot;
    Tcl_HashEntry *entry;

    if (NsTlsHostKey(name, len, key) == 0) {
        return NULL;
    }
    entry = Tcl_FindHashEntry(&ctx->hosts, key);
    if (entry == NULL && (dot = strchr(key, '.')) != NULL && dot > key) {
        dot[-1] = '*';
        entry = Tcl_FindHashEntry(&ctx->hosts, dot - 1);
    }
    return entry != NULL ? Tcl_GetHashValue(entry) : NULL;
}

/* The name in a ClientHello (RFC 6066, 3); NULL: none. */
static const char *
ServerName(SSL *ssl, size_t *len)
{
    const unsigned char *data;
    size_t               size;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1
        || size < 5 || (size_t)(data[0] << 8 | data[1]) + 2 != size || data[2] != TLSEXT_NAMETYPE_host_name) {
        return NULL;
    }
    *len = (size_t)(data[3] << 8 | data[4]);
    return *len + 5 <= size ? (const char *)data + 5 : NULL;           /* OpenSSL refuses what is wrong in it */
}

/* Take the host's certificate and its rules for client certificates. */
static int
SelectHost(SSL *ssl, int *alert, void *arg)
{
    size_t      len = 0;
    const char *name = ServerName(ssl, &len);
    Ns_TlsCtx  *host = name != NULL ? FindHost(arg, name, len) : NULL;

    if (host != NULL) {
        if (SSL_set_SSL_CTX(ssl, host->ssl) == NULL) {
            *alert = SSL_AD_INTERNAL_ERROR;
            return SSL_CLIENT_HELLO_ERROR;
        }
        SSL_set_verify(ssl, SSL_CTX_get_verify_mode(host->ssl), NULL);
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* The client is told that its name was looked at. */
static int
AcknowledgeName(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    (void)arg;
    return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

void
NsTlsHostsInit(Ns_TlsCtx *ctx)
{
    static atomic_uint serial;
    char               name[24];

    snprintf(name, sizeof(name), "nsd %u", atomic_fetch_add(&serial, 1u));
    SSL_CTX_set_session_id_context(ctx->ssl, (unsigned char *)name, (unsigned)strlen(name));
    SSL_CTX_set_client_hello_cb(ctx->ssl, SelectHost, ctx);
    SSL_CTX_set_tlsext_servername_callback(ctx->ssl, AcknowledgeName);
}

bool
NsTlsSameRules(const Ns_TlsCtx *one, const Ns_TlsCtx *other)
{
    return one->clientRules == other->clientRules
        || (one->clientRules != NULL && other->clientRules != NULL && strcmp(one->clientRules, other->clientRules) == 0);
}

bool
NsTlsHostAllows(Ns_TlsCtx *ctx, const SSL *ssl, const char *host)
{
    const Ns_TlsCtx *shaken = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), NsTlsCtxIndex());
    const Ns_TlsCtx *wanted = host != NULL ? FindHost(ctx, host, strlen(host)) : NULL;

    if (wanted == NULL) {
        wanted = ctx;
    }
    return wanted->clientRules == NULL || NsTlsSameRules(wanted, shaken);
}
