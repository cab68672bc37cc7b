/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nsdbsqlite: SQLite files for nsdb.
 *
 * A handle is a connection of SQLite.  Journals are WAL, so that readers and a writer do not wait for each other; a writer waits for
 * another one as long as `busytimeout`.  `ns_sqlite_bind` has bind variables, by SQLite's own means.
 */
#include <string.h>
#include <sqlite3.h>
#include "nsdb.h"

NS_EXPORT const int Ns_ModuleVersion = 1;
NS_EXPORT NsDb_DriverInitProc Ns_DbDriverInit;

/* What is configured for a driver's name; lives as long as the process.  Names of drivers are few. */
typedef struct Config {
    struct Config *next;
    const char    *driver;
    int            busyTimeout;                /* ms */
    int64_t        statementTimeout;           /* ms; 0: none */
    const char    *journalMode, *synchronous;
    bool           foreignKeys;
} Config;

typedef struct Connection {
    struct Connection *next, **prev;           /* of all; under `lock` */
    const Ns_DbHandle *handle;                 /* whose it is */
    bool          running;                     /* a statement was begun, and not finished; atomic */
    bool          ended;                       /* that one is to end, as the server stops; atomic */
    int           busyTimeout;                 /* ms */
    int64_t       busySince;                   /* when it began to wait for another connection's lock */
    bool          gaveUp;                      /* that wait, before busyTimeout */
    sqlite3      *db;
    sqlite3_stmt *stmt;                        /* whose rows are being fetched */
    bool          ready;                       /* its next row is there */
    int64_t       changes;                     /* of the last statement; -1: it returned rows */
    int64_t       timeout, deadline;           /* ms; 0: none */
} Connection;

static Config     *configs;
static Ns_Mutex    lock;                       /* a connection in the list is open as long as it is held */
static Connection *connections;

static const char *
Name(Ns_DbHandle *handle)
{
    (void)handle;
    return "sqlite";
}

static int64_t
Now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
Exception(Ns_DbHandle *handle, const char *code, const char *bytes)
{
    Tcl_DString text;

    Tcl_DStringInit(&text);
    Ns_DbSetException(handle, code, Ns_TextIn(&text, bytes, strlen(bytes), NULL));
    Tcl_DStringFree(&text);
}

/* What SQLite says.  Always NS_ERROR. */
static int
Failed(Ns_DbHandle *handle)
{
    const Connection *connection = handle->connection;
    int               error = sqlite3_extended_errcode(connection->db);
    bool              stopped = error == SQLITE_INTERRUPT || ((error & 0xff) == SQLITE_BUSY && connection->gaveUp);
    char              code[12];

    if (stopped && connection->deadline > 0 && Now() >= connection->deadline) {
        Exception(handle, "57014", "the statement took longer than statementtimeout");
    } else if (stopped && __atomic_load_n(&connection->ended, __ATOMIC_RELAXED)) {
        Exception(handle, "57014", "the statement was ended, as the server stops");
    } else {
        (void)snprintf(code, sizeof(code), "%d", error);
        Exception(handle, code, sqlite3_errmsg(connection->db));
    }
    return NS_ERROR;
}

/* Called every so many steps of a statement: past its time it is interrupted. */
static int
TooLong(void *arg)
{
    const Connection *connection = arg;

    return connection->deadline > 0 && Now() >= connection->deadline;
}

/* Another connection has the lock for which a statement waits, asked so often: 0: it waits no more. */
static int
Busy(void *arg, int times)
{
    Connection *connection = arg;
    int64_t     now = Now();

    if (times == 0) {
        connection->busySince = now;
    }
    if (now - connection->busySince >= connection->busyTimeout) {
        return 0;
    }
    connection->gaveUp = TooLong(arg) || __atomic_load_n(&connection->ended, __ATOMIC_RELAXED);
    if (!connection->gaveUp) {
        (void)sqlite3_sleep(times < 20 ? 1 + times : 20);
    }
    return !connection->gaveUp;
}

/* Another thread: the end of what runs. */
static bool
Interrupt(const Ns_DbHandle *handle, int times)
{
    Connection *found;
    bool        runs;

    (void)times;
    Ns_MutexLock(&lock);
    for (found = connections; found != NULL && found->handle != handle; found = found->next) {
    }
    runs = found != NULL && __atomic_load_n(&found->running, __ATOMIC_ACQUIRE);
    if (runs) {
        __atomic_store_n(&found->ended, true, __ATOMIC_RELAXED);
        sqlite3_interrupt(found->db);
    }
    Ns_MutexUnlock(&lock);
    return runs;
}

