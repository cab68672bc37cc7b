/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The log of requests to other servers: a line for each when it is over, in a file of the server whose script has made it (ns/server/S/httpclient,
 * logging).  Off by default; then nothing is composed.
 */
#ifndef NSD_CLIENT_LOG_H
#define NSD_CLIENT_LOG_H

#include "client/http.h"

typedef struct NsHttpLogEntry {
    const char          *method, *url;         /* text inside; of the URL, who asks (userinfo) is left out */
    const NsHttpOutcome *outcome;
    const NsHttpProgress *progress;
    const char          *end;                  /* how it ended, a word */
} NsHttpLogEntry;

extern NsServerPart nsHttpLogPart;

/* Any thread; `server` NULL: of none, which has no log. */
bool NsHttpLogWanted(const NsServer *server);
void NsHttpLog(const NsServer *server, const NsHttpLogEntry *entry);

#endif
