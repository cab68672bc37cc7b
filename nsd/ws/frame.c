/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket frames.
 */
#include <string.h>

#include "ws/frame.h"

#define MAX_CONTROL 125

/* A register of SSE2 or NEON; where there is none, the compiler takes several. */
typedef uint64_t Block __attribute__((vector_size(16)));

static NsWsResult
Violation(NsWsFrame *frame, int closeCode, const char *reason)
{
    frame->closeCode = closeCode;
    frame->reason = reason;
    return NS_WS_ERROR;
}

static bool
IsControl(uint8_t opcode)
{
    return (opcode & 8u) != 0;
}

/* What the first byte says. */
static const char *
CheckFirst(const NsWsFrame *frame, uint8_t first, bool allowRsv1)
{
    if ((first & 0x30u) != 0 || (frame->rsv1 && !allowRsv1)) {
        return "reserved bit set";
    }
    if ((frame->opcode > NS_WS_BINARY && frame->opcode < NS_WS_CLOSE) || frame->opcode > NS_WS_PONG) {
        return "reserved opcode";
    }
    if (IsControl(frame->opcode)) {
        if (!frame->fin) {
            return "fragmented control frame";
        }
        if (frame->rsv1) {
            return "reserved bit set on a control frame";
        }
    }
    return NULL;
}

/* What the second byte says: the mask, and the length's form. */
static const char *
CheckSecond(const NsWsFrame *frame, uint8_t second, NsWsMaskRule rule)
{
    if (rule == NS_WS_MASK_REQUIRED && !frame->masked) {
        return "frame is not masked";
    }
    if (rule == NS_WS_MASK_REFUSED && frame->masked) {
        return "frame is masked";
    }
    if (IsControl(frame->opcode) && (second & 0x7fu) > MAX_CONTROL) {
        return "control frame too long";
    }
    return NULL;
}

