/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reading JSON web tokens: taken apart (decode), and believed (verify).
 */
#include <string.h>
#include <time.h>
#include "base/dict.h"
#include "cmd/crypto/input.h"
#include "cmd/crypto/jwk.h"
#include "cmd/crypto/jwt.h"
#include "cmd/text/jsonerror.h"
#include "crypto/jws.h"
#include "crypto/key.h"
#include "json/triples.h"

#define MAX_JWKS 1000                          /* keys that are tried for a token that names none */

/* A token in pieces; all made by TakeToken, freed by DropToken. */
typedef struct Token {
    Tcl_DString text;
    size_t      inputLen;                      /* what is signed: header, dot, claims */
    Tcl_DString claimBytes, signature;
    bool        canonical;                     /* the signature is written as it must be */
    bool        objects;                       /* header and claims are: a list is a dict for Tcl, too */
    Tcl_Obj    *header, *claims;
} Token;

/* ------------------------------------------------------------------------------------------------------------- pieces */

/* A part as JSON; NULL with a message. */
static Tcl_Obj *
ParsePart(Tcl_Interp *interp, const Tcl_DString *bytes, NsJsonForm form)
{
    NsJsonOptions options = {.maxDepth = NS_JSON_DEPTH};
    NsJsonError   error;
    size_t        len = (size_t)Tcl_DStringLength(bytes), used = 0;
    Tcl_Obj      *obj = NsJsonToObj(Tcl_DStringValue(bytes), len, &options, form, NULL, &used, &error);

    if (obj == NULL) {
        (void)NsJsonParseError(interp, &error);
        return NULL;
    }
    Tcl_IncrRefCount(obj);
    used = NsJsonSkipBlanks(Tcl_DStringValue(bytes), len, used);
    if (used < len) {
        (void)NsJsonTrailingData(interp, used);
        Tcl_DecrRefCount(obj);
        obj = NULL;
    }
    return obj;
}

static bool
IsObject(const Tcl_DString *bytes)
{
    size_t len = (size_t)Tcl_DStringLength(bytes), at = NsJsonSkipBlanks(Tcl_DStringValue(bytes), len, 0);

    return at < len && Tcl_DStringValue(bytes)[at] == '{';
}

static void
Decode(Tcl_DString *ds, const char *start, const char *end)
{
    char *error = NULL;

    if (!NsBase64Decode(ds, start, (size_t)(end - start), true, false, &error)) {
        ns_free(error);
    }
}

/* A signature has one way to be written: a token that is known by its text stays that one. */
static bool
IsCanonical(const Tcl_DString *bytes, const char *text, size_t len)
{
    Tcl_DString again;
    bool        same;

    Tcl_DStringInit(&again);
    NsBase64Encode(&again, Tcl_DStringValue(bytes), (size_t)Tcl_DStringLength(bytes), true, 0);
    same = (size_t)Tcl_DStringLength(&again) == len && memcmp(Tcl_DStringValue(&again), text, len) == 0;
    Tcl_DStringFree(&again);
    return same;
}

static void
DropToken(Token *token)
{
    Tcl_DStringFree(&token->text);
    Tcl_DStringFree(&token->claimBytes);
    Tcl_DStringFree(&token->signature);
    if (token->header != NULL) {
        Tcl_DecrRefCount(token->header);
    }
    if (token->claims != NULL) {
        Tcl_DecrRefCount(token->claims);
    }
}

