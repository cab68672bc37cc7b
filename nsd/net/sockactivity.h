/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What was done with a socket, as far as the kernel knows: for those who call somebody about it, and cannot see whether he did anything.
 */
#ifndef NSD_SOCKACTIVITY_H
#define NSD_SOCKACTIVITY_H

#include "ns.h"

typedef struct NsSockActivity {
    bool     known;                            /* false: of this kind of socket nothing can be said */
    bool     readable;                         /* there is something, or the end, that nobody has read */
    int      unread, unsent;
    uint64_t received, sent;                   /* TCP: bytes in all; else 0 */
} NsSockActivity;

/* Any thread. */
void NsSockGetActivity(NS_SOCKET fd, NsSockActivity *activity);
/*
 * Between these two somebody was called, since the socket was readable (`toRead`) or else writable.  True: he has, as far as can be seen,
 * neither read nor written.  Of a local socket, whose bytes nobody counts, what he has read is seen by nothing being left.
 */
bool NsSockActivityNone(const NsSockActivity *before, const NsSockActivity *after, bool toRead);

#endif
