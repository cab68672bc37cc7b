/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Conditions, semaphores, read-write locks and critical sections, each made at its first use; and the master lock.
 */
#include <errno.h>
#include <string.h>
#include "base/check.h"
#include "base/clock.h"
#include "base/lockstat.h"

struct Ns_Cond_ {
    uint32_t       magic;
    pthread_cond_t cond;
};
struct Ns_Sema_ {
    uint32_t        magic;
    pthread_mutex_t mutex;
    pthread_cond_t  cond;
    int             count;
};
struct Ns_RWLock_ {
    uint32_t         magic;
    pthread_rwlock_t lock;
    atomic_bool      writing;                  /* of the owner: what Unlock has to end */
    NsLockStat       stat;
};
struct Ns_Cs_ {
    uint32_t        magic;
    pthread_mutex_t mutex;
};
#define COND_MAGIC   NS_MAGIC('C', 'o', 'n', 'd')
#define SEMA_MAGIC   NS_MAGIC('S', 'e', 'm', 'a')
#define RWLOCK_MAGIC NS_MAGIC('R', 'W', 'l', 'k')
#define CS_MAGIC     NS_MAGIC('C', 'r', 'S', 'c')

static void
Check(int err, const char *what)
{
    if (__builtin_expect(err != 0, 0)) {
        NsDie("sync: %s failed: %s", what, strerror(err));
    }
}

