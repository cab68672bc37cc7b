/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The threads of name look-ups and how long a script waits for them, by the section ns/parameters.
 */
#include "conf/resolverconf.h"
#include "ns.h"
#include "net/dns.h"
#include "net/resolver.h"

void
NsResolverConf(void)
{
    int     threads = Ns_ConfigIntRange("ns/parameters", "resolverthreads", NS_RESOLVER_THREADS, 1, 64);
    Ns_Time timeout;

    NsResolverConfigure(threads, Ns_ConfigIntRange("ns/parameters", "resolverqueue", NS_RESOLVER_QUEUE, 1, 1000000));
    Ns_ConfigTimeUnitRange("ns/parameters", "dnswaittimeout", "5s", 0, 0, INT32_MAX, 0, &timeout);
    NsDnsConfigure(&timeout);
}

void
NsResolverEnd(const Ns_Time *until)
{
    int running = NsResolverStop(until);

    if (running > 0) {
        Ns_Log(Notice, "shutdown: %d name look-ups that nobody waits for are left", running);
    }
}
