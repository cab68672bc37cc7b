/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Reading the configuration.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "conf/config.h"
#include "conf/info.h"
#include "conf/options.h"
#include "interp/commands.h"
#include "interp/interp.h"
#include "interp/readconfig.h"
#include "process/process.h"

static char *current;                          /* section of ns_param, or NULL */
static bool  updating;                         /* ns_section -update: ns_param replaces a value that is there */

static void
PutAll(const char *section, const Ns_Set *set, bool update)
{
    size_t i;

    for (i = 0; i < Ns_SetSize(set); i++) {
        NsConfigPut(section, Ns_SetKey(set, i), Ns_SetValue(set, i), update);
    }
}

/* Declare a section, with what -from and -set name; false: there is no such thing. */
static bool
Declare(Tcl_Interp *interp, const char *section, const char *from, const Ns_Set *set, bool update)
{
    const Ns_Set *base = NULL;

    if (from != NULL) {
        base = Ns_ConfigGetSection2(from, false);
        if (base == NULL) {
            Ns_TclPrintfResult(interp, "invalid value for -from parameter: must be an existing section");
            return false;
        }
    }
    NsConfigDeclare(section);
    if (base != NULL) {
        Ns_Set *copy = Ns_SetCopy(base);       /* it may be the section itself */

        PutAll(section, copy, update);
        Ns_SetFree(copy);
    }
    if (set != NULL) {
        PutAll(section, set, update);
    }
    return true;
}

/* ns_section ?-update? ?-from section? ?-set setId? ?--? name ?block? */
static int
SectionObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         update = 0, result = TCL_OK;
    char       *from = NULL, *name = NULL, *before = current;
    Ns_Set     *set = NULL;
    bool        updatingBefore = updating;
    Tcl_Obj    *block = NULL;
    Ns_ObjvSpec opts[] = {
        {"-update", Ns_ObjvBool,   &update, (void *)1},
        {"-from",   Ns_ObjvString, &from,   NULL},
        {"-set",    Ns_ObjvSet,    &set,    NULL},
        {"--",      Ns_ObjvBreak,  NULL,    NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"sectionname", Ns_ObjvString, &name,  NULL},
        {"?block",      Ns_ObjvObj,    &block, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK
        || !Declare(interp, name, from, set, update != 0)) {
        return TCL_ERROR;
    }
    current = ns_strdup(name);
    updating = update != 0;
    if (block != NULL) {
        result = Tcl_EvalObjEx(interp, block, 0);
        if (result == TCL_ERROR) {
            Tcl_AppendObjToErrorInfo(interp, Tcl_ObjPrintf("\n    (ns_section %s, line %d of its body)", current,
                                                           Tcl_GetErrorLine(interp)));
        }
        ns_free(current);
        current = before;
        updating = updatingBefore;
    } else {
        ns_free(before);
    }
    return result;
}

/* ns_param key value */
static int
ParamObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (objc != 3) {
        Tcl_WrongNumArgs(interp, 1, objv, "/name/ /value/");
        return TCL_ERROR;
    }
    if (current == NULL) {
        Tcl_SetObjResult(interp, Tcl_ObjPrintf("ns_param %s: not within an ns_section command", Tcl_GetString(objv[1])));
        return TCL_ERROR;
    }
    NsConfigPut(current, Tcl_GetString(objv[1]), Tcl_GetString(objv[2]), updating);
    return TCL_OK;
}

/* Why the script could not be run, to stderr: the log is not open yet, and a person is watching. */
static void
ConfigFailed(Tcl_Interp *interp, const char *file) __attribute__((noreturn));
static void
ConfigFailed(Tcl_Interp *interp, const char *file)
{
    /* Reading errorInfo runs a trace of Tcl's, which replaces the result. */
    const char *message = ns_strdup(Tcl_GetStringResult(interp));
    const char *info = Tcl_GetVar(interp, "errorInfo", TCL_GLOBAL_ONLY);

    fprintf(stderr, "nsd: %s, line %d: %s\n", file, Tcl_GetErrorLine(interp), message);
    if (info != NULL && strcmp(info, message) != 0) {
        fprintf(stderr, "%s\n", info);
    }
    NsProcessGiveUp(NS_EXIT_CONFIG);
}

