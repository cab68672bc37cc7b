/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What drivers consist of: for the files driver*.c alone.
 */
#ifndef NSD_DRIVERINT_H
#define NSD_DRIVERINT_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/check.h"
#include "base/inputmem.h"
#include "driver.h"
#include "driver/pacing.h"
#include "driver/progress.h"
#include "net/shakes.h"

/* ---- a connection ---- */

/*
 * All states but BUSY belong to the loop's thread.  In BUSY a connection thread owns the Sock, and the loop may be
 * writing what is in `out`.  Fields marked "lock" are shared in that state; in the others the loop's thread uses them
 * without it.
 */
typedef enum {
    SOCK_HANDSHAKE,                            /* TLS */
    SOCK_READ,                                 /* a request has begun, or the connection is new */
    SOCK_IDLE,                                 /* between requests */
    SOCK_BUSY,                                 /* a connection thread has it */
    SOCK_FLUSH,                                /* the answer is complete, but not all of it sent */
    SOCK_LINGER                                /* our end is shut down; what the client still sends is thrown away */
} SockState;

/* When descriptors run out, the least goes first (worth.c). */
typedef enum {
    WORTH_SILENT,                              /* not a byte has come, or none since the handshake */
    WORTH_SHAKING,                             /* a part of the handshake */
    WORTH_HEAD,                                /* a part of a request's head */
    WORTH_IDLE,                                /* between requests */
    WORTH_SERVED                               /* never closed for another one */
} SockWorth;

typedef struct SockQueue {
    NsSock    *first, *last;
    atomic_int count;                          /* the loop changes it, others look */
} SockQueue;

/*
 * What other threads may see of an answer under way.  Each field is right by itself; `clientData` belongs to the
 * thread's listLock.
 */
typedef struct Delivery {
    int                      fd;               /* set once */
    _Atomic(const NsServer *) server;          /* NULL: no answer to a request */
    _Atomic(NsAnswerPool *) pool;
    atomic_size_t            accepted;         /* bytes of the answer so far */
    atomic_size_t            pending;          /* of them not sent */
    atomic_llong             since;            /* the client is behind: microseconds of the clock; 0: it was not yet */
    atomic_llong             rateLimit;        /* bytes per second; 0: none */
    char                    *clientData;
} Delivery;

typedef struct SockPace {                      /* of an answer at a limited rate */
    NsPacer pacer;                             /* the Sock's lock */
    NsTimer timer;                             /* loop: when the rate allows more */
    NsSock *sock;
} SockPace;

/* What a peer sends or takes, in a window of time: one that goes on for ever by a byte now and then is no better than one that stopped. */
typedef struct NsPeerRate {
    int64_t since;                             /* time of the loop */
    int64_t bytes;
} NsPeerRate;

typedef enum { INPUT_IN_MEMORY = 1, INPUT_IN_FILE = 2 } InputWhere;

typedef struct SockInput {                     /* of an unfinished request that has memory, or a file */
    atomic_llong  since;                       /* time of the loop; 0: it has neither */
    atomic_size_t bytes;                       /* that came since then */
    atomic_uint   where;                       /* InputWhere, or both */
} SockInput;

struct NsSock {
    uint32_t        magic;
    SockState       state;                     /* the loop's thread */
    NsDriverThread *thread;
    Ns_Set         *storage;                   /* NsSockStorage; NULL: not yet asked for */
    NsSock         *next, **prev;              /* loop, changed under listLock: all of the thread */
    NsShake         shake;                     /* loop: its turn to shake hands */
    SockWorth       worth;                     /* loop ... */
    NsSock         *worthBefore, *worthAfter;
    int64_t         worthSince;
    NsWatch         watch;
    NsTimer         timer;                     /* loop */
    NsTask          task;
    NsHttpParser   *parser;                    /* loop */
    NsSockInfo      info;                      /* set once */
    bool            inBody;                    /* loop: the head was complete */
    NsPeerRate      peerRate;                  /* loop: of the body, or of what waits to be sent */
    SockInput       input;                     /* the loop writes, others look */
    NsProgress     *progress;                  /* loop: of the body that comes; NULL: it is not kept */
    Delivery        delivery;

