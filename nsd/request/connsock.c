/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Requests of drivers by callbacks (driver/module.h): served by the module's requestProc, and what that may ask for.
 *
 * The connection thread alone.
 */
#include <limits.h>
#include "base/clock.h"
#include "driver/module.h"
#include "interp/interp.h"
#include "request/conn.h"

/* What modules look at, made when one asks; it lives as long as the request. */
typedef struct NsConnView {
    bool        haveSock, haveContent;
    Ns_Sock     sock;                          /* of a connection that no module's driver has accepted */
    Tcl_DString content;
} NsConnView;

static NsConnView *
ViewOf(const Ns_Conn *conn)
{
    NsConn *own = NsConnOf(ns_const2voidp(conn));

    NS_CHECK(own, NS_CONN_MAGIC);
    if (own->view == NULL) {
        own->view = ns_calloc(1u, sizeof(NsConnView));
    }
    return own->view;
}

void
NsConnViewFree(NsConn *conn)
{
    if (conn->view != NULL) {
        if (conn->view->haveContent) {
            Tcl_DStringFree(&conn->view->content);
        }
        ns_free(conn->view);
        conn->view = NULL;
    }
}

static NsModuleSock *
ModuleSock(const NsConn *conn)
{
    return conn->sock != NULL && conn->driver->byModule != NULL ? NsSockIo(conn->sock)->arg : NULL;
}

Ns_Sock *
Ns_ConnSockPtr(const Ns_Conn *conn)
{
    const NsConn *own = (const NsConn *)conn;
    NsModuleSock *sock = ModuleSock(own);
    NsConnView   *view;

    if (sock != NULL || own->sock == NULL) {
        return sock != NULL ? NsModulePub(sock) : NULL;
    }
    view = ViewOf(conn);
    if (!view->haveSock) {
        view->haveSock = true;
        view->sock.sock = NsSockIo(own->sock)->sock;
        view->sock.driver = &own->driver->pub;
        memcpy(&view->sock.sa, &own->sockInfo.peer, sizeof(own->sockInfo.peer));
    }
    return &view->sock;
}

NS_SOCKET
Ns_ConnSock(const Ns_Conn *conn)
{
    const NsConn *own = (const NsConn *)conn;

    return own->sock != NULL ? NsSockIo(own->sock)->sock : NS_INVALID_SOCKET;
}

Tcl_DString *
Ns_ConnSockContent(const Ns_Conn *conn)
{
    NsConnView *view = ViewOf(conn);

    if (!view->haveContent) {
        size_t len = Ns_ConnContentLength(conn);

        view->haveContent = true;
        Tcl_DStringInit(&view->content);
        if (len < INT_MAX) {
            Tcl_DStringAppend(&view->content, Ns_ConnContent(conn), (int)len);
        } else {
            Ns_Log(Error, "%s: Ns_ConnSockContent: the body has %zu bytes, more than a string of Tcl may have: it is left out", conn->request.url, len);
        }
    }
    return &view->content;
}

/* Without HTTP the module alone knows whether its peer may send more; Ns_ConnClose and a detached channel have decided already. */
static void
End(NsConn *conn, bool keep)
{
    NsSock *sock = conn->sock;

    conn->finished = true;
    if (sock != NULL) {
        keep = keep && NsModuleKeep(ModuleSock(conn));
        conn->sock = NULL;
        conn->pub.flags |= NS_CONN_CLOSED;
        NsSockReturn(sock, keep);
    }
}

void
NsConnRunByDriver(NsConn *conn)
{
    const Ns_DriverInitData *procs = &conn->driver->byModule->init;
    Ns_ReturnCode            status = NS_ERROR;

    NsGetMonotonicTime(&conn->filterDoneTime);
    if (!conn->refused) {
        status = procs->requestProc(procs->arg, &conn->pub);
    }
    if (conn->http->raw) {
        End(conn, status == NS_OK);
    } else if (status != NS_OK) {
        conn->keepAlive = false;
    }
}
