/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The log by the configuration: what is in it, where it goes, and when it is rolled.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "conf/config.h"
#include "base/file.h"
#include "conf/info.h"
#include "conf/logconf.h"
#include "conf/options.h"
#include "base/log.h"
#include "base/logequal.h"
#include "base/roll.h"

#define SECTION "ns/parameters"
#define FLUSH   1000                           /* ms */

/* Set by the main thread at the start, but for `open`. */
static struct {
    bool        rollOnSignal;
    const char *dir, *file, *rollFormat;       /* rollFormat: NULL for numbers */
    int         maxBackup;
    bool        takeStderr;
} conf;
static Ns_Mutex rollLock;
static bool     isOpen;                        /* under rollLock */

/* A word of a table, or the default with a warning. */
static int
ConfigWord(const char *key, const char *def, const Ns_ObjvTable *table)
{
    const char *value = Ns_ConfigString(SECTION, key, def);
    int         result = 0;
    bool        found = false;

    for (const Ns_ObjvTable *entry = table; entry->key != NULL; entry++) {
        if (strcmp(entry->key, value) == 0) {
            return (int)entry->value;
        }
        if (!found && strcmp(entry->key, def) == 0) {
            result = (int)entry->value;
            found = true;
        }
    }
    Ns_Log(Warning, "config: section '%s' parameter '%s': no such value '%s', using '%s'", SECTION, key, value, def);
    return result;
}

static void
Configure(void)
{
    NsLogSettings settings;
    Ns_Time       interval;
    const char   *format;

    (void)NsLogSeverityEnable(Notice, Ns_ConfigBool(SECTION, "lognotice", true));
    (void)NsLogSeverityEnable(Debug, Ns_ConfigBool(SECTION, "logdebug", false));
    (void)NsLogSeverityEnable(Dev, Ns_ConfigBool(SECTION, "logdev", false));

    NsLogGetSettings(&settings);
    settings.sec = Ns_ConfigBool(SECTION, "logsec", true);
    settings.usec = Ns_ConfigBool(SECTION, "logusec", false);
    settings.usecDiff = Ns_ConfigBool(SECTION, "logusecdiff", false);
    settings.relative = Ns_ConfigBool(SECTION, "logrelative", false);
    settings.thread = Ns_ConfigBool(SECTION, "logthread", true);
    settings.expanded = Ns_ConfigBool(SECTION, "logexpanded", false);
    settings.deduplicate = Ns_ConfigBool(SECTION, "logdeduplicate", false);
    settings.colorize = Ns_ConfigBool(SECTION, "logcolorize", false);
    settings.prefixColor = ConfigWord("logprefixcolor", "green", nsLogColors);
    settings.prefixBright = ConfigWord("logprefixintensity", "normal", nsLogIntensities) != 0;
    settings.sanitize = (NsLogSanitize)Ns_ConfigIntRange(SECTION, "sanitizelogfiles", NS_LOG_UTF8, NS_LOG_RAW,
                                                         NS_LOG_UTF8_TABS);
    NsLogSetSettings(&settings);
    NsLogHeldSetMax((size_t)NsConfigMemSize(SECTION, "logmaxhold", "1MB", 1024, 1 << 30));
    NsLogQueueSetMax((size_t)NsConfigMemSize(SECTION, "logqueuesize", "4MB", 64 * 1024, (Tcl_WideInt)1 << 40));
    Ns_ConfigTimeUnitRange(SECTION, "logequalinterval", "10s", 0, 1000, 86400, 0, &interval);
    NsLogEqualSetLimit(Ns_ConfigIntRange(SECTION, "logequalmax", 100, 0, INT32_MAX), Ns_TimeToMilliseconds(&interval));

    conf.dir = NsInfoPath(Ns_InfoHomePath(), Ns_ConfigString(SECTION, "logdir", "logs"));
    conf.file = NsInfoPath(conf.dir, Ns_ConfigString(SECTION, "systemlog", "nsd.log"));
    format = Ns_ConfigString(SECTION, "logrollfmt", NULL);
    conf.rollFormat = format == NULL || *format == '\0' ? NULL : format;
    conf.maxBackup = Ns_ConfigIntRange(SECTION, "logmaxbackup", 10, 1, 999);
    conf.rollOnSignal = Ns_ConfigBool(SECTION, "logrollonsignal", true);
    /* In the background what a library prints would be lost. */
    conf.takeStderr = nsOptions.mode == NS_MODE_BACKGROUND || nsOptions.mode == NS_MODE_WATCHDOG;
    Ns_MutexSetName(&rollLock, "ns:logroll");
}

const char *
NsLogDir(void)
{
    return conf.dir;
}

const char *
Ns_InfoLogPath(void)
{
    return NsLogDir();
}

const char *
NsLogFile(void)
{
    return conf.file;
}

/* Under rollLock. */
static Ns_ReturnCode
Open(void)
{
    if (NsLogOpenFile(conf.file, conf.takeStderr) != NS_OK) {
        Ns_Log(Error, "log: cannot open '%s': %s", conf.file, strerror(errno));
        return NS_ERROR;
    }
    return NS_OK;
}

/* In the foreground, and where a script runs, somebody watches. */
static bool
StaysOnStderr(void)
{
    const char *command = Ns_ConfigString(SECTION, "commandlog", "stderr");

    if (strcmp(command, "stderr") != 0 && strcmp(command, "file") != 0) {
        Ns_Log(Warning, "config: section '%s' parameter 'commandlog': no such value '%s', using 'stderr'", SECTION, command);
    }
    return nsOptions.mode == NS_MODE_FOREGROUND || (nsOptions.mode == NS_MODE_COMMAND && strcmp(command, "file") != 0);
}

void
NsLogOpen(void)
{
    Configure();
    if (StaysOnStderr()) {
        return;
    }
    (void)NsFileMkdir(conf.dir, 0755);               /* what goes wrong shows when the file is opened */
    if (NsLogOpenFile(conf.file, conf.takeStderr) != NS_OK) {
        Ns_Fatal("log: cannot open '%s': %s", conf.file, strerror(errno));
    }
    Ns_MutexLock(&rollLock);
    isOpen = true;
    Ns_MutexUnlock(&rollLock);
}

static Ns_ReturnCode
Reopen(bool roll)
{
    Ns_ReturnCode status = NS_OK;
    bool          done = false;

    Ns_MutexLock(&rollLock);
    /* On stderr there is nothing to put aside. */
    done = isOpen;
    if (isOpen) {
        (void)NsLogFlush(FLUSH);               /* belongs to the old file */
        if (roll) {
            status = conf.rollFormat != NULL ? NsRollFileFmt(conf.file, conf.rollFormat, conf.maxBackup)
                                             : NsRollFile(conf.file, conf.maxBackup);
        }
        if (Open() != NS_OK) {
            status = NS_ERROR;
        }
    }
    Ns_MutexUnlock(&rollLock);
    if (!done) {
        Ns_Log(Notice, "log: it goes to standard error, there is no file to be rolled");
    } else if (status == NS_OK) {
        Ns_Log(Notice, "log: %s '%s'", roll ? "rolled" : "reopened", conf.file);
    }
    return status;
}

Ns_ReturnCode
NsLogRoll(void)
{
    return Reopen(true);
}

/* Even when it does not roll: another program may have put the file aside. */
Ns_ReturnCode
Ns_LogRoll(void)
{
    return NsLogRoll();
}

const char *
Ns_InfoErrorLog(void)
{
    return NsLogFile();
}

void
NsLogReopen(void)
{
    (void)Reopen(conf.rollOnSignal);
}
