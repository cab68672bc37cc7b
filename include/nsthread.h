/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Threads, locks, thread-local data and time: what a module may use without a server around it.
 *
 * The lock types are pointers that start as NULL: a static Ns_Mutex needs no initialisation, the first use creates it.
 * Any thread may call any of these functions unless it says otherwise.
 */
#ifndef NSTHREAD_H
#define NSTHREAD_H

#include "nsmacros.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What most functions return. */
typedef enum {
    NS_OK            = 0,
    NS_ERROR         = -1,
    NS_TIMEOUT       = -2,
    NS_UNAUTHORIZED  = -3,
    NS_FORBIDDEN     = -4,
    NS_FILTER_BREAK  = -5,
    NS_FILTER_RETURN = -6,
    NS_CONTINUE      = -7,
    NS_FATAL         = -8
} Ns_ReturnCode;

typedef struct Ns_Time {
    long sec;
    long usec;
} Ns_Time;

typedef struct Ns_Mutex_  *Ns_Mutex;
typedef struct Ns_Cond_   *Ns_Cond;
typedef struct Ns_Sema_   *Ns_Sema;
typedef struct Ns_RWLock_ *Ns_RWLock;
typedef struct Ns_Cs_     *Ns_Cs;          /* a lock that its owner may take again */
typedef struct Ns_Thread_ *Ns_Thread;
typedef struct Ns_Tls_    *Ns_Tls;
typedef void (Ns_ThreadProc)(void *arg);
typedef void (Ns_TlsCleanup)(void *arg);
typedef void (Ns_Callback)(void *arg);
typedef void (Ns_ThreadArgProc)(Tcl_DString *ds, Ns_ThreadProc *proc, const void *arg);

/* Memory: these end the process with a message when there is none left. */
NS_EXTERN void *ns_malloc(size_t size) NS_ALLOC_SIZE1(1);
NS_EXTERN void *ns_calloc(size_t num, size_t size) NS_ALLOC_SIZE2(1, 2);
NS_EXTERN void *ns_realloc(void *ptr, size_t size) NS_ALLOC_SIZE1(2);
NS_EXTERN void  ns_free(void *ptr);
NS_EXTERN char *ns_strdup(const char *string);            /* NULL gives NULL */
NS_EXTERN char *ns_strncopy(const char *string, ssize_t size);

NS_EXTERN void Ns_MutexInit(Ns_Mutex *mutex);
NS_EXTERN void Ns_MutexDestroy(Ns_Mutex *mutex);
NS_EXTERN void Ns_MutexLock(Ns_Mutex *mutex);
NS_EXTERN Ns_ReturnCode Ns_MutexTryLock(Ns_Mutex *mutex); /* NS_OK or NS_TIMEOUT */
NS_EXTERN void Ns_MutexUnlock(Ns_Mutex *mutex);
NS_EXTERN void Ns_MutexSetName(Ns_Mutex *mutex, const char *name);
NS_EXTERN void Ns_MutexSetName2(Ns_Mutex *mutex, const char *prefix, const char *name);
NS_EXTERN const char *Ns_MutexGetName(Ns_Mutex *mutex);
NS_EXTERN void Ns_MutexList(Tcl_DString *ds);             /* what `ns_info locks` shows */

NS_EXTERN void Ns_CondInit(Ns_Cond *cond);
NS_EXTERN void Ns_CondDestroy(Ns_Cond *cond);
NS_EXTERN void Ns_CondSignal(Ns_Cond *cond);
NS_EXTERN void Ns_CondBroadcast(Ns_Cond *cond);
NS_EXTERN void Ns_CondWait(Ns_Cond *cond, Ns_Mutex *lock);
/*
 * `abstime` is wall-clock time, and how far away it is when the wait begins counts: steps of the clock meanwhile make it neither
 * longer nor shorter.  NULL waits without limit.  NS_OK or NS_TIMEOUT.
 */
NS_EXTERN Ns_ReturnCode Ns_CondTimedWait(Ns_Cond *cond, Ns_Mutex *lock, const Ns_Time *abstime);

NS_EXTERN void Ns_SemaInit(Ns_Sema *sema, int count);
NS_EXTERN void Ns_SemaDestroy(Ns_Sema *sema);
NS_EXTERN void Ns_SemaWait(Ns_Sema *sema);
NS_EXTERN void Ns_SemaPost(Ns_Sema *sema, int count);

NS_EXTERN void Ns_RWLockInit(Ns_RWLock *lock);
NS_EXTERN void Ns_RWLockSetName2(Ns_RWLock *lock, const char *prefix, const char *name);
NS_EXTERN void Ns_RWLockDestroy(Ns_RWLock *lock);
NS_EXTERN void Ns_RWLockList(Tcl_DString *ds);            /* as Ns_MutexList, of these alone */
NS_EXTERN void Ns_RWLockRdLock(Ns_RWLock *lock);
NS_EXTERN void Ns_RWLockWrLock(Ns_RWLock *lock);
NS_EXTERN void Ns_RWLockUnlock(Ns_RWLock *lock);

