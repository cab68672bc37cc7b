/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_atclose: scripts that wait for the end of the answer.
 */
#include "cmd/cmds.h"
#include "cmd/request/conncmd.h"

struct NsAtClose {
    struct NsAtClose *next;
    Tcl_Obj          *command;
};

/* The last one first. */
static void
RunAtClose(Tcl_Interp *interp, NsInterp *data)
{
    Tcl_InterpState state = Tcl_SaveInterpState(interp, TCL_OK);

    while (data->atClose != NULL) {
        struct NsAtClose *entry = data->atClose;

        data->atClose = entry->next;
        if (Tcl_EvalObjEx(interp, entry->command, TCL_EVAL_GLOBAL) == TCL_ERROR) {
            (void)Ns_TclLogErrorInfo(interp, "\n    while executing an ns_atclose script");
        }
        Tcl_DecrRefCount(entry->command);
        ns_free(entry);
    }
    (void)Tcl_RestoreInterpState(interp, state);
}

/* The request is over though nobody completed the answer by a command. */
static void
RunAtCloseLate(Tcl_Interp *interp, void *arg)
{
    RunAtClose(interp, arg);
}

void
NsAtCloseCheck(Tcl_Interp *interp, NsInterp *data)
{
    if (data->atClose != NULL && (data->conn == NULL || data->conn->sock == NULL)) {
        RunAtClose(interp, data);
    }
}

static int
AtCloseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp         *data = clientData;
    Tcl_Obj          *script;
    int               argCount = 0;
    struct NsAtClose *entry;
    Ns_ObjvSpec       args[] = {
        {"script", Ns_ObjvObj, &script, NULL},
        {"?arg",   Ns_ObjvArgs, &argCount, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (data->conn == NULL) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("no connection", -1));
        return TCL_ERROR;
    }
    entry = ns_malloc(sizeof *entry);
    /* The arguments are joined as `eval` does it: a list among them becomes its elements. */
    entry->command = argCount > 0 ? Tcl_ConcatObj(argCount + 1, objv + (objc - argCount - 1)) : Tcl_DuplicateObj(script);
    Tcl_IncrRefCount(entry->command);
    if (data->atClose == NULL) {
        NsInterpDefer(interp, RunAtCloseLate, data);
    }
    entry->next = data->atClose;
    data->atClose = entry;
    return TCL_OK;
}

extern const NsCmd nsAtCloseCmds[];
const NsCmd nsAtCloseCmds[] = {
    {"ns_atclose", AtCloseObjCmd, NS_CMD_SERVER},
    {NULL, NULL, 0}
};
