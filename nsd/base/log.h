/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The log: what the core does with it beyond Ns_Log.
 *
 * A message becomes one line (its own line ends continue with ":    ").  Until a file is opened it goes to stderr.  Settings
 * come from conf/logconf.c.
 */
#ifndef NSD_LOG_H
#define NSD_LOG_H

#include "base/logentry.h"
#include "base/logqueue.h"
#include "base/severity.h"

/*
 * Main thread, once, when the process forks no more: a thread of its own writes the log from here on (base/logqueue.h), and
 * what memory, threads and assertions have to say at their end goes to the log.
 */
void NsLogStart(void);
/* Any thread: wait at most `ms` milliseconds until all that was logged, and what was left out of it, is written; false: it is not. */
bool NsLogFlush(int64_t ms);

/*
 * The calling thread's own messages: held back from `NsLogHold` on, until they are flushed or dropped.
 */
void   NsLogHold(void);
size_t NsLogHeldCount(void);
void   NsLogHeldAppend(Tcl_DString *ds);
void   NsLogHeldTruncate(size_t count);        /* keep the first so many */
void   NsLogHeldFlush(void);                   /* write them; goes on holding */
void   NsLogHeldSetMax(size_t bytes);          /* any thread: past so many they are written as by NsLogHeldFlush */
uint64_t NsLogOverheld(void);                  /* any thread: messages that were written for that reason */
void   NsLogRelease(void);                     /* write them, and hold no more */

/*
 * A second receiver of all that is logged, or NULL.  Called by the logging thread, whatever it is: it must be quick, not
 * wait and not log.  `text` is the message as it was given to Ns_Log.
 */
typedef void (NsLogHook)(int severity, const Ns_Time *stamp, const char *text, size_t len);
void NsLogSetHook(NsLogHook *hook);

#endif
