/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The table of character classes (see chars.h), and scans over it.
 */
#include <string.h>

#include "http/chars.h"

/* Sums of the NS_CHAR_ classes; bytes from 0x80 on are in none. */
const uint8_t nsHttpChars[256] = {
    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x00, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,   /* 0x00 .. 0x0f */
    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,   /* 0x10 .. 0x1f */
    0x00, 0x41, 0x00, 0x01, 0x41, 0x01, 0x41, 0x41, 0x40, 0x40, 0x41, 0x41, 0x40, 0x21, 0x21, 0x00,   /* ' ' .. '/' */
    0x27, 0x27, 0x27, 0x27, 0x27, 0x27, 0x27, 0x27, 0x27, 0x27, 0x00, 0x40, 0x00, 0x40, 0x00, 0x00,   /* '0' .. '?' */
    0x00, 0x2d, 0x2d, 0x2d, 0x2d, 0x2d, 0x2d, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29,   /* '@' .. 'O' */
    0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x00, 0x00, 0x00, 0x01, 0x21,   /* 'P' .. '_' */
    0x01, 0x2d, 0x2d, 0x2d, 0x2d, 0x2d, 0x2d, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29,   /* '`' .. 'o' */
    0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x29, 0x00, 0x01, 0x00, 0x21, 0x10,   /* 'p' .. 0x7f */
};

size_t
NsCharSpan(const char *bytes, size_t len, unsigned classes)
{
    size_t i = 0;

    while (i < len && NsCharIs(bytes[i], classes)) {
        i++;
    }
    return i;
}

/* One bit set when any byte of the word is below the blank, or is DEL.  Exact as a test; the tab is among them. */
static uint64_t
ControlMask(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t       del = word ^ (ones * 0x7f);

    return ((word - ones * 0x20) & ~word & highs) | ((del - ones) & ~del & highs);
}

/* The classes of any of the bytes. */
static unsigned
Classes(const char *bytes, size_t len)
{
    unsigned classes = 0;

    for (size_t i = 0; i < len; i++) {
        classes |= nsHttpChars[(unsigned char)bytes[i]];
    }
    return classes;
}

/* Words of eight bytes; the last one overlaps the one before, which is cheaper than a byte at a time. */
unsigned
NsCharTraits(const char *bytes, size_t len)
{
    uint64_t word = 0, all = 0;
    unsigned classes = 0;
    size_t   i;

    if (len < sizeof(word)) {
        for (i = 0; i < len; i++) {
            all |= (unsigned char)bytes[i];
        }
        classes = Classes(bytes, len);
    } else {
        for (i = 0; i < len; i += sizeof(word)) {
            size_t at = i + sizeof(word) <= len ? i : len - sizeof(word);

            memcpy(&word, bytes + at, sizeof(word));
            all |= word;
            if (ControlMask(word) != 0) {
                classes |= Classes(bytes + at, sizeof(word));
            }
        }
    }
    return ((classes & NS_CHAR_CONTROL) != 0 ? NS_CHAR_HAS_CONTROL : 0) | ((all & 0x8080808080808080u) != 0 ? NS_CHAR_HAS_HIGH : 0);
}

size_t
NsDecimalPut(char *to, uint64_t number)
{
    char   digits[NS_DECIMAL_SIZE];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < n; i++) {
        to[i] = digits[n - 1 - i];
    }
    to[n] = '\0';
    return n;
}
