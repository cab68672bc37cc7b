/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket sessions on channels: what is received, the timers, and the end.  What is sent is in websocket/send.c, how a session comes
 * about in websocket/accept.c and websocket/connect.c, publishing in topic.c.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "conf/config.h"
#include "base/text.h"
#include "base/inputmem.h"
#include "websocket/int.h"

static void HookBegin(NsChan *chan);
static void HookReady(NsChan *chan);
static void HookSent(NsChan *chan);
static void HookSlow(NsChan *chan);
static void HookStop(NsChan *chan);
static void HookClosed(NsChan *chan);
static void HookOver(NsChan *chan);
static const char *HookCommand(const NsChan *chan);
static void HookFree(NsChan *chan);
static void Expire(NsLoop *loop, NsTimer *timer);
static void ArmTimer(WsSession *session);

#define READ_SIZE       (64u * 1024u)
#define INFLATE_AT_ONCE (256u * 1024u)         /* bytes, between two looks at the clock */

static const NsChanHook webSocketHook = {
    .begin = HookBegin, .connected = NsWsClientConnected, .ready = HookReady, .sent = HookSent, .slow = HookSlow,
    .stop = HookStop, .closed = HookClosed, .over = HookOver, .free = HookFree, .command = HookCommand
};

/* ---- configuration ---- */

static int64_t
ConfigMs(const char *section, const char *name, const char *defaultValue)
{
    Ns_Time value;

    Ns_ConfigTimeUnitRange(section, name, defaultValue, 0, 0, 365 * 86400, 0, &value);
    return Ns_TimeToMilliseconds(&value);
}

static Ns_WebSocketSlow
ConfigSlow(const char *section)
{
    const char      *value = Ns_ConfigString(section, "slow", "close");
    Ns_WebSocketSlow slow = NS_WEBSOCKET_SLOW_CLOSE;

    if (!NsWsSlowFromString(value, &slow)) {
        Ns_Log(Error, "%s: slow: \"%s\" is not one of close, drop, latest; close is used", section, value);
    }
    return slow;
}

bool
NsWsSlowFromString(const char *string, Ns_WebSocketSlow *slow)
{
    static const char *const names[] = {"close", "drop", "latest"};
    int                      i;

    for (i = 0; i < 3; i++) {
        if (strcmp(string, names[i]) == 0) {
            *slow = (Ns_WebSocketSlow)i;
            return true;
        }
    }
    return false;
}

static void
InitServer(NsServer *server)
{
    struct NsWebSockets *all = ns_calloc(1u, sizeof(struct NsWebSockets));
    const char          *section = Ns_ConfigSectionPath(NULL, server->name, NULL, "websocket", NULL);
    Ns_WebSocketParams  *params = &all->defaults;

    all->origins = ns_strdup(Ns_ConfigString(section, "origins", ""));
    all->protocols = ns_strdup(Ns_ConfigString(section, "protocols", ""));
    params->origins = all->origins;
    params->protocols = all->protocols;
    params->maxMessage = (size_t)NsConfigMemSize(section, "maxmessage", "1MB", 1, INT_MAX);
    NsInputMemorySingle(params->maxMessage);
    params->maxFragments = (unsigned)Ns_ConfigIntRange(section, "maxfragments", 1024, 1, INT_MAX);
    params->deflate = Ns_ConfigBool(section, "deflate", true);
    params->takeover = Ns_ConfigBool(section, "takeover", false);
    params->peerTakeover = Ns_ConfigBool(section, "peertakeover", false);
    params->deflateLevel = Ns_ConfigIntRange(section, "deflatelevel", 6, 1, 9);
    params->deflateBits = Ns_ConfigIntRange(section, "deflatebits", 15, 9, 15);
    params->deflateMinSize = (size_t)NsConfigMemSize(section, "deflateminsize", "128", 0, INT_MAX);
    params->pingInterval = ConfigMs(section, "pinginterval", "30s");
    params->pongTimeout = ConfigMs(section, "pongtimeout", "10s");
    params->idleTimeout = ConfigMs(section, "idletimeout", "0");
    params->closeTimeout = ConfigMs(section, "closetimeout", "5s");
    params->maxSendBuffer = (size_t)NsConfigMemSize(section, "maxsendbuffer", "1MB", 1024, LLONG_MAX);
    params->slow = ConfigSlow(section);
    params->maxPerIp = (unsigned)Ns_ConfigIntRange(section, "maxperip", 0, 0, INT_MAX);
    all->maxPublish = (size_t)NsConfigMemSize(section, "maxpublish", "64MB", 1024, LLONG_MAX);
    NsServerSetPart(server, &nsWebSocketPart, all);
    NsWsProfilesInitServer(server);
    NsWsAcceptInitServer(server);
}

