/* SPDX-License-Identifier: MPL-2.0 */
/* Sockets as Tcl channels: what the files of this family share.  The interpreter's thread. */
#ifndef NSD_CMD_SOCK_H
#define NSD_CMD_SOCK_H

#include "ns.h"

/* A channel for a socket, registered in the interpreter; it owns the socket. */
Tcl_Channel NsSockMakeChannel(Tcl_Interp *interp, NS_SOCKET fd);
/* One for reading and one, with a duplicate, for writing.  The socket is taken over in any case. */
int NsSockMakePair(Tcl_Interp *interp, NS_SOCKET fd, Tcl_Channel *readChan, Tcl_Channel *writeChan);

#endif
