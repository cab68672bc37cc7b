/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The negotiation of permessage-deflate (RFC 7692, 7.1), and the grammar of the header it is in (RFC 6455, 9.1):
 *
 *   extension *("," extension),  extension = token *(";" param),  param = token ["=" (token | quoted-string)]
 *
 * Each byte is looked at once.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ws/deflate.h"
#include "ws/header.h"

#define MIN_BITS 8
#define MAX_BITS 15
#define MAX_VALUE 8                            /* bytes of a parameter's value that are looked at; ours have two */
#define UNSPECIFIED 0                          /* a window parameter without value */

static const char extensionName[] = "permessage-deflate";

/* ---- grammar ---- */

typedef struct Param {
    const char *name;
    size_t      nameLen;
    bool        hasValue;
    size_t      valueLen;                      /* may be more than is kept */
    char        value[MAX_VALUE];              /* without quotes and backslashes */
} Param;

static void
AddValueChar(NsWsScan *scan, Param *param, unsigned char c)
{
    scan->bad = scan->bad || !NsWsIsTokenChar(c);  /* within quotes, too */
    if (param->valueLen < MAX_VALUE) {
        param->value[param->valueLen] = (char)c;
    }
    param->valueLen++;
}

static void
TakeQuoted(NsWsScan *scan, Param *param)
{
    for (scan->at++; *scan->at != '"' && !scan->bad; scan->at++) {
        if (*scan->at == '\\') {
            scan->at++;
        }
        if (*scan->at == '\0') {
            scan->bad = true;
            return;
        }
        AddValueChar(scan, param, (unsigned char)*scan->at);
    }
    if (!scan->bad) {
        scan->at++;
    }
    scan->bad = scan->bad || param->valueLen == 0;
}

/* The next parameter of an extension; false: there is none, or it is broken. */
static bool
NextParam(NsWsScan *scan, Param *param)
{
    memset(param, 0, sizeof(*param));
    if (scan->bad || !NsWsScanChar(scan, ';')) {
        return false;
    }
    param->nameLen = NsWsScanToken(scan, &param->name);
    if (!scan->bad && NsWsScanChar(scan, '=')) {
        param->hasValue = true;
        if (*scan->at == '"') {
            TakeQuoted(scan, param);
        } else {
            const char *value;
            size_t      len = NsWsScanToken(scan, &value);

            for (size_t i = 0; i < len; i++) {
                AddValueChar(scan, param, (unsigned char)value[i]);
            }
        }
    }
    return !scan->bad;
}

static bool
NameIs(const char *name, size_t len, const char *expected)
{
    return len == strlen(expected) && strncasecmp(name, expected, len) == 0;
}

/* ---- parameters ---- */

/* What an offer or an answer says. */
typedef struct Terms {
    bool serverNoTakeover, clientNoTakeover;
    bool haveServerBits, haveClientBits;
    int  serverBits, clientBits;               /* UNSPECIFIED: without value */
} Terms;

/* 8 to 15 without leading zeros; -1: it is not. */
static int
ReadBits(const Param *param)
{
    int bits = -1;

    if (!param->hasValue) {
        return UNSPECIFIED;
    }
    if (param->valueLen == 1 && (param->value[0] == '8' || param->value[0] == '9')) {
        bits = param->value[0] - '0';
    } else if (param->valueLen == 2 && param->value[0] == '1' && param->value[1] >= '0' && param->value[1] <= '5') {
        bits = 10 + param->value[1] - '0';
    }
    return bits;
}

static bool
SetFlag(bool *flag, const Param *param)
{
    bool fresh = !*flag;

    *flag = true;
    return fresh && !param->hasValue;
}

static bool
SetBits(bool *have, int *bits, const Param *param)
{
    bool fresh = !*have;

    *have = true;
    *bits = ReadBits(param);
    return fresh && *bits >= 0;
}

/* False: unknown, twice, or a value that it may not have. */
static bool
AddTerm(Terms *terms, const Param *param)
{
    if (NameIs(param->name, param->nameLen, "server_no_context_takeover")) {
        return SetFlag(&terms->serverNoTakeover, param);
    }
    if (NameIs(param->name, param->nameLen, "client_no_context_takeover")) {
        return SetFlag(&terms->clientNoTakeover, param);
    }
    if (NameIs(param->name, param->nameLen, "server_max_window_bits")) {
        return SetBits(&terms->haveServerBits, &terms->serverBits, param) && terms->serverBits != UNSPECIFIED;
    }
    if (NameIs(param->name, param->nameLen, "client_max_window_bits")) {
        return SetBits(&terms->haveClientBits, &terms->clientBits, param);
    }
    return false;
}

/* The parameters of one extension; false: they are not as they may be (the scan goes on to the end of them). */
static bool
ReadTerms(NsWsScan *scan, Terms *terms)
{
    Param param;
    bool  good = true;

    memset(terms, 0, sizeof(*terms));
    while (NextParam(scan, &param)) {
        good = AddTerm(terms, &param) && good;
    }
    return good && !scan->bad;
}

static int
AtMost(int bits, int most)
{
    return most >= MIN_BITS && most < bits ? most : bits;
}

static int
OwnBits(const NsWsDeflateConfig *config)
{
    return config->bits >= MIN_BITS && config->bits < MAX_BITS ? config->bits : MAX_BITS;
}

static int
PeerBits(const NsWsDeflateConfig *config)
{
    return config->peerBits >= MIN_BITS && config->peerBits < MAX_BITS ? config->peerBits : MAX_BITS;
}

static void
AppendFlag(Tcl_DString *ds, bool flag, const char *name)
{
    if (flag) {
        Tcl_DStringAppend(ds, "; ", 2);
        Tcl_DStringAppend(ds, name, -1);
    }
}

