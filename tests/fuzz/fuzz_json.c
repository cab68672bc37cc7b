/* SPDX-License-Identifier: MPL-2.0 */
/*
 * JSON: whatever comes in, what is accepted is the same when it is written and read again, laid out too; it is as its own
 * schema says; and each way of reading it says the same.
 */
#include "fuzz.h"
#include "base/text.h"
#include "json/flat.h"
#include "json/schema.h"
#include "json/write.h"

static const NsJsonOptions options = {.maxDepth = 200};

/* The triples of text inside, with a reference. */
static Tcl_Obj *
Read(const char *text, size_t len)
{
    Tcl_DString ds;
    NsJsonError error;
    size_t      used;
    const char *bytes;
    Tcl_Obj    *triples;

    Tcl_DStringInit(&ds);
    bytes = NsTextOut(&ds, text, len, &len);
    triples = NsJsonToObj(bytes, len, &options, NS_JSON_AS_TRIPLES, NULL, &used, &error);
    FUZZ_CHECK(triples != NULL && used == len);
    Tcl_IncrRefCount(triples);
    Tcl_DStringFree(&ds);
    return triples;
}

static void
CheckSame(Tcl_Obj *triples, const Tcl_DString *json)
{
    Tcl_Obj *again = Read(Tcl_DStringValue(json), (size_t)Tcl_DStringLength(json));

    FUZZ_CHECK(strcmp(Tcl_GetString(again), Tcl_GetString(triples)) == 0);
    Tcl_DecrRefCount(again);
}

static void
CheckWriting(Tcl_Obj *triples)
{
    NsJsonType  type;
    Tcl_Obj    *value;
    Tcl_DString json, pretty;

    Tcl_DStringInit(&json);
    Tcl_DStringInit(&pretty);
    FUZZ_CHECK(NsJsonIsDocument(triples, &type, &value));
    FUZZ_CHECK(NsJsonAppendTyped(NULL, "fuzz", &json, type, value) == TCL_OK);
    CheckSame(triples, &json);
    NsJsonAppendPretty(&pretty, Tcl_DStringValue(&json), (size_t)Tcl_DStringLength(&json));
    CheckSame(triples, &pretty);
    Tcl_DStringFree(&pretty);
    Tcl_DStringFree(&json);
}

static void
CheckSchema(Tcl_Interp *interp, Tcl_Obj *triples)
{
    Tcl_DString json;
    Tcl_Obj    *schema;

    Tcl_DStringInit(&json);
    FUZZ_CHECK(NsJsonAppendSchema(interp, "fuzz", &json, 1, &triples, true) == TCL_OK);
    /* A schema is a few levels deeper than what it describes. */
    if (Tcl_DStringLength(&json) < 5000) {
        schema = Read(Tcl_DStringValue(&json), (size_t)Tcl_DStringLength(&json));
        FUZZ_CHECK(NsJsonMatch(interp, schema, triples, false) == TCL_OK);
        Tcl_DecrRefCount(schema);
    }
    Tcl_DStringFree(&json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Tcl_Interp *interp;
    char              *bytes = FuzzCopy(data, size);
    NsJsonError        error;
    size_t             used, valueUsed, setUsed;
    Tcl_Obj           *triples, *value;
    Ns_Set            *set = Ns_SetCreate("fuzz");
    bool               good;

    if (interp == NULL) {
        Tcl_FindExecutable(NULL);
        interp = Tcl_CreateInterp();
    }
    triples = NsJsonToObj(bytes, size, &options, NS_JSON_AS_TRIPLES, NULL, &used, &error);
    value = NsJsonToObj(bytes, size, &options, NS_JSON_AS_VALUE, NULL, &valueUsed, &error);
    good = NsJsonToSet(set, bytes, size, &options, "", 0, &setUsed, &error);
    FUZZ_CHECK((triples != NULL) == (value != NULL) && used == valueUsed && used <= size);
    /* Names of a set may be too long in all for the text. */
    FUZZ_CHECK((!good && strncmp(error.text, "more than", 9) == 0) || ((triples != NULL) == good && used == setUsed));
    FUZZ_CHECK(good || error.at <= size);
    if (triples != NULL) {
        Tcl_IncrRefCount(triples);
        Tcl_IncrRefCount(value);
        (void)Tcl_GetString(value);
        CheckWriting(triples);
        CheckSchema(interp, triples);
        Tcl_DecrRefCount(value);
        Tcl_DecrRefCount(triples);
    }
    Ns_SetFree(set);
    free(bytes);
    return 0;
}
