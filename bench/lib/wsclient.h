/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The clients of wsload: connections, and what they send and check.
 */
#ifndef BENCH_WSCLIENT_H
#define BENCH_WSCLIENT_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdint.h>
#include <zlib.h>
#include "histogram.h"

enum { M_ECHO, M_IDLE, M_BCAST, M_CHURN };
enum { S_NEW, S_CONNECTING, S_TLS, S_HTTP, S_OPEN, S_CLOSING, S_DEAD };

typedef struct Options {
    const char *host, *path, *pubpath, *tag, *hdr, *proto;
    int port, tls, conns, active, size, depth, mode, threads, nsrc, text, rbuf, inflight, pid, kmsgs, loose, abortclose,
        connectonly, hold, lines, deflate;
    double dur, warm;
} Options;

extern Options opt;

typedef struct Client {
    int            fd;
    uint32_t       id;
    uint8_t        state, wantw, inpay, opcode, fin, hn, hneed, first, ctln, pongpend, isactive, gotclose;
    uint8_t        hdr[14];
    SSL           *ssl;
    uint32_t       sent, rcvd, kidx;
    const uint8_t *txp;
    size_t         txn;
    uint64_t       plen, poff, moff;
    uint64_t       t0;
    uint64_t      *ts;
    char          *hb;
    int            hl;
    uint8_t       *own; /* bytes owned by this connection that txp may point into */
    uint8_t        ctl[128];
    uint8_t        sbuf[80];
    uint8_t        sbn; /* broadcast: first bytes of the message */
    uint8_t        packed;                     /* the message is compressed: it is gathered in ... */
    uint8_t       *zbuf;
    size_t         zlen, zsize;
} Client;

typedef struct Thread {
    int       idx, ep;
    pthread_t tid;
    Client   *c;
    int       n, opened, failed, started, inflight;
    Client   *pub;
    uint64_t  msgs, bytes, errs, verr, pings, closes;
    int       measuring;
    Histogram h, h2;
    uint8_t  *rb;
    uint32_t  seed;
    uint64_t  phase;
    z_stream  inflater;                        /* for messages that refer to nothing before */
    int       inflating;
    uint64_t  compressed;                      /* messages that were */
    /* broadcast */
    uint64_t *bts;
    uint32_t *brem;
    uint32_t  bwin;
    uint32_t  bseq, bdone;
    uint8_t  *bframe;
    uint8_t  *bpay;
    size_t    bflen;
} Thread;

#define NKEYS 64
extern SSL_CTX          *tlsCtx;
extern volatile uint64_t warmUntil, endAt; /* by NowNs; 0 before */
extern volatile int      stopping;
/* Frames and handshake keys, made before the first connection. */
void BuildPool(void);
/* 0, or -1: it could not start. */
int ClientStart(Thread *t, Client *c);
/* Echo: as many messages as `depth` lets.  -1: the connection broke. */
int ClientPump(Thread *t, Client *c, uint64_t now);
/* Broadcast: as many messages as the window lets. */
int  ClientPublish(Thread *t);
void ClientLost(Thread *t, Client *c);
/* Wait for events and handle them. */
void PollOnce(Thread *t, int ms);

#endif
