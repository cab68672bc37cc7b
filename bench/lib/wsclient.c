/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frames are masked with a random key each; a pool of distinct, masked frames is laid out contiguously, so that a burst
 * of k messages is one send() and costs no work per message here.  What is received runs through a streaming parser
 * (any TCP fragmentation, any RFC 6455 fragmentation, control frames in between), and every payload byte is compared
 * with what was sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "wsclient.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static uint8_t   *framePool, *payloads;
static size_t     frameLen;
static int        poolSize;
static size_t     headLen;
static char       keys[NKEYS][32], accepts[NKEYS][64];
SSL_CTX          *tlsCtx;
volatile uint64_t warmUntil, endAt;
volatile int      stopping;

static uint32_t
Random(uint32_t *s)
{
    uint32_t x = *s;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *s = x;
}

static size_t
BuildFrame(uint8_t *f, int op, const uint8_t *pl, size_t n, uint32_t key)
{
    size_t  h = 0;
    uint8_t k[4];
    memcpy(k, &key, 4);
    f[h++] = 0x80 | op;
    if (n < 126) {
        f[h++] = 0x80 | n;
    } else if (n < 65536) {
        f[h++] = 0x80 | 126;
        f[h++] = n >> 8;
        f[h++] = n;
    } else {
        f[h++] = 0x80 | 127;
        for (int i = 7; i >= 0; i--) {
            f[h++] = (uint64_t)n >> (8 * i);
        }
    }
    memcpy(f + h, k, 4);
    h += 4;
    for (size_t i = 0; i < n; i++) {
        f[h + i] = pl[i] ^ k[i & 3];
    }
    return h + n;
}

void
BuildPool(void)
{
    uint32_t s = 0x9e3779b9u ^ (uint32_t)getpid();
    size_t   n = opt.size;
    poolSize = n ? (int)(262144 / n) : 64;
    if (poolSize > 64) {
        poolSize = 64;
    }
    if (poolSize < 2) {
        poolSize = 2;
    }
    headLen = opt.lines ? 0 : 2 + 4 + (n >= 65536 ? 8 : n >= 126 ? 2 : 0);
    frameLen = headLen + n;
    payloads = malloc(n * poolSize + 1);
    framePool = malloc(frameLen * (size_t)(poolSize + opt.depth));
    for (size_t i = 0; i < n * poolSize; i++) {
        payloads[i] = opt.lines && i % n == n - 1  ? '\n'
                      : opt.text || opt.lines      ? 33 + Random(&s) % 90
                                                   : (uint8_t)Random(&s);
    }
    for (int i = 0; i < poolSize + opt.depth; i++) {
        if (opt.lines) {
            memcpy(framePool + frameLen * i, payloads + n * (i % poolSize), n);
        } else {
            BuildFrame(framePool + frameLen * i, opt.text ? 1 : 2, payloads + n * (i % poolSize), n, Random(&s));
        }
    }
    for (int i = 0; i < NKEYS; i++) {
        uint8_t r[16];
        for (int j = 0; j < 16; j++) {
            r[j] = Random(&s);
        }
        EVP_EncodeBlock((uint8_t *)keys[i], r, 16);
        char    b[96];
        uint8_t d[20];
        int     m = snprintf(b, sizeof b, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", keys[i]);
        SHA1((uint8_t *)b, m, d);
        EVP_EncodeBlock((uint8_t *)accepts[i], d, 20);
    }
}

/* ---- socket io */
static void
WantWrite(Thread *t, Client *c, int w)
{
    if (c->wantw == w) {
        return;
    }
    c->wantw = w;
    struct epoll_event e = {.events = EPOLLIN | (w ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(t->ep, EPOLL_CTL_MOD, c->fd, &e);
}

static void
Abort(Thread *t, Client *c)
{
    (void)t;
    PeerClose(c->fd, c->ssl, true);
    c->ssl = NULL;
    c->fd = -1;
    c->state = S_DEAD;
    c->txn = 0;
    c->pongpend = 0;
}

static int
Flush(Thread *t, Client *c)
{ /* 0 ok, -1 dead */
    while (c->txn || c->pongpend) {
        if (!c->txn) {
            if (!c->own) {
                c->own = malloc(256);
            }
            c->txn = BuildFrame(c->own, 10, c->ctl, c->ctln, Random(&t->seed));
            c->txp = c->own;
            c->pongpend = 0;
        }
        ssize_t r = PeerWrite(c->fd, c->ssl, c->txp, c->txn);
        if (r < 0) {
            if (errno == EAGAIN || errno == ENOTCONN) {
                WantWrite(t, c, 1);
                return 0;
            }
            Complain("send: %s", strerror(errno));
            return -1;
        }
        c->txp += r;
        c->txn -= r;
    }
    WantWrite(t, c, 0);
    return 0;
}

int
ClientStart(Thread *t, Client *c)
{
    memset(c->hdr, 0, sizeof c->hdr);
    c->wantw = 1;
    c->inpay = 0;
    c->hn = 0;
    c->hneed = 2;
    c->txn = 0;
    c->sent = c->rcvd = 0;
    c->moff = 0;
    c->gotclose = 0;
    c->hl = 0;
    c->pongpend = 0;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        Complain("socket: %s", strerror(errno));
        return -1;
    }
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (opt.nsrc) {
        struct sockaddr_in s = {.sin_family = AF_INET};
        s.sin_addr.s_addr = htonl(0x7f000002u + (c->id % (unsigned)opt.nsrc));
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(c->fd, (void *)&s, sizeof s)) {
            Complain("bind: %s", strerror(errno));
            close(c->fd);
            c->fd = -1;
            return -1;
        }
    }
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(opt.port)};
    inet_pton(AF_INET, opt.host, &a.sin_addr);
    c->t0 = NowNs();
    if (connect(c->fd, (void *)&a, sizeof a) && errno != EINPROGRESS) {
        Complain("connect: %s", strerror(errno));
        close(c->fd);
        c->fd = -1;
        return -1;
    }
    c->state = S_CONNECTING;
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    epoll_ctl(t->ep, EPOLL_CTL_ADD, c->fd, &e);
    return 0;
}

