/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Threads with names, and the list of them.
 */
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/check.h"
#include "base/thread.h"

#define NAME_SIZE 64
#define FLAG_DETACHED 1u
#define FLAG_FOREIGN  8u                       /* not started by Ns_ThreadCreate */

struct Ns_Thread_ {
    uint32_t       magic;
    unsigned       flags;
    Ns_Thread      next, prev;                 /* the list: under listLock, as are the names and ids */
    Ns_ThreadProc *proc;
    void          *arg;
    pthread_t      tid;
    pid_t          osTid;                      /* 0: not yet running */
    time_t         created;
    char           name[NAME_SIZE];
    char           parent[NAME_SIZE];
    _Atomic(void *) result;
    void          *slots[NS_MAX_TLS];          /* the thread's own */
};
#define THREAD_MAGIC NS_MAGIC('T', 'h', 'r', 'd')

static pthread_mutex_t listLock = PTHREAD_MUTEX_INITIALIZER;
static Ns_Thread       first;
static atomic_long     defaultStackSize;       /* 0: the system's */
static atomic_uint     lastSerial;

static __thread Ns_Thread self;
static _Atomic(NsThreadCleanup *) cleanupSlots;
static pthread_once_t  foreignOnce = PTHREAD_ONCE_INIT;
static pthread_key_t   foreignKey;

static Ns_Thread
ThreadNew(Ns_ThreadProc *proc, void *arg, unsigned flags)
{
    Ns_Thread thread = ns_calloc(1, sizeof(*thread));

    thread->magic = THREAD_MAGIC;
    thread->proc = proc;
    thread->arg = arg;
    thread->flags = flags;
    thread->created = time(NULL);
    return thread;
}

static void
ListInsert(Ns_Thread thread)
{
    pthread_mutex_lock(&listLock);
    thread->next = first;
    if (first != NULL) {
        first->prev = thread;
    }
    first = thread;
    pthread_mutex_unlock(&listLock);
}

static void
ListRemove(Ns_Thread thread)
{
    pthread_mutex_lock(&listLock);
    if (thread->prev != NULL) {
        thread->prev->next = thread->next;
    } else {
        first = thread->next;
    }
    if (thread->next != NULL) {
        thread->next->prev = thread->prev;
    }
    pthread_mutex_unlock(&listLock);
}

static void
ThreadFree(Ns_Thread thread)
{
    thread->magic = NS_SPOILED;
    ns_free(thread);
}

static void
SetIds(Ns_Thread thread)
{
    pthread_mutex_lock(&listLock);
    thread->tid = pthread_self();
    thread->osTid = (pid_t)syscall(SYS_gettid);
    pthread_mutex_unlock(&listLock);
}

void
NsThreadLendCleanup(NsThreadCleanup *cleanup)
{
    atomic_store(&cleanupSlots, cleanup);
}

/* Nobody has lent anything: nobody has set anything. */
static void
CleanupSlots(Ns_Thread thread)
{
    NsThreadCleanup *cleanup = atomic_load(&cleanupSlots);

    if (cleanup != NULL) {
        cleanup(thread->slots);
    }
}

/*
 * Threads that others have started, main among them, get their structure when they first need one.
 */
static void
ForeignEnd(void *arg)
{
    Ns_Thread thread = arg;

    self = thread;
    CleanupSlots(thread);
    self = NULL;
    ListRemove(thread);
    ThreadFree(thread);
}

static void
ForeignInit(void)
{
    int err = pthread_key_create(&foreignKey, ForeignEnd);

    if (err != 0) {
        NsDie("thread: pthread_key_create failed: %s", strerror(err));
    }
}

static Ns_Thread
ForeignNew(void)
{
    Ns_Thread thread = ThreadNew(NULL, NULL, FLAG_FOREIGN);

    /* Before anything that could log: that asks for the thread's name. */
    self = thread;
    SetIds(thread);
    if (thread->osTid == getpid()) {
        snprintf(thread->name, NAME_SIZE, "-main-");
    } else {
        snprintf(thread->name, NAME_SIZE, "-thread:%u-", atomic_fetch_add(&lastSerial, 1));
        pthread_once(&foreignOnce, ForeignInit);
        pthread_setspecific(foreignKey, thread);
    }
    ListInsert(thread);
    return thread;
}

static inline Ns_Thread
Self(void)
{
    return __builtin_expect(self != NULL, 1) ? self : ForeignNew();
}

void **
NsThreadSlots(void)
{
    return Self()->slots;
}

