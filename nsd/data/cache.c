/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The store behind ns_cache_* and Ns_Cache*: entries in a table, the used ones in order of their use, all in order of their making.
 *
 * An entry that a thread computes has an owner, and is not freed by anybody else.  Values of transactions hang on their entry
 * until they are committed.  What is to be freed is kept until the lock is given back: freeProc is foreign code.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "base/clock.h"
#include "data/cache.h"
#include "data/waiting.h"

typedef struct Held {
    void   *value;                             /* NULL: none */
    size_t  size;
    int64_t expires;                           /* monotonic ms; 0: never */
    Ns_Time date;                              /* the same, for who asks */
    int     cost;
} Held;

/* A value that is not committed. */
typedef struct Pending {
    Held            held;
    uintptr_t       epoch;
    Ns_Entry       *entry;
    struct Pending *next;                      /* of the entry, the youngest first */
    NsCacheLink     byCache;
} Pending;

struct Ns_Entry {
    NsCacheNode    node;                       /* in cache->all; first: an entry is found from its node */
    NsCacheLink    byUse;                      /* in cache->used, while there is a value of any kind */
    Ns_Cache      *cache;
    Tcl_HashEntry *hash;                       /* NULL: it is trash */
    Held           held;
    Pending       *pendings;
    size_t         reuse, overhead;
    uintptr_t      owner;                      /* the thread that computes it; 0: none */
    bool           inUse;                      /* linked in cache->used */
    bool           flushed;                    /* while it was computed */
};

/* A replaced value that waits for its end. */
typedef struct Trash {
    void         *value;
    struct Trash *next;
} Trash;

struct Ns_Cache {
    uint32_t      magic;
    Ns_Mutex      lock;
    Ns_Cond       cond;
    char         *name;
    int           keys;
    int64_t       ttl;                         /* ms; 0: none */
    Ns_FreeProc  *freeProc;
    Tcl_HashTable table;
    NsCacheLink   all, used, pendings;         /* oldest first; last used first; of all transactions */
    uint64_t      serial;
    size_t        size, maxSize;
    int           nPending;
    unsigned      waiting;                     /* threads in WaitCreateEntry */
    Ns_Entry     *trash;                       /* linked by byUse.next */
    Trash        *values;
    struct {
        uint64_t flushed, hits, missed, expired, pruned, commit, rollback;
        uint64_t saved;                        /* microseconds */
    } stats;
};
#define CACHE_MAGIC NS_MAGIC('C', 'a', 'c', 'h')

/* What malloc needs for itself, for an entry and its place in the table. */
#define MALLOC_OVERHEAD 32

/*
 * Lists
 */
static void
ListInit(NsCacheLink *list)
{
    list->next = list->prev = list;
}

static void
LinkBefore(NsCacheLink *place, NsCacheLink *link)
{
    link->next = place;
    link->prev = place->prev;
    place->prev->next = link;
    place->prev = link;
}

static void
Unlink(NsCacheLink *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
}

#define CONTAINER(link, type, member) ((type *)(void *)((char *)(link) - offsetof(type, member)))

/* The entry at or behind this place in cache->all; NULL: there is none.  Places of walks are no entries. */
static Ns_Entry *
EntryFrom(const Ns_Cache *cache, NsCacheLink *link)
{
    while (link != &cache->all && CONTAINER(link, NsCacheNode, link)->serial == 0) {
        link = link->next;
    }
    return link == &cache->all ? NULL : CONTAINER(link, Ns_Entry, node.link);
}

/*
 * Who computes
 */
static void
Own(Ns_Entry *entry)
{
    if (entry->owner == 0) {
        entry->owner = Ns_ThreadId();
        entry->flushed = false;
    }
}

/* Nobody computes it any more. */
static void
Disown(Ns_Entry *entry)
{
    if (entry->owner == 0) {
        return;
    }
    entry->owner = 0;
    if (entry->cache->waiting > 0) {
        NsWaitingOver(entry);
    }
}

/*
 * Caches
 */
