/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reverse proxies.
 */
#include <string.h>
#include "base/set.h"
#include "http/span.h"
#include "request/proxy.h"

#define MAX_HOPS 100                           /* that are looked at in one request */

static struct {
    bool       enabled, skipNonPublic;
    NsNetwork *trusted;
    int        count;
} mode;

/* The section has two names; the newer one first. */
static const char *
Parameter(const char *key)
{
    const char *value = Ns_ConfigGetValue("ns/parameters/reverseproxymode", key);
    const char *other = Ns_ConfigGetValue("ns/reverseproxymode", key);

    return value != NULL ? value : other;
}

static bool
Flag(const char *key, bool def)
{
    return Ns_ConfigBool("ns/parameters/reverseproxymode", key, Ns_ConfigBool("ns/reverseproxymode", key, def));
}

void
NsProxyInit(void)
{
    const char  *list = Parameter("trustedservers");
    const char **names;

    mode.enabled = Flag("enabled", Ns_ConfigBool("ns/parameters", "reverseproxymode", false));
    mode.skipNonPublic = Flag("skipnonpublic", false);
    if (list != NULL) {
        if (Tcl_SplitList(NULL, list, &mode.count, &names) != TCL_OK) {
            Ns_Fatal("config: trustedservers is not a list: %s", list);
        }
        mode.trusted = ns_calloc((size_t)mode.count + 1u, sizeof *mode.trusted);
        for (int i = 0; i < mode.count; i++) {
            if (!NsNetworkRead(names[i], &mode.trusted[i])) {
                Ns_Fatal("config: trustedservers: '%s' is neither an address nor a network", names[i]);
            }
        }
        Tcl_Free((char *)names);
    }
    if (mode.enabled && mode.count == 0) {
        Ns_Log(Notice, "config: reverseproxymode without trustedservers: X-Forwarded-For counts from this machine's own addresses only");
    }
}

bool
NsProxyIsTrusted(const NsIp *ip)
{
    for (int i = 0; i < mode.count; i++) {
        if (NsNetworkHas(&mode.trusted[i], ip)) {
            return true;
        }
    }
    return mode.enabled && mode.count == 0 && NsIpIsLoopback(ip);
}

bool
NsProxyHandled(const NsConn *conn)
{
    NsIp peer;

    return mode.enabled && NsIpOfSockaddr(&conn->sockInfo.peer.sa, &peer) && NsProxyIsTrusted(&peer);
}

/* The last element before `end`, without blanks; *start is where the rest to its left ends. */
static NsSpan
LastElement(const char *value, const char **end)
{
    const char *stop = *end, *start = stop;

    while (start > value && start[-1] != ',') {
        start--;
    }
    *end = start > value ? start - 1 : NULL;
    while (start < stop && (*start == ' ' || *start == '\t')) {
        start++;
    }
    while (stop > start && (stop[-1] == ' ' || stop[-1] == '\t')) {
        stop--;
    }
    return NsSpanOf(start, stop);
}

/*
 * One field from the right.  True: go on with the field before it.  What is no address ends the search: who has put it there, and
 * all to its left, is not known.
 */
static bool
WalkField(const char *value, NsIp *client, bool *found, int *hops)
{
    const char *end = value + strlen(value);

    while (end != NULL) {
        NsSpan element = LastElement(value, &end);
        NsIp   ip;

        if (++*hops > MAX_HOPS || !NsIpReadHop(element.start, element.len, &ip)) {
            return false;
        }
        if (mode.skipNonPublic && !NsIpIsPublic(&ip)) {
            continue;
        }
        *client = ip;
        *found = true;
        if (!NsProxyIsTrusted(&ip)) {
            return false;
        }
    }
    return true;
}

bool
NsProxyClient(const Ns_Set *headers, NsIp *client)
{
    bool found = false, more = true;
    int  hops = 0;

    for (size_t i = Ns_SetSize(headers); more && i > 0; i--) {
        if (strcmp(Ns_SetKey(headers, i - 1), "x-forwarded-for") == 0 && Ns_SetValue(headers, i - 1) != NULL) {
            more = WalkField(Ns_SetValue(headers, i - 1), client, &found, &hops);
        }
    }
    return found;
}
