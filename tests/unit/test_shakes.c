/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Turns of TLS handshakes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "net/shakes.h"

#define MANY 1000

typedef struct Peer {                          /* one connection */
    NsShake shake;                             /* first: they are the same address */
    int     servedAt;                          /* as the how-many-th, from 1 */
    int     steps;                             /* that it wants still */
    struct sockaddr_storage addr;
} Peer;

static NsLoop   *loop;
static NsShakes *shakes;
static Peer      flood[MANY], others[10];
static int       served, left;                 /* until the loop stops */
static bool      costless;                       /* nothing is spent */
static NsTask    task;

static void
Address(Peer *peer, const char *text)
{
    struct sockaddr_in  *v4 = (struct sockaddr_in *)&peer->addr;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&peer->addr;

    memset(peer, 0, sizeof(*peer));
    peer->steps = 1;
    if (strchr(text, ':') != NULL) {
        v6->sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
    } else {
        v4->sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
    }
}

static bool Step(NsShake *shake);

static void
Ask(Peer *peer)
{
    if (NsShakesMay(shakes, &peer->shake, (struct sockaddr *)&peer->addr, Step)) {
        (void)Step(&peer->shake);
    }
}

static bool
Step(NsShake *shake)
{
    Peer *peer = (Peer *)shake;

    assert_false(shake->waits);
    peer->servedAt = ++served;
    shake->begun = true;
    if (--peer->steps > 0) {
        Ask(peer);
    }
    if (--left == 0) {
        NsLoopStop(loop);
    }
    return !costless;
}

/* Run `begin` on the loop, and on until `steps` were served. */
static void
Run(NsTaskProc *begin, int steps)
{
    served = 0;
    left = steps;
    task.proc = begin;
    NsLoopPost(loop, &task);
    NsLoopRun(loop);
    assert_int_equal(left, 0);
}

/* How many of the ten were among the first so many.  Addresses may fall onto the place of the flood, by chance. */
static int
OthersWithin(int count)
{
    int n = 0;

    for (int i = 0; i < 10; i++) {
        n += others[i].servedAt <= count;
    }
    return n;
}

static int
Setup(void **state)
{
    loop = NsLoopCreate("shakes");
    shakes = NsShakesCreate(loop);
    costless = false;
    return loop == NULL ? -1 : 0;
}

static int
Teardown(void **state)
{
    NsShakesFree(shakes);
    NsLoopDestroy(loop);
    return 0;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static void
FloodThenOthers(NsLoop *loop_, NsTask *task_)
{
    for (int i = 0; i < MANY; i++) {
        Ask(&flood[i]);
    }
    for (int i = 0; i < 10; i++) {
        Ask(&others[i]);
    }
}

/* 1000 that came before wait for the ten of other addresses, but for every fourth step. */
static void
test_a_flood_of_one_address_does_not_hold_up_others(void **state)
{
    char text[40];

    for (int i = 0; i < MANY; i++) {
        Address(&flood[i], "127.0.0.1");
    }
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof(text), i < 5 ? "127.0.0.%d" : "2001:db8:0:%d::1", i + 2);
        Address(&others[i], text);
    }
    Run(FloodThenOthers, MANY + 10);
    assert_in_range(OthersWithin(24), 8, 10);
    assert_int_equal(NsShakesWaiting(shakes), 0);
}

/* One that has begun is not behind those that have not: each kind gets half. */
static void
test_what_has_begun_goes_on(void **state)
{
    for (int i = 0; i < MANY; i++) {
        Address(&flood[i], "10.0.0.1");
    }
    for (int i = 0; i < 10; i++) {
        Address(&others[i], "10.0.0.1");       /* the same address even */
        others[i].shake.begun = true;
    }
    Run(FloodThenOthers, MANY + 10);
    assert_int_equal(OthersWithin(30), 10);
}

/* A flood from as many addresses as it has connections: each address has its turn, those with more to ask for behind. */
static void
test_many_addresses_take_turns(void **state)
{
    char text[40];

    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "10.1.0.%d", i % 100 + 1);
        Address(&flood[i], text);
    }
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof(text), "10.2.0.%d", i + 1);
        Address(&others[i], text);
    }
    Run(FloodThenOthers, MANY + 10);
    assert_in_range(OthersWithin(180), 5, 10);         /* 100 that were new before them, and a fourth of the others' */
}

/* IPv6: a subscriber has a /64, and cannot be many. */
static void
test_a_prefix_is_one_address(void **state)
{
    char text[40];

    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "2001:db8::%x", i + 1);
        Address(&flood[i], text);
    }
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof(text), "2001:db8:1:%x::1", i + 1);
        Address(&others[i], text);
    }
    Run(FloodThenOthers, MANY + 10);
    assert_in_range(OthersWithin(24), 8, 10);
}

/* Steps on which nothing was spent do not count, and one after the other asks again from within its own. */
static void
test_steps_that_cost_nothing_and_steps_that_follow(void **state)
{
    costless = true;
    for (int i = 0; i < MANY; i++) {
        Address(&flood[i], "127.0.0.1");
        flood[i].steps = 3;
    }
    for (int i = 0; i < 10; i++) {
        Address(&others[i], "127.0.0.2");
        others[i].steps = 3;
    }
    Run(FloodThenOthers, 3 * (MANY + 10));
    assert_int_equal(NsShakesWaiting(shakes), 0);
}

static void
LeaveAndFree(NsLoop *loop_, NsTask *task_)
{
    FloodThenOthers(loop_, task_);
    assert_true(NsShakesWaiting(shakes) > MANY);
    for (int i = MANY - 1; i >= 0; i--) {
        NsShakesLeave(shakes, &flood[i].shake);
        NsShakesLeave(shakes, &flood[i].shake);        /* may be called in any case */
    }
    for (int i = 0; i < 10; i++) {
        NsShakesLeave(shakes, &others[i].shake);
    }
    assert_int_equal(NsShakesWaiting(shakes), 0);
    NsShakesFree(shakes);                      /* its tasks are on their way */
    shakes = NULL;
    NsLoopStop(loop_);
}

static void
test_leaving_and_freeing_while_tasks_are_under_way(void **state)
{
    for (int i = 0; i < MANY; i++) {
        Address(&flood[i], "127.0.0.1");
    }
    for (int i = 0; i < 10; i++) {
        Address(&others[i], "127.0.0.2");
    }
    served = 0;
    left = MANY;
    task.proc = LeaveAndFree;
    NsLoopPost(loop, &task);
    NsLoopRun(loop);
    assert_in_range(served, 0, 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_flood_of_one_address_does_not_hold_up_others, Setup, Teardown),
        cmocka_unit_test_setup_teardown(test_what_has_begun_goes_on, Setup, Teardown),
        cmocka_unit_test_setup_teardown(test_many_addresses_take_turns, Setup, Teardown),
        cmocka_unit_test_setup_teardown(test_a_prefix_is_one_address, Setup, Teardown),
        cmocka_unit_test_setup_teardown(test_steps_that_cost_nothing_and_steps_that_follow, Setup, Teardown),
        cmocka_unit_test_setup_teardown(test_leaving_and_freeing_while_tasks_are_under_way, Setup, Teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
