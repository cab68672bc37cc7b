/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_crypto::md and ns_crypto::hmac: digests in one call or bit by bit, signatures, key derivation.
 */
#include <limits.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include "cmds.h"
#include "crypto.h"
#include "interp.h"

/* ------------------------------------------------------------------------------------------------ digests with handles */

/* One of the two is set. */
typedef struct Digest {
    EVP_MD_CTX  *md;
    EVP_MAC_CTX *mac;
} Digest;

/* Digests of an interpreter ("ns:digests"), by name. */
typedef struct Digests {
    Tcl_HashTable table;
    unsigned      serial;
    bool          deferred;                    /* they go with the next cleanup of the interpreter */
} Digests;

static void
FreeDigest(Digest *digest)
{
    EVP_MD_CTX_free(digest->md);
    EVP_MAC_CTX_free(digest->mac);
    ns_free(digest);
}

static void
FreeAll(Digests *digests)
{
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&digests->table, &search); entry != NULL;
         entry = Tcl_NextHashEntry(&search)) {
        FreeDigest(Tcl_GetHashValue(entry));
    }
    Tcl_DeleteHashTable(&digests->table);
}

static void
DeleteDigests(ClientData clientData, Tcl_Interp *interp)
{
    FreeAll(clientData);
    ns_free(clientData);
}

static void
CleanupDigests(Tcl_Interp *interp, void *arg)
{
    Digests *digests = arg;

    FreeAll(digests);
    Tcl_InitHashTable(&digests->table, TCL_STRING_KEYS);
    digests->deferred = false;
}

static Digests *
GetDigests(Tcl_Interp *interp)
{
    Digests *digests = Tcl_GetAssocData(interp, "ns:digests", NULL);

    if (digests == NULL) {
        digests = ns_calloc(1, sizeof(*digests));
        Tcl_InitHashTable(&digests->table, TCL_STRING_KEYS);
        Tcl_SetAssocData(interp, "ns:digests", DeleteDigests, digests);
    }
    return digests;
}

static void
EnterDigest(Tcl_Interp *interp, Digest *digest)
{
    Digests *digests = GetDigests(interp);
    char     name[32];
    int      isNew;

    snprintf(name, sizeof(name), "%s%u", digest->mac != NULL ? "hmac" : "md", digests->serial++);
    Tcl_SetHashValue(Tcl_CreateHashEntry(&digests->table, name, &isNew), digest);
    if (!digests->deferred) {
        NsInterpDefer(interp, CleanupDigests, digests);
        digests->deferred = true;
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj(name, -1));
}

/* A handle of md is none of hmac. */
static Tcl_HashEntry *
FindDigest(Tcl_Interp *interp, const char *name, bool mac)
{
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&GetDigests(interp)->table, name);

    if (entry == NULL || (((Digest *)Tcl_GetHashValue(entry))->mac != NULL) != mac) {
        Ns_TclPrintfResult(interp, "no such %s handle: %s", mac ? "hmac" : "digest", name);
        return NULL;
    }
    return entry;
}

