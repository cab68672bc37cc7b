/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The store behind nsv_*: buckets, arrays and values.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "server.h"
#include "base/check.h"
#include "cmd/nsv.h"

#define FIRST_TEXT 16

struct NsNsvBucket {
    Ns_RWLock     lock;
    Tcl_HashTable arrays;                      /* name: NsNsvArray * */
    bool          sharing;                     /* readers may read at the same time */
} __attribute__((aligned(64)));                /* no two in a cache line */

typedef struct NsNsv {
    unsigned     count;
    NsNsvBucket *buckets;
} NsNsv;

/* For interpreters without a server. */
static NsNsv *processNsv;

static const Tcl_ObjType *intType, *wideType, *bytesType;

/*
 * Buckets
 */
static NsNsv *
StoreNew(const char *name, unsigned count, bool sharing)
{
    NsNsv *nsv = ns_calloc(1, sizeof(*nsv));

    nsv->count = count;
    nsv->buckets = aligned_alloc(64, count * sizeof(NsNsvBucket));
    NS_ASSERT(nsv->buckets != NULL);
    memset(nsv->buckets, 0, count * sizeof(NsNsvBucket));
    for (unsigned i = 0; i < count; i++) {
        char suffix[80];

        snprintf(suffix, sizeof(suffix), "%s:%u", name, i);
        Ns_RWLockInit(&nsv->buckets[i].lock);
        Ns_RWLockSetName2(&nsv->buckets[i].lock, "nsv", suffix);
        Tcl_InitHashTable(&nsv->buckets[i].arrays, TCL_STRING_KEYS);
        nsv->buckets[i].sharing = sharing;
    }
    return nsv;
}

static void
FindTypes(void)
{
    /* Once: other threads may read them by the time the next server is made. */
    if (bytesType == NULL) {
        intType = Tcl_GetObjType("int");
        wideType = Tcl_GetObjType("wideInt");
        bytesType = Tcl_GetObjType("bytearray");
    }
}

void
NsNsvInitServer(NsServer *server)
{
    Tcl_DString section;

    FindTypes();
    Tcl_DStringInit(&section);
    Tcl_DStringAppend(&section, server->section, -1);
    Tcl_DStringAppend(&section, "/tcl", 4);
    server->nsv = StoreNew(server->name,
                           (unsigned)Ns_ConfigIntRange(Tcl_DStringValue(&section), "nsvbuckets", 8, 1, 1 << 20),
                           Ns_ConfigBool(Tcl_DStringValue(&section), "nsvrwlocks", true));
    Tcl_DStringFree(&section);
}

static NsNsv *
StoreOf(const NsInterp *data)
{
    if (data->server != NULL) {
        return data->server->nsv;
    }
    Ns_MasterLock();
    if (processNsv == NULL) {
        FindTypes();
        processNsv = StoreNew("", 1, true);
    }
    Ns_MasterUnlock();
    return processNsv;
}

static NsNsvBucket *
LockBucket(const NsInterp *data, const char *name, bool write)
{
    NsNsv       *nsv = StoreOf(data);
    NsNsvBucket *bucket;
    unsigned     hash = 2166136261u;

    for (const char *p = name; *p != '\0'; p++) {
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    }
    bucket = &nsv->buckets[(hash ^ hash >> 16) % nsv->count];
    if (write || !bucket->sharing) {
        Ns_RWLockWrLock(&bucket->lock);
    } else {
        Ns_RWLockRdLock(&bucket->lock);
    }
    return bucket;
}

void
NsNsvUnlock(NsNsvBucket *bucket)
{
    Ns_RWLockUnlock(&bucket->lock);
}

NsNsvArray *
NsNsvLock(const NsInterp *data, Tcl_Obj *arrayObj, bool write, Tcl_Interp *interp, NsNsvBucket **bucket)
{
    const char    *name = Tcl_GetString(arrayObj);
    Tcl_HashEntry *entry;
    NsNsvArray    *array;

    *bucket = LockBucket(data, name, write);
    entry = Tcl_FindHashEntry(&(*bucket)->arrays, name);
    if (entry == NULL) {
        NsNsvUnlock(*bucket);
        if (interp != NULL) {
            Ns_TclPrintfResult(interp, "no such array: %s", name);
        }
        return NULL;
    }
    array = Tcl_GetHashValue(entry);
    atomic_fetch_add_explicit(&array->locks, 1, memory_order_relaxed);
    return array;
}

NsNsvArray *
NsNsvLockCreate(const NsInterp *data, Tcl_Obj *arrayObj, NsNsvBucket **bucket)
{
    const char    *name = Tcl_GetString(arrayObj);
    int            isNew;
    Tcl_HashEntry *entry;
    NsNsvArray    *array;

    *bucket = LockBucket(data, name, true);
    entry = Tcl_CreateHashEntry(&(*bucket)->arrays, name, &isNew);
    if (isNew) {
        array = ns_calloc(1, sizeof(*array));
        Tcl_InitHashTable(&array->vars, TCL_STRING_KEYS);
        Tcl_SetHashValue(entry, array);
    } else {
        array = Tcl_GetHashValue(entry);
    }
    atomic_fetch_add_explicit(&array->locks, 1, memory_order_relaxed);
    return array;
}

bool
NsNsvDeleteArray(const NsInterp *data, Tcl_Obj *arrayObj)
{
    const char    *name = Tcl_GetString(arrayObj);
    NsNsvBucket   *bucket = LockBucket(data, name, true);
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&bucket->arrays, name);
    NsNsvArray    *array = entry == NULL ? NULL : Tcl_GetHashValue(entry);

    if (entry != NULL) {
        Tcl_DeleteHashEntry(entry);
    }
    NsNsvUnlock(bucket);
    /* Nobody else can have it: freeing a large one need not keep others waiting. */
    if (array != NULL) {
        NsNsvFlush(array);
        Tcl_DeleteHashTable(&array->vars);
        ns_free(array);
    }
    return array != NULL;
}

