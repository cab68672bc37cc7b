/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frames over a socket, until a deadline; used on both sides.  The thread that owns the socket.
 */
#ifndef NSPROXY_WIRE_H
#define NSPROXY_WIRE_H

#include "frame.h"

typedef enum {
    WIRE_OK,
    WIRE_TIMEOUT,
    WIRE_CLOSED,                               /* the peer is gone */
    WIRE_TOO_LARGE,                            /* the frame is larger than may be; nothing of it was read */
    WIRE_ERROR                                 /* errno says what */
} ProxyWire;

#define WIRE_FOREVER ((int64_t)-1)

/* The monotonic clock, in milliseconds, and the deadline in so many of them; 0 or less: WIRE_FOREVER. */
int64_t ProxyNow(void);
int64_t ProxyDeadline(int64_t ms);
/* What poll(2) is to wait until then: 0 when it has passed. */
int     ProxyTimeLeft(int64_t deadline);

/* A frame with this number and payload.  A peer that is gone makes no SIGPIPE. */
ProxyWire ProxyWireSend(int fd, uint32_t number, const char *payload, size_t len, int64_t deadline);
/* Bytes as they are. */
ProxyWire ProxyWireSendAll(int fd, const char *bytes, size_t len, int64_t deadline);
/* Something is there to be read, or the peer is gone. */
ProxyWire ProxyWireReadable(int fd, int64_t deadline);
/* The payload of a frame becomes the text of `ds`, which may have grown; memory is taken as the bytes arrive. */
ProxyWire ProxyWireReceive(int fd, uint32_t *number, Tcl_DString *ds, size_t max, int64_t deadline);

#endif
