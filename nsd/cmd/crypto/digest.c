/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Digests and authentication codes of strings: ns_crypto::md and ns_crypto::hmac, with their contexts, and the older
 * ns_md5, ns_sha1, ns_sha2, ns_hmac_sha2.
 */
#include <openssl/crypto.h>
#include "cmd/crypto/hash.h"
#include "cmd/crypto/input.h"
#include "cmd/crypto/parts.h"
#include "crypto/digest.h"
#include "interp/interp.h"

static int
HmacStringObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CryptoHmacString(interp, 2, objc, objv);
}

/* ---------------------------------------------------------------------------------------------------------- in pieces */

/* Contexts of an interpreter ("ns:digests"), by name. */
typedef struct Contexts {
    Tcl_HashTable table;
    unsigned      serial;
    bool          deferred;                    /* they go with the next cleanup of the interpreter */
} Contexts;

typedef struct Context {
    NsHash *hash;
    bool    mac;
} Context;

static void
FreeContext(Context *context)
{
    NsHashFree(context->hash);
    ns_free(context);
}

static void
FreeAll(Contexts *contexts)
{
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&contexts->table, &search); entry != NULL;
         entry = Tcl_NextHashEntry(&search)) {
        FreeContext(Tcl_GetHashValue(entry));
    }
    Tcl_DeleteHashTable(&contexts->table);
}

static void
DeleteContexts(ClientData clientData, Tcl_Interp *interp)
{
    FreeAll(clientData);
    ns_free(clientData);
}

static void
CleanupContexts(Tcl_Interp *interp, void *arg)
{
    Contexts *contexts = arg;

    FreeAll(contexts);
    Tcl_InitHashTable(&contexts->table, TCL_STRING_KEYS);
    contexts->deferred = false;
}

static Contexts *
GetContexts(Tcl_Interp *interp)
{
    Contexts *contexts = Tcl_GetAssocData(interp, "ns:digests", NULL);

    if (contexts == NULL) {
        contexts = ns_calloc(1, sizeof(*contexts));
        Tcl_InitHashTable(&contexts->table, TCL_STRING_KEYS);
        Tcl_SetAssocData(interp, "ns:digests", DeleteContexts, contexts);
    }
    return contexts;
}

static int
EnterContext(Tcl_Interp *interp, NsHash *hash, bool mac, const NsCryptoWhy *why)
{
    Contexts *contexts = GetContexts(interp);
    Context  *context;
    char      name[32];
    int       isNew;

    if (hash == NULL) {
        return CryptoError(interp, why);
    }
    context = ns_calloc(1, sizeof *context);
    context->hash = hash;
    context->mac = mac;
    snprintf(name, sizeof(name), "%s%u", mac ? "hmac" : "md", contexts->serial++);
    Tcl_SetHashValue(Tcl_CreateHashEntry(&contexts->table, name, &isNew), context);
    if (!contexts->deferred) {
        NsInterpDefer(interp, CleanupContexts, contexts);
        contexts->deferred = true;
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj(name, -1));
    return TCL_OK;
}

/* A context of md is none of hmac. */
static Tcl_HashEntry *
FindContext(Tcl_Interp *interp, const char *name, bool mac)
{
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&GetContexts(interp)->table, name);

    if (entry == NULL || ((Context *)Tcl_GetHashValue(entry))->mac != mac) {
        Ns_TclPrintfResult(interp, "argument is not of type \"ns:%s\"", mac ? "hmacctx" : "mdctx");
        return NULL;
    }
    return entry;
}

static int
MdNewObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *name;
    const EVP_MD *md;
    NsCryptoWhy   why;
    Ns_ObjvSpec args[] = {{"digest", Ns_ObjvString, &name, NULL}, OPT_END};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (md = CryptoDigest(interp, name, false)) == NULL) {
        return TCL_ERROR;
    }
    return EnterContext(interp, NsHashNew(md, NULL, &why), false, &why);
}

static int
HmacNewObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *name;
    Tcl_Obj      *key;
    const EVP_MD *md;
    CryptoInput   input;
    NsCryptoWhy   why;
    NsHash       *hash;
    Ns_ObjvSpec args[] = {{"digest", Ns_ObjvString, &name, NULL}, {"key", Ns_ObjvObj, &key, NULL}, OPT_END};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (md = CryptoDigest(interp, name, true)) == NULL) {
        return TCL_ERROR;
    }
    CryptoInputTake(&input, key, false);
    hash = NsHashNew(md, &input.bytes, &why);
    CryptoInputDrop(&input);
    return EnterContext(interp, hash, true, &why);
}

static int
AddToContext(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool mac)
{
    int            binary = 0;
    char          *handle;
    Tcl_Obj       *message;
    Tcl_HashEntry *entry;
    CryptoInput    input;
    NsCryptoWhy    why;
    bool           done;
    Ns_ObjvSpec opts[] = {OPT_BINARY(binary), OPT_BREAK, OPT_END};
    Ns_ObjvSpec args[] = {{"handle", Ns_ObjvString, &handle, NULL}, {"message", Ns_ObjvObj, &message, NULL}, OPT_END};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || (entry = FindContext(interp, handle, mac)) == NULL) {
        return TCL_ERROR;
    }
    CryptoInputTake(&input, message, binary != 0);
    done = NsHashAdd(((Context *)Tcl_GetHashValue(entry))->hash, input.bytes, &why);
    CryptoInputDrop(&input);
    return done ? TCL_OK : CryptoError(interp, &why);
}

