/* SPDX-License-Identifier: MPL-2.0 */
/*
 * AVIF: boxes in boxes (ISO/IEC 14496-12, 23008-12).
 *
 * The size is a property ("ispe") of the primary item: "pitm" names the item, "ipma" says which properties it has, by their number
 * in "ipco".  Without a primary item it is the first size that there is.
 */
#include <string.h>
#include "image/reader.h"

#define BRANDS     64                          /* looked at */
#define PROPERTIES 64

typedef struct Box {
    char     type[4];
    uint64_t content, end;                     /* offsets */
} Box;

typedef struct Avif {
    uint32_t primary;
    bool     hasPrimary;
    unsigned count;                            /* of properties */
    uint32_t width[PROPERTIES], height[PROPERTIES];
    bool     isSize[PROPERTIES];
    int      chosen;                           /* which of them is the primary item's size, -1: not said */
} Avif;

/* The box at *offset, which moves behind it; false: no box there that ends before `end`. */
static bool
NextBox(NsImageReader *reader, uint64_t *offset, uint64_t end, Box *box)
{
    unsigned char head[16];
    uint64_t      size, headSize = 8;

    if (*offset > end || end - *offset < 8 || !NsImageRead(reader, *offset, head, 8)) {
        return false;
    }
    size = NsImageBig32(head);
    if (size == 1 && NsImageRead(reader, *offset + 8, head + 8, 8)) {
        headSize = 16;
        size = (uint64_t)NsImageBig32(head + 8) << 32 | NsImageBig32(head + 12);
    } else if (size == 0) {
        size = end - *offset;                  /* to the end of what it is in */
    }
    if (size < headSize || size > end - *offset) {
        return false;
    }
    memcpy(box->type, head + 4, 4);
    box->content = *offset + headSize;
    box->end = *offset + size;
    *offset = box->end;
    return true;
}

static bool
IsBox(const Box *box, const char *type)
{
    return memcmp(box->type, type, 4) == 0;
}

/* Bytes of a box's content; false: it does not have them. */
static bool
Content(NsImageReader *reader, const Box *box, uint64_t at, void *buf, size_t len)
{
    uint64_t size = box->end - box->content;

    return at <= size && size - at >= len && NsImageRead(reader, box->content + at, buf, len);
}

/* Is one of the brands that of AVIF: a still image, or a sequence? */
static bool
HasBrand(NsImageReader *reader, const Box *ftyp)
{
    unsigned char brand[4];

    for (unsigned i = 0; i < BRANDS; i++) {
        /* The second is a version. */
        if (i != 1 && Content(reader, ftyp, 4u * i, brand, 4) && (memcmp(brand, "avif", 4) == 0 || memcmp(brand, "avis", 4) == 0)) {
            return true;
        }
    }
    return false;
}

static void
ReadPrimary(NsImageReader *reader, const Box *pitm, Avif *avif)
{
    unsigned char bytes[8] = {0};

    if (Content(reader, pitm, 0, bytes, 6)) {
        avif->hasPrimary = true;
        avif->primary = bytes[0] == 0 ? (uint32_t)bytes[4] << 8 | bytes[5]
                        : Content(reader, pitm, 4, bytes, 4) ? NsImageBig32(bytes) : 0;
    }
}

static void
ReadProperties(NsImageReader *reader, const Box *ipco, Avif *avif)
{
    uint64_t      offset = ipco->content;
    Box           box;
    unsigned char bytes[12];

    while (avif->count < PROPERTIES && NextBox(reader, &offset, ipco->end, &box)) {
        avif->isSize[avif->count] = IsBox(&box, "ispe") && Content(reader, &box, 0, bytes, sizeof(bytes));
        if (avif->isSize[avif->count]) {
            avif->width[avif->count] = NsImageBig32(bytes + 4);
            avif->height[avif->count] = NsImageBig32(bytes + 8);
        }
        avif->count++;
    }
}

/* Of one item, whose `count` associations begin at `at`: the property that is a size.  Returns where they end. */
static uint64_t
ReadAssociations(NsImageReader *reader, const Box *ipma, uint64_t at, unsigned count, bool wide, Avif *avif, bool isPrimary)
{
    for (unsigned i = 0; isPrimary && i < count; i++) {
        unsigned char bytes[2] = {0};
        unsigned      index;

        if (!Content(reader, ipma, at + (wide ? 2u : 1u) * i, bytes, wide ? 2 : 1)) {
            break;
        }
        index = wide ? (bytes[0] & 0x7fu) << 8 | bytes[1] : bytes[0] & 0x7fu;
        if (index > 0 && index <= avif->count && avif->isSize[index - 1]) {
            avif->chosen = (int)index - 1;
        }
    }
    return at + (wide ? 2u : 1u) * count;
}

static void
ReadItems(NsImageReader *reader, const Box *ipma, Avif *avif)
{
    unsigned char bytes[8] = {0};
    uint32_t      entries;
    uint64_t      at = 8;
    bool          wideItem, wideIndex;

    if (!Content(reader, ipma, 0, bytes, 8)) {
        return;
    }
    wideItem = bytes[0] != 0;
    wideIndex = (bytes[3] & 1u) != 0;
    entries = NsImageBig32(bytes + 4);
    for (uint32_t i = 0; i < entries && avif->chosen < 0; i++) {
        size_t   idSize = wideItem ? 4 : 2;
        uint32_t item;

        if (!Content(reader, ipma, at, bytes, idSize + 1)) {
            break;
        }
        item = wideItem ? NsImageBig32(bytes) : (uint32_t)bytes[0] << 8 | bytes[1];
        at = ReadAssociations(reader, ipma, at + idSize + 1, bytes[idSize], wideIndex, avif, avif->hasPrimary && item == avif->primary);
    }
}

static void
ReadMeta(NsImageReader *reader, const Box *meta, Avif *avif)
{
    uint64_t offset = meta->content + 4;       /* behind version and flags */
    Box      box, iprp = {"", 0, 0}, inner;

    while (NextBox(reader, &offset, meta->end, &box)) {
        if (IsBox(&box, "pitm")) {
            ReadPrimary(reader, &box, avif);
        } else if (IsBox(&box, "iprp")) {
            iprp = box;
        }
    }
    /* First what the properties are, then whose. */
    for (offset = iprp.content; NextBox(reader, &offset, iprp.end, &inner); ) {
        if (IsBox(&inner, "ipco")) {
            ReadProperties(reader, &inner, avif);
        }
    }
    for (offset = iprp.content; NextBox(reader, &offset, iprp.end, &inner); ) {
        if (IsBox(&inner, "ipma")) {
            ReadItems(reader, &inner, avif);
        }
    }
}

void
NsImageProbeAvif(NsImageReader *reader, NsImage *image)
{
    uint64_t offset = 0;
    Box      box;
    Avif     avif = {.chosen = -1};

    if (!NextBox(reader, &offset, UINT64_MAX, &box) || !HasBrand(reader, &box)) {
        return;
    }
    image->type = NS_IMAGE_AVIF;
    while (NextBox(reader, &offset, UINT64_MAX, &box)) {
        if (IsBox(&box, "meta")) {
            ReadMeta(reader, &box, &avif);
            break;
        }
    }
    for (unsigned i = 0; !avif.hasPrimary && avif.chosen < 0 && i < avif.count; i++) {
        avif.chosen = avif.isSize[i] ? (int)i : -1;
    }
    if (avif.chosen >= 0) {
        image->hasSize = true;
        image->width = avif.width[avif.chosen];
        image->height = avif.height[avif.chosen];
    }
}