Ns_Cache *
Ns_CacheCreateEx(const char *name, int keys, time_t ttl, size_t maxSize, Ns_FreeProc *freeProc)
{
    Ns_Cache *cache = ns_calloc(1, sizeof(*cache));

    cache->magic = CACHE_MAGIC;
    cache->name = ns_strdup(name);
    cache->keys = keys;
    cache->ttl = ttl <= 0 ? 0 : Ns_TimeToMilliseconds(&(Ns_Time){ttl, 0});
    cache->maxSize = maxSize;
    cache->freeProc = freeProc;
    Ns_MutexInit(&cache->lock);
    Ns_MutexSetName2(&cache->lock, "cache", name);
    Ns_CondInit(&cache->cond);
    Tcl_InitHashTable(&cache->table, keys);
    ListInit(&cache->all);
    ListInit(&cache->used);
    ListInit(&cache->pendings);
    return cache;
}

Ns_Cache *
Ns_CacheCreate(const char *name, int keys, time_t ttl, Ns_FreeProc *freeProc)
{
    return Ns_CacheCreateEx(name, keys, ttl, 0, freeProc);
}

Ns_Cache *
Ns_CacheCreateSz(const char *name, int keys, size_t maxSize, Ns_FreeProc *freeProc)
{
    return Ns_CacheCreateEx(name, keys, 0, maxSize, freeProc);
}

const char *
Ns_CacheName(const Ns_Cache *cache)
{
    return cache->name;
}

void
Ns_CacheLock(Ns_Cache *cache)
{
    NS_CHECK(cache, CACHE_MAGIC);
    Ns_MutexLock(&cache->lock);
}

Ns_ReturnCode
Ns_CacheTryLock(Ns_Cache *cache)
{
    NS_CHECK(cache, CACHE_MAGIC);
    return Ns_MutexTryLock(&cache->lock);
}

static void
FreeTrash(const Ns_Cache *cache, Ns_Entry *entries, Trash *values)
{
    while (entries != NULL) {
        Ns_Entry *entry = entries;

        entries = entry->byUse.next == NULL ? NULL : CONTAINER(entry->byUse.next, Ns_Entry, byUse);
        ns_free(entry);
    }
    while (values != NULL) {
        Trash *trash = values;

        values = trash->next;
        if (cache->freeProc != NULL) {
            cache->freeProc(trash->value);
        }
        ns_free(trash);
    }
}

void
Ns_CacheUnlock(Ns_Cache *cache)
{
    Ns_Entry *entries = cache->trash;
    Trash    *values = cache->values;

    cache->trash = NULL;
    cache->values = NULL;
    Ns_MutexUnlock(&cache->lock);
    if (__builtin_expect(entries != NULL || values != NULL, 0)) {
        FreeTrash(cache, entries, values);
    }
}

Ns_ReturnCode
Ns_CacheWait(Ns_Cache *cache)
{
    Ns_CondWait(&cache->cond, &cache->lock);
    return NS_OK;
}

Ns_ReturnCode
Ns_CacheTimedWait(Ns_Cache *cache, const Ns_Time *timePtr)
{
    Ns_Time until;

    if (timePtr == NULL) {
        return Ns_CacheWait(cache);
    }
    NsMonotonicDeadline(timePtr, &until);
    return NsCondWaitUntil(&cache->cond, &cache->lock, &until);
}

void
Ns_CacheSignal(Ns_Cache *cache)
{
    Ns_CondSignal(&cache->cond);
}

void
Ns_CacheBroadcast(Ns_Cache *cache)
{
    Ns_CondBroadcast(&cache->cond);
}

/*
 * Values
 */
static void
DropValue(Ns_Cache *cache, Held *held, const void *keep)
{
    if (held->value != NULL) {
        cache->size -= held->size;
        if (held->value != keep) {
            Trash *trash = ns_malloc(sizeof(*trash));

            trash->value = held->value;
            trash->next = cache->values;
            cache->values = trash;
        }
        held->value = NULL;
    }
    held->size = 0;
}

static void
DropPending(Ns_Entry *entry, Pending **link, const void *keep)
{
    Pending *pending = *link;

    *link = pending->next;
    Unlink(&pending->byCache);
    entry->cache->nPending--;
    DropValue(entry->cache, &pending->held, keep);
    ns_free(pending);
}

static void
Leave(Ns_Entry *entry)
{
    if (entry->inUse) {
        Unlink(&entry->byUse);
        entry->inUse = false;
    }
}

