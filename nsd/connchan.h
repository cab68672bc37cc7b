/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Channels: connections that left the thread which accepted them.
 *
 * A channel owns its socket.  Any thread may read, write, query or close it: its lock orders them, and only non-blocking
 * calls are made under it.  Its callbacks run on one worker, one at a time, in order, without any lock held.  Channels are reference
 * counted: whoever got one from a function here releases it.
 */
#ifndef NSD_CONNCHAN_H
#define NSD_CONNCHAN_H

#include "conn.h"
#include "sockcallback.h"
#include "ws/frame.h"

typedef struct NsChan NsChan;                  /* opaque outside of connchan.c and chanframe.c */

/*
 * Make channels.  On success the caller owns one reference (`*chan`), the table another until the channel is closed.
 * The socket is the channel's in any case.  NULL server is not allowed.
 */
NsChan *NsChanFromDetached(NsServer *server, NsDetached *detached, const char *clientData);
/* A connected client socket.  `driverName` is shown by list and status; lives as long as the process. */
NsChan *NsChanFromSock(NsServer *server, const Ns_Sock *io, const NsAddr *peer, const char *driverName);

/* Any thread.  NULL: no such channel in this server (any more). */
NsChan *NsChanFind(NsServer *server, const char *name);
NsChan *NsChanRetain(NsChan *chan);
void    NsChanRelease(NsChan *chan);           /* NULL is fine */
bool    NsChanIsOpen(NsChan *chan);            /* not closed by anybody: its name is in the table */
const char *NsChanName(const NsChan *chan);
NsServer   *NsChanServer(const NsChan *chan);
NsWorker   *NsChanWorker(const NsChan *chan);

/* A buffer of NS_LOOP_BUFFER bytes for this thread, to be used before it does anything else. */
char *NsChanThreadBuffer(void);

/*
 * Any thread.  One read of what is there now: first the bytes that came with the request, then the socket.
 * Returns their number, 0 at the end of the stream, -1 and errno: EAGAIN (nothing there), EPIPE (closed), or what the socket says.
 * With a receive timeout set by the callback, threads other than workers wait so long for the first byte.
 */
ssize_t NsChanRead(NsChan *chan, void *buffer, size_t size);

/*
 * Any thread.  Hand bytes over, in the order of the calls.  What the socket does not take at once is kept and sent by the channel's
 * worker.  NS_CHAN_BUFFERED: send nothing in this call; the worker does at the end of its turn, together with what follows.
 * Returns the bytes sent before the call returned, -1 and errno: EPIPE (closed), ENOBUFS (past maxsendbuffer), or what the
 * socket says; then nothing of these bytes is kept.
 */
#define NS_CHAN_BUFFERED 0x01u
ssize_t NsChanWrite(NsChan *chan, const struct iovec *iov, int iovcnt, unsigned flags);

/*
 * Any thread.  Send `len` bytes of a file from `offset` behind what was written before; the worker does it, and a slow peer costs
 * neither a thread nor memory.  The fd is taken over in any case.  `done` (may be NULL) is called once on the worker, without a lock:
 * error 0 when all is handed to the kernel, else what ended it (ECANCELED: the channel was aborted), and the bytes of this
 * range that went out.  False and errno when the channel is closed or broken; then `done` is not called.
 */
typedef void (NsChanDoneProc)(NsChan *chan, void *arg, int error, uint64_t sent);
bool NsChanSendFile(NsChan *chan, int fd, off_t offset, size_t len, NsChanDoneProc *done, void *arg);

/*
 * Any thread.  Close: no more callbacks, no such name any more; what was accepted for sending is delivered first, for at
 * most `sendwait`.  Abort throws it away.  False when it was closed before.
 */
bool NsChanClose(NsChan *chan);
bool NsChanAbort(NsChan *chan);

/*
 * Callbacks.  `proc` is called on the channel's worker with one of NS_SOCK_READ, _WRITE, _EXCEPTION, _EXIT, _TIMEOUT.
 * KEEP: go on; SUSPEND: the channel stays, no more events until a callback is set anew; CLOSE: NsChanClose.
 */
typedef enum { NS_CHAN_CLOSE, NS_CHAN_KEEP, NS_CHAN_SUSPEND } NsChanVerdict;
typedef NsChanVerdict (NsChanProc)(NsChan *chan, void *arg, unsigned why);
typedef struct NsChanCallback {
    NsChanProc *proc;
    void      (*freeProc)(void *arg);          /* called once, when no call is running or will come: on the worker; NULL: none */
    void       *arg;
    const char *command;                       /* for status and log; lives as long as `arg`; may be NULL */
    unsigned    when;                          /* NS_SOCK_READ | _WRITE | _EXCEPTION | _EXIT */
    int64_t     timeout;                       /* ms without an event, then NS_SOCK_TIMEOUT once; 0: none */
    int64_t     receiveTimeout;                /* ms, see NsChanRead; 0: none */
    int64_t     sendTimeout;                   /* ms that bytes may wait without progress before the channel is aborted; 0: none */
} NsChanCallback;
/*
 * Any thread, also from within a callback.  Replaces the one before: that is not called any more (a call that runs at
 * the moment ends as it would; its SUSPEND counts for nothing, its CLOSE closes).  False: the channel is closed; `freeProc` was not called.
 */
bool NsChanSetCallback(NsChan *chan, const NsChanCallback *callback);

typedef struct NsChanStatus {
    Ns_Time     start;
    const char *driver;
    char        peer[64];
    const char *threadName;                    /* the worker's */
    uint64_t    sent, received;
    size_t      sendBuffer, frameBuffer, fragments;
    int         recvErrno, sendErrno;
    unsigned    when;                          /* 0: no callback */
    char       *command;                       /* ns_free; NULL: no callback */
    char       *clientData;                    /* ns_free; NULL: none */
    int         debug;
} NsChanStatus;
void NsChanGetStatus(NsChan *chan, NsChanStatus *status);             /* any thread */
void NsChanStatusFree(NsChanStatus *status);
int  NsChanDebug(NsChan *chan, int level);                            /* sets it when >= 0; the value before */
/* Any thread: all of a server, oldest first, each retained; ns_free the array. */
size_t NsChanList(NsServer *server, NsChan ***chans);

typedef struct NsChanCounters {                /* of the process */
    atomic_ullong opened, closed, aborted, timeouts, sendTimeouts, bufferLimits, frameLimits, frameErrors;
} NsChanCounters;
extern NsChanCounters nsChanCounters;

/*
 * WebSocket frames on a channel (chanframe.c).  One frame at most per call; see `ns_connchan read -websocket`.
 */
typedef struct NsChanFrame {
    bool     complete, fin;
    int      opcode;                           /* of the message, when fin */
    Tcl_Obj *payload;                          /* byte array with reference count 0, when complete and fin; else NULL */
    size_t   bytes;                            /* received by this call */
    size_t   unprocessed;                      /* kept, behind the frame or an incomplete one */
    size_t   fragments;                        /* bytes of an unfinished message */
    bool     haveData;                         /* a further call would find bytes without reading */
    int      closeCode;                        /* with -1: 1002, 1009 */
    const char *reason;                        /* with -1: what is wrong, or NULL: see errno */
} NsChanFrame;
/* 0, or -1 on errors: of the peer (closeCode, reason; nothing more can be read as frames), or of the socket (errno). */
int NsChanReadFrame(NsChan *chan, NsChanFrame *frame);

#endif
