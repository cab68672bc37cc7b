/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the core needs of sets beyond ns.h.
 */
#ifndef NSD_SET_H
#define NSD_SET_H

#include "ns.h"

/* Index of the first field from `start` on whose name is `key`, or -1.  A no-case set ignores case in any event. */
int  NsSetFindFrom(const Ns_Set *set, size_t start, const char *key, bool ignoreCase);
/* Put what `high` has no field of that name for. */
void NsSetMerge(Ns_Set *high, const Ns_Set *low, bool ignoreCase);
/* All fields of that name, in any case, from `start` on. */
void NsSetIDeleteFrom(Ns_Set *set, size_t start, const char *key);
bool NsSetIsNoCase(const Ns_Set *set);
/* Make room for so many fields, and bytes of names and values. */
void NsSetReserve(Ns_Set *set, size_t fields, size_t bytes);
/* A field and its lengths; the pointers are the set's.  `value` may be NULL. */
typedef struct NsSetField {
    const char *key, *value;
    size_t      keyLen, valueLen;
} NsSetField;
NsSetField NsSetGetField(const Ns_Set *set, size_t index);
/* Memory for names and values: in use, and held. */
void NsSetGetMemory(const Ns_Set *set, size_t *used, size_t *held);

#endif
