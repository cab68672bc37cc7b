/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Byte buffers that are shared by reference.
 */
#include <string.h>
#include "base/buf.h"

static Ns_Buf *
BufNew(size_t extra)
{
    Ns_Buf *buf = ns_malloc(sizeof(Ns_Buf) + extra);

    atomic_init(&buf->refs, 1);
    buf->freeProc = NULL;
    buf->arg = NULL;
    return buf;
}

Ns_Buf *
Ns_BufAlloc(size_t len, char **data)
{
    Ns_Buf *buf = BufNew(len);

    buf->len = len;
    buf->data = *data = (char *)(buf + 1);
    return buf;
}

Ns_Buf *
Ns_BufCopy(const void *data, size_t len)
{
    char  *bytes;
    Ns_Buf *buf = Ns_BufAlloc(len, &bytes);

    if (len > 0) {
        memcpy(bytes, data, len);
    }
    return buf;
}

Ns_Buf *
Ns_BufWrap(const void *data, size_t len, void (*freeProc)(void *arg), void *arg)
{
    Ns_Buf *buf = BufNew(0);

    buf->len = len;
    buf->data = data;
    buf->freeProc = freeProc;
    buf->arg = arg;
    return buf;
}

Ns_Buf *
Ns_BufRetain(Ns_Buf *buf)
{
    atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);
    return buf;
}

void
Ns_BufRelease(Ns_Buf *buf)
{
    /* Release, so that all uses happen before; acquire, so that the last one sees them before it frees. */
    if (buf != NULL && atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel) == 1) {
        if (buf->freeProc != NULL) {
            buf->freeProc(buf->arg);
        }
        ns_free(buf);
    }
}
