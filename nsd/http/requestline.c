/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The request line: method, target in its forms, version (RFC 9112, 3), and what is derived from the target: the
 * decoded path that never leaves the root, its segments, the query.
 */
#include <string.h>

#include "base/inputmem.h"
#include "base/text.h"
#include "http/chars.h"
#include "http/requestline.h"
#include "http/url.h"

/* The strings of a request are one block behind the object that others see. */
typedef struct Request {
    NsHttpRequest pub;                         /* first: the two have one address */
    char         *strings;
} Request;

/* The line taken apart, before anything is copied. */
typedef struct Parts {
    NsSpan      line, method, target, version;
    NsSpan      protocol, host, port;          /* of an absolute or an authority-form target */
    NsSpan      path, query;                   /* undecoded */
    Ns_RequestType type;
} Parts;

static bool
Refuse(NsHttpFault *fault, int status, const char *phrase, const char *reason)
{
    fault->status = status;
    fault->phrase = phrase;
    fault->reason = reason;
    return false;
}

static bool
BadLine(NsHttpFault *fault, const char *reason)
{
    return Refuse(fault, 400, "Bad Request", reason);
}

/* Exactly "method SP target SP version", nothing in it but visible characters. */
static bool
SplitLine(const char *line, size_t len, Parts *parts, NsHttpFault *fault)
{
    const char *end = line + len;
    const char *methodEnd = line + NsCharSpan(line, len, NS_CHAR_TOKEN);
    const char *targetEnd;

    if (methodEnd == line || methodEnd == end || *methodEnd != ' ') {
        return BadLine(fault, "invalid method in request line");
    }
    targetEnd = memchr(methodEnd + 1, ' ', (size_t)(end - methodEnd - 1));
    if (targetEnd == NULL) {
        return BadLine(fault, "no version in request line");
    }
    parts->line = NsSpanOf(line, end);
    parts->method = NsSpanOf(line, methodEnd);
    parts->target = NsSpanOf(methodEnd + 1, targetEnd);
    parts->version = NsSpanOf(targetEnd + 1, end);
    for (const char *p = parts->target.start; p < targetEnd; p++) {
        if (NsCharIs(*p, NS_CHAR_CONTROL) || *p == '\t') {
            return BadLine(fault, "control character in request target");
        }
    }
    return parts->target.len > 0 || BadLine(fault, "empty request target");
}

/* A minor version we do not know is answered as the highest we do. */
static bool
ParseVersion(NsSpan span, double *version, NsHttpFault *fault)
{
    const char *v = span.start;

    if (span.len != 8 || memcmp(v, "HTTP/", 5) != 0 || !NsCharIs(v[5], NS_CHAR_DIGIT) || v[6] != '.'
        || !NsCharIs(v[7], NS_CHAR_DIGIT)) {
        return BadLine(fault, "invalid version in request line");
    }
    if (v[5] != '1') {
        return Refuse(fault, 505, "HTTP Version Not Supported", "unsupported HTTP version");
    }
    *version = v[7] == '0' ? 1.0 : 1.1;
    return true;
}

/* From the path on: path, query; a fragment (which no client should send) is dropped. */
static void
SplitPath(const char *start, const char *end, Parts *parts)
{
    const char *hash = memchr(start, '#', (size_t)(end - start));
    const char *question;

    if (hash != NULL) {
        end = hash;
    }
    question = memchr(start, '?', (size_t)(end - start));
    parts->path = NsSpanOf(start, question != NULL ? question : end);
    if (question != NULL) {
        parts->query = NsSpanOf(question + 1, end);
    }
}

/* scheme://host:port/path, as sent to proxies. */
static bool
SplitAbsolute(Parts *parts, NsHttpFault *fault)
{
    const char *start = parts->target.start, *end = start + parts->target.len;
    const char *colon = memchr(start, ':', parts->target.len);
    const char *authority, *authorityEnd;

    if (colon == NULL || colon == start || end - colon < 3 || memcmp(colon, "://", 3) != 0
        || !NsCharIs(*start, NS_CHAR_ALPHA)) {
        return BadLine(fault, "request target does not start with a slash");
    }
    for (const char *p = start; p < colon; p++) {
        if (!NsCharIs(*p, NS_CHAR_ALPHA | NS_CHAR_DIGIT) && strchr("+-.", *p) == NULL) {
            return BadLine(fault, "invalid scheme in request target");
        }
    }
    authority = colon + 3;
    for (authorityEnd = authority; authorityEnd < end; authorityEnd++) {
        if (strchr("/?#", *authorityEnd) != NULL) {
            break;
        }
    }
    if (!NsHostPortParse(authority, (size_t)(authorityEnd - authority), true, &parts->host, &parts->port)) {
        return BadLine(fault, "invalid host in request target");
    }
    parts->protocol = NsSpanOf(start, colon);
    parts->type = NS_REQUEST_TYPE_PROXY;
    SplitPath(authorityEnd, end, parts);
    return true;
}

