/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The log: what becomes of a message on its way to the queue.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/die.h"
#include "base/log.h"
#include "base/logequal.h"
#include "base/logfilter.h"
#include "base/logqueue.h"

#define MAX_REPEATED 512                       /* longer messages are not compared */
#define LAST_WORDS   2000                      /* ms that the end of the process waits for the log */

static _Atomic(NsLogHook *) logHook;
static _Atomic(Ns_LogFlushProc *) flushProc;   /* a module's, in the place of the queue */
static _Atomic(Ns_LogProc *) formatProc;       /* a module's, in the place of printf */

/* What came last (logdeduplicate). */
static pthread_mutex_t repeatedLock = PTHREAD_MUTEX_INITIALIZER;
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
static atomic_size_t        maxHeld = 1024 * 1024;             /* bytes of a thread */
static atomic_uint_fast64_t overheld;                          /* messages written because there were more */
static Ns_Tls         heldTls;
static pthread_once_t heldOnce = PTHREAD_ONCE_INIT;

void
NsLogSetHook(NsLogHook *hook)
{
    atomic_store(&logHook, hook);
}

void
Ns_SetLogFlushProc(Ns_LogFlushProc *procPtr)
{
    atomic_store(&flushProc, procPtr);
}

void
Ns_SetNsLogProc(Ns_LogProc *procPtr)
{
    atomic_store(&formatProc, procPtr);
}

Ns_LogSeverity
Ns_CreateLogSeverity(const char *name)
{
    int severity = NsLogSeverityCreate(name);

    if (severity < 0) {
        Ns_Log(Warning, "log: no room for severity '%s': its messages are taken as Debug", name);
        severity = Debug;
    }
    return (Ns_LogSeverity)severity;
}

/*
 * Entries
 */
static bool
IsImportant(int severity)
{
    return severity == Error || severity == Fatal || severity == Bug || severity == Security;
}

/* A finished entry: to the log file, or to the module that wants them; what its proc logs itself is for the file. */
static void
PutOut(const char *line, size_t len, bool important)
{
    static __thread bool within;
    Ns_LogFlushProc     *proc = within ? NULL : atomic_load(&flushProc);

    if (proc != NULL) {
        within = true;
        proc(line, len);
        within = false;
    } else {
        NsLogQueueAdd(line, len, important);
    }
}

static void
AddEntry(int severity, const Ns_Time *now, const char *text, size_t len)
{
    NsLogLine line;

    NsLogLineInit(&line);
    NsLogEntryAppend(&line, severity, now, text, len);
    PutOut(line.data, line.len, IsImportant(severity));
    NsLogLineFree(&line);
}

/* Under repeatedLock: is this the last message again? */
static bool
IsRepeated(int severity, const char *text, size_t len, const Ns_Time *now)
{
    if (severity == repeated.severity && len == repeated.len && len > 0 && memcmp(text, repeated.text, len) == 0) {
        repeated.times++;
        return true;
    }
    if (repeated.times > 0) {
        char count[64];
        int  countLen = snprintf(count, sizeof(count), "last message repeated %zu times", repeated.times);

        repeated.times = 0;
        AddEntry(repeated.severity, now, count, (size_t)countLen);
    }
    repeated.severity = severity;
    repeated.len = len <= MAX_REPEATED ? len : 0;
    memcpy(repeated.text, text, repeated.len);
    return false;
}

/* Say what the limit for equal messages has left out: of the intervals that are over, or of `all`. */
static void
TellLeftOut(bool all)
{
    NsLogEqualLeft left;
    Ns_Time        now;
    char           text[sizeof(left.text) + 80];

    Ns_GetTime(&now);
    while (NsLogEqualTake(NsClockMs(), all, &left)) {
        int len = snprintf(text, sizeof(text), "log: %" PRIu64 " more of these were left out: %s", left.count, left.text);

        AddEntry(left.severity, &now, text, (size_t)len);
    }
}

