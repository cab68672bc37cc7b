/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks of procs that know the folders and locations of hosts, and of scripts as procs.
 */
#include "nscapi.h"

static char *serverName;

/* The folder of capi-root.test; others are as they are. */
static char *
Root(Tcl_DString *dest, const char *host, const void *arg)
{
    Tcl_DString own;

    if (!STREQ(host, "capi-root.test") || !STREQ((const char *)arg, "an argument")) {
        return NULL;
    }
    Ns_DStringInit(&own);                      /* asked for within: as configured */
    if (Ns_ServerPath(&own, serverName, NS_SENTINEL) != NULL) {
        Ns_DStringVarAppend(dest, Ns_InfoHomePath(), "/tmp/capiroot/", NS_SENTINEL);
    }
    Ns_DStringFree(&own);
    return Ns_DStringValue(dest);
}

static const char *
HostOf(Ns_Conn *conn)
{
    const char *host = Ns_ConnHost(conn);

    return host != NULL ? host : "";
}

static char *
ConnLocation(Ns_Conn *conn, Tcl_DString *dest, const Ns_TclCallback *cbPtr)
{
    static char location[] = "http://own.example";
    Tcl_DString own;

    Ns_DStringInit(&own);
    (void)Ns_ConnLocationAppend(conn, &own);
    Ns_DStringFree(&own);
    if (STREQ(HostOf(conn), "capi-root.test")) {
        return Ns_DStringAppend(dest, "http://located.test");
    }
    if (STREQ(HostOf(conn), "own.test")) {
        return location;                       /* and nothing in dest */
    }
    return STREQ(HostOf(conn), "conn.test") && cbPtr == NULL ? Ns_DStringAppend(dest, "http://conn.example") : NULL;
}

static char *
ServerLocation(Ns_Conn *conn)
{
    static char location[] = "http://server.example";

    return STREQ(HostOf(conn), "server.test") ? location : NULL;
}

static Ns_ReturnCode
TellHost(const void *UNUSED(arg), Ns_Conn *conn)
{
    Tcl_DString path, answer;

    Ns_DStringInit(&path);
    Ns_DStringInit(&answer);
    Put(&answer, "%d", Ns_ServerRootProcEnabled(serverName));
    (void)Ns_PagePath(&path, serverName, NS_SENTINEL);
    Put(&answer, "%d", strstr(Ns_DStringValue(&path), "/tmp/capiroot/") != NULL);
    Put(&answer, "%d", conn->request.serverRoot != NULL && strstr(conn->request.serverRoot, "/tmp/capiroot") != NULL);
    Ns_DStringTrunc(&path, 0);
    Put(&answer, "%s", Ns_ConnLocationAppend(conn, &path));
    (void)Ns_ConnReturnCharData(conn, 200, Ns_DStringValue(&answer), -1, "text/plain");
    Ns_DStringFree(&path);
    Ns_DStringFree(&answer);
    return NS_OK;
}

void
HostInit(const char *server)
{
    serverName = ns_strcopy(server);
    if (Ns_SetServerRootProc(Root, ns_strcopy("an argument")) != NS_OK || Ns_SetConnLocationProc(ConnLocation, NULL) != NS_OK) {
        Ns_Fatal("nscapi: no server is being made");
    }
    Ns_SetLocationProc(server, ServerLocation);
    Ns_RegisterRequest(server, "GET", "/capi/host", TellHost, NULL, NULL, 0u);
}

static Ns_ReturnCode
SetProcs(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Put(ds, "%d", Ns_SetServerRootProc(Root, NULL) == NS_ERROR);
    Put(ds, "%d", Ns_SetConnLocationProc(ConnLocation, NULL) == NS_ERROR);
    Ns_SetLocationProc("none", ServerLocation);
    Put(ds, "%d", !Ns_ServerRootProcEnabled("none"));
    return NS_OK;
}

static Ns_ReturnCode
Callback(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Tcl_Obj        *words[8];
    Ns_TclCallback *callback;
    Tcl_DString     result;

    for (int i = 0; i < argc; i++) {
        words[i] = Tcl_NewStringObj(argv[i], -1);
        Tcl_IncrRefCount(words[i]);
    }
    callback = Ns_TclNewCallback(interp, (ns_funcptr_t)Callback, words[0], argc - 1, words + 1);
    Ns_DStringInit(&result);
    Put(ds, "%d", Ns_TclEvalCallback(interp, callback, &result, "x", "y", NS_SENTINEL));
    Put(ds, "%s", Ns_DStringValue(&result));
    Ns_DStringTrunc(&result, 0);
    Put(ds, "%d", Ns_TclEvalCallback(NULL, callback, &result, "x", "y", NS_SENTINEL));
    Put(ds, "%s", Ns_DStringValue(&result));
    Put(ds, "%d", callback->cbProc == (ns_funcptr_t)Callback && callback->argc == argc - 1 && STREQ(callback->argv[0], argv[1]));
    Ns_DStringTrunc(&result, 0);
    Ns_TclCallbackArgProc(&result, callback);
    Put(ds, "%s", Ns_DStringValue(&result));
    Ns_TclCallbackProc(callback);
    Ns_TclFreeCallback(callback);
    for (int i = 0; i < argc; i++) {
        Tcl_DecrRefCount(words[i]);
    }
    words[0] = Tcl_NewStringObj("nosuchcommand", -1);
    Tcl_IncrRefCount(words[0]);
    callback = Ns_TclNewCallback(interp, NULL, words[0], 0, NULL);
    Tcl_DecrRefCount(words[0]);
    Put(ds, "%d", Ns_TclEvalCallback(interp, callback, NULL, NS_SENTINEL));
    Ns_TclFreeCallback(callback);
    Ns_DStringFree(&result);
    Tcl_ResetResult(interp);
    return NS_OK;
}

const Check hostChecks[] = {{"callback", Callback}, {"setprocs", SetProcs}, {NULL, NULL}};
