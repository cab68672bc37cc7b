/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Response heads, chunk framing, character classes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "guard.h"
#include "http/chars.h"
#include "http/head.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
test_status_texts(void **state)
{
    static const struct { int status; const char *text; } cases[] = {
        {100, "Continue"}, {101, "Switching Protocols"}, {200, "OK"}, {204, "No Content"}, {206, "Partial Content"},
        {304, "Not Modified"}, {308, "Permanent Redirect"}, {400, "Bad Request"}, {404, "Not Found"},
        {405, "Method Not Allowed"}, {413, "Request Entity Too Large"}, {414, "URI Too Long"},
        {416, "Range Not Satisfiable"}, {426, "Upgrade Required"}, {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"}, {500, "Internal Server Error"}, {501, "Not Implemented"},
        {503, "Service Unavailable"}, {505, "HTTP Version Not Supported"}, {511, "Network Authentication Required"},
        {299, "Unknown Reason"}, {599, "Unknown Reason"}, {99, "Unknown Reason"}, {0, "Unknown Reason"},
        {-1, "Unknown Reason"}, {1000, "Unknown Reason"}, {306, "Unknown Reason"},
    };
    int known = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(NsHttpStatusText(cases[i].status), cases[i].text);
    }
    for (int status = 0; status < 1000; status++) {
        known += strcmp(NsHttpStatusText(status), "Unknown Reason") != 0;
    }
    assert_int_equal(known, 62);
}

static void
test_status_without_body(void **state)
{
    (void)state;
    assert_false(NsHttpStatusHasBody(100));
    assert_false(NsHttpStatusHasBody(101));
    assert_false(NsHttpStatusHasBody(204));
    assert_false(NsHttpStatusHasBody(205));
    assert_false(NsHttpStatusHasBody(304));
    assert_true(NsHttpStatusHasBody(200));
    assert_true(NsHttpStatusHasBody(404));
}

static void
test_a_head(void **state)
{
    Ns_Set     *headers = Ns_SetCreate(NULL);
    size_t      bad = 77;
    Tcl_DString ds;

    (void)state;
    Ns_SetPut(headers, "Content-Type", "text/plain; charset=utf-8");
    Ns_SetPut(headers, "set-cookie", "a=1");
    Ns_SetPut(headers, "set-cookie", "b=\"\xc3\xa4\"\t");
    Ns_SetPut(headers, "X-Empty", "");
    Tcl_DStringInit(&ds);
    NsHttpHeadStart(&ds, 1.1, 200);
    assert_int_equal(NsHttpHeadAddSet(&ds, headers, &bad), 0);
    assert_int_equal(bad, 77);
    assert_true(NsHttpHeadAdd(&ds, "date", "Thu, 01 Jan 1970 00:00:00 GMT"));
    NsHttpHeadEnd(&ds);
    assert_string_equal(Tcl_DStringValue(&ds),
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nset-cookie: a=1\r\n"
                        "set-cookie: b=\"\xc3\xa4\"\t\r\nX-Empty: \r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n");
    Tcl_DStringFree(&ds);
    Tcl_DStringInit(&ds);
    NsHttpHeadStart(&ds, 1.0, 299);
    NsHttpHeadEnd(&ds);
    assert_string_equal(Tcl_DStringValue(&ds), "HTTP/1.0 299 Unknown Reason\r\n\r\n");
    Tcl_DStringFree(&ds);
    Ns_SetFree(headers);
}

static void
test_headers_cannot_be_split(void **state)
{
    static const struct { const char *name, *value; } cases[] = {
        {"X", "a\r\nSet-Cookie: evil=1"}, {"X", "a\nb"}, {"X", "a\rb"}, {"X", "\n"}, {"X", "a\x01"},
        {"X", "0123456\x7f"},
        {"X", "012345678901234\n5678"}, {"X\r\nY", "z"}, {"X Y", "z"}, {"X:", "z"}, {"", "z"}, {"X\xc3\xa4", "z"},
        {"X\t", "z"},
    };
    Ns_Set     *headers = Ns_SetCreate(NULL);
    size_t      bad = 0;
    Tcl_DString ds;

    (void)state;
    Tcl_DStringInit(&ds);
    Ns_SetPut(headers, "good", "1");
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(NsHttpHeadAdd(&ds, cases[i].name, cases[i].value));
        assert_int_equal(Tcl_DStringLength(&ds), 0);
        Ns_SetPut(headers, cases[i].name, cases[i].value);
    }
    Ns_SetPut(headers, "also", "good");
    Ns_SetPut(headers, "none", NULL);
    assert_int_equal(NsHttpHeadAddSet(&ds, headers, &bad), COUNT(cases) + (Ns_SetGet(headers, "none") == NULL));
    assert_int_equal(bad, 1);
    assert_int_equal(strncmp(Tcl_DStringValue(&ds), "good: 1\r\nalso: good\r\n", 21), 0);
    Tcl_DStringSetLength(&ds, 0);
    assert_true(NsHttpHeadAddSet(&ds, headers, NULL) >= COUNT(cases));
    Tcl_DStringFree(&ds);
    Ns_SetFree(headers);
}

