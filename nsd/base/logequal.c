/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Equal messages.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include "base/logequal.h"

#define SLOTS 64                               /* a power of two */
#define WAYS  4                                /* slots that a message may be in */

typedef struct Slot {
    uint64_t hash;                             /* 0: free */
    int64_t  since;                            /* when its interval began */
    int      severity, seen;                   /* `seen`: in this interval, up to the limit */
    uint64_t leftOut;                          /* not yet told */
    char     text[sizeof(((NsLogEqualLeft *)NULL)->text)];
} Slot;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Slot            slots[SLOTS];
static atomic_int      limit;
static int64_t         interval;
static atomic_int      pending;                /* slots with something to tell */
static atomic_uint_fast64_t total;

/* FNV-1a.  Not a defence: two messages that were made to collide are taken for one. */
static uint64_t
Hash(int severity, const char *text, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325u ^ (unsigned)severity;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    }
    return hash | 1;
}

void
NsLogEqualSetLimit(int max, int64_t ms)
{
    pthread_mutex_lock(&lock);
    interval = ms;
    atomic_store(&limit, max);
    pthread_mutex_unlock(&lock);
}

/* Is `a` the better one to give up?  One whose interval is over, else the one that came less often, else the older one. */
static bool
IsLess(const Slot *a, const Slot *b, int64_t nowMs)
{
    bool overA = nowMs - a->since >= interval, overB = nowMs - b->since >= interval;

    return overA != overB ? overA : a->seen != b->seen ? a->seen < b->seen : a->since < b->since;
}

/* The message's slot, or the one to be had for it: one that has nothing to tell.  NULL: all have. */
static Slot *
FindSlot(uint64_t hash, int64_t nowMs)
{
    Slot *best = NULL;

    for (size_t i = 0; i < WAYS; i++) {
        Slot *slot = &slots[((hash >> 8) + i) & (SLOTS - 1)];

        if (slot->hash == hash) {
            return slot;
        }
        if (slot->leftOut == 0 && (best == NULL || IsLess(slot, best, nowMs))) {
            best = slot;
        }
    }
    return best;
}

static void
Occupy(Slot *slot, uint64_t hash, int severity, const char *text, size_t len, int64_t nowMs)
{
    size_t kept = len < sizeof(slot->text) ? len : sizeof(slot->text) - 1;

    slot->hash = hash;
    slot->severity = severity;
    slot->since = nowMs;
    slot->seen = 0;
    memcpy(slot->text, text, kept);
    slot->text[kept] = '\0';
}

bool
NsLogEqualAllow(int severity, const char *text, size_t len, int64_t nowMs)
{
    uint64_t hash;
    Slot    *slot;
    bool     allow = true;

    if (atomic_load_explicit(&limit, memory_order_relaxed) == 0) {
        return true;
    }
    hash = Hash(severity, text, len);
    pthread_mutex_lock(&lock);
    slot = FindSlot(hash, nowMs);
    if (slot != NULL) {
        if (slot->hash != hash) {
            Occupy(slot, hash, severity, text, len, nowMs);
        } else if (nowMs - slot->since >= interval && slot->leftOut == 0) {
            slot->since = nowMs;
            slot->seen = 0;
        }
        /* One whose interval is over goes on being counted until that is told: the number comes before the next line. */
        allow = slot->seen < atomic_load(&limit);
        if (allow) {
            slot->seen++;
        } else {
            atomic_fetch_add(&pending, slot->leftOut++ == 0);
            atomic_fetch_add(&total, 1);
        }
    }
    pthread_mutex_unlock(&lock);
    return allow;
}

bool
NsLogEqualTake(int64_t nowMs, bool all, NsLogEqualLeft *left)
{
    bool found = false;

    if (!NsLogEqualPending()) {
        return false;
    }
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SLOTS && !found; i++) {
        Slot *slot = &slots[i];

        if (slot->leftOut > 0 && (all || nowMs - slot->since >= interval)) {
            left->severity = slot->severity;
            left->count = slot->leftOut;
            memcpy(left->text, slot->text, sizeof(left->text));
            slot->leftOut = 0;
            slot->since = nowMs;
            slot->seen = 0;
            atomic_fetch_sub(&pending, 1);
            found = true;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}

bool
NsLogEqualPending(void)
{
    return atomic_load(&pending) > 0;
}

uint64_t
NsLogEqualTotal(void)
{
    return atomic_load(&total);
}