static void
Enlist(Connection *connection)
{
    Ns_MutexLock(&lock);
    connection->next = connections;
    connection->prev = &connections;
    if (connections != NULL) {
        connections->prev = &connection->next;
    }
    connections = connection;
    Ns_MutexUnlock(&lock);
}

/* One that was never in the list is not taken out of it. */
static void
Delist(Connection *connection)
{
    Ns_MutexLock(&lock);
    if (connection->prev != NULL) {
        *connection->prev = connection->next;
        if (connection->next != NULL) {
            connection->next->prev = connection->prev;
        }
    }
    Ns_MutexUnlock(&lock);
}

static void
Finish(Ns_DbHandle *handle)
{
    Connection *connection = handle->connection;

    (void)sqlite3_finalize(connection->stmt);          /* NULL is fine; an error was told by the step */
    connection->stmt = NULL;
    connection->ready = false;
    connection->deadline = 0;                  /* what is prepared next has its own */
    __atomic_store_n(&connection->running, false, __ATOMIC_RELEASE);
    handle->fetchingRows = 0;
}

/* ---- connections */

static const Config *
ConfigOf(const char *driver)
{
    const Config *config = configs;

    while (strcmp(config->driver, driver) != 0) {
        config = config->next;
    }
    return config;
}

static Ns_ReturnCode
CloseDb(Ns_DbHandle *handle)
{
    Connection *connection = handle->connection;

    Delist(connection);
    Finish(handle);
    (void)sqlite3_close_v2(connection->db);
    ns_free(connection);
    handle->connection = NULL;
    handle->connected = false;
    return NS_OK;
}

/* Words of the configuration: one of SQLite's own, checked at the start. */
static Ns_ReturnCode
Prepare(Ns_DbHandle *handle, const Config *config)
{
    Connection *connection = handle->connection;
    char        sql[200];

    (void)sqlite3_extended_result_codes(connection->db, 1);
    connection->busyTimeout = config->busyTimeout;
    (void)sqlite3_busy_handler(connection->db, Busy, connection);
    (void)snprintf(sql, sizeof(sql), "PRAGMA journal_mode=%s; PRAGMA synchronous=%s; PRAGMA foreign_keys=%d",
                   config->journalMode, config->synchronous, config->foreignKeys);
    return sqlite3_exec(connection->db, sql, NULL, NULL, NULL) == SQLITE_OK ? NS_OK : (Ns_ReturnCode)Failed(handle);
}

static void
Watch(Connection *connection)
{
    sqlite3_progress_handler(connection->db, connection->timeout > 0 ? 10000 : 0, TooLong, connection);
}

static Ns_ReturnCode
OpenDb(Ns_DbHandle *handle)
{
    const Config *config = ConfigOf(handle->driver);
    Connection   *connection;
    Tcl_DString   ds;
    const char   *path;
    Ns_ReturnCode status = NS_ERROR;

    Tcl_DStringInit(&ds);
    path = Ns_TextOutString(&ds, handle->datasource);
    if (path == NULL || *path == '\0') {
        Exception(handle, "14", path == NULL ? "the datasource has a NUL" : "no datasource: it is the name of a file");
        Tcl_DStringFree(&ds);
        return NS_ERROR;
    }
    connection = ns_calloc(1u, sizeof(Connection));
    connection->timeout = config->statementTimeout;
    handle->connection = connection;
    /* A handle has one user at a time, which may be another thread each time. */
    if (sqlite3_open_v2(path, &connection->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL) != SQLITE_OK) {
        (void)Failed(handle);
    } else {
        status = Prepare(handle, config);
    }
    Tcl_DStringFree(&ds);
    if (status == NS_OK) {
        Watch(connection);
        connection->handle = handle;
        Enlist(connection);
        handle->connected = true;
    } else {
        (void)CloseDb(handle);
    }
    return status;
}

/* ---- statements */

/* Runs a prepared statement up to its first row, or to its end. */
static int
Start(Ns_DbHandle *handle)
{
    Connection *connection = handle->connection;
    bool        rows = sqlite3_column_count(connection->stmt) > 0;
    int         status;

    connection->deadline = connection->timeout > 0 ? Now() + connection->timeout : 0;
    __atomic_store_n(&connection->ended, false, __ATOMIC_RELAXED);
    connection->gaveUp = false;
    __atomic_store_n(&connection->running, true, __ATOMIC_RELEASE);
    status = sqlite3_step(connection->stmt);
    if (status != SQLITE_ROW && status != SQLITE_DONE) {
        (void)Failed(handle);
        Finish(handle);
        return NS_ERROR;
    }
    connection->ready = status == SQLITE_ROW;
    connection->changes = rows ? -1 : sqlite3_changes64(connection->db);
    if (!rows) {
        Finish(handle);
        return NS_DML;
    }
    handle->fetchingRows = 1;
    return NS_ROWS;
}

