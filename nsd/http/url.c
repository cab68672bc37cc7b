/* SPDX-License-Identifier: MPL-2.0 */
/*
 * URLs: percent encoding, taking apart, paths (RFC 3986).
 */
#include <string.h>

#include "http/chars.h"
#include "http/url.h"
#include "nsbase.h"

#define FIRST_PRINTABLE 0x20

/* For each character from the blank to 0x7f the parts in which it stays as it is: bit 1 << NsUrlPart. */
static const uint8_t keeps[0x80 - FIRST_PRINTABLE] = {
    0x00, 0x1f, 0x00, 0x10, 0x1f, 0x00, 0x1e, 0x1f,   /* ' ' .. ''' */
    0x1f, 0x1f, 0x1f, 0x1e, 0x0e, 0x3f, 0x3f, 0x1d,   /* '(' .. '/' */
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,   /* '0' .. '7' */
    0x3f, 0x3f, 0x1f, 0x08, 0x10, 0x18, 0x10, 0x19,   /* '8' .. '?' */
    0x1f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,   /* '@' .. 'G' */
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,   /* 'H' .. 'O' */
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,   /* 'P' .. 'W' */
    0x3f, 0x3f, 0x3f, 0x10, 0x00, 0x10, 0x10, 0x3f,   /* 'X' .. '_' */
    0x10, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,   /* '`' .. 'g' */
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,   /* 'h' .. 'o' */
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,   /* 'p' .. 'w' */
    0x3f, 0x3f, 0x3f, 0x10, 0x10, 0x10, 0x3f, 0x00,   /* 'x' .. 0x7f */
};

static inline bool
Keeps(unsigned char c, NsUrlPart part)
{
    return c >= FIRST_PRINTABLE && c < 0x80 && (keeps[c - FIRST_PRINTABLE] >> part & 1u) != 0;
}

void
NsUrlEncode(Tcl_DString *ds, const char *bytes, size_t len, NsUrlPart part, bool upperCase)
{
    const char *digits = upperCase || part == NS_URL_OAUTH1 ? "0123456789ABCDEF" : "0123456789abcdef";
    int         oldLen = Tcl_DStringLength(ds);
    size_t      size = len;
    char       *out;

    for (size_t i = 0; i < len; i++) {
        size += Keeps((unsigned char)bytes[i], part) ? 0 : 2;
    }
    Tcl_DStringSetLength(ds, oldLen + (int)size);
    out = Tcl_DStringValue(ds) + oldLen;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (Keeps(c, part)) {
            *out++ = (char)c;
        } else if (c == ' ' && part == NS_URL_QUERY) {
            *out++ = '+';
        } else {
            *out++ = '%';
            *out++ = digits[c >> 4];
            *out++ = digits[c & 0xfu];
        }
    }
    Tcl_DStringSetLength(ds, (int)(out - Tcl_DStringValue(ds)));
}

void
NsUrlDecode(Tcl_DString *ds, const char *string, size_t len, NsUrlPart part)
{
    int         oldLen = Tcl_DStringLength(ds);
    const char *end = string + len;
    char       *out;

    Tcl_DStringSetLength(ds, oldLen + (int)len);
    out = Tcl_DStringValue(ds) + oldLen;
    while (string < end) {
        char c = *string++;

        if (c == '%' && end - string >= 2 && NsCharIs(string[0], NS_CHAR_HEX) && NsCharIs(string[1], NS_CHAR_HEX)) {
            c = (char)(NsHexValue(string[0]) << 4 | NsHexValue(string[1]));
            string += 2;
        } else if (c == '+' && part == NS_URL_QUERY) {
            c = ' ';
        }
        *out++ = c;
    }
    Tcl_DStringSetLength(ds, (int)(out - Tcl_DStringValue(ds)));
}

/* ------------------------------------------------------------------------------------------------------ host:port */

int
NsPortNumber(NsSpan port)
{
    int number = 0;

    if (port.start == NULL || port.len == 0 || NsCharSpan(port.start, port.len, NS_CHAR_DIGIT) != port.len) {
        return -1;
    }
    for (size_t i = 0; i < port.len; i++) {
        number = number * 10 + (port.start[i] - '0');
        if (number > 65535) {
            return -1;
        }
    }
    return number;
}

