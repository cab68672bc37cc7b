/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Parsing ADP pages: what is text, what is a script, and on which line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "adp/scan.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char huge[16 * 1024 * 1024];            /* filled by the test that uses it */

/* Tags: <one>, <box>...</box>, <vals>...</vals>, <page>, <in>...</in>; <x> ends with <y>. */
static const struct { const char *name; NsAdpTag tag; } tags[] = {
    {"one",  {NS_ADP_TAG_SCRIPT, NULL, "one"}},
    {"box",  {NS_ADP_TAG_SCRIPT, "/box", "box it"}},
    {"val",  {NS_ADP_TAG_PROC, NULL, "val"}},
    {"vals", {NS_ADP_TAG_PROC, "/vals", "vals"}},
    {"page", {NS_ADP_TAG_PAGE, NULL, "<b><%= 1 %></b>"}},
    {"in",   {NS_ADP_TAG_PAGE, "/in", "in"}},
    {"x",    {NS_ADP_TAG_PROC, "y", "x"}},
    {"huge", {NS_ADP_TAG_SCRIPT, NULL, huge}},
};

static const NsAdpTag *
FindTag(const void *arg, const char *name)
{
    for (size_t i = 0; i < COUNT(tags); i++) {
        if (strcmp(tags[i].name, name) == 0) {
            return &tags[i].tag;
        }
    }
    return NULL;
}

static const NsAdpTags all = {FindTag, NULL, NULL, 5};
static const NsAdpTags named = {FindTag, NULL, "own set", 5};

/* The blocks, in brackets: text as it is, a script behind its line. */
static void
Render(const char *source, unsigned flags, const NsAdpTags *set, Tcl_DString *ds)
{
    NsAdpCode code;
    char      line[32];
    int       scripts = 0;

    NsAdpParse(&code, source, strlen(source), flags, set);
    Tcl_DStringInit(ds);
    for (int i = 0; i < code.count; i++) {
        const NsAdpBlock *block = &code.blocks[i];

        assert_true(block->len > 0 && block->start + block->len < code.textLen);
        assert_int_equal(code.text[block->start + block->len], 0);
        assert_int_equal(strlen(code.text + block->start), block->len);
        snprintf(line, sizeof line, block->script ? "{%d:" : "[", block->line);
        Tcl_DStringAppend(ds, line, -1);
        Tcl_DStringAppend(ds, code.text + block->start, -1);
        Tcl_DStringAppend(ds, block->script ? "}" : "]", 1);
        scripts += block->script ? 1 : 0;
    }
    assert_int_equal(scripts, code.scripts);
    assert_true(NsAdpCodeSize(&code) >= code.textLen);
    NsAdpCodeFree(&code);
}

typedef struct Case { const char *source, *expected; } Case;

static void
CheckAll(const Case *cases, size_t count, unsigned flags, const NsAdpTags *set)
{
    for (size_t i = 0; i < count; i++) {
        Tcl_DString ds;

        Render(cases[i].source, flags, set, &ds);
        assert_string_equal(Tcl_DStringValue(&ds), cases[i].expected);
        Tcl_DStringFree(&ds);
    }
}

static void
test_blocks(void **state)
{
    static const Case cases[] = {
        {"", ""},
        {"text", "[text]"},
        {"<% a %>", "{1: a }"},
        {"x<% a %>y", "[x]{1: a }[y]"},
        {"<%=a%>", "{1:ns_adp_append a}"},
        {"<%= $x $y %>", "{1:ns_adp_append  $x $y }"},
        {"<%%>", ""},
        {"a<%%>b", "[ab]"},
        {"<%-- a --%>", ""},
        {"x<%-- <% a %> --%>y", "[xy]"},
        {"<%-- a %>x", "{1:-- a }[x]"},                    /* no comment: nothing ends it */
        {"a<% b", "[a<% b]"},
        {"a<%= b", "[a<%= b]"},
        {"a %> b", "[a %> b]"},
        {"<%>", "[<%>]"},
        {"<% a %><% b %>\n\n<% c %>", "{1: a }{1: b }[\n\n]{3: c }"},
        {"\n<%\na\n%>\n<%= b %>", "[\n]{2:\na\n}[\n]{5:ns_adp_append  b }"},
        {"<% f {<% a %>} %>x", "{1: f {<% a %>} }[x]"},
        {"<% f {<% a %>b<%= c %>} %>x", "{1: f {<% a %>b<%= c %>} }[x]"},
        {"<% p \"<%\" %>x<% b %>", "{1: p \"<%\" }[x]{1: b }"},
        {"<% p \"<%\" %>x", "{1: p \"<%\" }[x]"},
        {"a < b <> <", "[a < b <> <]"},
        {"<", "[<]"},
        {"100%", "[100%]"},
        {"<%", "[<%]"},
        {"%><%", "[%><%]"},
    };

    CheckAll(cases, COUNT(cases), 0, NULL);
    CheckAll(cases, COUNT(cases), 0, &all);
}

