/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sets: finding, changing, and what becomes of the buffer behind them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/set.h"

/* name=value,name=value */
static const char *
Show(const Ns_Set *set)
{
    static char text[4096];
    size_t      len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < Ns_SetSize(set); i++) {
        const char *value = Ns_SetValue(set, i);

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s=%s", i == 0 ? "" : ",", Ns_SetKey(set, i),
                                value == NULL ? "(null)" : value);
    }
    return text;
}

static Ns_Set *
Make(const char *const *pairs)
{
    Ns_Set *set = Ns_SetCreate("made");

    for (; *pairs != NULL; pairs += 2) {
        Ns_SetPut(set, pairs[0], pairs[1]);
    }
    return set;
}
#define MAKE(...) Make((const char *const[]){__VA_ARGS__, NULL})

static void
put_appends_and_gives_the_index(void **state)
{
    Ns_Set *set = Ns_SetCreate(NULL);

    assert_null(Ns_SetName(set));
    assert_int_equal(Ns_SetPut(set, "a", "1"), 0);
    assert_int_equal(Ns_SetPut(set, "b", NULL), 1);
    assert_int_equal(Ns_SetPut(set, "a", ""), 2);
    assert_int_equal(Ns_SetPutSz(set, "keyrest", 3, "valuerest", 5), 3);
    assert_string_equal(Show(set), "a=1,b=(null),a=,key=value");
    assert_int_equal(Ns_SetSize(set), 4);
    assert_null(Ns_SetKey(set, 4));
    assert_null(Ns_SetValue(set, 4));
    Ns_SetFree(set);
    Ns_SetFree(NULL);
}

static void
names_are_found_as_they_are_or_in_any_case(void **state)
{
    Ns_Set *set = MAKE("Host", "a", "host", "b", "hos", "c", "x-host", "d", "", "e");

    assert_int_equal(Ns_SetFind(set, "host"), 1);
    assert_int_equal(Ns_SetFind(set, "Host"), 0);
    assert_int_equal(Ns_SetIFind(set, "HOST"), 0);
    assert_int_equal(Ns_SetFind(set, "ho"), -1);
    assert_int_equal(Ns_SetFind(set, ""), 4);
    assert_int_equal(Ns_SetIFind(set, "nothere"), -1);
    assert_int_equal(NsSetFindFrom(set, 1, "HOST", true), 1);
    assert_int_equal(NsSetFindFrom(set, 2, "HOST", true), -1);
    assert_string_equal(Ns_SetIGet(set, "HOST"), "a");
    assert_null(Ns_SetGet(set, "HOST"));
    assert_string_equal(Ns_SetGetValue(set, "HOST", "def"), "def");
    assert_string_equal(Ns_SetIGetValue(set, "HOS", "def"), "c");
    Ns_SetFree(set);
}

static void
letters_alone_have_case(void **state)
{
    /* '@' and '`', '[' and '{' differ in the bit that case differs in. */
    Ns_Set *set = MAKE("a@[", "1", "\xc3\x84", "2");

    assert_int_equal(Ns_SetIFind(set, "A`{"), -1);
    assert_int_equal(Ns_SetIFind(set, "A@["), 0);
    assert_int_equal(Ns_SetIFind(set, "\xe3\x84"), -1);
    Ns_SetFree(set);
}

static void
a_nocase_set_keeps_lower_case(void **state)
{
    Ns_Set *set = Ns_SetCreateNoCase("n"), *copy;

    Ns_SetPut(set, "Content-TYPE", "Text");
    assert_string_equal(Show(set), "content-type=Text");
    assert_int_equal(Ns_SetFind(set, "CONTENT-type"), 0);
    assert_int_equal(Ns_SetUpdate(set, "Content-Type", "x"), 0);
    copy = Ns_SetCopy(set);
    assert_true(NsSetIsNoCase(copy));
    assert_int_equal(Ns_SetFind(copy, "CONTENT-type"), 0);
    Ns_SetFree(copy);
    Ns_SetFree(set);
}

static void
update_replaces_the_first_or_appends(void **state)
{
    Ns_Set *set = MAKE("a", "1", "b", "2", "a", "3");

    assert_int_equal(Ns_SetUpdate(set, "a", "a longer value"), 0);
    assert_int_equal(Ns_SetUpdate(set, "A", "new"), 3);
    assert_int_equal(Ns_SetIUpdate(set, "B", "x"), 1);
    assert_string_equal(Show(set), "a=a longer value,b=x,a=3,A=new");
    Ns_SetPutValue(set, 2, NULL);
    Ns_SetPutValue(set, 0, "short");
    Ns_SetPutValue(set, 99, "ignored");
    assert_string_equal(Show(set), "a=short,b=x,a=(null),A=new");
    Ns_SetPutValue(set, 2, "again");
    assert_string_equal(Ns_SetValue(set, 2), "again");
    Ns_SetFree(set);
}

