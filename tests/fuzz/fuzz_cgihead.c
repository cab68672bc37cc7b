/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a CGI program writes first.  The head found in all of it is the one found when it comes byte by byte, and nothing in it can break
 * out of its line.
 */
#include "fuzz.h"
#include "../../modules/nscgi/head.h"

static void
Look(const CgiHead *head, size_t size)
{
    FUZZ_CHECK(head->length > 0 && head->length <= size);
    FUZZ_CHECK(head->status == 0 || (head->status >= 200 && head->status <= 599));
    for (size_t i = 0; i < Ns_SetSize(head->fields); i++) {
        FUZZ_CHECK(*Ns_SetKey(head->fields, i) != '\0' && strpbrk(Ns_SetKey(head->fields, i), " :\r\n") == NULL);
        FUZZ_CHECK(strpbrk(Ns_SetValue(head->fields, i), "\r\n") == NULL);
    }
    FUZZ_CHECK(CgiHeadContentLength(head) >= -1);
    FUZZ_CHECK(!CgiHeadIsLocal(head) || head->location[0] == '/');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char  *bytes = (const char *)data;
    CgiHead      head, again;
    CgiHeadState state = CgiHeadParse(bytes, size, &head);

    if (state == CGI_HEAD_MORE) {
        FUZZ_CHECK(head.fields == NULL);
        return 0;
    }
    if (state == CGI_HEAD_DONE) {
        Look(&head, size);
        if (head.length < 2000) {              /* no byte before its end does */
            for (size_t len = 0; len < head.length; len++) {
                FUZZ_CHECK(CgiHeadParse(bytes, len, &again) == CGI_HEAD_MORE);
            }
        }
        FUZZ_CHECK(CgiHeadParse(bytes, head.length, &again) == CGI_HEAD_DONE && Ns_SetSize(again.fields) == Ns_SetSize(head.fields));
        CgiHeadFree(&again);
    } else {
        FUZZ_CHECK(head.fault != NULL);
    }
    CgiHeadFree(&head);
    return 0;
}
