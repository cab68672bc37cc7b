/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket frames: the examples of RFC 6455, every cut, every violation, lengths up to 2^64 - 1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "guard.h"
#include "ws/frame.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* Parse a copy right before an unreadable page. */
static NsWsResult
Parse(const uint8_t *data, size_t len, NsWsMaskRule rule, bool rsv1, uint64_t max, NsWsFrame *frame)
{
    memset(frame, 0xaa, sizeof(*frame));
    return NsWsFrameParse(Guard(data, len), len, rule, rsv1, max, frame);
}

/*
 * The whole frame is there; of each shorter piece more is needed, with the head reported from its last byte on.
 */
static void
CheckFrame(const uint8_t *data, size_t len, uint8_t opcode, bool fin, const char *payload, size_t payloadLen)
{
    NsWsFrame frame;
    size_t    head;

    assert_int_equal(Parse(data, len, NS_WS_MASK_ANY, false, UINT64_MAX, &frame), NS_WS_FRAME);
    assert_int_equal(frame.opcode, opcode);
    assert_int_equal(frame.fin, fin);
    assert_false(frame.rsv1);
    assert_int_equal(frame.length, payloadLen);
    assert_int_equal(frame.headLen + payloadLen, len);
    assert_int_equal(frame.closeCode, 0);
    assert_null(frame.reason);
    head = frame.headLen;
    if (frame.masked) {
        uint8_t *copy = Guard(data + head, payloadLen);

        NsWsMask(copy, copy, payloadLen, frame.mask, 0);
        assert_memory_equal(copy, payload, payloadLen);
    } else {
        assert_memory_equal(data + head, payload, payloadLen);
    }
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(Parse(data, cut, NS_WS_MASK_ANY, false, UINT64_MAX, &frame), NS_WS_NEED_MORE);
        assert_int_equal(frame.headLen, cut < head ? 0 : head);
        if (cut >= head) {
            assert_int_equal(frame.length, payloadLen);
            assert_int_equal(frame.opcode, opcode);
        }
    }
}

static void
test_examples_of_the_rfc(void **state)
{
    (void)state;
    CheckFrame(BYTES(0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f), NS_WS_TEXT, true, "Hello", 5);
    CheckFrame(BYTES(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58), NS_WS_TEXT, true, "Hello", 5);
    CheckFrame(BYTES(0x01, 0x03, 0x48, 0x65, 0x6c), NS_WS_TEXT, false, "Hel", 3);
    CheckFrame(BYTES(0x80, 0x02, 0x6c, 0x6f), NS_WS_CONTINUE, true, "lo", 2);
    CheckFrame(BYTES(0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f), NS_WS_PING, true, "Hello", 5);
    CheckFrame(BYTES(0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58), NS_WS_PONG, true, "Hello", 5);
    CheckFrame(BYTES(0x88, 0x00), NS_WS_CLOSE, true, "", 0);
    CheckFrame(BYTES(0x82, 0x80, 1, 2, 3, 4), NS_WS_BINARY, true, "", 0);
}

/* Write a head, parse it, for every form of the length, with and without mask. */
static void
test_heads_round_trip(void **state)
{
    static const uint64_t lengths[] = {0, 1, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537, 70000, 0x7fffffff,
                                       0x80000000, 0xffffffff, 0x100000000, INT64_MAX};
    static const uint8_t  mask[4] = {0xde, 0xad, 0xbe, 0xef};

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        for (int masked = 0; masked < 2; masked++) {
            for (int bits = 0; bits < 4; bits++) {
                uint8_t   head[NS_WS_MAX_HEAD];
                size_t    len = NsWsFrameHead(head, (bits & 1) != 0, (bits & 2) != 0, NS_WS_BINARY, lengths[i],
                                              masked ? mask : NULL);
                NsWsFrame frame;

                assert_int_equal(len, 2 + (lengths[i] < 126 ? 0 : lengths[i] < 65536 ? 2 : 8) + (masked ? 4 : 0));
                assert_int_equal(Parse(head, len, NS_WS_MASK_ANY, true, UINT64_MAX, &frame),
                                 lengths[i] == 0 ? NS_WS_FRAME : NS_WS_NEED_MORE);
                assert_int_equal(frame.headLen, len);
                assert_int_equal(frame.length, lengths[i]);
                assert_int_equal(frame.masked, masked);
                assert_int_equal(frame.fin, bits & 1);
                assert_int_equal(frame.rsv1, bits >> 1);
                assert_int_equal(frame.opcode, NS_WS_BINARY);
                if (masked) {
                    assert_memory_equal(frame.mask, mask, 4);
                }
                for (size_t cut = 0; cut < len; cut++) {
                    assert_int_equal(Parse(head, cut, NS_WS_MASK_ANY, true, UINT64_MAX, &frame), NS_WS_NEED_MORE);
                    assert_int_equal(frame.headLen, 0);
                }
            }
        }
    }
}

