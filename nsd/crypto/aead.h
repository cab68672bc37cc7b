/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Authenticated encryption with associated data: AES in Galois/counter mode.  Any thread.
 */
#ifndef NSD_CRYPTO_AEAD_H
#define NSD_CRYPTO_AEAD_H

#include "crypto/crypto.h"

#define NS_AEAD_TAG 16u                        /* bytes of a tag; shorter ones are not taken: they are easier to forge */

typedef struct NsAead {
    const char *cipher;                        /* "aes-128-gcm", in whatever case */
    NsBytes     key;                           /* as long as the cipher wants it, neither more nor less */
    NsBytes     iv;                            /* never to be used twice with a key; 1 to 12 bytes */
    NsBytes     aad;
} NsAead;

bool NsAeadEncrypt(const NsAead *params, NsBytes text, NsSecret *out, unsigned char tag[NS_AEAD_TAG], NsCryptoWhy *why);
/* False, and nothing of the text, when the tag is not that of these bytes with this key, iv and aad. */
bool NsAeadDecrypt(const NsAead *params, NsBytes bytes, NsBytes tag, NsSecret *out, NsCryptoWhy *why);

#endif
