/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Times of day.
 *
 * "Local seconds" are what the clock on the wall shows, as if it were UTC: the moment plus the zone's offset.  The offset
 * changes only now and then; between two changes local seconds grow with time, and what is asked for is found by arithmetic.
 */
#include <stdint.h>
#include "base/calendar.h"

#define DAY        86400
#define MAX_OFFSET (26 * 3600)                 /* POSIX allows a day and some; zones of the world have up to 15 hours */
#define STEP       (6 * 3600)                  /* no zone has two changes within it */

static long
Offset(time_t at)
{
    struct tm tm;

    (void)localtime_r(&at, &tm);
    return tm.tm_gmtoff;
}

static int64_t
LocalDay(time_t at)
{
    int64_t local = (int64_t)at + Offset(at);

    return local >= 0 ? local / DAY : -((DAY - 1 - local) / DAY);
}

/* The first moment in (from, until] at which the offset is not that of `from`; false: there is none. */
static bool
NextChange(time_t from, time_t until, time_t *change)
{
    long   offset = Offset(from);
    time_t low = from, high = from;

    while (high < until) {
        low = high;
        high = until - low < STEP ? until : low + STEP;
        if (Offset(high) != offset) {
            while (high - low > 1) {
                time_t middle = low + (high - low) / 2;

                if (Offset(middle) != offset) {
                    high = middle;
                } else {
                    low = middle;
                }
            }
            *change = high;
            return true;
        }
    }
    return false;
}

/* The first moment at which the clock on the wall shows `local` or more. */
static time_t
FirstMoment(int64_t local)
{
    time_t begin = (time_t)(local - MAX_OFFSET), found;

    for (;;) {
        found = (time_t)(local - Offset(begin));
        if (found < begin) {
            found = begin;                     /* the change has jumped over it */
        }
        if (!NextChange(begin, found, &begin)) {
            return found;
        }
    }
}

static bool
IsWanted(const NsTimeOfDay *when, int64_t day)
{
    /* The first of January 1970 was a Thursday. */
    return when->weekday < 0 || ((day + 4) % 7 + 7) % 7 == when->weekday;
}

time_t
NsCalendarNext(const NsTimeOfDay *when, time_t after)
{
    int64_t first = LocalDay(after) - 1;

    /* A week, and another one if its day does not exist; a day more at each end, as the date may be set back, too. */
    for (int64_t day = first; day <= first + 16; day++) {
        if (IsWanted(when, day)) {
            time_t at = FirstMoment(day * DAY + when->seconds);

            if (at > after && LocalDay(at) == day) {
                return at;
            }
        }
    }
    return after + DAY;                        /* no zone is like this */
}