static void
test_heads_are_those_of_naviserver(void **state)
{
    static const struct { int opcode; bool fin; uint64_t length; const char *bytes; size_t len; } cases[] = {
        {NS_WS_TEXT, true, 5, "\x81\x05", 2},
        {NS_WS_TEXT, true, 0, "\x81\x00", 2},
        {NS_WS_CONTINUE, false, 3, "\x00\x03", 2},
        {NS_WS_CONTINUE, true, 3, "\x80\x03", 2},
        {NS_WS_BINARY, true, 126, "\x82\x7e\x00\x7e", 4},
        {NS_WS_BINARY, true, 65535, "\x82\x7e\xff\xff", 4},
        {NS_WS_BINARY, true, 65536, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10},
        {NS_WS_CLOSE, true, 5, "\x88\x05", 2},
        {NS_WS_PONG, true, 3, "\x8a\x03", 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t head[NS_WS_MAX_HEAD];

        assert_int_equal(NsWsFrameHead(head, cases[i].fin, false, cases[i].opcode, cases[i].length, NULL),
                         cases[i].len);
        assert_memory_equal(head, cases[i].bytes, cases[i].len);
    }
}

/* ---- violations ---- */

typedef struct Violation {
    NsWsMaskRule   rule;
    bool           rsv1;
    uint64_t       max;
    int            closeCode;
    size_t         seenFrom;                   /* so many bytes are enough to see it */
    const uint8_t *data;
    size_t         len;
} Violation;

static void
test_violations(void **state)
{
    const Violation cases[] = {
        /* reserved bits */
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0xc1, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0xa1, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x91, 0x00)},
        {NS_WS_MASK_ANY, true, 1000, 1002, 1, BYTES(0xa1, 0x00)},
        {NS_WS_MASK_ANY, true, 1000, 1002, 1, BYTES(0x91, 0x00)},
        {NS_WS_MASK_ANY, true, 1000, 1002, 1, BYTES(0xc9, 0x00)},
        /* reserved opcodes */
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x83, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x84, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x85, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x86, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x87, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x8b, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x8c, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x8d, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x8e, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x8f, 0x00)},
        /* control frames: fragmented, too long */
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x08, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x09, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 1, BYTES(0x0a, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 2, BYTES(0x88, 0x7e, 0x00, 0x7e)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 2, BYTES(0x89, 0xfe, 0x00, 0x7e)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 2, BYTES(0x8a, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0)},
        /* masks */
        {NS_WS_MASK_REQUIRED, false, 1000, 1002, 2, BYTES(0x81, 0x01, 'x')},
        {NS_WS_MASK_REFUSED, false, 1000, 1002, 2, BYTES(0x81, 0x81, 1, 2, 3, 4, 'x')},
        /* lengths not in their shortest form */
        {NS_WS_MASK_ANY, false, 1000, 1002, 4, BYTES(0x81, 0x7e, 0x00, 0x7d)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 4, BYTES(0x81, 0x7e, 0x00, 0x00)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 4, BYTES(0x81, 0xfe, 0x00, 0x05, 1, 2, 3, 4)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 10, BYTES(0x81, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff)},
        {NS_WS_MASK_ANY, false, 1000, 1002, 10, BYTES(0x81, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0)},
        /* the top bit, also where there is no limit */
        {NS_WS_MASK_ANY, false, UINT64_MAX, 1002, 10, BYTES(0x81, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0)},
        {NS_WS_MASK_ANY, false, UINT64_MAX, 1002, 10, BYTES(0x81, 0x7f, 255, 255, 255, 255, 255, 255, 255, 255)},
        /* the limit */
        {NS_WS_MASK_ANY, false, 0, 1009, 2, BYTES(0x81, 0x01, 'x')},
        {NS_WS_MASK_ANY, false, 124, 1009, 2, BYTES(0x81, 0x7d)},
        {NS_WS_MASK_ANY, false, 1000, 1009, 4, BYTES(0x81, 0x7e, 0x03, 0xe9)},
        {NS_WS_MASK_ANY, false, 65535, 1009, 10, BYTES(0x81, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0)},
        {NS_WS_MASK_ANY, false, 65535, 1009, 10, BYTES(0x81, 0x7f, 0, 0, 0, 1, 0, 0, 0, 1)},
        {NS_WS_MASK_ANY, false, 65535, 1009, 10, BYTES(0x81, 0x7f, 0x7f, 255, 255, 255, 255, 255, 255, 255)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Violation *v = &cases[i];
        size_t           from = v->seenFrom;
        NsWsFrame        frame;

        for (size_t cut = 0; cut <= v->len; cut++) {
            NsWsResult result = Parse(v->data, cut, v->rule, v->rsv1, v->max, &frame);

            if (result != (cut < from ? NS_WS_NEED_MORE : NS_WS_ERROR)) {
                print_error("case %zu, %zu bytes\n", i, cut);
            }
            assert_int_equal(result, cut < from ? NS_WS_NEED_MORE : NS_WS_ERROR);
            if (result == NS_WS_ERROR) {
                assert_int_equal(frame.closeCode, v->closeCode);
                assert_non_null(frame.reason);
            }
        }
    }
}

