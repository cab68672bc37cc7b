/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nsv_*: variables that all threads of a server share.
 */
#include <limits.h>
#include <string.h>
#include "cmd/cmds.h"
#include "cmd/data/nsvdict.h"

static int
WrongArgs(Tcl_Interp *interp, Tcl_Obj *const *objv, const char *usage)
{
    Tcl_WrongNumArgs(interp, 1, objv, usage);
    return TCL_ERROR;
}

/*
 * One value
 */
static int
GetValue(NsInterp *data, Tcl_Interp *interp, Tcl_Obj *arrayObj, Tcl_Obj *key)
{
    NsNsvBucket *bucket;
    NsNsvArray  *array;
    NsNsvValue  *value, copy;
    char         text[512];
    Tcl_Obj     *result;

    NsNsvMakeTexts(1, &key);
    array = NsNsvLock(data, arrayObj, false, interp, &bucket);
    if (array == NULL) {
        return TCL_ERROR;
    }
    value = NsNsvFind(array, key, NULL);
    if (value != NULL && NsNsvValueCopy(value, &copy, text, sizeof(text))) {
        NsNsvUnlock(bucket);
        result = NsNsvValueObj(&copy);
    } else {
        result = value == NULL ? NULL : NsNsvValueObj(value);
        NsNsvUnlock(bucket);
    }
    if (result == NULL) {
        Ns_TclPrintfResult(interp, "no such key: %s", Tcl_GetString(key));
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}

/* nsv_get array key ?varName? */
static int
NsvGetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsNsvBucket *bucket;
    NsNsvArray  *array;
    NsNsvValue  *value;
    Tcl_Obj     *found;

    if (objc != 3 && objc != 4) {
        return WrongArgs(interp, objv, "/array/ /key/ ?/varName/?");
    }
    if (objc == 3) {
        return GetValue(clientData, interp, objv[1], objv[2]);
    }
    NsNsvMakeTexts(1, &objv[2]);
    array = NsNsvLock(clientData, objv[1], false, interp, &bucket);
    if (array == NULL) {
        return TCL_ERROR;
    }
    value = NsNsvFind(array, objv[2], NULL);
    found = value == NULL ? NULL : NsNsvValueObj(value);
    NsNsvUnlock(bucket);
    /* Only now: a trace on the variable may run any script. */
    if (found != NULL && Tcl_ObjSetVar2(interp, objv[3], NULL, found, TCL_LEAVE_ERR_MSG) == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(found != NULL));
    return TCL_OK;
}

static int
NsvExistsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsNsvBucket *bucket;
    NsNsvArray  *array;
    bool         exists = false;

    if (objc != 3) {
        return WrongArgs(interp, objv, "/array/ /key/");
    }
    NsNsvMakeTexts(1, &objv[2]);
    array = NsNsvLock(clientData, objv[1], false, NULL, &bucket);
    if (array != NULL) {
        exists = NsNsvFind(array, objv[2], NULL) != NULL;
        NsNsvUnlock(bucket);
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(exists));
    return TCL_OK;
}

/* nsv_set -default: leave what is there; the result is the value there is then. */
static int
SetDefault(NsInterp *data, Tcl_Interp *interp, Tcl_Obj *arrayObj, Tcl_Obj *key, Tcl_Obj *valueObj)
{
    NsNsvBucket *bucket;
    NsNsvArray  *array;
    bool         isNew;
    NsNsvValue  *value;
    Tcl_Obj     *result = valueObj;

    NsNsvMakeTexts(1, &key);
    NsNsvPrepare(valueObj);
    array = NsNsvLockCreate(data, arrayObj, &bucket);
    value = NsNsvCreate(array, key, &isNew);
    if (isNew) {
        NsNsvValueSet(value, valueObj);
    } else {
        result = NsNsvValueObj(value);
    }
    NsNsvUnlock(bucket);
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}

