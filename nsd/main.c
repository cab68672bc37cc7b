/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The process: start and stop of everything, in order, and its signals.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>

#include "blueprint.h"
#include "chanclient.h"
#include "command.h"
#include "config.h"
#include "daemon.h"
#include "info.h"
#include "interp.h"
#include "logconf.h"
#include "modload.h"
#include "net/prebind.h"
#include "net/tls.h"
#include "options.h"
#include "privileges.h"
#include "process.h"
#include "sdnotify.h"
#include "serverlist.h"

static Ns_Time     shutdownTimeout;
static pthread_t   mainThread;
static atomic_int  stopCode;                   /* of Ns_RequestShutdown */
static atomic_bool stopBegun;

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
SignalSet(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGTERM);
    if (!nsOptions.debug) {
        sigaddset(set, SIGINT);
    }
}

/* Before any thread is made: all inherit the mask, and one thread waits for them. */
static void
BlockSignals(void)
{
    sigset_t set;

    SignalSet(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (nsOptions.debug) {
        (void)signal(SIGINT, SIG_DFL);         /* a shell starts background jobs with it ignored */
    }
}

/* What scripts start with exec shall be ended by signals as usual. */
static void
UnblockInChild(void)
{
    sigset_t set;

    SignalSet(&set);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void
ReadParameters(void)
{
    Tcl_WideInt size;

    NsInfoConfigure();
    Ns_ConfigTimeUnitRange("ns/parameters", "shutdowntimeout", "20s", 0, 0, 3600, 0, &shutdownTimeout);
    NsJobsReadParameters();
    size = Ns_ConfigMemUnitRange("ns/parameters", "stacksize", "0", 0, 1024 * 1024 * 1024);
    size = Ns_ConfigMemUnitRange("ns/threads", "stacksize", size > 0 ? Ns_ConfigGetValue("ns/parameters", "stacksize") : "0",
                                 0, 1024 * 1024 * 1024);
    if (size > 0) {
        (void)Ns_ThreadStackSize((ssize_t)size);
    }
}

static bool
BuildBlueprint(NsServer *server, void *arg)
{
    NsInterpBuildBlueprint(server);
    return true;
}

static bool
LoadModules(NsServer *server, void *arg)
{
    NsModulesLoadServer(server);
    return true;
}

/* Everything up to the point where requests are answered. */
static void
Start(void)
{
    BindFirst();
    NsConfigEvalFile(Ns_InfoConfigFile(), nsOptions.argc, nsOptions.argv, nsOptions.optind);
    NsPrivilegesChroot();
    ReadParameters();
    NsPrivilegesLower();
    if (nsOptions.mode == NS_MODE_FOREGROUND) {
        NsLogConfigure();                      /* to stderr, where the log goes until a file is opened */
    } else {
        NsLogOpen();
    }
    Ns_Log(Notice, "nsd %s starting, configuration %s", NS_VERSION, Ns_InfoConfigFile());

    NsServersCreate(nsOptions.server);
    NsInterpInitProcess();

    /* Modules bind addresses and read keys: with the rights we were started with. */
    NsPrivilegesRaise();
    if (nsOptions.mode != NS_MODE_COMMAND) {
        NsPidfileCreate();
    }
    NsModulesLoadGlobal();
    NsServerEach(LoadModules, NULL);
    NsPrivilegesDrop();

    NsServerEach(BuildBlueprint, NULL);
    NsRunAtPreStartup();
    NsSchedStart();
    NsChanClientInit();
    NsWorkersStart();
    NsQueueStart();
    NsDriversStart();
    NsRunAtStartup();
    (void)Ns_GetMimeType("x");                 /* reads its section at first use */
    NsInfoSetStarted();
    NsConfigReportUnused();
    NsRunAtReady();
    if (nsOptions.mode != NS_MODE_COMMAND) {
        NsPrebindReport();                     /* in command mode at the end: the script may listen there */
    }
    Ns_Log(Notice, "nsd %s running, pid %d", NS_VERSION, (int)getpid());
}

/* ------------------------------------------------------------------------------------------------------------- signals */

void
NsProcessReload(void)
{
    NsSdNotify("RELOADING=1");
    NsLogReopen();
    NsDriversReload();
    NsRunAtSignal();
    NsSdNotify("READY=1");
}

/* Wait for a signal that ends the process. */
static int
WaitForStop(void)
{
    sigset_t set;
    int      sig;

    SignalSet(&set);
    for (;;) {
        if (NsSdWait(&set, &sig) != 0) {
            continue;
        }
        if (sig == SIGHUP) {
            NsProcessReload();
        } else {
            return sig;
        }
    }
}

void
Ns_RequestShutdown(int exitCode)
{
    atomic_store(&stopCode, exitCode);
    NsInfoSetStopping();
    /* In command mode the main thread stops when its script is over. */
    if (nsOptions.mode != NS_MODE_COMMAND || !NsProcessInMainThread()) {
        (void)kill(getpid(), SIGTERM);
    }
}

void
NsProcessSetShutdownTimeout(const Ns_Time *timeout)
{
    Ns_MasterLock();
    shutdownTimeout = *timeout;
    Ns_MasterUnlock();
}

bool
NsProcessInMainThread(void)
{
    return pthread_equal(pthread_self(), mainThread) != 0;
}

/* In command mode the main thread is busy with a script: this one waits for signals. */
static void
SignalThread(void *arg)
{
    int sig, waited;

    Ns_ThreadSetName("-signal-");
    sig = WaitForStop();
    NsInfoSetStopping();
    if (atomic_load(&stopCode) == 0) {
        atomic_store(&stopCode, 128 + sig);
    }
    /* Give the script the chance to unwind, so that the main thread does the rest; it may be waiting in C, though. */
    NsCommandCancel();
    for (waited = 0; waited < 20 && !atomic_load(&stopBegun); waited++) {
        Tcl_Sleep(100);
    }
    NsProcessStop(atomic_load(&stopCode));
}

/* -------------------------------------------------------------------------------------------------------------- stop */

/* A second signal, or the time is up in spite of all that watch it themselves. */
static void
ForceStop(int sig)
{
    static const char text[] = "nsd: stopped by force\n";
    ssize_t           ignored = write(STDERR_FILENO, text, sizeof text - 1);

    (void)ignored;
    _exit(NS_EXIT_FORCED);
}

static void
AllowForce(void)
{
    struct sigaction action;
    sigset_t         set;

    memset(&action, 0, sizeof action);
    action.sa_handler = ForceStop;
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGALRM, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGALRM);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    (void)alarm((unsigned)shutdownTimeout.sec + 10);
}

static void
FlushStd(int which)
{
    Tcl_Channel chan = NsProcessInMainThread() ? Tcl_GetStdChannel(which) : NULL;

    if (chan != NULL) {
        (void)Tcl_Flush(chan);
    }
}

/* A part of what is left until the end: whoever hangs in one stage must not leave the next ones without time. */
static const Ns_Time *
Share(const Ns_Time *until, int percent, Ns_Time *deadline)
{
    Ns_Time left;

    Ns_GetTime(deadline);
    if (Ns_DiffTime(until, deadline, &left) > 0) {
        int64_t ms = Ns_TimeToMilliseconds(&left) * percent / 100;

        Ns_IncrTime(deadline, (time_t)(ms / 1000), (long)(ms % 1000) * 1000);
    }
    return deadline;
}

void
NsProcessStop(int exitCode)
{
    Ns_Time now, until, deadline;
    bool    inTime, ended;

    if (atomic_exchange(&stopBegun, true)) {
        for (;;) {
            pause();
        }
    }
    NsInfoSetStopping();
    Ns_Log(Notice, "nsd stopping");
    NsSdNotify("STOPPING=1");
    AllowForce();
    Ns_GetTime(&until);
    Ns_IncrTime(&until, shutdownTimeout.sec, shutdownTimeout.usec);

    NsDriversStopAccepting();
    NsPrebindClose();
    ended = NsQueueStop(Share(&until, 60, &deadline));
    NsSchedStop(Share(&until, 30, &deadline));
    NsJobsStop(Share(&until, 30, &deadline));
    NsStartAtShutdown();
    ended = NsWorkersStop(Share(&until, 80, &deadline)) && ended;
    NsChanClientStop(&until);
    NsDriversStop(&until);
    NsWaitAtShutdown(&until);
    NsRunAtExit();

    Ns_GetTime(&now);
    inTime = ended && Ns_DiffTime(&now, &until, NULL) <= 0;
    if (!inTime) {
        Ns_Log(Warning, "nsd: not all has ended within its part of the shutdowntimeout of %lds; it is left", shutdownTimeout.sec);
    }
    Ns_Log(Notice, "nsd stopped, exit code %d", exitCode);
    FlushStd(TCL_STDOUT);
    FlushStd(TCL_STDERR);
    if (NsProcessInMainThread()) {
        NsInterpFreeThread();
    }
    NsPidfileRemove();
    NsLogClose();
    if (inTime) {
        exit(exitCode);
    }
    /* Threads are still at work: leave what they use alone. */
    fflush(NULL);
    _exit(exitCode != 0 ? exitCode : NS_EXIT_FORCED);
}

int
main(int argc, char **argv)
{
    int code = 0;

    NsTlsMemoryInit();
    Tcl_FindExecutable(argv[0]);
    NsOptionsParse(argc, argv);
    NsPrebindInherit();
    NsInfoInit(argc, argv, nsOptions.config);
    BlockSignals();
    RaiseDescriptorLimit();
    NsDaemonize();                             /* returns in the process that is to be the server */
    (void)pthread_atfork(NULL, NULL, UnblockInChild);

    mainThread = pthread_self();
    Ns_ThreadSetName(nsOptions.mode == NS_MODE_COMMAND ? "-command-" : "-main-");
    Start();
    NsSdNotify("READY=1");
    NsDaemonReady();
    if (nsOptions.mode == NS_MODE_COMMAND) {
        Ns_ThreadCreate(SignalThread, NULL, 0, NULL);
        code = NsCommandRun(nsOptions.argc, nsOptions.argv);
    } else {
        (void)WaitForStop();
    }
    if (atomic_load(&stopCode) != 0) {
        code = atomic_load(&stopCode);
    }
    NsProcessStop(code);
}
