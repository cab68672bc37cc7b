/* SPDX-License-Identifier: MPL-2.0 */
/*
 * wssoak: WebSocket sessions that join rooms, talk, get cut and come back, for as long as they are told to.  Each message is
 * accounted for: whoever is in a room hears all that is said there, once, in each speaker's order.  One line of JSON comes out.
 *
 * A message is "ROOM SLOT EPOCH SEQ": who speaks (a slot of the room), in which of his sessions, and what number it has in
 * that.  A speaker waits until he hears himself before he goes on, so all that is missing when a session ends was lost.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/histogram.h"
#include "lib/peer.h"

#define ROOM       10                          /* sessions of a room */
#define PATIENCE   60e9                        /* ns for whatever is waited for */
#define SOURCES    50                          /* addresses 127.0.0.2 ... to come from */

typedef enum { AWAY, CONNECTING, HANDSHAKE, ANSWER, JOINING, LIVE, LEAVING } State;
enum { CUT_RESET, CUT_CLOSE, CUT_SERVER, CUT_KINDS };

/* What a session knows of one speaker of its room: the last two of his sessions. */
typedef struct Heard {
    uint32_t epoch[2], last[2];
    bool     known[2];                         /* it is known where it begins: after `last` ... */
    bool     fresh[2];                         /* ... or before, since nothing was heard yet, by who came in between */
} Heard;

typedef struct Session {
    int      fd, room, slot, kind;
    bool     tls, awaiting;                    /* his own last word */
    State    state;
    SSL     *ssl;
    uint64_t due, deadline, until;             /* ns: what is to be done next, at the latest; the end of this session */
    uint32_t epoch, said, totals[2];           /* words, of this session and of the last two */
    uint16_t inLen;
    uint8_t  in[1024];
    Heard    heard[ROOM];
} Session;

static struct {
    const char *host;
    int         port, tlsPort, sessions;
    double      seconds, pause, life;
} opt = {.host = "127.0.0.1", .port = 8000, .sessions = 5000, .seconds = 60, .pause = 5, .life = 60};

static Session  *all;
static int       ep;
static SSL_CTX  *tlsCtx;
static uint32_t  seed = 1;
static bool      winding;                      /* nobody speaks or leaves any more */
static volatile sig_atomic_t ended;
static uint64_t  joins, cuts[CUT_KINDS], said, heard, pings, missing;

static double
Random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed / 4294967296.0;
}

static Session *
Member(const Session *s, int slot)
{
    return &all[s->room * ROOM + slot];
}

/* ---- what was heard */

/* A speaker is silent, or has come again: was it heard to the end? */
static void
Settle(const Session *s, int slot, uint32_t epoch, uint32_t total)
{
    const Heard *h = &s->heard[slot];
    int          i = (int)(epoch & 1);

    if (h->epoch[i] == epoch && h->known[i] && h->last[i] != total) {
        missing += total - h->last[i];
        Complain("room %d: slot %d heard %u of %u words of slot %d", s->room, s->slot, h->last[i], total, slot);
    }
}

/* A speaker begins a new session: those who are there hear it from its first word on. */
static void
Announce(Session *speaker)
{
    int i = (int)(speaker->epoch & 1);

    for (int slot = 0; slot < ROOM; slot++) {
        Session *s = Member(speaker, slot);
        Heard   *h = &s->heard[speaker->slot];

        if (s->state == LIVE || s == speaker) {
            if (speaker->epoch > 2) {
                Settle(s, speaker->slot, speaker->epoch - 2, speaker->totals[i]);
            }
            h->epoch[i] = speaker->epoch;
            h->last[i] = 0;
            h->known[i] = true;
            h->fresh[i] = false;
        }
    }
}

/* A session begins: of those who are there already, it hears at least all that is said from now on. */
static void
Joined(Session *s)
{
    joins++;
    for (int slot = 0; slot < ROOM; slot++) {
        Session *speaker = Member(s, slot);
        Heard   *h = &s->heard[slot];
        int      i = (int)(speaker->epoch & 1);

        memset(h, 0, sizeof(*h));
        if (speaker != s && speaker->state == LIVE) {
            h->epoch[i] = speaker->epoch;
            h->last[i] = speaker->said;
            h->known[i] = h->fresh[i] = true;
        }
    }
    Announce(s);
}

