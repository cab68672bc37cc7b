/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The response parser: a machine that collects lines, then counts bytes.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "http/chars.h"
#include "http/response.h"

typedef enum {
    STATUS_LINE, HEADER_LINE, BODY_BYTES, BODY_UNTIL_CLOSE, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER_LINE, COMPLETE, BROKEN
} State;

struct NsResponseParser {
    const NsResponseLimits *limits;
    State          state;
    bool           noBody, started, headReady;
    NsResponseHead head;
    Tcl_DString    line;                       /* the part of a line that has come so far */
    size_t         headBytes;                  /* of lines, against maxHead */
    int64_t        remaining;                  /* of the body or the chunk */
    const char    *error;
    bool           tooLong;
};

NsResponseParser *
NsResponseParserCreate(const NsResponseLimits *limits, bool noBody)
{
    NsResponseParser *parser = ns_calloc(1, sizeof(*parser));

    parser->limits = limits;
    parser->noBody = noBody;
    parser->state = STATUS_LINE;
    parser->head.length = -1;
    Tcl_DStringInit(&parser->line);
    return parser;
}

void
NsResponseParserFree(NsResponseParser *parser)
{
    if (parser != NULL) {
        Ns_SetFree(parser->head.headers);
        ns_free(parser->head.reason);
        Tcl_DStringFree(&parser->line);
        ns_free(parser);
    }
}

const NsResponseHead *
NsResponseGetHead(const NsResponseParser *parser)
{
    return parser->headReady ? &parser->head : NULL;
}

Ns_Set *
NsResponseTakeHeaders(NsResponseParser *parser)
{
    Ns_Set *headers = parser->head.headers;

    parser->head.headers = NULL;
    return headers;
}

bool
NsResponseStarted(const NsResponseParser *parser)
{
    return parser->started;
}

const char *
NsResponseError(const NsResponseParser *parser)
{
    return parser->error != NULL ? parser->error : "";
}

bool
NsResponseHeadTooLong(const NsResponseParser *parser)
{
    return parser->tooLong;
}

static NsResponseResult
Fail(NsResponseParser *parser, const char *error)
{
    parser->state = BROKEN;
    parser->error = error;
    return NS_RESPONSE_ERROR;
}

/* ------------------------------------------------------------------------------------------------------------- lines */

/* Collect a line: true when it is complete (in parser->line, without its end). */
static bool
TakeLine(NsResponseParser *parser, const char *data, size_t len, size_t *consumed)
{
    const char *newline = memchr(data, '\n', len);
    size_t      take = newline != NULL ? (size_t)(newline - data) : len;
    int         length;

    Tcl_DStringAppend(&parser->line, data, (int)take);
    *consumed = newline != NULL ? take + 1 : take;
    parser->headBytes += *consumed;
    if (newline == NULL) {
        return false;
    }
    length = Tcl_DStringLength(&parser->line);
    if (length > 0 && Tcl_DStringValue(&parser->line)[length - 1] == '\r') {
        Tcl_DStringSetLength(&parser->line, length - 1);
    }
    return true;
}

/* "HTTP/1.1 200 OK" */
static bool
ReadStatusLine(NsResponseParser *parser)
{
    const char *line = Tcl_DStringValue(&parser->line);
    Tcl_DString reason;

    if (strncmp(line, "HTTP/1.", 7) != 0 || !NsCharIs(line[7], NS_CHAR_DIGIT) || line[8] != ' '
        || !NsCharIs(line[9], NS_CHAR_DIGIT) || !NsCharIs(line[10], NS_CHAR_DIGIT) || !NsCharIs(line[11], NS_CHAR_DIGIT)
        || (line[12] != '\0' && line[12] != ' ')) {
        return false;
    }
    parser->head.version = line[7] == '0' ? 1.0 : 1.1;
    parser->head.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0';
    if (parser->head.status < 100) {
        return false;
    }
    ns_free(parser->head.reason);
    line += line[12] == ' ' ? 13 : 12;
    Tcl_DStringInit(&reason);
    NsTextAppendIn(&reason, line, strlen(line));
    parser->head.reason = ns_strdup(Tcl_DStringValue(&reason));
    Tcl_DStringFree(&reason);
    Ns_SetFree(parser->head.headers);
    parser->head.headers = Ns_SetCreateNoCase("client-response");
    return true;
}

