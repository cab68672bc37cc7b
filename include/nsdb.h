/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Databases: pools of handles for programs, and what a driver offers.  A module that calls these functions is linked with
 * -lnsdb; the commands (ns_db ...) are those of the module nsdb.
 *
 * Texts that pass here have Tcl's form, as everywhere inside.  A driver brings them into the form of its database, and what
 * comes from there into Tcl's, with Ns_TextOut and Ns_TextIn of ns.h.
 */
#ifndef NSDB_H
#define NSDB_H

#include "ns.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a statement turned out to be, and what Ns_DbGetRow gives at the end. */
#ifndef NS_DML
# define NS_DML      1
# define NS_ROWS     2
# define NS_END_DATA 4
# define NS_NO_DATA  8
#endif
#define NS_SQLERRORCODE "NSINT"                /* the code of exceptions that do not come from the database */
#define NS_SET_NAME_DB  "db"                   /* the name of sets with rows */

/*
 * A connection to a database, or one that can be made.  It belongs to the thread that took it from its pool; that thread
 * alone uses it and what is in it, until it is put back.  A driver sets `connection`, `statement`, `context` and `fetchingRows`, and
 * `connected` false (or the `connection` it had set NULL) when it has lost it; the others are nsdb's.
 */
typedef struct Ns_DbHandle {
    const char *driver;                        /* its name in the configuration */
    const char *datasource;
    const char *user;                          /* NULL: none is configured */
    const char *password;
    void       *connection;
    const char *poolname;
    bool        connected;
    bool        verbose;
    Ns_Set     *row;                           /* of BindRow and Select; cleared before each statement */
    char        cExceptionCode[6];
    Tcl_DString dsExceptionMsg;
    void       *context;
    void       *statement;
    int         fetchingRows;                  /* rows wait to be fetched, or flushed */
} Ns_DbHandle;

/* ------------------------------------------------------------------------------------------------ for drivers */

/*
 * A driver is a module whose entry is Ns_DbDriverInit.  `driver` is the name that it has in section ns/db/drivers, `path` its
 * section, ns/db/driver/NAME.  It is called once, by the main thread, and registers the driver's procs.
 */
typedef Ns_ReturnCode (NsDb_DriverInitProc)(const char *driver, const char *path);

/*
 * What a driver can do.  Procs get the handle first; those marked * must be there.  They run on the thread that has the handle,
 * without any lock.  A failure is NS_ERROR (NULL for a set), with Ns_DbSetException before it.
 */
typedef enum {
    DbFn_End = 0,
    DbFn_ServerInit,       /* Ns_ReturnCode (const char *server, const char *module, const char *driver): once per server, at the start */
    DbFn_Name,             /* * const char * (Ns_DbHandle *) */
    DbFn_DbType,           /* * const char * (Ns_DbHandle *) */
    DbFn_OpenDb,           /* * Ns_ReturnCode (Ns_DbHandle *): NS_OK: connected; must not wait without limit */
    DbFn_CloseDb,          /* * Ns_ReturnCode (Ns_DbHandle *): nsdb takes it as closed, whatever comes; any thread */
    DbFn_DML,              /* Ns_ReturnCode or NS_DML (Ns_DbHandle *, const char *sql) */
    DbFn_Select,           /* Ns_Set * (Ns_DbHandle *, const char *sql) */
    DbFn_GetRow,           /* * NS_OK or NS_END_DATA (Ns_DbHandle *, Ns_Set *row) */
    DbFn_Flush,            /* Ns_ReturnCode (Ns_DbHandle *): rows that wait are not wanted */
    DbFn_Cancel,           /* Ns_ReturnCode (Ns_DbHandle *) */
    DbFn_GetTableInfo,     /* these three are accepted, and called by nobody: the commands that did are gone */
    DbFn_TableList,
    DbFn_BestRowId,
    DbFn_Exec,             /* * NS_DML, NS_ROWS or NS_ERROR (Ns_DbHandle *, const char *sql) */
    DbFn_BindRow,          /* Ns_Set * (Ns_DbHandle *): row, with the names of the columns */
    DbFn_ResetHandle,      /* Ns_ReturnCode (Ns_DbHandle *): as new: no transaction.  Whenever a handle goes back */
    DbFn_SpStart,          /* Ns_ReturnCode (Ns_DbHandle *, const char *procname) */
    DbFn_SpSetParam,       /* Ns_ReturnCode (Ns_DbHandle *, const char *name, const char *type, const char *direction, const char *value) */
    DbFn_SpExec,           /* NS_DML, NS_ROWS or NS_ERROR (Ns_DbHandle *) */
    DbFn_SpReturnCode,     /* Ns_ReturnCode (Ns_DbHandle *, char *code, int size) */
    DbFn_SpGetParams,      /* Ns_Set * (Ns_DbHandle *) */
    DbFn_GetRowCount,      /* int (Ns_DbHandle *) */
    DbFn_Version,          /* Tcl_Obj * (Ns_DbHandle *): a dict */
    /* Of this server: */
    DbFn_Alive,            /* bool (Ns_DbHandle *): may the connection be used still?  Looks, and does not ask the database; any thread */
    DbFn_InTransaction,    /* bool (Ns_DbHandle *) */
    /*
     * bool (Ns_DbHandle *, int times): the statement under way, if there is one, is to end with an error; true: there is one.  Asked again
     * each second (`times` 1, 2, ...) as long as it runs.  Another thread than the owner, who may be anywhere in the driver, or closing the
     * connection: what the two share is the driver's to guard.  Must not wait.
     */
    DbFn_Interrupt,
    /*
     * int64_t (Ns_DbHandle *, int64_t ms): statements that take longer are ended with an error; 0: no limit; negative: as it is.  What holds
     * now, or -1 with an exception.  DbFn_ResetHandle brings back what is configured.
     */
    DbFn_StatementTimeout
} Ns_DbProcId;
#define NSDB_NUM_PROCS 28

