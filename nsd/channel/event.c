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
#include "channel/int.h"
#include "driver/pacing.h"

#define DRAIN_BUDGET (1024 * 1024)             /* bytes of one channel per turn */
#define CLOSE_WAIT   2000                      /* ms to read away what the peer still sends */

static void Advance(NsChan *chan);
static void AdvanceHeld(NsChan *chan);
static void Dispose(NsChan *chan);
static bool ReadCallback(NsChan *chan, bool atEnd);
static void ExpireTimer(NsLoop *loop, NsTimer *timer);
static void RunAgain(NsLoop *loop, NsTask *task);
static void TellAgain(NsChan *chan);

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
    ChanLocked *locked = &chan->locked;
    int64_t     now = NsLoopNow(LoopOf(chan)), due;
    size_t      sent = 0u;
    NsOutResult result = NsOutSendPaced(&locked->out, &locked->io, locked->pacer, now, DRAIN_BUDGET,
                                        NsLoopBuffer(LoopOf(chan)), NS_LOOP_BUFFER, &sent, &due);

    locked->sent += sent;
    if (sent > 0u) {
        locked->wentOut = true;
        locked->lastProgress = now;
        if (locked->callback != NULL) {
            locked->callback->idleWrite = false;
        }
    }
    if (due != locked->paceDue) {
        NsChanPaced(chan, due);
    }
    if (NsOutEmpty(&locked->out)) {
        chan->loop.slowSince = 0;
    }
    if (result == NS_OUT_AGAIN) {
        locked->sendBlocked = true;
    } else if (result == NS_OUT_ERROR) {
        locked->sendErrno = errno;
        locked->broken = true;
        NsOutClear(&locked->out);
    }
}

/* Lock held: those whose bytes are out, or all of them; the caller runs them without the lock. */
static ChanDone *
TakeDones(NsChan *chan, bool all)
{
    ChanDone *first = chan->locked.dones, **link = &chan->locked.dones;

    while (*link != NULL && (all || (*link)->end <= chan->locked.sent)) {
        link = &(*link)->next;
    }
    if (link == &chan->locked.dones) {
        return NULL;
    }
    chan->locked.dones = *link;
    *link = NULL;
    if (chan->locked.dones == NULL) {
        chan->locked.lastDone = &chan->locked.dones;
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
        if (chan->locked.callback == callback) {
            chan->locked.suspended = true;
        }
        ChanUnlock(chan);
    }
}

/* Lock held: by the peer, or since connecting failed. */
static bool
Ended(const NsChan *chan)
{
    return chan->loop.hangup || chan->locked.broken;
}

/*
 * Lock held.  The callback in force if it wants any of `why`; else NULL.  It stays until this thread has come out of it: what
 * is replaced is freed by Attend or Dispose, and neither runs within a callback.
 */
static ChanCallback *
Wanting(const NsChan *chan, unsigned why)
{
    ChanCallback *callback = ChanIs(chan, CHAN_OPEN) && !chan->locked.suspended ? chan->locked.callback : NULL;
    if (callback != NULL && (callback->cb.when & why) == 0u) {
        callback = NULL;
    }
    if (callback != NULL && why == NS_SOCK_WRITE && (!NsOutEmpty(&chan->locked.out) || (callback->idleWrite && !Ended(chan)))) {
        callback = NULL;                       /* `w` means: more would go out at once */
    }
    if (callback != NULL && chan->locked.spin != NULL && why <= NS_SOCK_EXCEPTION && NsChanSpinDue(chan) > NsLoopNow(LoopOf(chan))) {
        callback = NULL;
    }
    return callback;
}

static bool
RunIfWanted(NsChan *chan, unsigned why)
{
    ChanCallback *callback;

    ChanLock(chan);
    callback = Wanting(chan, why);
    if (callback != NULL) {
        ChanMark before = NsChanMark(chan);

        ChanUnlock(chan);
        Run(chan, callback, why);
        ChanLock(chan);
        if (why <= NS_SOCK_EXCEPTION) {
            NsChanNoteCall(chan, callback, why, &before);
        }
    }
    ChanUnlock(chan);
    return callback != NULL;
}

