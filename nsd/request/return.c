/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Answers: headers, whole bodies, files and their ranges.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "base/check.h"
#include "base/set.h"
#include "conf/charset.h"
#include "request/connio.h"
#include "request/connzip.h"
#include "http/chars.h"
#include "http/condition.h"
#include "http/date.h"
#include "http/head.h"
#include "http/header.h"
#include "http/mime.h"
#include "http/range.h"
#include "request/op.h"
#include "request/return.h"

#define SMALL_BODY    65536                    /* read into memory and sent together with the head */

/* A body, in memory or in a file, of which ranges are sent. */
typedef struct Body {
    const char *data;                          /* NULL: in the file */
    int         fd;
    off_t       offset;
    size_t      len;
} Body;

/* ---------------------------------------------------------------------------------------------------------- headers */

static bool
HeaderOk(const NsConn *conn, const char *name, const char *value)
{
    if (name != NULL && value != NULL && NsHttpTokenValid(name, strlen(name)) && NsHttpValueValid(value, strlen(value))) {
        return true;
    }
    Ns_Log(Warning, "%s %s: refused an invalid response header '%.40s'", conn->pub.request.method,
           conn->pub.request.rawUrl, name != NULL ? name : "");
    return false;
}

void
Ns_ConnSetHeaders(const Ns_Conn *conn, const char *name, const char *value)
{
    if (HeaderOk((const NsConn *)conn, name, value)) {
        (void)Ns_SetPut(conn->outputheaders, name, value);
    }
}

bool
NsConnUpdateHeader(const Ns_Conn *conn, const char *name, const char *value)
{
    bool ok = HeaderOk((const NsConn *)conn, name, value);

    if (ok) {
        (void)Ns_SetIUpdate(conn->outputheaders, name, value);
    }
    return ok;
}

void
Ns_ConnUpdateHeaders(const Ns_Conn *conn, const char *name, const char *value)
{
    (void)NsConnUpdateHeader(conn, name, value);
}

void
Ns_ConnSetTypeHeader(const Ns_Conn *conn, const char *mimeType)
{
    if (mimeType != NULL) {                    /* NULL: what is there stays */
        Ns_ConnUpdateHeaders(conn, "content-type", mimeType);
    }
}

void
Ns_ConnSetLengthHeader(Ns_Conn *conn, size_t length, bool doStream)
{
    char buffer[NS_DECIMAL_SIZE];

    if (doStream) {                            /* until the end of the connection, or chunked */
        NsSetIDeleteFrom(conn->outputheaders, 0, "content-length");
        NsConnOf(conn)->responseLength = -1;
        return;
    }
    (void)NsDecimalPut(buffer, length);
    (void)Ns_SetIUpdate(conn->outputheaders, "content-length", buffer);        /* others go when the head is composed */
    NsConnOf(conn)->responseLength = (Tcl_WideInt)length;
}

void
Ns_ConnSetLastModifiedHeader(const Ns_Conn *conn, const time_t *mtime)
{
    /* The same file again, often: formatting is a fiftieth of the whole answer. */
    static __thread time_t last;
    static __thread char   date[NS_HTTP_DATE_SIZE];

    if (*mtime != last || date[0] == '\0') {
        (void)NsHttpDateFormat(date, *mtime);
        last = *mtime;
    }
    (void)Ns_SetIUpdate(conn->outputheaders, "last-modified", date);
}

void
Ns_ConnSetExpireTime(Ns_Conn *conn, long seconds)
{
    char date[NS_HTTP_DATE_SIZE];

    (void)NsHttpDateFormat(date, time(NULL) + seconds);
    (void)Ns_SetIUpdate(conn->outputheaders, "expires", date);
}

/* Types of text, which get a charset. */
static bool
IsText(const char *type)
{
    NsSpan main = NsHeaderMain(type);
    char   buffer[128];

    if (main.start == NULL || main.len >= sizeof buffer) {
        return false;
    }
    memcpy(buffer, main.start, main.len);
    buffer[main.len] = '\0';
    return NsMimeIsText(buffer) || strcmp(buffer, "*/*") == 0
        || (strncasecmp(buffer, "application/", 12) == 0 && NsMimeIsCompressible(buffer));
}

