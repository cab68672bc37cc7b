/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The process: start and stop of everything, in order.  The one file that knows every room.
 *
 * Start: options, configuration, log; servers; modules (drivers bind their sockets, before -u takes effect); interpreters'
 * blueprints; callback workers, connection threads; drivers; scheduler, and the threads that library files started; ready.
 * Stop: drivers stop accepting; connection threads finish their requests; scheduler; at-shutdown procs; channels and socket
 * callbacks get `x`, deliver what was accepted and close; drivers deliver theirs and end; at-exit procs; log.
 * All of it within `shutdowntimeout`; what is not done by then is logged and left.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>

#include "base/inputmem.h"
#include "base/log.h"
#include "base/logfile.h"
#include "base/text.h"
#include "client/http.h"
#include "client/log.h"
#include "cmd/cmds.h"
#include "conf/charset.h"
#include "conf/config.h"
#include "conf/info.h"
#include "conf/logconf.h"
#include "conf/options.h"
#include "conf/resolverconf.h"
#include "conf/serverlist.h"
#include "connchan.h"
#include "data/caches.h"
#include "data/nsv.h"
#include "driver.h"
#include "interp/blueprint.h"
#include "interp/callbacks.h"
#include "interp/interp.h"
#include "interp/job.h"
#include "interp/modload.h"
#include "interp/readconfig.h"
#include "interp/sched.h"
#include "net/prebind.h"
#include "net/tls.h"
#include "page/adp.h"
#include "process/command.h"
#include "process/daemon.h"
#include "process/privileges.h"
#include "process/process.h"
#include "process/sdnotify.h"
#include "process/signals.h"
#include "request/fastpath.h"
#include "request/filter.h"
#include "request/hostproc.h"
#include "request/limits.h"
#include "request/op.h"
#include "request/proxy.h"
#include "request/queue.h"
#include "request/tclrequest.h"
#include "request/urlspace.h"
#include "sockcallback.h"
#include "websocket/websocket.h"

/* ------------------------------------------------------------------------------------------------------------- start */

/* As many descriptors as we are allowed: a connection each. */
static void
RaiseDescriptorLimit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            Ns_Log(Warning, "process: cannot raise the limit of open files to %llu: %s",
                   (unsigned long long)limit.rlim_max, strerror(errno));
        }
    }
}

