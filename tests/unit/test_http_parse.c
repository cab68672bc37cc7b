/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The request parser.  Every input is fed at once, byte by byte, and cut in two at every place, and must give the
 * same each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include "guard.h"
#include "base/inputmem.h"
#include "http/parse.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define H "Host: localhost\r\n"

static const NsHttpLimits limits = {.maxLine = 1000, .maxHeaders = 20, .maxInput = 100000};

/* ------------------------------------------------------------------------------- feeding, and the outcome as text */

static void
Append(Tcl_DString *ds, const char *name, const char *value)
{
    if (value != NULL) {
        Tcl_DStringAppend(ds, name, -1);
        Tcl_DStringAppend(ds, value, -1);
    }
}

static void
AppendSet(Tcl_DString *ds, const char *name, const Ns_Set *set)
{
    for (size_t i = 0; set != NULL && i < Ns_SetSize(set); i++) {
        Append(ds, name, Ns_SetKey(set, i));
        Append(ds, ":", Ns_SetValue(set, i));
    }
}

/* METHOD url ?query keep|close,flags |header:value <body> ~trailer:value */
static void
AppendRequest(Tcl_DString *ds, const NsHttpRequest *request)
{
    Append(ds, "", request->request.method);
    Append(ds, " ", request->request.url);
    Append(ds, " ?", request->request.query);
    Append(ds, request->request.version > 1.05 ? " 1.1" : " 1.0", request->keepAlive ? " keep" : " close");
    Append(ds, "", request->hasLength ? ",length" : NULL);
    Append(ds, "", request->chunked ? ",chunked" : NULL);
    Append(ds, "", request->expectContinue ? ",expect" : NULL);
    Append(ds, "", request->upgrade ? ",upgrade" : NULL);
    AppendSet(ds, " |", request->headers);
    if (request->body != NULL) {
        assert_int_equal(request->body[request->bodyLen], 0);
        Tcl_DStringAppend(ds, " <", 2);
        Tcl_DStringAppend(ds, request->body, (int)request->bodyLen);
        Tcl_DStringAppend(ds, ">", 1);
    } else {
        assert_int_equal(request->bodyLen, 0);
    }
    AppendSet(ds, " ~", request->trailers);
    Tcl_DStringAppend(ds, "\n", 1);
}

/* Feed one piece, as a driver would, and note what comes out.  False: the parser said no. */
static bool
FeedPiece(NsHttpParser *parser, const char *piece, size_t len, Tcl_DString *ds)
{
    const char *data = Guard(piece, len);

    for (;;) {
        size_t         consumed = SIZE_MAX;
        NsHttpResult   result = NsHttpParserFeed(parser, data, len, &consumed);
        NsHttpRequest *request;
        char           number[16];
        const char    *reason;

        assert_true(consumed <= len);
        data += consumed;
        len -= consumed;
        switch (result) {
        case NS_HTTP_MORE:
            assert_int_equal(len, 0);
            return true;
        case NS_HTTP_HEAD:
            assert_non_null(NsHttpParserPeek(parser));
            Tcl_DStringAppend(ds, "HEAD ", -1);
            break;
        case NS_HTTP_DONE:
            request = NsHttpParserTake(parser);
            assert_non_null(request);
            AppendRequest(ds, request);
            NsHttpRequestFree(request);
            assert_false(NsHttpParserStarted(parser));
            if (len == 0) {
                return true;
            }
            break;
        case NS_HTTP_ERROR:
            snprintf(number, sizeof(number), "%d ", NsHttpParserError(parser, &reason));
            assert_non_null(reason);
            Append(ds, number, NsHttpParserErrorPhrase(parser));
            Tcl_DStringAppend(ds, "\n", 1);
            return false;
        }
    }
}

/* Cut at two places. */
static void
Outcome(const NsHttpLimits *with, const char *input, size_t len, size_t cut1, size_t cut2, Tcl_DString *ds)
{
    NsHttpParser *parser = NsHttpParserCreate(with);

    Tcl_DStringInit(ds);
    if (FeedPiece(parser, input, cut1, ds) && FeedPiece(parser, input + cut1, cut2 - cut1, ds)
        && FeedPiece(parser, input + cut2, len - cut2, ds) && NsHttpParserStarted(parser)) {
        Tcl_DStringAppend(ds, "MORE", -1);
    }
    NsHttpParserFree(parser);
}

static void
OutcomeByteByByte(const NsHttpLimits *with, const char *input, size_t len, Tcl_DString *ds)
{
    NsHttpParser *parser = NsHttpParserCreate(with);
    bool          ok = true;

    Tcl_DStringInit(ds);
    for (size_t i = 0; ok && i < len; i++) {
        ok = FeedPiece(parser, input + i, 1, ds);
    }
    if (ok && NsHttpParserStarted(parser)) {
        Tcl_DStringAppend(ds, "MORE", -1);
    }
    NsHttpParserFree(parser);
}

static void
CheckSized(const NsHttpLimits *with, const char *input, size_t len, const char *expected)
{
    Tcl_DString ds;

    Outcome(with, input, len, len, len, &ds);
    if (strcmp(Tcl_DStringValue(&ds), expected) != 0) {
        print_error("input:\n%s\n", input);
    }
    assert_string_equal(Tcl_DStringValue(&ds), expected);
    Tcl_DStringFree(&ds);
    for (size_t cut = 0; cut < len; cut++) {
        Outcome(with, input, len, cut, cut + (len - cut) / 3, &ds);
        if (strcmp(Tcl_DStringValue(&ds), expected) != 0) {
            print_error("cut at %zu:\n%s\n", cut, input);
        }
        assert_string_equal(Tcl_DStringValue(&ds), expected);
        Tcl_DStringFree(&ds);
    }
    OutcomeByteByByte(with, input, len, &ds);
    assert_string_equal(Tcl_DStringValue(&ds), expected);
    Tcl_DStringFree(&ds);
}

static void
Check(const char *input, const char *expected)
{
    CheckSized(&limits, input, strlen(input), expected);
}

/* ------------------------------------------------------------------------------------------------------- requests */

typedef struct Case {
    const char *input, *expected;
} Case;

static void
CheckAll(const Case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        Check(cases[i].input, cases[i].expected);
    }
}

static void
test_plain_requests(void **state)
{
    static const Case cases[] = {
        {"GET / HTTP/1.0\r\n\r\n", "GET / 1.0 close\n"},
        {"GET /plain.txt HTTP/1.1\r\n" H "\r\n", "GET /plain.txt 1.1 keep |host:localhost\n"},
        {"GET / HTTP/1.2\r\n" H "\r\n", "GET / 1.1 keep |host:localhost\n"},
        {"HEAD /a?b=c HTTP/1.1\r\n" H "\r\n", "HEAD /a ?b=c 1.1 keep |host:localhost\n"},
        {"BREW /pot HTTP/1.1\r\n" H "\r\n", "BREW /pot 1.1 keep |host:localhost\n"},
        {"get /pot HTTP/1.1\r\n" H "\r\n", "get /pot 1.1 keep |host:localhost\n"},
        {"M-S!#$%&'*+.^_`|~ / HTTP/1.0\r\n\r\n", "M-S!#$%&'*+.^_`|~ / 1.0 close\n"},
        {"GET / HTTP/1.1\nHost: localhost\nX: y\n\n", "GET / 1.1 keep |host:localhost |x:y\n"},
        {"GET / HTTP/1.0\r\nX-Empty:\r\nX-Blank: \t \r\n\r\n", "GET / 1.0 close |x-empty: |x-blank:\n"},
        {"GET / HTTP/1.0\r\nX-MiXed:\t in  side\t\r\n\r\n", "GET / 1.0 close |x-mixed:in  side\n"},
        {"GET / HTTP/1.0\r\nX: 1\r\nx: 2\r\nX: 1\r\n\r\n", "GET / 1.0 close |x:1 |x:2 |x:1\n"},
        {"GET / HTTP/1.0\r\nX: \xe4\xff\r\n\r\n", "GET / 1.0 close |x:\xc3\xa4\xc3\xbf\n"},
        {"GET / HTTP/1.0\r\nX: a:b: c\r\n\r\n", "GET / 1.0 close |x:a:b: c\n"},
        {"GET / HTTP/1.1\r\n" H, "MORE"},
        {"G", "MORE"},
        {"", ""},
    };

    (void)state;
    CheckAll(cases, COUNT(cases));
}

