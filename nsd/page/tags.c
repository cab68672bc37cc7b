/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Registered tags.
 */
#include <stdatomic.h>
#include <string.h>
#include "base/check.h"
#include "http/chars.h"
#include "page/tags.h"

struct NsAdpTagTable {
    uint32_t      magic;
    atomic_int    refs;
    Tcl_HashTable tags;                        /* name -> NsAdpTag * */
    size_t        longest;
};
#define TABLE_MAGIC NS_MAGIC('A', 'd', 'T', 't')

struct NsAdpTagSets {
    Ns_Mutex      lock;
    Tcl_HashTable tables;                      /* name of a set -> NsAdpTagTable * */
    atomic_long   epoch;
};

static NsAdpTagTable *
NewTable(void)
{
    NsAdpTagTable *table = ns_calloc(1, sizeof *table);

    table->magic = TABLE_MAGIC;
    atomic_init(&table->refs, 1);
    Tcl_InitHashTable(&table->tags, TCL_STRING_KEYS);
    return table;
}

void
NsAdpTagTableRelease(NsAdpTagTable *table)
{
    Tcl_HashSearch search;

    if (table != NULL) {
        NS_CHECK(table, TABLE_MAGIC);
        if (atomic_fetch_sub(&table->refs, 1) == 1) {
            for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&table->tags, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
                ns_free(Tcl_GetHashValue(entry));
            }
            Tcl_DeleteHashTable(&table->tags);
            table->magic = NS_SPOILED;
            ns_free(table);
        }
    }
}

/* With the texts in the same memory. */
static NsAdpTag *
NewTag(NsAdpTagKind kind, const char *end, const char *code)
{
    size_t    codeSize = strlen(code) + 1, endSize = end != NULL ? strlen(end) + 1 : 0;
    NsAdpTag *tag = ns_malloc(sizeof *tag + codeSize + endSize);
    char     *text = (char *)(tag + 1);

    tag->kind = kind;
    tag->code = memcpy(text, code, codeSize);
    tag->end = end != NULL ? memcpy(text + codeSize, end, endSize) : NULL;
    return tag;
}

static void
PutTag(NsAdpTagTable *table, const char *name, NsAdpTag *tag)
{
    int            isNew;
    Tcl_HashEntry *entry = Tcl_CreateHashEntry(&table->tags, name, &isNew);
    size_t         len = strlen(name), endLen = tag->end != NULL ? strlen(tag->end) : 0;

    if (!isNew) {
        ns_free(Tcl_GetHashValue(entry));
    }
    Tcl_SetHashValue(entry, tag);
    table->longest = len > table->longest ? len : table->longest;
    table->longest = endLen > table->longest ? endLen : table->longest;
}

static NsAdpTagTable *
CopyTable(NsAdpTagTable *old)
{
    NsAdpTagTable *table = NewTable();
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&old->tags, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        const NsAdpTag *tag = Tcl_GetHashValue(entry);

        PutTag(table, Tcl_GetHashKey(&old->tags, entry), NewTag(tag->kind, tag->end, tag->code));
    }
    return table;
}

NsAdpTagSets *
NsAdpTagSetsCreate(const char *name)
{
    NsAdpTagSets *sets = ns_calloc(1, sizeof *sets);

    Ns_MutexInit(&sets->lock);
    Ns_MutexSetName2(&sets->lock, "ns:adp:tags", name);
    Tcl_InitHashTable(&sets->tables, TCL_STRING_KEYS);
    (void)NsAdpTagSetCreate(sets, NS_ADP_TAGSET_DEFAULT);
    return sets;
}

bool
NsAdpTagSetCreate(NsAdpTagSets *sets, const char *name)
{
    int            isNew;
    Tcl_HashEntry *entry;

    Ns_MutexLock(&sets->lock);
    entry = Tcl_CreateHashEntry(&sets->tables, name, &isNew);
    if (isNew) {
        Tcl_SetHashValue(entry, NewTable());
    }
    Ns_MutexUnlock(&sets->lock);
    return isNew != 0;
}

