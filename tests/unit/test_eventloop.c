/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Event loop and timer wheel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "net/eventloop.h"
#include "net/timerwheel.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---------------------------------------------------------------------------------------------------- timer wheel */

typedef struct WheelTimer {
    NsTimer timer;                             /* first: they are the same address */
    int64_t firedAt;
    int     fired;
} WheelTimer;

/* Advance to `now` and mark what fires; how many. */
static size_t
Fire(NsTimerWheel *wheel, int64_t now)
{
    NsTimer *timer;
    size_t   n = 0;

    NsWheelAdvance(wheel, now);
    while ((timer = NsWheelTake(wheel)) != NULL) {
        WheelTimer *t = (WheelTimer *)timer;

        assert_false(NsTimerArmed(timer));
        t->firedAt = now;
        t->fired++;
        n++;
    }
    return n;
}

static void
Arm(NsTimerWheel *wheel, WheelTimer *t, int64_t due)
{
    NsWheelCancel(wheel, &t->timer);
    t->timer.due = due;
    NsWheelSet(wheel, &t->timer);
}

/* Distances around every level's borders, from starts that lie before, at and behind them. */
static void
test_wheel_never_early_at_most_one_tick_late(void **state)
{
    static const int64_t starts[] = {0, 1, 7, 8, 511, 512, 513, 32767, 32768, 5000001, 2097151, 134217727};
    static const int64_t distances[] = {0, 1, 7, 8, 9, 15, 16, 63, 504, 505, 511, 512, 513, 520, 4095, 32760, 32768, 32769,
                                        40000, 2097152, 2097160, 3000000, 134217728, 140000003};
    NsTimerWheel *wheel = malloc(sizeof(*wheel));

    for (size_t s = 0; s < COUNT(starts); s++) {
        for (size_t d = 0; d < COUNT(distances); d++) {
            WheelTimer t = {0};
            int64_t    now = starts[s], due = starts[s] + distances[d];
            int        turns = 0;

            NsWheelInit(wheel, now);
            Arm(wheel, &t, due);
            /* As the loop does: sleep as long as the wheel says. */
            while (t.fired == 0) {
                int64_t wait = NsWheelWait(wheel, now);

                assert_true(wait >= 0);
                now += wait;
                Fire(wheel, now);
                assert_true(++turns < 12);     /* the levels, not the ticks */
            }
            assert_true(t.firedAt >= due);
            assert_true(t.firedAt < due + NS_WHEEL_TICK);
            assert_int_equal(wheel->armed, 0);
            assert_int_equal(NsWheelWait(wheel, now), -1);
        }
    }
    free(wheel);
}

static void
test_wheel_in_order(void **state)
{
    NsTimerWheel *wheel = malloc(sizeof(*wheel));
    WheelTimer    t[200] = {0};
    NsTimer      *timer;
    int64_t       last = 0;
    size_t        n = 0;

    NsWheelInit(wheel, 100);
    for (size_t i = 0; i < COUNT(t); i++) {
        Arm(wheel, &t[i], 100 + (int64_t)((i * 7919) % 200) * 1000);       /* a permutation, over three levels */
    }
    NsWheelAdvance(wheel, 100 + 200 * 1000);
    while ((timer = NsWheelTake(wheel)) != NULL) {
        assert_true(timer->due >= last);
        last = timer->due;
        n++;
    }
    assert_int_equal(n, COUNT(t));

    /* Within a tick: as they were armed. */
    for (size_t i = 0; i < COUNT(t); i++) {
        Arm(wheel, &t[i], 300 * 1000);
    }
    NsWheelAdvance(wheel, 300 * 1000 + 8);
    for (size_t i = 0; i < COUNT(t); i++) {
        assert_ptr_equal(NsWheelTake(wheel), &t[i].timer);
    }
    assert_null(NsWheelTake(wheel));
    free(wheel);
}

