/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Connections of the HTTP client that wait for another request to the same server.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "client/http.h"

static struct { int all, perHost; } most = {1000, 100};

typedef struct Idle {
    struct Idle *next;
    char        *key;
    Ns_Wire      sock;
    Ns_Time      until;
} Idle;

static Ns_Mutex idleLock;
static Idle    *idleList;                      /* newest first: the newest is the least likely to be closed */

void
NsHttpSockClose(Ns_Wire *sock)
{
    if (sock->transport->shutdown != NULL) {
        sock->transport->shutdown(sock);
    }
    if (sock->transport->release != NULL) {
        sock->transport->release(sock);
    }
    (void)close(sock->sock);
    sock->sock = NS_INVALID_SOCKET;
}

/* Nothing may have come on an idle connection: neither an end of file nor bytes. */
static bool
IsQuiet(Ns_Wire *sock)
{
    char byte;

    return sock->transport->recv(sock, &byte, 1) < 0 && errno == EAGAIN;
}

void
NsHttpIdleConfigure(int all, int perHost)
{
    most.all = all;
    most.perHost = perHost;
}

/* Lock held: one more than there may be, of the key or of all: the oldest of them is taken out. */
static Idle *
TakeSurplus(const char *key)
{
    Idle **oldest = NULL, **oldestOfKey = NULL, **surplus, *idle = NULL;
    int    all = 0, ofKey = 0;

    for (Idle **link = &idleList; *link != NULL; link = &(*link)->next) {
        oldest = link;
        all++;
        if (strcmp((*link)->key, key) == 0) {
            oldestOfKey = link;
            ofKey++;
        }
    }
    surplus = ofKey > most.perHost ? oldestOfKey : all > most.all ? oldest : NULL;
    if (surplus != NULL) {
        idle = *surplus;
        *surplus = idle->next;
    }
    return idle;
}

/* Host and port, the first words of the key. */
static void
AppendPeer(Tcl_DString *ds, const char *key)
{
    int          count;
    const char **words;

    if (Tcl_SplitList(NULL, key, &count, &words) == TCL_OK) {
        Tcl_DString peer;

        Tcl_DStringInit(&peer);
        Tcl_DStringAppend(&peer, words[0], -1);
        Tcl_DStringAppend(&peer, ":", 1);
        Tcl_DStringAppend(&peer, words[1], -1);
        Tcl_DStringAppendElement(ds, Tcl_DStringValue(&peer));
        Tcl_DStringFree(&peer);
        Tcl_Free((char *)words);
    }
}

void
NsHttpIdleList(Tcl_DString *ds)
{
    int     slot = 0;
    Ns_Time now;

    NsGetMonotonicTime(&now);
    Ns_MutexLock(&idleLock);
    for (const Idle *idle = idleList; idle != NULL; idle = idle->next, slot++) {
        Ns_Time left = {0, 0};
        char    text[128];

        (void)Ns_DiffTime(&idle->until, &now, &left);
        snprintf(text, sizeof(text), "slot %d state idle expire %ld.%06ld sock %d peer ", slot, (long)left.sec, left.usec, idle->sock.sock);
        Tcl_DStringStartSublist(ds);
        Tcl_DStringAppend(ds, text, -1);
        AppendPeer(ds, idle->key);
        Tcl_DStringEndSublist(ds);
    }
    Ns_MutexUnlock(&idleLock);
}

static void
FreeIdle(Idle *idle)
{
    ns_free(idle->key);
    ns_free(idle);
}

bool
NsHttpIdleTake(const char *key, Ns_Wire *sock)
{
    bool found = false;

    while (!found) {
        Idle **link, *idle;

        Ns_MutexLock(&idleLock);
        for (link = &idleList; (idle = *link) != NULL && strcmp(idle->key, key) != 0; link = &idle->next) {
            ;
        }
        if (idle != NULL) {
            *link = idle->next;
        }
        Ns_MutexUnlock(&idleLock);
        if (idle == NULL) {
            break;
        }
        found = IsQuiet(&idle->sock);
        if (found) {
            *sock = idle->sock;
        } else {
            NsHttpSockClose(&idle->sock);
        }
        FreeIdle(idle);
    }
    return found;
}

/* Scheduled for each connection that is kept: close those whose time is over. */
static void
PurgeIdle(void *arg, int id)
{
    Idle   *expired = NULL, **link;
    Ns_Time now, diff;

    NsGetMonotonicTime(&now);
    Ns_MutexLock(&idleLock);
    for (link = &idleList; *link != NULL;) {
        Idle *idle = *link;

        if (Ns_DiffTime(&idle->until, &now, &diff) <= 0) {
            *link = idle->next;
            idle->next = expired;
            expired = idle;
        } else {
            link = &idle->next;
        }
    }
    Ns_MutexUnlock(&idleLock);
    while (expired != NULL) {
        Idle *idle = expired;

        expired = idle->next;
        NsHttpSockClose(&idle->sock);
        FreeIdle(idle);
    }
}

void
NsHttpIdleKeep(const char *key, const Ns_Wire *sock, const Ns_Time *duration)
{
    Idle   *idle = ns_calloc(1, sizeof(*idle)), *surplus;
    Ns_Time after = *duration;

    idle->key = ns_strdup(key);
    idle->sock = *sock;
    NsMonotonicAfter(duration, &idle->until);
    Ns_MutexLock(&idleLock);
    idle->next = idleList;
    idleList = idle;
    surplus = TakeSurplus(key);
    Ns_MutexUnlock(&idleLock);
    if (surplus != NULL) {
        NsHttpSockClose(&surplus->sock);
        FreeIdle(surplus);
    }
    Ns_IncrTime(&after, 0, 10000);             /* a little later than `until`, so that it is over then */
    (void)Ns_After(&after, PurgeIdle, NULL, NULL);
}
