/* SPDX-License-Identifier: MPL-2.0 */
/*
 * HTTP dates: the three formats, and every day of some centuries against the C library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <time.h>
#include "guard.h"
#include "http/date.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
CheckFormat(time_t when, const char *expected)
{
    char out[NS_HTTP_DATE_SIZE];

    assert_int_equal(NsHttpDateFormat(out, when), strlen(expected));
    assert_string_equal(out, expected);
}

static void
test_format(void **state)
{
    (void)state;
    CheckFormat(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    CheckFormat(1, "Thu, 01 Jan 1970 00:00:01 GMT");
    CheckFormat(86400, "Fri, 02 Jan 1970 00:00:00 GMT");
    CheckFormat(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    CheckFormat(1000000000, "Sun, 09 Sep 2001 01:46:40 GMT");
    CheckFormat(1614834367, "Thu, 04 Mar 2021 05:06:07 GMT");
    CheckFormat(2147483647, "Tue, 19 Jan 2038 03:14:07 GMT");
    CheckFormat(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
    CheckFormat(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void
test_extreme_times_fit(void **state)
{
    char out[NS_HTTP_DATE_SIZE];

    (void)state;
    assert_true(NsHttpDateFormat(out, INT64_MAX) < NS_HTTP_DATE_SIZE);
    assert_true(NsHttpDateFormat(out, INT64_MIN) < NS_HTTP_DATE_SIZE);
}

static void
test_every_day_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (time_t when = -86400L * 365 * 80; when < 86400L * 365 * 450; when += 86399) {
        char      ours[NS_HTTP_DATE_SIZE], theirs[NS_HTTP_DATE_SIZE];
        struct tm tm;
        time_t    back = -1;

        NsHttpDateFormat(ours, when);
        strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&when, &tm));
        assert_string_equal(ours, theirs);
        assert_int_equal(NsHttpDateParse(ours, &back), when >= 0);
        assert_int_equal(back, when >= 0 ? when : -1);
    }
}

static void
test_the_three_formats(void **state)
{
    static const struct { const char *text; time_t when; } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-1994 08:49:37 GMT", 784111777},
        {"Sun, 06-Nov-1994 08:49:37 GMT", 784111777},
        {"Saturday, 06-Nov-04 08:49:37 GMT", 1099730977},      /* two digits: not more than 50 years ahead */
        {"Friday, 31-Dec-99 23:59:59 GMT", 946684799},
        {"Saturday, 01-Jan-00 00:00:00 GMT", 946684800},
        {"Thursday, 01-Jan-70 00:00:00 GMT", 3155760000},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Sun Nov 06 08:49:37 1994", 784111777},
        {"Sun Nov 16 08:49:37 1994", 784975777},
        {"Sun, 06 Nov 1994 08:49:37", 784111777},
        {"Sun, 06 Nov 1994 08:49:37 UTC", 784111777},
        {"Sun, 6 Nov 1994 08:49:37 GMT", 784111777},
        {"sun, 06 nov 1994 08:49:37 GMT", 784111777},
        {"Xyz, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},     /* a leap second is the next one */
        {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        time_t when = -1;

        if (!NsHttpDateParse(Guard(cases[i].text, strlen(cases[i].text) + 1), &when)) {
            print_error("not read: %s\n", cases[i].text);
        }
        assert_int_equal(when, cases[i].when);
    }
}

static void
test_what_is_no_date(void **state)
{
    static const char *const cases[] = {
        "", "tomorrow", "Sun", "Sun,", "Sun, ", "Sun, 06", "0", "784111777",
        "Sun, 06 Nov 1994 28:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 1900 08:49:37 GMT",
        "Tue, 29 Feb 2001 00:00:00 GMT", "Tue, 29 Feb 2100 00:00:00 GMT", "Sun, 32 Jan 1994 08:49:37 GMT",
        "Sun, 06 Nox 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:49:37 +0100",
        "Sun, 06 Nov 1994 08:49:37 GMT and more", "Sun, 06 Nov 1994 08:49:37GMT", "Sun, 06 Nov 19945 08:49:37 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT", "Sunday, 06-Nov-194 08:49:37 GMT", "Sunday, 06-Nov-0094 08:49:37 GMT",
        "Su, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37", "Sun Nov  6 08:49:37 94", "Sun  Nov 6 08:49:37 1994",
        " Sun, 06 Nov 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        time_t when = -42;

        if (NsHttpDateParse(Guard(cases[i], strlen(cases[i]) + 1), &when)) {
            print_error("read: %s\n", cases[i]);
        }
        assert_int_equal(when, -42);
    }
}

/* A date that ends anywhere is refused, or is one without its zone, and nothing behind its end is looked at. */
static void
test_dates_cut_anywhere(void **state)
{
    static const char *const whole[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};

    (void)state;
    for (size_t i = 0; i < COUNT(whole); i++) {
        size_t accepted = 0;

        for (size_t len = 0; len < strlen(whole[i]); len++) {
            char   cut[64];
            time_t when;

            memcpy(cut, whole[i], len);
            cut[len] = '\0';
            accepted += NsHttpDateParse(Guard(cut, len + 1), &when);
        }
        assert_int_equal(accepted, i == 2 ? 0 : 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_extreme_times_fit),
        cmocka_unit_test(test_every_day_agrees_with_the_c_library),
        cmocka_unit_test(test_the_three_formats),
        cmocka_unit_test(test_what_is_no_date),
        cmocka_unit_test(test_dates_cut_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
