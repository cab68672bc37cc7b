/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_register_auth, ns_auth, ns_requestauthorize.
 */
#include "auth.h"
#include "cmd/register.h"
#include "interp.h"

int
NsRegisterAuthObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable kinds[] = {{"request", NS_AUTH_REQUEST}, {"user", NS_AUTH_USER}, {NULL, 0}};
    NsServer   *server = ((NsInterp *)clientData)->server;
    char       *name = "", *script;
    int         first = 0, kind, argCount = 0;
    Ns_ObjvSpec opts[] = {
        {"-authority", Ns_ObjvString, &name, NULL},
        {"-first",     Ns_ObjvBool, &first, NULL},
        {"--",         Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"kind",   Ns_ObjvIndex, &kind, (void *)(uintptr_t)kinds},
        {"script", Ns_ObjvString, &script, NULL},
        {"?arg",   Ns_ObjvArgs, &argCount, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    NsAuthRegister(server, (NsAuthKind)kind, name, first != 0,
                   NsScriptCreate(server, script, argCount, objv + (objc - argCount)));
    return TCL_OK;
}

/* What the scripts say; nobody there to ask: OK for requests, UNAUTHORIZED for users. */
static int
Ask(Tcl_Interp *interp, ClientData clientData, NsAuthKind kind, int wordc, const char *const *words, bool asDict)
{
    Tcl_DString verdict;
    const char *authority;
    Tcl_Obj    *result;

    Tcl_DStringInit(&verdict);
    if (!NsAuthAsk(interp, ((NsInterp *)clientData)->server, kind, wordc, words, &verdict, &authority)) {
        Tcl_DStringAppend(&verdict, kind == NS_AUTH_REQUEST ? "OK" : "UNAUTHORIZED", -1);
    }
    if (asDict) {
        result = Tcl_NewDictObj();
        Tcl_DictObjPut(NULL, result, Tcl_NewStringObj("code", -1), Tcl_NewStringObj(Tcl_DStringValue(&verdict), -1));
        Tcl_DictObjPut(NULL, result, Tcl_NewStringObj("authority", -1), Tcl_NewStringObj(authority, -1));
    } else {
        result = Tcl_NewStringObj(Tcl_DStringValue(&verdict), -1);
    }
    Tcl_DStringFree(&verdict);
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}

static int
AskRequest(ClientData clientData, Tcl_Interp *interp, int offset, int objc, Tcl_Obj *const *objv)
{
    char       *words[5] = {NULL, NULL, NULL, NULL, ""};
    int         asDict = 0;
    Ns_ObjvSpec opts[] = {
        {"-dict", Ns_ObjvBool, &asDict, NULL},
        {"--",    Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"method",   Ns_ObjvString, &words[0], NULL},
        {"url",      Ns_ObjvString, &words[1], NULL},
        {"username", Ns_ObjvString, &words[2], NULL},
        {"password", Ns_ObjvString, &words[3], NULL},
        {"?ipaddr",  Ns_ObjvString, &words[4], NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, offset, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return Ask(interp, clientData, NS_AUTH_REQUEST, 5, (const char *const *)words, asDict != 0);
}

int
NsRequestAuthorizeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return AskRequest(clientData, interp, 1, objc, objv);
}

static int
AuthRequestObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return AskRequest(clientData, interp, 2, objc, objv);
}

static int
AuthUserObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *words[2];
    int         asDict = 0;
    Ns_ObjvSpec opts[] = {
        {"-dict", Ns_ObjvBool, &asDict, NULL},
        {"--",    Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"username", Ns_ObjvString, &words[0], NULL},
        {"password", Ns_ObjvString, &words[1], NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return Ask(interp, clientData, NS_AUTH_USER, 2, (const char *const *)words, asDict != 0);
}

int
NsAuthObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {{"request", AuthRequestObjCmd}, {"user", AuthUserObjCmd}, {NULL, NULL}};

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}
