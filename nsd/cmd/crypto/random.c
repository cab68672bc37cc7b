/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Random bytes and identifiers.
 */
#include <limits.h>
#include <time.h>
#include <openssl/rand.h>
#include "cmd/crypto/input.h"

static int
RandomBytesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange range = {1, INT_MAX};
    int         count, encoding = NS_ENCODE_HEX;
    NsSecret    bytes = {NULL, 0, 0};
    NsCryptoWhy why;
    Ns_ObjvSpec opts[] = {OPT_ENCODING(encoding), OPT_END};
    Ns_ObjvSpec args[] = {{"nrbytes", Ns_ObjvInt, &count, &range}, OPT_END};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK || CryptoCheckLength(interp, (size_t)count) != TCL_OK) {
        return TCL_ERROR;
    }
    if (!NsSecretAlloc(&bytes, (size_t)count, &why)) {
        return CryptoError(interp, &why);
    }
    if (RAND_bytes(bytes.data, count) != 1) {
        NsSecretFree(&bytes);
        (void)NsCryptoFailOpenssl(&why, "no random bytes");
        return CryptoError(interp, &why);
    }
    bytes.len = (size_t)count;
    return CryptoSecretResult(interp, &bytes, encoding);
}

/* Milliseconds since 1970, in the first 48 bits. */
static void
PutTime(unsigned char b[16])
{
    struct timespec now;
    uint64_t        ms;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (int i = 0; i < 6; i++) {
        b[i] = (unsigned char)(ms >> (8 * (5 - i)));
    }
}

/* RFC 9562: version 4 is random, version 7 begins with the time and is random behind it. */
static int
UuidObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable versions[] = {{"v4", 4}, {"v7", 7}, {NULL, 0}};
    int           version = 4;
    unsigned char b[16];
    NsCryptoWhy   why;
    Ns_ObjvSpec opts[] = {{"-version", Ns_ObjvIndex, &version, (void *)(uintptr_t)versions}, OPT_END};

    if (Ns_ParseObjv(opts, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (RAND_bytes(b, sizeof(b)) != 1) {
        (void)NsCryptoFailOpenssl(&why, "no random bytes");
        return CryptoError(interp, &why);
    }
    if (version == 7) {
        PutTime(b);
    }
    b[6] = (unsigned char)((b[6] & 0x0F) | (version << 4));
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    Ns_TclPrintfResult(interp, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
                       b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return TCL_OK;
}

extern const NsCmd nsRandomCmds[];
const NsCmd nsRandomCmds[] = {
    {"ns_crypto::randombytes", RandomBytesObjCmd, NS_CMD_CONFIG},
    {"ns_crypto::uuid",        UuidObjCmd,        NS_CMD_CONFIG},
    {"ns_uuid",                UuidObjCmd,        NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
