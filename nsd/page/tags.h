/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Registered tags of ADP pages, by sets; each server has the set "default".  Any thread.
 *
 * A set is a table that does not change: registering makes a new one, and a page that is being parsed keeps its own.
 */
#ifndef NSD_PAGE_TAGS_H
#define NSD_PAGE_TAGS_H

#include "adp/parse.h"

typedef struct NsAdpTagSets NsAdpTagSets;
typedef struct NsAdpTagTable NsAdpTagTable;

#define NS_ADP_TAGSET_DEFAULT "default"

NsAdpTagSets  *NsAdpTagSetsCreate(const char *name);       /* for the life of the process; `name` is for its lock */
/* False: there is one of this name already. */
bool           NsAdpTagSetCreate(NsAdpTagSets *sets, const char *name);
bool           NsAdpTagSetExists(NsAdpTagSets *sets, const char *name);
Tcl_Obj       *NsAdpTagSetNames(NsAdpTagSets *sets);
/* A list of {tag endtag type code}; NULL: no such set. */
Tcl_Obj       *NsAdpTagSetInfo(NsAdpTagSets *sets, const char *name);
/* Names are taken in lower case; `end` NULL: none.  A tag that is there already is replaced.  False: no such set. */
bool           NsAdpTagRegister(NsAdpTagSets *sets, const char *set, NsAdpTagKind kind, const char *name, const char *end,
                                const char *code);
/* Counts registrations: what was parsed with another one may be out of date. */
long           NsAdpTagsEpoch(const NsAdpTagSets *sets);
/* For the parser, to be released; NULL: no such set. */
NsAdpTagTable *NsAdpTagTableGet(NsAdpTagSets *sets, const char *set);
void           NsAdpTagTableRelease(NsAdpTagTable *table);
void           NsAdpTagTableFill(const NsAdpTagTable *table, const char *set, NsAdpTags *tags);

#endif
