/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The configuration beyond what include/ns.h offers: what reads it (interp/readconfig.c) and its commands need.
 *
 * Names of sections and keys are kept in lower case and looked up without regard to case.  After the start nothing is
 * added but marks of what was asked for; any thread may read.
 */
#ifndef NSD_CONFIG_H
#define NSD_CONFIG_H

#include "ns.h"

/* Main thread, while the configuration is read: there is this section; a value of it. */
void NsConfigDeclare(const char *section);
void NsConfigPut(const char *section, const char *key, const char *value, bool update);   /* update: in place of the first one */
/* Main thread, once, after the start: log the parameters that nobody asked for. */
void NsConfigReportUnused(void);

/* For scripts: the value of a key, its default or NULL.  The key is known from now on, its section need not be the core's. */
Tcl_Obj *NsConfigEffective(const char *section, const char *key);
/* As Ns_ConfigGetValue, without marking the key as known. */
const char *NsConfigPeek(const char *section, const char *key);
/* Note a default that stands for a key which is not set: `ns_configsection -filter defaults` shows it. */
void NsConfigNoteDefault(const char *section, const char *key, const char *value);
typedef enum { NS_CONFIG_ALL, NS_CONFIG_UNREAD, NS_CONFIG_DEFAULTED, NS_CONFIG_DEFAULTS } NsConfigFilter;
/* A copy of a section that the caller frees; NULL: there is no such section. */
Ns_Set *NsConfigCopySection(const char *section, NsConfigFilter filter);
/* As Ns_ConfigMemUnitRange, with the default as text alone. */
Tcl_WideInt NsConfigMemSize(const char *section, const char *key, const char *def, Tcl_WideInt min, Tcl_WideInt max);
/* "true", "no", "1", ...: false when it is none. */
bool NsConfigParseBool(const char *string, bool *value);

#endif
