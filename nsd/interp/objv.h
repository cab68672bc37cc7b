/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Parsing of arguments, beyond what ns.h offers.
 */
#ifndef NSD_OBJV_H
#define NSD_OBJV_H

#include "ns.h"

/*
 * The thread of the interpreter.  Which entry of `table` objv[1] names: entries are `size` bytes long and begin with their
 * name, NULL ends the table.  -1: none, or there is no objv[1], with a message in the interpreter.
 */
int NsSubcmdIndex(const void *table, size_t size, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv);

/* As Ns_ObjvIndex; a unique beginning of a keyword will do. */
Ns_ObjvProc NsObjvPrefix;

/*
 * A Tcl_Obj * as for Ns_ObjvObj, but an option of this type must be given.  Those who have such options parse with
 * NsParseObjvNeeded, which clears their destinations first; others do not pay for the check.
 */
Ns_ObjvProc   NsObjvNeeded;
Ns_ReturnCode NsParseObjvNeeded(Ns_ObjvSpec *optSpec, Ns_ObjvSpec *argSpec, Tcl_Interp *interp, int parseOffset, int objc,
                                Tcl_Obj *const *objv);

#endif
