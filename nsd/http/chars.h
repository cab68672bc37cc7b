/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Character classes of HTTP and URLs: one table, looked up a byte at a time.
 */
#ifndef NSD_HTTP_CHARS_H
#define NSD_HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_CHAR_TOKEN   0x01u                  /* RFC 9110 tchar */
#define NS_CHAR_DIGIT   0x02u
#define NS_CHAR_HEX     0x04u
#define NS_CHAR_ALPHA   0x08u
#define NS_CHAR_CONTROL 0x10u                  /* below the blank, or DEL; the tab not */
#define NS_CHAR_UNRES   0x20u                  /* RFC 3986 unreserved */
#define NS_CHAR_SUBDEL  0x40u                  /* RFC 3986 sub-delims */

extern const uint8_t nsHttpChars[256];

static inline bool
NsCharIs(char c, unsigned classes)
{
    return (nsHttpChars[(unsigned char)c] & classes) != 0;
}

/* The value of a hex digit; -1: it is none. */
static inline int
NsHexValue(char c)
{
    if (!NsCharIs(c, NS_CHAR_HEX)) {
        return -1;
    }
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* ASCII only, whatever the locale. */
static inline char
NsCharLower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool
NsCharIsBlank(char c)
{
    return c == ' ' || c == '\t';
}

/* The index of the first byte that is not in `classes`; `len` when all are. */
size_t NsCharSpan(const char *bytes, size_t len, unsigned classes);
/* Decimal digits and a NUL, at most NS_DECIMAL_SIZE bytes; returns the number of digits. */
#define NS_DECIMAL_SIZE 21
size_t NsDecimalPut(char *to, uint64_t number);
/* In one pass: is there a control character other than the tab, and is there a byte from 0x80 on? */
#define NS_CHAR_HAS_CONTROL 1u
#define NS_CHAR_HAS_HIGH    2u
unsigned NsCharTraits(const char *bytes, size_t len);

static inline bool
NsCharHasControl(const char *bytes, size_t len)
{
    return (NsCharTraits(bytes, len) & NS_CHAR_HAS_CONTROL) != 0;
}

#endif
