/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the process knows of itself: Ns_Info*.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/clock.h"
#include "base/text.h"
#include "conf/config.h"
#include "conf/defaults.h"
#include "conf/info.h"
#include "conf/options.h"

static char       *configFile, *homePath, *executable, *tclLibrary, **arguments;
static const char *tmpDir = "/tmp";
static int         argumentCount;
static char        hostName[256];
static time_t      bootTime;
static int64_t     bootClock;
static atomic_bool stopping;
static atomic_int  reached;                     /* NsPhase; changed under the lock */
static Ns_Mutex    phaseLock;
static Ns_Cond     phaseChanged;

const char *Ns_InfoServerName(void)    { return "nsd"; }
const char *Ns_InfoServerVersion(void) { return NS_VERSION; }
const char *Ns_InfoHomePath(void)      { return homePath; }
const char *Ns_InfoConfigFile(void)    { return configFile; }
const char *Ns_InfoHostname(void)      { return hostName; }
const char *Ns_InfoPlatform(void)      { return "linux"; }
const char *Ns_InfoBuildDate(void)     { return __DATE__ " " __TIME__; }
const char *Ns_InfoTag(void)           { return "nsd-" NS_VERSION; }
time_t      Ns_InfoBootTime(void)      { return bootTime; }
time_t      Ns_InfoUptime(void)        { return (time_t)((NsClockMs() - bootClock) / 1000); }
pid_t       Ns_InfoPid(void)           { return getpid(); }
bool        Ns_InfoStarted(void)       { return NsInfoReached(NS_PHASE_STARTED); }
bool        Ns_InfoShutdownPending(void) { return atomic_load(&stopping); }
bool        Ns_InfoSSL(void)           { return true; }
bool        Ns_InfoServersStarted(void) { return Ns_InfoStarted() && !Ns_InfoShutdownPending(); }
const char *Ns_InfoNameOfExecutable(void) { return executable; }
const char *NsInfoExecutable(void)     { return executable; }
const char *NsInfoArgv0(void)          { return arguments[0]; }
const char *NsInfoTclLibrary(void)     { return tclLibrary; }

void NsInfoSetStopping(void) { atomic_store(&stopping, true); }

bool
NsInfoReached(NsPhase phase)
{
    return atomic_load_explicit(&reached, memory_order_acquire) >= (int)phase;
}

void
NsInfoReach(NsPhase phase)
{
    Ns_MutexLock(&phaseLock);
    atomic_store_explicit(&reached, (int)phase, memory_order_release);
    Ns_CondBroadcast(&phaseChanged);
    Ns_MutexUnlock(&phaseLock);
}

void
NsInfoAwait(NsPhase phase)
{
    if (!NsInfoReached(phase)) {
        Ns_MutexLock(&phaseLock);
        while (!NsInfoReached(phase)) {
            Ns_CondWait(&phaseChanged, &phaseLock);
        }
        Ns_MutexUnlock(&phaseLock);
    }
}

bool
Ns_InfoIPv6(void)
{
    int  fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool can = fd >= 0;

    if (can) {
        (void)close(fd);
    }
    return can;
}

static char *address;

static void
FindAddress(void)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    address = ns_strdup(Ns_GetAddrByHost(&ds, hostName) ? Tcl_DStringValue(&ds) : NS_IP_LOOPBACK);
    Tcl_DStringFree(&ds);
}

const char *
Ns_InfoAddress(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, FindAddress);
    return address;
}

Ns_ReturnCode
Ns_WaitForStartup(void)
{
    NsInfoAwait(NS_PHASE_STARTED);
    return NS_OK;
}

/* The folder of a path, without its name. */
static char *
DirName(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? ns_strdup(".") : slash == path ? ns_strdup("/") : ns_strncopy(path, slash - path);
}

char *
NsInfoPath(const char *base, const char *path)
{
    Tcl_DString ds;
    char       *result;

    if (path[0] == '/') {
        return ns_strdup(path);
    }
    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, base, -1);
    if (path[0] != '\0') {
        Tcl_DStringAppend(&ds, "/", 1);
        Tcl_DStringAppend(&ds, path, -1);
    }
    result = ns_strdup(Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    return result;
}

