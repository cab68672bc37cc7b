/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Triples: as JSON, and their elements.
 */
#include <string.h>
#include "json/triples.h"
#include "json/write.h"

static int AppendValue(Tcl_Interp *interp, const char *who, Tcl_DString *ds, NsJsonType type, Tcl_Obj *value, int depth);

static int
Complain(Tcl_Interp *interp, Tcl_Obj *message)
{
    Tcl_IncrRefCount(message);
    if (interp != NULL) {
        Tcl_SetObjResult(interp, message);
    }
    Tcl_DecrRefCount(message);
    return TCL_ERROR;
}

static bool
IsContainer(NsJsonType type)
{
    return type == NS_JSON_OBJECT || type == NS_JSON_ARRAY;
}

bool
NsJsonIsDocument(Tcl_Obj *triples, NsJsonType *type, Tcl_Obj **value)
{
    int       count;
    Tcl_Obj **words;
    bool      isDocument = false;

    if (Tcl_ListObjGetElements(NULL, triples, &count, &words) == TCL_OK && count == 3 && NsJsonTypeOf(words[1], type)) {
        int keyLen;

        (void)Tcl_GetStringFromObj(words[0], &keyLen);
        isDocument = keyLen == 0;
        *value = words[2];
    }
    return isDocument;
}