static void
test_server_scripts(void **state)
{
    static const Case cases[] = {
        {"a<script runat=server>b</script>c", "[a]{1:b}[c]"},
        {"<SCRIPT LANGUAGE=\"TCL\" RUNAT='Server'>b</SCRIPT >c", "{1:b}[c]"},
        {"<script language=tcl runat=server stream=on>b</script>", "{1:ns_adp_stream true;b}"},
        {"<script runat=server stream=off>b</script>", "{1:b}"},
        {"<script>b</script>", "[<script>b</script>]"},
        {"<script language=javascript runat=server>b</script>", "[<script language=javascript runat=server>b</script>]"},
        {"<script runat=client>b</script>", "[<script runat=client>b</script>]"},
        {"<script runat=server>b", "[<script runat=server>b]"},
        {"<script runat=server>b</script", "[<script runat=server>b</script]"},
        {"<script runat=server", "[<script runat=server]"},
        {"<script runat=server>if {1<2} {}</script>", "{1:if {1<2} {}}"},
        {"<scripts runat=server>b</scripts>", "[<scripts runat=server>b</scripts>]"},
        {"<script runat=server>\n<% b %></script>c", "{1:\n<% b %>}[c]"},
    };

    CheckAll(cases, COUNT(cases), 0, NULL);
    CheckAll(cases, COUNT(cases), 0, &all);
}

static void
test_tags(void **state)
{
    static const Case cases[] = {
        {"a<one>b", "[a]{1:ns_adp_append [one [ns_set create -- one]]}[b]"},
        {"<ONE><One/><one />", "{1:ns_adp_append [one [ns_set create -- ONE]]}{1:ns_adp_append [one [ns_set create -- One]]}"
                               "{1:ns_adp_append [one [ns_set create -- one]]}"},
        {"<one a=1 b=\"two w\" c>", "{1:ns_adp_append [one [ns_set create -- one a 1 b {two w} c c]]}"},
        {"<box>in</box>x", "{1:ns_adp_append [box it in [ns_set create -- box]]}[x]"},
        {"<box a=b></BOX>x", "{1:ns_adp_append [box it {} [ns_set create -- box a b]]}[x]"},
        {"<box>1<box>2</box>3</box>4", "{1:ns_adp_append [box it 1<box>2</box>3 [ns_set create -- box]]}[4]"},
        {"<box>1<box>2</box>", "[<box>1]{1:ns_adp_append [box it 2 [ns_set create -- box]]}"},
        {"</box>", "[</box>]"},
        {"<box>", "[<box>]"},
        {"<box>\n<% a %>\n</box><% b %>", "{1:ns_adp_append [box it {\n<% a %>\n} [ns_set create -- box]]}{3: b }"},
        {"<val a=1 b=2><vals c>in</vals>", "{1:ns_adp_append [val 1 2]}{1:ns_adp_append [vals c in]}"},
        {"<page><page a=1>", "{1:ns_adp_append [ns_adp_parse -string -- {<b><%= 1 %></b>} [ns_set create -- page]]}"
                             "{1:ns_adp_append [ns_adp_parse -string -- {<b><%= 1 %></b>} [ns_set create -- page a 1]]}"},
        {"<in>c d</in>", "{1:ns_adp_append [ns_adp_parse -string -- in {c d} [ns_set create -- in]]}"},
        {"<x>c<y>d", "{1:ns_adp_append [x c]}[d]"},
        {"<box><vals></box></vals>", "{1:ns_adp_append [box it <vals> [ns_set create -- box]]}[</vals>]"},
        {"<ones><on>< one>", "[<ones><on>< one>]"},
        {"<one", "[<one]"},
        {"<one a=\">\">b", "{1:ns_adp_append [one [ns_set create -- one a >]]}[b]"},
        {"<one a=\"<% > %>\" b>c", "{1:ns_adp_append [one [ns_set create -- one a {<% > %>} b b]]}[c]"},
        {"<one a=\"b>c", "{1:ns_adp_append [one [ns_set create -- one a {\"b}]]}[c]"},       /* not closed: up to the next '>' */
        {"<one it's>c", "{1:ns_adp_append [one [ns_set create -- one it's it's]]}[c]"},
        {"\n\n<one>\n<val>", "[\n\n]{3:ns_adp_append [one [ns_set create -- one]]}[\n]{4:ns_adp_append [val]}"},
    };
    static const Case own[] = {
        {"<page>", "{1:ns_adp_append [ns_adp_parse -tagset {own set} -string -- {<b><%= 1 %></b>} [ns_set create -- page]]}"},
    };

    CheckAll(cases, COUNT(cases), 0, &all);
    CheckAll(own, COUNT(own), 0, &named);
}

