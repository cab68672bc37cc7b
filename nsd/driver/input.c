/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Unfinished requests in memory and in files: whose comes slowest, of all driver threads.
 *
 * Each Sock publishes what it has got and since when; its own loop writes, others look, under the lock of the thread's list.
 */
#include "driver/int.h"

#define TRIES 1000                             /* Socks of a thread to look at; the next time it goes on from there */

typedef struct Search {
    int64_t         now;
    InputWhere      where;
    double          least;                     /* bytes per second */
    NsDriverThread *thread;                    /* whose it is; NULL: there is none */
    NsSock         *sock;
} Search;

void
NsInputNote(NsSock *sock, size_t bytes, unsigned where)
{
    atomic_store_explicit(&sock->input.where, where, memory_order_relaxed);
    if (atomic_load_explicit(&sock->input.since, memory_order_relaxed) == 0) {
        atomic_store_explicit(&sock->input.since, NsLoopNow(sock->thread->loop), memory_order_relaxed);
        atomic_store_explicit(&sock->input.bytes, 0u, memory_order_relaxed);
    }
    atomic_store_explicit(&sock->input.bytes, atomic_load_explicit(&sock->input.bytes, memory_order_relaxed) + bytes, memory_order_relaxed);
}

static bool
Look(NsDriverThread *thread, void *arg)
{
    Search *search = arg;
    int     looked;

    Ns_MutexLock(&thread->listLock);
    for (looked = 0; looked < TRIES && (looked == 0 || thread->lookedAt != NULL); looked++) {
        NsSock *sock = thread->lookedAt != NULL ? thread->lookedAt : thread->socks;
        int64_t since;
        double  rate;

        if (sock == NULL) {
            break;
        }
        thread->lookedAt = sock->next;
        since = atomic_load_explicit(&sock->input.since, memory_order_relaxed);
        if (since == 0 || (atomic_load_explicit(&sock->input.where, memory_order_relaxed) & search->where) == 0u) {
            continue;
        }
        rate = (double)atomic_load_explicit(&sock->input.bytes, memory_order_relaxed) * 1000.0 / (double)(search->now - since + 1);
        if (search->thread == NULL || rate < search->least) {
            search->least = rate;
            search->thread = thread;
            search->sock = sock;
        }
    }
    Ns_MutexUnlock(&thread->listLock);
    return true;
}

NsSock *
NsInputSlowest(const NsDriverThread *own, InputWhere where, NsDriverThread **thread)
{
    Search search = {.now = NsLoopNow(own->loop), .where = where};

    NsWorthEachThread(Look, &search);
    *thread = search.thread;
    return search.thread == own ? search.sock : NULL;
}

NsSock *
NsInputSlowestOf(NsDriverThread *own, InputWhere where)
{
    Search search = {.now = NsLoopNow(own->loop), .where = where};

    (void)Look(own, &search);
    return search.sock;
}
