/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_server: a virtual server, its pools and what is registered for it.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/dict.h"
#include "interp/blueprint.h"
#include "cmd/cmds.h"
#include "request/conn.h"
#include "request/fastpath.h"
#include "request/filter.h"
#include "interp/interp.h"
#include "conf/logconf.h"
#include "interp/modload.h"
#include "request/op.h"
#include "driver/pacing.h"
#include "request/urlspace.h"

typedef struct Call {
    Tcl_Interp     *interp;
    NsServer       *server;
    NsPool         *pool;
    int             nargs;
    Tcl_Obj *const *args;                      /* what follows the subcommand */
    Tcl_Obj       *words[2];                   /* command and subcommand, for messages */
} Call;

typedef int (ServerProc)(const Call *call);

/* Parse the arguments of a subcommand. */
static Ns_ReturnCode
Parse(const Call *call, Ns_ObjvSpec *opts, Ns_ObjvSpec *args)
{
    Tcl_Obj *objv[16];
    int      i, n = call->nargs < 14 ? call->nargs : 14;

    objv[0] = call->words[0];
    objv[1] = call->words[1];
    for (i = 0; i < n; i++) {
        objv[i + 2] = call->args[i];
    }
    return Ns_ParseObjv(opts, args, call->interp, 2, n + 2, objv);
}

/* What was written into a DString, which is freed. */
static Tcl_Obj *
TakeObj(Tcl_DString *ds)
{
    Tcl_Obj *obj = Tcl_NewStringObj(Tcl_DStringValue(ds), Tcl_DStringLength(ds));

    Tcl_DStringFree(ds);
    return obj;
}

static void
PutTime(Tcl_Obj *dict, const char *key, const Ns_Time *value)
{
    NsDictPut(dict, key, Tcl_ObjPrintf("%ld.%06ld", value->sec, value->usec));
}

/* ------------------------------------------------------------------------------------------------ requests in the pool */

typedef struct ConnList {
    Tcl_DString ds;
    const char *state;
    int         count;
} ConnList;

/*
 * Under the pool's lock: {conn peer state method url seconds bytes}.  The request runs meanwhile: looked at is only what does not change
 * then.  So it is the request as it came; what it is redirected to within the server is its thread's business.
 */
static void
AppendConn(const struct NsConn *conn, void *arg)
{
    ConnList         *list = arg;
    const Ns_Request *request = &conn->http->request;
    char              text[64];
    Ns_Time           now, diff;

    list->count++;
    Tcl_DStringStartSublist(&list->ds);
    snprintf(text, sizeof text, "conn%llu", (unsigned long long)conn->id);
    Tcl_DStringAppendElement(&list->ds, text);
    Tcl_DStringAppendElement(&list->ds, ns_inet_ntop(&conn->sockInfo.peer.sa, text, sizeof text));
    Tcl_DStringAppendElement(&list->ds, list->state);
    Tcl_DStringAppendElement(&list->ds, request->method != NULL ? request->method : "?");
    Tcl_DStringAppendElement(&list->ds, request->url != NULL ? request->url : "?");
    NsGetMonotonicTime(&now);
    (void)Ns_DiffTime(&now, &conn->queueTime, &diff);
    snprintf(text, sizeof text, "%ld.%06ld", diff.sec, diff.usec);
    Tcl_DStringAppendElement(&list->ds, text);
    snprintf(text, sizeof text, "%zu", atomic_load_explicit(&conn->contentSent, memory_order_relaxed));
    Tcl_DStringAppendElement(&list->ds, text);
    Tcl_DStringEndSublist(&list->ds);
}

static int
ListConns(const Call *call, bool running, bool queued)
{
    ConnList list = {.count = 0};
    int      checkForProxy = 0;
    Ns_ObjvSpec opts[] = {
        {"-checkforproxy", Ns_ObjvBool, &checkForProxy, (void *)1},
        {NULL, NULL, NULL, NULL}
    };

    if (Parse(call, opts, NULL) != NS_OK) {
        return TCL_ERROR;
    }
    if (checkForProxy) {
        Ns_TclPrintfResult(call->interp, "-checkforproxy is not supported here: headers of proxies are not looked at");
        return TCL_ERROR;
    }
    Tcl_DStringInit(&list.ds);
    if (running) {
        list.state = "running";
        NsPoolEachConn(call->pool, true, AppendConn, &list);
    }
    if (queued) {
        list.state = "queued";
        NsPoolEachConn(call->pool, false, AppendConn, &list);
    }
    Tcl_DStringResult(call->interp, &list.ds);
    return TCL_OK;
}

