/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a program is told of its request.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "vars.h"

static void
Put(Ns_Set *vars, const char *name, const char *value)
{
    if (value != NULL) {
        (void)Ns_SetUpdate(vars, name, value);
    }
}

static void
PutNumber(Ns_Set *vars, const char *name, uint64_t number)
{
    char text[24];

    (void)ns_uint64toa(text, number);
    Put(vars, name, text);
}

/* ---- header fields */

/*
 * HTTP_X_NAME.  False: the field is not for programs.  HTTP_PROXY is what many of them, and their libraries, take for the proxy of their own
 * requests; and a name with other characters than these could be another one's variable.
 */
static bool
VariableOf(const char *field, Tcl_DString *name)
{
    bool is = strcasecmp(field, "proxy") != 0;

    Tcl_DStringInit(name);
    Tcl_DStringAppend(name, "HTTP_", 5);
    for (; is && *field != '\0'; field++) {
        char c = *field >= 'a' && *field <= 'z' ? (char)(*field - 'a' + 'A') : *field == '-' ? '_' : *field;

        is = *field != '_' && ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_');
        Tcl_DStringAppend(name, &c, 1);
    }
    return is;
}

/* It has a variable of its own, or is of how the body was sent, or a secret. */
static bool
IsOwn(const CgiServer *server, const char *field)
{
    return strcasecmp(field, "content-length") == 0 || strcasecmp(field, "content-type") == 0
        || strcasecmp(field, "transfer-encoding") == 0 || strcasecmp(field, "proxy-authorization") == 0
        || (strcasecmp(field, "authorization") == 0 && !server->passAuthorization);
}

/* Fields of one name are one variable. */
static void
PutField(Ns_Set *vars, const char *field, const char *value)
{
    Tcl_DString name, joined;
    const char *before;

    if (VariableOf(field, &name)) {
        before = Ns_SetGet(vars, Tcl_DStringValue(&name));
        if (before == NULL) {
            Put(vars, Tcl_DStringValue(&name), value);
        } else {
            Tcl_DStringInit(&joined);
            Ns_DStringVarAppend(&joined, before, strcasecmp(field, "cookie") == 0 ? "; " : ", ", value, NS_SENTINEL);
            Put(vars, Tcl_DStringValue(&name), Tcl_DStringValue(&joined));
            Tcl_DStringFree(&joined);
        }
    }
    Tcl_DStringFree(&name);
}

static void
PutFields(Ns_Set *vars, const Ns_Conn *conn, const CgiServer *server)
{
    size_t count = Ns_SetSize(conn->headers);

    for (size_t i = Ns_SetSize(vars); i > 0; i--) {
        if (strncmp(Ns_SetKey(vars, i - 1), "HTTP_", 5) == 0) {
            (void)Ns_SetDelete(vars, (ssize_t)i - 1);      /* of the server's environment: not this request's */
        }
    }
    for (size_t i = 0; i < count; i++) {
        const char *field = Ns_SetKey(conn->headers, i), *value = Ns_SetValue(conn->headers, i);

        if (value != NULL && !IsOwn(server, field)) {
            PutField(vars, field, value);
        }
    }
}

/* ---- the other variables */

static void
PutPaths(Ns_Set *vars, const CgiServer *server, const CgiTarget *target)
{
    const char *pathInfo = Tcl_DStringValue(&target->pathInfo);
    Tcl_DString ds;

    Put(vars, "SCRIPT_NAME", Tcl_DStringValue(&target->scriptName));
    Put(vars, "SCRIPT_FILENAME", Tcl_DStringValue(&target->fileName));
    Put(vars, "DOCUMENT_ROOT", Ns_PageRoot(server->name));
    if (*pathInfo != '\0') {
        Tcl_DStringInit(&ds);
        Put(vars, "PATH_INFO", pathInfo);
        if (Ns_UrlToFile(&ds, server->name, pathInfo) == NS_OK) {
            Put(vars, "PATH_TRANSLATED", Tcl_DStringValue(&ds));
        }
        Tcl_DStringFree(&ds);
    }
}

static void
PutClient(Ns_Set *vars, Ns_Conn *conn, const CgiServer *server)
{
    const char *address = Ns_ConnConfiguredPeerAddr(conn), *user = Ns_ConnAuthUser(conn);
    Ns_Set     *auth = Ns_ConnAuth(conn);
    Tcl_DString name;

    Tcl_DStringInit(&name);
    Put(vars, "REMOTE_ADDR", address);
    PutNumber(vars, "REMOTE_PORT", Ns_ConnPeerPort(conn));
    Put(vars, "REMOTE_HOST", server->lookUpNames && Ns_GetHostByAddr(&name, address) ? Tcl_DStringValue(&name) : address);
    Tcl_DStringFree(&name);
    if (auth != NULL && user != NULL && *user != '\0') {
        Put(vars, "AUTH_TYPE", Ns_SetIGetValue(auth, "authmethod", "Basic"));
        Put(vars, "REMOTE_USER", user);
    }
}

