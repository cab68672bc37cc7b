/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What modules for NaviServer ask about a request and its connection beyond the rest (nsrequest.h): dates, encodings, the socket, the
 * body as a string.
 */
#include <string.h>
#include "base/clock.h"
#include "conf/charset.h"
#include "http/requestline.h"
#include "interp/interp.h"
#include "request/connio.h"
#include "request/limits.h"
#include "request/queue.h"

#define TIMEOUT 60                             /* seconds, as of limits that nobody has set */

static struct NsConnExtra *
ExtraOf(NsConn *conn)
{
    NS_CHECK(conn, NS_CONN_MAGIC);
    if (conn->extra == NULL) {
        conn->extra = ns_calloc(1, sizeof(*conn->extra));
    }
    return conn->extra;
}

/* ----------------------------------------------------------------------------------------------------------- dates */

static Ns_Time *
DateOf(const Ns_Time *monotonic, Ns_Time *date)
{
    if (date->sec == 0 && monotonic->sec != 0) {
        NsMonotonicToDate(monotonic, date);
    }
    return date;
}

Ns_Time *
Ns_ConnAcceptTime(Ns_Conn *conn)
{
    return DateOf(&NsConnOf(conn)->acceptTime, &ExtraOf(NsConnOf(conn))->accept);
}

Ns_Time *
Ns_ConnQueueTime(Ns_Conn *conn)
{
    return DateOf(&NsConnOf(conn)->queueTime, &ExtraOf(NsConnOf(conn))->queue);
}

Ns_Time *
Ns_ConnDequeueTime(Ns_Conn *conn)
{
    return DateOf(&NsConnOf(conn)->dequeueTime, &ExtraOf(NsConnOf(conn))->dequeue);
}

Ns_Time *
Ns_ConnFilterTime(Ns_Conn *conn)
{
    return DateOf(&NsConnOf(conn)->filterDoneTime, &ExtraOf(NsConnOf(conn))->filter);
}

Ns_Time *
Ns_ConnTimeout(Ns_Conn *conn)
{
    NsConn      *self = NsConnOf(conn);
    Ns_Time     *timeout = &ExtraOf(self)->timeout;
    NsLimitsInfo info = {.timeout = TIMEOUT};

    if (timeout->sec == 0) {
        if (self->limits != NULL) {
            NsLimitsGet(self->limits, &info);
        }
        *timeout = *Ns_ConnAcceptTime(conn);
        Ns_IncrTime(timeout, info.timeout, 0);
    }
    return timeout;
}

/* ------------------------------------------------------------------------------------------------------- encodings */

Tcl_Encoding
Ns_ConnGetEncoding(const Ns_Conn *conn)
{
    return NsConnOutputEncoding(NsConnOf(ns_const2voidp(conn)));
}

/* A charset that is known by the encoding's name; NULL, logged: there is none. */
static const char *
CharsetOf(const Ns_Conn *conn, Tcl_Encoding encoding)
{
    const char *name = Tcl_GetEncodingName(encoding), *charset = name != NULL ? NsEncodingCharset(name) : NULL;

    if (charset == NULL || NsCharsetEncoding(charset) == NULL) {
        Ns_Log(Error, "%s: the encoding '%s' is that of no charset", conn->request.url, name != NULL ? name : "");
        charset = NULL;
    }
    return charset;
}

void
Ns_ConnSetEncoding(Ns_Conn *conn, Tcl_Encoding encoding)
{
    const char *charset = CharsetOf(conn, encoding);

    if (charset != NULL) {
        NsConnOf(conn)->outputEncoding = charset;
        NsConnOf(conn)->encoding = NsCharsetEncoding(charset);
    }
}

Tcl_Encoding
Ns_ConnGetUrlEncoding(const Ns_Conn *conn)
{
    const NsConn *self = (const NsConn *)conn;
    const char   *name = self->urlEncoding != NULL ? self->urlEncoding : self->server->opts.urlCharset;
    Tcl_Encoding  encoding = name != NULL ? NsCharsetEncoding(name) : NULL;

    return encoding != NULL ? encoding : NsCharsetEncoding("utf-8");
}

void
Ns_ConnSetUrlEncoding(Ns_Conn *conn, Tcl_Encoding encoding)
{
    const char *charset = CharsetOf(conn, encoding);

    if (charset != NULL) {
        NsConnOf(conn)->urlEncoding = charset;
    }
}

