/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Command mode.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "info.h"
#include "interp.h"

static _Atomic(Tcl_Interp *) running;

static void
SetArguments(Tcl_Interp *interp, int argc, char **argv)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    int      i;

    for (i = 1; i < argc; i++) {
        Tcl_DString ds;

        (void)Tcl_ExternalToUtfDString(NULL, argv[i], -1, &ds);
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Tcl_DStringValue(&ds), Tcl_DStringLength(&ds)));
        Tcl_DStringFree(&ds);
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

int
NsCommandRun(int argc, char **argv)
{
    Tcl_Interp *interp = NsInterpTake(NsServerDefault());
    int         code;

    atomic_store(&running, interp);
    SetArguments(interp, argc, argv);
    Tcl_SetVar2Ex(interp, "tcl_interactive", NULL, Tcl_NewIntObj(0), TCL_GLOBAL_ONLY);
    code = argc > 0 ? RunScript(interp, argv) : RunShell(interp);
    atomic_store(&running, NULL);
    /* Cancelled, it would give up whatever it is used for next. */
    NsGetInterpData(interp)->deleteWhenGiven = true;
    NsInterpGive(interp);
    return code;
}

void
NsCommandCancel(void)
{
    Tcl_Interp *interp = atomic_load(&running);

    /* The main thread keeps the interpreter until the process ends. */
    if (interp != NULL) {
        (void)Tcl_CancelEval(interp, NULL, NULL, TCL_CANCEL_UNWIND);
    }
}
