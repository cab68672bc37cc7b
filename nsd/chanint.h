/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a channel consists of: for connchan.c, chanevent.c, chanframe.c and chanclient.c, and for the sessions on it
 * (websocket.c, wssend.c).
 */
#ifndef NSD_CHANINT_H
#define NSD_CHANINT_H

#include <pthread.h>
#include "net/ratelimit.h"
#include "connchan.h"

typedef struct ChanCallback {                  /* a registration; replaced, it lives until the worker has come out of it */
    Ns_ConnChanCallback  cb;
    struct ChanCallback *next;                 /* among the retired */
} ChanCallback;

typedef struct ChanFrames {                    /* only while there is something of a frame */
    uint8_t     *data;                         /* bytes not yet taken as frames: data[start .. end) */
    size_t       start, end, size;
    uint8_t     *message;                      /* fragments of an unfinished message, unmasked */
    size_t       messageLen, messageSize;
    NsWsSequence sequence;
    bool         haveData;                     /* the next call looks here before it reads */
} ChanFrames;

typedef struct ChanDone {                      /* who wants to know when a range of the send queue is out */
    struct ChanDone *next;
    uint64_t         start, end;               /* in bytes sent by the channel */
    Ns_ConnChanDoneProc  *proc;
    void            *arg;
} ChanDone;

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
    void (*stop)(NsChan *chan);                /* the server stops; once.  The channel is to be closed by the hook */
    void (*closed)(NsChan *chan);              /* any thread, that of who closes it: at once */
    void (*over)(NsChan *chan);                /* once, after `begin`: somebody has closed the channel */
    void (*free)(NsChan *chan);                /* any thread: the last reference is gone */
    const char *(*command)(const NsChan *chan);        /* any thread, lock held: for list and status; may give NULL */
} NsChanHook;

struct NsChan {
    /* What each event touches comes first, in as few cache lines as it takes: there may be thousands of channels. */
    uint32_t        magic;
    atomic_int      refs;
    pthread_mutex_t lock;                      /* guards what is marked so */
    ChanState       state;                     /* lock */
    bool            onLoop;                    /* lock: the worker knows of it */
    bool            posted;                    /* lock: `task` is on its way */
    bool            aborted;                   /* lock */
    bool            suspended;                 /* lock */
    bool            fresh;                     /* lock: the callback was set and the worker has not seen it yet */
    bool            deaf;                      /* lock: the callback did not read at the end: no more `r` until somebody reads */
    bool            unsaid;                    /* lock: the socket had no room for the transport's goodbye */
    bool            sendBlocked;               /* lock: the socket refused bytes, and has not become writable since */
    bool            eof;                       /* lock: the end of the stream was read */
    bool            broken;                    /* lock: an error of the socket was seen */
    bool            frameError;                /* lock: the peer violated the protocol */
    bool            wentOut;                   /* lock: bytes that waited, since the hook was told */
    bool            closeAtLimit;              /* lock: what happens past it */
    bool            hangup;                    /* worker: the kernel reports an end, which cannot be masked out */
    bool            timedOut;                  /* worker: NS_SOCK_TIMEOUT was told; armed again by the next event */
    bool            deferred;                  /* worker: `again` runs at the end of the turn */
    bool            joined;                    /* worker: it is among the worker's members */
    bool            exitTold;                  /* worker */
    bool            begun, overTold, brokenTold;       /* worker: of the hook */
    bool            lingering;                 /* worker: state is CHAN_LINGER */
    bool            connectEnded;              /* worker: connecting did, and no hook was told */
    bool            client;                    /* the peer is a server */
    atomic_bool     hooked;                    /* `hook` is set, and will not change */
    atomic_bool     closed;                    /* state is not CHAN_OPEN: for a look without the lock */
    atomic_int      debug;
    int             recvErrno, sendErrno;      /* lock */
    NsWorker       *worker;
    const NsChanHook *hook;                    /* lock; on the worker: once it has begun */
    void           *session;                   /* the hook's */
    ChanCallback   *callback;                  /* lock */
    Ns_Sock         io;
    NsWatch         watch;                     /* worker */
    NsOutQueue      out;                       /* lock */
    ChanDone       *dones;                     /* lock: in the order of the queue */
    uint64_t        sent, received;            /* lock */
    uint64_t        reads;                     /* lock: calls that took something; shows whether a callback did */
    int64_t         lastEvent;                 /* worker */
    size_t          restPos, restLen;
    ChanFrames     *frames;                    /* lock */
    struct ChanConnect *connecting;            /* lock: NULL when connected, or it failed; what it points to: worker */
    NsPacer        *pacer;                     /* lock: NULL when it never had a rate limit */
    int64_t         paceDue;                   /* lock: the rate allows nothing before this time of the loop; 0: it does */
    NsTimer         timer;                     /* worker */
    int64_t         closeDue;                  /* lock */
    size_t          maxSendBuffer;             /* lock: bytes of `out` in memory */

