/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nslog: the access log of a server.
 */
#include <errno.h>
#include <string.h>
#include "nslog.h"

NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;
NS_EXPORT const int Ns_ModuleVersion = 1;

#define FLUSH_MS 5000                          /* that rolling waits for what belongs to the old file */

static void
WriteLine(Log *log, Tcl_DString *line)
{
    Tcl_DString out;

    /* Inside, text has a form of its own; files have UTF-8. */
    Tcl_DStringInit(&out);
    Ns_TextAppendOut(&out, Tcl_DStringValue(line), (size_t)Tcl_DStringLength(line));
    (void)Ns_LogFileWrite(log->out, Tcl_DStringValue(&out), (size_t)Tcl_DStringLength(&out));
    Tcl_DStringFree(&out);
}

static bool
Wanted(const Log *log, const char *driver)
{
    return log->driver == NULL || Tcl_StringMatch(driver, log->driver);
}

/* The request's thread, when it is answered. */
static Ns_ReturnCode
Answered(const void *arg, Ns_Conn *conn, unsigned why)
{
    Log        *log = (Log *)(uintptr_t)arg;
    Tcl_DString line;

    if (Wanted(log, Ns_ConnDriverName(conn))) {
        Tcl_DStringInit(&line);
        Ns_RWLockRdLock(&log->lock);
        LogFormatConn(log, conn, &line);
        Ns_RWLockUnlock(&log->lock);
        WriteLine(log, &line);
        Tcl_DStringFree(&line);
    }
    return NS_OK;
}

/* A driver thread. */
static void
Rejected(void *arg, const Ns_Rejected *rejected)
{
    Log        *log = arg;
    Tcl_DString line;

    if (Wanted(log, rejected->driver)) {
        Tcl_DStringInit(&line);
        Ns_RWLockRdLock(&log->lock);
        LogFormatRejected(log, rejected, &line);
        Ns_RWLockUnlock(&log->lock);
        WriteLine(log, &line);
        Tcl_DStringFree(&line);
    }
}

/* ------------------------------------------------------------------------------------------------------------- files */

static bool
FailFile(Tcl_DString *error, const char *what, const char *file)
{
    Tcl_DStringAppend(error, what, -1);
    Tcl_DStringAppend(error, " '", -1);
    Tcl_DStringAppend(error, file, -1);
    Tcl_DStringAppend(error, "': ", -1);
    Tcl_DStringAppend(error, errno != 0 ? strerror(errno) : "see the log", -1);
    return false;
}

bool
LogOpen(Log *log, const char *file, Tcl_DString *error)
{
    char *name = ns_strdup(file), *old;

    if (log->out != NULL && !Ns_LogFileReopen(log->out, file)) {
        ns_free(name);
        return FailFile(error, "cannot open", file);
    }
    Ns_RWLockWrLock(&log->lock);
    old = log->file;
    log->file = name;
    Ns_RWLockUnlock(&log->lock);
    ns_free(old);
    return true;
}

/* The lines that come meanwhile follow the file under its new name, until the next one is open. */
bool
LogRoll(Log *log, const char *to, Tcl_DString *error)
{
    char         *file, *format;
    int           max;
    Tcl_Obj      *from, *target;
    Ns_ReturnCode status;
    bool          done;

    if (log->out == NULL) {
        Tcl_DStringAppend(error, "the log is not open yet", -1);
        return false;
    }
    Ns_MutexLock(&log->rolling);
    Ns_RWLockRdLock(&log->lock);
    file = ns_strdup(log->file);
    format = ns_strdup(log->rollFormat);
    max = log->maxBackup;
    Ns_RWLockUnlock(&log->lock);
    from = Tcl_NewStringObj(file, -1);
    Tcl_IncrRefCount(from);
    (void)Ns_LogFileFlush(log->out, FLUSH_MS);
    errno = 0;
    if (to == NULL) {
        status = Ns_RollFileFmt(from, format, max);
    } else {
        target = Tcl_NewStringObj(to, -1);
        Tcl_IncrRefCount(target);
        status = Tcl_FSRenameFile(from, target) == 0 ? NS_OK : NS_ERROR;
        errno = Tcl_GetErrno();
        Tcl_DecrRefCount(target);
    }
    done = status == NS_OK ? true : FailFile(error, "cannot roll", file);
    done = done && LogOpen(log, file, error);
    Ns_MutexUnlock(&log->rolling);
    Tcl_DecrRefCount(from);
    ns_free(format);
    ns_free(file);
    return done;
}

