/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Modules: of the section ns/modules and of each server's.  Main thread, at start.
 */
#ifndef NSD_MODLOAD_H
#define NSD_MODLOAD_H

#include "conf/server.h"

/* A module that cannot be loaded ends the process. */
void NsModulesLoadGlobal(void);
void NsModulesLoadServer(NsServer *server);
/* Any thread: what was loaded for a server, or for all: name dict name dict ... */
void NsModulesList(NsServer *server, Tcl_Obj *list);
/* Where module files are looked for first. */
const char *NsModulesBinDir(void);

#endif
