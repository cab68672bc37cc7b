/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The negotiation of permessage-deflate: offers and answers as tables, the grammar, and that it takes linear time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>
#include "guard.h"
#include "ns.h"
#include "ws/deflate.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a side wants: our usual one, one that keeps contexts, and small windows. */
static const NsWsDeflateConfig off = {.enabled = false, .takeover = true, .peerTakeover = true, .bits = 15, .level = 6};
static const NsWsDeflateConfig fresh = {.enabled = true, .bits = 15, .level = 6};
static const NsWsDeflateConfig keep = {.enabled = true, .takeover = true, .peerTakeover = true, .bits = 15, .level = 6};
static const NsWsDeflateConfig narrow = {.enabled = true, .takeover = true, .peerTakeover = true, .bits = 10,
                                         .peerBits = 11, .level = 6};

/* The parameters in short: "s" and "c" bits, with "-" for no takeover; "" when it is not enabled. */
static void
Describe(const NsWsDeflateParams *params, char *text, size_t size)
{
    text[0] = '\0';
    if (params->enabled) {
        snprintf(text, size, "s%d%s c%d%s", params->serverBits, params->serverNoTakeover ? "-" : "", params->clientBits,
                 params->clientNoTakeover ? "-" : "");
    } else {
        assert_int_equal(params->serverBits + params->clientBits, 0);
        assert_false(params->serverNoTakeover || params->clientNoTakeover);
    }
}

typedef struct Case {
    const NsWsDeflateConfig *config;
    const char              *header;           /* offers, or the server's answer */
    const char              *answer;           /* ours; NULL: the header is malformed */
    const char              *params;
} Case;

static void
CheckOffer(const Case *c)
{
    NsWsDeflateParams params;
    Tcl_DString       answer;
    char              text[40];
    bool              good;

    memset(&params, 0xaa, sizeof(params));
    Tcl_DStringInit(&answer);
    good = NsWsDeflateNegotiate(c->header != NULL ? Guard(c->header, strlen(c->header) + 1) : NULL, c->config, &params,
                                &answer);
    Describe(&params, text, sizeof(text));
    if (good != (c->answer != NULL) || strcmp(Tcl_DStringValue(&answer), c->answer != NULL ? c->answer : "") != 0
        || strcmp(text, c->params) != 0) {
        print_error("%s: %s\n", c->header, Tcl_DStringValue(&answer));
    }
    assert_int_equal(good, c->answer != NULL);
    assert_string_equal(Tcl_DStringValue(&answer), c->answer != NULL ? c->answer : "");
    assert_string_equal(text, c->params);
    Tcl_DStringFree(&answer);
}

#define PD "permessage-deflate"
#define SNO "; server_no_context_takeover"
#define CNO "; client_no_context_takeover"
#define SB(n) "; server_max_window_bits=" #n
#define CB(n) "; client_max_window_bits=" #n

