/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Between the files of nsdbpg.
 *
 * connect.c talks to libpq, and never waits past a date; cancel.c has statements cancelled; handle.c stands on both: what nsdb asks of the
 * driver.  cmd.c has the commands, lob.c
 * those for large objects, copy.c for COPY; listen.c is who listens for NOTIFY.  nsdbpg.c starts all.
 */
#ifndef NSDBPG_PG_H
#define NSDBPG_PG_H

#include <libpq-fe.h>
#include "nsdb.h"

/* Of a driver's name in ns/db/drivers; made at the start, lives as long as the process. */
typedef struct PgConfig {
    struct PgConfig *next;
    const char      *driver;
    int64_t          connectTimeout, statementTimeout;     /* ms; the latter 0: none */
    int              maxListeners;
    bool             streamRows;               /* unless a handle says otherwise */
} PgConfig;

typedef struct PgConnection {
    struct PgConnection *next, **prev;         /* of all; under the watch's lock */
    const Ns_DbHandle *handle;                 /* whose it is */
    int64_t         deadline;                  /* of the statement under way, INT64_MAX: no limit, 0: there is none; atomic */
    bool            late;                      /* the watch has given it up; atomic */
    struct PgCancelKey *key;                   /* to have the server cancel it */
    int64_t         timeout;                   /* ms that a statement may take, 0: no limit; the server knows it, unless `retell` */
    bool            retell;                    /* it was told in a transaction, or could not be told in one that has failed */
    PGconn         *conn;
    int             sock;                      /* ours, of its socket: see PgDupSocket */
    PGresult       *result;                    /* whose rows are being fetched */
    int             row, rows;                 /* the next one; how many there are (`streams`: so far) or were changed */
    bool            stream;                    /* rows are to come one by one */
    bool            streams;                   /* they do: more may come */
    const PgConfig *config;
} PgConnection;

/* ---- connect.c: the owner of the connection */

int64_t PgNow(void);                           /* monotonic ms */
/* A date so many ms from now; 0 for 0, which is none. */
int64_t PgDeadline(int64_t timeout);
/* NULL: `error` has the reason.  `timeout` of statements is told to the server, if it is not 0. */
PGconn *PgConnect(const char *datasource, const char *user, const char *password, const PgConfig *config, Tcl_DString *error);
/* Something to be read comes; false: not before `deadline` (0: none). */
bool    PgAwait(PGconn *conn, int64_t deadline);
/*
 * Another descriptor of the connection's socket, to be closed by the caller; -1: there is none left.  libpq closes its own as soon as it
 * sees the end of the connection: its number is somebody else's then, whatever other threads still do with it.
 */
int     PgDupSocket(PGconn *conn);
/* What was sent goes out.  False: not before `deadline`, or the connection is no good any more. */
bool    PgFlush(PGconn *conn, int64_t deadline);
/*
 * The next result, or NULL when there is no more, the time is up (*late) or the connection is no good any more.  PQclear it.
 */
PGresult *PgResult(PGconn *conn, int64_t deadline, bool *late);
/* The data of COPY ... TO STDOUT are read and thrown away, up to their end; false: they did not end before `deadline`, or the connection was lost. */
bool    PgDrainCopy(PGconn *conn, int64_t deadline);
/* What came unasked is thrown away.  False: the other side has closed. */
bool    PgAlive(PGconn *conn);
/* Text from libpq, without the newline at its end, appended. */
void    PgAppendText(Tcl_DString *ds, const char *bytes);
/* Sends one statement of ours, and waits.  NS_ERROR: `error` has the reason. */
Ns_ReturnCode PgCommand(PGconn *conn, const char *sql, int64_t timeout, Tcl_DString *error);

/* ---- cancel.c */

typedef struct PgCancelKey PgCancelKey;
/* The owner of the connection; NULL: there is no memory. */
PgCancelKey *PgCancelKeyNew(PGconn *conn);
PgCancelKey *PgCancelKeyHold(PgCancelKey *key);
void         PgCancelKeyRelease(PgCancelKey *key);         /* NULL is fine */
/*
 * Any thread: the server is asked to cancel what that connection does, by a thread for that: it may take as long as a connection takes.
 * Holds the key.
 */
void         PgCancel(PgCancelKey *key);

/* ---- handle.c: the owner of the handle */

/* Main thread, once for each name of a driver: as its section `path` says.  `serverInit` is its DbFn_ServerInit.  NS_ERROR, logged. */
Ns_ReturnCode PgRegister(const char *driver, const char *path, ns_funcptr_t serverInit);

/*
 * After PQsend...: waits for all results and keeps the last one with rows; or, when they come one by one, for the first row.  As DbFn_Exec; a connection that is lost, or whose statement is
 * not ended by the server in time, is closed.
 */
int     PgFinish(Ns_DbHandle *handle, bool sent);
/* A failure of this connection, or of a result: sets the exception, and closes what is lost.  Always NS_ERROR. */
int     PgFailed(Ns_DbHandle *handle, const PGresult *result, bool late);
int64_t PgStatementDeadline(const PgConnection *connection);
/* A statement of the connection is under way: the watch, and the end of the server, see it; or no more is. */
void    PgRunning(PgConnection *connection, bool running);
const PgConfig *PgConfigOf(const char *driver);
int     PgExec(Ns_DbHandle *handle, const char *sql);
/* Statements around several of ours, unless a transaction is open: *mine tells.  NS_ERROR: the exception is set. */
Ns_ReturnCode PgBegin(Ns_DbHandle *handle, bool *mine);
Ns_ReturnCode PgEnd(Ns_DbHandle *handle, bool mine, Ns_ReturnCode status);
/* Name of the driver, as ns_db driver says. */
#define PG_NAME "PostgreSQL"

/* ---- commands: the thread of the interpreter */

void PgAddCommands(Tcl_Interp *interp);        /* cmd.c */
/* The handle of this driver that a script means, connected, or a message. */
int  PgGetHandle(Tcl_Interp *interp, const char *id, Ns_DbHandle **handle);
int  PgFailure(Tcl_Interp *interp, const Ns_DbHandle *handle, const char *what);
/* A file by the name that a script says.  NULL: errno says why. */
FILE *PgOpenFile(const char *file, const char *mode);
/* The entry of the subcommand `what` is objv[1]. */
Tcl_ObjCmdProc PgLoImportObjCmd, PgLoExportObjCmd, PgLoReadObjCmd, PgLoWriteObjCmd, PgLoUnlinkObjCmd;  /* lob.c */
Tcl_ObjCmdProc PgCopyInObjCmd, PgCopyOutObjCmd;                                                       /* copy.c */
Tcl_ObjCmdProc PgListenObjCmd, PgUnlistenObjCmd, PgListenersObjCmd;                                    /* listen.c */
void PgListenStart(void);                      /* main thread, once */

#endif
