/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Header field values.  Expected results are those of compat/vectors/text.vec where it has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "guard.h"
#include "http/header.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "[a q=1][b q=0.5]", with "!rest" for what does not fit the grammar */
static const char *
Fields(const char *value)
{
    static char out[1000];
    NsFieldScan scan;
    NsField     field;
    bool        any = false;

    out[0] = '\0';
    NsFieldStart(&scan, Guard(value, strlen(value)), strlen(value));
    while (NsFieldNext(&scan, &field)) {
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        if (field.value.start != NULL) {
            Tcl_DStringAppend(&ds, "=", 1);
            if (field.escaped) {
                NsFieldUnescape(&ds, field.value);
            } else {
                Tcl_DStringAppend(&ds, field.value.start, (int)field.value.len);
            }
        }
        sprintf(out + strlen(out), "%s%.*s%s", !field.first ? " " : any ? "][" : "[", (int)field.name.len,
                field.name.start, Tcl_DStringValue(&ds));
        Tcl_DStringFree(&ds);
        any = true;
    }
    if (any) {
        strcat(out, "]");
    }
    if (scan.pos < scan.end) {
        sprintf(out + strlen(out), "!%.*s", (int)(scan.end - scan.pos), scan.pos);
    }
    return out;
}

static void
test_fields(void **state)
{
    static const struct { const char *value, *expected; } cases[] = {
        {"", ""},
        {"text/html", "[text]!/html"},
        {"text/html; charset=utf-8", "[text]!/html; charset=utf-8"},
        {"a;q=1, b;q=0.5", "[a q=1][b q=0.5]"},
        {"attachment; filename=\"a b.txt\"", "[attachment filename=a b.txt]"},
        {"a;x=\"1,2\", b", "[a x=1,2][b]"},
        {"a;x=\"q\\\"q\"", "[a x=q\"q]"},
        {"a;x=\"\\\\\\a\"", "[a x=\\a]"},
        {"a;b;c", "[a b c]"},
        {" a ; b = c , d ", "[a b=c][d]"},
        {"=x", "[x]"},
        {"a;x=\"b", "[a x=b]"},
        {"a;x=\"b\\", "[a x=b\\]"},
        {"a;x=\"", "[a x=]"},
        {"a;x=\"\"", "[a x=]"},
        {"a;x=", "[a x=]"},
        {"a;x=;y", "[a x= y]"},
        {"x=1;y=2", "[x=1 y=2]"},
        {"a,,b", "[a][b]"},
        {",a", "[a]"},
        {"a,", "[a]"},
        {"a;", "[a]"},
        {"a b", "[a]!b"},
        {"a=1 b=2", "[a=1]!b=2"},
        {"a=b=c", "[a=b]!=c"},
        {"a=\"x\"y", "[a=x]!y"},
        {"a, (b)", "[a]!(b)"},
        {"\"q\"", "!\"q\""},
        {"a\x01", "[a]!\x01"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(Fields(cases[i].value), cases[i].expected);
    }
}

static void
test_fields_cut_anywhere(void **state)
{
    static const char value[] = "a ; b=\"x\\\"y\" , text/html;q = 0.5,=,;=c";

    (void)state;
    for (size_t len = 0; len < sizeof(value); len++) {
        NsFieldScan scan;
        NsField     field;
        const char *start = Guard(value, len);
        size_t      n = 0;

        NsFieldStart(&scan, start, len);
        while (NsFieldNext(&scan, &field)) {
            assert_true(field.name.len > 0 && field.name.start >= start);
            assert_true(field.name.start + field.name.len <= start + len);
            n++;
        }
        assert_true(n <= len && scan.pos <= scan.end);
    }
}

static void
test_tokens_of_lists(void **state)
{
    static const char *const yes[] = {"close", "CLOSE", "foo, close", "close,foo", " close ", "foo;q=1 , close;x=y",
                                      ",,close,",
                                      "a=\"x,y\",close", "foo,\tclose\t"};
    static const char *const no[] = {"", "closed", "xclose", "foo close", "close foo", "\"close\"", "a=\"b, close\"",
                                     "foo;close", "clos", ",", "a=\"close"};

    (void)state;
    assert_false(NsHeaderHasToken(NULL, "close"));
    for (size_t i = 0; i < COUNT(yes); i++) {
        assert_true(NsHeaderHasToken(Guard(yes[i], strlen(yes[i]) + 1), "close"));
    }
    for (size_t i = 0; i < COUNT(no); i++) {
        assert_false(NsHeaderHasToken(Guard(no[i], strlen(no[i]) + 1), "close"));
    }
}

static void
test_params(void **state)
{
    static const struct { const char *value, *name, *expected; } cases[] = {
        {"text/html; charset=utf-8", "charset", "utf-8"},
        {"Text/HTML;CharSet=UTF-8", "charset", "UTF-8"},
        {"text/html ; charset = \"utf-8\" ; x=y", "charset", "utf-8"},
        {"text/html;a=1;charset=x;charset=y", "charset", "x"},
        {"text/html", "charset", NULL},
        {"charset=utf-8", "charset", NULL},
        {"text/html; xcharset=utf-8", "charset", NULL},
        {"text/html; charset", "charset", NULL},
        {"text/html; charset=", "charset", ""},
        {"text/html; a=\"; charset=no\"; charset=yes", "charset", "yes"},
        {"multipart/form-data; boundary=----=_Part/1:2?", "boundary", "----=_Part/1:2?"},
        {"multipart/form-data; boundary=\"a b\"", "boundary", "a b"},
        {"form-data; name=\"a\\\"b\\\\c\"", "name", "a\"b\\c"},
        {"form-data; name=\"open", "name", "open"},
        {"form-data; name=\"open\\", "name", "open\\"},
        {"", "name", NULL},
        {";", "name", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        assert_int_equal(NsHeaderParam(Guard(cases[i].value, strlen(cases[i].value) + 1), cases[i].name, &ds),
                         cases[i].expected != NULL);
        assert_string_equal(Tcl_DStringValue(&ds), cases[i].expected != NULL ? cases[i].expected : "");
        Tcl_DStringFree(&ds);
    }
}

static void
test_main_part(void **state)
{
    (void)state;
    assert_true(NsSpanIs(NsHeaderMain("text/html; charset=utf-8"), "text/html"));
    assert_true(NsSpanIs(NsHeaderMain(" text/html\t"), "text/html"));
    assert_true(NsSpanIs(NsHeaderMain(""), ""));
    assert_true(NsSpanIs(NsHeaderMain("; x=y"), ""));
    assert_true(NsSpanIsNoCase(NsHeaderMain("Form-Data; name=x"), "form-data"));
    assert_false(NsSpanIs(NsHeaderMain("Form-Data; name=x"), "form-data"));
}

static void
test_qualities(void **state)
{
    static const struct { const char *list; int gzip; } cases[] = {
        {NULL, -1},
        {"", -1},
        {"gzip", 1000},
        {"GZIP", 1000},
        {"gzip, br", 1000},
        {"br, gzip;q=0.5", 500},
        {"gzip;q=0", 0},
        {"gzip;q=0.0", 0},
        {"gzip;q=0.000", 0},
        {"gzip;q=0.001", 1},
        {"gzip;q=0.123", 123},
        {"gzip; Q = 1", 1000},
        {"gzip;q=1.", 1000},
        {"gzip;q=1.000", 1000},
        {"gzip;q=1.001", 0},
        {"gzip;q=0.1234", 0},
        {"gzip;q=2", 0},
        {"gzip;q=-1", 0},
        {"gzip;q=x", 0},
        {"gzip;q=0,5", 0},
        {"gzip;q=", 0},
        {"gzip;q=.5", 0},
        {"gzip;q=05", 0},
        {"*", 1000},
        {"*;q=0.2", 200},
        {"*;q=0, gzip", 1000},
        {"gzip;q=0, *", 0},
        {"br", -1},
        {"xgzip, gzipx", -1},
        {"gzip;level=9;q=0.3", 300},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *list = cases[i].list == NULL ? NULL : Guard(cases[i].list, strlen(cases[i].list) + 1);

        assert_int_equal(NsHeaderQuality(list, "gzip"), cases[i].gzip);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_fields_cut_anywhere),
        cmocka_unit_test(test_tokens_of_lists),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_main_part),
        cmocka_unit_test(test_qualities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
