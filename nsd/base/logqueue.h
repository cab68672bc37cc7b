/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where finished lines go: to a queue, from which a thread of its own writes them to the file, so that nobody who logs
 * waits for a disk, a pipe or a journal.  Until the thread is started lines are written at once.
 *
 * The queue is bounded in bytes.  What finds it full is lost and counted, and so is what could not be written (a full
 * disk); the log says how many, where they are missing, as soon as something can be written again.
 */
#ifndef NSD_LOGQUEUE_H
#define NSD_LOGQUEUE_H

#include "ns.h"

typedef struct NsLogQueueStats {
    size_t   entries, bytes, maxBytes;         /* that wait, and the limit */
    uint64_t written, lost, failed;            /* entries so far */
} NsLogQueueStats;

/* Any thread: an entry, one line or several with their ends.  The last quarter of the room is kept for `important` ones. */
void NsLogQueueAdd(const char *line, size_t len, bool important);
/* Any thread: wait until all that was added is written, and all that was lost told, at most `ms` milliseconds; false: it is not. */
bool NsLogQueueFlush(int64_t ms);
/* Once, by a process that does not fork any more: start the thread.  It blocks the signals that its maker blocks. */
void NsLogQueueStart(void);
void NsLogQueueSetMax(size_t bytes);
void NsLogQueueGetStats(NsLogQueueStats *stats);

/*
 * Any thread: open (again, if it is) the log file, and write what is logged from here on there.  With `takeStderr` stdout and
 * stderr go there as well.  NS_ERROR and errno: all stays as it was.
 */
Ns_ReturnCode NsLogOpenFile(const char *path, bool takeStderr);
void          NsLogCloseFile(void);            /* back to stderr */

/* Called by the log's thread about once a second, from NsLogQueueArm on until it returns false.  It may add entries. */
typedef bool (NsLogTick)(void);
void NsLogQueueSetTick(NsLogTick *tick);       /* before the start */
void NsLogQueueArm(void);

#endif