NsServerPart nsWebSocketPart = {.init = InitServer};

void
Ns_WebSocketParamsInit(NsServer *server, Ns_WebSocketParams *params)
{
    *params = NsWebSocketsOf(server)->defaults;
}

/* What a session counts for itself: no message touches memory that other workers write. */
static void
AddCounters(WsSession *session, NsWsCounters *counters, bool last)
{
    ChanLock(session->chan);
    if (!session->counted) {
        atomic_fetch_add_explicit(&counters->messagesIn, atomic_load_explicit(&session->messagesIn, memory_order_relaxed),
                                  memory_order_relaxed);
        atomic_fetch_add_explicit(&counters->bytesIn, atomic_load_explicit(&session->bytesIn, memory_order_relaxed),
                                  memory_order_relaxed);
        atomic_fetch_add_explicit(&counters->messagesOut, session->messagesOut, memory_order_relaxed);
        atomic_fetch_add_explicit(&counters->bytesOut, session->bytesOut, memory_order_relaxed);
        session->counted = last;
    }
    ChanUnlock(session->chan);
}

const NsWsCounters *
NsWebSocketCounters(NsServer *server)
{
    static __thread NsWsCounters sum;
    NsChan **chans;
    size_t   count = Ns_ConnChanList(server, &chans), i;

    /* All of its members are atomic_ullong. */
    for (i = 0u; i < sizeof(sum) / sizeof(atomic_ullong); i++) {
        atomic_store_explicit((atomic_ullong *)&sum + i,
                              atomic_load_explicit((atomic_ullong *)&NsWebSocketsOf(server)->counters + i, memory_order_relaxed),
                              memory_order_relaxed);
    }
    for (i = 0u; i < count; i++) {
        WsSession *session = NsWsSessionOf(chans[i]);

        if (session != NULL) {
            AddCounters(session, &sum, false);
        }
        Ns_ConnChanRelease(chans[i]);
    }
    ns_free(chans);
    return &sum;
}

size_t
NsWebSocketCount(NsServer *server)
{
    return atomic_load(&NsWebSocketsOf(server)->open);
}

/* ---- making and freeing ---- */

WsSession *
NsWsSessionOf(NsChan *chan)
{
    WsSession *session = NULL;

    NS_CHECK(chan, CHAN_MAGIC);
    if (atomic_load_explicit(&chan->hook, memory_order_acquire) == &webSocketHook) {
        session = chan->session;
        NS_CHECK(session, WS_MAGIC);
    }
    return session;
}

bool
Ns_WebSocketIs(NsChan *chan)
{
    return NsWsSessionOf(chan) != NULL;
}

static void
FreeReceiver(WsSession *session)
{
    if (session->receiver != NULL) {
        NsInputMemoryCount(session->receiver->counted, 0u);
        NsWsReceiverFree(session->receiver);
        ns_free(session->receiver);
        session->receiver = NULL;
    }
}

WsSession *
NsWsSessionCreate(NsServer *server, bool client, const Ns_WebSocketParams *params, const Ns_WebSocketHandler *handler)
{
    WsSession *session = ns_calloc(1u, sizeof(WsSession));

    session->magic = WS_MAGIC;
    session->client = client;
    session->profile = NsWsProfileGet(server, client, params, handler);
    session->arg = handler->arg;
    session->command = handler->command;
    atomic_init(&session->ownCode, -1);
    atomic_init(&session->roundTrip, -1);
    atomic_init(&session->handshakeDone, !client);
    return session;
}

void
NsWsSessionFree(NsServer *server, WsSession *session)
{
    if (session->profile->options.procs.freeProc != NULL && !session->argFreed) {
        session->profile->options.procs.freeProc(session->arg);
    }
    NsWsProfileRelease(server, session->profile);
    FreeReceiver(session);
    NsWsDeflaterFree(session->deflater);
    ns_free(session->closeReason);
    ns_free(session->head);
    ns_free(session->texts);
    session->magic = NS_SPOILED;
    ns_free(session);
}

/* ---- texts ---- */