void
NsConnSetTextType(NsConn *conn, const char *type)
{
    const char  *charset = conn->outputEncoding != NULL ? conn->outputEncoding : conn->server->opts.outputCharset;
    Tcl_Encoding encoding;
    size_t       len = 0;
    const char  *own = type != NULL ? NsTypeCharset(type, &len) : NULL;

    if (own != NULL) {
        encoding = NsCharsetEncodingSz(own, len);
        Ns_ConnSetTypeHeader(&conn->pub, type);
        if (encoding != NULL) {
            conn->encoding = encoding;
        }
        return;
    }
    if (type == NULL || !IsText(type) || charset == NULL || *charset == '\0') {
        Ns_ConnSetTypeHeader(&conn->pub, type);
        return;
    }
    encoding = NsCharsetEncoding(charset);
    if (encoding != NULL) {
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        Tcl_DStringAppend(&ds, type, -1);
        Tcl_DStringAppend(&ds, "; charset=", 10);
        Tcl_DStringAppend(&ds, charset, -1);
        Ns_ConnSetTypeHeader(&conn->pub, Tcl_DStringValue(&ds));
        Tcl_DStringFree(&ds);
        conn->encoding = encoding;
    } else {
        Ns_ConnSetTypeHeader(&conn->pub, type);
    }
}

static void
SetStatus(NsConn *conn, int status)
{
    /* A page that is served in place of a standard error page keeps the status of the error. */
    if (!(conn->redirects > 0 && conn->statusSet && conn->status >= 400 && status == 200)) {
        Ns_ConnSetResponseStatus(&conn->pub, status);
    }
}

/* ------------------------------------------------------------------------------------------------------------- bodies */

static Ns_ReturnCode
SendMemory(NsConn *conn, const char *data, size_t len)
{
    struct iovec iov = {(void *)(uintptr_t)data, len};

    Ns_ConnSetLengthHeader(&conn->pub, len, false);
    return NsConnSend(conn, &iov, len > 0 ? 1 : 0, 0);
}

static Ns_ReturnCode
SendNothing(NsConn *conn)
{
    return SendMemory(conn, "", 0);
}

/* All of these bytes of a file, or false. */
static bool
ReadAll(int fd, char *buffer, size_t len, off_t offset)
{
    while (len > 0) {
        ssize_t n = pread(fd, buffer, len, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        buffer += n;
        offset += n;
        len -= (size_t)n;
    }
    return true;
}

/* One stretch of the body, which is all that is sent.  A file's fd is taken over. */
static Ns_ReturnCode
SendStretch(NsConn *conn, Body *body, size_t first, size_t len)
{
    if (body->data != NULL) {
        return SendMemory(conn, body->data + first, len);
    }
    Ns_ConnSetLengthHeader(&conn->pub, len, false);
    if (len <= SMALL_BODY || (conn->pub.flags & NS_CONN_SKIPBODY) != 0) {
        char          buffer[SMALL_BODY];
        Ns_ReturnCode status;

        if ((conn->pub.flags & NS_CONN_SKIPBODY) != 0) {
            status = NsConnSend(conn, NULL, 0, 0);
        } else if (ReadAll(body->fd, buffer, len, body->offset + (off_t)first)) {
            status = SendMemory(conn, buffer, len);
        } else {
            status = Ns_ConnReturnInternalError(&conn->pub);
        }
        close(body->fd);
        return status;
    }
    return NsConnSendFile(conn, body->fd, body->offset + (off_t)first, len);
}

static void
BodyDone(Body *body)
{
    if (body->data == NULL) {
        close(body->fd);
    }
}

/* Several ranges: multipart/byteranges.  The fd is taken over. */
static Ns_ReturnCode
SendRanges(NsConn *conn, Body *body, const char *type, const NsRange *ranges, size_t count)
{
    static _Atomic uint32_t serial;
    Tcl_DString   heads, full;
    Ns_ReturnCode status = NS_OK;
    size_t        total = 0;
    int          *ends = ns_calloc(count + 1, sizeof(int));
    char          boundary[40], line[120];

    snprintf(boundary, sizeof boundary, "%08" PRIx32 "%08" PRIx32 "%08" PRIx32, (uint32_t)time(NULL), (uint32_t)conn->id,
             (uint32_t)serial++);
    Tcl_DStringInit(&heads);
    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof line, "%s--%s\r\ncontent-type: ", i > 0 ? "\r\n" : "", boundary);
        Tcl_DStringAppend(&heads, line, -1);
        Tcl_DStringAppend(&heads, type != NULL ? type : "application/octet-stream", -1);
        snprintf(line, sizeof line, "\r\ncontent-range: bytes %" PRIu64 "-%" PRIu64 "/%zu\r\n\r\n", ranges[i].first,
                 ranges[i].last, body->len);
        Tcl_DStringAppend(&heads, line, -1);
        ends[i] = Tcl_DStringLength(&heads);
        total += (size_t)(ranges[i].last - ranges[i].first + 1);
    }
    snprintf(line, sizeof line, "\r\n--%s--\r\n", boundary);
    Tcl_DStringAppend(&heads, line, -1);
    ends[count] = Tcl_DStringLength(&heads);

    Tcl_DStringInit(&full);
    Tcl_DStringAppend(&full, "multipart/byteranges; boundary=", -1);
    Tcl_DStringAppend(&full, boundary, -1);
    Ns_ConnSetTypeHeader(&conn->pub, Tcl_DStringValue(&full));
    Tcl_DStringFree(&full);
    Ns_ConnSetLengthHeader(&conn->pub, total + (size_t)ends[count], false);

    for (size_t i = 0; status == NS_OK && i < count; i++) {
        int          start = i > 0 ? ends[i - 1] : 0;
        size_t       len = (size_t)(ranges[i].last - ranges[i].first + 1);
        struct iovec iov[2] = {{Tcl_DStringValue(&heads) + start, (size_t)(ends[i] - start)},
                               {NULL, len}};

        if (body->data != NULL) {
            iov[1].iov_base = (void *)(uintptr_t)(body->data + ranges[i].first);
            status = NsConnSend(conn, iov, 2, NS_CONN_STREAM);
            continue;
        }
        status = NsConnSend(conn, iov, 1, NS_CONN_STREAM);
        if (status == NS_OK) {
            int fd = fcntl(body->fd, F_DUPFD_CLOEXEC, 0);

            status = fd >= 0 ? NsConnSendFile(conn, fd, body->offset + (off_t)ranges[i].first, len) : NS_ERROR;
        }
    }
    if (status == NS_OK) {
        struct iovec iov = {Tcl_DStringValue(&heads) + ends[count - 1], (size_t)(ends[count] - ends[count - 1])};

        status = NsConnSend(conn, &iov, 1, 0);
    }
    BodyDone(body);
    ns_free(ends);
    Tcl_DStringFree(&heads);
    return status;
}

