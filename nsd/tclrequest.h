/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Requests served by Tcl: scripts as request procs, filters and traces, and Tcl files as pages.
 */
#ifndef NSD_TCLREQUEST_H
#define NSD_TCLREQUEST_H

#include "conn.h"
#include "script.h"

/* Their argument is an NsScript. */
Ns_ReturnCode NsTclRequestProc(const void *arg, Ns_Conn *conn);
Ns_ReturnCode NsTclFilterProc(const void *arg, Ns_Conn *conn, unsigned why);
Ns_ReturnCode NsTclTraceProc(const void *arg, Ns_Conn *conn, unsigned why);
/* Does nothing and ends its stage. */
Ns_ReturnCode NsShortcutFilterProc(const void *arg, Ns_Conn *conn, unsigned why);
/* Its argument is the name of a file (string), or NULL: the URL's. */
Ns_ReturnCode NsTclPageProc(const void *arg, Ns_Conn *conn);

/* Once, at the start: the names of these procs in lists. */
void NsTclRequestInit(void);

#endif