static void
test_connection_tokens(void **state)
{
    static const Case cases[] = {
        {"GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "GET / 1.1 close |host:localhost |connection:close\n"},
        {"GET / HTTP/1.1\r\n" H "Connection: CLOSE\r\n\r\n", "GET / 1.1 close |host:localhost |connection:CLOSE\n"},
        {"GET / HTTP/1.1\r\n" H "Connection: foo, close\r\n\r\n",
         "GET / 1.1 close |host:localhost |connection:foo, close\n"},
        {"GET / HTTP/1.1\r\n" H "Connection: closed\r\n\r\n", "GET / 1.1 keep |host:localhost |connection:closed\n"},
        {"GET / HTTP/1.1\r\n" H "Connection: foo\r\nConnection: close\r\n\r\n",
         "GET / 1.1 close |host:localhost |connection:foo |connection:close\n"},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / 1.0 keep |connection:keep-alive\n"},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n", "GET / 1.0 close |connection:Keep-Alive, close\n"},
        {"GET / HTTP/1.1\r\n" H "Connection: keep-alive, Upgrade\r\n\r\n",
         "GET / 1.1 keep,upgrade |host:localhost |connection:keep-alive, Upgrade\n"},
    };

    (void)state;
    CheckAll(cases, COUNT(cases));
}

static void
test_bodies_with_length(void **state)
{
    static const Case cases[] = {
        {"POST /t HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc",
         "HEAD POST /t 1.1 keep,length |host:localhost |content-length:3 <abc>\n"},
        {"POST /t HTTP/1.1\r\n" H "Content-Length: 0003 \r\n\r\nabc",
         "HEAD POST /t 1.1 keep,length |host:localhost |content-length:0003 <abc>\n"},
        {"POST /t HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n",
         "POST /t 1.1 keep,length |host:localhost |content-length:0\n"},
        {"POST /t HTTP/1.1\r\n" H "\r\n", "POST /t 1.1 keep |host:localhost\n"},
        {"GET /t HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n\r\n",
         "HEAD GET /t 1.1 keep,length |host:localhost |content-length:2 <\r\n>\n"},
        {"POST /t HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
         "HEAD POST /t 1.1 keep,length,expect |host:localhost |expect:100-Continue |content-length:1 <x>\n"},
        {"POST /t HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
         "HEAD POST /t 1.0 close,length |expect:100-continue |content-length:1 <x>\n"},
        {"POST /t HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nab", "HEAD MORE"},
    };

    (void)state;
    CheckAll(cases, COUNT(cases));
}

#define CHUNKED "POST /t HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_OUT "HEAD POST /t 1.1 keep,chunked |host:localhost |transfer-encoding:chunked"

static void
test_chunked_bodies(void **state)
{
    static const Case cases[] = {
        {CHUNKED "3\r\nabc\r\n0\r\n\r\n", CHUNKED_OUT " <abc>\n"},
        {CHUNKED "3\r\nabc\r\n4\r\ndefg\r\n1\r\nh\r\n0\r\n\r\n", CHUNKED_OUT " <abcdefgh>\n"},
        {CHUNKED "0\r\n\r\n", CHUNKED_OUT "\n"},
        {CHUNKED "A\r\n0123456789\r\n0\r\n\r\n", CHUNKED_OUT " <0123456789>\n"},
        {CHUNKED "a\r\n0123456789\r\n00\r\n\r\n", CHUNKED_OUT " <0123456789>\n"},
        {CHUNKED "0000000000000003\r\na\r\n\r\n0\r\n\r\n", CHUNKED_OUT " <a\r\n>\n"},
        {CHUNKED "3;x=y\r\nabc\r\n0;last\r\n\r\n", CHUNKED_OUT " <abc>\n"},
        {CHUNKED "3 \t; x=\"y\"\r\nabc\r\n0\r\n\r\n", CHUNKED_OUT " <abc>\n"},
        {CHUNKED "3\r\nabc\r\n0\r\nX-T: v\r\nx-u:w\r\n\r\n", CHUNKED_OUT " <abc> ~x-t:v ~x-u:w\n"},
        {CHUNKED "3\r\nab", "HEAD MORE"},
        {CHUNKED "0\r\n", "HEAD MORE"},
        {"POST /t HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
         "HEAD POST /t 1.1 keep,chunked |host:localhost |transfer-encoding:Chunked\n"},
    };

    (void)state;
    CheckAll(cases, COUNT(cases));
}

static void
test_pipelined_requests(void **state)
{
    static const Case cases[] = {
        {"GET /1 HTTP/1.1\r\n" H "\r\nPOST /2 HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nbodyGET /3 HTTP/1.0\r\n\r\n",
         "GET /1 1.1 keep |host:localhost\nHEAD POST /2 1.1 keep,length |host:localhost |content-length:4 <body>\n"
         "GET /3 1.0 close\n"},
        {CHUNKED "1\r\na\r\n0\r\n\r\n" CHUNKED "1\r\nb\r\n0\r\n\r\n", CHUNKED_OUT " <a>\n" CHUNKED_OUT " <b>\n"},
        {"GET /1 HTTP/1.0\r\n\r\n\r\n\r\nGET /2 HTTP/1.0\r\n\r\n", "GET /1 1.0 close\nGET /2 1.0 close\n"},
        {"GET /1 HTTP/1.0\r\n\r\n\n\r\nGET /2 HTTP/1.0\r\n\r\n", "GET /1 1.0 close\nGET /2 1.0 close\n"},
        {"GET /1 HTTP/1.0\r\n\r\n\r\n", "GET /1 1.0 close\n"},
        {"GET /1 HTTP/1.0\r\n\r\n\r\n\r\n\r\nGET /2 HTTP/1.0\r\n\r\n", "GET /1 1.0 close\n400 Bad Request\n"},
        {"GET /1 HTTP/1.0\r\n\r\n\rGET /2 HTTP/1.0\r\n\r\n", "GET /1 1.0 close\n400 Bad Request\n"},
        {"GET /1 HTTP/1.0\r\n\r\nBAD\r\n\r\n", "GET /1 1.0 close\n400 Bad Request\n"},
    };

    (void)state;
    CheckAll(cases, COUNT(cases));
}

/* -------------------------------------------------------------------------------------------------------- refused */

typedef struct Refused {
    int         status;
    const char *input;
} Refused;

