/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the owner of a handle asks of its driver; each statement is counted, timed, and logged when it is slow or fails.
 */
#include <stdio.h>
#include <string.h>
#include "int.h"

Ns_LogSeverity Ns_LogSqlDebug;
const char    *NS_EMPTY_STRING = "";

typedef Ns_ReturnCode (PlainProc)(Ns_DbHandle *handle);
typedef int (IntProc)(Ns_DbHandle *handle);
typedef int (StatementProc)(Ns_DbHandle *handle, const char *sql);
typedef Ns_Set *(SetProc)(Ns_DbHandle *handle);
typedef Ns_Set *(SelectProc)(Ns_DbHandle *handle, const char *sql);
typedef int (RowProc)(Ns_DbHandle *handle, Ns_Set *row);
typedef const char *(NameProc)(Ns_DbHandle *handle);

/* NULL: the driver does not have it. */
static ns_funcptr_t
Proc(const Ns_DbHandle *handle, Ns_DbProcId id)
{
    return ((const Handle *)handle)->pool->driver->procs[id];
}

static void
Now(Ns_Time *now)
{
    struct timespec clock;

    (void)clock_gettime(CLOCK_MONOTONIC, &clock);
    now->sec = clock.tv_sec;
    now->usec = clock.tv_nsec / 1000;
}

void
Ns_DbSetException(Ns_DbHandle *handle, const char *code, const char *msg)
{
    (void)snprintf(handle->cExceptionCode, sizeof(handle->cExceptionCode), "%s", code);
    Tcl_DStringSetLength(&handle->dsExceptionMsg, 0);
    Tcl_DStringAppend(&handle->dsExceptionMsg, msg, -1);
}

Tcl_Obj *
NsDbFailure(const Ns_DbHandle *handle, const char *what)
{
    Tcl_Obj *message = Tcl_ObjPrintf("Database operation \"%s\" failed", what);

    if (handle->cExceptionCode[0] != '\0') {
        Tcl_AppendPrintfToObj(message, " (exception %s, \"%s\")", handle->cExceptionCode, Tcl_DStringValue(&handle->dsExceptionMsg));
    }
    return message;
}

/* ---- statements */

Ns_ReturnCode
Ns_DbStatementBegin(Ns_DbHandle *handle, Ns_Time *began)
{
    handle->cExceptionCode[0] = '\0';
    Tcl_DStringSetLength(&handle->dsExceptionMsg, 0);
    Now(began);
    NsDbNoteLost(handle);
    if (handle->connected && handle->fetchingRows) {
        (void)Ns_DbFlush(handle);
    }
    Ns_SetTrunc(handle->row, 0u);
    __atomic_store_n(&((Handle *)handle)->since, NsDbMicroseconds(began), __ATOMIC_RELAXED);
    return handle->connected ? NS_OK : NS_ERROR;
}

/* The bytes of a statement that go into the log: whole characters. */
static int
LoggedLength(const Ns_DbHandle *handle, const char *sql, const char **more)
{
    size_t len = strlen(sql), most = ((const Handle *)handle)->pool->maxLogged;

    *more = "";
    if (len > most) {
        for (len = most; len > 0u && ((unsigned char)sql[len] & 0xc0u) == 0x80u; len--) {
        }
        *more = "...";
    }
    return (int)len;
}

static void
LogStatement(const Ns_DbHandle *handle, int severity, const Ns_Time *took, const char *sql)
{
    const char *more;
    int         len = LoggedLength(handle, sql, &more);

    Ns_Log(severity, "pool %s duration %ld.%06ld secs: '%.*s%s'", handle->poolname, took->sec, took->usec, len, sql, more);
}

/* Of a statement that failed: because the server stops. */
static void
LogEnded(const Ns_DbHandle *handle, const char *what, const char *sql, const Ns_Time *took)
{
    const char *more;
    int         len = LoggedLength(handle, sql, &more);

    Ns_Log(Warning, "nsdb: pool %s: the server stops: %s was ended after %ld.%06ld seconds: '%.*s%s'", handle->poolname, what, took->sec,
           took->usec, len, sql, more);
}

static bool
WasEnded(const Ns_DbHandle *handle, int64_t since)
{
    return since != 0 && __atomic_load_n(&((const Handle *)handle)->ended, __ATOMIC_RELAXED) == since;
}

