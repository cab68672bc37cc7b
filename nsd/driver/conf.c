/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A driver's configuration, and its listening sockets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "conf/config.h"
#include "conf/info.h"
#include "base/inputmem.h"
#include "driver/int.h"
#include "driver/module.h"

#define MAX_ACCEPT    32                       /* in a turn, by default: the other sockets want theirs */
#define MAX_ENDPOINTS 256                      /* addresses times ports */

static int64_t
Milliseconds(const char *section, const char *key, const char *def)
{
    Ns_Time time;

    Ns_ConfigTimeUnitRange(section, key, def, 0, 0, INT_MAX, 0, &time);
    return (int64_t)time.sec * 1000 + time.usec / 1000;
}

static size_t
Size(const char *section, const char *key, const char *def, Tcl_WideInt min)
{
    return (size_t)NsConfigMemSize(section, key, def, min, LLONG_MAX);
}

/* A list of names and values. */
static const Ns_Set *
HeaderSet(const char *section, const char *key)
{
    const char  *value = Ns_ConfigString(section, key, NULL);
    const char **words = NULL;
    int          count = 0, i;
    Ns_Set      *set = NULL;

    if (value == NULL || *value == '\0') {
        return NULL;
    }
    if (Tcl_SplitList(NULL, value, &count, &words) != TCL_OK || count % 2 != 0) {
        Ns_Log(Error, "[%s] %s: not a list of header names and values: %s", section, key, value);
    } else {
        set = Ns_SetCreateNoCase(key);
        for (i = 0; i < count; i += 2) {
            (void)Ns_SetPut(set, words[i], words[i + 1]);
        }
    }
    if (words != NULL) {
        Tcl_Free((char *)words);
    }
    return set;
}

static void
ReadLimits(NsDriver *driver)
{
    const char *section = driver->section;

    driver->limits.maxLine = Size(section, "maxline", "8kB", 256);
    driver->limits.maxHeaders = (size_t)Ns_ConfigIntRange(section, "maxheaders", 128, 8, INT_MAX);
    driver->limits.maxHead = Size(section, "maxhead", "64kB", 1024);
    driver->limits.maxInput = Size(section, "maxinput", "1MB", 1024);
    driver->maxUpload = Size(section, "maxupload", "128kB", 0);
    driver->uploadPath = Ns_ConfigGetValue(section, "uploadpath");
    if (driver->uploadPath == NULL || *driver->uploadPath == '\0') {
        driver->uploadPath = NsInfoTmpDir();
    }
    driver->progressMinSize = Size("ns/parameters", "progressminsize", "0", 0);
    NsInputMemorySingle(driver->maxUpload > 0 && driver->maxUpload < driver->limits.maxInput ? driver->maxUpload : driver->limits.maxInput);
    NsInputFilesSingle(driver->maxUpload > 0 ? driver->limits.maxInput : 0u);
    driver->bufSize = Size(section, "bufsize", "16kB", 1024);
    if (driver->bufSize > NS_LOOP_BUFFER) {
        driver->bufSize = NS_LOOP_BUFFER;
    }
    atomic_init(&driver->maxQueueMemory, Size(section, "writersize", "1MB", 1024));
    atomic_init(&driver->streaming, Ns_ConfigBool(section, "writerstreaming", false));
    driver->rateLimit = NsConfigRate(section, "writerratelimit");
    driver->maxSpool = Size(section, "writerspoolsize", "4GB", 0);
    driver->maxQueueSize = Ns_ConfigIntRange(section, "maxqueuesize", 1024, 1, INT_MAX);
    driver->keepAliveMaxUpload = Size(section, "keepalivemaxuploadsize", "0MB", 0);
    driver->keepAliveMaxDownload = Size(section, "keepalivemaxdownloadsize", "0MB", 0);
    driver->keepWait = Milliseconds(section, "keepwait", "5s");
    driver->recvWait = Milliseconds(section, "recvwait", "30s");
    driver->sendWait = Milliseconds(section, "sendwait", "30s");
    driver->closeWait = Milliseconds(section, "closewait", "2s");
    driver->recvMinRate = NsConfigMemSize(section, "recvminrate", "500", 0, 1 << 30);
    driver->sendMinRate = NsConfigMemSize(section, "sendminrate", "500", 0, 1 << 30);
}

