/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nsdbtest: a driver without a database, for the tests of nsdb.
 *
 * Statements: "rows" gives a row with the column column1; "dml" changes nothing; "sleep MS" takes so long; "begin", "commit" and
 * "rollback" are a transaction; "lose" loses the connection; all others fail.  A datasource "refuse" cannot be connected to.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "nsdb.h"

NS_EXPORT const int Ns_ModuleVersion = 1;
NS_EXPORT NsDb_DriverInitProc Ns_DbDriverInit;

typedef struct Connection {
    bool fetched;                              /* the row */
    bool transaction, lost;
} Connection;

static const char *
Name(Ns_DbHandle *handle)
{
    (void)handle;
    return "nsdbtest";
}

static Ns_ReturnCode
OpenDb(Ns_DbHandle *handle)
{
    if (strcmp(handle->datasource, "refuse") == 0) {
        Ns_DbSetException(handle, "08001", "connection refused");
        return NS_ERROR;
    }
    handle->connection = ns_calloc(1u, sizeof(Connection));
    handle->connected = true;
    return NS_OK;
}

static Ns_ReturnCode
CloseDb(Ns_DbHandle *handle)
{
    ns_free(handle->connection);
    handle->connection = NULL;
    handle->connected = false;
    return NS_OK;
}

static bool
Alive(Ns_DbHandle *handle)
{
    return !((Connection *)handle->connection)->lost;
}

static bool
InTransaction(Ns_DbHandle *handle)
{
    return ((Connection *)handle->connection)->transaction;
}

static int
Exec(Ns_DbHandle *handle, const char *sql)
{
    Connection *connection = handle->connection;

    connection->fetched = false;
    if (strcmp(sql, "rows") == 0) {
        handle->fetchingRows = 1;
        return NS_ROWS;
    }
    if (strncmp(sql, "sleep ", 6u) == 0) {
        long            ms = strtol(sql + 6, NULL, 10);
        struct timespec time = {ms / 1000, ms % 1000 * 1000000};

        (void)nanosleep(&time, NULL);
        return NS_DML;
    }
    if (strcmp(sql, "begin") == 0 || strcmp(sql, "commit") == 0 || strcmp(sql, "rollback") == 0) {
        connection->transaction = *sql == 'b';
        return NS_DML;
    }
    if (strcmp(sql, "lose") == 0) {
        connection->lost = true;
    }
    return strcmp(sql, "dml") == 0 ? NS_DML : NS_ERROR;
}

static Ns_Set *
BindRow(Ns_DbHandle *handle)
{
    (void)Ns_SetPut(handle->row, "column1", "");
    return handle->row;
}

static int
GetRow(Ns_DbHandle *handle, Ns_Set *row)
{
    Connection *connection = handle->connection;

    if (connection->fetched) {
        handle->fetchingRows = 0;
        return NS_END_DATA;
    }
    connection->fetched = true;
    Ns_SetPutValue(row, 0u, "ok");
    return NS_OK;
}

static Ns_ReturnCode
Flush(Ns_DbHandle *handle)
{
    handle->fetchingRows = 0;
    ((Connection *)handle->connection)->fetched = false;
    return NS_OK;
}

static Ns_ReturnCode
ResetHandle(Ns_DbHandle *handle)
{
    (void)Flush(handle);
    ((Connection *)handle->connection)->transaction = false;
    return NS_OK;
}

Ns_ReturnCode
Ns_DbDriverInit(const char *driver, const char *path)
{
    static const Ns_DbProc procs[] = {
        {DbFn_Name, (ns_funcptr_t)Name}, {DbFn_DbType, (ns_funcptr_t)Name}, {DbFn_OpenDb, (ns_funcptr_t)OpenDb},
        {DbFn_CloseDb, (ns_funcptr_t)CloseDb}, {DbFn_Exec, (ns_funcptr_t)Exec}, {DbFn_BindRow, (ns_funcptr_t)BindRow},
        {DbFn_GetRow, (ns_funcptr_t)GetRow}, {DbFn_Flush, (ns_funcptr_t)Flush}, {DbFn_Cancel, (ns_funcptr_t)Flush},
        {DbFn_ResetHandle, (ns_funcptr_t)ResetHandle}, {DbFn_Alive, (ns_funcptr_t)Alive},
        {DbFn_InTransaction, (ns_funcptr_t)InTransaction}, {DbFn_End, NULL}
    };

    (void)path;
    return Ns_DbRegisterDriver(driver, procs);
}