static void
test_wheel_hundred_thousand(void **state)
{
    enum { N = 100000 };
    NsTimerWheel *wheel = malloc(sizeof(*wheel));
    WheelTimer   *t = calloc(N, sizeof(*t));
    unsigned      seed = 4711;
    int64_t       now = 12345;
    size_t        fired = 0, cancelled = 0, turns = 0;

    NsWheelInit(wheel, now);
    for (int i = 0; i < N; i++) {
        Arm(wheel, &t[i], now + rand_r(&seed) % 100000);
    }
    for (int i = 0; i < N; i += 3) {
        Arm(wheel, &t[i], now + 50000 + rand_r(&seed) % 200000);           /* moved */
    }
    for (int i = 0; i < N; i += 10) {
        NsWheelCancel(wheel, &t[i].timer);
        NsWheelCancel(wheel, &t[i].timer);                                 /* twice is fine */
        cancelled++;
    }
    assert_int_equal(wheel->armed, N - cancelled);
    while (wheel->armed > 0) {
        now += 1 + rand_r(&seed) % 50;
        fired += Fire(wheel, now);
        turns++;
    }
    assert_int_equal(fired, N - cancelled);
    for (int i = 0; i < N; i++) {
        if (i % 10 == 0) {
            assert_int_equal(t[i].fired, 0);
        } else {
            assert_int_equal(t[i].fired, 1);
            assert_true(t[i].firedAt >= t[i].timer.due);
            assert_true(t[i].firedAt < t[i].timer.due + NS_WHEEL_TICK + 50);
        }
    }
    for (size_t level = 0; level < NS_WHEEL_LEVELS; level++) {
        assert_true(wheel->used[level] == 0);
    }
    free(t);
    free(wheel);
}

static void
test_wheel_far_and_overdue(void **state)
{
    NsTimerWheel *wheel = malloc(sizeof(*wheel));
    WheelTimer    never = {0}, past = {0}, zero = {0};

    NsWheelInit(wheel, 1000);
    Arm(wheel, &never, INT64_MAX);
    assert_true(NsWheelWait(wheel, 1000) > 0);
    Arm(wheel, &past, -5);
    Arm(wheel, &zero, 1000);
    assert_int_equal(NsWheelWait(wheel, 1000), 0);
    assert_int_equal(Fire(wheel, 1000), 2);
    assert_int_equal(never.fired, 0);
    assert_int_equal(Fire(wheel, 1000LL * 86400 * 365 * 10), 0);
    NsWheelCancel(wheel, &never.timer);
    assert_int_equal(NsWheelWait(wheel, 1000LL * 86400 * 365 * 10), -1);
    free(wheel);
}

/* A timer that is cancelled after it was collected, before its turn to be called, is not called. */
static void
test_wheel_cancel_collected(void **state)
{
    NsTimerWheel *wheel = malloc(sizeof(*wheel));
    WheelTimer    a = {0}, b = {0}, c = {0}, d = {0};

    NsWheelInit(wheel, 0);
    Arm(wheel, &a, 8);
    Arm(wheel, &b, 8);
    Arm(wheel, &c, 16);
    Arm(wheel, &d, 16);
    NsWheelAdvance(wheel, 104);
    assert_ptr_equal(NsWheelTake(wheel), &a.timer);
    NsWheelCancel(wheel, &b.timer);
    NsWheelCancel(wheel, &d.timer);
    Arm(wheel, &a, 104);                       /* due at once: not before the next advance */
    assert_ptr_equal(NsWheelTake(wheel), &c.timer);
    assert_null(NsWheelTake(wheel));
    assert_int_equal(NsWheelWait(wheel, 104), 0);
    assert_int_equal(Fire(wheel, 104), 1);
    assert_int_equal(a.fired, 1);
    free(wheel);
}

/* ------------------------------------------------------------------------------------------------------- the loop */

typedef struct Fixture {
    NsLoop *loop;
    int     pair[4][2];
} Fixture;

static int
Setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    f->loop = NsLoopCreate("test");
    assert_non_null(f->loop);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, f->pair[i]), 0);
    }
    *state = f;
    return 0;
}

static int
Teardown(void **state)
{
    Fixture *f = *state;

    NsLoopDestroy(f->loop);
    for (int i = 0; i < 4; i++) {
        close(f->pair[i][0]);
        close(f->pair[i][1]);
    }
    free(f);
    return 0;
}

static void
StopTask(NsLoop *loop, NsTask *task)
{
    NsLoopStop(loop);
}

static void
StopTimer(NsLoop *loop, NsTimer *timer)
{
    NsLoopStop(loop);
}

/* End a test that hangs with a failure instead. */
static NsTimer guard;

static void
GuardProc(NsLoop *loop, NsTimer *timer)
{
    fail_msg("the loop was not stopped within 20 seconds");
}

static void
Run(NsLoop *loop)
{
    NsLoopTimerSet(loop, &guard, NsLoopClock() + 20000, GuardProc);
    NsLoopRun(loop);
    NsLoopTimerCancel(loop, &guard);
}

static int64_t timerDue, timerLate;

static void
LateProc(NsLoop *loop, NsTimer *timer)
{
    int64_t clock = NsLoopClock();

    assert_true(clock >= timer->due);
    assert_true(NsLoopNow(loop) >= timer->due);
    assert_false(NsTimerArmed(timer));
    timerLate += clock - timer->due;
    if (++timerDue == 20) {
        NsLoopStop(loop);
    } else {
        NsLoopTimerSet(loop, timer, NsLoopNow(loop) + 1 + timerDue, LateProc);
    }
}

