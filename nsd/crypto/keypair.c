/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Private keys from their numbers, which come from outside: the two halves are checked to belong together, so that no signature is made
 * that says something of the private half.
 */
#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include "crypto/key.h"

#define MAX_NUMBER_BYTES 2048                  /* as the modulus of an RSA key at most */
#define RSA_NUMBERS      8

/* NULL, with a message: these two are no pair, or OpenSSL takes them for none. */
static EVP_PKEY *
PairFromParams(const char *type, OSSL_PARAM_BLD *build, NsCryptoWhy *why)
{
    OSSL_PARAM   *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY     *key = NULL;

    if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1) {
        (void)NsCryptoFailOpenssl(why, "could not import key");
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);                   /* wipes what is secret: those numbers are marked so */
    return key;
}

static EVP_PKEY *
FailPair(EVP_PKEY *key, NsCryptoWhy *why)
{
    EVP_PKEY_free(key);
    ERR_clear_error();
    (void)NsCryptoFail(why, "could not import key: its private and its public half do not belong together");
    return NULL;
}

/* A number in secure memory or at least wiped, with which OpenSSL calculates in constant time.  NULL: none, too long, or no memory. */
static BIGNUM *
SecretNumber(NsBytes bytes)
{
    BIGNUM *number = bytes.len > 0 && bytes.len <= MAX_NUMBER_BYTES ? BN_secure_new() : NULL;

    if (number != NULL && BN_bin2bn(bytes.data, (int)bytes.len, number) == NULL) {
        BN_clear_free(number);
        number = NULL;
    }
    if (number != NULL) {
        BN_set_flags(number, BN_FLG_CONSTTIME);
    }
    return number;
}

/* ---- EC ---- */

static bool
IsPair(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool          is = ctx != NULL && EVP_PKEY_check(ctx) == 1;

    EVP_PKEY_CTX_free(ctx);
    return is;
}

EVP_PKEY *
NsKeyFromEcPrivate(const char *curve, NsBytes x, NsBytes y, NsBytes d, const char *what, NsCryptoWhy *why)
{
    EVP_PKEY       *public = NsKeyFromCoordinates(curve, x, y, what, why), *key = NULL;
    size_t          order = public != NULL ? NsKeyOrderSize(public) : 0;
    OSSL_PARAM_BLD *build = NULL;
    BIGNUM         *number = NULL;
    NsSecret        point = {NULL, 0, 0};

    if (public == NULL) {
        return NULL;
    }
    if (d.len != order) {
        (void)NsCryptoFail(why, "invalid private key length for %s (need %zu bytes)", curve, order);
    } else if ((number = SecretNumber(d)) != NULL && (build = OSSL_PARAM_BLD_new()) != NULL && NsKeyPublicRaw(public, &point, why)
               && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1
               && OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len) == 1
               && OSSL_PARAM_BLD_push_BN_pad(build, OSSL_PKEY_PARAM_PRIV_KEY, number, order) == 1) {
        key = PairFromParams("EC", build, why);
        if (key != NULL && !IsPair(key)) {
            key = FailPair(key, why);
        }
    } else {
        (void)NsCryptoFailOpenssl(why, "could not import key");
    }
    NsSecretFree(&point);
    OSSL_PARAM_BLD_free(build);
    BN_clear_free(number);
    EVP_PKEY_free(public);
    return key;
}

/* ---- Ed25519 and its kind ---- */

EVP_PKEY *
NsKeyFromOkpPrivate(const char *curve, NsBytes x, NsBytes d, NsCryptoWhy *why)
{
    EVP_PKEY *public = NsKeyFromOkp(curve, x, why), *key;

    if (public == NULL) {
        return NULL;
    }
    key = EVP_PKEY_new_raw_private_key_ex(NULL, EVP_PKEY_get0_type_name(public), NULL, d.data, d.len);
    if (key == NULL) {
        (void)NsCryptoFail(why, "invalid private key for %s", curve);
        ERR_clear_error();
    } else if (EVP_PKEY_eq(key, public) != 1) {        /* the public half is made of the private one */
        key = FailPair(key, why);
    }
    EVP_PKEY_free(public);
    return key;
}

/* ---- RSA ---- */

/* Is a number to the power of d and of e the number itself?  Testing whether p and q are primes would take a hundred times as long. */
static bool
AreInverse(const BIGNUM *n, const BIGNUM *e, const BIGNUM *d)
{
    BN_CTX *ctx = BN_CTX_secure_new();
    BIGNUM *base = BN_new(), *power = BN_new(), *again = BN_new();
    bool    are = ctx != NULL && base != NULL && power != NULL && again != NULL && BN_cmp(d, n) < 0 && BN_set_word(base, 0x10001u) == 1
        && BN_mod_exp_mont_consttime(power, base, d, n, ctx, NULL) == 1 && BN_mod_exp(again, power, e, n, ctx) == 1
        && BN_cmp(again, base) == 0;

    BN_free(base);
    BN_free(power);
    BN_free(again);
    BN_CTX_free(ctx);
    return are;
}

/* All numbers of the key, or the first three alone. */
static EVP_PKEY *
RsaPair(BIGNUM *const numbers[RSA_NUMBERS], NsCryptoWhy *why)
{
    static const char *const names[RSA_NUMBERS] = {
        OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
        OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1
    };
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY       *key = NULL;
    bool            fine = build != NULL;

    for (int i = 0; i < RSA_NUMBERS && fine; i++) {
        fine = numbers[i] == NULL || OSSL_PARAM_BLD_push_BN(build, names[i], numbers[i]) == 1;
    }
    if (!fine) {
        (void)NsCryptoFailOpenssl(why, "could not import key");
    } else if (!AreInverse(numbers[0], numbers[1], numbers[2])) {
        (void)FailPair(NULL, why);
    } else {
        key = PairFromParams("RSA", build, why);
    }
    OSSL_PARAM_BLD_free(build);
    return key;
}

EVP_PKEY *
NsKeyFromRsaPrivate(const NsRsaNumbers *rsa, NsCryptoWhy *why)
{
    const NsBytes given[RSA_NUMBERS] = {rsa->n, rsa->e, rsa->d, rsa->p, rsa->q, rsa->dp, rsa->dq, rsa->qi};
    BIGNUM       *numbers[RSA_NUMBERS];
    EVP_PKEY     *public = NsKeyFromRsa(rsa->n, rsa->e, why), *key = NULL;
    int           count = 0;

    if (public == NULL) {
        return NULL;
    }
    for (int i = 0; i < RSA_NUMBERS; i++) {
        numbers[i] = SecretNumber(given[i]);
        count += numbers[i] != NULL;
    }
    if (numbers[2] == NULL) {
        (void)NsCryptoFail(why, "RSA private key parameter \"d\" must be non-empty, and no longer than %d bytes", MAX_NUMBER_BYTES);
    } else if (count != 3 && count != RSA_NUMBERS) {           /* RFC 7518, 6.3.2: all of the others or none */
        (void)NsCryptoFail(why, "RSA private key parameters \"p\", \"q\", \"dp\", \"dq\" and \"qi\" go together");
    } else {
        key = RsaPair(numbers, why);
    }
    for (int i = 0; i < RSA_NUMBERS; i++) {
        BN_clear_free(numbers[i]);
    }
    EVP_PKEY_free(public);
    return key;
}
