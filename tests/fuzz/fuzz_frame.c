/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket frames: the first byte chooses the rules, the rest is what the peer sends.  Frames found in pieces that
 * grow byte by byte are those found at once; a head that is accepted is the one that we would write; both UTF-8
 * validators agree.
 */
#include "fuzz.h"
#include "base/text.h"
#include "ws/frame.h"
#include "ws/utf8.h"

#define MAX_LENGTH 70000

typedef struct Rules {
    NsWsMaskRule rule;
    bool         rsv1;
} Rules;

/* The outcome for the first frame does not depend on how much of it was there before. */
static void
CheckGrowing(const uint8_t *data, size_t size, Rules rules, NsWsResult result, const NsWsFrame *frame)
{
    size_t end = result == NS_WS_FRAME ? frame->headLen + (size_t)frame->length : size;
    size_t headSeen = 0;

    for (size_t len = 0; len < end && len <= NS_WS_MAX_HEAD; len++) {
        uint8_t   *copy = FuzzCopy(data, len);
        NsWsFrame  part;
        NsWsResult early = NsWsFrameParse(copy, len, rules.rule, rules.rsv1, MAX_LENGTH, &part);

        free(copy);
        if (early == NS_WS_ERROR) {
            FUZZ_CHECK(result == NS_WS_ERROR && part.closeCode == frame->closeCode && part.reason == frame->reason);
            return;
        }
        FUZZ_CHECK(early == NS_WS_NEED_MORE);
        if (part.headLen > 0) {
            headSeen = part.headLen;
            FUZZ_CHECK(part.headLen <= len && part.length <= MAX_LENGTH);
            FUZZ_CHECK(result != NS_WS_ERROR && part.headLen == frame->headLen && part.length == frame->length);
        } else {
            FUZZ_CHECK(headSeen == 0);
        }
    }
}

static void
CheckHead(const uint8_t *data, const NsWsFrame *frame)
{
    uint8_t head[NS_WS_MAX_HEAD];
    size_t  len = NsWsFrameHead(head, frame->fin, frame->rsv1, frame->opcode, frame->length,
                                frame->masked ? frame->mask : NULL);

    FUZZ_CHECK(len == frame->headLen && memcmp(head, data, len) == 0);
}

/* Unmask in place, in pieces, and byte by byte; then look at it as text. */
static void
CheckPayload(const uint8_t *payload, size_t len, const NsWsFrame *frame, uint64_t seed)
{
    uint8_t *whole = FuzzCopy(payload, len), *pieces = FuzzCopy(payload, len);
    NsUtf8   utf8 = {0};
    bool     valid = true;

    NsWsMask(whole, whole, len, frame->mask, 0);
    for (size_t at = 0; at < len;) {
        size_t piece = FuzzPiece(&seed, len - at);

        NsWsMask(pieces + at, payload + at, piece, frame->mask, at);
        valid = valid && NsUtf8Feed(&utf8, pieces + at, piece);
        at += piece;
    }
    for (size_t i = 0; i < len; i++) {
        FUZZ_CHECK(whole[i] == (payload[i] ^ frame->mask[i & 3]) && pieces[i] == whole[i]);
    }
    valid = valid && NsUtf8Complete(&utf8);
    FUZZ_CHECK(valid == NsUtf8Valid(whole, len));
    FUZZ_CHECK(valid == NsTextIsUtf8((const char *)whole, len));
    free(pieces);
    free(whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t     seed = FuzzSeed(data, size);
    NsWsSequence sequence = {0};
    Rules        rules;

    if (size == 0) {
        return 0;
    }
    rules = (Rules){(NsWsMaskRule)(data[0] % 3), (data[0] & 0x80) != 0};
    data++;
    size--;
    for (;;) {
        uint8_t   *copy = FuzzCopy(data, size);
        NsWsFrame  frame;
        NsWsResult result = NsWsFrameParse(copy, size, rules.rule, rules.rsv1, MAX_LENGTH, &frame);

        free(copy);
        CheckGrowing(data, size, rules, result, &frame);
        if (result == NS_WS_ERROR) {
            FUZZ_CHECK((frame.closeCode == 1002 || frame.closeCode == 1009) && frame.reason != NULL);
            return 0;
        }
        if (frame.headLen > 0) {
            CheckHead(data, &frame);
        }
        if (result == NS_WS_NEED_MORE) {
            FUZZ_CHECK(frame.headLen == 0 || frame.headLen + frame.length > size);
            return 0;
        }
        CheckPayload(data + frame.headLen, (size_t)frame.length, &frame, seed);
        if (NsWsSequenceCheck(&sequence, &frame) != NULL) {
            return 0;
        }
        FUZZ_CHECK(frame.opcode >= NS_WS_CLOSE || sequence.fragmented == !frame.fin);
        data += frame.headLen + frame.length;
        size -= frame.headLen + (size_t)frame.length;
    }
}
