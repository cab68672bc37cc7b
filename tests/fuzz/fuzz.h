/* SPDX-License-Identifier: MPL-2.0 */
/*
 * For fuzz targets: the entry, a check that ends the run, and cuts that are derived from the input, so that an input is
 * nothing but the bytes that a peer would send.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                                   \
    do {                                                                                                        \
        if (!(condition)) {                                                                                     \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                           \
            abort();                                                                                            \
        }                                                                                                       \
    } while (0)

static inline uint64_t
FuzzSeed(const uint8_t *data, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ data[i]) * 0x100000001b3u;
    }
    return hash | 1;
}

/* The size of the next piece: mostly small ones, 1 .. left. */
static inline size_t
FuzzPiece(uint64_t *seed, size_t left)
{
    size_t piece;

    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    piece = 1 + (*seed >> 8) % ((*seed & 7) == 0 ? 200 : 12);
    return piece < left ? piece : left;
}

/* A copy in memory of exactly that size: the sanitizer sees a byte too far. */
static inline void *
FuzzCopy(const void *data, size_t size)
{
    void *copy = malloc(size > 0 ? size : 1);

    FUZZ_CHECK(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

#endif
