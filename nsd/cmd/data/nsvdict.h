/* SPDX-License-Identifier: MPL-2.0 */
/* nsv_dict, which is in a file of its own. */
#ifndef NSD_NSVDICT_H
#define NSD_NSVDICT_H

#include "data/nsv.h"

Tcl_ObjCmdProc NsTclNsvDictObjCmd;
/* The sum of an increment is past 64 bits: an error, and nothing has changed.  TCL_ERROR. */
int NsNsvOverflow(Tcl_Interp *interp);

/* The value of `key` would be longer than Tcl's values may be: an error, and nothing has changed.  TCL_ERROR. */
int NsNsvTooLong(Tcl_Interp *interp, const char *key);

#endif
