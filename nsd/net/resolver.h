/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Name look-ups for event loops: getaddrinfo() waits, so a few threads do it, and what else takes long.
 *
 * The threads are started when there is something to look up and end when there has been nothing for a while.  Look-ups that wait for a
 * thread are limited in number; one that hangs keeps its thread, but neither its caller nor the stop.
 */
#ifndef NSD_RESOLVER_H
#define NSD_RESOLVER_H

#include "net/addr.h"
#include "net/eventloop.h"

#define NS_RESOLVER_THREADS 4
#define NS_RESOLVER_QUEUE   1000

typedef struct NsLookup NsLookup;
/* Called on the loop's thread.  `count` addresses, or -1 and `code`, an errno.  The look-up is gone when it returns. */
typedef void (NsLookupProc)(void *arg, const NsSockAddr *addrs, int count, int code);

/*
 * Any thread.  Look `host` up as NsAddrResolve does (not passive).  `done` is called once, never from within this call,
 * unless the look-up is cancelled before.  NULL and errno: EAGAIN (too many wait already), ECANCELED (the process ends).
 */
NsLookup *NsLookupStart(NsLoop *loop, const char *host, unsigned short port, NsLookupProc *done, void *arg);
/*
 * The same threads do other work that takes its time: `work` runs on one of them with `data`, then `done` is called with count 0, or
 * with -1 and ECANCELED; `data` lives until behind `done`, and is freed by `freeData` in any case, also when NULL is returned.
 */
NsLookup *NsLookupWork(NsLoop *loop, void (*work)(void *data), void (*freeData)(void *data), void *data, NsLookupProc *done, void *arg);
/* The loop's thread: `done` will not be called. */
void      NsLookupCancel(NsLookup *lookup);

/* Any thread.  Threads at most, and look-ups that wait at most. */
void NsResolverConfigure(int maxThreads, int maxQueue);
/*
 * At the end of the process: no new look-ups, those that wait get ECANCELED, the threads end.  Waits for the threads that
 * are idle, not for a look-up: returns how many are still under way.
 */
int  NsResolverStop(const Ns_Time *until);

typedef struct NsResolverStats { int threads, running, waiting; unsigned long long lookups, refused, cancelled; } NsResolverStats;
void NsResolverGetStats(NsResolverStats *stats);

/* For tests: what to call instead of NsAddrResolve; NULL: that again.  And NsResolverStop is undone. */
typedef int (NsResolveProc)(const char *host, unsigned short port, NsSockAddr addrs[NS_MAX_ADDRS]);
void NsResolverReplace(NsResolveProc *proc);

#endif
