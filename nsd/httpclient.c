/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A request to another server: connect, send, receive, each with its deadline.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include "httpclient.h"

#define BUFFER_SIZE 65536

static const NsResponseLimits limits = {256 * 1024, 1000};

typedef struct Exchange {
    const NsHttpCall *call;
    NsHttpOutcome    *outcome;
    Ns_Sock           sock;
    bool              reused;                  /* the connection had been kept: it may turn out to be dead */
    NsResponseParser *parser;
    Ns_Time           start, expires;          /* expires.sec 0: never */
    char             *buffer;
    /* sending: what of these is not sent yet */
    struct iovec      iov[2];
    bool              sending;                 /* there is more to send */
    bool              bodyEnd;                 /* readBody has no more */
    bool              consumed;                /* readBody was called: the body cannot be sent again */
    char             *sendBuffer;
    bool              anyByte;                 /* of the response */
} Exchange;

/* ------------------------------------------------------------------------------------------------------------ waiting */

static void
SetError(Exchange *exchange, const char *text)
{
    Tcl_DStringSetLength(&exchange->outcome->error, 0);
    Tcl_DStringAppend(&exchange->outcome->error, text, -1);
}

static bool
IsZero(const Ns_Time *time)
{
    return time->sec == 0 && time->usec == 0;
}

static Ns_ReturnCode
TimedOut(Exchange *exchange)
{
    Ns_Time now, elapsed;
    char    message[80];

    Ns_GetTime(&now);
    (void)Ns_DiffTime(&now, &exchange->start, &elapsed);
    snprintf(message, sizeof(message), "http request timeout after %ld.%06lds", elapsed.sec, elapsed.usec);
    SetError(exchange, message);
    return NS_TIMEOUT;
}

/* The earlier of `timeout` from now on, and the end of the call. */
static int64_t
MillisecondsLeft(const Exchange *exchange, const Ns_Time *timeout)
{
    int64_t left = Ns_TimeToMilliseconds(timeout);

    if (exchange->expires.sec != 0) {
        Ns_Time now, diff;
        int64_t untilEnd;

        Ns_GetTime(&now);
        untilEnd = Ns_DiffTime(&exchange->expires, &now, &diff) > 0 ? Ns_TimeToMilliseconds(&diff) + 1 : 0;
        left = untilEnd < left ? untilEnd : left;
    }
    return left;
}

