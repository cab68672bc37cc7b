/* SPDX-License-Identifier: MPL-2.0 */
/*
 * HTTP requests for those who may wait, and what the configuration says about TLS.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include "client/http.h"

typedef struct Run {
    NsLoop       *loop;
    Ns_ReturnCode status;
} Run;

/* A thread's loop, kept for its next request. */
typedef struct Kept {
    NsLoop *loop;
    bool    busy;                              /* a request's callback makes another: that one has a loop of its own */
} Kept;

static Ns_Tls         keptTls;
static pthread_once_t keptOnce = PTHREAD_ONCE_INIT;

static void
FreeKept(void *arg)
{
    Kept *kept = arg;

    if (kept->loop != NULL) {
        NsLoopDestroy(kept->loop);
    }
    ns_free(kept);
}

static void
MakeTls(void)
{
    Ns_TlsAlloc(&keptTls, FreeKept);
}

static Kept *
KeptOfThread(void)
{
    Kept *kept;

    pthread_once(&keptOnce, MakeTls);
    kept = Ns_TlsGet(&keptTls);
    if (kept == NULL) {
        kept = ns_calloc(1u, sizeof(*kept));
        Ns_TlsSet(&keptTls, kept);
    }
    return kept;
}

/* NULL and errno: there are no descriptors. */
static NsLoop *
TakeLoop(void)
{
    Kept *kept = KeptOfThread();

    if (kept->busy || kept->loop == NULL) {
        NsLoop *loop = NsLoopCreate("http");

        if (kept->busy || loop == NULL) {
            return loop;
        }
        kept->loop = loop;
    }
    kept->busy = true;
    return kept->loop;
}

static void
GiveLoop(NsLoop *loop)
{
    Kept *kept = KeptOfThread();

    if (loop == kept->loop) {
        kept->busy = false;
    } else {
        NsLoopDestroy(loop);
    }
}

static void
RunDone(Ns_ReturnCode status, void *arg)
{
    Run *run = arg;

    run->status = status;
    NsLoopStop(run->loop);
}

Ns_ReturnCode
NsHttpRun(const NsHttpCall *call, NsHttpOutcome *outcome)
{
    Run run = {TakeLoop(), NS_ERROR};

    if (run.loop == NULL) {
        outcome->code = errno;
        Tcl_DStringAppend(&outcome->error, "cannot make an event loop for the request: ", -1);
        Tcl_DStringAppend(&outcome->error, strerror(outcome->code), -1);
    } else {
        (void)NsHttpStart(run.loop, call, outcome, RunDone, &run);
        NsLoopRun(run.loop);
        GiveLoop(run.loop);
    }
    return run.status;
}

void
NsHttpTlsConfigured(const NsServer *server, bool decided, Ns_TlsClientParams *params)
{
    Tcl_DString section;

    if (server == NULL) {
        return;
    }
    Tcl_DStringInit(&section);
    Tcl_DStringAppend(&section, server->section, -1);
    Tcl_DStringAppend(&section, "/httpclient", -1);
    if (params->caFile == NULL) {
        params->caFile = Ns_ConfigGetValue(Tcl_DStringValue(&section), "cafile");
    }
    if (params->caPath == NULL) {
        params->caPath = Ns_ConfigGetValue(Tcl_DStringValue(&section), "capath");
    }
    if (!decided) {
        params->insecure = !Ns_ConfigBool(Tcl_DStringValue(&section), "validatecertificates", true);
    }
    params->verifyDepth = Ns_ConfigIntRange(Tcl_DStringValue(&section), "validationdepth", 9, 1, 100);
    Tcl_DStringFree(&section);
}