NS_EXTERN void Ns_CsInit(Ns_Cs *cs);
NS_EXTERN void Ns_CsDestroy(Ns_Cs *cs);
NS_EXTERN void Ns_CsEnter(Ns_Cs *cs);
NS_EXTERN void Ns_CsLeave(Ns_Cs *cs);

NS_EXTERN void Ns_MasterLock(void);
NS_EXTERN void Ns_MasterUnlock(void);

/*
 * Start a thread.  With `result` the caller must join it, without it the thread is detached.  A `stackSize` of 0 takes
 * the configured one.  At its end the thread's Ns_Tls values and Tcl's thread data are cleaned up: a program of its own
 * calls Tcl_FindExecutable first.
 */
NS_EXTERN void Ns_ThreadCreate(Ns_ThreadProc *proc, void *arg, ssize_t stackSize, Ns_Thread *result);
NS_EXTERN void Ns_ThreadJoin(Ns_Thread *thread, void **result);
NS_EXTERN void Ns_ThreadExit(void *result) __attribute__((noreturn));
NS_EXTERN void Ns_ThreadSelf(Ns_Thread *thread);
NS_EXTERN void Ns_ThreadYield(void);
NS_EXTERN uintptr_t Ns_ThreadId(void);
NS_EXTERN const char *Ns_ThreadGetName(void);             /* never NULL; valid while the thread lives */
NS_EXTERN void Ns_ThreadSetName(const char *fmt, ...) NS_PRINTF(1, 2);
NS_EXTERN const char *Ns_ThreadGetParent(void);
NS_EXTERN ssize_t Ns_ThreadStackSize(ssize_t size);       /* sets the default when size > 0; the value before */
NS_EXTERN void Ns_ThreadList(Tcl_DString *ds, Ns_ThreadArgProc *proc);

/* Appends {name NAME tid TID utime TICKS stime TICKS} for each thread (sysconf(_SC_CLK_TCK) in a second); of one that ends meanwhile nothing. */
NS_EXTERN void Ns_ThreadCputimes(Tcl_DString *ds);
/* The calling thread's stack: its size, and how much of it is in use here, in bytes. */
NS_EXTERN void Ns_ThreadGetThreadInfo(size_t *maxStackSize, size_t *estimatedSize);
/* What a thread that is not joined yet (an Ns_Thread) gave to Ns_ThreadExit; NULL: nothing yet. */
NS_EXTERN void *Ns_ThreadResult(void *arg);
/* The virtual server that the calling thread works for; NULL: none that it was told.  Set: a string that lives as long as the thread, or NULL. */
NS_EXTERN const char *Ns_GetThreadServer(void);
NS_EXTERN void Ns_SetThreadServer(const char *server);
/* The calling thread, whoever started it, has its name and place in the list from now on, as it has at its first use of any of these functions. */
NS_EXTERN void Nsthreads_LibInit(void);

NS_EXTERN void  Ns_TlsAlloc(Ns_Tls *tls, Ns_TlsCleanup *cleanup);
NS_EXTERN void  Ns_TlsSet(const Ns_Tls *tls, void *value);
NS_EXTERN void *Ns_TlsGet(const Ns_Tls *tls);

NS_EXTERN void Ns_GetTime(Ns_Time *timePtr);              /* wall clock */
NS_EXTERN void Ns_AdjTime(Ns_Time *timePtr);              /* bring usec into 0 .. 999999 */
NS_EXTERN void Ns_IncrTime(Ns_Time *timePtr, time_t sec, long usec);
NS_EXTERN long Ns_DiffTime(const Ns_Time *t1, const Ns_Time *t0, Ns_Time *resultDiff);  /* t1 - t0; <0, 0, >0 */
/* A relative time (below about 11 days) becomes an absolute one; an absolute time is returned unchanged. */
NS_EXTERN Ns_Time *Ns_AbsoluteTime(Ns_Time *absPtr, Ns_Time *adjPtr);
/* The other way: of an absolute time how far away it is, in *relTimePtr; a relative one is returned unchanged. */
NS_EXTERN const Ns_Time *Ns_RelativeTime(Ns_Time *relTimePtr, const Ns_Time *timePtr);
/* At most INT64_MAX / 4 in either direction: the time of a clock can be added. */
NS_EXTERN int64_t Ns_TimeToMilliseconds(const Ns_Time *timePtr);

#ifdef __cplusplus
}
#endif
#endif /* NSTHREAD_H */
