/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The opening handshake, the client's side.
 */
#include <string.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "ws/handshake.h"
#include "ws/header.h"

void
NsWsMakeKey(const uint8_t random[16], char key[NS_WS_KEY_LEN + 1])
{
    (void)EVP_EncodeBlock((unsigned char *)key, random, 16);
}

/* ---- the request ---- */

/* No blanks, no control characters: nothing that would end it within the head. */
static bool
IsWord(const char *text)
{
    if (strstr(text, "\300\200") != NULL) {   /* Tcl's NUL */
        return false;
    }
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool
IsToken(const char *text)
{
    NsWsScan    scan = {text, false};
    const char *token;

    (void)NsWsScanToken(&scan, &token);
    return !scan.bad && *scan.at == '\0';
}

static const char *
OrEmpty(const char *text)
{
    return text != NULL ? text : "";
}

/* The protocols as a header's value; false: they are no list, not all tokens, or one is there twice (RFC 6455, 4.1). */
static bool
JoinProtocols(const char *protocols, Tcl_DString *value)
{
    const char **items;
    int          count;
    bool         good = true;

    if (Tcl_SplitList(NULL, OrEmpty(protocols), &count, &items) != TCL_OK) {
        return false;
    }
    for (int i = 0; i < count && good; i++) {
        good = IsToken(items[i]);
        for (int j = 0; j < i && good; j++) {
            good = strcmp(items[i], items[j]) != 0;
        }
        Tcl_DStringAppend(value, ", ", i > 0 ? 2 : 0);
        Tcl_DStringAppend(value, items[i], -1);
    }
    Tcl_Free((char *)items);
    return good;
}

bool
NsWsRequestHead(const char *host, const char *target, const char *key, const char *protocols, const char *extensions,
                const Ns_Set *headers, Tcl_DString *head)
{
    Tcl_DString list;
    bool        good = *host != '\0' && IsWord(host) && *target == '/' && IsWord(target) && NsWsExtraHeaders(headers);

    Tcl_DStringInit(&list);
    good = good && JoinProtocols(protocols, &list);
    if (good) {
        Tcl_DStringAppend(head, "GET ", 4);
        NsTextAppendOut(head, target, strlen(target));
        Tcl_DStringAppend(head, " HTTP/1.1\r\n", 11);
        NsWsAppendHeader(head, "Host", host);
        NsWsAppendHeader(head, "Upgrade", "websocket");
        NsWsAppendHeader(head, "Connection", "Upgrade");
        NsWsAppendHeader(head, "Sec-WebSocket-Version", "13");
        NsWsAppendHeader(head, "Sec-WebSocket-Key", key);
        NsWsAppendHeader(head, "Sec-WebSocket-Protocol", Tcl_DStringValue(&list));
        NsWsAppendHeader(head, "Sec-WebSocket-Extensions", extensions);
        NsWsAppendHeaders(head, headers);
        Tcl_DStringAppend(head, "\r\n", 2);
    }
    Tcl_DStringFree(&list);
    return good;
}

/* ---- the answer ---- */

/* The value of a header that may come once; "" when there is none, NULL when there are several. */
static const char *
SingleHeader(const Ns_Set *headers, const char *name)
{
    const char *value = Ns_SetIGet(headers, name);

    return value == NULL ? "" : Ns_SetIUnique(headers, name) ? value : NULL;
}

static bool
AcceptIsRight(const Ns_Set *headers, const char *key)
{
    char        expected[NS_WS_ACCEPT_LEN + 1];
    const char *accept = SingleHeader(headers, "sec-websocket-accept");

    NsWsAcceptKey(key, strlen(key), expected);
    return accept != NULL && strcmp(accept, expected) == 0;
}

/* One of those that were asked for, or none. */
static bool
ProtocolIsRight(const char *protocol, const char *asked)
{
    const char **items;
    int          count;
    bool         found = false;

    if (protocol == NULL || *protocol == '\0') {
        return protocol != NULL;
    }
    if (Tcl_SplitList(NULL, OrEmpty(asked), &count, &items) == TCL_OK) {
        for (int i = 0; i < count && !found; i++) {
            found = strcmp(items[i], protocol) == 0;
        }
        Tcl_Free((char *)items);
    }
    return found;
}

const char *
NsWsAnswerCheck(int status, const Ns_Set *headers, const char *key, const char *protocols, Tcl_DString *protocol)
{
    const char *chosen = SingleHeader(headers, "sec-websocket-protocol");

    if (status != 101) {
        return "the server did not switch protocols";
    }
    if (!NsWsHeaderHasToken(headers, "upgrade", "websocket")) {
        return "the answer has no header Upgrade: websocket";
    }
    if (!NsWsHeaderHasToken(headers, "connection", "upgrade")) {
        return "the answer has no header Connection: Upgrade";
    }
    if (!AcceptIsRight(headers, key)) {
        return "Sec-WebSocket-Accept does not match the key";
    }
    if (!ProtocolIsRight(chosen, protocols)) {
        return "the server chose a protocol that was not offered";
    }
    Tcl_DStringAppend(protocol, chosen, -1);
    return NULL;
}