    pthread_mutex_t lock;
    Ns_Wire         io;                        /* lock */
    NsOutQueue      out;                       /* lock */
    SockPace       *pace;                      /* lock: NULL as long as there was no limit; the loop sends alone, then */
    size_t          countedMemory;             /* lock: of `out`, as the thread has it in its sum */
    char           *rest;                      /* bytes behind the request */
    size_t          restLen;
    int             error;                     /* lock: errno after which nothing is sent any more */
    bool            posted;                    /* lock: `task` is on its way */
    bool            returned;                  /* lock: the connection thread has given it back */
    bool            gone;                      /* lock: detached or closed; only the memory is left */
    bool            keepAlive;                 /* lock: after `returned` */
};
#define SOCK_MAGIC NS_MAGIC('S', 'o', 'c', 'k')

/* ---- a driver thread ---- */

typedef struct Listener {
    NsWatch         watch;
    NsDriverThread *thread;
    int             fd;
    NsAddr          addr;
    bool            wildcard;                  /* the address of a connection has to be asked for */
} Listener;

typedef struct DriverCounters {                /* relaxed: for people.  The last row goes up and down */
    atomic_ullong accepted, received, errors, partial, spooled, spooledBytes, overrun, sentBytes, timeouts, tooSlow, inputLimits,
                  noDescriptor, rateWaits, evicted, perIp, shakeWaits,
                  inputSpooled, inputSpooledBytes, inputSpoolErrors;
    atomic_ullong reading, waiting, closing, connections;
} DriverCounters;

struct NsDriverThread {
    uint32_t       magic;
    NsDriver     *driver;
    int            index;
    NsLoop        *loop;
    Ns_Thread      thread;
    bool           running;                    /* state->lock */
    Listener      *listeners;
    int            listenerCount;

    Ns_Mutex       listLock;                   /* held for moments: the loop waits for it */
    NsSock        *socks;                      /* changed by the loop under listLock; the loop ... */
    size_t         sockCount;
    bool           accepting, stopping, abandoned;
    NsShakes      *shakes;                     /* who shakes hands in this turn */
    SockQueue      worth[WORTH_SERVED];        /* the first is the oldest of its kind */
    NsTask         evictTask;                  /* another thread has no descriptors left */
    atomic_bool    asked;                      /* evictTask is on its way */
    NsTask         inputTask;                  /* what is for input is full, and the slowest is one of ours */
    atomic_bool    inputAsked;                 /* inputTask is on its way */
    NsSock        *lookedAt;                   /* listLock: the next whose input is to be looked at; NULL: the first */
    NsDriverThread *nextThread;                /* worth.c */
    NsTimer        acceptTimer;
    int            crowded;                    /* descriptors from this number on: few are left */
    int            reserve;                    /* a descriptor to be able to refuse when there are none left */
    int64_t        lastWarning, lastRefusal, lastDrop;

    atomic_size_t  queuedMemory;               /* of all its Socks */
    NsTask         quietTask, stopTask, abandonTask;
    DriverCounters counters;
};
#define DRIVER_THREAD_MAGIC NS_MAGIC('D', 'T', 'h', 'r')

typedef struct NsPerIp NsPerIp;
struct NsModuleSock;

struct NsDriverState {
    NsPerIp        *perIp;                     /* NULL: no limit */
    NsDriverThread *threads;                   /* driver->driverThreads of them */
    Tcl_HashTable   hosts;                     /* "name" and "name:port" in lower case -> HostEntry */
    const char    **addresses;                 /* as configured, NULL-terminated */
    int            *ports;
    int             addressCount, portCount;
    const char     *portList;                  /* as configured */
    const char     *tmpDir;
    Ns_Mutex        lock;
    Ns_Cond         cond;                      /* a thread has ended */
    bool            started;
};

