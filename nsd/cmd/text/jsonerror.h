/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the commands say of a text that is no JSON.  Both leave the message and the error code {NS_JSON PARSE BYTE} and return
 * TCL_ERROR.
 */
#ifndef NSD_CMD_JSONERROR_H
#define NSD_CMD_JSONERROR_H

#include "json/parse.h"

int NsJsonParseError(Tcl_Interp *interp, const NsJsonError *error);
/* There is something behind the value. */
int NsJsonTrailingData(Tcl_Interp *interp, size_t at);

#endif
