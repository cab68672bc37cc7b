/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Folders and locations by host, as procs of modules and scripts say.  They are set at the start, and only read from then on.
 */
#include <string.h>
#include "conf/info.h"
#include "interp/interp.h"
#include "request/hostproc.h"

typedef struct HostProcs {
    Ns_ServerRootProc   *root;
    void                *rootArg;
    Ns_ConnLocationProc *connLocation;
    Ns_TclCallback      *callback;             /* of connLocation; may be NULL */
    NsScript            *locationScript;       /* in place of connLocation */
    Ns_LocationProc     *location;
} HostProcs;

static void
InitServer(NsServer *server)
{
    const char *script = Ns_ConfigString(server->section, "serverrootproc", "");

    NsServerSetPart(server, &nsHostPart, ns_calloc(1, sizeof(HostProcs)));
    if (script[strspn(script, " \t\r\n")] != '\0') {
        NsHostSetRootScript(server, NsScriptCreate(server, script, 0, NULL));
    }
}

NsServerPart nsHostPart = {.init = InitServer};

static HostProcs *
ProcsOf(const NsServer *server)
{
    return NsServerPartData(server, &nsHostPart);
}

/* ---------------------------------------------------------------------------------------------------------- setting */

/* NULL, logged: none is being made. */
static NsServer *
InMaking(const char *what)
{
    NsServer *server = NsServerInMaking();

    if (server == NULL) {
        Ns_Log(Error, "%s: set by a module's init function or a server's library alone, while that server is made", what);
    }
    return server;
}

void
NsHostSetRootProc(NsServer *server, Ns_ServerRootProc *proc, void *arg)
{
    ProcsOf(server)->root = proc;
    ProcsOf(server)->rootArg = arg;
}

void
NsHostSetLocationProc(NsServer *server, Ns_ConnLocationProc *proc, Ns_TclCallback *callback)
{
    ProcsOf(server)->connLocation = proc;
    ProcsOf(server)->callback = callback;
}

