/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What runs on a channel's worker: events, callbacks, draining, timeouts, and the end.
 *
 * Everything ends in Advance(), which looks at the channel's state and tells the loop what to wait for.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "chanint.h"
#include "pacing.h"

#define DRAIN_BUDGET (1024 * 1024)             /* bytes of one channel per turn */
#define CLOSE_WAIT   2000                      /* ms to read away what the peer still sends */

static void Advance(NsChan *chan);
static void AdvanceHeld(NsChan *chan);
static void AdvanceHeld(NsChan *chan);
static void Dispose(NsChan *chan);
static bool ReadCallback(NsChan *chan, bool atEnd);
static void ExpireTimer(NsLoop *loop, NsTimer *timer);
static void RunAgain(NsLoop *loop, NsTask *task);

static NsLoop *
LoopOf(const NsChan *chan)
{
    return NsWorkerLoop(chan->worker);
}

/* ---- sending ---- */

/* Lock held.  Send what waits; an error throws the rest away, since nothing can follow it. */
static void
Drain(NsChan *chan)
{
    int64_t     now = NsLoopNow(LoopOf(chan)), due;
    size_t      sent = 0u;
    NsOutResult result = NsOutSendPaced(&chan->out, &chan->io, chan->pacer, now, DRAIN_BUDGET, NsLoopBuffer(LoopOf(chan)),
                                        NS_LOOP_BUFFER, &sent, &due);

    chan->sent += sent;
    if (sent > 0u) {
        chan->wentOut = true;
        chan->lastProgress = now;
    }
    if (due != chan->paceDue) {
        NsChanPaced(chan, due);
    }
    if (result == NS_OUT_AGAIN) {
        chan->sendBlocked = true;
    } else if (result == NS_OUT_ERROR) {
        chan->sendErrno = errno;
        chan->broken = true;
        NsOutClear(&chan->out);
    }
}

/* Lock held: those whose bytes are out, or all of them; the caller runs them without the lock. */
static ChanDone *
TakeDones(NsChan *chan, bool all)
{
    ChanDone *first = chan->dones, **link = &chan->dones;

    while (*link != NULL && (all || (*link)->end <= chan->sent)) {
        link = &(*link)->next;
    }
    if (link == &chan->dones) {
        return NULL;
    }
    chan->dones = *link;
    *link = NULL;
    if (chan->dones == NULL) {
        chan->lastDone = &chan->dones;
    }
    return first;
}

/* No lock.  `sent` is what the channel had sent when they were taken. */
static void
RunDones(NsChan *chan, ChanDone *dones, uint64_t sent, int error)
{
    while (dones != NULL) {
        ChanDone *next = dones->next;
        bool      complete = dones->end <= sent;

        NsWorkerCallbackBegin(chan->worker, chan->name, "(sendfile -done)");
        dones->proc(chan, dones->arg, complete ? 0 : error,
                    complete ? dones->end - dones->start : sent > dones->start ? sent - dones->start : 0u);
        NsWorkerCallbackEnd(chan->worker);
        ns_free(dones);
        dones = next;
    }
}

/* ---- callbacks ---- */

/* No lock.  Run one callback and do what it says. */
static void
Run(NsChan *chan, ChanCallback *callback, unsigned why)
{
    Ns_ConnChanVerdict verdict;

    NsWorkerCallbackBegin(chan->worker, chan->name, callback->cb.command);
    verdict = callback->cb.proc(chan, callback->cb.arg, why);
    NsWorkerCallbackEnd(chan->worker);
    if (NsChanDebug(chan, -1) > 0) {
        Ns_Log(Notice, "%s: callback for event 0x%02x: %s", chan->name, why,
               verdict == NS_CONNCHAN_CLOSE ? "close" : verdict == NS_CONNCHAN_KEEP ? "keep" : "suspend");
    }

    if (verdict == NS_CONNCHAN_CLOSE) {
        (void)Ns_ConnChanClose(chan);
    } else if (verdict == NS_CONNCHAN_SUSPEND) {
        ChanLock(chan);
        if (chan->callback == callback) {
            chan->suspended = true;
        }
        ChanUnlock(chan);
    }
}

