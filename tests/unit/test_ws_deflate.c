/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Messages through zlib and back: every window, both ways of takeover, the shapes that RFC 7692 shows, limits, memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>
#include <cmocka.h>
#include "guard.h"
#include "ns.h"
#include "ws/deflate.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NO_LIMIT SIZE_MAX

/* Text of words: compressible, but not all the same. */
static uint8_t *
MakeText(size_t len, uint32_t seed)
{
    static const char *const words[] = {"channel ", "frame ", "the ", "opcode ", "of ", "mask ", "a ", "session\n"};
    uint8_t                 *text = ns_malloc(len + 16);

    for (size_t at = 0; at < len;) {
        const char *word;

        seed = seed * 1103515245u + 12345u;
        word = words[seed >> 20 & 7];
        memcpy(text + at, word, strlen(word) < len + 16 - at ? strlen(word) : len + 16 - at);
        at += strlen(word);
    }
    return text;
}

static uint8_t *
MakeNoise(size_t len)
{
    uint8_t *noise = ns_malloc(len + 1);
    uint64_t seed = 88172645463325252u;

    for (size_t i = 0; i < len; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        noise[i] = (uint8_t)(seed >> 24);
    }
    return noise;
}

/* The message comes out of the inflater, fed in pieces of `step` right before an unreadable page. */
static void
CheckInflates(NsWsInflater *inflater, bool takeover, const NsWsBytes *packed, size_t step, const uint8_t *data,
              size_t len)
{
    NsWsBytes out = {0};

    for (size_t at = 0; at < packed->len; at += step) {
        size_t piece = packed->len - at < step ? packed->len - at : step;

        assert_int_equal(NsWsInflate(inflater, Guard(packed->data + at, piece), piece, len, &out), NS_WS_INFLATE_OK);
    }
    assert_int_equal(NsWsInflateEnd(inflater, takeover, len, &out), NS_WS_INFLATE_OK);
    assert_int_equal(out.len, len);
    if (len > 0) {
        assert_memory_equal(out.data, data, len);
    }
    NsWsBytesFree(&out);
}

static void
test_round_trips(void **state)
{
    static const size_t lengths[] = {0, 1, 5, 0, 100, 300, 4095, 4096, 4097, 0, 70000, 20};
    uint8_t            *text = MakeText(70000, 1), *noise = MakeNoise(70000);

    (void)state;
    for (int bits = 8; bits <= 15; bits++) {
        for (int takeover = 0; takeover < 2; takeover++) {
            for (int level = 1; level <= 9; level += 4) {
                for (size_t step = 1; step <= 100000; step *= 317) {
                    NsWsDeflater *deflater = NsWsDeflaterCreate(bits, level);
                    NsWsInflater *inflater = NsWsInflaterCreate(bits);

                    for (size_t i = 0; i < 2 * COUNT(lengths); i++) {
                        const uint8_t *data = i % 3 == 2 ? noise : text;
                        size_t         len = lengths[i % COUNT(lengths)];
                        NsWsBytes      packed = {0};

                        if (!takeover) {
                            NsWsDeflaterReset(deflater);
                        }
                        assert_true(NsWsDeflate(deflater, Guard(data, len), len, &packed));
                        assert_true(packed.len > 0);
                        CheckInflates(inflater, takeover, &packed, step, data, len);
                        NsWsBytesFree(&packed);
                    }
                    NsWsDeflaterFree(deflater);
                    NsWsInflaterFree(inflater);
                }
            }
        }
    }
    ns_free(text);
    ns_free(noise);
}

/*
 * A window is kept: an inflater that has no more than it, and gives its output away byte by byte, finds all it is
 * referred to.  With 8 bits as well, which zlib itself cannot do.
 */
