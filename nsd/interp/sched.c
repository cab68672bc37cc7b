/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Scheduled procs.
 *
 * One thread, "-sched-", waits for the event that is due first and runs it; events with NS_SCHED_THREAD are run by threads
 * "-sched:N-" so that they do not hold up the others.  An event is not in a heap while it is paused, or queued or running
 * in a runner thread: it does not overlap itself.
 *
 * Intervals are on the monotonic clock.  Times of day and of the week are dates: the date may step, and stand still while the
 * machine sleeps, so the thread looks at it now and then.  What was due meanwhile runs then, once; what has run is not run
 * again when the date is set back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/calendar.h"
#include "base/clock.h"
#include "interp/callbacks.h"
#include "interp/sched.h"

typedef struct Event {
    Tcl_HashEntry *entry;                      /* NULL: unscheduled, gone when the run is over */
    int            id;
    unsigned       flags;
    bool           running, paused;
    struct Heap   *heap;                       /* where it belongs */
    size_t         index;                      /* in the heap, from 1; 0: not in it */
    Ns_Time        interval;
    Ns_Time        next;                       /* monotonic, or in `calendar` a date */
    Ns_Time        lastQueue, lastStart, lastEnd;          /* dates */
    time_t         served;                     /* in `calendar`: the date for which it ran last; 0: not yet */
    Ns_SchedProc  *proc, *cleanup;
    void          *arg;
    struct Event  *nextReady;                  /* queue of the runner threads */
} Event;

typedef struct Heap {
    Event **items;                             /* [1 ..], by `next` */
    size_t  count, room;
} Heap;

/* In the list of events, with the NS_SCHED_* of ns.h. */
#define SCHED_PAUSED  0x10u
#define SCHED_RUNNING 0x20u
#define RUNNER_IDLE 60                         /* seconds after which a runner without work ends */
#define LOOK        5                          /* seconds between two looks at the date, while there are times of day */
#define DAY         86400

static Ns_Mutex      lock;
static Ns_Cond       changed;                  /* the first event is another, or it is time to stop */
static Ns_Cond       ready;                    /* work for runners */
static Ns_Cond       ended;                    /* a runner, or an event */
static Tcl_HashTable events;                   /* id: Event *, all that are scheduled */
static bool          initialized, started, stopping;
static Heap          intervals, calendar;
static Ns_Time       dateBefore, clockBefore;  /* when the thread looked at both clocks last */
static Event        *firstReady, **lastReady = &firstReady;
static int           runners, idleRunners, runnerSerial, nextId;
static Ns_Thread     schedThread;
static bool          schedEnded;
static Ns_Time       longRun;                  /* schedlogminduration */
static int           runsPerThread;            /* schedsperthread, 0: no limit */

/* --------------------------------------------------------------------------------------------------------------- heap */

static bool
Before(const Event *a, const Event *b)
{
    return a->next.sec < b->next.sec || (a->next.sec == b->next.sec && a->next.usec < b->next.usec);
}

static void
Place(Heap *heap, size_t index, Event *event)
{
    heap->items[index] = event;
    event->index = index;
}

static void
SiftUp(Heap *heap, size_t index, Event *event)
{
    while (index > 1 && Before(event, heap->items[index / 2])) {
        Place(heap, index, heap->items[index / 2]);
        index /= 2;
    }
    Place(heap, index, event);
}

static void
SiftDown(Heap *heap, size_t index, Event *event)
{
    size_t child;

    while ((child = 2 * index) <= heap->count) {
        if (child < heap->count && Before(heap->items[child + 1], heap->items[child])) {
            child++;
        }
        if (!Before(heap->items[child], event)) {
            break;
        }
        Place(heap, index, heap->items[child]);
        index = child;
    }
    Place(heap, index, event);
}

static void
HeapInsert(Event *event)
{
    Heap *heap = event->heap;

    if (heap->count + 1 >= heap->room) {
        heap->room = heap->room == 0 ? 64 : heap->room * 2;
        heap->items = ns_realloc(heap->items, heap->room * sizeof *heap->items);
    }
    SiftUp(heap, ++heap->count, event);
    if (event->index == 1) {
        Ns_CondSignal(&changed);
    }
}

