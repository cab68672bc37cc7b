/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a program is told of its request: environment and arguments (RFC 3875, 4.1 and 4.4).
 */
#ifndef NSCGI_VARS_H
#define NSCGI_VARS_H

#include "find.h"

/*
 * The connection thread.  NULL-terminated, as the system has them, in the memory of `ds`, which the caller has initialised and frees.
 */
char **CgiEnvironment(Ns_Conn *conn, const CgiServer *server, const CgiTarget *target, Tcl_DString *ds);
char **CgiArguments(const Ns_Conn *conn, const CgiServer *server, const CgiTarget *target, Tcl_DString *ds);

#endif