static Tcl_Interp *
NewConfigInterp(int argc, char *const *argv, int optind)
{
    Tcl_Interp *interp = NsInterpCreatePlain();
    Tcl_Obj    *args = Tcl_NewListObj(0, NULL);
    int         i;

    NsCommandsCreate(interp, NsGetInterpData(interp), false, true);
    Tcl_CreateObjCommand(interp, "ns_section", SectionObjCmd, NULL, NULL);
    Tcl_CreateObjCommand(interp, "ns_param", ParamObjCmd, NULL, NULL);
    for (i = 0; i < argc; i++) {
        Tcl_ListObjAppendElement(NULL, args, Tcl_NewStringObj(argv[i], -1));
    }
    Tcl_SetVar2Ex(interp, "argv", NULL, args, TCL_GLOBAL_ONLY);
    Tcl_SetVar2Ex(interp, "argc", NULL, Tcl_NewIntObj(argc), TCL_GLOBAL_ONLY);
    Tcl_SetVar2Ex(interp, "optind", NULL, Tcl_NewIntObj(optind), TCL_GLOBAL_ONLY);
    return interp;
}

static void CannotRead(const char *file) __attribute__((noreturn));
static void
CannotRead(const char *file)
{
    fprintf(stderr, "nsd: could not read the configuration %s: %s\n", file, strerror(errno));
    NsProcessGiveUp(NS_EXIT_CONFIG);
}

static void
EvalFile(Tcl_Interp *interp, const char *file)
{
    Tcl_DString ds, text;
    char        buffer[8192];
    size_t      n;
    FILE       *stream = NsFileFopen(file, "r");
    int         result;

    if (stream == NULL) {
        CannotRead(file);
    }
    Tcl_DStringInit(&ds);
    while ((n = fread(buffer, 1, sizeof buffer, stream)) > 0) {
        Tcl_DStringAppend(&ds, buffer, (int)n);
    }
    if (ferror(stream) != 0) {
        CannotRead(file);
    }
    fclose(stream);
    Tcl_DStringInit(&text);
    NsTextAppendIn(&text, Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds));
    result = Tcl_EvalEx(interp, Tcl_DStringValue(&text), -1, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT);
    if (result != TCL_OK && result != TCL_RETURN) {
        ConfigFailed(interp, file);
    }
    ns_free(current);                          /* a section does not go on in another file */
    current = NULL;
    updating = false;
    Tcl_DStringFree(&text);
    Tcl_DStringFree(&ds);
}

static int
IsFragment(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 4, ".tcl") == 0;
}

/* The *.tcl of a folder, by their names: one configuration. */
static void
EvalFolder(Tcl_Interp *interp, const char *folder)
{
    struct dirent **entries;
    int             i, n = scandir(folder, &entries, IsFragment, alphasort);

    if (n < 0) {
        CannotRead(folder);
    }
    if (n == 0) {
        fprintf(stderr, "nsd: the folder %s has no file *.tcl, to be read as configuration\n", folder);
        NsProcessGiveUp(NS_EXIT_CONFIG);
    }
    for (i = 0; i < n; i++) {
        char *file = NsInfoPath(folder, entries[i]->d_name);

        EvalFile(interp, file);
        ns_free(file);
        free(entries[i]);
    }
    free(entries);
}

void
NsConfigEvalFile(const char *file, int argc, char *const *argv, int optind)
{
    struct stat info;
    Tcl_Interp *interp = NewConfigInterp(argc, argv, optind);

    if (NsFileStat(file, &info) == 0 && S_ISDIR(info.st_mode)) {
        EvalFolder(interp, file);
    } else {
        EvalFile(interp, file);
    }
    Tcl_DeleteInterp(interp);
}
