/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A module for bench/db: `bench_select STATEMENTS SQL` does in C what the script does with ns_db, with a handle of its own.
 */
#include "nsdb.h"

NS_EXPORT const int Ns_ModuleVersion = 1;
NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;

static int
SelectObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int          statements, status = NS_OK;
    char        *id, *sql;
    Ns_DbHandle *handle;
    Ns_ObjvSpec  args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"statements", Ns_ObjvInt, &statements, NULL},
                           {"sql", Ns_ObjvString, &sql, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK || Ns_TclDbGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    for (int i = 0; i < statements && status != NS_ERROR; i++) {
        Ns_Set *row = Ns_DbSelect(handle, sql);

        status = row != NULL ? NS_OK : NS_ERROR;
        while (status == NS_OK) {
            status = Ns_DbGetRow(handle, row);
        }
    }
    if (status == NS_ERROR) {
        Ns_TclPrintfResult(interp, "%s", Tcl_DStringValue(&handle->dsExceptionMsg));
    }
    return status == NS_ERROR ? TCL_ERROR : TCL_OK;
}

static Ns_ReturnCode
AddCommands(Tcl_Interp *interp, const void *arg)
{
    (void)arg;
    (void)Tcl_CreateObjCommand(interp, "bench_select", SelectObjCmd, NULL, NULL);
    return NS_OK;
}

Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *module)
{
    (void)module;
    return Ns_TclRegisterTrace(server, AddCommands, NULL, NS_TCL_TRACE_CREATE);
}
