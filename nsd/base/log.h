/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The log: what the core does with it beyond Ns_Log.
 *
 * A message becomes one line (its own line ends continue with ":    ") and one write(2).  Until a file is opened it goes
 * to stderr.  Settings come from nsd/logconf.c.
 */
#ifndef NSD_LOG_H
#define NSD_LOG_H

#include "ns.h"

typedef enum { NS_LOG_RAW, NS_LOG_ASCII, NS_LOG_UTF8, NS_LOG_UTF8_TABS } NsLogSanitize;
/* As in ANSI sequences: 30 + color. */
typedef enum {
    NS_LOG_BLACK, NS_LOG_RED, NS_LOG_GREEN, NS_LOG_YELLOW, NS_LOG_BLUE, NS_LOG_MAGENTA, NS_LOG_CYAN, NS_LOG_GRAY,
    NS_LOG_DEFAULT = 9
} NsLogColor;

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

/* The names for colors and intensities, for NsLogColor and `prefixBright`; both end with a NULL key. */
extern const Ns_ObjvTable nsLogColors[], nsLogIntensities[];

/* Main thread, before others start: they read the settings without a lock. */
void NsLogGetSettings(NsLogSettings *settings);
void NsLogSetSettings(const NsLogSettings *settings);

/*
 * Open (again, if it is: then it replaces the old one under the same descriptor) the log file.  With `takeStderr`
 * stdout and stderr go there as well.  NS_ERROR and errno: all stays as it was.
 */
Ns_ReturnCode NsLogOpenFile(const char *path, bool takeStderr);
void          NsLogCloseFile(void);            /* back to stderr */

/* Severities.  Any thread. */
int  NsLogSeverityFind(const char *name);      /* as it was created or in lower case; -1: there is none */
int  NsLogSeverityCount(void);
bool NsLogSeverityEnable(int severity, bool enable);           /* as it was before */
void NsLogSeverityGetColor(int severity, int *color, bool *bright);
void NsLogSeveritySetColor(int severity, int color, bool bright);
uint64_t NsLogSeverityGetCount(int severity);  /* messages logged so far */

/*
 * The calling thread's own messages: held back from `NsLogHold` on, until they are flushed or dropped.
 */
void   NsLogHold(void);
size_t NsLogHeldCount(void);
void   NsLogHeldAppend(Tcl_DString *ds);
void   NsLogHeldTruncate(size_t count);        /* keep the first so many */
void   NsLogHeldFlush(void);                   /* write them; goes on holding */
void   NsLogRelease(void);                     /* write them, and hold no more */

/*
 * A second receiver of all that is logged, or NULL.  Called by the logging thread, whatever it is: it must be quick, not
 * wait and not log.  `text` is the message as it was given to Ns_Log.
 */
typedef void (NsLogHook)(int severity, const Ns_Time *stamp, const char *text, size_t len);
void NsLogSetHook(NsLogHook *hook);

#endif
