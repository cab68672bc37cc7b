/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket sessions that this side asks for.  The channel connects in the background; then the worker sends the request, and
 * reads the answer, before the session begins.
 */
#include <string.h>
#include "base/random.h"
#include "channel/client.h"
#include "http/response.h"
#include "http/url.h"
#include "ws/handshake.h"
#include "websocket/int.h"

static const NsResponseLimits limits = {16 * 1024, 100};

/* Only until the answer is there. */
typedef struct Handshake {
    char              key[NS_WS_KEY_LEN + 1];
    char             *protocols;
    NsWsDeflateConfig config;
    NsResponseParser *parser;
    int64_t           due;                     /* the whole must be over */
} Handshake;

void
NsWsClientFree(WsSession *session)
{
    Handshake *handshake = session->handshake;

    if (handshake != NULL) {
        session->handshake = NULL;
        NsResponseParserFree(handshake->parser);
        ns_free(handshake->protocols);
        ns_free(handshake);
    }
}

/* ---- URLs ---- */

typedef struct Target {
    Tcl_DString    host, authority, path;      /* the authority is for the Host header: the port only if it is not the scheme's */
    unsigned short port;
    bool           tls;
} Target;

/* As it is in the URL, at `at`; but only an IPv6 address has brackets. */
static void
AppendAuthority(const NsUrl *parts, const char *at, Tcl_DString *authority)
{
    if (*at == '[' && memchr(parts->host.start, ':', parts->host.len) == NULL) {
        Tcl_DStringAppend(authority, parts->host.start, (int)parts->host.len);
        if (parts->port.start != NULL) {
            Tcl_DStringAppend(authority, ":", 1);
            Tcl_DStringAppend(authority, parts->port.start, (int)parts->port.len);
        }
    } else {
        Tcl_DStringAppend(authority, at, (int)strcspn(at, "/?"));
    }
}

static bool
ParseTarget(const char *url, Target *target, Tcl_DString *error)
{
    NsUrl       parts;
    const char *reason = NULL, *rest;
    int         port;

    if (strncasecmp(url, "wss://", 6u) == 0) {
        target->tls = true;
    } else if (strncasecmp(url, "ws://", 5u) != 0) {
        reason = "must begin with ws:// or wss://";
    }
    if (reason == NULL && (!NsUrlParse(url, strlen(url), false, &parts, &reason) || parts.host.start == NULL)) {
        reason = reason != NULL ? reason : "no host";
    }
    if (reason == NULL && strchr(url, '#') != NULL) {
        reason = "a fragment is not allowed";  /* RFC 6455, section 3 */
    }
    if (reason != NULL) {
        Tcl_DStringAppend(error, "invalid URL '", -1);
        Tcl_DStringAppend(error, url, -1);
        Tcl_DStringAppend(error, "': ", -1);
        Tcl_DStringAppend(error, reason, -1);
        return false;
    }
    port = parts.port.start != NULL ? NsPortNumber(parts.port) : target->tls ? 443 : 80;
    if (port <= 0) {
        Tcl_DStringAppend(error, "invalid port in URL '", -1);
        Tcl_DStringAppend(error, url, -1);
        Tcl_DStringAppend(error, "'", 1);
        return false;
    }
    target->port = (unsigned short)port;
    Tcl_DStringAppend(&target->host, parts.host.start, (int)parts.host.len);
    rest = strstr(url, "://") + 3;
    AppendAuthority(&parts, rest, &target->authority);
    if (strchr(Tcl_DStringValue(&target->authority), '@') != NULL) {
        Tcl_DStringAppend(error, "invalid URL: user and password are not supported", -1);
        return false;
    }
    rest += strcspn(rest, "/?");
    if (*rest != '/') {
        Tcl_DStringAppend(&target->path, "/", 1);
    }
    Tcl_DStringAppend(&target->path, rest, -1);
    return true;
}

/* ---- connecting ---- */

static bool
ComposeRequest(WsSession *session, const Target *target, const Ns_WebSocketParams *params, Tcl_DString *error)
{
    Handshake  *handshake = ns_calloc(1u, sizeof(Handshake));
    uint8_t     random[16];
    Tcl_DString offer, head;
    bool        fine;

    session->handshake = handshake;
    handshake->protocols = params->protocols != NULL ? ns_strdup(params->protocols) : NULL;
    handshake->config = (NsWsDeflateConfig){
        /* A message that is dropped when it was compressed already must not be one that others refer to. */
        .enabled = params->deflate, .takeover = params->takeover && params->slow != NS_WEBSOCKET_SLOW_LATEST,
        .peerTakeover = params->peerTakeover,
        .bits = (uint8_t)params->deflateBits, .level = params->deflateLevel
    };
    handshake->parser = NsResponseParserCreate(&limits, false);
    NsRandomBytes(random, sizeof(random));
    NsWsMakeKey(random, handshake->key);
    Tcl_DStringInit(&offer);
    Tcl_DStringInit(&head);
    if (params->deflate) {
        NsWsDeflateOffer(&handshake->config, &offer);
    }
    fine = NsWsRequestHead(Tcl_DStringValue(&target->authority), Tcl_DStringValue(&target->path), handshake->key,
                           params->protocols, Tcl_DStringValue(&offer), params->headers, &head);
    if (fine) {
        session->head = ns_strdup(Tcl_DStringValue(&head));
        NsWsSetTexts(session, (const char *[WS_TEXTS]){[WS_PATH] = Tcl_DStringValue(&target->path), [WS_DATA] = params->data});
    } else {
        Tcl_DStringAppend(error, "the URL, a protocol or a header cannot be sent, or is the handshake's own", -1);
    }
    Tcl_DStringFree(&offer);
    Tcl_DStringFree(&head);
    return fine;
}

