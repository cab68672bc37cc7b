/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Commands of drivers for statements with bind variables: :name in the text stands for a Tcl variable, or for a field of a set.
 */
#include <ctype.h>
#include <string.h>
#include "int.h"

#define MAX_VALUES 32766                       /* what databases take */

typedef struct Binding {
    Tcl_DString sql;
    Tcl_Obj   **values;
    int         n, max;
} Binding;

static void
Free(Binding *binding)
{
    for (int i = 0; i < binding->n; i++) {
        Tcl_DecrRefCount(binding->values[i]);
    }
    ns_free(binding->values);
    Tcl_DStringFree(&binding->sql);
}

/* The length of the name behind a colon; 0: it begins none. */
static size_t
NameLength(const char *text)
{
    size_t len = 0u;

    if (isalpha((unsigned char)*text) || *text == '_') {
        while (isalnum((unsigned char)text[len]) || text[len] == '_') {
            len++;
        }
    }
    return len;
}

/* NULL leaves a message. */
static Tcl_Obj *
Value(Tcl_Interp *interp, const Ns_Set *set, const char *name)
{
    Tcl_Obj *value = NULL;

    if (set == NULL) {
        value = Tcl_GetVar2Ex(interp, name, NULL, 0);
    } else if (Ns_SetFind(set, name) >= 0) {
        const char *text = Ns_SetGet(set, name);

        value = Tcl_NewStringObj(text != NULL ? text : "", -1);
    }
    if (value == NULL) {
        Ns_TclPrintfResult(interp, "undefined %s '%s'", set != NULL ? "set element" : "variable", name);
    }
    return value;
}

static int
Add(Tcl_Interp *interp, Ns_DbHandle *handle, const Ns_DbBindProcs *procs, Binding *binding, Tcl_Obj *value)
{
    Tcl_IncrRefCount(value);
    if (binding->n == MAX_VALUES) {
        Ns_TclPrintfResult(interp, "more than %d bind variables", MAX_VALUES);
        Tcl_DecrRefCount(value);
        return TCL_ERROR;
    }
    if (binding->n == binding->max) {
        binding->max = binding->max == 0 ? 8 : binding->max * 2;
        binding->values = ns_realloc(binding->values, (size_t)binding->max * sizeof(binding->values[0]));
    }
    binding->values[binding->n++] = value;
    if (procs->append(handle, &binding->sql, binding->n, value) != NS_OK) {
        Ns_TclPrintfResult(interp, "%s", Tcl_DStringValue(&handle->dsExceptionMsg));
        return TCL_ERROR;
    }
    return TCL_OK;
}

/* The statement as the driver wants it, and its values. */
static int
Bind(Tcl_Interp *interp, Ns_DbHandle *handle, const Ns_DbBindProcs *procs, const char *sql, const Ns_Set *set, Binding *binding)
{
    const char *done = sql, *at = sql;
    int         status = TCL_OK;

    while (status == TCL_OK && *at != '\0') {
        if (at[0] == ':' && at[1] == ':') {    /* a cast */
            at += 2;
        } else if (at[0] == ':' && NameLength(at + 1) > 0u) {
            size_t   len = NameLength(at + 1);
            char    *name = ns_strncopy(at + 1, (ssize_t)len);
            Tcl_Obj *value = Value(interp, set, name);

            Tcl_DStringAppend(&binding->sql, done, (int)(at - done));
            status = value != NULL ? Add(interp, handle, procs, binding, value) : TCL_ERROR;
            ns_free(name);
            done = at += len + 1u;
        } else {
            at = NsDbPieceEnd(at);
        }
    }
    Tcl_DStringAppend(&binding->sql, done, -1);
    return status;
}

/* ---- what comes back */

typedef enum { ZERO_OR_ONE_ROW, ONE_ROW, DML, EXEC, SELECT } Kind;
static const char *const kinds[] = {"0or1row", "1row", "dml", "exec", "select", NULL};

static int
Failed(Tcl_Interp *interp, Ns_DbHandle *handle, Kind kind)
{
    Tcl_SetObjResult(interp, NsDbFailure(handle, kinds[kind]));
    return TCL_ERROR;
}

