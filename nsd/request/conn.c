/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A request in its connection thread: its life, and the stages it goes through.
 */
#include <string.h>
#include "base/clock.h"
#include "driver/module.h"
#include "request/auth.h"
#include "request/conn.h"
#include "request/connio.h"
#include "request/filter.h"
#include "http/head.h"
#include "interp/interp.h"
#include "request/op.h"
#include "request/return.h"

NsConn *
NsConnCreate(NsServer *server, NsPool *pool, NsSock *sock, NsHttpRequest *request)
{
    static atomic_uintptr_t lastId;
    NsConn                 *conn = ns_calloc(1u, sizeof(NsConn));

    conn->magic = NS_CONN_MAGIC;
    conn->id = atomic_fetch_add_explicit(&lastId, 1u, memory_order_relaxed);
    conn->server = server;
    conn->pool = pool;
    conn->sock = sock;
    conn->sockInfo = *NsSockGetInfo(sock);
    conn->driver = conn->sockInfo.driver;
    conn->http = request;
    conn->pub.request = request->request;
    conn->pub.headers = request->headers;
    conn->pub.outputheaders = Ns_SetCreateNoCase("response headers");
    conn->pub.contentLength = request->bodyLen;
    if (strcmp(request->request.method, "HEAD") == 0) {
        conn->pub.flags |= NS_CONN_SKIPBODY;
    }
    if (conn->driver->byModule != NULL) {
        conn->byDriver = conn->driver->byModule->init.requestProc != NULL;
        conn->pub.flags |= request->raw ? NS_CONN_SKIPHDRS : 0u;
    }
    conn->acceptTime = conn->sockInfo.requestTime;
    NsGetMonotonicTime(&conn->queueTime);
    conn->status = 200;
    conn->compress = server->opts.compressLevel;
    conn->keepAliveWish = -1;
    conn->match.offset = -1;
    conn->responseLength = -1;
    return conn;
}

static void
FreeExtra(NsConn *conn)
{
    if (conn->extra != NULL) {
        if (conn->extra->url != NULL) {
            Tcl_DStringFree(&conn->extra->path);
            Tcl_DStringFree(&conn->extra->parts);
            ns_free(conn->extra->url);
        }
        ns_free(conn->extra);
        conn->extra = NULL;
    }
}

void
NsConnFree(NsConn *conn)
{
    NS_CHECK(conn, NS_CONN_MAGIC);
    NS_ASSERT(conn->sock == NULL);
    if (conn->interp != NULL) {
        NsInterpFreeConn(conn->interp);
        NsInterpGive(conn->interp);
    }
    NsConnFormFree(conn);
    NsConnViewFree(conn);
    NsHttpRequestFree(conn->http);
    Ns_SetFree(conn->pub.outputheaders);
    Ns_SetFree(conn->auth);
    ns_free(conn->clientData);
    ns_free(conn->location);
    ns_free(conn->serverRoot);
    FreeExtra(conn);
    ns_free(conn->host);
    ns_free(conn->authUser);
    ns_free(conn->authPasswd);
    conn->magic = NS_SPOILED;
    ns_free(conn);
}

/* It has waited for too long to be run. */
static void
Refuse(NsConn *conn)
{
    Ns_SetIUpdate(conn->pub.outputheaders, "retry-after", "5");
    (void)NsReturnErrorPage(conn, 503);
    NsGetMonotonicTime(&conn->filterDoneTime);
}

/* Filters, permission, and who answers; each says whether to go on. */
static void
RunStages(NsConn *conn)
{
    Ns_ReturnCode status;

    NsOpServeHead(conn);
    status = NsFilterRun(conn, NS_FILTER_PRE_AUTH);
    if (status == NS_OK) {
        status = NsAuthorizeConn(conn);
    }
    if (status == NS_OK) {
        status = NsFilterRun(conn, NS_FILTER_POST_AUTH);
    }
    NsGetMonotonicTime(&conn->filterDoneTime);
    if (status == NS_OK) {
        (void)NsOpRun(conn);
    }
}

void
NsConnRun(NsConn *conn)
{
    NS_CHECK(conn, NS_CONN_MAGIC);
    NsInterpServe(conn);
    if (__builtin_expect(conn->byDriver && (!conn->refused || conn->http->raw), 0)) {
        NsConnRunByDriver(conn);
    } else if (__builtin_expect(conn->refused, 0)) {
        Refuse(conn);
    } else {
        RunStages(conn);
    }
    NsGetMonotonicTime(&conn->runDoneTime);
    NsConnFinish(conn);
    if (!conn->http->raw) {
        (void)NsFilterRun(conn, NS_FILTER_TRACE);
        (void)NsFilterRun(conn, NS_FILTER_VOID_TRACE);
    }
    NsInterpServe(NULL);
    if (conn->interp != NULL) {
        /* Here, and not when it is freed: what its end runs may still ask for the request. */
        NsInterpFreeConn(conn->interp);
        NsInterpGive(conn->interp);
        conn->interp = NULL;
    }
}

Ns_ReturnCode
NsConnDetach(NsConn *conn, NsDetached *detached)
{
    NS_CHECK(conn, NS_CONN_MAGIC);
    if (conn->sock == NULL || conn->driver->datagrams) {
        return NS_ERROR;                       /* datagrams have no connection that a channel could be */
    }
    NsSockDetach(conn->sock, detached);
    conn->sock = NULL;
    conn->finished = true;
    conn->pub.flags |= NS_CONN_CLOSED | NS_CONN_DETACHED;
    return NS_OK;
}
