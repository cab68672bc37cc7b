/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What nsdb asks of the driver: connections, statements, rows, transactions.
 *
 * A statement is sent and its answer awaited with two limits: the server is told `statementtimeout` and ends what takes longer; a server
 * that says nothing some seconds after that is given up, with its connection.  A connection that is lost makes its statement fail, and
 * all others of that handle; who takes the handle next gets a new one.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "pg.h"

#define GRACE 5000                             /* ms that the server has more than it was told */

static PgConfig *configs;

const PgConfig *
PgConfigOf(const char *driver)
{
    const PgConfig *config = configs;

    while (config != NULL && strcmp(config->driver, driver) != 0) {
        config = config->next;
    }
    return config;
}

static const char *
Name(Ns_DbHandle *handle)
{
    (void)handle;
    return PG_NAME;
}

int64_t
PgStatementDeadline(const PgConnection *connection)
{
    return connection->timeout > 0 ? PgDeadline(connection->timeout + GRACE) : 0;
}

void
PgRunning(PgConnection *connection, bool running)
{
    int64_t deadline = running ? PgStatementDeadline(connection) : 0;

    __atomic_store_n(&connection->deadline, running && deadline == 0 ? INT64_MAX : deadline, __ATOMIC_RELEASE);
}

/*
 * The watch: once a second a scheduled proc looks for statements whose date has passed, and shuts their sockets down, which ends
 * the wait.  A statement costs a store, where a time-out of its poll would cost a timer of the kernel.
 */
static Ns_Mutex      watchLock;                /* a socket in the list is open as long as it is held */
static PgConnection *watched;

static void
Watch(void *arg, int id)
{
    int64_t now = PgNow(), deadline;

    (void)arg;
    (void)id;
    Ns_MutexLock(&watchLock);
    for (PgConnection *each = watched; each != NULL; each = each->next) {
        deadline = __atomic_load_n(&each->deadline, __ATOMIC_ACQUIRE);
        if (deadline > 0 && now >= deadline) {
            __atomic_store_n(&each->late, true, __ATOMIC_RELEASE);
            (void)shutdown(each->sock, SHUT_RDWR);
        }
    }
    Ns_MutexUnlock(&watchLock);
}

/*
 * Another thread: what runs is cancelled; the third time the connection is given up, as the server does not hear.
 */
static bool
Interrupt(const Ns_DbHandle *handle, int times)
{
    PgCancelKey  *key = NULL;
    PgConnection *found;
    bool          runs;

    Ns_MutexLock(&watchLock);
    for (found = watched; found != NULL && found->handle != handle; found = found->next) {
    }
    runs = found != NULL && __atomic_load_n(&found->deadline, __ATOMIC_ACQUIRE) != 0;
    if (runs && times < 3) {
        key = PgCancelKeyHold(found->key);
    } else if (runs) {
        __atomic_store_n(&found->late, true, __ATOMIC_RELEASE);
        (void)shutdown(found->sock, SHUT_RDWR);
    }
    Ns_MutexUnlock(&watchLock);
    if (key != NULL) {
        PgCancel(key);
        PgCancelKeyRelease(key);
    }
    return runs;
}

static void
Enlist(PgConnection *connection)
{
    Ns_MutexLock(&watchLock);
    connection->next = watched;
    connection->prev = &watched;
    if (watched != NULL) {
        watched->prev = &connection->next;
    }
    watched = connection;
    Ns_MutexUnlock(&watchLock);
}

static void
Delist(PgConnection *connection)
{
    Ns_MutexLock(&watchLock);
    *connection->prev = connection->next;
    if (connection->next != NULL) {
        connection->next->prev = connection->prev;
    }
    Ns_MutexUnlock(&watchLock);
}

/* ---- connections */