/* What comes before the status in the outcome does not matter here: only that it ends with it. */
static void
CheckRefused(const Refused *cases, size_t count, const char *phrase)
{
    for (size_t i = 0; i < count; i++) {
        const char *input = cases[i].input;
        char        end[100];
        Tcl_DString ds;

        Outcome(&limits, input, strlen(input), strlen(input), strlen(input), &ds);
        snprintf(end, sizeof(end), "%d %s\n", cases[i].status, phrase);
        if (strstr(Tcl_DStringValue(&ds), end) == NULL) {
            print_error("not refused with %s%s\n%s\n", end, input, Tcl_DStringValue(&ds));
        }
        assert_non_null(strstr(Tcl_DStringValue(&ds), end));
        CheckSized(&limits, input, strlen(input), Tcl_DStringValue(&ds));
        Tcl_DStringFree(&ds);
    }
}

static void
test_refused_request_lines(void **state)
{
    static const Refused cases[] = {
        {400, "garbage\r\n\r\n"},
        {400, "\r\n\r\n"},
        {400, "\r\nGET / HTTP/1.0\r\n\r\n"},
        {400, "\nGET / HTTP/1.0\r\n\r\n"},
        {400, " GET / HTTP/1.0\r\n\r\n"},
        {400, "\x16\x03\x01\x02"},
        {400, "GET\r\n"},
        {400, "GET /\r\n"},
        {400, "GET / \r\n"},
        {400, "GET  / HTTP/1.0\r\n"},
        {400, "GET /  HTTP/1.0\r\n"},
        {400, "GET / HTTP/1.0 \r\n"},
        {400, "GET /a b HTTP/1.0\r\n"},
        {400, "GET\t/ HTTP/1.0\r\n"},
        {400, "GET /\ta HTTP/1.0\r\n"},
        {400, "GET /\ra HTTP/1.0\r\n"},
        {400, "GET /\x7f HTTP/1.0\r\n"},
        {400, "GET / HTTP/1.0\r\r\n"},
        {400, "G(T / HTTP/1.0\r\n"},
        {400, "GET / http/1.0\r\n"},
        {400, "GET / HTTP/1\r\n"},
        {400, "GET / HTTP/1.10\r\n"},
        {400, "GET / HTTP/11.0\r\n"},
        {400, "GET / HTTP/1,1\r\n"},
        {400, "GET / HTP/1.1\r\n"},
        {400, "GET plain.txt HTTP/1.0\r\n"},
        {400, "GET ?a=b HTTP/1.0\r\n"},
        {400, "GET * HTTP/1.1\r\n"},
        {400, "OPTIONS ** HTTP/1.1\r\n"},
        {400, "OPTIONS *?x HTTP/1.1\r\n"},
        {400, "options * HTTP/1.1\r\n"},
        {400, "GET /%e4 HTTP/1.0\r\n"},
        {400, "GET /%c0%af HTTP/1.0\r\n"},
        {400, "GET /%ed%a0%80 HTTP/1.0\r\n"},
        {400, "GET /\xe4 HTTP/1.0\r\n"},
        {400, "GET http:/x HTTP/1.0\r\n"},
        {400, "GET http:// HTTP/1.0\r\n"},
        {400, "GET http:///x HTTP/1.0\r\n"},
        {400, "GET http://a@b/x HTTP/1.0\r\n"},
        {400, "GET http://h:x/x HTTP/1.0\r\n"},
        {400, "GET 1ttp://h/ HTTP/1.0\r\n"},
        {400, "GET h_p://h/ HTTP/1.0\r\n"},
        {400, "CONNECT / HTTP/1.0\r\n"},
        {400, "CONNECT host HTTP/1.0\r\n"},
        {400, "CONNECT host:99999 HTTP/1.0\r\n"},
        {400, "GET /a/..%2f..%2fetc HTTP/1.0\r\n"},
        {400, "GET /a/x%5c..%5cetc HTTP/1.0\r\n"},
    };

    (void)state;
    CheckRefused(cases, COUNT(cases), "Bad Request");
    CheckRefused((const Refused[]){{400, "GET /a%00b HTTP/1.1\r\n"}}, 1, "Invalid Request Header");
}

