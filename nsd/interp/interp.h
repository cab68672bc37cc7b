/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Interpreters: one per thread and server, made from the server's blueprint.
 *
 * After a server's modules and library are sourced once, the state of that interpreter - procs, namespaces and their
 * variables, aliases, packages - is kept as a script, the blueprint, with an epoch.  A thread's interpreter is made by
 * running it, and brought up to date when the epoch has changed.
 */
#ifndef NSD_INTERP_H
#define NSD_INTERP_H

#include "ns.h"
#include "conf/server.h"

struct NsConn;

/* What an interpreter knows of its surroundings: its associated data. */
#define NS_INTERP_DATA "ns:data"
typedef struct NsInterp {
    uint32_t       magic;
    Tcl_Interp    *interp;
    NsServer      *server;                     /* NULL: none */
    struct NsConn *conn;                       /* the request being served, or NULL */
    long           epoch;                      /* of the blueprint that it was made from */
    int            taken;                      /* 0: free, 1: in use, more: Ns_TclAllocateInterp within a request */
    bool           deleteWhenGiven;            /* ns_markfordelete, ns_ictl */
    bool           ownedByCaller;              /* Ns_TclCreateInterp, Ns_TclInit: in no thread's list */
    bool           hasModules;                 /* the commands of C modules were made */
    Tcl_HashTable  sets;                       /* sets.c: handles */
    int            setSerial;
    Tcl_HashTable  httpTasks, files;           /* of the families that need them */
    struct NsAtClose *atClose;                 /* ns_atclose scripts, last first (cmd/request/atclose.c) */
    struct NsDefer *defers;                    /* what NsInterpDefer registered */
    struct Ns_CacheTransactionStack *cacheTransactions;    /* NULL: none since the last cleanup (cmd/data/cache.c) */
    struct NsAdp  *adp;                        /* pages (page/adp.h); NULL: none yet */
    int            filterResult;               /* scratch of the filter being run */
} NsInterp;
#define NS_INTERP_MAGIC NS_MAGIC('I', 'n', 't', 'p')

/* The thread of the interpreter. */
NsInterp   *NsGetInterpData(Tcl_Interp *interp);           /* never NULL for ours */
/*
 * A free interpreter of this thread, never one that is in use.  A request takes one when its first script runs and gives
 * it back at its end; callback workers keep theirs and call NsInterpCleanup in between.
 */
Tcl_Interp *NsInterpTake(NsServer *server);
void        NsInterpGive(Tcl_Interp *interp);
/*
 * What an interpreter has to know of a request, lent by whoever serves them.  Main thread, at start.  The connection thread
 * calls them.
 */
typedef struct NsRequestHooks {
    NsServer   *(*server)(const struct NsConn *conn);
    Tcl_Interp *(*interp)(struct NsConn *conn);            /* the interpreter of the request, taken if need be */
    void        (*describe)(const struct NsConn *conn, Tcl_DString *ds);   /* appends a line for the log, or nothing */
} NsRequestHooks;
void        NsInterpSetRequestHooks(const NsRequestHooks *hooks);
/*
 * The connection thread: it serves this request from now on (NULL: none).  Meanwhile Ns_TclAllocateInterp for the
 * request's server gives the request's interpreter: the script sees `ns_conn`, and leaves its globals to the request.
 */
void        NsInterpServe(struct NsConn *conn);
struct NsConn *NsInterpServing(void);                        /* any thread: the request that it serves, or NULL */
/* Take over the request: `ns_conn` and Ns_TclGetConn see it until NsInterpFreeConn (traces GETCONN, FREECONN). */
void        NsInterpSetConn(Tcl_Interp *interp, struct NsConn *conn);
void        NsInterpFreeConn(Tcl_Interp *interp);
/* Run `proc` at the next cleanup of this interpreter (release what a command left open). */
void        NsInterpDefer(Tcl_Interp *interp, void (*proc)(Tcl_Interp *interp, void *arg), void *arg);
/* Unset globals, free ns_sets, close channels, run deferred procs; then renew if the epoch has changed. */
void        NsInterpCleanup(Tcl_Interp *interp);
/* A plain Tcl interpreter with the data of one of ours, no commands and no server; end with Tcl_DeleteInterp. */
Tcl_Interp *NsInterpCreatePlain(void);
/* Main thread, at start. */
void        NsInterpInitProcess(void);
void        NsInterpBuildBlueprint(NsServer *server);      /* source init file and libraries */

#endif