static Ns_ReturnCode
CloseDb(Ns_DbHandle *handle)
{
    PgConnection *connection = handle->connection;

    Delist(connection);
    PQclear(connection->result);               /* NULL is fine */
    PQfinish(connection->conn);
    (void)close(connection->sock);
    PgCancelKeyRelease(connection->key);
    ns_free(connection);
    handle->connection = NULL;
    handle->connected = false;
    handle->fetchingRows = 0;
    return NS_OK;
}

/* What the server says beside its answers; on the thread that reads them. */
static void
Said(void *arg, const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    Tcl_DString text;

    Tcl_DStringInit(&text);
    PgAppendText(&text, message != NULL ? message : "");
    Ns_Log(severity != NULL && strcmp(severity, "WARNING") == 0 ? Warning : Notice, "nsdbpg: pool %s: %s", (const char *)arg,
           Tcl_DStringValue(&text));
    Tcl_DStringFree(&text);
}

static Ns_ReturnCode
OpenDb(Ns_DbHandle *handle)
{
    const PgConfig *config = PgConfigOf(handle->driver);
    PgConnection   *connection;
    Tcl_DString     error;
    PgCancelKey    *key;
    PGconn         *conn;
    int             sock;

    Tcl_DStringInit(&error);
    conn = PgConnect(handle->datasource, handle->user, handle->password, config, &error);
    sock = conn != NULL ? PgDupSocket(conn) : -1;
    key = conn != NULL ? PgCancelKeyNew(conn) : NULL;
    if (conn != NULL && (sock < 0 || key == NULL)) {
        Tcl_DStringAppend(&error, sock < 0 ? "no descriptor is left" : "out of memory", -1);
        if (sock >= 0) {
            (void)close(sock);
        }
        PgCancelKeyRelease(key);
        PQfinish(conn);
        conn = NULL;
    }
    if (conn != NULL) {
        (void)PQsetNoticeReceiver(conn, Said, (void *)handle->poolname);
        connection = ns_calloc(1u, sizeof(PgConnection));
        connection->conn = conn;
        connection->sock = sock;
        connection->config = config;
        connection->key = key;
        connection->handle = handle;
        connection->timeout = config->statementTimeout;
        connection->stream = config->streamRows;
        Enlist(connection);
        handle->connection = connection;
        handle->connected = true;
    } else {
        Ns_DbSetException(handle, "08001", Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
    return conn != NULL ? NS_OK : NS_ERROR;
}

static bool
Alive(Ns_DbHandle *handle)
{
    return PgAlive(((PgConnection *)handle->connection)->conn);
}

/* ---- statements */

int
PgFailed(Ns_DbHandle *handle, const PGresult *result, bool late)
{
    PgConnection *connection = handle->connection;
    const char   *code = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    bool          lost = late || PQstatus(connection->conn) != CONNECTION_OK;
    Tcl_DString   text;

    Tcl_DStringInit(&text);
    if (late) {
        code = "57014";
        Tcl_DStringAppend(&text, "the server has not ended the statement in time: the connection is given up", -1);
    } else {
        PgAppendText(&text, result != NULL ? PQresultErrorMessage(result) : PQerrorMessage(connection->conn));
    }
    Ns_DbSetException(handle, code != NULL ? code : lost ? "08006" : NS_SQLERRORCODE, Tcl_DStringValue(&text));
    Tcl_DStringFree(&text);
    if (lost) {
        (void)CloseDb(handle);
    }
    return NS_ERROR;
}

static void
Clear(Ns_DbHandle *handle)
{
    PgConnection *connection = handle->connection;

    PQclear(connection->result);
    connection->result = NULL;
    handle->fetchingRows = 0;
}

/* A COPY that came by ns_db: there are no data for it, or nobody for its data.  False: it cannot be ended. */
static bool
EndCopy(PGconn *conn, ExecStatusType kind)
{
    if (kind == PGRES_COPY_IN) {
        return PQputCopyEnd(conn, "COPY is for ns_pg copy_in and ns_pg copy_out") == 1 && PgFlush(conn, 0);
    }
    return kind == PGRES_COPY_OUT && PgDrainCopy(conn, 0);
}

typedef enum { TAKEN, COPIED, STUCK, REFUSED, STREAMED } Taken;

/* What is known at the end of an answer. */
typedef struct Answer {
    PGresult *failed;                          /* the last result that is a failure */
    bool      copy;                            /* there was a COPY */
    bool      fine;                            /* the connection can be used again */
} Answer;

/* A result that came is kept or freed, unless it is a failure (REFUSED). */
static Taken
TakeResult(Ns_DbHandle *handle, PGresult *result)
{
    PgConnection  *connection = handle->connection;
    ExecStatusType kind = PQresultStatus(result);

    switch (kind) {
    case PGRES_SINGLE_TUPLE:
        Clear(handle);
        connection->row = 0;
        connection->rows = 1;
        connection->result = result;
        connection->streams = true;
        return STREAMED;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        Clear(handle);
        connection->row = 0;
        connection->rows = kind == PGRES_TUPLES_OK ? PQntuples(result) : (int)strtol(PQcmdTuples(result), NULL, 10);
        if (kind == PGRES_TUPLES_OK) {
            connection->result = result;
        } else {
            PQclear(result);
        }
        return TAKEN;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        PQclear(result);
        return EndCopy(connection->conn, kind) ? COPIED : STUCK;
    default:
        return REFUSED;
    }
}

/* As TakeResult, of what follows a row that came alone: the next one, unless all are `dropped`; only rows of the first statement with some. */
static Taken
TakeMore(Ns_DbHandle *handle, PGresult *result, bool dropped)
{
    PgConnection  *connection = handle->connection;
    ExecStatusType kind = PQresultStatus(result);

    if (kind == PGRES_SINGLE_TUPLE && connection->streams && !dropped) {
        connection->row = 0;
        connection->rows += connection->rows < INT32_MAX;
        connection->result = result;
        return STREAMED;
    }
    if (kind == PGRES_SINGLE_TUPLE || kind == PGRES_TUPLES_OK || kind == PGRES_COMMAND_OK || kind == PGRES_EMPTY_QUERY) {
        connection->streams = connection->streams && kind == PGRES_SINGLE_TUPLE;
        PQclear(result);
        return TAKEN;
    }
    return TakeResult(handle, result);
}

/*
 * Results up to the end, or up to a row that came alone (true).  What a failure leaves behind is read as well: the connection is to be used
 * again.
 */
static bool
Read(Ns_DbHandle *handle, Answer *answer, bool more, bool dropped)
{
    PgConnection *connection = handle->connection;
    PGresult     *result;
    bool          late;

    while (answer->fine && (result = PgResult(connection->conn, 0, &late)) != NULL) {
        Taken taken = more ? TakeMore(handle, result, dropped) : TakeResult(handle, result);

        if (taken == STREAMED) {
            /* The server may be waiting for us: it has no limit of time until we ask for more. */
            __atomic_store_n(&connection->deadline, INT64_MAX, __ATOMIC_RELEASE);
            return true;
        }
        if (taken == REFUSED) {
            PQclear(answer->failed);
            answer->failed = result;
        }
        answer->copy = answer->copy || taken == COPIED;
        answer->fine = taken != STUCK && PQstatus(connection->conn) == CONNECTION_OK;
    }
    return false;
}

/* After the end of an answer.  NS_ERROR: with an exception. */
static int
Judge(Ns_DbHandle *handle, Answer *answer, bool sent)
{
    PgConnection *connection = handle->connection;
    bool          late;
    int           status = NS_OK;

    connection->streams = false;
    PgRunning(connection, false);
    /* One that can neither be read nor ended is given up as well. */
    late = __atomic_load_n(&connection->late, __ATOMIC_ACQUIRE) || (sent && !answer->fine && PQstatus(connection->conn) == CONNECTION_OK);
    if (!answer->fine || late || answer->failed != NULL || PQstatus(connection->conn) != CONNECTION_OK) {
        Clear(handle);
        status = PgFailed(handle, answer->failed, late);
    } else if (answer->copy) {
        Clear(handle);
        Ns_DbSetException(handle, NS_SQLERRORCODE, "COPY is for ns_pg copy_in and ns_pg copy_out");
        status = NS_ERROR;
    }
    PQclear(answer->failed);
    return status;
}

int
PgFinish(Ns_DbHandle *handle, bool sent)
{
    PgConnection *connection = handle->connection;
    Answer        answer = {.failed = NULL};
    int           status = NS_ROWS;

    PgRunning(connection, true);
    answer.fine = sent && PgFlush(connection->conn, 0);
    if (!Read(handle, &answer, false, false)) {
        status = Judge(handle, &answer, sent);
        if (status == NS_OK) {
            status = connection->result != NULL ? NS_ROWS : NS_DML;
        }
    }
    if (status == NS_ROWS) {
        handle->fetchingRows = 1;
    }
    return status;
}

/* The next row of those that come one by one.  As DbFn_GetRow, without having put it anywhere. */
static int
NextRow(Ns_DbHandle *handle)
{
    PgConnection *connection = handle->connection;
    Answer        answer = {.fine = true};
    int           status;

    PQclear(connection->result);
    connection->result = NULL;
    PgRunning(connection, true);
    if (Read(handle, &answer, true, false)) {
        return NS_OK;
    }
    handle->fetchingRows = 0;
    status = Judge(handle, &answer, true);
    return status == NS_OK ? NS_END_DATA : status;
}

static void
LogUnwanted(const Ns_DbHandle *handle, const PGresult *failed)
{
    Tcl_DString text;

    Tcl_DStringInit(&text);
    PgAppendText(&text, PQresultErrorMessage(failed));
    Ns_Log(Warning, "nsdbpg: pool %s: a statement whose rows were not wanted any more has failed: %s", handle->poolname, Tcl_DStringValue(&text));
    Tcl_DStringFree(&text);
}

/*
 * Rows that wait are not wanted.  Those that come one by one are read to their end: to cancel the statement could undo what it has done.
 * False: the connection is lost.
 */
static bool
Discard(Ns_DbHandle *handle)
{
    PgConnection *connection = handle->connection;

    Clear(handle);
    if (connection->streams) {
        Answer answer = {.fine = true};

        PgRunning(connection, true);
        (void)Read(handle, &answer, true, true);
        if (answer.failed != NULL) {           /* nobody asks any more why the rest did not come, but what it did is undone */
            LogUnwanted(handle, answer.failed);
        }
        PQclear(answer.failed);
        answer.failed = NULL;
        answer.copy = false;
        return Judge(handle, &answer, true) == NS_OK;
    }
    return true;
}

static bool
InTransaction(Ns_DbHandle *handle)
{
    return PQtransactionStatus(((PgConnection *)handle->connection)->conn) != PQTRANS_IDLE;
}

/* Outside of a transaction that was not ended: one that is rolled back would take it back. */
static Ns_ReturnCode
TellTimeout(Ns_DbHandle *handle)
{
    PgConnection *connection = handle->connection;
    char          sql[80];

    Clear(handle);
    connection->retell = InTransaction(handle);
    if (PQtransactionStatus(connection->conn) == PQTRANS_INERROR) {
        return NS_OK;
    }
    (void)snprintf(sql, sizeof(sql), "SET statement_timeout = %lld", (long long)connection->timeout);
    return PgFinish(handle, PQsendQuery(connection->conn, sql) == 1) != NS_ERROR ? NS_OK : NS_ERROR;
}

/* Ready for a statement: what was before is over, and the server knows the time-out. */
static bool
Prepare(Ns_DbHandle *handle)
{
    return Discard(handle) && (!((PgConnection *)handle->connection)->retell || InTransaction(handle) || TellTimeout(handle) == NS_OK);
}

static bool
Send(const PgConnection *connection, const char *sql)
{
    return PQsendQuery(connection->conn, sql) == 1 && (!connection->stream || PQsetSingleRowMode(connection->conn) == 1);
}

int
PgExec(Ns_DbHandle *handle, const char *sql)
{
    Tcl_DString ds;
    const char *bytes;
    int         status = NS_ERROR;

    Tcl_DStringInit(&ds);
    bytes = Ns_TextOutString(&ds, sql);
    if (bytes == NULL) {
        Ns_DbSetException(handle, "22021", "the statement has a NUL");
    } else if (Prepare(handle)) {
        status = PgFinish(handle, Send(handle->connection, bytes));
    }
    Tcl_DStringFree(&ds);
    return status;
}

/* ---- rows */

static Ns_Set *
BindRow(Ns_DbHandle *handle)
{
    const PgConnection *connection = handle->connection;
    int                 count = PQnfields(connection->result);         /* NULL: 0 */

    if (connection->result == NULL) {
        Ns_DbSetException(handle, NS_SQLERRORCODE, "there are no rows to be fetched");
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        const char *name = PQfname(connection->result, i);
        Tcl_DString text;

        Tcl_DStringInit(&text);
        (void)Ns_SetPut(handle->row, Ns_TextIn(&text, name, strlen(name), NULL), "");
        Tcl_DStringFree(&text);
    }
    return handle->row;
}

static int
GetRow(Ns_DbHandle *handle, Ns_Set *row)
{
    PgConnection *connection = handle->connection;
    int           status, count;

    if (connection->streams && connection->row == 1 && (status = NextRow(handle)) != NS_OK) {
        return status;
    }
    if (connection->result == NULL || connection->row == PQntuples(connection->result)) {
        Clear(handle);
        return NS_END_DATA;
    }
    count = PQnfields(connection->result);
    if (Ns_SetSize(row) != (size_t)count) {
        Ns_DbSetException(handle, NS_SQLERRORCODE, "the set has not as many fields as the row has columns");
        return NS_ERROR;
    }
    for (int i = 0; i < count; i++) {
        const char *value = PQgetvalue(connection->result, connection->row, i);        /* NULL: ""; always text, which has no NUL */

        Ns_TextPutIn(row, (size_t)i, value, strlen(value));
    }
    connection->row++;
    return NS_OK;
}

static int
GetRowCount(Ns_DbHandle *handle)
{
    return ((PgConnection *)handle->connection)->rows;
}

static Ns_ReturnCode
Flush(Ns_DbHandle *handle)
{
    return Discard(handle) ? NS_OK : NS_ERROR;
}

/* ---- transactions */

static int64_t
StatementTimeout(Ns_DbHandle *handle, int64_t ms)
{
    PgConnection *connection = handle->connection;
    int64_t       before = connection->timeout;

    if (ms >= 0 && (ms != before || connection->retell)) {
        connection->timeout = ms;
        if (!Discard(handle) || TellTimeout(handle) != NS_OK) {
            connection->timeout = before;
            connection->retell = true;         /* which of them the server has is not known */
            return -1;
        }
    }
    return connection->timeout;
}

static Ns_ReturnCode
ResetHandle(Ns_DbHandle *handle)
{
    PgConnection *connection = handle->connection;

    if (!Discard(handle)) {
        return NS_ERROR;
    }
    connection->stream = connection->config->streamRows;
    if (InTransaction(handle) && PgExec(handle, "ROLLBACK") == NS_ERROR) {
        return NS_ERROR;
    }
    return StatementTimeout(handle, connection->config->statementTimeout) >= 0 ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
PgBegin(Ns_DbHandle *handle, bool *mine)
{
    *mine = !InTransaction(handle);
    return !*mine || PgExec(handle, "BEGIN") != NS_ERROR ? NS_OK : NS_ERROR;
}

/* After a failure the exception is that of the failure. */
Ns_ReturnCode
PgEnd(Ns_DbHandle *handle, bool mine, Ns_ReturnCode status)
{
    Tcl_DString error;

    if (!mine || !handle->connected) {
        return status;
    }
    if (status == NS_OK) {
        return PgExec(handle, "COMMIT") != NS_ERROR ? NS_OK : NS_ERROR;
    }
    Tcl_DStringInit(&error);
    if (PgCommand(((PgConnection *)handle->connection)->conn, "ROLLBACK", GRACE, &error) != NS_OK) {
        (void)CloseDb(handle);
    }
    Tcl_DStringFree(&error);
    return status;
}

static Tcl_Obj *
Version(Ns_DbHandle *handle)
{
    PGconn  *conn = ((PgConnection *)handle->connection)->conn;
    Tcl_Obj *dict = Tcl_NewDictObj();
    int      version = PQserverVersion(conn);

    (void)Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("type", -1), Tcl_NewStringObj(PG_NAME, -1));
    (void)Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("version", -1), Tcl_ObjPrintf("%d.%d", version / 10000, version % 10000));
    (void)Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("pid", -1), Tcl_NewIntObj(PQbackendPID(conn)));
    return dict;
}

