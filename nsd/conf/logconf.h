/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The log by the section ns/parameters.
 */
#ifndef NSD_LOGCONF_H
#define NSD_LOGCONF_H

#include "ns.h"

/*
 * Main thread, once the configuration and the home folder are known: severities, the form of lines, and the file.  With -f, and
 * in command mode, the log stays on stderr; there it is a file with parameter commandlog.
 */
void NsLogOpen(void);
/* Any thread, after NsLogOpen: absolute paths that live as long as the process. */
const char *NsLogDir(void);
const char *NsLogFile(void);                   /* of the system log, be it open or not */
/* Any thread: put the file aside (FILE.000 or by logrollfmt) and begin a new one.  NS_ERROR: logged. */
Ns_ReturnCode NsLogRoll(void);

void NsLogReopen(void);                        /* HUP */

#endif
