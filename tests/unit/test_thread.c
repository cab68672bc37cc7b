/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Threads, locks and thread-local values.  Worth most under ThreadSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ns.h"

#define NTHREADS 4

static void
RunThreads(Ns_ThreadProc *proc, void *arg)
{
    Ns_Thread threads[NTHREADS];

    for (int i = 0; i < NTHREADS; i++) {
        Ns_ThreadCreate(proc, arg, 0, &threads[i]);
    }
    for (int i = 0; i < NTHREADS; i++) {
        Ns_ThreadJoin(&threads[i], NULL);
    }
}

/* The elements of the lists of threads and locks: the one called `name`, or 0. */
static int
FindRow(void (*list)(Tcl_DString *ds), const char *name, char *found, size_t size)
{
    Tcl_DString  ds;
    int          nrows, nfields = 0;
    const char **rows, **fields;

    Tcl_DStringInit(&ds);
    list(&ds);
    assert_int_equal(Tcl_SplitList(NULL, Tcl_DStringValue(&ds), &nrows, &rows), TCL_OK);
    for (int i = 0; i < nrows; i++) {
        int n;

        assert_int_equal(Tcl_SplitList(NULL, rows[i], &n, &fields), TCL_OK);
        if (strcmp(fields[0], name) == 0) {
            nfields = n;
            snprintf(found, size, "%s", rows[i]);
        }
        Tcl_Free((char *)fields);
    }
    Tcl_Free((char *)rows);
    Tcl_DStringFree(&ds);
    return nfields;
}

static void
ListThreads(Tcl_DString *ds)
{
    Ns_ThreadList(ds, NULL);
}

/* ---- mutexes */

static Ns_Mutex    lazy;                       /* made by whichever thread is first */
static int         counter;
static atomic_bool seen;

static void
Increment(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        Ns_MutexLock(&lazy);
        counter++;
        Ns_MutexUnlock(&lazy);
    }
}

static void
a_mutex_made_by_many_at_once_is_one(void **state)
{
    char row[256];

    for (int round = 0; round < 20; round++) {
        counter = 0;
        RunThreads(Increment, NULL);
        assert_int_equal(counter, NTHREADS * 2000);
        Ns_MutexSetName(&lazy, "lazy");
        assert_int_equal(FindRow(Ns_MutexList, "lazy", row, sizeof(row)), 8);
        Ns_MutexDestroy(&lazy);
        assert_null(lazy);
        assert_int_equal(FindRow(Ns_MutexList, "lazy", row, sizeof(row)), 0);
    }
}

static void
TryLock(void *arg)
{
    atomic_store(&seen, Ns_MutexTryLock(arg) == NS_OK);
    if (atomic_load(&seen)) {
        Ns_MutexUnlock(arg);
    }
}

static bool
TryFromThread(Ns_Mutex *mutex)
{
    Ns_Thread thread;

    Ns_ThreadCreate(TryLock, mutex, 0, &thread);
    Ns_ThreadJoin(&thread, NULL);
    return atomic_load(&seen);
}

static void
trylock_does_not_wait(void **state)
{
    Ns_Mutex mutex = NULL;

    assert_true(TryFromThread(&mutex));
    Ns_MutexLock(&mutex);
    assert_false(TryFromThread(&mutex));
    Ns_MutexUnlock(&mutex);
    assert_true(TryFromThread(&mutex));
    Ns_MutexDestroy(&mutex);
}

static void
LockOnce(void *arg)
{
    Ns_MutexLock(arg);
    Ns_MutexUnlock(arg);
}

static void
locks_are_named_and_counted(void **state)
{
    Ns_Mutex     mutex = NULL;
    Ns_Thread    thread;
    char         row[256];
    int          n;
    const char **fields;

    Ns_MutexSetName2(&mutex, "test", "counted");
    assert_string_equal(Ns_MutexGetName(&mutex), "test:counted");
    Ns_MutexLock(&mutex);
    Ns_ThreadCreate(LockOnce, &mutex, 0, &thread);
    /* The row says itself when the other thread waits no more than we can see: give it time to come there. */
    Tcl_Sleep(50);
    Ns_MutexUnlock(&mutex);
    Ns_ThreadJoin(&thread, NULL);
    for (int i = 0; i < 200; i++) {
        LockOnce(&mutex);
    }
    assert_int_equal(FindRow(Ns_MutexList, "test:counted", row, sizeof(row)), 8);
    assert_int_equal(Tcl_SplitList(NULL, row, &n, &fields), TCL_OK);
    assert_string_equal(fields[3], "202");
    assert_string_equal(fields[4], "1");
    assert_true(atof(fields[5]) > 0.0);
    assert_string_equal(fields[5], fields[6]);
    assert_true(atof(fields[7]) >= 0.0);
    Tcl_Free((char *)fields);
    Ns_MutexDestroy(&mutex);
}

