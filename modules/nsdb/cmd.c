/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_db, and the commands about pools and errors beside it.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "int.h"

/* A subcommand with a handle and at most one word more; `what` is its name. */
typedef int (HandleProc)(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word);

typedef struct SubCmd {
    const char     *name;
    HandleProc     *handleProc;                /* with `word` (NULL: none) behind the handle */
    const char     *word;
    Tcl_ObjCmdProc *proc;                      /* the others */
} SubCmd;

static int
Failed(Tcl_Interp *interp, const Ns_DbHandle *handle, const char *what)
{
    Tcl_SetObjResult(interp, NsDbFailure(handle, what));
    return TCL_ERROR;
}

static int
Result(Tcl_Interp *interp, const char *text)
{
    Tcl_SetObjResult(interp, Tcl_NewStringObj(text != NULL ? text : "", -1));
    return TCL_OK;
}

/* The row of a handle: the script sees it, and does not own it. */
static int
RowResult(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, Ns_Set *row)
{
    return row != NULL ? Ns_TclEnterSet(interp, row, NS_TCL_SET_STATIC) : Failed(interp, handle, what);
}

static int
KindResult(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, int kind)
{
    return kind == NS_DML ? Result(interp, "NS_DML") : kind == NS_ROWS ? Result(interp, "NS_ROWS") : Failed(interp, handle, what);
}

static int
StatusResult(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, int status)
{
    return status == NS_OK ? TCL_OK : Failed(interp, handle, what);
}

/* ---- statements */

static int
ZeroOrOneRow(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *sql)
{
    int     nrows = 0, status = TCL_OK;
    Ns_Set *row = Ns_Db0or1Row(handle, sql, &nrows);

    if (row == NULL) {
        status = Failed(interp, handle, what);
    } else if (nrows == 0) {
        Ns_SetFree(row);
    } else {
        status = Ns_TclEnterSet(interp, row, NS_TCL_SET_DYNAMIC);
    }
    return status;
}

static int
OneRow(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *sql)
{
    Ns_Set *row = Ns_Db1Row(handle, sql);

    return row != NULL ? Ns_TclEnterSet(interp, row, NS_TCL_SET_DYNAMIC) : Failed(interp, handle, what);
}

static int
Dml(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *sql)
{
    return StatusResult(interp, handle, what, Ns_DbDML(handle, sql));
}

static int
Exec(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *sql)
{
    return KindResult(interp, handle, what, Ns_DbExec(handle, sql));
}

static int
Select(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *sql)
{
    return RowResult(interp, handle, what, Ns_DbSelect(handle, sql));
}

static int
InterpretSqlFile(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *file)
{
    return StatusResult(interp, handle, what, Ns_DbInterpretSqlFile(handle, file));
}

static int
BindRow(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)word;
    return RowResult(interp, handle, what, Ns_DbBindRow(handle));
}

static int
GetRow(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *id)
{
    Ns_Set *row;
    int     status;

    if (Ns_TclGetSet2(interp, id, &row) != TCL_OK) {
        return TCL_ERROR;
    }
    status = Ns_DbGetRow(handle, row);
    if (status != NS_OK && status != NS_END_DATA) {
        return Failed(interp, handle, what);
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(status == NS_OK));
    return TCL_OK;
}

static int
Flush(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)word;
    return StatusResult(interp, handle, what, Ns_DbFlush(handle));
}

static int
Cancel(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)word;
    return StatusResult(interp, handle, what, Ns_DbCancel(handle));
}

static int
ResetHandle(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)word;
    if (Ns_DbResetHandle(handle) != NS_OK) {
        return Failed(interp, handle, what);
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(NS_OK));
    return TCL_OK;
}

static int
RowCount(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)what;
    (void)word;
    Tcl_SetObjResult(interp, Tcl_NewIntObj(Ns_DbGetRowCount(handle)));
    return TCL_OK;
}

/* ---- stored procedures */

static int
SpStart(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *name)
{
    return StatusResult(interp, handle, what, Ns_DbSpStart(handle, name));
}

static int
SpExec(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)word;
    return KindResult(interp, handle, what, Ns_DbSpExec(handle));
}

static int
SpReturnCode(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    char code[64] = "";

    (void)word;
    if (Ns_DbSpReturnCode(handle, code, (int)sizeof(code)) != NS_OK) {
        return Failed(interp, handle, what);
    }
    return Result(interp, code);
}

