/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket sessions, the sending half: frames to the socket or behind what waits, what becomes of them when the peer is
 * slow, and messages that many get.
 *
 * Frames are built under the channel's lock or before it, and written in whole: whatever thread sends, a frame is never
 * inside another.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include "base/random.h"
#include "base/text.h"
#include "websocket/int.h"

#define CORK_SIZE   (64u * 1024u)              /* what a handler sends is gathered up to this */
#define TLS_RECORD  (16u * 1024u)              /* may be in the hands of the TLS layer already */
#define MAX_BATCH   16

/* What a thread has for sending.  Made when it first sends. */
typedef struct SendState {
    NsChan       *owner;                       /* whose handler runs on this thread, corked; or NULL */
    bool          blocked;                     /* something waits: nothing is gathered */
    size_t        len;                         /* gathered */
    uint64_t      messages, bytes;             /* in it */
    uint8_t      *cork, *input;
    NsWsDeflater *deflaters[16][10];           /* by window bits and level: for messages that refer to nothing before */
    NsWsBytes     packed, masked;
} SendState;

static __thread SendState *mine;
static Ns_Tls   stateTls;

static void
FreeState(void *arg)
{
    SendState *state = arg;
    int        i;

    for (i = 0; i < 16 * 10; i++) {
        NsWsDeflaterFree(state->deflaters[i / 10][i % 10]);
    }
    NsWsBytesFree(&state->packed);
    NsWsBytesFree(&state->masked);
    ns_free(state->cork);
    ns_free(state->input);
    ns_free(state);
    mine = NULL;
}

static SendState *
State(void)
{
    static atomic_bool ready;

    if (mine == NULL) {
        if (!atomic_load_explicit(&ready, memory_order_acquire)) {
            Ns_MasterLock();
            if (!atomic_load(&ready)) {
                Ns_TlsAlloc(&stateTls, FreeState);
                atomic_store_explicit(&ready, true, memory_order_release);
            }
            Ns_MasterUnlock();
        }
        mine = ns_calloc(1u, sizeof(SendState));
        Ns_TlsSet(&stateTls, mine);
    }
    return mine;
}

uint8_t *
NsWsInput(void)
{
    SendState *state = State();

    if (state->input == NULL) {
        state->input = ns_malloc(NS_LOOP_BUFFER);
    }
    return state->input;
}

/* ---- what waits ---- */

static size_t
LowMark(const WsSession *session)
{
    return session->profile->options.maxSendBuffer / 4u;
}

/* Lock held. */
static bool
MaySend(const NsChan *chan, const WsSession *session)
{
    if (!ChanIs(chan, CHAN_OPEN) || chan->locked.sendErrno != 0
        || atomic_load_explicit(&session->closeSent, memory_order_relaxed)) {
        errno = EPIPE;
        return false;
    }
    return true;
}

/* Lock held.  Bytes of the vector from `sent` on stay: as a message, which may be dropped, when it is one and nothing went out. */
static void
Keep(NsChan *chan, WsSession *session, const struct iovec *iov, int count, size_t sent, bool whole)
{
    if (NsOutEmpty(&chan->locked.out)) {
        chan->locked.lastProgress = NsLoopClock();
    }
    if (whole && sent == 0u) {
        NsOutAddWhole(&chan->locked.out, iov, count);
    } else {
        NsOutAddCopy(&chan->locked.out, iov, count, sent);
    }
    if (chan->locked.out.bytes > LowMark(session)) {
        session->aboveMark = true;
    }
    NsChanNotify(chan);
}

