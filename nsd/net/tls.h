/* SPDX-License-Identifier: MPL-2.0 */
/*
 * TLS: what tlsctx.c (contexts: certificates and rules) and tls.c (sessions: bytes) share.
 */
#ifndef NSD_NET_TLS_H
#define NSD_NET_TLS_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include "ns.h"

/*
 * Not changed once sessions use it, but for the count of references.  A session keeps a reference, so that a context may be
 * replaced (new certificates) while connections made with the old one live on.
 */
struct Ns_TlsCtx {
    uint32_t      magic;
    atomic_int    refs;
    SSL_CTX      *ssl;
    bool          server;
    bool          verify;                      /* client: the peer's certificate and name */
    int           keyLogFd;                    /* -1: none */
    Tcl_HashTable hosts;                       /* lower-case name or "*.domain" -> Ns_TlsCtx, retained */
};
#define NS_TLSCTX_MAGIC NS_MAGIC('T', 'l', 's', 'C')

Ns_TlsCtx *NsTlsCtxRetain(Ns_TlsCtx *ctx);

/* First of all, before anything uses OpenSSL: its large buffers are kept for a thread's next record (tlsmem.c). */
void NsTlsMemoryInit(void);

/* Empty OpenSSL's error queue of this thread; the first error, which is the cause of the others, goes to the string. */
void NsTlsAppendErrors(Tcl_DString *ds);

#endif
