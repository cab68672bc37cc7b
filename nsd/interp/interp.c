/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Interpreters: made from a server's blueprint, kept per thread, tidied up between stretches of work.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/thread.h"
#include "interp/blueprint.h"
#include "interp/commands.h"
#include "conf/info.h"
#include "interp/interp.h"
#include "interp/sets.h"
#include "process/process.h"

typedef struct NsDefer {
    struct NsDefer *next;
    void          (*proc)(Tcl_Interp *interp, void *arg);
    void           *arg;
} NsDefer;

/* NsInterp and what only this file uses. */
typedef struct Interp {
    NsInterp       pub;                        /* must be first */
    struct Interp *next;                       /* in its thread's list of free ones */
    Tcl_Obj       *globals;                    /* names of the global variables that stay, as `info globals` lists them */
    Tcl_Obj       *autoPath;                   /* value to go back to */
} Interp;

/* What a thread has: its free interpreters, and the request that it serves at the moment. */
typedef struct Cache {
    Interp *free;
    struct NsConn *serving;
} Cache;

static Ns_Tls           cacheTls;
static Tcl_ObjCmdProc  *infoGlobals;           /* Tcl's own command, whatever a script does to its name */
static Tcl_Obj         *noWords[1];
static NsRequestHooks   request;               /* of whoever serves requests; not changed after the start */

static void
DeleteData(ClientData clientData, Tcl_Interp *interp)
{
    Interp *data = clientData;

    if (data->globals != NULL) {
        Tcl_DecrRefCount(data->globals);
    }
    if (data->autoPath != NULL) {
        Tcl_DecrRefCount(data->autoPath);
    }
    NsSetsFree(&data->pub);
    Tcl_DeleteHashTable(&data->pub.sets);
    Tcl_DeleteHashTable(&data->pub.httpTasks);
    Tcl_DeleteHashTable(&data->pub.files);
    data->pub.magic = NS_SPOILED;
    ns_free(data);
}

/*
 * At the end of a thread.  Tcl itself closes them behind all exit handlers, and sets its timers up once more for that, which stay behind then:
 * some 60 bytes for each thread.  Within an exit handler the descriptors stay open, as they must.
 */
static void
CloseStandardChannels(ClientData arg)
{
    static const int types[] = {TCL_STDIN, TCL_STDOUT, TCL_STDERR};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        Tcl_Channel chan = Tcl_GetStdChannel(types[i]);

        if (chan != NULL) {
            (void)Tcl_UnregisterChannel(NULL, chan);
        }
    }
}

/* Give an interpreter the data that make it one of ours. */
static Interp *
Adopt(Tcl_Interp *interp, NsServer *server)
{
    static __thread bool closes;
    Interp              *data = ns_calloc(1, sizeof *data);

    if (!closes) {
        closes = true;
        Tcl_CreateThreadExitHandler(CloseStandardChannels, NULL);
    }
    data->pub.magic = NS_INTERP_MAGIC;
    data->pub.interp = interp;
    data->pub.server = server;
    Tcl_InitHashTable(&data->pub.sets, TCL_STRING_KEYS);
    Tcl_InitHashTable(&data->pub.httpTasks, TCL_STRING_KEYS);
    Tcl_InitHashTable(&data->pub.files, TCL_STRING_KEYS);
    Tcl_SetAssocData(data->pub.interp, NS_INTERP_DATA, DeleteData, data);
    return data;
}

static Interp *
NewInterp(NsServer *server)
{
    return Adopt(Tcl_CreateInterp(), server);
}

Tcl_Interp *
NsInterpCreatePlain(void)
{
    Tcl_Interp *interp = NewInterp(NULL)->pub.interp;

    if (Tcl_Init(interp) != TCL_OK) {
        Ns_Log(Warning, "interp: Tcl's own library could not be read: %s", Tcl_GetStringResult(interp));
    }
    return interp;
}

/* ------------------------------------------------------------------------------------------------- globals and channels */

static Tcl_Obj *
ListGlobals(Tcl_Interp *interp)
{
    Tcl_Obj *list;

    Tcl_ResetResult(interp);
    (void)infoGlobals(NULL, interp, 1, noWords);
    list = Tcl_GetObjResult(interp);
    Tcl_IncrRefCount(list);
    Tcl_ResetResult(interp);
    return list;
}

