/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Range and If-Range.
 */
#include <string.h>

#include "http/chars.h"
#include "http/date.h"
#include "http/range.h"

/* Digits; a number too large for 64 bits is the largest.  False: there is no digit. */
static bool
Position(const char **at, uint64_t *value)
{
    const char *p = *at;

    *value = 0;
    while (NsCharIs(*p, NS_CHAR_DIGIT)) {
        uint64_t digit = (uint64_t)(*p++ - '0');

        if (__builtin_mul_overflow(*value, 10u, value) || __builtin_add_overflow(*value, digit, value)) {
            p += strspn(p, "0123456789");
            *value = UINT64_MAX;
            break;
        }
    }
    if (p == *at) {
        return false;
    }
    *at = p;
    return true;
}

/*
 * One of first-last, first-, -suffix, as positions within the size.  False: malformed.  *satisfiable says whether
 * there is anything of it.
 */
static bool
ParseOne(const char **at, uint64_t size, NsRange *range, bool *satisfiable)
{
    uint64_t suffix;

    if (**at == '-') {
        (*at)++;
        if (!Position(at, &suffix)) {
            return false;
        }
        *satisfiable = suffix > 0;
        range->first = suffix < size ? size - suffix : 0;
        range->last = size - 1;
        return true;
    }
    if (!Position(at, &range->first) || **at != '-') {
        return false;
    }
    (*at)++;
    if (!Position(at, &range->last)) {
        range->last = UINT64_MAX;
    } else if (range->last < range->first) {
        return false;
    }
    *satisfiable = range->first < size;
    if (range->last >= size) {
        range->last = size - 1;
    }
    return true;
}

static bool
Touch(const NsRange *a, const NsRange *b)
{
    return (a->first <= b->last || a->first - b->last == 1) && (b->first <= a->last || b->first - a->last == 1);
}

/* Add a range at the end; those it touches become one with it, in the place of the first of them. */
static size_t
AddRange(NsRange *ranges, size_t count, NsRange range)
{
    size_t kept = 0, place = count;
    bool   grown = true;

    /* A range that grew may touch one that it did not touch before. */
    while (grown) {
        grown = false;
        for (size_t i = kept = 0; i < count; i++) {
            if (Touch(&ranges[i], &range)) {
                range.first = ranges[i].first < range.first ? ranges[i].first : range.first;
                range.last = ranges[i].last > range.last ? ranges[i].last : range.last;
                place = kept < place ? kept : place;
                grown = true;
            } else {
                ranges[kept++] = ranges[i];
            }
        }
        count = kept;
    }
    if (place > count) {
        place = count;
    }
    memmove(&ranges[place + 1], &ranges[place], (count - place) * sizeof(*ranges));
    ranges[place] = range;
    return count + 1;
}

NsRangeResult
NsRangeParse(const char *header, uint64_t size, NsRange ranges[NS_RANGE_MAX], size_t *count)
{
    const char *at = header;
    size_t      asked = 0;
    bool        nothing = false;               /* the last bytes of an empty representation: all of it */

    *count = 0;
    if (header == NULL || strncmp(header, "bytes=", 6) != 0) {
        return NS_RANGE_NONE;
    }
    at += 6;
    for (;;) {
        NsRange range;
        bool    satisfiable;

        if (asked++ == NS_RANGE_MAX || !ParseOne(&at, size, &range, &satisfiable)) {
            *count = 0;
            return NS_RANGE_NONE;
        }
        if (satisfiable && size == 0) {
            nothing = true;
        } else if (satisfiable) {
            *count = AddRange(ranges, *count, range);
        }
        at += strspn(at, " \t");
        if (*at != ',') {
            break;
        }
        at += 1 + strspn(at + 1, " \t");
    }
    if (*at != '\0' || nothing) {
        *count = 0;
        return NS_RANGE_NONE;
    }
    return *count > 0 ? NS_RANGE_OK : NS_RANGE_UNSATISFIABLE;
}

bool
NsIfRangeHolds(const char *value, time_t mtime, const char *etag)
{
    time_t when;

    if (value == NULL) {
        return true;
    }
    if (value[0] == '"') {
        return etag != NULL && strcmp(value, etag) == 0;   /* `etag` starts with a quote as well then: strong */
    }
    return NsHttpDateParse(value, &when) && when == mtime;
}
