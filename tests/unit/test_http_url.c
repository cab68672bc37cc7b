/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Percent encoding, URLs, host:port, paths, UTF-8.  Expected results are those of compat/vectors/text.vec where it
 * has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "guard.h"
#include "http/url.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char everything[] = "AZaz09 -_.~!*'()+/?&=#%\"<>@:;,$[]^`{|}";

static void
CheckEncode(NsUrlPart part, bool upper, const char *input, size_t len, const char *expected)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "before", -1);
    NsUrlEncode(&ds, Guard(input, len), len, part, upper);
    assert_string_equal(Tcl_DStringValue(&ds) + 6, expected);
    Tcl_DStringFree(&ds);
}

static void
CheckDecode(NsUrlPart part, const char *input, const char *expected, size_t expectedLen)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "before", -1);
    NsUrlDecode(&ds, Guard(input, strlen(input)), strlen(input), part);
    assert_int_equal(Tcl_DStringLength(&ds), 6 + expectedLen);
    assert_memory_equal(Tcl_DStringValue(&ds), "before", 6);
    assert_memory_equal(Tcl_DStringValue(&ds) + 6, expected, expectedLen + 1);
    Tcl_DStringFree(&ds);
}

static void
test_encode_each_part(void **state)
{
    static const char *const expected[] = {
        "AZaz09+-_.~!*'()%2b/?%26%3d%23%25%22%3c%3e@:%3b%2c$%5b%5d%5e%60%7b%7c%7d",
        "AZaz09%20-_.~!*'()+%2f%3f&%3d%23%25%22%3c%3e@:%3b,$%5b%5d%5e%60%7b%7c%7d",
        "AZaz09%20-_.~!*'()+/%3f&%3d%23%25%22%3c%3e@:%3b,$%5b%5d%5e%60%7b%7c%7d",
        "AZaz09%20-_.~!*'()+/?&=%23%25%22%3c%3e@:;,$%5b%5d%5e%60%7b%7c%7d",
        "AZaz09%20-_.~!*'()+/?&=#%25%22<>@:%3b%2c$[]^`{|}",
        "AZaz09%20-_.~%21%2A%27%28%29%2B%2F%3F%26%3D%23%25%22%3C%3E%40%3A%3B%2C%24%5B%5D%5E%60%7B%7C%7D",
    };

    (void)state;
    for (size_t part = 0; part < COUNT(expected); part++) {
        CheckEncode((NsUrlPart)part, false, everything, sizeof(everything) - 1, expected[part]);
        CheckEncode((NsUrlPart)part, false, "", 0, "");
        CheckEncode((NsUrlPart)part, false, "\n\t\x7f", 3, part == NS_URL_OAUTH1 ? "%0A%09%7F" : "%0a%09%7f");
        CheckEncode((NsUrlPart)part, false, "\\", 1, part == NS_URL_OAUTH1 ? "%5C" : "%5c");
    }
    CheckEncode(NS_URL_QUERY, false, "a\xc3\xa4 b/c\xe2\x82\xac", 10, "a%c3%a4+b/c%e2%82%ac");
    CheckEncode(NS_URL_PATH, false, "a\xc3\xa4 b/c\xe2\x82\xac", 10, "a%c3%a4%20b%2fc%e2%82%ac");
    CheckEncode(NS_URL_QUERY, true, "\xc3\xa4/?", 4, "%C3%A4/?");
    CheckEncode(NS_URL_QUERY, false, "a\0b", 3, "a%00b");
}

static void
test_decode(void **state)
{
    (void)state;
    CheckDecode(NS_URL_QUERY, "a+b%20c%2Bd%2fe%3D", "a b c+d/e=", 10);
    for (NsUrlPart part = NS_URL_PATH; part <= NS_URL_OAUTH1; part++) {
        CheckDecode(part, "a+b%20c%2Bd%2fe%3D", "a+b c+d/e=", 10);
    }
    CheckDecode(NS_URL_QUERY, "%c3%a4%E2%82%AC", "\xc3\xa4\xe2\x82\xac", 5);
    CheckDecode(NS_URL_QUERY, "abc%", "abc%", 4);
    CheckDecode(NS_URL_QUERY, "abc%4", "abc%4", 5);
    CheckDecode(NS_URL_QUERY, "a%zzb", "a%zzb", 5);
    CheckDecode(NS_URL_QUERY, "a%4gb", "a%4gb", 5);
    CheckDecode(NS_URL_QUERY, "%%41", "%A", 2);
    CheckDecode(NS_URL_QUERY, "100%25", "100%", 4);
    CheckDecode(NS_URL_QUERY, "%2541", "%41", 3);
    CheckDecode(NS_URL_QUERY, "a%00b", "a\0b", 3);
    CheckDecode(NS_URL_QUERY, "", "", 0);
}

