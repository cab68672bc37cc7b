/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Numbers with units, and time arithmetic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include "ns.h"

static void
times_are_parsed(void **state)
{
    static const struct { const char *text; long sec, usec; } good[] = {
        {"0", 0, 0}, {"17", 17, 0}, {"1.5", 1, 500000}, {".5", 0, 500000}, {"5.", 5, 0}, {"0.000001", 0, 1},
        {"1:500000", 1, 500000}, {"0:2000001", 2, 1}, {"1:0", 1, 0}, {"-2:0", -2, 0},
        {"1us", 0, 1}, {"100ms", 0, 100000}, {"1500ms", 1, 500000}, {"5s", 5, 0}, {"1.5s", 1, 500000}, {"2m", 120, 0},
        {"1h", 3600, 0}, {"1d", 86400, 0}, {"1w", 604800, 0}, {"1y", 31536000, 0}, {"1.5m", 90, 0}, {"0.1us", 0, 0},
        {"-3", -3, 0}, {"-1.5", -2, 500000}, {"-0.25", -1, 750000}, {"-1:500000", -2, 500000}, {"-0:1", -1, 999999},
        {"+5", 5, 0}, {" 5 ", 5, 0}, {"5 s", 5, 0}, {"0.9999999", 1, 0}, {"922337203685477580", 922337203685477580, 0},
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        Ns_Time time = {-77, -77};

        if (Ns_GetTimeFromString(NULL, good[i].text, &time) != NS_OK || time.sec != good[i].sec
            || time.usec != good[i].usec) {
            fail_msg("'%s': %ld:%ld", good[i].text, time.sec, time.usec);
        }
    }
}

static void
what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {
        "", " ", "abc", "s", ".", "-", "--1", "1x", "1ss", "1 2", "1:", ":1", "1:x", "1:2:3", "1.5:3", "1:2.5", "1:-2",
        "1:5s", "1e3", "0x10", "inf", "nan", "1S", "99999999999999999999", "9223372036854775807y", "300000y", "1,5",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        Ns_Time time = {-77, -77};

        if (Ns_GetTimeFromString(NULL, bad[i], &time) == NS_OK) {
            fail_msg("'%s' was taken as %ld:%ld", bad[i], time.sec, time.usec);
        }
    }
}

static void
the_message_names_what_was_given(void **state)
{
    Tcl_Interp *interp = Tcl_CreateInterp();
    Ns_Time     time;
    Tcl_WideInt size;

    assert_int_equal(Ns_GetTimeFromString(interp, "soon", &time), NS_ERROR);
    assert_string_equal(Tcl_GetStringResult(interp), "expected time value but got \"soon\"");
    assert_int_equal(Ns_GetMemUnitFromString(interp, "1XB", &size), NS_ERROR);
    assert_string_equal(Tcl_GetStringResult(interp),
                        "invalid memory unit '1XB'; valid units kB, MB, GB, KiB, MiB, and GiB");
    Tcl_DeleteInterp(interp);
}

static void
sizes_are_parsed(void **state)
{
    static const struct { const char *text; Tcl_WideInt size; } good[] = {
        {"0", 0}, {"17", 17}, {"-5", -5}, {"1kB", 1024}, {"1KB", 1024}, {"1kb", 1024}, {"1KiB", 1024}, {"2MB", 2097152},
        {"2MiB", 2097152}, {"1GB", 1073741824}, {"3GiB", 3221225472}, {"1.5KB", 1536}, {"0.5MB", 524288}, {"10B", 10},
        {"1 MB", 1048576}, {" 4KB ", 4096},
    };
    static const char *const bad[] = {"", "abc", "KB", "1XB", "1K", "1TB", "1MBs", "1 M B", "99999999999GB"};
    Tcl_WideInt size;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        size = -77;
        if (Ns_GetMemUnitFromString(NULL, good[i].text, &size) != NS_OK || size != good[i].size) {
            fail_msg("'%s': %ld", good[i].text, (long)size);
        }
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (Ns_GetMemUnitFromString(NULL, bad[i], &size) == NS_OK) {
            fail_msg("'%s' was taken as %ld", bad[i], (long)size);
        }
    }
}

