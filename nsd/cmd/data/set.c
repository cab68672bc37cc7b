/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_set and ns_findset.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "base/set.h"
#include "cmd/cmds.h"
#include "interp/sets.h"

static Ns_ObjvValueRange indexRange = {0, INT_MAX};

/*
 * What several subcommands have in common
 */
static Tcl_Obj *
TextObj(const char *text)
{
    return Tcl_NewStringObj(text == NULL ? "" : text, -1);
}

/* /setId/ /key/ and what may follow, with -nocase. */
static Ns_ReturnCode
ParseKey(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Ns_Set **set, const char **key, const char **value,
         bool *noCase)
{
    int         flag = 0;
    Ns_ObjvSpec opts[] = {
        {"-nocase", Ns_ObjvBool, &flag, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"setId", Ns_ObjvSet, set, NULL}, {"key", Ns_ObjvString, (void *)key, NULL},
        {value == NULL ? NULL : "value", Ns_ObjvString, (void *)value, NULL}, {NULL, NULL, NULL, NULL}
    };

    /* The commands that start with "i" never regard case. */
    *noCase = Tcl_GetString(objv[1])[0] == 'i';
    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return NS_ERROR;
    }
    *noCase = *noCase || flag != 0;
    return NS_OK;
}

/* /setId/ /fieldNumber/; the number may be `beyond` the last. */
static Ns_ReturnCode
ParseIndex(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Ns_Set **set, int *index, size_t beyond)
{
    Ns_ObjvSpec args[] = {
        {"setId", Ns_ObjvSet, set, NULL}, {"fieldNumber", Ns_ObjvInt, index, &indexRange}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return NS_ERROR;
    }
    if ((size_t)*index >= Ns_SetSize(*set) + beyond) {
        Ns_TclPrintfResult(interp, "ns_set %s: index must be maximal the number of elements", Tcl_GetString(objv[1]));
        return NS_ERROR;
    }
    return NS_OK;
}

static Ns_ReturnCode
ParseSet(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Ns_Set **set)
{
    Ns_ObjvSpec args[] = {{"setId", Ns_ObjvSet, set, NULL}, {NULL, NULL, NULL, NULL}};

    return Ns_ParseObjv(NULL, args, interp, 2, objc, objv);
}

static Ns_ReturnCode
ParseTwoSets(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Ns_ObjvSpec *opts, Ns_Set **first, Ns_Set **second)
{
    Ns_ObjvSpec args[] = {
        {"setId1", Ns_ObjvSet, first, NULL}, {"setId2", Ns_ObjvSet, second, NULL}, {NULL, NULL, NULL, NULL}
    };

    return Ns_ParseObjv(opts, args, interp, 2, objc, objv);
}

/* The object which holds the handle of the first set: what merge and move return. */
static int
ReturnHandle(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_SetObjResult(interp, objv[objc - 2]);
    return TCL_OK;
}

/*
 * Life
 */
static int
CreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         noCase = 0, n = 0;
    const char *name = NULL;
    Ns_Set     *set;
    Ns_ObjvSpec opts[] = {
        {"-nocase", Ns_ObjvBool, &noCase, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"?arg", Ns_ObjvArgs, &n, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    /* An odd number of arguments: a name, and then pairs. */
    if (n % 2 == 1) {
        name = Tcl_GetString(objv[objc - n]);
        n--;
    }
    set = noCase ? Ns_SetCreateNoCase(name) : Ns_SetCreateSz(name, (size_t)n / 2);
    for (int i = objc - n; i < objc; i += 2) {
        int         keyLen, valueLen;
        const char *key = Tcl_GetStringFromObj(objv[i], &keyLen);
        const char *value = Tcl_GetStringFromObj(objv[i + 1], &valueLen);

        Ns_SetPutSz(set, key, keyLen, value, valueLen);
    }
    return Ns_TclEnterSet(interp, set, NS_TCL_SET_DYNAMIC);
}

static int
CopyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set *set;

    if (ParseSet(interp, objc, objv, &set) != NS_OK) {
        return TCL_ERROR;
    }
    return Ns_TclEnterSet(interp, Ns_SetCopy(set), NS_TCL_SET_DYNAMIC);
}

static int
FreeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp *data = clientData;
    Ns_Set   *set;

    if (ParseSet(interp, objc, objv, &set) != NS_OK) {
        return TCL_ERROR;
    }
    NsSetsDrop(data, Tcl_GetString(objv[2]));
    return TCL_OK;
}

static int
CleanupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    NsSetsFree(clientData);
    return TCL_OK;
}