static void
ReadSocketOptions(NsDriver *driver)
{
    const char *section = driver->section;
    int         acceptLog, backlog;

    driver->driverThreads = Ns_ConfigIntRange(section, "driverthreads", 1, 1, 64);
    backlog = Ns_ConfigIntRange("ns/parameters", "listenbacklog", SOMAXCONN, 1, INT_MAX);
    driver->backlog = Ns_ConfigIntRange(section, "backlog", backlog, 1, INT_MAX);
    driver->acceptSize = Ns_ConfigIntRange(section, "acceptsize", driver->backlog < MAX_ACCEPT ? driver->backlog : MAX_ACCEPT, 1, INT_MAX);
    acceptLog = Ns_ConfigIntRange("ns/parameters", "sockacceptlog", 4, 0, INT_MAX);
    driver->sockAcceptLog = Ns_ConfigIntRange(section, "sockacceptlog", acceptLog, 0, INT_MAX);
    driver->nodelay = Ns_ConfigBool(section, "nodelay", true);
    driver->keepAlive = Ns_ConfigBool(section, "tcpkeepalive", true);
    driver->deferAccept = Ns_ConfigBool(section, "deferaccept", false);
    driver->reusePort = Ns_ConfigBool(section, "reuseport", false) || driver->driverThreads > 1;
}

/* What NaviServer has threads for is done by the driver's loop here. */
static void
NoteCoveredParameters(const NsDriver *driver)
{
    static const struct { const char *key, *what; } covered[] = {
        {"spoolerthreads",  "request bodies are read"},
        {"writerthreads",   "answers that clients do not take at once are written"},
        {"writerstreaming", "streams that clients do not take at once are written"}
    };
    size_t i;

    for (i = 0; i < sizeof(covered) / sizeof(covered[0]); i++) {
        const char *value = Ns_ConfigString(driver->section, covered[i].key, NULL);

        if (value != NULL && strcmp(value, "0") != 0 && strcmp(value, "false") != 0) {
            Ns_Log(Notice, "%s: %s is covered: %s by the driver's threads (driverthreads %d)", driver->module,
                   covered[i].key, covered[i].what, driver->driverThreads);
        }
    }
}

/* ---- where to listen ---- */

/* All values of a parameter, each of which may be a list. */
static int
CollectWords(const char *section, const char *key, const char *def, const char ***wordsOut)
{
    const Ns_Set *set = Ns_ConfigGetSection2(section, false);
    const char   *first = Ns_ConfigString(section, key, def);
    Tcl_Obj      *list = Tcl_NewListObj(0, NULL);
    Tcl_Obj     **elements;
    const char  **words;
    int           count = 0, i;
    size_t        n, given = 0;

    Tcl_IncrRefCount(list);
    for (n = 0; set != NULL && n < Ns_SetSize(set); n++) {
        if (strcasecmp(Ns_SetKey(set, n), key) == 0) {
            Tcl_Obj *value = Tcl_NewStringObj(Ns_SetValue(set, n), -1);

            given++;
            Tcl_IncrRefCount(value);
            if (Tcl_ListObjAppendList(NULL, list, value) != TCL_OK) {
                Ns_Fatal("[%s] %s: not a list: %s", section, key, Ns_SetValue(set, n));
            }
            Tcl_DecrRefCount(value);
        }
    }
    if (given == 0 && first != NULL) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(first, -1));
    }
    (void)Tcl_ListObjGetElements(NULL, list, &count, &elements);
    words = ns_calloc((size_t)count + 1u, sizeof(char *));
    for (i = 0; i < count; i++) {
        words[i] = ns_strdup(Tcl_GetString(elements[i]));
    }
    Tcl_DecrRefCount(list);
    *wordsOut = words;
    return count;
}