static void
test_every_byte_survives_the_round_trip(void **state)
{
    char bytes[256];

    (void)state;
    for (int i = 0; i < 256; i++) {
        bytes[i] = (char)i;
    }
    for (int part = NS_URL_QUERY; part <= NS_URL_OAUTH1; part++) {
        Tcl_DString encoded, decoded;

        Tcl_DStringInit(&encoded);
        Tcl_DStringInit(&decoded);
        NsUrlEncode(&encoded, bytes, sizeof(bytes), (NsUrlPart)part, false);
        NsUrlDecode(&decoded, Tcl_DStringValue(&encoded), (size_t)Tcl_DStringLength(&encoded), (NsUrlPart)part);
        assert_int_equal(Tcl_DStringLength(&decoded), sizeof(bytes));
        assert_memory_equal(Tcl_DStringValue(&decoded), bytes, sizeof(bytes));
        Tcl_DStringFree(&decoded);
        Tcl_DStringFree(&encoded);
    }
}

/* ----------------------------------------------------------------------------------------------------------- URLs */

static void
AppendPart(char *out, const char *name, NsSpan span)
{
    if (span.start != NULL) {
        sprintf(out + strlen(out), "%s%s={%.*s}", out[0] == '\0' ? "" : " ", name, (int)span.len, span.start);
    }
}

static const char *
Parsed(const char *url, bool strict)
{
    static char out[1000];
    NsUrl       parts;
    const char *error = NULL;

    out[0] = '\0';
    if (!NsUrlParse(Guard(url, strlen(url)), strlen(url), strict, &parts, &error)) {
        return error;
    }
    assert_null(error);
    AppendPart(out, "proto", parts.proto);
    AppendPart(out, "user", parts.userinfo);
    AppendPart(out, "host", parts.host);
    AppendPart(out, "port", parts.port);
    AppendPart(out, "path", parts.path);
    AppendPart(out, "tail", parts.tail);
    AppendPart(out, "query", parts.query);
    AppendPart(out, "frag", parts.fragment);
    return out;
}

static void
test_parse_urls(void **state)
{
    static const struct { const char *url, *expected; } cases[] = {
        {"http://www.example.com:8080/dir/file.html?x=1&y=2#frag",
         "proto={http} host={www.example.com} port={8080} path={dir} tail={file.html} query={x=1&y=2} frag={frag}"},
        {"http://h/p", "proto={http} host={h} path={} tail={p}"},
        {"http://host", "proto={http} host={host} path={} tail={}"},
        {"http://host/", "proto={http} host={host} path={} tail={}"},
        {"https://h:443/a/b/c", "proto={https} host={h} port={443} path={a/b} tail={c}"},
        {"http://h?x=y", "proto={http} host={h} path={} tail={} query={x=y}"},
        {"dir/file", "tail={dir/file}"},
        {"/dir/file.txt", "path={dir} tail={file.txt}"},
        {"/file", "path={} tail={file}"},
        {"/", "path={} tail={}"},
        {"file.txt", "tail={file.txt}"},
        {"//h:1/p/q", "host={h} port={1} path={p} tail={q}"},
        {"http://[::1]:80/x", "proto={http} host={::1} port={80} path={} tail={x}"},
        {"http://[2001:db8::1]/x", "proto={http} host={2001:db8::1} path={} tail={x}"},
        {"http://joe:pw@h:1/p", "proto={http} user={joe:pw} host={h} port={1} path={} tail={p}"},
        {"ftp://joe@h/p", "proto={ftp} user={joe} host={h} path={} tail={p}"},
        {"mailto:a@b.c", "proto={mailto} tail={a@b.c}"},
        {"file:///etc/passwd", "proto={file} host={} path={etc} tail={passwd}"},
        {"file:/a/b", "proto={file} path={a} tail={b}"},
        {"", ""},
        {"?a=b", "query={a=b}"},
        {"#frag", "frag={frag}"},
        {"http://h/p?", "proto={http} host={h} path={} tail={p} query={}"},
        {"http://h/p#", "proto={http} host={h} path={} tail={p} frag={}"},
        {"/a/b/", "path={a/b} tail={}"},
        {"/a/../b/./c", "path={a/../b/.} tail={c}"},
        {"HTTP://HOST/P", "proto={HTTP} host={HOST} path={} tail={P}"},
        {"http://h:0/", "proto={http} host={h} port={0} path={} tail={}"},
        {"http://h:x/p", "invalid authority"},
        {"http://h:/p", "invalid authority"},
        {"http://h:65536/p", "invalid authority"},
        {"http://[::1/p", "invalid authority"},
        {"http://[::1]x/p", "invalid authority"},
        {"http://u@/p", "invalid authority"},
        {"a+b-c.d://h/t", "proto={a+b-c.d} host={h} path={} tail={t}"},
        {"/a//b", "path={a/} tail={b}"},
        {"/a/b?c/d#e?f", "path={a} tail={b} query={c/d} frag={e?f}"},
        {"http://h?a=/b/c", "proto={http} host={h} path={} tail={} query={a=/b/c}"},
        {"1http://h/x", "tail={1http://h/x}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(Parsed(cases[i].url, false), cases[i].expected);
        assert_string_equal(Parsed(cases[i].url, true), cases[i].expected);
    }
}

static void
test_strict_urls(void **state)
{
    static const struct { const char *url, *error; } cases[] = {
        {"http://h/a b", "tail contains invalid character"},
        {"http://h/a%2", "tail contains invalid character"},
        {"http://h/a%zz", "tail contains invalid character"},
        {"http://h/a\"b/c", "path contains invalid character"},
        {"http://h/\xc3\xa4/c", "path contains invalid character"},
        {"http://h/c?a b", "query contains invalid character"},
        {"http://h/c?a[]", "query contains invalid character"},
        {"http://h/c#a#b", "fragment contains invalid character"},
        {"http://a^b@h/", "userinfo contains invalid character"},
    };

    (void)state;
    assert_string_equal(Parsed("http://h/a b", false), "proto={http} host={h} path={} tail={a b}");
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_not_equal(Parsed(cases[i].url, false), cases[i].error);
        assert_string_equal(Parsed(cases[i].url, true), cases[i].error);
    }
    assert_string_equal(Parsed("http://h/a%20b", true), "proto={http} host={h} path={} tail={a%20b}");
}

