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

#endif
