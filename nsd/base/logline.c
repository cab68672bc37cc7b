/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Text for the log.
 */
#include <stdio.h>
#include <string.h>
#include "base/logline.h"
#include "base/text.h"

void
NsLogLineInit(NsLogLine *line)
{
    line->data = line->fixed;
    line->len = 0;
    line->max = sizeof(line->fixed);
}

void
NsLogLineFree(NsLogLine *line)
{
    if (line->data != line->fixed) {
        ns_free(line->data);
    }
    NsLogLineInit(line);
}

static void
Reserve(NsLogLine *line, size_t need)
{
    if (line->len + need > line->max) {
        size_t max = line->max * 2 > line->len + need ? line->max * 2 : line->len + need;

        if (line->data == line->fixed) {
            line->data = ns_malloc(max);
            memcpy(line->data, line->fixed, line->len);
        } else {
            line->data = ns_realloc(line->data, max);
        }
        line->max = max;
    }
}

void
NsLogLineAppend(NsLogLine *line, const char *bytes, size_t len)
{
    Reserve(line, len);
    memcpy(line->data + line->len, bytes, len);
    line->len += len;
}

void
NsLogLineVPrintf(NsLogLine *line, const char *fmt, va_list ap)
{
    va_list again;
    int     len;

    va_copy(again, ap);
    len = vsnprintf(line->data + line->len, line->max - line->len, fmt, ap);
    if (len > 0 && (size_t)len >= line->max - line->len) {
        Reserve(line, (size_t)len + 1);
        vsnprintf(line->data + line->len, line->max - line->len, fmt, again);
    }
    if (len > 0) {
        line->len += (size_t)len;
    }
    va_end(again);
}

void
NsLogLinePrintf(NsLogLine *line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    NsLogLineVPrintf(line, fmt, ap);
    va_end(ap);
}

/*
 * Length of a valid UTF-8 sequence of a printable character beyond ASCII, or 0.  C1 controls (U+0080 .. U+009F) count
 * as not printable, overlong forms and surrogates as not valid.
 */
static size_t
Utf8Len(const unsigned char *p, size_t left)
{
    size_t len = *p >= 0xC2 && *p <= 0xDF ? 2 : *p >= 0xE0 && *p <= 0xEF ? 3 : *p >= 0xF0 && *p <= 0xF4 ? 4 : 0;

    if (len == 0 || len > left) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    if ((p[0] == 0xC2 && p[1] < 0xA0) || (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] >= 0xA0)
        || (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] >= 0x90)) {
        return 0;
    }
    return len;
}

void
NsLogLineAppendSafe(NsLogLine *line, const char *text, size_t len, NsLogSanitize sanitize)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + len;
    size_t               column = 0;

    if (sanitize == NS_LOG_RAW) {
        NsLogLineAppend(line, text, len);
        return;
    }
    while (p < end) {
        size_t utf8;
        const unsigned char *start = p;

        while (p < end && *p >= 0x20 && *p < 0x7F) {
            p++;
        }
        NsLogLineAppend(line, (const char *)start, (size_t)(p - start));
        column += (size_t)(p - start);
        if (p == end) {
            break;
        }
        if (*p == '\n') {
            NsLogLineAppend(line, "\n:    ", 6);
            column = 0;
            p++;
        } else if (*p == '\t' && sanitize == NS_LOG_UTF8_TABS) {
            NsLogLineAppend(line, "        ", 8 - column % 8);
            column += 8 - column % 8;
            p++;
        } else if (*p == '\t') {
            NsLogLineAppend(line, "\t", 1);
            p++;
        } else if (sanitize != NS_LOG_ASCII && (utf8 = Utf8Len(p, (size_t)(end - p))) > 0) {
            NsLogLineAppend(line, (const char *)p, utf8);
            column++;
            p += utf8;
        } else {
            NsLogLinePrintf(line, "\\x%02x", *p++);
            column += 4;
        }
    }
}

void
NsLogLineAppendText(NsLogLine *line, const char *text, size_t len, NsLogSanitize sanitize)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    text = NsTextOut(&ds, text, len, &len);
    NsLogLineAppendSafe(line, text, len, sanitize);
    Tcl_DStringFree(&ds);
}
