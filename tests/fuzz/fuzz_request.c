/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The request parser: a connection's bytes, at once and in pieces, must give the same requests; and what is made of a
 * request's parts (query, form, ranges, field values) must not mind anything that got this far.
 */
#include "fuzz.h"
#include "base/text.h"
#include "http/form.h"
#include "http/head.h"
#include "http/header.h"
#include "http/parse.h"
#include "http/range.h"
#include "http/url.h"

/* Small, so that they are reached. */
static const NsHttpLimits limits = {.maxLine = 300, .maxHeaders = 10, .maxInput = 2000};

/* What was made of UTF-8 goes out as such. */
static bool
IsTextOfUtf8(const char *text)
{
    Tcl_DString ds;
    size_t      len;
    const char *bytes;
    bool        valid;

    Tcl_DStringInit(&ds);
    bytes = NsTextOut(&ds, text, strlen(text), &len);
    valid = NsTextIsUtf8(bytes, len);
    Tcl_DStringFree(&ds);
    return valid;
}

static void
AppendSpan(Tcl_DString *ds, const char *name, const char *bytes, size_t len)
{
    Tcl_DStringAppend(ds, name, -1);
    Tcl_DStringAppend(ds, bytes, (int)len);
}

static void
AppendSet(Tcl_DString *ds, const Ns_Set *set)
{
    for (size_t i = 0; set != NULL && i < Ns_SetSize(set); i++) {
        const char *name = Ns_SetKey(set, i), *value = Ns_SetValue(set, i);

        FUZZ_CHECK(NsHttpTokenValid(name, strlen(name)));
        FUZZ_CHECK(NsHttpValueValid(value, strlen(value)));
        AppendSpan(ds, "\n", name, strlen(name));
        AppendSpan(ds, ": ", value, strlen(value));
    }
}

static void
AppendRequest(Tcl_DString *ds, const NsHttpRequest *request)
{
    const Ns_Request *line = &request->request;
    char              numbers[200];

    AppendSpan(ds, "\n\n", line->line, strlen(line->line));
    AppendSpan(ds, "\nurl ", line->url, strlen(line->url));
    AppendSpan(ds, "\nurlv ", line->urlv, strlen(line->urlv));
    if (line->query != NULL) {
        AppendSpan(ds, "\nquery ", line->query, strlen(line->query));
    }
    snprintf(numbers, sizeof(numbers), "\n%d %.1f %d %d %d %d %d %d %zu %zu", line->urlc, line->version,
             request->hasLength, request->chunked, request->keepAlive, request->expectContinue, request->upgrade,
             line->port, request->headSize, request->bodyLen);
    Tcl_DStringAppend(ds, numbers, -1);
    AppendSet(ds, request->headers);
    AppendSpan(ds, "\n", request->body, request->bodyLen);
    AppendSet(ds, request->trailers);
}

/* Rules that hold for any request. */
static void
CheckRequest(const NsHttpRequest *request)
{
    const Ns_Request *line = &request->request;
    Tcl_DString       url;

    FUZZ_CHECK(line->url[0] == '/' && IsTextOfUtf8(line->url));
    Tcl_DStringInit(&url);
    AppendSpan(&url, line->url, "/", 1);
    FUZZ_CHECK(strstr(Tcl_DStringValue(&url), "/../") == NULL && strstr(Tcl_DStringValue(&url), "//../") == NULL);
    Tcl_DStringFree(&url);
    FUZZ_CHECK(request->bodyLen <= limits.maxInput && Ns_SetSize(request->headers) <= limits.maxHeaders);
    FUZZ_CHECK(!(request->hasLength && request->chunked));
    FUZZ_CHECK(request->body == NULL ? request->bodyLen == 0 : request->body[request->bodyLen] == '\0');
}

static bool
CountField(void *arg, const char *name, size_t nameLen, const char *value, size_t valueLen)
{
    FUZZ_CHECK(name[nameLen] == '\0' && value[valueLen] == '\0');
    (*(size_t *)arg)++;
    return true;
}

static bool
CountPart(void *arg, NsFormPart *part)
{
    FUZZ_CHECK(part->name != NULL && part->offset + part->length <= limits.maxInput);
    (*(size_t *)arg)++;
    return true;
}

static void
CheckRanges(const char *value)
{
    NsRange ranges[NS_RANGE_MAX];
    size_t  count;

    if (NsRangeParse(value, 1000, ranges, &count) == NS_RANGE_OK) {
        FUZZ_CHECK(count >= 1 && count <= NS_RANGE_MAX);
        for (size_t i = 0; i < count; i++) {
            FUZZ_CHECK(ranges[i].first <= ranges[i].last && ranges[i].last < 1000);
        }
    }
}