static void
test_windows_are_kept(void **state)
{
    size_t   len = 50000;
    uint8_t *text = MakeText(len, 5);

    (void)state;
    for (int bits = 8; bits <= 15; bits++) {
        NsWsDeflater *deflater = NsWsDeflaterCreate(bits, 9);
        NsWsBytes     packed = {0};
        z_stream      z = {0};
        uint8_t       byte;
        size_t        count = 0;

        memset(text + 300, 'r', 600);                         /* something for 8 bits, too */
        assert_true(NsWsDeflate(deflater, text, len, &packed));
        assert_int_equal(inflateInit2(&z, -bits), Z_OK);
        z.next_in = packed.data;
        z.avail_in = (uInt)packed.len;
        for (; count < len; count++) {
            z.next_out = &byte;
            z.avail_out = 1;
            assert_int_equal(inflate(&z, Z_SYNC_FLUSH), Z_OK);
            assert_int_equal(z.avail_out, 0);
            assert_int_equal(byte, text[count]);
        }
        inflateEnd(&z);
        if (bits > 8) {
            assert_in_range(packed.len, 1000, len / 2);
        } else {
            assert_in_range(packed.len, 1000, len);
        }
        NsWsBytesFree(&packed);
        NsWsDeflaterFree(deflater);
    }
    ns_free(text);
}

/* With the context kept, the same message again is short; after a reset it is as long as at first. */
static void
test_takeover_and_reset(void **state)
{
    static const size_t lengths[] = {600, 6000};

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        NsWsDeflater *deflater = NsWsDeflaterCreate(15, 6);
        uint8_t      *text = MakeText(lengths[i], 3);
        NsWsBytes     first = {0}, second = {0}, third = {0}, fourth = {0};

        assert_true(NsWsDeflate(deflater, text, lengths[i], &first));
        assert_true(NsWsDeflate(deflater, text, lengths[i], &second));
        assert_in_range(second.len, 3, first.len / 4);
        NsWsDeflaterReset(deflater);
        assert_true(NsWsDeflate(deflater, text, lengths[i], &third));
        assert_in_range(third.len, first.len - first.len / 10, first.len + first.len / 10);
        NsWsDeflaterReset(deflater);
        assert_true(NsWsDeflate(deflater, text, lengths[i], &fourth));
        assert_int_equal(fourth.len, third.len);
        assert_memory_equal(fourth.data, third.data, third.len);
        NsWsBytesFree(&first);
        NsWsBytesFree(&second);
        NsWsBytesFree(&third);
        NsWsBytesFree(&fourth);
        ns_free(text);
        NsWsDeflaterFree(deflater);
    }
}

/*
 * A message that was compressed alone and not sent, between two that keep their context: the peer, who has not seen it,
 * understands what follows.
 */
static void
test_reset_between_messages(void **state)
{
    NsWsDeflater *deflater = NsWsDeflaterCreate(15, 6);
    NsWsInflater *inflater = NsWsInflaterCreate(15);
    uint8_t      *text = MakeText(5000, 3);

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        size_t    len = i % 3 == 1 ? 5000 : 500;
        NsWsBytes packed = {0};

        if (i % 4 > 1) {
            NsWsDeflaterReset(deflater);
        }
        assert_true(NsWsDeflate(deflater, text, len, &packed));
        if (i % 4 != 1) {                                     /* what follows a lost one is reset */
            CheckInflates(inflater, true, &packed, 7, text, len);
        }
        NsWsBytesFree(&packed);
    }
    NsWsDeflaterFree(deflater);
    NsWsInflaterFree(inflater);
    ns_free(text);
}

/* One for messages without context, which has seen no other: short messages cost a tenth of the memory. */
static void
test_short_messages_have_a_small_stream(void **state)
{
    NsWsDeflater *deflater = NsWsDeflaterCreate(15, 6);
    NsWsInflater *inflater = NsWsInflaterCreate(15);
    uint8_t      *text = MakeText(5000, 3);

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        size_t    len = i < 6 || i % 2 == 0 ? 4096 : 5000;
        NsWsBytes packed = {0};

        if (i < 9) {
            NsWsDeflaterReset(deflater);                      /* later ones without: then there may be a context */
        }
        assert_true(NsWsDeflate(deflater, text, len, &packed));
        CheckInflates(inflater, i >= 8, &packed, 50, text, len);
        if (i < 6) {
            assert_in_range(NsWsDeflaterMemory(deflater), 20000, 40000);
        }
        NsWsBytesFree(&packed);
    }
    assert_in_range(NsWsDeflaterMemory(deflater), 290000, 310000);
    NsWsDeflaterFree(deflater);
    NsWsInflaterFree(inflater);
    ns_free(text);
}

