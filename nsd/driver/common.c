/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What all drivers and all who answer share: the end of every head, and whether connections are still kept.
 */
#include <stdio.h>
#include <time.h>
#include "driver/int.h"
#include "http/date.h"
#include "http/head.h"

static atomic_bool quiet;

/* Both are formatted once per second and thread. */
void
NsDriverAppendDate(Tcl_DString *ds, bool noServer, bool noDate)
{
    static __thread time_t second;
    static __thread char   date[NS_HTTP_DATE_SIZE], server[128];
    time_t                 now = time(NULL);

    if (now != second) {
        second = now;
        (void)NsHttpDateFormat(date, now);
        snprintf(server, sizeof(server), "%s/%s", Ns_InfoServerName(), Ns_InfoServerVersion());
    }
    if (!noDate) {
        (void)NsHttpHeadAdd(ds, "date", date);
    }
    if (!noServer) {
        (void)NsHttpHeadAdd(ds, "server", server);
    }
}

void
NsDriversSetQuiet(void)
{
    atomic_store(&quiet, true);
}

bool
NsDriversQuiet(void)
{
    return atomic_load_explicit(&quiet, memory_order_relaxed);
}
