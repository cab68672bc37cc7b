/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The cache of small files: a table by path and a list by last use, under one lock.  A file is taken for unchanged as
 * long as its inode, size and times are the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "conf/config.h"
#include "base/dict.h"
#include "base/file.h"
#include "base/lru.h"
#include "request/filecache.h"

typedef struct Entry {
    NsLruLink       use;                       /* first */
    Tcl_HashEntry  *hash;
    Ns_Buf          *contents;
    dev_t           dev;
    ino_t           ino;
    struct timespec mtime, ctime;
} Entry;

static struct {
    Ns_Mutex      lock;
    bool          enabled;
    size_t        maxSize, maxEntry, size;
    Tcl_HashTable table;
    NsLru         lru;
    Tcl_WideInt   hits, missed, expired, pruned;
} cache;

void
NsFileCacheInit(void)
{
    if (cache.lock != NULL) {                  /* once for all servers */
        return;
    }
    cache.enabled = Ns_ConfigBool("ns/fastpath", "cache", false);
    cache.maxSize = (size_t)NsConfigMemSize("ns/fastpath", "cachemaxsize", "10MB", 1024, INT64_MAX);
    cache.maxEntry = (size_t)NsConfigMemSize("ns/fastpath", "cachemaxentry", "8KB", 8, INT_MAX);
    Tcl_InitHashTable(&cache.table, TCL_STRING_KEYS);
    Ns_MutexInit(&cache.lock);
    Ns_MutexSetName2(&cache.lock, "ns:filecache", NULL);
}

static void
Remove(Entry *entry)
{
    NsLruUnlink(&cache.lru, &entry->use);
    Tcl_DeleteHashEntry(entry->hash);
    cache.size -= entry->contents->len;
    Ns_BufRelease(entry->contents);
    ns_free(entry);
}

static bool
Unchanged(const Entry *entry, const struct stat *st)
{
    return entry->dev == st->st_dev && entry->ino == st->st_ino && entry->contents->len == (size_t)st->st_size
        && entry->mtime.tv_sec == st->st_mtim.tv_sec && entry->mtime.tv_nsec == st->st_mtim.tv_nsec
        && entry->ctime.tv_sec == st->st_ctim.tv_sec && entry->ctime.tv_nsec == st->st_ctim.tv_nsec;
}

static Ns_Buf *
ReadFile(const char *file, const struct stat *st)
{
    size_t  len = (size_t)st->st_size;
    char   *data;
    Ns_Buf  *buf;
    struct stat now;
    ssize_t n = -1;
    int     fd = NsFileOpen(file, O_RDONLY | O_NONBLOCK, 0);

    if (fd < 0) {
        return NULL;
    }
    if (fstat(fd, &now) != 0 || now.st_ino != st->st_ino || now.st_dev != st->st_dev || now.st_size != st->st_size
        || memcmp(&now.st_mtim, &st->st_mtim, sizeof now.st_mtim) != 0) {
        close(fd);                             /* not the file that was looked at */
        return NULL;
    }
    buf = Ns_BufAlloc(len, &data);
    do {
        n = read(fd, data, len);
    } while (n < 0 && errno == EINTR);
    close(fd);
    if (n != (ssize_t)len) {
        Ns_BufRelease(buf);
        buf = NULL;
    }
    return buf;
}

static void
Insert(const char *file, const struct stat *st, Ns_Buf *contents)
{
    int            isNew;
    Tcl_HashEntry *hash = Tcl_CreateHashEntry(&cache.table, file, &isNew);
    Entry         *entry;

    if (!isNew) {                              /* another thread was faster */
        return;
    }
    entry = ns_calloc(1, sizeof *entry);
    entry->hash = hash;
    entry->contents = Ns_BufRetain(contents);
    entry->dev = st->st_dev;
    entry->ino = st->st_ino;
    entry->mtime = st->st_mtim;
    entry->ctime = st->st_ctim;
    Tcl_SetHashValue(hash, entry);
    NsLruAdd(&cache.lru, &entry->use);
    cache.size += contents->len;
    while (cache.size > cache.maxSize && cache.lru.oldest != &entry->use) {
        cache.pruned++;
        Remove((Entry *)cache.lru.oldest);
    }
}

Ns_Buf *
NsFileCacheGet(const char *file, const struct stat *st)
{
    Tcl_HashEntry *hash;
    Ns_Buf         *contents = NULL;

    /* A file of this very moment may change once more without showing it: its times are no finer than the clock's tick. */
    if (!cache.enabled || (size_t)st->st_size > cache.maxEntry || st->st_mtim.tv_sec >= time(NULL) - 1) {
        return NULL;
    }
    Ns_MutexLock(&cache.lock);
    hash = Tcl_FindHashEntry(&cache.table, file);
    if (hash != NULL) {
        Entry *entry = Tcl_GetHashValue(hash);

        if (Unchanged(entry, st)) {
            cache.hits++;
            NsLruUse(&cache.lru, &entry->use);
            contents = Ns_BufRetain(entry->contents);
        } else {
            cache.expired++;
            Remove(entry);
        }
    }
    if (contents == NULL) {
        cache.missed++;
    }
    Ns_MutexUnlock(&cache.lock);

    if (contents == NULL) {
        contents = ReadFile(file, st);
        if (contents != NULL) {
            Ns_MutexLock(&cache.lock);
            Insert(file, st, contents);
            Ns_MutexUnlock(&cache.lock);
        }
    }
    return contents;
}

bool
NsFileCacheStats(Tcl_Obj *dict)
{
    Tcl_WideInt asked;

    if (!cache.enabled) {
        return false;
    }
    Ns_MutexLock(&cache.lock);
    asked = cache.hits + cache.missed;
    {
        const struct { const char *name; Tcl_WideInt value; } counters[] = {
            {"maxsize", (Tcl_WideInt)cache.maxSize}, {"size", (Tcl_WideInt)cache.size},
            {"entries", cache.table.numEntries},
            {"hits", cache.hits},                    {"missed", cache.missed},
            {"hitrate", asked > 0 ? cache.hits * 100 / asked : 0},
            {"expired", cache.expired},              {"pruned", cache.pruned},
        };

        for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
            NsDictPutNumber(dict, counters[i].name, counters[i].value);
        }
    }
    Ns_MutexUnlock(&cache.lock);
    return true;
}
