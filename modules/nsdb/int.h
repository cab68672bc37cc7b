/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Between the files of libnsdb (driver.c pool.c stop.c config.c call.c bind.c util.c interp.c), and to the module's commands (nsdb.c cmd.c quote.c).
 */
#ifndef NSDB_INT_H
#define NSDB_INT_H

#include "nsdb.h"

/* ---- drivers (driver.c): made at the start by the main thread, not changed afterwards */

typedef struct Driver {
    struct Driver *next;
    const char    *name;                       /* in section ns/db/drivers */
    bool           registered;
    ns_funcptr_t   procs[NSDB_NUM_PROCS];
} Driver;

/* Main thread: the driver of that name, loaded if it was not yet.  NULL, logged: it cannot be had. */
Driver *NsDbDriverLoad(const char *name);
/* Main thread: each driver's ServerInit for a server that has pools with it. */
void    NsDbDriverServerInit(Driver *driver, const char *server, const char *module);

/* ---- pools and their handles (pool.c) */

typedef struct Pool   Pool;
typedef struct Waiter Waiter;

typedef struct Handle {
    Ns_DbHandle    pub;                        /* first: the two are one address */
    Pool          *pool;
    struct Handle *nextIdle;
    uintptr_t      owner;                      /* thread id; 0: idle.  Under the pool's lock */
    unsigned       generation;                 /* of the pool when it was connected */
    int64_t        opened, used;               /* monotonic ms: when connected, when last put back */
    uint64_t       session;                    /* number of the connection, of all */
    bool           uses;                       /* the driver keeps something in `connection` */
    bool           counted;                    /* in the pool's nconnected; the owner's */
    int64_t        since;                      /* when the statement under way began, monotonic microseconds; 0: none.  Atomic, set by the owner */
    int64_t        ended;                      /* that of which an end was demanded; atomic, set by stop.c */
    struct { int64_t of, next; int times; } demand;    /* stop.c's: of which statement, when again, how often so far */
} Handle;

struct Pool {
    Pool       *next;
    const char *name, *description, *section;
    Driver     *driver;
    Ns_Mutex    lock;                          /* around what follows, up to the next comment; never held while a driver's code runs */
    Handle     *idle;                          /* connected ones first, the one used last in front */
    int         nidle, nwaiting;
    Waiter     *firstWaiter, **lastWaiter;
    unsigned    generation;                    /* bounced so often */
    bool        stopping;
    bool        hurry;                         /* the server stops: nobody waits for a handle any more */
    uint64_t    gets;
    Ns_Time     waitTime;
    /* atomic, relaxed */
    uint64_t    statements, sqlTime;           /* microseconds */
    int64_t     minDuration;                   /* microseconds: shorter statements are not logged */
    int         nconnected;
    /* set at the start */
    int         nhandles, maxWaiting;
    Handle     *handles;
    int64_t     maxIdle, maxOpen;              /* ms; 0: no limit */
    Ns_Time     getTimeout;
    int64_t     stopGrace;                     /* microseconds that statements have when the server stops */
    bool        logErrors, verbose;
    size_t      maxLogged;                     /* bytes of a statement in the log */
};

