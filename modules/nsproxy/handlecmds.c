/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_proxy: the command, and what it does with handles.
 *
 * A handle belongs to the interpreter that got it, in which it is a command, too; what an interpreter still has when
 * its work is done goes back by itself.
 */
#include <string.h>
#include "module.h"

#define ASSOC_KEY   "nsproxy:handles"
#define SHOW_SCRIPT 100                        /* characters of a script in a message */

/* What an interpreter has. */
typedef struct Handles {
    Tcl_HashTable table;                       /* name -> Handle */
} Handles;

typedef struct Handle {
    Proxy         *proxy;
    Tcl_HashEntry *entry;
    Tcl_Command    command;
} Handle;

/* ----------------------------------------------------------------------------------------------------------- errors */

static void
FaultInit(ProxyFault *fault)
{
    memset(fault, 0, sizeof(*fault));
    Tcl_DStringInit(&fault->payload);
}

/* As the worker said it.  What is no list Tcl would refuse, and say so instead of what went wrong: it is one word then. */
static Tcl_Obj *
ErrorCode(const ProxyReply *reply)
{
    Tcl_Obj *code = ProxyTextObj(reply->errorCode, reply->errorCodeLen);
    int      words;

    return Tcl_ListObjLength(NULL, code, &words) == TCL_OK ? code : Tcl_NewListObj(1, &code);
}

/* What a worker has answered becomes what the command answers. */
static int
Answer(Tcl_Interp *interp, const ProxyReply *reply)
{
    Tcl_Obj *options;

    Tcl_SetObjResult(interp, ProxyTextObj(reply->result, reply->resultLen));
    if (reply->code == TCL_OK) {
        return TCL_OK;
    }
    options = Tcl_NewDictObj();
    Tcl_DictObjPut(NULL, options, Tcl_NewStringObj("-code", -1), Tcl_NewIntObj(reply->code));
    Tcl_DictObjPut(NULL, options, Tcl_NewStringObj("-level", -1), Tcl_NewIntObj(0));
    if (reply->code == TCL_ERROR) {
        Tcl_DictObjPut(NULL, options, Tcl_NewStringObj("-errorcode", -1), ErrorCode(reply));
        Tcl_DictObjPut(NULL, options, Tcl_NewStringObj("-errorinfo", -1),
                       ProxyTextObj(reply->errorInfo, reply->errorInfoLen));
    }
    return Tcl_SetReturnOptions(interp, options);
}

int
ProxyFail(Tcl_Interp *interp, ProxyError error, const ProxyFault *fault, Tcl_Obj *what)
{
    Tcl_Obj    *message;
    Tcl_DString ds;
    const char *text;

    Tcl_DStringInit(&ds);
    ProxyFaultAppend(&ds, error, fault);
    text = Tcl_DStringValue(&ds);
    Tcl_IncrRefCount(what);
    if (error == PROXY_E_INIT) {
        message = Tcl_ObjPrintf("\n    (%s)", text);
        (void)Answer(interp, &fault->reply);
        Tcl_AppendObjToErrorInfo(interp, message);
    } else {
        message = Tcl_ObjPrintf("could not %s: %s", Tcl_GetString(what), text);
        if (error == PROXY_E_EXEC) {
            Tcl_Obj *program = ProxyTextObj(Tcl_DStringValue(&fault->payload),
                                            (size_t)Tcl_DStringLength(&fault->payload));

            Tcl_AppendPrintfToObj(message, " \"%s\": %s", Tcl_GetString(program), strerror(fault->sysError));
            Tcl_DecrRefCount(program);
        }
        Tcl_SetObjResult(interp, message);
    }
    Tcl_SetErrorCode(interp, "NSPROXY", ProxyErrorWord(error), text, NULL);
    Tcl_DStringFree(&ds);
    Tcl_DecrRefCount(what);
    return TCL_ERROR;
}

ProxyPool *
ProxyPoolOf(Tcl_Interp *interp, const ProxyServer *server, const char *name)
{
    ProxyPool *pool = ProxyPoolFind(server->store, name, true);

    if (pool == NULL) {
        Ns_TclPrintfResult(interp, "there are maxpools pools already, and none is called \"%s\"", name);
    }
    return pool;
}

/* ---------------------------------------------------------------------------------------------------------- handles */

static Handles *
HandlesOf(Tcl_Interp *interp)
{
    return Tcl_GetAssocData(interp, ASSOC_KEY, NULL);
}

/* Its command is gone, by us or by the script: it is a handle no more. */
static void
HandleGone(ClientData clientData)
{
    Handle *handle = clientData;

    Tcl_DeleteHashEntry(handle->entry);
    ProxyPut(handle->proxy);
    ns_free(handle);
}