/* One wrong byte anywhere in values of any length up to some words is seen; the tab and bytes from 0x80 on are fine. */
static void
test_controls_are_found_anywhere(void **state)
{
    char value[40];

    (void)state;
    for (size_t len = 1; len <= sizeof(value); len++) {
        for (size_t at = 0; at < len; at++) {
            memset(value, 'v', len);
            for (int c = 0; c < 256; c++) {
                value[at] = (char)c;
                assert_int_equal(NsHttpValueValid(Guard(value, len), len), (c >= 0x20 && c != 0x7f) || c == '\t');
            }
        }
    }
    assert_true(NsHttpValueValid(NULL, 0));
}

static void
test_tokens(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        bool expected = c < 128 && c > 0 && (strchr("!#$%&'*+-.^_`|~", c) != NULL || (c >= '0' && c <= '9')
                                             || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'));

        assert_int_equal(NsHttpTokenValid(Guard(&byte, 1), 1), expected);
    }
    assert_false(NsHttpTokenValid("", 0));
    assert_true(NsHttpTokenValid("Content-Type", 12));
    assert_false(NsHttpTokenValid("Content Type", 12));
}

static void
test_character_classes(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        bool ascii = c < 128;

        assert_int_equal(NsCharIs(byte, NS_CHAR_DIGIT), c >= '0' && c <= '9');
        assert_int_equal(NsCharIs(byte, NS_CHAR_ALPHA), ascii && ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'));
        assert_int_equal(NsCharIs(byte, NS_CHAR_UNRES),
                         NsCharIs(byte, NS_CHAR_DIGIT | NS_CHAR_ALPHA)
                             || (c > 0 && ascii && strchr("-._~", c) != NULL));
        assert_int_equal(NsCharIs(byte, NS_CHAR_SUBDEL), c > 0 && ascii && strchr("!$&'()*+,;=", c) != NULL);
        assert_int_equal(NsHexValue(byte), c > 0 && ascii && strchr("0123456789abcdefABCDEF", c) != NULL
                                               ? strtol((char[]){byte, '\0'}, NULL, 16) : -1);
        assert_int_equal(NsCharLower(byte), (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
    }
}

static void
test_chunk_heads(void **state)
{
    static const size_t lengths[] = {1, 9, 10, 15, 16, 17, 255, 256, 4095, 4096, 65535, 65536, 0x7fffffff, SIZE_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        char   out[NS_HTTP_CHUNK_HEAD], expected[32];
        size_t len = NsHttpChunkHead(out, lengths[i]);

        snprintf(expected, sizeof(expected), "%zx\r\n", lengths[i]);
        assert_int_equal(len, strlen(expected));
        assert_memory_equal(out, expected, len);
    }
    assert_string_equal(NS_HTTP_LAST_CHUNK, "0\r\n\r\n");
}

static void
test_decimal_numbers(void **state)
{
    static const struct { uint64_t number; const char *text; } cases[] = {
        {0, "0"}, {9, "9"}, {10, "10"}, {1024, "1024"}, {4294967296, "4294967296"},
        {UINT64_MAX, "18446744073709551615"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char room[NS_DECIMAL_SIZE] = {0}, *to = Guard(room, sizeof(room));

        assert_int_equal(NsDecimalPut(to, cases[i].number), strlen(cases[i].text));
        assert_string_equal(to, cases[i].text);
    }
}

/* One odd byte at each place of each length. */
static void
traits_are_seen_wherever_they_are(void **state)
{
    for (size_t len = 0; len <= 24; len++) {
        char text[25];

        memset(text, 'x', len);
        assert_int_equal(NsCharTraits(text, len), 0);
        for (size_t at = 0; at < len; at++) {
            static const struct { char c; unsigned traits; } odd[] = {
                {'\0', NS_CHAR_HAS_CONTROL}, {'\n', NS_CHAR_HAS_CONTROL}, {'\x7f', NS_CHAR_HAS_CONTROL}, {'\t', 0}, {' ', 0}, {'~', 0},
                {'\x80', NS_CHAR_HAS_HIGH}, {'\xff', NS_CHAR_HAS_HIGH}
            };

            for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
                text[at] = odd[i].c;
                assert_int_equal(NsCharTraits(text, len), odd[i].traits);
            }
            text[at] = 'x';
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_texts),
        cmocka_unit_test(test_status_without_body),
        cmocka_unit_test(test_a_head),
        cmocka_unit_test(test_headers_cannot_be_split),
        cmocka_unit_test(test_controls_are_found_anywhere),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_character_classes),
        cmocka_unit_test(test_decimal_numbers),
        cmocka_unit_test(traits_are_seen_wherever_they_are),
        cmocka_unit_test(test_chunk_heads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
