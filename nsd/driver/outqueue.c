/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bytes on their way to a client.
 *
 * An item is a piece of a shared buffer, a piece of a file, or bytes of its own; the last kind may have room behind
 * them, so that many small writes to a slow client become a few items.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/file.h"
#include "net/eventloop.h"
#include "driver/outqueue.h"

#define MAX_IOV    64
#define MIN_ROOM   4096                        /* of an item that holds a copy */
#define MAX_GATHER (1024 * 1024)
#define KERNEL_UNSENT (256 * 1024)             /* what the kernel may keep unsent for a large file, or a slow reader */
#define FAST_BYTES (4 * 1024 * 1024)           /* a peer that takes so many ... */
#define FAST_TIME  250                         /* ... in so many milliseconds is fast */
#define MAX_FILE   (2 * 1024 * 1024)           /* of a file in one call */

struct NsOutItem {
    NsOutItem *next;
    Ns_Buf     *buf;                            /* shared bytes; NULL: the item's own, or a file */
    int        fd;                             /* -1: memory */
    bool       spool;                          /* the file is a temporary one of ours and may grow */
    bool       whole;                          /* a message of which nothing was sent */
    off_t      offset;                         /* of the next byte to be sent, in buffer, file or data */
    size_t     len;                            /* still to be sent */
    size_t     room;                           /* size of data */
    char       data[];
};

static NsOutItem *
AddItem(NsOutQueue *queue, size_t room)
{
    NsOutItem *item = ns_malloc(sizeof(NsOutItem) + room);

    memset(item, 0, sizeof(NsOutItem));
    item->fd = -1;
    item->room = room;
    if (queue->tail != NULL) {
        queue->tail->next = item;
    } else {
        queue->head = item;
    }
    queue->tail = item;
    return item;
}

/* It is not in the list any more. */
static void
FreeItem(NsOutQueue *queue, NsOutItem *item)
{
    queue->bytes -= item->len;
    if (item->fd < 0) {
        queue->memory -= item->len;
    } else {
        close(item->fd);
    }
    Ns_BufRelease(item->buf);
    ns_free(item);
}

static void
DropHead(NsOutQueue *queue)
{
    NsOutItem *item = queue->head;

    queue->head = item->next;
    if (queue->head == NULL) {
        queue->tail = NULL;
    }
    FreeItem(queue, item);
}

void
NsOutAddBuf(NsOutQueue *queue, Ns_Buf *buf, size_t offset, size_t len)
{
    if (len > 0) {
        NsOutItem *item = AddItem(queue, 0);

        item->buf = Ns_BufRetain(buf);
        item->offset = (off_t)offset;
        item->len = len;
        queue->bytes += len;
        queue->memory += len;
    }
}

void
NsOutAddWholeBuf(NsOutQueue *queue, Ns_Buf *buf)
{
    if (buf->len > 0) {
        NsOutAddBuf(queue, buf, 0, buf->len);
        queue->tail->whole = true;
    }
}

size_t
NsOutDrop(NsOutQueue *queue, size_t keep, size_t need)
{
    NsOutItem *before = NULL, *item = queue->head;
    size_t     passed = 0, gone = 0, count = 0;

    while (item != NULL && gone < need) {
        NsOutItem *next = item->next;

        if (item->whole && passed >= keep) {
            if (before != NULL) {
                before->next = next;
            } else {
                queue->head = next;
            }
            if (next == NULL) {
                queue->tail = before;
            }
            gone += item->len;
            count++;
            FreeItem(queue, item);
        } else {
            passed += item->len;
            before = item;
        }
        item = next;
    }
    return count;
}

/* The rest of the vector behind `skip` bytes; the number of bytes in it. */
static size_t
Remaining(const struct iovec *iov, int iovcnt, size_t skip)
{
    size_t total = 0;
    int    i;

    for (i = 0; i < iovcnt; i++) {
        total += iov[i].iov_len;
    }
    return total > skip ? total - skip : 0;
}

void
NsOutAddCopy(NsOutQueue *queue, const struct iovec *iov, int iovcnt, size_t skip)
{
    size_t     len = Remaining(iov, iovcnt, skip);
    NsOutItem *item = queue->tail;
    int        i;

    if (len == 0) {
        return;
    }
    if (item == NULL || item->room < (size_t)item->offset + item->len + len) {
        item = AddItem(queue, len > MIN_ROOM ? len : MIN_ROOM);
    }
    for (i = 0; i < iovcnt; i++) {
        size_t from = skip < iov[i].iov_len ? skip : iov[i].iov_len;
        size_t n = iov[i].iov_len - from;

        skip -= from;
        if (n > 0) {
            memcpy(item->data + item->offset + item->len, (const char *)iov[i].iov_base + from, n);
            item->len += n;
        }
    }
    queue->bytes += len;
    queue->memory += len;
}

