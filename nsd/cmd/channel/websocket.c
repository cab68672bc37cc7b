/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_websocket: the subcommands that work on sessions.  accept and connect are in websocket_open.c, those on topics in
 * websocket_topic.c, what calls a session's handler in wshandler.c.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include "base/dict.h"
#include "base/text.h"
#include "cmd/channel/chanobj.h"
#include "cmd/cmds.h"
#include "cmd/channel/websocket_sub.h"
#include "cmd/channel/wshandler.h"
#include "interp/interp.h"
#include "websocket/websocket.h"

/* ---- messages ---- */

static ssize_t
ToSession(const NsWsTarget *target, int type, const void *data, size_t len)
{
    return Ns_WebSocketSend(target->chan, type, data, len, target->flags);
}

static int
SendObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj        *handle, *message;
    NsWsTarget      target = {.deliver = ToSession};
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

    target.chan = NsChanOfArgs(clientData, interp, objc, objv, opts, args, NULL);
    if (target.chan == NULL) {
        return TCL_ERROR;
    }
    target.flags = noCompress != 0 ? NS_WEBSOCKET_NOCOMPRESS : 0u;
    status = NsWsDeliverObj(interp, &target, message, binary != 0, &n);
    if (status == TCL_OK) {
        status = n < 0 ? NsWsFailed(interp, target.chan, "send") : NsWsWaiting(interp, n);
    }
    Ns_ConnChanRelease(target.chan);
    return status;
}

static int
PingObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj             *handle, *data = NULL;
    NsChan              *chan;
    const unsigned char *bytes = (const unsigned char *)"";
    int                  length = 0, status = TCL_ERROR;
    Ns_ObjvSpec          args[] = {
        {"channel", Ns_ObjvObj, &handle, NULL},
        {"?data", Ns_ObjvObj, &data, NULL},
        {NULL, NULL, NULL, NULL}
    };

    chan = NsChanOfArgs(clientData, interp, objc, objv, NULL, args, NULL);
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

        status = n < 0 ? NsWsFailed(interp, chan, "ping") : NsWsWaiting(interp, n);
    }
    Ns_ConnChanRelease(chan);
    return status;
}

/* 1: the closing handshake has begun; 0: it had been begun before. */
static int
Close(Tcl_Interp *interp, NsChan *chan, int code, Tcl_Obj *reasonObj)
{
    Tcl_DString reason;
    size_t      bytes;
    int         length, status = TCL_ERROR;
    const char *string = Tcl_GetStringFromObj(reasonObj, &length);
    bool        begun;

    Tcl_DStringInit(&reason);
    (void)NsTextOut(&reason, string, (size_t)length, &bytes);
    if (bytes > 123u) {
        Ns_TclPrintfResult(interp, "%s: a reason has at most 123 bytes, not %zu", Ns_ConnChanName(chan), bytes);
    } else if (code == 0 && bytes > 0u) {
        Ns_TclPrintfResult(interp, "%s: a reason needs a code", Ns_ConnChanName(chan));
    } else {
        begun = Ns_WebSocketClose(chan, code, string);
        if (begun || (errno == EPIPE && Ns_WebSocketIs(chan))) {
            Tcl_SetObjResult(interp, Tcl_NewBooleanObj(begun));
            status = TCL_OK;
        } else if (errno == EINVAL && Ns_WebSocketIs(chan)) {
            Ns_TclPrintfResult(interp, "%s: cannot be closed with code %d and reason \"%s\"", Ns_ConnChanName(chan), code,
                               string);
        } else {
            status = NsWsFailed(interp, chan, "close");
        }
    }
    Tcl_DStringFree(&reason);
    return status;
}

