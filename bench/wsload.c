/* SPDX-License-Identifier: MPL-2.0 */
/*
 * wsload: a WebSocket load generator (RFC 6455 client) on epoll; one line of JSON comes out.  See Usage().
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/histogram.h"
#include "lib/peer.h"
#include "lib/procstat.h"
#include "lib/wsclient.h"

Options opt = {.host = "127.0.0.1",
               .path = "/",
               .pubpath = NULL,
               .tag = "",
               .hdr = "",
               .port = 9001,
               .conns = 1,
               .active = 0,
               .size = 64,
               .depth = 1,
               .mode = M_ECHO,
               .threads = 1,
               .nsrc = 0,
               .rbuf = 65536,
               .inflight = 128,
               .dur = 5,
               .warm = 1,
               .hold = 3};

/* What the first thread measures. */
static pthread_barrier_t barrier;
static double            setupSeconds;
static long              rssStart, rssOpen, rssEcho, tcpStart, tcpOpen; /* kB, kB, kB, pages, pages */
static double            cpuStart[3], cpuEnd[3];                        /* of the server: all, user, system */
static struct rusage     ownStart, ownEnd;
static uint64_t          timeStart, timeEnd;

/* Open all connections, `inflight` at a time: subscribers first, the publisher last.  Churn opens its own. */
static void
OpenAll(Thread *t)
{
    uint64_t begin = NowNs();
    int      next = 0, most = opt.mode == M_CHURN ? t->n : opt.inflight;

    while (t->opened + t->failed < t->n) {
        while (next < t->n && t->inflight < most) {
            Client *c = &t->c[next];

            if (t->pub == c && t->opened < t->n - 1 && !t->failed) {
                break;
            }
            if (ClientStart(t, c)) {
                t->failed++;
                t->errs++;
            } else {
                t->inflight++;
            }
            next++;
        }
        if (opt.mode == M_CHURN) {
            break;
        }
        PollOnce(t, 100);
        if (t->failed > 20 && t->failed > t->n / 50) {
            break;
        }
        if (NowNs() - begin > 180ull * 1000000000ull) {
            Complain("setup time-out");
            break;
        }
    }
    if (t->idx == 0) {
        setupSeconds = (double)(NowNs() - begin) / 1e9;
    }
}

static void
PollFor(Thread *t, double seconds)
{
    uint64_t end = NowNs() + (uint64_t)(seconds * 1e9);

    while (NowNs() < end) {
        PollOnce(t, 50);
    }
}

/* The first thread's view of the server: begin and end of what is measured. */
static void
Begin(Thread *t)
{
    if (t->idx == 0) {
        timeStart = NowNs();
        if (opt.pid) {
            ProcCpu(opt.pid, &cpuStart[0], &cpuStart[1], &cpuStart[2]);
        }
        getrusage(RUSAGE_SELF, &ownStart);
    }
}

static void
End(Thread *t)
{
    if (t->idx == 0) {
        timeEnd = NowNs();
        if (opt.pid) {
            ProcCpu(opt.pid, &cpuEnd[0], &cpuEnd[1], &cpuEnd[2]);
        }
        getrusage(RUSAGE_SELF, &ownEnd);
        stopping = 1;
    }
}

/* One echo over every connection, 64 at a time. */
static void
EchoOnce(Thread *t)
{
    uint64_t limit = NowNs() + 60ull * 1000000000ull;

    for (int i = 0; i < t->n; i += 64) {
        int end = i + 64 < t->n ? i + 64 : t->n, left;

        for (int j = i; j < end; j++) {
            if (t->c[j].state == S_OPEN && ClientPump(t, &t->c[j], NowNs())) {
                ClientLost(t, &t->c[j]);
            }
        }
        do {
            left = 0;
            for (int j = i; j < end; j++) {
                left += t->c[j].state == S_OPEN && t->c[j].rcvd != t->c[j].sent;
            }
            if (left > 0) {
                PollOnce(t, 100);
            }
        } while (left > 0 && NowNs() < limit);
    }
}

/* Idle: what a connection holds, fresh and after an echo, and what an idle population costs. */
static void
RunIdle(Thread *t)
{
    PollFor(t, opt.hold);
    if (t->idx == 0) {
        rssOpen = opt.pid ? ProcStatusKb(opt.pid, "VmRSS:") : 0;
        tcpOpen = TcpMemPages();
    }
    pthread_barrier_wait(&barrier);
    t->measuring = 1;
    if (!opt.connectonly) {
        EchoOnce(t);
    }
    t->measuring = 0;
    PollFor(t, 1);
    if (t->idx == 0 && opt.pid) {
        rssEcho = ProcStatusKb(opt.pid, "VmRSS:");
    }
    Begin(t);
    PollFor(t, opt.hold);
    End(t);
}

