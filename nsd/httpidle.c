/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Connections of the HTTP client that wait for another request to the same server.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "httpclient.h"

typedef struct Idle {
    struct Idle *next;
    char        *key;
    Ns_Sock      sock;
    Ns_Time      until;
} Idle;

static Ns_Mutex idleLock;
static Idle    *idleList;                      /* newest first: the newest is the least likely to be closed */

void
NsHttpSockClose(Ns_Sock *sock)
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
IsQuiet(Ns_Sock *sock)
{
    char byte;

    return sock->transport->recv(sock, &byte, 1) < 0 && errno == EAGAIN;
}

static void
FreeIdle(Idle *idle)
{
    ns_free(idle->key);
    ns_free(idle);
}

bool
NsHttpIdleTake(const char *key, Ns_Sock *sock)
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

    Ns_GetTime(&now);
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
NsHttpIdleKeep(const char *key, const Ns_Sock *sock, const Ns_Time *duration)
{
    Idle   *idle = ns_calloc(1, sizeof(*idle));
    Ns_Time after = *duration;

    idle->key = ns_strdup(key);
    idle->sock = *sock;
    Ns_GetTime(&idle->until);
    Ns_IncrTime(&idle->until, duration->sec, duration->usec);
    Ns_MutexLock(&idleLock);
    idle->next = idleList;
    idleList = idle;
    Ns_MutexUnlock(&idleLock);
    Ns_IncrTime(&after, 0, 10000);             /* a little later than `until`, so that it is over then */
    (void)Ns_After(&after, PurgeIdle, NULL, NULL);
}