/* Lock held.  Send what the socket takes, keep the rest.  False: the socket is broken (errno). */
static bool
PutNow(NsChan *chan, WsSession *session, const struct iovec *iov, int count, bool whole)
{
    size_t  total = 0u;
    ssize_t sent = 0;
    int     i;

    for (i = 0; i < count; i++) {
        total += iov[i].iov_len;
    }
    if (NsOutEmpty(&chan->locked.out)) {
        sent = NsChanSendNow(chan, iov, count);
        if (sent < 0) {
            NsChanNotify(chan);
            return false;
        }
        chan->locked.sent += (uint64_t)sent;
    }
    if ((size_t)sent < total) {
        Keep(chan, session, iov, count, (size_t)sent, whole);
    } else if (session->aboveMark) {
        chan->locked.wentOut = true;           /* what waited was dropped, and this went out at once: time for `drain` */
        NsChanNotify(chan);
    }
    return true;
}

/*
 * Lock held.  The same, behind the 101: a thread that got the channel from Ns_WebSocketAccept may be faster than the worker,
 * and then it is the one that answers.
 */
static bool
Put(NsChan *chan, WsSession *session, const struct iovec *iov, int count)
{
    struct iovec all[6];
    bool         ok;

    if (session->head == NULL || session->client) {
        return PutNow(chan, session, iov, count, true);
    }
    NS_ASSERT(count < 6);
    all[0] = (struct iovec){session->head, strlen(session->head)};
    if (count > 0) {
        memcpy(all + 1, iov, (size_t)count * sizeof(struct iovec));
    }
    ok = PutNow(chan, session, all, count + 1, false);
    ns_free(session->head);
    session->head = NULL;
    return ok;
}

/* Lock held.  What a message may be about to begin in the transport's hands. */
static size_t
Begun(const WsSession *session)
{
    return session->tls ? TLS_RECORD : 0u;
}

static size_t CloseFrame(const WsSession *session, int code, const char *reason, uint8_t frame[NS_WS_MAX_HEAD + 125]);

typedef enum { ROOM, NO_ROOM, TOO_SLOW } Room;

/*
 * Lock held: is there room for a message of `len` bytes?  One that finds nothing waiting is always taken.  TOO_SLOW: the
 * session has got its close frame in place of what waited, and the caller closes the channel when he has let go of the lock.
 */
static Room
MakeRoom(NsChan *chan, WsSession *session, size_t len)
{
    size_t       waiting = chan->locked.out.bytes;
    uint8_t      frame[NS_WS_MAX_HEAD + 125];
    struct iovec iov = {frame, 0u};
    Room         room = ROOM;

    if (waiting == 0u || waiting + len <= session->profile->options.maxSendBuffer) {
        return ROOM;
    }
    switch (session->profile->options.slow) {
    case NS_WEBSOCKET_SLOW_LATEST: {
        size_t count = NsOutDrop(&chan->locked.out, Begun(session), waiting + len - session->profile->options.maxSendBuffer);

        session->dropped += count;
        atomic_fetch_add_explicit(&NsWebSocketsOf(chan->server)->counters.slowDropped, count, memory_order_relaxed);
        if (chan->locked.out.bytes == 0u || chan->locked.out.bytes + len <= session->profile->options.maxSendBuffer) {
            break;
        }
    }
    /* Only what has begun to go out is left, and it fills the buffer. */
    /* FALLTHROUGH */
    case NS_WEBSOCKET_SLOW_DROP:
        session->dropped++;
        WS_COUNT(chan->server, slowDropped);
        room = NO_ROOM;
        break;
    case NS_WEBSOCKET_SLOW_CLOSE:
        (void)NsOutDrop(&chan->locked.out, Begun(session), waiting);
        iov.iov_len = CloseFrame(session, 1013, "too slow", frame);
        atomic_store(&session->closeSent, true);
        atomic_store(&session->ownCode, 1013);
        NsOutAddCopy(&chan->locked.out, &iov, 1, 0u);
        NsChanNotify(chan);
        WS_COUNT(chan->server, slowClosed);
        room = TOO_SLOW;
        break;
    }
    return room;
}

/* ---- corks ---- */

void
NsWsCork(NsChan *chan, bool blocked)
{
    SendState *state = State();

    if (state->cork == NULL) {
        state->cork = ns_malloc(CORK_SIZE);
    }
    state->owner = chan;
    state->blocked = blocked;
}

