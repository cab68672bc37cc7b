/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Compressing the answers of scripts: `compressenable`, `compresslevel` and `compressminsize` of ns/server/S, and
 * `ns_conn compress`.  The connection thread alone.
 */
#ifndef NSD_CONNZIP_H
#define NSD_CONNZIP_H

#include "conn.h"

/* Does the client take gzip? */
bool NsConnAcceptsGzip(const NsConn *conn);
/*
 * Compress a whole body, if that is wanted, suits its type and length, and the client takes it.  True: *result (ns_free it)
 * is the body to send, and the headers say so.  False: the body goes out as it is.
 */
bool NsConnCompress(NsConn *conn, const char *data, size_t len, char **result, size_t *resultLen);

#endif
