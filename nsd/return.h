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
#include "conn.h"

/* "Not Found" for 404; "Unknown Reason" style text for others.  Static. */
const char *NsStatusReason(int status);

/*
 * Answer with (a part of) memory or of a file, as the request's Range and conditional headers want it.  `mtime` NULL: no conditions.
 * SendFileRanges takes the fd over in any case.
 */
Ns_ReturnCode NsReturnMemory(NsConn *conn, int status, const char *type, const char *data, size_t len, const time_t *mtime);
Ns_ReturnCode NsReturnFd(NsConn *conn, int status, const char *type, int fd, off_t offset, size_t len, const time_t *mtime);
/* Conditions of the request against a time: 0, or the status (304, 412) to answer instead. */
int           NsConnCheckConditions(const NsConn *conn, time_t mtime);

/* May this be the name, the value of a header?  Neither has CR, LF or NUL; a name is a token. */
bool NsHeaderNameOk(const char *name, size_t len);
bool NsHeaderValueOk(const char *value, size_t len);

#endif