NsChan *
Ns_WebSocketConnect(NsServer *server, const char *url, const Ns_ConnChanConnectParams *connect,
                    const Ns_WebSocketParams *params, const Ns_WebSocketHandler *handler, Tcl_DString *error)
{
    WsSession               *session = NsWsSessionCreate(server, true, params, handler);
    Ns_ConnChanConnectParams to = {.timeout = {5, 0}};
    Target                   target = {0};
    NsChan                  *chan = NULL;

    Tcl_DStringInit(&target.host);
    Tcl_DStringInit(&target.authority);
    Tcl_DStringInit(&target.path);
    if (connect != NULL) {
        to = *connect;
    }
    if (ParseTarget(url, &target, error) && ComposeRequest(session, &target, params, error)) {
        to.host = Tcl_DStringValue(&target.host);
        to.port = target.port;
        to.tls = target.tls;
        session->tls = target.tls;
        ((Handshake *)session->handshake)->due = NsLoopClock() + Ns_TimeToMilliseconds(&to.timeout);
        chan = Ns_ConnChanConnectStart(server, &to, error);
    }
    if (chan == NULL) {
        NsWsClientFree(session);
        NsWsSessionFree(server, session);
    } else if (!NsWsSessionStart(chan, session)) {
        Tcl_DStringAppend(error, "the channel was closed", -1);
        Ns_ConnChanRelease(chan);
        chan = NULL;
    }
    Tcl_DStringFree(&target.host);
    Tcl_DStringFree(&target.authority);
    Tcl_DStringFree(&target.path);
    return chan;
}

/* ---- the worker ---- */

int64_t
NsWsClientDue(const WsSession *session)
{
    const Handshake *handshake = session->handshake;

    return handshake != NULL ? handshake->due : 0;
}

void
NsWsClientFail(WsSession *session, const char *reason)
{
    WS_COUNT(session->chan->server, connectFailed);
    NsWsFail(session, 1006, reason);
}

void
NsWsClientConnected(NsChan *chan, const char *error, int code)
{
    WsSession *session = chan->session;

    (void)code;
    if (error != NULL) {
        NsWsClientFail(session, error);
        return;
    }
    NsWsCork(chan, false);
    NsWsCorkRaw(chan, session->head, strlen(session->head));
    NsWsUncork(chan);
    ns_free(session->head);
    session->head = NULL;
}

/* The answer's head is there.  NULL: all is well. */
static const char *
TakeAnswer(WsSession *session, Handshake *handshake, const NsResponseHead *head)
{
    Tcl_DString protocol, extensions;
    const char *wrong;

    Tcl_DStringInit(&protocol);
    Tcl_DStringInit(&extensions);
    wrong = NsWsAnswerCheck(head->status, head->headers, handshake->key, handshake->protocols, &protocol);
    if (wrong == NULL && head->version < 1.1) {
        wrong = "the answer is not HTTP/1.1";  /* RFC 6455, section 4.1: nobody switches protocols in HTTP/1.0 */
    }
    if (wrong == NULL) {
        NsWsJoinHeaders(head->headers, "sec-websocket-extensions", &extensions);
        if (Tcl_DStringLength(&extensions) > 0
            && !NsWsDeflateAccept(Tcl_DStringValue(&extensions), &handshake->config, &session->deflate, &wrong)
            && wrong == NULL) {
            wrong = "the server chose an extension that was not offered";
        }
    }
    if (wrong == NULL) {
        NsWsSetTexts(session, (const char *[WS_TEXTS]){
            [WS_PROTOCOL] = Tcl_DStringValue(&protocol), [WS_EXTENSIONS] = Tcl_DStringValue(&extensions),
            [WS_PATH] = NsWsText(session, WS_PATH), [WS_DATA] = NsWsText(session, WS_DATA)
        });
    }
    Tcl_DStringFree(&protocol);
    Tcl_DStringFree(&extensions);
    return wrong;
}

static void
Refused(WsSession *session, const NsResponseHead *head, const char *wrong)
{
    char text[123];

    snprintf(text, sizeof(text), head->status == 101 ? "%s" : "%s: status %d", wrong, head->status);
    NsWsClientFail(session, text);
}

void
NsWsClientAnswer(WsSession *session, uint8_t *data, size_t len)
{
    Handshake       *handshake = session->handshake;
    size_t           pos = 0u;
    NsResponseResult result = NS_RESPONSE_MORE;
    NsSpan           body;

    while (pos < len && (result == NS_RESPONSE_MORE || result == NS_RESPONSE_HEAD)) {
        size_t used = 0u;

        result = NsResponseFeed(handshake->parser, (const char *)data + pos, len - pos, &used, &body);
        pos += used;
        if (result == NS_RESPONSE_HEAD) {
            const NsResponseHead *head = NsResponseGetHead(handshake->parser);
            const char           *wrong = TakeAnswer(session, handshake, head);

            if (wrong != NULL) {
                Refused(session, head, wrong);
                return;
            }
            break;
        }
    }
    if (result == NS_RESPONSE_ERROR) {
        NsWsClientFail(session, NsResponseError(handshake->parser));
    } else if (result == NS_RESPONSE_HEAD) {
        NsWsClientFree(session);
        WS_COUNT(session->chan->server, connected);
        NsWsOpened(session);
        NsWsFeed(session, data + pos, len - pos);
    }
}