/* NULL: fine; else what is wrong. */
static const char *
ReadHeaderLine(NsResponseParser *parser)
{
    char   *line = Tcl_DStringValue(&parser->line), *end = line + Tcl_DStringLength(&parser->line), *value;
    size_t  nameLen = NsCharSpan(line, (size_t)(end - line), NS_CHAR_TOKEN);
    Ns_Set *headers = parser->head.headers;

    if (NsCharIsBlank(*line)) {
        return "folded header line";
    }
    if (nameLen == 0 || line[nameLen] != ':') {
        return "invalid header line";
    }
    if (NsCharHasControl(line, (size_t)(end - line))) {
        return "control character in a header line";
    }
    if (Ns_SetSize(headers) >= parser->limits->maxHeaders) {
        return "too many header lines";
    }
    for (size_t i = 0; i < nameLen; i++) {
        line[i] = NsCharLower(line[i]);
    }
    for (value = line + nameLen + 1; value < end && NsCharIsBlank(*value); value++) {
        ;
    }
    while (end > value && NsCharIsBlank(end[-1])) {
        end--;
    }
    NsTextPut(headers, line, nameLen, value, (size_t)(end - value));
    return NULL;
}

/* ------------------------------------------------------------------------------------------------- framing of the body */

/* Is the last transfer coding "chunked"? */
static bool
EndsWithChunked(const char *codings)
{
    const char *comma = strrchr(codings, ',');
    const char *last = comma != NULL ? comma + 1 : codings;
    size_t      len;

    last += strspn(last, " \t");
    len = strcspn(last, " \t");
    return len == 7 && strncasecmp(last, "chunked", 7) == 0;
}

/* Digits only; several equal ones are one.  False: not to be relied on. */
static bool
ReadContentLength(const Ns_Set *headers, int64_t *length)
{
    *length = -1;
    for (size_t i = 0; i < Ns_SetSize(headers); i++) {
        const char *value = Ns_SetValue(headers, i);
        size_t      digits;
        int64_t     number;

        if (strcmp(Ns_SetKey(headers, i), "content-length") != 0) {
            continue;
        }
        digits = NsCharSpan(value, strlen(value), NS_CHAR_DIGIT);
        if (digits == 0 || digits > 18 || value[digits] != '\0') {
            return false;
        }
        number = strtoll(value, NULL, 10);
        if (*length != -1 && *length != number) {
            return false;
        }
        *length = number;
    }
    return true;
}

static bool
ListHasToken(const Ns_Set *headers, const char *name, const char *token)
{
    size_t tokenLen = strlen(token);

    for (size_t i = 0; i < Ns_SetSize(headers); i++) {
        const char *s = Ns_SetValue(headers, i);

        if (strcmp(Ns_SetKey(headers, i), name) != 0) {
            continue;
        }
        while (*(s += strspn(s, " \t,")) != '\0') {
            size_t len = strcspn(s, " \t,");

            if (len == tokenLen && strncasecmp(s, token, len) == 0) {
                return true;
            }
            s += len;
        }
    }
    return false;
}

/* The head is complete: what follows (RFC 9112, 6.3)? */
static NsResponseResult
EndHead(NsResponseParser *parser)
{
    NsResponseHead *head = &parser->head;
    const char     *coding = Ns_SetGet(head->headers, "transfer-encoding");

    if (head->status < 200 && head->status != 101) {
        parser->state = STATUS_LINE;
        return NS_RESPONSE_MORE;
    }
    if (!ReadContentLength(head->headers, &head->length)) {
        return Fail(parser, "invalid content-length");
    }
    head->empty = parser->noBody || head->status == 101 || head->status == 204 || head->status == 304;
    head->keepAlive = head->version > 1.05 ? !ListHasToken(head->headers, "connection", "close")
                                           : ListHasToken(head->headers, "connection", "keep-alive");
    if (head->empty) {
        parser->state = COMPLETE;
    } else if (coding != NULL) {
        /* Chunks overrule a length; but a connection on which both came is not used again. */
        head->keepAlive = head->keepAlive && head->length == -1;
        head->length = -1;
        head->chunked = EndsWithChunked(coding);
        head->untilClose = !head->chunked;
        parser->state = head->chunked ? CHUNK_SIZE : BODY_UNTIL_CLOSE;
    } else if (head->length >= 0) {
        parser->remaining = head->length;
        parser->state = head->length > 0 ? BODY_BYTES : COMPLETE;
    } else {
        head->untilClose = true;
        parser->state = BODY_UNTIL_CLOSE;
    }
    head->keepAlive = head->keepAlive && !head->untilClose && head->status != 101;
    parser->headReady = true;
    return NS_RESPONSE_HEAD;
}

