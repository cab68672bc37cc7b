/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The opening handshake (RFC 6455, section 4): what can be said of it without a connection.
 */
#ifndef NSD_WS_HANDSHAKE_H
#define NSD_WS_HANDSHAKE_H

#include "ns.h"

#define NS_WS_ACCEPT_LEN 28
/* Sec-WebSocket-Accept for a key; NUL-terminated. */
void NsWsAcceptKey(const char *key, size_t keyLen, char accept[NS_WS_ACCEPT_LEN + 1]);
/* Is `token` in a comma-separated list of tokens, without regard to case? */
bool NsWsHasToken(const char *list, const char *token);
/*
 * May this request be upgraded?  0: yes; else the status to answer (400, 426) with the reason.
 * `method`, `version` and headers as parsed.
 */
int NsWsHandshakeCheck(const char *method, double version, const Ns_Set *headers, const char **reason);
/*
 * May a page of this origin connect?  `patterns` is a Tcl list, "" or NULL: only of the host and port in the request's
 * Host header.  A pattern (as of `string match`, without regard to case) is compared with the whole origin
 * (https://example.com:8443) and with its host alone.  "null", and what is no origin, match "*" alone, "null" also the
 * pattern null.  A request without an Origin header (NULL) is not from a browser, and allowed.
 */
bool NsWsOriginAllowed(const char *patterns, const char *origin, const char *host);
/*
 * The first protocol of the client's (all Sec-WebSocket-Protocol headers) that is in the Tcl list `ours`, appended to
 * `chosen`. False: none.
 */
bool NsWsChooseProtocol(const Ns_Set *headers, const char *ours, Tcl_DString *chosen);
/* All headers of a name joined by ", ". */
void NsWsJoinHeaders(const Ns_Set *headers, const char *name, Tcl_DString *value);
/*
 * The answer's head, up to and with the empty line.  NULL or "": no such header.  False: one of `headers` cannot be
 * sent, or is the handshake's own (Upgrade, Connection, Host, Sec-WebSocket-*, and what would announce a body);
 * nothing was appended.
 */
bool NsWsAnswerHead(const Ns_Set *request, const char *protocol, const char *extensions, const Ns_Set *headers,
                    Tcl_DString *head);

/* ---- a client ---- */

#define NS_WS_KEY_LEN 24
void NsWsMakeKey(const uint8_t random[16], char key[NS_WS_KEY_LEN + 1]);
/*
 * The request's head.  `target`: path and query; `protocols` a Tcl list; an Origin is one of `headers`.  False: host,
 * target or one of the protocols is invalid, or one of the headers as above; nothing was appended.
 */
bool NsWsRequestHead(const char *host, const char *target, const char *key, const char *protocols,
                     const char *extensions, const Ns_Set *headers, Tcl_DString *head);
/*
 * The answer: its status and headers.  NULL: we are connected, with `protocol` among those asked for; else what is
 * wrong.
 */
const char *NsWsAnswerCheck(int status, const Ns_Set *headers, const char *key, const char *protocols,
                            Tcl_DString *protocol);

#endif