static void
HeapRemove(Event *event)
{
    Heap  *heap = event->heap;
    size_t index = event->index;
    Event *last;

    if (index == 0) {
        return;
    }
    event->index = 0;
    last = heap->items[heap->count--];
    if (last != event) {
        if (index > 1 && Before(last, heap->items[index / 2])) {
            SiftUp(heap, index, last);
        } else {
            SiftDown(heap, index, last);
        }
    }
}

/* -------------------------------------------------------------------------------------------------------------- times */

/* The next time of day, or of the week, that the interval says in seconds since midnight (of Sunday), local time. */
static void
NextCalendarTime(Event *event, const Ns_Time *date)
{
    bool        weekly = (event->flags & NS_SCHED_WEEKLY) != 0;
    NsTimeOfDay when = {weekly ? (int)(event->interval.sec / DAY % 7) : -1, (int)(event->interval.sec % DAY)};
    time_t      after = date->sec;

    /* The date was set back behind a time that has been served: not again.  Further than a day it was wrong before. */
    if (event->served > after && event->served - after < DAY) {
        after = event->served;
    }
    event->next = (Ns_Time){NsCalendarNext(&when, after), 0};
}

/* Called with the lock held. */
static void
Queue(Event *event)
{
    Ns_Time date;

    Ns_GetTime(&date);
    if (event->heap == &calendar) {
        NextCalendarTime(event, &date);
    } else {
        NsMonotonicAfter(&event->interval, &event->next);
    }
    event->lastQueue = date;
    HeapInsert(event);
}

/* Called with the lock held: the date was set back, and what would be due in a week may be due tomorrow. */
static void
RequeueCalendar(const Ns_Time *date)
{
    size_t i;

    for (i = 1; i <= calendar.count; i++) {
        NextCalendarTime(calendar.items[i], date);
    }
    for (i = calendar.count / 2; i >= 1; i--) {
        SiftDown(&calendar, i, calendar.items[i]);
    }
}

/* Called with the lock held. */
static void
LookAtDate(const Ns_Time *now, const Ns_Time *date)
{
    Ns_Time elapsed, expected;

    (void)Ns_DiffTime(now, &clockBefore, &elapsed);
    expected = dateBefore;
    Ns_IncrTime(&expected, elapsed.sec - 1, elapsed.usec); /* a second for what adjusts clocks little by little */
    if (Ns_DiffTime(date, &expected, NULL) < 0) {
        RequeueCalendar(date);
    }
    clockBefore = *now;
    dateBefore = *date;
}

/* -------------------------------------------------------------------------------------------------------------- running */

/* Called without the lock. */
static void
FreeEvent(Event *event)
{
    if (event->cleanup != NULL) {
        event->cleanup(event->arg, event->id);
    }
    ns_free(event);
}

static void
LogLongRun(const Event *event, const Ns_Time *took)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    NsProcAppend(&ds, (void (*)(void))event->proc, event->arg);
    Ns_Log(Notice, "sched: event %d took %ld.%06lds: %s", event->id, took->sec, took->usec, Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
}

/* Called with the lock held; it is given up while the proc runs. */
static void
RunEvent(Event *event)
{
    Ns_Time begun, now, took;
    bool    last;

    NsGetMonotonicTime(&begun);
    Ns_GetTime(&event->lastStart);
    Ns_MutexUnlock(&lock);
    event->proc(event->arg, event->id);
    NsGetMonotonicTime(&now);
    Ns_MutexLock(&lock);
    Ns_GetTime(&event->lastEnd);
    event->running = false;
    (void)Ns_DiffTime(&now, &begun, &took);
    if (Ns_DiffTime(&took, &longRun, NULL) > 0) {
        LogLongRun(event, &took);
    }
    last = event->entry == NULL || (event->flags & NS_SCHED_ONCE) != 0;
    if (!last) {
        if (!event->paused) {
            Queue(event);
        }
    } else {
        if (event->entry != NULL) {
            Tcl_DeleteHashEntry(event->entry);
        }
        Ns_MutexUnlock(&lock);
        FreeEvent(event);
        Ns_MutexLock(&lock);
    }
}