static void
Roll(Log *log)
{
    Tcl_DString error;

    Tcl_DStringInit(&error);
    if (!LogRoll(log, NULL, &error)) {
        Ns_Log(Error, "nslog: server %s: %s", log->server, Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
}

static void
RollOnSchedule(void *arg, int id)
{
    Roll(arg);
}

static void
RollOnSignal(void *arg)
{
    Roll(arg);
}

/* Somebody else may have moved the file away. */
static void
ReopenOnSignal(void *arg)
{
    Log        *log = arg;
    Tcl_DString error;
    char       *file;

    Ns_MutexLock(&log->rolling);               /* or the file that a script has just changed it to would not stay */
    Ns_RWLockRdLock(&log->lock);
    file = ns_strdup(log->file);
    Ns_RWLockUnlock(&log->lock);
    Tcl_DStringInit(&error);
    if (!LogOpen(log, file, &error)) {
        Ns_Log(Error, "nslog: server %s: %s", log->server, Tcl_DStringValue(&error));
    }
    Ns_MutexUnlock(&log->rolling);
    Tcl_DStringFree(&error);
    ns_free(file);
}

/* ---------------------------------------------------------------------------------------------------- configuration */

/* A path below logdir (of ns/parameters, below the home) unless it is absolute; to be kept. */
static char *
LogPath(const char *path)
{
    const char *dir = Ns_ConfigString("ns/parameters", "logdir", "logs");
    Tcl_DString ds;
    char       *result;

    Tcl_DStringInit(&ds);
    if (path[0] != '/') {
        if (dir[0] != '/') {
            Tcl_DStringAppend(&ds, Ns_InfoHomePath(), -1);
            Tcl_DStringAppend(&ds, "/", 1);
        }
        Tcl_DStringAppend(&ds, dir, -1);
        Tcl_DStringAppend(&ds, "/", 1);
    }
    Tcl_DStringAppend(&ds, path, -1);
    result = ns_strdup(Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    return result;
}

static unsigned
ReadFlags(const char *section)
{
    static const struct { const char *name; bool def; unsigned flag; } flags[] = {
        {"logcombined", true, NSLOG_COMBINED}, {"formattedtime", true, NSLOG_FMTTIME}, {"logreqtime", false, NSLOG_REQTIME},
        {"logpartialtimes", false, NSLOG_PARTIAL}, {"checkforproxy", false, NSLOG_PROXY}, {"suppressquery", false, NSLOG_NOQUERY}
    };
    unsigned result = 0;

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        result |= Ns_ConfigBool(section, flags[i].name, flags[i].def) ? flags[i].flag : 0u;
    }
    return result;
}

static bool
ReadMask(const char *section, const char *key, const char *def, size_t len, LogMask *mask)
{
    const char *text = Ns_ConfigString(section, key, def);

    if (!LogMaskRead(*text != '\0' ? text : def, mask) || mask->len != len) {
        Ns_Log(Error, "nslog: section %s: parameter %s: not a mask: '%s'", section, key, text);
        return false;
    }
    return true;
}

static bool
Configure(Log *log, const char *section)
{
    Tcl_DString error;

    log->driver = Ns_ConfigGetValue(section, "driver");
    log->flags = ReadFlags(section);
    log->threadName = Ns_ConfigBool(section, "logthreadname", false);
    log->mask = Ns_ConfigBool(section, "masklogaddr", false);
    log->rollFormat = ns_strdup(Ns_ConfigString(section, "rollfmt", ""));
    log->maxBackup = Ns_ConfigIntRange(section, "maxbackup", 100, 1, 1000);
    log->maxBuffer = Ns_ConfigIntRange(section, "maxbuffer", 0, 0, 100000);
    log->file = LogPath(Ns_ConfigString(section, "file", "access.log"));
    Tcl_DStringInit(&error);
    log->headers = LogHeadersRead(Ns_ConfigString(section, "extendedheaders", ""), &error);
    if (log->headers == NULL) {
        Ns_Log(Error, "nslog: section %s: parameter extendedheaders: %s", section, Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
    return log->headers != NULL && ReadMask(section, "maskipv4", "255.255.255.0", 4, &log->mask4)
        && ReadMask(section, "maskipv6", "ffff:ffff:ffff:ffff::", 16, &log->mask6);
}

/* Before the first request, and not when the module is loaded: the file belongs to the user that the server has become. */
static void
Start(void *arg)
{
    Log  *log = arg;
    char *folder = ns_strdup(log->file);

    *strrchr(folder, '/') = '\0';              /* LogPath has made it a whole path */
    if (*folder != '\0') {
        (void)Ns_RequireDirectory(folder);     /* what goes wrong is logged, and shows when the file is opened */
    }
    ns_free(folder);
    log->out = Ns_LogFileOpen(log->file, false);
    if (log->out == NULL) {
        Ns_Fatal("nslog: server %s: cannot open '%s': %s", log->server, log->file, strerror(errno));
    }
    Ns_LogFileSetBuffer(log->out, (unsigned)log->maxBuffer);
}

Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *module)
{
    const char *section;
    Log        *log;
    int         hour;

    if (server == NULL) {
        Ns_Log(Error, "nslog: module %s belongs to a server: ns/server/NAME/modules", module);
        return NS_ERROR;
    }
    section = Ns_ConfigSectionPath(NULL, server, module, NULL);
    log = ns_calloc(1, sizeof *log);
    log->server = ns_strdup(server);
    Ns_RWLockSetName2(&log->lock, "nslog", server);
    Ns_MutexSetName2(&log->rolling, "nslog", server);
    if (!Configure(log, section)) {
        return NS_ERROR;
    }
    (void)Ns_RegisterAtPreStartup(Start, log);
    hour = Ns_ConfigIntRange(section, "rollhour", 0, 0, 23);
    if (Ns_ConfigBool(section, "rolllog", true)) {
        const Ns_Time at = {hour * 3600L, 0};

        (void)Ns_ScheduleProcEx(RollOnSchedule, log, NS_SCHED_DAILY | NS_SCHED_THREAD, &at, NULL);
    }
    (void)Ns_RegisterAtSignal(Ns_ConfigBool(section, "rollonsignal", false) ? RollOnSignal : ReopenOnSignal, log);
    if (Ns_RegisterFilter(server, "*", "*", Answered, NS_FILTER_VOID_TRACE, log, false) == NULL
        || Ns_RegisterRejected(server, Rejected, log) != NS_OK) {
        return NS_ERROR;
    }
    return Ns_TclRegisterTrace(server, LogCreateCommand, log, NS_TCL_TRACE_CREATE);
}
