/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Command mode.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "process/command.h"
#include "conf/info.h"

static _Atomic(Tcl_Interp *) running;
static Tcl_ThreadId          thread;            /* that runs it; set before `running` */

static void
SetArguments(Tcl_Interp *interp, int argc, char **argv)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    int      i;

    for (i = 1; i < argc; i++) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(argv[i], -1));
    }
    Tcl_SetVar2Ex(interp, "argv0", NULL, Tcl_NewStringObj(argc > 0 ? argv[0] : NsInfoArgv0(), -1), TCL_GLOBAL_ONLY);
    Tcl_SetVar2Ex(interp, "argc", NULL, Tcl_NewIntObj(argc > 0 ? argc - 1 : 0), TCL_GLOBAL_ONLY);
    Tcl_SetVar2Ex(interp, "argv", NULL, list, TCL_GLOBAL_ONLY);
}

static void
PrintError(Tcl_Interp *interp)
{
    const char *info = Tcl_GetVar(interp, "errorInfo", TCL_GLOBAL_ONLY);
    Tcl_Channel chan = Tcl_GetStdChannel(TCL_STDOUT);

    if (chan != NULL) {
        (void)Tcl_Flush(chan);
    }
    fprintf(stderr, "%s\n", info != NULL && *info != '\0' ? info : Tcl_GetStringResult(interp));
}

static int
RunScript(Tcl_Interp *interp, char **argv)
{
    Tcl_Obj *path = Tcl_NewStringObj(argv[0], -1);
    int      code = 0;

    Tcl_IncrRefCount(path);
    if (Tcl_FSEvalFileEx(interp, path, "utf-8") == TCL_ERROR && !Ns_InfoShutdownPending()) {
        PrintError(interp);
        code = 1;
    }
    Tcl_DecrRefCount(path);
    return code;
}

/* Evaluate complete commands as they come, showing prompts and results when a person types them. */
static int
RunShell(Tcl_Interp *interp)
{
    Tcl_Channel in = Tcl_GetStdChannel(TCL_STDIN);
    Tcl_Obj    *command = Tcl_NewObj();
    bool        tty = isatty(STDIN_FILENO) != 0;
    int         code = 0;

    Tcl_SetVar2Ex(interp, "tcl_interactive", NULL, Tcl_NewIntObj(tty), TCL_GLOBAL_ONLY);
    Tcl_IncrRefCount(command);
    while (in != NULL && !Ns_InfoShutdownPending()) {
        Tcl_Obj *result;

        if (tty) {
            fputs(Tcl_GetCharLength(command) == 0 ? "nsd> " : "  ", stdout);
            fflush(stdout);
        }
        if (Tcl_GetsObj(in, command) < 0) {
            break;
        }
        Tcl_AppendToObj(command, "\n", 1);
        if (!Tcl_CommandComplete(Tcl_GetString(command))) {
            continue;
        }
        code = Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL) == TCL_OK ? 0 : 1;
        result = Tcl_GetObjResult(interp);
        if (code != 0) {
            PrintError(interp);
        } else if (tty && Tcl_GetCharLength(result) > 0) {
            printf("%s\n", Tcl_GetString(result));
        }
        Tcl_DecrRefCount(command);
        command = Tcl_NewObj();
        Tcl_IncrRefCount(command);
    }
    Tcl_DecrRefCount(command);
    return tty ? 0 : code;
}

void
NsCommandCancel(void)
{
    Tcl_Interp *interp = atomic_load(&running);

    /* The main thread keeps the interpreter until the process ends. */
    if (interp != NULL) {
        (void)Tcl_CancelEval(interp, NULL, NULL, TCL_CANCEL_UNWIND);
        Tcl_ThreadAlert(thread);
    }
}

/* In the main thread, when the script waits for events (vwait, update). */
static int
EndWait(Tcl_Event *event, int flags)
{
    NsCommandCancel();
    return 1;
}

void
NsCommandEndWait(void)
{
    if (atomic_load(&running) != NULL) {
        Tcl_Event *event = (Tcl_Event *)ckalloc(sizeof *event);

        event->proc = EndWait;
        Tcl_ThreadQueueEvent(thread, event, TCL_QUEUE_HEAD);
        Tcl_ThreadAlert(thread);
    }
}

int
NsCommandRun(Tcl_Interp *interp, int argc, char **argv)
{
    int code;

    thread = Tcl_GetCurrentThread();
    atomic_store(&running, interp);
    if (Ns_InfoShutdownPending()) {
        NsCommandEndWait();                    /* a library file wants it */
    }
    SetArguments(interp, argc, argv);
    Tcl_SetVar2Ex(interp, "tcl_interactive", NULL, Tcl_NewIntObj(0), TCL_GLOBAL_ONLY);
    code = argc > 0 ? RunScript(interp, argv) : RunShell(interp);
    atomic_store(&running, NULL);
    return code;
}

void
NsCommandFlush(void)
{
    Tcl_Interp *interp = atomic_load(&running);
    Tcl_Obj    *names, **elements;
    int         count = 0, i;

    if (interp == NULL || Tcl_GetChannelNames(interp) != TCL_OK) {
        return;
    }
    names = Tcl_GetObjResult(interp);
    Tcl_IncrRefCount(names);
    (void)Tcl_ListObjGetElements(NULL, names, &count, &elements);
    for (i = 0; i < count; i++) {
        int         mode = 0;
        Tcl_Channel chan = Tcl_GetChannel(interp, Tcl_GetString(elements[i]), &mode);

        if (chan != NULL && (mode & TCL_WRITABLE) != 0) {
            (void)Tcl_Flush(chan);
        }
    }
    Tcl_DecrRefCount(names);
}
