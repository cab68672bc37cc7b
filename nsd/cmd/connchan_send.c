/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_connchan configure, sendfile and stats.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd/chanobj.h"
#include "cmd/connchan_sub.h"
#include "interp.h"
#include "net/resolver.h"

/* ---- sendfile ---- */

/* `{*}command status bytes` on the worker, when the range is out or will never be. */
static void
RunDone(NsChan *chan, void *arg, int error, uint64_t sent)
{
    char       *text = arg;
    Tcl_Interp *interp = NsWorkerInterp(NsChanWorker(chan), Ns_ConnChanServer(chan));
    Tcl_Obj    *command = Tcl_NewStringObj(text, -1);

    Tcl_IncrRefCount(command);
    Tcl_ListObjAppendElement(NULL, command, Tcl_NewStringObj(error == 0 ? "ok" : Tcl_ErrnoMsg(error), -1));
    Tcl_ListObjAppendElement(NULL, command, Tcl_NewWideIntObj((Tcl_WideInt)sent));
    if (Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT) == TCL_ERROR) {
        Tcl_AppendObjToErrorInfo(interp, Tcl_ObjPrintf("\n    (sendfile -done of %s)", Ns_ConnChanName(chan)));
        (void)Ns_TclLogErrorInfo(interp, NULL);
    }
    Tcl_ResetResult(interp);
    Tcl_DecrRefCount(command);
    ns_free(text);
}

/* Open the file and find the range: offset 0 and size -1 are all of it. */
static int
OpenRange(Tcl_Interp *interp, const char *file, Tcl_WideInt offset, Tcl_WideInt *size)
{
    struct stat st;
    int         fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        Ns_TclPrintfResult(interp, "could not open \"%s\": %s", file, Tcl_PosixError(interp));
        return -1;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        Ns_TclPrintfResult(interp, "\"%s\" is no regular file", file);
    } else if (offset > st.st_size || (*size >= 0 && *size > st.st_size - offset)) {
        Ns_TclPrintfResult(interp, "offset %lld and size %lld are beyond the %lld bytes of \"%s\"", (long long)offset,
                           (long long)*size, (long long)st.st_size, file);
    } else {
        if (*size < 0) {
            *size = st.st_size - offset;
        }
        return fd;
    }
    (void)close(fd);
    return -1;
}

int
NsChanSendFileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange positive = {0, LLONG_MAX};
    const NsInterp          *ip = clientData;
    Tcl_WideInt              offset = 0, size = -1;
    char                    *file, *text = NULL;
    Tcl_Obj                 *handle, *done = NULL;
    NsChan                  *chan;
    int                      fd, length, status = TCL_OK;
    Ns_ObjvSpec              opts[] = {
        {"-offset", Ns_ObjvMemUnit, &offset, &positive},
        {"-size", Ns_ObjvMemUnit, &size, &positive},
        {"-done", Ns_ObjvObj, &done, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"channel", Ns_ObjvObj, &handle, NULL},
        {"file", Ns_ObjvString, &file, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK
        || (done != NULL && Tcl_ListObjLength(interp, done, &length) != TCL_OK)) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(interp, ip->server, handle);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    fd = OpenRange(interp, file, offset, &size);
    if (fd < 0) {
        status = TCL_ERROR;
    } else {
        text = done != NULL ? ns_strdup(Tcl_GetString(done)) : NULL;
        if (!Ns_ConnChanSendFile(chan, fd, (off_t)offset, (size_t)size, done != NULL ? RunDone : NULL, text)) {
            Ns_TclPrintfResult(interp, "%s: sendfile failed: %s", Ns_ConnChanName(chan), Tcl_PosixError(interp));
            ns_free(text);
            status = TCL_ERROR;
        } else {
            Tcl_SetObjResult(interp, Tcl_NewWideIntObj(size));
        }
    }
    Ns_ConnChanRelease(chan);
    return status;
}

/* ---- configure ---- */

static const Ns_ObjvTable policies[] = {
    {"error", NS_CONNCHAN_LIMIT_ERROR}, {"close", NS_CONNCHAN_LIMIT_CLOSE}, {NULL, 0u}
};

static Tcl_Obj *
SettingsObj(const Ns_ConnChanSettings *settings)
{
    Tcl_Obj *dict = Tcl_NewDictObj();

    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("maxsendbuffer", -1), Tcl_NewWideIntObj((Tcl_WideInt)settings->maxSendBuffer));
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("policy", -1),
                   Tcl_NewStringObj(settings->policy == NS_CONNCHAN_LIMIT_CLOSE ? "close" : "error", -1));
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("ratelimit", -1), Tcl_NewWideIntObj((Tcl_WideInt)settings->rate));
    return dict;
}

