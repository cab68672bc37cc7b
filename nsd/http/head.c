/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Response heads and chunk framing.
 */
#include <stdio.h>
#include <string.h>

#include "base/set.h"
#include "base/text.h"
#include "http/chars.h"
#include "http/head.h"

typedef struct Status {
    int         code;
    const char *text;
} Status;

/* The IANA registry, in order, with the names of 413 and 418 that are in use. */
static const Status statuses[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Request Entity Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {418, "I'm a teapot"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {510, "Not Extended"},
    {511, "Network Authentication Required"},
};

const char *
NsHttpStatusText(int status)
{
    size_t low = 0, high = sizeof(statuses) / sizeof(statuses[0]);

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (statuses[mid].code == status) {
            return statuses[mid].text;
        }
        if (statuses[mid].code < status) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return "Unknown Reason";
}

bool
NsHttpStatusHasBody(int status)
{
    return status >= 200 && status != 204 && status != 205 && status != 304;
}

bool
NsHttpTokenValid(const char *token, size_t len)
{
    return len > 0 && NsCharSpan(token, len, NS_CHAR_TOKEN) == len;
}

/* Tcl's NUL is two bytes, and one when it goes out. */
static bool
HasTextNul(const char *value, size_t len)
{
    return memmem(value, len, "\300\200", 2) != NULL;
}

bool
NsHttpValueValid(const char *value, size_t len)
{
    unsigned traits = NsCharTraits(value, len);

    return traits == 0 || (traits == NS_CHAR_HAS_HIGH && !HasTextNul(value, len));
}

void
NsHttpHeadStart(Tcl_DString *ds, double version, int status)
{
    char   line[12 + NS_DECIMAL_SIZE] = "HTTP/1.";
    size_t len = 7;

    line[len++] = version >= 1.1 ? '1' : '0';
    line[len++] = ' ';
    len += NsDecimalPut(line + len, status > 0 ? (uint64_t)status : 0);
    line[len++] = ' ';
    Tcl_DStringAppend(ds, line, (int)len);
    Tcl_DStringAppend(ds, NsHttpStatusText(status), -1);
    Tcl_DStringAppend(ds, "\r\n", 2);
}

/* A value that is more than ASCII: false when it has a NUL. */
static bool
AddText(Tcl_DString *ds, const char *name, const char *value, size_t len)
{
    Tcl_DString bytes;
    bool        valid = !HasTextNul(value, len);

    Tcl_DStringInit(&bytes);
    value = NsTextOut(&bytes, value, len, &len);
    if (valid) {
        Tcl_DStringAppend(ds, name, -1);
        Tcl_DStringAppend(ds, ": ", 2);
        Tcl_DStringAppend(ds, value, (int)len);
        Tcl_DStringAppend(ds, "\r\n", 2);
    }
    Tcl_DStringFree(&bytes);
    return valid;
}

static bool
AddField(Tcl_DString *ds, const NsSetField *field)
{
    size_t   nameLen = field->keyLen, valueLen = field->valueLen;
    unsigned traits = NsCharTraits(field->value, valueLen);
    int      oldLen = Tcl_DStringLength(ds);
    bool     valid = NsHttpTokenValid(field->key, nameLen) && (traits & NS_CHAR_HAS_CONTROL) == 0;
    char    *at;

    if (valid && traits != 0) {
        return AddText(ds, field->key, field->value, valueLen);
    }
    if (valid) {
        Tcl_DStringSetLength(ds, oldLen + (int)(nameLen + valueLen + 4));
        at = Tcl_DStringValue(ds) + oldLen;
        memcpy(at, field->key, nameLen);
        memcpy(at + nameLen, ": ", 2);
        memcpy(at + nameLen + 2, field->value, valueLen);
        memcpy(at + nameLen + 2 + valueLen, "\r\n", 2);
    }
    return valid;
}

bool
NsHttpHeadAdd(Tcl_DString *ds, const char *name, const char *value)
{
    return AddField(ds, &(NsSetField){name, value, strlen(name), strlen(value)});
}

size_t
NsHttpHeadAddSet(Tcl_DString *ds, const Ns_Set *headers, size_t *badIndex)
{
    size_t size = Ns_SetSize(headers), bad = 0;

    for (size_t i = 0; i < size; i++) {
        NsSetField field = NsSetGetField(headers, i);

        if (field.value == NULL || !AddField(ds, &field)) {
            if (bad++ == 0 && badIndex != NULL) {
                *badIndex = i;
            }
        }
    }
    return bad;
}

void
NsHttpHeadEnd(Tcl_DString *ds)
{
    Tcl_DStringAppend(ds, "\r\n", 2);
}

size_t
NsHttpChunkHead(char out[NS_HTTP_CHUNK_HEAD], size_t len)
{
    size_t digits = 1;

    for (size_t rest = len >> 4; rest > 0; rest >>= 4) {
        digits++;
    }
    for (size_t i = digits; i > 0; i--) {
        out[i - 1] = "0123456789abcdef"[len & 0xfu];
        len >>= 4;
    }
    out[digits] = '\r';
    out[digits + 1] = '\n';
    return digits + 2;
}
