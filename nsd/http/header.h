/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Header field values: lists, tokens, parameters, qualities (RFC 9110, 5.6).
 */
#ifndef NSD_HTTP_HEADER_H
#define NSD_HTTP_HEADER_H

#include <tcl.h>
#include "http/span.h"

/*
 * Walk a field value `a;p=1;q="x y", b`: each call gives one name with its value, if it has one.
 *
 *     NsFieldScan scan; NsField field;
 *     NsFieldStart(&scan, value, len);
 *     while (NsFieldNext(&scan, &field)) ...
 *     if (scan.pos < scan.end) ...           // content from pos on does not fit the grammar
 */
typedef struct NsFieldScan {
    const char *pos, *end;
    bool        open;                          /* within an element */
} NsFieldScan;
typedef struct NsField {
    bool   first;                              /* starts a new element of the comma-separated list */
    NsSpan name;
    NsSpan value;                              /* start NULL: none; of a quoted string what is between the quotes */
    bool   escaped;                            /* the value has backslashes to be taken out: NsFieldUnescape */
} NsField;
void NsFieldStart(NsFieldScan *scan, const char *value, size_t len);
bool NsFieldNext(NsFieldScan *scan, NsField *field);
void NsFieldUnescape(Tcl_DString *ds, NsSpan value);           /* appends */

/* Is `token` in the comma-separated list, in any case?  Parameters of an element are not looked at.  NULL list: no. */
bool NsHeaderHasToken(const char *list, const char *token);

/*
 * A parameter of `type/subtype; name=value; ...` (also form-data; name="x").  Appends its value, unquoted, to `ds`.
 * False: there is none.
 */
bool NsHeaderParam(const char *value, const char *name, Tcl_DString *ds);
/* The same in place: what is between the quotes, and whether there are backslashes to take out. */
bool NsHeaderParamSpan(const char *value, const char *name, NsSpan *span, bool *escaped);
/* The part before the parameters, without blanks around it. */
NsSpan NsHeaderMain(const char *value);

/*
 * Quality of `token` in a list as of Accept-Encoding: 0 .. 1000; a `*` in the list stands for what is not named.
 * -1: neither is there.  A malformed weight counts as 0.
 */
int NsHeaderQuality(const char *list, const char *token);

#endif
