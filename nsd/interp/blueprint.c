/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The blueprint of a server's interpreters, and traces.
 *
 * The script that describes the state of an interpreter is made by Tcl code (tcl/blueprint.tcl) in comparison with an
 * interpreter that has nothing but its commands; what that one has - the baseline - is found out once per process.
 */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/file.h"
#include "interp/blueprint.h"
#include "conf/info.h"
#include "conf/options.h"

typedef struct Trace {
    struct Trace    *next, *prev;
    Ns_TclTraceProc *proc;
    const void      *arg;
    unsigned         when;
} Trace;

/* A script, cut into its statements once: each interpreter goes on after one that fails. */
typedef struct Script {
    atomic_int refs;
    char      *text;
    size_t    *ends;                           /* offsets behind the statements */
    size_t     count;
} Script;

struct NsServerTcl {
    Ns_Mutex    lock;                          /* of script and modules */
    Ns_Mutex    evalLock;                      /* one change at a time */
    Script     *script;
    atomic_long epoch;
    Trace      *first, *last;                  /* not changed after the start */
    unsigned    traced;                        /* all `when` that some trace has */
    char       *initFile, *library;
    char      **modules;
    int         moduleCount;
    char      **errorHeaders;
};

static inline struct NsServerTcl *
TclOf(const NsServer *server)
{
    return NsServerPartData(server, &nsTclPart);
}

static char *baseline;                         /* value of ::nsd::blueprint::baseline */

/* The sources of ::nsd::blueprint. */
static const char *const sources[] = {"blueprint-nsf.tcl", "blueprint-oo.tcl", "blueprint.tcl", NULL};

