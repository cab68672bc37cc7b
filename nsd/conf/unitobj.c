/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Times and sizes as Tcl objects.
 */
#include <stdio.h>
#include <string.h>
#include "ns.h"

/* A plain number is at hand without its text. */
static bool
GetPlainInteger(Tcl_Obj *obj, Tcl_WideInt *value)
{
    return obj->bytes == NULL && obj->typePtr != NULL
        && (strcmp(obj->typePtr->name, "int") == 0 || strcmp(obj->typePtr->name, "wideInt") == 0)
        && Tcl_GetWideIntFromObj(NULL, obj, value) == TCL_OK;
}

int
Ns_TclGetTimeFromObj(Tcl_Interp *interp, Tcl_Obj *obj, Ns_Time *result)
{
    Tcl_WideInt seconds;

    if (GetPlainInteger(obj, &seconds)) {
        result->sec = (long)seconds;
        result->usec = 0;
        return TCL_OK;
    }
    return Ns_GetTimeFromString(interp, Tcl_GetString(obj), result) == NS_OK ? TCL_OK : TCL_ERROR;
}

int
Ns_TclGetMemUnitFromObj(Tcl_Interp *interp, Tcl_Obj *obj, Tcl_WideInt *result)
{
    if (GetPlainInteger(obj, result)) {
        return TCL_OK;
    }
    return Ns_GetMemUnitFromString(interp, Tcl_GetString(obj), result) == NS_OK ? TCL_OK : TCL_ERROR;
}

/* Whole seconds as a number; else, and when negative, "sec:usec" with one sign in front for both. */
Tcl_Obj *
Ns_TclNewTimeObj(const Ns_Time *time)
{
    Ns_Time value = *time;

    Ns_AdjTime(&value);
    if (value.sec >= 0) {
        return value.usec == 0 ? Tcl_NewWideIntObj(value.sec) : Tcl_ObjPrintf("%ld:%ld", value.sec, value.usec);
    }
    if (value.usec > 0) {
        value.sec++;
        value.usec = 1000000 - value.usec;
    }
    return Tcl_ObjPrintf("-%lu:%ld", 0ul - (unsigned long)value.sec, value.usec);
}
