/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Form data, urlencoded and multipart.  Expected results are those of compat/vectors where they have them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "guard.h"
#include "http/form.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ----------------------------------------------------------------------------------------------------- urlencoded */

static bool
AppendField(void *arg, const char *name, size_t nameLen, const char *value, size_t valueLen)
{
    Tcl_DString *ds = arg;

    assert_int_equal(name[nameLen], 0);
    assert_int_equal(value[valueLen], 0);
    Tcl_DStringAppend(ds, "(", 1);
    Tcl_DStringAppend(ds, name, (int)nameLen);
    Tcl_DStringAppend(ds, ":", 1);
    Tcl_DStringAppend(ds, value, (int)valueLen);
    Tcl_DStringAppend(ds, ")", 1);
    return strcmp(name, "stop") != 0;
}

static void
test_queries(void **state)
{
    static const struct { const char *query, *expected; } cases[] = {
        {"a=b", "(a:b)"},
        {"a=1&b=2", "(a:1)(b:2)"},
        {"a=1&a=2", "(a:1)(a:2)"},
        {"a", "(a:)"},
        {"a&b=2", "(a:)(b:2)"},
        {"", "(:)"},
        {"=v", "(:v)"},
        {"a=", "(a:)"},
        {"a=b+c", "(a:b c)"},
        {"a+b=c", "(a b:c)"},
        {"a=%26%3D", "(a:&=)"},
        {"%26=x", "(&:x)"},
        {"a=%c3%a4", "(a:\xc3\xa4)"},
        {"a=1;b=2", "(a:1;b=2)"},
        {"&&a=1&&", "(:)(:)(a:1)(:)(:)"},
        {"a=%zz", "(a:%zz)"},
        {"a=b=c", "(a:b=c)"},
        {"a=%", "(a:%)"},
        {"a=1&stop=2&b=3", "(a:1)(stop:2)"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *query = cases[i].query;
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        assert_int_equal(NsFormParseQuery(Guard(query, strlen(query)), strlen(query), AppendField, &ds),
                         strstr(query, "stop") == NULL);
        assert_string_equal(Tcl_DStringValue(&ds), cases[i].expected);
        Tcl_DStringFree(&ds);
    }
}

static void
test_queries_cut_anywhere(void **state)
{
    static const char query[] = "a=%c3%a4&b+c=%20x&&=%&%3d";

    (void)state;
    for (size_t len = 0; len < sizeof(query); len++) {
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        assert_true(NsFormParseQuery(Guard(query, len), len, AppendField, &ds));
        Tcl_DStringFree(&ds);
    }
}

static bool
CheckNul(void *arg, const char *name, size_t nameLen, const char *value, size_t valueLen)
{
    (*(int *)arg)++;
    assert_int_equal(nameLen, 3);
    assert_memory_equal(name, "n\0m", 4);
    assert_int_equal(valueLen, 2);
    assert_memory_equal(value, "v\0", 3);
    return true;
}

static void
test_nul_bytes(void **state)
{
    int calls = 0;

    (void)state;
    assert_true(NsFormParseQuery("n%00m=v%00", 10, CheckNul, &calls));
    assert_int_equal(calls, 1);
}

/* ------------------------------------------------------------------------------------------------------ multipart */

typedef struct Seen {
    const char *data;
    Tcl_DString ds;
    int         stopAfter;
} Seen;

static bool
SeePart(void *arg, NsFormPart *part)
{
    Seen *seen = arg;
    char  numbers[32];

    Tcl_DStringAppend(&seen->ds, "(", 1);
    Tcl_DStringAppend(&seen->ds, part->name, -1);
    if (part->filename != NULL) {
        Tcl_DStringAppend(&seen->ds, " file=", -1);
        Tcl_DStringAppend(&seen->ds, part->filename, -1);
    }
    if (part->contentType != NULL) {
        Tcl_DStringAppend(&seen->ds, " type=", -1);
        Tcl_DStringAppend(&seen->ds, part->contentType, -1);
    }
    snprintf(numbers, sizeof(numbers), " %zu:", part->length);
    Tcl_DStringAppend(&seen->ds, numbers, -1);
    Tcl_DStringAppend(&seen->ds, seen->data + part->offset, (int)part->length);
    Tcl_DStringAppend(&seen->ds, ")", 1);
    return --seen->stopAfter != 0;
}

static Ns_ReturnCode
Parts(const char *data, size_t len, const char *boundary, Tcl_DString *out, const char **error)
{
    Seen          seen = {.data = Guard(data, len)};
    Ns_ReturnCode status;

    Tcl_DStringInit(&seen.ds);
    status = NsFormParseMultipart(seen.data, len, boundary, SeePart, &seen, error);
    Tcl_DStringInit(out);
    Tcl_DStringAppend(out, Tcl_DStringValue(&seen.ds), Tcl_DStringLength(&seen.ds));
    Tcl_DStringFree(&seen.ds);
    return status;
}

static void
CheckParts(const char *data, Ns_ReturnCode status, const char *expected)
{
    const char *error = "unset";
    Tcl_DString ds;

    assert_int_equal(Parts(data, strlen(data), "XB", &ds, &error), status);
    assert_string_equal(Tcl_DStringValue(&ds), expected);
    if (status == NS_ERROR || status == NS_FORBIDDEN) {
        assert_non_null(error);
    } else {
        assert_null(error);
    }
    Tcl_DStringFree(&ds);
}

#define DISPOSITION "Content-Disposition: form-data; "
#define FIELD(name, value) "--XB\r\n" DISPOSITION "name=\"" name "\"\r\n\r\n" value "\r\n"
#define END "--XB--\r\n"

static void
test_fields_and_files(void **state)
{
    (void)state;
    CheckParts(FIELD("a", "one") FIELD("b", "two lines\r\nhere") END, NS_OK, "(a 3:one)(b 15:two lines\r\nhere)");
    CheckParts(FIELD("a", "\xc3\xa4\xe2\x82\xac") END, NS_OK, "(a 5:\xc3\xa4\xe2\x82\xac)");
    CheckParts(FIELD("a", "one") "--XB\r\n" DISPOSITION "name=\"up\"; filename=\"my file.txt\"\r\n"
               "Content-Type: text/x-own\r\n\r\nfile content\nline 2\r\n" END, NS_OK,
               "(a 3:one)(up file=my file.txt type=text/x-own 19:file content\nline 2)");
    CheckParts("--XB\r\n" DISPOSITION "name=\"up\"; filename=\"\"\r\n\r\n\r\n" END, NS_OK, "(up file= 0:)");
    CheckParts("--XB\r\n" DISPOSITION "name=\"up\"; filename=\"C:\\\\dir\\\\x.txt\"\r\n\r\nabc\r\n" END, NS_OK,
               "(up file=C:\\\\dir\\\\x.txt 3:abc)");
    CheckParts("--XB\r\n" DISPOSITION "name=\"q\\\"q\"\r\n\r\nabc\r\n" END, NS_OK, "(q\"q 3:abc)");
    CheckParts("--XB\r\n" DISPOSITION "name=a\r\n\r\none\r\n" END, NS_OK, "(a 3:one)");
    CheckParts("--XB\r\nCONTENT-DISPOSITION:Form-Data;NAME=a\r\n\r\none\r\n" END, NS_OK, "(a 3:one)");
    CheckParts(FIELD("a", "") END, NS_OK, "(a 0:)");
    CheckParts(FIELD("a", "\r\n") END, NS_OK, "(a 2:\r\n)");
    CheckParts(END, NS_OK, "");
    CheckParts("--XB--", NS_OK, "");
    CheckParts("preamble\r\n" FIELD("a", "1") END "epilogue", NS_OK, "(a 1:1)");
    CheckParts("preamble --XB\r\n" FIELD("a", "1") END, NS_OK, "(a 1:1)");
    CheckParts("--XB \t\r\n" DISPOSITION "name=a\r\n\r\n1\r\n--XB \r\n" DISPOSITION "name=b\r\n\r\n2\r\n" END, NS_OK,
               "(a 1:1)(b 1:2)");
}

static void
test_lines_that_end_in_lf(void **state)
{
    static const char *const bodies[] = {
        "--XB\nContent-Disposition: form-data; name=a\n\none\n--XB--\n",
        "--XB\nContent-Disposition: form-data; name=a\n\none\r\n" END,
        "--XB \nContent-Disposition: form-data; name=a\n\none\n--XB--\n",
        "\n--XB\nContent-Disposition: form-data; name=a\n\none\n--XB--\n",
        "preamble\n--XB\nContent-Disposition: form-data; name=a\n\none\n--XB--\n",
        "--XB\n", "\n--XB--",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        CheckParts(bodies[i], NS_FORBIDDEN, "");
    }
    CheckParts(FIELD("a", "\n--XB\n") END, NS_OK, "(a 6:\n--XB\n)");
    CheckParts(FIELD("a", "\r\n--XB\n") END, NS_OK, "(a 7:\r\n--XB\n)");
    CheckParts("a\r\n--XB\nb\r\n" FIELD("a", "1") END, NS_OK, "(a 1:1)");
}

/* What clients make of names with quotes, backslashes and other letters. */
static void
test_names(void **state)
{
    static const struct { const char *params, *expected; } cases[] = {
        {"name=\"a\\\"", "(a\\ 1:x)"},
        {"name=\"a\\\"; filename=\"b\\\"", "(a\\ file=b\\ 1:x)"},
        {"name=\"C:\\\";filename=\"C:\\dir\\\"", "(C:\\ file=C:\\dir\\ 1:x)"},
        {"name=\"a\\\"b\"; filename=\"c\\\"d.txt\"", "(a\"b file=c\"d.txt 1:x)"},
        {"name=\"a\\\"; b\"", "(a\"; b 1:x)"},
        {"name=\"a;b\"; filename=\"c;filename=d\"", "(a;b file=c;filename=d 1:x)"},
        {"name=\"a\\\\\"", "(a\\\\ 1:x)"},
        {"name=\"\\\"", "(\\ 1:x)"},
        {"name=\"\\\"\"", "(\" 1:x)"},
        {"name=\"never closed", "(never closed 1:x)"},
        {"name = a ; filename = b.txt ", "(a file=b.txt 1:x)"},
        {"filename=\"name=x\"; name=\"y\"", "(y file=name=x 1:x)"},
        {"name=a; filename*=UTF-8''na%C3%AFve%20file.txt", "(a file=na\xc3\xafve file.txt 1:x)"},
        {"name=a; filename=\"plain.txt\"; filename*=utf-8'en'%e2%82%ac.txt", "(a file=\xe2\x82\xac.txt 1:x)"},
        {"name=a; filename*=utf-8''one.txt; filename=\"plain.txt\"", "(a file=one.txt 1:x)"},
        {"name=a; filename*=ISO-8859-1''%e4.txt", "(a file=\xc3\xa4.txt 1:x)"},
        {"name=a; filename*=\"UTF-8''quoted.txt\"", "(a file=quoted.txt 1:x)"},
        {"name=a; filename*=koi8-r''x; filename=\"plain.txt\"", "(a file=plain.txt 1:x)"},
        {"name=a; filename*=nothing; filename=\"plain.txt\"", "(a file=plain.txt 1:x)"},
        {"name=a; filename*=UTF-8''%zz%4%00end", "(a file=%zz%4end 1:x)"},
        {"name=a; filename*=UTF-8''", "(a file= 1:x)"},
        {"name=a; filename*=UTF-8'", "(a 1:x)"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char body[300];

        snprintf(body, sizeof(body), "--XB\r\n" DISPOSITION "%s\r\n\r\nx\r\n" END, cases[i].params);
        CheckParts(body, NS_OK, cases[i].expected);
    }
}

static void
test_content_that_looks_like_a_boundary(void **state)
{
    (void)state;
    CheckParts(FIELD("a", "--XBx") END, NS_OK, "(a 5:--XBx)");
    CheckParts(FIELD("a", "x\r\n--XBx\r\ny") END, NS_OK, "(a 11:x\r\n--XBx\r\ny)");
    CheckParts(FIELD("a", "\r\n--X\r\n--XB-x") END, NS_OK, "(a 13:\r\n--X\r\n--XB-x)");
    CheckParts(FIELD("a", "\r\n\r\r\n--") END, NS_OK, "(a 7:\r\n\r\r\n--)");
}

static void
test_parts_that_are_no_fields(void **state)
{
    (void)state;
    CheckParts("--XB\r\nContent-Type: text/plain\r\n\r\nx\r\n" FIELD("a", "1") END, NS_OK, "(a 1:1)");
    CheckParts("--XB\r\nContent-Disposition: attachment; name=\"b\"\r\n\r\nx\r\n" FIELD("a", "1") END, NS_OK,
               "(a 1:1)");
    CheckParts("--XB\r\n" DISPOSITION "filename=\"b\"\r\n\r\nx\r\n" FIELD("a", "1") END, NS_OK, "(a 1:1)");
    CheckParts("--XB\r\n\r\nx\r\n" FIELD("a", "1") END, NS_OK, "(a 1:1)");
    CheckParts("--XB\r\nno header\r\n: x\r\n" DISPOSITION "name=a\r\n\r\n1\r\n" END, NS_OK, "(a 1:1)");
}

static void
test_part_with_no_content_at_all(void **state)
{
    (void)state;
    /* the line end of the blank line is the one before the delimiter */
    CheckParts("--XB\r\n" DISPOSITION "name=a\r\n\r\n--XB\r\n" DISPOSITION "name=b\r\n\r\n1\r\n" END, NS_OK,
               "(a 0:)(b 1:1)");
}

static void
test_broken_bodies(void **state)
{
    (void)state;
    CheckParts("", NS_ERROR, "");
    CheckParts("garbage", NS_ERROR, "");
    CheckParts("--XC\r\n" DISPOSITION "name=a\r\n\r\n1\r\n--XC--", NS_ERROR, "");
    CheckParts("--XB\r\n" DISPOSITION "name=\"a\"\r\n\r\none", NS_ERROR, "");
    CheckParts(FIELD("a", "1") "--XB\r\n" DISPOSITION "name=\"b\"", NS_ERROR, "(a 1:1)");
    CheckParts(FIELD("a", "1"), NS_ERROR, "");
}

static void
test_boundaries(void **state)
{
    char        boundary[72];
    const char *error = NULL;
    Tcl_DString ds;

    (void)state;
    memset(boundary, 'b', 71);
    boundary[71] = '\0';
    assert_int_equal(Parts("x", 1, "", &ds, &error), NS_ERROR);
    assert_string_equal(error, "invalid boundary");
    Tcl_DStringFree(&ds);
    assert_int_equal(Parts("x", 1, boundary, &ds, &error), NS_ERROR);
    assert_string_equal(error, "invalid boundary");
    Tcl_DStringFree(&ds);
    boundary[70] = '\0';
    assert_int_equal(Parts("x", 1, boundary, &ds, &error), NS_ERROR);
    assert_string_equal(error, "no closing boundary");
    Tcl_DStringFree(&ds);
    assert_int_equal(NsFormParseMultipart("x", 1, "XB", SeePart, NULL, NULL), NS_ERROR);
}

/* A body that ends anywhere gives the parts that were complete, and is never read behind its end. */
static void
test_bodies_cut_anywhere(void **state)
{
    static const char body[] = "pre\r\n" FIELD("a", "one") "--XB\r\n" DISPOSITION "name=\"up\"; filename=\"f\"\r\n\r\n"
                               "x\r\n--X\r\n" END;

    (void)state;
    for (size_t len = 0; len <= sizeof(body) - 1; len++) {
        const char   *error;
        Tcl_DString   ds;
        Ns_ReturnCode status = Parts(body, len, "XB", &ds, &error);

        assert_int_equal(status, len >= sizeof(body) - 3 ? NS_OK : NS_ERROR);
        assert_true(strncmp("(a 3:one)(up file=f 6:x\r\n--X)", Tcl_DStringValue(&ds),
                            (size_t)Tcl_DStringLength(&ds)) == 0);
        Tcl_DStringFree(&ds);
    }
}

static void
test_binary_content(void **state)
{
    static const char head[] = "--XB\r\n" DISPOSITION "name=up; filename=f\r\n\r\n", tail[] = "\r\n" END;
    char              body[1000], *p = body;
    const char       *error;
    Tcl_DString       ds;

    (void)state;
    memcpy(p, head, sizeof(head) - 1);
    p += sizeof(head) - 1;
    for (int i = 0; i < 256; i++) {
        *p++ = (char)i;
    }
    memcpy(p, tail, sizeof(tail) - 1);
    p += sizeof(tail) - 1;
    assert_int_equal(Parts(body, (size_t)(p - body), "XB", &ds, &error), NS_OK);
    assert_int_equal(Tcl_DStringLength(&ds), strlen("(up file=f 256:") + 256 + 1);
    assert_memory_equal(Tcl_DStringValue(&ds) + strlen("(up file=f 256:"), body + sizeof(head) - 1, 256);
    Tcl_DStringFree(&ds);
}

static void
test_proc_can_stop(void **state)
{
    static const char body[] = FIELD("a", "1") FIELD("b", "2") FIELD("c", "3") END;
    Seen              seen = {.data = body, .stopAfter = 2};

    (void)state;
    Tcl_DStringInit(&seen.ds);
    assert_int_equal(NsFormParseMultipart(body, sizeof(body) - 1, "XB", SeePart, &seen, NULL), NS_FILTER_BREAK);
    assert_string_equal(Tcl_DStringValue(&seen.ds), "(a 1:1)(b 1:2)");
    Tcl_DStringFree(&seen.ds);
}

static bool
TakeHeaders(void *arg, NsFormPart *part)
{
    *(Ns_Set **)arg = part->headers;
    part->headers = NULL;
    return true;
}

static void
test_proc_can_take_the_headers(void **state)
{
    static const char body[] = "--XB\r\n" DISPOSITION "name=\"up\"; filename=\"my file.txt\"\r\n"
                               "Content-Type:  text/x-own \r\n\r\nx\r\n" END;
    Ns_Set           *headers = NULL;

    (void)state;
    assert_int_equal(NsFormParseMultipart(body, sizeof(body) - 1, "XB", TakeHeaders, &headers, NULL), NS_OK);
    assert_int_equal(Ns_SetSize(headers), 2);
    assert_string_equal(Ns_SetKey(headers, 0), "content-disposition");
    assert_string_equal(Ns_SetValue(headers, 0), "form-data; name=\"up\"; filename=\"my file.txt\"");
    assert_string_equal(Ns_SetKey(headers, 1), "content-type");
    assert_string_equal(Ns_SetValue(headers, 1), "text/x-own");
    Ns_SetFree(headers);
}

static bool
CountPart(void *arg, NsFormPart *part)
{
    (void)part;
    (*(size_t *)arg)++;
    return true;
}

static void
test_parts_are_limited(void **state)
{
    static const char part[] = FIELD("a", "");
    size_t            len = sizeof(part) - 1, calls = 0;
    char             *body = malloc((NS_FORM_MAX_PARTS + 1) * len + sizeof(END)), *p = body;
    const char       *error;

    (void)state;
    for (size_t i = 0; i <= NS_FORM_MAX_PARTS; i++, p += len) {
        memcpy(p, part, len);
    }
    memcpy(p, END, sizeof(END));
    p += sizeof(END) - 1;
    assert_int_equal(NsFormParseMultipart(body, (size_t)(p - body), "XB", CountPart, &calls, &error), NS_ERROR);
    assert_string_equal(error, "too many parts");
    assert_int_equal(calls, NS_FORM_MAX_PARTS);
    calls = 0;
    assert_int_equal(NsFormParseMultipart(body + len, (size_t)(p - body) - len, "XB", CountPart, &calls, &error),
                     NS_OK);
    assert_int_equal(calls, NS_FORM_MAX_PARTS);
    free(body);
}

static void
test_heads_are_limited(void **state)
{
    char       *body = malloc(NS_FORM_MAX_HEAD * 2);
    size_t      calls = 0, len;
    const char *error;

    (void)state;
    len = (size_t)sprintf(body, "--XB\r\n" DISPOSITION "name=a\r\nX: ");
    memset(body + len, 'x', NS_FORM_MAX_HEAD);
    len += NS_FORM_MAX_HEAD;
    len += (size_t)sprintf(body + len, "\r\n\r\n1\r\n" END);
    assert_int_equal(NsFormParseMultipart(body, len, "XB", CountPart, &calls, &error), NS_ERROR);
    assert_string_equal(error, "headers of a part exceed the limit");
    assert_int_equal(calls, 0);
    free(body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_queries_cut_anywhere),
        cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_fields_and_files),
        cmocka_unit_test(test_lines_that_end_in_lf),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_content_that_looks_like_a_boundary),
        cmocka_unit_test(test_parts_that_are_no_fields),
        cmocka_unit_test(test_part_with_no_content_at_all),
        cmocka_unit_test(test_broken_bodies),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_bodies_cut_anywhere),
        cmocka_unit_test(test_binary_content),
        cmocka_unit_test(test_proc_can_stop),
        cmocka_unit_test(test_proc_can_take_the_headers),
        cmocka_unit_test(test_parts_are_limited),
        cmocka_unit_test(test_heads_are_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