static int
SpGetParams(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)word;
    return RowResult(interp, handle, what, Ns_DbSpGetParams(handle));
}

static int
SpSetParamObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvTable directions[] = {{"in", 0u}, {"out", 1u}, {NULL, 0u}};
    char               *id, *name, *type, *value;
    int                 out;
    Ns_DbHandle        *handle;
    Ns_ObjvSpec         args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"paramname", Ns_ObjvString, &name, NULL},
                                  {"type", Ns_ObjvString, &type, NULL}, {"in|out", Ns_ObjvIndex, &out, directions},
                                  {"value", Ns_ObjvString, &value, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (objc == 7 && strcmp(Tcl_GetString(objv[5]), "in") != 0 && strcmp(Tcl_GetString(objv[5]), "out") != 0) {
        return Ns_TclDbGetHandle(interp, Tcl_GetString(objv[2]), &handle) != TCL_OK ? TCL_ERROR
             : (Ns_TclPrintfResult(interp, "direction of setparam must be \"in\" or \"out\""), TCL_ERROR);
    }
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || Ns_TclDbGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    return StatusResult(interp, handle, "sp_setparam", Ns_DbSpSetParam(handle, name, type, out ? "out" : "in", value));
}

/* ---- about a handle */

static int
Connected(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)what;
    (void)word;
    Tcl_SetObjResult(interp, Tcl_NewIntObj(handle->connected));
    return TCL_OK;
}

static int
Disconnect(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)interp;
    (void)what;
    (void)word;
    NsDbClose(handle);
    return TCL_OK;
}

static int
DataSource(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)what;
    (void)word;
    return Result(interp, handle->datasource);
}

static int
DbType(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)what;
    (void)word;
    return Result(interp, Ns_DbDriverDbType(handle));
}

static int
DriverName(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)what;
    (void)word;
    return Result(interp, Ns_DbDriverName(handle));
}

static int
Info(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)what;
    (void)word;
    Tcl_SetObjResult(interp, Ns_DbDriverVersionInfo(handle));
    return TCL_OK;
}

static int
User(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)what;
    (void)word;
    return Result(interp, handle->user);
}

static int
Password(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)what;
    (void)word;
    return Result(interp, handle->password);
}

static int
PoolName(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    (void)what;
    (void)word;
    return Result(interp, handle->poolname);
}

static int
SessionId(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    char id[32];

    (void)what;
    (void)word;
    (void)snprintf(id, sizeof(id), "sid%llu", (unsigned long long)NsDbSession(handle));
    return Result(interp, id);
}

static int
VerboseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char        *id;
    int          verbose = -1;
    Ns_DbHandle *handle;
    Ns_ObjvSpec  args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"?true|false", Ns_ObjvBool, &verbose, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || Ns_TclDbGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    if (verbose >= 0) {
        handle->verbose = verbose != 0;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(handle->verbose));
    return TCL_OK;
}

static int
Exception(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, const char *word)
{
    Tcl_Obj *both[] = {Tcl_NewStringObj(handle->cExceptionCode, -1), Tcl_NewStringObj(Tcl_DStringValue(&handle->dsExceptionMsg), -1)};

    (void)what;
    (void)word;
    Tcl_SetObjResult(interp, Tcl_NewListObj(2, both));
    return TCL_OK;
}

static int
SetExceptionObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char        *id, *code, *message;
    Ns_DbHandle *handle;
    Ns_ObjvSpec  args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"code", Ns_ObjvString, &code, NULL},
                           {"message", Ns_ObjvString, &message, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || Ns_TclDbGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    if (strlen(code) > 5u) {
        Ns_TclPrintfResult(interp, "code \"%s more than 5 characters", code);
        return TCL_ERROR;
    }
    Ns_DbSetException(handle, code, message);
    return TCL_OK;
}

/* ---- handles and pools */

