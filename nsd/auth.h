/* SPDX-License-Identifier: MPL-2.0 */
/*
 * May this request be made?  Scripts registered by ns_register_auth are asked, each until one does not pass it on.
 */
#ifndef NSD_AUTH_H
#define NSD_AUTH_H

#include "conn.h"
#include "script.h"

/*
 * The connection thread, between the filters PRE_AUTH and POST_AUTH.  NS_OK: go on.  NS_FILTER_RETURN: 401, 403 or 500 was answered:
 * only the traces are left.
 */
Ns_ReturnCode NsAuthorizeConn(NsConn *conn);
/* The Authorization header, taken apart: a set of authmethod, username, password, token, ...; NULL: there is none. */
Ns_Set       *NsConnAuth(NsConn *conn);

typedef enum { NS_AUTH_REQUEST, NS_AUTH_USER } NsAuthKind;

/* Any thread.  The script is taken over. */
void NsAuthRegister(NsServer *server, NsAuthKind kind, const char *name, bool first, NsScript *script);
/*
 * The interpreter's thread: ask the scripts of a kind with these words, until one says something else than CONTINUE.  False: there
 * is none.  `verdict` (initialised) gets what was said, "" after an error; *authority is who said it.
 */
bool NsAuthAsk(Tcl_Interp *interp, NsServer *server, NsAuthKind kind, int wordc, const char *const *words,
               Tcl_DString *verdict, const char **authority);

#endif