static void
Touch(Ns_Entry *entry)
{
    NsCacheLink *used = &entry->cache->used;

    if (used->next != &entry->byUse) {
        if (entry->inUse) {
            Unlink(&entry->byUse);
        }
        LinkBefore(used->next, &entry->byUse);
        entry->inUse = true;
    }
}

/* It has neither value nor owner any more. */
static void
Remove(Ns_Entry *entry)
{
    Ns_Cache *cache = entry->cache;

    NS_ASSERT(entry->hash != NULL);
    Leave(entry);
    Unlink(&entry->node.link);
    Tcl_DeleteHashEntry(entry->hash);
    entry->hash = NULL;
    cache->size -= entry->overhead;
    entry->byUse.next = cache->trash == NULL ? NULL : &cache->trash->byUse;
    cache->trash = entry;
}

/* Drop all values, and the entry unless a thread computes it. */
static void
Empty(Ns_Entry *entry)
{
    DropValue(entry->cache, &entry->held, NULL);
    while (entry->pendings != NULL) {
        DropPending(entry, &entry->pendings, NULL);
    }
    Leave(entry);
    if (entry->owner == 0) {
        Remove(entry);
    }
}

/* After a value has gone; false: so has the entry. */
static bool
Tidy(Ns_Entry *entry)
{
    if (entry->held.value != NULL || entry->pendings != NULL) {
        return true;
    }
    Leave(entry);
    if (entry->owner != 0) {
        return true;
    }
    Remove(entry);
    return false;
}

/* Expired values go. */
static bool
Alive(Ns_Cache *cache, Held *held)
{
    if (held->value == NULL) {
        return false;
    }
    if (held->expires == 0 || held->expires > NsClockMs()) {
        return true;
    }
    cache->stats.expired++;
    DropValue(cache, held, NULL);
    return false;
}

static Pending **
FindPending(Ns_Entry *entry, uintptr_t epoch)
{
    Pending **link = &entry->pendings;

    while (*link != NULL && (*link)->epoch != epoch) {
        link = &(*link)->next;
    }
    return link;
}

/* What someone with this stack sees of it; NULL: nothing. */
static Held *
Visible(Ns_Entry *entry, const Ns_CacheTransactionStack *stack)
{
    if (entry->pendings != NULL && stack != NULL) {
        for (unsigned i = stack->depth; i-- > 0;) {
            Pending **link = FindPending(entry, stack->stack[i]);

            if (*link != NULL) {
                if (Alive(entry->cache, &(*link)->held)) {
                    return &(*link)->held;
                }
                DropPending(entry, link, NULL);
            }
        }
    }
    return Alive(entry->cache, &entry->held) ? &entry->held : NULL;
}

void *
NsCacheLook(Ns_Entry *entry, const Ns_CacheTransactionStack *stack)
{
    const Held *held = Visible(entry, stack);

    if (held == NULL) {
        (void)Tidy(entry);
    }
    return held == NULL ? NULL : held->value;
}

void *
Ns_CacheGetValueT(const Ns_Entry *entry, const Ns_CacheTransactionStack *stack)
{
    if (entry->pendings != NULL && stack != NULL) {
        for (unsigned i = stack->depth; i-- > 0;) {
            for (const Pending *pending = entry->pendings; pending != NULL; pending = pending->next) {
                if (pending->epoch == stack->stack[i]) {
                    return pending->held.value;
                }
            }
        }
    }
    return entry->held.value;
}

void *
Ns_CacheGetValue(const Ns_Entry *entry)
{
    return entry->held.value;
}

/* Others go until the size is kept; how many. */
static int
Prune(Ns_Cache *cache, size_t maxSize, const Ns_Entry *keep)
{
    int count = 0;

    while (maxSize > 0 && cache->size > maxSize && cache->used.prev != &cache->used) {
        Ns_Entry *entry = CONTAINER(cache->used.prev, Ns_Entry, byUse);

        if (entry == keep) {
            break;
        }
        Empty(entry);
        cache->stats.pruned++;
        count++;
    }
    return count;
}

