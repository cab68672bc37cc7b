/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The HTTP/1 request parser: lines, framing, bodies.  What is in the request line is requestline.c's.
 *
 * A line is gathered in one small buffer, looked at once when it is complete, and goes into the request's set or
 * strings; body bytes go straight to where they stay.
 */
#include <string.h>

#include "base/text.h"
#include "base/inputmem.h"
#include "http/chars.h"
#include "http/header.h"
#include "http/parse.h"
#include "http/requestline.h"
#include "http/url.h"

#define MAX_BLANK_LINES  2                     /* tolerated between two requests: some clients end a body with one */
#define MAX_EXTENSIONS   16384                 /* bytes of chunk extensions in one body */
#define MAX_SIZE_DIGITS  16                    /* of a chunk's size */
#define MAX_LENGTH_DIGITS 18                   /* of a Content-Length: cannot overflow 64 bits */
#define FIRST_LINE_SIZE  256
#define FIRST_BODY_SIZE  4096
#define FIELD_COST       2                     /* bytes of memory for one of the head, about */
#define GATHER_SIZE      8192                  /* bytes of a body in a file that are written together */

typedef enum {
    IN_LINE, IN_HEADERS, IN_BODY, IN_CHUNK_SIZE, IN_CHUNK_DATA, IN_CHUNK_END, IN_TRAILERS, IS_DONE, IS_FAILED
} State;

struct NsHttpParser {
    const NsHttpLimits *limits;
    size_t         maxInput;
    NsHttpRequest *request;                    /* from the request line on */
    char          *line;                       /* the line that is being read; allocated with its first byte */
    size_t         lineLen, lineSize;
    size_t         headSize;                   /* of the lines so far */
    size_t         remaining;                  /* of the body or the chunk */
    size_t         fields;                     /* headers, then trailers */
    size_t         extensions;                 /* bytes of chunk extensions so far */
    size_t         headCounted;                /* memory of a head that came in pieces, as base/inputmem.h counts it */
    NsHttpSpoolProc *spoolProc;
    char          *gather;                     /* while a spooled body is fed: GATHER_SIZE bytes, of which so many wait to be written */
    size_t         gathered;
    uint32_t       length, coding, expect;     /* where these headers are in the set, from 1; 0: not there */
    NsHttpFault    fault;
    uint8_t        state;                      /* a State */
    uint8_t        blankLines;
    bool           later;                      /* not the first request of the connection */
    bool           sawCrlf, sawLf;             /* ends of the head's lines: CR LF, LF alone */
    bool           hasHost;
    bool           sawCr;                      /* of the line end behind a chunk */
    bool           tokenClose, tokenKeepAlive; /* what Connection says */
};

static bool
Fail(NsHttpParser *parser, int status, const char *phrase, const char *reason)
{
    parser->state = IS_FAILED;
    parser->fault = (NsHttpFault){status, phrase, reason};
    return false;
}

static bool
BadRequest(NsHttpParser *parser, const char *reason)
{
    return Fail(parser, 400, "Bad Request", reason);
}

static bool
BadHeader(NsHttpParser *parser, const char *reason)
{
    return Fail(parser, 400, "Invalid Request Header", reason);
}

static bool
TooLarge(NsHttpParser *parser)
{
    return Fail(parser, 413, "Request Entity Too Large", "request body exceeds the limit");
}

/* ---------------------------------------------------------------------------------------------------------- lines */

static void
AppendLine(NsHttpParser *parser, const char *data, size_t len)
{
    size_t need = parser->lineLen + len + 1;

    if (need > parser->lineSize) {
        size_t size = parser->lineSize == 0 ? FIRST_LINE_SIZE : parser->lineSize;

        while (size < need) {
            size *= 2;
        }
        parser->line = ns_realloc(parser->line, size);
        parser->lineSize = size;
    }
    memcpy(parser->line + parser->lineLen, data, len);
    parser->lineLen += len;
    parser->line[parser->lineLen] = '\0';
}