/* Lock held: send what was gathered, with `more` behind it. */
static bool
FlushCork(NsChan *chan, SendState *state, const struct iovec *more, int count)
{
    WsSession   *session = chan->session;
    struct iovec iov[4] = {{state->cork, state->len}};
    int          i;
    bool         ok;

    for (i = 0; i < count; i++) {
        iov[i + 1] = more[i];
    }
    session->messagesOut += state->messages;
    session->bytesOut += state->bytes;
    ok = state->len > 0u ? Put(chan, session, iov, count + 1) : Put(chan, session, more, count);
    state->len = 0u;
    state->messages = state->bytes = 0u;
    return ok;
}

void
NsWsUncorkHeld(NsChan *chan)
{
    SendState *state = State();

    if (state->owner == chan) {
        state->owner = NULL;
        /* Behind a close frame, which another thread may have sent meanwhile, nothing may come (RFC 6455, section 5.5.1). */
        if (state->len > 0u && (ChanIs(chan, CHAN_OPEN) || ChanIs(chan, CHAN_CLOSING))
            && !atomic_load_explicit(&((WsSession *)chan->session)->closeSent, memory_order_relaxed)) {
            (void)FlushCork(chan, state, NULL, 0);
        }
        state->len = 0u;
        state->messages = state->bytes = 0u;
    }
}

void
NsWsUncork(NsChan *chan)
{
    ChanLock(chan);
    NsWsUncorkHeld(chan);
    ChanUnlock(chan);
}

void
NsWsSendHead(NsChan *chan)
{
    ChanLock(chan);
    if (ChanIs(chan, CHAN_OPEN) || ChanIs(chan, CHAN_CLOSING)) {
        (void)Put(chan, chan->session, NULL, 0);
    }
    ChanUnlock(chan);
}

void
NsWsCorkRaw(NsChan *chan, const char *data, size_t len)
{
    SendState   *state = State();
    struct iovec iov = {(void *)(uintptr_t)data, len};

    NS_ASSERT(state->owner == chan);
    if (!state->blocked && len <= CORK_SIZE - state->len) {
        memcpy(state->cork + state->len, data, len);
        state->len += len;
    } else {
        ChanLock(chan);
        (void)FlushCork(chan, state, &iov, 1);
        state->blocked = !NsOutEmpty(&chan->locked.out);
        ChanUnlock(chan);
    }
}

/* ---- frames ---- */

/* A frame as it goes out: head, and a payload which may lie anywhere. */
typedef struct Frame {
    uint8_t        head[NS_WS_MAX_HEAD];
    size_t         headLen;
    const uint8_t *data;
    size_t         len;
} Frame;

/* A client masks what it sends (section 5.3): a copy, in the thread's buffer. */
static void
MakeFrame(Frame *frame, const WsSession *session, int opcode, bool packed, const void *data, size_t len)
{
    uint8_t mask[4];

    frame->data = data;
    frame->len = len;
    if (session->client) {
        SendState *state = State();

        NsRandomBytes(mask, sizeof(mask));
        state->masked.len = 0u;
        frame->data = NsWsBytesReserve(&state->masked, len);
        NsWsMask((uint8_t *)(uintptr_t)frame->data, data, len, mask, 0u);
    }
    frame->headLen = NsWsFrameHead(frame->head, true, packed, opcode, len, session->client ? mask : NULL);
}

/* A large buffer is not kept for the next message. */
static void
Trim(NsWsBytes *bytes)
{
    if (bytes->size > 256u * 1024u) {
        NsWsBytesFree(bytes);
    }
    bytes->len = 0u;
}

/* The compressor for messages without context. */
static NsWsDeflater *
SharedDeflater(int bits, int level)
{
    NsWsDeflater **deflater = &State()->deflaters[bits & 15][level % 10];

    if (*deflater == NULL) {
        *deflater = NsWsDeflaterCreate(bits, level);
    }
    if (*deflater != NULL) {
        NsWsDeflaterReset(*deflater);
    }
    return *deflater;
}