static int
SendUpgrade(Thread *t, Client *c)
{
    if (!c->hb) {
        c->hb = malloc(8192);
    }
    c->kidx = Random(&t->seed) % NKEYS;
    int n = snprintf(c->hb, 8192,
                     "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: %s\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s%s%s%s%s\r\n",
                     (c == t->pub && opt.pubpath) ? opt.pubpath : opt.path, opt.host, opt.port,
                     opt.lines ? "line" : "websocket", keys[c->kidx],
                     opt.proto ? "Sec-WebSocket-Protocol: " : "", opt.proto ? opt.proto : "", opt.proto ? "\r\n" : "",
                     opt.deflate ? "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n" : "",
                     opt.hdr);
    c->state = S_HTTP;
    c->hl = 0;
    ssize_t r = PeerWrite(c->fd, c->ssl, c->hb, n);
    if (r != n) {
        if (r < 0 && errno == EAGAIN) {
            Complain("upgrade would block");
        } else {
            Complain("upgrade: %s", strerror(errno));
        }
        return -1;
    }
    WantWrite(t, c, 0);
    return 0;
}

/* ---- sending */
int
ClientPump(Thread *t, Client *c, uint64_t now)
{
    uint32_t k = opt.depth - (c->sent - c->rcvd);
    if (!k || c->txn) {
        return 0; /* a pending burst finishes first */
    }
    uint32_t base = (c->id + c->sent) % poolSize;
    for (uint32_t i = 0; i < k; i++) {
        c->ts[(c->sent + i) % opt.depth] = now;
    }
    c->txp = framePool + frameLen * base;
    c->txn = frameLen * k;
    c->sent += k;
    ssize_t r = PeerWrite(c->fd, c->ssl, c->txp, c->txn);
    if (r == (ssize_t)c->txn) {
        c->txn = 0;
        return 0;
    }
    if (r < 0 && errno != EAGAIN) {
        Complain("send: %s", strerror(errno));
        c->txn = 0;
        return -1;
    }
    if (r > 0) {
        c->txp += r;
        c->txn -= r;
    }
    WantWrite(t, c, 1);
    (void)t;
    return 0;
}