/* Option -b: nobody else's files were read and no rights given up. */
static void
BindFirst(void)
{
    Tcl_DString error;

    Tcl_DStringInit(&error);
    if (!NsPrebindOpen(&error)) {
        Ns_Fatal("option -b: %s", Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
}

static void
ReadParameters(void)
{
    Ns_Time     shutdownTimeout;
    Tcl_WideInt size;

    NsInfoConfigure();
    Ns_ConfigTimeUnitRange("ns/parameters", "shutdowntimeout", "20s", 0, 0, 3600, 0, &shutdownTimeout);
    NsProcessSetShutdownTimeout(&shutdownTimeout);
    NsJobsReadParameters();
    NsHttpThreadsConfigure();
    NsHttpIdleConfigure(Ns_ConfigIntRange("ns/parameters", "httpkeepalives", 1000, 0, 1000000),
                        Ns_ConfigIntRange("ns/parameters", "httpkeepalivesperhost", 100, 0, 1000000));
    NsInputMemorySetLimit((size_t)NsConfigMemSize("ns/parameters", "maxinputmemory", "256MB", 1 << 20, LLONG_MAX));
    NsInputFilesSetLimit((size_t)NsConfigMemSize("ns/parameters", "maxinputfiles", "4GB", 1 << 20, LLONG_MAX));
    size = NsConfigMemSize("ns/parameters", "stacksize", "0", 0, 1024 * 1024 * 1024);
    size = NsConfigMemSize("ns/threads", "stacksize", size > 0 ? Ns_ConfigGetValue("ns/parameters", "stacksize") : "0",
                                 0, 1024 * 1024 * 1024);
    if (size > 0) {
        (void)Ns_ThreadStackSize((ssize_t)size);
    }
}

static bool
BuildBlueprint(NsServer *server, void *arg)
{
    NsServerSetInMaking(server);
    NsInterpBuildBlueprint(server);
    NsServerSetInMaking(NULL);
    return true;
}

static bool
LoadModules(NsServer *server, void *arg)
{
    NsServerSetInMaking(server);
    NsModulesLoadServer(server);
    NsServerSetInMaking(NULL);
    return true;
}

/* What each server consists of, in the order of making. */
static NsServerPart *const parts[] = {
    &nsTclPart, &nsUrlSpacePart, &nsOpPart, &nsFilterPart, &nsHostPart, &nsFastpathPart, &nsQueuePart, &nsLimitsPart, &nsAdpPart, &nsAdpPagesPart,
    &nsNsvPart, &nsCachesPart, &nsHttpLogPart, &nsChanPart, &nsWebSocketPart, &nsTopicPart,
    NULL
};

/* Everything up to the point where requests are answered. */
static void
Start(void)
{
    BindFirst();
    NsCommandsSet(nsCommandTables);
    NsDriverDeliverTo(NsQueueRequest);
    NsLimitsInit(NsQueueResume);
    NsConfigEvalFile(Ns_InfoConfigFile(), nsOptions.argc, nsOptions.argv, nsOptions.optind);
    NsPrivilegesChroot();
    ReadParameters();
    NsPrivilegesLower();
    NsLogOpen();
    Ns_Log(Notice, "nsd %s starting, configuration %s", NS_VERSION, Ns_InfoConfigFile());

    NsProxyInit();
    NsTclRequestInit();
    NsServersCreate(parts, nsOptions.server);
    NsInterpInitProcess();

    /* Modules bind addresses and read keys: with the rights we were started with. */
    NsPrivilegesRaise();
    NsPidfileCreate();
    NsModulesLoadGlobal();
    NsServerEach(LoadModules, NULL);
    NsPrivilegesDrop();

    NsServerEach(BuildBlueprint, NULL);
    NsInfoReach(NS_PHASE_INTERPS);
    NsRunAtPreStartup();
    NsResolverConf();
    NsWorkersStart();
    NsQueueStart();
    NsDriversStart();
    (void)Ns_GetMimeType("x");                 /* reads its section at first use */
    NsInfoReach(NS_PHASE_STARTED);
    NsSchedStart();
    NsRunAtStartup();
    NsConfigReportUnused();
    NsRunAtReady();
    if (nsOptions.mode != NS_MODE_COMMAND) {
        NsPrebindReport();                     /* in command mode at the end: the script may listen there */
    }
    Ns_Log(Notice, "nsd %s running, pid %d", NS_VERSION, (int)getpid());
}

/* Command mode.  The exit code. */
static int
RunCommand(void)
{
    Tcl_Interp *interp = NsInterpTake(NsServerDefault());
    int         code = NsCommandRun(interp, nsOptions.argc, nsOptions.argv);

    /* Cancelled, it would give up whatever it is used for next. */
    NsGetInterpData(interp)->deleteWhenGiven = true;
    NsInterpGive(interp);
    return code;
}

/* -------------------------------------------------------------------------------------------------------- reload and stop */

static void
Reload(void)
{
    NsLogReopen();
    (void)NsDriversReload();
    NsRunAtSignal();
}

static bool
StopAccepting(const Ns_Time *until)
{
    NsDriversStopAccepting();
    NsPrebindClose();
    NsRunAtStop();
    return true;
}

/* Scheduled procs and jobs that are still at work say so themselves, and are left. */
static bool
StopSched(const Ns_Time *until)
{
    NsSchedStop(until);
    return true;
}

static bool
StopJobs(const Ns_Time *until)
{
    NsJobsStop(until);
    NsStartAtShutdown();
    return true;
}

/* What was accepted for sending is delivered by now, or the time is up. */
static bool
StopRest(const Ns_Time *until)
{
    NsResolverEnd(until);
    (void)NsHttpThreadsStop(until);
    NsDriversStop(until);
    NsWaitAtShutdown(until);
    NsRunAtExit();
    NsLogFilesStop(until);
    return true;
}

static const NsStopStage stages[] = {
    {StopAccepting, 100}, {NsQueueStop, 60}, {StopSched, 30}, {StopJobs, 30}, {NsWorkersStop, 80}, {StopRest, 100}, {NULL, 0}
};
static const NsProcessHooks processHooks = {stages, Reload, NsInterpFreeThread};

/* The command line as text, in ns_malloc's memory; it stays for the life of the process. */
static char **
ArgumentsIn(int argc, char **argv)
{
    char **texts = ns_calloc((size_t)argc + 1, sizeof(*texts));

    for (int i = 0; i < argc; i++) {
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        texts[i] = ns_strdup(NsTextIn(&ds, argv[i], strlen(argv[i]), NULL));
        Tcl_DStringFree(&ds);
    }
    return texts;
}

/* For modules that are also programs of their own: within this one all is there before they are. */
static void
InitLibrary(void)
{
    NsTlsMemoryInit();
    Nsthreads_LibInit();
}

void
Nsd_LibInit(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, InitLibrary);
}

int
main(int argc, char **argv)
{
    Nsd_LibInit();
    Tcl_FindExecutable(argv[0]);
    (void)Tcl_SetSystemEncoding(NULL, "utf-8");                    /* names of files, whatever the locale: base/text.h */
    argv = ArgumentsIn(argc, argv);
    NsOptionsParse(argc, argv);
    NsPrebindInherit();
    NsInfoInit(argc, argv, nsOptions.config);
    NsCharsetInit();
    NsSignalsBlock();
    RaiseDescriptorLimit();
    NsDaemonize();                             /* returns in the process that is to be the server */
    NsProcessInit(&processHooks);
    NsLogStart();
    Ns_ThreadSetName(nsOptions.mode == NS_MODE_COMMAND ? "-command-" : "-main-");
    Start();
    NsSdNotify("READY=1");
    NsDaemonReady();
    NsProcessStarted();
    if (nsOptions.mode == NS_MODE_COMMAND) {
        NsProcessStop(RunCommand());
    }
    NsProcessWait();
    NsProcessStop(NS_EXIT_OK);
}