static NsResponseResult
ReadChunkSize(NsResponseParser *parser)
{
    const char *line = Tcl_DStringValue(&parser->line);
    size_t      digits = NsCharSpan(line, (size_t)Tcl_DStringLength(&parser->line), NS_CHAR_HEX);
    const char *rest = line + digits + strspn(line + digits, " \t");

    if (digits == 0 || digits > 15 || (*rest != '\0' && *rest != ';')) {
        return Fail(parser, "invalid chunk size");
    }
    parser->remaining = strtoll(line, NULL, 16);
    parser->headBytes = 0;
    if (parser->remaining == 0) {
        parser->head.lastChunk = true;
        parser->state = TRAILER_LINE;
    } else {
        parser->state = CHUNK_DATA;
    }
    return NS_RESPONSE_MORE;
}

/* A complete line: what it means depends on where it came. */
static NsResponseResult
ReadLine(NsResponseParser *parser)
{
    bool        emptyLine = Tcl_DStringLength(&parser->line) == 0;
    const char *error = NULL;

    switch (parser->state) {
    case STATUS_LINE:
        parser->state = HEADER_LINE;
        return ReadStatusLine(parser) ? NS_RESPONSE_MORE : Fail(parser, "invalid status line");
    case CHUNK_SIZE:
        return ReadChunkSize(parser);
    case CHUNK_END:
        parser->state = CHUNK_SIZE;
        return emptyLine ? NS_RESPONSE_MORE : Fail(parser, "chunk is longer than its size");
    default:
        break;
    }
    if (!emptyLine) {
        error = ReadHeaderLine(parser);
        return error == NULL ? NS_RESPONSE_MORE : Fail(parser, error);
    }
    if (parser->state == TRAILER_LINE) {
        parser->state = COMPLETE;
        return NS_RESPONSE_MORE;
    }
    return EndHead(parser);
}

static NsResponseResult
TakeBody(NsResponseParser *parser, const char *data, size_t len, size_t *consumed, NsSpan *body)
{
    size_t take = len;

    if (parser->state != BODY_UNTIL_CLOSE) {
        take = (int64_t)len > parser->remaining ? (size_t)parser->remaining : len;
        parser->remaining -= (int64_t)take;
        if (parser->remaining == 0) {
            parser->state = parser->state == CHUNK_DATA ? CHUNK_END : COMPLETE;
        }
    }
    *consumed += take;
    *body = (NsSpan){data, take};
    return NS_RESPONSE_BODY;
}

NsResponseResult
NsResponseFeed(NsResponseParser *parser, const char *data, size_t len, size_t *consumed, NsSpan *body)
{
    *consumed = 0;
    parser->started = parser->started || len > 0;
    while (parser->state != COMPLETE && parser->state != BROKEN && *consumed < len) {
        const char      *at = data + *consumed;
        size_t           left = len - *consumed, taken;
        NsResponseResult result;
        bool             complete;

        if (parser->state == BODY_BYTES || parser->state == BODY_UNTIL_CLOSE || parser->state == CHUNK_DATA) {
            return TakeBody(parser, at, left, consumed, body);
        }
        complete = TakeLine(parser, at, left, &taken);
        *consumed += taken;
        if (parser->headBytes > parser->limits->maxHead) {
            parser->tooLong = true;
            return Fail(parser, "head is too long");
        }
        if (complete) {
            result = ReadLine(parser);
            Tcl_DStringSetLength(&parser->line, 0);
            if (result != NS_RESPONSE_MORE) {
                return result;
            }
        }
    }
    return parser->state == COMPLETE ? NS_RESPONSE_DONE : parser->state == BROKEN ? NS_RESPONSE_ERROR : NS_RESPONSE_MORE;
}

NsResponseResult
NsResponseEnd(NsResponseParser *parser)
{
    if (parser->state == BODY_UNTIL_CLOSE) {
        parser->state = COMPLETE;
    }
    if (parser->state == COMPLETE) {
        return NS_RESPONSE_DONE;
    }
    return parser->state == BROKEN ? NS_RESPONSE_ERROR
        : Fail(parser, parser->started ? "connection closed within the response" : "connection closed without a response");
}
