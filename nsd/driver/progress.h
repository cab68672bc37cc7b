/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The progress of uploads: how much of a request's body has come, under a key that its client has chosen.
 *
 * Kept for bodies of an announced length from `progressminsize` on (0: for none, and nothing is done).  A connection's loop writes, any thread
 * looks.  Keys belong to a virtual server; when several uploads have the same one, the last to begin is seen.
 */
#ifndef NSD_PROGRESS_H
#define NSD_PROGRESS_H

#include "http/parse.h"
#include "conf/server.h"

#define NS_PROGRESS_MAX_KEY 256                /* bytes; an upload with a longer one has no progress */

typedef struct NsProgress NsProgress;

/*
 * The loop.  A head is complete and `total` bytes are to follow: the key is its field X-Progress-ID, or that parameter of its query, or its
 * URL.  NULL: it has none that can be used.
 */
NsProgress *NsProgressBegin(NsServer *server, const NsHttpRequest *request, size_t total, int64_t now);
size_t      NsProgressTotal(const NsProgress *progress);
/* So much is there by now; `now` is the loop's time in milliseconds. */
void        NsProgressNote(NsProgress *progress, size_t received, int64_t now);
/* All has come, or the connection ended before.  NULL is fine. */
void        NsProgressEnd(NsProgress *progress, bool complete);

/* Any thread.  False: no such upload is under way. */
bool        NsProgressGet(const NsServer *server, const char *key, size_t *received, size_t *total);

/*
 * Who is told of it, set once, before the first request: at the beginning, then at most ten times a second, and at the end.  It is called by
 * loops, which must not wait.
 */
typedef enum { NS_PROGRESS_COMES, NS_PROGRESS_DONE, NS_PROGRESS_FAILED } NsProgressState;
typedef void (NsProgressProc)(NsServer *server, const char *key, NsProgressState state, size_t received, size_t total);
void        NsProgressTell(NsProgressProc *proc);

#endif