int
ClientPublish(Thread *t)
{
    Client *c = t->pub;
    if (c->txn) {
        return 0;
    }
    size_t n = 0;
    while (t->bseq - t->bdone < t->bwin && (!opt.kmsgs || t->bseq < (uint32_t)opt.kmsgs)) {
        char m[32];
        int  l = snprintf(m, sizeof m, "#%012u#", t->bseq);
        memcpy(t->bpay, m, l);
        n += BuildFrame(t->bframe + n, opt.text ? 1 : 2, t->bpay, opt.size, Random(&t->seed));
        t->bts[t->bseq % t->bwin] = NowNs();
        t->brem[t->bseq % t->bwin] = (uint32_t)t->opened - (t->pub ? 1 : 0);
        t->bseq++;
    }
    if (!n) {
        return 0;
    }
    c->txp = t->bframe;
    c->txn = n;
    return Flush(t, c);
}

static int
SendClose(Thread *t, Client *c)
{
    uint8_t code[2] = {0x03, 0xe8};
    if (!c->own) {
        c->own = malloc(256);
    }
    c->txn = BuildFrame(c->own, 8, code, 2, Random(&t->seed));
    c->txp = c->own;
    c->state = S_CLOSING;
    return Flush(t, c);
}

/* ---- receiving */
static int
MessageDone(Thread *t, Client *c, uint64_t now)
{
    if (opt.mode == M_BCAST) {
        if (c == t->pub) {
            return 0;
        }
        unsigned seq;
        uint8_t *p = c->sbuf;
        uint8_t *q = memmem(p, c->sbn, "#0", 2);
        if (!q || (q - p) + 14 > c->sbn || q[13] != '#') {
            t->verr++;
            Complain("broadcast: no marker in %zu bytes", (size_t)c->moff);
            return 0;
        }
        seq = (unsigned)strtoul((char *)q + 1, NULL, 10);
        if (!opt.loose && c->moff != (uint64_t)opt.size) {
            t->verr++;
            Complain("broadcast length %llu", (unsigned long long)c->moff);
        }
        if (seq != c->rcvd) {
            t->verr++;
            Complain("broadcast order: got %u want %u", seq, c->rcvd);
            c->rcvd = seq;
        }
        c->rcvd++;
        if (t->measuring) {
            t->msgs++;
            t->bytes += c->moff;
            HistogramAdd(&t->h, now - t->bts[seq % t->bwin]);
        }
        if (--t->brem[seq % t->bwin] == 0) {
            if (t->measuring) {
                HistogramAdd(&t->h2, now - t->bts[seq % t->bwin]);
            }
            t->bdone++;
        }
        return 0;
    }
    if (c->moff != (uint64_t)opt.size) {
        t->verr++;
        Complain("length %llu want %d", (unsigned long long)c->moff, opt.size);
    }
    if (c->rcvd == c->sent) {
        t->verr++;
        Complain("unexpected message");
        return 0;
    }
    if (t->measuring) {
        t->msgs++;
        t->bytes += c->moff;
        if (opt.mode == M_ECHO) {
            HistogramAdd(&t->h, now - c->ts[c->rcvd % opt.depth]);
        }
    }
    c->rcvd++;
    return 0;
}

/* The head of a frame is complete: what follows, and may it?  -1: no. */
static int
TakeHead(Thread *t, Client *c)
{
    uint64_t length = c->hdr[1];

    if (length == 126) {
        length = ((uint64_t)c->hdr[2] << 8) | c->hdr[3];
    } else if (length == 127) {
        length = 0;
        for (int i = 0; i < 8; i++) {
            length = (length << 8) | c->hdr[2 + i];
        }
    }
    c->opcode = c->hdr[0] & 15;
    c->fin = c->hdr[0] >> 7;
    c->plen = length;
    c->poff = 0;
    c->hn = 0;
    c->hneed = 2;
    if (c->opcode == 1 || c->opcode == 2) {
        c->packed = (c->hdr[0] & 0x40) != 0;
        c->zlen = 0;
        c->moff = 0;
        c->sbn = 0;
        if (opt.mode != M_BCAST && c->opcode != (opt.text ? 1 : 2)) {
            t->verr++;
            Complain("opcode %d", c->opcode);
        }
    }
    if (c->opcode >= 8 && length > 125) {
        Complain("long control frame");
        return -1;
    }
    c->inpay = 1;
    return 0;
}

