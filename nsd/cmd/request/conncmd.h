/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the commands about the current request share.
 */
#ifndef NSD_CMD_CONNCMD_H
#define NSD_CMD_CONNCMD_H

#include "request/conn.h"
#include "interp/interp.h"

/* The request being served; NULL with the error "no connection". */
NsConn *NsCmdConn(Tcl_Interp *interp, ClientData clientData);
/* The same, if it may still be written to; else NULL with the reason. */
NsConn *NsCmdOpenConn(Tcl_Interp *interp, ClientData clientData);
/* 1 as a command's result for NS_OK, else 0. */
int     NsCmdStatusResult(Tcl_Interp *interp, Ns_ReturnCode status);
/* May this be a header's value?  False with an error: it has CR, LF, NUL or another control. */
bool    NsCmdHeaderValueOk(Tcl_Interp *interp, const char *header, Tcl_Obj *value);

/*
 * ns_atclose: run the scripts that wait for the answer's end.  Whoever may have completed it calls this; the result of the
 * interpreter stays as it is.
 */
void NsAtCloseCheck(Tcl_Interp *interp, NsInterp *data);
/* conn_body.c: copy the request's body to a channel */
Tcl_ObjCmdProc NsConnCopyToChannelObjCmd;
/* return_write.c */
Tcl_ObjCmdProc NsHeadersObjCmd, NsStartContentObjCmd, NsWriteObjCmd, NsWriteFpObjCmd, NsConnSendFpObjCmd,
    NsReturnFpObjCmd;
/* The next `len` bytes of a channel as the whole answer, by the file behind it if there is one. */
Ns_ReturnCode NsReturnChannel(NsConn *conn, int status, const char *type, Tcl_Channel chan, size_t len);

#endif
