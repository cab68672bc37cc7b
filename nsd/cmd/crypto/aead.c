/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_crypto::aead::encrypt and ns_crypto::aead::decrypt.
 */
#include "base/dict.h"
#include "cmd/crypto/input.h"
#include "crypto/aead.h"

/* Everything here is bytes: a key or a text that is none would be cut down to what it is not. */
typedef struct Inputs { CryptoInput key, iv, aad, data, tag; } Inputs;

static int
TakeAll(Tcl_Interp *interp, Inputs *in, Tcl_Obj *key, Tcl_Obj *iv, Tcl_Obj *aad, Tcl_Obj *data, Tcl_Obj *tag)
{
    int results[] = {
        CryptoInputTakeBytes(interp, &in->key, key, "key"),
        CryptoInputTakeBytes(interp, &in->iv, iv, "initialization vector"),
        CryptoInputTakeBytes(interp, &in->aad, aad, "additional data"),
        CryptoInputTakeBytes(interp, &in->data, data, "input"),
        CryptoInputTakeBytes(interp, &in->tag, tag, "tag")
    };

    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (results[i] != TCL_OK) {
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

static void
DropAll(Inputs *in)
{
    CryptoInputDrop(&in->key);
    CryptoInputDrop(&in->iv);
    CryptoInputDrop(&in->aad);
    CryptoInputDrop(&in->data);
    CryptoInputDrop(&in->tag);
}

static int
EncryptStringObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           binary = 0, encoding = NS_ENCODE_HEX, result = TCL_ERROR;
    char         *cipher = "aes-128-gcm";
    Tcl_Obj      *key, *iv = NULL, *aad = NULL, *data, *dict;
    Inputs        in;
    NsSecret      out = {NULL, 0, 0};
    unsigned char tag[NS_AEAD_TAG];
    NsCryptoWhy   why;
    Ns_ObjvSpec opts[] = {
        OPT_BINARY(binary), {"-aad", Ns_ObjvObj, &aad, NULL}, {"-cipher", Ns_ObjvString, &cipher, NULL}, OPT_ENCODING(encoding),
        {"-iv", Ns_ObjvObj, &iv, NULL}, OPT_NEEDED("-key", key), OPT_BREAK, OPT_END
    };
    Ns_ObjvSpec args[] = {{"input", Ns_ObjvObj, &data, NULL}, OPT_END};

    if (NsParseObjvNeeded(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (TakeAll(interp, &in, key, iv, aad, data, NULL) == TCL_OK && CryptoCheckLength(interp, in.data.bytes.len) == TCL_OK) {
        NsAead params = {cipher, in.key.bytes, in.iv.bytes, in.aad.bytes};

        if (NsAeadEncrypt(&params, in.data.bytes, &out, tag, &why)) {
            dict = Tcl_NewDictObj();
            NsDictPut(dict, "bytes", NsEncodedObj(out.data, out.len, (NsByteEncoding)encoding));
            NsDictPut(dict, "tag", NsEncodedObj(tag, sizeof(tag), (NsByteEncoding)encoding));
            Tcl_SetObjResult(interp, dict);
            result = TCL_OK;
        } else {
            result = CryptoError(interp, &why);
        }
    }
    DropAll(&in);
    NsSecretFree(&out);
    return result;
}

static int
DecryptStringObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         binary = 0, encoding = NS_ENCODE_HEX, result = TCL_ERROR;
    char       *cipher = "aes-128-gcm";
    Tcl_Obj    *key, *iv = NULL, *aad = NULL, *tag, *data;
    Inputs      in;
    NsSecret    out = {NULL, 0, 0};
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {
        OPT_BINARY(binary), {"-aad", Ns_ObjvObj, &aad, NULL}, {"-cipher", Ns_ObjvString, &cipher, NULL}, OPT_ENCODING(encoding),
        {"-iv", Ns_ObjvObj, &iv, NULL}, OPT_NEEDED("-key", key), OPT_NEEDED("-tag", tag), OPT_BREAK, OPT_END
    };
    Ns_ObjvSpec args[] = {{"input", Ns_ObjvObj, &data, NULL}, OPT_END};

    if (NsParseObjvNeeded(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (TakeAll(interp, &in, key, iv, aad, data, tag) == TCL_OK) {
        NsAead params = {cipher, in.key.bytes, in.iv.bytes, in.aad.bytes};

        result = NsAeadDecrypt(&params, in.data.bytes, in.tag.bytes, &out, &why) ? CryptoSecretResult(interp, &out, encoding)
                                                                                : CryptoError(interp, &why);
    }
    DropAll(&in);
    NsSecretFree(&out);
    return result;
}

static int
EncryptObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {{"string", EncryptStringObjCmd}, {NULL, NULL}};

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

static int
DecryptObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {{"string", DecryptStringObjCmd}, {NULL, NULL}};

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsAeadCmds[];
const NsCmd nsAeadCmds[] = {
    {"ns_crypto::aead::decrypt", DecryptObjCmd, NS_CMD_CONFIG},
    {"ns_crypto::aead::encrypt", EncryptObjCmd, NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