Ns_ReturnCode
Ns_SetServerRootProc(Ns_ServerRootProc *proc, void *arg)
{
    NsServer *server = InMaking("Ns_SetServerRootProc");

    if (server != NULL) {
        NsHostSetRootProc(server, proc, arg);
    }
    return server != NULL ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
Ns_SetConnLocationProc(Ns_ConnLocationProc *proc, Ns_TclCallback *cbPtr)
{
    NsServer *server = InMaking("Ns_SetConnLocationProc");

    if (server != NULL) {
        NsHostSetLocationProc(server, proc, cbPtr);
    }
    return server != NULL ? NS_OK : NS_ERROR;
}

void
Ns_SetLocationProc(const char *server, Ns_LocationProc *proc)
{
    NsServer *self = NsServerGet(server);

    if (self != NULL) {
        ProcsOf(self)->location = proc;
    } else {
        Ns_Log(Error, "Ns_SetLocationProc: there is no server '%s'", server);
    }
}

/* ---------------------------------------------------------------------------------------------------------- scripts */

/* In the request's interpreter, which may be within a command: its result is put back.  NULL: nothing was appended. */
static char *
Ask(const NsScript *script, const char *word, const char *what, Tcl_DString *ds)
{
    Tcl_Interp     *interp = Ns_TclAllocateInterp(NsScriptServer(script)->name);
    Tcl_InterpState state = Tcl_SaveInterpState(interp, TCL_OK);
    int             code = NsScriptEval(interp, script, NULL, word);
    const char     *result = Tcl_GetStringResult(interp);
    bool            good = (code == TCL_OK || code == TCL_RETURN) && *result != '\0';

    if (good) {
        Tcl_DStringAppend(ds, result, -1);
    } else if (code == TCL_ERROR) {
        Tcl_DString info;

        Tcl_DStringInit(&info);
        Ns_DStringPrintf(&info, "\n    (%s '%.200s')", what, NsScriptText(script));
        (void)Ns_TclLogErrorInfo(interp, Tcl_DStringValue(&info));
        Tcl_DStringFree(&info);
    }
    (void)Tcl_RestoreInterpState(interp, state);
    Ns_TclDeAllocateInterp(interp);
    return good ? Tcl_DStringValue(ds) : NULL;
}

/* Is it a single command, and no script of several? */
static bool
IsCommand(const char *text)
{
    Tcl_Parse parse;
    bool      single = false;

    if (Tcl_ParseCommand(NULL, text, -1, 0, &parse) == TCL_OK) {
        const char *rest = parse.commandStart + parse.commandSize;

        single = parse.numWords > 0 && rest[strspn(rest, " \t\r\n;")] == '\0';
        Tcl_FreeParse(&parse);
    }
    return single;
}

static char *
ScriptRoot(Tcl_DString *ds, const char *host, const void *arg)
{
    return Ask(arg, IsCommand(NsScriptText(arg)) ? host : NULL, "ns_serverrootproc", ds);
}

void
NsHostSetRootScript(NsServer *server, NsScript *script)
{
    HostProcs *procs = ProcsOf(server);

    if (procs->root == ScriptRoot) {
        NsScriptFree(procs->rootArg);
    }
    NsHostSetRootProc(server, ScriptRoot, script);
}

void
NsHostSetLocationScript(NsServer *server, NsScript *script)
{
    HostProcs *procs = ProcsOf(server);

    NsHostSetLocationProc(server, NULL, NULL);
    if (procs->locationScript != NULL) {
        NsScriptFree(procs->locationScript);
    }
    procs->locationScript = script;
}

/* ----------------------------------------------------------------------------------------------------------- asking */

bool
NsHostHasRootProc(const NsServer *server)
{
    return ProcsOf(server)->root != NULL;
}

/* A path as it is compared with others: absolute, without a slash at the end. */
static char *
FolderOf(const char *path)
{
    char  *folder = NsInfoPath(Ns_InfoHomePath(), path);
    size_t len = strlen(folder);

    while (len > 1 && folder[len - 1] == '/') {
        folder[--len] = '\0';
    }
    return folder;
}

/*
 * The client says the host: what is none does not come before a proc that may look for a folder of that name.  Nor do names that a folder
 * beside it, or a user's, would have: no host has an empty part ("..", "."), nor begins with a tilde.
 */
static bool
IsHost(const char *host)
{
    return *host != '\0' && *host != '.' && *host != '~' && strstr(host, "..") == NULL && Ns_StrIsValidHostHeaderContent(host);
}

char *
NsHostRootOf(const NsServer *server, const char *host)
{
    static __thread bool asking;               /* the proc may ask for a folder itself */
    const HostProcs     *procs = ProcsOf(server);
    char                *folder = NULL;

    if (procs->root != NULL && !asking && IsHost(host)) {
        const char *path;
        Tcl_DString ds;

        asking = true;
        Tcl_DStringInit(&ds);
        path = procs->root(&ds, host, procs->rootArg);
        folder = path != NULL && *path != '\0' ? FolderOf(path) : NULL;
        Tcl_DStringFree(&ds);
        asking = false;
    }
    return folder;
}

static void
AskRoot(NsConn *conn)
{
    const char *host = Ns_SetIGet(conn->pub.headers, "host");

    conn->rootKnown = true;                    /* first: the proc may ask for a folder itself */
    conn->serverRoot = host != NULL ? NsHostRootOf(conn->server, host) : NULL;
    if (conn->serverRoot != NULL) {
        conn->pub.request.serverRoot = conn->serverRoot;
    }
}

const char *
NsHostRoot(const NsServer *server)
{
    const HostProcs *procs = ProcsOf(server);
    NsConn          *conn = procs->root != NULL ? NsInterpServing() : NULL;

    if (conn == NULL || conn->server != server) {
        return NULL;
    }
    if (!conn->rootKnown) {
        AskRoot(conn);
    }
    return conn->serverRoot;
}

bool
NsHostLocation(NsConn *conn, Tcl_DString *ds)
{
    const HostProcs *procs = ProcsOf(conn->server);
    const char      *location = NULL;

    if (conn->locationAsked || (procs->connLocation == NULL && procs->locationScript == NULL && procs->location == NULL)) {
        return false;
    }
    conn->locationAsked = true;                /* first: the proc may ask for the location itself */
    if (procs->connLocation != NULL) {
        location = procs->connLocation(&conn->pub, ds, procs->callback);
        if (location != NULL && location != Tcl_DStringValue(ds)) {            /* a string of its own */
            Tcl_DStringSetLength(ds, 0);
            Tcl_DStringAppend(ds, location, -1);
        }
    } else if (procs->locationScript != NULL) {
        location = Ask(procs->locationScript, NULL, "ns_locationproc", ds);
    }
    if (location == NULL && procs->location != NULL) {
        location = procs->location(&conn->pub);
        if (location != NULL) {
            Tcl_DStringSetLength(ds, 0);
            Tcl_DStringAppend(ds, location, -1);
        }
    }
    if (location == NULL) {
        Tcl_DStringSetLength(ds, 0);
    }
    return location != NULL;
}
