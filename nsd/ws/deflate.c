/* SPDX-License-Identifier: MPL-2.0 */
/*
 * permessage-deflate: messages through zlib's raw streams.
 */
#include <limits.h>
#include <string.h>
#include <zlib.h>

#include "ns.h"
#include "ws/deflate.h"

/* What a sync flush ends with; it is not sent (RFC 7692, 7.2.1). */
static const uint8_t tail[4] = {0x00, 0x00, 0xff, 0xff};

/* ---- bytes ---- */

void
NsWsBytesFree(NsWsBytes *bytes)
{
    ns_free(bytes->data);
    memset(bytes, 0, sizeof(*bytes));
}

uint8_t *
NsWsBytesReserveUpTo(NsWsBytes *bytes, size_t more, size_t most)
{
    if (bytes->size - bytes->len < more) {
        size_t need = bytes->len + more, size;

        if (need < more) {
            Ns_Fatal("ws: a buffer of %zu and %zu more bytes", bytes->len, more);
        }
        size = bytes->size > SIZE_MAX / 2 ? SIZE_MAX : bytes->size * 2;
        if (size > most) {
            size = most;
        }
        bytes->size = size > need ? size : need;
        bytes->data = ns_realloc(bytes->data, bytes->size);
    }
    return bytes->data + bytes->len;
}

uint8_t *
NsWsBytesReserve(NsWsBytes *bytes, size_t more)
{
    return NsWsBytesReserveUpTo(bytes, more, SIZE_MAX);
}

/* What zlib takes is counted: each block carries its size before it. */
#define COUNT_SIZE 16

static void *
CountedAlloc(void *opaque, unsigned items, unsigned size)
{
    size_t  *memory = opaque, total = (size_t)items * size + COUNT_SIZE;
    uint8_t *block = ns_malloc(total);

    memcpy(block, &total, sizeof(total));
    *memory += total;
    return block + COUNT_SIZE;
}

static void
CountedFree(void *opaque, void *ptr)
{
    size_t *memory = opaque, total;

    memcpy(&total, (uint8_t *)ptr - COUNT_SIZE, sizeof(total));
    *memory -= total;
    ns_free((uint8_t *)ptr - COUNT_SIZE);
}

/* ---- inflating ---- */

struct NsWsInflater {
    z_stream z;
    size_t   memory;                           /* that zlib has */
    int      state;                            /* data_type of the last call that got on */
    bool     begun;                            /* bytes of this message were fed */
    bool     ended;                            /* the last of them ended a final block */
};

NsWsInflater *
NsWsInflaterCreate(int bits)
{
    NsWsInflater *inflater = ns_calloc(1, sizeof(*inflater));

    inflater->z.zalloc = CountedAlloc;
    inflater->z.zfree = CountedFree;
    inflater->z.opaque = &inflater->memory;
    /* Some deflaters take 9 bits when they are told 8. */
    if (inflateInit2(&inflater->z, -(bits < 9 ? 9 : bits)) != Z_OK) {
        Ns_Fatal("ws: inflateInit2 with %d bits: %s", bits, inflater->z.msg != NULL ? inflater->z.msg : "failed");
    }
    return inflater;
}

void
NsWsInflaterFree(NsWsInflater *inflater)
{
    if (inflater != NULL) {
        inflateEnd(&inflater->z);
        ns_free(inflater);
    }
}

size_t
NsWsInflaterMemory(const NsWsInflater *inflater)
{
    return inflater != NULL ? sizeof(*inflater) + inflater->memory : 0;
}

/*
 * Room for output: grows with what is there, up to the limit and one byte more, which shows that there is more.
 */
static size_t
ReserveOutput(NsWsBytes *out, size_t input, size_t limit)
{
    size_t most = limit < SIZE_MAX ? limit + 1 : limit;
    size_t left = most - out->len, room = out->size - out->len;

    if (room == 0) {
        room = input < 64 ? 256 : input * 4;
        if (room > left) {
            room = left;
        }
        (void)NsWsBytesReserveUpTo(out, room, most);
        room = out->size - out->len;
    }
    if (room > left) {
        room = left;
    }
    return room < UINT_MAX ? room : UINT_MAX;
}

