/* SPDX-License-Identifier: MPL-2.0 */
/*
 * JSON as Tcl values: lists and dicts, or triples that keep the types; and the value for null.
 *
 * Triples are a list of KEY TYPE VALUE ...: an object has its keys, an array its indices; VALUE of a container is a list of
 * triples again.  A document is one triple with an empty key.
 *
 * The texts of Tcl values go through base/text.h.  The thread of the values.
 */
#ifndef NSD_JSON_VALUE_H
#define NSD_JSON_VALUE_H

#include "json/parse.h"

typedef enum { NS_JSON_AS_VALUE, NS_JSON_AS_TRIPLES } NsJsonForm;

/*
 * Parse one value of a text in the outside form (base/text.h).  The result has no reference yet; NULL: *error says why.
 * `null` stands for null, NULL: that of NsJsonNull.
 */
Tcl_Obj *NsJsonToObj(const char *bytes, size_t len, const NsJsonOptions *options, NsJsonForm form, Tcl_Obj *null, size_t *used,
                     NsJsonError *error);

/*
 * The value that stands for null; its text is "", or `text` (NULL is fine).  It is shared, and known as what it is also when it
 * was used as a list or a number meanwhile.
 */
Tcl_Obj *NsJsonNull(Tcl_Obj *text);
bool     NsJsonIsNull(Tcl_Obj *obj);

/*
 * A dict of keys and values, which have references or come into its hands; of equal keys the last value counts.  NULL: the keys were
 * made to collide in Tcl's tables, and nothing has happened to the words.
 */
Tcl_Obj *NsJsonNewDict(Tcl_Obj *const *pairs, size_t count);

/* What a type is called in triples; false: it is none. */
bool     NsJsonTypeOf(Tcl_Obj *name, NsJsonType *type);
/* The value that names a type; shared by all of the thread. */
Tcl_Obj *NsJsonTypeObj(NsJsonType type);

#endif
