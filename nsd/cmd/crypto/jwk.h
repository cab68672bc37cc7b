/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Keys as JSON (RFC 7517), parsed into dicts.  The interpreter's thread.
 */
#ifndef NSD_CMD_CRYPTO_JWK_H
#define NSD_CMD_CRYPTO_JWK_H

#include "crypto/jws.h"

/* One key: a public or a private one, or (of type "oct") a secret.  Freed with CryptoJwkFree. */
typedef struct CryptoJwk {
    EVP_PKEY *key;
    NsSecret  secret;
} CryptoJwk;

/* `private`: to sign with, else its public half, to verify with.  False, with a message: it is none, or none for signatures by `alg`. */
bool CryptoJwkRead(Tcl_Obj *dict, const NsJwsAlg *alg, bool private, CryptoJwk *jwk, NsCryptoWhy *why);
void CryptoJwkFree(CryptoJwk *jwk);
/* The text of a key of the dict; NULL: there is none. */
const char *CryptoDictText(Tcl_Obj *dict, const char *key);

#endif