static EVP_MAC_CTX *
NewMac(const EVP_MD *md, const void *key, size_t keyLen)
{
    EVP_MAC     *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    OSSL_PARAM   params[2] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)EVP_MD_get0_name(md), 0),
        OSSL_PARAM_construct_end()
    };

    if (ctx != NULL && EVP_MAC_init(ctx, key, keyLen, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_MAC_free(mac);
    return ctx;
}

static int
MdNewObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *name;
    const EVP_MD *md;
    Digest       *digest;
    Ns_ObjvSpec args[] = {{"digest", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (md = NsCryptoDigest(interp, name)) == NULL) {
        return TCL_ERROR;
    }
    digest = ns_calloc(1, sizeof(*digest));
    digest->md = EVP_MD_CTX_new();
    if (digest->md == NULL || EVP_DigestInit_ex(digest->md, md, NULL) != 1) {
        FreeDigest(digest);
        return NsCryptoError(interp, "could not start the digest");
    }
    EnterDigest(interp, digest);
    return TCL_OK;
}

static int
HmacNewObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *name;
    Tcl_Obj      *key;
    const EVP_MD *md;
    const char   *keyBytes;
    size_t        keyLen;
    Tcl_DString   ds;
    Digest       *digest;
    Ns_ObjvSpec args[] = {
        {"digest", Ns_ObjvString, &name, NULL}, {"key", Ns_ObjvObj, &key, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (md = NsCryptoDigest(interp, name)) == NULL) {
        return TCL_ERROR;
    }
    digest = ns_calloc(1, sizeof(*digest));
    Tcl_DStringInit(&ds);
    keyBytes = NsObjBytes(key, false, &ds, &keyLen);
    digest->mac = NewMac(md, keyBytes, keyLen);
    Tcl_DStringFree(&ds);
    if (digest->mac == NULL) {
        FreeDigest(digest);
        return NsCryptoError(interp, "could not start the authentication code");
    }
    EnterDigest(interp, digest);
    return TCL_OK;
}

static int
AddToDigest(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool mac)
{
    int            binary = 0, done;
    char          *handle;
    Tcl_Obj       *message;
    Tcl_HashEntry *entry;
    Digest        *digest;
    Tcl_DString    ds;
    size_t         len;
    const char    *data;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"handle", Ns_ObjvString, &handle, NULL}, {"message", Ns_ObjvObj, &message, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK
        || (entry = FindDigest(interp, handle, mac)) == NULL) {
        return TCL_ERROR;
    }
    digest = Tcl_GetHashValue(entry);
    Tcl_DStringInit(&ds);
    data = NsObjBytes(message, binary != 0, &ds, &len);
    done = mac ? EVP_MAC_update(digest->mac, (const unsigned char *)data, len)
               : EVP_DigestUpdate(digest->md, data, len);
    Tcl_DStringFree(&ds);
    return done == 1 ? TCL_OK : NsCryptoError(interp, "could not continue the digest");
}

/* The digest so far: more may be added afterwards. */
static bool
DigestSoFar(const Digest *digest, unsigned char *out, size_t *len)
{
    bool done = false;

    if (digest->mac != NULL) {
        EVP_MAC_CTX *copy = EVP_MAC_CTX_dup(digest->mac);

        done = copy != NULL && EVP_MAC_final(copy, out, len, EVP_MAX_MD_SIZE) == 1;
        EVP_MAC_CTX_free(copy);
    } else {
        EVP_MD_CTX *copy = EVP_MD_CTX_new();
        unsigned    size = 0;

        done = copy != NULL && EVP_MD_CTX_copy_ex(copy, digest->md) == 1 && EVP_DigestFinal_ex(copy, out, &size) == 1;
        *len = size;
        EVP_MD_CTX_free(copy);
    }
    return done;
}

static int
GetDigest(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool mac)
{
    int            encoding = NS_ENCODE_HEX;
    char          *handle;
    Tcl_HashEntry *entry;
    unsigned char  out[EVP_MAX_MD_SIZE];
    size_t         len;
    Ns_ObjvSpec opts[] = {
        {"-encoding", Ns_ObjvIndex, &encoding, (void *)nsByteEncodings}, {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"handle", Ns_ObjvString, &handle, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK
        || (entry = FindDigest(interp, handle, mac)) == NULL) {
        return TCL_ERROR;
    }
    if (!DigestSoFar(Tcl_GetHashValue(entry), out, &len)) {
        return NsCryptoError(interp, "could not compute the digest");
    }
    Tcl_SetObjResult(interp, NsEncodedObj(out, len, (NsByteEncoding)encoding));
    return TCL_OK;
}

static int
FreeHandle(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool mac)
{
    char          *handle;
    Tcl_HashEntry *entry;
    Ns_ObjvSpec args[] = {{"handle", Ns_ObjvString, &handle, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK
        || (entry = FindDigest(interp, handle, mac)) == NULL) {
        return TCL_ERROR;
    }
    FreeDigest(Tcl_GetHashValue(entry));
    Tcl_DeleteHashEntry(entry);
    return TCL_OK;
}

#define HANDLE_COMMANDS(prefix, mac)                                                                                \
    static int prefix##AddObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)         \
    { return AddToDigest(interp, objc, objv, mac); }                                                                \
    static int prefix##GetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)         \
    { return GetDigest(interp, objc, objv, mac); }                                                                  \
    static int prefix##FreeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)        \
    { return FreeHandle(interp, objc, objv, mac); }
HANDLE_COMMANDS(Md, false)
HANDLE_COMMANDS(Hmac, true)

/* --------------------------------------------------------------------------------------------------------- signatures */

/* From a PEM file, or NULL with a message in the result. */
static EVP_PKEY *
ReadKey(Tcl_Interp *interp, const char *file, bool private, const char *passphrase)
{
    BIO      *bio = BIO_new_file(file, "r");
    EVP_PKEY *key = NULL;

    if (bio == NULL) {
        ERR_clear_error();
        Ns_TclPrintfResult(interp, "could not open pem file '%s' for reading", file);
        return NULL;
    }
    /* An empty passphrase rather than none: OpenSSL would ask for one at the terminal. */
    key = private ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(passphrase != NULL ? passphrase : ""))
                  : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    if (key == NULL && !private && BIO_reset(bio) == 0) {
        key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(passphrase != NULL ? passphrase : ""));
    }
    BIO_free(bio);
    ERR_clear_error();
    if (key == NULL) {
        Ns_TclPrintfResult(interp, "pem file '%s' contains no %s key", file, private ? "private" : "public");
    }
    return key;
}