static bool
SplitTarget(Parts *parts, NsHttpFault *fault)
{
    const char *start = parts->target.start;

    if (NsSpanIs(parts->method, "CONNECT")) {
        if (!NsHostPortParse(start, parts->target.len, true, &parts->host, &parts->port) || parts->port.start == NULL) {
            return BadLine(fault, "CONNECT wants host:port");
        }
        parts->type = NS_REQUEST_TYPE_CONNECT;
        return true;
    }
    if (*start == '/') {
        parts->type = NS_REQUEST_TYPE_PLAIN;
        SplitPath(start, start + parts->target.len, parts);
        return true;
    }
    if (NsSpanIs(parts->target, "*") && NsSpanIs(parts->method, "OPTIONS")) {
        parts->type = NS_REQUEST_TYPE_ASTERISK;              /* the server as a whole */
        return true;
    }
    return SplitAbsolute(parts, fault);
}

/* Could the path be anything but itself after decoding and normalising? */
static bool
IsPlainPath(NsSpan path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.start[i];

        if (c == '%' || (unsigned char)c >= 0x80u) {
            return false;
        }
        if (c == '/' && i + 1 < path.len && (path.start[i + 1] == '/' || path.start[i + 1] == '.')) {
            return false;
        }
    }
    return path.len > 0;
}

/*
 * A slash that was sent encoded belongs to its segment ("x%2fy" is one segment), and dots beside it would be taken for
 * a way out by whoever makes a file name of the segment.
 */
static bool
HidesDots(const char *segment, size_t len)
{
    size_t start = 0;

    if (memchr(segment, '/', len) == NULL && memchr(segment, '\\', len) == NULL) {
        return false;
    }
    for (size_t i = 0; i <= len; i++) {
        if (i == len || segment[i] == '/' || segment[i] == '\\') {
            size_t n = i - start;

            if ((n == 1 || n == 2) && segment[start] == '.' && segment[i - 1] == '.') {
                return true;
            }
            start = i + 1;
        }
    }
    return false;
}

/* "." gives 1, ".." 2, also where the dots are encoded; else 0. */
static int
DotSegment(NsSpan segment)
{
    const char *p = segment.start, *end = p + segment.len;
    int         dots = 0;

    while (p < end) {
        if (*p == '.') {
            p++;
        } else if (end - p >= 3 && p[0] == '%' && p[1] == '2' && (p[2] == 'e' || p[2] == 'E')) {
            p += 3;
        } else {
            return 0;
        }
        dots++;
    }
    return dots <= 2 ? dots : 0;
}

/*
 * The segments of a path that starts with a slash; ".." takes one away, an empty last one is none.  Returns their
 * number.
 */
static size_t
SplitSegments(NsSpan path, NsSpan *segments)
{
    const char *end = path.start + path.len;
    const char *p = path.start + 1;
    size_t      count = 0;

    while (p < end) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        NsSpan      segment = NsSpanOf(p, slash != NULL ? slash : end);

        switch (DotSegment(segment)) {
        case 0:
            segments[count++] = segment;
            break;
        case 2:
            while (count > 0 && segments[--count].len == 0) {
                /* Slashes in a row are one for the path, so they are here. */
            }
            break;
        default:
            break;
        }
        p = slash != NULL ? slash + 1 : end;
    }
    return count;
}

/* Append the segments, each decoded, as a Tcl list. */
static bool
AppendSegments(NsSpan path, Tcl_DString *list, int *countOut, NsHttpFault *fault)
{
    NsSpan      local[32], *segments = local;
    size_t      most = 1, count;
    bool        ok = true;
    Tcl_DString decoded, text;

    for (size_t i = 0; i < path.len; i++) {
        most += path.start[i] == '/';
    }
    if (most > sizeof(local) / sizeof(local[0])) {
        segments = ns_malloc(most * sizeof(*segments));
    }
    count = SplitSegments(path, segments);
    Tcl_DStringInit(&decoded);
    Tcl_DStringInit(&text);
    for (size_t i = 0; i < count && ok; i++) {
        Tcl_DStringSetLength(&decoded, 0);
        Tcl_DStringSetLength(&text, 0);
        NsUrlDecode(&decoded, segments[i].start, segments[i].len, NS_URL_PATH);
        if (HidesDots(Tcl_DStringValue(&decoded), (size_t)Tcl_DStringLength(&decoded))) {
            ok = BadLine(fault, "encoded slash beside a dot segment in URL");
        }
        Tcl_DStringAppendElement(list, NsTextIn(&text, Tcl_DStringValue(&decoded), (size_t)Tcl_DStringLength(&decoded), NULL));
    }
    Tcl_DStringFree(&text);
    Tcl_DStringFree(&decoded);
    if (segments != local) {
        ns_free(segments);
    }
    *countOut = (int)count;
    return ok;
}