int
NsConnCheckConditions(const NsConn *conn, time_t mtime)
{
    return NsConditionsCheck(conn->pub.headers, conn->pub.request.method, mtime,
                             Ns_SetIGet(conn->pub.outputheaders, "etag"), !conn->server->opts.checkModifiedSince);
}

/* Send a body, or what the request's conditions and ranges want of it. */
static Ns_ReturnCode
ReturnBody(NsConn *conn, int status, const char *type, Body *body, const time_t *mtime)
{
    NsRange       ranges[NS_RANGE_MAX];
    NsRangeResult result = NS_RANGE_NONE;
    size_t        count = 0;
    char          line[100];

    SetStatus(conn, status);
    if (mtime != NULL) {
        int instead = conn->status == 200 ? NsConnCheckConditions(conn, *mtime) : 0;

        Ns_ConnSetLastModifiedHeader(&conn->pub, mtime);
        if (instead != 0) {
            Ns_ConnSetResponseStatus(&conn->pub, instead);
            BodyDone(body);
            return SendNothing(conn);
        }
    }
    Ns_ConnSetTypeHeader(&conn->pub, type);
    if (conn->status == 200) {
        (void)Ns_SetIUpdate(conn->pub.outputheaders, "accept-ranges", "bytes");
        if (strcmp(conn->pub.request.method, "GET") == 0
            && NsIfRangeHolds(Ns_SetIGet(conn->pub.headers, "if-range"), mtime != NULL ? *mtime : -1,
                              Ns_SetIGet(conn->pub.outputheaders, "etag"))) {
            result = NsRangeParse(Ns_SetIGet(conn->pub.headers, "range"), body->len, ranges, &count);
        }
    }
    if (result == NS_RANGE_UNSATISFIABLE) {
        Ns_ConnSetResponseStatus(&conn->pub, 416);
        snprintf(line, sizeof line, "bytes */%zu", body->len);
        (void)Ns_SetIUpdate(conn->pub.outputheaders, "content-range", line);
        BodyDone(body);
        return SendNothing(conn);
    }
    if (result == NS_RANGE_NONE) {
        return SendStretch(conn, body, 0, body->len);
    }
    Ns_ConnSetResponseStatus(&conn->pub, 206);
    if (count > 1) {
        return SendRanges(conn, body, type, ranges, count);
    }
    snprintf(line, sizeof line, "bytes %" PRIu64 "-%" PRIu64 "/%zu", ranges[0].first, ranges[0].last, body->len);
    (void)Ns_SetIUpdate(conn->pub.outputheaders, "content-range", line);
    return SendStretch(conn, body, (size_t)ranges[0].first, (size_t)(ranges[0].last - ranges[0].first + 1));
}