static int
TakeToken(Tcl_Interp *interp, Tcl_Obj *obj, Token *token)
{
    int         len;
    const char *text = Tcl_GetStringFromObj(obj, &len), *first, *second, *end;
    Tcl_DString headerBytes;

    memset(token, 0, sizeof(*token));
    Tcl_DStringInit(&token->text);
    Tcl_DStringInit(&token->claimBytes);
    Tcl_DStringInit(&token->signature);
    Tcl_DStringAppend(&token->text, text, len);
    text = Tcl_DStringValue(&token->text);
    end = text + len;
    first = strchr(text, '.');
    second = first != NULL ? strchr(first + 1, '.') : NULL;
    if (second == NULL || strchr(second + 1, '.') != NULL) {
        Ns_TclPrintfResult(interp, "invalid JWT: expected 3 dot-separated components");
        return TCL_ERROR;
    }
    token->inputLen = (size_t)(second - text);
    Tcl_DStringInit(&headerBytes);
    Decode(&headerBytes, text, first);
    Decode(&token->claimBytes, first + 1, second);
    Decode(&token->signature, second + 1, end);
    token->canonical = IsCanonical(&token->signature, second + 1, (size_t)(end - second - 1));
    token->objects = IsObject(&headerBytes) && IsObject(&token->claimBytes);
    token->header = ParsePart(interp, &headerBytes, NS_JSON_AS_VALUE);
    token->claims = token->header != NULL ? ParsePart(interp, &token->claimBytes, NS_JSON_AS_VALUE) : NULL;
    Tcl_DStringFree(&headerBytes);
    return token->claims != NULL ? TCL_OK : TCL_ERROR;
}

int
CryptoJwtDecodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *obj, *dict;
    Token       token;
    int         result;
    Ns_ObjvSpec args[] = {{"token", Ns_ObjvObj, &obj, NULL}, OPT_END};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    result = TakeToken(interp, obj, &token);
    if (result == TCL_OK) {
        dict = Tcl_NewDictObj();
        NsDictPut(dict, "header", token.header);
        NsDictPut(dict, "payload", token.claims);
        NsDictPut(dict, "signature", Tcl_NewByteArrayObj((const unsigned char *)Tcl_DStringValue(&token.signature),
                                                         Tcl_DStringLength(&token.signature)));
        Tcl_SetObjResult(interp, dict);
    }
    DropToken(&token);
    return result;
}

/* ------------------------------------------------------------------------------------------------------------- verify */

typedef struct VerifyArgs {
    Tcl_Obj    *alg, *secret, *key, *jwk, *jwks, *kid, *iss, *sub, *aud, *token;
    char       *passphrase;
    int         requireKid, verifyClaims;
    Tcl_WideInt now, clockSkew;
} VerifyArgs;

static int
ParseVerify(Tcl_Interp *interp, VerifyArgs *a, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange notNegative = {0, INT64_MAX / 4};
    Ns_ObjvSpec opts[] = {
        {"-alg", Ns_ObjvObj, &a->alg, NULL}, {"-aud", Ns_ObjvObj, &a->aud, NULL},
        {"-clockskew", Ns_ObjvWideInt, &a->clockSkew, &notNegative}, {"-iss", Ns_ObjvObj, &a->iss, NULL},
        {"-jwk", Ns_ObjvObj, &a->jwk, NULL}, {"-jwks", Ns_ObjvObj, &a->jwks, NULL}, {"-key", Ns_ObjvObj, &a->key, NULL},
        {"-kid", Ns_ObjvObj, &a->kid, NULL}, {"-now", Ns_ObjvWideInt, &a->now, &notNegative}, OPT_PASSPHRASE(a->passphrase),
        {"-requirekid", Ns_ObjvBool, &a->requireKid, NULL}, {"-secret", Ns_ObjvObj, &a->secret, NULL},
        {"-sub", Ns_ObjvObj, &a->sub, NULL}, {"-verifyclaims", Ns_ObjvBool, &a->verifyClaims, NULL}, OPT_BREAK, OPT_END
    };
    Ns_ObjvSpec args[] = {{"token", Ns_ObjvObj, &a->token, NULL}, OPT_END};

    return Ns_ParseObjv(opts, args, interp, 2, objc, objv) == NS_OK ? TCL_OK : TCL_ERROR;
}

