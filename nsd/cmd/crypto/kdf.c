/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Keys from secrets: ns_crypto::md hkdf, ns_crypto::pbkdf2_hmac, ns_crypto::scrypt, ns_crypto::argon2.
 */
#include <limits.h>
#include "cmd/crypto/input.h"
#include "cmd/crypto/keys.h"
#include "cmd/crypto/parts.h"
#include "crypto/kdf.h"

static Ns_ObjvValueRange positive = {1, INT_MAX};
static Ns_ObjvValueRange threadRange = {1, 64};

int
CryptoHkdfObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange range = {0, INT_MAX};
    int           binary = 0, encoding = NS_ENCODE_HEX, length;
    char         *digest = "sha256";
    Tcl_Obj      *salt, *secret, *info;
    const EVP_MD *md;
    CryptoInput   saltInput, secretInput, infoInput;
    NsSecret      key = {NULL, 0, 0};
    NsCryptoWhy   why;
    bool          done;
    Ns_ObjvSpec opts[] = {
        OPT_BINARY(binary), OPT_DIGEST(digest), OPT_NEEDED("-salt", salt), OPT_NEEDED("-secret", secret),
        OPT_NEEDED("-info", info), OPT_ENCODING(encoding), OPT_BREAK, OPT_END
    };
    Ns_ObjvSpec args[] = {{"length", Ns_ObjvInt, &length, &range}, OPT_END};

    if (NsParseObjvNeeded(opts, args, interp, 2, objc, objv) != NS_OK || (md = CryptoDigest(interp, digest, true)) == NULL) {
        return TCL_ERROR;
    }
    CryptoInputTake(&saltInput, salt, binary != 0);
    CryptoInputTake(&secretInput, secret, binary != 0);
    CryptoInputTake(&infoInput, info, binary != 0);
    done = NsHkdf(md, secretInput.bytes, saltInput.bytes, infoInput.bytes, (size_t)length, &key, &why);
    CryptoInputDrop(&saltInput);
    CryptoInputDrop(&secretInput);
    CryptoInputDrop(&infoInput);
    return CryptoKeyResult(interp, done, &key, encoding, &why);
}

static int
Pbkdf2ObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           binary = 0, encoding = NS_ENCODE_HEX, length = 0, iterations = 4096;
    char         *digest = "sha256";
    Tcl_Obj      *salt, *secret;
    const EVP_MD *md;
    CryptoInput   saltInput, secretInput;
    NsSecret      key = {NULL, 0, 0};
    NsCryptoWhy   why;
    bool          done;
    Ns_ObjvSpec opts[] = {
        OPT_BINARY(binary), OPT_DIGEST(digest), {"-dklen", Ns_ObjvInt, &length, &positive},
        {"-iterations", Ns_ObjvInt, &iterations, &positive}, OPT_NEEDED("-salt", salt), OPT_NEEDED("-secret", secret),
        OPT_ENCODING(encoding), OPT_END
    };

    if (NsParseObjvNeeded(opts, NULL, interp, 1, objc, objv) != NS_OK || (md = CryptoDigest(interp, digest, true)) == NULL
        || CryptoCheckLength(interp, (size_t)length) != TCL_OK) {
        return TCL_ERROR;
    }
    CryptoInputTake(&saltInput, salt, binary != 0);
    CryptoInputTake(&secretInput, secret, binary != 0);
    done = NsPbkdf2(md, secretInput.bytes, saltInput.bytes, (unsigned)iterations,
                    length > 0 ? (size_t)length : (size_t)EVP_MD_get_size(md), &key, &why);
    CryptoInputDrop(&saltInput);
    CryptoInputDrop(&secretInput);
    return CryptoKeyResult(interp, done, &key, encoding, &why);
}

