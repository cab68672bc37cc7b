/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Writing an answer.
 *
 * The head is composed at the first write and goes out together with what that write brings.  As soon as the answer is
 * complete the Sock goes back to its driver, so that a script which goes on working does not keep the client from its
 * next request.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "driver/module.h"
#include "base/set.h"
#include "base/text.h"
#include "conf/charset.h"
#include "request/connio.h"
#include "http/chars.h"
#include "http/head.h"
#include "http/header.h"

#define MAX_PIECES 32                          /* Only this thread writes it. */
static void
CountContent(NsConn *conn, size_t len)
{
    size_t sent = atomic_load_explicit(&conn->contentSent, memory_order_relaxed);

    atomic_store_explicit(&conn->contentSent, sent + len, memory_order_relaxed);
}

/* of a body, that are sent without being copied */

const char *
NsConnWriteRefusal(const NsConn *conn)
{
    return conn->sock == NULL ? "connection socket is detached" : NULL;
}

/* The socket's way back: nothing more is written. */
static void
Complete(NsConn *conn, bool keepAlive)
{
    conn->finished = true;
    if (conn->sock != NULL) {
        NsSock *sock = conn->sock;

        conn->sock = NULL;
        conn->pub.flags |= NS_CONN_CLOSED;
        NsSockReturn(sock, keepAlive);
    }
}

/* ---- the head ---- */

/* Will the connection serve another request?  The framing must be such that the client sees where this answer ends. */
static bool
DecideKeepAlive(const NsConn *conn, bool framed)
{
    const NsDriver *driver = conn->driver;
    bool             keep = conn->http->keepAlive;
    const char      *own = Ns_SetIGet(conn->pub.outputheaders, "connection");

    if (conn->keepAliveWish >= 0) {
        keep = conn->keepAliveWish > 0;
    }
    if (driver->keepAliveMaxUpload > 0 && conn->pub.contentLength > driver->keepAliveMaxUpload) {
        keep = false;
    }
    if (driver->keepAliveMaxDownload > 0 && conn->responseLength > (Tcl_WideInt)driver->keepAliveMaxDownload) {
        keep = false;
    }
    if (own != NULL && NsHeaderHasToken(own, "close")) {
        keep = false;
    }
    if (driver->byModule != NULL && (driver->datagrams || driver->byModule->init.keepProc != NULL)) {
        keep = keep && NsModuleKeep(NsSockIo(conn->sock)->arg);
    }
    return keep && framed && !conn->plainBody && driver->keepWait > 0 && !NsDriversQuiet();
}

/* Fields that belong to every answer of the server, and of the driver, unless the answer has them. */
static void
AddExtra(NsConn *conn, const Ns_Set *extra)
{
    size_t i;

    for (i = 0; extra != NULL && i < Ns_SetSize(extra); i++) {
        if (Ns_SetIFind(conn->pub.outputheaders, Ns_SetKey(extra, i)) < 0) {
            (void)Ns_SetPut(conn->pub.outputheaders, Ns_SetKey(extra, i), Ns_SetValue(extra, i));
        }
    }
}

/*
 * A length that a script has put there by itself is believed, if it is a number.  Two that differ are two answers to where this one
 * ends: neither is.
 */
static void
TakeOwnLength(NsConn *conn)
{
    const Ns_Set *headers = conn->pub.outputheaders;
    Tcl_WideInt   length = -1;

    for (int i = Ns_SetIFind(headers, "content-length"); i >= 0 && conn->responseLength < 0;
         i = NsSetFindFrom(headers, (size_t)i + 1, "content-length", true)) {
        const char *value = Ns_SetValue(headers, (size_t)i);
        char       *end = NULL;
        Tcl_WideInt number = value != NULL ? strtoll(value, &end, 10) : 0;

        if (value == NULL || *value < '0' || *value > '9' || *end != '\0' || number == LLONG_MAX
            || (length >= 0 && number != length)) {
            Ns_Log(Warning, "%s: the content-length that was given is left out: '%.40s'", conn->pub.request.rawUrl,
                   value != NULL ? value : "");
            length = -1;
            break;
        }
        length = number;
    }
    if (conn->responseLength < 0) {
        conn->responseLength = length;
    }
}

