/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sending, by the connection thread and by the loop, and the ways in which a Sock changes hands.
 *
 * While a connection thread owns the Sock, `out` is shared under the lock.  It is empty, or the loop knows of it: a task
 * is on its way, or the fd is watched.  So whoever finds bytes in it only adds his own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "driver/int.h"
#include "http/head.h"

#define BUDGET (512 * 1024)                    /* of one connection in a turn */
#define MAX_IOV 64
#define SMALL_QUEUE  (16 * 1024)
#define LARGE_QUEUES 16                        /* times writersize */

/* ---- the connection thread ---- */

const NsSockInfo *
NsSockGetInfo(const NsSock *sock)
{
    NS_CHECK(sock, SOCK_MAGIC);
    return &sock->info;
}

Ns_Wire *
NsSockIo(NsSock *sock)
{
    NS_CHECK(sock, SOCK_MAGIC);
    return &sock->io;
}

void
NsSockPost(NsSock *sock)
{
    if (!sock->posted) {
        sock->posted = true;
        NsLoopPost(sock->thread->loop, &sock->task);
    }
}

size_t
NsSockPending(NsSock *sock)
{
    size_t bytes;

    NS_CHECK(sock, SOCK_MAGIC);
    SockLock(sock);
    bytes = sock->out.bytes;
    SockUnlock(sock);
    return bytes;
}

/* What is behind the first `skip` bytes of a vector; the number of entries, the bytes in *len. */
static int
Behind(struct iovec *to, const struct iovec *iov, int iovcnt, size_t skip, size_t *len)
{
    int i, n = 0;

    *len = 0;
    for (i = 0; i < iovcnt && n < MAX_IOV; i++) {
        if (iov[i].iov_len <= skip) {
            skip -= iov[i].iov_len;
            continue;
        }
        to[n].iov_base = (char *)iov[i].iov_base + skip;
        to[n].iov_len = iov[i].iov_len - skip;
        *len += to[n].iov_len;
        skip = 0;
        n++;
    }
    return n;
}

/* As much as the socket takes; -1 and errno when it is broken. */
static ssize_t
SendNow(NsSock *sock, const struct iovec *iov, int iovcnt)
{
    struct iovec rest[MAX_IOV];
    size_t       sent = 0, len;
    int          n;

    while ((n = Behind(rest, iov, iovcnt, sent, &len)) > 0) {
        ssize_t result = sock->io.transport->send(&sock->io, rest, n);

        if (result < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
                break;
            }
            return -1;
        }
        sent += (size_t)result;
        /* A plain socket that took only a part is full. */
        if ((size_t)result < len && (result == 0 || sock->io.transport->pending == NULL)) {
            break;
        }
    }
    return (ssize_t)sent;
}

void
NsSockCountMemory(NsSock *sock)
{
    size_t now = sock->out.memory;

    if (now != sock->countedMemory) {
        /* Unsigned arithmetic: the difference may be negative. */
        atomic_fetch_add_explicit(&sock->thread->queuedMemory, now - sock->countedMemory, memory_order_relaxed);
        sock->countedMemory = now;
    }
    NsSockNotePending(sock);
}

/* `writersize`, or little when the Socks of this thread have much in memory already. */
static size_t
MemoryAllowed(const NsSock *sock)
{
    size_t allowed = atomic_load_explicit(&sock->info.driver->maxQueueMemory, memory_order_relaxed);

    if (allowed > SMALL_QUEUE
        && atomic_load_explicit(&sock->thread->queuedMemory, memory_order_relaxed) > LARGE_QUEUES * allowed) {
        allowed = SMALL_QUEUE;
    }
    return allowed;
}

/* In memory as far as that is allowed, behind that in a file. */
static Ns_ReturnCode
Enqueue(NsSock *sock, const struct iovec *iov, int iovcnt, size_t skip, size_t len)
{
    const NsDriver *driver = sock->info.driver;

    if (sock->out.memory + len <= MemoryAllowed(sock)) {
        NsOutAddCopy(&sock->out, iov, iovcnt, skip);
        return NS_OK;
    }
    if (driver->maxSpool > 0 && sock->out.bytes + len > driver->maxSpool) {
        Ns_Log(Warning, "%s: an answer of which the client has not taken %lu bytes is past writerspoolsize",
               driver->module, (unsigned long)sock->out.bytes);
        errno = ENOBUFS;
        return NS_ERROR;
    }
    DriverCount(&sock->thread->counters.spooled, 1u);
    DriverCount(&sock->thread->counters.spooledBytes, len);
    if (NsOutAddSpooled(&sock->out, driver->state->tmpDir, iov, iovcnt, skip) != NS_OK) {
        int err = errno;

        Ns_Log(Error, "%s: cannot keep an answer in a file in %s: %s", driver->module, driver->state->tmpDir,
               strerror(err));
        errno = err;
        return NS_ERROR;
    }
    return NS_OK;
}

