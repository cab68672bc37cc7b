/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Drivers: their modules are loaded, and register what they can do.
 */
#include <string.h>
#include "int.h"

static Driver *drivers;

static Driver *
Find(const char *name)
{
    Driver *driver = drivers;

    while (driver != NULL && strcmp(driver->name, name) != 0) {
        driver = driver->next;
    }
    return driver;
}

Ns_ReturnCode
Ns_DbRegisterDriver(const char *driver, const Ns_DbProc *procs)
{
    static const struct { Ns_DbProcId id; const char *name; } needed[] = {
        {DbFn_Name, "Name"}, {DbFn_DbType, "DbType"}, {DbFn_OpenDb, "OpenDb"}, {DbFn_CloseDb, "CloseDb"},
        {DbFn_GetRow, "GetRow"}, {DbFn_Exec, "Exec"}
    };
    Driver       *found = Find(driver);
    Ns_ReturnCode status = NS_OK;

    if (found == NULL || found->registered) {
        Ns_Log(Error, "nsdb: driver %s: %s", driver, found == NULL ? "it is in no section ns/db/drivers" : "it was registered before");
        return NS_ERROR;
    }
    for (; procs->id != DbFn_End; procs++) {
        if ((int)procs->id < 0 || procs->id >= NSDB_NUM_PROCS) {
            Ns_Log(Error, "nsdb: driver %s: there is no proc with number %d", driver, (int)procs->id);
            status = NS_ERROR;
        } else {
            found->procs[procs->id] = procs->func;
        }
    }
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (found->procs[needed[i].id] == NULL) {
            Ns_Log(Error, "nsdb: driver %s: it has no DbFn_%s", driver, needed[i].name);
            status = NS_ERROR;
        }
    }
    found->registered = status == NS_OK;
    return status;
}

Driver *
NsDbDriverLoad(const char *name)
{
    const char *module;
    Driver     *driver = Find(name);
    Tcl_DString path;

    if (driver != NULL) {
        return driver->registered ? driver : NULL;         /* why not was logged */
    }
    module = Ns_ConfigGetValue("ns/db/drivers", name);
    if (module == NULL) {
        Ns_Log(Error, "nsdb: driver %s: section ns/db/drivers does not name its module", name);
        return NULL;
    }
    driver = ns_calloc(1u, sizeof(Driver));
    driver->name = ns_strdup(name);
    driver->next = drivers;
    drivers = driver;
    Tcl_DStringInit(&path);
    Tcl_DStringAppend(&path, "ns/db/driver/", -1);
    Tcl_DStringAppend(&path, name, -1);
    /* The entry has the shape of Ns_ModuleInit: what is the server there, is the driver's name here. */
    if (Ns_ModuleLoad(NULL, name, Tcl_DStringValue(&path), module, "Ns_DbDriverInit") == NS_OK && !driver->registered) {
        Ns_Log(Error, "nsdb: driver %s: module %s has registered no driver", name, module);
    }
    Tcl_DStringFree(&path);
    return driver->registered ? driver : NULL;
}

void
NsDbDriverServerInit(Driver *driver, const char *server, const char *module)
{
    typedef Ns_ReturnCode (ServerInitProc)(const char *server, const char *module, const char *driver);
    ServerInitProc *proc = (ServerInitProc *)driver->procs[DbFn_ServerInit];

    if (proc != NULL && proc(server, module, driver->name) != NS_OK) {
        Ns_Log(Error, "nsdb: driver %s could not be initialised for server %s", driver->name, server);
    }
}
