/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Making and verifying signatures.
 */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include "crypto/key.h"
#include "crypto/sign.h"

static bool
SetPadding(EVP_PKEY_CTX *ctx, NsSignPadding padding)
{
    return padding == NS_SIGN_PLAIN
        || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

bool
NsSign(EVP_PKEY *key, const EVP_MD *md, NsSignPadding padding, NsBytes message, NsSecret *out, NsCryptoWhy *why)
{
    EVP_MD_CTX   *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *keyCtx = NULL;
    size_t        len = 0;
    bool          done = ctx != NULL && EVP_DigestSignInit(ctx, &keyCtx, md, NULL, key) == 1 && SetPadding(keyCtx, padding)
        && EVP_DigestSign(ctx, NULL, &len, message.data, message.len) == 1 && NsSecretAlloc(out, len, why)
        && EVP_DigestSign(ctx, out->data, &len, message.data, message.len) == 1;

    out->len = done ? len : 0;
    EVP_MD_CTX_free(ctx);
    return done || NsCryptoFailOpenssl(why, "could not sign");
}

int
NsVerify(EVP_PKEY *key, const EVP_MD *md, NsSignPadding padding, NsBytes message, NsBytes signature, NsCryptoWhy *why)
{
    EVP_MD_CTX   *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *keyCtx = NULL;
    int           valid = -1;

    if (ctx != NULL && EVP_DigestVerifyInit(ctx, &keyCtx, md, NULL, key) == 1 && SetPadding(keyCtx, padding)) {
        valid = EVP_DigestVerify(ctx, signature.data, signature.len, message.data, message.len);
        valid = valid == 1 ? 1 : valid == 0 ? 0 : -1;
    }
    EVP_MD_CTX_free(ctx);
    if (valid < 0) {
        (void)NsCryptoFail(why, "signature verification failed");
    }
    ERR_clear_error();
    return valid;
}

bool
NsSignatureToRaw(const EVP_PKEY *key, NsBytes der, NsSecret *out, NsCryptoWhy *why)
{
    const unsigned char *at = der.data;
    ECDSA_SIG           *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    size_t               half = NsKeyOrderSize(key);
    bool                 done = sig != NULL && NsSecretAlloc(out, 2 * half, why)
        && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out->data, (int)half) >= 0
        && BN_bn2binpad(ECDSA_SIG_get0_s(sig), out->data + half, (int)half) >= 0;

    out->len = done ? 2 * half : 0;
    ECDSA_SIG_free(sig);
    return done || NsCryptoFailOpenssl(why, "could not sign");
}

bool
NsSignatureFromRaw(const EVP_PKEY *key, NsBytes raw, NsSecret *out)
{
    size_t         half = NsKeyOrderSize(key);
    ECDSA_SIG     *sig = raw.len == 2 * half ? ECDSA_SIG_new() : NULL;
    BIGNUM        *r = sig != NULL ? BN_bin2bn(raw.data, (int)half, NULL) : NULL;
    BIGNUM        *s = sig != NULL ? BN_bin2bn(raw.data + half, (int)half, NULL) : NULL;
    unsigned char *at;
    int            len = -1;

    if (r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL;                          /* they are the signature's now */
        len = i2d_ECDSA_SIG(sig, NULL);
        if (len > 0 && NsSecretAlloc(out, (size_t)len, NULL)) {
            at = out->data;
            len = i2d_ECDSA_SIG(sig, &at);
            out->len = len > 0 ? (size_t)len : 0;
        }
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    ERR_clear_error();
    return len > 0 && out->len > 0;
}
