/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Channels as Tcl sees them: handles that cache their channel, and callbacks that are Tcl commands.
 */
#include <string.h>
#include "cmd/channel/chanobj.h"
#include "interp/interp.h"

/* ---- handles ---- */

static void
FreeHandle(Tcl_Obj *obj)
{
    Ns_ConnChanRelease(obj->internalRep.twoPtrValue.ptr1);
    obj->typePtr = NULL;
}

static Tcl_ObjType handleType;

static void
DupHandle(Tcl_Obj *from, Tcl_Obj *to)
{
    to->internalRep.twoPtrValue.ptr1 = Ns_ConnChanRetain(from->internalRep.twoPtrValue.ptr1);
    to->internalRep.twoPtrValue.ptr2 = NULL;
    to->typePtr = &handleType;
}

static Tcl_ObjType handleType = {"ns:connchan", FreeHandle, DupHandle, NULL, NULL};

static void
SetHandle(Tcl_Obj *obj, NsChan *chan)
{
    if (obj->typePtr != NULL && obj->typePtr->freeIntRepProc != NULL) {
        obj->typePtr->freeIntRepProc(obj);
    }
    obj->internalRep.twoPtrValue.ptr1 = Ns_ConnChanRetain(chan);
    obj->internalRep.twoPtrValue.ptr2 = NULL;
    obj->typePtr = &handleType;
}

Tcl_Obj *
NsChanNewObj(NsChan *chan)
{
    Tcl_Obj *obj = Tcl_NewStringObj(Ns_ConnChanName(chan), -1);

    SetHandle(obj, chan);
    return obj;
}

NsChan *
NsChanFromObj(Tcl_Interp *interp, NsServer *server, Tcl_Obj *handle)
{
    const char *name = Tcl_GetString(handle);  /* before SetHandle: the type cannot make the string */
    NsChan     *chan;

    if (handle->typePtr == &handleType) {
        chan = handle->internalRep.twoPtrValue.ptr1;
        if (Ns_ConnChanServer(chan) == server && Ns_ConnChanIsOpen(chan)) {
            return Ns_ConnChanRetain(chan);
        }
    }
    chan = Ns_ConnChanFind(server, name);
    if (chan != NULL && !Ns_ConnChanIsOpen(chan)) {
        Ns_ConnChanRelease(chan);
        chan = NULL;
    }
    if (chan != NULL) {
        SetHandle(handle, chan);
    } else if (interp != NULL) {
        Ns_TclPrintfResult(interp, "channel \"%s\" does not exist", name);
        Tcl_SetErrorCode(interp, "NS", "CONNCHAN", "UNKNOWN", name, (char *)NULL);
    }
    return chan;
}

NsChan *
NsChanOfArgs(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Ns_ObjvSpec *opts, Ns_ObjvSpec *args,
             NsServer *const *server)
{
    const NsInterp *ip = clientData;
    Tcl_Obj        *handle;
    Ns_ObjvSpec     alone[] = {{"channel", Ns_ObjvObj, &handle, NULL}, {NULL, NULL, NULL, NULL}};

    if (args == NULL) {
        args = alone;
    }
    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return NULL;
    }
    handle = *(Tcl_Obj **)args[0].dest;
    return NsChanFromObj(interp, server != NULL && *server != NULL ? *server : ip->server, handle);
}

/* ---- conditions ---- */

static const struct { char letter; unsigned bit; } whenLetters[] = {
    {'r', NS_SOCK_READ}, {'w', NS_SOCK_WRITE}, {'e', NS_SOCK_EXCEPTION}, {'x', NS_SOCK_EXIT}
};

const char *
NsChanWhenString(unsigned when, char buffer[5])
{
    char  *p = buffer;
    size_t i;

    for (i = 0u; i < 4u; i++) {
        if ((when & whenLetters[i].bit) != 0u) {
            *p++ = whenLetters[i].letter;
        }
    }
    *p = '\0';
    return buffer;
}

bool
NsChanParseWhen(const char *string, unsigned *when)
{
    const char *p;

    *when = 0u;
    for (p = string; *p != '\0'; p++) {
        size_t i;

        for (i = 0u; i < 4u && whenLetters[i].letter != *p; i++) {
            ;
        }
        if (i == 4u) {
            return false;
        }
        *when |= whenLetters[i].bit;
    }
    return *when != 0u;
}

/* ---- callbacks ---- */

/*
 * A command that was given by some thread and runs on the worker: kept as text, and split into words by the worker when
 * it runs for the first time, so that each call is an evaluation of ready words.
 */
typedef struct TclCallback {
    char     *command;
    int       objc;                            /* words, and one for `why` */
    Tcl_Obj **objv;                            /* worker: NULL before the first call */
} TclCallback;

