/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Hierarchical timer wheel.
 *
 * A tick is written in base 64; a timer's level is the highest digit in which its tick differs from the wheel's, its
 * slot is that digit.  So the timers of a level all come after those of the levels below it, each level's slots lie in
 * order behind the wheel's own digit, and the next thing to do is the first used slot of the lowest used level.  When
 * time reaches a slot of an upper level, its timers are distributed over the levels below.
 */
#include "net/timerwheel.h"

#define MAX_TICK (((int64_t)1 << (NS_WHEEL_BITS * NS_WHEEL_LEVELS)) - 1)

/* The first tick at which the timer may fire: rounded up, since it must not be early. */
static int64_t
TickOf(int64_t due)
{
    int64_t tick = due / NS_WHEEL_TICK;

    if (due > 0 && due % NS_WHEEL_TICK != 0) {
        tick++;
    }
    return tick > MAX_TICK ? MAX_TICK : tick;
}

static void
Link(NsTimer **list, NsTimer *timer)
{
    timer->next = *list;
    if (timer->next != NULL) {
        timer->next->prev = &timer->next;
    }
    timer->prev = list;
    *list = timer;
}

static void
Place(NsTimerWheel *wheel, NsTimer *timer)
{
    int64_t  tick = TickOf(timer->due);
    unsigned level, slot;

    if (tick <= wheel->tick) {
        Link(&wheel->overdue, timer);
        return;
    }
    level = (unsigned)(63 - __builtin_clzll((uint64_t)(tick ^ wheel->tick))) / NS_WHEEL_BITS;
    slot = (unsigned)(tick >> (level * NS_WHEEL_BITS)) & (NS_WHEEL_SLOTS - 1);
    Link(&wheel->slots[level][slot], timer);
    wheel->used[level] |= (uint64_t)1 << slot;
}

/* Empty a list; what was linked first comes first in the result.  `prev` of its members is not valid any more. */
static NsTimer *
TakeList(NsTimer **list)
{
    NsTimer *reversed = NULL, *timer = *list;

    while (timer != NULL) {
        NsTimer *next = timer->next;

        timer->next = reversed;
        reversed = timer;
        timer = next;
    }
    *list = NULL;
    return reversed;
}

/* The first used slot of the lowest used level, and the tick at which it begins. */
static bool
NextSlot(const NsTimerWheel *wheel, unsigned *levelOut, unsigned *slotOut, int64_t *tickOut)
{
    for (unsigned level = 0; level < NS_WHEEL_LEVELS; level++) {
        if (wheel->used[level] != 0) {
            unsigned slot = (unsigned)__builtin_ctzll(wheel->used[level]), shift = level * NS_WHEEL_BITS;
            int64_t  above = wheel->tick >> (shift + NS_WHEEL_BITS);

            *levelOut = level;
            *slotOut = slot;
            *tickOut = (above << (shift + NS_WHEEL_BITS)) | ((int64_t)slot << shift);
            return true;
        }
    }
    return false;
}

/* Append to the expired list, whose end the caller keeps. */
static NsTimer **
Append(NsTimer **tail, NsTimer *list)
{
    while (list != NULL) {
        *tail = list;
        list->prev = tail;
        tail = &list->next;
        list = list->next;
    }
    return tail;
}

void
NsWheelInit(NsTimerWheel *wheel, int64_t now)
{
    *wheel = (NsTimerWheel){.tick = now / NS_WHEEL_TICK};
}

void
NsWheelCancel(NsTimerWheel *wheel, NsTimer *timer)
{
    uintptr_t place = (uintptr_t)timer->prev, first = (uintptr_t)&wheel->slots[0][0];

    if (timer->prev == NULL) {
        return;
    }
    *timer->prev = timer->next;
    if (timer->next != NULL) {
        timer->next->prev = timer->prev;
    } else if (place >= first && place < first + sizeof(wheel->slots)) {
        /* It was the first and the last of a slot. */
        unsigned index = (unsigned)((place - first) / sizeof(NsTimer *));

        wheel->used[index / NS_WHEEL_SLOTS] &= ~((uint64_t)1 << (index % NS_WHEEL_SLOTS));
    }
    timer->next = NULL;
    timer->prev = NULL;
    wheel->armed--;
}

void
NsWheelSet(NsTimerWheel *wheel, NsTimer *timer)
{
    NsWheelCancel(wheel, timer);
    Place(wheel, timer);
    wheel->armed++;
}

void
NsWheelAdvance(NsTimerWheel *wheel, int64_t now)
{
    int64_t   target = now / NS_WHEEL_TICK, tick;
    unsigned  level, slot;
    NsTimer **tail = &wheel->expired;

    while (*tail != NULL) {
        tail = &(*tail)->next;
    }
    tail = Append(tail, TakeList(&wheel->overdue));
    while (NextSlot(wheel, &level, &slot, &tick) && tick <= target) {
        NsTimer *list = TakeList(&wheel->slots[level][slot]);

        wheel->used[level] &= ~((uint64_t)1 << slot);
        wheel->tick = tick;
        if (level == 0) {
            tail = Append(tail, list);
            continue;
        }
        while (list != NULL) {
            NsTimer *timer = list;

            list = list->next;
            Place(wheel, timer);
        }
        tail = Append(tail, TakeList(&wheel->overdue));        /* those that begin with the slot */
    }
    if (target > wheel->tick) {
        wheel->tick = target;
    }
}

NsTimer *
NsWheelTake(NsTimerWheel *wheel)
{
    NsTimer *timer = wheel->expired;

    if (timer != NULL) {
        NsWheelCancel(wheel, timer);
    }
    return timer;
}

int64_t
NsWheelWait(const NsTimerWheel *wheel, int64_t now)
{
    unsigned level, slot;
    int64_t  tick, wait;

    if (wheel->overdue != NULL || wheel->expired != NULL) {
        return 0;
    }
    if (!NextSlot(wheel, &level, &slot, &tick)) {
        return -1;
    }
    wait = tick * NS_WHEEL_TICK - now;
    return wait > 0 ? wait : 0;
}
