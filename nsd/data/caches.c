/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The caches of a server that scripts make, and their values.
 *
 * A value is never changed while anybody else has it: reading needs the lock only for the reference.
 */
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include "conf/config.h"
#include "base/check.h"
#include "conf/server.h"
#include "data/caches.h"

struct NsCacheValue {
    NsNsvValue value;                          /* first: NsNsvValueFree frees it all */
    atomic_int refs;
};

struct NsTclCache {
    Ns_Cache        *store;
    NsTclCacheParams params;                   /* with the store locked; maxSize is the store's */
    Ns_Time          wait;                     /* without any timeout */
};

typedef struct Caches {
    Ns_RWLock     lock;
    Tcl_HashTable names;                       /* NsTclCache * */
    Ns_Time       wait;
    NsTclCache   *memoize;
} Caches;

static void InitServer(NsServer *server);
NsServerPart nsCachesPart = {.init = InitServer};

static void
InitServer(NsServer *server)
{
    Caches          *caches = ns_calloc(1, sizeof(*caches));
    NsTclCacheParams memoize = {.maxSize = 0};
    Tcl_DString      section;

    Ns_RWLockInit(&caches->lock);
    Ns_RWLockSetName2(&caches->lock, "caches", server->name);
    Tcl_InitHashTable(&caches->names, TCL_STRING_KEYS);
    Tcl_DStringInit(&section);
    Tcl_DStringAppend(&section, server->section, -1);
    Tcl_DStringAppend(&section, "/tcl", 4);
    Ns_ConfigTimeUnitRange(Tcl_DStringValue(&section), "cachetimeout", "5m", 0, 1000, 86400 * 7, 0, &caches->wait);
    memoize.maxSize = (size_t)NsConfigMemSize(Tcl_DStringValue(&section), "memoizecache", "10MB", 1024, LLONG_MAX);
    Tcl_DStringFree(&section);
    NsServerSetPart(server, &nsCachesPart, caches);
    caches->memoize = NsTclCacheCreate(server, "ns:memoize", &memoize);
}

static inline Caches *
CachesOf(const NsServer *server)
{
    return NsServerPartData(server, &nsCachesPart);
}

NsTclCache *
NsTclCacheCreate(NsServer *server, const char *name, const NsTclCacheParams *params)
{
    Caches        *caches = CachesOf(server);
    NsTclCache    *cache = NULL;
    Tcl_HashEntry *entry;
    int            isNew;

    Ns_RWLockWrLock(&caches->lock);
    entry = Tcl_CreateHashEntry(&caches->names, name, &isNew);
    if (isNew) {
        cache = ns_calloc(1, sizeof(*cache));
        cache->store = Ns_CacheCreateSz(name, TCL_STRING_KEYS, params->maxSize, NsCacheValueRelease);
        cache->params = *params;
        cache->wait = caches->wait;
        Tcl_SetHashValue(entry, cache);
    }
    Ns_RWLockUnlock(&caches->lock);
    return cache;
}

NsTclCache *
NsTclCacheFind(NsServer *server, const char *name)
{
    Caches        *caches = CachesOf(server);
    Tcl_HashEntry *entry;
    NsTclCache    *cache;

    Ns_RWLockRdLock(&caches->lock);
    entry = Tcl_FindHashEntry(&caches->names, name);
    cache = entry == NULL ? NULL : Tcl_GetHashValue(entry);
    Ns_RWLockUnlock(&caches->lock);
    return cache;
}

NsTclCache *
NsTclCacheMemoize(NsServer *server)
{
    return CachesOf(server)->memoize;
}

