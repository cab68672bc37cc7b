/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Argument parsing of Tcl commands by specification (ns.h), and the usage messages made from it.
 *
 * This runs for every command: nothing is allocated unless a message is needed, and an argument is not given a string
 * form only to see that it is no option (binary data would have to be copied for it).
 */
#include <limits.h>
#include <string.h>
#include "interp/objv.h"
#include "conf/server.h"
#include "base/check.h"

static const Ns_ObjvSpec *FindOption(const Ns_ObjvSpec *specs, Tcl_Obj *obj);
static void AppendUsage(Tcl_DString *ds, const Ns_ObjvSpec *spec);

static bool
IsOption(const Ns_ObjvSpec *spec)
{
    return spec->key[0] == '-';
}

/* The types of which objects are met most often, to know them without their string form. */
static bool
IsTypeNamed(const Tcl_Obj *obj, const char *name)
{
    return obj->typePtr != NULL && strcmp(obj->typePtr->name, name) == 0;
}

/* ---------------------------------------------------------------------------------------------------------- messages */

static Ns_ReturnCode
WrongArgs(const Ns_ObjvSpec *optSpec, const Ns_ObjvSpec *argSpec, Tcl_Interp *interp, int parseOffset,
          Tcl_Obj *const *objv)
{
    Tcl_DString        ds;
    const Ns_ObjvSpec *spec;

    if (interp == NULL) {
        return NS_ERROR;
    }
    Tcl_DStringInit(&ds);
    for (spec = optSpec; spec != NULL && spec->key != NULL; spec++) {
        AppendUsage(&ds, spec);
    }
    for (spec = argSpec; spec != NULL && spec->key != NULL; spec++) {
        AppendUsage(&ds, spec);
    }
    Tcl_WrongNumArgs(interp, parseOffset, objv, Tcl_DStringLength(&ds) > 0 ? Tcl_DStringValue(&ds) : NULL);
    Tcl_DStringFree(&ds);
    return NS_ERROR;
}

static void
AppendAlternatives(Tcl_DString *ds, const Ns_ObjvTable *table)
{
    for (const Ns_ObjvTable *entry = table; entry->key != NULL; entry++) {
        if (entry != table) {
            Tcl_DStringAppend(ds, "|", 1);
        }
        Tcl_DStringAppend(ds, entry->key, -1);
    }
}

char *
Ns_ObjvTablePrint(Tcl_DString *dsPtr, Ns_ObjvTable *values)
{
    AppendAlternatives(dsPtr, values);
    return Tcl_DStringValue(dsPtr);
}

char *
Ns_ObjvTablePrintSentence(Tcl_DString *dsPtr, const Ns_ObjvTable *values)
{
    for (const Ns_ObjvTable *entry = values; entry->key != NULL; entry++) {
        bool last = entry[1].key == NULL;

        Tcl_DStringAppend(dsPtr, entry == values ? "" : !last ? ", " : entry == values + 1 ? " or " : ", or ", -1);
        Tcl_DStringAppend(dsPtr, entry->key, -1);
    }
    return Tcl_DStringValue(dsPtr);
}

const char *
Ns_ObjvTableGetString(const Ns_ObjvTable *tablePtr, unsigned int defaultValue)
{
    while (tablePtr->key != NULL && tablePtr->value != defaultValue) {
        tablePtr++;
    }
    return tablePtr->key;
}

/* "[0,MAX]"; nothing when there are no bounds. */
static void
AppendRange(Tcl_DString *ds, const Ns_ObjvValueRange *range)
{
    char bound[TCL_INTEGER_SPACE * 2];

    if (range == NULL || (range->minValue <= INT_MIN && range->maxValue >= INT_MAX)) {
        return;
    }
    Tcl_DStringAppend(ds, "[", 1);
    snprintf(bound, sizeof(bound), "%" TCL_LL_MODIFIER "d", range->minValue);
    Tcl_DStringAppend(ds, range->minValue <= INT_MIN ? "MIN" : bound, -1);
    snprintf(bound, sizeof(bound), "%" TCL_LL_MODIFIER "d", range->maxValue);
    Tcl_DStringAppend(ds, ",", 1);
    Tcl_DStringAppend(ds, range->maxValue >= INT_MAX ? "MAX" : bound, -1);
    Tcl_DStringAppend(ds, "]", 1);
}