/* Append the path that a server looks up: decoded, checked, normalised, as text inside. */
static bool
AppendPath(NsSpan path, Tcl_DString *url, NsHttpFault *fault)
{
    Tcl_DString decoded, bytes;
    const char *start;
    size_t      len;
    bool        ok = true;

    if (IsPlainPath(path)) {
        Tcl_DStringAppend(url, path.start, (int)path.len);
        return true;
    }
    Tcl_DStringInit(&decoded);
    Tcl_DStringInit(&bytes);
    NsUrlDecode(&decoded, path.start, path.len, NS_URL_PATH);
    start = Tcl_DStringValue(&decoded);
    len = (size_t)Tcl_DStringLength(&decoded);
    if (memchr(start, '\0', len) != NULL) {
        ok = Refuse(fault, 400, "Invalid Request Header", "encoded NUL in URL");
    } else if (!NsTextIsUtf8(start, len)) {
        ok = BadLine(fault, "URL is not UTF-8");
    } else {
        NsPathNormalize(&bytes, start, len, true);
        NsTextAppendIn(url, Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes));
    }
    Tcl_DStringFree(&bytes);
    Tcl_DStringFree(&decoded);
    return ok;
}

/* Copy a string into the block; spans that are not there give NULL. */
static const char *
Place(char **at, NsSpan span)
{
    char *string = *at;

    if (span.start == NULL) {
        return NULL;
    }
    memcpy(string, span.start, span.len);
    string[span.len] = '\0';
    *at += span.len + 1;
    return string;
}

static NsHttpRequest *
Build(const Parts *parts, double version, NsSpan url, NsSpan segments, int urlc)
{
    Request    *request = ns_calloc(1, sizeof(*request));
    Ns_Request *line = &request->pub.request;
    size_t      size = parts->line.len + parts->method.len + parts->target.len + parts->protocol.len + parts->host.len
                       + parts->query.len + url.len + segments.len + 8;
    char       *at = ns_malloc(size);

    request->strings = at;
    line->line = Place(&at, parts->line);
    line->method = Place(&at, parts->method);
    line->rawUrl = Place(&at, parts->target);
    line->protocol = Place(&at, parts->protocol);
    line->host = Place(&at, parts->host);
    line->query = Place(&at, parts->query);
    line->url = Place(&at, url);
    line->urlv = Place(&at, segments);
    line->urlv_len = (TCL_SIZE_T)segments.len;
    line->urlc = urlc;
    line->version = version;
    line->requestType = parts->type;
    if (parts->port.start != NULL) {
        line->port = (unsigned short)NsPortNumber(parts->port);
    }
    return &request->pub;
}

static void
SpanIn(Tcl_DString *ds, NsSpan *span)
{
    if (span->start != NULL) {
        span->start = NsTextIn(ds, span->start, span->len, &span->len);
    }
}

/*
 * The parts that are kept undecoded, as text: what a client has not encoded may be anything.  The others are ASCII, or
 * were made of these before.
 */
static void
PartsIn(Tcl_DString texts[3], Parts *parts)
{
    const char *line = parts->line.start;

    SpanIn(&texts[0], &parts->line);
    if (parts->line.start != line) {
        SpanIn(&texts[1], &parts->target);
        SpanIn(&texts[2], &parts->query);
    }
}

static NsSpan
SpanOf(const Tcl_DString *ds)
{
    return (NsSpan){Tcl_DStringValue(ds), (size_t)Tcl_DStringLength(ds)};
}

NsHttpRequest *
NsRequestLineParse(const char *line, size_t len, NsHttpFault *fault)
{
    NsHttpRequest *request = NULL;
    Parts          parts = {0};
    Tcl_DString    url, segments, texts[3];
    double         version = 0.0;
    int            urlc = 0;

    for (int i = 0; i < 3; i++) {
        Tcl_DStringInit(&texts[i]);
    }
    Tcl_DStringInit(&url);
    Tcl_DStringInit(&segments);
    if (SplitLine(line, len, &parts, fault) && ParseVersion(parts.version, &version, fault)
        && SplitTarget(&parts, fault)) {
        if (parts.path.len == 0) {
            parts.path = (NsSpan){"/", 1};     /* http://host, http://host?query, CONNECT */
        }
        if (AppendPath(parts.path, &url, fault) && AppendSegments(parts.path, &segments, &urlc, fault)) {
            PartsIn(texts, &parts);
            request = Build(&parts, version, SpanOf(&url), SpanOf(&segments), urlc);
        }
    }
    for (int i = 0; i < 3; i++) {
        Tcl_DStringFree(&texts[i]);
    }
    Tcl_DStringFree(&segments);
    Tcl_DStringFree(&url);
    return request;
}

void
NsHttpRequestFree(NsHttpRequest *request)
{
    if (request != NULL) {
        ns_free(((Request *)request)->strings);
        Ns_SetFree(request->headers);
        Ns_SetFree(request->trailers);
        if (request->spool != NULL) {
            request->freeSpool(request->spool);
        }
        ns_free(request->body);
        NsInputMemoryCount(request->bodySize, 0);
        ns_free(request);
    }
}
