/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The caches of a server that scripts make: by name, with their parameters; their values are texts, bytes or numbers, which
 * any thread may read while others replace them.
 *
 * Any thread.  No cache is locked when these return, and none while Tcl code runs.
 */
#ifndef NSD_CACHES_H
#define NSD_CACHES_H

#include "data/cache.h"
#include "data/nsv.h"

typedef struct NsTclCache NsTclCache;          /* lives as long as the process */

typedef struct NsTclCacheParams {
    size_t  maxSize, maxEntry;                 /* bytes; 0: no limit */
    Ns_Time expires, timeout;                  /* intervals or dates */
    bool    hasExpires, hasTimeout;
} NsTclCacheParams;

/* NULL: there is one of that name. */
NsTclCache *NsTclCacheCreate(NsServer *server, const char *name, const NsTclCacheParams *params);
NsTclCache *NsTclCacheFind(NsServer *server, const char *name);        /* NULL: there is none */
NsTclCache *NsTclCacheMemoize(NsServer *server);                       /* that of ns_memoize: "ns:memoize" */
void        NsTclCacheNames(NsServer *server, Tcl_Obj *list);          /* appended */
Ns_Cache   *NsTclCacheStore(NsTclCache *cache);
/* Some of the parameters: -1 and NULL are not given. */
typedef struct NsTclCacheSome {
    Tcl_WideInt    maxSize, maxEntry;
    const Ns_Time *expires, *timeout;
} NsTclCacheSome;
void NsTclCacheTake(NsTclCacheParams *params, const NsTclCacheSome *some);
/* In one step: take some, and tell what holds then. */
void NsTclCacheConfigure(NsTclCache *cache, const NsTclCacheSome *some, NsTclCacheParams *params);

/* A value, shared: whoever has a reference may read it. */
typedef struct NsCacheValue NsCacheValue;
Tcl_Obj *NsCacheValueObj(const NsCacheValue *value);
void     NsCacheValueRelease(void *value);

/*
 * What an evaluation finds: the value (the caller releases it), or that there is none and all others wait for this thread, which
 * ends that by Fulfil or GiveUp on *claim.  `force`: also if there is one.  TIMEOUT: another thread took longer than `timeout`
 * (NULL: the cache's, or that of the server).  CIRCLE: the other waits for this one.
 */
typedef enum { NS_CACHE_FOUND, NS_CACHE_CLAIMED, NS_CACHE_TIMEOUT, NS_CACHE_CIRCLE } NsCacheAnswer;
NsCacheAnswer NsCacheAsk(NsTclCache *cache, const char *key, bool force, const Ns_Time *timeout,
                         const Ns_CacheTransactionStack *stack, NsCacheValue **value, Ns_Entry **claim);
/* `expires` NULL: as the cache has it.  `cost`: microseconds.  Too large a value is not kept. */
void NsCacheFulfil(NsTclCache *cache, Ns_Entry *claim, Tcl_Obj *obj, const Ns_Time *expires, int cost,
                   const Ns_CacheTransactionStack *stack);
void NsCacheGiveUp(NsTclCache *cache, Ns_Entry *claim);          /* others see what there was, or compute it themselves */

/* The caller releases it; NULL: there is none. */
NsCacheValue *NsCacheGet(NsTclCache *cache, const char *key, const Ns_CacheTransactionStack *stack);

/*
 * Change a value in one step: `change` is called with the cache locked, and gets an empty text if there is none.  False:
 * nothing is changed.  The answer is never CLAIMED; *result is NULL when `change` returned false.
 */
typedef bool (NsCacheChange)(NsNsvValue *value, void *arg);
NsCacheAnswer NsCacheUpdate(NsTclCache *cache, const char *key, const Ns_Time *timeout, const Ns_Time *expires,
                            const Ns_CacheTransactionStack *stack, NsCacheChange *change, void *arg, Tcl_Obj **result);

/* How many there were.  For all at once, and also for what others have not committed or are still computing. */
int NsCacheFlushKey(NsTclCache *cache, const char *key);
int NsCacheFlushAll(NsTclCache *cache, const char *pattern);           /* NULL: all */
/* Keys that match (NULL: all), appended. */
void NsCacheKeys(NsTclCache *cache, const char *pattern, const Ns_CacheTransactionStack *stack, Tcl_Obj *list);
bool NsCacheHas(NsTclCache *cache, const char *key, const Ns_CacheTransactionStack *stack);
/* A list {key size hits expires} for each, appended. */
void NsCacheContents(NsTclCache *cache, const Ns_CacheTransactionStack *stack, Tcl_Obj *list);

/*
 * Transactions, of one thread's interpreter; they span all caches of the server.
 */
bool      NsCacheBegin(Ns_CacheTransactionStack *stack);                       /* false: too deep */
/* End the innermost, which there is: how many values were committed, or thrown away. */
unsigned long NsCacheEnd(NsServer *server, Ns_CacheTransactionStack *stack, bool commit);

extern NsServerPart nsCachesPart;

#endif
