/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_log, ns_logctl, ns_logroll.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/dict.h"
#include "base/file.h"
#include "conf/logconf.h"
#include "base/log.h"
#include "base/logequal.h"
#include "cmd/cmds.h"
#include "cmd/server/logscript.h"

/* A severity by its name or number. */
static int
GetSeverity(Tcl_Interp *interp, Tcl_Obj *obj, int *severity)
{
    int number;

    *severity = NsLogSeverityFind(Tcl_GetString(obj));
    if (*severity < 0 && Tcl_GetIntFromObj(NULL, obj, &number) == TCL_OK && number >= 0
        && number < NsLogSeverityCount()) {
        *severity = number;
    }
    if (*severity < 0) {
        Tcl_Obj *message = Tcl_ObjPrintf("unknown severity: \"%s\": should be one of: ", Tcl_GetString(obj));

        for (int i = 0; i < NsLogSeverityCount(); i++) {
            Tcl_AppendStringsToObj(message, Ns_LogSeverityName(i), " ", NULL);
        }
        Tcl_SetObjResult(interp, message);
        return TCL_ERROR;
    }
    return TCL_OK;
}

static int
LogObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int severity;

    if (objc < 3) {
        Tcl_WrongNumArgs(interp, 1, objv, "/severity/ /message .../");
        return TCL_ERROR;
    }
    if (GetSeverity(interp, objv[1], &severity) != TCL_OK) {
        return TCL_ERROR;
    }
    if (!Ns_LogSeverityEnabled(severity)) {
        return TCL_OK;
    }
    if (objc == 3) {
        Ns_Log(severity, "%s", Tcl_GetString(objv[2]));
    } else {
        Tcl_Obj *message = Tcl_ConcatObj(objc - 2, objv + 2);

        Tcl_IncrRefCount(message);
        Ns_Log(severity, "%s", Tcl_GetString(message));
        Tcl_DecrRefCount(message);
    }
    return TCL_OK;
}

/*
 * ns_logctl: what this thread holds back
 */
static Tcl_Obj *
CountObj(void)
{
    return Tcl_NewWideIntObj((Tcl_WideInt)NsLogHeldCount());
}

static Tcl_Obj *
PeekObj(void)
{
    Tcl_DString ds;
    Tcl_Obj    *held;

    Tcl_DStringInit(&ds);
    NsLogHeldAppend(&ds);
    held = Tcl_NewStringObj(Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
    return held;
}

static Tcl_Obj *
GetObj(void)
{
    Tcl_Obj *held = PeekObj();

    NsLogHeldTruncate(0);
    return held;
}

static int
TruncateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange range = {0, INT_MAX};
    int         count = 0;
    Ns_ObjvSpec args[] = {{"?count", Ns_ObjvInt, &count, &range}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    NsLogHeldTruncate((size_t)count);
    return TCL_OK;
}

/*
 * ns_logctl: severities
 */
static int
SeverityObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         severity, color = -1, intensity = -1, oldColor, enable = -1;
    bool        oldBright, enabled;
    Ns_ObjvSpec opts[] = {
        {"-color", Ns_ObjvIndex, &color, (void *)nsLogColors},
        {"-intensity", Ns_ObjvIndex, &intensity, (void *)nsLogIntensities},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"?boolean", Ns_ObjvBool, &enable, NULL}, {NULL, NULL, NULL, NULL}};

    /* The severity comes before the options. */
    if (objc < 3) {
        Tcl_WrongNumArgs(interp, 2, objv, "/severity/ ?-color black|red|green|yellow|blue|magenta|cyan|gray|default?"
                         " ?-intensity normal|bright? ?true|false?");
        return TCL_ERROR;
    }
    if (Ns_ParseObjv(opts, args, interp, 2, objc - 1, objv + 1) != NS_OK) {        /* the usage begins with "severity" */
        return TCL_ERROR;
    }
    /* To turn one on or off makes it: Debug(my), in a configuration. */
    severity = enable >= 0 ? NsLogSeverityFind(Tcl_GetString(objv[2])) : -1;
    if (enable >= 0 && severity < 0 && Tcl_GetIntFromObj(NULL, objv[2], &severity) != TCL_OK) {
        severity = Ns_CreateLogSeverity(Tcl_GetString(objv[2]));
    }
    if (GetSeverity(interp, objv[2], &severity) != TCL_OK) {
        return TCL_ERROR;
    }
    if (color >= 0 || intensity >= 0) {
        NsLogSeverityGetColor(severity, &oldColor, &oldBright);
        NsLogSeveritySetColor(severity, color >= 0 ? color : oldColor, intensity >= 0 ? intensity != 0 : oldBright);
    }
    enabled = enable < 0 ? Ns_LogSeverityEnabled(severity) : NsLogSeverityEnable(severity, enable != 0);
    Tcl_SetObjResult(interp, Tcl_NewIntObj(enabled));
    return TCL_OK;
}