static int
GetHandleObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange range = {1, INT_MAX};
    static Ns_ObjvTimeRange  times = {{0, 0}, {86400L * 3650, 0}};
    char                    *pool = NULL;
    int                      nhandles = 1;
    Ns_Time                 *timeout = NULL;
    Ns_ObjvSpec              opts[] = {{"-timeout", Ns_ObjvTime, &timeout, &times}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec              args[] = {{"?pool", Ns_ObjvString, &pool, NULL}, {"?nhandles", Ns_ObjvInt, &nhandles, &range},
                                       {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return NsDbInterpGet(interp, pool != NULL && *pool != '\0' ? pool : NULL, nhandles, timeout);
}

static int
ReleaseHandleObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *id;
    Ns_ObjvSpec args[] = {{"handle", Ns_ObjvString, &id, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    return Ns_ParseObjv(NULL, args, interp, 2, objc, objv) == NS_OK ? NsDbInterpRelease(interp, id) : TCL_ERROR;
}

static bool
NoArguments(Tcl_Interp *interp, int parseOffset, int objc, Tcl_Obj *const *objv)
{
    return Ns_ParseObjv(NULL, NULL, interp, parseOffset, objc, objv) == NS_OK;
}

static int
CurrentHandlesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    (void)clientData;
    if (!NoArguments(interp, 2, objc, objv)) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, NsDbInterpCurrent(interp));
    return TCL_OK;
}

static int
PoolsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char *name = Ns_DbPoolList(Ns_TclInterpServer(interp));
    Tcl_Obj    *list;

    (void)clientData;
    if (!NoArguments(interp, 2, objc, objv)) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    for (; name != NULL && *name != '\0'; name += strlen(name) + 1u) {
        (void)Tcl_ListObjAppendElement(interp, list, Tcl_NewStringObj(name, -1));
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static int
StatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    (void)clientData;
    return NoArguments(interp, 2, objc, objv) ? Ns_DbPoolStats(interp) : TCL_ERROR;
}

static int
BouncePoolObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *pool;
    Ns_ObjvSpec args[] = {{"poolname", Ns_ObjvString, &pool, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    /* Another server's pools are not this one's to close. */
    if (!Ns_DbPoolAllowable(Ns_TclInterpServer(interp), pool) || Ns_DbBouncePool(pool) != NS_OK) {
        Ns_TclPrintfResult(interp, "could not bounce: %s", pool);
        return TCL_ERROR;
    }
    return TCL_OK;
}

static int
LogMinDurationObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *pool = NULL;
    Ns_Time    *duration = NULL;
    Ns_ObjvSpec args[] = {{"?pool", Ns_ObjvString, &pool, NULL}, {"?minduration", Ns_ObjvTime, &duration, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (pool == NULL) {
        Tcl_SetObjResult(interp, Ns_DbListMinDurations(interp, Ns_TclInterpServer(interp)));
        return TCL_OK;
    }
    if ((duration != NULL && Ns_DbSetMinDuration(interp, pool, duration) != TCL_OK)
        || Ns_DbGetMinDuration(interp, pool, &duration) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Ns_TclNewTimeObj(duration));
    return TCL_OK;
}

static int
TimeoutObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvTimeRange range = {{0, 0}, {86400L * 20, 0}};
    char                   *id;
    Ns_Time                *timeout = NULL, now;
    Ns_DbHandle            *handle;
    Ns_ObjvSpec             args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"?timeout", Ns_ObjvTime, &timeout, &range}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK || Ns_TclDbGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    if (Ns_DbStatementTimeout(handle, timeout, &now) != NS_OK) {
        return Failed(interp, handle, "timeout");
    }
    Tcl_SetObjResult(interp, Tcl_NewDoubleObj((double)NsDbMicroseconds(&now) / 1e6));
    return TCL_OK;
}

/* ---- the commands */

static const SubCmd subCmds[] = {
    {"0or1row", ZeroOrOneRow, "sql", NULL}, {"1row", OneRow, "sql", NULL}, {"bindrow", BindRow, NULL, NULL},
    {"bouncepool", NULL, NULL, BouncePoolObjCmd}, {"cancel", Cancel, NULL, NULL}, {"connected", Connected, NULL, NULL},
    {"currenthandles", NULL, NULL, CurrentHandlesObjCmd}, {"datasource", DataSource, NULL, NULL}, {"dbtype", DbType, NULL, NULL},
    {"disconnect", Disconnect, NULL, NULL}, {"dml", Dml, "sql", NULL}, {"driver", DriverName, NULL, NULL},
    {"exception", Exception, NULL, NULL}, {"exec", Exec, "sql", NULL}, {"flush", Flush, NULL, NULL},
    {"gethandle", NULL, NULL, GetHandleObjCmd}, {"getrow", GetRow, "setId", NULL}, {"info", Info, NULL, NULL},
    {"interpretsqlfile", InterpretSqlFile, "sqlfile", NULL}, {"logminduration", NULL, NULL, LogMinDurationObjCmd},
    {"password", Password, NULL, NULL}, {"poolname", PoolName, NULL, NULL}, {"pools", NULL, NULL, PoolsObjCmd},
    {"releasehandle", NULL, NULL, ReleaseHandleObjCmd}, {"resethandle", ResetHandle, NULL, NULL}, {"rowcount", RowCount, NULL, NULL},
    {"select", Select, "sql", NULL}, {"session_id", SessionId, NULL, NULL}, {"setexception", NULL, NULL, SetExceptionObjCmd},
    {"sp_exec", SpExec, NULL, NULL}, {"sp_getparams", SpGetParams, NULL, NULL}, {"sp_returncode", SpReturnCode, NULL, NULL},
    {"sp_setparam", NULL, NULL, SpSetParamObjCmd}, {"sp_start", SpStart, "procname", NULL}, {"stats", NULL, NULL, StatsObjCmd},
    {"user", User, NULL, NULL}, {"verbose", NULL, NULL, VerboseObjCmd}, {NULL, NULL, NULL, NULL}
};

static int
DbObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const SubCmd *cmd;
    Ns_DbHandle  *handle;
    char         *id, *word = NULL;
    int           index;
    Ns_ObjvSpec   args[] = {{"handle", Ns_ObjvString, &id, NULL}, {NULL, Ns_ObjvString, &word, NULL}, {NULL, NULL, NULL, NULL}};

    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "/subcommand/ ?/arg .../?");
        return TCL_ERROR;
    }
    /* A unique beginning will do, as it always did. */
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], subCmds, (int)sizeof(subCmds[0]), "subcommand", 0, &index) != TCL_OK) {
        return TCL_ERROR;
    }
    cmd = &subCmds[index];
    if (cmd->proc != NULL) {
        return cmd->proc(clientData, interp, objc, objv);
    }
    args[1].key = cmd->word;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || Ns_TclDbGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    return cmd->handleProc(interp, handle, cmd->name, word);
}

