/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_sockcallback and ns_socklistencallback: Tcl scripts on the callback workers.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "cmd/cmds.h"
#include "cmd/channel/sock.h"
#include "interp/interp.h"
#include "net/sock.h"
#include "sockcallback.h"

/* A script registered for a socket; it belongs to the socket's worker. */
typedef struct ScriptCallback {
    NsServer   *server;
    char       *script;
    unsigned    when;
    Tcl_Channel chan;                          /* made by the first call; held once for us beside the interpreter's */
    int         buffered;                      /* bytes in it after the last call */
} ScriptCallback;

static const char *
WhyName(unsigned why)
{
    return (why & NS_SOCK_READ) != 0u ? "r" : (why & NS_SOCK_WRITE) != 0u ? "w" : (why & NS_SOCK_EXCEPTION) != 0u ? "e"
         : (why & NS_SOCK_EXIT) != 0u ? "x" : "t";
}

/* `{*}script words...` with a boolean result; an error is logged and counts as false. */
static bool
EvalScript(Tcl_Interp *interp, const char *script, const char *first, const char *second)
{
    Tcl_Obj *command = Tcl_NewStringObj(script, -1);
    int      keep = 0, code;

    Tcl_IncrRefCount(command);
    Tcl_ListObjAppendElement(NULL, command, Tcl_NewStringObj(first, -1));
    Tcl_ListObjAppendElement(NULL, command, Tcl_NewStringObj(second, -1));
    code = Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT);
    if (code == TCL_ERROR) {
        Tcl_AppendObjToErrorInfo(interp, Tcl_ObjPrintf("\n    (socket callback \"%.100s\")", script));
        (void)Ns_TclLogErrorInfo(interp, NULL);
    } else if (Tcl_GetBooleanFromObj(NULL, Tcl_GetObjResult(interp), &keep) != TCL_OK) {
        keep = 0;
    }
    Tcl_ResetResult(interp);
    Tcl_DecrRefCount(command);
    return keep != 0;
}

/*
 * The loop has let go of the socket: it may be closed now.  (Before, a duplicate elsewhere would keep its registration
 * in the kernel alive.)
 */
static bool
FreeScript(NS_SOCKET sock, void *arg, unsigned why)
{
    ScriptCallback *callback = arg;

    (void)why;
    if (callback->chan != NULL) {
        Tcl_UnregisterChannel(NULL, callback->chan);
    } else {
        (void)close(sock);
    }
    ns_free(callback->script);
    ns_free(callback);
    return false;
}

/*
 * The channel is in the interpreter only while the script runs: what is left there at the end of a turn gets closed.
 */
static bool
RunScript(NS_SOCKET sock, void *arg, unsigned why)
{
    ScriptCallback *callback = arg;
    Tcl_Interp     *interp = NsWorkerInterp(NsWorkerCurrent(), callback->server);
    bool            keep, again;

    if (why == NS_SOCK_EXIT && (callback->when & NS_SOCK_EXIT) == 0u) {
        return false;
    }
    if (callback->chan == NULL) {
        callback->chan = Tcl_MakeTcpClientChannel((ClientData)(intptr_t)sock);
        Tcl_RegisterChannel(NULL, callback->chan);
        (void)Tcl_SetChannelOption(NULL, callback->chan, "-translation", "auto lf");
    }
    do {
        int before = callback->buffered;

        Tcl_RegisterChannel(interp, callback->chan);
        keep = EvalScript(interp, callback->script, Tcl_GetChannelName(callback->chan), WhyName(why));
        if (Tcl_GetChannel(interp, Tcl_GetChannelName(callback->chan), NULL) != NULL) {
            Tcl_UnregisterChannel(interp, callback->chan);
        } else {
            keep = false;                      /* the script has closed it */
        }
        /* Lines that Tcl has already read do not show as an event: go on while the script takes some. */
        callback->buffered = Tcl_InputBuffered(callback->chan);
        again = keep && (why & NS_SOCK_READ) != 0u && callback->buffered > 0 && callback->buffered != before;
    } while (again);
    return keep;
}

