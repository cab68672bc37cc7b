/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Filters: an array per server, copied on change and shared by reference, so that no lock is held while they run.
 */
#include <stdatomic.h>
#include <string.h>
#include "base/check.h"
#include "request/filter.h"

typedef struct Filter {
    char          *method, *url;               /* patterns */
    NsConstraints *constraints;
    Ns_FilterProc *proc;
    unsigned       when;
    void          *arg;
} Filter;

typedef struct FilterList {
    _Atomic int refs;
    int         count;
    Filter     *filters[];                     /* filters themselves are never freed: there is no way to unregister one */
} FilterList;

struct NsFilters {
    Ns_Mutex    lock;
    FilterList *list;                          /* under the lock; taken with a reference */
    _Atomic unsigned stages;                   /* those for which there is any filter: most servers have few */
};

static inline struct NsFilters *
FiltersOf(const NsServer *server)
{
    return NsServerPartData(server, &nsFilterPart);
}

typedef struct ProcName {
    struct ProcName  *next;
    Ns_FilterProc    *proc;
    const char       *name;
    NsFilterDescribe *describe;
} ProcName;
static _Atomic(ProcName *) procNames;

static FilterList *
ListNew(int count)
{
    FilterList *list = ns_calloc(1, sizeof *list + sizeof(Filter *) * (size_t)count);

    list->refs = 1;
    list->count = count;
    return list;
}

static void
ListRelease(FilterList *list)
{
    if (--list->refs == 0) {
        ns_free(list);
    }
}

static FilterList *
ListTake(struct NsFilters *filters)
{
    FilterList *list;

    Ns_MutexLock(&filters->lock);
    list = filters->list;
    list->refs++;
    Ns_MutexUnlock(&filters->lock);
    return list;
}

static void
InitServer(NsServer *server)
{
    struct NsFilters *filters = ns_calloc(1, sizeof *filters);

    Ns_MutexInit(&filters->lock);
    Ns_MutexSetName2(&filters->lock, "ns:filters", server->name);
    filters->list = ListNew(0);
    NsServerSetPart(server, &nsFilterPart, filters);
}

NsServerPart nsFilterPart = {.init = InitServer};

void
NsFilterRegister(NsServer *server, const char *method, const char *url, Ns_FilterProc *proc, unsigned when, void *arg,
                 bool first, NsConstraints *constraints)
{
    struct NsFilters *filters = FiltersOf(server);
    FilterList       *old, *list;
    Filter           *filter = ns_calloc(1, sizeof *filter);

    filter->method = ns_strdup(method);
    filter->url = ns_strdup(url);
    filter->constraints = constraints;
    filter->proc = proc;
    filter->when = when;
    filter->arg = arg;

    Ns_MutexLock(&filters->lock);
    old = filters->list;
    list = ListNew(old->count + 1);
    memcpy(list->filters + (first ? 1 : 0), old->filters, sizeof(Filter *) * (size_t)old->count);
    list->filters[first ? 0 : old->count] = filter;
    filters->list = list;
    filters->stages |= when;
    Ns_MutexUnlock(&filters->lock);
    ListRelease(old);
}

void *
Ns_RegisterFilter(const char *server, const char *method, const char *url, Ns_FilterProc *proc, unsigned when, void *arg,
                  bool first)
{
    NsServer *self = server != NULL ? NsServerGet(server) : NsServerDefault();

    if (self == NULL) {
        return NULL;
    }
    NsFilterRegister(self, method, url, proc, when, arg, first, NULL);
    return self;
}

static bool
Applies(const Filter *filter, const NsConn *conn, const char *method, const char *url, unsigned why)
{
    return (filter->when & why) != 0 && Tcl_StringMatch(method, filter->method) && Tcl_StringMatch(url, filter->url)
        && NsConstraintsMatch(filter->constraints, conn->pub.headers);
}

Ns_ReturnCode
NsFilterRun(NsConn *conn, unsigned why)
{
    const Ns_Request *request = &conn->pub.request;
    const char       *method = conn->targetMethod != NULL ? conn->targetMethod : request->method;
    bool              isTrace = (why & (NS_FILTER_TRACE | NS_FILTER_VOID_TRACE)) != 0;
    FilterList       *list;
    Ns_ReturnCode     status = NS_OK;

    if ((FiltersOf(conn->server)->stages & why) == 0 || request->method == NULL || request->url == NULL) {
        return NS_OK;
    }
    list = ListTake(FiltersOf(conn->server));
    for (int i = 0; i < list->count && status == NS_OK; i++) {
        const Filter *filter = list->filters[i];

        if (Applies(filter, conn, method, request->url, why)) {
            conn->filterRan = true;
            status = filter->proc(filter->arg, &conn->pub, why);
        }
    }
    ListRelease(list);
    if (status == NS_FILTER_BREAK) {
        status = NS_OK;
    } else if (status != NS_OK && status != NS_FILTER_RETURN) {
        if (!isTrace && (conn->pub.flags & (NS_CONN_SENTHDRS | NS_CONN_CLOSED)) == 0 && !conn->finished) {
            (void)Ns_ConnReturnInternalError(&conn->pub);
        }
        status = NS_ERROR;
    }
    return status;
}

void
NsFilterName(Ns_FilterProc *proc, const char *name, NsFilterDescribe *describe)
{
    ProcName *entry = ns_malloc(sizeof *entry);

    entry->proc = proc;
    entry->name = name;
    entry->describe = describe;
    entry->next = atomic_load(&procNames);
    while (!atomic_compare_exchange_weak(&procNames, &entry->next, entry)) {
        ;
    }
}

static const char *
WhenName(unsigned when)
{
    switch (when) {
    case NS_FILTER_PRE_AUTH:   return "preauth";
    case NS_FILTER_POST_AUTH:  return "postauth";
    case NS_FILTER_TRACE:      return "trace";
    case NS_FILTER_VOID_TRACE: return "void";
    default:                   return "several";
    }
}

void
NsFilterList(NsServer *server, Tcl_DString *ds, unsigned when)
{
    FilterList *list = ListTake(FiltersOf(server));

    for (int i = 0; i < list->count; i++) {
        const Filter   *filter = list->filters[i];
        const ProcName *name = atomic_load(&procNames);

        if ((filter->when & when) == 0) {
            continue;
        }
        while (name != NULL && name->proc != filter->proc) {
            name = name->next;
        }
        Tcl_DStringStartSublist(ds);
        Tcl_DStringAppendElement(ds, filter->method);
        Tcl_DStringAppendElement(ds, filter->url);
        Tcl_DStringAppendElement(ds, WhenName(filter->when));
        if (name != NULL) {
            Tcl_DStringAppendElement(ds, name->name);
            if (name->describe != NULL) {
                name->describe(ds, filter->arg);
            }
        } else {
            char buffer[40];

            snprintf(buffer, sizeof buffer, "p:%p a:%p", (void *)(uintptr_t)filter->proc, filter->arg);
            Tcl_DStringAppendElement(ds, buffer);
        }
        Tcl_DStringEndSublist(ds);
    }
    ListRelease(list);
}
