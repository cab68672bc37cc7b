/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Keys from secrets.
 */
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#ifdef HAVE_ARGON2
#include <argon2.h>
#endif
#include "crypto/kdf.h"

#define MAX_ARGON2_MEMORY (1024u * 1024)       /* KiB; scrypt's limit is OpenSSL's own, about the same */

static OSSL_PARAM
BytesParam(const char *name, NsBytes bytes)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)(bytes.len > 0 ? bytes.data : (const unsigned char *)""),
                                             bytes.len);
}

/* Fill out->data, which has been allocated. */
static bool
Derive(const char *name, const OSSL_PARAM *params, size_t len, NsSecret *out)
{
    EVP_KDF     *kdf = EVP_KDF_fetch(NULL, name, NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    bool         done = ctx != NULL && EVP_KDF_derive(ctx, out->data, len, params) == 1;

    out->len = done ? len : 0;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return done;
}

bool
NsHkdf(const EVP_MD *md, NsBytes secret, NsBytes salt, NsBytes info, size_t len, NsSecret *out, NsCryptoWhy *why)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)EVP_MD_get0_name(md), 0),
        BytesParam(OSSL_KDF_PARAM_KEY, secret), BytesParam(OSSL_KDF_PARAM_SALT, salt), BytesParam(OSSL_KDF_PARAM_INFO, info),
        OSSL_PARAM_construct_end()
    };

    /* More than 255 digests there are none of; that is known before so much memory is asked for. */
    return (len > 0 && len <= 255 * (size_t)EVP_MD_get_size(md) && NsSecretAlloc(out, len, why)
            && Derive("HKDF", params, len, out))
        || NsCryptoFail(why, "could not obtain derived key");
}

bool
NsPbkdf2(const EVP_MD *md, NsBytes secret, NsBytes salt, unsigned iterations, size_t len, NsSecret *out, NsCryptoWhy *why)
{
    if (secret.len > INT_MAX || salt.len > INT_MAX || len > INT_MAX || iterations > INT_MAX) {
        return NsCryptoFail(why, "could not derive key: too long");
    }
    if (!NsSecretAlloc(out, len, why)) {
        return false;
    }
    if (PKCS5_PBKDF2_HMAC((const char *)secret.data, (int)secret.len, salt.data, (int)salt.len, (int)iterations, md, (int)len,
                          out->data) != 1) {
        return NsCryptoFailOpenssl(why, "could not derive key");
    }
    out->len = len;
    return true;
}

bool
NsScrypt(NsBytes secret, NsBytes salt, uint64_t n, uint32_t r, uint32_t p, NsSecret *out, NsCryptoWhy *why)
{
    enum { LEN = 64 };
    OSSL_PARAM params[] = {
        BytesParam(OSSL_KDF_PARAM_PASSWORD, secret), BytesParam(OSSL_KDF_PARAM_SALT, salt),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n), OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p), OSSL_PARAM_construct_end()
    };

    if (n < 2 || (n & (n - 1)) != 0) {
        return NsCryptoFail(why, "could not derive key: unsupported");         /* OpenSSL gives no reason */
    }
    return NsSecretAlloc(out, LEN, why)
        && (Derive("SCRYPT", params, LEN, out) || NsCryptoFailOpenssl(why, "could not derive key"));
}

/* ------------------------------------------------------------------------------------------------------------- Argon2 */

#ifdef HAVE_ARGON2

bool
NsArgon2Available(void)
{
    return true;
}

static uint8_t *
Pointer(NsBytes bytes)
{
    return (uint8_t *)(uintptr_t)(bytes.len > 0 ? bytes.data : NULL);
}

static bool
Argon2(const NsArgon2 *p, NsSecret *out, NsCryptoWhy *why)
{
    static const argon2_type types[] = {Argon2_d, Argon2_i, Argon2_id};
    argon2_context ctx = {
        .out = out->data, .outlen = (uint32_t)p->len, .pwd = Pointer(p->password), .pwdlen = (uint32_t)p->password.len,
        .salt = Pointer(p->salt), .saltlen = (uint32_t)p->salt.len, .secret = Pointer(p->secret),
        .secretlen = (uint32_t)p->secret.len, .ad = Pointer(p->ad), .adlen = (uint32_t)p->ad.len, .t_cost = p->iterations,
        .m_cost = p->memory, .lanes = p->lanes, .threads = p->threads, .version = ARGON2_VERSION_13,
        .flags = ARGON2_DEFAULT_FLAGS
    };
    int result = argon2_ctx(&ctx, types[p->variant]);

    return result == ARGON2_OK || NsCryptoFail(why, "could not derive key: %s", argon2_error_message(result));
}

#else

static const char *const argon2Names[] = {"ARGON2D", "ARGON2I", "ARGON2ID"};

bool
NsArgon2Available(void)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, argon2Names[NS_ARGON2_ID], NULL);
    bool     available = kdf != NULL;

    EVP_KDF_free(kdf);
    ERR_clear_error();
    return available;
}

static bool
Argon2(const NsArgon2 *p, NsSecret *out, NsCryptoWhy *why)
{
    uint32_t   iterations = p->iterations, lanes = p->lanes, memory = p->memory, threads = 1;      /* OpenSSL's are its own */
    OSSL_PARAM params[] = {
        BytesParam("pass", p->password), BytesParam("salt", p->salt), BytesParam("secret", p->secret), BytesParam("ad", p->ad),
        OSSL_PARAM_construct_uint32("iter", &iterations), OSSL_PARAM_construct_uint32("lanes", &lanes),
        OSSL_PARAM_construct_uint32("memcost", &memory), OSSL_PARAM_construct_uint32("threads", &threads),
        OSSL_PARAM_construct_end()
    };

    return Derive(argon2Names[p->variant], params, p->len, out) || NsCryptoFailOpenssl(why, "could not derive key");
}

#endif

bool
NsArgon2Derive(const NsArgon2 *params, NsSecret *out, NsCryptoWhy *why)
{
    bool done = false;

    if (params->memory > MAX_ARGON2_MEMORY) {
        (void)NsCryptoFail(why, "could not derive key: memory limit exceeded");
    } else if (NsSecretAlloc(out, params->len, why)) {
        done = Argon2(params, out, why);
        out->len = done ? params->len : 0;
    }
    return done;
}
