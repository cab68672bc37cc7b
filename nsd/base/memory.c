/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Memory that is always there: running out ends the process with a message.
 */
#include <stdlib.h>
#include <string.h>
#include "ns.h"

static void
OutOfMemory(size_t size)
{
    Ns_Fatal("memory: cannot allocate %zu bytes", size);
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

void *
ns_calloc(size_t num, size_t size)
{
    void *ptr = calloc(num == 0 ? 1 : num, size == 0 ? 1 : size);

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
