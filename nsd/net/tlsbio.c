/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The socket below a TLS session, and what a peer may make OpenSSL do.
 *
 * OpenSSL reads until it has data or the socket has nothing more, and a peer that keeps sending what is no data (KeyUpdates, tickets,
 * warnings) would hold the thread for as long as it likes.  So each call into OpenSSL gets a budget of bytes, behind which the socket
 * says that it has nothing; the loop tells of the rest.  And a session that has brought more of such messages than its data and its time
 * excuse is told that its peer has finished, which ends the call at the next record.
 */
#include <errno.h>
#include <pthread.h>
#include <netinet/in.h>
#include "ns.h"
#include "net/eventloop.h"
#include "net/tls.h"

#define MAX_STEPS     64                       /* beyond what is excused; a KeyUpdate is one, or some with its answer */
#define EXCUSED_BY    1024                     /* bytes of data for one step */
#define EXCUSED_AFTER 1000                     /* ms for one step */

static BIO_METHOD    *bioMethod;
static pthread_once_t bioOnce = PTHREAD_ONCE_INIT;
static atomic_ullong  floods;

static int
BioRead(BIO *bio, char *buffer, int size)
{
    NsTlsGuard *guard = BIO_get_data(bio);
    ssize_t     n;

    BIO_clear_retry_flags(bio);
    if ((size_t)size > guard->budget) {
        size = (int)guard->budget;
    }
    if (size == 0) {
        BIO_set_retry_read(bio);
        errno = EAGAIN;
        return -1;
    }
    do {
        n = recv(guard->fd, buffer, (size_t)size, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        guard->budget -= (size_t)n;
    } else if (n == 0) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    } else if (errno == EAGAIN) {
        BIO_set_retry_read(bio);
    }
    return (int)n;
}

/* Unlike OpenSSL's own, it raises no SIGPIPE. */
static int
BioWrite(BIO *bio, const char *data, int size)
{
    const NsTlsGuard *guard = BIO_get_data(bio);
    ssize_t           n;

    BIO_clear_retry_flags(bio);
    do {
        n = send(guard->fd, data, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        BIO_set_retry_write(bio);
    }
    return (int)n;
}

static long
BioCtrl(BIO *bio, int command, long num, void *arg)
{
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF:   return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default:             return 0;
    }
}

static void
MakeBioMethod(void)
{
    bioMethod = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket of nsd");
    if (bioMethod != NULL) {
        BIO_meth_set_read(bioMethod, BioRead);
        BIO_meth_set_write(bioMethod, BioWrite);
        BIO_meth_set_ctrl(bioMethod, BioCtrl);
    }
}

SSL *
NsTlsGuardedNew(SSL_CTX *ctx, NsTlsGuard *guard)
{
    SSL *ssl;
    BIO *bio;

    pthread_once(&bioOnce, MakeBioMethod);
    ssl = SSL_new(ctx);
    bio = bioMethod != NULL ? BIO_new(bioMethod) : NULL;
    if (ssl == NULL || bio == NULL) {
        SSL_free(ssl);
        BIO_free(bio);
        return NULL;
    }
    BIO_set_data(bio, guard);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, guard);
    return ssl;
}

/* Data and time excuse some steps; the rest of both counts on. */
static void
Excuse(NsTlsGuard *guard)
{
    int64_t now = NsLoopClock(), excused;

    if (guard->since == 0) {
        guard->since = now;
    }
    excused = (int64_t)(guard->data / EXCUSED_BY) + (now - guard->since) / EXCUSED_AFTER;
    guard->data %= EXCUSED_BY;
    guard->since += (now - guard->since) / EXCUSED_AFTER * EXCUSED_AFTER;
    guard->steps = excused >= guard->steps ? 0 : guard->steps - (int)excused;
}

static void
Flooded(NsTlsGuard *guard)
{
    struct sockaddr_storage peer;
    socklen_t               len = sizeof(peer);
    char                    text[INET6_ADDRSTRLEN] = "a local peer";

    guard->flooded = true;
    atomic_fetch_add_explicit(&floods, 1u, memory_order_relaxed);
    if (getpeername(guard->fd, (struct sockaddr *)&peer, &len) == 0 && peer.ss_family != AF_UNIX) {
        (void)ns_inet_ntop((struct sockaddr *)&peer, text, sizeof(text));
    }
    Ns_Log(Notice, "tls: closed: too many messages without data (KeyUpdate, ticket, warning) from %s", text);
}

void
NsTlsCountStep(const SSL *ssl, int where, int result)
{
    NsTlsGuard *guard = SSL_get_app_data(ssl);

    (void)result;
    if (guard == NULL || !guard->established || (where & (SSL_CB_LOOP | SSL_CB_ALERT)) == 0) {
        return;
    }
    Excuse(guard);
    guard->steps++;
    guard->stepsOfCall++;
    if (guard->steps > MAX_STEPS) {
        if (!guard->flooded) {
            Flooded(guard);
        }
        SSL_set_shutdown((SSL *)(uintptr_t)ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
    }
}

unsigned long long
NsTlsFloods(void)
{
    return atomic_load_explicit(&floods, memory_order_relaxed);
}
