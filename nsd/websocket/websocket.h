/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket sessions and topics, what the core knows of them beyond the public Ns_WebSocket functions of ns.h, where the
 * contract is.
 */
#ifndef NSD_WEBSOCKET_H
#define NSD_WEBSOCKET_H

#include "connchan.h"

/* Counters of a server, since its start. */
typedef struct NsWsCounters {
    atomic_ullong accepted, connected, connectFailed, closed;
    atomic_ullong refusedHandshake, refusedOrigin, refusedPerIp;
    atomic_ullong messagesIn, messagesOut, bytesIn, bytesOut, pings, pongs;
    atomic_ullong protocolErrors, invalidText, tooBig, tooManyFragments;   /* closed with 1002, 1007, 1009, 1008 */
    atomic_ullong pongTimeouts, idleTimeouts, closeTimeouts, slowClosed, slowDropped, inputLimits;
    atomic_ullong published, publishRefused, topicsRefused, delivered, compressed, inflated, yielded;
} NsWsCounters;
/* Any thread.  What it returns is the thread's, until its next call. */
const NsWsCounters *NsWebSocketCounters(NsServer *server);
size_t        NsWebSocketCount(NsServer *server);          /* open sessions */
size_t        NsTopicCount(NsServer *server);              /* topics that have subscribers */
size_t        NsTopicMemory(NsServer *server);             /* bytes that topics and subscriptions have */
/* "close", "drop", "latest".  False: another word. */
bool          NsWsSlowFromString(const char *string, Ns_WebSocketSlow *slow);

extern NsServerPart nsWebSocketPart;
extern NsServerPart nsTopicPart;               /* behind it */

#endif