void
Ns_DbStatementEnd(Ns_DbHandle *handle, const char *what, const char *sql, const Ns_Time *began, int status)
{
    Pool       *pool = ((Handle *)handle)->pool;
    Ns_Time     now, took;
    int64_t     usec;
    const char *more;

    NsDbNoteLost(handle);
    Now(&now);
    (void)Ns_DiffTime(&now, began, &took);
    usec = NsDbMicroseconds(&took);
    (void)__atomic_add_fetch(&pool->statements, 1u, __ATOMIC_RELAXED);
    (void)__atomic_add_fetch(&pool->sqlTime, (uint64_t)usec, __ATOMIC_RELAXED);
    if (status == NS_ERROR && WasEnded(handle, NsDbMicroseconds(began))) {
        LogEnded(handle, what, sql, &took);
    } else if (status == NS_ERROR && pool->logErrors) {
        const char *message = Tcl_DStringValue(&handle->dsExceptionMsg);
        int         len = LoggedLength(handle, sql, &more);

        Ns_Log(Error, "nsdb: pool %s: %s failed: %s%s%s: '%.*s%s'", pool->name, what, handle->cExceptionCode,
               handle->cExceptionCode[0] != '\0' ? " " : "",
               *message != '\0' ? message : handle->connected ? "no reason given" : "the handle is not connected", len, sql, more);
    }
    if (handle->verbose) {
        LogStatement(handle, Notice, &took, sql);
    } else if (usec >= __atomic_load_n(&pool->minDuration, __ATOMIC_RELAXED) && Ns_LogSeverityEnabled(Ns_LogSqlDebug)) {
        LogStatement(handle, Ns_LogSqlDebug, &took, sql);
    }
    if (!handle->fetchingRows) {               /* else it may run still */
        NsDbIdle(handle);
    }
}

int
Ns_DbExec(Ns_DbHandle *handle, const char *sql)
{
    Ns_Time began;
    int     status = Ns_DbStatementBegin(handle, &began);

    if (status == NS_OK) {
        status = ((StatementProc *)Proc(handle, DbFn_Exec))(handle, sql);
    }
    Ns_DbStatementEnd(handle, "exec", sql, &began, status);
    return status;
}

int
Ns_DbDML(Ns_DbHandle *handle, const char *sql)
{
    StatementProc *proc = (StatementProc *)Proc(handle, DbFn_DML);
    Ns_Time        began;
    int            status = Ns_DbStatementBegin(handle, &began);

    if (status == NS_OK && proc != NULL) {
        status = proc(handle, sql);
    } else if (status == NS_OK) {
        status = ((StatementProc *)Proc(handle, DbFn_Exec))(handle, sql);
        if (status == NS_ROWS) {
            (void)Ns_DbFlush(handle);
            Ns_DbSetException(handle, "NSDB", "Query was not a DML or DDL command.");
            status = NS_ERROR;
        }
    }
    status = status == NS_OK || status == NS_DML ? NS_OK : NS_ERROR;
    Ns_DbStatementEnd(handle, "dml", sql, &began, status);
    return status;
}

Ns_Set *
Ns_DbSelect(Ns_DbHandle *handle, const char *sql)
{
    SelectProc *proc = (SelectProc *)Proc(handle, DbFn_Select);
    Ns_Set     *row = NULL;
    Ns_Time     began;

    if (Ns_DbStatementBegin(handle, &began) == NS_OK) {
        if (proc != NULL) {
            row = proc(handle, sql);
        } else if (((StatementProc *)Proc(handle, DbFn_Exec))(handle, sql) == NS_ROWS) {
            row = Ns_DbBindRow(handle);
        } else if (handle->cExceptionCode[0] == '\0') {
            Ns_DbSetException(handle, "NSDB", "Query was not a statement returning rows.");
        }
    }
    Ns_DbStatementEnd(handle, "select", sql, &began, row != NULL ? NS_OK : NS_ERROR);
    return row;
}

/* ---- rows */

Ns_Set *
Ns_DbBindRow(Ns_DbHandle *handle)
{
    SetProc *proc = (SetProc *)Proc(handle, DbFn_BindRow);

    if (!handle->connected || proc == NULL) {
        return NULL;
    }
    Ns_SetTrunc(handle->row, 0u);
    return proc(handle);
}

int
Ns_DbGetRow(Ns_DbHandle *handle, Ns_Set *row)
{
    int status = handle->connected ? ((RowProc *)Proc(handle, DbFn_GetRow))(handle, row) : NS_ERROR;

    if (status != NS_OK) {
        const Pool *pool = ((Handle *)handle)->pool;
        int64_t     since = ((Handle *)handle)->since;

        if (status == NS_ERROR && WasEnded(handle, since)) {
            Ns_Log(Warning, "nsdb: pool %s: the server stops: a statement was ended while its rows were fetched", handle->poolname);
        } else if (status == NS_ERROR && pool->logErrors) {
            Ns_Log(Error, "nsdb: pool %s: getrow failed: %s %s", pool->name, handle->cExceptionCode, Tcl_DStringValue(&handle->dsExceptionMsg));
        }
        NsDbIdle(handle);
    }
    return status;
}

int
Ns_DbGetRowCount(Ns_DbHandle *handle)
{
    IntProc *proc = (IntProc *)Proc(handle, DbFn_GetRowCount);

    return handle->connected && proc != NULL ? proc(handle) : -1;
}

