/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Callbacks that do nothing: the event that they leave as it is would call them for ever, at the cost of a core.
 */
#include <string.h>
#include "channel/int.h"

NsChanCounters nsChanCounters;                 /* of all channels: here, below all that count */

#define MAX_CALLS  1000u                       /* in a row, without a byte read or written by anybody */
#define SLOW_CALLS 100                         /* ms between calls from then on */
#define FORGET     1000                        /* ms after which calls are no row any more */

typedef struct ChanSpin {
    ChanMark mark;                             /* at the end of the call before */
    int64_t  last;                             /* its time */
    int64_t  until;                            /* slowed down until then; 0: not */
    unsigned calls;
    bool     named;                            /* in the log */
} ChanSpin;

static const char *
Letter(unsigned why)
{
    return why == NS_SOCK_READ ? "r" : why == NS_SOCK_WRITE ? "w" : "e";
}

static void
SlowDown(NsChan *chan, const ChanCallback *callback, unsigned why, int64_t now)
{
    ChanSpin *spin = chan->locked.spin;

    spin->until = now + SLOW_CALLS;
    if (!spin->named) {
        const char *command = callback->cb.command != NULL ? callback->cb.command : "";
        size_t      line = strcspn(command, "\n");

        spin->named = true;
        atomic_fetch_add_explicit(&nsChanCounters.spinning, 1u, memory_order_relaxed);
        Ns_Log(Warning, "%s: callback \"%.*s\" was called with %s %u times in a row, and has read and written nothing: "
               "from now on it is called every %d ms", chan->name, line < 100u ? (int)line : 100, command, Letter(why), MAX_CALLS, SLOW_CALLS);
    }
}

void
NsChanNoteCall(NsChan *chan, ChanCallback *callback, unsigned why, const ChanMark *before)
{
    ChanMark  after = NsChanMark(chan);
    ChanSpin *spin = chan->locked.spin;
    int64_t   now;

    if (after.reads != before->reads || after.accepted != before->accepted) {
        if (spin != NULL) {
            spin->calls = 0u;
        }
        return;
    }
    if (why == NS_SOCK_WRITE && chan->locked.callback == callback) {
        callback->idleWrite = true;
    }
    if (spin == NULL) {
        spin = chan->locked.spin = ns_calloc(1u, sizeof(ChanSpin));
    }
    /* Another thread may have done what the callback told it to do. */
    now = NsLoopNow(NsWorkerLoop(chan->worker));
    if (after.reads != spin->mark.reads || after.accepted != spin->mark.accepted || now - spin->last > FORGET) {
        spin->calls = 0u;
    }
    spin->mark = after;
    spin->last = now;
    if (++spin->calls >= MAX_CALLS) {
        SlowDown(chan, callback, why, now);
    }
}

int64_t
NsChanSpinDue(const NsChan *chan)
{
    return chan->locked.spin != NULL ? chan->locked.spin->until : 0;
}

bool
NsChanSpinOver(NsChan *chan, int64_t now)
{
    bool over = chan->locked.spin != NULL && chan->locked.spin->until > 0 && now >= chan->locked.spin->until;

    if (over) {
        chan->locked.spin->until = 0;
    }
    return over;
}
