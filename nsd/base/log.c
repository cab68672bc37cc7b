/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The log: severities, lines, holding back, and where it goes.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/logline.h"

#define MAX_SEVERITIES 256
#define MAX_REPEATED   512                     /* longer messages are not compared */

typedef struct Severity {
    const char *name, *lower;                  /* set before it is counted, never changed */
    atomic_bool enabled, bright;
    atomic_int  color;
    atomic_uint_fast64_t count;
} Severity;

static Severity severities[MAX_SEVERITIES] = {
    [Notice]     = {"Notice", "notice", true, false, NS_LOG_DEFAULT, 0},
    [Warning]    = {"Warning", "warning", true, false, NS_LOG_YELLOW, 0},
    [Error]      = {"Error", "error", true, true, NS_LOG_RED, 0},
    [Fatal]      = {"Fatal", "fatal", true, true, NS_LOG_RED, 0},
    [Bug]        = {"Bug", "bug", true, true, NS_LOG_MAGENTA, 0},
    [Debug]      = {"Debug", "debug", false, false, NS_LOG_BLUE, 0},
    [Deprecated] = {"Deprecated", "deprecated", true, false, NS_LOG_YELLOW, 0},
    [Dev]        = {"Dev", "dev", false, false, NS_LOG_GREEN, 0},
    [Security]   = {"Security", "security", true, true, NS_LOG_RED, 0},
};
static atomic_int      nseverities = Security + 1;
static pthread_mutex_t severityLock = PTHREAD_MUTEX_INITIALIZER;       /* creating one */

const Ns_ObjvTable nsLogColors[] = {
    {"black", NS_LOG_BLACK}, {"red", NS_LOG_RED}, {"green", NS_LOG_GREEN}, {"yellow", NS_LOG_YELLOW},
    {"blue", NS_LOG_BLUE}, {"magenta", NS_LOG_MAGENTA}, {"cyan", NS_LOG_CYAN}, {"gray", NS_LOG_GRAY},
    {"default", NS_LOG_DEFAULT}, {NULL, 0}
};
const Ns_ObjvTable nsLogIntensities[] = {{"normal", 0}, {"bright", 1}, {NULL, 0}};

static NsLogSettings settings = {
    .sec = true, .thread = true, .sanitize = NS_LOG_UTF8, .prefixColor = NS_LOG_GREEN
};
static _Atomic(NsLogHook *) logHook;
static atomic_int_fast64_t  startUsec, lastUsec;

/* Where it goes, and what came last. */
static pthread_mutex_t outputLock = PTHREAD_MUTEX_INITIALIZER;
static int             outputFd = STDERR_FILENO;
static struct {
    int    severity;
    size_t len;
    char   text[MAX_REPEATED];
    size_t times;                              /* that it came again and was not written */
} repeated;

/* Messages that a thread holds back. */
typedef struct Held {
    NsLogLine lines;
    size_t   *ends;                            /* of each message within lines */
    size_t    count, max;
} Held;
static __thread Held *held;
static Ns_Tls         heldTls;
static pthread_once_t heldOnce = PTHREAD_ONCE_INIT;

/*
 * Severities
 */
static bool
IsSeverity(int severity)
{
    return severity >= 0 && severity < atomic_load_explicit(&nseverities, memory_order_acquire);
}

int
NsLogSeverityFind(const char *name)
{
    int n = atomic_load_explicit(&nseverities, memory_order_acquire);

    for (int i = 0; i < n; i++) {
        if (strcmp(severities[i].name, name) == 0 || strcmp(severities[i].lower, name) == 0) {
            return i;
        }
    }
    return -1;
}

int
Ns_CreateLogSeverity(const char *name)
{
    int severity;

    pthread_mutex_lock(&severityLock);
    severity = NsLogSeverityFind(name);
    if (severity < 0 && atomic_load(&nseverities) < MAX_SEVERITIES) {
        char *lower = ns_strdup(name);

        for (char *p = lower; *p != '\0'; p++) {
            *p = (char)tolower((unsigned char)*p);
        }
        severity = atomic_load(&nseverities);
        severities[severity].name = ns_strdup(name);
        severities[severity].lower = lower;
        atomic_store(&severities[severity].color, NS_LOG_DEFAULT);
        atomic_store_explicit(&nseverities, severity + 1, memory_order_release);
    }
    pthread_mutex_unlock(&severityLock);
    if (severity < 0) {
        Ns_Log(Warning, "log: no room for severity '%s': its messages are taken as Debug", name);
        severity = Debug;
    }
    return severity;
}

const char *
Ns_LogSeverityName(int severity)
{
    return IsSeverity(severity) ? severities[severity].name : NULL;
}

bool
Ns_LogSeverityEnabled(int severity)
{
    return !IsSeverity(severity) || atomic_load_explicit(&severities[severity].enabled, memory_order_relaxed);
}

int
NsLogSeverityCount(void)
{
    return atomic_load_explicit(&nseverities, memory_order_acquire);
}

