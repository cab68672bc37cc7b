/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket sessions that are asked for: a request is checked, and its connection becomes a session.  The connection thread
 * does what can be refused; the 101 itself is sent by the worker, together with what the handler's `open` sends.
 */
#include <string.h>
#include "request/conn.h"
#include "ws/handshake.h"
#include "websocket/int.h"

/* ---- sessions per address ---- */

struct WsAddress {
    Tcl_HashEntry *entry;
    unsigned       sessions;
};

struct WsAddresses {
    pthread_mutex_t lock;
    Tcl_HashTable   byAddress;                 /* text -> WsAddress */
};

void
NsWsAcceptInitServer(NsServer *server)
{
    struct WsAddresses *addresses = ns_calloc(1u, sizeof(struct WsAddresses));

    pthread_mutex_init(&addresses->lock, NULL);
    Tcl_InitHashTable(&addresses->byAddress, TCL_STRING_KEYS);
    NsWebSocketsOf(server)->addresses = addresses;
}

/* Count one more for this address; NULL: there are `most` already. */
static WsAddress *
TakeAddress(NsServer *server, const char *peer, unsigned most)
{
    struct WsAddresses *addresses = NsWebSocketsOf(server)->addresses;
    WsAddress          *address;
    Tcl_HashEntry      *entry;
    int                 isNew;

    pthread_mutex_lock(&addresses->lock);
    entry = Tcl_CreateHashEntry(&addresses->byAddress, peer, &isNew);
    if (isNew) {
        address = ns_calloc(1u, sizeof(WsAddress));
        address->entry = entry;
        Tcl_SetHashValue(entry, address);
    }
    address = Tcl_GetHashValue(entry);
    if (address->sessions < most) {
        address->sessions++;
    } else {
        address = NULL;
    }
    pthread_mutex_unlock(&addresses->lock);
    return address;
}

void
NsWsAddressRelease(NsServer *server, WsAddress *address)
{
    struct WsAddresses *addresses = NsWebSocketsOf(server)->addresses;

    if (address != NULL) {
        pthread_mutex_lock(&addresses->lock);
        if (--address->sessions == 0u) {
            Tcl_DeleteHashEntry(address->entry);
            ns_free(address);
        }
        pthread_mutex_unlock(&addresses->lock);
    }
}

/* ---- refusing ---- */

static void
Refuse(Ns_Conn *conn, int status, const char *title, const char *reason, Tcl_DString *error)
{
    Tcl_DStringAppend(error, reason, -1);
    if (status == 426) {
        Ns_ConnSetHeaders(conn, "Upgrade", "websocket");
        Ns_ConnSetHeaders(conn, "Connection", "Upgrade");
        Ns_ConnSetHeaders(conn, "Sec-WebSocket-Version", "13");
    }
    (void)Ns_ConnReturnNotice(conn, status, title, reason);
}

static bool
CheckRequest(Ns_Conn *conn, NsServer *server, const Ns_WebSocketParams *params, Tcl_DString *error)
{
    const char *reason = NULL;
    int         status = NsWsHandshakeCheck(conn->request.method, conn->request.version, conn->headers, &reason);
    const char *origin = Ns_SetIGet(conn->headers, "origin");

    if (status != 0) {
        WS_COUNT(server, refusedHandshake);
        Refuse(conn, status, status == 426 ? "Upgrade Required" : "Bad Request", reason, error);
        return false;
    }
    if (!NsWsOriginAllowed(params->origins, origin, Ns_SetIGet(conn->headers, "host"))) {
        WS_COUNT(server, refusedOrigin);
        NsWsRefuseOrigin(conn, params->origins, origin, error);
        return false;
    }
    return true;
}

/* ---- accepting ---- */

