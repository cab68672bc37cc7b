/* SPDX-License-Identifier: MPL-2.0 */
/*
 * httpload: keep-alive HTTP clients on epoll; one line of JSON comes out.
 *
 * Mode `rate`: each connection asks again as soon as it has its answer, over a new connection if the server closes.  Mode
 * `slow`: connections read a large answer at a few bytes per second, while one more asks for something small and its
 * latency is measured.  Mode `pace`: connections read a large answer at a steady rate, as players of films do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "lib/histogram.h"
#include "lib/peer.h"
#include "lib/procstat.h"

#define PACE_TICK 100000000u                   /* ns: how often a paced client reads */
#define PAUSE     500000000u                   /* ns: a turn that took longer was a pause */
#define MARK_EACH 65536                        /* the numbered file: its blocks begin with ... */
#define MARK_SIZE 512                          /* ... words that say where they stand, and are zero else */

typedef enum { CONNECTING, HANDSHAKE, WAITING, DEAD } State;
typedef enum { RATE, SLOW, PACE } Mode;

typedef struct Client {
    int      fd;
    State    state;
    bool     slow;
    SSL     *ssl;
    uint64_t asked;                            /* when the request went out */
    uint64_t due;                              /* slow: when to read again */
    size_t   headLen;                          /* of what is in head[] */
    bool     inBody;                           /* the head is complete */
    bool     lastAnswer;                       /* the server closes behind it */
    bool     unwatched;                        /* paced, within a body: read by the clock alone */
    ssize_t  left;                             /* bytes of the body still to come */
    uint64_t got;                              /* of the body */
    uint64_t since;                            /* pace: when the body began, or the measuring */
    uint64_t gotSince;
    char     head[2048];
} Client;

static struct {
    const char *host, *path, *probe;
    int         port, conns, pid, bytesPerSecond;
    double      seconds, warm;
    Mode        mode;
    bool        tls, slow, verify;
    ssize_t     expect;
} opt = {.host = "127.0.0.1", .path = "/", .port = 8080, .conns = 1, .bytesPerSecond = 1000, .seconds = 5, .warm = 1, .expect = -1};

static int       ep;
static SSL_CTX  *tlsCtx;
static Histogram latency;
static uint64_t  requests, bytesRead, slowBytes, verified;
static bool      measuring;
static volatile sig_atomic_t ended;            /* by a signal: report what there is */
static uint64_t  paused;                       /* ns that this process was stopped */
static char      buffer[65536];

static void
Drop(Client *c)
{
    PeerClose(c->fd, c->ssl, false);
    c->ssl = NULL;
    c->fd = -1;
    c->state = DEAD;
}

/* The bytes of the numbered file (bench/run makes it) are these, from `at`. */
static bool
Verify(const char *bytes, size_t n, uint64_t at)
{
    static const char zeros[MARK_EACH];

    verified += n;
    while (n > 0) {
        uint64_t inBlock = at % MARK_EACH;
        size_t   len = (size_t)(MARK_EACH - inBlock);

        len = len < n ? len : n;
        if (inBlock < MARK_SIZE) {
            len = len < MARK_SIZE - inBlock ? len : (size_t)(MARK_SIZE - inBlock);
            for (size_t i = 0; i < len; i++) {
                uint64_t word = (at + i) & ~(uint64_t)7;

                if ((unsigned char)bytes[i] != (unsigned char)(word >> (56 - 8 * ((at + i) & 7)))) {
                    return false;
                }
            }
        } else if (memcmp(bytes, zeros, len) != 0) {
            return false;
        }
        bytes += len;
        at += len;
        n -= len;
    }
    return true;
}

/* Paced clients would only be woken by every segment to find that it is too early. */
static void
Watch(Client *c, bool on)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};

    if (c->unwatched == on) {
        epoll_ctl(ep, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, c->fd, &event);
        c->unwatched = !on;
    }
}

static void
Ask(Client *c)
{
    char    text[1024];
    ssize_t n, sent;

    Watch(c, true);

    n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: %s:%d\r\n\r\n", c->slow || !opt.slow ? opt.path : opt.probe,
                 opt.host, opt.port);
    c->state = WAITING;
    c->headLen = 0;
    c->inBody = false;
    c->left = -1;
    c->got = c->gotSince = 0;
    c->asked = NowNs();
    sent = PeerWrite(c->fd, c->ssl, text, (size_t)n);
    if (sent != n) {
        Complain("request: %s", strerror(errno));
        Drop(c);
    }
}

