/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_cache_*: what a script computed, kept for all threads of a server.
 */
#include <string.h>
#include "base/clock.h"
#include "cmd/data/cachecmd.h"
#include "cmd/data/nsvdict.h"

static const Ns_CacheTransactionStack *
StackOf(const NsInterp *data)
{
    return data->cacheTransactions;
}

/*
 * Caches by name.  They are for ever: the object that names one may remember it, together with the server it belongs to.
 */
static void
DupCache(Tcl_Obj *from, Tcl_Obj *to)
{
    to->typePtr = from->typePtr;
    to->internalRep = from->internalRep;
}

static const Tcl_ObjType cacheType = {"ns:cache", NULL, DupCache, NULL, NULL};

NsTclCache *
NsCacheFromObj(const NsInterp *data, Tcl_Interp *interp, Tcl_Obj *name)
{
    NsTclCache *cache;

    if (name->typePtr == &cacheType && name->internalRep.twoPtrValue.ptr2 == data->server) {
        return name->internalRep.twoPtrValue.ptr1;
    }
    cache = NsTclCacheFind(data->server, Tcl_GetString(name));
    if (cache == NULL) {
        Ns_TclPrintfResult(interp, "no such cache: %s", Tcl_GetString(name));
        return NULL;
    }
    if (name->typePtr != NULL && name->typePtr->freeIntRepProc != NULL) {
        name->typePtr->freeIntRepProc(name);
    }
    name->typePtr = &cacheType;
    name->internalRep.twoPtrValue.ptr1 = cache;
    name->internalRep.twoPtrValue.ptr2 = data->server;
    return cache;
}

int
NsCacheAnswerResult(Tcl_Interp *interp, NsCacheAnswer answer, const char *key)
{
    int status = TCL_OK;

    if (answer == NS_CACHE_TIMEOUT) {
        Tcl_SetErrorCode(interp, "NS_TIMEOUT", (char *)NULL);
        Ns_TclPrintfResult(interp, "timeout waiting for concurrent update: %s", key);
        status = TCL_ERROR;
    } else if (answer == NS_CACHE_CIRCLE) {
        Ns_TclPrintfResult(interp, "waiting for concurrent update would never end: %s", key);
        status = TCL_ERROR;
    }
    return status;
}

/*
 * Making and configuring
 */
static bool
Sensible(Tcl_Interp *interp, const NsTclCacheSome *given)
{
    if (given->maxSize < -1 || given->maxEntry < -1) {
        Ns_TclPrintfResult(interp, "maxsize and maxentry must be positive numbers");
        return false;
    }
    return true;
}

static int
CreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp  *data = clientData;
    const char      *name;
    NsTclCacheSome   given = {0, 0, NULL, NULL};
    NsTclCacheParams params = {.maxSize = 0};
    Ns_ObjvSpec      opts[] = {
        {"-timeout", Ns_ObjvTime, &given.timeout, NULL}, {"-expires", Ns_ObjvTime, &given.expires, NULL},
        {"-maxentry", Ns_ObjvMemUnit, &given.maxEntry, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec      args[] = {
        {"cache", Ns_ObjvString, &name, NULL}, {"size", Ns_ObjvMemUnit, &given.maxSize, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (given.maxSize == -1 || given.maxEntry == -1) {
        given.maxSize = -2;
    }
    if (!Sensible(interp, &given)) {
        return TCL_ERROR;
    }
    NsTclCacheTake(&params, &given);
    Tcl_SetObjResult(interp, Tcl_NewIntObj(NsTclCacheCreate(data->server, name, &params) != NULL));
    return TCL_OK;
}

static void
AppendPair(Tcl_Obj *list, const char *name, Tcl_Obj *value)
{
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(name, -1));
    Tcl_ListObjAppendElement(NULL, list, value);
}

static int
ConfigureObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsTclCache      *cache;
    NsTclCacheSome   given = {-1, -1, NULL, NULL};
    NsTclCacheParams params;
    Tcl_Obj         *result;
    Ns_ObjvSpec      opts[] = {
        {"-timeout", Ns_ObjvTime, &given.timeout, NULL}, {"-expires", Ns_ObjvTime, &given.expires, NULL},
        {"-maxentry", Ns_ObjvMemUnit, &given.maxEntry, NULL}, {"-maxsize", Ns_ObjvMemUnit, &given.maxSize, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "/cache/ ?/arg .../?");
        return TCL_ERROR;
    }
    cache = NsCacheFromObj(clientData, interp, objv[1]);
    if (cache == NULL || Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK || !Sensible(interp, &given)) {
        return TCL_ERROR;
    }
    NsTclCacheConfigure(cache, &given, &params);
    result = Tcl_NewListObj(0, NULL);
    AppendPair(result, "maxsize", Tcl_NewWideIntObj((Tcl_WideInt)params.maxSize));
    AppendPair(result, "maxentry", Tcl_NewWideIntObj((Tcl_WideInt)params.maxEntry));
    AppendPair(result, "expires", params.hasExpires ? Ns_TclNewTimeObj(&params.expires) : Tcl_NewObj());
    AppendPair(result, "timeout", params.hasTimeout ? Ns_TclNewTimeObj(&params.timeout) : Tcl_NewObj());
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}

static int
NamesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;
    Tcl_Obj        *list;

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    NsTclCacheNames(data->server, list);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static int
ExistsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;
    const char     *name;
    Ns_ObjvSpec     args[] = {{"cache", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(NsTclCacheFind(data->server, name) != NULL));
    return TCL_OK;
}

static int
SizeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsTclCache *cache;
    Ns_Cache   *store;
    Tcl_Obj    *words[2];

    if (objc != 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "cache_name");
        return TCL_ERROR;
    }
    cache = NsCacheFromObj(clientData, interp, objv[1]);
    if (cache == NULL) {
        return TCL_ERROR;
    }
    store = NsTclCacheStore(cache);
    Ns_CacheLock(store);
    words[0] = Tcl_NewWideIntObj((Tcl_WideInt)Ns_CacheGetMaxSize(store));
    words[1] = Tcl_NewWideIntObj((Tcl_WideInt)NsCacheSize(store));
    Ns_CacheUnlock(store);
    Tcl_SetObjResult(interp, Tcl_NewListObj(2, words));
    return TCL_OK;
}

