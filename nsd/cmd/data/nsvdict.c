/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nsv_dict: dictionaries as values of shared variables, changed in place.
 *
 * The dictionary is made of the value's text for each call; what changes it does so with the bucket locked for writing.
 */
#include <limits.h>
#include <string.h>
#include "cmd/data/nsvdict.h"

/*
 * Reading
 */

/* A copy of the value, with a reference; NULL: no such array or key, with the message in `interp` unless that is NULL. */
static Tcl_Obj *
GetCopy(NsInterp *data, Tcl_Interp *interp, Tcl_Obj *arrayObj, Tcl_Obj *key)
{
    NsNsvBucket *bucket;
    NsNsvArray  *array;
    NsNsvValue  *value;
    Tcl_Obj     *copy = NULL;

    NsNsvMakeTexts(1, &key);
    array = NsNsvLock(data, arrayObj, false, interp, &bucket);
    if (array != NULL) {
        value = NsNsvFind(array, key, interp);
        if (value != NULL) {
            copy = NsNsvValueObj(value);
            Tcl_IncrRefCount(copy);
        }
        NsNsvUnlock(bucket);
    }
    return copy;
}

/*
 * Follow the keys into a dictionary.  TCL_OK with *found, which is NULL when the last key is not there (and *missing the
 * one that was not found), or TCL_ERROR: something on the way is no dictionary.
 */
static int
Follow(Tcl_Interp *interp, Tcl_Obj *dict, int keyc, Tcl_Obj *const *keyv, Tcl_Obj **found, Tcl_Obj **missing)
{
    *found = dict;
    for (int i = 0; i < keyc; i++) {
        Tcl_Obj *next;

        if (Tcl_DictObjGet(interp, *found, keyv[i], &next) != TCL_OK) {
            return TCL_ERROR;
        }
        *found = next;
        if (next == NULL) {
            *missing = keyv[i];
            break;
        }
    }
    return TCL_OK;
}

/* Set a variable and return whether the key was found; `found` may be NULL: then the variable stays as it is. */
static int
ReturnInVar(Tcl_Interp *interp, Tcl_Obj *varName, Tcl_Obj *value, bool found)
{
    if (value != NULL && Tcl_ObjSetVar2(interp, varName, NULL, value, TCL_LEAVE_ERR_MSG) == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(found));
    return TCL_OK;
}

