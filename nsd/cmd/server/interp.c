/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Commands for interpreters, and for scripts at points in the life of the process: ns_ictl, ns_eval, ns_at*, ns_runonce,
 * ns_library, ns_moduleload.
 */
#include <string.h>

#include "interp/blueprint.h"
#include "interp/callbacks.h"
#include "cmd/cmds.h"
#include "conf/info.h"
#include "interp/interp.h"
#include "interp/script.h"

/* ------------------------------------------------------------------------------------------------- scripts of ns_at* */

static void
RunScript(const NsScript *script, const char *what)
{
    Tcl_Interp *interp = NsInterpTake(NsScriptServer(script));

    if (NsScriptEval(interp, script, NULL, NULL) == TCL_ERROR) {
        (void)Ns_TclLogErrorInfo(interp, what);
    }
    NsInterpGive(interp);
}

static void
AtProc(void *arg)
{
    RunScript(arg, "\n    (running a registered script)");
}

static void
AtShutdownProc(const Ns_Time *until, void *arg)
{
    if (until == NULL) {
        RunScript(arg, "\n    (running a script of ns_atshutdown)");
    }
}

static void
AppendScript(Tcl_DString *ds, const void *arg)
{
    NsScriptAppend(ds, arg);
}

static void
Describe(void)
{
    static bool done = false;

    Ns_MasterLock();
    if (!done) {
        done = true;
        NsProcDescribe((void (*)(void))AtProc, "ns:tclcallback", AppendScript);
        NsProcDescribe((void (*)(void))AtShutdownProc, "ns:tclcallback", AppendScript);
    }
    Ns_MasterUnlock();
}

static int
RegisterScript(void *(*registerProc)(Ns_Callback *, void *), const NsInterp *data, int objc, Tcl_Obj *const *objv)
{
    char       *script = NULL;
    int         nargs = 0;
    Ns_ObjvSpec args[] = {
        {"script", Ns_ObjvString, &script, NULL},
        {"?arg",   Ns_ObjvArgs,   &nargs,  NULL},
        {NULL, NULL, NULL, NULL}
    };
    NsScript   *copy;

    if (Ns_ParseObjv(NULL, args, data->interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Describe();
    copy = NsScriptCreate(data->server, script, nargs, objv + objc - nargs);
    if (registerProc != NULL) {
        (void)registerProc(AtProc, copy);
    } else {
        (void)Ns_RegisterAtShutdown(AtShutdownProc, copy);
    }
    return TCL_OK;
}

static int
AtStartupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return RegisterScript(Ns_RegisterAtStartup, clientData, objc, objv);
}

static int
AtPreStartupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return RegisterScript(Ns_RegisterAtPreStartup, clientData, objc, objv);
}

static int
AtSignalObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return RegisterScript(Ns_RegisterAtSignal, clientData, objc, objv);
}

static int
AtExitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return RegisterScript(Ns_RegisterAtExit, clientData, objc, objv);
}

static int
AtShutdownObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return RegisterScript(NULL, clientData, objc, objv);
}

/* ------------------------------------------------------------------------------------------------------------ ns_ictl */

static const Ns_ObjvTable traceTable[] = {
    {"allocate",   NS_TCL_TRACE_ALLOCATE},
    {"create",     NS_TCL_TRACE_CREATE},
    {"deallocate", NS_TCL_TRACE_DEALLOCATE},
    {"delete",     NS_TCL_TRACE_DELETE},
    {"freeconn",   NS_TCL_TRACE_FREECONN},
    {"getconn",    NS_TCL_TRACE_GETCONN},
    {"idle",       NS_TCL_TRACE_IDLE},
    {NULL, 0}
};

/* The trace point in objv[2]. */
static int
GetTrace(Tcl_Interp *interp, Tcl_Obj *obj, unsigned *when)
{
    int index;

    if (Tcl_GetIndexFromObjStruct(interp, obj, traceTable, sizeof traceTable[0], "option", TCL_EXACT, &index) != TCL_OK) {
        return TCL_ERROR;
    }
    *when = traceTable[index].value;
    return TCL_OK;
}