/* What is global now stays: called when the interpreter is complete. */
static void
RememberGlobals(Interp *data)
{
    Tcl_Interp *interp = data->pub.interp;

    if (data->globals != NULL) {
        Tcl_DecrRefCount(data->globals);
    }
    if (data->autoPath != NULL) {
        Tcl_DecrRefCount(data->autoPath);
    }
    /* Every caught error sets these two: let them stay, so that the list is the same most of the time. */
    Tcl_SetVar2(interp, "errorInfo", NULL, "", TCL_GLOBAL_ONLY);
    Tcl_SetVar2(interp, "errorCode", NULL, "", TCL_GLOBAL_ONLY);
    data->autoPath = Tcl_GetVar2Ex(interp, "auto_path", NULL, TCL_GLOBAL_ONLY);
    if (data->autoPath != NULL) {
        Tcl_IncrRefCount(data->autoPath);
    }
    data->globals = ListGlobals(interp);
}

static bool
ListHas(Tcl_Obj *list, const char *name)
{
    Tcl_Obj **elems;
    int       i, n = 0;

    (void)Tcl_ListObjGetElements(NULL, list, &n, &elems);
    for (i = 0; i < n; i++) {
        if (strcmp(Tcl_GetString(elems[i]), name) == 0) {
            return true;
        }
    }
    return false;
}

static bool
SameList(Tcl_Obj *a, Tcl_Obj *b)
{
    Tcl_Obj **as, **bs;
    int       i, n = 0, m = 0;

    (void)Tcl_ListObjGetElements(NULL, a, &n, &as);
    (void)Tcl_ListObjGetElements(NULL, b, &m, &bs);
    if (n != m) {
        return false;
    }
    for (i = 0; i < n; i++) {
        if (strcmp(Tcl_GetString(as[i]), Tcl_GetString(bs[i])) != 0) {
            return false;
        }
    }
    return true;
}

/*
 * Unset the globals that the work left behind.  A hash table that nobody touched lists its keys in the same order, so
 * the usual case is one comparison of two short lists.
 */
static void
TidyGlobals(Interp *data)
{
    Tcl_Interp *interp = data->pub.interp;
    Tcl_Obj    *now = ListGlobals(interp);
    Tcl_Obj   **elems;
    int         i, n = 0;

    if (!SameList(now, data->globals)) {
        (void)Tcl_ListObjGetElements(NULL, now, &n, &elems);
        for (i = 0; i < n; i++) {
            if (!ListHas(data->globals, Tcl_GetString(elems[i]))) {
                (void)Tcl_UnsetVar2(interp, Tcl_GetString(elems[i]), NULL, TCL_GLOBAL_ONLY);
            }
        }
        /* Unsetting may have reordered the table. */
        Tcl_DecrRefCount(now);
        now = ListGlobals(interp);
        (void)Tcl_ListObjGetElements(NULL, now, &n, &elems);
        for (i = 0; i < n && ListHas(data->globals, Tcl_GetString(elems[i])); i++) {
            ;
        }
        if (i == n) {
            Tcl_DecrRefCount(data->globals);
            data->globals = now;
            Tcl_IncrRefCount(now);
        }
    }
    Tcl_DecrRefCount(now);
    if (data->autoPath != NULL
        && Tcl_GetVar2Ex(interp, "auto_path", NULL, TCL_GLOBAL_ONLY) != data->autoPath) {
        Tcl_SetVar2Ex(interp, "auto_path", NULL, data->autoPath, TCL_GLOBAL_ONLY);
    }
}

