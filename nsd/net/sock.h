/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Listening and connecting in parts, for those to whom Ns_SockListenEx and Ns_SockTimedConnect2 are too much.
 */
#ifndef NSD_SOCK_H
#define NSD_SOCK_H

#include "net/addr.h"

/*
 * Any thread.  A socket that is bound but does not listen yet; for an IPv6 address `bothFamilies` says whether it is
 * for IPv4, too.  -1 and errno on failure.
 */
NS_SOCKET NsSockCloseFailed(NS_SOCKET fd);                /* on an error path: errno stays, NS_INVALID_SOCKET */
/* At a file of a socket of that type (SOCK_STREAM, SOCK_DGRAM) that nobody has open: remove it.  False: it is something else, or in use. */
bool NsSockRemoveStale(const NsSockAddr *addr, int type);
NS_SOCKET NsSockBind(const NsSockAddr *addr, bool reuseport, bool bothFamilies);
/* As Ns_SockListenEx, but never one of the sockets that were bound before (prebind.h). */
NS_SOCKET NsSockListenNew(const char *address, unsigned short port, int backlog, bool reuseport);

/*
 * Any thread.  A non-blocking socket that is connected, or on its way if `*pending`: then it becomes writable.  -1 and errno on
 * failure; EAGAIN of a Unix-domain address: the listener's backlog is full, try again later.
 */
NS_SOCKET NsSockConnectStart(const NsSockAddr *addr, bool *pending);

/*
 * Any thread, when accept failed for want of descriptors: take the client who waits and close the connection at once, by
 * a descriptor kept for that, so that the listener does not call for ever.  Logs once a second, with `who`.
 */
void NsSockRefuse(NS_SOCKET listener, const char *who);
/* Is that the reason why accept failed? */
bool NsSockOutOfDescriptors(int code);

#endif
