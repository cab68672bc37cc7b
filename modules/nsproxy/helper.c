/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nsproxy-helper: a worker of the module nsproxy, a plain Tcl interpreter that evaluates what comes over a connection.
 *
 *     nsproxy-helper FD MAXMESSAGE NAME
 *
 * It ends when the server closes the connection, also in the middle of a script: a thread sees that, gives the script
 * a moment, and then ends the group of processes that this is the first of.  Between scripts Tcl's event loop runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "wire.h"

#define MOMENT 2                               /* seconds for a script whose server is gone, and again after SIGTERM */

static bool  arrived;                          /* a script, or the end of the connection */
static int   serverFd;
static pid_t self;

static void *
Watch(void *arg)
{
    struct pollfd pfd = {.fd = serverFd};      /* POLLHUP alone */

    while (poll(&pfd, 1, -1) < 0 && errno == EINTR) {
        continue;
    }
    sleep(MOMENT);
    (void)kill(getpgrp() == self ? 0 : self, SIGTERM);
    sleep(MOMENT);
    (void)kill(getpgrp() == self ? 0 : self, SIGKILL);
    return NULL;
}

static bool
StartWatch(void)
{
    pthread_attr_t attr;
    pthread_t      thread;
    sigset_t       all, before;
    bool           good;

    sigfillset(&all);
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    good = pthread_create(&thread, &attr, Watch, NULL) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return good;
}

/* Once: a script that runs the event loop itself is not called for what this loop will read. */
static void
Arrived(ClientData clientData, int mask)
{
    arrived = true;
    Tcl_DeleteFileHandler(serverFd);
}

static void
WaitForScript(void)
{
    arrived = false;
    Tcl_CreateFileHandler(serverFd, TCL_READABLE, Arrived, NULL);
    while (!arrived) {
        (void)Tcl_DoOneEvent(TCL_ALL_EVENTS);
    }
}

static void
AppendText(Tcl_DString *ds, Tcl_Obj *obj)
{
    int         len;
    const char *text = Tcl_GetStringFromObj(obj, &len);

    Ns_TextAppendOut(ds, text, (size_t)len);
}

/* What a dict has under that key, or nothing. */
static void
AppendOption(Tcl_DString *ds, Tcl_Obj *options, const char *name)
{
    Tcl_Obj *key = Tcl_NewStringObj(name, -1), *value = NULL;

    if (Tcl_DictObjGet(NULL, options, key, &value) == TCL_OK && value != NULL) {
        AppendText(ds, value);
    }
    Tcl_DecrRefCount(key);
}

/* The frame to be sent for the end of a script. */
static void
MakeReply(Tcl_Interp *interp, int code, uint32_t number, size_t max, Tcl_DString *frame)
{
    Tcl_DString result, errorCode, errorInfo;
    Tcl_Obj    *options = Tcl_GetReturnOptions(interp, code);
    ProxyReply  reply;
    char        message[120];

    Tcl_IncrRefCount(options);
    Tcl_DStringInit(&result);
    Tcl_DStringInit(&errorCode);
    Tcl_DStringInit(&errorInfo);
    AppendText(&result, Tcl_GetObjResult(interp));
    if (code == TCL_ERROR) {
        AppendOption(&errorCode, options, "-errorcode");
        AppendOption(&errorInfo, options, "-errorinfo");
    }
    reply = (ProxyReply){
        .code = code, .result = Tcl_DStringValue(&result), .errorCode = Tcl_DStringValue(&errorCode),
        .errorInfo = Tcl_DStringValue(&errorInfo), .resultLen = (size_t)Tcl_DStringLength(&result),
        .errorCodeLen = (size_t)Tcl_DStringLength(&errorCode), .errorInfoLen = (size_t)Tcl_DStringLength(&errorInfo)
    };
    if (ProxyReplyLength(&reply) > max) {
        static const char words[] = "NSPROXY ESize {larger than maxmessage}";

        snprintf(message, sizeof(message), "the result has %zu bytes, more than maxmessage (%zu)",
                 ProxyReplyLength(&reply), max);
        reply = (ProxyReply){
            .code = TCL_ERROR, .result = message, .errorCode = words, .errorInfo = message,
            .resultLen = strlen(message), .errorCodeLen = sizeof(words) - 1, .errorInfoLen = strlen(message)
        };
    }
    Tcl_DStringSetLength(frame, 0);
    ProxyReplyAppend(frame, number, &reply);
    Tcl_DStringFree(&result);
    Tcl_DStringFree(&errorCode);
    Tcl_DStringFree(&errorInfo);
    Tcl_DecrRefCount(options);
}

/* One script; false: the connection is closed. */
static bool
Serve(Tcl_Interp *interp, size_t max)
{
    Tcl_DString bytes, text;
    Tcl_Obj    *script;
    ProxyWire   wire;
    uint32_t    number;
    int         code;

    WaitForScript();
    Tcl_DStringInit(&bytes);
    Tcl_DStringInit(&text);
    wire = ProxyWireReceive(serverFd, &number, &bytes, max, WIRE_FOREVER);
    if (wire == WIRE_OK) {
        Ns_TextAppendIn(&text, Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes));
        script = Tcl_NewStringObj(Tcl_DStringValue(&text), Tcl_DStringLength(&text));
        Tcl_IncrRefCount(script);
        Tcl_DStringFree(&text);
        code = Tcl_EvalObjEx(interp, script, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT);
        Tcl_DecrRefCount(script);
        MakeReply(interp, code, number, max, &bytes);
        Tcl_ResetResult(interp);
        wire = ProxyWireSendAll(serverFd, Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes), WIRE_FOREVER);
    }
    Tcl_DStringFree(&bytes);
    return wire == WIRE_OK;
}

static Tcl_Interp *
MakeInterp(const char *name)
{
    Tcl_Interp *interp = Tcl_CreateInterp();

    if (Tcl_Init(interp) != TCL_OK) {
        fprintf(stderr, "nsproxy-helper: %s: Tcl: %s\n", name, Tcl_GetStringResult(interp));
        exit(2);
    }
    (void)Tcl_SetVar(interp, "argv0", "nsproxy-helper", TCL_GLOBAL_ONLY);
    (void)Tcl_SetVar(interp, "argv", "", TCL_GLOBAL_ONLY);
    (void)Tcl_SetVar(interp, "argc", "0", TCL_GLOBAL_ONLY);
    (void)Tcl_SetVar(interp, "tcl_interactive", "0", TCL_GLOBAL_ONLY);
    return interp;
}

int
main(int argc, char **argv)
{
    Tcl_Interp *interp;
    long        max = argc == 4 ? strtol(argv[2], NULL, 10) : 0;

    serverFd = argc == 4 ? (int)strtol(argv[1], NULL, 10) : -1;
    if (max <= 0 || max > PROXY_MAX_MESSAGE || fcntl(serverFd, F_SETFD, FD_CLOEXEC) != 0) {
        fprintf(stderr, "nsproxy-helper: started by the module nsproxy of nsd: nsproxy-helper FD MAXMESSAGE NAME\n");
        return 2;
    }
    self = getpid();
    Tcl_FindExecutable(argv[0]);
    (void)Tcl_SetSystemEncoding(NULL, "utf-8");        /* as in the server */
    interp = MakeInterp(argv[3]);
    if (!StartWatch()) {
        fprintf(stderr, "nsproxy-helper: %s: no thread\n", argv[3]);
        return 2;
    }
    while (Serve(interp, (size_t)max)) {
        continue;
    }
    Tcl_Exit(0);
    return 0;
}
