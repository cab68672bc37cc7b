/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Severities of the log: names, colors, and whether they are shown.  Any thread; Ns_LogSeverityName and
 * Ns_LogSeverityEnabled are in ns.h.
 */
#ifndef NSD_SEVERITY_H
#define NSD_SEVERITY_H

#include "ns.h"

/* As in ANSI sequences: 30 + color. */
typedef enum {
    NS_LOG_BLACK, NS_LOG_RED, NS_LOG_GREEN, NS_LOG_YELLOW, NS_LOG_BLUE, NS_LOG_MAGENTA, NS_LOG_CYAN, NS_LOG_GRAY,
    NS_LOG_DEFAULT = 9
} NsLogColor;

/* The names for colors and intensities, for NsLogColor and bright; both end with a NULL key. */
extern const Ns_ObjvTable nsLogColors[], nsLogIntensities[];

int  NsLogSeverityFind(const char *name);      /* as it was created, those of the server in lower case too; -1: there is none */
int  NsLogSeverityCreate(const char *name);    /* the one that there is, or a new one; -1: there is no room */
int  NsLogSeverityCount(void);
bool NsLogSeverityEnable(int severity, bool enable);           /* as it was before */
void NsLogSeverityGetColor(int severity, int *color, bool *bright);
void NsLogSeveritySetColor(int severity, int color, bool bright);
void NsLogSeverityCountOne(int severity);      /* one that does not exist: nothing */
uint64_t NsLogSeverityGetCount(int severity);  /* messages logged so far */

#endif