static void
test_loop_timer_accuracy(void **state)
{
    Fixture *f = *state;
    NsTimer  timer = {0};

    timerDue = timerLate = 0;
    NsLoopTimerSet(f->loop, &timer, NsLoopNow(f->loop), LateProc);
    Run(f->loop);
    assert_int_equal(timerDue, 20);
    assert_true(timerLate < 20 * 100);         /* granularity 8; the rest is for a busy machine */
}

/* Ten thousand far timers do not wake an idle loop. */
static void
test_loop_idle_does_not_turn(void **state)
{
    Fixture    *f = *state;
    NsTimer    *far = calloc(10000, sizeof(*far)), stop = {0};
    NsLoopStats stats;

    for (int i = 0; i < 10000; i++) {
        NsLoopTimerSet(f->loop, &far[i], NsLoopNow(f->loop) + 60000 + i * 7, GuardProc);
    }
    NsLoopTimerSet(f->loop, &stop, NsLoopNow(f->loop) + 300, StopTimer);
    Run(f->loop);
    NsLoopGetStats(f->loop, &stats);
    assert_int_equal(stats.armedTimers, 10001);                            /* and the guard */
    assert_true(stats.turns <= 4);
    for (int i = 0; i < 10000; i++) {
        NsLoopTimerCancel(f->loop, &far[i]);
    }
    free(far);
}

static NsTimer victims[3];
static int     victimsFired;

static void
VictimProc(NsLoop *loop, NsTimer *timer)
{
    victimsFired++;
    for (int i = 0; i < 3; i++) {
        NsLoopTimerCancel(loop, &victims[i]);
    }
}

static void
test_loop_timer_cancels_others(void **state)
{
    Fixture *f = *state;
    NsTimer  stop = {0};
    int64_t  due = NsLoopNow(f->loop) + 10;

    victimsFired = 0;
    for (int i = 0; i < 3; i++) {
        NsLoopTimerSet(f->loop, &victims[i], due, VictimProc);
    }
    NsLoopTimerSet(f->loop, &stop, due + 50, StopTimer);
    Run(f->loop);
    assert_int_equal(victimsFired, 1);
}

static void
FreeingTimer(NsLoop *loop, NsTimer *timer)
{
    free(timer);
    NsLoopStop(loop);
}

static void
test_loop_timer_frees_itself(void **state)
{
    Fixture *f = *state;
    NsTimer *timer = calloc(1, sizeof(*timer));

    NsLoopTimerSet(f->loop, timer, 0, FreeingTimer);
    Run(f->loop);
}

/* ---- watches */

typedef struct TestWatch {
    NsWatch  watch;                            /* first */
    unsigned events;
    int      calls;
    struct TestWatch *other;
} TestWatch;

static void
CountProc(NsLoop *loop, NsWatch *watch, unsigned events)
{
    TestWatch *t = (TestWatch *)watch;

    t->calls++;
    t->events |= events;
}

static void
CountAndStop(NsLoop *loop, NsWatch *watch, unsigned events)
{
    CountProc(loop, watch, events);
    NsLoopStop(loop);
}

/* One turn with whatever is there. */
static void
Turn(NsLoop *loop)
{
    NsTimer now = {0};

    NsLoopTimerSet(loop, &now, 0, StopTimer);
    Run(loop);
}

static void
test_loop_watch_read_write(void **state)
{
    Fixture  *f = *state;
    TestWatch w = {0};
    char      c;

    assert_int_equal(NsLoopWatch(f->loop, &w.watch, f->pair[0][0], NS_EV_READ, CountProc), NS_OK);
    Turn(f->loop);
    assert_int_equal(w.calls, 0);
    assert_int_equal(write(f->pair[0][1], "x", 1), 1);
    Turn(f->loop);
    Turn(f->loop);
    assert_int_equal(w.calls, 2);              /* level triggered */
    assert_int_equal(w.events, NS_EV_READ);
    assert_int_equal(read(f->pair[0][0], &c, 1), 1);

    w.events = 0;
    assert_int_equal(NsLoopSetInterest(f->loop, &w.watch, NS_EV_READ | NS_EV_WRITE), NS_OK);
    Turn(f->loop);
    assert_int_equal(w.events, NS_EV_WRITE);
    w.events = 0;
    assert_int_equal(NsLoopSetInterest(f->loop, &w.watch, NS_EV_READ | NS_EV_RDHUP), NS_OK);
    shutdown(f->pair[0][1], SHUT_WR);
    Turn(f->loop);
    assert_int_equal(w.events, NS_EV_READ | NS_EV_RDHUP);
    close(f->pair[0][1]);
    f->pair[0][1] = -1;
    w.events = 0;
    Turn(f->loop);
    assert_true((w.events & NS_EV_HANGUP) != 0);
    NsLoopUnwatch(f->loop, &w.watch);
    w.calls = 0;
    Turn(f->loop);
    assert_int_equal(w.calls, 0);
}

