/* SPDX-License-Identifier: MPL-2.0 */
/*
 * CBOR as Tcl values: libcbor finds the items, one after the other; the open containers are on a stack here, so that a
 * few bytes that promise a huge array cost nothing.
 */
#ifdef HAVE_CBOR
#include <cbor.h>
#include <string.h>
#include "base/text.h"
#include "json/cbor.h"
#include "json/value.h"

typedef struct Level {
    bool      isMap;
    size_t    left;                            /* items that are to come */
    Tcl_Obj  *list;                            /* those that came, of a map keys and values in turn; with a reference */
} Level;

typedef struct Decoder {
    const unsigned char *bytes, *end;          /* the item that is read */
    NsCborBytesProc     *bytesProc;
    const void          *arg;
    Level                levels[NS_CBOR_DEPTH];
    size_t               depth;
    Tcl_Obj             *result;               /* with a reference; NULL: not complete */
    const char          *error;
} Decoder;

static void
Fail(Decoder *decoder, const char *why)
{
    if (decoder->error == NULL) {
        decoder->error = why;
    }
}

/* The container is complete: what it is, with the reference of its list.  NULL: it is none. */
static Tcl_Obj *
Closed(Decoder *decoder, const Level *level)
{
    Tcl_Obj  *obj = level->list, **words;
    int       count;

    if (level->isMap) {
        (void)Tcl_ListObjGetElements(NULL, level->list, &count, &words);
        obj = NsJsonNewDict(words, (size_t)count / 2);
        if (obj != NULL) {
            Tcl_IncrRefCount(obj);
        } else {
            Fail(decoder, "CBOR keys of a map collide");
        }
        Tcl_DecrRefCount(level->list);
    }
    return obj;
}

/* An item is complete: it is the result, or goes into its container, which may be complete then. */
static void
Complete(Decoder *decoder, Tcl_Obj *obj)
{
    Tcl_IncrRefCount(obj);
    while (decoder->depth > 0 && obj != NULL) {
        Level *level = &decoder->levels[decoder->depth - 1];

        Tcl_ListObjAppendElement(NULL, level->list, obj);
        Tcl_DecrRefCount(obj);
        if (--level->left > 0) {
            return;
        }
        obj = Closed(decoder, level);
        decoder->depth--;
    }
    decoder->result = obj;
}

static void
Begin(Decoder *decoder, bool isMap, uint64_t count)
{
    size_t left = (size_t)(decoder->end - decoder->bytes);

    if (count > left / (isMap ? 2u : 1u)) {    /* each item has a byte at least */
        Fail(decoder, "CBOR truncated input");
    } else if (decoder->depth == NS_CBOR_DEPTH) {
        Fail(decoder, "CBOR nesting too deep");
    } else if (count == 0) {
        Complete(decoder, isMap ? Tcl_NewDictObj() : Tcl_NewListObj(0, NULL));
    } else {
        Level *level = &decoder->levels[decoder->depth++];

        *level = (Level){isMap, (size_t)count * (isMap ? 2u : 1u), Tcl_NewListObj(0, NULL)};
        Tcl_IncrRefCount(level->list);
    }
}

/* ------------------------------------------------------------------------------------------- what libcbor calls */

static void
Unsigned(Decoder *decoder, uint64_t value)
{
    if (value > INT64_MAX) {
        Fail(decoder, "CBOR integer too large for Tcl wide int");
    } else {
        Complete(decoder, Tcl_NewWideIntObj((Tcl_WideInt)value));
    }
}

static void
Negative(Decoder *decoder, uint64_t value)     /* it stands for -1 - value */
{
    if (value > INT64_MAX) {
        Fail(decoder, "CBOR negative integer too small for Tcl wide int");
    } else {
        Complete(decoder, Tcl_NewWideIntObj(-1 - (Tcl_WideInt)value));
    }
}