static void
HandlePut(Tcl_Interp *interp, Handle *handle)
{
    (void)Tcl_DeleteCommandFromToken(interp, handle->command);
}

/* NULL with a message. */
static Handle *
HandleFind(Tcl_Interp *interp, const char *name)
{
    Handles       *handles = HandlesOf(interp);
    Tcl_HashEntry *entry = handles != NULL ? Tcl_FindHashEntry(&handles->table, name) : NULL;

    if (entry == NULL) {
        Ns_TclPrintfResult(interp, "no such proxyId: %s", name);
    }
    return entry != NULL ? Tcl_GetHashValue(entry) : NULL;
}

static void
PutAll(Tcl_Interp *interp)
{
    Handles       *handles = HandlesOf(interp);
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;

    while (handles != NULL && (entry = Tcl_FirstHashEntry(&handles->table, &search)) != NULL) {
        HandlePut(interp, Tcl_GetHashValue(entry));
    }
}

static void
FreeHandles(ClientData clientData, Tcl_Interp *interp)
{
    Handles *handles = clientData;

    Tcl_DeleteHashTable(&handles->table);
    ns_free(handles);
}

/* ------------------------------------------------------------------------------------------------------------ calls */

/* The first words of a script, for messages. */
static Tcl_Obj *
Shown(Tcl_Obj *script)
{
    Tcl_Obj *shown;

    if (Tcl_GetCharLength(script) <= SHOW_SCRIPT) {
        return script;
    }
    shown = Tcl_GetRange(script, 0, SHOW_SCRIPT - 1);
    Tcl_AppendToObj(shown, "...", 3);
    return shown;
}

static int
SendFailed(Tcl_Interp *interp, ProxyError error, const ProxyFault *fault, Tcl_Obj *script, const char *name)
{
    Tcl_Obj *shown = Shown(script);
    int      status;

    Tcl_IncrRefCount(shown);
    status = ProxyFail(interp, error, fault,
                       Tcl_ObjPrintf("send script \"%s\" to proxy \"%s\"", Tcl_GetString(shown), name));
    Tcl_DecrRefCount(shown);
    return status;
}

static int
Send(Tcl_Interp *interp, Proxy *proxy, Tcl_Obj *script)
{
    int         len, status = TCL_OK;
    const char *text = Tcl_GetStringFromObj(script, &len);
    ProxyFault  fault;
    ProxyError  error;
    Tcl_DString ds;

    FaultInit(&fault);
    Tcl_DStringInit(&ds);
    /* One that is too large however it is written is not converted first: half of it at least goes out. */
    if ((size_t)len / 2 > ProxyMaxMessage(proxy)) {
        error = PROXY_E_SIZE;
    } else {
        Ns_TextAppendOut(&ds, text, (size_t)len);
        error = ProxySend(proxy, Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds), &fault);
    }
    if (error != PROXY_OK) {
        status = SendFailed(interp, error, &fault, script, ProxyName(proxy));
    }
    Tcl_DStringFree(&ds);
    Tcl_DStringFree(&fault.payload);
    return status;
}

static int
Wait(Tcl_Interp *interp, Proxy *proxy, const Ns_Time *timeout)
{
    ProxyFault fault;
    ProxyError error;
    int        status = TCL_OK;

    FaultInit(&fault);
    error = ProxyWait(proxy, timeout, &fault);
    if (error != PROXY_OK) {
        status = ProxyFail(interp, error, &fault, Tcl_ObjPrintf("wait for proxy \"%s\"", ProxyName(proxy)));
    }
    Tcl_DStringFree(&fault.payload);
    return status;
}

static int
Recv(Tcl_Interp *interp, Proxy *proxy)
{
    ProxyReply  reply;
    ProxyFault  fault;
    ProxyError  error;
    int         status;

    FaultInit(&fault);
    error = ProxyRecv(proxy, &fault.payload, &reply, &fault);
    status = error == PROXY_OK ? Answer(interp, &reply)
        : ProxyFail(interp, error, &fault, Tcl_ObjPrintf("receive from proxy \"%s\"", ProxyName(proxy)));
    Tcl_DStringFree(&fault.payload);
    return status;
}

static int
Eval(Tcl_Interp *interp, Proxy *proxy, Tcl_Obj *script, const Ns_Time *timeout)
{
    Ns_Time copy;
    int     status;

    if (timeout != NULL) {                     /* the parser's is good for this command only */
        copy = *timeout;
        timeout = &copy;
    }
    status = Send(interp, proxy, script);
    if (status == TCL_OK) {
        status = Wait(interp, proxy, timeout);
    }
    return status == TCL_OK ? Recv(interp, proxy) : status;
}