void
NsWsSetTexts(WsSession *session, const char *const texts[WS_TEXTS])
{
    size_t len = WS_TEXTS;
    char  *all, *p, *old;
    int    i;

    for (i = 0; i < WS_TEXTS; i++) {
        len += texts[i] != NULL ? strlen(texts[i]) : 0u;
    }
    all = p = ns_malloc(len);
    for (i = 0; i < WS_TEXTS; i++) {
        strcpy(p, texts[i] != NULL ? texts[i] : "");
        p += strlen(p) + 1u;
    }
    if (session->chan != NULL) {
        ChanLock(session->chan);
    }
    old = session->texts;
    session->texts = all;
    if (session->chan != NULL) {
        ChanUnlock(session->chan);
    }
    ns_free(old);
}

const char *
NsWsText(const WsSession *session, int which)
{
    const char *p = session->texts;

    while (p != NULL && which-- > 0) {
        p += strlen(p) + 1u;
    }
    return p != NULL ? p : "";
}

bool
NsWsSessionStart(NsChan *chan, WsSession *session)
{
    struct NsWebSockets *all = NsWebSocketsOf(chan->server);

    session->chan = chan;
    if (!session->client) {
        session->tls = chan->locked.io.transport->pending != NULL;
    }
    atomic_fetch_add_explicit(&all->open, 1u, memory_order_relaxed);
    if (!NsChanAttach(chan, &webSocketHook, session)) {
        atomic_fetch_sub_explicit(&all->open, 1u, memory_order_relaxed);
        NsWsAddressRelease(chan->server, session->address);
        NsWsSessionFree(chan->server, session);
        return false;
    }
    return true;
}

/* The channel's last reference is gone; `over` was called. */
static void
HookFree(NsChan *chan)
{
    WsSession *session = chan->session;

    chan->session = NULL;
    NsWsSessionFree(chan->server, session);
}

/* ---- the handler ---- */

/* The caller is on the worker, without a lock; what the handler sends to its channel goes out when it returned. */
static void
BeginCall(WsSession *session)
{
    NsWorkerCallbackBegin(session->chan->worker, session->chan->name, session->command);
}

static void
EndCall(WsSession *session)
{
    NsWorkerCallbackEnd(session->chan->worker);
}

static bool
Waiting(NsChan *chan)
{
    bool waiting;

    ChanLock(chan);
    waiting = !NsOutEmpty(&chan->locked.out);
    ChanUnlock(chan);
    return waiting;
}

/* ---- the beginning ---- */

void
NsWsOpened(WsSession *session)
{
    session->opened = true;
    session->lastMessage = session->lastHeard = NsLoopNow(NsWorkerLoop(session->chan->worker));
    atomic_store_explicit(&session->handshakeDone, true, memory_order_release);
    if (session->profile->options.procs.open != NULL) {
        session->profile->options.procs.open(session->chan, session->arg);
    }
    ArmTimer(session);
}

static void
HookBegin(NsChan *chan)
{
    WsSession *session = chan->session;

    if (!ChanIs(chan, CHAN_OPEN)) {
        return;                                /* somebody was faster; `over` follows */
    }
    if (session->client) {
        ArmTimer(session);                     /* and then `connected` */
        return;
    }
    BeginCall(session);
    NsWsCork(chan, Waiting(chan));
    NsWsOpened(session);
    NsWsUncork(chan);
    NsWsSendHead(chan);
    EndCall(session);
}

/* ---- receiving ---- */

/* The first cause counts. */
static void
SetCause(WsSession *session, int code, const char *reason, size_t len)
{
    if (session->closeCode == 0) {
        session->closeCode = code;
        session->closeReason = ns_malloc(len + 1u);
        memcpy(session->closeReason, reason, len);
        session->closeReason[len] = '\0';
    }
}

/* What the peer gave: a text then, in which a NUL is two bytes. */
static void
TakeReason(WsSession *session, const NsWsEvent *event)
{
    Tcl_DString ds;
    size_t      len;
    const char *reason;

    Tcl_DStringInit(&ds);
    reason = NsTextIn(&ds, (const char *)event->data, event->len, &len);
    SetCause(session, event->code, reason, len);
    Tcl_DStringFree(&ds);
}

void
NsWsFail(WsSession *session, int code, const char *reason)
{
    if (atomic_load(&session->ownCode) < 0) {
        SetCause(session, code, reason, strlen(reason));
    }
    if (NsWsCloseCodeValid(code) && atomic_load_explicit(&session->handshakeDone, memory_order_relaxed)) {
        (void)NsWsSendClose(session, code, reason);
    }
    (void)Ns_ConnChanClose(session->chan);
}

