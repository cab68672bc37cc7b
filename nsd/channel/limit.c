/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Limits of a channel: how much may wait in memory and what happens past that, and how fast it sends.
 */
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include "conf/config.h"
#include "channel/int.h"

#define SLOW_UNKNOWN UINT64_MAX

void
NsChanReadSettings(const char *section, Ns_ConnChanSettings *settings)
{
    const char *policy = Ns_ConfigString(section, "sendpolicy", "error");
    Ns_Time     wait;

    Ns_ConfigTimeUnitRange(section, "sendwait", "0", 0, 0, INT_MAX / 1000, 0, &wait);
    settings->sendWait = Ns_TimeToMilliseconds(&wait);
    settings->sendMinRate = NsConfigMemSize(section, "sendminrate", "500", 0, 1 << 30);
    settings->maxSendBuffer = (size_t)NsConfigMemSize(section, "maxsendbuffer", "256MB", 1024, LLONG_MAX);
    settings->rate = NsConfigMemSize(section, "ratelimit", "0", 0, NS_CONNCHAN_MAX_RATE);
    settings->policy = NS_CONNCHAN_LIMIT_ERROR;
    settings->receiveTimeout = 0;
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
    if (chan->locked.pacer != NULL) {
        NsPacerSetRate(chan->locked.pacer, rate);
    } else if (rate > 0) {
        chan->locked.pacer = ns_malloc(sizeof(NsPacer));
        NsPacerInit(chan->locked.pacer, rate, NULL);
    }
    chan->locked.paceDue = 0;
}

void
NsChanSetSettings(NsChan *chan, const Ns_ConnChanSettings *settings)
{
    chan->locked.maxSendBuffer = settings->maxSendBuffer;
    chan->locked.closeAtLimit = settings->policy == NS_CONNCHAN_LIMIT_CLOSE;
    chan->locked.sendMinRate = settings->sendMinRate;
    chan->locked.sendWait = settings->sendWait;
    SetRate(chan, settings->rate);
}

bool
Ns_ConnChanConfigure(NsChan *chan, unsigned which, Ns_ConnChanSettings *settings)
{
    bool open;

    NS_CHECK(chan, CHAN_MAGIC);
    ChanLock(chan);
    open = ChanIs(chan, CHAN_OPEN);
    if (open && (which & NS_CONNCHAN_SET_MAXSENDBUFFER) != 0u) {
        chan->locked.maxSendBuffer = settings->maxSendBuffer;
    }
    if (open && (which & NS_CONNCHAN_SET_POLICY) != 0u) {
        chan->locked.closeAtLimit = settings->policy == NS_CONNCHAN_LIMIT_CLOSE;
    }
    if (open && (which & NS_CONNCHAN_SET_RATE) != 0u) {
        SetRate(chan, settings->rate < 0 ? 0 : settings->rate < NS_CONNCHAN_MAX_RATE ? settings->rate : NS_CONNCHAN_MAX_RATE);
        if (!NsOutEmpty(&chan->locked.out)) {
            NsChanNotify(chan);                /* what waits may go out sooner */
        }
    }
    if (open && (which & NS_CONNCHAN_SET_RECEIVETIMEOUT) != 0u) {
        chan->locked.receiveTimeout = settings->receiveTimeout;
    }
    if (open && (which & NS_CONNCHAN_SET_SENDMINRATE) != 0u) {
        chan->locked.sendMinRate = settings->sendMinRate;
    }
    if (open && (which & NS_CONNCHAN_SET_SENDWAIT) != 0u) {
        chan->locked.sendWait = settings->sendWait;
    }
    if (open && (which & (NS_CONNCHAN_SET_SENDMINRATE | NS_CONNCHAN_SET_SENDWAIT)) != 0u && !NsOutEmpty(&chan->locked.out)) {
        NsChanNotify(chan);
    }
    settings->sendMinRate = chan->locked.sendMinRate;
    settings->sendWait = NsChanSendWait(chan);
    settings->maxSendBuffer = chan->locked.maxSendBuffer;
    settings->receiveTimeout = chan->locked.receiveTimeout;
    settings->policy = chan->locked.closeAtLimit ? NS_CONNCHAN_LIMIT_CLOSE : NS_CONNCHAN_LIMIT_ERROR;
    settings->rate = chan->locked.pacer != NULL ? chan->locked.pacer->own.rate : 0;
    ChanUnlock(chan);
    return open;
}

void
NsChanPaced(NsChan *chan, int64_t due)
{
    if (due > chan->locked.paceDue) {
        atomic_fetch_add_explicit(&nsChanCounters.rateWaits, 1u, memory_order_relaxed);
    }
    chan->locked.paceDue = due;
    if (due > chan->locked.lastProgress) {
        chan->locked.lastProgress = due;       /* the peer is not to blame for the time until then */
    }
    if (due > 0) {
        chan->loop.slowSince = 0;
    }
}

/* ---- peers that take too little ---- */

void
NsChanMeasure(NsChan *chan, int64_t now)
{
    if (chan->loop.slowSince == 0) {
        chan->loop.slowSince = now;
        chan->loop.slowTaken = SLOW_UNKNOWN;   /* most peers take all of it before it is worth a look */
    }
}

int64_t
NsChanSlowDue(const NsChan *chan)
{
    int64_t due = 0;

    if (chan->loop.slowSince > 0 && chan->locked.sendMinRate > 0 && chan->locked.connecting == NULL && chan->locked.paceDue == 0) {
        due = chan->loop.slowSince + NsChanSendWait(chan);
    }
    return due;
}

/* What the kernel was given and the peer has not taken does not count: its buffers are filled in large pieces. */
static uint64_t
Taken(const NsChan *chan)
{
    int kept = 0;

    (void)ioctl(chan->locked.io.sock, SIOCOUTQ, &kept);
    return (uint64_t)kept < chan->locked.sent ? chan->locked.sent - (uint64_t)kept : 0u;
}

bool
NsChanTooSlow(NsChan *chan, int64_t now)
{
    ChanLoop *loop = &chan->loop;
    int64_t   due = NsChanSlowDue(chan), least;
    uint64_t  taken;
    bool      slow = false;

    if (due > 0 && now >= due && chan->locked.io.sock != NS_INVALID_SOCKET) {
        taken = Taken(chan);
        least = chan->locked.sendMinRate * (now - loop->slowSince) / 1000;
        slow = loop->slowTaken != SLOW_UNKNOWN && taken < loop->slowTaken + (uint64_t)least;
        loop->slowSince = now;
        loop->slowTaken = taken;
    }
    return slow;
}

bool
NsChanPastLimit(NsChan *chan, size_t len)
{
    if (len == 0u || (len <= chan->locked.maxSendBuffer && chan->locked.out.memory <= chan->locked.maxSendBuffer - len)) {
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
               chan->locked.maxSendBuffer);
    }
    errno = code;
}
