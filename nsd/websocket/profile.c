/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What WebSocket sessions have in common: those with the same options and handler procs share one profile.
 */
#include <string.h>
#include "websocket/int.h"

#define MAX_SEARCH 32                          /* so many different ones are looked through; more are not shared */

struct WsProfiles {
    pthread_mutex_t lock;
    WsProfile      *first;
};

void
NsWsProfilesInitServer(NsServer *server)
{
    NsWebSocketsOf(server)->profiles = ns_calloc(1u, sizeof(struct WsProfiles));
    pthread_mutex_init(&NsWebSocketsOf(server)->profiles->lock, NULL);
}

static void
Fill(struct WsProfileOptions *options, bool client, const Ns_WebSocketParams *params, const Ns_WebSocketHandler *handler)
{
    memset(options, 0, sizeof(*options));      /* they are compared as bytes */
    options->procs.open = handler->open;
    options->procs.message = handler->message;
    options->procs.drain = handler->drain;
    options->procs.close = handler->close;
    options->procs.freeProc = handler->freeProc;
    options->maxMessage = params->maxMessage;
    options->deflateMinSize = params->deflateMinSize;
    options->maxSendBuffer = params->maxSendBuffer;
    options->pingInterval = params->pingInterval;
    options->pongTimeout = params->pongTimeout;
    options->idleTimeout = params->idleTimeout;
    options->closeTimeout = params->closeTimeout;
    options->maxFragments = params->maxFragments;
    options->deflateLevel = params->deflateLevel;
    options->slow = params->slow;
    options->client = client;
}

const WsProfile *
NsWsProfileGet(NsServer *server, bool client, const Ns_WebSocketParams *params, const Ns_WebSocketHandler *handler)
{
    struct WsProfiles      *profiles = NsWebSocketsOf(server)->profiles;
    struct WsProfileOptions options;
    WsProfile              *profile;
    int                     looked = 0;

    Fill(&options, client, params, handler);
    pthread_mutex_lock(&profiles->lock);
    for (profile = profiles->first; profile != NULL && looked < MAX_SEARCH; profile = profile->next, looked++) {
        if (memcmp(&profile->options, &options, sizeof(options)) == 0) {
            break;
        }
    }
    if (profile == NULL || looked == MAX_SEARCH) {
        profile = ns_calloc(1u, sizeof(WsProfile));
        memcpy(&profile->options, &options, sizeof(options));
        profile->listed = looked < MAX_SEARCH;
        if (profile->listed) {
            profile->next = profiles->first;
            profiles->first = profile;
        }
    }
    profile->refs++;
    pthread_mutex_unlock(&profiles->lock);
    return profile;
}

void
NsWsProfileRelease(NsServer *server, const WsProfile *constProfile)
{
    struct WsProfiles *profiles = NsWebSocketsOf(server)->profiles;
    WsProfile         *profile = (WsProfile *)(uintptr_t)constProfile, **link;

    pthread_mutex_lock(&profiles->lock);
    if (--profile->refs == 0u) {
        if (profile->listed) {
            for (link = &profiles->first; *link != profile; link = &(*link)->next) {
                ;
            }
            *link = profile->next;
        }
        ns_free(profile);
    }
    pthread_mutex_unlock(&profiles->lock);
}
