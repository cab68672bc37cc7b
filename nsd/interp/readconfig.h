/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reading the configuration: a Tcl script with the commands ns_section and ns_param.
 */
#ifndef NSD_READCONFIG_H
#define NSD_READCONFIG_H

/*
 * Main thread, at start: evaluate the configuration, a file or the *.tcl of a folder, in an interpreter of its own.  A mistake ends the process with file,
 * line and errorInfo (exit code NS_EXIT_CONFIG).
 */
void NsConfigEvalFile(const char *file, int argc, char *const *argv, int optind);

#endif