static void
Hear(Session *s, const char *text)
{
    unsigned room, slot, epoch, seq;
    Heard   *h;
    int      i;

    heard++;
    if (sscanf(text, "%u %u %u %u", &room, &slot, &epoch, &seq) != 4 || (int)room != s->room || slot >= ROOM) {
        Complain("not a word of room %d: \"%.60s\"", s->room, text);
        return;
    }
    h = &s->heard[slot];
    i = (int)(epoch & 1);
    if (h->epoch[i] != epoch) {
        h->epoch[i] = epoch;                   /* said by somebody who had left when this session came */
        h->known[i] = false;
    } else if (h->fresh[i] && seq <= h->last[i]) {
        ;                                      /* on its way while this one came */
    } else if (seq != h->last[i] + 1) {
        missing += seq > h->last[i] + 1 ? seq - h->last[i] - 1 : 0;
        Complain("room %u: slot %d heard word %u of slot %u's session %u after %u", room, s->slot, seq, slot, epoch, h->last[i]);
    }
    h->last[i] = seq;
    h->fresh[i] = false;
    if ((int)slot == s->slot && epoch == s->epoch && seq == s->said) {
        s->awaiting = false;
        s->due = NowNs() + (uint64_t)(opt.pause * 2e9 * Random());
    }
}

/* ---- a connection */

static void
SendFrame(Session *s, int opcode, const void *data, size_t len)
{
    uint8_t frame[140] = {(uint8_t)(0x80 | opcode), (uint8_t)(0x80 | len)};

    for (int i = 0; i < 4; i++) {
        frame[2 + i] = (uint8_t)(256 * Random());
    }
    for (size_t i = 0; i < len; i++) {
        frame[6 + i] = ((const uint8_t *)data)[i] ^ frame[2 + (i & 3)];
    }
    if (PeerWrite(s->fd, s->ssl, frame, len + 6) != (ssize_t)(len + 6)) {
        Complain("send: %s", strerror(errno));
    }
}

static void
Leave(Session *s, bool reset)
{
    PeerClose(s->fd, s->ssl, reset);
    s->ssl = NULL;
    s->fd = -1;
    s->state = AWAY;
    s->awaiting = false;
    s->due = NowNs() + (uint64_t)(2e9 * Random());
    s->deadline = 0;
}

static void
Lost(Session *s, const char *what)
{
    Complain("room %d slot %d, state %d: %s", s->room, s->slot, (int)s->state, what);
    Leave(s, true);
}

static void
Come(Session *s)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s};
    int                one = 1;

    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    from.sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)(s - all) % SOURCES);
    to.sin_port = htons((uint16_t)(s->tls ? opt.tlsPort : opt.port));
    inet_pton(AF_INET, opt.host, &to.sin_addr);
    s->state = CONNECTING;
    s->inLen = 0;
    s->deadline = NowNs() + (uint64_t)PATIENCE;
    if (bind(s->fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
        (connect(s->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)) {
        Lost(s, strerror(errno));
        return;
    }
    epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &event);
}