static void
AppendBits(Tcl_DString *ds, bool when, const char *name, int bits)
{
    char number[8];

    if (when) {
        AppendFlag(ds, true, name);
        snprintf(number, sizeof(number), "=%d", bits);
        Tcl_DStringAppend(ds, number, -1);
    }
}

/* ---- the server ---- */

/*
 * Any offer with proper parameters can be met.  What we ask beyond it may always be asked (7.1.1.1, 7.1.1.2, 7.1.2.1),
 * but the client's window only of a client that knows of it (7.1.2.2).
 */
static void
Take(const Terms *offer, const NsWsDeflateConfig *config, NsWsDeflateParams *params, Tcl_DString *answer)
{
    bool askClientBits = offer->haveClientBits && PeerBits(config) < AtMost(MAX_BITS, offer->clientBits);

    params->enabled = true;
    params->serverNoTakeover = offer->serverNoTakeover || !config->takeover;
    params->clientNoTakeover = offer->clientNoTakeover || !config->peerTakeover;
    params->serverBits = (uint8_t)AtMost(OwnBits(config), offer->serverBits);
    params->clientBits = (uint8_t)(askClientBits ? PeerBits(config) : AtMost(MAX_BITS, offer->clientBits));
    Tcl_DStringAppend(answer, extensionName, -1);
    AppendFlag(answer, params->serverNoTakeover, "server_no_context_takeover");
    AppendFlag(answer, params->clientNoTakeover, "client_no_context_takeover");
    AppendBits(answer, offer->haveServerBits || params->serverBits < MAX_BITS, "server_max_window_bits",
               params->serverBits);
    AppendBits(answer, askClientBits || offer->clientBits != UNSPECIFIED, "client_max_window_bits", params->clientBits);
}

bool
NsWsDeflateNegotiate(const char *offers, const NsWsDeflateConfig *config, NsWsDeflateParams *params,
                     Tcl_DString *answer)
{
    NsWsScan    scan = {offers != NULL ? offers : "", false};
    Terms       terms, taken;
    const char *name;
    size_t      len;
    bool        found = false;

    memset(params, 0, sizeof(*params));
    for (bool first = true; NsWsScanElement(&scan, first, &name, &len); first = false) {
        if (ReadTerms(&scan, &terms) && !found && NameIs(name, len, extensionName)) {
            taken = terms;
            found = true;
        }
    }
    /* All of it is read before anything is agreed on. */
    if (found && !scan.bad && config->enabled) {
        Take(&taken, config, params, answer);
    }
    return !scan.bad;
}

/* ---- the client ---- */

void
NsWsDeflateOffer(const NsWsDeflateConfig *config, Tcl_DString *offer)
{
    if (!config->enabled) {
        return;
    }
    Tcl_DStringAppend(offer, extensionName, -1);
    AppendFlag(offer, !config->peerTakeover, "server_no_context_takeover");
    AppendFlag(offer, !config->takeover, "client_no_context_takeover");
    AppendBits(offer, PeerBits(config) < MAX_BITS, "server_max_window_bits", PeerBits(config));
    AppendFlag(offer, OwnBits(config) == MAX_BITS, "client_max_window_bits");
    AppendBits(offer, OwnBits(config) < MAX_BITS, "client_max_window_bits", OwnBits(config));
}

/*
 * Are these an answer to our offer?  NULL: yes.  That the server gives up its context is a wish: servers that answer without a word of it
 * (uWebSockets) compress either way, and a window that is kept inflates both.
 */
static const char *
CheckAnswer(const Terms *terms, const NsWsDeflateConfig *config)
{
    if (PeerBits(config) < MAX_BITS && (!terms->haveServerBits || terms->serverBits > PeerBits(config))) {
        return "server_max_window_bits was asked for and not granted";
    }
    if (terms->haveClientBits && (terms->clientBits == UNSPECIFIED || terms->clientBits > OwnBits(config))) {
        return "client_max_window_bits is not what was offered";
    }
    return NULL;
}

bool
NsWsDeflateAccept(const char *answer, const NsWsDeflateConfig *config, NsWsDeflateParams *params, const char **reason)
{
    NsWsScan    scan = {answer != NULL ? answer : "", false};
    Terms       terms, given = {0};
    const char *name, *wrong = NULL;
    size_t      len, count = 0;

    memset(params, 0, sizeof(*params));
    for (bool first = true; NsWsScanElement(&scan, first, &name, &len); first = false) {
        bool good = ReadTerms(&scan, &terms);

        if (wrong != NULL || scan.bad) {
            continue;                          /* the first fault is told */
        }
        if (!config->enabled || !NameIs(name, len, extensionName)) {
            wrong = "an extension that was not offered";
        } else if (count++ > 0) {
            wrong = "permessage-deflate twice";
        } else if (!good) {
            wrong = "invalid parameters of permessage-deflate";
        } else {
            wrong = CheckAnswer(&terms, config);
            given = terms;
        }
    }
    if (scan.bad) {
        wrong = "malformed Sec-WebSocket-Extensions";
    }
    if (wrong == NULL && count > 0) {
        params->enabled = true;
        params->serverNoTakeover = given.serverNoTakeover;
        params->clientNoTakeover = given.clientNoTakeover || !config->takeover;
        params->serverBits = (uint8_t)AtMost(MAX_BITS, given.serverBits);
        params->clientBits = (uint8_t)AtMost(OwnBits(config), given.clientBits);
    }
    if (reason != NULL) {
        *reason = wrong;
    }
    return wrong == NULL;
}