/* What the server makes of the parts of a request. */
static void
UseRequest(const NsHttpRequest *request)
{
    const char *type = Ns_SetIGet(request->headers, "content-type");
    const char *rawUrl = request->request.rawUrl, *error;
    size_t      count = 0;
    NsUrl       parts;
    Tcl_DString boundary;

    (void)NsUrlParse(rawUrl, strlen(rawUrl), false, &parts, &error);
    (void)NsUrlParse(rawUrl, strlen(rawUrl), true, &parts, &error);
    if (request->request.query != NULL) {
        (void)NsFormParseQuery(request->request.query, strlen(request->request.query), CountField, &count);
    }
    for (size_t i = 0; i < Ns_SetSize(request->headers); i++) {
        const char *value = Ns_SetValue(request->headers, i);
        NsFieldScan scan;
        NsField     field;

        NsFieldStart(&scan, value, strlen(value));
        while (NsFieldNext(&scan, &field)) {
            FUZZ_CHECK(field.name.len > 0);
        }
        FUZZ_CHECK(NsHeaderQuality(value, "gzip") <= 1000);
        CheckRanges(value);
        (void)NsIfRangeHolds(value, 0, "\"x\"");
    }
    Tcl_DStringInit(&boundary);
    if (type != NULL && NsHeaderParam(type, "boundary", &boundary)) {
        char *body = FuzzCopy(request->body, request->bodyLen);

        (void)NsFormParseMultipart(body, request->bodyLen, Tcl_DStringValue(&boundary), CountPart, &count, &error);
        free(body);
    }
    Tcl_DStringFree(&boundary);
}

/* Feed one piece; false: the parser said no. */
static bool
Feed(NsHttpParser *parser, const uint8_t *data, size_t size, Tcl_DString *ds, bool use)
{
    char *copy = FuzzCopy(data, size);
    bool  ok = true;

    for (size_t at = 0; at < size && ok;) {
        size_t         consumed;
        NsHttpRequest *request;
        char           number[16];

        switch (NsHttpParserFeed(parser, copy + at, size - at, &consumed)) {
        case NS_HTTP_MORE:
            FUZZ_CHECK(at + consumed == size);
            break;
        case NS_HTTP_HEAD:
            FUZZ_CHECK(NsHttpParserPeek(parser) != NULL);
            Tcl_DStringAppend(ds, "\nHEAD", -1);
            break;
        case NS_HTTP_DONE:
            request = NsHttpParserTake(parser);
            AppendRequest(ds, request);
            if (use) {
                CheckRequest(request);
                UseRequest(request);
            }
            NsHttpRequestFree(request);
            break;
        case NS_HTTP_ERROR:
            snprintf(number, sizeof(number), "\n%d ", NsHttpParserError(parser, NULL));
            AppendSpan(ds, number, NsHttpParserErrorPhrase(parser), strlen(NsHttpParserErrorPhrase(parser)));
            ok = false;
            break;
        }
        FUZZ_CHECK(consumed <= size - at);
        at += consumed;
    }
    free(copy);
    return ok;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    NsHttpParser *whole = NsHttpParserCreate(&limits), *pieces = NsHttpParserCreate(&limits);
    uint64_t      seed = FuzzSeed(data, size);
    bool          ok = true;
    Tcl_DString   wholeDs, piecesDs;

    Tcl_DStringInit(&wholeDs);
    Tcl_DStringInit(&piecesDs);
    (void)Feed(whole, data, size, &wholeDs, true);
    for (size_t at = 0; at < size && ok;) {
        size_t piece = FuzzPiece(&seed, size - at);

        ok = Feed(pieces, data + at, piece, &piecesDs, false);
        at += piece;
    }
    FUZZ_CHECK(Tcl_DStringLength(&wholeDs) == Tcl_DStringLength(&piecesDs));
    FUZZ_CHECK(memcmp(Tcl_DStringValue(&wholeDs), Tcl_DStringValue(&piecesDs),
                      (size_t)Tcl_DStringLength(&wholeDs)) == 0);
    FUZZ_CHECK(NsHttpParserStarted(whole) == NsHttpParserStarted(pieces));
    Tcl_DStringFree(&piecesDs);
    Tcl_DStringFree(&wholeDs);
    NsHttpParserFree(pieces);
    NsHttpParserFree(whole);
    return 0;
}
