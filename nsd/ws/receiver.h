/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The receiving half of a WebSocket session (RFC 6455, sections 5 to 8; RFC 7692): bytes in, events out.  Frames,
 * masks, fragments, inflating, UTF-8 and limits are its business; nothing of a socket is.  No I/O, no threads.
 *
 * Use: Feed() what was received, then Next() until NS_WS_EV_NONE.  A message that is whole in what was fed, in one
 * frame and not compressed, is handed out where it lies, without being copied; only what is unfinished is kept, and
 * given back as soon as it is finished: an idle receiver owns no memory.
 */
#ifndef NSD_WS_RECEIVER_H
#define NSD_WS_RECEIVER_H

#include "ws/deflate.h"
#include "ws/frame.h"
#include "ws/utf8.h"

typedef enum {
    NS_WS_EV_NONE,                             /* everything fed is taken; what is unfinished is kept */
    NS_WS_EV_MESSAGE,                          /* opcode TEXT or BINARY, data, len */
    NS_WS_EV_PING, NS_WS_EV_PONG,              /* data, len */
    NS_WS_EV_CLOSE,                            /* code (1005: none was given), data/len: the reason, valid UTF-8 */
    NS_WS_EV_ERROR                             /* code, reason; nothing more comes */
} NsWsEventType;

typedef struct NsWsEvent {
    NsWsEventType type;
    int           opcode;
    int           code;
    const char   *reason;                      /* static text */
    uint8_t      *data;                        /* valid until the next call */
    size_t        len;
} NsWsEvent;

typedef struct NsWsReceiver {
    /* Set by the user before the first Feed. */
    NsWsMaskRule  rule;
    uint64_t      maxMessage;                  /* after inflating; past it 1009 */
    uint32_t      maxFragments;                /* past it 1008; empty fragments count; 0: no limit */
    bool          deflate;                     /* agreed on: RSV1 of a message's first frame means compressed */
    bool          takeover;                    /* the peer keeps its context */
    uint8_t       bits;                        /* of the peer's window, 8 .. 15 */
    size_t        maxWork;                     /* bytes inflated, of one message or many, after which Next() pauses; 0: never */

    /* The receiver's own; zeroed memory is a fresh state. */
    bool          busy;                        /* something of the below is to be looked at before a new frame */
    bool          inPayload;
    bool          over;                        /* a close was received, or an error found */
    bool          compressed;                  /* the message is */
    unsigned      inflated;                    /* messages, since the user set it to 0 */
    size_t        work;                        /* bytes inflated, likewise */
    size_t        counted;                     /* for the user: of its memory, what the sum of it has */
    bool          given;                       /* `message` or `control` was handed out, and is dropped next */
    bool          fin, masked;                 /* of the frame whose payload is arriving */
    uint8_t       opcode, mask[4];
    NsUtf8        utf8;
    uint8_t       headLen, head[NS_WS_MAX_HEAD];   /* of an unfinished head */
    NsWsSequence  sequence;
    uint64_t      length, taken;               /* of the payload */
    uint64_t      packed;                      /* bytes of the message before inflating */
    uint8_t      *control;                     /* payload of an unfinished control frame */
    NsWsBytes     message;                     /* unfinished, or just handed out */
    NsWsInflater *inflater;                    /* while a message needs it; with takeover from the first one on */
    uint8_t      *input;                       /* what was fed ... */
    size_t        inputLen;
    uint8_t      *held;                        /* a copy of it; NULL: it is the caller's */
} NsWsReceiver;

/*
 * `data` stays the caller's, is unmasked in place, and is not touched after Next() returned NONE without having paused, CLOSE or
 * ERROR.  To be called when Next() has returned NONE and there is no input left.  After CLOSE and ERROR there are no events any more.
 */
void          NsWsReceiverFeed(NsWsReceiver *receiver, uint8_t *data, size_t len);
NsWsEventType NsWsReceiverNext(NsWsReceiver *receiver, NsWsEvent *event);
/*
 * Is there input that was not looked at, since Next() has paused (NONE with `work` at `maxWork`), or was not called?  It may be called
 * again at any time, with `work` set to 0, and goes on; until then Hold() keeps that input, so that the caller's memory is free.
 */
static inline bool NsWsReceiverHasInput(const NsWsReceiver *receiver) { return receiver->inputLen > 0; }
void          NsWsReceiverHold(NsWsReceiver *receiver);       /* nothing left: what was held is given back */
/* Behind whole messages, as nearly always: there is nothing to be kept for the next input, and nothing to be freed. */
static inline bool NsWsReceiverIdle(const NsWsReceiver *receiver)
{
    return !receiver->busy && receiver->inputLen == 0 && receiver->inflater == NULL && receiver->held == NULL;
}
/* Bytes kept for what is unfinished, or for the peer's context. */
size_t        NsWsReceiverMemory(const NsWsReceiver *receiver);
/* Is a message or frame begun and not finished? */
bool          NsWsReceiverUnfinished(const NsWsReceiver *receiver);
void          NsWsReceiverFree(NsWsReceiver *receiver);       /* what it owns */

/* May this code be in a close frame that is received, or sent? */
bool          NsWsCloseCodeValid(int code);

#endif
