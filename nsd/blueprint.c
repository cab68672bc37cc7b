/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The blueprint of a server's interpreters, and traces.
 *
 * The script that describes the state of an interpreter is made by Tcl code (tcl/blueprint.tcl) in comparison with an
 * interpreter that has nothing but its commands; what that one has - the baseline - is found out once per process.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "blueprint.h"
#include "info.h"
#include "options.h"

typedef struct Trace {
    struct Trace    *next, *prev;
    Ns_TclTraceProc *proc;
    const void      *arg;
    unsigned         when;
} Trace;

struct NsServerTcl {
    Ns_Mutex    lock;                          /* of script and modules */
    Ns_Mutex    evalLock;                      /* one change at a time */
    Ns_Buf      *script;
    atomic_long epoch;
    Trace      *first, *last;                  /* not changed after the start */
    unsigned    traced;                        /* all `when` that some trace has */
    char       *initFile, *library;
    char      **modules;
    int         moduleCount;
    char      **errorHeaders;
};

static char *baseline;                         /* value of ::nsd::blueprint::baseline */

/* What a bare interpreter of a server consists of, as ::nsd::blueprint::collect tells it. */
void
NsBlueprintInitProcess(void)
{
    Tcl_Interp *interp = NsInterpCreateBare(NsServerDefault());
    Tcl_DString ds;
    char       *file = NsInfoPath(NsInfoTclLibrary(), "blueprint.tcl");

    Tcl_DStringInit(&ds);
    if (Tcl_EvalFile(interp, file) != TCL_OK || Tcl_Eval(interp, "::nsd::blueprint::collect") != TCL_OK) {
        Ns_Fatal("interp: %s: %s (is parameter tcllibrary of section ns/parameters right?)", file,
                 Tcl_GetStringResult(interp));
    }
    baseline = ns_strdup(Tcl_GetStringResult(interp));
    ns_free(file);
    Tcl_DeleteInterp(interp);
}

/* A Tcl list as a vector of strings that stays. */
static char **
StringVector(const char *list)
{
    const char **elems;
    char       **vector;
    int          i, n;

    if (list == NULL || Tcl_SplitList(NULL, list, &n, &elems) != TCL_OK) {
        return NULL;
    }
    vector = ns_calloc((size_t)n + 1, sizeof *vector);
    for (i = 0; i < n; i++) {
        vector[i] = ns_strdup(elems[i]);
    }
    Tcl_Free((char *)elems);
    return vector;
}

/* `bin/init.tcl` below the home is where NaviServer's configurations have it; without a parameter ours is taken. */
static char *
InitFile(const char *section)
{
    const char *value = Ns_ConfigGetValue(section, "initfile");

    return value != NULL ? NsInfoPath(Ns_InfoHomePath(), value) : NsInfoPath(NsInfoTclLibrary(), "init.tcl");
}

void
NsTclInitServer(NsServer *server)
{
    struct NsServerTcl *tcl = ns_calloc(1, sizeof *tcl);
    const char         *section = Ns_ConfigSectionPath(NULL, server->name, NULL, "tcl", NULL);

    Ns_MutexSetName2(&tcl->lock, "ns:tcl", server->name);
    Ns_MutexSetName2(&tcl->evalLock, "ns:tcleval", server->name);
    tcl->initFile = InitFile(section);
    tcl->library = NsInfoPath(Ns_InfoHomePath(), Ns_ConfigString(section, "library", "modules/tcl"));
    tcl->errorHeaders = StringVector(Ns_ConfigGetValue(section, "errorlogheaders"));
    server->tcl = tcl;
}

