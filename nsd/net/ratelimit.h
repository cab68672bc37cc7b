/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Rate limits: how many bytes a sender may hand over now, and when it may the next time.
 *
 * A sender asks before it sends and is given a quantum, a thirty-second of a second's worth; those who share a rate are given
 * theirs in the order of asking, so that each gets the same.  Nothing here waits or knows a clock: times are microseconds
 * that the caller reads, always of the same clock.
 */
#ifndef NSD_RATELIMIT_H
#define NSD_RATELIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct NsRate {                        /* zeroed memory: no limit */
    int64_t rate;                              /* bytes per second; 0: no limit */
    int64_t next;                              /* when what was given out so far is used up */
} NsRate;

/* Give out `bytes`: the time at which they may be sent.  Up to a quantum of unused time is caught up. */
int64_t NsRateReserve(NsRate *rate, size_t bytes, int64_t now);
/* Bytes to ask for at a time, with so many senders that share the rate. */
size_t  NsRateQuantum(int64_t rate, unsigned senders);

/* A rate that several senders have together.  Any thread. */
struct NsRateShare {
    pthread_mutex_t lock;
    NsRate          rate;                      /* lock */
    unsigned        senders;                   /* lock: those that have something to send */
    uint64_t        waits;                     /* lock: times that one of them had to wait for this rate */
};
typedef struct NsRateShare NsRateShare;
void     NsRateShareInit(NsRateShare *share, int64_t rate);
void     NsRateShareSet(NsRateShare *share, int64_t rate);     /* also while it is in use */
int64_t  NsRateShareGet(NsRateShare *share);
uint64_t NsRateShareWaits(NsRateShare *share);

/* One sender, limited by a rate of its own, a shared one, or both.  One thread at a time. */
typedef struct NsPacer {
    NsRate       own;
    NsRateShare *share;                        /* may be NULL; outlives the pacer */
    bool         joined;                       /* it is among the senders of `share` */
    size_t       grant;                        /* given out, not yet sent */
    int64_t      due;                          /* when the grant may be sent */
    uint64_t     waits;                        /* times that it had to wait */
} NsPacer;

void   NsPacerInit(NsPacer *pacer, int64_t rate, NsRateShare *share);
/* Change its own rate; what was granted stays, but is not waited for any more. */
void   NsPacerSetRate(NsPacer *pacer, int64_t rate);
/* How many of `wanted` (> 0) bytes may be sent now.  0: none before pacer->due. */
size_t NsPacerAllow(NsPacer *pacer, size_t wanted, int64_t now);
void   NsPacerSent(NsPacer *pacer, size_t sent);               /* at most what was allowed */
/* It has nothing to send at the moment, or never will again: the others share without it. */
void   NsPacerIdle(NsPacer *pacer);

#endif
