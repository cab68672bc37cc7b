/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Scheduled procs.
 *
 * One thread, "-sched-", waits for the event that is due first and runs it; events with NS_SCHED_THREAD are run by threads
 * "-sched:N-" so that they do not hold up the others.  An event is not in the heap while it is paused, or queued or running
 * in a runner thread: it does not overlap itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "callbacks.h"
#include "process.h"
#include "sched.h"

typedef struct Event {
    Tcl_HashEntry *entry;                      /* NULL: unscheduled, gone when the run is over */
    int            id;
    unsigned       flags;
    bool           running, paused;
    size_t         index;                      /* in the heap, from 1; 0: not in it */
    Ns_Time        interval, next;
    Ns_Time        lastQueue, lastStart, lastEnd;
    Ns_SchedProc  *proc, *cleanup;
    void          *arg;
    struct Event  *nextReady;                  /* queue of the runner threads */
} Event;

/* In the list of events, with the NS_SCHED_* of ns.h. */
#define SCHED_PAUSED  0x10u
#define SCHED_RUNNING 0x20u
#define RUNNER_IDLE 60                         /* seconds after which a runner without work ends */

static Ns_Mutex      lock;
static Ns_Cond       changed;                  /* the first event is another, or it is time to stop */
static Ns_Cond       ready;                    /* work for runners */
static Ns_Cond       ended;                    /* a runner, or an event */
static Tcl_HashTable events;                   /* id: Event *, all that are scheduled */
static bool          initialized, started, stopping;
static Event       **heap;                     /* [1 ..], by time */
static size_t        heapCount, heapRoom;
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
Place(size_t index, Event *event)
{
    heap[index] = event;
    event->index = index;
}

static void
SiftUp(size_t index, Event *event)
{
    while (index > 1 && Before(event, heap[index / 2])) {
        Place(index, heap[index / 2]);
        index /= 2;
    }
    Place(index, event);
}

static void
SiftDown(size_t index, Event *event)
{
    size_t child;

    while ((child = 2 * index) <= heapCount) {
        if (child < heapCount && Before(heap[child + 1], heap[child])) {
            child++;
        }
        if (!Before(heap[child], event)) {
            break;
        }
        Place(index, heap[child]);
        index = child;
    }
    Place(index, event);
}

static void
HeapInsert(Event *event)
{
    if (heapCount + 1 >= heapRoom) {
        heapRoom = heapRoom == 0 ? 64 : heapRoom * 2;
        heap = ns_realloc(heap, heapRoom * sizeof *heap);
    }
    SiftUp(++heapCount, event);
    if (event->index == 1) {
        Ns_CondSignal(&changed);
    }
}

static void
HeapRemove(Event *event)
{
    size_t index = event->index;
    Event *last;

    if (index == 0) {
        return;
    }
    event->index = 0;
    last = heap[heapCount--];
    if (last != event) {
        if (index > 1 && Before(last, heap[index / 2])) {
            SiftUp(index, last);
        } else {
            SiftDown(index, last);
        }
    }
}

/* -------------------------------------------------------------------------------------------------------------- times */

/* The next time of day, or of the week, that the interval says in seconds since midnight (of Sunday), local time. */
static void
NextCalendarTime(Event *event, const Ns_Time *now)
{
    struct tm tm;
    time_t    at = now->sec;
    bool      weekly = (event->flags & NS_SCHED_WEEKLY) != 0;

    (void)localtime_r(&at, &tm);
    if (weekly) {
        tm.tm_mday -= tm.tm_wday;
    }
    tm.tm_hour = 0;
    tm.tm_min = 0;
    tm.tm_sec = (int)event->interval.sec;
    tm.tm_isdst = -1;
    at = mktime(&tm);
    if (at <= now->sec) {
        /* mktime has moved the excess seconds into the other fields. */
        tm.tm_mday += weekly ? 7 : 1;
        tm.tm_isdst = -1;
        at = mktime(&tm);
    }
    event->next = (Ns_Time){at, 0};
}