static int ServerActive(const Call *call) { return ListConns(call, true, false); }
static int ServerAll(const Call *call)    { return ListConns(call, true, true); }
static int ServerQueued(const Call *call) { return ListConns(call, false, true); }

static NsPoolStats
StatsOf(const Call *call)
{
    NsPoolStats stats;

    NsPoolGetStats(call->pool, &stats);
    return stats;
}

static Tcl_Obj *
WaitingObj(const Call *call)
{
    return Tcl_NewIntObj(StatsOf(call).waiting);
}

static Tcl_Obj *
ConnectionsObj(const Call *call)
{
    return Tcl_NewWideIntObj((Tcl_WideInt)StatsOf(call).requests);
}

static Tcl_Obj *
StatsObj(const Call *call)
{
    NsPoolStats stats = StatsOf(call);
    Tcl_Obj    *dict = Tcl_NewDictObj();

    NsDictPutNumber(dict, "requests", (int64_t)stats.requests);
    NsDictPutNumber(dict, "spools", (int64_t)stats.spools);
    NsDictPutNumber(dict, "queued", (int64_t)stats.queued);
    NsDictPutNumber(dict, "dropped", (int64_t)stats.dropped);
    NsDictPutNumber(dict, "sent", (int64_t)stats.sent);
    NsDictPutNumber(dict, "connthreads", stats.currentThreads);
    PutTime(dict, "accepttime", &stats.acceptTime);
    PutTime(dict, "queuetime", &stats.queueTime);
    PutTime(dict, "filtertime", &stats.filterTime);
    PutTime(dict, "runtime", &stats.runTime);
    PutTime(dict, "tracetime", &stats.traceTime);
    return dict;
}

static Tcl_Obj *
ThreadsObj(const Call *call)
{
    NsPoolStats stats = StatsOf(call);
    Tcl_Obj    *dict = Tcl_NewDictObj();

    NsDictPutNumber(dict, "min", stats.minThreads);
    NsDictPutNumber(dict, "max", stats.maxThreads);
    NsDictPutNumber(dict, "current", stats.currentThreads);
    NsDictPutNumber(dict, "idle", stats.idleThreads);
    NsDictPutNumber(dict, "stopping", 0);      /* a thread that ends is not in the pool any more */
    return dict;
}

/* ns_server minthreads|maxthreads ?value?: neither passes the other. */
static int
ThreadLimit(const Call *call, bool max)
{
    NsPoolStats       stats = StatsOf(call);
    int               value = -1;
    Ns_ObjvValueRange range = {1, stats.maxThreads};
    Ns_ObjvSpec       args[] = {{"?value", Ns_ObjvInt, &value, &range}, {NULL, NULL, NULL, NULL}};

    if (max) {
        range = (Ns_ObjvValueRange){stats.minThreads > 0 ? stats.minThreads : 1, INT32_MAX};
    }
    if (Parse(call, NULL, args) != NS_OK) {
        return TCL_ERROR;
    }
    if (value != -1) {
        (void)NsPoolSetThreads(call->pool, max ? -1 : value, max ? value : -1);
        stats = StatsOf(call);
    }
    Tcl_SetObjResult(call->interp, Tcl_NewIntObj(max ? stats.maxThreads : stats.minThreads));
    return TCL_OK;
}

static int ServerMaxThreads(const Call *call) { return ThreadLimit(call, true); }
static int ServerMinThreads(const Call *call) { return ThreadLimit(call, false); }

/* Kilobytes per second; 0: no limit. */
static int
RateLimit(const Call *call, int64_t (*get)(NsPool *pool), void (*set)(NsPool *pool, int64_t rate))
{
    int               value = -1;
    Ns_ObjvValueRange range = {0, INT_MAX};
    Ns_ObjvSpec       args[] = {{"?value", Ns_ObjvInt, &value, &range}, {NULL, NULL, NULL, NULL}};

    if (Parse(call, NULL, args) != NS_OK) {
        return TCL_ERROR;
    }
    if (value >= 0) {
        int64_t rate = (int64_t)value * 1024;

        set(call->pool, rate < NS_MAX_RATE ? rate : NS_MAX_RATE);
    }
    Tcl_SetObjResult(call->interp, Tcl_NewWideIntObj((Tcl_WideInt)NsRateKilobytes(get(call->pool))));
    return TCL_OK;
}