static int
CloseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange codes = {0, 4999};
    Tcl_Obj        *reason = NULL;
    NsChan         *chan;
    int             code = 1000, status;
    Ns_ObjvSpec     opts[] = {
        {"-code", Ns_ObjvInt, &code, &codes},
        {"-reason", Ns_ObjvObj, &reason, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };

    chan = NsChanOfArgs(clientData, interp, objc, objv, opts, NULL, NULL);
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

/* ---- what is known ---- */

static Tcl_Obj *
InfoDict(const Ns_WebSocketInfo *info)
{
    static const char *const states[] = {"connecting", "open", "closing", "closed"};
    Tcl_Obj *dict = Tcl_NewDictObj();

    NsDictPutText(dict, "state", states[info->state]);
    NsDictPutText(dict, "role", info->client ? "client" : "server");
    NsDictPutNumber(dict, "tls", info->tls);
    NsDictPutNumber(dict, "deflate", info->deflate);
    NsDictPutText(dict, "protocol", info->protocol);
    NsDictPutText(dict, "extensions", info->extensions);
    NsDictPutText(dict, "path", info->path);
    NsDictPutText(dict, "origin", info->origin);
    NsDictPutText(dict, "data", info->data);
    NsDictPutText(dict, "topics", info->topics);
    NsDictPutNumber(dict, "messagesin", (int64_t)info->messagesIn);
    NsDictPutNumber(dict, "messagesout", (int64_t)info->messagesOut);
    NsDictPutNumber(dict, "bytesin", (int64_t)info->bytesIn);
    NsDictPutNumber(dict, "bytesout", (int64_t)info->bytesOut);
    NsDictPutNumber(dict, "dropped", (int64_t)info->dropped);
    NsDictPutNumber(dict, "waiting", (int64_t)info->waiting);
    NsDictPutNumber(dict, "rtt", info->roundTrip);
    NsDictPutNumber(dict, "closecode", info->closeCode);
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
        status = NsWsSessionError(interp, chan, "NONE", "is no WebSocket");
    }
    Ns_ConnChanRelease(chan);
    return status;
}

static const NsDictCounter counters[] = {
    {"accepted", offsetof(NsWsCounters, accepted)},
    {"connected", offsetof(NsWsCounters, connected)},
    {"connectfailed", offsetof(NsWsCounters, connectFailed)},
    {"closed", offsetof(NsWsCounters, closed)},
    {"refusedhandshake", offsetof(NsWsCounters, refusedHandshake)},
    {"refusedorigin", offsetof(NsWsCounters, refusedOrigin)},
    {"refusedperip", offsetof(NsWsCounters, refusedPerIp)},
    {"messagesin", offsetof(NsWsCounters, messagesIn)},
    {"messagesout", offsetof(NsWsCounters, messagesOut)},
    {"bytesin", offsetof(NsWsCounters, bytesIn)},
    {"bytesout", offsetof(NsWsCounters, bytesOut)},
    {"pings", offsetof(NsWsCounters, pings)},
    {"pongs", offsetof(NsWsCounters, pongs)},
    {"protocolerrors", offsetof(NsWsCounters, protocolErrors)},
    {"invalidtext", offsetof(NsWsCounters, invalidText)},
    {"toobig", offsetof(NsWsCounters, tooBig)},
    {"toomanyfragments", offsetof(NsWsCounters, tooManyFragments)},
    {"pongtimeouts", offsetof(NsWsCounters, pongTimeouts)},
    {"idletimeouts", offsetof(NsWsCounters, idleTimeouts)},
    {"closetimeouts", offsetof(NsWsCounters, closeTimeouts)},
    {"slowclosed", offsetof(NsWsCounters, slowClosed)},
    {"slowdropped", offsetof(NsWsCounters, slowDropped)},
    {"inputlimits", offsetof(NsWsCounters, inputLimits)},
    {"published", offsetof(NsWsCounters, published)},
    {"publishrefused", offsetof(NsWsCounters, publishRefused)},
    {"topicsrefused", offsetof(NsWsCounters, topicsRefused)},
    {"delivered", offsetof(NsWsCounters, delivered)},
    {"compressed", offsetof(NsWsCounters, compressed)},
    {"inflated", offsetof(NsWsCounters, inflated)},
    {"yielded", offsetof(NsWsCounters, yielded)}
};

static int
StatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    Tcl_Obj        *dict;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    dict = Tcl_NewDictObj();
    NsDictPutNumber(dict, "sessions", (int64_t)NsWebSocketCount(ip->server));
    NsDictPutNumber(dict, "topics", (int64_t)NsTopicCount(ip->server));
    NsDictPutNumber(dict, "topicmemory", (int64_t)NsTopicMemory(ip->server));
    NsDictPutCounters(dict, counters, sizeof(counters) / sizeof(counters[0]), NsWebSocketCounters(ip->server));
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
        {"publish", NsWsPublishObjCmd},
        {"send", SendObjCmd},
        {"stats", StatsObjCmd},
        {"subscribe", NsWsSubscribeObjCmd},
        {"subscribers", NsWsSubscribersObjCmd},
        {"topics", NsWsTopicsObjCmd},
        {"unsubscribe", NsWsUnsubscribeObjCmd},
        {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

const NsCmd nsWebSocketCmds[] = {
    {"ns_websocket", WebSocketObjCmd, NS_CMD_SERVER},
    {NULL, NULL, 0u}
};
