/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Answers with a page of the server's own: errors, redirects, notices.
 */
#include <string.h>
#include "request/connio.h"
#include "http/head.h"
#include "request/op.h"
#include "request/return.h"

void
NsAppendHtml(Tcl_DString *ds, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<': Tcl_DStringAppend(ds, "&lt;", 4); break;
        case '>': Tcl_DStringAppend(ds, "&gt;", 4); break;
        case '&': Tcl_DStringAppend(ds, "&amp;", 5); break;
        case '"': Tcl_DStringAppend(ds, "&quot;", 6); break;
        case '\'': Tcl_DStringAppend(ds, "&#39;", 5); break;
        default:  Tcl_DStringAppend(ds, text, 1); break;
        }
    }
}

void
Ns_QuoteHtml(Tcl_DString *ds, const char *htmlString)
{
    NsAppendHtml(ds, htmlString);
}

/* An answer that has begun cannot become another one: it is cut off, so that the client sees that it is not whole. */
static bool
TooLate(Ns_Conn *conn)
{
    NsConn *self = NsConnOf(conn);

    if (NsConnWriteRefusal(self) != NULL) {
        return true;
    }
    if ((conn->flags & (NS_CONN_SENTHDRS | NS_CONN_SKIPHDRS)) != 0) {
        (void)Ns_ConnClose(conn);
        return true;
    }
    return false;
}

