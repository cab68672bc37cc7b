/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The event loop: epoll, the timer wheel, and an inbox for other threads.
 *
 * The inbox is a stack that posters push to without a lock and the loop takes as a whole once per turn.  A poster wakes
 * the loop only if it finds it asleep, and only the first one does: `asleep` is set before the loop looks into the inbox
 * for the last time and a poster looks at it after his push, both sequentially consistent, so one of them sees the other.
 */
#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/check.h"
#include "net/eventloop.h"
#include "net/timerwheel.h"

#define EVENTS_PER_WAIT 512
#define BUFFER_MARGIN   64                     /* before and after the read buffer: a frame's head, a final NUL */
#define LOOP_MAGIC      NS_MAGIC('L', 'o', 'o', 'p')

/* Written by the loop's thread once per turn, read by any. */
typedef struct Published {
    atomic_uint_fast64_t turns, events, tasks, timers, wakeups, yields, busyUsec;
    atomic_size_t        armedTimers;
} Published;

struct NsLoop {
    uint32_t     magic;
    int          epollFd, wakeFd;
    char        *name;
    int64_t      now;                          /* milliseconds */
    int64_t      busySince;                    /* microseconds: the end of the last wait */
    NsTimerWheel wheel;
    NsTask      *deferred, **deferredTail;
    NsTask      *yielded, **yieldedTail;
    char        *buffer;                       /* with its margins; NULL until it is asked for */
    Published    published;
    struct epoll_event events[EVENTS_PER_WAIT];

    /* What other threads write to, away from the above. */
    alignas(64) _Atomic(NsTask *) inbox;       /* newest first */
    atomic_size_t inboxSize;
    atomic_size_t watches;
    atomic_bool   asleep;                      /* in epoll_wait or about to be, and not yet woken */
    atomic_bool   stop;
};

static _Thread_local NsLoop *currentLoop;

int64_t
NsLoopClockUsec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + (uint32_t)ts.tv_nsec / 1000;     /* of 32 bits: a cheap division */
}

int64_t
NsLoopClock(void)
{
    return NsLoopClockUsec() / 1000;
}

