/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The body of a request in a nameless file: what is too large for memory while it arrives.
 *
 * Its bytes count as base/inputmem.h's files.  Who has the request has the file; one thread at a time.
 */
#ifndef NSD_SPOOL_H
#define NSD_SPOOL_H

#include <stdatomic.h>
#include "ns.h"

typedef struct NsHttpSpool NsHttpSpool;

/* In a folder; what is written is added to `count`, which lives longer.  NULL: errno. */
NsHttpSpool *NsSpoolCreate(const char *dir, atomic_ullong *count);
void         NsSpoolFree(NsHttpSpool *spool);                  /* NULL is fine */
bool         NsSpoolWrite(NsHttpSpool *spool, const char *data, size_t len);           /* behind the rest; false: errno */
/* When all is there: its bytes, with a NUL behind them, as long as it lives.  They are the file's, and cost no memory of their own. */
const char  *NsSpoolBytes(NsHttpSpool *spool);
int          NsSpoolFd(const NsHttpSpool *spool);

#endif