static void
Violation(WsSession *session, const NsWsEvent *event)
{
    NsServer *server = session->chan->server;

    switch (event->code) {
    case 1007: WS_COUNT(server, invalidText); break;
    case 1008: WS_COUNT(server, tooManyFragments); break;
    case 1009: WS_COUNT(server, tooBig); break;
    default:   WS_COUNT(server, protocolErrors); break;
    }
    Ns_Log(Debug, "%s: websocket: closed with %d: %s", session->chan->name, event->code, event->reason);
    NsWsFail(session, event->code, event->reason);
}

static void
CountMessage(WsSession *session, size_t len)
{
    /* Only the worker writes them. */
    atomic_store_explicit(&session->messagesIn, atomic_load_explicit(&session->messagesIn, memory_order_relaxed) + 1u,
                          memory_order_relaxed);
    atomic_store_explicit(&session->bytesIn, atomic_load_explicit(&session->bytesIn, memory_order_relaxed) + len,
                          memory_order_relaxed);
}

/* Our pings carry the time at which they were sent. */
static void
TakePong(WsSession *session, const NsWsEvent *event)
{
    int64_t sent, now = NsLoopClockUsec();

    WS_COUNT(session->chan->server, pongs);
    if (event->len == sizeof(sent)) {
        memcpy(&sent, event->data, sizeof(sent));
        if (sent == session->pingSent) {
            session->pingOpen = false;
            ArmTimer(session);                 /* it is set for the pong's time-out, and the next ping may be due before */
            atomic_store_explicit(&session->roundTrip, now - sent, memory_order_relaxed);
        }
    }
}

/* False: nothing more is to be read. */
static bool
Take(WsSession *session, NsWsEvent *event)
{
    NsChan *chan = session->chan;
    bool    closing = atomic_load_explicit(&session->closeSent, memory_order_relaxed);

    switch (event->type) {
    case NS_WS_EV_MESSAGE:
        CountMessage(session, event->len);
        session->lastMessage = NsLoopNow(NsWorkerLoop(chan->worker));
        if (!closing && session->profile->options.procs.message != NULL) {
            session->profile->options.procs.message(chan, session->arg, event->opcode, (const char *)event->data, event->len);
        }
        break;
    case NS_WS_EV_PING:
        WS_COUNT(chan->server, pings);
        if (!closing) {
            (void)NsWsSendControl(session, NS_WS_PONG, event->data, event->len);
        }
        break;
    case NS_WS_EV_PONG:
        TakePong(session, event);
        break;
    case NS_WS_EV_CLOSE:
        TakeReason(session, event);
        (void)NsWsSendClose(session, event->code == 1005 ? 0 : event->code, NULL);
        (void)Ns_ConnChanClose(chan);
        break;
    case NS_WS_EV_ERROR:
        Violation(session, event);
        break;
    case NS_WS_EV_NONE:
        break;
    }
    return event->type != NS_WS_EV_CLOSE && event->type != NS_WS_EV_ERROR
        && ChanIs(chan, CHAN_OPEN);
}

/* The connection is gone without a close frame. */
static void
Lost(WsSession *session, int code)
{
    const char *reason = code != 0 ? strerror(code) : session->opened ? "connection closed by the peer"
        : "connection closed during the handshake";

    if (!session->opened) {
        WS_COUNT(session->chan->server, connectFailed);
    }
    if (atomic_load(&session->ownCode) < 0) {
        SetCause(session, 1006, reason, strlen(reason));
    }
    (void)Ns_ConnChanClose(session->chan);
}

/* For an idle session a receiver is made for the moment, and kept only if something is left unfinished. */
static void
SetUpReceiver(const WsSession *session, NsWsReceiver *receiver)
{
    memset(receiver, 0, sizeof(*receiver));
    receiver->rule = session->client ? NS_WS_MASK_REFUSED : NS_WS_MASK_REQUIRED;
    receiver->maxMessage = session->profile->options.maxMessage;
    receiver->maxFragments = session->profile->options.maxFragments;
    receiver->deflate = session->deflate.enabled;
    receiver->takeover = session->client ? !session->deflate.serverNoTakeover : !session->deflate.clientNoTakeover;
    receiver->bits = session->client ? session->deflate.serverBits : session->deflate.clientBits;
    receiver->maxWork = INFLATE_AT_ONCE;
}

