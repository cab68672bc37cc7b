/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bodies of requests in files.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/file.h"
#include "base/inputmem.h"
#include "driver/spool.h"

struct NsHttpSpool {
    int            fd;
    size_t         len;
    atomic_ullong *count;                      /* what is written is added there */
    char          *bytes;                      /* NULL: nobody has asked for them */
    size_t         mapped;                             /* bytes of memory there; 0: they were read */
};

/* Who opens it again, by /proc, cannot write: what is mapped must not become shorter. */
NsHttpSpool *
NsSpoolCreate(const char *dir, atomic_ullong *count)
{
    int          fd = NsFileNameless(dir, 0400);
    NsHttpSpool *spool = NULL;

    if (fd >= 0) {
        spool = ns_calloc(1u, sizeof(NsHttpSpool));
        spool->fd = fd;
        spool->count = count;
    }
    return spool;
}

void
NsSpoolFree(NsHttpSpool *spool)
{
    if (spool != NULL) {
        if (spool->mapped > 0u) {
            (void)munmap(spool->bytes, spool->mapped);
        } else {
            ns_free(spool->bytes);
        }
        (void)close(spool->fd);
        NsInputFilesCount(spool->len, 0u);
        ns_free(spool);
    }
}

bool
NsSpoolWrite(NsHttpSpool *spool, const char *data, size_t len)
{
    while (len > 0u) {
        ssize_t n = pwrite(spool->fd, data, len, (off_t)spool->len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return false;
        }
        data += n;
        len -= (size_t)n;
        NsInputFilesCount(spool->len, spool->len + (size_t)n);
        spool->len += (size_t)n;
        atomic_fetch_add_explicit(spool->count, (unsigned long long)n, memory_order_relaxed);
    }
    return true;
}

/* Anonymous memory with the file over it: a page of zeros is behind a file that fills its last one. */
static bool
Map(NsHttpSpool *spool)
{
    size_t size = spool->len + 1u;
    void  *all = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (all != MAP_FAILED && spool->len > 0u
        && mmap(all, spool->len, PROT_READ, MAP_PRIVATE | MAP_FIXED, spool->fd, 0) == MAP_FAILED) {
        (void)munmap(all, size);
        all = MAP_FAILED;
    }
    if (all != MAP_FAILED) {
        spool->bytes = all;
        spool->mapped = size;
    }
    return all != MAP_FAILED;
}

static void
ReadAll(NsHttpSpool *spool)
{
    size_t done = 0u;

    spool->bytes = ns_calloc(1u, spool->len + 1u);
    while (done < spool->len) {
        ssize_t n = pread(spool->fd, spool->bytes + done, spool->len - done, (off_t)done);

        if (n == 0 || (n < 0 && errno != EINTR)) {
            break;                             /* the rest is zeros */
        }
        done += n > 0 ? (size_t)n : 0u;
    }
}

const char *
NsSpoolBytes(NsHttpSpool *spool)
{
    if (spool->bytes == NULL && !Map(spool)) {
        ReadAll(spool);
    }
    return spool->bytes;
}

int
NsSpoolFd(const NsHttpSpool *spool)
{
    return spool->fd;
}