/* With takeover the lock is held: messages are compressed in the order in which they go out.  False: send it as it is. */
static bool
Pack(NsChan *chan, WsSession *session, const void *data, size_t len)
{
    SendState    *state = State();
    NsWsDeflater *deflater;
    bool          noTakeover = session->client ? session->deflate.clientNoTakeover : session->deflate.serverNoTakeover;
    int           bits = session->client ? session->deflate.clientBits : session->deflate.serverBits;

    if (noTakeover) {
        deflater = SharedDeflater(bits, session->profile->options.deflateLevel);
    } else {
        if (session->deflater == NULL) {
            session->deflater = NsWsDeflaterCreate(bits, session->profile->options.deflateLevel);
        }
        deflater = session->deflater;
    }
    state->packed.len = 0u;
    if (deflater == NULL || !NsWsDeflate(deflater, data, len, &state->packed)) {
        return false;
    }
    if (noTakeover && state->packed.len >= len) {
        return false;                          /* nothing refers to it: it may as well go as it is */
    }
    WS_COUNT(chan->server, compressed);
    return true;
}

static bool
WantsPack(const WsSession *session, size_t len, unsigned flags)
{
    return session->deflate.enabled && len >= session->profile->options.deflateMinSize && (flags & NS_WEBSOCKET_NOCOMPRESS) == 0u;
}

/* The common case: the handler answers, nothing waits, and it fits. */
static bool
SendCorked(SendState *state, const WsSession *session, int type, const void *data, size_t len)
{
    uint8_t *to = state->cork + state->len, mask[4];
    size_t   headLen;

    if (len + NS_WS_MAX_HEAD > CORK_SIZE - state->len) {
        return false;
    }
    if (session->client) {
        NsRandomBytes(mask, sizeof(mask));
        headLen = NsWsFrameHead(to, true, false, type, len, mask);
        NsWsMask(to + headLen, data, len, mask, 0u);
    } else {
        headLen = NsWsFrameHead(to, true, false, type, len, NULL);
        memcpy(to + headLen, data, len);
    }
    state->len += headLen + len;
    state->messages++;
    state->bytes += len;
    return true;
}

static ssize_t
SendLocked(NsChan *chan, WsSession *session, int type, const void *data, size_t len, unsigned flags, bool *tooSlow)
{
    SendState   *state = State();
    bool         packed;
    Frame        frame;
    struct iovec iov[2];
    ssize_t      result = -1;
    Room         room;

    if (!MaySend(chan, session)) {
        return -1;
    }
    if (state->owner == chan && state->len > 0u && !FlushCork(chan, state, NULL, 0)) {
        return -1;
    }
    /* What may be dropped is decided first: with takeover the peer has to get whatever was compressed. */
    room = MakeRoom(chan, session, len + NS_WS_MAX_HEAD);
    if (room == ROOM) {
        packed = WantsPack(session, len, flags) && Pack(chan, session, data, len);
        MakeFrame(&frame, session, type, packed, packed ? state->packed.data : data, packed ? state->packed.len : len);
        iov[0] = (struct iovec){frame.head, frame.headLen};
        iov[1] = (struct iovec){(void *)(uintptr_t)frame.data, frame.len};
        if (Put(chan, session, iov, 2)) {
            session->messagesOut++;
            session->bytesOut += len;
            result = (ssize_t)chan->locked.out.bytes;
        }
        Trim(&state->packed);
        Trim(&state->masked);
    } else if (room == NO_ROOM) {
        result = (ssize_t)chan->locked.out.bytes;
    } else {
        errno = ENOBUFS;
        *tooSlow = true;
    }
    if (state->owner == chan) {
        state->blocked = !NsOutEmpty(&chan->locked.out);
    }
    return result;
}

