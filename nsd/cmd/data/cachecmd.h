/* SPDX-License-Identifier: MPL-2.0 */
/* What the files of the cache commands share. */
#ifndef NSD_CACHECMD_H
#define NSD_CACHECMD_H

#include "cmd/cmds.h"
#include "data/caches.h"
#include "interp/interp.h"

/* The cache of that name, remembered in the object; NULL with "no such cache" in the interpreter. */
NsTclCache *NsCacheFromObj(const NsInterp *data, Tcl_Interp *interp, Tcl_Obj *name);

/* What options say of one call; NULL: as the cache has it. */
typedef struct NsCacheCall {
    int      force;
    Ns_Time *timeout, *expires;
} NsCacheCall;
/*
 * Give the value of a key as result, computed by a script, or by a command of several words, if there is none.  Returns the
 * script's code.
 */
int NsCacheEval(NsInterp *data, Tcl_Interp *interp, NsTclCache *cache, const char *key, const NsCacheCall *call, int wordc,
                Tcl_Obj *const *wordv);
/* TIMEOUT and CIRCLE as errors: TCL_ERROR; else TCL_OK. */
int NsCacheAnswerResult(Tcl_Interp *interp, NsCacheAnswer answer, const char *key);
int NsCacheStatsResult(Tcl_Interp *interp, NsTclCache *cache);

/* Of ns_cache_incr, append, lappend and ns_cache set, without their options. */
int NsCacheIncr(NsInterp *data, Tcl_Interp *interp, NsTclCache *cache, const char *key, const NsCacheCall *call, Tcl_WideInt by);
int NsCacheAppend(NsInterp *data, Tcl_Interp *interp, NsTclCache *cache, const char *key, const NsCacheCall *call, bool elements,
                  int wordc, Tcl_Obj *const *wordv);
int NsCacheSet(NsInterp *data, Tcl_Interp *interp, NsTclCache *cache, const char *key, Tcl_Obj *value);
int NsCacheGetResult(NsInterp *data, Tcl_Interp *interp, NsTclCache *cache, Tcl_Obj *key, Tcl_Obj *varName);

#endif
