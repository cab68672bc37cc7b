/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The JSON parser and writer: the table of tests/json/cases.tsv, what is said of faults and where, limits, the values that are
 * made of it, and that what is written is read again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "guard.h"
#include "base/text.h"
#include "json/flat.h"
#include "json/triples.h"
#include "json/write.h"

static const NsJsonOptions any = {.maxDepth = NS_JSON_DEPTH};

/* ------------------------------------------------------------------------------------------------- events as a text */

typedef struct Trace {
    char   text[4000];
    size_t len;
    int    events, last;                       /* the event that ends the parse; 0: none does */
    bool   longer;                             /* than there is room for */
} Trace;

static bool
Note(Trace *trace, const char *what, const char *text, size_t len)
{
    int room = (int)(sizeof(trace->text) - trace->len), n;

    n = snprintf(trace->text + trace->len, (size_t)room, "%s%.*s ", what, (int)len, text);
    if (n < room) {
        trace->len += (size_t)n;
    } else {
        trace->longer = true;
    }
    return ++trace->events != trace->last;
}

static bool
Begin(void *arg, NsJsonType type)
{
    return Note(arg, type == NS_JSON_OBJECT ? "{" : "[", "", 0);
}

static bool
End(void *arg, NsJsonType type, size_t count)
{
    char number[24];

    return Note(arg, type == NS_JSON_OBJECT ? "}" : "]", number, (size_t)snprintf(number, sizeof(number), "%zu", count));
}

static bool
Key(void *arg, const char *text, size_t len)
{
    return Note(arg, "k:", text, len);
}

static bool
Scalar(void *arg, NsJsonType type, const char *text, size_t len)
{
    static const char *const marks[] = {"s:", "n:", "b:", "0:"};

    return Note(arg, marks[type], text, len);
}

static const NsJsonHandler tracer = {Begin, End, Key, Scalar};

/* The events, then where it ended; or the fault. */
static const char *
Events(const char *text, size_t len, const NsJsonOptions *options)
{
    static Trace trace;
    NsJsonError  error;
    size_t       used;
    int          n;

    memset(&trace, 0, sizeof(trace));
    if (NsJsonParse(Guard(text, len), len, options, &tracer, &trace, &used, &error)) {
        n = snprintf(trace.text + trace.len, sizeof(trace.text) - trace.len, "@%zu", used);
    } else {
        n = snprintf(trace.text, sizeof(trace.text), "%zu: %s", error.at, error.text);
    }
    assert_true(n > 0);
    return trace.text;
}

static void
Check(const char *text, const char *expected, const NsJsonOptions *options)
{
    const char *got = Events(text, strlen(text), options);

    if (strcmp(got, expected) != 0) {
        print_error("of %s\n", text);
    }
    assert_string_equal(got, expected);
}

/* -------------------------------------------------------------------------------------------------------- the table */

static size_t
Unescaped(char *text)
{
    char    *to = text;
    unsigned byte;

    for (const char *from = text; *from != '\0'; ) {
        if (from[0] == '\\' && from[1] == 'x' && sscanf(from + 2, "%2x", &byte) == 1) {
            *to++ = (char)byte;
            from += 4;
        } else {
            from += *from == '\\';
            *to++ = *from++;
        }
    }
    return (size_t)(to - text);
}

static bool
IsJson(const char *text, size_t len)
{
    static Trace trace;
    NsJsonError  error;
    size_t       used;

    memset(&trace, 0, sizeof(trace));
    return NsJsonParse(text, len, &any, &tracer, &trace, &used, &error) && NsJsonSkipBlanks(text, len, used) == len;
}

