/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a server's modules and scripts say of the host that a request is for: where its folder is, and what its URLs begin with
 * (nsrequest.h).
 */
#ifndef NSD_HOSTPROC_H
#define NSD_HOSTPROC_H

#include "request/conn.h"

/*
 * The folder of the host, absolute and without a slash at the end, if this thread serves a request of the server and a proc knows one.  It
 * is the request's.  NULL: as configured.
 */
const char *NsHostRoot(const NsServer *server);
bool        NsHostHasRootProc(const NsServer *server);         /* any thread */
/* The connection thread: append what the proc for locations says; false: there is none, or it says nothing. */
bool        NsHostLocation(NsConn *conn, Tcl_DString *ds);

/* Main thread, at start, for any server: what Ns_SetServerRootProc and Ns_SetConnLocationProc do for that in making. */
void        NsHostSetRootProc(NsServer *server, Ns_ServerRootProc *proc, void *arg);
void        NsHostSetLocationProc(NsServer *server, Ns_ConnLocationProc *proc, Ns_TclCallback *callback);

extern NsServerPart nsHostPart;

#endif
