/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Requests that are answered by ADP pages and Tcl files.
 */
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "base/file.h"
#include "page/adp.h"
#include "request/connio.h"
#include "request/fastpath.h"
#include "request/op.h"
#include "request/return.h"
#include "request/tclrequest.h"

NsAdpTarget *
NsAdpTargetNew(const char *file, unsigned flags, const Ns_Time *expires)
{
    NsAdpTarget *target = ns_calloc(1, sizeof *target + (file != NULL ? strlen(file) : 0) + 1);

    target->flags = flags;
    if (file != NULL) {
        strcpy(target->file, file);
    }
    if (expires != NULL) {
        target->expires = true;
        target->expiresIn = *expires;
    }
    return target;
}

/* ----------------------------------------------------------------------------------------------------------- answering */

static void
SetHeaders(NsConn *conn, const char *file, unsigned flags, const Ns_Time *expires)
{
    if ((flags & NS_ADP_TCL) == 0) {
        NsConnSetTextType(conn, Ns_GetMimeType(file));
    }
    if (expires != NULL) {
        Ns_ConnSetExpireTime(&conn->pub, (long)expires->sec);
    } else if ((flags & NS_ADP_EXPIRE) != 0) {
        Ns_ConnSetExpireTime(&conn->pub, 0);
    }
}

/* The page has run: what it has said is the answer. */
static Ns_ReturnCode
Finish(NsAdp *adp, NsConn *conn, int code, unsigned flags)
{
    NsAdpContext *ctx = &adp->ctx;

    if (ctx->exception == NS_ADP_ABORT) {
        return NS_OK;                          /* nothing, then; what was answered by other means stands */
    }
    if (code == TCL_ERROR && ctx->exception == NS_ADP_OK && ((ctx->flags & NS_ADP_STRICTERROR) != 0 || (flags & NS_ADP_TCL) != 0)) {
        NsTclAnswerError(conn, adp->interp, (flags & NS_ADP_TCL) != 0 ? "a Tcl page" : NULL);
        return NS_OK;
    }
    if (ctx->exception == NS_ADP_TIMEOUT && !ctx->begun && !conn->finished && NsConnWriteRefusal(conn) == NULL) {
        (void)Ns_ConnReturnUnavailable(&conn->pub);
        return NS_OK;
    }
    ctx->exception = NS_ADP_OK;
    return NsAdpFlush(adp, false) == TCL_OK ? NS_OK : NS_ERROR;
}

/* The parameter `enabledebug`: the query says which pages, where the debugger is, and what procs it is to see. */
static void
StartDebugger(NsAdp *adp, NsConn *conn, const char *file)
{
    const Ns_Set *query = Ns_ConnGetQuery(adp->interp, &conn->pub, NULL, NULL);
    const char   *pattern = query != NULL ? Ns_SetGet(query, "debug") : NULL, *slash = strrchr(file, '/');

    if (pattern != NULL && Tcl_StringMatch(slash != NULL ? slash + 1 : file, pattern)
        && NsAdpDebug(adp, Ns_SetGet(query, "dhost"), Ns_SetGet(query, "dport"), Ns_SetGet(query, "dproc")) != TCL_OK) {
        (void)Ns_TclLogErrorInfo(adp->interp, "\n    while starting the debugger for an ADP page");
    }
    Tcl_ResetResult(adp->interp);
}

Ns_ReturnCode
NsAdpAnswer(NsConn *conn, const char *file, unsigned flags, const Ns_Time *expires)
{
    NsInterp     *data = NsGetInterpData(NsConnInterp(conn));
    NsAdp        *adp = NsAdpOf(data);
    NsAdpContext  before;
    const char   *start = adp->server->startPage != NULL && (flags & NS_ADP_TCL) == 0 ? adp->server->startPage : file;
    Tcl_Obj      *words[2] = {Tcl_NewStringObj(start, -1), Tcl_NewStringObj(file, -1)};
    NsAdpRun      run = {.page = words[0], .flags = flags & NS_ADP_TCL, .objc = 2, .objv = words};
    Ns_ReturnCode status;
    int           code;

    Tcl_IncrRefCount(words[0]);
    Tcl_IncrRefCount(words[1]);
    NsAdpContextBegin(adp, &before);
    adp->ctx.flags |= flags & NS_ADP_LASTING;
    adp->ctx.answering = true;
    SetHeaders(conn, file, adp->ctx.flags | flags, expires);
    if (adp->server->enableDebug) {
        StartDebugger(adp, conn, file);
    }
    code = NsAdpInclude(adp, &run);
    status = Finish(adp, conn, code, flags);
    NsAdpContextEnd(adp, &before);
    Tcl_ResetResult(adp->interp);
    Tcl_DecrRefCount(words[0]);
    Tcl_DecrRefCount(words[1]);
    return status;
}

/* --------------------------------------------------------------------------------------------------- registered procs */

