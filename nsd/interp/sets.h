/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Handles of sets in an interpreter.
 *
 * A handle "d<number>" owns its set; "t<number>" stands for a set that belongs to somebody else (a request's headers, a
 * section of the configuration), and is the same whenever the same set is entered.  Scripts get and give them as
 * Ns_TclEnterSet and Ns_TclGetSet of ns.h do.  The thread of the interpreter.
 */
#ifndef NSD_SETS_H
#define NSD_SETS_H

#include "interp/interp.h"

#define NS_SET_HANDLE_SIZE 32

/* Give the set a handle.  `type` is NS_TCL_SET_STATIC or NS_TCL_SET_DYNAMIC. */
void NsSetsEnter(NsInterp *data, Ns_Set *set, int type, char handle[NS_SET_HANDLE_SIZE]);
/* Forget a handle, which there is, and free the set if it owns it. */
void NsSetsDrop(NsInterp *data, const char *handle);
/* From NsInterpCleanup, and before data->sets is deleted: the same for all handles. */
void NsSetsFree(NsInterp *data);

#endif
