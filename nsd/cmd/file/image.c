/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_imgsize and its kin: the room image/ for scripts.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "cmd/cmds.h"
#include "image/image.h"

#define WINDOW 512                             /* bytes that are read at a time: most heads are in the first ones */

typedef struct Source {
    int           fd;
    uint64_t      start;                       /* of what is in the window */
    size_t        len;
    unsigned char window[WINDOW];
} Source;

static size_t
ReadSource(void *arg, uint64_t offset, void *buf, size_t len)
{
    Source *source = arg;
    size_t  have = 0;

    if (len > WINDOW || offset > INT64_MAX) {
        return 0;
    }
    if (source->len == 0 || offset < source->start || offset + len > source->start + source->len) {
        ssize_t n = pread(source->fd, source->window, WINDOW, (off_t)offset);

        source->start = offset;
        source->len = n > 0 ? (size_t)n : 0;
    }
    have = source->len < len ? source->len : len;
    memcpy(buf, source->window + (offset - source->start), have);
    return have;
}

/* The file that the argument names, looked at; *path is its name. */
static int
Probe(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, char **path, NsImage *image)
{
    Source      source = {.fd = -1};
    Ns_ObjvSpec args[] = {{"filename", Ns_ObjvString, path, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    /* Nobody is waited for: a pipe has no image. */
    source.fd = NsFileOpen(*path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (source.fd < 0) {
        Ns_TclPrintfResult(interp, "couldn't open \"%s\": %s", *path, Tcl_PosixError(interp));
        return TCL_ERROR;
    }
    NsImageProbe(ReadSource, &source, image);
    close(source.fd);
    return TCL_OK;
}

static void
SetSizeResult(Tcl_Interp *interp, const NsImage *image)
{
    Tcl_Obj *size[2] = {Tcl_NewWideIntObj(image->width), Tcl_NewWideIntObj(image->height)};

    Tcl_SetObjResult(interp, Tcl_NewListObj(2, size));
}

/* The size of a file that must be of that type. */
static int
SizeOf(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, NsImageType type, const char *name)
{
    NsImage image;
    char   *path;

    if (Probe(interp, objc, objv, &path, &image) != TCL_OK) {
        return TCL_ERROR;
    }
    if (image.type != type || !image.hasSize) {
        Ns_TclPrintfResult(interp, "invalid %s file \"%s\"", name, path);
        return TCL_ERROR;
    }
    SetSizeResult(interp, &image);
    return TCL_OK;
}

static int
GifSizeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return SizeOf(interp, objc, objv, NS_IMAGE_GIF, "GIF");
}

static int
JpegSizeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return SizeOf(interp, objc, objv, NS_IMAGE_JPEG, "JPEG");
}

static int
PngSizeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return SizeOf(interp, objc, objv, NS_IMAGE_PNG, "PNG");
}

static int
ImgSizeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsImage image;
    char   *path;
    int     status = Probe(interp, objc, objv, &path, &image);

    if (status == TCL_OK) {
        SetSizeResult(interp, &image);
    }
    return status;
}

static int
ImgTypeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsImage image;
    char   *path;
    int     status = Probe(interp, objc, objv, &path, &image);

    if (status == TCL_OK) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj(nsImageTypeNames[image.type], -1));
    }
    return status;
}

static int
ImgMimeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsImage image;
    char   *path;
    int     status = Probe(interp, objc, objv, &path, &image);

    if (status == TCL_OK) {
        Ns_TclPrintfResult(interp, "image/%s", nsImageTypeNames[image.type]);
    }
    return status;
}

extern const NsCmd nsImageCmds[];
const NsCmd nsImageCmds[] = {
    {"ns_gifsize",  GifSizeObjCmd,  NS_CMD_CONFIG},
    {"ns_imgmime",  ImgMimeObjCmd,  NS_CMD_CONFIG},
    {"ns_imgsize",  ImgSizeObjCmd,  NS_CMD_CONFIG},
    {"ns_imgtype",  ImgTypeObjCmd,  NS_CMD_CONFIG},
    {"ns_jpegsize", JpegSizeObjCmd, NS_CMD_CONFIG},
    {"ns_pngsize",  PngSizeObjCmd,  NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
