/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a channel consists of: for connchan.c, channel/event.c, channel/frame.c and channel/client.c, and for the sessions on it
 * (websocket.c, websocket/send.c).
 */
#ifndef NSD_CHANINT_H
#define NSD_CHANINT_H

#include <pthread.h>
#include "net/ratelimit.h"
#include "connchan.h"

typedef struct ChanCallback {                  /* a registration; replaced, it lives until the worker has come out of it */
    Ns_ConnChanCallback  cb;
    bool                 idleWrite;            /* lock: called with `w`, and wrote nothing: not again before something is written */
    struct ChanCallback *next;                 /* among the retired */
} ChanCallback;

typedef struct ChanFrames {                    /* only while there is something of a frame */
    uint8_t     *data;                         /* bytes not yet taken as frames: data[start .. end) */
    size_t       start, end, size;
    uint8_t     *message;                      /* fragments of an unfinished message, unmasked */
    size_t       messageLen, messageSize;
    NsWsSequence sequence;
    bool         haveData;                     /* the next call looks here before it reads */
    size_t       counted;                      /* memory of it, as base/inputmem.h counts it */
} ChanFrames;

typedef struct ChanDone {                      /* who wants to know when a range of the send queue is out */
    struct ChanDone *next;
    uint64_t         start, end;               /* in bytes sent by the channel */
    Ns_ConnChanDoneProc  *proc;
    void            *arg;
} ChanDone;

/*
 * The life of a channel.  NsChanEnter alone changes its state, and knows no other ways than these:
 *
 *     OPEN ───▶ CLOSING ───▶ DEAD
 *                  │          ▲
 *                  └▶ LINGER ─┘
 *
 * CLOSING: somebody has closed or aborted it, and it has no name any more; what was accepted for sending goes out, unless it is
 * aborted, and the peer is told.  LINGER: that is done, and the peer still sends: it is read away, for a while or until its end.
 * DEAD: no socket, no callback, no worker; only references are left.
 */
typedef enum { CHAN_OPEN, CHAN_CLOSING, CHAN_LINGER, CHAN_DEAD } ChanState;

/*
 * Who runs a channel in place of a callback (websocket.c).  The procs run on the worker, one at a time, without a lock;
 * but for `free`, they may be NULL.
 */
typedef struct NsChanHook {
    void (*begin)(NsChan *chan);               /* first of all, once */
    void (*connected)(NsChan *chan, const char *error, int code);  /* a client's: error NULL, or why not, and an errno; once */
    /* There is something to read, or the end of it, or sending failed.  Called, and left, with the lock held. */
    void (*ready)(NsChan *chan);
    void (*sent)(NsChan *chan);                /* some of the bytes that waited went out */
    void (*slow)(NsChan *chan);                /* the peer takes less than it must: the channel is aborted behind this */
    void (*stop)(NsChan *chan);                /* the server stops; once.  The channel is to be closed by the hook */
    void (*closed)(NsChan *chan);              /* any thread, that of who closes it: at once */
    void (*over)(NsChan *chan);                /* once, after `begin`: somebody has closed the channel */
    void (*free)(NsChan *chan);                /* any thread: the last reference is gone */
    const char *(*command)(const NsChan *chan);        /* any thread, lock held: for list and status; may give NULL */
} NsChanHook;

/* What the worker alone touches, without a lock. */
typedef struct ChanLoop {
    NsMember         member;                   /* of the worker's, when `joined` */
    NsTask           again;                    /* under way when `deferred`: it has yielded, there is more to read */
    NsTimer          timer;
    /* From here on, with each event. */
    NsWatch          watch;
    int64_t          lastEvent;
    int64_t          slowSince;                /* something waits to be sent, and its peer is measured from then on; 0: not */
    uint64_t         slowTaken;                /* bytes that the peer had then; SLOW_UNKNOWN: nobody has looked yet */
    bool             joined;
    bool             begun, overTold, brokenTold;      /* what the hook was told */
    bool             connectEnded;             /* connecting did, and no hook was told */
    bool             exitTold;                 /* NS_SOCK_EXIT was */
    bool             timedOut;                 /* NS_SOCK_TIMEOUT was; armed again by the next event */
    bool             hangup;                   /* the kernel reports an end, which cannot be masked out */
    bool             deferred;
} ChanLoop;