static void
ReleaseWord(ClientData arg)
{
    Tcl_Obj **word = arg;

    Tcl_DecrRefCount(*word);
    *word = NULL;
}

Tcl_Obj *
NsThreadWord(Tcl_Obj **word, const char *text)
{
    if (*word == NULL) {
        *word = Tcl_NewStringObj(text, -1);
        Tcl_IncrRefCount(*word);
        Tcl_CreateThreadExitHandler(ReleaseWord, word);
    }
    return *word;
}

/* The words for `why`, of this thread. */
static Tcl_Obj *
WhyObj(unsigned why)
{
    static const char   *names[] = {"r", "w", "e", "x", "t"};
    static __thread Tcl_Obj *objs[5];
    int i = why == NS_SOCK_READ ? 0 : why == NS_SOCK_WRITE ? 1 : why == NS_SOCK_EXCEPTION ? 2 : why == NS_SOCK_EXIT ? 3 : 4;

    return NsThreadWord(&objs[i], names[i]);
}

static void
Split(TclCallback *callback)
{
    Tcl_Obj  *list = Tcl_NewStringObj(callback->command, -1), **words;
    int       count, i;

    Tcl_IncrRefCount(list);
    (void)Tcl_ListObjGetElements(NULL, list, &count, &words);    /* checked when it was registered */
    callback->objc = count + 1;
    callback->objv = ns_calloc((size_t)callback->objc, sizeof(Tcl_Obj *));
    for (i = 0; i < count; i++) {
        callback->objv[i] = words[i];
        Tcl_IncrRefCount(words[i]);
    }
    Tcl_DecrRefCount(list);
}

static Ns_ConnChanVerdict
Verdict(Tcl_Interp *interp, int code, const NsChan *chan, const TclCallback *callback, const char *why)
{
    int value = 0;

    if (code == TCL_ERROR) {
        Tcl_AppendObjToErrorInfo(interp, Tcl_ObjPrintf("\n    (callback of %s, when \"%s\")", Ns_ConnChanName(chan), why));
        (void)Ns_TclLogErrorInfo(interp, NULL);
        return NS_CONNCHAN_CLOSE;
    }
    if (Tcl_GetIntFromObj(NULL, Tcl_GetObjResult(interp), &value) != TCL_OK || value < 0 || value > 2) {
        Ns_Log(Error, "%s: callback \"%.100s\" returned \"%.100s\", must be 0, 1 or 2: closed", Ns_ConnChanName(chan),
               callback->command, Tcl_GetStringResult(interp));
        return NS_CONNCHAN_CLOSE;
    }
    return value == 0 ? NS_CONNCHAN_CLOSE : value == 1 ? NS_CONNCHAN_KEEP : NS_CONNCHAN_SUSPEND;
}

static Ns_ConnChanVerdict
Call(NsChan *chan, void *arg, unsigned why)
{
    TclCallback  *callback = arg;
    Tcl_Interp   *interp = NsWorkerInterp(NsChanWorker(chan), Ns_ConnChanServer(chan));
    Ns_ConnChanVerdict verdict;
    int           code;

    if (callback->objv == NULL) {
        Split(callback);
    }
    callback->objv[callback->objc - 1] = WhyObj(why);
    code = Tcl_EvalObjv(interp, callback->objc, callback->objv, TCL_EVAL_GLOBAL);
    verdict = Verdict(interp, code, chan, callback, Tcl_GetString(WhyObj(why)));
    Tcl_ResetResult(interp);
    return verdict;
}

void
NsChanTclCallbackFree(void *arg)
{
    TclCallback *callback = arg;
    int          i;

    for (i = 0; i < callback->objc - 1; i++) {
        Tcl_DecrRefCount(callback->objv[i]);
    }
    ns_free(callback->objv);
    ns_free(callback->command);
    ns_free(callback);
}

int
NsChanTclCallback(Tcl_Interp *interp, Tcl_Obj *command, unsigned when, Ns_ConnChanCallback *result)
{
    TclCallback *callback;
    int          length;

    if (Tcl_ListObjLength(interp, command, &length) != TCL_OK) {
        return TCL_ERROR;
    }
    if (length == 0) {
        Ns_TclPrintfResult(interp, "empty callback command");
        return TCL_ERROR;
    }
    callback = ns_calloc(1u, sizeof(TclCallback));
    callback->command = ns_strdup(Tcl_GetString(command));
    memset(result, 0, sizeof(*result));
    result->proc = Call;
    result->freeProc = NsChanTclCallbackFree;
    result->arg = callback;
    result->command = callback->command;
    result->when = when;
    return TCL_OK;
}