ssize_t
Ns_WebSocketSend(NsChan *chan, int type, const void *data, size_t len, unsigned flags)
{
    WsSession *session = NsWsSessionOf(chan);
    SendState *state = State();
    ssize_t    result;
    bool       tooSlow = false;

    if (session == NULL || (type != NS_WEBSOCKET_TEXT && type != NS_WEBSOCKET_BINARY)) {
        errno = EINVAL;
        return -1;
    }
    if (type == NS_WEBSOCKET_TEXT && (flags & NS_WEBSOCKET_TRUSTED) == 0u && !NsUtf8Valid(data, len)) {
        errno = EILSEQ;
        return -1;
    }
    if (session->client && !atomic_load_explicit(&session->handshakeDone, memory_order_acquire)) {
        errno = ENOTCONN;
        return -1;
    }
    if (state->owner == chan && !state->blocked && !WantsPack(session, len, flags)
        && !atomic_load_explicit(&session->closeSent, memory_order_relaxed)
        && ChanIs(chan, CHAN_OPEN)
        && SendCorked(state, session, type, data, len)) {
        return 0;
    }
    ChanLock(chan);
    result = SendLocked(chan, session, type, data, len, flags, &tooSlow);
    ChanUnlock(chan);
    if (tooSlow) {
        (void)Ns_ConnChanClose(chan);
        errno = ENOBUFS;
    }
    return result;
}

/* ---- control frames ---- */

static size_t
CloseFrame(const WsSession *session, int code, const char *reason, uint8_t frame[NS_WS_MAX_HEAD + 125])
{
    uint8_t payload[125], mask[4];
    size_t  len = 0u, headLen;

    if (code > 0) {
        Tcl_DString bytes;
        size_t      reasonLen = 0u;

        Tcl_DStringInit(&bytes);
        if (reason != NULL) {
            reason = NsTextOut(&bytes, reason, strlen(reason), &reasonLen);
        }
        payload[0] = (uint8_t)(code >> 8);
        payload[1] = (uint8_t)code;
        reasonLen = reasonLen < 123u ? reasonLen : 123u;
        if (reasonLen > 0u) {
            memcpy(payload + 2, reason, reasonLen);
        }
        len = 2u + reasonLen;
        Tcl_DStringFree(&bytes);
    }
    if (session->client) {
        NsRandomBytes(mask, sizeof(mask));
        NsWsMask(payload, payload, len, mask, 0u);
    }
    headLen = NsWsFrameHead(frame, true, false, NS_WS_CLOSE, len, session->client ? mask : NULL);
    memcpy(frame + headLen, payload, len);
    return headLen + len;
}

bool
NsWsSendClose(WsSession *session, int code, const char *reason)
{
    NsChan      *chan = session->chan;
    SendState   *state = State();
    uint8_t      bytes[NS_WS_MAX_HEAD + 125];
    struct iovec iov = {bytes, CloseFrame(session, code, reason, bytes)};
    bool         mine_ = false;

    ChanLock(chan);
    if (MaySend(chan, session)) {
        atomic_store(&session->closeSent, true);
        atomic_store(&session->ownCode, code);
        mine_ = true;
        if (state->owner == chan && state->len > 0u) {
            (void)FlushCork(chan, state, &iov, 1);
        } else {
            (void)Put(chan, session, &iov, 1);
        }
    }
    ChanUnlock(chan);
    return mine_;
}

bool
NsWsSendControl(WsSession *session, int opcode, const void *data, size_t len)
{
    NsChan      *chan = session->chan;
    SendState   *state = State();
    Frame        frame;
    struct iovec iov[2];
    bool         sent = false;

    if (state->owner == chan && !state->blocked && !atomic_load_explicit(&session->closeSent, memory_order_relaxed)
        && SendCorked(state, session, opcode, data, len)) {
        state->messages--;                     /* not a message */
        state->bytes -= len;
        return true;
    }
    MakeFrame(&frame, session, opcode, false, data, len);
    iov[0] = (struct iovec){frame.head, frame.headLen};
    iov[1] = (struct iovec){(void *)(uintptr_t)frame.data, frame.len};
    ChanLock(chan);
    /* Who floods with pings and does not read gets no more pongs than the buffer holds. */
    if (MaySend(chan, session) && chan->locked.out.bytes + len <= session->profile->options.maxSendBuffer) {
        sent = state->owner == chan && state->len > 0u ? FlushCork(chan, state, iov, 2) : Put(chan, session, iov, 2);
    } else if (errno != EPIPE) {
        errno = ENOBUFS;
    }
    ChanUnlock(chan);
    return sent;
}

