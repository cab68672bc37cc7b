/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Requests as modules for NaviServer use them: beyond nsconn.h, what needs the types of ns.h, which includes this at its end.
 *
 * Unless a comment says otherwise the connection thread that serves the request calls these functions, and no other.
 */
#ifndef NSREQUEST_H
#define NSREQUEST_H

#include "nsconn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------ scripts as procs (interp/tclcallback.c) */

/* A script with arguments, for a server.  Made by Ns_TclNewCallback alone; the fields are only to be read.  Any thread. */
typedef struct Ns_TclCallback {
    ns_funcptr_t cbProc;                       /* who evaluates it: the caller's, to be recognised */
    const char  *server;                       /* NULL: none */
    const char  *script;
    TCL_SIZE_T   argc;
    char       **argv;
} Ns_TclCallback;
NS_EXTERN Ns_TclCallback *Ns_TclNewCallback(Tcl_Interp *interp, ns_funcptr_t cbProc, Tcl_Obj *scriptObjPtr, TCL_SIZE_T objc,
                                            Tcl_Obj *const *objv);
/*
 * Evaluate the script, with the strings up to NULL and then its own arguments behind it, in `interp`, or (NULL) in one of this thread
 * for the callback's server.  The result is appended to resultDString (may be NULL).  Not TCL_OK: the error is in the log.
 */
NS_EXTERN int Ns_TclEvalCallback(Tcl_Interp *interp, const Ns_TclCallback *cbPtr, Tcl_DString *resultDString, ...) NS_GNUC_SENTINEL;
NS_EXTERN Ns_Callback Ns_TclCallbackProc;      /* evaluate the callback that is the argument */
NS_EXTERN Ns_Callback Ns_TclFreeCallback;      /* free it */
NS_EXTERN Ns_ArgProc  Ns_TclCallbackArgProc;   /* append script and arguments, for Ns_RegisterProcInfo */

/* --------------------------------------------------------------------- folders and locations (request/hostproc.c) */

/*
 * Who says where the folder of a host is, and what the URL of a request begins with.  They append to `dest` and give its value; NULL: as
 * if they were not there.  The thread of the request calls them, once for a request, when it is first asked for; whatever they ask
 * themselves meanwhile is as configured.
 *
 * Set proc: by the module's init function or a script of the server's library, for the server that is being made.  NS_ERROR: none is,
 * which is logged.  `host`: the Host header, which is a name or address, and a port if it has one.
 */
typedef char *(Ns_ServerRootProc)(Tcl_DString *dest, const char *host, const void *arg);
typedef char *(Ns_ConnLocationProc)(Ns_Conn *conn, Tcl_DString *dest, const Ns_TclCallback *cbPtr);
typedef char *(Ns_LocationProc)(Ns_Conn *conn);                    /* the string is copied */
NS_EXTERN Ns_ReturnCode Ns_SetServerRootProc(Ns_ServerRootProc *proc, void *arg);
NS_EXTERN Ns_ReturnCode Ns_SetConnLocationProc(Ns_ConnLocationProc *proc, Ns_TclCallback *cbPtr);      /* goes before the next */
NS_EXTERN void          Ns_SetLocationProc(const char *server, Ns_LocationProc *proc);                 /* at the start; no such server: logged */

#ifdef __cplusplus
}
#endif
#endif /* NSREQUEST_H */
