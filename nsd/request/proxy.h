/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reverse proxies in front of this process: who is trusted to say whom a request is from.
 *
 * Section ns/parameters/reverseproxymode, read once at the start; any thread afterwards.
 */
#ifndef NSD_PROXY_H
#define NSD_PROXY_H

#include "net/network.h"
#include "request/conn.h"

/* The main thread.  A network that is none ends the process: it would be one that is not trusted, or not doubted. */
void NsProxyInit(void);
/* One of `trustedservers`; when there are none, this machine's own addresses are. */
bool NsProxyIsTrusted(const NsIp *ip);
/* Does the peer of this request count as a proxy, so that its X-Forwarded-* headers count? */
bool NsProxyHandled(const NsConn *conn);
/*
 * The client's address as X-Forwarded-For has it: the first from the right that is no trusted proxy, or the leftmost of all.  What is
 * no address ends the search.  False: there is none.
 */
bool NsProxyClient(const Ns_Set *headers, NsIp *client);

#endif
