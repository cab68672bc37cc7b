/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The store of nsperm: users, hosts, records.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "../../modules/nsperm/store.h"

static PermStore *store;

static int
Setup(void **state)
{
    store = PermStoreNew("unit");
    return 0;
}

static int
Teardown(void **state)
{
    PermStoreFree(store);
    return 0;
}

/* A user whose password is his name. */
static bool
Add(PermStore *to, const char *name, bool filed)
{
    const PermUserSpec spec = {.name = name, .password = name, .field = "", .clear = true};
    Tcl_DString        error;
    bool               done;

    Tcl_DStringInit(&error);
    done = PermAddUser(to, &spec, filed, &error);
    Tcl_DStringFree(&error);
    return done;
}

static Ns_ReturnCode
Ask(const char *method, const char *url, const char *user)
{
    const Ns_AuthQuestion question = {.method = method, .url = url, .user = user, .password = user, .peer = "192.0.2.1"};

    return PermCheck(store, &question);
}

static void
Hosts(void **state)
{
    static const char *const good[][3] = {
        /* filter, one that it has, one that it has not */
        {"10.1.2.3", "10.1.2.3", "10.1.2.4"}, {"10.1.0.0/16", "10.1.255.0", "10.2.0.0"}, {"10.1.0.0/255.255.0.0", "10.1.0.1", "10.0.255.255"},
        {"0.0.0.0/0", "203.0.113.9", "2001:db8::1"}, {"192.0.2.128/25", "192.0.2.129", "192.0.2.127"}, {"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
        {"::1", "::1", "127.0.0.1"}, {"::/0", "127.0.0.1", "x"}, {"::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"}, {"10.0.0.7/32", "::ffff:10.0.0.7", "10.0.0.6"},
        {"localhost", "127.0.0.1", "192.0.2.1"}
    };
    static const char *const bad[] = {"", "/", "/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/", "10.0.0", "1.2.3.4.5", "::1/129",
                                      "::1/255.0.0.0", "10.0.0.0/255.0.255.0", "a b", "host/8", "a..b", "12"};
    PermHost host;
    size_t   i;

    for (i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(PermHostRead(good[i][0], &host));
        assert_string_equal(host.text, good[i][0]);
        assert_true(PermHostMatches(&host, 1, good[i][1], false));
        assert_false(PermHostMatches(&host, 1, good[i][2], false));
        assert_false(PermHostMatches(&host, 1, "", false));
        assert_true(PermHostMatches(&host, 1, "unknown", true));       /* who is denied somewhere must have an address */
        assert_false(PermHostMatches(&host, 0, good[i][1], false));
        PermHostFree(&host);
    }
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(PermHostRead(bad[i], &host));
    }
}

static void
Passwords(void **state)
{
    const PermUserSpec admin = {.name = PERM_ADMIN, .password = "", .field = ""}, open = {.name = "open", .password = "", .field = ""};
    Tcl_DString        ds;

    assert_true(Add(store, "ann", false));
    assert_false(Add(store, "ann", false));
    assert_int_equal(PermCheckPassword(store, "ann", "ann"), PERM_RIGHT);
    assert_int_equal(PermCheckPassword(store, "ann", "annn"), PERM_WRONG);
    assert_int_equal(PermCheckPassword(store, "ann", "an"), PERM_WRONG);
    assert_int_equal(PermCheckPassword(store, "ann", "annann"), PERM_WRONG);
    assert_int_equal(PermCheckPassword(store, "ann", ""), PERM_WRONG);
    assert_int_equal(PermCheckPassword(store, "Ann", "ann"), PERM_UNKNOWN);

    /* Who has no password has any, but for the one who may do all. */
    Tcl_DStringInit(&ds);
    assert_true(PermAddUser(store, &admin, false, &ds));
    assert_true(PermAddUser(store, &open, false, &ds));
    assert_int_equal(PermCheckPassword(store, "open", "x"), PERM_RIGHT);
    assert_int_equal(PermCheckPassword(store, PERM_ADMIN, ""), PERM_WRONG);

    /* Nobody is not somebody who may log in. */
    assert_true(Add(store, "", false));
    assert_int_equal(PermCheckPassword(store, "", ""), PERM_UNKNOWN);

    Ns_PasswordSetting(&ds);
    assert_int_equal(Tcl_DStringLength(&ds), 3 + 16);
    assert_true(Ns_PasswordCrypt(&ds, "new", "$5$salt"));
    assert_true(PermSetPassword(store, "ann", Tcl_DStringValue(&ds) + 19));
    assert_int_equal(PermCheckPassword(store, "ann", "new"), PERM_RIGHT);
    assert_int_equal(PermCheckPassword(store, "ann", "new\xC0\x80"), PERM_WRONG);      /* a NUL ends no password */
    assert_false(PermSetPassword(store, "ghost", "x"));
    assert_false(Ns_PasswordCrypt(&ds, "x", "*0"));
    assert_false(Ns_PasswordCheck("x", "*0"));
    Tcl_DStringFree(&ds);
}