/* After each line, and each piece of one, which has `begun` so many bytes: many lines within their limits are one head without. */
static bool
HeadFits(NsHttpParser *parser, size_t begun)
{
    size_t limit = parser->limits->maxHead;

    return limit == 0 || parser->headSize + begun <= limit
           || Fail(parser, 431, "Request Header Fields Too Large", "head exceeds the limit");
}

typedef enum { LINE_MORE, LINE_WHOLE, LINE_LONG } LineResult;

/*
 * Move bytes to the line buffer, up to the end of a line.  With WHOLE the line is there without its end, and *crlf
 * says which one it had; the next line begins with parser->lineLen = 0.  The buffer holds no more than the limit and
 * two bytes.
 */
static LineResult
ReadLine(NsHttpParser *parser, const char **data, const char *end, bool *crlf)
{
    size_t      room = parser->limits->maxLine + 2 - parser->lineLen;
    size_t      len = (size_t)(end - *data);
    const char *newline;

    if (len > room) {
        len = room;
    }
    newline = memchr(*data, '\n', len);
    if (newline != NULL) {
        len = (size_t)(newline - *data) + 1;
    }
    AppendLine(parser, *data, len);
    *data += len;
    if (newline == NULL) {
        return len == room ? LINE_LONG : LINE_MORE;
    }
    parser->headSize += parser->lineLen;
    parser->lineLen--;
    *crlf = parser->lineLen > 0 && parser->line[parser->lineLen - 1] == '\r';
    if (*crlf) {
        parser->lineLen--;
    }
    parser->line[parser->lineLen] = '\0';
    return parser->lineLen > parser->limits->maxLine ? LINE_LONG : LINE_WHOLE;
}

static void
NoteLineEnd(NsHttpParser *parser, bool crlf)
{
    parser->sawCrlf |= crlf;
    parser->sawLf |= !crlf;
}

/* --------------------------------------------------------------------------------------------------- request line */

/* Blank lines between requests are skipped; before the first one they are an error, as with NaviServer. */
static bool
SkipBlankLine(NsHttpParser *parser)
{
    if (!parser->later || parser->blankLines >= MAX_BLANK_LINES) {
        return BadRequest(parser, "blank line before the request line");
    }
    parser->blankLines++;
    parser->headSize = 0;
    return true;
}

static bool
TakeRequestLine(NsHttpParser *parser, const char **data, const char *end)
{
    bool crlf;

    /* Say no at once to what is no HTTP at all, a TLS handshake for instance. */
    if (parser->lineLen == 0 && !NsCharIs(**data, NS_CHAR_TOKEN)) {
        if (**data != '\r' && **data != '\n') {
            return BadRequest(parser, "invalid method in request line");
        }
        if (!parser->later) {
            return SkipBlankLine(parser);
        }
    }
    switch (ReadLine(parser, data, end, &crlf)) {
    case LINE_MORE:
        return true;
    case LINE_LONG:
        return Fail(parser, 414, "URI Too Long", "request line exceeds the limit");
    case LINE_WHOLE:
        break;
    }
    if (parser->lineLen == 0) {
        return SkipBlankLine(parser);
    }
    NoteLineEnd(parser, crlf);
    parser->request = NsRequestLineParse(parser->line, parser->lineLen, &parser->fault);
    if (parser->request == NULL) {
        parser->state = IS_FAILED;
        return false;
    }
    parser->request->headers = Ns_SetCreateNoCase("request headers");
    parser->lineLen = 0;
    parser->state = IN_HEADERS;
    return true;
}

/* -------------------------------------------------------------------------------------------------------- headers */

/* Once only: what two servers could read differently must not come twice. */
static bool
Single(NsHttpParser *parser, uint32_t *slot, const char *reason)
{
    if (*slot != 0) {
        return BadRequest(parser, reason);
    }
    *slot = (uint32_t)Ns_SetSize(parser->request->headers);
    return true;
}

static const char *
ValueAt(const NsHttpParser *parser, uint32_t slot)
{
    return Ns_SetValue(parser->request->headers, slot - 1);
}