static uint64_t
ReadBigEndian(const uint8_t *data, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

/* The length is complete: `size` bytes of it follow the second byte. */
static NsWsResult
CheckLength(NsWsFrame *frame, size_t size, uint64_t maxLength)
{
    if ((size == 2 && frame->length < 126) || (size == 8 && frame->length <= 0xffffu)) {
        return Violation(frame, 1002, "length is not in its shortest form");
    }
    if (size == 8 && frame->length >> 63 != 0) {
        return Violation(frame, 1002, "top bit of the length set");
    }
    if (frame->length > maxLength) {
        return Violation(frame, 1009, "frame exceeds the limit");
    }
    return NS_WS_FRAME;
}

NsWsResult
NsWsFrameParse(const uint8_t *data, size_t len, NsWsMaskRule rule, bool allowRsv1, uint64_t maxLength, NsWsFrame *frame)
{
    size_t      extended, head;
    const char *problem;

    memset(frame, 0, sizeof(*frame));
    if (len < 1) {
        return NS_WS_NEED_MORE;
    }
    frame->fin = (data[0] & 0x80u) != 0;
    frame->rsv1 = (data[0] & 0x40u) != 0;
    frame->opcode = data[0] & 0x0fu;
    problem = CheckFirst(frame, data[0], allowRsv1);
    if (problem == NULL && len >= 2) {
        frame->masked = (data[1] & 0x80u) != 0;
        problem = CheckSecond(frame, data[1], rule);
    }
    if (problem != NULL) {
        return Violation(frame, 1002, problem);
    }
    if (len < 2) {
        return NS_WS_NEED_MORE;
    }
    frame->length = data[1] & 0x7fu;
    extended = frame->length == 127 ? 8 : frame->length == 126 ? 2 : 0;
    if (len < 2 + extended) {
        return NS_WS_NEED_MORE;
    }
    if (extended > 0) {
        frame->length = ReadBigEndian(data + 2, extended);
    }
    if (CheckLength(frame, extended, maxLength) == NS_WS_ERROR) {
        return NS_WS_ERROR;
    }
    head = 2 + extended + (frame->masked ? 4 : 0);
    if (len < head) {
        return NS_WS_NEED_MORE;
    }
    frame->headLen = (uint8_t)head;
    if (frame->masked) {
        memcpy(frame->mask, data + head - 4, 4);
    }
    return frame->length <= len - head ? NS_WS_FRAME : NS_WS_NEED_MORE;
}

/* The mask as of `offset`, twice, as it lies in memory. */
static inline uint64_t
WideMask(const uint8_t mask[4], size_t offset)
{
    uint32_t word;
    unsigned turn = (unsigned)(offset & 3u) * 8;

    memcpy(&word, mask, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = word >> turn | word << (-turn & 31u);
#else
    word = word << turn | word >> (-turn & 31u);
#endif
    return (uint64_t)word << 32 | word;
}

/* Less than a Block; the bits that are set in any of the results. */
static uint64_t
MaskShort(uint8_t *dst, const uint8_t *src, size_t len, uint64_t wide)
{
    uint64_t seen = 0;
    size_t   i = 0;

    if ((len & 8u) != 0) {
        memcpy(&seen, src, sizeof(seen));
        seen ^= wide;
        memcpy(dst, &seen, sizeof(seen));
        i = 8;
    }
    if ((len & 4u) != 0) {
        uint32_t word;

        memcpy(&word, src + i, sizeof(word));
        word ^= (uint32_t)wide;
        memcpy(dst + i, &word, sizeof(word));
        seen |= word;
        i += 4;
    }
    for (; i < len; i++) {
        uint8_t byte;

        memcpy(&byte, (const uint8_t *)&wide + (i & 3u), 1);
        dst[i] = byte ^= src[i];
        seen |= byte;
    }
    return seen;
}

/*
 * Loaded before they are stored, since dst and src may overlap; so is the last Block, which may cover bytes that are
 * stored before it: they are stored once more, with the same result.  Returns the bits that are set in any result, not
 * in their places.
 */
static inline uint64_t
MaskAll(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t mask[4], size_t offset)
{
    uint64_t wide = WideMask(mask, offset);
    Block    first, second, last, seen;

    if (len < sizeof(Block)) {
        return MaskShort(dst, src, len, wide);
    }
    memcpy(&last, src + len - sizeof(last), sizeof(last));
    last ^= WideMask(mask, offset + len);      /* a Block has whole masks */
    seen = last;
    for (; len > 2 * sizeof(Block); len -= 2 * sizeof(Block)) {
        memcpy(&first, src, sizeof(first));
        memcpy(&second, src + sizeof(first), sizeof(second));
        first ^= wide;
        second ^= wide;
        memcpy(dst, &first, sizeof(first));
        memcpy(dst + sizeof(first), &second, sizeof(second));
        seen |= first | second;
        src += 2 * sizeof(Block);
        dst += 2 * sizeof(Block);
    }
    if (len > sizeof(Block)) {
        memcpy(&first, src, sizeof(first));
        first ^= wide;
        memcpy(dst, &first, sizeof(first));
        seen |= first;
    }
    memcpy(dst + len - sizeof(last), &last, sizeof(last));
    return seen[0] | seen[1];
}

void
NsWsMask(uint8_t *dst, const uint8_t *src, size_t len, const uint8_t mask[4], size_t offset)
{
    (void)MaskAll(dst, src, len, mask, offset);
}

bool
NsWsMaskAscii(uint8_t *data, size_t len, const uint8_t mask[4])
{
    return (MaskAll(data, data, len, mask, 0) & 0x8080808080808080u) == 0;
}

size_t
NsWsFrameHead(uint8_t *out, bool fin, bool rsv1, int opcode, uint64_t length, const uint8_t *mask)
{
    uint8_t maskBit = mask != NULL ? 0x80 : 0;
    size_t  extended = length < 126 ? 0 : length <= 0xffffu ? 2 : 8;
    size_t  head = 2 + extended;

    out[0] = (uint8_t)((fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | (opcode & 0x0f));
    out[1] = (uint8_t)(maskBit | (extended == 0 ? length : extended == 2 ? 126u : 127u));
    for (size_t i = head; i > 2; i--) {
        out[i - 1] = (uint8_t)length;
        length >>= 8;
    }
    if (mask != NULL) {
        memcpy(out + head, mask, 4);
        head += 4;
    }
    return head;
}

const char *
NsWsSequenceCheck(NsWsSequence *sequence, const NsWsFrame *frame)
{
    if (IsControl(frame->opcode)) {
        return NULL;                           /* allowed anywhere, changes nothing */
    }
    if (frame->opcode == NS_WS_CONTINUE) {
        if (!sequence->fragmented) {
            return "continuation without a message";
        }
        if (frame->rsv1) {
            return "reserved bit set on a continuation";
        }
        sequence->fragments += sequence->fragments < UINT32_MAX;
    } else {
        if (sequence->fragmented) {
            return "new message within a fragmented one";
        }
        sequence->opcode = frame->opcode;
        sequence->fragments = 1;
    }
    sequence->fragmented = !frame->fin;
    return NULL;
}