/*
 * Evaluating
 */

/* A `return -code` that means something else than a value is not one. */
static bool
IsValue(Tcl_Interp *interp, int code)
{
    bool     is = code == TCL_OK;
    Tcl_Obj *options, *key, *inner = NULL;
    int      value = TCL_OK;

    if (code == TCL_RETURN) {
        options = Tcl_GetReturnOptions(interp, code);
        key = Tcl_NewStringObj("-code", -1);
        Tcl_IncrRefCount(options);
        Tcl_IncrRefCount(key);
        is = Tcl_DictObjGet(NULL, options, key, &inner) != TCL_OK || inner == NULL
             || (Tcl_GetIntFromObj(NULL, inner, &value) == TCL_OK && value == TCL_OK);
        Tcl_DecrRefCount(key);
        Tcl_DecrRefCount(options);
    }
    return is;
}

static int
Compute(NsInterp *data, Tcl_Interp *interp, NsTclCache *cache, Ns_Entry *claim, const Ns_Time *expires, int wordc,
        Tcl_Obj *const *wordv)
{
    Ns_Time before, after, cost;
    int     code;

    NsGetMonotonicTime(&before);
    code = wordc == 1 ? Tcl_EvalObjEx(interp, wordv[0], 0) : Tcl_EvalObjv(interp, wordc, wordv, 0);
    if (IsValue(interp, code)) {
        NsGetMonotonicTime(&after);
        (void)Ns_DiffTime(&after, &before, &cost);
        /* The stack is asked for only now: the script may have begun or ended a transaction. */
        NsCacheFulfil(cache, claim, Tcl_GetObjResult(interp), expires,
                      cost.sec > 2000 ? 2000 * 1000000 : (int)(cost.sec * 1000000 + cost.usec), StackOf(data));
        code = TCL_OK;
    } else {
        NsCacheGiveUp(cache, claim);
    }
    return code;
}

int
NsCacheEval(NsInterp *data, Tcl_Interp *interp, NsTclCache *cache, const char *key, const NsCacheCall *call, int wordc,
            Tcl_Obj *const *wordv)
{
    Ns_Entry     *claim;
    NsCacheValue *value;
    Ns_Time       expires, *given = NULL;
    NsCacheAnswer answer = NsCacheAsk(cache, key, call->force != 0, call->timeout, StackOf(data), &value, &claim);

    if (answer == NS_CACHE_FOUND) {
        Tcl_SetObjResult(interp, NsCacheValueObj(value));
        NsCacheValueRelease(value);
        return TCL_OK;
    }
    if (answer == NS_CACHE_CLAIMED) {
        if (call->expires != NULL) {
            expires = *call->expires;          /* the script may overwrite it */
            given = &expires;
        }
        return Compute(data, interp, cache, claim, given, wordc, wordv);
    }
    return NsCacheAnswerResult(interp, answer, key);
}

