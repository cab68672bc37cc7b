/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Procs of the register family that are in other files than its table.
 */
#ifndef NSD_CMD_REGISTER_H
#define NSD_CMD_REGISTER_H

#include "ns.h"

/* register_file.c */
Tcl_ObjCmdProc NsRegisterUrl2FileObjCmd, NsRegisterFastUrl2FileObjCmd, NsUnregisterUrl2FileObjCmd;
/* register_space.c */
Tcl_ObjCmdProc NsUrlSpaceObjCmd;
/* auth.c */
Tcl_ObjCmdProc NsRegisterAuthObjCmd, NsAuthObjCmd, NsRequestAuthorizeObjCmd, NsPasswordCheckObjCmd;

#endif