/*
 * Lock held.  The callback in force if it wants any of `why`; else NULL.  It stays until this thread has come out of it: what
 * is replaced is freed by Attend or Dispose, and neither runs within a callback.
 */
static ChanCallback *
Wanting(const NsChan *chan, unsigned why)
{
    ChanCallback *callback = chan->state == CHAN_OPEN && !chan->suspended ? chan->callback : NULL;
    if (callback != NULL && (callback->cb.when & why) == 0u) {
        callback = NULL;
    }
    if (callback != NULL && why == NS_SOCK_WRITE && !NsOutEmpty(&chan->out)) {
        callback = NULL;                       /* `w` means: more would go out at once */
    }
    return callback;
}

static bool
RunIfWanted(NsChan *chan, unsigned why)
{
    ChanCallback *callback;

    ChanLock(chan);
    callback = Wanting(chan, why);
    ChanUnlock(chan);
    if (callback != NULL) {
        Run(chan, callback, why);
    }
    return callback != NULL;
}

/*
 * Lock held.  Servers send session tickets behind their handshake: a callback that is called for them reads the empty string,
 * and takes it for the end.  (Clients send nothing of the kind: for them it is not worth the look.)
 */
static bool
Nothing(NsChan *chan)
{
    return chan->client && chan->io.transport->nothing != NULL && chan->io.transport->nothing(&chan->io);
}

/* Lock held: would a read find something though the socket may show nothing? */
static bool
HasMore(NsChan *chan)
{
    const Ns_Transport *transport = chan->io.transport;

    return chan->restLen > chan->restPos || NsChanFramesReady(chan)
        || (transport->pending != NULL && !chan->eof && !chan->broken && transport->pending(&chan->io) && !Nothing(chan));
}

/*
 * Lock held, as the hook has it.  What is left in our hands is read by the inbox, after the others had their turn; so is, when
 * sending has failed, what had arrived before, down to its end: of that no event tells.
 */
static void
HookReadHeld(NsChan *chan)
{
    if (chan->state != CHAN_OPEN) {
        return;                                /* closed since this was posted: nothing of it is the peer's doing */
    }
    chan->hook->ready(chan);
    if ((chan->io.transport->pending != NULL || chan->restLen > chan->restPos || chan->broken)
        && chan->state == CHAN_OPEN && !chan->deferred && !chan->deaf && (chan->broken || HasMore(chan))) {
        chan->deferred = true;
        chan->again.proc = RunAgain;
        Ns_ConnChanRetain(chan);
        NsLoopPost(LoopOf(chan), &chan->again);
    }
}

static void
HookRead(NsChan *chan)
{
    ChanLock(chan);
    HookReadHeld(chan);
    ChanUnlock(chan);
}

static void
RunAgain(NsLoop *loop, NsTask *task)
{
    NsChan *chan = (NsChan *)((char *)task - offsetof(NsChan, again));

    (void)loop;
    chan->deferred = false;
    if (chan->begun) {
        HookRead(chan);
    } else {
        (void)ReadCallback(chan, false);
    }
    Advance(chan);
    Ns_ConnChanRelease(chan);
}

/*
 * Lock held, but not while the callback runs.  Run the read callback.  When it took something and there is more in our hands,
 * it runs again by the inbox, so that the other channels have their turn: no event of the socket would tell of it.  When it
 * took nothing at the end of the stream, or behind a broken frame, it is not called for it again.  False: nobody wanted to
 * know.
 */
