/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Mutexes: made at their first use, named, and counted.
 */
#include <string.h>
#include "base/check.h"
#include "base/lockstat.h"

struct Ns_Mutex_ {
    uint32_t        magic;
    pthread_mutex_t mutex;
    NsLockStat      stat;
};
#define MUTEX_MAGIC NS_MAGIC('M', 'u', 't', 'x')

static void
Check(int err, const char *what)
{
    if (__builtin_expect(err != 0, 0)) {
        NsDie("mutex: %s failed: %s", what, strerror(err));
    }
}

static Ns_Mutex
Create(Ns_Mutex *mutex)
{
    Ns_Mutex created = ns_calloc(1, sizeof(*created));
    Ns_Mutex expected = NULL;

    created->magic = MUTEX_MAGIC;
    Check(pthread_mutex_init(&created->mutex, NULL), "pthread_mutex_init");
    if (__atomic_compare_exchange_n(mutex, &expected, created, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        NsLockStatAdd(&created->stat, "mu");
        return created;
    }
    /* Another thread was first: take its. */
    pthread_mutex_destroy(&created->mutex);
    ns_free(created);
    return expected;
}

static inline Ns_Mutex
Get(Ns_Mutex *mutex)
{
    Ns_Mutex found = __atomic_load_n(mutex, __ATOMIC_ACQUIRE);

    if (__builtin_expect(found == NULL, 0)) {
        found = Create(mutex);
    }
    NS_CHECK(found, MUTEX_MAGIC);
    return found;
}

void
Ns_MutexInit(Ns_Mutex *mutex)
{
    *mutex = NULL;
    (void)Create(mutex);
}

void
Ns_MutexDestroy(Ns_Mutex *mutex)
{
    Ns_Mutex found = *mutex;

    if (found != NULL) {
        NS_CHECK(found, MUTEX_MAGIC);
        NsLockStatRemove(&found->stat);
        Check(pthread_mutex_destroy(&found->mutex), "pthread_mutex_destroy");
        found->magic = NS_SPOILED;
        ns_free(found);
        *mutex = NULL;
    }
}

void
Ns_MutexLock(Ns_Mutex *mutex)
{
    Ns_Mutex found = Get(mutex);

    if (__builtin_expect(pthread_mutex_trylock(&found->mutex) != 0, 0)) {
        uint64_t since = NsLockClock();

        Check(pthread_mutex_lock(&found->mutex), "pthread_mutex_lock");
        NsLockStatWaited(&found->stat, since);
    }
    NsLockStatTaken(&found->stat);
}

Ns_ReturnCode
Ns_MutexTryLock(Ns_Mutex *mutex)
{
    Ns_Mutex found = Get(mutex);

    if (pthread_mutex_trylock(&found->mutex) != 0) {
        return NS_TIMEOUT;
    }
    NsLockStatTaken(&found->stat);
    return NS_OK;
}

void
Ns_MutexUnlock(Ns_Mutex *mutex)
{
    Ns_Mutex found = Get(mutex);

    NsLockStatRelease(&found->stat);
    Check(pthread_mutex_unlock(&found->mutex), "pthread_mutex_unlock");
}

pthread_mutex_t *
NsMutexForWait(Ns_Mutex *mutex)
{
    Ns_Mutex found = Get(mutex);

    NsLockStatRelease(&found->stat);
    return &found->mutex;
}

void
Ns_MutexSetName(Ns_Mutex *mutex, const char *name)
{
    NsLockStatSetName(&Get(mutex)->stat, NULL, name);
}

void
Ns_MutexSetName2(Ns_Mutex *mutex, const char *prefix, const char *name)
{
    NsLockStatSetName(&Get(mutex)->stat, prefix, name);
}

const char *
Ns_MutexGetName(Ns_Mutex *mutex)
{
    return Get(mutex)->stat.name;
}