Ns_ReturnCode
NsReturnMemory(NsConn *conn, int status, const char *type, const char *data, size_t len, const time_t *mtime)
{
    Body body = {data != NULL ? data : "", -1, 0, len};

    return ReturnBody(conn, status, type, &body, mtime);
}

Ns_ReturnCode
NsReturnFd(NsConn *conn, int status, const char *type, int fd, off_t offset, size_t len, const time_t *mtime)
{
    Body body = {NULL, fd, offset, len};

    return ReturnBody(conn, status, type, &body, mtime);
}

/* Strings are handed over with their length or -1. */
static size_t
LengthOf(const char *data, ssize_t len)
{
    return len >= 0 ? (size_t)len : strlen(data);
}

Ns_ReturnCode
Ns_ConnReturnData(Ns_Conn *conn, int status, const char *data, ssize_t len, const char *type)
{
    return NsReturnMemory(NsConnOf(conn), status, type, data, LengthOf(data, len), NULL);
}

static Ns_ReturnCode
SendText(NsConn *conn, const char *bytes, size_t len)
{
    char         *zipped;
    size_t        zippedLen;
    Ns_ReturnCode status;

    if (!NsConnCompress(conn, bytes, len, &zipped, &zippedLen)) {
        return SendMemory(conn, bytes, len);
    }
    status = SendMemory(conn, zipped, zippedLen);
    ns_free(zipped);
    return status;
}

Ns_ReturnCode
Ns_ConnReturnCharData(Ns_Conn *conn, int status, const char *data, ssize_t len, const char *type)
{
    NsConn       *self = NsConnOf(conn);
    size_t        size = LengthOf(data, len);
    Tcl_DString   ds;
    Ns_ReturnCode result;

    SetStatus(self, status);
    NsConnSetTextType(self, type);
    Tcl_DStringInit(&ds);
    if (NsConnEncode(self, data, size, &ds)) {
        result = SendText(self, Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds));
    } else {
        result = SendText(self, data, size);
    }
    Tcl_DStringFree(&ds);
    return result;
}

Ns_ReturnCode
Ns_ConnReturnHtml(Ns_Conn *conn, int status, const char *html, ssize_t len)
{
    return Ns_ConnReturnCharData(conn, status, html, len, "text/html");
}

Ns_ReturnCode
Ns_ConnReturnStatus(Ns_Conn *conn, int status)
{
    Ns_ConnSetResponseStatus(conn, status);
    return SendNothing(NsConnOf(conn));
}

/* The rest of something that has no position: a pipe, a terminal.  It may come slowly: this waits. */
static Ns_ReturnCode
SendPipe(NsConn *conn, int fd, size_t len)
{
    char          buffer[16384];
    Ns_ReturnCode status = NS_OK;

    Ns_ConnSetLengthHeader(&conn->pub, len, false);
    do {
        size_t       want = len < sizeof buffer ? len : sizeof buffer;
        ssize_t      n = read(fd, buffer, want);
        struct iovec iov = {buffer, 0};

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0 && len > 0) {
            return NS_ERROR;
        }
        iov.iov_len = (size_t)n;
        len -= (size_t)n;
        status = NsConnSend(conn, &iov, 1, len > 0 ? NS_CONN_STREAM : 0);
    } while (status == NS_OK && len > 0);
    return status;
}

Ns_ReturnCode
Ns_ConnReturnOpenFd(Ns_Conn *conn, int status, const char *type, int fd, size_t len)
{
    off_t offset = lseek(fd, 0, SEEK_CUR);
    Body  body = {NULL, -1, offset, len};

    SetStatus(NsConnOf(conn), status);
    Ns_ConnSetTypeHeader(conn, type);
    if (len == 0) {
        return SendNothing(NsConnOf(conn));
    }
    if (offset == (off_t)-1) {
        return SendPipe(NsConnOf(conn), fd, len);
    }
    body.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (body.fd < 0) {
        Ns_Log(Error, "cannot duplicate a file descriptor: %s", strerror(errno));
        return Ns_ConnReturnInternalError(conn);
    }
    return SendStretch(NsConnOf(conn), &body, 0, len);
}