static bool
TakesInteger(const Ns_ObjvSpec *spec)
{
    return spec->proc == Ns_ObjvInt || spec->proc == Ns_ObjvLong || spec->proc == Ns_ObjvWideInt;
}

/* What stands between the slashes behind an option. */
static const char *
ValueWord(const Ns_ObjvSpec *spec)
{
    static const struct { Ns_ObjvProc *proc; const char *word; } words[] = {
        {Ns_ObjvInt, "integer"}, {Ns_ObjvLong, "integer"}, {Ns_ObjvWideInt, "integer"}, {Ns_ObjvUShort, "port"},
        {Ns_ObjvDouble, "double"}, {Ns_ObjvMemUnit, "memory-size"}, {Ns_ObjvTime, "time"}, {Ns_ObjvSet, "setId"},
        {Ns_ObjvServer, "server"}, {Ns_ObjvEval, "script"}
    };

    if (spec->proc == Ns_ObjvObj && spec->arg != NULL) {
        return spec->arg;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].proc == spec->proc) {
            return words[i].word;
        }
    }
    return "value";
}

/* What is to be written for the value of an option or for an argument called `word`. */
static void
AppendValueUsage(Tcl_DString *ds, const Ns_ObjvSpec *spec, const char *word)
{
    if ((spec->proc == Ns_ObjvIndex || spec->proc == NsObjvPrefix || spec->proc == Ns_ObjvFlags) && spec->arg != NULL) {
        AppendAlternatives(ds, spec->arg);
    } else if (spec->proc == Ns_ObjvBool || spec->proc == Ns_ObjvBoolean) {
        Tcl_DStringAppend(ds, "true|false", -1);
    } else {
        Tcl_DStringAppend(ds, "/", 1);
        Tcl_DStringAppend(ds, spec->proc == Ns_ObjvArgs && strcmp(word, "args") == 0 ? "arg" : word, -1);
        if (spec->proc == Ns_ObjvArgs) {
            Tcl_DStringAppend(ds, " ...", -1);
        } else if (TakesInteger(spec)) {
            AppendRange(ds, spec->arg);
        }
        Tcl_DStringAppend(ds, "/", 1);
    }
}

static void
AppendUsage(Tcl_DString *ds, const Ns_ObjvSpec *spec)
{
    bool optional = (IsOption(spec) && spec->proc != NsObjvNeeded) || spec->key[0] == '?';

    if (Tcl_DStringLength(ds) > 0) {
        Tcl_DStringAppend(ds, " ", 1);
    }
    if (optional) {
        Tcl_DStringAppend(ds, "?", 1);
    }
    if (!IsOption(spec)) {
        AppendValueUsage(ds, spec, spec->key + (spec->key[0] == '?'));
    } else {
        Tcl_DStringAppend(ds, spec->key, -1);
        if (spec->proc != Ns_ObjvBool && spec->proc != Ns_ObjvBreak) {
            Tcl_DStringAppend(ds, " ", 1);
            AppendValueUsage(ds, spec, ValueWord(spec));
        }
    }
    if (optional) {
        Tcl_DStringAppend(ds, "?", 1);
    }
}

/* ----------------------------------------------------------------------------------------------------------- parsing */

Ns_ReturnCode
Ns_ParseObjv(Ns_ObjvSpec *optSpec, Ns_ObjvSpec *argSpec, Tcl_Interp *interp, int parseOffset, int objc,
             Tcl_Obj *const *objv)
{
    int remain = objc - parseOffset;

    while (optSpec != NULL && remain > 0) {
        /* What is no known option begins the arguments: commands get texts that start with a '-'. */
        Ns_ObjvSpec *spec = (Ns_ObjvSpec *)FindOption(optSpec, objv[objc - remain]);
        int          result;

        if (spec == NULL) {
            break;
        }
        remain--;
        if (remain == 0 && spec->proc != Ns_ObjvBool && spec->proc != Ns_ObjvBreak) {
            return WrongArgs(optSpec, argSpec, interp, parseOffset, objv);
        }
        result = spec->proc(spec, interp, &remain, objv + (objc - remain));
        if (result == TCL_BREAK) {
            break;
        }
        if (result != TCL_OK) {
            return NS_ERROR;
        }
    }
    for (Ns_ObjvSpec *spec = argSpec; spec != NULL && spec->key != NULL; spec++) {
        if (remain == 0) {
            if (spec->key[0] != '?') {
                return WrongArgs(optSpec, argSpec, interp, parseOffset, objv);
            }
            return NS_OK;
        }
        if (spec->proc(spec, interp, &remain, objv + (objc - remain)) != TCL_OK) {
            return NS_ERROR;
        }
    }
    return remain > 0 ? WrongArgs(optSpec, argSpec, interp, parseOffset, objv) : NS_OK;
}