/* ns_ictl addmodule module */
static int
IctlAddModuleObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;
    char           *module = NULL;
    Ns_ObjvSpec     args[] = {{"module", Ns_ObjvString, &module, NULL}, {NULL, NULL, NULL, NULL}};
    Tcl_Obj        *list;

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (Ns_InfoStarted()) {
        Ns_TclPrintfResult(interp, "cannot add module '%s' after server startup", module);
        return TCL_ERROR;
    }
    NsTclAddModule(data->server, module);
    list = Tcl_NewListObj(0, NULL);
    NsTclListModules(data->server, list);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static int
IctlCleanupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    NsTclRunTraces(interp, NS_TCL_TRACE_DEALLOCATE);
    NsInterpTidy(interp);
    return TCL_OK;
}

static int
IctlEpochObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewLongObj(NsBlueprintEpoch(data->server)));
    return TCL_OK;
}

static int
IctlGetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, NsBlueprintGet(data->server));
    return TCL_OK;
}

static int
IctlGetModulesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;
    Tcl_Obj        *list;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    NsTclListModules(data->server, list);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* ns_ictl gettraces point */
static int
IctlGetTracesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;
    unsigned        when;
    Tcl_DString     ds;

    if (objc < 3) {
        Tcl_WrongNumArgs(interp, 2, objv, "allocate|create|deallocate|delete|freeconn|getconn|idle");
        return TCL_ERROR;
    }
    if (GetTrace(interp, objv[2], &when) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    NsTclListTraces(data->server, when, &ds);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

/* ns_ictl runtraces point */
static int
IctlRunTracesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    unsigned when;

    if (objc < 3) {
        Tcl_WrongNumArgs(interp, 2, objv, "allocate|create|deallocate|delete|freeconn|getconn|idle");
        return TCL_ERROR;
    }
    if (GetTrace(interp, objv[2], &when) != TCL_OK) {
        return TCL_ERROR;
    }
    NsTclRunTraces(interp, when);
    return TCL_OK;
}

static int
AddTrace(const NsInterp *data, const char *what, unsigned when, int nargs, Tcl_Obj *const *args)
{
    Tcl_Obj *script;

    if (Ns_InfoStarted()) {
        Ns_TclPrintfResult(data->interp, "cannot add trace %s '%s' after server startup", what, Tcl_GetString(args[0]));
        return TCL_ERROR;
    }
    script = nargs == 1 ? args[0] : Tcl_NewListObj(nargs, args);
    Tcl_IncrRefCount(script);
    (void)NsTclAddTraceScript(data->server, when, script);
    Tcl_DecrRefCount(script);
    return TCL_OK;
}

/* ns_ictl trace point script ?arg ...? */
static int
IctlTraceObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    unsigned when;

    if (objc < 4) {
        Tcl_WrongNumArgs(interp, 2, objv, "allocate|create|deallocate|delete|freeconn|getconn|idle /script/ ?/arg .../?");
        return TCL_ERROR;
    }
    if (GetTrace(interp, objv[2], &when) != TCL_OK) {
        return TCL_ERROR;
    }
    return AddTrace(clientData, Tcl_GetString(objv[1]), when, objc - 3, objv + 3);
}

/* ns_ictl on... script ?arg ...? */
static int
OldTrace(const NsInterp *data, unsigned when, int objc, Tcl_Obj *const *objv)
{
    if (objc < 3) {
        Tcl_WrongNumArgs(data->interp, 2, objv, "/script/ ?/arg .../?");
        return TCL_ERROR;
    }
    return AddTrace(data, Tcl_GetString(objv[1]), when, objc - 2, objv + 2);
}

static int
IctlOnCreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return OldTrace(clientData, NS_TCL_TRACE_CREATE, objc, objv);
}

static int
IctlOnCleanupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return OldTrace(clientData, NS_TCL_TRACE_DEALLOCATE, objc, objv);
}