/* Digits and dots. */
static bool
IsAddress4(NsSpan host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (!NsCharIs(host.start[i], NS_CHAR_DIGIT) && host.start[i] != '.') {
            return false;
        }
    }
    return memchr(host.start, '.', host.len) != NULL;
}

/*
 * An IPv6 address (or a later one) between its brackets, perhaps with a zone: has a colon, and no odd characters.  The brackets that
 * NaviServer's locations have around an IPv4 address are a matter of taste.
 */
static bool
IsBracketHost(NsSpan host, bool strict)
{
    if (!strict && host.len > 0 && IsAddress4(host)) {
        return true;
    }
    for (size_t i = 0; i < host.len; i++) {
        if (!NsCharIs(host.start[i], NS_CHAR_UNRES | NS_CHAR_SUBDEL) && host.start[i] != ':' && host.start[i] != '%') {
            return false;
        }
    }
    return host.len > 0 && memchr(host.start, ':', host.len) != NULL;
}

static bool
IsNameHost(NsSpan host, bool strict)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.start[i];

        if (strict ? !NsCharIs(c, NS_CHAR_UNRES | NS_CHAR_SUBDEL) && c != '%'
                   : NsCharIs(c, NS_CHAR_CONTROL) || memchr(" \t/?#[]\\", c, 8) != NULL) {
            return false;
        }
    }
    return host.len > 0;
}

bool
NsHostPortParse(const char *string, size_t len, bool strict, NsSpan *host, NsSpan *port)
{
    const char *end = string + len, *hostEnd;
    bool        ok;

    *port = (NsSpan){NULL, 0};
    if (len > 0 && *string == '[') {
        hostEnd = memchr(string, ']', len);
        if (hostEnd == NULL) {
            return false;
        }
        *host = NsSpanOf(string + 1, hostEnd);
        hostEnd++;
        ok = IsBracketHost(*host, strict);
    } else {
        hostEnd = memchr(string, ':', len);
        if (hostEnd == NULL) {
            hostEnd = end;
        }
        *host = NsSpanOf(string, hostEnd);
        ok = IsNameHost(*host, strict);
    }
    if (ok && hostEnd < end) {
        *port = NsSpanOf(hostEnd + 1, end);
        ok = *hostEnd == ':' && NsPortNumber(*port) >= 0;
    }
    return ok;
}

/* ------------------------------------------------------------------------------------------------------------ URL */

/* Where the scheme ends (at its colon); NULL: there is none. */
static const char *
SchemeEnd(const char *url, const char *end)
{
    const char *p = url;

    if (p == end || !NsCharIs(*p, NS_CHAR_ALPHA)) {
        return NULL;
    }
    while (p < end && (NsCharIs(*p, NS_CHAR_ALPHA | NS_CHAR_DIGIT) || *p == '+' || *p == '-' || *p == '.')) {
        p++;
    }
    return p < end && *p == ':' ? p : NULL;
}

/* The first of some characters, or the end. */
static const char *
FindAny(const char *p, const char *end, const char *any)
{
    while (p < end && (*p == '\0' || strchr(any, *p) == NULL)) {
        p++;
    }
    return p;
}

static bool
ParseAuthority(NsSpan authority, bool strict, NsUrl *parts)
{
    const char *start = authority.start, *end = start + authority.len;
    const char *at = memrchr(start, '@', authority.len);

    if (at != NULL) {
        parts->userinfo = NsSpanOf(start, at);
        start = at + 1;
    }
    if (start == end && at == NULL) {          /* file:///x */
        parts->host = NsSpanOf(start, end);
        return true;
    }
    return NsHostPortParse(start, (size_t)(end - start), strict, &parts->host, &parts->port);
}

static void
SplitPath(const char *start, const char *end, bool hasAuthority, NsUrl *parts)
{
    if (start < end && *start == '/') {
        const char *slash = memrchr(start, '/', (size_t)(end - start));

        parts->path = NsSpanOf(start + 1, slash > start ? slash : start + 1);
        parts->tail = NsSpanOf(slash + 1, end);
    } else if (hasAuthority) {
        parts->path = parts->tail = NsSpanOf(start, start);
    } else if (start < end) {
        parts->tail = NsSpanOf(start, end);
    }
}

