/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The receiving half of a session: the examples of the RFCs, every cut, every violation with its code, limits, memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "guard.h"
#include "ns.h"
#include "ws/receiver.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

/* ---- what is sent ---- */

static void
AddFrame(Tcl_DString *ds, int first, const void *payload, size_t len, const uint8_t *key)
{
    uint8_t head[NS_WS_MAX_HEAD];
    size_t  headLen = NsWsFrameHead(head, (first & 0x80) != 0, (first & 0x40) != 0, first & 0x0f, len, key);
    int     at;

    Tcl_DStringAppend(ds, (const char *)head, (int)headLen);
    at = Tcl_DStringLength(ds);
    Tcl_DStringSetLength(ds, at + (int)len);
    if (key != NULL) {
        NsWsMask((uint8_t *)Tcl_DStringValue(ds) + at, payload, len, key, 0);
    } else if (len > 0) {
        memcpy(Tcl_DStringValue(ds) + at, payload, len);
    }
}

static void
AddText(Tcl_DString *ds, int first, const char *text)
{
    AddFrame(ds, first, text, strlen(text), mask);
}

/* One message as a sender without context would compress it. */
static void
AddPacked(Tcl_DString *ds, int first, const void *data, size_t len)
{
    NsWsDeflater *deflater = NsWsDeflaterCreate(15, 6);
    NsWsBytes     out = {0};

    assert_true(NsWsDeflate(deflater, data, len, &out));
    AddFrame(ds, first | 0x40, out.data, out.len, mask);
    NsWsBytesFree(&out);
    NsWsDeflaterFree(deflater);
}

/* ---- what is received ---- */

static const NsWsReceiver server = {
    .rule = NS_WS_MASK_REQUIRED, .maxMessage = 1 << 20, .maxFragments = 16, .deflate = true, .bits = 15,
};

/* Events as text: a line each. */
static void
AddEvent(Tcl_DString *log, const NsWsEvent *event)
{
    static const char *const names[] = {"none", "message", "ping", "pong", "close", "error"};
    char                     line[160];
    size_t                   shown = event->len < 40 ? event->len : 40;
    uint32_t                 sum = 0;

    for (size_t i = 0; i < event->len; i++) {
        sum = sum * 31 + event->data[i];
    }
    snprintf(line, sizeof(line), "%s %d %d %zu %08x %s \"", names[event->type], event->opcode, event->code, event->len,
             (unsigned)sum, event->reason != NULL ? event->reason : "-");
    Tcl_DStringAppend(log, line, -1);
    Tcl_DStringAppend(log, event->len > 0 ? (const char *)event->data : "", (int)shown);
    Tcl_DStringAppend(log, "\"\n", 2);
}

/* Each piece lies right before an unreadable page. */
static NsWsEventType
FeedPiece(NsWsReceiver *receiver, const void *data, size_t len, Tcl_DString *log)
{
    NsWsEvent     event = {0};
    NsWsEventType type, last = NS_WS_EV_NONE;

    NsWsReceiverFeed(receiver, Guard(data, len), len);
    while ((type = NsWsReceiverNext(receiver, &event)) != NS_WS_EV_NONE) {
        assert_int_equal(event.type, type);
        if (type != NS_WS_EV_ERROR) {
            assert_non_null(event.data);
        }
        AddEvent(log, &event);
        last = type;
    }
    return last;
}

/* All bytes, cut at `cut` (0: whole), or with step > 0 into pieces of that size. */
static void
Run(const NsWsReceiver *config, const Tcl_DString *bytes, size_t cut, size_t step, Tcl_DString *log)
{
    NsWsReceiver receiver = *config;
    const char  *data = Tcl_DStringValue(bytes);
    size_t       len = (size_t)Tcl_DStringLength(bytes);

    Tcl_DStringInit(log);
    if (step == 0) {
        if (cut > 0) {
            (void)FeedPiece(&receiver, data, cut, log);
        }
        (void)FeedPiece(&receiver, data + cut, len - cut, log);
    } else {
        for (size_t at = 0; at < len; at += step) {
            (void)FeedPiece(&receiver, data + at, len - at < step ? len - at : step, log);
        }
    }
    if (!NsWsReceiverUnfinished(&receiver) && !config->takeover) {
        assert_int_equal(NsWsReceiverMemory(&receiver), 0);
    }
    NsWsReceiverFree(&receiver);
    assert_int_equal(NsWsReceiverMemory(&receiver), 0);
}

