/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Text inside and bytes outside: every character both ways, every wrong sequence, every cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>
#include "guard.h"
#include "base/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef struct Pair {
    const char *outside;
    size_t      outsideLen;
    const char *inside;
} Pair;

static void
AssertIn(const char *bytes, size_t len, const char *text, size_t textLen)
{
    Tcl_DString ds;
    size_t      n;
    const char *got;

    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "before", -1);
    got = NsTextIn(&ds, Guard(bytes, len), len, &n);
    assert_int_equal(n, textLen);
    assert_memory_equal(got, text, textLen);
    Tcl_DStringFree(&ds);
}

static void
AssertOut(const char *text, size_t len, const char *bytes, size_t bytesLen)
{
    Tcl_DString ds;
    size_t      n;
    const char *got;

    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "before", -1);
    got = NsTextOut(&ds, Guard(text, len), len, &n);
    assert_int_equal(n, bytesLen);
    assert_memory_equal(got, bytes, bytesLen);
    Tcl_DStringFree(&ds);
}

static size_t
Encode(uint32_t code, char *out)
{
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (size_t i = n; i-- > 1; code >>= 6) {
        out[i] = (char)(0x80u | (code & 0x3fu));
    }
    out[0] = (char)(n == 1 ? code : (0xf00u >> n | code));
    return n;
}

static void
test_utf8(void **state)
{
    static const char *const good[] = {"", "abc", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf",
                                       "\xee\x80\x80", "\xf4\x8f\xbf\xbf", "\xe0\xa0\x80", "\xf0\x90\x80\x80",
                                       "a\xc2\x80z"};
    static const char *const bad[] = {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3(",
                                      "\xe2\x82(",
                                      "\xf0\x9f\x98", "\xf0\x9f\x98(", "ok\xc3\xa4\xe4"};

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(NsTextIsUtf8(Guard(good[i], strlen(good[i])), strlen(good[i])));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(NsTextIsUtf8(Guard(bad[i], strlen(bad[i])), strlen(bad[i])));
    }
    assert_true(NsTextIsUtf8("a\0b", 3));
}

/* Tcl converts well-formed UTF-8 to the same text and back. */
static void
test_every_character_as_tcl_has_it(void **state)
{
    Tcl_Encoding utf8 = Tcl_GetEncoding(NULL, "utf-8");

    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        char        bytes[4];
        size_t      len = Encode(code, bytes);
        Tcl_DString ds;

        if (code >= 0xd800 && code <= 0xdfff) {
            continue;
        }
        Tcl_ExternalToUtfDString(utf8, bytes, (int)len, &ds);
        AssertIn(bytes, len, Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds));
        AssertOut(Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds), bytes, len);
        Tcl_DStringFree(&ds);
    }
}

static void
test_what_is_no_utf8_is_latin1(void **state)
{
    static const Pair cases[] = {
        {"\xe9", 1, "\xc3\xa9"},                                        /* alone */
        {"caf\xe9 au lait", 12, "caf\xc3\xa9 au lait"},
        {"\x80\xbf", 2, "\xc2\x80\xc2\xbf"},                            /* no lead byte */
        {"\xc0\xae", 2, "\xc3\x80\xc2\xae"},                            /* overlong dot */
        {"\xc0\x80", 2, "\xc3\x80\xc2\x80"},                            /* what Tcl takes for NUL */
        {"\xe0\x80\xaf", 3, "\xc3\xa0\xc2\x80\xc2\xaf"},                /* overlong slash */
        {"\xed\xa0\xbd\xed\xb8\x80", 6,                                 /* a pair, as CESU-8 has it */
         "\xc3\xad\xc2\xa0\xc2\xbd\xc3\xad\xc2\xb8\xc2\x80"},
        {"\xf4\x90\x80\x80", 4, "\xc3\xb4\xc2\x90\xc2\x80\xc2\x80"},    /* past U+10FFFF */
        {"\xf0\x9f\x98", 3, "\xc3\xb0\xc2\x9f\xc2\x98"},                /* cut */
        {"\xf0\x9f\x98x", 4, "\xc3\xb0\xc2\x9f\xc2\x98x"},
        {"\xff\xfe", 2, "\xc3\xbf\xc3\xbe"},
        {"\xe9\xf0\x9f\x98\x80", 5, "\xc3\xa9\xed\xa0\xbd\xed\xb8\x80"}
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        AssertIn(cases[i].outside, cases[i].outsideLen, cases[i].inside, strlen(cases[i].inside));
    }
}

