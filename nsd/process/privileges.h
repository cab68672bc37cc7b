/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Options -u, -g and -r: whom the process runs as, and in which root folder.
 */
#ifndef NSD_PRIVILEGES_H
#define NSD_PRIVILEGES_H

#include <stdbool.h>

/* Main thread, at start, in this order.  What fails ends the process. */
void NsPrivilegesChroot(void);
void NsPrivilegesLower(void);                              /* files made from now on belong to the user */
void NsPrivilegesRaise(void);                              /* for binding addresses and reading keys */
void NsPrivilegesDrop(void);                               /* for good */

/*
 * Any thread, later: the whole process becomes this user, with his groups, or this group, by name or number.  Only root may.  False: errno,
 * ENOENT if there is none of that name.
 */
bool NsPrivilegesSetUser(const char *name);
bool NsPrivilegesSetGroup(const char *name);

#endif
