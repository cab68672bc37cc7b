/* SPDX-License-Identifier: MPL-2.0 */
/* The subcommands of ns_connchan that are in connchan_open.c and connchan_send.c. */
#ifndef NSD_CONNCHAN_SUB_H
#define NSD_CONNCHAN_SUB_H

#include <tcl.h>

Tcl_ObjCmdProc NsChanConnectObjCmd, NsChanOpenObjCmd, NsChanListenObjCmd, NsChanSendFileObjCmd, NsChanStatsObjCmd;

#endif
