/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Conditional requests.
 */
#include <string.h>
#include <strings.h>

#include "base/set.h"
#include "http/chars.h"
#include "http/condition.h"
#include "http/date.h"

typedef struct Tag {
    const char *start;                         /* of the quoted string, with its quotes */
    size_t      len;
    bool        weak;
} Tag;

/* An entity tag at `at`, which moves behind it; false: there is none. */
static bool
ReadTag(const char **at, Tag *tag)
{
    const char *p = *at, *close;

    tag->weak = p[0] == 'W' && p[1] == '/';
    if (tag->weak) {
        p += 2;
    }
    close = *p == '"' ? strchr(p + 1, '"') : NULL;
    if (close != NULL) {
        tag->start = p;
        tag->len = (size_t)(close - p) + 1;
        *at = close + 1;
    }
    return close != NULL;
}

/* One field: `*`, or a list of tags.  Does it name `own` (NULL: there is a representation, but no tag)? */
static bool
FieldMatches(const char *at, const Tag *own, bool strong)
{
    bool found = false;

    at += strspn(at, " \t");
    if (at[0] == '*' && at[1 + strspn(at + 1, " \t")] == '\0') {
        return true;
    }
    while (!found && *at != '\0') {
        Tag tag;

        at += strspn(at, " \t,");
        if (ReadTag(&at, &tag)) {
            found = own != NULL && !(strong && (tag.weak || own->weak)) && tag.len == own->len
                && memcmp(tag.start, own->start, tag.len) == 0;
        } else {
            at += strcspn(at, ",");            /* malformed: it may be the one before the right one */
        }
    }
    return found;
}

typedef enum { ABSENT, MATCHES, DIFFERS } Match;

/* All fields of that name are one list. */
static Match
MatchTags(const Ns_Set *headers, const char *name, const char *etag, bool strong)
{
    Tag   own;
    bool  hasOwn = etag != NULL && ReadTag(&etag, &own);
    Match match = ABSENT;

    for (int i = NsSetFindFrom(headers, 0, name, true); i >= 0 && match != MATCHES;
         i = NsSetFindFrom(headers, (size_t)i + 1, name, true)) {
        match = FieldMatches(Ns_SetValue(headers, (size_t)i), hasOwn ? &own : NULL, strong) ? MATCHES : DIFFERS;
    }
    return match;
}

/* A date, and "; length=..." behind it, which is what old clients added. */
static bool
DateOf(const Ns_Set *headers, const char *name, time_t *when)
{
    const char *value = Ns_SetIGet(headers, name);
    char        date[64];
    size_t      len = value != NULL ? strcspn(value, ";") : sizeof date;

    if (len >= sizeof date) {
        return false;
    }
    memcpy(date, value, len);
    date[len] = '\0';
    return NsHttpDateParse(date, when);
}

int
NsConditionsCheck(const Ns_Set *headers, const char *method, time_t mtime, const char *etag, bool ignoreModifiedSince)
{
    bool   reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    Match  match = MatchTags(headers, "if-match", etag, true);
    time_t when;

    if (match == DIFFERS || (match == ABSENT && DateOf(headers, "if-unmodified-since", &when) && mtime > when)) {
        return 412;
    }
    match = MatchTags(headers, "if-none-match", etag, false);
    if (match == MATCHES) {
        return reads ? 304 : 412;
    }
    if (match == ABSENT && reads && !ignoreModifiedSince && DateOf(headers, "if-modified-since", &when) && mtime <= when) {
        return 304;
    }
    return 0;
}
