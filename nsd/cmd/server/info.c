/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_info: what the process and its server are.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "interp/blueprint.h"
#include "interp/callbacks.h"
#include "cmd/cmds.h"
#include "request/fastpath.h"
#include "request/filter.h"
#include "http/mime.h"
#include "conf/info.h"
#include "interp/interp.h"
#include "conf/logconf.h"
#include "interp/modload.h"
#include "request/op.h"
#include "interp/sched.h"
#include "sockcallback.h"

typedef void (InfoProc)(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds);

static void
ResultString(Tcl_Interp *interp, const char *string)
{
    Tcl_SetObjResult(interp, Tcl_NewStringObj(string != NULL ? string : "", -1));
}

static void
ResultWide(Tcl_Interp *interp, Tcl_WideInt number)
{
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj(number));
}

/* --------------------------------------------------------------------------------------------------------- the process */

static void
Address(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    if (!Ns_GetAddrByHost(ds, Ns_InfoHostname())) {
        Tcl_DStringAppend(ds, "127.0.0.1", -1);
    }
}

static void
BuildInfo(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    const char *const pairs[] = {
        "compiler", __VERSION__, "tcl", TCL_PATCH_LEVEL, "openssl", OpenSSL_version(OPENSSL_VERSION), "prefix", NSD_PREFIX,
        "compatible", NS_COMPAT_VERSION
    };
    size_t i;

    for (i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        Tcl_DStringAppendElement(ds, pairs[i]);
    }
}

static void
Ipv6(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    Tcl_DStringAppend(ds, "1", 1);
}

static void
MemInfo(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    struct mallinfo2 info = mallinfo2();
    char             text[160];

    snprintf(text, sizeof text, "arena %zu mapped %zu used %zu free %zu", info.arena, info.hblkhd,
             info.uordblks + info.hblkhd, info.fordblks);
    Tcl_DStringAppend(ds, text, -1);
}

static void
Threads(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    Ns_ThreadList(ds, NULL);
}

static void
Locks(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    Ns_MutexList(ds);
}

static void
Callbacks(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    NsCallbacksAppend(ds);
}

static void
Scheduled(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    NsSchedAppend(ds);
}

/* One element per worker: {name sockets N callbacks N slow N longest SECONDS} */
static void
SockCallbacks(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    int i;

    for (i = 0; i < NsWorkerCount(); i++) {
        NsWorker     *worker = NsWorkerGet(i);
        NsWorkerStats stats;
        char          text[200];

        NsWorkerGetStats(worker, &stats);
        snprintf(text, sizeof text, "%s sockets %zu callbacks %llu slow %llu longest %llu.%06llu",
                 NsWorkerName(worker), stats.members, (unsigned long long)stats.callbacks,
                 (unsigned long long)stats.slowCallbacks, (unsigned long long)stats.longestUsec / 1000000,
                 (unsigned long long)stats.longestUsec % 1000000);
        Tcl_DStringAppendElement(ds, text);
    }
}

static bool
AppendServerName(NsServer *server, void *arg)
{
    Tcl_DStringAppendElement(arg, server->name);
    return true;
}

static void
Servers(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    NsServerEach(AppendServerName, ds);
}

static void
Pools(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    Tcl_GetMemoryInfo(ds);
}

static void
LibDir(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    Tcl_DStringAppend(ds, NsModulesBinDir(), -1);
}

/* The built-in types; what the configuration says comes later in the dictionary, so that it counts. */
static void
MimeTypes(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    const Ns_Set      *set = Ns_ConfigGetSection("ns/mimetypes");
    const NsMimeEntry *entries;
    size_t             count, i;

    entries = NsMimeEntries(&count);
    for (i = 0; i < count; i++) {
        Tcl_DStringAppendElement(ds, entries[i].extension);
        Tcl_DStringAppendElement(ds, entries[i].type);
    }
    for (i = 0; set != NULL && i < Ns_SetSize(set); i++) {
        Tcl_DStringAppendElement(ds, Ns_SetKey(set, i));
        Tcl_DStringAppendElement(ds, Ns_SetValue(set, i));
    }
}

/* ---------------------------------------------------------------------------------------------------------- the server */

static void
Filters(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    NsFilterList(server, ds, NS_FILTER_PRE_AUTH | NS_FILTER_POST_AUTH);
}

static void
Traces(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    NsFilterList(server, ds, NS_FILTER_TRACE | NS_FILTER_VOID_TRACE);
}

static void
PageDir(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    (void)NsPagePath(ds, server);
}

static void
RequestProcs(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    NsOpList(server, ds);
}

static void
Url2File(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    NsUrl2FileList(server, ds);
}

/* ------------------------------------------------------------------------------------------------------- short answers */