/* The same events for every cut, and in pieces of every small size; `expected` NULL: whatever they are. */
static void
CheckAllCuts(const NsWsReceiver *config, const Tcl_DString *bytes, const char *expected)
{
    Tcl_DString whole, pieces;
    size_t      len = (size_t)Tcl_DStringLength(bytes);

    Run(config, bytes, 0, 0, &whole);
    if (expected != NULL) {
        assert_string_equal(Tcl_DStringValue(&whole), expected);
    }
    for (size_t cut = 1; cut < len; cut += len < 3000 ? 1 : 17) {
        Run(config, bytes, cut, 0, &pieces);
        assert_string_equal(Tcl_DStringValue(&pieces), Tcl_DStringValue(&whole));
        Tcl_DStringFree(&pieces);
    }
    for (size_t step = 1; step < 20; step++) {
        Run(config, bytes, 0, step, &pieces);
        assert_string_equal(Tcl_DStringValue(&pieces), Tcl_DStringValue(&whole));
        Tcl_DStringFree(&pieces);
    }
    Tcl_DStringFree(&whole);
}

/* The first event that is no message, ping or pong, for each cut. */
static void
CheckEnd(const NsWsReceiver *config, const uint8_t *data, size_t len, NsWsEventType type, int code)
{
    for (size_t step = 1; step <= len; step++) {
        NsWsReceiver receiver = *config;
        NsWsEvent    event = {0};
        bool         ended = false;

        for (size_t at = 0; at < len && !ended; at += step) {
            size_t piece = len - at < step ? len - at : step;

            NsWsReceiverFeed(&receiver, Guard(data + at, piece), piece);
            while (!ended && NsWsReceiverNext(&receiver, &event) != NS_WS_EV_NONE) {
                ended = event.type >= NS_WS_EV_CLOSE;
            }
        }
        if (event.type != type || event.code != code) {
            print_error("pieces of %zu: event %d, code %d (%s)\n", step, event.type, event.code,
                        event.reason != NULL ? event.reason : "-");
        }
        assert_int_equal(event.type, type);
        assert_int_equal(event.code, code);
        if (type == NS_WS_EV_ERROR) {
            assert_non_null(event.reason);
            assert_int_equal(NsWsReceiverMemory(&receiver), 0);
        }
        /* Nothing comes any more. */
        if (type != NS_WS_EV_NONE) {
            NsWsReceiverFeed(&receiver, Guard("\x81\x81\0\0\0\0x", 7), 7);
            assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_NONE);
            assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_NONE);
            assert_false(NsWsReceiverUnfinished(&receiver));
        }
        NsWsReceiverFree(&receiver);
    }
}

/* ---- good input ---- */

static void
CheckExample(NsWsMaskRule rule, const uint8_t *data, size_t len, const char *expected)
{
    NsWsReceiver config = server;
    Tcl_DString  bytes;

    config.rule = rule;
    Tcl_DStringInit(&bytes);
    Tcl_DStringAppend(&bytes, (const char *)data, (int)len);
    CheckAllCuts(&config, &bytes, expected);
    Tcl_DStringFree(&bytes);
}

static void
test_examples_of_the_rfc(void **state)
{
    static const char hello[] = "message 1 0 5 042628b2 - \"Hello\"\n";

    (void)state;
    CheckExample(NS_WS_MASK_REFUSED, BYTES(0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f), hello);
    CheckExample(NS_WS_MASK_REQUIRED, BYTES(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58), hello);
    CheckExample(NS_WS_MASK_ANY, BYTES(0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f), hello);
    CheckExample(NS_WS_MASK_ANY, BYTES(0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f,
                                       0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58),
                 "ping 9 0 5 042628b2 - \"Hello\"\npong 10 0 5 042628b2 - \"Hello\"\n");
}

/* RFC 7692, 7.2.3: the compressed Hello in its shapes. */
static void
test_compressed_examples_of_the_rfc(void **state)
{
    static const char hello[] = "message 1 0 5 042628b2 - \"Hello\"\n";
    NsWsReceiver      config = server;
    Tcl_DString       bytes;

    (void)state;
    /* one frame; two fragments; no compression; a final block; two blocks */
    CheckExample(NS_WS_MASK_ANY, BYTES(0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00), hello);
    CheckExample(NS_WS_MASK_ANY, BYTES(0x41, 0x03, 0xf2, 0x48, 0xcd, 0x80, 0x04, 0xc9, 0xc9, 0x07, 0x00), hello);
    CheckExample(NS_WS_MASK_ANY, BYTES(0xc1, 0x0b, 0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00),
                 hello);
    CheckExample(NS_WS_MASK_ANY, BYTES(0xc1, 0x08, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00), hello);
    CheckExample(NS_WS_MASK_ANY, BYTES(0xc1, 0x0d, 0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9,
                                       0xc9, 0x07, 0x00), hello);
    /* the second message refers to the first */
    config.takeover = true;
    config.rule = NS_WS_MASK_ANY;
    Tcl_DStringInit(&bytes);
    Tcl_DStringAppend(&bytes, "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00", 16);
    CheckAllCuts(&config, &bytes, "message 1 0 5 042628b2 - \"Hello\"\nmessage 1 0 5 042628b2 - \"Hello\"\n");
    Tcl_DStringFree(&bytes);
    /* ... which without takeover is an error, at any cut */
    config.takeover = false;
    CheckEnd(&config, BYTES(0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0xc1, 0x05, 0xf2, 0x00, 0x11, 0x00,
                            0x00), NS_WS_EV_ERROR, 1007);
}

