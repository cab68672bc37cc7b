/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a WebSocket session consists of: for websocket.c, websocket/send.c, websocket/accept.c, websocket/connect.c and topic.c alone.
 */
#ifndef NSD_WSINT_H
#define NSD_WSINT_H

#include "channel/int.h"
#include "websocket/websocket.h"
#include "ws/receiver.h"

typedef struct WsMembership WsMembership;      /* topic.c */
typedef struct WsAddress    WsAddress;         /* websocket/accept.c: sessions of one peer address */

/* What sessions with the same options have in common, so that each of thousands need not have it.  Counted; not changed. */
typedef struct WsProfile {
    struct WsProfile   *next;                  /* lock of the server's profiles */
    unsigned            refs;                  /* the same */
    bool                listed;
    struct WsProfileOptions {
        Ns_WebSocketHandler procs;             /* without arg and command, which are a session's own */
        size_t              maxMessage, deflateMinSize, maxSendBuffer;
        int64_t             pingInterval, pongTimeout, idleTimeout, closeTimeout;
        unsigned            maxFragments;
        int                 deflateLevel;
        Ns_WebSocketSlow    slow;
        bool                client;
    } options;
} WsProfile;

/* The texts of a session. */
enum { WS_PROTOCOL, WS_EXTENSIONS, WS_PATH, WS_ORIGIN, WS_DATA, WS_TEXTS };

/* It belongs to its channel, and is freed with it: as long as there is a reference to that.  An idle one is small. */
typedef struct WsSession {
    uint32_t             magic;
    bool                 client, tls;
    bool                 opened;               /* worker: `open` was called */
    bool                 ended;                /* worker: `over` was */
    bool                 argFreed;             /* worker: the handler's */
    bool                 aboveMark;            /* lock: more than the low mark waited since the last `drain` */
    bool                 pingOpen;             /* worker: a ping waits for its pong */
    bool                 topicsClosed;         /* lock of the topics */
    bool                 counted;              /* lock: the server's counters have what it counted */
    atomic_bool          closeSent;            /* set under the lock */
    atomic_bool          handshakeDone;        /* set by the worker; a server's is done from the start */
    NsWsDeflateParams    deflate;
    NsChan              *chan;                 /* not counted */
    const WsProfile     *profile;
    void                *arg;                  /* the handler's */
    const char          *command;
    NsWsReceiver        *receiver;             /* worker: NULL while nothing is unfinished */
    char                *head;                 /* lock: sent first: the 101, or the request; NULL: was sent */
    int64_t              lastMessage, lastHeard;               /* worker */
    atomic_ullong        messagesIn, bytesIn;  /* written by the worker */
    uint64_t             messagesOut, bytesOut;                /* lock */

    NsTimer              timer;                /* worker ... */
    int64_t              pingSent, closeDue, stopDue;
    char                *closeReason;
    int                  closeCode;            /* received, or why it ended; 0: not yet */
    atomic_int           ownCode;              /* in the close frame that was sent; -1: none was */
    atomic_llong         roundTrip;            /* microseconds, -1 */
    uint64_t             dropped;              /* lock */
    NsWsDeflater        *deflater;             /* lock: with context takeover only */
    WsMembership        *topics;               /* lock of the topics */
    size_t               topicCount;
    WsAddress           *address;              /* NULL: not counted */
    void                *handshake;            /* websocket/connect.c: until the answer is there */
    char                *texts;                /* lock: WS_TEXTS strings one after the other; NULL: all empty */
} WsSession;
#define WS_MAGIC NS_MAGIC('W', 'e', 'b', 'S')

/* Any thread: the session of a channel, or NULL when it is none. */
WsSession *NsWsSessionOf(NsChan *chan);

/* ---- websocket.c ---- */

/* A session for a channel; takes over the handler, not yet attached. */
WsSession *NsWsSessionCreate(NsServer *server, bool client, const Ns_WebSocketParams *params,
                             const Ns_WebSocketHandler *handler);
void       NsWsSessionFree(NsServer *server, WsSession *session);            /* one that was never attached: frees the handler */
/* Any thread.  From here on the channel is a session.  False: somebody has closed the channel; the session is freed. */
bool       NsWsSessionStart(NsChan *chan, WsSession *session);
/* The worker: the handshake is over; what came behind it is fed next. */
void       NsWsOpened(WsSession *session);
/* The worker: end with this code: a close frame, if `code` may be sent and none was, then the channel is closed. */
void       NsWsFail(WsSession *session, int code, const char *reason);

