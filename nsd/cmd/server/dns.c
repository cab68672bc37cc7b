/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_addrbyhost, ns_hostbyaddr.
 */
#include "cmd/cmds.h"
#include "net/dns.h"

static int
NotFound(Tcl_Interp *interp, const char *what, Ns_ReturnCode status)
{
    Ns_TclPrintfResult(interp, "could not lookup %s%s", what, status == NS_TIMEOUT ? ": timeout" : "");
    if (status == NS_TIMEOUT) {
        Tcl_SetErrorCode(interp, "NS_TIMEOUT", (char *)NULL);
    }
    return TCL_ERROR;
}

static int
AddrByHostObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           all = 0, code = TCL_OK;
    char         *host;
    Ns_ReturnCode status;
    Tcl_Obj      *list, *first = NULL;
    Ns_ObjvSpec   opts[] = {{"-all", Ns_ObjvBool, &all, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec   args[] = {{"hostname", Ns_ObjvString, &host, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    Tcl_IncrRefCount(list);
    status = NsDnsAddresses(host, list);
    if (status != NS_OK) {
        code = NotFound(interp, host, status);
    } else if (all) {
        Tcl_SetObjResult(interp, list);
    } else {
        Tcl_ListObjIndex(NULL, list, 0, &first);
        Tcl_SetObjResult(interp, first);
    }
    Tcl_DecrRefCount(list);
    return code;
}

static int
HostByAddrObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *address;
    Ns_ReturnCode status;
    Tcl_DString   name;
    Ns_ObjvSpec   args[] = {{"address", Ns_ObjvString, &address, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&name);
    status = NsDnsName(address, &name);
    if (status == NS_OK) {
        Tcl_DStringResult(interp, &name);
    }
    Tcl_DStringFree(&name);
    return status == NS_OK ? TCL_OK : NotFound(interp, address, status);
}

extern const NsCmd nsDnsCmds[];
const NsCmd nsDnsCmds[] = {
    {"ns_addrbyhost", AddrByHostObjCmd, 0},
    {"ns_hostbyaddr", HostByAddrObjCmd, 0},
    {NULL, NULL, 0}
};