static void
Start(Client *c)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
    int                one = 1, small = 4096, moderate = 65536;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (c->slow) {
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    } else if (opt.mode == PACE) {
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &moderate, sizeof(moderate));
    }
    inet_pton(AF_INET, opt.host, &addr.sin_addr);
    c->state = CONNECTING;
    if (connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 && errno != EINPROGRESS) {
        Complain("connect: %s", strerror(errno));
        Drop(c);
        return;
    }
    c->unwatched = true;
    Watch(c, true);
}

/* An answer is complete. */
static void
Answered(Client *c)
{
    uint64_t now = NowNs();

    if (measuring && !c->slow) {
        requests++;
        HistogramAdd(&latency, now - c->asked);
    }
    if (opt.slow && !c->slow) {
        c->due = now + 10000000u;              /* the probe asks every 10 ms */
    } else if (c->lastAnswer) {
        c->due = 0;
        Drop(c);
        Start(c);
    } else {
        Ask(c);
    }
}

static void
TakeBody(Client *c, const char *bytes, size_t n)
{
    if (opt.verify && !Verify(bytes, n, c->got)) {
        Complain("wrong bytes within the %zu from %llu", n, (unsigned long long)c->got);
    }
    c->left -= (ssize_t)n;
    c->got += n;
    bytesRead += n;
}

/* Take the head apart as far as is needed; what follows it is body. */
static void
Head(Client *c, const char *bytes, size_t n)
{
    size_t used = n < sizeof(c->head) - 1 - c->headLen ? n : sizeof(c->head) - 1 - c->headLen;
    char  *end, *length;
    size_t body;

    memcpy(c->head + c->headLen, bytes, used);
    c->headLen += used;
    c->head[c->headLen] = '\0';
    end = strstr(c->head, "\r\n\r\n");
    if (end == NULL) {
        if (used < n) {
            Complain("a head of more than %zu bytes", sizeof(c->head));
            Drop(c);
        }
        return;
    }
    body = n - used + c->headLen - (size_t)(end + 4 - c->head);
    *end = '\0';
    length = strcasestr(c->head, "\r\ncontent-length:");
    if (strncmp(c->head, "HTTP/1.1 200", 12) != 0 || length == NULL) {
        Complain("answer: %.60s", c->head);
        Drop(c);
        return;
    }
    c->left = strtol(length + 17, NULL, 10);
    c->inBody = true;
    c->lastAnswer = strcasestr(c->head, "\r\nconnection: close") != NULL;
    c->since = NowNs();
    if (opt.mode == PACE) {
        Watch(c, false);
    }
    if (opt.expect >= 0 && !c->slow && c->left != opt.expect) {
        Complain("%zd bytes announced, not %zd", c->left, opt.expect);
    }
    TakeBody(c, bytes + n - body, body);
}

/* How much it may read now. */
static size_t
Allowance(const Client *c)
{
    double due;

    if (c->slow && c->inBody) {
        return (size_t)opt.bytesPerSecond;
    }
    if (opt.mode != PACE || !c->inBody) {
        return sizeof(buffer);
    }
    due = (double)(NowNs() - c->since) * opt.bytesPerSecond / 1e9 - (double)(c->got - c->gotSince);
    return due < 1 ? 0 : due < (double)sizeof(buffer) ? (size_t)due : sizeof(buffer);
}

static void
OnReadable(Client *c)
{
    size_t  size;
    ssize_t n;

    while (c->state == WAITING) {
        size = Allowance(c);
        if (size == 0) {
            c->due = NowNs() + PACE_TICK;
            return;
        }
        n = PeerRead(c->fd, c->ssl, buffer, size);
        if (n == 0) {
            break;
        }
        if (n < 0) {
            if (errno != EAGAIN) {
                Complain("receive: %s", strerror(errno));
                Drop(c);
            }
            c->due = opt.mode == PACE && c->inBody ? NowNs() + PACE_TICK : 0;      /* 0: the next bytes are an event */
            return;
        }
        if (!c->inBody) {
            Head(c, buffer, (size_t)n);
        } else {
            TakeBody(c, buffer, (size_t)n);
        }
        if (c->state == DEAD) {
            return;
        }
        if (c->slow) {
            slowBytes += (size_t)n;
            c->due = NowNs() + 1000000000u;
            return;
        }
        if (c->inBody && c->left < 0) {
            Complain("more than announced");
            Drop(c);
            return;
        }
        if (c->inBody && c->left == 0) {
            Answered(c);
            if (c->due != 0) {
                return;
            }
        }
    }
    if (c->state == WAITING) {
        Complain("closed by the server");
        Drop(c);
    }
}

