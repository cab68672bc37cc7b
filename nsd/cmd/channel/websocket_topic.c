/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_websocket subscribe, unsubscribe, publish, topics and subscribers.
 */
#include <errno.h>
#include "cmd/channel/chanobj.h"
#include "cmd/channel/websocket_sub.h"
#include "interp/interp.h"

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

    if (code == ENOBUFS || code == ENOMEM) {
        Ns_TclPrintfResult(interp, "%s: %s \"%.100s\" failed: %s was reached", Ns_ConnChanName(chan), what, topic,
                           code == ENOBUFS ? "maxtopics" : "maxtopicmemory");
        return TCL_ERROR;
    }
    errno = code;
    return NsWsFailed(interp, chan, what);
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

/* channel, and topics behind it, one at least or none too: all that the session has subscribed to. */
static int
OnTopics(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, const char *what, TopicProc *proc, bool mayBeNone)
{
    Tcl_Obj    *handle, *first;
    int         more = 0, count = objc - 3, status;
    NsChan     *chan;
    Ns_ObjvSpec args[] = {
        {"channel", Ns_ObjvObj, &handle, NULL},
        {"topic", Ns_ObjvObj, &first, NULL},
        {"?topic", Ns_ObjvArgs, &more, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (mayBeNone) {
        args[1] = args[2];
        args[2] = args[3];
    }
    chan = NsChanOfArgs(clientData, interp, objc, objv, NULL, args, NULL);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    if (count > 0) {
        status = EachTopic(interp, chan, what, proc, count, objv + 3);
    } else {
        int n = proc(chan, NULL);

        status = n < 0 ? NsWsFailed(interp, chan, what) : NsWsWaiting(interp, n);
    }
    Ns_ConnChanRelease(chan);
    return status;
}

int
NsWsSubscribeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return OnTopics(clientData, interp, objc, objv, "subscribe", Ns_WebSocketSubscribe, false);
}

int
NsWsUnsubscribeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return OnTopics(clientData, interp, objc, objv, "unsubscribe", Ns_WebSocketUnsubscribe, true);
}

static ssize_t
ToTopic(const NsWsTarget *target, int type, const void *data, size_t len)
{
    return Ns_WebSocketPublish(target->server, target->topic, type, data, len, target->exclude, target->flags);
}

int
NsWsPublishObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    Tcl_Obj        *topic, *message, *exclude = NULL;
    NsWsTarget      target = {.deliver = ToTopic, .server = ip->server};
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
    status = NsWsDeliverObj(interp, &target, message, binary != 0, &n);
    if (status == TCL_OK && n < 0) {
        Ns_TclPrintfResult(interp, "topic \"%.100s\": publish failed: %s", target.topic,
                           errno == EILSEQ ? "half of a surrogate pair is no text"
                           : errno == ENOBUFS ? "maxpublish is reached: the workers are behind" : Tcl_PosixError(interp));
        status = TCL_ERROR;
    } else if (status == TCL_OK) {
        status = NsWsWaiting(interp, n);
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

int
NsWsTopicsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
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

int
NsWsSubscribersObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
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
