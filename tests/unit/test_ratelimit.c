/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Rate limits, with a clock of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "net/ratelimit.h"

#define SECOND 1000000

/* Send all that may be sent at `now`, of `wanted`. */
static size_t
SendAll(NsPacer *pacer, size_t wanted, int64_t now)
{
    size_t sent = 0, n;

    while (wanted > sent && (n = NsPacerAllow(pacer, wanted - sent, now)) > 0) {
        NsPacerSent(pacer, n);
        sent += n;
    }
    return sent;
}

/* Microseconds that `total` bytes take when the sender wakes up `late` after it may. */
static int64_t
TimeFor(int64_t rate, size_t total, int64_t late)
{
    NsPacer pacer;
    int64_t now = 5 * SECOND, begin = now;
    size_t  sent = 0;

    NsPacerInit(&pacer, rate, NULL);
    while (1) {
        sent += SendAll(&pacer, total - sent, now);
        if (sent == total) {
            return now - begin;
        }
        assert_true(pacer.due > now);
        now = pacer.due + late;
    }
}

static void
no_rate_is_no_limit(void **state)
{
    NsPacer pacer;

    NsPacerInit(&pacer, 0, NULL);
    assert_int_equal(NsPacerAllow(&pacer, 1 << 30, 1), 1 << 30);
    NsPacerSent(&pacer, 1 << 30);
    assert_int_equal(NsPacerAllow(&pacer, 77, 1), 77);
    assert_int_equal(pacer.waits, 0);
}

static void
bytes_take_their_time(void **state)
{
    static const int64_t rates[] = {1, 100, 1024, 50000, 2000000, 125000000, 10000000000};

    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        /* three seconds' worth, of which a sixteenth of a second (or two seconds, of slow ones two quanta) goes at once */
        int64_t took = TimeFor(rates[i], (size_t)rates[i] * 3, 0);
        int64_t atOnce = 2 * (int64_t)NsRateQuantum(rates[i], 1) * SECOND / rates[i];

        assert_in_range(took, 3 * SECOND - atOnce - 1000, 3 * SECOND);
    }
}

static void
a_late_wake_up_costs_nothing(void **state)
{
    int64_t onTime = TimeFor(2000000, 10000000, 0);

    assert_in_range(TimeFor(2000000, 10000000, 8000), onTime, onTime + 20000);
    assert_in_range(TimeFor(2000000, 10000000, 30000), onTime, onTime + 70000);
}

static void
idle_time_is_not_saved_up(void **state)
{
    NsPacer pacer;

    NsPacerInit(&pacer, 3200000, NULL);
    assert_int_equal(SendAll(&pacer, 10000000, SECOND), 200000);
    /* ten seconds later: what a sixteenth of a second is worth, not ten seconds */
    assert_in_range(SendAll(&pacer, 10000000, 11 * SECOND), 100000, 300000);
}

static void
what_was_allowed_and_not_taken_stays(void **state)
{
    NsPacer pacer;
    int64_t now = SECOND;

    NsPacerInit(&pacer, 320000, NULL);
    assert_int_equal(NsPacerAllow(&pacer, 50000, now), 10000);
    NsPacerSent(&pacer, 4000);                 /* the socket was full */
    NsPacerIdle(&pacer);
    assert_int_equal(NsPacerAllow(&pacer, 50000, now + 100), 6000);
    assert_int_equal(NsPacerAllow(&pacer, 5, now + 100), 5);
    NsPacerSent(&pacer, 6000);
}

static void
the_same_wait_is_counted_once(void **state)
{
    NsPacer pacer;

    NsPacerInit(&pacer, 320000, NULL);
    (void)SendAll(&pacer, 1000000, SECOND);
    assert_int_equal(pacer.waits, 1);
    assert_int_equal(NsPacerAllow(&pacer, 1000000, SECOND + 1), 0);
    assert_int_equal(NsPacerAllow(&pacer, 1000000, SECOND + 2), 0);
    assert_int_equal(pacer.waits, 1);
}

static void
a_new_rate_counts_at_once(void **state)
{
    NsPacer pacer;

    NsPacerInit(&pacer, 1, NULL);              /* a byte per second */
    (void)SendAll(&pacer, 1000, SECOND);
    assert_true(pacer.due > SECOND);
    NsPacerSetRate(&pacer, 0);
    assert_int_equal(SendAll(&pacer, 1000000, SECOND + 10), 1000000);
    NsPacerSetRate(&pacer, 320000);
    assert_int_equal(SendAll(&pacer, 1000000, SECOND + 20), 20000);
}

/* ---- sharing ---- */

typedef struct Sender {
    NsPacer pacer;
    size_t  sent;
    size_t  capacity;                          /* bytes per millisecond that its client takes */
} Sender;

static void
ShareOut(Sender *senders, int count, int64_t rate, NsRateShare *share)
{
    NsRateShareInit(share, rate);
    for (int i = 0; i < count; i++) {
        NsPacerInit(&senders[i].pacer, 0, share);
        senders[i].sent = 0;
        senders[i].capacity = 1000000;
    }
}

