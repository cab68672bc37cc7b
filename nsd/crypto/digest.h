/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Digests and message authentication codes (HMAC, RFC 2104), at once or in pieces.  Any thread; what is made in pieces is
 * used by one thread at a time.
 */
#ifndef NSD_CRYPTO_DIGEST_H
#define NSD_CRYPTO_DIGEST_H

#include <openssl/evp.h>
#include "crypto/crypto.h"

/*
 * By any of its names, in whatever case; NULL, with a message that lists the names: there is none.  With `fixed` those whose
 * length is the caller's to choose (SHAKE) are none either: no code and no key is made with them.  It lives as long as the
 * process.
 */
const EVP_MD *NsDigestByName(const char *name, bool fixed, Tcl_DString *message);
/* The names that a user is told, in alphabetical order; NULL ends them. */
const char *const *NsDigestNames(void);

/* `out` has room for EVP_MAX_MD_SIZE bytes. */
bool NsDigest(const EVP_MD *md, NsBytes message, unsigned char *out, size_t *len, NsCryptoWhy *why);
bool NsHmac(const EVP_MD *md, NsBytes key, NsBytes message, unsigned char *out, size_t *len, NsCryptoWhy *why);

/* A digest, or an authentication code when there is a key (which may be empty); freed with NsHashFree.  NULL: it failed. */
typedef struct NsHash NsHash;
NsHash *NsHashNew(const EVP_MD *md, const NsBytes *key, NsCryptoWhy *why);
void    NsHashFree(NsHash *hash);
bool    NsHashAdd(NsHash *hash, NsBytes bytes, NsCryptoWhy *why);
/* What it is so far; more may be added afterwards. */
bool    NsHashGet(const NsHash *hash, unsigned char *out, size_t *len, NsCryptoWhy *why);
/* Add a file's content; names are text inside (base/text.h).  False without a message in `why`: it cannot be read, see errno. */
bool    NsHashAddFile(NsHash *hash, const char *path, NsCryptoWhy *why);

#endif