/* Without any interest a hang-up comes once, not in every turn. */
static void
test_loop_no_interest_does_not_spin(void **state)
{
    Fixture  *f = *state;
    TestWatch w = {0};

    assert_int_equal(NsLoopWatch(f->loop, &w.watch, f->pair[0][0], 0, CountProc), NS_OK);
    close(f->pair[0][1]);
    f->pair[0][1] = -1;
    for (int i = 0; i < 5; i++) {
        Turn(f->loop);
    }
    assert_int_equal(w.calls, 1);
    assert_int_equal(NsLoopSetInterest(f->loop, &w.watch, NS_EV_READ), NS_OK);
    Turn(f->loop);
    assert_int_equal(w.calls, 2);
    NsLoopUnwatch(f->loop, &w.watch);
}

static void
test_loop_oneshot(void **state)
{
    Fixture  *f = *state;
    TestWatch w = {0};

    assert_int_equal(NsLoopWatch(f->loop, &w.watch, f->pair[0][0], NS_EV_READ | NS_EV_ONESHOT, CountProc), NS_OK);
    assert_int_equal(write(f->pair[0][1], "x", 1), 1);
    for (int i = 0; i < 3; i++) {
        Turn(f->loop);
    }
    assert_int_equal(w.calls, 1);
    assert_int_equal(NsLoopSetInterest(f->loop, &w.watch, NS_EV_READ | NS_EV_ONESHOT), NS_OK);
    assert_int_equal(NsLoopSetInterest(f->loop, &w.watch, NS_EV_READ | NS_EV_ONESHOT), NS_OK);
    for (int i = 0; i < 3; i++) {
        Turn(f->loop);
    }
    assert_int_equal(w.calls, 2);
    NsLoopForget(f->loop, &w.watch);
    assert_false(w.watch.added);
    NsLoopForget(f->loop, &w.watch);           /* not added: nothing to do */
    assert_int_equal(NsLoopWatch(f->loop, &w.watch, f->pair[0][0], NS_EV_READ | NS_EV_ONESHOT, CountProc), NS_OK);
    Turn(f->loop);
    assert_int_equal(w.calls, 3);
    NsLoopUnwatch(f->loop, &w.watch);
}

static void
UnwatchOther(NsLoop *loop, NsWatch *watch, unsigned events)
{
    TestWatch *t = (TestWatch *)watch;
    int        fd = t->other->watch.fd;

    CountProc(loop, watch, events);
    NsLoopUnwatch(loop, &t->other->watch);
    NsLoopUnwatch(loop, watch);
    assert_int_equal(close(fd), 0);
    free(t->other);
    NsLoopStop(loop);
}

/* Both are ready in one turn; whichever comes first takes the other's event back, closes its fd and frees it. */
static void
test_loop_unwatch_fetched_event(void **state)
{
    Fixture   *f = *state;
    TestWatch *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
    NsLoopStats stats;

    a->other = b;
    b->other = a;
    assert_int_equal(NsLoopWatch(f->loop, &a->watch, dup(f->pair[0][0]), NS_EV_READ, UnwatchOther), NS_OK);
    assert_int_equal(NsLoopWatch(f->loop, &b->watch, dup(f->pair[1][0]), NS_EV_READ, UnwatchOther), NS_OK);
    assert_int_equal(write(f->pair[0][1], "x", 1), 1);
    assert_int_equal(write(f->pair[1][1], "x", 1), 1);
    Run(f->loop);
    NsLoopGetStats(f->loop, &stats);
    assert_int_equal(stats.events, 1);
    assert_int_equal(stats.watches, 0);
    /* epoll reports in the order of readiness: a is the one that ran. */
    assert_int_equal(a->calls, 1);
    close(a->watch.fd);
    free(a);
}

static void
ReplaceOther(NsLoop *loop, NsWatch *watch, unsigned events)
{
    TestWatch *t = (TestWatch *)watch;
    int        fd = t->other->watch.fd, fresh;

    CountProc(loop, watch, events);
    NsLoopUnwatch(loop, &t->other->watch);
    close(fd);
    fresh = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fresh, fd);               /* the number is used again */
    close(fresh);
    assert_int_equal(dup2(t->watch.fd, fd), fd);
    assert_int_equal(NsLoopWatch(loop, &t->other->watch, fd, NS_EV_WRITE, CountProc), NS_OK);
    NsLoopUnwatch(loop, watch);
    NsLoopStop(loop);
}