static void
Ask(Session *s)
{
    char text[512];
    int  n = snprintf(text, sizeof(text), "GET /soak/r%d-%d HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                      (int)getpid(), s->room, opt.host, s->tls ? opt.tlsPort : opt.port);

    s->state = ANSWER;
    if (PeerWrite(s->fd, s->ssl, text, (size_t)n) != n) {
        Lost(s, "request");
    }
}

/* ---- talking */

static void
Speak(Session *s)
{
    char text[126];
    int  n = snprintf(text, sizeof(text), "%d %d %u %u %.40s", s->room, s->slot, s->epoch, s->said + 1,
                      "and some more, so that it is long enough");

    s->totals[s->epoch & 1] = ++s->said;
    said++;
    s->awaiting = true;
    s->deadline = NowNs() + (uint64_t)PATIENCE;
    SendFrame(s, 1, text, (size_t)n);
}

/* The end of a session, one way or the other; all that it said has been heard by itself. */
static void
Cut(Session *s)
{
    static const uint8_t code[2] = {1000 >> 8, 1000 & 255};

    s->kind = (int)(CUT_KINDS * Random());
    cuts[s->kind]++;
    s->deadline = NowNs() + (uint64_t)PATIENCE;
    if (s->kind == CUT_RESET) {
        Leave(s, true);
    } else if (s->kind == CUT_CLOSE) {
        s->state = LEAVING;
        SendFrame(s, 8, code, sizeof(code));
    } else {
        s->state = LEAVING;
        SendFrame(s, 1, "cut", 3);
    }
}

static void
OnClose(Session *s, const uint8_t *data, size_t len)
{
    int code = len >= 2 ? data[0] << 8 | data[1] : 1005, want = s->kind == CUT_SERVER ? 4001 : 1000;

    if (s->state != LEAVING || code != want) {
        Complain("room %d slot %d: closed with %d in state %d", s->room, s->slot, code, (int)s->state);
    } else if (s->kind == CUT_SERVER) {
        SendFrame(s, 8, data, 2);
    }
    Leave(s, false);
}

static void
OnText(Session *s, char *text)
{
    if (s->state != JOINING) {
        Hear(s, text);
    } else if (strcmp(text, "joined") == 0) {
        uint64_t now = NowNs();

        s->state = LIVE;
        s->deadline = 0;
        s->due = now + (uint64_t)(opt.pause * 1e9 * Random());
        s->until = now + (uint64_t)(opt.life * 2e9 * Random());
        Joined(s);
    }
    /* Before that: words of others that came between its subscription and its greeting are none of its own. */
}

static bool
TakeFrame(Session *s, size_t *used)
{
    uint8_t *f = s->in;
    size_t   len = f[1] & 0x7f;
    char     text[126];

    if (s->inLen < 2 || s->inLen < len + 2) {
        return false;
    }
    *used = len + 2;
    memcpy(text, f + 2, len < 125 ? len : 125);
    text[len < 125 ? len : 125] = '\0';
    if (len > 125 || (f[0] & 0xf0) != 0x80) {
        Lost(s, "a frame that was not expected");
    } else if ((f[0] & 15) == 1) {
        OnText(s, text);
    } else if ((f[0] & 15) == 9) {
        pings++;
        SendFrame(s, 10, text, len);
    } else if ((f[0] & 15) == 8) {
        OnClose(s, f + 2, len);
    }
    return s->fd >= 0;
}

static void
TakeAnswer(Session *s)
{
    uint8_t *end = memmem(s->in, s->inLen, "\r\n\r\n", 4);

    if (end == NULL) {
        return;
    }
    if (memcmp(s->in, "HTTP/1.1 101", 12) != 0) {
        s->in[60] = '\0';
        Lost(s, (char *)s->in);
        return;
    }
    s->inLen -= (uint16_t)(end + 4 - s->in);
    memmove(s->in, end + 4, s->inLen);
    s->state = JOINING;
    s->epoch++;
    s->said = 0;
}

static void
Digest(Session *s)
{
    size_t used, at = 0;

    if (s->state == ANSWER) {
        TakeAnswer(s);
    }
    while (s->fd >= 0 && s->state >= JOINING && TakeFrame(s, &used)) {
        at = used;
        s->inLen -= (uint16_t)at;
        memmove(s->in, s->in + at, s->inLen);
    }
}

static void
OnReadable(Session *s)
{
    while (s->fd >= 0) {
        size_t  room = sizeof(s->in) - s->inLen;
        ssize_t n = PeerRead(s->fd, s->ssl, s->in + s->inLen, room);

        if (n <= 0) {
            if (n == 0 || errno != EAGAIN) {
                Lost(s, "the connection ended");
            }
            return;
        }
        s->inLen += (uint16_t)n;
        Digest(s);
    }
}

static void
OnEvent(Session *s, uint32_t events)
{
    int error;

    if (s->fd < 0) {
        return;
    }
    if (s->state == CONNECTING) {
        error = PeerConnectError(s->fd);
        if (error != 0) {
            Lost(s, strerror(error));
            return;
        }
        if (!(events & EPOLLOUT)) {
            return;
        }
        if (s->tls) {
            s->ssl = PeerTls(tlsCtx, s->fd);
            s->state = HANDSHAKE;
        } else {
            Ask(s);
        }
    }
    if (s->state == HANDSHAKE) {
        Shake shake = PeerShake(s->ssl);

        if (shake != SHAKE_DONE) {
            if (shake == SHAKE_FAILED) {
                Lost(s, "TLS handshake");
            }
            return;
        }
        Ask(s);
    }
    if (s->fd >= 0 && s->state >= ANSWER && (events & ~(uint32_t)EPOLLOUT)) {
        OnReadable(s);
    }
}

static void
OnTime(Session *s, uint64_t now)
{
    if (s->deadline != 0 && now > s->deadline && (s->state != LIVE || s->awaiting)) {
        Lost(s, s->state == LIVE ? "what it said does not come back" : "nothing comes");
    } else if (s->state == AWAY && now >= s->due && !winding) {
        Come(s);
    } else if (s->state == LIVE && !winding && !s->awaiting && now >= s->due) {
        if (now >= s->until) {
            Cut(s);
        } else {
            Speak(s);
        }
    }
}

/* ---- the whole */

static void
RunUntil(uint64_t until, bool settle)
{
    struct epoll_event events[256];
    uint64_t           tick = 0, now;
    int                busy = 1;

    while ((now = NowNs()) < until && (settle ? busy > 0 : !ended)) {
        int count = epoll_wait(ep, events, 256, 20);

        for (int i = 0; i < count; i++) {
            OnEvent(events[i].data.ptr, events[i].events);
        }
        if (now >= tick) {
            tick = now + 20000000u;
            busy = 0;
            for (int i = 0; i < opt.sessions; i++) {
                OnTime(&all[i], now);
                busy += all[i].awaiting || (all[i].state != AWAY && all[i].state != LIVE);
            }
        }
    }
}

/* All is quiet: everybody who is there has heard all that was said since he came. */
static void
CheckAll(void)
{
    for (int i = 0; i < opt.sessions; i++) {
        for (int slot = 0; all[i].state == LIVE && slot < ROOM; slot++) {
            const Session *speaker = Member(&all[i], slot);

            if (speaker->state == LIVE) {
                Settle(&all[i], slot, speaker->epoch, speaker->said);
            }
        }
    }
}

static void
OnSignal(int sig)
{
    (void)sig;
    ended = 1;
}

static void
Usage(void)
{
    fprintf(stderr, "usage: wssoak -p PORT ?-t TLSPORT: half of them? ?-H ADDRESS? ?-c SESSIONS? ?-T SECONDS?\n"
                    "    ?-P SECONDS between words (5)? ?-L SECONDS of a session (60)?; SIGTERM ends it\n");
    exit(2);
}

static void
Prepare(void)
{
    PeerPrepare();
    signal(SIGTERM, OnSignal);
    seed = (uint32_t)getpid() * 2654435761u | 1;
    ep = epoll_create1(EPOLL_CLOEXEC);
    tlsCtx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(tlsCtx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(tlsCtx, SSL_SESS_CACHE_OFF);
    opt.sessions -= opt.sessions % ROOM;
    all = calloc((size_t)opt.sessions, sizeof(Session));
    for (int i = 0; i < opt.sessions; i++) {
        all[i].fd = -1;
        all[i].room = i / ROOM;
        all[i].slot = i % ROOM;
        all[i].tls = opt.tlsPort != 0 && (i & 1) != 0;
        all[i].due = NowNs() + (uint64_t)(1e9 * Random() * opt.sessions / 500);        /* some 500 a second */
    }
}

int
main(int argc, char **argv)
{
    int ch, live = 0;

    while ((ch = getopt(argc, argv, "H:p:t:c:T:P:L:")) != -1) {
        switch (ch) {
        case 'H': opt.host = optarg; break;
        case 'p': opt.port = atoi(optarg); break;
        case 't': opt.tlsPort = atoi(optarg); break;
        case 'c': opt.sessions = atoi(optarg); break;
        case 'T': opt.seconds = atof(optarg); break;
        case 'P': opt.pause = atof(optarg); break;
        case 'L': opt.life = atof(optarg); break;
        default: Usage();
        }
    }
    if (optind != argc || opt.sessions < ROOM) {
        Usage();
    }
    Prepare();
    RunUntil(NowNs() + (uint64_t)(opt.seconds * 1e9), false);
    winding = true;
    RunUntil(NowNs() + (uint64_t)PATIENCE, true);
    RunUntil(NowNs() + 2000000000u, true);
    CheckAll();
    for (int i = 0; i < opt.sessions; i++) {
        live += all[i].state == LIVE;
        if (all[i].fd >= 0) {
            if (all[i].state != LIVE) {
                Complain("room %d slot %d did not get on, state %d", all[i].room, all[i].slot, (int)all[i].state);
            }
            Leave(&all[i], false);
        }
    }
    printf("{\"sessions\":%d,\"live\":%d,\"joins\":%llu,\"resets\":%llu,\"closes\":%llu,\"cuts\":%llu,\"said\":%llu,\"heard\":%llu,"
           "\"pings\":%llu,\"missing\":%llu,\"errors\":%llu,\"error\":\"%s\"}\n", opt.sessions, live, (unsigned long long)joins,
           (unsigned long long)cuts[CUT_RESET], (unsigned long long)cuts[CUT_CLOSE], (unsigned long long)cuts[CUT_SERVER],
           (unsigned long long)said, (unsigned long long)heard, (unsigned long long)pings, (unsigned long long)missing,
           (unsigned long long)complaints, complaint);
    return complaints != 0;
}
