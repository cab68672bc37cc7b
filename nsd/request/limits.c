/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Limits for URLs: who may run, who waits here and until when.
 */
#include <string.h>
#include "base/clock.h"
#include "request/limits.h"
#include "request/urlspace.h"

struct NsLimits {
    Ns_Mutex     lock;
    char        *name;
    NsLimitsInfo info;                         /* lock */
    NsConn      *first, *last;                 /* lock: waiting, by conn->next */
    bool         timed;                        /* lock: Expire will be called, by this timer */
    int          timer;
    atomic_bool  holds;                        /* "default": it was set */
};

atomic_bool nsLimitsInUse;

static Ns_Mutex      tableLock;
static Tcl_HashTable table;                    /* NsLimits * */
static NsLimits     *standard;                 /* "default"; set at the start, like the next */
static void        (*resume)(NsConn *conn);
static atomic_bool   stopping;

static const NsLimitsInfo defaults = {.maxRun = 100, .maxWait = 100, .maxUpload = 10240000, .timeout = 60};

static NsUrlSpace *
SpaceOf(const NsServer *server)
{
    return NsServerPartData(server, &nsLimitsPart);
}

static void
InitServer(NsServer *server)
{
    NsServerSetPart(server, &nsLimitsPart, NsUrlSpaceCreate(NULL, NULL));
}

NsServerPart nsLimitsPart = {.init = InitServer};

void
NsLimitsInit(void (*proc)(NsConn *conn))
{
    resume = proc;
    Ns_MutexSetName(&tableLock, "limits");
    Tcl_InitHashTable(&table, TCL_STRING_KEYS);
    standard = NsLimitsMake("default");
}

/*
 * By name
 */
NsLimits *
NsLimitsFind(const char *name)
{
    Tcl_HashEntry *entry;

    Ns_MutexLock(&tableLock);
    entry = Tcl_FindHashEntry(&table, name);
    Ns_MutexUnlock(&tableLock);
    return entry == NULL ? NULL : Tcl_GetHashValue(entry);
}

NsLimits *
NsLimitsMake(const char *name)
{
    int            isNew;
    Tcl_HashEntry *entry;
    NsLimits      *limits;

    Ns_MutexLock(&tableLock);
    entry = Tcl_CreateHashEntry(&table, name, &isNew);
    if (isNew) {
        limits = ns_calloc(1, sizeof(*limits));
        limits->name = ns_strdup(name);
        limits->info = defaults;
        Ns_MutexInit(&limits->lock);
        Ns_MutexSetName2(&limits->lock, "limits", name);
        Tcl_SetHashValue(entry, limits);
    }
    limits = Tcl_GetHashValue(entry);
    Ns_MutexUnlock(&tableLock);
    return limits;
}

void
NsLimitsEach(void (*proc)(const char *name, void *arg), void *arg)
{
    Tcl_HashSearch search;

    Ns_MutexLock(&tableLock);
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&table, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        proc(Tcl_GetHashKey(&table, entry), arg);
    }
    Ns_MutexUnlock(&tableLock);
}

void
NsLimitsGet(NsLimits *limits, NsLimitsInfo *info)
{
    Ns_MutexLock(&limits->lock);
    *info = limits->info;
    Ns_MutexUnlock(&limits->lock);
}

/* HEAD is served like GET, unless it has limits of its own. */
static NsLimits *
LimitsFor(NsServer *server, const NsHttpRequest *request)
{
    const Ns_Request *line = &request->request;
    NsLimits         *limits = NsUrlSpaceFind(SpaceOf(server), line->method, line->url, 0, request->headers);

    if (limits == NULL && strcmp(line->method, "HEAD") == 0) {
        limits = NsUrlSpaceFind(SpaceOf(server), "GET", line->url, 0, request->headers);
    }
    return limits != NULL ? limits : atomic_load(&standard->holds) ? standard : NULL;
}

/* An NsLimitBodyProc. */
static size_t
LimitBody(NsServer *server, const NsHttpRequest *request, bool refused)
{
    NsLimits *limits = LimitsFor(server, request);
    size_t    most = SIZE_MAX;

    if (limits != NULL) {
        Ns_MutexLock(&limits->lock);
        most = (size_t)limits->info.maxUpload;
        limits->info.dropped += refused;
        Ns_MutexUnlock(&limits->lock);
    }
    return most;
}

/* From now on requests are looked at. */
static void
Use(void)
{
    atomic_store(&nsLimitsInUse, true);
    NsDriverLimitBody(LimitBody);
}

void
NsLimitsRegister(NsServer *server, NsLimits *limits, const char *method, const char *url, bool noInherit)
{
    NsUrlSpaceSet(SpaceOf(server), method, url, limits, noInherit ? NS_URL_NOINHERIT : 0, NULL);
    Use();
}

/*
 * Running and waiting
 */

/* Lock held.  Take off those that may run now, or (all of them) have waited too long; linked by conn->next. */
static NsConn *
TakeReady(NsLimits *limits, bool refuseAll)
{
    NsConn  *taken = NULL, **end = &taken;
    Ns_Time  now, waited;

    NsGetMonotonicTime(&now);
    while (limits->first != NULL) {
        NsConn *conn = limits->first;
        bool    late;

        (void)Ns_DiffTime(&now, &conn->queueTime, &waited);
        late = refuseAll || waited.sec >= limits->info.timeout;
        if (!late && limits->info.running >= (unsigned)limits->info.maxRun) {
            break;
        }
        limits->first = conn->next;
        limits->info.waiting--;
        conn->refused = late;
        conn->limitsSlot = !late;
        limits->info.running += !late;
        limits->info.timeouts += late && !refuseAll;
        conn->next = NULL;
        *end = conn;
        end = &conn->next;
    }
    return taken;
}