static void
RunLoad(Thread *t)
{
    if (opt.mode == M_ECHO) {
        for (int i = 0; i < t->n; i++) {
            Client *c = &t->c[i];

            if (c->isactive && c->state == S_OPEN && ClientPump(t, c, NowNs())) {
                ClientLost(t, c);
            }
            if ((i & 255) == 255) {
                PollOnce(t, 0);
            }
        }
    }
    if (opt.mode == M_BCAST) {
        if (t->pub->state == S_OPEN) {
            ClientPublish(t);
        } else {
            Complain("publisher not open");
        }
    }
    while (!stopping) {
        uint64_t now = NowNs();

        if (!t->measuring && now >= warmUntil) {
            t->measuring = 1;
            Begin(t);
        }
        if (now >= endAt || (opt.mode == M_BCAST && opt.kmsgs && t->bdone >= (uint32_t)opt.kmsgs) ||
            (opt.mode == M_CHURN && opt.kmsgs && t->h.n >= (uint64_t)opt.kmsgs)) {
            break;
        }
        PollOnce(t, 100);
    }
    End(t);
}

static void *
ThreadMain(void *arg)
{
    Thread *t = arg;

    OpenAll(t);
    pthread_barrier_wait(&barrier);
    if (t->idx == 0) {
        warmUntil = NowNs() + (uint64_t)(opt.warm * 1e9);
        endAt = warmUntil + (uint64_t)(opt.dur * 1e9);
    }
    pthread_barrier_wait(&barrier);
    if (opt.mode == M_IDLE) {
        RunIdle(t);
    } else {
        RunLoad(t);
    }
    return NULL;
}

static void
Usage(void)
{
    fprintf(stderr, "wsload [options]\n"
                    " -m MODE       echo|idle|bcast|churn (echo)\n"
                    " -H HOST -p PORT -P PATH    (127.0.0.1 9001 /)\n"
                    " -t            TLS\n"
                    " -c N          connections (bcast: subscribers; churn: concurrent slots)\n"
                    " -a N          echo: only N of the connections are active\n"
                    " -s BYTES -d DEPTH -T SECONDS -w WARMUP_S -n THREADS\n"
                    " -S N          use N source addresses 127.0.0.2...\n"
                    " -x            text frames (ASCII payload), else binary\n"
                    " -z            offers permessage-deflate; what comes compressed is inflated, and checked as ever\n"
                    " -l            echo, idle: lines of BYTES instead of frames, behind any answer 101\n"
                    " -B PATH       bcast: the publisher's path (subscribers use -P)\n"
                    " -K N          bcast, churn: stop after N messages or connections (churn: of each thread)\n"
                    " -L            bcast: loose check (marker anywhere in the first 80 bytes, any length)\n"
                    " -A            churn: abort (RST) instead of the closing handshake\n"
                    " -O            churn/idle: no echo\n"
                    " -i PID        the server's pid: CPU time and RSS\n"
                    " -I N          connects in flight during the setup (128)\n"
                    " -h SECONDS    idle: hold time (3)\n"
                    " -R BYTES      recv() size (65536); small values exercise the parser\n"
                    " -U PROTO      subprotocol   -E 'Header: v\\r\\n'   extra request headers\n"
                    " -g TAG        copied into the output   -v verbose\n");
    exit(2);
}

