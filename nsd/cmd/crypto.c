/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Digests, message authentication and random bytes: ns_crypto::* and the older ns_md5, ns_sha1, ...
 */
#include <limits.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include "cmds.h"
#include "codec.h"
#include "crypto.h"

/* ------------------------------------------------------------------------------------------------------------ digests */

const EVP_MD *
NsCryptoDigest(Tcl_Interp *interp, const char *name)
{
    const EVP_MD *md = EVP_get_digestbyname(name);

    if (md == NULL) {
        Ns_TclPrintfResult(interp, "Unknown message digest \"%s\"", name);
    }
    return md;
}

int
NsCryptoError(Tcl_Interp *interp, const char *what)
{
    char message[256] = "no reason given";

    if (ERR_peek_error() != 0) {
        ERR_error_string_n(ERR_get_error(), message, sizeof(message));
    }
    ERR_clear_error();
    Ns_TclPrintfResult(interp, "%s: %s", what, message);
    return TCL_ERROR;
}

int
NsCryptoMd(Tcl_Interp *interp, const EVP_MD *md, Tcl_Obj *message, bool binary, NsByteEncoding encoding)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned      digestLen = 0;
    Tcl_DString   ds;
    size_t        len;
    const char   *data;
    int           done;

    Tcl_DStringInit(&ds);
    data = NsObjBytes(message, binary, &ds, &len);
    done = EVP_Digest(data, len, digest, &digestLen, md, NULL);
    Tcl_DStringFree(&ds);
    if (done != 1) {
        return NsCryptoError(interp, "could not compute the digest");
    }
    Tcl_SetObjResult(interp, NsEncodedObj(digest, digestLen, encoding));
    return TCL_OK;
}

static int
HmacResult(Tcl_Interp *interp, const EVP_MD *md, Tcl_Obj *key, Tcl_Obj *message, bool binary, NsByteEncoding encoding)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned      digestLen = 0;
    Tcl_DString   keyBytes, messageBytes;
    size_t        keyLen, len;
    const char   *keyData, *data;
    bool          done = false;

    Tcl_DStringInit(&keyBytes);
    Tcl_DStringInit(&messageBytes);
    keyData = NsObjBytes(key, binary, &keyBytes, &keyLen);
    if (keyLen <= INT_MAX) {
        data = NsObjBytes(message, binary, &messageBytes, &len);
        done = HMAC(md, keyData, (int)keyLen, (const unsigned char *)data, len, digest, &digestLen) != NULL;
    }
    Tcl_DStringFree(&keyBytes);
    Tcl_DStringFree(&messageBytes);
    if (!done) {
        return NsCryptoError(interp, "could not compute the authentication code");
    }
    Tcl_SetObjResult(interp, NsEncodedObj(digest, digestLen, encoding));
    return TCL_OK;
}

int
NsCryptoHmacString(Tcl_Interp *interp, int offset, int objc, Tcl_Obj *const *objv)
{
    int           binary = 0, encoding = NS_ENCODE_HEX;
    char         *digest = "sha256";
    Tcl_Obj      *key, *message;
    const EVP_MD *md;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"-digest", Ns_ObjvString, &digest, NULL},
        {"-encoding", Ns_ObjvIndex, &encoding, (void *)nsByteEncodings}, {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"key", Ns_ObjvObj, &key, NULL}, {"message", Ns_ObjvObj, &message, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, offset, objc, objv) != NS_OK
        || (md = NsCryptoDigest(interp, digest)) == NULL) {
        return TCL_ERROR;
    }
    return HmacResult(interp, md, key, message, binary != 0, (NsByteEncoding)encoding);
}

/* -------------------------------------------------------------------------------------------- commands of one purpose */

static int
MdObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           binary = 0, encoding = NS_ENCODE_HEX;
    char         *digest = "sha256";
    Tcl_Obj      *message;
    const EVP_MD *md;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"-digest", Ns_ObjvString, &digest, NULL},
        {"-encoding", Ns_ObjvIndex, &encoding, (void *)nsByteEncodings}, {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || (md = NsCryptoDigest(interp, digest)) == NULL) {
        return TCL_ERROR;
    }
    return NsCryptoMd(interp, md, message, binary != 0, (NsByteEncoding)encoding);
}

static int
HmacObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return NsCryptoHmacString(interp, 1, objc, objv);
}

static const Ns_ObjvTable sha2Lengths[] = {{"224", 224}, {"256", 256}, {"384", 384}, {"512", 512}, {NULL, 0}};

static const EVP_MD *
Sha2(int length)
{
    return length == 224 ? EVP_sha224() : length == 384 ? EVP_sha384() : length == 512 ? EVP_sha512() : EVP_sha256();
}