/* ---- conditions and semaphores */

static Ns_Mutex queueLock;
static Ns_Cond  queueCond;
static int      queued, taken;

static void
Consume(void *arg)
{
    Ns_MutexLock(&queueLock);
    while (taken < 1000) {
        while (queued == 0 && taken < 1000) {
            Ns_CondWait(&queueCond, &queueLock);
        }
        if (queued > 0) {
            queued--;
            taken++;
        }
    }
    Ns_CondBroadcast(&queueCond);
    Ns_MutexUnlock(&queueLock);
}

static void
conditions_wake(void **state)
{
    Ns_Thread consumers[2];

    Ns_ThreadCreate(Consume, NULL, 0, &consumers[0]);
    Ns_ThreadCreate(Consume, NULL, 0, &consumers[1]);
    for (int i = 0; i < 1000; i++) {
        Ns_MutexLock(&queueLock);
        queued++;
        Ns_CondSignal(&queueCond);
        Ns_MutexUnlock(&queueLock);
    }
    Ns_ThreadJoin(&consumers[0], NULL);
    Ns_ThreadJoin(&consumers[1], NULL);
    assert_int_equal(taken, 1000);
    assert_int_equal(queued, 0);
    Ns_CondDestroy(&queueCond);
    Ns_MutexDestroy(&queueLock);
}

static void
waiting_ends_when_the_time_is_up(void **state)
{
    Ns_Mutex mutex = NULL;
    Ns_Cond  cond = NULL;
    Ns_Time  start, until, now, diff;

    Ns_MutexLock(&mutex);
    Ns_GetTime(&start);
    until = start;
    /* Not normalised on purpose. */
    until.usec += 1050000;
    until.sec -= 1;
    assert_int_equal(Ns_CondTimedWait(&cond, &mutex, &until), NS_TIMEOUT);
    Ns_GetTime(&now);
    (void)Ns_DiffTime(&now, &start, &diff);
    assert_true(Ns_TimeToMilliseconds(&diff) >= 49);
    /* In the past: at once, and the mutex is ours again. */
    assert_int_equal(Ns_CondTimedWait(&cond, &mutex, &start), NS_TIMEOUT);
    assert_false(TryFromThread(&mutex));
    Ns_MutexUnlock(&mutex);
    Ns_CondDestroy(&cond);
    Ns_MutexDestroy(&mutex);
}

static void
SemaTake(void *arg)
{
    Ns_SemaWait(arg);
}

static void
semaphores_count(void **state)
{
    Ns_Sema   sema;
    Ns_Thread threads[3];

    Ns_SemaInit(&sema, 1);
    Ns_SemaWait(&sema);
    for (int i = 0; i < 3; i++) {
        Ns_ThreadCreate(SemaTake, &sema, 0, &threads[i]);
    }
    Ns_SemaPost(&sema, 1);
    Ns_SemaPost(&sema, 2);
    for (int i = 0; i < 3; i++) {
        Ns_ThreadJoin(&threads[i], NULL);
    }
    Ns_SemaDestroy(&sema);
    assert_null(sema);
}

/* ---- read-write locks and critical sections */

static Ns_RWLock rwlock;
static int       left, right;                  /* always the same, under rwlock */

static void
ReadOrWrite(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        if (i % 4 == 0) {
            Ns_RWLockWrLock(&rwlock);
            left++;
            right++;
        } else {
            Ns_RWLockRdLock(&rwlock);
            assert_int_equal(left, right);
        }
        Ns_RWLockUnlock(&rwlock);
    }
}

