/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The module nsdb: pools of database handles for scripts.  A server that loads it gets the commands, and those pools of
 * section ns/db/pools that its section ns/server/NAME/db names.  The work is done in libnsdb, which drivers are linked with, too.
 */
#include "int.h"

NS_EXPORT const int Ns_ModuleVersion = 1;
NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;

static Ns_ReturnCode
AddCommands(Tcl_Interp *interp, const void *arg)
{
    (void)arg;
    NsDbAddCommands(interp);
    NsDbAddQuoteCommands(interp);
    return NS_OK;
}

Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *module)
{
    if (server == NULL) {
        Ns_Log(Error, "%s: to be loaded by a server: section ns/server/NAME/modules", module);
        return NS_ERROR;
    }
    if (NsDbServerInit(server, module) != NS_OK) {
        return NS_ERROR;
    }
    return Ns_TclRegisterTrace(server, AddCommands, NULL, NS_TCL_TRACE_CREATE);
}