NsAdpTagTable *
NsAdpTagTableGet(NsAdpTagSets *sets, const char *set)
{
    Tcl_HashEntry *entry;
    NsAdpTagTable *table = NULL;

    Ns_MutexLock(&sets->lock);
    entry = Tcl_FindHashEntry(&sets->tables, set);
    if (entry != NULL) {
        table = Tcl_GetHashValue(entry);
        atomic_fetch_add(&table->refs, 1);
    }
    Ns_MutexUnlock(&sets->lock);
    return table;
}

bool
NsAdpTagSetExists(NsAdpTagSets *sets, const char *name)
{
    NsAdpTagTable *table = NsAdpTagTableGet(sets, name);

    NsAdpTagTableRelease(table);
    return table != NULL;
}

Tcl_Obj *
NsAdpTagSetNames(NsAdpTagSets *sets)
{
    Tcl_Obj       *list = Tcl_NewListObj(0, NULL);
    Tcl_HashSearch search;

    Ns_MutexLock(&sets->lock);
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&sets->tables, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Tcl_GetHashKey(&sets->tables, entry), -1));
    }
    Ns_MutexUnlock(&sets->lock);
    return list;
}

Tcl_Obj *
NsAdpTagSetInfo(NsAdpTagSets *sets, const char *name)
{
    static const char *const kinds[] = {"script", "proc", "adp"};
    NsAdpTagTable *table = NsAdpTagTableGet(sets, name);
    Tcl_Obj       *list = NULL;
    Tcl_HashSearch search;

    if (table != NULL) {
        list = Tcl_NewListObj(0, NULL);
        for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&table->tags, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
            const NsAdpTag *tag = Tcl_GetHashValue(entry);
            Tcl_Obj        *words[4] = {
                Tcl_NewStringObj(Tcl_GetHashKey(&table->tags, entry), -1), Tcl_NewStringObj(tag->end != NULL ? tag->end : "", -1),
                Tcl_NewStringObj(kinds[tag->kind], -1), Tcl_NewStringObj(tag->code, -1)
            };

            Tcl_ListObjAppendElement(NULL, list, Tcl_NewListObj(4, words));
        }
        NsAdpTagTableRelease(table);
    }
    return list;
}

static char *
Lower(const char *name)
{
    char *lower = ns_strdup(name);

    for (char *c = lower; *c != '\0'; c++) {
        *c = NsCharLower(*c);
    }
    return lower;
}

bool
NsAdpTagRegister(NsAdpTagSets *sets, const char *set, NsAdpTagKind kind, const char *name, const char *end, const char *code)
{
    char          *lowerName = Lower(name), *lowerEnd = end != NULL ? Lower(end) : NULL;
    Tcl_HashEntry *entry;
    NsAdpTagTable *old = NULL;

    Ns_MutexLock(&sets->lock);
    entry = Tcl_FindHashEntry(&sets->tables, set);
    if (entry != NULL) {
        NsAdpTagTable *table;

        old = Tcl_GetHashValue(entry);
        table = CopyTable(old);
        PutTag(table, lowerName, NewTag(kind, lowerEnd, code));
        Tcl_SetHashValue(entry, table);
        atomic_fetch_add(&sets->epoch, 1);
    }
    Ns_MutexUnlock(&sets->lock);
    NsAdpTagTableRelease(old);
    ns_free(lowerName);
    ns_free(lowerEnd);
    return old != NULL;
}

long
NsAdpTagsEpoch(const NsAdpTagSets *sets)
{
    return atomic_load_explicit(&sets->epoch, memory_order_acquire);
}

static const NsAdpTag *
FindTag(const void *arg, const char *name)
{
    const NsAdpTagTable *table = arg;
    Tcl_HashEntry       *entry = Tcl_FindHashEntry((Tcl_HashTable *)(uintptr_t)&table->tags, name);

    return entry != NULL ? Tcl_GetHashValue(entry) : NULL;
}

void
NsAdpTagTableFill(const NsAdpTagTable *table, const char *set, NsAdpTags *tags)
{
    tags->find = FindTag;
    tags->arg = table;
    tags->name = strcmp(set, NS_ADP_TAGSET_DEFAULT) == 0 ? NULL : set;
    tags->longest = table->longest;
}
