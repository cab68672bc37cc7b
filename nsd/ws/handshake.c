/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The opening handshake.
 */
#include <string.h>
#include <strings.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "ws/handshake.h"

#define KEY_LEN 24                             /* 16 bytes in base64 */

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

/* In any of the headers of that name: they are one list. */
static bool
HeaderHasToken(const Ns_Set *headers, const char *name, const char *token)
{
    size_t size = Ns_SetSize(headers);

    for (size_t i = 0; i < size; i++) {
        if (strcasecmp(Ns_SetKey(headers, i), name) == 0 && NsWsHasToken(Ns_SetValue(headers, i), token)) {
            return true;
        }
    }
    return false;
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

    return strlen(key) == KEY_LEN && strspn(key, digits) == KEY_LEN - 2 && strcmp(key + KEY_LEN - 2, "==") == 0;
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
    } else if (!HeaderHasToken(headers, "upgrade", "websocket")) {
        why = "no Upgrade to websocket";
    } else if (!HeaderHasToken(headers, "connection", "upgrade")) {
        why = "no upgrade in Connection header";
    } else if (wsVersion == NULL || strcmp(wsVersion, "13") != 0) {
        why = "Sec-WebSocket-Version is not 13";
        status = 426;
    } else if (key == NULL || !IsKey(key)) {
        why = "invalid Sec-WebSocket-Key";
    }
    if (reason != NULL) {
        *reason = why;
    }
    return why == NULL ? 0 : status;
}

/* ---- the server's answer ---- */

/* The authority of "scheme://host[:port]", or the whole of what is none. */
static const char *
Authority(const char *origin)
{
    const char *p = strstr(origin, "://");

    return p != NULL ? p + 3 : origin;
}

/* Without the port. */
static void
AppendHost(Tcl_DString *ds, const char *authority)
{
    const char *end = *authority == '[' ? strchr(authority, ']') : NULL;

    end = end != NULL ? end + 1 : authority + strcspn(authority, ":/");
    Tcl_DStringAppend(ds, authority, (int)(end - authority));
}

bool
NsWsOriginAllowed(const char *patterns, const char *origin, const char *host)
{
    Tcl_DString  originHost;
    const char **list = NULL;
    int          count = 0, i;
    bool         allowed = false;

    if (origin == NULL) {
        return true;
    }
    if (patterns == NULL || *patterns == '\0') {
        return host != NULL && strcasecmp(Authority(origin), host) == 0;
    }
    if (Tcl_SplitList(NULL, patterns, &count, &list) != TCL_OK) {
        return false;
    }
    Tcl_DStringInit(&originHost);
    AppendHost(&originHost, Authority(origin));
    for (i = 0; i < count && !allowed; i++) {
        allowed = Tcl_StringCaseMatch(origin, list[i], 1) || Tcl_StringCaseMatch(Tcl_DStringValue(&originHost), list[i], 1);
    }
    Tcl_DStringFree(&originHost);
    Tcl_Free((char *)list);
    return allowed;
}

void
NsWsJoinHeaders(const Ns_Set *headers, const char *name, Tcl_DString *value)
{
    size_t size = Ns_SetSize(headers), i;

    for (i = 0u; i < size; i++) {
        if (strcasecmp(Ns_SetKey(headers, i), name) == 0) {
            if (Tcl_DStringLength(value) > 0) {
                Tcl_DStringAppend(value, ", ", 2);
            }
            Tcl_DStringAppend(value, Ns_SetValue(headers, i), -1);
        }
    }
}

/* The next element of a comma-separated list; false: there is none. */
static bool
NextToken(const char **list, const char **token, size_t *len)
{
    const char *p = *list + strspn(*list, " \t,"), *end = p + strcspn(p, ",");

    *list = end;
    *token = p;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    *len = (size_t)(end - p);
    return *len > 0u;
}

bool
NsWsChooseProtocol(const Ns_Set *headers, const char *ours, Tcl_DString *chosen)
{
    Tcl_DString  theirs;
    const char **list = NULL, *rest, *token;
    int          count = 0, i;
    size_t       len;
    bool         found = false;

    if (ours == NULL || *ours == '\0' || Tcl_SplitList(NULL, ours, &count, &list) != TCL_OK) {
        return false;
    }
    Tcl_DStringInit(&theirs);
    NsWsJoinHeaders(headers, "sec-websocket-protocol", &theirs);
    rest = Tcl_DStringValue(&theirs);
    while (!found && NextToken(&rest, &token, &len)) {
        for (i = 0; i < count && !found; i++) {
            found = strlen(list[i]) == len && memcmp(list[i], token, len) == 0;
        }
    }
    if (found) {
        Tcl_DStringAppend(chosen, token, (int)len);
    }
    Tcl_DStringFree(&theirs);
    Tcl_Free((char *)list);
    return found;
}

