/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the two files of the digest commands share: crypto.c (one call) and digest.c (handles, signatures, key derivation).
 */
#ifndef NSD_CMD_CRYPTO_H
#define NSD_CMD_CRYPTO_H

#include <openssl/err.h>
#include <openssl/evp.h>
#include "codec.h"

/* NULL, with a message in the result: not known. */
const EVP_MD *NsCryptoDigest(Tcl_Interp *interp, const char *name);
/* Leave the reason OpenSSL gives in the result; TCL_ERROR. */
int NsCryptoError(Tcl_Interp *interp, const char *what);
/* Results of a digest and of `string` of hmac, with the options of objv[offset ...]. */
int NsCryptoMd(Tcl_Interp *interp, const EVP_MD *md, Tcl_Obj *message, bool binary, NsByteEncoding encoding);
int NsCryptoHmacString(Tcl_Interp *interp, int offset, int objc, Tcl_Obj *const *objv);

/* digest.c */
Tcl_ObjCmdProc NsCryptoMdObjCmd, NsCryptoHmacObjCmd;

#endif
