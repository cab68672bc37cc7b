/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Signatures of JSON web tokens (RFC 7515, RFC 7518, RFC 8037, RFC 8812).  Any thread.
 *
 * The algorithm is chosen by its name, which an attacker may have written; so the key decides as well: one of another kind, of
 * another curve or too short is refused, and a shared secret is never a public key.
 */
#ifndef NSD_CRYPTO_JWS_H
#define NSD_CRYPTO_JWS_H

#include <openssl/evp.h>
#include "crypto/crypto.h"

typedef struct NsJwsAlg NsJwsAlg;

/* "HS256" ..., in this spelling alone; NULL: there is none.  "none" is not among them. */
const NsJwsAlg *NsJwsFind(const char *name);
const char     *NsJwsName(const NsJwsAlg *alg);
/* Is it made with a shared secret, and not with a key? */
bool            NsJwsIsShared(const NsJwsAlg *alg);
/* False, with a message: this key is not one for it. */
bool            NsJwsKeyFits(const NsJwsAlg *alg, EVP_PKEY *key, NsCryptoWhy *why);

/* `secret` for shared ones, else `key`. */
bool NsJwsSign(const NsJwsAlg *alg, NsBytes secret, EVP_PKEY *key, NsBytes input, NsSecret *out, NsCryptoWhy *why);
/* 1: it is right, 0: it is not, -1: the key does not fit, with a message. */
int  NsJwsVerify(const NsJwsAlg *alg, NsBytes secret, EVP_PKEY *key, NsBytes input, NsBytes signature, NsCryptoWhy *why);

/* The name that OpenSSL has for a curve of a JWK ("P-256"), NULL: there is none. */
const char *NsJwsCurve(const char *name);

#endif
