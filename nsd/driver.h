/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Drivers: listening sockets, and for each of `driverthreads` a thread with an event loop that accepts, does the TLS
 * handshake, reads and parses requests, keeps idle connections, and writes out what clients have not yet taken.
 *
 * A Sock belongs to its driver's loop until a complete request was queued (NsQueueRequest), then to the connection
 * thread, and comes back with NsSockReturn, or leaves for good with NsSockDetach.  While the loop has it, the fd is
 * watched with ONESHOT interest, so that no event can be under way for a Sock that the loop has given away.
 *
 * Writing: a connection thread writes directly as long as nothing is pending.  The first time the socket refuses
 * bytes, they go into the Sock's queue, and from then on until it is empty the driver's loop writes and the connection
 * thread appends (both under the Sock's lock).  So a slow reader never holds a connection thread.  What is queued in
 * memory past `writersize` goes to an unlinked file in `tmpdir`, so that memory is bounded.
 */
#ifndef NSD_DRIVER_H
#define NSD_DRIVER_H

#include <netinet/in.h>
#include <stdatomic.h>
#include "ns.h"
#include "http/parse.h"
#include "net/eventloop.h"
#include "net/ratelimit.h"
#include "driver/outqueue.h"
#include "conf/server.h"

typedef struct NsDriver NsDriver;
typedef struct NsDriverThread NsDriverThread;
typedef struct NsSock NsSock;

typedef union NsAddr {                         /* of a peer, or our own end; small, since channels keep one each */
    struct sockaddr     sa;
    struct sockaddr_in  in;
    struct sockaddr_in6 in6;
} NsAddr;

/* What a driver was configured to do: read once, never changed but for what is atomic. */
struct NsDriver {
    Ns_Driver    pub;                          /* first: what modules see of it */
    uint32_t     magic;
    const char  *module;                       /* "nssock", "nsssl", or the name it was loaded under */
    const char  *type;                         /* init.name */
    const char  *section;                      /* "ns/module/nssock" */
    NsServer    *server;                       /* NULL: for all, by Host */
    NsServer    *defaultServer;
    Ns_TransportDriver init;
    const struct NsModuleDriver *byModule;     /* by callbacks of a module (driver/module.h); NULL: by its transport alone */
    bool         noParse, datagrams;           /* such a one: its bytes are no HTTP; they come as datagrams */
    const char  *location;                     /* configured, or NULL */
    const char  *hostname;
    NsHttpLimits limits;
    size_t       bufSize;
    size_t       maxUpload;                    /* larger bodies go to a file while they arrive; 0: none does */
    const char  *uploadPath;                   /* in this folder */
    size_t       progressMinSize;              /* the progress of bodies from this size on is kept; 0: of none */
    atomic_size_t maxQueueMemory;              /* `writersize` */
    int64_t      rateLimit;                    /* `writerratelimit`, of one answer: bytes per second; 0: none */
    atomic_bool  streaming;                    /* `writerstreaming`: kept for who asks, the loop writes streams anyway */
    int          driverThreads, backlog, acceptSize, maxQueueSize;
    int64_t      keepWait, recvWait, sendWait, closeWait;      /* milliseconds */
    int64_t      recvMinRate, sendMinRate;     /* bytes per second, over recvWait or sendWait; 0: none */
    bool         nodelay, deferAccept, reusePort, keepAlive;
    size_t       maxSpool;                     /* of one answer in a temporary file */
    size_t       keepAliveMaxUpload, keepAliveMaxDownload;     /* bytes; past it the connection is closed.  0: none */
    int          sockAcceptLog;                /* log when more than so many were accepted at once */
    const Ns_Set *extraHeaders;                /* may be NULL */
    struct NsDriverState *state;               /* driver.c: listeners, threads, host table, counters */
    NsDriver   *next;
};
#define NS_DRIVER_MAGIC NS_MAGIC('D', 'r', 'v', 'r')
static inline NsDriver *NsDriverOf(const Ns_Driver *driver) { return (NsDriver *)(uintptr_t)driver; }

/*
 * Who takes complete requests, told once, before drivers start; a driver thread calls it.  On NS_OK ownership of sock and
 * request has passed.  NS_TIMEOUT: too many wait, nothing has passed; answer 503 with Retry-After `*retryAfter` seconds.
 * NS_ERROR: the server is about to stop.
 */
typedef Ns_ReturnCode (NsDeliverProc)(NsServer *server, NsSock *sock, NsHttpRequest *request, int *retryAfter);
void NsDriverDeliverTo(NsDeliverProc *proc);
/*
 * Who limits the bodies of requests beyond maxinput; any thread, at any time.  A driver thread calls it when a head with a body behind it is
 * complete.  It returns the most that is allowed (SIZE_MAX: as maxinput has it), and is called again with `refused` when a body was larger.
 */
typedef size_t (NsLimitBodyProc)(NsServer *server, const NsHttpRequest *request, bool refused);
void NsDriverLimitBody(NsLimitBodyProc *proc);
/* Main thread.  Start; accept no more (returns at once); deliver, close, join. */
void NsDriversStart(void);
void NsDriversStopAccepting(void);
void NsDriversStop(const Ns_Time *until);
/* Any thread, one after the other: read certificates anew.  How many drivers could not, which is in the log. */
int  NsDriversReload(void);
/* Any thread, after the start. */
void NsDriverEach(bool (*proc)(NsDriver *driver, void *arg), void *arg);
/* The first driver for a protocol ("http", "https"), by module name where that is not NULL; NULL: none. */
NsDriver *NsDriverFind(const char *protocol, const char *module);
/* The server for a Host header value (may be NULL), and the location to use in URLs. */
NsServer *NsDriverHostServer(NsDriver *driver, const char *host);
/* For `ns_driver stats` and `info`: appends name value pairs.  Any thread. */
void NsDriverAppendStats(const NsDriver *driver, Tcl_Obj *dict);
void NsDriverAppendInfo(const NsDriver *driver, Tcl_Obj *dict);
/* The same for one of its threads, with `thread` and `module` before; unless `all`, only what NaviServer's `ns_driver stats` has. */
void NsDriverAppendThreadStats(const NsDriver *driver, int index, bool all, Tcl_Obj *dict);
int  NsDriverThreadCount(const NsDriver *driver);
Tcl_Obj *NsDriverExtraHeadersObj(const NsDriver *driver);
/*
 * For `ns_writer list`: appends a list for each answer that a client has not taken yet, of one server or (NULL) of all.
 * Any thread.
 */
void NsDriverAppendDeliveries(const NsDriver *driver, const NsServer *server, Tcl_Obj *list);
/* host:port of all that lead to this server, appended to a list. */
void NsDriverAppendHosts(const NsDriver *driver, const NsServer *server, Tcl_Obj *list);
/* Appends the header fields that answers end with, date and server, unless told not to.  Any thread. */
void NsDriverAppendDate(Tcl_DString *ds, bool noServer, bool noDate);
/* Any thread: connections are not kept any more since the process ends. */
bool NsDriversQuiet(void);
/* Is there a virtual server of that name (without port)? */
bool NsDriverKnowsHost(const NsDriver *driver, const char *host);
/* The URL prefix of a driver for this host, e.g. http://localhost:8080. */
void NsDriverAppendLocation(const NsDriver *driver, const char *host, Tcl_DString *ds);

/*
 * The connection thread that owns the Sock.
 */
typedef struct NsSockInfo {
    NsAddr     peer, local;
    NsDriver *driver;
    uint64_t   id;
    Ns_Time    requestTime;                    /* monotonic: first byte of this request; of the first one: accepted */
} NsSockInfo;
const NsSockInfo *NsSockGetInfo(const NsSock *sock);
Ns_Wire *NsSockIo(NsSock *sock);                           /* for a transport's `info` */
/*
 * What the driver knows of a pool whose requests are answered: its name, and its limits, which may change at any time.  Lives
 * as long as the process.
 */
typedef struct NsAnswerPool {
    const char  *name;                         /* "" for the default pool */
    atomic_llong connectionRate;               /* of one answer: bytes per second; 0: the driver's */
    NsRateShare  rate;                         /* of all together; it has a lock of its own */
    atomic_bool  shared;                       /* `rate` was ever limited */
} NsAnswerPool;
/* What is sent from now on belongs to a request of this pool; what the driver itself answers has none, and no limit. */
void NsSockBeginAnswer(NsSock *sock, const NsServer *server, NsAnswerPool *pool);
void NsSockSetClientData(NsSock *sock, const char *data);  /* copied; likewise */
/* Who owns the Sock: names and values that stay with its connection, over all requests, until it is closed or detached. */
Ns_Set *NsSockStorage(NsSock *sock);
/*
 * Bytes per second that the answer may have at most, 0: no limit of its own; that of its pool counts in any case.  It
 * begins with its pool's limit for a connection, or else its driver's.
 */
void    NsSockSetRate(NsSock *sock, int64_t rate);
int64_t NsSockGetRate(const NsSock *sock);

/*
 * Accept these bytes for sending, in order.  Sends at once what the socket takes when nothing is pending; the loop
 * sends the rest.  Never waits.  NS_ERROR: the connection is broken (errno), nothing of it will be sent.
 */
Ns_ReturnCode NsSockSend(NsSock *sock, const struct iovec *iov, int iovcnt, size_t *sentNow);
/* The same for a range of a file; the fd is taken over in any case. */
Ns_ReturnCode NsSockSendFile(NsSock *sock, int fd, off_t offset, size_t len);
size_t NsSockPending(NsSock *sock);                        /* accepted but not sent */

/*
 * Give the Sock back to its loop: it delivers what is pending, then waits for the next request or closes.  Ownership
 * passes; the connection thread must not touch it any more.
 */
void NsSockReturn(NsSock *sock, bool keepAlive);

/*
 * Give the Sock up for good.  Ownership of everything in *detached passes to the caller; the driver keeps no count of
 * it.  Works in the midst of writing as well: what is pending goes along.
 */
typedef struct NsDetached {
    Ns_Wire    io;
    NsAddr     peer, local;
    NsDriver *driver;
    char      *rest;                           /* bytes that came behind the request; ns_malloc'ed or NULL */
    size_t     restLen;
    NsOutQueue pending;                        /* answer bytes not yet sent */
} NsDetached;
void NsSockDetach(NsSock *sock, NsDetached *detached);

#endif
