/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Values of nsv_* and ns_cache_*: texts, numbers and binary data that belong to no thread.
 */
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "data/value.h"

#define FIRST_TEXT  16
#define MAX_ELEMENT (NS_NSV_MAX / 2 - 2)       /* quoted it may be twice as long, which Tcl counts in an int */

static const Tcl_ObjType *intType, *wideType, *bytesType;

void
NsNsvValueInit(void)
{
    /* Once: other threads may read them by the time the next store is made. */
    if (bytesType == NULL) {
        intType = Tcl_GetObjType("int");
        wideType = Tcl_GetObjType("wideInt");
        bytesType = Tcl_GetObjType("bytearray");
    }
}

static void
Reserve(NsNsvValue *value, size_t len)
{
    size_t max = value->max == 0 ? FIRST_TEXT : value->max;

    if (value->data != NULL && len < value->max) {
        return;
    }
    NS_ASSERT(len <= NS_NSV_MAX);              /* who adds has looked, and no value of Tcl's is longer */
    while (max <= len) {
        max *= 2;
    }
    value->data = ns_realloc(value->data, max);
    value->max = (uint32_t)max;
}

static void
SetBytes(NsNsvValue *value, NsNsvKind kind, const char *bytes, size_t len)
{
    /* What once was large need not stay so. */
    if (value->max > 4096 && len < value->max / 4) {
        ns_free(value->data);
        value->data = NULL;
        value->max = 0;
    }
    Reserve(value, len);
    memcpy(value->data, bytes, len);
    value->data[len] = '\0';
    value->len = (uint32_t)len;
    value->kind = kind;
}

/* An object that has no text form is a number or binary data for good. */
static NsNsvKind
KindOf(const Tcl_Obj *obj)
{
    NsNsvKind kind = NS_NSV_TEXT;

    if (obj->bytes == NULL && obj->typePtr != NULL) {
        if (obj->typePtr == bytesType) {
            kind = NS_NSV_BYTES;
        } else if (obj->typePtr == intType || obj->typePtr == wideType) {
            kind = NS_NSV_WIDE;
        }
    }
    return kind;
}

void
NsNsvPrepare(Tcl_Obj *value)
{
    if (value->bytes == NULL && KindOf(value) == NS_NSV_TEXT) {
        (void)Tcl_GetString(value);
    }
}

void
NsNsvValueSet(NsNsvValue *value, Tcl_Obj *obj)
{
    NsNsvKind   kind = KindOf(obj);
    int         len;
    const char *bytes;

    if (kind == NS_NSV_BYTES) {
        bytes = (const char *)Tcl_GetByteArrayFromObj(obj, &len);
        SetBytes(value, NS_NSV_BYTES, bytes, (size_t)len);
        return;
    }
    if (kind == NS_NSV_WIDE && Tcl_GetWideIntFromObj(NULL, obj, &value->wide) == TCL_OK) {
        value->kind = NS_NSV_WIDE;
        return;
    }
    bytes = Tcl_GetStringFromObj(obj, &len);
    SetBytes(value, NS_NSV_TEXT, bytes, (size_t)len);
}

bool
NsNsvValueCopy(const NsNsvValue *value, NsNsvValue *copy, char *data, size_t size)
{
    bool fits = value->kind == NS_NSV_WIDE || value->len <= size;

    *copy = *value;
    if (fits && value->kind != NS_NSV_WIDE && value->data != NULL) {
        memcpy(data, value->data, value->len);
        copy->data = data;
    }
    return fits;
}

Tcl_Obj *
NsNsvValueObj(const NsNsvValue *value)
{
    switch (value->kind) {
    case NS_NSV_WIDE:
        return Tcl_NewWideIntObj(value->wide);
    case NS_NSV_BYTES:
        return Tcl_NewByteArrayObj((const unsigned char *)value->data, (int)value->len);
    case NS_NSV_TEXT:
        break;
    }
    return Tcl_NewStringObj(value->data == NULL ? "" : value->data, (int)value->len);
}

void
NsNsvValueSetWide(NsNsvValue *value, Tcl_WideInt wide)
{
    value->kind = NS_NSV_WIDE;
    value->wide = wide;
}

