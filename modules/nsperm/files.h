/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The files of users, groups, hosts and permissions.
 */
#ifndef NSPERM_FILES_H
#define NSPERM_FILES_H

#include "store.h"

#define PERM_MAX_FILE (16 * 1024 * 1024)       /* bytes */

/*
 * Any thread with Tcl.  Read `passwdFile` and, in `folder`, hosts.allow, hosts.deny, group and perms: what is not there says nothing.
 * All of it takes the place of what was read before.  False, with a message that names file and line: nothing is changed.
 */
bool PermFilesLoad(PermStore *store, const char *passwdFile, const char *folder, Tcl_DString *error);
/* Another password for a user in the file; one at a time.  False with a message: the file is as it was. */
bool PermFilesSetPassword(const char *passwdFile, const char *user, const char *encrypted, Tcl_DString *error);

#endif
