/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_http: requests to other servers.
 */
#include "cmd/client/httpqueue.h"
#include "cmd/client/httptask.h"
#include "cmd/cmds.h"

static int
RunObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsHttpTask   *task = NsHttpTaskCreate(clientData, interp, false, objc, objv);
    Ns_ReturnCode status;
    int           result = TCL_ERROR;

    if (task != NULL) {
        status = NsHttpRun(&task->call, &task->outcome);
        if (status == NS_OK && !NsHttpSinkEnd(&task->sink)) {
            status = NS_ERROR;
        }
        NsHttpTaskLog(task, status);
        result = NsHttpTaskResult(task, interp, status);
        NsHttpTaskFree(task, status != NS_OK && !task->opt.partialResults);
    }
    return result;
}

static int
TaskThreadsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_DString ds;

    (void)clientData;
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    NsHttpThreadsList(&ds);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

static int
KeepAlivesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_DString ds;

    (void)clientData;
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    NsHttpIdleList(&ds);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

static int
HttpObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"cancel", NsHttpCancelObjCmd}, {"cleanup", NsHttpCleanupObjCmd}, {"keepalives", KeepAlivesObjCmd},
        {"list", NsHttpListObjCmd}, {"queue", NsHttpQueueObjCmd}, {"run", RunObjCmd}, {"stats", NsHttpStatsObjCmd},
        {"taskthreads", TaskThreadsObjCmd}, {"wait", NsHttpWaitObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsHttpClientCmds[];
const NsCmd nsHttpClientCmds[] = {
    {"ns_http", HttpObjCmd, 0},
    {NULL, NULL, 0}
};