/* A bit of everything, cut everywhere. */
static void
test_session_cut_anywhere(void **state)
{
    Tcl_DString bytes;
    char        longText[400];

    (void)state;
    memset(longText, 'l', sizeof(longText));
    Tcl_DStringInit(&bytes);
    AddText(&bytes, 0x81, "first");
    AddText(&bytes, 0x81, "");
    AddText(&bytes, 0x82, "binary \xff\xfe");
    AddText(&bytes, 0x01, "frag");
    AddText(&bytes, 0x89, "ping within");
    AddText(&bytes, 0x00, "");
    AddText(&bytes, 0x8a, "");
    AddText(&bytes, 0x80, "ments \xe2\x82\xac");
    AddFrame(&bytes, 0x81, longText, sizeof(longText), mask);
    AddPacked(&bytes, 0x81, longText, sizeof(longText));
    AddText(&bytes, 0x01, "half a \xe2\x82");
    AddText(&bytes, 0x80, "\xac sign");
    AddText(&bytes, 0x02, "");
    AddText(&bytes, 0x80, "");
    AddText(&bytes, 0x81, "\xf0\x9f\x98\x80 smile");
    AddPacked(&bytes, 0x82, "", 0);
    AddText(&bytes, 0x88, "\x03\xe8good bye");
    AddText(&bytes, 0x81, "too late");
    CheckAllCuts(&server, &bytes, NULL);
    Tcl_DStringFree(&bytes);
}

static void
test_long_lengths(void **state)
{
    static const size_t lengths[] = {124, 125, 126, 127, 128, 1000, 65535, 65536, 65537, 100000};
    char               *payload = ns_malloc(100000);

    (void)state;
    for (size_t i = 0; i < 100000; i++) {
        payload[i] = (char)('a' + i % 26);
    }
    for (size_t i = 0; i < COUNT(lengths); i++) {
        Tcl_DString bytes, whole, pieces;

        Tcl_DStringInit(&bytes);
        AddFrame(&bytes, 0x81, payload, lengths[i], mask);
        AddFrame(&bytes, 0x82, payload, lengths[i], mask);
        Run(&server, &bytes, 0, 0, &whole);
        for (size_t step = 1; step < 70000; step = step * 3 + 1) {
            Run(&server, &bytes, 0, step, &pieces);
            assert_string_equal(Tcl_DStringValue(&pieces), Tcl_DStringValue(&whole));
            Tcl_DStringFree(&pieces);
        }
        Tcl_DStringFree(&whole);
        Tcl_DStringFree(&bytes);
    }
    ns_free(payload);
}

/* A frame in the input is handed out where it lies, also behind another; nothing is allocated. */
static void
test_whole_frames_stay_in_place(void **state)
{
    static const size_t lengths[] = {0, 5, 125, 126, 65535, 65536};
    NsWsReceiver        receiver = server;
    NsWsEvent           event;

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        Tcl_DString bytes;
        uint8_t    *input, *payload = ns_calloc(1, 65536);
        size_t      len, head = lengths[i] < 126 ? 6 : lengths[i] < 65536 ? 8 : 14;

        Tcl_DStringInit(&bytes);
        AddText(&bytes, 0x89, "ping");
        AddFrame(&bytes, 0x81, payload, lengths[i], mask);
        AddFrame(&bytes, 0x82, payload, lengths[i], mask);
        len = (size_t)Tcl_DStringLength(&bytes);
        input = Guard(Tcl_DStringValue(&bytes), len);
        NsWsReceiverFeed(&receiver, input, len);
        assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_PING);
        assert_ptr_equal(event.data, input + 6);
        for (int n = 0; n < 2; n++) {
            assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_MESSAGE);
            assert_ptr_equal(event.data, input + 10 + head + (head + lengths[i]) * (size_t)n);
            assert_int_equal(event.len, lengths[i]);
            assert_int_equal(event.opcode, n == 0 ? NS_WS_TEXT : NS_WS_BINARY);
            assert_memory_equal(event.data, payload, lengths[i]);
            assert_int_equal(NsWsReceiverMemory(&receiver), 0);
        }
        assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_NONE);
        Tcl_DStringFree(&bytes);
        ns_free(payload);
    }
}

/* ---- violations ---- */

