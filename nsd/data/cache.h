/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the core has of a cache beyond ns.h: looking at all entries in steps, and counters.
 */
#ifndef NSD_CACHE_H
#define NSD_CACHE_H

#include "ns.h"

/*
 * A walk over the entries that there were when it began, in the order of their making, in steps: others come between them.
 * Entries that are made meanwhile are not seen, those that go are seen or not.
 */
typedef struct NsCacheLink { struct NsCacheLink *next, *prev; } NsCacheLink;
typedef struct NsCacheNode {                   /* an entry or, with serial 0, the place where a walk has come to */
    NsCacheLink link;
    uint64_t    serial;
} NsCacheNode;
typedef struct NsCacheWalk {
    Ns_Cache   *cache;
    NsCacheNode place;
    uint64_t    last;
    bool        over;
} NsCacheWalk;
/*
 * Any thread, the cache not locked.  Each Next calls `proc`, with the cache locked, for at most NS_CACHE_STEP of the next
 * entries, until it returns false; it may delete the entry.  An entry may have no value.  False: that was the last step.  A walk
 * goes on to its end.
 */
#define NS_CACHE_STEP 256
typedef bool (NsCacheWalkProc)(Ns_Entry *entry, void *arg);
void NsCacheWalkBegin(NsCacheWalk *walk, Ns_Cache *cache);
bool NsCacheWalkNext(NsCacheWalk *walk, NsCacheWalkProc *proc, void *arg);

/* All of these with the cache locked. */

/*
 * As Ns_CacheWaitCreateEntryT, and with `force` the caller is the one to compute it also if there is a value, which others see until then.
 * NULL and *circle: the thread that computes it waits for this one.
 */
Ns_Entry *NsCacheClaim(Ns_Cache *cache, const char *key, bool force, const Ns_Time *timeout,
                       const Ns_CacheTransactionStack *stack, bool *isNew, bool *circle);
/* The caller does not compute it after all. */
void NsCacheUnclaim(Ns_Entry *entry);
/* Drop all values; one that is being computed is not kept when it comes.  False: there was none. */
bool NsCacheDiscard(Ns_Entry *entry);
Ns_Entry *NsCacheFindAny(Ns_Cache *cache, const char *key);    /* counted; also one that nobody may see; NULL: none */
/* The value that is seen with this stack, NULL: none; what has expired is dropped, and an entry with nothing left that nobody computes. */
void *NsCacheLook(Ns_Entry *entry, const Ns_CacheTransactionStack *stack);
void NsCacheCountHit(Ns_Cache *cache);
size_t NsCacheSize(const Ns_Cache *cache);
size_t NsCacheOverhead(const Ns_Entry *entry);                 /* what it counts with beside its value: the key, and its own memory */

#endif
