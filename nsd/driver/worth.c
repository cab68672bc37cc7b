/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What connections are worth when descriptors run out: which one is to be closed for a new one.
 *
 * A thread has a queue for each kind, in the order in which connections became of that kind.  One whose request is being read or
 * answered is in none.  Nothing of the driver's other files is used here.
 */
#include <limits.h>
#include <sys/socket.h>
#include "driver/int.h"

#define GRACE 500                              /* ms in which a new one may show that it is worth more, unless it comes in ... */
#define CROWD 16                               /* ... such a crowd */
#define TRIES 16                               /* to look at for one whose client has sent nothing */

#define ROOM_TIME  1000                        /* ms */
#define MAX_EXCESS 8                           /* closed for one that comes */

static atomic_int connections;                 /* of all threads */

static struct {
    pthread_mutex_t lock;
    NsDriverThread *first;
} threads = {PTHREAD_MUTEX_INITIALIZER, NULL};

/* Its loop alone adds: no need for an atomic addition. */
static void
Add(SockQueue *queue, int n)
{
    atomic_store_explicit(&queue->count, atomic_load_explicit(&queue->count, memory_order_relaxed) + n, memory_order_relaxed);
}

static bool
IsCrowd(const NsDriverThread *thread, SockWorth worth)
{
    return atomic_load_explicit(&thread->worth[worth].count, memory_order_relaxed) > CROWD;
}

void
NsSockSetWorth(NsSock *sock, SockWorth worth)
{
    NsDriverThread *thread = sock->thread;

    if (sock->worth != WORTH_SERVED) {
        SockQueue *queue = &thread->worth[sock->worth];

        *(sock->worthBefore != NULL ? &sock->worthBefore->worthAfter : &queue->first) = sock->worthAfter;
        *(sock->worthAfter != NULL ? &sock->worthAfter->worthBefore : &queue->last) = sock->worthBefore;
        Add(queue, -1);
    }
    sock->worth = worth;
    if (worth != WORTH_SERVED) {
        SockQueue *queue = &thread->worth[worth];

        sock->worthSince = NsLoopNow(thread->loop);
        sock->worthBefore = queue->last;
        sock->worthAfter = NULL;
        *(queue->last != NULL ? &queue->last->worthAfter : &queue->first) = sock;
        queue->last = sock;
        Add(queue, 1);
    }
}

/* The oldest of a kind, but not one of which bytes have come that were not read yet. */
static NsSock *
Oldest(const NsDriverThread *thread, SockWorth worth, int64_t before)
{
    NsSock *sock = thread->worth[worth].first;
    char    byte;

    for (int i = 0; i < TRIES && sock != NULL && sock->worthSince <= before; i++) {
        if (sock->shake.waits || recv(sock->io.sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) {
            return sock;
        }
        sock = sock->worthAfter;
    }
    return NULL;
}

NsSock *
NsSockLeastWorth(const NsDriverThread *thread)
{
    int64_t now = NsLoopNow(thread->loop);
    NsSock *sock = NULL;

    for (SockWorth worth = WORTH_SILENT; worth < WORTH_SERVED && sock == NULL; worth++) {
        sock = Oldest(thread, worth, worth == WORTH_IDLE || IsCrowd(thread, worth) ? now : now - GRACE);
    }
    for (SockWorth worth = WORTH_SILENT; worth < WORTH_IDLE && sock == NULL; worth++) {
        sock = Oldest(thread, worth, now);
    }
    return sock;
}

/*
 * The kernel gives the lowest number that is free: one from `crowded` on says that there are few left, one below it does not say that there
 * are many.  So the number of connections at that time is what there is room for, until a moment has passed without such a sign.
 */
int
NsWorthExcess(int fd, int crowded, int64_t now)
{
    static atomic_int   room = INT_MAX;
    static atomic_llong since;
    int                 total = atomic_load_explicit(&connections, memory_order_relaxed) + 1, excess;

    if (fd >= crowded) {
        atomic_store_explicit(&room, total - 1 - (fd - crowded), memory_order_relaxed);
        atomic_store_explicit(&since, now, memory_order_relaxed);
    } else if (atomic_load_explicit(&room, memory_order_relaxed) != INT_MAX
               && now - atomic_load_explicit(&since, memory_order_relaxed) > ROOM_TIME) {
        atomic_store_explicit(&room, INT_MAX, memory_order_relaxed);
    }
    excess = total - atomic_load_explicit(&room, memory_order_relaxed);
    return excess < 0 ? 0 : excess > MAX_EXCESS ? MAX_EXCESS : excess;
}

void
NsWorthCount(int n)
{
    atomic_fetch_add_explicit(&connections, n, memory_order_relaxed);
}

void
NsWorthJoin(NsDriverThread *thread)
{
    pthread_mutex_lock(&threads.lock);
    thread->nextThread = threads.first;
    threads.first = thread;
    pthread_mutex_unlock(&threads.lock);
}

void
NsWorthLeave(NsDriverThread *thread)
{
    NsDriverThread **link = &threads.first;

    pthread_mutex_lock(&threads.lock);
    while (*link != thread) {
        link = &(*link)->nextThread;
    }
    *link = thread->nextThread;
    pthread_mutex_unlock(&threads.lock);
}

void
NsWorthEachThread(bool (*proc)(NsDriverThread *thread, void *arg), void *arg)
{
    pthread_mutex_lock(&threads.lock);
    for (NsDriverThread *thread = threads.first; thread != NULL && proc(thread, arg); thread = thread->nextThread) {
        ;
    }
    pthread_mutex_unlock(&threads.lock);
}

bool
NsWorthAskOthers(const NsDriverThread *thread, bool crowds)
{
    bool asked = false;

    pthread_mutex_lock(&threads.lock);
    for (NsDriverThread *other = threads.first; other != NULL; other = other->nextThread) {
        if (other == thread || (crowds && !IsCrowd(other, WORTH_SILENT) && !IsCrowd(other, WORTH_SHAKING) && !IsCrowd(other, WORTH_HEAD))) {
            continue;
        }
        asked = true;
        if (!atomic_exchange(&other->asked, true)) {
            NsLoopPost(other->loop, &other->evictTask);
        }
    }
    pthread_mutex_unlock(&threads.lock);
    return asked;
}
