/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A stretch of somebody else's memory: what the parsers of this folder hand out, so that nothing needs to be copied.
 */
#ifndef NSD_HTTP_SPAN_H
#define NSD_HTTP_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

typedef struct NsSpan {
    const char *start;                         /* NULL: not there at all; not NUL-terminated */
    size_t      len;
} NsSpan;

static inline NsSpan
NsSpanOf(const char *start, const char *end)
{
    return (NsSpan){start, (size_t)(end - start)};
}

static inline bool
NsSpanIs(NsSpan span, const char *text)
{
    size_t len = strlen(text);

    return span.len == len && span.start != NULL && memcmp(span.start, text, len) == 0;
}

/* Without regard to the case of ASCII letters. */
static inline bool
NsSpanIsNoCase(NsSpan span, const char *text)
{
    size_t len = strlen(text);

    return span.len == len && span.start != NULL && strncasecmp(span.start, text, len) == 0;
}

#endif