/* How the body ends: a length, chunks, or the end of the connection. */
static void
DecideFraming(NsConn *conn, size_t bodyLen, unsigned flags)
{
    Ns_Set *headers = conn->pub.outputheaders;

    NsSetIDeleteFrom(headers, 0, "transfer-encoding");
    if (!NsHttpStatusHasBody(conn->status)) {
        conn->pub.flags |= NS_CONN_SKIPBODY;
        conn->responseLength = -1;
        NsSetIDeleteFrom(headers, 0, "content-length");
        if (conn->status == 205) {             /* "by a length of zero", RFC 9110, 15.3.6 */
            (void)Ns_SetPut(headers, "content-length", "0");
        }
        return;
    }
    TakeOwnLength(conn);
    if (conn->responseLength < 0 && (flags & NS_CONN_STREAM) == 0u) {
        conn->responseLength = (Tcl_WideInt)bodyLen;
    }
    if (conn->responseLength >= 0) {
        char number[NS_DECIMAL_SIZE];

        (void)NsDecimalPut(number, (uint64_t)conn->responseLength);
        NsSetIDeleteFrom(headers, Ns_SetIUpdate(headers, "content-length", number) + 1, "content-length");
    } else {
        NsSetIDeleteFrom(headers, 0, "content-length");
        conn->pub.flags |= conn->pub.request.version >= 1.1 && !conn->plainBody ? NS_CONN_CHUNK : 0;
    }
}

static void
ComposeHead(NsConn *conn, size_t bodyLen, unsigned flags, Tcl_DString *ds)
{
    Ns_Set *headers = conn->pub.outputheaders;
    size_t  bad = 0;
    bool    framed, stealth = conn->server->opts.stealthMode || Ns_SetIFind(headers, "server") >= 0;

    DecideFraming(conn, bodyLen, flags);
    framed = conn->responseLength >= 0 || (conn->pub.flags & (NS_CONN_CHUNK | NS_CONN_SKIPBODY)) != 0u;
    conn->keepAlive = DecideKeepAlive(conn, framed);
    AddExtra(conn, conn->server->opts.extraHeaders);
    AddExtra(conn, conn->driver->extraHeaders);

    NsHttpHeadStart(ds, conn->pub.request.version >= 1.1 ? 1.1 : 1.0, conn->status);
    if (NsHttpHeadAddSet(ds, headers, &bad) > 0) {
        Ns_Log(Warning, "%s: an invalid response header was left out: %.40s", conn->pub.request.rawUrl,
               Ns_SetKey(headers, bad));
    }
    if (Ns_SetIFind(headers, "connection") < 0) {
        (void)NsHttpHeadAdd(ds, "connection", conn->keepAlive ? "keep-alive" : "close");
    }
    if ((conn->pub.flags & NS_CONN_CHUNK) != 0u) {
        (void)NsHttpHeadAdd(ds, "transfer-encoding", "chunked");
    }
    NsDriverAppendDate(ds, stealth, Ns_SetIFind(headers, "date") >= 0);
    NsHttpHeadEnd(ds);
}

/* ---- sending ---- */

static size_t
TotalLength(const struct iovec *iov, int iovcnt)
{
    size_t total = 0;
    int    i;

    for (i = 0; i < iovcnt; i++) {
        total += iov[i].iov_len;
    }
    return total;
}

/* No more than was announced: what is too much would be taken for the next answer. */
static size_t
Allowed(const NsConn *conn, size_t len)
{
    size_t left;

    if ((conn->pub.flags & NS_CONN_SKIPBODY) != 0u) {
        return 0;
    }
    if (conn->responseLength < 0 || (conn->pub.flags & NS_CONN_SKIPHDRS) != 0u) {
        return len;
    }
    left = (size_t)conn->responseLength - conn->contentSent;
    if (len > left) {
        Ns_Log(Warning, "%s: the answer is longer than its content-length (%lld), the rest is left out",
               conn->pub.request.rawUrl, (long long)conn->responseLength);
        return left;
    }
    return len;
}

