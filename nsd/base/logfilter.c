/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Filters of the log.
 *
 * Who logs takes a reference to the set of filters as it is, and calls them without a lock.  A change makes a new set; a filter is freed with
 * the last set that has it, so that no call of it runs then.
 */
#include <pthread.h>
#include <stdatomic.h>
#include "base/logfilter.h"

typedef struct Filter {
    Ns_LogFilter *proc;
    void         *arg;
    Ns_FreeProc  *freeProc;
    int           refs;                        /* of sets; under the lock */
} Filter;

typedef struct FilterSet {
    int     refs;                              /* of those who call, and of being the current one; under the lock */
    size_t  count;
    Filter *filters[];                         /* the newest first */
} FilterSet;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FilterSet      *current;                /* under the lock; NULL: none */
static atomic_bool     any;                    /* for those who log without filters: no lock */
static __thread bool   filtering;

/* A set without `without`, and with `added` in front; either may be NULL.  Lock held. */
static FilterSet *
Changed(Filter *added, const Filter *without)
{
    size_t     old = current != NULL ? current->count : 0;
    FilterSet *set = ns_calloc(1, sizeof(*set) + (old + 1u) * sizeof(set->filters[0]));

    set->refs = 1;
    if (added != NULL) {
        set->filters[set->count++] = added;
    }
    for (size_t i = 0; i < old; i++) {
        if (current->filters[i] != without) {
            set->filters[set->count++] = current->filters[i];
        }
    }
    for (size_t i = 0; i < set->count; i++) {
        set->filters[i]->refs++;
    }
    return set;
}

static void
Release(FilterSet *set)
{
    bool last;

    if (set == NULL) {
        return;
    }
    pthread_mutex_lock(&lock);
    last = --set->refs == 0;
    for (size_t i = 0; last && i < set->count; i++) {
        if (--set->filters[i]->refs > 0) {
            set->filters[i] = NULL;            /* another set has it */
        }
    }
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; last && i < set->count; i++) {
        Filter *filter = set->filters[i];

        if (filter != NULL && filter->freeProc != NULL) {
            filter->freeProc(filter->arg);
        }
        ns_free(filter);
    }
    if (last) {
        ns_free(set);
    }
}

/* Lock held: the set takes the place of the one that is returned, for Release. */
static FilterSet *
Install(FilterSet *set)
{
    FilterSet *old = current;

    current = set;
    atomic_store(&any, set->count > 0);
    return old;
}

void
Ns_AddLogFilter(Ns_LogFilter *procPtr, void *arg, Ns_FreeProc *freeProc)
{
    Filter    *filter = ns_calloc(1, sizeof(*filter));
    FilterSet *old;

    filter->proc = procPtr;
    filter->arg = arg;
    filter->freeProc = freeProc;
    pthread_mutex_lock(&lock);
    old = Install(Changed(filter, NULL));
    pthread_mutex_unlock(&lock);
    Release(old);
}

void
Ns_RemoveLogFilter(Ns_LogFilter *procPtr, void *const arg)
{
    FilterSet *old = NULL;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; current != NULL && i < current->count; i++) {
        if (current->filters[i]->proc == procPtr && current->filters[i]->arg == arg) {
            old = Install(Changed(NULL, current->filters[i]));
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    Release(old);
}

static FilterSet *
Take(void)
{
    FilterSet *set;

    pthread_mutex_lock(&lock);
    set = current;
    if (set != NULL) {
        set->refs++;
    }
    pthread_mutex_unlock(&lock);
    return set;
}

bool
NsLogFilterPass(int severity, const Ns_Time *stamp, const char *text, size_t len)
{
    Ns_ReturnCode status = NS_OK;
    FilterSet    *set;

    if (__builtin_expect(!atomic_load_explicit(&any, memory_order_acquire) || filtering, 1)) {
        return true;
    }
    filtering = true;
    set = Take();
    for (size_t i = 0; set != NULL && i < set->count && status == NS_OK; i++) {
        status = set->filters[i]->proc(set->filters[i]->arg, (Ns_LogSeverity)severity, stamp, text, len);
    }
    Release(set);
    filtering = false;
    return status == NS_OK || status == NS_ERROR;
}