/* Empty, or host and port, which may be empty after its colon. */
static bool
IsHost(const char *value)
{
    size_t len = strlen(value);
    NsSpan host, port;

    if (len > 1 && value[len - 1] == ':') {
        len--;
    }
    return len == 0 || NsHostPortParse(value, len, true, &host, &port);
}

static bool
NoteHost(NsHttpParser *parser, const char *value)
{
    if (parser->hasHost) {
        return BadRequest(parser, "more than one Host header");
    }
    if (!IsHost(value)) {
        return BadRequest(parser, "invalid Host header");
    }
    parser->hasHost = true;
    return true;
}

static bool
NoteConnection(NsHttpParser *parser, const char *value)
{
    parser->tokenClose |= NsHeaderHasToken(value, "close");
    parser->tokenKeepAlive |= NsHeaderHasToken(value, "keep-alive");
    parser->request->upgrade |= NsHeaderHasToken(value, "upgrade");
    return true;
}

/* Headers that the parser itself needs: the last one of the set. */
static bool
NoteHeader(NsHttpParser *parser)
{
    const Ns_Set *headers = parser->request->headers;
    size_t        index = Ns_SetSize(headers) - 1;
    const char   *name = Ns_SetKey(headers, index), *value = Ns_SetValue(headers, index);

    switch (strlen(name)) {
    case 4:
        return memcmp(name, "host", 4) != 0 || NoteHost(parser, value);
    case 6:
        return memcmp(name, "expect", 6) != 0
               || Single(parser, &parser->expect, "more than one Expect header");
    case 10:
        return memcmp(name, "connection", 10) != 0 || NoteConnection(parser, value);
    case 14:
        return memcmp(name, "content-length", 14) != 0
               || Single(parser, &parser->length, "more than one Content-Length header");
    case 17:
        return memcmp(name, "transfer-encoding", 17) != 0
               || Single(parser, &parser->coding, "more than one Transfer-Encoding header");
    default:
        return true;
    }
}

/* The line is `name: value`; into the set, the name in lower case. */
static bool
AddField(NsHttpParser *parser, Ns_Set *set)
{
    char    *line = parser->line, *value;
    size_t   len = parser->lineLen, nameLen, valueLen;
    unsigned traits;

    if (NsCharIsBlank(line[0])) {
        return BadHeader(parser, "folded header");
    }
    nameLen = NsCharSpan(line, len, NS_CHAR_TOKEN);
    if (nameLen == 0 || nameLen == len || line[nameLen] != ':') {
        return BadHeader(parser, "invalid header name, or no colon");
    }
    if (parser->fields >= parser->limits->maxHeaders) {
        return Fail(parser, 414, "Too Many Request Headers", "number of headers exceeds the limit");
    }
    for (size_t i = 0; i < nameLen; i++) {
        line[i] = NsCharLower(line[i]);
    }
    value = line + nameLen + 1;
    valueLen = len - nameLen - 1;
    while (valueLen > 0 && NsCharIsBlank(*value)) {
        value++;
        valueLen--;
    }
    while (valueLen > 0 && NsCharIsBlank(value[valueLen - 1])) {
        valueLen--;
    }
    traits = NsCharTraits(value, valueLen);
    if ((traits & NS_CHAR_HAS_CONTROL) != 0) {
        return BadHeader(parser, "control character in header");
    }
    parser->fields++;
    if (traits == 0) {
        Ns_SetPutSz(set, line, (TCL_SIZE_T)nameLen, value, (TCL_SIZE_T)valueLen);
    } else {
        NsTextPut(set, line, nameLen, value, valueLen);
    }
    return true;
}