static void
uniqueness_counts_names(void **state)
{
    Ns_Set *set = MAKE("a", "1", "b", "2", "a", "3", "B", "4");

    assert_false(Ns_SetUnique(set, "a"));
    assert_true(Ns_SetUnique(set, "b"));
    assert_false(Ns_SetIUnique(set, "b"));
    assert_true(Ns_SetUnique(set, "none"));
    Ns_SetFree(set);
}

static void
fields_are_deleted(void **state)
{
    Ns_Set *set = MAKE("a", "1", "b", "2", "c", "3", "B", "4", "d", "5");

    Ns_SetDelete(set, -1);
    Ns_SetDelete(set, 5);
    Ns_SetDelete(set, 0);
    assert_string_equal(Show(set), "b=2,c=3,B=4,d=5");
    Ns_SetDeleteKey(set, "B");
    Ns_SetIDeleteKey(set, "B");
    Ns_SetDeleteKey(set, "none");
    assert_string_equal(Show(set), "c=3,d=5");
    Ns_SetTrunc(set, 5);
    Ns_SetTrunc(set, 1);
    assert_string_equal(Show(set), "c=3");
    Ns_SetTrunc(set, 0);
    assert_int_equal(Ns_SetSize(set), 0);
    Ns_SetPut(set, "e", "6");
    assert_string_equal(Show(set), "e=6");
    Ns_SetFree(set);
}

static void
sets_are_merged_and_moved(void **state)
{
    Ns_Set *high = MAKE("a", "1"), *low = MAKE("a", "9", "b", "2", "A", "3");

    Ns_SetMerge(high, low);
    assert_string_equal(Show(high), "a=1,b=2,A=3");
    Ns_SetMerge(high, high);
    assert_string_equal(Show(high), "a=1,b=2,A=3");
    Ns_SetTrunc(high, 1);
    NsSetMerge(high, low, true);
    assert_string_equal(Show(high), "a=1,b=2");
    Ns_SetMove(high, low);
    assert_string_equal(Show(high), "a=1,b=2,a=9,b=2,A=3");
    assert_int_equal(Ns_SetSize(low), 0);
    Ns_SetMove(high, high);
    assert_int_equal(Ns_SetSize(high), 5);
    Ns_SetFree(high);
    Ns_SetFree(low);
}

static void
sets_are_split_by_the_name(void **state)
{
    Ns_Set  *set = MAKE("a.x", "1", "b.y", "2", "a.z.q", "3", "c", "4", ".w", "5");
    Ns_Set **sets = Ns_SetSplit(set, '.');

    assert_string_equal(Ns_SetName(sets[0]), "a");
    assert_string_equal(Show(sets[0]), "x=1,z.q=3");
    assert_string_equal(Ns_SetName(sets[1]), "b");
    assert_null(Ns_SetName(sets[2]));
    assert_string_equal(Show(sets[2]), "c=4");
    assert_string_equal(Ns_SetName(sets[3]), "");
    assert_string_equal(Show(sets[3]), "w=5");
    assert_null(sets[4]);
    for (int i = 0; i < 4; i++) {
        Ns_SetFree(sets[i]);
    }
    ns_free(sets);
    Ns_SetFree(set);
}

static void
a_set_may_be_put_into_itself(void **state)
{
    Ns_Set *set = MAKE("name", "value");

    /* So often that the buffer moves while its own strings are put. */
    for (size_t i = 0; i < 1000; i++) {
        Ns_SetPut(set, Ns_SetKey(set, i), Ns_SetValue(set, i));
        Ns_SetUpdate(set, "name", Ns_SetValue(set, i));
    }
    assert_int_equal(Ns_SetSize(set), 1001);
    assert_string_equal(Ns_SetKey(set, 1000), "name");
    assert_string_equal(Ns_SetValue(set, 1000), "value");
    Ns_SetSetName(set, Ns_SetName(set));
    assert_string_equal(Ns_SetName(set), "made");
    Ns_SetFree(set);
}