static bool
MustKeep(const NsWsReceiver *receiver)
{
    return NsWsReceiverUnfinished(receiver) || NsWsReceiverHasInput(receiver) || receiver->inflater != NULL || receiver->over;
}

static bool
TurnOver(const WsSession *session)
{
    return NsLoopTurnOver(NsWorkerLoop(session->chan->worker));
}

/*
 * Input is left.  What a peer can make us do with a buffer of bytes is without bound, thousands of messages for a handler, megabytes
 * that come out of one: the rest has to wait for a later turn.  False: go on, it was a pause for a look at the clock.
 */
__attribute__((noinline, cold)) static bool
PutOff(WsSession *session, NsWsReceiver *receiver)
{
    NsChan *chan = session->chan;

    if (!ChanIs(chan, CHAN_OPEN) || receiver->over) {
        receiver->inputLen = 0u;               /* behind the end nothing is looked at */
        return true;
    }
    receiver->work = 0u;
    if (!TurnOver(session)) {
        return false;
    }
    NsWsReceiverHold(receiver);
    WS_COUNT(chan->server, yielded);
    NsChanYield(chan);
    return true;
}

/* What is unfinished counts; when there is too much of it in the process, the session that has more of it ends. */
static void
CountInput(WsSession *session, NsWsReceiver *receiver)
{
    size_t now = NsWsReceiverMemory(receiver), before = receiver->counted;

    if (now != before) {
        NsInputMemoryCount(before, now);
        receiver->counted = now;
        if (now > before && NsInputMemoryFull() && ChanIs(session->chan, CHAN_OPEN)) {
            WS_COUNT(session->chan->server, inputLimits);
            NsWsFail(session, 1013, "no memory for more input");
        }
    }
}

/* Behind the input: the session keeps its receiver, or the one made for this moment, if it must. */
__attribute__((noinline)) static void
KeepReceiver(WsSession *session, NsWsReceiver *receiver)
{
    if (receiver != session->receiver && MustKeep(receiver)) {
        session->receiver = ns_malloc(sizeof(*receiver));
        *session->receiver = *receiver;
        CountInput(session, session->receiver);
    } else if (receiver != session->receiver) {
        NsWsReceiverFree(receiver);
    } else if (MustKeep(receiver)) {
        if (receiver->held != NULL) {
            NsWsReceiverHold(receiver);        /* it is given back when nothing of it is left */
        }
        CountInput(session, receiver);
    } else {
        FreeReceiver(session);
    }
}

/* The caller has corked the channel.  Without data: go on with what is held. */
void
NsWsFeed(WsSession *session, uint8_t *data, size_t len)
{
    NsWsReceiver  local, *receiver = session->receiver;
    NsWsEvent     event;

    if (!ChanIs(session->chan, CHAN_OPEN)) {
        return;                                /* a client's `open` has closed it, and bytes came behind the answer */
    }
    if (receiver == NULL) {
        SetUpReceiver(session, &local);
        receiver = &local;
    }
    if (len > 0u) {
        NsWsReceiverFeed(receiver, data, len);
    }
    do {
        while (NsWsReceiverNext(receiver, &event) != NS_WS_EV_NONE && Take(session, &event)) {
            if (NsWsReceiverHasInput(receiver) && TurnOver(session)) {
                break;
            }
        }
    } while (NsWsReceiverHasInput(receiver) && !PutOff(session, receiver));
    if (receiver->inflated > 0u) {
        atomic_fetch_add_explicit(&NsWebSocketsOf(session->chan->server)->counters.inflated, receiver->inflated,
                                  memory_order_relaxed);
        receiver->inflated = 0u;
    }
    if (receiver != &local || !NsWsReceiverIdle(&local)) {
        KeepReceiver(session, receiver);
    }
}

/* Little at a time, so that little has to be held when there is too much to do with it; of a long payload all that comes. */
static size_t
ReadSize(const NsWsReceiver *receiver)
{
    return receiver->inPayload && !receiver->compressed && receiver->length - receiver->taken > READ_SIZE
        ? NS_LOOP_BUFFER : READ_SIZE;
}