/* `notice` is HTML, `title` is text. */
Ns_ReturnCode
Ns_ConnReturnNotice(Ns_Conn *conn, int status, const char *title, const char *notice)
{
    const NsServer *server = NsConnOf(conn)->server;
    Tcl_DString     ds;
    Ns_ReturnCode   result;

    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>", -1);
    NsAppendHtml(&ds, title);
    Tcl_DStringAppend(&ds, "</title></head>\n<body>\n<h1>", -1);
    NsAppendHtml(&ds, title);
    Tcl_DStringAppend(&ds, "</h1>\n", -1);
    if (notice != NULL && *notice != '\0') {
        Tcl_DStringAppend(&ds, "<p>", 3);
        Tcl_DStringAppend(&ds, notice, -1);
        Tcl_DStringAppend(&ds, "</p>\n", 5);
    }
    if (server->opts.noticeDetail) {
        Tcl_DStringAppend(&ds, "<hr><address>", -1);
        NsAppendHtml(&ds, Ns_InfoServerName());
        Tcl_DStringAppend(&ds, "/", 1);
        NsAppendHtml(&ds, Ns_InfoServerVersion());
        Tcl_DStringAppend(&ds, "</address>\n", -1);
    }
    /* Some browsers show a page of their own instead of a short one. */
    if (status >= 400 && Tcl_DStringLength(&ds) < server->opts.errorMinSize) {
        Tcl_DStringAppend(&ds, "<!-- ", 5);
        while (Tcl_DStringLength(&ds) < server->opts.errorMinSize) {
            Tcl_DStringAppend(&ds, "padding ", 8);
        }
        Tcl_DStringAppend(&ds, "-->\n", 4);
    }
    Tcl_DStringAppend(&ds, "</body>\n</html>\n", -1);
    result = Ns_ConnReturnHtml(conn, status, Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
    return result;
}

typedef struct ErrorPage {
    int         status;
    const char *title, *text;
} ErrorPage;

static const ErrorPage errorPages[] = {
    {400, "Invalid Request",     "The server could not understand this request."},
    {401, "Access Denied",       "This page needs a user name and a password that the server accepts."},
    {403, "Forbidden",           "The request cannot be fulfilled by this server."},
    {404, "Not Found",           "The requested page does not exist on this server."},
    {405, "Method Not Allowed",  "This method cannot be used for the requested page."},
    {413, "Content Too Large",   "The request is larger than this server accepts."},
    {500, "Server Error",        "The page could not be delivered because of an error on this server."},
    {503, "Service Unavailable", "The server is not able to answer at the moment. Please try again later."},
    {0, NULL, NULL}
};

Ns_ReturnCode
NsReturnErrorPage(NsConn *conn, int status)
{
    const ErrorPage *page = errorPages;

    if (TooLate(&conn->pub)) {
        return NS_ERROR;
    }
    if (NsOpStatusRedirect(conn, status)) {
        return NS_OK;
    }
    while (page->status != status && page->status != 0) {
        page++;
    }
    if (page->status == 0) {
        return Ns_ConnReturnNotice(&conn->pub, status, NsHttpStatusText(status), "");
    }
    return Ns_ConnReturnNotice(&conn->pub, status, page->title, page->text);
}

Ns_ReturnCode
Ns_ConnReturnBadRequest(Ns_Conn *conn, const char *reason)
{
    Tcl_DString   ds;
    Ns_ReturnCode result;

    if (TooLate(conn)) {
        return NS_ERROR;
    }
    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "The server could not understand this request.", -1);
    if (reason != NULL && *reason != '\0') {
        Tcl_DStringAppend(&ds, "</p>\n<p>", -1);
        NsAppendHtml(&ds, reason);
    }
    result = Ns_ConnReturnNotice(conn, 400, "Invalid Request", Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    return result;
}

/* A quoted string of a header: what would end it is left out. */
static void
SetAuthenticate(Ns_Conn *conn)
{
    const char *realm = NsConnOf(conn)->server->opts.realm;
    Tcl_DString ds;

    if (Ns_SetIFind(conn->outputheaders, "www-authenticate") >= 0) {
        return;
    }
    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "Basic realm=\"", -1);
    for (; realm != NULL && *realm != '\0'; realm++) {
        if (*realm != '"' && *realm != '\\' && (unsigned char)*realm >= ' ') {
            Tcl_DStringAppend(&ds, realm, 1);
        }
    }
    Tcl_DStringAppend(&ds, "\"", 1);
    (void)Ns_SetPut(conn->outputheaders, "www-authenticate", Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
}

Ns_ReturnCode
Ns_ConnReturnUnauthorized(Ns_Conn *conn)
{
    SetAuthenticate(conn);
    return NsReturnErrorPage(NsConnOf(conn), 401);
}

Ns_ReturnCode
Ns_ConnReturnForbidden(Ns_Conn *conn)
{
    return NsReturnErrorPage(NsConnOf(conn), 403);
}

Ns_ReturnCode
Ns_ConnReturnNotFound(Ns_Conn *conn)
{
    return NsReturnErrorPage(NsConnOf(conn), 404);
}

/* RFC 9110, 15.5.6: the answer says which methods there are; it may be none. */
static void
SetAllow(Ns_Conn *conn)
{
    Tcl_DString ds;

    if (Ns_SetIFind(conn->outputheaders, "allow") < 0) {
        Tcl_DStringInit(&ds);
        NsOpAppendAllowed(NsConnOf(conn), &ds);
        Ns_ConnSetHeaders(conn, "allow", Tcl_DStringValue(&ds));
        Tcl_DStringFree(&ds);
    }
}

Ns_ReturnCode
Ns_ConnReturnInvalidMethod(Ns_Conn *conn)
{
    SetAllow(conn);
    return NsReturnErrorPage(NsConnOf(conn), 405);
}

Ns_ReturnCode
Ns_ConnReturnInternalError(Ns_Conn *conn)
{
    /* What a script had put together for its own answer does not belong to this one. */
    if ((conn->flags & NS_CONN_SENTHDRS) == 0) {
        Ns_SetTrunc(conn->outputheaders, 0);
        NsConnOf(conn)->responseLength = -1;
    }
    return NsReturnErrorPage(NsConnOf(conn), 500);
}

Ns_ReturnCode
Ns_ConnReturnUnavailable(Ns_Conn *conn)
{
    return NsReturnErrorPage(NsConnOf(conn), 503);
}

Ns_ReturnCode
Ns_ConnReturnNotModified(Ns_Conn *conn)
{
    return Ns_ConnReturnStatus(conn, 304);
}

Ns_ReturnCode
Ns_ConnReturnNoResponse(Ns_Conn *conn)
{
    return Ns_ConnReturnStatus(conn, 204);
}

static Ns_ReturnCode
ReturnLocation(Ns_Conn *conn, int status, const char *url)
{
    Tcl_DString   ds;
    Ns_ReturnCode result;

    if (!NsConnUpdateHeader(conn, "location", url)) {
        return NS_ERROR;
    }
    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "The requested page is at <a href=\"", -1);
    NsAppendHtml(&ds, url);
    Tcl_DStringAppend(&ds, "\">another place</a>.", -1);
    result = Ns_ConnReturnNotice(conn, status, NsHttpStatusText(status), Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    return result;
}

Ns_ReturnCode
Ns_ConnReturnRedirect(Ns_Conn *conn, const char *url)
{
    return ReturnLocation(conn, 302, url);
}

Ns_ReturnCode
Ns_ConnReturnMoved(Ns_Conn *conn, const char *url)
{
    return ReturnLocation(conn, 301, url);
}
