/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Keys as JSON.
 */
#include <string.h>
#include "cmd/crypto/jwk.h"
#include "crypto/key.h"
#include "request/codec.h"

static Tcl_Obj *
DictValue(Tcl_Obj *dict, const char *key)
{
    Tcl_Obj *name = Tcl_NewStringObj(key, -1), *value = NULL;

    Tcl_IncrRefCount(name);
    if (Tcl_DictObjGet(NULL, dict, name, &value) != TCL_OK) {
        value = NULL;
    }
    Tcl_DecrRefCount(name);
    return value;
}

const char *
CryptoDictText(Tcl_Obj *dict, const char *key)
{
    Tcl_Obj *value = DictValue(dict, key);

    return value != NULL ? Tcl_GetString(value) : NULL;
}

/* The bytes of a member in base64url; none when it is missing.  The caller has initialised `ds`. */
static NsBytes
Member(Tcl_Obj *dict, const char *name, Tcl_DString *ds)
{
    const char *text = CryptoDictText(dict, name);
    char       *error = NULL;

    if (text != NULL && !NsBase64Decode(ds, text, strlen(text), true, true, &error)) {
        ns_free(error);
        OPENSSL_cleanse(Tcl_DStringValue(ds), (size_t)Tcl_DStringLength(ds));       /* it may be the beginning of a secret */
        Tcl_DStringSetLength(ds, 0);
    }
    return (NsBytes){(const unsigned char *)Tcl_DStringValue(ds), (size_t)Tcl_DStringLength(ds)};
}

static bool
Has(Tcl_Obj *list, const char *word)
{
    Tcl_Obj **words;
    int       count = 0;
    bool      has = false;

    if (Tcl_ListObjGetElements(NULL, list, &count, &words) == TCL_OK) {
        for (int i = 0; i < count && !has; i++) {
            has = strcmp(Tcl_GetString(words[i]), word) == 0;
        }
    }
    return has;
}

static bool
IsForThis(Tcl_Obj *dict, const NsJwsAlg *alg, bool private, NsCryptoWhy *why)
{
    const char *own = CryptoDictText(dict, "alg"), *use = CryptoDictText(dict, "use");
    Tcl_Obj    *operations = DictValue(dict, "key_ops");

    if (own != NULL && strcmp(own, NsJwsName(alg)) != 0) {
        return NsCryptoFail(why, "JWK is for algorithm \"%.60s\", not for \"%s\"", own, NsJwsName(alg));
    }
    if (use != NULL && strcmp(use, "sig") != 0) {
        return NsCryptoFail(why, "JWK is for use \"%.60s\", not for signatures", use);
    }
    if (private && operations != NULL && !Has(operations, "sign")) {
        return NsCryptoFail(why, "JWK is for \"%.60s\", not for signing", Tcl_GetString(operations));
    }
    return true;
}

/* OpenSSL's name of the curve of an EC key. */
static const char *
CurveOf(Tcl_Obj *dict, NsCryptoWhy *why)
{
    const char *name = CryptoDictText(dict, "crv"), *curve = NsJwsCurve(name != NULL ? name : "");

    if (curve == NULL) {
        (void)NsCryptoFail(why, "unsupported JWK curve \"%.60s\"", name != NULL ? name : "");
    }
    return curve;
}

/* Members of a key as numbers; what is secret of them is wiped with all of them. */
#define MOST_MEMBERS 8
typedef struct Numbers {
    Tcl_DString texts[MOST_MEMBERS];
    NsBytes     bytes[MOST_MEMBERS];
} Numbers;

static void
TakeNumbers(Numbers *numbers, Tcl_Obj *dict, const char *const names[MOST_MEMBERS])
{
    for (int i = 0; i < MOST_MEMBERS; i++) {
        Tcl_DStringInit(&numbers->texts[i]);
        numbers->bytes[i] = names[i] != NULL ? Member(dict, names[i], &numbers->texts[i]) : (NsBytes){NULL, 0};
    }
}

static void
DropNumbers(Numbers *numbers)
{
    for (int i = 0; i < MOST_MEMBERS; i++) {
        OPENSSL_cleanse(Tcl_DStringValue(&numbers->texts[i]), (size_t)Tcl_DStringLength(&numbers->texts[i]));
        Tcl_DStringFree(&numbers->texts[i]);
    }
}

