/* SPDX-License-Identifier: MPL-2.0 */
/*
 * For modules that answer requests by running files, beside Ns_RegisterRequest2 of ns.h.  Any thread.
 */
#ifndef NSRUN_H
#define NSRUN_H

#include "ns.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What `proc` answers with is what a file does when it is run.  Whoever asks otherwise for a file that one of its registrations would run
 * gets 404, never its source: `file` says, of a registration's argument, which file that is, or of which folder all; NULL: the
 * URL's.  Before `proc` is registered; `name` is for `ns_server requestprocs`, and lives as long as the process.
 */
NS_EXTERN void Ns_RegisterRunner(Ns_OpProc *proc, const char *name, const char *(*file)(const void *arg));
/* A parser of arguments: void *, constraints, NULL for none, for Ns_RegisterRequest2, which takes them over. */
NS_EXTERN Ns_ObjvProc Ns_ObjvUrlspaceSpec;

#ifdef __cplusplus
}
#endif
#endif /* NSRUN_H */