static void
ParseOptions(int ac, char **av)
{
    int ch;

    while ((ch = getopt(ac, av, "m:H:p:P:tc:a:s:d:T:w:n:S:xzlB:K:LAOi:I:h:R:U:E:g:v")) != -1) {
        switch (ch) {
        case 'm':
            opt.mode = !strcmp(optarg, "echo")    ? M_ECHO
                       : !strcmp(optarg, "idle")  ? M_IDLE
                       : !strcmp(optarg, "bcast") ? M_BCAST
                       : !strcmp(optarg, "churn") ? M_CHURN
                                                  : (Usage(), 0);
            break;
        case 'H': opt.host = optarg; break;
        case 'p': opt.port = atoi(optarg); break;
        case 'P': opt.path = optarg; break;
        case 't': opt.tls = 1; break;
        case 'c': opt.conns = atoi(optarg); break;
        case 'a': opt.active = atoi(optarg); break;
        case 's': opt.size = atoi(optarg); break;
        case 'd': opt.depth = atoi(optarg); break;
        case 'T': opt.dur = atof(optarg); break;
        case 'w': opt.warm = atof(optarg); break;
        case 'n': opt.threads = atoi(optarg); break;
        case 'S': opt.nsrc = atoi(optarg); break;
        case 'x': opt.text = 1; break;
        case 'l': opt.lines = 1; break;
        case 'z': opt.deflate = 1; break;
        case 'B': opt.pubpath = optarg; break;
        case 'K': opt.kmsgs = atoi(optarg); break;
        case 'L': opt.loose = 1; break;
        case 'A': opt.abortclose = 1; break;
        case 'O': opt.connectonly = 1; break;
        case 'i': opt.pid = atoi(optarg); break;
        case 'I': opt.inflight = atoi(optarg); break;
        case 'h': opt.hold = atoi(optarg); break;
        case 'R': opt.rbuf = atoi(optarg); break;
        case 'U': opt.proto = optarg; break;
        case 'E': opt.hdr = optarg; break;
        case 'g': opt.tag = optarg; break;
        case 'v': complainAs = "wsload"; break;
        default: Usage();
        }
    }
    if (opt.lines && (opt.size < 1 || (opt.mode != M_ECHO && opt.mode != M_IDLE))) {
        Usage();
    }
    if (opt.depth < 1) {
        opt.depth = 1;
    }
    if (opt.mode == M_BCAST) {
        opt.threads = 1;
        if (opt.size < 16) {
            opt.size = 16;
        }
    }
    if (opt.threads > opt.conns) {
        opt.threads = opt.conns;
    }
    if (opt.mode == M_IDLE || opt.mode == M_CHURN) {
        if (opt.mode == M_CHURN || opt.depth > 1) {
            opt.depth = 1;
        }
    }
}

