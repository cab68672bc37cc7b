/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Variables that all threads of a server share: arrays of values, in buckets with a lock each.
 *
 * While a bucket is locked no Tcl code runs.  Any thread, with its own interpreter's NsInterp.
 */
#ifndef NSD_NSV_H
#define NSD_NSV_H

#include <stdatomic.h>
#include "data/value.h"
#include "interp/interp.h"

typedef struct NsNsvBucket NsNsvBucket;

typedef struct NsNsvArray {
    Tcl_HashTable vars;                        /* key: NsNsvValue * */
    unsigned long locks;                       /* how often it was looked up */
    NsNsvBucket  *bucket;
    atomic_uint   refs;                        /* of its bucket, and of objects that remember it */
    bool          dead;                        /* no more in its bucket, and empty */
} NsNsvArray;

/*
 * Find an array and lock its bucket.  NULL and nothing locked when there is none, with "no such array" in `interp`
 * where that is not NULL.  A name that is nothing but text remembers its array.
 */
NsNsvArray *NsNsvLock(const NsInterp *data, Tcl_Obj *array, bool write, Tcl_Interp *interp, NsNsvBucket **bucket);
/* For writing; the array is made if there is none. */
NsNsvArray *NsNsvLockCreate(const NsInterp *data, Tcl_Obj *array, NsNsvBucket **bucket);
void        NsNsvUnlock(NsNsvBucket *bucket);
/*
 * Whoever reads much of an array that was locked for reading: others may read meanwhile, and writers wait.  Ends with UnlockShared, which gets
 * the result.
 */
bool        NsNsvShare(NsNsvBucket *bucket);
void        NsNsvUnlockShared(NsNsvBucket *bucket, bool shared);
bool        NsNsvDeleteArray(const NsInterp *data, Tcl_Obj *array);            /* false: there is none */
unsigned    NsNsvBucketCount(const NsInterp *data);
/* Append the names of the arrays in a bucket, or pairs of name and number of look-ups.  `pattern` may be NULL. */
void        NsNsvAppendBucket(const NsInterp *data, unsigned number, const char *pattern, bool withLocks, Tcl_Obj *list);

/* With the bucket locked. */
NsNsvValue *NsNsvFind(NsNsvArray *array, Tcl_Obj *key, Tcl_Interp *interp);    /* NULL: "no such key" */
NsNsvValue *NsNsvCreate(NsNsvArray *array, Tcl_Obj *key, bool *isNew);         /* a new one is an empty text */
bool        NsNsvDelete(NsNsvArray *array, Tcl_Obj *key);
void        NsNsvFlush(NsNsvArray *array);

extern NsServerPart nsNsvPart;

#endif
