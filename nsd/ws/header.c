/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reading and writing headers of the handshake.
 */
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "ws/header.h"

bool
NsWsIsTokenChar(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
        || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void
SkipBlanks(NsWsScan *scan)
{
    while (*scan->at == ' ' || *scan->at == '\t') {
        scan->at++;
    }
}

bool
NsWsScanChar(NsWsScan *scan, char c)
{
    SkipBlanks(scan);
    if (*scan->at != c) {
        return false;
    }
    scan->at++;
    SkipBlanks(scan);
    return true;
}

size_t
NsWsScanToken(NsWsScan *scan, const char **token)
{
    *token = scan->at;
    while (NsWsIsTokenChar((unsigned char)*scan->at)) {
        scan->at++;
    }
    scan->bad = scan->bad || scan->at == *token;
    return (size_t)(scan->at - *token);
}

bool
NsWsScanElement(NsWsScan *scan, bool first, const char **token, size_t *len)
{
    bool separated = first;

    SkipBlanks(scan);
    while (!scan->bad && *scan->at == ',') {
        scan->at++;
        SkipBlanks(scan);
        separated = true;
    }
    if (scan->bad || *scan->at == '\0') {
        return false;
    }
    scan->bad = !separated;
    *len = NsWsScanToken(scan, token);
    return !scan->bad;
}

/* What the handshake says itself, or what would give the answer a body. */
static bool
IsReserved(const char *name)
{
    static const char *const names[] = {"host", "upgrade", "connection", "content-length", "transfer-encoding"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return strncasecmp(name, "sec-websocket-", 14) == 0;
}

/* Tcl's NUL, of two bytes, would be one when it goes out. */
static bool
IsValue(const char *value)
{
    if (strstr(value, "\300\200") != NULL) {
        return false;
    }
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool
NsWsExtraHeaders(const Ns_Set *headers)
{
    size_t size = headers != NULL ? Ns_SetSize(headers) : 0;

    for (size_t i = 0; i < size; i++) {
        NsWsScan    scan = {Ns_SetKey(headers, i), false};
        const char *token, *value = Ns_SetValue(headers, i);

        (void)NsWsScanToken(&scan, &token);
        if (scan.bad || *scan.at != '\0' || IsReserved(token) || (value != NULL && !IsValue(value))) {
            return false;
        }
    }
    return true;
}

void
NsWsAppendHeader(Tcl_DString *head, const char *name, const char *value)
{
    if (value != NULL && *value != '\0') {
        Tcl_DStringAppend(head, name, -1);
        Tcl_DStringAppend(head, ": ", 2);
        NsTextAppendOut(head, value, strlen(value));
        Tcl_DStringAppend(head, "\r\n", 2);
    }
}

void
NsWsAppendHeaders(Tcl_DString *head, const Ns_Set *headers)
{
    size_t size = headers != NULL ? Ns_SetSize(headers) : 0;

    for (size_t i = 0; i < size; i++) {
        NsWsAppendHeader(head, Ns_SetKey(headers, i), Ns_SetValue(headers, i));
    }
}
