/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What kind of image is it, and how large: by the heads of GIF, PNG, JPEG, WebP and AVIF.
 *
 * No pixel is looked at, and of a file only the pieces are read that lead to the size: at most NS_IMAGE_READS of them.  Pure: the
 * bytes come from a function that is given.  Any thread.
 */
#ifndef NSD_IMAGE_H
#define NSD_IMAGE_H

#include "ns.h"

typedef enum { NS_IMAGE_UNKNOWN, NS_IMAGE_GIF, NS_IMAGE_PNG, NS_IMAGE_JPEG, NS_IMAGE_WEBP, NS_IMAGE_AVIF } NsImageType;

extern const char *const nsImageTypeNames[];   /* "unknown", "gif", ...; behind "image/" it is the media type */

#define NS_IMAGE_READS 2000                    /* pieces of one file */

typedef struct NsImage {
    NsImageType type;
    bool        hasSize;                       /* else the head is cut, or broken behind what tells the type */
    uint32_t    width, height;                 /* in pixels; 0 without */
} NsImage;

/* Up to `len` bytes from `offset` on; returns how many there are. */
typedef size_t (NsImageReadProc)(void *arg, uint64_t offset, void *buf, size_t len);

void NsImageProbe(NsImageReadProc *read, void *arg, NsImage *image);

#endif
