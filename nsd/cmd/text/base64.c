/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_base64encode and its kin.
 */
#include "cmd/cmds.h"
#include "request/codec.h"

#define LINE_LENGTH 60                         /* of base64 that is meant for mail */

static int
Encode(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool url)
{
    int         binary = 0;
    Tcl_Obj    *string;
    Tcl_DString bytes, out;
    size_t      len;
    const char *data;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"string", Ns_ObjvObj, &string, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&bytes);
    Tcl_DStringInit(&out);
    data = NsObjBytes(string, binary != 0, &bytes, &len);
    NsBase64Encode(&out, data, len, url, url ? 0 : LINE_LENGTH);
    Tcl_DStringResult(interp, &out);
    Tcl_DStringFree(&bytes);
    return TCL_OK;
}

static int
Decode(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool url)
{
    int         binary = 0, strict = 0, len, status = TCL_ERROR;
    Tcl_Obj    *string;
    Tcl_DString out;
    const char *text;
    char       *error = NULL;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL}, {"-strict", Ns_ObjvBool, &strict, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"string", Ns_ObjvObj, &string, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&out);
    text = Tcl_GetStringFromObj(string, &len);
    if (NsBase64Decode(&out, text, (size_t)len, url, strict != 0, &error)) {
        Tcl_SetObjResult(interp, NsBytesToObj(Tcl_DStringValue(&out), (size_t)Tcl_DStringLength(&out), binary != 0));
        status = TCL_OK;
    } else {
        Tcl_SetObjResult(interp, Tcl_NewStringObj(error, -1));
        ns_free(error);
    }
    Tcl_DStringFree(&out);
    return status;
}

static int
Base64EncodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Encode(interp, objc, objv, false);
}

static int
Base64DecodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Decode(interp, objc, objv, false);
}

static int
Base64UrlEncodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Encode(interp, objc, objv, true);
}

static int
Base64UrlDecodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Decode(interp, objc, objv, true);
}

extern const NsCmd nsBase64Cmds[];
const NsCmd nsBase64Cmds[] = {
    {"ns_base64encode",    Base64EncodeObjCmd,    NS_CMD_CONFIG},
    {"ns_base64decode",    Base64DecodeObjCmd,    NS_CMD_CONFIG},
    {"ns_base64urlencode", Base64UrlEncodeObjCmd, NS_CMD_CONFIG},
    {"ns_base64urldecode", Base64UrlDecodeObjCmd, NS_CMD_CONFIG},
    {"ns_uuencode",        Base64EncodeObjCmd,    NS_CMD_CONFIG},
    {"ns_uudecode",        Base64DecodeObjCmd,    NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
