/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Subcommands of ns_crypto::md that stand in another file.
 */
#ifndef NSD_CMD_CRYPTO_PARTS_H
#define NSD_CMD_CRYPTO_PARTS_H

#include "cmd/cmds.h"

Tcl_ObjCmdProc CryptoMdStringObjCmd;           /* sign.c */
Tcl_ObjCmdProc CryptoVapidSignObjCmd;
Tcl_ObjCmdProc CryptoHkdfObjCmd;               /* kdf.c */

#endif
