/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the commands of this family share: bytes of Tcl values in, encoded bytes out.  The interpreter's thread.
 */
#ifndef NSD_CMD_CRYPTO_INPUT_H
#define NSD_CMD_CRYPTO_INPUT_H

#include <openssl/evp.h>
#include "cmd/cmds.h"
#include "crypto/crypto.h"
#include "interp/objv.h"
#include "request/codec.h"

/*
 * The bytes that a value stands for, valid until they are dropped, which wipes the copy where there is one.  (Tcl's own values
 * stay: they are the script's.)
 */
typedef struct CryptoInput {
    NsBytes     bytes;
    Tcl_DString copy;
} CryptoInput;

/* A byte per character of binary data or with `binary`, else the text in UTF-8; NULL: no bytes. */
void CryptoInputTake(CryptoInput *input, Tcl_Obj *obj, bool binary);
/* A byte per character; one that is no byte is an error, in which `what` says what it is of.  To be dropped in either case. */
int  CryptoInputTakeBytes(Tcl_Interp *interp, CryptoInput *input, Tcl_Obj *obj, const char *what);
void CryptoInputDrop(CryptoInput *input);

/* TCL_OK or, with a message, TCL_ERROR: a result of so many bytes is too long for a Tcl value.  To be asked before they are made. */
int CryptoCheckLength(Tcl_Interp *interp, size_t len);
/* The result; TCL_ERROR as above. */
int CryptoResult(Tcl_Interp *interp, const void *bytes, size_t len, int encoding);
/* The same for a secret, which is freed. */
int CryptoSecretResult(Tcl_Interp *interp, NsSecret *secret, int encoding);
/* TCL_ERROR, with why. */
int CryptoError(Tcl_Interp *interp, const NsCryptoWhy *why);
/* NULL, with a message: not known, or (`fixed`) not of a fixed length. */
const EVP_MD *CryptoDigest(Tcl_Interp *interp, const char *name, bool fixed);

/* Lines of option tables. */
#define OPT_ENCODING(var)   {"-encoding", Ns_ObjvIndex, &(var), (void *)(uintptr_t)nsByteEncodings}
#define OPT_DIGEST(var)     {"-digest", Ns_ObjvString, &(var), NULL}
#define OPT_BINARY(var)     {"-binary", Ns_ObjvBool, &(var), NULL}
#define OPT_PASSPHRASE(var) {"-passphrase", Ns_ObjvString, &(var), NULL}
#define OPT_NEEDED(name, var) {name, NsObjvNeeded, &(var), NULL}
#define OPT_BREAK           {"--", Ns_ObjvBreak, NULL, NULL}
#define OPT_END             {NULL, NULL, NULL, NULL}

#endif
