/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the process knows of itself, beyond Ns_Info* of ns.h.
 */
#ifndef NSD_INFO_H
#define NSD_INFO_H

#include <stdatomic.h>
#include "ns.h"

/* Main thread, at start: before the configuration is read, and after it. */
void NsInfoInit(int argc, char **argv, const char *config);
void NsInfoConfigure(void);
void NsInfoSetStarted(void);
void NsInfoSetStopping(void);                              /* any thread */

/* Any thread, after the start.  The strings live as long as the process. */
const char *NsInfoExecutable(void);                        /* path of the program */
const char *NsInfoArgv0(void);
void NsInfoArguments(Tcl_DString *ds);                     /* appends the words of the command line */
const char *NsInfoTclLibrary(void);                        /* the folder of our Tcl library */
/* The folder of the program; ns_free it. */
char *NsInfoExeDir(void);
/* `path` if it is absolute, else below `base`; ns_free it. */
char *NsInfoPath(const char *base, const char *path);

#endif