static void
ThreadEnd(Ns_Thread thread)
{
    CleanupSlots(thread);
    Tcl_FinalizeThread();
    /* What Tcl's own exit handlers may have left. */
    CleanupSlots(thread);
    ListRemove(thread);
    self = NULL;
    if ((thread->flags & FLAG_DETACHED) != 0) {
        ThreadFree(thread);
    }
}

static void *
ThreadMain(void *arg)
{
    Ns_Thread thread = arg;
    char      osName[16];

    self = thread;
    SetIds(thread);
    snprintf(osName, sizeof(osName), "%.15s", thread->name);
    pthread_setname_np(pthread_self(), osName);
    thread->proc(thread->arg);
    ThreadEnd(thread);
    return NULL;
}

void
Ns_ThreadCreate(Ns_ThreadProc *proc, void *arg, ssize_t stackSize, Ns_Thread *result)
{
    Ns_Thread      thread = ThreadNew(proc, arg, result == NULL ? FLAG_DETACHED : 0);
    pthread_attr_t attr;
    pthread_t      tid;
    int            err;

    snprintf(thread->name, NAME_SIZE, "-thread:%u-", atomic_fetch_add(&lastSerial, 1));
    snprintf(thread->parent, NAME_SIZE, "%s", Ns_ThreadGetName());
    if (stackSize <= 0) {
        stackSize = atomic_load(&defaultStackSize);
    }
    pthread_attr_init(&attr);
    if (stackSize > 0) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        size_t size = (size_t)stackSize < (size_t)PTHREAD_STACK_MIN ? (size_t)PTHREAD_STACK_MIN : (size_t)stackSize;

        err = pthread_attr_setstacksize(&attr, (size + page - 1) / page * page);
        if (err != 0) {
            NsDie("thread: a stack of %zd bytes is refused: %s", stackSize, strerror(err));
        }
    }
    pthread_attr_setdetachstate(&attr, result == NULL ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);

    /* In the list before it runs: it takes itself out at its end. */
    ListInsert(thread);
    if (result != NULL) {
        *result = thread;
    }
    err = pthread_create(&tid, &attr, ThreadMain, thread);
    pthread_attr_destroy(&attr);
    if (err != 0) {
        NsDie("thread: cannot start a thread: %s", strerror(err));
    }
    if (result != NULL) {
        /* A detached one may be gone by now. */
        pthread_mutex_lock(&listLock);
        thread->tid = tid;
        pthread_mutex_unlock(&listLock);
    }
}

void
Ns_ThreadJoin(Ns_Thread *thread, void **result)
{
    Ns_Thread joined = *thread;
    pthread_t tid;
    int       err;

    NS_CHECK(joined, THREAD_MAGIC);
    NS_ASSERT((joined->flags & (FLAG_DETACHED | FLAG_FOREIGN)) == 0);
    pthread_mutex_lock(&listLock);
    tid = joined->tid;
    pthread_mutex_unlock(&listLock);
    err = pthread_join(tid, NULL);
    if (err != 0) {
        NsDie("thread: pthread_join failed: %s", strerror(err));
    }
    if (result != NULL) {
        *result = atomic_load(&joined->result);
    }
    ThreadFree(joined);
    *thread = NULL;
}

void
Ns_ThreadExit(void *result)
{
    Ns_Thread thread = Self();

    atomic_store(&thread->result, result);
    if ((thread->flags & FLAG_FOREIGN) == 0) {
        ThreadEnd(thread);
    }
    pthread_exit(NULL);
}

void
Ns_ThreadSelf(Ns_Thread *thread)
{
    *thread = Self();
}

void
Ns_ThreadYield(void)
{
    sched_yield();
}

uintptr_t
Ns_ThreadId(void)
{
    return (uintptr_t)pthread_self();
}

const char *
Ns_ThreadGetName(void)
{
    return Self()->name;
}

void
NsThreadSetName(const char *name)
{
    Ns_Thread thread = Self();
    size_t    len = strnlen(name, NAME_SIZE - 1u);
    char      osName[16];
    bool      osNameChanges;

    pthread_mutex_lock(&listLock);
    osNameChanges = strncmp(thread->name, name, sizeof(osName) - 1u) != 0;
    memcpy(thread->name, name, len);
    thread->name[len] = '\0';
    pthread_mutex_unlock(&listLock);
    /*
     * Main's is what ps and top show of the process: leave it.  A connection thread is named anew for each request, by
     * a number at the end, which the kernel does not see: no system calls for that.
     */
    if (osNameChanges && thread->osTid != getpid()) {
        snprintf(osName, sizeof(osName), "%.15s", name);
        pthread_setname_np(pthread_self(), osName);
    }
}

