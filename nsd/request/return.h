/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Answers: what Ns_ConnReturn* of ns.h is made of.  The connection thread alone.
 *
 * Lengths: Ns_ConnSetLengthHeader sets conn->responseLength and puts content-length in outputheaders; the head writer
 * (connio.c) adds the header where a length is known and it is not among them.
 */
#ifndef NSD_RETURN_H
#define NSD_RETURN_H

#include <sys/stat.h>
#include "request/conn.h"

/*
 * Answer with (a part of) memory or of a file, as the request's Range and conditional headers want it.  `mtime` NULL: no conditions.
 * NsReturnFd takes the fd over in any case.
 */
Ns_ReturnCode NsReturnMemory(NsConn *conn, int status, const char *type, const char *data, size_t len, const time_t *mtime);
Ns_ReturnCode NsReturnFd(NsConn *conn, int status, const char *type, int fd, off_t offset, size_t len, const time_t *mtime);
/* Conditions of the request against a time: 0, or the status (304, 412) to answer instead. */
int           NsConnCheckConditions(const NsConn *conn, time_t mtime);

/* As Ns_ConnUpdateHeaders; false: name or value is none, it was left out. */
bool          NsConnUpdateHeader(const Ns_Conn *conn, const char *name, const char *value);
/* The proper page for a status: 400 .. 599 with the standard title, in the words of this server. */
Ns_ReturnCode NsReturnErrorPage(NsConn *conn, int status);
/*
 * The Content-Type header for text: with the charset that it will have, which is chosen by the type, `ns_conn encoding` or the
 * server's.  NsConnEncode of connio.h then converts to it.
 */
void          NsConnSetTextType(NsConn *conn, const char *type);

/* notice.c: text as HTML, also within the quotes of an attribute.  Any thread. */
void NsAppendHtml(Tcl_DString *html, const char *text);

#endif
