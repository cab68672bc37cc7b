/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sending a queue at a limited rate.
 */
#include <string.h>
#include "conf/config.h"
#include "driver/pacing.h"

NsOutResult
NsOutSendPaced(NsOutQueue *queue, Ns_Wire *sock, NsPacer *pacer, int64_t now, size_t budget, char *scratch,
               size_t scratchLen, size_t *sent, int64_t *due)
{
    NsOutResult result = NS_OUT_DONE;

    *due = 0;
    if (pacer == NULL) {
        return NsOutSend(queue, sock, budget, scratch, scratchLen, sent);
    }
    *sent = 0u;
    while (!NsOutEmpty(queue)) {
        size_t part, allowed = NsPacerAllow(pacer, queue->bytes, now * 1000);

        if (allowed == 0u) {
            *due = (pacer->due + 999) / 1000;
            return NS_OUT_MORE;
        }
        if (*sent >= budget) {
            return NS_OUT_MORE;
        }
        result = NsOutSend(queue, sock, allowed, scratch, scratchLen, &part);
        NsPacerSent(pacer, part);
        *sent += part;
        if (result == NS_OUT_AGAIN || result == NS_OUT_ERROR) {
            break;
        }
        result = NS_OUT_DONE;                  /* of what was allowed */
    }
    NsPacerIdle(pacer);
    return result;
}

int64_t
NsConfigRate(const char *section, const char *key)
{
    const char *value = Ns_ConfigString(section, key, "0");
    int64_t     rate = NsConfigMemSize(section, key, "0", 0, NS_MAX_RATE);

    if (value[strspn(value, "0123456789 ")] == '\0') {
        rate = rate < NS_MAX_RATE / 1024 ? rate * 1024 : NS_MAX_RATE;
    }
    return rate;
}
