/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The log of requests to other servers.  Its lines are written by the thread that writes log files (base/logfile.h).
 */
#include <errno.h>
#include <string.h>
#include "base/logfile.h"
#include "base/roll.h"
#include "base/text.h"
#include "client/log.h"
#include "conf/info.h"
#include "http/url.h"

#define FLUSH_MS 5000                          /* that rolling waits for what belongs to the old file */

/* What a server has, if it has such a log; not changed after the start. */
typedef struct ClientLog {
    const char *server;
    char       *file;                          /* a whole path */
    const char *rollFormat;
    int         maxBackup;
    Ns_LogFile *out;
    Ns_Mutex    rolling;
} ClientLog;

bool
NsHttpLogWanted(const NsServer *server)
{
    return server != NULL && NsServerPartData(server, &nsHttpLogPart) != NULL;
}

/* One word of a line: what could end it, or be another one, in percent signs. */
static void
AppendWord(Tcl_DString *ds, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c <= ' ' || c == 0x7f) {
            Ns_DStringPrintf(ds, "%%%02x", c);
        } else {
            Tcl_DStringAppend(ds, text + i, 1);
        }
    }
}

/* Without what stands before the @ of its host: that is a secret. */
static void
AppendUrl(Tcl_DString *ds, const char *url)
{
    const char *error, *rest = url;
    size_t      len = strlen(url);
    NsUrl       parts;

    if (NsUrlParse(url, len, false, &parts, &error) && parts.userinfo.start != NULL) {
        AppendWord(ds, url, (size_t)(parts.userinfo.start - url));
        rest = parts.userinfo.start + parts.userinfo.len;
        rest += *rest == '@' ? 1 : 0;
    }
    AppendWord(ds, rest, len - (size_t)(rest - url));
}

void
NsHttpLog(const NsServer *server, const NsHttpLogEntry *entry)
{
    ClientLog  *log = NsHttpLogWanted(server) ? NsServerPartData(server, &nsHttpLogPart) : NULL;
    Tcl_DString line, out;
    char        stamp[41];

    if (log == NULL || log->out == NULL) {
        return;
    }
    Tcl_DStringInit(&line);
    Tcl_DStringInit(&out);
    Ns_DStringPrintf(&line, "%s ", Ns_LogTime(stamp));
    AppendWord(&line, Ns_ThreadGetName(), strlen(Ns_ThreadGetName()));
    Ns_DStringPrintf(&line, " %d ", entry->outcome->status);
    AppendWord(&line, entry->method, strlen(entry->method));
    Tcl_DStringAppend(&line, " ", 1);
    AppendUrl(&line, entry->url);
    Ns_DStringPrintf(&line, " %ld.%06ld %lld %lld %s\n", (long)entry->outcome->elapsed.sec, (long)entry->outcome->elapsed.usec,
                     atomic_load(&entry->progress->sent), atomic_load(&entry->progress->received), entry->end);
    Ns_TextAppendOut(&out, Tcl_DStringValue(&line), (size_t)Tcl_DStringLength(&line));
    (void)Ns_LogFileWrite(log->out, Tcl_DStringValue(&out), (size_t)Tcl_DStringLength(&out));
    Tcl_DStringFree(&out);
    Tcl_DStringFree(&line);
}

/* ------------------------------------------------------------------------------------------------------------- files */

static void
Reopen(void *arg)
{
    ClientLog *log = arg;

    if (log->out != NULL && !Ns_LogFileReopen(log->out, log->file)) {
        Ns_Log(Error, "ns_http: server %s: cannot open the log '%s': %s", log->server, log->file, strerror(errno));
    }
}

/* Lines that come meanwhile follow the file under its new name, until the next one is open. */
static void
Roll(void *arg)
{
    ClientLog    *log = arg;
    Ns_ReturnCode status;

    if (log->out == NULL) {
        return;
    }
    Ns_MutexLock(&log->rolling);
    (void)Ns_LogFileFlush(log->out, FLUSH_MS);
    status = *log->rollFormat != '\0' ? NsRollFileFmt(log->file, log->rollFormat, log->maxBackup) : Ns_RollFile(log->file, log->maxBackup);
    if (status != NS_OK) {
        Ns_Log(Error, "ns_http: server %s: cannot roll the log '%s'", log->server, log->file);
    }
    Reopen(log);
    Ns_MutexUnlock(&log->rolling);
}

static void
RollOnSchedule(void *arg, int id)
{
    (void)id;
    Roll(arg);
}

/* Before the first request, and not earlier: the file belongs to the user that the server has become. */
static void
Open(void *arg)
{
    ClientLog *log = arg;
    char      *folder = ns_strdup(log->file);

    *strrchr(folder, '/') = '\0';
    if (*folder != '\0') {
        (void)Ns_RequireDirectory(folder);     /* what goes wrong is logged, and shows when the file is opened */
    }
    ns_free(folder);
    log->out = Ns_LogFileOpen(log->file, false);
    if (log->out == NULL) {
        Ns_Fatal("ns_http: server %s: cannot open the log '%s': %s", log->server, log->file, strerror(errno));
    }
}

/* Below logdir, which is below the home, unless they are absolute; to be kept. */
static char *
PathOf(const char *file)
{
    char *dir = NsInfoPath(Ns_InfoHomePath(), Ns_ConfigString("ns/parameters", "logdir", "logs")), *path = NsInfoPath(dir, file);

    ns_free(dir);
    return path;
}

static void
InitServer(NsServer *server)
{
    const char   *section = Ns_ConfigSectionPath(NULL, server->name, NULL, "httpclient", NULL);
    const char   *file = Ns_ConfigString(section, "logfile", "httpclient.log"), *format = Ns_ConfigString(section, "logrollfmt", "");
    bool          wanted = Ns_ConfigBool(section, "logging", false), roll = Ns_ConfigBool(section, "logroll", true);
    bool          onSignal = Ns_ConfigBool(section, "logrollonsignal", false);
    int           hour = Ns_ConfigIntRange(section, "logrollhour", 0, 0, 23), max = Ns_ConfigIntRange(section, "logmaxbackup", 100, 1, 1000);
    const Ns_Time at = {hour * 3600L, 0};
    ClientLog    *log;

    if (!wanted) {
        return;
    }
    log = ns_calloc(1u, sizeof(ClientLog));
    log->server = server->name;
    log->file = PathOf(file);
    log->rollFormat = format;
    log->maxBackup = max;
    Ns_MutexSetName2(&log->rolling, "ns:httpclient", server->name);
    NsServerSetPart(server, &nsHttpLogPart, log);
    (void)Ns_RegisterAtPreStartup(Open, log);
    (void)Ns_RegisterAtSignal(onSignal ? Roll : Reopen, log);
    if (roll) {
        (void)Ns_ScheduleProcEx(RollOnSchedule, log, NS_SCHED_DAILY | NS_SCHED_THREAD, &at, NULL);
    }
}

NsServerPart nsHttpLogPart = {.init = InitServer};
