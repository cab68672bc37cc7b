/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The Tcl commands: one file per family, each with its own table, all listed in cmds.c.
 */
#ifndef NSD_CMDS_H
#define NSD_CMDS_H

#include "interp/commands.h"

extern const NsCmd *const nsCommandTables[];   /* NULL ends it */

#endif
