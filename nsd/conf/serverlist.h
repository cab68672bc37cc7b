/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The servers that the configuration lists.
 */
#ifndef NSD_SERVERLIST_H
#define NSD_SERVERLIST_H

#include "conf/server.h"

/*
 * Main thread, at start: create all servers of the section ns/servers, or of them the one named `only`, each with these parts
 * in this order; NULL ends the list.
 */
void NsServersCreate(NsServerPart *const *parts, const char *only);

#endif
