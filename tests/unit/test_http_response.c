/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The response parser of the client.  Every input is fed at once, byte by byte, and cut in two at every place, each time from
 * memory that ends where the input ends, and must give the same each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "guard.h"
#include "http/response.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const NsResponseLimits limits = {.maxHead = 200, .maxHeaders = 5};

/* ------------------------------------------------------------------------------------------- feeding, and the outcome as text */

static void
Append(Tcl_DString *ds, const char *name, const char *value)
{
    Tcl_DStringAppend(ds, name, -1);
    Tcl_DStringAppend(ds, value, -1);
}

static void
AppendHead(Tcl_DString *ds, const NsResponseHead *head)
{
    char text[64];

    snprintf(text, sizeof(text), "%d %.1f %s", head->status, head->version, head->reason);
    Append(ds, text, head->keepAlive ? " keep" : "");
    Append(ds, "", head->chunked ? " chunked" : "");
    Append(ds, "", head->empty ? " empty" : "");
    Append(ds, "", head->untilClose ? " untilclose" : "");
    if (head->length >= 0) {
        snprintf(text, sizeof(text), "%lld", (long long)head->length);
        Append(ds, " length=", text);
    }
    for (size_t i = 0; i < Ns_SetSize(head->headers); i++) {
        Append(ds, " |", Ns_SetKey(head->headers, i));
        Append(ds, ":", Ns_SetValue(head->headers, i));
    }
    Tcl_DStringAppend(ds, " <", 2);
}

/* One stretch of input from guarded memory; false: nothing follows any more. */
static bool
FeedPart(NsResponseParser *parser, const char *data, size_t len, Tcl_DString *ds, size_t *total)
{
    const char *copy = Guard(data, len);
    size_t      at = 0, consumed;
    NsSpan      body;
    bool        more = true;

    for (;;) {
        NsResponseResult result = NsResponseFeed(parser, copy + at, len - at, &consumed, &body);

        at += consumed;
        if (result == NS_RESPONSE_HEAD) {
            assert_non_null(NsResponseGetHead(parser));
            AppendHead(ds, NsResponseGetHead(parser));
        } else if (result == NS_RESPONSE_BODY) {
            assert_true(body.start >= copy && body.start + body.len <= copy + at);
            Tcl_DStringAppend(ds, body.start, (int)body.len);
        } else {
            more = result == NS_RESPONSE_MORE;
            assert_true(!more || at == len);
            break;
        }
    }
    *total += at;
    return more;
}

/* "STATUS VERSION REASON flags |header:value <body> +rest" or "... ERROR reason". */
static void
Outcome(Tcl_DString *ds, const char *input, size_t len, size_t cut, size_t step, bool noBody)
{
    NsResponseParser *parser = NsResponseParserCreate(&limits, noBody);
    size_t            total = 0;
    bool              more = true;
    char              rest[32];

    Tcl_DStringInit(ds);
    for (size_t at = 0; at < len && more; at += step) {
        size_t end = at + step < len ? at + step : len;

        if (cut > at && cut < end) {
            more = FeedPart(parser, input + at, cut - at, ds, &total);
            at = cut;
        }
        if (more) {
            more = FeedPart(parser, input + at, end - at, ds, &total);
        }
    }
    if (more && NsResponseEnd(parser) == NS_RESPONSE_ERROR) {
        Append(ds, " ERROR ", NsResponseError(parser));
    } else if (*NsResponseError(parser) != '\0') {
        Append(ds, " ERROR ", NsResponseError(parser));
    } else {
        const NsResponseHead *head = NsResponseGetHead(parser);

        Append(ds, "> ", head->lastChunk ? "last" : "");
        snprintf(rest, sizeof(rest), "+%zu", len - total);
        Append(ds, "", rest);
        assert_int_equal(NsResponseEnd(parser), NS_RESPONSE_DONE);
    }
    NsResponseParserFree(parser);
}

static void
Check(const char *input, const char *expected, bool noBody)
{
    size_t      len = strlen(input);
    Tcl_DString ds;

    for (size_t cut = 0; cut < len; cut++) {
        Outcome(&ds, input, len, cut, len, noBody);
        assert_string_equal(Tcl_DStringValue(&ds), expected);
        Tcl_DStringFree(&ds);
    }
    Outcome(&ds, input, len, 0, 1, noBody);
    assert_string_equal(Tcl_DStringValue(&ds), expected);
    Tcl_DStringFree(&ds);
}

