/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tables of Tcl commands, which every interpreter gets.  They stand in cmd/; main hands them in, once.
 */
#ifndef NSD_COMMANDS_H
#define NSD_COMMANDS_H

#include "ns.h"

typedef struct NsCmd {
    const char     *name;                      /* NULL ends a table; may be qualified ("ns_crypto::md") */
    Tcl_ObjCmdProc *proc;                      /* called with an NsInterp * as client data */
    unsigned        flags;
} NsCmd;
#define NS_CMD_SERVER 0x01u                    /* only in interpreters of a server */
#define NS_CMD_CONFIG 0x02u                    /* also while the configuration is read */

/* Main thread, before the first interpreter is made: the tables, with NULL behind the last. */
void NsCommandsSet(const NsCmd *const *tables);
/* The thread of the interpreter: create all commands that fit it. */
void NsCommandsCreate(Tcl_Interp *interp, const void *clientData, bool withServer, bool configOnly);

#endif
