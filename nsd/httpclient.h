/* SPDX-License-Identifier: MPL-2.0 */
/*
 * HTTP requests to other servers: one call sends a request and hands out the response as it comes.
 *
 * The calling thread waits, with deadlines, and no other is involved.  Any thread.
 */
#ifndef NSD_HTTPCLIENT_H
#define NSD_HTTPCLIENT_H

#include "ns.h"
#include "http/response.h"

typedef struct NsHttpCall {
    /* where to */
    const char *host;                          /* name, address, or unix:/path */
    unsigned short port;
    const char *tunnelTo;                      /* host:port to ask a proxy for (CONNECT) before TLS; NULL: no proxy in between */
    Ns_TlsCtx  *tls;                           /* NULL: plain */
    const char *tlsHostname;                   /* name that is asked for and verified */
    const char *tlsRules;                      /* what `tls` was made from, in words: kept connections of other rules are not taken */
    /* what to send */
    const char *head;                          /* request line and headers with the empty line */
    size_t      headLen;
    bool        noBody;                        /* the method is HEAD */
    const char *body;                          /* in memory, or NULL */
    size_t      bodyLen;
    /* else, when not NULL: fill the buffer with the next bytes of the body; 0: the end, -1: cannot be read */
    ssize_t   (*readBody)(void *arg, char *buffer, size_t size);
    bool        sendChunked;                   /* frame what readBody gives in chunks */
    /* how long */
    Ns_Time     connectTimeout;                /* for the connection with TLS handshake */
    Ns_Time     timeout;                       /* without a byte in either direction */
    Ns_Time     expire;                        /* for all of it; 0: no limit */
    Ns_Time     keepAlive;                     /* how long the connection may stay open for another call; 0: close it */
    /* Who takes the response; false ends the call with NS_ERROR (the proc has said why).  Called in the calling thread. */
    bool      (*onHead)(void *arg, const NsResponseHead *head);
    bool      (*onBody)(void *arg, const char *bytes, size_t len);
    void      (*onTls)(void *arg, const Ns_Sock *sock);    /* after the handshake, or on a kept connection; may be NULL */
    void       *arg;
} NsHttpCall;

/* What came of a call.  The caller initialises `error` before and frees it and `headers` (not NULL after NS_OK). */
typedef struct NsHttpOutcome {
    Ns_Set     *headers;
    int         status;                        /* 0: no head came */
    bool        chunked, lastChunk, empty, untilClose;
    double      version;
    Tcl_DString error;                         /* why it failed; empty when one of the procs ended it */
    Ns_Time     elapsed;
} NsHttpOutcome;

/* NS_OK: complete.  NS_TIMEOUT, NS_ERROR: outcome->error says why; what came of the response has been handed out. */
Ns_ReturnCode NsHttpRun(const NsHttpCall *call, NsHttpOutcome *outcome);

/* ------------------------------------------------------------------------------------------- connections kept (httpidle.c) */

/*
 * `key` names what a connection is good for: host, port, proxy, and the rules of TLS.  A connection that is taken was
 * still open a moment ago.
 */
bool NsHttpIdleTake(const char *key, Ns_Sock *sock);
/* Ownership passes.  Closed when nobody has taken it after `duration`. */
void NsHttpIdleKeep(const char *key, const Ns_Sock *sock, const Ns_Time *duration);
void NsHttpSockClose(Ns_Sock *sock);

#endif