/* What the lock guards.  (The worker alone changes the socket, and looks at its number and transport without.) */
typedef struct ChanLocked {
    /* Of the channel and its worker: */
    bool             onLoop;                   /* the worker knows of it */
    bool             posted;                   /* `task` is on its way */
    bool             aborted;                  /* what waits is not sent any more */
    /* of the callback: */
    bool             suspended;
    bool             fresh;                    /* it was set and the worker has not seen it yet */
    bool             deaf;                     /* it did not read at the end: no more `r` until somebody reads */
    /* of the stream: */
    bool             eof;                      /* its end was read */
    bool             broken;                   /* an error of the socket was seen */
    bool             frameError;               /* the peer violated the protocol */
    bool             sendBlocked;              /* the socket refused bytes, and has not become writable since */
    bool             wentOut;                  /* bytes that waited, since the hook was told */
    bool             unsaid;                   /* the socket had no room for the transport's goodbye */
    bool             closeAtLimit;             /* what happens past maxSendBuffer */
    int              recvErrno, sendErrno;
    ChanCallback    *callback;
    Ns_Wire          io;
    NsOutQueue       out;
    ChanDone        *dones;                    /* in the order of the queue */
    uint64_t         sent, received;
    uint64_t         reported;                 /* bytes of `sent` that the results of writes have named */
    uint64_t         reads;                    /* calls that took something; shows whether a callback did */
    size_t           restPos, restLen;
    ChanFrames      *frames;
    struct ChanConnect *connecting;            /* NULL: connected, or it failed; what it points to is the worker's */
    struct ChanSpin *spin;                     /* NULL when no callback has ever done nothing */
    NsPacer         *pacer;                    /* NULL when it never had a rate limit */
    int64_t          paceDue;                  /* the rate allows nothing before this time of the loop; 0: it does */
    int64_t          lastProgress;             /* bytes went out, or began to wait; lingering: the latest end */
    size_t           maxSendBuffer;            /* bytes of `out` in memory */
    int64_t          sendMinRate;              /* bytes per second, 0: none, over ... */
    int64_t          sendWait;                 /* ms; 0: the driver's */
    /* Not with each event. */
    int64_t          closeDue;
    int64_t          receiveTimeout;           /* how long a read outside of callbacks waits; 0: not at all */
    ChanCallback    *retired;                  /* replaced, to be released by the worker */
    ChanDone       **lastDone;
    char            *rest;                     /* came with the request */
    char            *connectError;             /* why that failed; stays, so that the worker may look without */
    char            *clientData;
    NsTask           task;                     /* from any thread to the worker: the state has changed */
} ChanLocked;

/* There may be many thousands: what an event touches lies together, in the middle. */
struct NsChan {
    ChanLoop         loop;

    /* What any thread may look at: it is set before the channel has its name and stays, or it is atomic. */
    uint32_t         magic;
    atomic_int       refs;
    NsWorker        *worker;
    _Atomic(const NsChanHook *) hook;          /* set once, under the lock, never taken away */
    void            *session;                  /* the hook's, set before it */
    _Atomic ChanState state;                   /* changed by NsChanEnter, under the lock: who needs it to stay holds that */
    atomic_int       debug;

    pthread_mutex_t  lock;
    ChanLocked       locked;

    /* Again for any thread. */
    NsServer        *server;
    uint64_t         id;
    char             name[24];
    NsAddr           peer;                     /* of a client: once it is connected */
    bool             client;                   /* the peer is a server */
    const char      *driver;
    Ns_Time          start;
};
#define CHAN_MAGIC NS_MAGIC('C', 'h', 'a', 'n')

static inline void ChanLock(NsChan *chan)   { pthread_mutex_lock(&chan->lock); }
static inline void ChanUnlock(NsChan *chan) { pthread_mutex_unlock(&chan->lock); }
static inline bool ChanIs(const NsChan *chan, ChanState state)
{
    return atomic_load_explicit(&chan->state, memory_order_relaxed) == state;
}
/* connchan.c.  Lock held: the one way from state to state.  A way that is not in the drawing above ends the process. */
void NsChanEnter(NsChan *chan, ChanState state);

