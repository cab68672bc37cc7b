/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The opening handshake.
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