/* Source init file and libraries once, and keep what came of it. */
void
NsInterpBuildBlueprint(NsServer *server)
{
    Tcl_Interp *interp = NsInterpCreateBare(server);

    if (Tcl_Init(interp) != TCL_OK) {
        Ns_Log(Error, "interp: %s", Tcl_GetStringResult(interp));
    }
    (void)Tcl_Eval(interp, "namespace eval ::nsd::blueprint {}");
    (void)Tcl_SetVar2(interp, "::nsd::blueprint::baseline", NULL, baseline, TCL_GLOBAL_ONLY);
    if (Tcl_EvalFile(interp, server->tcl->initFile) != TCL_OK) {
        (void)Ns_TclLogErrorInfo(interp, NULL);
        Ns_Fatal("interp: server %s: init file %s failed: %s", server->name, server->tcl->initFile,
                 Tcl_GetStringResult(interp));
    }
    if (NsBlueprintEpoch(server) == 0) {
        Ns_Fatal("interp: server %s: init file %s did not end with ns_ictl save", server->name, server->tcl->initFile);
    }
    NsInterpTidy(interp);
    Tcl_DeleteInterp(interp);
}

long
NsBlueprintEpoch(NsServer *server)
{
    return atomic_load_explicit(&server->tcl->epoch, memory_order_acquire);
}

static Ns_Buf *
CurrentScript(struct NsServerTcl *tcl, long *epoch)
{
    Ns_Buf *script;

    Ns_MutexLock(&tcl->lock);
    script = tcl->script != NULL ? Ns_BufRetain(tcl->script) : NULL;
    *epoch = atomic_load(&tcl->epoch);
    Ns_MutexUnlock(&tcl->lock);
    return script;
}

long
NsBlueprintApply(NsServer *server, Tcl_Interp *interp)
{
    long   epoch;
    Ns_Buf *script = CurrentScript(server->tcl, &epoch);

    if (script != NULL) {
        if (Tcl_EvalEx(interp, script->data, (int)script->len, TCL_EVAL_GLOBAL) != TCL_OK) {
            (void)Ns_TclLogErrorInfo(interp, "\n    (applying the blueprint)");
        }
        Tcl_ResetResult(interp);
        Ns_BufRelease(script);
    }
    return epoch;
}

void
NsBlueprintSave(NsServer *server, const char *script)
{
    struct NsServerTcl *tcl = server->tcl;
    Ns_Buf              *fresh = Ns_BufCopy(script, strlen(script));
    Ns_Buf              *old;

    Ns_MutexLock(&tcl->lock);
    old = tcl->script;
    tcl->script = fresh;
    (void)atomic_fetch_add(&tcl->epoch, 1);
    Ns_MutexUnlock(&tcl->lock);
    Ns_BufRelease(old);
}

Tcl_Obj *
NsBlueprintGet(NsServer *server)
{
    long     epoch;
    Ns_Buf   *script = CurrentScript(server->tcl, &epoch);
    Tcl_Obj *result = script != NULL ? Tcl_NewStringObj(script->data, (int)script->len) : Tcl_NewObj();

    Ns_BufRelease(script);
    return result;
}

int
NsBlueprintEval(NsServer *server, Tcl_Interp *interp, Tcl_Obj *script)
{
    Tcl_Interp *fresh;
    char       *text = ns_strdup(Tcl_GetString(script));       /* objects stay in their interpreter */
    int         result;

    Ns_MutexLock(&server->tcl->evalLock);
    fresh = NsInterpCreateBare(server);
    NsGetInterpData(fresh)->epoch = NsBlueprintApply(server, fresh);
    (void)Tcl_SetVar2(fresh, "::nsd::blueprint::baseline", NULL, baseline, TCL_GLOBAL_ONLY);
    result = Tcl_EvalEx(fresh, text, -1, TCL_EVAL_GLOBAL);
    if (result == TCL_OK) {
        Tcl_Obj *value = Tcl_GetObjResult(fresh);

        Tcl_IncrRefCount(value);
        result = Tcl_Eval(fresh, "::nsd::blueprint::script");
        if (result == TCL_OK) {
            NsBlueprintSave(server, Tcl_GetStringResult(fresh));
            Tcl_SetObjResult(fresh, value);
        }
        Tcl_DecrRefCount(value);
    }
    Tcl_TransferResult(fresh, result, interp);
    NsInterpTidy(fresh);
    Tcl_DeleteInterp(fresh);
    Ns_MutexUnlock(&server->tcl->evalLock);
    ns_free(text);
    return result;
}

const char *
NsTclLibrary(const NsServer *server)
{
    return server->tcl->library;
}

