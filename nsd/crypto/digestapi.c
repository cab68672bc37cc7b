/* SPDX-License-Identifier: MPL-2.0 */
/*
 * MD5 and SHA-1 in pieces, for modules (nsvalue.h).
 *
 * The contexts are on the stacks of modules, which may leave them without Final, or copy them: OpenSSL's own plain structs do that, its
 * handles do not.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include "ns.h"

_Static_assert(sizeof(MD5_CTX) <= sizeof(Ns_CtxMD5), "MD5_CTX");
_Static_assert(sizeof(SHA_CTX) <= sizeof(Ns_CtxSHA1), "SHA_CTX");

void
Ns_CtxMD5Init(Ns_CtxMD5 *ctx)
{
    (void)MD5_Init((MD5_CTX *)ctx);
}

void
Ns_CtxMD5Update(Ns_CtxMD5 *ctx, unsigned const char *buf, size_t len)
{
    (void)MD5_Update((MD5_CTX *)ctx, buf, len);
}

void
Ns_CtxMD5Final(Ns_CtxMD5 *ctx, unsigned char digest[16])
{
    (void)MD5_Final(digest, (MD5_CTX *)ctx);
    OPENSSL_cleanse(ctx, sizeof(*ctx));
}

void
Ns_CtxSHAInit(Ns_CtxSHA1 *ctx)
{
    (void)SHA1_Init((SHA_CTX *)ctx);
}

void
Ns_CtxSHAUpdate(Ns_CtxSHA1 *ctx, const unsigned char *buf, size_t len)
{
    (void)SHA1_Update((SHA_CTX *)ctx, buf, len);
}

void
Ns_CtxSHAFinal(Ns_CtxSHA1 *ctx, unsigned char digest[20])
{
    (void)SHA1_Final(digest, (SHA_CTX *)ctx);
    OPENSSL_cleanse(ctx, sizeof(*ctx));
}
