/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The opening handshake: requests, origins, protocols, heads of both sides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "guard.h"
#include "ws/handshake.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
test_accept_key(void **state)
{
    char accept[NS_WS_ACCEPT_LEN + 1];

    (void)state;
    NsWsAcceptKey(Guard("dGhlIHNhbXBsZSBub25jZQ==", 24), 24, accept);      /* RFC 6455, 1.3 */
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    NsWsAcceptKey("x3JJHMbDL1EzLkh9GBhXDw==", 24, accept);
    assert_string_equal(accept, "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
    NsWsAcceptKey("", 0, accept);
    assert_string_equal(accept, "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
}

static void
test_tokens(void **state)
{
    static const char *const yes[] = {"websocket", "WebSocket", "foo, websocket", "websocket,foo", " \twebsocket ",
                                      ",,websocket",
                                      "foo bar, websocket"};
    static const char *const no[] = {"", "web", "websockets", "xwebsocket", "foo websocket", "websocket foo",
                                     "websocket/13",
                                     ",", " ", "websocke", "\"websocket\""};

    (void)state;
    assert_false(NsWsHasToken(NULL, "websocket"));
    for (size_t i = 0; i < COUNT(yes); i++) {
        assert_true(NsWsHasToken(Guard(yes[i], strlen(yes[i]) + 1), "websocket"));
    }
    for (size_t i = 0; i < COUNT(no); i++) {
        assert_false(NsWsHasToken(Guard(no[i], strlen(no[i]) + 1), "websocket"));
    }
}

typedef struct Header {
    const char *name, *value;
} Header;

static const Header good[] = {
    {"host", "localhost"},
    {"upgrade", "websocket"},
    {"connection", "keep-alive, Upgrade"},
    {"sec-websocket-version", "13"},
    {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
};

/* The good headers with one of them replaced (value NULL: left out), and one more added. */
static int
Check(const char *method, double version, const char *replace, const char *value, const char *add, const char *addValue)
{
    Ns_Set     *headers = Ns_SetCreate(NULL);
    const char *reason = "unset";
    int         status;

    for (size_t i = 0; i < COUNT(good); i++) {
        const char *v = replace != NULL && strcmp(good[i].name, replace) == 0 ? value : good[i].value;

        if (v != NULL) {
            Ns_SetPut(headers, good[i].name, v);
        }
    }
    if (add != NULL) {
        Ns_SetPut(headers, add, addValue);
    }
    status = NsWsHandshakeCheck(method, version, headers, &reason);
    assert_int_equal(status, NsWsHandshakeCheck(method, version, headers, NULL));
    if (status == 0) {
        assert_null(reason);
    } else {
        assert_non_null(reason);
        assert_string_not_equal(reason, "unset");
    }
    Ns_SetFree(headers);
    return status;
}

static void
test_good_requests(void **state)
{
    (void)state;
    assert_int_equal(Check("GET", 1.1, NULL, NULL, NULL, NULL), 0);
    assert_int_equal(Check("GET", 1.1, "upgrade", "h2c, WebSocket", NULL, NULL), 0);
    assert_int_equal(Check("GET", 1.1, "connection", "UPGRADE", NULL, NULL), 0);
    assert_int_equal(Check("GET", 1.1, "connection", "keep-alive", "Connection", "upgrade"), 0);
    assert_int_equal(Check("GET", 1.1, "upgrade", "h2c", "Upgrade", "websocket"), 0);
    assert_int_equal(Check("GET", 1.1, "sec-websocket-key", "AQIDBAUGBwgJCgsMDQ4PEC==", NULL, NULL), 0);
    assert_int_equal(Check("GET", 1.1, "sec-websocket-key", "++++////++++////++++//==", NULL, NULL), 0);
}

static void
test_not_a_handshake(void **state)
{
    (void)state;
    assert_int_equal(Check("POST", 1.1, NULL, NULL, NULL, NULL), 400);
    assert_int_equal(Check("get", 1.1, NULL, NULL, NULL, NULL), 400);
    assert_int_equal(Check("GET", 1.0, NULL, NULL, NULL, NULL), 400);
    assert_int_equal(Check("GET", 1.1, "host", NULL, NULL, NULL), 400);
    assert_int_equal(Check("GET", 1.1, "upgrade", NULL, NULL, NULL), 400);
    assert_int_equal(Check("GET", 1.1, "upgrade", "websockets", NULL, NULL), 400);
    assert_int_equal(Check("GET", 1.1, "connection", NULL, NULL, NULL), 400);
    assert_int_equal(Check("GET", 1.1, "connection", "close", NULL, NULL), 400);
}

static void
test_other_versions_are_told_ours(void **state)
{
    (void)state;
    assert_int_equal(Check("GET", 1.1, "sec-websocket-version", NULL, NULL, NULL), 426);
    assert_int_equal(Check("GET", 1.1, "sec-websocket-version", "8", NULL, NULL), 426);
    assert_int_equal(Check("GET", 1.1, "sec-websocket-version", "130", NULL, NULL), 426);
    assert_int_equal(Check("GET", 1.1, "sec-websocket-version", "13, 8", NULL, NULL), 426);
    assert_int_equal(Check("GET", 1.1, "sec-websocket-version", "", NULL, NULL), 426);
    assert_int_equal(Check("GET", 1.1, NULL, NULL, "Sec-WebSocket-Version", "8"), 426);
}

static void
test_keys(void **state)
{
    static const char *const bad[] = {
        "", "x", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZSE=",
        "dGhlIHNhbXBsZSBub25jZQ==x", "dGhlIHNhbXBsZSBub25j!Q==", "dGhlIHNhbXBsZSBub25j Q==", "dGhlIHNhbXBsZSBub25jZSEh",
        "dGhlIHNhbXBsZSBub25j-_==", "d=hlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==",
    };

    (void)state;
    assert_int_equal(Check("GET", 1.1, "sec-websocket-key", NULL, NULL, NULL), 400);
    assert_int_equal(Check("GET", 1.1, NULL, NULL, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), 400);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(Check("GET", 1.1, "sec-websocket-key", bad[i], NULL, NULL), 400);
    }
}

/* A header that is a list: malformed, or more than there may be. */
static void
test_malformed_lists(void **state)
{
    (void)state;
    assert_int_equal(Check("GET", 1.1, NULL, NULL, "Sec-WebSocket-Protocol", "chat, superchat"), 0);
    assert_int_equal(Check("GET", 1.1, NULL, NULL, "Sec-WebSocket-Protocol", ", chat ,,\tsuperchat,"), 0);
    assert_int_equal(Check("GET", 1.1, NULL, NULL, "Sec-WebSocket-Protocol", "chat superchat"), 400);
    assert_int_equal(Check("GET", 1.1, NULL, NULL, "Sec-WebSocket-Protocol", "chat; x=1"), 400);
    assert_int_equal(Check("GET", 1.1, NULL, NULL, "Sec-WebSocket-Protocol", "\"chat\""), 400);
    assert_int_equal(Check("GET", 1.1, NULL, NULL, "Sec-WebSocket-Protocol", "ch\xc3\xa4t"), 400);
    assert_int_equal(Check("GET", 1.1, NULL, NULL, "Origin", "http://x"), 0);
}

/* Which of them would be looked at? */
static void
test_two_origins(void **state)
{
    Ns_Set *headers = Ns_SetCreate(NULL);

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        Ns_SetPut(headers, good[i].name, good[i].value);
    }
    Ns_SetPut(headers, "Origin", "http://localhost");
    assert_int_equal(NsWsHandshakeCheck("GET", 1.1, headers, NULL), 0);
    Ns_SetPut(headers, "origin", "http://evil.org");
    assert_int_equal(NsWsHandshakeCheck("GET", 1.1, headers, NULL), 400);
    Ns_SetFree(headers);
}

/* ---- origins ---- */

static void
test_origins_of_the_same_host(void **state)
{
    static const struct { const char *origin, *host; bool allowed; } cases[] = {
        {NULL, "example.com", true},                          /* no browser */
        {NULL, NULL, true},
        {"http://example.com", "example.com", true},
        {"https://example.com", "example.com", true},
        {"https://EXAMPLE.com", "Example.COM", true},
        {"http://example.com:8080", "example.com:8080", true},
        {"http://example.com:80", "example.com", true},       /* the scheme's own port, told or not */
        {"http://example.com", "example.com:80", true},
        {"https://example.com", "example.com:443", true},
        {"https://example.com:443", "example.com", true},
        {"http://[::1]:8080", "[::1]:8080", true},
        {"http://[::1]", "[::1]", true},
        {"http://127.0.0.1:8000", "127.0.0.1:8000", true},
        {"http://example.com", "example.org", false},
        {"http://example.com", "www.example.com", false},
        {"http://www.example.com", "example.com", false},
        {"http://example.com.evil.org", "example.com", false},
        {"http://evilexample.com", "example.com", false},
        {"http://example.com:8080", "example.com", false},
        {"http://example.com", "example.com:8080", false},
        {"http://example.com:8080", "example.com:8081", false},
        {"https://example.com", "example.com:80", false},
        {"http://example.com:443", "example.com", false},
        {"http://[::1]", "[::2]", false},
        {"null", "example.com", false},
        {"null", "null", false},
        {"", "example.com", false},
        {"example.com", "example.com", false},                /* these are no origins */
        {"://example.com", "example.com", false},
        {"http:/example.com", "example.com", false},
        {"http://example.com/", "example.com", false},
        {"http://user@example.com", "example.com", false},
        {"http://example.com@evil.org", "example.com", false},
        {"http://example.com http://example.com", "example.com", false},
        {"http://", "", false},
        {"http://example.com:", "example.com", false},
        {"http://example.com", "example.com:", true},
        {"http://[::1]", "[::1]:", true},
        {"http://example.com:", "example.com:", false},
        {"http://example.com", ":", false},
        {"http://example.com:0", "example.com:0", false},
        {"http://example.com:65536", "example.com:65536", false},
        {"http://example.com:80x", "example.com", false},
        {"http://[::1", "[::1", false},
        {"http://example.com", NULL, false},
        {"http://example.com", "", false},
        {"http://example.com", "example.com, evil.org", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool allowed = NsWsOriginAllowed(NULL, cases[i].origin, cases[i].host);

        if (allowed != cases[i].allowed) {
            print_error("%s at %s\n", cases[i].origin, cases[i].host);
        }
        assert_int_equal(allowed, cases[i].allowed);
        assert_int_equal(NsWsOriginAllowed("", cases[i].origin, cases[i].host), cases[i].allowed);
    }
}

static void
test_origins_by_patterns(void **state)
{
    static const struct { const char *patterns, *origin; bool allowed; } cases[] = {
        {"*", "http://example.com", true},
        {"*", "null", true},
        {"*", "garbage", true},
        {"*", NULL, true},
        {"https://example.com", "https://example.com", true},
        {"https://example.com", "HTTPS://Example.com", true},
        {"https://example.com", "http://example.com", false},
        {"https://example.com", "https://example.com:8443", false},
        {"https://example.com:*", "https://example.com:8443", true},
        {"example.com", "https://example.com:8443", true},    /* the host alone */
        {"example.com", "https://www.example.com", false},
        {"*.example.com", "https://www.example.com", true},
        {"*.example.com", "https://example.com", false},
        {"*.example.com", "https://example.com.evil.org", false},
        {"https://*.example.com", "https://a.b.example.com", true},
        {"https://*.example.com", "http://a.b.example.com", false},
        {"[ab].org", "http://b.org", true},
        {"\\[::1\\]", "http://[::1]:8080", false},            /* in a list a backslash goes: */
        {"{\\[::1\\]}", "http://[::1]:8080", true},
        {"a.org b.org", "http://b.org", true},
        {"a.org b.org", "http://c.org", false},
        {"a.org", "http://localhost", false},                 /* the same host is not in it of itself */
        {"null", "null", true},
        {"null", "http://null", true},
        {"n*", "null", false},
        {"?*", "null", false},
        {"a.org null", "null", true},
        {"a.org", "null", false},
        {"garbage", "garbage", false},                        /* no origin */
        {"*.example.com", "https://evil.org/.example.com", false},
        {"{unbalanced", "http://localhost", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool allowed = NsWsOriginAllowed(cases[i].patterns, cases[i].origin, "localhost");

        if (allowed != cases[i].allowed) {
            print_error("%s by %s\n", cases[i].origin, cases[i].patterns);
        }
        assert_int_equal(allowed, cases[i].allowed);
    }
}

/* ---- protocols ---- */

static void
test_protocols(void **state)
{
    static const struct { const char *first, *second, *ours, *chosen; } cases[] = {
        {NULL, NULL, "chat", ""},
        {"chat", NULL, NULL, ""},
        {"chat", NULL, "", ""},
        {"chat", NULL, "chat", "chat"},
        {"chat, superchat", NULL, "superchat chat", "chat"},          /* the client's order */
        {"superchat, chat", NULL, "superchat chat", "superchat"},
        {"x, y,chat", NULL, "superchat chat", "chat"},
        {"x", "y, chat", "chat", "chat"},                             /* two headers are one list */
        {" ,, chat", NULL, "chat", "chat"},
        {"Chat", NULL, "chat", ""},
        {"chatter", NULL, "chat", ""},
        {"chat", NULL, "chatter", ""},
        {"cha", NULL, "chat", ""},
        {"", NULL, "chat", ""},
        {"chat", NULL, "{unbalanced", ""},
        {"x y, chat", NULL, "chat", ""},                              /* malformed */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        Ns_Set     *headers = Ns_SetCreate(NULL);
        Tcl_DString chosen;

        Tcl_DStringInit(&chosen);
        if (cases[i].first != NULL) {
            Ns_SetPut(headers, "Sec-WebSocket-Protocol", cases[i].first);
        }
        if (cases[i].second != NULL) {
            Ns_SetPut(headers, "sec-websocket-protocol", cases[i].second);
        }
        assert_int_equal(NsWsChooseProtocol(headers, cases[i].ours, &chosen), *cases[i].chosen != '\0');
        assert_string_equal(Tcl_DStringValue(&chosen), cases[i].chosen);
        Tcl_DStringFree(&chosen);
        Ns_SetFree(headers);
    }
}

/* ---- heads ---- */

/* One more header that is to be sent. */
static Ns_Set *
OneHeader(const char *name, const char *value)
{
    Ns_Set *headers = Ns_SetCreate(NULL);

    Ns_SetPut(headers, name, value);
    return headers;
}

static void
test_answer_head(void **state)
{
    static const char start[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    Ns_Set           *request = OneHeader("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), *empty = Ns_SetCreate(NULL);
    Ns_Set           *extra = OneHeader("Set-Cookie", "a=b; Path=/");
    Tcl_DString       head, expected;

    (void)state;
    Ns_SetPut(extra, "X-Empty", "");
    Tcl_DStringInit(&head);
    Tcl_DStringInit(&expected);
    assert_true(NsWsAnswerHead(request, NULL, NULL, NULL, &head));
    Tcl_DStringAppend(&expected, start, -1);
    Tcl_DStringAppend(&expected, "\r\n", 2);
    assert_string_equal(Tcl_DStringValue(&head), Tcl_DStringValue(&expected));
    Tcl_DStringSetLength(&head, 0);
    assert_true(NsWsAnswerHead(request, "chat", "permessage-deflate", extra, &head));
    Tcl_DStringSetLength(&expected, sizeof(start) - 1);
    Tcl_DStringAppend(&expected, "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
                                 "Set-Cookie: a=b; Path=/\r\n\r\n", -1);
    assert_string_equal(Tcl_DStringValue(&head), Tcl_DStringValue(&expected));
    Tcl_DStringSetLength(&head, 0);
    assert_false(NsWsAnswerHead(empty, NULL, NULL, NULL, &head));     /* no key */
    assert_int_equal(Tcl_DStringLength(&head), 0);
    Tcl_DStringFree(&head);
    Tcl_DStringFree(&expected);
    Ns_SetFree(request);
    Ns_SetFree(empty);
    Ns_SetFree(extra);
}

static void
test_headers_that_cannot_be_added(void **state)
{
    static const char *const bad[][2] = {
        {"", "x"}, {"a b", "x"}, {"a:", "x"}, {"a\r\nb", "x"}, {"\xc3\xa4", "x"},
        {"x", "a\r\nb: c"}, {"x", "a\nb"}, {"x", "a\rb"}, {"x", "\x01"}, {"x", "\x7f"},
        {"Host", "x"}, {"upgrade", "x"}, {"CONNECTION", "close"}, {"Content-Length", "5"},
        {"transfer-encoding", "chunked"},
        {"Sec-WebSocket-Key", "x"}, {"sec-websocket-accept", "x"}, {"Sec-WebSocket-Anything", "x"},
    };
    Ns_Set     *request = OneHeader("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    Tcl_DString head;

    (void)state;
    Tcl_DStringInit(&head);
    for (size_t i = 0; i < COUNT(bad); i++) {
        Ns_Set *extra = OneHeader(bad[i][0], bad[i][1]);

        assert_false(NsWsAnswerHead(request, NULL, NULL, extra, &head));
        assert_false(NsWsRequestHead("h", "/", "k", NULL, NULL, extra, &head));
        assert_int_equal(Tcl_DStringLength(&head), 0);
        Ns_SetFree(extra);
    }
    Tcl_DStringFree(&head);
    Ns_SetFree(request);
}

static void
test_key(void **state)
{
    char    key[NS_WS_KEY_LEN + 1];
    uint8_t bytes[16] = "the sample nonc";

    (void)state;
    bytes[15] = 'e';
    NsWsMakeKey(bytes, key);
    assert_string_equal(key, "dGhlIHNhbXBsZSBub25jZQ==");
    memset(bytes, 0xff, sizeof(bytes));
    NsWsMakeKey(bytes, key);
    assert_string_equal(key, "/////////////////////w==");
}

static void
test_request_head(void **state)
{
    Ns_Set     *extra = OneHeader("Origin", "http://example.com");
    Tcl_DString head;

    (void)state;
    Tcl_DStringInit(&head);
    assert_true(NsWsRequestHead("server.example.com:8080", "/chat?a=b", "dGhlIHNhbXBsZSBub25jZQ==", NULL, NULL, NULL,
                                &head));
    assert_string_equal(Tcl_DStringValue(&head),
                        "GET /chat?a=b HTTP/1.1\r\nHost: server.example.com:8080\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    Tcl_DStringSetLength(&head, 0);
    assert_true(NsWsRequestHead("h", "/", "k", "chat superchat", "permessage-deflate", extra, &head));
    assert_non_null(strstr(Tcl_DStringValue(&head), "\r\nSec-WebSocket-Protocol: chat, superchat\r\n"));
    assert_non_null(strstr(Tcl_DStringValue(&head), "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"));
    assert_non_null(strstr(Tcl_DStringValue(&head), "\r\nOrigin: http://example.com\r\n\r\n"));
    Tcl_DStringFree(&head);
    Ns_SetFree(extra);
}

static void
test_requests_that_cannot_be_sent(void **state)
{
    static const struct { const char *host, *target, *protocols; } cases[] = {
        {"", "/", NULL}, {"h\r\nX: y", "/", NULL}, {"h ", "/", NULL},
        {"h", "", NULL}, {"h", "x", NULL}, {"h", "/ HTTP/1.1", NULL}, {"h", "/\r\nX: y", NULL}, {"h", "/\t", NULL},
        {"h", "/\x7f", NULL},
        {"h", "/", "{unbalanced"}, {"h", "/", "{}"}, {"h", "/", "{a b}"}, {"h", "/", "a,b"}, {"h", "/", "a\\nb"},
        {"h", "/", "chat x chat"},
    };
    Tcl_DString head;

    (void)state;
    Tcl_DStringInit(&head);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(NsWsRequestHead(cases[i].host, cases[i].target, "k", cases[i].protocols, NULL, NULL, &head));
        assert_int_equal(Tcl_DStringLength(&head), 0);
    }
    Tcl_DStringFree(&head);
}

/* What the server answers, with one header replaced (NULL: left out), and one added. */
static const char *
Answer(int status, const char *replace, const char *value, const char *add, const char *addValue, const char *protocols,
       Tcl_DString *protocol)
{
    static const Header answer[] = {
        {"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
    };
    Ns_Set     *headers = Ns_SetCreate(NULL);
    const char *wrong;

    for (size_t i = 0; i < COUNT(answer); i++) {
        const char *v = replace != NULL && strcmp(answer[i].name, replace) == 0 ? value : answer[i].value;

        if (v != NULL) {
            Ns_SetPut(headers, answer[i].name, v);
        }
    }
    if (add != NULL) {
        Ns_SetPut(headers, add, addValue);
    }
    Tcl_DStringSetLength(protocol, 0);
    wrong = NsWsAnswerCheck(status, headers, "dGhlIHNhbXBsZSBub25jZQ==", protocols, protocol);
    if (wrong != NULL) {
        assert_int_equal(Tcl_DStringLength(protocol), 0);
    }
    Ns_SetFree(headers);
    return wrong;
}

static void
test_answers(void **state)
{
    static const char proto[] = "sec-websocket-protocol";
    Tcl_DString       got;

    (void)state;
    Tcl_DStringInit(&got);
    assert_null(Answer(101, NULL, NULL, NULL, NULL, NULL, &got));
    assert_string_equal(Tcl_DStringValue(&got), "");
    assert_null(Answer(101, "Upgrade", "WebSocket", NULL, NULL, NULL, &got));
    assert_null(Answer(101, "Connection", "keep-alive, upgrade", NULL, NULL, NULL, &got));
    assert_null(Answer(101, NULL, NULL, NULL, NULL, "chat", &got));           /* none chosen */
    assert_null(Answer(101, NULL, NULL, proto, "chat", "superchat chat", &got));
    assert_string_equal(Tcl_DStringValue(&got), "chat");
    assert_non_null(Answer(200, NULL, NULL, NULL, NULL, NULL, &got));
    assert_non_null(Answer(301, NULL, NULL, NULL, NULL, NULL, &got));
    assert_non_null(Answer(101, "Upgrade", NULL, NULL, NULL, NULL, &got));
    assert_non_null(Answer(101, "Upgrade", "websockets", NULL, NULL, NULL, &got));
    assert_non_null(Answer(101, "Connection", NULL, NULL, NULL, NULL, &got));
    assert_non_null(Answer(101, "Connection", "close", NULL, NULL, NULL, &got));
    assert_non_null(Answer(101, "Sec-WebSocket-Accept", NULL, NULL, NULL, NULL, &got));
    assert_non_null(Answer(101, "Sec-WebSocket-Accept", "", NULL, NULL, NULL, &got));
    assert_non_null(Answer(101, "Sec-WebSocket-Accept", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", NULL, NULL, NULL, &got));
    assert_non_null(Answer(101, "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=x", NULL, NULL, NULL, &got));
    assert_non_null(Answer(101, NULL, NULL, "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", NULL, &got));
    assert_non_null(Answer(101, NULL, NULL, proto, "chat", NULL, &got));      /* not asked for */
    assert_non_null(Answer(101, NULL, NULL, proto, "Chat", "chat", &got));
    assert_non_null(Answer(101, NULL, NULL, proto, "chat, superchat", "chat superchat", &got));
    Tcl_DStringFree(&got);
}

static void
test_joined_headers(void **state)
{
    Ns_Set     *headers = OneHeader("A", "1");
    Tcl_DString value;

    (void)state;
    Ns_SetPut(headers, "b", "2");
    Ns_SetPut(headers, "a", "3, 4");
    Ns_SetPut(headers, "a", "");
    Tcl_DStringInit(&value);
    NsWsJoinHeaders(headers, "none", &value);
    assert_string_equal(Tcl_DStringValue(&value), "");
    NsWsJoinHeaders(headers, "a", &value);
    assert_string_equal(Tcl_DStringValue(&value), "1, 3, 4, ");
    Tcl_DStringFree(&value);
    Ns_SetFree(headers);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_key),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_not_a_handshake),
        cmocka_unit_test(test_other_versions_are_told_ours),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_malformed_lists),
        cmocka_unit_test(test_two_origins),
        cmocka_unit_test(test_origins_of_the_same_host),
        cmocka_unit_test(test_origins_by_patterns),
        cmocka_unit_test(test_protocols),
        cmocka_unit_test(test_answer_head),
        cmocka_unit_test(test_headers_that_cannot_be_added),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_request_head),
        cmocka_unit_test(test_requests_that_cannot_be_sent),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_joined_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