static void
test_violations(void **state)
{
    static const struct { int code; const char *bytes; size_t len; } cases[] = {
#define CASE(code, text) {code, text, sizeof(text) - 1}
        CASE(1002, "\x81\x01x"),                              /* not masked */
        CASE(1002, "\x91\x80\0\0\0\0"),                       /* RSV3 */
        CASE(1002, "\xa1\x80\0\0\0\0"),                       /* RSV2 */
        CASE(1002, "\xc9\x80\0\0\0\0"),                       /* RSV1 on a ping */
        CASE(1002, "\x83\x80\0\0\0\0"),                       /* opcodes */
        CASE(1002, "\x8b\x80\0\0\0\0"),
        CASE(1002, "\x09\x80\0\0\0\0"),                       /* a fragmented ping */
        CASE(1002, "\x89\xfe\x00\x7e\0\0\0\0"),               /* a long one */
        CASE(1002, "\x80\x80\0\0\0\0"),                       /* continuation of nothing */
        CASE(1002, "\x00\x80\0\0\0\0"),
        CASE(1002, "\x81\x81\0\0\0\0x\x80\x80\0\0\0\0"),      /* ... after a complete message */
        CASE(1002, "\x01\x81\0\0\0\0x\x81\x81\0\0\0\0x"),     /* a message within another */
        CASE(1002, "\x01\x81\0\0\0\0x\x82\x81\0\0\0\0x"),
        CASE(1002, "\x01\x81\0\0\0\0x\xc0\x81\0\0\0\0x"),     /* RSV1 on a continuation */
        CASE(1002, "\x01\x81\0\0\0\0x\x40\x81\0\0\0\0x"),
        CASE(1002, "\x81\xfe\x00\x05\0\0\0\0hello"),          /* not the shortest form */
        CASE(1002, "\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0"),
        CASE(1002, "\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0"),     /* the top bit */
        CASE(1002, "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
        CASE(1009, "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
        CASE(1009, "\xc2\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
        CASE(1009, "\x82\xff\0\0\0\1\0\0\0\0\0\0\0\0"),
        CASE(1009, "\x02\x81\0\0\0\0x\x80\xff\0\0\0\0\0\x10\0\0\0\0\0\0"),    /* 1 MB, and one that was there */
        CASE(1007, "\x81\x81\0\0\0\0\xff"),                   /* no UTF-8 */
        CASE(1007, "\x81\x82\0\0\0\0x\xc3"),                  /* not complete */
        CASE(1007, "\x01\x82\0\0\0\0x\xc3\x80\x80\0\0\0\0"),
        CASE(1007, "\x01\x81\0\0\0\0\xc3\x80\x81\0\0\0\0x"),
        CASE(1007, "\x81\x83\0\0\0\0\xed\xa0\x80"),           /* a surrogate */
        CASE(1007, "\xc1\x81\0\0\0\0\x06"),                   /* an invalid block */
        CASE(1007, "\xc1\x83\0\0\0\0\xf2\x48\xcd"),           /* not complete */
        CASE(1007, "\xc1\x8a\0\0\0\0\x00\x01\x00\xfe\xff\xff\x00\x00\xff\xff"),   /* 0xff, compressed */
        CASE(1002, "\x88\x81\0\0\0\0x"),                      /* close with half a code */
        CASE(1007, "\x88\x83\0\0\0\0\x03\xe8\xff"),           /* its reason */
        CASE(1007, "\x88\x84\0\0\0\0\x03\xe8x\xc3"),
#undef CASE
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        CheckEnd(&server, (const uint8_t *)cases[i].bytes, cases[i].len, NS_WS_EV_ERROR, cases[i].code);
    }
}

/* A length of 16 bits, with all of the payload in the input: from 126 on. */
static void
test_shortest_form(void **state)
{
    for (unsigned len = 120; len < 132; len++) {
        uint8_t   frame[8 + 132] = {0x82, 0xfe, 0, (uint8_t)len};
        NsWsEvent event;

        (void)state;
        for (size_t extra = 0; extra < 2; extra++) {
            NsWsReceiver receiver = server;
            size_t       size = 8 + len - extra;

            NsWsReceiverFeed(&receiver, Guard(frame, size), size);
            (void)NsWsReceiverNext(&receiver, &event);
            assert_int_equal(event.type, len < 126 ? NS_WS_EV_ERROR : extra == 0 ? NS_WS_EV_MESSAGE : NS_WS_EV_NONE);
            NsWsReceiverFree(&receiver);
        }
    }
}

static void
test_violations_against_a_client(void **state)
{
    NsWsReceiver client = server;

    (void)state;
    client.rule = NS_WS_MASK_REFUSED;
    client.deflate = false;
    CheckEnd(&client, BYTES(0x81, 0x81, 0, 0, 0, 0, 'x'), NS_WS_EV_ERROR, 1002);
    CheckEnd(&client, BYTES(0x81, 0x80, 0, 0, 0, 0), NS_WS_EV_ERROR, 1002);
    CheckEnd(&client, BYTES(0xc1, 0x01, 0x00), NS_WS_EV_ERROR, 1002);          /* compressed, which was not agreed on */
    CheckEnd(&client, BYTES(0x81, 0x02, 0xc3, 0x28), NS_WS_EV_ERROR, 1007);
    CheckEnd(&client, BYTES(0x88, 0x02, 0x03, 0xed), NS_WS_EV_ERROR, 1002);
    CheckEnd(&client, BYTES(0x88, 0x02, 0x03, 0xe8), NS_WS_EV_CLOSE, 1000);
}

/* An error is told as soon as its byte is there: what comes behind does not matter, nor that it is missing. */
static void
test_wrong_text_fails_at_its_byte(void **state)
{
    uint8_t text[300];

    (void)state;
    memset(text, 'x', sizeof(text));
    for (int shape = 0; shape < 4; shape++) {
        for (size_t at = 0; at < sizeof(text); at++) {
            NsWsReceiver receiver = server;
            NsWsEvent    event;
            Tcl_DString  bytes;
            size_t       head = 8, end;

            text[at] = shape % 2 == 0 ? 0xff : 0x80;
            Tcl_DStringInit(&bytes);
            if (shape < 2) {
                AddFrame(&bytes, 0x81, text, sizeof(text), mask);
            } else {
                AddText(&bytes, 0x01, "of two ");
                head += 13;
                AddFrame(&bytes, 0x80, text, sizeof(text), mask);
            }
            text[at] = 'x';
            end = head + at;
            NsWsReceiverFeed(&receiver, Guard(Tcl_DStringValue(&bytes), end), end);
            assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_NONE);
            NsWsReceiverFeed(&receiver, Guard(Tcl_DStringValue(&bytes) + end, 1), 1);
            assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_ERROR);
            assert_int_equal(event.code, 1007);
            Tcl_DStringFree(&bytes);
        }
    }
}

/* The same through a stored block, whose bytes come out as they go in. */
static void
test_wrong_text_fails_while_inflating(void **state)
{
    (void)state;
    for (size_t at = 0; at < 100; at++) {
        NsWsReceiver receiver = server;
        NsWsEvent    event;
        Tcl_DString  bytes;
        uint8_t      block[105] = {0x00, 100, 0, 155, 255};
        size_t       end = 6 + 5 + at;

        memset(block + 5, 'x', 100);
        block[5 + at] = 0xc0;
        Tcl_DStringInit(&bytes);
        AddFrame(&bytes, 0xc1, block, sizeof(block), mask);
        NsWsReceiverFeed(&receiver, Guard(Tcl_DStringValue(&bytes), end), end);
        assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_NONE);
        NsWsReceiverFeed(&receiver, Guard(Tcl_DStringValue(&bytes) + end, 1), 1);
        assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_ERROR);
        assert_int_equal(event.code, 1007);
        Tcl_DStringFree(&bytes);
    }
}