/* The limit of descriptors raised; frames and TLS prepared. */
static void
Prepare(void)
{
    unsigned long most = PeerPrepare();

    if ((unsigned long)opt.conns + 50 > most) {
        fprintf(stderr, "wsload: %d connections, fd limit %lu\n", opt.conns, most);
        exit(2);
    }
    BuildPool();
    if (opt.tls) {
        tlsCtx = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(tlsCtx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                     SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(tlsCtx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_read_ahead(tlsCtx, 1);
        SSL_CTX_set_verify(tlsCtx, SSL_VERIFY_NONE, NULL);
    }
}

/* Connections shared out among threads; the active ones are spread evenly. */
static Thread *
MakeThreads(void)
{
    Thread *t = calloc(opt.threads, sizeof *t);
    int     id = 0;
    for (int i = 0; i < opt.threads; i++) {
        Thread *x = &t[i];
        x->idx = i;
        x->ep = epoll_create1(EPOLL_CLOEXEC);
        x->seed = 12345 + 7919 * i + getpid();
        x->rb = malloc(opt.rbuf > 65536 ? opt.rbuf : 65536);
        int n = opt.conns / opt.threads + (i < opt.conns % opt.threads);
        int extra = opt.mode == M_BCAST;
        x->n = n + extra;
        x->c = calloc(x->n, sizeof(Client));
        uint64_t *ts = calloc((size_t)x->n * opt.depth, 8);
        for (int j = 0; j < x->n; j++) {
            x->c[j].fd = -1;
            x->c[j].id = id++;
            x->c[j].ts = ts + (size_t)j * opt.depth;
            x->c[j].isactive = !opt.active ||
                               (int)((long)x->c[j].id * opt.active / opt.conns) !=
                                   (int)((long)((int)x->c[j].id - 1) * opt.active / opt.conns) ||
                               x->c[j].id == 0;
        }
        if (extra) {
            x->pub = &x->c[n];
            x->bwin = opt.depth;
            x->bts = calloc(opt.depth, 8);
            x->brem = calloc(opt.depth, 4);
            x->bpay = malloc(opt.size);
            memset(x->bpay, 'x', opt.size);
            x->bframe = malloc((size_t)(opt.size + 14) * opt.depth);
        }
    }
    return t;
}

/* One line of JSON.  The exit code: 1 when something went wrong. */
static int
Report(const Thread *t)
{
    static Histogram h;
    static Histogram h2;
    uint64_t         msgs = 0;
    uint64_t         bytes = 0;
    uint64_t         errs = 0;
    uint64_t         verr = 0;
    uint64_t         pings = 0;
    uint64_t         compressed = 0;
    int              opened = 0;
    int              failed = 0;
    for (int i = 0; i < opt.threads; i++) {
        HistogramMerge(&h, &t[i].h);
        HistogramMerge(&h2, &t[i].h2);
        msgs += t[i].msgs;
        bytes += t[i].bytes;
        errs += t[i].errs;
        verr += t[i].verr;
        pings += t[i].pings;
        compressed += t[i].compressed;
        opened += t[i].opened;
        failed += t[i].failed;
    }
    double w = (double)(timeEnd - timeStart) / 1e9;
    if (w <= 0) {
        w = 1e-9;
    }
    double ccpu = (ownEnd.ru_utime.tv_sec - ownStart.ru_utime.tv_sec) +
                  (ownEnd.ru_utime.tv_usec - ownStart.ru_utime.tv_usec) / 1e6 +
                  (ownEnd.ru_stime.tv_sec - ownStart.ru_stime.tv_sec) +
                  (ownEnd.ru_stime.tv_usec - ownStart.ru_stime.tv_usec) / 1e6;
    double             scpu = cpuEnd[0] - cpuStart[0];
    static const char *mn[] = {"echo", "idle", "bcast", "churn"};
    if (opt.mode == M_CHURN) {
        msgs = h.n;
    }
    printf("{\"tag\":\"%s\",\"mode\":\"%s\",\"tls\":%d,\"conns\":%d,\"active\":%d,\"size\":%d,\"depth\":%d,\"opened\":%"
           "d,\"failed\":%d,\"errors\":%llu,\"verify_errors\":%llu,\"pings\":%llu,\"setup_s\":%.3f",
           opt.tag, mn[opt.mode], opt.tls, opt.conns, opt.active ? opt.active : opt.conns, opt.size, opt.depth, opened,
           failed, (unsigned long long)errs, (unsigned long long)verr, (unsigned long long)pings, setupSeconds);
    if (opt.mode == M_IDLE) {
        printf(",\"rss0_kb\":%ld,\"rss_open_kb\":%ld,\"rss_echo_kb\":%ld,\"rss_per_conn_b\":%.0f,\"rss_per_conn_after_"
               "echo_b\":%.0f,\"tcp_mem_pages\":%ld,\"idle_cpu\":%.4f,\"echoed\":%llu",
               rssStart, rssOpen, rssEcho, (rssOpen - rssStart) * 1024.0 / opened,
               (rssEcho - rssStart) * 1024.0 / opened, tcpOpen - tcpStart, scpu / w, (unsigned long long)msgs);
    } else {
        printf(",\"dur\":%.3f,\"n\":%llu,\"rate\":%.1f,\"MBps\":%.2f,\"lat_us\":{\"avg\":%.1f,\"p50\":%.1f,\"p99\":%."
               "1f,\"p999\":%.1f,\"max\":%.1f}",
               w, (unsigned long long)msgs, msgs / w, bytes / w / 1e6, h.n ? (double)h.sum / h.n / 1e3 : 0,
               HistogramQuantile(&h, .5), HistogramQuantile(&h, .99), HistogramQuantile(&h, .999), (double)h.max / 1e3);
        if (h2.n) {
            printf(",\"%s\":{\"n\":%llu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}",
                   opt.mode == M_BCAST ? "fanout_us" : "upgrade_us", (unsigned long long)h2.n,
                   HistogramQuantile(&h2, .5), HistogramQuantile(&h2, .99), (double)h2.max / 1e3);
        }
        if (opt.mode == M_BCAST) {
            printf(",\"published\":%u", t[0].bdone);
        }
        if (opt.deflate) {
            printf(",\"compressed\":%llu", (unsigned long long)compressed);
        }
        printf(",\"client_cpu\":%.3f", ccpu / w);
        if (opt.pid) {
            printf(",\"server_cpu\":%.3f,\"server_user\":%.3f,\"server_sys\":%.3f,\"server_us_per_msg\":%.3f", scpu / w,
                   (cpuEnd[1] - cpuStart[1]) / w, (cpuEnd[2] - cpuStart[2]) / w, msgs ? scpu * 1e6 / msgs : 0);
        }
        if (opt.pid) {
            printf(",\"rss_end_kb\":%ld", ProcStatusKb(opt.pid, "VmRSS:"));
        }
    }
    printf(",\"error\":\"%s\"}\n", complaint);
    return (errs || verr || failed) ? 1 : 0;
}

int
main(int ac, char **av)
{
    Thread *t;

    ParseOptions(ac, av);
    Prepare();
    rssStart = opt.pid ? ProcStatusKb(opt.pid, "VmRSS:") : 0;
    tcpStart = TcpMemPages();
    t = MakeThreads();
    pthread_barrier_init(&barrier, NULL, opt.threads);
    for (int i = 1; i < opt.threads; i++) {
        pthread_create(&t[i].tid, NULL, ThreadMain, &t[i]);
    }
    ThreadMain(&t[0]);
    for (int i = 1; i < opt.threads; i++) {
        pthread_join(t[i].tid, NULL);
    }
    return Report(t);
}