/* The event of the old descriptor is not delivered for the new one that has its number. */
static void
test_loop_reused_descriptor(void **state)
{
    Fixture  *f = *state;
    TestWatch a = {0}, b = {0};

    a.other = &b;
    assert_int_equal(NsLoopWatch(f->loop, &a.watch, f->pair[0][0], NS_EV_READ, ReplaceOther), NS_OK);
    assert_int_equal(NsLoopWatch(f->loop, &b.watch, dup(f->pair[1][0]), NS_EV_READ, CountProc), NS_OK);
    assert_int_equal(write(f->pair[0][1], "x", 1), 1);
    assert_int_equal(write(f->pair[1][1], "x", 1), 1);
    Run(f->loop);
    assert_int_equal(a.calls, 1);
    assert_int_equal(b.calls, 0);
    Turn(f->loop);
    assert_int_equal(b.calls, 1);
    assert_int_equal(b.events, NS_EV_WRITE);
    NsLoopUnwatch(f->loop, &b.watch);
    close(b.watch.fd);
}

static void
ChangeOther(NsLoop *loop, NsWatch *watch, unsigned events)
{
    TestWatch *t = (TestWatch *)watch;

    CountProc(loop, watch, events);
    assert_int_equal(NsLoopSetInterest(loop, &t->other->watch, NS_EV_WRITE | NS_EV_ONESHOT), NS_OK);
    NsLoopUnwatch(loop, watch);
    NsLoopStop(loop);
}

/* An event fetched under the old interest is void when the interest changes in the same turn. */
static void
test_loop_interest_changes_with_event_fetched(void **state)
{
    Fixture  *f = *state;
    TestWatch a = {0}, b = {0};

    a.other = &b;
    assert_int_equal(NsLoopWatch(f->loop, &a.watch, f->pair[0][0], NS_EV_READ, ChangeOther), NS_OK);
    assert_int_equal(NsLoopWatch(f->loop, &b.watch, f->pair[1][0], NS_EV_READ | NS_EV_ONESHOT, CountProc), NS_OK);
    assert_int_equal(write(f->pair[0][1], "x", 1), 1);
    assert_int_equal(write(f->pair[1][1], "x", 1), 1);
    Run(f->loop);
    assert_int_equal(b.calls, 0);
    for (int i = 0; i < 3; i++) {
        Turn(f->loop);
    }
    assert_int_equal(b.calls, 1);
    assert_int_equal(b.events, NS_EV_WRITE);
    NsLoopUnwatch(f->loop, &b.watch);
}

static void
test_loop_watch_errors(void **state)
{
    Fixture *f = *state;
    NsWatch  w = {0};

    errno = 0;
    assert_int_equal(NsLoopWatch(f->loop, &w, 9999, NS_EV_READ, CountProc), NS_ERROR);
    assert_int_equal(errno, EBADF);
    assert_false(w.added);
    NsLoopUnwatch(f->loop, &w);
}

/* ---- tasks */

enum { THREADS = 4, POSTS = 5000 };

typedef struct CountedTask {
    NsTask task;                               /* first */
    int    thread, number;
} CountedTask;

typedef struct Poster {
    NsLoop  *loop;
    int      id;
    Ns_Thread thread;
} Poster;

static int lastNumber[THREADS], tasksRun;

static void
CountTask(NsLoop *loop, NsTask *task)
{
    CountedTask *t = (CountedTask *)task;

    assert_true(NsLoopIsCurrent(loop));
    assert_int_equal(t->number, lastNumber[t->thread] + 1);                /* in the order of posting */
    lastNumber[t->thread] = t->number;
    free(t);                                   /* tasks may free their own memory */
    if (++tasksRun == THREADS * POSTS) {
        NsLoopStop(loop);
    }
}

static void
PosterThread(void *arg)
{
    Poster *poster = arg;

    assert_false(NsLoopIsCurrent(poster->loop));
    for (int i = 1; i <= POSTS; i++) {
        CountedTask *t = calloc(1, sizeof(*t));

        t->task.proc = CountTask;
        t->thread = poster->id;
        t->number = i;
        NsLoopPost(poster->loop, &t->task);
        if (i % 500 == 0) {
            usleep(500);                       /* let the loop fall asleep now and then */
        }
    }
}