/* Some keys (Ed25519) have their own digest. */
static const EVP_MD *
DigestForKey(EVP_PKEY *key, const EVP_MD *md)
{
    int id = EVP_PKEY_get_id(key);

    return id == EVP_PKEY_ED25519 || id == EVP_PKEY_ED448 ? NULL : md;
}

/* The signature, to be freed with OPENSSL_free, or NULL. */
static unsigned char *
Sign(EVP_PKEY *key, const EVP_MD *md, const void *data, size_t len, size_t *signatureLen)
{
    EVP_MD_CTX    *ctx = EVP_MD_CTX_new();
    unsigned char *signature = NULL;

    if (ctx != NULL && EVP_DigestSignInit(ctx, NULL, DigestForKey(key, md), NULL, key) == 1
        && EVP_DigestSign(ctx, NULL, signatureLen, data, len) == 1
        && (signature = OPENSSL_malloc(*signatureLen)) != NULL
        && EVP_DigestSign(ctx, signature, signatureLen, data, len) != 1) {
        OPENSSL_free(signature);
        signature = NULL;
    }
    EVP_MD_CTX_free(ctx);
    return signature;
}

static int
SignResult(Tcl_Interp *interp, const char *pem, const char *passphrase, const EVP_MD *md, const char *data, size_t len,
           NsByteEncoding encoding)
{
    EVP_PKEY      *key = ReadKey(interp, pem, true, passphrase);
    unsigned char *signature;
    size_t         signatureLen;
    int            status = TCL_OK;

    if (key == NULL) {
        return TCL_ERROR;
    }
    signature = Sign(key, md, data, len, &signatureLen);
    if (signature != NULL) {
        Tcl_SetObjResult(interp, NsEncodedObj(signature, signatureLen, encoding));
        OPENSSL_free(signature);
    } else {
        status = NsCryptoError(interp, "could not sign");
    }
    EVP_PKEY_free(key);
    return status;
}

/* The signature is given in bytes, as -encoding binary yields it. */
static int
VerifyResult(Tcl_Interp *interp, const char *pem, const char *passphrase, const EVP_MD *md, const char *data, size_t len,
             Tcl_Obj *signature)
{
    EVP_PKEY      *key = ReadKey(interp, pem, false, passphrase);
    EVP_MD_CTX    *ctx;
    unsigned char *bytes;
    int            bytesLen, status = TCL_OK;

    if (key == NULL) {
        return TCL_ERROR;
    }
    ctx = EVP_MD_CTX_new();
    bytes = Tcl_GetByteArrayFromObj(signature, &bytesLen);
    if (ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, DigestForKey(key, md), NULL, key) == 1) {
        int valid = EVP_DigestVerify(ctx, bytes, (size_t)bytesLen, (const unsigned char *)data, len);

        ERR_clear_error();
        Tcl_SetObjResult(interp, Tcl_NewBooleanObj(valid == 1));
    } else {
        status = NsCryptoError(interp, "could not verify");
    }
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return status;
}