static void
HookReady(NsChan *chan)
{
    WsSession          *session = chan->session;
    const NsWsReceiver *receiver = session->receiver;
    uint8_t            *input = NsWsInput();
    ssize_t             n = 0;
    int                 code = 0;
    bool                held = receiver != NULL && NsWsReceiverHasInput(receiver), blocked, broken;

    if (!held) {
        n = NsChanReceive(chan, input, receiver != NULL ? ReadSize(receiver) : READ_SIZE);
        if (n < 0) {
            code = errno;
        }
    }
    broken = chan->locked.broken;
    blocked = !NsOutEmpty(&chan->locked.out);
    ChanUnlock(chan);

    if (n > 0 || held) {
        session->lastHeard = NsLoopNow(NsWorkerLoop(chan->worker));
        BeginCall(session);
        NsWsCork(chan, blocked);
        if (session->opened) {
            NsWsFeed(session, input, (size_t)n);
        } else if (session->client) {
            NsWsClientAnswer(session, input, (size_t)n);
        }
        EndCall(session);
    } else if (n == 0 || code != EAGAIN || broken) {
        Lost(session, code == EAGAIN || code == EPIPE ? 0 : code);
    }
    ChanLock(chan);
    NsWsUncorkHeld(chan);
}

/* ---- sending ---- */

static void
HookSent(NsChan *chan)
{
    WsSession *session = chan->session;
    bool       drained = false, blocked;

    ChanLock(chan);
    if (session->aboveMark && chan->locked.out.bytes <= session->profile->options.maxSendBuffer / 4u) {
        session->aboveMark = false;
        drained = !atomic_load(&session->closeSent);
    }
    blocked = !NsOutEmpty(&chan->locked.out);
    ChanUnlock(chan);
    if (drained && session->opened && session->profile->options.procs.drain != NULL) {
        BeginCall(session);
        NsWsCork(chan, blocked);
        session->profile->options.procs.drain(chan, session->arg);
        NsWsUncork(chan);
        EndCall(session);
    }
}

/* As when too much waits: that it is the time, and not the size, is in the log. */
static void
HookSlow(NsChan *chan)
{
    WsSession *session = chan->session;
    int        none = -1;

    if (atomic_compare_exchange_strong(&session->ownCode, &none, 1013)) {
        WS_COUNT(chan->server, slowClosed);
    }
}

/* ---- closing ---- */

/* The worker, after our close frame: the peer's is awaited. */
static void
AwaitClose(NsChan *chan, void *arg)
{
    WsSession *session = chan->session;

    (void)arg;
    if (!session->ended && session->closeDue == 0) {
        session->closeDue = NsLoopNow(NsWorkerLoop(chan->worker)) + session->profile->options.closeTimeout;
        ArmTimer(session);
    }
}

/* As it goes out: UTF-8 of at most 123 bytes, and none without a code. */
static bool
ReasonFits(int code, const char *reason)
{
    Tcl_DString ds;
    size_t      len = 0u;
    const char *bytes = NULL;
    bool        fits;

    Tcl_DStringInit(&ds);
    if (reason != NULL) {
        bytes = NsTextOut(&ds, reason, strlen(reason), &len);
    }
    fits = len == 0u || (code != 0 && len <= 123u && NsUtf8Valid((const uint8_t *)bytes, len)
                         && NsTextIsWhole(reason, strlen(reason)));
    Tcl_DStringFree(&ds);
    return fits;
}

bool
Ns_WebSocketClose(NsChan *chan, int code, const char *reason)
{
    WsSession *session = NsWsSessionOf(chan);

    if (session == NULL || (code != 0 && !NsWsCloseCodeValid(code)) || !ReasonFits(code, reason)) {
        errno = EINVAL;
        return false;
    }
    if (!atomic_load_explicit(&session->handshakeDone, memory_order_acquire)) {
        return Ns_ConnChanClose(chan);         /* a client that has not got there yet */
    }
    if (!NsWsSendClose(session, code, reason)) {
        errno = EPIPE;
        return false;
    }
    if (NsWorkerCurrent() == chan->worker) {
        AwaitClose(chan, NULL);
    } else {
        Ns_ConnChanRun(chan, AwaitClose, NULL);
    }
    return true;
}

/* A stop closes the sessions one after the other, so that their clients do not come back all at once. */
static void
HookStop(NsChan *chan)
{
    WsSession *session = chan->session;
    int64_t    now = NsLoopNow(NsWorkerLoop(chan->worker)), window = (NsWorkersAbortTime() - now) / 2;
    int64_t    count = (int64_t)atomic_load(&NsWebSocketsOf(chan->server)->open);

    if (session->client || !session->opened || window <= 0) {
        (void)Ns_WebSocketClose(chan, 1001, "going away");
        if (!session->opened) {
            (void)Ns_ConnChanClose(chan);
        }
        return;
    }
    window = window < count ? window : count;  /* a thousand per second at least */
    session->stopDue = now + 1 + (int64_t)(chan->id * 2654435761u % 1000u) * window / 1000;
    ArmTimer(session);
}

