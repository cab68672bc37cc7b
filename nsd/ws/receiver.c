/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The receiving half of a WebSocket session.
 */
#include <string.h>

#include "ns.h"
#include "ws/receiver.h"

#define MAX_CONTROL 125
#define INFLATE_PIECE 1024                     /* becomes a megabyte at most */
#define NO_LIMIT UINT64_MAX                    /* for the head alone: what it announces is judged here */
#define EXPECT(condition, likely) __builtin_expect(!!(condition), likely)

bool
NsWsCloseCodeValid(int code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006)
        || (code >= 3000 && code <= 4999);
}

size_t
NsWsReceiverMemory(const NsWsReceiver *receiver)
{
    return receiver->message.size + (receiver->held != NULL ? receiver->inputLen : 0) + (receiver->control != NULL ? MAX_CONTROL : 0)
        + NsWsInflaterMemory(receiver->inflater);
}

bool
NsWsReceiverUnfinished(const NsWsReceiver *receiver)
{
    return receiver->headLen > 0 || receiver->inPayload || receiver->sequence.fragmented;
}

void
NsWsReceiverFree(NsWsReceiver *receiver)
{
    NsWsBytesFree(&receiver->message);
    ns_free(receiver->control);
    receiver->control = NULL;
    NsWsInflaterFree(receiver->inflater);
    receiver->inflater = NULL;
    receiver->given = false;
    if (receiver->held != NULL) {
        ns_free(receiver->held);
        receiver->held = receiver->input = NULL;
        receiver->inputLen = 0;
    }
}

void
NsWsReceiverFeed(NsWsReceiver *receiver, uint8_t *data, size_t len)
{
    receiver->input = data;
    receiver->inputLen = len;
}

void
NsWsReceiverHold(NsWsReceiver *receiver)
{
    if (receiver->inputLen == 0) {
        ns_free(receiver->held);
        receiver->held = NULL;
    } else if (receiver->held == NULL) {
        receiver->held = ns_malloc(receiver->inputLen);
        memcpy(receiver->held, receiver->input, receiver->inputLen);
        receiver->input = receiver->held;
    }
}

static void
Skip(NsWsReceiver *receiver, size_t len)
{
    receiver->input += len;
    receiver->inputLen -= len;
}

static NsWsEventType
Give(NsWsEvent *event, NsWsEventType type, int opcode, uint8_t *data, size_t len)
{
    event->type = type;
    event->opcode = opcode;
    event->code = 0;
    event->reason = NULL;
    event->data = data;
    event->len = len;
    return type;
}

/* The end: nothing more will be looked at, and nothing of a message is kept. */
static void
Discard(NsWsReceiver *receiver)
{
    receiver->over = receiver->busy = true;
    receiver->inPayload = receiver->sequence.fragmented = false;
    receiver->headLen = 0;
    NsWsBytesFree(&receiver->message);
    NsWsInflaterFree(receiver->inflater);
    receiver->inflater = NULL;
}

__attribute__((noinline, cold)) static NsWsEventType
Fail(NsWsReceiver *receiver, NsWsEvent *event, int code, const char *reason)
{
    NsWsReceiverFree(receiver);
    Discard(receiver);
    (void)Give(event, NS_WS_EV_ERROR, 0, NULL, 0);
    event->code = code;
    event->reason = reason;
    return NS_WS_EV_ERROR;
}

static NsWsEventType
FailText(NsWsReceiver *receiver, NsWsEvent *event)
{
    return Fail(receiver, event, 1007, "text is not UTF-8");
}

/* ---- whole messages ---- */

/* Unmask a whole payload where it lies (mask NULL: there is none); false: text that is none. */
static inline bool
Unmask(uint8_t *data, size_t len, const uint8_t *mask, bool text)
{
    if (mask != NULL && EXPECT(NsWsMaskAscii(data, len, mask), 1)) {
        return true;
    }
    return !text || NsUtf8Valid(data, len);
}

/*
 * The usual case: a message is whole in the input, in one frame, not compressed, and nothing else is going on.
 * Anything unusual, and any fault but wrong text, is left to the others.  NONE: not taken.
 */
