/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Channels that this side makes (Ns_ConnChanConnect, Ns_ConnChanListen): what only the core knows of them.
 */
#ifndef NSD_CHANCLIENT_H
#define NSD_CHANCLIENT_H

#include "connchan.h"

typedef struct NsChanListenParams {
    const char            *address;
    unsigned short         port;
    bool                   bindNew;            /* not a socket that was bound by nsd -b */
    Ns_TlsServerParams     tls;                /* certificate, key, caFile, caPath and verifyClient count */
    Ns_Time                handshakeTimeout;
    Ns_ConnChanAcceptProc *accept;
    void                  *arg;
    void                 (*freeProc)(void *arg);
} NsChanListenParams;

/* Any thread.  A channel's driver: the module that serves such a protocol, as NaviServer has it. */
const char *NsChanDriverNameFor(bool tls);
/* Any thread.  The descriptor of a listening channel, and the port that was chosen for port 0. */
NS_SOCKET NsChanListenSock(NsChan *listener, unsigned short *port);
/*
 * Any thread.  As Ns_ConnChanListenTls, by the files of a context, which take tens of milliseconds to read.  From a worker they are looked
 * for only, and read by a thread that may wait; until then clients wait in the kernel's queue.  What is wrong with them is then
 * logged, and the channel closed.  NULL: `error` says why, or is empty: it could not be bound, or that thread has too much to do.
 * `arg` is taken over in any case, and may be freed by any thread.
 */
NsChan *NsChanListenFiles(NsServer *server, const NsChanListenParams *how, Tcl_DString *error);

#endif
