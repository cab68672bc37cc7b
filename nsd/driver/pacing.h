/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sending a queue at a limited rate: what drivers (answers) and channels have in common.
 */
#ifndef NSD_PACING_H
#define NSD_PACING_H

#include "net/ratelimit.h"
#include "driver/outqueue.h"

/*
 * As NsOutSend, with no more than `pacer` (NULL: no limit) allows.  `now` is the loop's time in milliseconds.  *due is 0, or
 * the time of the loop before which the rate allows nothing: then there is no use in waiting for the socket.
 */
NsOutResult NsOutSendPaced(NsOutQueue *queue, Ns_Wire *sock, NsPacer *pacer, int64_t now, size_t budget, char *scratch,
                           size_t scratchLen, size_t *sent, int64_t *due);

/*
 * A rate of the configuration, in bytes per second: a plain number is kilobytes per second, as NaviServer has it, a size with a
 * unit ("2MB") is that much per second.  0: no limit.
 */
int64_t NsConfigRate(const char *section, const char *key);
/* Kilobytes per second, as the Tcl commands have it; a rate that is no whole number of them is rounded up. */
static inline int64_t NsRateKilobytes(int64_t rate) { return (rate + 1023) / 1024; }
#define NS_MAX_RATE ((int64_t)1 << 40)

#endif
