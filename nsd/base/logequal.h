/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A rate limit for equal messages: so many within an interval are logged, the rest is counted.
 *
 * It remembers the last 64 different messages (by severity, and a hash of the text): who floods the log with more than
 * those at the same time is not held back.  Any thread.
 */
#ifndef NSD_LOGEQUAL_H
#define NSD_LOGEQUAL_H

#include "ns.h"

typedef struct NsLogEqualLeft {
    int      severity;
    uint64_t count;                            /* of messages that were left out */
    char     text[200];                        /* the message, cut to this */
} NsLogEqualLeft;

/* At most `max` of a kind in `ms` milliseconds; 0, as it is at the start: any number. */
void     NsLogEqualSetLimit(int max, int64_t ms);
/* Is this message to be logged?  false: it is counted. */
bool     NsLogEqualAllow(int severity, const char *text, size_t len, int64_t nowMs);
/* Take a count whose interval is over (with `all` any count); false: there is none. */
bool     NsLogEqualTake(int64_t nowMs, bool all, NsLogEqualLeft *left);
/* Are there counts to be taken, now or later? */
bool     NsLogEqualPending(void);
uint64_t NsLogEqualTotal(void);                /* messages left out so far */

#endif
