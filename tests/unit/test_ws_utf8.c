/* SPDX-License-Identifier: MPL-2.0 */
/*
 * UTF-8 as it arrives: every code point, every wrong sequence, every cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "guard.h"
#include "ws/utf8.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static size_t
Encode(uint32_t code, uint8_t *out)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

static void
test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x200000; code++) {
        uint8_t bytes[4];
        size_t  len = Encode(code, bytes);
        bool    expected = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);

        if (NsUtf8Valid(bytes, len) != expected) {
            print_error("U+%X\n", code);
        }
        assert_int_equal(NsUtf8Valid(bytes, len), expected);
    }
}

static void
test_overlong_forms(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x10000; code++) {
        uint8_t two[] = {(uint8_t)(0xc0 | code >> 6), (uint8_t)(0x80 | (code & 0x3f))};
        uint8_t three[] = {(uint8_t)(0xe0 | code >> 12), (uint8_t)(0x80 | (code >> 6 & 0x3f)),
                           (uint8_t)(0x80 | (code & 0x3f))};
        uint8_t four[] = {0xf0, (uint8_t)(0x80 | (code >> 12 & 0x3f)), (uint8_t)(0x80 | (code >> 6 & 0x3f)),
                          (uint8_t)(0x80 | (code & 0x3f))};

        if (code < 0x80) {
            assert_false(NsUtf8Valid(two, sizeof(two)));
        }
        if (code < 0x800) {
            assert_false(NsUtf8Valid(three, sizeof(three)));
        }
        assert_false(NsUtf8Valid(four, sizeof(four)));
    }
}

/* All sequences of two bytes, and of three with a choice of the last. */
static void
test_all_short_sequences(void **state)
{
    static const uint8_t last[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};

    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            uint8_t bytes[] = {(uint8_t)a, (uint8_t)b, 0};
            bool    two = (a < 0x80 && b < 0x80) || (a >= 0xc2 && a <= 0xdf && b >= 0x80 && b <= 0xbf);

            assert_int_equal(NsUtf8Valid(bytes, 1), a < 0x80);
            assert_int_equal(NsUtf8Valid(bytes, 2), two);
            for (size_t i = 0; i < COUNT(last); i++) {
                bool more = (last[i] & 0xc0) == 0x80;
                bool start3 = a >= 0xe0 && a <= 0xef && b >= (a == 0xe0 ? 0xa0u : 0x80u)
                    && b <= (a == 0xed ? 0x9fu : 0xbfu);
                bool tail2 = a < 0x80 && b >= 0xc2 && b <= 0xdf;

                bytes[2] = last[i];
                assert_int_equal(NsUtf8Valid(bytes, 3), (two && last[i] < 0x80) || (start3 && more) || (tail2 && more));
            }
        }
    }
}

/* Fed in two pieces at each place: the same answer, and an end within a character is seen. */
static void
test_text_cut_anywhere(void **state)
{
    static const char text[] = "plain ASCII text that is longer than four registers wide \xc3\xa4 \xe2\x82\xac and "
                               "\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf some more of it behind, thirty-two bytes or more";
    size_t            len = sizeof(text) - 1;

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        NsUtf8 utf8 = {0};

        assert_true(NsUtf8Feed(&utf8, Guard(text, cut), cut));
        assert_int_equal(NsUtf8Complete(&utf8), (text[cut] & 0xc0) != 0x80);
        assert_int_equal(NsUtf8Valid(Guard(text, cut), cut), (text[cut] & 0xc0) != 0x80);
        assert_true(NsUtf8Feed(&utf8, Guard(text + cut, len - cut), len - cut));
        assert_true(NsUtf8Complete(&utf8));
    }
}

static void
test_text_byte_by_byte(void **state)
{
    NsUtf8 utf8 = {0};

    (void)state;
    for (uint32_t code = 1; code < 0x110000; code += 97) {
        uint8_t bytes[4];
        size_t  len = Encode(code, bytes);

        if (code >= 0xd800 && code <= 0xdfff) {
            continue;
        }
        for (size_t i = 0; i < len; i++) {
            assert_true(NsUtf8Feed(&utf8, &bytes[i], 1));
            assert_int_equal(NsUtf8Complete(&utf8), i + 1 == len);
        }
        assert_true(NsUtf8Feed(&utf8, NULL, 0));
    }
}

/* One wrong byte in a long ASCII text, at each place, is found; and it is found when it arrives, not at the end. */
static void
test_fails_at_the_first_bad_byte(void **state)
{
    uint8_t text[200];

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t at = 0; at < sizeof(text); at++) {
        NsUtf8 utf8 = {0};

        text[at] = 0xff;
        assert_false(NsUtf8Valid(Guard(text, sizeof(text)), sizeof(text)));
        assert_true(NsUtf8Feed(&utf8, text, at));
        assert_false(NsUtf8Feed(&utf8, text + at, 1));
        text[at] = 'x';
    }
    assert_true(NsUtf8Valid(text, sizeof(text)));
}

/*
 * The second byte of an overlong form, a surrogate, or one past the end is refused at once, though more could follow.
 */
static void
test_fails_within_a_character(void **state)
{
    static const uint8_t cases[][2] = {{0xe0, 0x9f}, {0xed, 0xa0}, {0xf0, 0x8f}, {0xf4, 0x90}, {0xe2, 0x28},
                                       {0xc3, 0xc3}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        NsUtf8 utf8 = {0};

        assert_true(NsUtf8Feed(&utf8, &cases[i][0], 1));
        assert_false(NsUtf8Complete(&utf8));
        assert_false(NsUtf8Feed(&utf8, &cases[i][1], 1));
    }
}

static void
test_nothing_is_valid(void **state)
{
    NsUtf8 utf8 = {0};

    (void)state;
    assert_true(NsUtf8Valid(NULL, 0));
    assert_true(NsUtf8Complete(&utf8));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_overlong_forms),
        cmocka_unit_test(test_all_short_sequences),
        cmocka_unit_test(test_text_cut_anywhere),
        cmocka_unit_test(test_text_byte_by_byte),
        cmocka_unit_test(test_fails_at_the_first_bad_byte),
        cmocka_unit_test(test_fails_within_a_character),
        cmocka_unit_test(test_nothing_is_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
