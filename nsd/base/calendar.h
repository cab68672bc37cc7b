/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Times of day in the local zone, once a day or once a week.
 */
#ifndef NSD_CALENDAR_H
#define NSD_CALENDAR_H

#include <stdbool.h>
#include <time.h>

typedef struct NsTimeOfDay {
    int weekday;                               /* 0: Sunday; -1: every day */
    int seconds;                               /* since midnight as a clock on the wall shows it: 3:30 is 12600 */
} NsTimeOfDay;

/*
 * Any thread: the first moment after `after` at which the clock on the wall comes to that time.
 *
 * That is once on each such day, however long the day is: when the time exists twice (the clock is set back) the first of
 * them; when it is left out (the clock is set forward) the moment of the change.  A day that the zone left out has none.
 */
time_t NsCalendarNext(const NsTimeOfDay *when, time_t after);

#endif