static void
test_nul_is_two_bytes_inside(void **state)
{
    (void)state;
    AssertIn("\0", 1, "\xc0\x80", 2);
    AssertIn("12345678\0" "abcdefgh\0", 18, "12345678\xc0\x80" "abcdefgh\xc0\x80", 20);
    AssertOut("a\xc0\x80" "b", 4, "a\0b", 3);
    AssertOut("\xc0\x80\xc0\x80", 4, "\0", 2);
}

static void
test_half_a_pair_is_replaced(void **state)
{
    (void)state;
    AssertOut("\xed\xa0\xbd", 3, "\xef\xbf\xbd", 3);
    AssertOut("\xed\xb8\x80", 3, "\xef\xbf\xbd", 3);
    AssertOut("\xed\xb8\x80\xed\xa0\xbd", 6, "\xef\xbf\xbd\xef\xbf\xbd", 6);
    AssertOut("\xed\xa0\xbd\xed\xa0\xbd\xed\xb8\x80", 9, "\xef\xbf\xbd\xf0\x9f\x98\x80", 7);
    AssertOut("x\xed\xa0\xbdy", 5, "x\xef\xbf\xbdy", 5);
    AssertOut("\xed\x9f\xbf\xee\x80\x80", 6, "\xed\x9f\xbf\xee\x80\x80", 6);       /* the neighbours of the surrogates */
}

static void
test_whole_text(void **state)
{
    static const char *const whole[] = {"", "abc", "a\xc0\x80z", "\xed\xa0\xbd\xed\xb8\x80", "x\xed\xa0\xbd\xed\xb8\x80y\xc3\xa9"};
    static const char *const half[] = {"\xed\xa0\xbd", "\xed\xb8\x80", "a\xed\xa0\xbdz", "\xed\xa0\xbd\xed\xa0\xbd\xed\xb8\x80",
                                       "\xed\xa0\xbd\xed\xb8\x80\xed\xb8\x80"};

    (void)state;
    for (size_t i = 0; i < COUNT(whole); i++) {
        assert_true(NsTextIsWhole(Guard(whole[i], strlen(whole[i])), strlen(whole[i])));
    }
    for (size_t i = 0; i < COUNT(half); i++) {
        assert_false(NsTextIsWhole(Guard(half[i], strlen(half[i])), strlen(half[i])));
    }
}

static void
test_foreign_bytes_go_out_as_they_are(void **state)
{
    (void)state;
    AssertOut("\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80", 4);
    AssertOut("\xe9", 1, "\xe9", 1);
    AssertOut("\xc0", 1, "\xc0", 1);
    AssertOut("\xed\xa0", 2, "\xed\xa0", 2);
}

static void
test_same_form_costs_no_copy(void **state)
{
    static const char text[] = "plain, \xc3\xa9, \xe2\x82\xac and \xef\xbf\xbd";
    Tcl_DString       ds;
    size_t            len;

    (void)state;
    Tcl_DStringInit(&ds);
    assert_ptr_equal(NsTextIn(&ds, text, sizeof(text) - 1, &len), text);
    assert_int_equal(len, sizeof(text) - 1);
    assert_ptr_equal(NsTextOut(&ds, text, sizeof(text) - 1, NULL), text);
    assert_ptr_equal(NsTextOutString(&ds, text), text);
    assert_int_equal(Tcl_DStringLength(&ds), 0);
    Tcl_DStringFree(&ds);
}

/* The end of the input falls on each byte of a text; nothing is read behind it. */
static void
test_cut_anywhere(void **state)
{
    static const char outside[] = "0123456\xf0\x9f\x98\x80" "89\0\xc3\xa9 abc\xe2\x82\xac\xf0\x90\x80\x80\xff tail that is long";
    static const char inside[] = "0123456\xed\xa0\xbd\xed\xb8\x80" "89\xc0\x80\xc3\xa9 abc\xed\xa0\x80\xed\xb0\x80 tail long";

    (void)state;
    for (size_t from = 0; from < sizeof(outside); from++) {
        for (size_t len = 0; from + len < sizeof(outside); len++) {
            Tcl_DString in, out;
            char       *copy = Guard(outside + from, len);

            Tcl_DStringInit(&in);
            Tcl_DStringInit(&out);
            NsTextAppendIn(&in, copy, len);
            NsTextAppendOut(&out, Tcl_DStringValue(&in), (size_t)Tcl_DStringLength(&in));
            assert_int_equal(strlen(Tcl_DStringValue(&in)), Tcl_DStringLength(&in));
            if (NsTextIsUtf8(copy, len)) {
                assert_int_equal(Tcl_DStringLength(&out), len);
                assert_memory_equal(Tcl_DStringValue(&out), copy, len);
            }
            Tcl_DStringFree(&out);
            Tcl_DStringFree(&in);
        }
    }
    for (size_t from = 0; from < sizeof(inside); from++) {
        for (size_t len = 0; from + len < sizeof(inside); len++) {
            Tcl_DString out;

            Tcl_DStringInit(&out);
            NsTextAppendOut(&out, Guard(inside + from, len), len);
            assert_true((size_t)Tcl_DStringLength(&out) <= len);
            Tcl_DStringFree(&out);
        }
    }
}

