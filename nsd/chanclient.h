/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Channels that this side makes: client connections, plain and TLS, and listening sockets.
 */
#ifndef NSD_CHANCLIENT_H
#define NSD_CHANCLIENT_H

#include "connchan.h"

typedef struct NsChanConnectParams {
    const char        *host;                   /* name or address; or a path after "unix:" */
    unsigned short     port;
    bool               tls;
    Ns_TlsClientParams tlsParams;
    const char        *hostname;               /* SNI and verified name; NULL: host */
    Ns_Time            timeout;                /* for look-up, connect and TLS handshake together */
} NsChanConnectParams;

/*
 * Any thread; waits, at most `timeout`.  The channel (one reference is the caller's), or NULL with the reason in `error`.
 */
NsChan *NsChanConnect(NsServer *server, const NsChanConnectParams *params, Tcl_DString *error);

/*
 * A listening channel: each connection becomes a channel, for which `accept` is called on the listener's worker; it takes over the
 * reference.  `arg` is freed by `freeProc` with the listener.  `bindNew`: not on a socket that was bound at the start (net/prebind.h).
 * NULL and errno on failure; `arg` is the caller's then.
 */
typedef void (NsChanAcceptProc)(NsChan *chan, void *arg);
NsChan *NsChanListen(NsServer *server, const char *address, unsigned short port, bool bindNew, const char *driverName,
                     NsChanAcceptProc *accept, void *arg, void (*freeProc)(void *arg));
/* Its descriptor, and the port that was chosen for port 0. */
NS_SOCKET NsChanListenSock(NsChan *listener, unsigned short *port);

#endif
