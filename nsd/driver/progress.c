/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The progress of uploads, in a table of chains.  What has come is atomic: a loop takes the lock at the begin and the end alone.
 */
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include "base/random.h"
#include "base/text.h"
#include "driver/progress.h"
#include "http/form.h"

#define CHAINS     1024u
#define TELL_EVERY 100                         /* milliseconds */
#define FIELD      "X-Progress-ID"

struct NsProgress {
    NsProgress     *next, **prev;              /* lock: of its chain, the last that began is the first */
    NsServer       *server;
    size_t          total;
    atomic_size_t   received;                  /* its loop writes */
    int64_t         toldAt;                    /* its loop */
    char            key[];
};

static struct {
    Ns_Mutex        lock;
    uint64_t        seed;                      /* keys come from outside: none collide on purpose.  0: not made yet */
    NsProgress     *chains[CHAINS];
} table;

static NsProgressProc *_Atomic tell;           /* NULL: nobody wants to know */

void
NsProgressTell(NsProgressProc *proc)
{
    atomic_store(&tell, proc);
}

/* The lock is held. */
static NsProgress **
ChainOf(const char *key)
{
    uint64_t hash;

    while (table.seed == 0u) {
        NsRandomBytes(&table.seed, sizeof(table.seed));
    }
    hash = table.seed;
    for (const unsigned char *p = (const unsigned char *)key; *p != '\0'; p++) {
        hash = (hash ^ *p) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return &table.chains[(hash ^ hash >> 32) % CHAINS];
}

static void
Tell(const NsProgress *progress, NsProgressState state)
{
    NsProgressProc *proc = atomic_load_explicit(&tell, memory_order_relaxed);

    if (proc != NULL) {
        proc(progress->server, progress->key, state, atomic_load_explicit(&progress->received, memory_order_relaxed), progress->total);
    }
}

/* The first parameter of that name is the key. */
static bool
TakeField(void *arg, const char *name, size_t nameLen, const char *value, size_t valueLen)
{
    if (nameLen == sizeof(FIELD) - 1u && strncasecmp(name, FIELD, nameLen) == 0) {
        NsTextAppendIn(arg, value, valueLen);
        return false;
    }
    return true;
}

/* A query is text, in which percent signs stand for bytes. */
static bool
QueryKey(const char *query, Tcl_DString *ds)
{
    Tcl_DString bytes;
    bool        found;

    Tcl_DStringInit(&bytes);
    NsTextAppendOut(&bytes, query, strlen(query));
    found = !NsFormParseQuery(Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes), TakeField, ds);
    Tcl_DStringFree(&bytes);
    return found;
}

static const char *
KeyOf(const NsHttpRequest *request, Tcl_DString *ds)
{
    const char *key = Ns_SetIGet(request->headers, FIELD);

    if (key == NULL && request->request.query != NULL && QueryKey(request->request.query, ds)) {
        key = Tcl_DStringValue(ds);
    }
    return key != NULL && *key != '\0' ? key : request->request.url;
}

NsProgress *
NsProgressBegin(NsServer *server, const NsHttpRequest *request, size_t total, int64_t now)
{
    NsProgress **chain, *progress = NULL;
    const char  *key;
    Tcl_DString  ds;
    size_t       len;

    Tcl_DStringInit(&ds);
    key = KeyOf(request, &ds);
    len = key != NULL ? strlen(key) : 0u;
    if (len > NS_PROGRESS_MAX_KEY) {
        Ns_Log(Debug, "the progress of an upload is not kept: its key has %zu bytes, more than %d: %.100s...", len, NS_PROGRESS_MAX_KEY, key);
    } else if (len > 0u) {
        progress = ns_calloc(1u, sizeof(NsProgress) + len + 1u);
        memcpy(progress->key, key, len);
        progress->server = server;
        progress->total = total;
        progress->toldAt = now;
        Ns_MutexLock(&table.lock);
        chain = ChainOf(progress->key);
        progress->next = *chain;
        progress->prev = chain;
        if (*chain != NULL) {
            (*chain)->prev = &progress->next;
        }
        *chain = progress;
        Ns_MutexUnlock(&table.lock);
        Tell(progress, NS_PROGRESS_COMES);
    }
    Tcl_DStringFree(&ds);
    return progress;
}

size_t
NsProgressTotal(const NsProgress *progress)
{
    return progress->total;
}

void
NsProgressNote(NsProgress *progress, size_t received, int64_t now)
{
    atomic_store_explicit(&progress->received, received, memory_order_relaxed);
    if (now - progress->toldAt >= TELL_EVERY) {
        progress->toldAt = now;
        Tell(progress, NS_PROGRESS_COMES);
    }
}

void
NsProgressEnd(NsProgress *progress, bool complete)
{
    if (progress == NULL) {
        return;
    }
    Ns_MutexLock(&table.lock);
    *progress->prev = progress->next;
    if (progress->next != NULL) {
        progress->next->prev = progress->prev;
    }
    Ns_MutexUnlock(&table.lock);
    if (complete) {
        atomic_store_explicit(&progress->received, progress->total, memory_order_relaxed);
    }
    Tell(progress, complete ? NS_PROGRESS_DONE : NS_PROGRESS_FAILED);
    ns_free(progress);
}

bool
NsProgressGet(const NsServer *server, const char *key, size_t *received, size_t *total)
{
    const NsProgress *progress;

    Ns_MutexLock(&table.lock);
    progress = *ChainOf(key);
    while (progress != NULL && (progress->server != server || strcmp(progress->key, key) != 0)) {
        progress = progress->next;
    }
    if (progress != NULL) {
        *received = atomic_load_explicit(&progress->received, memory_order_relaxed);
        *total = progress->total;
    }
    Ns_MutexUnlock(&table.lock);
    return progress != NULL;
}