/* Close the channels that the work left open. */
static void
TidyChannels(Tcl_Interp *interp)
{
    Tcl_Obj  *list, **elems;
    int       i, n = 0;

    if (Tcl_GetChannelNames(interp) != TCL_OK) {
        return;
    }
    list = Tcl_GetObjResult(interp);
    Tcl_IncrRefCount(list);
    (void)Tcl_ListObjGetElements(NULL, list, &n, &elems);
    for (i = 0; i < n; i++) {
        const char *name = Tcl_GetString(elems[i]);
        Tcl_Channel chan;

        if (strncmp(name, "std", 3) == 0) {
            continue;
        }
        chan = Tcl_GetChannel(interp, name, NULL);
        if (chan != NULL) {
            (void)Tcl_UnregisterChannel(interp, chan);
        }
    }
    Tcl_DecrRefCount(list);
    Tcl_ResetResult(interp);
}

static void
RunDefers(Interp *data)
{
    while (data->pub.defers != NULL) {
        NsDefer *defer = data->pub.defers;

        data->pub.defers = defer->next;
        defer->proc(data->pub.interp, defer->arg);
        ns_free(defer);
    }
}

void
NsInterpTidy(Tcl_Interp *interp)
{
    Interp *data = (Interp *)NsGetInterpData(interp);

    RunDefers(data);
    if (data->pub.sets.numEntries > 0) {
        NsSetsFree(&data->pub);
    }
    if (data->globals != NULL) {
        TidyGlobals(data);
    }
    TidyChannels(interp);
}

void
NsInterpDefer(Tcl_Interp *interp, void (*proc)(Tcl_Interp *interp, void *arg), void *arg)
{
    NsInterp *data = NsGetInterpData(interp);
    NsDefer  *defer = ns_malloc(sizeof *defer);

    defer->proc = proc;
    defer->arg = arg;
    defer->next = data->defers;
    data->defers = defer;
}

/* ------------------------------------------------------------------------------------------------- making and deleting */

void
NsInterpUpdate(Tcl_Interp *interp)
{
    Interp *data = (Interp *)NsGetInterpData(interp);

    if (data->pub.server != NULL && NsBlueprintEpoch(data->pub.server) != data->pub.epoch) {
        data->pub.epoch = NsBlueprintApply(data->pub.server, interp);
        if (data->globals != NULL) {
            RememberGlobals(data);
        }
    }
}

/* An interpreter of a server with its commands and nothing of Tcl's library or the server's: for the blueprint. */
Tcl_Interp *
NsInterpCreateBare(NsServer *server)
{
    Interp *data = NewInterp(server);

    NsCommandsCreate(data->pub.interp, &data->pub, server != NULL, false);
    /* It knows the standard channels from now on: a child interpreter that closes its own does not close the process's. */
    (void)Tcl_GetChannel(data->pub.interp, "stdout", NULL);
    if (server != NULL) {
        NsBlueprintPrepare(data->pub.interp);
    }
    data->pub.taken = 1;
    return data->pub.interp;
}

/* A thread that a library file started comes before the libraries are complete. */
static Interp *
MakeInterp(NsServer *server)
{
    Tcl_Interp *interp;
    Interp     *data;

    if (server != NULL && !NsProcessInMainThread()) {
        NsInfoAwait(NS_PHASE_INTERPS);
    }
    interp = NsInterpCreateBare(server);
    data = (Interp *)NsGetInterpData(interp);
    data->pub.taken = 0;
    if (server != NULL && NsBlueprintEpoch(server) > 0) {
        data->pub.epoch = NsBlueprintApply(server, interp);
    } else if (Tcl_Init(interp) != TCL_OK) {
        Ns_Log(Error, "interp: %s", Tcl_GetStringResult(interp));
    }
    RememberGlobals(data);
    if (server != NULL) {
        NsInterpAddModules(interp);            /* not yet, if the blueprint is somebody's own script */
        NsTclRunTraces(interp, NS_TCL_TRACE_CREATE);
    }
    return data;
}

static void
DeleteInterp(Interp *data)
{
    Tcl_Interp *interp = data->pub.interp;

    if (data->pub.server != NULL) {
        NsTclRunTraces(interp, NS_TCL_TRACE_DELETE);
    }
    RunDefers(data);
    Tcl_DeleteInterp(interp);
}

Tcl_Interp *
Ns_TclCreateInterp(void)
{
    Tcl_Interp *interp = NsInterpCreateBare(NULL);

    NsGetInterpData(interp)->ownedByCaller = true;
    if (Tcl_Init(interp) != TCL_OK) {
        Ns_Log(Warning, "interp: Tcl's own library could not be read: %s", Tcl_GetStringResult(interp));
        Tcl_ResetResult(interp);
    }
    return interp;
}