/* channel/event.c.  Lock held, any thread: the worker must look at the channel's state anew. */
void NsChanNotify(NsChan *chan);
void NsChanCallbackFree(ChanCallback *callback);       /* no lock; on the worker, in none of the channel's callbacks */
/* channel/event.c.  Worker: there is more in its hands to be read; it is, when the others have had their turn. */
void NsChanYield(NsChan *chan);
/* channel/event.c.  Worker, no lock: connecting ended, well or not; whoever waits for it is told. */
void NsChanConnectEnded(NsChan *chan);
/* channel/client.c.  Worker: begin what NsChanPending has prepared; stop it. */
void NsChanConnectBegin(NsChan *chan);
void NsChanConnectDrop(NsChan *chan);
/* connchan.c: a client channel without a socket.  It is in the table; the caller has a reference. */
NsChan *NsChanPending(NsServer *server, const char *driverName, const Ns_Transport *transport, struct ChanConnect *connecting,
                      int64_t receiveTimeout);
void NsChanSetKeepAlive(NS_SOCKET fd);
/* connchan.c: of one message, and frame, that `read -websocket` takes. */
size_t NsChanMaxMessage(const NsServer *server);
/* channel/frame.c.  Lock held. */
void NsChanFramesFree(NsChan *chan);
bool NsChanFramesReady(const NsChan *chan);    /* a whole frame is waiting */
/* connchan.c.  Lock held: one receive. */
ssize_t NsChanReceive(NsChan *chan, void *buffer, size_t size);
/* channel/await.c.  Lock held: until when a read of this thread may wait for the first byte; 0: not at all. */
int64_t NsChanReadDeadline(const NsChan *chan);
/*
 * channel/await.c.  Lock held, but not while it waits: a receive found nothing (EAGAIN).  True: try again, what the caller knew of the
 * channel may have changed.  False, with EAGAIN: it may not wait, or did so in vain.
 */
bool NsChanAwaitRead(NsChan *chan, int64_t deadline);
/*
 * connchan.c.  Lock held, the send queue is empty: send until all is out or the socket refuses.  Returns what it took, or
 * -1 with errno when the socket is broken.  The caller adds it to `sent`, queues the rest, and notifies.
 */
ssize_t NsChanSendNow(NsChan *chan, const struct iovec *iov, int iovcnt);
/* connchan.c.  Any thread: give the channel to a hook, once.  False: it is closed, has a hook, or a callback. */
bool NsChanAttach(NsChan *chan, const NsChanHook *hook, void *session);
/* channel/limit.c.  The start: what a server's channels begin with. */
void NsChanReadSettings(const char *section, Ns_ConnChanSettings *settings);
/* channel/limit.c.  Lock held, or the channel is new. */
void NsChanSetSettings(NsChan *chan, const Ns_ConnChanSettings *settings);
/* channel/limit.c.  Lock held, after an attempt to send: the rate allows nothing before `due`; 0: it does. */
void NsChanPaced(NsChan *chan, int64_t due);
/* channel/limit.c.  Lock held: would `len` bytes more be too many in memory?  Counted, with errno ENOBUFS. */
bool NsChanPastLimit(NsChan *chan, size_t len);
/*
 * channel/limit.c.  Worker, lock held: something waits to be sent; from now on its peer is measured.  When the worker should look at it:
 * 0, never.  Has the peer taken too little meanwhile?
 */
void NsChanMeasure(NsChan *chan, int64_t now);
int64_t NsChanSlowDue(const NsChan *chan);
bool NsChanTooSlow(NsChan *chan, int64_t now);
/* channel/limit.c.  No lock: they were, and the policy is to close.  Leaves errno alone. */
void NsChanOverflow(NsChan *chan);
/*
 * channel/spin.c.  Lock held, worker: what callbacks have done so far; and, when one has come out of a call for `why`, whether it did
 * anything meanwhile.  A thousand calls in a row that did nothing are slowed down.
 */
typedef struct ChanMark { uint64_t reads, accepted; } ChanMark;
static inline ChanMark NsChanMark(const NsChan *chan) { return (ChanMark){chan->locked.reads, chan->locked.sent + chan->locked.out.bytes}; }
void NsChanNoteCall(NsChan *chan, ChanCallback *callback, unsigned why, const ChanMark *before);
int64_t NsChanSpinDue(const NsChan *chan);     /* worker: no callback before then; 0: it may be called */
bool NsChanSpinOver(NsChan *chan, int64_t now);        /* true: it was slowed down until now */
/* connchan.c: take the name out of the table.  No lock. */
void NsChanForget(NsChan *chan);
int64_t NsChanSendWait(const NsChan *chan);

#endif
