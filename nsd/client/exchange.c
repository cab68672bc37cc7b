/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A request to another server on an event loop: connect, send, receive, each with its deadline.
 *
 * Each step ends in waiting for something (the connector, the socket, the timer, a later turn) or in End(), which tells the owner and frees
 * the exchange: the steps give false then, and nothing of it may be touched.
 */
#include <errno.h>
#include <string.h>
#include "base/check.h"
#include "base/clock.h"
#include "client/http.h"
#include "net/connector.h"

#define BUFFER_SIZE 65536

#define MAX_HEAD (256 * 1024)                  /* bytes of the answer's head; however many fields that are */

static const NsResponseLimits limits = {MAX_HEAD, MAX_HEAD};

struct NsHttpExchange {
    uint32_t          magic;
    NsLoop           *loop;
    const NsHttpCall *call;
    NsHttpOutcome    *outcome;
    NsHttpDoneProc   *done;
    void             *doneArg;
    bool            (*step)(NsHttpExchange *exchange);     /* what is to be done with the socket; false: it has ended */
    bool              posted;                  /* `task` is under way: the beginning, or the rest of a long read */
    bool              cancelled;               /* and then it is to be freed */
    NsTask            task;
    NsWatch           watch;
    NsTimer           timer;
    NsConnector      *connector;               /* while it works */
    int64_t           expires, connectDue;     /* of the loop's clock; expires 0: never */
    int64_t           lastProgress;
    Ns_Time           start;

    Ns_Wire           sock;
    bool              reused;                  /* the connection had been kept: it may turn out to be dead */
    NsResponseParser *parser;
    /* sending: what of these is not sent yet */
    struct iovec      iov[2];
    bool              sending;                 /* there is more to send */
    bool              bodyEnd;                 /* readBody has no more */
    bool              consumed;                /* readBody was called: the body cannot be sent again */
    char             *sendBuffer;
    Tcl_DString       tunnelRequest;
    bool              anyByte;                 /* of the response */
    bool              sentAny;                 /* of the request */
};
#define EXCHANGE_MAGIC NS_MAGIC('H', 't', 'E', 'x')

static bool Connect(NsHttpExchange *exchange, bool mayReuse);
static bool Talk(NsHttpExchange *exchange);

/* ------------------------------------------------------------------------------------------------------------ the end */

static void
SetError(NsHttpExchange *exchange, const char *text)
{
    Tcl_DStringSetLength(&exchange->outcome->error, 0);
    Tcl_DStringAppend(&exchange->outcome->error, text, -1);
}

static bool
IsZero(const Ns_Time *time)
{
    return time->sec == 0 && time->usec == 0;
}

