/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What can be asked about a request: the accessors of ns.h.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/clock.h"
#include "driver/spool.h"
#include "http/url.h"
#include "interp/interp.h"
#include "request/conn.h"
#include "request/hostproc.h"
#include "request/proxy.h"

static unsigned short
PortOf(const NsAddr *addr)
{
    return ntohs(addr->sa.sa_family == AF_INET6 ? addr->in6.sin6_port : addr->in.sin_port);
}

static const char *
AddressOf(const NsAddr *addr, char *buffer, size_t size)
{
    if (*buffer == '\0') {
        (void)ns_inet_ntop(&addr->sa, buffer, size);
    }
    return buffer;
}

const char *
Ns_ConnServer(const Ns_Conn *conn)
{
    return ((const NsConn *)conn)->server->name;
}

const char *
Ns_ConnDriverName(const Ns_Conn *conn)
{
    return ((const NsConn *)conn)->driver->module;
}

const char *
Ns_ConnPeerAddr(const Ns_Conn *conn)
{
    NsConn *self = (NsConn *)(uintptr_t)conn;

    return AddressOf(&self->sockInfo.peer, self->peerAddr, sizeof(self->peerAddr));
}

static void
FindForwarded(NsConn *conn)
{
    NsIp client;

    if (!conn->forwardedKnown) {
        conn->forwardedKnown = true;
        if (NsProxyClient(conn->pub.headers, &client)) {
            (void)NsIpText(&client, conn->forwardedAddr);
        }
    }
}

const char *
Ns_ConnForwardedPeerAddr(const Ns_Conn *conn)
{
    NsConn *self = (NsConn *)(uintptr_t)conn;

    FindForwarded(self);
    return self->forwardedAddr;
}

const char *
Ns_ConnConfiguredPeerAddr(const Ns_Conn *conn)
{
    const char *address = NsProxyHandled((const NsConn *)conn) ? Ns_ConnForwardedPeerAddr(conn) : "";

    return *address != '\0' ? address : Ns_ConnPeerAddr(conn);
}

unsigned short
Ns_ConnPeerPort(const Ns_Conn *conn)
{
    return PortOf(&((const NsConn *)conn)->sockInfo.peer);
}

const char *
Ns_ConnCurrentAddr(const Ns_Conn *conn)
{
    NsConn *self = (NsConn *)(uintptr_t)conn;

    return AddressOf(&self->sockInfo.local, self->localAddr, sizeof(self->localAddr));
}

unsigned short
Ns_ConnCurrentPort(const Ns_Conn *conn)
{
    return PortOf(&((const NsConn *)conn)->sockInfo.local);
}

/* The authority of an absolute URL in the request line goes before the Host header (RFC 9112, 3.2.2). */
static void
FindHost(NsConn *conn)
{
    const char *value = Ns_SetIGet(conn->pub.headers, "host");
    NsSpan      host, port;

    if (conn->port != 0) {
        return;
    }
    conn->port = Ns_ConnCurrentPort(&conn->pub);
    if (conn->http->request.host != NULL) {
        conn->host = ns_strdup(conn->http->request.host);
        if (conn->http->request.port != 0) {
            conn->port = conn->http->request.port;
        }
    } else if (value != NULL && *value != '\0') {
        size_t len = strlen(value);

        if (len > 1 && value[len - 1] == ':') {        /* as if it had no port */
            len--;
        }
        if (NsHostPortParse(value, len, false, &host, &port)) {
            conn->host = ns_strncopy(host.start, (ssize_t)host.len);
            if (port.start != NULL && NsPortNumber(port) > 0) {
                conn->port = NsPortNumber(port);
            }
        } else {
            conn->host = ns_strdup(value);
        }
    }
}

const char *
Ns_ConnHost(const Ns_Conn *conn)
{
    NsConn *self = (NsConn *)(uintptr_t)conn;

    FindHost(self);
    return self->host;
}

int
NsConnPort(NsConn *conn)
{
    FindHost(conn);
    return conn->port;
}

/*
 * What a trusted proxy says of the scheme and the host that the client has used; the host counts only if it is one of ours.
 * False: nothing.
 */