static int
MdStringObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           binary = 0, encoding = NS_ENCODE_HEX, status;
    char         *digest = "sha256", *passphrase = NULL, *sign = NULL, *verify = NULL;
    Tcl_Obj      *signature = NULL, *message;
    const EVP_MD *md;
    Tcl_DString   ds;
    size_t        len;
    const char   *data;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"-digest", Ns_ObjvString, &digest, NULL},
        {"-encoding", Ns_ObjvIndex, &encoding, (void *)nsByteEncodings},
        {"-passphrase", Ns_ObjvString, &passphrase, NULL}, {"-sign", Ns_ObjvString, &sign, NULL},
        {"-signature", Ns_ObjvObj, &signature, NULL}, {"-verify", Ns_ObjvString, &verify, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || (md = NsCryptoDigest(interp, digest)) == NULL) {
        return TCL_ERROR;
    }
    if (sign != NULL && verify != NULL) {
        Ns_TclPrintfResult(interp, "the options '-sign' and '-verify' are mutually exclusive");
        return TCL_ERROR;
    }
    if ((verify != NULL) != (signature != NULL)) {
        Ns_TclPrintfResult(interp, "the options '-verify' and '-signature' require each other");
        return TCL_ERROR;
    }
    if (sign == NULL && verify == NULL) {
        return NsCryptoMd(interp, md, message, binary != 0, (NsByteEncoding)encoding);
    }
    Tcl_DStringInit(&ds);
    data = NsObjBytes(message, binary != 0, &ds, &len);
    status = sign != NULL ? SignResult(interp, sign, passphrase, md, data, len, (NsByteEncoding)encoding)
                          : VerifyResult(interp, verify, passphrase, md, data, len, signature);
    Tcl_DStringFree(&ds);
    return status;
}

/* The two numbers of an ECDSA signature, each as long as the field, one behind the other (RFC 7515). */
static Tcl_Obj *
RawSignature(EVP_PKEY *key, const unsigned char *der, size_t derLen, NsByteEncoding encoding)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)derLen);
    size_t     half = (size_t)(EVP_PKEY_get_bits(key) + 7) / 8;
    Tcl_Obj   *obj = NULL;

    if (sig != NULL && half <= 66) {
        unsigned char raw[132];

        if (BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)half) >= 0
            && BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, (int)half) >= 0) {
            obj = NsEncodedObj(raw, 2 * half, encoding);
        }
    }
    ECDSA_SIG_free(sig);
    return obj;
}

/* The signature of a web push token (RFC 8292). */
static int
VapidSignObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int            binary = 0, encoding = NS_ENCODE_HEX, status = TCL_ERROR;
    char          *digest = "sha256", *pem = NULL, *passphrase = NULL;
    Tcl_Obj       *message, *result = NULL;
    const EVP_MD  *md;
    EVP_PKEY      *key;
    Tcl_DString    ds;
    size_t         len, derLen;
    const char    *data;
    unsigned char *der;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"-digest", Ns_ObjvString, &digest, NULL},
        {"-encoding", Ns_ObjvIndex, &encoding, (void *)nsByteEncodings},
        {"-passphrase", Ns_ObjvString, &passphrase, NULL}, {"-pem", Ns_ObjvString, &pem, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || (md = NsCryptoDigest(interp, digest)) == NULL) {
        return TCL_ERROR;
    }
    if (pem == NULL) {
        Ns_TclPrintfResult(interp, "no pem file specified");
        return TCL_ERROR;
    }
    key = ReadKey(interp, pem, true, passphrase);
    if (key == NULL) {
        return TCL_ERROR;
    }
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) {
        Ns_TclPrintfResult(interp, "pem file '%s' contains no EC private key", pem);
        goto done;
    }
    Tcl_DStringInit(&ds);
    data = NsObjBytes(message, binary != 0, &ds, &len);
    der = Sign(key, md, data, len, &derLen);
    Tcl_DStringFree(&ds);
    if (der != NULL) {
        result = RawSignature(key, der, derLen, (NsByteEncoding)encoding);
        OPENSSL_free(der);
    }
    if (result == NULL) {
        (void)NsCryptoError(interp, "could not sign");
        goto done;
    }
    Tcl_SetObjResult(interp, result);
    status = TCL_OK;

 done:
    EVP_PKEY_free(key);
    return status;
}

