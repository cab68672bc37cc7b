/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How a message looks in the log.
 */
#ifndef NSD_LOGENTRY_H
#define NSD_LOGENTRY_H

#include "base/logline.h"

typedef struct NsLogSettings {
    bool          sec;                         /* a time stamp */
    bool          usec;                        /* with microseconds */
    bool          usecDiff;                    /* and the time since the line before */
    bool          relative;                    /* seconds since the start instead of the date */
    bool          thread;                      /* [pid.tid] */
    bool          colorize;
    bool          expanded;                    /* the text on lines of its own, set off by an empty one */
    bool          deduplicate;                 /* repetitions of a message are counted */
    NsLogSanitize sanitize;                    /* what becomes of control characters */
    int           prefixColor;                 /* of time stamp and thread; NsLogColor */
    bool          prefixBright;
} NsLogSettings;

/* Main thread, before others start (but the log's own, which waits): they read the settings without a lock. */
void NsLogGetSettings(NsLogSettings *settings);
void NsLogSetSettings(const NsLogSettings *settings);

/* Any thread: add the message with its stamp, the calling thread's name, the severity and the line's end. */
void NsLogEntryAppend(NsLogLine *line, int severity, const Ns_Time *now, const char *text, size_t len);

#endif
