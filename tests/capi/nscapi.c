/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A module for capi.test: it calls what ns.h offers to modules for NaviServer, by its public names alone, and tells what came of it.
 */
#include "nscapi.h"

NS_EXPORT const int Ns_ModuleVersion = 1;
NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;
NS_EXPORT Ns_ModuleInfoProc Ns_ModuleGetInfo;

void
Ns_ModuleGetInfo(Ns_ModuleInfo *info)
{
    Ns_ModuleInfoInit(info, NS_MODULE_INFO_VERSION, "nscapi", "7.5", "a-tag", "test", 1u);
}

static int
CapiObjCmd(ClientData UNUSED(clientData), Tcl_Interp *interp, TCL_OBJC_T objc, Tcl_Obj *const *objv)
{
    const Check  *tables[] = {
        baseChecks, connChecks, sockChecks,
        hostChecks, dataChecks, moreChecks,
        valueChecks, listChecks, coreChecks, wireChecks,
    };
    const char   *argv[16];
    Tcl_DString   ds;
    Ns_ReturnCode status = NS_FATAL;

    if (objc < 2 || objc > 16) {
        Tcl_WrongNumArgs(interp, 1, objv, "name ?value ...?");
        return TCL_ERROR;
    }
    for (int i = 2; i < objc; i++) {
        argv[i - 2] = Tcl_GetString(objv[i]);
    }
    Ns_DStringInit(&ds);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && status == NS_FATAL; i++) {
        for (const Check *check = tables[i]; check->name != NULL; check++) {
            if (STREQ(check->name, Tcl_GetString(objv[1]))) {
                status = check->proc(interp, &ds, objc - 2, argv);
                break;
            }
        }
    }
    if (status == NS_FATAL) {
        Ns_DStringPrintf(&ds, "no such check: %s", Tcl_GetString(objv[1]));
    }
    Tcl_DStringResult(interp, &ds);
    return status == NS_OK ? TCL_OK : TCL_ERROR;
}

static Ns_ReturnCode
AddCommand(Tcl_Interp *interp, const void *UNUSED(arg))
{
    TCL_CREATEOBJCOMMAND(interp, "capi", CapiObjCmd, NULL, NULL);
    return NS_OK;
}

Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *UNUSED(module))
{
    ConnInit(server);
    HostInit(server);
    DataInit(server);
    CoreInit(server);
    MoreInit(server);
    return Ns_TclRegisterTrace(server, AddCommand, NULL, NS_TCL_TRACE_CREATE);
}
