/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reading JSON web tokens: jwtread.c.
 */
#ifndef NSD_CMD_CRYPTO_JWT_H
#define NSD_CMD_CRYPTO_JWT_H

#include "cmd/cmds.h"

Tcl_ObjCmdProc CryptoJwtDecodeObjCmd;
Tcl_ObjCmdProc CryptoJwtVerifyObjCmd;

#endif