const char *
NsTclInitFile(const NsServer *server)
{
    return server->tcl->initFile;
}

const char *const *
NsTclErrorHeaders(const NsServer *server)
{
    return server != NULL ? (const char *const *)server->tcl->errorHeaders : NULL;
}

void
NsTclAddModule(NsServer *server, const char *module)
{
    struct NsServerTcl *tcl = server->tcl;
    int                 i;

    Ns_MutexLock(&tcl->lock);
    for (i = 0; i < tcl->moduleCount && strcmp(tcl->modules[i], module) != 0; i++) {
        ;
    }
    if (i == tcl->moduleCount) {
        tcl->modules = ns_realloc(tcl->modules, (size_t)(i + 1) * sizeof *tcl->modules);
        tcl->modules[tcl->moduleCount++] = ns_strdup(module);
    }
    Ns_MutexUnlock(&tcl->lock);
}

void
NsTclListModules(NsServer *server, Tcl_Obj *list)
{
    int i;

    Ns_MutexLock(&server->tcl->lock);
    for (i = 0; i < server->tcl->moduleCount; i++) {
        (void)Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(server->tcl->modules[i], -1));
    }
    Ns_MutexUnlock(&server->tcl->lock);
}

/* ------------------------------------------------------------------------------------------------------------- traces */

Ns_ReturnCode
Ns_TclRegisterTrace(const char *serverName, Ns_TclTraceProc *proc, const void *arg, unsigned when)
{
    NsServer *server = serverName != NULL ? NsServerGet(serverName) : NULL;
    Trace    *trace;

    if (server == NULL) {
        Ns_Log(Error, "interp: cannot register a trace for server '%s': there is none", serverName != NULL ? serverName : "");
        return NS_ERROR;
    }
    if (Ns_InfoStarted()) {
        Ns_Log(Error, "interp: cannot register a trace for server '%s' after the start", serverName);
        return NS_ERROR;
    }
    trace = ns_calloc(1, sizeof *trace);
    trace->proc = proc;
    trace->arg = arg;
    trace->when = when;
    trace->prev = server->tcl->last;
    if (server->tcl->last != NULL) {
        server->tcl->last->next = trace;
    } else {
        server->tcl->first = trace;
    }
    server->tcl->last = trace;
    server->tcl->traced |= when;
    return NS_OK;
}

static Ns_ReturnCode
RunTraceScript(Tcl_Interp *interp, const void *arg)
{
    if (Tcl_EvalEx(interp, arg, -1, TCL_EVAL_GLOBAL) != TCL_OK) {
        (void)Ns_TclLogErrorInfo(interp, "\n    (running a trace)");
        return NS_ERROR;
    }
    return NS_OK;
}

Ns_ReturnCode
NsTclAddTraceScript(NsServer *server, unsigned when, Tcl_Obj *script)
{
    return Ns_TclRegisterTrace(server->name, RunTraceScript, ns_strdup(Tcl_GetString(script)), when);
}

/* What was set up first is taken down last. */
void
NsTclRunTraces(Tcl_Interp *interp, unsigned when)
{
    const struct NsServerTcl *tcl = NsGetInterpData(interp)->server->tcl;
    bool                      reverse = (when & (NS_TCL_TRACE_DEALLOCATE | NS_TCL_TRACE_DELETE | NS_TCL_TRACE_FREECONN)) != 0;
    const Trace              *trace;

    if ((tcl->traced & when) == 0) {
        return;
    }
    for (trace = reverse ? tcl->last : tcl->first; trace != NULL; trace = reverse ? trace->prev : trace->next) {
        if ((trace->when & when) != 0) {
            (void)trace->proc(interp, trace->arg);
        }
    }
}

void
NsTclListTraces(NsServer *server, unsigned when, Tcl_DString *ds)
{
    const Trace *trace;

    for (trace = server->tcl->first; trace != NULL; trace = trace->next) {
        if ((trace->when & when) != 0) {
            Tcl_DStringAppendElement(ds, trace->proc == RunTraceScript ? (const char *)trace->arg : "c-proc");
        }
    }
}
