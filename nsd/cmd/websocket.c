/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_websocket: the subcommands that work on sessions and topics.  accept and connect are in websocket_open.c, what calls a
 * session's handler in wshandler.c.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include "cmd/chanobj.h"
#include "cmd/cmds.h"
#include "cmd/websocket_sub.h"
#include "cmd/wshandler.h"
#include "interp.h"
#include "websocket.h"

/* What is wrong with the session, as a message and {NS WEBSOCKET what channel}. */
static int
SessionError(Tcl_Interp *interp, const NsChan *chan, const char *what, const char *message)
{
    Ns_TclPrintfResult(interp, "channel \"%s\" %s", Ns_ConnChanName(chan), message);
    Tcl_SetErrorCode(interp, "NS", "WEBSOCKET", what, Ns_ConnChanName(chan), (char *)NULL);
    return TCL_ERROR;
}

/* After a function of the C API failed: errno says why. */
static int
Failed(Tcl_Interp *interp, NsChan *chan, const char *what)
{
    int code = errno;

    if (!Ns_WebSocketIs(chan)) {
        return SessionError(interp, chan, "NONE", "is no WebSocket");
    }
    switch (code) {
    case EPIPE:
        return SessionError(interp, chan, "CLOSED", "is closed");
    case ENOBUFS:
        return SessionError(interp, chan, "SLOW", "is closed: its peer is slow, maxsendbuffer was reached");
    case EILSEQ:
        Ns_TclPrintfResult(interp, "%s: %s failed: half of a surrogate pair is no text", Ns_ConnChanName(chan), what);
        return TCL_ERROR;
    default:
        errno = code;
        Ns_TclPrintfResult(interp, "%s: %s failed: %s", Ns_ConnChanName(chan), what, Tcl_PosixError(interp));
        return TCL_ERROR;
    }
}

static int
Waiting(Tcl_Interp *interp, ssize_t bytes)
{
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)bytes));
    return TCL_OK;
}

/* ---- messages ---- */

/* Where a message goes: to a channel, or (chan NULL) to a topic. */
typedef struct Target {
    NsChan     *chan;
    NsServer   *server;
    const char *topic;
    NsChan     *exclude;
    unsigned    flags;
} Target;

static ssize_t
Deliver(const Target *target, int type, const void *data, int len)
{
    return target->chan != NULL
        ? Ns_WebSocketSend(target->chan, type, data, (size_t)len, target->flags)
        : Ns_WebSocketPublish(target->server, target->topic, type, data, (size_t)len, target->exclude, target->flags);
}

/*
 * A text goes out as Tcl has it, if that is UTF-8, which is looked at anyway; only one with NUL or characters past the BMP
 * has to be converted.
 */
static ssize_t
DeliverText(const Target *target, Tcl_Obj *message)
{
    int         length;
    const char *string = Tcl_GetStringFromObj(message, &length);
    ssize_t     n = Deliver(target, NS_WEBSOCKET_TEXT, string, length);

    if (n < 0 && errno == EILSEQ) {
        Tcl_DString ds;
        int         code;

        Tcl_DStringInit(&ds);
        NsWsTextExternal(string, length, &ds);
        n = Deliver(target, NS_WEBSOCKET_TEXT, Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
        code = errno;
        Tcl_DStringFree(&ds);
        errno = code;
    }
    return n;
}

/* TCL_ERROR: the message is no message, which is said in the interpreter.  Else *n as Ns_WebSocketSend. */
static int
DeliverObj(Tcl_Interp *interp, const Target *target, Tcl_Obj *message, bool binary, ssize_t *n)
{
    if (binary) {
        int                  length;
        const unsigned char *bytes = NsWsBytesFromObj(interp, message, &length);

        if (bytes == NULL) {
            return TCL_ERROR;
        }
        *n = Deliver(target, NS_WEBSOCKET_BINARY, bytes, length);
    } else {
        *n = DeliverText(target, message);
    }
    return TCL_OK;
}

static int
SendObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    Tcl_Obj        *handle, *message;
    Target          target = {0};
    int             binary = 0, noCompress = 0, status;
    ssize_t         n;
    Ns_ObjvSpec     opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL},
        {"-nocompress", Ns_ObjvBool, &noCompress, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"channel", Ns_ObjvObj, &handle, NULL},
        {"message", Ns_ObjvObj, &message, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    target.chan = NsChanFromObj(interp, ip->server, handle);
    if (target.chan == NULL) {
        return TCL_ERROR;
    }
    target.flags = noCompress != 0 ? NS_WEBSOCKET_NOCOMPRESS : 0u;
    status = DeliverObj(interp, &target, message, binary != 0, &n);
    if (status == TCL_OK) {
        status = n < 0 ? Failed(interp, target.chan, "send") : Waiting(interp, n);
    }
    Ns_ConnChanRelease(target.chan);
    return status;
}

