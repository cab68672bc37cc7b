/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Procs for points in the life of the process (Ns_RegisterAt*), and what `ns_info callbacks` says of them.
 */
#ifndef NSD_CALLBACKS_H
#define NSD_CALLBACKS_H

#include "ns.h"

/*
 * How a C proc and its argument are shown in `ns_info callbacks`, `scheduled` and the like: "ns:tclschedproc {script}".
 * Any thread; what is said last counts.  `name` stays the caller's.
 */
void NsProcDescribe(void (*proc)(void), const char *name, Ns_ArgProc *append);
/* Any thread.  Appends name and argument as list elements; an unknown proc is shown by its address. */
void NsProcAppend(Tcl_DString *ds, void (*proc)(void), const void *arg);

/* Any thread: appends {when id proc arg} for each. */
void NsCallbacksAppend(Tcl_DString *ds);

/* Main thread: run what was registered for this point. */
void NsRunAtPreStartup(void);
void NsRunAtStartup(void);
void NsRunAtSignal(void);
void NsRunAtReady(void);
void NsRunAtStop(void);
void NsStartAtShutdown(void);
void NsWaitAtShutdown(const Ns_Time *until);
void NsRunAtExit(void);

#endif