void
NsOutAddWhole(NsOutQueue *queue, const struct iovec *iov, int iovcnt)
{
    size_t len = Remaining(iov, iovcnt, 0);
    int    i;

    if (len > 0) {
        NsOutItem *item = AddItem(queue, len);

        item->whole = true;
        for (i = 0; i < iovcnt; i++) {
            if (iov[i].iov_len > 0) {
                memcpy(item->data + item->len, iov[i].iov_base, iov[i].iov_len);
                item->len += iov[i].iov_len;
            }
        }
        queue->bytes += len;
        queue->memory += len;
    }
}

void
NsOutAddFile(NsOutQueue *queue, int fd, off_t offset, size_t len)
{
    if (len > 0) {
        NsOutItem *item = AddItem(queue, 0);

        item->fd = fd;
        item->offset = offset;
        item->len = len;
        queue->bytes += len;
    } else {
        close(fd);
    }
}

static Ns_ReturnCode
WriteAt(int fd, off_t offset, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return NS_ERROR;
        }
        data += n;
        len -= (size_t)n;
        offset += n;
    }
    return NS_OK;
}

static Ns_ReturnCode
WriteVector(int fd, off_t offset, const struct iovec *iov, int iovcnt, size_t skip)
{
    Ns_ReturnCode status = NS_OK;
    int           i;

    for (i = 0; i < iovcnt && status == NS_OK; i++) {
        size_t from = skip < iov[i].iov_len ? skip : iov[i].iov_len;
        size_t n = iov[i].iov_len - from;

        skip -= from;
        status = WriteAt(fd, offset, (const char *)iov[i].iov_base + from, n);
        offset += (off_t)n;
    }
    return status;
}

Ns_ReturnCode
NsOutAddSpooled(NsOutQueue *queue, const char *dir, const struct iovec *iov, int iovcnt, size_t skip)
{
    size_t     len = Remaining(iov, iovcnt, skip);
    NsOutItem *item = queue->tail;
    off_t      offset = 0;
    int        fd;

    if (len == 0) {
        return NS_OK;
    }
    if (item != NULL && item->spool) {
        fd = item->fd;
        offset = item->offset + (off_t)item->len;
    } else {
        item = NULL;
        fd = NsFileNameless(dir, 0600);
        if (fd < 0) {
            return NS_ERROR;
        }
    }
    if (WriteVector(fd, offset, iov, iovcnt, skip) != NS_OK) {
        if (item == NULL) {
            int err = errno;

            close(fd);
            errno = err;
        }
        return NS_ERROR;
    }
    if (item == NULL) {
        item = AddItem(queue, 0);
        item->fd = fd;
        item->spool = true;
    }
    item->len += len;
    queue->bytes += len;
    return NS_OK;
}

void
NsOutMove(NsOutQueue *queue, NsOutQueue *from)
{
    if (from->head == NULL) {
        return;
    }
    if (queue->tail != NULL) {
        queue->tail->next = from->head;
    } else {
        queue->head = from->head;
    }
    queue->tail = from->tail;
    queue->bytes += from->bytes;
    queue->memory += from->memory;
    memset(from, 0, sizeof(*from));
}

void
NsOutClear(NsOutQueue *queue)
{
    while (queue->head != NULL) {
        DropHead(queue);
    }
}

/* `n` bytes of the front are gone: they are all in memory, or all in the file at the front. */
static void
Advance(NsOutQueue *queue, size_t n)
{
    while (n > 0) {
        NsOutItem *item = queue->head;
        size_t     part = n < item->len ? n : item->len;

        item->offset += (off_t)part;
        item->len -= part;
        queue->bytes -= part;
        if (item->fd < 0) {
            queue->memory -= part;
        }
        item->whole = false;
        n -= part;
        if (item->len == 0) {
            DropHead(queue);
        }
    }
}

/* One call for as much of the memory at the front as is allowed. */
static ssize_t
SendMemory(NsOutQueue *queue, Ns_Wire *sock, size_t limit, size_t *offered)
{
    struct iovec iov[MAX_IOV];
    int          count = 0;
    size_t       total = 0;
    NsOutItem   *item;

    for (item = queue->head; item != NULL && item->fd < 0 && count < MAX_IOV && total < limit; item = item->next) {
        const char *data = item->buf != NULL ? item->buf->data : item->data;
        size_t      len = item->len < limit - total ? item->len : limit - total;

        iov[count].iov_base = (void *)(uintptr_t)(data + item->offset);
        iov[count].iov_len = len;
        total += len;
        count++;
    }
    *offered = total;
    return sock->transport->send(sock, iov, count);
}