/* HANDLE script ?timeout? */
static int
HandleObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Handle     *handle = clientData;
    Ns_Time    *timeout = NULL;
    Tcl_Obj    *script;
    Ns_ObjvSpec args[] = {
        {"script", Ns_ObjvObj, &script, NULL}, {"?timeout", Ns_ObjvTime, &timeout, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return Eval(interp, handle->proxy, script, timeout);
}

static void
HandleNew(Tcl_Interp *interp, Handles *handles, Proxy *proxy)
{
    Handle *handle = ns_calloc(1, sizeof(*handle));
    int     isNew;

    handle->proxy = proxy;
    handle->entry = Tcl_CreateHashEntry(&handles->table, ProxyName(proxy), &isNew);
    Tcl_SetHashValue(handle->entry, handle);
    handle->command = Tcl_CreateObjCommand(interp, ProxyName(proxy), HandleObjCmd, handle, HandleGone);
}

/* ns_proxy get pool ?-handles n? ?-timeout t? */
static int
ProxyGetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         n = 1, i, status = TCL_OK;
    Ns_Time    *timeout = NULL;
    Ns_ObjvSpec opts[] = {
        {"-handles", Ns_ObjvInt, &n, NULL}, {"-timeout", Ns_ObjvTime, &timeout, NULL}, {NULL, NULL, NULL, NULL}
    };
    ProxyPool  *pool;
    Proxy     **proxies;
    ProxyFault  fault;
    ProxyError  error;

    if (objc < 3) {
        Tcl_WrongNumArgs(interp, 2, objv, "/pool/ ?-handles /integer/? ?-timeout /time/?");
        return TCL_ERROR;
    }
    if (Ns_ParseObjv(opts, NULL, interp, 3, objc, objv) != NS_OK
        || (pool = ProxyPoolOf(interp, clientData, Tcl_GetString(objv[2]))) == NULL) {
        return TCL_ERROR;
    }
    if (n < 0) {
        Ns_TclPrintfResult(interp, "-handles: expected a number of handles but got \"%d\"", n);
        return TCL_ERROR;
    }
    /* No pool has more. */
    proxies = ns_calloc(n <= PROXY_MAX_WORKERS ? (size_t)n + 1 : 1, sizeof(Proxy *));
    FaultInit(&fault);
    error = n <= PROXY_MAX_WORKERS ? ProxyGet(pool, n, timeout, proxies, &fault) : PROXY_E_RANGE;
    if (error != PROXY_OK) {
        status = ProxyFail(interp, error, &fault, Tcl_ObjPrintf("allocate from pool \"%s\"", ProxyPoolName(pool)));
    } else {
        Tcl_Obj *list = Tcl_NewListObj(0, NULL);

        for (i = 0; i < n; i++) {
            HandleNew(interp, HandlesOf(interp), proxies[i]);
            Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(ProxyName(proxies[i]), -1));
        }
        Tcl_SetObjResult(interp, list);
    }
    Tcl_DStringFree(&fault.payload);
    ns_free(proxies);
    return status;
}

/* ns_proxy put|release proxyId */
static int
ProxyPutObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name;
    Handle     *handle;
    Ns_ObjvSpec args[] = {{"proxyId", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (handle = HandleFind(interp, name)) == NULL) {
        return TCL_ERROR;
    }
    HandlePut(interp, handle);
    return TCL_OK;
}

/* ns_proxy eval proxyId script ?timeout? */
static int
ProxyEvalObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name;
    Ns_Time    *timeout = NULL;
    Tcl_Obj    *script;
    Handle     *handle;
    Ns_ObjvSpec args[] = {
        {"proxyId", Ns_ObjvString, &name, NULL}, {"script", Ns_ObjvObj, &script, NULL},
        {"?timeout", Ns_ObjvTime, &timeout, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (handle = HandleFind(interp, name)) == NULL) {
        return TCL_ERROR;
    }
    return Eval(interp, handle->proxy, script, timeout);
}

/* ns_proxy send proxyId script */
static int
ProxySendObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name;
    Tcl_Obj    *script;
    Handle     *handle;
    Ns_ObjvSpec args[] = {
        {"proxyId", Ns_ObjvString, &name, NULL}, {"script", Ns_ObjvObj, &script, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (handle = HandleFind(interp, name)) == NULL) {
        return TCL_ERROR;
    }
    return Send(interp, handle->proxy, script);
}

