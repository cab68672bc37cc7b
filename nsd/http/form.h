/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Forms: application/x-www-form-urlencoded, and multipart/form-data (RFC 7578) in memory.  Bytes in, bytes out: charset
 * conversion is the caller's.  Only the headers of a part are text inside (base/text.h).
 */
#ifndef NSD_HTTP_FORM_H
#define NSD_HTTP_FORM_H

#include "ns.h"
#include "http/span.h"

/*
 * Called for each field with its decoded bytes, which are valid during the call.  They are NUL-terminated, and NULs
 * may be in them.  Returning false ends the parse.
 */
typedef bool (NsFormFieldProc)(void *arg, const char *name, size_t nameLen, const char *value, size_t valueLen);

/*
 * name=value&name&...; an empty query is one field with an empty name, as for ns_parsequery.  Returns false when a
 * proc did.
 */
bool NsFormParseQuery(const char *query, size_t len, NsFormFieldProc *proc, void *arg);

typedef struct NsFormPart {
    const char *name;                          /* of the field */
    const char *filename;                      /* NULL: not a file */
    bool        filenameIsUtf8;                /* it was filename* (RFC 8187), whatever the form's charset */
    const char *contentType;                   /* NULL: not given */
    Ns_Set     *headers;                       /* of this part, in lower case; the proc may take it and set NULL */
    size_t      offset, length;                /* of the content within the data */
} NsFormPart;
typedef bool (NsFormPartProc)(void *arg, NsFormPart *part);

#define NS_FORM_MAX_PARTS   10000              /* in one body */
#define NS_FORM_MAX_HEAD    16384              /* bytes of the headers of one part */

/*
 * Call `proc` for each complete part.  `boundary` is the parameter of the Content-Type (see NsHeaderParam).  NS_OK:
 * all parts were there and the end too; NS_ERROR: *error (static, may be NULL) says what is wrong with the rest;
 * NS_FILTER_BREAK: proc said false; NS_FORBIDDEN: the lines of the body end in LF alone, of which nothing is taken.
 */
Ns_ReturnCode NsFormParseMultipart(const char *data, size_t len, const char *boundary, NsFormPartProc *proc, void *arg,
                                   const char **error);

#endif
