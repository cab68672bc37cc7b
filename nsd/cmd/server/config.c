/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Commands that read the configuration and the environment: ns_config, ns_configsection, ns_configsections, ns_env.
 */
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/text.h"
#include "cmd/cmds.h"
#include "conf/config.h"
#include "interp/interp.h"

extern char **environ;

/* --------------------------------------------------------------------------------------------------------- ns_config */

static int
CheckInt(Tcl_Interp *interp, Tcl_Obj *obj, Tcl_WideInt min, Tcl_WideInt max)
{
    Tcl_WideInt number;

    if (Tcl_GetWideIntFromObj(NULL, obj, &number) != TCL_OK) {
        Ns_TclPrintfResult(interp, "expected integer but got \"%s\"", Tcl_GetString(obj));
        return TCL_ERROR;
    }
    if (number < min || number > max) {
        Ns_TclPrintfResult(interp, "value '%s' out of range", Tcl_GetString(obj));
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, obj);
    return TCL_OK;
}

/* A value that is no boolean gives way to the default, if there is one. */
static int
CheckBool(Tcl_Interp *interp, Tcl_Obj *value, Tcl_Obj *def)
{
    bool flag;

    if (value == NULL) {
        if (!NsConfigParseBool(Tcl_GetString(def), &flag)) {
            Ns_TclPrintfResult(interp, "expected boolean value but got \"%s\"", Tcl_GetString(def));
            return TCL_ERROR;
        }
        Tcl_SetObjResult(interp, def);
        return TCL_OK;
    }
    if (!NsConfigParseBool(Tcl_GetString(value), &flag) && (def == NULL || !NsConfigParseBool(Tcl_GetString(def), &flag))) {
        Ns_TclPrintfResult(interp, "expected boolean value but got \"%s\"", Tcl_GetString(value));
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(flag));
    return TCL_OK;
}

