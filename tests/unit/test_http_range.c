/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Range and If-Range.  Expected results are those of compat/vectors/fastpath.vec where it has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include "guard.h"
#include "http/range.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "0-5 9-9", "all" or "none" */
static const char *
Ranges(const char *header, uint64_t size)
{
    static char   out[4000];
    NsRange       ranges[NS_RANGE_MAX];
    size_t        count = 99;
    NsRangeResult result;

    if (header != NULL) {
        header = Guard(header, strlen(header) + 1);
    }
    result = NsRangeParse(header, size, ranges, &count);
    out[0] = '\0';
    if (result != NS_RANGE_OK) {
        assert_int_equal(count, 0);
        return result == NS_RANGE_NONE ? "all" : "none";
    }
    assert_in_range(count, 1, NS_RANGE_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_true(ranges[i].first <= ranges[i].last && ranges[i].last < size);
        sprintf(out + strlen(out), "%s%" PRIu64 "-%" PRIu64, i == 0 ? "" : " ", ranges[i].first, ranges[i].last);
    }
    return out;
}

typedef struct Case {
    const char *header, *expected;
} Case;

static void
CheckAll(const Case *cases, size_t count, uint64_t size)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = Ranges(cases[i].header, size);

        if (strcmp(got, cases[i].expected) != 0) {
            print_error("%s\n", cases[i].header);
        }
        assert_string_equal(got, cases[i].expected);
    }
}

static void
test_one_range(void **state)
{
    static const Case cases[] = {
        {NULL, "all"},
        {"bytes=0-0", "0-0"},
        {"bytes=0-9", "0-9"},
        {"bytes=10-12", "10-12"},
        {"bytes=30-", "30-35"},
        {"bytes=0-", "0-35"},
        {"bytes=35-", "35-35"},
        {"bytes=-5", "31-35"},
        {"bytes=-36", "0-35"},
        {"bytes=-100", "0-35"},
        {"bytes=0-35", "0-35"},
        {"bytes=30-99", "30-35"},
        {"bytes=0-18446744073709551615", "0-35"},
        {"bytes=0-99999999999999999999999", "0-35"},
        {"bytes=-99999999999999999999999", "0-35"},
        {"bytes=-0", "none"},
        {"bytes=36-", "none"},
        {"bytes=36-36", "none"},
        {"bytes=40-50", "none"},
        {"bytes=18446744073709551615-", "none"},
        {"bytes=99999999999999999999999-", "none"},
    };

    (void)state;
    CheckAll(cases, COUNT(cases), 36);
}

static void
test_what_is_ignored(void **state)
{
    static const Case cases[] = {
        {"", "all"},
        {"bytes", "all"},
        {"bytes=", "all"},
        {"0-5", "all"},
        {"items=0-5", "all"},
        {"Bytes=0-5", "all"},
        {"bytes =0-5", "all"},
        {"bytes= 0-5", "all"},
        {"bytes=9-3", "all"},
        {"bytes=a-b", "all"},
        {"bytes=-", "all"},
        {"bytes=--5", "all"},
        {"bytes=+1-5", "all"},
        {"bytes=1", "all"},
        {"bytes=1-5x", "all"},
        {"bytes=1-5-7", "all"},
        {"bytes=1 -5", "all"},
        {"bytes=0-1,x", "all"},
        {"bytes=0-1,", "all"},
        {"bytes=,0-1", "all"},
        {"bytes=0-1;2-3", "all"},
        {"bytes=0-1,9-3", "all"},
    };

    (void)state;
    CheckAll(cases, COUNT(cases), 36);
}

static void
test_several_ranges(void **state)
{
    static const Case cases[] = {
        {"bytes=0-1,5-6", "0-1 5-6"},
        {"bytes=0-1 ,\t5-6", "0-1 5-6"},
        {"bytes=0-0,-2", "0-0 34-35"},
        {"bytes=5-6,0-1", "5-6 0-1"},
        {"bytes=0-5,3-8", "0-8"},
        {"bytes=3-8,0-5", "0-8"},
        {"bytes=0-5,6-8", "0-8"},
        {"bytes=6-8,0-5", "0-8"},
        {"bytes=0-5,7-8", "0-5 7-8"},
        {"bytes=0-9,3-4", "0-9"},
        {"bytes=3-4,0-9", "0-9"},
        {"bytes=0-1,4-5,8-9,1-8", "0-9"},
        {"bytes=20-21,0-1,4-5,30-31,2-3", "20-21 0-5 30-31"},
        {"bytes=0-1,20-21,10-11,2-9", "0-11 20-21"},
        {"bytes=0-,-1", "0-35"},
        {"bytes=0-1,40-50", "0-1"},
        {"bytes=40-50,0-1", "0-1"},
        {"bytes=40-50,-0", "none"},
    };

    (void)state;
    CheckAll(cases, COUNT(cases), 36);
}

