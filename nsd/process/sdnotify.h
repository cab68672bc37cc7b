/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Telling systemd: see sd_notify(3).  Without NOTIFY_SOCKET in the environment nothing happens.
 */
#ifndef NSD_SDNOTIFY_H
#define NSD_SDNOTIFY_H

#include <stdint.h>

/* Any thread. */
void NsSdNotify(const char *state);
/* How often WATCHDOG_USEC wants a sign of life ("WATCHDOG=1"), twice as often for safety: milliseconds; 0: not at all. */
int64_t NsSdWatchdogMs(void);

#endif
