/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Paths beyond nsurl.h.  Any thread.
 */
#ifndef NSD_PATH_H
#define NSD_PATH_H

#include "ns.h"

/* Append each part, up to NULL, behind one slash; the whole string. */
const char *NsAppendParts(Tcl_DString *ds, va_list ap);

#endif