static bool
AppendHeaders(const Ns_Set *headers, Tcl_DString *head)
{
    size_t i;

    for (i = 0u; headers != NULL && i < Ns_SetSize(headers); i++) {
        const char *name = Ns_SetKey(headers, i), *value = Ns_SetValue(headers, i);

        if (strpbrk(name, "\r\n:") != NULL || *name == '\0' || strpbrk(value, "\r\n") != NULL) {
            return false;
        }
        Tcl_DStringAppend(head, name, -1);
        Tcl_DStringAppend(head, ": ", 2);
        Tcl_DStringAppend(head, value, -1);
        Tcl_DStringAppend(head, "\r\n", 2);
    }
    return true;
}

static void
AppendHeader(Tcl_DString *head, const char *name, const char *value)
{
    if (value != NULL && *value != '\0') {
        Tcl_DStringAppend(head, name, -1);
        Tcl_DStringAppend(head, ": ", 2);
        Tcl_DStringAppend(head, value, -1);
        Tcl_DStringAppend(head, "\r\n", 2);
    }
}

bool
NsWsAnswerHead(const Ns_Set *request, const char *protocol, const char *extensions, const Ns_Set *headers, Tcl_DString *head)
{
    const char *key = Ns_SetIGet(request, "sec-websocket-key");
    char        accept[NS_WS_ACCEPT_LEN + 1];
    bool        fine;

    NsWsAcceptKey(key, strlen(key), accept);
    Tcl_DStringAppend(head, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", -1);
    AppendHeader(head, "Sec-WebSocket-Accept", accept);
    AppendHeader(head, "Sec-WebSocket-Protocol", protocol);
    AppendHeader(head, "Sec-WebSocket-Extensions", extensions);
    fine = AppendHeaders(headers, head);
    Tcl_DStringAppend(head, "\r\n", 2);
    return fine;
}

/* ---- a client ---- */

void
NsWsMakeKey(const uint8_t random[16], char key[NS_WS_KEY_LEN + 1])
{
    EVP_EncodeBlock((unsigned char *)key, random, 16);
}

bool
NsWsRequestHead(const char *host, const char *target, const char *key, const char *protocols, const char *extensions,
                const Ns_Set *headers, Tcl_DString *head)
{
    const char **list = NULL;
    int          count = 0;
    bool         fine = strpbrk(host, "\r\n") == NULL && strpbrk(target, "\r\n ") == NULL
        && (protocols == NULL || Tcl_SplitList(NULL, protocols, &count, &list) == TCL_OK);

    if (fine) {
        Tcl_DString ds;
        int         i;

        Tcl_DStringInit(&ds);
        for (i = 0; i < count && fine; i++) {
            fine = *list[i] != '\0' && strpbrk(list[i], "\r\n, \t") == NULL;
            Tcl_DStringAppend(&ds, i > 0 ? ", " : "", -1);
            Tcl_DStringAppend(&ds, list[i], -1);
        }
        Tcl_DStringAppend(head, "GET ", 4);
        Tcl_DStringAppend(head, target, -1);
        Tcl_DStringAppend(head, " HTTP/1.1\r\n", -1);
        AppendHeader(head, "Host", host);
        Tcl_DStringAppend(head, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", -1);
        AppendHeader(head, "Sec-WebSocket-Key", key);
        AppendHeader(head, "Sec-WebSocket-Protocol", Tcl_DStringValue(&ds));
        AppendHeader(head, "Sec-WebSocket-Extensions", extensions);
        fine = AppendHeaders(headers, head) && fine;
        Tcl_DStringAppend(head, "\r\n", 2);
        Tcl_DStringFree(&ds);
    }
    if (list != NULL) {
        Tcl_Free((char *)list);
    }
    return fine;
}

const char *
NsWsAnswerCheck(int status, const Ns_Set *headers, const char *key, const char *protocols, Tcl_DString *protocol)
{
    const char *upgrade = Ns_SetIGet(headers, "upgrade"), *accepted = Ns_SetIGet(headers, "sec-websocket-accept");
    const char *chosen = Ns_SetIGet(headers, "sec-websocket-protocol"), *wrong = NULL;
    char        expected[NS_WS_ACCEPT_LEN + 1];

    NsWsAcceptKey(key, NS_WS_KEY_LEN, expected);
    if (status != 101) {
        wrong = "the server did not switch protocols";
    } else if (upgrade == NULL || strcasecmp(upgrade, "websocket") != 0) {
        wrong = "the answer has no header Upgrade: websocket";
    } else if (!HeaderHasToken(headers, "connection", "upgrade")) {
        wrong = "the answer has no header Connection: Upgrade";
    } else if (accepted == NULL || strcmp(accepted, expected) != 0) {
        wrong = "Sec-WebSocket-Accept does not match the key";
    } else if (chosen != NULL) {
        const char **list = NULL;
        int          count = 0, i;
        bool         asked = false;

        if (protocols != NULL && Tcl_SplitList(NULL, protocols, &count, &list) == TCL_OK) {
            for (i = 0; i < count && !asked; i++) {
                asked = strcmp(list[i], chosen) == 0;
            }
            Tcl_Free((char *)list);
        }
        if (asked) {
            Tcl_DStringAppend(protocol, chosen, -1);
        } else {
            wrong = "the server chose a protocol that was not offered";
        }
    }
    return wrong;
}