/* One byte of a head.  -1: it cannot be one of a server's. */
static int
FeedHead(Thread *t, Client *c, uint8_t byte)
{
    c->hdr[c->hn++] = byte;
    if (c->hn == 2) {
        if (c->hdr[1] & 0x80) {
            Complain("masked frame from the server");
            return -1;
        }
        if (c->hdr[0] & (opt.deflate && (c->hdr[0] & 15) < 8 ? 0x30 : 0x70)) {
            Complain("RSV bits set");
            return -1;
        }
        c->hneed = 2 + (c->hdr[1] == 126 ? 2 : c->hdr[1] == 127 ? 8 : 0);
    }
    return c->hn < c->hneed ? 0 : TakeHead(t, c);
}

/* Bytes of a published message: its start is kept for the marker, the rest is filler that is known. */
static void
CheckPublished(Thread *t, Client *c, const uint8_t *p, size_t k)
{
    const uint64_t marker = 14, size = (uint64_t)opt.size;

    if (c->sbn < sizeof c->sbuf) {
        size_t m = sizeof c->sbuf - c->sbn < k ? sizeof c->sbuf - c->sbn : k;

        memcpy(c->sbuf + c->sbn, p, m);
        c->sbn += m;
    }
    if (!opt.loose && c != t->pub && c->moff + k > marker && c->moff + k <= size) {
        size_t skip = c->moff >= marker ? 0 : (size_t)(marker - c->moff);

        if (memcmp(t->bpay + c->moff + skip, p + skip, k - skip) != 0) {
            t->verr++;
            Complain("broadcast payload");
        }
    }
}

static void
TakePayload(Thread *t, Client *c, const uint8_t *p, size_t k)
{
    if (c->opcode >= 8) {
        memcpy(c->ctl + c->poff, p, k);
    } else if (c->packed) {
        if (c->zlen + k + 4 > c->zsize) {      /* 4: the end that permessage-deflate leaves away */
            c->zsize = 2 * (c->zlen + k + 4);
            c->zbuf = realloc(c->zbuf, c->zsize);
        }
        memcpy(c->zbuf + c->zlen, p, k);
        c->zlen += k;
    } else if (opt.mode == M_BCAST) {
        CheckPublished(t, c, p, k);
        c->moff += k;
    } else {
        const uint8_t *want = payloads + (size_t)opt.size * ((c->id + c->rcvd) % poolSize);

        if (c->moff + k > (uint64_t)opt.size || memcmp(want + c->moff, p, k) != 0) {
            t->verr++;
            Complain("payload differs at %llu (+%zu) client %u message %u", (unsigned long long)c->moff, k, c->id,
                     c->rcvd);
        }
        c->moff += k;
    }
    c->poff += k;
}

/* A compressed message is there: its bytes are looked at as if they had come so. */
static void
Inflate(Thread *t, Client *c)
{
    static const uint8_t end[4] = {0, 0, 0xff, 0xff};
    uint8_t              plain[16384];
    int                  result;

    memcpy(c->zbuf + c->zlen, end, 4);
    c->packed = 0;
    t->compressed++;
    if (!t->inflating) {
        inflateInit2(&t->inflater, -15);
        t->inflating = 1;
    }
    inflateReset(&t->inflater);
    t->inflater.next_in = c->zbuf;
    t->inflater.avail_in = c->zlen + 4;
    do {
        uint64_t poff = c->poff;

        t->inflater.next_out = plain;
        t->inflater.avail_out = sizeof plain;
        result = inflate(&t->inflater, Z_SYNC_FLUSH);
        if (result != Z_OK && result != Z_BUF_ERROR) {
            t->verr++;
            Complain("inflate: %d", result);
            return;
        }
        TakePayload(t, c, plain, sizeof plain - t->inflater.avail_out);
        c->poff = poff;
    } while (t->inflater.avail_out == 0);
}

