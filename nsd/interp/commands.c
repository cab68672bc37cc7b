/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The commands of an interpreter, from the tables that were handed in.
 */
#include "interp/commands.h"

static const NsCmd *const *tables;             /* not changed after the start */

void
NsCommandsSet(const NsCmd *const *all)
{
    tables = all;
}

static bool
Fits(const NsCmd *cmd, bool withServer, bool configOnly)
{
    return configOnly ? (cmd->flags & NS_CMD_CONFIG) != 0 : (cmd->flags & NS_CMD_SERVER) == 0 || withServer;
}

void
NsCommandsCreate(Tcl_Interp *interp, const void *clientData, bool withServer, bool configOnly)
{
    for (const NsCmd *const *table = tables; *table != NULL; table++) {
        for (const NsCmd *cmd = *table; cmd->name != NULL; cmd++) {
            if (Fits(cmd, withServer, configOnly)) {
                (void)Tcl_CreateObjCommand(interp, cmd->name, cmd->proc, (ClientData)(uintptr_t)clientData, NULL);
            }
        }
    }
}
