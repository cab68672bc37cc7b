/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Contents of small files in memory, as long as the files are what they were.  Off unless the section ns/fastpath says `cache`.
 * Any thread.
 */
#ifndef NSD_FILECACHE_H
#define NSD_FILECACHE_H

#include <sys/stat.h>
#include "base/buf.h"
#include "ns.h"

/* Main thread, at start: read the configuration. */
void   NsFileCacheInit(void);
/* The file's contents if it may be cached and could be read, with a reference for the caller; else NULL. */
Ns_Buf *NsFileCacheGet(const char *file, const struct stat *st);
/* Counters and sizes as name value pairs; false: there is no cache. */
bool   NsFileCacheStats(Tcl_Obj *dict);

#endif