static void
FrameDone(Thread *t, Client *c, uint64_t now)
{
    c->inpay = 0;
    if (c->opcode < 8) {
        if (c->fin) {
            if (c->packed) {
                Inflate(t, c);
            }
            MessageDone(t, c, now);
        }
    } else if (c->opcode == 9) {
        c->ctln = c->plen;
        c->pongpend = 1;
        t->pings++;
    } else if (c->opcode == 8) {
        c->gotclose = 1;
        t->closes++;
    }
}

static int
ParseFrames(Thread *t, Client *c, const uint8_t *p, size_t n, uint64_t now)
{
    while (n > 0) {
        if (!c->inpay && opt.lines) {          /* all are of one length, and need no head */
            c->opcode = opt.text ? 1 : 2;
            c->fin = c->inpay = 1;
            c->plen = opt.size;
            c->poff = c->moff = 0;
        } else if (!c->inpay) {
            if (FeedHead(t, c, *p) != 0) {
                return -1;
            }
            p++;
            n--;
        }
        if (c->inpay) {
            size_t k = n < c->plen - c->poff ? n : (size_t)(c->plen - c->poff);

            TakePayload(t, c, p, k);
            p += k;
            n -= k;
            if (c->poff == c->plen) {
                FrameDone(t, c, now);
            }
        }
    }
    return 0;
}

static void
Opened(Thread *t, Client *c, uint64_t now)
{
    c->state = S_OPEN;
    t->opened++;
    t->inflight--;
    if (opt.mode == M_CHURN) {
        if (t->measuring) {
            HistogramAdd(&t->h2, now - c->t0);
        }
        if (opt.connectonly) {
            SendClose(t, c);
            return;
        }
        ClientPump(t, c, now);
    }
}

static int
CheckAccept(Client *c)
{
    char *a = strcasestr(c->hb, "\r\nsec-websocket-accept:");
    if (!a) {
        Complain("no accept header");
        return 0;
    }
    a += 23;
    while (*a == ' ') {
        a++;
    }
    if (strncmp(a, accepts[c->kidx], strlen(accepts[c->kidx]))) {
        Complain("wrong accept");
        return 0;
    }
    return 1;
}

static int
ParseResponse(Thread *t, Client *c, const uint8_t *p, size_t n, uint64_t now)
{
    size_t m = n;
    if (m > 8191u - c->hl) {
        m = 8191 - c->hl;
    }
    memcpy(c->hb + c->hl, p, m);
    int old = c->hl;
    c->hl += m;
    c->hb[c->hl] = 0;
    char *e = memmem(c->hb, c->hl, "\r\n\r\n", 4);
    if (!e) {
        if (c->hl >= 8191) {
            Complain("long response");
            return -1;
        }
        return 0;
    }
    size_t used = (size_t)(e + 4 - c->hb) - old;
    if (strncmp(c->hb, "HTTP/1.1 101", 12)) {
        char *q = strchr(c->hb, '\r');
        if (q) {
            *q = 0;
        }
        Complain("upgrade refused: %s", c->hb);
        return -1;
    }
    if (!opt.lines && !CheckAccept(c)) {
        return -1;
    }
    if (opt.mode != M_CHURN) {
        free(c->hb);
        c->hb = NULL;
    }
    Opened(t, c, now);
    if (n > used) {
        return ParseFrames(t, c, p + used, n - used, now);
    }
    return 0;
}

void
ClientLost(Thread *t, Client *c)
{ /* unexpected end */
    if (c->state != S_OPEN && c->state != S_CLOSING) {
        t->inflight--;
        t->failed++;
    }
    t->errs++;
    Abort(t, c);
}

static void
CycleDone(Thread *t, Client *c, uint64_t now)
{
    if (t->measuring) {
        HistogramAdd(&t->h, now - c->t0);
    }
    t->opened--;
    Abort(t, c);
    if (ClientStart(t, c)) {
        t->errs++;
        t->failed++;
    } else {
        t->inflight++;
    }
}