/* Any prefix of a URL is parsed without a look behind its end. */
static void
test_urls_cut_anywhere(void **state)
{
    static const char url[] = "http://joe:pw@[2001:db8::1]:8080/dir/file%20.html?x=1&y=%2#frag?";
    NsUrl             parts;
    const char       *error;

    (void)state;
    for (size_t len = 0; len < sizeof(url); len++) {
        (void)NsUrlParse(Guard(url, len), len, false, &parts, &error);
        (void)NsUrlParse(Guard(url, len), len, true, &parts, &error);
    }
    assert_true(NsUrlParse(url, sizeof(url) - 1, false, &parts, &error));
}

static void
CheckHostPort(const char *string, bool strict, const char *host, const char *port)
{
    NsSpan hostSpan, portSpan;
    bool   ok = NsHostPortParse(Guard(string, strlen(string)), strlen(string), strict, &hostSpan, &portSpan);

    assert_int_equal(ok, host != NULL);
    if (ok) {
        assert_true(NsSpanIs(hostSpan, host));
        if (port == NULL) {
            assert_null(portSpan.start);
        } else {
            assert_true(NsSpanIs(portSpan, port));
        }
    }
}

static void
test_host_and_port(void **state)
{
    static const struct { const char *string, *host, *port; } cases[] = {
        {"host:80", "host", "80"},
        {"host", "host", NULL},
        {"127.0.0.1:8000", "127.0.0.1", "8000"},
        {"[::1]:80", "::1", "80"},
        {"[::1]", "::1", NULL},
        {"[fe80::1%25eth0]:1", "fe80::1%25eth0", "1"},
        {"::1", NULL, NULL},
        {"", NULL, NULL},
        {"host:", NULL, NULL},
        {"host:abc", NULL, NULL},
        {"host:-1", NULL, NULL},
        {"host:65535", "host", "65535"},
        {"host:65536", NULL, NULL},
        {"host:99999999999999999999", NULL, NULL},
        {":80", NULL, NULL},
        {"[]", NULL, NULL},
        {"[::1", NULL, NULL},
        {"[::1]80", NULL, NULL},
        {"[a]", NULL, NULL},
        {"[: :]", NULL, NULL},
        {"HOST:8", "HOST", "8"},
        {"a b:1", NULL, NULL},
        {"a/b", NULL, NULL},
        {"my_host:1", "my_host", "1"},
        {"host:0", "host", "0"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        CheckHostPort(cases[i].string, false, cases[i].host, cases[i].port);
        CheckHostPort(cases[i].string, true, cases[i].host, cases[i].port);
    }
    CheckHostPort("a@b:1", false, "a@b", "1");
    CheckHostPort("a@b:1", true, NULL, NULL);
    CheckHostPort("[127.0.0.1]:80", false, "127.0.0.1", "80");
    CheckHostPort("[127.0.0.1]:80", true, NULL, NULL);
    CheckHostPort("[1]:80", false, NULL, NULL);
}

static void
test_port_numbers(void **state)
{
    (void)state;
    assert_int_equal(NsPortNumber((NsSpan){"0", 1}), 0);
    assert_int_equal(NsPortNumber((NsSpan){"65535", 5}), 65535);
    assert_int_equal(NsPortNumber((NsSpan){"65536", 5}), -1);
    assert_int_equal(NsPortNumber((NsSpan){"4294967376", 10}), -1);
    assert_int_equal(NsPortNumber((NsSpan){"", 0}), -1);
    assert_int_equal(NsPortNumber((NsSpan){NULL, 0}), -1);
    assert_int_equal(NsPortNumber((NsSpan){"8 ", 2}), -1);
}

/* ---------------------------------------------------------------------------------------------------------- paths */

static void
test_normalize_paths(void **state)
{
    static const struct { const char *path, *plain, *kept; } cases[] = {
        {"/a/b/../c", "/a/c", "/a/c"},
        {"/a/./b", "/a/b", "/a/b"},
        {"//a//b", "/a/b", "/a/b"},
        {"a/b", "/a/b", "/a/b"},
        {"/../../etc", "/etc", "/etc"},
        {"/a/b/", "/a/b", "/a/b/"},
        {"/a/b//", "/a/b", "/a/b/"},
        {"/", "/", "/"},
        {"//", "/", "/"},
        {"", "/", "/"},
        {".", "/", "/"},
        {"..", "/", "/"},
        {"/a/..", "/", "/"},
        {"/a/b/..", "/a", "/a/"},
        {"/a/.", "/a", "/a/"},
        {"/a/...", "/a/...", "/a/..."},
        {"/a/..b", "/a/..b", "/a/..b"},
        {"/a/b c", "/a/b c", "/a/b c"},
        {"/a/%2e%2e/b", "/a/%2e%2e/b", "/a/%2e%2e/b"},
        {"./x", "/x", "/x"},
        {"/a//../b", "/b", "/b"},
        {"\\a\\b", "/\\a\\b", "/\\a\\b"},
        {"/a/..\\..\\b", "/a/..\\..\\b", "/a/..\\..\\b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int keep = 0; keep < 2; keep++) {
            Tcl_DString ds;

            Tcl_DStringInit(&ds);
            Tcl_DStringAppend(&ds, "/root", -1);
            NsPathNormalize(&ds, Guard(cases[i].path, strlen(cases[i].path)), strlen(cases[i].path), keep);
            assert_string_equal(Tcl_DStringValue(&ds) + 5, keep ? cases[i].kept : cases[i].plain);
            assert_memory_equal(Tcl_DStringValue(&ds), "/root", 5);
            Tcl_DStringFree(&ds);
        }
    }
}

/* Every string of up to seven of these characters: the result is absolute, has no dots, no double slash. */
static void
test_no_path_leaves_the_root(void **state)
{
    static const char letters[] = "/.a";
    char              path[8];

    (void)state;
    for (int n = 0; n <= 7; n++) {
        int all = 1;

        for (int i = 0; i < n; i++) {
            all *= 3;
        }
        for (int code = 0; code < all; code++) {
            Tcl_DString ds;
            const char *out;

            for (int i = 0, rest = code; i < n; i++, rest /= 3) {
                path[i] = letters[rest % 3];
            }
            path[n] = '\0';
            Tcl_DStringInit(&ds);
            NsPathNormalize(&ds, path, (size_t)n, true);
            out = Tcl_DStringValue(&ds);
            assert_int_equal(out[0], '/');
            Tcl_DStringAppend(&ds, "/", 1);
            out = Tcl_DStringValue(&ds);
            assert_null(strstr(out, "/../"));
            assert_null(strstr(out, "/./"));
            Tcl_DStringFree(&ds);
        }
    }
}

/* ---------------------------------------------------------------------------------------------------------- UTF-8 */

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode_each_part),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_every_byte_survives_the_round_trip),
        cmocka_unit_test(test_parse_urls),
        cmocka_unit_test(test_strict_urls),
        cmocka_unit_test(test_urls_cut_anywhere),
        cmocka_unit_test(test_host_and_port),
        cmocka_unit_test(test_port_numbers),
        cmocka_unit_test(test_normalize_paths),
        cmocka_unit_test(test_no_path_leaves_the_root),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