static void
test_appended_behind_what_is_there(void **state)
{
    NsWsDeflater *deflater = NsWsDeflaterCreate(15, 6);
    NsWsInflater *inflater = NsWsInflaterCreate(15);
    NsWsBytes     packed = {0}, out = {0};

    (void)state;
    memcpy(NsWsBytesReserve(&packed, 4), "head", 4);
    packed.len = 4;
    assert_true(NsWsDeflate(deflater, (const uint8_t *)"Hello", 5, &packed));
    assert_memory_equal(packed.data, "head\xf2\x48\xcd\xc9\xc9\x07\x00", packed.len);      /* RFC 7692, 7.2.3.1 */
    assert_int_equal(packed.len, 11);
    memcpy(NsWsBytesReserve(&out, 3), "abc", 3);
    out.len = 3;
    assert_int_equal(NsWsInflate(inflater, packed.data + 4, 7, NO_LIMIT, &out), NS_WS_INFLATE_OK);
    assert_int_equal(NsWsInflateEnd(inflater, false, NO_LIMIT, &out), NS_WS_INFLATE_OK);
    assert_int_equal(out.len, 8);
    assert_memory_equal(out.data, "abcHello", 8);
    NsWsBytesFree(&packed);
    NsWsBytesFree(&out);
    assert_int_equal(out.len + out.size, 0);
    NsWsDeflaterFree(deflater);
    NsWsInflaterFree(inflater);
}

static void
test_empty_messages(void **state)
{
    NsWsDeflater *deflater = NsWsDeflaterCreate(15, 6);
    NsWsInflater *inflater = NsWsInflaterCreate(15);

    (void)state;
    for (int i = 0; i < 6; i++) {
        NsWsBytes packed = {0};
        size_t    len = i == 2 || i == 4 ? 5 : 0;

        assert_true(NsWsDeflate(deflater, (const uint8_t *)"Hello", len, &packed));
        if (len == 0) {
            assert_int_equal(packed.len, 1);                  /* RFC 7692, 7.2.3.6 */
            assert_int_equal(packed.data[0], 0);
        }
        CheckInflates(inflater, true, &packed, 100, (const uint8_t *)"Hello", len);
        NsWsBytesFree(&packed);
    }
    NsWsDeflaterFree(deflater);
    NsWsInflaterFree(inflater);
}

/* ---- inflating ---- */

typedef struct Shape {
    const char       *bytes;
    size_t            len;
    NsWsInflateResult result;                  /* of the data or of its end */
    const char       *text;
} Shape;
#define SHAPE(bytes, result, text) {bytes, sizeof(bytes) - 1, NS_WS_INFLATE_##result, text}

/* What peers may send for a message, and what not. */
static const Shape shapes[] = {
    SHAPE("\xf2\x48\xcd\xc9\xc9\x07\x00", OK, "Hello"),
    SHAPE("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", OK, "Hello"),                    /* stored */
    SHAPE("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", OK, "Hello"),                                /* a final block */
    SHAPE("\xf3\x48\xcd\xc9\xc9\x07\x00", OK, "Hello"),                                    /* ... with nothing behind */
    SHAPE("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", OK, "Hello"),            /* two blocks */
    SHAPE("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00", OK, "HelloHello"),   /* one behind a final one */
    SHAPE("\x01\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x03\x00\x03\x00\x00", OK, "Hello"),    /* several final ones */
    SHAPE("\x00", OK, ""),
    SHAPE("\x02\x00", OK, ""),
    SHAPE("\x03\x00", OK, ""),
    SHAPE("\x03\x00\x00", OK, ""),
    SHAPE("\x01", OK, ""),                                    /* final, stored, and empty with what is appended */
    SHAPE("", OK, ""),
    SHAPE("\x00\x00\x00\xff\xff\x00\x00\x00\xff\xff\x00", OK, ""),
    SHAPE("\x00\x03\x00\xfc\xff", BAD, NULL),                 /* what is appended becomes data, and more */
    SHAPE("\x00\x05\x00\xfa\xff", BAD, NULL),                 /* ... or is not enough */
    SHAPE("\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff", BAD, "Hello"),                   /* not removed */
    SHAPE("\xf2\x48\xcd\xc9\xc9\x07", BAD, NULL),
    SHAPE("\xf2\x48\xcd", BAD, NULL),
    SHAPE("\x06", BAD, ""),                                   /* no such type of a block */
    SHAPE("\x00\x05\x00\xfa\xfe", BAD, ""),                   /* a length that contradicts itself */
    SHAPE("\x00\x05\x00\xfa\xff\x48\x65", BAD, NULL),
    SHAPE("\xf2\x00\x11\x00\x00", BAD, NULL),                 /* refers to what was before */
    SHAPE("\xff\xff\xff\xff", BAD, ""),
    SHAPE("Hello", BAD, NULL),
};

