/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The opening handshake.
 */
#include <string.h>
#include <strings.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "ws/handshake.h"
#include "ws/header.h"

void
NsWsAcceptKey(const char *key, size_t keyLen, char accept[NS_WS_ACCEPT_LEN + 1])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char     digest[SHA_DIGEST_LENGTH];
    Tcl_DString       ds;

    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, key, (int)keyLen);
    Tcl_DStringAppend(&ds, guid, sizeof(guid) - 1);
    SHA1((const unsigned char *)Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds), digest);
    Tcl_DStringFree(&ds);
    EVP_EncodeBlock((unsigned char *)accept, digest, sizeof(digest));
}

bool
NsWsHasToken(const char *list, const char *token)
{
    size_t len = strlen(token);

    while (list != NULL && *list != '\0') {
        size_t n;

        list += strspn(list, " \t,");
        n = strcspn(list, " \t,");
        /* Nothing but blanks may stand between a token and its comma. */
        if (n == len && strncasecmp(list, token, len) == 0) {
            const char *behind = list + n + strspn(list + n, " \t");

            if (*behind == ',' || *behind == '\0') {
                return true;
            }
        }
        list = strchr(list, ',');
    }
    return false;
}

bool
NsWsHeaderHasToken(const Ns_Set *headers, const char *name, const char *token)
{
    size_t size = Ns_SetSize(headers);

    for (size_t i = 0; i < size; i++) {
        if (strcasecmp(Ns_SetKey(headers, i), name) == 0 && NsWsHasToken(Ns_SetValue(headers, i), token)) {
            return true;
        }
    }
    return false;
}

void
NsWsJoinHeaders(const Ns_Set *headers, const char *name, Tcl_DString *value)
{
    size_t size = Ns_SetSize(headers);
    bool   first = true;

    for (size_t i = 0; i < size; i++) {
        if (strcasecmp(Ns_SetKey(headers, i), name) == 0) {
            Tcl_DStringAppend(value, ", ", first ? 0 : 2);
            Tcl_DStringAppend(value, Ns_SetValue(headers, i), -1);
            first = false;
        }
    }
}

/* The value of a header that comes exactly once; NULL else. */
static const char *
OnlyHeader(const Ns_Set *headers, const char *name)
{
    return Ns_SetIUnique(headers, name) ? Ns_SetIGet(headers, name) : NULL;
}

/* Base64 of sixteen bytes: 22 digits and "==".  What the unused bits of the last digit are does not matter. */
static bool
IsKey(const char *key)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    return strlen(key) == NS_WS_KEY_LEN && strspn(key, digits) == NS_WS_KEY_LEN - 2
        && strcmp(key + NS_WS_KEY_LEN - 2, "==") == 0;
}

/* The protocols that the client wants: a list of tokens, if there is one. */
static bool
ProtocolsAreTokens(const Ns_Set *headers)
{
    Tcl_DString value;
    NsWsScan    scan = {NULL, false};
    const char *token;
    size_t      len;

    Tcl_DStringInit(&value);
    NsWsJoinHeaders(headers, "sec-websocket-protocol", &value);
    scan.at = Tcl_DStringValue(&value);
    for (bool first = true; NsWsScanElement(&scan, first, &token, &len); first = false) {
        /* nothing but the end is looked for */
    }
    Tcl_DStringFree(&value);
    return !scan.bad;
}

int
NsWsHandshakeCheck(const char *method, double version, const Ns_Set *headers, const char **reason)
{
    const char *key = OnlyHeader(headers, "sec-websocket-key");
    const char *wsVersion = OnlyHeader(headers, "sec-websocket-version");
    const char *why = NULL;
    int         status = 400;

    if (strcmp(method, "GET") != 0) {
        why = "method is not GET";
    } else if (version < 1.1) {
        why = "HTTP version below 1.1";
    } else if (Ns_SetIGet(headers, "host") == NULL) {
        why = "no Host header";
    } else if (!NsWsHeaderHasToken(headers, "upgrade", "websocket")) {
        why = "no Upgrade to websocket";
    } else if (!NsWsHeaderHasToken(headers, "connection", "upgrade")) {
        why = "no upgrade in Connection header";
    } else if (wsVersion == NULL || strcmp(wsVersion, "13") != 0) {
        why = "Sec-WebSocket-Version is not 13";
        status = 426;
    } else if (key == NULL || !IsKey(key)) {
        why = "invalid Sec-WebSocket-Key";
    } else if (!ProtocolsAreTokens(headers)) {
        why = "malformed Sec-WebSocket-Protocol";
    } else if (Ns_SetIGet(headers, "origin") != NULL && !Ns_SetIUnique(headers, "origin")) {
        why = "more than one Origin";
    }
    if (reason != NULL) {
        *reason = why;
    }
    return why == NULL ? 0 : status;
}

/* ---- origins ---- */

/* scheme://host[:port], or the same without scheme; the parts lie in what was parsed. */
typedef struct Place {
    const char *host;
    size_t      schemeLen, hostLen;
    long        port;                          /* 0: not given */
} Place;

static bool
IsHostChar(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
        || c == '-' || c == '.' || c == '_';
}

/* Digits to the end of the text; 0: they are none. */
static long
ReadPort(const char *text)
{
    size_t len = strlen(text);
    long   port = len > 0 && len <= 5 && strspn(text, "0123456789") == len ? strtol(text, NULL, 10) : 0;

    return port <= 65535 ? port : 0;
}