static int
ServerConnectionRateLimit(const Call *call)
{
    return RateLimit(call, NsPoolConnectionRate, NsPoolSetConnectionRate);
}

static int
ServerPoolRateLimit(const Call *call)
{
    return RateLimit(call, NsPoolGetRate, NsPoolSetRate);
}

/* --------------------------------------------------------------------------------------------------------------- pools */

static bool
AppendPool(NsPool *pool, void *arg)
{
    Tcl_DStringAppendElement(arg, NsPoolName(pool));
    return true;
}

/* The default pool, whose name is empty, comes last. */
static Tcl_Obj *
PoolsObj(const Call *call)
{
    Tcl_DString  ds;
    Tcl_Obj     *all, *list, **elems;
    int          i, n = 0;
    bool         hasDefault = false;

    Tcl_DStringInit(&ds);
    (void)NsPoolEach(call->server, AppendPool, &ds);
    all = TakeObj(&ds);
    Tcl_IncrRefCount(all);
    list = Tcl_NewListObj(0, NULL);
    (void)Tcl_ListObjGetElements(NULL, all, &n, &elems);
    for (i = 0; i < n; i++) {
        if (*Tcl_GetString(elems[i]) == '\0') {
            hasDefault = true;
        } else {
            (void)Tcl_ListObjAppendElement(NULL, list, elems[i]);
        }
    }
    if (hasDefault) {
        (void)Tcl_ListObjAppendElement(NULL, list, Tcl_NewObj());
    }
    Tcl_DecrRefCount(all);
    return list;
}

/* Method, URL and constraints of a map specification, e.g. "GET /side {User-Agent *bot*}". */
typedef struct MapSpec {
    const char  **words;
    const char   *method, *url, *constraints;
} MapSpec;

static int
ParseMapSpec(const Call *call, const char *text, MapSpec *spec)
{
    int n;

    if (Tcl_SplitList(NULL, text, &n, &spec->words) != TCL_OK) {
        spec->words = NULL;
        n = 0;
    }
    if (n < 2 || n > 3 || spec->words[1][0] != '/') {
        Ns_TclPrintfResult(call->interp, "invalid mapspec '%s'; must be 2- or 3-element list containing HTTP method, "
                           "plain URL path, and optionally a filtercontext", text);
        if (spec->words != NULL) {
            Tcl_Free((char *)spec->words);
        }
        return TCL_ERROR;
    }
    spec->method = spec->words[0];
    spec->url = spec->words[1];
    spec->constraints = n == 3 ? spec->words[2] : "";
    return TCL_OK;
}

typedef struct MapList {
    const NsPool *pool;
    Tcl_Obj      *list;
} MapList;

static void
AppendMapping(const NsUrlEntry *entry, void *arg)
{
    MapList    *maps = arg;
    Tcl_DString ds;

    if (entry->data != maps->pool) {
        return;
    }
    Tcl_DStringInit(&ds);
    Tcl_DStringAppendElement(&ds, entry->key);
    Tcl_DStringAppendElement(&ds, entry->path);
    Tcl_DStringAppendElement(&ds, entry->pattern != NULL ? entry->pattern : "*");
    Tcl_DStringAppendElement(&ds, entry->inherit ? "inherit" : "noinherit");
    if (*entry->constraints != '\0') {
        Tcl_DStringAppendElement(&ds, entry->constraints);
    }
    (void)Tcl_ListObjAppendElement(NULL, maps->list, TakeObj(&ds));
}

