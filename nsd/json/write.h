/* SPDX-License-Identifier: MPL-2.0 */
/*
 * JSON out: strings, and a layout for people.  Text in either form of base/text.h, which stays the form that it has.
 * Pure functions over memory, any thread.
 */
#ifndef NSD_JSON_WRITE_H
#define NSD_JSON_WRITE_H

#include "ns.h"

/* Append the string with its quotes; what must be escaped is. */
void NsJsonAppendString(Tcl_DString *ds, const char *text, size_t len);
/*
 * Append a JSON text that has no blanks between its tokens, laid out: a container is broken into lines, unless it is inside
 * of another one, short, and has at most one member in each of its objects.
 */
void NsJsonAppendPretty(Tcl_DString *ds, const char *json, size_t len);

#endif