ssize_t
Ns_WebSocketPing(NsChan *chan, const void *data, size_t len)
{
    WsSession *session = NsWsSessionOf(chan);
    ssize_t    waiting;

    if (session == NULL || len > 125u) {
        errno = session == NULL ? EINVAL : EMSGSIZE;
        return -1;
    }
    if (session->client && !atomic_load_explicit(&session->handshakeDone, memory_order_acquire)) {
        errno = ENOTCONN;
        return -1;
    }
    errno = 0;
    if (!NsWsSendControl(session, NS_WS_PING, data, len)) {
        return -1;
    }
    ChanLock(chan);
    waiting = (ssize_t)chan->locked.out.bytes;
    ChanUnlock(chan);
    return waiting;
}

/* ---- messages for many ---- */

static Ns_Buf *
WholeFrame(int type, bool packed, const void *data, size_t len, size_t *headLenOut)
{
    uint8_t head[NS_WS_MAX_HEAD];
    size_t  headLen = NsWsFrameHead(head, true, packed, type, len, NULL);
    char   *to;
    Ns_Buf *buf = Ns_BufAlloc(headLen + len, &to);

    memcpy(to, head, headLen);
    if (len > 0u) {
        memcpy(to + headLen, data, len);
    }
    if (headLenOut != NULL) {
        *headLenOut = headLen;
    }
    return buf;
}

WsShared *
NsWsSharedCreate(NsServer *server, int type, const void *data, size_t len, bool pack, NsChan *exclude)
{
    struct NsWebSockets *all = NsWebSocketsOf(server);
    size_t               size = len + sizeof(WsShared) + 128u;
    WsShared            *shared;

    /* A publisher that is faster than the workers is told so, before they have his messages in memory by the gigabyte. */
    if (atomic_fetch_add_explicit(&all->publishing, size, memory_order_relaxed) + size > all->maxPublish) {
        atomic_fetch_sub_explicit(&all->publishing, size, memory_order_relaxed);
        WS_COUNT(server, publishRefused);
        errno = ENOBUFS;
        return NULL;
    }
    shared = ns_calloc(1u, sizeof(WsShared));
    atomic_init(&shared->refs, 1);
    shared->server = server;
    shared->size = size;
    shared->type = type;
    shared->len = len;
    shared->plain = WholeFrame(type, false, data, len, &shared->headLen);
    shared->exclude = exclude != NULL ? Ns_ConnChanRetain(exclude) : NULL;
    if (pack) {
        SendState    *state = State();
        NsWsDeflater *deflater = SharedDeflater(15, NsWebSocketsOf(server)->defaults.deflateLevel);

        state->packed.len = 0u;
        if (deflater != NULL && NsWsDeflate(deflater, data, len, &state->packed) && state->packed.len < len) {
            shared->packed = WholeFrame(type, true, state->packed.data, state->packed.len, NULL);
        }
        Trim(&state->packed);
        WS_COUNT(server, compressed);
    }
    return shared;
}

void
NsWsSharedRelease(WsShared *shared)
{
    if (atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) == 1) {
        atomic_fetch_sub_explicit(&NsWebSocketsOf(shared->server)->publishing, shared->size, memory_order_relaxed);
        Ns_BufRelease(shared->plain);
        Ns_BufRelease(shared->packed);
        Ns_ConnChanRelease(shared->exclude);
        ns_free(shared);
    }
}

/* Lock held: the frame of a message for this session; NULL: not for it. */
static Ns_Buf *
FrameFor(const NsChan *chan, WsSession *session, const WsShared *shared)
{
    if (shared->exclude == chan) {
        return NULL;
    }
    if (shared->packed != NULL && NsWsTakesPacked(session)) {
        if (session->deflater != NULL) {
            /* The peer's window gets this message, ours does not: start anew. */
            NsWsDeflaterReset(session->deflater);
        }
        return shared->packed;
    }
    return shared->plain;
}

