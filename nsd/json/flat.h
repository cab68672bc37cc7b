/* SPDX-License-Identifier: MPL-2.0 */
/*
 * JSON as the fields of a set: one for each leaf, named by the way to it, behind one with its type.
 *
 * The way is the keys and indices from the top, with "/" between them; "/", "." and "~" in a key are "~1", "~2" and "~0".  The
 * field with the type of NAME is NAME.type.  Containers have no field, but the empty ones that of their type; a scalar at the
 * top has none.  Pure functions over memory, any thread.
 */
#ifndef NSD_JSON_FLAT_H
#define NSD_JSON_FLAT_H

#include "json/parse.h"

/*
 * Add the fields of one value to `set`; `null` (text inside) is the value of null.  More than `maxFields` leaves: false, with
 * *error saying so (0: any number); likewise names that are much longer in all than the text.  What was before a fault has its fields.
 */
bool NsJsonToSet(Ns_Set *set, const char *bytes, size_t len, const NsJsonOptions *options, const char *null, size_t maxFields,
                 size_t *used, NsJsonError *error);

/* A key as it stands in a name, and back; text in either form. */
void NsJsonEncodeKey(Tcl_DString *ds, const char *key, size_t len);
void NsJsonDecodeKey(Tcl_DString *ds, const char *name, size_t len);

#endif
