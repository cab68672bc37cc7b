/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Byte buffers that are shared by reference.
 */
#include <string.h>
#include "base/buf.h"

static NsBuf *
BufNew(size_t extra)
{
    NsBuf *buf = ns_malloc(sizeof(NsBuf) + extra);

    atomic_init(&buf->refs, 1);
    buf->freeProc = NULL;
    buf->arg = NULL;
    return buf;
}

NsBuf *
NsBufAlloc(size_t len, char **data)
{
    NsBuf *buf = BufNew(len);

    buf->len = len;
    buf->data = *data = (char *)(buf + 1);
    return buf;
}

NsBuf *
NsBufCopy(const void *data, size_t len)
{
    char  *bytes;
    NsBuf *buf = NsBufAlloc(len, &bytes);

    if (len > 0) {
        memcpy(bytes, data, len);
    }
    return buf;
}

NsBuf *
NsBufWrap(const void *data, size_t len, void (*freeProc)(void *arg), void *arg)
{
    NsBuf *buf = BufNew(0);

    buf->len = len;
    buf->data = data;
    buf->freeProc = freeProc;
    buf->arg = arg;
    return buf;
}

NsBuf *
NsBufRetain(NsBuf *buf)
{
    atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);
    return buf;
}

void
NsBufRelease(NsBuf *buf)
{
    /* Release, so that all uses happen before; acquire, so that the last one sees them before it frees. */
    if (buf != NULL && atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel) == 1) {
        if (buf->freeProc != NULL) {
            buf->freeProc(buf->arg);
        }
        ns_free(buf);
    }
}
