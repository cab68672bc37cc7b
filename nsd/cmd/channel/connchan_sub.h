/* SPDX-License-Identifier: MPL-2.0 */
/* The subcommands of ns_connchan that are in connchan_open.c and connchan_send.c, and what ns_websocket shares with them. */
#ifndef NSD_CONNCHAN_SUB_H
#define NSD_CONNCHAN_SUB_H

#include "ns.h"

Tcl_ObjCmdProc NsChanConnectObjCmd, NsChanOpenObjCmd, NsChanListenObjCmd, NsChanSendFileObjCmd, NsChanStatsObjCmd, NsChanConfigureObjCmd;

/*
 * -cafile, -capath, -cert, -key, -hostname, -insecure as given; NULL or 0: not, then the section ns/server/S/httpclient counts.  False
 * with an error in the interpreter.
 */
typedef struct NsChanTlsOptions { char *caFile, *caPath, *cert, *key, *hostname; int insecure; } NsChanTlsOptions;
bool NsChanFillTls(Tcl_Interp *interp, const NsServer *server, const NsChanTlsOptions *options, Ns_ConnChanConnectParams *params);

#endif
