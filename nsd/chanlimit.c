/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Limits of a channel: how much may wait in memory and what happens past that, and how fast it sends.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "chanint.h"

void
NsChanReadSettings(const char *section, Ns_ConnChanSettings *settings)
{
    const char *policy = Ns_ConfigString(section, "sendpolicy", "error");

    settings->maxSendBuffer = (size_t)Ns_ConfigMemUnitRange(section, "maxsendbuffer", "256MB", 1024, LLONG_MAX);
    settings->rate = Ns_ConfigMemUnitRange(section, "ratelimit", "0", 0, NS_CONNCHAN_MAX_RATE);
    settings->policy = NS_CONNCHAN_LIMIT_ERROR;
    if (strcmp(policy, "close") == 0) {
        settings->policy = NS_CONNCHAN_LIMIT_CLOSE;
    } else if (strcmp(policy, "error") != 0) {
        Ns_Log(Error, "[%s] sendpolicy: expected error or close, got '%s': error it is", section, policy);
    }
}

/* Lock held.  Rate 0 keeps the pacer, which allows everything: somebody may be sending by it. */
static void
SetRate(NsChan *chan, int64_t rate)
{
    if (chan->pacer != NULL) {
        NsPacerSetRate(chan->pacer, rate);
    } else if (rate > 0) {
        chan->pacer = ns_malloc(sizeof(NsPacer));
        NsPacerInit(chan->pacer, rate, NULL);
    }
    chan->paceDue = 0;
}

void
NsChanSetSettings(NsChan *chan, const Ns_ConnChanSettings *settings)
{
    chan->maxSendBuffer = settings->maxSendBuffer;
    chan->closeAtLimit = settings->policy == NS_CONNCHAN_LIMIT_CLOSE;
    SetRate(chan, settings->rate);
}

bool
Ns_ConnChanConfigure(NsChan *chan, unsigned which, Ns_ConnChanSettings *settings)
{
    bool open;

    NS_CHECK(chan, CHAN_MAGIC);
    ChanLock(chan);
    open = chan->state == CHAN_OPEN;
    if (open && (which & NS_CONNCHAN_SET_MAXSENDBUFFER) != 0u) {
        chan->maxSendBuffer = settings->maxSendBuffer;
    }
    if (open && (which & NS_CONNCHAN_SET_POLICY) != 0u) {
        chan->closeAtLimit = settings->policy == NS_CONNCHAN_LIMIT_CLOSE;
    }
    if (open && (which & NS_CONNCHAN_SET_RATE) != 0u) {
        SetRate(chan, settings->rate < 0 ? 0 : settings->rate < NS_CONNCHAN_MAX_RATE ? settings->rate : NS_CONNCHAN_MAX_RATE);
        if (!NsOutEmpty(&chan->out)) {
            NsChanNotify(chan);                /* what waits may go out sooner */
        }
    }
    settings->maxSendBuffer = chan->maxSendBuffer;
    settings->policy = chan->closeAtLimit ? NS_CONNCHAN_LIMIT_CLOSE : NS_CONNCHAN_LIMIT_ERROR;
    settings->rate = chan->pacer != NULL ? chan->pacer->own.rate : 0;
    ChanUnlock(chan);
    return open;
}

void
NsChanPaced(NsChan *chan, int64_t due)
{
    if (due > chan->paceDue) {
        atomic_fetch_add_explicit(&nsChanCounters.rateWaits, 1u, memory_order_relaxed);
    }
    chan->paceDue = due;
    if (due > chan->lastProgress) {
        chan->lastProgress = due;              /* the peer is not to blame for the time until then */
    }
}

bool
NsChanPastLimit(NsChan *chan, size_t len)
{
    if (len == 0u || (len <= chan->maxSendBuffer && chan->out.memory <= chan->maxSendBuffer - len)) {
        return false;
    }
    atomic_fetch_add_explicit(&nsChanCounters.bufferLimits, 1u, memory_order_relaxed);
    errno = ENOBUFS;
    return true;
}

void
NsChanOverflow(NsChan *chan)
{
    int code = errno;

    if (Ns_ConnChanAbort(chan)) {
        atomic_fetch_add_explicit(&nsChanCounters.bufferCloses, 1u, memory_order_relaxed);
        Ns_Log(Notice, "%s: more than maxsendbuffer (%zu bytes) would wait for the peer: closed", chan->name,
               chan->maxSendBuffer);
    }
    errno = code;
}
