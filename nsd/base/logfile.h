/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Files that lines are appended to by those who must not wait: a thread of its own writes them (Ns_LogFile* of ns.h).
 *
 * Each file has a buffer of at most NS_LOGFILE_MAX bytes; what finds it full is lost and counted, and the server's log says how
 * much.  The thread takes the whole buffer at a time, so that many lines are one write.
 */
#ifndef NSD_LOGFILE_H
#define NSD_LOGFILE_H

#include "ns.h"

#define NS_LOGFILE_MAX   (4u * 1024u * 1024u)
#define NS_LOGFILE_HOLD  10                    /* seconds that lines are kept at most while they are fewer than Ns_LogFileSetBuffer says */

#define NS_LOGFILE_STALL 3000                  /* ms that a pipe nobody reads from keeps the other files waiting, once */

/* Main thread, at the end: wait until all is written, at most until then. */
void NsLogFilesStop(const Ns_Time *until);

typedef struct NsLogFileStats {
    uint64_t lines, written, lost;             /* lines taken, bytes written, lines lost */
    size_t   waiting;                          /* bytes */
} NsLogFileStats;
/* Any thread. */
void NsLogFileGetStats(Ns_LogFile *file, NsLogFileStats *stats);

#endif
