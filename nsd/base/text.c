/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Text inside, bytes outside.
 */
#include <errno.h>
#include <string.h>
#include "base/text.h"

/* The index of the first byte that is a NUL, or is not ASCII; `len` when there is none. */
static inline size_t
PlainSpan(const char *bytes, size_t len)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    size_t         i = 0;
    uint64_t       word;

    for (; i + sizeof(word) <= len; i += sizeof(word)) {
        memcpy(&word, bytes + i, sizeof(word));
        if (((word | ((word - ones) & ~word)) & highs) != 0) {
            break;
        }
    }
    if (i > 0 && i + sizeof(word) > len) {     /* what is left of less than a word, with some before it again */
        memcpy(&word, bytes + len - sizeof(word), sizeof(word));
        if (((word | ((word - ones) & ~word)) & highs) == 0) {
            i = len;
        }
    }
    while (i < len && (signed char)bytes[i] > 0) {
        i++;
    }
    return i;
}

/* Length of a character that begins with a byte from 0x80 on, 0 when it is not well-formed. */
static size_t
CharLength(const unsigned char *p, size_t len)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t        n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (p[0] < 0xc2 || p[0] > 0xf4 || len < n) {
        return 0;
    }
    switch (p[0]) {
    case 0xe0: low = 0xa0; break;              /* shorter forms exist */
    case 0xed: high = 0x9f; break;             /* surrogates */
    case 0xf0: low = 0x90; break;
    case 0xf4: high = 0x8f; break;             /* past U+10FFFF */
    default: break;
    }
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xc0u) != 0x80u) {
            return 0;
        }
    }
    return n;
}

size_t
NsTextCharLength(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;

    return len == 0 ? 0 : *p < 0x80u ? 1 : CharLength(p, len);
}

bool
NsTextIsUtf8(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes, *end = p + len;

    while (p < end) {
        size_t n = *p < 0x80u ? 1 : CharLength(p, (size_t)(end - p));

        if (n == 0) {
            return false;
        }
        p += n;
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------------------- in */

/* How many bytes from the start have the same form inside; of the first `i` that is known. */
static size_t
SameInsideFrom(size_t i, const char *bytes, size_t len)
{
    while (i < len) {
        size_t n = (unsigned char)bytes[i] < 0x80u ? 0 : CharLength((const unsigned char *)bytes + i, len - i);

        if (n == 0 || n == 4) {
            break;
        }
        i += n;
        i += PlainSpan(bytes + i, len - i);
    }
    return i;
}

static size_t
SameInside(const char *bytes, size_t len)
{
    return SameInsideFrom(PlainSpan(bytes, len), bytes, len);
}

static void
PutUnit(Tcl_DString *ds, unsigned unit)        /* of three bytes */
{
    char bytes[3] = {(char)(0xe0u | unit >> 12), (char)(0x80u | (unit >> 6 & 0x3fu)), (char)(0x80u | (unit & 0x3fu))};

    Tcl_DStringAppend(ds, bytes, 3);
}

/* One character that has another form inside; returns how many bytes it was. */
static size_t
PutInside(Tcl_DString *ds, const unsigned char *p, size_t len)
{
    size_t n = *p < 0x80u ? 1 : CharLength(p, len);

    if (n == 4) {
        unsigned above = ((p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu)) - 0x10000u;

        PutUnit(ds, 0xd800u | above >> 10);
        PutUnit(ds, 0xdc00u | (above & 0x3ffu));
    } else {                                   /* a NUL, or what is no UTF-8 */
        char two[2] = {(char)(0xc0u | *p >> 6), (char)(0x80u | (*p & 0x3fu))};

        Tcl_DStringAppend(ds, two, 2);
        n = 1;
    }
    return n;
}

void
NsTextAppendIn(Tcl_DString *ds, const char *bytes, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t same = SameInside(bytes + at, len - at);

        Tcl_DStringAppend(ds, bytes + at, (int)same);
        at += same;
        if (at < len) {
            at += PutInside(ds, (const unsigned char *)bytes + at, len - at);
        }
    }
}

const char *
NsTextIn(Tcl_DString *ds, const char *bytes, size_t len, size_t *lenOut)
{
    const char *text = bytes;
    size_t      textLen = len, plain = PlainSpan(bytes, len);

    if (plain < len && SameInsideFrom(plain, bytes, len) < len) {
        int start = Tcl_DStringLength(ds);

        NsTextAppendIn(ds, bytes, len);
        text = Tcl_DStringValue(ds) + start;
        textLen = (size_t)(Tcl_DStringLength(ds) - start);
    }
    if (lenOut != NULL) {
        *lenOut = textLen;
    }
    return text;
}

Tcl_Obj *
NsTextObj(const char *bytes, ssize_t len)
{
    Tcl_DString ds;
    Tcl_Obj    *obj;
    size_t      size;
    const char *text;

    Tcl_DStringInit(&ds);
    text = NsTextIn(&ds, bytes, len < 0 ? strlen(bytes) : (size_t)len, &size);
    obj = Tcl_NewStringObj(text, (int)size);
    Tcl_DStringFree(&ds);
    return obj;
}

void
NsTextPut(Ns_Set *set, const char *name, size_t nameLen, const char *value, size_t valueLen)
{
    Tcl_DString nameText, valueText;

    Tcl_DStringInit(&nameText);
    Tcl_DStringInit(&valueText);
    name = NsTextIn(&nameText, name, nameLen, &nameLen);
    value = NsTextIn(&valueText, value, valueLen, &valueLen);
    (void)Ns_SetPutSz(set, name, (TCL_SIZE_T)nameLen, value, (TCL_SIZE_T)valueLen);
    Tcl_DStringFree(&valueText);
    Tcl_DStringFree(&nameText);
}

/* ------------------------------------------------------------------------------------------------------------ out */

/* A surrogate of the inside form: `kind` is A0 for the first of a pair, B0 for the second. */
static bool
IsSurrogate(const unsigned char *p, size_t len, unsigned kind)
{
    return len >= 3 && p[0] == 0xedu && (p[1] & 0xf0u) == kind && (p[2] & 0xc0u) == 0x80u;
}

/* How many bytes from the start have the same form outside. */
static size_t
SameOutside(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t               i = 0;

    while (i < len) {
        if ((p[i] == 0xc0u && len - i >= 2 && p[i + 1] == 0x80u) || IsSurrogate(p + i, len - i, 0xa0)
            || IsSurrogate(p + i, len - i, 0xb0)) {
            break;
        }
        i++;
        while (i < len && p[i] != 0xc0u && p[i] != 0xedu) {
            i++;
        }
    }
    return i;
}

/* Most text is seen at once to have nothing that differs: C0 and ED start what does. */
static bool
MayDiffer(const char *text, size_t len)
{
    size_t plain = PlainSpan(text, len);

    text += plain;
    len -= plain;
    return len > 0 && (memchr(text, 0xc0, len) != NULL || memchr(text, 0xed, len) != NULL);
}

/* One character that has another form outside; returns how many bytes it was. */
static size_t
PutOutside(Tcl_DString *ds, const unsigned char *p, size_t len)
{
    size_t n = 3;

    if (p[0] == 0xc0u) {
        Tcl_DStringAppend(ds, "\0", 1);
        n = 2;
    } else if (IsSurrogate(p, len, 0xa0) && IsSurrogate(p + 3, len - 3, 0xb0)) {
        unsigned c = 0x10000u + ((p[1] & 0x0fu) << 16 | (p[2] & 0x3fu) << 10 | (p[4] & 0x0fu) << 6 | (p[5] & 0x3fu));
        char     four[4] = {(char)(0xf0u | c >> 18), (char)(0x80u | (c >> 12 & 0x3fu)), (char)(0x80u | (c >> 6 & 0x3fu)),
                            (char)(0x80u | (c & 0x3fu))};

        Tcl_DStringAppend(ds, four, 4);
        n = 6;
    } else {
        PutUnit(ds, 0xfffd);
    }
    return n;
}

void
NsTextAppendOut(Tcl_DString *ds, const char *text, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t same = SameOutside(text + at, len - at);

        Tcl_DStringAppend(ds, text + at, (int)same);
        at += same;
        if (at < len) {
            at += PutOutside(ds, (const unsigned char *)text + at, len - at);
        }
    }
}