static int
CallbackObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    char           *id, *script, *whenString;
    const char     *p;
    Ns_Time        *timeout = NULL;
    unsigned        when = 0u;
    int             fd;
    ScriptCallback *callback;
    Ns_ObjvSpec     args[] = {
        {"sockId", Ns_ObjvString, &id, NULL},
        {"command", Ns_ObjvString, &script, NULL},
        {"when", Ns_ObjvString, &whenString, NULL},
        {"?timeout", Ns_ObjvTime, &timeout, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    for (p = whenString; *p != '\0'; p++) {
        unsigned bit = *p == 'r' ? NS_SOCK_READ : *p == 'w' ? NS_SOCK_WRITE : *p == 'e' ? NS_SOCK_EXCEPTION
                     : *p == 'x' ? NS_SOCK_EXIT : 0u;

        if (bit == 0u) {
            break;
        }
        when |= bit;
    }
    if (when == 0u || *p != '\0') {
        Ns_TclPrintfResult(interp, "invalid when specification \"%.1s\": should be one/more of r, w, e, or x", p);
        return TCL_ERROR;
    }
    if (Ns_TclGetOpenFd(interp, id, (when & NS_SOCK_WRITE) != 0u, &fd) != TCL_OK) {
        return TCL_ERROR;
    }
    /* A duplicate, so that the caller's cleanup may close his. */
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        Ns_TclPrintfResult(interp, "cannot duplicate socket: %s", Tcl_PosixError(interp));
        return TCL_ERROR;
    }
    callback = ns_calloc(1u, sizeof(ScriptCallback));
    callback->server = ip->server;
    callback->script = ns_strdup(script);
    callback->when = when;
    if (NsSockCallback(fd, RunScript, callback, when | NS_SOCK_EXIT, timeout, FreeScript, NULL) != NS_OK) {
        (void)FreeScript(fd, callback, 0u);
        Ns_TclPrintfResult(interp, "could not register callback");
        return TCL_ERROR;
    }
    return TCL_OK;
}

/* ---- listening ---- */

typedef struct ListenScript { NsServer *server; char *script; } ListenScript;

static bool
FreeListen(NS_SOCKET sock, void *arg, unsigned why)
{
    ListenScript *listen = arg;

    (void)why;
    (void)close(sock);
    ns_free(listen->script);
    ns_free(listen);
    return false;
}

/* Channels that the script leaves open are closed at the end of the worker's turn. */
static bool
AcceptScript(NS_SOCKET sock, void *arg, unsigned why)
{
    ListenScript *listen = arg;
    Tcl_Interp   *interp;
    Tcl_Channel   readChan, writeChan;
    NS_SOCKET     accepted;

    if (why != NS_SOCK_READ) {
        return false;
    }
    accepted = Ns_SockAccept(sock, NULL, NULL);
    if (accepted == NS_INVALID_SOCKET) {
        if (NsSockOutOfDescriptors(errno)) {
            NsSockRefuse(sock, "ns_socklistencallback");
        } else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
            Ns_Log(Error, "ns_socklistencallback: accept failed: %s", strerror(errno));
        }
        return true;
    }
    (void)Ns_SockSetBlocking(accepted);
    interp = NsWorkerInterp(NsWorkerCurrent(), listen->server);
    if (NsSockMakePair(interp, accepted, &readChan, &writeChan) == TCL_OK) {
        (void)EvalScript(interp, listen->script, Tcl_GetChannelName(readChan), Tcl_GetChannelName(writeChan));
    }
    return true;
}

static int
ListenCallbackObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    char           *address, *script;
    unsigned short  port;
    NS_SOCKET       fd;
    ListenScript   *listen;
    Ns_ObjvSpec     args[] = {
        {"address", Ns_ObjvString, &address, NULL},
        {"port", Ns_ObjvUShort, &port, NULL},
        {"script", Ns_ObjvString, &script, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    fd = Ns_SockListenEx(strcmp(address, "*") == 0 ? NULL : address, port, SOMAXCONN, false);
    if (fd == NS_INVALID_SOCKET) {
        Ns_TclPrintfResult(interp, "could not register callback");
        return TCL_ERROR;
    }
    (void)Ns_SockSetNonBlocking(fd);
    listen = ns_calloc(1u, sizeof(ListenScript));
    listen->server = ip->server;
    listen->script = ns_strdup(script);
    if (NsSockCallback(fd, AcceptScript, listen, NS_SOCK_READ | NS_SOCK_EXIT, NULL, FreeListen, NULL) != NS_OK) {
        (void)FreeListen(fd, listen, 0u);
        Ns_TclPrintfResult(interp, "could not register callback");
        return TCL_ERROR;
    }
    return TCL_OK;
}

extern const NsCmd nsSockCallbackCmds[];
const NsCmd nsSockCallbackCmds[] = {
    {"ns_sockcallback",       CallbackObjCmd,       NS_CMD_SERVER},
    {"ns_socklistencallback", ListenCallbackObjCmd, NS_CMD_SERVER},
    {NULL, NULL, 0}
};
