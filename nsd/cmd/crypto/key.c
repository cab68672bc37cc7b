/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_crypto::key: keys generated, imported, exported and described.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <openssl/provider.h>
#include "base/dict.h"
#include "cmd/crypto/input.h"
#include "cmd/crypto/jwk.h"
#include "cmd/crypto/keys.h"

typedef enum { FORM_RAW, FORM_PEM } Form;
static const Ns_ObjvTable forms[] = {{"raw", FORM_RAW}, {"pem", FORM_PEM}, {NULL, 0}};

/* ------------------------------------------------------------------------------------------------------------- import */

/* The bytes of a key of the dictionary; false: it has none.  To be dropped in either case. */
static bool
TakeParam(Tcl_Interp *interp, Tcl_Obj *dict, const char *name, CryptoInput *input, int *result)
{
    Tcl_Obj *key = Tcl_NewStringObj(name, -1), *value = NULL;

    Tcl_IncrRefCount(key);
    (void)Tcl_DictObjGet(NULL, dict, key, &value);
    Tcl_DecrRefCount(key);
    if (CryptoInputTakeBytes(interp, input, value, name) != TCL_OK) {
        *result = TCL_ERROR;
    }
    return value != NULL;
}

/* NULL with `why`, or with *result TCL_ERROR and a message. */
static EVP_PKEY *
ImportKey(Tcl_Interp *interp, const char *name, Tcl_Obj *params, int *result, NsCryptoWhy *why)
{
    bool        isEc = strcasecmp(name, "EC") == 0, isRsa = strcasecmp(name, "RSA") == 0;
    const char *text = CryptoDictText(params, isEc ? "group" : "crv");
    CryptoInput first, second;
    bool        hasFirst = TakeParam(interp, params, isRsa ? "n" : "x", &first, result);
    bool        hasSecond = TakeParam(interp, params, isRsa ? "e" : "y", &second, result);
    EVP_PKEY   *key = NULL;

    if (*result != TCL_OK) {
        /* said already */
    } else if (isEc) {
        if (text != NULL && hasFirst && hasSecond) {
            key = NsKeyFromCoordinates(text, first.bytes, second.bytes, "could not import key", why);
        } else {
            (void)NsCryptoFail(why, "EC public key import requires dict keys \"group\", \"x\", and \"y\"");
        }
    } else if (isRsa) {
        if (hasFirst && hasSecond) {
            key = NsKeyFromRsa(first.bytes, second.bytes, why);
        } else {
            (void)NsCryptoFail(why, "RSA public key import requires dict keys \"n\" and \"e\"");
        }
    } else if (strcasecmp(name, "OKP") == 0) {
        if (text != NULL && hasFirst) {
            key = NsKeyFromOkp(text, first.bytes, why);
        } else {
            (void)NsCryptoFail(why, "OKP public key import requires dict keys \"crv\" and \"x\"");
        }
    } else {
        (void)NsCryptoFail(why, "key import for algorithm \"%.60s\" is not yet implemented", name);
    }
    CryptoInputDrop(&first);
    CryptoInputDrop(&second);
    return key;
}

/* The result in one of the two forms; `key` is freed. */
static int
PublicResult(Tcl_Interp *interp, EVP_PKEY *key, int form, int encoding, const char *file, NsCryptoWhy *why)
{
    NsSecret raw = {NULL, 0, 0};
    int      result;

    if (form == FORM_PEM) {
        return CryptoPemResult(interp, key, false, file, why);
    }
    result = CryptoKeyResult(interp, key != NULL && NsKeyPublicRaw(key, &raw, why), &raw, encoding, why);
    EVP_PKEY_free(key);
    return result;
}

static bool
CheckFile(Tcl_Interp *interp, int form, const char *file)
{
    bool good = file == NULL || form == FORM_PEM;

    if (!good) {
        Ns_TclPrintfResult(interp, "the option \"-outfile\" requires \"-format pem\"");
    }
    return good;
}

static int
ImportObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable sources[] = {{"public", 0}, {"keypair", 1}, {NULL, 0}};
    int         form = FORM_PEM, encoding = NS_ENCODE_HEX, source = 0, size, result = TCL_OK;
    char       *file = NULL;
    Tcl_Obj    *name, *params;
    EVP_PKEY   *key;
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {
        OPT_NEEDED("-name", name), {"-from", Ns_ObjvIndex, &source, (void *)(uintptr_t)sources}, OPT_NEEDED("-params", params),
        {"-format", Ns_ObjvIndex, &form, (void *)(uintptr_t)forms}, OPT_ENCODING(encoding),
        {"-outfile", Ns_ObjvString, &file, NULL}, OPT_END
    };

    if (NsParseObjvNeeded(opts, NULL, interp, 2, objc, objv) != NS_OK || !CheckFile(interp, form, file)) {
        return TCL_ERROR;
    }
    if (source != 0) {
        Ns_TclPrintfResult(interp, "key import for algorithm \"%s\" currently supports only -from public", Tcl_GetString(name));
        return TCL_ERROR;
    }
    if (Tcl_DictObjSize(NULL, params, &size) != TCL_OK) {
        Ns_TclPrintfResult(interp, "the option \"-params\" requires a dictionary");
        return TCL_ERROR;
    }
    key = ImportKey(interp, Tcl_GetString(name), params, &result, &why);
    return result == TCL_OK ? PublicResult(interp, key, form, encoding, file, &why) : TCL_ERROR;
}

