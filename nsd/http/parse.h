/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The HTTP/1 request parser (RFC 9112): fed with bytes as they come, cut anywhere.
 *
 * No I/O, no threads, no clock.  What two servers could read differently is refused: both Content-Length and
 * Transfer-Encoding, more than one Content-Length, signs or blanks in numbers, folded headers, blanks before the colon,
 * bare CR, bare LF as a line end in chunk framing, NUL.
 *
 * What is not body is text inside (base/text.h): line, target, query, URL, header fields.
 */
#ifndef NSD_HTTP_PARSE_H
#define NSD_HTTP_PARSE_H

#include "ns.h"

typedef struct NsHttpLimits {
    size_t maxLine;                            /* request line, and one header line */
    size_t maxHeaders;                         /* number of header fields */
    size_t maxHead;                            /* request line and headers in all, and trailers; past it: 431.  0: none */
    size_t maxInput;                           /* body, after taking chunks apart; past it: 413 */
} NsHttpLimits;

/*
 * A parsed request.  Owned by whoever took it from the parser.
 */
typedef struct NsHttpRequest {
    Ns_Request  request;                       /* the line; its strings belong to this object */
    Ns_Set     *headers;                       /* names in lower case, found in any case */
    Ns_Set     *trailers;                      /* NULL when there were none */
    char       *body;                          /* NUL-terminated, NULL when there is none */
    size_t      bodyLen;
    size_t      bodySize;                      /* of the memory it has, as base/inputmem.h counts it */
    struct NsHttpSpool *spool;                 /* has the body in place of `body`; NULL: it is in memory */
    void      (*freeSpool)(struct NsHttpSpool *spool);
    bool        hasLength;                     /* a Content-Length header was there */
    bool        chunked;
    bool        keepAlive;                     /* what version and Connection header ask for */
    bool        expectContinue;
    bool        upgrade;                       /* Connection: upgrade */
    bool        raw;                           /* no HTTP: bytes of a module's driver */
    size_t      headSize;                      /* bytes of line and headers as sent */
} NsHttpRequest;

void NsHttpRequestFree(NsHttpRequest *request);        /* NULL is fine */
/* Bytes that are no HTTP, as the body (copied) of a request "METHOD / HTTP/1.0"; the method is upper case and digits. */
NsHttpRequest *NsHttpRequestRaw(const char *method, const char *data, size_t len);

typedef enum {
    NS_HTTP_MORE,                              /* all consumed, needs more bytes */
    NS_HTTP_HEAD,                              /* reported once: line and headers are complete and a body follows; the
                                                  caller may look at them (Expect, limits per server), then feeds on */
    NS_HTTP_DONE,                              /* complete; bytes behind it are not consumed */
    NS_HTTP_ERROR                              /* see NsHttpParserError; the connection is to be closed */
} NsHttpResult;

/* Small while nothing has arrived: an idle keep-alive connection holds one. */
typedef struct NsHttpParser NsHttpParser;

/*
 * One for all requests of a connection: blank lines are skipped between two requests (two at most), but refused
 * before the first one.
 */
NsHttpParser *NsHttpParserCreate(const NsHttpLimits *limits);         /* limits must outlive the parser */
void          NsHttpParserFree(NsHttpParser *parser);
/* Consume up to `len` bytes; `*consumed` says how many. */
NsHttpResult  NsHttpParserFeed(NsHttpParser *parser, const char *data, size_t len, size_t *consumed);
/* The request so far (after HEAD or DONE, or what there is after ERROR: may be NULL). */
const NsHttpRequest *NsHttpParserPeek(const NsHttpParser *parser);
/* After HEAD: another limit for the body, e.g. of the virtual server's. */
void          NsHttpParserSetMaxInput(NsHttpParser *parser, size_t maxInput);
/*
 * After HEAD, or MORE within a body: what there is of it, and what comes, goes to `proc`, and none of it stays in memory.  The request owns
 * the spool from now on.  When the proc returns false, here or later, the request is in error, with 507.
 */
typedef bool (NsHttpSpoolProc)(struct NsHttpSpool *spool, const char *data, size_t len);
void          NsHttpParserSpool(NsHttpParser *parser, struct NsHttpSpool *spool, NsHttpSpoolProc *proc,
                                void (*freeProc)(struct NsHttpSpool *spool));
/* Bytes of the body, or of its chunk, that are announced and have not come. */
size_t        NsHttpParserDue(const NsHttpParser *parser);
/* Bytes of memory that an unfinished request has, as base/inputmem.h counts them: its body, and its head if that came in pieces. */
size_t        NsHttpParserMemory(const NsHttpParser *parser);
/* After DONE: the request, now the caller's; the parser is ready for the next one. */
NsHttpRequest *NsHttpParserTake(NsHttpParser *parser);
/* Has anything of a request been seen (blank lines before it do not count)? */
bool          NsHttpParserStarted(const NsHttpParser *parser);
/* What there is of the line that is being read, bytes as they came: the request line as long as Peek gives NULL. */
const char   *NsHttpParserLine(const NsHttpParser *parser, size_t *len);
/* Status to answer (400, 413, 414, 417, 431, 501, 505, 507) and the reason for the log. */
int           NsHttpParserError(const NsHttpParser *parser, const char **reason);
/*
 * After ERROR: the text for a bare status line, in NaviServer's words ("Bad Request", "Invalid Request Header", "Too
 * Many Request Headers", ...).
 */
const char   *NsHttpParserErrorPhrase(const NsHttpParser *parser);

#endif