static void
PutServer(Ns_Set *vars, Ns_Conn *conn)
{
    const char *host = Ns_NullIfEmpty(Ns_ConnHost(conn));
    Tcl_DString location, software;

    Tcl_DStringInit(&software);
    Ns_DStringVarAppend(&software, Ns_InfoServerName(), "/", Ns_InfoServerVersion(), NS_SENTINEL);
    Put(vars, "SERVER_SOFTWARE", Tcl_DStringValue(&software));
    Tcl_DStringFree(&software);
    Put(vars, "SERVER_NAME", host != NULL ? host : Ns_ConnCurrentAddr(conn));
    Put(vars, "SERVER_ADDR", Ns_ConnCurrentAddr(conn));
    PutNumber(vars, "SERVER_PORT", Ns_ConnPort(conn));
    Put(vars, "SERVER_PROTOCOL", conn->request.version >= 2.0 ? "HTTP/2.0" : conn->request.version >= 1.1 ? "HTTP/1.1" : "HTTP/1.0");
    Tcl_DStringInit(&location);
    if (strncmp(Ns_ConnLocationAppend(conn, &location), "https:", 6) == 0) {
        Put(vars, "HTTPS", "on");
    }
    Tcl_DStringFree(&location);
}

static void
PutRequest(Ns_Set *vars, const Ns_Conn *conn)
{
    const char *type = Ns_SetIGet(conn->headers, "content-type");

    Put(vars, "GATEWAY_INTERFACE", "CGI/1.1");
    Put(vars, "REQUEST_METHOD", conn->request.method);
    Put(vars, "REQUEST_URI", conn->request.rawUrl);
    Put(vars, "QUERY_STRING", conn->request.query != NULL ? conn->request.query : "");
    if (conn->contentLength > 0) {
        PutNumber(vars, "CONTENT_LENGTH", conn->contentLength);
        Put(vars, "CONTENT_TYPE", type);
    }
}

/* NAME=VALUE, unless it has a NUL. */
static void
AppendVariable(Tcl_DString *ds, const char *name, const char *value)
{
    Tcl_DString entry, out;
    const char *bytes;

    Tcl_DStringInit(&entry);
    Tcl_DStringInit(&out);
    Ns_DStringVarAppend(&entry, name, "=", value, NS_SENTINEL);
    bytes = Ns_TextOutString(&out, Tcl_DStringValue(&entry));
    if (bytes != NULL) {
        Ns_DStringAppendArg(ds, bytes);
    }
    Tcl_DStringFree(&out);
    Tcl_DStringFree(&entry);
}

char **
CgiEnvironment(Ns_Conn *conn, const CgiServer *server, const CgiTarget *target, Tcl_DString *ds)
{
    static const char *const absent[] = {           /* where the request has no such thing, it is not the server's own */
        "AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTPS", "PATH_INFO", "PATH_TRANSLATED", "REMOTE_USER"
    };
    const Ns_Set *own = target->interp != NULL ? target->interp->environment : NULL;
    Ns_Set       *vars = Ns_SetCopy(server->environment);

    for (size_t i = 0; own != NULL && i < Ns_SetSize(own); i++) {
        Put(vars, Ns_SetKey(own, i), Ns_SetValue(own, i));
    }
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        (void)Ns_SetDeleteKey(vars, absent[i]);
    }
    PutFields(vars, conn, server);
    PutServer(vars, conn);
    PutClient(vars, conn, server);
    PutRequest(vars, conn);
    PutPaths(vars, server, target);
    for (size_t i = 0; i < Ns_SetSize(vars); i++) {
        AppendVariable(ds, Ns_SetKey(vars, i), Ns_SetValue(vars, i));
    }
    Ns_SetFree(vars);
    return Ns_DStringAppendArgv(ds);
}

/* ---- arguments */

/* Decoded bytes of one search word.  False: it cannot be an argument, or might be taken for an option. */
static bool
AppendWord(Tcl_DString *ds, const char *word, size_t len)
{
    Tcl_DString part, text, out;
    const char *bytes = NULL;

    Tcl_DStringInit(&part);
    Tcl_DStringInit(&text);
    Tcl_DStringInit(&out);
    Tcl_DStringAppend(&part, word, (int)len);
    if (Ns_UrlPathDecode(&text, Tcl_DStringValue(&part), NULL) != NULL && *Tcl_DStringValue(&text) != '-') {
        bytes = Ns_TextOutString(&out, Tcl_DStringValue(&text));
    }
    if (bytes != NULL) {
        Ns_DStringAppendArg(ds, bytes);
    }
    Tcl_DStringFree(&out);
    Tcl_DStringFree(&text);
    Tcl_DStringFree(&part);
    return bytes != NULL;
}

/* The words of a query without '=' (RFC 3875, 4.4): all of them, or none. */
static void
AppendWords(Tcl_DString *ds, const char *query)
{
    int  before = Tcl_DStringLength(ds);
    bool ok = *query != '\0' && strchr(query, '=') == NULL;

    while (ok) {
        size_t len = strcspn(query, "+");

        ok = AppendWord(ds, query, len);
        if (query[len] == '\0') {
            break;
        }
        query += len + 1;
    }
    if (!ok) {
        Tcl_DStringSetLength(ds, before);
    }
}

char **
CgiArguments(const Ns_Conn *conn, const CgiServer *server, const CgiTarget *target, Tcl_DString *ds)
{
    for (int i = 0; target->interp != NULL && i < target->interp->count; i++) {
        Tcl_DString out;

        Tcl_DStringInit(&out);
        Ns_DStringAppendArg(ds, Ns_TextOutString(&out, target->interp->words[i]));
        Tcl_DStringFree(&out);
    }
    Ns_DStringAppendArg(ds, Tcl_DStringValue(&target->file));
    if (server->searchWords && conn->request.query != NULL
        && (strcmp(conn->request.method, "GET") == 0 || strcmp(conn->request.method, "HEAD") == 0)) {
        AppendWords(ds, conn->request.query);
    }
    return Ns_DStringAppendArgv(ds);
}
