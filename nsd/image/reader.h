/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Between the files of this room.
 */
#ifndef NSD_IMAGE_READER_H
#define NSD_IMAGE_READER_H

#include "image/image.h"

typedef struct NsImageReader {
    NsImageReadProc *read;
    void            *arg;
    int              reads;                    /* so far */
} NsImageReader;

/* All of these bytes; false: there are fewer, or it were too many pieces. */
static inline bool
NsImageRead(NsImageReader *reader, uint64_t offset, void *buf, size_t len)
{
    return reader->reads++ < NS_IMAGE_READS && reader->read(reader->arg, offset, buf, len) == len;
}

static inline uint32_t
NsImageBig32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A file that begins with a box "ftyp". */
void NsImageProbeAvif(NsImageReader *reader, NsImage *image);

#endif