/* No lock held. */
static void
ResumeAll(NsConn *conn)
{
    while (conn != NULL) {
        NsConn *next = conn->next;

        conn->next = NULL;
        resume(conn);
        conn = next;
    }
}

static void Expire(void *arg, int id);

/* Lock held.  Come again when the first has waited long enough. */
static void
SetTimer(NsLimits *limits)
{
    Ns_Time now, waited, left;

    if (limits->first != NULL && !limits->timed) {
        NsGetMonotonicTime(&now);
        (void)Ns_DiffTime(&now, &limits->first->queueTime, &waited);
        left = (Ns_Time){limits->info.timeout, 1000};
        (void)Ns_DiffTime(&left, &waited, &left);
        if (left.sec < 0) {
            left = (Ns_Time){0, 1000};
        }
        limits->timer = Ns_After(&left, Expire, limits, NULL);
        limits->timed = limits->timer >= 0;
    }
}

static void
Expire(void *arg, int id)
{
    NsLimits *limits = arg;
    NsConn   *ready;

    (void)id;
    Ns_MutexLock(&limits->lock);
    limits->timed = false;
    ready = TakeReady(limits, false);
    SetTimer(limits);
    Ns_MutexUnlock(&limits->lock);
    ResumeAll(ready);
}

static void
SetIfGiven(int *value, int given)
{
    *value = given >= 0 ? given : *value;
}

void
NsLimitsSet(NsLimits *limits, const NsLimitsInfo *change)
{
    NsConn *ready;

    Ns_MutexLock(&limits->lock);
    SetIfGiven(&limits->info.maxRun, change->maxRun);
    SetIfGiven(&limits->info.maxWait, change->maxWait);
    SetIfGiven(&limits->info.maxUpload, change->maxUpload);
    SetIfGiven(&limits->info.timeout, change->timeout);
    ready = TakeReady(limits, false);
    if (limits->timed && Ns_Cancel(limits->timer)) {       /* else it is about to come */
        limits->timed = false;
    }
    SetTimer(limits);
    Ns_MutexUnlock(&limits->lock);
    if (limits == standard) {
        atomic_store(&limits->holds, true);
        Use();
    }
    ResumeAll(ready);
}

NsLimitsAnswer
NsLimitsAdmitSlow(NsConn *conn)
{
    NsLimits      *limits = LimitsFor(conn->server, conn->http);
    NsLimitsAnswer answer = NS_LIMITS_RUN;

    if (limits == NULL) {
        return NS_LIMITS_RUN;
    }
    conn->limits = limits;
    Ns_MutexLock(&limits->lock);
    if (limits->first == NULL && limits->info.running < (unsigned)limits->info.maxRun) {
        limits->info.running++;
        conn->limitsSlot = true;
    } else if (limits->info.waiting >= (unsigned)limits->info.maxWait || limits->info.timeout == 0 || atomic_load(&stopping)) {
        limits->info.overflows++;
        answer = NS_LIMITS_REFUSE;
    } else {
        answer = NS_LIMITS_WAIT;
        if (limits->first == NULL) {
            limits->first = conn;
        } else {
            limits->last->next = conn;
        }
        limits->last = conn;
        limits->info.waiting++;
        SetTimer(limits);
    }
    Ns_MutexUnlock(&limits->lock);
    return answer;
}

void
NsLimitsDoneSlow(NsConn *conn)
{
    NsLimits *limits = conn->limits;
    NsConn   *ready = NULL;

    Ns_MutexLock(&limits->lock);
    if (conn->limitsSlot) {
        conn->limitsSlot = false;
        limits->info.running--;
        ready = TakeReady(limits, false);
    }
    Ns_MutexUnlock(&limits->lock);
    ResumeAll(ready);
}

bool
NsLimitsLate(NsConn *conn)
{
    NsLimits *limits = conn->limits;
    Ns_Time   waited;

    if (limits != NULL && !conn->refused) {
        (void)Ns_DiffTime(&conn->dequeueTime, &conn->queueTime, &waited);
        Ns_MutexLock(&limits->lock);
        /* With a timeout of 0 nobody may wait for others; the moment until a thread takes it is no wait. */
        conn->refused = limits->info.timeout > 0 && waited.sec >= limits->info.timeout;
        limits->info.timeouts += conn->refused;
        Ns_MutexUnlock(&limits->lock);
    }
    return conn->refused;
}

static void
AppendName(const char *name, void *arg)
{
    Tcl_DStringAppendElement(arg, name);
}

void
NsLimitsStop(void)
{
    Tcl_DString  names;
    const char **words;
    int          count;

    atomic_store(&stopping, true);
    Tcl_DStringInit(&names);
    NsLimitsEach(AppendName, &names);
    if (Tcl_SplitList(NULL, Tcl_DStringValue(&names), &count, &words) == TCL_OK) {
        for (int i = 0; i < count; i++) {
            NsLimits *limits = NsLimitsFind(words[i]);
            NsConn   *waiting;

            Ns_MutexLock(&limits->lock);
            waiting = TakeReady(limits, true);
            Ns_MutexUnlock(&limits->lock);
            ResumeAll(waiting);
        }
        Tcl_Free((char *)words);
    }
    Tcl_DStringFree(&names);
}
