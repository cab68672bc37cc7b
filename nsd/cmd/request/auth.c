/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_register_auth, ns_auth, ns_requestauthorize, ns_passwordcheck.
 */
#include "base/dict.h"
#include <string.h>
#include "request/auth.h"
#include "cmd/request/register.h"
#include "interp/interp.h"

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
    NsAuthRegister(server, (Ns_AuthKind)kind, name, first != 0,
                   NsScriptCreate(server, script, argCount, objv + (objc - argCount)));
    return TCL_OK;
}

/* What the scripts say; nobody there to ask: OK for requests, UNAUTHORIZED for users. */
static int
Ask(Tcl_Interp *interp, ClientData clientData, Ns_AuthKind kind, const Ns_AuthQuestion *question, bool asDict)
{
    Tcl_DString verdict;
    const char *authority;
    Tcl_Obj    *result;

    Tcl_DStringInit(&verdict);
    if (!NsAuthAsk(interp, ((NsInterp *)clientData)->server, kind, question, &verdict, &authority)) {
        Tcl_DStringAppend(&verdict, kind == NS_AUTH_REQUEST ? "OK" : "UNAUTHORIZED", -1);
    } else if (kind == NS_AUTH_REQUEST && strcmp(Tcl_DStringValue(&verdict), "CONTINUE") == 0) {
        Tcl_DStringSetLength(&verdict, 0);
        Tcl_DStringAppend(&verdict, "OK", 2);  /* as it is with a request: nobody is left who could say no */
    }
    if (asDict) {
        result = Tcl_NewDictObj();
        NsDictPut(result, "code", Tcl_NewStringObj(Tcl_DStringValue(&verdict), -1));
        NsDictPutText(result, "authority", authority);
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
    int             asDict = 0;
    Ns_AuthQuestion question = {.peer = ""};
    Ns_ObjvSpec opts[] = {
        {"-dict", Ns_ObjvBool, &asDict, NULL},
        {"--",    Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"method",   Ns_ObjvString, &question.method, NULL},
        {"url",      Ns_ObjvString, &question.url, NULL},
        {"username", Ns_ObjvString, &question.user, NULL},
        {"password", Ns_ObjvString, &question.password, NULL},
        {"?ipaddr",  Ns_ObjvString, &question.peer, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, offset, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return Ask(interp, clientData, NS_AUTH_REQUEST, &question, asDict != 0);
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
    int             asDict = 0;
    Ns_AuthQuestion question = {.method = "", .url = "", .peer = ""};
    Ns_ObjvSpec opts[] = {
        {"-dict", Ns_ObjvBool, &asDict, NULL},
        {"--",    Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"username", Ns_ObjvString, &question.user, NULL},
        {"password", Ns_ObjvString, &question.password, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return Ask(interp, clientData, NS_AUTH_USER, &question, asDict != 0);
}

int
NsAuthObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {{"request", AuthRequestObjCmd}, {"user", AuthUserObjCmd}, {NULL, NULL}};

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

/* 0: it is right; 1: it is not, as NaviServer says it. */
int
NsPasswordCheckObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_AuthQuestion question = {.method = "", .url = "", .peer = ""};
    const char     *authority;
    Tcl_DString     verdict;
    bool            right;

    if (objc != 3) {
        Tcl_WrongNumArgs(interp, 1, objv, "user password");
        return TCL_ERROR;
    }
    question.user = Tcl_GetString(objv[1]);
    question.password = Tcl_GetString(objv[2]);
    Tcl_DStringInit(&verdict);
    right = NsAuthAsk(interp, ((NsInterp *)clientData)->server, NS_AUTH_USER, &question, &verdict, &authority)
        && strcmp(Tcl_DStringValue(&verdict), "OK") == 0;
    Tcl_DStringFree(&verdict);
    Tcl_SetObjResult(interp, Tcl_NewIntObj(right ? 0 : 1));
    return TCL_OK;
}