/* Wait for the socket; NS_TIMEOUT with a message when nothing happens in time. */
static Ns_ReturnCode
WaitFor(Exchange *exchange, unsigned what, const Ns_Time *timeout)
{
    struct pollfd pfd = {.fd = exchange->sock.sock};
    int64_t       left = MillisecondsLeft(exchange, timeout);
    int           ready;

    pfd.events = (short)(((what & NS_SOCK_READ) != 0 ? POLLIN : 0) | ((what & NS_SOCK_WRITE) != 0 ? POLLOUT : 0));
    /* A signal starts the wait anew: none comes often here. */
    do {
        ready = poll(&pfd, 1, left > INT32_MAX ? INT32_MAX : (int)left);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 ? NS_OK : TimedOut(exchange);
}

/* --------------------------------------------------------------------------------------------------------- connecting */

/* NaviServer's words: its sockets connect in the background and are then found not to be connected. */
static const char *
ConnectReason(int error)
{
    return error == ECONNREFUSED ? "socket is not connected" : Tcl_ErrnoMsg(error);
}

static Ns_ReturnCode
OpenSocket(Exchange *exchange)
{
    const NsHttpCall *call = exchange->call;
    Ns_ReturnCode     status;
    int64_t           left = MillisecondsLeft(exchange, &call->connectTimeout);
    Ns_Time           timeout = {left / 1000, left % 1000 * 1000};

    exchange->sock = (Ns_Sock){.transport = &Ns_TransportTcp};
    exchange->sock.sock = Ns_SockTimedConnect2(call->host, call->port, NULL, 0, &timeout, &status);
    if (exchange->sock.sock == NS_INVALID_SOCKET) {
        char number[16];
        int  error = errno;

        if (status == NS_TIMEOUT) {
            return TimedOut(exchange);
        }
        snprintf(number, sizeof(number), "%d", call->port);
        SetError(exchange, "can't connect to ");
        Tcl_DStringAppend(&exchange->outcome->error, call->host, -1);
        Tcl_DStringAppend(&exchange->outcome->error, " port ", -1);
        Tcl_DStringAppend(&exchange->outcome->error, number, -1);
        Tcl_DStringAppend(&exchange->outcome->error, ": ", -1);
        Tcl_DStringAppend(&exchange->outcome->error, ConnectReason(error), -1);
        return NS_ERROR;
    }
    return Ns_SockSetNonBlocking(exchange->sock.sock);
}

/* Ask the proxy for a tunnel; its answer is read byte by byte so that nothing of what follows is taken. */
static Ns_ReturnCode
OpenTunnel(Exchange *exchange)
{
    const NsHttpCall *call = exchange->call;
    NsResponseParser *parser = NsResponseParserCreate(&limits, true);
    NsResponseResult  result = NS_RESPONSE_MORE;
    Ns_ReturnCode     status = NS_OK;
    Tcl_DString       request;
    struct iovec      iov;
    size_t            consumed;
    NsSpan            body;
    char              byte;

    Tcl_DStringInit(&request);
    Tcl_DStringAppend(&request, "CONNECT ", -1);
    Tcl_DStringAppend(&request, call->tunnelTo, -1);
    Tcl_DStringAppend(&request, " HTTP/1.1\r\nhost: ", -1);
    Tcl_DStringAppend(&request, call->tunnelTo, -1);
    Tcl_DStringAppend(&request, "\r\n\r\n", -1);
    iov = (struct iovec){Tcl_DStringValue(&request), (size_t)Tcl_DStringLength(&request)};
    while (status == NS_OK && iov.iov_len > 0) {
        ssize_t n = exchange->sock.transport->send(&exchange->sock, &iov, 1);

        if (n >= 0) {
            iov.iov_base = (char *)iov.iov_base + n;
            iov.iov_len -= (size_t)n;
        } else {
            status = errno == EAGAIN ? WaitFor(exchange, NS_SOCK_WRITE, &call->connectTimeout) : NS_ERROR;
        }
    }
    while (status == NS_OK && result == NS_RESPONSE_MORE) {
        ssize_t n = exchange->sock.transport->recv(&exchange->sock, &byte, 1);

        if (n > 0) {
            result = NsResponseFeed(parser, &byte, 1, &consumed, &body);
        } else if (n < 0 && errno == EAGAIN) {
            status = WaitFor(exchange, NS_SOCK_READ, &call->connectTimeout);
        } else {
            status = NS_ERROR;
        }
    }
    if (status == NS_OK && (result != NS_RESPONSE_HEAD || NsResponseGetHead(parser)->status / 100 != 2)) {
        status = NS_ERROR;
    }
    if (status == NS_ERROR) {
        SetError(exchange, "proxy refused the tunnel to ");
        Tcl_DStringAppend(&exchange->outcome->error, call->tunnelTo, -1);
    }
    Tcl_DStringFree(&request);
    NsResponseParserFree(parser);
    return status;
}

static Ns_ReturnCode
StartTls(Exchange *exchange)
{
    const NsHttpCall *call = exchange->call;
    Tcl_DString       error;
    Ns_ReturnCode     status;
    unsigned          waitFor;

    Tcl_DStringInit(&error);
    status = Ns_TlsAttachClient(&exchange->sock, call->tls, call->tlsHostname, &error);
    if (status == NS_OK) {
        while ((status = exchange->sock.transport->handshake(&exchange->sock, &waitFor, &error)) == NS_CONTINUE
               && (status = WaitFor(exchange, waitFor, &call->connectTimeout)) == NS_OK) {
            ;
        }
    }
    if (status == NS_ERROR) {
        SetError(exchange, "TLS handshake failed: ");
        Tcl_DStringAppend(&exchange->outcome->error, Tcl_DStringValue(&error), Tcl_DStringLength(&error));
    }
    Tcl_DStringFree(&error);
    return status;
}

static void
ConnectionKey(const NsHttpCall *call, Tcl_DString *key)
{
    char port[16];

    snprintf(port, sizeof(port), "%d", call->port);
    Tcl_DStringAppendElement(key, call->host);
    Tcl_DStringAppendElement(key, port);
    Tcl_DStringAppendElement(key, call->tunnelTo != NULL ? call->tunnelTo : "");
    Tcl_DStringAppendElement(key, call->tls != NULL ? "tls" : "");
    if (call->tls != NULL) {
        Tcl_DStringAppendElement(key, call->tlsHostname != NULL ? call->tlsHostname : "");
        Tcl_DStringAppendElement(key, call->tlsRules);
    }
}

static Ns_ReturnCode
Connect(Exchange *exchange, bool mayReuse)
{
    const NsHttpCall *call = exchange->call;
    Ns_ReturnCode     status = NS_OK;
    Tcl_DString       key;

    Tcl_DStringInit(&key);
    ConnectionKey(call, &key);
    exchange->reused = mayReuse && NsHttpIdleTake(Tcl_DStringValue(&key), &exchange->sock);
    Tcl_DStringFree(&key);
    if (!exchange->reused) {
        status = OpenSocket(exchange);
        if (status == NS_OK && call->tunnelTo != NULL) {
            status = OpenTunnel(exchange);
        }
        if (status == NS_OK && call->tls != NULL) {
            status = StartTls(exchange);
        }
    }
    if (status == NS_OK && call->tls != NULL && call->onTls != NULL) {
        call->onTls(call->arg, &exchange->sock);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------------------ sending */

#define CHUNK_HEAD 18                          /* room for the size line before a chunk; "\r\n" follows it */

/* Fill the second vector with the next piece of the body; NS_ERROR: it cannot be read. */
static Ns_ReturnCode
NextPiece(Exchange *exchange)
{
    const NsHttpCall *call = exchange->call;
    char             *data;
    ssize_t           n;

    if (exchange->bodyEnd || call->readBody == NULL) {
        exchange->sending = false;
        return NS_OK;
    }
    if (exchange->sendBuffer == NULL) {
        exchange->sendBuffer = ns_malloc(CHUNK_HEAD + BUFFER_SIZE + 2);
    }
    data = exchange->sendBuffer + CHUNK_HEAD;
    exchange->consumed = true;
    n = call->readBody(call->arg, data, BUFFER_SIZE);
    if (n < 0) {
        return NS_ERROR;
    }
    exchange->bodyEnd = n == 0;
    if (call->sendChunked) {
        char size[CHUNK_HEAD + 1];
        int  len = snprintf(size, sizeof(size), "%zx\r\n", (size_t)n);

        memcpy(data - len, size, (size_t)len);
        memcpy(data + n, "\r\n", 2);
        exchange->iov[1] = (struct iovec){data - len, (size_t)(len + n) + 2};
    } else {
        exchange->iov[1] = (struct iovec){data, (size_t)n};
        exchange->sending = n > 0;
    }
    return NS_OK;
}

static void
Advance(struct iovec iov[2], size_t n)
{
    for (int i = 0; i < 2; i++) {
        size_t step = n < iov[i].iov_len ? n : iov[i].iov_len;

        iov[i].iov_base = (char *)iov[i].iov_base + step;
        iov[i].iov_len -= step;
        n -= step;
    }
}

/*
 * Send what the socket takes.  A peer that does not want the rest may have answered: then sending ends, and what it said
 * is read.
 */
static Ns_ReturnCode
SendSome(Exchange *exchange, bool *progress)
{
    while (exchange->sending) {
        struct iovec *iov = exchange->iov;
        ssize_t       n;

        if (iov[0].iov_len + iov[1].iov_len == 0) {
            if (NextPiece(exchange) != NS_OK) {
                SetError(exchange, "http read failed (chunk data to send)");
                return NS_ERROR;
            }
            continue;
        }
        n = exchange->sock.transport->send(&exchange->sock, iov[0].iov_len > 0 ? iov : iov + 1, iov[0].iov_len > 0 ? 2 : 1);
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n < 0) {
            exchange->sending = false;
            break;
        }
        *progress = true;
        Advance(iov, (size_t)n);
    }
    return NS_OK;
}

/* ---------------------------------------------------------------------------------------------------------- receiving */

/* NS_CONTINUE: more is to come. */
static Ns_ReturnCode
HandleResult(Exchange *exchange, NsResponseResult result, NsSpan body)
{
    const NsHttpCall *call = exchange->call;

    switch (result) {
    case NS_RESPONSE_HEAD:
        return call->onHead(call->arg, NsResponseGetHead(exchange->parser)) ? NS_CONTINUE : NS_ERROR;
    case NS_RESPONSE_BODY:
        return call->onBody(call->arg, body.start, body.len) ? NS_CONTINUE : NS_ERROR;
    case NS_RESPONSE_DONE:
        return NS_OK;
    case NS_RESPONSE_ERROR:
        SetError(exchange, "http read failed (check spool)");
        Ns_Log(Debug, "http client: response of %s: %s", call->host, NsResponseError(exchange->parser));
        return NS_ERROR;
    default:
        return NS_CONTINUE;
    }
}

/* NS_OK: the response is complete; NS_CONTINUE: no more bytes now. */
static Ns_ReturnCode
ReceiveSome(Exchange *exchange, bool *progress)
{
    for (;;) {
        ssize_t       n = exchange->sock.transport->recv(&exchange->sock, exchange->buffer, BUFFER_SIZE);
        size_t        at = 0, consumed;
        NsSpan        body = {NULL, 0};
        Ns_ReturnCode status = NS_CONTINUE;

        if (n < 0 && errno == EAGAIN) {
            return NS_CONTINUE;
        }
        if (n <= 0) {
            /* Only an orderly end completes a response that goes until then. */
            return HandleResult(exchange, n == 0 ? NsResponseEnd(exchange->parser) : NS_RESPONSE_ERROR, body);
        }
        *progress = true;
        exchange->anyByte = true;
        /* Once more when all is consumed: a body of no bytes is complete with the head. */
        do {
            NsResponseResult result = NsResponseFeed(exchange->parser, exchange->buffer + at, (size_t)n - at, &consumed,
                                                     &body);

            at += consumed;
            status = HandleResult(exchange, result, body);
            if (result == NS_RESPONSE_MORE) {
                break;
            }
        } while (status == NS_CONTINUE);
        if (status != NS_CONTINUE) {
            return status;
        }
        if (MillisecondsLeft(exchange, &exchange->call->timeout) == 0) {
            return TimedOut(exchange);
        }
    }
}

static Ns_ReturnCode
Converse(Exchange *exchange)
{
    const NsHttpCall *call = exchange->call;
    Ns_ReturnCode     status;

    exchange->iov[0] = (struct iovec){(char *)call->head, call->headLen};
    exchange->iov[1] = (struct iovec){(char *)call->body, call->body != NULL ? call->bodyLen : 0};
    exchange->sending = true;
    do {
        bool     progress = false;
        unsigned what;

        status = SendSome(exchange, &progress);
        if (status == NS_OK) {
            status = ReceiveSome(exchange, &progress);
        }
        if (status == NS_CONTINUE && !progress) {
            what = exchange->sock.waitRecv != 0 ? exchange->sock.waitRecv : NS_SOCK_READ;
            if (exchange->sending) {
                what |= exchange->sock.waitSend != 0 ? exchange->sock.waitSend : NS_SOCK_WRITE;
            }
            status = WaitFor(exchange, what, &call->timeout);
            status = status == NS_OK ? NS_CONTINUE : status;
        }
    } while (status == NS_CONTINUE);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- the call */

static void
FinishConnection(Exchange *exchange, Ns_ReturnCode status)
{
    const NsHttpCall     *call = exchange->call;
    const NsResponseHead *head = NsResponseGetHead(exchange->parser);

    if (exchange->sock.sock == NS_INVALID_SOCKET) {
        return;
    }
    if (status == NS_OK && !IsZero(&call->keepAlive) && head->keepAlive && !exchange->sending) {
        Tcl_DString key;

        Tcl_DStringInit(&key);
        ConnectionKey(call, &key);
        NsHttpIdleKeep(Tcl_DStringValue(&key), &exchange->sock, &call->keepAlive);
        Tcl_DStringFree(&key);
    } else {
        NsHttpSockClose(&exchange->sock);
    }
    exchange->sock.sock = NS_INVALID_SOCKET;
}

static void
FillOutcome(Exchange *exchange)
{
    NsHttpOutcome        *outcome = exchange->outcome;
    const NsResponseHead *head = NsResponseGetHead(exchange->parser);
    Ns_Time               now;

    Ns_GetTime(&now);
    (void)Ns_DiffTime(&now, &exchange->start, &outcome->elapsed);
    if (head != NULL) {
        outcome->status = head->status;
        outcome->version = head->version;
        outcome->chunked = head->chunked;
        outcome->lastChunk = head->lastChunk;
        outcome->empty = head->empty;
        outcome->untilClose = head->untilClose;
        outcome->headers = NsResponseTakeHeaders(exchange->parser);
    }
}

Ns_ReturnCode
NsHttpRun(const NsHttpCall *call, NsHttpOutcome *outcome)
{
    Exchange      exchange = {.call = call, .outcome = outcome, .sock.sock = NS_INVALID_SOCKET};
    Ns_ReturnCode status;
    bool          again;

    Ns_GetTime(&exchange.start);
    if (!IsZero(&call->expire)) {
        exchange.expires = exchange.start;
        Ns_IncrTime(&exchange.expires, call->expire.sec, call->expire.usec);
    }
    exchange.buffer = ns_malloc(BUFFER_SIZE);
    exchange.parser = NsResponseParserCreate(&limits, call->noBody);
    status = Connect(&exchange, !IsZero(&call->keepAlive));
    if (status == NS_OK) {
        status = Converse(&exchange);
        /* A kept connection may have been closed by the peer while our request was under way: once more on a new one. */
        again = status == NS_ERROR && exchange.reused && !exchange.anyByte && !exchange.consumed;
        if (again) {
            NsHttpSockClose(&exchange.sock);
            NsResponseParserFree(exchange.parser);
            exchange.parser = NsResponseParserCreate(&limits, call->noBody);
            Tcl_DStringSetLength(&outcome->error, 0);
            status = Connect(&exchange, false);
            if (status == NS_OK) {
                status = Converse(&exchange);
            }
        }
    }
    FinishConnection(&exchange, status);
    FillOutcome(&exchange);
    NsResponseParserFree(exchange.parser);
    ns_free(exchange.buffer);
    ns_free(exchange.sendBuffer);
    return status;
}