/* The triples of an accepted text, written and read again, are the same. */
static void
CheckRoundTrip(const char *text, size_t len)
{
    NsJsonError error;
    size_t      used;
    Tcl_Obj    *triples = NsJsonToObj(text, len, &any, NS_JSON_AS_TRIPLES, NULL, &used, &error), *again, *value;
    NsJsonType  type;
    Tcl_DString ds;

    assert_non_null(triples);
    Tcl_IncrRefCount(triples);
    assert_true(NsJsonIsDocument(triples, &type, &value));
    Tcl_DStringInit(&ds);
    assert_int_equal(NsJsonAppendTyped(NULL, "test", &ds, type, value), TCL_OK);
    /* What is written is text inside. */
    again = Tcl_NewStringObj(Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
    Tcl_DStringInit(&ds);
    text = NsTextOut(&ds, Tcl_GetString(again), (size_t)again->length, &len);
    value = NsJsonToObj(text, len, &any, NS_JSON_AS_TRIPLES, NULL, &used, &error);
    assert_non_null(value);
    Tcl_IncrRefCount(value);
    assert_string_equal(Tcl_GetString(value), Tcl_GetString(triples));
    Tcl_DecrRefCount(value);
    Tcl_DecrRefCount(again);
    Tcl_DecrRefCount(triples);
    Tcl_DStringFree(&ds);
}

static void
table_is_answered(void **state)
{
    FILE *file = fopen("tests/json/cases.tsv", "r");
    char  line[4000], *name, *text;
    int   cases = 0, wrong = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        bool   accepted, expected;
        size_t len;

        if (line[0] == '#') {
            continue;
        }
        line[strcspn(line, "\n")] = '\0';
        name = strchr(line, '\t');
        assert_non_null(name);
        *name++ = '\0';
        text = strchr(name, '\t');
        assert_non_null(text);
        *text++ = '\0';
        len = Unescaped(text);
        text = Guard(text, len);
        expected = strcmp(line, "accept") == 0 || strcmp(line, "either-accept") == 0;
        assert_true(expected || strcmp(line, "reject") == 0 || strcmp(line, "either-reject") == 0);
        accepted = IsJson(text, len);
        if (accepted != expected) {
            print_error("%s: %s, but %s\n", name, line, accepted ? "accepted" : "rejected");
            wrong++;
        } else if (accepted) {
            CheckRoundTrip(text, len);
        }
        cases++;
    }
    fclose(file);
    assert_true(cases >= 300);
    assert_int_equal(wrong, 0);
}

/* ----------------------------------------------------------------------------------------------------------- parser */

static void
events_come_in_order(void **state)
{
    Check("{\"a\":[1,true,null],\"b\":{}}", "{ k:a [ n:1 b:true 0:null ]3 k:b { }0 }2 @26", &any);
    Check(" \"x\\u0041\\n\\ud83d\\ude00\" ", "s:xA\n\xf0\x9f\x98\x80 @24", &any);
    Check("-1.50E+2", "n:-1.50E+2 @8", &any);
    Check("1 2", "n:1 @1", &any);
    Check("[]]", "[ ]0 @2", &any);
}

