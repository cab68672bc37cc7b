/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Compressing the answers of scripts with gzip (RFC 1952, RFC 9110 8.4).
 */
#include <string.h>
#include <zlib.h>
#include "connzip.h"
#include "http/head.h"
#include "http/header.h"
#include "http/mime.h"

#define GZIP_WINDOW (15 + 16)                  /* zlib's way of asking for gzip */

bool
NsConnAcceptsGzip(const NsConn *conn)
{
    return NsHeaderQuality(Ns_SetIGet(conn->pub.headers, "accept-encoding"), "gzip") > 0;
}

/* False: it cannot be compressed, or would not become smaller. */
static bool
Gzip(int level, const char *data, size_t len, char **result, size_t *resultLen)
{
    z_stream stream;
    char    *buffer;
    bool     done;

    memset(&stream, 0, sizeof stream);
    if (len >= UINT32_MAX || deflateInit2(&stream, level, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return false;
    }
    buffer = ns_malloc(len);
    stream.next_in = (Bytef *)(uintptr_t)data;
    stream.avail_in = (uInt)len;
    stream.next_out = (Bytef *)buffer;
    stream.avail_out = (uInt)len;
    done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    if (done) {
        *result = buffer;
        *resultLen = stream.total_out;
    } else {
        ns_free(buffer);
    }
    deflateEnd(&stream);
    return done;
}

/* May this answer, as its headers are now, be sent compressed to a client that takes it? */
static bool
Suits(const NsConn *conn, size_t len)
{
    const Ns_Set *headers = conn->pub.outputheaders;
    const char   *type = Ns_SetIGet(headers, "content-type");

    return conn->compress > 0 && (Tcl_WideInt)len >= conn->server->opts.compressMinSize
        && NsHttpStatusHasBody(conn->status) && type != NULL && NsMimeIsCompressible(type)
        && Ns_SetIFind(headers, "content-encoding") < 0 && Ns_SetIFind(headers, "content-range") < 0;
}

/* Caches keep the two forms apart (RFC 9110, 12.5.5). */
static void
AddVary(Ns_Set *headers)
{
    const char *vary = Ns_SetIGet(headers, "vary");
    Tcl_DString ds;

    if (vary != NULL && (NsHeaderHasToken(vary, "accept-encoding") || NsHeaderHasToken(vary, "*"))) {
        return;
    }
    Tcl_DStringInit(&ds);
    if (vary != NULL && *vary != '\0') {
        Tcl_DStringAppend(&ds, vary, -1);
        Tcl_DStringAppend(&ds, ", ", 2);
    }
    Tcl_DStringAppend(&ds, "accept-encoding", -1);
    (void)Ns_SetIUpdate(headers, "vary", Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
}

/* A strong validator stands for bytes: the compressed ones are others (RFC 9110, 8.8.1). */
static void
WeakenTag(Ns_Set *headers)
{
    const char *tag = Ns_SetIGet(headers, "etag");

    if (tag != NULL && *tag == '"') {
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        Tcl_DStringAppend(&ds, "W/", 2);
        Tcl_DStringAppend(&ds, tag, -1);
        (void)Ns_SetIUpdate(headers, "etag", Tcl_DStringValue(&ds));
        Tcl_DStringFree(&ds);
    }
}

bool
NsConnCompress(NsConn *conn, const char *data, size_t len, char **result, size_t *resultLen)
{
    Ns_Set *headers = conn->pub.outputheaders;

    if (!Suits(conn, len)) {
        return false;
    }
    AddVary(headers);
    if (!NsConnAcceptsGzip(conn) || !Gzip(conn->compress, data, len, result, resultLen)) {
        return false;
    }
    WeakenTag(headers);
    (void)Ns_SetIUpdate(headers, "content-encoding", "gzip");
    return true;
}