static void
Runner(void *arg)
{
    const Ns_Time idle = {RUNNER_IDLE, 0};
    int           runs = 0;

    Ns_MutexLock(&lock);
    Ns_ThreadSetName("-sched:%d-", ++runnerSerial);
    while (!stopping && (runsPerThread == 0 || runs < runsPerThread)) {
        Ns_ReturnCode status = NS_OK;
        Ns_Time       until;
        Event        *event;

        NsMonotonicAfter(&idle, &until);
        idleRunners++;
        while (firstReady == NULL && !stopping && status == NS_OK) {
            status = NsCondWaitUntil(&ready, &lock, &until);
        }
        idleRunners--;
        event = firstReady;
        if (event == NULL || stopping) {
            break;
        }
        firstReady = event->nextReady;
        if (firstReady == NULL) {
            lastReady = &firstReady;
        }
        RunEvent(event);
        runs++;
    }
    /* Work that came while this one was about to end needs somebody else. */
    if (firstReady != NULL && !stopping && idleRunners == 0) {
        Ns_ThreadCreate(Runner, NULL, 0, NULL);
    } else {
        runners--;
    }
    Ns_CondBroadcast(&ended);
    Ns_MutexUnlock(&lock);
}

/* Called with the lock held. */
static void
GiveToRunner(Event *event)
{
    int waiting = 0;
    const Event *other;

    event->nextReady = NULL;
    *lastReady = event;
    lastReady = &event->nextReady;
    for (other = firstReady; other != NULL; other = other->nextReady) {
        waiting++;
    }
    if (waiting > idleRunners) {
        runners++;
        Ns_ThreadCreate(Runner, NULL, 0, NULL);
    }
    Ns_CondSignal(&ready);
}

/* Called with the lock held: take out the event that is due.  NULL: none is, and `*until` is when to ask again (0: never). */
static Event *
TakeDue(Ns_Time *until)
{
    Ns_Time now, date, left;
    Event  *due = NULL, *first = intervals.count > 0 ? intervals.items[1] : NULL;

    *until = (Ns_Time){0, 0};
    NsGetMonotonicTime(&now);
    if (first != NULL) {
        *until = first->next;
        due = Ns_DiffTime(&first->next, &now, NULL) <= 0 ? first : NULL;
    }
    if (calendar.count > 0) {
        Ns_GetTime(&date);
        LookAtDate(&now, &date);
        first = calendar.items[1];
        (void)Ns_DiffTime(&first->next, &date, &left);
        if (left.sec < 0 || (left.sec == 0 && left.usec == 0)) {
            due = first;
            due->served = due->next.sec;
        } else {
            left = left.sec >= LOOK ? (Ns_Time){LOOK, 0} : left;
            Ns_IncrTime(&now, left.sec, left.usec);
            *until = until->sec == 0 || Ns_DiffTime(&now, until, NULL) < 0 ? now : *until;
        }
    }
    if (due != NULL) {
        HeapRemove(due);
        due->running = true;
    }
    return due;
}

static void
SchedThread(void *arg)
{
    Ns_ThreadSetName("-sched-");
    Ns_MutexLock(&lock);
    while (!stopping) {
        Ns_Time until;
        Event  *event = TakeDue(&until);

        if (event != NULL && (event->flags & NS_SCHED_THREAD) != 0) {
            GiveToRunner(event);
        } else if (event != NULL) {
            RunEvent(event);
        } else if (until.sec != 0) {
            (void)NsCondWaitUntil(&changed, &lock, &until);
        } else {
            Ns_CondWait(&changed, &lock);
        }
    }
    schedEnded = true;
    Ns_CondBroadcast(&ended);
    Ns_MutexUnlock(&lock);
}

