/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the commands about keys share.  The interpreter's thread.
 */
#ifndef NSD_CMD_CRYPTO_KEYS_H
#define NSD_CMD_CRYPTO_KEYS_H

#include "cmd/cmds.h"
#include "crypto/key.h"

/* ?-name? ?-group? ?-outfile?: the PEM text of a new private key, or "" when it went to the file. */
int CryptoGenerate(Tcl_Interp *interp, char *name, NsKeyPurpose purpose, int objc, Tcl_Obj *const *objv);
/* ?-passphrase? ?-outfile? -pem: the PEM text of a public key; `can` (or NULL) says which, the others are `cannot`. */
int CryptoPublicPem(Tcl_Interp *interp, NsKeyPart part, bool (*can)(EVP_PKEY *key), const char *cannot, int objc,
                    Tcl_Obj *const *objv);
/* ?-encoding? ?-passphrase? -pem: what `get` finds of a private key. */
int CryptoPrivateRaw(Tcl_Interp *interp, bool (*get)(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why), int objc,
                     Tcl_Obj *const *objv);
/* PEM text as the result, or into a file (`file` not NULL).  Both are freed; key NULL: TCL_ERROR with `why`. */
int CryptoPemResult(Tcl_Interp *interp, EVP_PKEY *key, bool private, const char *file, NsCryptoWhy *why);
/* `done` false: the error, else the secret, which is freed. */
int CryptoKeyResult(Tcl_Interp *interp, bool done, NsSecret *secret, int encoding, const NsCryptoWhy *why);

#endif