static bool
ReadCallbackHeld(NsChan *chan, bool atEnd)
{
    ChanCallback *callback = Wanting(chan, NS_SOCK_READ);
    uint64_t      before = chan->reads, after;

    if (callback == NULL) {
        return false;
    }
    ChanUnlock(chan);
    Run(chan, callback, NS_SOCK_READ);
    ChanLock(chan);
    after = chan->reads;
    if (chan->state == CHAN_OPEN) {
        if (after == before && (atEnd || chan->frameError) && !chan->fresh) {
            chan->deaf = true;
        } else if (after != before && !chan->deferred && HasMore(chan)) {
            chan->deferred = true;
            chan->again.proc = RunAgain;
            Ns_ConnChanRetain(chan);
            NsLoopPost(LoopOf(chan), &chan->again);
        }
    }
    return true;
}

static bool
ReadCallback(NsChan *chan, bool atEnd)
{
    bool told;

    ChanLock(chan);
    told = ReadCallbackHeld(chan, atEnd);
    ChanUnlock(chan);
    return told;
}

/* ---- events ---- */

/* In CHAN_LINGER: read and throw away, so that closing does not take back what the peer has not read yet. */
static void
Discard(NsChan *chan)
{
    char   *buffer = NsLoopBuffer(LoopOf(chan));
    ssize_t n = recv(chan->io.sock, buffer, NS_LOOP_BUFFER, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        chan->closeDue = 0;
    }
}

/* The urgent byte was told of: take it, or the kernel tells of it until what is behind it is read. */
static void
TakeUrgent(NsChan *chan)
{
    char byte;

    ChanLock(chan);
    if (chan->state == CHAN_OPEN) {
        (void)recv(chan->io.sock, &byte, 1, MSG_OOB | MSG_DONTWAIT);
    }
    ChanUnlock(chan);
}

/* The event of a channel with a hook: the short way.  Nothing touches the channel after Advance. */
static void
HookReady(NsChan *chan, unsigned events, bool atEnd)
{
    ChanLock(chan);
    if (!NsOutEmpty(&chan->out)) {
        chan->sendBlocked = false;
        Drain(chan);
    }
    if (chan->lingering) {
        ChanUnlock(chan);
        Discard(chan);
        ChanLock(chan);
    } else if (chan->state == CHAN_OPEN
               && ((events & NS_EV_READ) != 0u || atEnd
                   || ((events & NS_EV_WRITE) != 0u && chan->io.waitRecv == NS_SOCK_WRITE))) {
        HookReadHeld(chan);
    }
    AdvanceHeld(chan);
}

/* What a socket tells beside that it is readable. */
static void
TellRest(NsChan *chan, unsigned events, bool told)
{
    if ((events & NS_EV_PRI) != 0u) {
        told = RunIfWanted(chan, NS_SOCK_EXCEPTION) || told;
        TakeUrgent(chan);
    }
    if ((events & NS_EV_WRITE) != 0u || (!told && (events & (NS_EV_HANGUP | NS_EV_ERROR)) != 0u)) {
        told = RunIfWanted(chan, NS_SOCK_WRITE) || told;
    }
    if (!told && (events & (NS_EV_HANGUP | NS_EV_ERROR)) != 0u) {
        (void)RunIfWanted(chan, NS_SOCK_EXCEPTION);        /* who asked for nothing else learns of the end so */
    }
}

/* Nothing touches the channel after Advance: until then it is the worker's member, which holds a reference. */
static void
Ready(NsLoop *loop, NsWatch *watch, unsigned events)
{
    NsChan   *chan = (NsChan *)((char *)watch - offsetof(NsChan, watch));
    bool      atEnd = (events & (NS_EV_RDHUP | NS_EV_HANGUP | NS_EV_ERROR)) != 0u, told = false;
    ChanState state;

    NS_CHECK(chan, CHAN_MAGIC);
    chan->lastEvent = NsLoopNow(loop);
    chan->timedOut = false;
    if ((events & (NS_EV_HANGUP | NS_EV_ERROR)) != 0u) {
        chan->hangup = true;
    }
    if (chan->begun) {
        HookReady(chan, events, atEnd);
        return;
    }
    ChanLock(chan);
    if (!NsOutEmpty(&chan->out)) {
        chan->sendBlocked = false;
        Drain(chan);
    }
    state = chan->state;
    /* A read of TLS may have to wait until the socket takes something. */
    if (state == CHAN_OPEN && (atEnd || (((events & NS_EV_READ) != 0u
                                          || ((events & NS_EV_WRITE) != 0u && chan->io.waitRecv == NS_SOCK_WRITE))
                                         && !Nothing(chan)))) {
        told = ReadCallbackHeld(chan, atEnd);
    }
    if (state == CHAN_LINGER || (state == CHAN_OPEN && (events & ~(NS_EV_READ | NS_EV_RDHUP)) != 0u)) {
        ChanUnlock(chan);
        if (state == CHAN_LINGER) {
            Discard(chan);
        } else {
            TellRest(chan, events, told);
        }
        ChanLock(chan);
    }
    AdvanceHeld(chan);
}

