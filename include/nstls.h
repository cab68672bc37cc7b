/* SPDX-License-Identifier: MPL-2.0 */
/*
 * TLS by OpenSSL's own objects, and zlib, for modules that have connections of their own.  Included by ns.h.
 *
 * Any thread may make and free contexts, and use one with many threads; a connection has one user at a time.  Sockets may block or not: what
 * waits does so by poll.
 */
#ifndef NSTLS_H
#define NSTLS_H

#include "nsbase.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ssl_st     SSL;                 /* as OpenSSL has them: its headers may come before this or behind */
typedef struct ssl_ctx_st SSL_CTX;
#define NS_TLS_SSL     SSL
#define NS_TLS_SSL_CTX SSL_CTX
typedef unsigned int Ns_SockState;             /* NS_SOCK_* */

typedef enum { NS_TLS_CLIENT_CERT_NONE, NS_TLS_CLIENT_CERT_OPTIONAL, NS_TLS_CLIENT_CERT_REQUIRE } Ns_TLSClientCertMode;

/* --------------------------------------------------------------------------------------------- contexts (net/tlsapi.c) */

/*
 * TCL_OK, *ctxPtr being for Ns_TLS_CtxFree; TCL_ERROR, with a message in `interp` (NULL: in the log).  Files are PEM; any string may be NULL, or "":
 * not given.  A certificate's file has its key, unless `key` does.  Without caFile and caPath a client trusts whom the system trusts.
 * `verify` of a client: the peer's certificate and name; of a server: clients must have one.  `protocols` as "!TLSv1.2", or "TLSv1.3"; `alpn` as
 * "http/1.1,http/1.0", the best first.  app_data: for SSL_CTX_get_app_data.  `flags` has no meaning here: a server answers for its one certificate.
 */
NS_EXTERN int  Ns_TLS_CtxClientCreate(Tcl_Interp *interp, const char *cert, const char *caFile, const char *caPath, bool verify,
                                      NS_TLS_SSL_CTX **ctxPtr);
NS_EXTERN int  Ns_TLS_CtxClientCreateCfg(Tcl_Interp *interp, const char *cert, const char *key, const char *caFile, const char *caPath,
                                         bool verify, const char *ciphers, const char *ciphersuites, const char *protocols,
                                         const char *alpn, void *app_data, unsigned int flags, NS_TLS_SSL_CTX **ctxPtr);
NS_EXTERN int  Ns_TLS_CtxServerCreate(Tcl_Interp *interp, const char *cert, const char *caFile, const char *caPath, bool verify,
                                      const char *ciphers, const char *ciphersuites, const char *protocols, NS_TLS_SSL_CTX **ctxPtr);
NS_EXTERN int  Ns_TLS_CtxServerCreateCfg(Tcl_Interp *interp, const char *cert, const char *key, const char *caFile, const char *caPath,
                                         Ns_TLSClientCertMode clientCertMode, const char *ciphers, const char *ciphersuites,
                                         const char *protocols, const char *alpn, void *app_data, unsigned int flags,
                                         NS_TLS_SSL_CTX **ctxPtr);
/* By the parameters of a section, which are those of nsssl: certificate, key, cafile, capath, ciphers, ciphersuites, protocols, clientcertmode. */
NS_EXTERN int  Ns_TLS_CtxServerInit(const char *section, Tcl_Interp *interp, unsigned int flags, void *app_data, NS_TLS_SSL_CTX **ctxPtr);
NS_EXTERN void Ns_TLS_CtxFree(NS_TLS_SSL_CTX *ctx);                            /* connections that have it go on */

/* ------------------------------------------------------------------------------------------ connections (net/tlsapi.c) */

/*
 * The handshake on a connected socket, which stays the caller's; *sslPtr is for SSL_free.  Connect: of `sni_hostname` (NULL, or "": none; then
 * no name is verified), with the authorities of caFile and caPath beside those of the context, within the interval (NULL: no limit): NS_OK,
 * NS_TIMEOUT, NS_ERROR.  Accept: TCL_OK or TCL_ERROR, within 30 seconds.  Else there is a message in `interp` (may be NULL), and *sslPtr is NULL.
 */
