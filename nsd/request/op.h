/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Who answers a request: procs registered for a method and a URL.  The default for GET, HEAD and POST is the fastpath.
 */
#ifndef NSD_OP_H
#define NSD_OP_H

#include "request/conn.h"
#include "request/urlspace.h"

/*
 * Connection thread, before the filters: HEAD of a URL that has a proc of its own for GET alone is served by that one, as GET in what
 * filters and authorization go by; the body is not sent.
 */
void          NsOpServeHead(NsConn *conn);
/*
 * Connection thread: find the proc for the request and run it.  If there is none for the URL with this method, 405
 * is answered (200 and Allow for OPTIONS); GET, HEAD and POST always have one, which looks for a file.  A proc that fails before anything was sent
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
/* Of those that run files (Tcl pages, ADP): the one that the argument names, or NULL: the URL's. */
typedef const char *(NsOpFile)(const void *arg);
void NsOpName(Ns_OpProc *proc, const char *name, NsOpDescribe *describe, NsOpFile *file);

/*
 * Is that what a proc of this server would run (NsOpFile): because one is registered for the URL (may be NULL), for
 * the URL that the file has below the pages, or for this file?  With any method: then nobody sends it as it is.
 */
bool NsOpRunsFile(NsServer *server, const char *url, const char *file);
/* Main thread, at start: the same for a file that is run by other ways.  Its path, which stays for the life of the process. */
char *NsOpHoldFile(NsServer *server, const char *file);
/* Main thread, at start: procs that run files find them without this at the end of their names, too (kept; NULL: none). */
void  NsOpRunExtension(NsServer *server, const char *extension);

/* Any thread.  Constraints (may be NULL) are taken over. */
void          NsOpRegister(NsServer *server, const char *method, const char *url, Ns_OpProc *proc, Ns_Callback *deleteProc,
                           void *arg, unsigned flags, NsConstraints *constraints);
#define NS_OP_ALLCONSTRAINTS 0x10u             /* with the NS_OP_* flags of ns.h */
void          NsOpUnregister(NsServer *server, const char *method, const char *url, unsigned flags);

extern NsServerPart nsOpPart;

#endif