bool
NsLogSeverityEnable(int severity, bool enable)
{
    /* A fatal message is the last that there is: it is never left out. */
    return atomic_exchange(&severities[severity].enabled, enable || severity == Fatal);
}

void
NsLogSeverityGetColor(int severity, int *color, bool *bright)
{
    *color = atomic_load(&severities[severity].color);
    *bright = atomic_load(&severities[severity].bright);
}

void
NsLogSeveritySetColor(int severity, int color, bool bright)
{
    atomic_store(&severities[severity].color, color);
    atomic_store(&severities[severity].bright, bright);
}

uint64_t
NsLogSeverityGetCount(int severity)
{
    return atomic_load(&severities[severity].count);
}

/*
 * Settings and file
 */
void
NsLogGetSettings(NsLogSettings *copy)
{
    *copy = settings;
}

void
NsLogSetSettings(const NsLogSettings *wanted)
{
    settings = *wanted;
}

void
NsLogSetHook(NsLogHook *hook)
{
    atomic_store(&logHook, hook);
}

Ns_ReturnCode
NsLogOpenFile(const char *path, bool takeStderr)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    if (fd < 0) {
        return NS_ERROR;
    }
    pthread_mutex_lock(&outputLock);
    if (outputFd == STDERR_FILENO) {
        outputFd = fd;
    } else {
        dup3(fd, outputFd, O_CLOEXEC);
        close(fd);
    }
    if (takeStderr) {
        dup2(outputFd, STDOUT_FILENO);
        dup2(outputFd, STDERR_FILENO);
    }
    pthread_mutex_unlock(&outputLock);
    return NS_OK;
}

void
NsLogCloseFile(void)
{
    pthread_mutex_lock(&outputLock);
    if (outputFd != STDERR_FILENO) {
        close(outputFd);
        outputFd = STDERR_FILENO;
    }
    pthread_mutex_unlock(&outputLock);
}

/* Under outputLock.  There is nobody to tell when it fails. */
static void
WriteAll(const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(outputFd, data, len);

        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            break;
        }
        data += n;
        len -= (size_t)n;
    }
}

/*
 * Lines
 */
static void
AppendColor(NsLogLine *line, int color, bool bright)
{
    NsLogLinePrintf(line, "\033[%d;3%dm", bright ? 1 : 0, color);
}

/* The date is the same for all lines of a second. */
static void
AppendDate(NsLogLine *line, time_t sec)
{
    static __thread time_t cachedSec = -1;
    static __thread char   cached[32];

    if (sec != cachedSec) {
        struct tm tm;

        localtime_r(&sec, &tm);
        strftime(cached, sizeof(cached), "%d/%b/%Y:%H:%M:%S", &tm);
        cachedSec = sec;
    }
    NsLogLineAppend(line, cached, strlen(cached));
}

static void
AppendStamp(NsLogLine *line, const Ns_Time *now)
{
    int64_t usec = (int64_t)now->sec * 1000000 + now->usec;

    NsLogLineAppend(line, "[", 1);
    if (settings.relative) {
        int64_t start = 0;

        /* The first line is the start. */
        if (atomic_compare_exchange_strong(&startUsec, &start, usec)) {
            start = usec;
        }
        NsLogLinePrintf(line, "%ld.%06ld", (long)((usec - start) / 1000000), labs((long)((usec - start) % 1000000)));
    } else {
        AppendDate(line, now->sec);
        if (settings.usec) {
            NsLogLinePrintf(line, ".%06ld", now->usec);
        }
    }
    if (settings.usecDiff) {
        int64_t last = atomic_exchange(&lastUsec, usec), diff = last == 0 || usec < last ? 0 : usec - last;

        NsLogLinePrintf(line, "-%ld.%06ld", (long)(diff / 1000000), (long)(diff % 1000000));
    }
    NsLogLineAppend(line, "]", 1);
}

static void
AppendEntry(NsLogLine *line, int severity, const Ns_Time *now, const char *text, size_t len)
{
    bool known = IsSeverity(severity);

    if (settings.colorize) {
        AppendColor(line, settings.prefixColor, settings.prefixBright);
    }
    if (settings.sec) {
        AppendStamp(line, now);
    }
    if (settings.thread) {
        NsLogLinePrintf(line, "[%d.%lx]", (int)getpid(), (unsigned long)Ns_ThreadId());
    }
    NsLogLinePrintf(line, "[%s] ", Ns_ThreadGetName());
    if (settings.colorize) {
        NsLogLineAppend(line, "\033[0m", 4);
        if (known) {
            AppendColor(line, atomic_load(&severities[severity].color), atomic_load(&severities[severity].bright));
        }
    }
    if (known) {
        NsLogLinePrintf(line, "%s: ", severities[severity].name);
    } else {
        NsLogLinePrintf(line, "Level%d: ", severity);
    }
    if (settings.expanded) {
        NsLogLineAppend(line, "\n    ", 5);
    }
    NsLogLineAppendText(line, text, len, settings.sanitize);
    if (settings.colorize) {
        NsLogLineAppend(line, "\033[0m", 4);
    }
    NsLogLineAppend(line, "\n\n", settings.expanded ? 2 : 1);
}

