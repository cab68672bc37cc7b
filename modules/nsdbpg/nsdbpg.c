/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nsdbpg: PostgreSQL for nsdb.  Its start, which knows all the others.
 */
#include "pg.h"

NS_EXPORT const int Ns_ModuleVersion = 1;
NS_EXPORT NsDb_DriverInitProc Ns_DbDriverInit;

static Ns_ReturnCode
AddCommands(Tcl_Interp *interp, const void *arg)
{
    (void)arg;
    PgAddCommands(interp);
    return NS_OK;
}

static Ns_ReturnCode
ServerInit(const char *server, const char *module, const char *driver)
{
    (void)module;
    (void)driver;
    return Ns_TclRegisterTrace(server, AddCommands, NULL, NS_TCL_TRACE_CREATE);
}

Ns_ReturnCode
Ns_DbDriverInit(const char *driver, const char *path)
{
    static bool started;

    if (!started) {
        started = true;
        PgListenStart();
    }
    return PgRegister(driver, path, (ns_funcptr_t)ServerInit);
}
