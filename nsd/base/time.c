/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Time arithmetic.  A normalised Ns_Time has usec in 0 .. 999999, so that -0.5 seconds is {-1, 500000}.
 */
#include "ns.h"

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

int64_t
Ns_TimeToMilliseconds(const Ns_Time *timePtr)
{
    return (int64_t)timePtr->sec * 1000 + timePtr->usec / 1000;
}
