/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Listening in parts, for those to whom Ns_SockListenEx is too much.
 */
#ifndef NSD_SOCK_H
#define NSD_SOCK_H

#include "addr.h"

/*
 * Any thread.  A socket that is bound but does not listen yet; for an IPv6 address `bothFamilies` says whether it is
 * for IPv4, too.  -1 and errno on failure.
 */
NS_SOCKET NsSockBind(const NsSockAddr *addr, bool reuseport, bool bothFamilies);
/* As Ns_SockListenEx, but never one of the sockets that were bound before (prebind.h). */
NS_SOCKET NsSockListenNew(const char *address, unsigned short port, int backlog, bool reuseport);

#endif
