/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bytes on their way to a client: buffers shared by reference and ranges of files, in order.
 *
 * Drivers (the rest of a response that the client has not taken) and channels (their send queue) use it.  A queue has
 * one user at a time; its owner's lock protects it.
 */
#ifndef NSD_OUTQUEUE_H
#define NSD_OUTQUEUE_H

#include "ns.h"
#include "base/buf.h"

typedef struct NsOutItem NsOutItem;
typedef struct NsOutQueue {                    /* zeroed memory is an empty queue */
    NsOutItem *head, *tail;
    size_t     bytes;                          /* still to be sent, files included */
    size_t     memory;                         /* of them in memory */
    enum { NS_UNSENT_ASIS, NS_UNSENT_FEW, NS_UNSENT_MANY } unsent;     /* what the kernel may keep for a slow peer */
    int64_t    windowStart;                    /* how fast the peer is: milliseconds and bytes since it was looked at */
    size_t     windowBytes;
} NsOutQueue;

/* AGAIN: wait for sock->waitSend.  MORE: the budget is used up.  ERROR: errno; the queue is as it was. */
typedef enum { NS_OUT_DONE, NS_OUT_MORE, NS_OUT_AGAIN, NS_OUT_ERROR } NsOutResult;

/* The queue takes a reference of its own. */
void NsOutAddBuf(NsOutQueue *queue, Ns_Buf *buf, size_t offset, size_t len);
/* Copies what follows the first `skip` bytes of the vector. */
void NsOutAddCopy(NsOutQueue *queue, const struct iovec *iov, int iovcnt, size_t skip);
/* The queue owns the fd and closes it.  A file that turns out shorter is an error when it is reached (errno EIO). */
void NsOutAddFile(NsOutQueue *queue, int fd, off_t offset, size_t len);
/*
 * As NsOutAddCopy, but to a nameless file in `dir`, which grows as long as it is the last item.  NS_ERROR: errno; the
 * queue is as it was.
 */
Ns_ReturnCode NsOutAddSpooled(NsOutQueue *queue, const char *dir, const struct iovec *iov, int iovcnt, size_t skip);
/* A message: it may be dropped by NsOutDrop as long as nothing of it was sent.  A copy; or a reference of the queue's own. */
void NsOutAddWhole(NsOutQueue *queue, const struct iovec *iov, int iovcnt);
void NsOutAddWholeBuf(NsOutQueue *queue, Ns_Buf *buf);
/*
 * Drop such messages, the oldest first, until `need` bytes are gone, but none of the first `keep` bytes (that a transport
 * may have begun to send).  Returns how many messages were dropped.
 */
size_t NsOutDrop(NsOutQueue *queue, size_t keep, size_t need);
/* Append all of `from`, which is empty then. */
void NsOutMove(NsOutQueue *queue, NsOutQueue *from);
/*
 * Send from the front: several buffers in one call, files by the transport's sendFile or through `scratch`.  Ends after
 * `budget` bytes (0: no limit) so that one fast client does not keep a loop from its others.  *sent is what went out.
 */
NsOutResult NsOutSend(NsOutQueue *queue, Ns_Wire *sock, size_t budget, char *scratch, size_t scratchLen, size_t *sent);
void NsOutClear(NsOutQueue *queue);
static inline bool NsOutEmpty(const NsOutQueue *queue) { return queue->head == NULL; }

#endif
