/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a WebSocket session consists of: for websocket.c, wssend.c, wsaccept.c, wsconnect.c and topic.c alone.
 */
#ifndef NSD_WSINT_H
#define NSD_WSINT_H

#include "chanint.h"
#include "websocket.h"
#include "ws/receiver.h"

typedef struct WsMembership WsMembership;      /* topic.c */
typedef struct WsAddress    WsAddress;         /* wsaccept.c: sessions of one peer address */

/* It belongs to its channel, and is freed with it: as long as there is a reference to that. */
typedef struct WsSession {
    /* What each message touches comes first, in as few cache lines as it takes. */
    uint32_t             magic;
    bool                 client, tls;
    bool                 opened;               /* worker: `open` was called */
    bool                 ended;                /* worker: `over` was */
    bool                 aboveMark;            /* lock: more than the low mark waited since the last `drain` */
    bool                 pingOpen;             /* worker: a ping waits for its pong */
    atomic_bool          closeSent;            /* set under the lock */
    atomic_bool          handshakeDone;        /* set by the worker; a server's is done from the start */
    atomic_int           ownCode;              /* in the close frame that was sent; -1: none was */
    NsChan              *chan;                 /* not counted */
    Ns_WebSocketHandler  handler;
    int64_t              lastMessage, lastHeard;       /* worker */
    atomic_ullong        messagesIn, bytesIn;  /* written by the worker */
    uint64_t             messagesOut, bytesOut;        /* lock */
    char                *head;                 /* lock: sent first: the 101, or the request; NULL: was sent */
    NsWsDeflateParams    deflate;
    NsWsDeflater        *deflater;             /* lock: with context takeover only */
    size_t               deflateMinSize;
    size_t               maxSendBuffer;
    NsWsReceiver         receiver;             /* worker */

    int                  deflateLevel;
    Ns_WebSocketSlow     slow;
    uint64_t             dropped;              /* lock */
    NsTimer              timer;                /* worker ... */
    int64_t              pingInterval, pongTimeout, idleTimeout, closeTimeout;
    int64_t              pingSent, closeDue, stopDue;
    int                  closeCode;            /* received, or why it ended; 0: not yet */
    char                *closeReason;
    atomic_llong         roundTrip;            /* microseconds, -1 */
    uint64_t             folded[4];            /* lock: what the server's counters know of it */

    WsMembership        *topics;               /* lock of the topics */
    size_t               topicCount;
    bool                 topicsClosed;
    WsAddress           *address;              /* NULL: not counted */
    void                *handshake;            /* wsconnect.c: until the answer is there */
    char                *protocol, *extensions, *path, *origin, *data;         /* "" when there is none */
} WsSession;
#define WS_MAGIC NS_MAGIC('W', 'e', 'b', 'S')

/* Any thread: the session of a channel, or NULL when it is none. */
WsSession *NsWsSessionOf(NsChan *chan);

/* ---- websocket.c ---- */

/* A session for a channel; takes over the handler, not yet attached.  Strings may be NULL. */
WsSession *NsWsSessionCreate(NsServer *server, bool client, const Ns_WebSocketParams *params,
                             const Ns_WebSocketHandler *handler);
void       NsWsSessionFree(WsSession *session);            /* one that was never attached: frees the handler */
/* Any thread.  From here on the channel is a session.  False: somebody has closed the channel; the session is freed. */
bool       NsWsSessionStart(NsChan *chan, WsSession *session);
/* The worker: the handshake is over; what came behind it is fed next. */
void       NsWsOpened(WsSession *session);
/* The worker: end with this code: a close frame, if `code` may be sent and none was, then the channel is closed. */
void       NsWsFail(WsSession *session, int code, const char *reason);

/* What was agreed on is known to the receiver from here on. */
void       NsWsReceiverSetup(WsSession *session);
/* The worker, in the handler's time: bytes behind the handshake. */
void       NsWsFeed(WsSession *session, uint8_t *data, size_t len);

/* ---- wsconnect.c: the worker ---- */

void       NsWsClientConnected(NsChan *chan, const char *error, int code);
void       NsWsClientAnswer(WsSession *session, uint8_t *data, size_t len);        /* bytes of the handshake's answer */
void       NsWsClientFail(WsSession *session, const char *reason);                 /* it did not come about */
int64_t    NsWsClientDue(const WsSession *session);        /* the handshake must be over; 0: it is */
void       NsWsClientFree(WsSession *session);

/* ---- wssend.c ---- */

/*
 * The worker: what the channel's own handler sends between these two goes out together.  `blocked`: something waits
 * already, and what is sent goes behind it.
 */
void       NsWsCork(NsChan *chan, bool blocked);
void       NsWsUncork(NsChan *chan);
void       NsWsUncorkHeld(NsChan *chan);                   /* the same with the channel's lock held */
/* The worker, of a server's session: the 101, unless it went out with a frame already. */
void       NsWsSendHead(NsChan *chan);
/* Between them: raw bytes, before any frame. */
void       NsWsCorkRaw(NsChan *chan, const char *data, size_t len);
/* Any thread.  A control frame; CLOSE sets closeSent.  False: it cannot be sent any more, or not now. */
bool       NsWsSendControl(WsSession *session, int opcode, const void *data, size_t len);
/* Any thread: code (0: none) and reason as a close frame.  False: one was sent before. */
bool       NsWsSendClose(WsSession *session, int code, const char *reason);
/* A buffer of the thread for receiving; the worker. */
uint8_t   *NsWsInput(void);
void       NsWsRandom(void *bytes, size_t len);            /* any thread */

/* A published message, built once.  Counted. */
typedef struct WsShared {
    atomic_int refs;
    int        type;
    size_t     len;                            /* of the payload */
    Ns_Buf    *plain, *packed;                 /* whole frames; packed may be NULL */
    size_t     headLen;                        /* of plain: the payload is behind it */
    NsChan    *exclude;                        /* retained, or NULL */
} WsShared;
WsShared  *NsWsSharedCreate(NsServer *server, int type, const void *data, size_t len, bool pack, NsChan *exclude);
void       NsWsSharedRelease(WsShared *shared);
/* The worker of the channel, no lock: `count` (up to 16) messages, in this order.  Returns how many were not dropped. */
int        NsWsDeliver(NsChan *chan, WsShared *const *shared, int count);
static inline bool NsWsTakesPacked(const WsSession *session)
{
    return session->deflate.enabled && !session->client && session->deflate.serverBits == 15;
}

/* ---- topic.c ---- */

void       NsTopicsInitServer(NsServer *server);
void       NsTopicLeaveAll(WsSession *session);            /* any thread, no lock: it is closed */
char      *NsTopicsOf(WsSession *session);                 /* any thread: a Tcl list, to be freed with ns_free */

/* ---- wsaccept.c ---- */

void       NsWsAcceptInitServer(NsServer *server);
void       NsWsAddressRelease(NsServer *server, WsAddress *address);       /* any thread; NULL is fine */

/* ---- what a server has ---- */

struct NsWebSockets {
    NsWsCounters           counters;
    atomic_size_t          open;
    Ns_WebSocketParams     defaults;
    char                  *origins, *protocols;
    size_t                 maxTopics;          /* of a session */
    struct NsTopics       *topics;
    struct WsAddresses    *addresses;
};

#define WS_COUNT(server, counter) \
    atomic_fetch_add_explicit(&(server)->websockets->counters.counter, 1u, memory_order_relaxed)

#endif