static int
IctlOnDeleteObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return OldTrace(clientData, NS_TCL_TRACE_DELETE, objc, objv);
}

static int
IctlMarkForDeleteObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp *data = clientData;

    if (Ns_ParseObjv(NULL, NULL, interp, objc > 0 && Tcl_GetString(objv[0])[3] == 'm' ? 1 : 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    data->deleteWhenGiven = true;
    return TCL_OK;
}

/* Here one change of the blueprint is made at a time, and nobody waits but the one who makes it. */
static int
IctlMaxConcurrentUpdatesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int updates = 1;

    if (objc > 2 && Tcl_GetIntFromObj(interp, objv[2], &updates) != TCL_OK) {
        return TCL_ERROR;
    }
    if (objc > 3 || updates != 1) {
        Ns_TclPrintfResult(interp, "changes of interpreters are made one at a time: the only value is 1");
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(1));
    return TCL_OK;
}

/* ns_ictl save script */
static int
IctlSaveObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;
    char           *script = NULL;
    Ns_ObjvSpec     args[] = {{"script", Ns_ObjvString, &script, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    NsBlueprintSave(data->server, script);
    return TCL_OK;
}

static int
IctlUpdateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    NsInterpUpdate(interp);
    return TCL_OK;
}

static int
IctlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"addmodule",            IctlAddModuleObjCmd},
        {"cleanup",              IctlCleanupObjCmd},
        {"epoch",                IctlEpochObjCmd},
        {"get",                  IctlGetObjCmd},
        {"getmodules",           IctlGetModulesObjCmd},
        {"gettraces",            IctlGetTracesObjCmd},
        {"markfordelete",        IctlMarkForDeleteObjCmd},
        {"maxconcurrentupdates", IctlMaxConcurrentUpdatesObjCmd},
        {"oncleanup",            IctlOnCleanupObjCmd},
        {"oncreate",             IctlOnCreateObjCmd},
        {"ondelete",             IctlOnDeleteObjCmd},
        {"oninit",               IctlOnCreateObjCmd},
        {"runtraces",            IctlRunTracesObjCmd},
        {"save",                 IctlSaveObjCmd},
        {"trace",                IctlTraceObjCmd},
        {"update",               IctlUpdateObjCmd},
        {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

/* ------------------------------------------------------------------------------------------------------- ns_eval & co */

/*
 * ns_eval ?-sync? ?-pending? script ?args?
 *
 * Changes are made at once, whether -sync is given or not; with it the calling interpreter has them too when the
 * command returns, else like all others when its present work is over.
 */
static int
EvalObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp *data = clientData;
    bool      sync = false, pending = false;
    int       i, result;
    Tcl_Obj  *script;

    for (i = 1; i < objc; i++) {
        const char *option = Tcl_GetString(objv[i]);

        if (strcmp(option, "-sync") == 0) {
            sync = true;
        } else if (strcmp(option, "-pending") == 0) {
            pending = true;
        } else {
            break;
        }
    }
    if (pending && i == objc) {
        return TCL_OK;                         /* nothing ever is */
    }
    if (pending || i == objc) {
        Tcl_WrongNumArgs(interp, 1, objv, "?-sync? ?-pending? /script/ ?args?");
        return TCL_ERROR;
    }
    script = objc - i == 1 ? objv[i] : Tcl_NewListObj(objc - i, objv + i);
    Tcl_IncrRefCount(script);
    result = NsBlueprintEval(data->server, interp, script);
    Tcl_DecrRefCount(script);
    if (result == TCL_OK && sync) {
        Tcl_Obj *value = Tcl_GetObjResult(interp);

        Tcl_IncrRefCount(value);
        NsInterpUpdate(interp);
        Tcl_SetObjResult(interp, value);
        Tcl_DecrRefCount(value);
    }
    return result;
}

/* ns_cleanup: what is done between two requests, now. */
static int
CleanupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    NsInterpTidy(interp);
    return TCL_OK;
}

