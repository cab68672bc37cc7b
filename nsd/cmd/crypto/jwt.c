/* SPDX-License-Identifier: MPL-2.0 */
/*
 * JSON web tokens (RFC 7519): ns_jwt, which NaviServer also has as class ns_crypto::JWT; making them.  Reading is jwtread.c's.
 */
#include <string.h>
#include "base/text.h"
#include "cmd/crypto/input.h"
#include "cmd/crypto/jwk.h"
#include "cmd/crypto/jwt.h"
#include "crypto/jws.h"
#include "crypto/key.h"
#include "json/triples.h"
#include "json/write.h"

/* ------------------------------------------------------------------------------------------------------------- parts */

/* An object being written: its members, and whether there are any. */
typedef struct Members {
    Tcl_DString ds;
} Members;

static void
BeginMember(Members *members, const char *name)
{
    Tcl_DStringAppend(&members->ds, Tcl_DStringLength(&members->ds) > 0 ? "," : "{", 1);
    NsJsonAppendString(&members->ds, name, strlen(name));
    Tcl_DStringAppend(&members->ds, ":", 1);
}

static void
AddString(Members *members, const char *name, Tcl_Obj *value)
{
    int         len;
    const char *text;

    if (value != NULL) {
        text = Tcl_GetStringFromObj(value, &len);
        BeginMember(members, name);
        NsJsonAppendString(&members->ds, text, (size_t)len);
    }
}

static int
AddNumber(Tcl_Interp *interp, Members *members, const char *name, Tcl_Obj *value)
{
    int         len;
    const char *text;

    if (value != NULL) {
        text = Tcl_GetStringFromObj(value, &len);
        if (!NsJsonIsNumber(text, (size_t)len)) {
            Ns_TclPrintfResult(interp, "ns_json: parse error at byte 0: invalid number");
            return TCL_ERROR;
        }
        BeginMember(members, name);
        Tcl_DStringAppend(&members->ds, text, len);
    }
    return TCL_OK;
}

/* Of one audience its name, of several an array. */
static int
AddAudience(Tcl_Interp *interp, Members *members, Tcl_Obj *value)
{
    int       count = 0;
    Tcl_Obj **names;

    if (value == NULL) {
        return TCL_OK;
    }
    if (Tcl_ListObjGetElements(interp, value, &count, &names) != TCL_OK) {
        return TCL_ERROR;
    }
    if (count == 1) {
        AddString(members, "aud", names[0]);
        return TCL_OK;
    }
    BeginMember(members, "aud");
    for (int i = 0; i < count; i++) {
        int         len;
        const char *text = Tcl_GetStringFromObj(names[i], &len);

        Tcl_DStringAppend(&members->ds, i == 0 ? "[" : ",", 1);
        NsJsonAppendString(&members->ds, text, (size_t)len);
    }
    Tcl_DStringAppend(&members->ds, count == 0 ? "[]" : "]", -1);
    return TCL_OK;
}

/* What the caller has in triples (json/value.h). */
static int
AddTriples(Tcl_Interp *interp, Members *members, Tcl_Obj *triples)
{
    Tcl_DString object;
    int         count = 0, result;
    Tcl_Obj   **words;

    if (triples == NULL) {
        return TCL_OK;
    }
    result = NsJsonTriples(interp, "ns_json value", triples, &count, &words);
    if (result == TCL_OK && count > 0) {
        Tcl_DStringInit(&object);
        result = NsJsonAppendTyped(interp, "ns_json value", &object, NS_JSON_OBJECT, triples);
        if (result == TCL_OK) {
            /* Without its braces. */
            Tcl_DStringAppend(&members->ds, Tcl_DStringLength(&members->ds) > 0 ? "," : "{", 1);
            Tcl_DStringAppend(&members->ds, Tcl_DStringValue(&object) + 1, Tcl_DStringLength(&object) - 2);
        }
        Tcl_DStringFree(&object);
    }
    return result;
}

