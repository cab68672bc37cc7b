/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Leaving the terminal, the watchdog, and the pid file.  Main thread, before there are others.
 */
#ifndef NSD_DAEMON_H
#define NSD_DAEMON_H

/*
 * By the mode of the options: fork as needed.  Returns in the process that is to be the server; in the foreground
 * modes that is the caller.  The process that was started waits for NsDaemonReady and ends with 0, or with the exit
 * code of the server that did not get as far.
 */
void NsDaemonize(void);
void NsDaemonReady(void);

/*
 * -p, parameter pidfile, or nsd.pid in the home folder; not in command mode.  What was asked for and cannot be had (another one that
 * lives holds it) ends the process; else it is a warning.
 */
void NsPidfileCreate(void);
void NsPidfileRemove(void);                    /* nothing was created: does nothing */

#endif
