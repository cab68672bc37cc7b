/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Shared pages: a table by key and a list by last use, under one lock.
 */
#include <string.h>
#include <time.h>
#include "base/dict.h"
#include "base/lru.h"
#include "page/cache.h"

typedef struct Entry {
    NsLruLink      use;                        /* first */
    Tcl_HashEntry *hash;
    NsAdpPage     *page;
    size_t         bytes;
} Entry;

struct NsAdpCache {
    Ns_Mutex      lock;
    Tcl_HashTable table;
    NsLru         lru;
    size_t        bytes, maxBytes;
};

/* --------------------------------------------------------------------------------------------------------------- pages */

NsAdpPage *
NsAdpPageNew(NsAdpCode *code, const struct stat *st, long epoch)
{
    NsAdpPage *page = ns_calloc(1, sizeof *page);

    page->magic = NS_ADP_PAGE_MAGIC;
    atomic_init(&page->refs, 1);
    page->code = *code;
    page->bytes = sizeof *page + NsAdpCodeSize(code);
    page->epoch = epoch;
    if (st != NULL) {
        page->dev = st->st_dev;
        page->ino = st->st_ino;
        page->size = st->st_size;
        page->mtime = st->st_mtim;
        page->ctime = st->st_ctim;
    }
    return page;
}

NsAdpPage *
NsAdpPageRetain(NsAdpPage *page)
{
    NS_CHECK(page, NS_ADP_PAGE_MAGIC);
    atomic_fetch_add(&page->refs, 1);
    return page;
}

void
NsAdpPageRelease(NsAdpPage *page)
{
    if (page != NULL) {
        NS_CHECK(page, NS_ADP_PAGE_MAGIC);
        if (atomic_fetch_sub(&page->refs, 1) == 1) {
            NsAdpCodeFree(&page->code);
            page->magic = NS_SPOILED;
            ns_free(page);
        }
    }
}

static bool
SameTime(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
NsAdpPageIsOf(const NsAdpPage *page, const struct stat *st, long epoch)
{
    return page->dev == st->st_dev && page->ino == st->st_ino && page->size == st->st_size && page->epoch == epoch
        && SameTime(&page->mtime, &st->st_mtim) && SameTime(&page->ctime, &st->st_ctim);
}

bool
NsAdpFileSettled(const struct stat *st)
{
    return st->st_mtim.tv_sec < time(NULL) - 1;
}

/* --------------------------------------------------------------------------------------------------------------- cache */

NsAdpCache *
NsAdpCacheCreate(size_t maxBytes, const char *name)
{
    NsAdpCache *cache = ns_calloc(1, sizeof *cache);

    cache->maxBytes = maxBytes;
    Tcl_InitHashTable(&cache->table, TCL_STRING_KEYS);
    Ns_MutexInit(&cache->lock);
    Ns_MutexSetName2(&cache->lock, "ns:adp:pages", name);
    return cache;
}

static void
Remove(NsAdpCache *cache, Entry *entry)
{
    NsLruUnlink(&cache->lru, &entry->use);
    Tcl_DeleteHashEntry(entry->hash);
    cache->bytes -= entry->bytes;
    NsAdpPageRelease(entry->page);
    ns_free(entry);
}

NsAdpPage *
NsAdpCacheGet(NsAdpCache *cache, const char *key)
{
    Tcl_HashEntry *hash;
    NsAdpPage     *page = NULL;

    Ns_MutexLock(&cache->lock);
    hash = Tcl_FindHashEntry(&cache->table, key);
    if (hash != NULL) {
        Entry *entry = Tcl_GetHashValue(hash);

        NsLruUse(&cache->lru, &entry->use);
        page = NsAdpPageRetain(entry->page);
    }
    Ns_MutexUnlock(&cache->lock);
    return page;
}

void
NsAdpCachePut(NsAdpCache *cache, const char *key, NsAdpPage *page)
{
    size_t bytes = page->bytes + sizeof(Entry) + sizeof(Tcl_HashEntry) + strlen(key);
    Entry *entry;
    int    isNew;

    if (bytes > cache->maxBytes) {
        return;
    }
    entry = ns_calloc(1, sizeof *entry);
    entry->page = NsAdpPageRetain(page);
    entry->bytes = bytes;
    Ns_MutexLock(&cache->lock);
    entry->hash = Tcl_CreateHashEntry(&cache->table, key, &isNew);
    if (!isNew) {
        Remove(cache, Tcl_GetHashValue(entry->hash));
        entry->hash = Tcl_CreateHashEntry(&cache->table, key, &isNew);
    }
    Tcl_SetHashValue(entry->hash, entry);
    NsLruAdd(&cache->lru, &entry->use);
    cache->bytes += bytes;
    while (cache->bytes > cache->maxBytes) {
        Remove(cache, (Entry *)cache->lru.oldest);          /* the new one fits by itself */
    }
    Ns_MutexUnlock(&cache->lock);
}

void
NsAdpCacheDrop(NsAdpCache *cache, const char *key, const NsAdpPage *page)
{
    Tcl_HashEntry *hash;

    Ns_MutexLock(&cache->lock);
    hash = Tcl_FindHashEntry(&cache->table, key);
    if (hash != NULL && ((Entry *)Tcl_GetHashValue(hash))->page == page) {
        Remove(cache, Tcl_GetHashValue(hash));
    }
    Ns_MutexUnlock(&cache->lock);
}

static Tcl_Obj *
Describe(const Entry *entry)
{
    const NsAdpPage *page = entry->page;
    Tcl_Obj         *dict = Tcl_NewDictObj();

    NsDictPutNumber(dict, "dev", (int64_t)page->dev);
    NsDictPutNumber(dict, "ino", (int64_t)page->ino);
    NsDictPutNumber(dict, "mtime", page->mtime.tv_sec);
    NsDictPutNumber(dict, "refcnt", atomic_load(&page->refs));
    NsDictPutNumber(dict, "evals", atomic_load(&page->evals));
    NsDictPutNumber(dict, "size", page->size);
    NsDictPutNumber(dict, "blocks", page->code.count);
    NsDictPutNumber(dict, "scripts", page->code.scripts);
    return dict;
}

Tcl_Obj *
NsAdpCacheStats(NsAdpCache *cache)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);

    Ns_MutexLock(&cache->lock);
    for (const Entry *entry = (Entry *)cache->lru.newest; entry != NULL; entry = (Entry *)entry->use.older) {
        const char *key = Tcl_GetHashKey(&cache->table, entry->hash);

        if (entry->page->until == 0) {
            Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(key, (int)strcspn(key, "\n")));
            Tcl_ListObjAppendElement(NULL, list, Describe(entry));
        }
    }
    Ns_MutexUnlock(&cache->lock);
    return list;
}
