/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The log by the section ns/parameters.  NsLogOpen, NsLogReopen and NsLogClose are declared in process.h.
 */
#ifndef NSD_LOGCONF_H
#define NSD_LOGCONF_H

#include "ns.h"

/*
 * Main thread, once the configuration and the home folder are known: severities and the form of lines.  NsLogOpen does
 * it if it was not done; with -f, where the log stays on stderr, this is all that is to be called.
 */
void NsLogConfigure(void);
/* Any thread, after NsLogConfigure: absolute paths that live as long as the process. */
const char *NsLogDir(void);
const char *NsLogFile(void);                   /* of the system log, be it open or not */
/* Any thread: put the file aside (FILE.000 or by logrollfmt) and begin a new one.  NS_ERROR: logged. */
Ns_ReturnCode NsLogRoll(void);

#endif