static void
OnEvent(Client *c, uint32_t events)
{
    int err;

    if (c->state == CONNECTING) {
        err = PeerConnectError(c->fd);
        if (err != 0) {
            Complain("connect: %s", strerror(err));
            Drop(c);
            return;
        }
        if (!(events & EPOLLOUT)) {
            return;
        }
        if (opt.tls) {
            c->ssl = PeerTls(tlsCtx, c->fd);
            c->state = HANDSHAKE;
        } else {
            Ask(c);
        }
    }
    if (c->state == HANDSHAKE) {
        switch (PeerShake(c->ssl)) {
        case SHAKE_DONE:
            Ask(c);
            break;
        case SHAKE_FAILED:
            Drop(c);
            return;
        default:
            break;
        }
    }
    if (c->state == WAITING && (events & ~(uint32_t)EPOLLOUT) && c->due == 0) {
        OnReadable(c);
    }
}

/* Slow readers and the probe go by the clock. */
static void
OnTime(Client *clients, int n)
{
    uint64_t now = NowNs();

    for (int i = 0; i < n; i++) {
        Client *c = &clients[i];

        if (c->state == WAITING && c->due != 0 && c->due <= now) {
            if (c->slow || opt.mode == PACE) {
                OnReadable(c);
            } else {
                c->due = 0;
                Ask(c);
            }
        }
    }
}

/* This process was stopped (SIGSTOP), or got no time: nobody has missed what he did not ask for. */
static void
Resume(Client *clients, int n, uint64_t pause)
{
    paused += pause;
    for (int i = 0; i < n; i++) {
        clients[i].since += clients[i].inBody ? pause : 0;
    }
}

static void
RunUntil(Client *clients, int n, uint64_t until)
{
    struct epoll_event events[512];
    uint64_t           last = NowNs(), now;

    for (; last < until && !ended; last = now) {
        int count = epoll_wait(ep, events, 512, opt.mode != RATE ? 5 : 50);

        for (int i = 0; i < count; i++) {
            OnEvent(events[i].data.ptr, events[i].events);
        }
        if (opt.mode != RATE) {
            OnTime(clients, n);
        }
        now = NowNs();
        if (opt.mode == PACE && now - last > PAUSE) {
            Resume(clients, n, now - last);
            until += now - last;
        }
    }
}

/* From here on: what was read before does not count, nor does how late a paced client is. */
static void
BeginMeasuring(Client *clients, int n, uint64_t now)
{
    bytesRead = 0;
    for (int i = 0; i < n; i++) {
        clients[i].since = now;
        clients[i].gotSince = clients[i].got;
    }
}

/* Paced: bytes per second that the client got who got least. */
static double
Slowest(const Client *clients, int n)
{
    uint64_t now = NowNs();
    double   slowest = -1;

    for (int i = 0; opt.mode == PACE && i < n; i++) {
        double rate = (double)(clients[i].got - clients[i].gotSince) * 1e9 / (double)(now - clients[i].since + 1);

        slowest = slowest < 0 || rate < slowest ? rate : slowest;
    }
    return slowest;
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
    fprintf(stderr, "usage: httpload [options]\n"
                    "  -m rate|slow|pace      as fast as the answers come; slow readers and a probe; steady readers (rate)\n"
                    "  -H ADDRESS -p PORT     (127.0.0.1 8080)   -t  TLS\n"
                    "  -P PATH                what is asked for; slow: what is read slowly\n"
                    "  -Q PATH                slow: what the probe asks for, every 10 ms\n"
                    "  -c N                   connections (1)\n"
                    "  -r BYTES               slow, pace: bytes per second and connection (1000)\n"
                    "  -V                     answers are the numbered file of bench/run: every byte is looked at\n"
                    "  -T SECONDS -w SECONDS  measured time, and before it (5, 1); SIGTERM ends it\n"
                    "  -e BYTES               the length that answers must have\n"
                    "  -i PID                 the server's pid: CPU time and memory\n");
    exit(2);
}