/* ns_library shared|private ?module? */
static int
LibraryObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable kinds[] = {{"private", 0}, {"shared", 1}, {NULL, 0}};
    const NsInterp *data = clientData;
    int             kind = 0;
    char           *module = NULL, *path;
    const char     *base;
    Ns_ObjvSpec     args[] = {
        {"kind",    Ns_ObjvIndex,  &kind,   (void *)kinds},
        {"?module", Ns_ObjvString, &module, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    base = kind == 1 ? NsInfoTclLibrary() : NsTclLibrary(data->server);
    path = NsInfoPath(base, module != NULL ? module : "");
    Tcl_SetObjResult(interp, Tcl_NewStringObj(path, -1));
    ns_free(path);
    return TCL_OK;
}

/* ns_moduleload ?-global? ?-init value? ?--? module file */
static int
ModuleLoadObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;
    int             global = 0;
    char           *init = NULL, *module = NULL, *file = NULL;
    Ns_ObjvSpec     opts[] = {
        {"-global", Ns_ObjvBool,   &global, (void *)1},
        {"-init",   Ns_ObjvString, &init,   NULL},
        {"--",      Ns_ObjvBreak,  NULL,    NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec     args[] = {
        {"module", Ns_ObjvString, &module, NULL},
        {"file",   Ns_ObjvString, &file,   NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (Ns_InfoStarted()) {
        Ns_TclPrintfResult(interp, "module %s: modules are loaded at server startup only", module);
        return TCL_ERROR;
    }
    return Ns_ModuleLoad(interp, global ? NULL : data->server->name, module, file, init) == NS_OK ? TCL_OK : TCL_ERROR;
}

/* ns_runonce ?-global? ?--? script: evaluated the first time only, for a server or with -global for the process. */
static int
RunOnceObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Tcl_HashTable done;
    static bool          initialized = false;
    const NsInterp      *data = clientData;
    int                  global = 0, isNew;
    char                *script = NULL;
    Tcl_DString          key;
    Ns_ObjvSpec          opts[] = {
        {"-global", Ns_ObjvBool,  &global, (void *)1},
        {"--",      Ns_ObjvBreak, NULL,    NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec          args[] = {{"script", Ns_ObjvString, &script, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&key);
    Tcl_DStringAppend(&key, global ? "" : data->server->name, -1);
    Tcl_DStringAppend(&key, "\n", 1);
    Tcl_DStringAppend(&key, script, -1);
    Ns_MasterLock();
    if (!initialized) {
        Tcl_InitHashTable(&done, TCL_STRING_KEYS);
        initialized = true;
    }
    (void)Tcl_CreateHashEntry(&done, Tcl_DStringValue(&key), &isNew);
    Ns_MasterUnlock();
    Tcl_DStringFree(&key);
    return isNew ? Tcl_Eval(interp, script) : TCL_OK;
}

const NsCmd nsInterpCmds[] = {
    {"ns_atexit",        AtExitObjCmd,           NS_CMD_SERVER},
    {"ns_atprestartup",  AtPreStartupObjCmd,     NS_CMD_SERVER},
    {"ns_atshutdown",    AtShutdownObjCmd,       NS_CMD_SERVER},
    {"ns_atsignal",      AtSignalObjCmd,         NS_CMD_SERVER},
    {"ns_atstartup",     AtStartupObjCmd,        NS_CMD_SERVER},
    {"ns_cleanup",       CleanupObjCmd,          NS_CMD_SERVER},
    {"ns_eval",          EvalObjCmd,             NS_CMD_SERVER},
    {"ns_ictl",          IctlObjCmd,             NS_CMD_SERVER},
    {"ns_library",       LibraryObjCmd,          NS_CMD_SERVER},
    {"ns_markfordelete", IctlMarkForDeleteObjCmd, NS_CMD_SERVER},
    {"ns_moduleload",    ModuleLoadObjCmd,       NS_CMD_SERVER},
    {"ns_runonce",       RunOnceObjCmd,          NS_CMD_SERVER},
    {NULL, NULL, 0}
};