static void
faults_have_their_place(void **state)
{
    static const char *const cases[][2] = {
        {"", "0: unexpected end of input"}, {"  ", "2: unexpected end of input"}, {"[1,", "3: unexpected end of input"},
        {"[1,]", "3: unexpected character ']'"}, {"[\xc3\xa9]", "1: unexpected character '\xc3\xa9'"}, {"\xff", "0: unexpected byte 0xff"},
        {"[1 2]", "3: expected ',' or ']'"}, {"{\"a\":1", "6: expected ',' or '}'"}, {"{\"a\" 1}", "5: expected ':'"},
        {"{1:2}", "1: expected \""}, {"{", "0: expected \""}, {"{\"a\":1,}", "7: expected \""}, {"nul", "0: invalid literal"},
        {"012", "1: invalid number"}, {"-012", "2: invalid number"}, {"5.", "1: invalid number"}, {"1.5e+", "3: invalid number"},
        {"-", "1: unexpected end in number"}, {"-x", "1: expected digit after '-'"}, {"\"abc", "4: unterminated string"},
        {"\"a\\", "3: unterminated string"}, {"\"\\u12", "5: unterminated string"}, {"\"\\u12g4\"", "5: invalid unicode escape"},
        {"\"\\q\"", "2: invalid escape '\\q'"}, {"\"a\nb\"", "2: unescaped control character in string"},
        {"\"\\ud83d\"", "7: missing low surrogate"}, {"\"\\ude80\"", "6: unexpected low surrogate"},
        {"\"\\ud83d\\ud83d\"", "12: invalid low surrogate"}, {"\"ab\xc3(\"", "3: invalid UTF-8 in string"},
        {"{\"k\xed\xa0\x80\":1}", "3: invalid UTF-8 in string"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Check(cases[i][0], cases[i][1], &any);
    }
}

static void
limits_hold(void **state)
{
    Check("[[[1]]]", "[ [ [ n:1 ]1 ]1 ]1 @7", &(NsJsonOptions){.maxDepth = 3});
    Check("[[[1]]]", "2: max depth exceeded", &(NsJsonOptions){.maxDepth = 2});
    Check("{\"a\":{}}", "5: max depth exceeded", &(NsJsonOptions){.maxDepth = 1});
    Check("\"abc\"", "s:abc @5", &(NsJsonOptions){.maxString = 3});
    Check("\"abcd\"", "1: string too long (max 3)", &(NsJsonOptions){.maxString = 3});
    Check("{\"abcd\":1}", "2: string too long (max 3)", &(NsJsonOptions){.maxString = 3});
    Check("\"\\u00e9\"", "s:\xc3\xa9 @8", &(NsJsonOptions){.maxString = 2});
    Check("[1,2]", "[ n:1 n:2 ]2 @5", &(NsJsonOptions){.maxContainer = 2});
    Check("[1,2,3]", "6: max container size exceeded", &(NsJsonOptions){.maxContainer = 2});
    Check(" 5", "1: top-level value must be object or array (-top container)", &(NsJsonOptions){.container = true});
    Check(" []", "[ ]0 @3", &(NsJsonOptions){.container = true});
    Check("1e308", "n:1e308 @5", &(NsJsonOptions){.finite = true});
    Check("[-1e309]", "1: number is not a finite Tcl double (-Inf)", &(NsJsonOptions){.finite = true});
}

static void
depth_has_a_limit_whatever_is_asked(void **state)
{
    static char   deep[200000];
    NsJsonOptions options = {.maxDepth = SIZE_MAX};
    size_t        sizes[] = {NS_JSON_MAX_DEPTH, NS_JSON_MAX_DEPTH + 1, sizeof(deep) / 2};
    char          expected[60];

    for (int i = 0; i < 3; i++) {
        static Trace trace;
        NsJsonError  error;
        size_t       used;

        memset(&trace, 0, sizeof(trace));
        memset(deep, '[', sizes[i]);
        memset(deep + sizes[i], ']', sizes[i]);
        options.maxDepth = i == 2 ? 0 : SIZE_MAX;
        assert_int_equal(NsJsonParse(deep, 2 * sizes[i], &options, &tracer, &trace, &used, &error), i == 0);
        if (i > 0) {
            snprintf(expected, sizeof(expected), "%d: max depth exceeded", NS_JSON_MAX_DEPTH);
            snprintf(trace.text, sizeof(trace.text), "%zu: %s", error.at, error.text);
            assert_string_equal(trace.text, expected);
        }
    }
}

static void
handler_ends_the_parse(void **state)
{
    const char *text = "{\"a\":[1,{}],\"b\":\"c\"}";
    int         events;
    Trace       trace = {.last = 0};
    NsJsonError error;
    size_t      used;

    assert_true(NsJsonParse(text, strlen(text), &any, &tracer, &trace, &used, &error));
    events = trace.events;
    for (int last = 1; last <= events; last++) {
        trace = (Trace){.last = last};
        assert_false(NsJsonParse(text, strlen(text), &any, &tracer, &trace, &used, &error));
        assert_int_equal(trace.events, last);
        assert_string_equal(error.text, "");
    }
}

/* Each beginning of a text is rejected, or a number; none of them is read beyond its end. */
static void
cut_anywhere(void **state)
{
    static const char text[] = "{\"k\\u00e9y\":[1.5e-3,true,false,null,\"\\ud83d\\ude00 \xe2\x82\xac \\n\"],\"b\":{\"c\":[[],{}]}}";

    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        assert_false(IsJson(Guard(text, len), len));
    }
    assert_true(IsJson(Guard(text, sizeof(text) - 1), sizeof(text) - 1));
}

static void
numbers_are_known(void **state)
{
    assert_true(NsJsonIsNumber("-0", 2));
    assert_true(NsJsonIsNumber("1.5e+10", 7));
    assert_false(NsJsonIsNumber("", 0));
    assert_false(NsJsonIsNumber("1 ", 2));
    assert_false(NsJsonIsNumber("01", 2));
    assert_false(NsJsonIsNumber("Inf", 3));
}

/* ----------------------------------------------------------------------------------------------------------- values */

static void
CheckObj(const char *text, NsJsonForm form, const char *expected)
{
    NsJsonError error;
    size_t      used;
    Tcl_Obj    *obj = NsJsonToObj(text, strlen(text), &any, form, NULL, &used, &error);

    assert_non_null(obj);
    Tcl_IncrRefCount(obj);
    assert_string_equal(Tcl_GetString(obj), expected);
    Tcl_DecrRefCount(obj);
}