/*
 * Lock held.  Servers send session tickets behind their handshake: a callback that is called for them reads the empty string,
 * and takes it for the end.  (Clients send nothing of the kind: for them it is not worth the look.)
 */
static bool
Nothing(NsChan *chan)
{
    Ns_Wire *io = &chan->locked.io;

    return chan->client && io->transport->nothing != NULL && io->transport->nothing(io);
}

/* Lock held: would a read find something though the socket may show nothing? */
static bool
HasMore(NsChan *chan)
{
    const ChanLocked   *locked = &chan->locked;
    const Ns_Transport *transport = locked->io.transport;

    return locked->restLen > locked->restPos || NsChanFramesReady(chan)
        || (transport->pending != NULL && !locked->eof && !locked->broken && transport->pending(&locked->io)
            && !Nothing(chan));
}

void
NsChanYield(NsChan *chan)
{
    if (!chan->loop.deferred) {
        chan->loop.deferred = true;
        chan->loop.again.proc = RunAgain;
        Ns_ConnChanRetain(chan);
        NsLoopYield(LoopOf(chan), &chan->loop.again);
    }
}

/*
 * Lock held, as the hook has it.  What is left in our hands is read by the loop, after the others had their turn; so is, when
 * sending has failed, what had arrived before, down to its end: of that no event tells.
 */
