/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One-time passwords: ns_hotp, ns_totp, ns_crypto::hotp_truncate.
 */
#include <string.h>
#include <time.h>
#include <openssl/crypto.h>
#include "cmd/crypto/input.h"
#include "crypto/digest.h"
#include "crypto/otp.h"
#include "interp/interp.h"

static Ns_ObjvValueRange digitRange = {0, NS_OTP_MAX_DIGITS};

static int
OtpResult(Tcl_Interp *interp, const EVP_MD *md, NsBytes key, NsBytes moving, int digits)
{
    char        text[NS_OTP_MAX_DIGITS + 1];
    NsCryptoWhy why;
    int         result;

    if (NsOtp(md, key, moving, digits, text, &why)) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj(text, digits));
        result = TCL_OK;
    } else {
        result = CryptoError(interp, &why);
    }
    OPENSSL_cleanse(text, sizeof(text));
    return result;
}

static int
HotpObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *digest = "sha256";
    int           digits = 6, result;
    Tcl_Obj      *key = NULL, *value;
    const EVP_MD *md;
    CryptoInput   keyInput, valueInput;
    Ns_ObjvSpec opts[] = {
        OPT_DIGEST(digest), {"-digits", Ns_ObjvInt, &digits, &digitRange}, {"-key", Ns_ObjvObj, &key, NULL}, OPT_END
    };
    Ns_ObjvSpec args[] = {{"value", Ns_ObjvObj, &value, NULL}, OPT_END};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || (md = CryptoDigest(interp, digest, true)) == NULL) {
        return TCL_ERROR;
    }
    CryptoInputTake(&keyInput, key, false);
    CryptoInputTake(&valueInput, value, false);
    result = OtpResult(interp, md, keyInput.bytes, valueInput.bytes, digits);
    CryptoInputDrop(&keyInput);
    CryptoInputDrop(&valueInput);
    return result;
}

static NsBytes
TextBytes(const char *text)
{
    return (NsBytes){(const unsigned char *)text, strlen(text)};
}

/* The key of a user, of whom there is no more than a number: made from the server's secret.  Without one it would be everybody's. */
static bool
UserKey(const char *server, const char *user, unsigned char out[EVP_MAX_MD_SIZE], size_t *len, NsCryptoWhy *why)
{
    Tcl_DString ignored;
    const char *secret = server != NULL ? Ns_ConfigGetValue(Ns_ConfigSectionPath(NULL, server, NULL, NULL), "serversecret") : NULL;
    NsHash     *hash;
    bool        done;

    if (secret == NULL) {
        secret = Ns_ConfigGetValue("ns/parameters", "serversecret");
    }
    if (secret == NULL || *secret == '\0') {
        return NsCryptoFail(why, "missing key; provide -key, or set the parameter \"serversecret\"");
    }
    Tcl_DStringInit(&ignored);
    hash = NsHashNew(NsDigestByName("SHA224", true, &ignored), NULL, why);
    Tcl_DStringFree(&ignored);
    done = hash != NULL && NsHashAdd(hash, TextBytes(secret), why) && NsHashAdd(hash, TextBytes("-"), why)
        && NsHashAdd(hash, TextBytes(user), why) && NsHashGet(hash, out, len, why);
    NsHashFree(hash);
    return done;
}

static int
TotpObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange positive = {1, INT32_MAX}, times = {0, INT64_MAX};
    const NsServer *server = ((NsInterp *)clientData)->server;
    char          *digest = "sha256", *user = "0";
    int            digits = 8, interval = 30, result;
    Tcl_WideInt    seconds = (Tcl_WideInt)time(NULL);
    Tcl_Obj       *key = NULL;
    const EVP_MD  *md;
    CryptoInput    input;
    NsCryptoWhy    why;
    unsigned char  made[EVP_MAX_MD_SIZE], steps[8];
    size_t         madeLen = 0;
    Ns_ObjvSpec opts[] = {
        OPT_DIGEST(digest), {"-digits", Ns_ObjvInt, &digits, &digitRange}, {"-interval", Ns_ObjvInt, &interval, &positive},
        {"-key", Ns_ObjvObj, &key, NULL}, {"-time", Ns_ObjvWideInt, &seconds, &times},
        {"-user_id", Ns_ObjvString, &user, NULL}, OPT_END
    };

    if (Ns_ParseObjv(opts, NULL, interp, 1, objc, objv) != NS_OK || (md = CryptoDigest(interp, digest, true)) == NULL) {
        return TCL_ERROR;
    }
    for (int i = 0; i < 8; i++) {
        steps[i] = (unsigned char)((uint64_t)(seconds / interval) >> (8 * (7 - i)));
    }
    CryptoInputTake(&input, key, false);
    if (key == NULL && !UserKey(server != NULL ? server->name : NULL, user, made, &madeLen, &why)) {
        result = CryptoError(interp, &why);
    } else {
        result = OtpResult(interp, md, key == NULL ? (NsBytes){made, madeLen} : input.bytes, (NsBytes){steps, sizeof(steps)}, digits);
    }
    CryptoInputDrop(&input);
    OPENSSL_cleanse(made, sizeof(made));
    return result;
}

static int
HexValue(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Of a code in hex digits. */
static int
TruncateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           digits = 0, len;
    char         *hex, text[NS_OTP_MAX_DIGITS + 1];
    unsigned char code[EVP_MAX_MD_SIZE];
    NsCryptoWhy   why;
    Ns_ObjvSpec opts[] = {{"-digits", Ns_ObjvInt, &digits, &digitRange}, OPT_END};
    Ns_ObjvSpec args[] = {{"code", Ns_ObjvString, &hex, &len}, OPT_END};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    for (int i = 0; i < len; i += 2) {
        int high = HexValue(hex[i]), low = i + 1 < len ? HexValue(hex[i + 1]) : -1;

        if (high < 0 || low < 0 || (size_t)i / 2 >= sizeof(code)) {
            Ns_TclPrintfResult(interp, "expected an authentication code in hex digits");
            return TCL_ERROR;
        }
        code[i / 2] = (unsigned char)(high << 4 | low);
    }
    if (!NsOtpTruncate((NsBytes){code, (size_t)len / 2}, digits, text, &why)) {
        return CryptoError(interp, &why);
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj(text, digits));
    return TCL_OK;
}

extern const NsCmd nsOtpCmds[];
const NsCmd nsOtpCmds[] = {
    {"ns_crypto::hotp_truncate", TruncateObjCmd, NS_CMD_CONFIG},
    {"ns_hotp",                  HotpObjCmd,     NS_CMD_CONFIG},
    {"ns_totp",                  TotpObjCmd,     NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