/* Head (if it is to be sent now), framing and body as one vector. */
typedef struct Pieces {
    struct iovec  iov[MAX_PIECES + 4];
    int           count;
    Tcl_DString   head;
    char          chunk[NS_HTTP_CHUNK_HEAD];
    char         *joined;                      /* a body of too many parts */
} Pieces;

static void
AddPiece(Pieces *pieces, const void *data, size_t len)
{
    if (len > 0) {
        pieces->iov[pieces->count].iov_base = (void *)(uintptr_t)data;
        pieces->iov[pieces->count].iov_len = len;
        pieces->count++;
    }
}

static void
AddBody(Pieces *pieces, const struct iovec *iov, int iovcnt, size_t len)
{
    int i;

    if (iovcnt > MAX_PIECES) {
        size_t at = 0;

        pieces->joined = ns_malloc(len);
        for (i = 0; i < iovcnt && at < len; i++) {
            size_t n = iov[i].iov_len < len - at ? iov[i].iov_len : len - at;

            memcpy(pieces->joined + at, iov[i].iov_base, n);
            at += n;
        }
        AddPiece(pieces, pieces->joined, len);
        return;
    }
    for (i = 0; i < iovcnt && len > 0; i++) {
        size_t n = iov[i].iov_len < len ? iov[i].iov_len : len;

        AddPiece(pieces, iov[i].iov_base, n);
        len -= n;
    }
}

static bool
HeadDue(const NsConn *conn)
{
    return (conn->pub.flags & (NS_CONN_SENTHDRS | NS_CONN_SKIPHDRS)) == 0u;
}

static void
AddHead(NsConn *conn, Pieces *pieces, size_t bodyLen, unsigned flags)
{
    if (HeadDue(conn)) {
        ComposeHead(conn, bodyLen, flags, &pieces->head);
        conn->pub.flags |= NS_CONN_SENTHDRS;
        conn->headSent = (size_t)Tcl_DStringLength(&pieces->head);
        AddPiece(pieces, Tcl_DStringValue(&pieces->head), conn->headSent);
    }
}

static Ns_ReturnCode
SendPieces(NsConn *conn, Pieces *pieces)
{
    return pieces->count > 0 ? NsSockSend(conn->sock, pieces->iov, pieces->count, NULL) : NS_OK;
}

/* An answer without a head of ours, or shorter than announced, can only be ended by closing. */
static bool
MayKeepAlive(const NsConn *conn)
{
    return conn->keepAlive && (conn->pub.flags & NS_CONN_SENTHDRS) != 0u
        && ((conn->pub.flags & (NS_CONN_SKIPBODY | NS_CONN_CHUNK)) != 0u
            || (conn->responseLength >= 0 && conn->contentSent == (size_t)conn->responseLength));
}

Ns_ReturnCode
NsConnSend(NsConn *conn, const struct iovec *iov, int iovcnt, unsigned flags)
{
    size_t        len = TotalLength(iov, iovcnt), allowed;
    bool          chunked, last = (flags & NS_CONN_STREAM) == 0u;
    Ns_ReturnCode status;
    Pieces        pieces;

    NS_CHECK(conn, NS_CONN_MAGIC);
    if (conn->sock == NULL) {
        return NS_ERROR;
    }
    pieces.count = 0;
    pieces.joined = NULL;
    Tcl_DStringInit(&pieces.head);
    AddHead(conn, &pieces, len, flags);
    allowed = Allowed(conn, len);
    chunked = (conn->pub.flags & NS_CONN_CHUNK) != 0u && (conn->pub.flags & NS_CONN_SKIPBODY) == 0u;
    if (allowed > 0) {
        if (chunked) {
            AddPiece(&pieces, pieces.chunk, NsHttpChunkHead(pieces.chunk, allowed));
        }
        AddBody(&pieces, iov, iovcnt, allowed);
        if (chunked && last) {
            AddPiece(&pieces, "\r\n" NS_HTTP_LAST_CHUNK, sizeof("\r\n" NS_HTTP_LAST_CHUNK) - 1u);
        } else if (chunked) {
            AddPiece(&pieces, "\r\n", 2);
        }
    } else if (chunked && last) {
        AddPiece(&pieces, NS_HTTP_LAST_CHUNK, sizeof(NS_HTTP_LAST_CHUNK) - 1u);
    }
    status = SendPieces(conn, &pieces);
    CountContent(conn, allowed);
    Tcl_DStringFree(&pieces.head);
    ns_free(pieces.joined);
    if (last || status != NS_OK) {
        Complete(conn, status == NS_OK && MayKeepAlive(conn));
    }
    return status;
}

