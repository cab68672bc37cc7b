/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_driver: the drivers, their threads and counters.
 */
#include <string.h>

#include "cmd/cmds.h"
#include "driver.h"
#include "driver/progress.h"
#include "interp/interp.h"

typedef struct Walk {
    Tcl_Obj        *list;
    const NsServer *server;                    /* NULL: all */
    bool          (*proc)(NsDriver *driver, Tcl_Obj *list);
} Walk;

static bool
EachDriver(NsDriver *driver, void *arg)
{
    Walk *walk = arg;

    if (walk->server == NULL || driver->server == NULL || driver->server == walk->server) {
        (void)walk->proc(driver, walk->list);
    }
    return true;
}

/* The list that proc makes over all drivers of a server (NULL: of all). */
static int
WalkDrivers(Tcl_Interp *interp, const NsServer *server, bool (*proc)(NsDriver *driver, Tcl_Obj *list))
{
    Walk walk = {Tcl_NewListObj(0, NULL), server, proc};

    NsDriverEach(EachDriver, &walk);
    Tcl_SetObjResult(interp, walk.list);
    return TCL_OK;
}

static int
ListDrivers(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool (*proc)(NsDriver *driver, Tcl_Obj *list))
{
    Ns_Server  *server = NULL;
    Ns_ObjvSpec opts[] = {{"-server", Ns_ObjvServer, &server, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return WalkDrivers(interp, server, proc);
}

static bool
AppendName(NsDriver *driver, Tcl_Obj *list)
{
    return Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(driver->module, -1)) == TCL_OK;
}

static bool
AppendInfo(NsDriver *driver, Tcl_Obj *list)
{
    Tcl_Obj *dict = Tcl_NewDictObj();

    NsDriverAppendInfo(driver, dict);
    return Tcl_ListObjAppendElement(NULL, list, dict) == TCL_OK;
}

static bool
AppendThreadStats(const NsDriver *driver, bool all, Tcl_Obj *list)
{
    int i;

    for (i = 0; i < NsDriverThreadCount(driver); i++) {
        Tcl_Obj *dict = Tcl_NewDictObj();

        NsDriverAppendThreadStats(driver, i, all, dict);
        (void)Tcl_ListObjAppendElement(NULL, list, dict);
    }
    return true;
}

static bool AppendStats(NsDriver *driver, Tcl_Obj *list)    { return AppendThreadStats(driver, false, list); }
static bool AppendAllStats(NsDriver *driver, Tcl_Obj *list) { return AppendThreadStats(driver, true, list); }

static bool
AppendThreads(NsDriver *driver, Tcl_Obj *list)
{
    int i;

    for (i = 0; i < NsDriverThreadCount(driver); i++) {
        (void)Tcl_ListObjAppendElement(NULL, list, Tcl_ObjPrintf("%s:%d", driver->module, i));
    }
    return true;
}

static int
DriverInfoObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ListDrivers(interp, objc, objv, AppendInfo);
}

static int
DriverNamesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ListDrivers(interp, objc, objv, AppendName);
}

static int
DriverStatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         all = 0;
    Ns_Server  *server = NULL;
    Ns_ObjvSpec opts[] = {
        {"-all", Ns_ObjvBool, &all, (void *)1},
        {"-server", Ns_ObjvServer, &server, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return WalkDrivers(interp, server, all ? AppendAllStats : AppendStats);
}

static int
DriverThreadsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ListDrivers(interp, objc, objv, AppendThreads);
}

static int
DriverObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"info",    DriverInfoObjCmd},
        {"names",   DriverNamesObjCmd},
        {"stats",   DriverStatsObjCmd},
        {"threads", DriverThreadsObjCmd},
        {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

/* ns_driversection ?-driver name? ?-server name?: the section that the first such driver is configured by */
typedef struct Match {
    const char      *name;
    const NsServer  *server;
    const NsDriver *found;
} Match;

static bool
MatchDriver(NsDriver *driver, void *arg)
{
    Match *match = arg;

    if ((match->name == NULL || strcmp(match->name, driver->module) == 0)
        && (match->server == NULL || driver->server == NULL || driver->server == match->server)) {
        match->found = driver;
    }
    return match->found == NULL;
}

static int
DriverSectionObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name = NULL;
    Ns_Server  *server = NULL;
    Match       match;
    Ns_ObjvSpec opts[] = {
        {"-driver", Ns_ObjvString, &name,   NULL},
        {"-server", Ns_ObjvServer, &server, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    match = (Match){name, server, NULL};
    NsDriverEach(MatchDriver, &match);
    if (match.found != NULL) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj(match.found->section, -1));
    }
    return TCL_OK;
}

static int
UploadStatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsInterp   *data = clientData;
    char       *key = NULL;
    size_t      received, total;
    Ns_ObjvSpec args[] = {
        {"key", Ns_ObjvString, &key, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (NsProgressGet(data->server, key, &received, &total)) {
        Tcl_Obj *const both[] = {Tcl_NewWideIntObj((Tcl_WideInt)received), Tcl_NewWideIntObj((Tcl_WideInt)total)};

        Tcl_SetObjResult(interp, Tcl_NewListObj(2, both));
    }
    return TCL_OK;
}

const NsCmd nsDriverCmds[] = {
    {"ns_driver",        DriverObjCmd,        0},
    {"ns_driversection", DriverSectionObjCmd, 0},
    {"ns_upload_stats",  UploadStatsObjCmd,   NS_CMD_SERVER},
    {NULL, NULL, 0}
};
