/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the commands about keys share: new keys, public ones, PEM as results and in files.
 */
#include "cmd/crypto/input.h"
#include "cmd/crypto/keys.h"

int
CryptoKeyResult(Tcl_Interp *interp, bool done, NsSecret *secret, int encoding, const NsCryptoWhy *why)
{
    int result = done ? CryptoSecretResult(interp, secret, encoding) : CryptoError(interp, why);

    NsSecretFree(secret);
    return result;
}

int
CryptoPemResult(Tcl_Interp *interp, EVP_PKEY *key, bool private, const char *file, NsCryptoWhy *why)
{
    NsSecret pem = {NULL, 0, 0};
    int      result = TCL_OK;

    if (key == NULL || !(private ? NsKeyPrivatePem(key, &pem, why) : NsKeyPublicPem(key, &pem, why))
        || (file != NULL && !NsKeyWriteFile(file, &pem, private, why))) {
        result = CryptoError(interp, why);
    } else if (file == NULL) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj((const char *)pem.data, (int)pem.len));
    }
    NsSecretFree(&pem);
    EVP_PKEY_free(key);
    return result;
}

int
CryptoGenerate(Tcl_Interp *interp, char *name, NsKeyPurpose purpose, int objc, Tcl_Obj *const *objv)
{
    char       *group = NULL, *file = NULL;
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {
        {"-name", Ns_ObjvString, &name, NULL}, {"-group", Ns_ObjvString, &group, NULL}, {"-outfile", Ns_ObjvString, &file, NULL},
        OPT_END
    };

    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return CryptoPemResult(interp, NsKeyGenerate(name, group, purpose, &why), true, file, &why);
}

int
CryptoPublicPem(Tcl_Interp *interp, NsKeyPart part, bool (*can)(EVP_PKEY *key), const char *cannot, int objc,
                Tcl_Obj *const *objv)
{
    char       *passphrase = NULL, *file = NULL;
    Tcl_Obj    *pem;
    EVP_PKEY   *key;
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {
        OPT_PASSPHRASE(passphrase), {"-outfile", Ns_ObjvString, &file, NULL}, OPT_NEEDED("-pem", pem), OPT_END
    };

    if (NsParseObjvNeeded(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    key = NsKeyRead(Tcl_GetString(pem), passphrase, part, &why);
    if (key != NULL && can != NULL && !can(key)) {
        (void)NsCryptoFail(&why, "%s", cannot);
        EVP_PKEY_free(key);
        key = NULL;
    }
    return CryptoPemResult(interp, key, false, file, &why);
}

int
CryptoPrivateRaw(Tcl_Interp *interp, bool (*get)(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why), int objc,
                 Tcl_Obj *const *objv)
{
    int         encoding = NS_ENCODE_HEX, result;
    char       *passphrase = NULL;
    Tcl_Obj    *pem;
    EVP_PKEY   *key;
    NsSecret    raw = {NULL, 0, 0};
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {OPT_ENCODING(encoding), OPT_PASSPHRASE(passphrase), OPT_NEEDED("-pem", pem), OPT_END};

    if (NsParseObjvNeeded(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    key = NsKeyRead(Tcl_GetString(pem), passphrase, NS_KEY_PRIVATE, &why);
    result = CryptoKeyResult(interp, key != NULL && get(key, &raw, &why), &raw, encoding, &why);
    EVP_PKEY_free(key);
    return result;
}