static void
Records(void **state)
{
    assert_true(Add(store, "ann", false));
    assert_true(Add(store, "bob", false));
    assert_int_equal(Ask("GET", "/a", ""), NS_CONTINUE);
    PermAdd(store, PERM_ALLOW_USER, true, "GET", "/a//b/", "ann", false);
    assert_int_equal(Ask("GET", "/a", ""), NS_CONTINUE);
    assert_int_equal(Ask("GET", "/a/b", ""), NS_UNAUTHORIZED);
    assert_int_equal(Ask("GET", "//a/b/c", "ann"), NS_OK);
    assert_int_equal(Ask("GET", "/a/bc", "bob"), NS_CONTINUE);
    assert_int_equal(Ask("POST", "/a/b", "bob"), NS_CONTINUE);
    assert_int_equal(Ask("HEAD", "/a/b", "bob"), NS_UNAUTHORIZED);             /* that of GET */
    PermAdd(store, PERM_DENY_USER, false, "GET", "/a/b", "bob", false);        /* this URL alone, beside the other */
    assert_int_equal(Ask("GET", "/a/b", "bob"), NS_FORBIDDEN);
    assert_int_equal(Ask("GET", "/a/b", ""), NS_OK);
    assert_int_equal(Ask("GET", "/a/b/c", ""), NS_UNAUTHORIZED);
    PermAdd(store, PERM_DENY_USER, true, "GET", "/a/b/*.x", "ann", false);
    assert_int_equal(Ask("GET", "/a/b/c/d.x", "ann"), NS_FORBIDDEN);
    assert_int_equal(Ask("GET", "/a/b/c/d.y", "ann"), NS_OK);
    assert_int_equal(Ask("GET", "/a/b/c/d.x", "bob"), NS_OK);
    PermAdd(store, PERM_DENY_USER, true, "GET", "/", "ann", false);
    assert_int_equal(Ask("GET", "/", "ann"), NS_FORBIDDEN);
    assert_int_equal(Ask("GET", "/z", "ann"), NS_FORBIDDEN);
    assert_true(PermDelete(store, true, "GET", "/a/b/*.x"));
    assert_false(PermDelete(store, false, "GET", "/a/b/*.x"));
    assert_int_equal(Ask("GET", "/a/b/c/d.x", "ann"), NS_OK);
    assert_int_equal(Ask("GET", "/a/b/c/d.x", "ghost"), NS_UNAUTHORIZED);
}

static void
Groups(void **state)
{
    const char *const both[] = {"ann", "bob"}, *const one[] = {"ann"}, *const ghost[] = {"ann", "ghost"};
    Tcl_DString       ds;

    Tcl_DStringInit(&ds);
    assert_true(Add(store, "ann", false) && Add(store, "bob", false));
    assert_true(PermAddGroup(store, "all", 2, both, false, &ds));
    assert_true(PermAddGroup(store, "few", 1, one, false, &ds));
    assert_false(PermAddGroup(store, "none", 2, ghost, false, &ds));
    assert_string_equal(Tcl_DStringValue(&ds), "no such user: ghost");
    PermAdd(store, PERM_ALLOW_GROUP, true, "GET", "/", "all", false);
    PermAdd(store, PERM_DENY_GROUP, true, "GET", "/", "few", false);
    assert_int_equal(Ask("GET", "/", "ann"), NS_FORBIDDEN);
    assert_int_equal(Ask("GET", "/", "bob"), NS_OK);
    assert_true(PermDeleteGroup(store, "few"));
    assert_int_equal(Ask("GET", "/", "ann"), NS_OK);
    Tcl_DStringSetLength(&ds, 0);
    PermListRecords(store, &ds);
    assert_string_equal(Tcl_DStringValue(&ds), "{GET / * inherit -allowgroup {all} -denygroup {few}}");
    Tcl_DStringFree(&ds);
}

