/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The reply of a worker of nsproxy: whatever comes, its parts are inside of it, and what was understood is written the same way.
 */
#include "fuzz.h"
#include "../../modules/nsproxy/frame.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    ProxyReply  reply;
    Tcl_DString ds;

    if (!ProxyReplyParse(bytes, size, &reply)) {
        return 0;
    }
    FUZZ_CHECK(ProxyReplyLength(&reply) == size);
    FUZZ_CHECK(reply.errorCode >= bytes && reply.result + reply.resultLen == bytes + size);
    Tcl_DStringInit(&ds);
    ProxyReplyAppend(&ds, (uint32_t)size, &reply);
    FUZZ_CHECK((size_t)Tcl_DStringLength(&ds) == size + PROXY_FRAME_HEAD);
    FUZZ_CHECK(ProxyFrameLength((const unsigned char *)Tcl_DStringValue(&ds)) == size);
    FUZZ_CHECK(memcmp(Tcl_DStringValue(&ds) + PROXY_FRAME_HEAD, data, size) == 0);
    Tcl_DStringFree(&ds);
    return 0;
}
