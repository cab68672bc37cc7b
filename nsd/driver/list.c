/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Answers that clients have not taken yet, for other threads to look at.
 *
 * Nobody who sends waits for one who looks: the figures are atomic, and the lock of the list is not held while sending.
 */
#include <string.h>
#include "base/clock.h"
#include "driver/int.h"

static void
SetRate(NsSock *sock, int64_t rate, NsAnswerPool *pool)
{
    bool shared = pool != NULL && atomic_load_explicit(&pool->shared, memory_order_relaxed);

    atomic_store_explicit(&sock->delivery.rateLimit, rate, memory_order_relaxed);
    NsSockSetPace(sock, rate, shared ? &pool->rate : NULL);
}

/* What the driver itself answers has no pool, and no limit: it is short. */
static void
BeginPace(NsSock *sock, NsAnswerPool *pool)
{
    int64_t rate = 0;

    if (pool != NULL) {
        rate = atomic_load_explicit(&pool->connectionRate, memory_order_relaxed);
        rate = rate > 0 ? rate : sock->info.driver->rateLimit;
    }
    SetRate(sock, rate, pool);
}

void
NsSockBeginAnswer(NsSock *sock, const NsServer *server, NsAnswerPool *pool)
{
    Delivery *delivery = &sock->delivery;

    NS_CHECK(sock, SOCK_MAGIC);
    if (delivery->clientData != NULL) {
        NsSockSetClientData(sock, NULL);
    }
    atomic_store_explicit(&delivery->accepted, 0u, memory_order_relaxed);
    atomic_store_explicit(&delivery->since, 0, memory_order_relaxed);
    atomic_store_explicit(&delivery->pool, pool, memory_order_relaxed);
    atomic_store_explicit(&delivery->server, server, memory_order_relaxed);
    BeginPace(sock, pool);
}

void
NsSockSetRate(NsSock *sock, int64_t rate)
{
    NS_CHECK(sock, SOCK_MAGIC);
    SetRate(sock, rate, atomic_load_explicit(&sock->delivery.pool, memory_order_relaxed));
}

int64_t
NsSockGetRate(const NsSock *sock)
{
    NS_CHECK(sock, SOCK_MAGIC);
    return atomic_load_explicit(&sock->delivery.rateLimit, memory_order_relaxed);
}

void
NsSockSetClientData(NsSock *sock, const char *data)
{
    char *copy = ns_strdup(data), *old;

    NS_CHECK(sock, SOCK_MAGIC);
    Ns_MutexLock(&sock->thread->listLock);
    old = sock->delivery.clientData;
    sock->delivery.clientData = copy;
    Ns_MutexUnlock(&sock->thread->listLock);
    ns_free(old);
}

Ns_Set *
NsSockStorage(NsSock *sock)
{
    NS_CHECK(sock, SOCK_MAGIC);
    if (sock->storage == NULL) {
        sock->storage = Ns_SetCreate("sls");
    }
    return sock->storage;
}

void
NsSockCountAnswer(NsSock *sock, size_t len)
{
    atomic_fetch_add_explicit(&sock->delivery.accepted, len, memory_order_relaxed);
}

void
NsSockNotePending(NsSock *sock)
{
    Delivery *delivery = &sock->delivery;
    size_t    pending = sock->out.bytes;

    atomic_store_explicit(&delivery->pending, pending, memory_order_relaxed);
    if (pending > 0 && atomic_load_explicit(&delivery->since, memory_order_relaxed) == 0) {
        Ns_Time now;

        NsGetMonotonicTime(&now);
        atomic_store_explicit(&delivery->since, (long long)now.sec * 1000000 + now.usec, memory_order_relaxed);
    }
}

/* NaviServer's elements: start thread driver pool peer fd size sent rate ratelimit clientdata */
static Tcl_Obj *
DeliveryObj(const NsSock *sock, const Ns_Time *now, size_t pending, const NsAnswerPool *pool)
{
    const Delivery *delivery = &sock->delivery;
    size_t          size = atomic_load_explicit(&delivery->accepted, memory_order_relaxed), sent;
    long long       since = atomic_load_explicit(&delivery->since, memory_order_relaxed);
    long long       usec = (long long)now->sec * 1000000 + now->usec - since;
    const Ns_Time   sinceTime = {(long)(since / 1000000), (long)(since % 1000000)};
    Ns_Time         start;
    char            peer[INET6_ADDRSTRLEN] = "";
    Tcl_Obj        *list = Tcl_NewListObj(0, NULL);

    if (size < pending) {                      /* the figures are of two moments */
        size = pending;
    }
    sent = size - pending;
    (void)ns_inet_ntop(&sock->info.peer.sa, peer, sizeof(peer));
    NsMonotonicToDate(&sinceTime, &start);
    Tcl_ListObjAppendElement(NULL, list, Tcl_ObjPrintf("%ld.%06ld", start.sec, start.usec));
    Tcl_ListObjAppendElement(NULL, list, Tcl_ObjPrintf("-driver:%s:%d-", sock->info.driver->module, sock->thread->index));
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(sock->info.driver->module, -1));
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(pool->name, -1));
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(peer, -1));
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewIntObj(delivery->fd));
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewWideIntObj((Tcl_WideInt)size));
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewWideIntObj((Tcl_WideInt)sent));
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewWideIntObj(usec > 0 ? (Tcl_WideInt)sent * 1000 / usec : 0));
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewWideIntObj((Tcl_WideInt)NsRateKilobytes(NsSockGetRate(sock))));
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(delivery->clientData != NULL ? delivery->clientData : "", -1));
    return list;
}

static void
AppendOfThread(NsDriverThread *thread, const NsServer *wanted, Tcl_Obj *list)
{
    const NsSock *sock;
    Ns_Time       now;

    NsGetMonotonicTime(&now);
    Ns_MutexLock(&thread->listLock);
    for (sock = thread->socks; sock != NULL; sock = sock->next) {
        const NsServer      *server = atomic_load_explicit(&sock->delivery.server, memory_order_relaxed);
        const NsAnswerPool  *pool = atomic_load_explicit(&sock->delivery.pool, memory_order_relaxed);
        size_t               pending = atomic_load_explicit(&sock->delivery.pending, memory_order_relaxed);

        if (pending > 0 && server != NULL && pool != NULL && (wanted == NULL || wanted == server)) {
            Tcl_ListObjAppendElement(NULL, list, DeliveryObj(sock, &now, pending, pool));
        }
    }
    Ns_MutexUnlock(&thread->listLock);
}

void
NsDriverAppendDeliveries(const NsDriver *driver, const NsServer *server, Tcl_Obj *list)
{
    int i;

    for (i = 0; i < driver->driverThreads; i++) {
        AppendOfThread(&driver->state->threads[i], server, list);
    }
}