/* Any thread, no lock.  Replaces all; NULL: "". */
void       NsWsSetTexts(WsSession *session, const char *const texts[WS_TEXTS]);
/* The worker, or with the lock held. */
const char *NsWsText(const WsSession *session, int which);
/* Who has subscribed sessions to something: lent at the start, by topic.c. */
typedef struct WsSubscriptions {
    void  (*leave)(WsSession *session);        /* any thread, no lock: it is closed */
    char *(*list)(WsSession *session);         /* any thread: a Tcl list, to be freed with ns_free */
} WsSubscriptions;
void       NsWsLendSubscriptions(const WsSubscriptions *lent);
/* The worker, in the handler's time: bytes behind the handshake. */
void       NsWsFeed(WsSession *session, uint8_t *data, size_t len);

/* ---- websocket/connect.c: the worker ---- */

void       NsWsClientConnected(NsChan *chan, const char *error, int code);
void       NsWsClientAnswer(WsSession *session, uint8_t *data, size_t len);        /* bytes of the handshake's answer */
void       NsWsClientFail(WsSession *session, const char *reason);                 /* it did not come about */
int64_t    NsWsClientDue(const WsSession *session);        /* the handshake must be over; 0: it is */
void       NsWsClientFree(WsSession *session);

/* ---- websocket/send.c ---- */

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

/* A published message, built once.  Counted. */
typedef struct WsShared {
    atomic_int refs;
    NsServer  *server;
    int        type;
    size_t     len;                            /* of the payload */
    size_t     size;                           /* of all of it, while it is under way */
    Ns_Buf    *plain, *packed;                 /* whole frames; packed may be NULL */
    size_t     headLen;                        /* of plain: the payload is behind it */
    NsChan    *exclude;                        /* retained, or NULL */
} WsShared;
/* NULL: `maxpublish` is reached (errno ENOBUFS). */
WsShared  *NsWsSharedCreate(NsServer *server, int type, const void *data, size_t len, bool pack, NsChan *exclude);
void       NsWsSharedRelease(WsShared *shared);
/* The worker of the channel, no lock: `count` (up to 16) messages, in this order.  Returns how many were not dropped. */
int        NsWsDeliver(NsChan *chan, WsShared *const *shared, int count);
static inline bool NsWsTakesPacked(const WsSession *session)
{
    return !session->client && session->deflate.enabled && session->deflate.serverBits == 15;
}

/* ---- websocket/profile.c ---- */

/* Any thread. */
void             NsWsProfilesInitServer(NsServer *server);
const WsProfile *NsWsProfileGet(NsServer *server, bool client, const Ns_WebSocketParams *params,
                                const Ns_WebSocketHandler *handler);
void             NsWsProfileRelease(NsServer *server, const WsProfile *profile);

/* ---- websocket/accept.c ---- */

void       NsWsAcceptInitServer(NsServer *server);
void       NsWsAddressRelease(NsServer *server, WsAddress *address);       /* any thread; NULL is fine */

/* ---- websocket/origin.c ---- */

/* Connection thread.  Answer 403 to a page that may not connect: body, log and `error` say which, which may, and why. */
void       NsWsRefuseOrigin(Ns_Conn *conn, const char *patterns, const char *origin, Tcl_DString *error);

/* ---- what a server has ---- */

struct NsWebSockets {
    NsWsCounters           counters;
    atomic_size_t          open;
    Ns_WebSocketParams     defaults;
    char                  *origins, *protocols;
    size_t                 maxPublish;         /* bytes of published messages that workers have not yet handed out */
    atomic_size_t          publishing;         /* so many there are */
    struct WsAddresses    *addresses;
    struct WsProfiles     *profiles;
};

#define WS_COUNT(server, counter) \
    atomic_fetch_add_explicit(&NsWebSocketsOf(server)->counters.counter, 1u, memory_order_relaxed)

static inline struct NsWebSockets *
NsWebSocketsOf(const NsServer *server)
{
    return NsServerPartData(server, &nsWebSocketPart);
}

#endif
