/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The store behind nsv_*: buckets and arrays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "conf/server.h"
#include "base/check.h"
#include "data/nsv.h"

struct NsNsvBucket {
    Ns_Mutex      lock;                        /* guards all below; who writes waits until nobody shares */
    Ns_Cond       quiet;                       /* nobody shares any more */
    unsigned      sharers, writers;            /* that read without the lock; that wait for them */
    Tcl_HashTable arrays;                      /* name: NsNsvArray * */
    bool          sharing;                     /* nsvrwlocks */
    struct NsNsv *store;
} __attribute__((aligned(64)));                /* no two in a cache line */

typedef struct NsNsv {
    unsigned     count;
    NsNsvBucket *buckets;
} NsNsv;

static inline NsNsv *
NsvOf(const NsServer *server)
{
    return NsServerPartData(server, &nsNsvPart);
}

/* For interpreters without a server. */
static NsNsv *processNsv;

/*
 * Buckets
 */
static NsNsv *
StoreNew(const char *name, unsigned count, bool sharing)
{
    NsNsv *nsv = ns_calloc(1, sizeof(*nsv));

    NsNsvValueInit();
    nsv->count = count;
    nsv->buckets = aligned_alloc(64, count * sizeof(NsNsvBucket));
    NS_ASSERT(nsv->buckets != NULL);
    memset(nsv->buckets, 0, count * sizeof(NsNsvBucket));
    for (unsigned i = 0; i < count; i++) {
        char suffix[80];

        snprintf(suffix, sizeof(suffix), "%s:%u", name, i);
        Ns_MutexInit(&nsv->buckets[i].lock);
        Ns_MutexSetName2(&nsv->buckets[i].lock, "nsv", suffix);
        Tcl_InitHashTable(&nsv->buckets[i].arrays, TCL_STRING_KEYS);
        nsv->buckets[i].sharing = sharing;
        nsv->buckets[i].store = nsv;
    }
    return nsv;
}

static void
InitServer(NsServer *server)
{
    Tcl_DString section;

    Tcl_DStringInit(&section);
    Tcl_DStringAppend(&section, server->section, -1);
    Tcl_DStringAppend(&section, "/tcl", 4);
    NsServerSetPart(server, &nsNsvPart, StoreNew(server->name,
                           (unsigned)Ns_ConfigIntRange(Tcl_DStringValue(&section), "nsvbuckets", 8, 1, 1 << 20),
                           Ns_ConfigBool(Tcl_DStringValue(&section), "nsvrwlocks", true)));
    Tcl_DStringFree(&section);
}

NsServerPart nsNsvPart = {.init = InitServer};

static NsNsv *
StoreOf(const NsInterp *data)
{
    if (data->server != NULL) {
        return NsvOf(data->server);
    }
    Ns_MasterLock();
    if (processNsv == NULL) {
        processNsv = StoreNew("", 1, true);
    }
    Ns_MasterUnlock();
    return processNsv;
}

static void
Lock(NsNsvBucket *bucket, bool write)
{
    Ns_MutexLock(&bucket->lock);
    if (__builtin_expect(write && bucket->sharers > 0, 0)) {
        bucket->writers++;
        while (bucket->sharers > 0) {
            Ns_CondWait(&bucket->quiet, &bucket->lock);
        }
        bucket->writers--;
    }
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
    Lock(bucket, write);
    return bucket;
}

void
NsNsvUnlock(NsNsvBucket *bucket)
{
    Ns_MutexUnlock(&bucket->lock);
}

/* Not while a writer waits: readers that come one after the other would keep it waiting for good. */
bool
NsNsvShare(NsNsvBucket *bucket)
{
    bool shared = bucket->sharing && bucket->writers == 0;

    if (shared) {
        bucket->sharers++;
        Ns_MutexUnlock(&bucket->lock);
    }
    return shared;
}

void
NsNsvUnlockShared(NsNsvBucket *bucket, bool shared)
{
    if (shared) {
        Ns_MutexLock(&bucket->lock);
        if (--bucket->sharers == 0 && bucket->writers > 0) {
            Ns_CondBroadcast(&bucket->quiet);
        }
    }
    Ns_MutexUnlock(&bucket->lock);
}

static inline void
CountLookup(NsNsvArray *array)
{
    array->locks++;
}

/*
 * Names that remember their array: in a script they are literals, which are looked up again and again.  Such an array may have been unset meanwhile.
 */