/* Every program calls this all the time: no more is done with the arguments than needs to be. */
static int
EvalObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsTclCache *cache;
    Tcl_Obj    *name, *key;
    int         wordc = 0;
    NsCacheCall call = {0, NULL, NULL};
    Ns_ObjvSpec opts[] = {
        {"-timeout", Ns_ObjvTime, &call.timeout, NULL}, {"-expires", Ns_ObjvTime, &call.expires, NULL},
        {"-force", Ns_ObjvBool, &call.force, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"cache", Ns_ObjvObj, &name, NULL}, {"key", Ns_ObjvObj, &key, NULL}, {"args", Ns_ObjvArgs, &wordc, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    cache = NsCacheFromObj(clientData, interp, name);
    if (cache == NULL) {
        return TCL_ERROR;
    }
    return NsCacheEval(clientData, interp, cache, Tcl_GetString(key), &call, wordc, objv + objc - wordc);
}

/*
 * One value
 */
int
NsCacheGetResult(NsInterp *data, Tcl_Interp *interp, NsTclCache *cache, Tcl_Obj *key, Tcl_Obj *varName)
{
    NsCacheValue *value = NsCacheGet(cache, Tcl_GetString(key), StackOf(data));
    Tcl_Obj      *obj = value == NULL ? NULL : NsCacheValueObj(value);

    NsCacheValueRelease(value);
    if (obj == NULL && varName == NULL) {
        Ns_TclPrintfResult(interp, "no such key: %s", Tcl_GetString(key));
        return TCL_ERROR;
    }
    if (varName == NULL) {
        Tcl_SetObjResult(interp, obj);
        return TCL_OK;
    }
    if (obj != NULL && Tcl_ObjSetVar2(interp, varName, NULL, obj, TCL_LEAVE_ERR_MSG) == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(obj != NULL));
    return TCL_OK;
}

static int
GetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsTclCache *cache;

    if (objc != 3 && objc != 4) {
        Tcl_WrongNumArgs(interp, 1, objv, "/cache/ /key/ ?/varname/?");
        return TCL_ERROR;
    }
    cache = NsCacheFromObj(clientData, interp, objv[1]);
    return cache == NULL ? TCL_ERROR : NsCacheGetResult(clientData, interp, cache, objv[2], objc == 4 ? objv[3] : NULL);
}

/* Change the value of a key and give the new one. */
static int
Update(NsInterp *data, Tcl_Interp *interp, NsTclCache *cache, const char *key, const NsCacheCall *call, NsCacheChange *change,
       void *arg)
{
    Tcl_Obj      *result;
    NsCacheAnswer answer = NsCacheUpdate(cache, key, call->timeout, call->expires, StackOf(data), change, arg, &result);

    if (result != NULL) {
        Tcl_SetObjResult(interp, result);
    }
    return NsCacheAnswerResult(interp, answer, key);
}

typedef struct Increment {
    Tcl_WideInt by;
    bool        overflow;
    Tcl_Obj    *bad;                           /* what is no number, or NULL */
} Increment;

static bool
AddTo(NsNsvValue *value, void *arg)
{
    Increment  *increment = arg;
    Tcl_WideInt wide = 0;

    if ((value->kind != NS_NSV_TEXT || value->len > 0) && !NsNsvValueGetWide(value, &wide)) {
        increment->bad = NsNsvValueObj(value);
        return false;
    }
    increment->overflow = __builtin_add_overflow(wide, increment->by, &wide);
    if (!increment->overflow) {
        NsNsvValueSetWide(value, wide);
    }
    return !increment->overflow;
}

int
NsCacheIncr(NsInterp *data, Tcl_Interp *interp, NsTclCache *cache, const char *key, const NsCacheCall *call, Tcl_WideInt by)
{
    Increment   increment = {by, false, NULL};
    Tcl_WideInt ignored;
    int         status = Update(data, interp, cache, key, call, AddTo, &increment);

    if (increment.bad != NULL) {
        Tcl_IncrRefCount(increment.bad);
        status = Tcl_GetWideIntFromObj(interp, increment.bad, &ignored);
        Tcl_DecrRefCount(increment.bad);
    } else if (increment.overflow) {
        status = NsNsvOverflow(interp);
    }
    return status;
}

