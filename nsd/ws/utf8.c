/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Incremental UTF-8 validation.
 */
#include <string.h>

#include "ws/utf8.h"

static inline uint64_t
Load(const uint8_t *data)
{
    uint64_t word;

    memcpy(&word, data, sizeof(word));
    return word;
}

/* Bytes of ASCII at the start, four registers at a time. */
static size_t
SkipAscii(const uint8_t *data, size_t len)
{
    const uint64_t highs = 0x8080808080808080u;
    size_t         i = 0;

    while (len - i >= 32
           && ((Load(data + i) | Load(data + i + 8) | Load(data + i + 16) | Load(data + i + 24)) & highs) == 0) {
        i += 32;
    }
    while (len - i >= 8 && (Load(data + i) & highs) == 0) {
        i += 8;
    }
    while (i < len && data[i] < 0x80) {
        i++;
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

bool
NsUtf8Feed(NsUtf8 *state, const uint8_t *data, size_t len)
{
    size_t i = 0;

    while (i < len) {
        if (state->need == 0) {
            i += SkipAscii(data + i, len - i);
            if (i < len && !StartChar(state, data[i++])) {
                return false;
            }
        } else {
            if (data[i] < state->min || data[i] > state->max) {
                return false;
            }
            state->need--;
            state->min = 0x80;
            state->max = 0xbf;
            i++;
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