static bool
ForwardedLocation(const NsConn *conn, Tcl_DString *ds)
{
    const char *proto = Ns_SetIGet(conn->pub.headers, "x-forwarded-proto");
    const char *given = Ns_SetIGet(conn->pub.headers, "x-forwarded-host");
    const char *host = given != NULL ? given : Ns_SetIGet(conn->pub.headers, "host");
    NsSpan      name, port;
    char       *plain;
    bool        ours;

    if ((proto == NULL && given == NULL) || !NsProxyHandled(conn) || host == NULL
        || !NsHostPortParse(host, strlen(host), true, &name, &port)) {
        return false;
    }
    if (proto == NULL || (strcasecmp(proto, "http") != 0 && strcasecmp(proto, "https") != 0)) {
        proto = conn->driver->init.protocol;
    }
    plain = ns_strncopy(name.start, (ssize_t)name.len);
    ours = NsDriverKnowsHost(conn->driver, plain);
    ns_free(plain);
    if (ours) {
        Tcl_DStringAppend(ds, proto, -1);
        Tcl_DStringAppend(ds, "://", 3);
        Tcl_DStringAppend(ds, host, -1);
        Tcl_DStringSetLength(ds, Tcl_UtfToLower(Tcl_DStringValue(ds)));
    }
    return ours;
}

char *
Ns_ConnLocationAppend(Ns_Conn *conn, Tcl_DString *ds)
{
    NsConn *self = NsConnOf(conn);

    if (self->location == NULL) {
        Tcl_DString location;

        Tcl_DStringInit(&location);
        if (!NsHostLocation(self, &location) && !ForwardedLocation(self, &location)) {
            NsDriverAppendLocation(self->driver, Ns_SetIGet(conn->headers, "host"), &location);
        }
        ns_free(self->location);               /* a proc has asked for it meanwhile */
        self->location = ns_strdup(Tcl_DStringValue(&location));
        Tcl_DStringFree(&location);
    }
    return Tcl_DStringAppend(ds, self->location, -1);
}

uintptr_t
Ns_ConnId(const Ns_Conn *conn)
{
    return ((const NsConn *)conn)->id;
}

const char *
Ns_ConnContent(const Ns_Conn *conn)
{
    const NsHttpRequest *http = ((const NsConn *)conn)->http;
    const char          *body = http->spool != NULL ? NsSpoolBytes(http->spool) : http->body;

    return body != NULL ? body : "";
}

int
Ns_ConnResponseStatus(const Ns_Conn *conn)
{
    return ((const NsConn *)conn)->status;
}

void
Ns_ConnSetResponseStatus(Ns_Conn *conn, int status)
{
    NsConnOf(conn)->status = status;
    NsConnOf(conn)->statusSet = true;
}

size_t
Ns_ConnContentSent(const Ns_Conn *conn)
{
    return ((const NsConn *)conn)->contentSent;
}

Ns_Time *
Ns_ConnStartTime(Ns_Conn *conn)
{
    NsConn *own = NsConnOf(conn);

    if (own->startTime.sec == 0) {
        NsMonotonicToDate(&own->acceptTime, &own->startTime);
    }
    return &own->startTime;
}

const char *
Ns_ConnClientData(const Ns_Conn *conn)
{
    return ((const NsConn *)conn)->clientData;
}

void
Ns_ConnSetClientData(Ns_Conn *conn, const char *data)
{
    NsConn *self = NsConnOf(conn);
    char   *old = self->clientData;

    self->clientData = ns_strdup(data);
    ns_free(old);
    if (self->sock != NULL) {
        NsSockSetClientData(self->sock, data);
    }
}

Tcl_Interp *
NsConnInterp(NsConn *conn)
{
    NS_CHECK(conn, NS_CONN_MAGIC);
    if (conn->interp == NULL) {
        conn->interp = NsInterpTake(conn->server);
        NsInterpSetConn(conn->interp, conn);
    }
    return conn->interp;
}

size_t
Ns_ConnBytesSent(const Ns_Conn *conn)
{
    const NsConn *self = (const NsConn *)conn;

    return self->headSent + self->contentSent;
}

/* 0 when one of both has not come yet. */
static void
Span(Ns_Time *result, const Ns_Time *from, const Ns_Time *to)
{
    if (result != NULL && (from->sec == 0 || to->sec == 0 || Ns_DiffTime(to, from, result) < 0)) {
        *result = (Ns_Time){0, 0};
    }
}

void
Ns_ConnStageTimes(const Ns_Conn *conn, Ns_Time *accept, Ns_Time *queue, Ns_Time *filter, Ns_Time *run, Ns_Time *total)
{
    const NsConn *self = (const NsConn *)conn;
    Ns_Time       now;

    NsGetMonotonicTime(&now);
    Span(accept, &self->acceptTime, &self->queueTime);
    Span(queue, &self->queueTime, &self->dequeueTime);
    Span(filter, &self->dequeueTime, &self->filterDoneTime);
    Span(run, &self->filterDoneTime, &self->runDoneTime);
    Span(total, &self->acceptTime, &now);
}