/* A list would be two lengths in one header, a sign or blanks are what others may read otherwise. */
static bool
ParseLength(NsHttpParser *parser, size_t *lengthOut)
{
    const char *p = ValueAt(parser, parser->length);
    size_t      digits = strlen(p), length = 0;

    if (digits == 0 || NsCharSpan(p, digits, NS_CHAR_DIGIT) != digits) {
        return BadRequest(parser, "invalid Content-Length");
    }
    while (*p == '0') {
        p++;
        digits--;
    }
    if (digits > MAX_LENGTH_DIGITS) {
        return TooLarge(parser);
    }
    for (; *p != '\0'; p++) {
        length = length * 10 + (size_t)(*p - '0');
    }
    *lengthOut = length;
    return length <= parser->maxInput || TooLarge(parser);
}

/* How the body is framed, with what is not allowed refused in the order of danger. */
static bool
ParseFraming(NsHttpParser *parser)
{
    NsHttpRequest *request = parser->request;

    if (parser->coding != 0) {
        if (parser->length != 0) {
            return BadRequest(parser, "both Content-Length and Transfer-Encoding");
        }
        if (request->request.version < 1.1) {
            return BadRequest(parser, "Transfer-Encoding in HTTP/1.0");
        }
        if (strcasecmp(ValueAt(parser, parser->coding), "chunked") != 0) {
            return Fail(parser, 501, "Not Implemented", "unknown Transfer-Encoding");
        }
        request->chunked = true;
    } else if (parser->length != 0) {
        request->hasLength = true;
        return ParseLength(parser, &parser->remaining);
    }
    return true;
}

static bool
FinishHead(NsHttpParser *parser)
{
    NsHttpRequest *request = parser->request;
    bool           v11 = request->request.version >= 1.1;

    request->headSize = parser->headSize;
    if (v11 && !parser->hasHost) {
        return BadHeader(parser, "no Host header");
    }
    /* Who reads lines in another way sees another head: harmless as long as nothing follows it. */
    if (parser->sawLf && (parser->sawCrlf || parser->length != 0 || parser->coding != 0)) {
        return BadRequest(parser, "bare LF in the head");
    }
    if (!ParseFraming(parser)) {
        return false;
    }
    if (v11 && parser->expect != 0) {
        if (strcasecmp(ValueAt(parser, parser->expect), "100-continue") != 0) {
            return Fail(parser, 417, "Expectation Failed", "unknown expectation");
        }
        request->expectContinue = true;
    }
    request->keepAlive = !parser->tokenClose && (v11 || parser->tokenKeepAlive);
    if (request->chunked) {
        parser->state = IN_CHUNK_SIZE;
    } else {
        parser->state = parser->remaining > 0 ? IN_BODY : IS_DONE;
    }
    parser->fields = 0;                        /* trailers are counted anew */
    return true;
}

static bool
TakeHeader(NsHttpParser *parser, const char **data, const char *end)
{
    bool crlf;

    switch (ReadLine(parser, data, end, &crlf)) {
    case LINE_MORE:
        return HeadFits(parser, parser->lineLen);
    case LINE_LONG:
        return Fail(parser, 431, "Request Header Fields Too Large", "header line exceeds the limit");
    case LINE_WHOLE:
        break;
    }
    if (!HeadFits(parser, 0)) {
        return false;
    }
    NoteLineEnd(parser, crlf);
    if (parser->lineLen == 0) {
        return FinishHead(parser);
    }
    if (!AddField(parser, parser->request->headers)) {
        return false;
    }
    parser->lineLen = 0;
    return NoteHeader(parser);
}

/* ----------------------------------------------------------------------------------------------------------- body */

static bool
Write(NsHttpParser *parser, const char *data, size_t len)
{
    return parser->spoolProc(parser->request->spool, data, len)
           || Fail(parser, 507, "Insufficient Storage", "the body cannot be kept in a file");
}

static bool
WriteGathered(NsHttpParser *parser)
{
    size_t len = parser->gathered;

    parser->gathered = 0;
    return len == 0 || Write(parser, parser->gather, len);
}

static bool
Spool(NsHttpParser *parser, const char *data, size_t len)
{
    if (len > GATHER_SIZE - parser->gathered && !WriteGathered(parser)) {
        return false;
    }
    if (parser->gather == NULL || len > GATHER_SIZE) {
        return Write(parser, data, len);
    }
    memcpy(parser->gather + parser->gathered, data, len);
    parser->gathered += len;
    return true;
}