static void
readers_never_see_half_a_change(void **state)
{
    char row[256];

    RunThreads(ReadOrWrite, NULL);
    assert_int_equal(left, NTHREADS * 250);
    Ns_RWLockSetName2(&rwlock, "test", "rw");
    assert_int_equal(FindRow(Ns_MutexList, "test:rw", row, sizeof(row)), 8);
    Ns_RWLockDestroy(&rwlock);
}

static void
ReadOnce(void *arg)
{
    Ns_RWLockRdLock(arg);
    Ns_RWLockUnlock(arg);
}

static void
readers_share(void **state)
{
    Ns_RWLock lock = NULL;

    Ns_RWLockRdLock(&lock);
    /* Would never end if they did not. */
    RunThreads(ReadOnce, &lock);
    Ns_RWLockUnlock(&lock);
    Ns_RWLockDestroy(&lock);
}

static Ns_Cs cs;
static int   csCounter;

static void
EnterTwice(void *arg)
{
    for (int i = 0; i < 500; i++) {
        Ns_CsEnter(&cs);
        Ns_CsEnter(&cs);
        csCounter++;
        Ns_CsLeave(&cs);
        Ns_CsLeave(&cs);
    }
}

static void
a_critical_section_is_entered_again_by_its_owner(void **state)
{
    RunThreads(EnterTwice, NULL);
    assert_int_equal(csCounter, NTHREADS * 500);
    Ns_CsDestroy(&cs);
    Ns_MasterLock();
    Ns_MasterLock();
    Ns_MasterUnlock();
    Ns_MasterUnlock();
}

/* ---- thread-local values */

static Ns_Tls     tlsA, tlsB;
static atomic_int cleaned, cleanedB;

static void
CleanA(void *arg)
{
    assert_string_equal(arg, "a");
    atomic_fetch_add(&cleaned, 1);
    /* A cleanup may need what another has already cleaned. */
    if (Ns_TlsGet(&tlsB) == NULL) {
        Ns_TlsSet(&tlsB, "b");
    }
}

static void
CleanB(void *arg)
{
    assert_string_equal(arg, "b");
    atomic_fetch_add(&cleanedB, 1);
}

static void
UseTls(void *arg)
{
    assert_null(Ns_TlsGet(&tlsA));
    Ns_TlsSet(&tlsA, "a");
    Ns_TlsSet(&tlsB, "b");
    assert_string_equal(Ns_TlsGet(&tlsA), "a");
}

static void *
UseTlsForeign(void *arg)
{
    UseTls(arg);
    return NULL;
}

static void
values_are_cleaned_up_at_the_end_of_a_thread(void **state)
{
    pthread_t foreign;

    Ns_TlsAlloc(&tlsA, CleanA);
    Ns_TlsAlloc(&tlsB, CleanB);
    Ns_TlsSet(&tlsA, "main's");
    RunThreads(UseTls, NULL);
    assert_int_equal(atomic_load(&cleaned), NTHREADS);
    assert_int_equal(atomic_load(&cleanedB), 2 * NTHREADS);
    assert_int_equal(pthread_create(&foreign, NULL, UseTlsForeign, NULL), 0);
    pthread_join(foreign, NULL);
    assert_int_equal(atomic_load(&cleaned), NTHREADS + 1);
    assert_string_equal(Ns_TlsGet(&tlsA), "main's");
    Ns_TlsSet(&tlsA, NULL);
}

/* ---- threads */

static Ns_Sema  ready, done;
static char     parentSeen[64], row[512];
static intptr_t exitCode = 42;

static void
Named(void *arg)
{
    char osName[16];

    Ns_ThreadSetName("-a-rather-long-%s-", (const char *)arg);
    snprintf(parentSeen, sizeof(parentSeen), "%s", Ns_ThreadGetParent());
    assert_int_equal(pthread_getname_np(pthread_self(), osName, sizeof(osName)), 0);
    assert_string_equal(osName, "-a-rather-long-");
    Ns_SemaPost(&ready, 1);
    Ns_SemaWait(&done);
    Ns_ThreadExit(&exitCode);
}

