/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The event loop's timers: a hierarchical wheel.  Arming, moving and cancelling cost the same whether ten timers are
 * armed or a million, and so does finding out how long to wait.
 *
 * The wheel reads no clock: it is told the time, in milliseconds, which must not go backwards.  One thread uses it.
 */
#ifndef NSD_TIMERWHEEL_H
#define NSD_TIMERWHEEL_H

#include "net/eventloop.h"

#define NS_WHEEL_TICK   8                      /* milliseconds */
#define NS_WHEEL_BITS   6                      /* slots per level: as many as a word has bits */
#define NS_WHEEL_SLOTS  (1 << NS_WHEEL_BITS)
#define NS_WHEEL_LEVELS 6                      /* 2^36 ticks: 17 years after boot */

typedef struct NsTimerWheel {
    int64_t  tick;                             /* all slots up to this one are empty */
    uint64_t used[NS_WHEEL_LEVELS];            /* a bit for each slot that holds a timer */
    NsTimer *slots[NS_WHEEL_LEVELS][NS_WHEEL_SLOTS];
    NsTimer *overdue;                          /* due already when they were armed */
    NsTimer *expired;                          /* collected, proc not yet called */
    size_t   armed;
} NsTimerWheel;

void NsWheelInit(NsTimerWheel *wheel, int64_t now);
/* Arm for timer->due, or move. */
void NsWheelSet(NsTimerWheel *wheel, NsTimer *timer);
void NsWheelCancel(NsTimerWheel *wheel, NsTimer *timer);   /* not armed is fine */
/*
 * Move on to `now`, then take the timers that are due one by one, disarmed, until NULL; in the order of their ticks, and within
 * one in the order of arming.  What is armed in between for a time that has passed comes with the next advance.
 */
void NsWheelAdvance(NsTimerWheel *wheel, int64_t now);
NsTimer *NsWheelTake(NsTimerWheel *wheel);
/* Milliseconds until there is something to do; 0: now, -1: never. */
int64_t NsWheelWait(const NsTimerWheel *wheel, int64_t now);

#endif
