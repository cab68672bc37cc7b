/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The event loop of drivers and callback workers: epoll, timers whose cost does not grow with the number of idle
 * sockets, and an inbox that other threads post to.
 *
 * One thread runs a loop.  Unless a comment says "any thread", functions are called by that thread alone.  All objects
 * (watches, timers, tasks) live inside their owners' structures: the loop allocates nothing for them.
 *
 * One turn: wait for events; run timers that are due; call the watches that are ready; run the inbox; go on with what did not
 * fit into an earlier turn; run what was registered for the end of the turn.
 */
#ifndef NSD_EVENTLOOP_H
#define NSD_EVENTLOOP_H

#include "ns.h"

typedef struct NsLoop  NsLoop;
typedef struct NsWatch NsWatch;
typedef struct NsTimer NsTimer;
typedef struct NsTask  NsTask;

/* Events, and interest in them.  ERROR and HANGUP come unasked. */
#define NS_EV_READ    0x01u
#define NS_EV_WRITE   0x02u
#define NS_EV_PRI     0x04u                    /* urgent data */
#define NS_EV_ERROR   0x08u
#define NS_EV_HANGUP  0x10u                    /* both directions are closed */
#define NS_EV_RDHUP   0x20u                    /* the peer sends no more */
#define NS_EV_ONESHOT 0x80u                    /* interest only: ends with the first event, in the kernel */

typedef void (NsWatchProc)(NsLoop *loop, NsWatch *watch, unsigned events);
typedef void (NsTimerProc)(NsLoop *loop, NsTimer *timer);
typedef void (NsTaskProc)(NsLoop *loop, NsTask *task);

struct NsWatch {
    int          fd;
    unsigned     interest;                     /* what the kernel was told */
    bool         added;                        /* the kernel knows the fd */
    NsWatchProc *proc;
    int          slot;                         /* the loop's: place among the events of this turn, -1: none */
};
struct NsTimer {
    NsTimer     *next, **prev;                 /* the wheel's list; prev NULL: not armed */
    int64_t      due;                          /* NsLoopNow() at which it fires, milliseconds */
    NsTimerProc *proc;
};
struct NsTask {
    NsTask      *next;
    NsTaskProc  *proc;
};

/* Any thread.  NULL and errno on failure (descriptors). */
NsLoop *NsLoopCreate(const char *name);
void    NsLoopDestroy(NsLoop *loop);           /* not running any more; tasks still posted are run first */

/* Turn until NsLoopStop; all tasks posted before it are run. */
void NsLoopRun(NsLoop *loop);
void NsLoopStop(NsLoop *loop);                 /* any thread */
bool NsLoopIsCurrent(const NsLoop *loop);      /* any thread: is this the thread that runs it? */

/* Milliseconds of CLOCK_MONOTONIC, read once per turn.  NsLoopClock and, in microseconds, NsLoopClockUsec read the clock: any thread. */
int64_t NsLoopNow(const NsLoop *loop);
int64_t NsLoopClock(void);
int64_t NsLoopClockUsec(void);

/* The watch is zeroed memory before its first use.  NS_ERROR and errno when the kernel refuses. */
Ns_ReturnCode NsLoopWatch(NsLoop *loop, NsWatch *watch, int fd, unsigned interest, NsWatchProc *proc);
/* Tells the kernel only if it changes (with ONESHOT always). */
Ns_ReturnCode NsLoopSetInterest(NsLoop *loop, NsWatch *watch, unsigned interest);
/* From here on proc is not called for it, not even for an event already fetched in this turn; the fd may be closed. */
void NsLoopUnwatch(NsLoop *loop, NsWatch *watch);
/*
 * Any thread, for a watch whose ONESHOT interest has fired or that is not added: take it out of the kernel's set.  No
 * event for it can be under way then.
 */
void NsLoopForget(NsLoop *loop, NsWatch *watch);

/*
 * Arm a timer for `due`, or move it.  It fires at the first turn at or after `due` (never early, at most the wheel's
 * granularity of 8 ms late in an idle loop) and is disarmed before its proc runs.
 */
void NsLoopTimerSet(NsLoop *loop, NsTimer *timer, int64_t due, NsTimerProc *proc);
void NsLoopTimerCancel(NsLoop *loop, NsTimer *timer);        /* not armed is fine */
static inline bool NsTimerArmed(const NsTimer *timer) { return timer->prev != NULL; }

/*
 * Any thread: run the task's proc on the loop's thread, in the order of posting.  The task's memory belongs to the
 * loop until proc is called.  A task posted to a stopped loop stays until NsLoopDestroy.
 */
void NsLoopPost(NsLoop *loop, NsTask *task);
/* Run at the end of this turn (tasks added while those run: in the same turn). */
void NsLoopDefer(NsLoop *loop, NsTask *task);

/*
 * Work has a measure: who finds, between two pieces of his work, that the turn has lasted for NS_LOOP_TURN leaves the rest for a later
 * one, so that nobody keeps the others waiting.  Cheap enough to ask for each message; true some milliseconds late at most.
 */
#define NS_LOOP_TURN 4000                      /* microseconds */
bool NsLoopTurnOver(const NsLoop *loop);
/*
 * Run the task behind the inbox of this turn or a later one: those that have yielded get their turn in the order in which they did, each
 * of them once per turn, as many as fit into it, and one at least.
 */
void NsLoopYield(NsLoop *loop, NsTask *task);

/* A buffer of the thread for reading: whoever reads uses it before he returns.  Room before it for a frame head. */
#define NS_LOOP_BUFFER (256 * 1024)
char *NsLoopBuffer(NsLoop *loop);

typedef struct NsLoopStats {                   /* counters since the start; any thread may read them */
    uint64_t turns, events, tasks, timers, wakeups, yields;
    uint64_t busyUsec;                         /* not waiting */
    size_t   watches, armedTimers, inbox;
} NsLoopStats;
void NsLoopGetStats(const NsLoop *loop, NsLoopStats *stats);  /* any thread */

#endif