int
Ns_TclInit(Tcl_Interp *interp)
{
    Interp *data;

    if (Tcl_GetAssocData(interp, NS_INTERP_DATA, NULL) == NULL) {
        data = Adopt(interp, NULL);
        data->pub.taken = 1;
        data->pub.ownedByCaller = true;
        NsCommandsCreate(interp, &data->pub, false, false);
    }
    return TCL_OK;
}

void
Ns_TclDestroyInterp(Tcl_Interp *interp)
{
    Interp *data = (Interp *)NsGetInterpData(interp);

    if (data->pub.ownedByCaller) {
        DeleteInterp(data);
    } else {
        data->pub.deleteWhenGiven = true;
        Ns_TclDeAllocateInterp(interp);
    }
}

/* The end of a thread. */
static void
FreeCache(void *arg)
{
    Cache *cache = arg;

    while (cache->free != NULL) {
        Interp *data = cache->free;

        cache->free = data->next;
        DeleteInterp(data);
    }
    ns_free(cache);
}

static Cache *
GetCache(void)
{
    Cache *cache = Ns_TlsGet(&cacheTls);

    if (cache == NULL) {
        cache = ns_calloc(1, sizeof *cache);
        Ns_TlsSet(&cacheTls, cache);
    }
    return cache;
}

Tcl_Interp *
NsInterpTake(NsServer *server)
{
    Cache   *cache = GetCache();
    Interp **link = &cache->free;
    Interp  *data;

    while (*link != NULL && (*link)->pub.server != server) {
        link = &(*link)->next;
    }
    data = *link;
    if (data != NULL) {
        *link = data->next;
        data->next = NULL;
        NsInterpUpdate(data->pub.interp);
    } else {
        data = MakeInterp(server);
    }
    data->pub.taken = 1;
    if (server != NULL) {
        NsTclRunTraces(data->pub.interp, NS_TCL_TRACE_ALLOCATE);
    }
    return data->pub.interp;
}

void
NsInterpGive(Tcl_Interp *interp)
{
    Interp *data = (Interp *)NsGetInterpData(interp);
    Cache  *cache = GetCache();

    NS_ASSERT(data->pub.taken > 0);
    if (data->pub.server != NULL) {
        NsTclRunTraces(interp, NS_TCL_TRACE_DEALLOCATE);
    }
    NsInterpTidy(interp);
    Tcl_ResetResult(interp);
    data->pub.taken = 0;
    if (data->pub.deleteWhenGiven) {
        DeleteInterp(data);
    } else {
        data->next = cache->free;
        cache->free = data;
    }
}

void
NsInterpCleanup(Tcl_Interp *interp)
{
    NsInterp *data = NsGetInterpData(interp);

    if (data->server != NULL) {
        NsTclRunTraces(interp, NS_TCL_TRACE_DEALLOCATE);
    }
    NsInterpTidy(interp);
    Tcl_ResetResult(interp);
    NsInterpUpdate(interp);
    if (data->server != NULL) {
        NsTclRunTraces(interp, NS_TCL_TRACE_ALLOCATE);
    }
}

/* While a thread serves a request, work for its server is part of the request: it gets the interpreter of that. */
Tcl_Interp *
Ns_TclAllocateInterp(const char *server)
{
    NsServer   *found = server != NULL ? NsServerGet(server) : NULL;
    Tcl_Interp *interp = NULL;

    if (found != NULL) {
        struct NsConn *conn = GetCache()->serving;

        if (conn != NULL && request.server(conn) == found) {
            interp = request.interp(conn);
            NsGetInterpData(interp)->taken++;
        } else {
            interp = NsInterpTake(found);
        }
    } else if (server == NULL) {
        interp = NsInterpTake(NULL);
    }
    return interp;
}

void
Ns_TclDeAllocateInterp(Tcl_Interp *interp)
{
    NsInterp *data = NsGetInterpData(interp);

    if (data->taken > 1) {
        data->taken--;
    } else {
        NsInterpGive(interp);
    }
}

