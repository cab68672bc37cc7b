/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Channels: the table of a server, and what any thread may do with a channel.  What runs on its worker is in
 * channel/event.c, frames are in channel/frame.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "conf/config.h"
#include "channel/int.h"

struct NsChanTable {
    pthread_rwlock_t lock;
    Tcl_HashTable    byId;                     /* id -> NsChan *, one reference each */
    uint64_t         nextId;
    Ns_ConnChanSettings settings;              /* of a new channel */
    size_t           maxMessage;               /* of `read -websocket` */
};

static inline struct NsChanTable *
ChansOf(const NsServer *server)
{
    return NsServerPartData(server, &nsChanPart);
}

/* At the stop the workers close their channels; those that no worker knows of are closed here. */
static void
CloseUnattended(const Ns_Time *toPtr, void *arg)
{
    NsChan **chans;
    size_t   count, i;

    if (toPtr != NULL) {
        return;
    }
    count = Ns_ConnChanList(arg, &chans);
    for (i = 0u; i < count; i++) {
        bool unattended;

        ChanLock(chans[i]);
        unattended = !chans[i]->locked.onLoop;
        ChanUnlock(chans[i]);
        if (unattended) {
            (void)Ns_ConnChanClose(chans[i]);
        }
        Ns_ConnChanRelease(chans[i]);
    }
    ns_free(chans);
}

static void
InitServer(NsServer *server)
{
    struct NsChanTable *chans = ns_calloc(1u, sizeof(struct NsChanTable));
    const char         *section = Ns_ConfigSectionPath(NULL, server->name, NULL, "connchan", NULL);

    pthread_rwlock_init(&chans->lock, NULL);
    Tcl_InitHashTable(&chans->byId, TCL_ONE_WORD_KEYS);
    NsChanReadSettings(section, &chans->settings);
    chans->maxMessage = (size_t)NsConfigMemSize(section, "maxmessage", "64MB", 1024, INT_MAX);
    NsServerSetPart(server, &nsChanPart, chans);
    (void)Ns_RegisterAtShutdown(CloseUnattended, server);
}

NsServerPart nsChanPart = {.init = InitServer};

size_t
NsChanMaxMessage(const NsServer *server)
{
    return ChansOf(server)->maxMessage;
}

/* ---- the table ---- */

/* "conn17" -> 17.  False for what no channel is called. */
static bool
ParseName(const char *name, uint64_t *id)
{
    char *end;

    if (strncmp(name, "conn", 4u) != 0 || name[4] < '0' || name[4] > '9' || (name[4] == '0' && name[5] != '\0')) {
        return false;
    }
    errno = 0;
    *id = strtoull(name + 4, &end, 10);
    return *end == '\0' && errno == 0;
}

NsChan *
Ns_ConnChanFind(NsServer *server, const char *name)
{
    struct NsChanTable *chans = ChansOf(server);
    NsChan             *chan = NULL;
    uint64_t            id;

    if (ParseName(name, &id)) {
        Tcl_HashEntry *entry;

        pthread_rwlock_rdlock(&chans->lock);
        entry = Tcl_FindHashEntry(&chans->byId, (const char *)(uintptr_t)id);
        if (entry != NULL) {
            chan = Ns_ConnChanRetain(Tcl_GetHashValue(entry));
        }
        pthread_rwlock_unlock(&chans->lock);
    }
    return chan;
}

static void
TableAdd(NsChan *chan)
{
    struct NsChanTable *chans = ChansOf(chan->server);
    Tcl_HashEntry      *entry;
    int                 isNew;

    pthread_rwlock_wrlock(&chans->lock);
    chan->id = chans->nextId++;
    snprintf(chan->name, sizeof(chan->name), "conn%llu", (unsigned long long)chan->id);
    entry = Tcl_CreateHashEntry(&chans->byId, (const char *)(uintptr_t)chan->id, &isNew);
    Tcl_SetHashValue(entry, Ns_ConnChanRetain(chan));
    pthread_rwlock_unlock(&chans->lock);
}