/* The place for a value of this transaction. */
static Held *
PendingOf(Ns_Entry *entry, uintptr_t epoch)
{
    Pending **link = FindPending(entry, epoch);
    Pending  *pending = *link;

    if (pending == NULL) {
        pending = ns_calloc(1, sizeof(*pending));
        pending->epoch = epoch;
        pending->entry = entry;
        pending->next = entry->pendings;
        entry->pendings = pending;
        LinkBefore(&entry->cache->pendings, &pending->byCache);
        entry->cache->nPending++;
    }
    return &pending->held;
}

/* `when` NULL: as the cache has it. */
static void
SetExpiry(Held *held, const Ns_Cache *cache, const Ns_Time *when)
{
    Ns_Time until;

    held->expires = 0;
    held->date = (Ns_Time){0, 0};
    if (when != NULL) {
        NsMonotonicDeadline(when, &until);
        held->expires = Ns_TimeToMilliseconds(&until);
    } else if (cache->ttl > 0) {
        held->expires = NsClockMs() + cache->ttl;
        until = (Ns_Time){held->expires / 1000, held->expires % 1000 * 1000};
    }
    if (held->expires != 0 || when != NULL) {
        NsMonotonicToDate(&until, &held->date);
        held->expires = held->expires <= 0 ? 1 : held->expires;
    }
}

int
Ns_CacheSetValueExpires(Ns_Entry *entry, void *value, size_t size, const Ns_Time *timeoutPtr, int cost, size_t maxSize,
                        uintptr_t transactionEpoch)
{
    Ns_Cache *cache = entry->cache;
    Held     *held = transactionEpoch == 0 ? &entry->held : PendingOf(entry, transactionEpoch);

    DropValue(cache, held, value);
    held->value = value;
    held->size = size;
    held->cost = cost;
    cache->size += size;
    SetExpiry(held, cache, timeoutPtr);
    if (entry->flushed) {                      /* the one who computed it may have it, nobody else */
        held->expires = 1;
        entry->flushed = false;
    }
    Disown(entry);
    Touch(entry);
    return Prune(cache, maxSize > 0 ? maxSize : cache->maxSize, entry);
}

void
Ns_CacheSetValueSz(Ns_Entry *entry, void *value, size_t size)
{
    (void)Ns_CacheSetValueExpires(entry, value, size, NULL, 0, 0, 0);
}

void
Ns_CacheSetValue(Ns_Entry *entry, void *value)
{
    Ns_CacheSetValueSz(entry, value, 0);
}

void
Ns_CacheUnsetValue(Ns_Entry *entry)
{
    DropValue(entry->cache, &entry->held, NULL);
    Own(entry);
    (void)Tidy(entry);
}

/*
 * Entries
 */
static Ns_Entry *
NewEntry(Ns_Cache *cache, Tcl_HashEntry *hash, const char *key)
{
    Ns_Entry *entry = ns_calloc(1, sizeof(*entry));
    size_t    keySize = cache->keys == TCL_STRING_KEYS ? strlen(key) + 1
                        : cache->keys == TCL_ONE_WORD_KEYS ? sizeof(char *) : (size_t)cache->keys * sizeof(int);

    entry->cache = cache;
    entry->hash = hash;
    entry->overhead = sizeof(*entry) + sizeof(*hash) + keySize + MALLOC_OVERHEAD;
    entry->node.serial = ++cache->serial;
    LinkBefore(&cache->all, &entry->node.link);
    Tcl_SetHashValue(hash, entry);
    cache->size += entry->overhead;
    return entry;
}

/*
 * Find it or make it; *held: what is seen of it, NULL: nothing.  *isNew: the caller is the one to compute it; with `force` also if there
 * is a value.  Who looks again may find that it has expired meanwhile, and nobody computes it: one look has to do.
 */
static Ns_Entry *
FindOrOwn(Ns_Cache *cache, const char *key, bool force, const Ns_CacheTransactionStack *stack, Held **held, bool *isNew)
{
    int            created;
    Tcl_HashEntry *hash = Tcl_CreateHashEntry(&cache->table, key, &created);
    Ns_Entry      *entry = created ? NewEntry(cache, hash, key) : Tcl_GetHashValue(hash);

    *held = Visible(entry, stack);
    *isNew = entry->owner == 0 && (force || *held == NULL);
    if (*isNew) {
        Own(entry);
    }
    return entry;
}

