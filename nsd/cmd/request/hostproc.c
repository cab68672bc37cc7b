/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_serverrootproc, ns_locationproc: scripts that know the folder of a host, and what its URLs begin with.
 */
#include "cmd/cmds.h"
#include "interp/interp.h"
#include "request/hostproc.h"

/* They are read without a lock once requests come. */
static int
SetScript(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, void (*set)(NsServer *server, NsScript *script))
{
    char       *script;
    int         argCount = 0;
    NsServer   *server = NsServerInMaking();
    Ns_ObjvSpec args[] = {
        {"script", Ns_ObjvString, &script, NULL},
        {"?arg",   Ns_ObjvArgs, &argCount, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (server == NULL) {
        Ns_TclPrintfResult(interp, "%s: only while the server starts: in its library or initcmds", Tcl_GetString(objv[0]));
        return TCL_ERROR;
    }
    set(server, NsScriptCreate(server, script, argCount, objv + (objc - argCount)));
    return TCL_OK;
}

static int
ServerRootProcObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    (void)clientData;
    return SetScript(interp, objc, objv, NsHostSetRootScript);
}

static int
LocationProcObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    (void)clientData;
    return SetScript(interp, objc, objv, NsHostSetLocationScript);
}

const NsCmd nsHostProcCmds[] = {
    {"ns_locationproc",   LocationProcObjCmd,   NS_CMD_SERVER},
    {"ns_serverrootproc", ServerRootProcObjCmd, NS_CMD_SERVER},
    {NULL, NULL, 0}
};