static int
GetOfContext(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool mac)
{
    int            encoding = NS_ENCODE_HEX;
    char          *handle;
    Tcl_HashEntry *entry;
    Ns_ObjvSpec opts[] = {OPT_ENCODING(encoding), OPT_BREAK, OPT_END};
    Ns_ObjvSpec args[] = {{"handle", Ns_ObjvString, &handle, NULL}, OPT_END};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || (entry = FindContext(interp, handle, mac)) == NULL) {
        return TCL_ERROR;
    }
    return CryptoHashResult(interp, ((Context *)Tcl_GetHashValue(entry))->hash, encoding);
}

static int
FreeOfHandle(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool mac)
{
    char          *handle;
    Tcl_HashEntry *entry;
    Ns_ObjvSpec args[] = {{"handle", Ns_ObjvString, &handle, NULL}, OPT_END};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (entry = FindContext(interp, handle, mac)) == NULL) {
        return TCL_ERROR;
    }
    FreeContext(Tcl_GetHashValue(entry));
    Tcl_DeleteHashEntry(entry);
    return TCL_OK;
}

#define CONTEXT_COMMANDS(prefix, mac)                                                                               \
    static int prefix##AddObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)         \
    { return AddToContext(interp, objc, objv, mac); }                                                               \
    static int prefix##GetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)         \
    { return GetOfContext(interp, objc, objv, mac); }                                                               \
    static int prefix##FreeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)        \
    { return FreeOfHandle(interp, objc, objv, mac); }
CONTEXT_COMMANDS(Md, false)
CONTEXT_COMMANDS(Hmac, true)

static int
CryptoMdObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"string", CryptoMdStringObjCmd}, {"new", MdNewObjCmd}, {"add", MdAddObjCmd}, {"get", MdGetObjCmd},
        {"free", MdFreeObjCmd}, {"hkdf", CryptoHkdfObjCmd}, {"vapidsign", CryptoVapidSignObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

static int
CryptoHmacObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"string", HmacStringObjCmd}, {"new", HmacNewObjCmd}, {"add", HmacAddObjCmd}, {"get", HmacGetObjCmd},
        {"free", HmacFreeObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

/* -------------------------------------------------------------------------------------------- commands of one purpose */

static const Ns_ObjvTable sha2Lengths[] = {{"224", 224}, {"256", 256}, {"384", 384}, {"512", 512}, {NULL, 0}};

static const EVP_MD *
Sha2(Tcl_Interp *interp, int length)
{
    return CryptoDigest(interp, length == 224 ? "SHA224" : length == 384 ? "SHA384" : length == 512 ? "SHA512" : "SHA256", true);
}

static int
HmacSha2ObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           length = 256, binary = 0;
    Tcl_Obj      *key, *message;
    const EVP_MD *md;
    Ns_ObjvSpec opts[] = {OPT_BINARY(binary), {"-length", Ns_ObjvIndex, &length, (void *)(uintptr_t)sha2Lengths}, OPT_BREAK, OPT_END};
    Ns_ObjvSpec args[] = {{"key", Ns_ObjvObj, &key, NULL}, {"message", Ns_ObjvObj, &message, NULL}, OPT_END};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || (md = Sha2(interp, length)) == NULL) {
        return TCL_ERROR;
    }
    return CryptoHmacResult(interp, md, key, message, binary != 0, NS_ENCODE_HEX);
}

static int
Sha2ObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           length = 256, binary = 0;
    Tcl_Obj      *message;
    const EVP_MD *md;
    Ns_ObjvSpec opts[] = {OPT_BINARY(binary), {"-length", Ns_ObjvIndex, &length, (void *)(uintptr_t)sha2Lengths}, OPT_BREAK, OPT_END};
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, OPT_END};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || (md = Sha2(interp, length)) == NULL) {
        return TCL_ERROR;
    }
    return CryptoMdResult(interp, md, message, binary != 0, NS_ENCODE_HEX);
}

/* ns_md5 and ns_sha1: hex digits in upper case. */
static int
UpperHexDigest(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, const char *name)
{
    const EVP_MD *md;
    unsigned char digest[EVP_MAX_MD_SIZE];
    int           binary = 0;
    size_t        len;
    Tcl_Obj      *string;
    Tcl_DString   out;
    CryptoInput   input;
    NsCryptoWhy   why;
    bool          done;
    Ns_ObjvSpec opts[] = {OPT_BINARY(binary), OPT_BREAK, OPT_END};
    Ns_ObjvSpec args[] = {{"string", Ns_ObjvObj, &string, NULL}, OPT_END};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || (md = CryptoDigest(interp, name, true)) == NULL) {
        return TCL_ERROR;
    }
    CryptoInputTake(&input, string, binary != 0);
    done = NsDigest(md, input.bytes, digest, &len, &why);
    CryptoInputDrop(&input);
    if (!done) {
        return CryptoError(interp, &why);
    }
    Tcl_DStringInit(&out);
    NsHexEncode(&out, digest, len, true);
    Tcl_DStringResult(interp, &out);
    return TCL_OK;
}

static int
Md5ObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return UpperHexDigest(interp, objc, objv, "MD5");
}

static int
Sha1ObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return UpperHexDigest(interp, objc, objv, "SHA1");
}

extern const NsCmd nsDigestCmds[];
const NsCmd nsDigestCmds[] = {
    {"ns_crypto::hmac", CryptoHmacObjCmd, NS_CMD_CONFIG},
    {"ns_crypto::md",   CryptoMdObjCmd,   NS_CMD_CONFIG},
    {"ns_hmac_sha2",    HmacSha2ObjCmd,   NS_CMD_CONFIG},
    {"ns_md5",          Md5ObjCmd,        NS_CMD_CONFIG},
    {"ns_sha1",         Sha1ObjCmd,       NS_CMD_CONFIG},
    {"ns_sha2",         Sha2ObjCmd,       NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
