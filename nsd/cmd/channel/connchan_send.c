/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_connchan configure, sendfile and stats.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/dict.h"
#include "base/inputmem.h"
#include "base/file.h"
#include "cmd/channel/chanobj.h"
#include "cmd/channel/connchan_sub.h"
#include "interp/interp.h"
#include "net/resolver.h"
#include "net/tls.h"

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
    int         fd = NsFileOpen(file, O_RDONLY, 0);

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

/* Send it from where it is; `done` NULL: without a word of the end.  The result is how much. */
static int
SendFile(Tcl_Interp *interp, NsChan *chan, const char *file, Tcl_WideInt offset, Tcl_WideInt size, Tcl_Obj *done)
{
    int   fd, length;
    char *text;

    if (done != NULL && Tcl_ListObjLength(interp, done, &length) != TCL_OK) {
        return TCL_ERROR;
    }
    fd = OpenRange(interp, file, offset, &size);
    if (fd < 0) {
        return TCL_ERROR;
    }
    text = done != NULL ? ns_strdup(Tcl_GetString(done)) : NULL;
    if (!Ns_ConnChanSendFile(chan, fd, (off_t)offset, (size_t)size, done != NULL ? RunDone : NULL, text)) {
        Ns_TclPrintfResult(interp, "%s: sendfile failed: %s", Ns_ConnChanName(chan), Tcl_PosixError(interp));
        ns_free(text);
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj(size));
    return TCL_OK;
}

int
NsChanSendFileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange positive = {0, LLONG_MAX};
    Tcl_WideInt              offset = 0, size = -1;
    char                    *file;
    Tcl_Obj                 *handle, *done = NULL;
    NsChan                  *chan;
    int                      status;
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

    chan = NsChanOfArgs(clientData, interp, objc, objv, opts, args, NULL);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    status = SendFile(interp, chan, file, offset, size, done);
    Ns_ConnChanRelease(chan);
    return status;
}

/* ---- configure ---- */

static const Ns_ObjvTable policies[] = {
    {"error", NS_CONNCHAN_LIMIT_ERROR}, {"close", NS_CONNCHAN_LIMIT_CLOSE}, {NULL, 0u}
};

static Tcl_Obj *
SecondsObj(int64_t milliseconds)
{
    return Tcl_ObjPrintf("%ld.%03ld", (long)(milliseconds / 1000), (long)(milliseconds % 1000));
}

static Tcl_Obj *
SettingsObj(const Ns_ConnChanSettings *settings)
{
    Tcl_Obj *dict = Tcl_NewDictObj();

    NsDictPutNumber(dict, "maxsendbuffer", settings->maxSendBuffer);
    NsDictPut(dict, "policy", Tcl_NewStringObj(settings->policy == NS_CONNCHAN_LIMIT_CLOSE ? "close" : "error", -1));
    NsDictPutNumber(dict, "ratelimit", settings->rate);
    NsDictPut(dict, "receivetimeout", SecondsObj(settings->receiveTimeout));
    NsDictPutNumber(dict, "sendminrate", (uint64_t)settings->sendMinRate);
    NsDictPut(dict, "sendwait", SecondsObj(settings->sendWait));
    return dict;
}

int
NsChanConfigureObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange sizes = {1, LLONG_MAX}, rates = {0, NS_CONNCHAN_MAX_RATE}, minRates = {0, 1 << 30};
    static Ns_ObjvTimeRange  waits = {{0, 0}, {INT_MAX / 1000, 0}};
    Tcl_WideInt              size = -1, rate = -1, minRate = -1;
    int                      policy = -1, code = TCL_OK;
    unsigned                 which = 0u;
    Ns_Time                 *receiveTimeout = NULL, *sendWait = NULL;
    Ns_ConnChanSettings      settings;
    NsChan                  *chan;
    Ns_ObjvSpec              opts[] = {
        {"-maxsendbuffer", Ns_ObjvMemUnit, &size, &sizes},
        {"-policy", Ns_ObjvIndex, &policy, (void *)policies},
        {"-ratelimit", Ns_ObjvMemUnit, &rate, &rates},
        {"-receivetimeout", Ns_ObjvTime, &receiveTimeout, NULL},
        {"-sendminrate", Ns_ObjvMemUnit, &minRate, &minRates},
        {"-sendwait", Ns_ObjvTime, &sendWait, &waits},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };

    chan = NsChanOfArgs(clientData, interp, objc, objv, opts, NULL, NULL);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    which |= minRate >= 0 ? NS_CONNCHAN_SET_SENDMINRATE : 0u;
    which |= sendWait != NULL ? NS_CONNCHAN_SET_SENDWAIT : 0u;
    which |= size >= 0 ? NS_CONNCHAN_SET_MAXSENDBUFFER : 0u;
    which |= policy >= 0 ? NS_CONNCHAN_SET_POLICY : 0u;
    which |= rate >= 0 ? NS_CONNCHAN_SET_RATE : 0u;
    which |= receiveTimeout != NULL ? NS_CONNCHAN_SET_RECEIVETIMEOUT : 0u;
    settings = (Ns_ConnChanSettings){.maxSendBuffer = (size_t)size, .policy = (Ns_ConnChanPolicy)policy, .rate = rate,
                                     .receiveTimeout = receiveTimeout != NULL ? Ns_TimeToMilliseconds(receiveTimeout) : 0,
                                     .sendMinRate = minRate, .sendWait = sendWait != NULL ? Ns_TimeToMilliseconds(sendWait) : 0};
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