/* ---- waiting ---- */

/* Lock held: what the loop should wait for. */
static unsigned
WantedEvents(const NsChan *chan)
{
    unsigned wanted = 0u;

    if (chan->state == CHAN_LINGER) {
        return NS_EV_READ;
    }
    if (!NsOutEmpty(&chan->out) && chan->paceDue == 0) {
        wanted |= chan->io.waitSend == NS_SOCK_READ ? NS_EV_READ : NS_EV_WRITE;
    } else if (chan->state == CHAN_CLOSING && chan->unsaid) {
        wanted |= NS_EV_WRITE;
    }
    if (chan->state == CHAN_OPEN && chan->hook != NULL && chan->begun) {
        if (!chan->eof && !chan->broken && !chan->deaf) {
            wanted |= NS_EV_RDHUP | (chan->io.waitRecv == NS_SOCK_WRITE ? NS_EV_WRITE : NS_EV_READ);
        }
    } else if (chan->state == CHAN_OPEN && chan->callback != NULL && !chan->suspended) {
        unsigned when = chan->callback->cb.when;

        if ((when & NS_SOCK_READ) != 0u && !chan->eof && !chan->broken && !chan->deaf) {
            wanted |= NS_EV_RDHUP | (chan->io.waitRecv == NS_SOCK_WRITE ? NS_EV_WRITE : NS_EV_READ);
        }
        if ((when & NS_SOCK_WRITE) != 0u && NsOutEmpty(&chan->out) && !chan->broken && !chan->hangup) {
            wanted |= NS_EV_WRITE;
        }
        if ((when & NS_SOCK_EXCEPTION) != 0u && !chan->broken && !chan->hangup) {
            wanted |= NS_EV_PRI;
        }
    }
    return wanted;
}

/* Lock held: the next moment at which something is due, or 0. */
static int64_t
NextDue(const NsChan *chan)
{
    int64_t due = 0;

    if (chan->state != CHAN_OPEN) {
        return chan->closeDue;
    }
    if (chan->callback != NULL && !chan->suspended) {
        const Ns_ConnChanCallback *cb = &chan->callback->cb;

        /* The time of one that the worker has not seen yet begins when it does. */
        if (cb->timeout > 0 && !chan->fresh && !chan->timedOut) {
            due = chan->lastEvent + cb->timeout;
        }
        if (cb->sendTimeout > 0 && !NsOutEmpty(&chan->out) && chan->connecting == NULL) {
            int64_t sendDue = chan->lastProgress + cb->sendTimeout;

            due = due == 0 || sendDue < due ? sendDue : due;
        }
    }
    return due;
}

static void
Watch(NsChan *chan, unsigned wanted)
{
    NsLoop       *loop = LoopOf(chan);
    Ns_ReturnCode status = NS_OK;

    if (chan->io.sock == NS_INVALID_SOCKET) {
        return;
    }
    if (wanted == 0u && chan->hangup && chan->watch.added) {
        NsLoopUnwatch(loop, &chan->watch);     /* an end cannot be masked out: it would be told for ever */
    } else if (!chan->watch.added && wanted != 0u) {
        status = NsLoopWatch(loop, &chan->watch, chan->io.sock, wanted, Ready);
    } else if (chan->watch.added && chan->watch.interest != wanted) {
        status = NsLoopSetInterest(loop, &chan->watch, wanted);
    }
    if (status != NS_OK) {
        Ns_Log(Error, "%s: cannot watch its socket %d: %s", chan->name, chan->io.sock, strerror(errno));
        (void)Ns_ConnChanAbort(chan);
    }
}

