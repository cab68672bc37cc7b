/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Severities: a table that only grows.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include "base/severity.h"

#define MAX_SEVERITIES 256

typedef struct Severity {
    const char *name, *other;                  /* set before it is counted, never changed */
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
        if (strcmp(severities[i].name, name) == 0 || strcmp(severities[i].other, name) == 0) {
            return i;
        }
    }
    return -1;
}

int
NsLogSeverityCreate(const char *name)
{
    int severity;

    pthread_mutex_lock(&severityLock);
    severity = NsLogSeverityFind(name);
    if (severity < 0 && atomic_load(&nseverities) < MAX_SEVERITIES) {
        severity = atomic_load(&nseverities);
        severities[severity].name = severities[severity].other = ns_strdup(name);
        atomic_store(&severities[severity].color, NS_LOG_DEFAULT);
        atomic_store_explicit(&nseverities, severity + 1, memory_order_release);
    }
    pthread_mutex_unlock(&severityLock);
    return severity;
}

const char *
Ns_LogSeverityName(Ns_LogSeverity severity)
{
    return IsSeverity((int)severity) ? severities[severity].name : NULL;
}

bool
Ns_LogSeverityEnabled(Ns_LogSeverity severity)
{
    return !IsSeverity((int)severity) || atomic_load_explicit(&severities[severity].enabled, memory_order_relaxed);
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

void
NsLogSeverityCountOne(int severity)
{
    if (IsSeverity(severity)) {
        atomic_fetch_add_explicit(&severities[severity].count, 1, memory_order_relaxed);
    }
}