/* Lock held.  Nothing more is sent on it; what was queued is given up. */
static void
Break(NsSock *sock, int err)
{
    sock->error = err;
    NsOutClear(&sock->out);
    NsSockCountMemory(sock);
}

Ns_ReturnCode
NsSockSend(NsSock *sock, const struct iovec *iov, int iovcnt, size_t *sentNow)
{
    size_t  total = 0;
    ssize_t n = 0;
    int     i, err;

    NS_CHECK(sock, SOCK_MAGIC);
    for (i = 0; i < iovcnt; i++) {
        total += iov[i].iov_len;
    }
    SockLock(sock);
    if (sock->error == 0 && total > 0) {
        bool wasEmpty = NsOutEmpty(&sock->out);

        NsSockCountAnswer(sock, total);
        if (wasEmpty && sock->pace == NULL) {
            n = SendNow(sock, iov, iovcnt);
        }
        if (n < 0) {
            Break(sock, errno);
            n = 0;
        } else if ((size_t)n < total) {
            if (Enqueue(sock, iov, iovcnt, (size_t)n, total - (size_t)n) != NS_OK) {
                Break(sock, errno);
            } else if (wasEmpty) {
                NsSockPost(sock);
            }
        }
        DriverCount(&sock->thread->counters.sentBytes, (unsigned long long)n);
        NsSockCountMemory(sock);
    }
    err = sock->error;
    SockUnlock(sock);
    if (sentNow != NULL) {
        *sentNow = (size_t)n;
    }
    errno = err;
    return err == 0 ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
NsSockSendFile(NsSock *sock, int fd, off_t offset, size_t len)
{
    int err;

    NS_CHECK(sock, SOCK_MAGIC);
    SockLock(sock);
    if (sock->error != 0) {
        close(fd);
    } else {
        bool   wasEmpty = NsOutEmpty(&sock->out);
        size_t sent = 0;

        NsSockCountAnswer(sock, len);
        NsOutAddFile(&sock->out, fd, offset, len);
        if (sock->pace != NULL) {
            if (wasEmpty && !NsOutEmpty(&sock->out)) {
                NsSockPost(sock);
            }
        } else if (wasEmpty && !NsOutEmpty(&sock->out)) {
            switch (NsOutSend(&sock->out, &sock->io, BUDGET, NULL, 0, &sent)) {
            case NS_OUT_DONE:
                break;
            case NS_OUT_MORE:
            case NS_OUT_AGAIN:
                NsSockPost(sock);
                break;
            case NS_OUT_ERROR:
                Break(sock, errno);
                break;
            }
            DriverCount(&sock->thread->counters.sentBytes, sent);
        }
        NsSockCountMemory(sock);
    }
    err = sock->error;
    SockUnlock(sock);
    errno = err;
    return err == 0 ? NS_OK : NS_ERROR;
}

void
NsSockReturn(NsSock *sock, bool keepAlive)
{
    NS_CHECK(sock, SOCK_MAGIC);
    SockLock(sock);
    NS_ASSERT(!sock->returned && !sock->gone);
    sock->returned = true;
    sock->keepAlive = keepAlive;
    NsSockPost(sock);
    SockUnlock(sock);
}

void
NsSockDetach(NsSock *sock, NsDetached *detached)
{
    NS_CHECK(sock, SOCK_MAGIC);
    memset(detached, 0, sizeof(*detached));
    SockLock(sock);
    NS_ASSERT(!sock->returned && !sock->gone);
    sock->gone = true;
    /*
     * The loop may have fetched an event for it, or be waiting for the lock in FlushBusy: it finds the Sock gone, and
     * the memory stays until the task has run.
     */
    NsLoopForget(sock->thread->loop, &sock->watch);
    detached->io = sock->io;
    detached->peer = sock->info.peer;
    detached->local = sock->info.local;
    detached->driver = sock->info.driver;
    detached->rest = sock->rest;
    detached->restLen = sock->restLen;
    NsOutMove(&detached->pending, &sock->out);
    NsSockCountMemory(sock);
    sock->rest = NULL;
    sock->restLen = 0;
    sock->io.sock = NS_INVALID_SOCKET;
    sock->io.arg = NULL;
    NsSockPost(sock);
    SockUnlock(sock);
}

/* ---- the loop's thread ---- */

static void
OnPace(NsLoop *loop, NsTimer *timer)
{
    NsSock *sock = ((SockPace *)(void *)((char *)timer - offsetof(SockPace, timer)))->sock;

    (void)loop;
    NS_CHECK(sock, SOCK_MAGIC);
    if (sock->state == SOCK_BUSY) {
        NsSockFlushBusy(sock);
    } else if (sock->state == SOCK_FLUSH) {
        NsSockFlush(sock);
    }
}

void
NsSockSetPace(NsSock *sock, int64_t rate, NsRateShare *share)
{
    if (sock->pace == NULL && rate == 0 && share == NULL) {
        return;                                /* only the thread that owns the Sock sets it: no need to ask the loop */
    }
    SockLock(sock);
    if (sock->pace == NULL) {
        sock->pace = ns_calloc(1u, sizeof(SockPace));
        sock->pace->sock = sock;
    } else {
        NsPacerIdle(&sock->pace->pacer);
        if (!NsOutEmpty(&sock->out)) {
            NsSockPost(sock);                  /* what waits need not wait as long as before */
        }
    }
    NsPacerInit(&sock->pace->pacer, rate, share);
    SockUnlock(sock);
}

void
NsSockFreePace(NsSock *sock)
{
    if (sock->pace != NULL) {
        NsLoopTimerCancel(sock->thread->loop, &sock->pace->timer);
        NsPacerIdle(&sock->pace->pacer);
        ns_free(sock->pace);
        sock->pace = NULL;
    }
}

/* The peer takes something now and then, but less than sendminrate. */
static bool
TooSlow(NsSock *sock, size_t sent)
{
    const NsDriver *driver = sock->info.driver;
    int64_t          now = NsLoopNow(sock->thread->loop);
    bool             slow = false;

    if (!NsTimerArmed(&sock->timer)) {
        NsPeerRateStart(&sock->peerRate, now);         /* now it begins to wait */
    } else if (!NsPeerRateCount(&sock->peerRate, now, sent, driver->sendWait, driver->sendMinRate)) {
        char peer[INET6_ADDRSTRLEN] = "";

        slow = true;
        DriverCount(&sock->thread->counters.tooSlow, 1u);
        Ns_Log(Notice, "%s: %s takes its answer with less than sendminrate: closed with %zu bytes unsent", driver->module,
               ns_inet_ntop(&sock->info.peer.sa, peer, sizeof(peer)), sock->out.bytes);
    }
    return slow;
}

/*
 * NS_OUT_MORE: it is posted to go on in the next turn; or *paced, it will when the rate allows more.  In the state BUSY under the
 * lock.
 */
static NsOutResult
SendQueue(NsSock *sock, bool *paced)
{
    NsLoop     *loop = sock->thread->loop;
    size_t      sent = 0;
    uint64_t    waits = sock->pace != NULL ? sock->pace->pacer.waits : 0u;
    int64_t     due, wait = 0;
    NsOutResult result = NsOutSendPaced(&sock->out, &sock->io, sock->pace != NULL ? &sock->pace->pacer : NULL,
                                        NsLoopNow(loop), BUDGET, NsLoopBuffer(loop), NS_LOOP_BUFFER, &sent, &due);

    DriverCount(&sock->thread->counters.sentBytes, sent);
    NsSockCountMemory(sock);
    *paced = due > 0;
    if (due > 0) {
        wait = due - NsLoopNow(loop);
        DriverCount(&sock->thread->counters.rateWaits, sock->pace->pacer.waits - waits);
        NsLoopTimerSet(loop, &sock->pace->timer, due, OnPace);
    }
    if (result == NS_OUT_DONE) {
        NsLoopTimerCancel(sock->thread->loop, &sock->timer);
    } else if (wait > 0) {
        NsPeerRateStart(&sock->peerRate, NsLoopNow(loop));     /* it is as slow as we want it to be */
        NsSockSetTimer(sock, wait + sock->info.driver->sendWait);
    } else if (sent > 0 || !NsTimerArmed(&sock->timer)) {
        if (TooSlow(sock, sent)) {
            errno = ETIMEDOUT;
            result = NS_OUT_ERROR;
        } else {
            NsSockSetTimer(sock, sock->info.driver->sendWait);     /* of time without progress */
        }
    }
    return result;
}

void
NsSockFlushBusy(NsSock *sock)
{
    bool paced;

    SockLock(sock);
    if (!sock->gone && sock->error == 0) {
        switch (SendQueue(sock, &paced)) {
        case NS_OUT_DONE:
            break;
        case NS_OUT_MORE:
            if (!paced) {
                NsSockPost(sock);
            }
            break;
        case NS_OUT_AGAIN:
            if (NsSockArm(sock, sock->io.waitSend) != NS_OK) {
                Break(sock, EIO);
            }
            break;
        case NS_OUT_ERROR:
            Break(sock, errno);
            NsLoopTimerCancel(sock->thread->loop, &sock->timer);
            break;
        }
    }
    SockUnlock(sock);
}

void
NsSockFlush(NsSock *sock)
{
    bool paced = false;

    switch (NsOutEmpty(&sock->out) ? NS_OUT_DONE : SendQueue(sock, &paced)) {
    case NS_OUT_DONE:
        NsSockFlushed(sock);
        break;
    case NS_OUT_MORE:
        if (!paced) {
            SockLock(sock);
            NsSockPost(sock);
            SockUnlock(sock);
        }
        break;
    case NS_OUT_AGAIN:
        if (NsSockArm(sock, sock->io.waitSend) != NS_OK) {
            NsSockClose(sock);
        }
        break;
    case NS_OUT_ERROR:
        NsSockClose(sock);
        break;
    }
}

/* ---- answers that the driver gives by itself ---- */

static void
ComposePage(Tcl_DString *ds, int status, int retryAfter, bool stealth)
{
    const char *reason = NsHttpStatusText(status);
    const char *title = status == 414 ? "Request-URI Too Long" : reason;
    Tcl_DString page;
    char        number[32];

    Tcl_DStringInit(&page);
    Tcl_DStringAppend(&page, "<!DOCTYPE html>\n<html>\n<head><title>", -1);
    Tcl_DStringAppend(&page, title, -1);
    Tcl_DStringAppend(&page, "</title></head>\n<body><h2>", -1);
    Tcl_DStringAppend(&page, title, -1);
    Tcl_DStringAppend(&page, "</h2></body>\n</html>\n", -1);

    NsHttpHeadStart(ds, 1.1, status);
    (void)NsHttpHeadAdd(ds, "content-type", "text/html; charset=utf-8");
    if (retryAfter > 0) {
        snprintf(number, sizeof(number), "%d", retryAfter);
        (void)NsHttpHeadAdd(ds, "retry-after", number);
    }
    snprintf(number, sizeof(number), "%d", Tcl_DStringLength(&page));
    (void)NsHttpHeadAdd(ds, "content-length", number);
    (void)NsHttpHeadAdd(ds, "connection", "close");
    NsDriverAppendDate(ds, stealth, false);
    NsHttpHeadEnd(ds);
    Tcl_DStringAppend(ds, Tcl_DStringValue(&page), Tcl_DStringLength(&page));
    Tcl_DStringFree(&page);
}

void
NsSockReject(NsSock *sock, const NsHttpRequest *request, int status, const char *phrase, bool page, int retryAfter)
{
    Tcl_DString  ds;
    struct iovec iov;
    char         line[128];

    Tcl_DStringInit(&ds);
    if (page) {
        ComposePage(&ds, status, retryAfter, sock->info.driver->defaultServer->opts.stealthMode);
    } else {
        snprintf(line, sizeof(line), "HTTP/1.0 %d %s\r\n\r\n", status, phrase);
        Tcl_DStringAppend(&ds, line, -1);
    }
    iov.iov_base = Tcl_DStringValue(&ds);
    iov.iov_len = (size_t)Tcl_DStringLength(&ds);
    NsOutAddCopy(&sock->out, &iov, 1, 0);
    Tcl_DStringFree(&ds);
    sock->keepAlive = false;
    if (request == NULL && sock->parser != NULL) {
        request = NsHttpParserPeek(sock->parser);
    }
    NsSockTellRejected(sock, NsSockServer(sock, request), request, status);
    /* What is there of the request is given back now, and not when the client has read the answer. */
    NsInputOver(sock);
    NsSockEndProgress(sock, false);
    NsHttpParserFree(sock->parser);
    sock->parser = NULL;
    NsSockBeginAnswer(sock, NULL, NULL);
    NsSockBeginFlush(sock);
}
