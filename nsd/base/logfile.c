/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Files that a thread of its own writes.
 *
 * Locks: the list's (`lock`: all files, and those that have something to be written) comes before a file's.  The descriptor is used by the
 * thread without a lock, while `writing` is set; who changes it waits for that to end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/logfile.h"

struct Ns_LogFile {
    uint32_t    magic;
    Ns_Mutex    lock;
    Ns_Cond     written;                       /* something was */
    int         fd;
    char       *path;
    char       *data;                          /* what waits */
    size_t      len, size;
    unsigned    lines, hold;                   /* lines that wait, and as many as may without being written */
    time_t      since;                         /* the first of them */
    bool        writing;
    bool        closing;                       /* the list's lock */
    uint64_t    lineCount, byteCount, lost, lostUntold;
    bool        failing;                       /* writing fails, and that was said */
    bool        torn;                          /* a part of a line is in it: what comes next is to begin a line of its own */
    bool        due;                           /* the list's lock: it is in the list of those to be written */
    Ns_LogFile *nextDue, *next, **prev;        /* the list's lock */
};
#define LOGFILE_MAGIC NS_MAGIC('L', 'g', 'F', 'l')

static Ns_Mutex    lock;
static Ns_Cond     work;
static Ns_LogFile *all, *firstDue, **lastDue = &firstDue;
static bool        started;
static bool        busy;                       /* the thread writes */
static Ns_Cond     idle;                       /* it has written */
static unsigned    holders;                    /* files with a buffer: somebody has to look at the time */

static void Writer(void *arg);

/* --------------------------------------------------------------------------------------------------------- the thread */

/*
 * All of it, however long a disk takes.  What cannot be written is lost, and what a pipe does not take any more for `stall` ms: the other files
 * wait for the same thread.  The errno, or 0.
 */
