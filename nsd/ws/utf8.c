/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Incremental UTF-8 validation.
 */
#include <string.h>

#include "ws/utf8.h"

#define WRONG SIZE_MAX

static const uint64_t highs = 0x8080808080808080u;

static inline uint64_t
Load(const uint8_t *data)
{
    uint64_t word;

    memcpy(&word, data, sizeof(word));
    return word;
}

/* ASCII at the start of a register that has something else. */
static inline size_t
CountAscii(uint64_t high)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(high) >> 3;
#else
    return (size_t)__builtin_clzll(high) >> 3;
#endif
}

/* Four bytes, the first one lowest. */
static inline uint32_t
LoadChar(const uint8_t *data)
{
    uint32_t bytes;

    memcpy(&bytes, data, sizeof(bytes));
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    bytes = __builtin_bswap32(bytes);
#endif
    return bytes;
}

/*
 * The length of the character at the start of four bytes, which is not ASCII; 0: it is none.  The bits that are looked
 * at are the marks of first and other bytes, and then those that an overlong form has not (0x1e, 0x200f, 0x3007), or
 * that a surrogate (0x200d) or something past the end has.
 */
static inline size_t
CharLength(uint32_t bytes)
{
    if ((bytes & 0xc0c0f0u) == 0x8080e0u) {
        uint32_t bits = bytes & 0x200fu;

        return bits != 0 && bits != 0x200du ? 3 : 0;
    }
    if ((bytes & 0xc0e0u) == 0x80c0u) {
        return (bytes & 0x1eu) != 0 ? 2 : 0;
    }
    if ((bytes & 0xc0c0c0f8u) == 0x808080f0u) {
        return (bytes & 0x3007u) != 0 && ((bytes & 4u) == 0 || (bytes & 0x3003u) == 0) ? 4 : 0;
    }
    return 0;
}

/* A register of ASCII, and when the next one is so, too, as many as there are. */
static inline size_t
SkipAscii(const uint8_t *data, size_t len)
{
    size_t i = 8;

    if (len < 48 || (Load(data + i) & highs) != 0) {
        return i;
    }
    for (i += 8; len - i >= 32; i += 32) {
        if (((Load(data + i) | Load(data + i + 8) | Load(data + i + 16) | Load(data + i + 24)) & highs) != 0) {
            break;
        }
    }
    return i;
}

/* Whole characters, as long as a register of bytes is left; how many bytes they have, or WRONG. */
static size_t
SkipChars(const uint8_t *data, size_t len)
{
    size_t i = 0;

    while (len - i >= 8) {
        uint64_t high = Load(data + i) & highs;

        if (high == 0) {
            i += SkipAscii(data + i, len - i);
            continue;
        }
        i += CountAscii(high);
        while (len - i >= 4 && data[i] >= 0x80) {
            size_t count = CharLength(LoadChar(data + i));

            if (count == 0) {
                return WRONG;
            }
            i += count;
        }
        if (len - i < 4) {
            break;
        }
    }
    return i;
}

/* The first byte of a character that has more: how many more, and what the next may be (RFC 3629, 4). */
static bool
StartChar(NsUtf8 *state, uint8_t byte)
{
    state->min = 0x80;
    state->max = 0xbf;
    if (byte < 0xc2 || byte > 0xf4) {
        return false;                          /* a continuation, an overlong form, or past U+10FFFF */
    }
    if (byte < 0xe0) {
        state->need = 1;
        return true;
    }
    state->need = byte < 0xf0 ? 2 : 3;
    switch (byte) {
    case 0xe0: state->min = 0xa0; break;       /* shorter forms exist below */
    case 0xed: state->max = 0x9f; break;       /* surrogates above */
    case 0xf0: state->min = 0x90; break;
    case 0xf4: state->max = 0x8f; break;
    default: break;
    }
    return true;
}

/* Byte by byte: what is cut, and the rest. */
static bool
FeedByte(NsUtf8 *state, uint8_t byte)
{
    if (state->need == 0) {
        return byte < 0x80 || StartChar(state, byte);
    }
    if (byte < state->min || byte > state->max) {
        return false;
    }
    state->need--;
    state->min = 0x80;
    state->max = 0xbf;
    return true;
}

bool
NsUtf8Feed(NsUtf8 *state, const uint8_t *data, size_t len)
{
    size_t i = 0, count;

    for (; i < len && state->need > 0; i++) {
        if (!FeedByte(state, data[i])) {
            return false;
        }
    }
    count = SkipChars(data + i, len - i);
    if (count == WRONG) {
        return false;
    }
    for (i += count; i < len; i++) {
        if (!FeedByte(state, data[i])) {
            return false;
        }
    }
    return true;
}

bool
NsUtf8Complete(const NsUtf8 *state)
{
    return state->need == 0;
}

bool
NsUtf8Valid(const uint8_t *data, size_t len)
{
    NsUtf8 state = {0};

    return NsUtf8Feed(&state, data, len) && NsUtf8Complete(&state);
}
