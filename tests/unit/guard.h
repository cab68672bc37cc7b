/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Inputs that end right before a page that cannot be read: a parser that looks one byte too far ends the test.
 */
#ifndef TEST_GUARD_H
#define TEST_GUARD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_SIZE ((size_t)1 << 18)

/* A copy of `len` (up to GUARD_SIZE) bytes before the page; valid until the next call. */
static inline void *
Guard(const void *data, size_t len)
{
    static uint8_t *area;
    uint8_t        *copy;

    if (area == NULL) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);

        area = mmap(NULL, GUARD_SIZE + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED || mprotect(area + GUARD_SIZE, page, PROT_NONE) != 0 || len > GUARD_SIZE) {
            abort();
        }
    }
    copy = area + GUARD_SIZE - len;
    memmove(copy, data, len);
    return copy;
}

#endif