static void
test_offers_and_our_answers(void **state)
{
    static const Case cases[] = {
        /* nothing */
        {&keep, NULL, "", ""},
        {&keep, "", "", ""},
        {&keep, " \t", "", ""},
        {&keep, ",", "", ""},
        {&off, PD, "", ""},
        {&off, PD SB(8), "", ""},
        /* bare */
        {&keep, PD, PD, "s15 c15"},
        {&fresh, PD, PD SNO CNO, "s15- c15-"},
        {&narrow, PD, PD SB(10), "s10 c15"},
        /* what browsers send */
        {&keep, PD "; client_max_window_bits", PD, "s15 c15"},
        {&fresh, PD "; client_max_window_bits", PD SNO CNO, "s15- c15-"},
        {&narrow, PD "; client_max_window_bits", PD SB(10) CB(11), "s10 c11"},
        /* takeover */
        {&keep, PD SNO, PD SNO, "s15- c15"},
        {&keep, PD CNO, PD CNO, "s15 c15-"},
        {&keep, PD CNO SNO, PD SNO CNO, "s15- c15-"},
        {&fresh, PD SNO CNO, PD SNO CNO, "s15- c15-"},
        /* our window */
        {&keep, PD SB(8), PD SB(8), "s8 c15"},
        {&keep, PD SB(9), PD SB(9), "s9 c15"},
        {&keep, PD SB(12), PD SB(12), "s12 c15"},
        {&keep, PD SB(15), PD SB(15), "s15 c15"},
        {&narrow, PD SB(9), PD SB(9), "s9 c15"},
        {&narrow, PD SB(10), PD SB(10), "s10 c15"},
        {&narrow, PD SB(15), PD SB(10), "s10 c15"},
        /* the client's window */
        {&keep, PD CB(8), PD CB(8), "s15 c8"},
        {&keep, PD CB(10), PD CB(10), "s15 c10"},
        {&keep, PD CB(15), PD CB(15), "s15 c15"},
        {&narrow, PD CB(10), PD SB(10) CB(10), "s10 c10"},
        {&narrow, PD CB(11), PD SB(10) CB(11), "s10 c11"},
        {&narrow, PD CB(15), PD SB(10) CB(11), "s10 c11"},
        /* all of it */
        {&keep, PD SNO CNO SB(11) CB(12), PD SNO CNO SB(11) CB(12), "s11- c12-"},
        {&keep, PD CB(12) SB(11) CNO SNO, PD SNO CNO SB(11) CB(12), "s11- c12-"},
        /* several offers: the first that can be met */
        {&keep, PD SB(10) ", " PD, PD SB(10), "s10 c15"},
        {&keep, PD "; unknown, " PD, PD, "s15 c15"},
        {&keep, PD SB(16) ", " PD SB(9), PD SB(9), "s9 c15"},
        {&keep, "x-other, " PD, PD, "s15 c15"},
        {&keep, "x-other; a=b; c, " PD CNO ", x-third", PD CNO, "s15 c15-"},
        {&keep, "x-other", "", ""},
        {&keep, PD "x", "", ""},
        {&keep, "x" PD, "", ""},
        {&keep, "PerMessage-Deflate", PD, "s15 c15"},
        /* declined: parameters that are none, twice, or with a wrong value */
        {&keep, PD "; unknown", "", ""},
        {&keep, PD "; unknown=1", "", ""},
        {&keep, PD SNO SNO, "", ""},
        {&keep, PD CNO CNO, "", ""},
        {&keep, PD SB(10) SB(10), "", ""},
        {&keep, PD CB(10) CB(11), "", ""},
        {&keep, PD SNO "=1", "", ""},
        {&keep, PD CNO "=true", "", ""},
        {&keep, PD "; server_max_window_bits", "", ""},
        {&keep, PD SB(7), "", ""},
        {&keep, PD SB(0), "", ""},
        {&keep, PD SB(16), "", ""},
        {&keep, PD SB(08), "", ""},
        {&keep, PD SB(010), "", ""},
        {&keep, PD SB(+9), "", ""},
        {&keep, PD SB(-9), "", ""},
        {&keep, PD SB(1x), "", ""},
        {&keep, PD SB(99999999999999999999), "", ""},
        {&keep, PD CB(7), "", ""},
        {&keep, PD CB(16), "", ""},
        {&keep, PD CB(015), "", ""},
        {&keep, PD CB(x), "", ""},
        /* blanks, quotes, empty elements */
        {&keep, " \t" PD "\t;server_max_window_bits=10 ", PD SB(10), "s10 c15"},
        {&keep, PD " ;  server_max_window_bits = 10", PD SB(10), "s10 c15"},
        {&keep, PD ";server_max_window_bits=\"10\"", PD SB(10), "s10 c15"},
        {&keep, PD ";server_max_window_bits=\"1\\0\"", PD SB(10), "s10 c15"},
        {&keep, ",," PD ",,", PD, "s15 c15"},
        {&keep, "x; a=\"b\", " PD, PD, "s15 c15"},
        /* malformed, before or behind one that could be met */
        {&keep, ";", NULL, ""},
        {&keep, PD ";", NULL, ""},
        {&keep, PD "; ;", NULL, ""},
        {&keep, PD "; =10", NULL, ""},
        {&keep, PD "; server_max_window_bits=", NULL, ""},
        {&keep, PD "; server_max_window_bits==10", NULL, ""},
        {&keep, PD "; server_max_window_bits=\"", NULL, ""},
        {&keep, PD "; server_max_window_bits=\"10", NULL, ""},
        {&keep, PD "; server_max_window_bits=\"10\\", NULL, ""},
        {&keep, PD "; server_max_window_bits=\"10\\\"", NULL, ""},
        {&keep, PD "; server_max_window_bits=\"\"", NULL, ""},
        {&keep, PD "; server_max_window_bits=\"1 0\"", NULL, ""},
        {&keep, PD "; server_max_window_bits=\"10\"x", NULL, ""},
        {&keep, PD " " PD, NULL, ""},
        {&keep, PD ", x y", NULL, ""},
        {&keep, PD ", (", NULL, ""},
        {&keep, PD "\x80", NULL, ""},
        {&keep, PD "\x7f", NULL, ""},
        {&keep, "=, " PD, NULL, ""},
        {&keep, "\"" PD "\"", NULL, ""},
        {&off, PD ";", NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        CheckOffer(&cases[i]);
    }
}

static void
test_our_offers(void **state)
{
    static const struct { NsWsDeflateConfig config; const char *offer; } cases[] = {
        {{.enabled = false, .bits = 15}, ""},
        {{.enabled = true, .bits = 15, .takeover = true, .peerTakeover = true}, PD "; client_max_window_bits"},
        {{.enabled = true, .bits = 15}, PD SNO CNO "; client_max_window_bits"},
        {{.enabled = true, .bits = 15, .takeover = true}, PD SNO "; client_max_window_bits"},
        {{.enabled = true, .bits = 15, .peerTakeover = true}, PD CNO "; client_max_window_bits"},
        {{.enabled = true, .bits = 10, .takeover = true, .peerTakeover = true}, PD CB(10)},
        {{.enabled = true, .bits = 15, .peerBits = 9, .takeover = true, .peerTakeover = true},
         PD SB(9) "; client_max_window_bits"},
        {{.enabled = true, .bits = 9, .peerBits = 12}, PD SNO CNO SB(12) CB(9)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        Tcl_DString offer;

        Tcl_DStringInit(&offer);
        NsWsDeflateOffer(&cases[i].config, &offer);
        assert_string_equal(Tcl_DStringValue(&offer), cases[i].offer);
        Tcl_DStringFree(&offer);
    }
}

/* `answer` of the case is NULL when the connection must fail. */
static void
test_answers_to_our_offers(void **state)
{
    static const Case cases[] = {
        {&keep, NULL, "", ""},
        {&keep, "", "", ""},
        {&off, NULL, "", ""},
        {&keep, PD, "", "s15 c15"},
        {&keep, PD SNO, "", "s15- c15"},
        {&keep, PD CNO, "", "s15 c15-"},
        {&keep, PD SNO CNO SB(9) CB(10), "", "s9- c10-"},
        {&keep, PD SB(8), "", "s8 c15"},
        {&keep, PD CB(8), "", "s15 c8"},
        {&keep, "Permessage-Deflate; SERVER_MAX_WINDOW_BITS=\"12\"", "", "s12 c15"},
        {&fresh, PD SNO CNO, "", "s15- c15-"},
        {&fresh, PD SNO, "", "s15- c15-"},                    /* our own promise holds without being repeated */
        {&fresh, PD CNO, "", "s15 c15-"},                     /* uWebSockets: the server's context is kept, then */
        {&fresh, PD, "", "s15 c15-"},
        {&fresh, PD CNO SB(9) CB(8), "", "s9 c8-"},
        {&narrow, PD SB(11), "", "s11 c10"},
        {&narrow, PD SB(9) CB(10), "", "s9 c10"},
        {&narrow, PD SB(9) CB(9), "", "s9 c9"},
        /* not what was offered */
        {&off, PD, NULL, ""},
        {&keep, "x-other", NULL, ""},
        {&keep, PD ", x-other", NULL, ""},
        {&keep, "x-other, " PD, NULL, ""},
        {&keep, PD ", " PD, NULL, ""},
        {&narrow, PD, NULL, ""},
        {&narrow, PD SB(12), NULL, ""},
        {&narrow, PD SB(11) CB(11), NULL, ""},
        /* parameters that are wrong */
        {&keep, PD "; unknown", NULL, ""},
        {&keep, PD SNO "=1", NULL, ""},
        {&keep, PD SNO SNO, NULL, ""},
        {&keep, PD SB(16), NULL, ""},
        {&keep, PD SB(7), NULL, ""},
        {&keep, PD "; server_max_window_bits", NULL, ""},
        {&keep, PD "; client_max_window_bits", NULL, ""},
        {&keep, PD CB(07), NULL, ""},
        /* malformed */
        {&keep, ";", NULL, ""},
        {&keep, PD ";", NULL, ""},
        {&keep, PD ", \"", NULL, ""},
        {&off, ";", NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case       *c = &cases[i];
        NsWsDeflateParams params;
        const char       *reason = "unset";
        char              text[40];
        bool              good;

        memset(&params, 0xaa, sizeof(params));
        good = NsWsDeflateAccept(c->header != NULL ? Guard(c->header, strlen(c->header) + 1) : NULL, c->config, &params,
                                 &reason);
        Describe(&params, text, sizeof(text));
        if (good != (c->answer != NULL) || strcmp(text, c->params) != 0) {
            print_error("%s: %s\n", c->header, text);
        }
        assert_int_equal(good, c->answer != NULL);
        assert_string_equal(text, c->params);
        if (good) {
            assert_null(reason);
        } else {
            assert_non_null(reason);
            assert_string_not_equal(reason, "unset");
        }
        assert_int_equal(NsWsDeflateAccept(c->header, c->config, &params, NULL), good);
    }
}

/* Each of our clients agrees with each of our servers, and both mean the same. */
static void
test_both_sides_agree(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4096; i++) {
        NsWsDeflateConfig client = {.enabled = true, .takeover = i & 1, .peerTakeover = i >> 1 & 1,
                                    .bits = (uint8_t)(8 + (i >> 2 & 7)), .peerBits = i >> 5 & 1 ? 10 : 0, .level = 6};
        NsWsDeflateConfig server = {.enabled = true, .takeover = i >> 6 & 1, .peerTakeover = i >> 7 & 1,
                                    .bits = (uint8_t)(8 + (i >> 8 & 7)), .peerBits = i >> 11 & 1 ? 9 : 0, .level = 6};
        NsWsDeflateParams atClient, atServer;
        Tcl_DString       offer, answer;
        char              one[40], other[40];

        Tcl_DStringInit(&offer);
        Tcl_DStringInit(&answer);
        NsWsDeflateOffer(&client, &offer);
        assert_true(NsWsDeflateNegotiate(Tcl_DStringValue(&offer), &server, &atServer, &answer));
        assert_true(NsWsDeflateAccept(Tcl_DStringValue(&answer), &client, &atClient, NULL));
        Describe(&atClient, one, sizeof(one));
        Describe(&atServer, other, sizeof(other));
        assert_string_equal(one, other);
        assert_true(atClient.enabled);
        assert_true(atClient.serverBits <= server.bits && atClient.clientBits <= client.bits);
        assert_int_equal(atClient.serverNoTakeover, !(server.takeover && client.peerTakeover));
        assert_int_equal(atClient.clientNoTakeover, !(client.takeover && server.peerTakeover));
        Tcl_DStringFree(&offer);
        Tcl_DStringFree(&answer);
    }
}

static double
Seconds(const char *header)
{
    NsWsDeflateParams params;
    Tcl_DString       answer;
    struct timespec   start, end;

    Tcl_DStringInit(&answer);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    (void)NsWsDeflateNegotiate(header, &keep, &params, &answer);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    Tcl_DStringFree(&answer);
    return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
}

/* Headers of a megabyte that are slow for those who look twice. */
static void
test_linear_time(void **state)
{
    static const char *const pieces[] = {" ", ",", "; a", "; a=\"b\"", PD ", ", "a,", "\\", "a=\"\\", PD SB(10) ","};

    (void)state;
    for (size_t i = 0; i < COUNT(pieces); i++) {
        Tcl_DString header;

        Tcl_DStringInit(&header);
        Tcl_DStringAppend(&header, PD, -1);
        while (Tcl_DStringLength(&header) < 1000000) {
            Tcl_DStringAppend(&header, pieces[i], -1);
        }
        assert_true(Seconds(Tcl_DStringValue(&header)) < 1.0);        /* some ms; squared it would be hours */
        Tcl_DStringFree(&header);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers_and_our_answers),
        cmocka_unit_test(test_our_offers),
        cmocka_unit_test(test_answers_to_our_offers),
        cmocka_unit_test(test_both_sides_agree),
        cmocka_unit_test(test_linear_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
