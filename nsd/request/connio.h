/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Writing an answer: the head, composed once at the first write, then the body, plain or chunked.  Nothing waits for the
 * client: what the socket does not take is kept, and sent by the driver's thread.
 *
 * The connection thread alone.
 */
#ifndef NSD_CONNIO_H
#define NSD_CONNIO_H

#include "request/conn.h"

/* "connection socket is detached", "connection is closed", ... in NaviServer's words, for a command's error; NULL: may write. */
const char *NsConnWriteRefusal(const NsConn *conn);

/*
 * Compose and send the head with the first bytes of the body in one call.  With NS_CONN_STREAM in `flags` more follows;
 * without it these are the last bytes and conn->finished becomes true.  HEAD, 204 and 304 send no body whatever is
 * given.  Length unknown: chunked for HTTP/1.1, until close for 1.0.
 */
Ns_ReturnCode NsConnSend(NsConn *conn, const struct iovec *iov, int iovcnt, unsigned flags);
/* The head (if not yet sent), then a range of a file.  Takes the fd over in any case. */
Ns_ReturnCode NsConnSendFile(NsConn *conn, int fd, off_t offset, size_t len);
/* The head alone, appended to `ds`, for an answer of so many bytes; with `sent` it counts as written.  False: it is sent already. */
bool NsConnHead(NsConn *conn, size_t bodyLen, unsigned flags, bool sent, Tcl_DString *ds);
/* Bytes as they are, without head and framing: the answer is the caller's from now on, and ends with the connection. */
Ns_ReturnCode NsConnSendRaw(NsConn *conn, const struct iovec *iov, int iovcnt);
/* The charset that text will have. */
Tcl_Encoding NsConnOutputEncoding(NsConn *conn);
/* Text to the bytes of the answer's charset (UTF-8 passes unchanged); false: *bytes, *len are the input itself. */
bool NsConnEncode(NsConn *conn, const char *chars, size_t len, Tcl_DString *ds);
/*
 * At the end of the request, or before it by `ns_conn close`: the last chunk, if it is missing, and the socket's way back.
 * A request that nobody answered gets no answer, as NaviServer has it: the connection is closed.
 */
void NsConnFinish(NsConn *conn);

#endif