static void FreeName(Tcl_Obj *name);
static void CopyName(Tcl_Obj *from, Tcl_Obj *to);
static const Tcl_ObjType nameType = {"ns:nsvarray", FreeName, CopyName, NULL, NULL};

static void
Release(NsNsvArray *array)
{
    if (atomic_fetch_sub_explicit(&array->refs, 1, memory_order_acq_rel) == 1) {
        NS_ASSERT(array->dead);
        ns_free(array);
    }
}

static void
FreeName(Tcl_Obj *name)
{
    name->typePtr = NULL;
    Release(name->internalRep.otherValuePtr);
}

static void
CopyName(Tcl_Obj *from, Tcl_Obj *to)
{
    NsNsvArray *array = from->internalRep.otherValuePtr;

    atomic_fetch_add_explicit(&array->refs, 1, memory_order_relaxed);
    to->internalRep.otherValuePtr = array;
    to->typePtr = &nameType;
}

/* With the bucket locked.  What the object already is, a list or a number, is worth more than this. */
static void
Remember(Tcl_Obj *name, NsNsvArray *array)
{
    if (name->typePtr == NULL) {
        atomic_fetch_add_explicit(&array->refs, 1, memory_order_relaxed);
        name->internalRep.otherValuePtr = array;
        name->typePtr = &nameType;
    }
}

/* Its bucket is locked then; NULL and nothing locked: the name does not know it, or not any more. */
static NsNsvArray *
LockRemembered(const NsInterp *data, Tcl_Obj *name, bool write)
{
    NsNsvArray *array = NULL;

    if (name->typePtr == &nameType) {
        array = name->internalRep.otherValuePtr;
        if (array->bucket->store != StoreOf(data)) {
            array = NULL;
        } else {
            Lock(array->bucket, write);
            if (array->dead) {
                NsNsvUnlock(array->bucket);
                array = NULL;
            }
        }
        if (array == NULL) {
            FreeName(name);
        }
    }
    return array;
}

NsNsvArray *
NsNsvLock(const NsInterp *data, Tcl_Obj *arrayObj, bool write, Tcl_Interp *interp, NsNsvBucket **bucket)
{
    NsNsvArray *array = LockRemembered(data, arrayObj, write);

    if (array == NULL) {
        const char    *name = Tcl_GetString(arrayObj);
        Tcl_HashEntry *entry;

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
        Remember(arrayObj, array);
    }
    *bucket = array->bucket;
    CountLookup(array);
    return array;
}

NsNsvArray *
NsNsvLockCreate(const NsInterp *data, Tcl_Obj *arrayObj, NsNsvBucket **bucket)
{
    NsNsvArray *array = LockRemembered(data, arrayObj, true);

    if (array == NULL) {
        const char    *name = Tcl_GetString(arrayObj);
        int            isNew;
        Tcl_HashEntry *entry;

        *bucket = LockBucket(data, name, true);
        entry = Tcl_CreateHashEntry(&(*bucket)->arrays, name, &isNew);
        if (isNew) {
            array = ns_calloc(1, sizeof(*array));
            Tcl_InitHashTable(&array->vars, TCL_STRING_KEYS);
            array->bucket = *bucket;
            atomic_init(&array->refs, 1);
            Tcl_SetHashValue(entry, array);
        } else {
            array = Tcl_GetHashValue(entry);
        }
        Remember(arrayObj, array);
    }
    *bucket = array->bucket;
    CountLookup(array);
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
        array->dead = true;
    }
    NsNsvUnlock(bucket);
    /* Nobody else looks into it any more: freeing a large one need not keep others waiting. */
    if (array != NULL) {
        NsNsvFlush(array);
        Tcl_DeleteHashTable(&array->vars);
        Release(array);
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

    Lock(bucket, false);
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&bucket->arrays, &search); entry != NULL;
         entry = Tcl_NextHashEntry(&search)) {
        const char       *name = Tcl_GetHashKey(&bucket->arrays, entry);
        const NsNsvArray *array = Tcl_GetHashValue(entry);

        if (pattern != NULL && !Tcl_StringMatch(name, pattern)) {
            continue;
        }
        if (withLocks) {
            Tcl_Obj *pair[2] = {Tcl_NewStringObj(name, -1), Tcl_NewWideIntObj((Tcl_WideInt)array->locks)};

            Tcl_ListObjAppendElement(NULL, list, Tcl_NewListObj(2, pair));
        } else {
            Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(name, -1));
        }
    }
    NsNsvUnlock(bucket);
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
