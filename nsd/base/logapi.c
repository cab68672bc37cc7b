/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The log as modules use it, beyond log.c: severities, times, and files of their own that are rolled.
 */
#include "ns.h"
#include "base/roll.h"
#include "base/severity.h"

Ns_LogSeverity Ns_LogAccessDebug, Ns_LogTaskDebug;

/* Before main: a module may look at them at any time. */
__attribute__((constructor)) static void
CreateSeverities(void)
{
    Ns_LogAccessDebug = Ns_CreateLogSeverity("Debug(access)");
    Ns_LogTaskDebug = Ns_CreateLogSeverity("Debug(task)");
    (void)NsLogSeverityEnable((int)Ns_LogAccessDebug, false);
    (void)NsLogSeverityEnable((int)Ns_LogTaskDebug, false);
}

bool
Ns_LogSeveritySetEnabled(Ns_LogSeverity severity, bool enabled)
{
    return Ns_LogSeverityName(severity) != NULL && NsLogSeverityEnable((int)severity, enabled);
}

char *
Ns_LogTime2(char *timeBuf, bool gmt)
{
    time_t    now = time(NULL);
    struct tm tm;

    if (gmt) {
        (void)gmtime_r(&now, &tm);
    } else {
        (void)localtime_r(&now, &tm);
    }
    if (strftime(timeBuf, 41, gmt ? "[%d/%b/%Y:%H:%M:%S +0000]" : "[%d/%b/%Y:%H:%M:%S %z]", &tm) == 0) {
        timeBuf[0] = '\0';
    }
    return timeBuf;
}

char *
Ns_LogTime(char *timeBuf)
{
    return Ns_LogTime2(timeBuf, false);
}

static bool
MaxOk(const char *fileName, TCL_SIZE_T max)
{
    if (max < 1 || max > 1000) {
        Ns_Log(Error, "roll: %s: of old files 1 to 1000 are kept, not %d", fileName, max);
        return false;
    }
    return true;
}

Ns_ReturnCode
Ns_RollFile(const char *fileName, TCL_SIZE_T max)
{
    return MaxOk(fileName, max) ? NsRollFile(fileName, max) : NS_ERROR;
}

Ns_ReturnCode
Ns_RollFileFmt(Tcl_Obj *fileObj, const char *rollfmt, TCL_SIZE_T maxbackup)
{
    const char *file = Tcl_GetString(fileObj);

    if (rollfmt == NULL || *rollfmt == '\0') {
        return Ns_RollFile(file, maxbackup);
    }
    return MaxOk(file, maxbackup) ? NsRollFileFmt(file, rollfmt, maxbackup) : NS_ERROR;
}

Ns_ReturnCode
Ns_RollFileByDate(const char *fileName, TCL_SIZE_T max)
{
    return MaxOk(fileName, max) ? NsRollFileFmt(fileName, "%Y%m%d", max) : NS_ERROR;
}

Ns_ReturnCode
Ns_PurgeFiles(const char *fileName, TCL_SIZE_T max)
{
    return NsPurgeFiles(fileName, max);
}

/* The file is closed and opened whether or not it could be rolled: what is written goes on. */
Ns_ReturnCode
Ns_RollFileCondFmt(Ns_LogCallbackProc openProc, Ns_LogCallbackProc closeProc, const void *arg, const char *filename,
                   const char *rollfmt, TCL_SIZE_T maxbackup)
{
    Ns_ReturnCode status, opened;
    bool          byFormat = rollfmt != NULL && *rollfmt != '\0';

    if (closeProc(ns_const2voidp(arg)) != NS_OK) {
        return NS_ERROR;
    }
    status = !byFormat ? Ns_RollFile(filename, maxbackup) : MaxOk(filename, maxbackup) ? NsRollFileFmt(filename, rollfmt, maxbackup) : NS_ERROR;
    opened = openProc(ns_const2voidp(arg));
    return status == NS_OK ? opened : status;
}