static int
ScryptObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         binary = 0, encoding = NS_ENCODE_HEX, n = 1024, p = 16, r = 8;
    Tcl_Obj    *salt, *secret;
    CryptoInput saltInput, secretInput;
    NsSecret    key = {NULL, 0, 0};
    NsCryptoWhy why;
    bool        done;
    Ns_ObjvSpec opts[] = {
        OPT_BINARY(binary), OPT_NEEDED("-salt", salt), OPT_NEEDED("-secret", secret), {"-n", Ns_ObjvInt, &n, &positive},
        {"-p", Ns_ObjvInt, &p, &positive}, {"-r", Ns_ObjvInt, &r, &positive}, OPT_ENCODING(encoding), OPT_END
    };

    if (NsParseObjvNeeded(opts, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    CryptoInputTake(&saltInput, salt, binary != 0);
    CryptoInputTake(&secretInput, secret, binary != 0);
    done = NsScrypt(secretInput.bytes, saltInput.bytes, (uint64_t)n, (uint32_t)r, (uint32_t)p, &key, &why);
    CryptoInputDrop(&saltInput);
    CryptoInputDrop(&secretInput);
    return CryptoKeyResult(interp, done, &key, encoding, &why);
}

static int
Argon2ObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable variants[] = {
        {"Argon2d", NS_ARGON2_D}, {"Argon2i", NS_ARGON2_I}, {"Argon2id", NS_ARGON2_ID}, {NULL, 0}
    };
    int         binary = 0, encoding = NS_ENCODE_HEX, iterations = 3, lanes = 1, memory = 64 * 1024, length = 32, threads = 1;
    int         variant = NS_ARGON2_ID;
    Tcl_Obj    *texts[4] = {NULL, NULL, NULL, NULL};           /* password, salt, secret, associated data */
    CryptoInput inputs[4];
    NsSecret    key = {NULL, 0, 0};
    NsCryptoWhy why;
    NsArgon2    params;
    bool        done;
    Ns_ObjvSpec opts[] = {
        {"-ad", Ns_ObjvObj, &texts[3], NULL}, OPT_BINARY(binary), OPT_ENCODING(encoding),
        {"-iter", Ns_ObjvInt, &iterations, &positive}, {"-lanes", Ns_ObjvInt, &lanes, &positive},
        {"-memcost", Ns_ObjvInt, &memory, &positive}, {"-outlen", Ns_ObjvInt, &length, &positive},
        OPT_NEEDED("-password", texts[0]), OPT_NEEDED("-salt", texts[1]), {"-secret", Ns_ObjvObj, &texts[2], NULL},
        {"-threads", Ns_ObjvInt, &threads, &threadRange},
        {"-variant", Ns_ObjvIndex, &variant, (void *)(uintptr_t)variants}, OPT_END
    };

    if (!NsArgon2Available()) {
        Ns_TclPrintfResult(interp, "Command requires support for OpenSSL 3.2 built into NaviServer");
        return TCL_ERROR;
    }
    if (NsParseObjvNeeded(opts, NULL, interp, 1, objc, objv) != NS_OK || CryptoCheckLength(interp, (size_t)length) != TCL_OK) {
        return TCL_ERROR;
    }
    for (int i = 0; i < 4; i++) {
        CryptoInputTake(&inputs[i], texts[i], binary != 0);
    }
    params = (NsArgon2){
        .variant = (NsArgon2Variant)variant, .password = inputs[0].bytes, .salt = inputs[1].bytes, .secret = inputs[2].bytes,
        .ad = inputs[3].bytes, .iterations = (uint32_t)iterations, .lanes = (uint32_t)lanes, .threads = (uint32_t)threads,
        .memory = (uint32_t)memory, .len = (size_t)length
    };
    done = NsArgon2Derive(&params, &key, &why);
    for (int i = 0; i < 4; i++) {
        CryptoInputDrop(&inputs[i]);
    }
    return CryptoKeyResult(interp, done, &key, encoding, &why);
}

extern const NsCmd nsKdfCmds[];
const NsCmd nsKdfCmds[] = {
    {"ns_crypto::argon2",      Argon2ObjCmd, NS_CMD_CONFIG},
    {"ns_crypto::pbkdf2_hmac", Pbkdf2ObjCmd, NS_CMD_CONFIG},
    {"ns_crypto::scrypt",      ScryptObjCmd, NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