static void
CountFound(Ns_Entry *entry, const Held *held)
{
    entry->cache->stats.hits++;
    if (held != NULL) {
        entry->reuse++;
        entry->cache->stats.saved += (uint64_t)held->cost;
        Touch(entry);
    }
}

Ns_Entry *
Ns_CacheFindEntryT(Ns_Cache *cache, const char *key, const Ns_CacheTransactionStack *stack)
{
    Tcl_HashEntry *hash = Tcl_FindHashEntry(&cache->table, key);
    Ns_Entry      *entry = hash == NULL ? NULL : Tcl_GetHashValue(hash);
    Held          *held;

    if (entry != NULL) {
        held = Visible(entry, stack);
        if (held != NULL || entry->owner != 0) {
            CountFound(entry, held);
            return entry;
        }
        (void)Tidy(entry);
    }
    cache->stats.missed++;
    return NULL;
}

Ns_Entry *
NsCacheFindAny(Ns_Cache *cache, const char *key)
{
    Tcl_HashEntry *hash = Tcl_FindHashEntry(&cache->table, key);

    if (hash == NULL) {
        cache->stats.missed++;
        return NULL;
    }
    cache->stats.hits++;
    return Tcl_GetHashValue(hash);
}

Ns_Entry *
Ns_CacheFindEntry(Ns_Cache *cache, const char *key)
{
    return Ns_CacheFindEntryT(cache, key, NULL);
}

Ns_Entry *
Ns_CacheCreateEntry(Ns_Cache *cache, const char *key, int *newPtr)
{
    bool      isNew;
    Held     *held;
    Ns_Entry *entry = FindOrOwn(cache, key, false, NULL, &held, &isNew);

    if (isNew) {
        cache->stats.missed++;
    } else {
        CountFound(entry, held);
    }
    *newPtr = isNew;
    return entry;
}

/* Wait while another thread computes it.  NS_ERROR: that one waits for this one. */
static Ns_ReturnCode
AwaitOwner(Ns_Entry *entry, const Ns_Time *until)
{
    Ns_Cache     *cache = entry->cache;
    NsWaiter      self;
    Ns_ReturnCode status;

    NS_ASSERT(entry->owner != 0);
    if (!NsWaitingEnter(&self, entry, entry->owner)) {
        return NS_ERROR;
    }
    cache->waiting++;
    status = NsCondWaitUntil(&cache->cond, &cache->lock, until);
    cache->waiting--;
    NsWaitingLeave(&self);
    return status;
}

Ns_Entry *
NsCacheClaim(Ns_Cache *cache, const char *key, bool force, const Ns_Time *timeout, const Ns_CacheTransactionStack *stack,
             bool *isNew, bool *circle)
{
    Held         *held;
    Ns_Entry     *entry = FindOrOwn(cache, key, force, stack, &held, isNew);
    Ns_ReturnCode status = NS_OK;
    Ns_Time       until, *limit = NULL;

    *circle = false;
    while (!*isNew && (force || held == NULL) && status == NS_OK) {
        if (timeout != NULL && limit == NULL) {
            limit = &until;
            NsMonotonicDeadline(timeout, limit);
        }
        status = AwaitOwner(entry, limit);
        /* It may have come with the last moment. */
        entry = FindOrOwn(cache, key, force, stack, &held, isNew);
    }
    if (!*isNew && (force || held == NULL)) {
        *circle = status == NS_ERROR;
        entry = NULL;
    } else if (held == NULL) {
        cache->stats.missed++;
    } else {
        CountFound(entry, held);
    }
    return entry;
}

void
NsCacheUnclaim(Ns_Entry *entry)
{
    Disown(entry);
    (void)Tidy(entry);
}

Ns_Entry *
Ns_CacheWaitCreateEntryT(Ns_Cache *cache, const char *key, int *newPtr, const Ns_Time *timeoutPtr,
                         const Ns_CacheTransactionStack *stack)
{
    bool      isNew, circle;
    Ns_Entry *entry = NsCacheClaim(cache, key, false, timeoutPtr, stack, &isNew, &circle);

    *newPtr = isNew;
    return entry;
}

