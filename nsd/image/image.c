/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Heads of images.  AVIF is in avif.c.
 */
#include <string.h>
#include "image/reader.h"

const char *const nsImageTypeNames[] = {"unknown", "gif", "png", "jpeg", "webp", "avif"};

static uint32_t
Big16(const unsigned char *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t
Little16(const unsigned char *p)
{
    return (uint32_t)p[1] << 8 | p[0];
}

static uint32_t
Little24(const unsigned char *p)
{
    return (uint32_t)p[2] << 16 | Little16(p);
}

static void
SetSize(NsImage *image, uint32_t width, uint32_t height)
{
    image->hasSize = true;
    image->width = width;
    image->height = height;
}

/* GIF87a and GIF89a: the logical screen. */
static void
ProbeGif(NsImageReader *reader, NsImage *image)
{
    unsigned char head[10];

    if (NsImageRead(reader, 0, head, sizeof(head)) && (head[4] == '7' || head[4] == '9') && head[5] == 'a') {
        image->type = NS_IMAGE_GIF;
        SetSize(image, Little16(head + 6), Little16(head + 8));
    }
}

/* The first chunk, whatever it is called. */
static void
ProbePng(NsImageReader *reader, NsImage *image)
{
    unsigned char size[8];

    image->type = NS_IMAGE_PNG;
    if (NsImageRead(reader, 16, size, sizeof(size))) {
        SetSize(image, NsImageBig32(size), NsImageBig32(size + 4));
    }
}

/* Start of a frame: C0 to CF, but the tables and extensions among them. */
static bool
IsFrame(unsigned char marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* The next marker, behind fill bytes; *offset moves behind it.  0: there is none. */
static unsigned char
NextMarker(NsImageReader *reader, uint64_t *offset)
{
    unsigned char byte = 0;
    bool          good = NsImageRead(reader, (*offset)++, &byte, 1) && byte == 0xff;

    while (good && byte == 0xff) {
        good = NsImageRead(reader, (*offset)++, &byte, 1);
    }
    return good ? byte : 0;
}

/* It is a JPEG when its segments lead to a frame, or to the data of one. */
static void
ProbeJpeg(NsImageReader *reader, NsImage *image)
{
    uint64_t      offset = 2;
    unsigned char marker, segment[7];
    size_t        length;

    while ((marker = NextMarker(reader, &offset)) != 0) {
        if (marker == 0xda || (IsFrame(marker) && NsImageRead(reader, offset, segment, 7))) {
            image->type = NS_IMAGE_JPEG;
            if (marker != 0xda) {
                SetSize(image, Big16(segment + 5), Big16(segment + 3));
            }
            break;
        }
        if (IsFrame(marker) || !NsImageRead(reader, offset, segment, 2) || (length = Big16(segment)) < 2) {
            break;
        }
        offset += length;
    }
}

/* RIFF: the first chunk is lossy, lossless or extended. */
static void
ProbeWebp(NsImageReader *reader, NsImage *image)
{
    unsigned char chunk[18] = {0};             /* name, length, content */
    const unsigned char *content = chunk + 8;

    image->type = NS_IMAGE_WEBP;
    if (NsImageRead(reader, 12, chunk, 13) && memcmp(chunk, "VP8L", 4) == 0 && content[0] == 0x2f) {
        uint32_t bits = Little16(content + 1) | Little16(content + 3) << 16;

        SetSize(image, (bits & 0x3fffu) + 1u, (bits >> 14 & 0x3fffu) + 1u);
    } else if (!NsImageRead(reader, 12, chunk, sizeof(chunk))) {
        ;
    } else if (memcmp(chunk, "VP8X", 4) == 0) {
        SetSize(image, Little24(content + 4) + 1u, Little24(content + 7) + 1u);
    } else if (memcmp(chunk, "VP8 ", 4) == 0 && memcmp(content + 3, "\x9d\x01\x2a", 3) == 0) {
        SetSize(image, Little16(content + 6) & 0x3fffu, Little16(content + 8) & 0x3fffu);
    }
}

void
NsImageProbe(NsImageReadProc *read, void *arg, NsImage *image)
{
    NsImageReader reader = {.read = read, .arg = arg};
    unsigned char head[12] = {0};
    size_t        len = read(arg, 0, head, sizeof(head));

    memset(image, 0, sizeof(*image));
    if (len >= 4 && memcmp(head, "GIF8", 4) == 0) {
        ProbeGif(&reader, image);
    } else if (len >= 8 && memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0) {
        ProbePng(&reader, image);
    } else if (len >= 2 && memcmp(head, "\xff\xd8", 2) == 0) {
        ProbeJpeg(&reader, image);
    } else if (len == 12 && memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBP", 4) == 0) {
        ProbeWebp(&reader, image);
    } else if (len == 12 && memcmp(head + 4, "ftyp", 4) == 0) {
        NsImageProbeAvif(&reader, image);
    }
}
