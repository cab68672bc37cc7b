/* SPDX-License-Identifier: MPL-2.0 */
/*
 * JSON schemas: one that says what samples look like, and whether a document is as a schema says.
 *
 * Of JSON Schema (draft 2020-12) these words: type, properties, required, items, anyOf, $schema.  Closed: an object has no
 * property that its schema does not name.  A number is a "number", never an "integer".  The thread of the values.
 */
#ifndef NSD_JSON_SCHEMA_H
#define NSD_JSON_SCHEMA_H

#include "json/triples.h"

/* Append a schema, as JSON without blanks, for all of these documents in triples; with `required`, what all objects have is required. */
int NsJsonAppendSchema(Tcl_Interp *interp, const char *who, Tcl_DString *ds, int count, Tcl_Obj *const *documents, bool required);
/* TCL_OK when the document fits the schema, which is in triples as well; else TCL_ERROR with where it does not. */
int NsJsonMatch(Tcl_Interp *interp, Tcl_Obj *schema, Tcl_Obj *document, bool ignoreUnsupported);

#endif