static inline NsWsEventType
TakeWhole(NsWsReceiver *receiver, NsWsEvent *event)
{
    uint8_t *data = receiver->input, *payload;
    size_t   have = receiver->inputLen, len, head = 2;
    bool     masked, text;

    if (have < 2 || (data[0] != (0x80 | NS_WS_TEXT) && data[0] != (0x80 | NS_WS_BINARY))) {
        return NS_WS_EV_NONE;
    }
    masked = (data[1] & 0x80u) != 0;
    if (receiver->rule == (masked ? NS_WS_MASK_REFUSED : NS_WS_MASK_REQUIRED)) {
        return NS_WS_EV_NONE;
    }
    len = data[1] & 0x7fu;
    if (len > 125) {
        if (len == 127 || have < 4) {
            return NS_WS_EV_NONE;
        }
        len = (size_t)data[2] << 8 | data[3];
        if (len < 126) {
            return NS_WS_EV_NONE;
        }
        head = 4;
    }
    head += masked ? 4 : 0;
    if (have < head + len || len > receiver->maxMessage) {
        return NS_WS_EV_NONE;
    }
    payload = data + head;
    text = (data[0] & 0x0fu) == NS_WS_TEXT;
    if (EXPECT(!Unmask(payload, len, masked ? payload - 4 : NULL, text), 0)) {
        return FailText(receiver, event);
    }
    Skip(receiver, head + len);
    return Give(event, NS_WS_EV_MESSAGE, text ? NS_WS_TEXT : NS_WS_BINARY, payload, len);
}

/* ---- heads ---- */

/*
 * Compressed bytes that a message may have.  What comes out is limited elsewhere; this is for those of which nothing
 * comes out, and is far more than a message within the limit can need.
 */
static uint64_t
MaxPacked(const NsWsReceiver *receiver)
{
    return receiver->maxMessage < (NO_LIMIT - 65536) / 2 ? receiver->maxMessage * 2 + 65536 : NO_LIMIT;
}

/* A data frame's head is there: may it come now, with that length? */
static NsWsEventType
BeginData(NsWsReceiver *receiver, const NsWsFrame *frame, NsWsEvent *event)
{
    uint64_t left;

    if (frame->opcode != NS_WS_CONTINUE) {
        receiver->compressed = frame->rsv1;
        receiver->packed = 0;
    }
    if (receiver->maxFragments != 0 && receiver->sequence.fragments > receiver->maxFragments) {
        return Fail(receiver, event, 1008, "too many fragments");
    }
    left = receiver->compressed ? MaxPacked(receiver) - receiver->packed : receiver->maxMessage - receiver->message.len;
    if (frame->length > left) {
        return Fail(receiver, event, 1009, "message exceeds the limit");
    }
    receiver->packed += receiver->compressed ? frame->length : 0;
    return NS_WS_EV_NONE;
}

static NsWsEventType
BeginFrame(NsWsReceiver *receiver, const NsWsFrame *frame, NsWsEvent *event)
{
    const char *wrong = NsWsSequenceCheck(&receiver->sequence, frame);

    if (wrong != NULL) {
        return Fail(receiver, event, 1002, wrong);
    }
    receiver->inPayload = true;
    receiver->fin = frame->fin;
    receiver->masked = frame->masked;
    receiver->opcode = frame->opcode;
    memcpy(receiver->mask, frame->mask, sizeof(receiver->mask));
    receiver->length = frame->length;
    receiver->taken = 0;
    return frame->opcode < NS_WS_CLOSE ? BeginData(receiver, frame, event) : NS_WS_EV_NONE;
}

/* From the input, or from what is kept of an unfinished head and the input.  NONE: see inPayload. */
static NsWsEventType
TakeHead(NsWsReceiver *receiver, NsWsEvent *event)
{
    const uint8_t *data = receiver->input;
    size_t         kept = receiver->headLen, len = receiver->inputLen;
    NsWsFrame      frame;

    if (kept > 0) {
        if (len > NS_WS_MAX_HEAD - kept) {
            len = NS_WS_MAX_HEAD - kept;
        }
        memcpy(receiver->head + kept, data, len);
        data = receiver->head;
        len += kept;
    }
    if (NsWsFrameParse(data, len, receiver->rule, receiver->deflate, NO_LIMIT, &frame) == NS_WS_ERROR) {
        return Fail(receiver, event, frame.closeCode, frame.reason);
    }
    if (frame.headLen == 0) {
        if (kept == 0) {
            memcpy(receiver->head, data, len);
        }
        receiver->headLen = (uint8_t)len;
        Skip(receiver, receiver->inputLen);
        return NS_WS_EV_NONE;
    }
    receiver->headLen = 0;
    Skip(receiver, frame.headLen - kept);
    return BeginFrame(receiver, &frame, event);
}

/* ---- payloads ---- */