int
Ns_ConnGetCompression(const Ns_Conn *conn)
{
    return ((const NsConn *)conn)->compress;
}

void
Ns_ConnSetCompression(Ns_Conn *conn, int level)
{
    NsConnOf(conn)->compress = level < 0 ? 0 : level > 9 ? 9 : level;
}

/* ----------------------------------------------------------------------------------------------------------- the URL */

/* A fragment is the browser's own affair, and no part of what is asked for. */
static char *
WithoutFragment(const char *url)
{
    return ns_strncopy(url, (ssize_t)strcspn(url, "#"));
}

/* The strings stay as long as the request does, which has its first ones from the parser. */
static void
SetConnUrl(NsConn *conn, const char *url)
{
    struct NsConnExtra *extra = ExtraOf(conn);
    char               *copy = WithoutFragment(url);           /* it may be of the one before */

    if (extra->url != NULL) {
        Tcl_DStringFree(&extra->path);
        Tcl_DStringFree(&extra->parts);
        ns_free(extra->url);
    }
    Tcl_DStringInit(&extra->path);
    Tcl_DStringInit(&extra->parts);
    extra->url = copy;
    conn->pub.request.rawUrl = copy;
    NsRequestTakeUrl(&conn->pub.request, copy, &extra->path, &extra->parts);
}

/* One of Ns_ParseRequest: each string is by itself. */
static void
SetOwnUrl(Ns_Request *request, const char *url)
{
    const char *strings[] = {request->url, request->rawUrl, request->query, request->urlv};
    Tcl_DString path, parts;

    request->rawUrl = WithoutFragment(url);
    Tcl_DStringInit(&path);
    Tcl_DStringInit(&parts);
    NsRequestTakeUrl(request, request->rawUrl, &path, &parts);
    request->url = ns_strdup(request->url);
    request->query = ns_strcopy(request->query);
    request->urlv = ns_strdup(request->urlv);
    Tcl_DStringFree(&path);
    Tcl_DStringFree(&parts);
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        ns_free_const(strings[i]);
    }
}

Ns_ReturnCode
Ns_SetRequestUrl(Ns_Request *request, const char *url)
{
    NsConn *conn = NsInterpServing();

    if (*url != '/') {
        return NS_ERROR;
    }
    if (conn != NULL && request == &conn->pub.request) {
        SetConnUrl(conn, url);
    } else {
        SetOwnUrl(request, url);
    }
    return NS_OK;
}

/* ------------------------------------------------------------------------------------------------- the connection */

const Ns_UrlSpaceMatchInfo *
Ns_ConnGetUrlSpaceMatchInfo(const Ns_Conn *conn)
{
    return &((const NsConn *)conn)->match;
}

const char *
Ns_ConnLocation(Ns_Conn *conn)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    (void)Ns_ConnLocationAppend(conn, &ds);
    Tcl_DStringFree(&ds);
    return NsConnOf(conn)->location;
}

const char *
Ns_ConnPeer(const Ns_Conn *conn)
{
    return Ns_ConnPeerAddr(conn);
}

/* An address, if it is one of the families that there are. */
static bool
TakeAddress(const struct sockaddr *from, NsAddr *to)
{
    bool known = from->sa_family == AF_INET || from->sa_family == AF_INET6;

    if (known) {
        memcpy(to, from, from->sa_family == AF_INET ? sizeof(to->in) : sizeof(to->in6));
    }
    return known;
}

const char *
Ns_ConnSetPeer(Ns_Conn *conn, const struct sockaddr *saPtr, const struct sockaddr *clientsaPtr)
{
    NsConn *self = NsConnOf(conn);
    NsAddr  address;

    NS_CHECK(self, NS_CONN_MAGIC);
    if (saPtr != NULL && TakeAddress(saPtr, &address)) {
        NsPoolSetPeer(self, &address);
        self->peerAddr[0] = '\0';
    }
    if (clientsaPtr != NULL && TakeAddress(clientsaPtr, &address)) {
        self->forwardedKnown = true;
        self->forwardedAddr[0] = '\0';
        (void)ns_inet_ntop(&address.sa, self->forwardedAddr, sizeof(self->forwardedAddr));
    }
    return Ns_ConnPeerAddr(conn);
}

void
Ns_ConnSetContentSent(Ns_Conn *conn, size_t length)
{
    atomic_store_explicit(&NsConnOf(conn)->contentSent, length, memory_order_relaxed);
}