/* -------------------------------------------------------------------------------------------------------- description */

static Tcl_Obj *
TypeObj(const EVP_PKEY *key)
{
    const char *name = EVP_PKEY_get0_type_name(key);
    Tcl_Obj    *obj = Tcl_NewStringObj(name != NULL ? name : "unknown", -1);

    Tcl_SetObjLength(obj, Tcl_UtfToLower(Tcl_GetString(obj)));
    return obj;
}

static void
PutNumbers(Tcl_Obj *dict, const EVP_PKEY *key, int encoding)
{
    static const char *const names[] = {"n", "e", "x", "y"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        NsSecret bytes = {NULL, 0, 0};

        if (NsKeyParameter(key, names[i], &bytes)) {
            NsDictPut(dict, names[i], NsEncodedObj(bytes.data, bytes.len, (NsByteEncoding)encoding));
        }
        NsSecretFree(&bytes);
    }
}

static Tcl_Obj *
InfoObj(EVP_PKEY *key, int encoding)
{
    Tcl_Obj             *dict = Tcl_NewDictObj();
    const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);
    const char          *description = EVP_PKEY_get0_description(key);
    char                 group[64];
    size_t               len;
    bool                 signs = NsKeyCanSign(key);

    NsDictPut(dict, "type", TypeObj(key));
    NsDictPutNumber(dict, "bits", EVP_PKEY_get_bits(key));
    PutNumbers(dict, key, encoding);
    NsDictPutText(dict, "provider", provider != NULL ? OSSL_PROVIDER_get0_name(provider) : "");
    NsDictPutText(dict, "description", description != NULL ? description : "");
    if (EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1) {
        NsDictPutText(dict, "curve", group);
    }
    (void)NsCryptoFail(NULL, "-");             /* what OpenSSL noted on the way is of no interest */
    NsDictPutNumber(dict, "securityBits", EVP_PKEY_get_security_bits(key));
    NsDictPutNumber(dict, "signature", signs);
    if (signs) {
        NsDictPutNumber(dict, "requiresdigest", NsKeyHasDigest(key));
    }
    NsDictPutNumber(dict, "agreement", NsKeyCanAgree(key));
    NsDictPutNumber(dict, "kem", NsKeyCanEncapsulate(key));
    return dict;
}

static int
InfoObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         encoding = NS_ENCODE_HEX;
    char       *passphrase = NULL;
    Tcl_Obj    *pem;
    EVP_PKEY   *key;
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {OPT_ENCODING(encoding), OPT_PASSPHRASE(passphrase), OPT_NEEDED("-pem", pem), OPT_END};

    if (NsParseObjvNeeded(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    key = NsKeyRead(Tcl_GetString(pem), passphrase, NS_KEY_ANY, &why);
    if (key == NULL) {
        return CryptoError(interp, &why);
    }
    Tcl_SetObjResult(interp, InfoObj(key, encoding));
    EVP_PKEY_free(key);
    return TCL_OK;
}

static int
TypeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *passphrase = NULL;
    Tcl_Obj    *pem;
    EVP_PKEY   *key;
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {OPT_PASSPHRASE(passphrase), OPT_NEEDED("-pem", pem), OPT_END};

    if (NsParseObjvNeeded(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    key = NsKeyRead(Tcl_GetString(pem), passphrase, NS_KEY_ANY, &why);
    if (key == NULL) {
        return CryptoError(interp, &why);
    }
    Tcl_SetObjResult(interp, TypeObj(key));
    EVP_PKEY_free(key);
    return TCL_OK;
}

/* --------------------------------------------------------------------------------------------------- the other commands */

static int
GenerateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *group = NULL, *file = NULL;
    Tcl_Obj    *name;
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {
        OPT_NEEDED("-name", name), {"-group", Ns_ObjvString, &group, NULL}, {"-outfile", Ns_ObjvString, &file, NULL}, OPT_END
    };

    if (NsParseObjvNeeded(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return CryptoPemResult(interp, NsKeyGenerate(Tcl_GetString(name), group, NS_KEY_FOR_ALL, &why), true, file, &why);
}

static int
PubObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         form = FORM_RAW, encoding = NS_ENCODE_HEX;
    char       *passphrase = NULL, *file = NULL;
    Tcl_Obj    *pem;
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {
        OPT_ENCODING(encoding), {"-format", Ns_ObjvIndex, &form, (void *)(uintptr_t)forms}, OPT_PASSPHRASE(passphrase),
        {"-outfile", Ns_ObjvString, &file, NULL}, OPT_NEEDED("-pem", pem), OPT_END
    };

    if (NsParseObjvNeeded(opts, NULL, interp, 2, objc, objv) != NS_OK || !CheckFile(interp, form, file)) {
        return TCL_ERROR;
    }
    return PublicResult(interp, NsKeyRead(Tcl_GetString(pem), passphrase, NS_KEY_ANY, &why), form, encoding, file, &why);
}

static int
PrivObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CryptoPrivateRaw(interp, NsKeyPrivateRaw, objc, objv);
}

static int
KeyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"generate", GenerateObjCmd}, {"import", ImportObjCmd}, {"info", InfoObjCmd}, {"type", TypeObjCmd}, {"pub", PubObjCmd},
        {"priv", PrivObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsKeyCmds[];
const NsCmd nsKeyCmds[] = {
    {"ns_crypto::key", KeyObjCmd, NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