static int
PingObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp      *ip = clientData;
    Tcl_Obj             *handle, *data = NULL;
    NsChan              *chan;
    const unsigned char *bytes = (const unsigned char *)"";
    int                  length = 0, status = TCL_ERROR;
    Ns_ObjvSpec          args[] = {
        {"channel", Ns_ObjvObj, &handle, NULL},
        {"?data", Ns_ObjvObj, &data, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(interp, ip->server, handle);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    if (data != NULL) {
        bytes = NsWsBytesFromObj(interp, data, &length);
    }
    if (bytes != NULL && length > 125) {
        Ns_TclPrintfResult(interp, "%s: a ping has at most 125 bytes of data, not %d", Ns_ConnChanName(chan), length);
    } else if (bytes != NULL) {
        ssize_t n = Ns_WebSocketPing(chan, bytes, (size_t)length);

        status = n < 0 ? Failed(interp, chan, "ping") : Waiting(interp, n);
    }
    Ns_ConnChanRelease(chan);
    return status;
}

/* 1: the closing handshake has begun; 0: it had been begun before. */
static int
Close(Tcl_Interp *interp, NsChan *chan, int code, Tcl_Obj *reasonObj)
{
    Tcl_DString reason;
    int         length, status = TCL_ERROR;
    const char *string = Tcl_GetStringFromObj(reasonObj, &length);
    bool        begun;

    Tcl_DStringInit(&reason);
    NsWsTextExternal(string, length, &reason);
    length = Tcl_DStringLength(&reason);
    if (length > 123) {
        Ns_TclPrintfResult(interp, "%s: a reason has at most 123 bytes, not %d", Ns_ConnChanName(chan), length);
    } else if (code == 0 && length > 0) {
        Ns_TclPrintfResult(interp, "%s: a reason needs a code", Ns_ConnChanName(chan));
    } else {
        begun = Ns_WebSocketClose(chan, code, Tcl_DStringValue(&reason));
        if (begun || (errno == EPIPE && Ns_WebSocketIs(chan))) {
            Tcl_SetObjResult(interp, Tcl_NewBooleanObj(begun));
            status = TCL_OK;
        } else if (errno == EINVAL && Ns_WebSocketIs(chan)) {
            Ns_TclPrintfResult(interp, "%s: cannot be closed with code %d and reason \"%s\"", Ns_ConnChanName(chan), code,
                               string);
        } else {
            status = Failed(interp, chan, "close");
        }
    }
    Tcl_DStringFree(&reason);
    return status;
}

static int
CloseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange codes = {0, 4999};
    const NsInterp *ip = clientData;
    Tcl_Obj        *handle, *reason = NULL;
    NsChan         *chan;
    int             code = 1000, status;
    Ns_ObjvSpec     opts[] = {
        {"-code", Ns_ObjvInt, &code, &codes},
        {"-reason", Ns_ObjvObj, &reason, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"channel", Ns_ObjvObj, &handle, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(interp, ip->server, handle);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    if (reason == NULL) {
        reason = Tcl_NewObj();
    }
    Tcl_IncrRefCount(reason);
    status = Close(interp, chan, code, reason);
    Tcl_DecrRefCount(reason);
    Ns_ConnChanRelease(chan);
    return status;
}

/* ---- topics ---- */

/* The name, or NULL with an error in the interpreter. */
static const char *
TopicFromObj(Tcl_Interp *interp, Tcl_Obj *obj)
{
    int         length;
    const char *topic = Tcl_GetStringFromObj(obj, &length);

    if (length > 0 && length <= NS_WEBSOCKET_MAX_TOPIC) {
        return topic;
    }
    Ns_TclPrintfResult(interp, "the name of a topic has 1 to %d bytes, not %d: \"%.40s%s\"", NS_WEBSOCKET_MAX_TOPIC, length,
                       topic, length > 40 ? "..." : "");
    return NULL;
}

typedef int (TopicProc)(Ns_ConnChan *chan, const char *topic);

static int
TopicError(Tcl_Interp *interp, NsChan *chan, const char *what, const char *topic)
{
    int code = errno;

    if (code == ENOBUFS) {
        Ns_TclPrintfResult(interp, "%s: %s \"%.100s\" failed: maxtopics was reached", Ns_ConnChanName(chan), what, topic);
        return TCL_ERROR;
    }
    errno = code;
    return Failed(interp, chan, what);
}

/* All names are looked at before the first is used. */
static int
EachTopic(Tcl_Interp *interp, NsChan *chan, const char *what, TopicProc *proc, int count, Tcl_Obj *const *topics)
{
    int i, changed = 0;

    for (i = 0; i < count; i++) {
        if (TopicFromObj(interp, topics[i]) == NULL) {
            return TCL_ERROR;
        }
    }
    for (i = 0; i < count; i++) {
        const char *topic = Tcl_GetString(topics[i]);
        int         n = proc(chan, topic);

        if (n < 0) {
            return TopicError(interp, chan, what, topic);
        }
        changed += n;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(changed));
    return TCL_OK;
}

static int
SubscribeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    Tcl_Obj        *handle, *first;
    NsChan         *chan;
    int             more = 0, status;
    Ns_ObjvSpec     args[] = {
        {"channel", Ns_ObjvObj, &handle, NULL},
        {"topic", Ns_ObjvObj, &first, NULL},
        {"?topic", Ns_ObjvArgs, &more, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(interp, ip->server, handle);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    status = EachTopic(interp, chan, "subscribe", Ns_WebSocketSubscribe, objc - 3, objv + 3);
    Ns_ConnChanRelease(chan);
    return status;
}

static int
UnsubscribeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    Tcl_Obj        *handle;
    NsChan         *chan;
    int             count = 0, status;
    Ns_ObjvSpec     args[] = {
        {"channel", Ns_ObjvObj, &handle, NULL},
        {"?topic", Ns_ObjvArgs, &count, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(interp, ip->server, handle);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    if (count > 0) {
        status = EachTopic(interp, chan, "unsubscribe", Ns_WebSocketUnsubscribe, count, objv + 3);
    } else {
        int n = Ns_WebSocketUnsubscribe(chan, NULL);

        status = n < 0 ? Failed(interp, chan, "unsubscribe") : Waiting(interp, n);
    }
    Ns_ConnChanRelease(chan);
    return status;
}

static int
PublishObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    Tcl_Obj        *topic, *message, *exclude = NULL;
    Target          target = {.server = ip->server};
    int             binary = 0, local = 0, noCompress = 0, status;
    ssize_t         n;
    Ns_ObjvSpec     opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL},
        {"-exclude", Ns_ObjvObj, &exclude, (void *)"channel"},
        {"-local", Ns_ObjvBool, &local, NULL},
        {"-nocompress", Ns_ObjvBool, &noCompress, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"topic", Ns_ObjvObj, &topic, NULL},
        {"message", Ns_ObjvObj, &message, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    target.topic = TopicFromObj(interp, topic);
    if (target.topic == NULL) {
        return TCL_ERROR;
    }
    target.flags = (local != 0 ? NS_WEBSOCKET_LOCAL : 0u) | (noCompress != 0 ? NS_WEBSOCKET_NOCOMPRESS : 0u);
    if (exclude != NULL) {
        target.exclude = NsChanFromObj(NULL, ip->server, exclude);   /* one that is gone gets nothing anyway */
    }
    status = DeliverObj(interp, &target, message, binary != 0, &n);
    if (status == TCL_OK && n < 0) {
        Ns_TclPrintfResult(interp, "topic \"%.100s\": publish failed: %s", target.topic,
                           errno == EILSEQ ? "half of a surrogate pair is no text"
                           : errno == ENOBUFS ? "maxpublish is reached: the workers are behind" : Tcl_PosixError(interp));
        status = TCL_ERROR;
    } else if (status == TCL_OK) {
        status = Waiting(interp, n);
    }
    Ns_ConnChanRelease(target.exclude);
    return status;
}

static bool
AppendTopic(const char *topic, size_t subscribers, void *arg)
{
    Tcl_Obj *list = arg;

    (void)subscribers;
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(topic, -1));
    return true;
}

static int
TopicsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    char           *pattern = NULL;
    Tcl_Obj        *list;
    Ns_ObjvSpec     args[] = {{"?pattern", Ns_ObjvString, &pattern, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    Ns_WebSocketTopics(ip->server, pattern, AppendTopic, list);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static int
SubscribersObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    Tcl_Obj        *topicObj, *list;
    NsChan        **chans = NULL;
    size_t          count, i;
    Ns_ObjvSpec     args[] = {{"topic", Ns_ObjvObj, &topicObj, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || TopicFromObj(interp, topicObj) == NULL) {
        return TCL_ERROR;
    }
    count = Ns_WebSocketSubscribers(ip->server, Tcl_GetString(topicObj), &chans);
    list = Tcl_NewListObj(0, NULL);
    for (i = 0u; i < count; i++) {
        Tcl_ListObjAppendElement(NULL, list, NsChanNewObj(chans[i]));
        Ns_ConnChanRelease(chans[i]);
    }
    ns_free(chans);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* ---- what is known ---- */

static void
PutText(Tcl_Obj *dict, const char *key, const char *value)
{
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), Tcl_NewStringObj(value != NULL ? value : "", -1));
}

static void
PutNumber(Tcl_Obj *dict, const char *key, int64_t value)
{
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), Tcl_NewWideIntObj((Tcl_WideInt)value));
}

static Tcl_Obj *
InfoDict(const Ns_WebSocketInfo *info)
{
    static const char *const states[] = {"connecting", "open", "closing", "closed"};
    Tcl_Obj *dict = Tcl_NewDictObj();

    PutText(dict, "state", states[info->state]);
    PutText(dict, "role", info->client ? "client" : "server");
    PutNumber(dict, "tls", info->tls);
    PutNumber(dict, "deflate", info->deflate);
    PutText(dict, "protocol", info->protocol);
    PutText(dict, "extensions", info->extensions);
    PutText(dict, "path", info->path);
    PutText(dict, "origin", info->origin);
    PutText(dict, "data", info->data);
    PutText(dict, "topics", info->topics);
    PutNumber(dict, "messagesin", (int64_t)info->messagesIn);
    PutNumber(dict, "messagesout", (int64_t)info->messagesOut);
    PutNumber(dict, "bytesin", (int64_t)info->bytesIn);
    PutNumber(dict, "bytesout", (int64_t)info->bytesOut);
    PutNumber(dict, "dropped", (int64_t)info->dropped);
    PutNumber(dict, "waiting", (int64_t)info->waiting);
    PutNumber(dict, "rtt", info->roundTrip);
    PutNumber(dict, "closecode", info->closeCode);
    return dict;
}

/* Of a session that is closed as well, while its `close` is being handled. */
static int
InfoObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp  *ip = clientData;
    Tcl_Obj         *handle;
    NsChan          *chan;
    Ns_WebSocketInfo info;
    int              status = TCL_OK;
    Ns_ObjvSpec      args[] = {{"channel", Ns_ObjvObj, &handle, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsWsHandledChan(ip->server, Tcl_GetString(handle));
    if (chan == NULL) {
        chan = NsChanFromObj(interp, ip->server, handle);
    }
    if (chan == NULL) {
        return TCL_ERROR;
    }
    if (Ns_WebSocketGetInfo(chan, &info)) {
        Tcl_SetObjResult(interp, InfoDict(&info));
        Ns_WebSocketInfoFree(&info);
    } else {
        status = SessionError(interp, chan, "NONE", "is no WebSocket");
    }
    Ns_ConnChanRelease(chan);
    return status;
}

#define COUNTER(name, field) {name, offsetof(NsWsCounters, field)}
static const struct { const char *name; size_t offset; } counters[] = {
    COUNTER("accepted", accepted), COUNTER("connected", connected), COUNTER("connectfailed", connectFailed),
    COUNTER("closed", closed), COUNTER("refusedhandshake", refusedHandshake), COUNTER("refusedorigin", refusedOrigin),
    COUNTER("refusedperip", refusedPerIp), COUNTER("messagesin", messagesIn), COUNTER("messagesout", messagesOut),
    COUNTER("bytesin", bytesIn), COUNTER("bytesout", bytesOut), COUNTER("pings", pings), COUNTER("pongs", pongs),
    COUNTER("protocolerrors", protocolErrors), COUNTER("invalidtext", invalidText), COUNTER("toobig", tooBig),
    COUNTER("toomanyfragments", tooManyFragments), COUNTER("pongtimeouts", pongTimeouts),
    COUNTER("idletimeouts", idleTimeouts), COUNTER("closetimeouts", closeTimeouts), COUNTER("slowclosed", slowClosed),
    COUNTER("slowdropped", slowDropped), COUNTER("published", published), COUNTER("publishrefused", publishRefused), COUNTER("delivered", delivered),
    COUNTER("compressed", compressed), COUNTER("inflated", inflated)
};

static int
StatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    const char     *values;
    Tcl_Obj        *dict;
    size_t          i;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    values = (const char *)NsWebSocketCounters(ip->server);
    dict = Tcl_NewDictObj();
    PutNumber(dict, "sessions", (int64_t)NsWebSocketCount(ip->server));
    PutNumber(dict, "topics", (int64_t)NsTopicCount(ip->server));
    for (i = 0u; i < sizeof(counters) / sizeof(counters[0]); i++) {
        const atomic_ullong *value = (const void *)(values + counters[i].offset);

        PutNumber(dict, counters[i].name, (int64_t)atomic_load_explicit(value, memory_order_relaxed));
    }
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}

static int
WebSocketObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"accept", NsWsAcceptObjCmd},
        {"close", CloseObjCmd},
        {"connect", NsWsConnectObjCmd},
        {"info", InfoObjCmd},
        {"ping", PingObjCmd},
        {"publish", PublishObjCmd},
        {"send", SendObjCmd},
        {"stats", StatsObjCmd},
        {"subscribe", SubscribeObjCmd},
        {"subscribers", SubscribersObjCmd},
        {"topics", TopicsObjCmd},
        {"unsubscribe", UnsubscribeObjCmd},
        {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

const NsCmd nsWebSocketCmds[] = {
    {"ns_websocket", WebSocketObjCmd, NS_CMD_SERVER},
    {NULL, NULL, 0u}
};