/* What a bare interpreter of a server consists of, as ::nsd::blueprint::collect tells it, and what Tcl's library adds. */
void
NsBlueprintInitProcess(void)
{
    Tcl_Interp *interp = NsInterpCreateBare(NsServerDefault());
    char       *file = NULL;
    int         i, result = TCL_OK;

    for (i = 0; result == TCL_OK && sources[i] != NULL; i++) {
        ns_free(file);
        file = NsInfoPath(NsInfoTclLibrary(), sources[i]);
        result = Tcl_EvalFile(interp, file);
    }
    if (result != TCL_OK || Tcl_Eval(interp, "::nsd::blueprint::collect") != TCL_OK) {
        Ns_Fatal("interp: %s: %s (is parameter tcllibrary of section ns/parameters right?)", file,
                 Tcl_GetStringResult(interp));
    }
    (void)Tcl_SetVar2Ex(interp, "::nsd::blueprint::baseline", NULL, Tcl_GetObjResult(interp), TCL_GLOBAL_ONLY);
    if (Tcl_Init(interp) != TCL_OK
        || Tcl_Eval(interp, "dict set ::nsd::blueprint::baseline library [::nsd::blueprint::library]") != TCL_OK) {
        Ns_Log(Error, "interp: %s", Tcl_GetStringResult(interp));
    }
    baseline = ns_strdup(Tcl_GetVar2(interp, "::nsd::blueprint::baseline", NULL, TCL_GLOBAL_ONLY));
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

static void
InitServer(NsServer *server)
{
    struct NsServerTcl *tcl = ns_calloc(1, sizeof *tcl);
    const char         *section = Ns_ConfigSectionPath(NULL, server->name, NULL, "tcl", NULL);

    Ns_MutexSetName2(&tcl->lock, "ns:tcl", server->name);
    Ns_MutexSetName2(&tcl->evalLock, "ns:tcleval", server->name);
    tcl->initFile = InitFile(section);
    tcl->library = NsInfoPath(Ns_InfoHomePath(), Ns_ConfigString(section, "library", "modules/tcl"));
    if (NsFileAccess(tcl->library, R_OK | X_OK) != 0) {
        Ns_Log(Ns_ConfigGetValue(section, "library") != NULL ? Warning : Notice,
               "interp: server %s: there is no folder %s for Tcl files (parameter library of section %s)", server->name, tcl->library,
               section);
    }
    tcl->errorHeaders = StringVector(Ns_ConfigGetValue(section, "errorlogheaders"));
    NsServerSetPart(server, &nsTclPart, tcl);
}

NsServerPart nsTclPart = {.init = InitServer};

/* ------------------------------------------------------------------------------------------------------------ scripts */

/* Cut a text behind each of its commands.  A rest that is no command is left as one, whose evaluation tells what is wrong. */
static Script *
NewScript(const char *text)
{
    Script     *script = ns_calloc(1, sizeof *script);
    size_t      room = 0;
    const char *at;

    script->refs = 1;
    script->text = ns_strdup(text);
    for (at = script->text; *at != '\0';) {
        Tcl_Parse parse;

        if (script->count == room) {
            room = room == 0 ? 256 : 2 * room;
            script->ends = ns_realloc(script->ends, room * sizeof *script->ends);
        }
        if (Tcl_ParseCommand(NULL, at, -1, 0, &parse) == TCL_OK) {
            at = parse.commandStart + parse.commandSize;
            Tcl_FreeParse(&parse);
        } else {
            at += strlen(at);
        }
        script->ends[script->count++] = (size_t)(at - script->text);
    }
    return script;
}

static void
ReleaseScript(Script *script)
{
    if (script != NULL && atomic_fetch_sub(&script->refs, 1) == 1) {
        ns_free(script->text);
        ns_free(script->ends);
        ns_free(script);
    }
}

static Script *
CurrentScript(struct NsServerTcl *tcl, long *epoch)
{
    Script *script;

    Ns_MutexLock(&tcl->lock);
    script = tcl->script;
    if (script != NULL) {
        (void)atomic_fetch_add(&script->refs, 1);
    }
    *epoch = atomic_load(&tcl->epoch);
    Ns_MutexUnlock(&tcl->lock);
    return script;
}

static int
EvalStatement(Tcl_Interp *interp, const Script *script, size_t i, size_t *start)
{
    *start = i > 0 ? script->ends[i - 1] : 0;
    return Tcl_EvalEx(interp, script->text + *start, (int)(script->ends[i] - *start), TCL_EVAL_GLOBAL);
}

long
NsBlueprintApply(NsServer *server, Tcl_Interp *interp)
{
    long    epoch;
    Script *script = CurrentScript(TclOf(server), &epoch);
    size_t  i, start;

    for (i = 0; script != NULL && i < script->count; i++) {
        if (EvalStatement(interp, script, i, &start) != TCL_OK) {
            (void)Ns_TclLogErrorInfo(interp, "\n    (applying the blueprint)");
        }
    }
    Tcl_ResetResult(interp);
    ReleaseScript(script);
    return epoch;
}

static void
SetScript(struct NsServerTcl *tcl, Script *fresh, long step)
{
    Script *old;

    Ns_MutexLock(&tcl->lock);
    old = tcl->script;
    tcl->script = fresh;
    (void)atomic_fetch_add(&tcl->epoch, step);
    Ns_MutexUnlock(&tcl->lock);
    ReleaseScript(old);
}

void
NsBlueprintSave(NsServer *server, const char *script)
{
    SetScript(TclOf(server), NewScript(script), 1);
}

/* The start of a statement, for the log. */
static void
Abbreviate(Tcl_DString *ds, const char *text, size_t len)
{
    const char *end;

    while (len > 0 && isspace((unsigned char)*text)) {
        text++;
        len--;
    }
    end = memchr(text, '\n', len);
    if (end != NULL) {
        len = (size_t)(end - text);
    }
    if (len > 120) {
        len = 120;
        end = text;
    }
    Tcl_DStringAppend(ds, text, (int)len);
    if (end != NULL) {
        Tcl_DStringAppend(ds, " ...", 4);
    }
}

/* Evaluate the script in a new interpreter.  The text of those of its statements that work is appended to `good`. */
static bool
TryStatements(NsServer *server, const Script *script, Tcl_Interp *interp, Tcl_DString *good)
{
    size_t i, start;
    bool   all = true;

    for (i = 0; i < script->count; i++) {
        if (EvalStatement(interp, script, i, &start) == TCL_OK) {
            Tcl_DStringAppend(good, script->text + start, (int)(script->ends[i] - start));
        } else {
            Tcl_DString ds;

            Tcl_DStringInit(&ds);
            Abbreviate(&ds, script->text + start, script->ends[i] - start);
            Ns_Log(Warning, "interp: server %s: cannot be copied to other interpreters: %s: %s", server->name,
                   Tcl_DStringValue(&ds), Tcl_GetStringResult(interp));
            Tcl_DStringFree(&ds);
            all = false;
        }
    }
    return all;
}

/* Name the commands that `made` had when its state was taken, and `copy` has not. */
static void
CompareCommands(NsServer *server, Tcl_Interp *made, Tcl_Interp *copy)
{
    const char *whole = Tcl_GetVar2(made, "::nsd::blueprint::whole", NULL, TCL_GLOBAL_ONLY);

    if (whole != NULL) {                       /* somebody's own init file may save what it likes */
        (void)Tcl_SetVar2(copy, "::nsd::blueprint::baseline", NULL, baseline, TCL_GLOBAL_ONLY);
        (void)Tcl_SetVar2(copy, "::nsd::blueprint::whole", NULL, whole, TCL_GLOBAL_ONLY);
        if (Tcl_Eval(copy, "::nsd::blueprint::missing") == TCL_OK && *Tcl_GetStringResult(copy) != '\0') {
            Ns_Log(Warning, "interp: server %s: cannot be copied to other interpreters: commands %s", server->name,
                   Tcl_GetStringResult(copy));
        }
    }
}

/* At the start: what cannot be copied is said now, once, and not by each thread. */
static void
CheckBlueprint(NsServer *server, Tcl_Interp *made)
{
    long        epoch;
    Script     *script = CurrentScript(TclOf(server), &epoch);
    Tcl_Interp *copy = NsInterpCreateBare(server);
    Tcl_DString good;

    Tcl_DStringInit(&good);
    if (!TryStatements(server, script, copy, &good)) {
        SetScript(TclOf(server), NewScript(Tcl_DStringValue(&good)), 0);
    }
    CompareCommands(server, made, copy);
    Tcl_DStringFree(&good);
    NsInterpTidy(copy);
    Tcl_DeleteInterp(copy);
    ReleaseScript(script);
}

/* Source init file and libraries once, and keep what came of it. */
void
NsInterpBuildBlueprint(NsServer *server)
{
    Tcl_Interp *interp = NsInterpCreateBare(server);

    if (Tcl_Init(interp) != TCL_OK) {
        Ns_Log(Error, "interp: %s", Tcl_GetStringResult(interp));
    }
    NsInterpAddModules(interp);
    (void)Tcl_SetVar2(interp, "::nsd::blueprint::baseline", NULL, baseline, TCL_GLOBAL_ONLY);
    if (Tcl_EvalFile(interp, TclOf(server)->initFile) != TCL_OK) {
        (void)Ns_TclLogErrorInfo(interp, NULL);
        Ns_Fatal("interp: server %s: init file %s failed: %s", server->name, TclOf(server)->initFile,
                 Tcl_GetStringResult(interp));
    }
    if (NsBlueprintEpoch(server) == 0) {
        Ns_Fatal("interp: server %s: init file %s did not end with ns_ictl save", server->name, TclOf(server)->initFile);
    }
    CheckBlueprint(server, interp);
    NsInterpTidy(interp);
    Tcl_DeleteInterp(interp);
}

long
NsBlueprintEpoch(NsServer *server)
{
    return atomic_load_explicit(&TclOf(server)->epoch, memory_order_acquire);
}

Tcl_Obj *
NsBlueprintGet(NsServer *server)
{
    long     epoch;
    Script  *script = CurrentScript(TclOf(server), &epoch);
    Tcl_Obj *result = script != NULL ? Tcl_NewStringObj(script->text, -1) : Tcl_NewObj();

    ReleaseScript(script);
    return result;
}

int
NsBlueprintEval(NsServer *server, Tcl_Interp *interp, Tcl_Obj *script)
{
    Tcl_Interp *fresh;
    char       *text = ns_strdup(Tcl_GetString(script));       /* objects stay in their interpreter */
    int         result;

    Ns_MutexLock(&TclOf(server)->evalLock);
    fresh = NsInterpCreateBare(server);
    NsGetInterpData(fresh)->epoch = NsBlueprintApply(server, fresh);
    (void)Tcl_SetVar2(fresh, "::nsd::blueprint::baseline", NULL, baseline, TCL_GLOBAL_ONLY);
    (void)Tcl_Eval(fresh, "::nsd::blueprint::watch");
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
    Ns_MutexUnlock(&TclOf(server)->evalLock);
    ns_free(text);
    return result;
}

const char *
NsTclLibrary(const NsServer *server)
{
    return TclOf(server)->library;
}

const char *
NsTclInitFile(const NsServer *server)
{
    return TclOf(server)->initFile;
}

const char *const *
NsTclErrorHeaders(const NsServer *server)
{
    return server != NULL ? (const char *const *)TclOf(server)->errorHeaders : NULL;
}

void
NsTclAddModule(NsServer *server, const char *module)
{
    struct NsServerTcl *tcl = TclOf(server);
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

    Ns_MutexLock(&TclOf(server)->lock);
    for (i = 0; i < TclOf(server)->moduleCount; i++) {
        (void)Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(TclOf(server)->modules[i], -1));
    }
    Ns_MutexUnlock(&TclOf(server)->lock);
}

