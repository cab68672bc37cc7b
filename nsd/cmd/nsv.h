/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Variables that all threads of a server share: arrays of values, in buckets with a lock each.
 *
 * Values belong to no thread: what goes in and comes out is copied.  While a bucket is locked no Tcl code runs.
 */
#ifndef NSD_NSV_H
#define NSD_NSV_H

#include <stdatomic.h>
#include "interp.h"

/* Numbers and binary data are kept as what they are: making text of them at every call would be most of the work. */
typedef enum { NS_NSV_TEXT, NS_NSV_BYTES, NS_NSV_WIDE } NsNsvKind;

typedef struct NsNsvValue {
    NsNsvKind   kind;
    uint32_t    len, max;                      /* of data; text is NUL-terminated, which is not counted */
    char       *data;
    Tcl_WideInt wide;
} NsNsvValue;

typedef struct NsNsvArray {
    Tcl_HashTable vars;                        /* key: NsNsvValue * */
    atomic_ulong  locks;                       /* how often it was looked up */
} NsNsvArray;

typedef struct NsNsvBucket NsNsvBucket;

/*
 * Find an array and lock its bucket.  NULL and nothing locked when there is none, with "no such array" in `interp`
 * where that is not NULL.
 */
NsNsvArray *NsNsvLock(const NsInterp *data, Tcl_Obj *array, bool write, Tcl_Interp *interp, NsNsvBucket **bucket);
/* For writing; the array is made if there is none. */
NsNsvArray *NsNsvLockCreate(const NsInterp *data, Tcl_Obj *array, NsNsvBucket **bucket);
void        NsNsvUnlock(NsNsvBucket *bucket);
bool        NsNsvDeleteArray(const NsInterp *data, Tcl_Obj *array);            /* false: there is none */
unsigned    NsNsvBucketCount(const NsInterp *data);
/* Append the names of the arrays in a bucket, or pairs of name and number of look-ups.  `pattern` may be NULL. */
void        NsNsvAppendBucket(const NsInterp *data, unsigned number, const char *pattern, bool withLocks, Tcl_Obj *list);

/* With the bucket locked. */
NsNsvValue *NsNsvFind(NsNsvArray *array, Tcl_Obj *key, Tcl_Interp *interp);    /* NULL: "no such key" */
NsNsvValue *NsNsvCreate(NsNsvArray *array, Tcl_Obj *key, bool *isNew);         /* a new one is an empty text */
bool        NsNsvDelete(NsNsvArray *array, Tcl_Obj *key);
void        NsNsvFlush(NsNsvArray *array);

/* Values. */
Tcl_Obj    *NsNsvValueObj(const NsNsvValue *value);
void        NsNsvValueSet(NsNsvValue *value, Tcl_Obj *obj);
void        NsNsvValueSetWide(NsNsvValue *value, Tcl_WideInt wide);
bool        NsNsvValueGetWide(const NsNsvValue *value, Tcl_WideInt *wide);
void        NsNsvValueAppend(NsNsvValue *value, const char *text, size_t len);
void        NsNsvValueAppendElement(NsNsvValue *value, const char *text, size_t len);
void        NsNsvValueFree(NsNsvValue *value);

/* The commands of cmd/nsvdict.c. */
Tcl_ObjCmdProc NsTclNsvDictObjCmd;

#endif
