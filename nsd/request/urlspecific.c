/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Data of modules that belong to a method and a URL of a server (Ns_UrlSpecific*), and traces of a server.
 */
#include "ns.h"
#include "request/filter.h"
#include "request/urlspace.h"

#define MAX_IDS 64

typedef struct Datum {
    _Atomic int  refs;
    void        *data;
    Ns_Callback *freeProc;
} Datum;

static Ns_Mutex      lock;                     /* of what follows; the spaces have locks of their own and are never freed */
static int           nids;
static Tcl_HashTable spaces[MAX_IDS];          /* by server */

static void
Retain(void *data)
{
    ((Datum *)data)->refs++;
}

/* While this thread takes data out of a space with NS_OP_NODELETE: they stay their owner's. */
static __thread bool keepData;

static void
Release(void *data)
{
    Datum *datum = data;

    if (keepData) {
        datum->freeProc = NULL;
    }
    if (--datum->refs == 0) {
        if (datum->freeProc != NULL) {
            datum->freeProc(datum->data);
        }
        ns_free(datum);
    }
}

int
Ns_UrlSpecificAlloc(void)
{
    int id = -1;

    Ns_MutexLock(&lock);
    if (nids < MAX_IDS) {
        id = nids++;
        Tcl_InitHashTable(&spaces[id], TCL_ONE_WORD_KEYS);
    }
    Ns_MutexUnlock(&lock);
    if (id < 0) {
        Ns_Log(Error, "urlspace: all %d kinds of data of URLs are taken", MAX_IDS);
    }
    return id;
}

/* NULL: there is no such server or id, which is logged. */
static NsUrlSpace *
SpaceOf(const NsServer *server, int id)
{
    NsUrlSpace *space = NULL;
    int         isNew;

    Ns_MutexLock(&lock);
    if (server != NULL && id >= 0 && id < nids) {
        Tcl_HashEntry *entry = Tcl_CreateHashEntry(&spaces[id], (const char *)server, &isNew);

        if (isNew) {
            Tcl_SetHashValue(entry, NsUrlSpaceCreate(Retain, Release));
        }
        space = Tcl_GetHashValue(entry);
    }
    Ns_MutexUnlock(&lock);
    if (space == NULL) {
        Ns_Log(Error, "urlspace: there is no server for it, or no kind %d of data of URLs", id);
    }
    return space;
}

void
Ns_UrlSpecificSet(const char *server, const char *key, const char *url, int id, void *data, unsigned int flags,
                  Ns_Callback freeProc)
{
    NsUrlSpace *space = SpaceOf(NsServerGet(server), id);

    if (space != NULL) {
        Datum *datum = ns_calloc(1, sizeof(*datum));

        datum->refs = 1;
        datum->data = data;
        datum->freeProc = (flags & NS_OP_NODELETE) == 0u ? freeProc : NULL;
        NsUrlSpaceSet(space, key, url, datum, flags & (NS_OP_NOINHERIT | NS_OP_SEGMATCH), NULL);
    }
}

static void *
Find(const NsServer *server, const char *key, const char *url, int id, unsigned flags, Ns_UrlSpaceMatchInfo *match)
{
    NsUrlSpace *space = SpaceOf(server, id);
    Datum      *datum = space != NULL ? NsUrlSpaceFindMatch(space, key, url, flags, NULL, match) : NULL;
    void       *data = NULL;

    if (datum != NULL) {
        data = datum->data;
        Release(datum);
    }
    return data;
}

void *
Ns_UrlSpecificGet(Ns_Server *server, const char *key, const char *url, int id, unsigned int flags, Ns_UrlSpaceOp op,
                  Ns_UrlSpaceMatchInfo *matchInfo, Ns_UrlSpaceContextFilterEvalProc proc, void *context)
{
    if (proc != NULL || context != NULL) {
        Ns_Log(Error, "urlspace: %s %s: data here have no contexts that a proc could judge", key, url);
        return NULL;
    }
    if (matchInfo != NULL) {
        *matchInfo = (Ns_UrlSpaceMatchInfo){-1, 0, false};
    }
    return Find(server, key, url, id, (flags & NS_OP_NOINHERIT) | (op == NS_URLSPACE_EXACT ? NS_URL_EXACT : 0u), matchInfo);
}

void *
Ns_UrlSpecificGetExact(const char *server, const char *key, const char *url, int id, unsigned int flags)
{
    return Find(NsServerGet(server), key, url, id, (flags & NS_OP_NOINHERIT) | NS_URL_EXACT, NULL);
}

void *
Ns_UrlSpecificGetFast(const char *server, const char *key, const char *url, int id)
{
    return Find(NsServerGet(server), key, url, id, 0u, NULL);
}

void *
Ns_UrlSpecificDestroy(const char *server, const char *key, const char *url, int id, unsigned int flags)
{
    NsServer   *self = NsServerGet(server);
    NsUrlSpace *space = SpaceOf(self, id);
    void       *data = NULL;

    if (space != NULL) {
        data = Find(self, key, url, id, NS_URL_EXACT, NULL);
        keepData = (flags & NS_OP_NODELETE) != 0u;
        (void)NsUrlSpaceUnset(space, key, url, flags & (NS_OP_NOINHERIT | NS_OP_RECURSE));
        keepData = false;
    }
    return data;
}

typedef struct Walk {
    Ns_WalkProc *proc;
    Tcl_DString *ds;
} Walk;

static void
WalkEntry(const NsUrlEntry *entry, void *arg)
{
    const Walk  *walk = arg;
    const Datum *datum = entry->data;

    Tcl_DStringStartSublist(walk->ds);
    Tcl_DStringAppendElement(walk->ds, entry->key);
    Tcl_DStringAppendElement(walk->ds, entry->path);
    Tcl_DStringAppendElement(walk->ds, entry->pattern);
    Tcl_DStringAppendElement(walk->ds, entry->inherit ? "inherit" : "noinherit");
    walk->proc(walk->ds, datum->data);
    Tcl_DStringEndSublist(walk->ds);
}

void
Ns_UrlSpecificWalk(int id, const char *server, Ns_WalkProc func, Tcl_DString *ds)
{
    NsUrlSpace *space = SpaceOf(NsServerGet(server), id);
    Walk        walk = {func, ds};

    if (space != NULL) {
        NsUrlSpaceWalk(space, WalkEntry, &walk);
    }
}

/* ----------------------------------------------------------------------------------------------------------- traces */

typedef struct Trace {
    Ns_TraceProc *proc;
    void         *arg;
} Trace;

static Ns_ReturnCode
RunTrace(const void *arg, Ns_Conn *conn, unsigned UNUSED(why))
{
    const Trace *trace = arg;

    trace->proc(trace->arg, conn);
    return NS_OK;
}

static void *
Register(const char *server, Ns_TraceProc *proc, void *arg, unsigned when)
{
    Trace *trace = ns_malloc(sizeof(*trace));
    void  *filter;

    trace->proc = proc;
    trace->arg = arg;
    filter = Ns_RegisterFilter(server, "*", "/*", RunTrace, when, trace, false);
    if (filter == NULL) {                      /* there is no such server */
        ns_free(trace);
    }
    return filter;
}

void *
Ns_RegisterServerTrace(const char *server, Ns_TraceProc *proc, void *arg)
{
    return Register(server, proc, arg, NS_FILTER_TRACE);
}

void *
Ns_RegisterConnCleanup(const char *server, Ns_TraceProc *proc, void *arg)
{
    return Register(server, proc, arg, NS_FILTER_VOID_TRACE);
}