/* ns_server map ?-noinherit? ?mapspec? */
static int
ServerMap(const Call *call)
{
    int            noInherit = 0;
    char          *text = NULL;
    MapSpec        spec;
    NsConstraints *constraints = NULL;
    Ns_ObjvSpec    opts[] = {{"-noinherit", Ns_ObjvBool, &noInherit, (void *)1}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec    args[] = {{"?mapspec", Ns_ObjvString, &text, NULL}, {NULL, NULL, NULL, NULL}};

    if (Parse(call, opts, args) != NS_OK) {
        return TCL_ERROR;
    }
    if (text == NULL) {
        MapList maps = {call->pool, Tcl_NewListObj(0, NULL)};

        NsUrlSpaceWalk(NsPoolMapSpace(call->server), AppendMapping, &maps);
        Tcl_SetObjResult(call->interp, maps.list);
        return TCL_OK;
    }
    if (ParseMapSpec(call, text, &spec) != TCL_OK) {
        return TCL_ERROR;
    }
    if (NsConstraintsParse(call->interp, spec.constraints, &constraints) != NS_OK) {
        Tcl_Free((char *)spec.words);
        return TCL_ERROR;
    }
    NsUrlSpaceSet(NsPoolMapSpace(call->server), spec.method, spec.url, call->pool, noInherit ? NS_URL_NOINHERIT : 0,
                  constraints);
    Tcl_Free((char *)spec.words);
    return TCL_OK;
}

/* ns_server mapped ?-all? ?-exact? ?-noinherit? mapspec: the pool that serves it; with -all how it was mapped as well */
static int
ServerMapped(const Call *call)
{
    int           all = 0, exact = 0, noInherit = 0;
    char         *text = NULL;
    MapSpec       spec;
    const NsPool *pool;
    unsigned      flags;
    Ns_ObjvSpec   opts[] = {
        {"-all",       Ns_ObjvBool, &all,       (void *)1},
        {"-exact",     Ns_ObjvBool, &exact,     (void *)1},
        {"-noinherit", Ns_ObjvBool, &noInherit, (void *)1},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec   args[] = {{"mapspec", Ns_ObjvString, &text, NULL}, {NULL, NULL, NULL, NULL}};

    if (Parse(call, opts, args) != NS_OK || ParseMapSpec(call, text, &spec) != TCL_OK) {
        return TCL_ERROR;
    }
    flags = (exact ? NS_URL_EXACT : 0u) | (noInherit ? NS_URL_NOINHERIT : 0u);
    pool = NsUrlSpaceFind(NsPoolMapSpace(call->server), spec.method, spec.url, flags, NULL);
    if (all) {
        Tcl_Obj *dict = Tcl_NewDictObj();

        NsDictPut(dict, "pool", Tcl_NewStringObj(pool != NULL ? NsPoolName(pool) : "", -1));
        NsDictPutText(dict, "method", spec.method);
        NsDictPutText(dict, "url", spec.url);
        Tcl_SetObjResult(call->interp, dict);
    } else if (pool != NULL) {
        Tcl_SetObjResult(call->interp, Tcl_NewStringObj(NsPoolName(pool), -1));
    }
    Tcl_Free((char *)spec.words);
    return TCL_OK;
}

/* ns_server unmap ?-noinherit? mapspec: was there something? */
static int
ServerUnmap(const Call *call)
{
    int         noInherit = 0;
    char       *text = NULL;
    MapSpec     spec;
    bool        done;
    Ns_ObjvSpec opts[] = {{"-noinherit", Ns_ObjvBool, &noInherit, (void *)1}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec args[] = {{"mapspec", Ns_ObjvString, &text, NULL}, {NULL, NULL, NULL, NULL}};

    if (Parse(call, opts, args) != NS_OK || ParseMapSpec(call, text, &spec) != TCL_OK) {
        return TCL_ERROR;
    }
    done = NsUrlSpaceUnset(NsPoolMapSpace(call->server), spec.method, spec.url,
                           (noInherit ? NS_URL_NOINHERIT : 0u) | NS_URL_ALLCONSTRAINTS);
    Tcl_SetObjResult(call->interp, Tcl_NewBooleanObj(done));
    Tcl_Free((char *)spec.words);
    return TCL_OK;
}

/* -------------------------------------------------------------------------------------------------------- the server */

static Tcl_Obj *
CharsetObj(const Call *call)
{
    Tcl_DString ds;
    const char *section = call->server->section;

    Tcl_DStringInit(&ds);
    Tcl_DStringAppendElement(&ds, "output");
    Tcl_DStringAppendElement(&ds, call->server->opts.outputCharset);
    Tcl_DStringAppendElement(&ds, "url");
    Tcl_DStringAppendElement(&ds, call->server->opts.urlCharset);
    Tcl_DStringAppendElement(&ds, "formfallback");
    Tcl_DStringAppendElement(&ds, Ns_ConfigString(section, "formfallbackcharset",
                                                  Ns_ConfigString("ns/parameters", "formfallbackcharset", "")));
    return TakeObj(&ds);
}

static Tcl_Obj *
FilterListObj(const Call *call, unsigned when)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    NsFilterList(call->server, &ds, when);
    return TakeObj(&ds);
}

static Tcl_Obj *FiltersObj(const Call *call) { return FilterListObj(call, NS_FILTER_PRE_AUTH | NS_FILTER_POST_AUTH); }
static Tcl_Obj *TracesObj(const Call *call)  { return FilterListObj(call, NS_FILTER_TRACE | NS_FILTER_VOID_TRACE); }

typedef struct HostWalk {
    const NsServer *server;
    Tcl_Obj        *list;
} HostWalk;

static bool
AppendHosts(NsDriver *driver, void *arg)
{
    HostWalk *walk = arg;

    NsDriverAppendHosts(driver, walk->server, walk->list);
    return true;
}

static Tcl_Obj *
HostsObj(const Call *call)
{
    HostWalk walk = {call->server, NULL};

    walk.list = Tcl_NewListObj(0, NULL);
    NsDriverEach(AppendHosts, &walk);
    return walk.list;
}

static bool
CountWaiting(NsDriver *driver, void *arg)
{
    Tcl_Obj *dict = Tcl_NewDictObj(), *key = Tcl_NewStringObj("waiting", -1), *value = NULL;
    int      waiting = 0;

    NsDriverAppendStats(driver, dict);
    if (Tcl_DictObjGet(NULL, dict, key, &value) == TCL_OK && value != NULL
        && Tcl_GetIntFromObj(NULL, value, &waiting) == TCL_OK) {
        *(int *)arg += waiting;
    }
    Tcl_DecrRefCount(dict);
    Tcl_DecrRefCount(key);
    return true;
}

/* Connections kept open for the next request, of all servers: which one it will be for is not known. */
static Tcl_Obj *
KeepAliveObj(const Call *call)
{
    int count = 0;

    NsDriverEach(CountWaiting, &count);
    return Tcl_NewIntObj(count);
}

static Tcl_Obj *
LogDirObj(const Call *call)
{
    return Tcl_NewStringObj(Ns_ConfigString(call->server->section, "logdir", NsLogDir()), -1);
}

static Tcl_Obj *
ModulesObj(const Call *call)
{
    Tcl_Obj *list;

    list = Tcl_NewListObj(0, NULL);
    NsModulesList(call->server, list);
    return list;
}

static Tcl_Obj *
PageDirObj(const Call *call)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    (void)NsPagePath(&ds, call->server);
    return TakeObj(&ds);
}

static Tcl_Obj *
ServerDirObj(const Call *call)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    (void)NsServerPath(&ds, call->server);
    return TakeObj(&ds);
}

