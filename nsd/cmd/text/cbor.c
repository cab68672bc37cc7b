/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_cbor, where there is libcbor.
 */
#include "cmd/cmds.h"
#include "json/cbor.h"
#include "request/codec.h"

#ifdef HAVE_CBOR
static Tcl_Obj *
BytesObj(const void *arg, const unsigned char *bytes, size_t len)
{
    return NsEncodedObj(bytes, len, (NsByteEncoding)*(const int *)arg);
}

static int
Parse(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, int scan)
{
    int         binary = 0, encoding = NS_ENCODE_BINARY;
    Tcl_Obj    *value, *result, *pair[2];
    Tcl_DString ds;
    const char *bytes, *error;
    size_t      len, used;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"-encoding", Ns_ObjvIndex, &encoding, (void *)nsByteEncodings},
        {"-scan", Ns_ObjvBool, &scan, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"value", Ns_ObjvObj, &value, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    bytes = NsObjBytes(value, binary != 0, &ds, &len);
    result = NsCborToObj((const unsigned char *)bytes, len, BytesObj, &encoding, &used, &error);
    Tcl_DStringFree(&ds);
    if (result == NULL) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj(error, -1));
        return TCL_ERROR;
    }
    if (scan) {
        pair[0] = result;
        pair[1] = Tcl_NewWideIntObj((Tcl_WideInt)used);
        result = Tcl_NewListObj(2, pair);
    }
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}

static int
ParseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Parse(interp, objc, objv, 0);
}

static int
ScanObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Parse(interp, objc, objv, 1);
}

static int
CborObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"parse", ParseObjCmd}, {"decode", ParseObjCmd}, {"scan", ScanObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}
#endif

extern const NsCmd nsCborCmds[];
const NsCmd nsCborCmds[] = {
#ifdef HAVE_CBOR
    {"ns_cbor", CborObjCmd, NS_CMD_CONFIG},
#endif
    {NULL, NULL, 0}
};
