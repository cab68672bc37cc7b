/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The head of what a CGI program writes.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "head.h"

/* Where the line ends, and where the next one begins; false: it has no end yet. */
static bool
FindLine(const char *start, const char *end, const char **stop, const char **next)
{
    const char *newline = memchr(start, '\n', (size_t)(end - start));

    if (newline != NULL) {
        *next = newline + 1;
        *stop = newline > start && newline[-1] == '\r' ? newline - 1 : newline;
    }
    return newline != NULL;
}

/* Is the empty line there that ends the head? */
static bool
IsComplete(const char *at, const char *end)
{
    const char *stop, *next;

    while (FindLine(at, end, &stop, &next)) {
        if (stop == at) {
            return true;
        }
        at = next;
    }
    return false;
}

static bool
IsBlank(char c)
{
    return c == ' ' || c == '\t';
}

static bool
IsName(const char *name, size_t len)
{
    bool is = len > 0;

    for (size_t i = 0; is && i < len; i++) {
        unsigned char c = (unsigned char)name[i];

        is = c > 0x20u && c < 0x7fu && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
    }
    return is;
}

/* Of the connection between the server and its client, which the program knows nothing of. */
static bool
IsServers(const char *name)
{
    static const char *const names[] = {
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* "404", "404 Not Found"; 0: it is none. */
static int
StatusOf(const char *value)
{
    int  status = 0;
    bool digits = strspn(value, "0123456789") == 3u && (value[3] == '\0' || IsBlank(value[3]));

    if (digits) {
        status = atoi(value);
    }
    return status >= 200 && status <= 599 ? status : 0;
}

static const char *
AddField(CgiHead *head, const char *name, const char *value)
{
    const char *fault = NULL;

    if (strcasecmp(name, "status") == 0) {
        fault = head->status != 0 ? "two statuses" : NULL;
        head->status = StatusOf(value);
        return fault != NULL ? fault : head->status == 0 ? "its status is none of 200 to 599" : NULL;
    }
    if (IsServers(name)) {
        return NULL;
    }
    if (strcasecmp(name, "location") == 0 && *value != '\0') {
        fault = Ns_SetIFind(head->fields, "location") >= 0 ? "two locations" : NULL;
    }
    if (strcasecmp(name, "content-type") == 0) {
        head->hasType = true;
    }
    (void)Ns_SetPut(head->fields, name, value);
    return fault;
}

/* One line; NULL, or what is wrong with it. */
static const char *
ReadLine(CgiHead *head, const char *line, const char *stop)
{
    const char *colon = memchr(line, ':', (size_t)(stop - line)), *value, *fault;
    Tcl_DString nameDs, valueDs;

    if (colon == NULL || !IsName(line, (size_t)(colon - line))) {
        return "a line of its head is no header field";
    }
    value = colon + 1;
    while (value < stop && IsBlank(*value)) {
        value++;
    }
    while (stop > value && IsBlank(stop[-1])) {
        stop--;
    }
    if (memchr(value, '\0', (size_t)(stop - value)) != NULL || memchr(value, '\r', (size_t)(stop - value)) != NULL) {
        return "a header field has a NUL or CR in it";
    }
    Tcl_DStringInit(&nameDs);
    Tcl_DStringInit(&valueDs);
    Tcl_DStringAppend(&nameDs, line, (int)(colon - line));
    Ns_TextAppendIn(&valueDs, value, (size_t)(stop - value));
    fault = AddField(head, Tcl_DStringValue(&nameDs), Tcl_DStringValue(&valueDs));
    Tcl_DStringFree(&valueDs);
    Tcl_DStringFree(&nameDs);
    return fault;
}

CgiHeadState
CgiHeadParse(const char *bytes, size_t len, CgiHead *head)
{
    const char *at = bytes, *end = bytes + len, *stop = bytes, *next = bytes;

    memset(head, 0, sizeof *head);
    if (!IsComplete(bytes, end)) {
        return CGI_HEAD_MORE;
    }
    head->fields = Ns_SetCreate(NULL);
    while (head->fault == NULL && FindLine(at, end, &stop, &next) && stop > at) {
        head->fault = ReadLine(head, at, stop);
        at = next;
    }
    head->length = (size_t)(next - bytes);
    head->location = Ns_NullIfEmpty(Ns_SetIGetValue(head->fields, "location", ""));
    if (head->fault == NULL && !head->hasType && head->status == 0 && head->location == NULL) {
        head->fault = "its head has neither Content-Type nor Location nor Status";
    }
    return head->fault == NULL ? CGI_HEAD_DONE : CGI_HEAD_BAD;
}

void
CgiHeadFree(CgiHead *head)
{
    Ns_SetFree(head->fields);
    head->fields = NULL;
}

bool
CgiHeadIsLocal(const CgiHead *head)
{
    bool local = head->status == 0 && head->location != NULL && head->location[0] == '/' && head->location[1] != '/';

    for (size_t i = 0; local && i < Ns_SetSize(head->fields); i++) {
        const char *name = Ns_SetKey(head->fields, i);

        local = strcasecmp(name, "location") == 0 || strcasecmp(name, "content-type") == 0 || strcasecmp(name, "content-length") == 0;
    }
    return local;
}

Tcl_WideInt
CgiHeadContentLength(const CgiHead *head)
{
    const char *value = Ns_SetIGet(head->fields, "content-length");
    size_t      digits = value != NULL ? strspn(value, "0123456789") : 0;

    return digits > 0 && digits < 19 && value[digits] == '\0' ? (Tcl_WideInt)strtoll(value, NULL, 10) : -1;
}
