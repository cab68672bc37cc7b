/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One request in a connection thread: made when it was queued, gone when it was answered.
 *
 * Only its connection thread touches it, but for the fields marked "any", which others read under the pool's lock.
 */
#ifndef NSD_CONN_H
#define NSD_CONN_H

#include "driver.h"
#include "request/queue.h"
#include "base/check.h"

/* What modules alone ask for: made and filled by conndata.c. */
struct NsConnExtra {
    Ns_Time     accept, queue, dequeue, filter, timeout;           /* dates; {0, 0}: not asked for, or not come to yet */
    Tcl_DString path, parts;                   /* of Ns_SetRequestUrl */
    char       *url;                           /* the same; NULL: it was not called */
};

typedef struct NsConn {
    Ns_Conn        pub;                        /* must be first: modules get a pointer to it */
    uint32_t       magic;
    struct NsConn *next;                       /* queue.c: waiting behind this */
    uintptr_t      id;                         /* any: counts over all servers */
    NsServer      *server;                     /* any */
    NsPool        *pool;                       /* any */
    NsDriver     *driver;                     /* any */
    NsSock        *sock;                       /* NULL once it was returned or detached */
    NsSockInfo     sockInfo;                   /* any: stays after detaching */
    NsHttpRequest *http;                       /* any: what is in pub.request and pub.headers points into it */
    Tcl_Interp    *interp;                     /* of the thread, once a script ran; may be NULL */

    Ns_Time        acceptTime, queueTime, dequeueTime, filterDoneTime, runDoneTime;     /* any; monotonic */
    Ns_Time        startTime;                  /* the date of acceptTime, once somebody has asked for it */

    int            status;                     /* response status; 200 unless set */
    bool           statusSet;
    bool           keepAlive;                  /* what the answer will say, decided when its head is written */
    int            keepAliveWish;              /* ns_conn keepalive: -1 unset, 0, 1 */
    Tcl_WideInt    responseLength;             /* of the body, -1: unknown (chunked, or until close) */
    atomic_size_t  contentSent;                /* body bytes accepted for sending, without chunk framing; others look at it */
    size_t         headSent;
    bool           finished;                   /* the answer is complete */
    const char    *outputEncoding;             /* charset name for text; NULL: by type, or the server's */
    Tcl_Encoding   encoding;                   /* for ns_write; NULL: not yet chosen */
    char          *clientData;
    char          *location;                   /* computed once */
    char          *serverRoot;                 /* what the server's root proc says, hostproc.c; NULL: nothing, or not yet asked */
    bool           rootKnown, locationAsked;   /* that proc, or the one for locations, was called */
    Ns_Set        *query;                      /* parsed once per encoding; NULL: not yet */
    Tcl_Encoding   queryEncoding;              /* it was parsed with */
    const char    *urlEncoding;                /* charset of query and form; NULL: by the type, or the server's */
    int            formStatus;                 /* 0, or what a form that is none is answered with (400, 413), and why */
    const char    *formFault;
    Tcl_HashTable *formFiles;                  /* string keys, NsFormFile *; NULL: none */
    char          *host;                       /* name in the Host header; computed once, like the next */
    int            port;                       /* 0: not yet computed */
    char           peerAddr[INET6_ADDRSTRLEN], localAddr[INET6_ADDRSTRLEN];
    char           forwardedAddr[INET6_ADDRSTRLEN];        /* "": none; see proxy.h */
    bool           forwardedKnown;
    const char    *targetMethod;               /* instead of the request's: error pages, HEAD by GET; NULL: none */
    int            redirects;
    char          *authUser, *authPasswd;
    Ns_Set        *auth;
    bool           filterRan;
    bool           plainBody;                  /* without chunks: until the end of the connection if there is no length */
    bool           leftOutput;                 /* something is in the buffer of pages (page/adp.h), and no page runs */
    bool           headersGiven;               /* ns_headers was called: ns_write does not stand for the whole answer */
    int            compress;                   /* level of gzip for text, the server's or of `ns_conn compress`; 0: none */
    int            voidTrace;                  /* see filter.c */
    Ns_UrlSpaceMatchInfo match;                /* of the URL with that for which its proc is registered */
    size_t         contentRead;                /* of the body, by Ns_ConnRead and its like */
    struct NsConnExtra *extra;                 /* NULL: nothing yet */
    struct NsLimits *limits;                   /* NULL: none (limits.c, which sets the next two as well) */
    bool           limitsSlot;                 /* it is one of those that may run */
    bool           refused;                    /* it has waited too long: answer 503 */
    bool           byDriver;                   /* the requestProc of its driver serves it */
    struct NsConnView *view;                   /* drivers of modules (connsock.c); NULL: nobody has asked */
} NsConn;
#define NS_CONN_MAGIC NS_MAGIC('C', 'o', 'n', 'n')

/* queue.c's connection threads. */
NsConn *NsConnCreate(NsServer *server, NsPool *pool, NsSock *sock, NsHttpRequest *request);
/* Filters, registered proc, traces, and the end: the answer is completed and the socket returned (or was detached). */
void    NsConnRun(NsConn *conn);
void    NsConnFree(NsConn *conn);

/*
 * The connection thread: its interpreter for this request, taken at the first call and given back at the request's end.
 */
Tcl_Interp *NsConnInterp(NsConn *conn);
/* The connection thread: the port of the Host header, or of the driver. */
int     NsConnPort(NsConn *conn);

/*
 * A file of a multipart form, in conn->formFiles by the name of its field (connform.c); several of one name are linked.
 * Filled by Ns_ConnGetQuery.
 */
typedef struct NsFormFile {
    struct NsFormFile *next, *last;            /* `last`: of the first one */
    size_t             offset, length;         /* in the request's body */
    Ns_Set            *headers;                /* of its part */
} NsFormFile;
void    NsConnFormFree(NsConn *conn);
/* connsock.c: a driver of a module serves it: by its requestProc, and then the connection is kept or closed. */
void    NsConnRunByDriver(NsConn *conn);
void    NsConnViewFree(NsConn *conn);
/* Does the request say that its body is JSON: application/json, or a type that ends in +json? */
bool    NsConnHasJson(const NsConn *conn);

/* The connection thread, e.g. in a command.  NULL: no request is being served. */
static inline NsConn *NsConnOf(Ns_Conn *conn) { return (NsConn *)conn; }
/*
 * Take the socket away from the request, for a channel.  The request's data stay readable; writing fails with
 * "connection socket is detached".  NS_ERROR: it is gone already.
 */
Ns_ReturnCode NsConnDetach(NsConn *conn, NsDetached *detached);

#endif