/* driver/conf.c: main thread.  Reads the section and opens the listening sockets; ends the process when it cannot. */
NsDriver *NsDriverConfigure(const char *server, const char *module, const Ns_TransportDriver *init, const struct NsModuleDriver *byModule);
/* driver.c: main thread: the same, and one more driver there is. */
Ns_ReturnCode NsDriverAdd(const char *server, const char *module, const Ns_TransportDriver *init, const struct NsModuleDriver *byModule);
/* driver/host.c: main thread: read the subsection `servers`. */
void       NsDriverLoadHosts(NsDriver *driver, const char *section);

/* driver/thread.c: main thread. */
void       NsDriverThreadStart(NsDriverThread *thread);
void       NsDriverThreadQuiet(NsDriverThread *thread);        /* accept no more, close what is idle; any thread */
void       NsDriverThreadStop(NsDriverThread *thread);         /* end when all is delivered; any thread */
void       NsDriverThreadAbandon(NsDriverThread *thread);      /* end now; any thread */

/* The loop's thread from here on. */
void       NsDriverThreadForget(NsDriverThread *thread);       /* after a Sock has gone: end if that was the last */

/* driver/sock.c */
/* `byModule`: of a driver by callbacks, which has accepted it so; NULL: of another one. */
void       NsSockAccepted(Listener *listener, int fd, const NsAddr *peer, struct NsModuleSock *byModule, NS_DRIVER_ACCEPT_STATUS accepted);
/* One more datagram, which was taken (an empty one is dropped); or there is none; or the module has failed. */
typedef enum { NS_DATAGRAM_TAKEN, NS_DATAGRAM_NONE, NS_DATAGRAM_FAILED } NsDatagram;
NsDatagram NsSockDatagram(Listener *listener);
void       NsSockClose(NsSock *sock);
void       NsSockQuiet(NsSock *sock);                          /* the server stops: close if idle */
void       NsSockBeginFlush(NsSock *sock);                     /* the answer is complete: send, go on or close */
void       NsSockFlushed(NsSock *sock);
void       NsSockTaskRun(NsLoop *loop, NsTask *task);
void       NsSockRead(NsSock *sock);
void       NsSockSetTimer(NsSock *sock, int64_t milliseconds);
Ns_ReturnCode NsSockArm(NsSock *sock, unsigned waitFor);       /* NS_SOCK_READ, NS_SOCK_WRITE */
void       NsSockFree(NsSock *sock);

/* Begin to count, at a time of the loop. */
static inline void
NsPeerRateStart(NsPeerRate *rate, int64_t now)
{
    rate->since = now;
    rate->bytes = 0;
}
/* So many bytes more.  False: in the last `window` milliseconds it were fewer than `least` per second. */
static inline bool
NsPeerRateCount(NsPeerRate *rate, int64_t now, size_t bytes, int64_t window, int64_t least)
{
    bool fast = true;

    rate->bytes += (int64_t)bytes;
    if (window > 0 && now - rate->since >= window) {
        fast = rate->bytes >= least * (now - rate->since) / 1000;
        NsPeerRateStart(rate, now);
    }
    return fast;
}

/* driver/perip.c.  Main thread: `maxperip`, `maxperipexcept`.  Loops: false when the address has as many as it may. */
void       NsPerIpConfigure(NsDriver *driver);
bool       NsPerIpEnter(NsPerIp *perIp, const NsAddr *addr);   /* `perIp` may be NULL */
void       NsPerIpLeave(NsPerIp *perIp, const NsAddr *addr);

