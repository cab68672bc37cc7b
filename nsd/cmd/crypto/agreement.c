/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Secrets that two sides come to share: ns_crypto::agreement (each has a key), ns_crypto::kem (one has, and is sent a secret).
 */
#include "base/dict.h"
#include "cmd/crypto/input.h"
#include "cmd/crypto/keys.h"

/* ----------------------------------------------------------------------------------------------------------- agreement */

static const char noAgreement[] = "provided PEM does not support key agreement";

static int
GenerateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CryptoGenerate(interp, "X25519", NS_KEY_FOR_AGREEMENT, objc, objv);
}

static int
PubObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CryptoPublicPem(interp, NS_KEY_PRIVATE, NsKeyCanAgree, noAgreement, objc, objv);
}

static int
DeriveObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         encoding = NS_ENCODE_HEX, result;
    char       *passphrase = NULL;
    Tcl_Obj    *pem, *peerPem;
    EVP_PKEY   *own, *peer = NULL;
    NsSecret    secret = {NULL, 0, 0};
    NsCryptoWhy why;
    bool        done = false;
    Ns_ObjvSpec opts[] = {
        OPT_ENCODING(encoding), OPT_PASSPHRASE(passphrase), OPT_NEEDED("-pem", pem), OPT_NEEDED("-peer", peerPem), OPT_END
    };

    if (NsParseObjvNeeded(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    own = NsKeyRead(Tcl_GetString(pem), passphrase, NS_KEY_PRIVATE, &why);
    if (own != NULL && !NsKeyCanAgree(own)) {
        (void)NsCryptoFail(&why, "%s", noAgreement);
    } else if (own != NULL && (peer = NsKeyRead(Tcl_GetString(peerPem), NULL, NS_KEY_PUBLIC, &why)) != NULL) {
        done = NsKeyAgree(own, peer, &secret, &why);
    }
    result = CryptoKeyResult(interp, done, &secret, encoding, &why);
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    return result;
}

static int
AgreementObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"generate", GenerateObjCmd}, {"pub", PubObjCmd}, {"derive", DeriveObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

/* ------------------------------------------------------------------------------------------------------- encapsulation */

static const char noKem[] = "provided PEM does not support key encapsulation";

static int
KemGenerateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CryptoGenerate(interp, "ML-KEM-768", NS_KEY_FOR_KEM, objc, objv);
}

static int
KemPubObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CryptoPublicPem(interp, NS_KEY_ANY, NsKeyCanEncapsulate, noKem, objc, objv);
}

/* A dictionary: what is to be sent, and the secret. */
static int
EncapsulateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         encoding = NS_ENCODE_HEX, result = TCL_OK;
    Tcl_Obj    *pem, *dict;
    EVP_PKEY   *key;
    NsSecret    sent = {NULL, 0, 0}, secret = {NULL, 0, 0};
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {OPT_ENCODING(encoding), OPT_NEEDED("-pem", pem), OPT_END};

    if (NsParseObjvNeeded(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    key = NsKeyRead(Tcl_GetString(pem), NULL, NS_KEY_ANY, &why);
    if (key != NULL && NsKeyEncapsulate(key, &sent, &secret, &why)) {
        dict = Tcl_NewDictObj();
        NsDictPut(dict, "ciphertext", NsEncodedObj(sent.data, sent.len, (NsByteEncoding)encoding));
        NsDictPut(dict, "secret", NsEncodedObj(secret.data, secret.len, (NsByteEncoding)encoding));
        Tcl_SetObjResult(interp, dict);
    } else {
        result = CryptoError(interp, &why);
    }
    NsSecretFree(&sent);
    NsSecretFree(&secret);
    EVP_PKEY_free(key);
    return result;
}

static int
DecapsulateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         encoding = NS_ENCODE_HEX, result;
    char       *passphrase = NULL;
    Tcl_Obj    *pem, *sent;
    CryptoInput input;
    EVP_PKEY   *key;
    NsSecret    secret = {NULL, 0, 0};
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {OPT_ENCODING(encoding), OPT_PASSPHRASE(passphrase), OPT_NEEDED("-pem", pem), OPT_BREAK, OPT_END};
    Ns_ObjvSpec args[] = {{"ciphertext", Ns_ObjvObj, &sent, NULL}, OPT_END};

    if (NsParseObjvNeeded(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    result = CryptoInputTakeBytes(interp, &input, sent, "ciphertext");
    if (result == TCL_OK) {
        key = NsKeyRead(Tcl_GetString(pem), passphrase, NS_KEY_PRIVATE, &why);
        result = CryptoKeyResult(interp, key != NULL && NsKeyDecapsulate(key, input.bytes, &secret, &why), &secret, encoding, &why);
        EVP_PKEY_free(key);
    }
    CryptoInputDrop(&input);
    return result;
}

/* The algorithm for it is ML-KEM (OpenSSL 3.5): without it there is no such command. */
static int
KemObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"generate", KemGenerateObjCmd}, {"pub", KemPubObjCmd}, {"encapsulate", EncapsulateObjCmd},
        {"decapsulate", DecapsulateObjCmd}, {NULL, NULL}
    };

    if (!NsKeyHasMlKem()) {
        Ns_TclPrintfResult(interp, "The used version of OpenSSL does not support ML-KEM");
        return TCL_ERROR;
    }
    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsAgreementCmds[];
const NsCmd nsAgreementCmds[] = {
    {"ns_crypto::agreement", AgreementObjCmd, NS_CMD_CONFIG},
    {"ns_crypto::kem",       KemObjCmd,       NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
