/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reads that wait for the first byte: those of threads that may, on channels with a receive timeout.
 *
 * The wait is cut into slices, after which the channel is looked at anew: another thread may have closed it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include "channel/int.h"

#define SLICE            100                   /* ms */
#define SLICE_CONNECTING 10                    /* there is no socket yet whose event would end the wait */

int64_t
NsChanReadDeadline(const NsChan *chan)
{
    return chan->locked.receiveTimeout > 0 && NsWorkerCurrent() == NULL ? NsLoopClock() + chan->locked.receiveTimeout : 0;
}

/* No lock.  Until the socket is ready or the slice is over; -1: no socket. */
static void
WaitFor(int fd, short events, int64_t milliseconds)
{
    struct pollfd pfd = {.fd = fd, .events = events};

    (void)poll(&pfd, fd >= 0 ? 1 : 0, (int)milliseconds);
}

bool
NsChanAwaitRead(NsChan *chan, int64_t deadline)
{
    int64_t left = deadline - NsLoopClock();
    int     fd = -1;
    short   events;

    if (deadline == 0 || left <= 0) {
        errno = EAGAIN;
        return false;
    }
    /* A duplicate: the channel may be closed, and its descriptor used anew, while this thread waits. */
    if (chan->locked.connecting == NULL) {
        fd = fcntl(chan->locked.io.sock, F_DUPFD_CLOEXEC, 0);
    }
    events = chan->locked.io.waitRecv == NS_SOCK_WRITE ? POLLOUT : POLLIN;
    ChanUnlock(chan);
    if (fd < 0) {
        WaitFor(-1, 0, left < SLICE_CONNECTING ? left : SLICE_CONNECTING);
    } else {
        WaitFor(fd, events, left < SLICE ? left : SLICE);
        (void)close(fd);
    }
    ChanLock(chan);
    return true;
}
