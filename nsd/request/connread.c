/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The body of a request, read piece by piece (nsrequest.h): it is there as a whole, and a position goes through it.
 */
#include <string.h>
#include "http/header.h"
#include "request/conn.h"

#define MAX_LINE    65536u                     /* bytes of a line, and fields of a head, that are read here */
#define MAX_HEADERS 1000u

/* What is left. */
typedef struct Rest {
    const char *at;
    size_t      len;
} Rest;

static NsConn *
Own(const Ns_Conn *conn)
{
    NsConn *self = NsConnOf(ns_const2voidp(conn));

    NS_CHECK(self, NS_CONN_MAGIC);
    return self;
}

static Rest
RestOf(const Ns_Conn *conn)
{
    size_t read = Own(conn)->contentRead;

    return (Rest){Ns_ConnContent(conn) + read, conn->contentLength - read};
}

static void
Skip(const Ns_Conn *conn, size_t len)
{
    Own(conn)->contentRead += len;
}

size_t
Ns_ConnRead(const Ns_Conn *conn, void *vbuf, size_t toRead)
{
    Rest   rest = RestOf(conn);
    size_t len = toRead < rest.len ? toRead : rest.len;

    memcpy(vbuf, rest.at, len);
    Skip(conn, len);
    return len;
}

char *
Ns_ConnGets(char *buf, size_t bufsize, const Ns_Conn *conn)
{
    Rest        rest = RestOf(conn);
    size_t      len = bufsize > 0 && rest.len >= bufsize ? bufsize - 1u : rest.len;
    const char *end = bufsize > 0 ? memchr(rest.at, '\n', len) : NULL;

    if (bufsize == 0 || rest.len == 0) {
        return NULL;
    }
    len = end != NULL ? (size_t)(end - rest.at) + 1u : len;
    (void)Ns_ConnRead(conn, buf, len);
    buf[len] = '\0';
    return buf;
}

Ns_ReturnCode
Ns_ConnReadLine(const Ns_Conn *conn, Tcl_DString *dsPtr, size_t *nreadPtr)
{
    Rest        rest = RestOf(conn);
    const char *end = memchr(rest.at, '\n', rest.len < MAX_LINE ? rest.len : MAX_LINE);
    size_t      len;

    if (end == NULL) {
        return NS_ERROR;
    }
    len = (size_t)(end - rest.at);
    Skip(conn, len + 1u);
    if (nreadPtr != NULL) {
        *nreadPtr = len + 1u;
    }
    Tcl_DStringAppend(dsPtr, rest.at, (TCL_SIZE_T)(len > 0 && end[-1] == '\r' ? len - 1u : len));
    return NS_OK;
}

Ns_ReturnCode
Ns_ConnReadHeaders(const Ns_Conn *conn, Ns_Set *set, size_t *nreadPtr)
{
    Ns_ReturnCode status = NS_OK;
    size_t        total = 0, count = 0, nread;
    bool          more = true;
    Tcl_DString   line;

    Tcl_DStringInit(&line);
    while (status == NS_OK && more) {
        Tcl_DStringSetLength(&line, 0);
        status = count++ < MAX_HEADERS ? Ns_ConnReadLine(conn, &line, &nread) : NS_ERROR;
        if (status == NS_OK) {
            total += nread;
            more = Tcl_DStringLength(&line) > 0;
        }
        if (status == NS_OK && more) {
            bool whole = strlen(Tcl_DStringValue(&line)) == (size_t)Tcl_DStringLength(&line);

            status = whole ? Ns_ParseHeader(set, Tcl_DStringValue(&line), NULL, NULL) : NS_ERROR;
        }
    }
    Tcl_DStringFree(&line);
    if (nreadPtr != NULL) {
        *nreadPtr = total;
    }
    return status;
}

Ns_ReturnCode
Ns_ConnFlushContent(const Ns_Conn *conn)
{
    Skip(conn, RestOf(conn).len);
    return NS_OK;
}

/* --------------------------------------------------------------------------------------------------------- copying */

/* So many bytes of what is left: all are there, or none is taken. */
static bool
Take(const Ns_Conn *conn, size_t len, Rest *part)
{
    *part = RestOf(conn);
    if (len > part->len) {
        return false;
    }
    part->len = len;
    Skip(conn, len);
    return true;
}

Ns_ReturnCode
Ns_ConnCopyToDString(const Ns_Conn *conn, size_t toCopy, Tcl_DString *dsPtr)
{
    Rest part;

    if (toCopy > (size_t)(INT_MAX - Tcl_DStringLength(dsPtr)) || !Take(conn, toCopy, &part)) {
        return NS_ERROR;
    }
    Tcl_DStringAppend(dsPtr, part.at, (TCL_SIZE_T)part.len);
    return NS_OK;
}

Ns_ReturnCode
Ns_ConnCopyToFd(const Ns_Conn *conn, size_t ncopy, int fd)
{
    Rest part;

    if (!Take(conn, ncopy, &part)) {
        return NS_ERROR;
    }
    while (part.len > 0) {
        ssize_t n = ns_write(fd, part.at, part.len);

        if (n < 0) {
            return NS_ERROR;
        }
        part.at += n;
        part.len -= (size_t)n;
    }
    return NS_OK;
}

Ns_ReturnCode
Ns_ConnCopyToFile(const Ns_Conn *conn, size_t ncopy, FILE *fp)
{
    Rest part;

    return Take(conn, ncopy, &part) && fwrite(part.at, 1u, part.len, fp) == part.len ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
Ns_ConnCopyToChannel(const Ns_Conn *conn, size_t ncopy, Tcl_Channel chan)
{
    Rest part;

    if (!Take(conn, ncopy, &part)) {
        return NS_ERROR;
    }
    if (Tcl_Flush(chan) != TCL_OK) {           /* what was written to it before comes first */
        return NS_ERROR;
    }
    while (part.len > 0) {                     /* bytes, whatever encoding the channel has */
        int n = Tcl_WriteRaw(chan, part.at, part.len < 65536u ? (int)part.len : 65536);

        if (n <= 0) {
            return NS_ERROR;
        }
        part.at += n;
        part.len -= (size_t)n;
    }
    return NS_OK;
}
