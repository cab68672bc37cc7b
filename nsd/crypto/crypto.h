/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the files of crypto/ share: bytes that are borrowed, bytes that are wiped, and the reason why something failed.
 *
 * The room does all cryptography through OpenSSL (and libargon2), knows no Tcl commands, and has no state but tables that are
 * made once: every function may be called by any thread.
 */
#ifndef NSD_CRYPTO_H
#define NSD_CRYPTO_H

#include "ns.h"

/* Somebody else's bytes, for the time of a call. */
typedef struct NsBytes {
    const unsigned char *data;
    size_t               len;
} NsBytes;

/* Bytes that a function here made: all zero before it is filled, wiped by NsSecretFree, which may be called at any time. */
typedef struct NsSecret {
    unsigned char *data;
    size_t         len;
    size_t         size;                       /* what is wiped */
} NsSecret;

/* False: no memory; `why` may be NULL. */
typedef struct NsCryptoWhy { char text[256]; } NsCryptoWhy;
bool NsSecretAlloc(NsSecret *secret, size_t size, NsCryptoWhy *why);
void NsSecretFree(NsSecret *secret);

/*
 * The bytes of a file (its name as text inside, base/text.h); false: it cannot be read, is no regular file, or has more than 4 MB.  The
 * name may be foreign: a pipe or a device would keep the thread for as long as it likes.
 */
bool NsSecretRead(NsSecret *secret, const char *path);

/* Are they the same?  The time that it takes does not depend on where they differ. */
bool NsBytesEqual(NsBytes a, NsBytes b);

/* Both return false, so that they can be returned.  The second appends ": " and the last reason that OpenSSL gives. */
bool NsCryptoFail(NsCryptoWhy *why, const char *fmt, ...) NS_PRINTF(2, 3);
bool NsCryptoFailOpenssl(NsCryptoWhy *why, const char *what);

#endif
