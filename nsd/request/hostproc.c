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
    Ns_LocationProc     *location;
} HostProcs;

static void
InitServer(NsServer *server)
{
    NsServerSetPart(server, &nsHostPart, ns_calloc(1, sizeof(HostProcs)));
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

/* The client says the host: what is none does not come before a proc that may look for a folder of that name. */
static void
AskRoot(NsConn *conn, const HostProcs *procs)
{
    const char *host = Ns_SetIGet(conn->pub.headers, "host");
    Tcl_DString ds;

    conn->rootKnown = true;                    /* first: the proc may ask for a folder itself */
    if (host != NULL && *host != '\0' && Ns_StrIsValidHostHeaderContent(host)) {
        const char *path;

        Tcl_DStringInit(&ds);
        path = procs->root(&ds, host, procs->rootArg);
        if (path != NULL && *path != '\0') {
            conn->serverRoot = FolderOf(path);
            conn->pub.request.serverRoot = conn->serverRoot;
        }
        Tcl_DStringFree(&ds);
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
        AskRoot(conn, procs);
    }
    return conn->serverRoot;
}

bool
NsHostLocation(NsConn *conn, Tcl_DString *ds)
{
    const HostProcs *procs = ProcsOf(conn->server);
    const char      *location = NULL;

    if (conn->locationAsked || (procs->connLocation == NULL && procs->location == NULL)) {
        return false;
    }
    conn->locationAsked = true;                /* first: the proc may ask for the location itself */
    if (procs->connLocation != NULL) {
        location = procs->connLocation(&conn->pub, ds, procs->callback);
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
