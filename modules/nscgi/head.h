/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The head of what a CGI program writes (RFC 3875, 6.3).  Bytes in, facts out; any thread.
 */
#ifndef NSCGI_HEAD_H
#define NSCGI_HEAD_H

#include "ns.h"

typedef enum { CGI_HEAD_MORE, CGI_HEAD_DONE, CGI_HEAD_BAD } CgiHeadState;
typedef struct CgiHead {
    Ns_Set     *fields;                        /* for the answer: without Status, and without what is between two neighbours only */
    int         status;                        /* 0: the program gives none */
    const char *location;                      /* in `fields`; NULL: none */
    bool        hasType;
    size_t      length;                        /* bytes up to the body */
    const char *fault;                         /* why it is BAD; static */
} CgiHead;

/*
 * MORE: its end is not there yet.  Else the caller frees what is in it with CgiHeadFree.  A line ends with LF or CR LF.
 */
CgiHeadState CgiHeadParse(const char *bytes, size_t len, CgiHead *head);
void         CgiHeadFree(CgiHead *head);

/* "Location: /path" and nothing but the type of a page that is not sent: the answer is that of the server's own URL. */
bool CgiHeadIsLocal(const CgiHead *head);
/* What Content-Length says, or -1: nothing, or no number. */
Tcl_WideInt CgiHeadContentLength(const CgiHead *head);

#endif