static int
SplitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp   *data = clientData;
    Ns_Set     *set, **sets;
    const char *separator = ".";
    Tcl_Obj    *list;
    Ns_ObjvSpec args[] = {
        {"setId", Ns_ObjvSet, &set, NULL}, {"?splitChar", Ns_ObjvString, &separator, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (strlen(separator) != 1) {
        Ns_TclPrintfResult(interp, "ns_set split: the split character must be one character long, provided '%s'",
                           separator);
        return TCL_ERROR;
    }
    sets = Ns_SetSplit(set, separator[0]);
    list = Tcl_NewListObj(0, NULL);
    for (size_t i = 0; sets[i] != NULL; i++) {
        char handle[NS_SET_HANDLE_SIZE];

        NsSetsEnter(data, sets[i], NS_TCL_SET_DYNAMIC, handle);
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(handle, -1));
    }
    ns_free(sets);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/*
 * Looking
 */
static int
ArrayObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set  *set;
    Tcl_Obj *list;

    if (ParseSet(interp, objc, objv, &set) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    for (size_t i = 0; i < Ns_SetSize(set); i++) {
        Tcl_ListObjAppendElement(NULL, list, TextObj(Ns_SetKey(set, i)));
        Tcl_ListObjAppendElement(NULL, list, TextObj(Ns_SetValue(set, i)));
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static int
NameObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set *set;

    if (ParseSet(interp, objc, objv, &set) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, TextObj(Ns_SetName(set)));
    return TCL_OK;
}

static int
SizeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange bytesRange = {200, INT_MAX};
    Ns_Set     *set;
    int         fields = 0, bytes = 0;
    Ns_ObjvSpec args[] = {
        {"setId", Ns_ObjvSet, &set, NULL}, {"?nrElements", Ns_ObjvInt, &fields, &indexRange},
        {"?bufferSize", Ns_ObjvInt, &bytes, &bytesRange}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    NsSetReserve(set, (size_t)fields, (size_t)bytes);
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)Ns_SetSize(set)));
    return TCL_OK;
}

static int
FindObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set     *set;
    const char *key;
    bool        noCase;

    if (ParseKey(interp, objc, objv, &set, &key, NULL, &noCase) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(NsSetFindFrom(set, 0, key, noCase)));
    return TCL_OK;
}

/* get, iget */
static int
GetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         all = 0, noCase = 0, index;
    Ns_Set     *set;
    const char *key;
    Tcl_Obj    *def = NULL;
    Ns_ObjvSpec opts[] = {
        {"-all", Ns_ObjvBool, &all, NULL}, {"-nocase", Ns_ObjvBool, &noCase, NULL}, {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"setId", Ns_ObjvSet, &set, NULL}, {"key", Ns_ObjvString, &key, NULL}, {"?default", Ns_ObjvObj, &def, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    noCase = noCase || Tcl_GetString(objv[1])[0] == 'i';
    index = NsSetFindFrom(set, 0, key, noCase != 0);
    if (index < 0) {
        if (def != NULL) {
            Tcl_SetObjResult(interp, def);
        }
    } else if (all) {
        Tcl_Obj *list = Tcl_NewListObj(0, NULL);

        for (; index >= 0; index = NsSetFindFrom(set, (size_t)index + 1, key, noCase != 0)) {
            Tcl_ListObjAppendElement(NULL, list, TextObj(Ns_SetValue(set, (size_t)index)));
        }
        Tcl_SetObjResult(interp, list);
    } else {
        Tcl_SetObjResult(interp, TextObj(Ns_SetValue(set, (size_t)index)));
    }
    return TCL_OK;
}

/* unique, iunique */
static int
UniqueObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set     *set;
    const char *key;
    bool        noCase;

    if (ParseKey(interp, objc, objv, &set, &key, NULL, &noCase) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(noCase ? Ns_SetIUnique(set, key) : Ns_SetUnique(set, key)));
    return TCL_OK;
}

static int
KeyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set *set;
    int     index;

    if (ParseIndex(interp, objc, objv, &set, &index, 0) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, TextObj(Ns_SetKey(set, (size_t)index)));
    return TCL_OK;
}

static int
ValueObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set *set;
    int     index;

    if (ParseIndex(interp, objc, objv, &set, &index, 0) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, TextObj(Ns_SetValue(set, (size_t)index)));
    return TCL_OK;
}

static int
IsNullObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set *set;
    int     index;

    if (ParseIndex(interp, objc, objv, &set, &index, 0) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(Ns_SetValue(set, (size_t)index) == NULL));
    return TCL_OK;
}