/* The counters have one writer: no locked instruction is needed. */
static void
Count(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* ------------------------------------------------------------------------------------------------- create, destroy */

NsLoop *
NsLoopCreate(const char *name)
{
    NsLoop            *loop;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int                epollFd = epoll_create1(EPOLL_CLOEXEC), wakeFd = -1, error;

    if (epollFd == -1 || (wakeFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1) {
        goto fail;
    }
    /* Edge triggered: each write to it is an event, and nobody needs to read it. */
    if (epoll_ctl(epollFd, EPOLL_CTL_ADD, wakeFd, &event) != 0) {
        goto fail;
    }
    if (posix_memalign((void **)&loop, alignof(NsLoop), sizeof(NsLoop)) != 0) {
        errno = ENOMEM;
        goto fail;
    }
    memset(loop, 0, sizeof(NsLoop));
    loop->magic = LOOP_MAGIC;
    loop->epollFd = epollFd;
    loop->wakeFd = wakeFd;
    loop->name = ns_strdup(name);
    loop->now = NsLoopClock();
    loop->deferredTail = &loop->deferred;
    loop->yieldedTail = &loop->yielded;
    NsWheelInit(&loop->wheel, loop->now);
    return loop;

 fail:
    error = errno;
    if (wakeFd != -1) {
        close(wakeFd);
    }
    if (epollFd != -1) {
        close(epollFd);
    }
    errno = error;
    return NULL;
}

/* ---------------------------------------------------------------------------------------------------------- tasks */

static void
Wake(NsLoop *loop)
{
    if (atomic_load(&loop->asleep) && atomic_exchange(&loop->asleep, false)) {
        uint64_t one = 1;
        int      error = errno;

        /* It cannot fail: the counter would have to reach 2^64. */
        if (write(loop->wakeFd, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
            Ns_Log(Error, "%s: cannot wake the event loop: %s", loop->name, strerror(errno));
        }
        errno = error;
    }
}

void
NsLoopPost(NsLoop *loop, NsTask *task)
{
    NsTask *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);

    NS_CHECK(loop, LOOP_MAGIC);
    atomic_fetch_add_explicit(&loop->inboxSize, 1, memory_order_relaxed);
    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak(&loop->inbox, &head, task));
    Wake(loop);
}

void
NsLoopDefer(NsLoop *loop, NsTask *task)
{
    task->next = NULL;
    *loop->deferredTail = task;
    loop->deferredTail = &task->next;
}

bool
NsLoopTurnOver(const NsLoop *loop)
{
    struct timespec ts;

    /* It is some milliseconds behind, so that it never says so too early. */
    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 - loop->busySince >= NS_LOOP_TURN;
}

void
NsLoopYield(NsLoop *loop, NsTask *task)
{
    task->next = NULL;
    *loop->yieldedTail = task;
    loop->yieldedTail = &task->next;
    Count(&loop->published.yields, 1);
}

/* Those that yielded until now, as many as fit; the others stay before those that yield meanwhile. */
static size_t
RunYielded(NsLoop *loop)
{
    NsTask *task = loop->yielded, **last = loop->yieldedTail;
    size_t  n = 0;

    if (task == NULL) {
        return 0;
    }
    loop->yielded = NULL;
    loop->yieldedTail = &loop->yielded;
    do {
        NsTask *next = task->next;

        task->proc(loop, task);
        task = next;
        n++;
    } while (task != NULL && !NsLoopTurnOver(loop));
    if (task != NULL) {
        *last = loop->yielded;
        if (loop->yielded == NULL) {
            loop->yieldedTail = last;
        }
        loop->yielded = task;
    }
    return n;
}

/* Everything that was posted until now, in the order of posting. */
static size_t
RunInbox(NsLoop *loop)
{
    NsTask *stack, *task = NULL;
    size_t  n = 0;

    if (atomic_load_explicit(&loop->inbox, memory_order_relaxed) == NULL) {
        return 0;
    }
    stack = atomic_exchange_explicit(&loop->inbox, NULL, memory_order_acquire);
    while (stack != NULL) {
        NsTask *next = stack->next;

        stack->next = task;
        task = stack;
        stack = next;
        n++;
    }
    atomic_fetch_sub_explicit(&loop->inboxSize, n, memory_order_relaxed);
    while (task != NULL) {
        NsTask *next = task->next;             /* proc may free the task */

        task->proc(loop, task);
        task = next;
    }
    return n;
}

static size_t
RunDeferred(NsLoop *loop)
{
    NsTask *task;
    size_t  n = 0;

    while ((task = loop->deferred) != NULL) {
        loop->deferred = task->next;
        if (loop->deferred == NULL) {
            loop->deferredTail = &loop->deferred;
        }
        task->proc(loop, task);
        n++;
    }
    return n;
}

void
NsLoopDestroy(NsLoop *loop)
{
    NsLoop *saved = currentLoop;

    NS_CHECK(loop, LOOP_MAGIC);
    currentLoop = loop;
    while (RunInbox(loop) + RunYielded(loop) + RunDeferred(loop) > 0) {
        ;
    }
    currentLoop = saved;
    loop->magic = NS_SPOILED;
    close(loop->wakeFd);
    close(loop->epollFd);
    ns_free(loop->buffer);
    ns_free(loop->name);
    free(loop);
}

/* -------------------------------------------------------------------------------------------------------- watches */

static uint32_t
ToEpoll(unsigned interest)
{
    uint32_t events = 0;

    if ((interest & ~NS_EV_ONESHOT) == 0) {
        /* The kernel reports errors and hang-ups always: let it do so once, not in every turn. */
        return EPOLLONESHOT;
    }
    events |= (interest & NS_EV_READ) != 0 ? EPOLLIN : 0;
    events |= (interest & NS_EV_WRITE) != 0 ? EPOLLOUT : 0;
    events |= (interest & NS_EV_PRI) != 0 ? EPOLLPRI : 0;
    events |= (interest & NS_EV_RDHUP) != 0 ? EPOLLRDHUP : 0;
    events |= (interest & NS_EV_ONESHOT) != 0 ? EPOLLONESHOT : 0;
    return events;
}

static unsigned
FromEpoll(uint32_t events)
{
    unsigned result = 0;

    result |= (events & EPOLLIN) != 0 ? NS_EV_READ : 0;
    result |= (events & EPOLLOUT) != 0 ? NS_EV_WRITE : 0;
    result |= (events & EPOLLPRI) != 0 ? NS_EV_PRI : 0;
    result |= (events & EPOLLERR) != 0 ? NS_EV_ERROR : 0;
    result |= (events & EPOLLHUP) != 0 ? NS_EV_HANGUP : 0;
    result |= (events & EPOLLRDHUP) != 0 ? NS_EV_RDHUP : 0;
    return result;
}

/* An event that was fetched in this turn and has not been delivered is taken back. */
static void
DropFetched(NsLoop *loop, NsWatch *watch)
{
    if (watch->slot >= 0) {
        loop->events[watch->slot].data.ptr = NULL;
        watch->slot = -1;
    }
}

static Ns_ReturnCode
TellKernel(NsLoop *loop, NsWatch *watch, unsigned interest)
{
    struct epoll_event event = {.events = ToEpoll(interest), .data.ptr = watch};

    if (epoll_ctl(loop->epollFd, watch->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd, &event) != 0) {
        return NS_ERROR;
    }
    if (!watch->added) {
        watch->added = true;
        atomic_fetch_add_explicit(&loop->watches, 1, memory_order_relaxed);
    }
    watch->interest = interest;
    return NS_OK;
}

Ns_ReturnCode
NsLoopWatch(NsLoop *loop, NsWatch *watch, int fd, unsigned interest, NsWatchProc *proc)
{
    NS_ASSERT(!watch->added);
    watch->fd = fd;
    watch->proc = proc;
    watch->slot = -1;
    return TellKernel(loop, watch, interest);
}

Ns_ReturnCode
NsLoopSetInterest(NsLoop *loop, NsWatch *watch, unsigned interest)
{
    if (watch->added && watch->interest == interest) {
        return NS_OK;                          /* an interest that has fired as ONESHOT is 0: see Dispatch */
    }
    /* What was fetched under the old interest is void; the kernel looks again, and it comes in the next turn. */
    DropFetched(loop, watch);
    return TellKernel(loop, watch, interest);
}

void
NsLoopForget(NsLoop *loop, NsWatch *watch)
{
    if (watch->added) {
        struct epoll_event unused = {0};
        int                error = errno;

        epoll_ctl(loop->epollFd, EPOLL_CTL_DEL, watch->fd, &unused);       /* fails when the fd is closed: as good */
        watch->added = false;                  /* and nothing else: the loop's thread may be looking at the rest */
        atomic_fetch_sub_explicit(&loop->watches, 1, memory_order_relaxed);
        errno = error;
    }
}

void
NsLoopUnwatch(NsLoop *loop, NsWatch *watch)
{
    if (watch->added) {
        DropFetched(loop, watch);
        NsLoopForget(loop, watch);
    }
}

/* --------------------------------------------------------------------------------------------------------- timers */

void
NsLoopTimerSet(NsLoop *loop, NsTimer *timer, int64_t due, NsTimerProc *proc)
{
    NsWheelCancel(&loop->wheel, timer);
    timer->due = due;
    timer->proc = proc;
    NsWheelSet(&loop->wheel, timer);
}

void
NsLoopTimerCancel(NsLoop *loop, NsTimer *timer)
{
    NsWheelCancel(&loop->wheel, timer);
}

static size_t
RunTimers(NsLoop *loop)
{
    NsTimer *timer;
    size_t   n = 0;

    NsWheelAdvance(&loop->wheel, loop->now);
    while ((timer = NsWheelTake(&loop->wheel)) != NULL) {
        timer->proc(loop, timer);
        n++;
    }
    return n;
}

/* --------------------------------------------------------------------------------------------------------- a turn */

static int
WaitTime(const NsLoop *loop, int64_t now)
{
    int64_t wait;

    if (loop->deferred != NULL || loop->yielded != NULL) {
        return 0;
    }
    wait = NsWheelWait(&loop->wheel, now);
    return wait > INT_MAX ? INT_MAX : (int)wait;
}

/* Wait for events and mark their watches; the number of entries in loop->events. */
static int
Fetch(NsLoop *loop)
{
    int64_t before = NsLoopClockUsec();
    int     timeout = WaitTime(loop, before / 1000), n;

    Count(&loop->published.busyUsec, (uint64_t)(before - loop->busySince));
    if (timeout != 0) {
        atomic_store(&loop->asleep, true);
        if (atomic_load(&loop->inbox) != NULL || atomic_load(&loop->stop)) {
            timeout = 0;
        }
    }
    n = epoll_wait(loop->epollFd, loop->events, EVENTS_PER_WAIT, timeout);
    atomic_store_explicit(&loop->asleep, false, memory_order_relaxed);
    if (n < 0) {
        if (errno != EINTR) {
            Ns_Fatal("%s: epoll_wait: %s", loop->name, strerror(errno));
        }
        n = 0;
    }
    for (int i = 0; i < n; i++) {
        NsWatch *watch = loop->events[i].data.ptr;

        if (watch != NULL) {
            watch->slot = i;
        } else {
            Count(&loop->published.wakeups, 1);
        }
    }
    loop->busySince = NsLoopClockUsec();
    loop->now = loop->busySince / 1000;
    return n;
}

static size_t
Dispatch(NsLoop *loop, int nevents)
{
    size_t n = 0;

    for (int i = 0; i < nevents; i++) {
        NsWatch *watch = loop->events[i].data.ptr;

        if (watch == NULL) {
            continue;                          /* the wake-up, or unwatched since it was fetched */
        }
        watch->slot = -1;
        if ((watch->interest & NS_EV_ONESHOT) != 0) {
            watch->interest = 0;               /* as the kernel has it now */
        }
        watch->proc(loop, watch, FromEpoll(loop->events[i].events));
        n++;
    }
    return n;
}

void
NsLoopRun(NsLoop *loop)
{
    NsLoop *saved = currentLoop;
    bool    stopping;

    NS_CHECK(loop, LOOP_MAGIC);
    currentLoop = loop;
    loop->busySince = NsLoopClockUsec();
    do {
        int      nevents = Fetch(loop);
        uint64_t timers = RunTimers(loop), events = Dispatch(loop, nevents);

        /* Looked at before the inbox is taken: what was posted before NsLoopStop is in it. */
        stopping = atomic_load(&loop->stop);
        Count(&loop->published.tasks, RunInbox(loop) + (loop->yielded != NULL ? RunYielded(loop) : 0));
        RunDeferred(loop);
        Count(&loop->published.turns, 1);
        Count(&loop->published.timers, timers);
        Count(&loop->published.events, events);
        atomic_store_explicit(&loop->published.armedTimers, loop->wheel.armed, memory_order_relaxed);
    } while (!stopping);
    atomic_store(&loop->stop, false);          /* it may be run again */
    currentLoop = saved;
}

void
NsLoopStop(NsLoop *loop)
{
    NS_CHECK(loop, LOOP_MAGIC);
    atomic_store(&loop->stop, true);
    Wake(loop);
}

/* ------------------------------------------------------------------------------------------------------ questions */

bool
NsLoopIsCurrent(const NsLoop *loop)
{
    return currentLoop == loop;
}

int64_t
NsLoopNow(const NsLoop *loop)
{
    return loop->now;
}

char *
NsLoopBuffer(NsLoop *loop)
{
    if (loop->buffer == NULL) {
        loop->buffer = ns_malloc(NS_LOOP_BUFFER + 2 * BUFFER_MARGIN);
    }
    return loop->buffer + BUFFER_MARGIN;
}

void
NsLoopGetStats(const NsLoop *loop, NsLoopStats *stats)
{
    const Published *published = &loop->published;

    *stats = (NsLoopStats){
        .turns = atomic_load_explicit(&published->turns, memory_order_relaxed),
        .events = atomic_load_explicit(&published->events, memory_order_relaxed),
        .tasks = atomic_load_explicit(&published->tasks, memory_order_relaxed),
        .timers = atomic_load_explicit(&published->timers, memory_order_relaxed),
        .wakeups = atomic_load_explicit(&published->wakeups, memory_order_relaxed),
        .yields = atomic_load_explicit(&published->yields, memory_order_relaxed),
        .busyUsec = atomic_load_explicit(&published->busyUsec, memory_order_relaxed),
        .watches = atomic_load_explicit(&loop->watches, memory_order_relaxed),
        .armedTimers = atomic_load_explicit(&published->armedTimers, memory_order_relaxed),
        .inbox = atomic_load_explicit(&loop->inboxSize, memory_order_relaxed),
    };
}
