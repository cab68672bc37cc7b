/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Forms.  The first line of the input is the boundary (multipart) or empty (urlencoded), the rest is the body.
 */
#include "fuzz.h"
#include "http/form.h"

typedef struct Seen {
    const char *data;
    size_t      len, end;                      /* where the part before ended */
    size_t      count;
    size_t      stopAfter;
} Seen;

static bool
SeeField(void *arg, const char *name, size_t nameLen, const char *value, size_t valueLen)
{
    Seen *seen = arg;

    FUZZ_CHECK(name[nameLen] == '\0' && value[valueLen] == '\0' && nameLen + valueLen <= seen->len);
    return ++seen->count != seen->stopAfter;
}

static bool
SeePart(void *arg, NsFormPart *part)
{
    Seen *seen = arg;

    FUZZ_CHECK(part->name != NULL && part->headers != NULL);
    FUZZ_CHECK(strlen(part->name) <= seen->len && (part->filename == NULL || strlen(part->filename) <= 2 * seen->len));
    FUZZ_CHECK(part->offset >= seen->end && part->offset + part->length <= seen->len);
    seen->end = part->offset + part->length;
    return ++seen->count != seen->stopAfter;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t         len = newline != NULL ? (size_t)(newline - data) : 0, rest = newline != NULL ? size - len - 1 : 0;
    char          *boundary = FuzzCopy(data, len + 1 <= size ? len + 1 : len), *body = FuzzCopy(newline != NULL ? newline + 1 : data, rest);
    Seen           all = {.data = body, .len = rest}, some = {.data = body, .len = rest};
    const char    *error = NULL;
    Ns_ReturnCode  status;

    if (newline != NULL) {
        boundary[len] = '\0';
        if (len > 0) {
            status = NsFormParseMultipart(body, rest, boundary, SeePart, &all, &error);
            FUZZ_CHECK(status == NS_OK || ((status == NS_ERROR || status == NS_FORBIDDEN) && error != NULL));
            FUZZ_CHECK(status != NS_FORBIDDEN || all.count == 0);
            some.stopAfter = 1 + all.count / 2;
            status = NsFormParseMultipart(body, rest, boundary, SeePart, &some, &error);
            FUZZ_CHECK(all.count == 0 || (status == NS_FILTER_BREAK && some.count == some.stopAfter));
        } else {
            FUZZ_CHECK(NsFormParseQuery(body, rest, SeeField, &all) && all.count >= 1);
            some.stopAfter = 1 + all.count / 2;
            FUZZ_CHECK(!NsFormParseQuery(body, rest, SeeField, &some) || all.count < some.stopAfter);
        }
    }
    free(boundary);
    free(body);
    return 0;
}
