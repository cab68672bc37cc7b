/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Whose TLS handshake goes on next.
 *
 * A step of a handshake is a signature: a millisecond in which the loop serves nobody else.  So a turn of the loop has few of them, and
 * when more are wanted, peer addresses take turns, those with little to ask for first; within one, the first that came, or, once that
 * one has waited for long, the last: who came a second ago may have given up.  Handshakes that have begun and those that have not get
 * half of the steps each.
 *
 * The loop's thread alone.
 */
#ifndef NSD_SHAKES_H
#define NSD_SHAKES_H

#include <sys/socket.h>
#include "net/eventloop.h"

typedef struct NsShakes NsShakes;
typedef struct NsShake  NsShake;

/* Its turn has come.  False: nothing was spent on it, another one may have the step. */
typedef bool (NsShakeProc)(NsShake *shake);

/* Of one connection, inside its owner's structure; zeroed at first. */
struct NsShake {
    NsShake     *next, *before;
    NsShakeProc *proc;
    int64_t      since;                        /* time of the loop from which on it waits */
    uint16_t     place;
    bool         begun;                        /* its owner says: a step of it was done before */
    bool         waits;
};

/* The loop is that of the calling thread, or does not run yet.  Freed while something waits: its owner must leave before. */
NsShakes *NsShakesCreate(NsLoop *loop);
void      NsShakesFree(NsShakes *shakes);                      /* NULL is fine */
/* May it take a step now?  Else it waits, and its proc is called. */
bool      NsShakesMay(NsShakes *shakes, NsShake *shake, const struct sockaddr *peer, NsShakeProc *proc);
void      NsShakesLeave(NsShakes *shakes, NsShake *shake);     /* it does not wait any more; may be called in any case */
size_t    NsShakesWaiting(const NsShakes *shakes);

#endif
