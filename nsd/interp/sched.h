/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Scheduled procs, beyond what ns.h offers.
 */
#ifndef NSD_SCHED_H
#define NSD_SCHED_H

#include "ns.h"

/* Any thread: {id flags interval next lastqueue laststart lastend proc arg} for each. */
void NsSchedAppend(Tcl_DString *ds);

/* Main thread. */
void NsSchedStart(void);
void NsSchedStop(const Ns_Time *until);

#endif
