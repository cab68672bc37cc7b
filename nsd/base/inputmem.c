/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The sums of unfinished input, in memory and in files, and their limits.
 */
#include <stdatomic.h>
#include "base/inputmem.h"

typedef struct Sum {
    atomic_size_t used, single, limit;
} Sum;

static Sum           memory = {.limit = (size_t)256 << 20}, files = {.limit = (size_t)4 << 30};
static atomic_ullong refusals;

static void
Single(Sum *sum, size_t size)
{
    size_t largest = atomic_load(&sum->single);

    while (size > largest && !atomic_compare_exchange_weak(&sum->single, &largest, size)) {
        ;
    }
}

static void
Count(Sum *sum, size_t before, size_t now)
{
    /* Unsigned arithmetic: the difference may be negative. */
    atomic_fetch_add_explicit(&sum->used, now - before, memory_order_relaxed);
}

static bool
Reaches(const Sum *sum, size_t now)
{
    return now >= atomic_load_explicit(&sum->limit, memory_order_relaxed)
           && now / 2 >= atomic_load_explicit(&sum->single, memory_order_relaxed);
}

/* ---- memory ---- */

void
NsInputMemorySetLimit(size_t size)
{
    atomic_store(&memory.limit, size);
}

void
NsInputMemorySingle(size_t size)
{
    Single(&memory, size);
}

void
NsInputMemoryCount(size_t before, size_t now)
{
    Count(&memory, before, now);
}

bool
NsInputMemoryFull(void)
{
    return Reaches(&memory, NsInputMemory());
}

bool
NsInputMemoryOver(void)
{
    return Reaches(&memory, NsInputMemory() / 9 * 8);
}

size_t
NsInputMemory(void)
{
    return atomic_load_explicit(&memory.used, memory_order_relaxed);
}

/* ---- files ---- */

void
NsInputFilesSetLimit(size_t size)
{
    atomic_store(&files.limit, size);
}

void
NsInputFilesSingle(size_t size)
{
    Single(&files, size);
}

void
NsInputFilesCount(size_t before, size_t now)
{
    Count(&files, before, now);
}

bool
NsInputFilesFull(void)
{
    return Reaches(&files, NsInputFiles());
}

bool
NsInputFilesOver(void)
{
    return Reaches(&files, NsInputFiles() / 9 * 8);
}

size_t
NsInputFiles(void)
{
    return atomic_load_explicit(&files.used, memory_order_relaxed);
}

/* ---- both ---- */

void
NsInputMemoryRefuse(void)
{
    atomic_fetch_add_explicit(&refusals, 1u, memory_order_relaxed);
}

unsigned long long
NsInputMemoryRefusals(void)
{
    return atomic_load_explicit(&refusals, memory_order_relaxed);
}
