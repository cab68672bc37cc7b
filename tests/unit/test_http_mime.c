/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Media types of file extensions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <strings.h>
#include "http/chars.h"
#include "http/mime.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
test_the_table_can_be_searched(void **state)
{
    size_t             count;
    const NsMimeEntry *entries = NsMimeEntries(&count);

    (void)state;
    assert_true(count > 200);
    for (size_t i = 0; i < count; i++) {
        const char *slash = strchr(entries[i].type, '/');

        assert_true(i == 0 || strcasecmp(entries[i - 1].extension, entries[i].extension) < 0);
        assert_ptr_equal(NsMimeForExtension(entries[i].extension), entries[i].type);
        assert_int_equal(entries[i].extension[0], '.');
        for (const char *p = entries[i].extension; *p != '\0'; p++) {
            assert_int_equal(*p, NsCharLower(*p));
        }
        assert_non_null(slash);
        assert_int_equal(NsCharSpan(slash + 1, strlen(slash + 1), NS_CHAR_TOKEN), strlen(slash + 1));
    }
}

static void
test_types(void **state)
{
    static const struct { const char *extension, *type; } cases[] = {
        {".html", "text/html"}, {".htm", "text/html"}, {".HTML", "text/html"}, {".txt", "text/plain"},
        {".css", "text/css"},
        {".js", "text/javascript"}, {".mjs", "text/javascript"}, {".json", "application/json"}, {".png", "image/png"},
        {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"}, {".gif", "image/gif"}, {".svg", "image/svg+xml"},
        {".xml", "text/xml"}, {".pdf", "application/pdf"}, {".zip", "application/zip"}, {".gz", "application/gzip"},
        {".mp4", "video/mp4"}, {".adp", "text/html"}, {".ico", "image/x-icon"}, {".woff2", "font/woff2"},
        {".csv", "text/csv"}, {".md", "text/markdown"}, {".wasm", "application/wasm"}, {".webp", "image/webp"},
        {".tcl", "text/plain"}, {".zzz", NULL}, {".", NULL}, {"", NULL}, {"html", NULL}, {".htmlx", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *type = NsMimeForExtension(cases[i].extension);

        if (cases[i].type == NULL) {
            assert_null(type);
        } else {
            assert_string_equal(type, cases[i].type);
        }
    }
}

static void
test_extensions(void **state)
{
    static const struct { const char *file, *extension; } cases[] = {
        {"a.html", ".html"}, {"dir/a.HTML", ".HTML"}, {"a.tar.gz", ".gz"}, {"a b.txt", ".txt"}, {"dir.d/a.b", ".b"},
        {"a", NULL}, {"noext.", NULL}, {".hidden", NULL}, {"dir/.hidden", NULL}, {".hidden.txt", ".txt"},
        {"dir.d/a", NULL},
        {"a/", NULL}, {"/", NULL}, {"", NULL}, {"a.b/", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *extension = NsMimeExtension(cases[i].file);

        if (cases[i].extension == NULL) {
            assert_null(extension);
        } else {
            assert_string_equal(extension, cases[i].extension);
        }
    }
}

static void
test_kinds(void **state)
{
    static const char *const text[] = {"text/html", "text/plain; charset=utf-8", "TEXT/css"};
    static const char *const compressible[] = {"application/json", "Application/JSON; charset=x", "image/svg+xml",
                                               "application/ld+json", "application/wasm", "font/ttf",
                                               "application/xml"};
    static const char *const neither[] = {"image/png", "image/jpeg", "video/mp4", "application/zip", "font/woff2",
                                          "application/octet-stream", "", "textual/x", "+xml", "application/jsonx",
                                          "application/json-seq"};

    (void)state;
    for (size_t i = 0; i < COUNT(text); i++) {
        assert_true(NsMimeIsText(text[i]));
        assert_true(NsMimeIsCompressible(text[i]));
    }
    for (size_t i = 0; i < COUNT(compressible); i++) {
        assert_false(NsMimeIsText(compressible[i]));
        assert_true(NsMimeIsCompressible(compressible[i]));
    }
    for (size_t i = 0; i < COUNT(neither); i++) {
        assert_false(NsMimeIsText(neither[i]));
        assert_false(NsMimeIsCompressible(neither[i]));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_can_be_searched),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_extensions),
        cmocka_unit_test(test_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