/* nsv_set -reset: put another value, or none, in place; the result is the value that was there. */
static int
SetReset(NsInterp *data, Tcl_Interp *interp, Tcl_Obj *arrayObj, Tcl_Obj *key, Tcl_Obj *valueObj)
{
    NsNsvBucket *bucket;
    NsNsvArray  *array;
    NsNsvValue  *value;
    Tcl_Obj     *result = NULL;

    NsNsvMakeTexts(1, &key);
    if (valueObj != NULL) {
        bool isNew;

        NsNsvPrepare(valueObj);
        array = NsNsvLockCreate(data, arrayObj, &bucket);
        value = NsNsvCreate(array, key, &isNew);
        if (!isNew) {
            result = NsNsvValueObj(value);
        }
        NsNsvValueSet(value, valueObj);
    } else {
        array = NsNsvLock(data, arrayObj, true, interp, &bucket);
        if (array == NULL) {
            return TCL_ERROR;
        }
        value = NsNsvFind(array, key, interp);
        if (value == NULL) {
            NsNsvUnlock(bucket);
            return TCL_ERROR;
        }
        result = NsNsvValueObj(value);
        (void)NsNsvDelete(array, key);
    }
    NsNsvUnlock(bucket);
    if (result != NULL) {
        Tcl_SetObjResult(interp, result);
    }
    return TCL_OK;
}

static void
SetValue(NsInterp *data, Tcl_Obj *arrayObj, Tcl_Obj *key, Tcl_Obj *valueObj)
{
    NsNsvBucket *bucket;
    NsNsvArray  *array;

    NsNsvMakeTexts(1, &key);
    NsNsvPrepare(valueObj);
    array = NsNsvLockCreate(data, arrayObj, &bucket);
    NsNsvValueSet(NsNsvCreate(array, key, NULL), valueObj);
    NsNsvUnlock(bucket);
}

static int
NsvSetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         isDefault = 0, isReset = 0;
    Tcl_Obj    *array, *key, *value = NULL;
    Ns_ObjvSpec opts[] = {
        {"-default", Ns_ObjvBool, &isDefault, NULL}, {"-reset", Ns_ObjvBool, &isReset, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"array", Ns_ObjvObj, &array, NULL}, {"key", Ns_ObjvObj, &key, NULL}, {"?value", Ns_ObjvObj, &value, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (isDefault && isReset) {
        Ns_TclPrintfResult(interp, "only '-default' or '-reset' can be used");
        return TCL_ERROR;
    }
    if (isReset) {
        return SetReset(clientData, interp, array, key, value);
    }
    if (value == NULL) {
        return GetValue(clientData, interp, array, key);
    }
    if (isDefault) {
        return SetDefault(clientData, interp, array, key, value);
    }
    SetValue(clientData, array, key, value);
    Tcl_SetObjResult(interp, value);
    return TCL_OK;
}

static int
NsvIncrObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsNsvBucket *bucket;
    NsNsvArray  *array;
    NsNsvValue  *value;
    Tcl_WideInt  by = 1, wide = 0;
    bool         isNew, valid, overflow = false;

    if (objc != 3 && objc != 4) {
        return WrongArgs(interp, objv, "/array/ /key/ ?/increment/?");
    }
    if (objc == 4 && Tcl_GetWideIntFromObj(interp, objv[3], &by) != TCL_OK) {
        return TCL_ERROR;
    }
    NsNsvMakeTexts(1, &objv[2]);
    array = NsNsvLockCreate(clientData, objv[1], &bucket);
    value = NsNsvCreate(array, objv[2], &isNew);
    valid = isNew || NsNsvValueGetWide(value, &wide);
    if (valid) {
        overflow = __builtin_add_overflow(wide, by, &wide);
    }
    if (valid && !overflow) {
        NsNsvValueSetWide(value, wide);
    }
    NsNsvUnlock(bucket);
    if (!valid) {
        Ns_TclPrintfResult(interp, "array variable is not an integer");
        return TCL_ERROR;
    }
    if (overflow) {
        return NsNsvOverflow(interp);
    }
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj(wide));
    return TCL_OK;
}

