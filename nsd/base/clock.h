/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The clock for intervals and waits: it never steps, whatever becomes of the date.  Its times mean nothing as dates (those
 * are Ns_GetTime's), and the two must not be compared: "monotonic" is said wherever an Ns_Time is one of these.
 *
 * Any thread.
 */
#ifndef NSD_CLOCK_H
#define NSD_CLOCK_H

#include "nsthread.h"

void    NsGetMonotonicTime(Ns_Time *now);
int64_t NsClockMs(void);
/* Monotonic: `interval` from now on. */
void    NsMonotonicAfter(const Ns_Time *interval, Ns_Time *until);
/* Monotonic: what a caller of the public API gives, an interval or (past some 11 days) a date. */
void    NsMonotonicDeadline(const Ns_Time *given, Ns_Time *until);
/* The date of a monotonic time, as the clock stands now. */
void    NsMonotonicToDate(const Ns_Time *monotonic, Ns_Time *date);
int64_t NsMsUntil(const Ns_Time *until);       /* monotonic: milliseconds left, rounded up; 0 when it is over */

/* As Ns_CondTimedWait, until a monotonic time; NULL: for ever (sync.c). */
Ns_ReturnCode NsCondWaitUntil(Ns_Cond *cond, Ns_Mutex *lock, const Ns_Time *until);

#endif