/* One of several: all of it, whatever rows there are. */
static int
RunAll(Ns_DbHandle *handle)
{
    Connection *connection = handle->connection;
    int         status = Start(handle);

    while (status == NS_ROWS && connection->ready) {
        int step = sqlite3_step(connection->stmt);

        connection->ready = step == SQLITE_ROW;
        if (step != SQLITE_ROW && step != SQLITE_DONE) {
            status = Failed(handle);
        }
    }
    Finish(handle);
    return status == NS_ERROR ? NS_ERROR : NS_DML;
}

static bool
BindValue(sqlite3_stmt *stmt, int number, Tcl_Obj *value)
{
    const char *type = value->typePtr != NULL && value->bytes == NULL ? value->typePtr->name : "";
    Tcl_WideInt integer;
    double      real;
    int         len, status;

    /* What is a number or bytes, and was never a text, goes as such: so does Tcl's package sqlite3. */
    if (strcmp(type, "bytearray") == 0) {
        const unsigned char *bytes = Tcl_GetByteArrayFromObj(value, &len);

        status = len > 0 ? sqlite3_bind_blob(stmt, number, bytes, len, SQLITE_TRANSIENT) : sqlite3_bind_null(stmt, number);
    } else if ((strcmp(type, "int") == 0 || strcmp(type, "wideInt") == 0) && Tcl_GetWideIntFromObj(NULL, value, &integer) == TCL_OK) {
        status = sqlite3_bind_int64(stmt, number, integer);
    } else if (strcmp(type, "double") == 0 && Tcl_GetDoubleFromObj(NULL, value, &real) == TCL_OK) {
        status = sqlite3_bind_double(stmt, number, real);
    } else {
        const char *text = Tcl_GetStringFromObj(value, &len), *bytes;
        Tcl_DString ds;
        size_t      outLen;

        Tcl_DStringInit(&ds);
        bytes = Ns_TextOut(&ds, text, (size_t)len, &outLen);
        status = outLen > 0u ? sqlite3_bind_text(stmt, number, bytes, (int)outLen, SQLITE_TRANSIENT) : sqlite3_bind_null(stmt, number);
        Tcl_DStringFree(&ds);
    }
    return status == SQLITE_OK;
}

/* All values that this statement of the text has places for: "?1" and so on.  Another sort of place has no value. */
static bool
BindValues(Ns_DbHandle *handle, int nvalues, Tcl_Obj *const *values)
{
    const Connection *connection = handle->connection;
    int               count = sqlite3_bind_parameter_count(connection->stmt);

    for (int i = 1; i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(connection->stmt, i);

        if (i > nvalues || (name != NULL && name[0] != '?')) {
            Exception(handle, "1", "a parameter without a value: bind variables are for ns_sqlite_bind, and written :name");
            return false;
        }
        if (!BindValue(connection->stmt, i, values[i - 1])) {
            (void)Failed(handle);
            return false;
        }
    }
    return true;
}

/* Where the next statement begins: behind space, semicolons and comments. */
static const char *
NextStatement(const char *at)
{
    const char *begin;

    do {
        begin = at;
        at += strspn(at, " \t\r\n\f;");
        if (at[0] == '-' && at[1] == '-') {
            at += strcspn(at, "\n");
        } else if (at[0] == '/' && at[1] == '*') {
            const char *end = strstr(at + 2, "*/");

            at = end != NULL ? end + 2 : at + strlen(at);
        }
    } while (at != begin);
    return at;
}

static int
ExecValues(Ns_DbHandle *handle, const char *sql, int nvalues, Tcl_Obj *const *values)
{
    Connection *connection = handle->connection;
    Tcl_DString ds;
    const char *rest;
    int         status = NS_DML;

    Tcl_DStringInit(&ds);
    rest = Ns_TextOutString(&ds, sql);
    if (rest == NULL) {
        Exception(handle, "1", "the statement has a NUL");
        status = NS_ERROR;
    }
    connection->changes = 0;
    while (status != NS_ERROR && *rest != '\0') {
        if (sqlite3_prepare_v2(connection->db, rest, -1, &connection->stmt, &rest) != SQLITE_OK) {
            status = Failed(handle);
        } else if (connection->stmt != NULL) { /* else space, or a comment */
            rest = NextStatement(rest);
            status = !BindValues(handle, nvalues, values) ? NS_ERROR : *rest == '\0' ? Start(handle) : RunAll(handle);
        }
        if (status == NS_ERROR) {
            Finish(handle);
        }
    }
    Tcl_DStringFree(&ds);
    return status;
}