/* A list or dict of several words, which is no option; it may be large. */
static bool
HasSeveralWords(Tcl_Obj *obj)
{
    int count = 0;

    return (IsTypeNamed(obj, "list") && Tcl_ListObjLength(NULL, obj, &count) == TCL_OK && count > 1)
           || (IsTypeNamed(obj, "dict") && Tcl_DictObjSize(NULL, obj, &count) == TCL_OK && count > 0);
}

Ns_ReturnCode
NsParseObjvNeeded(Ns_ObjvSpec *optSpec, Ns_ObjvSpec *argSpec, Tcl_Interp *interp, int parseOffset, int objc,
                  Tcl_Obj *const *objv)
{
    Ns_ReturnCode status;

    for (const Ns_ObjvSpec *spec = optSpec; spec->key != NULL; spec++) {
        if (spec->proc == NsObjvNeeded) {
            *(Tcl_Obj **)spec->dest = NULL;
        }
    }
    status = Ns_ParseObjv(optSpec, argSpec, interp, parseOffset, objc, objv);
    for (const Ns_ObjvSpec *spec = optSpec; status == NS_OK && spec->key != NULL; spec++) {
        if (spec->proc == NsObjvNeeded && *(Tcl_Obj **)spec->dest == NULL) {
            status = WrongArgs(optSpec, argSpec, interp, parseOffset, objv);
        }
    }
    return status;
}

/*
 * The text of an argument that could be an option, or NULL.  Numbers, binary data and lists have no string form yet: numbers
 * cannot be options, of binary data a look at the bytes is enough, of lists one at their length.
 */
static const char *
OptionText(Tcl_Obj *obj, size_t *len)
{
    const char *text = obj->bytes;
    int         length = obj->length;

    if (text == NULL && obj->typePtr != NULL) {
        if (IsTypeNamed(obj, "bytearray")) {
            text = (const char *)Tcl_GetByteArrayFromObj(obj, &length);
        } else if (!IsTypeNamed(obj, "int") && !IsTypeNamed(obj, "double") && !IsTypeNamed(obj, "wideInt")
                   && !HasSeveralWords(obj)) {
            text = Tcl_GetStringFromObj(obj, &length);
        }
    }
    *len = (size_t)length;
    return text != NULL && length > 1 && text[0] == '-' ? text : NULL;
}

/*
 * A look-up that is cached in the object, as Tcl's, would be found by the address of the table, and tables are on the
 * stack of their commands.  Comparing the second character first makes a scan as fast.
 */
static const Ns_ObjvSpec *
FindOption(const Ns_ObjvSpec *specs, Tcl_Obj *obj)
{
    size_t      len;
    const char *text = OptionText(obj, &len);

    if (text != NULL) {
        for (const Ns_ObjvSpec *spec = specs; spec->key != NULL; spec++) {
            if (spec->key[1] == text[1] && strlen(spec->key) == len && memcmp(spec->key, text, len) == 0) {
                return spec;
            }
        }
    }
    return NULL;
}

/* The name in an entry of a table whose entries begin with one; NULL: behind the last. */
static const char *
Key(const void *table, size_t size, int index)
{
    return *(const char *const *)(const void *)((const char *)table + (size_t)index * size);
}

/* The first so many words of a command. */
static Tcl_Obj *
AppendWords(Tcl_Obj *message, int count, Tcl_Obj *const *objv)
{
    for (int i = 0; i < count; i++) {
        Tcl_AppendStringsToObj(message, i == 0 ? "" : " ", Tcl_GetString(objv[i]), NULL);
    }
    return message;
}

static void
NoSuchSubcmd(Tcl_Interp *interp, const void *table, size_t size, int offset, Tcl_Obj *const *objv)
{
    Tcl_Obj    *message = AppendWords(Tcl_NewObj(), offset, objv);
    const char *key;

    Tcl_AppendStringsToObj(message, ": bad subcommand \"", Tcl_GetString(objv[offset]), "\": must be ", NULL);
    for (int i = 0; (key = Key(table, size, i)) != NULL; i++) {
        bool last = Key(table, size, i + 1) == NULL;

        Tcl_AppendStringsToObj(message, i == 0 ? "" : !last ? ", " : i == 1 ? " or " : ", or ", key, NULL);
    }
    Tcl_SetObjResult(interp, message);
}

