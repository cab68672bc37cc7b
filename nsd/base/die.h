/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Last words of those who stand below the log: memory, threads, thread-local values, assertions.
 */
#ifndef NSD_DIE_H
#define NSD_DIE_H

#include "nsthread.h"

/* Any thread: end the process with exit code 1, nothing torn down.  The message goes to the log if it is lent, else to stderr. */
void NsDie(const char *fmt, ...) NS_PRINTF(1, 2) __attribute__((noreturn));
/* The same, as Tcl's panic proc: Tcl has no memory, or a package has broken one of its rules. */
void NsDieOfTcl(const char *fmt, ...) __attribute__((noreturn));
/* The log's way to write such a message, and to wait until it is written.  Before threads start. */
typedef void (NsLastWords)(const char *text);
void NsDieLend(NsLastWords *report);

#endif
