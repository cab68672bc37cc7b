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
/*
 * How far the start is, told by the main thread.  Scripts of other threads - those that library files start - wait for it: no
 * thread has an interpreter before the libraries are complete, none runs a script before the server is up.
 */
typedef enum { NS_PHASE_CONFIG, NS_PHASE_INTERPS, NS_PHASE_STARTED } NsPhase;
void NsInfoReach(NsPhase phase);
bool NsInfoReached(NsPhase phase);                         /* any thread */
void NsInfoAwait(NsPhase phase);                           /* any thread but the main one */
void NsInfoSetStopping(void);                              /* any thread */

/* Any thread, after the start.  The strings live as long as the process. */
const char *NsInfoExecutable(void);                        /* path of the program */
const char *NsInfoArgv0(void);
void NsInfoArguments(Tcl_DString *ds);                     /* appends the words of the command line */
const char *NsInfoTclLibrary(void);                        /* the folder of our Tcl library */
const char *NsInfoTmpDir(void);                            /* for temporary files: tmpdir, else TMPDIR, else /tmp */
/* The folder of the program; ns_free it. */
char *NsInfoExeDir(void);
/* `path` if it is absolute, else below `base`; ns_free it. */
char *NsInfoPath(const char *base, const char *path);

#endif
