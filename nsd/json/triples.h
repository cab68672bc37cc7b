/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What can be done with triples (json/value.h): write them as JSON, find an element, set one.
 *
 * `who` begins the messages, which are left in the interpreter.  The thread of the values.
 */
#ifndef NSD_JSON_TRIPLES_H
#define NSD_JSON_TRIPLES_H

#include "json/value.h"

/* Is it a document, which is one triple with an empty key?  Then *type and *value are what it is. */
bool NsJsonIsDocument(Tcl_Obj *triples, NsJsonType *type, Tcl_Obj **value);
/* The triples in a container: TCL_ERROR unless it is a list of three words for each. */
int NsJsonTriples(Tcl_Interp *interp, const char *who, Tcl_Obj *list, int *count, Tcl_Obj ***words);

/* Append a value of that type as JSON. */
int NsJsonAppendTyped(Tcl_Interp *interp, const char *who, Tcl_DString *ds, NsJsonType type, Tcl_Obj *value);
/*
 * Append a value whose type is to be guessed: a document in triples, null, a number as JSON writes it, what Tcl takes for a
 * truth value and begins neither with a digit nor with "-", else a string.
 */
int NsJsonAppendGuessed(Tcl_Interp *interp, const char *who, Tcl_DString *ds, Tcl_Obj *value);
/* A number that Tcl knows, as it was written if JSON takes that, else as Tcl writes it; without a reference.  NULL: it is none. */
Tcl_Obj *NsJsonNumber(Tcl_Interp *interp, Tcl_Obj *value);

/* The keys of a JSON pointer (RFC 6901) as a list; NULL: it is none.  Without a reference. */
Tcl_Obj *NsJsonPointerKeys(Tcl_Interp *interp, const char *who, const char *pointer);

typedef struct NsJsonFound {
    NsJsonType type;
    Tcl_Obj   *value;
    Tcl_Obj   *indices;                        /* of the value, for lindex and lset; the caller has a reference and releases it */
} NsJsonFound;
/* The element at the end of the keys; those of no key is the document itself. */
int NsJsonFind(Tcl_Interp *interp, const char *who, Tcl_Obj *triples, Tcl_Obj *keys, NsJsonFound *found);

/*
 * Triples with another value for that element.  `type` NULL: as the element's type says, a string where the value does not fit
 * it.  The result has no reference; NULL: there is a message.
 */
Tcl_Obj *NsJsonReplace(Tcl_Interp *interp, const char *who, Tcl_Obj *triples, Tcl_Obj *keys, const NsJsonType *type, Tcl_Obj *value);

#endif
