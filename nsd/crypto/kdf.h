/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Keys from secrets: HKDF (RFC 5869), PBKDF2 (RFC 8018), scrypt (RFC 7914), Argon2 (RFC 9106).  Any thread; they take as long
 * as their parameters want.
 */
#ifndef NSD_CRYPTO_KDF_H
#define NSD_CRYPTO_KDF_H

#include <openssl/evp.h>
#include "crypto/crypto.h"

bool NsHkdf(const EVP_MD *md, NsBytes secret, NsBytes salt, NsBytes info, size_t len, NsSecret *out, NsCryptoWhy *why);
bool NsPbkdf2(const EVP_MD *md, NsBytes secret, NsBytes salt, unsigned iterations, size_t len, NsSecret *out, NsCryptoWhy *why);
/* 64 bytes.  At most 1 GB of memory. */
bool NsScrypt(NsBytes secret, NsBytes salt, uint64_t n, uint32_t r, uint32_t p, NsSecret *out, NsCryptoWhy *why);

typedef enum { NS_ARGON2_D, NS_ARGON2_I, NS_ARGON2_ID } NsArgon2Variant;
typedef struct NsArgon2 {
    NsArgon2Variant variant;
    NsBytes         password, salt, secret, ad;
    uint32_t        iterations, lanes, threads, memory;    /* memory in KiB, at most 1 GiB */
    size_t          len;
} NsArgon2;
bool NsArgon2Available(void);
bool NsArgon2Derive(const NsArgon2 *params, NsSecret *out, NsCryptoWhy *why);

#endif
