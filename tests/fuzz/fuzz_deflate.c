/* SPDX-License-Identifier: MPL-2.0 */
/*
 * permessage-deflate.  The first byte chooses: what follows is a header of offers or of an answer, compressed data of
 * a hostile peer, or messages (cut where the bytes say so) that go through a deflater and an inflater and must come
 * back.
 */
#include "fuzz.h"
#include "ns.h"
#include "ws/deflate.h"

static NsWsDeflateConfig
Configure(uint8_t byte)
{
    return (NsWsDeflateConfig){
        .enabled = true, .takeover = (byte & 1) != 0, .peerTakeover = (byte & 2) != 0, .level = 6,
        .bits = (uint8_t)(8 + (byte >> 2 & 7)), .peerBits = (uint8_t)(8 + (byte >> 5)),
    };
}

static void
CheckParams(const NsWsDeflateParams *params)
{
    if (params->enabled) {
        FUZZ_CHECK(params->serverBits >= 8 && params->serverBits <= 15);
        FUZZ_CHECK(params->clientBits >= 8 && params->clientBits <= 15);
    } else {
        FUZZ_CHECK(params->serverBits == 0 && params->clientBits == 0);
    }
}

static char *
CopyText(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    FUZZ_CHECK(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* Our answer to any offer is one that a client with a free choice takes in the same sense. */
static void
FuzzOffers(uint8_t choice, const uint8_t *data, size_t size)
{
    NsWsDeflateConfig config = Configure(choice);
    NsWsDeflateConfig any = {.enabled = true, .takeover = true, .peerTakeover = true, .bits = 15};
    NsWsDeflateParams params, back;
    char             *offers = CopyText(data, size);
    Tcl_DString       answer;
    const char       *reason = NULL;

    Tcl_DStringInit(&answer);
    if (!NsWsDeflateNegotiate(offers, &config, &params, &answer)) {
        FUZZ_CHECK(!params.enabled);
    }
    CheckParams(&params);
    FUZZ_CHECK(params.enabled == (Tcl_DStringLength(&answer) > 0));
    FUZZ_CHECK(NsWsDeflateAccept(Tcl_DStringValue(&answer), &any, &back, &reason));
    FUZZ_CHECK(back.enabled == params.enabled);
    if (params.enabled) {
        FUZZ_CHECK(back.serverBits == params.serverBits && back.serverNoTakeover == params.serverNoTakeover);
        FUZZ_CHECK(back.clientNoTakeover == params.clientNoTakeover && back.clientBits == params.clientBits);
        FUZZ_CHECK(params.serverBits <= config.bits && (config.takeover || params.serverNoTakeover));
        FUZZ_CHECK(config.peerTakeover || params.clientNoTakeover);
    }
    Tcl_DStringFree(&answer);
    free(offers);
}

static void
FuzzAnswer(uint8_t choice, const uint8_t *data, size_t size)
{
    NsWsDeflateConfig config = Configure(choice);
    NsWsDeflateParams params;
    char             *answer = CopyText(data, size);
    const char       *reason = "unset";

    if (NsWsDeflateAccept(answer, &config, &params, &reason)) {
        FUZZ_CHECK(reason == NULL);
        CheckParams(&params);
        if (params.enabled) {
            FUZZ_CHECK(params.clientBits <= config.bits && params.serverBits <= config.peerBits);
            FUZZ_CHECK(config.takeover || params.clientNoTakeover);
        }
    } else {
        FUZZ_CHECK(reason != NULL && strcmp(reason, "unset") != 0 && !params.enabled);
    }
    free(answer);
}

/* Any bytes: inflated at once and byte by byte they give the same. */
static void
FuzzInflate(uint8_t choice, const uint8_t *data, size_t size)
{
    NsWsInflater     *whole = NsWsInflaterCreate(15), *pieces = NsWsInflaterCreate(15);
    NsWsBytes         wholeOut = {0}, piecesOut = {0};
    size_t            limit = (size_t)1 << (choice % 20);
    uint8_t          *copy = FuzzCopy(data, size);
    NsWsInflateResult first = NsWsInflate(whole, copy, size, limit, &wholeOut), second = NS_WS_INFLATE_OK;

    for (size_t i = 0; i < size && second == NS_WS_INFLATE_OK; i++) {
        second = NsWsInflate(pieces, copy + i, 1, limit, &piecesOut);
    }
    FUZZ_CHECK(first == second);
    if (first == NS_WS_INFLATE_OK) {
        FUZZ_CHECK(NsWsInflateEnd(whole, true, limit, &wholeOut) == NsWsInflateEnd(pieces, true, limit, &piecesOut));
    }
    FUZZ_CHECK(wholeOut.len == piecesOut.len && wholeOut.len <= limit && wholeOut.size <= limit + 1 + 256);
    FUZZ_CHECK(wholeOut.len == 0 || memcmp(wholeOut.data, piecesOut.data, wholeOut.len) == 0);
    NsWsBytesFree(&wholeOut);
    NsWsBytesFree(&piecesOut);
    NsWsInflaterFree(whole);
    NsWsInflaterFree(pieces);
    free(copy);
}

static void
FuzzRoundTrip(uint8_t choice, const uint8_t *data, size_t size)
{
    int           bits = 8 + choice % 8;
    bool          takeover = (choice & 8) != 0;
    NsWsDeflater *deflater = NsWsDeflaterCreate(bits, 1 + (choice >> 4) % 9);
    NsWsInflater *inflater = NsWsInflaterCreate(bits);
    uint64_t      seed = FuzzSeed(data, size);

    for (size_t at = 0; at < size;) {
        size_t    len = FuzzPiece(&seed, size - at);
        NsWsBytes packed = {0}, out = {0};

        len -= (data[at] & 15) == 0 ? len : 0;                /* an empty message at times */
        FUZZ_CHECK(NsWsDeflate(deflater, data + at, len, &packed));
        FUZZ_CHECK(packed.len > 0);
        for (size_t i = 0; i < packed.len; i++) {
            FUZZ_CHECK(NsWsInflate(inflater, packed.data + i, 1, len, &out) == NS_WS_INFLATE_OK);
        }
        FUZZ_CHECK(NsWsInflateEnd(inflater, takeover, len, &out) == NS_WS_INFLATE_OK);
        FUZZ_CHECK(out.len == len && (len == 0 || memcmp(out.data, data + at, len) == 0));
        if (!takeover) {
            NsWsDeflaterReset(deflater);
        }
        NsWsBytesFree(&packed);
        NsWsBytesFree(&out);
        at += len > 0 ? len : 1;
    }
    NsWsDeflaterFree(deflater);
    NsWsInflaterFree(inflater);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const parts[])(uint8_t, const uint8_t *, size_t) = {
        FuzzOffers, FuzzAnswer, FuzzInflate, FuzzRoundTrip,
    };

    if (size >= 2) {
        parts[data[0] % 4](data[1], data + 2, size - 2);
    }
    return 0;
}
