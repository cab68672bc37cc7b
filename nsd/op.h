/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Who answers a request: procs registered for a method and a URL.  The default for GET, HEAD and POST is the fastpath.
 */
#ifndef NSD_OP_H
#define NSD_OP_H

#include "conn.h"
#include "urlspace.h"

/*
 * Connection thread: find the proc for the request and run it.  If there is none for the URL with this method, 405
 * is answered; GET, HEAD and POST always have one, which looks for a file.  A proc that fails before anything was sent
 * is answered by its return code: 500 for NS_ERROR, 403, 401, 503 for NS_FORBIDDEN, NS_UNAUTHORIZED, NS_TIMEOUT.
 * Anything but NS_OK: the answer is not what the proc had wanted.
 */
Ns_ReturnCode NsOpRun(NsConn *conn);
/* Connection thread, ds initialized and empty: the methods that have a proc for the URL, without the request's: "GET, HEAD, POST". */
void          NsOpAppendAllowed(NsConn *conn, Tcl_DString *ds);
/*
 * Connection thread: serve another URL of this server as the answer to this request (ns_internalredirect, redirects of error
 * pages).  NS_ERROR: redirected too often, 500 was answered.
 */
Ns_ReturnCode NsOpRedirect(NsConn *conn, const char *url);
/*
 * The section ns/server/S/redirects: serve the URL configured for a status instead of the standard page.  True: an
 * answer was given.
 */
bool          NsOpStatusRedirect(NsConn *conn, int status);

/* For `ns_server requestprocs`: a list element per registered proc is appended. */
void NsOpList(NsServer *server, Tcl_DString *ds);
/* How procs of C are named there and what they append for their argument. */
typedef void (NsOpDescribe)(Tcl_DString *ds, const void *arg);
void NsOpName(Ns_OpProc *proc, const char *name, NsOpDescribe *describe);

/* Any thread.  Constraints (may be NULL) are taken over. */
void          NsOpRegister(NsServer *server, const char *method, const char *url, Ns_OpProc *proc, Ns_Callback *deleteProc,
                           void *arg, unsigned flags, NsConstraints *constraints);
#define NS_OP_ALLCONSTRAINTS 0x10u             /* with the NS_OP_* flags of ns.h */
void          NsOpUnregister(NsServer *server, const char *method, const char *url, unsigned flags);

#endif