/* Under outputLock: tell how often the last message came again. */
static void
WriteRepeated(const Ns_Time *now)
{
    NsLogLine line;
    char      text[64];
    int       len = snprintf(text, sizeof(text), "last message repeated %zu times", repeated.times);

    repeated.times = 0;
    NsLogLineInit(&line);
    AppendEntry(&line, repeated.severity, now, text, (size_t)len);
    WriteAll(line.data, line.len);
    NsLogLineFree(&line);
}

/* Under outputLock: is this the last message again? */
static bool
IsRepeated(int severity, const char *text, size_t len, const Ns_Time *now)
{
    if (severity == repeated.severity && len == repeated.len && len > 0 && memcmp(text, repeated.text, len) == 0) {
        repeated.times++;
        return true;
    }
    if (repeated.times > 0) {
        WriteRepeated(now);
    }
    repeated.severity = severity;
    repeated.len = len <= MAX_REPEATED ? len : 0;
    memcpy(repeated.text, text, repeated.len);
    return false;
}

static void
WriteEntry(int severity, const Ns_Time *now, const char *text, size_t len)
{
    NsLogLine line;

    NsLogLineInit(&line);
    AppendEntry(&line, severity, now, text, len);
    pthread_mutex_lock(&outputLock);
    if (!settings.deduplicate || !IsRepeated(severity, text, len, now)) {
        WriteAll(line.data, line.len);
    }
    pthread_mutex_unlock(&outputLock);
    NsLogLineFree(&line);
}

/*
 * Holding back
 */
static void
HeldFree(void *arg)
{
    Held *ours = arg;

    held = ours;
    NsLogHeldFlush();
    held = NULL;
    NsLogLineFree(&ours->lines);
    ns_free(ours->ends);
    ns_free(ours);
}

static void
HeldInit(void)
{
    Ns_TlsAlloc(&heldTls, HeldFree);
}

static void
HeldAppend(int severity, const Ns_Time *now, const char *text, size_t len)
{
    if (held->count == held->max) {
        held->max = held->max == 0 ? 16 : held->max * 2;
        held->ends = ns_realloc(held->ends, held->max * sizeof(*held->ends));
    }
    AppendEntry(&held->lines, severity, now, text, len);
    held->ends[held->count++] = held->lines.len;
}

void
NsLogHold(void)
{
    if (held == NULL) {
        pthread_once(&heldOnce, HeldInit);
        held = ns_calloc(1, sizeof(*held));
        NsLogLineInit(&held->lines);
        Ns_TlsSet(&heldTls, held);
    }
}

size_t
NsLogHeldCount(void)
{
    return held == NULL ? 0 : held->count;
}

void
NsLogHeldAppend(Tcl_DString *ds)
{
    if (held != NULL) {
        Tcl_DStringAppend(ds, held->lines.data, (int)held->lines.len);
    }
}

void
NsLogHeldTruncate(size_t count)
{
    if (held != NULL && count < held->count) {
        held->count = count;
        held->lines.len = count == 0 ? 0 : held->ends[count - 1];
    }
}

void
NsLogHeldFlush(void)
{
    if (held != NULL && held->count > 0) {
        pthread_mutex_lock(&outputLock);
        WriteAll(held->lines.data, held->lines.len);
        pthread_mutex_unlock(&outputLock);
        NsLogHeldTruncate(0);
    }
}

void
NsLogRelease(void)
{
    if (held != NULL) {
        Ns_TlsSet(&heldTls, NULL);
        HeldFree(held);
    }
}

/*
 * Logging
 */
void
Ns_VALog(int severity, const char *fmt, va_list ap)
{
    int        savedErrno = errno;
    NsLogLine  text;
    Ns_Time    now;
    NsLogHook *hook;

    if (!Ns_LogSeverityEnabled(severity)) {
        return;
    }
    if (IsSeverity(severity)) {
        atomic_fetch_add_explicit(&severities[severity].count, 1, memory_order_relaxed);
    }
    Ns_GetTime(&now);
    NsLogLineInit(&text);
    /* The format may be one with %m. */
    errno = savedErrno;
    NsLogLineVPrintf(&text, fmt, ap);

    if (severity == Fatal) {
        NsLogHeldFlush();
        WriteEntry(severity, &now, text.data, text.len);
    } else if (held != NULL) {
        HeldAppend(severity, &now, text.data, text.len);
    } else {
        WriteEntry(severity, &now, text.data, text.len);
    }
    hook = atomic_load(&logHook);
    if (hook != NULL) {
        hook(severity, &now, text.data, text.len);
    }
    NsLogLineFree(&text);
    errno = savedErrno;
}

void
Ns_Log(int severity, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    Ns_VALog(severity, fmt, ap);
    va_end(ap);
}

void
Ns_Fatal(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    Ns_VALog(Fatal, fmt, ap);
    va_end(ap);
    /* Not exit(3): other threads still run, and what its handlers would free is in use. */
    _exit(1);
}