static void
test_shapes_of_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        const Shape *shape = &shapes[i];

        for (size_t step = 1; step <= shape->len + 1; step++) {
            NsWsInflater     *inflater = NsWsInflaterCreate(15);
            NsWsInflateResult result = NS_WS_INFLATE_OK;
            NsWsBytes         out = {0};

            for (size_t at = 0; at < shape->len && result == NS_WS_INFLATE_OK; at += step) {
                size_t piece = shape->len - at < step ? shape->len - at : step;

                result = NsWsInflate(inflater, Guard(shape->bytes + at, piece), piece, NO_LIMIT, &out);
            }
            if (result == NS_WS_INFLATE_OK) {
                result = NsWsInflateEnd(inflater, false, NO_LIMIT, &out);
            }
            if (result != shape->result) {
                print_error("shape %zu, pieces of %zu: %d\n", i, step, result);
            }
            assert_int_equal(result, shape->result);
            if (result == NS_WS_INFLATE_OK) {
                assert_int_equal(out.len, strlen(shape->text));
                assert_memory_equal(out.len > 0 ? (const char *)out.data : "", shape->text, out.len);
            }
            NsWsBytesFree(&out);
            NsWsInflaterFree(inflater);
        }
    }
}

/* What is appended may be the data itself: that is what RFC 7692, 7.2.2, makes of it. */
static void
test_appended_bytes_as_data(void **state)
{
    NsWsInflater *inflater = NsWsInflaterCreate(15);
    NsWsBytes     out = {0};

    (void)state;
    assert_int_equal(NsWsInflate(inflater, (const uint8_t *)"\x00\x05\x00\xfa\xffx", 6, NO_LIMIT, &out),
                     NS_WS_INFLATE_OK);
    assert_int_equal(NsWsInflateEnd(inflater, true, NO_LIMIT, &out), NS_WS_INFLATE_OK);
    assert_int_equal(out.len, 5);
    assert_memory_equal(out.data, "x\x00\x00\xff\xff", 5);
    NsWsBytesFree(&out);
    NsWsInflaterFree(inflater);
}

/* Each good message after each other one, with takeover: no shape leaves the inflater in a state of its own. */
static void
test_shapes_one_after_another(void **state)
{
    for (size_t i = 0; i < COUNT(shapes); i++) {
        for (size_t j = 0; j < COUNT(shapes); j++) {
            for (int takeover = 0; takeover < 2 && shapes[i].result == NS_WS_INFLATE_OK; takeover++) {
                NsWsInflater *inflater = NsWsInflaterCreate(15);
                NsWsBytes     packed = {(uint8_t *)(uintptr_t)shapes[i].bytes, shapes[i].len, 0};

                (void)state;
                CheckInflates(inflater, takeover, &packed, 3, (const uint8_t *)shapes[i].text, strlen(shapes[i].text));
                if (shapes[j].result == NS_WS_INFLATE_OK) {
                    packed = (NsWsBytes){(uint8_t *)(uintptr_t)shapes[j].bytes, shapes[j].len, 0};
                    CheckInflates(inflater, takeover, &packed, 2, (const uint8_t *)shapes[j].text,
                                  strlen(shapes[j].text));
                }
                NsWsInflaterFree(inflater);
            }
        }
    }
}