static void OnUint8(void *arg, uint8_t value)    { Unsigned(arg, value); }
static void OnUint16(void *arg, uint16_t value)  { Unsigned(arg, value); }
static void OnUint32(void *arg, uint32_t value)  { Unsigned(arg, value); }
static void OnUint64(void *arg, uint64_t value)  { Unsigned(arg, value); }
static void OnNegint8(void *arg, uint8_t value)  { Negative(arg, value); }
static void OnNegint16(void *arg, uint16_t value) { Negative(arg, value); }
static void OnNegint32(void *arg, uint32_t value) { Negative(arg, value); }
static void OnNegint64(void *arg, uint64_t value) { Negative(arg, value); }
static void OnArray(void *arg, size_t count)     { Begin(arg, false, count); }
static void OnMap(void *arg, size_t count)       { Begin(arg, true, count); }
static void OnBoolean(void *arg, bool value)     { Complete(arg, Tcl_NewIntObj(value)); }
static void OnEmpty(void *arg)                   { Complete(arg, Tcl_NewObj()); }
static void OnIndefinite(void *arg)              { Fail(arg, "CBOR indefinite-length items not supported"); }
static void OnBreak(void *arg)                   { Fail(arg, "CBOR simple/float value not supported"); }
static void OnFloat(void *arg, float value)      { OnBreak(arg); }
static void OnDouble(void *arg, double value)    { OnBreak(arg); }
static void OnTag(void *arg, uint64_t value)     { Fail(arg, "CBOR tags not supported"); }

static void
OnBytes(void *arg, cbor_data bytes, size_t len)
{
    Decoder *decoder = arg;

    Complete(decoder, decoder->bytesProc(decoder->arg, bytes, len));
}

static void
OnText(void *arg, cbor_data bytes, size_t len)
{
    if (NsTextIsUtf8((const char *)bytes, len)) {
        Complete(arg, NsTextObj((const char *)bytes, (ssize_t)len));
    } else {
        Fail(arg, "CBOR text is not UTF-8");
    }
}

static const struct cbor_callbacks callbacks = {
    .uint8 = OnUint8, .uint16 = OnUint16, .uint32 = OnUint32, .uint64 = OnUint64,
    .negint8 = OnNegint8, .negint16 = OnNegint16, .negint32 = OnNegint32, .negint64 = OnNegint64,
    .byte_string_start = OnIndefinite, .byte_string = OnBytes, .string = OnText, .string_start = OnIndefinite,
    .indef_array_start = OnIndefinite, .array_start = OnArray, .indef_map_start = OnIndefinite, .map_start = OnMap,
    .tag = OnTag, .float2 = OnFloat, .float4 = OnFloat, .float8 = OnDouble,
    .undefined = OnEmpty, .null = OnEmpty, .boolean = OnBoolean, .indef_break = OnBreak
};

/* ------------------------------------------------------------------------------------------------------------------ */

/* One item, or the head of a container. */
static void
Step(Decoder *decoder)
{
    size_t                     left = (size_t)(decoder->end - decoder->bytes);
    const unsigned char       *head = decoder->bytes;
    struct cbor_decoder_result result;

    decoder->bytes++;                          /* what Begin sees behind the head, at most */
    result = cbor_stream_decode(head, left, &callbacks, decoder);
    if (result.status == CBOR_DECODER_FINISHED) {
        decoder->bytes = head + result.read;
    } else if (result.status == CBOR_DECODER_NEDATA) {
        Fail(decoder, "CBOR truncated input");
    } else {
        Fail(decoder, *head >> 5 == 7 ? "CBOR simple/float value not supported" : "CBOR invalid additional-info");
    }
}

Tcl_Obj *
NsCborToObj(const unsigned char *bytes, size_t len, NsCborBytesProc *bytesProc, const void *arg, size_t *used, const char **error)
{
    Decoder decoder = {.bytes = bytes, .end = bytes + len, .bytesProc = bytesProc, .arg = arg};

    while (decoder.result == NULL && decoder.error == NULL) {
        if (decoder.bytes == decoder.end) {
            Fail(&decoder, "CBOR truncated input");
        } else {
            Step(&decoder);
        }
    }
    while (decoder.depth > 0) {                /* what is left of a broken one */
        Tcl_DecrRefCount(decoder.levels[--decoder.depth].list);
    }
    if (decoder.error != NULL && decoder.result != NULL) {
        Tcl_DecrRefCount(decoder.result);
        decoder.result = NULL;
    }
    if (decoder.result != NULL) {
        decoder.result->refCount--;            /* the caller's, without a reference */
    }
    *used = (size_t)(decoder.bytes - bytes);
    *error = decoder.error;
    return decoder.result;
}
#endif
