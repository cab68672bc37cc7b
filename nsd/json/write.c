/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The JSON writer.
 */
#include <string.h>
#include "json/write.h"

#define INDENTS 50                             /* levels that are told apart: else a megabyte of deep brackets becomes one gigabyte */
#define LINE    60                                /* bytes of a container that stays on one line */

/* ---------------------------------------------------------------------------------------------------------- strings */

/* How many bytes need no escape. */
static size_t
PlainLength(const char *text, size_t len)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    size_t         i = 0;
    uint64_t       word;

    for (; i + sizeof(word) <= len; i += sizeof(word)) {
        uint64_t quote, backslash, nul;

        memcpy(&word, text + i, sizeof(word));
        quote = word ^ ones * '"';
        backslash = word ^ ones * '\\';
        nul = word ^ ones * 0xc0u;             /* the first byte of a NUL inside */
        if ((((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((nul - ones) & ~nul) | ((word - ones * 0x20u) & ~word))
            & highs) {
            break;
        }
    }
    while (i < len && text[i] != '"' && text[i] != '\\' && (unsigned char)text[i] >= 0x20u
           && !((unsigned char)text[i] == 0xc0u && i + 1 < len && (unsigned char)text[i + 1] == 0x80u)) {
        i++;
    }
    return i;
}

static void
AppendEscape(Tcl_DString *ds, unsigned char c)
{
    static const char letters[] = "\"\\bfnrt", meanings[] = "\"\\\b\f\n\r\t";
    const char       *meaning = c == 0 ? NULL : strchr(meanings, c);
    char              escape[8];
    int               n;

    if (meaning != NULL) {
        n = snprintf(escape, sizeof(escape), "\\%c", letters[meaning - meanings]);
    } else {
        n = snprintf(escape, sizeof(escape), "\\u%04x", c);
    }
    Tcl_DStringAppend(ds, escape, n);
}

void
NsJsonAppendString(Tcl_DString *ds, const char *text, size_t len)
{
    size_t at = 0;

    Tcl_DStringAppend(ds, "\"", 1);
    while (at < len) {
        size_t plain = PlainLength(text + at, len - at);

        Tcl_DStringAppend(ds, text + at, (int)plain);
        at += plain;
        if (at < len) {
            bool nul = (unsigned char)text[at] == 0xc0u;

            AppendEscape(ds, nul ? 0 : (unsigned char)text[at]);
            at += nul ? 2 : 1;
        }
    }
    Tcl_DStringAppend(ds, "\"", 1);
}

/* ----------------------------------------------------------------------------------------------------------- layout */

typedef struct Layout {
    Tcl_DString *ds;
    const char  *p, *end;
    int          depth;                        /* of containers that are broken into lines */
} Layout;

/* Where the string ends that begins at `p`, behind its quote. */
static const char *
StringEnd(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end) {
            p++;
        }
    }
    return p < end ? p + 1 : end;
}

/* The end of the container at `p` if it may stay on one line, else NULL.  Looks at LINE bytes. */
static const char *
InlineEnd(const char *p, const char *end)
{
    const char *limit = end - p > LINE ? p + LINE : end;
    char        open[LINE];                    /* the brackets that are open */
    int         depth = 0;

    while (p < limit) {
        if (*p == '"') {
            p = StringEnd(p, limit);
            continue;
        }
        if (*p == '{' || *p == '[') {
            open[depth++] = *p;
        } else if (*p == '}' || *p == ']') {
            depth--;
        } else if (*p == ',' && open[depth - 1] == '{') {
            return NULL;
        }
        p++;
        if (depth == 0) {
            return p;
        }
    }
    return NULL;
}

static void
NewLine(Layout *layout)
{
    Tcl_DStringAppend(layout->ds, "\n", 1);
    for (int i = 0; i < layout->depth && i < INDENTS; i++) {
        Tcl_DStringAppend(layout->ds, "  ", 2);
    }
}

/* One token, or one character of a number or a word; within a line when `until` says so. */
static void
Token(Layout *layout, const char *until)
{
    const char *p = layout->p, *next = *p == '"' ? StringEnd(p, layout->end) : p + 1;
    bool        isOpen = *p == '{' || *p == '[', isClose = *p == '}' || *p == ']', onLine = p < until;
    bool        isEmpty = isOpen && next < layout->end && (*next == '}' || *next == ']');

    if (isEmpty) {
        next++;
    } else if (isClose && !onLine) {
        layout->depth--;
        NewLine(layout);
    } else if (isClose && *p == '}') {
        Tcl_DStringAppend(layout->ds, " ", 1);
    }
    Tcl_DStringAppend(layout->ds, p, (int)(next - p));
    if (*p == ':' || (onLine && (*p == ',' || (*p == '{' && !isEmpty)))) {
        Tcl_DStringAppend(layout->ds, " ", 1);
    } else if (!onLine && *p == ',') {
        NewLine(layout);
    } else if (!onLine && isOpen && !isEmpty) {
        layout->depth++;
        NewLine(layout);
    }
    layout->p = next;
}

void
NsJsonAppendPretty(Tcl_DString *ds, const char *json, size_t len)
{
    Layout      layout = {.ds = ds, .p = json, .end = json + len};
    const char *until = json;                  /* where a container ends that stays on its line */

    while (layout.p < layout.end) {
        if (layout.p >= until && layout.p > json && (*layout.p == '{' || *layout.p == '[')) {
            const char *end = InlineEnd(layout.p, layout.end);

            until = end == NULL ? until : end;
        }
        Token(&layout, until);
    }
}
