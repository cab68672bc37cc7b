/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The request and its answer as modules for NaviServer use them (nsconn.h).
 */
#include "ns.h"
#include "base/clock.h"
#include "driver/spool.h"
#include "http/date.h"
#include "interp/interp.h"
#include "request/auth.h"
#include "request/op.h"
#include "request/return.h"

static const NsConn *
Own(const Ns_Conn *conn)
{
    const NsConn *own = (const NsConn *)conn;

    NS_CHECK(own, NS_CONN_MAGIC);
    return own;
}

Ns_Conn *
Ns_GetConn(void)
{
    NsConn *conn = NsInterpServing();

    return conn != NULL ? &conn->pub : NULL;
}

Tcl_Interp *
Ns_GetConnInterp(Ns_Conn *conn)
{
    return NsConnInterp(NsConnOf(conn));
}

void
Ns_FreeConnInterp(Ns_Conn *conn)
{
    NS_CHECK(Own(conn), NS_CONN_MAGIC);
}

Ns_Server *
Ns_ConnServPtr(const Ns_Conn *conn)
{
    return Own(conn)->server;
}

Ns_Set *
Ns_ConnHeaders(const Ns_Conn *conn)
{
    return conn->headers;
}

Ns_Set *
Ns_ConnOutputHeaders(const Ns_Conn *conn)
{
    return conn->outputheaders;
}

size_t
Ns_ConnContentLength(const Ns_Conn *conn)
{
    return conn->contentLength;
}

size_t
Ns_ConnContentSize(const Ns_Conn *conn)
{
    return conn->contentLength;
}

int
Ns_ConnContentFd(const Ns_Conn *conn)
{
    return Own(conn)->http->spool != NULL ? NsSpoolFd(Own(conn)->http->spool) : -1;
}

