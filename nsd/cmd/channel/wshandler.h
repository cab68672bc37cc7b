/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket handlers that are Tcl commands, and messages between Tcl's strings and the wire.
 */
#ifndef NSD_WSHANDLER_H
#define NSD_WSHANDLER_H

#include "connchan.h"

/*
 * Any thread with an interpreter.  Fill a handler that evaluates `{*}$command event channel ...` on the channel's worker:
 *     open channel      message channel text|binary payload      drain channel      close channel code reason
 * An error in open or message ends the session with 1011.  TCL_ERROR when `command` is not a list, or an empty one.  The
 * handler is to be passed to Ns_WebSocketAccept or Ns_WebSocketConnect, which free it in any case.
 */
int NsWsTclHandler(Tcl_Interp *interp, Tcl_Obj *command, Ns_WebSocketHandler *handler);

/*
 * The interpreter's thread.  The channel of that name whose handler runs in this thread at the moment, retained, though it
 * may be closed already; NULL: none.
 */
NsChan *NsWsHandledChan(NsServer *server, const char *name);

/* Tcl 8.6 counts the bytes of a string in an int; a text may take twice its size, and twice that while it is converted. */
#define NS_WS_TCL_MAXMESSAGE ((size_t)256 << 20)

/* A text as received (valid UTF-8) as a Tcl string with reference count 0. */
Tcl_Obj *NsWsTextObj(const char *data, size_t len);
/* The bytes of an object; NULL with an error in the interpreter when it has characters that are no bytes. */
const unsigned char *NsWsBytesFromObj(Tcl_Interp *interp, Tcl_Obj *obj, int *length);

#endif