static void
test_loop_post_from_threads(void **state)
{
    Fixture    *f = *state;
    Poster      posters[THREADS];
    NsLoopStats stats;

    tasksRun = 0;
    for (int i = 0; i < THREADS; i++) {
        lastNumber[i] = 0;
        posters[i] = (Poster){f->loop, i, NULL};
        Ns_ThreadCreate(PosterThread, &posters[i], 0, &posters[i].thread);
    }
    Run(f->loop);
    for (int i = 0; i < THREADS; i++) {
        Ns_ThreadJoin(&posters[i].thread, NULL);
    }
    NsLoopGetStats(f->loop, &stats);
    assert_int_equal(tasksRun, THREADS * POSTS);
    assert_int_equal(stats.tasks, THREADS * POSTS);
    assert_int_equal(stats.inbox, 0);
    assert_true(stats.wakeups < THREADS * POSTS);
}

static int         chain;
static NsTask      chainTask;

static void
ChainTask(NsLoop *loop, NsTask *task)
{
    if (++chain == 50) {
        NsLoopStop(loop);
    } else {
        NsLoopPost(loop, task);
    }
}

/* The loop's own thread needs no wake-up. */
static void
test_loop_post_from_itself(void **state)
{
    Fixture    *f = *state;
    NsLoopStats stats;

    chain = 0;
    chainTask.proc = ChainTask;
    NsLoopPost(f->loop, &chainTask);
    Run(f->loop);
    NsLoopGetStats(f->loop, &stats);
    assert_int_equal(chain, 50);
    assert_int_equal(stats.wakeups, 0);
    assert_true(stats.turns >= 50);            /* each in a turn of its own: sockets are not starved */
}

static atomic_int pings;
static NsTask     pingTask;
static NsLoop    *pingLoop;

static void
PingTask(NsLoop *loop, NsTask *task)
{
    atomic_fetch_add(&pings, 1);
}

static void
PingThread(void *arg)
{
    NsTask *stop = arg;

    /* Each wake-up must get through, or this waits for ever. */
    for (int i = 1; i <= 2000; i++) {
        NsLoopPost(pingLoop, &pingTask);
        while (atomic_load(&pings) < i) {
            if (i % 2 == 0) {
                Ns_ThreadYield();
            }
        }
    }
    NsLoopPost(pingLoop, stop);
}

static void
test_loop_no_lost_wakeup(void **state)
{
    Fixture  *f = *state;
    NsTask    stop = {.proc = StopTask};
    Ns_Thread thread;

    atomic_store(&pings, 0);
    pingTask.proc = PingTask;
    pingLoop = f->loop;
    Ns_ThreadCreate(PingThread, &stop, 0, &thread);
    Run(f->loop);
    Ns_ThreadJoin(&thread, NULL);
    assert_int_equal(atomic_load(&pings), 2000);
}

static char   trace[16];
static size_t traceLen;
static NsTask traceTasks[4];

static void
TraceDeferred(NsLoop *loop, NsTask *task)
{
    trace[traceLen++] = (char)('0' + (task - traceTasks));
    if (task == &traceTasks[1]) {
        NsLoopDefer(loop, &traceTasks[3]);     /* in the same turn, at the end */
    }
}

static void
TraceTask(NsLoop *loop, NsTask *task)
{
    trace[traceLen++] = 't';
    for (int i = 0; i < 3; i++) {
        traceTasks[i].proc = TraceDeferred;
        NsLoopDefer(loop, &traceTasks[i]);
    }
    traceTasks[3].proc = TraceDeferred;
    NsLoopStop(loop);
}

static void
TraceWatch(NsLoop *loop, NsWatch *watch, unsigned events)
{
    trace[traceLen++] = 'w';
    NsLoopUnwatch(loop, watch);
}

static void
TraceTimer(NsLoop *loop, NsTimer *timer)
{
    trace[traceLen++] = 'T';
}

static void
test_loop_order_of_a_turn(void **state)
{
    Fixture *f = *state;
    NsTask   task = {.proc = TraceTask};
    NsTimer  timer = {0};
    NsWatch  watch = {0};

    traceLen = 0;
    assert_int_equal(write(f->pair[0][1], "x", 1), 1);
    assert_int_equal(NsLoopWatch(f->loop, &watch, f->pair[0][0], NS_EV_READ, TraceWatch), NS_OK);
    NsLoopTimerSet(f->loop, &timer, 0, TraceTimer);
    NsLoopPost(f->loop, &task);
    Run(f->loop);
    trace[traceLen] = '\0';
    assert_string_equal(trace, "Twt0123");
}

