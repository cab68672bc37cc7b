/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket frames (RFC 6455, section 5): a decoder that is fed with bytes as they come, and an encoder.
 * No I/O, no threads.
 */
#ifndef NSD_WS_FRAME_H
#define NSD_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NS_WS_CONTINUE = 0, NS_WS_TEXT = 1, NS_WS_BINARY = 2, NS_WS_CLOSE = 8, NS_WS_PING = 9, NS_WS_PONG = 10 };
#define NS_WS_MAX_HEAD 14

typedef enum {
    NS_WS_NEED_MORE,                           /* the head, or with it the payload, is not complete */
    NS_WS_FRAME,                               /* a whole frame is there */
    NS_WS_ERROR                                /* protocol violated: see closeCode */
} NsWsResult;

/* Which masks are taken: a server requires them, a client refuses them, a raw reader takes both. */
typedef enum { NS_WS_MASK_ANY, NS_WS_MASK_REQUIRED, NS_WS_MASK_REFUSED } NsWsMaskRule;

typedef struct NsWsFrame {
    bool     fin, rsv1, masked;
    uint8_t  opcode;
    uint8_t  headLen;                          /* bytes before the payload */
    uint8_t  mask[4];
    uint64_t length;                           /* of the payload */
    int      closeCode;                        /* with NS_WS_ERROR: 1002 or 1009 */
    const char *reason;                        /* with NS_WS_ERROR: static text */
} NsWsFrame;

/*
 * Look at the frame that starts at `data`.  FRAME when head and payload are within `len`; NEED_MORE else, with
 * frame->headLen 0 as long as the head itself is not complete (then nothing else in *frame is valid).  The payload is
 * not touched.  `maxLength` is compared before the length is used: past it ERROR with 1009.  Violations are found as
 * early as their bytes are there: reserved bits (rsv1 unless allowRsv1) and opcodes, control frames longer than 125
 * or fragmented, lengths not in their shortest form or with the top bit set, masks against the rule.
 */
NsWsResult NsWsFrameParse(const uint8_t *data, size_t len, NsWsMaskRule rule, bool allowRsv1, uint64_t maxLength,
                          NsWsFrame *frame);

/* XOR in place (or from src to dst, which may overlap when dst <= src); `offset` is the position within the payload. */
void NsWsMask(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t mask[4], size_t offset);
/* The same in place, of a whole payload; tells whether all of the result is ASCII. */
bool NsWsMaskAscii(uint8_t *data, size_t len, const uint8_t mask[4]);

/* Write a head of a frame to `out` (NS_WS_MAX_HEAD bytes); mask may be NULL.  Returns its length. */
size_t NsWsFrameHead(uint8_t *out, bool fin, bool rsv1, int opcode, uint64_t length, const uint8_t *mask);

/*
 * Message rules over frames: which opcode may follow which.  Zeroed memory is a fresh state.
 * NULL: fine; else what is wrong (1002).
 */
typedef struct NsWsSequence { bool fragmented; uint8_t opcode; uint32_t fragments; } NsWsSequence;
const char *NsWsSequenceCheck(NsWsSequence *sequence, const NsWsFrame *frame);

#endif
