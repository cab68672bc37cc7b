/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Times of day around changes of the clock, in zones of all kinds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/calendar.h"

static void
Zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
}

/* A zone of the system's list; the test is skipped where there is no such list. */
static void
NeedZone(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    if (access(path, R_OK) != 0) {
        skip();
    }
    Zone(name);
}

/* Seconds since 1970 of "2026-03-29 03:30:00" in UTC. */
static time_t
Utc(const char *text)
{
    struct tm tm;

    memset(&tm, 0, sizeof(tm));
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
    return timegm(&tm);
}

static const char *
Show(time_t at)
{
    static char text[64];
    struct tm   tm;

    localtime_r(&at, &tm);
    strftime(text, sizeof(text), "%F %T %z", &tm);
    return text;
}

static time_t
Next(int weekday, int hour, int minute, time_t after)
{
    const NsTimeOfDay when = {weekday, (hour * 60 + minute) * 60};

    return NsCalendarNext(&when, after);
}

static void
vienna_sets_the_clock_forward(void **state)
{
    time_t at;

    Zone("CET-1CEST,M3.5.0,M10.5.0/3");
    /* 3:30 exists: once, not again at 4:30. */
    at = Next(-1, 3, 30, Utc("2026-03-28 12:00:00"));
    assert_string_equal(Show(at), "2026-03-29 03:30:00 +0200");
    assert_string_equal(Show(Next(-1, 3, 30, at)), "2026-03-30 03:30:00 +0200");
    assert_string_equal(Show(Next(-1, 3, 30, at - 1)), "2026-03-29 03:30:00 +0200");
    /* 2:30 does not: when the clock jumps over it. */
    at = Next(-1, 2, 30, Utc("2026-03-28 12:00:00"));
    assert_string_equal(Show(at), "2026-03-29 03:00:00 +0200");
    assert_string_equal(Show(Next(-1, 2, 30, at)), "2026-03-30 02:30:00 +0200");
    /* The edges of what is left out. */
    assert_string_equal(Show(Next(-1, 2, 0, Utc("2026-03-28 12:00:00"))), "2026-03-29 03:00:00 +0200");
    assert_string_equal(Show(Next(-1, 1, 59, Utc("2026-03-28 12:00:00"))), "2026-03-29 01:59:00 +0100");
    assert_string_equal(Show(Next(-1, 3, 0, Utc("2026-03-28 12:00:00"))), "2026-03-29 03:00:00 +0200");
}

static void
vienna_sets_the_clock_back(void **state)
{
    time_t at;

    Zone("CET-1CEST,M3.5.0,M10.5.0/3");
    at = Next(-1, 2, 30, Utc("2026-10-24 12:00:00"));
    assert_string_equal(Show(at), "2026-10-25 02:30:00 +0200");
    assert_string_equal(Show(Next(-1, 2, 30, at)), "2026-10-26 02:30:00 +0100");
    /* Asked for between the two. */
    assert_string_equal(Show(Next(-1, 2, 30, at + 1800)), "2026-10-26 02:30:00 +0100");
    assert_string_equal(Show(Next(-1, 3, 0, at)), "2026-10-25 03:00:00 +0100");
}

static void
weekly_is_that_weekday(void **state)
{
    time_t at;

    Zone("CET-1CEST,M3.5.0,M10.5.0/3");
    at = Next(0, 2, 30, Utc("2026-03-25 12:00:00"));
    assert_string_equal(Show(at), "2026-03-29 03:00:00 +0200");
    assert_string_equal(Show(Next(0, 2, 30, at)), "2026-04-05 02:30:00 +0200");
    at = Next(0, 2, 30, Utc("2026-10-20 12:00:00"));
    assert_string_equal(Show(at), "2026-10-25 02:30:00 +0200");
    assert_string_equal(Show(Next(0, 2, 30, at)), "2026-11-01 02:30:00 +0100");
    assert_string_equal(Show(Next(6, 0, 0, at)), "2026-10-31 00:00:00 +0100");
}

