/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Headers of the handshake, for the files of ws/: their lists as RFC 6455 has them (9.1, 11.3), and how they are
 * written.
 */
#ifndef NSD_WS_HEADER_H
#define NSD_WS_HEADER_H

#include "ns.h"

/* A header's value that is being read; each byte is looked at once. */
typedef struct NsWsScan {
    const char *at;
    bool        bad;                           /* the grammar is broken; nothing more is found */
} NsWsScan;

bool   NsWsIsTokenChar(unsigned char c);
/* Is `c` next, with blanks around?  Then the scan goes behind it. */
bool   NsWsScanChar(NsWsScan *scan, char c);
/* The token that is next, and its length; that there is none is bad. */
size_t NsWsScanToken(NsWsScan *scan, const char **token);
/*
 * The token that the next element of a comma-separated list begins with (`first`: there is none before it); elements
 * may be empty. False: the end, or bad.
 */
bool   NsWsScanElement(NsWsScan *scan, bool first, const char **token, size_t *len);

/* Is `token` in any of the headers of that name? */
bool   NsWsHeaderHasToken(const Ns_Set *headers, const char *name, const char *token);
/*
 * May these be sent besides the handshake's own?  Not if one has the name of one of those, or is none that can be sent.
 * `headers` may be NULL.
 */
bool   NsWsExtraHeaders(const Ns_Set *headers);
/* "name: value"; nothing when it is NULL or "". */
void   NsWsAppendHeader(Tcl_DString *head, const char *name, const char *value);
void   NsWsAppendHeaders(Tcl_DString *head, const Ns_Set *headers);

#endif
