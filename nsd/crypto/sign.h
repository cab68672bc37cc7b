/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Signatures.  Any thread.
 */
#ifndef NSD_CRYPTO_SIGN_H
#define NSD_CRYPTO_SIGN_H

#include <openssl/evp.h>
#include "crypto/crypto.h"

typedef enum { NS_SIGN_PLAIN, NS_SIGN_PSS } NsSignPadding;     /* of RSA: PKCS #1 1.5; PSS with a salt as long as the digest */

/* `md` NULL: the key has a digest of its own (Ed25519). */
bool NsSign(EVP_PKEY *key, const EVP_MD *md, NsSignPadding padding, NsBytes message, NsSecret *out, NsCryptoWhy *why);
/* 1: it is right, 0: it is not, -1: there is no saying (junk), with a message. */
int  NsVerify(EVP_PKEY *key, const EVP_MD *md, NsSignPadding padding, NsBytes message, NsBytes signature, NsCryptoWhy *why);

/* An ECDSA signature is a DER structure, or two numbers one behind the other, each as long as the field (RFC 7518, 3.4). */
bool NsSignatureToRaw(const EVP_PKEY *key, NsBytes der, NsSecret *out, NsCryptoWhy *why);
/* False, without a message: it has another length. */
bool NsSignatureFromRaw(const EVP_PKEY *key, NsBytes raw, NsSecret *out);

#endif