bool
NsConnHead(NsConn *conn, size_t bodyLen, unsigned flags, bool sent, Tcl_DString *ds)
{
    bool due = HeadDue(conn);
    int  start = Tcl_DStringLength(ds);

    if (due) {
        ComposeHead(conn, bodyLen, flags, ds);
    }
    if (due && sent) {
        conn->pub.flags |= NS_CONN_SENTHDRS;
        conn->headSent = (size_t)(Tcl_DStringLength(ds) - start);
    }
    return due;
}

Ns_ReturnCode
NsConnSendRaw(NsConn *conn, const struct iovec *iov, int iovcnt)
{
    Ns_ReturnCode status;

    NS_CHECK(conn, NS_CONN_MAGIC);
    if (conn->sock == NULL) {
        return NS_ERROR;
    }
    if (HeadDue(conn)) {
        conn->pub.flags |= NS_CONN_SKIPHDRS;
    }
    conn->keepAlive = false;
    status = NsSockSend(conn->sock, iov, iovcnt, NULL);
    if (status == NS_OK) {
        CountContent(conn, TotalLength(iov, iovcnt));
    } else {
        Complete(conn, false);
    }
    return status;
}

Ns_ReturnCode
NsConnSendFile(NsConn *conn, int fd, off_t offset, size_t len)
{
    Ns_ReturnCode status = NS_OK;
    bool          chunked;
    Pieces        pieces;
    size_t        allowed;

    NS_CHECK(conn, NS_CONN_MAGIC);
    if (conn->sock == NULL) {
        close(fd);
        return NS_ERROR;
    }
    pieces.count = 0;
    Tcl_DStringInit(&pieces.head);
    AddHead(conn, &pieces, len, NS_CONN_STREAM);
    allowed = Allowed(conn, len);
    chunked = (conn->pub.flags & NS_CONN_CHUNK) != 0u && allowed > 0;
    if (chunked) {
        AddPiece(&pieces, pieces.chunk, NsHttpChunkHead(pieces.chunk, allowed));
    }
    status = SendPieces(conn, &pieces);
    Tcl_DStringFree(&pieces.head);
    if (status != NS_OK || allowed == 0) {
        close(fd);
    } else {
        status = NsSockSendFile(conn->sock, fd, offset, allowed);
    }
    if (status == NS_OK && chunked) {
        struct iovec end = {.iov_base = (void *)(uintptr_t)"\r\n", .iov_len = 2};

        status = NsSockSend(conn->sock, &end, 1, NULL);
    }
    CountContent(conn, allowed);
    if (status != NS_OK || (conn->responseLength >= 0 && conn->contentSent == (size_t)conn->responseLength)) {
        Complete(conn, status == NS_OK && MayKeepAlive(conn));
    }
    return status;
}

void
NsConnFinish(NsConn *conn)
{
    NS_CHECK(conn, NS_CONN_MAGIC);
    if (conn->sock == NULL) {
        return;
    }
    if ((conn->pub.flags & (NS_CONN_SENTHDRS | NS_CONN_CHUNK)) == (NS_CONN_SENTHDRS | NS_CONN_CHUNK)
        && (conn->pub.flags & NS_CONN_SKIPBODY) == 0u) {
        (void)NsConnSend(conn, NULL, 0, 0);
    }
    if ((conn->pub.flags & (NS_CONN_SENTHDRS | NS_CONN_SKIPHDRS)) == 0u) {
        Ns_Log(Warning, "%s %s: nothing was answered, the connection is closed", conn->pub.request.method, conn->pub.request.url);
    }
    /* An answer that did not begin, or is shorter than announced, closes the connection. */
    Complete(conn, MayKeepAlive(conn));
}