/* Room grows with what has arrived, not with what was announced. */
static void
KeepBody(NsHttpParser *parser, const char *data, size_t len, size_t expected)
{
    NsHttpRequest *request = parser->request;
    size_t         need = request->bodyLen + len + 1;

    if (need > request->bodySize) {
        size_t size = request->bodySize == 0 ? FIRST_BODY_SIZE : request->bodySize * 2;

        if (size > request->bodyLen + expected + 1) {
            size = request->bodyLen + expected + 1;
        }
        if (size < need) {
            size = need;
        }
        request->body = ns_realloc(request->body, size);
        NsInputMemoryCount(request->bodySize, size);
        request->bodySize = size;
    }
    memcpy(request->body + request->bodyLen, data, len);
    request->bodyLen += len;
    request->body[request->bodyLen] = '\0';
}

/* As much of the body or the chunk as is there; what comes when it is complete. */
static bool
TakeBody(NsHttpParser *parser, const char **data, const char *end, size_t expected, State next)
{
    size_t len = (size_t)(end - *data);
    bool   fine = true;

    if (len > parser->remaining) {
        len = parser->remaining;
    }
    if (parser->request->spool == NULL) {
        KeepBody(parser, *data, len, expected);
    } else {
        fine = Spool(parser, *data, len);
        parser->request->bodyLen += fine ? len : 0u;
    }
    *data += len;
    parser->remaining -= len;
    if (fine && parser->remaining == 0) {
        parser->state = next;
    }
    return fine;
}

/* 1*HEX, then nothing, or extensions, which are not looked at but for what could hide a line end. */
static bool
ParseChunkSize(NsHttpParser *parser)
{
    const char *line = parser->line;
    size_t      digits = NsCharSpan(line, parser->lineLen, NS_CHAR_HEX);
    size_t      rest = digits;
    size_t      size = 0;

    if (digits == 0 || digits > MAX_SIZE_DIGITS) {
        return BadRequest(parser, "invalid chunk size");
    }
    while (NsCharIsBlank(line[rest])) {
        rest++;
    }
    if (rest < parser->lineLen || rest > digits) {
        if (line[rest] != ';' || NsCharHasControl(line + rest, parser->lineLen - rest)) {
            return BadRequest(parser, "invalid chunk size");
        }
        parser->extensions += parser->lineLen - digits;
        if (parser->extensions > MAX_EXTENSIONS) {
            return BadRequest(parser, "chunk extensions exceed the limit");
        }
    }
    for (size_t i = 0; i < digits; i++) {
        size = size << 4 | (size_t)NsHexValue(line[i]);
    }
    if (size > parser->maxInput - parser->request->bodyLen) {
        return TooLarge(parser);
    }
    parser->remaining = size;
    parser->state = size > 0 ? IN_CHUNK_DATA : IN_TRAILERS;
    return true;
}

static bool
TakeChunkSize(NsHttpParser *parser, const char **data, const char *end)
{
    bool crlf, ok;

    switch (ReadLine(parser, data, end, &crlf)) {
    case LINE_MORE:
        return true;
    case LINE_LONG:
        return BadRequest(parser, "chunk size line exceeds the limit");
    case LINE_WHOLE:
        break;
    }
    if (!crlf) {
        return BadRequest(parser, "bare LF behind a chunk size");
    }
    ok = ParseChunkSize(parser);
    parser->lineLen = 0;
    return ok;
}

static bool
TakeChunkEnd(NsHttpParser *parser, const char **data)
{
    char c = *(*data)++;

    if (c != (parser->sawCr ? '\n' : '\r')) {
        return BadRequest(parser, "chunk is longer than its size");
    }
    if (parser->sawCr) {
        parser->state = IN_CHUNK_SIZE;
    }
    parser->sawCr = !parser->sawCr;
    return true;
}