/* ---- the start */

Ns_ReturnCode
PgRegister(const char *driver, const char *path, ns_funcptr_t serverInit)
{
    const Ns_DbProc procs[] = {
        {DbFn_Name, (ns_funcptr_t)Name}, {DbFn_DbType, (ns_funcptr_t)Name}, {DbFn_ServerInit, serverInit},
        {DbFn_OpenDb, (ns_funcptr_t)OpenDb}, {DbFn_CloseDb, (ns_funcptr_t)CloseDb}, {DbFn_Exec, (ns_funcptr_t)PgExec},
        {DbFn_BindRow, (ns_funcptr_t)BindRow}, {DbFn_GetRow, (ns_funcptr_t)GetRow}, {DbFn_GetRowCount, (ns_funcptr_t)GetRowCount},
        {DbFn_Flush, (ns_funcptr_t)Flush}, {DbFn_Cancel, (ns_funcptr_t)Flush}, {DbFn_ResetHandle, (ns_funcptr_t)ResetHandle},
        {DbFn_Alive, (ns_funcptr_t)Alive}, {DbFn_InTransaction, (ns_funcptr_t)InTransaction}, {DbFn_Version, (ns_funcptr_t)Version},
        {DbFn_Interrupt, (ns_funcptr_t)Interrupt}, {DbFn_StatementTimeout, (ns_funcptr_t)StatementTimeout},
        {DbFn_End, NULL}
    };
    PgConfig *config = ns_calloc(1u, sizeof(PgConfig));
    Ns_Time   connect, statement;

    Ns_ConfigTimeUnitRange(path, "connecttimeout", "10s", 0, 1000, 86400, 0, &connect);
    Ns_ConfigTimeUnitRange(path, "statementtimeout", "1h", 0, 0, 86400L * 20, 0, &statement);
    config->driver = ns_strdup(driver);
    config->connectTimeout = Ns_TimeToMilliseconds(&connect);
    config->statementTimeout = Ns_TimeToMilliseconds(&statement);
    config->streamRows = Ns_ConfigBool(path, "streamrows", false);
    config->maxListeners = Ns_ConfigIntRange(path, "maxlisteners", 20, 0, 10000);
    if (configs == NULL) {
        Ns_Time second = {1, 0};

        Ns_MutexSetName(&watchLock, "nsdbpg:watch");
        if (Ns_ScheduleProcEx(Watch, NULL, 0u, &second, NULL) < 0) {
            Ns_Log(Error, "nsdbpg: nobody would look for statements that take too long");
            return NS_ERROR;
        }
    }
    config->next = configs;
    configs = config;
    return Ns_DbRegisterDriver(driver, procs);
}
