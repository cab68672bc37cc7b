/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Request lines and URLs taken apart for modules (nsrequest.h).  Any thread.
 */
#include <string.h>
#include "base/text.h"
#include "http/requestline.h"
#include "http/url.h"

void
NsRequestTakeUrl(Ns_Request *request, const char *url, Tcl_DString *path, Tcl_DString *parts)
{
    size_t      len = strcspn(url, "?#"), given, size;
    Tcl_DString bytes, decoded, text;
    const char *plain;

    request->query = url[len] == '?' ? url + len + 1 : NULL;
    Tcl_DStringInit(&bytes);
    Tcl_DStringInit(&decoded);
    Tcl_DStringInit(&text);
    plain = NsTextOut(&bytes, url, len, &given);
    NsUrlDecode(&decoded, plain, given, NS_URL_PATH);
    plain = NsTextIn(&text, Tcl_DStringValue(&decoded), (size_t)Tcl_DStringLength(&decoded), &size);
    NsPathNormalize(path, plain, size, true);
    Tcl_DStringFree(&text);
    Tcl_DStringFree(&decoded);
    Tcl_DStringFree(&bytes);
    request->url = Tcl_DStringValue(path);

    request->urlc = 0;
    for (const char *at = request->url; *at != '\0';) {
        size_t partLen;

        at += strspn(at, "/");
        partLen = strcspn(at, "/");
        if (partLen > 0) {
            char *part = ns_strncopy(at, (ssize_t)partLen);

            Tcl_DStringAppendElement(parts, part);
            ns_free(part);
            request->urlc++;
        }
        at += partLen;
    }
    request->urlv = Tcl_DStringValue(parts);
    request->urlv_len = Tcl_DStringLength(parts);
}

/* Each string a copy of its own. */
static void
CopyRequest(Ns_Request *to, const Ns_Request *from)
{
    *to = *from;
    to->line = ns_strcopy(from->line);
    to->method = ns_strcopy(from->method);
    to->protocol = ns_strcopy(from->protocol);
    to->host = ns_strcopy(from->host);
    to->url = ns_strcopy(from->url);
    to->rawUrl = ns_strcopy(from->rawUrl);
    to->query = ns_strcopy(from->query);
    to->fragment = ns_strcopy(from->fragment);
    to->urlv = ns_strcopy(from->urlv);
    to->serverRoot = NULL;
}

Ns_ReturnCode
Ns_ParseRequest(Ns_Request *request, const char *line, size_t len)
{
    NsHttpFault    fault;
    NsHttpRequest *parsed;

    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
        len--;
    }
    parsed = NsRequestLineParse(line, len, &fault);
    if (parsed == NULL) {
        return NS_ERROR;
    }
    CopyRequest(request, &parsed->request);
    NsHttpRequestFree(parsed);
    return NS_OK;
}

void
Ns_ResetRequest(Ns_Request *request)
{
    const char *strings[] = {request->line, request->method, request->protocol, request->host, request->url, request->rawUrl,
                             request->query, request->fragment, request->urlv};

    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        ns_free_const(strings[i]);
    }
    memset(request, 0, sizeof(*request));
}

void
Ns_FreeRequest(Ns_Request *request)
{
    if (request != NULL) {
        Ns_ResetRequest(request);
        ns_free(request);
    }
}

const char *
Ns_SkipUrl(const Ns_Request *request, int n)
{
    const char *at = request->url;

    if (n > request->urlc) {
        return NULL;
    }
    for (; n > 0; n--) {
        at += strspn(at, "/");
        at += strcspn(at, "/");
    }
    return at + strspn(at, "/");
}