static void
test_loop_deferred_outside_of_a_turn(void **state)
{
    Fixture *f = *state;
    NsTask   stop = {.proc = StopTask};
    NsTimer  far = {0};

    /* Deferred by the thread before it runs the loop: the loop does not wait first. */
    NsLoopTimerSet(f->loop, &far, NsLoopClock() + 10000, GuardProc);
    NsLoopDefer(f->loop, &stop);
    Run(f->loop);
    NsLoopTimerCancel(f->loop, &far);
}

/* Yields 3 times; each time is more than a turn's work. */
typedef struct Yielder { NsTask task; char name; int left; } Yielder;

static void
YieldTask(NsLoop *loop, NsTask *task)
{
    Yielder *yielder = (Yielder *)task;

    trace[traceLen++] = yielder->name;
    while (!NsLoopTurnOver(loop)) {
        ;
    }
    if (--yielder->left > 0) {
        NsLoopYield(loop, task);
    } else if (yielder->name == 'c') {
        NsLoopStop(loop);
    }
}

static void
ReadWatch(NsLoop *loop, NsWatch *watch, unsigned events)
{
    char byte;

    trace[traceLen++] = 'w';
    assert_int_equal(read(watch->fd, &byte, 1), 1);
}

/* They go round, one per turn since each of them fills it; who is ready comes before the next of them. */
static void
test_loop_yield(void **state)
{
    Fixture *f = *state;
    Yielder  yielders[3] = {{{.proc = YieldTask}, 'a', 3}, {{.proc = YieldTask}, 'b', 3}, {{.proc = YieldTask}, 'c', 3}};
    NsWatch  watch = {0};

    traceLen = 0;
    assert_int_equal(NsLoopWatch(f->loop, &watch, f->pair[0][0], NS_EV_READ, ReadWatch), NS_OK);
    for (size_t i = 0; i < COUNT(yielders); i++) {
        NsLoopYield(f->loop, &yielders[i].task);
    }
    assert_int_equal(write(f->pair[0][1], "xxxx", 4), 4);
    Run(f->loop);
    trace[traceLen] = '\0';
    assert_string_equal(trace, "wawbwcwabcabc");
}

static void
LightTask(NsLoop *loop, NsTask *task)
{
    Yielder *yielder = (Yielder *)task;

    trace[traceLen++] = yielder->name;
    if (--yielder->left > 0) {
        NsLoopYield(loop, task);
    } else if (yielder->name == 'c') {
        NsLoopStop(loop);
    }
}

/* All of them in a turn when they are light, but each of them once: events are looked for in between. */
static void
test_loop_yield_light(void **state)
{
    Fixture *f = *state;
    Yielder  yielders[3] = {{{.proc = LightTask}, 'a', 2}, {{.proc = LightTask}, 'b', 2}, {{.proc = LightTask}, 'c', 2}};
    NsWatch  watch = {0};
    size_t   i, j = 0;

    traceLen = 0;
    assert_int_equal(NsLoopWatch(f->loop, &watch, f->pair[0][0], NS_EV_READ, ReadWatch), NS_OK);
    for (i = 0; i < COUNT(yielders); i++) {
        NsLoopYield(f->loop, &yielders[i].task);
    }
    assert_int_equal(write(f->pair[0][1], "xx", 2), 2);
    Run(f->loop);
    trace[traceLen] = '\0';
    assert_true(traceLen == 8 && trace[0] == 'w');
    for (i = 0; trace[i] != '\0'; i++) {
        if (trace[i] != 'w') {
            assert_int_equal(trace[i], "abcabc"[j++]);
        }
    }
}

static void
MarkTask(NsLoop *loop, NsTask *task)
{
    trace[traceLen++] = 'm';
}

static void
test_loop_tasks_of_a_stopped_loop(void **state)
{
    NsLoop *loop = NsLoopCreate("stopped");
    NsTask  a = {.proc = MarkTask}, b = {.proc = MarkTask};

    traceLen = 0;
    NsLoopPost(loop, &a);
    NsLoopStop(loop);
    Run(loop);
    assert_int_equal(traceLen, 1);             /* what was posted before the stop is run */
    NsLoopPost(loop, &b);
    assert_int_equal(traceLen, 1);
    NsLoopDestroy(loop);
    assert_int_equal(traceLen, 2);
}

static void
test_loop_buffer(void **state)
{
    Fixture *f = *state;
    char    *buffer = NsLoopBuffer(f->loop);

    assert_ptr_equal(NsLoopBuffer(f->loop), buffer);
    buffer[-14] = 'a';                         /* a frame's head */
    buffer[NS_LOOP_BUFFER] = '\0';
}

/* Forget by another thread, while the loop turns. */
typedef struct Handover {
    TestWatch   t;
    NsLoop     *loop;
    NsTask      back;
    atomic_bool given;
    int         rounds;
    int         peer;
} Handover;