static void
SubcmdMissing(Tcl_Interp *interp, const void *table, size_t size, int offset, Tcl_Obj *const *objv)
{
    Tcl_Obj    *message = AppendWords(Tcl_NewStringObj("wrong # args: should be \"", -1), offset, objv);
    const char *key;

    for (int i = 0; (key = Key(table, size, i)) != NULL; i++) {
        Tcl_AppendStringsToObj(message, i == 0 ? " " : "|", key, NULL);
    }
    Tcl_AppendToObj(message, " ?/arg .../\"", -1);
    Tcl_SetErrorCode(interp, "TCL", "WRONGARGS", NULL);
    Tcl_SetObjResult(interp, message);
}

/* Which entry the word behind `offset` others names; -1: none. */
static int
SubcmdIndex(const void *table, size_t size, Tcl_Interp *interp, int offset, int objc, Tcl_Obj *const *objv)
{
    int index = -1;

    if (objc <= offset) {
        SubcmdMissing(interp, table, size, offset, objv);
    } else if (Tcl_GetIndexFromObjStruct(NULL, objv[offset], table, (int)size, "subcommand", TCL_EXACT, &index) != TCL_OK) {
        NoSuchSubcmd(interp, table, size, offset, objv);
        index = -1;
    }
    return index;                              /* the word of a script keeps it: it is looked up once */
}

int
NsSubcmdIndex(const void *table, size_t size, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return SubcmdIndex(table, size, interp, 1, objc, objv);
}

int
Ns_SubsubcmdObjv(const Ns_SubCmdSpec *subcmdSpec, ClientData clientData, Tcl_Interp *interp, TCL_SIZE_T offset, TCL_SIZE_T objc,
                 Tcl_Obj *const *objv)
{
    int index = SubcmdIndex(subcmdSpec, sizeof(*subcmdSpec), interp, offset, objc, objv);

    return index >= 0 ? subcmdSpec[index].proc(clientData, interp, objc, objv) : TCL_ERROR;
}

int
Ns_SubcmdObjv(const Ns_SubCmdSpec *specs, ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int index = NsSubcmdIndex(specs, sizeof *specs, interp, objc, objv);

    return index >= 0 ? specs[index].proc(clientData, interp, objc, objv) : TCL_ERROR;
}

/* ------------------------------------------------------------------------------------------------ truth and numbers */

/* An option is a flag; an argument has a value. */
int
Ns_ObjvBool(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    int *dest = spec->dest;

    if (!IsOption(spec)) {
        return Ns_ObjvBoolean(spec, interp, objcPtr, objv);
    }
    if (spec->arg != NULL) {
        *dest |= (int)(intptr_t)spec->arg;
    } else {
        *dest = 1;
    }
    return TCL_OK;
}

int
Ns_ObjvBoolean(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    (*objcPtr)--;
    return Tcl_GetBooleanFromObj(interp, objv[0], spec->dest);
}

int
Ns_ObjvInt(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    int value;

    if (Tcl_GetIntFromObj(interp, objv[0], &value) != TCL_OK || Ns_CheckWideRange(interp, spec->key, spec->arg, value) != TCL_OK) {
        return TCL_ERROR;
    }
    *(int *)spec->dest = value;
    (*objcPtr)--;
    return TCL_OK;
}

int
Ns_ObjvUShort(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    int value;

    if (Tcl_GetIntFromObj(interp, objv[0], &value) != TCL_OK) {
        return TCL_ERROR;
    }
    if (value < 0 || value > USHRT_MAX) {
        Ns_TclPrintfResult(interp, "value %d out of range (0..%d)", value, USHRT_MAX);
        return TCL_ERROR;
    }
    *(unsigned short *)spec->dest = (unsigned short)value;
    (*objcPtr)--;
    return TCL_OK;
}

int
Ns_ObjvLong(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    long value;

    if (Tcl_GetLongFromObj(interp, objv[0], &value) != TCL_OK || Ns_CheckWideRange(interp, spec->key, spec->arg, value) != TCL_OK) {
        return TCL_ERROR;
    }
    *(long *)spec->dest = value;
    (*objcPtr)--;
    return TCL_OK;
}