typedef struct Case { const char *input, *expected; } Case;

static void
CheckAll(const Case *cases, size_t count, bool noBody)
{
    for (size_t i = 0; i < count; i++) {
        Check(cases[i].input, cases[i].expected, noBody);
    }
}

/* ------------------------------------------------------------------------------------------------------------- cases */

static void
LengthTest(void **state)
{
    static const Case cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
         "200 1.1 OK keep length=5 |content-length:5 <hello> +0"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef", "200 1.1 OK keep length=2 |content-length:2 <ab> +4"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 1.1 OK keep length=0 |content-length:0 <> +0"},
        {"HTTP/1.1 200 OK\r\ncontent-length:3\r\nContent-Length: 3\r\n\r\nabc",
         "200 1.1 OK keep length=3 |content-length:3 |content-length:3 <abc> +0"},
        {"HTTP/1.1 299 Something Own\r\nContent-Length: 2\r\n\r\nok",
         "299 1.1 Something Own keep length=2 |content-length:2 <ok> +0"},
        {"HTTP/1.1 200\nContent-Length: 2\n\nok", "200 1.1  keep length=2 |content-length:2 <ok> +0"},
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "200 1.0 OK length=1 |content-length:1 <x> +0"},
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\nx",
         "200 1.0 OK keep length=1 |content-length:1 |connection:Keep-Alive <x> +0"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: x, Close\r\n\r\nx",
         "200 1.1 OK length=1 |content-length:1 |connection:x, Close <x> +0"},
    };

    CheckAll(cases, COUNT(cases), false);
}

static void
UntilCloseTest(void **state)
{
    static const Case cases[] = {
        {"HTTP/1.0 200 OK\r\n\r\nuntil close", "200 1.0 OK untilclose <until close> +0"},
        {"HTTP/1.1 200 OK\r\n\r\n", "200 1.1 OK untilclose <> +0"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nabc",
         "200 1.1 OK untilclose |transfer-encoding:gzip |content-length:1 <abc> +0"},
    };

    CheckAll(cases, COUNT(cases), false);
}

static void
ChunkedTest(void **state)
{
    static const Case cases[] = {
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nrest",
         "200 1.1 OK keep chunked |transfer-encoding:chunked <one0123456789> last+4"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n1\r\na\r\n000\r\nX: y\r\n\r\n",
         "200 1.1 OK keep chunked |transfer-encoding:gzip, Chunked <a> last+0"},
        /* both framings: chunks count, and the connection is not used again */
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n1\r\na\r\n0\r\n\r\n",
         "200 1.1 OK chunked |transfer-encoding:chunked |content-length:9 <a> last+0"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
         "200 1.1 OK keep chunked |transfer-encoding:chunked < ERROR invalid chunk size"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
         "200 1.1 OK keep chunked |transfer-encoding:chunked < ERROR invalid chunk size"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000000\r\n",
         "200 1.1 OK keep chunked |transfer-encoding:chunked < ERROR invalid chunk size"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
         "200 1.1 OK keep chunked |transfer-encoding:chunked <a ERROR chunk is longer than its size"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
         "200 1.1 OK keep chunked |transfer-encoding:chunked <ab ERROR connection closed within the response"},
    };

    CheckAll(cases, COUNT(cases), false);
}

static void
TrailersAreHeadersTest(void **state)
{
    static const char input[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 17\r\n\r\n";
    NsResponseParser *parser = NsResponseParserCreate(&limits, false);
    size_t            at = 0, consumed;
    NsSpan            body;
    NsResponseResult  result;
    Ns_Set           *headers;

    while ((result = NsResponseFeed(parser, input + at, strlen(input) - at, &consumed, &body)) == NS_RESPONSE_HEAD) {
        at += consumed;
    }
    assert_int_equal(result, NS_RESPONSE_DONE);
    headers = NsResponseTakeHeaders(parser);
    assert_string_equal(Ns_SetGet(headers, "x-sum"), "17");
    Ns_SetFree(headers);
    NsResponseParserFree(parser);
}

static void
NoBodyTest(void **state)
{
    static const Case always[] = {
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
         "204 1.1 No Content keep empty length=5 |content-length:5 <> +5"},
        {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
         "304 1.1 Not Modified keep empty |transfer-encoding:chunked <> +0"},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbytes",
         "101 1.1 Switching Protocols empty |upgrade:x <> +5"},
    };
    static const Case head[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 1.1 OK keep empty length=5 |content-length:5 <> +0"},
    };

    CheckAll(always, COUNT(always), false);
    CheckAll(head, COUNT(head), true);
}

