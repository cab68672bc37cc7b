/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_http queue, and what is done with requests in it.
 */
#ifndef NSD_CMD_HTTPQUEUE_H
#define NSD_CMD_HTTPQUEUE_H

#include "ns.h"

Tcl_ObjCmdProc NsHttpQueueObjCmd, NsHttpWaitObjCmd, NsHttpCancelObjCmd, NsHttpCleanupObjCmd, NsHttpListObjCmd, NsHttpStatsObjCmd;

#endif
