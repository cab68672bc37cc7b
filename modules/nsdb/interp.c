/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Handles in an interpreter: "nsdb0", "nsdb1" ..., the lowest number that is free.  A script that forgets to give one back is
 * reminded in the log when the interpreter is cleaned up.
 *
 * Scripts see the row of a handle as a set that is not theirs.  When the handle goes to another thread, the row stays here and the
 * handle gets a new one; of those that were left behind, the last few are kept until the next stretch of work begins.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "int.h"

#define MAX_ROWS 16

typedef struct InterpHandles {
    Ns_DbHandle **slots;
    int           size, held;
    Ns_Set       *rows[MAX_ROWS];
    unsigned      nrows;                       /* so many were left; number i is in rows[i % MAX_ROWS] */
    char         *request;                     /* the line of one that ended with handles held; for Remind */
} InterpHandles;

static const char key[] = "nsdb:handles";

static void
FreeRows(InterpHandles *self)
{
    for (int i = 0; i < MAX_ROWS; i++) {
        Ns_SetFree(self->rows[i]);             /* NULL is fine */
        self->rows[i] = NULL;
    }
    self->nrows = 0u;
}

static void
Delete(ClientData clientData, Tcl_Interp *interp)
{
    InterpHandles *self = clientData;

    (void)interp;
    for (int i = 0; i < self->size; i++) {
        if (self->slots[i] != NULL) {
            Ns_DbPoolPutHandle(self->slots[i]);
        }
    }
    FreeRows(self);
    ns_free(self->request);
    ns_free(self->slots);
    ns_free(self);
}

/* NULL: the interpreter never had one. */
static InterpHandles *
Find(Tcl_Interp *interp)
{
    return Tcl_GetAssocData(interp, key, NULL);
}

static InterpHandles *
Get(Tcl_Interp *interp)
{
    InterpHandles *self = Find(interp);

    if (self == NULL) {
        self = ns_calloc(1u, sizeof(InterpHandles));
        Tcl_SetAssocData(interp, key, Delete, self);
    }
    return self;
}

static Tcl_Obj *
IdObj(int number)
{
    return Tcl_ObjPrintf("nsdb%d", number);
}

static Tcl_Obj *
Enter(InterpHandles *self, Ns_DbHandle *handle)
{
    int i = 0;

    while (i < self->size && self->slots[i] != NULL) {
        i++;
    }
    if (i == self->size) {
        self->slots = ns_realloc(self->slots, (size_t)(self->size + 4) * sizeof(self->slots[0]));
        memset(self->slots + self->size, 0, 4u * sizeof(self->slots[0]));
        self->size += 4;
    }
    self->slots[i] = handle;
    self->held++;
    return IdObj(i);
}

static int
Number(const InterpHandles *self, const char *id)
{
    char *end;
    long  number = -1;

    if (self != NULL && strncmp(id, "nsdb", 4u) == 0 && id[4] >= '0' && id[4] <= '9' && (id[4] != '0' || id[5] == '\0')) {
        number = strtol(id + 4, &end, 10);
        if (*end != '\0' || number >= self->size || self->slots[number] == NULL) {
            number = -1;
        }
    }
    return (int)number;
}

int
Ns_TclDbGetHandle(Tcl_Interp *interp, const char *handleId, Ns_DbHandle **handle)
{
    const InterpHandles *self = Find(interp);
    int                  number = Number(self, handleId);

    if (number < 0) {
        Ns_TclPrintfResult(interp, "invalid database id: \"%s\"", handleId);
        return TCL_ERROR;
    }
    *handle = self->slots[number];
    return TCL_OK;
}

/* A row that is not a handle's any more may still be known to the script: it must forget it before the memory goes. */
static void
Forget(Tcl_Interp *interp, Ns_Set *row)
{
    Tcl_InterpState state = Tcl_SaveInterpState(interp, TCL_OK);
    Tcl_Obj        *words[3];

    (void)Ns_TclEnterSet(interp, row, NS_TCL_SET_STATIC);          /* the name that it has, if it has one */
    words[0] = Tcl_NewStringObj("::ns_set", -1);
    words[1] = Tcl_NewStringObj("free", -1);
    words[2] = Tcl_GetObjResult(interp);
    for (int i = 0; i < 3; i++) {
        Tcl_IncrRefCount(words[i]);
    }
    if (Tcl_EvalObjv(interp, 3, words, TCL_EVAL_GLOBAL) == TCL_OK) {
        Ns_SetFree(row);
    } else {
        Ns_Log(Error, "nsdb: a row is lost, as ns_set cannot be called: %s", Tcl_GetStringResult(interp));
    }
    for (int i = 0; i < 3; i++) {
        Tcl_DecrRefCount(words[i]);
    }
    (void)Tcl_RestoreInterpState(interp, state);
}

/* The handle leaves the interpreter; its row does not. */
static void
Put(Tcl_Interp *interp, InterpHandles *self, int number)
{
    Ns_DbHandle *handle = self->slots[number];
    unsigned     place = self->nrows++ % MAX_ROWS;
    Ns_Set      *old = self->rows[place];

    self->rows[place] = NsDbTakeRow(handle);
    self->slots[number] = NULL;
    self->held--;
    Ns_DbPoolPutHandle(handle);
    if (old != NULL) {
        Forget(interp, old);
    }
}

