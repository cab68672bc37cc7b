/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Preloaded by tests/memcheck/run: Tcl's allocator keeps what is freed in pools of its own, where memcheck sees neither what is lost nor what is
 * used when it is free.  With malloc below it does.
 */
#include <stdlib.h>

char *TclpAlloc(unsigned size);
char *TclpRealloc(char *memory, unsigned size);
void  TclpFree(char *memory);

char *
TclpAlloc(unsigned size)
{
    return malloc(size);
}

char *
TclpRealloc(char *memory, unsigned size)
{
    return realloc(memory, size);
}

void
TclpFree(char *memory)
{
    free(memory);
}
