/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Signatures: ns_crypto::signature, and -sign, -verify and vapidsign of ns_crypto::md.
 */
#include "cmd/crypto/hash.h"
#include "cmd/crypto/input.h"
#include "cmd/crypto/keys.h"
#include "cmd/crypto/parts.h"
#include "crypto/key.h"
#include "crypto/sign.h"

/* -------------------------------------------------------------------------------------------------- ns_crypto::md ... */

/* Some keys (Ed25519) have a digest of their own. */
static const EVP_MD *
DigestForKey(EVP_PKEY *key, const EVP_MD *md)
{
    return NsKeyHasDigest(key) ? md : NULL;
}

static int
MdSign(Tcl_Interp *interp, const char *pem, const char *passphrase, const EVP_MD *md, NsBytes message, int encoding)
{
    NsCryptoWhy why;
    NsSecret    signature = {NULL, 0, 0};
    EVP_PKEY   *key = NsKeyRead(pem, passphrase, NS_KEY_PRIVATE, &why);
    int         result = key != NULL && NsSign(key, DigestForKey(key, md), NS_SIGN_PLAIN, message, &signature, &why)
        ? CryptoSecretResult(interp, &signature, encoding) : CryptoError(interp, &why);

    NsSecretFree(&signature);
    EVP_PKEY_free(key);
    return result;
}

/* The signature is given in bytes, as -encoding binary yields it. */
static int
MdVerify(Tcl_Interp *interp, const char *pem, const char *passphrase, const EVP_MD *md, NsBytes message, NsBytes signature)
{
    NsCryptoWhy why;
    EVP_PKEY   *key = NsKeyRead(pem, passphrase, NS_KEY_ANY, &why);
    int         valid;

    if (key == NULL) {
        return CryptoError(interp, &why);
    }
    valid = NsVerify(key, DigestForKey(key, md), NS_SIGN_PLAIN, message, signature, &why);
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(valid == 1));
    EVP_PKEY_free(key);
    return TCL_OK;
}

static int
CheckMdOptions(Tcl_Interp *interp, const char *sign, const char *verify, const Tcl_Obj *signature)
{
    int result = TCL_ERROR;

    if (sign != NULL && verify != NULL) {
        Ns_TclPrintfResult(interp, "the options '-sign' and '-verify' are mutually exclusive");
    } else if ((verify != NULL) != (signature != NULL)) {
        Ns_TclPrintfResult(interp, "the options '-verify' requires '-signature' and vice versa");
    } else {
        result = TCL_OK;
    }
    return result;
}

int
CryptoMdStringObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           binary = 0, encoding = NS_ENCODE_HEX, result;
    char         *digest = "sha256", *passphrase = NULL, *sign = NULL, *verify = NULL;
    Tcl_Obj      *signature = NULL, *message;
    const EVP_MD *md;
    CryptoInput   input, signatureInput;
    Ns_ObjvSpec opts[] = {
        OPT_BINARY(binary), OPT_DIGEST(digest), OPT_ENCODING(encoding), OPT_PASSPHRASE(passphrase),
        {"-sign", Ns_ObjvString, &sign, NULL}, {"-signature", Ns_ObjvObj, &signature, NULL},
        {"-verify", Ns_ObjvString, &verify, NULL}, OPT_BREAK, OPT_END
    };
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, OPT_END};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK
        || CheckMdOptions(interp, sign, verify, signature) != TCL_OK || (md = CryptoDigest(interp, digest, false)) == NULL) {
        return TCL_ERROR;
    }
    if (sign == NULL && verify == NULL) {
        return CryptoMdResult(interp, md, message, binary != 0, encoding);
    }
    CryptoInputTake(&input, message, binary != 0);
    CryptoInputTake(&signatureInput, signature, true);
    result = sign != NULL ? MdSign(interp, sign, passphrase, md, input.bytes, encoding)
                          : MdVerify(interp, verify, passphrase, md, input.bytes, signatureInput.bytes);
    CryptoInputDrop(&input);
    CryptoInputDrop(&signatureInput);
    return result;
}

/* The signature of a web push token (RFC 8292): two numbers. */
int
CryptoVapidSignObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           binary = 0, encoding = NS_ENCODE_HEX, result;
    char         *digest = "sha256", *passphrase = NULL;
    Tcl_Obj      *pem, *message;
    const EVP_MD *md;
    CryptoInput   input;
    NsSecret      der = {NULL, 0, 0}, raw = {NULL, 0, 0};
    NsCryptoWhy   why;
    EVP_PKEY     *key;
    bool          done = false;
    Ns_ObjvSpec opts[] = {
        OPT_BINARY(binary), OPT_DIGEST(digest), OPT_ENCODING(encoding), OPT_PASSPHRASE(passphrase), OPT_NEEDED("-pem", pem),
        OPT_BREAK, OPT_END
    };
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, OPT_END};

    if (NsParseObjvNeeded(opts, args, interp, 2, objc, objv) != NS_OK || (md = CryptoDigest(interp, digest, true)) == NULL) {
        return TCL_ERROR;
    }
    CryptoInputTake(&input, message, binary != 0);
    key = NsKeyRead(Tcl_GetString(pem), passphrase, NS_KEY_PRIVATE, &why);
    if (key != NULL && !NsKeyIs(key, "EC")) {
        (void)NsCryptoFail(&why, "specified key is not an EC key");
    } else if (key != NULL) {
        done = NsSign(key, md, NS_SIGN_PLAIN, input.bytes, &der, &why)
            && NsSignatureToRaw(key, (NsBytes){der.data, der.len}, &raw, &why);
    }
    result = done ? CryptoSecretResult(interp, &raw, encoding) : CryptoError(interp, &why);
    CryptoInputDrop(&input);
    NsSecretFree(&der);
    NsSecretFree(&raw);
    EVP_PKEY_free(key);
    return result;
}

