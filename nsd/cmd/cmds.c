/* SPDX-License-Identifier: MPL-2.0 */
/*
 * All command tables: one line per family.
 */
#include "cmd/cmds.h"

#define TABLES(X)                                                                                               \
    X(nsLogCmds) X(nsSetCmds) X(nsNsvCmds) X(nsSyncCmds) X(nsTimeCmds)                                          \
    X(nsConfigCmds) X(nsInfoCmds) X(nsProcessCmds) X(nsSchedCmds) X(nsJobCmds) X(nsInterpCmds)                  \
    X(nsServerCmds) X(nsDriverCmds)                                                                             \
    X(nsConnCmds) X(nsReturnCmds) X(nsRegisterCmds) X(nsFastpathCmds) X(nsWriterCmds)                           \
    X(nsTextCmds) X(nsUrlCmds) X(nsCryptoCmds) X(nsBase64Cmds) X(nsParseCmds) X(nsHttpClientCmds)               \
    X(nsConnChanCmds) X(nsWebSocketCmds) X(nsSockCmds) X(nsChanCmds)

#define DECLARE(table) extern const NsCmd table[];
#define ENTRY(table) table,

TABLES(DECLARE)

static const NsCmd *const tables[] = { TABLES(ENTRY) };

void
NsAddCommands(Tcl_Interp *interp, const void *clientData, bool withServer, bool configOnly)
{
    size_t       i;
    const NsCmd *cmd;

    for (i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (cmd = tables[i]; cmd->name != NULL; cmd++) {
            if (configOnly ? (cmd->flags & NS_CMD_CONFIG) == 0 : (cmd->flags & NS_CMD_SERVER) != 0 && !withServer) {
                continue;
            }
            (void)Tcl_CreateObjCommand(interp, cmd->name, cmd->proc, (ClientData)(uintptr_t)clientData, NULL);
        }
    }
}