static void Argv0(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)    { ResultString(interp, NsInfoArgv0()); }
static void BootTime(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds) { ResultWide(interp, Ns_InfoBootTime()); }
static void BuildDate(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds) { ResultString(interp, Ns_InfoBuildDate()); }
static void ConfigFile(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds) { ResultString(interp, Ns_InfoConfigFile()); }
static void Home(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)     { ResultString(interp, Ns_InfoHomePath()); }
static void Hostname(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds) { ResultString(interp, Ns_InfoHostname()); }
static void LogFile(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)  { ResultString(interp, NsLogFile()); }
static void LogDir(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)   { ResultString(interp, NsLogDir()); }
static void Major(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)    { ResultWide(interp, atoi(NS_COMPAT_VERSION)); }
static void Nsd(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)      { ResultString(interp, NsInfoExecutable()); }
static void Pid(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)      { ResultWide(interp, Ns_InfoPid()); }
static void Platform(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds) { ResultString(interp, Ns_InfoPlatform()); }
static void Started(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)  { ResultWide(interp, Ns_InfoStarted()); }
static void Tag(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)      { ResultString(interp, Ns_InfoTag()); }
static void Uptime(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)   { ResultWide(interp, Ns_InfoUptime()); }
static void WinNt(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)    { ResultWide(interp, 0); }
static void Ssl(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)      { ResultWide(interp, 1); }
static void TclLib(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)   { ResultString(interp, NsTclLibrary(server)); }

/* Programs ask which NaviServer they run in: they get name and version of the one that this server is compatible with. */
static void Name(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)     { ResultString(interp, "NaviServer"); }
static void Version(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)  { ResultString(interp, NS_COMPAT_VERSION); }
static void PatchLevel(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds) { ResultString(interp, NS_COMPAT_VERSION ".0"); }

static void
Minor(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    ResultWide(interp, atoi(strchr(NS_COMPAT_VERSION, '.') + 1));
}

static void
Argv(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    NsInfoArguments(ds);
}

static void
ServerName(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    ResultString(interp, server->name);
}

static void
ShutdownPending(Tcl_Interp *interp, NsServer *server, Tcl_DString *ds)
{
    ResultWide(interp, Ns_InfoShutdownPending());
}

static const struct Info {
    const char *name;
    InfoProc   *proc;
    bool        server;                        /* wants an interpreter with a server */
} infos[] = {
    {"address", Address, false}, {"argv", Argv, false}, {"argv0", Argv0, false}, {"bindir", LibDir, false},
    {"boottime", BootTime, false}, {"builddate", BuildDate, false}, {"buildinfo", BuildInfo, false},
    {"callbacks", Callbacks, false}, {"config", ConfigFile, false}, {"home", Home, false}, {"hostname", Hostname, false},
    {"ipv6", Ipv6, false}, {"locks", Locks, false}, {"log", LogFile, false}, {"logdir", LogDir, false},
    {"major", Major, false}, {"meminfo", MemInfo, false}, {"minor", Minor, false}, {"mimetypes", MimeTypes, false},
    {"name", Name, false}, {"nsd", Nsd, false}, {"patchlevel", PatchLevel, false}, {"pid", Pid, false},
    {"pools", Pools, false}, {"scheduled", Scheduled, false}, {"server", ServerName, true}, {"servers", Servers, false},
    {"sockcallbacks", SockCallbacks, false}, {"ssl", Ssl, false}, {"tag", Tag, false}, {"threads", Threads, false},
    {"uptime", Uptime, false}, {"version", Version, false}, {"shutdownpending", ShutdownPending, false},
    {"started", Started, false}, {"filters", Filters, true}, {"pagedir", PageDir, true}, {"pageroot", PageDir, true},
    {"platform", Platform, false}, {"traces", Traces, true}, {"requestprocs", RequestProcs, true}, {"tcllib", TclLib, true},
    {"url2file", Url2File, true}, {"winnt", WinNt, false}, {NULL, NULL, false}
};

/* ns_info subcommand */
static int
InfoObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsServer           *server = ((const NsInterp *)clientData)->server;
    const struct Info  *info;
    Tcl_DString         ds;
    int                 index;

    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "/subcommand/");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], infos, sizeof infos[0], "subcommand", 0, &index) != TCL_OK) {
        return TCL_ERROR;
    }
    if (objc > 2) {
        Tcl_WrongNumArgs(interp, 2, objv, NULL);
        return TCL_ERROR;
    }
    info = &infos[index];
    if (info->server && server == NULL) {
        Ns_TclPrintfResult(interp, "no server");
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    info->proc(interp, server, &ds);
    if (Tcl_DStringLength(&ds) > 0) {
        Tcl_DStringResult(interp, &ds);
    }
    Tcl_DStringFree(&ds);
    return TCL_OK;
}

const NsCmd nsInfoCmds[] = {
    {"ns_info", InfoObjCmd, NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
