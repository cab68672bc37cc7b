/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Rate limits as reservations: a rate is the time up to which all that was given out keeps the line busy.  A reservation
 * moves it on by what its bytes take, and is due where it began.  There is no bucket to be filled, and a late timer loses
 * nothing: what is due is due, however late its sender wakes up.
 */
#include "net/ratelimit.h"

#define SECOND  1000000                        /* microseconds */
#define PARTS   32                             /* quanta per second */
#define CATCHUP (SECOND / PARTS)               /* of a line that was idle: without it, each late wake-up would cost its time */
#define SMALLEST 1024                          /* bytes of a quantum, if that is not more than a second's worth */

/* What sending them takes.  128 bits would do as well; a rate is below 2^43 and a quantum below 2^40 here. */
static int64_t
Duration(int64_t rate, size_t bytes)
{
    return (int64_t)((double)bytes * SECOND / (double)rate + 0.5);
}

int64_t
NsRateReserve(NsRate *rate, size_t bytes, int64_t now)
{
    int64_t begin;

    if (rate->rate <= 0) {
        return now;
    }
    begin = rate->next < now - CATCHUP ? now - CATCHUP : rate->next;
    rate->next = begin + Duration(rate->rate, bytes);
    return begin;
}

size_t
NsRateQuantum(int64_t rate, unsigned senders)
{
    int64_t least = rate < SMALLEST ? rate : SMALLEST;
    int64_t quantum = rate / PARTS / (senders > 0u ? senders : 1u);

    quantum = quantum > least ? quantum : least;
    return quantum > 0 ? (size_t)quantum : 1u;
}

void
NsRateShareInit(NsRateShare *share, int64_t rate)
{
    pthread_mutex_init(&share->lock, NULL);
    share->rate = (NsRate){.rate = rate};
    share->senders = 0u;
    share->waits = 0u;
}

void
NsRateShareSet(NsRateShare *share, int64_t rate)
{
    pthread_mutex_lock(&share->lock);
    /* What was given out at the old rate is not waited for at the new one: it may be much longer. */
    share->rate = (NsRate){.rate = rate};
    pthread_mutex_unlock(&share->lock);
}

int64_t
NsRateShareGet(NsRateShare *share)
{
    int64_t rate;

    pthread_mutex_lock(&share->lock);
    rate = share->rate.rate;
    pthread_mutex_unlock(&share->lock);
    return rate;
}

uint64_t
NsRateShareWaits(NsRateShare *share)
{
    uint64_t waits;

    pthread_mutex_lock(&share->lock);
    waits = share->waits;
    pthread_mutex_unlock(&share->lock);
    return waits;
}

void
NsPacerInit(NsPacer *pacer, int64_t rate, NsRateShare *share)
{
    *pacer = (NsPacer){.own.rate = rate, .share = share};
}

void
NsPacerSetRate(NsPacer *pacer, int64_t rate)
{
    pacer->own = (NsRate){.rate = rate};
    pacer->due = 0;
}

/* Ask both rates for the same bytes; the later time counts. */
static void
Reserve(NsPacer *pacer, size_t wanted, int64_t now)
{
    NsRateShare *share = pacer->share;
    size_t       quantum;

    if (pacer->own.rate > 0) {
        quantum = NsRateQuantum(pacer->own.rate, 1u);
        wanted = wanted < quantum ? wanted : quantum;
    }
    pacer->due = now;
    if (share != NULL) {
        pthread_mutex_lock(&share->lock);
        if (!pacer->joined) {
            pacer->joined = true;
            share->senders++;
        }
        if (share->rate.rate > 0) {
            quantum = NsRateQuantum(share->rate.rate, share->senders);
            wanted = wanted < quantum ? wanted : quantum;
            pacer->due = NsRateReserve(&share->rate, wanted, now);
            share->waits += pacer->due > now;
        }
        pthread_mutex_unlock(&share->lock);
    }
    if (pacer->own.rate > 0) {
        int64_t due = NsRateReserve(&pacer->own, wanted, now);

        pacer->due = due > pacer->due ? due : pacer->due;
    }
    pacer->grant = wanted;
    pacer->waits += pacer->due > now;
}

size_t
NsPacerAllow(NsPacer *pacer, size_t wanted, int64_t now)
{
    if (pacer->grant == 0u) {
        Reserve(pacer, wanted, now);
    }
    if (pacer->due > now) {
        return 0u;
    }
    return pacer->grant < wanted ? pacer->grant : wanted;
}

void
NsPacerSent(NsPacer *pacer, size_t sent)
{
    pacer->grant -= sent < pacer->grant ? sent : pacer->grant;
}

void
NsPacerIdle(NsPacer *pacer)
{
    if (pacer->joined) {
        pthread_mutex_lock(&pacer->share->lock);
        pacer->share->senders--;
        pthread_mutex_unlock(&pacer->share->lock);
        pacer->joined = false;
    }
}