static void
InterimTest(void **state)
{
    static const Case cases[] = {
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
         "200 1.1 OK keep length=2 |content-length:2 <ok> +0"},
        {"HTTP/1.1 100 Continue\r\n\r\n", " ERROR connection closed within the response"},
    };

    CheckAll(cases, COUNT(cases), false);
}

static void
RefusedTest(void **state)
{
    static const Case cases[] = {
        {"this is not http\r\n\r\n", " ERROR invalid status line"},
        {"HTTP/2 200 OK\r\n\r\n", " ERROR invalid status line"},
        {"HTTP/1.1 20 OK\r\n\r\n", " ERROR invalid status line"},
        {"HTTP/1.1 2000 OK\r\n\r\n", " ERROR invalid status line"},
        {"HTTP/1.1 099 OK\r\n\r\n", " ERROR invalid status line"},
        {"\r\n\r\n", " ERROR invalid status line"},
        {"HTTP/1.1 200 OK\r\nBroken\r\n\r\n", " ERROR invalid header line"},
        {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", " ERROR invalid header line"},
        {"HTTP/1.1 200 OK\r\n: b\r\n\r\n", " ERROR invalid header line"},
        {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", " ERROR folded header line"},
        {"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", " ERROR control character in a header line"},
        {"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx", " ERROR invalid content-length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\nx", " ERROR invalid content-length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx", " ERROR invalid content-length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", " ERROR invalid content-length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\nx", " ERROR invalid content-length"},
        {"HTTP/1.1 200 OK\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\nF: 1\r\n\r\n", " ERROR too many header lines"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
         "200 1.1 OK keep length=3 |content-length:3 <ab ERROR connection closed within the response"},
        {"HTTP/1.1 200 OK\r\nContent-Le", " ERROR connection closed within the response"},
    };

    CheckAll(cases, COUNT(cases), false);
}

/* Lines without end, at every place where lines are. */
static void
EndlessHeadTest(void **state)
{
    static const char *const starts[] = {
        "", "HTTP/1.1 200 ", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "
    };

    for (size_t i = 0; i < COUNT(starts); i++) {
        NsResponseParser *parser = NsResponseParserCreate(&limits, false);
        NsResponseResult  result = NS_RESPONSE_MORE;
        Tcl_DString       input;
        size_t            at = 0, consumed;
        NsSpan            body;

        Tcl_DStringInit(&input);
        Tcl_DStringAppend(&input, starts[i], -1);
        while (Tcl_DStringLength(&input) < 600) {
            Tcl_DStringAppend(&input, "a", 1);
        }
        do {
            result = NsResponseFeed(parser, Tcl_DStringValue(&input) + at, 600 - at, &consumed, &body);
            at += consumed;
        } while (result == NS_RESPONSE_HEAD);
        assert_int_equal(result, NS_RESPONSE_ERROR);
        assert_string_equal(NsResponseError(parser), "head is too long");
        /* it stays broken */
        assert_int_equal(NsResponseFeed(parser, "x", 1, &consumed, &body), NS_RESPONSE_ERROR);
        assert_int_equal(consumed, 0);
        Tcl_DStringFree(&input);
        NsResponseParserFree(parser);
    }
}

static void
NothingTest(void **state)
{
    NsResponseParser *parser = NsResponseParserCreate(&limits, false);

    assert_false(NsResponseStarted(parser));
    assert_null(NsResponseGetHead(parser));
    assert_int_equal(NsResponseEnd(parser), NS_RESPONSE_ERROR);
    assert_string_equal(NsResponseError(parser), "connection closed without a response");
    NsResponseParserFree(parser);
    NsResponseParserFree(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(LengthTest),      cmocka_unit_test(UntilCloseTest),  cmocka_unit_test(ChunkedTest),
        cmocka_unit_test(TrailersAreHeadersTest), cmocka_unit_test(NoBodyTest), cmocka_unit_test(InterimTest),
        cmocka_unit_test(RefusedTest),     cmocka_unit_test(EndlessHeadTest), cmocka_unit_test(NothingTest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
