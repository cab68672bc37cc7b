/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One line of the log.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "nslog.h"

#define MAX_FIELD 8192                         /* bytes of one value */

/* No part of a character is at the end, nor the first half of a surrogate pair. */
static size_t
FieldLen(const char *value)
{
    size_t len = strnlen(value, MAX_FIELD);

    while (len > 0 && ((unsigned char)value[len] & 0xC0u) == 0x80u) {
        len--;
    }
    if (len >= 3 && (unsigned char)value[len - 3] == 0xEDu && ((unsigned char)value[len - 2] & 0xF0u) == 0xA0u) {
        len -= 3;
    }
    return len;
}

/* A value between quotes, or one that has none: nothing in it ends the value or the line, or does anything to a terminal. */
static void
AppendValue(Tcl_DString *line, const char *value, bool quoted)
{
    const unsigned char *p = (const unsigned char *)value, *start = p, *end = p + FieldLen(value);

    while (p < end) {
        bool c1 = *p == 0xC2 && p + 1 < end && p[1] < 0xA0, nul = *p == 0xC0 && p + 1 < end && p[1] == 0x80;
        char escaped[8];

        if (*p > 0x20 && *p != 0x7F && *p != '"' && *p != '\\' && !c1 && !nul) {
            p++;
            continue;
        }
        if (*p == ' ' && quoted) {
            p++;
            continue;
        }
        Tcl_DStringAppend(line, (const char *)start, (int)(p - start));
        if (*p == '"' || *p == '\\') {
            snprintf(escaped, sizeof escaped, "\\%c", *p);
        } else if (*p == '\t' || *p == '\n' || *p == '\r') {
            snprintf(escaped, sizeof escaped, "\\%c", *p == '\t' ? 't' : *p == '\n' ? 'n' : 'r');
        } else {
            snprintf(escaped, sizeof escaped, "\\x%02x", nul ? 0u : c1 ? p[1] : *p);
        }
        Tcl_DStringAppend(line, escaped, -1);
        p += c1 || nul ? 2 : 1;
        start = p;
    }
    Tcl_DStringAppend(line, (const char *)start, (int)(p - start));
}

/* ` "value"`, also when there is none. */
static void
AppendQuoted(Tcl_DString *line, const char *value)
{
    Tcl_DStringAppend(line, " \"", 2);
    AppendValue(line, value != NULL ? value : "", true);
    Tcl_DStringAppend(line, "\"", 1);
}

/* [30/Nov/2026:15:38:18 +0000]: made once a second in each thread. */
static void
AppendDate(Tcl_DString *line, bool formatted)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static __thread time_t last;
    static __thread char   date[64];
    time_t                 now = time(NULL);

    if (!formatted) {
        char seconds[32];

        snprintf(seconds, sizeof seconds, "[%lld]", (long long)now);
        Tcl_DStringAppend(line, seconds, -1);
        return;
    }
    if (now != last) {
        struct tm tm;
        long      minutes;

        localtime_r(&now, &tm);
        minutes = tm.tm_gmtoff / 60;
        snprintf(date, sizeof date, "[%02d/%.3s/%04d:%02d:%02d:%02d %c%02ld%02ld]", tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
                 tm.tm_hour, tm.tm_min, tm.tm_sec, minutes < 0 ? '-' : '+', (minutes < 0 ? -minutes : minutes) / 60,
                 (minutes < 0 ? -minutes : minutes) % 60);
        last = now;
    }
    Tcl_DStringAppend(line, date, -1);
}

/* "255.255.255.0" or "ffff:ffff::" */
bool
LogMaskRead(const char *text, LogMask *mask)
{
    if (inet_pton(AF_INET, text, mask->bytes) == 1) {
        mask->len = 4;
    } else if (inet_pton(AF_INET6, text, mask->bytes) == 1) {
        mask->len = 16;
    } else {
        return false;
    }
    return true;
}

static void
AppendAddress(const Log *log, Tcl_DString *line, const char *address)
{
    unsigned char  ip[16];
    char           text[INET6_ADDRSTRLEN];
    const LogMask *mask = NULL;
    int            family = AF_INET;

    if (log->mask && inet_pton(AF_INET, address, ip) == 1) {
        mask = &log->mask4;
    } else if (log->mask && inet_pton(AF_INET6, address, ip) == 1) {
        mask = &log->mask6;
        family = AF_INET6;
    }
    for (size_t i = 0; mask != NULL && i < mask->len; i++) {
        ip[i] &= mask->bytes[i];
    }
    if (mask != NULL && inet_ntop(family, ip, text, sizeof text) != NULL) {
        address = text;
    }
    AppendValue(line, address, false);
}

static void
AppendTime(Tcl_DString *line, const char *before, const Ns_Time *time)
{
    char text[48];

    snprintf(text, sizeof text, "%s%ld.%06ld", before, time->sec, time->usec);
    Tcl_DStringAppend(line, text, -1);
}

static void
AppendTimes(Tcl_DString *line, Ns_Conn *conn, unsigned flags)
{
    Ns_Time accept, queue, filter, run, total;

    Ns_ConnStageTimes(conn, &accept, &queue, &filter, &run, &total);
    if ((flags & NSLOG_REQTIME) != 0) {
        AppendTime(line, " ", &total);
    }
    if ((flags & NSLOG_PARTIAL) != 0) {
        AppendTime(line, " \"", Ns_ConnStartTime(conn));
        AppendTime(line, " ", &accept);
        AppendTime(line, " ", &queue);
        AppendTime(line, " ", &filter);
        AppendTime(line, " ", &run);
        Tcl_DStringAppend(line, "\"", 1);
    }
}

