/* SPDX-License-Identifier: MPL-2.0 */
/*
 * rawecho - the smallest epoll WebSocket server, the "physical limit"
 * of one thread: one recv() and one send() per readable event, unmasking in
 * place, no UTF-8 check, no timers, no features.
 *
 *   rawecho PORT [CERT KEY]
 *   any path echoes; /topic/sub subscribes; each message on /topic/pub goes to all of them; on /line... lines come back
 *   a request that is no handshake is answered with 1,024 bytes
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct Client {
    int      fd;
    uint8_t  open, kind, wantw, tlsup;
    int      subidx;
    uint8_t *in;
    uint32_t inn; /* an incomplete frame */
    uint8_t *out;
    uint32_t outn, outcap; /* unsent output */
    SSL     *ssl;
} Client;

static uint8_t httpAnswer[2048]; /* to requests that are no handshakes */
static size_t  httpAnswerLen;

#define BUF (1 << 19)
static uint8_t  buf[BUF], bbuf[BUF];
static int      ep;
static SSL_CTX *ctx;
static Client **subs;
static int      nsubs, capsubs;

static void
WantWrite(Client *c, int w)
{
    if (c->wantw == w) {
        return;
    }
    c->wantw = w;
    struct epoll_event e = {.events = EPOLLIN | (w ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
}
static void
Drop(Client *c)
{
    if (c->kind == 1) {
        subs[c->subidx] = subs[--nsubs];
        subs[c->subidx]->subidx = c->subidx;
    }
    if (c->ssl) {
        SSL_free(c->ssl);
    }
    close(c->fd);
    free(c->in);
    free(c->out);
    free(c);
}
static ssize_t
Send(Client *c, const void *p, size_t n)
{
    if (!c->ssl) {
        return send(c->fd, p, n, MSG_NOSIGNAL);
    }
    int r = SSL_write(c->ssl, p, (int)n);
    if (r > 0) {
        return r;
    }
    int e = SSL_get_error(c->ssl, r);
    errno = (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) ? EAGAIN : EIO;
    return -1;
}
static ssize_t
Receive(Client *c, void *p, size_t n)
{
    if (!c->ssl) {
        return recv(c->fd, p, n, 0);
    }
    int r = SSL_read(c->ssl, p, (int)n);
    if (r > 0) {
        return r;
    }
    int e = SSL_get_error(c->ssl, r);
    if (e == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    errno = (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) ? EAGAIN : EIO;
    ERR_clear_error();
    return -1;
}
static int
Out(Client *c, const uint8_t *p, size_t n)
{
    if (!c->outn) {
        ssize_t r = Send(c, p, n);
        if (r < 0) {
            if (errno != EAGAIN) {
                return -1;
            }
            r = 0;
        }
        p += r;
        n -= r;
        if (!n) {
            return 0;
        }
    }
    if (c->outn + n > c->outcap) {
        c->outcap = (c->outn + n) * 2;
        c->out = realloc(c->out, c->outcap);
    }
    memcpy(c->out + c->outn, p, n);
    c->outn += n;
    WantWrite(c, 1);
    return 0;
}
static int
Flush(Client *c)
{
    while (c->outn) {
        ssize_t r = Send(c, c->out, c->outn);
        if (r < 0) {
            return errno == EAGAIN ? 0 : -1;
        }
        c->outn -= r;
        memmove(c->out, c->out + r, c->outn);
    }
    free(c->out);
    c->out = NULL;
    c->outcap = 0;
    WantWrite(c, 0);
    return 0;
}
static int
Handshake(Client *c, uint8_t *p, size_t n, size_t *used)
{
    uint8_t *e = memmem(p, n, "\r\n\r\n", 4);
    if (!e) {
        return 0;
    }
    *used = e + 4 - p;
    *e = 0;
    char *k = strcasestr((char *)p, "\r\nsec-websocket-key:");
    if (!k) {
        return *used == n && Out(c, httpAnswer, httpAnswerLen) == 0 ? 2 : -1;
    }
    k += 20;
    while (*k == ' ') {
        k++;
    }
    char    b[128];
    char    a[64];
    char    r[256];
    int     kl = strcspn(k, "\r \n");
    uint8_t d[20];
    int     m = snprintf(b, sizeof b, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", kl > 60 ? 60 : kl, k);
    SHA1((uint8_t *)b, m, d);
    EVP_EncodeBlock((uint8_t *)a, d, 20);
    m = snprintf(r, sizeof r,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                 "Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                 a);
    c->open = 1;
    if (!strncmp((char *)p, "GET /topic/sub ", 15)) {
        c->kind = 1;
        if (nsubs == capsubs) {
            subs = realloc(subs, (capsubs = capsubs ? capsubs * 2 : 1024) * sizeof *subs);
        }
        c->subidx = nsubs;
        subs[nsubs++] = c;
    } else if (!strncmp((char *)p, "GET /topic/pub ", 15)) {
        c->kind = 2;
    } else if (!strncmp((char *)p, "GET /line", 9)) {
        c->kind = 3;
    }
    return Out(c, (uint8_t *)r, m) ? -1 : 1;
}
static inline size_t
PutHead(uint8_t *d, uint8_t b0, uint64_t l)
{
    d[0] = b0;
    if (l < 126) {
        d[1] = l;
        return 2;
    }
    if (l < 65536) {
        d[1] = 126;
        d[2] = l >> 8;
        d[3] = l;
        return 4;
    }
    d[1] = 127;
    for (int i = 0; i < 8; i++) {
        d[2 + i] = l >> (56 - 8 * i);
    }
    return 10;
}
/* Lines: what is complete of bytes i .. n goes back, the rest is kept. */
static int
EchoLines(Client *c, size_t i, size_t n)
{
    uint8_t *last = memrchr(buf + i, '\n', n - i);
    size_t   whole = last ? (size_t)(last + 1 - buf) : i;

    if (whole < n) {
        c->inn = n - whole;
        c->in = malloc(c->inn);
        memcpy(c->in, buf + whole, c->inn);
    }
    return whole > i ? Out(c, buf + i, whole - i) : 0;
}
static int
OnReadable(Client *c)
{
    for (;;) {
        uint8_t *p = buf;
        size_t   n = 0;
        if (c->inn) {
            memcpy(buf, c->in, c->inn);
            n = c->inn;
        }
        ssize_t r = Receive(c, buf + n, BUF - n);
        if (r == 0) {
            return -1;
        }
        if (r < 0) {
            return errno == EAGAIN ? 0 : -1;
        }
        int full = (size_t)r == BUF - n;
        n += r;
        if (c->inn) {
            free(c->in);
            c->in = NULL;
            c->inn = 0;
        }
        size_t i = 0;
        if (!c->open) {
            size_t used;
            int    x = Handshake(c, p, n, &used);
            if (x < 0) {
                return -1;
            }
            if (x == 2) {
                return 0;
            }
            if (x > 0) {
                i = used;
            } else {
                goto keep;
            }
        }
        if (c->kind == 3) {
            if (EchoLines(c, i, n)) {
                return -1;
            }
            goto next;
        }
        uint8_t *d = buf;
        int      closing = 0; /* output is compacted into the input buffer */
        while (n - i >= 6) {
            uint8_t *f = buf + i;
            uint64_t l = f[1] & 0x7f;
            size_t   h = 6;
            if (!(f[1] & 0x80)) {
                return -1;
            }
            if (l == 126) {
                if (n - i < 8) {
                    break;
                }
                l = f[2] << 8 | f[3];
                h = 8;
            } else if (l == 127) {
                if (n - i < 14) {
                    break;
                }
                l = 0;
                for (int k = 0; k < 8; k++) {
                    l = l << 8 | f[2 + k];
                }
                h = 14;
            }
            if (l > BUF - 16) {
                return -1;
            }
            if (n - i < h + l) {
                break;
            }
            uint32_t m;
            memcpy(&m, f + h - 4, 4);
            uint64_t m8 = (uint64_t)m << 32 | m;
            uint8_t  op = f[0] & 15;
            uint8_t  b0 = f[0];
            uint8_t *s = f + h;
            if (op == 9) {
                b0 = 0x8a;
            } else if (op == 8) {
                closing = 1;
            }
            size_t   hl = op == 10 ? 0 : PutHead(d, b0, l);
            uint8_t *w = d + hl;
            size_t   k = 0;
            for (; k + 8 <= l; k += 8) {
                uint64_t v;
                memcpy(&v, s + k, 8);
                v ^= m8;
                memcpy(w + k, &v, 8);
            }
            for (; k < l; k++) {
                w[k] = s[k] ^ ((uint8_t *)&m)[k & 3];
            }
            if (op != 10) {
                d = w + l;
            }
            i += h + l;
            if (closing) {
                break;
            }
        }
        size_t on = d - buf;
        if (i < n && !closing) {
            c->inn = n - i;
            c->in = malloc(c->inn);
            memcpy(c->in, buf + i, c->inn);
        }
        if (on) {
            if (c->kind == 2 && !closing) {
                memcpy(bbuf, buf, on); /* one send() per subscriber */
                for (int k = 0; k < nsubs; k++) {
                    Out(subs[k], bbuf, on);
                }
            } else if (Out(c, buf, on)) {
                return -1;
            }
        }
        if (closing) {
            return -1;
        }
    next:
        if (c->ssl && (full || SSL_has_pending(c->ssl))) {
            continue; /* read-ahead: one recv() per record, not two */
        }
        if (full) {
            continue;
        }
        return 0;
    keep:
        c->inn = n;
        c->in = malloc(n);
        memcpy(c->in, buf, n);
        return 0;
    }
}
int
main(int ac, char **av)
{
    if (ac < 2) {
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    httpAnswerLen = (size_t)sprintf((char *)httpAnswer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                                        "Content-Length: 1024\r\n\r\n");
    memset(httpAnswer + httpAnswerLen, 'x', 1024);
    httpAnswerLen += 1024;
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    if (ac >= 4) {
        ctx = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_read_ahead(ctx, 1);
        if (SSL_CTX_use_certificate_chain_file(ctx, av[2]) != 1 ||
            SSL_CTX_use_PrivateKey_file(ctx, av[3], SSL_FILETYPE_PEM) != 1) {
            fprintf(stderr, "cert\n");
            return 2;
        }
    }
    int ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int one = 1;
    setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(atoi(av[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(ls, (void *)&a, sizeof a) || listen(ls, 4096)) {
        perror("listen");
        return 2;
    }
    ep = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(ep, EPOLL_CTL_ADD, ls, &e);
    for (;;) {
        struct epoll_event ev[1024];
        int                n = epoll_wait(ep, ev, 1024, -1);
        for (int i = 0; i < n; i++) {
            Client *c = ev[i].data.ptr;
            if (!c) {
                for (;;) {
                    int fd = accept4(ls, NULL, NULL, SOCK_NONBLOCK);
                    if (fd < 0) {
                        break;
                    }
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    c = calloc(1, sizeof *c);
                    c->fd = fd;
                    if (ctx) {
                        c->ssl = SSL_new(ctx);
                        SSL_set_fd(c->ssl, fd);
                        SSL_set_accept_state(c->ssl);
                    }
                    struct epoll_event x = {.events = EPOLLIN, .data.ptr = c};
                    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &x);
                }
                continue;
            }
            if ((ev[i].events & EPOLLOUT) && Flush(c)) {
                Drop(c);
                continue;
            }
            if ((ev[i].events & ~(uint32_t)EPOLLOUT) && OnReadable(c)) {
                Drop(c);
            }
        }
    }
}