/* All have much to send; each wakes up when its grant is due, to the millisecond. */
static void
RunSenders(Sender *senders, int count, int64_t *now, int milliseconds)
{
    while (milliseconds-- > 0) {
        *now += 1000;
        for (int i = 0; i < count; i++) {
            Sender *sender = &senders[i];
            size_t  room = sender->capacity, n;

            while (room > 0 && (n = NsPacerAllow(&sender->pacer, 1000000, *now)) > 0) {
                n = n < room ? n : room;
                NsPacerSent(&sender->pacer, n);
                sender->sent += n;
                room -= n;
            }
            if (room == 0) {
                NsPacerIdle(&sender->pacer);   /* it waits for its client */
            }
        }
    }
}

static void
senders_share_alike(void **state)
{
    enum { COUNT = 7 };
    NsRateShare share;
    Sender      senders[COUNT];
    int64_t     now = SECOND;
    size_t      total = 0;

    ShareOut(senders, COUNT, 7000000, &share);
    RunSenders(senders, COUNT, &now, 500);     /* the first one found itself alone */
    for (int i = 0; i < COUNT; i++) {
        senders[i].sent = 0;
    }
    RunSenders(senders, COUNT, &now, 4000);
    for (int i = 0; i < COUNT; i++) {
        total += senders[i].sent;
        assert_in_range(senders[i].sent, 3800000, 4200000);
    }
    assert_in_range(total, 27500000, 28600000);
    assert_int_equal(share.senders, COUNT);
    for (int i = 0; i < COUNT; i++) {
        NsPacerIdle(&senders[i].pacer);
        NsPacerIdle(&senders[i].pacer);
    }
    assert_int_equal(share.senders, 0);
    assert_true(NsRateShareWaits(&share) > 0);
}

static void
what_a_slow_client_leaves_the_others_have(void **state)
{
    NsRateShare share;
    Sender      senders[3];
    int64_t     now = SECOND;

    ShareOut(senders, 3, 3000000, &share);
    senders[0].capacity = 50;                  /* 50 kB/s of its third of 3 MB/s */
    RunSenders(senders, 3, &now, 3000);
    assert_in_range(senders[0].sent, 120000, 160000);
    assert_in_range(senders[1].sent, 4200000, 4700000);
    assert_in_range(senders[2].sent, 4200000, 4700000);
    assert_in_range(senders[0].sent + senders[1].sent + senders[2].sent, 8600000, 9300000);
}

static void
an_own_rate_counts_beside_a_shared_one(void **state)
{
    NsRateShare share;
    Sender      senders[2];
    int64_t     now = SECOND;

    ShareOut(senders, 2, 3000000, &share);
    NsPacerInit(&senders[0].pacer, 500000, &share);
    RunSenders(senders, 2, &now, 3000);
    assert_in_range(senders[0].sent, 1350000, 1600000);
    assert_in_range(senders[1].sent, 7000000, 7700000);
}

static void
many_senders_of_a_small_rate_all_get_something(void **state)
{
    enum { COUNT = 200 };
    NsRateShare share;
    static Sender senders[COUNT];
    int64_t     now = SECOND;

    ShareOut(senders, COUNT, 100 * 1024, &share);
    RunSenders(senders, COUNT, &now, 3000);
    for (int i = 0; i < COUNT; i++) {
        senders[i].sent = 0;
    }
    RunSenders(senders, COUNT, &now, 20000);   /* 10 kB each */
    for (int i = 0; i < COUNT; i++) {
        assert_in_range(senders[i].sent, 8 * 1024, 13 * 1024);
    }
}

static void
a_shared_rate_can_be_changed_and_lifted(void **state)
{
    NsRateShare share;
    Sender      sender;
    int64_t     now = SECOND;

    ShareOut(&sender, 1, 1000, &share);
    RunSenders(&sender, 1, &now, 3000);
    assert_in_range(sender.sent, 2000, 6000);
    NsRateShareSet(&share, 4000000);
    assert_int_equal(NsRateShareGet(&share), 4000000);
    sender.sent = 0;
    RunSenders(&sender, 1, &now, 3000);
    assert_in_range(sender.sent, 7500000, 12500000);
    NsRateShareSet(&share, 0);
    now += SECOND;
    assert_int_equal(SendAll(&sender.pacer, 1 << 30, now), 1 << 30);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rate_is_no_limit),
        cmocka_unit_test(bytes_take_their_time),
        cmocka_unit_test(a_late_wake_up_costs_nothing),
        cmocka_unit_test(idle_time_is_not_saved_up),
        cmocka_unit_test(what_was_allowed_and_not_taken_stays),
        cmocka_unit_test(the_same_wait_is_counted_once),
        cmocka_unit_test(a_new_rate_counts_at_once),
        cmocka_unit_test(senders_share_alike),
        cmocka_unit_test(what_a_slow_client_leaves_the_others_have),
        cmocka_unit_test(an_own_rate_counts_beside_a_shared_one),
        cmocka_unit_test(many_senders_of_a_small_rate_all_get_something),
        cmocka_unit_test(a_shared_rate_can_be_changed_and_lifted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
