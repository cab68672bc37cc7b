/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Defaults of the core's parameters.
 */
#ifndef NSD_DEFAULTS_H
#define NSD_DEFAULTS_H

#include "ns.h"

/* Main thread, at start: the home, below which some are, the folder for temporary files, and listenbacklog if it is set. */
void NsConfigDefaultsBelow(const char *home, const char *tmp, const char *listenBacklog);
/* Any thread.  Append the default of a parameter; false: the core has no such parameter. */
bool NsConfigDefault(Tcl_DString *ds, const char *section, const char *key);
/* Any thread: all parameters of a section. */
void NsConfigDefaultEach(const char *section, void (*proc)(void *arg, const char *key, const char *value), void *arg);
/* Any thread.  Why a parameter of NaviServer has no effect here; NULL: it is none of these. */
const char *NsConfigIdle(const char *section, const char *key);

#endif