/* What the system says, as text. */
static char *
TextCopy(const char *bytes, size_t len)
{
    Tcl_DString ds;
    char       *copy;

    Tcl_DStringInit(&ds);
    NsTextAppendIn(&ds, bytes, len);
    copy = ns_strdup(Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    return copy;
}

/* NULL: there is no such thing. */
static char *
RealPath(const char *path)
{
    Tcl_DString ds;
    char       *real = NULL;

    Tcl_DStringInit(&ds);
    if (NsFileRealPath(&ds, path)) {
        real = ns_strdup(Tcl_DStringValue(&ds));
    }
    Tcl_DStringFree(&ds);
    return real;
}

void
NsInfoInit(int argc, char **argv, const char *config)
{
    char    buffer[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", buffer, sizeof buffer - 1);

    argumentCount = argc;
    arguments = argv;
    executable = n > 0 ? TextCopy(buffer, (size_t)n) : ns_strdup(argv[0]);
    configFile = RealPath(config);
    if (configFile == NULL) {
        configFile = ns_strdup(config);
    }
    if (gethostname(hostName, sizeof hostName - 1) != 0) {
        strcpy(hostName, "localhost");
    }
    bootTime = time(NULL);
    bootClock = NsClockMs();
}

void
NsInfoArguments(Tcl_DString *ds)
{
    int i;

    for (i = 0; i < argumentCount; i++) {
        Tcl_DStringAppendElement(ds, arguments[i]);
    }
}

char *
NsInfoExeDir(void)
{
    return DirName(executable);
}

/* A program in PREFIX/bin has its home in PREFIX; one in the build tree has it where it was started. */
static char *
DefaultHome(void)
{
    char  buffer[PATH_MAX];
    char *dir = NsInfoExeDir();
    char *home;
    size_t len = strlen(dir);

    if (len > 4 && strcmp(dir + len - 4, "/bin") == 0) {
        home = ns_strncopy(dir, (ssize_t)len - 4);
    } else {
        home = getcwd(buffer, sizeof buffer) != NULL ? TextCopy(buffer, strlen(buffer)) : ns_strdup("/");
    }
    ns_free(dir);
    return home;
}

static bool
IsLibrary(const char *dir)
{
    char *init = NsInfoPath(dir, "init.tcl");
    bool  found = NsFileAccess(init, R_OK) == 0;

    ns_free(init);
    return found;
}

/*
 * Where our Tcl library is when the configuration does not say: below the home, beside the folder of the program (bin/../tcl, or
 * the build folder's ../tcl), or below the prefix.
 */
static char *
FindTclLibrary(void)
{
    static const char *const places[] = {"../tcl", "../../tcl"};
    char   *exeDir = NsInfoExeDir(), *dir = NsInfoPath(homePath, "tcl");
    char   *real;
    size_t  i;

    for (i = 0; !IsLibrary(dir) && i < sizeof places / sizeof places[0]; i++) {
        ns_free(dir);
        dir = NsInfoPath(exeDir, places[i]);
    }
    if (!IsLibrary(dir)) {
        ns_free(dir);
        dir = ns_strdup(NSD_PREFIX "/tcl");
    }
    real = RealPath(dir);
    if (real != NULL) {
        ns_free(dir);
        dir = real;
    }
    ns_free(exeDir);
    return dir;
}

/* The environment's: what it says comes in converted, once. */
static const char *
TmpDir(void)
{
    const char *value = Ns_ConfigGetValue("ns/parameters", "tmpdir"), *given = getenv("TMPDIR");

    if (value != NULL) {
        tmpDir = value;
    } else if (given != NULL && *given != '\0') {
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        tmpDir = ns_strdup(NsTextIn(&ds, given, strlen(given), NULL));
        Tcl_DStringFree(&ds);
    }
    return tmpDir;
}

const char *
NsInfoTmpDir(void)
{
    return tmpDir;
}

void
NsInfoConfigure(void)
{
    const char *value = Ns_ConfigGetValue("ns/parameters", "home");

    if (value == NULL) {
        homePath = DefaultHome();
        NsConfigNoteDefault("ns/parameters", "home", homePath);
    } else if ((homePath = RealPath(value)) == NULL) {
        Ns_Fatal("config: section ns/parameters: parameter home: there is no folder '%s'", value);
    }
    NsConfigDefaultsBelow(homePath, TmpDir(), Ns_ConfigGetValue("ns/parameters", "listenbacklog"));
    if (NsFileChdir(homePath) != 0) {
        Ns_Fatal("config: cannot change to the home folder '%s': %s", homePath, strerror(errno));
    }
    value = Ns_ConfigGetValue("ns/parameters", "tcllibrary");
    if (value != NULL) {
        tclLibrary = NsInfoPath(homePath, value);
    } else {
        tclLibrary = FindTclLibrary();
        NsConfigNoteDefault("ns/parameters", "tcllibrary", tclLibrary);
    }
}
