/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Digests and authentication codes as results.
 */
#include "cmd/crypto/hash.h"
#include "cmd/crypto/input.h"

int
CryptoMdResult(Tcl_Interp *interp, const EVP_MD *md, Tcl_Obj *message, bool binary, int encoding)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t        len;
    CryptoInput   input;
    NsCryptoWhy   why;
    bool          done;

    CryptoInputTake(&input, message, binary);
    done = NsDigest(md, input.bytes, digest, &len, &why);
    CryptoInputDrop(&input);
    return done ? CryptoResult(interp, digest, len, encoding) : CryptoError(interp, &why);
}

int
CryptoHmacResult(Tcl_Interp *interp, const EVP_MD *md, Tcl_Obj *key, Tcl_Obj *message, bool binary, int encoding)
{
    unsigned char code[EVP_MAX_MD_SIZE];
    size_t        len;
    CryptoInput   keyInput, input;
    NsCryptoWhy   why;
    bool          done;

    CryptoInputTake(&keyInput, key, binary);
    CryptoInputTake(&input, message, binary);
    done = NsHmac(md, keyInput.bytes, input.bytes, code, &len, &why);
    CryptoInputDrop(&keyInput);
    CryptoInputDrop(&input);
    return done ? CryptoResult(interp, code, len, encoding) : CryptoError(interp, &why);
}

int
CryptoHmacString(Tcl_Interp *interp, int offset, int objc, Tcl_Obj *const *objv)
{
    int           binary = 0, encoding = NS_ENCODE_HEX;
    char         *digest = "sha256";
    Tcl_Obj      *key, *message;
    const EVP_MD *md;
    Ns_ObjvSpec opts[] = {OPT_BINARY(binary), OPT_DIGEST(digest), OPT_ENCODING(encoding), OPT_BREAK, OPT_END};
    Ns_ObjvSpec args[] = {{"key", Ns_ObjvObj, &key, NULL}, {"message", Ns_ObjvObj, &message, NULL}, OPT_END};

    if (Ns_ParseObjv(opts, args, interp, offset, objc, objv) != NS_OK || (md = CryptoDigest(interp, digest, true)) == NULL) {
        return TCL_ERROR;
    }
    return CryptoHmacResult(interp, md, key, message, binary != 0, encoding);
}

int
CryptoHashResult(Tcl_Interp *interp, const NsHash *hash, int encoding)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    size_t        len;
    NsCryptoWhy   why;

    return NsHashGet(hash, out, &len, &why) ? CryptoResult(interp, out, len, encoding) : CryptoError(interp, &why);
}
