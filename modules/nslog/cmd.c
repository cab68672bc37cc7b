/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_accesslog: what can be asked and changed while the server runs.
 */
#include <limits.h>
#include <string.h>
#include <strings.h>
#include "nslog.h"

static Ns_ObjvValueRange fileRange = {1, INT_MAX}, lineRange = {0, INT_MAX};

/* The error is the interpreter's result; freed. */
static int
Outcome(Tcl_Interp *interp, bool done, Tcl_DString *error)
{
    if (!done) {
        Tcl_DStringResult(interp, error);
    }
    Tcl_DStringFree(error);
    return done ? TCL_OK : TCL_ERROR;
}

static int
RollFmtObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Log        *log = clientData;
    char       *format = NULL;
    Ns_ObjvSpec args[] = {{"?timeformat", Ns_ObjvString, &format, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (format != NULL && strchr(format, '/') != NULL) {
        Ns_TclPrintfResult(interp, "a format for the end of a file's name has no '/': \"%s\"", format);
        return TCL_ERROR;
    }
    Ns_RWLockWrLock(&log->lock);
    if (format != NULL) {
        ns_free(log->rollFormat);
        log->rollFormat = ns_strdup(format);
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj(log->rollFormat, -1));
    Ns_RWLockUnlock(&log->lock);
    return TCL_OK;
}

static int
MaxBackupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Log        *log = clientData;
    int         max = 0;
    Ns_ObjvSpec args[] = {{"?nrfiles", Ns_ObjvInt, &max, &fileRange}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_RWLockWrLock(&log->lock);
    log->maxBackup = max > 0 ? max : log->maxBackup;
    Tcl_SetObjResult(interp, Tcl_NewIntObj(log->maxBackup));
    Ns_RWLockUnlock(&log->lock);
    return TCL_OK;
}

static int
MaxBufferObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Log        *log = clientData;
    int         max = -1;
    Ns_ObjvSpec args[] = {{"?nrlines", Ns_ObjvInt, &max, &lineRange}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_RWLockWrLock(&log->lock);
    log->maxBuffer = max >= 0 ? max : log->maxBuffer;
    Tcl_SetObjResult(interp, Tcl_NewIntObj(log->maxBuffer));
    if (max >= 0 && log->out != NULL) {
        Ns_LogFileSetBuffer(log->out, (unsigned)max);
    }
    Ns_RWLockUnlock(&log->lock);
    return TCL_OK;
}

static int
ExtendedHeadersObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Log        *log = clientData;
    char       *text = NULL;
    LogHeaders *headers = NULL, *old = NULL;
    Tcl_DString error;
    Ns_ObjvSpec args[] = {{"?headers", Ns_ObjvString, &text, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&error);
    if (text != NULL && (headers = LogHeadersRead(text, &error)) == NULL) {
        return Outcome(interp, false, &error);
    }
    Ns_RWLockWrLock(&log->lock);
    if (headers != NULL) {
        old = log->headers;
        log->headers = headers;
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj(log->headers->text, -1));
    Ns_RWLockUnlock(&log->lock);
    if (old != NULL) {
        LogHeadersFree(old);
    }
    return Outcome(interp, true, &error);
}

static const struct { const char *name; unsigned flag; } flagNames[] = {
    {"logcombined", NSLOG_COMBINED}, {"formattedtime", NSLOG_FMTTIME}, {"logreqtime", NSLOG_REQTIME},
    {"logpartialtimes", NSLOG_PARTIAL}, {"checkforproxy", NSLOG_PROXY}, {"suppressquery", NSLOG_NOQUERY}
};
#define FLAGS (sizeof flagNames / sizeof flagNames[0])

static int
FlagsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Log        *log = clientData;
    Tcl_Obj    *list = NULL, **words, *result = Tcl_NewObj();
    unsigned    flags = 0;
    int         count = 0;
    Ns_ObjvSpec args[] = {{"?flags", Ns_ObjvObj, &list, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK
        || (list != NULL && Tcl_ListObjGetElements(interp, list, &count, &words) != TCL_OK)) {
        Tcl_DecrRefCount(result);
        return TCL_ERROR;
    }
    for (int i = 0; i < count; i++) {
        for (size_t n = 0; n < FLAGS; n++) {
            flags |= strcasecmp(Tcl_GetString(words[i]), flagNames[n].name) == 0 ? flagNames[n].flag : 0u;
        }
    }
    Ns_RWLockWrLock(&log->lock);
    log->flags = list != NULL ? flags : log->flags;
    flags = log->flags;
    Ns_RWLockUnlock(&log->lock);
    for (size_t n = 0; n < FLAGS; n++) {
        if ((flags & flagNames[n].flag) != 0) {
            Tcl_AppendStringsToObj(result, flagNames[n].name, " ", NULL);
        }
    }
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}

static int
FileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Log        *log = clientData;
    char       *file = NULL;
    bool        done = true;
    Tcl_DString error;
    Ns_ObjvSpec args[] = {{"?filepath", Ns_ObjvString, &file, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&error);
    if (file != NULL) {
        Ns_MutexLock(&log->rolling);
        done = LogOpen(log, file, &error);
        Ns_MutexUnlock(&log->rolling);
    }
    if (done) {
        Ns_RWLockRdLock(&log->lock);
        Tcl_SetObjResult(interp, Tcl_NewStringObj(log->file, -1));
        Ns_RWLockUnlock(&log->lock);
    }
    return Outcome(interp, done, &error);
}

static int
RollObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *to = NULL;
    Tcl_DString error;
    Ns_ObjvSpec args[] = {{"?filepath", Ns_ObjvString, &to, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&error);
    return Outcome(interp, LogRoll(clientData, to, &error), &error);
}

static int
AccessLogObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"rollfmt", RollFmtObjCmd}, {"maxbackup", MaxBackupObjCmd}, {"maxbuffer", MaxBufferObjCmd},
        {"extendedheaders", ExtendedHeadersObjCmd}, {"flags", FlagsObjCmd}, {"file", FileObjCmd}, {"roll", RollObjCmd}, {NULL, NULL}
    };
    int index;

    /* Not Ns_SubcmdObjv: NaviServer's messages here are others. */
    if (objc < 2) {
        Ns_TclPrintfResult(interp, "wrong # args: should be \"%s /subcommand/ ?/arg .../?\"", Tcl_GetString(objv[0]));
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], subcmds, sizeof subcmds[0], "subcommand", 0, &index) != TCL_OK) {
        return TCL_ERROR;
    }
    return subcmds[index].proc(clientData, interp, objc, objv);
}

Ns_ReturnCode
LogCreateCommand(Tcl_Interp *interp, const void *log)
{
    (void)Tcl_CreateObjCommand(interp, "ns_accesslog", AccessLogObjCmd, (ClientData)(uintptr_t)log, NULL);
    return NS_OK;
}
