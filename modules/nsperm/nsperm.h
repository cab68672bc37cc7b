/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The module in one server.
 */
#ifndef NSPERM_H
#define NSPERM_H

#include "store.h"

/* As long as the process. */
typedef struct PermModule {
    PermStore *store;
    char      *passwdFile, *folder;
} PermModule;

/* Any thread: read the files again; false: the message says in which line of which file it failed. */
bool PermModuleLoad(PermModule *module, Tcl_DString *error);
/*
 * Any thread: another password, in the file and in the store, for a user of the file.  False, with a message: nothing is changed.
 */
bool PermModuleSetPassword(PermModule *module, const char *user, const char *encrypted, Tcl_DString *error);
/* In an interpreter that is being made. */
Ns_ReturnCode PermCreateCommands(Tcl_Interp *interp, const void *module);

#endif
