/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Request lines, header lines and whole messages in memory, as modules have them taken apart (nsrequest.h).
 */
#include "fuzz.h"
#include "http/requestline.h"
#include "ns.h"

static void
TryUrl(const char *url)
{
    Ns_Request  request = {.line = NULL};
    Tcl_DString path, parts;

    Tcl_DStringInit(&path);
    Tcl_DStringInit(&parts);
    NsRequestTakeUrl(&request, url, &path, &parts);
    FUZZ_CHECK(request.url[0] == '/' && request.urlc >= 0);
    FUZZ_CHECK(request.query == NULL || (request.query > url && request.query <= url + strlen(url)));
    Tcl_DStringFree(&parts);
    Tcl_DStringFree(&path);
}

static void
TryRequest(const char *data, size_t size)
{
    Ns_Request request;

    memset(&request, 0, sizeof(request));
    if (Ns_ParseRequest(&request, data, size) == NS_OK) {
        FUZZ_CHECK(Ns_SkipUrl(&request, request.urlc + 1) == NULL);
        for (int i = -1; i <= request.urlc; i++) {
            FUZZ_CHECK(Ns_SkipUrl(&request, i) != NULL);
        }
        TryUrl(request.rawUrl != NULL ? request.rawUrl : request.url);
    } else {
        FUZZ_CHECK(request.line == NULL && request.url == NULL);
    }
    Ns_ResetRequest(&request);
}

static void
TryMessage(char *data, size_t size)
{
    Ns_Set *set = Ns_SetCreateNoCase("fuzz");
    size_t  first = 0;
    int     major, minor, status;
    char   *payload = NULL;

    if (Ns_HttpMessageParse(data, size, &first, set, &payload) == NS_OK) {
        FUZZ_CHECK(first > 0 && first <= size);
        FUZZ_CHECK(payload == NULL || (payload > data && payload <= data + size));
    }
    Ns_SetTrunc(set, 0);
    if (Ns_HttpResponseMessageParse(data, size, set, &major, &minor, &status, &payload) == NS_OK) {
        FUZZ_CHECK(status >= 100 && status <= 999 && major >= 0 && minor >= 0);
    }
    Ns_SetFree(set);
}

/* A line, and the same once more, which may go on with it. */
static void
TryHeader(const char *line)
{
    Ns_Set *set = Ns_SetCreateNoCase("fuzz");

    for (int i = 0; i < 2; i++) {
        size_t number = SIZE_MAX;

        if (Ns_ParseHeader(set, line, "x-", &number) == NS_OK) {
            FUZZ_CHECK(number < Ns_SetSize(set));
        }
        if (i == 0) {
            (void)Ns_ParseHeader(set, "a: b", NULL, NULL);
        }
    }
    Ns_SetFree(set);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = FuzzCopy(data, size), *text = malloc(size + 1u);
    bool  same;

    FUZZ_CHECK(text != NULL);
    memcpy(text, exact, size);
    text[size] = '\0';
    TryRequest(exact, size);
    TryMessage(exact, size);                   /* what is behind it is nobody's */
    TryHeader(text);
    same = memcmp(text, exact, size) == 0;
    FUZZ_CHECK(same);
    free(text);
    free(exact);
    return 0;
}
