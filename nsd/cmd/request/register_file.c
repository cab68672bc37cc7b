/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which file belongs to a URL: ns_register_url2file, ns_register_fasturl2file, ns_unregister_url2file.
 */
#include <string.h>
#include "cmd/request/register.h"
#include "request/fastpath.h"
#include "interp/interp.h"
#include "interp/script.h"
#include "request/urlspace.h"

/*
 * A script gets the URL and gives the file.  Within a request it runs in the request's interpreter, which may be within a
 * command: its result is put back.
 */
static Ns_ReturnCode
ScriptUrl2File(Tcl_DString *ds, const char *url, const void *arg)
{
    Tcl_Interp     *interp = Ns_TclAllocateInterp(NsScriptServer(arg)->name);
    Tcl_InterpState state = Tcl_SaveInterpState(interp, TCL_OK);
    Ns_ReturnCode   status = NS_OK;

    if (NsScriptEval(interp, arg, NULL, url) != TCL_OK) {
        (void)Ns_TclLogErrorInfo(interp, "\n    while looking for the file of a URL");
        status = NS_ERROR;
    } else {
        Tcl_DStringAppend(ds, Tcl_GetStringResult(interp), -1);
    }
    (void)Tcl_RestoreInterpState(interp, state);
    Ns_TclDeAllocateInterp(interp);
    return status;
}

int
NsRegisterUrl2FileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsServer   *server = ((NsInterp *)clientData)->server;
    char       *url, *script;
    int         noinherit = 0, argCount = 0;
    Tcl_DString name;
    NsScript   *callback;
    Ns_ObjvSpec opts[] = {
        {"-noinherit", Ns_ObjvBool, &noinherit, NULL},
        {"--",         Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"url",    Ns_ObjvString, &url, NULL},
        {"script", Ns_ObjvString, &script, NULL},
        {"?arg",   Ns_ObjvArgs, &argCount, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    callback = NsScriptCreate(server, script, argCount, objv + (objc - argCount));
    Tcl_DStringInit(&name);
    Tcl_DStringAppend(&name, "ns:tclurl2file ", -1);
    NsScriptAppend(&name, callback);
    NsUrl2FileRegister(server, url, ScriptUrl2File, NsScriptFree, callback, noinherit ? NS_URL_NOINHERIT : 0,
                       Tcl_DStringValue(&name));
    Tcl_DStringFree(&name);
    return TCL_OK;
}

int
NsRegisterFastUrl2FileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsServer   *server = ((NsInterp *)clientData)->server;
    char       *url, *folder = NULL;
    int         noinherit = 0;
    Ns_ObjvSpec opts[] = {
        {"-noinherit", Ns_ObjvBool, &noinherit, NULL},
        {"--",         Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"url",       Ns_ObjvString, &url, NULL},
        {"?basepath", Ns_ObjvString, &folder, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    NsUrl2FileMount(server, url, folder, noinherit ? NS_URL_NOINHERIT : 0);
    return TCL_OK;
}

int
NsUnregisterUrl2FileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsServer   *server = ((NsInterp *)clientData)->server;
    char       *url;
    int         noinherit = 0, recurse = 0;
    Ns_ObjvSpec opts[] = {
        {"-noinherit", Ns_ObjvBool, &noinherit, NULL},
        {"-recurse",   Ns_ObjvBool, &recurse, NULL},
        {"-server",    Ns_ObjvServer, &server, NULL},
        {"--",         Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"url", Ns_ObjvString, &url, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    NsUrl2FileUnregister(server, url, (noinherit ? NS_URL_NOINHERIT : 0) | (recurse ? NS_URL_RECURSE : 0));
    return TCL_OK;
}