/* Each in turn, without a lock: none is ever taken away. */
static void
EachCache(NsServer *server, void (*proc)(NsTclCache *cache, void *arg), void *arg)
{
    Caches        *caches = CachesOf(server);
    Tcl_DString    found;
    Tcl_HashSearch search;

    Tcl_DStringInit(&found);
    Ns_RWLockRdLock(&caches->lock);
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&caches->names, &search); entry != NULL;
         entry = Tcl_NextHashEntry(&search)) {
        NsTclCache *cache = Tcl_GetHashValue(entry);

        Tcl_DStringAppend(&found, (const char *)&cache, sizeof(cache));
    }
    Ns_RWLockUnlock(&caches->lock);
    for (int i = 0; i < Tcl_DStringLength(&found); i += (int)sizeof(NsTclCache *)) {
        NsTclCache *cache;

        memcpy(&cache, Tcl_DStringValue(&found) + i, sizeof(cache));
        proc(cache, arg);
    }
    Tcl_DStringFree(&found);
}

static void
AppendName(NsTclCache *cache, void *list)
{
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Ns_CacheName(cache->store), -1));
}

void
NsTclCacheNames(NsServer *server, Tcl_Obj *list)
{
    EachCache(server, AppendName, list);
}

Ns_Cache *
NsTclCacheStore(NsTclCache *cache)
{
    return cache->store;
}

void
NsTclCacheTake(NsTclCacheParams *params, const NsTclCacheSome *some)
{
    if (some->maxSize >= 0) {
        params->maxSize = (size_t)some->maxSize;
    }
    if (some->maxEntry >= 0) {
        params->maxEntry = (size_t)some->maxEntry;
    }
    if (some->expires != NULL) {
        params->expires = *some->expires;
        params->hasExpires = true;
    }
    if (some->timeout != NULL) {
        params->timeout = *some->timeout;
        params->hasTimeout = true;
    }
}

void
NsTclCacheConfigure(NsTclCache *cache, const NsTclCacheSome *some, NsTclCacheParams *params)
{
    Ns_CacheLock(cache->store);
    NsTclCacheTake(&cache->params, some);
    if (some->maxSize >= 0) {                  /* throws out what has no room any more */
        Ns_CacheSetMaxSize(cache->store, cache->params.maxSize);
    }
    *params = cache->params;
    params->maxSize = Ns_CacheGetMaxSize(cache->store);        /* C code may have set it */
    Ns_CacheUnlock(cache->store);
}

/*
 * Values
 */
static NsCacheValue *
ValueNew(void)
{
    NsCacheValue *value = ns_calloc(1, sizeof(*value));

    atomic_init(&value->refs, 1);
    return value;
}

/* A text gets just the room that it needs. */
static NsCacheValue *
ValueOf(Tcl_Obj *obj)
{
    NsCacheValue *value = ValueNew();

    if (obj->bytes != NULL) {
        value->value.max = (uint32_t)obj->length + 1;
        value->value.data = ns_malloc(value->value.max);
    }
    NsNsvValueSet(&value->value, obj);
    return value;
}

static NsCacheValue *
ValueRetain(NsCacheValue *value)
{
    if (value != NULL) {
        atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);
    }
    return value;
}

void
NsCacheValueRelease(void *arg)
{
    NsCacheValue *value = arg;

    if (value != NULL && atomic_fetch_sub_explicit(&value->refs, 1, memory_order_acq_rel) == 1) {
        NsNsvValueFree(&value->value);
    }
}

Tcl_Obj *
NsCacheValueObj(const NsCacheValue *value)
{
    return NsNsvValueObj(&value->value);
}

/* With what malloc needs for its two pieces. */
static size_t
SizeOf(const NsCacheValue *value)
{
    return sizeof(*value) + value->value.max + 32;
}

/* maxentry limits what a script would call the length; the cache's size also keys. */
static bool
FitsEntry(const NsTclCache *cache, const Ns_Entry *entry, const NsCacheValue *value)
{
    size_t most = Ns_CacheGetMaxSize(cache->store);
    size_t len = value->value.kind == NS_NSV_WIDE ? sizeof(Tcl_WideInt) : value->value.len;

    return (cache->params.maxEntry == 0 || len <= cache->params.maxEntry)
           && (most == 0 || NsCacheOverhead(entry) + SizeOf(value) <= most);
}