void
Ns_ThreadSetName(const char *fmt, ...)
{
    char    name[NAME_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(name, sizeof(name), fmt, ap);
    va_end(ap);
    NsThreadSetName(name);
}

const char *
Ns_ThreadGetParent(void)
{
    return Self()->parent;
}

ssize_t
Ns_ThreadStackSize(ssize_t size)
{
    return size > 0 ? atomic_exchange(&defaultStackSize, size) : atomic_load(&defaultStackSize);
}

/*
 * Each: name, parent, thread id, flags, time of creation, proc and argument (or the two elements that `proc` appends
 * for them), and the system's thread id.
 */
void
Ns_ThreadList(Tcl_DString *ds, Ns_ThreadArgProc *proc)
{
    char buffer[128];

    pthread_mutex_lock(&listLock);
    for (Ns_Thread thread = first; thread != NULL; thread = thread->next) {
        Tcl_DStringStartSublist(ds);
        Tcl_DStringAppendElement(ds, thread->name);
        Tcl_DStringAppendElement(ds, thread->parent);
        snprintf(buffer, sizeof(buffer), " %lx %u %ld", (unsigned long)thread->tid, thread->flags, (long)thread->created);
        Tcl_DStringAppend(ds, buffer, -1);
        if (proc != NULL) {
            proc(ds, thread->proc, thread->arg);
        } else {
            snprintf(buffer, sizeof(buffer), " p:%lx a:%lx", (unsigned long)(uintptr_t)thread->proc,
                     (unsigned long)(uintptr_t)thread->arg);
            Tcl_DStringAppend(ds, buffer, -1);
        }
        snprintf(buffer, sizeof(buffer), " %d", (int)thread->osTid);
        Tcl_DStringAppend(ds, buffer, -1);
        Tcl_DStringEndSublist(ds);
    }
    pthread_mutex_unlock(&listLock);
}

/* ---- what modules ask ---- */

/* User and system time of one thread, in ticks.  The name in the kernel's line may have blanks and parentheses: what counts comes behind. */
static bool
ReadTimes(pid_t tid, unsigned long *user, unsigned long *system)
{
    char        path[64], line[512];
    FILE       *file;
    const char *rest;
    bool        good;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
    file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    rest = fgets(line, (int)sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
    good = rest != NULL && sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", user, system) == 2;
    fclose(file);
    return good;
}

void
Ns_ThreadCputimes(Tcl_DString *ds)
{
    char          buffer[128];
    unsigned long user, system;

    pthread_mutex_lock(&listLock);
    for (Ns_Thread thread = first; thread != NULL; thread = thread->next) {
        if (thread->osTid != 0 && ReadTimes(thread->osTid, &user, &system)) {
            Tcl_DStringStartSublist(ds);
            Tcl_DStringAppendElement(ds, "name");
            Tcl_DStringAppendElement(ds, thread->name);
            snprintf(buffer, sizeof(buffer), " tid %d utime %lu stime %lu", (int)thread->osTid, user, system);
            Tcl_DStringAppend(ds, buffer, -1);
            Tcl_DStringEndSublist(ds);
        }
    }
    pthread_mutex_unlock(&listLock);
}

void
Ns_ThreadGetThreadInfo(size_t *maxStackSize, size_t *estimatedSize)
{
    pthread_attr_t attr;
    void          *base = NULL;
    size_t         size = 0;
    uintptr_t      here = (uintptr_t)__builtin_frame_address(0);

    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        (void)pthread_attr_getstack(&attr, &base, &size);
        (void)pthread_attr_destroy(&attr);
    }
    *maxStackSize = size;
    /* It grows down to its base. */
    *estimatedSize = here > (uintptr_t)base && here - (uintptr_t)base < size ? size - (here - (uintptr_t)base) : 0;
}

void *
Ns_ThreadResult(void *arg)
{
    Ns_Thread thread = arg;

    NS_CHECK(thread, THREAD_MAGIC);
    return atomic_load(&thread->result);
}

static __thread const char *threadServer;

const char *
Ns_GetThreadServer(void)
{
    return threadServer;
}

void
Ns_SetThreadServer(const char *server)
{
    threadServer = server;
}

void
Nsthreads_LibInit(void)
{
    (void)Self();
}
