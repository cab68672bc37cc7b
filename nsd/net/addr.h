/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Addresses: from text to what the kernel takes.
 */
#ifndef NSD_ADDR_H
#define NSD_ADDR_H

#include <netinet/in.h>
#include <sys/un.h>
#include "ns.h"

#define NS_MAX_ADDRS 16                        /* of one name: those behind them are not tried */

typedef struct NsSockAddr {
    union {
        struct sockaddr     sa;
        struct sockaddr_in  in;
        struct sockaddr_in6 in6;
        struct sockaddr_un  un;
    } u;
    socklen_t len;
} NsSockAddr;

/*
 * Any thread; may wait for the name service.  The host is a name, an address ("127.0.0.1", "::1", "[::1]"), "unix:/path" or a
 * path, and, for listening only (`passive`), NULL or "*": any address.  For listening, IPv4 addresses come before IPv6 ones.
 *
 * Returns the number of addresses (1 .. NS_MAX_ADDRS), or -1 and errno: EHOSTUNREACH when the name is not known,
 * ENONET when nobody could be asked.
 */
int NsAddrResolve(const char *host, unsigned short port, bool passive, NsSockAddr addrs[NS_MAX_ADDRS]);
/* Is this a numeric IPv4 or IPv6 address, not a name? */
bool NsAddrIsNumeric(const char *host);
/* May NsAddrResolve wait for the name service?  Not for addresses and paths. */
bool NsAddrNeedsLookup(const char *host);

#endif
