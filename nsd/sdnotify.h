/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Telling systemd: see sd_notify(3).  Without NOTIFY_SOCKET in the environment nothing happens.
 */
#ifndef NSD_SDNOTIFY_H
#define NSD_SDNOTIFY_H

#include <signal.h>

/* Any thread. */
void NsSdNotify(const char *state);
/* As sigwait, with a sign of life in between as often as WATCHDOG_USEC wants it. */
int  NsSdWait(const sigset_t *set, int *sig);

#endif
