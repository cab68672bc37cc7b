/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The rate limit for equal messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "base/logequal.h"

static int64_t now = 1000;

static bool
Allow(int severity, const char *text)
{
    return NsLogEqualAllow(severity, text, strlen(text), now);
}

/* Begin with nothing remembered: all intervals are over and told. */
static int
Fresh(void **state)
{
    NsLogEqualLeft left;

    while (NsLogEqualTake(now, true, &left)) {
        ;
    }
    now += 1000000;
    NsLogEqualSetLimit(3, 10000);
    return 0;
}

static void
without_a_limit_all_are_allowed(void **state)
{
    NsLogEqualSetLimit(0, 10000);
    for (int i = 0; i < 1000; i++) {
        assert_true(Allow(Notice, "x"));
    }
    assert_false(NsLogEqualPending());
}

static void
more_than_the_limit_are_counted_and_told_when_the_interval_is_over(void **state)
{
    NsLogEqualLeft left;
    uint64_t       before = NsLogEqualTotal();

    for (int i = 0; i < 10; i++) {
        assert_int_equal(Allow(Warning, "spinning"), i < 3);
        now += 100;
    }
    assert_int_equal(NsLogEqualTotal() - before, 7);
    assert_true(NsLogEqualPending());
    assert_false(NsLogEqualTake(now, false, &left));
    now += 9000;
    /* Also what comes after the interval is counted, until the number was told: its line comes before the next ones. */
    assert_false(Allow(Warning, "spinning"));
    assert_true(NsLogEqualTake(now, false, &left));
    assert_int_equal(left.count, 8);
    assert_int_equal(left.severity, Warning);
    assert_string_equal(left.text, "spinning");
    assert_false(NsLogEqualTake(now, true, &left));
    assert_false(NsLogEqualPending());
    assert_true(Allow(Warning, "spinning"));
}

static void
few_in_each_interval_are_never_held_back(void **state)
{
    for (int i = 0; i < 50; i++) {
        assert_true(Allow(Notice, "three in ten seconds"));
        now += 3400;
    }
}

static void
the_same_text_of_another_severity_is_another_message(void **state)
{
    for (int i = 0; i < 3; i++) {
        assert_true(Allow(Notice, "text"));
    }
    assert_false(Allow(Notice, "text"));
    assert_true(Allow(Error, "text"));
    assert_true(Allow(Notice, "texts"));
    assert_true(Allow(Notice, ""));
}

/* Alternating lines, as a loop of several steps logs them, are each held back. */
static void
some_that_take_turns_are_all_counted(void **state)
{
    char           text[32];
    int            allowed = 0, kinds = 0;
    NsLogEqualLeft left;

    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "step %d of the loop", i % 10);
        allowed += Allow(Notice, text);
    }
    assert_int_equal(allowed, 30);
    while (NsLogEqualTake(now, true, &left)) {
        assert_int_equal(left.count, 97);
        kinds++;
    }
    assert_int_equal(kinds, 10);
}

/* More different ones than it remembers: nothing is left out that was not counted. */
static void
any_number_of_different_ones_are_written_or_counted(void **state)
{
    char           text[32];
    uint64_t       allowed = 0, told = 0;
    NsLogEqualLeft left;

    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof(text), "different %d", i % 500);
        allowed += Allow(Notice, text);
    }
    while (NsLogEqualTake(now, true, &left)) {
        told += left.count;
    }
    assert_int_equal(allowed + told, 20000);
}

static void
long_texts_are_told_cut(void **state)
{
    char           text[1000];
    NsLogEqualLeft left;

    memset(text, 'a', sizeof(text));
    for (int i = 0; i < 4; i++) {
        (void)NsLogEqualAllow(Notice, text, sizeof(text), now);
    }
    assert_true(NsLogEqualTake(now, true, &left));
    assert_int_equal(strlen(left.text), sizeof(left.text) - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_a_limit_all_are_allowed, Fresh),
        cmocka_unit_test_setup(more_than_the_limit_are_counted_and_told_when_the_interval_is_over, Fresh),
        cmocka_unit_test_setup(few_in_each_interval_are_never_held_back, Fresh),
        cmocka_unit_test_setup(the_same_text_of_another_severity_is_another_message, Fresh),
        cmocka_unit_test_setup(some_that_take_turns_are_all_counted, Fresh),
        cmocka_unit_test_setup(any_number_of_different_ones_are_written_or_counted, Fresh),
        cmocka_unit_test_setup(long_texts_are_told_cut, Fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
