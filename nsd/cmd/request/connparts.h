/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Subcommands of ns_conn that are in other files than its table.  Each parses its arguments from objv[2] on.
 */
#ifndef NSD_CMD_CONNPARTS_H
#define NSD_CMD_CONNPARTS_H

#include "cmd/request/conncmd.h"

/* conn_peer.c: who is at the other end */
Tcl_ObjCmdProc NsConnPeerAddrObjCmd, NsConnDetailsObjCmd, NsConnClientCertObjCmd, NsConnChannelObjCmd;
Tcl_Obj *NsConnPrivacyObj(NsConn *conn);
/* conn_body.c: the request's body */
Tcl_ObjCmdProc NsConnContentObjCmd, NsConnCopyObjCmd;
Tcl_Obj *NsConnContentTypeObj(NsConn *conn);
/* conn_form.c: the form */
Tcl_ObjCmdProc NsConnFormObjCmd, NsConnFilesObjCmd, NsConnFileHeadersObjCmd, NsConnFileLengthObjCmd,
    NsConnFileOffsetObjCmd, NsGetJsonObjCmd;
/* The handle of a set that belongs to the request, always the same one, as the result. */
int NsConnSetResult(Tcl_Interp *interp, ClientData clientData, Ns_Set *set);

/* cookie.c */
Tcl_ObjCmdProc NsSetCookieObjCmd, NsGetCookieObjCmd, NsDeleteCookieObjCmd;

#endif