static NsWsEventType
GiveClose(NsWsReceiver *receiver, uint8_t *data, size_t len, NsWsEvent *event)
{
    int code = 1005;

    if (len == 1) {
        return Fail(receiver, event, 1002, "close frame with one byte");
    }
    if (len >= 2) {
        code = data[0] << 8 | data[1];
        if (!NsWsCloseCodeValid(code)) {
            return Fail(receiver, event, 1002, "invalid close code");
        }
        data += 2;
        len -= 2;
        if (!NsUtf8Valid(data, len)) {
            return Fail(receiver, event, 1007, "close reason is not UTF-8");
        }
    }
    /* It may come within a message, of which nothing will be seen any more. */
    Discard(receiver);
    (void)Give(event, NS_WS_EV_CLOSE, NS_WS_CLOSE, data, len);
    event->code = code;
    return NS_WS_EV_CLOSE;
}

/* `len` bytes of it are in the input. */
static NsWsEventType
TakeControl(NsWsReceiver *receiver, size_t len, NsWsEvent *event)
{
    uint8_t *data = receiver->input;
    size_t   taken = (size_t)receiver->taken;

    if (receiver->masked) {
        NsWsMask(data, data, len, receiver->mask, taken);
    }
    if (len < receiver->length) {
        if (receiver->control == NULL) {
            receiver->control = ns_malloc(MAX_CONTROL);
        }
        if (len > 0) {
            memcpy(receiver->control + taken, data, len);
        }
        data = receiver->control;
    }
    receiver->taken += len;
    Skip(receiver, len);
    if (receiver->taken < receiver->length) {
        return NS_WS_EV_NONE;
    }
    receiver->inPayload = false;
    receiver->given = receiver->control != NULL;
    len = (size_t)receiver->length;
    switch (receiver->opcode) {
    case NS_WS_PING: return Give(event, NS_WS_EV_PING, NS_WS_PING, data, len);
    case NS_WS_PONG: return Give(event, NS_WS_EV_PONG, NS_WS_PONG, data, len);
    default: return GiveClose(receiver, data, len, event);
    }
}

/* Of a compressed message; with `end`, when all of it is there. */
static NsWsEventType
TakeCompressed(NsWsReceiver *receiver, size_t len, bool end, NsWsEvent *event)
{
    NsWsBytes        *message = &receiver->message;
    size_t            before = message->len;
    size_t            limit = receiver->maxMessage < SIZE_MAX ? (size_t)receiver->maxMessage : SIZE_MAX;
    NsWsInflateResult result;

    if (receiver->inflater == NULL) {
        receiver->inflater = NsWsInflaterCreate(receiver->bits);
    }
    if (receiver->masked) {
        NsWsMask(receiver->input, receiver->input, len, receiver->mask, (size_t)receiver->taken);
    }
    /* What comes out of it is work, as is what goes in. */
    result = NsWsInflate(receiver->inflater, receiver->input, len, limit, message);
    if (result == NS_WS_INFLATE_OK && end) {
        result = NsWsInflateEnd(receiver->inflater, receiver->takeover, limit, message);
        receiver->inflated++;
    }
    receiver->work += len + message->len - before;
    if (receiver->sequence.opcode == NS_WS_TEXT && message->len > before
        && !NsUtf8Feed(&receiver->utf8, message->data + before, message->len - before)) {
        return FailText(receiver, event);
    }
    switch (result) {
    case NS_WS_INFLATE_BAD:     return Fail(receiver, event, 1007, "invalid compressed data");
    case NS_WS_INFLATE_TOO_BIG: return Fail(receiver, event, 1009, "message exceeds the limit");
    default:                    return NS_WS_EV_NONE;
    }
}

/* Of a message that is not compressed; unmasked on its way to the rest of it. */
static NsWsEventType
TakePlain(NsWsReceiver *receiver, size_t len, NsWsEvent *event)
{
    NsWsBytes *message = &receiver->message;
    size_t     most = receiver->fin ? message->len + (size_t)(receiver->length - receiver->taken) : SIZE_MAX;
    uint8_t   *to;

    if (len == 0) {
        return NS_WS_EV_NONE;
    }
    to = NsWsBytesReserveUpTo(message, len, most);
    if (receiver->masked) {
        NsWsMask(to, receiver->input, len, receiver->mask, (size_t)receiver->taken);
    } else {
        memcpy(to, receiver->input, len);
    }
    message->len += len;
    if (receiver->sequence.opcode == NS_WS_TEXT && !NsUtf8Feed(&receiver->utf8, to, len)) {
        return FailText(receiver, event);
    }
    return NS_WS_EV_NONE;
}