/* nsv_append, nsv_lappend */
static int
Append(NsInterp *data, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool elements)
{
    NsNsvBucket *bucket;
    NsNsvArray  *array;
    NsNsvValue  *value;
    Tcl_Obj     *result = NULL;

    if (objc < 4) {
        return WrongArgs(interp, objv, "/array/ /key/ /value .../");
    }
    NsNsvMakeTexts(objc - 2, objv + 2);
    array = NsNsvLockCreate(data, objv[1], &bucket);
    value = NsNsvCreate(array, objv[2], NULL);
    if (NsNsvValueAppendAll(value, elements, objc - 3, objv + 3)) {
        result = NsNsvValueObj(value);
    }
    NsNsvUnlock(bucket);
    if (result == NULL) {
        return NsNsvTooLong(interp, Tcl_GetString(objv[2]));
    }
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}

static int
NsvAppendObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Append(clientData, interp, objc, objv, false);
}

static int
NsvLappendObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Append(clientData, interp, objc, objv, true);
}

static int
NsvUnsetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int          noComplain = 0, status = TCL_OK;
    Tcl_Obj     *arrayObj, *key = NULL;
    NsNsvBucket *bucket;
    NsNsvArray  *array;
    Ns_ObjvSpec  opts[] = {
        {"-nocomplain", Ns_ObjvBool, &noComplain, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec  args[] = {
        {"array", Ns_ObjvObj, &arrayObj, NULL}, {"?key", Ns_ObjvObj, &key, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (key == NULL) {
        if (!NsNsvDeleteArray(clientData, arrayObj) && !noComplain) {
            Ns_TclPrintfResult(interp, "no such array: %s", Tcl_GetString(arrayObj));
            status = TCL_ERROR;
        }
        return status;
    }
    NsNsvMakeTexts(1, &key);
    array = NsNsvLock(clientData, arrayObj, true, noComplain ? NULL : interp, &bucket);
    if (array == NULL) {
        return noComplain ? TCL_OK : TCL_ERROR;
    }
    if (!NsNsvDelete(array, key) && !noComplain) {
        Ns_TclPrintfResult(interp, "no such key: %s", Tcl_GetString(key));
        status = TCL_ERROR;
    }
    NsNsvUnlock(bucket);
    return status;
}

/*
 * nsv_array
 */
static int
ArraySet(NsInterp *data, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool reset)
{
    NsNsvBucket *bucket;
    NsNsvArray  *array;
    Tcl_Obj     *name, *list, **elements;
    int          count;
    Ns_ObjvSpec  args[] = {
        {"array", Ns_ObjvObj, &name, NULL}, {"list", Ns_ObjvObj, &list, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK
        || Tcl_ListObjGetElements(interp, list, &count, &elements) != TCL_OK) {
        return TCL_ERROR;
    }
    if (count % 2 != 0) {
        Ns_TclPrintfResult(interp, "invalid list: %s", Tcl_GetString(list));
        return TCL_ERROR;
    }
    for (int i = 0; i < count; i += 2) {
        NsNsvMakeTexts(1, &elements[i]);
        NsNsvPrepare(elements[i + 1]);
    }
    array = NsNsvLockCreate(data, name, &bucket);
    if (reset) {
        NsNsvFlush(array);
    }
    for (int i = 0; i < count; i += 2) {
        NsNsvValueSet(NsNsvCreate(array, elements[i], NULL), elements[i + 1]);
    }
    NsNsvUnlock(bucket);
    return TCL_OK;
}

static int
ArraySetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ArraySet(clientData, interp, objc, objv, false);
}

static int
ArrayResetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ArraySet(clientData, interp, objc, objv, true);
}

static int
ArrayList(NsInterp *data, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool withValues)
{
    NsNsvBucket   *bucket;
    NsNsvArray    *array;
    Tcl_Obj       *name, *list;
    const char    *pattern = NULL;
    Tcl_HashSearch search;
    bool           shared;
    Ns_ObjvSpec    args[] = {
        {"array", Ns_ObjvObj, &name, NULL}, {"?pattern", Ns_ObjvString, &pattern, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    array = NsNsvLock(data, name, false, NULL, &bucket);
    if (array == NULL) {
        return TCL_OK;
    }
    shared = NsNsvShare(bucket);
    list = Tcl_NewListObj(0, NULL);
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&array->vars, &search); entry != NULL;
         entry = Tcl_NextHashEntry(&search)) {
        const char *key = Tcl_GetHashKey(&array->vars, entry);

        if (pattern == NULL || Tcl_StringMatch(key, pattern)) {
            Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(key, -1));
            if (withValues) {
                Tcl_ListObjAppendElement(NULL, list, NsNsvValueObj(Tcl_GetHashValue(entry)));
            }
        }
    }
    NsNsvUnlockShared(bucket, shared);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static int
ArrayGetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ArrayList(clientData, interp, objc, objv, true);
}

static int
ArrayNamesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ArrayList(clientData, interp, objc, objv, false);
}