static void
test_what_is_allowed(void **state)
{
    NsWsFrame frame;

    (void)state;
    assert_int_equal(Parse(BYTES(0xc1, 0x00), NS_WS_MASK_ANY, true, 0, &frame), NS_WS_FRAME);
    assert_true(frame.rsv1);
    assert_int_equal(Parse(BYTES(0x81, 0x80, 1, 2, 3, 4), NS_WS_MASK_REQUIRED, false, 0, &frame), NS_WS_FRAME);
    assert_int_equal(Parse(BYTES(0x81, 0x00), NS_WS_MASK_REFUSED, false, 0, &frame), NS_WS_FRAME);
    assert_int_equal(Parse(BYTES(0x00, 0x00), NS_WS_MASK_REFUSED, false, 0, &frame), NS_WS_FRAME);
    assert_int_equal(Parse(BYTES(0x81, 0x7e, 0x03, 0xe8), NS_WS_MASK_ANY, false, 1000, &frame), NS_WS_NEED_MORE);
    assert_int_equal(frame.length, 1000);
    assert_int_equal(Parse(BYTES(0x89, 0x7d), NS_WS_MASK_ANY, false, 1000, &frame), NS_WS_NEED_MORE);
    assert_int_equal(frame.length, 125);
    assert_int_equal(Parse(BYTES(0x82, 0x7f, 0x7f, 255, 255, 255, 255, 255, 255, 255), NS_WS_MASK_ANY, false,
                           UINT64_MAX, &frame), NS_WS_NEED_MORE);
    assert_int_equal(frame.length, INT64_MAX);
    assert_int_equal(frame.headLen, 10);
}

/* All 65,536 first two bytes against a plain statement of the rules. */
static void
test_all_first_bytes(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            unsigned  opcode = first & 15, length = second & 127;
            bool      control = opcode >= 8;
            bool      wrong = (first & 0x70) != 0 || (opcode > 2 && opcode < 8) || opcode > 10
                              || (control && ((first & 0x80) == 0 || length > 125)) || (second & 0x80) == 0;
            NsWsFrame frame;

            assert_int_equal(Parse(BYTES((uint8_t)first, (uint8_t)second), NS_WS_MASK_REQUIRED, false, 1000, &frame),
                             wrong ? NS_WS_ERROR : NS_WS_NEED_MORE);
        }
    }
}

static void
test_bytes_behind_a_frame_are_left_alone(void **state)
{
    NsWsFrame frame;

    (void)state;
    assert_int_equal(Parse(BYTES(0x81, 0x01, 'x', 0xff, 0xff), NS_WS_MASK_ANY, false, 1000, &frame), NS_WS_FRAME);
    assert_int_equal(frame.headLen, 2);
    assert_int_equal(frame.length, 1);
}

/* ---- masks ---- */

static void
test_mask_of_any_length_and_offset(void **state)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t              plain[300];

    (void)state;
    for (size_t i = 0; i < sizeof(plain); i++) {
        plain[i] = (uint8_t)(i * 7 + 3);
    }
    for (size_t len = 0; len <= sizeof(plain); len += len < 80 ? 1 : 37) {
        for (size_t offset = 0; offset < 9; offset++) {
            uint8_t  expected[sizeof(plain)], other[sizeof(plain) + 1];
            uint8_t *copy;

            for (size_t i = 0; i < len; i++) {
                expected[i] = plain[i] ^ mask[(offset + i) % 4];
            }
            copy = Guard(plain, len);
            NsWsMask(copy, copy, len, mask, offset);
            assert_memory_equal(copy, expected, len);
            other[len] = 0x55;
            NsWsMask(other, plain, len, mask, offset);
            assert_memory_equal(other, expected, len);
            assert_int_equal(other[len], 0x55);
        }
    }
}

static void
test_mask_may_move_down(void **state)
{
    static const uint8_t mask[4] = {1, 2, 3, 4};
    uint8_t              expected[200], buffer[300];

    (void)state;
    for (size_t distance = 0; distance <= 70; distance++) {
        for (size_t i = 0; i < 200; i++) {
            buffer[distance + i] = (uint8_t)i;
            expected[i] = (uint8_t)i ^ mask[i % 4];
        }
        NsWsMask(buffer, buffer + distance, 200, mask, 0);
        assert_memory_equal(buffer, expected, 200);
    }
}