/* One without such a proc has nothing to do. */
static Ns_ReturnCode
Plain(Ns_DbHandle *handle, Ns_DbProcId id)
{
    PlainProc *proc = (PlainProc *)Proc(handle, id);

    return !handle->connected ? NS_ERROR : proc != NULL ? proc(handle) : NS_OK;
}

Ns_ReturnCode
Ns_DbFlush(Ns_DbHandle *handle)
{
    Ns_ReturnCode status = Plain(handle, DbFn_Flush);

    NsDbIdle(handle);
    return status;
}

Ns_ReturnCode
Ns_DbCancel(Ns_DbHandle *handle)
{
    Ns_ReturnCode status = Plain(handle, DbFn_Cancel);

    NsDbIdle(handle);
    return status;
}

Ns_ReturnCode
Ns_DbResetHandle(Ns_DbHandle *handle)
{
    return Plain(handle, DbFn_ResetHandle);
}

Ns_ReturnCode
Ns_DbStatementTimeout(Ns_DbHandle *handle, const Ns_Time *timeout, Ns_Time *now)
{
    typedef int64_t (TimeoutProc)(Ns_DbHandle *handle, int64_t ms);
    TimeoutProc *proc = (TimeoutProc *)Proc(handle, DbFn_StatementTimeout);
    int64_t      ms = timeout != NULL ? (NsDbMicroseconds(timeout) + 999) / 1000 : -1;

    if (!handle->connected || proc == NULL) {
        Ns_DbSetException(handle, NS_SQLERRORCODE, proc == NULL ? "the driver has no time-outs of statements" : "the handle is not connected");
        return NS_ERROR;
    }
    ms = proc(handle, ms);
    if (ms >= 0 && now != NULL) {
        *now = (Ns_Time){(long)(ms / 1000), (long)(ms % 1000 * 1000)};
    }
    return ms >= 0 ? NS_OK : NS_ERROR;
}

/* ---- about the driver */

char *
Ns_DbDriverName(Ns_DbHandle *handle)
{
    return (char *)((NameProc *)Proc(handle, DbFn_Name))(handle);
}

char *
Ns_DbDriverDbType(Ns_DbHandle *handle)
{
    return (char *)((NameProc *)Proc(handle, DbFn_DbType))(handle);
}

Tcl_Obj *
Ns_DbDriverVersionInfo(Ns_DbHandle *handle)
{
    typedef Tcl_Obj *(VersionProc)(Ns_DbHandle *handle);
    VersionProc *proc = (VersionProc *)Proc(handle, DbFn_Version);
    Tcl_Obj     *dict = proc != NULL && handle->connected ? proc(handle) : NULL;

    if (dict == NULL) {
        dict = Tcl_NewDictObj();
        (void)Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("type", -1), Tcl_NewStringObj(Ns_DbDriverDbType(handle), -1));
    }
    return dict;
}

/* ---- stored procedures */

Ns_ReturnCode
Ns_DbSpStart(Ns_DbHandle *handle, const char *procname)
{
    typedef Ns_ReturnCode (StartProc)(Ns_DbHandle *handle, const char *procname);
    StartProc *proc = (StartProc *)Proc(handle, DbFn_SpStart);

    return handle->connected && proc != NULL ? proc(handle, procname) : NS_ERROR;
}

Ns_ReturnCode
Ns_DbSpSetParam(Ns_DbHandle *handle, const char *paramname, const char *paramtype, const char *direction, const char *value)
{
    typedef Ns_ReturnCode (ParamProc)(Ns_DbHandle *handle, const char *name, const char *type, const char *direction, const char *value);
    ParamProc *proc = (ParamProc *)Proc(handle, DbFn_SpSetParam);

    return handle->connected && proc != NULL ? proc(handle, paramname, paramtype, direction, value) : NS_ERROR;
}

int
Ns_DbSpExec(Ns_DbHandle *handle)
{
    IntProc *proc = (IntProc *)Proc(handle, DbFn_SpExec);

    return handle->connected && proc != NULL ? proc(handle) : NS_ERROR;
}

Ns_ReturnCode
Ns_DbSpReturnCode(Ns_DbHandle *handle, const char *returnCode, int bufsize)
{
    typedef Ns_ReturnCode (CodeProc)(Ns_DbHandle *handle, const char *returnCode, int bufsize);
    CodeProc *proc = (CodeProc *)Proc(handle, DbFn_SpReturnCode);

    return handle->connected && proc != NULL ? proc(handle, returnCode, bufsize) : NS_ERROR;
}

Ns_Set *
Ns_DbSpGetParams(Ns_DbHandle *handle)
{
    SetProc *proc = (SetProc *)Proc(handle, DbFn_SpGetParams);

    return handle->connected && proc != NULL ? proc(handle) : NULL;
}
