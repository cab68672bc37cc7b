/* SPDX-License-Identifier: MPL-2.0 */
/* The subcommands of ns_connchan that make client and listening channels. */
#ifndef NSD_CONNCHAN_OPEN_H
#define NSD_CONNCHAN_OPEN_H

#include <tcl.h>

Tcl_ObjCmdProc NsChanConnectObjCmd, NsChanOpenObjCmd, NsChanListenObjCmd;

#endif