static uintptr_t
Epoch(const Ns_CacheTransactionStack *stack)
{
    return stack == NULL || stack->depth == 0 ? 0 : stack->stack[stack->depth - 1];
}

/* With the store locked: the claimed entry has that value now.  False: it is too large, and what there was is gone. */
static bool
Keep(NsTclCache *cache, Ns_Entry *entry, NsCacheValue *value, const Ns_Time *expires, int cost,
     const Ns_CacheTransactionStack *stack)
{
    if (!FitsEntry(cache, entry, value)) {
        Ns_CacheDeleteEntry(entry);
        return false;
    }
    if (expires == NULL && cache->params.hasExpires) {
        expires = &cache->params.expires;
    }
    (void)Ns_CacheSetValueExpires(entry, value, SizeOf(value), expires, cost, 0, Epoch(stack));
    return true;
}

/*
 * One key
 */

/* With the store locked. */
static NsCacheAnswer
Claim(NsTclCache *cache, const char *key, bool force, const Ns_Time *timeout, const Ns_CacheTransactionStack *stack,
      Ns_Entry **entry)
{
    bool    isNew, circle;
    Ns_Time limit = timeout != NULL ? *timeout : cache->params.hasTimeout ? cache->params.timeout : cache->wait;

    *entry = NsCacheClaim(cache->store, key, force, &limit, stack, &isNew, &circle);
    if (*entry == NULL) {
        return circle ? NS_CACHE_CIRCLE : NS_CACHE_TIMEOUT;
    }
    return isNew ? NS_CACHE_CLAIMED : NS_CACHE_FOUND;
}

NsCacheAnswer
NsCacheAsk(NsTclCache *cache, const char *key, bool force, const Ns_Time *timeout, const Ns_CacheTransactionStack *stack,
           NsCacheValue **value, Ns_Entry **claim)
{
    NsCacheAnswer answer;

    Ns_CacheLock(cache->store);
    answer = Claim(cache, key, force, timeout, stack, claim);
    if (answer == NS_CACHE_FOUND) {
        *value = ValueRetain(Ns_CacheGetValueT(*claim, stack));
    } else if (answer == NS_CACHE_CLAIMED && force && Epoch(stack) == 0) {
        /* But what a transaction may still throw away does not take the others' value from them. */
        Ns_CacheUnsetValue(*claim);
    }
    Ns_CacheUnlock(cache->store);
    return answer;
}

void
NsCacheFulfil(NsTclCache *cache, Ns_Entry *claim, Tcl_Obj *obj, const Ns_Time *expires, int cost,
              const Ns_CacheTransactionStack *stack)
{
    NsCacheValue *value = ValueOf(obj);
    bool          kept;

    Ns_CacheLock(cache->store);
    NsCacheCountHit(cache->store);             /* as NaviServer counts */
    kept = Keep(cache, claim, value, expires, cost, stack);
    Ns_CacheBroadcast(cache->store);
    Ns_CacheUnlock(cache->store);
    if (!kept) {
        NsCacheValueRelease(value);
    }
}

void
NsCacheGiveUp(NsTclCache *cache, Ns_Entry *claim)
{
    Ns_CacheLock(cache->store);
    NsCacheUnclaim(claim);
    Ns_CacheBroadcast(cache->store);
    Ns_CacheUnlock(cache->store);
}

NsCacheValue *
NsCacheGet(NsTclCache *cache, const char *key, const Ns_CacheTransactionStack *stack)
{
    Ns_Entry     *entry;
    NsCacheValue *value = NULL;

    Ns_CacheLock(cache->store);
    entry = Ns_CacheFindEntryT(cache->store, key, stack);
    if (entry != NULL) {
        value = ValueRetain(Ns_CacheGetValueT(entry, stack));
    }
    Ns_CacheUnlock(cache->store);
    return value;
}

static void
CopyValue(NsNsvValue *to, const NsNsvValue *from)
{
    Tcl_Obj *obj = NsNsvValueObj(from);

    Tcl_IncrRefCount(obj);
    NsNsvValueSet(to, obj);
    Tcl_DecrRefCount(obj);
}