NS_EXTERN Ns_ReturnCode Ns_TLS_SSLConnect(Tcl_Interp *interp, NS_SOCKET sock, NS_TLS_SSL_CTX *ctx, const char *sni_hostname,
                                          const char *caFile, const char *caPath, const Ns_Time *timeoutPtr, NS_TLS_SSL **sslPtr);
NS_EXTERN int     Ns_TLS_SSLAccept(Tcl_Interp *interp, NS_SOCKET sock, NS_TLS_SSL_CTX *ctx, NS_TLS_SSL **sslPtr);
/*
 * What there is, into the first piece of memory.  More than 0: bytes, NS_SOCK_READ; 0: the end, NS_SOCK_DONE, or nothing now, NS_SOCK_AGAIN; -1:
 * NS_SOCK_EXCEPTION, *errnoPtr (may be NULL) being an errno or an error of OpenSSL.
 */
NS_EXTERN ssize_t Ns_SSLRecvBufs2(SSL *sslPtr, struct iovec *bufs, int nbufs, Ns_SockState *sockStatePtr, unsigned long *errnoPtr);
/* What the socket takes now, 0: nothing; a piece that was refused is to come again.  -1: errno. */
NS_EXTERN ssize_t Ns_SSLSendBufs2(SSL *ssl, const struct iovec *bufs, int nbufs);
/* errorCode {NS SSL WORDS} of an error of OpenSSL (ERR_get_error); the words, in storage of the thread until its next call. */
NS_EXTERN const char *Ns_SSLSetErrorCode(Tcl_Interp *interp, unsigned long sslERRcode);
NS_EXTERN Tcl_Obj *Ns_InfoSSLDetailsObj(void);                                 /* a new dict: version and build of OpenSSL */

/* ------------------------------------------------------------------------------------------ zlib (http/compressapi.c) */

/* A stream has one user at a time; its fields are the functions' own. */
typedef struct Ns_CompressStream {
    void        *state;
    unsigned int flags;
} Ns_CompressStream;
NS_EXTERN Ns_ReturnCode Ns_CompressInit(Ns_CompressStream *cStream);           /* for Ns_CompressFree.  NS_ERROR: no memory */
NS_EXTERN void          Ns_CompressFree(Ns_CompressStream *cStream);
/*
 * Append the pieces, compressed by gzip with this level (1 .. 9), so that all of them can be read by the other side.  `flush`: the stream ends with
 * them, and the next call begins another.
 */
NS_EXTERN Ns_ReturnCode Ns_CompressBufsGzip(Ns_CompressStream *cStream, struct iovec *bufs, int nbufs, Tcl_DString *dsPtr, int level,
                                            bool flush);
NS_EXTERN Ns_ReturnCode Ns_CompressGzip(const char *buf, int len, Tcl_DString *dsPtr, int level);      /* one stream of it; appended */
/*
 * The other way, of gzip or zlib.  Init, for Ns_InflateEnd; for each piece BufferInit, then Buffer as long as it gives TCL_CONTINUE: *nrBytes are in
 * outBuf, and there are more.  TCL_OK: all of the piece was used; TCL_ERROR: that is none, or it is damaged.
 */
NS_EXTERN Ns_ReturnCode Ns_InflateInit(Ns_CompressStream *cStream);
NS_EXTERN Ns_ReturnCode Ns_InflateBufferInit(Ns_CompressStream *cStream, const void *inBuf, size_t inSize);
NS_EXTERN int           Ns_InflateBuffer(Ns_CompressStream *cStream, void *outBuf, size_t outSize, size_t *nrBytes);
NS_EXTERN Ns_ReturnCode Ns_InflateEnd(Ns_CompressStream *cStream);

#ifdef __cplusplus
}
#endif
#endif /* NSTLS_H */
