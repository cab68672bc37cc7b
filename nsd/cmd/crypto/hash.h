/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Digests and authentication codes as results of commands.  The interpreter's thread.
 */
#ifndef NSD_CMD_CRYPTO_HASH_H
#define NSD_CMD_CRYPTO_HASH_H

#include "cmd/cmds.h"
#include "crypto/digest.h"

int CryptoMdResult(Tcl_Interp *interp, const EVP_MD *md, Tcl_Obj *message, bool binary, int encoding);
int CryptoHmacResult(Tcl_Interp *interp, const EVP_MD *md, Tcl_Obj *key, Tcl_Obj *message, bool binary, int encoding);
/* With the options and arguments of objv[offset ...]. */
int CryptoHmacString(Tcl_Interp *interp, int offset, int objc, Tcl_Obj *const *objv);
/* What it is so far. */
int CryptoHashResult(Tcl_Interp *interp, const NsHash *hash, int encoding);

#endif