static bool
TakeTrailer(NsHttpParser *parser, const char **data, const char *end)
{
    NsHttpRequest *request = parser->request;
    bool           crlf, ok;

    if (parser->request->trailers == NULL) {
        parser->headSize = parser->request->headSize;      /* lines of chunks are no part of it */
    }
    switch (ReadLine(parser, data, end, &crlf)) {
    case LINE_MORE:
        return HeadFits(parser, parser->lineLen);
    case LINE_LONG:
        return Fail(parser, 431, "Request Header Fields Too Large", "trailer line exceeds the limit");
    case LINE_WHOLE:
        break;
    }
    if (!HeadFits(parser, 0)) {
        return false;
    }
    if (!crlf) {
        return BadRequest(parser, "bare LF in trailers");
    }
    if (parser->lineLen == 0) {
        parser->state = IS_DONE;
        return true;
    }
    if (request->trailers == NULL) {
        request->trailers = Ns_SetCreateNoCase("request trailers");
    }
    ok = AddField(parser, request->trailers);
    parser->lineLen = 0;
    return ok;
}

/* ----------------------------------------------------------------------------------------------------------- feed */

/* One step forward in the state; there is at least one byte. */
static bool
Step(NsHttpParser *parser, const char **data, const char *end)
{
    switch ((State)parser->state) {
    case IN_LINE:
        return TakeRequestLine(parser, data, end);
    case IN_HEADERS:
        return TakeHeader(parser, data, end);
    case IN_BODY:
        return TakeBody(parser, data, end, parser->remaining, IS_DONE);
    case IN_CHUNK_SIZE:
        return TakeChunkSize(parser, data, end);
    case IN_CHUNK_DATA:
        return TakeBody(parser, data, end, parser->maxInput - parser->request->bodyLen, IN_CHUNK_END);
    case IN_CHUNK_END:
        return TakeChunkEnd(parser, data);
    case IN_TRAILERS:
        return TakeTrailer(parser, data, end);
    case IS_DONE:
    case IS_FAILED:
        break;
    }
    return false;
}

/* Chunks may be of one byte each: a call of the system for each of them would keep the loop for tens of milliseconds. */
__attribute__((noinline)) static void
StepSpooled(NsHttpParser *parser, const char **data, const char *end)
{
    char bytes[GATHER_SIZE];

    parser->gather = bytes;
    while (*data < end && parser->state < IS_DONE && Step(parser, data, end)) {
        ;
    }
    if (parser->state != IS_FAILED) {
        (void)WriteGathered(parser);
    }
    parser->gather = NULL;
    parser->gathered = 0;
}

/* It has to be kept for a while: the line that is read, and those before it, as fields of a set. */
static void
CountHead(NsHttpParser *parser)
{
    size_t now = parser->lineSize + FIELD_COST * parser->headSize;

    NsInputMemoryCount(parser->headCounted, now);
    parser->headCounted = now;
}

static void
UncountHead(NsHttpParser *parser)
{
    if (parser->headCounted > 0) {
        NsInputMemoryCount(parser->headCounted, 0);
        parser->headCounted = 0;
    }
}

NsHttpResult
NsHttpParserFeed(NsHttpParser *parser, const char *data, size_t len, size_t *consumed)
{
    const char *pos = data, *end = data + len;
    bool        headSeen = parser->state > IN_HEADERS;

    if (headSeen && parser->request->spool != NULL) {
        StepSpooled(parser, &pos, end);
    }
    while (pos < end && parser->state < IS_DONE) {
        if (!Step(parser, &pos, end)) {
            break;
        }
        if (!headSeen && parser->state > IN_HEADERS && parser->state < IS_DONE) {
            CountHead(parser);
            *consumed = (size_t)(pos - data);
            return NS_HTTP_HEAD;
        }
    }
    *consumed = (size_t)(pos - data);
    if (parser->state == IS_FAILED) {
        return NS_HTTP_ERROR;
    }
    if (parser->state == IS_DONE) {
        return NS_HTTP_DONE;
    }
    if (!headSeen) {
        CountHead(parser);
    }
    return NS_HTTP_MORE;
}