static const WsSubscriptions *subscriptions;   /* set at the start */

void
NsWsLendSubscriptions(const WsSubscriptions *lent)
{
    subscriptions = lent;
}

static void
LeaveAll(WsSession *session)
{
    if (subscriptions != NULL) {
        subscriptions->leave(session);
    }
}

static const char *
HookCommand(const NsChan *chan)
{
    return ((const WsSession *)chan->session)->command;
}

static void
HookClosed(NsChan *chan)
{
    LeaveAll(chan->session);
}

static void
HookOver(NsChan *chan)
{
    WsSession *session = chan->session;
    int        ownCode = atomic_load(&session->ownCode);
    int        code = session->closeCode != 0 ? session->closeCode : ownCode > 0 ? ownCode : ownCode == 0 ? 1005 : 1006;

    session->ended = true;
    LeaveAll(session);                         /* who closed it may not have got there yet */
    NsLoopTimerCancel(NsWorkerLoop(chan->worker), &session->timer);
    NsWsAddressRelease(chan->server, session->address);
    session->address = NULL;
    atomic_fetch_sub_explicit(&NsWebSocketsOf(chan->server)->open, 1u, memory_order_relaxed);
    WS_COUNT(chan->server, closed);
    FreeReceiver(session);
    NsWsClientFree(session);
    AddCounters(session, &NsWebSocketsOf(chan->server)->counters, true);
    session->closeCode = code;
    if (session->closeReason == NULL && code == 1013) {
        session->closeReason = ns_strdup("too slow");
    }
    if (session->profile->options.procs.close != NULL) {
        BeginCall(session);
        session->profile->options.procs.close(chan, session->arg, code, session->closeReason != NULL ? session->closeReason : "");
        EndCall(session);
    }
    ChanLock(chan);
    session->command = NULL;                   /* it is the handler's */
    ChanUnlock(chan);
    if (session->profile->options.procs.freeProc != NULL) {
        session->profile->options.procs.freeProc(session->arg);
        session->argFreed = true;
    }
}

/* ---- looking ---- */

bool
Ns_WebSocketGetInfo(NsChan *chan, Ns_WebSocketInfo *info)
{
    WsSession *session = NsWsSessionOf(chan);
    bool       known;

    memset(info, 0, sizeof(*info));
    if (session == NULL) {
        return false;
    }
    known = atomic_load_explicit(&session->handshakeDone, memory_order_acquire);
    info->client = session->client;
    info->tls = session->tls;
    /* What a client agrees on is written before handshakeDone. */
    info->deflate = known && session->deflate.enabled;
    info->topics = subscriptions != NULL ? subscriptions->list(session) : ns_strdup("");
    info->roundTrip = atomic_load_explicit(&session->roundTrip, memory_order_relaxed);
    info->messagesIn = atomic_load_explicit(&session->messagesIn, memory_order_relaxed);
    info->bytesIn = atomic_load_explicit(&session->bytesIn, memory_order_relaxed);
    ChanLock(chan);
    info->state = !ChanIs(chan, CHAN_OPEN) ? NS_WEBSOCKET_CLOSED : atomic_load(&session->closeSent) ? NS_WEBSOCKET_CLOSING
        : known ? NS_WEBSOCKET_OPEN : NS_WEBSOCKET_CONNECTING;
    info->protocol = ns_strdup(NsWsText(session, WS_PROTOCOL));
    info->extensions = ns_strdup(NsWsText(session, WS_EXTENSIONS));
    info->path = ns_strdup(NsWsText(session, WS_PATH));
    info->origin = ns_strdup(NsWsText(session, WS_ORIGIN));
    info->data = ns_strdup(NsWsText(session, WS_DATA));
    info->messagesOut = session->messagesOut;
    info->bytesOut = session->bytesOut;
    info->dropped = session->dropped;
    info->waiting = chan->locked.out.bytes;
    info->closeCode = atomic_load(&session->ownCode) > 0 ? atomic_load(&session->ownCode) : 0;
    ChanUnlock(chan);
    return true;
}

