/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the commands of ADP pages share.
 */
#ifndef NSD_CMD_ADPCMD_H
#define NSD_CMD_ADPCMD_H

#include "interp/commands.h"
#include "page/adp.h"

/* The interpreter's pages; Active: NULL and the error "no active adp" when no page runs. */
static inline NsAdp *NsCmdAdp(ClientData clientData) { return NsAdpOf(clientData); }
static inline NsAdp *
NsCmdActiveAdp(ClientData clientData, Tcl_Interp *interp)
{
    NsAdp *adp = NsCmdAdp(clientData);

    if (adp->ctx.frame == NULL) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("no active adp", -1));
        adp = NULL;
    }
    return adp;
}

/* adp_output.c */
Tcl_ObjCmdProc NsAdpAppendObjCmd, NsAdpPutsObjCmd, NsNsPutsObjCmd, NsAdpDumpObjCmd, NsAdpTellObjCmd, NsAdpTruncObjCmd, NsAdpFlushObjCmd,
    NsAdpCloseObjCmd, NsAdpStreamObjCmd, NsAdpCompressObjCmd, NsAdpMimeTypeObjCmd;
/* adp_tags.c */
Tcl_ObjCmdProc NsAdpRegisterProcObjCmd, NsAdpRegisterAdpObjCmd, NsAdpRegisterScriptObjCmd, NsAdpTagSetObjCmd;
/* adp_ctl.c */
Tcl_ObjCmdProc NsAdpCtlObjCmd, NsAdpDebugObjCmd, NsAdpStatsObjCmd, NsRegisterAdpObjCmd;

#endif
