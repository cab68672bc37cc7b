/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_asynclogfile: files of lines that scripts write without waiting for a disk.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include "base/logfile.h"
#include "base/logline.h"
#include "base/text.h"
#include "cmd/cmds.h"

#define MAX_FILES 256                          /* open at the same time */

/* Of the process: a script in one thread may write what another one has opened.  Under the lock; it is held for moments. */
static Ns_Mutex    lock;
static Ns_LogFile *files[MAX_FILES];           /* NULL: the number is free */

static Ns_ObjvValueRange fdRange = {0, INT_MAX};

static int
OpenObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name, *mode = "APPEND";
    int         fd = 0;
    Ns_LogFile *file;
    Ns_ObjvSpec args[] = {
        {"filename", Ns_ObjvString, &name, NULL}, {"?mode", Ns_ObjvString, &mode, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (strcmp(mode, "APPEND") != 0 && strcmp(mode, "TRUNC") != 0) {
        Ns_TclPrintfResult(interp, "bad mode \"%s\": must be APPEND or TRUNC", mode);
        return TCL_ERROR;
    }
    file = Ns_LogFileOpen(name, strcmp(mode, "TRUNC") == 0);
    if (file == NULL) {
        Ns_TclPrintfResult(interp, "could not open '%s': %s", name, Tcl_PosixError(interp));
        return TCL_ERROR;
    }
    Ns_MutexLock(&lock);
    while (fd < MAX_FILES && files[fd] != NULL) {
        fd++;
    }
    if (fd < MAX_FILES) {
        files[fd] = file;
    }
    Ns_MutexUnlock(&lock);
    if (fd == MAX_FILES) {
        Ns_LogFileClose(file);
        Ns_TclPrintfResult(interp, "could not open '%s': %d files are open already", name, MAX_FILES);
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(fd));
    return TCL_OK;
}

/* Under the lock; NULL with an error. */
static Ns_LogFile *
Find(Tcl_Interp *interp, int fd)
{
    Ns_LogFile *file = fd < MAX_FILES ? files[fd] : NULL;

    if (file == NULL) {
        Ns_TclPrintfResult(interp, "no file has the number %d", fd);
    }
    return file;
}

/* Up to what the log's own lines would keep: a line end, and a tab unless it is to become blanks. */
static size_t
PlainPart(const char *text, size_t len, NsLogSanitize sanitize)
{
    size_t part = 0;

    while (part < len && text[part] != '\n' && (text[part] != '\t' || sanitize == NS_LOG_UTF8_TABS)) {
        part++;
    }
    return part;
}

/* Line ends within are escaped, but for the last: one call is one entry. */
static void
AppendLine(NsLogLine *line, const char *text, size_t len, NsLogSanitize sanitize)
{
    bool ends = len > 0 && text[len - 1] == '\n';

    len -= ends ? 1u : 0u;
    while (len > 0) {
        size_t part = sanitize != NS_LOG_RAW ? PlainPart(text, len, sanitize) : len;

        NsLogLineAppendSafe(line, text, part, sanitize);
        text += part;
        len -= part;
        if (len > 0) {
            NsLogLineAppend(line, *text == '\n' ? "\\x0a" : "\\x09", 4);
            text++;
            len--;
        }
    }
    if (ends) {
        NsLogLineAppend(line, "\n", 1);
    }
}

static int
WriteObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable levels[] = {{"0", NS_LOG_RAW}, {"1", NS_LOG_ASCII}, {"2", NS_LOG_UTF8}, {"3", NS_LOG_UTF8_TABS}, {NULL, 0}};
    int         binary = 0, sanitize = NS_LOG_ASCII, fd = 0, textLen;
    Tcl_Obj    *obj;
    Ns_LogFile *file;
    NsLogLine   line;
    Tcl_DString ds;
    const char *bytes;
    size_t      len;
    bool        taken = true;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"-sanitize", Ns_ObjvIndex, &sanitize, (void *)(uintptr_t)levels}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"fd", Ns_ObjvInt, &fd, &fdRange}, {"line", Ns_ObjvObj, &obj, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    NsLogLineInit(&line);
    if (binary) {
        bytes = (const char *)Tcl_GetByteArrayFromObj(obj, &textLen);
        len = (size_t)textLen;
    } else {
        const char *text = Tcl_GetStringFromObj(obj, &textLen);

        bytes = NsTextOut(&ds, text, (size_t)textLen, &len);
    }
    AppendLine(&line, bytes, len, (NsLogSanitize)sanitize);
    Ns_MutexLock(&lock);
    file = Find(interp, fd);
    if (file != NULL) {
        taken = Ns_LogFileWrite(file, line.data, line.len);
    }
    Ns_MutexUnlock(&lock);
    NsLogLineFree(&line);
    Tcl_DStringFree(&ds);
    if (!taken) {
        Ns_TclPrintfResult(interp, "the file with the number %d has more than it can take: the line is lost", fd);
    }
    return file != NULL && taken ? TCL_OK : TCL_ERROR;
}

static int
CloseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         fd = 0;
    Ns_LogFile *file;
    Ns_ObjvSpec args[] = {{"fd", Ns_ObjvInt, &fd, &fdRange}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_MutexLock(&lock);
    file = Find(interp, fd);
    if (file != NULL) {
        files[fd] = NULL;
        Ns_LogFileClose(file);
    }
    Ns_MutexUnlock(&lock);
    return file != NULL ? TCL_OK : TCL_ERROR;
}

static int
StatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj *list;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    Ns_MutexLock(&lock);
    for (int fd = 0; fd < MAX_FILES; fd++) {
        NsLogFileStats stats;

        if (files[fd] != NULL) {
            NsLogFileGetStats(files[fd], &stats);
            Tcl_ListObjAppendElement(NULL, list, Tcl_ObjPrintf("fd %d lines %" TCL_LL_MODIFIER "d written %" TCL_LL_MODIFIER "d lost %"
                                                               TCL_LL_MODIFIER "d waiting %" TCL_LL_MODIFIER "d", fd,
                                                               (Tcl_WideInt)stats.lines, (Tcl_WideInt)stats.written,
                                                               (Tcl_WideInt)stats.lost, (Tcl_WideInt)stats.waiting));
        }
    }
    Ns_MutexUnlock(&lock);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static int
AsyncLogFileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"open", OpenObjCmd}, {"write", WriteObjCmd}, {"close", CloseObjCmd}, {"stats", StatsObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsAsyncLogCmds[];
const NsCmd nsAsyncLogCmds[] = {
    {"ns_asynclogfile", AsyncLogFileObjCmd, 0},
    {NULL, NULL, 0}
};