static int
AllValues(Tcl_Interp *interp, const char *section, const char *key, Tcl_Obj *def)
{
    const Ns_Set *set = Ns_ConfigGetSection2(section, false);
    Tcl_Obj      *list = Tcl_NewListObj(0, NULL);
    int           n = 0;
    size_t        i;

    NsConfigNoteDefault(section, key, NULL);
    for (i = 0; set != NULL && i < Ns_SetSize(set); i++) {
        if (strcasecmp(Ns_SetKey(set, i), key) == 0) {
            (void)Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Ns_SetValue(set, i), -1));
        }
    }
    (void)Tcl_ListObjLength(NULL, list, &n);
    if (n == 0 && def != NULL) {
        Tcl_DecrRefCount(list);
        list = def;
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/*
 * ns_config ?-all? ?-bool? ?-int? ?-min n? ?-max n? ?-exact? ?-set? ?--? section key ?default?
 *
 * Keys are kept in lower case, so -exact makes no difference.  -set notes the default as the value in effect.
 */
static int
ConfigObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         all = 0, isBool = 0, isInt = 0, exact = 0, set = 0;
    Tcl_WideInt min = INT64_MIN, max = INT64_MAX;
    char       *section = NULL, *key = NULL;
    Tcl_Obj    *def = NULL;
    Tcl_Obj    *value;
    int         result = TCL_OK;
    Ns_ObjvSpec opts[] = {
        {"-all",   Ns_ObjvBool,    &all,    (void *)1},
        {"-bool",  Ns_ObjvBool,    &isBool, (void *)1},
        {"-int",   Ns_ObjvBool,    &isInt,  (void *)1},
        {"-min",   Ns_ObjvWideInt, &min,    NULL},
        {"-max",   Ns_ObjvWideInt, &max,    NULL},
        {"-exact", Ns_ObjvBool,    &exact,  (void *)1},
        {"-set",   Ns_ObjvBool,    &set,    (void *)1},
        {"--",     Ns_ObjvBreak,   NULL,    NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"section",  Ns_ObjvString, &section, NULL},
        {"key",      Ns_ObjvString, &key,     NULL},
        {"?default", Ns_ObjvObj,    &def,     NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (all) {
        return AllValues(interp, section, key, def);
    }
    value = NsConfigEffective(section, key);
    if (value == NULL && def != NULL && set) {
        NsConfigNoteDefault(section, key, Tcl_GetString(def));
    }
    if (value != NULL) {
        Tcl_IncrRefCount(value);
    }
    if (value == NULL && def == NULL) {
        result = TCL_OK;
    } else if (isBool) {
        result = CheckBool(interp, value, def);
    } else if (isInt || min != INT64_MIN || max != INT64_MAX) {
        result = CheckInt(interp, value != NULL ? value : def, min, max);
    } else {
        Tcl_SetObjResult(interp, value != NULL ? value : def);
    }
    if (value != NULL) {
        Tcl_DecrRefCount(value);
    }
    return result;
}

/* ns_configsection ?-filter unread|defaulted|defaults? ?--? section: a set of the caller's own */
static int
ConfigSectionObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable filters[] = {
        {"unread", NS_CONFIG_UNREAD}, {"defaulted", NS_CONFIG_DEFAULTED}, {"defaults", NS_CONFIG_DEFAULTS}, {NULL, 0}
    };
    int         filter = NS_CONFIG_ALL;
    char       *section = NULL;
    Ns_Set     *set;
    Ns_ObjvSpec opts[] = {
        {"-filter", Ns_ObjvIndex, &filter, (void *)filters},
        {"--",      Ns_ObjvBreak, NULL,    NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"section", Ns_ObjvString, &section, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    set = NsConfigCopySection(section, (NsConfigFilter)filter);
    return set != NULL ? Ns_TclEnterSet(interp, set, NS_TCL_SET_DYNAMIC) : TCL_OK;
}

/* ns_configsections: sets for all */
static int
ConfigSectionsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set **sets;
    Tcl_Obj *list;
    size_t   i;

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    sets = Ns_ConfigGetSections();
    list = Tcl_NewListObj(0, NULL);
    for (i = 0; sets[i] != NULL; i++) {
        Ns_Set *copy = NsConfigCopySection(Ns_SetName(sets[i]), NS_CONFIG_ALL);

        if (copy != NULL && Ns_TclEnterSet(interp, copy, NS_TCL_SET_DYNAMIC) == TCL_OK) {
            (void)Tcl_ListObjAppendElement(NULL, list, Tcl_GetObjResult(interp));
        }
    }
    ns_free(sets);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* ------------------------------------------------------------------------------------------------------------ ns_env */

/* With the lock: the variable's bytes; a name that cannot be one has none. */
static const char *
GetEnv(const char *name)
{
    Tcl_DString ds;
    const char *bytes, *value;

    Tcl_DStringInit(&ds);
    bytes = NsTextOutString(&ds, name);
    value = bytes != NULL ? getenv(bytes) : NULL;
    Tcl_DStringFree(&ds);
    return value;
}

/* With the lock; value NULL: unset.  As setenv; text with a NUL is EINVAL. */
static int
SetEnv(const char *name, const char *value)
{
    Tcl_DString nameDs, valueDs;
    const char *nameBytes, *valueBytes = NULL;
    int         result = -1;

    Tcl_DStringInit(&nameDs);
    Tcl_DStringInit(&valueDs);
    nameBytes = NsTextOutString(&nameDs, name);
    if (nameBytes != NULL && value == NULL) {
        result = unsetenv(nameBytes);
    } else if (nameBytes != NULL && (valueBytes = NsTextOutString(&valueDs, value)) != NULL) {
        result = setenv(nameBytes, valueBytes, 1);
    }
    Tcl_DStringFree(&valueDs);
    Tcl_DStringFree(&nameDs);
    return result;
}

static int
EnvExistsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name = NULL;
    Ns_ObjvSpec args[] = {{"name", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_MutexLock(&nsEnvLock);
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(GetEnv(name) != NULL));
    Ns_MutexUnlock(&nsEnvLock);
    return TCL_OK;
}

static int
EnvNamesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj *list;
    char   **entry;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    Ns_MutexLock(&nsEnvLock);
    for (entry = environ; entry != NULL && *entry != NULL; entry++) {
        const char *end = strchr(*entry, '=');

        (void)Tcl_ListObjAppendElement(NULL, list, NsTextObj(*entry, end != NULL ? end - *entry : -1));
    }
    Ns_MutexUnlock(&nsEnvLock);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static int
EnvGetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name = NULL;
    const char *value;
    int         noComplain = 0, result = TCL_OK;
    Ns_ObjvSpec opts[] = {
        {"-nocomplain", Ns_ObjvBool,  &noComplain, (void *)1},
        {"--",          Ns_ObjvBreak, NULL,        NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"name", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_MutexLock(&nsEnvLock);
    value = GetEnv(name);
    if (value != NULL) {
        Tcl_SetObjResult(interp, NsTextObj(value, -1));
    } else if (!noComplain) {
        Ns_TclPrintfResult(interp, "no such environment variable: %s", name);
        result = TCL_ERROR;
    }
    Ns_MutexUnlock(&nsEnvLock);
    return result;
}

static int
EnvSetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name = NULL, *value = NULL;
    int         result = TCL_OK;
    Ns_ObjvSpec args[] = {
        {"name",  Ns_ObjvString, &name,  NULL},
        {"value", Ns_ObjvString, &value, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_MutexLock(&nsEnvLock);
    if (SetEnv(name, value) != 0) {
        Ns_TclPrintfResult(interp, "could not set environment variable \"%s\": %s", name, Tcl_PosixError(interp));
        result = TCL_ERROR;
    }
    Ns_MutexUnlock(&nsEnvLock);
    return result;
}

static int
EnvUnsetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name = NULL;
    int         noComplain = 0, result = TCL_OK;
    Ns_ObjvSpec opts[] = {
        {"-nocomplain", Ns_ObjvBool,  &noComplain, (void *)1},
        {"--",          Ns_ObjvBreak, NULL,        NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"name", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_MutexLock(&nsEnvLock);
    if (GetEnv(name) == NULL && !noComplain) {
        Ns_TclPrintfResult(interp, "no such environment variable: %s", name);
        result = TCL_ERROR;
    } else if (SetEnv(name, NULL) != 0) {
        Ns_TclPrintfResult(interp, "could not unset environment variable \"%s\": %s", name, Tcl_PosixError(interp));
        result = TCL_ERROR;
    }
    Ns_MutexUnlock(&nsEnvLock);
    return result;
}

static int
EnvObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const struct { const char *name; Tcl_ObjCmdProc *proc; } subcmds[] = {
        {"exists", EnvExistsObjCmd}, {"names", EnvNamesObjCmd}, {"get", EnvGetObjCmd}, {"set", EnvSetObjCmd},
        {"unset", EnvUnsetObjCmd}, {NULL, NULL}
    };
    int index;

    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "/subcommand/ ?/arg .../?");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], subcmds, sizeof subcmds[0], "subcommand", 0, &index) != TCL_OK) {
        return TCL_ERROR;
    }
    return subcmds[index].proc(clientData, interp, objc, objv);
}

/*
 * ns_configure_variables prefix defaults: a variable in the caller's scope for each name of a dictionary.  Its value is that of the
 * environment variable PREFIXname; else it stays what it is; else it is the default.
 */
static int
ConfigureVariablesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char          *prefix = NULL;
    Tcl_Obj       *defaults = NULL, *key, *value;
    Tcl_DictSearch search;
    int            done;
    Ns_ObjvSpec    args[] = {
        {"prefix",   Ns_ObjvString, &prefix,   NULL},
        {"defaults", Ns_ObjvObj,    &defaults, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK
        || Tcl_DictObjFirst(interp, defaults, &search, &key, &value, &done) != TCL_OK) {
        return TCL_ERROR;
    }
    for (; !done; Tcl_DictObjNext(&search, &key, &value, &done)) {
        Tcl_DString name;
        const char *env;

        Tcl_DStringInit(&name);
        Tcl_DStringAppend(&name, prefix, -1);
        Tcl_DStringAppend(&name, Tcl_GetString(key), -1);
        Ns_MutexLock(&nsEnvLock);
        env = GetEnv(Tcl_DStringValue(&name));
        if (env != NULL) {
            value = NsTextObj(env, -1);
        }
        Ns_MutexUnlock(&nsEnvLock);
        Tcl_DStringFree(&name);
        if ((env != NULL || Tcl_ObjGetVar2(interp, key, NULL, 0) == NULL)
            && Tcl_ObjSetVar2(interp, key, NULL, value, TCL_LEAVE_ERR_MSG) == NULL) {
            Tcl_DictObjDone(&search);
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

const NsCmd nsConfigCmds[] = {
    {"ns_config",         ConfigObjCmd,         NS_CMD_CONFIG},
    {"ns_configsection",  ConfigSectionObjCmd,  NS_CMD_CONFIG},
    {"ns_configsections", ConfigSectionsObjCmd, NS_CMD_CONFIG},
    {"ns_configure_variables", ConfigureVariablesObjCmd, NS_CMD_CONFIG},
    {"ns_env",            EnvObjCmd,            NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