static void
test_close_codes(void **state)
{
    (void)state;
    CheckEnd(&server, BYTES(0x88, 0x80, 0, 0, 0, 0), NS_WS_EV_CLOSE, 1005);
    for (int code = 0; code < 65536; code++) {
        bool    good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
            || (code >= 3000 && code <= 4999);
        uint8_t frame[] = {0x88, 0x82, 0, 0, 0, 0, (uint8_t)(code >> 8), (uint8_t)code};

        assert_int_equal(NsWsCloseCodeValid(code), good);
        if (code < 1020 || code % 500 < 2 || code % 500 == 499) {
            CheckEnd(&server, frame, sizeof(frame), good ? NS_WS_EV_CLOSE : NS_WS_EV_ERROR, good ? code : 1002);
        }
    }
    assert_false(NsWsCloseCodeValid(-1));
}

static void
test_close_reason(void **state)
{
    Tcl_DString bytes;
    char        reason[126] = "\x0f\xa0";

    (void)state;
    memset(reason + 2, 'r', 123);
    Tcl_DStringInit(&bytes);
    AddFrame(&bytes, 0x88, reason, 125, mask);
    CheckAllCuts(&server, &bytes, "close 8 4000 123 d1a6a332 - \"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\"\n");
    Tcl_DStringFree(&bytes);
}

/* A close within a message ends that, too: nothing is unfinished, nothing is kept. */
static void
test_close_within_a_message(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        NsWsReceiver receiver = server;
        NsWsEvent    event;
        Tcl_DString  bytes;

        (void)state;
        receiver.takeover = packed == 1;
        Tcl_DStringInit(&bytes);
        if (packed) {
            AddFrame(&bytes, 0x41, "\xf2\x48\xcd", 3, mask);
        } else {
            AddText(&bytes, 0x01, "begun");
        }
        AddText(&bytes, 0x88, "\x03\xe9going");
        NsWsReceiverFeed(&receiver, Guard(Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes)),
                               (size_t)Tcl_DStringLength(&bytes));
        assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_CLOSE);
        assert_int_equal(event.code, 1001);
        assert_memory_equal(event.data, "going", 5);
        assert_false(NsWsReceiverUnfinished(&receiver));
        assert_int_equal(NsWsReceiverMemory(&receiver), 0);
        CheckEnd(&server, (const uint8_t *)Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes), NS_WS_EV_CLOSE,
                 1001);
        Tcl_DStringFree(&bytes);
    }
}

/* ---- limits ---- */