static void
HookReadHeld(NsChan *chan)
{
    const ChanLocked *locked = &chan->locked;

    if (!ChanIs(chan, CHAN_OPEN)) {
        return;                                /* closed since this was posted: nothing of it is the peer's doing */
    }
    chan->hook->ready(chan);
    if ((locked->io.transport->pending != NULL || locked->restLen > locked->restPos || locked->broken)
        && ChanIs(chan, CHAN_OPEN) && !chan->loop.deferred && !locked->deaf && (locked->broken || HasMore(chan))) {
        NsChanYield(chan);
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
    NsChan *chan = (NsChan *)((char *)task - offsetof(NsChan, loop.again));

    (void)loop;
    chan->loop.deferred = false;
    if (chan->loop.begun) {
        HookRead(chan);
    } else {
        (void)ReadCallback(chan, false);
    }
    Advance(chan);
    Ns_ConnChanRelease(chan);
}

/*
 * Lock held, but not while the callback runs.  Run the read callback.  When it took something and there is more in our hands,
 * it runs again by the loop, when the other channels have had their turn: no event of the socket would tell of it.  When it
 * took nothing at the end of the stream, or behind a broken frame, it is not called for it again.  False: nobody wanted to
 * know.
 */
static bool
ReadCallbackHeld(NsChan *chan, bool atEnd)
{
    ChanCallback *callback = Wanting(chan, NS_SOCK_READ);
    ChanMark      mark = NsChanMark(chan);
    uint64_t      before = mark.reads, after;

    if (callback == NULL) {
        return false;
    }
    ChanUnlock(chan);
    Run(chan, callback, NS_SOCK_READ);
    ChanLock(chan);
    after = chan->locked.reads;
    if (after == before || chan->locked.spin != NULL) {
        NsChanNoteCall(chan, callback, NS_SOCK_READ, &mark);
    }
    if (ChanIs(chan, CHAN_OPEN)) {
        if (after == before && (atEnd || chan->locked.frameError) && !chan->locked.fresh) {
            chan->locked.deaf = true;
        } else if (after != before && !chan->loop.deferred && HasMore(chan)) {
            NsChanYield(chan);
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
    ssize_t n = recv(chan->locked.io.sock, buffer, NS_LOOP_BUFFER, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        chan->locked.closeDue = 0;
    }
}

/* The urgent byte was told of: take it, or the kernel tells of it until what is behind it is read. */
static void
TakeUrgent(NsChan *chan)
{
    char byte;

    ChanLock(chan);
    if (ChanIs(chan, CHAN_OPEN)) {
        (void)recv(chan->locked.io.sock, &byte, 1, MSG_OOB | MSG_DONTWAIT);
    }
    ChanUnlock(chan);
}

/* The event of a channel with a hook: the short way; one that has yielded reads when its turn comes.  Nothing touches the channel after Advance. */
static void
HookReady(NsChan *chan, unsigned events, bool atEnd)
{
    ChanLock(chan);
    if (!NsOutEmpty(&chan->locked.out)) {
        chan->locked.sendBlocked = false;
        Drain(chan);
    }
    if (ChanIs(chan, CHAN_OPEN) && !chan->loop.deferred) {
        if ((events & NS_EV_READ) != 0u || atEnd
            || ((events & NS_EV_WRITE) != 0u && chan->locked.io.waitRecv == NS_SOCK_WRITE)) {
            HookReadHeld(chan);
        }
    } else if (ChanIs(chan, CHAN_LINGER)) {
        ChanUnlock(chan);
        Discard(chan);
        ChanLock(chan);
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
    NsChan   *chan = (NsChan *)((char *)watch - offsetof(NsChan, loop.watch));
    bool      atEnd = (events & (NS_EV_RDHUP | NS_EV_HANGUP | NS_EV_ERROR)) != 0u, told = false;
    ChanState state;

    NS_CHECK(chan, CHAN_MAGIC);
    chan->loop.lastEvent = NsLoopNow(loop);
    chan->loop.timedOut = false;
    if ((events & (NS_EV_HANGUP | NS_EV_ERROR)) != 0u) {
        chan->loop.hangup = true;
    }
    if (chan->loop.begun) {
        HookReady(chan, events, atEnd);
        return;
    }
    ChanLock(chan);
    if (!NsOutEmpty(&chan->locked.out)) {
        chan->locked.sendBlocked = false;
        Drain(chan);
    }
    state = chan->state;
    /* A read of TLS may have to wait until the socket takes something. */
    if (state == CHAN_OPEN && (atEnd || (((events & NS_EV_READ) != 0u
                                          || ((events & NS_EV_WRITE) != 0u && chan->locked.io.waitRecv == NS_SOCK_WRITE))
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
    const ChanLocked *locked = &chan->locked;
    unsigned          wanted = 0u;

    if (ChanIs(chan, CHAN_LINGER)) {
        return NS_EV_READ;
    }
    if (!NsOutEmpty(&locked->out) && locked->paceDue == 0) {
        wanted |= locked->io.waitSend == NS_SOCK_READ ? NS_EV_READ : NS_EV_WRITE;
    } else if (ChanIs(chan, CHAN_CLOSING) && locked->unsaid) {
        wanted |= NS_EV_WRITE;
    }
    if (ChanIs(chan, CHAN_OPEN) && chan->hook != NULL && chan->loop.begun) {
        if (!locked->eof && !locked->broken && !locked->deaf) {
            wanted |= NS_EV_RDHUP | (locked->io.waitRecv == NS_SOCK_WRITE ? NS_EV_WRITE : NS_EV_READ);
        }
    } else if (ChanIs(chan, CHAN_OPEN) && locked->callback != NULL && !locked->suspended && NsChanSpinDue(chan) == 0) {
        unsigned when = locked->callback->cb.when;

        if ((when & NS_SOCK_READ) != 0u && !locked->eof && !locked->broken && !locked->deaf) {
            wanted |= NS_EV_RDHUP | (locked->io.waitRecv == NS_SOCK_WRITE ? NS_EV_WRITE : NS_EV_READ);
        }
        if ((when & NS_SOCK_WRITE) != 0u && !locked->callback->idleWrite && NsOutEmpty(&locked->out) && !locked->broken
            && !chan->loop.hangup) {
            wanted |= NS_EV_WRITE;
        }
        if ((when & NS_SOCK_EXCEPTION) != 0u && !locked->broken && !chan->loop.hangup) {
            wanted |= NS_EV_PRI;
        }
    }
    return wanted;
}

/* Lock held: the next moment at which something is due, or 0. */
static int64_t
NextDue(const NsChan *chan)
{
    const ChanLocked *locked = &chan->locked;
    int64_t           due = 0;

    if (!NsOutEmpty(&locked->out)) {
        due = NsChanSlowDue(chan);
    }
    if (!ChanIs(chan, CHAN_OPEN)) {
        return locked->closeDue > 0 && (due == 0 || locked->closeDue < due) ? locked->closeDue : due;
    }
    if (locked->callback != NULL && !locked->suspended) {
        const Ns_ConnChanCallback *cb = &locked->callback->cb;

        /* The time of one that the worker has not seen yet begins when it does. */
        if (cb->timeout > 0 && !locked->fresh && !chan->loop.timedOut) {
            int64_t callDue = chan->loop.lastEvent + cb->timeout;

            due = due == 0 || callDue < due ? callDue : due;
        }
        if (cb->sendTimeout > 0 && !NsOutEmpty(&locked->out) && locked->connecting == NULL) {
            int64_t sendDue = locked->lastProgress + cb->sendTimeout;

            due = due == 0 || sendDue < due ? sendDue : due;
        }
        if (NsChanSpinDue(chan) > 0 && (due == 0 || NsChanSpinDue(chan) < due)) {
            due = NsChanSpinDue(chan);
        }
    }
    return due;
}

static void
Watch(NsChan *chan, unsigned wanted)
{
    NsLoop       *loop = LoopOf(chan);
    Ns_ReturnCode status = NS_OK;

    if (chan->locked.io.sock == NS_INVALID_SOCKET) {
        return;
    }
    if (wanted == 0u && chan->loop.watch.added && (chan->loop.hangup || NsChanSpinDue(chan) > 0)) {
        NsLoopUnwatch(loop, &chan->loop.watch);    /* an end cannot be masked out: it would be told for ever */
    } else if (!chan->loop.watch.added && wanted != 0u) {
        status = NsLoopWatch(loop, &chan->loop.watch, chan->locked.io.sock, wanted, Ready);
    } else if (chan->loop.watch.added && chan->loop.watch.interest != wanted) {
        status = NsLoopSetInterest(loop, &chan->loop.watch, wanted);
    }
    if (status != NS_OK) {
        Ns_Log(Error, "%s: cannot watch its socket %d: %s", chan->name, chan->locked.io.sock, strerror(errno));
        (void)Ns_ConnChanAbort(chan);
    }
}

/* Lock held.  A closing channel that has nothing more to send: say goodbye.  True: it may be disposed of now. */
static bool
SayGoodbye(NsChan *chan)
{
    ChanLocked *locked = &chan->locked;
    int         unread = 0, unsent = 0;

    if (locked->aborted) {
        struct linger hard = {1, 0};

        (void)setsockopt(locked->io.sock, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        return true;
    }
    if (locked->io.transport->shutdown != NULL && !locked->broken) {
        locked->unsaid = locked->io.transport->shutdown(&locked->io) == NS_CONTINUE;
        if (locked->unsaid) {
            return false;                      /* as with bytes that wait: up to `sendwait` */
        }
    }
    if (locked->broken || locked->eof || ioctl(locked->io.sock, FIONREAD, &unread) != 0
        || (unread == 0 && (ioctl(locked->io.sock, SIOCOUTQ, &unsent) != 0 || unsent == 0))) {
        return true;
    }
    /*
     * Closing with unread bytes, or with bytes of ours under way while the peer still sends, would reset the connection,
     * and what was sent might be lost on its way.
     */
    (void)shutdown(locked->io.sock, SHUT_WR);
    NsChanEnter(chan, CHAN_LINGER);
    locked->closeDue = NsLoopNow(LoopOf(chan)) + CLOSE_WAIT;
    locked->lastProgress = NsLoopNow(LoopOf(chan)) + NsChanSendWait(chan);
    return false;
}

/* Lock held: a session that has nothing to send waits for what the loop waits for already, as after nearly every event. */
static bool
Settled(const NsChan *chan)
{
    const ChanLocked *locked = &chan->locked;

    return chan->loop.begun && ChanIs(chan, CHAN_OPEN) && NsOutEmpty(&locked->out) && locked->dones == NULL
        && !locked->wentOut && !locked->broken && !locked->eof && !locked->deaf && locked->io.waitRecv == NS_SOCK_READ
        && chan->loop.watch.interest == (NS_EV_READ | NS_EV_RDHUP) && chan->loop.watch.added;
}

/* Lock held: take a channel that is being closed a step further.  true: nothing of it is left to wait for. */
static bool
OverHeld(NsChan *chan)
{
    ChanLocked *locked = &chan->locked;
    bool        over = false;

    if (ChanIs(chan, CHAN_CLOSING)) {
        if (locked->io.sock == NS_INVALID_SOCKET) {
            over = true;                       /* not connected: there is nobody to say goodbye to */
        } else if (locked->aborted || NsOutEmpty(&locked->out)) {
            over = SayGoodbye(chan);
        }
        if (!over && ChanIs(chan, CHAN_CLOSING) && locked->closeDue == 0) {
            locked->lastProgress = NsLoopNow(LoopOf(chan));
            locked->closeDue = locked->lastProgress + NsChanSendWait(chan);
        }
    } else if (ChanIs(chan, CHAN_LINGER) && (locked->closeDue == 0 || locked->aborted)) {
        over = true;
    }
    return over;
}

/* Lock held, and let go. */
static void
AdvanceHeld(NsChan *chan)
{
    ChanLocked *locked = &chan->locked;
    NsLoop     *loop = LoopOf(chan);
    ChanDone   *dones;
    uint64_t    sent;
    unsigned    wanted;
    int64_t     due;
    int         error;
    bool        over, wentOut;

    if (Settled(chan) || ChanIs(chan, CHAN_DEAD) || (!chan->loop.begun && chan->hook != NULL)) {
        ChanUnlock(chan);                      /* a hook that is about to begin: its task is on its way, and it gets the end */
        return;
    }
    if (chan->loop.begun && ChanIs(chan, CHAN_OPEN) && locked->broken && !chan->loop.brokenTold) {
        chan->loop.brokenTold = true;          /* what broke may have been a send: then no event tells of it */
        HookReadHeld(chan);
    }
    if (chan->loop.begun && !ChanIs(chan, CHAN_OPEN) && !chan->loop.overTold) {
        chan->loop.overTold = true;
        ChanUnlock(chan);
        chan->hook->over(chan);
        ChanLock(chan);
    }
    if (!NsOutEmpty(&locked->out)) {
        if (!locked->sendBlocked && !locked->aborted) {
            Drain(chan);
        }
        if (!NsOutEmpty(&locked->out) && locked->paceDue == 0) {
            NsChanMeasure(chan, NsLoopNow(loop));
        }
    }
    error = locked->sendErrno;
    dones = locked->dones != NULL ? TakeDones(chan, error != 0) : NULL;
    sent = locked->sent;
    over = OverHeld(chan);
    wanted = WantedEvents(chan);
    due = NextDue(chan);
    if (locked->paceDue > 0 && (due == 0 || locked->paceDue < due)) {
        due = locked->paceDue;
    }
    wentOut = locked->wentOut && chan->loop.begun && ChanIs(chan, CHAN_OPEN);
    locked->wentOut = false;
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
    if (due > 0 && (!NsTimerArmed(&chan->loop.timer) || chan->loop.timer.due > due)) {
        NsLoopTimerSet(loop, &chan->loop.timer, due, ExpireTimer);
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
    struct pollfd pfd = {.fd = chan->locked.io.sock, .events = 0};

    if (!chan->loop.watch.added || chan->loop.watch.interest == 0u) {
        return false;                          /* poll() would tell of an end that was told already */
    }
    if ((chan->loop.watch.interest & NS_EV_READ) != 0u) {
        pfd.events |= POLLIN;
    }
    if ((chan->loop.watch.interest & NS_EV_WRITE) != 0u) {
        pfd.events |= POLLOUT;
    }
    if ((chan->loop.watch.interest & NS_EV_PRI) != 0u) {
        pfd.events |= POLLPRI;
    }
    return poll(&pfd, 1, 0) > 0;
}

/* No lock.  It takes something now and then, or nothing: for so little nothing is kept. */
static void
EndSlow(NsChan *chan, int64_t minRate, size_t left)
{
    char peer[INET6_ADDRSTRLEN] = "";

    atomic_fetch_add_explicit(&nsChanCounters.tooSlow, 1u, memory_order_relaxed);
    if (NsWorkersStopping()) {
        NsWorkersNoteCutOff(chan->name);
    } else {
        Ns_Log(Notice, "%s: %s takes less than sendminrate (%lld bytes per second): closed with %zu bytes unsent", chan->name,
               ns_inet_ntop(&chan->peer.sa, peer, sizeof(peer)), (long long)minRate, left);
    }
    if (chan->loop.begun && ChanIs(chan, CHAN_OPEN) && chan->hook->slow != NULL) {
        chan->hook->slow(chan);
    }
    (void)Ns_ConnChanAbort(chan);
}

/* What is due when a channel's timer has run down. */
typedef struct {
    bool    tooSlow;                           /* the peer takes less than sendminrate */
    bool    stalled;                           /* the peer takes nothing */
    bool    callTimeout;                       /* the callback waits no longer */
    bool    resumes;                           /* a callback that had spun may be called again */
    int64_t sendTimeout;                       /* how long it took nothing, in milliseconds */
    int64_t minRate;
    size_t  left;                              /* bytes unsent */
} Expired;

/* Lock held. */
static void
ExpireOpenHeld(const NsChan *chan, int64_t now, Expired *expired)
{
    const ChanLocked          *locked = &chan->locked;
    const Ns_ConnChanCallback *cb;

    if (locked->callback == NULL || locked->suspended) {
        return;
    }
    cb = &locked->callback->cb;
    expired->sendTimeout = cb->sendTimeout;
    expired->stalled = cb->sendTimeout > 0 && expired->left > 0u && locked->connecting == NULL
        && now >= locked->lastProgress + cb->sendTimeout;
    expired->callTimeout = cb->timeout > 0 && !locked->fresh && !chan->loop.timedOut
        && now >= chan->loop.lastEvent + cb->timeout;
}

/* Lock held. */
static void
ExpireLingerHeld(ChanLocked *locked, int64_t now)
{
    int unsent = 0;

    /* What the peer has not yet taken is still on its way: up to `sendwait`. */
    locked->closeDue = 0;
    if (now < locked->lastProgress && ioctl(locked->io.sock, SIOCOUTQ, &unsent) == 0 && unsent > 0) {
        locked->closeDue = locked->lastProgress < now + CLOSE_WAIT ? locked->lastProgress : now + CLOSE_WAIT;
    }
}

/* Lock held: what is due, and when closing and lingering look again. */
static Expired
ExpireHeld(NsChan *chan, int64_t now)
{
    ChanLocked *locked = &chan->locked;
    Expired     expired = {.left = locked->out.bytes, .minRate = locked->sendMinRate};

    expired.resumes = NsChanSpinOver(chan, now) && ChanIs(chan, CHAN_OPEN);
    if (ChanIs(chan, CHAN_OPEN)) {
        ExpireOpenHeld(chan, now, &expired);
    } else if (ChanIs(chan, CHAN_CLOSING) && locked->closeDue > 0 && now >= locked->closeDue) {
        /* Some bytes since then: the time starts anew, the peer is slow but there. */
        expired.sendTimeout = NsChanSendWait(chan);
        expired.stalled = now >= locked->lastProgress + expired.sendTimeout;
        locked->closeDue = locked->lastProgress + expired.sendTimeout;
    } else if (ChanIs(chan, CHAN_LINGER) && now >= locked->closeDue) {
        ExpireLingerHeld(locked, now);
    }
    expired.tooSlow = !NsOutEmpty(&locked->out) && NsChanTooSlow(chan, now);
    return expired;
}

/* No lock. */
static void
EndStalled(NsChan *chan, const Expired *expired)
{
    atomic_fetch_add_explicit(&nsChanCounters.sendTimeouts, 1u, memory_order_relaxed);
    if (NsWorkersStopping()) {
        NsWorkersNoteCutOff(chan->name);
    } else {
        Ns_Log(Notice, "%s: the peer took nothing for %.1fs: closed with %zu bytes unsent", chan->name,
               (double)expired->sendTimeout / 1000.0, expired->left);
    }
    (void)Ns_ConnChanAbort(chan);
}

/* No lock: nothing has come within the callback's time. */
static void
CallTimeout(NsChan *chan, int64_t now)
{
    ChanCallback *callback;

    if (EventUnderWay(chan)) {
        chan->loop.lastEvent = now;
        return;
    }
    atomic_fetch_add_explicit(&nsChanCounters.timeouts, 1u, memory_order_relaxed);
    chan->loop.timedOut = true;
    ChanLock(chan);
    callback = Wanting(chan, ~0u);
    ChanUnlock(chan);
    if (callback != NULL) {
        Run(chan, callback, NS_SOCK_TIMEOUT);
    }
}

static void
ExpireTimer(NsLoop *loop, NsTimer *timer)
{
    NsChan *chan = (NsChan *)((char *)timer - offsetof(NsChan, loop.timer));
    int64_t now = NsLoopNow(loop);
    Expired expired;

    NS_CHECK(chan, CHAN_MAGIC);
    Ns_ConnChanRetain(chan);
    ChanLock(chan);
    expired = ExpireHeld(chan, now);
    ChanUnlock(chan);

    if (expired.stalled) {
        EndStalled(chan, &expired);
    } else if (expired.tooSlow) {
        EndSlow(chan, expired.minRate, expired.left);
    } else if (expired.callTimeout) {
        CallTimeout(chan, now);
    }
    if (expired.resumes) {
        TellAgain(chan);
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
    retired = chan->locked.retired;
    chan->locked.retired = NULL;
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
    NsChan *chan = (NsChan *)((char *)member - offsetof(NsChan, loop.member));

    (void)worker;
    Ns_ConnChanRetain(chan);
    if (now) {
        NsWorkersNoteCutOff(chan->name);
        (void)Ns_ConnChanAbort(chan);
    } else if (chan->loop.begun && chan->hook->stop != NULL) {
        chan->hook->stop(chan);
    } else {
        if (!chan->loop.exitTold) {
            chan->loop.exitTold = true;
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
    const char *error = chan->locked.connectError;     /* set by this thread */

    chan->loop.connectEnded = false;
    if (chan->hook->connected != NULL) {
        chan->hook->connected(chan, error, error != NULL ? chan->locked.recvErrno : 0);
    } else if (error != NULL) {
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

/* A callback that was slowed down may be called again: of what no event of the socket will tell, this does. */
static void
TellAgain(NsChan *chan)
{
    bool ended, more;

    ChanLock(chan);
    ended = Ended(chan);
    more = chan->state == CHAN_OPEN && HasMore(chan);
    ChanUnlock(chan);
    if (ended) {
        TellOfFailure(chan);
    } else if (more) {
        (void)ReadCallback(chan, false);
    }
}

void
NsChanConnectEnded(NsChan *chan)
{
    bool failed, more;

    Ns_ConnChanRetain(chan);
    ChanLock(chan);
    failed = chan->locked.connectError != NULL;
    more = ChanIs(chan, CHAN_OPEN) && HasMore(chan);          /* the peer's first words came with its handshake */
    ChanUnlock(chan);
    chan->loop.lastEvent = NsLoopNow(LoopOf(chan));
    chan->loop.timedOut = false;
    chan->loop.connectEnded = true;
    if (chan->loop.begun) {
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
    NsChan *chan = (NsChan *)((char *)task - offsetof(NsChan, locked.task));
    bool    alive, fresh, begins, more, failed, connects;

    NS_CHECK(chan, CHAN_MAGIC);
    ChanLock(chan);
    chan->locked.posted = false;
    alive = !ChanIs(chan, CHAN_DEAD);
    fresh = chan->locked.fresh;
    begins = alive && chan->hook != NULL && !chan->loop.begun;
    chan->locked.fresh = false;
    more = (fresh || begins) && ChanIs(chan, CHAN_OPEN) && HasMore(chan);
    failed = fresh && ChanIs(chan, CHAN_OPEN) && chan->locked.connectError != NULL;
    connects = chan->locked.connecting != NULL && ChanIs(chan, CHAN_OPEN);
    ChanUnlock(chan);

    ReleaseRetired(chan);
    if (alive) {
        if (!chan->loop.joined) {
            chan->loop.joined = true;
            Ns_ConnChanRetain(chan);                /* the worker's: a channel that is closing has no name, and needs to live on */
            NsWorkerJoin(chan->worker, &chan->loop.member, StopChan);
        }
        if (fresh) {
            chan->loop.lastEvent = NsLoopNow(loop);
            chan->loop.timedOut = false;
            chan->loop.hangup = false;         /* each registration is told of it once */
        }
        if (begins) {
            chan->loop.begun = true;
            chan->loop.lastEvent = NsLoopNow(loop);
            if (chan->hook->begin != NULL) {
                chan->hook->begin(chan);
            }
        }
        if (connects) {
            NsChanConnectBegin(chan);
        }
        if (chan->loop.begun && chan->loop.connectEnded) {
            TellHookOfConnect(chan);
        }
        if (failed && !chan->loop.begun) {
            TellOfFailure(chan);
        } else if (more && chan->loop.begun) {
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
    chan->locked.onLoop = true;
    if (!chan->locked.posted) {
        chan->locked.posted = true;
        chan->locked.task.proc = Attend;
        Ns_ConnChanRetain(chan);
        NsLoopPost(LoopOf(chan), &chan->locked.task);
    }
}

/* ---- the end ---- */

/* The last act.  The caller has a reference. */
static void
Dispose(NsChan *chan)
{
    ChanLocked   *locked = &chan->locked;
    ChanCallback *callback;
    ChanDone     *dones;
    NsOutQueue    out;
    Ns_Wire       io;
    uint64_t      sent;
    int           error;
    bool          joined = chan->loop.joined;

    NsChanConnectDrop(chan);
    if (joined) {
        NsLoopTimerCancel(LoopOf(chan), &chan->loop.timer);
        if (chan->loop.watch.added) {
            NsLoopUnwatch(LoopOf(chan), &chan->loop.watch);
        }
        chan->loop.joined = false;
        NsWorkerLeave(chan->worker, &chan->loop.member);
    }
    NsWorkerUnplace(chan->worker);
    ChanLock(chan);
    NsChanEnter(chan, CHAN_DEAD);
    callback = locked->callback;
    locked->callback = NULL;
    out = locked->out;
    memset(&locked->out, 0, sizeof(locked->out));
    io = locked->io;
    locked->io.sock = NS_INVALID_SOCKET;
    locked->io.arg = NULL;
    ns_free(locked->rest);
    locked->rest = NULL;
    locked->restPos = locked->restLen = 0u;
    NsChanFramesFree(chan);
    dones = TakeDones(chan, true);
    sent = locked->sent;
    error = locked->sendErrno != 0 ? locked->sendErrno : ECANCELED;
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