int
NsChanConfigureObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange sizes = {1, LLONG_MAX}, rates = {0, NS_CONNCHAN_MAX_RATE};
    const NsInterp          *ip = clientData;
    Tcl_WideInt              size = -1, rate = -1;
    int                      policy = -1, code = TCL_OK;
    unsigned                 which = 0u;
    Tcl_Obj                 *handle;
    NsChan                  *chan;
    Ns_ConnChanSettings      settings;
    Ns_ObjvSpec              opts[] = {
        {"-maxsendbuffer", Ns_ObjvMemUnit, &size, &sizes},
        {"-policy", Ns_ObjvIndex, &policy, (void *)policies},
        {"-ratelimit", Ns_ObjvMemUnit, &rate, &rates},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec              args[] = {
        {"channel", Ns_ObjvObj, &handle, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(interp, ip->server, handle);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    which |= size >= 0 ? NS_CONNCHAN_SET_MAXSENDBUFFER : 0u;
    which |= policy >= 0 ? NS_CONNCHAN_SET_POLICY : 0u;
    which |= rate >= 0 ? NS_CONNCHAN_SET_RATE : 0u;
    settings = (Ns_ConnChanSettings){(size_t)size, (Ns_ConnChanPolicy)policy, rate};
    if (Ns_ConnChanConfigure(chan, which, &settings)) {
        Tcl_SetObjResult(interp, SettingsObj(&settings));
    } else {
        Ns_TclPrintfResult(interp, "%s: is closed", Ns_ConnChanName(chan));
        code = TCL_ERROR;
    }
    Ns_ConnChanRelease(chan);
    return code;
}

/* ---- stats ---- */

static void
Put(Tcl_Obj *dict, const char *key, uint64_t value)
{
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), Tcl_NewWideIntObj((Tcl_WideInt)value));
}

static Tcl_Obj *
WorkerObj(NsWorker *worker)
{
    NsWorkerStats stats;
    Tcl_Obj      *dict = Tcl_NewDictObj();

    NsWorkerGetStats(worker, &stats);
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("name", -1), Tcl_NewStringObj(NsWorkerName(worker), -1));
    Put(dict, "channels", stats.channels);
    Put(dict, "sockets", stats.members);
    Put(dict, "turns", stats.loop.turns);
    Put(dict, "events", stats.loop.events);
    Put(dict, "tasks", stats.loop.tasks);
    Put(dict, "timers", stats.loop.timers);
    Put(dict, "wakeups", stats.loop.wakeups);
    Put(dict, "inbox", stats.loop.inbox);
    Put(dict, "busyusec", stats.loop.busyUsec);
    Put(dict, "callbacks", stats.callbacks);
    Put(dict, "callbackusec", stats.callbackUsec);
    Put(dict, "longestusec", stats.longestUsec);
    Put(dict, "slowcallbacks", stats.slowCallbacks);
    return dict;
}

int
NsChanStatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj        *dict, *workers;
    NsResolverStats resolver;
    int             i;

    (void)clientData;
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    dict = Tcl_NewDictObj();
    Put(dict, "opened", atomic_load(&nsChanCounters.opened));
    Put(dict, "closed", atomic_load(&nsChanCounters.closed));
    Put(dict, "aborted", atomic_load(&nsChanCounters.aborted));
    Put(dict, "timeouts", atomic_load(&nsChanCounters.timeouts));
    Put(dict, "sendtimeouts", atomic_load(&nsChanCounters.sendTimeouts));
    Put(dict, "bufferlimits", atomic_load(&nsChanCounters.bufferLimits));
    Put(dict, "buffercloses", atomic_load(&nsChanCounters.bufferCloses));
    Put(dict, "ratewaits", atomic_load(&nsChanCounters.rateWaits));
    Put(dict, "framelimits", atomic_load(&nsChanCounters.frameLimits));
    Put(dict, "frameerrors", atomic_load(&nsChanCounters.frameErrors));
    Put(dict, "handshakesfailed", atomic_load(&nsChanCounters.handshakesFailed));
    Put(dict, "handshakesrefused", atomic_load(&nsChanCounters.handshakesRefused));
    NsResolverGetStats(&resolver);
    Put(dict, "lookups", resolver.lookups);
    Put(dict, "lookupswaiting", (uint64_t)resolver.waiting);
    Put(dict, "lookupsrefused", resolver.refused);
    workers = Tcl_NewListObj(0, NULL);
    for (i = 0; i < NsWorkerCount(); i++) {
        Tcl_ListObjAppendElement(NULL, workers, WorkerObj(NsWorkerGet(i)));
    }
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("workers", -1), workers);
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}
