/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Whole HTTP messages and header lines in memory, taken apart for modules (nsrequest.h).  Any thread.
 */
#include <string.h>
#include "base/text.h"
#include "http/chars.h"
#include "http/span.h"
#include "ns.h"

static NsSpan
Trim(const char *start, const char *end)
{
    while (start < end && NsCharIsBlank(*start)) {
        start++;
    }
    while (end > start && (NsCharIsBlank(end[-1]) || end[-1] == '\r' || end[-1] == '\n')) {
        end--;
    }
    return NsSpanOf(start, end);
}

/* A folded line goes on with the value of the last field. */
static Ns_ReturnCode
Continue(Ns_Set *set, NsSpan rest, size_t *fieldNumber)
{
    size_t      size = Ns_SetSize(set);
    const char *old = size > 0 ? Ns_SetValue(set, size - 1u) : NULL;
    Tcl_DString value;

    if (size == 0) {
        return NS_ERROR;
    }
    Tcl_DStringInit(&value);
    if (old != NULL) {
        Tcl_DStringAppend(&value, old, -1);
    }
    if (rest.len > 0) {
        Tcl_DStringAppend(&value, " ", 1);
        NsTextAppendIn(&value, rest.start, rest.len);
    }
    Ns_SetPutValueSz(set, size - 1u, Tcl_DStringValue(&value), Tcl_DStringLength(&value));
    Tcl_DStringFree(&value);
    if (fieldNumber != NULL) {
        *fieldNumber = size - 1u;
    }
    return NS_OK;
}

static Ns_ReturnCode
TakeField(Ns_Set *set, const char *line, size_t len, const char *prefix, size_t *fieldNumber)
{
    const char *colon = memchr(line, ':', len);
    NsSpan      value;
    Tcl_DString key;

    if (len > 0 && NsCharIsBlank(*line)) {
        return Continue(set, Trim(line, line + len), fieldNumber);
    }
    if (colon == NULL || colon == line || NsCharSpan(line, (size_t)(colon - line), NS_CHAR_TOKEN) != (size_t)(colon - line)) {
        return NS_ERROR;
    }
    value = Trim(colon + 1, line + len);
    Tcl_DStringInit(&key);
    Tcl_DStringAppend(&key, prefix != NULL ? prefix : "", -1);
    Tcl_DStringAppend(&key, line, (TCL_SIZE_T)(colon - line));
    NsTextPut(set, Tcl_DStringValue(&key), (size_t)Tcl_DStringLength(&key), value.start, value.len);
    Tcl_DStringFree(&key);
    if (fieldNumber != NULL) {
        *fieldNumber = Ns_SetSize(set) - 1u;
    }
    return NS_OK;
}

Ns_ReturnCode
Ns_ParseHeader(Ns_Set *set, const char *line, const char *prefix, size_t *fieldNumberPtr)
{
    return TakeField(set, line, strlen(line), prefix, fieldNumberPtr);
}

/* The next line without its end; false: there is none. */
static bool
NextLine(const char **at, const char *end, NsSpan *line)
{
    const char *stop;

    if (*at >= end) {
        return false;
    }
    stop = memchr(*at, '\n', (size_t)(end - *at));
    *line = NsSpanOf(*at, stop != NULL ? stop : end);
    *at = stop != NULL ? stop + 1 : end;
    if (line->len > 0 && line->start[line->len - 1u] == '\r') {
        line->len--;
    }
    return true;
}

Ns_ReturnCode
Ns_HttpMessageParse(char *messageString, size_t messageLength, size_t *firstLineLengthPtr, Ns_Set *hdrPtr, char **payloadPtr)
{
    const char   *at = messageString, *end = messageString + messageLength;
    Ns_ReturnCode status = NS_OK;
    NsSpan        line = {NULL, 0};
    bool          head = true;

    if (!NextLine(&at, end, &line) || line.len == 0) {
        return NS_ERROR;
    }
    if (firstLineLengthPtr != NULL) {
        *firstLineLengthPtr = line.len;
    }
    while (status == NS_OK && head && NextLine(&at, end, &line)) {
        head = line.len > 0;
        if (head) {
            status = TakeField(hdrPtr, line.start, line.len, NULL, NULL);
        }
    }
    if (payloadPtr != NULL) {
        *payloadPtr = status == NS_OK && !head ? messageString + (at - messageString) : NULL;
    }
    return status;
}

/* One or more digits, at most three; the number, or -1. */
static int
Digits(const char **at, const char *end)
{
    int number = 0, count = 0;

    while (*at < end && **at >= '0' && **at <= '9' && count < 4) {
        number = number * 10 + (*(*at)++ - '0');
        count++;
    }
    return count > 0 && count < 4 ? number : -1;
}

/* "HTTP/1.1 200 OK" */
static bool
TakeStatusLine(const char *line, size_t len, int *major, int *minor, int *status)
{
    const char *at = line + 5, *end = line + len;

    if (len < 12 || memcmp(line, "HTTP/", 5) != 0) {
        return false;
    }
    *major = Digits(&at, end);
    if (*major < 0 || at == end || *at++ != '.') {
        return false;
    }
    *minor = Digits(&at, end);
    if (*minor < 0 || at == end || *at++ != ' ') {
        return false;
    }
    *status = Digits(&at, end);
    return *status >= 100 && (at == end || *at == ' ');
}

Ns_ReturnCode
Ns_HttpResponseMessageParse(char *messageString, size_t messageLength, Ns_Set *hdrPtr, int *majorPtr, int *minorPtr,
                            int *statusPtr, char **payloadPtr)
{
    size_t        firstLine;
    int           major, minor, code;
    Ns_ReturnCode status = Ns_HttpMessageParse(messageString, messageLength, &firstLine, hdrPtr, payloadPtr);

    if (status == NS_OK && TakeStatusLine(messageString, firstLine, &major, &minor, &code)) {
        *majorPtr = major;
        *minorPtr = minor;
        *statusPtr = code;
    } else {
        status = NS_ERROR;
    }
    return status;
}