int
Ns_ObjvWideInt(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    Tcl_WideInt value;

    if (Tcl_GetWideIntFromObj(interp, objv[0], &value) != TCL_OK || Ns_CheckWideRange(interp, spec->key, spec->arg, value) != TCL_OK) {
        return TCL_ERROR;
    }
    *(Tcl_WideInt *)spec->dest = value;
    (*objcPtr)--;
    return TCL_OK;
}

int
Ns_ObjvDouble(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    (*objcPtr)--;
    return Tcl_GetDoubleFromObj(interp, objv[0], spec->dest);
}

int
Ns_ObjvMemUnit(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    Tcl_WideInt value;

    if (Ns_TclGetMemUnitFromObj(interp, objv[0], &value) != TCL_OK || Ns_CheckWideRange(interp, spec->key, spec->arg, value) != TCL_OK) {
        return TCL_ERROR;
    }
    *(Tcl_WideInt *)spec->dest = value;
    (*objcPtr)--;
    return TCL_OK;
}

int
Ns_CheckWideRange(Tcl_Interp *interp, const char *name, const Ns_ObjvValueRange *r, Tcl_WideInt value)
{
    Tcl_DString ds;

    if (r == NULL || (value >= r->minValue && value <= r->maxValue)) {
        return TCL_OK;
    }
    if (interp != NULL) {
        Tcl_DStringInit(&ds);
        AppendRange(&ds, r);
        Ns_TclPrintfResult(interp, "expected integer in range %s for '%s', but got %" TCL_LL_MODIFIER "d",
                           Tcl_DStringValue(&ds), name, value);
        Tcl_DStringFree(&ds);
    }
    return TCL_ERROR;
}

/* -------------------------------------------------------------------------------------------------------------- time */

/* `said`: the words of the one who gave it, or NULL. */
static int
CheckTime(Tcl_Interp *interp, const char *name, const Ns_ObjvTimeRange *range, const Ns_Time *value, const char *said)
{
    Tcl_DString ds;

    if (range == NULL || (Ns_DiffTime(value, &range->minValue, NULL) >= 0 && Ns_DiffTime(value, &range->maxValue, NULL) <= 0)) {
        return TCL_OK;
    }
    if (interp != NULL) {
        Tcl_DStringInit(&ds);
        Ns_DStringAppendTime(&ds, &range->minValue);
        Tcl_DStringAppend(&ds, "s, ", 3);
        if (range->maxValue.sec >= INT_MAX) {
            Tcl_DStringAppend(&ds, "MAX", 3);
        } else {
            Ns_DStringAppendTime(&ds, &range->maxValue);
            Tcl_DStringAppend(&ds, "s", 1);
        }
        Tcl_DStringAppend(&ds, "], for '", -1);
        Tcl_DStringAppend(&ds, name + (name[0] == '?'), -1);
        Tcl_DStringAppend(&ds, "', but got ", -1);
        if (said != NULL) {
            Tcl_DStringAppend(&ds, said, -1);
        } else {
            Ns_DStringAppendTime(&ds, value);
        }
        Ns_TclPrintfResult(interp, "expected time value in range [%s", Tcl_DStringValue(&ds));
        Tcl_DStringFree(&ds);
    }
    return TCL_ERROR;
}

int
Ns_CheckTimeRange(Tcl_Interp *interp, const char *name, const Ns_ObjvTimeRange *r, Ns_Time *value)
{
    return CheckTime(interp, name, r, value, NULL);
}

/*
 * The value lies in a ring of this thread: the object itself could change its type while the command still looks at it
 * (the literal 1 may be a timeout, a port and a message of the same call).  It holds while the command runs no script.
 */
int
Ns_ObjvTime(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    static __thread Ns_Time  ring[32];
    static __thread unsigned next;
    Ns_Time *value = &ring[next++ % (sizeof(ring) / sizeof(ring[0]))];

    if (Ns_TclGetTimeFromObj(interp, objv[0], value) != TCL_OK
        || CheckTime(interp, spec->key, spec->arg, value, Tcl_GetString(objv[0])) != TCL_OK) {
        return TCL_ERROR;
    }
    *(Ns_Time **)spec->dest = value;
    (*objcPtr)--;
    return TCL_OK;
}

/* ------------------------------------------------------------------------------------------------- texts and objects */