Ns_Entry *
Ns_CacheWaitCreateEntry(Ns_Cache *cache, const char *key, int *newPtr, const Ns_Time *timeoutPtr)
{
    return Ns_CacheWaitCreateEntryT(cache, key, newPtr, timeoutPtr, NULL);
}

const char *
Ns_CacheKey(const Ns_Entry *entry)
{
    return Tcl_GetHashKey(&entry->cache->table, entry->hash);
}

size_t
Ns_CacheGetSize(const Ns_Entry *entry)
{
    return entry->held.value != NULL || entry->pendings == NULL ? entry->held.size : entry->pendings->held.size;
}

size_t
Ns_CacheGetReuse(const Ns_Entry *entry)
{
    return entry->reuse;
}

const Ns_Time *
Ns_CacheGetExpirey(const Ns_Entry *entry)
{
    return entry->held.value != NULL || entry->pendings == NULL ? &entry->held.date : &entry->pendings->held.date;
}

void
Ns_CacheDeleteEntry(Ns_Entry *entry)
{
    Disown(entry);
    Empty(entry);
}

/* One that is computed stays in its place. */
bool
NsCacheDiscard(Ns_Entry *entry)
{
    bool had = entry->inUse;

    entry->cache->stats.flushed += had;
    entry->flushed = entry->owner != 0;
    Empty(entry);
    return had;
}

void
Ns_CacheFlushEntry(Ns_Entry *entry)
{
    if (entry->owner == Ns_ThreadId()) {
        Disown(entry);
    }
    (void)NsCacheDiscard(entry);
}

int
Ns_CacheFlush(Ns_Cache *cache)
{
    int       count = 0;
    Ns_Entry *next = EntryFrom(cache, cache->all.next);

    while (next != NULL) {
        Ns_Entry *entry = next;

        next = EntryFrom(cache, entry->node.link.next);
        count += NsCacheDiscard(entry);
    }
    return count;
}

void
Ns_CacheDestroy(Ns_Cache *cache)
{
    Ns_Entry *entry;

    Ns_CacheLock(cache);
    while ((entry = EntryFrom(cache, cache->all.next)) != NULL) {
        Ns_CacheDeleteEntry(entry);
    }
    Ns_CacheUnlock(cache);
    NS_ASSERT(cache->size == 0 && cache->nPending == 0 && cache->all.next == &cache->all);
    cache->magic = NS_SPOILED;
    Tcl_DeleteHashTable(&cache->table);
    Ns_CondDestroy(&cache->cond);
    Ns_MutexDestroy(&cache->lock);
    ns_free(cache->name);
    ns_free(cache);
}

/*
 * Going through all of them
 */
Ns_Entry *
Ns_CacheNextEntryT(Ns_CacheSearch *search, const Ns_CacheTransactionStack *stack)
{
    Ns_Entry *entry = search->next;

    while (entry != NULL) {
        search->next = EntryFrom(search->cache, entry->node.link.next);
        if (Visible(entry, stack) != NULL) {
            break;
        }
        (void)Tidy(entry);
        entry = search->next;
    }
    return entry;
}

Ns_Entry *
Ns_CacheFirstEntryT(Ns_Cache *cache, Ns_CacheSearch *search, const Ns_CacheTransactionStack *stack)
{
    search->cache = cache;
    search->next = EntryFrom(cache, cache->all.next);
    search->transactionStack = stack;
    return Ns_CacheNextEntryT(search, stack);
}

Ns_Entry *
Ns_CacheFirstEntry(Ns_Cache *cache, Ns_CacheSearch *search)
{
    return Ns_CacheFirstEntryT(cache, search, NULL);
}

Ns_Entry *
Ns_CacheNextEntry(Ns_CacheSearch *search)
{
    return Ns_CacheNextEntryT(search, search->transactionStack);
}

void
NsCacheWalkBegin(NsCacheWalk *walk, Ns_Cache *cache)
{
    walk->cache = cache;
    walk->place.serial = 0;
    walk->over = false;
    Ns_CacheLock(cache);
    walk->last = cache->serial;
    LinkBefore(cache->all.next, &walk->place.link);
    Ns_CacheUnlock(cache);
}