/* pchar of RFC 3986 and what else is given; a percent sign begins two hex digits. */
static bool
HasOnly(NsSpan span, const char *extra)
{
    for (size_t i = 0; i < span.len; i++) {
        char c = span.start[i];

        if (c == '%') {
            if (span.len - i < 3 || NsHexValue(span.start[i + 1]) < 0 || NsHexValue(span.start[i + 2]) < 0) {
                return false;
            }
            i += 2;
        } else if (!NsCharIs(c, NS_CHAR_UNRES | NS_CHAR_SUBDEL) && (c == '\0' || strchr(extra, c) == NULL)) {
            return false;
        }
    }
    return true;
}

static const char *
CheckStrict(const NsUrl *parts)
{
    if (!HasOnly(parts->userinfo, ":")) {
        return "userinfo contains invalid character";
    }
    if (!HasOnly(parts->path, ":@/")) {
        return "path contains invalid character";
    }
    if (!HasOnly(parts->tail, ":@/")) {
        return "tail contains invalid character";
    }
    if (!HasOnly(parts->query, ":@/?")) {
        return "query contains invalid character";
    }
    if (!HasOnly(parts->fragment, ":@/?")) {
        return "fragment contains invalid character";
    }
    return NULL;
}

bool
NsUrlParse(const char *url, size_t len, bool strict, NsUrl *parts, const char **error)
{
    const char *p = url, *end = url + len, *stop, *problem = NULL;
    bool        hasAuthority = false;

    memset(parts, 0, sizeof(*parts));
    stop = SchemeEnd(p, end);
    if (stop != NULL) {
        parts->proto = NsSpanOf(p, stop);
        p = stop + 1;
    }
    if (end - p >= 2 && p[0] == '/' && p[1] == '/') {
        stop = FindAny(p + 2, end, "/?#");
        hasAuthority = true;
        if (!ParseAuthority(NsSpanOf(p + 2, stop), strict, parts)) {
            problem = "invalid authority";
        }
        p = stop;
    }
    stop = FindAny(p, end, "?#");
    SplitPath(p, stop, hasAuthority, parts);
    if (stop < end && *stop == '?') {
        p = stop + 1;
        stop = FindAny(p, end, "#");
        parts->query = NsSpanOf(p, stop);
    }
    if (stop < end) {
        parts->fragment = NsSpanOf(stop + 1, end);
    }
    if (problem == NULL && strict) {
        problem = CheckStrict(parts);
    }
    if (problem != NULL && error != NULL) {
        *error = problem;
    }
    return problem == NULL;
}

/* ---------------------------------------------------------------------------------------------------------- paths */

void
NsPathNormalize(Tcl_DString *ds, const char *path, size_t len, bool keepTrailing)
{
    int         base = Tcl_DStringLength(ds);
    const char *p = path, *end = path + len;
    char       *start, *out;
    bool        open = true;                   /* what was seen last is no name, so the path ends with a slash */

    /* Each name takes the slash before it along: never longer than the path with one slash more. */
    Tcl_DStringSetLength(ds, base + (int)len + 2);
    start = out = Tcl_DStringValue(ds) + base;
    while (p < end) {
        const char *name;
        size_t      n;

        while (p < end && *p == '/') {
            p++;
            open = true;
        }
        name = p;
        while (p < end && *p != '/') {
            p++;
        }
        n = (size_t)(p - name);
        if (n == 0 || (n == 1 && name[0] == '.')) {
            open = true;
        } else if (n == 2 && name[0] == '.' && name[1] == '.') {
            open = true;
            while (out > start && *--out != '/') {
                /* back over the last name and its slash */
            }
        } else {
            open = false;
            *out++ = '/';
            memcpy(out, name, n);
            out += n;
        }
    }
    if (out == start || (open && keepTrailing)) {
        *out++ = '/';
    }
    Tcl_DStringSetLength(ds, base + (int)(out - start));
}

bool
Ns_StrIsValidHostHeaderContent(const char *chars)
{
    NsSpan host, port;

    return NsHostPortParse(chars, strlen(chars), true, &host, &port) && host.len > 0
        && (port.start == NULL || NsPortNumber(port) >= 0);
}