/* A message of exactly the limit is taken, one byte more is not: in one frame, in two, compressed. */
static void
test_message_limit(void **state)
{
    static const uint64_t limits[] = {0, 1, 100, 125, 126, 1000, 65535, 65536, 70000};
    uint8_t              *payload = ns_malloc(70001);

    (void)state;
    memset(payload, 'z', 70001);
    for (size_t i = 0; i < COUNT(limits); i++) {
        for (size_t more = 0; more < 2; more++) {
            for (int shape = 0; shape < 3; shape++) {
                NsWsReceiver config = server;
                size_t       len = (size_t)limits[i] + more;
                Tcl_DString  bytes;

                config.maxMessage = limits[i];
                Tcl_DStringInit(&bytes);
                if (shape == 0) {
                    AddFrame(&bytes, 0x82, payload, len, mask);
                } else if (shape == 1) {
                    AddFrame(&bytes, 0x02, payload, len / 3, mask);
                    AddFrame(&bytes, 0x80, payload, len - len / 3, mask);
                } else {
                    AddPacked(&bytes, 0x82, payload, len);
                }
                for (size_t step = 1; step < 100000; step = step * 5 + 3) {
                    Tcl_DString log;
                    char        expected[80];

                    Run(&config, &bytes, 0, step, &log);
                    snprintf(expected, sizeof(expected), more == 0 ? "message 2 0 %zu" : "error 0 1009 0", len);
                    assert_memory_equal(Tcl_DStringValue(&log), expected, strlen(expected));
                    assert_int_equal(strcspn(Tcl_DStringValue(&log), "\n"), Tcl_DStringLength(&log) - 1);
                    Tcl_DStringFree(&log);
                }
                Tcl_DStringFree(&bytes);
            }
        }
    }
    ns_free(payload);
}

/* Control frames have a limit of their own, and go on when a message has reached its. */
static void
test_control_frames_are_no_part_of_the_message(void **state)
{
    NsWsReceiver config = server;
    Tcl_DString  bytes;

    (void)state;
    config.maxMessage = 3;
    Tcl_DStringInit(&bytes);
    AddText(&bytes, 0x01, "abc");
    AddText(&bytes, 0x89, "longer than three");
    AddText(&bytes, 0x80, "");
    CheckAllCuts(&config, &bytes, "ping 9 0 17 b752bab6 - \"longer than three\"\nmessage 1 0 3 00017862 - \"abc\"\n");
    Tcl_DStringFree(&bytes);
}

static void
test_fragment_limit(void **state)
{
    for (uint32_t limit = 0; limit < 5; limit++) {
        for (uint32_t count = 1; count < 8; count++) {
            NsWsReceiver config = server;
            Tcl_DString  bytes, log;
            bool         good = limit == 0 || count <= limit;

            (void)state;
            config.maxFragments = limit;
            Tcl_DStringInit(&bytes);
            for (uint32_t i = 1; i <= count; i++) {
                AddText(&bytes, (i == 1 ? 0x01 : 0x00) | (i == count ? 0x80 : 0x00), "");
                AddText(&bytes, 0x8a, "");                    /* these do not count */
            }
            Run(&config, &bytes, 0, 0, &log);
            assert_int_equal(strstr(Tcl_DStringValue(&log), "message 1 0 0") != NULL, good);
            assert_int_equal(strstr(Tcl_DStringValue(&log), "error 0 1008 0") != NULL, !good);
            Tcl_DStringFree(&log);
            CheckAllCuts(&config, &bytes, NULL);
            Tcl_DStringFree(&bytes);
        }
    }
}

/* Memory follows what has arrived, whatever is announced; and is given back. */
static void
test_memory_follows_what_arrives(void **state)
{
    static const uint8_t head[] = {0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0xff, 0xff, 0, 0, 0, 0};
    static uint8_t       zeros[4096];
    NsWsReceiver         receiver = server;
    NsWsEvent            event;
    size_t               arrived = 0;

    (void)state;
    NsWsReceiverFeed(&receiver, Guard(head, sizeof(head)), sizeof(head));
    assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_NONE);
    assert_int_equal(NsWsReceiverMemory(&receiver), 0);
    assert_true(NsWsReceiverUnfinished(&receiver));
    while (arrived + sizeof(zeros) < 0xfffff) {
        NsWsReceiverFeed(&receiver, Guard(zeros, sizeof(zeros)), sizeof(zeros));
        assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_NONE);
        arrived += sizeof(zeros);
        assert_in_range(NsWsReceiverMemory(&receiver), arrived, 2 * arrived);
    }
    NsWsReceiverFeed(&receiver, Guard(zeros, 0xfffff - arrived), 0xfffff - arrived);
    assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_MESSAGE);
    assert_int_equal(event.len, 0xfffff);
    assert_int_equal(NsWsReceiverMemory(&receiver), 0xfffff);
    assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_NONE);
    assert_int_equal(NsWsReceiverMemory(&receiver), 0);
    assert_false(NsWsReceiverUnfinished(&receiver));
    NsWsReceiverFree(&receiver);
}

