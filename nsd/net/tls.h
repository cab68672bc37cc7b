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
    char         *clientRules;                 /* server: whose certificates clients are asked for; NULL: none */
    bool          rulesDiffer;                 /* of a host from its own */
    Tcl_HashTable hosts;                       /* lower-case name or "*.domain" -> Ns_TlsCtx, retained */
    char         *certificateFile;             /* server */
    char         *alpn;                        /* server: the protocols of a module, as in the extension; NULL: HTTP */
    unsigned      alpnLen;
    Ns_TlsCtx    *next, **prev;                /* server: all of them, the newest first (tlsctx.c) */
};
#define NS_TLSCTX_MAGIC NS_MAGIC('T', 'l', 's', 'C')

Ns_TlsCtx *NsTlsCtxRetain(Ns_TlsCtx *ctx);
/* For SSL_CTX_get_ex_data: the Ns_TlsCtx that an SSL_CTX belongs to.  (The app data are a module's, tlsapi.c.) */
int        NsTlsCtxIndex(void);
/* For contexts of modules (tlsapi.c), before they are used.  False with the reason in `error`.  Alpn: of a server, as in the extension. */
bool       NsTlsCtxSetRules(Ns_TlsCtx *ctx, const Ns_TlsServerParams *rules, Tcl_DString *error);  /* ciphers, suites, protocols */
void       NsTlsCtxSetAlpn(Ns_TlsCtx *ctx, const char *wire, size_t len);
bool       NsTlsAddAuthorities(SSL_CTX *ssl, const char *file, const char *path, Tcl_DString *error);
/*
 * Call `proc` for each certificate that servers present, with the file that it was read from: the newest of a file, and not
 * those that only older connections still use.  Any thread; a lock is held meanwhile.
 */
void NsTlsCertificateEach(void (*proc)(const char *file, const X509 *certificate, void *arg), void *arg);

/*
 * Clients (tlsctx.c, tlsclient.c).  Ns_TlsCtxClientCreate reads files, and may take a while: not for a loop's thread, which takes a kept
 * one (NULL: there is none that was looked at lately) or has it made by NsConnectorStart.  What can be told at once of wrong
 * parameters is told by the check.
 */
const char *NsTlsSystemFile(void);             /* bytes as the environment has them; folders are separated by colons */
const char *NsTlsSystemFolders(void);
Ns_TlsCtx *NsTlsClientMake(const Ns_TlsClientParams *params, Tcl_DString *error);          /* for tlsclient.c */
Ns_TlsCtx *NsTlsClientKept(const Ns_TlsClientParams *params);
bool       NsTlsClientCheck(const Ns_TlsClientParams *params, Tcl_DString *error);
/* Likewise of a server's, for whose Ns_TlsCtxServerCreate the same is true: it reads files. */
bool       NsTlsServerCheck(const Ns_TlsServerParams *params, Tcl_DString *error);
/* The rules and the state of the files in words: connections of other rules are not to be mistaken for one of these. */
void       NsTlsClientRules(const Ns_TlsClientParams *params, Tcl_DString *rules);
Ns_TlsClientParams *NsTlsClientParamsCopy(const Ns_TlsClientParams *params);
void       NsTlsClientParamsFree(Ns_TlsClientParams *params);                              /* a copy; NULL is fine */

/* Which context answers for which host (tlshost.c). */
#define NS_TLS_MAX_HOST 255
void   NsTlsHostsInit(Ns_TlsCtx *ctx);
bool   NsTlsSameRules(const Ns_TlsCtx *one, const Ns_TlsCtx *other);
/* Lower case, without a dot at the end, nor a port: 0 when it is no name. */
size_t NsTlsHostKey(const char *name, size_t len, char key[NS_TLS_MAX_HOST + 1]);
/*
 * A request for `host` (a Host field, or NULL) came by this TLS connection, whose handshake may have been for another: does the client
 * meet what that host asks of client certificates?  The owner of the Sock.
 */
bool NsTlsHostAllows(Ns_TlsCtx *ctx, const SSL *ssl, const char *host);
bool NsTlsMayAsk(const Ns_Wire *sock, const char *host);

/*
 * What a session may do (tlsbio.c): one call into OpenSSL takes no more than `budget` bytes from the socket, and messages without data
 * are counted.  The session's thread, or under its lock, as all of the session.
 */
typedef struct NsTlsGuard {
    int     fd;
    bool    established;                       /* the handshake is done: messages count from now on */
    bool    flooded;                           /* there were too many: the session is to end */
    int     steps;                             /* of such messages, beyond what is excused */
    int     stepsOfCall;                       /* the caller sets it to 0 */
    size_t  budget;                            /* of this call */
    size_t  data;                              /* bytes of data that have not excused a step yet */
    int64_t since;                             /* likewise, the clock */
} NsTlsGuard;

/* NULL: no memory.  The guard lives as long as the session. */
SSL *NsTlsGuardedNew(SSL_CTX *ctx, NsTlsGuard *guard);
/* The info callback of all contexts. */
void NsTlsCountStep(const SSL *ssl, int where, int result);
/* Sessions that were ended since they brought too many messages without data.  Any thread. */
unsigned long long NsTlsFloods(void);

/* First of all, before anything uses OpenSSL: its large buffers are kept for a thread's next record (tlsmem.c). */
void NsTlsMemoryInit(void);

/* Empty OpenSSL's error queue of this thread; the first error, which is the cause of the others, goes to the string. */
void NsTlsAppendErrors(Tcl_DString *ds);

#endif
