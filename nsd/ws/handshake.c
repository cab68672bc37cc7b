/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The opening handshake, the server's side.
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
