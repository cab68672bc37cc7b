/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Scripts as procs of C (nsrequest.h).
 */
#include "ns.h"
#include "interp/script.h"

typedef struct Callback {
    Ns_TclCallback pub;                        /* must be first */
    NsScript      *script;
} Callback;

Ns_TclCallback *
Ns_TclNewCallback(Tcl_Interp *interp, ns_funcptr_t cbProc, Tcl_Obj *scriptObjPtr, TCL_SIZE_T objc, Tcl_Obj *const *objv)
{
    Callback   *self = ns_calloc(1, sizeof(*self));
    const char *server = Ns_TclInterpServer(interp);

    self->pub.cbProc = cbProc;
    self->pub.server = server;                 /* servers stay */
    self->script = NsScriptCreate(server != NULL ? NsServerGet(server) : NULL, Tcl_GetString(scriptObjPtr), objc, objv);
    self->pub.script = NsScriptText(self->script);
    self->pub.argc = objc;
    self->pub.argv = ns_calloc((size_t)objc + 1u, sizeof(char *));
    for (TCL_SIZE_T i = 0; i < objc; i++) {
        self->pub.argv[i] = ns_strdup(Tcl_GetString(objv[i]));
    }
    return &self->pub;
}

void
Ns_TclFreeCallback(void *arg)
{
    Callback *self = arg;

    for (TCL_SIZE_T i = 0; i < self->pub.argc; i++) {
        ns_free(self->pub.argv[i]);
    }
    ns_free(self->pub.argv);
    NsScriptFree(self->script);
    ns_free(self);
}

static int
Eval(Tcl_Interp *interp, const Callback *self, Tcl_DString *result, const char *words)
{
    int code = NsScriptEvalWords(interp, self->script, words);

    if (code != TCL_OK) {
        Tcl_DString info;

        Tcl_DStringInit(&info);
        Ns_DStringPrintf(&info, "\n    while executing the callback '%.200s'", self->pub.script);
        (void)Ns_TclLogErrorInfo(interp, Tcl_DStringValue(&info));
        Tcl_DStringFree(&info);
    } else if (result != NULL) {
        Tcl_DStringAppend(result, Tcl_GetStringResult(interp), -1);
    }
    return code;
}

int
Ns_TclEvalCallback(Tcl_Interp *interp, const Ns_TclCallback *cbPtr, Tcl_DString *resultDString, ...)
{
    const Callback *self = (const Callback *)cbPtr;
    Tcl_Interp     *own = interp != NULL ? interp : Ns_TclAllocateInterp(cbPtr->server);
    int             code = TCL_ERROR;
    const char     *word;
    Tcl_DString     words;
    va_list         ap;

    if (own != NULL) {
        Tcl_DStringInit(&words);
        va_start(ap, resultDString);
        while ((word = va_arg(ap, const char *)) != NULL) {
            Tcl_DStringAppendElement(&words, word);
        }
        va_end(ap);
        code = Eval(own, self, resultDString, Tcl_DStringValue(&words));
        Tcl_DStringFree(&words);
    }
    if (own != NULL && interp == NULL) {
        Ns_TclDeAllocateInterp(own);
    }
    return code;
}

void
Ns_TclCallbackProc(void *arg)
{
    (void)Ns_TclEvalCallback(NULL, arg, NULL, NS_SENTINEL);
}

void
Ns_TclCallbackArgProc(Tcl_DString *ds, const void *arg)
{
    NsScriptAppend(ds, ((const Callback *)arg)->script);
}
