/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Channels, what the core knows of them beyond the public Ns_ConnChan functions of ns.h, where the contract is.
 */
#ifndef NSD_CONNCHAN_H
#define NSD_CONNCHAN_H

#include "request/conn.h"
#include "sockcallback.h"
#include "ws/frame.h"

typedef struct NsChan NsChan;                  /* the same as Ns_ConnChan */

/*
 * A connected client socket becomes a channel.  `driverName` is shown by list and status; lives as long as the process.
 * `receiveTimeout`: ms that Ns_ConnChanRead waits.
 */
NsChan   *NsChanFromSock(NsServer *server, const Ns_Wire *io, const NsAddr *peer, const char *driverName, int64_t receiveTimeout);
NsWorker *NsChanWorker(const NsChan *chan);
/* Why connecting failed, in words that live as long as the channel; NULL: it did not. */
const char *NsChanConnectError(NsChan *chan);
/* A buffer of NS_LOOP_BUFFER bytes for this thread, to be used before it does anything else. */
char     *NsChanThreadBuffer(void);
/* Log what the channel does when > 0.  Sets it when level >= 0; the value before.  Any thread. */
int       NsChanDebug(NsChan *chan, int level);

typedef struct NsChanCounters {                /* of the process */
    atomic_ullong opened, closed, aborted, timeouts, sendTimeouts, bufferLimits, bufferCloses, rateWaits, tooSlow, frameLimits,
                  frameErrors;
    atomic_ullong spinning;                    /* callbacks that were slowed down since they did nothing */
    atomic_ullong handshakesFailed, handshakesRefused;       /* of peers that TLS listeners have accepted */
} NsChanCounters;
extern NsChanCounters nsChanCounters;

/*
 * WebSocket frames on a channel (channel/frame.c).  One frame at most per call; see `ns_connchan read -websocket`.
 */
typedef struct NsChanFrame {
    bool     complete, fin;
    bool     nothing;                          /* was there to be read */
    int      opcode;                           /* of the message, when fin */
    Tcl_Obj *payload;                          /* byte array with reference count 0, when complete and fin; else NULL */
    size_t   bytes;                            /* received by this call */
    size_t   unprocessed;                      /* kept, behind the frame or an incomplete one */
    size_t   fragments;                        /* bytes of an unfinished message */
    bool     haveData;                         /* a further call would find bytes without reading */
    int      closeCode;                        /* with -1: 1002, 1009 */
    const char *reason;                        /* with -1: what is wrong, or NULL: see errno */
} NsChanFrame;
/*
 * 0, or -1 on errors: of the peer (closeCode, reason; nothing more can be read as frames), or of the socket (errno).  Waits as
 * Ns_ConnChanRead does.
 */
int NsChanReadFrame(NsChan *chan, NsChanFrame *frame);

extern NsServerPart nsChanPart;

#endif
