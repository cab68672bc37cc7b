/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The list of all locks with their counters: what `ns_info locks` shows.
 */
#include <inttypes.h>
#include <stdio.h>
#include "base/lockstat.h"

/* A plain pthread mutex: our own kind would want to be in the list that it guards. */
static pthread_mutex_t listLock = PTHREAD_MUTEX_INITIALIZER;
static NsLockStat     *first;
static unsigned        lastId;

void
NsLockStatAdd(NsLockStat *stat, const char *prefix)
{
    pthread_mutex_lock(&listLock);
    stat->id = ++lastId;
    if (stat->name[0] == '\0') {
        snprintf(stat->name, sizeof(stat->name), "%s%u", prefix, stat->id);
    }
    stat->prev = NULL;
    stat->next = first;
    if (first != NULL) {
        first->prev = stat;
    }
    first = stat;
    pthread_mutex_unlock(&listLock);
}

void
NsLockStatRemove(NsLockStat *stat)
{
    pthread_mutex_lock(&listLock);
    if (stat->prev != NULL) {
        stat->prev->next = stat->next;
    } else {
        first = stat->next;
    }
    if (stat->next != NULL) {
        stat->next->prev = stat->prev;
    }
    pthread_mutex_unlock(&listLock);
}

void
NsLockStatSetName(NsLockStat *stat, const char *prefix, const char *name)
{
    pthread_mutex_lock(&listLock);
    if (prefix != NULL) {
        snprintf(stat->name, sizeof(stat->name), "%s:%s", prefix, name);
    } else {
        snprintf(stat->name, sizeof(stat->name), "%s", name);
    }
    pthread_mutex_unlock(&listLock);
}

uint64_t
NsLockClock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void
NsLockStatWaited(NsLockStat *stat, uint64_t since)
{
    uint64_t waited = NsLockClock() - since;
    uint64_t max = atomic_load_explicit(&stat->maxWaitNs, memory_order_relaxed);

    atomic_fetch_add_explicit(&stat->nbusy, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&stat->waitNs, waited, memory_order_relaxed);
    while (waited > max
           && !atomic_compare_exchange_weak_explicit(&stat->maxWaitNs, &max, waited, memory_order_relaxed,
                                                     memory_order_relaxed)) {
        ;
    }
}

static void
AppendSeconds(Tcl_DString *ds, uint64_t ns)
{
    char buffer[48];

    snprintf(buffer, sizeof(buffer), "%" PRIu64 ".%06u", ns / 1000000000u, (unsigned)(ns % 1000000000u / 1000u));
    Tcl_DStringAppendElement(ds, buffer);
}

static void
AppendNumber(Tcl_DString *ds, uint64_t number)
{
    char buffer[24];

    snprintf(buffer, sizeof(buffer), "%" PRIu64, number);
    Tcl_DStringAppendElement(ds, buffer);
}

/* Each: name, owner (not kept: always empty), id, taken, waited for, total wait, longest wait, total time held. */
static void
List(Tcl_DString *ds, bool readWriteOnly)
{
    pthread_mutex_lock(&listLock);
    for (NsLockStat *stat = first; stat != NULL; stat = stat->next) {
        if (readWriteOnly && !stat->readWrite) {
            continue;
        }
        Tcl_DStringStartSublist(ds);
        Tcl_DStringAppendElement(ds, stat->name);
        Tcl_DStringAppendElement(ds, "");
        AppendNumber(ds, stat->id);
        AppendNumber(ds, atomic_load_explicit(&stat->nlock, memory_order_relaxed));
        AppendNumber(ds, atomic_load_explicit(&stat->nbusy, memory_order_relaxed));
        AppendSeconds(ds, atomic_load_explicit(&stat->waitNs, memory_order_relaxed));
        AppendSeconds(ds, atomic_load_explicit(&stat->maxWaitNs, memory_order_relaxed));
        AppendSeconds(ds, atomic_load_explicit(&stat->holdNs, memory_order_relaxed));
        Tcl_DStringEndSublist(ds);
    }
    pthread_mutex_unlock(&listLock);
}

void
Ns_MutexList(Tcl_DString *ds)
{
    List(ds, false);
}

void
Ns_RWLockList(Tcl_DString *ds)
{
    List(ds, true);
}
