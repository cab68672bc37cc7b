/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Header field values.
 */
#include <string.h>

#include "http/chars.h"
#include "http/header.h"

static const char *
SkipBlanks(const char *p, const char *end)
{
    while (p < end && NsCharIsBlank(*p)) {
        p++;
    }
    return p;
}

static const char *
SkipToken(const char *p, const char *end)
{
    return p + NsCharSpan(p, (size_t)(end - p), NS_CHAR_TOKEN);
}

/* From behind the opening quote to the closing one, or the end; notes whether there are backslashes. */
static const char *
SkipQuoted(const char *p, const char *end, bool *escaped)
{
    while (p < end && *p != '"') {
        if (*p == '\\' && end - p > 1) {
            *escaped = true;
            p++;
        }
        p++;
    }
    return p;
}

/* A token or a quoted string; false: neither is there.  A string that is not closed ends with the value. */
static bool
ReadValue(const char **at, const char *end, NsSpan *value, bool *escaped)
{
    const char *p = *at;

    *escaped = false;
    if (p < end && *p == '"') {
        const char *close = SkipQuoted(p + 1, end, escaped);

        *value = NsSpanOf(p + 1, close);
        *at = close < end ? close + 1 : close;
        return true;
    }
    *at = SkipToken(p, end);
    *value = NsSpanOf(p, *at);
    return value->len > 0;
}

void
NsFieldStart(NsFieldScan *scan, const char *value, size_t len)
{
    scan->pos = value;
    scan->end = value + len;
    scan->open = false;
}

/*
 * Names are separated by commas and semicolons; empty elements are passed over, and so is, as NaviServer has it, a '='
 * with no name before it.
 */
bool
NsFieldNext(NsFieldScan *scan, NsField *field)
{
    const char *end = scan->end, *p = SkipBlanks(scan->pos, end), *behind;

    field->first = !scan->open;
    field->value = (NsSpan){NULL, 0};
    field->escaped = false;
    scan->pos = p;
    if (scan->open && p < end && *p != ',' && *p != ';') {
        return false;
    }
    while (p < end && (*p == ',' || *p == ';' || *p == '=')) {
        field->first |= *p == ',';
        p = SkipBlanks(p + 1, end);
    }
    behind = SkipToken(p, end);
    if (behind == p) {
        scan->pos = p;
        return false;
    }
    field->name = NsSpanOf(p, behind);
    scan->open = true;
    p = SkipBlanks(behind, end);
    if (p < end && *p == '=') {
        p = SkipBlanks(p + 1, end);
        if (!ReadValue(&p, end, &field->value, &field->escaped)) {
            field->value = NsSpanOf(p, p);
        }
    }
    scan->pos = p;
    return true;
}

void
NsFieldUnescape(Tcl_DString *ds, NsSpan value)
{
    const char *p = value.start, *end = p + value.len;

    while (p < end) {
        const char *backslash = memchr(p, '\\', (size_t)(end - p));
        const char *stop = backslash != NULL ? backslash : end;

        Tcl_DStringAppend(ds, p, (int)(stop - p));
        p = stop;
        if (p < end) {
            p += end - p > 1;
            Tcl_DStringAppend(ds, p, 1);
            p++;
        }
    }
}

/* The end of what is at `p`: the next of the two separators that is not within quotes. */
static const char *
FindSeparator(const char *p, const char *end, char first, char second)
{
    bool escaped;

    while (p < end && *p != first && *p != second) {
        if (*p == '"') {
            p = SkipQuoted(p + 1, end, &escaped);
        }
        p += p < end;
    }
    return p;
}

static NsSpan
Trim(const char *start, const char *end)
{
    start = SkipBlanks(start, end);
    while (end > start && NsCharIsBlank(end[-1])) {
        end--;
    }
    return NsSpanOf(start, end);
}

bool
NsHeaderHasToken(const char *list, const char *token)
{
    const char *p = list, *end = list == NULL ? NULL : list + strlen(list);

    while (p < end) {
        const char *stop = FindSeparator(p, end, ',', ',');

        if (NsSpanIsNoCase(Trim(p, FindSeparator(p, stop, ';', ';')), token)) {
            return true;
        }
        p = stop < end ? stop + 1 : end;
    }
    return false;
}

NsSpan
NsHeaderMain(const char *value)
{
    const char *end = value + strlen(value);

    return Trim(value, FindSeparator(value, end, ';', ';'));
}

/* A parameter between `p`, which is at a semicolon or the end, and `end`. */
static bool
FindParam(const char *p, const char *end, const char *name, NsSpan *value, bool *escaped)
{
    while (p < end) {
        const char *start = p + 1, *stop = FindSeparator(start, end, ';', ';');
        const char *equal = memchr(start, '=', (size_t)(stop - start));

        if (equal != NULL && NsSpanIsNoCase(Trim(start, equal), name)) {
            *escaped = false;
            start = SkipBlanks(equal + 1, stop);
            if (start < stop && *start == '"') {
                *value = NsSpanOf(start + 1, SkipQuoted(start + 1, stop, escaped));
            } else {
                *value = Trim(start, stop);
            }
            return true;
        }
        p = stop;
    }
    return false;
}

bool
NsHeaderParamSpan(const char *value, const char *name, NsSpan *span, bool *escaped)
{
    const char *end = value + strlen(value);

    return FindParam(FindSeparator(value, end, ';', ';'), end, name, span, escaped);
}

bool
NsHeaderParam(const char *value, const char *name, Tcl_DString *ds)
{
    NsSpan span;
    bool   escaped;

    if (!NsHeaderParamSpan(value, name, &span, &escaped)) {
        return false;
    }
    if (escaped) {
        NsFieldUnescape(ds, span);
    } else {
        Tcl_DStringAppend(ds, span.start, (int)span.len);
    }
    return true;
}

/* 0, 1, 0.5, 0.123, 1.000 in thousandths; anything else is 0. */
static int
ParseWeight(NsSpan weight)
{
    const char *p = weight.start;
    int         value = 0, digit = 100;

    if (weight.len == 0 || weight.len > 5 || (p[0] != '0' && p[0] != '1') || (weight.len > 1 && p[1] != '.')) {
        return 0;
    }
    value = (p[0] - '0') * 1000;
    for (size_t i = 2; i < weight.len; i++) {
        if (!NsCharIs(p[i], NS_CHAR_DIGIT)) {
            return 0;
        }
        value += (p[i] - '0') * digit;
        digit /= 10;
    }
    return value <= 1000 ? value : 0;
}

int
NsHeaderQuality(const char *list, const char *token)
{
    const char *p = list, *end = list == NULL ? NULL : list + strlen(list);
    int         star = -1;

    while (p < end) {
        const char *stop = FindSeparator(p, end, ',', ','), *params = FindSeparator(p, stop, ';', ';');
        NsSpan      name = Trim(p, params), weight;
        bool        escaped;
        int         quality = FindParam(params, stop, "q", &weight, &escaped) ? ParseWeight(weight) : 1000;

        if (NsSpanIsNoCase(name, token)) {
            return quality;
        }
        if (NsSpanIs(name, "*")) {
            star = quality;
        }
        p = stop < end ? stop + 1 : end;
    }
    return star;
}