unsigned
NsNsvBucketCount(const NsInterp *data)
{
    return StoreOf(data)->count;
}

void
NsNsvAppendBucket(const NsInterp *data, unsigned number, const char *pattern, bool withLocks, Tcl_Obj *list)
{
    NsNsvBucket   *bucket = &StoreOf(data)->buckets[number];
    Tcl_HashSearch search;

    Ns_RWLockRdLock(&bucket->lock);
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&bucket->arrays, &search); entry != NULL;
         entry = Tcl_NextHashEntry(&search)) {
        const char       *name = Tcl_GetHashKey(&bucket->arrays, entry);
        const NsNsvArray *array = Tcl_GetHashValue(entry);

        if (pattern != NULL && !Tcl_StringMatch(name, pattern)) {
            continue;
        }
        if (withLocks) {
            Tcl_Obj *pair[2] = {Tcl_NewStringObj(name, -1), Tcl_NewWideIntObj((Tcl_WideInt)atomic_load(&array->locks))};

            Tcl_ListObjAppendElement(NULL, list, Tcl_NewListObj(2, pair));
        } else {
            Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(name, -1));
        }
    }
    Ns_RWLockUnlock(&bucket->lock);
}

/*
 * Arrays
 */
NsNsvValue *
NsNsvFind(NsNsvArray *array, Tcl_Obj *key, Tcl_Interp *interp)
{
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&array->vars, Tcl_GetString(key));

    if (entry == NULL) {
        if (interp != NULL) {
            Ns_TclPrintfResult(interp, "no such key: %s", Tcl_GetString(key));
        }
        return NULL;
    }
    return Tcl_GetHashValue(entry);
}

NsNsvValue *
NsNsvCreate(NsNsvArray *array, Tcl_Obj *key, bool *isNew)
{
    int            created;
    Tcl_HashEntry *entry = Tcl_CreateHashEntry(&array->vars, Tcl_GetString(key), &created);

    if (created) {
        Tcl_SetHashValue(entry, ns_calloc(1, sizeof(NsNsvValue)));
    }
    if (isNew != NULL) {
        *isNew = created != 0;
    }
    return Tcl_GetHashValue(entry);
}

bool
NsNsvDelete(NsNsvArray *array, Tcl_Obj *key)
{
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&array->vars, Tcl_GetString(key));

    if (entry == NULL) {
        return false;
    }
    NsNsvValueFree(Tcl_GetHashValue(entry));
    Tcl_DeleteHashEntry(entry);
    return true;
}

void
NsNsvFlush(NsNsvArray *array)
{
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&array->vars, &search); entry != NULL;
         entry = Tcl_NextHashEntry(&search)) {
        NsNsvValueFree(Tcl_GetHashValue(entry));
        Tcl_DeleteHashEntry(entry);
    }
}

/*
 * Values
 */
static void
Reserve(NsNsvValue *value, size_t len)
{
    size_t max = value->max == 0 ? FIRST_TEXT : value->max;

    if (value->data != NULL && len < value->max) {
        return;
    }
    NS_ASSERT(len < INT_MAX);                  /* as Tcl's own texts */
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

void
NsNsvValueSet(NsNsvValue *value, Tcl_Obj *obj)
{
    int         len;
    const char *bytes;

    /* An object that has no text form is a number or binary data for good. */
    if (obj->bytes == NULL && obj->typePtr != NULL) {
        if (obj->typePtr == bytesType) {
            bytes = (const char *)Tcl_GetByteArrayFromObj(obj, &len);
            SetBytes(value, NS_NSV_BYTES, bytes, (size_t)len);
            return;
        }
        if ((obj->typePtr == intType || obj->typePtr == wideType)
            && Tcl_GetWideIntFromObj(NULL, obj, &value->wide) == TCL_OK) {
            value->kind = NS_NSV_WIDE;
            return;
        }
    }
    bytes = Tcl_GetStringFromObj(obj, &len);
    SetBytes(value, NS_NSV_TEXT, bytes, (size_t)len);
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

static void
MakeText(NsNsvValue *value)
{
    if (value->kind != NS_NSV_TEXT) {
        Tcl_Obj    *obj = NsNsvValueObj(value);
        int         len;
        const char *text;

        Tcl_IncrRefCount(obj);
        text = Tcl_GetStringFromObj(obj, &len);
        SetBytes(value, NS_NSV_TEXT, text, (size_t)len);
        Tcl_DecrRefCount(obj);
    }
}

void
NsNsvValueAppend(NsNsvValue *value, const char *text, size_t len)
{
    MakeText(value);
    Reserve(value, value->len + len);
    memcpy(value->data + value->len, text, len);
    value->len += (uint32_t)len;
    value->data[value->len] = '\0';
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

void
NsNsvValueAppendElement(NsNsvValue *value, const char *text, size_t len)
{
    int    flags = 0;
    size_t room;

    MakeText(value);
    room = (size_t)Tcl_ScanCountedElement(text, (int)len, &flags) + 2;
    Reserve(value, value->len + room);
    if (value->len > 0) {
        if (NeedsBlank(value->data, value->len)) {
            value->data[value->len++] = ' ';
        }
        flags |= TCL_DONT_QUOTE_HASH;
    }
    value->len += (uint32_t)Tcl_ConvertCountedElement(text, (int)len, value->data + value->len, flags);
    value->data[value->len] = '\0';
}

void
NsNsvValueFree(NsNsvValue *value)
{
    ns_free(value->data);
    ns_free(value);
}