/* With the store locked: what is there, if nobody else reads it and no transaction needs it as it was; else a copy of it. */
static NsCacheValue *
Changeable(NsCacheValue *now, const Ns_CacheTransactionStack *stack)
{
    NsCacheValue *copy;

    if (now != NULL && Epoch(stack) == 0 && atomic_load_explicit(&now->refs, memory_order_acquire) == 1) {
        return now;
    }
    copy = ValueNew();
    if (now != NULL) {
        CopyValue(&copy->value, &now->value);
    }
    return copy;
}

/* With the store locked, the entry claimed: what is to be released. */
static NsCacheValue *
Change(NsTclCache *cache, Ns_Entry *entry, const Ns_Time *expires, const Ns_CacheTransactionStack *stack,
       NsCacheChange *change, void *arg, Tcl_Obj **result)
{
    NsCacheValue *now = NsCacheLook(entry, stack), *value = Changeable(now, stack);
    bool          kept = false;

    if (change(&value->value, arg)) {
        *result = NsNsvValueObj(&value->value);
        kept = Keep(cache, entry, value, expires, 0, stack);
    } else {
        NsCacheUnclaim(entry);
    }
    return kept || value == now ? NULL : value;
}

NsCacheAnswer
NsCacheUpdate(NsTclCache *cache, const char *key, const Ns_Time *timeout, const Ns_Time *expires,
              const Ns_CacheTransactionStack *stack, NsCacheChange *change, void *arg, Tcl_Obj **result)
{
    NsCacheAnswer answer;
    NsCacheValue *gone = NULL;
    Ns_Entry     *entry;

    *result = NULL;
    Ns_CacheLock(cache->store);
    answer = Claim(cache, key, true, timeout, stack, &entry);
    if (answer == NS_CACHE_CLAIMED) {
        gone = Change(cache, entry, expires, stack, change, arg, result);
        Ns_CacheBroadcast(cache->store);
        answer = NS_CACHE_FOUND;
    }
    Ns_CacheUnlock(cache->store);
    NsCacheValueRelease(gone);
    return answer;
}

int
NsCacheFlushKey(NsTclCache *cache, const char *key)
{
    Ns_Entry *entry;
    int       count = 0;

    Ns_CacheLock(cache->store);
    entry = NsCacheFindAny(cache->store, key);
    if (entry != NULL) {
        count = NsCacheDiscard(entry);
    }
    Ns_CacheUnlock(cache->store);
    return count;
}

bool
NsCacheHas(NsTclCache *cache, const char *key, const Ns_CacheTransactionStack *stack)
{
    NsCacheValue *value = NsCacheGet(cache, key, stack);

    NsCacheValueRelease(value);
    return value != NULL;
}

/*
 * All keys: those of a step are copied, so that nothing but copying is done with the cache locked.
 */
#define STEP_BYTES 65536

typedef struct Step {
    const Ns_CacheTransactionStack *stack;
    bool        any;                           /* also entries without a value */
    Tcl_DString keys;
} Step;

static bool
CopyKey(Ns_Entry *entry, void *arg)
{
    Step       *step = arg;
    const char *key = Ns_CacheKey(entry);

    if (step->any || NsCacheLook(entry, step->stack) != NULL) {
        Tcl_DStringAppend(&step->keys, key, (int)strlen(key) + 1);
    }
    return Tcl_DStringLength(&step->keys) < STEP_BYTES;
}

static void
EachKey(NsTclCache *cache, const char *pattern, Step *step, void (*proc)(NsTclCache *cache, const char *key, void *arg),
        void *arg)
{
    NsCacheWalk walk;
    bool        more;

    Tcl_DStringInit(&step->keys);
    NsCacheWalkBegin(&walk, cache->store);
    do {
        Tcl_DStringSetLength(&step->keys, 0);
        more = NsCacheWalkNext(&walk, CopyKey, step);
        for (int i = 0; i < Tcl_DStringLength(&step->keys);) {
            const char *key = Tcl_DStringValue(&step->keys) + i;

            i += (int)strlen(key) + 1;
            if (pattern == NULL || Tcl_StringMatch(key, pattern)) {
                proc(cache, key, arg);
            }
        }
    } while (more);
    Tcl_DStringFree(&step->keys);
}