void
NsInterpFreeThread(void)
{
    Cache *cache = Ns_TlsGet(&cacheTls);

    if (cache != NULL) {
        Ns_TlsSet(&cacheTls, NULL);
        FreeCache(cache);
    }
}

/* ----------------------------------------------------------------------------------------------------------- requests */

void
NsInterpSetRequestHooks(const NsRequestHooks *hooks)
{
    request = *hooks;
}

void
NsInterpServe(struct NsConn *conn)
{
    GetCache()->serving = conn;
}

struct NsConn *
NsInterpServing(void)
{
    return GetCache()->serving;
}

void
NsInterpSetConn(Tcl_Interp *interp, struct NsConn *conn)
{
    NsInterp *data = NsGetInterpData(interp);

    data->conn = conn;
    if (data->server != NULL) {
        NsTclRunTraces(interp, NS_TCL_TRACE_GETCONN);
    }
}

void
NsInterpFreeConn(Tcl_Interp *interp)
{
    NsInterp *data = NsGetInterpData(interp);

    if (data->server != NULL) {
        NsTclRunTraces(interp, NS_TCL_TRACE_FREECONN);
    }
    data->conn = NULL;
}

/* --------------------------------------------------------------------------------------------------- helpers for C code */

Ns_ReturnCode
Ns_TclEval(Tcl_DString *ds, const char *server, const char *script)
{
    Tcl_Interp     *interp = Ns_TclAllocateInterp(server);
    Tcl_InterpState state;
    Ns_ReturnCode   status = NS_ERROR;

    if (interp == NULL) {
        return NS_ERROR;
    }
    state = Tcl_SaveInterpState(interp, TCL_OK);           /* it may be within a command */
    if (Tcl_EvalEx(interp, script, -1, TCL_EVAL_GLOBAL) == TCL_OK) {
        status = NS_OK;
        if (ds != NULL) {
            Tcl_DStringAppend(ds, Tcl_GetStringResult(interp), -1);
        }
    } else {
        const char *info = Ns_TclLogErrorInfo(interp, NULL);

        if (ds != NULL && info != NULL) {
            Tcl_DStringAppend(ds, info, -1);
        }
    }
    (void)Tcl_RestoreInterpState(interp, state);
    Ns_TclDeAllocateInterp(interp);
    return status;
}

static const char *
LogError(Tcl_Interp *interp, const struct NsConn *conn)
{
    const char *errorInfo;
    Tcl_DString ds;

    errorInfo = Tcl_GetVar(interp, "errorInfo", TCL_GLOBAL_ONLY);
    if (errorInfo == NULL || *errorInfo == '\0') {
        errorInfo = Tcl_GetStringResult(interp);
    }
    Tcl_DStringInit(&ds);
    if (conn != NULL) {
        request.describe(conn, &ds);
    }
    Ns_Log(Error, "%s%s", Tcl_DStringValue(&ds), errorInfo);
    Tcl_DStringFree(&ds);
    return errorInfo;
}

const char *
Ns_TclLogErrorInfo(Tcl_Interp *interp, const char *info)
{
    if (info != NULL) {
        Tcl_AddErrorInfo(interp, info);
    }
    return LogError(interp, NsGetInterpData(interp)->conn);
}

const char *
Ns_TclLogErrorRequest(Tcl_Interp *interp, Ns_Conn *conn)
{
    return LogError(interp, conn != NULL ? (const struct NsConn *)conn : NsGetInterpData(interp)->conn);
}

void
NsInterpInitProcess(void)
{
    Tcl_Interp *interp = Tcl_CreateInterp();
    Tcl_CmdInfo info;

    if (!Tcl_GetCommandInfo(interp, "::tcl::info::globals", &info)) {
        Ns_Fatal("interp: this Tcl has no ::tcl::info::globals");
    }
    infoGlobals = info.objProc;
    Tcl_DeleteInterp(interp);
    noWords[0] = Tcl_NewStringObj("globals", -1);
    Tcl_IncrRefCount(noWords[0]);
    Ns_TlsAlloc(&cacheTls, FreeCache);
    NsBlueprintInitProcess();
}