bool
NsNsvValueGetWide(const NsNsvValue *value, Tcl_WideInt *wide)
{
    Tcl_Obj *obj;
    bool     valid;

    if (value->kind == NS_NSV_WIDE) {
        *wide = value->wide;
        return true;
    }
    obj = NsNsvValueObj(value);
    Tcl_IncrRefCount(obj);
    valid = Tcl_GetWideIntFromObj(NULL, obj, wide) == TCL_OK;
    Tcl_DecrRefCount(obj);
    return valid;
}

/* How long the text of binary data is: in Tcl's form NUL and what is above 7F have two bytes. */
static size_t
TextLength(const char *bytes, size_t len)
{
    size_t result = len;

    for (size_t i = 0; i < len; i++) {
        result += bytes[i] == '\0' || (unsigned char)bytes[i] >= 0x80;        /* whether char has a sign or not */
    }
    return result;
}

/* Into a text, with room for `more` bytes and the NUL behind it; false: that would be too long, and nothing is changed. */
static bool
MakeText(NsNsvValue *value, size_t more)
{
    Tcl_Obj    *obj;
    int         len;
    const char *text;

    if (value->kind == NS_NSV_BYTES && (value->len > NS_NSV_MAX || TextLength(value->data, value->len) > NS_NSV_MAX)) {
        return false;
    }
    if (value->kind != NS_NSV_TEXT) {
        obj = NsNsvValueObj(value);
        Tcl_IncrRefCount(obj);
        text = Tcl_GetStringFromObj(obj, &len);
        SetBytes(value, NS_NSV_TEXT, text, (size_t)len);
        Tcl_DecrRefCount(obj);
    }
    if (more > NS_NSV_MAX || value->len > NS_NSV_MAX - more) {
        return false;
    }
    Reserve(value, value->len + more);
    return true;
}

bool
NsNsvValueAppend(NsNsvValue *value, const char *text, size_t len)
{
    bool fits = MakeText(value, len);

    if (fits) {
        memcpy(value->data + value->len, text, len);
        value->len += (uint32_t)len;
        value->data[value->len] = '\0';
    }
    return fits;
}

/* As Tcl itself has it: not at the start of a list within braces, nor behind a blank that is one. */
static bool
NeedsBlank(const char *text, size_t len)
{
    size_t end = len;

    while (end > 0 && text[end - 1] == '{') {
        end--;
    }
    if (end == 0 || (end < len && strchr(" \t\n", text[end - 1]) == NULL)) {
        return end > 0;
    }
    if (strchr(" \t\n\v\f\r", text[end - 1]) == NULL) {
        return true;
    }
    return end >= 2 && text[end - 2] == '\\';
}

bool
NsNsvValueAppendElement(NsNsvValue *value, const char *text, size_t len)
{
    int    flags = 0;
    size_t room;

    if (len > MAX_ELEMENT) {
        return false;
    }
    room = (size_t)Tcl_ScanCountedElement(text, (int)len, &flags) + 2;
    if (!MakeText(value, room)) {
        return false;
    }
    if (value->len > 0) {
        if (NeedsBlank(value->data, value->len)) {
            value->data[value->len++] = ' ';
        }
        flags |= TCL_DONT_QUOTE_HASH;
    }
    value->len += (uint32_t)Tcl_ConvertCountedElement(text, (int)len, value->data + value->len, flags);
    value->data[value->len] = '\0';
    return true;
}

bool
NsNsvValueAppendAll(NsNsvValue *value, bool elements, int objc, Tcl_Obj *const *objv)
{
    bool     fits = true;
    uint32_t before;

    if (objc > 0 && !MakeText(value, 0)) {
        return false;
    }
    before = value->len;
    for (int i = 0; fits && i < objc; i++) {
        int         len;
        const char *text = Tcl_GetStringFromObj(objv[i], &len);

        fits = (elements ? NsNsvValueAppendElement : NsNsvValueAppend)(value, text, (size_t)len);
    }
    if (!fits) {                               /* all of them or none */
        value->len = before;
        value->data[before] = '\0';
    }
    return fits;
}

void
NsNsvValueFree(NsNsvValue *value)
{
    ns_free(value->data);
    ns_free(value);
}