static void
ReadEndpoints(NsDriver *driver)
{
    struct NsDriverState *state = driver->state;
    const char          **words;
    Tcl_DString           ds;
    int                   i;

    state->addressCount = CollectWords(driver->section, "address", NULL, &state->addresses);
    if (state->addressCount == 0) {
        state->addressCount = 1;               /* any: the NULL behind the words */
    }
    state->portCount = CollectWords(driver->section, "port", NULL, &words);
    state->ports = ns_calloc((size_t)state->portCount + 1u, sizeof(int));
    Tcl_DStringInit(&ds);
    for (i = 0; i < state->portCount; i++) {
        if (Tcl_GetInt(NULL, words[i], &state->ports[i]) != TCL_OK || state->ports[i] < 0 || state->ports[i] > 65535) {
            Ns_Fatal("[%s] port: not a port number: %s", driver->section, words[i]);
        }
        ns_free((void *)(uintptr_t)words[i]);
    }
    ns_free(words);
    if (state->portCount == 0) {
        state->portCount = 1;
        state->ports[0] = driver->init.defaultPort;
    }
    if (state->addressCount * state->portCount > MAX_ENDPOINTS) {
        Ns_Fatal("[%s] more than %d addresses and ports to listen on", driver->section, MAX_ENDPOINTS);
    }
    Tcl_DStringFree(&ds);
}

static void
SetOption(const NsDriver *driver, int fd, int level, int option, int value, const char *name)
{
    if (setsockopt(fd, level, option, &value, sizeof(value)) != 0) {
        Ns_Log(Warning, "%s: socket option %s: %s", driver->module, name, strerror(errno));
    }
}