static void
test_a_name_with_a_nul_is_none(void **state)
{
    Tcl_DString ds;

    (void)state;
    Tcl_DStringInit(&ds);
    errno = 0;
    assert_null(NsTextOutString(&ds, "/etc/passwd\xc0\x80.txt"));
    assert_int_equal(errno, EINVAL);
    assert_string_equal(NsTextOutString(&ds, "/a/\xed\xa0\xbd\xed\xb8\x80.txt"), "/a/\xf0\x9f\x98\x80.txt");
    Tcl_DStringFree(&ds);
}

static void
test_values_and_fields(void **state)
{
    Tcl_Obj *obj = NsTextObj("a\xf0\x9f\x98\x80", -1);
    Ns_Set  *set = Ns_SetCreate(NULL);

    (void)state;
    assert_string_equal(Tcl_GetString(obj), "a\xed\xa0\xbd\xed\xb8\x80");
    Tcl_DecrRefCount(obj);
    obj = NsTextObj("a\0b", 3);
    assert_string_equal(Tcl_GetString(obj), "a\xc0\x80" "b");
    Tcl_DecrRefCount(obj);
    NsTextPut(set, "n\xe9!", 2, "v\xf0\x9f\x98\x80!", 5);
    assert_string_equal(Ns_SetGet(set, "n\xc3\xa9"), "v\xed\xa0\xbd\xed\xb8\x80");
    Ns_TextPutIn(set, 0, "plain text, longer than before", 10);
    assert_string_equal(Ns_SetGet(set, "n\xc3\xa9"), "plain text");
    Ns_TextPutIn(set, 0, "\0\xf0\x9f\x98\x80\xe9", 6);
    assert_string_equal(Ns_SetGet(set, "n\xc3\xa9"), "\xc0\x80\xed\xa0\xbd\xed\xb8\x80\xc3\xa9");
    Ns_TextPutIn(set, 0, "", 0);
    assert_string_equal(Ns_SetGet(set, "n\xc3\xa9"), "");
    Ns_TextPutIn(set, 1, "nowhere", 7);
    assert_int_equal(Ns_SetSize(set), 1);
    Ns_SetFree(set);
}

/* What is looked at by words: one byte that is another inside, at each place of texts of each length. */
static void
test_one_byte_at_any_place(void **state)
{
    char        bytes[40];
    Tcl_DString ds;
    size_t      inside;

    (void)state;
    for (size_t len = 1; len <= sizeof(bytes); len++) {
        memset(bytes, 'a', sizeof(bytes));
        Tcl_DStringInit(&ds);
        assert_ptr_equal(NsTextIn(&ds, bytes, len, &inside), bytes);
        assert_int_equal(inside, len);
        for (size_t at = 0; at < len; at++) {
            bytes[at] = at % 2 == 0 ? '\0' : '\xe9';
            Tcl_DStringSetLength(&ds, 0);
            assert_ptr_not_equal(NsTextIn(&ds, bytes, len, &inside), bytes);
            assert_int_equal(inside, len + 1);
            bytes[at] = 'a';
        }
        Tcl_DStringFree(&ds);
    }
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_every_character_as_tcl_has_it),
        cmocka_unit_test(test_what_is_no_utf8_is_latin1),
        cmocka_unit_test(test_nul_is_two_bytes_inside),
        cmocka_unit_test(test_half_a_pair_is_replaced),
        cmocka_unit_test(test_whole_text),
        cmocka_unit_test(test_foreign_bytes_go_out_as_they_are),
        cmocka_unit_test(test_same_form_costs_no_copy),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_a_name_with_a_nul_is_none),
        cmocka_unit_test(test_values_and_fields),
        cmocka_unit_test(test_one_byte_at_any_place),
    };

    (void)argc;
    Tcl_FindExecutable(argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
