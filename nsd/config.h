/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The configuration beyond what include/ns.h offers: how it is read, and what its commands need.
 *
 * Names of sections and keys are kept in lower case and looked up without regard to case.  After the start nothing is
 * added but marks of what was asked for; any thread may read.
 */
#ifndef NSD_CONFIG_H
#define NSD_CONFIG_H

#include "ns.h"

/*
 * Main thread, at start: evaluate the configuration in an interpreter of its own with ns_section and ns_param.
 * A mistake ends the process with file, line and errorInfo (exit code NS_EXIT_CONFIG).
 */
void NsConfigEvalFile(const char *file, int argc, char *const *argv, int optind);

/* As Ns_ConfigGetValue, without marking the key as known. */
const char *NsConfigPeek(const char *section, const char *key);
/* Note a default that stands for a key which is not set: `ns_configsection -filter defaults` shows it. */
void NsConfigNoteDefault(const char *section, const char *key, const char *value);
typedef enum { NS_CONFIG_ALL, NS_CONFIG_UNREAD, NS_CONFIG_DEFAULTED, NS_CONFIG_DEFAULTS } NsConfigFilter;
/* A copy of a section that the caller frees; NULL: there is no such section. */
Ns_Set *NsConfigCopySection(const char *section, NsConfigFilter filter);
/* "true", "no", "1", ...: false when it is none. */
bool NsConfigParseBool(const char *string, bool *value);

#endif
