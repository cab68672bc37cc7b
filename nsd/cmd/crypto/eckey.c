/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_crypto::eckey: keys of elliptic curves, as web push has them.
 */
#include "cmd/crypto/input.h"
#include "cmd/crypto/keys.h"

#define DEFAULT_CURVE "prime256v1"

typedef enum { FORM_RAW, FORM_PEM, FORM_DER } Form;

/* A key that must be one of an elliptic curve, or NULL with why. */
static EVP_PKEY *
ReadEc(const char *pem, const char *passphrase, NsKeyPart part, const char *otherwise, NsCryptoWhy *why)
{
    EVP_PKEY *key = NsKeyRead(pem, passphrase, part, why);

    if (key != NULL && !NsKeyIs(key, "EC")) {
        (void)NsCryptoFail(why, "%s", otherwise);
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

/* As DER, in bytes, or into a file.  `key` is freed. */
static int
DerResult(Tcl_Interp *interp, EVP_PKEY *key, const char *file, NsCryptoWhy *why)
{
    NsSecret der = {NULL, 0, 0};
    bool     done = key != NULL && NsKeyPublicDer(key, &der, why) && (file == NULL || NsKeyWriteFile(file, &der, false, why));
    int      result = TCL_OK;

    if (!done || file == NULL) {
        result = CryptoKeyResult(interp, done, &der, NS_ENCODE_BINARY, why);
    }
    NsSecretFree(&der);
    EVP_PKEY_free(key);
    return result;
}

static int
GenerateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *curve = DEFAULT_CURVE, *pem = NULL, *file = NULL;
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {
        {"-name", Ns_ObjvString, &curve, NULL}, {"-pem", Ns_ObjvString, &pem, NULL}, {"-outfile", Ns_ObjvString, &file, NULL},
        OPT_END
    };

    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return CryptoPemResult(interp, NsKeyGenerate("EC", curve, NS_KEY_FOR_EC, &why), true, file != NULL ? file : pem, &why);
}

static int
PubObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable forms[] = {{"raw", FORM_RAW}, {"pem", FORM_PEM}, {"der", FORM_DER}, {NULL, 0}};
    int         encoding = -1, form = FORM_RAW, result;
    char       *passphrase = NULL, *file = NULL;
    Tcl_Obj    *pem;
    EVP_PKEY   *key;
    NsSecret    raw = {NULL, 0, 0};
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {
        OPT_ENCODING(encoding), OPT_PASSPHRASE(passphrase), {"-format", Ns_ObjvIndex, &form, (void *)(uintptr_t)forms},
        {"-outfile", Ns_ObjvString, &file, NULL}, OPT_NEEDED("-pem", pem), OPT_END
    };

    if (NsParseObjvNeeded(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (encoding >= 0 && form != FORM_RAW) {
        Ns_TclPrintfResult(interp, "-encoding is only valid with -format raw");
        return TCL_ERROR;
    }
    if (file != NULL && form == FORM_RAW) {
        Ns_TclPrintfResult(interp, "the option \"-outfile\" requires \"-format pem\" or \"-format der\"");
        return TCL_ERROR;
    }
    key = ReadEc(Tcl_GetString(pem), passphrase, NS_KEY_ANY, "specified key is not an EC key", &why);
    if (form == FORM_PEM) {
        result = CryptoPemResult(interp, key, false, file, &why);
    } else if (form == FORM_DER) {
        result = DerResult(interp, key, file, &why);
    } else {
        result = CryptoKeyResult(interp, key != NULL && NsKeyPublicRaw(key, &raw, &why), &raw,
                                 encoding >= 0 ? encoding : NS_ENCODE_HEX, &why);
        EVP_PKEY_free(key);
    }
    return result;
}

static int
FromCoordsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable forms[] = {{"pem", FORM_PEM}, {"der", FORM_DER}, {NULL, 0}};
    int         binary = 0, form = FORM_PEM, result;
    char       *file = NULL;
    Tcl_Obj    *curve, *x, *y;
    CryptoInput xInput, yInput;
    EVP_PKEY   *key = NULL;
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {
        OPT_BINARY(binary), OPT_NEEDED("-curve", curve), OPT_NEEDED("-x", x), OPT_NEEDED("-y", y),
        {"-format", Ns_ObjvIndex, &form, (void *)(uintptr_t)forms}, {"-outfile", Ns_ObjvString, &file, NULL}, OPT_END
    };

    if (NsParseObjvNeeded(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    result = CryptoInputTakeBytes(interp, &xInput, x, "x");
    if (CryptoInputTakeBytes(interp, &yInput, y, "y") != TCL_OK || result != TCL_OK) {
        result = TCL_ERROR;
    } else {
        key = NsKeyFromCoordinates(Tcl_GetString(curve), xInput.bytes, yInput.bytes, "could not import EC public key", &why);
        result = form == FORM_PEM ? CryptoPemResult(interp, key, false, file, &why) : DerResult(interp, key, file, &why);
    }
    CryptoInputDrop(&xInput);
    CryptoInputDrop(&yInput);
    return result;
}

/* A point of the usual curve: is it one? */
static int
ImportObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         binary = 0, encoding = NS_ENCODE_HEX, result;
    Tcl_Obj    *string;
    CryptoInput input;
    EVP_PKEY   *key;
    NsSecret    raw = {NULL, 0, 0};
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {OPT_BINARY(binary), OPT_NEEDED("-string", string), OPT_ENCODING(encoding), OPT_END};

    if (NsParseObjvNeeded(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    result = CryptoInputTakeBytes(interp, &input, string, "key");
    if (result == TCL_OK) {
        key = NsKeyFromPoint(DEFAULT_CURVE, input.bytes, "could not import string to EC key", &why);
        result = CryptoKeyResult(interp, key != NULL && NsKeyPublicRaw(key, &raw, &why), &raw, encoding, &why);
        EVP_PKEY_free(key);
    }
    CryptoInputDrop(&input);
    return result;
}

static int
PrivObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CryptoPrivateRaw(interp, NsKeyPrivateEc, objc, objv);
}

/* What both sides derive from their own key and the other's point. */
static bool
Share(EVP_PKEY *own, NsBytes point, NsSecret *out, NsCryptoWhy *why)
{
    char      group[64];
    size_t    len;
    EVP_PKEY *peer = NULL;
    bool      done = false;

    if (EVP_PKEY_get_group_name(own, group, sizeof(group), &len) != 1) {
        (void)NsCryptoFail(why, "specified key is not one of a named curve");
    } else if ((peer = NsKeyFromPoint(group, point, "could not import EC peer public key", why)) != NULL) {
        done = NsKeyAgree(own, peer, out, why);
    }
    EVP_PKEY_free(peer);
    return done;
}

static int
SharedSecretObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         binary = 0, encoding = NS_ENCODE_HEX, result;
    char       *passphrase = NULL;
    Tcl_Obj    *pem, *point;
    CryptoInput input;
    EVP_PKEY   *key;
    NsSecret    secret = {NULL, 0, 0};
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {
        OPT_BINARY(binary), OPT_ENCODING(encoding), OPT_PASSPHRASE(passphrase), OPT_NEEDED("-pem", pem), OPT_BREAK, OPT_END
    };
    Ns_ObjvSpec args[] = {{"pubkey", Ns_ObjvObj, &point, NULL}, OPT_END};

    if (NsParseObjvNeeded(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    result = CryptoInputTakeBytes(interp, &input, point, "public key");
    if (result == TCL_OK) {
        key = ReadEc(Tcl_GetString(pem), passphrase, NS_KEY_PRIVATE, "specified key is not an EC key", &why);
        result = CryptoKeyResult(interp, key != NULL && Share(key, input.bytes, &secret, &why), &secret, encoding, &why);
        EVP_PKEY_free(key);
    }
    CryptoInputDrop(&input);
    return result;
}

static int
EckeyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"generate", GenerateObjCmd}, {"pub", PubObjCmd}, {"fromcoords", FromCoordsObjCmd}, {"import", ImportObjCmd},
        {"priv", PrivObjCmd}, {"sharedsecret", SharedSecretObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsEckeyCmds[];
const NsCmd nsEckeyCmds[] = {
    {"ns_crypto::eckey", EckeyObjCmd, NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
