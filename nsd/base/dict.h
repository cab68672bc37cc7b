/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Dicts as answers: what most commands that tell something put together.  The thread of the dict, which nobody shares yet.
 */
#ifndef NSD_DICT_H
#define NSD_DICT_H

#include "ns.h"

void NsDictPut(Tcl_Obj *dict, const char *key, Tcl_Obj *value);       /* a new value; what was there goes */
void NsDictPutText(Tcl_Obj *dict, const char *key, const char *value);       /* NULL: the empty string */
void NsDictPutNumber(Tcl_Obj *dict, const char *key, int64_t value);


/* Counters that are fields of a struct: a table of their keys and places. */
typedef struct NsDictCounter {
    const char *key;
    size_t      offset;                        /* of an atomic_ullong */
} NsDictCounter;
void NsDictPutCounters(Tcl_Obj *dict, const NsDictCounter *table, size_t count, const void *counters);

#endif
