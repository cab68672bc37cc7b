/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_memoize, which needs no cache of its own, and ns_cache as AOLserver has it; both on the caches of ns_cache_*.
 */
#include <limits.h>
#include "cmd/data/cachecmd.h"
#include "interp/objv.h"

/* The key is what is evaluated. */
static int
MemoizeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp   *data = clientData;
    int         wordc = 0, code;
    NsCacheCall call = {0, NULL, NULL};
    Tcl_Obj    *key;
    Ns_ObjvSpec opts[] = {
        {"-timeout", Ns_ObjvTime, &call.timeout, NULL}, {"-expires", Ns_ObjvTime, &call.expires, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"args", Ns_ObjvArgs, &wordc, NULL}, {NULL, NULL, NULL, NULL}};

    if (objc < 2) {
        Ns_TclPrintfResult(interp, "wrong # args: should be \"?-timeout /timeout/? ?-expires /expires/? ?--? /script/ ?/args/?\"");
        Tcl_SetErrorCode(interp, "TCL", "WRONGARGS", NULL);
        return TCL_ERROR;
    }
    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    key = wordc == 1 ? objv[objc - 1] : Tcl_NewListObj(wordc, objv + objc - wordc);
    Tcl_IncrRefCount(key);
    code = NsCacheEval(data, interp, NsTclCacheMemoize(data->server), Tcl_GetString(key), &call, wordc, objv + objc - wordc);
    Tcl_DecrRefCount(key);
    return code;
}

static int
MemoizeFlushObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;
    const char     *pattern = NULL;
    Ns_ObjvSpec     args[] = {{"?pattern", Ns_ObjvString, &pattern, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(NsCacheFlushAll(NsTclCacheMemoize(data->server), pattern)));
    return TCL_OK;
}

static int
MemoizeStatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return NsCacheStatsResult(interp, NsTclCacheMemoize(data->server));
}

/*
 * ns_cache
 */
static int
OldCreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp  *data = clientData;
    const char      *name;
    Tcl_WideInt      size = 0;
    Ns_Time         *timeout = NULL;
    Ns_ObjvValueRange sizes = {0, LLONG_MAX};
    NsTclCacheParams params = {.maxSize = 0};
    Ns_ObjvSpec      args[] = {{"cache", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec      opts[] = {
        {"-size", Ns_ObjvMemUnit, &size, &sizes}, {"-timeout", Ns_ObjvTime, &timeout, NULL}, {NULL, NULL, NULL, NULL}
    };

    /* Here the options come last. */
    if (Ns_ParseObjv(NULL, args, interp, 2, objc < 3 ? objc : 3, objv) != NS_OK
        || Ns_ParseObjv(opts, NULL, interp, 3, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    params.maxSize = (size_t)size;
    if (timeout != NULL) {
        params.expires = *timeout;
        params.hasExpires = true;
    }
    if (NsTclCacheCreate(data->server, name, &params) == NULL) {
        Ns_TclPrintfResult(interp, "duplicate cache name: %s", name);
        return TCL_ERROR;
    }
    return TCL_OK;
}

/* The subcommands that take "cache ?key? ...": one of a table, with the words behind the cache. */
typedef struct OldCall {
    NsInterp       *data;
    Tcl_Interp     *interp;
    NsTclCache     *cache;
    int             wordc;
    Tcl_Obj *const *wordv;
} OldCall;

static const NsCacheCall plain = {0, NULL, NULL};

static int
OldEval(const OldCall *c)
{
    return NsCacheEval(c->data, c->interp, c->cache, Tcl_GetString(c->wordv[0]), &plain, 1, c->wordv + 1);
}

static int
OldGet(const OldCall *c)
{
    return NsCacheGetResult(c->data, c->interp, c->cache, c->wordv[0], c->wordc > 1 ? c->wordv[1] : NULL);
}

static int
OldSet(const OldCall *c)
{
    return NsCacheSet(c->data, c->interp, c->cache, Tcl_GetString(c->wordv[0]), c->wordv[1]);
}

static int
OldIncr(const OldCall *c)
{
    Tcl_WideInt by = 1;

    if (c->wordc > 1 && Tcl_GetWideIntFromObj(c->interp, c->wordv[1], &by) != TCL_OK) {
        return TCL_ERROR;
    }
    return NsCacheIncr(c->data, c->interp, c->cache, Tcl_GetString(c->wordv[0]), &plain, by);
}

static int
OldAppend(const OldCall *c)
{
    return NsCacheAppend(c->data, c->interp, c->cache, Tcl_GetString(c->wordv[0]), &plain, false, c->wordc - 1, c->wordv + 1);
}

static int
OldLappend(const OldCall *c)
{
    return NsCacheAppend(c->data, c->interp, c->cache, Tcl_GetString(c->wordv[0]), &plain, true, c->wordc - 1, c->wordv + 1);
}

static int
OldFlush(const OldCall *c)
{
    (void)NsCacheFlushKey(c->cache, Tcl_GetString(c->wordv[0]));
    return TCL_OK;
}

static int
OldNames(const OldCall *c)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);

    NsCacheKeys(c->cache, c->wordc > 0 ? Tcl_GetString(c->wordv[0]) : NULL, c->data->cacheTransactions, list);
    Tcl_SetObjResult(c->interp, list);
    return TCL_OK;
}

static const struct {
    const char *name;
    int         min, max;                      /* words behind the cache */
    int       (*proc)(const OldCall *call);
    const char *usage;
} oldSubcmds[] = {
    {"append",  2, INT_MAX, OldAppend,  "/cache/ /key/ /arg .../"},
    {"create",  0, INT_MAX, NULL,       ""},
    {"eval",    2, 2,       OldEval,    "/cache/ /key/ /script/"},
    {"flush",   1, 1,       OldFlush,   "/cache/ /key/"},
    {"get",     1, 2,       OldGet,     "/cache/ /key/ ?/varname/?"},
    {"incr",    1, 2,       OldIncr,    "/cache/ /key/ ?/incr/?"},
    {"lappend", 2, INT_MAX, OldLappend, "/cache/ /key/ /arg .../"},
    {"names",   0, 1,       OldNames,   "/cache/ ?/pattern/?"},
    {"set",     2, 2,       OldSet,     "/cache/ /key/ /value/"},
    {NULL, 0, 0, NULL, NULL}
};

static int
CacheObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    OldCall call = {clientData, interp, NULL, objc - 3, objv + 3};
    int     index = NsSubcmdIndex(oldSubcmds, sizeof(oldSubcmds[0]), interp, objc, objv);

    if (index < 0) {
        return TCL_ERROR;
    }
    if (oldSubcmds[index].proc == NULL) {
        return OldCreateObjCmd(clientData, interp, objc, objv);
    }
    if (call.wordc < oldSubcmds[index].min || call.wordc > oldSubcmds[index].max) {
        Tcl_WrongNumArgs(interp, 2, objv, oldSubcmds[index].usage);
        return TCL_ERROR;
    }
    call.cache = NsCacheFromObj(clientData, interp, objv[2]);
    return call.cache == NULL ? TCL_ERROR : oldSubcmds[index].proc(&call);
}

extern const NsCmd nsMemoizeCmds[];
const NsCmd nsMemoizeCmds[] = {
    {"ns_cache",         CacheObjCmd,        NS_CMD_SERVER},
    {"ns_memoize",       MemoizeObjCmd,      NS_CMD_SERVER},
    {"ns_memoize_flush", MemoizeFlushObjCmd, NS_CMD_SERVER},
    {"ns_memoize_stats", MemoizeStatsObjCmd, NS_CMD_SERVER},
    {NULL, NULL, 0}
};