static void
test_mask_in_pieces(void **state)
{
    static const uint8_t mask[4] = {9, 8, 7, 6};
    uint8_t              whole[100], pieces[100];

    (void)state;
    for (size_t cut = 0; cut <= sizeof(whole); cut++) {
        memset(whole, 0x5a, sizeof(whole));
        memset(pieces, 0x5a, sizeof(pieces));
        NsWsMask(whole, whole, sizeof(whole), mask, 0);
        NsWsMask(pieces, pieces, cut, mask, 0);
        NsWsMask(pieces + cut, pieces + cut, sizeof(pieces) - cut, mask, cut);
        assert_memory_equal(whole, pieces, sizeof(whole));
    }
}

/* Any length, with one byte that is no ASCII at any place, or none; before an unreadable page. */
static void
test_mask_sees_ascii(void **state)
{
    static const uint8_t mask[4] = {0x80, 0xff, 0x01, 0x7f};
    uint8_t              plain[100];

    (void)state;
    for (size_t len = 0; len <= sizeof(plain); len++) {
        for (size_t at = 0; at <= len; at++) {
            uint8_t *copy;

            memset(plain, 'x', sizeof(plain));
            if (at < len) {
                plain[at] = (uint8_t)(at % 2 == 0 ? 0x80 : 0xff);
            }
            copy = Guard(plain, len);
            for (size_t i = 0; i < len; i++) {
                copy[i] ^= mask[i % 4];
            }
            assert_int_equal(NsWsMaskAscii(copy, len, mask), at == len);
            assert_memory_equal(copy, plain, len);
        }
    }
}

/* ---- sequence ---- */

static const char *
Next(NsWsSequence *sequence, uint8_t opcode, bool fin)
{
    NsWsFrame frame = {.opcode = opcode, .fin = fin};

    return NsWsSequenceCheck(sequence, &frame);
}

static void
test_sequences(void **state)
{
    NsWsSequence sequence = {0};

    (void)state;
    assert_null(Next(&sequence, NS_WS_TEXT, true));
    assert_false(sequence.fragmented);
    assert_int_equal(sequence.opcode, NS_WS_TEXT);
    assert_null(Next(&sequence, NS_WS_BINARY, false));
    assert_true(sequence.fragmented);
    assert_null(Next(&sequence, NS_WS_PING, true));
    assert_null(Next(&sequence, NS_WS_CONTINUE, false));
    assert_null(Next(&sequence, NS_WS_CLOSE, true));
    assert_int_equal(sequence.opcode, NS_WS_BINARY);
    assert_int_equal(sequence.fragments, 2);
    assert_null(Next(&sequence, NS_WS_CONTINUE, true));
    assert_int_equal(sequence.fragments, 3);
    assert_false(sequence.fragmented);
    assert_null(Next(&sequence, NS_WS_TEXT, true));
    assert_int_equal(sequence.fragments, 1);
}

static void
test_wrong_sequences(void **state)
{
    NsWsSequence fresh = {0}, open = {0};
    NsWsFrame    compressed = {.opcode = NS_WS_CONTINUE, .rsv1 = true, .fin = true};

    (void)state;
    assert_non_null(Next(&fresh, NS_WS_CONTINUE, true));
    assert_non_null(Next(&fresh, NS_WS_CONTINUE, false));
    assert_null(Next(&fresh, NS_WS_TEXT, true));
    assert_non_null(Next(&fresh, NS_WS_CONTINUE, true));
    assert_null(Next(&open, NS_WS_TEXT, false));
    assert_non_null(Next(&open, NS_WS_TEXT, true));
    assert_non_null(Next(&open, NS_WS_BINARY, false));
    assert_non_null(NsWsSequenceCheck(&open, &compressed));
    assert_null(Next(&open, NS_WS_CONTINUE, true));
    open.fragmented = true;
    open.fragments = UINT32_MAX;
    assert_null(Next(&open, NS_WS_CONTINUE, true));
    assert_int_equal(open.fragments, UINT32_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mask_sees_ascii),
        cmocka_unit_test(test_examples_of_the_rfc),
        cmocka_unit_test(test_heads_round_trip),
        cmocka_unit_test(test_heads_are_those_of_naviserver),
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_what_is_allowed),
        cmocka_unit_test(test_all_first_bytes),
        cmocka_unit_test(test_bytes_behind_a_frame_are_left_alone),
        cmocka_unit_test(test_mask_of_any_length_and_offset),
        cmocka_unit_test(test_mask_may_move_down),
        cmocka_unit_test(test_mask_in_pieces),
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_wrong_sequences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
