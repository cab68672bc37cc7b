/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pages of code that all threads of a server share: what files were parsed to, as long as the files are what they were, and
 * what `ns_adp_include -cache` has kept.  Any thread; no lock is held while a file is read or parsed.
 */
#ifndef NSD_PAGE_CACHE_H
#define NSD_PAGE_CACHE_H

#include <stdatomic.h>
#include <sys/stat.h>
#include "adp/parse.h"
#include "base/check.h"

typedef struct NsAdpCache NsAdpCache;

typedef struct NsAdpPage {
    uint32_t    magic;
    atomic_int  refs;
    NsAdpCode   code;                          /* not changed any more */
    size_t      bytes;                         /* what it counts for */
    atomic_long evals;
    long        epoch;                         /* of the tags that it was parsed with */
    dev_t       dev;                           /* the file when it was read */
    ino_t       ino;
    off_t       size;
    struct timespec mtime, ctime;
    int64_t     until;                         /* of results: monotonic, microseconds; 0: a file's */
} NsAdpPage;
#define NS_ADP_PAGE_MAGIC NS_MAGIC('A', 'd', 'P', 'g')

/* The code is taken over.  `st` may be NULL.  With one reference. */
NsAdpPage *NsAdpPageNew(NsAdpCode *code, const struct stat *st, long epoch);
NsAdpPage *NsAdpPageRetain(NsAdpPage *page);
void       NsAdpPageRelease(NsAdpPage *page);              /* NULL is fine */
bool       NsAdpPageIsOf(const NsAdpPage *page, const struct stat *st, long epoch);
/* May a page of this file be kept?  One of this very moment could change once more without showing it. */
bool       NsAdpFileSettled(const struct stat *st);

NsAdpCache *NsAdpCacheCreate(size_t maxBytes, const char *name);
/* Retained, or NULL. */
NsAdpPage  *NsAdpCacheGet(NsAdpCache *cache, const char *key);
/* Keeps a reference of its own; what was used least makes room.  A page that is larger than all the cache is not kept. */
void        NsAdpCachePut(NsAdpCache *cache, const char *key, NsAdpPage *page);
void        NsAdpCacheDrop(NsAdpCache *cache, const char *key, const NsAdpPage *page);
/* A list of key and dictionary for each page. */
Tcl_Obj    *NsAdpCacheStats(NsAdpCache *cache);

#endif
