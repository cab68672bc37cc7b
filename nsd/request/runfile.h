/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Files that were registered, by their names, to be run, and folders whose files are.  Whoever asks for such a file gets what it answers, never what it says.
 *
 * Any thread; a file may be held several times.
 */
#ifndef NSD_RUNFILE_H
#define NSD_RUNFILE_H

#include "conf/server.h"

/* `file` is absolute or below the server's pages; NULL: none.  The result, NULL then, is for Drop, which frees it. */
char *NsRunFileHold(const NsServer *server, const char *file);
void  NsRunFileDrop(char *held);

/* Append the path of a file in the form in which they are compared: absolute, without dots and double slashes. */
void  NsRunFilePath(Tcl_DString *ds, const char *file);
/* Is a path of that form held, or below a folder that is? */
bool  NsRunFileIs(const char *path);

#endif
