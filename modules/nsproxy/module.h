/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The Tcl side of the module: nsproxy.c is the module, handlecmds.c the command and what it does with handles,
 * poolcmds.c what it does with pools.
 */
#ifndef NSPROXY_MODULE_H
#define NSPROXY_MODULE_H

#include "pool.h"

/* Of a server; lives as long as the process. */
typedef struct ProxyServer {
    ProxyStore *store;
} ProxyServer;

/*
 * "could not WHAT: why", with the errorCode {NSPROXY WORD TEXT}; what a script of the pool said has words of its
 * own.  TCL_ERROR.
 */
int      ProxyFail(Tcl_Interp *interp, ProxyError error, const ProxyFault *fault, Tcl_Obj *what);
/* The pool of that name, made if need be; NULL with a message. */
ProxyPool *ProxyPoolOf(Tcl_Interp *interp, const ProxyServer *server, const char *name);

/* Text as Tcl has it, of bytes from outside. */
Tcl_Obj *ProxyTextObj(const char *bytes, size_t len);
/* The bytes of a text that has no NUL, to be freed.  NULL with a message: it has one. */
char    *ProxyTextOut(Tcl_Interp *interp, const char *what, const char *text);
/* The path of a program, as the system has it, to be freed: a relative one is below the folder of the module. */
char    *ProxyProgram(const char *bytes);

/* The main thread: ns_proxy is there in all interpreters of the server, and handles go back from them. */
Ns_ReturnCode ProxyRegister(const char *server, ProxyServer *data);

Tcl_ObjCmdProc ProxyActiveObjCmd, ProxyClearObjCmd, ProxyConfigureObjCmd, ProxyFreeObjCmd, ProxyPidsObjCmd,
    ProxyPoolsObjCmd, ProxyStatsObjCmd, ProxyStopObjCmd, ProxyWorkersObjCmd;

#endif