/* Lock held, nothing waits: all in one call, what is not taken is kept as references. */
static void
DeliverNow(NsChan *chan, WsSession *session, Ns_Buf *const *bufs, int count)
{
    struct iovec iov[MAX_BATCH];
    ssize_t      sent;
    size_t       left;
    int          i;

    for (i = 0; i < count; i++) {
        iov[i] = (struct iovec){(void *)(uintptr_t)bufs[i]->data, bufs[i]->len};
    }
    sent = NsChanSendNow(chan, iov, count);
    if (sent < 0) {
        NsChanNotify(chan);
        return;
    }
    chan->locked.sent += (uint64_t)sent;
    left = (size_t)sent;
    for (i = 0; i < count; i++) {
        if (left >= bufs[i]->len) {
            left -= bufs[i]->len;
            continue;
        }
        if (NsOutEmpty(&chan->locked.out)) {
            chan->locked.lastProgress = NsLoopClock();
        }
        if (left == 0u) {
            NsOutAddWholeBuf(&chan->locked.out, bufs[i]);
        } else {
            NsOutAddBuf(&chan->locked.out, bufs[i], left, bufs[i]->len - left);
        }
        left = 0u;
    }
    if (!NsOutEmpty(&chan->locked.out)) {
        session->aboveMark = session->aboveMark || chan->locked.out.bytes > LowMark(session);
        NsChanNotify(chan);
    }
}

/* A client masks each frame of its own. */
static int
DeliverMasked(NsChan *chan, WsShared *const *shared, int count)
{
    int i, taken = 0;

    for (i = 0; i < count; i++) {
        if (shared[i]->exclude != chan
            && Ns_WebSocketSend(chan, shared[i]->type, shared[i]->plain->data + shared[i]->headLen, shared[i]->len,
                                NS_WEBSOCKET_TRUSTED) >= 0) {
            taken++;
        }
    }
    return taken;
}

int
NsWsDeliver(NsChan *chan, WsShared *const *shared, int count)
{
    WsSession *session = chan->session;
    Ns_Buf    *bufs[MAX_BATCH];
    int        i, n = 0;
    bool       tooSlow = false;

    if (session->client) {
        return DeliverMasked(chan, shared, count);
    }
    ChanLock(chan);
    if (!MaySend(chan, session)) {
        ChanUnlock(chan);
        return 0;
    }
    if (mine != NULL && mine->owner == chan && mine->len > 0u) {
        (void)FlushCork(chan, mine, NULL, 0);  /* its handler is at work, and has sent something before */
        mine->blocked = !NsOutEmpty(&chan->locked.out);
    } else if (session->head != NULL) {
        (void)Put(chan, session, NULL, 0);     /* its `open` is at work: nothing goes before the 101 */
    }
    for (i = 0; i < count && !tooSlow; i++) {
        Ns_Buf *buf = FrameFor(chan, session, shared[i]);

        if (buf == NULL) {
            continue;
        }
        if (NsOutEmpty(&chan->locked.out)) {
            bufs[n++] = buf;
        } else {
            Room room = MakeRoom(chan, session, buf->len);

            tooSlow = room == TOO_SLOW;
            if (room != ROOM) {
                continue;
            }
            NsOutAddWholeBuf(&chan->locked.out, buf);
            session->aboveMark = session->aboveMark || chan->locked.out.bytes > LowMark(session);
            n++;
        }
        session->messagesOut++;
        session->bytesOut += shared[i]->len;
    }
    if (n > 0 && NsOutEmpty(&chan->locked.out)) {
        DeliverNow(chan, session, bufs, n);
    }
    ChanUnlock(chan);
    if (tooSlow) {
        (void)Ns_ConnChanClose(chan);
    }
    return n;
}