typedef struct Ns_DbProc {
    Ns_DbProcId  id;
    ns_funcptr_t func;
} Ns_DbProc;

/* As the procs of a driver say it to themselves; Ns_ReturnCode's NS_OK and NS_ERROR are the same. */
typedef enum { NSDB_OK = 0, NSDB_ERROR = -1 } NsDb_ReturnCode;

/* `procs` ends with DbFn_End.  From Ns_DbDriverInit.  NS_ERROR, logged: a proc that must be there is missing, or the name is taken. */
NS_EXTERN Ns_ReturnCode Ns_DbRegisterDriver(const char *driver, const Ns_DbProc *procs);
/* `code`: up to five characters.  The owner of the handle. */
NS_EXTERN void Ns_DbSetException(Ns_DbHandle *handle, const char *code, const char *msg);
/* A module of a driver's commands: the handle that a script means.  TCL_ERROR leaves a message.  The thread of the interpreter. */
NS_EXTERN int  Ns_TclDbGetHandle(Tcl_Interp *interp, const char *handleId, Ns_DbHandle **handle);
/*
 * A driver whose own commands send statements: each between these two, so that it is counted, limited in its logging and shown
 * like others.  `what` is the command's word ("dml"); `status` NS_ERROR: it failed.  Begin gives NS_ERROR when the handle is not
 * connected.  The owner of the handle.
 */
NS_EXTERN Ns_ReturnCode Ns_DbStatementBegin(Ns_DbHandle *handle, Ns_Time *began);
NS_EXTERN void          Ns_DbStatementEnd(Ns_DbHandle *handle, const char *what, const char *sql, const Ns_Time *began, int status);

/*
 * The work of a driver's command for statements with bind variables:
 *     COMMAND 0or1row|1row|dml|exec|select ?-bind setId? handle sql
 * In `sql`, :name outside of texts, quoted names, comments and casts is the Tcl variable of that name, or that field of the set.
 * `append` adds to the statement what stands for value number `number` (from 1): a literal, or a place for it.  `exec` is as DbFn_Exec,
 * with all of them.  An empty value is meant as NULL.  The thread of the interpreter.
 */
typedef struct Ns_DbBindProcs {
    const char     *driverName;                /* as DbFn_Name says: other handles are refused */
    Ns_ReturnCode (*append)(Ns_DbHandle *handle, Tcl_DString *sql, int number, Tcl_Obj *value);
    int           (*exec)(Ns_DbHandle *handle, const char *sql, int nvalues, Tcl_Obj *const *values);
} Ns_DbBindProcs;
NS_EXTERN int Ns_TclDbBindObjCmd(const Ns_DbBindProcs *procs, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv);

/* ------------------------------------------------------------------------------------- pools: any thread */

NS_EXTERN const char *Ns_DbPoolDescription(const char *pool);      /* NULL: no such pool */
NS_EXTERN const char *Ns_DbPoolDefault(const char *server);        /* NULL: none */
NS_EXTERN const char *Ns_DbPoolList(const char *server);           /* names, each ended by a NUL, and another one; NULL: no such server */
NS_EXTERN bool        Ns_DbPoolAllowable(const char *server, const char *pool);
/*
 * One or more handles of a pool, connected, or NULL or NS_ERROR, with the reason in the log.  They wait until there are as many, as long as
 * `wait` (an interval or a date; NULL: the pool's `gettimeout`), then NS_TIMEOUT; those who came first get theirs first.  A thread that
 * has handles of the pool gets no more of it: it would wait for itself.
 */