/* Called with the lock held. */
static void
Queue(Event *event, const Ns_Time *now)
{
    if ((event->flags & (NS_SCHED_DAILY | NS_SCHED_WEEKLY)) != 0) {
        NextCalendarTime(event, now);
    } else {
        event->next = *now;
        Ns_IncrTime(&event->next, event->interval.sec, event->interval.usec);
    }
    event->lastQueue = *now;
    HeapInsert(event);
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

/* Called with the lock held; it is given up while the proc runs. */
static void
RunEvent(Event *event)
{
    Ns_Time now, took;
    bool    last;

    Ns_GetTime(&now);
    event->lastStart = now;
    Ns_MutexUnlock(&lock);
    event->proc(event->arg, event->id);
    Ns_GetTime(&now);
    Ns_MutexLock(&lock);
    event->lastEnd = now;
    event->running = false;
    if (Ns_DiffTime(&now, &event->lastStart, &took) > 0 && Ns_DiffTime(&took, &longRun, NULL) > 0) {
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        NsProcAppend(&ds, (void (*)(void))event->proc, event->arg);
        Ns_Log(Notice, "sched: event %d took %ld.%06lds: %s", event->id, took.sec, took.usec, Tcl_DStringValue(&ds));
        Tcl_DStringFree(&ds);
    }
    last = event->entry == NULL || (event->flags & NS_SCHED_ONCE) != 0;
    if (!last) {
        if (!event->paused) {
            Queue(event, &now);
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
    int runs = 0;

    Ns_MutexLock(&lock);
    Ns_ThreadSetName("-sched:%d-", ++runnerSerial);
    while (!stopping && (runsPerThread == 0 || runs < runsPerThread)) {
        Ns_ReturnCode status = NS_OK;
        Ns_Time       until;
        Event        *event;

        Ns_GetTime(&until);
        Ns_IncrTime(&until, RUNNER_IDLE, 0);
        idleRunners++;
        while (firstReady == NULL && !stopping && status == NS_OK) {
            status = Ns_CondTimedWait(&ready, &lock, &until);
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

static void
SchedThread(void *arg)
{
    Ns_ThreadSetName("-sched-");
    Ns_MutexLock(&lock);
    while (!stopping) {
        Ns_Time now;
        Event  *event;

        if (heapCount == 0) {
            Ns_CondWait(&changed, &lock);
            continue;
        }
        event = heap[1];
        Ns_GetTime(&now);
        if (Ns_DiffTime(&event->next, &now, NULL) > 0) {
            Ns_Time until = event->next;

            (void)Ns_CondTimedWait(&changed, &lock, &until);
            continue;
        }
        HeapRemove(event);
        event->running = true;
        if ((event->flags & NS_SCHED_THREAD) != 0) {
            GiveToRunner(event);
        } else {
            RunEvent(event);
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
    Event  *event;
    Ns_Time now;
    int     isNew, id;

    if (interval->sec < 0 || interval->usec < 0) {
        return NS_ERROR;
    }
    event = ns_calloc(1, sizeof *event);
    event->flags = flags;
    event->interval = *interval;
    event->proc = proc;
    event->cleanup = cleanup;
    event->arg = arg;
    event->lastStart.sec = event->lastEnd.sec = -1;
    /* An event that is always due would never let another one run. */
    if ((flags & (NS_SCHED_ONCE | NS_SCHED_DAILY | NS_SCHED_WEEKLY)) == 0 && interval->sec == 0 && interval->usec < 1000) {
        event->interval.usec = 1000;
    }
    Ns_GetTime(&now);
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
    Queue(event, &now);
    Ns_MutexUnlock(&lock);
    return id;
}

int
Ns_After(const Ns_Time *interval, Ns_SchedProc *proc, void *arg, Ns_SchedProc *cleanup)
{
    return Ns_ScheduleProcEx(proc, arg, NS_SCHED_ONCE, interval, cleanup);
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
    Event  *event;
    Ns_Time now;
    bool    done = false;

    Ns_MutexLock(&lock);
    event = Find(id);
    if (event != NULL && event->paused) {
        event->paused = false;
        if (!event->running) {
            Ns_GetTime(&now);
            Queue(event, &now);
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

        flags |= (event->running ? SCHED_RUNNING : 0u) | (event->paused ? SCHED_PAUSED : 0u);
        Tcl_DStringStartSublist(ds);
        snprintf(text, sizeof text, "%d", event->id);
        Tcl_DStringAppendElement(ds, text);
        snprintf(text, sizeof text, "%u", flags);
        Tcl_DStringAppendElement(ds, text);
        AppendTime(ds, &event->interval);
        AppendTime(ds, &event->next);
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
        status = Ns_CondTimedWait(&ended, &lock, until);
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