static Tcl_Obj *
Severities(bool withCount)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);

    for (int i = 0; i < NsLogSeverityCount(); i++) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Ns_LogSeverityName(i), -1));
        if (withCount) {
            Tcl_ListObjAppendElement(NULL, list, Tcl_NewWideIntObj((Tcl_WideInt)NsLogSeverityGetCount(i)));
        }
    }
    return list;
}

static Tcl_Obj *SeveritiesObj(void) { return Severities(false); }
static Tcl_Obj *StatsObj(void)      { return Severities(true); }

/* ns_logctl queue: what waits to be written, and what never was. */
static Tcl_Obj *
QueueObj(void)
{
    NsLogQueueStats stats;
    Tcl_Obj        *dict = Tcl_NewDictObj();

    NsLogQueueGetStats(&stats);
    NsDictPutNumber(dict, "waiting", (int64_t)stats.entries);
    NsDictPutNumber(dict, "bytes", (int64_t)stats.bytes);
    NsDictPutNumber(dict, "maxbytes", (int64_t)stats.maxBytes);
    NsDictPutNumber(dict, "written", (int64_t)stats.written);
    NsDictPutNumber(dict, "lost", (int64_t)stats.lost);
    NsDictPutNumber(dict, "failed", (int64_t)stats.failed);
    NsDictPutNumber(dict, "leftout", (int64_t)NsLogEqualTotal());
    NsDictPutNumber(dict, "overheld", (int64_t)NsLogOverheld());
    return dict;
}

/*
 * ns_logctl: the file
 */
static int
GrepObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char *file = NsLogFile(), *string;
    FILE       *stream;
    char       *line = NULL;
    size_t      size = 0;
    ssize_t     len;
    Tcl_DString ds;
    Ns_ObjvSpec opts[] = {
        {"-filename", Ns_ObjvString, &file, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"string", Ns_ObjvString, &string, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    (void)NsLogFlush(1000);
    stream = file == NULL ? NULL : NsFileFopen(file, "re");
    if (stream == NULL) {
        Ns_TclPrintfResult(interp, "cannot open log file '%s': %s", file == NULL ? "" : file, strerror(errno));
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    while ((len = getline(&line, &size, stream)) >= 0) {
        if (strstr(line, string) != NULL) {
            Tcl_DStringAppend(&ds, line, (int)len);
        }
    }
    free(line);
    fclose(stream);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

static int
LogRollObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (NsLogRoll() != NS_OK) {
        Ns_TclPrintfResult(interp, "could not roll '%s': see the log", NsLogFile());
        return TCL_ERROR;
    }
    return TCL_OK;
}

typedef struct LogSub {
    const char     *name;
    Tcl_ObjCmdProc *proc;                      /* or, without arguments: */
    Tcl_Obj      *(*get)(void);
    void          (*run)(void);
} LogSub;

static const LogSub logSubs[] = {
    {"count",      NULL, CountObj, NULL},
    {"flush",      NULL, NULL, NsLogHeldFlush},
    {"get",        NULL, GetObj, NULL},
    {"grep",       GrepObjCmd, NULL, NULL},
    {"hold",       NULL, NULL, NsLogHold},
    {"peek",       NULL, PeekObj, NULL},
    {"queue",      NULL, QueueObj, NULL},
    {"register",   NsTclLogRegisterObjCmd, NULL, NULL},
    {"release",    NULL, NULL, NsLogRelease},
    {"severities", NULL, SeveritiesObj, NULL},
    {"severity",   SeverityObjCmd, NULL, NULL},
    {"stats",      NULL, StatsObj, NULL},
    {"truncate",   TruncateObjCmd, NULL, NULL},
    {"unregister", NsTclLogUnregisterObjCmd, NULL, NULL},
    {NULL, NULL, NULL, NULL}
};

static int
LogCtlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const LogSub *sub;
    int           index;

    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "/subcommand/ ?/arg/?");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], logSubs, sizeof(LogSub), "subcommand", 0, &index) != TCL_OK) {
        return TCL_ERROR;
    }
    sub = &logSubs[index];
    if (sub->proc != NULL) {
        return sub->proc(clientData, interp, objc, objv);
    }
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (sub->get != NULL) {
        Tcl_SetObjResult(interp, sub->get());
    } else {
        sub->run();
    }
    return TCL_OK;
}

extern const NsCmd nsLogCmds[];
const NsCmd nsLogCmds[] = {
    {"ns_log",     LogObjCmd,     NS_CMD_CONFIG},
    {"ns_logctl",  LogCtlObjCmd,  NS_CMD_CONFIG},
    {"ns_logroll", LogRollObjCmd, 0},
    {NULL, NULL, 0}
};
