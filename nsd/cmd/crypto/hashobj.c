/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_md and ns_hmac: digests and authentication codes of strings, of files, and as objects to which is added.
 *
 * NaviServer has classes for them; here an object is a command that knows its methods.  One that a request leaves is deleted
 * at its end.
 */
#include <string.h>
#include "cmd/crypto/hash.h"
#include "cmd/crypto/input.h"
#include "crypto/digest.h"
#include "interp/interp.h"

/* An object.  `prev` points to what points to it. */
typedef struct HashObject {
    NsHash            *hash;
    Tcl_Interp        *interp;
    Tcl_Command        token;
    struct HashObject *next, **prev;
} HashObject;

/* Those of an interpreter ("ns:hashobjects"). */
typedef struct HashObjects {
    HashObject *first;
    unsigned    serial;
    bool        deferred;
} HashObjects;

/* ------------------------------------------------------------------------------------------------------------ objects */

static void
DeleteObjects(ClientData clientData, Tcl_Interp *interp)
{
    HashObjects *objects = clientData;

    /* Their commands are deleted after this: what is left of the list has no head then. */
    if (objects->first != NULL) {
        objects->first->prev = NULL;
    }
    ns_free(objects);
}

static HashObjects *
GetObjects(Tcl_Interp *interp)
{
    HashObjects *objects = Tcl_GetAssocData(interp, "ns:hashobjects", NULL);

    if (objects == NULL) {
        objects = ns_calloc(1, sizeof *objects);
        Tcl_SetAssocData(interp, "ns:hashobjects", DeleteObjects, objects);
    }
    return objects;
}

static void
CleanupObjects(Tcl_Interp *interp, void *arg)
{
    HashObjects *objects = arg;

    while (objects->first != NULL) {
        (void)Tcl_DeleteCommandFromToken(interp, objects->first->token);
    }
    objects->deferred = false;
}

static void
ObjectGone(ClientData clientData)
{
    HashObject *object = clientData;

    if (object->prev != NULL) {
        *object->prev = object->next;
    }
    if (object->next != NULL) {
        object->next->prev = object->prev;
    }
    NsHashFree(object->hash);
    ns_free(object);
}

static int
ObjectAddObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    HashObject *object = clientData;
    int         binary = 0;
    Tcl_Obj    *message;
    CryptoInput input;
    NsCryptoWhy why;
    bool        done;
    Ns_ObjvSpec opts[] = {OPT_BINARY(binary), OPT_BREAK, OPT_END};
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, OPT_END};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    CryptoInputTake(&input, message, binary != 0);
    done = NsHashAdd(object->hash, input.bytes, &why);
    CryptoInputDrop(&input);
    return done ? TCL_OK : CryptoError(interp, &why);
}

static int
ObjectGetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    HashObject *object = clientData;
    int         encoding = NS_ENCODE_HEX;
    Ns_ObjvSpec opts[] = {OPT_ENCODING(encoding), OPT_END};

    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return CryptoHashResult(interp, object->hash, encoding);
}

static int
ObjectDestroyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    HashObject *object = clientData;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    (void)Tcl_DeleteCommandFromToken(interp, object->token);
    return TCL_OK;
}