/* The file has no name: it is the descriptor's. */
const char *
Ns_ConnContentFile(const Ns_Conn *conn)
{
    static __thread char path[64];
    int                  fd = Ns_ConnContentFd(conn);

    if (fd == -1) {
        return NULL;
    }
    (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
    return path;
}

Ns_Set *
Ns_ConnAuth(const Ns_Conn *conn)
{
    return NsConnAuth(NsConnOf(ns_const2voidp(conn)));
}

static const char *
AuthPart(const Ns_Conn *conn, const char *name)
{
    const Ns_Set *auth = Ns_ConnAuth(conn);

    return auth != NULL ? Ns_SetIGet(auth, name) : NULL;
}

const char *
Ns_ConnAuthUser(const Ns_Conn *conn)
{
    return AuthPart(conn, "username");
}

const char *
Ns_ConnAuthPasswd(const Ns_Conn *conn)
{
    return AuthPart(conn, "password");
}

unsigned short
Ns_ConnPort(const Ns_Conn *conn)
{
    return (unsigned short)NsConnPort(NsConnOf(ns_const2voidp(conn)));
}

const char *
Ns_ConnTarget(Ns_Conn *conn, Tcl_DString *ds)
{
    return Tcl_DStringAppend(ds, conn->request.rawUrl, -1);
}

ssize_t
Ns_ConnResponseLength(const Ns_Conn *conn)
{
    return (ssize_t)Own(conn)->responseLength;
}

bool
Ns_ConnModifiedSince(const Ns_Conn *conn, time_t since)
{
    const char *value = Ns_SetIGet(conn->headers, "if-modified-since");
    time_t      when;

    return value == NULL || !NsHttpDateParse(value, &when) || since > when;
}

bool
Ns_ConnUnmodifiedSince(const Ns_Conn *conn, time_t since)
{
    const char *value = Ns_SetIGet(conn->headers, "if-unmodified-since");
    time_t      when;

    return value == NULL || !NsHttpDateParse(value, &when) || since <= when;
}

/* From one point to the next, or until now if that is not reached. */
static void
Span(const Ns_Time *from, const Ns_Time *to, Ns_Time *span)
{
    Ns_Time now;

    NsGetMonotonicTime(&now);
    *span = (Ns_Time){0, 0};
    if (from->sec != 0) {
        (void)Ns_DiffTime(to->sec != 0 ? to : &now, from, span);
    }
}

void
Ns_ConnTimeSpans(const Ns_Conn *conn, Ns_Time *acceptTimeSpan, Ns_Time *queueTimeSpan, Ns_Time *filterTimeSpan,
                 Ns_Time *runTimeSpan)
{
    const NsConn *own = Own(conn);

    Span(&own->acceptTime, &own->queueTime, acceptTimeSpan);
    Span(&own->queueTime, &own->dequeueTime, queueTimeSpan);
    Span(&own->dequeueTime, &own->filterDoneTime, filterTimeSpan);
    Span(&own->filterDoneTime, &own->runDoneTime, runTimeSpan);
}

/* ---------------------------------------------------------------------------------------------------------- answers */

static char *
Copy(const char *string, TCL_SIZE_T length)
{
    return ns_strncopy(string, length);
}

void
Ns_ConnSetHeadersSz(const Ns_Conn *conn, const char *field, TCL_SIZE_T fieldLength, const char *value, TCL_SIZE_T valueLength)
{
    char *name = Copy(field, fieldLength), *text = Copy(value, valueLength);

    Ns_ConnSetHeaders(conn, name, text);
    ns_free(name);
    ns_free(text);
}

void
Ns_ConnUpdateHeadersSz(const Ns_Conn *conn, const char *field, TCL_SIZE_T fieldLength, const char *value,
                       TCL_SIZE_T valueLength)
{
    char *name = Copy(field, fieldLength), *text = Copy(value, valueLength);

    Ns_ConnUpdateHeaders(conn, name, text);
    ns_free(name);
    ns_free(text);
}

void
Ns_ConnCondSetHeaders(const Ns_Conn *conn, const char *field, const char *value)
{
    if (Ns_SetIFind(conn->outputheaders, field) < 0) {
        Ns_ConnSetHeaders(conn, field, value);
    }
}

void
Ns_ConnPrintfHeaders(const Ns_Conn *conn, const char *field, const char *fmt, ...)
{
    Tcl_DString ds;
    va_list     ap;

    Tcl_DStringInit(&ds);
    va_start(ap, fmt);
    Ns_ConnSetHeaders(conn, field, Ns_DStringVPrintf(&ds, fmt, ap));
    va_end(ap);
    Tcl_DStringFree(&ds);
}

void
Ns_ConnReplaceHeaders(Ns_Conn *conn, const Ns_Set *newheaders)
{
    Ns_Set *copy = Ns_SetCopy(newheaders);                         /* they may be those that are replaced */

    Ns_SetTrunc(conn->outputheaders, 0);
    for (size_t i = 0; i < Ns_SetSize(copy); i++) {
        const char *value = Ns_SetValue(copy, i);

        Ns_ConnSetHeaders(conn, Ns_SetKey(copy, i), value != NULL ? value : "");
    }
    Ns_SetFree(copy);
}

void
Ns_ConnSetEncodedTypeHeader(Ns_Conn *conn, const char *mimeType)
{
    NsConnSetTextType(NsConnOf(conn), mimeType);
}

Ns_ReturnCode
Ns_ConnWriteData(Ns_Conn *conn, const void *buf, size_t toWrite, unsigned int flags)
{
    struct iovec piece = {ns_const2voidp(buf), toWrite};

    return Ns_ConnWriteVData(conn, &piece, toWrite > 0 ? 1 : 0, flags);
}

Ns_ReturnCode
Ns_ConnWriteChars(Ns_Conn *conn, const char *buf, size_t toWrite, unsigned int flags)
{
    struct iovec piece = {ns_const2voidp(buf), toWrite};

    return Ns_ConnWriteVChars(conn, &piece, toWrite > 0 ? 1 : 0, flags);
}

Ns_ReturnCode
Ns_ConnReturnOpenChannel(Ns_Conn *conn, int status, const char *mimeType, Tcl_Channel chan, size_t len)
{
    ClientData handle;

    if (Tcl_GetChannelHandle(chan, TCL_READABLE, &handle) != TCL_OK) {
        Ns_Log(Error, "%s %s: channel %s cannot be sent: it has no descriptor to read from", conn->request.method, conn->request.url,
               Tcl_GetChannelName(chan));
        return Ns_ConnReturnInternalError(conn);
    }
    return Ns_ConnReturnOpenFd(conn, status, mimeType, PTR2INT(handle), len);
}

/* stdio may have read ahead: where the program is, is where its descriptor is put. */
Ns_ReturnCode
Ns_ConnReturnOpenFile(Ns_Conn *conn, int status, const char *mimeType, FILE *fp, size_t len)
{
    off_t at = ftello(fp);

    if (at != -1) {
        (void)lseek(fileno(fp), at, SEEK_SET);
    }
    return Ns_ConnReturnOpenFd(conn, status, mimeType, fileno(fp), len);
}

Ns_ReturnCode
Ns_ConnRedirect(Ns_Conn *conn, const char *url)
{
    return NsOpRedirect(NsConnOf(conn), url);
}

Ns_ReturnCode
Ns_ConnReturnOk(Ns_Conn *conn)
{
    return Ns_ConnReturnStatus(conn, 200);
}

Ns_ReturnCode
Ns_ConnReturnEntityTooLarge(Ns_Conn *conn)
{
    return NsReturnErrorPage(NsConnOf(conn), 413);
}

Ns_ReturnCode
Ns_ConnReturnHeaderLineTooLong(Ns_Conn *conn)
{
    return NsReturnErrorPage(NsConnOf(conn), 431);
}

Ns_ReturnCode
Ns_ConnReturnNotImplemented(Ns_Conn *conn)
{
    return NsReturnErrorPage(NsConnOf(conn), 501);
}

Ns_ReturnCode
Ns_ConnReturnRequestURITooLong(Ns_Conn *conn)
{
    return NsReturnErrorPage(NsConnOf(conn), 414);
}