/* ------------------------------------------------------------------------------------------------------------- traces */

Ns_ReturnCode
Ns_TclRegisterTrace(const char *serverName, Ns_TclTraceProc *proc, const void *arg, Ns_TclTraceType when)
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
    trace->prev = TclOf(server)->last;
    if (TclOf(server)->last != NULL) {
        TclOf(server)->last->next = trace;
    } else {
        TclOf(server)->first = trace;
    }
    TclOf(server)->last = trace;
    TclOf(server)->traced |= when;
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

/*
 * The traces CREATE of C modules make commands: they run before library files are sourced, and in the middle of a blueprint,
 * which may import what they make.
 */
void
NsInterpAddModules(Tcl_Interp *interp)
{
    NsInterp    *data = NsGetInterpData(interp);
    const Trace *trace;

    if (!data->hasModules) {
        data->hasModules = true;
        for (trace = TclOf(data->server)->first; trace != NULL; trace = trace->next) {
            if ((trace->when & NS_TCL_TRACE_CREATE) != 0 && trace->proc != RunTraceScript) {
                (void)trace->proc(interp, trace->arg);
            }
        }
    }
}

static int
ModulesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterpAddModules(interp);
    return TCL_OK;
}

void
NsBlueprintPrepare(Tcl_Interp *interp)
{
    (void)Tcl_CreateObjCommand(interp, "::nsd::blueprint::modules", ModulesObjCmd, NULL, NULL);
}

