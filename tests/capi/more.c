/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks of shared variables, files of URLs, scripts that answer, and passwords.
 */
#include "nscapi.h"

static char *serverName;
static int   deleted;

static Ns_ReturnCode
FileOf(Tcl_DString *ds, const char *url, const void *arg)
{
    Ns_DStringVarAppend(ds, "/for", (const char *)arg, url, NS_SENTINEL);
    return NS_OK;
}

static void Deleted(void *UNUSED(arg)) { deleted++; }

static Ns_ReturnCode
Script(const void *UNUSED(arg), Ns_Conn *conn)
{
    bool          first;
    Ns_ReturnCode status;

    first = Ns_ConnGetQuery(NULL, conn, NULL, NULL) != NULL;
    Ns_ConnClearQuery(conn);
    if (STREQ(Ns_SkipUrl(&conn->request, 2), "run")) {
        (void)Ns_SetRequestUrl(&conn->request, "/capi/script/good?a=b");
        status = Ns_ConnRunRequest(conn);
    } else if (STREQ(Ns_SkipUrl(&conn->request, 2), "good")) {
        status = Ns_TclRequest(conn, first ? "ns_return 200 text/plain \"script [ns_queryget a]\"" : "error first");
    } else {
        status = Ns_TclRequest(conn, "error {nscapi: no script}");
    }
    return status;
}

void
MoreInit(const char *server)
{
    serverName = ns_strcopy(server);
    Ns_RegisterRequest(server, "GET", "/capi/script", Script, NULL, NULL, 0u);
}

static Ns_ReturnCode
Vars(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    const char *s = serverName, *a = "nscapi_vars";
    Tcl_DString value;

    Ns_DStringInit(&value);
    Put(ds, "%d %d", Ns_VarExists(s, a, "k"), Ns_VarGet(s, a, "k", &value));
    Put(ds, "%d", Ns_VarSet(s, a, "k", "value and more", 5));
    Put(ds, "%d", Ns_VarAppend(s, a, "k", "s", -1));
    Put(ds, "%d", Ns_VarGet(s, a, "k", &value));
    Put(ds, "%s %d", Ns_DStringValue(&value), Ns_VarExists(s, a, "k"));
    Put(ds, "%d", (int)Ns_VarIncr(s, a, "n", 5));
    Put(ds, "%d %d", (int)Ns_VarIncr(s, a, "n", -2), (int)Ns_VarIncr(s, a, "k", 1));
    if (Tcl_Eval(interp, "list [nsv_get nscapi_vars k] [nsv_get nscapi_vars n]") == TCL_OK) {
        Put(ds, "%s", Tcl_GetStringResult(interp));
    }
    Put(ds, "%d", Ns_VarUnset(s, a, "n"));
    Put(ds, "%d", Ns_VarUnset(s, a, "n"));
    Put(ds, "%d", Ns_VarUnset(s, a, NULL));
    Put(ds, "%d %d", Ns_VarUnset(s, a, NULL), Ns_VarSet("none", a, "k", "v", 1));
    Ns_DStringFree(&value);
    return NS_OK;
}

static const char *
FileFor(Tcl_DString *ds, const char *url)
{
    Ns_DStringTrunc(ds, 0);
    return Ns_UrlToFile(ds, serverName, url) == NS_OK ? Ns_DStringValue(ds) : "-";
}

static Ns_ReturnCode
Files(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Tcl_DString  file;
    Ns_OpProc   *proc = NULL;
    Ns_Callback *deleteProc = NULL;
    void        *arg = NULL;
    unsigned     flags = 9;

    Ns_DStringInit(&file);
    deleted = 0;
    Ns_RegisterFastUrl2File(serverName, "/capi/mount/", "/some/folder", 0u);
    Ns_RegisterUrl2FileProc(serverName, "/capi/proc", FileOf, Deleted, (void *)(uintptr_t)"/arg", 0u);
    Put(ds, "%s", FileFor(&file, "/capi/mount/a/b"));
    Put(ds, "%s", FileFor(&file, "/capi/proc/c"));
    Ns_UnRegisterUrl2FileProc(serverName, "/capi/mount", 0u);
    Ns_UnRegisterUrl2FileProc(serverName, "/capi/proc", 0u);
    Put(ds, "%d %d", deleted, strstr(FileFor(&file, "/capi/mount/a/b"), "/some/folder") == NULL);
    Ns_RegisterFastUrl2File("none", "/x", "/y", 0u);
    Ns_GetRequest(serverName, "GET", "/capi/script/x", &proc, &deleteProc, &arg, &flags);
    Put(ds, "%d %d", proc == Script && deleteProc == NULL && arg == NULL, (int)flags);
    Ns_RegisterRequest(serverName, "GET", "/capi/gone", Script, NULL, NULL, 0u);
    Ns_UnRegisterRequest(serverName, "GET", "/capi/gone", true);
    Ns_GetRequest(serverName, "GET", "/capi/gone", &proc, &deleteProc, &arg, &flags);
    Put(ds, "%d", proc != Script);
    Ns_DStringFree(&file);
    return NS_OK;
}

static Ns_ReturnCode
Encrypt(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    char buf[NS_ENCRYPT_BUFSIZE], again[NS_ENCRYPT_BUFSIZE];

    Put(ds, "%d", Ns_Encrypt("secret", "$6$abcdefgh$", buf) == buf && strncmp(buf, "$6$abcdefgh$", 12) == 0);
    Put(ds, "%d", Ns_Encrypt("secret", buf, again) == again && STREQ(buf, again));
    Put(ds, "%d", Ns_Encrypt("secret", "$nosuch$", buf) == NULL && *buf == '\0');
    return NS_OK;
}

const Check moreChecks[] = {{"vars", Vars}, {"files", Files}, {"encrypt", Encrypt}, {NULL, NULL}};
