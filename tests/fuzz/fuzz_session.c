/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket sessions: the first four bytes choose the configuration, the rest is what a peer sends.  Events do not
 * depend on how the bytes are cut; what is said of them in receiver.h holds; memory stays within the limits.
 */
#include "fuzz.h"
#include "ns.h"
#include "ws/receiver.h"

#define CONFIG_LEN 4
#define INFLATER   (48 << 10)                  /* more than one needs */

/* The events, for comparison; and whether the compressed data was at fault. */
typedef struct Record {
    Tcl_DString events;
    bool        ended, badData, unfinished;
} Record;

static NsWsReceiver
Configure(const uint8_t *config)
{
    static const uint64_t limits[] = {0, 1, 10, 125, 126, 1000, 4096, 70000};

    return (NsWsReceiver){
        .rule = (NsWsMaskRule)(config[0] % 3), .deflate = (config[0] & 0x80) != 0, .takeover = (config[0] & 0x40) != 0,
        .maxMessage = limits[config[1] % 8], .maxFragments = config[2] % 9, .bits = (uint8_t)(15 - config[3] % 8),
    };
}

static void
CheckEvent(const NsWsReceiver *receiver, const NsWsEvent *event, Record *record)
{
    FUZZ_CHECK(!record->ended);
    FUZZ_CHECK(event->len == 0 || event->data != NULL);
    switch (event->type) {
    case NS_WS_EV_MESSAGE:
        FUZZ_CHECK(event->opcode == NS_WS_TEXT || event->opcode == NS_WS_BINARY);
        FUZZ_CHECK(event->len <= receiver->maxMessage);
        FUZZ_CHECK(event->opcode != NS_WS_TEXT || NsUtf8Valid(event->data, event->len));
        break;
    case NS_WS_EV_PING:
    case NS_WS_EV_PONG:
        FUZZ_CHECK(event->len <= 125);
        break;
    case NS_WS_EV_CLOSE:
        FUZZ_CHECK(event->code == 1005 ? event->len == 0 : NsWsCloseCodeValid(event->code));
        FUZZ_CHECK(event->len <= 123 && NsUtf8Valid(event->data, event->len));
        record->ended = true;
        break;
    case NS_WS_EV_ERROR:
        FUZZ_CHECK(event->code == 1002 || event->code == 1007 || event->code == 1008 || event->code == 1009);
        FUZZ_CHECK(event->reason != NULL);
        FUZZ_CHECK(NsWsReceiverMemory(receiver) == 0);
        record->badData = strcmp(event->reason, "invalid compressed data") == 0;
        record->ended = true;
        break;
    default:
        FUZZ_CHECK(false);
    }
}

static void
AddEvent(Record *record, const NsWsEvent *event)
{
    char line[120];

    snprintf(line, sizeof(line), "\n%d %d %d %zu %s ", (int)event->type, event->opcode, event->code, event->len,
             event->reason != NULL ? event->reason : "");
    Tcl_DStringAppend(&record->events, line, -1);
    if (event->len > 0) {
        Tcl_DStringAppend(&record->events, (const char *)event->data, (int)event->len);
    }
}

/* Memory that is copied, so that the sanitizer sees a byte too far, and that what was fed is not looked at later. */
static void
FeedPiece(NsWsReceiver *receiver, const uint8_t *data, size_t len, Record *record)
{
    uint8_t  *copy = FuzzCopy(data, len);
    NsWsEvent event;

    NsWsReceiverFeed(receiver, copy, len);
    while (NsWsReceiverNext(receiver, &event) != NS_WS_EV_NONE) {
        CheckEvent(receiver, &event, record);
        AddEvent(record, &event);
    }
    FUZZ_CHECK(event.type == NS_WS_EV_NONE);
    FUZZ_CHECK(NsWsReceiverMemory(receiver) <= 2 * receiver->maxMessage + 512 + INFLATER);
    FUZZ_CHECK(NsWsReceiverUnfinished(receiver) || receiver->inflater != NULL || NsWsReceiverMemory(receiver) == 0);
    free(copy);
}

/* `step` 0: all at once; else pieces of up to that size. */
static void
Run(const uint8_t *config, const uint8_t *data, size_t len, size_t step, Record *record)
{
    NsWsReceiver receiver = Configure(config);
    uint64_t     seed = FuzzSeed(data, len);

    memset(record, 0, sizeof(*record));
    Tcl_DStringInit(&record->events);
    for (size_t at = 0; at < len;) {
        size_t piece = step == 0 ? len : step == 1 ? 1 : FuzzPiece(&seed, len - at);

        FeedPiece(&receiver, data + at, piece, record);
        at += piece;
    }
    record->unfinished = NsWsReceiverUnfinished(&receiver);
    FUZZ_CHECK(!record->ended || !record->unfinished);
    NsWsReceiverFree(&receiver);
    FUZZ_CHECK(NsWsReceiverMemory(&receiver) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Record whole;

    if (size < CONFIG_LEN) {
        return 0;
    }
    Run(data, data + CONFIG_LEN, size - CONFIG_LEN, 0, &whole);
    for (size_t step = 1; step < 3; step++) {
        Record pieces;

        Run(data, data + CONFIG_LEN, size - CONFIG_LEN, step, &pieces);
        /*
         * zlib finds a distance that is beyond a small window only when the bytes are not in its output any more:
         * whether such a message is taken depends on the cuts.
         */
        if (data[3] % 8 == 0 || (!whole.badData && !pieces.badData)) {
            FUZZ_CHECK(Tcl_DStringLength(&whole.events) == Tcl_DStringLength(&pieces.events));
            FUZZ_CHECK(memcmp(Tcl_DStringValue(&whole.events), Tcl_DStringValue(&pieces.events),
                              (size_t)Tcl_DStringLength(&whole.events)) == 0);
            FUZZ_CHECK(whole.unfinished == pieces.unfinished);
        }
        Tcl_DStringFree(&pieces.events);
    }
    Tcl_DStringFree(&whole.events);
    return 0;
}