/* ns_proxy wait proxyId ?timeout? */
static int
ProxyWaitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name;
    Ns_Time    *timeout = NULL;
    Handle     *handle;
    Ns_ObjvSpec args[] = {
        {"proxyId", Ns_ObjvString, &name, NULL}, {"?timeout", Ns_ObjvTime, &timeout, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (handle = HandleFind(interp, name)) == NULL) {
        return TCL_ERROR;
    }
    return Wait(interp, handle->proxy, timeout);
}

/* ns_proxy recv proxyId */
static int
ProxyRecvObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name;
    Handle     *handle;
    Ns_ObjvSpec args[] = {{"proxyId", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (handle = HandleFind(interp, name)) == NULL) {
        return TCL_ERROR;
    }
    return Recv(interp, handle->proxy);
}

/* ns_proxy ping proxyId */
static int
ProxyPingObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name;
    Handle     *handle;
    ProxyFault  fault;
    ProxyError  error;
    int         status = TCL_OK;
    Ns_ObjvSpec args[] = {{"proxyId", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (handle = HandleFind(interp, name)) == NULL) {
        return TCL_ERROR;
    }
    FaultInit(&fault);
    error = ProxyPing(handle->proxy, &fault);
    if (error != PROXY_OK) {
        status = ProxyFail(interp, error, &fault, Tcl_ObjPrintf("ping proxy \"%s\"", name));
    }
    Tcl_DStringFree(&fault.payload);
    return status;
}

/* ns_proxy cleanup */
static int
ProxyCleanupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    PutAll(interp);
    return TCL_OK;
}

/* ns_proxy handles ?pool? */
static int
ProxyHandlesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Handles       *handles = HandlesOf(interp);
    char          *name = NULL;
    Tcl_Obj       *list;
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;
    Ns_ObjvSpec    args[] = {{"?pool", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    for (entry = Tcl_FirstHashEntry(&handles->table, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        const Handle *handle = Tcl_GetHashValue(entry);

        if (name == NULL || strcmp(ProxyPoolName(ProxyOf(handle->proxy)), name) == 0) {
            Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(ProxyName(handle->proxy), -1));
        }
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* Subcommands may be abbreviated, as NaviServer's. */
static int
ProxyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"active", ProxyActiveObjCmd},
        {"cleanup", ProxyCleanupObjCmd},
        {"clear", ProxyClearObjCmd},
        {"configure", ProxyConfigureObjCmd},
        {"eval", ProxyEvalObjCmd},
        {"free", ProxyFreeObjCmd},
        {"get", ProxyGetObjCmd},
        {"handles", ProxyHandlesObjCmd},
        {"pids", ProxyPidsObjCmd},
        {"ping", ProxyPingObjCmd},
        {"pools", ProxyPoolsObjCmd},
        {"put", ProxyPutObjCmd},
        {"recv", ProxyRecvObjCmd},
        {"release", ProxyPutObjCmd},
        {"send", ProxySendObjCmd},
        {"stats", ProxyStatsObjCmd},
        {"stop", ProxyStopObjCmd},
        {"wait", ProxyWaitObjCmd},
        {"workers", ProxyWorkersObjCmd},
        {NULL, NULL}
    };

    int index;

    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "/subcommand/ ?/arg .../?");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], subcmds, (int)sizeof(subcmds[0]), "subcommand", 0,
                                  &index) != TCL_OK) {
        return TCL_ERROR;
    }
    return subcmds[index].proc(clientData, interp, objc, objv);
}

/* -------------------------------------------------------------------------------------------------- in interpreters */

static Ns_ReturnCode
AddCommand(Tcl_Interp *interp, const void *arg)
{
    Handles *handles = ns_calloc(1, sizeof(*handles));

    Tcl_InitHashTable(&handles->table, TCL_STRING_KEYS);
    Tcl_SetAssocData(interp, ASSOC_KEY, FreeHandles, handles);
    Tcl_CreateObjCommand(interp, "ns_proxy", ProxyObjCmd, (ClientData)arg, NULL);
    return NS_OK;
}

/* The interpreter's work is done, or its life. */
static Ns_ReturnCode
GiveBack(Tcl_Interp *interp, const void *arg)
{
    PutAll(interp);
    return NS_OK;
}

Ns_ReturnCode
ProxyRegister(const char *server, ProxyServer *data)
{
    if (Ns_TclRegisterTrace(server, AddCommand, data, NS_TCL_TRACE_CREATE) != NS_OK
        || Ns_TclRegisterTrace(server, GiveBack, data, NS_TCL_TRACE_DEALLOCATE) != NS_OK
        || Ns_TclRegisterTrace(server, GiveBack, data, NS_TCL_TRACE_DELETE) != NS_OK) {
        return NS_ERROR;
    }
    return NS_OK;
}