/* A bomb costs no more than the limit, and what zlib needs. */
static void
test_bomb(void **state)
{
    size_t       len = 64 << 20;
    uint8_t     *zeros = ns_calloc(1, len);
    NsWsReceiver receiver = server;
    NsWsEvent    event;
    Tcl_DString  bytes;
    size_t       packed, at = 0;

    (void)state;
    Tcl_DStringInit(&bytes);
    AddPacked(&bytes, 0x82, zeros, len);
    packed = (size_t)Tcl_DStringLength(&bytes);
    assert_in_range(packed, 1000, 100000);
    NsWsReceiverFeed(&receiver, Guard(Tcl_DStringValue(&bytes), packed), packed);
    assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_ERROR);
    assert_int_equal(event.code, 1009);
    NsWsReceiverFree(&receiver);
    /* piece by piece: as long as it is taken, within bounds */
    receiver = server;
    do {
        assert_in_range(NsWsReceiverMemory(&receiver), 0, (1 << 20) + 64 * 1024);
        NsWsReceiverFeed(&receiver, Guard(Tcl_DStringValue(&bytes) + at, 10), 10);
        at += 10;
    } while (NsWsReceiverNext(&receiver, &event) == NS_WS_EV_NONE);
    assert_int_equal(event.type, NS_WS_EV_ERROR);
    assert_int_equal(event.code, 1009);
    assert_in_range(at, 900, 1400);                           /* 1 MB of 64, at about 1:1000 */
    NsWsReceiverFree(&receiver);
    Tcl_DStringFree(&bytes);
    ns_free(zeros);
}

/* Blocks of which nothing comes out, without end. */
static void
test_compressed_nothing_has_an_end(void **state)
{
    NsWsReceiver receiver = server;
    NsWsEvent    event;
    uint8_t      frame[4 + 4 + 1000];
    size_t       fed = 0;

    (void)state;
    receiver.maxFragments = 0;
    receiver.maxMessage = 1000;
    do {
        memset(frame, 0, sizeof(frame));
        memcpy(frame, fed == 0 ? "\x42\xfe\x03\xe8" : "\x00\xfe\x03\xe8", 4);
        for (size_t i = 8; i < sizeof(frame); i += 5) {
            memcpy(frame + i, "\x00\x00\x00\xff\xff", 5);
        }
        NsWsReceiverFeed(&receiver, Guard(frame, sizeof(frame)), sizeof(frame));
        fed += 1000;
    } while (fed < 1000000 && NsWsReceiverNext(&receiver, &event) == NS_WS_EV_NONE);
    assert_int_equal(event.type, NS_WS_EV_ERROR);
    assert_int_equal(event.code, 1009);
    assert_in_range(fed, 2000, 70000);
    NsWsReceiverFree(&receiver);
}

/* An inflater is there while a compressed message is unfinished; with takeover it stays. */
static void
test_inflater_is_borrowed(void **state)
{
    for (int takeover = 0; takeover < 2; takeover++) {
        NsWsReceiver receiver = server;
        NsWsEvent    event;
        Tcl_DString  bytes;
        size_t       len;

        (void)state;
        receiver.takeover = takeover;
        Tcl_DStringInit(&bytes);
        AddPacked(&bytes, 0x81, "some text to be compressed", 26);
        len = (size_t)Tcl_DStringLength(&bytes);
        NsWsReceiverFeed(&receiver, Guard(Tcl_DStringValue(&bytes), 20), 20);
        assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_NONE);
        assert_in_range(NsWsReceiverMemory(&receiver), 7000, 50000);
        NsWsReceiverFeed(&receiver, Guard(Tcl_DStringValue(&bytes) + 20, len - 20), len - 20);
        assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_MESSAGE);
        assert_int_equal(event.len, 26);
        assert_memory_equal(event.data, "some text to be compressed", 26);
        assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_NONE);
        if (takeover) {
            assert_in_range(NsWsReceiverMemory(&receiver), 7000, 50000);
        } else {
            assert_int_equal(NsWsReceiverMemory(&receiver), 0);
        }
        Tcl_DStringFree(&bytes);
        NsWsReceiverFree(&receiver);
        assert_int_equal(NsWsReceiverMemory(&receiver), 0);
    }
}

static void
test_nothing_fed(void **state)
{
    NsWsReceiver receiver = server;
    NsWsEvent    event;

    (void)state;
    assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_NONE);
    assert_int_equal(event.type, NS_WS_EV_NONE);
    NsWsReceiverFeed(&receiver, NULL, 0);
    assert_int_equal(NsWsReceiverNext(&receiver, &event), NS_WS_EV_NONE);
    assert_false(NsWsReceiverUnfinished(&receiver));
    assert_int_equal(NsWsReceiverMemory(&receiver), 0);
    NsWsReceiverFree(&receiver);
}

