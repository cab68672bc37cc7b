/* SPDX-License-Identifier: MPL-2.0 */
/*
 * HTTP requests to other servers: one call sends a request and hands out the response as it comes.
 *
 * An exchange lives on an event loop and waits for nobody (client/exchange.c).  Who may wait calls NsHttpRun, which turns a loop of its
 * own; others hand their exchanges to the task threads (client/taskthread.c).
 */
#ifndef NSD_HTTPCLIENT_H
#define NSD_HTTPCLIENT_H

#include <stdatomic.h>
#include "ns.h"
#include "conf/server.h"
#include "http/response.h"
#include "net/eventloop.h"

typedef struct NsHttpProgress {                /* any thread may look */
    atomic_llong sent, received;               /* bytes on the wire, before TLS */
    atomic_llong length;                       /* of the response's body, as its head says; 0: not known, or not yet */
} NsHttpProgress;

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
    bool        idempotent;                    /* it may be sent again after it may have been read (RFC 9110, 9.2.2) */
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
    struct NsHttpProgress *progress;           /* counted there, or NULL */
    /* Who takes the response; false ends the call with NS_ERROR (the proc has said why).  Called in the loop's thread. */
    bool      (*onHead)(void *arg, const NsResponseHead *head);
    bool      (*onBody)(void *arg, const char *bytes, size_t len);
    void      (*onTls)(void *arg, const Ns_Wire *sock);    /* after the handshake, or on a kept connection; may be NULL */
    void       *arg;
} NsHttpCall;

/* What came of a call.  The caller initialises `error` before and frees it and `headers` (not NULL after NS_OK). */
typedef struct NsHttpOutcome {
    Ns_Set     *headers;
    int         status;                        /* 0: no head came */
    bool        chunked, lastChunk, empty, untilClose;
    double      version;
    int         code;                          /* why there is no connection, an errno; 0: there was one */
    Tcl_DString error;                         /* why it failed; empty when one of the procs ended it */
    Ns_Time     elapsed;
} NsHttpOutcome;

/* NS_OK: complete.  NS_TIMEOUT, NS_ERROR: outcome->error says why; what came of the response has been handed out. */
typedef void (NsHttpDoneProc)(Ns_ReturnCode status, void *doneArg);
typedef struct NsHttpExchange NsHttpExchange;

/*
 * The loop's thread.  `call`, with what it points to, and `outcome` are used until `done` is called: once, never from within this call,
 * on the loop's thread; the exchange is gone then.
 */
NsHttpExchange *NsHttpStart(NsLoop *loop, const NsHttpCall *call, NsHttpOutcome *outcome, NsHttpDoneProc *done, void *doneArg);
/* The loop's thread, from none of the call's procs: `done` will not be called, the connection is closed. */
void            NsHttpCancel(NsHttpExchange *exchange);
/* Any thread that may wait: all of it. */
Ns_ReturnCode   NsHttpRun(const NsHttpCall *call, NsHttpOutcome *outcome);

/*
 * What the configuration says about certificates of other servers (ns/server/S/httpclient: cafile, capath, validatecertificates), where
 * the caller has said nothing: `decided` when it was told whether to verify.  `server` may be NULL.
 */
void NsHttpTlsConfigured(const NsServer *server, bool decided, Ns_TlsClientParams *params);

/* --------------------------------------------------------------------------------------- the task threads (client/taskthread.c) */

typedef struct NsHttpThread NsHttpThread;

/* Main thread, at start: how many, and for how many requests (ns/parameters, nshttptaskthreads, httpqueue). */
void          NsHttpThreadsConfigure(void);
/*
 * Any thread.  The one with the fewest requests; they are started by the first call.  The request runs
 * there until NsHttpThreadLeave, and counts until NsHttpThreadForget.  NULL and errno: ECANCELED (the process ends), EAGAIN (there are too
 * many), or that there is no descriptor for its loop.
 */
NsHttpThread *NsHttpThreadEnter(void);
void          NsHttpThreadLeave(NsHttpThread *thread);
void          NsHttpThreadForget(void);
NsLoop       *NsHttpThreadLoop(NsHttpThread *thread);
/* Any thread: appends a dict {name requests running} for each. */
void          NsHttpThreadsList(Tcl_DString *ds);
/* Main thread, at the stop: what still runs is cut off by its end (false); true: the threads are gone. */
bool          NsHttpThreadsStop(const Ns_Time *until);
bool          NsHttpThreadsStopped(void);      /* any thread: no request will be done any more */

/* ------------------------------------------------------------------------------------------- connections kept (client/idle.c) */

/*
 * `key` names what a connection is good for: host, port, proxy, and the rules of TLS.  A connection that is taken was
 * still open a moment ago.
 */
bool NsHttpIdleTake(const char *key, Ns_Wire *sock);
/* Ownership passes.  Closed when nobody has taken it after `duration`. */
void NsHttpIdleKeep(const char *key, const Ns_Wire *sock, const Ns_Time *duration);
/* Main thread, at start: how many may wait, in all and for one key; past that the oldest is closed. */
void NsHttpIdleConfigure(int all, int perHost);
/* Any thread: appends a dict {slot state expire sock peer} for each. */
void NsHttpIdleList(Tcl_DString *ds);
void NsHttpSockClose(Ns_Wire *sock);

#endif
