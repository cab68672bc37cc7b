/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What strangers' servers send: an answer's bytes, at once and in pieces, must give the same head, body and end.  The first byte says
 * whether it is the answer to HEAD, and whether the limits are those of ns_http or small ones.
 */
#include "fuzz.h"
#include "http/head.h"
#include "http/response.h"

static const NsResponseLimits small = {.maxHead = 300, .maxHeaders = 10}, large = {.maxHead = 256 * 1024, .maxHeaders = 256 * 1024};

static void
AppendHead(Tcl_DString *ds, const NsResponseHead *head)
{
    char numbers[160];

    FUZZ_CHECK(head->status >= 100 && head->status <= 999);
    FUZZ_CHECK(head->status >= 200 || head->status == 101);    /* interim answers are skipped */
    FUZZ_CHECK(!(head->chunked && head->length >= 0) && !(head->chunked && head->untilClose));
    FUZZ_CHECK(!(head->keepAlive && head->untilClose));
    FUZZ_CHECK(head->length >= -1);
    snprintf(numbers, sizeof(numbers), "%d %.1f %d %d %d %d %lld\n", head->status, head->version, head->chunked, head->empty,
             head->untilClose, head->keepAlive, (long long)head->length);
    Tcl_DStringAppend(ds, numbers, -1);
    Tcl_DStringAppend(ds, head->reason, -1);
    for (size_t i = 0; i < Ns_SetSize(head->headers); i++) {
        const char *name = Ns_SetKey(head->headers, i), *value = Ns_SetValue(head->headers, i);

        FUZZ_CHECK(NsHttpTokenValid(name, strlen(name)) && NsHttpValueValid(value, strlen(value)));
        Tcl_DStringAppend(ds, "\n", 1);
        Tcl_DStringAppend(ds, name, -1);
        Tcl_DStringAppend(ds, ": ", 2);
        Tcl_DStringAppend(ds, value, -1);
    }
    Tcl_DStringAppend(ds, "\n\n", 2);
}

/* Feed a piece; false: it has come to an end, good or bad. */
static bool
FeedPiece(NsResponseParser *parser, const char *data, size_t size, Tcl_DString *ds, size_t *taken)
{
    NsResponseResult result = NS_RESPONSE_MORE;
    size_t           at = 0, consumed;

    do {
        NsSpan body = {NULL, 0};

        result = NsResponseFeed(parser, data + at, size - at, &consumed, &body);
        FUZZ_CHECK(consumed <= size - at);
        if (result == NS_RESPONSE_HEAD) {
            AppendHead(ds, NsResponseGetHead(parser));
        } else if (result == NS_RESPONSE_BODY) {
            FUZZ_CHECK(body.len > 0 && body.start >= data + at && body.start + body.len <= data + at + consumed);
            FUZZ_CHECK(NsResponseGetHead(parser) != NULL && !NsResponseGetHead(parser)->empty);
            Tcl_DStringAppend(ds, body.start, (int)body.len);
        }
        at += consumed;
    } while (result == NS_RESPONSE_HEAD || result == NS_RESPONSE_BODY);
    FUZZ_CHECK(result != NS_RESPONSE_MORE || at == size);
    FUZZ_CHECK((result == NS_RESPONSE_ERROR) == (*NsResponseError(parser) != '\0'));
    *taken += at;
    return result == NS_RESPONSE_MORE;
}

/* All of it, in pieces as `seed` has them (0: at once), then the end of the connection; the outcome as text. */
static void
Run(const uint8_t *data, size_t size, uint64_t seed, const NsResponseLimits *limits, bool noBody, Tcl_DString *ds)
{
    NsResponseParser *parser = NsResponseParserCreate(limits, noBody);
    size_t            at = 0, taken = 0;
    bool              more = true;
    char              end[160];

    while (more && at < size) {
        size_t piece = seed != 0 ? FuzzPiece(&seed, size - at) : size;
        char  *copy = FuzzCopy(data + at, piece);

        more = FeedPiece(parser, copy, piece, ds, &taken);
        free(copy);
        at += piece;
    }
    FUZZ_CHECK(NsResponseStarted(parser) == (size > 0));
    snprintf(end, sizeof(end), "\nend %d %s", more ? (int)NsResponseEnd(parser) : -1, NsResponseError(parser));
    Tcl_DStringAppend(ds, end, -1);
    if (*NsResponseError(parser) == '\0') {
        snprintf(end, sizeof(end), " %zu", taken);             /* bytes behind an answer are left */
        Tcl_DStringAppend(ds, end, -1);
    }
    if (NsResponseGetHead(parser) != NULL) {
        Ns_Set *headers = NsResponseTakeHeaders(parser);

        FUZZ_CHECK(headers != NULL && NsResponseTakeHeaders(parser) == NULL);
        snprintf(end, sizeof(end), " %zu fields", Ns_SetSize(headers));        /* with trailers */
        Tcl_DStringAppend(ds, end, -1);
        Ns_SetFree(headers);
    }
    NsResponseParserFree(parser);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        const NsResponseLimits *limits = (data[0] & 2) != 0 ? &small : &large;
        bool                    noBody = (data[0] & 1) != 0;
        Tcl_DString             whole, pieces;

        Tcl_DStringInit(&whole);
        Tcl_DStringInit(&pieces);
        Run(data + 1, size - 1, 0, limits, noBody, &whole);
        Run(data + 1, size - 1, FuzzSeed(data, size), limits, noBody, &pieces);
        FUZZ_CHECK(Tcl_DStringLength(&whole) == Tcl_DStringLength(&pieces)
                   && memcmp(Tcl_DStringValue(&whole), Tcl_DStringValue(&pieces), (size_t)Tcl_DStringLength(&whole)) == 0);
        Tcl_DStringFree(&whole);
        Tcl_DStringFree(&pieces);
    }
    return 0;
}