static void
updating_for_ever_needs_no_more_memory(void **state)
{
    Ns_Set *set = MAKE("fixed", "stays", "a", "");
    char    value[200];
    size_t  used, held;

    for (int i = 0; i < 20000; i++) {
        memset(value, 'a' + i % 26, (size_t)(i % 199));
        value[i % 199] = '\0';
        Ns_SetUpdate(set, "a", value);
        Ns_SetPut(set, "temporary", value);
        Ns_SetDelete(set, 2);
    }
    assert_string_equal(Ns_SetValue(set, 0), "stays");
    assert_string_equal(Ns_SetValue(set, 1), value);
    NsSetGetMemory(set, &used, &held);
    assert_in_range(used, 1, 250);
    assert_in_range(held, 1, 4096);
    Ns_SetFree(set);
}

/* A plain model beside the set: whatever is done, both have the same in them. */
typedef struct Model { char key[32], value[300]; } Model;

static void
it_agrees_with_a_model(void **state)
{
    static Model model[64];
    size_t       size = 0;
    unsigned     random = 12345;
    Ns_Set      *set = Ns_SetCreate("model");

    for (int step = 0; step < 50000; step++) {
        unsigned action, index, length;
        Model    next;

        random = random * 1103515245u + 12345u;
        action = (random >> 16) % 4;
        random = random * 1103515245u + 12345u;
        index = size == 0 ? 0 : (random >> 16) % (unsigned)size;
        length = (random >> 8) % 280;
        snprintf(next.key, sizeof(next.key), "k%u", (random >> 20) % 40);
        memset(next.value, 'A' + (int)(random >> 24) % 26, length);
        next.value[length] = '\0';
        if (action == 0 && size < 64) {
            Ns_SetPut(set, next.key, next.value);
            model[size++] = next;
        } else if (action == 1 && size > 0) {
            Ns_SetDelete(set, (int)index);
            memmove(&model[index], &model[index + 1], (size - index - 1) * sizeof(Model));
            size--;
        } else if (action == 2 && size > 0) {
            Ns_SetPutValue(set, index, next.value);
            memcpy(model[index].value, next.value, sizeof(next.value));
        } else if (size > 60) {
            Ns_SetTrunc(set, 10);
            size = 10;
        }
        assert_int_equal(Ns_SetSize(set), size);
        if (step % 500 == 0) {
            for (size_t i = 0; i < size; i++) {
                assert_string_equal(Ns_SetKey(set, i), model[i].key);
                assert_string_equal(Ns_SetValue(set, i), model[i].value);
            }
        }
    }
    Ns_SetFree(set);
}

/* Each byte at each place of names of each length up to three words; only capitals change. */
static void
names_without_case_are_kept_in_small_letters(void **state)
{
    for (size_t len = 1; len <= 24; len++) {
        for (int c = 1; c < 256; c++) {
            Ns_Set *set = Ns_SetCreateNoCase("lower");
            char    name[25], want[25];

            for (size_t i = 0; i < len; i++) {
                name[i] = (char)(i == (size_t)c % len ? c : 'A' + (int)i);
                want[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
            }
            name[len] = want[len] = '\0';
            (void)Ns_SetPutSz(set, name, (TCL_SIZE_T)len, "v", 1);
            assert_string_equal(Ns_SetKey(set, 0), want);
            Ns_SetFree(set);
        }
    }
}

static void
a_field_has_its_lengths(void **state)
{
    Ns_Set    *set = Ns_SetCreate("lengths");
    NsSetField field;

    (void)state;
    (void)Ns_SetPut(set, "name", "a long value");
    (void)Ns_SetPut(set, "none", NULL);
    Ns_SetPutValue(set, 0, "short");
    field = NsSetGetField(set, 0);
    assert_string_equal(field.key, "name");
    assert_int_equal(field.keyLen, 4);
    assert_string_equal(field.value, "short");
    assert_int_equal(field.valueLen, 5);
    assert_null(NsSetGetField(set, 1).value);
    Ns_SetFree(set);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_appends_and_gives_the_index),
        cmocka_unit_test(names_are_found_as_they_are_or_in_any_case),
        cmocka_unit_test(letters_alone_have_case),
        cmocka_unit_test(a_nocase_set_keeps_lower_case),
        cmocka_unit_test(update_replaces_the_first_or_appends),
        cmocka_unit_test(uniqueness_counts_names),
        cmocka_unit_test(fields_are_deleted),
        cmocka_unit_test(sets_are_merged_and_moved),
        cmocka_unit_test(sets_are_split_by_the_name),
        cmocka_unit_test(a_set_may_be_put_into_itself),
        cmocka_unit_test(updating_for_ever_needs_no_more_memory),
        cmocka_unit_test(names_without_case_are_kept_in_small_letters),
        cmocka_unit_test(a_field_has_its_lengths),
        cmocka_unit_test(it_agrees_with_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