int
Ns_ObjvString(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    *(char **)spec->dest = Tcl_GetStringFromObj(objv[0], spec->arg);
    (*objcPtr)--;
    return TCL_OK;
}

int
Ns_ObjvEval(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    int result = Tcl_EvalObjEx(interp, objv[0], 0);

    if (result == TCL_OK) {
        *(Tcl_Obj **)spec->dest = Tcl_GetObjResult(interp);
        Tcl_IncrRefCount(*(Tcl_Obj **)spec->dest);
        (*objcPtr)--;
    }
    return result == TCL_OK ? TCL_OK : TCL_ERROR;
}

int
Ns_ObjvByteArray(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    *(void **)spec->dest = Tcl_GetByteArrayFromObj(objv[0], spec->arg);
    (*objcPtr)--;
    return TCL_OK;
}

int
Ns_ObjvObj(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    *(Tcl_Obj **)spec->dest = objv[0];
    (*objcPtr)--;
    return TCL_OK;
}

int
NsObjvNeeded(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    return Ns_ObjvObj(spec, interp, objcPtr, objv);
}

/* ---------------------------------------------------------------------------------------------------------- keywords */

static const Ns_ObjvTable *
FindKeyword(Tcl_Interp *interp, const Ns_ObjvTable *table, Tcl_Obj *obj)
{
    const char         *key = Tcl_GetString(obj);
    const Ns_ObjvTable *entry;
    Tcl_Obj            *message;

    for (entry = table; entry->key != NULL; entry++) {
        if (entry->key[0] == key[0] && strcmp(entry->key, key) == 0) {
            return entry;
        }
    }
    if (interp != NULL) {
        message = Tcl_ObjPrintf("bad option \"%s\": must be ", key);
        for (entry = table; entry->key != NULL; entry++) {
            Tcl_AppendStringsToObj(message, entry == table ? "" : entry[1].key == NULL ? ", or " : ", ", entry->key,
                                   NULL);
        }
        Tcl_SetObjResult(interp, message);
        Tcl_SetErrorCode(interp, "TCL", "LOOKUP", "INDEX", "option", key, NULL);
    }
    return NULL;
}

int
Ns_ObjvIndex(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    const Ns_ObjvTable *entry = FindKeyword(interp, spec->arg, objv[0]);

    if (entry == NULL) {
        return TCL_ERROR;
    }
    *(int *)spec->dest = (int)entry->value;
    (*objcPtr)--;
    return TCL_OK;
}

int
NsObjvPrefix(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    const Ns_ObjvTable *table = spec->arg;
    int                 index, code = Tcl_GetIndexFromObjStruct(interp, objv[0], table, sizeof *table, "option", 0, &index);

    if (code == TCL_OK) {
        *(int *)spec->dest = (int)table[index].value;
        (*objcPtr)--;
    }
    return code;
}

/* A list of keywords, whose values are ORed in. */
int
Ns_ObjvFlags(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    unsigned  flags = 0;
    int       count;
    Tcl_Obj **words;

    if (Tcl_ListObjGetElements(interp, objv[0], &count, &words) != TCL_OK) {
        return TCL_ERROR;
    }
    for (int i = 0; i < count; i++) {
        const Ns_ObjvTable *entry = FindKeyword(interp, spec->arg, words[i]);

        if (entry == NULL) {
            return TCL_ERROR;
        }
        flags |= entry->value;
    }
    *(unsigned *)spec->dest |= flags;
    (*objcPtr)--;
    return TCL_OK;
}

int
Ns_ObjvBreak(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    return TCL_BREAK;
}

int
Ns_ObjvArgs(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    *(int *)spec->dest = *objcPtr;
    *objcPtr = 0;
    return TCL_OK;
}

/* --------------------------------------------------------------------------------------------------- servers and sets */

int
Ns_ObjvServer(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    Ns_Server *server = Ns_GetServer(Tcl_GetString(objv[0]));

    if (server == NULL) {
        Ns_TclPrintfResult(interp, "invalid server: '%s'", Tcl_GetString(objv[0]));
        return TCL_ERROR;
    }
    *(Ns_Server **)spec->dest = server;
    (*objcPtr)--;
    return TCL_OK;
}

int
Ns_ObjvSet(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    if (Ns_TclGetSet2(interp, Tcl_GetString(objv[0]), spec->dest) != TCL_OK) {
        return TCL_ERROR;
    }
    (*objcPtr)--;
    return TCL_OK;
}