/* One type of key: its members with `d` as the `secret`th, and what makes a key of them, of the public half or of both. */
static EVP_PKEY *
MakeEc(Tcl_Obj *dict, const NsBytes *b, bool private, NsCryptoWhy *why)
{
    const char *curve = CurveOf(dict, why);

    if (curve == NULL) {
        return NULL;
    }
    return private ? NsKeyFromEcPrivate(curve, b[0], b[1], b[2], "invalid JWK", why)
        : NsKeyFromCoordinates(curve, b[0], b[1], "invalid JWK", why);
}

static EVP_PKEY *
MakeOkp(Tcl_Obj *dict, const NsBytes *b, bool private, NsCryptoWhy *why)
{
    const char *curve = CryptoDictText(dict, "crv");

    curve = curve != NULL ? curve : "";
    return private ? NsKeyFromOkpPrivate(curve, b[0], b[1], why) : NsKeyFromOkp(curve, b[0], why);
}

static EVP_PKEY *
MakeRsa(Tcl_Obj *dict, const NsBytes *b, bool private, NsCryptoWhy *why)
{
    NsRsaNumbers rsa = {b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]};

    if (private && CryptoDictText(dict, "oth") != NULL) {
        (void)NsCryptoFail(why, "JWK of more than two primes is not supported");
        return NULL;
    }
    return private ? NsKeyFromRsaPrivate(&rsa, why) : NsKeyFromRsa(b[0], b[1], why);
}

static const struct KeyType {
    const char *name;
    int         secret;                        /* which is the private half */
    const char *members[MOST_MEMBERS];
    EVP_PKEY *(*make)(Tcl_Obj *dict, const NsBytes *bytes, bool private, NsCryptoWhy *why);
} keyTypes[] = {
    {"EC",  2, {"x", "y", "d"}, MakeEc},
    {"OKP", 1, {"x", "d"}, MakeOkp},
    {"RSA", 2, {"n", "e", "d", "p", "q", "dp", "dq", "qi"}, MakeRsa},
};

static EVP_PKEY *
ReadKey(Tcl_Obj *dict, const char *name, bool private, NsCryptoWhy *why)
{
    const struct KeyType *type = NULL;
    EVP_PKEY             *key = NULL;
    Numbers               numbers;

    for (size_t i = 0; i < sizeof(keyTypes) / sizeof(keyTypes[0]) && type == NULL; i++) {
        type = strcmp(keyTypes[i].name, name) == 0 ? &keyTypes[i] : NULL;
    }
    if (type == NULL) {
        (void)NsCryptoFail(why, "unsupported JWK key type \"%.60s\"", name);
        return NULL;
    }
    TakeNumbers(&numbers, dict, type->members);
    if (private && numbers.bytes[type->secret].len == 0) {
        (void)NsCryptoFail(why, "JWK has no private key");
    } else {
        key = type->make(dict, numbers.bytes, private, why);
    }
    DropNumbers(&numbers);
    return key;
}

static bool
ReadSecret(Tcl_Obj *dict, NsSecret *secret, NsCryptoWhy *why)
{
    static const char *const members[MOST_MEMBERS] = {"k"};
    Numbers                  numbers;
    NsBytes                  k;
    bool                     done = false;

    TakeNumbers(&numbers, dict, members);
    k = numbers.bytes[0];
    if (k.len == 0) {
        (void)NsCryptoFail(why, "JWK has no secret");
    } else if (NsSecretAlloc(secret, k.len, why)) {
        memcpy(secret->data, k.data, k.len);
        secret->len = k.len;
        done = true;
    }
    DropNumbers(&numbers);
    return done;
}

bool
CryptoJwkRead(Tcl_Obj *dict, const NsJwsAlg *alg, bool private, CryptoJwk *jwk, NsCryptoWhy *why)
{
    const char *type = CryptoDictText(dict, "kty");

    *jwk = (CryptoJwk){NULL, {NULL, 0, 0}};
    if (type == NULL) {
        return NsCryptoFail(why, "JWK has no key type");
    }
    if (!IsForThis(dict, alg, private, why)) {
        return false;
    }
    if (strcmp(type, "oct") == 0) {
        (void)ReadSecret(dict, &jwk->secret, why);
    } else {
        jwk->key = ReadKey(dict, type, private, why);
    }
    if (jwk->key == NULL && jwk->secret.len == 0) {
        return false;
    }
    if ((jwk->secret.len > 0) != NsJwsIsShared(alg)) {
        CryptoJwkFree(jwk);
        return NsCryptoFail(why, "the key is none for JWT algorithm \"%s\"", NsJwsName(alg));
    }
    return true;
}

void
CryptoJwkFree(CryptoJwk *jwk)
{
    EVP_PKEY_free(jwk->key);
    jwk->key = NULL;
    NsSecretFree(&jwk->secret);
}