/* ------------------------------------------------------------------------------------------------------- the rest */

NsHttpParser *
NsHttpParserCreate(const NsHttpLimits *limits)
{
    NsHttpParser *parser = ns_calloc(1, sizeof(*parser));

    parser->limits = limits;
    parser->maxInput = limits->maxInput;
    return parser;
}

void
NsHttpParserFree(NsHttpParser *parser)
{
    if (parser != NULL) {
        UncountHead(parser);
        NsHttpRequestFree(parser->request);
        ns_free(parser->line);
        ns_free(parser);
    }
}

void
NsHttpParserSpool(NsHttpParser *parser, struct NsHttpSpool *spool, NsHttpSpoolProc *proc, void (*freeProc)(struct NsHttpSpool *spool))
{
    NsHttpRequest *request = parser->request;

    request->spool = spool;
    request->freeSpool = freeProc;
    parser->spoolProc = proc;
    if (request->bodyLen > 0) {
        (void)Spool(parser, request->body, request->bodyLen);
    }
    ns_free(request->body);
    request->body = NULL;
    NsInputMemoryCount(request->bodySize, 0);
    request->bodySize = 0;
}

size_t
NsHttpParserDue(const NsHttpParser *parser)
{
    return parser->remaining;
}

size_t
NsHttpParserMemory(const NsHttpParser *parser)
{
    return parser->headCounted + (parser->request != NULL ? parser->request->bodySize : 0);
}

const NsHttpRequest *
NsHttpParserPeek(const NsHttpParser *parser)
{
    return parser->request;
}

void
NsHttpParserSetMaxInput(NsHttpParser *parser, size_t maxInput)
{
    parser->maxInput = maxInput;
    if (parser->state < IS_DONE && parser->request != NULL) {
        size_t due = parser->request->chunked ? 0 : parser->remaining;

        if (parser->request->bodyLen > maxInput || due > maxInput - parser->request->bodyLen) {
            (void)TooLarge(parser);
        }
    }
}

NsHttpRequest *
NsHttpParserTake(NsHttpParser *parser)
{
    NsHttpRequest *request = NULL;

    if (parser->state == IS_DONE) {
        const NsHttpLimits *limits = parser->limits;

        request = parser->request;
        UncountHead(parser);
        ns_free(parser->line);
        memset(parser, 0, sizeof(*parser));
        parser->limits = limits;
        parser->maxInput = limits->maxInput;
        parser->later = true;
    }
    return request;
}

NsHttpRequest *
NsHttpRequestRaw(const char *method, const char *data, size_t len)
{
    NsHttpFault    fault;
    NsHttpRequest *request;
    char           line[64];

    (void)snprintf(line, sizeof(line), "%.40s / HTTP/1.0", method);
    request = NsRequestLineParse(line, strlen(line), &fault);
    request->raw = true;
    request->headers = Ns_SetCreateNoCase("headers");
    request->bodySize = len + 1u;
    NsInputMemoryCount(0u, request->bodySize);
    request->body = ns_malloc(request->bodySize);
    memcpy(request->body, data, len);
    request->body[len] = '\0';
    request->bodyLen = len;
    return request;
}

bool
NsHttpParserStarted(const NsHttpParser *parser)
{
    return parser->request != NULL || (parser->lineLen > 0 && parser->line[0] != '\r');
}

const char *
NsHttpParserLine(const NsHttpParser *parser, size_t *len)
{
    const char *line = parser != NULL && parser->line != NULL ? parser->line : "";

    *len = *line != '\0' ? parser->lineLen : 0u;
    while (*len > 0 && (line[*len - 1] == '\r' || line[*len - 1] == '\n')) {
        (*len)--;
    }
    return line;
}

int
NsHttpParserError(const NsHttpParser *parser, const char **reason)
{
    if (reason != NULL) {
        *reason = parser->fault.reason;
    }
    return parser->fault.status;
}

const char *
NsHttpParserErrorPhrase(const NsHttpParser *parser)
{
    return parser->fault.phrase;
}