Ns_ReturnCode
Ns_ConnClose(Ns_Conn *conn)
{
    NsConn *self = NsConnOf(conn);

    NS_CHECK(self, NS_CONN_MAGIC);
    if (self->sock == NULL) {
        return NS_ERROR;
    }
    NsConnFinish(self);
    return NS_OK;
}

/* ---- text ---- */

Tcl_Encoding
NsConnOutputEncoding(NsConn *conn)
{
    if (conn->encoding == NULL) {
        const char *name = conn->outputEncoding != NULL ? conn->outputEncoding : conn->server->opts.outputCharset;

        conn->encoding = name != NULL && *name != '\0' ? NsCharsetEncoding(name) : NULL;
        if (conn->encoding == NULL) {
            conn->encoding = NsCharsetEncoding("utf-8");
        }
    }
    return conn->encoding;
}

bool
NsConnEncode(NsConn *conn, const char *chars, size_t len, Tcl_DString *ds)
{
    Tcl_Encoding encoding = NsConnOutputEncoding(conn);
    bool         differs = len > 0;

    Tcl_DStringInit(ds);
    if (differs && NsEncodingIsUtf8(encoding)) {
        differs = NsTextOut(ds, chars, len, NULL) != chars;
    } else if (differs) {
        NsCharsetEncode(ds, encoding, chars, len);
    }
    return differs;
}

/* ---- for modules ---- */

/* Are these bytes a piece of an answer whose length was said before, and not its last?  Modules write such without NS_CONN_STREAM. */
static bool
IsPiece(NsConn *conn, size_t len)
{
    if (HeadDue(conn)) {
        TakeOwnLength(conn);
    }
    if (conn->http->raw) {
        return true;                           /* how much there is, is the module's affair */
    }
    return conn->responseLength >= 0 && (conn->pub.flags & NS_CONN_SKIPHDRS) == 0u
        && len < (size_t)conn->responseLength - conn->contentSent;
}

Ns_ReturnCode
Ns_ConnWriteVData(Ns_Conn *conn, struct iovec *bufs, int nbufs, unsigned flags)
{
    NsConn *self = NsConnOf(conn);
    bool    more = (flags & NS_CONN_STREAM_CLOSE) == 0u
        && ((flags & NS_CONN_STREAM) != 0u || IsPiece(self, TotalLength(bufs, nbufs)));

    return NsConnSend(self, bufs, nbufs, more ? NS_CONN_STREAM : 0u);
}

static Ns_ReturnCode
WriteOneChars(Ns_Conn *conn, struct iovec *buf, unsigned flags)
{
    Tcl_DString   ds;
    struct iovec  iov;
    Ns_ReturnCode status;

    if (!NsConnEncode(NsConnOf(conn), buf->iov_base, buf->iov_len, &ds)) {
        return Ns_ConnWriteVData(conn, buf, 1, flags);
    }
    iov.iov_base = Tcl_DStringValue(&ds);
    iov.iov_len = (size_t)Tcl_DStringLength(&ds);
    status = Ns_ConnWriteVData(conn, &iov, 1, flags);
    Tcl_DStringFree(&ds);
    return status;
}

Ns_ReturnCode
Ns_ConnWriteVChars(Ns_Conn *conn, struct iovec *bufs, int nbufs, unsigned flags)
{
    Tcl_DString   all, one;
    struct iovec  iov;
    Ns_ReturnCode status;
    int           i;

    if (nbufs == 1) {
        return WriteOneChars(conn, bufs, flags);
    }
    Tcl_DStringInit(&all);
    for (i = 0; i < nbufs; i++) {
        if (NsConnEncode(NsConnOf(conn), bufs[i].iov_base, bufs[i].iov_len, &one)) {
            Tcl_DStringAppend(&all, Tcl_DStringValue(&one), Tcl_DStringLength(&one));
            Tcl_DStringFree(&one);
        } else {
            Tcl_DStringAppend(&all, bufs[i].iov_base, (int)bufs[i].iov_len);
        }
    }
    iov.iov_base = Tcl_DStringValue(&all);
    iov.iov_len = (size_t)Tcl_DStringLength(&all);
    status = Ns_ConnWriteVData(conn, &iov, 1, flags);
    Tcl_DStringFree(&all);
    return status;
}