/* ADDRESS - USER [DATE] "REQUEST" STATUS BYTES: the Common Log Format. */
static void
AppendCommon(const Log *log, Tcl_DString *line, const char *address, const char *user, const char *request, int status, size_t bytes)
{
    char numbers[48];

    AppendAddress(log, line, address);
    Tcl_DStringAppend(line, " ", 1);
    AppendValue(line, log->threadName ? Ns_ThreadGetName() : "-", false);
    Tcl_DStringAppend(line, " ", 1);
    AppendValue(line, *user != '\0' ? user : "-", false);
    Tcl_DStringAppend(line, " ", 1);
    AppendDate(line, (log->flags & NSLOG_FMTTIME) != 0);
    AppendQuoted(line, request);
    snprintf(numbers, sizeof numbers, " %d %zu", status, bytes);
    Tcl_DStringAppend(line, numbers, -1);
}

void
LogFormatConn(Log *log, Ns_Conn *conn, Tcl_DString *line)
{
    const char *address = "";

    if ((log->flags & NSLOG_PROXY) != 0) {
        address = Ns_ConnForwardedPeerAddr(conn);
    }
    if (*address == '\0') {
        address = Ns_ConnConfiguredPeerAddr(conn);
    }
    AppendCommon(log, line, address, Ns_ConnUserName(conn), (log->flags & NSLOG_NOQUERY) != 0 ? conn->request.url : conn->request.line,
                 Ns_ConnResponseStatus(conn), Ns_ConnBytesSent(conn));
    if ((log->flags & NSLOG_COMBINED) != 0) {
        AppendQuoted(line, Ns_SetIGet(conn->headers, "referer"));
        AppendQuoted(line, Ns_SetIGet(conn->headers, "user-agent"));
    }
    if ((log->flags & (NSLOG_REQTIME | NSLOG_PARTIAL)) != 0) {
        AppendTimes(line, conn, log->flags);
    }
    for (int i = 0; i < log->headers->requestCount; i++) {
        AppendQuoted(line, Ns_SetIGet(conn->headers, log->headers->request[i]));
    }
    for (int i = 0; i < log->headers->responseCount; i++) {
        AppendQuoted(line, Ns_SetIGet(conn->outputheaders, log->headers->response[i]));
    }
    Tcl_DStringAppend(line, "\n", 1);
}

/* What the driver refused has no fields; the others count on their places. */
void
LogFormatRejected(Log *log, const Ns_Rejected *rejected, Tcl_DString *line)
{
    char *text = ns_strdup(rejected->line), *request = text;

    if ((log->flags & NSLOG_NOQUERY) != 0) {
        request += strcspn(text, " ");
        request = *request != '\0' ? request + 1 : text;
        request[strcspn(request, " ?")] = '\0';
    }
    AppendCommon(log, line, rejected->peer, "", request, rejected->status, 0u);
    ns_free(text);
    if ((log->flags & NSLOG_COMBINED) != 0) {
        Tcl_DStringAppend(line, " \"\" \"\"", -1);
    }
    if ((log->flags & NSLOG_REQTIME) != 0) {
        Tcl_DStringAppend(line, " 0.000000", -1);
    }
    if ((log->flags & NSLOG_PARTIAL) != 0) {
        Tcl_DStringAppend(line, " \"0.000000 0.000000 0.000000 0.000000 0.000000\"", -1);
    }
    for (int i = 0; i < log->headers->requestCount + log->headers->responseCount; i++) {
        Tcl_DStringAppend(line, " \"\"", -1);
    }
    Tcl_DStringAppend(line, "\n", 1);
}

/* ------------------------------------------------------------------------------------------------------ header fields */

/* What is behind "req:", "request:", "res:" or "response:". */
static const char *
FieldName(const char *word, bool *response)
{
    static const struct { const char *prefix; bool response; } prefixes[] = {
        {"req:", false}, {"request:", false}, {"res:", true}, {"response:", true}
    };

    *response = false;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t len = strlen(prefixes[i].prefix);

        if (strncasecmp(word, prefixes[i].prefix, len) == 0) {
            *response = prefixes[i].response;
            return word + len;
        }
    }
    return word;
}

LogHeaders *
LogHeadersRead(const char *text, Tcl_DString *error)
{
    LogHeaders  *headers;
    const char **words;
    int          count;

    if (Tcl_SplitList(NULL, text, &count, &words) != TCL_OK) {
        Tcl_DStringAppend(error, "not a list of header fields: ", -1);
        Tcl_DStringAppend(error, text, -1);
        return NULL;
    }
    headers = ns_calloc(1, sizeof *headers);
    headers->text = ns_strdup(text);
    headers->request = ns_calloc((size_t)count + 1u, sizeof(char *));
    headers->response = ns_calloc((size_t)count + 1u, sizeof(char *));
    for (int i = 0; i < count; i++) {
        bool        response;
        const char *name = FieldName(words[i], &response);

        if (response) {
            headers->response[headers->responseCount++] = ns_strdup(name);
        } else {
            headers->request[headers->requestCount++] = ns_strdup(name);
        }
    }
    Tcl_Free((char *)words);
    return headers;
}

void
LogHeadersFree(LogHeaders *headers)
{
    for (int i = 0; i < headers->requestCount; i++) {
        ns_free(headers->request[i]);
    }
    for (int i = 0; i < headers->responseCount; i++) {
        ns_free(headers->response[i]);
    }
    ns_free(headers->request);
    ns_free(headers->response);
    ns_free(headers->text);
    ns_free(headers);
}