NS_EXTERN Ns_DbHandle  *Ns_DbPoolGetHandle(const char *pool);
NS_EXTERN Ns_DbHandle  *Ns_DbPoolTimedGetHandle(const char *pool, const Ns_Time *wait);
NS_EXTERN Ns_ReturnCode Ns_DbPoolGetMultipleHandles(Ns_DbHandle **handles, const char *pool, int nwant);
NS_EXTERN Ns_ReturnCode Ns_DbPoolTimedGetMultipleHandles(Ns_DbHandle **handles, const char *pool, int nwant, const Ns_Time *wait);
/* Back to its pool: rows are flushed, a transaction is rolled back.  The owner. */
NS_EXTERN void          Ns_DbPoolPutHandle(Ns_DbHandle *handle);
/* Idle connections are closed, those in use when they come back.  NS_ERROR: no such pool. */
NS_EXTERN Ns_ReturnCode Ns_DbBouncePool(const char *pool);
NS_EXTERN int           Ns_DbPoolStats(Tcl_Interp *interp);        /* result: what `ns_db stats` shows */
/* *minDuration points to storage of the pool.  TCL_ERROR: no such pool, or not one of the interpreter's server. */
NS_EXTERN int           Ns_DbGetMinDuration(Tcl_Interp *interp, const char *pool, Ns_Time **minDuration);
NS_EXTERN int           Ns_DbSetMinDuration(Tcl_Interp *interp, const char *pool, const Ns_Time *minDuration);
NS_EXTERN Tcl_Obj      *Ns_DbListMinDurations(Tcl_Interp *interp, const char *server);

/* ------------------------------------------------------------------------- statements: the owner of the handle */

NS_EXTERN char         *Ns_DbDriverName(Ns_DbHandle *handle);
NS_EXTERN char         *Ns_DbDriverDbType(Ns_DbHandle *handle);
NS_EXTERN Tcl_Obj      *Ns_DbDriverVersionInfo(Ns_DbHandle *handle);       /* a dict */
NS_EXTERN int           Ns_DbDML(Ns_DbHandle *handle, const char *sql);    /* NS_OK or NS_ERROR */
NS_EXTERN Ns_Set       *Ns_DbSelect(Ns_DbHandle *handle, const char *sql); /* the handle's row, or NULL */
NS_EXTERN int           Ns_DbExec(Ns_DbHandle *handle, const char *sql);   /* NS_DML, NS_ROWS or NS_ERROR */
NS_EXTERN Ns_Set       *Ns_DbBindRow(Ns_DbHandle *handle);
NS_EXTERN int           Ns_DbGetRow(Ns_DbHandle *handle, Ns_Set *row);     /* NS_OK, NS_END_DATA or NS_ERROR */
NS_EXTERN int           Ns_DbGetRowCount(Ns_DbHandle *handle);             /* of the last statement; -1: not known */
NS_EXTERN Ns_ReturnCode Ns_DbFlush(Ns_DbHandle *handle);
NS_EXTERN Ns_ReturnCode Ns_DbCancel(Ns_DbHandle *handle);
NS_EXTERN Ns_ReturnCode Ns_DbResetHandle(Ns_DbHandle *handle);
/* How long a statement of this handle may take until it goes back (NULL: only asked); *now, which may be NULL, is set.  0: no limit. */
NS_EXTERN Ns_ReturnCode Ns_DbStatementTimeout(Ns_DbHandle *handle, const Ns_Time *timeout, Ns_Time *now);
NS_EXTERN Ns_ReturnCode Ns_DbSpStart(Ns_DbHandle *handle, const char *procname);
NS_EXTERN Ns_ReturnCode Ns_DbSpSetParam(Ns_DbHandle *handle, const char *paramname, const char *paramtype, const char *direction,
                                        const char *value);
NS_EXTERN int           Ns_DbSpExec(Ns_DbHandle *handle);
NS_EXTERN Ns_ReturnCode Ns_DbSpReturnCode(Ns_DbHandle *handle, const char *returnCode, int bufsize);
NS_EXTERN Ns_Set       *Ns_DbSpGetParams(Ns_DbHandle *handle);

/* The row is the caller's, to be freed.  NULL: an error, or (0or1Row) no row; *nrows is 0 or 1. */
NS_EXTERN Ns_Set       *Ns_Db0or1Row(Ns_DbHandle *handle, const char *sql, int *nrows);
NS_EXTERN Ns_Set       *Ns_Db1Row(Ns_DbHandle *handle, const char *sql);
/* Statements of a file, each ended by a ";" that is in no text, name or comment. */
NS_EXTERN Ns_ReturnCode Ns_DbInterpretSqlFile(Ns_DbHandle *handle, const char *filename);
/* Appends the text with each ' doubled, without any around it.  Any thread. */
NS_EXTERN void          Ns_DbQuoteValue(Tcl_DString *ds, const char *chars);

NS_EXTERN const char    *NS_EMPTY_STRING;      /* "" */
NS_EXTERN Ns_LogSeverity Ns_LogSqlDebug;       /* Debug(sql): statements with their time */

#ifdef __cplusplus
}
#endif
#endif
