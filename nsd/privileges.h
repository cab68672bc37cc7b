/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Options -u, -g and -r: whom the process runs as, and in which root folder.
 */
#ifndef NSD_PRIVILEGES_H
#define NSD_PRIVILEGES_H

/* Main thread, at start, in this order.  What fails ends the process. */
void NsPrivilegesChroot(void);
void NsPrivilegesLower(void);                              /* files made from now on belong to the user */
void NsPrivilegesRaise(void);                              /* for binding addresses and reading keys */
void NsPrivilegesDrop(void);                               /* for good */

#endif
