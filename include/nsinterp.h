/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Interpreters and threads of Tcl, beyond the block "Tcl" of ns.h, which includes this.
 */
#ifndef NSINTERP_H
#define NSINTERP_H

#include "nsconn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef Ns_ReturnCode (Ns_TclTraceProc)(Tcl_Interp *interp, const void *arg);
#define NS_SET_OPTION_NOCASE 0x01u             /* of Ns_SetCreateFromDict: names in lower case, found in any */

/* --------------------------------------------------------------------------------- interpreters (interp/interpapi.c) */

/*
 * The thread of the interpreter.  Create: one with Tcl's library and the commands that need no server, of no server.  Init: these commands for one
 * that was made by Tcl_CreateInterp, once; TCL_OK.  Nsd_Init: the same, as a package's init proc.  Destroy: of Create, or the last use of one of
 * Ns_TclAllocateInterp, which is given back and ended as soon as nobody uses it.  MarkForDelete: the latter, when it is given back.
 */
NS_EXTERN Tcl_Interp *Ns_TclCreateInterp(void);
NS_EXTERN int         Ns_TclInit(Tcl_Interp *interp);
NS_EXTERN int         Nsd_Init(Tcl_Interp *interp);
NS_EXTERN void        Ns_TclDestroyInterp(Tcl_Interp *interp);
NS_EXTERN void        Ns_TclMarkForDelete(Tcl_Interp *interp);
NS_EXTERN const Ns_Server *Ns_TclInterpServPtr(Tcl_Interp *interp);    /* NULL: none */
typedef void (Ns_TclDeferProc)(Tcl_Interp *interp, void *arg);
NS_EXTERN void        Ns_TclRegisterDeferred(Tcl_Interp *interp, Ns_TclDeferProc *proc, void *arg);    /* once, at the next cleanup: the last one first */
/* As Ns_TclLogErrorInfo; Request: with what is known of that request, whoever serves it (NULL: of the interpreter's). */
NS_EXTERN const char *Ns_TclLogError(Tcl_Interp *interp);
NS_EXTERN const char *Ns_TclLogErrorRequest(Tcl_Interp *interp, Ns_Conn *conn);

/* As Ns_TclRegisterTrace of the server that is being made, from a module's init function: CREATE, DEALLOCATE, DELETE.  NS_ERROR, logged: none is. */
NS_EXTERN Ns_ReturnCode Ns_TclRegisterAtCreate(Ns_TclTraceProc *proc, const void *arg);
NS_EXTERN Ns_ReturnCode Ns_TclRegisterAtCleanup(Ns_TclTraceProc *proc, const void *arg);
NS_EXTERN Ns_ReturnCode Ns_TclRegisterAtDelete(Ns_TclTraceProc *proc, const void *arg);
/* The folder of a server's Tcl modules; no such server, or NULL: that of all. */
NS_EXTERN const char *Ns_TclLibrary(const char *server);
/* Source this module's Tcl files with the server's, at the start.  NS_ERROR, logged: there is no such server, or they were sourced already. */
NS_EXTERN Ns_ReturnCode Ns_TclInitModule(const char *server, const char *module);

/* ------------------------------------------------------------------------------- threads, sets (interp/interpapi.c) */

/*
 * Run a script in a new thread, in an interpreter of the server of `interp`, from its start on (Ns_WaitForStartup).  Errors are logged.  With
 * `thrPtr` the thread is to be joined by Ns_ThreadJoin, and its result is the script's, or NULL after an error; ns_free it.
 */
NS_EXTERN Ns_ReturnCode Ns_TclThread(Tcl_Interp *interp, const char *script, Ns_Thread *thrPtr);
NS_EXTERN Ns_ReturnCode Ns_TclDetachedThread(Tcl_Interp *interp, const char *script);

NS_EXTERN int     Ns_TclFreeSet(Tcl_Interp *interp, const char *setId);        /* TCL_ERROR, with a message: there is none */
/* The caller's; `name` may be NULL.  NULL, with a message in `interp` (may be NULL): that is no list of names and values. */
NS_EXTERN Ns_Set *Ns_SetCreateFromDict(Tcl_Interp *interp, const char *name, Tcl_Obj *listObj, unsigned int flags);

#ifdef __cplusplus
}
#endif
#endif /* NSINTERP_H */
