/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frames over a socket.  Each call on it returns at once (MSG_DONTWAIT); what waits is poll, until the deadline.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>
#include <sys/socket.h>
#include "wire.h"

#define FIRST_CHUNK (64u * 1024u)

int64_t
ProxyNow(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
ProxyDeadline(int64_t ms)
{
    return ms > 0 ? ProxyNow() + ms : WIRE_FOREVER;
}

int
ProxyTimeLeft(int64_t deadline)
{
    int64_t left;

    if (deadline == WIRE_FOREVER) {
        return -1;
    }
    left = deadline - ProxyNow();
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static ProxyWire
WaitFor(int fd, short events, int64_t deadline)
{
    struct pollfd pfd = {.fd = fd, .events = events};
    int           ready;

    do {
        int left = ProxyTimeLeft(deadline);

        ready = poll(&pfd, 1, left);
        if (ready == 0 && left == INT_MAX) {
            ready = -1, errno = EINTR;         /* longer than poll takes at once */
        }
    } while (ready < 0 && errno == EINTR);
    return ready > 0 ? WIRE_OK : ready == 0 ? WIRE_TIMEOUT : WIRE_ERROR;
}

/* After a call that failed: WIRE_OK, try again. */
static ProxyWire
AfterFailure(int fd, short events, int64_t deadline)
{
    switch (errno) {
    case EINTR:      return WIRE_OK;
    case EAGAIN:     return WaitFor(fd, events, deadline);
    case EPIPE:
    case ECONNRESET: return WIRE_CLOSED;
    default:         return WIRE_ERROR;
    }
}

ProxyWire
ProxyWireSendAll(int fd, const char *bytes, size_t len, int64_t deadline)
{
    ProxyWire status = WIRE_OK;

    while (len > 0 && status == WIRE_OK) {
        ssize_t n = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0) {
            status = AfterFailure(fd, POLLOUT, deadline);
        } else {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return status;
}

ProxyWire
ProxyWireSend(int fd, uint32_t number, const char *payload, size_t len, int64_t deadline)
{
    unsigned char head[PROXY_FRAME_HEAD];
    ProxyWire     status;

    ProxyFrameHead(head, len, number);
    status = ProxyWireSendAll(fd, (const char *)head, sizeof(head), deadline);
    return status == WIRE_OK ? ProxyWireSendAll(fd, payload, len, deadline) : status;
}

ProxyWire
ProxyWireReadable(int fd, int64_t deadline)
{
    return WaitFor(fd, POLLIN, deadline);
}

static ProxyWire
ReceiveAll(int fd, char *to, size_t len, int64_t deadline)
{
    ProxyWire status = WIRE_OK;

    while (len > 0 && status == WIRE_OK) {
        ssize_t n = recv(fd, to, len, MSG_DONTWAIT);

        if (n < 0) {
            status = AfterFailure(fd, POLLIN, deadline);
        } else if (n == 0) {
            status = WIRE_CLOSED;
        } else {
            to += n;
            len -= (size_t)n;
        }
    }
    return status;
}

ProxyWire
ProxyWireReceive(int fd, uint32_t *number, Tcl_DString *ds, size_t max, int64_t deadline)
{
    unsigned char head[PROXY_FRAME_HEAD];
    size_t        len, have = 0, room = FIRST_CHUNK;
    ProxyWire     status = ReceiveAll(fd, (char *)head, sizeof(head), deadline);

    if (status != WIRE_OK) {
        return status;
    }
    len = ProxyFrameLength(head);
    *number = ProxyFrameNumber(head);
    if (len > max || len > PROXY_MAX_MESSAGE) {
        return WIRE_TOO_LARGE;
    }
    /* What the head promises is believed as it arrives. */
    do {
        room = room < len ? room : len;
        Tcl_DStringSetLength(ds, (int)room);
        status = ReceiveAll(fd, Tcl_DStringValue(ds) + have, room - have, deadline);
        have = room;
        room *= 2;
    } while (status == WIRE_OK && have < len);
    return status;
}