/* ----------------------------------------------------------------------------------------------------- key derivation */

typedef struct Bytes { const unsigned char *data; size_t len; } Bytes;

static bool
Hkdf(const EVP_MD *md, Bytes salt, Bytes secret, Bytes info, unsigned char *out, size_t len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    bool          done = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_CTX_set_hkdf_md(ctx, md) == 1
        && EVP_PKEY_CTX_set1_hkdf_salt(ctx, salt.data, (int)salt.len) == 1
        && EVP_PKEY_CTX_set1_hkdf_key(ctx, secret.data, (int)secret.len) == 1
        && EVP_PKEY_CTX_add1_hkdf_info(ctx, info.data, (int)info.len) == 1
        && EVP_PKEY_derive(ctx, out, &len) == 1;

    EVP_PKEY_CTX_free(ctx);
    return done;
}

static Bytes
OptionBytes(Tcl_Obj *obj, bool binary, Tcl_DString *ds)
{
    Bytes bytes = {(const unsigned char *)"", 0};

    Tcl_DStringInit(ds);
    if (obj != NULL) {
        bytes.data = (const unsigned char *)NsObjBytes(obj, binary, ds, &bytes.len);
    }
    return bytes;
}

static int
HkdfObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange range = {1, 255 * EVP_MAX_MD_SIZE};
    int            binary = 0, encoding = NS_ENCODE_HEX, length, status = TCL_OK;
    char          *digest = "sha256";
    Tcl_Obj       *salt = NULL, *secret = NULL, *info = NULL;
    const EVP_MD  *md;
    Tcl_DString    ds[3];
    unsigned char *out;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"-digest", Ns_ObjvString, &digest, NULL},
        {"-salt", Ns_ObjvObj, &salt, NULL}, {"-secret", Ns_ObjvObj, &secret, NULL}, {"-info", Ns_ObjvObj, &info, NULL},
        {"-encoding", Ns_ObjvIndex, &encoding, (void *)nsByteEncodings}, {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"length", Ns_ObjvInt, &length, &range}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || (md = NsCryptoDigest(interp, digest)) == NULL) {
        return TCL_ERROR;
    }
    if (secret == NULL) {
        Ns_TclPrintfResult(interp, "no -secret specified");
        return TCL_ERROR;
    }
    out = ns_malloc((size_t)length);
    if (Hkdf(md, OptionBytes(salt, binary != 0, &ds[0]), OptionBytes(secret, binary != 0, &ds[1]),
             OptionBytes(info, binary != 0, &ds[2]), out, (size_t)length)) {
        Tcl_SetObjResult(interp, NsEncodedObj(out, (size_t)length, (NsByteEncoding)encoding));
    } else {
        status = NsCryptoError(interp, "could not derive the key");
    }
    for (int i = 0; i < 3; i++) {
        Tcl_DStringFree(&ds[i]);
    }
    OPENSSL_cleanse(out, (size_t)length);
    ns_free(out);
    return status;
}

/* ----------------------------------------------------------------------------------------------------------- commands */

static int
HmacStringObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return NsCryptoHmacString(interp, 2, objc, objv);
}

int
NsCryptoMdObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"string", MdStringObjCmd}, {"new", MdNewObjCmd}, {"add", MdAddObjCmd}, {"get", MdGetObjCmd},
        {"free", MdFreeObjCmd}, {"hkdf", HkdfObjCmd}, {"vapidsign", VapidSignObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

int
NsCryptoHmacObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"string", HmacStringObjCmd}, {"new", HmacNewObjCmd}, {"add", HmacAddObjCmd}, {"get", HmacGetObjCmd},
        {"free", HmacFreeObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}
