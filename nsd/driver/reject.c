/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Requests that are answered before anybody gets them - what is no HTTP, too large, too slow, too much - and who wants to know of them.
 */
#include <stdatomic.h>
#include <string.h>
#include "base/text.h"
#include "driver/int.h"

#define MAX_LINE 1024                          /* bytes of a request line that are told */

/* They are never removed. */
typedef struct Hearer {
    _Atomic(struct Hearer *) next;
    const NsServer   *server;
    Ns_RejectedProc  *proc;
    void             *arg;
} Hearer;

static _Atomic(Hearer *) hearers;

Ns_ReturnCode
Ns_RegisterRejected(const char *server, Ns_RejectedProc *proc, void *arg)
{
    const NsServer *found = NsServerGet(server);
    Hearer       *hearer, *first;

    if (found == NULL) {
        return NS_ERROR;
    }
    hearer = ns_calloc(1, sizeof *hearer);
    hearer->server = found;
    hearer->proc = proc;
    hearer->arg = arg;
    first = atomic_load(&hearers);
    do {
        atomic_store(&hearer->next, first);
    } while (!atomic_compare_exchange_weak(&hearers, &first, hearer));
    return NS_OK;
}

void
NsSockTellRejected(NsSock *sock, const NsServer *server, const NsHttpRequest *request, int status)
{
    char        peer[INET6_ADDRSTRLEN] = "";
    Tcl_DString ds;
    Ns_Rejected rejected = {.status = status};

    if (atomic_load_explicit(&hearers, memory_order_relaxed) == NULL) {
        return;
    }
    Tcl_DStringInit(&ds);
    if (request != NULL) {
        rejected.line = request->request.line;
    } else {
        size_t      len;
        const char *line = NsHttpParserLine(sock->parser, &len);

        NsTextAppendIn(&ds, line, len < MAX_LINE ? len : MAX_LINE);
        rejected.line = Tcl_DStringValue(&ds);
    }
    rejected.peer = ns_inet_ntop(&sock->info.peer.sa, peer, sizeof(peer));
    rejected.driver = sock->info.driver->module;
    for (const Hearer *hearer = atomic_load(&hearers); hearer != NULL; hearer = atomic_load(&hearer->next)) {
        if (hearer->server == server) {
            hearer->proc(hearer->arg, &rejected);
        }
    }
    Tcl_DStringFree(&ds);
}
