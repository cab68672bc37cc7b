/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Memory that is always there: running out ends the process with a message.
 */
#include <stdlib.h>
#include <string.h>
#include "nsbase.h"
#include "base/die.h"

static void
OutOfMemory(size_t size)
{
    NsDie("memory: cannot allocate %zu bytes", size);
}

void *
ns_malloc(size_t size)
{
    void *ptr = malloc(size == 0 ? 1 : size);

    if (__builtin_expect(ptr == NULL, 0)) {
        OutOfMemory(size);
    }
    return ptr;
}

/*
 * Blocks of up to this size are kept by glibc for the thread that freed them, but calloc(3) does not look there: what it
 * allocates and free() puts away comes from the heap, at many times the cost.
 */
#define KEPT_SIZE 1032

void *
ns_calloc(size_t num, size_t size)
{
    size_t total;
    void  *ptr;

    if (!__builtin_mul_overflow(num, size, &total) && total <= KEPT_SIZE) {
        return memset(ns_malloc(total), 0, total);
    }
    ptr = calloc(num, size);
    if (__builtin_expect(ptr == NULL, 0)) {
        OutOfMemory(num * size);
    }
    return ptr;
}

void *
ns_realloc(void *ptr, size_t size)
{
    ptr = realloc(ptr, size == 0 ? 1 : size);
    if (__builtin_expect(ptr == NULL, 0)) {
        OutOfMemory(size);
    }
    return ptr;
}

void
ns_free(void *ptr)
{
    free(ptr);
}

char *
ns_strdup(const char *string)
{
    return string == NULL ? NULL : ns_strncopy(string, (ssize_t)strlen(string));
}

char *
ns_strncopy(const char *string, ssize_t size)
{
    char *copy = NULL;

    if (string != NULL) {
        size_t len = size < 0 ? strlen(string) : (size_t)size;

        copy = ns_malloc(len + 1);
        memcpy(copy, string, len);
        copy[len] = '\0';
    }
    return copy;
}

char *
ns_strcopy(const char *string)
{
    return ns_strdup(string);
}

int
ns_uint64toa(char *buffer, uint64_t n)
{
    return sprintf(buffer, "%" PRIu64, n);
}

int
ns_uint32toa(char *buffer, uint32_t n)
{
    return ns_uint64toa(buffer, n);
}

void *
ns_malloc_nonzero(size_t size)
{
    return size > 0 ? ns_malloc(size) : NULL;
}

void *
ns_align_up(void *p, size_t a)
{
    return (void *)(((uintptr_t)p + (a - 1u)) & ~(uintptr_t)(a - 1u));
}

void *
ns_memmem(const void *haystack, size_t haystackLength, const void *const needle, const size_t needleLength)
{
    return memmem(haystack, haystackLength, needle, needleLength);
}
