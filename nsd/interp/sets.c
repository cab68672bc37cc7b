/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Handles of sets in an interpreter.
 */
#include <limits.h>
#include <stdio.h>
#include "interp/sets.h"

void
NsSetsEnter(NsInterp *data, Ns_Set *set, int type, char handle[NS_SET_HANDLE_SIZE])
{
    Tcl_HashEntry *entry;
    int            isNew = 0;

    if (type == NS_TCL_SET_STATIC) {
        snprintf(handle, NS_SET_HANDLE_SIZE, "t%lu", (unsigned long)(uintptr_t)set);
        entry = Tcl_CreateHashEntry(&data->sets, handle, &isNew);
    } else {
        do {
            snprintf(handle, NS_SET_HANDLE_SIZE, "d%d", data->setSerial);
            data->setSerial = data->setSerial == INT_MAX ? 0 : data->setSerial + 1;
            entry = Tcl_CreateHashEntry(&data->sets, handle, &isNew);
        } while (!isNew);
    }
    Tcl_SetHashValue(entry, set);
}

int
Ns_TclEnterSet(Tcl_Interp *interp, Ns_Set *set, Ns_TclSetType type)
{
    char handle[NS_SET_HANDLE_SIZE];

    NsSetsEnter(NsGetInterpData(interp), set, type, handle);
    Tcl_SetObjResult(interp, Tcl_NewStringObj(handle, -1));
    return TCL_OK;
}

Ns_Set *
Ns_TclGetSet(Tcl_Interp *interp, const char *id)
{
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&NsGetInterpData(interp)->sets, id);

    return entry == NULL ? NULL : Tcl_GetHashValue(entry);
}

int
Ns_TclGetSet2(Tcl_Interp *interp, const char *id, Ns_Set **set)
{
    *set = Ns_TclGetSet(interp, id);
    if (*set == NULL) {
        Ns_TclPrintfResult(interp, "no such set: '%s'", id);
        return TCL_ERROR;
    }
    return TCL_OK;
}

static void
Drop(NsInterp *data, Tcl_HashEntry *entry)
{
    const char *handle = Tcl_GetHashKey(&data->sets, entry);
    Ns_Set     *set = Tcl_GetHashValue(entry);
    bool        owned = handle[0] == 'd';

    Tcl_DeleteHashEntry(entry);
    if (owned) {
        Ns_SetFree(set);
    }
}

void
NsSetsDrop(NsInterp *data, const char *handle)
{
    Drop(data, Tcl_FindHashEntry(&data->sets, handle));
}

void
NsSetsFree(NsInterp *data)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;

    while ((entry = Tcl_FirstHashEntry(&data->sets, &search)) != NULL) {
        Drop(data, entry);
    }
}
