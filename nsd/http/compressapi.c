/* SPDX-License-Identifier: MPL-2.0 */
/*
 * gzip in pieces, and back, for modules (nstls.h).
 */
#include <limits.h>
#include <string.h>
#include <zlib.h>
#include "nstls.h"

#define GZIP_WINDOW   (15 + 16)                /* zlib's way of asking for gzip */
#define EITHER_WINDOW (15 + 32)                /* gzip or zlib, by its head */
#define PIECE         16384

#define BEGUN 0x01u                            /* of cStream->flags: deflateInit2 was called */

Ns_ReturnCode
Ns_CompressInit(Ns_CompressStream *cStream)
{
    cStream->state = ns_calloc(1, sizeof(z_stream));
    cStream->flags = 0;
    return NS_OK;
}

void
Ns_CompressFree(Ns_CompressStream *cStream)
{
    if (cStream->state != NULL && (cStream->flags & BEGUN) != 0) {
        (void)deflateEnd(cStream->state);
    }
    ns_free(cStream->state);
    cStream->state = NULL;
    cStream->flags = 0;
}

/* What comes out of the piece that the stream has, appended.  False: zlib's own fault, or no memory. */
static bool
Deflate(z_stream *z, Tcl_DString *ds, int flush)
{
    char out[PIECE];
    int  result;

    do {
        z->next_out = (Bytef *)out;
        z->avail_out = PIECE;
        result = deflate(z, flush);
        Tcl_DStringAppend(ds, out, (int)(PIECE - z->avail_out));
    } while (z->avail_out == 0);
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
}

/* A level that is another takes effect with what comes now. */
static bool
Begin(Ns_CompressStream *cStream, int level, Tcl_DString *ds)
{
    z_stream *z = cStream->state;

    if ((cStream->flags & BEGUN) == 0) {
        if (deflateInit2(z, level, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
            return false;
        }
        cStream->flags |= BEGUN;
        return true;
    }
    if (!Deflate(z, ds, Z_BLOCK)) {
        return false;
    }
    z->next_out = (Bytef *)"";
    z->avail_out = 0;
    return deflateParams(z, level, Z_DEFAULT_STRATEGY) != Z_STREAM_ERROR;
}

Ns_ReturnCode
Ns_CompressBufsGzip(Ns_CompressStream *cStream, struct iovec *bufs, int nbufs, Tcl_DString *dsPtr, int level, bool flush)
{
    z_stream *z = cStream->state;
    bool      good = Begin(cStream, level, dsPtr);

    for (int i = 0; i < nbufs && good; i++) {
        const char *data = bufs[i].iov_base;
        size_t      left = bufs[i].iov_len;

        while (left > 0 && good) {
            uInt now = left > INT_MAX ? INT_MAX : (uInt)left;

            z->next_in = (Bytef *)(uintptr_t)data;
            z->avail_in = now;
            good = Deflate(z, dsPtr, Z_NO_FLUSH);
            data += now;
            left -= now;
        }
    }
    good = good && Deflate(z, dsPtr, flush ? Z_FINISH : Z_SYNC_FLUSH);
    if (flush && good) {
        good = deflateReset(z) == Z_OK;
    }
    return good ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
Ns_CompressGzip(const char *buf, int len, Tcl_DString *dsPtr, int level)
{
    Ns_CompressStream stream;
    struct iovec      piece = {ns_const2voidp(buf), len < 0 ? strlen(buf) : (size_t)len};
    Ns_ReturnCode     status = Ns_CompressInit(&stream);

    if (status == NS_OK) {
        status = Ns_CompressBufsGzip(&stream, &piece, 1, dsPtr, level, true);
        Ns_CompressFree(&stream);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------------- the other way */

Ns_ReturnCode
Ns_InflateInit(Ns_CompressStream *cStream)
{
    cStream->state = ns_calloc(1, sizeof(z_stream));
    cStream->flags = 0;
    if (inflateInit2((z_stream *)cStream->state, EITHER_WINDOW) != Z_OK) {
        ns_free(cStream->state);
        cStream->state = NULL;
        return NS_ERROR;
    }
    return NS_OK;
}

Ns_ReturnCode
Ns_InflateBufferInit(Ns_CompressStream *cStream, const void *inBuf, size_t inSize)
{
    z_stream *z = cStream->state;

    if (inSize > UINT_MAX) {
        return NS_ERROR;
    }
    z->next_in = (Bytef *)(uintptr_t)inBuf;
    z->avail_in = (uInt)inSize;
    return NS_OK;
}

int
Ns_InflateBuffer(Ns_CompressStream *cStream, void *outBuf, size_t outSize, size_t *nrBytes)
{
    z_stream *z = cStream->state;
    uInt      room = outSize > UINT_MAX ? UINT_MAX : (uInt)outSize;
    int       result;

    z->next_out = outBuf;
    z->avail_out = room;
    result = inflate(z, Z_NO_FLUSH);
    *nrBytes = room - z->avail_out;
    if (result == Z_OK) {
        return z->avail_out == 0 ? TCL_CONTINUE : TCL_OK;
    }
    /* Nothing more to be done with what is there: of an empty piece, or after the end. */
    return result == Z_STREAM_END || (result == Z_BUF_ERROR && z->avail_in == 0) ? TCL_OK : TCL_ERROR;
}

Ns_ReturnCode
Ns_InflateEnd(Ns_CompressStream *cStream)
{
    int result = Z_OK;

    if (cStream->state != NULL) {
        result = inflateEnd(cStream->state);
        ns_free(cStream->state);
        cStream->state = NULL;
    }
    return result == Z_OK ? NS_OK : NS_ERROR;
}
