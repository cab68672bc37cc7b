/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Filters of modules between a message and the log file (Ns_AddLogFilter).
 */
#ifndef NSD_LOGFILTER_H
#define NSD_LOGFILTER_H

#include "ns.h"

/*
 * Any thread: show a message to all filters, the newest first.  False: one of them has seen to it, it is not written.  What a filter itself
 * logs meanwhile is written, and shown to none.
 */
bool NsLogFilterPass(int severity, const Ns_Time *stamp, const char *text, size_t len);

#endif
