/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Compressing the answers of scripts: `compressenable`, `compresslevel` and `compressminsize` of ns/server/S, and
 * `ns_conn compress`.  The connection thread alone.
 */
#ifndef NSD_CONNZIP_H
#define NSD_CONNZIP_H

#include "request/conn.h"

/* Does the client take gzip? */
bool NsConnAcceptsGzip(const NsConn *conn);
/*
 * Compress a whole body, if that is wanted, suits its type and length, and the client takes it.  True: *result (ns_free it)
 * is the body to send, and the headers say so.  False: the body goes out as it is.
 */
bool NsConnCompress(NsConn *conn, const char *data, size_t len, char **result, size_t *resultLen);

/*
 * An answer that is sent in parts: Begin before its head is written.  NULL: it is not to be compressed; else the headers say so,
 * all of its parts must go through Write, the last one with `last`, and End frees it (NULL is fine).
 */
typedef struct NsConnZip NsConnZip;
NsConnZip    *NsConnZipBegin(NsConn *conn);
Ns_ReturnCode NsConnZipWrite(NsConnZip *zip, NsConn *conn, const char *data, size_t len, bool last);
void          NsConnZipEnd(NsConnZip *zip);

#endif