/* Which algorithm, as the header says and the caller allows; NULL with why. */
static const NsJwsAlg *
CheckHeader(const VerifyArgs *a, Tcl_Obj *header, NsCryptoWhy *why)
{
    const char     *name = CryptoDictText(header, "alg"), *kid = CryptoDictText(header, "kid");
    const NsJwsAlg *alg = NULL;

    if (name == NULL) {
        (void)NsCryptoFail(why, "key \"alg\" not known in dictionary");
    } else if (strcmp(name, "none") == 0) {
        (void)NsCryptoFail(why, "unsigned JWTs (alg=none) are not accepted by verify");
    } else if (a->alg != NULL && strcmp(Tcl_GetString(a->alg), name) != 0) {
        (void)NsCryptoFail(why, "JWT algorithm mismatch: expected \"%.60s\", got \"%.60s\"", Tcl_GetString(a->alg), name);
    } else if (a->requireKid && kid == NULL) {
        (void)NsCryptoFail(why, "JWT header does not contain required kid");
    } else if (a->kid != NULL && (kid == NULL || strcmp(Tcl_GetString(a->kid), kid) != 0)) {
        (void)NsCryptoFail(why, "JWT kid mismatch: expected \"%.60s\", got \"%.60s\"", Tcl_GetString(a->kid), kid != NULL ? kid : "");
    } else if (CryptoDictText(header, "crit") != NULL) {
        (void)NsCryptoFail(why, "JWT header has critical extensions, of which none is known");     /* RFC 7515, 4.1.11 */
    } else if ((alg = NsJwsFind(name)) == NULL) {
        (void)NsCryptoFail(why, "unsupported JWT algorithm \"%.60s\"", name);
    }
    return alg;
}

static int
VerifyBy(const NsJwsAlg *alg, const Token *token, NsBytes secret, EVP_PKEY *key, NsCryptoWhy *why)
{
    NsBytes input = {(const unsigned char *)Tcl_DStringValue(&token->text), token->inputLen};
    NsBytes signature = {(const unsigned char *)Tcl_DStringValue(&token->signature), (size_t)Tcl_DStringLength(&token->signature)};
    int     valid = NsJwsVerify(alg, secret, key, input, signature, why);

    return valid == 1 && !token->canonical ? 0 : valid;
}

/* 1, 0, or -1 with why, as NsJwsVerify. */
static int
VerifyByJwk(const NsJwsAlg *alg, const Token *token, Tcl_Obj *dict, NsCryptoWhy *why)
{
    CryptoJwk jwk;
    int       valid = -1;

    if (CryptoJwkRead(dict, alg, false, &jwk, why)) {
        valid = VerifyBy(alg, token, (NsBytes){jwk.secret.data, jwk.secret.len}, jwk.key, why);
    }
    CryptoJwkFree(&jwk);
    return valid;
}

/* By the keys of a set that have the token's kid; by all that fit, when it has none. */
static int
VerifyByJwks(const NsJwsAlg *alg, const Token *token, Tcl_Obj *set, NsCryptoWhy *why)
{
    const char *kid = CryptoDictText(token->header, "kid");
    Tcl_Obj    *name = Tcl_NewStringObj("keys", -1), *list = NULL, **keys;
    int         count = 0, valid = -1;
    NsCryptoWhy reason;

    (void)NsCryptoFail(why, "no matching JWK found in JWKS");
    Tcl_IncrRefCount(name);
    if (Tcl_DictObjGet(NULL, set, name, &list) != TCL_OK || list == NULL
        || Tcl_ListObjGetElements(NULL, list, &count, &keys) != TCL_OK) {
        count = 0;
    }
    Tcl_DecrRefCount(name);
    for (int i = 0; i < count && i < MAX_JWKS && valid != 1; i++) {
        const char *own = CryptoDictText(keys[i], "kid");
        int         one;

        if (kid != NULL && (own == NULL || strcmp(own, kid) != 0)) {
            continue;
        }
        one = VerifyByJwk(alg, token, keys[i], &reason);
        if (one >= 0) {
            valid = one;
        } else if (kid != NULL && valid < 0) {
            *why = reason;
        }
    }
    return valid;
}