    NsServer       *server;
    uint64_t        id;
    char            name[24];
    NsAddr          peer;
    const char     *driver;
    Ns_Time         start;
    char           *clientData;
    ChanCallback   *retired;                   /* lock: replaced, to be released by the worker */
    ChanDone      **lastDone;                  /* lock */
    char           *rest;                      /* lock: came with the request */
    char           *connectError;              /* lock: why that failed; stays */
    int64_t         receiveTimeout;            /* lock */
    NsTask          task, again;               /* worker */
    NsMember        member;                    /* worker */
    int64_t         lastProgress;              /* lock: bytes went out, or began to wait; lingering: the latest end */
};
#define CHAN_MAGIC NS_MAGIC('C', 'h', 'a', 'n')

static inline void ChanLock(NsChan *chan)   { pthread_mutex_lock(&chan->lock); }
static inline void ChanUnlock(NsChan *chan) { pthread_mutex_unlock(&chan->lock); }

/* chanevent.c.  Lock held, any thread: the worker must look at the channel's state anew. */
void NsChanNotify(NsChan *chan);
void NsChanCallbackFree(ChanCallback *callback);       /* no lock; on the worker, in none of the channel's callbacks */
/* chanevent.c.  Worker, no lock: connecting ended, well or not; whoever waits for it is told. */
void NsChanConnectEnded(NsChan *chan);
/* chanclient.c.  Worker: begin what NsChanPending has prepared; stop it. */
void NsChanConnectBegin(NsChan *chan);
void NsChanConnectDrop(NsChan *chan);
/* connchan.c: a client channel without a socket.  It is in the table; the caller has a reference. */
NsChan *NsChanPending(NsServer *server, const char *driverName, const Ns_Transport *transport, struct ChanConnect *connecting);
void NsChanSetKeepAlive(NS_SOCKET fd);
/* chanframe.c.  Lock held. */
void NsChanFramesFree(NsChan *chan);
bool NsChanFramesReady(const NsChan *chan);    /* a whole frame is waiting */
/* connchan.c.  Lock held: one receive. */
ssize_t NsChanReceive(NsChan *chan, void *buffer, size_t size);
/*
 * connchan.c.  Lock held, the send queue is empty: send until all is out or the socket refuses.  Returns what it took, or
 * -1 with errno when the socket is broken.  The caller adds it to `sent`, queues the rest, and notifies.
 */
ssize_t NsChanSendNow(NsChan *chan, const struct iovec *iov, int iovcnt);
/* connchan.c.  Any thread: give the channel to a hook, once.  False: it is closed, has a hook, or a callback. */
bool NsChanAttach(NsChan *chan, const NsChanHook *hook, void *session);
/* chanlimit.c.  The start: what a server's channels begin with. */
void NsChanReadSettings(const char *section, Ns_ConnChanSettings *settings);
/* chanlimit.c.  Lock held, or the channel is new. */
void NsChanSetSettings(NsChan *chan, const Ns_ConnChanSettings *settings);
/* chanlimit.c.  Lock held, after an attempt to send: the rate allows nothing before `due`; 0: it does. */
void NsChanPaced(NsChan *chan, int64_t due);
/* chanlimit.c.  Lock held: would `len` bytes more be too many in memory?  Counted, with errno ENOBUFS. */
bool NsChanPastLimit(NsChan *chan, size_t len);
/* chanlimit.c.  No lock: they were, and the policy is to close.  Leaves errno alone. */
void NsChanOverflow(NsChan *chan);
/* connchan.c: take the name out of the table.  No lock. */
void NsChanForget(NsChan *chan);
int64_t NsChanSendWait(const NsChan *chan);

#endif
