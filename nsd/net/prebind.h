/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sockets that were bound before anybody asked for them: those of option -b, and those that systemd passed.
 * Ns_SockListenEx gives each of them once, to the first who listens on its address and port.
 *
 * They are bound but do not listen until somebody takes them, so that no client waits where nobody will answer (those
 * of systemd listen already).  Where "*" is asked for, that is a socket for both families, or the any-address of IPv4;
 * else the address must be the very one it is bound to.
 */
#ifndef NSD_PREBIND_H
#define NSD_PREBIND_H

#include "net/addr.h"

/* ---- the main thread, at start, in this order ---- */

/*
 * Note the addresses of a list "address:port,..."; nothing is bound yet.  An IPv6 address is in brackets; "*:port" and
 * "port" are any address.  False with the reason in `error` (initialized by the caller) when it is no such list.
 */
bool NsPrebindWant(const char *list, Tcl_DString *error);
/*
 * Take over what systemd passed: LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES, which leave the environment.  Before the
 * first fork: LISTEN_PID is the process that was started.  What is no listening socket is logged and closed.
 */
void NsPrebindInherit(void);
/* Bind what was noted, unless it was passed.  False with the reason in `error`. */
bool NsPrebindOpen(Tcl_DString *error);
/* Log, once, which of them nobody has taken. */
void NsPrebindReport(void);

/* ---- any thread ---- */

/*
 * The first socket that is bound to one of these addresses, listening, blocking and with `reuseport` as wanted; the
 * caller owns it.  `any`: the addresses are those of "*".  False: there is none.  True and -1 in *fd, with errno: it
 * cannot listen, and stays here.
 */
bool NsPrebindTake(const NsSockAddr *addrs, int count, bool any, int backlog, bool reuseport, NS_SOCKET *fd);
/* Is one of them, that nobody has taken, bound to this port of some address? */
bool NsPrebindHasPort(unsigned short port);
/* Close what nobody has taken (NsPrebindReport first, if that was not called).  The table is empty then. */
void NsPrebindClose(void);

#endif