/* Put `created` in place if there is none; false: another thread was first, and `*found` is its. */
#define INSTALL(place, created, found) \
    __atomic_compare_exchange_n((place), (found), (created), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

/*
 * Conditions
 */
static void
CondInit(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    Check(pthread_cond_init(cond, &attr), "pthread_cond_init");
    pthread_condattr_destroy(&attr);
}

static Ns_Cond
CondGet(Ns_Cond *cond)
{
    Ns_Cond found = __atomic_load_n(cond, __ATOMIC_ACQUIRE);

    if (__builtin_expect(found == NULL, 0)) {
        Ns_Cond created = ns_calloc(1, sizeof(*created));

        created->magic = COND_MAGIC;
        CondInit(&created->cond);
        if (INSTALL(cond, created, &found)) {
            found = created;
        } else {
            pthread_cond_destroy(&created->cond);
            ns_free(created);
        }
    }
    NS_CHECK(found, COND_MAGIC);
    return found;
}

void
Ns_CondInit(Ns_Cond *cond)
{
    *cond = NULL;
    (void)CondGet(cond);
}

void
Ns_CondDestroy(Ns_Cond *cond)
{
    Ns_Cond found = *cond;

    if (found != NULL) {
        NS_CHECK(found, COND_MAGIC);
        Check(pthread_cond_destroy(&found->cond), "pthread_cond_destroy");
        found->magic = NS_SPOILED;
        ns_free(found);
        *cond = NULL;
    }
}

void
Ns_CondSignal(Ns_Cond *cond)
{
    Check(pthread_cond_signal(&CondGet(cond)->cond), "pthread_cond_signal");
}

void
Ns_CondBroadcast(Ns_Cond *cond)
{
    Check(pthread_cond_broadcast(&CondGet(cond)->cond), "pthread_cond_broadcast");
}

void
Ns_CondWait(Ns_Cond *cond, Ns_Mutex *lock)
{
    Check(pthread_cond_wait(&CondGet(cond)->cond, NsMutexForWait(lock)), "pthread_cond_wait");
}

Ns_ReturnCode
NsCondWaitUntil(Ns_Cond *cond, Ns_Mutex *lock, const Ns_Time *until)
{
    Ns_Time         adjusted;
    struct timespec limit;
    int             err;

    if (until == NULL) {
        Ns_CondWait(cond, lock);
        return NS_OK;
    }
    adjusted = *until;
    Ns_AdjTime(&adjusted);
    limit.tv_sec = adjusted.sec < 0 ? 0 : adjusted.sec;
    limit.tv_nsec = adjusted.usec * 1000;
    err = pthread_cond_timedwait(&CondGet(cond)->cond, NsMutexForWait(lock), &limit);
    if (err == ETIMEDOUT) {
        return NS_TIMEOUT;
    }
    Check(err, "pthread_cond_timedwait");
    return NS_OK;
}

/* How far away the date is when the wait begins counts: a step of the clock while it waits makes it neither longer nor shorter. */
Ns_ReturnCode
Ns_CondTimedWait(Ns_Cond *cond, Ns_Mutex *lock, const Ns_Time *abstime)
{
    Ns_Time now, left, until;

    if (abstime == NULL) {
        Ns_CondWait(cond, lock);
        return NS_OK;
    }
    Ns_GetTime(&now);
    (void)Ns_DiffTime(abstime, &now, &left);
    NsMonotonicAfter(&left, &until);
    return NsCondWaitUntil(cond, lock, &until);
}

/*
 * Semaphores
 */
static Ns_Sema
SemaGet(Ns_Sema *sema, int count)
{
    Ns_Sema found = __atomic_load_n(sema, __ATOMIC_ACQUIRE);

    if (__builtin_expect(found == NULL, 0)) {
        Ns_Sema created = ns_calloc(1, sizeof(*created));

        created->magic = SEMA_MAGIC;
        created->count = count;
        Check(pthread_mutex_init(&created->mutex, NULL), "pthread_mutex_init");
        Check(pthread_cond_init(&created->cond, NULL), "pthread_cond_init");
        if (INSTALL(sema, created, &found)) {
            found = created;
        } else {
            pthread_mutex_destroy(&created->mutex);
            pthread_cond_destroy(&created->cond);
            ns_free(created);
        }
    }
    NS_CHECK(found, SEMA_MAGIC);
    return found;
}

void
Ns_SemaInit(Ns_Sema *sema, int count)
{
    *sema = NULL;
    (void)SemaGet(sema, count);
}

void
Ns_SemaDestroy(Ns_Sema *sema)
{
    Ns_Sema found = *sema;

    if (found != NULL) {
        NS_CHECK(found, SEMA_MAGIC);
        /* Who was just woken by it may still be on his way out. */
        pthread_mutex_lock(&found->mutex);
        pthread_mutex_unlock(&found->mutex);
        pthread_mutex_destroy(&found->mutex);
        pthread_cond_destroy(&found->cond);
        found->magic = NS_SPOILED;
        ns_free(found);
        *sema = NULL;
    }
}

void
Ns_SemaWait(Ns_Sema *sema)
{
    Ns_Sema found = SemaGet(sema, 0);

    pthread_mutex_lock(&found->mutex);
    while (found->count <= 0) {
        pthread_cond_wait(&found->cond, &found->mutex);
    }
    found->count--;
    pthread_mutex_unlock(&found->mutex);
}

void
Ns_SemaPost(Ns_Sema *sema, int count)
{
    Ns_Sema found = SemaGet(sema, 0);

    pthread_mutex_lock(&found->mutex);
    found->count += count;
    if (count == 1) {
        pthread_cond_signal(&found->cond);
    } else {
        pthread_cond_broadcast(&found->cond);
    }
    pthread_mutex_unlock(&found->mutex);
}

/*
 * Read-write locks.  A writer that waits keeps new readers out: else readers that overlap would shut it out for good.
 */
static Ns_RWLock
RWLockGet(Ns_RWLock *lock)
{
    Ns_RWLock found = __atomic_load_n(lock, __ATOMIC_ACQUIRE);

    if (__builtin_expect(found == NULL, 0)) {
        Ns_RWLock            created = ns_calloc(1, sizeof(*created));
        pthread_rwlockattr_t attr;

        created->magic = RWLOCK_MAGIC;
        pthread_rwlockattr_init(&attr);
        pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        Check(pthread_rwlock_init(&created->lock, &attr), "pthread_rwlock_init");
        pthread_rwlockattr_destroy(&attr);
        if (INSTALL(lock, created, &found)) {
            found = created;
            created->stat.readWrite = true;
            NsLockStatAdd(&created->stat, "rw");
        } else {
            pthread_rwlock_destroy(&created->lock);
            ns_free(created);
        }
    }
    NS_CHECK(found, RWLOCK_MAGIC);
    return found;
}

void
Ns_RWLockInit(Ns_RWLock *lock)
{
    *lock = NULL;
    (void)RWLockGet(lock);
}

void
Ns_RWLockSetName2(Ns_RWLock *lock, const char *prefix, const char *name)
{
    NsLockStatSetName(&RWLockGet(lock)->stat, prefix, name);
}

void
Ns_RWLockDestroy(Ns_RWLock *lock)
{
    Ns_RWLock found = *lock;

    if (found != NULL) {
        NS_CHECK(found, RWLOCK_MAGIC);
        NsLockStatRemove(&found->stat);
        Check(pthread_rwlock_destroy(&found->lock), "pthread_rwlock_destroy");
        found->magic = NS_SPOILED;
        ns_free(found);
        *lock = NULL;
    }
}

void
Ns_RWLockRdLock(Ns_RWLock *lock)
{
    Ns_RWLock found = RWLockGet(lock);

    if (__builtin_expect(pthread_rwlock_tryrdlock(&found->lock) != 0, 0)) {
        uint64_t since = NsLockClock();

        Check(pthread_rwlock_rdlock(&found->lock), "pthread_rwlock_rdlock");
        NsLockStatWaited(&found->stat, since);
    }
    atomic_fetch_add_explicit(&found->stat.nlock, 1, memory_order_relaxed);
}

void
Ns_RWLockWrLock(Ns_RWLock *lock)
{
    Ns_RWLock found = RWLockGet(lock);

    if (__builtin_expect(pthread_rwlock_trywrlock(&found->lock) != 0, 0)) {
        uint64_t since = NsLockClock();

        Check(pthread_rwlock_wrlock(&found->lock), "pthread_rwlock_wrlock");
        NsLockStatWaited(&found->stat, since);
    }
    atomic_store_explicit(&found->writing, true, memory_order_relaxed);
    NsLockStatTaken(&found->stat);
}

void
Ns_RWLockUnlock(Ns_RWLock *lock)
{
    Ns_RWLock found = RWLockGet(lock);

    /* Only a writer sees this: while there are readers it is false, and nobody can set it. */
    if (atomic_load_explicit(&found->writing, memory_order_relaxed)) {
        atomic_store_explicit(&found->writing, false, memory_order_relaxed);
        NsLockStatRelease(&found->stat);
    }
    Check(pthread_rwlock_unlock(&found->lock), "pthread_rwlock_unlock");
}

/*
 * Critical sections
 */
static Ns_Cs
CsGet(Ns_Cs *cs)
{
    Ns_Cs found = __atomic_load_n(cs, __ATOMIC_ACQUIRE);

    if (__builtin_expect(found == NULL, 0)) {
        Ns_Cs               created = ns_calloc(1, sizeof(*created));
        pthread_mutexattr_t attr;

        created->magic = CS_MAGIC;
        pthread_mutexattr_init(&attr);
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
        Check(pthread_mutex_init(&created->mutex, &attr), "pthread_mutex_init");
        pthread_mutexattr_destroy(&attr);
        if (INSTALL(cs, created, &found)) {
            found = created;
        } else {
            pthread_mutex_destroy(&created->mutex);
            ns_free(created);
        }
    }
    NS_CHECK(found, CS_MAGIC);
    return found;
}

void
Ns_CsInit(Ns_Cs *cs)
{
    *cs = NULL;
    (void)CsGet(cs);
}

void
Ns_CsDestroy(Ns_Cs *cs)
{
    Ns_Cs found = *cs;

    if (found != NULL) {
        NS_CHECK(found, CS_MAGIC);
        Check(pthread_mutex_destroy(&found->mutex), "pthread_mutex_destroy");
        found->magic = NS_SPOILED;
        ns_free(found);
        *cs = NULL;
    }
}

void
Ns_CsEnter(Ns_Cs *cs)
{
    Check(pthread_mutex_lock(&CsGet(cs)->mutex), "entering a critical section");
}

void
Ns_CsLeave(Ns_Cs *cs)
{
    Check(pthread_mutex_unlock(&CsGet(cs)->mutex), "leaving a critical section");
}

/*
 * The master lock, for what happens once and has no lock of its own.
 */
static Ns_Cs master;

void
Ns_MasterLock(void)
{
    Ns_CsEnter(&master);
}

void
Ns_MasterUnlock(void)
{
    Ns_CsLeave(&master);
}