static Tcl_Obj *
WorkerObj(NsWorker *worker)
{
    NsWorkerStats stats;
    Tcl_Obj      *dict = Tcl_NewDictObj();

    NsWorkerGetStats(worker, &stats);
    NsDictPut(dict, "name", Tcl_NewStringObj(NsWorkerName(worker), -1));
    NsDictPutNumber(dict, "channels", stats.channels);
    NsDictPutNumber(dict, "sockets", stats.members);
    NsDictPutNumber(dict, "turns", stats.loop.turns);
    NsDictPutNumber(dict, "events", stats.loop.events);
    NsDictPutNumber(dict, "tasks", stats.loop.tasks);
    NsDictPutNumber(dict, "timers", stats.loop.timers);
    NsDictPutNumber(dict, "wakeups", stats.loop.wakeups);
    NsDictPutNumber(dict, "inbox", stats.loop.inbox);
    NsDictPutNumber(dict, "yields", stats.loop.yields);
    NsDictPutNumber(dict, "busyusec", stats.loop.busyUsec);
    NsDictPutNumber(dict, "callbacks", stats.callbacks);
    NsDictPutNumber(dict, "callbackusec", stats.callbackUsec);
    NsDictPutNumber(dict, "longestusec", stats.longestUsec);
    NsDictPutNumber(dict, "slowcallbacks", stats.slowCallbacks);
    return dict;
}

static const NsDictCounter counters[] = {
    {"opened", offsetof(NsChanCounters, opened)},
    {"closed", offsetof(NsChanCounters, closed)},
    {"aborted", offsetof(NsChanCounters, aborted)},
    {"timeouts", offsetof(NsChanCounters, timeouts)},
    {"sendtimeouts", offsetof(NsChanCounters, sendTimeouts)},
    {"bufferlimits", offsetof(NsChanCounters, bufferLimits)},
    {"buffercloses", offsetof(NsChanCounters, bufferCloses)},
    {"ratewaits", offsetof(NsChanCounters, rateWaits)},
    {"tooslow", offsetof(NsChanCounters, tooSlow)},
    {"spinning", offsetof(NsChanCounters, spinning)},
    {"framelimits", offsetof(NsChanCounters, frameLimits)},
    {"frameerrors", offsetof(NsChanCounters, frameErrors)},
    {"handshakesfailed", offsetof(NsChanCounters, handshakesFailed)},
    {"handshakesrefused", offsetof(NsChanCounters, handshakesRefused)}
};

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
    NsDictPutCounters(dict, counters, sizeof(counters) / sizeof(counters[0]), &nsChanCounters);
    NsDictPutNumber(dict, "tlsfloods", NsTlsFloods());
    NsDictPutNumber(dict, "inputmemory", NsInputMemory());
    NsDictPutNumber(dict, "inputfiles", NsInputFiles());
    NsDictPutNumber(dict, "inputlimits", NsInputMemoryRefusals());
    NsResolverGetStats(&resolver);
    NsDictPutNumber(dict, "lookups", resolver.lookups);
    NsDictPutNumber(dict, "lookupswaiting", (uint64_t)resolver.waiting);
    NsDictPutNumber(dict, "lookupsrefused", resolver.refused);
    workers = Tcl_NewListObj(0, NULL);
    for (i = 0; i < NsWorkerCount(); i++) {
        Tcl_ListObjAppendElement(NULL, workers, WorkerObj(NsWorkerGet(i)));
    }
    NsDictPut(dict, "workers", workers);
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}
