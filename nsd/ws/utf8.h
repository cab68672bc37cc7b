/* SPDX-License-Identifier: MPL-2.0 */
/*
 * UTF-8 (RFC 3629), checked as it arrives: no overlong forms, no surrogates, nothing past U+10FFFF.
 */
#ifndef NSD_WS_UTF8_H
#define NSD_WS_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory is a fresh state. */
typedef struct NsUtf8 {
    uint8_t need;                              /* continuation bytes still to come */
    uint8_t min, max;                          /* bounds of the next one */
} NsUtf8;

/* False at the first byte that cannot be part of valid text; the state is of no use then. */
bool NsUtf8Feed(NsUtf8 *state, const uint8_t *data, size_t len);
/* Did the text end between characters? */
bool NsUtf8Complete(const NsUtf8 *state);
/* A whole text at once. */
bool NsUtf8Valid(const uint8_t *data, size_t len);

#endif