static void
times_are_written_as_decimal_numbers(void **state)
{
    static const struct { Ns_Time time; const char *text; } cases[] = {
        {{0, 0}, "0"}, {{17, 0}, "17"}, {{17, 500000}, "17.5"}, {{0, 1}, "0.000001"}, {{12, 345}, "12.000345"},
        {{-2, 500000}, "-1.5"}, {{-1, 750000}, "-0.25"}, {{-3, 0}, "-3"}, {{1, 1500000}, "2.5"}, {{10, 100}, "10.0001"},
        {{LONG_MIN, 0}, "-9223372036854775808"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        Ns_DStringAppendTime(&ds, &cases[i].time);
        assert_string_equal(Tcl_DStringValue(&ds), cases[i].text);
        Tcl_DStringFree(&ds);
    }
}

static void
microseconds_are_carried(void **state)
{
    static const struct { Ns_Time from, to; } cases[] = {
        {{1, 1500000}, {2, 500000}}, {{0, -1}, {-1, 999999}}, {{0, -1000000}, {-1, 0}}, {{5, 999999}, {5, 999999}},
        {{5, -2500000}, {2, 500000}}, {{0, 1000000}, {1, 0}},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Ns_Time time = cases[i].from;

        Ns_AdjTime(&time);
        assert_int_equal(time.sec, cases[i].to.sec);
        assert_int_equal(time.usec, cases[i].to.usec);
    }
}

static void
differences_have_a_sign(void **state)
{
    Ns_Time a = {5, 0}, b = {4, 999999}, diff;

    assert_int_equal(Ns_DiffTime(&a, &b, &diff), 1);
    assert_int_equal(diff.sec, 0);
    assert_int_equal(diff.usec, 1);
    assert_int_equal(Ns_DiffTime(&b, &a, &diff), -1);
    assert_int_equal(diff.sec, -1);
    assert_int_equal(diff.usec, 999999);
    assert_int_equal(Ns_DiffTime(&a, &a, NULL), 0);
}

static void
relative_times_become_absolute(void **state)
{
    Ns_Time now, relative = {5, 0}, absolute = {2000000000, 7}, room, *result;

    assert_null(Ns_AbsoluteTime(&room, NULL));
    assert_ptr_equal(Ns_AbsoluteTime(&room, &absolute), &absolute);
    Ns_GetTime(&now);
    result = Ns_AbsoluteTime(&room, &relative);
    assert_ptr_equal(result, &room);
    assert_in_range(result->sec, now.sec + 5, now.sec + 10);
}

static void
milliseconds_are_of_64_bits(void **state)
{
    Ns_Time time = {4000000000L, 123456};

    assert_true(Ns_TimeToMilliseconds(&time) == INT64_C(4000000000123));
    time = (Ns_Time){LONG_MAX, 999999};        /* too much is much, and a clock's time can be added to it */
    assert_true(Ns_TimeToMilliseconds(&time) > 0 && Ns_TimeToMilliseconds(&time) + INT64_MAX / 2 > 0);
    time = (Ns_Time){LONG_MAX / 1000, 0};
    assert_true(Ns_TimeToMilliseconds(&time) > 0);
    time = (Ns_Time){LONG_MIN, 0};
    assert_true(Ns_TimeToMilliseconds(&time) < 0 && Ns_TimeToMilliseconds(&time) - INT64_MAX / 2 < 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_parsed),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(the_message_names_what_was_given),
        cmocka_unit_test(sizes_are_parsed),
        cmocka_unit_test(times_are_written_as_decimal_numbers),
        cmocka_unit_test(microseconds_are_carried),
        cmocka_unit_test(differences_have_a_sign),
        cmocka_unit_test(relative_times_become_absolute),
        cmocka_unit_test(milliseconds_are_of_64_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