static void
Elapsed(const NsHttpExchange *exchange, Ns_Time *elapsed)
{
    Ns_Time now;

    NsGetMonotonicTime(&now);
    (void)Ns_DiffTime(&now, &exchange->start, elapsed);
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

static void
LetGo(NsHttpExchange *exchange)
{
    if (exchange->watch.added) {
        NsLoopUnwatch(exchange->loop, &exchange->watch);
    }
}

static void
CloseConnection(NsHttpExchange *exchange)
{
    if (exchange->connector != NULL) {
        NsConnectorCancel(exchange->connector);
        exchange->connector = NULL;
    }
    LetGo(exchange);
    if (exchange->sock.sock != NS_INVALID_SOCKET) {
        NsHttpSockClose(&exchange->sock);
        exchange->sock.sock = NS_INVALID_SOCKET;
    }
}

/* It may serve another request. */
static void
KeepConnection(NsHttpExchange *exchange)
{
    Tcl_DString key;

    LetGo(exchange);
    Tcl_DStringInit(&key);
    ConnectionKey(exchange->call, &key);
    NsHttpIdleKeep(Tcl_DStringValue(&key), &exchange->sock, &exchange->call->keepAlive);
    Tcl_DStringFree(&key);
    exchange->sock.sock = NS_INVALID_SOCKET;
}

static void
FillOutcome(NsHttpExchange *exchange)
{
    NsHttpOutcome        *outcome = exchange->outcome;
    const NsResponseHead *head = NsResponseGetHead(exchange->parser);

    Elapsed(exchange, &outcome->elapsed);
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

/* All but the memory of the exchange, which a task under way still has. */
static void
Clear(NsHttpExchange *exchange)
{
    NsLoopTimerCancel(exchange->loop, &exchange->timer);
    CloseConnection(exchange);
    NsResponseParserFree(exchange->parser);
    Tcl_DStringFree(&exchange->tunnelRequest);
    ns_free(exchange->sendBuffer);
}

static void
Free(NsHttpExchange *exchange)
{
    exchange->magic = NS_SPOILED;
    ns_free(exchange);
}

/*
 * A kept connection may have been closed by the peer while our request was under way: once more on a new one.  But not what must not
 * happen twice, if the peer may have read it.
 */
static bool
MayRepeat(const NsHttpExchange *exchange, Ns_ReturnCode status)
{
    return status == NS_ERROR && exchange->reused && !exchange->anyByte && !exchange->consumed
        && (exchange->call->idempotent || !exchange->sentAny);
}

static bool
Repeat(NsHttpExchange *exchange)
{
    CloseConnection(exchange);
    NsResponseParserFree(exchange->parser);
    exchange->parser = NsResponseParserCreate(&limits, exchange->call->noBody);
    Tcl_DStringSetLength(&exchange->outcome->error, 0);
    return Connect(exchange, false);
}

/* False, but when the request is repeated. */
static bool
End(NsHttpExchange *exchange, Ns_ReturnCode status)
{
    const NsHttpCall     *call = exchange->call;
    const NsResponseHead *head = NsResponseGetHead(exchange->parser);
    NsHttpDoneProc       *done = exchange->done;
    void                 *doneArg = exchange->doneArg;

    if (MayRepeat(exchange, status)) {
        return Repeat(exchange);
    }
    if (status == NS_OK && !IsZero(&call->keepAlive) && head->keepAlive && !exchange->sending) {
        KeepConnection(exchange);
    }
    FillOutcome(exchange);
    Clear(exchange);
    if (exchange->posted) {
        exchange->cancelled = true;            /* its task frees it */
    } else {
        Free(exchange);
    }
    done(status, doneArg);
    return false;
}

static bool
TimeOut(NsHttpExchange *exchange)
{
    Ns_Time elapsed;
    char    message[80];

    Elapsed(exchange, &elapsed);
    snprintf(message, sizeof(message), "http request timeout after %ld.%06lds", elapsed.sec, elapsed.usec);
    SetError(exchange, message);
    return End(exchange, NS_TIMEOUT);
}

/* ------------------------------------------------------------------------------------------------------------ waiting */

static int64_t
NotAfter(const NsHttpExchange *exchange, int64_t due)
{
    return exchange->expires != 0 && exchange->expires < due ? exchange->expires : due;
}

/* When what we wait for is too late. */
static int64_t
Due(const NsHttpExchange *exchange)
{
    int64_t due = exchange->step == Talk ? exchange->lastProgress + Ns_TimeToMilliseconds(&exchange->call->timeout) + 1
                                         : exchange->connectDue;

    return NotAfter(exchange, due);
}

/* The loop may have been held up: what came in time and was not told of yet counts. */
static void
Expire(NsLoop *loop, NsTimer *timer)
{
    NsHttpExchange *exchange = (NsHttpExchange *)((char *)timer - offsetof(NsHttpExchange, timer));
    bool            over = Due(exchange) <= NsLoopNow(loop);

    NS_CHECK(exchange, EXCHANGE_MAGIC);
    if (over && !exchange->step(exchange)) {
        return;
    }
    if (over && Due(exchange) <= NsLoopNow(loop)) {
        (void)TimeOut(exchange);
    } else {
        NsLoopTimerSet(loop, timer, Due(exchange), Expire);
    }
}

static void
Ready(NsLoop *loop, NsWatch *watch, unsigned events)
{
    NsHttpExchange *exchange = (NsHttpExchange *)((char *)watch - offsetof(NsHttpExchange, watch));

    (void)loop;
    (void)events;
    NS_CHECK(exchange, EXCHANGE_MAGIC);
    if (!exchange->posted) {
        (void)exchange->step(exchange);
    }
}

/* For what the socket needs, NS_SOCK_READ and NS_SOCK_WRITE. */
static bool
WaitFor(NsHttpExchange *exchange, unsigned what)
{
    unsigned      interest = ((what & NS_SOCK_READ) != 0u ? NS_EV_READ : 0u) | ((what & NS_SOCK_WRITE) != 0u ? NS_EV_WRITE : 0u);
    Ns_ReturnCode status = exchange->watch.added ? NsLoopSetInterest(exchange->loop, &exchange->watch, interest)
        : NsLoopWatch(exchange->loop, &exchange->watch, exchange->sock.sock, interest, Ready);

    if (status != NS_OK) {
        SetError(exchange, "cannot wait for the connection: ");
        Tcl_DStringAppend(&exchange->outcome->error, strerror(errno), -1);
        return End(exchange, NS_ERROR);
    }
    return true;
}

/* From here on `step` is done with the socket.  The timer moves forward lazily: Expire() looks at the time that is due by then. */
static bool
Begin(NsHttpExchange *exchange, bool (*step)(NsHttpExchange *exchange))
{
    exchange->step = step;
    exchange->lastProgress = NsLoopClock();
    NsLoopTimerSet(exchange->loop, &exchange->timer, Due(exchange), Expire);
    return step(exchange);
}

/* --------------------------------------------------------------------------------------------------------- connecting */

static void
SayCannotConnect(NsHttpExchange *exchange, const char *reason)
{
    Tcl_DString *error = &exchange->outcome->error;
    char         port[32];

    snprintf(port, sizeof(port), " port %d: ", exchange->call->port);
    SetError(exchange, "can't connect to ");
    Tcl_DStringAppend(error, exchange->call->host, -1);
    Tcl_DStringAppend(error, port, -1);
    Tcl_DStringAppend(error, reason, -1);
}

static bool
Connected(NsHttpExchange *exchange)
{
    const NsHttpCall *call = exchange->call;

    if (call->tls != NULL && call->onTls != NULL) {
        call->onTls(call->arg, &exchange->sock);
    }
    exchange->iov[0] = (struct iovec){(char *)call->head, call->headLen};
    exchange->iov[1] = (struct iovec){(char *)call->body, call->body != NULL ? call->bodyLen : 0};
    exchange->sending = true;
    return Begin(exchange, Talk);
}

static void
ShakeDone(const NsConnectorResult *result, void *arg)
{
    NsHttpExchange *exchange = arg;

    exchange->connector = NULL;
    if (result->code == 0) {
        exchange->sock = result->io;
        (void)Connected(exchange);
    } else if (result->code == ETIMEDOUT) {
        (void)TimeOut(exchange);
    } else {
        SetError(exchange, "TLS handshake failed: ");
        Tcl_DStringAppend(&exchange->outcome->error, result->error, -1);
        (void)End(exchange, NS_ERROR);
    }
}

/* On a connection of its own, or in the tunnel; true: it waits. */
static bool
StartTls(NsHttpExchange *exchange)
{
    const NsHttpCall *call = exchange->call;
    Tcl_DString       error;
    Ns_ReturnCode     status;

    Tcl_DStringInit(&error);
    LetGo(exchange);
    NsLoopTimerCancel(exchange->loop, &exchange->timer);
    status = Ns_TlsAttachClient(&exchange->sock, call->tls, call->tlsHostname, &error);
    if (status == NS_OK) {
        exchange->connector = NsConnectorHandshake(exchange->loop, &exchange->sock, exchange->connectDue, NULL, NULL, ShakeDone, exchange);
        exchange->sock = (Ns_Wire){.sock = NS_INVALID_SOCKET};
    } else {
        SetError(exchange, "TLS handshake failed: ");
        Tcl_DStringAppend(&exchange->outcome->error, Tcl_DStringValue(&error), Tcl_DStringLength(&error));
    }
    Tcl_DStringFree(&error);
    return status == NS_OK || End(exchange, NS_ERROR);
}

/* ---- the tunnel ---- */

static bool
TunnelRefused(NsHttpExchange *exchange)
{
    SetError(exchange, "proxy refused the tunnel to ");
    Tcl_DStringAppend(&exchange->outcome->error, exchange->call->tunnelTo, -1);
    return End(exchange, NS_ERROR);
}

/* The end of the proxy's answer: what follows is the other server's. */
static bool
TunnelAnswered(NsHttpExchange *exchange)
{
    bool open = NsResponseGetHead(exchange->parser)->status / 100 == 2;

    NsResponseParserFree(exchange->parser);
    exchange->parser = NsResponseParserCreate(&limits, exchange->call->noBody);
    if (!open) {
        return TunnelRefused(exchange);
    }
    return exchange->call->tls != NULL ? StartTls(exchange) : Connected(exchange);
}

/* Its answer is read byte by byte so that nothing of what follows is taken. */
static bool
ReadTunnelAnswer(NsHttpExchange *exchange)
{
    NsResponseResult result = NS_RESPONSE_MORE;
    size_t           consumed;
    NsSpan           body;
    char             byte;
    ssize_t          n = 1;

    while (result == NS_RESPONSE_MORE && n > 0) {
        n = exchange->sock.transport->recv(&exchange->sock, &byte, 1);
        if (n > 0) {
            result = NsResponseFeed(exchange->parser, &byte, 1, &consumed, &body);
        }
    }
    if (result == NS_RESPONSE_HEAD) {
        return TunnelAnswered(exchange);
    }
    return n < 0 && errno == EAGAIN ? WaitFor(exchange, NS_SOCK_READ) : TunnelRefused(exchange);
}

static bool
Tunnel(NsHttpExchange *exchange)
{
    struct iovec *iov = exchange->iov;

    while (iov->iov_len > 0) {
        ssize_t n = exchange->sock.transport->send(&exchange->sock, iov, 1);

        if (n < 0) {
            return errno == EAGAIN ? WaitFor(exchange, NS_SOCK_WRITE) : TunnelRefused(exchange);
        }
        iov->iov_base = (char *)iov->iov_base + n;
        iov->iov_len -= (size_t)n;
    }
    return ReadTunnelAnswer(exchange);
}

static bool
OpenTunnel(NsHttpExchange *exchange)
{
    const char  *to = exchange->call->tunnelTo;
    Tcl_DString *request = &exchange->tunnelRequest;

    Tcl_DStringSetLength(request, 0);
    Tcl_DStringAppend(request, "CONNECT ", -1);
    Tcl_DStringAppend(request, to, -1);
    Tcl_DStringAppend(request, " HTTP/1.1\r\nhost: ", -1);
    Tcl_DStringAppend(request, to, -1);
    Tcl_DStringAppend(request, "\r\n\r\n", -1);
    exchange->iov[0] = (struct iovec){Tcl_DStringValue(request), (size_t)Tcl_DStringLength(request)};
    NsResponseParserFree(exchange->parser);
    exchange->parser = NsResponseParserCreate(&limits, true);
    return Begin(exchange, Tunnel);
}

/* ---- the connection ---- */

static void
ConnectDone(const NsConnectorResult *result, void *arg)
{
    NsHttpExchange   *exchange = arg;
    const NsHttpCall *call = exchange->call;

    exchange->connector = NULL;
    if (result->code == 0) {
        exchange->sock = result->io;
        (void)(call->tunnelTo != NULL ? OpenTunnel(exchange) : call->tls != NULL ? StartTls(exchange) : Connected(exchange));
    } else if (result->code == ETIMEDOUT) {
        (void)TimeOut(exchange);
    } else {
        exchange->outcome->code = result->code;
        SayCannotConnect(exchange, result->phase == NS_CONNECT_CONNECT ? Tcl_ErrnoMsg(result->code) : result->error);
        (void)End(exchange, NS_ERROR);
    }
}

/* A kept connection, or a new one.  All that it takes to make one has one deadline. */
static bool
Connect(NsHttpExchange *exchange, bool mayReuse)
{
    const NsHttpCall *call = exchange->call;
    Tcl_DString       key;

    Tcl_DStringInit(&key);
    ConnectionKey(call, &key);
    exchange->reused = mayReuse && NsHttpIdleTake(Tcl_DStringValue(&key), &exchange->sock);
    Tcl_DStringFree(&key);
    if (exchange->reused) {
        return Connected(exchange);
    }
    NsLoopTimerCancel(exchange->loop, &exchange->timer);
    exchange->connectDue = NotAfter(exchange, NsLoopClock() + Ns_TimeToMilliseconds(&call->connectTimeout));
    exchange->connector = NsConnectorStart(exchange->loop,
                                           &(NsConnectorParams){.host = call->host, .port = call->port,
                                                                .deadline = exchange->connectDue}, ConnectDone, exchange);
    return true;
}

/* ------------------------------------------------------------------------------------------------------------ sending */

#define CHUNK_HEAD 18                          /* room for the size line before a chunk; "\r\n" follows it */

/* Fill the second vector with the next piece of the body; false: it cannot be read. */
static bool
NextPiece(NsHttpExchange *exchange)
{
    const NsHttpCall *call = exchange->call;
    char             *data;
    ssize_t           n;

    if (exchange->bodyEnd || call->readBody == NULL) {
        exchange->sending = false;
        return true;
    }
    if (exchange->sendBuffer == NULL) {
        exchange->sendBuffer = ns_malloc(CHUNK_HEAD + BUFFER_SIZE + 2);
    }
    data = exchange->sendBuffer + CHUNK_HEAD;
    exchange->consumed = true;
    n = call->readBody(call->arg, data, BUFFER_SIZE);
    if (n < 0) {
        SetError(exchange, "http read failed (chunk data to send)");
        return false;
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
    return true;
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

static void
NoteProgress(NsHttpExchange *exchange, size_t sent, size_t received)
{
    NsHttpProgress *progress = exchange->call->progress;

    exchange->lastProgress = NsLoopClock();
    if (progress != NULL) {
        atomic_fetch_add_explicit(&progress->sent, (long long)sent, memory_order_relaxed);
        atomic_fetch_add_explicit(&progress->received, (long long)received, memory_order_relaxed);
    }
}

/*
 * Send what the socket takes, for a turn of the loop at most.  A peer that does not want the rest may have answered: then sending ends,
 * and what it said is read.  False: the body cannot be read.
 */
static bool
SendSome(NsHttpExchange *exchange)
{
    while (exchange->sending && !NsLoopTurnOver(exchange->loop)) {
        struct iovec *iov = exchange->iov;
        ssize_t       n;

        if (iov[0].iov_len + iov[1].iov_len == 0) {
            if (!NextPiece(exchange)) {
                return false;
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
        exchange->sentAny = true;
        NoteProgress(exchange, (size_t)n, 0u);
        Advance(iov, (size_t)n);
    }
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- receiving */

static Ns_ReturnCode
TakeHead(NsHttpExchange *exchange)
{
    const NsHttpCall     *call = exchange->call;
    const NsResponseHead *head = NsResponseGetHead(exchange->parser);

    if (call->progress != NULL && head->length > 0) {
        atomic_store_explicit(&call->progress->length, head->length, memory_order_relaxed);
    }
    return call->onHead(call->arg, head) ? NS_CONTINUE : NS_ERROR;
}

/* NS_CONTINUE: more is to come. */
static Ns_ReturnCode
HandleResult(NsHttpExchange *exchange, NsResponseResult result, NsSpan body)
{
    const NsHttpCall *call = exchange->call;

    switch (result) {
    case NS_RESPONSE_HEAD:
        return TakeHead(exchange);
    case NS_RESPONSE_BODY:
        return call->onBody(call->arg, body.start, body.len) ? NS_CONTINUE : NS_ERROR;
    case NS_RESPONSE_DONE:
        return NS_OK;
    case NS_RESPONSE_ERROR:
        SetError(exchange, NsResponseHeadTooLong(exchange->parser) ? "the head of the response is larger than 256KB"
                                                                   : "http read failed (check spool)");
        Ns_Log(Debug, "http client: response of %s: %s", call->host, NsResponseError(exchange->parser));
        return NS_ERROR;
    default:
        return NS_CONTINUE;
    }
}

static Ns_ReturnCode
Feed(NsHttpExchange *exchange, const char *bytes, size_t len)
{
    NsResponseResult result;
    Ns_ReturnCode    status;
    size_t           at = 0, consumed;
    NsSpan           body = {NULL, 0};

    /* Once more when all is consumed: a body of no bytes is complete with the head. */
    do {
        result = NsResponseFeed(exchange->parser, bytes + at, len - at, &consumed, &body);
        at += consumed;
        status = HandleResult(exchange, result, body);
    } while (status == NS_CONTINUE && result != NS_RESPONSE_MORE);
    return status;
}

/* NS_OK: the response is complete; NS_CONTINUE: no more bytes now, or `*more` in a later turn. */
static Ns_ReturnCode
ReceiveSome(NsHttpExchange *exchange, bool *more)
{
    char         *buffer = ns_malloc(BUFFER_SIZE);     /* not the thread's: the call's procs may run scripts, and those requests */
    Ns_ReturnCode status = NS_CONTINUE;

    do {
        ssize_t n = exchange->sock.transport->recv(&exchange->sock, buffer, BUFFER_SIZE);

        if (n < 0 && errno == EAGAIN) {
            goto done;
        }
        if (n <= 0) {
            /* Only an orderly end completes a response that goes until then. */
            status = HandleResult(exchange, n == 0 ? NsResponseEnd(exchange->parser) : NS_RESPONSE_ERROR, (NsSpan){NULL, 0});
            goto done;
        }
        exchange->anyByte = true;
        NoteProgress(exchange, 0u, (size_t)n);
        status = Feed(exchange, buffer, (size_t)n);
    } while (status == NS_CONTINUE && !NsLoopTurnOver(exchange->loop));
    *more = status == NS_CONTINUE;

 done:
    ns_free(buffer);
    return status;
}

static void
GoOn(NsLoop *loop, NsTask *task)
{
    NsHttpExchange *exchange = (NsHttpExchange *)((char *)task - offsetof(NsHttpExchange, task));

    (void)loop;
    NS_CHECK(exchange, EXCHANGE_MAGIC);
    exchange->posted = false;
    if (exchange->cancelled) {
        Free(exchange);
    } else {
        (void)exchange->step(exchange);
    }
}

/* Others have their turn first. */
static bool
Yield(NsHttpExchange *exchange)
{
    if (!exchange->posted) {
        exchange->posted = true;
        exchange->task.proc = GoOn;
        NsLoopYield(exchange->loop, &exchange->task);
    }
    return true;
}

static bool
Talk(NsHttpExchange *exchange)
{
    bool          more = false;
    unsigned      what;
    Ns_ReturnCode status;

    if (!SendSome(exchange)) {
        return End(exchange, NS_ERROR);
    }
    status = ReceiveSome(exchange, &more);
    if (status != NS_CONTINUE) {
        return End(exchange, status);
    }
    if (exchange->expires != 0 && NsLoopClock() >= exchange->expires) {
        return TimeOut(exchange);
    }
    if (more) {
        return Yield(exchange);
    }
    what = exchange->sock.waitRecv != 0 ? exchange->sock.waitRecv : NS_SOCK_READ;
    if (exchange->sending) {
        what |= exchange->sock.waitSend != 0 ? exchange->sock.waitSend : NS_SOCK_WRITE;
    }
    return WaitFor(exchange, what);
}

/* ---------------------------------------------------------------------------------------------------------- from outside */

static bool
First(NsHttpExchange *exchange)
{
    return Connect(exchange, !IsZero(&exchange->call->keepAlive));
}

NsHttpExchange *
NsHttpStart(NsLoop *loop, const NsHttpCall *call, NsHttpOutcome *outcome, NsHttpDoneProc *done, void *doneArg)
{
    NsHttpExchange *exchange = ns_calloc(1u, sizeof(NsHttpExchange));

    exchange->magic = EXCHANGE_MAGIC;
    exchange->loop = loop;
    exchange->call = call;
    exchange->outcome = outcome;
    exchange->done = done;
    exchange->doneArg = doneArg;
    exchange->sock.sock = NS_INVALID_SOCKET;
    exchange->parser = NsResponseParserCreate(&limits, call->noBody);
    Tcl_DStringInit(&exchange->tunnelRequest);
    NsGetMonotonicTime(&exchange->start);
    if (!IsZero(&call->expire)) {
        exchange->expires = NsLoopClock() + Ns_TimeToMilliseconds(&call->expire) + 1;     /* never early */
    }
    exchange->posted = true;
    exchange->step = First;
    exchange->task.proc = GoOn;
    NsLoopPost(loop, &exchange->task);
    return exchange;
}

void
NsHttpCancel(NsHttpExchange *exchange)
{
    NS_CHECK(exchange, EXCHANGE_MAGIC);
    Clear(exchange);
    if (exchange->posted) {
        exchange->cancelled = true;
    } else {
        Free(exchange);
    }
}
