/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The queue of the log and its thread.
 *
 * The file belongs to the thread that writes: others hand it a new one (`next`), which it takes up between two writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "base/file.h"
#include "base/clock.h"
#include "base/logentry.h"
#include "base/logqueue.h"

#define BATCH      64                          /* entries in one write, of no more than PIPE_BUF bytes: others may write there */
#define OPEN_FLUSH 1000                        /* ms that a change of the file waits for what belongs to the old one */
#define NONE       (-1)

typedef struct Entry {
    struct Entry *next;
    size_t        len;
    char          text[];
} Entry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;       /* for all below but the thread's own */
static pthread_cond_t  work, drained;
static atomic_bool     started;
static bool            sleeping;                /* the thread waits for a signal */
static pthread_t       writer;
static Entry          *first, **last = &first;
static size_t          bytes, maxBytes = 4 << 20;
static uint64_t        added, done;            /* entries, of all times */
static uint64_t        written, lost, failed;
static uint64_t        lostUntold, told;      /* of those lost: not taken up yet by the thread; what the log was told of */
static int             next = NONE;            /* descriptor to go on with */
static NsLogTick      *tick;
static bool            armed;

/* The thread's own; before it is started under the lock. */
static int             fd = STDERR_FILENO;
static uint64_t        failedUntold;
static int             failedErrno;
static bool            cut;                    /* the last write ended within a line */

/* ------------------------------------------------------------------------------------- writing: the thread that does it */

/* As writev, until all is written or it fails: bytes written; errno is 0 if that is all. */
static size_t
WriteVector(struct iovec *vector, int count)
{
    size_t sum = 0;

    errno = 0;
    while (count > 0) {
        ssize_t n = writev(fd, vector, count);

        if (n < 0 && errno == EAGAIN) {
            struct pollfd poller = {.fd = fd, .events = POLLOUT};

            /* Somebody else has made the descriptor non-blocking. */
            (void)poll(&poller, 1, 1000);
            continue;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return sum;
        }
        sum += (size_t)n;
        while (count > 0 && (size_t)n >= vector->iov_len) {
            n -= (ssize_t)vector->iov_len;
            vector++;
            count--;
        }
        if (count > 0) {
            vector->iov_base = (char *)vector->iov_base + n;
            vector->iov_len -= (size_t)n;
        }
        errno = 0;
    }
    return sum;
}

/* A line of the log about itself. */
static bool
WriteOwn(const char *fmt, ...) NS_PRINTF(1, 2);
static bool
WriteOwn(const char *fmt, ...)
{
    NsLogLine    line;
    Ns_Time      now;
    struct iovec vector;
    char         text[256];
    va_list      ap;
    bool         ok;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    Ns_GetTime(&now);
    NsLogLineInit(&line);
    if (cut) {
        NsLogLineAppend(&line, "\n", 1);
    }
    NsLogEntryAppend(&line, Warning, &now, text, strlen(text));
    vector = (struct iovec){line.data, line.len};
    ok = WriteVector(&vector, 1) == line.len;
    NsLogLineFree(&line);
    if (ok) {
        cut = false;
    }
    return ok;
}

static void
TellFailed(void)
{
    if (failedUntold > 0
        && WriteOwn("log: %" PRIu64 " messages are missing here, they could not be written: %s", failedUntold,
                    strerror(failedErrno))) {
        failedUntold = 0;
    }
}

/* Write the first entries of the list, as many as fit one write: what follows them.  The number that failed. */
static Entry *
WriteSome(Entry *list, uint64_t *nfailed)
{
    struct iovec vector[BATCH];
    size_t       lens[BATCH], sum = 0, got;
    int          count = 0, whole = 0;

    while (list != NULL && count < BATCH && (count == 0 || sum + list->len <= PIPE_BUF)) {
        vector[count] = (struct iovec){list->text, list->len};
        lens[count] = list->len;
        sum += lens[count++];
        list = list->next;
    }
    TellFailed();
    got = WriteVector(vector, count);
    if (got < sum) {
        failedErrno = errno;
        while (got >= lens[whole]) {
            got -= lens[whole++];
        }
        cut = got > 0;
        *nfailed = (uint64_t)(count - whole);
        failedUntold += *nfailed;
    }
    return list;
}

/* The lock is held. */
static void
TakeNextFile(void)
{
    if (next != NONE) {
        if (fd != STDERR_FILENO) {
            close(fd);
        }
        fd = next;
        next = NONE;
        cut = false;
    }
}

/* What is written is no longer counted as waiting. */
static void
WriteAll(Entry *list)
{
    while (list != NULL) {
        uint64_t count = 0, nfailed = 0;
        size_t   size = 0;
        Entry   *rest = WriteSome(list, &nfailed);

        while (list != rest) {
            Entry *freed = list;

            list = list->next;
            size += freed->len;
            count++;
            ns_free(freed);
        }
        pthread_mutex_lock(&lock);
        done += count;
        bytes -= size;
        written += count - nfailed;
        failed += nfailed;
        pthread_cond_broadcast(&drained);
        pthread_mutex_unlock(&lock);
    }
}

/* The lock is held: wait for something to do, or for the time of a tick. */
static void
WaitForWork(void)
{
    struct timespec until;
    int             status = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    while (first == NULL && next == NONE && lostUntold == 0 && status == 0) {
        sleeping = true;
        if (armed) {
            status = pthread_cond_timedwait(&work, &lock, &until);
        } else {
            status = pthread_cond_wait(&work, &lock);
        }
    }
    sleeping = false;
}

/* What was lost is told behind all that found room: nothing can have been added in between. */
static void
TellLost(uint64_t count)
{
    if (!WriteOwn("log: %" PRIu64 " messages are missing here, they came faster than the log was written", count)) {
        failedErrno = errno;
        failedUntold += count;
    }
}