/* The number of its variables, or -1: there is no such array. */
static Ns_ReturnCode
ArrayCount(NsInterp *data, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, int *count)
{
    NsNsvBucket *bucket;
    NsNsvArray  *array;
    Tcl_Obj     *name;
    Ns_ObjvSpec  args[] = {{"array", Ns_ObjvObj, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return NS_ERROR;
    }
    array = NsNsvLock(data, name, false, NULL, &bucket);
    if (array == NULL) {
        *count = -1;
    } else {
        *count = array->vars.numEntries;
        NsNsvUnlock(bucket);
    }
    return NS_OK;
}

static int
ArraySizeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int count;

    if (ArrayCount(clientData, interp, objc, objv, &count) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(count < 0 ? 0 : count));
    return TCL_OK;
}

static int
ArrayExistsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int count;

    if (ArrayCount(clientData, interp, objc, objv, &count) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(count >= 0));
    return TCL_OK;
}

static int
NsvArrayObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"set", ArraySetObjCmd}, {"reset", ArrayResetObjCmd}, {"get", ArrayGetObjCmd}, {"names", ArrayNamesObjCmd},
        {"size", ArraySizeObjCmd}, {"exists", ArrayExistsObjCmd}, {NULL, NULL}
    };
    int index;

    if (objc < 2) {
        return WrongArgs(interp, objv, "/subcommand/ ...");
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], subcmds, sizeof(subcmds[0]), "subcommand", 0, &index)
        != TCL_OK) {
        return TCL_ERROR;
    }
    return subcmds[index].proc(clientData, interp, objc, objv);
}

/*
 * All arrays
 */
static int
NsvNamesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj *list;

    if (objc > 2) {
        return WrongArgs(interp, objv, "?/pattern/?");
    }
    list = Tcl_NewListObj(0, NULL);
    for (unsigned i = 0; i < NsNsvBucketCount(clientData); i++) {
        NsNsvAppendBucket(clientData, i, objc == 2 ? Tcl_GetString(objv[1]) : NULL, false, list);
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* For each bucket, or one of them: the arrays in it, and how often each was looked up. */
static int
NsvBucketObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int               number = -1, count = (int)NsNsvBucketCount(clientData);
    Ns_ObjvValueRange range = {0, count};
    Tcl_Obj          *list;
    Ns_ObjvSpec       args[] = {{"?bucket-number", Ns_ObjvInt, &number, &range}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    for (int i = 0; i < count; i++) {
        if (number == -1) {
            Tcl_Obj *arrays = Tcl_NewListObj(0, NULL);

            NsNsvAppendBucket(clientData, (unsigned)i, NULL, true, arrays);
            Tcl_ListObjAppendElement(NULL, list, arrays);
        } else if (i == number) {
            NsNsvAppendBucket(clientData, (unsigned)i, NULL, true, list);
        }
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

extern const NsCmd nsNsvCmds[];
const NsCmd nsNsvCmds[] = {
    {"nsv_append",  NsvAppendObjCmd,     0},
    {"nsv_array",   NsvArrayObjCmd,      0},
    {"nsv_bucket",  NsvBucketObjCmd,     0},
    {"nsv_dict",    NsTclNsvDictObjCmd,  0},
    {"nsv_exists",  NsvExistsObjCmd,     0},
    {"nsv_get",     NsvGetObjCmd,        0},
    {"nsv_incr",    NsvIncrObjCmd,       0},
    {"nsv_lappend", NsvLappendObjCmd,    0},
    {"nsv_names",   NsvNamesObjCmd,      0},
    {"nsv_set",     NsvSetObjCmd,        0},
    {"nsv_unset",   NsvUnsetObjCmd,      0},
    {NULL, NULL, 0}
};