static bool
IsSigned(const VerifyArgs *a, const NsJwsAlg *alg, const Token *token, NsCryptoWhy *why)
{
    CryptoInput secret;
    EVP_PKEY   *key = NULL;
    int         valid = -1;

    CryptoInputTake(&secret, a->secret, false);
    if (a->jwk != NULL) {
        valid = VerifyByJwk(alg, token, a->jwk, why);
    } else if (a->jwks != NULL) {
        valid = VerifyByJwks(alg, token, a->jwks, why);
    } else if (NsJwsIsShared(alg)) {
        if (secret.bytes.len == 0) {
            (void)NsCryptoFail(why, "missing shared secret; provide -secret");
        } else {
            valid = VerifyBy(alg, token, secret.bytes, NULL, why);
        }
    } else if (a->key == NULL) {
        (void)NsCryptoFail(why, "missing verification key; provide -key, -jwk or -jwks");
    } else if ((key = NsKeyRead(Tcl_GetString(a->key), a->passphrase, NS_KEY_ANY, why)) != NULL) {
        valid = VerifyBy(alg, token, secret.bytes, key, why);
    }
    if (valid == 0) {
        (void)NsCryptoFail(why, "JWT signature verification failed");
    }
    CryptoInputDrop(&secret);
    EVP_PKEY_free(key);
    return valid == 1;
}

/* ------------------------------------------------------------------------------------------------------------- claims */

/*
 * The claim of that name, with its type; false: there is none.  `claims` are triples.  Of several it is the last, as in the
 * payload that the caller is given (RFC 7519, 4): another one would be checked than is believed.
 */
static bool
FindClaim(Tcl_Obj *claims, const char *name, NsJsonType *type, Tcl_Obj **value)
{
    int       count = 0;
    Tcl_Obj **words;
    bool      has = false;

    if (Tcl_ListObjGetElements(NULL, claims, &count, &words) == TCL_OK) {
        for (int i = count - 3; i >= 0 && !has; i -= 3) {
            has = strcmp(Tcl_GetString(words[i]), name) == 0 && NsJsonTypeOf(words[i + 1], type);
            *value = words[i + 2];
        }
    }
    return has;
}

/* 1: there is this number, 0: there is no such claim, -1: it is no number, with why. */
static int
NumberClaim(Tcl_Obj *claims, const char *name, double *number, NsCryptoWhy *why)
{
    NsJsonType type;
    Tcl_Obj   *value;

    if (!FindClaim(claims, name, &type, &value)) {
        return 0;
    }
    if (type != NS_JSON_NUMBER || Tcl_GetDoubleFromObj(NULL, value, number) != TCL_OK) {
        (void)NsCryptoFail(why, "JWT claim \"%s\" is not a number", name);
        return -1;
    }
    return 1;
}

static bool
CheckTimes(const VerifyArgs *a, Tcl_Obj *claims, NsCryptoWhy *why)
{
    double exp = 0, nbf = 0, iat = 0, now = (double)a->now, skew = (double)a->clockSkew;
    int    hasExp = NumberClaim(claims, "exp", &exp, why);
    int    hasNbf = hasExp >= 0 ? NumberClaim(claims, "nbf", &nbf, why) : -1;
    int    hasIat = hasNbf >= 0 ? NumberClaim(claims, "iat", &iat, why) : -1;

    if (hasIat < 0) {
        return false;
    }
    if (hasExp && now > exp + skew) {
        return NsCryptoFail(why, "JWT expired");
    }
    if (hasNbf && now + skew < nbf) {
        return NsCryptoFail(why, "JWT not valid yet");
    }
    if (hasIat && now + skew < iat) {
        return NsCryptoFail(why, "JWT issued-at time is in the future");
    }
    return true;
}