static int
IncrObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsTclCache *cache;
    Tcl_Obj    *name;
    const char *key;
    Tcl_WideInt by = 1;
    NsCacheCall call = {0, NULL, NULL};
    Ns_ObjvSpec opts[] = {
        {"-timeout", Ns_ObjvTime, &call.timeout, NULL}, {"-expires", Ns_ObjvTime, &call.expires, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"cache", Ns_ObjvObj, &name, NULL}, {"key", Ns_ObjvString, &key, NULL}, {"?incr", Ns_ObjvWideInt, &by, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    cache = NsCacheFromObj(clientData, interp, name);
    return cache == NULL ? TCL_ERROR : NsCacheIncr(clientData, interp, cache, key, &call, by);
}

typedef struct Addition {
    bool            elements;
    int             wordc;
    Tcl_Obj *const *wordv;
    bool            fits;
} Addition;

static bool
AppendTo(NsNsvValue *value, void *arg)
{
    Addition *addition = arg;

    addition->fits = NsNsvValueAppendAll(value, addition->elements, addition->wordc, addition->wordv);
    return addition->fits;
}

int
NsCacheAppend(NsInterp *data, Tcl_Interp *interp, NsTclCache *cache, const char *key, const NsCacheCall *call, bool elements,
              int wordc, Tcl_Obj *const *wordv)
{
    Addition addition = {elements, wordc, wordv, true};
    int      status;

    NsNsvMakeTexts(wordc, wordv);
    status = Update(data, interp, cache, key, call, AppendTo, &addition);
    return addition.fits ? status : NsNsvTooLong(interp, key);
}

static int
AppendArgs(NsInterp *data, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool elements)
{
    NsTclCache *cache;
    Tcl_Obj    *name;
    const char *key;
    int         wordc = 0;
    NsCacheCall call = {0, NULL, NULL};
    Ns_ObjvSpec opts[] = {
        {"-timeout", Ns_ObjvTime, &call.timeout, NULL}, {"-expires", Ns_ObjvTime, &call.expires, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"cache", Ns_ObjvObj, &name, NULL}, {"key", Ns_ObjvString, &key, NULL}, {"args", Ns_ObjvArgs, &wordc, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    cache = NsCacheFromObj(data, interp, name);
    if (cache == NULL) {
        return TCL_ERROR;
    }
    return NsCacheAppend(data, interp, cache, key, &call, elements, wordc, objv + objc - wordc);
}

static int
AppendObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return AppendArgs(clientData, interp, objc, objv, false);
}

static int
LappendObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return AppendArgs(clientData, interp, objc, objv, true);
}

static bool
Replace(NsNsvValue *value, void *arg)
{
    NsNsvValueSet(value, arg);
    return true;
}

int
NsCacheSet(NsInterp *data, Tcl_Interp *interp, NsTclCache *cache, const char *key, Tcl_Obj *value)
{
    NsNsvPrepare(value);
    return Update(data, interp, cache, key, &(NsCacheCall){0, NULL, NULL}, Replace, value);
}

/*
 * All of them
 */
static int
FlushObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsTclCache *cache;
    Tcl_Obj    *name;
    int         glob = 0, wordc = 0, count = 0;
    Ns_ObjvSpec opts[] = {
        {"-glob", Ns_ObjvBool, &glob, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"cache", Ns_ObjvObj, &name, NULL}, {"?args", Ns_ObjvArgs, &wordc, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    cache = NsCacheFromObj(clientData, interp, name);
    if (cache == NULL) {
        return TCL_ERROR;
    }
    if (wordc == 0) {
        count = NsCacheFlushAll(cache, NULL);
    }
    for (int i = objc - wordc; i < objc; i++) {
        const char *word = Tcl_GetString(objv[i]);

        count += glob ? NsCacheFlushAll(cache, word) : NsCacheFlushKey(cache, word);
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(count));
    return TCL_OK;
}

static int
KeysObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp   *data = clientData;
    NsTclCache *cache;
    Tcl_Obj    *name, *list;
    const char *pattern = NULL;
    int         exact = 0;
    Ns_ObjvSpec opts[] = {
        {"-exact", Ns_ObjvBool, &exact, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"cache", Ns_ObjvObj, &name, NULL}, {"?pattern", Ns_ObjvString, &pattern, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    cache = NsCacheFromObj(data, interp, name);
    if (cache == NULL) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    if (exact && pattern != NULL) {
        if (NsCacheHas(cache, pattern, StackOf(data))) {
            Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(pattern, -1));
        }
    } else {
        NsCacheKeys(cache, pattern, StackOf(data), list);
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

int
NsCacheStatsResult(Tcl_Interp *interp, NsTclCache *cache)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    (void)Ns_CacheStats(NsTclCacheStore(cache), &ds);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

static int
StatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp   *data = clientData;
    NsTclCache *cache;
    Tcl_Obj    *name, *list;
    int         contents = 0, reset = 0;
    Ns_ObjvSpec opts[] = {
        {"-contents", Ns_ObjvBool, &contents, NULL}, {"-reset", Ns_ObjvBool, &reset, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"cache", Ns_ObjvObj, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    cache = NsCacheFromObj(data, interp, name);
    if (cache == NULL) {
        return TCL_ERROR;
    }
    if (contents) {
        list = Tcl_NewListObj(0, NULL);
        NsCacheContents(cache, StackOf(data), list);
        Tcl_SetObjResult(interp, list);
    } else {
        (void)NsCacheStatsResult(interp, cache);
    }
    if (reset) {
        Ns_CacheLock(NsTclCacheStore(cache));
        Ns_CacheResetStats(NsTclCacheStore(cache));
        Ns_CacheUnlock(NsTclCacheStore(cache));
    }
    return TCL_OK;
}

/*
 * Transactions
 */
static void
EndAll(NsInterp *data, bool commit)
{
    while (data->cacheTransactions->depth > 0) {
        (void)NsCacheEnd(data->server, data->cacheTransactions, commit);
    }
}

/* The work is over: what is not committed by now never will be. */
static void
EndLeft(Tcl_Interp *interp, void *arg)
{
    NsInterp *data = NsGetInterpData(interp);
    unsigned  depth = data->cacheTransactions->depth;

    if (depth > 0) {
        EndAll(data, false);
        Ns_Log(Warning, "cache: %u transactions were left open, and are rolled back", depth);
    }
    ns_free(data->cacheTransactions);
    data->cacheTransactions = NULL;
}

static int
BeginObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp *data = clientData;

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (data->cacheTransactions == NULL) {
        data->cacheTransactions = ns_calloc(1, sizeof(*data->cacheTransactions));
        NsInterpDefer(interp, EndLeft, NULL);
    }
    if (!NsCacheBegin(data->cacheTransactions)) {
        Ns_TclPrintfResult(interp, "cache transactions are nested too deeply: more than %d", NS_CACHE_MAX_TRANSACTION_DEPTH);
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj((int)data->cacheTransactions->depth));
    return TCL_OK;
}

static int
End(NsInterp *data, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool commit)
{
    int         all = 0;
    Ns_ObjvSpec opts[] = {{"-all", Ns_ObjvBool, &all, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (all) {
        if (data->cacheTransactions != NULL) {
            EndAll(data, commit);
        }
        return TCL_OK;
    }
    if (data->cacheTransactions == NULL || data->cacheTransactions->depth == 0) {
        Ns_TclPrintfResult(interp, "no cache transaction active");
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)NsCacheEnd(data->server, data->cacheTransactions, commit)));
    return TCL_OK;
}

static int
CommitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return End(clientData, interp, objc, objv, true);
}

static int
RollbackObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return End(clientData, interp, objc, objv, false);
}

extern const NsCmd nsCacheCmds[];
const NsCmd nsCacheCmds[] = {
    {"ns_cache_append",               AppendObjCmd,    NS_CMD_SERVER},
    {"ns_cache_configure",            ConfigureObjCmd, NS_CMD_SERVER},
    {"ns_cache_create",               CreateObjCmd,    NS_CMD_SERVER},
    {"ns_cache_eval",                 EvalObjCmd,      NS_CMD_SERVER},
    {"ns_cache_exists",               ExistsObjCmd,    NS_CMD_SERVER},
    {"ns_cache_flush",                FlushObjCmd,     NS_CMD_SERVER},
    {"ns_cache_get",                  GetObjCmd,       NS_CMD_SERVER},
    {"ns_cache_incr",                 IncrObjCmd,      NS_CMD_SERVER},
    {"ns_cache_keys",                 KeysObjCmd,      NS_CMD_SERVER},
    {"ns_cache_lappend",              LappendObjCmd,   NS_CMD_SERVER},
    {"ns_cache_names",                NamesObjCmd,     NS_CMD_SERVER},
    {"ns_cache_size",                 SizeObjCmd,      NS_CMD_SERVER},
    {"ns_cache_stats",                StatsObjCmd,     NS_CMD_SERVER},
    {"ns_cache_transaction_begin",    BeginObjCmd,     NS_CMD_SERVER},
    {"ns_cache_transaction_commit",   CommitObjCmd,    NS_CMD_SERVER},
    {"ns_cache_transaction_rollback", RollbackObjCmd,  NS_CMD_SERVER},
    {NULL, NULL, 0}
};