/* The message is complete. */
static NsWsEventType
GiveMessage(NsWsReceiver *receiver, NsWsEvent *event)
{
    if (receiver->sequence.opcode == NS_WS_TEXT && !NsUtf8Complete(&receiver->utf8)) {
        return FailText(receiver, event);
    }
    if (receiver->inflater != NULL && !receiver->takeover) {
        NsWsInflaterFree(receiver->inflater);
        receiver->inflater = NULL;
    }
    receiver->given = true;
    /* Nobody likes a NULL, also where there is nothing to be read. */
    return Give(event, NS_WS_EV_MESSAGE, receiver->sequence.opcode,
                receiver->message.data != NULL ? receiver->message.data : receiver->head, receiver->message.len);
}

/* A long frame that is whole in the input, and a message: it is handed out where it lies. */
static NsWsEventType
GiveInPlace(NsWsReceiver *receiver, size_t len, NsWsEvent *event)
{
    uint8_t *data = receiver->input;

    receiver->inPayload = false;
    if (!Unmask(data, len, receiver->masked ? receiver->mask : NULL, receiver->opcode == NS_WS_TEXT)) {
        return FailText(receiver, event);
    }
    Skip(receiver, len);
    return Give(event, NS_WS_EV_MESSAGE, receiver->opcode, data, len);
}

static NsWsEventType
TakePayload(NsWsReceiver *receiver, NsWsEvent *event)
{
    uint64_t      left = receiver->length - receiver->taken;
    size_t        len = left < receiver->inputLen ? (size_t)left : receiver->inputLen;
    bool          end;
    NsWsEventType type;

    if (receiver->compressed && receiver->opcode < NS_WS_CLOSE && len > INFLATE_PIECE) {
        len = INFLATE_PIECE;
    }
    end = len == left;
    if (receiver->opcode >= NS_WS_CLOSE) {
        return TakeControl(receiver, len, event);
    }
    if (end && receiver->taken == 0 && receiver->fin && receiver->opcode != NS_WS_CONTINUE && !receiver->compressed) {
        return GiveInPlace(receiver, len, event);
    }
    type = receiver->compressed ? TakeCompressed(receiver, len, end && receiver->fin, event)
                                : TakePlain(receiver, len, event);
    if (type != NS_WS_EV_NONE) {
        return type;
    }
    receiver->taken += len;
    Skip(receiver, len);
    if (!end) {
        return NS_WS_EV_NONE;
    }
    receiver->inPayload = false;
    return receiver->fin ? GiveMessage(receiver, event) : NS_WS_EV_NONE;
}

/* What was handed out by the last call is done with; and after the end nothing is looked at. */
__attribute__((noinline)) static void
Tidy(NsWsReceiver *receiver)
{
    if (receiver->given && receiver->control != NULL) {
        ns_free(receiver->control);
        receiver->control = NULL;
    } else if (receiver->given) {
        NsWsBytesFree(&receiver->message);
    }
    receiver->given = false;
    if (receiver->over) {
        receiver->inputLen = 0;
    }
    receiver->busy = receiver->over || NsWsReceiverUnfinished(receiver);
}

static bool
Tired(const NsWsReceiver *receiver)
{
    return receiver->maxWork > 0 && receiver->work >= receiver->maxWork;
}

/* Anything that is not whole, or not usual.  Out of line, so that the usual case is short. */
__attribute__((noinline)) static NsWsEventType
TakePieces(NsWsReceiver *receiver, NsWsEvent *event)
{
    NsWsEventType type = NS_WS_EV_NONE;

    while (type == NS_WS_EV_NONE && receiver->inputLen > 0 && !Tired(receiver)) {
        if (!receiver->inPayload) {
            type = TakeHead(receiver, event);
        }
        /* A payload of no bytes is complete with its head. */
        if (type == NS_WS_EV_NONE && receiver->inPayload && (receiver->inputLen > 0 || receiver->length == 0)) {
            type = TakePayload(receiver, event);
        }
    }
    receiver->busy = receiver->given || receiver->over || NsWsReceiverUnfinished(receiver);
    event->type = type;
    return type;
}

__attribute__((noinline)) static NsWsEventType
TakeNext(NsWsReceiver *receiver, NsWsEvent *event)
{
    NsWsEventType type = NS_WS_EV_NONE;

    if (EXPECT(receiver->busy, 0)) {
        Tidy(receiver);
    }
    if (!receiver->busy) {
        type = TakeWhole(receiver, event);
    }
    return type != NS_WS_EV_NONE ? type : TakePieces(receiver, event);
}

NsWsEventType
NsWsReceiverNext(NsWsReceiver *receiver, NsWsEvent *event)
{
    /* Every wake-up ends here: nothing is left. */
    if (receiver->inputLen == 0 && !receiver->busy) {
        event->type = NS_WS_EV_NONE;
        return NS_WS_EV_NONE;
    }
    return TakeNext(receiver, event);
}
