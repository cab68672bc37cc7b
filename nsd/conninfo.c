/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What can be asked about a request: the accessors of ns.h.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "conn.h"
#include "http/url.h"

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

/* The first one is what the proxy nearest to the client has put there. */
bool
NsConnForwardedAddr(const NsConn *conn, Tcl_DString *ds)
{
    const char *value = Ns_SetIGet(conn->pub.headers, "x-forwarded-for");
    size_t      len;

    if (value == NULL) {
        return false;
    }
    value += strspn(value, " \t");
    len = strcspn(value, ", \t");
    Tcl_DStringAppend(ds, value, (int)len);
    return len > 0u;
}

bool
NsBehindProxy(void)
{
    return Ns_ConfigBool("ns/parameters/reverseproxymode", "enabled",
                         Ns_ConfigBool("ns/reverseproxymode", "enabled",
                                       Ns_ConfigBool("ns/parameters", "reverseproxymode", false)));
}

const char *
NsConnClientAddr(const NsConn *conn, Tcl_DString *ds)
{
    if (!NsBehindProxy() || !NsConnForwardedAddr(conn, ds)) {
        Tcl_DStringAppend(ds, Ns_ConnPeerAddr(&conn->pub), -1);
    }
    return Tcl_DStringValue(ds);
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
        if (NsHostPortParse(value, strlen(value), false, &host, &port)) {
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

char *
Ns_ConnLocationAppend(Ns_Conn *conn, Tcl_DString *ds)
{
    NsConn *self = NsConnOf(conn);

    if (self->location == NULL) {
        Tcl_DString location;

        Tcl_DStringInit(&location);
        NsDriverAppendLocation(self->driver, Ns_SetIGet(conn->headers, "host"), &location);
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
    const char *body = ((const NsConn *)conn)->http->body;

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

const Ns_Time *
Ns_ConnStartTime(const Ns_Conn *conn)
{
    return &((const NsConn *)conn)->acceptTime;
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