static void
test_refused_versions(void **state)
{
    static const Refused cases[] = {
        {505, "GET / HTTP/2.0\r\n"},
        {505, "GET / HTTP/0.9\r\n"},
        {505, "GET / HTTP/9.9\r\n"},
        {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    };

    (void)state;
    CheckRefused(cases, COUNT(cases), "HTTP Version Not Supported");
}

#define GET "GET / HTTP/1.1\r\n"

static void
test_refused_headers(void **state)
{
    static const Refused header[] = {
        {400, GET "\r\n"},
        {400, GET "Connection: close\r\n\r\n"},
        {400, GET H "Broken\r\n\r\n"},
        {400, GET "Host : localhost\r\n\r\n"},
        {400, GET H ": value\r\n\r\n"},
        {400, GET H "X Y: value\r\n\r\n"},
        {400, GET H "X\x01: value\r\n\r\n"},
        {400, GET H "X\xe4: value\r\n\r\n"},
        {400, GET H "X-Fold: one\r\n two\r\n\r\n"},
        {400, GET H "X-Fold: one\r\n\ttwo\r\n\r\n"},
        {400, GET " Host: localhost\r\n\r\n"},
        {400, GET H "X: a\rb\r\n\r\n"},
        {400, GET H "X: a\r\r\n\r\n"},
        {400, GET H "X: a\x01" "b\r\n\r\n"},
        {400, GET H "X: a\x7f\r\n\r\n"},
        {400, GET H "X: abcdefgh\x0b" "ijklmnop\r\n\r\n"},
        {400, GET H "\r\r\n"},
    };
    static const Refused host[] = {
        {400, GET H "Host: other\r\n\r\n"},
        {400, GET H H "\r\n"},
        {400, "GET / HTTP/1.0\r\n" H H "\r\n"},
        {400, GET "Host: a b\r\n\r\n"},
        {400, GET "Host: a/b\r\n\r\n"},
        {400, GET "Host: a@b\r\n\r\n"},
        {400, GET "Host: a, b\r\n\r\n"},
        {400, GET "Host: a:x\r\n\r\n"},
        {400, GET "Host: a:99999\r\n\r\n"},
        {400, GET "Host: :80\r\n\r\n"},
        {400, GET "Host: ::1\r\n\r\n"},
        {400, GET "Host: [::1\r\n\r\n"},
        {400, GET "Host: [a]\r\n\r\n"},
        {400, GET "Host: <a>\r\n\r\n"},
    };

    (void)state;
    CheckRefused(header, COUNT(header), "Invalid Request Header");
    CheckRefused(host, COUNT(host), "Bad Request");
}

static void
test_accepted_hosts(void **state)
{
    static const char *const hosts[] = {"", "localhost", "localhost:", "localhost:1234", "LOCALHOST.:80", "my_host",
                                        "[::1]", "[::1]:80", "[fe80::1%25eth0]:80", "127.0.0.1:0",
                                        "xn--bcher-kva.example"};

    (void)state;
    for (size_t i = 0; i < COUNT(hosts); i++) {
        char input[100], expected[100];

        snprintf(input, sizeof(input), GET "Host:%s\r\n\r\n", hosts[i]);
        snprintf(expected, sizeof(expected), "GET / 1.1 keep |host:%s\n", hosts[i]);
        Check(input, expected);
    }
}

static void
test_a_nul_is_refused_anywhere(void **state)
{
    static const char line[] = "GET /a\0b HTTP/1.1\r\n", name[] = GET "X\0Y: z\r\n", value[] = GET "X: \0\r\n";
    static const char version[] = "GET / HTTP/1.1\0\r\n", length[] = GET H "Content-Length: 1\0\r\n\r\n";
    static const char coding[] = GET H "Transfer-Encoding: chunked\0\r\n\r\n";
    static const char chunk[] = CHUNKED "1\0\r\na\r\n0\r\n\r\n";
    static const char extension[] = CHUNKED "1;\0\r\na\r\n0\r\n\r\n";

    (void)state;
    CheckSized(&limits, line, sizeof(line) - 1, "400 Bad Request\n");
    CheckSized(&limits, version, sizeof(version) - 1, "400 Bad Request\n");
    CheckSized(&limits, name, sizeof(name) - 1, "400 Invalid Request Header\n");
    CheckSized(&limits, value, sizeof(value) - 1, "400 Invalid Request Header\n");
    CheckSized(&limits, length, sizeof(length) - 1, "400 Invalid Request Header\n");
    CheckSized(&limits, coding, sizeof(coding) - 1, "400 Invalid Request Header\n");
    CheckSized(&limits, chunk, sizeof(chunk) - 1, "HEAD 400 Bad Request\n");
    CheckSized(&limits, extension, sizeof(extension) - 1, "HEAD 400 Bad Request\n");
}

#define POST "POST /t HTTP/1.1\r\n" H

static void
test_refused_framing(void **state)
{
    static const Refused cases[] = {
        {400, POST "Content-Length: -5\r\n\r\n"},
        {400, POST "Content-Length: +5\r\n\r\n"},
        {400, POST "Content-Length: abc\r\n\r\n"},
        {400, POST "Content-Length: 3x\r\n\r\nabc"},
        {400, POST "Content-Length: 3 3\r\n\r\nabc"},
        {400, POST "Content-Length: 3, 3\r\n\r\nabc"},
        {400, POST "Content-Length: 0x3\r\n\r\nabc"},
        {400, POST "Content-Length:\r\n\r\n"},
        {400, POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
        {400, POST "Content-Length: 3\r\ncontent-length: 4\r\n\r\nabcd"},
        {400, POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
        {400, POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
        {400, POST "Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc"},
        {400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"},
        {400, "POST /t HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {400, POST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n"},
    };
    static const Refused codings[] = {
        {501, POST "Transfer-Encoding: gzip\r\n\r\nabc"},
        {501, POST "Transfer-Encoding: gzip, chunked\r\n\r\nabc"},
        {501, POST "Transfer-Encoding: chunked, chunked\r\n\r\nabc"},
        {501, POST "Transfer-Encoding: xchunked\r\n\r\nabc"},
        {501, POST "Transfer-Encoding: \"chunked\"\r\n\r\nabc"},
        {501, POST "Transfer-Encoding:\r\n\r\nabc"},
    };

    (void)state;
    CheckRefused(cases, COUNT(cases), "Bad Request");
    CheckRefused(codings, COUNT(codings), "Not Implemented");
    CheckRefused((const Refused[]){{417, POST "Expect: tea\r\n\r\n"}}, 1, "Expectation Failed");
}

/* A head with LF alone is one that others may read otherwise: harmless when all of its lines are like that and no body follows. */
static void
test_bare_lf_in_heads(void **state)
{
    static const struct { const char *input; bool refused; } cases[] = {
        {"GET / HTTP/1.1\nHost: a\n\n", false},
        {"GET / HTTP/1.0\n\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", true},
        {"GET / HTTP/1.1\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: y\nZ: z\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\n\n", true},
        {"GET / HTTP/1.0\r\n\n", true},
        {"POST / HTTP/1.1\nHost: a\nContent-Length: 1\n\nx", true},
        {"POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n", true},
        {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\r\n\r\n", true},
        {"POST / HTTP/1.1\r\nHost: a\nContent-Length: 1\r\n\r\nx", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t      len = strlen(cases[i].input);
        Tcl_DString ds;

        Outcome(&limits, cases[i].input, len, len / 3, len / 2, &ds);
        if ((strstr(Tcl_DStringValue(&ds), "400 Bad Request") != NULL) != cases[i].refused) {
            print_error("%s: %s\n", cases[i].input, Tcl_DStringValue(&ds));
        }
        assert_true((strstr(Tcl_DStringValue(&ds), "400 Bad Request") != NULL) == cases[i].refused);
        Tcl_DStringFree(&ds);
    }
}

static void
test_refused_chunks(void **state)
{
    static const Refused cases[] = {
        {400, CHUNKED "zz\r\nabc\r\n0\r\n\r\n"},
        {400, CHUNKED "\r\nabc\r\n0\r\n\r\n"},
        {400, CHUNKED "3\r\nabcde\r\n0\r\n\r\n"},
        {400, CHUNKED "3\r\nabc\n0\r\n\r\n"},
        {400, CHUNKED "3\r\nabc\r0\r\n\r\n"},
        {400, CHUNKED "3\nabc\r\n0\r\n\r\n"},
        {400, CHUNKED "3\r\nabc\r\n0\n\r\n"},
        {400, CHUNKED "3\r\nabc\r\n0\r\n\n"},
        {400, CHUNKED "0\r\nX: y\n\r\n"},
        {400, CHUNKED "-3\r\nabc\r\n"},
        {400, CHUNKED "+3\r\nabc\r\n"},
        {400, CHUNKED "0x3\r\nabc\r\n"},
        {400, CHUNKED " 3\r\nabc\r\n"},
        {400, CHUNKED "3 \r\nabc\r\n"},
        {400, CHUNKED "3 4\r\nabc\r\n"},
        {400, CHUNKED "3,4\r\nabc\r\n"},
        {400, CHUNKED "3;a\rb\r\nabc\r\n"},
        {400, CHUNKED "3\r\r\nabc\r\n"},
        {400, CHUNKED "00000000000000003\r\nabc\r\n"},
        {400, CHUNKED "10000000000000000\r\nabc\r\n"},
    };
    static const Refused trailers[] = {
        {400, CHUNKED "0\r\nnocolon\r\n\r\n"},
        {400, CHUNKED "0\r\n X: y\r\n\r\n"},
        {400, CHUNKED "0\r\nX: y\r\n z\r\n\r\n"},
    };

    (void)state;
    CheckRefused(cases, COUNT(cases), "Bad Request");
    CheckRefused(trailers, COUNT(trailers), "Invalid Request Header");
}

/* --------------------------------------------------------------------------------------------------------- limits */

static char *
Repeat(char *out, char c, size_t n)
{
    memset(out, c, n);
    out[n] = '\0';
    return out;
}

static void
test_request_line_limit(void **state)
{
    char input[3000], fill[1100], expected[3000];

    (void)state;
    /* "GET /uuu HTTP/1.0" of exactly maxLine bytes, then one more */
    snprintf(input, sizeof(input), "GET /%s HTTP/1.0\r\n\r\n", Repeat(fill, 'u', 1000 - 14));
    snprintf(expected, sizeof(expected), "GET /%s 1.0 close\n", fill);
    Check(input, expected);
    snprintf(input, sizeof(input), "GET /%s HTTP/1.0\n\n", fill);
    Check(input, expected);
    snprintf(input, sizeof(input), "GET /%s HTTP/1.0\r\n\r\n", Repeat(fill, 'u', 1000 - 13));
    Check(input, "414 URI Too Long\n");
    snprintf(input, sizeof(input), "GET /%s HTTP/1.0\n\n", fill);
    Check(input, "414 URI Too Long\n");
    Check(Repeat(input, 'G', 1002), "414 URI Too Long\n");
    Check(Repeat(input, 'G', 1001), "MORE");
}

static void
test_header_line_limit(void **state)
{
    char input[3000], fill[1100], expected[3000];

    (void)state;
    snprintf(input, sizeof(input), "GET / HTTP/1.0\r\nX:%s\r\n\r\n", Repeat(fill, 'a', 998));
    snprintf(expected, sizeof(expected), "GET / 1.0 close |x:%s\n", fill);
    Check(input, expected);
    snprintf(input, sizeof(input), "GET / HTTP/1.0\r\nX:%s\r\n\r\n", Repeat(fill, 'a', 999));
    Check(input, "431 Request Header Fields Too Large\n");
    snprintf(input, sizeof(input), "GET / HTTP/1.0\r\nX:%s", Repeat(fill, 'a', 1000));
    Check(input, "431 Request Header Fields Too Large\n");
    snprintf(input, sizeof(input), CHUNKED "0\r\nX:%s", Repeat(fill, 'a', 1000));
    Check(input, "HEAD 431 Request Header Fields Too Large\n");
}

static void
test_header_count_limit(void **state)
{
    char   input[2000], trailers[500];
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 20; i++) {
        n += (size_t)snprintf(trailers + n, sizeof(trailers) - n, "X-%d: 1\r\n", i);
    }
    snprintf(input, sizeof(input), "GET / HTTP/1.0\r\n%sX: 1\r\n\r\n", trailers);
    Check(input, "414 Too Many Request Headers\n");
    snprintf(input, sizeof(input), CHUNKED "0\r\n%sX: 1\r\n\r\n", trailers);
    Check(input, "HEAD 414 Too Many Request Headers\n");
    /* as many as allowed, of headers and trailers each */
    snprintf(input, sizeof(input), "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n%.*s\r\n0\r\n%s\r\n",
             (int)(strstr(trailers, "X-18") - trailers), trailers, trailers);
    for (size_t cut = 0; cut < strlen(input); cut += 7) {
        Tcl_DString ds;

        Outcome(&limits, input, strlen(input), cut, cut, &ds);
        assert_non_null(strstr(Tcl_DStringValue(&ds), "~x-19:1\n"));
        Tcl_DStringFree(&ds);
    }
}

static void
test_head_limit(void **state)
{
    NsHttpLimits with = limits;
    const char  *input = POST "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nT: 12345\r\n\r\n";
    const char  *body = strstr(input, "\r\n\r\n") + 4;
    size_t       head = (size_t)(body - input), trailers = strlen("T: 12345\r\n\r\n");

    (void)state;
    for (size_t max = 1; max <= head + trailers + 1; max++) {
        Tcl_DString whole, bytes;
        bool        headFits = max >= head, allFits = max >= head + trailers;

        with.maxHead = max;
        Outcome(&with, input, strlen(input), strlen(input), strlen(input), &whole);
        OutcomeByteByByte(&with, input, strlen(input), &bytes);
        assert_string_equal(Tcl_DStringValue(&bytes), Tcl_DStringValue(&whole));
        assert_int_equal(strncmp(Tcl_DStringValue(&whole), "HEAD", 4) == 0, headFits);
        assert_int_equal(strstr(Tcl_DStringValue(&whole), "431 Request Header Fields Too Large") == NULL, allFits);
        Tcl_DStringFree(&whole);
        Tcl_DStringFree(&bytes);
    }
}

static void
test_body_limit(void **state)
{
    static const NsHttpLimits small = {.maxLine = 1000, .maxHeaders = 20, .maxInput = 10};
    static const struct { const char *input, *expected; } cases[] = {
        {POST "Content-Length: 10\r\n\r\n0123456789",
         "HEAD POST /t 1.1 keep,length |host:localhost |content-length:10 <0123456789>\n"},
        {POST "Content-Length: 11\r\n\r\n", "413 Request Entity Too Large\n"},
        {POST "Expect: 100-continue\r\nContent-Length: 11\r\n\r\n", "413 Request Entity Too Large\n"},
        {POST "Content-Length: 18446744073709551616\r\n\r\n", "413 Request Entity Too Large\n"},
        {POST "Content-Length: 99999999999999999999999999999999999999999999\r\n\r\n", "413 Request Entity Too Large\n"},
        {POST "Content-Length: 18446744073709551617\r\n\r\nx", "413 Request Entity Too Large\n"},
        {CHUNKED "a\r\n0123456789\r\n0\r\n\r\n", CHUNKED_OUT " <0123456789>\n"},
        {CHUNKED "b\r\n", "HEAD 413 Request Entity Too Large\n"},
        {CHUNKED "9\r\n012345678\r\n2\r\n", "HEAD 413 Request Entity Too Large\n"},
        {CHUNKED "ffffffffffffffff\r\n", "HEAD 413 Request Entity Too Large\n"},
        {CHUNKED "1\r\nx\r\nffffffffffffffff\r\n", "HEAD 413 Request Entity Too Large\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        CheckSized(&small, cases[i].input, strlen(cases[i].input), cases[i].expected);
    }
}

static void
test_chunk_extensions_are_bounded(void **state)
{
    NsHttpParser *parser = NsHttpParserCreate(&limits);
    size_t        consumed;
    char          line[1000], fill[950];
    const char   *reason;
    NsHttpResult  result = NsHttpParserFeed(parser, CHUNKED, strlen(CHUNKED), &consumed);
    int           lines = 0;

    (void)state;
    assert_int_equal(result, NS_HTTP_HEAD);
    snprintf(line, sizeof(line), "1;%s\r\nx\r\n", Repeat(fill, 'e', 900));
    do {
        result = NsHttpParserFeed(parser, line, strlen(line), &consumed);
    } while (result == NS_HTTP_MORE && lines++ < 1000);
    assert_int_equal(result, NS_HTTP_ERROR);
    assert_int_equal(NsHttpParserError(parser, &reason), 400);
    assert_in_range(lines, 5, 50);
    NsHttpParserFree(parser);
}

/* -------------------------------------------------------------------------------------------------------- targets */

typedef struct Target {
    const char *target, *url, *query;
    int         urlc;
    const char *urlv;
} Target;

static NsHttpRequest *
ParseOne(const char *input)
{
    NsHttpParser  *parser = NsHttpParserCreate(&limits);
    size_t         consumed;
    NsHttpResult   result = NsHttpParserFeed(parser, Guard(input, strlen(input)), strlen(input), &consumed);
    NsHttpRequest *request;

    if (result != NS_HTTP_DONE) {
        print_error("not complete: %s\n", input);
    }
    assert_int_equal(result, NS_HTTP_DONE);
    assert_int_equal(consumed, strlen(input));
    request = NsHttpParserTake(parser);
    NsHttpParserFree(parser);
    return request;
}

static void
test_targets(void **state)
{
    static const Target targets[] = {
        {"/", "/", NULL, 0, ""},
        {"/t", "/t", NULL, 1, "t"},
        {"/t/a/b", "/t/a/b", NULL, 3, "t a b"},
        {"/t/a%20b/c", "/t/a b/c", NULL, 3, "t {a b} c"},
        {"/t/x%2fy/%c3%a4", "/t/x/y/\xc3\xa4", NULL, 3, "t x/y \xc3\xa4"},
        {"/t/\xc3\xa4", "/t/\xc3\xa4", NULL, 2, "t \xc3\xa4"},
        {"/t//a///b/", "/t/a/b/", NULL, 6, "t {} a {} {} b"},
        {"/t/", "/t/", NULL, 1, "t"},
        {"/t?a=1&b=2", "/t", "a=1&b=2", 1, "t"},
        {"/t?", "/t", "", 1, "t"},
        {"/t?a=%20/../?x", "/t", "a=%20/../?x", 1, "t"},
        {"/t?a=1#top", "/t", "a=1", 1, "t"},
        {"/t#top?a", "/t", NULL, 1, "t"},
        {"/%zz", "/%zz", NULL, 1, "%zz"},
        {"/a%", "/a%", NULL, 1, "a%"},
        {"/a+b", "/a+b", NULL, 1, "a+b"},
        {"/{x", "/{x", NULL, 1, "\\{x"},
        {"/../plain.txt", "/plain.txt", NULL, 1, "plain.txt"},
        {"/../../../etc", "/etc", NULL, 1, "etc"},
        {"/dir/%2e%2e/plain.txt", "/plain.txt", NULL, 1, "plain.txt"},
        {"/dir/.%2E/plain.txt", "/plain.txt", NULL, 1, "plain.txt"},
        {"/dir/%2e/x", "/dir/x", NULL, 2, "dir x"},
        {"/a/./b", "/a/b", NULL, 2, "a b"},
        {"/a/b/..", "/a/", NULL, 1, "a"},
        {"/a/.", "/a/", NULL, 1, "a"},
        {"/..", "/", NULL, 0, ""},
        {"/a//../b", "/b", NULL, 1, "b"},
        {"/a//..//../../x", "/x", NULL, 1, "x"},
        {"/.hidden/...", "/.hidden/...", NULL, 2, ".hidden ..."},
        {"/%2e%2e%2e", "/...", NULL, 1, "..."},
        {"/a\\..\\b", NULL, NULL, 0, NULL},    /* dots beside a slash within a segment */
        {"//host/path", "/host/path", NULL, 3, "{} host path"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(targets); i++) {
        const Target  *t = &targets[i];
        char           input[200], line[150];
        NsHttpRequest *request;

        snprintf(line, sizeof(line), "GET %s HTTP/1.0", t->target);
        snprintf(input, sizeof(input), "%s\r\n\r\n", line);
        if (t->url == NULL) {
            Check(input, "400 Bad Request\n");
            continue;
        }
        request = ParseOne(input);
        assert_string_equal(request->request.line, line);
        assert_string_equal(request->request.method, "GET");
        assert_string_equal(request->request.rawUrl, t->target);
        assert_string_equal(request->request.url, t->url);
        assert_string_equal(request->request.urlv, t->urlv);
        assert_int_equal(request->request.urlc, t->urlc);
        assert_int_equal(request->request.requestType, NS_REQUEST_TYPE_PLAIN);
        assert_null(request->request.protocol);
        assert_null(request->request.host);
        assert_int_equal(request->request.port, 0);
        if (t->query == NULL) {
            assert_null(request->request.query);
        } else {
            assert_string_equal(request->request.query, t->query);
        }
        NsHttpRequestFree(request);
    }
}

static void
CheckProxy(const char *line, Ns_RequestType type, const char *protocol, const char *host, int port, const char *url,
           const char *query)
{
    char           input[200];
    NsHttpRequest *request;

    snprintf(input, sizeof(input), "%s HTTP/1.1\r\nHost: x\r\n\r\n", line);
    request = ParseOne(input);
    assert_int_equal(request->request.requestType, type);
    if (protocol == NULL) {
        assert_null(request->request.protocol);
    } else {
        assert_string_equal(request->request.protocol, protocol);
    }
    assert_string_equal(request->request.host, host);
    assert_int_equal(request->request.port, port);
    assert_string_equal(request->request.url, url);
    if (query == NULL) {
        assert_null(request->request.query);
    } else {
        assert_string_equal(request->request.query, query);
    }
    NsHttpRequestFree(request);
}

static void
test_targets_of_proxies(void **state)
{
    (void)state;
    CheckProxy("GET http://localhost:81/t/x", NS_REQUEST_TYPE_PROXY, "http", "localhost", 81, "/t/x", NULL);
    CheckProxy("GET https://h/a/../b?q=1", NS_REQUEST_TYPE_PROXY, "https", "h", 0, "/b", "q=1");
    CheckProxy("GET http://h", NS_REQUEST_TYPE_PROXY, "http", "h", 0, "/", NULL);
    CheckProxy("GET http://h?q", NS_REQUEST_TYPE_PROXY, "http", "h", 0, "/", "q");
    CheckProxy("GET http://[::1]:8080/", NS_REQUEST_TYPE_PROXY, "http", "::1", 8080, "/", NULL);
    CheckProxy("CONNECT localhost:80", NS_REQUEST_TYPE_CONNECT, NULL, "localhost", 80, "/", NULL);
    CheckProxy("CONNECT [::1]:443", NS_REQUEST_TYPE_CONNECT, NULL, "::1", 443, "/", NULL);
}

static void
test_many_segments(void **state)
{
    char           input[1000] = "GET ";
    NsHttpRequest *request;

    (void)state;
    for (int i = 0; i < 200; i++) {
        strcat(input, "/a");
    }
    strcat(input, " HTTP/1.0\r\n\r\n");
    request = ParseOne(input);
    assert_int_equal(request->request.urlc, 200);
    assert_int_equal(strlen(request->request.urlv), 399);
    NsHttpRequestFree(request);
}

/* -------------------------------------------------------------------------------------------------- the interface */

static void
test_head_size_is_what_was_sent(void **state)
{
    NsHttpRequest *request = ParseOne("GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-One:1\r\n\r\n");

    (void)state;
    assert_int_equal(request->headSize, 64);
    assert_string_equal(Ns_SetName(request->headers), "request headers");
    assert_string_equal(Ns_SetGet(request->headers, "X-One"), "1");
    NsHttpRequestFree(request);
    request = ParseOne("GET / HTTP/1.0\n\n");
    assert_int_equal(request->headSize, 16);
    NsHttpRequestFree(request);
}

static void
test_an_idle_parser_is_small(void **state)
{
    NsHttpParser  *parser = NsHttpParserCreate(&limits);
    size_t         consumed;
    NsHttpRequest *request;

    (void)state;
    assert_true(malloc_usable_size(parser) < 200);
    assert_false(NsHttpParserStarted(parser));
    assert_null(NsHttpParserPeek(parser));
    assert_null(NsHttpParserTake(parser));
    assert_int_equal(NsHttpParserFeed(parser, "", 0, &consumed), NS_HTTP_MORE);
    assert_int_equal(NsHttpParserFeed(parser, "G", 1, &consumed), NS_HTTP_MORE);
    assert_true(NsHttpParserStarted(parser));
    assert_null(NsHttpParserPeek(parser));
    assert_int_equal(NsHttpParserFeed(parser, "ET / HTTP/1.0\r\n\r\nrest", 21, &consumed), NS_HTTP_DONE);
    assert_int_equal(consumed, 17);
    /* asking again changes nothing and takes nothing */
    assert_int_equal(NsHttpParserFeed(parser, "rest", 4, &consumed), NS_HTTP_DONE);
    assert_int_equal(consumed, 0);
    request = NsHttpParserTake(parser);
    assert_non_null(request);
    NsHttpRequestFree(request);
    NsHttpRequestFree(NULL);
    assert_false(NsHttpParserStarted(parser));
    assert_int_equal(NsHttpParserFeed(parser, "\r", 1, &consumed), NS_HTTP_MORE);
    assert_false(NsHttpParserStarted(parser));
    NsHttpParserFree(parser);
    NsHttpParserFree(NULL);
}

static void
test_an_error_stays(void **state)
{
    NsHttpParser *parser = NsHttpParserCreate(&limits);
    size_t        consumed;
    const char   *input = "GET / HTTP/1.1\r\n\r\n";

    (void)state;
    assert_int_equal(NsHttpParserError(parser, NULL), 0);
    assert_int_equal(NsHttpParserFeed(parser, input, strlen(input), &consumed), NS_HTTP_ERROR);
    assert_non_null(NsHttpParserPeek(parser));             /* the line was fine */
    assert_int_equal(NsHttpParserFeed(parser, input, strlen(input), &consumed), NS_HTTP_ERROR);
    assert_int_equal(consumed, 0);
    assert_int_equal(NsHttpParserError(parser, NULL), 400);
    assert_null(NsHttpParserTake(parser));
    NsHttpParserFree(parser);
}

static void
test_head_lets_the_caller_lower_the_limit(void **state)
{
    static const char *const inputs[] = {POST "Content-Length: 4\r\n\r\n", CHUNKED};
    static const char *const bodies[] = {"abcd", "4\r\nabcd\r\n0\r\n\r\n"};

    (void)state;
    for (size_t i = 0; i < COUNT(inputs); i++) {
        for (size_t max = 3; max <= 4; max++) {
            NsHttpParser *parser = NsHttpParserCreate(&limits);
            size_t        consumed;

            assert_int_equal(NsHttpParserFeed(parser, inputs[i], strlen(inputs[i]), &consumed), NS_HTTP_HEAD);
            assert_int_equal(consumed, strlen(inputs[i]));
            assert_string_equal(NsHttpParserPeek(parser)->request.url, "/t");
            NsHttpParserSetMaxInput(parser, max);
            assert_int_equal(NsHttpParserFeed(parser, bodies[i], strlen(bodies[i]), &consumed),
                             max == 3 ? NS_HTTP_ERROR : NS_HTTP_DONE);
            assert_int_equal(NsHttpParserError(parser, NULL), max == 3 ? 413 : 0);
            NsHttpParserFree(parser);
        }
    }
}

static void
test_the_limit_is_the_drivers_again_for_the_next_request(void **state)
{
    static const char input[] = POST "Content-Length: 4\r\n\r\n";
    NsHttpParser     *parser = NsHttpParserCreate(&limits);
    size_t            consumed;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(NsHttpParserFeed(parser, input, sizeof(input) - 1, &consumed), NS_HTTP_HEAD);
        NsHttpParserSetMaxInput(parser, 4);
        assert_int_equal(NsHttpParserFeed(parser, "abc", 3, &consumed), NS_HTTP_MORE);
        assert_int_equal(NsHttpParserFeed(parser, "def", 3, &consumed), NS_HTTP_DONE);
        assert_int_equal(consumed, 1);
        NsHttpRequestFree(NsHttpParserTake(parser));
    }
    assert_int_equal(NsHttpParserFeed(parser, CHUNKED, strlen(CHUNKED), &consumed), NS_HTTP_HEAD);
    assert_int_equal(NsHttpParserFeed(parser, "5\r\n", 3, &consumed), NS_HTTP_MORE);
    NsHttpParserFree(parser);
}

static void
test_memory_follows_what_arrives(void **state)
{
    static const NsHttpLimits large = {.maxLine = 1000, .maxHeaders = 20, .maxInput = (size_t)1 << 40};
    static const char         input[] = POST "Content-Length: 1000000000000\r\n\r\nx";
    NsHttpParser             *parser = NsHttpParserCreate(&large);
    size_t                    consumed;

    (void)state;
    assert_int_equal(NsHttpParserFeed(parser, input, sizeof(input) - 1, &consumed), NS_HTTP_HEAD);
    assert_int_equal(NsHttpParserFeed(parser, input + consumed, 1, &consumed), NS_HTTP_MORE);
    assert_true(malloc_usable_size(NsHttpParserPeek(parser)->body) < 10000);
    NsHttpParserFree(parser);
}

static void
test_large_bodies_in_any_pieces(void **state)
{
    enum { SIZE = 99999 };
    char        *body = malloc(SIZE), *input = malloc(SIZE * 2);
    const size_t pieces[] = {SIZE * 2, 4096, 1000, 17};

    (void)state;
    for (size_t i = 0; i < SIZE; i++) {
        body[i] = (char)(i * 2654435761u >> 13);
    }
    for (size_t k = 0; k < COUNT(pieces) * 2; k++) {
        NsHttpParser  *parser = NsHttpParserCreate(&limits);
        NsHttpResult   result = NS_HTTP_MORE;
        size_t         len = 0, at = 0;
        NsHttpRequest *request;

        if (k % 2 == 0) {
            len = (size_t)sprintf(input, POST "Content-Length: %d\r\n\r\n", SIZE);
            memcpy(input + len, body, SIZE);
            len += SIZE;
        } else {
            len = (size_t)sprintf(input, CHUNKED);
            for (size_t i = 0, n = 1; i < SIZE; i += n, n = n * 3 % 5003) {
                n = n < SIZE - i ? n : SIZE - i;
                len += (size_t)sprintf(input + len, "%zx\r\n", n);
                memcpy(input + len, body + i, n);
                len += n + (size_t)sprintf(input + len + n, "\r\n");
            }
            len += (size_t)sprintf(input + len, "0\r\n\r\n");
        }
        while (at < len && result != NS_HTTP_DONE) {
            size_t n = len - at < pieces[k / 2] ? len - at : pieces[k / 2], consumed;

            result = NsHttpParserFeed(parser, input + at, n, &consumed);
            assert_int_not_equal(result, NS_HTTP_ERROR);
            at += consumed;
        }
        assert_int_equal(at, len);
        request = NsHttpParserTake(parser);
        assert_int_equal(request->bodyLen, SIZE);
        assert_memory_equal(request->body, body, SIZE);
        NsHttpRequestFree(request);
        NsHttpParserFree(parser);
    }
    free(input);
    free(body);
}

/* ------------------------------------------------------------------------------------------------------------ spools */

struct NsHttpSpool {
    Tcl_DString bytes;
    int         limit, freed, writes;
};

static bool
SpoolWrite(struct NsHttpSpool *spool, const char *data, size_t len)
{
    spool->writes++;
    if (Tcl_DStringLength(&spool->bytes) + (int)len > spool->limit) {
        return false;
    }
    Tcl_DStringAppend(&spool->bytes, data, (int)len);
    return true;
}

static void
SpoolFree(struct NsHttpSpool *spool)
{
    spool->freed++;
    Tcl_DStringFree(&spool->bytes);
}

/* Feed in pieces of `piece` bytes; from the `from`th byte of the input on the body is spooled. */
static NsHttpResult
FeedSpooled(NsHttpParser *parser, const char *input, size_t piece, size_t from, struct NsHttpSpool *spool)
{
    size_t       len = strlen(input), at = 0, consumed;
    NsHttpResult result = NS_HTTP_MORE;
    bool         spooled = false;

    Tcl_DStringInit(&spool->bytes);
    while (at < len && (result == NS_HTTP_MORE || result == NS_HTTP_HEAD)) {
        size_t n = len - at < piece ? len - at : piece;

        result = NsHttpParserFeed(parser, input + at, n, &consumed);
        at += consumed;
        if (!spooled && at >= from && result == NS_HTTP_MORE && NsHttpParserPeek(parser) != NULL) {
            spooled = true;
            NsHttpParserSpool(parser, spool, SpoolWrite, SpoolFree);
            assert_int_equal(NsHttpParserPeek(parser)->bodySize, 0);
        }
    }
    return result;
}

#define UPLOAD "POST / HTTP/1.1\r\nHost: h\r\n"

static void
test_a_body_goes_to_a_spool_wherever_that_begins(void **state)
{
    static const char *const inputs[] = {
        UPLOAD "Content-Length: 20\r\n\r\n01234567890123456789", UPLOAD "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\na\r\n5678901234\r\n5\r\n56789\r\n0\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t head = (size_t)(strstr(inputs[i], "\r\n\r\n") - inputs[i]) + 4;

        for (size_t from = head + 1; from < strlen(inputs[i]); from++) {
            for (size_t piece = 1; piece < 12; piece += 5) {
                struct NsHttpSpool spool = {.limit = 1000};
                NsHttpParser      *parser = NsHttpParserCreate(&limits);
                NsHttpRequest     *request;
                bool               spooled;

                assert_int_equal(FeedSpooled(parser, inputs[i], piece, from, &spool), NS_HTTP_DONE);
                request = NsHttpParserTake(parser);
                assert_int_equal(request->bodyLen, 20);
                if (request->spool != NULL) {
                    assert_null(request->body);
                    assert_string_equal(Tcl_DStringValue(&spool.bytes), "01234567890123456789");
                }
                spooled = request->spool != NULL;
                NsHttpRequestFree(request);
                assert_int_equal(spool.freed, spooled);
                NsHttpParserFree(parser);
            }
        }
    }
}

/* A write is a call of the system: a quarter of a megabyte of such chunks must not be forty thousand of them. */
static void
test_chunks_of_one_byte_are_written_together(void **state)
{
    enum { CHUNKS = 40000, LARGE = 20000 };
    struct NsHttpSpool spool = {.limit = 2 * CHUNKS + LARGE};
    NsHttpLimits       large = limits;
    NsHttpParser      *parser;
    NsHttpRequest     *request;
    Tcl_DString        input, want;
    char               chunk[16];

    (void)state;
    large.maxInput = 1000000;
    parser = NsHttpParserCreate(&large);
    Tcl_DStringInit(&input);
    Tcl_DStringInit(&want);
    Tcl_DStringAppend(&input, UPLOAD "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", -1);
    Tcl_DStringAppend(&want, "x", -1);
    for (int i = 0; i < 2 * CHUNKS; i++) {
        if (i == CHUNKS) {                     /* between them one that is too large to be gathered */
            snprintf(chunk, sizeof(chunk), "%x\r\n", LARGE);
            Tcl_DStringAppend(&input, chunk, -1);
            for (int j = 0; j < LARGE; j++) {
                Tcl_DStringAppend(&input, "L", 1);
                Tcl_DStringAppend(&want, "L", 1);
            }
            Tcl_DStringAppend(&input, "\r\n", 2);
        }
        if (i < 2 * CHUNKS - 1) {
            snprintf(chunk, sizeof(chunk), "1\r\n%c\r\n", 'a' + i % 26);
            Tcl_DStringAppend(&input, chunk, -1);
            Tcl_DStringAppend(&want, chunk + 3, 1);
        }
    }
    Tcl_DStringAppend(&input, "0\r\n\r\n", -1);
    assert_int_equal(FeedSpooled(parser, Tcl_DStringValue(&input), 100000, 1000, &spool), NS_HTTP_DONE);
    request = NsHttpParserTake(parser);
    assert_int_equal(request->bodyLen, 2 * CHUNKS + LARGE);
    assert_string_equal(Tcl_DStringValue(&spool.bytes), Tcl_DStringValue(&want));
    assert_in_range(spool.writes, 1, 40);
    NsHttpRequestFree(request);
    NsHttpParserFree(parser);
    Tcl_DStringFree(&input);
    Tcl_DStringFree(&want);
}

static void
test_a_spool_that_is_full_is_507(void **state)
{
    static const char input[] = UPLOAD "Content-Length: 20\r\n\r\n01234567890123456789";

    (void)state;
    for (int limit = 0; limit < 20; limit++) {
        struct NsHttpSpool spool = {.limit = limit};
        NsHttpParser      *parser = NsHttpParserCreate(&limits);

        assert_int_equal(FeedSpooled(parser, input, 1, strlen(input) - 15, &spool), NS_HTTP_ERROR);
        assert_int_equal(NsHttpParserError(parser, NULL), 507);
        NsHttpParserFree(parser);
        assert_int_equal(spool.freed, 1);
    }
}

static void
test_a_head_in_pieces_has_memory_until_it_is_taken(void **state)
{
    NsHttpParser *parser = NsHttpParserCreate(&limits);
    size_t        consumed, before = NsInputMemory();

    (void)state;
    assert_int_equal(NsHttpParserFeed(parser, UPLOAD, strlen(UPLOAD), &consumed), NS_HTTP_MORE);
    assert_true(NsInputMemory() > before);
    assert_int_equal(NsInputMemory() - before, NsHttpParserMemory(parser));
    assert_int_equal(NsHttpParserFeed(parser, "\r\n", 2, &consumed), NS_HTTP_DONE);
    NsHttpRequestFree(NsHttpParserTake(parser));
    assert_int_equal(NsInputMemory(), before);
    assert_int_equal(NsHttpParserFeed(parser, UPLOAD, strlen(UPLOAD), &consumed), NS_HTTP_MORE);
    NsHttpParserFree(parser);
    assert_int_equal(NsInputMemory(), before);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_requests),
        cmocka_unit_test(test_connection_tokens),
        cmocka_unit_test(test_bodies_with_length),
        cmocka_unit_test(test_chunked_bodies),
        cmocka_unit_test(test_pipelined_requests),
        cmocka_unit_test(test_refused_request_lines),
        cmocka_unit_test(test_refused_versions),
        cmocka_unit_test(test_refused_headers),
        cmocka_unit_test(test_accepted_hosts),
        cmocka_unit_test(test_a_nul_is_refused_anywhere),
        cmocka_unit_test(test_refused_framing),
        cmocka_unit_test(test_bare_lf_in_heads),
        cmocka_unit_test(test_refused_chunks),
        cmocka_unit_test(test_request_line_limit),
        cmocka_unit_test(test_header_line_limit),
        cmocka_unit_test(test_header_count_limit),
        cmocka_unit_test(test_head_limit),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_chunk_extensions_are_bounded),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_targets_of_proxies),
        cmocka_unit_test(test_many_segments),
        cmocka_unit_test(test_head_size_is_what_was_sent),
        cmocka_unit_test(test_an_idle_parser_is_small),
        cmocka_unit_test(test_an_error_stays),
        cmocka_unit_test(test_head_lets_the_caller_lower_the_limit),
        cmocka_unit_test(test_the_limit_is_the_drivers_again_for_the_next_request),
        cmocka_unit_test(test_memory_follows_what_arrives),
        cmocka_unit_test(test_large_bodies_in_any_pieces),
        cmocka_unit_test(test_a_body_goes_to_a_spool_wherever_that_begins),
        cmocka_unit_test(test_chunks_of_one_byte_are_written_together),
        cmocka_unit_test(test_a_spool_that_is_full_is_507),
        cmocka_unit_test(test_a_head_in_pieces_has_memory_until_it_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
