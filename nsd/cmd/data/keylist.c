/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Keyed lists, as TclX has them: a list of pairs {key value}, where a value may be such a list itself; "a.b" is b in a.
 */
#include <string.h>
#include "cmd/cmds.h"

/* The rest of a key, from a part on. */
typedef struct Key {
    const char *text;
    size_t      len;
} Key;

#define MAX_PARTS 1000                         /* lists in lists are gone through by recursion, also by Tcl */

static int
Usage(Tcl_Interp *interp, const char *usage)
{
    Ns_TclPrintfResult(interp, "wrong # args: %s", usage);
    Tcl_SetErrorCode(interp, "TCL", "WRONGARGS", NULL);
    return TCL_ERROR;
}

/* A key that an argument may be. */
static int
GetKey(Tcl_Interp *interp, Tcl_Obj *obj, Key *key)
{
    int len, parts = 1;

    key->text = Tcl_GetStringFromObj(obj, &len);
    key->len = (size_t)len;
    if (len == 0) {
        Ns_TclPrintfResult(interp, "keyed list key may not be an empty string");
        return TCL_ERROR;
    }
    for (const char *dot = key->text; (dot = memchr(dot, '.', (size_t)(key->text + len - dot))) != NULL; dot++) {
        parts++;
    }
    if (parts > MAX_PARTS) {
        Ns_TclPrintfResult(interp, "keyed list key may not have more than %d parts", MAX_PARTS);
        return TCL_ERROR;
    }
    return TCL_OK;
}

/* Take the first part off; false: it is the last. */
static bool
Split(const Key *key, Key *part, Key *rest)
{
    const char *dot = memchr(key->text, '.', key->len);

    *part = *key;
    if (dot == NULL) {
        return false;
    }
    part->len = (size_t)(dot - key->text);
    rest->text = dot + 1;
    rest->len = key->len - part->len - 1;
    return true;
}

