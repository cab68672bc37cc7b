/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Conditional requests: RFC 9110, 13.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "http/condition.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MTIME 1614834367                       /* Thu, 04 Mar 2021 05:06:07 GMT */
#define SAME    "Thu, 04 Mar 2021 05:06:07 GMT"
#define EARLIER "Thu, 04 Mar 2021 05:06:06 GMT"
#define LATER   "Thu, 04 Mar 2021 05:06:08 GMT"

/* Header lines "name: value\n...". */
static int
Check(const char *method, const char *etag, const char *lines, bool ignore)
{
    Ns_Set *set = Ns_SetCreateNoCase(NULL);
    char    buffer[500];
    int     result;

    snprintf(buffer, sizeof buffer, "%s", lines);
    for (char *line = strtok(buffer, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *colon = strchr(line, ':');

        *colon = '\0';
        Ns_SetPut(set, line, colon + 2);
    }
    result = NsConditionsCheck(set, method, MTIME, etag, ignore);
    Ns_SetFree(set);
    return result;
}

typedef struct Case {
    const char *method, *etag, *lines;
    int         expected;
} Case;

static void
CheckAll(const Case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int got = Check(cases[i].method, cases[i].etag, cases[i].lines, false);

        if (got != cases[i].expected) {
            print_error("%s, tag %s, %s\n", cases[i].method, cases[i].etag, cases[i].lines);
        }
        assert_int_equal(got, cases[i].expected);
    }
}

static void
test_dates(void **state)
{
    static const Case cases[] = {
        {"GET",  NULL, "x: y", 0},
        {"GET",  NULL, "If-Modified-Since: " SAME, 304},
        {"HEAD", NULL, "If-Modified-Since: " LATER, 304},
        {"GET",  NULL, "If-Modified-Since: " EARLIER, 0},
        {"POST", NULL, "If-Modified-Since: " SAME, 0},
        {"GET",  NULL, "If-Modified-Since: " SAME "; length=36", 304},
        {"GET",  NULL, "If-Modified-Since: Thursday, 04-Mar-21 05:06:07 GMT", 304},
        {"GET",  NULL, "If-Modified-Since: Thursday, 04-Mar-21 05:06:06 GMT", 0},
        {"GET",  NULL, "If-Modified-Since: yesterday", 0},
        {"GET",  NULL, "If-Unmodified-Since: " SAME, 0},
        {"GET",  NULL, "If-Unmodified-Since: " EARLIER, 412},
        {"POST", NULL, "If-Unmodified-Since: " EARLIER, 412},
        {"GET",  NULL, "If-Unmodified-Since: yesterday", 0},
        {"GET",  NULL, "If-Unmodified-Since: " SAME "\nIf-Modified-Since: " SAME, 304},
    };

    (void)state;
    CheckAll(cases, COUNT(cases));
}

static void
test_tags(void **state)
{
    static const Case cases[] = {
        {"GET",  "\"a\"",   "If-Match: \"a\"", 0},
        {"GET",  "\"a\"",   "If-Match: \"b\"", 412},
        {"GET",  "\"a\"",   "If-Match: \"b\", \"a\"", 0},
        {"GET",  "\"a\"",   "If-Match: \"b\"\nIf-Match: \"a\"", 0},
        {"GET",  "\"a\"",   "If-Match: *", 0},
        {"GET",  NULL,      "If-Match: *", 0},
        {"GET",  NULL,      "If-Match: \"a\"", 412},
        {"GET",  "\"a\"",   "If-Match: W/\"a\"", 412},             /* strong comparison */
        {"GET",  "W/\"a\"", "If-Match: W/\"a\"", 412},
        {"GET",  "W/\"a\"", "If-Match: \"a\"", 412},
        {"GET",  "\"a\"",   "If-Match: ", 412},
        {"GET",  "\"a\"",   "If-Match: a", 412},
        {"GET",  "\"a\"",   "If-Match: x, \"a\"", 0},
        {"GET",  "\"a,b\"", "If-Match: \"a\", \"b\"", 412},
        {"GET",  "\"a,b\"", "If-Match: \"a,b\"", 0},
        {"GET",  "\"a\"",   "If-Match: \"a", 412},
        {"GET",  "\"a\"",   "If-None-Match: \"a\"", 304},
        {"HEAD", "\"a\"",   "If-None-Match: \"b\" , W/\"a\"", 304},
        {"POST", "\"a\"",   "If-None-Match: \"a\"", 412},
        {"GET",  "\"a\"",   "If-None-Match: W/\"a\"", 304},        /* weak comparison */
        {"GET",  "W/\"a\"", "If-None-Match: \"a\"", 304},
        {"GET",  "W/\"a\"", "If-None-Match: W/\"a\"", 304},
        {"GET",  "\"a\"",   "If-None-Match: \"A\"", 0},
        {"GET",  "\"a\"",   "If-None-Match: w/\"a\"", 0},
        {"GET",  NULL,      "If-None-Match: \"a\"", 0},
        {"GET",  NULL,      "If-None-Match: *", 304},
        {"GET",  NULL,      "If-None-Match:  * ", 304},
        {"PUT",  NULL,      "If-None-Match: *", 412},
        {"GET",  "\"a\"",   "If-None-Match: ,,, \"a\"", 304},
        {"GET",  "\"a\"",   "If-None-Match: \"b\"\nIf-None-Match: \"a\"", 304},
        {"GET",  "\"\"",    "If-None-Match: \"\"", 304},
    };

    (void)state;
    CheckAll(cases, COUNT(cases));
}

static void
test_precedence(void **state)
{
    static const Case cases[] = {
        /* If-Match goes before If-Unmodified-Since, whatever it says */
        {"GET", "\"a\"", "If-Match: \"a\"\nIf-Unmodified-Since: " EARLIER, 0},
        {"GET", "\"a\"", "If-Match: \"b\"\nIf-Unmodified-Since: " LATER, 412},
        /* If-None-Match before If-Modified-Since */
        {"GET", "\"a\"", "If-None-Match: \"b\"\nIf-Modified-Since: " SAME, 0},
        {"GET", "\"a\"", "If-None-Match: \"a\"\nIf-Modified-Since: " EARLIER, 304},
        {"GET", NULL,    "If-None-Match: \"b\"\nIf-Modified-Since: " SAME, 0},
        /* what fails goes before what is not modified */
        {"GET", "\"a\"", "If-Match: \"b\"\nIf-None-Match: \"a\"", 412},
        {"GET", "\"a\"", "If-Match: \"a\"\nIf-None-Match: \"a\"", 304},
        {"GET", "\"a\"", "If-Unmodified-Since: " EARLIER "\nIf-None-Match: \"a\"", 412},
    };

    (void)state;
    CheckAll(cases, COUNT(cases));
}

static void
test_not_asked_to_check_dates(void **state)
{
    (void)state;
    assert_int_equal(Check("GET", NULL, "If-Modified-Since: " SAME, true), 0);
    assert_int_equal(Check("GET", "\"a\"", "If-None-Match: \"a\"", true), 304);
    assert_int_equal(Check("GET", NULL, "If-Unmodified-Since: " EARLIER, true), 412);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates), cmocka_unit_test(test_tags), cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_not_asked_to_check_dates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
