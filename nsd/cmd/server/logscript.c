/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Scripts that get all that is logged: script severity time message ?arg ...?
 *
 * Any thread logs, and on many of them no script may run: messages wait in a queue for a thread of their own.  What is
 * logged by that thread is not passed on, else a script that logs would never end; nor are messages that find the queue
 * full: their number is logged.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "cmd/server/logscript.h"
#include "interp/interp.h"

#define MAX_QUEUED 1000

typedef struct Script {
    struct Script *next;
    unsigned       id;
    NsServer      *server;
    char          *script;
    char          *args;                       /* a list, or "" */
} Script;

typedef struct Message {
    struct Message *next;
    unsigned        lastId;                    /* scripts registered after it do not get it */
    int             severity;
    Ns_Time         stamp;
    char            text[];
} Message;

static Ns_Mutex  lock;                         /* for all below */
static Ns_Cond   cond;
static Script   *scripts;                      /* as they were registered */
static unsigned  lastId;
static Message  *first, **end = &first;
static int       queued;
static uint64_t  dropped;
static bool      running;

static __thread bool isLogThread;

/* Of the log, in the thread that logs. */
static void
Enqueue(int severity, const Ns_Time *stamp, const char *text, size_t len)
{
    Message *message;

    if (severity == Fatal || isLogThread) {
        return;
    }
    message = ns_malloc(sizeof(*message) + len + 1);
    message->next = NULL;
    message->severity = severity;
    message->stamp = *stamp;
    memcpy(message->text, text, len);
    message->text[len] = '\0';
    Ns_MutexLock(&lock);
    if (scripts != NULL && queued < MAX_QUEUED) {
        message->lastId = lastId;
        *end = message;
        end = &message->next;
        queued++;
        message = NULL;
        Ns_CondSignal(&cond);
    } else if (scripts != NULL) {
        dropped++;
    }
    Ns_MutexUnlock(&lock);
    ns_free(message);
}

static void
AppendCall(Tcl_DString *ds, const Script *script, const Message *message)
{
    Tcl_Obj    *stamp = Ns_TclNewTimeObj(&message->stamp);
    const char *name = Ns_LogSeverityName(message->severity);

    Tcl_IncrRefCount(stamp);
    /* The script may be several words. */
    Tcl_DStringAppend(ds, script->script, -1);
    Tcl_DStringAppendElement(ds, name == NULL ? "" : name);
    Tcl_DStringAppendElement(ds, Tcl_GetString(stamp));
    Tcl_DStringAppendElement(ds, message->text);
    if (script->args[0] != '\0') {
        Tcl_DStringAppend(ds, " ", 1);
        Tcl_DStringAppend(ds, script->args, -1);
    }
    Tcl_DecrRefCount(stamp);
}

/* Call all scripts that were there when it was logged; one that goes meanwhile is called or not. */
static void
PassOn(const Message *message)
{
    unsigned lastCalled = 0;
    bool     more = true;

    while (more) {
        Tcl_DString call;
        NsServer   *server = NULL;

        Tcl_DStringInit(&call);
        more = false;
        Ns_MutexLock(&lock);
        for (const Script *script = scripts; script != NULL; script = script->next) {
            if (script->id > lastCalled && script->id <= message->lastId) {
                lastCalled = script->id;
                server = script->server;
                AppendCall(&call, script, message);
                more = true;
                break;
            }
        }
        Ns_MutexUnlock(&lock);
        if (more) {
            Tcl_Interp *interp = NsInterpTake(server);

            if (Tcl_EvalEx(interp, Tcl_DStringValue(&call), Tcl_DStringLength(&call), TCL_EVAL_GLOBAL) != TCL_OK) {
                (void)Ns_TclLogErrorInfo(interp, "\n    (script of ns_logctl register)");
            }
            NsInterpGive(interp);
        }
        Tcl_DStringFree(&call);
    }
}

static void
LogThread(void *arg)
{
    isLogThread = true;
    Ns_ThreadSetName("-logctl-");
    for (;;) {
        Message *message;
        uint64_t lost;

        Ns_MutexLock(&lock);
        while (first == NULL) {
            Ns_CondWait(&cond, &lock);
        }
        message = first;
        first = message->next;
        if (first == NULL) {
            end = &first;
        }
        queued--;
        lost = dropped;
        dropped = 0;
        Ns_MutexUnlock(&lock);
        if (lost > 0) {
            Ns_Log(Warning, "ns_logctl: %" PRIu64 " messages were not passed on: too many at once", lost);
        }
        PassOn(message);
        ns_free(message);
    }
}

int
NsTclLogRegisterObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;
    const char     *text;
    int             argc = 0;
    Script         *script, **place;
    unsigned        id;
    Tcl_Obj        *args;
    Ns_ObjvSpec     specs[] = {
        {"script", Ns_ObjvString, &text, NULL}, {"?arg", Ns_ObjvArgs, &argc, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, specs, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    args = Tcl_NewListObj(argc, objv + objc - argc);
    Tcl_IncrRefCount(args);
    script = ns_calloc(1, sizeof(*script));
    script->server = data->server;
    script->script = ns_strdup(text);
    script->args = ns_strdup(Tcl_GetString(args));
    Tcl_DecrRefCount(args);

    Ns_MutexLock(&lock);
    Ns_MutexSetName(&lock, "ns:logctl");
    id = script->id = ++lastId;
    for (place = &scripts; *place != NULL; place = &(*place)->next) {
        ;
    }
    *place = script;
    if (!running) {
        running = true;
        Ns_ThreadCreate(LogThread, NULL, 0, NULL);
    }
    NsLogSetHook(Enqueue);
    Ns_MutexUnlock(&lock);
    Ns_TclPrintfResult(interp, "logctl%u", id);
    return TCL_OK;
}

int
NsTclLogUnregisterObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char *handle;
    Script    **place, *script = NULL;
    Ns_ObjvSpec args[] = {{"handle", Ns_ObjvString, &handle, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_MutexLock(&lock);
    for (place = &scripts; *place != NULL; place = &(*place)->next) {
        char name[32];

        snprintf(name, sizeof(name), "logctl%u", (*place)->id);
        if (strcmp(name, handle) == 0) {
            script = *place;
            *place = script->next;
            break;
        }
    }
    if (scripts == NULL) {
        NsLogSetHook(NULL);
    }
    Ns_MutexUnlock(&lock);
    if (script == NULL) {
        Ns_TclPrintfResult(interp, "invalid address \"%s\"", handle);
        return TCL_ERROR;
    }
    ns_free(script->script);
    ns_free(script->args);
    ns_free(script);
    return TCL_OK;
}
