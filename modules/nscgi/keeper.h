/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The keeper: the thread that looks after programs whose requests hold no connection thread any more.  What they write goes to their
 * clients' channels, as fast as those take it; it waits for their ends.
 */
#ifndef NSCGI_KEEPER_H
#define NSCGI_KEEPER_H

#include "run.h"

/* The owner of the run gives it away.  With a channel, whose reference is taken over, the client gets what comes. */
void CgiKeep(CgiRun *run);

/* The stop: programs have `stopwait` from now on; by then, or at the deadline (monotonic ms), they are ended, and waited for. */
void CgiStopBegin(void);
void CgiStopEnd(int64_t deadline);

#endif
