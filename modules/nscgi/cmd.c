/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The command ns_register_cgi.
 */
#include <string.h>
#include "nscgi.h"

static int
RegisterCgiObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    CgiServer  *server = clientData;
    char       *method, *url, *path = NULL;
    Tcl_Obj    *constraintsObj = NULL;
    int         noinherit = 0, matchSegments = 0;
    Ns_ObjvSpec opts[] = {
        {"-constraints",   Ns_ObjvObj, &constraintsObj, "constraints"},
        {"-matchsegments", Ns_ObjvBool, &matchSegments, NULL},
        {"-noinherit",     Ns_ObjvBool, &noinherit, NULL},
        {"-path",          Ns_ObjvString, &path, NULL},
        {"--",             Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"method", Ns_ObjvString, &method, NULL},
        {"url",    Ns_ObjvString, &url, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (*url != '/') {
        Ns_TclPrintfResult(interp, "invalid URL '%s': it has to begin with a slash", url);
        return TCL_ERROR;
    }
    return CgiRegister(interp, server, method, url, path, noinherit ? NS_OP_NOINHERIT : 0u, constraintsObj, matchSegments != 0);
}

Ns_ReturnCode
CgiCreateCommands(Tcl_Interp *interp, const void *server)
{
    (void)Tcl_CreateObjCommand(interp, "ns_register_cgi", RegisterCgiObjCmd, ns_const2voidp(server), NULL);
    return NS_OK;
}