const char *
NsTextOut(Tcl_DString *ds, const char *text, size_t len, size_t *lenOut)
{
    const char *bytes = text;
    size_t      size = len;

    if (MayDiffer(text, len) && SameOutside(text, len) < len) {
        int start = Tcl_DStringLength(ds);

        NsTextAppendOut(ds, text, len);
        bytes = Tcl_DStringValue(ds) + start;
        size = (size_t)(Tcl_DStringLength(ds) - start);
    }
    if (lenOut != NULL) {
        *lenOut = size;
    }
    return bytes;
}

bool
NsTextIsWhole(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t               i = 0;
    bool                 whole = true;

    while (whole && (i += SameOutside(text + i, len - i)) < len) {
        if (p[i] == 0xc0u) {
            i += 2;
        } else {
            whole = IsSurrogate(p + i, len - i, 0xa0) && IsSurrogate(p + i + 3, len - i - 3, 0xb0);
            i += 6;
        }
    }
    return whole;
}

const char *
NsTextOutString(Tcl_DString *ds, const char *text)
{
    size_t      len;
    const char *bytes = NsTextOut(ds, text, strlen(text), &len);

    if (bytes != text && memchr(bytes, '\0', len) != NULL) {
        errno = EINVAL;
        bytes = NULL;
    }
    return bytes;
}

/* ------------------------------------------------------------------------------------------------------- for modules */

void
Ns_TextAppendIn(Tcl_DString *ds, const char *bytes, size_t len)
{
    NsTextAppendIn(ds, bytes, len);
}

void
Ns_TextAppendOut(Tcl_DString *ds, const char *text, size_t len)
{
    NsTextAppendOut(ds, text, len);
}

void
Ns_TextPutIn(Ns_Set *set, size_t index, const char *bytes, size_t len)
{
    if (PlainSpan(bytes, len) == len) {
        Ns_SetPutValueSz(set, index, bytes, (TCL_SIZE_T)len);
    } else {
        Tcl_DString ds;
        size_t      textLen;
        const char *text;

        Tcl_DStringInit(&ds);
        text = NsTextIn(&ds, bytes, len, &textLen);
        Ns_SetPutValueSz(set, index, text, (TCL_SIZE_T)textLen);
        Tcl_DStringFree(&ds);
    }
}

const char *
Ns_TextIn(Tcl_DString *ds, const char *bytes, size_t len, size_t *lenOut)
{
    return NsTextIn(ds, bytes, len, lenOut);
}

const char *
Ns_TextOut(Tcl_DString *ds, const char *text, size_t len, size_t *lenOut)
{
    return NsTextOut(ds, text, len, lenOut);
}

const char *
Ns_TextOutString(Tcl_DString *ds, const char *text)
{
    return NsTextOutString(ds, text);
}