static void
WriterThread(void *arg)
{
    int64_t lastTick = NsClockMs();

    writer = pthread_self();
    Ns_ThreadSetName("-log-");
    for (;;) {
        Entry   *list;
        uint64_t untold;
        bool     tickDue, again;

        pthread_mutex_lock(&lock);
        WaitForWork();
        TakeNextFile();
        list = first;
        first = NULL;
        last = &first;
        untold = lostUntold;
        lostUntold = 0;
        tickDue = armed && NsClockMs() - lastTick >= 1000;
        pthread_mutex_unlock(&lock);

        WriteAll(list);
        if (untold > 0) {
            TellLost(untold);
            pthread_mutex_lock(&lock);
            told += untold;
            pthread_cond_broadcast(&drained);
            pthread_mutex_unlock(&lock);
        }
        if (tickDue) {
            again = tick();
            lastTick = NsClockMs();
            pthread_mutex_lock(&lock);
            armed = again;
            pthread_mutex_unlock(&lock);
        }
    }
}

/* ------------------------------------------------------------------------------------------------------- any thread */

static Entry *
NewEntry(const char *text, size_t len)
{
    Entry *entry = ns_malloc(sizeof(*entry) + len);

    entry->next = NULL;
    entry->len = len;
    memcpy(entry->text, text, len);
    return entry;
}

/* The lock is held. */
static void
Wake(void)
{
    if (sleeping) {
        sleeping = false;
        pthread_cond_signal(&work);
    }
}

/* The lock is held; false: it does not fit. */
static bool
Enqueue(Entry *entry, bool important)
{
    size_t room = important ? maxBytes : maxBytes / 4 * 3;

    /* One alone may be longer than the whole queue. */
    if (bytes > 0 && bytes + entry->len > room) {
        lost++;
        lostUntold++;
        return false;
    }
    *last = entry;
    last = &entry->next;
    bytes += entry->len;
    added++;
    Wake();
    return true;
}

/* Before there is a thread: by the caller himself, one at a time. */
static void
AddAtOnce(const char *text, size_t len)
{
    struct iovec vector = {(void *)(uintptr_t)text, len};

    added++;
    done++;
    if (WriteVector(&vector, 1) == len) {
        written++;
    } else {
        failedErrno = errno;
        failedUntold++;
        failed++;
    }
}

void
NsLogQueueAdd(const char *text, size_t len, bool important)
{
    Entry *entry = atomic_load(&started) ? NewEntry(text, len) : NULL;
    bool   kept = false;

    pthread_mutex_lock(&lock);
    if (entry == NULL) {
        AddAtOnce(text, len);
    } else {
        kept = Enqueue(entry, important);
    }
    pthread_mutex_unlock(&lock);
    if (!kept) {
        ns_free(entry);
    }
}

bool
NsLogQueueFlush(int64_t ms)
{
    struct timespec until;
    uint64_t        wanted, wantedTold;
    int             status = 0;
    bool            all;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&lock);
    wanted = added;
    wantedTold = lost;
    while (atomic_load(&started) && (done < wanted || told < wantedTold) && status == 0 && !pthread_equal(writer, pthread_self())) {
        status = pthread_cond_timedwait(&drained, &lock, &until);
    }
    all = done >= wanted && told >= wantedTold;
    pthread_mutex_unlock(&lock);
    return all;
}

void
NsLogQueueStart(void)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&work, &attr);
    pthread_cond_init(&drained, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_lock(&lock);
    atomic_store(&started, true);
    Ns_ThreadCreate(WriterThread, NULL, 0, NULL);
    pthread_mutex_unlock(&lock);
}

void
NsLogQueueSetMax(size_t max)
{
    pthread_mutex_lock(&lock);
    maxBytes = max;
    pthread_mutex_unlock(&lock);
}

void
NsLogQueueGetStats(NsLogQueueStats *stats)
{
    pthread_mutex_lock(&lock);
    *stats = (NsLogQueueStats){
        .entries = (size_t)(added - done), .bytes = bytes, .maxBytes = maxBytes, .written = written, .lost = lost,
        .failed = failed
    };
    pthread_mutex_unlock(&lock);
}

void
NsLogQueueSetTick(NsLogTick *proc)
{
    tick = proc;
}

void
NsLogQueueArm(void)
{
    pthread_mutex_lock(&lock);
    if (!armed && tick != NULL) {
        armed = true;
        Wake();
    }
    pthread_mutex_unlock(&lock);
}

/* ----------------------------------------------------------------------------------------------------------- the file */

/* Any thread: go on with another descriptor, behind what was added until now. */
static void
ChangeFile(int descriptor)
{
    (void)NsLogQueueFlush(OPEN_FLUSH);
    pthread_mutex_lock(&lock);
    if (next != NONE && next != STDERR_FILENO) {
        close(next);
    }
    next = descriptor;
    if (atomic_load(&started)) {
        Wake();
    } else {
        TakeNextFile();
    }
    pthread_mutex_unlock(&lock);
}

Ns_ReturnCode
NsLogOpenFile(const char *path, bool takeStderr)
{
    int descriptor = NsFileOpen(path, O_WRONLY | O_CREAT | O_APPEND, 0644);

    if (descriptor < 0) {
        return NS_ERROR;
    }
    if (takeStderr) {
        (void)dup2(descriptor, STDOUT_FILENO);
        (void)dup2(descriptor, STDERR_FILENO);
    }
    ChangeFile(descriptor);
    return NS_OK;
}

void
NsLogCloseFile(void)
{
    ChangeFile(STDERR_FILENO);
}
