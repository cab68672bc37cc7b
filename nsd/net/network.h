/* SPDX-License-Identifier: MPL-2.0 */
/*
 * IP addresses and networks as values: read from text, compared.  Any thread.
 */
#ifndef NSD_NETWORK_H
#define NSD_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Both families in the form of IPv6 (::ffff:a.b.c.d), so that one comparison does for both. */
typedef struct NsIp {
    unsigned char bytes[16];
    bool          v4;                          /* was written as IPv4 */
} NsIp;

typedef struct NsNetwork {
    NsIp ip;
    int  bits;                                 /* of the 128 that count */
} NsNetwork;

/* False: it is no address.  No names, zones, ports. */
bool NsIpRead(const char *string, NsIp *ip);
/* What proxies write: an address, with a port perhaps: "a.b.c.d:port", "[v6]", "[v6]:port"; with no NUL at the end. */
bool NsIpReadHop(const char *string, size_t len, NsIp *ip);
/* False: neither IPv4 nor IPv6. */
bool NsIpOfSockaddr(const struct sockaddr *addr, NsIp *ip);
/* In `buffer` of INET6_ADDRSTRLEN bytes: an address of IPv4 in its own form, however it was written. */
const char *NsIpText(const NsIp *ip, char *buffer);

/* "10.0.0.0/8", "2001:db8::/32"; without a length, one address.  False: it is none. */
bool NsNetworkRead(const char *string, NsNetwork *network);
bool NsNetworkHas(const NsNetwork *network, const NsIp *ip);
bool NsIpIsLoopback(const NsIp *ip);
/* Neither the any-address nor loopback, link-local or private. */
bool NsIpIsPublic(const NsIp *ip);

#endif