static void
values_are_lists_and_dicts(void **state)
{
    CheckObj("[1,\"b\",true,null,{}]", NS_JSON_AS_VALUE, "1 b true {} {}");
    CheckObj("{\"a\":1,\"b\":2,\"a\":3}", NS_JSON_AS_VALUE, "a 3 b 2");
    CheckObj("{\"a\":[1,{\"b\":null}]}", NS_JSON_AS_TRIPLES, "{} object {a array {0 number 1 1 object {b null {}}}}");
    /* NUL and characters past U+FFFF in Tcl's own form */
    CheckObj("\"a\\u0000\\ud83d\\ude00\"", NS_JSON_AS_VALUE, "a\xc0\x80\xed\xa0\xbd\xed\xb8\x80");
    CheckObj("\"\xf0\x9f\x98\x80\"", NS_JSON_AS_VALUE, "\xed\xa0\xbd\xed\xb8\x80");
}

/* More keys than are remembered, long ones, the same ones again: none is lost or freed too early. */
static void
many_keys(void **state)
{
    Tcl_DString ds;
    NsJsonError error;
    size_t      used;
    Tcl_Obj    *obj, *element;
    int         size;

    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "[", 1);
    for (int i = 0; i < 1500; i++) {
        char object[200];

        snprintf(object, sizeof(object), "%s{\"key%d\":%d,\"%s%d\":1,\"key%d\":\"again\",\"same\":{\"key%d\":2}}", i > 0 ? "," : "", i % 1000,
                 i, "a name that is longer than those which are remembered ", i, i % 1000, i % 7);
        Tcl_DStringAppend(&ds, object, -1);
    }
    Tcl_DStringAppend(&ds, "]", 1);
    obj = NsJsonToObj(Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds), &any, NS_JSON_AS_VALUE, NULL, &used, &error);
    assert_non_null(obj);
    Tcl_IncrRefCount(obj);
    assert_int_equal(Tcl_ListObjIndex(NULL, obj, 1234, &element), TCL_OK);
    assert_int_equal(Tcl_DictObjSize(NULL, element, &size), TCL_OK);
    assert_int_equal(size, 3);
    assert_non_null(strstr(Tcl_GetString(element), "key234 again"));
    Tcl_DecrRefCount(obj);
    /* the same, broken off */
    for (int cut = 1; cut < 40000; cut += 1013) {
        assert_null(NsJsonToObj(Tcl_DStringValue(&ds), (size_t)(Tcl_DStringLength(&ds) - cut), &any, NS_JSON_AS_TRIPLES, NULL, &used, &error));
    }
    Tcl_DStringFree(&ds);
}

static void
null_stays_null(void **state)
{
    Tcl_Obj *null = NsJsonNull(NULL), *nil = Tcl_NewStringObj("NIL", -1), *named, *copy;
    int      len;

    Tcl_IncrRefCount(null);
    Tcl_IncrRefCount(nil);
    assert_true(NsJsonIsNull(null));
    assert_int_equal(Tcl_ListObjLength(NULL, null, &len), TCL_OK);
    assert_true(NsJsonIsNull(null));
    assert_ptr_equal(NsJsonNull(NULL), null);
    copy = Tcl_DuplicateObj(null);
    assert_true(NsJsonIsNull(copy));
    Tcl_DecrRefCount(copy);
    named = NsJsonNull(nil);
    Tcl_IncrRefCount(named);
    assert_true(NsJsonIsNull(named));
    assert_int_equal(Tcl_ListObjLength(NULL, named, &len), TCL_OK);
    assert_true(NsJsonIsNull(named));
    assert_string_equal(Tcl_GetString(named), "NIL");
    assert_false(NsJsonIsNull(nil));
    Tcl_DecrRefCount(named);
    Tcl_DecrRefCount(nil);
    Tcl_DecrRefCount(null);
}

static const char *
Flat(const char *text, size_t maxFields)
{
    static char out[2000];
    Ns_Set     *set = Ns_SetCreate("x");
    NsJsonError error;
    size_t      used;
    bool        good = NsJsonToSet(set, text, strlen(text), &any, "NIL", maxFields, &used, &error);
    int         n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < Ns_SetSize(set); i++) {
        n += snprintf(out + n, sizeof(out) - (size_t)n, "%s=%s ", Ns_SetKey(set, i), Ns_SetValue(set, i));
    }
    if (!good) {
        snprintf(out + n, sizeof(out) - (size_t)n, "%s", error.text);
    }
    Ns_SetFree(set);
    return out;
}