static int
OneRowResult(Tcl_Interp *interp, Ns_DbHandle *handle, Kind kind)
{
    int     nrows = 0;
    Ns_Set *row = NsDbOnlyRow(handle, Ns_DbBindRow(handle), &nrows);

    if (row != NULL && nrows == 0 && kind == ONE_ROW) {
        Ns_DbSetException(handle, NS_SQLERRORCODE, "Query did not return a row.");
        Ns_SetFree(row);
        row = NULL;
    }
    if (row == NULL) {
        return Failed(interp, handle, kind);
    }
    if (nrows == 0) {
        Ns_SetFree(row);
        return TCL_OK;
    }
    return Ns_TclEnterSet(interp, row, NS_TCL_SET_DYNAMIC);
}

static int
Result(Tcl_Interp *interp, Ns_DbHandle *handle, Kind kind, int status)
{
    Ns_Set *row;

    if (status == NS_ERROR) {
        return Failed(interp, handle, kind);
    }
    switch (kind) {
    case DML:
        return TCL_OK;
    case EXEC:
        Tcl_SetObjResult(interp, Tcl_NewStringObj(status == NS_ROWS ? "NS_ROWS" : "NS_DML", -1));
        return TCL_OK;
    case SELECT:
        row = Ns_DbBindRow(handle);
        return row != NULL ? Ns_TclEnterSet(interp, row, NS_TCL_SET_STATIC) : Failed(interp, handle, kind);
    default:
        return OneRowResult(interp, handle, kind);
    }
}

/* The wrong sort of statement is an error, as with ns_db. */
static int
Checked(Ns_DbHandle *handle, Kind kind, int status)
{
    if (status == NS_ROWS && kind == DML) {
        (void)Ns_DbFlush(handle);
        Ns_DbSetException(handle, "NSDB", "Query was not a DML or DDL command.");
        status = NS_ERROR;
    } else if (status == NS_DML && kind != DML && kind != EXEC) {
        Ns_DbSetException(handle, "NSDB", "Query was not a statement returning rows.");
        status = NS_ERROR;
    }
    return status;
}

/* Options may stand before or behind the handle, as they always might. */
static int
Parse(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, int *kind, char **id, Ns_Set **set, char **sql)
{
    char       *setId = NULL;
    int         status;
    Tcl_Obj    *words[6];
    Ns_ObjvSpec opts[] = {{"-bind", Ns_ObjvString, &setId, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec args[] = {{"handle", Ns_ObjvString, id, NULL}, {"sql", Ns_ObjvString, sql, NULL}, {NULL, NULL, NULL, NULL}};

    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "0or1row|1row|dml|exec|select ?-bind setId? handle sql");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], kinds, (int)sizeof(kinds[0]), "subcommand", TCL_EXACT, kind) != TCL_OK) {
        return TCL_ERROR;
    }
    if (objc == 6 && strcmp(Tcl_GetString(objv[3]), "-bind") == 0) {
        for (int i = 0; i < 6; i++) {
            words[i] = objv[i == 2 ? 3 : i == 3 ? 4 : i == 4 ? 2 : i];
        }
        status = Ns_ParseObjv(opts, args, interp, 2, objc, words);
    } else {
        status = Ns_ParseObjv(opts, args, interp, 2, objc, objv);
    }
    if (status != NS_OK) {
        return TCL_ERROR;
    }
    return setId != NULL ? Ns_TclGetSet2(interp, setId, set) : TCL_OK;
}

int
Ns_TclDbBindObjCmd(const Ns_DbBindProcs *procs, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set      *set = NULL;
    Ns_DbHandle *handle;
    Ns_Time      began;
    Binding      binding = {.n = 0};
    char        *id, *sql;
    int          kind, status;

    if (Parse(interp, objc, objv, &kind, &id, &set, &sql) != TCL_OK || Ns_TclDbGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    if (strcmp(Ns_DbDriverName(handle), procs->driverName) != 0) {
        Ns_TclPrintfResult(interp, "handle \"%s\" is not one of driver %s, but of %s", id, procs->driverName, Ns_DbDriverName(handle));
        return TCL_ERROR;
    }
    Tcl_DStringInit(&binding.sql);
    status = Ns_DbStatementBegin(handle, &began);
    if (status == NS_OK && Bind(interp, handle, procs, sql, set, &binding) != TCL_OK) {
        NsDbIdle(handle);
        Free(&binding);
        return TCL_ERROR;
    }
    if (status == NS_OK) {
        status = Checked(handle, (Kind)kind, procs->exec(handle, Tcl_DStringValue(&binding.sql), binding.n, binding.values));
    }
    Ns_DbStatementEnd(handle, kinds[kind], sql, &began, status);
    Free(&binding);
    return Result(interp, handle, (Kind)kind, status);
}