static ssize_t
SendFile(NsOutItem *item, Ns_Wire *sock, size_t limit, char *scratch, size_t scratchLen, size_t *offered)
{
    char         local[16 * 1024];
    size_t       len = item->len < limit ? item->len : limit;
    ssize_t      n;
    struct iovec iov;

    if (sock->transport->sendFile != NULL) {
        *offered = len < MAX_FILE ? len : MAX_FILE;
        n = sock->transport->sendFile(sock, item->fd, item->offset, *offered);
        if (n == 0) {
            errno = EIO;
            n = -1;
        }
        return n;
    }
    if (scratch == NULL || scratchLen < sizeof(local)) {
        scratch = local;
        scratchLen = sizeof(local);
    }
    if (len > scratchLen) {
        len = scratchLen;
    }
    do {
        n = pread(item->fd, scratch, len, item->offset);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        errno = EIO;
        return -1;
    }
    iov.iov_base = scratch;
    iov.iov_len = (size_t)n;
    *offered = (size_t)n;
    return sock->transport->send(sock, &iov, 1);
}

/* ---- what the kernel keeps ---- */

/*
 * What cannot go out yet waits here, not in the kernel, whose buffers for one socket would grow to megabytes: a few thousand
 * slow readers would use up its memory for TCP, and all connections of the machine would suffer.  A peer that proves to be
 * fast gets them all the same: for it they mean fewer wake-ups.
 */
static void
SetUnsent(NsOutQueue *queue, Ns_Wire *sock, bool few)
{
    int state = few ? NS_UNSENT_FEW : NS_UNSENT_MANY, bytes = few ? KERNEL_UNSENT : 0;       /* 0: as the system has it */

    if ((int)queue->unsent != state) {
        queue->unsent = state;
        (void)setsockopt(sock->sock, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));       /* not TCP: no matter */
    }
}

static void
LimitUnsent(NsOutQueue *queue, Ns_Wire *sock)
{
    if (queue->unsent == NS_UNSENT_ASIS) {
        SetUnsent(queue, sock, true);
        queue->windowStart = NsLoopClock();
        queue->windowBytes = 0;
    }
}

static void
NoteSent(NsOutQueue *queue, Ns_Wire *sock, size_t n)
{
    queue->windowBytes += n;
    if (queue->unsent != NS_UNSENT_ASIS && queue->windowBytes >= FAST_BYTES) {
        int64_t now = NsLoopClock();

        SetUnsent(queue, sock, now - queue->windowStart > FAST_TIME);
        queue->windowStart = now;
        queue->windowBytes = 0;
    }
}

/* The peer is slower than we are. */
static NsOutResult
Refused(NsOutQueue *queue, Ns_Wire *sock)
{
    LimitUnsent(queue, sock);
    return NS_OUT_AGAIN;
}

NsOutResult
NsOutSend(NsOutQueue *queue, Ns_Wire *sock, size_t budget, char *scratch, size_t scratchLen, size_t *sent)
{
    size_t total = 0;

    *sent = 0;
    while (queue->head != NULL) {
        size_t  offered = 0, limit = MAX_GATHER;
        ssize_t n;

        if (budget > 0) {
            if (total >= budget) {
                return NS_OUT_MORE;
            }
            if (limit > budget - total) {
                limit = budget - total;
            }
        }
        if (queue->head->fd < 0) {
            n = SendMemory(queue, sock, limit, &offered);
        } else {
            if (queue->head->len > KERNEL_UNSENT) {
                LimitUnsent(queue, sock);
            }
            n = SendFile(queue->head, sock, limit, scratch, scratchLen, &offered);
        }
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno == EAGAIN || errno == EWOULDBLOCK ? Refused(queue, sock) : NS_OUT_ERROR;
        }
        Advance(queue, (size_t)n);
        NoteSent(queue, sock, (size_t)n);
        total += (size_t)n;
        *sent = total;
        /*
         * A plain socket that took only a part is full: asking it again would cost a system call to hear so.
         * (Transports with buffers of their own have `pending`, and may well take more.)
         */
        if ((size_t)n < offered && (n == 0 || sock->transport->pending == NULL)) {
            sock->waitSend = NS_SOCK_WRITE;
            return Refused(queue, sock);
        }
    }
    return NS_OUT_DONE;
}
