/* SPDX-License-Identifier: MPL-2.0 */
/*
 * CBOR: whatever comes in, it is a value that was all there, or an error.
 */
#include "fuzz.h"
#include "json/cbor.h"

#ifdef HAVE_CBOR
static Tcl_Obj *
Bytes(const void *arg, const unsigned char *bytes, size_t len)
{
    return Tcl_NewByteArrayObj(bytes, (int)len);
}
#endif

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
#ifdef HAVE_CBOR
    static bool    ready;
    unsigned char *bytes = FuzzCopy(data, size);
    const char    *error;
    size_t         used;
    Tcl_Obj       *value, *again;

    if (!ready) {
        Tcl_FindExecutable(NULL);
        ready = true;
    }
    value = NsCborToObj(bytes, size, Bytes, NULL, &used, &error);
    FUZZ_CHECK((value != NULL) == (error == NULL) && used <= size);
    if (value != NULL) {
        Tcl_IncrRefCount(value);
        (void)Tcl_GetString(value);
        for (size_t cut = used > 40 ? used - 40 : 0; cut < used; cut++) {
            size_t cutUsed;

            again = NsCborToObj(bytes, cut, Bytes, NULL, &cutUsed, &error);
            FUZZ_CHECK(again == NULL && strcmp(error, "CBOR truncated input") == 0);
        }
        Tcl_DecrRefCount(value);
    }
    free(bytes);
#else
    (void)data;
    (void)size;
#endif
    return 0;
}