static void
leaves_are_fields(void **state)
{
    Tcl_DString ds;

    assert_string_equal(Flat("{\"u\":{\"len\":7,\"t\":[\"a\",null]},\"e\":{}}", 0),
                        "u/len.type=number u/len=7 u/t/0.type=string u/t/0=a u/t/1.type=null u/t/1=NIL e.type=object ");
    assert_string_equal(Flat("[5,[[6]],{\"\":1}]", 0), "0.type=number 0=5 1/0/0.type=number 1/0/0=6 2/.type=number 2/=1 ");
    assert_string_equal(Flat("{\"a/b\":1,\"c.d~\":2}", 0), "a~1b.type=number a~1b=1 c~2d~0.type=number c~2d~0=2 ");
    assert_string_equal(Flat("5", 0), "");
    assert_string_equal(Flat("[1,2,3]", 2), "0.type=number 0=1 1.type=number 1=2 more than 2 fields");
    assert_string_equal(Flat("[1,2", 2), "0.type=number 0=1 1.type=number 1=2 expected ',' or ']'");
    Tcl_DStringInit(&ds);
    NsJsonDecodeKey(&ds, "a~1b~0~2~3~", 11);
    assert_string_equal(Tcl_DStringValue(&ds), "a/b~.~3~");
    Tcl_DStringFree(&ds);
}

/* ----------------------------------------------------------------------------------------------------------- writer */

static void
strings_are_escaped(void **state)
{
    static const struct { const char *text; size_t len; const char *expected; } cases[] = {
        {"", 0, "\"\""}, {"plain", 5, "\"plain\""}, {"a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\""}, {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\x7f", 3, "\"\\u0001\\u001f\x7f\""}, {"a\0b", 3, "\"a\\u0000b\""}, {"a\xc0\x80" "b", 4, "\"a\\u0000b\""},
        {"12345678\"", 9, "\"12345678\\\"\""}, {"1234567\xe2\x82\xac", 10, "\"1234567\xe2\x82\xac\""}, {"\xc0", 1, "\"\xc0\""},
    };
    Tcl_DString ds;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Tcl_DStringInit(&ds);
        NsJsonAppendString(&ds, Guard(cases[i].text, cases[i].len), cases[i].len);
        assert_string_equal(Tcl_DStringValue(&ds), cases[i].expected);
        Tcl_DStringFree(&ds);
    }
}

static void
CheckPretty(const char *json, const char *expected)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    NsJsonAppendPretty(&ds, Guard(json, strlen(json)), strlen(json));
    assert_string_equal(Tcl_DStringValue(&ds), expected);
    assert_true(IsJson(Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds)));
    Tcl_DStringFree(&ds);
}

static void
layout_is_for_people(void **state)
{
    CheckPretty("5", "5");
    CheckPretty("\"a,b:{}\"", "\"a,b:{}\"");
    CheckPretty("{}", "{}");
    CheckPretty("[1,[2]]", "[\n  1,\n  [2]\n]");
    CheckPretty("{\"a\":{\"b\":[\"x\",null]},\"c\":{\"d\":1,\"e\":2},\"f\":[]}",
                "{\n  \"a\": { \"b\": [\"x\", null] },\n  \"c\": {\n    \"d\": 1,\n    \"e\": 2\n  },\n  \"f\": []\n}");
    CheckPretty("[[\"0123456789012345678901234567890123456789012345678901234567890123456789\"]]",
                "[\n  [\n    \"0123456789012345678901234567890123456789012345678901234567890123456789\"\n  ]\n]");
    CheckPretty("[{\"q\":\"}],{\"},[\"\\\"\"]]", "[\n  { \"q\": \"}],{\" },\n  [\"\\\"\"]\n]");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_answered),
        cmocka_unit_test(events_come_in_order),
        cmocka_unit_test(faults_have_their_place),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(depth_has_a_limit_whatever_is_asked),
        cmocka_unit_test(handler_ends_the_parse),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(numbers_are_known),
        cmocka_unit_test(values_are_lists_and_dicts),
        cmocka_unit_test(many_keys),
        cmocka_unit_test(null_stays_null),
        cmocka_unit_test(leaves_are_fields),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(layout_is_for_people),
    };

    Tcl_FindExecutable(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
