/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the load programs share of their connections: not blocking, plain (`ssl` NULL) or TLS; and what they complain of.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* More than 0: bytes; 0: the end (reading); -1 and errno: EAGAIN, EIO of TLS, or what the system says. */
ssize_t PeerRead(int fd, SSL *ssl, void *data, size_t size);
ssize_t PeerWrite(int fd, SSL *ssl, const void *data, size_t size);

/* An errno that connect() came to, or 0. */
int PeerConnectError(int fd);
/* A client's session, whose handshake is to begin. */
SSL *PeerTls(SSL_CTX *ctx, int fd);
typedef enum { SHAKE_DONE, SHAKE_READS, SHAKE_WRITES, SHAKE_FAILED } Shake;
/* A step of it; when it fails, a complaint. */
Shake PeerShake(SSL *ssl);
/* Close, and free the session (NULL is fine); `reset`: without a word. */
void PeerClose(int fd, SSL *ssl, bool reset);

/* At the start: no SIGPIPE, and as many descriptors as there may be; how many. */
unsigned long PeerPrepare(void);

/* The first complaint is kept, all are counted; with `complainAs` it is told on stderr as well.  Any thread. */
extern char          complaint[256];
extern atomic_ullong complaints;
extern const char   *complainAs;               /* the name of the program; NULL: not told */
void Complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