/* The connection is there, or is not.  True: there is nothing more to do with this event. */
static int
OnConnecting(Thread *t, Client *c, uint32_t ev)
{
    int err = PeerConnectError(c->fd);

    if (err != 0) {
        Complain("connect: %s", strerror(err));
        ClientLost(t, c);
        return 1;
    }
    if (!(ev & EPOLLOUT)) {
        return 1;
    }
    if (opt.tls) {
        c->ssl = PeerTls(tlsCtx, c->fd);
        c->state = S_TLS;
        return 0;
    }
    if (SendUpgrade(t, c)) {
        ClientLost(t, c);
    }
    return 1;
}

static void
OnHandshake(Thread *t, Client *c)
{
    Shake shake = PeerShake(c->ssl);

    if (shake == SHAKE_DONE) {
        if (SendUpgrade(t, c)) {
            ClientLost(t, c);
        }
    } else if (shake == SHAKE_FAILED) {
        ClientLost(t, c);
    } else {
        WantWrite(t, c, shake == SHAKE_WRITES);
    }
}

/* All that is there.  0; 1: and then the end; -1: it broke, or was not understood. */
static int
ReadAll(Thread *t, Client *c, uint64_t *now)
{
    for (;;) {
        ssize_t r = PeerRead(c->fd, c->ssl, t->rb, opt.rbuf);

        if (r < 0) {
            if (errno == EAGAIN) {
                return 0;
            }
            if (c->state == S_CLOSING && (errno == ECONNRESET || errno == EIO)) {
                return 1;
            }
            Complain("recv: %s", strerror(errno));
            return -1;
        }
        if (r == 0) {
            return 1;
        }
        *now = NowNs();
        if (c->state == S_HTTP ? ParseResponse(t, c, t->rb, r, *now) : ParseFrames(t, c, t->rb, r, *now)) {
            return -1;
        }
        if (c->ssl != NULL ? !SSL_has_pending(c->ssl) : r < opt.rbuf) {
            return 0;
        }
    }
}

/* Churn: an echo came, so close; or the close came, so begin anew.  True: there is nothing more to do with this event.
 */
static int
Churn(Thread *t, Client *c, int eof, uint64_t now)
{
    if (c->state == S_OPEN && c->rcvd == 1) {
        if (opt.abortclose) {
            CycleDone(t, c, now);
            return 1;
        }
        if (SendClose(t, c)) {
            ClientLost(t, c);
            return 1;
        }
    } else if (c->state == S_CLOSING && (c->gotclose || eof)) {
        CycleDone(t, c, now);
        return 1;
    }
    return 0;
}

static void
OnReadable(Thread *t, Client *c)
{
    uint64_t now = 0;
    int      eof = ReadAll(t, c, &now);

    if (eof < 0 || (c->pongpend && !c->txn && Flush(t, c))) {
        ClientLost(t, c);
        return;
    }
    if (now == 0) {
        now = NowNs();
    }
    if (opt.mode == M_CHURN && Churn(t, c, eof, now)) {
        return;
    }
    if (eof) {
        if (stopping) {
            Abort(t, c);
        } else {
            Complain("server closed (state %d)", c->state);
            ClientLost(t, c);
        }
        return;
    }
    if (opt.mode == M_ECHO && c->state == S_OPEN && endAt && c->isactive && ClientPump(t, c, now)) {
        ClientLost(t, c);
    }
    if (opt.mode == M_BCAST && endAt && t->bseq - t->bdone < t->bwin) {
        ClientPublish(t);
    }
}

static void
OnEvent(Thread *t, Client *c, uint32_t ev)
{
    if (c->fd < 0 || (c->state == S_CONNECTING && OnConnecting(t, c, ev))) {
        return;
    }
    if (c->state == S_TLS) {
        OnHandshake(t, c);
        return;
    }
    if ((ev & EPOLLOUT) && Flush(t, c)) {
        ClientLost(t, c);
        return;
    }
    if (ev & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
        OnReadable(t, c);
    }
}

void
PollOnce(Thread *t, int ms)
{
    struct epoll_event ev[512];
    int                n = epoll_wait(t->ep, ev, 512, ms);
    for (int i = 0; i < n; i++) {
        OnEvent(t, ev[i].data.ptr, ev[i].events);
    }
}
