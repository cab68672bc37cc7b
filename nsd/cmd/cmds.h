/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The Tcl commands: one file per family, each with its own table, all listed in cmds.c.
 */
#ifndef NSD_CMDS_H
#define NSD_CMDS_H

#include "ns.h"

typedef struct NsCmd {
    const char     *name;                      /* NULL ends a table; may be qualified ("ns_crypto::md") */
    Tcl_ObjCmdProc *proc;                      /* called with an NsInterp * as client data */
    unsigned        flags;
} NsCmd;
#define NS_CMD_SERVER 0x01u                    /* only in interpreters of a server */
#define NS_CMD_CONFIG 0x02u                    /* also while the configuration is read */

/* The thread of the interpreter: create all commands that fit it (`server` may be NULL). */
void NsAddCommands(Tcl_Interp *interp, const void *clientData, bool withServer, bool configOnly);

#endif