/* One call of zlib.  What was decoded before something wrong is in `out`: text is judged by its first fault. */
static NsWsInflateResult
InflateSome(NsWsInflater *inflater, size_t limit, NsWsBytes *out)
{
    z_stream *z = &inflater->z;
    size_t    room = ReserveOutput(out, z->avail_in, limit);
    int       status;

    z->next_out = out->data + out->len;
    z->avail_out = (uInt)room;
    status = inflate(z, Z_SYNC_FLUSH);
    out->len += room - z->avail_out;
    if (out->len > limit) {
        out->len = limit;
        return NS_WS_INFLATE_TOO_BIG;
    }
    if (status == Z_BUF_ERROR) {
        return NS_WS_INFLATE_OK;               /* nothing left to do */
    }
    inflater->state = z->data_type;
    inflater->ended = status == Z_STREAM_END;
    if (inflater->ended) {
        /* A final block ends nothing (RFC 7692, 7.2.3.4): more may follow, and refer to what was before. */
        (void)inflateResetKeep(z);
    }
    return status == Z_OK || status == Z_STREAM_END ? NS_WS_INFLATE_OK : NS_WS_INFLATE_BAD;
}

NsWsInflateResult
NsWsInflate(NsWsInflater *inflater, const uint8_t *data, size_t len, size_t limit, NsWsBytes *out)
{
    z_stream         *z = &inflater->z;
    NsWsInflateResult result = NS_WS_INFLATE_OK;

    while (len > 0 && result == NS_WS_INFLATE_OK) {
        uInt piece = len < UINT_MAX ? (uInt)len : UINT_MAX;

        inflater->begun = true;
        z->next_in = (Bytef *)(uintptr_t)data;
        z->avail_in = piece;
        do {
            result = InflateSome(inflater, limit, out);
        } while (result == NS_WS_INFLATE_OK && (z->avail_in > 0 || z->avail_out == 0));
        data += piece;
        len -= piece;
    }
    return result;
}

/* Between two blocks, and at the border of a byte? */
static bool
AtBlockEnd(const NsWsInflater *inflater)
{
    return inflater->ended || ((inflater->state & 128) != 0 && (inflater->state & 31) == 0);
}

NsWsInflateResult
NsWsInflateEnd(NsWsInflater *inflater, bool takeover, size_t limit, NsWsBytes *out)
{
    NsWsInflateResult result = NS_WS_INFLATE_OK;

    /* Nothing at all is an empty message; and a final block may be the end, with nothing behind it. */
    if (inflater->begun && !inflater->ended) {
        result = NsWsInflate(inflater, tail, sizeof(tail), limit, out);
        if (result == NS_WS_INFLATE_OK && !AtBlockEnd(inflater)) {
            result = NS_WS_INFLATE_BAD;
        }
    }
    inflater->begun = inflater->ended = false;
    inflater->state = 0;
    if (!takeover) {
        (void)inflateReset(&inflater->z);
    }
    return result;
}

/* ---- deflating ---- */

/*
 * A message that refers to nothing before it needs no window that is longer than itself, and to clear the large tables
 * of a stream costs more than to compress a short one: for these there is a second, small stream.
 */
#define SHORT_BITS   12
#define SHORT_MEMORY 5
#define SHORT_LEN    ((size_t)1 << SHORT_BITS)

struct NsWsDeflater {
    z_stream z, shortZ;
    size_t   memory;                           /* that zlib has */
    uint8_t  bits, level;
    bool     haveLong, haveShort;              /* the streams are made when they are needed */
    bool     used;                             /* has seen a message */
    bool     shared;                           /* for messages without context */
    bool     alone;                            /* the next message refers to nothing before it */
};

NsWsDeflater *
NsWsDeflaterCreate(int bits, int level)
{
    NsWsDeflater *deflater = ns_calloc(1, sizeof(*deflater));

    deflater->bits = (uint8_t)(bits < 8 ? 8 : bits > 15 ? 15 : bits);
    deflater->level = (uint8_t)(level < 1 ? 1 : level > 9 ? 9 : level);
    return deflater;
}