static void
threads_are_listed_by_name_while_they_run(void **state)
{
    Ns_Thread    thread;
    void        *result = NULL;
    char         expected[32];
    int          n;
    const char **fields;

    Ns_ThreadSetName("-tester-");
    Ns_ThreadCreate(Named, "name", 100000, &thread);
    Ns_SemaWait(&ready);
    assert_string_equal(parentSeen, "-tester-");
    assert_int_equal(FindRow(ListThreads, "-a-rather-long-name-", row, sizeof(row)), 8);
    assert_int_equal(Tcl_SplitList(NULL, row, &n, &fields), TCL_OK);
    assert_string_equal(fields[1], "-tester-");
    assert_string_equal(fields[3], "0");
    snprintf(expected, sizeof(expected), "p:%lx", (unsigned long)(uintptr_t)Named);
    assert_string_equal(fields[5], expected);
    assert_true(atoi(fields[7]) > 0);
    Tcl_Free((char *)fields);
    Ns_SemaPost(&done, 1);
    Ns_ThreadJoin(&thread, &result);
    assert_ptr_equal(result, &exitCode);
    assert_null(thread);
    assert_int_equal(FindRow(ListThreads, "-a-rather-long-name-", row, sizeof(row)), 0);
}

static void
Detached(void *arg)
{
    Ns_Thread self;

    Ns_ThreadSelf(&self);
    assert_non_null(self);
    assert_int_equal(FindRow(ListThreads, Ns_ThreadGetName(), row, sizeof(row)), 8);
    Ns_SemaPost(&done, 1);
}

static void
detached_threads_go_by_themselves(void **state)
{
    for (int i = 0; i < 10; i++) {
        Ns_ThreadCreate(Detached, NULL, 0, NULL);
        Ns_SemaWait(&done);
    }
}

static void
UseTcl(void *arg)
{
    Tcl_Interp *interp = Tcl_CreateInterp();

    assert_int_equal(Tcl_Eval(interp, "set x [expr {6*7}]"), TCL_OK);
    assert_string_equal(Tcl_GetStringResult(interp), "42");
    Tcl_DeleteInterp(interp);
}

static void
threads_may_use_tcl(void **state)
{
    RunThreads(UseTcl, NULL);
}

static void
MeasureStack(void *arg)
{
    pthread_attr_t attr;
    size_t         size = 0;

    assert_int_equal(pthread_getattr_np(pthread_self(), &attr), 0);
    pthread_attr_getstacksize(&attr, &size);
    pthread_attr_destroy(&attr);
    *(size_t *)arg = size;
}

static void
the_stack_size_is_as_asked_for(void **state)
{
    Ns_Thread thread;
    size_t    size = 0;
    ssize_t   before = Ns_ThreadStackSize(24 * 1024 * 1024);

    assert_int_equal(before, 0);
    assert_int_equal(Ns_ThreadStackSize(0), 24 * 1024 * 1024);
    Ns_ThreadCreate(MeasureStack, &size, 0, &thread);
    Ns_ThreadJoin(&thread, NULL);
    assert_in_range(size, 24 * 1024 * 1024, 25 * 1024 * 1024);
    Ns_ThreadCreate(MeasureStack, &size, 1024 * 1024, &thread);
    Ns_ThreadJoin(&thread, NULL);
    assert_in_range(size, 1024 * 1024, 2 * 1024 * 1024);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mutex_made_by_many_at_once_is_one),
        cmocka_unit_test(trylock_does_not_wait),
        cmocka_unit_test(locks_are_named_and_counted),
        cmocka_unit_test(conditions_wake),
        cmocka_unit_test(waiting_ends_when_the_time_is_up),
        cmocka_unit_test(semaphores_count),
        cmocka_unit_test(readers_never_see_half_a_change),
        cmocka_unit_test(readers_share),
        cmocka_unit_test(a_critical_section_is_entered_again_by_its_owner),
        cmocka_unit_test(values_are_cleaned_up_at_the_end_of_a_thread),
        cmocka_unit_test(threads_are_listed_by_name_while_they_run),
        cmocka_unit_test(detached_threads_go_by_themselves),
        cmocka_unit_test(threads_may_use_tcl),
        cmocka_unit_test(the_stack_size_is_as_asked_for),
    };

    Tcl_FindExecutable(NULL);                  /* threads end with Tcl's clean-up */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
