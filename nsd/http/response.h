/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The HTTP/1 response parser (RFC 9112) of a client: fed with bytes as they come, cut anywhere.
 *
 * No I/O, no threads.  Body bytes are not copied: each call hands out a stretch of the caller's buffer.  Interim responses
 * (1xx but for 101) are skipped.  A line may end with LF alone, as some servers have it; but numbers, framing and names are as strict
 * as the request parser's.
 */
#ifndef NSD_HTTP_RESPONSE_H
#define NSD_HTTP_RESPONSE_H

#include "ns.h"
#include "http/span.h"

typedef struct NsResponseLimits {
    size_t maxHead;                            /* bytes of status line and headers, and of trailers */
    size_t maxHeaders;                         /* number of header fields */
} NsResponseLimits;

typedef enum {
    NS_RESPONSE_MORE,                          /* all consumed, needs more bytes */
    NS_RESPONSE_HEAD,                          /* reported once: NsResponseHead says what came */
    NS_RESPONSE_BODY,                          /* *body is a stretch of the body */
    NS_RESPONSE_DONE,                          /* complete; bytes behind it are not consumed */
    NS_RESPONSE_ERROR                          /* see NsResponseError */
} NsResponseResult;

typedef struct NsResponseHead {
    int      status;
    double   version;                          /* 1.0, 1.1 */
    char    *reason;
    Ns_Set  *headers;                          /* names are found in any case; trailers are added at the end */
    bool     chunked, lastChunk;               /* lastChunk: the chunk of size 0 was seen */
    bool     empty;                            /* no body by status or method, whatever the headers say */
    bool     untilClose;
    int64_t  length;                           /* of the body, -1: not known beforehand */
    bool     keepAlive;                        /* another request may follow on the connection */
} NsResponseHead;

typedef struct NsResponseParser NsResponseParser;

/* `noBody`: the answer to HEAD.  The limits must outlive the parser. */
NsResponseParser *NsResponseParserCreate(const NsResponseLimits *limits, bool noBody);
void              NsResponseParserFree(NsResponseParser *parser);         /* NULL is fine */
/* Consume up to `len` bytes: call again with the rest until MORE, DONE or ERROR. */
NsResponseResult  NsResponseFeed(NsResponseParser *parser, const char *data, size_t len, size_t *consumed, NsSpan *body);
/* The peer has closed: DONE when the body goes until then, else ERROR. */
NsResponseResult  NsResponseEnd(NsResponseParser *parser);
/* Since HEAD was reported; NULL before.  Belongs to the parser. */
const NsResponseHead *NsResponseGetHead(const NsResponseParser *parser);
/* The headers, now the caller's; NULL when there are none. */
Ns_Set           *NsResponseTakeHeaders(NsResponseParser *parser);
/* Has any byte been fed? */
bool              NsResponseStarted(const NsResponseParser *parser);
const char       *NsResponseError(const NsResponseParser *parser);        /* static */
bool              NsResponseHeadTooLong(const NsResponseParser *parser);  /* that was the error */

#endif
