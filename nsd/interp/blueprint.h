/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The blueprint of a server's interpreters: a script, its epoch, and the traces that run at points of an interpreter's
 * life.  For interp.c and the commands ns_ictl and ns_eval.
 */
#ifndef NSD_BLUEPRINT_H
#define NSD_BLUEPRINT_H

#include "interp/interp.h"


/* Main thread, at start. */
void NsBlueprintInitProcess(void);
void NsTclAddModule(NsServer *server, const char *module);     /* its Tcl files are sourced for the blueprint */

/* Any thread. */
long NsBlueprintEpoch(NsServer *server);                   /* 0: none yet */
long NsBlueprintApply(NsServer *server, Tcl_Interp *interp);   /* run it; the epoch that it had */
void NsBlueprintSave(NsServer *server, const char *script);
Tcl_Obj *NsBlueprintGet(NsServer *server);
/*
 * Evaluate a script in an interpreter fresh from the blueprint and make what it changed part of the blueprint.  The
 * result is left in `interp`.  One at a time for a server.
 */
int  NsBlueprintEval(NsServer *server, Tcl_Interp *interp, Tcl_Obj *script);
const char *NsTclLibrary(const NsServer *server);          /* folder of the server's Tcl modules */
const char *NsTclInitFile(const NsServer *server);
void NsTclListModules(NsServer *server, Tcl_Obj *list);
const char *const *NsTclErrorHeaders(const NsServer *server);  /* NULL-terminated, or NULL */

/* The thread of the interpreter, which has a server. */
/* Is there one?  Any thread, once the server has started. */
bool NsTclIsTraced(NsServer *server, unsigned when);
void NsTclRunTraces(Tcl_Interp *interp, unsigned when);
void NsTclListTraces(NsServer *server, unsigned when, Tcl_DString *ds);
/* Scripts as traces: NS_ERROR after the start. */
Ns_ReturnCode NsTclAddTraceScript(NsServer *server, unsigned when, Tcl_Obj *script);

/* The commands of C modules (traces CREATE in C), unless it has them. */
void NsInterpAddModules(Tcl_Interp *interp);
void NsBlueprintPrepare(Tcl_Interp *interp);               /* what blueprint scripts call */

/* interp.c, the thread of the interpreter. */
Tcl_Interp *NsInterpCreateBare(NsServer *server);          /* commands only; end with Tcl_DeleteInterp */
void NsInterpTidy(Tcl_Interp *interp);                     /* what `ns_cleanup` does */
void NsInterpUpdate(Tcl_Interp *interp);                   /* to the current epoch */
void NsInterpFreeThread(void);                             /* the calling thread gives up its free interpreters */

extern NsServerPart nsTclPart;

#endif