static int
ListTexts(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, const char *(*get)(const Ns_Set *set, size_t index))
{
    Ns_Set     *set;
    const char *pattern = NULL;
    Tcl_Obj    *list;
    Ns_ObjvSpec args[] = {
        {"setId", Ns_ObjvSet, &set, NULL}, {"?pattern", Ns_ObjvString, &pattern, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    for (size_t i = 0; i < Ns_SetSize(set); i++) {
        const char *text = get(set, i);

        if (pattern == NULL || Tcl_StringMatch(text == NULL ? "" : text, pattern)) {
            Tcl_ListObjAppendElement(NULL, list, TextObj(text));
        }
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static int
KeysObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ListTexts(interp, objc, objv, Ns_SetKey);
}

static int
ValuesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ListTexts(interp, objc, objv, Ns_SetValue);
}

static void
AppendFormatted(Tcl_DString *ds, const Ns_Set *set, bool withName, const char *lead, const char *separator)
{
    if (withName && Ns_SetName(set) != NULL) {
        Tcl_DStringAppend(ds, Ns_SetName(set), -1);
        Tcl_DStringAppend(ds, ":\n", 2);
    }
    for (size_t i = 0; i < Ns_SetSize(set); i++) {
        const char *value = Ns_SetValue(set, i);

        Tcl_DStringAppend(ds, lead, -1);
        Tcl_DStringAppend(ds, Ns_SetKey(set, i), -1);
        Tcl_DStringAppend(ds, separator, -1);
        Tcl_DStringAppend(ds, value == NULL ? "" : value, -1);
        Tcl_DStringAppend(ds, "\n", 1);
    }
}

static int
FormatObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         noName = 0;
    const char *lead = "  ", *separator = ": ";
    Ns_Set     *set;
    Tcl_DString ds;
    Ns_ObjvSpec opts[] = {
        {"-noname", Ns_ObjvBool, &noName, NULL}, {"-lead", Ns_ObjvString, &lead, NULL},
        {"-separator", Ns_ObjvString, &separator, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"setId", Ns_ObjvSet, &set, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    AppendFormatted(&ds, set, noName == 0, lead, separator);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

/* To the log. */
static int
PrintObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set     *set;
    Tcl_DString ds;

    if (ParseSet(interp, objc, objv, &set) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    AppendFormatted(&ds, set, true, "  ", ": ");
    Ns_Log(Notice, "ns_set %s: %s", Tcl_GetString(objv[2]), Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    return TCL_OK;
}

static int
ListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp      *data = clientData;
    Tcl_HashSearch search;
    Tcl_Obj       *list;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&data->sets, &search); entry != NULL;
         entry = Tcl_NextHashEntry(&search)) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Tcl_GetHashKey(&data->sets, entry), -1));
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* Of the sets of this interpreter: their number, the fields in them, and bytes in use and held. */
static int
StatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp      *data = clientData;
    Tcl_HashSearch search;
    size_t         sets = 0, fields = 0, used = 0, held = 0;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&data->sets, &search); entry != NULL;
         entry = Tcl_NextHashEntry(&search)) {
        const Ns_Set *set = Tcl_GetHashValue(entry);
        size_t        setUsed, setHeld;

        NsSetGetMemory(set, &setUsed, &setHeld);
        sets++;
        fields += Ns_SetSize(set);
        used += setUsed;
        held += setHeld;
    }
    Ns_TclPrintfResult(interp, "nrsets %zu size %zu buffer %zu allocated %zu", sets, fields, used, held);
    return TCL_OK;
}

/*
 * Changing
 */
static int
PutObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set     *set;
    Tcl_Obj    *keyObj, *valueObj;
    const char *key, *value;
    int         keyLen, valueLen;
    Ns_ObjvSpec args[] = {
        {"setId", Ns_ObjvSet, &set, NULL}, {"key", Ns_ObjvObj, &keyObj, NULL}, {"value", Ns_ObjvObj, &valueObj, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    key = Tcl_GetStringFromObj(keyObj, &keyLen);
    value = Tcl_GetStringFromObj(valueObj, &valueLen);
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)Ns_SetPutSz(set, key, keyLen, value, valueLen)));
    return TCL_OK;
}

/* cput, icput: put if there is none of that name. */
static int
CPutObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set     *set;
    const char *key, *value;
    bool        noCase, put;

    if (ParseKey(interp, objc, objv, &set, &key, &value, &noCase) != NS_OK) {
        return TCL_ERROR;
    }
    put = NsSetFindFrom(set, 0, key, noCase) < 0;
    if (put) {
        Ns_SetPut(set, key, value);
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(put));
    return TCL_OK;
}

