/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Values of nsv_* and ns_cache_*: what is added to them, up to the limit that Tcl's own values have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "data/value.h"

/* As if it had so many bytes: whoever reads or writes behind the few that are there is found by valgrind and the sanitizers. */
static NsNsvValue
huge(size_t len)
{
    NsNsvValue value = {.kind = NS_NSV_TEXT, .len = (uint32_t)len, .max = (uint32_t)NS_NSV_MAX + 1};

    value.data = ns_strdup("few");
    return value;
}

static void
a_text_past_the_limit_is_refused(void **state)
{
    NsNsvValue value = huge(NS_NSV_MAX - 3);

    assert_false(NsNsvValueAppend(&value, "1234", 4));
    assert_int_equal(value.len, NS_NSV_MAX - 3);
    assert_false(NsNsvValueAppend(&value, "1234", NS_NSV_MAX));
    assert_false(NsNsvValueAppend(&value, "1234", SIZE_MAX));
    assert_int_equal(value.len, NS_NSV_MAX - 3);
    assert_string_equal(value.data, "few");
    ns_free(value.data);
}

static void
an_element_past_the_limit_is_refused(void **state)
{
    NsNsvValue value = huge(NS_NSV_MAX - 3);

    assert_false(NsNsvValueAppendElement(&value, "a b", 3));
    assert_false(NsNsvValueAppendElement(&value, "abc", NS_NSV_MAX / 2));
    assert_int_equal(value.len, NS_NSV_MAX - 3);
    assert_string_equal(value.data, "few");
    ns_free(value.data);
}

static void
binary_data_becomes_the_text_that_it_is(void **state)
{
    NsNsvValue value = huge(NS_NSV_MAX);

    value.kind = NS_NSV_BYTES;
    value.len = 3;
    memcpy(value.data, "\xff\0z", 3);
    assert_true(NsNsvValueAppend(&value, "!", 1));
    assert_int_equal(value.kind, NS_NSV_TEXT);
    assert_memory_equal(value.data, "\xc3\xbf\xc0\x80z!", 7);
    assert_int_equal(value.len, 6);
    ns_free(value.data);
}

static void
all_are_added_or_none(void **state)
{
    NsNsvValue *value = ns_calloc(1, sizeof(*value));
    Tcl_Obj    *words[3] = {Tcl_NewStringObj("one", -1), Tcl_NewStringObj("two words", -1), Tcl_NewStringObj("{", -1)};

    for (int i = 0; i < 3; i++) {
        Tcl_IncrRefCount(words[i]);
    }
    assert_true(NsNsvValueAppendAll(value, true, 3, words));
    assert_string_equal(value->data, "one {two words} \\{");
    /* As above; a first word fits, the second does not. */
    value->len = (uint32_t)NS_NSV_MAX - 5;
    value->max = (uint32_t)NS_NSV_MAX + 1;
    value->data = ns_realloc(value->data, (size_t)NS_NSV_MAX + 1);
    value->data[NS_NSV_MAX - 6] = 'x';
    assert_false(NsNsvValueAppendAll(value, false, 2, words));
    assert_int_equal(value->len, NS_NSV_MAX - 5);
    assert_int_equal(value->data[NS_NSV_MAX - 5], 0);
    assert_false(NsNsvValueAppendAll(value, true, 3, words));
    assert_int_equal(value->len, NS_NSV_MAX - 5);
    for (int i = 0; i < 3; i++) {
        Tcl_DecrRefCount(words[i]);
    }
    NsNsvValueFree(value);
}

static void
a_number_becomes_the_text_that_it_is(void **state)
{
    NsNsvValue *value = ns_calloc(1, sizeof(*value));
    Tcl_WideInt wide;

    NsNsvValueSetWide(value, -12);
    assert_true(NsNsvValueAppend(value, "3", 1));
    assert_string_equal(value->data, "-123");
    assert_true(NsNsvValueGetWide(value, &wide));
    assert_int_equal(wide, -123);
    assert_true(NsNsvValueAppendElement(value, "#", 1));
    assert_string_equal(value->data, "-123 #");
    NsNsvValueFree(value);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_past_the_limit_is_refused),
        cmocka_unit_test(an_element_past_the_limit_is_refused),
        cmocka_unit_test(binary_data_becomes_the_text_that_it_is),
        cmocka_unit_test(all_are_added_or_none),
        cmocka_unit_test(a_number_becomes_the_text_that_it_is),
    };

    Tcl_FindExecutable("test_value");
    NsNsvValueInit();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