int
NsDbInterpGet(Tcl_Interp *interp, const char *poolName, int nwant, const Ns_Time *wait)
{
    Pool          *pool = NsDbPoolOfServer(interp, poolName);
    InterpHandles *self = Get(interp);
    Ns_DbHandle  **handles;
    Ns_ReturnCode  status;
    Tcl_DString    why;

    if (pool == NULL) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&why);
    handles = ns_calloc((size_t)(nwant < pool->nhandles ? nwant : pool->nhandles), sizeof(handles[0]));
    status = NsDbPoolGet(pool, handles, nwant, wait, &why);
    if (status == NS_OK && nwant == 1) {
        Tcl_SetObjResult(interp, Enter(self, handles[0]));
    } else if (status == NS_OK) {
        Tcl_Obj *list = Tcl_NewListObj(0, NULL);

        for (int i = 0; i < nwant; i++) {
            (void)Tcl_ListObjAppendElement(interp, list, Enter(self, handles[i]));
        }
        Tcl_SetObjResult(interp, list);
    } else {
        Ns_TclPrintfResult(interp, "could not allocate %d handle%s from pool \"%s\"%s%s", nwant, nwant > 1 ? "s" : "", pool->name,
                           Tcl_DStringLength(&why) > 0 ? ": " : "", Tcl_DStringValue(&why));
        if (status == NS_TIMEOUT) {
            Tcl_SetErrorCode(interp, "NS_TIMEOUT", (char *)NULL);
        }
    }
    ns_free(handles);
    Tcl_DStringFree(&why);
    return status == NS_OK ? TCL_OK : TCL_ERROR;
}

int
NsDbInterpRelease(Tcl_Interp *interp, const char *id)
{
    InterpHandles *self = Find(interp);
    Ns_DbHandle   *handle;

    if (Ns_TclDbGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    Put(interp, self, Number(self, id));
    return TCL_OK;
}

Tcl_Obj *
NsDbInterpCurrent(Tcl_Interp *interp)
{
    const InterpHandles *self = Find(interp);
    Tcl_Obj             *pools = Tcl_NewDictObj();

    for (int i = 0; self != NULL && self->held > 0 && i < self->size; i++) {
        const Ns_DbHandle *handle = self->slots[i];
        Tcl_Obj           *name, *of = NULL;

        if (handle == NULL) {
            continue;
        }
        name = Tcl_NewStringObj(handle->poolname, -1);
        Tcl_IncrRefCount(name);
        (void)Tcl_DictObjGet(NULL, pools, name, &of);
        if (of == NULL) {
            of = Tcl_NewDictObj();
            (void)Tcl_DictObjPut(NULL, of, IdObj(i), Tcl_NewIntObj(handle->fetchingRows != 0));
            (void)Tcl_DictObjPut(NULL, pools, name, of);
        } else {
            (void)Tcl_DictObjPut(NULL, of, IdObj(i), Tcl_NewIntObj(handle->fetchingRows != 0));
            Tcl_InvalidateStringRep(pools);
        }
        Tcl_DecrRefCount(name);
    }
    return pools;
}

/* ---- the end of a stretch of work */

static void
Remind(const InterpHandles *self, int number)
{
    typedef bool (AskProc)(const Ns_DbHandle *handle);
    const Ns_DbHandle *handle = self->slots[number];
    AskProc           *ask = (AskProc *)((const Handle *)handle)->pool->driver->procs[DbFn_InTransaction];
    const char        *where = self->request != NULL ? self->request : Ns_ThreadGetName();

    if (handle->connected && ask != NULL && ask(handle)) {
        Ns_Log(Warning, "nsdb: pool %s: handle nsdb%d was not released, and its transaction was not ended: it is rolled back (%s)",
               handle->poolname, number, where);
    } else {
        Ns_Log(Notice, "nsdb: pool %s: handle nsdb%d was not released (%s)", handle->poolname, number, where);
    }
}

/* A request ends: the clean-up that follows does not know it any more. */
Ns_ReturnCode
NsDbInterpFreeConn(Tcl_Interp *interp, const void *arg)
{
    InterpHandles *self = Find(interp);
    const Ns_Conn *conn = Ns_TclGetConn(interp);

    (void)arg;
    if (self != NULL && self->held > 0 && conn != NULL) {
        ns_free(self->request);
        self->request = ns_strdup(conn->request.line);
    }
    return NS_OK;
}

Ns_ReturnCode
NsDbInterpCleanup(Tcl_Interp *interp, const void *arg)
{
    InterpHandles *self = Find(interp);

    (void)arg;
    for (int i = 0; self != NULL && self->held > 0 && i < self->size; i++) {
        if (self->slots[i] != NULL) {
            Remind(self, i);
            Put(interp, self, i);
        }
    }
    if (self != NULL) {
        ns_free(self->request);
        self->request = NULL;
    }
    return NS_OK;
}

/* The names that scripts had for rows are gone by now. */
Ns_ReturnCode
NsDbInterpBegin(Tcl_Interp *interp, const void *arg)
{
    InterpHandles *self = Find(interp);

    (void)arg;
    if (self != NULL && self->nrows > 0u) {
        FreeRows(self);
    }
    return NS_OK;
}
