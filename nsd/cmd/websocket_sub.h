/* SPDX-License-Identifier: MPL-2.0 */
/* The subcommands of ns_websocket that are in websocket_open.c. */
#ifndef NSD_WEBSOCKET_SUB_H
#define NSD_WEBSOCKET_SUB_H

#include <tcl.h>

Tcl_ObjCmdProc NsWsAcceptObjCmd, NsWsConnectObjCmd;

#endif