void
NsWsDeflaterFree(NsWsDeflater *deflater)
{
    if (deflater != NULL) {
        if (deflater->haveLong) {
            (void)deflateEnd(&deflater->z);
        }
        if (deflater->haveShort) {
            (void)deflateEnd(&deflater->shortZ);
        }
        ns_free(deflater);
    }
}

size_t
NsWsDeflaterMemory(const NsWsDeflater *deflater)
{
    return deflater != NULL ? sizeof(*deflater) + deflater->memory : 0;
}

void
NsWsDeflaterReset(NsWsDeflater *deflater)
{
    deflater->shared = deflater->shared || !deflater->used;
    deflater->alone = true;
}

/*
 * zlib has no raw stream with 8 bits; but one that looks back by no more than one byte (Z_RLE) is right for any window.
 * The memory for symbols goes down with the window, so that a small window makes a small stream.
 */
static bool
InitStream(NsWsDeflater *deflater, z_stream *z, int bits, int memory)
{
    int strategy = bits < 9 ? Z_RLE : Z_DEFAULT_STRATEGY;

    z->zalloc = CountedAlloc;
    z->zfree = CountedFree;
    z->opaque = &deflater->memory;
    return deflateInit2(z, deflater->level, Z_DEFLATED, -(bits < 9 ? 9 : bits), memory, strategy) == Z_OK;
}

/* The stream for a message, ready for it; NULL: there is none. */
static z_stream *
ChooseStream(NsWsDeflater *deflater, size_t len)
{
    int bits = deflater->bits;

    deflater->used = true;
    if (deflater->shared && deflater->alone && bits > SHORT_BITS && len <= SHORT_LEN) {
        if (deflater->haveShort) {
            (void)deflateReset(&deflater->shortZ);
        } else {
            deflater->haveShort = InitStream(deflater, &deflater->shortZ, SHORT_BITS, SHORT_MEMORY);
        }
        return deflater->haveShort ? &deflater->shortZ : NULL;
    }
    if (!deflater->haveLong) {
        deflater->haveLong = InitStream(deflater, &deflater->z, bits, bits < 9 ? 2 : bits - 7);
    } else if (deflater->alone) {
        (void)deflateReset(&deflater->z);
    }
    deflater->alone = false;
    return deflater->haveLong ? &deflater->z : NULL;
}

bool
NsWsDeflate(NsWsDeflater *deflater, const uint8_t *data, size_t len, NsWsBytes *out)
{
    z_stream *z;
    size_t    start = out->len;

    if (len == 0) {
        *NsWsBytesReserve(out, 1) = 0x00;      /* RFC 7692, 7.2.3.6 */
        out->len++;
        return true;
    }
    z = ChooseStream(deflater, len);
    if (z == NULL) {
        return false;
    }
    z->next_in = (Bytef *)(uintptr_t)data;
    do {
        /* In a piece of more than 4 GB zlib could not be told; what is left of it is more input. */
        uInt   piece = len < UINT_MAX / 2 ? (uInt)len : UINT_MAX / 2;
        size_t room;
        int    status;

        z->avail_in = piece;
        (void)NsWsBytesReserve(out, piece / 2 + 64);
        room = out->size - out->len;
        room = room < UINT_MAX ? room : UINT_MAX;
        z->next_out = out->data + out->len;
        z->avail_out = (uInt)room;
        status = deflate(z, piece == len ? Z_SYNC_FLUSH : Z_NO_FLUSH);
        if (status != Z_OK && status != Z_BUF_ERROR) {
            return false;
        }
        out->len += room - z->avail_out;
        len -= piece - z->avail_in;
    } while (len > 0 || z->avail_out == 0);
    if (out->len - start < sizeof(tail) || memcmp(out->data + out->len - sizeof(tail), tail, sizeof(tail)) != 0) {
        return false;
    }
    out->len -= sizeof(tail);
    return true;
}
