/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Scripts that get all that is logged.
 */
#ifndef NSD_LOGSCRIPT_H
#define NSD_LOGSCRIPT_H

#include "ns.h"

/* ns_logctl register /script/ ?/arg .../?, ns_logctl unregister /handle/ */
Tcl_ObjCmdProc NsTclLogRegisterObjCmd, NsTclLogUnregisterObjCmd;

#endif
