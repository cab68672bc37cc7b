/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Writing the head of a response, and the framing of chunks (RFC 9110, 9112).
 *
 * Pure functions over memory; any thread.
 */
#ifndef NSD_HTTP_HEAD_H
#define NSD_HTTP_HEAD_H

#include "ns.h"

/* The registered text for a status; "Unknown Reason" for others (never NULL). */
const char *NsHttpStatusText(int status);
/* 1xx, 204 and 304 have no body, whatever is given. */
bool NsHttpStatusHasBody(int status);

/*
 * Tables of RFC 9110: a token is one or more of its characters; a value has no CR, LF, NUL or other control but the
 * tab.  Values are text inside (base/text.h): NUL is none in either form.
 */
bool NsHttpTokenValid(const char *token, size_t len);
bool NsHttpValueValid(const char *value, size_t len);

/*
 * Compose a head: Start, any number of Add and AddSet, End.  All append to `ds`, which the caller has initialised.
 *
 * Values are text inside and go out as UTF-8.  Add refuses a name that is no token and a value with CR, LF, NUL or other controls: it appends nothing and returns
 * false, the caller says so in the log.  AddSet leaves such fields out, adds the rest, and returns how many it left
 * out, with the index of the first of them in *badIndex (may be NULL).
 */
void   NsHttpHeadStart(Tcl_DString *ds, double version, int status);            /* HTTP/1.1 200 OK */
bool   NsHttpHeadAdd(Tcl_DString *ds, const char *name, const char *value);
size_t NsHttpHeadAddSet(Tcl_DString *ds, const Ns_Set *headers, size_t *badIndex);
void   NsHttpHeadEnd(Tcl_DString *ds);

/*
 * Chunked transfer coding: before `len` > 0 bytes goes what NsHttpChunkHead writes to `out`, behind them CRLF; the
 * body ends with NS_HTTP_LAST_CHUNK.
 */
#define NS_HTTP_CHUNK_HEAD 18                  /* sixteen hex digits, CR, LF */
#define NS_HTTP_LAST_CHUNK "0\r\n\r\n"
size_t NsHttpChunkHead(char out[NS_HTTP_CHUNK_HEAD], size_t len);               /* bytes written; no NUL */

#endif
