/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What drivers consist of: for the files driver*.c alone.
 */
#ifndef NSD_DRIVERINT_H
#define NSD_DRIVERINT_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/check.h"
#include "driver.h"
#include "pacing.h"

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

/*
 * What other threads may see of an answer under way.  Each field is right by itself; `clientData` belongs to the
 * thread's listLock.
 */
typedef struct Delivery {
    int                      fd;               /* set once */
    _Atomic(const NsServer *) server;          /* NULL: no answer to a request */
    _Atomic(struct NsPool *) pool;
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

struct NsSock {
    uint32_t        magic;
    SockState       state;                     /* the loop's thread */
    NsDriverThread *thread;
    NsSock         *next, **prev;              /* loop, changed under listLock: all of the thread */
    NsSock         *nextWaiting;               /* loop: queue for handshakes */
    NsSock         *idleBefore, *idleAfter;    /* loop: queue of those in IDLE */
    NsWatch         watch;
    NsTimer         timer;                     /* loop */
    NsTask          task;
    NsHttpParser   *parser;                    /* loop */
    NsSockInfo      info;                      /* set once */
    bool            inBody;                    /* loop: the head was complete */
    bool            waitsForHandshake;         /* loop: it is in the queue */
    Delivery        delivery;

    pthread_mutex_t lock;
    Ns_Sock         io;                        /* lock */
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
    atomic_ullong accepted, received, errors, partial, spooled, spooledBytes, overrun, sentBytes, timeouts,
                  noDescriptor, rateWaits;
    atomic_ullong reading, waiting, closing, connections;
} DriverCounters;

struct NsDriverThread {
    uint32_t       magic;
    Ns_Driver     *driver;
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
    int            handshakes;                 /* in this turn */
    bool           turnEnds;                   /* turnTask is deferred */
    NsSock        *waitingFirst, *waitingLast; /* for a handshake */
    NsSock        *idleFirst, *idleLast;       /* for a request; the first waits longest */
    NsTask         turnTask, againTask;
    NsTimer        acceptTimer;
    int            reserve;                    /* a descriptor to be able to refuse when there are none left */
    int64_t        lastWarning;

    atomic_size_t  queuedMemory;               /* of all its Socks */
    NsTask         quietTask, stopTask, abandonTask;
    DriverCounters counters;
};
#define DRIVER_THREAD_MAGIC NS_MAGIC('D', 'T', 'h', 'r')

struct NsDriverState {
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

/* driverconf.c: main thread.  Reads the section and opens the listening sockets; ends the process when it cannot. */
Ns_Driver *NsDriverConfigure(const char *server, const char *module, const Ns_DriverInitData *init);
/* driverhost.c: main thread: read the subsection `servers`. */
void       NsDriverLoadHosts(Ns_Driver *driver, const char *section);

/* driverthread.c: main thread. */
void       NsDriverThreadStart(NsDriverThread *thread);
void       NsDriverThreadQuiet(NsDriverThread *thread);        /* accept no more, close what is idle; any thread */
void       NsDriverThreadStop(NsDriverThread *thread);         /* end when all is delivered; any thread */
void       NsDriverThreadAbandon(NsDriverThread *thread);      /* end now; any thread */

/* The loop's thread from here on. */
void       NsDriverThreadForget(NsDriverThread *thread);       /* after a Sock has gone: end if that was the last */
bool       NsDriverHandshakeTurn(NsSock *sock);                /* may it shake hands now?  Else it is called later */

/* driversock.c */
void       NsSockAccepted(Listener *listener, int fd, const NsAddr *peer);
void       NsSockHandshake(NsSock *sock);
void       NsSockClose(NsSock *sock);
void       NsSockQuiet(NsSock *sock);                          /* the server stops: close if idle */
bool       NsSockCloseIdle(NsDriverThread *thread);            /* the one that waits longest; false: none waits */
void       NsSockBeginFlush(NsSock *sock);                     /* the answer is complete: send, go on or close */
void       NsSockFlushed(NsSock *sock);
void       NsSockTaskRun(NsLoop *loop, NsTask *task);
void       NsSockRead(NsSock *sock);
void       NsSockSetTimer(NsSock *sock, int64_t milliseconds);
Ns_ReturnCode NsSockArm(NsSock *sock, unsigned waitFor);       /* NS_SOCK_READ, NS_SOCK_WRITE */
void       NsSockFree(NsSock *sock);

/* driverlist.c: after bytes were accepted, or `out` has changed, by who may change it */
void       NsSockCountAnswer(NsSock *sock, size_t len);
void       NsSockNotePending(NsSock *sock);

/* driversend.c */
void       NsSockFlush(NsSock *sock);                          /* state FLUSH: send what is pending */
void       NsSockFlushBusy(NsSock *sock);                      /* state BUSY: the same, under the lock */
void       NsSockPost(NsSock *sock);                           /* any thread, lock held: have NsSockTaskRun called */
void       NsSockSetPace(NsSock *sock, int64_t rate, NsRateShare *share);
void       NsSockFreePace(NsSock *sock);                       /* loop: nothing is sent any more */
void       NsSockCountMemory(NsSock *sock);                    /* lock held, or alone: after `out` has changed */
void       NsSockReject(NsSock *sock, int status, const char *phrase, bool page, int retryAfter);

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
