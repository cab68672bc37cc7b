/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Text inside and bytes outside: whatever comes in is text that Tcl can walk, goes out as UTF-8, and comes in again as
 * the same text; what was UTF-8 goes out as it came.
 */
#include "fuzz.h"
#include "base/text.h"

/* The inside form: one to three bytes each, no NUL, surrogates in pairs only. */
static void
CheckInside(const unsigned char *p, size_t len)
{
    const unsigned char *end = p + len;
    bool                 half = false;

    while (p < end) {
        size_t   n = *p < 0x80u ? 1 : *p < 0xe0u ? 2 : 3;
        unsigned unit;

        FUZZ_CHECK(*p != 0 && (*p < 0x80u || *p >= 0xc0u) && *p < 0xf0u && (size_t)(end - p) >= n);
        for (size_t i = 1; i < n; i++) {
            FUZZ_CHECK((p[i] & 0xc0u) == 0x80u);
        }
        unit = n == 3 ? (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu) : 0;
        FUZZ_CHECK(half == (unit >= 0xdc00u && unit <= 0xdfffu));
        half = unit >= 0xd800u && unit <= 0xdbffu;
        p += n;
    }
    FUZZ_CHECK(!half);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char       *bytes = FuzzCopy(data, size);
    Tcl_DString inDs, outDs, againDs, rawDs;
    size_t      inLen, outLen, againLen, rawLen;
    const char *in, *out, *again;

    Tcl_DStringInit(&inDs);
    Tcl_DStringInit(&outDs);
    Tcl_DStringInit(&againDs);
    Tcl_DStringInit(&rawDs);
    in = NsTextIn(&inDs, bytes, size, &inLen);
    CheckInside((const unsigned char *)in, inLen);
    out = NsTextOut(&outDs, in, inLen, &outLen);
    FUZZ_CHECK(NsTextIsUtf8(out, outLen));
    if (NsTextIsUtf8(bytes, size)) {
        FUZZ_CHECK(outLen == size && (size == 0 || memcmp(out, bytes, size) == 0));
    }
    again = NsTextIn(&againDs, out, outLen, &againLen);
    FUZZ_CHECK(againLen == inLen && (inLen == 0 || memcmp(again, in, inLen) == 0));
    /* Bytes that are no text do no harm on the way out. */
    (void)NsTextOut(&rawDs, bytes, size, &rawLen);
    FUZZ_CHECK(rawLen <= size);
    Tcl_DStringFree(&rawDs);
    Tcl_DStringFree(&againDs);
    Tcl_DStringFree(&outDs);
    Tcl_DStringFree(&inDs);
    free(bytes);
    return 0;
}