int
NsJsonTriples(Tcl_Interp *interp, const char *who, Tcl_Obj *list, int *count, Tcl_Obj ***words)
{
    int status = Tcl_ListObjGetElements(interp, list, count, words);

    if (status == TCL_OK && *count % 3 != 0) {
        status = Complain(interp, Tcl_ObjPrintf("%s: triples length must be multiple of 3", who));
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------------ out as JSON */

Tcl_Obj *
NsJsonNumber(Tcl_Interp *interp, Tcl_Obj *value)
{
    int         len;
    const char *text = Tcl_GetStringFromObj(value, &len);
    Tcl_Obj    *number = Tcl_NewStringObj(text, len);
    double      d;

    if (!NsJsonIsNumber(text, (size_t)len)) {
        if (Tcl_GetDoubleFromObj(NULL, number, &d) == TCL_OK) {
            Tcl_InvalidateStringRep(number);
        } else {
            (void)Complain(interp, Tcl_ObjPrintf("expected numeric Tcl value, got \"%s\"", text));
            Tcl_DecrRefCount(number);
            number = NULL;
        }
    }
    return number;
}

static void
AppendText(Tcl_DString *ds, Tcl_Obj *value)
{
    int         len;
    const char *text = Tcl_GetStringFromObj(value, &len);

    NsJsonAppendString(ds, text, (size_t)len);
}

static int
AppendNumber(Tcl_Interp *interp, Tcl_DString *ds, Tcl_Obj *value)
{
    Tcl_Obj    *number = NsJsonNumber(NULL, value);
    int         len = 0, status = TCL_OK;
    const char *text = number != NULL ? Tcl_GetStringFromObj(number, &len) : "";

    /* Of Tcl's own numbers, infinity is none. */
    if (NsJsonIsNumber(text, (size_t)len)) {
        Tcl_DStringAppend(ds, text, len);
    } else {
        status = Complain(interp, Tcl_NewStringObj("ns_json: parse error at byte 0: invalid number", -1));
    }
    if (number != NULL) {
        Tcl_DecrRefCount(number);
    }
    return status;
}

static int
AppendContainer(Tcl_Interp *interp, const char *who, Tcl_DString *ds, NsJsonType type, Tcl_Obj *list, int depth)
{
    int       count, status;
    Tcl_Obj **words;

    if (depth > NS_JSON_MAX_DEPTH) {
        return Complain(interp, Tcl_ObjPrintf("%s: max depth exceeded", who));
    }
    status = NsJsonTriples(interp, who, list, &count, &words);
    Tcl_DStringAppend(ds, type == NS_JSON_OBJECT ? "{" : "[", 1);
    for (int i = 0; status == TCL_OK && i < count; i += 3) {
        NsJsonType element;

        if (!NsJsonTypeOf(words[i + 1], &element)) {
            status = Complain(interp, Tcl_ObjPrintf("%s: invalid triple type: %s", who, Tcl_GetString(words[i + 1])));
            break;
        }
        if (i > 0) {
            Tcl_DStringAppend(ds, ",", 1);
        }
        if (type == NS_JSON_OBJECT) {
            AppendText(ds, words[i]);
            Tcl_DStringAppend(ds, ":", 1);
        }
        status = AppendValue(interp, who, ds, element, words[i + 2], depth + 1);
    }
    Tcl_DStringAppend(ds, type == NS_JSON_OBJECT ? "}" : "]", 1);
    return status;
}

static int
AppendValue(Tcl_Interp *interp, const char *who, Tcl_DString *ds, NsJsonType type, Tcl_Obj *value, int depth)
{
    int status = TCL_OK, truth;

    switch (type) {
    case NS_JSON_STRING:
        AppendText(ds, value);
        break;
    case NS_JSON_NUMBER:
        status = AppendNumber(interp, ds, value);
        break;
    case NS_JSON_BOOLEAN:
        status = Tcl_GetBooleanFromObj(interp, value, &truth);
        if (status == TCL_OK) {
            Tcl_DStringAppend(ds, truth ? "true" : "false", -1);
        }
        break;
    case NS_JSON_NULL:
        Tcl_DStringAppend(ds, "null", 4);
        break;
    default:
        status = AppendContainer(interp, who, ds, type, value, depth);
        break;
    }
    return status;
}

int
NsJsonAppendTyped(Tcl_Interp *interp, const char *who, Tcl_DString *ds, NsJsonType type, Tcl_Obj *value)
{
    return AppendValue(interp, who, ds, type, value, 1);
}

static bool
IsPureList(const Tcl_Obj *obj)
{
    return obj->bytes == NULL && obj->typePtr != NULL && strcmp(obj->typePtr->name, "list") == 0;
}

int
NsJsonAppendGuessed(Tcl_Interp *interp, const char *who, Tcl_DString *ds, Tcl_Obj *value)
{
    NsJsonType  type;
    Tcl_Obj    *inner, *copy;
    const char *text;
    int         len, truth, status = TCL_OK;

    if (NsJsonIsNull(value)) {
        Tcl_DStringAppend(ds, "null", 4);
        return TCL_OK;
    }
    /* No text of a large document only to see that it is one. */
    if (IsPureList(value) && NsJsonIsDocument(value, &type, &inner)) {
        return NsJsonAppendTyped(interp, who, ds, type, inner);
    }
    text = Tcl_GetStringFromObj(value, &len);
    if (len > 0 && (*text == '-' || (*text >= '0' && *text <= '9'))) {
        if (NsJsonIsNumber(text, (size_t)len)) {
            Tcl_DStringAppend(ds, text, len);
        } else {
            AppendText(ds, value);
        }
    } else if (text[0] == '{' && text[1] == '}' && NsJsonIsDocument(value, &type, &inner)) {
        status = NsJsonAppendTyped(interp, who, ds, type, inner);
    } else {
        copy = Tcl_NewStringObj(text, len);    /* the value stays what it is */
        if (Tcl_GetBooleanFromObj(NULL, copy, &truth) == TCL_OK) {
            Tcl_DStringAppend(ds, truth ? "true" : "false", -1);
        } else {
            AppendText(ds, value);
        }
        Tcl_DecrRefCount(copy);
    }
    return status;
}

/* --------------------------------------------------------------------------------------------------------- elements */

/* One key of a pointer, without its escapes; false: "~" with something else behind it. */
static bool
PointerKey(Tcl_DString *ds, const char *key, size_t len)
{
    Tcl_DStringSetLength(ds, 0);
    for (size_t i = 0; i < len; i++) {
        char c = key[i];

        if (c == '~') {
            if (++i == len || (key[i] != '0' && key[i] != '1')) {
                return false;
            }
            c = key[i] == '0' ? '~' : '/';
        }
        Tcl_DStringAppend(ds, &c, 1);
    }
    return true;
}

Tcl_Obj *
NsJsonPointerKeys(Tcl_Interp *interp, const char *who, const char *pointer)
{
    const char *p = pointer + (*pointer == '#');
    Tcl_Obj    *keys = Tcl_NewListObj(0, NULL);
    Tcl_DString key;
    bool        good = true;

    Tcl_DStringInit(&key);
    if (*p != '\0' && *p != '/') {
        (void)Complain(interp, Tcl_ObjPrintf("%s: invalid JSON pointer (must start with '/'): %s", who, pointer));
        good = false;
    }
    while (good && *p != '\0') {
        size_t len = strcspn(++p, "/");

        good = PointerKey(&key, p, len);
        if (good) {
            Tcl_ListObjAppendElement(NULL, keys, Tcl_NewStringObj(Tcl_DStringValue(&key), Tcl_DStringLength(&key)));
        } else {
            (void)Complain(interp, Tcl_ObjPrintf("%s: invalid JSON pointer escape in: %s", who, pointer));
        }
        p += len;
    }
    Tcl_DStringFree(&key);
    if (!good) {
        Tcl_DecrRefCount(keys);
        keys = NULL;
    }
    return keys;
}

static bool
IsEqual(Tcl_Obj *one, Tcl_Obj *other)
{
    int         len, otherLen;
    const char *text = Tcl_GetStringFromObj(one, &len), *otherText = Tcl_GetStringFromObj(other, &otherLen);

    return len == otherLen && memcmp(text, otherText, (size_t)len) == 0;
}

/* Where the triple of that key begins, or -1. */
static int
FindKey(Tcl_Obj *const *words, int count, Tcl_Obj *key)
{
    int index;

    /* An array's are mostly where their names say. */
    if (Tcl_GetIntFromObj(NULL, key, &index) == TCL_OK && index >= 0 && index < count / 3 && IsEqual(words[3 * index], key)) {
        return 3 * index;
    }
    for (int i = 0; i < count; i += 3) {
        if (IsEqual(words[i], key)) {
            return i;
        }
    }
    return -1;
}

/* One step down from *found. */
static int
Descend(Tcl_Interp *interp, const char *who, NsJsonFound *found, Tcl_Obj *key, Tcl_Obj *from)
{
    int       count, at;
    Tcl_Obj **words;

    if (!IsContainer(found->type)) {
        return Complain(interp, from == NULL ? Tcl_ObjPrintf("%s: cannot descend into %s", who, nsJsonTypeNames[found->type])
                     : Tcl_ObjPrintf("%s: cannot descend into %s at path element %s", who, nsJsonTypeNames[found->type],
                                     Tcl_GetString(from)));
    }
    if (NsJsonTriples(interp, who, found->value, &count, &words) != TCL_OK) {
        return TCL_ERROR;
    }
    at = FindKey(words, count, key);
    if (at < 0) {
        return Complain(interp, Tcl_ObjPrintf("%s: no such element: %s", who, Tcl_GetString(key)));
    }
    if (!NsJsonTypeOf(words[at + 1], &found->type)) {
        return Complain(interp, Tcl_ObjPrintf("%s: invalid triple type: %s", who, Tcl_GetString(words[at + 1])));
    }
    found->value = words[at + 2];
    Tcl_ListObjAppendElement(NULL, found->indices, Tcl_NewIntObj(at + 2));
    return TCL_OK;
}

/* The top: a document, or the triples of an object. */
static int
Top(Tcl_Interp *interp, const char *who, Tcl_Obj *triples, bool isPathEmpty, NsJsonFound *found)
{
    int       count;
    Tcl_Obj **words;

    found->indices = NULL;
    if (NsJsonIsDocument(triples, &found->type, &found->value)) {
        found->indices = Tcl_NewListObj(0, NULL);
        Tcl_ListObjAppendElement(NULL, found->indices, Tcl_NewIntObj(2));
    } else if (Tcl_ListObjGetElements(NULL, triples, &count, &words) != TCL_OK || count == 0 || count % 3 != 0) {
        return Complain(interp, Tcl_ObjPrintf("%s: input must be a list of {key|index type value} elements", who));
    } else if (isPathEmpty) {
        return Complain(interp, Tcl_ObjPrintf("%s: empty path requires root wrapper {\"\" TYPE VALUE}", who));
    } else {
        found->type = NS_JSON_OBJECT;
        found->value = triples;
        found->indices = Tcl_NewListObj(0, NULL);
    }
    Tcl_IncrRefCount(found->indices);
    return TCL_OK;
}

int
NsJsonFind(Tcl_Interp *interp, const char *who, Tcl_Obj *triples, Tcl_Obj *keys, NsJsonFound *found)
{
    int       keyCount, status;
    Tcl_Obj **keyWords;

    status = Tcl_ListObjGetElements(interp, keys, &keyCount, &keyWords);
    if (status == TCL_OK && keyCount > NS_JSON_MAX_DEPTH) {
        status = Complain(interp, Tcl_ObjPrintf("%s: max depth exceeded", who));
    }
    if (status == TCL_OK) {
        status = Top(interp, who, triples, keyCount == 0, found);
    }
    if (status == TCL_OK) {
        for (int i = 0; status == TCL_OK && i < keyCount; i++) {
            status = Descend(interp, who, found, keyWords[i], i > 0 ? keyWords[i - 1] : NULL);
        }
        if (status != TCL_OK) {
            Tcl_DecrRefCount(found->indices);
        }
    }
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- setting */

/* Are these the triples of a container, all the way down? */
static int
CheckTriples(Tcl_Interp *interp, const char *who, NsJsonType type, Tcl_Obj *value)
{
    Tcl_DString ds;
    int         status;

    Tcl_DStringInit(&ds);
    status = NsJsonAppendTyped(interp, who, &ds, type, value);
    Tcl_DStringFree(&ds);
    return status;
}

/* What is to stand for `value` as a `type`; NULL: it is none of that type.  Without a reference. */
static Tcl_Obj *
Fitting(Tcl_Interp *interp, const char *who, NsJsonType type, Tcl_Obj *value)
{
    Tcl_Obj   *result = value, *number, *inner;
    NsJsonType innerType;
    int        truth;

    switch (type) {
    case NS_JSON_NULL:
        result = NsJsonNull(NULL);
        break;
    case NS_JSON_NUMBER:
        number = NsJsonNumber(interp, value);
        if (number == NULL) {
            result = NULL;
        } else {
            Tcl_DecrRefCount(number);
        }
        break;
    case NS_JSON_BOOLEAN:
        result = Tcl_GetBooleanFromObj(interp, value, &truth) != TCL_OK ? NULL
                 : Tcl_NewStringObj(truth ? "true" : "false", -1);
        break;
    case NS_JSON_OBJECT:
    case NS_JSON_ARRAY:
        if (NsJsonIsDocument(value, &innerType, &inner) && innerType == type) {
            result = inner;
        }
        if (CheckTriples(interp, who, type, result) != TCL_OK) {
            result = NULL;
        }
        break;
    default:
        break;
    }
    return result;
}

/* A copy of the list with the triple there changed, each list on the way too. */
static Tcl_Obj *
Replaced(Tcl_Obj *list, int depth, Tcl_Obj *const *indices, Tcl_Obj *type, Tcl_Obj *value)
{
    Tcl_Obj *copy = Tcl_DuplicateObj(list), *element = NULL, *pair[2];
    int      index = 0;

    (void)Tcl_GetIntFromObj(NULL, indices[0], &index);
    if (depth == 1) {
        pair[0] = type;
        pair[1] = value;
        Tcl_ListObjReplace(NULL, copy, index - 1, 2, 2, pair);
    } else {
        Tcl_ListObjIndex(NULL, list, index, &element);
        pair[0] = Replaced(element, depth - 1, indices + 1, type, value);
        Tcl_ListObjReplace(NULL, copy, index, 1, 1, pair);
    }
    return copy;
}

Tcl_Obj *
NsJsonReplace(Tcl_Interp *interp, const char *who, Tcl_Obj *triples, Tcl_Obj *keys, const NsJsonType *type, Tcl_Obj *value)
{
    NsJsonFound found;
    NsJsonType  newType;
    Tcl_Obj    *fitting, *result = NULL, **indices;
    int         count;

    if (NsJsonFind(interp, who, triples, keys, &found) != TCL_OK) {
        return NULL;
    }
    newType = type != NULL ? *type : NsJsonIsNull(value) ? NS_JSON_NULL : found.type;
    fitting = Fitting(type != NULL || newType == NS_JSON_NUMBER ? interp : NULL, who, newType, value);
    if (fitting == NULL && type == NULL && newType != NS_JSON_NUMBER) {
        newType = NS_JSON_STRING;
        fitting = value;
    }
    if (fitting != NULL) {
        Tcl_IncrRefCount(fitting);
        Tcl_ListObjGetElements(NULL, found.indices, &count, &indices);
        result = Replaced(triples, count, indices, NsJsonTypeObj(newType), fitting);
        Tcl_DecrRefCount(fitting);
    }
    Tcl_DecrRefCount(found.indices);
    return result;
}
