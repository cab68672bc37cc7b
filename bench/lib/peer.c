/* SPDX-License-Identifier: MPL-2.0 */
/*
 * See peer.h.
 */
#include <errno.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

char               complaint[256];
atomic_ullong      complaints;
const char        *complainAs;
static atomic_flag complained = ATOMIC_FLAG_INIT;

void
Complain(const char *fmt, ...)
{
    va_list ap;

    atomic_fetch_add(&complaints, 1u);
    if (!atomic_flag_test_and_set(&complained)) {
        va_start(ap, fmt);
        vsnprintf(complaint, sizeof(complaint), fmt, ap);
        va_end(ap);
        if (complainAs != NULL) {
            fprintf(stderr, "%s: %s\n", complainAs, complaint);
        }
    }
}

/* What a call into OpenSSL that gave no bytes means. */
static ssize_t
NoBytes(SSL *ssl, int result)
{
    int error = SSL_get_error(ssl, result);

    if (error == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EIO;
    ERR_clear_error();
    return -1;
}

ssize_t
PeerRead(int fd, SSL *ssl, void *data, size_t size)
{
    int n;

    if (ssl == NULL) {
        return recv(fd, data, size, 0);
    }
    n = SSL_read(ssl, data, (int)size);
    return n > 0 ? n : NoBytes(ssl, n);
}

ssize_t
PeerWrite(int fd, SSL *ssl, const void *data, size_t size)
{
    ssize_t n;

    if (ssl == NULL) {
        return send(fd, data, size, MSG_NOSIGNAL);
    }
    n = SSL_write(ssl, data, size > (1u << 30) ? 1 << 30 : (int)size);
    if (n <= 0 && (n = NoBytes(ssl, (int)n)) == 0) {
        errno = EIO;                           /* the other side has said its last word */
        n = -1;
    }
    return n;
}

int
PeerConnectError(int fd)
{
    int       error = 0;
    socklen_t len = sizeof(error);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

SSL *
PeerTls(SSL_CTX *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);

    SSL_set_fd(ssl, fd);
    SSL_set_connect_state(ssl);
    return ssl;
}

Shake
PeerShake(SSL *ssl)
{
    int   result = SSL_do_handshake(ssl);
    Shake shake = SHAKE_DONE;

    if (result != 1) {
        int error = SSL_get_error(ssl, result);

        shake = error == SSL_ERROR_WANT_READ ? SHAKE_READS : error == SSL_ERROR_WANT_WRITE ? SHAKE_WRITES : SHAKE_FAILED;
    }
    if (shake == SHAKE_FAILED) {
        const char *reason = ERR_reason_error_string(ERR_get_error());

        Complain("TLS: %s", reason != NULL ? reason : "the connection ended");
        ERR_clear_error();
    }
    return shake;
}

void
PeerClose(int fd, SSL *ssl, bool reset)
{
    struct linger hard = {1, 0};

    SSL_free(ssl);
    if (fd >= 0) {
        if (reset) {
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        }
        close(fd);
    }
}

unsigned long
PeerPrepare(void)
{
    struct rlimit limit;

    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_max;
}
