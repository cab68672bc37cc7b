/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The opening handshake: the first byte chooses what the other lines are: headers of a request and our patterns and
 * protocols, or what a client is asked to send, or the headers of an answer.
 */
#include "fuzz.h"
#include "ns.h"
#include "ws/handshake.h"

#define MAX_LINES 8

/* The lines of the input; those that are missing are empty. */
typedef struct Lines {
    char *text, *line[MAX_LINES];
} Lines;

static Lines
Split(const uint8_t *data, size_t size)
{
    Lines lines = {.text = malloc(size + 1)};
    char *next;

    FUZZ_CHECK(lines.text != NULL);
    memcpy(lines.text, data, size);
    lines.text[size] = '\0';
    next = lines.text;
    for (size_t i = 0; i < MAX_LINES; i++) {
        lines.line[i] = next;
        next += strcspn(next, "\n");
        if (*next == '\n') {
            *next++ = '\0';
        }
    }
    return lines;
}

/* A head that we compose has as many lines as it should, and no others: nobody has put one in. */
static void
CheckHead(const Tcl_DString *head, size_t lines)
{
    const char *at = Tcl_DStringValue(head), *end;
    size_t      count = 0;

    FUZZ_CHECK(strlen(at) == (size_t)Tcl_DStringLength(head));
    for (; (end = strstr(at, "\r\n")) != NULL; at = end + 2) {
        FUZZ_CHECK((end == at) == (count == lines));
        for (const char *p = at; p < end; p++) {
            FUZZ_CHECK(*p != '\r' && *p != '\n');
        }
        count++;
    }
    FUZZ_CHECK(*at == '\0' && count == lines + 1);
}

static void
FuzzRequest(const Lines *lines)
{
    Ns_Set     *headers = Ns_SetCreate(NULL), *extra = Ns_SetCreate(NULL);
    Tcl_DString protocol, head;
    const char *reason = "unset";
    int         status;

    Ns_SetPut(headers, "host", lines->line[0]);
    Ns_SetPut(headers, "upgrade", lines->line[1]);
    Ns_SetPut(headers, "connection", "upgrade");
    Ns_SetPut(headers, "sec-websocket-version", "13");
    Ns_SetPut(headers, "sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    Ns_SetPut(headers, "sec-websocket-protocol", lines->line[2]);
    Ns_SetPut(headers, "origin", lines->line[3]);
    Ns_SetPut(extra, lines->line[6], lines->line[7]);
    status = NsWsHandshakeCheck("GET", 1.1, headers, &reason);
    FUZZ_CHECK((status == 0 && reason == NULL) || (status == 400 && reason != NULL));
    (void)NsWsOriginAllowed(lines->line[4], lines->line[3], lines->line[0]);
    FUZZ_CHECK(NsWsOriginAllowed("*", lines->line[3], lines->line[0]));
    Tcl_DStringInit(&protocol);
    Tcl_DStringInit(&head);
    if (status == 0) {
        if (NsWsChooseProtocol(headers, lines->line[5], &protocol)) {
            FUZZ_CHECK(Tcl_DStringLength(&protocol) > 0
                       && strstr(lines->line[2], Tcl_DStringValue(&protocol)) != NULL);
        }
        if (NsWsAnswerHead(headers, Tcl_DStringValue(&protocol), "", extra, &head)) {
            CheckHead(&head, 4 + (size_t)(Tcl_DStringLength(&protocol) > 0) + (size_t)(*lines->line[7] != '\0'));
        }
    }
    Tcl_DStringFree(&protocol);
    Tcl_DStringFree(&head);
    Ns_SetFree(headers);
    Ns_SetFree(extra);
}

static void
FuzzClient(const Lines *lines)
{
    Ns_Set     *extra = Ns_SetCreate(NULL);
    Tcl_DString head;

    Ns_SetPut(extra, lines->line[3], lines->line[4]);
    Tcl_DStringInit(&head);
    if (NsWsRequestHead(lines->line[0], lines->line[1], "dGhlIHNhbXBsZSBub25jZQ==", lines->line[2], NULL, extra,
                        &head)) {
        bool protocols = strstr(Tcl_DStringValue(&head), "\r\nSec-WebSocket-Protocol: ") != NULL;

        CheckHead(&head, 6 + (size_t)protocols + (size_t)(*lines->line[4] != '\0'));
        FUZZ_CHECK(strncmp(Tcl_DStringValue(&head), "GET /", 5) == 0);
    } else {
        FUZZ_CHECK(Tcl_DStringLength(&head) == 0);
    }
    Tcl_DStringFree(&head);
    Ns_SetFree(extra);
}

static void
FuzzAnswer(const Lines *lines)
{
    Ns_Set     *headers = Ns_SetCreate(NULL);
    Tcl_DString protocol;

    Ns_SetPut(headers, "upgrade", lines->line[0]);
    Ns_SetPut(headers, "connection", lines->line[1]);
    Ns_SetPut(headers, "sec-websocket-accept", lines->line[2]);
    Ns_SetPut(headers, "sec-websocket-protocol", lines->line[3]);
    Tcl_DStringInit(&protocol);
    if (NsWsAnswerCheck(101, headers, "dGhlIHNhbXBsZSBub25jZQ==", lines->line[4], &protocol) == NULL) {
        FUZZ_CHECK(strcmp(lines->line[2], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == 0);
        FUZZ_CHECK(strcmp(Tcl_DStringValue(&protocol), lines->line[3]) == 0);
        FUZZ_CHECK(*lines->line[3] == '\0' || *lines->line[4] != '\0');
    } else {
        FUZZ_CHECK(Tcl_DStringLength(&protocol) == 0);
    }
    Tcl_DStringFree(&protocol);
    Ns_SetFree(headers);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const parts[])(const Lines *) = {FuzzRequest, FuzzClient, FuzzAnswer};
    Lines lines;

    if (size >= 1) {
        lines = Split(data + 1, size - 1);
        parts[data[0] % 3](&lines);
        free(lines.text);
    }
    return 0;
}