static int
DictGetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *array, *key, *varName = NULL, *dict, *found, *missing = NULL;
    int         keyc = 0, status;
    Ns_ObjvSpec opts[] = {
        {"-varname", Ns_ObjvObj, &varName, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"array", Ns_ObjvObj, &array, NULL}, {"key", Ns_ObjvObj, &key, NULL}, {"?dictkey", Ns_ObjvArgs, &keyc, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    dict = GetCopy(clientData, interp, array, key);
    if (dict == NULL) {
        return TCL_ERROR;
    }
    status = Follow(interp, dict, keyc, objv + objc - keyc, &found, &missing);
    if (status == TCL_OK && varName != NULL) {
        status = ReturnInVar(interp, varName, found, found != NULL);
    } else if (status == TCL_OK && found == NULL) {
        Ns_TclPrintfResult(interp, "key \"%s\" not known in dictionary", Tcl_GetString(missing));
        Tcl_SetErrorCode(interp, "TCL", "LOOKUP", "DICT", Tcl_GetString(missing), NULL);
        status = TCL_ERROR;
    } else if (status == TCL_OK) {
        Tcl_SetObjResult(interp, found);
    }
    Tcl_DecrRefCount(dict);
    return status;
}

/* getdef, getwithdefault: /array/ /key/ dictkey ... default */
static int
DictGetDefObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *array, *key, *varName = NULL, *dict, *found = NULL, *missing, *def;
    int         argc = 0, status = TCL_OK;
    Ns_ObjvSpec opts[] = {
        {"-varname", Ns_ObjvObj, &varName, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"array", Ns_ObjvObj, &array, NULL}, {"key", Ns_ObjvObj, &key, NULL}, {"arg", Ns_ObjvArgs, &argc, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (argc < 2) {
        Tcl_WrongNumArgs(interp, 2, objv, "?-varname /value/? ?--? /array/ /key/ /arg .../");
        return TCL_ERROR;
    }
    def = objv[objc - 1];
    dict = GetCopy(clientData, NULL, array, key);
    if (dict != NULL) {
        status = Follow(interp, dict, argc - 1, objv + objc - argc, &found, &missing);
    }
    if (status == TCL_OK && varName != NULL) {
        status = ReturnInVar(interp, varName, found == NULL ? def : found, found != NULL);
    } else if (status == TCL_OK) {
        Tcl_SetObjResult(interp, found == NULL ? def : found);
    }
    if (dict != NULL) {
        Tcl_DecrRefCount(dict);
    }
    return status;
}

static int
DictExistsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *array, *key, *dict, *found = NULL, *missing;
    int         keyc = 0;
    Ns_ObjvSpec args[] = {
        {"array", Ns_ObjvObj, &array, NULL}, {"key", Ns_ObjvObj, &key, NULL}, {"dictkey", Ns_ObjvArgs, &keyc, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    dict = GetCopy(clientData, NULL, array, key);
    if (dict != NULL) {
        /* As with Tcl's own: what is no dictionary has no such key. */
        if (Follow(NULL, dict, keyc, objv + objc - keyc, &found, &missing) != TCL_OK) {
            found = NULL;
        }
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(found != NULL));
    if (dict != NULL) {
        Tcl_DecrRefCount(dict);
    }
    return TCL_OK;
}

static int
DictKeysObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj       *array, *key, *dict, *dictKey, *list;
    const char    *pattern = NULL;
    Tcl_DictSearch search;
    int            done, status = TCL_ERROR;
    Ns_ObjvSpec    args[] = {
        {"array", Ns_ObjvObj, &array, NULL}, {"key", Ns_ObjvObj, &key, NULL},
        {"?pattern", Ns_ObjvString, &pattern, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    dict = GetCopy(clientData, interp, array, key);
    if (dict == NULL) {
        return TCL_ERROR;
    }
    if (Tcl_DictObjFirst(interp, dict, &search, &dictKey, NULL, &done) == TCL_OK) {
        list = Tcl_NewListObj(0, NULL);
        for (; !done; Tcl_DictObjNext(&search, &dictKey, NULL, &done)) {
            if (pattern == NULL || Tcl_StringMatch(Tcl_GetString(dictKey), pattern)) {
                Tcl_ListObjAppendElement(NULL, list, dictKey);
            }
        }
        Tcl_DictObjDone(&search);
        Tcl_SetObjResult(interp, list);
        status = TCL_OK;
    }
    Tcl_DecrRefCount(dict);
    return status;
}

static int
DictSizeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *array, *key, *dict;
    int         size, status;
    Ns_ObjvSpec args[] = {
        {"array", Ns_ObjvObj, &array, NULL}, {"key", Ns_ObjvObj, &key, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    dict = GetCopy(clientData, interp, array, key);
    if (dict == NULL) {
        return TCL_ERROR;
    }
    status = Tcl_DictObjSize(interp, dict, &size);
    if (status == TCL_OK) {
        Tcl_SetObjResult(interp, Tcl_NewIntObj(size));
    }
    Tcl_DecrRefCount(dict);
    return status;
}

/*
 * Changing
 */
typedef int (ChangeProc)(Tcl_Interp *interp, Tcl_Obj *dict, int argc, Tcl_Obj *const *argv);

/* Is there room in it for these words, however they are quoted?  Tcl's own functions end the process where a text gets too long. */
static bool
HasRoom(const NsNsvValue *value, int argc, Tcl_Obj *const *argv)
{
    size_t len = value == NULL || value->kind == NS_NSV_WIDE ? 0 : value->len;

    for (int i = 0; i < argc; i++) {
        int more;

        (void)Tcl_GetStringFromObj(argv[i], &more);
        len += (size_t)more;
    }
    return len <= NS_NSV_MAX / 2;
}

/*
 * Change the dictionary by `change`, which gets the words behind /array/ /key/, and return all of it.  After an error the
 * value is what it was.
 */
static int
Change(NsInterp *data, Tcl_Interp *interp, Tcl_Obj *arrayObj, Tcl_Obj *key, ChangeProc *change, int argc,
       Tcl_Obj *const *argv)
{
    NsNsvBucket *bucket;
    NsNsvArray  *array;
    NsNsvValue  *value;
    Tcl_Obj     *dict;
    int          status;

    NsNsvMakeTexts(1, &key);
    NsNsvMakeTexts(argc, argv);
    array = NsNsvLockCreate(data, arrayObj, &bucket);
    value = NsNsvFind(array, key, NULL);
    if (!HasRoom(value, argc, argv)) {
        NsNsvUnlock(bucket);
        return NsNsvTooLong(interp, Tcl_GetString(key));
    }
    dict = value == NULL ? Tcl_NewDictObj() : NsNsvValueObj(value);
    Tcl_IncrRefCount(dict);
    status = change(interp, dict, argc, argv);
    if (status == TCL_OK) {
        int         len;
        const char *text = Tcl_GetStringFromObj(dict, &len);
        Tcl_Obj    *result = Tcl_NewStringObj(text, len);

        Tcl_IncrRefCount(result);
        NsNsvValueSet(value == NULL ? NsNsvCreate(array, key, NULL) : value, result);
        NsNsvUnlock(bucket);
        Tcl_SetObjResult(interp, dict);
        Tcl_DecrRefCount(result);
    } else {
        NsNsvUnlock(bucket);
    }
    Tcl_DecrRefCount(dict);
    return status;
}

/* The value of a key, to be changed: a copy if there is one, else new. */
static int
GetUnshared(Tcl_Interp *interp, Tcl_Obj *dict, Tcl_Obj *key, Tcl_Obj **value)
{
    if (Tcl_DictObjGet(interp, dict, key, value) != TCL_OK) {
        return TCL_ERROR;
    }
    *value = *value == NULL ? Tcl_NewObj() : Tcl_DuplicateObj(*value);
    return TCL_OK;
}

static int
ChangeAppend(Tcl_Interp *interp, Tcl_Obj *dict, int argc, Tcl_Obj *const *argv)
{
    Tcl_Obj *value;

    if (GetUnshared(interp, dict, argv[0], &value) != TCL_OK) {
        return TCL_ERROR;
    }
    for (int i = 1; i < argc; i++) {
        Tcl_AppendObjToObj(value, argv[i]);
    }
    return Tcl_DictObjPut(interp, dict, argv[0], value);
}

static int
ChangeLappend(Tcl_Interp *interp, Tcl_Obj *dict, int argc, Tcl_Obj *const *argv)
{
    Tcl_Obj *value;

    if (GetUnshared(interp, dict, argv[0], &value) != TCL_OK) {
        return TCL_ERROR;
    }
    for (int i = 1; i < argc; i++) {
        if (Tcl_ListObjAppendElement(interp, value, argv[i]) != TCL_OK) {
            Tcl_DecrRefCount(value);
            return TCL_ERROR;
        }
    }
    return Tcl_DictObjPut(interp, dict, argv[0], value);
}

int
NsNsvOverflow(Tcl_Interp *interp)
{
    Ns_TclPrintfResult(interp, "integer value too large to represent");
    Tcl_SetErrorCode(interp, "ARITH", "IOVERFLOW", "integer value too large to represent", (char *)NULL);
    return TCL_ERROR;
}

int
NsNsvTooLong(Tcl_Interp *interp, const char *key)
{
    Ns_TclPrintfResult(interp, "the value of key \"%s\" would be longer than %d bytes", key, INT_MAX);
    Tcl_SetErrorCode(interp, "NS_TOO_LONG", (char *)NULL);
    return TCL_ERROR;
}

static int
ChangeIncr(Tcl_Interp *interp, Tcl_Obj *dict, int argc, Tcl_Obj *const *argv)
{
    Tcl_Obj    *value;
    Tcl_WideInt wide = 0, by = 1;

    if ((argc > 1 && Tcl_GetWideIntFromObj(interp, argv[1], &by) != TCL_OK)
        || Tcl_DictObjGet(interp, dict, argv[0], &value) != TCL_OK
        || (value != NULL && Tcl_GetWideIntFromObj(interp, value, &wide) != TCL_OK)) {
        return TCL_ERROR;
    }
    if (__builtin_add_overflow(wide, by, &wide)) {
        return NsNsvOverflow(interp);
    }
    return Tcl_DictObjPut(interp, dict, argv[0], Tcl_NewWideIntObj(wide));
}

static int
ChangeSet(Tcl_Interp *interp, Tcl_Obj *dict, int argc, Tcl_Obj *const *argv)
{
    return Tcl_DictObjPutKeyList(interp, dict, argc - 1, argv, argv[argc - 1]);
}

static int
ChangeUnset(Tcl_Interp *interp, Tcl_Obj *dict, int argc, Tcl_Obj *const *argv)
{
    return Tcl_DictObjRemoveKeyList(interp, dict, argc, argv);
}

/* append, lappend */
static int
DictAppendObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *array, *key, *dictKey;
    int         argc = 0;
    bool        asList = Tcl_GetString(objv[1])[0] == 'l';
    Ns_ObjvSpec args[] = {
        {"array", Ns_ObjvObj, &array, NULL}, {"key", Ns_ObjvObj, &key, NULL}, {"dictkey", Ns_ObjvObj, &dictKey, NULL},
        {"?value", Ns_ObjvArgs, &argc, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return Change(clientData, interp, array, key, asList ? ChangeLappend : ChangeAppend, argc + 1,
                  objv + objc - argc - 1);
}

static int
DictIncrObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *array, *key, *dictKey, *increment = NULL;
    Ns_ObjvSpec args[] = {
        {"array", Ns_ObjvObj, &array, NULL}, {"key", Ns_ObjvObj, &key, NULL}, {"dictkey", Ns_ObjvObj, &dictKey, NULL},
        {"?increment", Ns_ObjvObj, &increment, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return Change(clientData, interp, array, key, ChangeIncr, increment == NULL ? 1 : 2,
                  objv + objc - (increment == NULL ? 1 : 2));
}

static int
DictSetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *array, *key, *dictKey;
    int         argc = 0;
    Ns_ObjvSpec args[] = {
        {"array", Ns_ObjvObj, &array, NULL}, {"key", Ns_ObjvObj, &key, NULL}, {"dictkey", Ns_ObjvObj, &dictKey, NULL},
        {"arg", Ns_ObjvArgs, &argc, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return Change(clientData, interp, array, key, ChangeSet, argc + 1, objv + objc - argc - 1);
}

static int
DictUnsetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *array, *key, *copy;
    int         argc = 0;
    Ns_ObjvSpec args[] = {
        {"array", Ns_ObjvObj, &array, NULL}, {"key", Ns_ObjvObj, &key, NULL}, {"dictkey", Ns_ObjvArgs, &argc, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    /* There is nothing to be taken from what is not there, and nothing shall be made for it. */
    copy = GetCopy(clientData, interp, array, key);
    if (copy == NULL) {
        return TCL_ERROR;
    }
    Tcl_DecrRefCount(copy);
    return Change(clientData, interp, array, key, ChangeUnset, argc, objv + objc - argc);
}

int
NsTclNsvDictObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"append", DictAppendObjCmd}, {"exists", DictExistsObjCmd}, {"get", DictGetObjCmd},
        {"getdef", DictGetDefObjCmd}, {"getwithdefault", DictGetDefObjCmd}, {"incr", DictIncrObjCmd},
        {"keys", DictKeysObjCmd}, {"lappend", DictAppendObjCmd}, {"set", DictSetObjCmd}, {"size", DictSizeObjCmd},
        {"unset", DictUnsetObjCmd}, {NULL, NULL}
    };
    int index;

    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "/subcommand/ ...");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], subcmds, sizeof(subcmds[0]), "subcommand", 0, &index)
        != TCL_OK) {
        return TCL_ERROR;
    }
    return subcmds[index].proc(clientData, interp, objc, objv);
}