/* RFC 7692, 7.2.3.2: the second Hello refers to the first, also when that ended with a final block. */
static void
test_context_is_kept_behind_a_final_block(void **state)
{
    static const char *const firsts[] = {"\xf2\x48\xcd\xc9\xc9\x07\x00", "\xf3\x48\xcd\xc9\xc9\x07\x00"};

    (void)state;
    for (size_t i = 0; i < COUNT(firsts); i++) {
        for (size_t len = 7; len < 9; len++) {
            NsWsInflater *inflater = NsWsInflaterCreate(15);
            char          first[8] = {0};
            NsWsBytes     packed = {(uint8_t *)first, i == 0 ? 7 : len, 0};

            memcpy(first, firsts[i], 7);
            CheckInflates(inflater, true, &packed, 100, (const uint8_t *)"Hello", 5);
            packed = (NsWsBytes){(uint8_t *)(uintptr_t)"\xf2\x00\x11\x00\x00", 5, 0};
            CheckInflates(inflater, true, &packed, 1, (const uint8_t *)"Hello", 5);
            NsWsInflaterFree(inflater);
        }
    }
}

/* ---- limits ---- */

static void
test_limit_is_exact(void **state)
{
    static const size_t lengths[] = {1, 2, 100, 255, 256, 257, 1000, 4096, 65536, 100000};

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        for (int kind = 0; kind < 2; kind++) {
            uint8_t      *data = kind == 0 ? ns_calloc(1, lengths[i]) : MakeNoise(lengths[i]);
            NsWsDeflater *deflater = NsWsDeflaterCreate(15, 6);
            NsWsBytes     packed = {0};

            assert_true(NsWsDeflate(deflater, data, lengths[i], &packed));
            for (size_t less = 0; less < 3 && less <= lengths[i]; less++) {
                NsWsInflater     *inflater = NsWsInflaterCreate(15);
                NsWsBytes         out = {0};
                size_t            limit = lengths[i] - less;
                NsWsInflateResult result = NsWsInflate(inflater, packed.data, packed.len, limit, &out);

                assert_int_equal(result, less == 0 ? NS_WS_INFLATE_OK : NS_WS_INFLATE_TOO_BIG);
                assert_int_equal(out.len, limit);
                assert_in_range(out.size, limit, limit + 256);
                assert_memory_equal(out.data, data, limit);
                NsWsBytesFree(&out);
                NsWsInflaterFree(inflater);
            }
            NsWsBytesFree(&packed);
            NsWsDeflaterFree(deflater);
            ns_free(data);
        }
    }
}

/* The limit is that of the message, not of the room that there happens to be. */
static void
test_limit_within_a_large_buffer(void **state)
{
    NsWsInflater *inflater = NsWsInflaterCreate(15);
    NsWsBytes     out = {0};

    (void)state;
    (void)NsWsBytesReserve(&out, 1000);
    assert_int_equal(NsWsInflate(inflater, (const uint8_t *)"\xf2\x48\xcd\xc9\xc9\x07\x00", 7, 4, &out),
                     NS_WS_INFLATE_TOO_BIG);
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.data, "Hell", 4);
    NsWsBytesFree(&out);
    NsWsInflaterFree(inflater);
}

/* The end of a message may bring its last bytes, and pass the limit with them. */
static void
test_limit_at_the_end(void **state)
{
    NsWsInflater *inflater = NsWsInflaterCreate(15);
    NsWsBytes     out = {0};

    (void)state;
    /* a stored block of six bytes, of which two are there: what is appended are the others */
    assert_int_equal(NsWsInflate(inflater, (const uint8_t *)"\x00\x06\x00\xf9\xffxy", 7, 5, &out), NS_WS_INFLATE_OK);
    assert_int_equal(NsWsInflateEnd(inflater, false, 5, &out), NS_WS_INFLATE_TOO_BIG);
    assert_int_equal(out.len, 5);
    NsWsBytesFree(&out);
    NsWsInflaterFree(inflater);
}

