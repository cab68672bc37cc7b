/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_gzipfile, ns_brotlifile: a file compressed into another, as the parameters gzip_static and brotli_static serve them.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#ifdef HAVE_BROTLI
#include <brotli/encode.h>
#endif
#include "base/file.h"
#include "cmd/cmds.h"

#define PIECE 65536u

/* All of it; false: errno. */
static bool
Write(int fd, const unsigned char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/* The next piece; false: errno.  *len is 0 at the end. */
static bool
Read(int fd, unsigned char *data, size_t *len)
{
    ssize_t n;

    do {
        n = read(fd, data, PIECE);
    } while (n < 0 && errno == EINTR);
    *len = n > 0 ? (size_t)n : 0u;
    return n >= 0;
}

/* False: errno. */
static bool
Gzip(int from, int to)
{
    unsigned char in[PIECE], out[PIECE];
    z_stream      z;
    size_t        len = 1;
    bool          good = true;

    memset(&z, 0, sizeof z);
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        errno = ENOMEM;
        return false;
    }
    while (good && len > 0) {
        good = Read(from, in, &len);
        z.next_in = in;
        z.avail_in = (uInt)len;
        do {
            z.next_out = out;
            z.avail_out = PIECE;
            (void)deflate(&z, len > 0 ? Z_NO_FLUSH : Z_FINISH);
            good = good && Write(to, out, PIECE - z.avail_out);
        } while (good && z.avail_out == 0);
    }
    (void)deflateEnd(&z);
    return good;
}

#ifdef HAVE_BROTLI
static bool
Brotli(int from, int to)
{
    unsigned char       in[PIECE], out[PIECE];
    BrotliEncoderState *state = BrotliEncoderCreateInstance(NULL, NULL, NULL);
    size_t              len = 1;
    bool                good = state != NULL;

    if (!good) {
        errno = ENOMEM;
    }
    while (good && len > 0) {
        const uint8_t *nextIn = in;

        good = Read(from, in, &len);
        do {
            uint8_t *nextOut = out;
            size_t   room = PIECE, left = len - (size_t)(nextIn - in);

            if (!BrotliEncoderCompressStream(state, len > 0 ? BROTLI_OPERATION_PROCESS : BROTLI_OPERATION_FINISH, &left, &nextIn, &room,
                                             &nextOut, NULL)) {
                errno = ENOMEM;
                good = false;
            }
            good = good && Write(to, out, PIECE - room);
        } while (good && (nextIn < in + len || BrotliEncoderHasMoreOutput(state)));
    }
    BrotliEncoderDestroyInstance(state);
    return good;
}
#else
static bool
Brotli(int from, int to)
{
    errno = ENOSYS;                            /* configure did not find libbrotli */
    return false;
}
#endif

/*
 * What was there stays until the new one is complete: it is written beside it, and gets the mode of the source.  Of the source and the
 * target *wrong is the one that errno is about.
 */
static bool
Compress(const char *source, const char *target, bool (*work)(int from, int to), const char **wrong)
{
    int         from = NsFileOpen(source, O_RDONLY | O_NONBLOCK, 0), to = -1, why;
    struct stat st;
    Tcl_DString temp;
    bool        good = false;

    Tcl_DStringInit(&temp);
    Tcl_DStringAppend(&temp, target, -1);
    Tcl_DStringAppend(&temp, ".XXXXXX", -1);
    *wrong = source;
    if (from >= 0 && fstat(from, &st) == 0) {
        if (!S_ISREG(st.st_mode)) {
            errno = EINVAL;
        } else {
            *wrong = target;
            to = NsFileTemp(Tcl_DStringValue(&temp));
        }
    }
    if (to >= 0) {
        good = work(from, to) && fchmod(to, st.st_mode & 0777) == 0;
        why = errno;
        good = close(to) == 0 && good && NsFileRename(Tcl_DStringValue(&temp), target) == 0;
        why = good || why != 0 ? why : errno;
        if (!good) {
            (void)NsFileUnlink(Tcl_DStringValue(&temp));
            errno = why;
        }
    }
    why = errno;
    if (from >= 0) {
        (void)close(from);
    }
    errno = why;
    Tcl_DStringFree(&temp);
    return good;
}

static int
CompressCmd(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool (*work)(int from, int to))
{
    char       *source, *target;
    const char *wrong;
    Ns_ObjvSpec args[] = {{"source", Ns_ObjvString, &source, NULL}, {"target", Ns_ObjvString, &target, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    errno = 0;
    if (!Compress(source, target, work, &wrong)) {
        Ns_TclPrintfResult(interp, "%s: '%s': %s", Tcl_GetString(objv[0]), wrong, Tcl_PosixError(interp));
        return TCL_ERROR;
    }
    return TCL_OK;
}

static int
GzipFileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CompressCmd(interp, objc, objv, Gzip);
}

static int
BrotliFileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CompressCmd(interp, objc, objv, Brotli);
}

extern const NsCmd nsCompressCmds[];
const NsCmd nsCompressCmds[] = {
    {"ns_brotlifile", BrotliFileObjCmd, NS_CMD_CONFIG},
    {"ns_gzipfile",   GzipFileObjCmd,   NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