/* As little as can be between two pauses, and after each event what is left is held, the feeder's memory given up. */
static void
RunHeld(const NsWsReceiver *config, const Tcl_DString *bytes, Tcl_DString *log, int *pauses)
{
    NsWsReceiver receiver = *config;
    NsWsEvent    event = {0};
    size_t       len = (size_t)Tcl_DStringLength(bytes);
    uint8_t     *data = ns_malloc(len);
    bool         more = true;

    Tcl_DStringInit(log);
    memcpy(data, Tcl_DStringValue(bytes), len);
    receiver.maxWork = 1;
    NsWsReceiverFeed(&receiver, data, len);
    while (more) {
        if (NsWsReceiverNext(&receiver, &event) != NS_WS_EV_NONE) {
            AddEvent(log, &event);
        } else {
            more = NsWsReceiverHasInput(&receiver);
            *pauses += more;
        }
        receiver.work = 0;
        NsWsReceiverHold(&receiver);
        if (data != NULL) {
            memset(data, 0x5a, len);
            ns_free(data);
            data = NULL;
        }
    }
    assert_null(receiver.held);
    NsWsReceiverFree(&receiver);
    assert_int_equal(NsWsReceiverMemory(&receiver), 0);
}

static void
test_pauses_change_nothing(void **state)
{
    static uint8_t noise[40000];
    NsWsReceiver   config = server;
    Tcl_DString    bytes, whole, held;
    uint32_t       x = 1;
    int            pauses = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(noise); i++) {
        x = x * 1664525 + 1013904223;
        noise[i] = (uint8_t)(x >> 24);
    }
    Tcl_DStringInit(&bytes);
    AddText(&bytes, 0x81, "first");
    AddPacked(&bytes, 0x82, noise, sizeof(noise));             /* many pieces */
    AddText(&bytes, 0x89, "ping");
    AddPacked(&bytes, 0x02, noise, 3000);                      /* its first fragment ... */
    AddText(&bytes, 0x89, "between");
    AddFrame(&bytes, 0x80, NULL, 0, mask);
    AddText(&bytes, 0x01, "unfin");
    AddText(&bytes, 0x80, "ished");
    AddText(&bytes, 0x81, "");
    AddPacked(&bytes, 0x82, noise, 100);
    AddText(&bytes, 0x88, "\x03\xe8" "bye");
    Run(&config, &bytes, 0, 0, &whole);
    RunHeld(&config, &bytes, &held, &pauses);
    assert_string_equal(Tcl_DStringValue(&held), Tcl_DStringValue(&whole));
    assert_non_null(strstr(Tcl_DStringValue(&whole), "close 8 1000"));
    assert_true(pauses > 35);
    Tcl_DStringFree(&held);
    Tcl_DStringFree(&whole);
    Tcl_DStringFree(&bytes);
}

/* A bomb of which nothing is over a limit pauses all the same: its megabytes are no one's turn. */
static void
test_pauses_within_a_message(void **state)
{
    NsWsReceiver receiver = server;
    NsWsEvent    event = {0};
    size_t       len = 16u << 20, before = 0, pauses = 0;
    uint8_t     *zeros = ns_calloc(1, len);
    Tcl_DString  bytes;

    (void)state;
    Tcl_DStringInit(&bytes);
    AddPacked(&bytes, 0x82, zeros, len);
    receiver.maxMessage = len;
    receiver.maxWork = 256 * 1024;
    NsWsReceiverFeed(&receiver, (uint8_t *)Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes));
    while (NsWsReceiverNext(&receiver, &event) == NS_WS_EV_NONE && NsWsReceiverHasInput(&receiver)) {
        assert_true(receiver.message.len - before <= receiver.maxWork + (1100u << 10));
        before = receiver.message.len;
        receiver.work = 0;
        pauses++;
    }
    assert_int_equal(event.type, NS_WS_EV_MESSAGE);
    assert_int_equal(event.len, len);
    assert_true(pauses >= 10);
    NsWsReceiverFree(&receiver);
    Tcl_DStringFree(&bytes);
    ns_free(zeros);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_the_rfc),
        cmocka_unit_test(test_compressed_examples_of_the_rfc),
        cmocka_unit_test(test_session_cut_anywhere),
        cmocka_unit_test(test_long_lengths),
        cmocka_unit_test(test_whole_frames_stay_in_place),
        cmocka_unit_test(test_violations),
        cmocka_unit_test(test_shortest_form),
        cmocka_unit_test(test_violations_against_a_client),
        cmocka_unit_test(test_wrong_text_fails_at_its_byte),
        cmocka_unit_test(test_wrong_text_fails_while_inflating),
        cmocka_unit_test(test_close_codes),
        cmocka_unit_test(test_close_reason),
        cmocka_unit_test(test_close_within_a_message),
        cmocka_unit_test(test_message_limit),
        cmocka_unit_test(test_control_frames_are_no_part_of_the_message),
        cmocka_unit_test(test_fragment_limit),
        cmocka_unit_test(test_memory_follows_what_arrives),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_compressed_nothing_has_an_end),
        cmocka_unit_test(test_inflater_is_borrowed),
        cmocka_unit_test(test_nothing_fed),
        cmocka_unit_test(test_pauses_change_nothing),
        cmocka_unit_test(test_pauses_within_a_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
