/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Filters: procs that run before and after the one that answers, chosen by patterns for method and URL, in the order of
 * registration.
 *
 * The way of a request (conn.c):
 *     PRE_AUTH -> NsAuthorizeConn (auth.h) -> POST_AUTH -> NsOpRun -> [answer is complete] -> TRACE, VOID_TRACE
 * NsFilterRun(PRE_AUTH) and (POST_AUTH): NS_OK: go on.  NS_FILTER_RETURN: a filter has answered (or wants no answer): no
 * further stage but the traces.  NS_ERROR: a filter failed, 500 was answered: the traces as well.  For traces the result does not matter.
 */
#ifndef NSD_FILTER_H
#define NSD_FILTER_H

#include "request/conn.h"
#include "request/urlspace.h"

Ns_ReturnCode NsFilterRun(NsConn *conn, unsigned why);         /* the connection thread */
/* For `ns_server filters` and `traces`: a list element per filter of a kind is appended. */
void          NsFilterList(NsServer *server, Tcl_DString *ds, unsigned when);

/* Any thread.  Constraints (may be NULL) are taken over. */
void          NsFilterRegister(NsServer *server, const char *method, const char *url, Ns_FilterProc *proc, unsigned when,
                               void *arg, bool first, NsConstraints *constraints);
/* How filters of C are named in the list. */
typedef void (NsFilterDescribe)(Tcl_DString *ds, const void *arg);
void          NsFilterName(Ns_FilterProc *proc, const char *name, NsFilterDescribe *describe);

extern NsServerPart nsFilterPart;

#endif
