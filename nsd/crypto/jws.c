/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Signatures of JSON web tokens.
 */
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include "crypto/digest.h"
#include "crypto/jws.h"
#include "crypto/key.h"
#include "crypto/sign.h"

#define MIN_RSA_BITS 2048                      /* RFC 7518, 3.3 */

typedef enum { BY_SECRET, BY_RSA, BY_PSS, BY_EC, BY_EDWARDS } Kind;

struct NsJwsAlg {
    const char *name;
    Kind        kind;
    const char *digest;                        /* NULL: the key has its own */
    const char *curve;                         /* of BY_EC */
};

static const NsJwsAlg algs[] = {
    {"HS256", BY_SECRET, "SHA256", NULL}, {"HS384", BY_SECRET, "SHA384", NULL}, {"HS512", BY_SECRET, "SHA512", NULL},
    {"RS256", BY_RSA, "SHA256", NULL}, {"RS384", BY_RSA, "SHA384", NULL}, {"RS512", BY_RSA, "SHA512", NULL},
    {"PS256", BY_PSS, "SHA256", NULL}, {"PS384", BY_PSS, "SHA384", NULL}, {"PS512", BY_PSS, "SHA512", NULL},
    {"ES256", BY_EC, "SHA256", "prime256v1"}, {"ES384", BY_EC, "SHA384", "secp384r1"}, {"ES512", BY_EC, "SHA512", "secp521r1"},
    {"ES256K", BY_EC, "SHA256", "secp256k1"}, {"EdDSA", BY_EDWARDS, NULL, NULL}, {NULL, BY_SECRET, NULL, NULL}
};

const NsJwsAlg *
NsJwsFind(const char *name)
{
    for (const NsJwsAlg *alg = algs; alg->name != NULL; alg++) {
        if (strcmp(alg->name, name) == 0) {
            return alg;
        }
    }
    return NULL;
}

const char *
NsJwsName(const NsJwsAlg *alg)
{
    return alg->name;
}

bool
NsJwsIsShared(const NsJwsAlg *alg)
{
    return alg->kind == BY_SECRET;
}

const char *
NsJwsCurve(const char *name)
{
    static const struct { const char *jwk, *openssl; } curves[] = {
        {"P-256", "prime256v1"}, {"P-384", "secp384r1"}, {"P-521", "secp521r1"}, {"secp256k1", "secp256k1"}
    };

    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (strcmp(curves[i].jwk, name) == 0) {
            return curves[i].openssl;
        }
    }
    return NULL;
}

static bool
IsOnCurve(const EVP_PKEY *key, const char *curve)
{
    char   group[64] = "";
    size_t len;
    bool   is = NsKeyIs(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 && strcmp(group, curve) == 0;

    ERR_clear_error();
    return is;
}

bool
NsJwsKeyFits(const NsJwsAlg *alg, EVP_PKEY *key, NsCryptoWhy *why)
{
    bool fits = false;

    switch (alg->kind) {
    case BY_SECRET:  break;                    /* a key is no secret */
    case BY_RSA:     fits = NsKeyIs(key, "RSA"); break;
    case BY_PSS:     fits = NsKeyIs(key, "RSA") || NsKeyIs(key, "RSA-PSS"); break;
    case BY_EC:      fits = IsOnCurve(key, alg->curve); break;
    case BY_EDWARDS: fits = NsKeyIs(key, "ED25519") || NsKeyIs(key, "ED448"); break;
    }
    if (!fits) {
        return NsCryptoFail(why, "the key is none for JWT algorithm \"%s\"", alg->name);
    }
    if ((alg->kind == BY_RSA || alg->kind == BY_PSS) && EVP_PKEY_get_bits(key) < MIN_RSA_BITS) {
        return NsCryptoFail(why, "an RSA key of %d bits is too short for JWT algorithm \"%s\"", EVP_PKEY_get_bits(key), alg->name);
    }
    return true;
}

static const EVP_MD *
DigestOf(const NsJwsAlg *alg)
{
    Tcl_DString   ignored;
    const EVP_MD *md = NULL;

    if (alg->digest != NULL) {
        Tcl_DStringInit(&ignored);
        md = NsDigestByName(alg->digest, true, &ignored);
        Tcl_DStringFree(&ignored);
    }
    return md;
}

static NsSignPadding
PaddingOf(const NsJwsAlg *alg)
{
    return alg->kind == BY_PSS ? NS_SIGN_PSS : NS_SIGN_PLAIN;
}

bool
NsJwsSign(const NsJwsAlg *alg, NsBytes secret, EVP_PKEY *key, NsBytes input, NsSecret *out, NsCryptoWhy *why)
{
    NsSecret der = {NULL, 0, 0};
    bool     done = false;

    if (alg->kind == BY_SECRET) {
        done = NsSecretAlloc(out, EVP_MAX_MD_SIZE, why) && NsHmac(DigestOf(alg), secret, input, out->data, &out->len, why);
    } else if (!NsJwsKeyFits(alg, key, why)) {
        done = false;
    } else if (alg->kind == BY_EC) {
        done = NsSign(key, DigestOf(alg), NS_SIGN_PLAIN, input, &der, why)
            && NsSignatureToRaw(key, (NsBytes){der.data, der.len}, out, why);
    } else {
        done = NsSign(key, DigestOf(alg), PaddingOf(alg), input, out, why);
    }
    NsSecretFree(&der);
    return done;
}

int
NsJwsVerify(const NsJwsAlg *alg, NsBytes secret, EVP_PKEY *key, NsBytes input, NsBytes signature, NsCryptoWhy *why)
{
    unsigned char code[EVP_MAX_MD_SIZE];
    size_t        len;
    NsSecret      der = {NULL, 0, 0};
    int           valid;

    if (alg->kind == BY_SECRET) {
        valid = NsHmac(DigestOf(alg), secret, input, code, &len, why) && NsBytesEqual((NsBytes){code, len}, signature);
        OPENSSL_cleanse(code, sizeof(code));
    } else if (!NsJwsKeyFits(alg, key, why)) {
        valid = -1;
    } else if (alg->kind == BY_EC) {
        valid = NsSignatureFromRaw(key, signature, &der)
            && NsVerify(key, DigestOf(alg), NS_SIGN_PLAIN, input, (NsBytes){der.data, der.len}, why) == 1;
    } else {
        valid = NsVerify(key, DigestOf(alg), PaddingOf(alg), input, signature, why) == 1;
    }
    NsSecretFree(&der);
    return valid;
}