/* A thousandfold: output memory grows with the output, never past the limit. */
static void
test_bomb(void **state)
{
    size_t        len = 32 << 20, limit = 1 << 20;
    uint8_t      *zeros = ns_calloc(1, len);
    NsWsDeflater *deflater = NsWsDeflaterCreate(15, 9);
    NsWsInflater *inflater = NsWsInflaterCreate(15);
    NsWsBytes     packed = {0}, out = {0};

    (void)state;
    assert_true(NsWsDeflate(deflater, zeros, len, &packed));
    assert_in_range(packed.len, 10000, 100000);
    for (size_t i = 0; i < 900; i++) {
        assert_int_equal(NsWsInflate(inflater, packed.data + i, 1, limit, &out), NS_WS_INFLATE_OK);
        assert_in_range(out.size, 0, 2 * out.len + 256);
    }
    assert_int_equal(NsWsInflate(inflater, packed.data + 900, packed.len - 900, limit, &out), NS_WS_INFLATE_TOO_BIG);
    assert_int_equal(out.len, limit);
    assert_int_equal(out.size, limit + 1);
    NsWsBytesFree(&out);
    NsWsBytesFree(&packed);
    NsWsInflaterFree(inflater);
    NsWsDeflaterFree(deflater);
    ns_free(zeros);
}

/* ---- memory ---- */

/* What deflate.h says. */
static void
test_memory(void **state)
{
    static uint8_t data[40000];

    (void)state;
    for (int bits = 9; bits <= 15; bits++) {
        NsWsDeflater *deflater = NsWsDeflaterCreate(bits, 6);
        NsWsInflater *inflater = NsWsInflaterCreate(bits);
        NsWsBytes     packed = {0}, out = {0};
        size_t        window = (size_t)1 << bits;

        assert_in_range(NsWsDeflaterMemory(deflater), 100, 500);          /* until it is needed */
        assert_true(NsWsDeflate(deflater, data, sizeof(data), &packed));
        assert_in_range(NsWsDeflaterMemory(deflater), 8 * window, 8 * window + 8192);
        assert_int_equal(NsWsInflate(inflater, packed.data, packed.len, NO_LIMIT, &out), NS_WS_INFLATE_OK);
        assert_in_range(NsWsInflaterMemory(inflater), window, window + 8192);
        NsWsBytesFree(&packed);
        NsWsBytesFree(&out);
        NsWsInflaterFree(inflater);
        NsWsDeflaterFree(deflater);
    }
    assert_int_equal(NsWsInflaterMemory(NULL), 0);
    assert_int_equal(NsWsDeflaterMemory(NULL), 0);
    NsWsInflaterFree(NULL);
    NsWsDeflaterFree(NULL);
}

static void
test_bytes_grow(void **state)
{
    NsWsBytes bytes = {0};
    uint8_t  *room;

    (void)state;
    assert_non_null(NsWsBytesReserve(&bytes, 10));
    assert_int_equal(bytes.size, 10);
    bytes.len = 10;
    room = NsWsBytesReserve(&bytes, 1);
    assert_ptr_equal(room, bytes.data + 10);
    assert_int_equal(bytes.size, 20);
    (void)NsWsBytesReserve(&bytes, 10);
    assert_int_equal(bytes.size, 20);
    (void)NsWsBytesReserve(&bytes, 100);
    assert_int_equal(bytes.size, 110);
    bytes.len = 110;
    (void)NsWsBytesReserveUpTo(&bytes, 5, 150);               /* doubling ends there */
    assert_int_equal(bytes.size, 150);
    bytes.len = 150;
    (void)NsWsBytesReserveUpTo(&bytes, 5, 150);               /* but there is always enough */
    assert_int_equal(bytes.size, 155);
    NsWsBytesFree(&bytes);
    NsWsBytesFree(&bytes);
    assert_null(bytes.data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_windows_are_kept),
        cmocka_unit_test(test_takeover_and_reset),
        cmocka_unit_test(test_reset_between_messages),
        cmocka_unit_test(test_short_messages_have_a_small_stream),
        cmocka_unit_test(test_appended_behind_what_is_there),
        cmocka_unit_test(test_empty_messages),
        cmocka_unit_test(test_shapes_of_messages),
        cmocka_unit_test(test_appended_bytes_as_data),
        cmocka_unit_test(test_shapes_one_after_another),
        cmocka_unit_test(test_context_is_kept_behind_a_final_block),
        cmocka_unit_test(test_limit_is_exact),
        cmocka_unit_test(test_limit_within_a_large_buffer),
        cmocka_unit_test(test_limit_at_the_end),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_bytes_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