static int
ObjectObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec methods[] = {
        {"add", ObjectAddObjCmd}, {"get", ObjectGetObjCmd}, {"destroy", ObjectDestroyObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(methods, clientData, interp, objc, objv);
}

/* `name` NULL: one is made up. */
static int
MakeObject(Tcl_Interp *interp, Tcl_Obj *name, bool mac, NsHash *hash)
{
    HashObjects *objects = GetObjects(interp);
    HashObject  *object = ns_calloc(1, sizeof *object);
    Tcl_Obj     *full = Tcl_NewObj();
    char         generated[40];

    snprintf(generated, sizeof(generated), "::%s%u", mac ? "nshmac" : "nsmd", objects->serial++);
    object->hash = hash;
    object->interp = interp;
    object->token = Tcl_CreateObjCommand(interp, name != NULL ? Tcl_GetString(name) : generated, ObjectObjCmd, object, ObjectGone);
    object->next = objects->first;
    object->prev = &objects->first;
    if (object->next != NULL) {
        object->next->prev = &object->next;
    }
    objects->first = object;
    if (!objects->deferred) {
        NsInterpDefer(interp, CleanupObjects, objects);
        objects->deferred = true;
    }
    Tcl_GetCommandFullName(interp, object->token, full);
    Tcl_SetObjResult(interp, full);
    return TCL_OK;
}

/* ------------------------------------------------------------------------------------------------------- the commands */

/* new ?options?, create name ?options?: `key` only for ns_hmac. */
static int
NewHash(Tcl_Interp *interp, bool mac, bool named, int objc, Tcl_Obj *const *objv)
{
    char         *digest = "sha256";
    Tcl_Obj      *key = NULL, *name = named && objc > 2 ? objv[2] : NULL;
    const EVP_MD *md;
    NsHash       *hash;
    CryptoInput   input;
    NsCryptoWhy   why;
    Ns_ObjvSpec mdOpts[] = {OPT_DIGEST(digest), OPT_END};
    Ns_ObjvSpec macOpts[] = {OPT_DIGEST(digest), OPT_NEEDED("-key", key), OPT_END};
    Ns_ObjvSpec nameArg[] = {{"name", Ns_ObjvObj, &name, NULL}, OPT_END};

    if (named && name == NULL) {
        (void)Ns_ParseObjv(NULL, nameArg, interp, 2, objc, objv);
        return TCL_ERROR;
    }
    if (NsParseObjvNeeded(mac ? macOpts : mdOpts, NULL, interp, named ? 3 : 2, objc, objv) != NS_OK
        || (md = CryptoDigest(interp, digest, mac)) == NULL) {
        return TCL_ERROR;
    }
    CryptoInputTake(&input, key, false);
    hash = NsHashNew(md, mac ? &input.bytes : NULL, &why);
    CryptoInputDrop(&input);
    return hash != NULL ? MakeObject(interp, name, mac, hash) : CryptoError(interp, &why);
}

/* Of files, one behind the other. */
static int
OfFiles(Tcl_Interp *interp, const EVP_MD *md, const NsBytes *key, int encoding, int count, Tcl_Obj *const *files)
{
    NsCryptoWhy why;
    NsHash     *hash = NsHashNew(md, key, &why);
    int         result = TCL_OK;

    if (hash == NULL) {
        return CryptoError(interp, &why);
    }
    for (int i = 0; i < count && result == TCL_OK; i++) {
        if (!NsHashAddFile(hash, Tcl_GetString(files[i]), &why)) {
            if (why.text[0] == '\0') {
                Ns_TclPrintfResult(interp, "file %s is not readable", Tcl_GetString(files[i]));
            } else {
                (void)CryptoError(interp, &why);
            }
            result = TCL_ERROR;
        }
    }
    if (result == TCL_OK) {
        result = CryptoHashResult(interp, hash, encoding);
    }
    NsHashFree(hash);
    return result;
}

static int
FileHash(Tcl_Interp *interp, bool mac, int objc, Tcl_Obj *const *objv)
{
    char         *digest = "sha256";
    int           encoding = NS_ENCODE_HEX, count = 0, result;
    Tcl_Obj      *key = NULL, *file;
    const EVP_MD *md;
    CryptoInput   input;
    Ns_ObjvSpec opts[] = {OPT_DIGEST(digest), OPT_ENCODING(encoding), OPT_BREAK, OPT_END};
    Ns_ObjvSpec mdArgs[] = {{"file", Ns_ObjvObj, &file, NULL}, {"?file", Ns_ObjvArgs, &count, NULL}, OPT_END};
    Ns_ObjvSpec macArgs[] = {
        {"key", Ns_ObjvObj, &key, NULL}, {"file", Ns_ObjvObj, &file, NULL}, {"?file", Ns_ObjvArgs, &count, NULL}, OPT_END
    };

    if (Ns_ParseObjv(opts, mac ? macArgs : mdArgs, interp, 2, objc, objv) != NS_OK
        || (md = CryptoDigest(interp, digest, mac)) == NULL) {
        return TCL_ERROR;
    }
    CryptoInputTake(&input, key, false);
    result = OfFiles(interp, md, mac ? &input.bytes : NULL, encoding, count + 1, objv + objc - count - 1);
    CryptoInputDrop(&input);
    return result;
}

static int
MdString(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int           binary = 0, encoding = NS_ENCODE_HEX;
    char         *digest = "sha256";
    Tcl_Obj      *message;
    const EVP_MD *md;
    Ns_ObjvSpec opts[] = {OPT_BINARY(binary), OPT_DIGEST(digest), OPT_ENCODING(encoding), OPT_BREAK, OPT_END};
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, OPT_END};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || (md = CryptoDigest(interp, digest, false)) == NULL) {
        return TCL_ERROR;
    }
    return CryptoMdResult(interp, md, message, binary != 0, encoding);
}

static int
HashCommand(Tcl_Interp *interp, bool mac, int objc, Tcl_Obj *const *objv)
{
    static const char *const methods[] = {"create", "file", "new", "string", NULL};
    int index, result;

    if (objc == 1) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj(mac ? "::ns_hmac" : "::ns_md", -1));
        return TCL_OK;
    }
    index = NsSubcmdIndex(methods, sizeof methods[0], interp, objc, objv);
    if (index < 0) {
        result = TCL_ERROR;
    } else if (index == 1) {
        result = FileHash(interp, mac, objc, objv);
    } else if (index == 3) {
        result = mac ? CryptoHmacString(interp, 2, objc, objv) : MdString(interp, objc, objv);
    } else {
        result = NewHash(interp, mac, index == 0, objc, objv);
    }
    return result;
}

static int
MdObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return HashCommand(interp, false, objc, objv);
}

static int
HmacObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return HashCommand(interp, true, objc, objv);
}

/* Of NaviServer's class of them there is the name; beyond it, the names that can be given as -digest. */
static int
HashFunctionsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const char *const methods[] = {"names", NULL};
    Tcl_Obj *list;

    if (objc == 1) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("::ns_crypto::HashFunctions", -1));
        return TCL_OK;
    }
    if (NsSubcmdIndex(methods, sizeof methods[0], interp, objc, objv) < 0
        || Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    for (const char *const *name = NsDigestNames(); *name != NULL; name++) {
        (void)Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(*name, -1));
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

extern const NsCmd nsHashCmds[];
const NsCmd nsHashCmds[] = {
    {"ns_crypto::HashFunctions", HashFunctionsObjCmd, NS_CMD_CONFIG},
    {"ns_hmac",                  HmacObjCmd,          NS_CMD_CONFIG},
    {"ns_md",                    MdObjCmd,            NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