/* What files said goes when they are read again; what scripts said stays, also in the same record. */
static void
Reload(void **state)
{
    PermStore  *loaded;
    Tcl_DString ds;

    assert_true(Add(store, "filed", true) && Add(store, "gone", true) && Add(store, "script", false));
    PermAdd(store, PERM_ALLOW_USER, true, "GET", "/a", "gone", true);
    PermAdd(store, PERM_ALLOW_USER, true, "GET", "/a", "script", false);
    PermAdd(store, PERM_ALLOW_USER, true, "GET", "/b", "gone", true);
    PermAdd(store, PERM_ALLOW_USER, true, "GET", "/a", "script", true);        /* it is the script's as well */
    loaded = PermStoreNew("loaded");
    assert_true(Add(loaded, "filed", true) && Add(loaded, "new", true));
    PermAdd(loaded, PERM_DENY_USER, true, "GET", "/c", "new", true);
    PermAdd(loaded, PERM_ALLOW_USER, true, "GET", "/a", "filed", true);
    PermReplaceFiled(store, loaded);
    assert_int_equal(PermCheckPassword(store, "gone", "gone"), PERM_UNKNOWN);
    assert_int_equal(PermCheckPassword(store, "new", "new"), PERM_RIGHT);
    assert_int_equal(PermCheckPassword(store, "script", "script"), PERM_RIGHT);
    Tcl_DStringInit(&ds);
    PermListRecords(store, &ds);
    assert_string_equal(Tcl_DStringValue(&ds),
                        "{GET /a * inherit -allowuser {filed script}} {GET /c * inherit -implicitallow  -denyuser {new}}");
    Tcl_DStringFree(&ds);
}

/* The files' deny had opened it; without it what the script allows is all that it says, as after a new start. */
static void
a_deny_that_is_gone_from_the_files_leaves_no_record_open(void **state)
{
    assert_true(Add(store, "ann", false) && Add(store, "bob", true));
    PermAdd(store, PERM_DENY_USER, true, "GET", "/a", "bob", true);
    PermAdd(store, PERM_ALLOW_USER, true, "GET", "/a", "ann", false);
    assert_int_equal(Ask("GET", "/a", ""), NS_OK);
    PermReplaceFiled(store, PermStoreNew("loaded"));
    assert_int_equal(Ask("GET", "/a", "ann"), NS_OK);
    assert_int_equal(Ask("GET", "/a", ""), NS_UNAUTHORIZED);
}

static void
hosts_of_both_kinds_do_not_undo_each_other(void **state)
{
    PermHost   *hosts;
    Tcl_DString error;

    Tcl_DStringInit(&error);
    assert_true(Add(store, "ann", false));
    PermAdd(store, PERM_ALLOW_USER, true, "GET", "/", "ann", false);
    for (int i = 0; i < 3; i++) {
        hosts = ns_calloc(1, sizeof *hosts);
        assert_true(PermHostRead(i == 0 ? "10.0.0.1" : i == 1 ? "192.0.2.1" : "10.0.0.2", hosts));
        assert_int_equal(PermAddHosts(store, "ann", i == 2, hosts, 1, &error), i < 2);
        assert_int_equal(Ask("GET", "/", "ann"), i == 0 ? NS_UNAUTHORIZED : NS_OK);
    }
    assert_string_equal(Tcl_DStringValue(&error), "hosts that are allowed and hosts that are denied for the same user: ann");
    Tcl_DStringFree(&error);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(Hosts), cmocka_unit_test_setup_teardown(Passwords, Setup, Teardown),
        cmocka_unit_test_setup_teardown(Records, Setup, Teardown), cmocka_unit_test_setup_teardown(Groups, Setup, Teardown),
        cmocka_unit_test_setup_teardown(Reload, Setup, Teardown),
        cmocka_unit_test_setup_teardown(a_deny_that_is_gone_from_the_files_leaves_no_record_open, Setup, Teardown),
        cmocka_unit_test_setup_teardown(hosts_of_both_kinds_do_not_undo_each_other, Setup, Teardown),
    };

    Tcl_FindExecutable(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
