/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Command mode: a Tcl script, or a shell, inside the started server.
 */
#ifndef NSD_COMMAND_H
#define NSD_COMMAND_H

/* Main thread: run the script argv[0] with its arguments, or read commands from stdin.  The exit code. */
int  NsCommandRun(int argc, char **argv);
/* Any thread: let the script come to its end at its next command, past every catch. */
void NsCommandCancel(void);

#endif
