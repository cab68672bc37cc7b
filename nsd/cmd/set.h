/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Handles of sets in an interpreter.
 */
#ifndef NSD_CMD_SET_H
#define NSD_CMD_SET_H

#include "interp.h"

/*
 * The thread of the interpreter, from NsInterpCleanup and before data->sets is deleted: forget all handles, and free
 * the sets of those that own theirs.
 */
void NsTclSetsFree(NsInterp *data);

#endif