void
Ns_WebSocketInfoFree(Ns_WebSocketInfo *info)
{
    ns_free(info->protocol);
    ns_free(info->extensions);
    ns_free(info->path);
    ns_free(info->origin);
    ns_free(info->data);
    ns_free(info->topics);
}

/* ---- timers ---- */

static int64_t
Earlier(int64_t a, int64_t b)
{
    return a == 0 || b < a ? b : a;
}

/* Without a time-out for pongs, one ping follows the other. */
static int64_t
PingDue(const WsSession *session)
{
    int64_t sent = session->pingOpen ? session->pingSent / 1000 : 0;

    return (sent > session->lastHeard ? sent : session->lastHeard) + session->profile->options.pingInterval;
}

/* The next moment at which something may be due. */
static int64_t
NextDue(const WsSession *session)
{
    int64_t due = 0;

    if (session->closeDue > 0) {
        return session->closeDue;
    }
    if (!session->opened) {
        return NsWsClientDue(session);
    }
    if (session->stopDue > 0) {
        due = session->stopDue;
    }
    if (session->pingOpen && session->profile->options.pongTimeout > 0) {
        due = Earlier(due, session->pingSent / 1000 + session->profile->options.pongTimeout);
    } else if (session->profile->options.pingInterval > 0) {
        due = Earlier(due, PingDue(session));
    }
    if (session->profile->options.idleTimeout > 0) {
        due = Earlier(due, session->lastMessage + session->profile->options.idleTimeout);
    }
    return due;
}

/* One that is armed already for an earlier moment looks again then. */
static void
ArmTimer(WsSession *session)
{
    int64_t due = NextDue(session);

    if (due > 0 && !session->ended && (!NsTimerArmed(&session->timer) || session->timer.due > due)) {
        NsLoopTimerSet(NsWorkerLoop(session->chan->worker), &session->timer, due, Expire);
    }
}

static void
SendPing(WsSession *session)
{
    session->pingSent = NsLoopClockUsec();
    session->pingOpen = true;
    /* When it cannot be sent for what waits, the peer does not read: no pong comes, and that is what counts. */
    (void)NsWsSendControl(session, NS_WS_PING, &session->pingSent, sizeof(session->pingSent));
}

/* When the peer last took some of what waits; 0: nothing waits. */
static int64_t
Progress(NsChan *chan)
{
    int64_t progress;

    ChanLock(chan);
    progress = NsOutEmpty(&chan->locked.out) ? 0 : chan->locked.lastProgress;
    ChanUnlock(chan);
    return progress;
}

static void
Expire(NsLoop *loop, NsTimer *timer)
{
    WsSession *session = (WsSession *)((char *)timer - offsetof(WsSession, timer));
    NsChan    *chan = session->chan;
    int64_t    now = NsLoopNow(loop);

    NS_CHECK(session, WS_MAGIC);
    Ns_ConnChanRetain(chan);
    if (session->pingOpen && (session->lastHeard * 1000 > session->pingSent || Progress(chan) * 1000 > session->pingSent)) {
        session->pingOpen = false;             /* it is alive, whatever it said, or takes what lies before the ping */
    }
    if (!session->opened) {
        if (now >= NsWsClientDue(session)) {
            NsWsClientFail(session, "timeout during the handshake");
        }
    } else if (session->closeDue > 0) {
        if (now >= session->closeDue) {
            WS_COUNT(chan->server, closeTimeouts);
            (void)Ns_ConnChanClose(chan);
        }
    } else if (session->stopDue > 0 && now >= session->stopDue) {
        session->stopDue = 0;
        (void)Ns_WebSocketClose(chan, 1001, "going away");
    } else if (session->profile->options.idleTimeout > 0 && now >= session->lastMessage + session->profile->options.idleTimeout) {
        WS_COUNT(chan->server, idleTimeouts);
        NsWsFail(session, 1001, "idle timeout");
    } else if (session->pingOpen && session->profile->options.pongTimeout > 0
               && now >= session->pingSent / 1000 + session->profile->options.pongTimeout) {
        WS_COUNT(chan->server, pongTimeouts);
        NsWsFail(session, 1001, "no answer to a ping");
    } else if ((!session->pingOpen || session->profile->options.pongTimeout == 0) && session->profile->options.pingInterval > 0
               && now >= PingDue(session)) {
        SendPing(session);
    }
    if (ChanIs(chan, CHAN_OPEN)) {
        ArmTimer(session);
    }
    Ns_ConnChanRelease(chan);
}