static int
HmacSha2ObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         length = 256, binary = 0;
    Tcl_Obj    *key, *message;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"-length", Ns_ObjvIndex, &length, (void *)sha2Lengths},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"key", Ns_ObjvObj, &key, NULL}, {"message", Ns_ObjvObj, &message, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return HmacResult(interp, Sha2(length), key, message, binary != 0, NS_ENCODE_HEX);
}

static int
Sha2ObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         length = 256, binary = 0;
    Tcl_Obj    *message;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"-length", Ns_ObjvIndex, &length, (void *)sha2Lengths},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return NsCryptoMd(interp, Sha2(length), message, binary != 0, NS_ENCODE_HEX);
}

/* ns_md5 and ns_sha1: hex digits in upper case. */
static int
UpperHexDigest(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, const EVP_MD *md)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned      digestLen = 0;
    int           binary = 0, done;
    size_t        len;
    Tcl_Obj      *string;
    Tcl_DString   ds, out;
    const char   *data;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"string", Ns_ObjvObj, &string, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    data = NsObjBytes(string, binary != 0, &ds, &len);
    done = EVP_Digest(data, len, digest, &digestLen, md, NULL);
    Tcl_DStringFree(&ds);
    if (done != 1) {
        return NsCryptoError(interp, "could not compute the digest");
    }
    Tcl_DStringInit(&out);
    NsHexEncode(&out, digest, digestLen, true);
    Tcl_DStringResult(interp, &out);
    return TCL_OK;
}

static int
Md5ObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return UpperHexDigest(interp, objc, objv, EVP_md5());
}

static int
Sha1ObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return UpperHexDigest(interp, objc, objv, EVP_sha1());
}

static void
AppendDigestName(const EVP_MD *md, const char *from, const char *to, void *list)
{
    if (md != NULL) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(from, -1));
    }
}

/* The names that can be given as -digest. */
static int
HashFunctionsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj *list;

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    EVP_MD_do_all_sorted(AppendDigestName, list);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* ----------------------------------------------------------------------------------------------------- random values */

static int
RandomBytesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange range = {1, INT_MAX};
    int            count, encoding = NS_ENCODE_HEX, status = TCL_OK;
    unsigned char *bytes;
    Ns_ObjvSpec opts[] = {
        {"-encoding", Ns_ObjvIndex, &encoding, (void *)nsByteEncodings}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"nrbytes", Ns_ObjvInt, &count, &range}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    bytes = (unsigned char *)Tcl_AttemptAlloc((unsigned)count);
    if (bytes == NULL) {
        Ns_TclPrintfResult(interp, "no memory for %d bytes", count);
        return TCL_ERROR;
    }
    if (RAND_bytes(bytes, count) == 1) {
        Tcl_SetObjResult(interp, NsEncodedObj(bytes, (size_t)count, (NsByteEncoding)encoding));
    } else {
        status = NsCryptoError(interp, "no random bytes");
    }
    Tcl_Free((char *)bytes);
    return status;
}

/* A random UUID (RFC 9562, version 4). */
static int
UuidObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    unsigned char b[16];

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (RAND_bytes(b, sizeof(b)) != 1) {
        return NsCryptoError(interp, "no random bytes");
    }
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    Ns_TclPrintfResult(interp, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
                       b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return TCL_OK;
}

extern const NsCmd nsCryptoCmds[];
const NsCmd nsCryptoCmds[] = {
    {"ns_crypto::HashFunctions", HashFunctionsObjCmd,   NS_CMD_CONFIG},
    {"ns_crypto::hmac",          NsCryptoHmacObjCmd,    NS_CMD_CONFIG},
    {"ns_crypto::md",            NsCryptoMdObjCmd,      NS_CMD_CONFIG},
    {"ns_crypto::randombytes",   RandomBytesObjCmd,     NS_CMD_CONFIG},
    {"ns_crypto::uuid",          UuidObjCmd,            NS_CMD_CONFIG},
    {"ns_hmac",                  HmacObjCmd,            NS_CMD_CONFIG},
    {"ns_hmac_sha2",             HmacSha2ObjCmd,        NS_CMD_CONFIG},
    {"ns_md",                    MdObjCmd,              NS_CMD_CONFIG},
    {"ns_md5",                   Md5ObjCmd,             NS_CMD_CONFIG},
    {"ns_sha1",                  Sha1ObjCmd,            NS_CMD_CONFIG},
    {"ns_sha2",                  Sha2ObjCmd,            NS_CMD_CONFIG},
    {"ns_uuid",                  UuidObjCmd,            NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