/* The pairs of a list; an error if one is none. */
static int
GetPairs(Tcl_Interp *interp, Tcl_Obj *list, int *count, Tcl_Obj ***pairs)
{
    if (Tcl_ListObjGetElements(interp, list, count, pairs) != TCL_OK) {
        return TCL_ERROR;
    }
    for (int i = 0; i < *count; i++) {
        int words;

        if (Tcl_ListObjLength(NULL, (*pairs)[i], &words) != TCL_OK || words != 2) {
            Ns_TclPrintfResult(interp, "keyed list entry must be a two element list, found \"%s\"", Tcl_GetString((*pairs)[i]));
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

/* The first pair with that key: its index, or -1, and its value. */
static int
FindPair(Tcl_Interp *interp, Tcl_Obj *list, const Key *part, int *index, Tcl_Obj **value)
{
    Tcl_Obj **pairs;
    int       count;

    *index = -1;
    *value = NULL;
    if (GetPairs(interp, list, &count, &pairs) != TCL_OK) {
        return TCL_ERROR;
    }
    for (int i = 0; i < count && *index < 0; i++) {
        Tcl_Obj    *key;
        const char *text;
        int         len;

        (void)Tcl_ListObjIndex(NULL, pairs[i], 0, &key);
        text = Tcl_GetStringFromObj(key, &len);
        if ((size_t)len == part->len && memcmp(text, part->text, part->len) == 0) {
            *index = i;
            (void)Tcl_ListObjIndex(NULL, pairs[i], 1, value);
        }
    }
    return TCL_OK;
}

/* The value of a key; NULL: there is none. */
static int
Get(Tcl_Interp *interp, Tcl_Obj *list, Key key, Tcl_Obj **value)
{
    Key  part, rest = {"", 0};
    bool more;
    int  index;

    do {
        more = Split(&key, &part, &rest);
        if (FindPair(interp, list, &part, &index, value) != TCL_OK) {
            return TCL_ERROR;
        }
        list = *value;
        key = rest;
    } while (more && list != NULL);
    return TCL_OK;
}

/* One that may be changed: itself, or a copy. */
static Tcl_Obj *
Own(Tcl_Obj *list)
{
    return Tcl_IsShared(list) ? Tcl_DuplicateObj(list) : list;
}

/* Drop what was made and not used. */
static void
Forget(Tcl_Obj *obj)
{
    Tcl_IncrRefCount(obj);
    Tcl_DecrRefCount(obj);
}

/* The list with that value; NULL: an error, and nothing has changed.  `list` may be NULL. */
static Tcl_Obj *
Set(Tcl_Interp *interp, Tcl_Obj *list, Key key, Tcl_Obj *value)
{
    Key      part, rest;
    bool     more = Split(&key, &part, &rest);
    int      index = -1, count = 0;
    Tcl_Obj *now = NULL, *words[2], *pair;

    if (list != NULL && (FindPair(interp, list, &part, &index, &now) != TCL_OK
                         || Tcl_ListObjLength(interp, list, &count) != TCL_OK)) {
        return NULL;
    }
    if (more) {
        /* Counted once more, the inner list is copied before it is changed: that of the outer one stays until it is replaced. */
        if (now != NULL) {
            Tcl_IncrRefCount(now);
        }
        value = Set(interp, now, rest, value);
        if (now != NULL) {
            Tcl_DecrRefCount(now);
        }
        if (value == NULL) {
            return NULL;
        }
    }
    words[0] = Tcl_NewStringObj(part.text, (int)part.len);
    words[1] = value;
    pair = Tcl_NewListObj(2, words);
    list = list == NULL ? Tcl_NewListObj(0, NULL) : Own(list);
    if (Tcl_ListObjReplace(interp, list, index < 0 ? count : index, index >= 0, 1, &pair) != TCL_OK) {
        Forget(pair);
        return NULL;
    }
    return list;
}

/* The list without that key; NULL and *found false: there is none; NULL and true: an error. */
static Tcl_Obj *
Delete(Tcl_Interp *interp, Tcl_Obj *list, Key key, bool *found)
{
    Key      part, rest;
    bool     more = Split(&key, &part, &rest);
    int      index, left = 0;
    Tcl_Obj *now, *inner = NULL, *words[2], *pair;

    *found = true;
    if (FindPair(interp, list, &part, &index, &now) != TCL_OK) {
        return NULL;
    }
    if (index < 0) {
        *found = false;
        return NULL;
    }
    if (more) {
        Tcl_IncrRefCount(now);
        inner = Delete(interp, now, rest, found);
        Tcl_DecrRefCount(now);
        if (inner == NULL) {
            return NULL;
        }
        (void)Tcl_ListObjLength(NULL, inner, &left);
    }
    list = Own(list);
    if (left > 0) {
        words[0] = Tcl_NewStringObj(part.text, (int)part.len);
        words[1] = inner;
        pair = Tcl_NewListObj(2, words);
        (void)Tcl_ListObjReplace(NULL, list, index, 1, 1, &pair);
    } else {                                   /* an inner list that has become empty goes, too */
        if (inner != NULL) {
            Forget(inner);
        }
        (void)Tcl_ListObjReplace(NULL, list, index, 1, 0, NULL);
    }
    return list;
}

/* The keys of a list as result. */
static int
KeysResult(Tcl_Interp *interp, Tcl_Obj *list)
{
    Tcl_Obj **pairs, *keys;
    int       count;

    if (GetPairs(interp, list, &count, &pairs) != TCL_OK) {
        return TCL_ERROR;
    }
    keys = Tcl_NewListObj(0, NULL);
    for (int i = 0; i < count; i++) {
        Tcl_Obj *key;

        (void)Tcl_ListObjIndex(NULL, pairs[i], 0, &key);
        Tcl_ListObjAppendElement(NULL, keys, key);
    }
    Tcl_SetObjResult(interp, keys);
    return TCL_OK;
}

static int
KeylgetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj *list, *value;
    Key      key;

    if (objc < 2 || objc > 4) {
        return Usage(interp, "keylget listvar ?/key/? ?/retvar/ | {}?");
    }
    list = Tcl_ObjGetVar2(interp, objv[1], NULL, TCL_LEAVE_ERR_MSG);
    if (list == NULL) {
        return TCL_ERROR;
    }
    if (objc == 2) {
        return KeysResult(interp, list);
    }
    if (GetKey(interp, objv[2], &key) != TCL_OK || Get(interp, list, key, &value) != TCL_OK) {
        return TCL_ERROR;
    }
    if (objc == 3) {
        if (value == NULL) {
            Ns_TclPrintfResult(interp, "key \"%s\" not found in keyed list", Tcl_GetString(objv[2]));
            return TCL_ERROR;
        }
        Tcl_SetObjResult(interp, value);
        return TCL_OK;
    }
    if (value != NULL && Tcl_GetString(objv[3])[0] != '\0'
        && Tcl_ObjSetVar2(interp, objv[3], NULL, value, TCL_LEAVE_ERR_MSG) == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(value != NULL));
    return TCL_OK;
}

static int
KeylsetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (objc < 4 || objc % 2 != 0) {
        return Usage(interp, "keylset listvar /key/ /value/ ?/key//value/ ...?");
    }
    for (int i = 2; i < objc; i += 2) {
        Tcl_Obj *list = Tcl_ObjGetVar2(interp, objv[1], NULL, 0);
        Key      key;

        if (GetKey(interp, objv[i], &key) != TCL_OK) {
            return TCL_ERROR;
        }
        list = Set(interp, list, key, objv[i + 1]);
        if (list == NULL || Tcl_ObjSetVar2(interp, objv[1], NULL, list, TCL_LEAVE_ERR_MSG) == NULL) {
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

static int
NotFound(Tcl_Interp *interp, Tcl_Obj *key)
{
    Ns_TclPrintfResult(interp, "key not found: \"%s\"", Tcl_GetString(key));
    return TCL_ERROR;
}

static int
KeyldelObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (objc < 3) {
        return Usage(interp, "keyldel listvar /key/ ?/key/ ...?");
    }
    for (int i = 2; i < objc; i++) {
        Tcl_Obj *list = Tcl_ObjGetVar2(interp, objv[1], NULL, TCL_LEAVE_ERR_MSG);
        Key      key;
        bool     found;

        if (list == NULL || GetKey(interp, objv[i], &key) != TCL_OK) {
            return TCL_ERROR;
        }
        list = Delete(interp, list, key, &found);
        if (list == NULL) {
            return found ? TCL_ERROR : NotFound(interp, objv[i]);
        }
        if (Tcl_ObjSetVar2(interp, objv[1], NULL, list, TCL_LEAVE_ERR_MSG) == NULL) {
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

static int
KeylkeysObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj *list;
    Key      key;

    if (objc != 2 && objc != 3) {
        return Usage(interp, "keylkeys listvar ?/key/?");
    }
    list = Tcl_ObjGetVar2(interp, objv[1], NULL, TCL_LEAVE_ERR_MSG);
    if (list == NULL) {
        return TCL_ERROR;
    }
    if (objc == 3) {
        if (GetKey(interp, objv[2], &key) != TCL_OK || Get(interp, list, key, &list) != TCL_OK) {
            return TCL_ERROR;
        }
        if (list == NULL) {
            return NotFound(interp, objv[2]);
        }
    }
    return KeysResult(interp, list);
}

extern const NsCmd nsKeylistCmds[];
const NsCmd nsKeylistCmds[] = {
    {"keyldel",  KeyldelObjCmd,  0},
    {"keylget",  KeylgetObjCmd,  0},
    {"keylkeys", KeylkeysObjCmd, 0},
    {"keylset",  KeylsetObjCmd,  0},
    {NULL, NULL, 0}
};