static void HandoverRead(NsLoop *loop, NsWatch *watch, unsigned events);

static void
HandoverBack(NsLoop *loop, NsTask *task)
{
    Handover *h = (Handover *)((char *)task - offsetof(Handover, back));

    if (h->rounds == 200) {
        NsLoopStop(loop);
        return;
    }
    assert_int_equal(NsLoopWatch(loop, &h->t.watch, h->t.watch.fd, NS_EV_READ | NS_EV_ONESHOT, HandoverRead), NS_OK);
}

static void
HandoverRead(NsLoop *loop, NsWatch *watch, unsigned events)
{
    Handover *h = (Handover *)watch;

    assert_false(atomic_load(&h->given));
    h->rounds++;
    atomic_store(&h->given, true);             /* from here on the other thread owns it */
}

static void
HandoverThread(void *arg)
{
    Handover *h = arg;

    for (int i = 0; i < 200; i++) {
        while (!atomic_load(&h->given)) {
            Ns_ThreadYield();
        }
        NsLoopForget(h->loop, &h->t.watch);
        atomic_store(&h->given, false);
        NsLoopPost(h->loop, &h->back);
    }
}

static void
test_loop_forget_by_another_thread(void **state)
{
    Fixture  *f = *state;
    Handover  h = {.loop = f->loop, .back.proc = HandoverBack};
    Ns_Thread thread;

    assert_int_equal(write(f->pair[0][1], "x", 1), 1);                     /* never read: always ready */
    assert_int_equal(NsLoopWatch(f->loop, &h.t.watch, f->pair[0][0], NS_EV_READ | NS_EV_ONESHOT, HandoverRead), NS_OK);
    Ns_ThreadCreate(HandoverThread, &h, 0, &thread);
    Run(f->loop);
    Ns_ThreadJoin(&thread, NULL);
    assert_int_equal(h.rounds, 200);
}

static void
test_loop_many_events(void **state)
{
    enum { N = 800 };                          /* more than are fetched at a time */
    Fixture   *f = *state;
    TestWatch *w = calloc(N, sizeof(*w));

    assert_int_equal(write(f->pair[0][1], "x", 1), 1);
    for (int i = 0; i < N; i++) {
        int fd = dup(f->pair[0][0]);

        if (fd == -1) {
            skip();
        }
        assert_int_equal(NsLoopWatch(f->loop, &w[i].watch, fd, NS_EV_READ, i == N - 1 ? CountAndStop : CountProc), NS_OK);
    }
    Run(f->loop);
    Turn(f->loop);
    for (int i = 0; i < N; i++) {
        assert_true(w[i].calls > 0);
        NsLoopUnwatch(f->loop, &w[i].watch);
        close(w[i].watch.fd);
    }
    free(w);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, Setup, Teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wheel_never_early_at_most_one_tick_late),
        cmocka_unit_test(test_wheel_in_order),
        cmocka_unit_test(test_wheel_hundred_thousand),
        cmocka_unit_test(test_wheel_far_and_overdue),
        cmocka_unit_test(test_wheel_cancel_collected),
        LOOP_TEST(test_loop_timer_accuracy),
        LOOP_TEST(test_loop_idle_does_not_turn),
        LOOP_TEST(test_loop_timer_cancels_others),
        LOOP_TEST(test_loop_timer_frees_itself),
        LOOP_TEST(test_loop_watch_read_write),
        LOOP_TEST(test_loop_no_interest_does_not_spin),
        LOOP_TEST(test_loop_oneshot),
        LOOP_TEST(test_loop_unwatch_fetched_event),
        LOOP_TEST(test_loop_reused_descriptor),
        LOOP_TEST(test_loop_interest_changes_with_event_fetched),
        LOOP_TEST(test_loop_watch_errors),
        LOOP_TEST(test_loop_post_from_threads),
        LOOP_TEST(test_loop_post_from_itself),
        LOOP_TEST(test_loop_no_lost_wakeup),
        LOOP_TEST(test_loop_order_of_a_turn),
        LOOP_TEST(test_loop_deferred_outside_of_a_turn),
        LOOP_TEST(test_loop_yield),
        LOOP_TEST(test_loop_yield_light),
        cmocka_unit_test(test_loop_tasks_of_a_stopped_loop),
        LOOP_TEST(test_loop_buffer),
        LOOP_TEST(test_loop_forget_by_another_thread),
        LOOP_TEST(test_loop_many_events),
    };

    Tcl_FindExecutable(NULL);                  /* threads end with Tcl's clean-up */
    return cmocka_run_group_tests_name("eventloop", tests, NULL, NULL);
}