static void
test_attributes(void **state)
{
    static const Case cases[] = {
        {"a=1", "(a|1)"},
        {" a = 1  b ", "(a|1)(b|b)"},
        {"@a@ ne \"\"", "(@a@|@a@)(ne|ne)(\"\"|\"\")"},
        {"@a@ eq 'x y'", "(@a@|@a@)(eq|eq)('x y'|'x y')"},
        {"a='x \"y\"'", "(a|x \"y\")"},
        {"a=\"\"", "(a|)"},
        {"a=", "(a|)"},
        {"a= b=c", "(a|b=c)"},
        {"=b", "(=b|=b)"},
        {"= b", "(=|=)(b|b)"},
        {"a=b=c", "(a|b=c)"},
        {"a/", "(a/|a/)"},
        {"a /", "(a|a)"},
        {"/ a", "(/|/)(a|a)"},
        {"a=\"b", "(a|\"b)"},
        {"a=\"b\"c", "(a|b)(c|c)"},
        {"\"a b\"=c", "(\"a b\"|c)"},
        {"", ""},
        {" \t\r\n", ""},
        {"a\n=\n1", "(a|1)"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *at = cases[i].source, *end = at + strlen(at);
        NsAdpAttr   attr;
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        while (NsAdpNextAttr(&at, end, &attr)) {
            Tcl_DStringAppend(&ds, "(", 1);
            Tcl_DStringAppend(&ds, attr.name, (int)attr.nameLen);
            Tcl_DStringAppend(&ds, "|", 1);
            Tcl_DStringAppend(&ds, attr.value, (int)attr.valueLen);
            Tcl_DStringAppend(&ds, ")", 1);
        }
        assert_string_equal(Tcl_DStringValue(&ds), cases[i].expected);
        Tcl_DStringFree(&ds);
    }
}

static void
test_flags(void **state)
{
    static const Case safe[] = {
        {"a<% b %>c<%= d %>e", "[ace]"},
        {"<script runat=server>b</script>c", "[c]"},
        {"<one>x<% b %>", "{1:ns_adp_append [one [ns_set create -- one]]}[x]"},
    };
    static const Case single[] = {
        {"text", "[text]"},
        {"<% for {} {} {} { %>a b<% } %>", "{1: for {} {} {} { \nns_adp_append {a b}\n } \n}"},
        {"{<% a %>", "{1:ns_adp_append \\{\n a \n}"},
        {"<% # a %>b", "{1: # a \nns_adp_append b\n}"},
    };
    static const Case tcl[] = {
        {"a <% b %>", "{1:a <% b %>}"},
        {"", ""},
    };
    static const Case none[] = {
        {"a", ""},
    };

    CheckAll(safe, COUNT(safe), NS_ADP_PARSE_SAFE, &all);
    CheckAll(single, COUNT(single), NS_ADP_PARSE_SINGLE, &all);
    CheckAll(tcl, COUNT(tcl), NS_ADP_PARSE_TCL, &all);
    CheckAll(none, COUNT(none), NS_ADP_PARSE_TCL | NS_ADP_PARSE_SAFE, &all);
}

/* The time that a page takes does not depend on what is left open in it: this is over at once, or takes minutes. */
static void
test_left_open(void **state)
{
    static const char *const pieces[] = {"<% \"<%\" ", "<box><in>", "<one a=\"", "<one a='x\" ", "<script runat=server>", "<%-- ", "<box <% ",
                                         "<vals a=\"<% \"", "<x><y <box>", "<one \"> \" ", "<one a='> ' ", "<one ", "</box ", "<box></box </box ",
                                         "<script ", "<script \"> \" ", "<%-- %>", "<one <% > ", "<one \"<one '", "<one a=\"> <% \" %>"};

    for (size_t i = 0; i < 2 * COUNT(pieces); i++) {
        Tcl_DString page;
        NsAdpCode   code;

        Tcl_DStringInit(&page);
        while (Tcl_DStringLength(&page) < 600000) {
            Tcl_DStringAppend(&page, pieces[i / 2], -1);
        }
        if (i % 2 == 1) {                      /* the same, and what ends it far behind */
            Tcl_DStringAppend(&page, "%> >", -1);
        }
        NsAdpParse(&code, Tcl_DStringValue(&page), (size_t)Tcl_DStringLength(&page), 0, &all);
        assert_true(code.count > 0);
        NsAdpCodeFree(&code);
        Tcl_DStringFree(&page);
    }
}

/* A few bytes for each tag are megabytes of code. */
static void
test_too_large(void **state)
{
    static const unsigned flags[] = {0, NS_ADP_PARSE_SAFE, NS_ADP_PARSE_SINGLE};
    NsAdpCode   code;
    Tcl_DString page;

    memset(huge, 'h', sizeof huge - 1);
    Tcl_DStringInit(&page);
    for (int i = 0; i < 40; i++) {
        Tcl_DStringAppend(&page, "<huge>", -1);
    }
    for (size_t i = 0; i < COUNT(flags); i++) {
        assert_false(NsAdpParse(&code, Tcl_DStringValue(&page), (size_t)Tcl_DStringLength(&page), flags[i], &all));
        assert_null(code.text);
    }
    assert_true(NsAdpParse(&code, "<huge>", 6, 0, &all));
    NsAdpCodeFree(&code);
    assert_false(NsAdpParse(&code, "", (size_t)NS_ADP_MAX_SOURCE + 1, NS_ADP_PARSE_TCL, &all));
    Tcl_DStringFree(&page);
}

static void
test_made_by_hand(void **state)
{
    NsAdpCode code;

    NsAdpCodeInit(&code);
    NsAdpCodeAdd(&code, false, "", 0, 1);
    assert_int_equal(code.count, 0);
    for (int i = 0; i < 1000; i++) {
        NsAdpCodeAdd(&code, false, "ab", 2, 1);
        NsAdpCodeAdd(&code, false, "cd", 2, 1);
        NsAdpCodeAdd(&code, true, "script", 6, i);
    }
    assert_int_equal(code.count, 2000);
    assert_int_equal(code.scripts, 1000);
    for (int i = 0; i < code.count; i++) {
        assert_string_equal(code.text + code.blocks[i].start, i % 2 == 0 ? "abcd" : "script");
    }
    NsAdpCodeFree(&code);
    assert_null(code.text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),     cmocka_unit_test(test_server_scripts), cmocka_unit_test(test_tags),
        cmocka_unit_test(test_attributes), cmocka_unit_test(test_flags),          cmocka_unit_test(test_left_open),
        cmocka_unit_test(test_too_large),  cmocka_unit_test(test_made_by_hand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
