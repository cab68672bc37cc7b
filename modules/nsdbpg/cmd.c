/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_pg and ns_pg_bind.
 */
#include <errno.h>
#include <string.h>
#include "pg.h"

int
PgGetHandle(Tcl_Interp *interp, const char *id, Ns_DbHandle **handle)
{
    if (Ns_TclDbGetHandle(interp, id, handle) != TCL_OK) {
        return TCL_ERROR;
    }
    if (strcmp(Ns_DbDriverName(*handle), PG_NAME) != 0 || !(*handle)->connected) {
        Ns_TclPrintfResult(interp, (*handle)->connected ? "handle \"%s\" is not one of driver " PG_NAME : "handle \"%s\" is not connected", id);
        return TCL_ERROR;
    }
    return TCL_OK;
}

int
PgFailure(Tcl_Interp *interp, const Ns_DbHandle *handle, const char *what)
{
    Ns_TclPrintfResult(interp, "Database operation \"%s\" failed (exception %s, \"%s\")", what, handle->cExceptionCode,
                       Tcl_DStringValue(&handle->dsExceptionMsg));
    return TCL_ERROR;
}

FILE *
PgOpenFile(const char *file, const char *mode)
{
    Tcl_DString ds;
    const char *path;
    FILE       *open = NULL;

    Tcl_DStringInit(&ds);
    path = Ns_TextOutString(&ds, file);
    if (path != NULL) {
        open = fopen(path, mode);
    } else {
        errno = EINVAL;                        /* a NUL in it */
    }
    Tcl_DStringFree(&ds);
    return open;
}

/* ---- facts */

static int
FactObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char  *what = Tcl_GetString(objv[1]), *text = NULL;
    char        *id;
    Ns_DbHandle *handle;
    PGconn      *conn;
    Tcl_DString  ds;
    Ns_ObjvSpec  args[] = {{"handle", Ns_ObjvString, &id, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || PgGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    conn = ((PgConnection *)handle->connection)->conn;
    if (strcmp(what, "ntuples") == 0) {
        Tcl_SetObjResult(interp, Tcl_NewIntObj(((PgConnection *)handle->connection)->rows));
        return TCL_OK;
    }
    if (strcmp(what, "pid") == 0) {
        Tcl_SetObjResult(interp, Tcl_NewIntObj(PQbackendPID(conn)));
        return TCL_OK;
    }
    text = strcmp(what, "db") == 0 ? PQdb(conn) : strcmp(what, "host") == 0 ? PQhost(conn) : strcmp(what, "port") == 0 ? PQport(conn)
         : strcmp(what, "error") == 0 ? PQerrorMessage(conn)
         : PQstatus(conn) == CONNECTION_OK ? "ok" : "bad";
    Tcl_DStringInit(&ds);
    PgAppendText(&ds, text != NULL ? text : "");
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

static int
StreamObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *id;
    int           stream = -1;
    Ns_DbHandle  *handle;
    PgConnection *connection;
    Ns_ObjvSpec   args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"?true|false", Ns_ObjvBool, &stream, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || PgGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    connection = handle->connection;
    if (stream >= 0) {
        connection->stream = stream != 0;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(connection->stream));
    return TCL_OK;
}

static int
PgObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec cmds[] = {
        {"copy_in", PgCopyInObjCmd}, {"copy_out", PgCopyOutObjCmd}, {"db", FactObjCmd}, {"error", FactObjCmd}, {"host", FactObjCmd},
        {"listen", PgListenObjCmd}, {"listeners", PgListenersObjCmd},
        {"lo_export", PgLoExportObjCmd}, {"lo_import", PgLoImportObjCmd}, {"lo_read", PgLoReadObjCmd}, {"lo_unlink", PgLoUnlinkObjCmd},
        {"lo_write", PgLoWriteObjCmd}, {"ntuples", FactObjCmd}, {"pid", FactObjCmd}, {"port", FactObjCmd}, {"status", FactObjCmd},
        {"stream", StreamObjCmd},
        {"unlisten", PgUnlistenObjCmd},
        {NULL, NULL}
    };

    return Ns_SubcmdObjv(cmds, clientData, interp, objc, objv);
}

/* ---- bind variables */

/* A literal, escaped by libpq as the server of this connection reads it. */
static Ns_ReturnCode
AppendLiteral(Ns_DbHandle *handle, Tcl_DString *sql, int number, Tcl_Obj *value)
{
    PGconn     *conn = ((PgConnection *)handle->connection)->conn;
    const char *text = Tcl_GetString(value), *bytes;
    char       *literal = NULL;
    Tcl_DString ds, error;

    if (*text == '\0') {
        Tcl_DStringAppend(sql, "NULL", 4);
        return NS_OK;
    }
    Tcl_DStringInit(&ds);
    Tcl_DStringInit(&error);
    bytes = Ns_TextOutString(&ds, text);
    if (bytes == NULL) {
        Tcl_DStringAppend(&error, "it has a NUL", -1);
    } else if ((literal = PQescapeLiteral(conn, bytes, strlen(bytes))) == NULL) {
        PgAppendText(&error, PQerrorMessage(conn));
    } else {
        Ns_TextAppendIn(sql, literal, strlen(literal));
        PQfreemem(literal);
    }
    if (literal == NULL) {
        Tcl_Obj *message = Tcl_ObjPrintf("bind variable number %d: %s", number, Tcl_DStringValue(&error));

        Tcl_IncrRefCount(message);
        Ns_DbSetException(handle, "22021", Tcl_GetString(message));
        Tcl_DecrRefCount(message);
    }
    Tcl_DStringFree(&error);
    Tcl_DStringFree(&ds);
    return literal != NULL ? NS_OK : NS_ERROR;
}

static int
ExecBound(Ns_DbHandle *handle, const char *sql, int nvalues, Tcl_Obj *const *values)
{
    (void)nvalues;
    (void)values;
    return PgExec(handle, sql);                /* they are in it */
}

/*
 * With standard_conforming_strings off a backslash counts in every text.  nsdb does not know that, and would take some for ended where they
 * are not: a value would get into one, and out of it.
 */
static bool
Misread(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char  *standard;
    Ns_DbHandle *handle;

    if (objc < 4 || strchr(Tcl_GetString(objv[objc - 1]), '\\') == NULL
        || PgGetHandle(interp, Tcl_GetString(objv[objc == 6 && strcmp(Tcl_GetString(objv[2]), "-bind") == 0 ? 4 : 2]), &handle) != TCL_OK) {
        return false;                          /* what is wrong is told by who is called then */
    }
    standard = PQparameterStatus(((PgConnection *)handle->connection)->conn, "standard_conforming_strings");
    return standard == NULL || strcmp(standard, "on") != 0;
}

static int
BindObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_DbBindProcs procs = {PG_NAME, AppendLiteral, ExecBound};

    (void)clientData;
    if (Misread(interp, objc, objv)) {
        Ns_TclPrintfResult(interp, "ns_pg_bind: the statement has a backslash, and standard_conforming_strings is off");
        return TCL_ERROR;
    }
    Tcl_ResetResult(interp);
    return Ns_TclDbBindObjCmd(&procs, interp, objc, objv);
}

void
PgAddCommands(Tcl_Interp *interp)
{
    Tcl_CreateObjCommand(interp, "ns_pg", PgObjCmd, NULL, NULL);
    Tcl_CreateObjCommand(interp, "ns_pg_bind", BindObjCmd, NULL, NULL);
}