static bool
IsFile(const char *path)
{
    struct stat st;

    return NsFileStat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The file to run, if it is there. */
static bool
FindFile(NsConn *conn, const NsAdpTarget *target, unsigned flags, Tcl_DString *path)
{
    const char *extension = NsAdpServerOf(conn->server)->defaultExtension;
    bool        found;

    if (*target->file == '\0') {
        if (NsUrlToFile(path, conn->server, conn->pub.request.url) != NS_OK) {
            return false;
        }
    } else {
        if (*target->file != '/') {
            (void)NsPagePath(path, conn->server);
            Tcl_DStringAppend(path, "/", 1);
        }
        Tcl_DStringAppend(path, target->file, -1);
    }
    found = IsFile(Tcl_DStringValue(path));
    if (!found && extension != NULL && (flags & NS_ADP_TCL) == 0) {
        Tcl_DStringAppend(path, extension, -1);
        found = IsFile(Tcl_DStringValue(path));
    }
    return found;
}

static Ns_ReturnCode
AnswerTarget(NsConn *conn, const NsAdpTarget *target, unsigned flags)
{
    Tcl_DString   path;
    Ns_ReturnCode status;

    Tcl_DStringInit(&path);
    if (FindFile(conn, target, flags, &path)) {
        status = NsAdpAnswer(conn, Tcl_DStringValue(&path), target->flags | flags, target->expires ? &target->expiresIn : NULL);
    } else {
        status = Ns_ConnReturnNotFound(&conn->pub);
    }
    Tcl_DStringFree(&path);
    return status;
}

Ns_ReturnCode
NsAdpPageProc(const void *arg, Ns_Conn *conn)
{
    return AnswerTarget(NsConnOf(conn), arg, 0);
}

Ns_ReturnCode
NsTclPageProc(const void *arg, Ns_Conn *conn)
{
    return AnswerTarget(NsConnOf(conn), arg, NS_ADP_TCL);
}

/* ------------------------------------------------------------------------------------------------------------ at start */

/* For the methods that files are served for. */
static void
RegisterPages(NsServer *server, const char *url, Ns_OpProc *proc)
{
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    if (*url != '/') {
        Tcl_DStringAppend(&ds, "/", 1);
    }
    Tcl_DStringAppend(&ds, url, -1);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        NsOpRegister(server, methods[i], Tcl_DStringValue(&ds), proc, ns_free, NsAdpTargetNew(NULL, 0, NULL), 0, NULL);
    }
    Tcl_DStringFree(&ds);
}

/* The parameter `map`, each time it is given: a list of URLs. */
static void
ReadMap(NsServer *server, const char *section, const Ns_Set *set)
{
    for (size_t i = 0; set != NULL && i < Ns_SetSize(set); i++) {
        const char **urls;
        int          count;

        if (strcasecmp(Ns_SetKey(set, i), "map") != 0 || Ns_SetValue(set, i) == NULL) {
            continue;
        }
        (void)Ns_ConfigGetValue(section, "map");
        if (Tcl_SplitList(NULL, Ns_SetValue(set, i), &count, &urls) != TCL_OK) {
            Ns_Fatal("config: section %s: map is not a list of URLs: '%s'", section, Ns_SetValue(set, i));
        }
        for (int n = 0; n < count; n++) {
            RegisterPages(server, urls[n], NsAdpPageProc);
        }
        Tcl_Free((char *)urls);
    }
}

static void
DescribeTarget(Tcl_DString *ds, const void *arg)
{
    Tcl_DStringAppendElement(ds, ((const NsAdpTarget *)arg)->file);
}

static const char *
TargetFile(const void *arg)
{
    const NsAdpTarget *target = arg;

    return *target->file != '\0' ? target->file : NULL;
}

/* What a script that has answered nothing itself has put into the buffer is its answer. */
static void
FlushRest(NsInterp *data)
{
    data->conn->leftOutput = false;
    if (Tcl_DStringLength(&data->adp->ctx.output) > 0 && data->adp->ctx.chan == NULL) {
        (void)NsAdpFlush(data->adp, false);
    }
}

/* The parameter `directoryadp`: a page in place of a listing. */
static bool
AnswerFolder(NsConn *conn, Ns_ReturnCode *status)
{
    const char *page = NsAdpServerOf(conn->server)->folderPage;

    if (page != NULL) {
        *status = NsAdpAnswer(conn, page, 0, NULL);
    }
    return page != NULL;
}

static void
InitPages(NsServer *server)
{
    Ns_Set     *set = NULL;
    const char *section = Ns_ConfigSectionPath(&set, server->name, NULL, "adp", (char *)NULL);

    NsOpName(NsAdpPageProc, "ns:adppage", DescribeTarget, TargetFile);
    NsOpName(NsTclPageProc, "ns:tclpage", DescribeTarget, TargetFile);
    NsTclRequestFlushBy(FlushRest);
    NsFastpathFoldersBy(AnswerFolder);
    NsOpRunExtension(server, NsAdpServerOf(server)->defaultExtension);
    if (Ns_ConfigBool(section, "enabletclpages", Ns_ConfigBool(server->section, "enabletclpages", false))) {
        RegisterPages(server, "/*.tcl", NsTclPageProc);
    }
    ReadMap(server, section, set);
}

NsServerPart nsAdpPagesPart = {.init = InitPages};
