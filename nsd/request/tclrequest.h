/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Requests served by Tcl: scripts as request procs, filters and traces.
 */
#ifndef NSD_TCLREQUEST_H
#define NSD_TCLREQUEST_H

#include "request/conn.h"
#include "interp/interp.h"
#include "interp/script.h"

/* Their argument is an NsScript. */
Ns_ReturnCode NsTclRequestProc(const void *arg, Ns_Conn *conn);
Ns_ReturnCode NsTclFilterProc(const void *arg, Ns_Conn *conn, unsigned why);
Ns_ReturnCode NsTclTraceProc(const void *arg, Ns_Conn *conn, unsigned why);
/* Does nothing and ends its stage. */
Ns_ReturnCode NsShortcutFilterProc(const void *arg, Ns_Conn *conn, unsigned why);
/*
 * The connection thread: a script or page has failed.  It is logged (unless `what` is NULL: it was), and answered with 500,
 * or 503, 413, 400 by the error's code, unless there is an answer already.
 */
void NsTclAnswerError(NsConn *conn, Tcl_Interp *interp, const char *what);
/* Main thread, at start: called after a registered script that has not failed, if conn->leftOutput says that there is something. */
void NsTclRequestFlushBy(void (*proc)(NsInterp *data));

/* Main thread, at start: what interpreters ask of a request, and the names of these procs in lists. */
void NsTclRequestInit(void);

#endif