static void
test_an_empty_representation(void **state)
{
    static const Case cases[] = {
        {"bytes=0-3", "none"}, {"bytes=0-", "none"}, {"bytes=-5", "all"}, {"bytes=0-,-1", "all"}, {"bytes=-0", "none"}, {"bytes=x", "all"},
    };

    (void)state;
    CheckAll(cases, COUNT(cases), 0);
}

static void
test_the_largest_representation(void **state)
{
    (void)state;
    assert_string_equal(Ranges("bytes=0-", UINT64_MAX), "0-18446744073709551614");
    assert_string_equal(Ranges("bytes=18446744073709551614-18446744073709551615", UINT64_MAX),
                        "18446744073709551614-18446744073709551614");
    assert_string_equal(Ranges("bytes=-1,0-0", UINT64_MAX), "18446744073709551614-18446744073709551614 0-0");
}

static void
test_too_many_ranges_are_ignored(void **state)
{
    char header[2000] = "bytes=0-0";

    (void)state;
    for (int i = 1; i < NS_RANGE_MAX; i++) {
        sprintf(header + strlen(header), ",%d-%d", i * 2, i * 2);
    }
    assert_int_equal(strncmp(Ranges(header, 1000), "0-0 2-2 4-4", 11), 0);
    strcat(header, ",999-");
    assert_string_equal(Ranges(header, 1000), "all");
}

/* Whatever is asked for: the ranges are apart, and cover exactly what was asked for. */
static void
test_coalesced_ranges_cover_the_same(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        char          header[1000] = "bytes=";
        bool          wanted[40] = {false}, got[40] = {false};
        NsRange       ranges[NS_RANGE_MAX];
        size_t        count;
        int           n = 1 + round % 12;

        for (int i = 0; i < n; i++) {
            unsigned first = (seed = seed * 1103515245u + 12345u) >> 16 & 31, last;

            last = first + ((seed = seed * 1103515245u + 12345u) >> 16) % 6;
            sprintf(header + strlen(header), "%s%u-%u", i == 0 ? "" : ",", first, last);
            for (unsigned k = first; k <= last; k++) {
                wanted[k] = true;
            }
        }
        assert_int_equal(NsRangeParse(header, 40, ranges, &count), NS_RANGE_OK);
        for (size_t i = 0; i < count; i++) {
            assert_true(ranges[i].first == 0 || !got[ranges[i].first - 1]);
            for (uint64_t k = ranges[i].first; k <= ranges[i].last; k++) {
                assert_false(got[k]);
                got[k] = true;
            }
            assert_false(got[ranges[i].last + 1]);
        }
        assert_memory_equal(wanted, got, sizeof(got));
    }
}

static void
test_if_range(void **state)
{
    const time_t mtime = 784111777;

    (void)state;
    assert_true(NsIfRangeHolds(NULL, mtime, NULL));
    assert_true(NsIfRangeHolds("Sun, 06 Nov 1994 08:49:37 GMT", mtime, NULL));
    assert_false(NsIfRangeHolds("Sun, 06 Nov 1994 08:49:38 GMT", mtime, NULL));
    assert_false(NsIfRangeHolds("Sun, 06 Nov 1994 08:49:36 GMT", mtime, NULL));
    assert_false(NsIfRangeHolds("yesterday", mtime, NULL));
    assert_false(NsIfRangeHolds("", mtime, NULL));
    assert_true(NsIfRangeHolds("\"abc\"", mtime, "\"abc\""));
    assert_false(NsIfRangeHolds("\"abc\"", mtime, "\"abd\""));
    assert_false(NsIfRangeHolds("\"abc\"", mtime, NULL));
    assert_false(NsIfRangeHolds("W/\"abc\"", mtime, "W/\"abc\""));
    assert_false(NsIfRangeHolds("\"abc\"", mtime, "W/\"abc\""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_range),
        cmocka_unit_test(test_what_is_ignored),
        cmocka_unit_test(test_several_ranges),
        cmocka_unit_test(test_an_empty_representation),
        cmocka_unit_test(test_the_largest_representation),
        cmocka_unit_test(test_too_many_ranges_are_ignored),
        cmocka_unit_test(test_coalesced_ranges_cover_the_same),
        cmocka_unit_test(test_if_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