/* --------------------------------------------------------------------------------------------------------------- API */

static void
Init(void)
{
    if (!initialized) {
        Tcl_InitHashTable(&events, TCL_ONE_WORD_KEYS);
        Ns_MutexSetName(&lock, "ns:sched");
        initialized = true;
    }
}

int
Ns_ScheduleProcEx(Ns_SchedProc *proc, void *arg, unsigned flags, const Ns_Time *interval, Ns_SchedProc *cleanup)
{
    Event *event;
    int    isNew, id;

    if (interval->sec < 0 || interval->usec < 0) {
        return NS_ERROR;
    }
    event = ns_calloc(1, sizeof *event);
    event->flags = flags;
    event->heap = (flags & (NS_SCHED_DAILY | NS_SCHED_WEEKLY)) != 0 ? &calendar : &intervals;
    event->interval = *interval;
    event->proc = proc;
    event->cleanup = cleanup;
    event->arg = arg;
    event->lastStart.sec = event->lastEnd.sec = -1;
    /* An event that is always due would never let another one run. */
    if ((flags & (NS_SCHED_ONCE | NS_SCHED_DAILY | NS_SCHED_WEEKLY)) == 0 && interval->sec == 0 && interval->usec < 1000) {
        event->interval.usec = 1000;
    }
    Ns_MutexLock(&lock);
    Init();
    if (stopping) {
        Ns_MutexUnlock(&lock);
        ns_free(event);
        return NS_ERROR;
    }
    do {
        id = nextId++;
        if (nextId < 0) {
            nextId = 0;
        }
        event->entry = Tcl_CreateHashEntry(&events, (char *)(intptr_t)id, &isNew);
    } while (!isNew);
    event->id = id;
    Tcl_SetHashValue(event->entry, event);
    Queue(event);
    Ns_MutexUnlock(&lock);
    return id;
}

int
Ns_After(const Ns_Time *interval, Ns_SchedProc *proc, void *arg, ns_funcptr_t cleanup)
{
    return Ns_ScheduleProcEx(proc, arg, NS_SCHED_ONCE, interval, (Ns_SchedProc *)cleanup);
}

int
Ns_ScheduleDaily(Ns_SchedProc *proc, void *arg, unsigned int flags, int hour, int minute, Ns_SchedProc *cleanup)
{
    Ns_Time when = {hour * 3600 + minute * 60, 0};

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return NS_ERROR;
    }
    return Ns_ScheduleProcEx(proc, arg, flags | NS_SCHED_DAILY, &when, cleanup);
}

int
Ns_ScheduleWeekly(Ns_SchedProc *proc, void *arg, unsigned int flags, int day, int hour, int minute, Ns_SchedProc *cleanup)
{
    Ns_Time when = {day * 86400 + hour * 3600 + minute * 60, 0};

    if (day < 0 || day > 6 || hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return NS_ERROR;
    }
    return Ns_ScheduleProcEx(proc, arg, flags | NS_SCHED_WEEKLY, &when, cleanup);
}

int
Ns_ScheduleProc(Ns_SchedProc *proc, void *arg, int thread, int secs)
{
    Ns_Time interval = {secs, 0};

    return Ns_ScheduleProcEx(proc, arg, thread != 0 ? NS_SCHED_THREAD : 0u, &interval, NULL);
}

void
Ns_UnscheduleProc(int id)
{
    (void)Ns_Cancel(id);
}

/* Called with the lock held. */
static Event *
Find(int id)
{
    Tcl_HashEntry *entry;

    Init();
    entry = Tcl_FindHashEntry(&events, (char *)(intptr_t)id);
    return entry != NULL ? Tcl_GetHashValue(entry) : NULL;
}

bool
Ns_Cancel(int id)
{
    Event *event;
    bool   running = false;

    Ns_MutexLock(&lock);
    event = Find(id);
    if (event != NULL) {
        Tcl_DeleteHashEntry(event->entry);
        event->entry = NULL;
        running = event->running;
        HeapRemove(event);
    }
    Ns_MutexUnlock(&lock);
    if (event != NULL && !running) {
        FreeEvent(event);
    }
    return event != NULL;
}

