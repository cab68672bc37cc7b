/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The request line, for the parser (see parse.h).
 */
#ifndef NSD_HTTP_REQUESTLINE_H
#define NSD_HTTP_REQUESTLINE_H

#include "http/parse.h"

typedef struct NsHttpFault {
    int         status;
    const char *phrase;                        /* for a bare status line */
    const char *reason;                        /* for the log */
} NsHttpFault;

/*
 * A request made of its line (without the line's end): everything in request->request is set, nothing else is.  NULL:
 * *fault says why.
 */
NsHttpRequest *NsRequestLineParse(const char *line, size_t len, NsHttpFault *fault);

/*
 * Set what a request has of its URL: url (the path, decoded and without dots, as the parser makes it, in `path`), query, urlc, urlv (in
 * `parts`).  The query points into `url`.
 */
void NsRequestTakeUrl(Ns_Request *request, const char *url, Tcl_DString *path, Tcl_DString *parts);

#endif
