/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Command mode: a Tcl script, or a shell, inside the started server.
 */
#ifndef NSD_COMMAND_H
#define NSD_COMMAND_H

#include "ns.h"

/*
 * Main thread: run the script argv[0] with its arguments, or read commands from stdin.  The exit code.  The interpreter may be
 * cancelled by then: it is of no other use.
 */
int  NsCommandRun(Tcl_Interp *interp, int argc, char **argv);
/* Any thread: let the script come to its end at its next command, past every catch. */
void NsCommandCancel(void);
/* Any thread: let it go on, but come to its end when it waits for events. */
void NsCommandEndWait(void);
/* Main thread, at the end: what the script has written to channels that it did not close. */
void NsCommandFlush(void);

#endif
