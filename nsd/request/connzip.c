/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Compressing the answers of scripts with gzip (RFC 1952, RFC 9110 8.4).
 */
#include <stdint.h>
#include <string.h>
#include <zlib.h>
#include "request/connzip.h"
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

/* May this answer, as its headers are now, be sent compressed to a client that takes it?  SIZE_MAX: its length is not known. */
static bool
Suits(const NsConn *conn, size_t len)
{
    const Ns_Set *headers = conn->pub.outputheaders;
    const char   *type = Ns_SetIGet(headers, "content-type");

    return conn->compress > 0 && (len == SIZE_MAX || (Tcl_WideInt)len >= conn->server->opts.compressMinSize)
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

/* ------------------------------------------------------------------------------------------------------------ in parts */

struct NsConnZip {
    z_stream stream;
};

NsConnZip *
NsConnZipBegin(NsConn *conn)
{
    Ns_Set    *headers = conn->pub.outputheaders;
    NsConnZip *zip = NULL;

    if (Suits(conn, SIZE_MAX)) {
        AddVary(headers);
        if (NsConnAcceptsGzip(conn)) {
            zip = ns_calloc(1, sizeof *zip);
            if (deflateInit2(&zip->stream, conn->compress, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
                ns_free(zip);
                return NULL;
            }
            WeakenTag(headers);
            Ns_SetIDeleteKey(headers, "content-length");
            (void)Ns_SetIUpdate(headers, "content-encoding", "gzip");
        }
    }
    return zip;
}

/* What has been written can be read by the client when this returns. */
Ns_ReturnCode
NsConnZipWrite(NsConnZip *zip, NsConn *conn, const char *data, size_t len, bool last)
{
    char          buffer[16384];
    Ns_ReturnCode status = NS_OK;
    int           code = Z_OK;

    while (status == NS_OK && code == Z_OK) {
        uInt         given = len < UINT32_MAX / 2 ? (uInt)len : UINT32_MAX / 2;
        struct iovec iov = {buffer, 0};
        bool         done;

        zip->stream.next_in = (Bytef *)(uintptr_t)data;
        zip->stream.avail_in = given;
        zip->stream.next_out = (Bytef *)buffer;
        zip->stream.avail_out = sizeof buffer;
        code = deflate(&zip->stream, given < len ? Z_NO_FLUSH : last ? Z_FINISH : Z_SYNC_FLUSH);
        data += given - zip->stream.avail_in;
        len -= given - zip->stream.avail_in;
        iov.iov_len = sizeof buffer - zip->stream.avail_out;
        done = code == Z_STREAM_END || (!last && len == 0 && zip->stream.avail_out > 0);
        if (iov.iov_len > 0 || done) {
            status = Ns_ConnWriteVData(&conn->pub, &iov, 1, done && last ? 0 : NS_CONN_STREAM);
        }
        if (done) {
            break;
        }
    }
    return status;
}

void
NsConnZipEnd(NsConnZip *zip)
{
    if (zip != NULL) {
        deflateEnd(&zip->stream);
        ns_free(zip);
    }
}