/* What is agreed on, and the answer's head.  False: refused. */
static bool
Negotiate(Ns_Conn *conn, WsSession *session, const Ns_WebSocketParams *params, Tcl_DString *error)
{
    NsServer         *server = NsConnOf(conn)->server;
    NsWsDeflateConfig config = {
        /* A message that is dropped when it was compressed already must not be one that others refer to. */
        .enabled = params->deflate, .takeover = params->takeover && params->slow != NS_WEBSOCKET_SLOW_LATEST,
        .peerTakeover = params->peerTakeover,
        .bits = (uint8_t)params->deflateBits, .level = params->deflateLevel
    };
    Tcl_DString protocol, offers, extensions, head;
    bool        fine;

    Tcl_DStringInit(&protocol);
    Tcl_DStringInit(&offers);
    Tcl_DStringInit(&extensions);
    Tcl_DStringInit(&head);
    (void)NsWsChooseProtocol(conn->headers, params->protocols, &protocol);
    NsWsJoinHeaders(conn->headers, "sec-websocket-extensions", &offers);
    fine = NsWsDeflateNegotiate(Tcl_DStringValue(&offers), &config, &session->deflate, &extensions);
    if (!fine) {
        WS_COUNT(server, refusedHandshake);
        Refuse(conn, 400, "Bad Request", "malformed header Sec-WebSocket-Extensions", error);
    } else if (!NsWsAnswerHead(conn->headers, Tcl_DStringValue(&protocol), Tcl_DStringValue(&extensions), params->headers,
                               &head)) {
        fine = false;
        Tcl_DStringAppend(error, "a header for the answer cannot be sent, or is the handshake's own", -1);
        (void)Ns_ConnReturnInternalError(conn);
    } else {
        session->head = ns_strdup(Tcl_DStringValue(&head));
        NsWsSetTexts(session, (const char *[WS_TEXTS]){
            [WS_PROTOCOL] = Tcl_DStringValue(&protocol), [WS_EXTENSIONS] = Tcl_DStringValue(&extensions),
            [WS_PATH] = conn->request.url, [WS_ORIGIN] = Ns_SetIGet(conn->headers, "origin"), [WS_DATA] = params->data
        });
    }
    Tcl_DStringFree(&protocol);
    Tcl_DStringFree(&offers);
    Tcl_DStringFree(&extensions);
    Tcl_DStringFree(&head);
    return fine;
}

/* The session's place among those of its address.  False: refused. */
static bool
CountAddress(Ns_Conn *conn, WsSession *session, const Ns_WebSocketParams *params, Tcl_DString *error)
{
    NsServer *server = NsConnOf(conn)->server;

    if (params->maxPerIp > 0u) {
        session->address = TakeAddress(server, Ns_ConnConfiguredPeerAddr(conn), params->maxPerIp);
        if (session->address == NULL) {
            WS_COUNT(server, refusedPerIp);
            Refuse(conn, 429, "Too Many Requests", "too many connections from this address", error);
            return false;
        }
    }
    return true;
}

static NsChan *
Detach(Ns_Conn *conn, WsSession *session, Tcl_DString *error)
{
    NsServer *server = NsConnOf(conn)->server;
    NsChan   *chan;

    Ns_ConnSetResponseStatus(conn, 101);
    chan = Ns_ConnChanDetach(conn);
    if (chan == NULL) {
        Tcl_DStringAppend(error, "the connection is gone, or was detached already", -1);
        NsWsAddressRelease(server, session->address);
        NsWsSessionFree(server, session);
    } else if (!NsWsSessionStart(chan, session)) {
        Tcl_DStringAppend(error, "the channel was closed", -1);
        Ns_ConnChanRelease(chan);
        chan = NULL;
    } else {
        WS_COUNT(server, accepted);
    }
    return chan;
}

NsChan *
Ns_WebSocketAccept(Ns_Conn *conn, const Ns_WebSocketParams *params, const Ns_WebSocketHandler *handler, Tcl_DString *error)
{
    NsServer   *server = NsConnOf(conn)->server;
    WsSession  *session = NsWsSessionCreate(server, false, params, handler);
    NsChan     *chan = NULL;

    if ((conn->flags & NS_CONN_CLOSED) != 0u) {
        Tcl_DStringAppend(error, "the connection is gone, or was detached already", -1);
    } else if (CheckRequest(conn, server, params, error) && Negotiate(conn, session, params, error)
               && CountAddress(conn, session, params, error)) {
        chan = Detach(conn, session, error);
        session = NULL;
    }
    if (session != NULL) {
        NsWsSessionFree(server, session);
    }
    return chan;
}