bool
NsTclIsTraced(NsServer *server, unsigned when)
{
    return (TclOf(server)->traced & when) != 0;
}

/* What was set up first is taken down last. */
void
NsTclRunTraces(Tcl_Interp *interp, unsigned when)
{
    const struct NsServerTcl *tcl = TclOf(NsGetInterpData(interp)->server);
    bool                      reverse = (when & (NS_TCL_TRACE_DEALLOCATE | NS_TCL_TRACE_DELETE | NS_TCL_TRACE_FREECONN)) != 0;
    const Trace              *trace;

    if ((tcl->traced & when) == 0) {
        return;
    }
    for (trace = reverse ? tcl->last : tcl->first; trace != NULL; trace = reverse ? trace->prev : trace->next) {
        if ((trace->when & when) != 0 && (when != NS_TCL_TRACE_CREATE || trace->proc == RunTraceScript)) {
            (void)trace->proc(interp, trace->arg);
        }
    }
}

void
NsTclListTraces(NsServer *server, unsigned when, Tcl_DString *ds)
{
    const Trace *trace;

    for (trace = TclOf(server)->first; trace != NULL; trace = trace->next) {
        if ((trace->when & when) != 0) {
            Tcl_DStringAppendElement(ds, trace->proc == RunTraceScript ? (const char *)trace->arg : "c-proc");
        }
    }
}