/* Changes at midnight, of half an hour, southern, against the date line. */
static void
other_zones(void **state)
{
    Zone("<-03>3<-02>,M10.3.0/0,M2.3.0/0");    /* Brazil, as it was: 0:00 becomes 1:00, and 0:00 becomes 23:00 of the day before */
    assert_string_equal(Show(Next(-1, 0, 15, Utc("2018-10-20 12:00:00"))), "2018-10-21 01:00:00 -0200");
    assert_string_equal(Show(Next(-1, 0, 0, Utc("2018-10-20 12:00:00"))), "2018-10-21 01:00:00 -0200");
    assert_string_equal(Show(Next(-1, 23, 30, Utc("2018-02-17 12:00:00"))), "2018-02-17 23:30:00 -0200");
    assert_string_equal(Show(Next(-1, 23, 30, Utc("2018-02-18 01:30:00"))), "2018-02-18 23:30:00 -0300");
    assert_string_equal(Show(Next(-1, 0, 0, Utc("2018-02-18 01:30:00"))), "2018-02-18 00:00:00 -0300");
    Zone("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");          /* Lord Howe: half an hour */
    assert_string_equal(Show(Next(-1, 2, 15, Utc("2026-10-03 12:00:00"))), "2026-10-04 02:30:00 +1100");
    assert_string_equal(Show(Next(-1, 1, 45, Utc("2026-04-04 12:00:00"))), "2026-04-05 01:45:00 +1100");
    assert_string_equal(Show(Next(-1, 1, 45, Utc("2026-04-04 15:00:00"))), "2026-04-06 01:45:00 +1030");
    NeedZone("Pacific/Apia");                  /* there was no 30th of December in 2011 */
    assert_string_equal(Show(Next(-1, 3, 30, Utc("2011-12-29 20:00:00"))), "2011-12-31 03:30:00 +1400");
    assert_string_equal(Show(Next(5, 3, 30, Utc("2011-12-28 20:00:00"))), "2012-01-06 03:30:00 +1400");
}

static void
CheckYear(const char *zone, int hour, int minute)
{
    time_t  at = Utc("2025-12-31 00:00:00"), end = Utc("2027-01-02 00:00:00"), last;
    char    day[16] = "", before[16];
    int64_t days = 0;

    for (last = at; at < end; last = at) {
        at = Next(-1, hour, minute, at);
        strcpy(before, day);
        snprintf(day, sizeof(day), "%.10s", Show(at));
        if (strcmp(day, before) == 0 || at - last > 2 * 86400) {
            fail_msg("%s %d:%02d: %s follows %s", zone, hour, minute, Show(at), before);
        }
        days++;
    }
    if (days < 366 || days > 369) {
        fail_msg("%s %d:%02d: %d days", zone, hour, minute, (int)days);
    }
}

/* Every day of a year has one, in all zones that the system knows. */
static void
once_a_day_in_every_zone(void **state)
{
    static const int times[][2] = {{0, 0}, {0, 30}, {1, 59}, {2, 0}, {2, 30}, {3, 0}, {3, 30}, {12, 0}, {23, 59}};
    FILE *list = popen("awk '!/^#/{print $3}' /usr/share/zoneinfo/tzdata.zi /usr/share/zoneinfo/zone1970.tab 2>/dev/null"
                       " | grep / | sort -u", "r");
    char  zone[64];
    int   zones = 0;

    assert_non_null(list);
    while (fscanf(list, "%63s", zone) == 1) {
        Zone(zone);
        /* Each zone at three of the times, in turns. */
        for (size_t i = (size_t)zones % 3; i < sizeof(times) / sizeof(times[0]); i += 3) {
            CheckYear(zone, times[i][0], times[i][1]);
        }
        zones++;
    }
    pclose(list);
    Zone("<-26>26");
    CheckYear("-26", 2, 30);
    Zone("<+24>-24");
    CheckYear("+24", 2, 30);
    if (zones == 0) {
        skip();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vienna_sets_the_clock_forward),
        cmocka_unit_test(vienna_sets_the_clock_back),
        cmocka_unit_test(weekly_is_that_weekday),
        cmocka_unit_test(other_zones),
        cmocka_unit_test(once_a_day_in_every_zone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