/* Connections inherit these from the socket that accepts them: no system call for each. */
static void
SetListenerOptions(const NsDriver *driver, int fd)
{
    if (driver->nodelay) {
        SetOption(driver, fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
    }
    if (driver->keepAlive) {
        SetOption(driver, fd, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE");
    }
    if (driver->deferAccept) {
        SetOption(driver, fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, (int)(driver->recvWait / 1000), "TCP_DEFER_ACCEPT");
    }
}

/* As the driver's module does it, or else by what it is. */
static NS_SOCKET
Listen(NsDriver *driver, const char *address, unsigned short port)
{
    Ns_DriverListenProc *proc = driver->byModule != NULL ? driver->byModule->init.listenProc : NULL;

    errno = 0;
    if (proc != NULL) {
        return proc(&driver->pub, address, port, driver->backlog, driver->reusePort);
    }
    if (driver->datagrams) {
        return Ns_SockListenUdp(address, port, driver->reusePort);
    }
    return Ns_SockListenEx(address, port, driver->backlog, driver->reusePort);
}

/* False: errno.  A `port` that is 0 becomes what the kernel has chosen. */
static bool
OpenListener(NsDriver *driver, Listener *listener, const char *address, int *port)
{
    socklen_t len = sizeof(listener->addr);

    listener->fd = Listen(driver, address, (unsigned short)*port);
    if (listener->fd < 0) {
        return false;
    }
    if (Ns_SockSetNonBlocking(listener->fd) != NS_OK || fcntl(listener->fd, F_SETFD, FD_CLOEXEC) != 0
        || getsockname(listener->fd, &listener->addr.sa, &len) != 0) {
        Ns_Fatal("%s: listening socket: %s", driver->module, strerror(errno));
    }
    listener->wildcard = listener->addr.sa.sa_family == AF_INET
        ? listener->addr.in.sin_addr.s_addr == htonl(INADDR_ANY)
        : IN6_IS_ADDR_UNSPECIFIED(&listener->addr.in6.sin6_addr);
    if (*port == 0 && listener->addr.sa.sa_family != AF_UNIX) {
        /* The kernel has chosen; the other threads and addresses listen there too. */
        *port = ntohs(listener->addr.sa.sa_family == AF_INET ? listener->addr.in.sin_port
                                                             : listener->addr.in6.sin6_port);
    }
    if (!driver->datagrams && listener->addr.sa.sa_family != AF_UNIX) {
        SetListenerOptions(driver, listener->fd);
    }
    return true;
}

/*
 * A thread cannot have a socket of its own where the one of the first thread was bound before (-b, systemd) with rights
 * that are gone: the threads before it do the work.
 */
static void
DoWithout(NsDriver *driver, NsDriverThread *thread, const char *address, int port, int err)
{
    Ns_Log(Warning, "%s: cannot bind one more socket on %s port %d: %s; %d thread%s, not %d as driverthreads says",
           driver->module, address != NULL ? address : "*", port, strerror(err), thread->index,
           thread->index == 1 ? " serves" : "s serve", driver->driverThreads);
    while (thread->listenerCount > 0) {
        close(thread->listeners[--thread->listenerCount].fd);
    }
    ns_free(thread->listeners);
    thread->listeners = NULL;
    driver->driverThreads = thread->index;
}

/* False: this thread and those behind it are not needed. */
static bool
OpenListenersOf(NsDriver *driver, NsDriverThread *thread)
{
    struct NsDriverState *state = driver->state;
    int                   a, p;

    thread->listeners = ns_calloc((size_t)(state->addressCount * state->portCount), sizeof(Listener));
    for (a = 0; a < state->addressCount; a++) {
        for (p = 0; p < state->portCount; p++) {
            const char *address = state->addresses[a];
            Listener   *listener = &thread->listeners[thread->listenerCount];

            listener->thread = thread;
            if (OpenListener(driver, listener, address, &state->ports[p])) {
                thread->listenerCount++;
            } else if (thread->index > 0) {
                DoWithout(driver, thread, address, state->ports[p], errno);
                return false;
            } else {
                int err = errno;

                Ns_Fatal("%s: cannot listen on %s port %d: %s%s (address and port are set in the section %s)",
                         driver->module, address != NULL ? address : "*", state->ports[p],
                         err != 0 ? strerror(err) : "its listenProc has given no reason",
                         err == EADDRINUSE ? "; another program, or another server, has it" : "", driver->section);
            }
        }
    }
    return true;
}

static void
OpenListeners(NsDriver *driver)
{
    struct NsDriverState *state = driver->state;
    int                   t, a, p;

    state->threads = ns_calloc((size_t)driver->driverThreads, sizeof(NsDriverThread));
    for (t = 0; t < driver->driverThreads; t++) {
        NsDriverThread *thread = &state->threads[t];

        thread->magic = DRIVER_THREAD_MAGIC;
        thread->driver = driver;
        thread->index = t;
        thread->reserve = -1;
        Ns_MutexSetName2(&thread->listLock, "driver:list", driver->module);
        if (!OpenListenersOf(driver, thread)) {
            break;
        }
    }
    for (a = 0; a < state->addressCount; a++) {
        for (p = 0; p < state->portCount; p++) {
            Ns_Log(Notice, "%s: listening on %s port %d, %d thread%s", driver->module,
                   state->addresses[a] != NULL ? state->addresses[a] : "*", state->ports[p], driver->driverThreads,
                   driver->driverThreads == 1 ? "" : "s");
        }
    }
}

/* ---- all of it ---- */

static void
ReadServers(NsDriver *driver, const char *server)
{
    const char *name;
    Tcl_DString ds;

    if (server != NULL) {
        driver->server = NsServerGet(server);
        driver->defaultServer = driver->server;
        return;
    }
    name = Ns_ConfigString(driver->section, "defaultserver", NULL);
    driver->defaultServer = name != NULL ? NsServerGet(name) : NsServerDefault();
    if (driver->defaultServer == NULL) {
        Ns_Fatal("[%s] defaultserver: there is no server %s", driver->section, name != NULL ? name : "at all");
    }
    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, driver->section, -1);
    Tcl_DStringAppend(&ds, "/servers", -1);
    NsDriverLoadHosts(driver, Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
}

static Ns_Time
TimeOf(int64_t milliseconds)
{
    return (Ns_Time){milliseconds / 1000, milliseconds % 1000 * 1000};
}

/* What a module sees of its driver, in its procs from the first on. */
static void
Publish(NsDriver *driver, const char *server)
{
    const Ns_DriverInitData *own = &driver->byModule->init;
    Tcl_DString              ds;

    Tcl_DStringInit(&ds);
    Ns_DStringPrintf(&ds, "-driver:%s", driver->module);
    driver->noParse = (own->opts & NS_DRIVER_NOPARSE) != 0u;
    driver->datagrams = (own->opts & NS_DRIVER_UDP) != 0u;
    if (driver->datagrams || (own->opts & NS_DRIVER_SSL) != 0u) {
        driver->closeWait = 0;                 /* there is nothing to wait for; and who encrypts tells the peer by closeProc */
    }
    driver->pub = (Ns_Driver){.arg = own->arg, .server = server != NULL ? ns_strdup(server) : NULL, .type = driver->type,
                              .moduleName = driver->module, .threadName = ns_strdup(Tcl_DStringValue(&ds)),
                              .location = driver->location, .address = driver->state->addresses[0],
                              .protocol = driver->init.protocol, .path = driver->section, .libraryVersion = own->libraryVersion,
                              .opts = own->opts, .port = (unsigned short)driver->state->ports[0],
                              .sendwait = TimeOf(driver->sendWait), .recvwait = TimeOf(driver->recvWait),
                              .keepwait = TimeOf(driver->keepWait), .bufsize = driver->bufSize,
                              .maxinput = driver->limits.maxInput, .extraHeaders = driver->extraHeaders};
    Tcl_DStringFree(&ds);
}

static const char *
SectionOf(const char *server, const char *module, const struct NsModuleDriver *byModule)
{
    const char *path = byModule != NULL ? byModule->init.path : NULL;

    return ns_strdup(path != NULL ? path : Ns_ConfigSectionPath(NULL, server, module, NULL));
}

NsDriver *
NsDriverConfigure(const char *server, const char *module, const Ns_TransportDriver *init, const struct NsModuleDriver *byModule)
{
    NsDriver *driver = ns_calloc(1u, sizeof(NsDriver));

    driver->magic = NS_DRIVER_MAGIC;
    driver->module = ns_strdup(module);
    driver->init = *init;
    driver->type = driver->init.name = ns_strdup(init->name);
    driver->init.protocol = ns_strdup(init->protocol);
    driver->byModule = byModule;
    driver->section = SectionOf(server, module, byModule);
    driver->state = ns_calloc(1u, sizeof(struct NsDriverState));
    Ns_MutexSetName2(&driver->state->lock, "driver", module);
    Tcl_InitHashTable(&driver->state->hosts, TCL_STRING_KEYS);
    driver->state->tmpDir = NsInfoTmpDir();
    driver->hostname = ns_strdup(Ns_ConfigString(driver->section, "hostname", Ns_InfoHostname()));
    driver->location = ns_strdup(Ns_ConfigString(driver->section, "location", NULL));
    driver->extraHeaders = HeaderSet(driver->section, "extraheaders");
    ReadLimits(driver);
    ReadSocketOptions(driver);
    NoteCoveredParameters(driver);
    NsPerIpConfigure(driver);
    ReadEndpoints(driver);
    if (byModule != NULL) {
        Publish(driver, server);
    }
    OpenListeners(driver);
    driver->pub.port = (unsigned short)driver->state->ports[0];        /* that the kernel has chosen for 0 */
    ReadServers(driver, server);
    return driver;
}
