/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Requests served by Tcl: errors are logged with the request and answered with 500.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "base/file.h"
#include "request/connio.h"
#include "request/fastpath.h"
#include "request/filter.h"
#include "interp/blueprint.h"
#include "interp/interp.h"
#include "request/op.h"
#include "request/tclrequest.h"

/* The configured request headers (errorlogheaders), for finding out what a failed request was. */
static void
AppendHeaders(Tcl_DString *ds, const NsConn *conn)
{
    const char *const *headers = NsTclErrorHeaders(conn->server);

    for (; headers != NULL && *headers != NULL; headers++) {
        const char *value = Ns_SetIGet(conn->pub.headers, *headers);

        if (value != NULL) {
            Tcl_DStringAppend(ds, ", ", 2);
            Tcl_DStringAppend(ds, *headers, -1);
            Tcl_DStringAppend(ds, ": ", 2);
            Tcl_DStringAppend(ds, value, -1);
        }
    }
}

static void
Describe(const NsConn *conn, Tcl_DString *ds)
{
    const Ns_Request *request = &conn->pub.request;

    if (request != NULL) {
        Tcl_DStringAppend(ds, request->method, -1);
        Tcl_DStringAppend(ds, " ", 1);
        Tcl_DStringAppend(ds, request->url, -1);
        Tcl_DStringAppend(ds, ", PeerAddress: ", -1);
        Tcl_DStringAppend(ds, Ns_ConnConfiguredPeerAddr(&conn->pub), -1);
        AppendHeaders(ds, conn);
        Tcl_DStringAppend(ds, "\n", 1);
    }
}

static NsServer *
ServerOf(const NsConn *conn)
{
    return conn->server;
}

static void
LogError(Tcl_Interp *interp, const NsConn *conn, const char *what)
{
    Tcl_DString ds;

    if (what == NULL) {
        return;
    }
    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "\n    while executing ", -1);
    Tcl_DStringAppend(&ds, what, -1);
    Tcl_DStringAppend(&ds, " for request ", -1);
    Tcl_DStringAppendElement(&ds, conn->pub.request.line != NULL ? conn->pub.request.line : "");
    (void)Ns_TclLogErrorInfo(interp, Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
}

/* Is the error's code a list that begins with this word?  *rest is what follows. */
static bool
ErrorIs(Tcl_Interp *interp, const char *word, const char **rest)
{
    const char *code = Tcl_GetVar(interp, "errorCode", TCL_GLOBAL_ONLY);
    size_t      len = strlen(word);

    if (code == NULL || strncmp(code, word, len) != 0 || (code[len] != '\0' && code[len] != ' ')) {
        return false;
    }
    *rest = code + len + strspn(code + len, " ");
    return true;
}

/*
 * A script that failed: logged, and answered with 500, unless it has already answered; with 503 when something took too long (NS_TIMEOUT).
 * A form that is none is its sender's fault, and was logged when it was parsed.
 */
void
NsTclAnswerError(NsConn *conn, Tcl_Interp *interp, const char *what)
{
    const char *rest;
    bool        open = !conn->finished && NsConnWriteRefusal(conn) == NULL;

    if (ErrorIs(interp, "NS_FORM", &rest)) {
        if (open) {
            int status = strcmp(rest, "413") == 0 ? 413 : 400;

            (void)Ns_ConnReturnNotice(&conn->pub, status, status == 413 ? "Request Entity Too Large" : "Bad Request",
                                      conn->formFault != NULL ? conn->formFault : "The form cannot be read.");
        }
        return;
    }
    if (open && ErrorIs(interp, "NS_TIMEOUT", &rest)) {
        LogError(interp, conn, what);
        (void)Ns_ConnReturnUnavailable(&conn->pub);
        return;
    }
    LogError(interp, conn, what);
    if (open) {
        (void)Ns_ConnReturnInternalError(&conn->pub);
    }
}

static void (*flushRest)(NsInterp *data);      /* of whoever sets conn->leftOutput; not changed after the start */

void
NsTclRequestFlushBy(void (*proc)(NsInterp *data))
{
    flushRest = proc;
}

Ns_ReturnCode
NsTclRequestProc(const void *arg, Ns_Conn *conn)
{
    NsConn     *self = NsConnOf(conn);
    Tcl_Interp *interp = NsConnInterp(self);

    if (NsScriptEval(interp, arg, NULL, NULL) == TCL_ERROR) {
        NsTclAnswerError(self, interp, "the registered proc");
    } else if (self->leftOutput) {
        flushRest(NsGetInterpData(interp));
    }
    Tcl_ResetResult(interp);
    return NS_OK;
}

Ns_ReturnCode
Ns_TclRequest(Ns_Conn *conn, const char *name)
{
    NsConn     *self = NsConnOf(conn);
    Tcl_Interp *interp = NsConnInterp(self);

    if (Tcl_EvalEx(interp, name, -1, TCL_EVAL_GLOBAL) == TCL_ERROR) {
        NsTclAnswerError(self, interp, name);
    } else if (self->leftOutput) {
        flushRest(NsGetInterpData(interp));
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
    int           code;

    Tcl_AllowExceptions(interp);
    code = NsScriptEval(interp, arg, WhyName(why), NULL);
    if (code == TCL_ERROR) {
        NsTclAnswerError(self, interp, "a filter");
        Tcl_ResetResult(interp);
        return NS_FILTER_RETURN;
    }
    if (code != TCL_OK && code != TCL_RETURN) {
        Tcl_ResetResult(interp);               /* break, continue and the like say nothing about the request, as with NaviServer */
        return NS_OK;
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
               WhyName(why), conn->request.method, conn->request.url, result);
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

static void
DescribeScript(Tcl_DString *ds, const void *arg)
{
    Tcl_DStringAppend(ds, " ", 1);
    NsScriptAppend(ds, arg);
}

void
NsTclRequestInit(void)
{
    static const NsRequestHooks hooks = {.server = ServerOf, .interp = NsConnInterp, .describe = Describe};

    NsInterpSetRequestHooks(&hooks);
    NsOpName(NsTclRequestProc, "ns:tclrequest", DescribeScript, NULL);
    NsOpName(NsFastpathProc, "ns:fastpath", NULL, NULL);
    NsFilterName(NsTclFilterProc, "ns:tclfilter", DescribeScript);
    NsFilterName(NsTclTraceProc, "ns:tcltrace", DescribeScript);
    NsFilterName(NsShortcutFilterProc, "ns:shortcutfilter", NULL);
}
