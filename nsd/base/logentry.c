/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How a message looks in the log.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/logentry.h"
#include "base/severity.h"

static NsLogSettings settings = {
    .sec = true, .thread = true, .sanitize = NS_LOG_UTF8, .prefixColor = NS_LOG_GREEN
};
static atomic_int_fast64_t startUsec, lastUsec;

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

void
NsLogEntryAppend(NsLogLine *line, int severity, const Ns_Time *now, const char *text, size_t len)
{
    const char *name = Ns_LogSeverityName(severity);
    int         color;
    bool        bright;

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
        if (name != NULL) {
            NsLogSeverityGetColor(severity, &color, &bright);
            AppendColor(line, color, bright);
        }
    }
    if (name != NULL) {
        NsLogLinePrintf(line, "%s: ", name);
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
