/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_dbquotevalue, ns_dbquotelist: values as literals of SQL.  What is to stand without quotes must be a number: anything else
 * would be a way for a value to become a part of the statement.
 */
#include <ctype.h>
#include <string.h>
#include "int.h"

static Ns_ObjvTable types[] = {
    {"decimal", 1u}, {"double", 1u}, {"integer", 1u}, {"int", 1u}, {"real", 1u}, {"smallint", 1u}, {"bigint", 1u}, {"bit", 1u},
    {"float", 1u}, {"numeric", 1u}, {"tinyint", 1u}, {"text", 0u}, {NULL, 0u}
};

static const char *
Digits(const char *at, int *count)
{
    while (isdigit((unsigned char)*at)) {
        at++;
        (*count)++;
    }
    return at;
}

/* A number as SQL writes it: -12, 3.5, .5, 1e10. */
static bool
IsNumber(const char *text)
{
    const char *at = text + (*text == '-' || *text == '+');
    int         digits = 0, exponent = 0;

    at = Digits(at, &digits);
    if (*at == '.') {
        at = Digits(at + 1, &digits);
    }
    if (digits > 0 && (*at == 'e' || *at == 'E')) {
        at += at[1] == '-' || at[1] == '+' ? 2 : 1;
        at = Digits(at, &exponent);
        digits = exponent;
    }
    return digits > 0 && *at == '\0';
}

static int
Quote(Tcl_Interp *interp, Tcl_DString *ds, const char *value, bool number)
{
    if (!number) {
        Tcl_DStringAppend(ds, "'", 1);
        Ns_DbQuoteValue(ds, value);
        Tcl_DStringAppend(ds, "'", 1);
    } else if (IsNumber(value)) {
        Tcl_DStringAppend(ds, value, -1);
    } else {
        Ns_TclPrintfResult(interp, "\"%s\" is not a number", value);
        return TCL_ERROR;
    }
    return TCL_OK;
}

static int
QuoteValueObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *value;
    int         number = 0, status = TCL_OK;
    Tcl_DString ds;
    Ns_ObjvSpec args[] = {{"value", Ns_ObjvString, &value, NULL},
                          {"?decimal|double|integer|int|real|smallint|bigint|bit|float|numeric|tinyint|text", Ns_ObjvIndex, &number, types},
                          {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    if (*value == '\0') {
        Tcl_DStringAppend(&ds, "NULL", 4);
    } else {
        status = Quote(interp, &ds, value, number != 0);
    }
    if (status == TCL_OK) {
        Tcl_DStringResult(interp, &ds);
    }
    Tcl_DStringFree(&ds);
    return status;
}

static int
QuoteListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *list, **elements;
    int         number = 0, n, status = TCL_OK;
    Tcl_DString ds;
    Ns_ObjvSpec args[] = {{"list", Ns_ObjvObj, &list, NULL},
                          {"?decimal|double|integer|int|real|smallint|bigint|bit|float|numeric|tinyint|text", Ns_ObjvIndex, &number, types},
                          {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK || Tcl_ListObjGetElements(interp, list, &n, &elements) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    for (int i = 0; status == TCL_OK && i < n; i++) {
        if (i > 0) {
            Tcl_DStringAppend(&ds, ",", 1);
        }
        status = Quote(interp, &ds, Tcl_GetString(elements[i]), number != 0);
    }
    if (status == TCL_OK) {
        Tcl_DStringResult(interp, &ds);
    }
    Tcl_DStringFree(&ds);
    return status;
}

void
NsDbAddQuoteCommands(Tcl_Interp *interp)
{
    Tcl_CreateObjCommand(interp, "ns_dbquotevalue", QuoteValueObjCmd, NULL, NULL);
    Tcl_CreateObjCommand(interp, "ns_dbquotelist", QuoteListObjCmd, NULL, NULL);
}