int64_t NsDbNow(void);                         /* monotonic ms */
Pool   *NsDbPoolFind(const char *name);        /* any thread; NULL: none */
Pool   *NsDbPoolFirst(void);
/* Main thread: as the section ns/db/pool/NAME says.  NULL, logged. */
Pool   *NsDbPoolCreate(const char *name, const char *description);
/* Any thread: close what is idle for too long, or was bounced. */
void    NsDbPoolCheck(Pool *pool);
/* Any thread: those who wait for a handle get none, and nobody waits after them. */
void    NsDbPoolHurry(Pool *pool);
/* No more handles are given out, and what is idle is closed. */
void    NsDbPoolStop(Pool *pool);
typedef struct PoolStats {
    uint64_t statements, gets;
    int      handles, connected, used;
    Ns_Time  waitTime, sqlTime;
} PoolStats;
void    NsDbPoolGetStats(Pool *pool, PoolStats *stats);    /* any thread */
/* Any thread: as Ns_DbPoolTimedGetMultipleHandles, with the reason appended to `why` (may be NULL) when it is another than no room. */
Ns_ReturnCode NsDbPoolGet(Pool *pool, Ns_DbHandle **handles, int nwant, const Ns_Time *wait, Tcl_DString *why);
/* The owner: the row goes to the caller, the handle gets a new one. */
Ns_Set *NsDbTakeRow(Ns_DbHandle *handle);
/* The owner: the number of the connection, which no other has or had. */
NS_EXTERN uint64_t NsDbSession(const Ns_DbHandle *handle);
/* The owner: a driver that has lost the connection may say so by connection NULL alone. */
void    NsDbNoteLost(Ns_DbHandle *handle);
/* The owner, or the only one who knows the handle. */
NS_EXTERN void NsDbClose(Ns_DbHandle *handle);

/* ---- the stop (stop.c) */

/* Main thread, once: statements that still run when the server stops will be ended. */
void    NsDbStopInit(void);
/* Main thread, at the exit: nobody looks for them any more. */
void    NsDbStopEnd(void);

/* ---- statements */

/* Monotonic microseconds. */
static inline int64_t
NsDbMicroseconds(const Ns_Time *time)
{
    return (int64_t)time->sec * 1000000 + time->usec;
}

/* The owner: no statement of the handle is under way. */
static inline void
NsDbIdle(Ns_DbHandle *handle)
{
    __atomic_store_n(&((Handle *)handle)->since, 0, __ATOMIC_RELAXED);
}
/* "Database operation ... failed", with the handle's exception (call.c). */
NS_EXTERN Tcl_Obj *NsDbFailure(const Ns_DbHandle *handle, const char *what);
/* util.c: of a statement whose `row` is bound (NULL: it failed) the only row, as Ns_Db0or1Row gives it. */
Ns_Set     *NsDbOnlyRow(Ns_DbHandle *handle, Ns_Set *row, int *nrows);
/*
 * util.c: the end of a text, name or comment of SQL that begins there, else of one character.  As PostgreSQL reads them: what was taken for
 * the end of a text too early would let a value into the middle of it, and out of it.
 */
const char *NsDbPieceEnd(const char *at);

/* ---- configuration (config.c) */

/* Exported to the module nsdb alone: main thread, once for each server that loads it. */
NS_EXTERN Ns_ReturnCode NsDbServerInit(const char *server, const char *module);
Pool *NsDbPoolOfServer(Tcl_Interp *interp, const char *pool);     /* NULL leaves a message */

/* ---- handles in an interpreter (interp.c): its thread */

/* Take handles and give them ids, which become the result: one, or a list. */
NS_EXTERN int  NsDbInterpGet(Tcl_Interp *interp, const char *pool, int nwant, const Ns_Time *wait);
NS_EXTERN int  NsDbInterpRelease(Tcl_Interp *interp, const char *id);
NS_EXTERN Tcl_Obj *NsDbInterpCurrent(Tcl_Interp *interp);         /* pool -> {id active ...} */
/* Traces: handles that a script forgot go back; rows that it might still have are freed. */
Ns_ReturnCode NsDbInterpFreeConn(Tcl_Interp *interp, const void *arg);
Ns_ReturnCode NsDbInterpCleanup(Tcl_Interp *interp, const void *arg);
Ns_ReturnCode NsDbInterpBegin(Tcl_Interp *interp, const void *arg);

/* ---- the module's commands */

void NsDbAddCommands(Tcl_Interp *interp);      /* cmd.c: ns_db and those about handles and pools */
void NsDbAddQuoteCommands(Tcl_Interp *interp); /* quote.c */

#endif
