/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Links: client sessions that outlive their peer, one after the other with the same handler.
 *
 * A link has one reference of its own, one for each session that was begun, and one while the scheduler has it, between two sessions.
 * What it knows changes in calls of its handler's, which come one at a time: of one session at a time.
 */
#include <string.h>
#include "base/random.h"
#include "base/check.h"
#include "net/tls.h"
#include "websocket/int.h"

#define MIN_DELAY  500                         /* ms, by default */
#define MAX_DELAY  30000
#define MAX_LEVEL  30

typedef struct Link {
    uint32_t                 magic;
    atomic_int               refs;
    NsServer                *server;
    char                    *url;
    Ns_ConnChanConnectParams connect;          /* its strings are ours */
    Ns_TlsClientParams      *tls;
    Ns_WebSocketParams       params;           /* likewise */
    Ns_WebSocketHandler      handler;
    Ns_WebSocketLinkParams   options;
    unsigned                 tries, level;     /* that failed in a row; how often the delay was doubled */
    int64_t                  since;            /* NsLoopClock() at which the session was open; 0: it was not */
    char                    *name;             /* of its last channel */
} Link;
#define LINK_MAGIC NS_MAGIC('L', 'i', 'n', 'k')

static void
Release(void *arg)
{
    Link *link = arg;

    NS_CHECK(link, LINK_MAGIC);
    if (atomic_fetch_sub_explicit(&link->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    if (link->handler.freeProc != NULL) {
        link->handler.freeProc(link->handler.arg);
    }
    ns_free(link->url);
    ns_free(link->name);
    ns_free((char *)(uintptr_t)link->connect.hostname);
    NsTlsClientParamsFree(link->tls);
    ns_free((char *)(uintptr_t)link->params.protocols);
    ns_free((char *)(uintptr_t)link->params.data);
    Ns_SetFree((Ns_Set *)(uintptr_t)link->params.headers);
    link->magic = NS_SPOILED;
    ns_free(link);
}

static void
Over(Link *link, const char *reason)
{
    if (link->options.over != NULL) {
        link->options.over(link->name, link->handler.arg, reason);
    }
    Release(link);
}

/* Half of it is chance, so that those who have lost the same peer do not come back at the same moment. */
static int64_t
Delay(Link *link)
{
    int64_t  delay = link->options.minDelay << (link->level > 0u ? link->level - 1u : 0u);
    uint32_t random;

    delay = delay < link->options.maxDelay ? delay : link->options.maxDelay;
    NsRandomBytes(&random, sizeof(random));
    return delay / 2 + (int64_t)random % (delay - delay / 2 + 1);
}

/* One wait for the next try: a session that it has begun may be lost, and the next wait begin, before the scheduler lets go of this one. */
typedef struct Wait {
    Link *link;
    bool  over;                                /* Again was called */
} Wait;

static Ns_ConnChan *Begin(Link *link, Tcl_DString *error);

/* By the scheduler. */
static void
Again(void *arg, int id)
{
    Wait        *wait = arg;
    Link        *link = wait->link;
    Tcl_DString  error;
    Ns_ConnChan *chan;

    (void)id;
    wait->over = true;
    Tcl_DStringInit(&error);
    chan = Begin(link, &error);
    if (chan == NULL) {
        Over(link, Tcl_DStringValue(&error));
    }
    Ns_ConnChanRelease(chan);
    Tcl_DStringFree(&error);
}

/* The scheduler lets go of it, having called Again or since the server stops. */
static void
Unscheduled(void *arg, int id)
{
    Wait *wait = arg;

    (void)id;
    if (!wait->over) {
        Over(wait->link, "the server stops");
    }
    Release(wait->link);
    ns_free(wait);
}

static bool
Schedule(Link *link, int64_t delay)
{
    Ns_Time after = {(long)(delay / 1000), (long)(delay % 1000) * 1000};
    Wait   *wait = ns_calloc(1u, sizeof(Wait));
    bool    done;

    atomic_fetch_add_explicit(&link->refs, 1, memory_order_relaxed);           /* the scheduler's */
    wait->link = link;
    done = Ns_After(&after, Again, wait, (ns_funcptr_t)Unscheduled) >= 0;
    if (!done) {
        Release(link);
        ns_free(wait);
    }
    return done;
}

/* A session has ended, or did not come about. */
static void
Lost(Link *link, int code, const char *reason)
{
    int64_t     now = NsLoopClock(), delay;
    Tcl_DString why;

    link->tries++;
    link->level = link->since > 0 && now - link->since >= link->options.maxDelay ? 0u : link->level < MAX_LEVEL ? link->level + 1u : MAX_LEVEL;
    link->since = 0;
    delay = Delay(link);
    Tcl_DStringInit(&why);
    if (code == 1000) {
        Tcl_DStringAppend(&why, "closed", -1);
    } else if (Ns_InfoShutdownPending()) {
        Tcl_DStringAppend(&why, "the server stops", -1);
    } else if (link->options.maxTries > 0u && link->tries > link->options.maxTries) {
        Tcl_DStringAppend(&why, "too many tries failed: ", -1);
        Tcl_DStringAppend(&why, reason, -1);
    } else if (link->options.waiting != NULL && !link->options.waiting(link->name, link->handler.arg, delay, link->tries)) {
        Tcl_DStringAppend(&why, "the handler wants no more", -1);
    } else if (!Schedule(link, delay)) {
        Tcl_DStringAppend(&why, "the server stops", -1);
    }
    if (Tcl_DStringLength(&why) > 0) {
        Over(link, Tcl_DStringValue(&why));
    }
    Tcl_DStringFree(&why);
}

/* ---- the handler of each session ---- */

static void
Opened(Ns_ConnChan *chan, void *arg)
{
    Link *link = arg;

    link->tries = 0u;
    link->since = NsLoopClock();
    if (link->handler.open != NULL) {
        link->handler.open(chan, link->handler.arg);
    }
}

static void
Message(Ns_ConnChan *chan, void *arg, int type, const char *data, size_t len)
{
    Link *link = arg;

    if (link->handler.message != NULL) {
        link->handler.message(chan, link->handler.arg, type, data, len);
    }
}

static void
Drained(Ns_ConnChan *chan, void *arg)
{
    Link *link = arg;

    if (link->handler.drain != NULL) {
        link->handler.drain(chan, link->handler.arg);
    }
}

static void
Closed(Ns_ConnChan *chan, void *arg, int code, const char *reason)
{
    Link *link = arg;

    ns_free(link->name);
    link->name = ns_strdup(Ns_ConnChanName(chan));
    if (link->handler.close != NULL) {
        link->handler.close(chan, link->handler.arg, code, reason);
    }
    Lost(link, code, reason);
}

static Ns_ConnChan *
Begin(Link *link, Tcl_DString *error)
{
    Ns_WebSocketHandler handler = {.open = Opened, .message = Message, .drain = Drained, .close = Closed, .freeProc = Release, .arg = link,
                                   .command = link->handler.command};

    NS_CHECK(link, LINK_MAGIC);
    atomic_fetch_add_explicit(&link->refs, 1, memory_order_relaxed);           /* the session's, which it releases in any case */
    return Ns_WebSocketConnect(link->server, link->url, &link->connect, &link->params, &handler, error);
}

/* ---- from outside ---- */

static void
CopyParams(Link *link, const Ns_ConnChanConnectParams *connect, const Ns_WebSocketParams *params)
{
    link->connect = connect != NULL ? *connect : (Ns_ConnChanConnectParams){.timeout = {5, 0}};
    link->connect.host = NULL;
    link->connect.hostname = link->connect.hostname != NULL ? ns_strdup(link->connect.hostname) : NULL;
    link->tls = NsTlsClientParamsCopy(&link->connect.tlsParams);
    link->connect.tlsParams = *link->tls;
    link->params = *params;
    link->params.origins = NULL;
    link->params.protocols = params->protocols != NULL ? ns_strdup(params->protocols) : NULL;
    link->params.data = params->data != NULL ? ns_strdup(params->data) : NULL;
    link->params.headers = params->headers != NULL ? Ns_SetCopy(params->headers) : NULL;
}

Ns_ConnChan *
Ns_WebSocketConnectLink(Ns_Server *server, const char *url, const Ns_ConnChanConnectParams *connect, const Ns_WebSocketParams *params,
                        const Ns_WebSocketHandler *handler, const Ns_WebSocketLinkParams *options, Tcl_DString *error)
{
    Link        *link = ns_calloc(1u, sizeof(Link));
    Ns_ConnChan *chan;

    link->magic = LINK_MAGIC;
    atomic_init(&link->refs, 1);
    link->server = server;
    link->url = ns_strdup(url);
    link->handler = *handler;
    link->name = ns_strdup("");
    link->options = options != NULL ? *options : (Ns_WebSocketLinkParams){0};
    link->options.minDelay = link->options.minDelay > 0 ? link->options.minDelay : MIN_DELAY;
    link->options.maxDelay = link->options.maxDelay > 0 ? link->options.maxDelay : MAX_DELAY;
    if (link->options.maxDelay < link->options.minDelay) {
        link->options.maxDelay = link->options.minDelay;
    }
    CopyParams(link, connect, params);
    chan = Begin(link, error);
    if (chan == NULL) {
        Release(link);
    }
    return chan;
}
