/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Requests served by Tcl: errors are logged with the request and answered with 500.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include "connio.h"
#include "fastpath.h"
#include "filter.h"
#include "interp.h"
#include "op.h"
#include "tclrequest.h"

static void
LogError(Tcl_Interp *interp, const NsConn *conn, const char *what)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "\n    while executing ", -1);
    Tcl_DStringAppend(&ds, what, -1);
    Tcl_DStringAppend(&ds, " for request ", -1);
    Tcl_DStringAppendElement(&ds, conn->pub.request->line != NULL ? conn->pub.request->line : "");
    (void)Ns_TclLogErrorInfo(interp, Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
}

/* A script that failed: 500, unless it has already answered. */
static void
AnswerError(NsConn *conn)
{
    if (!conn->finished && NsConnWriteRefusal(conn) == NULL) {
        (void)Ns_ConnReturnInternalError(&conn->pub);
    }
}

Ns_ReturnCode
NsTclRequestProc(const void *arg, Ns_Conn *conn)
{
    NsConn     *self = NsConnOf(conn);
    Tcl_Interp *interp = NsConnInterp(self);

    if (NsScriptEval(interp, arg, NULL, NULL) == TCL_ERROR) {
        LogError(interp, self, "the registered proc");
        AnswerError(self);
    }
    Tcl_ResetResult(interp);
    return NS_OK;
}

static const char *
WhyName(unsigned why)
{
    switch (why) {
    case NS_FILTER_PRE_AUTH:  return "preauth";
    case NS_FILTER_POST_AUTH: return "postauth";
    default:                  return "trace";
    }
}

Ns_ReturnCode
NsTclFilterProc(const void *arg, Ns_Conn *conn, unsigned why)
{
    NsConn       *self = NsConnOf(conn);
    Tcl_Interp   *interp = NsConnInterp(self);
    Ns_ReturnCode status = NS_ERROR;
    const char   *result;

    if (NsScriptEval(interp, arg, WhyName(why), NULL) == TCL_ERROR) {
        LogError(interp, self, "a filter");
        Tcl_ResetResult(interp);
        return NS_ERROR;
    }
    result = Tcl_GetStringResult(interp);
    if (strcmp(result, "filter_ok") == 0) {
        status = NS_OK;
    } else if (strcmp(result, "filter_break") == 0) {
        status = NS_FILTER_BREAK;
    } else if (strcmp(result, "filter_return") == 0 || *result == '\0') {
        status = NS_FILTER_RETURN;
    } else {
        Ns_Log(Error, "%s filter for %s %s: invalid result '%.100s', must be filter_ok, filter_break or filter_return",
               WhyName(why), conn->request->method, conn->request->url, result);
    }
    Tcl_ResetResult(interp);
    return status;
}

Ns_ReturnCode
NsTclTraceProc(const void *arg, Ns_Conn *conn, unsigned why)
{
    NsConn     *self = NsConnOf(conn);
    Tcl_Interp *interp = NsConnInterp(self);

    if (NsScriptEval(interp, arg, NULL, NULL) == TCL_ERROR) {
        LogError(interp, self, "a trace");
    }
    Tcl_ResetResult(interp);
    return NS_OK;
}

Ns_ReturnCode
NsShortcutFilterProc(const void *arg, Ns_Conn *conn, unsigned why)
{
    return NS_FILTER_BREAK;
}

/* A page that gives up by ns_tcl_abort has said what it had to say. */
static bool
HasAborted(Tcl_Interp *interp)
{
    const char *code = Tcl_GetVar(interp, "errorCode", TCL_GLOBAL_ONLY);

    return code != NULL && strcmp(code, "NS_TCL_ABORT") == 0;
}

static void
SourcePage(NsConn *conn, const char *file)
{
    Tcl_Interp *interp = NsConnInterp(conn);
    Tcl_Obj    *path = Tcl_NewStringObj(file, -1);

    Tcl_IncrRefCount(path);
    if (Tcl_FSEvalFileEx(interp, path, "utf-8") == TCL_ERROR && !HasAborted(interp)) {
        LogError(interp, conn, "a Tcl page");
        AnswerError(conn);
    }
    Tcl_DecrRefCount(path);
    Tcl_ResetResult(interp);
}

Ns_ReturnCode
NsTclPageProc(const void *arg, Ns_Conn *conn)
{
    NsConn       *self = NsConnOf(conn);
    const char   *file = arg;
    Tcl_DString   ds;
    Ns_ReturnCode status = NS_OK;
    struct stat   st;

    Tcl_DStringInit(&ds);
    if (file == NULL) {
        if (NsUrlToFile(&ds, self->server, conn->request->url) != NS_OK) {
            status = Ns_ConnReturnNotFound(conn);
            goto done;
        }
        file = Tcl_DStringValue(&ds);
    } else if (*file != '/') {
        (void)NsPagePath(&ds, self->server);
        Tcl_DStringAppend(&ds, "/", 1);
        Tcl_DStringAppend(&ds, file, -1);
        file = Tcl_DStringValue(&ds);
    }
    if (stat(file, &st) != 0 || !S_ISREG(st.st_mode)) {
        status = Ns_ConnReturnNotFound(conn);
    } else {
        SourcePage(self, file);
    }
 done:
    Tcl_DStringFree(&ds);
    return status;
}

static void
DescribeScript(Tcl_DString *ds, const void *arg)
{
    Tcl_DStringAppend(ds, " ", 1);
    NsScriptAppend(ds, arg);
}

static void
DescribeFile(Tcl_DString *ds, const void *arg)
{
    Tcl_DStringAppendElement(ds, arg != NULL ? arg : "");
}

static void
InitOnce(void)
{
    NsOpName(NsTclRequestProc, "ns:tclrequest", DescribeScript);
    NsOpName(NsTclPageProc, "ns:tclpage", DescribeFile);
    NsOpName(NsFastpathProc, "ns:fastpath", NULL);
    NsFilterName(NsTclFilterProc, "ns:tclfilter", DescribeScript);
    NsFilterName(NsTclTraceProc, "ns:tcltrace", DescribeScript);
    NsFilterName(NsShortcutFilterProc, "ns:shortcutfilter", NULL);
}

void
NsTclRequestInit(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, InitOnce);
}
