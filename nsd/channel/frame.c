/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket frames read from a channel, one per call (RFC 6455, section 5), with fragments put together.
 *
 * A channel keeps memory for frames only while there is an unfinished frame or message.  A frame that is whole in what one
 * receive gave is unmasked straight into its Tcl object.
 */
#include <errno.h>
#include <string.h>
#include "base/inputmem.h"
#include "channel/int.h"

void
NsChanFramesFree(NsChan *chan)
{
    ChanFrames *frames = chan->locked.frames;

    if (frames != NULL) {
        chan->locked.frames = NULL;
        NsInputMemoryCount(frames->counted, 0u);
        ns_free(frames->data);
        ns_free(frames->message);
        ns_free(frames);
    }
}

static NsWsMaskRule
MaskRule(const NsChan *chan)
{
    return chan->client ? NS_WS_MASK_ANY : NS_WS_MASK_REQUIRED;
}

bool
NsChanFramesReady(const NsChan *chan)
{
    const ChanFrames *frames = chan->locked.frames;
    NsWsFrame         frame;

    return frames != NULL && !chan->locked.frameError && frames->end > frames->start
        && NsWsFrameParse(frames->data + frames->start, frames->end - frames->start, MaskRule(chan), false, NsChanMaxMessage(chan->server),
                          &frame) != NS_WS_NEED_MORE;
}

static ChanFrames *
FramesOf(NsChan *chan)
{
    if (chan->locked.frames == NULL) {
        chan->locked.frames = ns_calloc(1u, sizeof(ChanFrames));
    }
    return chan->locked.frames;
}

/* Room for `more` bytes behind `end`; bytes already taken make way first. */
static void
Reserve(ChanFrames *frames, size_t more)
{
    size_t used = frames->end - frames->start;

    if (frames->start > 0u && frames->size - frames->end < more) {
        memmove(frames->data, frames->data + frames->start, used);
        frames->start = 0u;
        frames->end = used;
    }
    if (frames->size - frames->end < more) {
        frames->size = frames->end + more;
        frames->data = ns_realloc(frames->data, frames->size);
    }
}

/* Give memory back as soon as nothing is kept: an idle channel costs no buffers. */
static void
Shrink(NsChan *chan)
{
    ChanFrames *frames = chan->locked.frames;

    if (frames == NULL) {
        return;
    }
    if (frames->start == frames->end && frames->data != NULL) {
        ns_free(frames->data);
        frames->data = NULL;
        frames->start = frames->end = frames->size = 0u;
    }
    if (frames->data == NULL && frames->message == NULL && !frames->sequence.fragmented) {
        NsChanFramesFree(chan);
    }
}

static int
Violation(NsChan *chan, NsChanFrame *result, int closeCode, const char *reason)
{
    result->closeCode = closeCode;
    result->reason = reason;
    chan->locked.frameError = true;
    if (closeCode == 1013) {
        NsInputMemoryRefuse();
    } else {
        atomic_fetch_add_explicit(closeCode == 1009 ? &nsChanCounters.frameLimits : &nsChanCounters.frameErrors, 1u,
                                  memory_order_relaxed);
    }
    return -1;
}

/* What is unfinished counts.  False: it has grown, and there is too much of it in the process. */
static bool
CountFrames(ChanFrames *frames)
{
    size_t now = frames->size + frames->messageSize, before = frames->counted;

    NsInputMemoryCount(before, now);
    frames->counted = now;
    return now <= before || !NsInputMemoryFull();
}

static void
Unmask(uint8_t *to, const uint8_t *payload, const NsWsFrame *frame)
{
    if (frame->masked) {
        NsWsMask(to, payload, (size_t)frame->length, frame->mask, 0u);
    } else {
        memcpy(to, payload, (size_t)frame->length);
    }
}

/* A data frame of a fragmented message: keep it, and give the message with its last one. */
static int
AddFragment(NsChan *chan, const NsWsFrame *frame, const uint8_t *payload, int opcode, NsChanFrame *result)
{
    ChanFrames *frames = FramesOf(chan);
    size_t      need = frames->messageLen + (size_t)frame->length;

    if (need > NsChanMaxMessage(chan->server)) {
        return Violation(chan, result, 1009, "message too big");
    }
    if (need > frames->messageSize) {
        frames->messageSize = need > 2u * frames->messageSize ? need : 2u * frames->messageSize;
        frames->message = ns_realloc(frames->message, frames->messageSize);
    }
    if (frame->length > 0u) {
        Unmask(frames->message + frames->messageLen, payload, frame);
    }
    frames->messageLen = need;
    if (frame->fin) {
        result->opcode = opcode;
        result->payload = Tcl_NewByteArrayObj(frames->message, (int)frames->messageLen);
        ns_free(frames->message);
        frames->message = NULL;
        frames->messageLen = frames->messageSize = 0u;
    }
    return 0;
}

static int
TakeFrame(NsChan *chan, const NsWsFrame *frame, const uint8_t *payload, NsChanFrame *result)
{
    NsWsSequence fresh = {0}, *sequence = chan->locked.frames != NULL ? &chan->locked.frames->sequence : &fresh;
    int          opcode = frame->opcode == NS_WS_CONTINUE ? sequence->opcode : frame->opcode;
    const char  *wrong = NsWsSequenceCheck(sequence, frame);

    if (wrong != NULL) {
        return Violation(chan, result, 1002, wrong);
    }
    if (sequence == &fresh && fresh.fragmented) {
        FramesOf(chan)->sequence = fresh;
    }
    result->complete = true;
    result->fin = frame->fin;
    if (frame->opcode == NS_WS_CONTINUE || !frame->fin) {
        return AddFragment(chan, frame, payload, opcode, result);
    }
    result->opcode = opcode;
    result->payload = Tcl_NewByteArrayObj(NULL, (int)frame->length);
    if (frame->length > 0u) {
        Unmask(Tcl_GetByteArrayFromObj(result->payload, NULL), payload, frame);
    }
    return 0;
}

