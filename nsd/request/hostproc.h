/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a server's modules and scripts say of the host that a request is for: where its folder is, and what its URLs begin with
 * (nsrequest.h).
 */
#ifndef NSD_HOSTPROC_H
#define NSD_HOSTPROC_H

#include "interp/script.h"
#include "request/conn.h"

/*
 * The folder of the host, absolute and without a slash at the end, if this thread serves a request of the server and a proc knows one.  It
 * is the request's.  NULL: as configured.
 */
const char *NsHostRoot(const NsServer *server);
bool        NsHostHasRootProc(const NsServer *server);         /* any thread */
/* Any thread but one that the root proc has called: the folder of any host, to be freed; NULL: as configured. */
char       *NsHostRootOf(const NsServer *server, const char *host);
/* The connection thread: append what the proc for locations says; false: there is none, or it says nothing. */
bool        NsHostLocation(NsConn *conn, Tcl_DString *ds);

/* Main thread, at start, for any server: what Ns_SetServerRootProc and Ns_SetConnLocationProc do for that in making. */
void        NsHostSetRootProc(NsServer *server, Ns_ServerRootProc *proc, void *arg);
void        NsHostSetLocationProc(NsServer *server, Ns_ConnLocationProc *proc, Ns_TclCallback *callback);

/*
 * The same with scripts, which are taken over.  They run in the interpreter of the request; one for a folder that is a single command gets the
 * host as its first argument.  An error is logged: as configured.
 */
void        NsHostSetRootScript(NsServer *server, NsScript *script);
void        NsHostSetLocationScript(NsServer *server, NsScript *script);

extern NsServerPart nsHostPart;

#endif
