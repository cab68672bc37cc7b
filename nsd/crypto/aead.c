/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Authenticated encryption.
 */
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include "crypto/aead.h"

static EVP_CIPHER *
FindCipher(const char *name, NsCryptoWhy *why)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);

    if (cipher == NULL) {
        (void)NsCryptoFail(why, "Unknown cipher \"%.100s\"", name);
    } else if (EVP_CIPHER_get_mode(cipher) != EVP_CIPH_GCM_MODE) {
        (void)NsCryptoFail(why, "cipher \"%.100s\" does not support require mode: gcm", name);
        EVP_CIPHER_free(cipher);
        cipher = NULL;
    }
    return cipher;
}

static bool
CheckParams(const NsAead *params, const EVP_CIPHER *cipher, NsCryptoWhy *why)
{
    int ivLen = EVP_CIPHER_get_iv_length(cipher), keyLen = EVP_CIPHER_get_key_length(cipher);

    if (params->iv.len < 1 || params->iv.len > (size_t)ivLen) {
        return NsCryptoFail(why, "initialization vector is invalid (default length for %.100s: %d bytes)", params->cipher, ivLen);
    }
    if (params->key.len != (size_t)keyLen) {
        return NsCryptoFail(why, "key is invalid (%zu bytes, %.100s needs %d bytes)", params->key.len, params->cipher, keyLen);
    }
    return params->aad.len <= INT_MAX;
}

/* A context into which key, iv and associated data went, or NULL. */
static EVP_CIPHER_CTX *
Begin(const NsAead *params, const EVP_CIPHER *cipher, int encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int             len;

    if (ctx == NULL || EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, NULL) != 1
        || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)params->iv.len, NULL) != 1
        || EVP_CipherInit_ex2(ctx, NULL, params->key.data, params->iv.data, encrypt, NULL) != 1
        || (params->aad.len > 0 && EVP_CipherUpdate(ctx, NULL, &len, params->aad.data, (int)params->aad.len) != 1)) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

static bool
Run(EVP_CIPHER_CTX *ctx, NsBytes in, unsigned char *out)
{
    unsigned char none[EVP_MAX_BLOCK_LENGTH];
    int           len;

    return (in.len == 0 || EVP_CipherUpdate(ctx, out, &len, in.data, (int)in.len) == 1) && EVP_CipherFinal_ex(ctx, none, &len) == 1;
}

bool
NsAeadEncrypt(const NsAead *params, NsBytes text, NsSecret *out, unsigned char tag[NS_AEAD_TAG], NsCryptoWhy *why)
{
    EVP_CIPHER     *cipher = FindCipher(params->cipher, why);
    EVP_CIPHER_CTX *ctx = NULL;
    bool            done = false;

    if (cipher != NULL && CheckParams(params, cipher, why) && text.len <= INT_MAX && NsSecretAlloc(out, text.len, why)) {
        ctx = Begin(params, cipher, 1);
        done = (ctx != NULL && Run(ctx, text, out->data)
                && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)NS_AEAD_TAG, tag) == 1)
            || NsCryptoFailOpenssl(why, "could not encrypt");
        out->len = done ? text.len : 0;
    }
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return done;
}

bool
NsAeadDecrypt(const NsAead *params, NsBytes bytes, NsBytes tag, NsSecret *out, NsCryptoWhy *why)
{
    EVP_CIPHER     *cipher = FindCipher(params->cipher, why);
    EVP_CIPHER_CTX *ctx = NULL;
    bool            done = false;

    if (cipher == NULL) {
        return false;
    }
    if (tag.len != NS_AEAD_TAG) {
        (void)NsCryptoFail(why, "could not set authentication tag");
    } else if (CheckParams(params, cipher, why) && bytes.len <= INT_MAX && NsSecretAlloc(out, bytes.len, why)) {
        ctx = Begin(params, cipher, 0);
        if (ctx == NULL || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag.len, (void *)(uintptr_t)tag.data) != 1) {
            (void)NsCryptoFailOpenssl(why, "could not set authentication tag");
        } else {
            done = Run(ctx, bytes, out->data) || NsCryptoFail(why, "authentication failed: the tag does not match");
        }
        out->len = done ? bytes.len : 0;
        if (!done) {
            NsSecretFree(out);                 /* what was decrypted is nobody's to see */
        }
    }
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return done;
}
