/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Interpreters, threads and sets as modules use them (nsinterp.h).
 */
#include <stdatomic.h>
#include <string.h>
#include "conf/info.h"
#include "interp/blueprint.h"
#include "interp/interp.h"
#include "interp/sets.h"

int
Nsd_Init(Tcl_Interp *interp)
{
    return Ns_TclInit(interp);
}

void
Ns_TclMarkForDelete(Tcl_Interp *interp)
{
    NsGetInterpData(interp)->deleteWhenGiven = true;
}

const Ns_Server *
Ns_TclInterpServPtr(Tcl_Interp *interp)
{
    return NsGetInterpData(interp)->server;
}

void
Ns_TclRegisterDeferred(Tcl_Interp *interp, Ns_TclDeferProc *proc, void *arg)
{
    NsInterpDefer(interp, proc, arg);
}

const char *
Ns_TclLogError(Tcl_Interp *interp)
{
    return Ns_TclLogErrorInfo(interp, NULL);
}

const char *
Ns_TclLibrary(const char *server)
{
    NsServer *found = server != NULL ? NsServerGet(server) : NULL;

    return found != NULL ? NsTclLibrary(found) : NsInfoTclLibrary();
}

Ns_ReturnCode
Ns_TclInitModule(const char *server, const char *module)
{
    NsServer *found = NsServerGet(server);

    if (found == NULL || NsBlueprintEpoch(found) > 0) {
        Ns_Log(Error, "interp: the Tcl files of module '%s' cannot be sourced for server '%s': %s", module, server,
               found == NULL ? "there is none" : "those of its modules were already");
        return NS_ERROR;
    }
    NsTclAddModule(found, module);
    return NS_OK;
}

static Ns_ReturnCode
RegisterAt(Ns_TclTraceProc *proc, const void *arg, Ns_TclTraceType when)
{
    const NsServer *server = NsServerInMaking();

    return Ns_TclRegisterTrace(server != NULL ? server->name : NULL, proc, arg, when);
}

Ns_ReturnCode
Ns_TclRegisterAtCreate(Ns_TclTraceProc *proc, const void *arg)
{
    return RegisterAt(proc, arg, NS_TCL_TRACE_CREATE);
}

Ns_ReturnCode
Ns_TclRegisterAtCleanup(Ns_TclTraceProc *proc, const void *arg)
{
    return RegisterAt(proc, arg, NS_TCL_TRACE_DEALLOCATE);
}

Ns_ReturnCode
Ns_TclRegisterAtDelete(Ns_TclTraceProc *proc, const void *arg)
{
    return RegisterAt(proc, arg, NS_TCL_TRACE_DELETE);
}

/* ------------------------------------------------------------------------------------------------------------- threads */

typedef struct Work {
    NsServer *server;
    char     *script;
    bool      joined;
} Work;

static void
RunWork(void *arg)
{
    static atomic_uint serial;
    Work              *work = arg;
    Tcl_Interp        *interp;
    char              *result = NULL;
    bool               joined = work->joined;

    Ns_ThreadSetName("-tcl:c%u-", atomic_fetch_add(&serial, 1));
    Ns_SetThreadServer(work->server != NULL ? work->server->name : NULL);
    NsInfoAwait(NS_PHASE_STARTED);
    interp = NsInterpTake(work->server);
    if (Tcl_EvalEx(interp, work->script, -1, TCL_EVAL_GLOBAL) != TCL_OK) {
        (void)Ns_TclLogErrorInfo(interp, NULL);
    } else if (joined) {
        result = ns_strdup(Tcl_GetStringResult(interp));
    }
    NsInterpGive(interp);
    ns_free(work->script);
    ns_free(work);
    if (joined) {
        Ns_ThreadExit(result);
    }
}

Ns_ReturnCode
Ns_TclThread(Tcl_Interp *interp, const char *script, Ns_Thread *thrPtr)
{
    Work *work = ns_calloc(1, sizeof(*work));

    work->server = NsGetInterpData(interp)->server;
    work->script = ns_strdup(script);
    work->joined = thrPtr != NULL;
    Ns_ThreadCreate(RunWork, work, 0, thrPtr);
    return NS_OK;
}

Ns_ReturnCode
Ns_TclDetachedThread(Tcl_Interp *interp, const char *script)
{
    return Ns_TclThread(interp, script, NULL);
}

/* ---------------------------------------------------------------------------------------------------------------- sets */

int
Ns_TclFreeSet(Tcl_Interp *interp, const char *setId)
{
    Ns_Set *set;

    if (Ns_TclGetSet2(interp, setId, &set) != TCL_OK) {
        return TCL_ERROR;
    }
    NsSetsDrop(NsGetInterpData(interp), setId);
    return TCL_OK;
}

Ns_Set *
Ns_SetCreateFromDict(Tcl_Interp *interp, const char *name, Tcl_Obj *listObj, unsigned int flags)
{
    Tcl_Obj **words;
    int       count;
    Ns_Set   *set;

    if (Tcl_ListObjGetElements(interp, listObj, &count, &words) != TCL_OK) {
        return NULL;
    }
    if (count % 2 != 0) {
        if (interp != NULL) {
            Ns_TclPrintfResult(interp, "list '%s' has to consist of an even number of elements", Tcl_GetString(listObj));
        }
        return NULL;
    }
    set = (flags & NS_SET_OPTION_NOCASE) != 0u ? Ns_SetCreateNoCase(name) : Ns_SetCreate(name);
    for (int i = 0; i < count; i += 2) {
        int         keyLen, valueLen;
        const char *key = Tcl_GetStringFromObj(words[i], &keyLen), *value = Tcl_GetStringFromObj(words[i + 1], &valueLen);

        (void)Ns_SetPutSz(set, key, keyLen, value, valueLen);
    }
    return set;
}
