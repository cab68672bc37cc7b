/* SPDX-License-Identifier: MPL-2.0 */
/* What the files of ns_websocket share: websocket.c, websocket_open.c, websocket_topic.c. */
#ifndef NSD_WEBSOCKET_SUB_H
#define NSD_WEBSOCKET_SUB_H

#include "ns.h"

/* websocket_open.c */
Tcl_ObjCmdProc NsWsAcceptObjCmd, NsWsConnectObjCmd;
/* websocket_topic.c */
Tcl_ObjCmdProc NsWsPublishObjCmd, NsWsSubscribeObjCmd, NsWsSubscribersObjCmd, NsWsTopicsObjCmd, NsWsUnsubscribeObjCmd;

/* TCL_ERROR: what is wrong with the session, as a message and {NS WEBSOCKET what channel}. */
int NsWsSessionError(Tcl_Interp *interp, const Ns_ConnChan *chan, const char *what, const char *message);
/* The same, after a function of the C API failed: errno says why. */
int NsWsFailed(Tcl_Interp *interp, Ns_ConnChan *chan, const char *what);
/* TCL_OK, and the number as the result. */
int NsWsWaiting(Tcl_Interp *interp, ssize_t bytes);

/* Where a message goes: to a session, or to a topic. */
typedef struct NsWsTarget NsWsTarget;
struct NsWsTarget {
    ssize_t   (*deliver)(const NsWsTarget *target, int type, const void *data, size_t len);      /* as Ns_WebSocketSend */
    Ns_ConnChan *chan;
    Ns_Server   *server;
    const char  *topic;
    Ns_ConnChan *exclude;
    unsigned     flags;
};
/* TCL_ERROR: the message is no message, which is said in the interpreter.  Else *n as Ns_WebSocketSend. */
int NsWsDeliverObj(Tcl_Interp *interp, const NsWsTarget *target, Tcl_Obj *message, bool binary, ssize_t *n);

#endif
