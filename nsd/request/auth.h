/* SPDX-License-Identifier: MPL-2.0 */
/*
 * May this request be made?  Scripts registered by ns_register_auth are asked, each until one does not pass it on.
 */
#ifndef NSD_AUTH_H
#define NSD_AUTH_H

#include "request/conn.h"
#include "interp/script.h"

/*
 * The connection thread, between the filters PRE_AUTH and POST_AUTH.  NS_OK: go on.  NS_FILTER_RETURN: 401, 403 or 500 was answered:
 * only the traces are left.
 */
Ns_ReturnCode NsAuthorizeConn(NsConn *conn);
/* The Authorization header, taken apart: a set of authmethod, username, password, token, ...; NULL: there is none. */
Ns_Set       *NsConnAuth(NsConn *conn);


/* Any thread.  The script is taken over. */
void NsAuthRegister(NsServer *server, Ns_AuthKind kind, const char *name, bool first, NsScript *script);
/*
 * The interpreter's thread: ask those of a kind, scripts and Ns_RegisterAuthority's, until one says something else than CONTINUE.
 * False: there is none.  `interp` may be NULL when there is no script.  `verdict` (initialised) gets what was said, "" after an error; *authority is who said it.
 */
bool NsAuthAsk(Tcl_Interp *interp, NsServer *server, Ns_AuthKind kind, const Ns_AuthQuestion *question, Tcl_DString *verdict,
               const char **authority);

#endif