static int
Exec(Ns_DbHandle *handle, const char *sql)
{
    return ExecValues(handle, sql, 0, NULL);
}

static Ns_ReturnCode
AppendPlace(Ns_DbHandle *handle, Tcl_DString *sql, int number, Tcl_Obj *value)
{
    char place[16];

    (void)handle;
    (void)value;
    (void)snprintf(place, sizeof(place), "?%d", number);
    Tcl_DStringAppend(sql, place, -1);
    return NS_OK;
}

/* ---- rows */

static Ns_Set *
BindRow(Ns_DbHandle *handle)
{
    const Connection *connection = handle->connection;
    int               count = connection->stmt != NULL ? sqlite3_column_count(connection->stmt) : 0;

    if (connection->stmt == NULL) {
        Exception(handle, NS_SQLERRORCODE, "there are no rows to be fetched");
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        const char *name = sqlite3_column_name(connection->stmt, i);
        Tcl_DString text;

        Tcl_DStringInit(&text);
        (void)Ns_SetPut(handle->row, Ns_TextIn(&text, name != NULL ? name : "", name != NULL ? strlen(name) : 0u, NULL), "");
        Tcl_DStringFree(&text);
    }
    return handle->row;
}

/* Text comes in as text; each byte of a BLOB is the character of that number. */
static void
PutColumn(sqlite3_stmt *stmt, int i, Ns_Set *row)
{
    bool        blob = sqlite3_column_type(stmt, i) == SQLITE_BLOB;
    const char *bytes = blob ? sqlite3_column_blob(stmt, i) : (const char *)sqlite3_column_text(stmt, i);
    size_t      len = (size_t)sqlite3_column_bytes(stmt, i);

    if (bytes == NULL) {
        Ns_SetPutValue(row, (size_t)i, "");
    } else if (blob) {
        Tcl_Obj *obj = Tcl_NewByteArrayObj((const unsigned char *)bytes, (int)len);

        Ns_SetPutValue(row, (size_t)i, Tcl_GetString(obj));
        Tcl_DecrRefCount(obj);
    } else {
        Ns_TextPutIn(row, (size_t)i, bytes, len);
    }
}

/* What a set cannot have would end the process.  The lengths of numbers do not count; each byte may become two. */
static bool
IsTooLong(sqlite3_stmt *stmt, int count)
{
    int64_t sum = 0;

    for (int i = 0; i < count; i++) {
        int type = sqlite3_column_type(stmt, i);

        sum += type == SQLITE_BLOB || type == SQLITE_TEXT ? sqlite3_column_bytes(stmt, i) : 0;
    }
    return sum > 1000000000;
}

static int
GetRow(Ns_DbHandle *handle, Ns_Set *row)
{
    Connection *connection = handle->connection;
    int         status = SQLITE_ROW, count;

    if (connection->stmt == NULL) {
        return NS_END_DATA;
    }
    if (!connection->ready) {
        /* After the end a statement would begin anew. */
        status = sqlite3_stmt_busy(connection->stmt) ? sqlite3_step(connection->stmt) : SQLITE_DONE;
    }
    connection->ready = false;
    if (status != SQLITE_ROW) {
        if (status != SQLITE_DONE) {
            (void)Failed(handle);
        }
        Finish(handle);
        return status == SQLITE_DONE ? NS_END_DATA : NS_ERROR;
    }
    count = sqlite3_column_count(connection->stmt);
    if (Ns_SetSize(row) != (size_t)count) {
        Exception(handle, NS_SQLERRORCODE, "the set has not as many fields as the row has columns");
        return NS_ERROR;
    }
    if (IsTooLong(connection->stmt, count)) {
        Exception(handle, NS_SQLERRORCODE, "the row has more than 1,000,000,000 bytes");
        return NS_ERROR;
    }
    for (int i = 0; i < count; i++) {
        PutColumn(connection->stmt, i, row);
    }
    return NS_OK;
}

static int
GetRowCount(Ns_DbHandle *handle)
{
    return (int)((Connection *)handle->connection)->changes;
}

static Ns_ReturnCode
Flush(Ns_DbHandle *handle)
{
    Finish(handle);
    return NS_OK;
}

static int64_t
StatementTimeout(Ns_DbHandle *handle, int64_t ms)
{
    Connection *connection = handle->connection;

    if (ms >= 0 && ms != connection->timeout) {
        connection->timeout = ms;
        Watch(connection);
    }
    return connection->timeout;
}

/* ---- handles that come back */

