/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pages that may not connect: what they are told, and the log.
 *
 * A page that is refused tries again and again, and so do all who look at it: an origin is in the log once per minute, and of origins
 * that come in numbers, as no page's do, only the first.
 */
#include <string.h>
#include "base/clock.h"
#include "request/conn.h"
#include "request/return.h"
#include "websocket/int.h"

#define INTERVAL    60000                      /* ms */
#define MAX_ORIGINS 100                        /* that are remembered, and so logged, within it */
#define MAX_SHOWN   200                        /* bytes of an origin */

static struct {
    Ns_Mutex      lock;
    bool          ready;
    Tcl_HashTable seen;                        /* "server origin" -> when it was logged, ms of the monotonic clock */
    unsigned long left;                        /* refused since then, and in no line */
} table;

/* Lock held: forget those whose minute is over. */
static void
Purge(int64_t now)
{
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&table.seen, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        if (now - (int64_t)(intptr_t)Tcl_GetHashValue(entry) >= INTERVAL) {
            Tcl_DeleteHashEntry(entry);
        }
    }
}

/* Is it to be logged?  *left: how many were not, before. */
static bool
IsNews(const char *key, unsigned long *left)
{
    int64_t        now = NsClockMs();
    Tcl_HashEntry *entry;
    int            isNew = 0;

    Ns_MutexLock(&table.lock);
    if (!table.ready) {
        Tcl_InitHashTable(&table.seen, TCL_STRING_KEYS);
        table.ready = true;
    }
    entry = Tcl_FindHashEntry(&table.seen, key);
    if (entry == NULL || now - (int64_t)(intptr_t)Tcl_GetHashValue(entry) >= INTERVAL) {
        Purge(now);
        if (table.seen.numEntries < MAX_ORIGINS) {
            Tcl_SetHashValue(Tcl_CreateHashEntry(&table.seen, key, &isNew), (void *)(intptr_t)now);
        }
    }
    *left = isNew ? table.left : 0ul;
    table.left = isNew ? 0ul : table.left + 1ul;
    Ns_MutexUnlock(&table.lock);
    return isNew != 0;
}

static void
Describe(const NsServer *server, const char *patterns, const char *origin, const char *host, Tcl_DString *text)
{
    Tcl_DStringAppend(text, "origin \"", -1);
    Tcl_DStringAppend(text, origin, strlen(origin) > MAX_SHOWN ? MAX_SHOWN : -1);
    Tcl_DStringAppend(text, "\" is not allowed: ", -1);
    if (patterns == NULL || *patterns == '\0') {
        Tcl_DStringAppend(text, "only that of the host itself is, \"", -1);
        Tcl_DStringAppend(text, host != NULL ? host : "", -1);
        Tcl_DStringAppend(text, "\"", 1);
    } else {
        Tcl_DStringAppend(text, "only \"", -1);
        Tcl_DStringAppend(text, patterns, -1);
        Tcl_DStringAppend(text, "\" is", -1);
    }
    Tcl_DStringAppend(text, " (parameter origins of ns/server/", -1);
    Tcl_DStringAppend(text, server->name, -1);
    Tcl_DStringAppend(text, "/websocket, or option -origins of ns_websocket accept)", -1);
}

void
NsWsRefuseOrigin(Ns_Conn *conn, const char *patterns, const char *origin, Tcl_DString *error)
{
    const NsServer *server = NsConnOf(conn)->server;
    Tcl_DString     key, page;
    unsigned long   left;

    Tcl_DStringInit(&key);
    Tcl_DStringInit(&page);
    Describe(server, patterns, origin, Ns_SetIGet(conn->headers, "host"), error);
    Tcl_DStringAppendElement(&key, server->name);
    Tcl_DStringAppendElement(&key, origin);
    if (IsNews(Tcl_DStringValue(&key), &left)) {
        Ns_Log(Warning, "websocket: %s refused: %s", conn->request.url, Tcl_DStringValue(error));
        if (left > 0ul) {
            Ns_Log(Warning, "websocket: %lu more requests of such origins were refused since the last of these lines", left);
        }
    }
    NsAppendHtml(&page, Tcl_DStringValue(error));
    (void)Ns_ConnReturnNotice(conn, 403, "Forbidden", Tcl_DStringValue(&page));
    Tcl_DStringFree(&page);
    Tcl_DStringFree(&key);
}
