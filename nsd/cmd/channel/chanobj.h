/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Channels as Tcl sees them: handles that cache their channel, and callbacks that are Tcl commands.
 */
#ifndef NSD_CHANOBJ_H
#define NSD_CHANOBJ_H

#include "connchan.h"

/*
 * The interpreter's thread.  The open channel of this server that the handle names, retained; else NULL, with
 * `channel "NAME" does not exist` in the interpreter (which may be NULL).
 */
NsChan *NsChanFromObj(Tcl_Interp *interp, NsServer *server, Tcl_Obj *handle);
Tcl_Obj *NsChanNewObj(NsChan *chan);           /* a handle for it, reference count 0 */

/* A word that a thread uses again and again: made at first, kept in *word, a thread's own variable, and released when the thread ends. */
Tcl_Obj *NsThreadWord(Tcl_Obj **word, const char *text);

/*
 * A subcommand on one channel: parse its options and arguments, of which the first is {"channel", Ns_ObjvObj, &handle, NULL}; args NULL:
 * the channel alone.  The channel as NsChanFromObj gives it, of the server that *server is then (NULL, or server NULL: the
 * interpreter's); else NULL with an error.
 */
NsChan *NsChanOfArgs(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Ns_ObjvSpec *opts, Ns_ObjvSpec *args,
                     NsServer *const *server);

/*
 * Fill a callback that evaluates `{*}$command why` on the channel's worker.  TCL_ERROR when `command` is not a list, or
 * an empty one.  Pass it to Ns_ConnChanSetCallback, and if that refuses, to NsChanTclCallbackFree.
 */
int  NsChanTclCallback(Tcl_Interp *interp, Tcl_Obj *command, unsigned when, Ns_ConnChanCallback *callback);
void NsChanTclCallbackFree(void *arg);
/* "rwex" and back; "" for none. */
const char *NsChanWhenString(unsigned when, char buffer[5]);
/* False: not one or more of these letters. */
bool NsChanParseWhen(const char *string, unsigned *when);

#endif
