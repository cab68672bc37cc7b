/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Scripts registered once and run in many threads: request procs, filters, url2file procs.
 *
 * The text belongs to no thread; each interpreter keeps the object that was compiled from it, so that it is compiled
 * once per thread and not once per request.
 */
#ifndef NSD_SCRIPT_H
#define NSD_SCRIPT_H

#include "ns.h"
#include "conf/server.h"

typedef struct NsScript NsScript;

/* Any thread.  The script and arguments that follow it. */
NsScript   *NsScriptCreate(NsServer *server, const char *script, int objc, Tcl_Obj *const *objv);
void        NsScriptFree(void *script);                        /* an Ns_Callback */
NsServer   *NsScriptServer(const NsScript *script);
/* Script and arguments as a list. */
void        NsScriptAppend(Tcl_DString *ds, const NsScript *script);
/* Just as above, for use in lists of what is registered. */
const char *NsScriptText(const NsScript *script);

/*
 * The interpreter's thread: evaluate at global level, with one more word between script and arguments: `why`, one of a
 * few names such as "preauth", or `word`, which may be anything.  Both may be NULL.  Returns the Tcl code.
 */
int NsScriptEval(Tcl_Interp *interp, const NsScript *script, const char *why, const char *word);
/* The same with several words, given as a Tcl list. */
int NsScriptEvalWords(Tcl_Interp *interp, const NsScript *script, const char *words);

#endif