static void
ParseOptions(int argc, char **argv)
{
    int ch;

    while ((ch = getopt(argc, argv, "m:H:p:P:Q:c:r:T:w:e:i:tV")) != -1) {
        switch (ch) {
        case 'm':
            opt.mode = strcmp(optarg, "slow") == 0 ? SLOW : strcmp(optarg, "pace") == 0 ? PACE : RATE;
            opt.slow = opt.mode == SLOW;
            break;
        case 'V': opt.verify = true; break;
        case 'H': opt.host = optarg; break;
        case 'p': opt.port = atoi(optarg); break;
        case 'P': opt.path = optarg; break;
        case 'Q': opt.probe = optarg; break;
        case 'c': opt.conns = atoi(optarg); break;
        case 'r': opt.bytesPerSecond = atoi(optarg); break;
        case 'T': opt.seconds = atof(optarg); break;
        case 'w': opt.warm = atof(optarg); break;
        case 'e': opt.expect = atol(optarg); break;
        case 'i': opt.pid = atoi(optarg); break;
        case 't': opt.tls = true; break;
        default: Usage();
        }
    }
    if (optind != argc || opt.conns < 1 || opt.bytesPerSecond < 1 || opt.bytesPerSecond > (int)sizeof(buffer) ||
        (opt.slow && opt.probe == NULL)) {
        Usage();
    }
}

int
main(int argc, char **argv)
{
    Client       *clients;
    double        cpu0 = 0, cpu1 = 0, user, sys, seconds, slowest;
    uint64_t      begin;
    long          rss0 = -1, rss1 = -1;
    int           n, alive = 0;

    ParseOptions(argc, argv);
    PeerPrepare();
    signal(SIGTERM, OnSignal);
    if (opt.tls) {
        tlsCtx = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_read_ahead(tlsCtx, 1);
    }
    ep = epoll_create1(EPOLL_CLOEXEC);
    n = opt.conns + (opt.slow ? 1 : 0);
    clients = calloc((size_t)n, sizeof(Client));
    rss0 = opt.pid != 0 ? ProcStatusKb(opt.pid, "VmRSS:") : -1;
    for (int i = 0; i < n; i++) {
        clients[i].slow = opt.slow && i < opt.conns;
        Start(&clients[i]);
        if (i % 64 == 63) {
            RunUntil(clients, i + 1, NowNs() + 1000000u);
        }
    }
    RunUntil(clients, n, NowNs() + (uint64_t)(opt.warm * 1e9));
    measuring = true;
    paused = 0;
    begin = NowNs();
    BeginMeasuring(clients, n, begin);
    if (opt.pid != 0) {
        ProcCpu(opt.pid, &cpu0, &user, &sys);
    }
    RunUntil(clients, n, begin + (uint64_t)(opt.seconds * 1e9));
    seconds = (double)(NowNs() - begin - paused) / 1e9;
    if (opt.pid != 0) {
        ProcCpu(opt.pid, &cpu1, &user, &sys);
        rss1 = ProcStatusKb(opt.pid, "VmRSS:");
    }
    for (int i = 0; i < n; i++) {
        alive += clients[i].state != DEAD;
    }
    slowest = Slowest(clients, n);
    printf("{\"mode\":\"%s\",\"tls\":%d,\"conns\":%d,\"alive\":%d,\"errors\":%llu,\"seconds\":%.3f,\"n\":%llu,\"rate\":%.1f,"
           "\"MBps\":%.2f,\"lat_us\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f},\"slow_bytes\":%llu,\"slowest\":%.0f,\"paused\":%.1f,\"verified\":%llu,\"server_cpu\":%.3f,"
           "\"server_us_per_msg\":%.3f,\"server_s_per_gb\":%.4f,\"rss0_kb\":%ld,\"rss_end_kb\":%ld,\"error\":\"%s\"}\n",
           opt.mode == SLOW ? "slow" : opt.mode == PACE ? "pace" : "rate", opt.tls, opt.conns, alive, (unsigned long long)complaints, seconds,
           (unsigned long long)requests, (double)requests / seconds, (double)bytesRead / seconds / 1e6,
           HistogramQuantile(&latency, .5), HistogramQuantile(&latency, .99), (double)latency.max / 1e3,
           (unsigned long long)slowBytes, slowest, (double)paused / 1e9, (unsigned long long)verified, (cpu1 - cpu0) / seconds,
           requests != 0 ? (cpu1 - cpu0) * 1e6 / (double)requests : 0.0,
           bytesRead != 0 ? (cpu1 - cpu0) * 1e9 / (double)bytesRead : 0.0, rss0, rss1, complaint);
    for (int i = 0; i < n; i++) {
        Drop(&clients[i]);
    }
    free(clients);
    return complaints != 0 || alive != n;
}