/* host[:port], with an address of IPv6 in brackets; in a Host header the port may be missing behind its colon. */
static bool
ReadHost(const char *text, bool isHeader, Place *place)
{
    const char *at = text;

    if (*at == '[') {
        at += strspn(at + 1, "0123456789abcdefABCDEF:.") + 1;
        if (*at != ']') {
            return false;
        }
        at++;
    } else {
        while (IsHostChar(*at)) {
            at++;
        }
    }
    place->host = text;
    place->hostLen = (size_t)(at - text);
    place->port = 0;
    if (*at == ':' && !(isHeader && at[1] == '\0')) {
        place->port = ReadPort(at + 1);
        return place->hostLen > 0 && place->port != 0;
    }
    return place->hostLen > 0 && (*at == '\0' || *at == ':');
}

static bool
ReadOrigin(const char *origin, Place *place)
{
    size_t len = 0;

    while ((origin[len] >= 'a' && origin[len] <= 'z') || (origin[len] >= 'A' && origin[len] <= 'Z')
           || (len > 0 && origin[len] != '\0' && strchr("0123456789+-.", origin[len]) != NULL)) {
        len++;
    }
    place->schemeLen = len;
    return len > 0 && strncmp(origin + len, "://", 3) == 0 && ReadHost(origin + len + 3, false, place);
}

/*
 * A port that is not given is that of the origin's scheme, on both sides: whether there is a proxy that speaks TLS in
 * front of us, the Host header does not say.
 */
static bool
SameHost(const char *origin, const Place *from, const char *hostHeader)
{
    Place to;
    long  usual = 0;

    if (from->schemeLen == 5 && strncasecmp(origin, "https", 5) == 0) {
        usual = 443;
    } else if (from->schemeLen == 4 && strncasecmp(origin, "http", 4) == 0) {
        usual = 80;
    }
    return hostHeader != NULL && ReadHost(hostHeader, true, &to)
        && (from->port != 0 ? from->port : usual) == (to.port != 0 ? to.port : usual)
        && from->hostLen == to.hostLen && strncasecmp(from->host, to.host, to.hostLen) == 0;
}

/* `place` NULL: the origin is "null", or none at all. */
static bool
MatchOrigin(const char *origin, const Place *place, const char *pattern)
{
    Tcl_DString host;
    bool        match;

    if (strcmp(pattern, "*") == 0) {
        return true;
    }
    if (place == NULL) {
        return strcmp(origin, "null") == 0 && strcmp(pattern, "null") == 0;
    }
    Tcl_DStringInit(&host);
    Tcl_DStringAppend(&host, place->host, (int)place->hostLen);
    match = Tcl_StringCaseMatch(origin, pattern, 1) || Tcl_StringCaseMatch(Tcl_DStringValue(&host), pattern, 1);
    Tcl_DStringFree(&host);
    return match;
}

bool
NsWsOriginAllowed(const char *patterns, const char *origin, const char *host)
{
    const char  **items = NULL;
    int          count = 0;
    Place        place;
    const Place *from;
    bool         allowed = false;

    if (origin == NULL) {
        return true;
    }
    from = ReadOrigin(origin, &place) ? &place : NULL;
    if (patterns != NULL && Tcl_SplitList(NULL, patterns, &count, &items) != TCL_OK) {
        return false;
    }
    if (count == 0) {
        allowed = from != NULL && SameHost(origin, from, host);
    }
    for (int i = 0; i < count && !allowed; i++) {
        allowed = MatchOrigin(origin, from, items[i]);
    }
    if (items != NULL) {
        Tcl_Free((char *)items);
    }
    return allowed;
}

/* ---- protocols ---- */

static bool
IsOneOf(const char *token, size_t len, int count, const char **items)
{
    for (int i = 0; i < count; i++) {
        if (strlen(items[i]) == len && memcmp(items[i], token, len) == 0) {
            return true;
        }
    }
    return false;
}

bool
NsWsChooseProtocol(const Ns_Set *headers, const char *ours, Tcl_DString *chosen)
{
    Tcl_DString  theirs;
    NsWsScan     scan = {NULL, false};
    const char **items = NULL, *token;
    size_t       len;
    int          count = 0;
    bool         found = false;

    if (ours == NULL || *ours == '\0' || Tcl_SplitList(NULL, ours, &count, &items) != TCL_OK) {
        return false;
    }
    Tcl_DStringInit(&theirs);
    NsWsJoinHeaders(headers, "sec-websocket-protocol", &theirs);
    scan.at = Tcl_DStringValue(&theirs);
    for (bool first = true; !found && NsWsScanElement(&scan, first, &token, &len); first = false) {
        if (IsOneOf(token, len, count, items)) {
            Tcl_DStringAppend(chosen, token, (int)len);
            found = true;
        }
    }
    Tcl_DStringFree(&theirs);
    Tcl_Free((char *)items);
    return found;
}

/* ---- the answer ---- */

bool
NsWsAnswerHead(const Ns_Set *request, const char *protocol, const char *extensions, const Ns_Set *headers,
               Tcl_DString *head)
{
    static const char start[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    const char       *key = Ns_SetIGet(request, "sec-websocket-key");
    char              accept[NS_WS_ACCEPT_LEN + 1];

    if (key == NULL || !NsWsExtraHeaders(headers)) {
        return false;
    }
    NsWsAcceptKey(key, strlen(key), accept);
    Tcl_DStringAppend(head, start, sizeof(start) - 1);
    NsWsAppendHeader(head, "Sec-WebSocket-Accept", accept);
    NsWsAppendHeader(head, "Sec-WebSocket-Protocol", protocol);
    NsWsAppendHeader(head, "Sec-WebSocket-Extensions", extensions);
    NsWsAppendHeaders(head, headers);
    Tcl_DStringAppend(head, "\r\n", 2);
    return true;
}
