/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Dicts as answers.
 */
#include <stdatomic.h>
#include "base/dict.h"

void
NsDictPut(Tcl_Obj *dict, const char *key, Tcl_Obj *value)
{
    (void)Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), value);
}

void
NsDictPutText(Tcl_Obj *dict, const char *key, const char *value)
{
    NsDictPut(dict, key, Tcl_NewStringObj(value != NULL ? value : "", -1));
}

void
NsDictPutNumber(Tcl_Obj *dict, const char *key, int64_t value)
{
    NsDictPut(dict, key, Tcl_NewWideIntObj((Tcl_WideInt)value));
}

void
NsDictPutCounters(Tcl_Obj *dict, const NsDictCounter *table, size_t count, const void *counters)
{
    for (size_t i = 0; i < count; i++) {
        const atomic_ullong *counter = (const void *)((const char *)counters + table[i].offset);

        NsDictPutNumber(dict, table[i].key, (int64_t)atomic_load_explicit(counter, memory_order_relaxed));
    }
}
