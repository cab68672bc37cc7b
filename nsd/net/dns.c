/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Look-ups with a time-out: a loop of its own waits for the threads of the resolver.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include "base/text.h"
#include "net/dns.h"
#include "net/resolver.h"

typedef struct Wait {
    NsLoop       *loop;
    NsTimer       timer;
    NsLookup     *lookup;
    Ns_ReturnCode status;
    Tcl_Obj      *list;                        /* where addresses go, or ... */
    Tcl_DString  *name;                        /* ... the name of */
    struct Reverse *reverse;                   /* ... this */
} Wait;

typedef struct Reverse {                       /* the resolver's, who frees it */
    NsSockAddr addr;
    char       name[NI_MAXHOST];               /* "": it has none */
} Reverse;

static Ns_Time waitTimeout = {5, 0};            /* not changed after the start */

void
NsDnsConfigure(const Ns_Time *timeout)
{
    waitTimeout = *timeout;
}

static void
TimedOut(NsLoop *loop, NsTimer *timer)
{
    Wait *wait = (Wait *)(void *)((char *)timer - offsetof(Wait, timer));

    NsLookupCancel(wait->lookup);
    wait->status = NS_TIMEOUT;
    NsLoopStop(loop);
}

/* Until an answer came or it took too long; the look-up is under way, or NULL and errno. */
static Ns_ReturnCode
Await(Wait *wait)
{
    if (wait->lookup != NULL) {
        NsLoopTimerSet(wait->loop, &wait->timer, NsLoopNow(wait->loop) + (int64_t)waitTimeout.sec * 1000 + waitTimeout.usec / 1000, TimedOut);
        NsLoopRun(wait->loop);
        NsLoopTimerCancel(wait->loop, &wait->timer);
    }
    return wait->status;
}

/* -------------------------------------------------------------------------------------------------------- addresses */

static void
AppendAddress(Tcl_Obj *list, const NsSockAddr *addr)
{
    char        text[INET6_ADDRSTRLEN];
    int         count;
    Tcl_Obj   **words;
    const void *bytes = addr->u.sa.sa_family == AF_INET ? (const void *)&addr->u.in.sin_addr : (const void *)&addr->u.in6.sin6_addr;

    if ((addr->u.sa.sa_family != AF_INET && addr->u.sa.sa_family != AF_INET6)
        || inet_ntop(addr->u.sa.sa_family, bytes, text, sizeof(text)) == NULL) {
        return;
    }
    Tcl_ListObjGetElements(NULL, list, &count, &words);
    for (int i = 0; i < count; i++) {
        if (strcmp(Tcl_GetString(words[i]), text) == 0) {
            return;
        }
    }
    Tcl_ListObjAppendElement(NULL, list, NsTextObj(text, -1));
}

static void
GotAddresses(void *arg, const NsSockAddr *addrs, int count, int code)
{
    Wait *wait = arg;
    int   found = 0;

    for (int i = 0; i < count; i++) {
        AppendAddress(wait->list, &addrs[i]);
    }
    Tcl_ListObjLength(NULL, wait->list, &found);
    wait->status = found > 0 ? NS_OK : NS_ERROR;
    NsLoopStop(wait->loop);
}

Ns_ReturnCode
NsDnsAddresses(const char *host, Tcl_Obj *list)
{
    Wait          wait = {.loop = NsLoopCreate("dns"), .status = NS_ERROR, .list = list};
    Ns_ReturnCode status = NS_ERROR;

    if (wait.loop != NULL) {
        wait.lookup = *host != '\0' ? NsLookupStart(wait.loop, host, 0, GotAddresses, &wait) : NULL;
        status = Await(&wait);
        NsLoopDestroy(wait.loop);
    }
    return status;
}

bool
Ns_GetAllAddrByHost(Tcl_DString *ds, const char *host)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    bool     known;

    Tcl_IncrRefCount(list);
    known = host != NULL && NsDnsAddresses(host, list) == NS_OK;
    if (known) {
        Tcl_DStringAppend(ds, Tcl_GetString(list), -1);        /* a list of addresses has blanks in between, and nothing quoted */
    }
    Tcl_DecrRefCount(list);
    return known;
}

/* ------------------------------------------------------------------------------------------------------------ names */

static void
FindName(void *data)
{
    Reverse *reverse = data;

    if (getnameinfo(&reverse->addr.u.sa, reverse->addr.len, reverse->name, sizeof(reverse->name), NULL, 0, NI_NAMEREQD) != 0) {
        reverse->name[0] = '\0';
    }
}

static void
GotName(void *arg, const NsSockAddr *addrs, int count, int code)
{
    Wait *wait = arg;

    if (count >= 0 && wait->reverse->name[0] != '\0') {
        NsTextAppendIn(wait->name, wait->reverse->name, strlen(wait->reverse->name));
        wait->status = NS_OK;
    }
    NsLoopStop(wait->loop);
}

Ns_ReturnCode
NsDnsName(const char *address, Tcl_DString *name)
{
    Wait          wait = {.status = NS_ERROR, .name = name};
    NsSockAddr    addrs[NS_MAX_ADDRS];
    Ns_ReturnCode status = NS_ERROR;

    if (NsAddrIsNumeric(address) && NsAddrResolve(address, 0, false, addrs) > 0 && (wait.loop = NsLoopCreate("dns")) != NULL) {
        wait.reverse = ns_calloc(1u, sizeof(Reverse));
        wait.reverse->addr = addrs[0];
        wait.lookup = NsLookupWork(wait.loop, FindName, ns_free, wait.reverse, GotName, &wait);
        status = Await(&wait);
        NsLoopDestroy(wait.loop);
    }
    return status;
}

bool
Ns_GetHostByAddr(Tcl_DString *ds, const char *addr)
{
    return addr != NULL && NsDnsName(addr, ds) == NS_OK;
}
