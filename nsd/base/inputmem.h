/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What peers have made the process keep of their unfinished input: heads and bodies of requests, messages of
 * WebSockets, responses of other servers.  A sum for the process,
 * with a limit; who finds it reached refuses what is new, or ends the slowest.  Any thread.
 *
 * The same for what is in files on disk: bodies of requests past maxupload.
 */
#ifndef NSD_INPUTMEM_H
#define NSD_INPUTMEM_H

#include <stdbool.h>
#include <stddef.h>

/* The start: bytes; and what a single body or message may have, of which two must fit whatever the limit is. */
void   NsInputMemorySetLimit(size_t limit);
void   NsInputMemorySingle(size_t size);
/* Something grew from `before` bytes to `now`, or shrank. */
void   NsInputMemoryCount(size_t before, size_t now);
bool   NsInputMemoryFull(void);
bool   NsInputMemoryOver(void);                /* full, and an eighth more */
size_t NsInputMemory(void);

void   NsInputFilesSetLimit(size_t limit);
void   NsInputFilesSingle(size_t size);
void   NsInputFilesCount(size_t before, size_t now);
bool   NsInputFilesFull(void);
bool   NsInputFilesOver(void);
size_t NsInputFiles(void);

/* One is given up for it: those who have no counter of their own. */
void   NsInputMemoryRefuse(void);
unsigned long long NsInputMemoryRefusals(void);

#endif
