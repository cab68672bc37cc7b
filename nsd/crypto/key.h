/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Asymmetric keys: read from PEM, generated, imported from their parameters, exported, described.
 *
 * A key is an EVP_PKEY, freed with EVP_PKEY_free.  Any thread.  All functions that give a key give NULL, and those that give
 * a bool false, with a message in `why`, when it failed.
 */
#ifndef NSD_CRYPTO_KEY_H
#define NSD_CRYPTO_KEY_H

#include <openssl/evp.h>
#include "crypto/crypto.h"

typedef enum {
    NS_KEY_PRIVATE,                            /* only a private key */
    NS_KEY_PUBLIC,                             /* only a public key */
    NS_KEY_ANY                                 /* a private key, or else a public one */
} NsKeyPart;

/*
 * `pem` is the text of PEM blocks, or the name of a file with them (text inside, base/text.h).  The passphrase may be NULL: an
 * encrypted key is none then; nobody is asked for one.
 */
EVP_PKEY *NsKeyRead(const char *pem, const char *passphrase, NsKeyPart part, NsCryptoWhy *why);

/* What a key is to be for; it changes what is said, and what is refused. */
typedef enum { NS_KEY_FOR_ALL, NS_KEY_FOR_AGREEMENT, NS_KEY_FOR_SIGNATURE, NS_KEY_FOR_EC, NS_KEY_FOR_KEM } NsKeyPurpose;
/* `group` may be NULL: EC takes prime256v1, DH wants one, others have none. */
EVP_PKEY *NsKeyGenerate(const char *name, const char *group, NsKeyPurpose purpose, NsCryptoWhy *why);

/*
 * Public keys from their numbers.  `what` begins the message ("could not import key"); a point that is not on the curve, or
 * has the wrong length, is refused.
 */
EVP_PKEY *NsKeyFromCoordinates(const char *curve, NsBytes x, NsBytes y, const char *what, NsCryptoWhy *why);
EVP_PKEY *NsKeyFromPoint(const char *curve, NsBytes point, const char *what, NsCryptoWhy *why);
EVP_PKEY *NsKeyFromRsa(NsBytes n, NsBytes e, NsCryptoWhy *why);
/* OKP: Ed25519, Ed448, X25519, X448. */
EVP_PKEY *NsKeyFromOkp(const char *curve, NsBytes x, NsCryptoWhy *why);

/*
 * Private keys from theirs and those of their public half, to which they must belong (keypair.c).  Of RSA the five behind `d` go
 * together: all are given, or none.
 */
typedef struct NsRsaNumbers { NsBytes n, e, d, p, q, dp, dq, qi; } NsRsaNumbers;
EVP_PKEY *NsKeyFromEcPrivate(const char *curve, NsBytes x, NsBytes y, NsBytes d, const char *what, NsCryptoWhy *why);
EVP_PKEY *NsKeyFromOkpPrivate(const char *curve, NsBytes x, NsBytes d, NsCryptoWhy *why);
EVP_PKEY *NsKeyFromRsaPrivate(const NsRsaNumbers *rsa, NsCryptoWhy *why);

/* PKCS #8 and SubjectPublicKeyInfo. */
bool NsKeyPrivatePem(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why);
bool NsKeyPublicPem(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why);
bool NsKeyPublicDer(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why);
/* The point (EC), the bytes (Ed25519, X25519 ...) or the number (DH); other keys have no such form. */
bool NsKeyPublicRaw(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why);
bool NsKeyPrivateRaw(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why);
/* The number of an EC key, as long as the order of its points. */
bool NsKeyPrivateEc(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why);
/* Of RSA "n" and "e", of EC "x" and "y" as long as the field, of Ed25519 and its kind "x". */
bool NsKeyParameter(const EVP_PKEY *key, const char *name, NsSecret *out);

/* Into a file that its owner alone may read, when it is `private`. */
bool NsKeyWriteFile(const char *path, const NsSecret *pem, bool private, NsCryptoWhy *why);

bool NsKeyIs(const EVP_PKEY *key, const char *type);           /* "EC", "RSA", "ED25519" ... */
bool NsKeyCanSign(EVP_PKEY *key);
bool NsKeyCanAgree(EVP_PKEY *key);
bool NsKeyCanEncapsulate(EVP_PKEY *key);
bool NsKeyHasDigest(EVP_PKEY *key);            /* its signatures are made of a digest that is chosen */
size_t NsKeyOrderSize(const EVP_PKEY *key);    /* bytes of a private EC key, and of each number of its signatures */

/* The secret that both sides derive; the keys must be of one kind and curve. */
bool NsKeyAgree(EVP_PKEY *own, EVP_PKEY *peer, NsSecret *out, NsCryptoWhy *why);

/* Key encapsulation: what is to be sent to the owner of the key, and the secret that its private half finds in it. */
bool NsKeyHasMlKem(void);
bool NsKeyEncapsulate(EVP_PKEY *key, NsSecret *sent, NsSecret *secret, NsCryptoWhy *why);
bool NsKeyDecapsulate(EVP_PKEY *key, NsBytes sent, NsSecret *secret, NsCryptoWhy *why);

#endif