/* driver/worth.c */
void       NsSockSetWorth(NsSock *sock, SockWorth worth);
NsSock    *NsSockLeastWorth(const NsDriverThread *thread);     /* to be closed for a new one; NULL: none */
int        NsWorthExcess(int fd, int crowded, int64_t now);    /* how many to close for the one that was accepted */
void       NsWorthCount(int n);                                /* connections have come, or gone */
void       NsWorthJoin(NsDriverThread *thread);                /* its evictTask has a proc, which resets `asked` */
void       NsWorthLeave(NsDriverThread *thread);
/* Have the evictTask of the others run; `crowds` alone: of those that have many of less worth than idle ones.  False: there are none. */
bool       NsWorthAskOthers(const NsDriverThread *thread, bool crowds);

/* Under the lock of their list, until the proc returns false. */
void       NsWorthEachThread(bool (*proc)(NsDriverThread *thread, void *arg), void *arg);

/* driver/input.c.  Its loop: bytes of a request have come that is not finished and has memory or a file; it is finished, or has neither any more. */
void       NsInputNote(NsSock *sock, size_t bytes, unsigned where);
static inline void
NsInputOver(NsSock *sock)
{
    atomic_store_explicit(&sock->input.since, 0, memory_order_relaxed);
}
/* Its loop: the body is there, or will not be. */
static inline void
NsSockEndProgress(NsSock *sock, bool complete)
{
    NsProgressEnd(sock->progress, complete);
    sock->progress = NULL;
}
/* Of those that have some there: the one whose input comes slowest is of *thread (NULL: there is none); it is returned if that is the calling one. */
NsSock    *NsInputSlowest(const NsDriverThread *own, InputWhere where, NsDriverThread **thread);
NsSock    *NsInputSlowestOf(NsDriverThread *own, InputWhere where);    /* of the calling thread's; NULL: none */

/* driver/sock.c: what is for input is full, another thread has found that the slowest is one of ours. */
void       NsSockEndSlowest(NsLoop *loop, NsTask *task);

/* driver/common.c: connections are not kept any more */
void       NsDriversSetQuiet(void);

/* driver/list.c: after bytes were accepted, or `out` has changed, by who may change it */
void       NsSockCountAnswer(NsSock *sock, size_t len);
void       NsSockNotePending(NsSock *sock);

/* driver/send.c */
void       NsSockFlush(NsSock *sock);                          /* state FLUSH: send what is pending */
void       NsSockFlushBusy(NsSock *sock);                      /* state BUSY: the same, under the lock */
void       NsSockPost(NsSock *sock);                           /* any thread, lock held: have NsSockTaskRun called */
void       NsSockSetPace(NsSock *sock, int64_t rate, NsRateShare *share);
void       NsSockFreePace(NsSock *sock);                       /* loop: nothing is sent any more */
void       NsSockCountMemory(NsSock *sock);                    /* lock held, or alone: after `out` has changed */
/* `request`: what was taken from the parser already; NULL: what that has of it. */
void       NsSockReject(NsSock *sock, const NsHttpRequest *request, int status, const char *phrase, bool page, int retryAfter);
/* reject.c: tell who has asked for it; `request` NULL: what the parser has of its line. */
void       NsSockTellRejected(NsSock *sock, const NsServer *server, const NsHttpRequest *request, int status);
/* sock.c: whose the request is, as far as it is known. */
const NsServer *NsSockServer(const NsSock *sock, const NsHttpRequest *request);

static inline void SockLock(NsSock *sock)   { pthread_mutex_lock(&sock->lock); }
static inline void SockUnlock(NsSock *sock) { pthread_mutex_unlock(&sock->lock); }
static inline void DriverCount(atomic_ullong *counter, unsigned long long n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}
static inline void DriverUncount(atomic_ullong *counter)
{
    atomic_fetch_sub_explicit(counter, 1u, memory_order_relaxed);
}
#define SOCK_OF(member, object) ((NsSock *)(void *)((char *)(object) - offsetof(NsSock, member)))

#endif