/* update, iupdate */
static int
UpdateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set     *set;
    const char *key, *value;
    bool        noCase;
    size_t      index;

    if (ParseKey(interp, objc, objv, &set, &key, &value, &noCase) != NS_OK) {
        return TCL_ERROR;
    }
    index = noCase ? Ns_SetIUpdate(set, key, value) : Ns_SetUpdate(set, key, value);
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)index));
    return TCL_OK;
}

/* delkey, idelkey: the first of that name. */
static int
DelKeyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set     *set;
    const char *key;
    bool        noCase;
    int         index;

    if (ParseKey(interp, objc, objv, &set, &key, NULL, &noCase) != NS_OK) {
        return TCL_ERROR;
    }
    index = NsSetFindFrom(set, 0, key, noCase);
    Ns_SetDelete(set, index);
    Tcl_SetObjResult(interp, Tcl_NewIntObj(index >= 0));
    return TCL_OK;
}

static int
DeleteObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set *set;
    int     index;

    if (ParseIndex(interp, objc, objv, &set, &index, 0) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_SetDelete(set, index);
    return TCL_OK;
}

static int
TruncateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set *set;
    int     index;

    if (ParseIndex(interp, objc, objv, &set, &index, 1) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_SetTrunc(set, (size_t)index);
    return TCL_OK;
}

/* merge, imerge */
static int
MergeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         noCase = 0;
    Ns_Set     *high, *low;
    Ns_ObjvSpec opts[] = {
        {"-nocase", Ns_ObjvBool, &noCase, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (ParseTwoSets(interp, objc, objv, opts, &high, &low) != NS_OK) {
        return TCL_ERROR;
    }
    NsSetMerge(high, low, noCase != 0 || Tcl_GetString(objv[1])[0] == 'i');
    return ReturnHandle(interp, objc, objv);
}

static int
MoveObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set *to, *from;

    if (ParseTwoSets(interp, objc, objv, NULL, &to, &from) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_SetMove(to, from);
    return ReturnHandle(interp, objc, objv);
}

static const Ns_SubCmdSpec subcmds[] = {
    {"array", ArrayObjCmd}, {"cleanup", CleanupObjCmd}, {"copy", CopyObjCmd}, {"cput", CPutObjCmd},
    {"create", CreateObjCmd}, {"delete", DeleteObjCmd}, {"delkey", DelKeyObjCmd}, {"find", FindObjCmd},
    {"format", FormatObjCmd}, {"free", FreeObjCmd}, {"get", GetObjCmd}, {"icput", CPutObjCmd},
    {"idelkey", DelKeyObjCmd}, {"ifind", FindObjCmd}, {"iget", GetObjCmd}, {"imerge", MergeObjCmd},
    {"isnull", IsNullObjCmd}, {"iunique", UniqueObjCmd}, {"iupdate", UpdateObjCmd}, {"key", KeyObjCmd},
    {"keys", KeysObjCmd}, {"list", ListObjCmd}, {"merge", MergeObjCmd}, {"move", MoveObjCmd}, {"name", NameObjCmd},
    {"new", CreateObjCmd}, {"print", PrintObjCmd}, {"put", PutObjCmd}, {"size", SizeObjCmd}, {"split", SplitObjCmd},
    {"stats", StatsObjCmd}, {"truncate", TruncateObjCmd}, {"unique", UniqueObjCmd}, {"update", UpdateObjCmd},
    {"value", ValueObjCmd}, {"values", ValuesObjCmd}, {NULL, NULL}
};

static int
SetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

/* The first of several sets that has this name; nothing when there is none. */
static int
FindSetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *list, **handles;
    const char *name;
    int         count;
    Ns_ObjvSpec args[] = {
        {"sets", Ns_ObjvObj, &list, NULL}, {"name", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK
        || Tcl_ListObjGetElements(interp, list, &count, &handles) != TCL_OK) {
        return TCL_ERROR;
    }
    for (int i = 0; i < count; i++) {
        Ns_Set     *set;
        const char *setName;

        if (Ns_TclGetSet2(interp, Tcl_GetString(handles[i]), &set) != TCL_OK) {
            return TCL_ERROR;
        }
        setName = Ns_SetName(set);
        if (strcmp(setName == NULL ? "" : setName, name) == 0) {
            Tcl_SetObjResult(interp, handles[i]);
            break;
        }
    }
    return TCL_OK;
}

extern const NsCmd nsSetCmds[];
const NsCmd nsSetCmds[] = {
    {"ns_set",     SetObjCmd,     NS_CMD_CONFIG},
    {"ns_findset", FindSetObjCmd, NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