static bool
IsText(NsJsonType type, Tcl_Obj *value, Tcl_Obj *wanted)
{
    return type == NS_JSON_STRING && strcmp(Tcl_GetString(value), Tcl_GetString(wanted)) == 0;
}

static bool
CheckText(Tcl_Obj *claims, const char *name, const char *word, Tcl_Obj *wanted, NsCryptoWhy *why)
{
    NsJsonType type;
    Tcl_Obj   *value;

    if (wanted == NULL) {
        return true;
    }
    if (!FindClaim(claims, name, &type, &value)) {
        return NsCryptoFail(why, "JWT %s missing", word);
    }
    return IsText(type, value, wanted) || NsCryptoFail(why, "JWT %s mismatch", word);
}

/* One of several, or the only one; a text with a blank is one name. */
static bool
CheckAudience(Tcl_Obj *claims, Tcl_Obj *wanted, NsCryptoWhy *why)
{
    NsJsonType type, element;
    Tcl_Obj   *value, **words;
    int        count = 0;
    bool       is;

    if (wanted == NULL) {
        return true;
    }
    if (!FindClaim(claims, "aud", &type, &value)) {
        return NsCryptoFail(why, "JWT audience missing");
    }
    is = IsText(type, value, wanted);
    if (type == NS_JSON_ARRAY && Tcl_ListObjGetElements(NULL, value, &count, &words) == TCL_OK) {
        for (int i = 0; i + 2 < count && !is; i += 3) {
            is = NsJsonTypeOf(words[i + 1], &element) && IsText(element, words[i + 2], wanted);
        }
    }
    return is || NsCryptoFail(why, "JWT audience mismatch");
}

static int
CheckClaims(Tcl_Interp *interp, const VerifyArgs *a, const Token *token, NsCryptoWhy *why)
{
    Tcl_Obj   *document = ParsePart(interp, &token->claimBytes, NS_JSON_AS_TRIPLES), *claims = document;
    NsJsonType type;
    int        result = TCL_OK;

    if (document == NULL) {
        return TCL_ERROR;
    }
    (void)NsJsonIsDocument(document, &type, &claims);
    if (!CheckTimes(a, claims, why)
        || !CheckText(claims, "iss", "issuer", a->iss, why) || !CheckText(claims, "sub", "subject", a->sub, why)
        || !CheckAudience(claims, a->aud, why)) {
        result = CryptoError(interp, why);
    }
    Tcl_DecrRefCount(document);
    return result;
}

int
CryptoJwtVerifyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    VerifyArgs      a = {.now = (Tcl_WideInt)time(NULL)};
    Token           token;
    const NsJwsAlg *alg;
    NsCryptoWhy     why;
    Tcl_Obj        *dict;
    int             result;

    if (ParseVerify(interp, &a, objc, objv) != TCL_OK) {
        return TCL_ERROR;
    }
    result = TakeToken(interp, a.token, &token);
    if (result == TCL_OK && ((alg = CheckHeader(&a, token.header, &why)) == NULL || !IsSigned(&a, alg, &token, &why))) {
        result = CryptoError(interp, &why);
    }
    if (result == TCL_OK && !token.objects) {
        (void)NsCryptoFail(&why, "header and claims of a JWT are JSON objects");
        result = CryptoError(interp, &why);
    }
    if (result == TCL_OK && a.verifyClaims) {
        result = CheckClaims(interp, &a, &token, &why);
    }
    if (result == TCL_OK) {
        dict = Tcl_NewDictObj();
        NsDictPutNumber(dict, "valid", 1);
        NsDictPut(dict, "header", token.header);
        NsDictPut(dict, "payload", token.claims);
        NsDictPutText(dict, "kid", CryptoDictText(token.header, "kid"));
        NsDictPutText(dict, "alg", CryptoDictText(token.header, "alg"));
        Tcl_SetObjResult(interp, dict);
    }
    DropToken(&token);
    return result;
}