static int
ConfigPathObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    (void)clientData;
    if (!NoArguments(interp, 1, objc, objv)) {
        return TCL_ERROR;
    }
    return Result(interp, Ns_ConfigSectionPath(NULL, Ns_TclInterpServer(interp), NULL, "db", (char *)NULL));
}

static int
PoolDescriptionObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *pool;
    Ns_ObjvSpec args[] = {{"poolname", Ns_ObjvString, &pool, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    return Ns_ParseObjv(NULL, args, interp, 1, objc, objv) == NS_OK ? Result(interp, Ns_DbPoolDescription(pool)) : TCL_ERROR;
}

/* What ns_dberrorcode (clientData NULL) and ns_dberrormsg tell. */
static int
ErrorObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char        *id;
    Ns_DbHandle *handle;
    Ns_ObjvSpec  args[] = {{"handle", Ns_ObjvString, &id, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK || Ns_TclDbGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    return Result(interp, clientData == NULL ? handle->cExceptionCode : Tcl_DStringValue(&handle->dsExceptionMsg));
}

void
NsDbAddCommands(Tcl_Interp *interp)
{
    static char message;

    Tcl_CreateObjCommand(interp, "ns_db", DbObjCmd, NULL, NULL);
    Tcl_CreateObjCommand(interp, "ns_dbtimeout", TimeoutObjCmd, NULL, NULL);
    Tcl_CreateObjCommand(interp, "ns_dbconfigpath", ConfigPathObjCmd, NULL, NULL);
    Tcl_CreateObjCommand(interp, "ns_dbpooldescription", PoolDescriptionObjCmd, NULL, NULL);
    Tcl_CreateObjCommand(interp, "ns_pooldescription", PoolDescriptionObjCmd, NULL, NULL);
    Tcl_CreateObjCommand(interp, "ns_dberrorcode", ErrorObjCmd, NULL, NULL);
    Tcl_CreateObjCommand(interp, "ns_dberrormsg", ErrorObjCmd, &message, NULL);
}
