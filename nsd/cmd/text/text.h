/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Text commands whose procs are in files of their own and listed in the tables of parse.c and text.c.
 */
#ifndef NSD_CMD_TEXT_H
#define NSD_CMD_TEXT_H

#include "ns.h"

/* html.c */
Tcl_ObjCmdProc NsQuoteHtmlObjCmd, NsUnquoteHtmlObjCmd, NsStripHtmlObjCmd, NsParseHtmlObjCmd, NsHrefsObjCmd;
/* ip.c */
Tcl_ObjCmdProc NsIpObjCmd, NsSubnetMatchObjCmd;

#endif
