/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sending a queue at a limited rate: what drivers (answers) and channels have in common.
 */
#ifndef NSD_PACING_H
#define NSD_PACING_H

#include "net/ratelimit.h"
#include "outqueue.h"

/*
 * As NsOutSend, with no more than `pacer` (NULL: no limit) allows.  `now` is the loop's time in milliseconds.  *due is 0, or
 * the time of the loop before which the rate allows nothing: then there is no use in waiting for the socket.
 */
NsOutResult NsOutSendPaced(NsOutQueue *queue, Ns_Sock *sock, NsPacer *pacer, int64_t now, size_t budget, char *scratch,
                           size_t scratchLen, size_t *sent, int64_t *due);

#endif