/* ------------------------------------------------------------------------------------------------ ns_crypto::signature */

static int
GenerateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CryptoGenerate(interp, "Ed25519", NS_KEY_FOR_SIGNATURE, objc, objv);
}

static int
PubObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CryptoPublicPem(interp, NS_KEY_ANY, NULL, NULL, objc, objv);
}

/*
 * Which digest: that of -digest, for a key without its own SHA-256.  False, with a message: this key has no signatures, or
 * not with these options.
 */
static bool
ChooseDigest(EVP_PKEY *key, const char *digest, const char *id, const EVP_MD **md, NsCryptoWhy *why)
{
    Tcl_DString ignored;

    *md = NULL;
    if (!NsKeyCanSign(key)) {
        return NsCryptoFail(why, "key type does not support signatures");
    }
    if (id != NULL) {
        return NsCryptoFail(why, "key type does not support parameter -id");
    }
    if (!NsKeyHasDigest(key)) {
        return digest == NULL || NsCryptoFail(why, "digest specification is not supported for this key type");
    }
    Tcl_DStringInit(&ignored);
    *md = NsDigestByName(digest != NULL ? digest : "sha256", true, &ignored);
    Tcl_DStringFree(&ignored);
    return *md != NULL || NsCryptoFail(why, "unknown digest \"%.100s\"", digest);
}

static int
SignObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           binary = 0, encoding = NS_ENCODE_HEX, result;
    char         *digest = NULL, *id = NULL, *passphrase = NULL;
    Tcl_Obj      *pem, *message;
    const EVP_MD *md;
    CryptoInput   input;
    NsSecret      signature = {NULL, 0, 0};
    NsCryptoWhy   why;
    EVP_PKEY     *key;
    Ns_ObjvSpec opts[] = {
        OPT_BINARY(binary), OPT_DIGEST(digest), {"-id", Ns_ObjvString, &id, NULL}, OPT_ENCODING(encoding),
        OPT_PASSPHRASE(passphrase), OPT_NEEDED("-pem", pem), OPT_BREAK, OPT_END
    };
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, OPT_END};

    if (NsParseObjvNeeded(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    CryptoInputTake(&input, message, binary != 0);
    key = NsKeyRead(Tcl_GetString(pem), passphrase, NS_KEY_PRIVATE, &why);
    result = key != NULL && ChooseDigest(key, digest, id, &md, &why)
        && NsSign(key, md, NS_SIGN_PLAIN, input.bytes, &signature, &why)
        ? CryptoSecretResult(interp, &signature, encoding) : CryptoError(interp, &why);
    CryptoInputDrop(&input);
    NsSecretFree(&signature);
    EVP_PKEY_free(key);
    return result;
}

static int
VerifyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           binary = 0, valid = -1;
    char         *digest = NULL, *id = NULL, *passphrase = NULL;
    Tcl_Obj      *pem, *signature, *message;
    const EVP_MD *md;
    CryptoInput   input, signatureInput;
    NsCryptoWhy   why;
    EVP_PKEY     *key;
    Ns_ObjvSpec opts[] = {
        OPT_BINARY(binary), OPT_DIGEST(digest), {"-id", Ns_ObjvString, &id, NULL}, OPT_PASSPHRASE(passphrase),
        OPT_NEEDED("-pem", pem), OPT_NEEDED("-signature", signature), OPT_BREAK, OPT_END
    };
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, OPT_END};

    if (NsParseObjvNeeded(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    CryptoInputTake(&input, message, binary != 0);
    CryptoInputTake(&signatureInput, signature, true);
    key = NsKeyRead(Tcl_GetString(pem), passphrase, NS_KEY_ANY, &why);
    if (key != NULL && ChooseDigest(key, digest, id, &md, &why)) {
        valid = NsVerify(key, md, NS_SIGN_PLAIN, input.bytes, signatureInput.bytes, &why);
    }
    CryptoInputDrop(&input);
    CryptoInputDrop(&signatureInput);
    EVP_PKEY_free(key);
    if (valid < 0) {
        return CryptoError(interp, &why);
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(valid));
    return TCL_OK;
}

static int
SignatureObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"generate", GenerateObjCmd}, {"pub", PubObjCmd}, {"sign", SignObjCmd}, {"verify", VerifyObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsSignCmds[];
const NsCmd nsSignCmds[] = {
    {"ns_crypto::signature", SignatureObjCmd, NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
