/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Making a connection on an event loop: name look-up, connecting, TLS handshake, with one deadline for all and without
 * ever waiting.
 *
 * All addresses of a name are tried in turn; each gets its share of the time that is left.
 */
#ifndef NSD_CONNECTOR_H
#define NSD_CONNECTOR_H

#include "net/eventloop.h"
#include "net/shakes.h"

typedef enum { NS_CONNECT_LOOKUP, NS_CONNECT_CONNECT, NS_CONNECT_TLS } NsConnectPhase;

typedef struct NsConnectorParams {
    const char    *host;                       /* as for NsAddrResolve */
    unsigned short port;
    Ns_TlsCtx     *tls;                        /* a client's; NULL: plain, or ... */
    const Ns_TlsClientParams *tlsParams;       /* ... the context is made of these, without keeping the loop */
    const char    *hostname;                   /* TLS: SNI and verified name; NULL: host */
    int64_t        deadline;                   /* NsLoopClock() at which it is given up */
} NsConnectorParams;

typedef struct NsConnectorResult {
    NsConnectPhase phase;                      /* the last one */
    int            code;                       /* 0: connected; else an errno: ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH, EPROTO, ... */
    const char    *error;                      /* in words, with the phase of a timeout: "timeout during TLS handshake" */
    Ns_Wire        io;                         /* connected: the receiver's; else .sock is -1 */
} NsConnectorResult;

typedef struct NsConnector NsConnector;
/* Called on the loop's thread.  The connector is gone when it returns. */
typedef void (NsConnectorProc)(const NsConnectorResult *result, void *arg);

/*
 * The loop's thread.  What `params` points to is copied.  `done` is called once, never from within this call, unless the
 * connector is cancelled before.
 */
NsConnector *NsConnectorStart(NsLoop *loop, const NsConnectorParams *params, NsConnectorProc *done, void *arg);
/*
 * The same for the TLS handshake alone, with a connected socket that has its session (Ns_TlsAttachServer, Ns_TlsAttachClient); it is taken over.  It takes
 * its turns among `shakes`, of this loop, by its peer's address; both are NULL for a client, which has the first word and needs no turn.
 */
NsConnector *NsConnectorHandshake(NsLoop *loop, const Ns_Wire *io, int64_t deadline, NsShakes *shakes, const struct sockaddr *peer,
                                  NsConnectorProc *done, void *arg);
/* The loop's thread: `done` will not be called; the socket is closed. */
void         NsConnectorCancel(NsConnector *connector);

/*
 * Any thread that may wait: the same with a loop of its own.  True: connected, `io` is the caller's.  False: `error` has the words;
 * `phase` and errno say more.
 */
bool NsConnectorWait(const NsConnectorParams *params, Ns_Wire *io, NsConnectPhase *phase, Tcl_DString *error);

#endif