void
NsChanForget(NsChan *chan)
{
    struct NsChanTable *chans = ChansOf(chan->server);
    Tcl_HashEntry      *entry;

    pthread_rwlock_wrlock(&chans->lock);
    entry = Tcl_FindHashEntry(&chans->byId, (const char *)(uintptr_t)chan->id);
    if (entry != NULL) {
        Tcl_DeleteHashEntry(entry);
    }
    pthread_rwlock_unlock(&chans->lock);
    if (entry != NULL) {
        Ns_ConnChanRelease(chan);
    }
}

static int
CompareIds(const void *a, const void *b)
{
    uint64_t x = (*(NsChan *const *)a)->id, y = (*(NsChan *const *)b)->id;

    return x < y ? -1 : x > y;
}

size_t
Ns_ConnChanList(NsServer *server, NsChan ***chansOut)
{
    struct NsChanTable *chans = ChansOf(server);
    Tcl_HashSearch      search;
    Tcl_HashEntry      *entry;
    NsChan            **list;
    size_t              count = 0u;

    pthread_rwlock_rdlock(&chans->lock);
    list = ns_malloc(((size_t)chans->byId.numEntries + 1u) * sizeof(NsChan *));
    for (entry = Tcl_FirstHashEntry(&chans->byId, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        list[count++] = Ns_ConnChanRetain(Tcl_GetHashValue(entry));
    }
    pthread_rwlock_unlock(&chans->lock);
    qsort(list, count, sizeof(NsChan *), CompareIds);
    *chansOut = list;
    return count;
}

/* ---- making and freeing ---- */

/*
 * A peer that vanishes without a word is noticed by the kernel: after a minute of silence it asks, and gives up after
 * another.
 */
void
NsChanSetKeepAlive(NS_SOCKET fd)
{
    int on = 1, idle = 60, interval = 15, count = 4;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static NsChan *
ChanNew(NsServer *server, const Ns_Wire *io, const NsAddr *peer, const char *driver)
{
    NsChan *chan = ns_calloc(1u, sizeof(NsChan));

    chan->magic = CHAN_MAGIC;
    chan->locked.lastDone = &chan->locked.dones;
    atomic_init(&chan->refs, 1);
    pthread_mutex_init(&chan->lock, NULL);
    chan->server = server;
    chan->locked.io = *io;
    chan->peer = *peer;
    chan->driver = driver;
    chan->worker = NsWorkerPlace();
    NsChanSetSettings(chan, &ChansOf(server)->settings);
    Ns_GetTime(&chan->start);
    if (io->sock != NS_INVALID_SOCKET) {
        NsChanSetKeepAlive(io->sock);
    }
    atomic_fetch_add_explicit(&nsChanCounters.opened, 1u, memory_order_relaxed);
    return chan;
}

NsChan *
Ns_ConnChanDetach(Ns_Conn *conn)
{
    NsConn    *request = NsConnOf(conn);
    NsDetached detached;
    NsChan    *chan;

    if (NsConnDetach(request, &detached) != NS_OK) {
        return NULL;
    }
    chan = ChanNew(request->server, &detached.io, &detached.peer, detached.driver->module);
    if (request->clientData != NULL && *request->clientData != '\0') {
        chan->locked.clientData = ns_strdup(request->clientData);
    }
    chan->locked.rest = detached.rest;
    chan->locked.restLen = detached.restLen;
    NsOutMove(&chan->locked.out, &detached.pending);
    TableAdd(chan);
    ChanLock(chan);                            /* it has a name: others may have found it */
    if (!NsOutEmpty(&chan->locked.out)) {
        NsChanNotify(chan);
    }
    ChanUnlock(chan);
    return chan;
}

NsChan *
NsChanFromSock(NsServer *server, const Ns_Wire *io, const NsAddr *peer, const char *driverName, int64_t receiveTimeout)
{
    NsChan *chan = ChanNew(server, io, peer, driverName);

    chan->client = true;
    chan->locked.receiveTimeout = receiveTimeout;
    TableAdd(chan);
    return chan;
}

NsChan *
NsChanPending(NsServer *server, const char *driverName, const Ns_Transport *transport, struct ChanConnect *connecting,
              int64_t receiveTimeout)
{
    Ns_Wire none = {.sock = NS_INVALID_SOCKET, .waitRecv = NS_SOCK_READ, .waitSend = NS_SOCK_WRITE, .transport = transport};
    NsAddr  nobody;
    NsChan *chan;

    memset(&nobody, 0, sizeof(nobody));
    chan = ChanNew(server, &none, &nobody, driverName);
    chan->client = true;
    chan->locked.receiveTimeout = receiveTimeout;
    chan->locked.connecting = connecting;
    chan->locked.sendBlocked = true;           /* what is written waits */
    TableAdd(chan);
    return chan;
}

NsChan *
Ns_ConnChanRetain(NsChan *chan)
{
    NS_CHECK(chan, CHAN_MAGIC);
    atomic_fetch_add_explicit(&chan->refs, 1, memory_order_relaxed);
    return chan;
}

void
Ns_ConnChanRelease(NsChan *chan)
{
    if (chan == NULL) {
        return;
    }
    NS_CHECK(chan, CHAN_MAGIC);
    if (atomic_fetch_sub_explicit(&chan->refs, 1, memory_order_acq_rel) == 1) {
        NS_ASSERT(ChanIs(chan, CHAN_DEAD) && chan->locked.io.sock == NS_INVALID_SOCKET && chan->locked.callback == NULL);
        if (chan->hook != NULL) {
            chan->hook->free(chan);
        }
        pthread_mutex_destroy(&chan->lock);
        ns_free(chan->locked.clientData);
        ns_free(chan->locked.connectError);
        ns_free(chan->locked.pacer);
        ns_free(chan->locked.spin);
        chan->magic = NS_SPOILED;
        ns_free(chan);
    }
}

void
NsChanCallbackFree(ChanCallback *callback)
{
    if (callback != NULL) {
        if (callback->cb.freeProc != NULL) {
            callback->cb.freeProc(callback->cb.arg);
        }
        ns_free(callback);
    }
}

/* ---- facts ---- */

bool
Ns_ConnChanIsOpen(NsChan *chan)
{
    bool open;

    NS_CHECK(chan, CHAN_MAGIC);
    ChanLock(chan);
    open = ChanIs(chan, CHAN_OPEN);
    ChanUnlock(chan);
    return open;
}

const char *
Ns_ConnChanName(const NsChan *chan)
{
    return chan->name;
}

NsServer *
Ns_ConnChanServer(const NsChan *chan)
{
    return chan->server;
}

const char *
Ns_ConnChanDriver(const NsChan *chan)
{
    return chan->driver;
}

const char *
Ns_ConnChanWorkerName(const NsChan *chan)
{
    return NsWorkerName(chan->worker);
}

const struct sockaddr *
Ns_ConnChanPeer(const NsChan *chan)
{
    return &chan->peer.sa;
}

void
Ns_ConnChanSetClientData(NsChan *chan, const char *data)
{
    char *copy = ns_strdup(data), *old;

    ChanLock(chan);
    old = chan->locked.clientData;
    chan->locked.clientData = copy;
    ChanUnlock(chan);
    ns_free(old);
}

char *
Ns_ConnChanGetClientData(NsChan *chan)
{
    char *copy;

    ChanLock(chan);
    copy = ns_strdup(chan->locked.clientData);
    ChanUnlock(chan);
    return copy;
}

NsWorker *
NsChanWorker(const NsChan *chan)
{
    return chan->worker;
}

int
NsChanDebug(NsChan *chan, int level)
{
    return level >= 0 ? atomic_exchange(&chan->debug, level) : atomic_load(&chan->debug);
}

int64_t
NsChanSendWait(const NsChan *chan)
{
    return chan->locked.sendWait > 0 ? chan->locked.sendWait : chan->locked.io.driver != NULL ? NsDriverOf(chan->locked.io.driver)->sendWait : 30000;
}

void
Ns_ConnChanGetStatus(NsChan *chan, Ns_ConnChanStatus *status)
{
    const ChanLocked *locked = &chan->locked;

    memset(status, 0, sizeof(*status));
    status->start = chan->start;
    status->driver = chan->driver;
    status->debug = NsChanDebug(chan, -1);
    ChanLock(chan);
    (void)ns_inet_ntop(&chan->peer.sa, status->peer, sizeof(status->peer));
    status->connecting = locked->connecting != NULL;
    status->connectError = ns_strdup(locked->connectError);
    status->threadName = locked->callback != NULL ? NsWorkerName(chan->worker) : "";
    status->sent = locked->sent;
    status->received = locked->received;
    status->sendBuffer = locked->out.bytes;
    if (locked->frames != NULL) {
        status->frameBuffer = locked->frames->end - locked->frames->start;
        status->fragments = locked->frames->messageLen;
    }
    status->recvErrno = locked->recvErrno;
    status->sendErrno = locked->sendErrno;
    if (locked->callback != NULL) {
        status->when = locked->callback->cb.when;
        status->command = ns_strdup(locked->callback->cb.command != NULL ? locked->callback->cb.command : "");
    } else if (chan->hook != NULL) {
        const NsChanHook *hook = chan->hook;
        const char       *command = hook->command != NULL ? hook->command(chan) : NULL;

        status->threadName = NsWorkerName(chan->worker);
        status->command = command != NULL ? ns_strdup(command) : NULL;
    }
    status->clientData = ns_strdup(locked->clientData);
    ChanUnlock(chan);
}

void
Ns_ConnChanStatusFree(Ns_ConnChanStatus *status)
{
    ns_free(status->command);
    ns_free(status->clientData);
    ns_free(status->connectError);
}

/* ---- reading ---- */

char *
NsChanThreadBuffer(void)
{
    static Ns_Tls   tls;
    static atomic_bool ready;
    NsWorker       *worker = NsWorkerCurrent();
    char           *buffer;

    if (worker != NULL) {
        return NsLoopBuffer(NsWorkerLoop(worker));
    }
    if (!atomic_load_explicit(&ready, memory_order_acquire)) {
        Ns_MasterLock();
        if (!atomic_load(&ready)) {
            Ns_TlsAlloc(&tls, ns_free);
            atomic_store_explicit(&ready, true, memory_order_release);
        }
        Ns_MasterUnlock();
    }
    buffer = Ns_TlsGet(&tls);
    if (buffer == NULL) {
        buffer = ns_malloc(NS_LOOP_BUFFER);
        Ns_TlsSet(&tls, buffer);
    }
    return buffer;
}

/* What came with the request goes first: true when there was some. */
static bool
TakeRest(NsChan *chan, void *buffer, size_t size, ssize_t *taken)
{
    size_t n = chan->locked.restLen - chan->locked.restPos;

    if (n == 0u) {
        return false;
    }
    if (n > size) {
        n = size;
    }
    memcpy(buffer, chan->locked.rest + chan->locked.restPos, n);
    chan->locked.restPos += n;
    if (chan->locked.restPos == chan->locked.restLen) {
        ns_free(chan->locked.rest);
        chan->locked.rest = NULL;
        chan->locked.restPos = chan->locked.restLen = 0u;
    }
    *taken = (ssize_t)n;
    return true;
}

ssize_t
NsChanReceive(NsChan *chan, void *buffer, size_t size)
{
    ChanLocked *locked = &chan->locked;
    ssize_t     n;

    if (!ChanIs(chan, CHAN_OPEN)) {
        errno = EPIPE;
        return -1;
    }
    if (!TakeRest(chan, buffer, size, &n)) {
        n = locked->io.transport->recv(&locked->io, buffer, size);
    }
    if (locked->deaf) {
        locked->deaf = false;
        NsChanNotify(chan);
    }
    if (n > 0) {
        locked->received += (uint64_t)n;
        locked->reads++;
    } else if (n == 0) {
        locked->reads++;
        locked->eof = true;
    } else if (errno != EAGAIN) {
        locked->recvErrno = errno;
        locked->reads++;
        locked->broken = true;
    }
    if (atomic_load_explicit(&chan->debug, memory_order_relaxed) > 0) {
        Ns_Log(Notice, "%s: read of up to %zu bytes: %zd%s%s", chan->name, size, n, n < 0 ? ", " : "",
               n < 0 ? strerror(errno) : "");
    }
    return n;
}

ssize_t
Ns_ConnChanRead(NsChan *chan, void *buffer, size_t size)
{
    ssize_t n = -1;

    NS_CHECK(chan, CHAN_MAGIC);
    ChanLock(chan);
    if (chan->hook != NULL) {
        errno = EBUSY;
    } else {
        int64_t deadline = NsChanReadDeadline(chan);

        do {
            n = NsChanReceive(chan, buffer, size);
        } while (n < 0 && errno == EAGAIN && NsChanAwaitRead(chan, deadline));
    }
    ChanUnlock(chan);
    return n;
}

/* ---- writing ---- */

static size_t
VectorLength(const struct iovec *iov, int iovcnt)
{
    size_t total = 0u;
    int    i;

    for (i = 0; i < iovcnt; i++) {
        total += iov[i].iov_len;
    }
    return total;
}

/*
 * Lock held.  Send until all is out or the socket refuses (TLS takes a record at a time).  Returns what it took, or -1
 * with errno when the socket is broken.
 */
ssize_t
NsChanSendNow(NsChan *chan, const struct iovec *iov, int iovcnt)
{
    size_t total = 0u, skip = 0u;              /* of iov[0] */

    while (iovcnt > 0 && chan->locked.pacer == NULL) { /* at a limited rate the worker sends */
        struct iovec part[8];
        int          count = iovcnt < 8 ? iovcnt : 8;
        ssize_t      n;

        memcpy(part, iov, (size_t)count * sizeof(*iov));
        part[0].iov_base = (char *)part[0].iov_base + skip;
        part[0].iov_len -= skip;
        n = chan->locked.io.transport->send(&chan->locked.io, part, count);
        if (n < 0 && errno != EAGAIN) {
            chan->locked.sendErrno = errno;
            chan->locked.broken = true;
            return -1;
        }
        if (n <= 0) {
            chan->locked.sendBlocked = true;
            break;
        }
        total += (size_t)n;
        skip += (size_t)n;
        while (iovcnt > 0 && skip >= iov->iov_len) {
            skip -= iov->iov_len;
            iov++;
            iovcnt--;
        }
    }
    return (ssize_t)total;
}

/* Lock held.  May bytes be accepted?  False with errno. */
static bool
MayWrite(const NsChan *chan)
{
    bool may = false;

    if (!ChanIs(chan, CHAN_OPEN)) {
        errno = EPIPE;
    } else if (chan->hook != NULL) {
        errno = EBUSY;
    } else if (chan->locked.sendErrno != 0) {
        /* Bytes were lost before: whatever follows them would arrive out of order. */
        errno = chan->locked.sendErrno;
    } else {
        may = true;
    }
    return may;
}

/*
 * Lock held: bytes that went out since, and that no write has named yet.  So the results of all writes make the sum of what was
 * sent, and who counts by them comes to an end.
 */
static ssize_t
Unreported(const NsChan *chan)
{
    uint64_t bytes = chan->locked.sent - chan->locked.reported;

    return bytes < SSIZE_MAX ? (ssize_t)bytes : SSIZE_MAX;
}

/* Bytes, or with `buf` the bytes of one, which is then kept by reference. */
static ssize_t
Write(NsChan *chan, const struct iovec *iov, int iovcnt, Ns_Buf *buf, unsigned flags)
{
    ChanLocked *locked = &chan->locked;
    size_t      len = VectorLength(iov, iovcnt);
    ssize_t     sent = 0;
    bool        sendsNow, tries, overflow = false;

    NS_CHECK(chan, CHAN_MAGIC);
    ChanLock(chan);
    sendsNow = NsOutEmpty(&locked->out) && (flags & NS_CONNCHAN_BUFFERED) == 0u;
    tries = sendsNow && locked->closeAtLimit;  /* what was sent cannot be taken back: an error has to come before it */
    if (!MayWrite(chan)) {
        sent = -1;
    } else if (!tries && NsChanPastLimit(chan, len)) {
        overflow = true;
    } else if (len == 0u) {
        sent = Unreported(chan);
    } else if (sendsNow) {
        sent = NsChanSendNow(chan, iov, iovcnt);
        locked->sent += sent > 0 ? (uint64_t)sent : 0u;
    }
    if (sent > 0) {
        locked->reported += (uint64_t)sent;
    }
    if (sent >= 0 && len > 0u && tries && NsChanPastLimit(chan, len - (size_t)sent)) {
        overflow = true;
    }
    if (overflow) {
        sent = -1;
        overflow = locked->closeAtLimit;
    }
    if (sent >= 0 && len > 0u && locked->callback != NULL && locked->callback->idleWrite) {
        locked->callback->idleWrite = false;
        NsChanNotify(chan);
    }
    if (sent >= 0 && (size_t)sent < len) {
        if (NsOutEmpty(&locked->out)) {
            locked->lastProgress = NsLoopClock();
        }
        if (buf != NULL) {
            NsOutAddBuf(&locked->out, buf, (size_t)sent, len - (size_t)sent);
        } else {
            NsOutAddCopy(&locked->out, iov, iovcnt, (size_t)sent);
        }
        NsChanNotify(chan);
    }
    if (atomic_load_explicit(&chan->debug, memory_order_relaxed) > 0) {
        Ns_Log(Notice, "%s: write of %zu bytes: %zd, %zu wait%s%s", chan->name, len, sent, locked->out.bytes,
               sent < 0 ? ", " : "", sent < 0 ? strerror(errno) : "");
    }
    ChanUnlock(chan);
    if (overflow) {
        NsChanOverflow(chan);
    }
    return sent;
}

ssize_t
Ns_ConnChanWritev(NsChan *chan, const struct iovec *iov, int iovcnt, unsigned flags)
{
    return Write(chan, iov, iovcnt, NULL, flags);
}

ssize_t
Ns_ConnChanWriteBuf(NsChan *chan, Ns_Buf *buf, unsigned flags)
{
    struct iovec iov = {(void *)buf->data, buf->len};

    return Write(chan, &iov, 1, buf, flags);
}

bool
Ns_ConnChanSendFile(NsChan *chan, int fd, off_t offset, size_t len, Ns_ConnChanDoneProc *done, void *arg)
{
    ChanLocked *locked = &chan->locked;
    bool        accepted;

    NS_CHECK(chan, CHAN_MAGIC);
    ChanLock(chan);
    accepted = ChanIs(chan, CHAN_OPEN) && locked->sendErrno == 0 && chan->hook == NULL;
    if (!accepted) {
        errno = chan->hook != NULL ? EBUSY : locked->sendErrno != 0 ? locked->sendErrno : EPIPE;
    } else {
        if (done != NULL) {
            ChanDone *entry = ns_calloc(1u, sizeof(ChanDone));

            entry->start = locked->sent + locked->out.bytes;
            entry->end = entry->start + len;
            entry->proc = done;
            entry->arg = arg;
            *locked->lastDone = entry;
            locked->lastDone = &entry->next;
        }
        if (len > 0u) {
            if (NsOutEmpty(&locked->out)) {
                locked->lastProgress = NsLoopClock();
            }
            NsOutAddFile(&locked->out, fd, offset, len);
            fd = -1;
        }
        NsChanNotify(chan);
    }
    ChanUnlock(chan);
    if (fd >= 0) {
        int code = errno;

        (void)close(fd);
        errno = code;
    }
    return accepted;
}

/* ---- closing ---- */

void
NsChanEnter(NsChan *chan, ChanState state)
{
    static const unsigned char after[] = {     /* a bit for each state that may follow */
        [CHAN_OPEN] = 1u << CHAN_CLOSING,
        [CHAN_CLOSING] = 1u << CHAN_LINGER | 1u << CHAN_DEAD,
        [CHAN_LINGER] = 1u << CHAN_DEAD,
        [CHAN_DEAD] = 0u,
    };

    NS_ASSERT((after[chan->state] & 1u << state) != 0u);
    atomic_store_explicit(&chan->state, state, memory_order_relaxed);
}

static bool
CloseChan(NsChan *chan, bool abortNow)
{
    bool mine;

    NS_CHECK(chan, CHAN_MAGIC);
    Ns_ConnChanRetain(chan);
    ChanLock(chan);
    mine = ChanIs(chan, CHAN_OPEN);
    if (mine) {
        NsChanEnter(chan, CHAN_CLOSING);
        chan->locked.aborted = abortNow;
        NsChanNotify(chan);                    /* the worker takes it from here: it says goodbye as the peer needs it */
    } else if (abortNow && !ChanIs(chan, CHAN_DEAD) && !chan->locked.aborted) {
        chan->locked.aborted = true;
        NsChanNotify(chan);
    }
    ChanUnlock(chan);

    if (mine) {
        const NsChanHook *hook = chan->hook;

        if (hook != NULL && hook->closed != NULL) {
            hook->closed(chan);
        }
        atomic_fetch_add_explicit(abortNow ? &nsChanCounters.aborted : &nsChanCounters.closed, 1u, memory_order_relaxed);
        NsChanForget(chan);
    }
    Ns_ConnChanRelease(chan);
    return mine;
}

bool
Ns_ConnChanClose(NsChan *chan)
{
    return CloseChan(chan, false);
}

bool
Ns_ConnChanAbort(NsChan *chan)
{
    return CloseChan(chan, true);
}

/* ---- callbacks ---- */

/* Lock held.  What a callback holds belongs to the worker's thread, which frees it there. */
static void
Retire(NsChan *chan)
{
    if (chan->locked.callback != NULL) {
        chan->locked.callback->next = chan->locked.retired;
        chan->locked.retired = chan->locked.callback;
        chan->locked.callback = NULL;
    }
}

bool
Ns_ConnChanSetCallback(NsChan *chan, const Ns_ConnChanCallback *callback)
{
    ChanCallback *fresh = ns_calloc(1u, sizeof(ChanCallback));
    bool          open;

    NS_CHECK(chan, CHAN_MAGIC);
    fresh->cb = *callback;
    ChanLock(chan);
    open = ChanIs(chan, CHAN_OPEN) && chan->hook == NULL;
    if (!open) {
        errno = chan->hook != NULL ? EBUSY : EPIPE;
    } else {
        Retire(chan);
        chan->locked.callback = fresh;
        chan->locked.fresh = true;
        chan->locked.suspended = false;
        chan->locked.deaf = false;
        chan->locked.receiveTimeout = callback->receiveTimeout;
        NsChanNotify(chan);
    }
    ChanUnlock(chan);
    if (!open) {
        ns_free(fresh);
    }
    return open;
}

bool
Ns_ConnChanCancelCallback(NsChan *chan)
{
    bool cancelled;

    NS_CHECK(chan, CHAN_MAGIC);
    ChanLock(chan);
    cancelled = ChanIs(chan, CHAN_OPEN) && chan->locked.callback != NULL;
    if (cancelled) {
        Retire(chan);
        NsChanNotify(chan);
    }
    ChanUnlock(chan);
    return cancelled;
}

bool
NsChanAttach(NsChan *chan, const NsChanHook *hook, void *session)
{
    bool attached;

    NS_CHECK(chan, CHAN_MAGIC);
    ChanLock(chan);
    attached = ChanIs(chan, CHAN_OPEN) && chan->hook == NULL && chan->locked.callback == NULL;
    if (attached) {
        chan->session = session;
        atomic_store_explicit(&chan->hook, hook, memory_order_release);
        NsChanNotify(chan);
    }
    ChanUnlock(chan);
    return attached;
}

typedef struct RunTask {
    NsTask              task;
    NsChan             *chan;
    Ns_ConnChanRunProc *proc;
    void               *arg;
} RunTask;

static void
RunOnWorker(NsLoop *loop, NsTask *task)
{
    RunTask *run = (RunTask *)task;
    NsChan  *chan = run->chan;

    (void)loop;
    NsWorkerCallbackBegin(chan->worker, chan->name, "(run)");
    run->proc(chan, run->arg);
    NsWorkerCallbackEnd(chan->worker);
    Ns_ConnChanRelease(chan);
    ns_free(run);
}

void
Ns_ConnChanRun(NsChan *chan, Ns_ConnChanRunProc *proc, void *arg)
{
    RunTask *run = ns_calloc(1u, sizeof(RunTask));

    run->task.proc = RunOnWorker;
    run->chan = Ns_ConnChanRetain(chan);
    run->proc = proc;
    run->arg = arg;
    NsLoopPost(NsWorkerLoop(chan->worker), &run->task);
}