bool
NsCacheWalkNext(NsCacheWalk *walk, NsCacheWalkProc *proc, void *arg)
{
    Ns_Cache *cache = walk->cache;
    Ns_Entry *entry;
    bool      more = true;

    NS_ASSERT(!walk->over);
    Ns_CacheLock(cache);
    for (unsigned i = 0; i < NS_CACHE_STEP && more; i++) {
        entry = EntryFrom(cache, walk->place.link.next);
        Unlink(&walk->place.link);
        if (entry == NULL || entry->node.serial > walk->last) {
            walk->over = true;
            break;
        }
        LinkBefore(entry->node.link.next, &walk->place.link);
        more = proc(entry, arg);
    }
    Ns_CacheUnlock(cache);
    return !walk->over;
}

/*
 * Transactions
 */
uintptr_t
Ns_CacheGetTransactionEpoch(const Ns_Entry *entry)
{
    return entry->pendings == NULL ? 0 : entry->pendings->epoch;
}

static unsigned long
EndTransaction(Ns_Cache *cache, uintptr_t epoch, bool commit)
{
    unsigned long count = 0;
    NsCacheLink  *next;

    for (NsCacheLink *link = cache->pendings.next; link != &cache->pendings; link = next) {
        Pending  *pending = CONTAINER(link, Pending, byCache);
        Ns_Entry *entry = pending->entry;

        next = link->next;
        if (pending->epoch != epoch) {
            continue;
        }
        if (commit) {
            DropValue(cache, &entry->held, pending->held.value);
            entry->held = pending->held;
            pending->held.value = NULL;        /* its size has moved along */
        }
        DropPending(entry, FindPending(entry, epoch), NULL);
        (void)Tidy(entry);
        count++;
    }
    return count;
}

unsigned long
Ns_CacheCommitEntries(Ns_Cache *cache, uintptr_t epoch)
{
    unsigned long count = EndTransaction(cache, epoch, true);

    cache->stats.commit += count;
    return count;
}

unsigned long
Ns_CacheRollbackEntries(Ns_Cache *cache, uintptr_t epoch)
{
    unsigned long count = EndTransaction(cache, epoch, false);

    cache->stats.rollback += count;
    return count;
}

int
Ns_CacheGetNrUncommittedEntries(const Ns_Cache *cache)
{
    return cache->nPending;
}

/*
 * Sizes and counters
 */
size_t
Ns_CacheGetMaxSize(const Ns_Cache *cache)
{
    return cache->maxSize;
}

size_t
Ns_CacheSetMaxsize(Ns_Cache *cache, size_t size)
{
    size_t before = cache->maxSize;

    cache->maxSize = size;
    (void)Prune(cache, size, NULL);
    return before;
}

void
Ns_CacheSetMaxSize(Ns_Cache *cache, size_t maxSize)
{
    (void)Ns_CacheSetMaxsize(cache, maxSize);
}

void
NsCacheCountHit(Ns_Cache *cache)
{
    cache->stats.hits++;
}

size_t
NsCacheSize(const Ns_Cache *cache)
{
    return cache->size;
}

size_t
NsCacheOverhead(const Ns_Entry *entry)
{
    return entry->overhead;
}

char *
Ns_CacheStats(Ns_Cache *cache, Tcl_DString *dest)
{
    char     text[600];
    uint64_t asked;

    Ns_CacheLock(cache);
    asked = cache->stats.hits + cache->stats.missed;
    snprintf(text, sizeof(text), "maxsize %zu size %zu entries %d flushed %llu hits %llu missed %llu hitrate %.2f expired %llu "
             "pruned %llu commit %llu rollback %llu saved %.6f", cache->maxSize, cache->size, cache->table.numEntries,
             (unsigned long long)cache->stats.flushed, (unsigned long long)cache->stats.hits,
             (unsigned long long)cache->stats.missed, asked == 0 ? 0.0 : (double)cache->stats.hits * 100.0 / (double)asked,
             (unsigned long long)cache->stats.expired, (unsigned long long)cache->stats.pruned,
             (unsigned long long)cache->stats.commit, (unsigned long long)cache->stats.rollback,
             (double)cache->stats.saved / 1e6);
    Ns_CacheUnlock(cache);
    return Tcl_DStringAppend(dest, text, -1);
}

void
Ns_CacheResetStats(Ns_Cache *cache)
{
    memset(&cache->stats, 0, sizeof(cache->stats));
}