static bool
Tick(void)
{
    TellLeftOut(false);
    return NsLogEqualPending();
}

static void
WriteEntry(int severity, const Ns_Time *now, const char *text, size_t len)
{
    NsLogSettings settings;

    if (severity != Fatal && !NsLogEqualAllow(severity, text, len, NsClockMs())) {
        NsLogQueueArm();
        return;
    }
    NsLogGetSettings(&settings);
    if (!settings.deduplicate) {
        AddEntry(severity, now, text, len);
        return;
    }
    pthread_mutex_lock(&repeatedLock);
    if (!IsRepeated(severity, text, len, now)) {
        AddEntry(severity, now, text, len);
    }
    pthread_mutex_unlock(&repeatedLock);
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
    NsLogEntryAppend(&held->lines, severity, now, text, len);
    held->ends[held->count++] = held->lines.len;
    /* Nothing is lost by a thread that holds and never lets go: it is only not held any more. */
    if (held->lines.len > atomic_load_explicit(&maxHeld, memory_order_relaxed)) {
        atomic_fetch_add(&overheld, held->count);
        NsLogHeldFlush();
    }
}

void
NsLogHeldSetMax(size_t bytes)
{
    atomic_store(&maxHeld, bytes);
}

uint64_t
NsLogOverheld(void)
{
    return atomic_load(&overheld);
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
    size_t begin = 0;

    if (held != NULL) {
        for (size_t i = 0; i < held->count; i++) {
            PutOut(held->lines.data + begin, held->ends[i] - begin, true);
            begin = held->ends[i];
        }
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
/* By printf, or as a module does it; what its proc logs itself is by printf. */
static void
Format(NsLogLine *text, Ns_LogSeverity severity, const char *fmt, va_list ap)
{
    static __thread bool within;
    Ns_LogProc          *proc = within ? NULL : atomic_load(&formatProc);
    Tcl_DString          ds;

    if (proc == NULL) {
        NsLogLineVPrintf(text, fmt, ap);
        return;
    }
    Tcl_DStringInit(&ds);
    within = true;
    proc(&ds, severity, fmt, ap);
    within = false;
    NsLogLineAppend(text, Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
}

void
Ns_VALog(Ns_LogSeverity severity, const char *fmt, va_list ap)
{
    int        savedErrno = errno;
    NsLogLine  text;
    Ns_Time    now;
    NsLogHook *hook;

    if (!Ns_LogSeverityEnabled(severity)) {
        return;
    }
    NsLogSeverityCountOne(severity);
    Ns_GetTime(&now);
    NsLogLineInit(&text);
    /* The format may be one with %m. */
    errno = savedErrno;
    Format(&text, severity, fmt, ap);

    if (severity == Fatal) {
        NsLogHeldFlush();
        WriteEntry(severity, &now, text.data, text.len);
    } else if (!NsLogFilterPass(severity, &now, text.data, text.len)) {
        /* A filter has seen to it. */
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
Ns_Log(Ns_LogSeverity severity, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    Ns_VALog(severity, fmt, ap);
    va_end(ap);
}

bool
NsLogFlush(int64_t ms)
{
    TellLeftOut(true);
    return NsLogQueueFlush(ms);
}

void
Ns_Fatal(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    Ns_VALog(Fatal, fmt, ap);
    va_end(ap);
    (void)NsLogFlush(LAST_WORDS);
    /* Not exit(3): other threads still run, and what its handlers would free is in use. */
    _exit(1);
}

static void
LastWords(const char *text)
{
    Ns_Log(Fatal, "%s", text);
    (void)NsLogFlush(LAST_WORDS);
}

void
NsLogStart(void)
{
    NsDieLend(LastWords);
    Tcl_SetPanicProc(NsDieOfTcl);
    NsLogQueueSetTick(Tick);
    NsLogQueueStart();
}
