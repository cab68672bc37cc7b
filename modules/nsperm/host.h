/* SPDX-License-Identifier: MPL-2.0 */
/*
 * From where a user may come: addresses, networks and names of hosts.  Pure values; any thread.
 */
#ifndef NSPERM_HOST_H
#define NSPERM_HOST_H

#include "ns.h"

typedef struct PermHost {
    unsigned char ip[16], mask[16];            /* IPv4 as ::ffff:a.b.c.d; not for names */
    char         *name;                        /* NULL: a network; ".domain": every host below it */
    char         *text;                        /* as it was given */
} PermHost;

/*
 * "10.1.2.3", "10.1.0.0/16", "10.1.0.0/255.255.0.0", "2001:db8::/32", "www.example.org", ".example.org".  False: it is nothing of
 * that, and `host` was left as it is.
 */
bool PermHostRead(const char *text, PermHost *host);
void PermHostFree(PermHost *host);
/*
 * Is the peer (a numeric address) one of these?  For names the name service is asked, which may take as long as `dnswaittimeout` says;
 * a name below a domain counts only if it leads back to the address.  `unknown`: what it is when the peer has no address.
 */
bool PermHostMatches(const PermHost *hosts, size_t count, const char *peer, bool unknown);

#endif
