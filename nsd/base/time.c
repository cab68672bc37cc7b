/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Time arithmetic.  A normalised Ns_Time has usec in 0 .. 999999, so that -0.5 seconds is {-1, 500000}.
 */
#include "base/clock.h"

#define USEC_PER_SEC 1000000
/* Times below this (some 11 days) are taken as relative. */
#define RELATIVE_LIMIT 1000000

void
Ns_GetTime(Ns_Time *timePtr)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    timePtr->sec = now.tv_sec;
    timePtr->usec = now.tv_nsec / 1000;
}

void
NsGetMonotonicTime(Ns_Time *timePtr)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    timePtr->sec = now.tv_sec;
    timePtr->usec = now.tv_nsec / 1000;
}

int64_t
NsClockMs(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
Ns_AdjTime(Ns_Time *timePtr)
{
    if (timePtr->usec < 0 || timePtr->usec >= USEC_PER_SEC) {
        long carry = timePtr->usec / USEC_PER_SEC;

        timePtr->sec += carry;
        timePtr->usec -= carry * USEC_PER_SEC;
        if (timePtr->usec < 0) {
            timePtr->usec += USEC_PER_SEC;
            timePtr->sec--;
        }
    }
}

void
Ns_IncrTime(Ns_Time *timePtr, time_t sec, long usec)
{
    timePtr->sec += sec;
    timePtr->usec += usec;
    Ns_AdjTime(timePtr);
}

long
Ns_DiffTime(const Ns_Time *t1, const Ns_Time *t0, Ns_Time *resultDiff)
{
    Ns_Time diff = {t1->sec - t0->sec, t1->usec - t0->usec};

    Ns_AdjTime(&diff);
    if (resultDiff != NULL) {
        *resultDiff = diff;
    }
    return diff.sec < 0 ? -1 : diff.sec > 0 || diff.usec > 0;
}

Ns_Time *
Ns_AbsoluteTime(Ns_Time *absPtr, Ns_Time *adjPtr)
{
    if (adjPtr == NULL || adjPtr->sec >= RELATIVE_LIMIT) {
        return adjPtr;
    }
    Ns_GetTime(absPtr);
    Ns_IncrTime(absPtr, adjPtr->sec, adjPtr->usec);
    return absPtr;
}

const Ns_Time *
Ns_RelativeTime(Ns_Time *relTimePtr, const Ns_Time *timePtr)
{
    Ns_Time now;

    if (timePtr == NULL || timePtr->sec < RELATIVE_LIMIT) {
        return timePtr;
    }
    Ns_GetTime(&now);
    (void)Ns_DiffTime(timePtr, &now, relTimePtr);
    return relTimePtr;
}

int64_t
Ns_TimeToMilliseconds(const Ns_Time *timePtr)
{
    const int64_t most = INT64_MAX / 4;        /* a clock's value may be added */
    int64_t       result;

    if (__builtin_mul_overflow((int64_t)timePtr->sec, 1000, &result)
        || __builtin_add_overflow(result, timePtr->usec / 1000, &result) || result > most || result < -most) {
        result = timePtr->sec < 0 ? -most : most;
    }
    return result;
}

void
NsMonotonicAfter(const Ns_Time *interval, Ns_Time *until)
{
    NsGetMonotonicTime(until);
    Ns_IncrTime(until, interval->sec, interval->usec);
}

void
NsMonotonicDeadline(const Ns_Time *given, Ns_Time *until)
{
    Ns_Time now, left = *given;

    if (given->sec >= RELATIVE_LIMIT) {
        Ns_GetTime(&now);
        (void)Ns_DiffTime(given, &now, &left);
    }
    NsMonotonicAfter(&left, until);
}

void
NsMonotonicToDate(const Ns_Time *monotonic, Ns_Time *date)
{
    Ns_Time now, left;

    NsGetMonotonicTime(&now);
    (void)Ns_DiffTime(monotonic, &now, &left);
    Ns_GetTime(date);
    Ns_IncrTime(date, left.sec, left.usec);
}

int64_t
NsMsUntil(const Ns_Time *until)
{
    Ns_Time now, left;

    NsGetMonotonicTime(&now);
    return Ns_DiffTime(until, &now, &left) > 0 ? (int64_t)left.sec * 1000 + (left.usec + 999) / 1000 : 0;
}