/* Lock held.  A closing channel that has nothing more to send: say goodbye.  True: it may be disposed of now. */
static bool
SayGoodbye(NsChan *chan)
{
    int unread = 0, unsent = 0;

    if (chan->aborted) {
        struct linger hard = {1, 0};

        (void)setsockopt(chan->io.sock, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        return true;
    }
    if (chan->io.transport->shutdown != NULL && !chan->broken) {
        chan->unsaid = chan->io.transport->shutdown(&chan->io) == NS_CONTINUE;
        if (chan->unsaid) {
            return false;                      /* as with bytes that wait: up to `sendwait` */
        }
    }
    if (chan->broken || chan->eof || ioctl(chan->io.sock, FIONREAD, &unread) != 0
        || (unread == 0 && (ioctl(chan->io.sock, SIOCOUTQ, &unsent) != 0 || unsent == 0))) {
        return true;
    }
    /*
     * Closing with unread bytes, or with bytes of ours under way while the peer still sends, would reset the connection,
     * and what was sent might be lost on its way.
     */
    (void)shutdown(chan->io.sock, SHUT_WR);
    chan->state = CHAN_LINGER;
    chan->lingering = true;
    chan->closeDue = NsLoopNow(LoopOf(chan)) + CLOSE_WAIT;
    chan->lastProgress = NsLoopNow(LoopOf(chan)) + NsChanSendWait(chan);
    return false;
}

/* Lock held: a session that has nothing to send waits for what the loop waits for already, as after nearly every event. */
static bool
Settled(const NsChan *chan)
{
    return chan->begun && chan->state == CHAN_OPEN && NsOutEmpty(&chan->out) && chan->dones == NULL && !chan->wentOut
        && !chan->broken && !chan->eof && !chan->deaf && chan->io.waitRecv == NS_SOCK_READ
        && chan->watch.interest == (NS_EV_READ | NS_EV_RDHUP) && chan->watch.added;
}

/* Lock held, and let go. */
static void
AdvanceHeld(NsChan *chan)
{
    NsLoop   *loop = LoopOf(chan);
    ChanDone *dones;
    uint64_t  sent;
    unsigned  wanted;
    int64_t   due;
    int       error;
    bool      over = false, wentOut;

    if (chan->state == CHAN_DEAD || Settled(chan) || (chan->hook != NULL && !chan->begun)) {
        ChanUnlock(chan);                      /* a hook that is about to begin: its task is on its way, and it gets the end */
        return;
    }
    if (chan->begun && chan->state == CHAN_OPEN && chan->broken && !chan->brokenTold) {
        chan->brokenTold = true;               /* what broke may have been a send: then no event tells of it */
        HookReadHeld(chan);
    }
    if (chan->begun && chan->state != CHAN_OPEN && !chan->overTold) {
        chan->overTold = true;
        ChanUnlock(chan);
        chan->hook->over(chan);
        ChanLock(chan);
    }
    if (!NsOutEmpty(&chan->out) && !chan->sendBlocked && !chan->aborted) {
        Drain(chan);
    }
    error = chan->sendErrno;
    dones = chan->dones != NULL ? TakeDones(chan, error != 0) : NULL;
    sent = chan->sent;
    if (chan->state == CHAN_CLOSING) {
        if (chan->io.sock == NS_INVALID_SOCKET) {
            over = true;                       /* not connected: there is nobody to say goodbye to */
        } else if (chan->aborted || NsOutEmpty(&chan->out)) {
            over = SayGoodbye(chan);
        }
        if (!over && chan->state == CHAN_CLOSING && chan->closeDue == 0) {
            chan->lastProgress = NsLoopNow(loop);
            chan->closeDue = chan->lastProgress + NsChanSendWait(chan);
        }
    } else if (chan->state == CHAN_LINGER && (chan->closeDue == 0 || chan->aborted)) {
        over = true;
    }
    wanted = WantedEvents(chan);
    due = NextDue(chan);
    if (chan->paceDue > 0 && (due == 0 || chan->paceDue < due)) {
        due = chan->paceDue;
    }
    wentOut = chan->wentOut && chan->begun && chan->state == CHAN_OPEN;
    chan->wentOut = false;
    ChanUnlock(chan);

    if (wentOut && chan->hook->sent != NULL) {
        chan->hook->sent(chan);                /* what it sends or closes is posted */
    }
    if (dones != NULL) {
        RunDones(chan, dones, sent, error);    /* what it changes is posted, and looked at then */
    }
    if (over) {
        Dispose(chan);
        return;
    }
    Watch(chan, wanted);
    if (due > 0 && (!NsTimerArmed(&chan->timer) || chan->timer.due > due)) {
        NsLoopTimerSet(loop, &chan->timer, due, ExpireTimer);
    }
}

static void
Advance(NsChan *chan)
{
    ChanLock(chan);
    AdvanceHeld(chan);
}

/* ---- timeouts ---- */

/* Did something arrive that the loop, held up by another callback, has not told yet? */
static bool
EventUnderWay(const NsChan *chan)
{
    struct pollfd pfd = {.fd = chan->io.sock, .events = 0};

    if (!chan->watch.added || chan->watch.interest == 0u) {
        return false;                          /* poll() would tell of an end that was told already */
    }
    if ((chan->watch.interest & NS_EV_READ) != 0u) {
        pfd.events |= POLLIN;
    }
    if ((chan->watch.interest & NS_EV_WRITE) != 0u) {
        pfd.events |= POLLOUT;
    }
    if ((chan->watch.interest & NS_EV_PRI) != 0u) {
        pfd.events |= POLLPRI;
    }
    return poll(&pfd, 1, 0) > 0;
}

static void
ExpireTimer(NsLoop *loop, NsTimer *timer)
{
    NsChan   *chan = (NsChan *)((char *)timer - offsetof(NsChan, timer));
    int64_t   now = NsLoopNow(loop), sendTimeout = 0;
    bool      callTimeout = false, sendStalled = false, closeStalled = false;
    ChanState state;
    size_t    left;

    NS_CHECK(chan, CHAN_MAGIC);
    Ns_ConnChanRetain(chan);
    ChanLock(chan);
    state = chan->state;
    left = chan->out.bytes;
    if (state == CHAN_OPEN && chan->callback != NULL && !chan->suspended) {
        const Ns_ConnChanCallback *cb = &chan->callback->cb;

        sendTimeout = cb->sendTimeout;
        sendStalled = sendTimeout > 0 && left > 0u && chan->connecting == NULL && now >= chan->lastProgress + sendTimeout;
        callTimeout = cb->timeout > 0 && !chan->fresh && !chan->timedOut && now >= chan->lastEvent + cb->timeout;
    } else if (state == CHAN_CLOSING && chan->closeDue > 0 && now >= chan->closeDue) {
        /* Some bytes since then: the time starts anew, the peer is slow but there. */
        closeStalled = now >= chan->lastProgress + NsChanSendWait(chan);
        chan->closeDue = chan->lastProgress + NsChanSendWait(chan);
    } else if (state == CHAN_LINGER && now >= chan->closeDue) {
        int unsent = 0;

        /* What the peer has not yet taken is still on its way: up to `sendwait`. */
        chan->closeDue = 0;
        if (now < chan->lastProgress && ioctl(chan->io.sock, SIOCOUTQ, &unsent) == 0 && unsent > 0) {
            chan->closeDue = chan->lastProgress < now + CLOSE_WAIT ? chan->lastProgress : now + CLOSE_WAIT;
        }
    }
    ChanUnlock(chan);

    if (sendStalled || closeStalled) {
        atomic_fetch_add_explicit(&nsChanCounters.sendTimeouts, 1u, memory_order_relaxed);
        Ns_Log(Notice, "%s: the peer took nothing for %.1fs: closed with %zu bytes unsent", chan->name,
               (double)(sendStalled ? sendTimeout : NsChanSendWait(chan)) / 1000.0, left);
        (void)Ns_ConnChanAbort(chan);
    } else if (callTimeout) {
        if (EventUnderWay(chan)) {
            chan->lastEvent = now;
        } else {
            ChanCallback *callback;

            atomic_fetch_add_explicit(&nsChanCounters.timeouts, 1u, memory_order_relaxed);
            chan->timedOut = true;
            ChanLock(chan);
            callback = Wanting(chan, ~0u);
            ChanUnlock(chan);
            if (callback != NULL) {
                Run(chan, callback, NS_SOCK_TIMEOUT);
            }
        }
    }
    Advance(chan);
    Ns_ConnChanRelease(chan);
}

/* ---- from other threads ---- */

static void
ReleaseRetired(NsChan *chan)
{
    ChanCallback *retired;

    ChanLock(chan);
    retired = chan->retired;
    chan->retired = NULL;
    ChanUnlock(chan);
    while (retired != NULL) {
        ChanCallback *next = retired->next;

        NsChanCallbackFree(retired);
        retired = next;
    }
}

/* The server stops: `x` once, then close with what was accepted delivered; in the end without. */
static void
StopChan(NsWorker *worker, NsMember *member, bool now)
{
    NsChan *chan = (NsChan *)((char *)member - offsetof(NsChan, member));

    (void)worker;
    Ns_ConnChanRetain(chan);
    if (now) {
        Ns_Log(Warning, "shutdown: %s is cut off: the peer did not take what was sent", chan->name);
        (void)Ns_ConnChanAbort(chan);
    } else if (chan->begun && chan->hook->stop != NULL) {
        chan->hook->stop(chan);
    } else {
        if (!chan->exitTold) {
            chan->exitTold = true;
            (void)RunIfWanted(chan, NS_SOCK_EXIT);
        }
        (void)Ns_ConnChanClose(chan);
    }
    Ns_ConnChanRelease(chan);
}

/* ---- connecting ---- */

static void
TellHookOfConnect(NsChan *chan)
{
    chan->connectEnded = false;
    if (chan->hook->connected != NULL) {
        chan->hook->connected(chan, chan->connectError, chan->connectError != NULL ? chan->recvErrno : 0);
    } else if (chan->connectError != NULL) {
        ChanLock(chan);
        chan->hook->ready(chan);
        ChanUnlock(chan);
    }
}

/* The callback finds out by reading, else by writing. */
static void
TellOfFailure(NsChan *chan)
{
    if (!ReadCallback(chan, true) && !RunIfWanted(chan, NS_SOCK_WRITE)) {
        (void)RunIfWanted(chan, NS_SOCK_EXCEPTION);
    }
}

void
NsChanConnectEnded(NsChan *chan)
{
    bool failed, more;

    Ns_ConnChanRetain(chan);
    ChanLock(chan);
    failed = chan->connectError != NULL;
    more = chan->state == CHAN_OPEN && HasMore(chan);          /* the peer's first words came with its handshake */
    ChanUnlock(chan);
    chan->lastEvent = NsLoopNow(LoopOf(chan));
    chan->timedOut = false;
    chan->connectEnded = true;
    if (chan->begun) {
        TellHookOfConnect(chan);
        if (more) {
            HookRead(chan);
        }
    } else if (failed) {
        TellOfFailure(chan);
    } else if (more) {
        (void)ReadCallback(chan, false);
    }
    Advance(chan);
    Ns_ConnChanRelease(chan);
}

/* ---- posted by any thread ---- */

static void
Attend(NsLoop *loop, NsTask *task)
{
    NsChan *chan = (NsChan *)((char *)task - offsetof(NsChan, task));
    bool    alive, fresh, begins, more, failed, connects;

    NS_CHECK(chan, CHAN_MAGIC);
    ChanLock(chan);
    chan->posted = false;
    alive = chan->state != CHAN_DEAD;
    fresh = chan->fresh;
    begins = alive && chan->hook != NULL && !chan->begun;
    chan->fresh = false;
    more = (fresh || begins) && chan->state == CHAN_OPEN && HasMore(chan);
    failed = fresh && chan->state == CHAN_OPEN && chan->connectError != NULL;
    connects = chan->connecting != NULL && chan->state == CHAN_OPEN;
    ChanUnlock(chan);

    ReleaseRetired(chan);
    if (alive) {
        if (!chan->joined) {
            chan->joined = true;
            Ns_ConnChanRetain(chan);                /* the worker's: a channel that is closing has no name, and needs to live on */
            NsWorkerJoin(chan->worker, &chan->member, StopChan);
        }
        if (fresh) {
            chan->lastEvent = NsLoopNow(loop);
            chan->timedOut = false;
            chan->hangup = false;              /* each registration is told of it once */
        }
        if (begins) {
            chan->begun = true;
            chan->lastEvent = NsLoopNow(loop);
            if (chan->hook->begin != NULL) {
                chan->hook->begin(chan);
            }
        }
        if (connects) {
            NsChanConnectBegin(chan);
        }
        if (chan->begun && chan->connectEnded) {
            TellHookOfConnect(chan);
        }
        if (failed && !chan->begun) {
            TellOfFailure(chan);
        } else if (more && chan->begun) {
            HookRead(chan);
        } else if (more) {
            (void)ReadCallback(chan, false);
        }
        Advance(chan);
    }
    Ns_ConnChanRelease(chan);
}

void
NsChanNotify(NsChan *chan)
{
    chan->onLoop = true;
    if (!chan->posted) {
        chan->posted = true;
        chan->task.proc = Attend;
        Ns_ConnChanRetain(chan);
        NsLoopPost(LoopOf(chan), &chan->task);
    }
}

/* ---- the end ---- */

/* The last act.  The caller has a reference. */
static void
Dispose(NsChan *chan)
{
    ChanCallback *callback;
    ChanDone     *dones;
    NsOutQueue    out;
    Ns_Sock       io;
    uint64_t      sent;
    int           error;
    bool          joined = chan->joined;

    NsChanConnectDrop(chan);
    if (joined) {
        NsLoopTimerCancel(LoopOf(chan), &chan->timer);
        if (chan->watch.added) {
            NsLoopUnwatch(LoopOf(chan), &chan->watch);
        }
        chan->joined = false;
        NsWorkerLeave(chan->worker, &chan->member);
    }
    NsWorkerUnplace(chan->worker);
    ChanLock(chan);
    chan->state = CHAN_DEAD;
    callback = chan->callback;
    chan->callback = NULL;
    out = chan->out;
    memset(&chan->out, 0, sizeof(chan->out));
    io = chan->io;
    chan->io.sock = NS_INVALID_SOCKET;
    chan->io.arg = NULL;
    ns_free(chan->rest);
    chan->rest = NULL;
    chan->restPos = chan->restLen = 0u;
    NsChanFramesFree(chan);
    dones = TakeDones(chan, true);
    sent = chan->sent;
    error = chan->sendErrno != 0 ? chan->sendErrno : ECANCELED;
    ChanUnlock(chan);

    RunDones(chan, dones, sent, error);
    NsChanCallbackFree(callback);
    ReleaseRetired(chan);
    NsOutClear(&out);
    if (io.transport->release != NULL) {
        io.transport->release(&io);
    }
    if (io.sock != NS_INVALID_SOCKET) {
        (void)close(io.sock);
    }
    if (joined) {
        Ns_ConnChanRelease(chan);
    }
}