static Tcl_Obj *
RequestProcsObj(const Call *call)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    NsOpList(call->server, &ds);
    return TakeObj(&ds);
}

static Tcl_Obj *
Url2FileObj(const Call *call)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    NsUrl2FileList(call->server, &ds);
    return TakeObj(&ds);
}

static Tcl_Obj *RealmObj(const Call *call)  { return Tcl_NewStringObj(call->server->opts.realm, -1); }
static Tcl_Obj *TclLibObj(const Call *call) { return Tcl_NewStringObj(NsTclLibrary(call->server), -1); }

static Tcl_Obj *
VhostEnabledObj(const Call *call)
{
    return Tcl_NewBooleanObj(0);               /* folders by host are not there: see ns_pagepath */
}

typedef enum {
    ACTIVE, ALL, AUTHPROCS, CHARSET, CONNECTIONRATELIMIT, CONNECTIONS, FILTERS, HOSTS, KEEPALIVE, LOGDIR, MAP,
    MAPPED, MAXTHREADS, MINTHREADS, MODULES, PAGEDIR, POOLRATELIMIT, POOLS, QUEUED, REALM, REQUESTPROCS, SERVERDIR,
    STATS, TCLLIB, THREADS, TRACES, UNMAP, URL2FILE, VHOSTENABLED, WAITING, NSUBS
} Sub;