static void
AppendKey(NsTclCache *cache, const char *key, void *list)
{
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(key, -1));
}

void
NsCacheKeys(NsTclCache *cache, const char *pattern, const Ns_CacheTransactionStack *stack, Tcl_Obj *list)
{
    Step step = {.stack = stack};

    EachKey(cache, pattern, &step, AppendKey, list);
}

static void
FlushMatching(NsTclCache *cache, const char *key, void *count)
{
    *(int *)count += NsCacheFlushKey(cache, key);
}

static bool
DiscardNext(Ns_Entry *entry, void *count)
{
    *(int *)count += NsCacheDiscard(entry);
    return true;
}

int
NsCacheFlushAll(NsTclCache *cache, const char *pattern)
{
    Step        step = {.any = true};
    NsCacheWalk walk;
    int         count = 0;

    if (pattern != NULL) {
        EachKey(cache, pattern, &step, FlushMatching, &count);
    } else {
        NsCacheWalkBegin(&walk, cache->store);
        while (NsCacheWalkNext(&walk, DiscardNext, &count)) {
            continue;
        }
    }
    return count;
}

typedef struct Contents {
    const Ns_CacheTransactionStack *stack;
    Tcl_Obj *list;
} Contents;

static bool
AppendContents(Ns_Entry *entry, void *arg)
{
    const Contents *contents = arg;

    if (NsCacheLook(entry, contents->stack) != NULL) {
        const Ns_Time *expires = Ns_CacheGetExpirey(entry);
        Tcl_Obj       *words[4] = {
            Tcl_NewStringObj(Ns_CacheKey(entry), -1), Tcl_NewWideIntObj((Tcl_WideInt)Ns_CacheGetSize(entry)),
            Tcl_NewWideIntObj((Tcl_WideInt)Ns_CacheGetReuse(entry)),
            expires->sec == 0 ? Tcl_NewIntObj(0) : Ns_TclNewTimeObj(expires)
        };

        Tcl_ListObjAppendElement(NULL, contents->list, Tcl_NewListObj(4, words));
    }
    return true;
}

void
NsCacheContents(NsTclCache *cache, const Ns_CacheTransactionStack *stack, Tcl_Obj *list)
{
    Contents    contents = {stack, list};
    NsCacheWalk walk;

    NsCacheWalkBegin(&walk, cache->store);
    while (NsCacheWalkNext(&walk, AppendContents, &contents)) {
        continue;
    }
}

/*
 * Transactions
 */
bool
NsCacheBegin(Ns_CacheTransactionStack *stack)
{
    static atomic_uintptr_t lastEpoch;

    if (stack->depth == NS_CACHE_MAX_TRANSACTION_DEPTH) {
        return false;
    }
    stack->stack[stack->depth++] = atomic_fetch_add(&lastEpoch, 1) + 1;
    return true;
}

typedef struct End {
    uintptr_t     epoch;
    bool          commit;
    unsigned long count;
} End;

static void
EndInCache(NsTclCache *cache, void *arg)
{
    End *end = arg;

    Ns_CacheLock(cache->store);
    if (Ns_CacheGetNrUncommittedEntries(cache->store) > 0) {
        end->count += end->commit ? Ns_CacheCommitEntries(cache->store, end->epoch)
                      : Ns_CacheRollbackEntries(cache->store, end->epoch);
        Ns_CacheBroadcast(cache->store);
    }
    Ns_CacheUnlock(cache->store);
}

unsigned long
NsCacheEnd(NsServer *server, Ns_CacheTransactionStack *stack, bool commit)
{
    End end = {.commit = commit};

    NS_ASSERT(stack->depth > 0);
    end.epoch = stack->stack[--stack->depth];
    EachCache(server, EndInCache, &end);
    return end.count;
}
