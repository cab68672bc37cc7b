/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Shared buffers: contents, references from many threads, wrapped memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/buf.h"

static atomic_int freed;

static void
CountFree(void *arg)
{
    assert_ptr_equal(arg, &freed);
    atomic_fetch_add(&freed, 1);
}

static void
copies_what_it_is_given(void **state)
{
    char   text[] = "some bytes";
    Ns_Buf *buf = Ns_BufCopy(text, 10);

    memset(text, 'x', sizeof(text));
    assert_int_equal(buf->len, 10);
    assert_memory_equal(buf->data, "some bytes", 10);
    Ns_BufRelease(buf);
}

static void
an_empty_buffer_is_one(void **state)
{
    Ns_Buf *buf = Ns_BufCopy(NULL, 0);

    assert_int_equal(buf->len, 0);
    assert_non_null(buf->data);
    Ns_BufRelease(buf);
    Ns_BufRelease(NULL);
}

static void
allocated_room_is_filled_by_the_caller(void **state)
{
    char  *data;
    Ns_Buf *buf = Ns_BufAlloc(3, &data);

    memcpy(data, "abc", 3);
    assert_int_equal(buf->len, 3);
    assert_memory_equal(buf->data, "abc", 3);
    Ns_BufRelease(buf);
}

static void
wrapped_memory_is_freed_by_the_last(void **state)
{
    Ns_Buf *buf = Ns_BufWrap("static", 6, CountFree, &freed);

    atomic_store(&freed, 0);
    assert_ptr_equal(Ns_BufRetain(buf), buf);
    Ns_BufRelease(buf);
    assert_int_equal(atomic_load(&freed), 0);
    Ns_BufRelease(buf);
    assert_int_equal(atomic_load(&freed), 1);
}

static void
wrapped_memory_without_a_free_proc_is_left(void **state)
{
    Ns_BufRelease(Ns_BufWrap("static", 6, NULL, NULL));
}

static void
ReleaseMany(void *arg)
{
    Ns_Buf *buf = arg;

    for (int i = 0; i < 1000; i++) {
        Ns_BufRelease(Ns_BufRetain(buf));
    }
    Ns_BufRelease(buf);
}

static void
many_threads_release_once(void **state)
{
    Ns_Buf    *buf = Ns_BufWrap("static", 6, CountFree, &freed);
    Ns_Thread threads[4];

    atomic_store(&freed, 0);
    for (int i = 0; i < 4; i++) {
        Ns_ThreadCreate(ReleaseMany, Ns_BufRetain(buf), 0, &threads[i]);
    }
    Ns_BufRelease(buf);
    for (int i = 0; i < 4; i++) {
        Ns_ThreadJoin(&threads[i], NULL);
    }
    assert_int_equal(atomic_load(&freed), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_what_it_is_given),
        cmocka_unit_test(an_empty_buffer_is_one),
        cmocka_unit_test(allocated_room_is_filled_by_the_caller),
        cmocka_unit_test(wrapped_memory_is_freed_by_the_last),
        cmocka_unit_test(wrapped_memory_without_a_free_proc_is_left),
        cmocka_unit_test(many_threads_release_once),
    };

    Tcl_FindExecutable(NULL);                  /* threads end with Tcl's clean-up */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