static const Ns_ObjvTable subcmds[] = {
    {"active", ACTIVE}, {"all", ALL}, {"authprocs", AUTHPROCS}, {"charset", CHARSET},
    {"connectionratelimit", CONNECTIONRATELIMIT}, {"connections", CONNECTIONS}, {"filters", FILTERS},
    {"hosts", HOSTS}, {"keepalive", KEEPALIVE}, {"logdir", LOGDIR}, {"map", MAP}, {"mapped", MAPPED},
    {"maxthreads", MAXTHREADS}, {"minthreads", MINTHREADS}, {"modules", MODULES}, {"pagedir", PAGEDIR},
    {"poolratelimit", POOLRATELIMIT}, {"pools", POOLS}, {"queued", QUEUED}, {"realm", REALM},
    {"requestprocs", REQUESTPROCS}, {"serverdir", SERVERDIR}, {"stats", STATS}, {"tcllib", TCLLIB},
    {"threads", THREADS}, {"traces", TRACES}, {"unmap", UNMAP}, {"url2file", URL2FILE},
    {"vhostenabled", VHOSTENABLED}, {"waiting", WAITING}, {NULL, 0}
};

static const struct {
    Tcl_Obj   *(*get)(const Call *call);       /* takes no argument, or */
    ServerProc *proc;
} subs[NSUBS] = {
    [ACTIVE]               = {NULL, ServerActive},
    [ALL]                  = {NULL, ServerAll},
    [CHARSET]              = {CharsetObj, NULL},
    [CONNECTIONRATELIMIT]  = {NULL, ServerConnectionRateLimit},
    [CONNECTIONS]          = {ConnectionsObj, NULL},
    [FILTERS]              = {FiltersObj, NULL},
    [HOSTS]                = {HostsObj, NULL},
    [KEEPALIVE]            = {KeepAliveObj, NULL},
    [LOGDIR]               = {LogDirObj, NULL},
    [MAP]                  = {NULL, ServerMap},
    [MAPPED]               = {NULL, ServerMapped},
    [MAXTHREADS]           = {NULL, ServerMaxThreads},
    [MINTHREADS]           = {NULL, ServerMinThreads},
    [MODULES]              = {ModulesObj, NULL},
    [PAGEDIR]              = {PageDirObj, NULL},
    [POOLRATELIMIT]        = {NULL, ServerPoolRateLimit},
    [POOLS]                = {PoolsObj, NULL},
    [QUEUED]               = {NULL, ServerQueued},
    [REALM]                = {RealmObj, NULL},
    [REQUESTPROCS]         = {RequestProcsObj, NULL},
    [SERVERDIR]            = {ServerDirObj, NULL},
    [STATS]                = {StatsObj, NULL},
    [TCLLIB]               = {TclLibObj, NULL},
    [THREADS]              = {ThreadsObj, NULL},
    [TRACES]               = {TracesObj, NULL},
    [UNMAP]                = {NULL, ServerUnmap},
    [URL2FILE]             = {Url2FileObj, NULL},
    [VHOSTENABLED]         = {VhostEnabledObj, NULL},
    [WAITING]              = {WaitingObj, NULL},
};

/* ns_server ?-server server? ?-pool name? ?--? subcommand ?arg ...? */
static int
ServerObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;
    Ns_Server      *server = data->server;
    char           *poolName = NULL;
    int             subcmd = 0, nargs = 0;
    Call            call;
    Ns_ObjvSpec     opts[] = {
        {"-server", Ns_ObjvServer, &server,   NULL},
        {"-pool",   Ns_ObjvString, &poolName, NULL},
        {"--",      Ns_ObjvBreak,  NULL,      NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec     args[] = {
        {"subcmd", Ns_ObjvIndex, &subcmd, (void *)subcmds},
        {"?arg",   Ns_ObjvArgs,  &nargs,  NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    call = (Call){interp, server, NsPoolGet(server, poolName), nargs, objv + objc - nargs,
                  {objv[0], objv[objc - nargs - 1]}};
    if (call.pool == NULL) {
        Ns_TclPrintfResult(interp, "no such pool '%s' for server '%s'", poolName != NULL ? poolName : "", server->name);
        return TCL_ERROR;
    }
    if (subcmd == AUTHPROCS) {
        Ns_TclPrintfResult(interp, "ns_server authprocs is not supported here");
        return TCL_ERROR;
    }
    if (subs[subcmd].proc != NULL) {
        return subs[subcmd].proc(&call);
    }
    if (Parse(&call, NULL, NULL) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, subs[subcmd].get(&call));
    return TCL_OK;
}

const NsCmd nsServerCmds[] = {
    {"ns_server", ServerObjCmd, NS_CMD_SERVER},
    {NULL, NULL, 0}
};