bool
Ns_Pause(int id)
{
    Event *event;
    bool   done = false;

    Ns_MutexLock(&lock);
    event = Find(id);
    if (event != NULL && !event->paused) {
        event->paused = true;
        HeapRemove(event);
        done = true;
    }
    Ns_MutexUnlock(&lock);
    return done;
}

bool
Ns_Resume(int id)
{
    Event *event;
    bool   done = false;

    Ns_MutexLock(&lock);
    event = Find(id);
    if (event != NULL && event->paused) {
        event->paused = false;
        if (!event->running) {
            Queue(event);
        }
        done = true;
    }
    Ns_MutexUnlock(&lock);
    return done;
}

static void
AppendTime(Tcl_DString *ds, const Ns_Time *time)
{
    char text[48];

    if (time->sec < 0) {
        Tcl_DStringAppendElement(ds, "-1");
    } else {
        snprintf(text, sizeof text, time->usec == 0 ? "%ld" : "%ld.%06ld", time->sec, time->usec);
        Tcl_DStringAppendElement(ds, text);
    }
}

void
NsSchedAppend(Tcl_DString *ds)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;
    char           text[32];

    Ns_MutexLock(&lock);
    Init();
    for (entry = Tcl_FirstHashEntry(&events, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        const Event *event = Tcl_GetHashValue(entry);
        unsigned     flags = event->flags;
        Ns_Time      next = event->next;

        flags |= (event->running ? SCHED_RUNNING : 0u) | (event->paused ? SCHED_PAUSED : 0u);
        Tcl_DStringStartSublist(ds);
        snprintf(text, sizeof text, "%d", event->id);
        Tcl_DStringAppendElement(ds, text);
        snprintf(text, sizeof text, "%u", flags);
        Tcl_DStringAppendElement(ds, text);
        AppendTime(ds, &event->interval);
        if (event->heap == &intervals) {
            NsMonotonicToDate(&event->next, &next);
        }
        AppendTime(ds, &next);
        AppendTime(ds, &event->lastQueue);
        AppendTime(ds, &event->lastStart);
        AppendTime(ds, &event->lastEnd);
        NsProcAppend(ds, (void (*)(void))event->proc, event->arg);
        Tcl_DStringEndSublist(ds);
    }
    Ns_MutexUnlock(&lock);
}

/* ------------------------------------------------------------------------------------------------------- start and stop */

void
NsSchedStart(void)
{
    Ns_Time limit;
    int     runs = Ns_ConfigIntRange("ns/parameters", "schedsperthread", 0, 0, INT32_MAX);

    Ns_ConfigTimeUnitRange("ns/parameters", "schedlogminduration", "2s", 0, 0, 86400, 0, &limit);
    Ns_MutexLock(&lock);
    Init();
    NsGetMonotonicTime(&clockBefore);
    Ns_GetTime(&dateBefore);
    longRun = limit;
    runsPerThread = runs;
    started = true;
    Ns_MutexUnlock(&lock);
    Ns_ThreadCreate(SchedThread, NULL, 0, &schedThread);
}

void
NsSchedStop(const Ns_Time *until)
{
    Ns_ReturnCode status = NS_OK;
    bool          done;

    Ns_MutexLock(&lock);
    if (!started) {
        Ns_MutexUnlock(&lock);
        return;
    }
    stopping = true;
    Ns_CondBroadcast(&changed);
    Ns_CondBroadcast(&ready);
    while ((!schedEnded || runners > 0) && status == NS_OK) {
        status = NsCondWaitUntil(&ended, &lock, until);
    }
    done = schedEnded;
    if (status != NS_OK) {
        Ns_Log(Warning, "sched: a scheduled proc still runs; it is left");
    }
    Ns_MutexUnlock(&lock);
    if (done) {
        Ns_ThreadJoin(&schedThread, NULL);
    }
}