/* The header says itself what it is signed with. */
static int
CheckExtraHeader(Tcl_Interp *interp, Tcl_Obj *triples)
{
    int       count = 0;
    Tcl_Obj **words;

    if (triples == NULL) {
        return TCL_OK;
    }
    if (NsJsonTriples(interp, "ns_json value", triples, &count, &words) != TCL_OK) {
        return TCL_ERROR;
    }
    for (int i = 0; i < count; i += 3) {
        const char *name = Tcl_GetString(words[i]);

        if (strcmp(name, "alg") == 0 || strcmp(name, "crit") == 0) {
            Ns_TclPrintfResult(interp, "-extraheader must not have \"%s\"", name);
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

/* Append the object in UTF-8 and base64url; it is freed. */
static void
AppendPart(Tcl_DString *token, Members *members)
{
    Tcl_DString out;
    size_t      len;
    const char *bytes;

    if (Tcl_DStringLength(&members->ds) == 0) {
        Tcl_DStringAppend(&members->ds, "{", 1);
    }
    Tcl_DStringAppend(&members->ds, "}", 1);
    Tcl_DStringInit(&out);
    bytes = NsTextOut(&out, Tcl_DStringValue(&members->ds), (size_t)Tcl_DStringLength(&members->ds), &len);
    NsBase64Encode(token, bytes, len, true, 0);
    Tcl_DStringFree(&out);
}

/* ------------------------------------------------------------------------------------------------------------ encode */

typedef struct EncodeArgs {
    Tcl_Obj *alg, *secret, *key, *jwk;
    char    *passphrase;
    Tcl_Obj *typ, *cty, *kid, *extraHeader;
    Tcl_Obj *iss, *sub, *aud, *exp, *nbf, *iat, *jti, *payload;
} EncodeArgs;

static int
ParseEncode(Tcl_Interp *interp, EncodeArgs *a, int objc, Tcl_Obj *const *objv)
{
    Ns_ObjvSpec opts[] = {
        OPT_NEEDED("-alg", a->alg), {"-aud", Ns_ObjvObj, &a->aud, NULL}, {"-cty", Ns_ObjvObj, &a->cty, NULL},
        {"-exp", Ns_ObjvObj, &a->exp, NULL}, {"-extraheader", Ns_ObjvObj, &a->extraHeader, NULL},
        {"-iat", Ns_ObjvObj, &a->iat, NULL}, {"-iss", Ns_ObjvObj, &a->iss, NULL}, {"-jti", Ns_ObjvObj, &a->jti, NULL},
        {"-jwk", Ns_ObjvObj, &a->jwk, NULL}, {"-key", Ns_ObjvObj, &a->key, NULL}, {"-kid", Ns_ObjvObj, &a->kid, NULL},
        {"-nbf", Ns_ObjvObj, &a->nbf, NULL}, OPT_PASSPHRASE(a->passphrase), {"-secret", Ns_ObjvObj, &a->secret, NULL},
        {"-sub", Ns_ObjvObj, &a->sub, NULL}, {"-typ", Ns_ObjvObj, &a->typ, NULL}, OPT_BREAK, OPT_END
    };
    Ns_ObjvSpec args[] = {{"?payload", Ns_ObjvObj, &a->payload, NULL}, OPT_END};

    return NsParseObjvNeeded(opts, args, interp, 2, objc, objv) == NS_OK ? TCL_OK : TCL_ERROR;
}

/* Header and claims, with the dot between them. */
static int
AppendInput(Tcl_Interp *interp, const EncodeArgs *a, Tcl_DString *token)
{
    Members  header, claims;
    Tcl_Obj *jwt = Tcl_NewStringObj("JWT", -1);
    int      result;

    Tcl_IncrRefCount(jwt);
    Tcl_DStringInit(&header.ds);
    Tcl_DStringInit(&claims.ds);
    AddString(&header, "alg", a->alg);
    AddString(&header, "typ", a->typ != NULL ? a->typ : jwt);
    AddString(&header, "cty", a->cty);
    AddString(&header, "kid", a->kid);
    AddString(&claims, "iss", a->iss);
    AddString(&claims, "sub", a->sub);
    result = CheckExtraHeader(interp, a->extraHeader) == TCL_OK && AddTriples(interp, &header, a->extraHeader) == TCL_OK
        && AddAudience(interp, &claims, a->aud) == TCL_OK && AddNumber(interp, &claims, "exp", a->exp) == TCL_OK
        && AddNumber(interp, &claims, "nbf", a->nbf) == TCL_OK && AddNumber(interp, &claims, "iat", a->iat) == TCL_OK
        ? TCL_OK : TCL_ERROR;
    AddString(&claims, "jti", a->jti);
    if (result == TCL_OK && (result = AddTriples(interp, &claims, a->payload)) == TCL_OK) {
        AppendPart(token, &header);
        Tcl_DStringAppend(token, ".", 1);
        AppendPart(token, &claims);
    }
    Tcl_DStringFree(&header.ds);
    Tcl_DStringFree(&claims.ds);
    Tcl_DecrRefCount(jwt);
    return result;
}

/* Append the signature of what `token` has until now; `alg` NULL: it gets none. */
static bool
AppendSignature(const EncodeArgs *a, const NsJwsAlg *alg, Tcl_DString *token, NsCryptoWhy *why)
{
    NsBytes     input = {(const unsigned char *)Tcl_DStringValue(token), (size_t)Tcl_DStringLength(token)};
    NsSecret    signature = {NULL, 0, 0};
    CryptoInput secret;
    CryptoJwk   jwk = {NULL, {NULL, 0, 0}};
    bool        done = true;

    CryptoInputTake(&secret, a->secret, false);
    if (alg != NULL && NsJwsIsShared(alg) && secret.bytes.len > 0) {
        done = NsJwsSign(alg, secret.bytes, NULL, input, &signature, why);
    } else if (alg != NULL) {
        if (a->jwk != NULL) {
            done = CryptoJwkRead(a->jwk, alg, true, &jwk, why);
        } else {
            jwk.key = NsKeyRead(Tcl_GetString(a->key), a->passphrase, NS_KEY_PRIVATE, why);
            done = jwk.key != NULL;
        }
        done = done && NsJwsSign(alg, (NsBytes){jwk.secret.data, jwk.secret.len}, jwk.key, input, &signature, why);
    }
    if (done) {
        Tcl_DStringAppend(token, ".", 1);
        NsBase64Encode(token, signature.data, signature.len, true, 0);
    }
    CryptoInputDrop(&secret);
    NsSecretFree(&signature);
    CryptoJwkFree(&jwk);
    return done;
}

/* Is there what the algorithm is made with?  "none" needs nothing. */
static bool
CheckKeys(const EncodeArgs *a, const char *name, const NsJwsAlg *alg, NsCryptoWhy *why)
{
    if (strcmp(name, "none") == 0) {
        return true;
    }
    if (alg != NULL && NsJwsIsShared(alg)) {
        return (a->secret != NULL && Tcl_GetCharLength(a->secret) > 0) || a->jwk != NULL
            || NsCryptoFail(why, "missing shared secret; provide -secret");
    }
    if (a->key == NULL && a->jwk == NULL) {
        return NsCryptoFail(why, "missing signing key; provide -key");
    }
    return alg != NULL || NsCryptoFail(why, "unsupported JWT algorithm \"%.60s\"", name);
}

static int
EncodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    EncodeArgs      a = {0};
    const NsJwsAlg *alg;
    Tcl_DString     token;
    NsCryptoWhy     why;
    int             result;

    if (ParseEncode(interp, &a, objc, objv) != TCL_OK) {
        return TCL_ERROR;
    }
    alg = NsJwsFind(Tcl_GetString(a.alg));
    if (!CheckKeys(&a, Tcl_GetString(a.alg), alg, &why)) {
        return CryptoError(interp, &why);
    }
    Tcl_DStringInit(&token);
    result = AppendInput(interp, &a, &token);
    if (result == TCL_OK) {
        if (AppendSignature(&a, alg, &token, &why)) {
            Tcl_DStringResult(interp, &token);
        } else {
            result = CryptoError(interp, &why);
        }
    }
    Tcl_DStringFree(&token);
    return result;
}

/* ----------------------------------------------------------------------------------------------------------- commands */

/* What programs ask a class: its methods. */
static int
InfoObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable topics[] = {{"methods", 0}, {NULL, 0}};
    int         topic;
    Ns_ObjvSpec args[] = {{"topic", Ns_ObjvIndex, &topic, (void *)(uintptr_t)topics}, OPT_END};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj("decode encode verify", -1));
    return TCL_OK;
}

static int
JwtObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"decode", CryptoJwtDecodeObjCmd}, {"encode", EncodeObjCmd}, {"info", InfoObjCmd}, {"verify", CryptoJwtVerifyObjCmd},
        {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsJwtCmds[];
const NsCmd nsJwtCmds[] = {
    {"ns_crypto::JWT", JwtObjCmd, NS_CMD_CONFIG},
    {"ns_jwt",         JwtObjCmd, NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