static bool
InTransaction(Ns_DbHandle *handle)
{
    return !sqlite3_get_autocommit(((Connection *)handle->connection)->db);
}

static Ns_ReturnCode
ResetHandle(Ns_DbHandle *handle)
{
    Connection *connection = handle->connection;

    Finish(handle);
    (void)StatementTimeout(handle, ConfigOf(handle->driver)->statementTimeout);
    return !InTransaction(handle) || sqlite3_exec(connection->db, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK ? NS_OK
         : (Ns_ReturnCode)Failed(handle);
}

static Tcl_Obj *
Version(Ns_DbHandle *handle)
{
    Tcl_Obj *dict = Tcl_NewDictObj();

    (void)handle;
    (void)Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("type", -1), Tcl_NewStringObj("sqlite", -1));
    (void)Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("version", -1), Tcl_NewStringObj(sqlite3_libversion(), -1));
    return dict;
}

/* ---- the command, and the start */

static int
BindObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_DbBindProcs procs = {"sqlite", AppendPlace, ExecValues};

    (void)clientData;
    return Ns_TclDbBindObjCmd(&procs, interp, objc, objv);
}

static Ns_ReturnCode
AddCommands(Tcl_Interp *interp, const void *arg)
{
    (void)arg;
    Tcl_CreateObjCommand(interp, "ns_sqlite_bind", BindObjCmd, NULL, NULL);
    return NS_OK;
}

static Ns_ReturnCode
ServerInit(const char *server, const char *module, const char *driver)
{
    (void)module;
    (void)driver;
    return Ns_TclRegisterTrace(server, AddCommands, NULL, NS_TCL_TRACE_CREATE);
}

/* NULL, logged: it is none of `words`, which end with NULL. */
static const char *
Word(const char *section, const char *key, const char *const *words)
{
    const char *value = Ns_ConfigString(section, key, words[0]);

    for (const char *const *word = words; *word != NULL; word++) {
        if (strcasecmp(value, *word) == 0) {
            return *word;
        }
    }
    Ns_Log(Error, "nsdbsqlite: section %s, parameter %s: \"%s\" is not %s or another of SQLite's words", section, key, value, words[0]);
    return NULL;
}

Ns_ReturnCode
Ns_DbDriverInit(const char *driver, const char *path)
{
    static const Ns_DbProc procs[] = {
        {DbFn_Name, (ns_funcptr_t)Name}, {DbFn_DbType, (ns_funcptr_t)Name}, {DbFn_ServerInit, (ns_funcptr_t)ServerInit},
        {DbFn_OpenDb, (ns_funcptr_t)OpenDb}, {DbFn_CloseDb, (ns_funcptr_t)CloseDb}, {DbFn_Exec, (ns_funcptr_t)Exec},
        {DbFn_BindRow, (ns_funcptr_t)BindRow}, {DbFn_GetRow, (ns_funcptr_t)GetRow}, {DbFn_GetRowCount, (ns_funcptr_t)GetRowCount},
        {DbFn_Flush, (ns_funcptr_t)Flush}, {DbFn_Cancel, (ns_funcptr_t)Flush}, {DbFn_ResetHandle, (ns_funcptr_t)ResetHandle},
        {DbFn_InTransaction, (ns_funcptr_t)InTransaction}, {DbFn_Version, (ns_funcptr_t)Version},
        {DbFn_Interrupt, (ns_funcptr_t)Interrupt}, {DbFn_StatementTimeout, (ns_funcptr_t)StatementTimeout}, {DbFn_End, NULL}
    };
    static const char *const journals[] = {"WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY", NULL};
    static const char *const syncs[] = {"NORMAL", "FULL", "EXTRA", "OFF", NULL};
    Config *config = ns_calloc(1u, sizeof(Config));
    Ns_Time busy, statement;

    Ns_ConfigTimeUnitRange(path, "busytimeout", "10s", 0, 0, 86400, 0, &busy);
    Ns_ConfigTimeUnitRange(path, "statementtimeout", "0", 0, 0, 86400L * 365, 0, &statement);
    config->driver = ns_strdup(driver);
    config->busyTimeout = (int)Ns_TimeToMilliseconds(&busy);
    config->statementTimeout = Ns_TimeToMilliseconds(&statement);
    config->journalMode = Word(path, "journalmode", journals);
    config->synchronous = Word(path, "synchronous", syncs);
    config->foreignKeys = Ns_ConfigBool(path, "foreignkeys", false);
    config->next = configs;
    configs = config;
    if (config->journalMode == NULL || config->synchronous == NULL) {
        return NS_ERROR;
    }
    return Ns_DbRegisterDriver(driver, procs);
}