/*
 * Take the frame at `data`.  *used is 0 when it is not complete.
 */
static int
ParseAt(NsChan *chan, const uint8_t *data, size_t len, size_t *used, NsChanFrame *result)
{
    NsWsFrame frame;
    int       status = 0;

    *used = 0u;
    switch (NsWsFrameParse(data, len, MaskRule(chan), false, NsChanMaxMessage(chan->server), &frame)) {
    case NS_WS_NEED_MORE:
        break;
    case NS_WS_ERROR:
        status = Violation(chan, result, frame.closeCode, frame.reason);
        break;
    case NS_WS_FRAME:
        status = TakeFrame(chan, &frame, data + frame.headLen, result);
        *used = frame.headLen + (size_t)frame.length;
        break;
    }
    return status;
}

/* A receive gave -1: that nothing is there is no error. */
static int
NothingRead(NsChanFrame *result)
{
    result->nothing = errno == EAGAIN;
    return result->nothing ? 0 : -1;
}

/* Nothing is kept: receive into the thread's buffer, take a frame in place, keep what is behind it. */
static int
ReadFresh(NsChan *chan, NsChanFrame *result)
{
    uint8_t *buffer = (uint8_t *)NsChanThreadBuffer();
    ssize_t  n = NsChanReceive(chan, buffer, NS_LOOP_BUFFER);
    size_t   used = 0u;
    int      status = 0;

    if (n > 0) {
        result->bytes = (size_t)n;
        status = ParseAt(chan, buffer, (size_t)n, &used, result);
        if (status == 0 && used < (size_t)n) {
            ChanFrames *frames = FramesOf(chan);

            Reserve(frames, (size_t)n - used);
            memcpy(frames->data + frames->end, buffer + used, (size_t)n - used);
            frames->end += (size_t)n - used;
        }
    } else if (n < 0) {
        status = NothingRead(result);
    }
    return status;
}

/* How much to read behind an unfinished frame: all of it, if its head is there. */
static size_t
Missing(const NsChan *chan, const ChanFrames *frames)
{
    size_t    have = frames->end - frames->start, want = 4096u;
    NsWsFrame frame;

    if (NsWsFrameParse(frames->data + frames->start, have, MaskRule(chan), false, NsChanMaxMessage(chan->server), &frame) == NS_WS_NEED_MORE
        && frame.headLen > 0u) {
        uint64_t whole = frame.headLen + frame.length;

        want = whole > have ? (size_t)(whole - have) : 1u;
        if (want > NS_LOOP_BUFFER) {
            /* Memory follows what arrives, not what is announced. */
            want = have > NS_LOOP_BUFFER ? (have < want ? have : want) : NS_LOOP_BUFFER;
        }
    }
    return want;
}

static int
ReadBehind(NsChan *chan, NsChanFrame *result)
{
    ChanFrames *frames = chan->locked.frames;
    size_t      want = Missing(chan, frames), used;
    ssize_t     n;
    int         status = 0;

    Reserve(frames, want);
    n = NsChanReceive(chan, frames->data + frames->end, frames->size - frames->end);
    if (n > 0) {
        result->bytes = (size_t)n;
        frames->end += (size_t)n;
        status = ParseAt(chan, frames->data + frames->start, frames->end - frames->start, &used, result);
        frames->start += used;
    } else if (n < 0) {
        status = NothingRead(result);
    }
    return status;
}

/* Lock held: one receive, or what is kept. */
static int
ReadOnce(NsChan *chan, NsChanFrame *result)
{
    ChanFrames *frames = chan->locked.frames;
    int         status;

    result->nothing = false;
    if (chan->locked.frameError) {
        result->closeCode = 1002;
        result->reason = "an earlier frame was in error";
        status = -1;
    } else if (frames == NULL || frames->start == frames->end) {
        status = ReadFresh(chan, result);
    } else if (frames->haveData) {
        size_t used;

        status = ParseAt(chan, frames->data + frames->start, frames->end - frames->start, &used, result);
        frames->start += used;
        chan->locked.reads++;                  /* even when it was not whole: the next call reads */
    } else {
        status = ReadBehind(chan, result);
    }
    return status;
}

int
NsChanReadFrame(NsChan *chan, NsChanFrame *result)
{
    ChanFrames *frames;
    int64_t     deadline;
    int         status;

    NS_CHECK(chan, CHAN_MAGIC);
    memset(result, 0, sizeof(*result));
    ChanLock(chan);
    deadline = NsChanReadDeadline(chan);
    do {
        status = ReadOnce(chan, result);
    } while (result->nothing && NsChanAwaitRead(chan, deadline));
    Shrink(chan);
    frames = chan->locked.frames;
    /* Also behind a frame that is whole and its message is not. */
    if (frames != NULL && !CountFrames(frames) && status == 0 && result->payload == NULL) {
        status = Violation(chan, result, 1013, "no memory for more input (maxinputmemory)");
    }
    if (frames != NULL) {
        result->unprocessed = frames->end - frames->start;
        result->fragments = frames->messageLen;
        result->haveData = result->complete && result->unprocessed > 0u;
        frames->haveData = result->haveData;
    }
    ChanUnlock(chan);
    return status;
}
