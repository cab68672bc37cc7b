/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The servers that the configuration lists.
 */
#ifndef NSD_SERVERLIST_H
#define NSD_SERVERLIST_H

/* Main thread, at start: create all servers of the section ns/servers, or of them the one named `only`. */
void NsServersCreate(const char *only);

#endif