static int
WriteAll(int fd, const char *data, size_t len, int stall, size_t *done)
{
    *done = 0;
    while (*done < len) {
        ssize_t n = write(fd, data + *done, len - *done);

        if (n >= 0) {
            *done += (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd poller = {.fd = fd, .events = POLLOUT};

            if (poll(&poller, 1, stall) == 0) {
                return EAGAIN;
            }
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/* As many of those lines as are there whole; the last one is not. */
static unsigned
WholeLines(const char *data, size_t done, unsigned lines)
{
    unsigned whole = 0;

    for (size_t i = 0; i < done && whole + 1u < lines; i++) {
        whole += data[i] == '\n' ? 1u : 0u;
    }
    return whole;
}

/* The errno, or 0. */
static int
WriteLines(Ns_LogFile *file, const char *data, size_t len, size_t *done)
{
    int    stall = file->failing ? 0 : NS_LOGFILE_STALL, error = 0;
    size_t end;

    *done = 0;
    if (file->torn) {
        error = WriteAll(file->fd, "\n", 1, stall, &end);
        file->torn = error != 0;
    }
    if (error == 0) {
        error = WriteAll(file->fd, data, len, stall, done);
        file->torn = error != 0 && *done > 0 && data[*done - 1] != '\n';
    }
    return error;
}

/* Said once, and again when it is over: not by each line. */
static void
Report(Ns_LogFile *file, int error, uint64_t lostUntold)
{
    if (error != 0 && !file->failing) {
        Ns_Log(Error, "logfile: cannot write '%s': %s", file->path, strerror(error));
    } else if (error == 0 && (file->failing || lostUntold > 0)) {
        Ns_Log(Warning, "logfile: '%s' is written again; %llu lines were lost", file->path, (unsigned long long)lostUntold);
    }
    file->failing = error != 0;
}

static void
Free(Ns_LogFile *file)
{
    (void)close(file->fd);
    Ns_MutexDestroy(&file->lock);
    Ns_CondDestroy(&file->written);
    ns_free(file->data);
    ns_free(file->path);
    file->magic = NS_SPOILED;
    ns_free(file);
}

/* What waits goes out. */
static void
WriteOut(Ns_LogFile *file)
{
    char    *data;
    size_t   len, size, done = 0;
    unsigned lines;
    uint64_t untold;
    int      error = 0;

    Ns_MutexLock(&file->lock);
    data = file->data;
    len = file->len;
    size = file->size;
    lines = file->lines;
    untold = len > 0 ? file->lostUntold : 0u;
    file->data = NULL;
    file->len = file->size = 0;
    file->lines = 0;
    file->lostUntold -= untold;
    file->writing = true;
    Ns_MutexUnlock(&file->lock);

    if (len > 0) {
        error = WriteLines(file, data, len, &done);
        Report(file, error, untold);
    }

    Ns_MutexLock(&file->lock);
    file->byteCount += done;
    if (error != 0) {
        lines -= WholeLines(data, done, lines);
        file->lost += lines;
        file->lostUntold += untold + lines;
    }
    if (file->data == NULL && size <= 65536u) {
        file->data = data;                     /* for what comes next */
        file->size = size;
        data = NULL;
    }
    file->writing = false;
    Ns_CondBroadcast(&file->written);
    Ns_MutexUnlock(&file->lock);
    ns_free(data);
}

/* The list's lock is held: the file is to be written. */
static void
MakeDue(Ns_LogFile *file)
{
    if (!file->due) {
        file->due = true;
        file->nextDue = NULL;
        *lastDue = file;
        lastDue = &file->nextDue;
        if (!started) {
            started = true;
            Ns_ThreadCreate(Writer, NULL, 0, NULL);
        }
        Ns_CondSignal(&work);
    }
}

/* The list's lock is held: what was held back for long enough is due. */
static void
LookAtHolders(void)
{
    time_t now = time(NULL);

    for (Ns_LogFile *file = all; file != NULL; file = file->next) {
        bool due;

        Ns_MutexLock(&file->lock);
        due = file->len > 0 && now - file->since >= NS_LOGFILE_HOLD;
        Ns_MutexUnlock(&file->lock);
        if (due) {
            MakeDue(file);
        }
    }
}

static void
Writer(void *arg)
{
    Ns_ThreadSetName("-logfiles-");
    Ns_MutexLock(&lock);
    for (;;) {
        Ns_LogFile *file = firstDue;

        if (file != NULL) {
            firstDue = file->nextDue;
            if (firstDue == NULL) {
                lastDue = &firstDue;
            }
            file->due = false;
            busy = true;
            Ns_MutexUnlock(&lock);
            WriteOut(file);
            Ns_MutexLock(&lock);
            busy = false;
            /* Who closed it meanwhile made it due once more. */
            if (file->closing && !file->due) {
                Free(file);
            }
            Ns_CondBroadcast(&idle);
        } else if (holders > 0) {
            Ns_Time until;

            Ns_GetTime(&until);
            Ns_IncrTime(&until, 1, 0);
            (void)Ns_CondTimedWait(&work, &lock, &until);
            LookAtHolders();
        } else {
            Ns_CondWait(&work, &lock);
        }
    }
}

/* --------------------------------------------------------------------------------------------------------- its users */

/* Of a pipe that nobody reads from it is an error, and no wait. */
static int
Open(const char *path, bool truncate)
{
    return NsFileOpen(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK | (truncate ? O_TRUNC : 0), 0644);
}

Ns_LogFile *
Ns_LogFileOpen(const char *path, bool truncate)
{
    int         fd = Open(path, truncate);
    Ns_LogFile *file;

    if (fd < 0) {
        return NULL;
    }
    file = ns_calloc(1, sizeof *file);
    file->magic = LOGFILE_MAGIC;
    file->fd = fd;
    file->path = ns_strdup(path);
    Ns_MutexInit(&file->lock);
    Ns_MutexSetName2(&file->lock, "logfile", path);
    Ns_CondInit(&file->written);
    Ns_MutexLock(&lock);
    file->next = all;
    file->prev = &all;
    if (all != NULL) {
        all->prev = &file->next;
    }
    all = file;
    Ns_MutexUnlock(&lock);
    return file;
}

/* Room for so many bytes more; false: there is none. */
static bool
Reserve(Ns_LogFile *file, size_t len)
{
    if (len > NS_LOGFILE_MAX - file->len) {
        return false;
    }
    if (file->len + len > file->size) {
        size_t size = file->size > 0 ? file->size : 4096u;

        while (size < file->len + len) {
            size *= 2;
        }
        file->data = ns_realloc(file->data, size);
        file->size = size;
    }
    return true;
}

bool
Ns_LogFileWrite(Ns_LogFile *file, const char *line, size_t len)
{
    bool   taken, due = false;
    size_t before;

    NS_CHECK(file, LOGFILE_MAGIC);
    Ns_MutexLock(&file->lock);
    file->lineCount++;
    before = file->len;
    taken = Reserve(file, len);
    if (taken) {
        if (file->len == 0) {
            file->since = time(NULL);
        }
        memcpy(file->data + file->len, line, len);
        file->len += len;
        file->lines++;
        /* Who finds more there knows that it is due already.  Long before there is no room for more, however many lines may wait. */
        due = file->lines == file->hold + 1u || (before < NS_LOGFILE_MAX / 4u && file->len >= NS_LOGFILE_MAX / 4u);
    } else {
        file->lost++;
        file->lostUntold++;
    }
    Ns_MutexUnlock(&file->lock);
    if (due) {
        Ns_MutexLock(&lock);
        MakeDue(file);
        Ns_MutexUnlock(&lock);
    }
    return taken;
}

void
Ns_LogFileSetBuffer(Ns_LogFile *file, unsigned lines)
{
    NS_CHECK(file, LOGFILE_MAGIC);
    Ns_MutexLock(&lock);
    Ns_MutexLock(&file->lock);
    holders += lines > 0 ? 1u : 0u;
    holders -= file->hold > 0 ? 1u : 0u;
    file->hold = lines;
    Ns_MutexUnlock(&file->lock);
    MakeDue(file);                             /* also, that it looks at the time from now on */
    Ns_MutexUnlock(&lock);
}

bool
Ns_LogFileFlush(Ns_LogFile *file, int64_t ms)
{
    Ns_Time       until;
    Ns_ReturnCode status = NS_OK;

    NS_CHECK(file, LOGFILE_MAGIC);
    Ns_GetTime(&until);
    Ns_IncrTime(&until, (time_t)(ms / 1000), (long)(ms % 1000) * 1000);
    Ns_MutexLock(&lock);
    MakeDue(file);
    Ns_MutexUnlock(&lock);
    Ns_MutexLock(&file->lock);
    while (status == NS_OK && (file->len > 0 || file->writing)) {
        status = Ns_CondTimedWait(&file->written, &file->lock, &until);
    }
    status = file->len > 0 || file->writing ? NS_TIMEOUT : NS_OK;
    Ns_MutexUnlock(&file->lock);
    return status == NS_OK;
}

bool
Ns_LogFileReopen(Ns_LogFile *file, const char *path)
{
    int     fd = Open(path, false), old;
    char   *oldPath;
    Ns_Time until;

    NS_CHECK(file, LOGFILE_MAGIC);
    if (fd < 0) {
        return false;
    }
    /* What came before belongs to the old one; if that does not take it, the new one gets it. */
    (void)Ns_LogFileFlush(file, 1000);
    Ns_GetTime(&until);
    Ns_IncrTime(&until, 1, 0);
    Ns_MutexLock(&file->lock);
    while (file->writing) {
        if (Ns_CondTimedWait(&file->written, &file->lock, &until) != NS_OK) {
            Ns_MutexUnlock(&file->lock);       /* the disk hangs: it stays with the old one */
            (void)close(fd);
            errno = ETIMEDOUT;
            return false;
        }
    }
    old = file->fd;
    oldPath = file->path;
    file->fd = fd;
    file->path = ns_strdup(path);
    file->torn = false;
    Ns_MutexUnlock(&file->lock);
    (void)close(old);
    ns_free(oldPath);
    return true;
}

void
Ns_LogFileClose(Ns_LogFile *file)
{
    NS_CHECK(file, LOGFILE_MAGIC);
    Ns_MutexLock(&lock);
    if (file->next != NULL) {
        file->next->prev = file->prev;
    }
    *file->prev = file->next;
    Ns_MutexLock(&file->lock);
    holders -= file->hold > 0 ? 1u : 0u;
    Ns_MutexUnlock(&file->lock);
    file->closing = true;
    MakeDue(file);
    Ns_MutexUnlock(&lock);
}

void
NsLogFileGetStats(Ns_LogFile *file, NsLogFileStats *stats)
{
    NS_CHECK(file, LOGFILE_MAGIC);
    Ns_MutexLock(&file->lock);
    *stats = (NsLogFileStats){.lines = file->lineCount, .written = file->byteCount, .lost = file->lost, .waiting = file->len};
    Ns_MutexUnlock(&file->lock);
}

void
NsLogFilesStop(const Ns_Time *until)
{
    Ns_ReturnCode status = NS_OK;
    Ns_Time       date;

    Ns_GetTime(&date);
    Ns_IncrTime(&date, (time_t)(NsMsUntil(until) / 1000), (long)(NsMsUntil(until) % 1000) * 1000);
    Ns_MutexLock(&lock);
    for (Ns_LogFile *file = all; file != NULL; file = file->next) {
        MakeDue(file);
    }
    while (status == NS_OK && (firstDue != NULL || busy)) {
        status = Ns_CondTimedWait(&idle, &lock, &date);
    }
    Ns_MutexUnlock(&lock);
    if (status != NS_OK) {
        Ns_Log(Warning, "logfile: not all that was logged could be written in time");
    }
}
